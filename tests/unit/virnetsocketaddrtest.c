/*
 * virnetsocketaddrtest.c: connecting and listening, unix and IP
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testutils.h"
#include "virerror_priv.h"
#include "virnetsocketaddr.h"

typedef struct {
    char *dir;
    char *path;
} fixture;

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    fix->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(fix->dir);
    fix->path = g_build_filename(fix->dir, "sock", NULL);
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    unlink(fix->path);
    g_assert_cmpint(rmdir(fix->dir), ==, 0);
    g_free(fix->path);
    g_free(fix->dir);
    virResetLastError();
}

static void
assertSystemError(int err)
{
    g_assert_nonnull(virGetLastError());
    g_assert_cmpint(virGetLastError()->code, ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->domain, ==, VIR_FROM_RPC);
    g_assert_true(g_str_has_suffix(virGetLastErrorMessage(), g_strerror(err)));
    virResetLastError();
}

static void
testUNIX(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetSocketPath own = { 0 };
    g_autofree char *local = g_strconcat(fix->path, ";0", NULL);
    g_autofree char *have = NULL;
    struct stat st;
    int listener;
    int client;
    int server;

    g_assert_cmpint(virNetSocketAddrConnectUNIX(fix->path), ==, -1);
    assertSystemError(ENOENT);

    listener = virNetSocketAddrListenUNIX(fix->path, 0640, getgid(), &own);
    g_assert_cmpint(listener, >=, 0);
    g_assert_cmpint(fcntl(listener, F_GETFD), ==, FD_CLOEXEC);
    g_assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
    g_assert_cmpint(stat(fix->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0640);

    client = virNetSocketAddrConnectUNIX(fix->path);
    g_assert_cmpint(client, >=, 0);
    g_assert_cmpint(virNetSocketAddrFamily(client), ==, AF_UNIX);
    server = accept(listener, NULL, NULL);
    g_assert_cmpint(server, >=, 0);
    have = virNetSocketAddrFormat(server, false);
    g_assert_cmpstr(have, ==, local);
    g_free(have);
    have = virNetSocketAddrFormat(client, false);
    g_assert_cmpstr(have, ==, ";0");
    g_assert_cmpint(virNetSocketAddrPort(listener), ==, 0);

    close(client);
    close(server);
    close(listener);
    virNetSocketPathRemove(&own);
    g_assert_cmpint(stat(fix->path, &st), ==, -1);
    g_assert_null(own.path);
    virNetSocketPathRemove(&own);       /* nothing more to do */
}

static void
testLeftBehind(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetSocketPath first = { 0 };
    virNetSocketPath second = { 0 };
    virNetSocketPath third = { 0 };
    struct stat st;
    int fd = virNetSocketAddrListenUNIX(fix->path, -1, -1, &first);
    int other;

    /* Somebody listens: it is theirs. */
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(virNetSocketAddrListenUNIX(fix->path, -1, -1, &second), ==, -1);
    assertSystemError(EADDRINUSE);
    g_assert_null(second.path);
    g_assert_cmpint(stat(fix->path, &st), ==, 0);

    /* Nobody does any more: it is left from somebody who died. */
    close(fd);
    other = virNetSocketAddrListenUNIX(fix->path, -1, -1, &second);
    g_assert_cmpint(other, >=, 0);
    /* Who had it before doesn't take it away. */
    virNetSocketPathRemove(&first);
    g_assert_cmpint(stat(fix->path, &st), ==, 0);
    close(other);
    virNetSocketPathRemove(&second);

    /* What isn't a socket stays. */
    g_assert_true(g_file_set_contents(fix->path, "precious", -1, NULL));
    g_assert_cmpint(virNetSocketAddrListenUNIX(fix->path, -1, -1, &third), ==, -1);
    assertSystemError(EADDRINUSE);
    g_assert_cmpint(stat(fix->path, &st), ==, 0);
    g_assert_true(S_ISREG(st.st_mode));
}

static void
testLongPath(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *longest = g_strnfill(108, 'x');
    virNetSocketPath own = { 0 };

    g_assert_cmpint(virNetSocketAddrConnectUNIX(longest), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), longest));
    g_assert_cmpint(virNetSocketAddrListenUNIX(longest, -1, -1, &own), ==, -1);
}

static void
testTCP(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree int *fds = NULL;
    g_autofree char *service = NULL;
    g_autofree char *address = NULL;
    g_autofree char *want = NULL;
    size_t nfds;
    int client;
    int port;

    g_assert_cmpint(virNetSocketAddrListenTCP("127.0.0.1", "0", &fds, &nfds), ==, 0);
    g_assert_cmpuint(nfds, ==, 1);
    port = virNetSocketAddrPort(fds[0]);
    g_assert_cmpint(port, >, 0);
    service = g_strdup_printf("%d", port);

    client = virNetSocketAddrConnectTCP("127.0.0.1", service);
    g_assert_cmpint(client, >=, 0);
    address = virNetSocketAddrFormat(client, true);
    want = g_strdup_printf("127.0.0.1;%d", port);
    g_assert_cmpstr(address, ==, want);
    close(client);
    close(fds[0]);

    g_assert_cmpint(virNetSocketAddrConnectTCP("127.0.0.1", service), ==, -1);
    assertSystemError(ECONNREFUSED);
    g_assert_cmpint(virNetSocketAddrConnectTCP("127.0.0.1", "no such service"), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "no such service"));
}

static void
testTCPAllAddresses(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree int *fds = NULL;
    g_autofree char *service = NULL;
    size_t nfds;
    size_t i;
    int client;

    g_assert_cmpint(virNetSocketAddrListenTCP(NULL, "0", &fds, &nfds), ==, 0);
    g_assert_cmpuint(nfds, >=, 1);
    for (i = 1; i < nfds; i++)
        g_assert_cmpint(virNetSocketAddrPort(fds[i]), ==, virNetSocketAddrPort(fds[0]));
    service = g_strdup_printf("%d", virNetSocketAddrPort(fds[0]));
    /* By name: whichever of its addresses is served. */
    client = virNetSocketAddrConnectTCP("localhost", service);
    g_assert_cmpint(client, >=, 0);
    close(client);
    for (i = 0; i < nfds; i++)
        close(fds[i]);
}

static void
testTCPInUse(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree int *fds = NULL;
    g_autofree int *more = NULL;
    g_autofree char *service = NULL;
    size_t nfds;
    size_t nmore;

    g_assert_cmpint(virNetSocketAddrListenTCP("127.0.0.1", "0", &fds, &nfds), ==, 0);
    service = g_strdup_printf("%d", virNetSocketAddrPort(fds[0]));
    g_assert_cmpint(virNetSocketAddrListenTCP("127.0.0.1", service, &more, &nmore), ==, -1);
    assertSystemError(EADDRINUSE);
    g_assert_null(more);
    close(fds[0]);
    /* An address that isn't ours (reserved for documentation). */
    g_assert_cmpint(virNetSocketAddrListenTCP("192.0.2.1", "0", &more, &nmore), ==, -1);
    assertSystemError(EADDRNOTAVAIL);
}

static void
testNoSocket(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    g_autofree char *address = virNetSocketAddrFormat(null, true);

    g_assert_cmpstr(address, ==, ";0");
    g_assert_cmpint(virNetSocketAddrFamily(null), ==, AF_UNSPEC);
    g_assert_cmpint(virNetSocketAddrPort(null), ==, 0);
    close(null);
}

#define ADD(path, func) g_test_add("/netsocketaddr/" path, fixture, NULL, setUp, func, tearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("unix", testUNIX);
    ADD("left-behind", testLeftBehind);
    ADD("long-path", testLongPath);
    ADD("tcp", testTCP);
    ADD("tcp-all-addresses", testTCPAllAddresses);
    ADD("tcp-in-use", testTCPInUse);
    ADD("no-socket", testNoSocket);
    return testRunCountingFds();
}
