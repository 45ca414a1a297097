/*
 * virnetsaslcontext.c: SASL, the proof of who somebody is and perhaps an encryption
 *
 * The work is done by Cyrus SASL. Its mechanisms share what they keep between exchanges, guarded by
 * mutexes that an application has to lend. The daemon's process is ours, and it does so; in a
 * client the library may be in use by the application already, so that it is too late for that:
 * there, one exchange at a time calls the library.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetsaslcontext.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sasl/sasl.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netsaslcontext");

/* By which Kerberos and DIGEST-MD5 know what is served: libvirt's. */
#define VIR_NET_SASL_SERVICE "libvirt"
/* By which the library finds the server's settings: virtmon.conf. */
#define VIR_NET_SASL_APPLICATION "virtmon"
/* Where it looks for them, unless the environment says otherwise. */
#define VIR_NET_SASL_CONF_PATH SYSCONFDIR "/sasl2:/etc/sasl2:/usr/lib/sasl2"

/* No encryption is stronger than that. */
#define VIR_NET_SASL_SSF_MOST 65535

struct _virNetSASLContext {
    atomic_uint refs;
    virMutex lock;              /* guards the rest */
    char **allowedNames;        /* NULL: no list */
    unsigned int minSSF;
};

/* A client's answer, which the library may look at until the exchange is over. */
typedef struct {
    char *text;
    size_t len;
} virNetSASLAnswer;

struct _virNetSASLSession {
    virNetSASLContext *ctx;     /* the server's; NULL: a client's session */
    sasl_conn_t *conn;
    bool secure;
    unsigned int minSSF;        /* if not secure */
    char *mech;
    char *name;                 /* that was proven and may come */
    size_t encodeMax;           /* 0: no layer */

    /* the client's */
    sasl_callback_t *callbacks; /* ends with SASL_CB_LIST_END */
    GArray *answers;            /* virNetSASLAnswer */
    virNetSASLAskFunc ask;
    void *opaque;
};

/* ---- The library ---- */

static virMutex virNetSASLClientLock = VIR_MUTEX_INITIALIZER;

static void
virNetSASLLock(virNetSASLSession *session)
{
    if (!session->ctx)
        virMutexLock(&virNetSASLClientLock);
}

static void
virNetSASLUnlock(virNetSASLSession *session)
{
    if (!session->ctx)
        virMutexUnlock(&virNetSASLClientLock);
}

static int
virNetSASLLog(void *context G_GNUC_UNUSED, int level, const char *message)
{
    switch (level) {
    case SASL_LOG_ERR:
    case SASL_LOG_WARN:
        VIR_WARN("%s", message);
        break;
    case SASL_LOG_FAIL:
    case SASL_LOG_NOTE:
        VIR_INFO("%s", message);
        break;
    case SASL_LOG_DEBUG:
        VIR_DEBUG("%s", message);
        break;
    default:
        /* The inside of mechanisms, and passwords. */
        break;
    }
    return SASL_OK;
}

/* The library knows callbacks of many types by one. */
typedef int (*virNetSASLCallback)(void);

static const sasl_callback_t virNetSASLLogCallback = {
    SASL_CB_LOG, (virNetSASLCallback)(void *)virNetSASLLog, NULL
};

static void *
virNetSASLMutexNew(void)
{
    virMutex *mutex = g_new0(virMutex, 1);

    virMutexInit(mutex);
    return mutex;
}

static int
virNetSASLMutexLock(void *mutex)
{
    virMutexLock(mutex);
    return SASL_OK;
}

static int
virNetSASLMutexUnlock(void *mutex)
{
    virMutexUnlock(mutex);
    return SASL_OK;
}

static void
virNetSASLMutexFree(void *mutex)
{
    virMutexDestroy(mutex);
    g_free(mutex);
}

static int virNetSASLServerStatus;
static int virNetSASLClientStatus;

static void
virNetSASLServerInit(void)
{
    static sasl_callback_t callbacks[2];
    const char *env = getenv("SASL_CONF_PATH");

    callbacks[0] = virNetSASLLogCallback;
    callbacks[1].id = SASL_CB_LIST_END;
    if (!env || !*env)
        sasl_set_path(SASL_PATH_TYPE_CONFIG, (char *)VIR_NET_SASL_CONF_PATH);
    sasl_set_mutex(virNetSASLMutexNew, virNetSASLMutexLock, virNetSASLMutexUnlock,
                   virNetSASLMutexFree);
    virNetSASLServerStatus = sasl_server_init(callbacks, VIR_NET_SASL_APPLICATION);
}

static void
virNetSASLClientInit(void)
{
    static sasl_callback_t callbacks[2];

    callbacks[0] = virNetSASLLogCallback;
    callbacks[1].id = SASL_CB_LIST_END;
    virNetSASLClientStatus = sasl_client_init(callbacks);
}

static int
virNetSASLCheckInit(int status)
{
    if (status == SASL_OK)
        return 0;
    virReportError(VIR_ERR_AUTH_FAILED, _("cannot set up SASL: %1$s"),
                   sasl_errstring(status, NULL, NULL));
    return -1;
}

/* ---- Contexts ---- */

virNetSASLContext *
virNetSASLContextNewServer(const char *const *allowedNames, unsigned int minSSF)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    virNetSASLContext *ctx;

    pthread_once(&once, virNetSASLServerInit);
    if (virNetSASLCheckInit(virNetSASLServerStatus) < 0)
        return NULL;
    ctx = g_new0(virNetSASLContext, 1);
    ctx->refs = 1;
    virMutexInit(&ctx->lock);
    virNetSASLContextReload(ctx, allowedNames, minSSF);
    return ctx;
}

virNetSASLContext *
virNetSASLContextRef(virNetSASLContext *ctx)
{
    atomic_fetch_add(&ctx->refs, 1);
    return ctx;
}

void
virNetSASLContextUnref(virNetSASLContext *ctx)
{
    if (!ctx || atomic_fetch_sub(&ctx->refs, 1) != 1)
        return;
    virMutexDestroy(&ctx->lock);
    g_strfreev(ctx->allowedNames);
    g_free(ctx);
}

void
virNetSASLContextReload(virNetSASLContext *ctx, const char *const *allowedNames,
                        unsigned int minSSF)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&ctx->lock);

    g_strfreev(ctx->allowedNames);
    ctx->allowedNames = g_strdupv((char **)allowedNames);
    ctx->minSSF = MAX(minSSF, VIR_NET_SASL_SSF_MIN);
}

static bool
virNetSASLContextAllows(virNetSASLContext *ctx, const char *name)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&ctx->lock);
    char **glob;

    if (!ctx->allowedNames)
        return true;
    for (glob = ctx->allowedNames; *glob; glob++) {
        if (g_pattern_match_simple(*glob, name))
            return true;
    }
    return false;
}

/* ---- Sessions ---- */

/* Why the library has failed. A server's clients aren't told what its log is. (That there is no
 * such user shows all the same: SCRAM ends at its first step then.) */
static void
virNetSASLSessionReport(virNetSASLSession *session, int rc)
{
    if (!session->ctx) {
        virReportError(VIR_ERR_AUTH_FAILED, "%s",
                       session->conn ? sasl_errdetail(session->conn)
                                     : sasl_errstring(rc, NULL, NULL));
        return;
    }
    VIR_INFO("SASL: %s", session->conn ? sasl_errdetail(session->conn)
                                       : sasl_errstring(rc, NULL, NULL));
    virReportError(VIR_ERR_AUTH_FAILED, "%s", _("SASL does not let this client in"));
}

/* What both sides want of the exchange. */
static int
virNetSASLSessionSetUp(virNetSASLSession *session, const virNetSASLTransport *transport)
{
    sasl_security_properties_t props = {
        .maxbufsize = VIR_NET_SASL_BLOCK_MAX,
        .security_flags = SASL_SEC_NOANONYMOUS,
    };
    sasl_ssf_t external = MAX(transport->keySize, 0);
    int rc;

    session->secure = transport->secure;
    if (!transport->secure) {
        props.min_ssf = session->minSSF;
        props.max_ssf = VIR_NET_SASL_SSF_MOST;
        props.security_flags |= SASL_SEC_NOPLAINTEXT;
    }
    if ((external > 0 &&
         (rc = sasl_setprop(session->conn, SASL_SSF_EXTERNAL, &external)) != SASL_OK) ||
        (rc = sasl_setprop(session->conn, SASL_SEC_PROPS, &props)) != SASL_OK) {
        virNetSASLSessionReport(session, rc);
        return -1;
    }
    return 0;
}

virNetSASLSession *
virNetSASLSessionNewServer(virNetSASLContext *ctx, const virNetSASLTransport *transport)
{
    g_autoptr(virNetSASLSession) session = g_new0(virNetSASLSession, 1);
    int rc;

    session->ctx = virNetSASLContextRef(ctx);
    virMutexLock(&ctx->lock);
    session->minSSF = ctx->minSSF;
    virMutexUnlock(&ctx->lock);
    if ((rc = sasl_server_new(VIR_NET_SASL_SERVICE, NULL, NULL, transport->local,
                              transport->remote, NULL, SASL_SUCCESS_DATA,
                              &session->conn)) != SASL_OK) {
        session->conn = NULL;
        virNetSASLSessionReport(session, rc);
        return NULL;
    }
    if (virNetSASLSessionSetUp(session, transport) < 0)
        return NULL;
    return g_steal_pointer(&session);
}

/* What the library calls the things that it asks for, and what the API does. */
static const struct {
    unsigned long id;
    int type;
} virNetSASLQuestions[] = {
    { SASL_CB_USER, VIR_CRED_USERNAME },
    { SASL_CB_AUTHNAME, VIR_CRED_AUTHNAME },
    { SASL_CB_LANGUAGE, VIR_CRED_LANGUAGE },
    { SASL_CB_CNONCE, VIR_CRED_CNONCE },
    { SASL_CB_PASS, VIR_CRED_PASSPHRASE },
    { SASL_CB_ECHOPROMPT, VIR_CRED_ECHOPROMPT },
    { SASL_CB_NOECHOPROMPT, VIR_CRED_NOECHOPROMPT },
    { SASL_CB_GETREALM, VIR_CRED_REALM },
};

/* A callback without a function: the library asks by what sasl_client_step() returns. */
static sasl_callback_t *
virNetSASLMakeCallbacks(const int *types, size_t ntypes)
{
    sasl_callback_t *callbacks = g_new0(sasl_callback_t, G_N_ELEMENTS(virNetSASLQuestions) + 2);
    size_t n = 0;
    size_t i;
    size_t k;

    callbacks[n++] = virNetSASLLogCallback;
    for (i = 0; i < G_N_ELEMENTS(virNetSASLQuestions); i++) {
        for (k = 0; k < ntypes; k++) {
            if (types[k] == virNetSASLQuestions[i].type) {
                callbacks[n++].id = virNetSASLQuestions[i].id;
                break;
            }
        }
    }
    callbacks[n].id = SASL_CB_LIST_END;
    return callbacks;
}

static void
virNetSASLAnswerClear(void *opaque)
{
    virNetSASLAnswer *answer = opaque;

    explicit_bzero(answer->text, answer->len);
    free(answer->text);
}

virNetSASLSession *
virNetSASLSessionNewClient(const char *hostname, const virNetSASLTransport *transport,
                           const int *types, size_t ntypes, virNetSASLAskFunc ask, void *opaque)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    g_autoptr(virNetSASLSession) session = NULL;
    int rc;

    pthread_once(&once, virNetSASLClientInit);
    if (virNetSASLCheckInit(virNetSASLClientStatus) < 0)
        return NULL;

    session = g_new0(virNetSASLSession, 1);
    session->minSSF = VIR_NET_SASL_SSF_MIN;
    session->callbacks = virNetSASLMakeCallbacks(types, ntypes);
    session->answers = g_array_new(FALSE, FALSE, sizeof(virNetSASLAnswer));
    g_array_set_clear_func(session->answers, virNetSASLAnswerClear);
    session->ask = ask;
    session->opaque = opaque;
    virNetSASLLock(session);
    rc = sasl_client_new(VIR_NET_SASL_SERVICE, hostname, transport->local, transport->remote,
                         session->callbacks, SASL_SUCCESS_DATA, &session->conn);
    virNetSASLUnlock(session);
    if (rc != SASL_OK) {
        session->conn = NULL;
        virNetSASLSessionReport(session, rc);
        return NULL;
    }
    if (virNetSASLSessionSetUp(session, transport) < 0)
        return NULL;
    return g_steal_pointer(&session);
}

void
virNetSASLSessionFree(virNetSASLSession *session)
{
    if (!session)
        return;
    virNetSASLLock(session);
    if (session->conn)
        sasl_dispose(&session->conn);
    virNetSASLUnlock(session);
    virNetSASLContextUnref(session->ctx);
    g_clear_pointer(&session->answers, g_array_unref);
    g_free(session->callbacks);
    g_free(session->mech);
    g_free(session->name);
    g_free(session);
}

/* ---- The exchange ---- */

char *
virNetSASLSessionListMechanisms(virNetSASLSession *session)
{
    const char *list = NULL;
    int rc = sasl_listmech(session->conn, NULL, "", ",", "", &list, NULL, NULL);

    if (rc == SASL_OK && list && *list)
        return g_strdup(list);
    if (rc != SASL_OK && rc != SASL_NOMECH)
        VIR_WARN("SASL: %s", sasl_errdetail(session->conn));
    virReportError(VIR_ERR_AUTH_FAILED, "%s",
                   _("the server has no SASL mechanism that is strong enough here"));
    return NULL;
}

/* What the library asks, as the API puts it; @creds has room for @n. */
static int
virNetSASLSessionAsk(virNetSASLSession *session, sasl_interact_t *interact)
{
    g_autofree virConnectCredential *creds = NULL;
    size_t n = 0;
    size_t i;
    size_t k;
    int rc;

    while (interact[n].id != SASL_CB_LIST_END)
        n++;
    creds = g_new0(virConnectCredential, n);
    for (i = 0; i < n; i++) {
        for (k = 0; k < G_N_ELEMENTS(virNetSASLQuestions); k++) {
            if (virNetSASLQuestions[k].id == interact[i].id)
                creds[i].type = virNetSASLQuestions[k].type;
        }
        creds[i].prompt = interact[i].prompt;
        creds[i].challenge = interact[i].challenge;
        creds[i].defresult = interact[i].defresult;
    }
    rc = session->ask(creds, n, session->opaque);
    for (i = 0; i < n; i++) {
        virNetSASLAnswer answer = { creds[i].result, creds[i].resultlen };

        if (answer.text) {
            g_array_append_val(session->answers, answer);
            interact[i].result = answer.text;
            interact[i].len = answer.len;
        } else if (interact[i].defresult) {
            interact[i].result = interact[i].defresult;
            interact[i].len = strlen(interact[i].defresult);
        } else {
            interact[i].result = "";
            interact[i].len = 0;
            if (rc == 0)
                virReportError(VIR_ERR_AUTH_FAILED, _("no answer to '%1$s'"),
                               interact[i].prompt);
            rc = -1;
        }
    }
    return rc;
}

/* One call of the library. @mechs: the first. */
static int
virNetSASLSessionCall(virNetSASLSession *session, const char *mechs, const virNetSASLData *in,
                      sasl_interact_t **interact, const char **mech, virNetSASLData *out)
{
    const char *bytes = in ? in->bytes : NULL;
    unsigned int len = in ? in->len : 0;
    unsigned int outLen = 0;
    int rc;

    virNetSASLLock(session);
    if (session->ctx && mechs)
        rc = sasl_server_start(session->conn, mechs, bytes, len, &out->bytes, &outLen);
    else if (session->ctx)
        rc = sasl_server_step(session->conn, bytes, len, &out->bytes, &outLen);
    else if (mechs)
        rc = sasl_client_start(session->conn, mechs, interact, &out->bytes, &outLen, mech);
    else
        rc = sasl_client_step(session->conn, bytes, len, interact, &out->bytes, &outLen);
    virNetSASLUnlock(session);
    out->len = outLen;
    return rc;
}

static virNetSASLResult
virNetSASLSessionGo(virNetSASLSession *session, const char *mechs, const virNetSASLData *in,
                    virNetSASLData *out)
{
    sasl_interact_t *interact = NULL;
    const char *mech = mechs;
    int rc;

    for (;;) {
        *out = (virNetSASLData) { NULL, 0 };
        rc = virNetSASLSessionCall(session, mechs, in, &interact, &mech, out);
        if (rc != SASL_INTERACT)
            break;
        if (virNetSASLSessionAsk(session, interact) < 0) {
            /* The mechanism frees its questions when it is called again. */
            virNetSASLSessionCall(session, mechs, in, &interact, &mech, out);
            *out = (virNetSASLData) { NULL, 0 };
            return VIR_NET_SASL_FAILED;
        }
    }
    if (rc != SASL_OK && rc != SASL_CONTINUE) {
        virNetSASLSessionReport(session, rc);
        return VIR_NET_SASL_FAILED;
    }
    if (mechs) {
        g_free(session->mech);
        session->mech = g_strdup(mech);
    }
    return rc == SASL_OK ? VIR_NET_SASL_COMPLETE : VIR_NET_SASL_CONTINUE;
}

virNetSASLResult
virNetSASLSessionStart(virNetSASLSession *session, const char *mechs, const virNetSASLData *in,
                       virNetSASLData *out)
{
    return virNetSASLSessionGo(session, mechs, in, out);
}

virNetSASLResult
virNetSASLSessionStep(virNetSASLSession *session, const virNetSASLData *in, virNetSASLData *out)
{
    return virNetSASLSessionGo(session, NULL, in, out);
}

const char *
virNetSASLSessionGetMechanism(virNetSASLSession *session)
{
    return session->mech;
}

/* Sets up the layer, if one was agreed on. */
static int
virNetSASLSessionCheckLayer(virNetSASLSession *session)
{
    const void *value = NULL;
    unsigned int ssf;
    unsigned int room;
    int rc;

    if ((rc = sasl_getprop(session->conn, SASL_SSF, &value)) != SASL_OK) {
        virNetSASLSessionReport(session, rc);
        return -1;
    }
    ssf = *(const sasl_ssf_t *)value;
    if (!session->secure && ssf < session->minSSF) {
        virReportError(VIR_ERR_AUTH_FAILED,
                       _("an encryption of %1$u bits was agreed on, at least %2$u are needed"),
                       ssf, session->minSSF);
        return -1;
    }
    if (session->secure || ssf == 0)
        return 0;
    if ((rc = sasl_getprop(session->conn, SASL_MAXOUTBUF, &value)) != SASL_OK) {
        virNetSASLSessionReport(session, rc);
        return -1;
    }
    room = *(const unsigned int *)value;
    if (room < VIR_NET_SASL_BLOCK_LEAST) {
        virReportError(VIR_ERR_AUTH_FAILED,
                       _("the other side takes no more than %1$u bytes at a time"), room);
        return -1;
    }
    session->encodeMax = room;
    return 0;
}

int
virNetSASLSessionCheck(virNetSASLSession *session)
{
    const void *value = NULL;
    int rc;

    if (virNetSASLSessionCheckLayer(session) < 0)
        return -1;
    if ((rc = sasl_getprop(session->conn, SASL_USERNAME, &value)) != SASL_OK || !value) {
        virNetSASLSessionReport(session, rc);
        return -1;
    }
    if (session->ctx && !virNetSASLContextAllows(session->ctx, value)) {
        VIR_INFO("SASL: '%s' is not in the list of allowed names", (const char *)value);
        virReportError(VIR_ERR_AUTH_FAILED, "%s", _("SASL does not let this client in"));
        return -1;
    }
    g_free(session->name);
    session->name = g_strdup(value);
    return 0;
}

const char *
virNetSASLSessionGetName(virNetSASLSession *session)
{
    return session->name;
}

/* ---- The layer ---- */

bool
virNetSASLSessionIsLayer(virNetSASLSession *session)
{
    return session->encodeMax > 0;
}

size_t
virNetSASLSessionGetEncodeMax(virNetSASLSession *session)
{
    return session->encodeMax;
}

int
virNetSASLSessionEncode(virNetSASLSession *session, const char *in, size_t len,
                        virNetSASLData *out)
{
    unsigned int outLen = 0;

    if (sasl_encode(session->conn, in, len, &out->bytes, &outLen) != SASL_OK) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("cannot encrypt by SASL: %1$s"),
                       sasl_errdetail(session->conn));
        return -1;
    }
    out->len = outLen;
    return 0;
}

int
virNetSASLSessionDecode(virNetSASLSession *session, const char *in, size_t len,
                        virNetSASLData *out)
{
    unsigned int outLen = 0;

    if (sasl_decode(session->conn, in, len, &out->bytes, &outLen) != SASL_OK) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("cannot decrypt by SASL: %1$s"),
                       sasl_errdetail(session->conn));
        return -1;
    }
    out->len = outLen;
    return 0;
}
