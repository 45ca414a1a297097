/*
 * virnettlscontext.c: certificates, and TLS sessions that use them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnettlscontext.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virnettlscert.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.nettlscontext");

/* What was read from the files at one time. Immutable; sessions that use it keep it alive. */
typedef struct {
    atomic_uint refs;
    gnutls_certificate_credentials_t creds;
    gnutls_priority_t priority;
    bool server;
    bool verify;
    char **allowedNames;        /* NULL: no list */
} virNetTLSCredentials;

struct _virNetTLSContext {
    atomic_uint refs;
    bool server;
    virMutex lock;              /* guards @credentials */
    virNetTLSCredentials *credentials;
};

struct _virNetTLSSession {
    virNetTLSCredentials *credentials;
    gnutls_session_t session;
    const virNetTLSTransport *transport;
    void *opaque;
    char *hostname;
    char *name;                 /* the other side's */
    bool shaken;                /* the handshake is done, the check is not */
    bool ready;                 /* both are */
    bool unsent;                /* GnuTLS has a record that isn't sent whole */
};

static virNetTLSCredentials *
virNetTLSCredentialsRef(virNetTLSCredentials *credentials)
{
    atomic_fetch_add(&credentials->refs, 1);
    return credentials;
}

static void
virNetTLSCredentialsUnref(virNetTLSCredentials *credentials)
{
    if (!credentials || atomic_fetch_sub(&credentials->refs, 1) != 1)
        return;
    if (credentials->creds)
        gnutls_certificate_free_credentials(credentials->creds);
    if (credentials->priority)
        gnutls_priority_deinit(credentials->priority);
    g_strfreev(credentials->allowedNames);
    g_free(credentials);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetTLSCredentials, virNetTLSCredentialsUnref)

static int
virNetTLSCheckFiles(bool server, const virNetTLSConfig *config)
{
    const char *cert = server ? _("Cannot read server certificate '%1$s'")
                              : _("Cannot read client certificate '%1$s'");
    const char *key = server ? _("Cannot read server key '%1$s'")
                             : _("Cannot read client key '%1$s'");

    if (virNetTLSCertCheckReadable(config->ca, _("Cannot read CA certificate '%1$s'")) < 0)
        return -1;
    if (config->crl &&
        virNetTLSCertCheckReadable(config->crl, _("Cannot read CA revocation list '%1$s'")) < 0)
        return -1;
    if (config->cert && (virNetTLSCertCheckReadable(config->cert, cert) < 0 ||
                         virNetTLSCertCheckReadable(config->key, key) < 0))
        return -1;
    if (config->sanityCheck && virNetTLSCertCheck(server, config->ca, config->cert) < 0)
        return -1;
    return 0;
}

static int
virNetTLSCredentialsLoad(virNetTLSCredentials *credentials, const virNetTLSConfig *config)
{
    int rc;

    rc = gnutls_certificate_set_x509_trust_file(credentials->creds, config->ca,
                                                GNUTLS_X509_FMT_PEM);
    /* The number of certificates. */
    if (rc <= 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("cannot use the CA certificate '%1$s': %2$s"),
                       config->ca, rc < 0 ? gnutls_strerror(rc) : _("it has none"));
        return -1;
    }
    if (config->crl) {
        rc = gnutls_certificate_set_x509_crl_file(credentials->creds, config->crl,
                                                  GNUTLS_X509_FMT_PEM);
        if (rc < 0) {
            virReportError(VIR_ERR_SYSTEM_ERROR,
                           _("cannot use the CA revocation list '%1$s': %2$s"),
                           config->crl, gnutls_strerror(rc));
            return -1;
        }
    }
    if (config->cert) {
        rc = gnutls_certificate_set_x509_key_file(credentials->creds, config->cert, config->key,
                                                  GNUTLS_X509_FMT_PEM);
        if (rc < 0) {
            virReportError(VIR_ERR_SYSTEM_ERROR,
                           _("cannot use the certificate '%1$s' with the key '%2$s': %3$s"),
                           config->cert, config->key, gnutls_strerror(rc));
            return -1;
        }
    }
    if (credentials->server) {
        rc = gnutls_certificate_set_known_dh_params(credentials->creds, GNUTLS_SEC_PARAM_MEDIUM);
        if (rc < 0) {
            virReportError(VIR_ERR_GNUTLS_ERROR, _("cannot set Diffie-Hellman parameters: %1$s"),
                           gnutls_strerror(rc));
            return -1;
        }
    }
    return 0;
}

static virNetTLSCredentials *
virNetTLSCredentialsNew(bool server, const virNetTLSConfig *config)
{
    g_autoptr(virNetTLSCredentials) credentials = g_new0(virNetTLSCredentials, 1);
    const char *priority = config->priority ? config->priority : "NORMAL";
    const char *at = NULL;
    int rc;

    credentials->refs = 1;
    credentials->server = server;
    credentials->verify = config->verify;
    credentials->allowedNames = g_strdupv((char **)config->allowedNames);

    if (virNetTLSCheckFiles(server, config) < 0)
        return NULL;
    if ((rc = gnutls_certificate_allocate_credentials(&credentials->creds)) < 0) {
        credentials->creds = NULL;
        virReportError(VIR_ERR_GNUTLS_ERROR, _("cannot set up TLS: %1$s"), gnutls_strerror(rc));
        return NULL;
    }
    if (virNetTLSCredentialsLoad(credentials, config) < 0)
        return NULL;
    if ((rc = gnutls_priority_init(&credentials->priority, priority, &at)) < 0) {
        credentials->priority = NULL;
        virReportError(VIR_ERR_GNUTLS_ERROR, _("TLS priority '%1$s' is not understood at '%2$s'"),
                       priority, at ? at : priority);
        return NULL;
    }
    return g_steal_pointer(&credentials);
}

static virNetTLSContext *
virNetTLSContextNew(bool server, const virNetTLSConfig *config)
{
    virNetTLSCredentials *credentials = virNetTLSCredentialsNew(server, config);
    virNetTLSContext *ctx;

    if (!credentials)
        return NULL;
    ctx = g_new0(virNetTLSContext, 1);
    ctx->refs = 1;
    ctx->server = server;
    virMutexInit(&ctx->lock);
    ctx->credentials = credentials;
    return ctx;
}

virNetTLSContext *
virNetTLSContextNewServer(const virNetTLSConfig *config)
{
    return virNetTLSContextNew(true, config);
}

virNetTLSContext *
virNetTLSContextNewClient(const virNetTLSConfig *config)
{
    return virNetTLSContextNew(false, config);
}

virNetTLSContext *
virNetTLSContextRef(virNetTLSContext *ctx)
{
    atomic_fetch_add(&ctx->refs, 1);
    return ctx;
}

void
virNetTLSContextUnref(virNetTLSContext *ctx)
{
    if (!ctx || atomic_fetch_sub(&ctx->refs, 1) != 1)
        return;
    virNetTLSCredentialsUnref(ctx->credentials);
    virMutexDestroy(&ctx->lock);
    g_free(ctx);
}

int
virNetTLSContextReload(virNetTLSContext *ctx, const virNetTLSConfig *config)
{
    virNetTLSCredentials *credentials = virNetTLSCredentialsNew(ctx->server, config);
    virNetTLSCredentials *old;

    if (!credentials)
        return -1;
    virMutexLock(&ctx->lock);
    old = ctx->credentials;
    ctx->credentials = credentials;
    virMutexUnlock(&ctx->lock);
    virNetTLSCredentialsUnref(old);
    return 0;
}

static ssize_t
virNetTLSSessionPull(gnutls_transport_ptr_t opaque, void *buf, size_t len)
{
    virNetTLSSession *session = opaque;
    ssize_t n = session->transport->read(buf, len, session->opaque);

    if (n < 0)
        gnutls_transport_set_errno(session->session, errno);
    return n;
}

static ssize_t
virNetTLSSessionPush(gnutls_transport_ptr_t opaque, const void *buf, size_t len)
{
    virNetTLSSession *session = opaque;
    ssize_t n = session->transport->write(buf, len, session->opaque);

    if (n < 0)
        gnutls_transport_set_errno(session->session, errno);
    return n;
}

virNetTLSSession *
virNetTLSSessionNew(virNetTLSContext *ctx, const char *hostname,
                    const virNetTLSTransport *transport, void *opaque)
{
    g_autoptr(virNetTLSSession) session = g_new0(virNetTLSSession, 1);
    unsigned int flags = GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS |
        (ctx->server ? GNUTLS_SERVER : GNUTLS_CLIENT);
    int rc;

    virMutexLock(&ctx->lock);
    session->credentials = virNetTLSCredentialsRef(ctx->credentials);
    virMutexUnlock(&ctx->lock);
    session->transport = transport;
    session->opaque = opaque;
    session->hostname = g_strdup(hostname);

    if ((rc = gnutls_init(&session->session, flags)) < 0) {
        session->session = NULL;
    } else if ((rc = gnutls_priority_set(session->session,
                                         session->credentials->priority)) >= 0) {
        rc = gnutls_credentials_set(session->session, GNUTLS_CRD_CERTIFICATE,
                                    session->credentials->creds);
    }
    if (rc < 0) {
        virReportError(VIR_ERR_GNUTLS_ERROR, _("cannot set up a TLS session: %1$s"),
                       gnutls_strerror(rc));
        return NULL;
    }

    /* Who has none is refused by our own check, without an alert that would tell more. */
    if (ctx->server && session->credentials->verify)
        gnutls_certificate_server_set_request(session->session, GNUTLS_CERT_REQUEST);
    gnutls_transport_set_ptr(session->session, session);
    gnutls_transport_set_pull_function(session->session, virNetTLSSessionPull);
    gnutls_transport_set_push_function(session->session, virNetTLSSessionPush);
    return g_steal_pointer(&session);
}

void
virNetTLSSessionFree(virNetTLSSession *session)
{
    if (!session)
        return;
    if (session->session)
        gnutls_deinit(session->session);
    virNetTLSCredentialsUnref(session->credentials);
    g_free(session->hostname);
    g_free(session->name);
    g_free(session);
}

static const char *
virNetTLSStatusText(unsigned int status)
{
    if (status & GNUTLS_CERT_REVOKED)
        return _("it is revoked");
    if (status & GNUTLS_CERT_EXPIRED)
        return _("it has expired");
    if (status & GNUTLS_CERT_NOT_ACTIVATED)
        return _("it is not valid yet");
    if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
        return _("its signer is not known");
    if (status & GNUTLS_CERT_SIGNATURE_FAILURE)
        return _("its signature is wrong");
    if (status & GNUTLS_CERT_SIGNER_NOT_CA)
        return _("its signer is not a CA");
    if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
        return _("its algorithm is not secure");
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        return _("it is meant for something else");
    return _("it is not valid");
}

static bool
virNetTLSNameIsAllowed(const virNetTLSCredentials *credentials, const char *name)
{
    char **glob;

    if (!credentials->allowedNames)
        return true;
    for (glob = credentials->allowedNames; *glob; glob++) {
        if (g_pattern_match_simple(*glob, name))
            return true;
    }
    return false;
}

/* Reads the other side's certificate, and its name. */
static gnutls_x509_crt_t
virNetTLSSessionPeer(virNetTLSSession *session)
{
    const gnutls_datum_t *certs;
    gnutls_x509_crt_t cert;
    gnutls_datum_t name = { 0 };
    unsigned int ncerts = 0;

    if (gnutls_certificate_type_get(session->session) != GNUTLS_CRT_X509 ||
        !(certs = gnutls_certificate_get_peers(session->session, &ncerts)) || ncerts == 0 ||
        gnutls_x509_crt_init(&cert) < 0)
        return NULL;
    if (gnutls_x509_crt_import(cert, &certs[0], GNUTLS_X509_FMT_DER) < 0 ||
        gnutls_x509_crt_get_dn3(cert, &name, GNUTLS_X509_DN_FLAG_COMPAT) < 0) {
        gnutls_x509_crt_deinit(cert);
        return NULL;
    }
    session->name = g_strndup((const char *)name.data, name.size);
    gnutls_free(name.data);
    return cert;
}

static int
virNetTLSSessionCheck(virNetTLSSession *session)
{
    virNetTLSCredentials *credentials = session->credentials;
    gnutls_typed_vdata_st purpose = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(credentials->server ? GNUTLS_KP_TLS_WWW_CLIENT
                                                      : GNUTLS_KP_TLS_WWW_SERVER),
    };
    gnutls_x509_crt_t cert = virNetTLSSessionPeer(session);
    unsigned int status = 0;
    int ret = -1;
    int rc;

    if (!credentials->verify) {
        /* Anybody can give himself any name. */
        g_clear_pointer(&session->name, g_free);
        if (cert)
            gnutls_x509_crt_deinit(cert);
        return 0;
    }
    if (!cert) {
        virReportError(VIR_ERR_AUTH_FAILED, "%s", _("the other side has no certificate"));
        return -1;
    }
    if ((rc = gnutls_certificate_verify_peers(session->session, &purpose, 1, &status)) < 0)
        virReportError(VIR_ERR_AUTH_FAILED, _("cannot verify the certificate '%1$s': %2$s"),
                       session->name, gnutls_strerror(rc));
    else if (status != 0)
        virReportError(VIR_ERR_AUTH_FAILED, _("certificate '%1$s' is refused: %2$s"),
                       session->name, virNetTLSStatusText(status));
    else if (session->hostname && !gnutls_x509_crt_check_hostname(cert, session->hostname))
        virReportError(VIR_ERR_AUTH_FAILED,
                       _("certificate '%1$s' does not match the host name '%2$s'"),
                       session->name, session->hostname);
    else if (credentials->server && !virNetTLSNameIsAllowed(credentials, session->name))
        virReportError(VIR_ERR_AUTH_FAILED,
                       _("certificate '%1$s' is not in the list of allowed names"),
                       session->name);
    else
        ret = 0;
    gnutls_x509_crt_deinit(cert);
    return ret;
}

int
virNetTLSSessionHandshake(virNetTLSSession *session)
{
    int rc;

    if (session->ready)
        return 1;
    while (!session->shaken) {
        rc = gnutls_handshake(session->session);
        if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
            return 0;
        if (rc == GNUTLS_E_SUCCESS) {
            session->shaken = true;
        } else if (gnutls_error_is_fatal(rc)) {
            virReportError(VIR_ERR_GNUTLS_ERROR, _("TLS handshake failed: %1$s"),
                           gnutls_strerror(rc));
            return -1;
        }
    }
    if (virNetTLSSessionCheck(session) < 0)
        return -1;
    session->ready = true;
    return 1;
}

bool
virNetTLSSessionWantsWrite(virNetTLSSession *session)
{
    return gnutls_record_get_direction(session->session) == 1;
}

ssize_t
virNetTLSSessionRead(virNetTLSSession *session, char *buf, size_t len)
{
    ssize_t n = gnutls_record_recv(session->session, buf, len);

    if (n > 0)
        return n;
    switch (n) {
    case 0:
    case GNUTLS_E_PREMATURE_TERMINATION:
        return VIR_NET_TLS_EOF;
    case GNUTLS_E_AGAIN:
    case GNUTLS_E_INTERRUPTED:
        return 0;
    default:
        /* A wish to negotiate again and the like; what it is needn't be done. */
        if (!gnutls_error_is_fatal(n))
            return 0;
        virReportError(VIR_ERR_GNUTLS_ERROR, _("cannot read from the TLS session: %1$s"),
                       gnutls_strerror(n));
        return -1;
    }
}

static ssize_t
virNetTLSSessionSend(virNetTLSSession *session, const char *buf, size_t len)
{
    ssize_t n = gnutls_record_send(session->session, buf, len);

    if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
        session->unsent = true;
        return 0;
    }
    if (n < 0) {
        virReportError(VIR_ERR_GNUTLS_ERROR, _("cannot write to the TLS session: %1$s"),
                       gnutls_strerror(n));
        return -1;
    }
    session->unsent = false;
    return n;
}

ssize_t
virNetTLSSessionWrite(virNetTLSSession *session, const char *buf, size_t len)
{
    size_t most = gnutls_record_get_max_size(session->session);
    ssize_t n;
    int rc;

    if ((rc = virNetTLSSessionFlush(session)) <= 0)
        return rc;
    len = MIN(len, most);
    n = virNetTLSSessionSend(session, buf, len);
    /* It is GnuTLS's now: it is sent by virNetTLSSessionFlush(). */
    if (n == 0 && session->unsent)
        return len;
    return n;
}

int
virNetTLSSessionFlush(virNetTLSSession *session)
{
    if (session->unsent && virNetTLSSessionSend(session, NULL, 0) < 0)
        return -1;
    return session->unsent ? 0 : 1;
}

void
virNetTLSSessionBye(virNetTLSSession *session)
{
    if (session->ready)
        gnutls_bye(session->session, GNUTLS_SHUT_WR);
}

const char *
virNetTLSSessionGetName(virNetTLSSession *session)
{
    return session->name;
}

int
virNetTLSSessionGetKeySize(virNetTLSSession *session)
{
    return gnutls_cipher_get_key_size(gnutls_cipher_get(session->session)) * 8;
}
