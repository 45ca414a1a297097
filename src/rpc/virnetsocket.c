/*
 * virnetsocket.c: a stream of bytes to another process, whatever carries it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virnetsocketaddr.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netsocket");

/* Bytes of a command's complaints that are kept: some lines of ssh's. */
#define VIR_NET_SOCKET_STDERR_MAX 4096

/* Bytes that are read together to be decrypted by SASL: what comes out of them and of the part of a
 * block before has room in the smallest buffer. */
#define VIR_NET_SOCKET_SASL_READ \
    (VIR_NET_SOCKET_READ_MIN - VIR_NET_SASL_BLOCK_MAX)

/* Bytes that are encrypted together: the most that a TLS record takes. */
#define VIR_NET_SOCKET_RECORD (16 * 1024)

extern char **environ;

typedef enum {
    VIR_NET_SOCKET_TLS_NONE,
    VIR_NET_SOCKET_TLS_HANDSHAKE,
    VIR_NET_SOCKET_TLS_CONFIRM,     /* the server's word on the client's certificate */
    VIR_NET_SOCKET_TLS_READY,
} virNetSocketTLSState;

struct _virNetSocket {
    int fd;
    int family;                 /* AF_UNIX: fds can be passed */
    virNetSocketPath path;      /* of a listening unix socket that is ours to remove */
    pid_t child;                /* a command; 0: none */
    int childErr;               /* where it complains to; -1: none */
    char *local, *remote;       /* NULL until asked for */

    virNetSocketTLSState tlsState;
    bool tlsServer;
    virNetTLSSession *tls;
    char *record;               /* where pieces are gathered for encryption */

    virNetSASLSession *sasl;    /* NULL: no layer of its */
    virNetSASLData block;       /* of its, from @blockSent on not sent yet */
    size_t blockSent;
};

static virNetSocket *
virNetSocketNew(int fd)
{
    virNetSocket *sock = g_new0(virNetSocket, 1);

    sock->fd = fd;
    sock->childErr = -1;
    sock->family = virNetSocketAddrFamily(fd);
    return sock;
}

/* Takes @fd, also on failure. */
static virNetSocket *
virNetSocketNewNonBlocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        virReportSystemError(errno, _("cannot set up file descriptor %1$d for a connection"), fd);
        close(fd);
        return NULL;
    }
    virNetSocketAddrSetNoDelay(fd);
    return virNetSocketNew(fd);
}

virNetSocket *
virNetSocketNewConnected(int fd)
{
    return virNetSocketNewNonBlocking(fd);
}

virNetSocket *
virNetSocketNewConnectUNIX(const char *path)
{
    int fd = virNetSocketAddrConnectUNIX(path);

    return fd < 0 ? NULL : virNetSocketNewNonBlocking(fd);
}

virNetSocket *
virNetSocketNewConnectTCP(const char *host, const char *service)
{
    int fd = virNetSocketAddrConnectTCP(host, service);

    return fd < 0 ? NULL : virNetSocketNewNonBlocking(fd);
}

/* Returns 0, or -1 with errno set: @fd is as it was then. */
static int
virNetSocketMoveUp(int *fd)
{
    int up;

    if (*fd > STDERR_FILENO)
        return 0;
    if ((up = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) < 0)
        return -1;
    close(*fd);
    *fd = up;
    return 0;
}

/* In memory and of a fixed size: a command that complains a lot gets an error from its write
 * instead of blocking because nobody reads. How much there is, is the offset, which the
 * processes share. */
static int
virNetSocketOpenChildErr(void)
{
    int fd = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -1;
    if (ftruncate(fd, VIR_NET_SOCKET_STDERR_MAX) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What the command said; NULL: nothing. */
static char *
virNetSocketReadChildErr(virNetSocket *sock)
{
    off_t len = sock->childErr >= 0 ? lseek(sock->childErr, 0, SEEK_CUR) : 0;
    g_autofree char *text = NULL;
    ssize_t n;

    if (len <= 0)
        return NULL;
    len = MIN(len, VIR_NET_SOCKET_STDERR_MAX);
    text = g_malloc0(len + 1);
    if ((n = pread(sock->childErr, text, len, 0)) <= 0)
        return NULL;
    text[n] = '\0';
    g_strchomp(text);
    return *text ? g_steal_pointer(&text) : NULL;
}

static int
virNetSocketSpawn(const char *const *argv, int stream, int err, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t all;
    int rc;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    sigfillset(&all);
    /* The application's other descriptors are none of the command's business; without
     * the terminal, however, it couldn't ask for a password. */
    if ((rc = posix_spawn_file_actions_adddup2(&actions, stream, STDIN_FILENO)) == 0 &&
        (rc = posix_spawn_file_actions_adddup2(&actions, stream, STDOUT_FILENO)) == 0 &&
        (rc = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO)) == 0 &&
        (rc = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)) == 0 &&
        (rc = posix_spawnattr_setsigmask(&attr, &none)) == 0 &&
        (rc = posix_spawnattr_setsigdefault(&attr, &all)) == 0 &&
        (rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF)) == 0)
        rc = posix_spawnp(child, argv[0], &actions, &attr, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return rc;
}

virNetSocket *
virNetSocketNewConnectCommand(const char *const *argv)
{
    virNetSocket *sock = NULL;
    int stream[2] = { -1, -1 };
    int err = -1;
    pid_t child = 0;
    int rc;

    /* Above the three that the command gets: an application may have closed those. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) < 0 ||
        (err = virNetSocketOpenChildErr()) < 0 ||
        virNetSocketMoveUp(&stream[1]) < 0 || virNetSocketMoveUp(&err) < 0) {
        virReportSystemError(errno, _("cannot prepare to run '%1$s'"), argv[0]);
        goto error;
    }
    if ((rc = virNetSocketSpawn(argv, stream[1], err, &child)) != 0) {
        virReportSystemError(rc, _("cannot run '%1$s'"), argv[0]);
        goto error;
    }
    close(stream[1]);
    stream[1] = -1;
    sock = virNetSocketNewNonBlocking(stream[0]);
    stream[0] = -1;
    if (!sock) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        goto error;
    }
    sock->family = AF_UNSPEC;   /* what is behind the command may be anywhere */
    sock->child = child;
    sock->childErr = err;
    sock->local = g_strdup("");
    sock->remote = g_strdup(argv[0]);
    return sock;

 error:
    if (stream[0] >= 0)
        close(stream[0]);
    if (stream[1] >= 0)
        close(stream[1]);
    if (err >= 0)
        close(err);
    return NULL;
}

virNetSocket *
virNetSocketNewListenUNIX(const char *path, int mode, gid_t group)
{
    virNetSocketPath own = { 0 };
    int fd = virNetSocketAddrListenUNIX(path, mode, group, &own);
    virNetSocket *sock;

    if (fd < 0)
        return NULL;
    sock = virNetSocketNew(fd);
    sock->path = own;
    return sock;
}

int
virNetSocketNewListenTCP(const char *host, const char *service, virNetSocket ***sockets,
                         size_t *nsockets)
{
    g_autofree int *fds = NULL;
    size_t nfds;
    size_t i;

    if (virNetSocketAddrListenTCP(host, service, &fds, &nfds) < 0)
        return -1;
    *sockets = g_new0(virNetSocket *, nfds);
    for (i = 0; i < nfds; i++)
        (*sockets)[i] = virNetSocketNew(fds[i]);
    *nsockets = nfds;
    return 0;
}

virNetSocket *
virNetSocketNewListenFD(int fd)
{
    int listening = 0;
    socklen_t len = sizeof(listening);
    int flags;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0) {
        virReportSystemError(errno, _("file descriptor %1$d is not a socket"), fd);
        return NULL;
    }
    if (!listening) {
        virReportError(VIR_ERR_INVALID_ARG, _("file descriptor %1$d does not listen"), fd);
        return NULL;
    }
    if ((flags = fcntl(fd, F_GETFL)) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        virReportSystemError(errno, _("cannot set up file descriptor %1$d for a connection"), fd);
        return NULL;
    }
    return virNetSocketNew(fd);
}

int
virNetSocketAccept(virNetSocket *sock, virNetSocket **client)
{
    int fd = accept4(sock->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        /* Those who have hung up meanwhile, and what went wrong in their network, are not
         * this socket's failure. */
        switch (errno) {
        case EAGAIN:
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
            return 0;
        default:
            virReportSystemError(errno, "%s", _("cannot accept a client"));
            return -1;
        }
    }
    virNetSocketAddrSetNoDelay(fd);
    *client = virNetSocketNew(fd);
    return 1;
}

void
virNetSocketFree(virNetSocket *sock)
{
    if (!sock)
        return;
    virNetTLSSessionFree(sock->tls);
    virNetSASLSessionFree(sock->sasl);
    g_free(sock->record);
    close(sock->fd);
    if (sock->child > 0) {
        /* Nothing that it could still do matters, and an application must not be kept
         * waiting by it. */
        kill(sock->child, SIGTERM);
        if (waitpid(sock->child, NULL, WNOHANG) == 0) {
            kill(sock->child, SIGKILL);
            while (waitpid(sock->child, NULL, 0) < 0 && errno == EINTR)
                ;
        }
    }
    if (sock->childErr >= 0)
        close(sock->childErr);
    virNetSocketPathRemove(&sock->path);
    g_free(sock->local);
    g_free(sock->remote);
    g_free(sock);
}

int
virNetSocketGetFD(virNetSocket *sock)
{
    return sock->fd;
}

void
virNetSocketShutdown(virNetSocket *sock)
{
    if (sock->tls)
        virNetTLSSessionBye(sock->tls);
    shutdown(sock->fd, SHUT_RDWR);
}

static ssize_t
virNetSocketTLSRead(void *buf, size_t len, void *opaque)
{
    virNetSocket *sock = opaque;

    return recv(sock->fd, buf, len, 0);
}

static ssize_t
virNetSocketTLSWrite(const void *buf, size_t len, void *opaque)
{
    virNetSocket *sock = opaque;

    return send(sock->fd, buf, len, MSG_NOSIGNAL);
}

int
virNetSocketSetTLS(virNetSocket *sock, virNetTLSContext *ctx, const char *hostname)
{
    static const virNetTLSTransport transport = { virNetSocketTLSRead, virNetSocketTLSWrite };

    if (!(sock->tls = virNetTLSSessionNew(ctx, hostname, &transport, sock)))
        return -1;
    sock->tlsServer = !hostname;
    sock->tlsState = VIR_NET_SOCKET_TLS_HANDSHAKE;
    return 0;
}

static int
virNetSocketConfirm(virNetSocket *sock)
{
    ssize_t n;
    char byte;

    /* The other side's refusal is nothing but the end of the stream. */
    n = virNetTLSSessionRead(sock->tls, &byte, 1);
    if (n == 0 || n == -1)
        return n;
    if (n < 0) {
        virReportSystemError(EIO, "%s", _("end of file instead of the server's consent to our "
                                          "certificate"));
        return -1;
    }
    if (byte != 1) {
        virReportError(VIR_ERR_RPC, "%s", _("the server does not consent to our certificate"));
        return -1;
    }
    return 1;
}

int
virNetSocketHandshake(virNetSocket *sock)
{
    static const char consent = 1;
    int rc;

    if (sock->tlsState == VIR_NET_SOCKET_TLS_HANDSHAKE) {
        if ((rc = virNetTLSSessionHandshake(sock->tls)) <= 0)
            return rc;
        /* One record is in GnuTLS's hands whether or not the socket takes it now. */
        if (sock->tlsServer && virNetTLSSessionWrite(sock->tls, &consent, 1) < 0)
            return -1;
        sock->tlsState = VIR_NET_SOCKET_TLS_CONFIRM;
    }
    if (sock->tlsState == VIR_NET_SOCKET_TLS_CONFIRM) {
        rc = sock->tlsServer ? virNetTLSSessionFlush(sock->tls) : virNetSocketConfirm(sock);
        if (rc <= 0)
            return rc;
        sock->tlsState = VIR_NET_SOCKET_TLS_READY;
    }
    return 1;
}

int
virNetSocketHandshakeWait(virNetSocket *sock)
{
    for (;;) {
        struct pollfd pfd = { .fd = sock->fd };
        int rc = virNetSocketHandshake(sock);

        if (rc != 0)
            return rc < 0 ? -1 : 0;
        pfd.events = virNetSocketWants(sock) == EPOLLOUT ? POLLOUT : POLLIN;
        if (poll(&pfd, 1, -1) < 0 && errno != EINTR) {
            virReportSystemError(errno, "%s", _("cannot wait for the TLS handshake"));
            return -1;
        }
    }
}

uint32_t
virNetSocketWants(virNetSocket *sock)
{
    if (sock->tlsState == VIR_NET_SOCKET_TLS_HANDSHAKE)
        return virNetTLSSessionWantsWrite(sock->tls) ? EPOLLOUT : EPOLLIN;
    return sock->tlsState == VIR_NET_SOCKET_TLS_CONFIRM && sock->tlsServer ? EPOLLOUT : EPOLLIN;
}

void
virNetSocketSetSASL(virNetSocket *sock, virNetSASLSession *session)
{
    if (!virNetSASLSessionIsLayer(session)) {
        virNetSASLSessionFree(session);
        return;
    }
    g_assert(!sock->tls && !sock->sasl);
    sock->sasl = session;
}

static ssize_t
virNetSocketReportEnd(virNetSocket *sock)
{
    g_autofree char *said = virNetSocketReadChildErr(sock);

    if (said)
        virReportSystemError(EIO, _("End of file while reading data: %1$s"), said);
    else
        virReportSystemError(EIO, "%s", _("End of file while reading data"));
    return VIR_NET_SOCKET_EOF;
}

static ssize_t
virNetSocketReadTLS(virNetSocket *sock, char *buf, size_t len)
{
    size_t got = 0;

    /* As many whole records as fit. */
    while (len - got >= VIR_NET_SOCKET_READ_MIN) {
        ssize_t n = virNetTLSSessionRead(sock->tls, buf + got, len - got);

        if (n > 0) {
            got += n;
            continue;
        }
        /* An end or error comes again at the next call. */
        if (got > 0) {
            if (n < 0)
                virResetLastError();
            break;
        }
        return n == VIR_NET_TLS_EOF ? virNetSocketReportEnd(sock) : n;
    }
    return got;
}

static ssize_t
virNetSocketReadSASL(virNetSocket *sock, char *buf, size_t len)
{
    char bytes[VIR_NET_SOCKET_SASL_READ];
    virNetSASLData plain;
    size_t got = 0;

    while (len - got >= VIR_NET_SOCKET_READ_MIN) {
        ssize_t n = recv(sock->fd, bytes, sizeof(bytes), 0);

        if (n < 0 && errno == EINTR)
            continue;
        /* An end or error comes again at the next call. */
        if (n <= 0 && (got > 0 || (n < 0 && errno == EAGAIN)))
            break;
        if (n == 0)
            return virNetSocketReportEnd(sock);
        if (n < 0) {
            virReportSystemError(errno, "%s", _("Cannot recv data"));
            return -1;
        }
        if (virNetSASLSessionDecode(sock->sasl, bytes, n, &plain) < 0)
            return -1;
        if (plain.len > len - got) {
            virReportError(VIR_ERR_RPC, _("an encrypted block of %1$zu bytes is too large"),
                           plain.len);
            return -1;
        }
        if (plain.len > 0)
            memcpy(buf + got, plain.bytes, plain.len);
        got += plain.len;
    }
    return got;
}

/* Puts what came along into @fds, or away. */
static size_t
virNetSocketReadFDs(struct msghdr *msg, int *fds)
{
    struct cmsghdr *cmsg;
    size_t nfds = 0;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        const unsigned char *data = CMSG_DATA(cmsg);
        size_t left;

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        for (left = cmsg->cmsg_len - CMSG_LEN(0); left >= sizeof(int); left -= sizeof(int)) {
            int fd;

            memcpy(&fd, data, sizeof(fd));
            data += sizeof(fd);
            if (fds && nfds < VIR_NET_SOCKET_READ_FDS_MAX)
                fds[nfds++] = fd;
            else
                close(fd);
        }
    }
    return nfds;
}

ssize_t
virNetSocketRead(virNetSocket *sock, char *buf, size_t len, int *fds, size_t *nfds)
{
    union {
        char bytes[CMSG_SPACE(VIR_NET_SOCKET_READ_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { buf, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    g_autofree char *said = NULL;
    ssize_t n;

    if (nfds)
        *nfds = 0;
    if (sock->tls)
        return virNetSocketReadTLS(sock, buf, len);
    if (sock->sasl)
        return virNetSocketReadSASL(sock, buf, len);

    if (sock->family == AF_UNIX) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
    }
    do {
        n = recvmsg(sock->fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        if (msg.msg_controllen > 0) {
            size_t came = virNetSocketReadFDs(&msg, fds);

            if (nfds)
                *nfds = came;
        }
        return n;
    }
    if (n == 0)
        return virNetSocketReportEnd(sock);
    if (errno == EAGAIN)
        return 0;
    said = sock->childErr >= 0 ? virNetSocketReadChildErr(sock) : NULL;
    if (said)
        virReportSystemError(errno, _("Cannot recv data: %1$s"), said);
    else
        virReportSystemError(errno, "%s", _("Cannot recv data"));
    return -1;
}

/* Small pieces share what is encrypted together: at most @max bytes, VIR_NET_SOCKET_RECORD at
 * most. Returns where they are; *len is how many. */
static const char *
virNetSocketGather(virNetSocket *sock, const struct iovec *iov, size_t niov, size_t max,
                   size_t *len)
{
    size_t i;

    *len = 0;
    if (niov == 1) {
        *len = MIN(iov[0].iov_len, max);
        return iov[0].iov_base;
    }
    if (!sock->record)
        sock->record = g_malloc(VIR_NET_SOCKET_RECORD);
    for (i = 0; i < niov && *len < max; i++) {
        size_t take = MIN(iov[i].iov_len, max - *len);

        memcpy(sock->record + *len, iov[i].iov_base, take);
        *len += take;
    }
    return sock->record;
}

static ssize_t
virNetSocketWriteTLS(virNetSocket *sock, const struct iovec *iov, size_t niov)
{
    size_t len;
    const char *bytes = virNetSocketGather(sock, iov, niov, VIR_NET_SOCKET_RECORD, &len);

    return virNetTLSSessionWrite(sock->tls, bytes, len);
}

/* Bytes sent, 0 if none can be now, -1 with an error reported. */
static ssize_t
virNetSocketSend(virNetSocket *sock, const struct msghdr *msg)
{
    ssize_t n;

    do {
        n = sendmsg(sock->fd, msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EAGAIN)
        return 0;
    virReportSystemError(errno, "%s", _("Cannot write data"));
    return -1;
}

/* Sends what is left of a block. Returns as virNetSocketFlush(). */
static int
virNetSocketFlushSASL(virNetSocket *sock)
{
    while (sock->blockSent < sock->block.len) {
        struct iovec iov = {
            (char *)sock->block.bytes + sock->blockSent, sock->block.len - sock->blockSent,
        };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n = virNetSocketSend(sock, &msg);

        if (n <= 0)
            return n;
        sock->blockSent += n;
    }
    return 1;
}

static ssize_t
virNetSocketWriteSASL(virNetSocket *sock, const struct iovec *iov, size_t niov)
{
    const char *bytes;
    size_t len;
    int rc;

    if ((rc = virNetSocketFlushSASL(sock)) <= 0)
        return rc;
    bytes = virNetSocketGather(sock, iov, niov,
                               MIN(virNetSASLSessionGetEncodeMax(sock->sasl),
                                   VIR_NET_SOCKET_RECORD), &len);
    sock->block.len = sock->blockSent = 0;
    if (virNetSASLSessionEncode(sock->sasl, bytes, len, &sock->block) < 0 ||
        virNetSocketFlushSASL(sock) < 0)
        return -1;
    return len;
}

ssize_t
virNetSocketWrite(virNetSocket *sock, const struct iovec *iov, size_t niov)
{
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = niov };

    if (sock->tls)
        return virNetSocketWriteTLS(sock, iov, niov);
    if (sock->sasl)
        return virNetSocketWriteSASL(sock, iov, niov);
    return virNetSocketSend(sock, &msg);
}

int
virNetSocketFlush(virNetSocket *sock)
{
    if (sock->sasl)
        return virNetSocketFlushSASL(sock);
    return sock->tls ? virNetTLSSessionFlush(sock->tls) : 1;
}

int
virNetSocketSendFD(virNetSocket *sock, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    char byte = 0;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    ssize_t n;

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
    do {
        n = sendmsg(sock->fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n == 1)
        return 1;
    if (n < 0 && errno != EAGAIN) {
        virReportSystemError(errno, _("cannot send file descriptor %1$d"), fd);
        return -1;
    }
    return 0;
}

bool
virNetSocketIsLocal(virNetSocket *sock)
{
    return sock->family == AF_UNIX;
}

bool
virNetSocketCanPassFDs(virNetSocket *sock)
{
    return sock->family == AF_UNIX && !sock->tls && !sock->sasl;
}

bool
virNetSocketIsEncrypted(virNetSocket *sock)
{
    return sock->tls || sock->sasl;
}

bool
virNetSocketIsSecure(virNetSocket *sock)
{
    return virNetSocketIsEncrypted(sock) || sock->child > 0 || sock->family == AF_UNIX;
}

const char *
virNetSocketGetTLSName(virNetSocket *sock)
{
    return sock->tls ? virNetTLSSessionGetName(sock->tls) : NULL;
}

int
virNetSocketGetTLSKeySize(virNetSocket *sock)
{
    return sock->tls ? virNetTLSSessionGetKeySize(sock->tls) : 0;
}

const char *
virNetSocketGetLocalAddress(virNetSocket *sock)
{
    if (!sock->local)
        sock->local = virNetSocketAddrFormat(sock->fd, false);
    return sock->local;
}

const char *
virNetSocketGetRemoteAddress(virNetSocket *sock)
{
    if (!sock->remote)
        sock->remote = virNetSocketAddrFormat(sock->fd, true);
    return sock->remote;
}

int
virNetSocketGetPort(virNetSocket *sock)
{
    return virNetSocketAddrPort(sock->fd);
}

/* When a process began, in clock ticks after the machine's start; 0: unknown. */
static unsigned long long
virNetSocketProcessStart(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/stat", (long long)pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) words = NULL;
    const char *rest;

    /* The name, in parentheses, may hold anything; the state behind it is field 3. */
    if (!g_file_get_contents(path, &text, NULL, NULL) || !(rest = strrchr(text, ')')))
        return 0;
    words = g_strsplit(rest + 1, " ", -1);
    return g_strv_length(words) > 20 ? g_ascii_strtoull(words[20], NULL, 10) : 0;
}

bool
virNetSocketGetPeer(virNetSocket *sock, virNetSocketPeer *peer)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (sock->family != AF_UNIX ||
        getsockopt(sock->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return false;
    /* Of another PID namespace. */
    if (cred.pid <= 0)
        cred.pid = 0;
    peer->uid = cred.uid;
    peer->gid = cred.gid;
    peer->pid = cred.pid;
    peer->startTime = cred.pid ? virNetSocketProcessStart(cred.pid) : 0;
    return true;
}

char *
virNetSocketGetPeerLabel(virNetSocket *sock)
{
    char label[4096];
    socklen_t len = sizeof(label) - 1;

    /* Other security modules answer too, with labels of their own kind. */
    if (sock->family != AF_UNIX || access("/sys/fs/selinux/enforce", F_OK) < 0 ||
        getsockopt(sock->fd, SOL_SOCKET, SO_PEERSEC, label, &len) < 0 || len == 0)
        return NULL;
    label[len] = '\0';
    return g_strdup(label);
}
