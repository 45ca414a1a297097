/*
 * remote_auth.c: proves to a daemon who its user is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_auth.h"

#include <stdlib.h>
#include <string.h>

#include "remote_call.h"
#include "remote_protocol.h"
#include "virauthconfig.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_REMOTE

VIR_LOG_INIT("remote.auth");

/* By which files with credentials call what is served here. */
#define REMOTE_AUTH_SERVICE "libvirt"

/* --- which kind --- */

/* Sets @type to one of those that a server offers. Returns 0, or -1 with an error reported. */
static int
remoteAuthChoose(const remote_auth_list_ret *offered, const char *auth, int *type)
{
    size_t len = auth ? strcspn(auth, ".") : 0;
    remote_auth_type wanted;
    u_int i;

    /* An empty list is no authentication either, which is not for a server to choose if the URI
     * wants one. */
    if (!auth) {
        *type = offered->types.types_len > 0 ? (int)offered->types.types_val[0] : REMOTE_AUTH_NONE;
        return 0;
    }

    if (len == strlen("sasl") && g_ascii_strncasecmp(auth, "sasl", len) == 0) {
        wanted = REMOTE_AUTH_SASL;
    } else if (g_ascii_strcasecmp(auth, "polkit") == 0) {
        wanted = REMOTE_AUTH_POLKIT;
    } else {
        virReportError(VIR_ERR_AUTH_FAILED, _("unknown authentication type '%1$s'"), auth);
        return -1;
    }
    for (i = 0; i < offered->types.types_len; i++) {
        if (offered->types.types_val[i] == wanted) {
            *type = wanted;
            return 0;
        }
    }
    virReportError(VIR_ERR_AUTH_FAILED,
                   _("the server does not offer authentication type '%1$s'"), auth);
    return -1;
}

/* --- where credentials come from --- */

/* What the URI and the file say, each NULL if they don't; borrowed. */
typedef struct {
    const char *user;           /* on whose behalf */
    const char *authname;       /* whose password it is */
    const char *password;
    const char *realm;
    virConnectAuthPtr auth;     /* for all else; NULL: nobody can be asked */
} remoteAuthCredentials;

static int
remoteAuthFill(remoteAuthCredentials *credentials, const virAuthConfig *config, const char *host,
               const char *user)
{
    if (config &&
        (virAuthConfigLookup(config, REMOTE_AUTH_SERVICE, host, "username",
                             &credentials->user) < 0 ||
         virAuthConfigLookup(config, REMOTE_AUTH_SERVICE, host, "authname",
                             &credentials->authname) < 0 ||
         virAuthConfigLookup(config, REMOTE_AUTH_SERVICE, host, "password",
                             &credentials->password) < 0 ||
         virAuthConfigLookup(config, REMOTE_AUTH_SERVICE, host, "realm",
                             &credentials->realm) < 0))
        return -1;
    if (!user)
        return 0;
    /* The password of another is of no use. */
    if (credentials->authname && strcmp(credentials->authname, user) != 0)
        credentials->user = credentials->password = credentials->realm = NULL;
    credentials->authname = user;
    return 0;
}

/* NULL: that isn't known, but may be asked for. */
static const char *
remoteAuthKnown(const remoteAuthCredentials *credentials, int type)
{
    switch (type) {
    case VIR_CRED_USERNAME:
        return credentials->user;
    case VIR_CRED_AUTHNAME:
        return credentials->authname;
    case VIR_CRED_PASSPHRASE:
        return credentials->password;
    case VIR_CRED_REALM:
        return credentials->realm;
    default:
        return NULL;
    }
}

/* The types that can be answered, by whomever: virConnectCredentialType. */
static GArray *
remoteAuthTypes(const remoteAuthCredentials *credentials)
{
    GArray *types = g_array_new(FALSE, FALSE, sizeof(int));
    int type;
    unsigned int i;

    for (type = VIR_CRED_USERNAME; type <= VIR_CRED_EXTERNAL; type++) {
        bool asked = false;

        for (i = 0; credentials->auth && i < credentials->auth->ncredtype; i++)
            asked |= credentials->auth->credtype[i] == type;
        if (asked || remoteAuthKnown(credentials, type))
            g_array_append_val(types, type);
    }
    return types;
}

/* Has the application answer what is left open in @cred. */
static int
remoteAuthAskApplication(virConnectAuthPtr auth, virConnectCredentialPtr cred, unsigned int ncred)
{
    g_autofree virConnectCredential *left = g_new0(virConnectCredential, ncred);
    unsigned int nleft = 0;
    unsigned int i;
    int rc;

    for (i = 0; i < ncred; i++) {
        if (!cred[i].result)
            left[nleft++] = cred[i];
    }
    if (nleft == 0)
        return 0;
    if (!auth || !auth->cb) {
        virReportError(VIR_ERR_AUTH_FAILED, _("nobody can be asked for '%1$s'"), left[0].prompt);
        return -1;
    }
    rc = auth->cb(left, nleft, auth->cbdata);
    /* Also after a failure: these are to be wiped and freed. */
    for (i = 0, nleft = 0; i < ncred; i++) {
        if (!cred[i].result)
            cred[i] = left[nleft++];
    }
    if (rc < 0) {
        virReportError(VIR_ERR_AUTH_FAILED, "%s", _("the user gave no credentials"));
        return -1;
    }
    return 0;
}

static int
remoteAuthAsk(virConnectCredentialPtr cred, unsigned int ncred, void *opaque)
{
    const remoteAuthCredentials *credentials = opaque;
    unsigned int i;

    for (i = 0; i < ncred; i++) {
        const char *known = remoteAuthKnown(credentials, cred[i].type);

        if (known) {
            cred[i].result = strdup(known);
            cred[i].resultlen = strlen(known);
        }
    }
    return remoteAuthAskApplication(credentials->auth, cred, ncred);
}

/* --- SASL --- */

static bool
remoteAuthOffers(const char *mechs, const char *wanted)
{
    g_auto(GStrv) all = g_strsplit(mechs, ",", -1);

    return g_strv_contains((const char *const *)all, wanted);
}

/* The server's mechanisms, or the one of them that is @wanted; NULL with an error reported. */
static char *
remoteAuthMechanisms(virNetClient *client, const char *wanted)
{
    remote_auth_sasl_init_ret ret;
    g_autofree char *mechs = NULL;

    if (remoteCall(client, REMOTE_PROC_AUTH_SASL_INIT, NULL, &ret) < 0)
        return NULL;
    mechs = g_strdup(ret.mechlist);
    remoteCallFree(REMOTE_PROC_AUTH_SASL_INIT, &ret);
    if (!wanted)
        return g_steal_pointer(&mechs);
    if (remoteAuthOffers(mechs, wanted))
        return g_strdup(wanted);
    virReportError(VIR_ERR_AUTH_FAILED,
                   _("the server does not offer SASL mechanism '%1$s', but '%2$s'"), wanted,
                   mechs);
    return NULL;
}

/* One message there and back; @mech: it is the first. @ret: to be cleared by remoteCallFree() of
 * AUTH_SASL_STEP. */
static int
remoteAuthSend(virNetClient *client, const char *mech, const virNetSASLData *out,
               remote_auth_sasl_step_ret *ret)
{
    virNetClientCallData extra = { .secret = true };
    remote_auth_sasl_start_args start = { .mech = (char *)mech, .nil = !out->bytes };
    remote_auth_sasl_step_args step = { .nil = !out->bytes };
    remote_auth_sasl_start_ret startRet;

    if (out->len > REMOTE_AUTH_SASL_DATA_MAX) {
        virReportError(VIR_ERR_AUTH_FAILED, _("%1$zu bytes of SASL exceed the limit of %2$d"),
                       out->len, REMOTE_AUTH_SASL_DATA_MAX);
        return -1;
    }
    start.data.data_val = step.data.data_val = (char *)out->bytes;
    start.data.data_len = step.data.data_len = out->len;
    if (!mech)
        return remoteCallWith(client, REMOTE_PROC_AUTH_SASL_STEP, &step, ret, &extra);
    if (remoteCallWith(client, REMOTE_PROC_AUTH_SASL_START, &start, &startRet, &extra) < 0)
        return -1;
    ret->complete = startRet.complete;
    ret->nil = startRet.nil;
    ret->data.data_val = startRet.data.data_val;
    ret->data.data_len = startRet.data.data_len;
    return 0;
}

/* Goes on until both sides have nothing more to ask. */
static int
remoteAuthExchange(virNetClient *client, virNetSASLSession *session, const char *mechs)
{
    virNetSASLData out;
    virNetSASLResult done = virNetSASLSessionStart(session, mechs, NULL, &out);
    const char *mech = virNetSASLSessionGetMechanism(session);
    bool complete = false;

    while (done != VIR_NET_SASL_FAILED) {
        remote_auth_sasl_step_ret ret = { 0 };
        virNetSASLData in;

        if (remoteAuthSend(client, mech, &out, &ret) < 0)
            return -1;
        mech = NULL;
        complete = ret.complete != 0;
        in.bytes = ret.nil ? NULL : ret.data.data_val ? ret.data.data_val : "";
        in.len = ret.nil ? 0 : ret.data.data_len;
        /* The server may be content before this side has seen its proof. */
        if (done != VIR_NET_SASL_COMPLETE || !complete)
            done = virNetSASLSessionStep(session, &in, &out);
        remoteCallFree(REMOTE_PROC_AUTH_SASL_STEP, &ret);
        if (!complete || done == VIR_NET_SASL_FAILED)
            continue;
        if (done == VIR_NET_SASL_COMPLETE)
            return 0;
        virReportError(VIR_ERR_AUTH_FAILED, "%s",
                       _("the server has ended the SASL exchange without proving who it is"));
        return -1;
    }
    return -1;
}

static int
remoteAuthSASLWith(virNetClient *client, const char *host, const char *wanted,
                   remoteAuthCredentials *credentials)
{
    virNetSASLTransport transport = {
        .secure = virNetClientIsSecure(client),
        .keySize = virNetClientGetTLSKeySize(client),
    };
    g_autoptr(virNetSASLSession) session = NULL;
    g_autoptr(GArray) types = remoteAuthTypes(credentials);
    g_autofree char *mechs = remoteAuthMechanisms(client, wanted);

    if (!mechs)
        return -1;
    if (!transport.secure || transport.keySize > 0) {
        transport.local = virNetClientGetLocalAddress(client);
        transport.remote = virNetClientGetRemoteAddress(client);
    }
    if (!(session = virNetSASLSessionNewClient(host, &transport, (const int *)types->data,
                                               types->len, remoteAuthAsk, credentials)) ||
        remoteAuthExchange(client, session, mechs) < 0 || virNetSASLSessionCheck(session) < 0)
        return -1;
    VIR_DEBUG("authenticated by SASL mechanism %s", virNetSASLSessionGetMechanism(session));
    return virNetClientSetSASL(client, g_steal_pointer(&session));
}

static int
remoteAuthSASL(virNetClient *client, const remoteURI *uri, virConnectAuthPtr auth)
{
    /* For a daemon on this host that is its name. */
    const char *host = uri->host ? uri->host : "localhost";
    const char *dot = uri->auth ? strchr(uri->auth, '.') : NULL;
    g_autofree char *path = virAuthConfigPath(uri->authfile);
    g_autoptr(virAuthConfig) config = NULL;
    remoteAuthCredentials credentials = { .auth = auth };
    /* Over ssh the user is another host's, and none of SASL's. */
    const char *user = uri->transport == REMOTE_TRANSPORT_SSH ? NULL : uri->user;

    if ((path && !(config = virAuthConfigRead(path))) ||
        remoteAuthFill(&credentials, config, host, user) < 0)
        return -1;
    return remoteAuthSASLWith(client, host, dot ? dot + 1 : NULL, &credentials);
}

/* --- any --- */

int
remoteAuthenticate(virNetClient *client, const remoteURI *uri, virConnectAuthPtr auth)
{
    remote_auth_list_ret offered;
    remote_auth_polkit_ret polkit;
    int type;
    int rc;

    if (remoteCall(client, REMOTE_PROC_AUTH_LIST, NULL, &offered) < 0)
        return -1;
    rc = remoteAuthChoose(&offered, uri->auth, &type);
    remoteCallFree(REMOTE_PROC_AUTH_LIST, &offered);
    if (rc < 0)
        return -1;

    switch (type) {
    case REMOTE_AUTH_NONE:
        return 0;
    case REMOTE_AUTH_POLKIT:
        return remoteCall(client, REMOTE_PROC_AUTH_POLKIT, NULL, &polkit);
    case REMOTE_AUTH_SASL:
        return remoteAuthSASL(client, uri, auth);
    default:
        virReportError(VIR_ERR_AUTH_FAILED, _("unsupported authentication type %1$d"), type);
        return -1;
    }
}
