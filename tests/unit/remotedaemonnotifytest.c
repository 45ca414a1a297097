/*
 * remotedaemonnotifytest.c: what virtmond and its service manager tell each other
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_notify.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "testutils.h"

static void
setNumber(const char *name, long long number)
{
    g_autofree char *text = g_strdup_printf("%lld", number);

    g_assert_true(g_setenv(name, text, TRUE));
}

static GArray *
takeSockets(long long pid, long long count, const char *names)
{
    if (pid)
        setNumber("LISTEN_PID", pid);
    setNumber("LISTEN_FDS", count);
    if (names)
        g_setenv("LISTEN_FDNAMES", names, TRUE);
    return remoteDaemonNotifySockets();
}

static void
assertForgotten(void)
{
    g_assert_null(g_getenv("LISTEN_PID"));
    g_assert_null(g_getenv("LISTEN_FDS"));
    g_assert_null(g_getenv("LISTEN_FDNAMES"));
}

static const char *
nameOf(GArray *sockets, guint i)
{
    return g_array_index(sockets, remoteDaemonSocket, i).name;
}

static void
testSockets(void)
{
    g_autoptr(GArray) none = remoteDaemonNotifySockets();
    g_autoptr(GArray) others = takeSockets(getpid() + 1, 1, NULL);
    g_autoptr(GArray) whose = takeSockets(0, 1, NULL);
    g_autoptr(GArray) mine = NULL;
    g_autoptr(GArray) again = NULL;
    int fds[2] = { -1, -1 };
    int i;

    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpuint(others->len, ==, 0);
    g_assert_cmpuint(whose->len, ==, 0);
    assertForgotten();

    /* The first two from 3 on are open, and the fourth is not. */
    for (i = 0; i < 2; i++) {
        if (fcntl(3 + i, F_GETFD) < 0) {
            g_assert_cmpint(fds[i] = open("/dev/null", O_RDONLY), ==, 3 + i);
        } else {
            g_assert_cmpint(fcntl(3 + i, F_SETFD, 0), ==, 0);
        }
    }
    mine = takeSockets(getpid(), 2, "a.socket");
    g_assert_cmpuint(mine->len, ==, 2);
    g_assert_cmpstr(nameOf(mine, 0), ==, "a.socket");
    g_assert_cmpstr(nameOf(mine, 1), ==, "");
    g_assert_cmpint(g_array_index(mine, remoteDaemonSocket, 1).fd, ==, 4);
    g_assert_cmpint(fcntl(3, F_GETFD) & FD_CLOEXEC, !=, 0);
    assertForgotten();
    again = remoteDaemonNotifySockets();
    g_assert_cmpuint(again->len, ==, 0);
    for (i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

/* Listens at @path, or at that name of the abstract namespace if it begins with '@'. */
static int
listenAt(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(addr.sun_path, path, strlen(path));
    if (*path == '@')
        addr.sun_path[0] = '\0';
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr,
                         G_STRUCT_OFFSET(struct sockaddr_un, sun_path) + strlen(path)), ==, 0);
    g_setenv("NOTIFY_SOCKET", path, TRUE);
    return fd;
}

static void
assertHears(int fd, const char *expected)
{
    char text[100];
    ssize_t n = recv(fd, text, sizeof(text), 0);

    g_assert_cmpint(n, ==, strlen(expected));
    g_assert_true(memcmp(text, expected, n) == 0);
}

static void
testNotify(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "notify", NULL);
    g_autofree char *abstract = g_strdup_printf("@%s", path);
    g_autofree char *tooLong = g_strnfill(200, '/');
    int fd;
    int i;

    g_unsetenv("NOTIFY_SOCKET");
    remoteDaemonNotify("READY=1");              /* nobody wants to know */
    g_setenv("NOTIFY_SOCKET", path, TRUE);
    remoteDaemonNotify("READY=1");              /* nobody is there */
    g_setenv("NOTIFY_SOCKET", "relative", TRUE);
    remoteDaemonNotify("READY=1");
    g_setenv("NOTIFY_SOCKET", tooLong, TRUE);
    remoteDaemonNotify("READY=1");

    fd = listenAt(abstract);
    remoteDaemonNotify("STOPPING=1");
    assertHears(fd, "STOPPING=1");
    close(fd);

    fd = listenAt(path);
    remoteDaemonNotify("READY=1");
    assertHears(fd, "READY=1");
    /* A manager that doesn't read: it returns all the same. How many fit is the kernel's
     * choice, and a process's own: see unix(7). */
    for (i = 0; i < 1000 && send(fd, "", 0, MSG_DONTWAIT) == 0; i++)
        ;
    for (i = 0; i < 15; i++)
        remoteDaemonNotify("WATCHDOG=1");
    assertHears(fd, "WATCHDOG=1");
    close(fd);
    g_unsetenv("NOTIFY_SOCKET");
    g_remove(path);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void
testWatchdog(void)
{
    g_unsetenv("WATCHDOG_USEC");
    g_unsetenv("WATCHDOG_PID");
    g_assert_cmpuint(remoteDaemonNotifyWatchdog(), ==, 0);
    setNumber("WATCHDOG_USEC", 3000000);
    g_assert_cmpuint(remoteDaemonNotifyWatchdog(), ==, 3000000);
    setNumber("WATCHDOG_PID", getpid() + 1);
    g_assert_cmpuint(remoteDaemonNotifyWatchdog(), ==, 0);
    setNumber("WATCHDOG_PID", getpid());
    g_assert_cmpuint(remoteDaemonNotifyWatchdog(), ==, 3000000);
    g_setenv("WATCHDOG_USEC", "soon", TRUE);
    g_assert_cmpuint(remoteDaemonNotifyWatchdog(), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/daemon-notify/sockets", testSockets);
    g_test_add_func("/remote/daemon-notify/notify", testNotify);
    g_test_add_func("/remote/daemon-notify/watchdog", testWatchdog);
    return testRunCountingFds();
}
