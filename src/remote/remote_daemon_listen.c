/*
 * remote_daemon_listen.c: where virtmond listens
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_listen.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "remote_daemon_auth.h"
#include "remote_daemon_notify.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("remote.daemon_listen");

#define REMOTE_DAEMON_SOCKET "virtmon-sock"
#define REMOTE_DAEMON_SOCKET_RO "virtmon-sock-ro"
#define REMOTE_DAEMON_SOCKET_ADMIN "virtmon-admin-sock"
/* Read if it is there and no other was named. */
#define REMOTE_DAEMON_CRL "/etc/pki/CA/cacrl.pem"

/* --- TLS --- */

static void
remoteDaemonListenFillTLS(const remoteDaemonConfig *config, virNetTLSConfig *tls)
{
    *tls = (virNetTLSConfig) {
        .ca = config->caFile,
        .cert = config->certFile,
        .key = config->keyFile,
        .priority = config->tlsPriority,
        .verify = !config->tlsNoVerifyCertificate,
        .allowedNames = (const char *const *)config->tlsAllowedDNList,
        .sanityCheck = !config->tlsNoSanityCertificate,
    };
    if (config->crlFile)
        tls->crl = *config->crlFile ? config->crlFile : NULL;
    else if (access(REMOTE_DAEMON_CRL, R_OK) == 0)
        tls->crl = REMOTE_DAEMON_CRL;
}

/* Sets @options->tls. */
static int
remoteDaemonListenNeedTLS(const remoteDaemonConfig *config, remoteDaemonListenContexts *contexts,
                          virNetServerServiceOptions *options)
{
    virNetTLSConfig files;

    if (!contexts->tls) {
        remoteDaemonListenFillTLS(config, &files);
        if (!(contexts->tls = virNetTLSContextNewServer(&files)))
            return -1;
    }
    options->tls = contexts->tls;
    return 0;
}

/* --- authentication --- */

/* Sets @options->auth, and has what it takes ready for the first client. */
static int
remoteDaemonListenNeedAuth(const remoteDaemonConfig *config, gint64 kind,
                           remoteDaemonListenContexts *contexts,
                           virNetServerServiceOptions *options)
{
    options->auth = VIR_NET_SERVER_AUTH_NONE;
    if (kind == REMOTE_DAEMON_AUTH_SASL) {
        options->auth = VIR_NET_SERVER_AUTH_SASL;
        if (!contexts->sasl &&
            !(contexts->sasl = virNetSASLContextNewServer(
                  (const char *const *)config->saslAllowedUsernameList, config->tcpMinSSF)))
            return -1;
    } else if (kind == REMOTE_DAEMON_AUTH_POLKIT) {
        options->auth = VIR_NET_SERVER_AUTH_POLKIT;
        if (!contexts->polkit && !(contexts->polkit = virPolkitNew()))
            return -1;
    }
    remoteDaemonAuthInit(contexts->sasl, contexts->polkit, config->polkitTimeout);
    return 0;
}

/* --- both --- */

void
remoteDaemonListenContextsStop(remoteDaemonListenContexts *contexts)
{
    g_clear_pointer(&contexts->polkit, virPolkitFree);
}

void
remoteDaemonListenContextsClear(remoteDaemonListenContexts *contexts)
{
    remoteDaemonListenContextsStop(contexts);
    g_clear_pointer(&contexts->tls, virNetTLSContextUnref);
    g_clear_pointer(&contexts->sasl, virNetSASLContextUnref);
}

void
remoteDaemonListenReloadAuth(remoteDaemonListenContexts *contexts,
                             const remoteDaemonConfig *config)
{
    remoteDaemonAuthSetTimeout(config->polkitTimeout);
    if (contexts->sasl)
        virNetSASLContextReload(contexts->sasl,
                                (const char *const *)config->saslAllowedUsernameList,
                                config->tcpMinSSF);
}

int
remoteDaemonListenReloadTLS(remoteDaemonListenContexts *contexts, const remoteDaemonConfig *config)
{
    virNetTLSConfig files;

    if (!contexts->tls)
        return 0;
    remoteDaemonListenFillTLS(config, &files);
    return virNetTLSContextReload(contexts->tls, &files) < 0 ? -1 : 1;
}

/* --- sockets --- */

/* Takes @service; NULL: an error is reported. */
static int
remoteDaemonListenAdd(virNetServer *server, virNetServerService *service)
{
    return service ? virNetServerAddService(server, service) : -1;
}

/* Does the name of @sock, or its path if it has one, end with @suffix? */
static bool
remoteDaemonListenIsNamed(const remoteDaemonSocket *sock, const char *suffix)
{
    g_autofree char *name = g_strdup(sock->name);
    struct sockaddr_un addr = { 0 };
    socklen_t len = sizeof(addr) - 1;   /* the path is terminated in any case */

    if (g_str_has_suffix(name, ".socket"))
        name[strlen(name) - strlen(".socket")] = '\0';
    if (g_str_has_suffix(name, suffix))
        return true;
    return getsockname(sock->fd, (struct sockaddr *)&addr, &len) == 0 &&
        addr.sun_family == AF_UNIX && g_str_has_suffix(addr.sun_path, suffix);
}

static bool
remoteDaemonListenIsUNIX(const remoteDaemonSocket *sock)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof(family);

    return getsockopt(sock->fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family == AF_UNIX;
}

/* Whoever is let in there may see and change everything, so that nobody else is. */
static const virNetServerServiceOptions remoteDaemonListenAdminOptions = { .ownersOnly = true };

static int
remoteDaemonListenHandedOverAdmin(virNetServer *admin, const remoteDaemonSocket *sock)
{
    if (!remoteDaemonListenIsUNIX(sock)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("socket '%1$s' for administrators is no unix socket"), sock->name);
        return -1;
    }
    VIR_INFO("listening on socket '%s' for administrators, which was handed over", sock->name);
    return remoteDaemonListenAdd(admin, virNetServerServiceNewFD(sock->fd,
                                                                 &remoteDaemonListenAdminOptions));
}

/* What kind of clients a handed over socket is for is in its name: that of the socket unit, or one
 * chosen by FileDescriptorName=. */
static int
remoteDaemonListenHandedOver(virNetServer *server, virNetServer *admin,
                             const remoteDaemonConfig *config, const remoteDaemonSocket *sock,
                             remoteDaemonListenContexts *contexts)
{
    virNetServerServiceOptions options = { .readonly = remoteDaemonListenIsNamed(sock, "-ro") };
    gint64 auth;

    if (remoteDaemonListenIsNamed(sock, "-admin") ||
        remoteDaemonListenIsNamed(sock, "-admin-sock"))
        return remoteDaemonListenHandedOverAdmin(admin, sock);
    if (remoteDaemonListenIsNamed(sock, "-tls")) {
        if (remoteDaemonListenNeedTLS(config, contexts, &options) < 0)
            return -1;
        auth = config->authTLS;
    } else if (remoteDaemonListenIsUNIX(sock)) {
        auth = options.readonly ? config->authUnixRO : config->authUnixRW;
    } else {
        auth = config->authTCP;
    }
    if (remoteDaemonListenNeedAuth(config, auth, contexts, &options) < 0)
        return -1;
    VIR_INFO("listening on socket '%s', which was handed over", sock->name);
    return remoteDaemonListenAdd(server, virNetServerServiceNewFD(sock->fd, &options));
}

static int
remoteDaemonListenGroup(const remoteDaemonConfig *config, gid_t *group)
{
    char buffer[16384];         /* the longest entry that is of use: group files have some KB */
    struct group entry;
    struct group *found;
    int rc;

    *group = (gid_t)-1;
    if (!config->unixSockGroup)
        return 0;
    rc = getgrnam_r(config->unixSockGroup, &entry, buffer, sizeof(buffer), &found);
    if (!found) {
        if (rc != 0)
            virReportSystemError(rc, _("cannot look up group '%1$s'"), config->unixSockGroup);
        else
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("there is no group '%1$s', which 'unix_sock_group' names"),
                           config->unixSockGroup);
        return -1;
    }
    *group = entry.gr_gid;
    return 0;
}

int
remoteDaemonListenCheck(const remoteDaemonConfig *config)
{
    gid_t group;

    return remoteDaemonListenGroup(config, &group);
}

static int
remoteDaemonListenAdmin(virNetServer *admin, const remoteDaemonConfig *config)
{
    g_autofree char *path = g_build_filename(config->unixSockDir, REMOTE_DAEMON_SOCKET_ADMIN, NULL);

    return remoteDaemonListenAdd(admin, virNetServerServiceNewUNIX(
        path, 0700, (gid_t)-1, &remoteDaemonListenAdminOptions));
}

static int
remoteDaemonListenUNIX(virNetServer *server, const remoteDaemonConfig *config,
                       remoteDaemonListenContexts *contexts)
{
    g_autofree char *rw = g_build_filename(config->unixSockDir, REMOTE_DAEMON_SOCKET, NULL);
    g_autofree char *ro = g_build_filename(config->unixSockDir, REMOTE_DAEMON_SOCKET_RO, NULL);
    virNetServerServiceOptions options = { .readonly = false };
    gid_t group;

    if (remoteDaemonListenGroup(config, &group) < 0 ||
        remoteDaemonListenNeedAuth(config, config->authUnixRW, contexts, &options) < 0 ||
        remoteDaemonListenAdd(server, virNetServerServiceNewUNIX(
            rw, remoteDaemonConfigMode(config->unixSockRWPerms), group, &options)) < 0)
        return -1;
    options.readonly = true;
    if (remoteDaemonListenNeedAuth(config, config->authUnixRO, contexts, &options) < 0)
        return -1;
    return remoteDaemonListenAdd(server, virNetServerServiceNewUNIX(
        ro, remoteDaemonConfigMode(config->unixSockROPerms), group, &options));
}

static int
remoteDaemonListenTCP(virNetServer *server, const remoteDaemonConfig *config,
                      remoteDaemonListenContexts *contexts)
{
    virNetServerServiceOptions options = { .readonly = false };

    if (config->authTCP == REMOTE_DAEMON_AUTH_NONE)
        VIR_WARN("everybody who reaches TCP port %s may do everything", config->tcpPort);
    if (remoteDaemonListenNeedAuth(config, config->authTCP, contexts, &options) < 0)
        return -1;
    return remoteDaemonListenAdd(server, virNetServerServiceNewTCP(config->listenAddr,
                                                                   config->tcpPort, &options));
}

static int
remoteDaemonListenTLS(virNetServer *server, const remoteDaemonConfig *config,
                      remoteDaemonListenContexts *contexts)
{
    virNetServerServiceOptions options = { .readonly = false };

    if (remoteDaemonListenNeedTLS(config, contexts, &options) < 0 ||
        remoteDaemonListenNeedAuth(config, config->authTLS, contexts, &options) < 0)
        return -1;
    return remoteDaemonListenAdd(server, virNetServerServiceNewTCP(config->listenAddr,
                                                                   config->tlsPort, &options));
}

int
remoteDaemonListen(virNetServer *server, virNetServer *admin, const remoteDaemonConfig *config,
                   bool network, remoteDaemonListenContexts *contexts)
{
    g_autoptr(GArray) sockets = remoteDaemonNotifySockets();
    size_t i;

    for (i = 0; i < sockets->len; i++) {
        if (remoteDaemonListenHandedOver(server, admin, config,
                                         &g_array_index(sockets, remoteDaemonSocket, i),
                                         contexts) < 0)
            return -1;
    }
    if (sockets->len == 0 && (remoteDaemonListenAdmin(admin, config) < 0 ||
                              remoteDaemonListenUNIX(server, config, contexts) < 0))
        return -1;
    if (network && config->listenTCP && remoteDaemonListenTCP(server, config, contexts) < 0)
        return -1;
    if (network && config->listenTLS && remoteDaemonListenTLS(server, config, contexts) < 0)
        return -1;
    return 0;
}
