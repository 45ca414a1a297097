/*
 * remote_daemon_notify.c: what virtmond and its service manager tell each other
 *
 * The protocols are a few environment variables and a datagram, and stable: see
 * sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "virlog.h"

VIR_LOG_INIT("remote.daemon_notify");

/* The first descriptor that is handed over, always the same. */
#define REMOTE_DAEMON_SOCKETS_START 3

/* Microseconds that a message may wait until the manager has read some of those before. */
#define REMOTE_DAEMON_NOTIFY_PATIENCE 500000

static void
remoteDaemonSocketClear(void *opaque)
{
    remoteDaemonSocket *sock = opaque;

    g_free(sock->name);
}

/* A whole number of the environment that is for this process; 0 if it is not. */
static guint64
remoteDaemonNotifyNumber(const char *name, const char *pidName)
{
    const char *text = getenv(name);
    const char *pid = getenv(pidName);

    if (!text || (pid && g_ascii_strtoull(pid, NULL, 10) != (guint64)getpid()))
        return 0;
    return g_ascii_strtoull(text, NULL, 10);
}

GArray *
remoteDaemonNotifySockets(void)
{
    GArray *sockets = g_array_new(FALSE, TRUE, sizeof(remoteDaemonSocket));
    guint64 count = 0;
    g_auto(GStrv) names = NULL;
    size_t named;
    guint64 i;

    g_array_set_clear_func(sockets, remoteDaemonSocketClear);
    /* Without a PID they are somebody else's. */
    if (getenv("LISTEN_PID"))
        count = remoteDaemonNotifyNumber("LISTEN_FDS", "LISTEN_PID");
    if (count > REMOTE_DAEMON_SOCKETS_MAX) {
        VIR_WARN("%d of the %" G_GUINT64_FORMAT " sockets that were handed over are used",
                 REMOTE_DAEMON_SOCKETS_MAX, count);
        count = REMOTE_DAEMON_SOCKETS_MAX;
    }
    names = g_strsplit(getenv("LISTEN_FDNAMES") ? getenv("LISTEN_FDNAMES") : "", ":", -1);
    named = g_strv_length(names);
    for (i = 0; i < count; i++) {
        remoteDaemonSocket sock = { .fd = REMOTE_DAEMON_SOCKETS_START + (int)i };

        if (fcntl(sock.fd, F_SETFD, FD_CLOEXEC) < 0) {
            VIR_WARN("file descriptor %d was handed over, but is not open", sock.fd);
            continue;
        }
        sock.name = g_strdup(i < named ? names[i] : "");
        g_array_append_val(sockets, sock);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return sockets;
}

void
remoteDaemonNotify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    const struct timeval patience = { .tv_usec = REMOTE_DAEMON_NOTIFY_PATIENCE };
    size_t len = path ? strlen(path) : 0;
    int fd;

    if (len == 0)
        return;
    if ((*path != '/' && *path != '@') || len >= sizeof(addr.sun_path)) {
        VIR_WARN("NOTIFY_SOCKET '%s' is no address of a unix socket", path);
        return;
    }
    memcpy(addr.sun_path, path, len);
    if (*path == '@')
        addr.sun_path[0] = '\0';        /* the abstract namespace */

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* Threads that serve clients say something here too: a manager that reads nothing must not
     * stop them for long. */
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr,
               offsetof(struct sockaddr_un, sun_path) + len) < 0)
        VIR_WARN("cannot tell the service manager '%s': %s", state, g_strerror(errno));
    if (fd >= 0)
        close(fd);
}

guint64
remoteDaemonNotifyWatchdog(void)
{
    return remoteDaemonNotifyNumber("WATCHDOG_USEC", "WATCHDOG_PID");
}
