/*
 * virnetsocketaddr.c: addresses: connecting to them, listening on them, writing them down
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetsocketaddr.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netsocketaddr");

/* Ports tried where any will do, but the same one on every address. */
#define VIR_NET_SOCKET_ADDR_PORT_TRIES 16

typedef union {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage storage;
} virNetSocketAddr;

void
virNetSocketPathRemove(virNetSocketPath *path)
{
    struct stat st;

    if (path->path && lstat(path->path, &st) == 0 && st.st_dev == path->dev &&
        st.st_ino == path->ino && st.st_mtim.tv_sec == path->made.tv_sec &&
        st.st_mtim.tv_nsec == path->made.tv_nsec)
        unlink(path->path);
    g_free(path->path);
    memset(path, 0, sizeof(*path));
}

static int
virNetSocketAddrFill(const char *path, struct sockaddr_un *addr)
{
    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(addr->sun_path)) {
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("socket path '%1$s' is longer than the %2$zu bytes that the system takes"),
                       path, sizeof(addr->sun_path) - 1);
        return -1;
    }
    memcpy(addr->sun_path, path, strlen(path));
    return 0;
}

/* Connects and waits. Returns 0, or -1 with errno set. */
static int
virNetSocketAddrConnect(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct pollfd pfd = { .fd = fd, .events = POLLOUT };
    int err = 0;
    socklen_t errLen = sizeof(err);

    if (connect(fd, addr, len) == 0)
        return 0;
    if (errno != EINTR)
        return -1;
    /* It goes on in the background. */
    while (poll(&pfd, 1, -1) < 0) {
        if (errno != EINTR)
            return -1;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &errLen) < 0)
        return -1;
    errno = err;
    return err ? -1 : 0;
}

int
virNetSocketAddrConnectUNIX(const char *path)
{
    struct sockaddr_un addr;
    int fd;
    int rc;

    if (virNetSocketAddrFill(path, &addr) < 0)
        return -1;
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) {
        virReportSystemError(errno, "%s", _("cannot create a socket"));
        return -1;
    }
    /* Here a signal leaves nothing behind that would go on. */
    do {
        rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        virReportSystemError(errno, _("Failed to connect socket to '%1$s'"), path);
        close(fd);
        return -1;
    }
    return fd;
}

static struct addrinfo *
virNetSocketAddrResolve(const char *host, const char *service, int flags)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags,
    };
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host, service, &hints, &list);

    if (rc != 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("Unable to resolve address '%1$s' service '%2$s': %3$s"),
                       host ? host : "*", service,
                       rc == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(rc));
        return NULL;
    }
    return list;
}

int
virNetSocketAddrConnectTCP(const char *host, const char *service)
{
    struct addrinfo *list = virNetSocketAddrResolve(host, service, 0);
    struct addrinfo *addr;
    int err = EAFNOSUPPORT;
    int fd = -1;

    if (!list)
        return -1;
    for (addr = list; addr; addr = addr->ai_next) {
        if ((fd = socket(addr->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) {
            err = errno;
            continue;
        }
        if (virNetSocketAddrConnect(fd, addr->ai_addr, addr->ai_addrlen) == 0)
            break;
        err = errno;
        VIR_DEBUG("no connection to %s by one of its addresses: %s", host, g_strerror(err));
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0)
        virReportSystemError(err, _("unable to connect to server at '%1$s:%2$s'"), host, service);
    return fd;
}

/* Whether the file is a socket that somebody listens on. */
static bool
virNetSocketAddrIsServed(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool served;

    if (fd < 0)
        return true;
    /* EAGAIN: and so busy that the queue is full. */
    served = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
        (errno != ECONNREFUSED && errno != ENOENT);
    close(fd);
    return served;
}

/* Binds, in place of a file that nobody listens on. Returns 0, or -1 with errno set. */
static int
virNetSocketAddrBindUNIX(int fd, const struct sockaddr_un *addr)
{
    struct stat st;

    if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (lstat(addr->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode) ||
        virNetSocketAddrIsServed(addr)) {
        errno = EADDRINUSE;
        return -1;
    }
    if (unlink(addr->sun_path) < 0 && errno != ENOENT)
        return -1;
    return bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

int
virNetSocketAddrListenUNIX(const char *path, int mode, gid_t group, virNetSocketPath *own)
{
    struct sockaddr_un addr;
    struct stat st;
    int fd;

    if (virNetSocketAddrFill(path, &addr) < 0)
        return -1;
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0) {
        virReportSystemError(errno, "%s", _("cannot create a socket"));
        return -1;
    }
    if (virNetSocketAddrBindUNIX(fd, &addr) < 0) {
        virReportSystemError(errno, _("cannot bind a socket to '%1$s'"), path);
        close(fd);
        return -1;
    }
    if (lstat(path, &st) < 0) {
        virReportSystemError(errno, _("cannot find the socket '%1$s'"), path);
        close(fd);
        return -1;
    }
    own->path = g_strdup(path);
    own->dev = st.st_dev;
    own->ino = st.st_ino;
    own->made = st.st_mtim;

    /* Nobody can connect before listen(), so nobody gets in by the permissions from before. */
    if (group != (gid_t)-1 && chown(path, -1, group) < 0) {
        virReportSystemError(errno, _("cannot give the socket '%1$s' to group %2$u"), path,
                             (unsigned int)group);
        goto error;
    }
    if (mode != -1 && chmod(path, mode) < 0) {
        virReportSystemError(errno, _("cannot set the permissions of the socket '%1$s'"), path);
        goto error;
    }
    if (listen(fd, SOMAXCONN) < 0) {
        virReportSystemError(errno, _("cannot listen on the socket '%1$s'"), path);
        goto error;
    }
    return fd;

 error:
    virNetSocketPathRemove(own);
    close(fd);
    return -1;
}

/* Port in network order; 0 if the family has none. */
static in_port_t *
virNetSocketAddrPortOf(virNetSocketAddr *addr)
{
    switch (addr->any.sa_family) {
    case AF_INET:
        return &addr->in.sin_port;
    case AF_INET6:
        return &addr->in6.sin6_port;
    default:
        return NULL;
    }
}

/* Returns an fd, -1 with errno set. */
static int
virNetSocketAddrListenOne(const struct addrinfo *info, in_port_t port)
{
    virNetSocketAddr addr = { 0 };
    in_port_t *place;
    int one = 1;
    int err;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    memcpy(&addr, info->ai_addr, MIN(info->ai_addrlen, sizeof(addr)));
    if (port && (place = virNetSocketAddrPortOf(&addr)))
        *place = port;
    /* A restart needn't wait for the connections of the last run to be forgotten. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        (info->ai_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
        bind(fd, &addr.any, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    err = errno;
    close(fd);
    errno = err;
    return -1;
}

static void
virNetSocketAddrCloseAll(GArray *fds)
{
    guint i;

    for (i = 0; i < fds->len; i++)
        close(g_array_index(fds, int, i));
    g_array_set_size(fds, 0);
}

/* Listens on all of @list. Returns 0, or -1 with errno set and none of them open; with
 * EADDRINUSE and @again, another port may do. */
static int
virNetSocketAddrListenAll(const struct addrinfo *list, GArray *fds, bool *again)
{
    const struct addrinfo *info;
    in_port_t port = 0;
    int err = EADDRNOTAVAIL;

    *again = false;
    for (info = list; info; info = info->ai_next) {
        virNetSocketAddr addr;
        int fd = virNetSocketAddrListenOne(info, port);

        memcpy(&addr, info->ai_addr, MIN(info->ai_addrlen, sizeof(addr)));
        if (fd < 0) {
            err = errno;
            /* Without IPv6, or without that network. */
            if (err == EAFNOSUPPORT || err == EADDRNOTAVAIL)
                continue;
            *again = port != 0;
            virNetSocketAddrCloseAll(fds);
            errno = err;
            return -1;
        }
        g_array_append_val(fds, fd);
        if (port == 0 && virNetSocketAddrPortOf(&addr) && *virNetSocketAddrPortOf(&addr) == 0)
            port = htons(virNetSocketAddrPort(fd));
    }
    errno = err;
    return fds->len > 0 ? 0 : -1;
}

int
virNetSocketAddrListenTCP(const char *host, const char *service, int **fds, size_t *nfds)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(int));
    struct addrinfo *list = virNetSocketAddrResolve(host, service, AI_PASSIVE);
    bool again = true;
    int tries;
    int rc = -1;

    if (!list)
        return -1;
    for (tries = 0; rc < 0 && again && tries < VIR_NET_SOCKET_ADDR_PORT_TRIES; tries++)
        rc = virNetSocketAddrListenAll(list, all, &again);
    if (rc < 0)
        virReportSystemError(errno, _("cannot listen on '%1$s:%2$s'"), host ? host : "*",
                             service);
    freeaddrinfo(list);
    if (rc < 0)
        return -1;
    *nfds = all->len;
    *fds = (int *)g_array_free(g_steal_pointer(&all), FALSE);
    return 0;
}

int
virNetSocketAddrFamily(int fd)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof(family);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
        return AF_UNSPEC;
    return family;
}

void
virNetSocketAddrSetNoDelay(int fd)
{
    int family = virNetSocketAddrFamily(fd);
    int one = 1;

    if (family == AF_INET || family == AF_INET6)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static bool
virNetSocketAddrGet(int fd, bool remote, virNetSocketAddr *addr, socklen_t *len)
{
    *len = sizeof(*addr);
    memset(addr, 0, sizeof(*addr));
    return (remote ? getpeername(fd, &addr->any, len) : getsockname(fd, &addr->any, len)) == 0;
}

char *
virNetSocketAddrFormat(int fd, bool remote)
{
    virNetSocketAddr addr;
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    socklen_t len;

    if (!virNetSocketAddrGet(fd, remote, &addr, &len))
        return g_strdup(";0");
    if (addr.any.sa_family == AF_UNIX) {
        /* Those without a name, and those whose name is no path, have an empty one here. The
         * longest path has no NUL behind it. */
        return g_strdup_printf("%.*s;0", (int)sizeof(addr.un.sun_path), addr.un.sun_path);
    }
    if (getnameinfo(&addr.any, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return g_strdup(";0");
    return g_strdup_printf("%s;%s", host, port);
}

int
virNetSocketAddrPort(int fd)
{
    virNetSocketAddr addr;
    socklen_t len;
    in_port_t *port;

    if (!virNetSocketAddrGet(fd, false, &addr, &len) || !(port = virNetSocketAddrPortOf(&addr)))
        return 0;
    return ntohs(*port);
}
