/*
 * virnetsockettest.c: streams over unix sockets, TCP and commands, and who is at their other end
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpcpeer.h"
#include "testsasl.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virnetsocket.h"

static ssize_t
readSome(virNetSocket *sock, char *buf, size_t len)
{
    g_autofree char *room = g_malloc(VIR_NET_SOCKET_READ_MIN);
    ssize_t n = virNetSocketRead(sock, room, VIR_NET_SOCKET_READ_MIN, NULL, NULL);

    if (n > 0) {
        g_assert_cmpuint(n, <=, len);
        memcpy(buf, room, n);
    }
    return n;
}

/* Waits for exactly @text. */
static void
assertRead(virNetSocket *sock, const char *text)
{
    size_t len = strlen(text);
    g_autofree char *have = g_malloc0(len + 1);
    size_t got = 0;

    while (got < len) {
        ssize_t n;

        rpcPeerWait(virNetSocketGetFD(sock), POLLIN);
        n = readSome(sock, have + got, len - got);
        g_assert_cmpint(n, >=, 0);
        got += n;
    }
    g_assert_cmpstr(have, ==, text);
}

static void
assertWrite(virNetSocket *sock, const char *first, const char *second)
{
    struct iovec iov[] = {
        { (void *)first, strlen(first) }, { (void *)second, strlen(second) },
    };

    g_assert_cmpint(virNetSocketWrite(sock, iov, 2), ==, strlen(first) + strlen(second));
    g_assert_cmpint(virNetSocketFlush(sock), ==, 1);
}

/* Waits for the end, and returns what is said of it. */
static const char *
readEnd(virNetSocket *sock, ssize_t how)
{
    char buf[16];

    rpcPeerWait(virNetSocketGetFD(sock), POLLIN);
    g_assert_cmpint(readSome(sock, buf, sizeof(buf)), ==, how);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
    return virGetLastErrorMessage();
}

static void
testUNIX(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "sock", NULL);
    g_autofree char *address = g_strconcat(path, ";0", NULL);
    virNetSocket *listener = virNetSocketNewListenUNIX(path, 0600, -1);
    virNetSocket *server = NULL;
    virNetSocket *client;
    virNetSocketPeer peer;
    char buf[16];

    g_assert_nonnull(listener);
    g_assert_cmpint(virNetSocketAccept(listener, &server), ==, 0);
    g_assert_null(server);
    client = virNetSocketNewConnectUNIX(path);
    g_assert_nonnull(client);
    g_assert_cmpint(virNetSocketAccept(listener, &server), ==, 1);

    g_assert_cmpint(virNetSocketHandshake(client), ==, 1);
    g_assert_cmpint(readSome(server, buf, sizeof(buf)), ==, 0);
    assertWrite(client, "hel", "lo");
    assertRead(server, "hello");
    assertWrite(server, "bye", "");
    assertRead(client, "bye");

    g_assert_true(virNetSocketCanPassFDs(server));
    g_assert_true(virNetSocketIsSecure(server));
    g_assert_false(virNetSocketIsEncrypted(server));
    g_assert_cmpint(virNetSocketGetTLSKeySize(server), ==, 0);
    g_assert_null(virNetSocketGetTLSName(server));
    g_assert_cmpstr(virNetSocketGetLocalAddress(server), ==, address);
    g_assert_cmpstr(virNetSocketGetRemoteAddress(client), ==, address);
    g_assert_true(virNetSocketGetPeer(server, &peer));
    g_assert_cmpint(peer.pid, ==, getpid());
    g_assert_cmpint(peer.uid, ==, geteuid());
    g_assert_cmpint(peer.gid, ==, getegid());
    g_assert_cmpuint(peer.startTime, >, 0);

    virNetSocketFree(client);
    g_assert_cmpstr(readEnd(server, VIR_NET_SOCKET_EOF), ==,
                    "End of file while reading data: Input/output error");
    virNetSocketFree(server);
    virNetSocketFree(listener);
    g_assert_cmpint(access(path, F_OK), ==, -1);
    g_assert_cmpint(rmdir(dir), ==, 0);
    virResetLastError();
}

static void
testTCP(void)
{
    virNetSocket **listeners;
    size_t nlisteners;
    virNetSocket *server = NULL;
    virNetSocket *client;
    g_autofree char *service = NULL;
    virNetSocketPeer peer;

    g_assert_cmpint(virNetSocketNewListenTCP("127.0.0.1", "0", &listeners, &nlisteners), ==, 0);
    g_assert_cmpuint(nlisteners, ==, 1);
    service = g_strdup_printf("%d", virNetSocketGetPort(listeners[0]));
    client = virNetSocketNewConnectTCP("127.0.0.1", service);
    g_assert_nonnull(client);
    rpcPeerWait(virNetSocketGetFD(listeners[0]), POLLIN);
    g_assert_cmpint(virNetSocketAccept(listeners[0], &server), ==, 1);

    assertWrite(client, "hel", "lo");
    assertRead(server, "hello");
    g_assert_false(virNetSocketCanPassFDs(server));
    g_assert_false(virNetSocketIsSecure(server));
    g_assert_false(virNetSocketGetPeer(server, &peer));
    g_assert_null(virNetSocketGetPeerLabel(server));
    g_assert_true(g_str_has_prefix(virNetSocketGetRemoteAddress(server), "127.0.0.1;"));

    virNetSocketShutdown(server);
    readEnd(client, VIR_NET_SOCKET_EOF);
    virNetSocketFree(client);
    virNetSocketFree(server);
    virNetSocketFree(listeners[0]);
    g_free(listeners);
    virResetLastError();
}

/* What a service manager hands over. */
static void
testInherited(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "sock", NULL);
    virNetSocket *original = virNetSocketNewListenUNIX(path, -1, -1);
    virNetSocket *listener;
    virNetSocket *server;
    int client;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int unbound = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int copy = dup(virNetSocketGetFD(original));

    listener = virNetSocketNewListenFD(copy);
    g_assert_nonnull(listener);
    g_assert_cmpint(fcntl(copy, F_GETFD), ==, FD_CLOEXEC);
    client = rpcPeerConnectUNIX(path);
    g_assert_cmpint(virNetSocketAccept(listener, &server), ==, 1);
    virNetSocketFree(server);
    virNetSocketFree(listener);
    g_assert_cmpint(access(path, F_OK), ==, 0);         /* it isn't its own */
    virNetSocketFree(original);
    close(client);

    g_assert_null(virNetSocketNewListenFD(null));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_null(virNetSocketNewListenFD(unbound));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    close(null);
    close(unbound);
    g_assert_cmpint(rmdir(dir), ==, 0);
    virResetLastError();
}

static void
testDescriptors(void)
{
    int pair[2];
    virNetSocket *one;
    virNetSocket *other;
    int fds[VIR_NET_SOCKET_READ_FDS_MAX];
    size_t nfds;
    g_autofree char *buf = g_malloc(VIR_NET_SOCKET_READ_MIN);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct stat st;

    rpcPeerPair(pair);
    one = virNetSocketNewConnected(pair[0]);
    other = virNetSocketNewConnected(pair[1]);
    assertWrite(one, "before", "");
    g_assert_cmpint(virNetSocketSendFD(one, null), ==, 1);
    assertWrite(one, "after", "");

    /* Ends with the byte of the fd, whatever follows. */
    g_assert_cmpint(virNetSocketRead(other, buf, VIR_NET_SOCKET_READ_MIN, fds, &nfds), ==, 7);
    g_assert_cmpuint(nfds, ==, 1);
    g_assert_cmpmem(buf, 7, "before\0", 7);
    g_assert_cmpint(fcntl(fds[0], F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(fstat(fds[0], &st), ==, 0);
    g_assert_true(S_ISCHR(st.st_mode));
    close(fds[0]);
    g_assert_cmpint(virNetSocketRead(other, buf, VIR_NET_SOCKET_READ_MIN, fds, &nfds), ==, 5);
    g_assert_cmpuint(nfds, ==, 0);

    /* Nobody wants it: it is closed, as the count of fds at the end shows. */
    g_assert_cmpint(virNetSocketSendFD(one, null), ==, 1);
    g_assert_cmpint(virNetSocketRead(other, buf, VIR_NET_SOCKET_READ_MIN, NULL, NULL), ==, 1);

    g_assert_cmpint(virNetSocketSendFD(one, -1), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    virNetSocketFree(one);
    virNetSocketFree(other);
    close(null);
    virResetLastError();
}

static void
testFull(void)
{
    int pair[2];
    virNetSocket *sock;
    g_autofree char *much = g_malloc0(1024 * 1024);
    struct iovec iov = { much, 1024 * 1024 };
    size_t total = 0;
    ssize_t n;

    rpcPeerPair(pair);
    sock = virNetSocketNewConnected(pair[0]);
    while ((n = virNetSocketWrite(sock, &iov, 1)) > 0)
        total += n;
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpuint(total, >, 0);
    close(pair[1]);
    g_assert_cmpint(virNetSocketWrite(sock, &iov, 1), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    virNetSocketFree(sock);
    virResetLastError();
}

static void
testCommand(void)
{
    static const char *const argv[] = { "cat", NULL };
    virNetSocket *sock = virNetSocketNewConnectCommand(argv);
    virNetSocketPeer peer;

    g_assert_nonnull(sock);
    assertWrite(sock, "hel", "lo");
    assertRead(sock, "hello");
    g_assert_false(virNetSocketCanPassFDs(sock));
    g_assert_true(virNetSocketIsSecure(sock));
    g_assert_false(virNetSocketGetPeer(sock, &peer));
    g_assert_cmpstr(virNetSocketGetRemoteAddress(sock), ==, "cat");
    virNetSocketFree(sock);
}

static void
testCommandFails(void)
{
    static const char *const none[] = { "/no such program", NULL };
    static const char *const argv[] = { "sh", "-c", "echo one >&2; echo two >&2; exit 3", NULL };
    virNetSocket *sock;

    g_assert_null(virNetSocketNewConnectCommand(none));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "/no such program"));

    sock = virNetSocketNewConnectCommand(argv);
    g_assert_nonnull(sock);
    g_assert_cmpstr(readEnd(sock, VIR_NET_SOCKET_EOF), ==,
                    "End of file while reading data: one\ntwo: Input/output error");
    virNetSocketFree(sock);
    virResetLastError();
}

/* What was sent to it is still there when it ends. */
static void
testCommandResets(void)
{
    static const char *const argv[] = { "sh", "-c", "echo no >&2; head -c 1 >/dev/null", NULL };
    virNetSocket *sock = virNetSocketNewConnectCommand(argv);

    g_assert_nonnull(sock);
    assertWrite(sock, "hello", "");
    g_assert_cmpstr(readEnd(sock, -1), ==, "Cannot recv data: no: Connection reset by peer");
    virNetSocketFree(sock);
    virResetLastError();
}

/* It isn't kept waiting by what it complains of, and no more than a little of it is kept. */
static void
testCommandComplains(void)
{
    static const char *const argv[] = {
        "sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo done", NULL
    };
    virNetSocket *sock = virNetSocketNewConnectCommand(argv);
    const char *message;

    g_assert_nonnull(sock);
    assertRead(sock, "done\n");
    message = readEnd(sock, VIR_NET_SOCKET_EOF);
    g_assert_nonnull(strstr(message, "xxxx"));
    g_assert_cmpuint(strlen(message), <, 5000);
    virNetSocketFree(sock);
    virResetLastError();
}

/* It ends with the socket, also if it doesn't want to; and it has none of our fds. */
static void
testCommandEnds(void)
{
    static const char *const argv[] = {
        "sh", "-c", "trap '' TERM; echo $$; test -e /proc/$$/fd/200 && echo has || echo lacks; "
        "exec tail -f /dev/null", NULL
    };
    int null = open("/dev/null", O_RDONLY);
    int inherited = fcntl(null, F_DUPFD, 200);          /* not close-on-exec */
    g_autoptr(GString) text = g_string_new(NULL);
    virNetSocket *sock;
    pid_t pid;

    g_assert_cmpint(inherited, ==, 200);
    sock = virNetSocketNewConnectCommand(argv);
    g_assert_nonnull(sock);
    while (!g_str_has_suffix(text->str, "s\n")) {
        char buf[256];
        ssize_t n;

        rpcPeerWait(virNetSocketGetFD(sock), POLLIN);
        n = readSome(sock, buf, sizeof(buf));
        g_assert_cmpint(n, >=, 0);
        g_string_append_len(text, buf, n);
    }
    g_assert_true(g_str_has_suffix(text->str, "\nlacks\n"));
    pid = g_ascii_strtoll(text->str, NULL, 10);
    g_assert_cmpint(pid, >, 0);
    g_assert_cmpint(kill(pid, 0), ==, 0);
    virNetSocketFree(sock);
    g_assert_cmpint(kill(pid, 0), ==, -1);
    g_assert_cmpint(errno, ==, ESRCH);
    close(inherited);
    close(null);
}

/* More than any block, buffer or socket takes at once, in pieces of odd lengths. */
static void
testSASL(void)
{
    enum { SIZE = 3 * 1000 * 1000, MOST = 64 * 1024 };
    g_autofree char *sent = g_malloc(SIZE);
    g_autofree char *got = g_malloc(SIZE + MOST);
    virNetSASLSession *clientSession;
    virNetSASLSession *serverSession;
    virNetSocket *client;
    virNetSocket *server;
    size_t written = 0;
    size_t read = 0;
    size_t turn = 0;
    bool full = false;
    int raw;
    int pair[2];
    size_t i;

    for (i = 0; i < SIZE; i++)
        sent[i] = i * 7 + i / 1000;
    testSASLPair(&clientSession, &serverSession);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    raw = dup(pair[0]);
    client = virNetSocketNewConnected(pair[0]);
    server = virNetSocketNewConnected(pair[1]);
    virNetSocketSetSASL(client, clientSession);
    virNetSocketSetSASL(server, serverSession);
    g_assert_true(virNetSocketIsEncrypted(client));
    g_assert_true(virNetSocketIsSecure(client));
    g_assert_false(virNetSocketCanPassFDs(server));

    while (read < SIZE) {
        ssize_t n;

        while (written < SIZE) {
            size_t first = MIN(turn % 7001 + 1, SIZE - written);
            size_t second = MIN(turn % 97, SIZE - written - first);
            struct iovec iov[] = {
                { sent + written, first }, { sent + written + first, second },
            };

            n = virNetSocketWrite(client, iov, second > 0 ? 2 : 1);
            g_assert_cmpint(n, >=, 0);
            full |= n == 0;
            if (n == 0)
                break;
            g_assert_cmpint(n, <=, first + second);
            written += n;
            turn++;
        }
        g_assert_cmpint(virNetSocketFlush(client), >=, 0);
        n = virNetSocketRead(server, got + read,
                             turn % 2 ? VIR_NET_SOCKET_READ_MIN : MOST, NULL, NULL);
        g_assert_cmpint(n, >=, 0);
        read += n;
    }
    g_assert_true(full);
    g_assert_cmpuint(read, ==, SIZE);
    g_assert_cmpint(memcmp(sent, got, SIZE), ==, 0);

    /* The other way, and then what is no block. */
    assertWrite(server, "an", "swer");
    assertRead(client, "answer");
    g_assert_cmpint(send(raw, "\0\0\0\x1f this is not encrypted at all!!", 36, 0), ==, 36);
    g_assert_cmpint(virNetSocketRead(server, got, MOST, NULL, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    virNetSocketFree(server);
    g_assert_cmpint(virNetSocketRead(client, got, MOST, NULL, NULL), ==, VIR_NET_SOCKET_EOF);
    virNetSocketFree(client);
    close(raw);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    testSASLSetUp("digest-md5");
    g_test_add_func("/netsocket/sasl", testSASL);
    g_test_add_func("/netsocket/unix", testUNIX);
    g_test_add_func("/netsocket/tcp", testTCP);
    g_test_add_func("/netsocket/inherited", testInherited);
    g_test_add_func("/netsocket/fds", testDescriptors);
    g_test_add_func("/netsocket/full", testFull);
    g_test_add_func("/netsocket/command", testCommand);
    g_test_add_func("/netsocket/command-fails", testCommandFails);
    g_test_add_func("/netsocket/command-resets", testCommandResets);
    g_test_add_func("/netsocket/command-complains", testCommandComplains);
    g_test_add_func("/netsocket/command-ends", testCommandEnds);
    rc = testRunCountingFds();
    testSASLTearDown();
    return rc;
}
