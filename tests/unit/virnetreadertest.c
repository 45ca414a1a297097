/*
 * virnetreadertest.c: whole packets out of bytes that come as they like
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpcpeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virnetreader.h"

/* Each test's connection, its reader, and what came out of it. */
typedef struct {
    int peer;
    virNetSocket *sock;
    virNetReader *reader;
    GString *log;               /* "SERIAL:LEN " of each packet, "+N" for N fds */
    int *keep;                  /* where the first fd goes; NULL: nowhere */
    virNetReaderVerdict verdict;        /* of every packet */
    guint64 packets;
    size_t size;                /* of the buffer that is lent */
    char *buffer;
} fixture;

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int pair[2];

    rpcPeerPair(pair);
    fix->peer = pair[1];
    fix->sock = virNetSocketNewConnected(pair[0]);
    fix->reader = virNetReaderNew(fix->sock);
    fix->log = g_string_new(NULL);
    fix->size = VIR_NET_READER_BUFFER_MIN;
    fix->buffer = g_malloc(fix->size);
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetReaderFree(fix->reader);
    virNetSocketFree(fix->sock);
    if (fix->peer >= 0)
        close(fix->peer);
    g_string_free(fix->log, TRUE);
    g_free(fix->buffer);
    virResetLastError();
}

static virNetReaderVerdict
take(virNetFrame *frame, void *opaque)
{
    fixture *fix = opaque;

    fix->packets++;
    g_string_append_printf(fix->log, "%u:%zu", frame->header.serial, frame->len);
    if (frame->nfds > 0)
        g_string_append_printf(fix->log, "+%zu", frame->nfds);
    g_string_append_c(fix->log, ' ');
    if (fix->keep && frame->nfds > 0) {
        *fix->keep = frame->fds[0];
        frame->fds[0] = -1;
    }
    return fix->verdict;
}

static virNetReaderResult
run(fixture *fix)
{
    return virNetReaderRun(fix->reader, fix->buffer, fix->size, take, fix);
}

/* Runs until all that was sent is read: what is there is there at once on such a socket. */
static virNetReaderResult
runAll(fixture *fix)
{
    virNetReaderResult result;
    char byte;

    do {
        result = run(fix);
    } while (result == VIR_NET_READER_WAIT &&
             recv(virNetSocketGetFD(fix->sock), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    return result;
}

static void
assertLog(fixture *fix, const char *log)
{
    g_assert_cmpstr(fix->log->str, ==, log);
    g_string_set_size(fix->log, 0);
}

static rpcPeerHeader
header(uint32_t type, uint32_t serial)
{
    return (rpcPeerHeader) { 0x20008086, 1, 60, type, serial, 0 };
}

static void
sendPacket(fixture *fix, uint32_t serial, const char *payload)
{
    rpcPeerHeader head = header(0, serial);

    rpcPeerSendPacket(fix->peer, &head, payload);
}

static void
testManyInOneRead(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);         /* nothing yet */
    sendPacket(fix, 1, "0000000a");
    sendPacket(fix, 2, NULL);
    sendPacket(fix, 3, "0000000a0000000b");
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "1:4 2:0 3:8 ");
    g_assert_cmpuint(virNetReaderBytes(fix->reader), ==, 0);
}

/* Split at every place there is. */
static void
testByteByByte(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(0, 7);
    g_autoptr(GByteArray) packet = rpcPeerMakePacket(&head, "00000001 61000000");
    g_autoptr(GByteArray) both = g_byte_array_new();
    guint split;
    guint i;

    for (i = 0; i < packet->len; i++) {
        assertLog(fix, "");
        rpcPeerSend(fix->peer, packet->data + i, 1);
        g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    }
    assertLog(fix, "7:8 ");

    g_byte_array_append(both, packet->data, packet->len);
    g_byte_array_append(both, packet->data, packet->len);
    for (split = 1; split < both->len; split++) {
        rpcPeerSend(fix->peer, both->data, split);
        g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
        rpcPeerSend(fix->peer, both->data + split, both->len - split);
        g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
        assertLog(fix, "7:8 7:8 ");
    }
}

/* Larger than what is lent, and followed by a small one. */
static void
testLargePacket(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    size_t len = 10 * 1024 * 1024;
    rpcPeerHeader head = header(0, 8);
    g_autoptr(GByteArray) packet = rpcPeerMakePacket(&head, NULL);
    g_autofree char *payload = g_malloc0(len);
    guint32 total = GUINT32_TO_BE(28 + len);
    size_t sent = 0;

    memcpy(packet->data, &total, sizeof(total));
    rpcPeerSend(fix->peer, packet->data, packet->len);
    while (sent < len) {
        ssize_t n = send(fix->peer, payload + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0)
            sent += n;
        g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
        /* What it holds follows what has come, not what was announced. */
        g_assert_cmpuint(virNetReaderBytes(fix->reader), <=, 28 + sent);
    }
    sendPacket(fix, 9, "0000000a");
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "8:10485760 9:4 ");
    g_assert_cmpuint(virNetReaderBytes(fix->reader), ==, 0);
}

/* A password that comes in pieces, put together in either of the places where they are: nothing of it
 * stays behind in the lent buffer. (Nor in what is freed: test_auth.py looks into a whole virtmond.) */
static void
testSecret(fixture *fix, gconstpointer data)
{
    size_t len = GPOINTER_TO_SIZE(data);
    rpcPeerHeader head = header(0, 7);
    g_autoptr(GByteArray) packet = rpcPeerMakePacket(&head, NULL);
    g_autofree char *payload = g_malloc(len);
    guint32 total = GUINT32_TO_BE(28 + len);
    size_t sent = 0;
    size_t i;

    virNetReaderSetSecret(fix->reader, true);
    memset(payload, 'S', len);
    memset(fix->buffer, 'x', fix->size);
    memcpy(packet->data, &total, sizeof(total));
    rpcPeerSend(fix->peer, packet->data, packet->len);
    while (sent < len) {
        ssize_t n = send(fix->peer, payload + sent, MIN(len - sent, len / 3 + 1),
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0)
            sent += n;
        g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
        for (i = 0; i < fix->size; i++)
            g_assert_cmpint(fix->buffer[i], !=, 'S');
    }
    while (fix->packets == 0)
        g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    g_assert_cmpuint(virNetReaderBytes(fix->reader), ==, 0);

    /* So is half of one, when the connection ends; and then no more of it is. */
    rpcPeerSend(fix->peer, packet->data, packet->len);
    rpcPeerSend(fix->peer, (const guint8 *)"SSSSSSSSSSSSSSSSSSSSSSSS", 24);
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    close(fix->peer);
    fix->peer = -1;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_EOF);
    for (i = 0; i < fix->size; i++)
        g_assert_cmpint(fix->buffer[i], !=, 'S');
}

typedef struct {
    size_t bytes, fds;          /* that it keeps */
    size_t bytesMax;            /* more is refused */
    size_t most;
} kept;

static int
onKeeps(size_t bytes, size_t nfds, void *opaque)
{
    kept *keeps = opaque;

    if (bytes > keeps->bytesMax) {
        virReportErrorFull(VIR_FROM_RPC, VIR_ERR_OPERATION_FAILED, __FILE__, __func__, __LINE__,
                           "%s", "enough");
        return -1;
    }
    keeps->bytes = bytes;
    keeps->fds = nfds;
    keeps->most = MAX(keeps->most, bytes);
    return 0;
}

/* Whoever lends memory is asked before it is used, and told when it isn't any more. */
static void
testKeeps(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    kept keeps = { .bytesMax = 300000 };
    rpcPeerHeader head = header(VIR_NET_CALL_WITH_FDS, 5);
    g_autofree char *payload = g_malloc0(1000000);
    guint32 total = GUINT32_TO_BE(1000000);
    size_t sent = 0;

    virNetReaderSetKeeps(fix->reader, onKeeps, &keeps);
    rpcPeerSendPacket(fix->peer, &head, "00000002");
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
    g_assert_cmpuint(keeps.bytes, ==, 32);
    rpcPeerSendFD(fix->peer, 0);
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
    g_assert_cmpuint(keeps.fds, ==, 1);
    rpcPeerSendFD(fix->peer, 0);
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "5:0+2 ");
    g_assert_cmpuint(keeps.bytes, ==, 0);
    g_assert_cmpuint(keeps.fds, ==, 0);

    memcpy(payload, &total, sizeof(total));
    for (;;) {
        ssize_t n = send(fix->peer, payload + sent, 1000000 - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        virNetReaderResult result;

        if (n > 0)
            sent += n;
        result = run(fix);
        g_assert_cmpuint(virNetReaderBytes(fix->reader), <=, keeps.bytes);
        if (result == VIR_NET_READER_ERROR)
            break;
        g_assert_cmpint(result, ==, VIR_NET_READER_WAIT);
    }
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_cmpuint(keeps.most, >, 100000);
    g_assert_cmpuint(keeps.most, <=, 300000);
}

static void
testPause(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    guint i;

    for (i = 0; i < 200; i++)
        sendPacket(fix, i, "0000000a");
    rpcPeerSendHex(fix->peer, "0000001c 2000");         /* and a part */
    fix->verdict = VIR_NET_READER_PAUSE;
    for (i = 0; i < 199; i++) {
        g_assert_cmpint(run(fix), ==, VIR_NET_READER_PAUSED);
        g_assert_cmpuint(fix->packets, ==, i + 1);
    }
    fix->verdict = VIR_NET_READER_GO_ON;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    g_assert_cmpuint(fix->packets, ==, 200);
    rpcPeerSendHex(fix->peer, "8086 00000001 0000003c 00000000 000000c8 00000000");
    g_string_set_size(fix->log, 0);
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "200:0 ");

    /* With nothing left over. */
    sendPacket(fix, 201, NULL);
    fix->verdict = VIR_NET_READER_PAUSE;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_PAUSED);
    g_assert_cmpuint(virNetReaderBytes(fix->reader), ==, 0);
    sendPacket(fix, 202, NULL);
    fix->verdict = VIR_NET_READER_GO_ON;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "201:0 202:0 ");
}

static void
testClose(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    sendPacket(fix, 1, NULL);
    sendPacket(fix, 2, NULL);
    fix->verdict = VIR_NET_READER_CLOSE;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_CLOSED);
    assertLog(fix, "1:0 ");
}

static void
testEnd(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    sendPacket(fix, 1, NULL);
    rpcPeerSendHex(fix->peer, "0000001c 20008086");     /* half a header, then nothing */
    close(fix->peer);
    fix->peer = -1;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "1:0 ");
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_EOF);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

static void
assertRefused(fixture *fix)
{
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_ERROR);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
    virResetLastError();
}

static void
testLengths(fixture *fix, gconstpointer data)
{
    guint32 len = GUINT32_TO_BE(GPOINTER_TO_UINT(data));

    /* Packets in front of it are still good. */
    sendPacket(fix, 1, NULL);
    rpcPeerSend(fix->peer, &len, sizeof(len));
    assertRefused(fix);
    assertLog(fix, "1:0 ");
}

static void
testLargestLength(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerSendHex(fix->peer, "02000004 20008086 00000001");
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    g_assert_cmpuint(virNetReaderBytes(fix->reader), ==, 12);
}

static void
testSmallestLength(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerSendHex(fix->peer, "0000001c 20008086 00000001 0000003c 00000000 00000005 00000000");
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "5:0 ");
}

/* ---- File descriptors ---- */

static int
openNull(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* A call that says how many fds come; these aren't sent. */
static void
announce(fixture *fix, uint32_t serial, uint32_t nfds)
{
    rpcPeerHeader head = header(4, serial);
    g_autofree char *payload = g_strdup_printf("%08x 0000000a", nfds);

    rpcPeerSendPacket(fix->peer, &head, payload);
}

static void
testDescriptors(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = openNull();
    int got = -1;
    int i;

    fix->keep = &got;
    sendPacket(fix, 1, NULL);
    announce(fix, 2, 1);
    rpcPeerSendFD(fix->peer, null);
    sendPacket(fix, 3, NULL);
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "1:0 2:4+1 3:0 ");
    g_assert_cmpint(got, >=, 0);
    g_assert_cmpint(fcntl(got, F_GETFD), ==, FD_CLOEXEC);
    close(got);

    /* As many as there may be, one after the other. */
    fix->keep = NULL;
    announce(fix, 4, VIR_NET_MESSAGE_FDS_MAX);
    for (i = 0; i < VIR_NET_MESSAGE_FDS_MAX; i++) {
        g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
        assertLog(fix, "");
        rpcPeerSendFD(fix->peer, null);
    }
    announce(fix, 5, 0);
    announce(fix, 6, 1);
    rpcPeerSendFD(fix->peer, null);
    announce(fix, 7, 1);
    rpcPeerSendFD(fix->peer, null);
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "4:4+32 5:4 6:4+1 7:4+1 ");
    close(null);
}

static void
testDescriptorsAfterPause(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = openNull();

    sendPacket(fix, 1, NULL);
    announce(fix, 2, 1);
    rpcPeerSendFD(fix->peer, null);
    sendPacket(fix, 3, NULL);
    fix->verdict = VIR_NET_READER_PAUSE;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_PAUSED);
    assertLog(fix, "1:0 ");
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_PAUSED);
    assertLog(fix, "2:4+1 ");
    fix->verdict = VIR_NET_READER_GO_ON;
    g_assert_cmpint(run(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "3:0 ");
    close(null);
}

/* What it holds of them is closed with it. */
static void
testDescriptorsKept(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = openNull();

    announce(fix, 2, 2);
    rpcPeerSendFD(fix->peer, null);
    g_assert_cmpint(runAll(fix), ==, VIR_NET_READER_WAIT);
    assertLog(fix, "");
    close(null);
}

static void
testDescriptorWithPacket(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(4, 2);
    g_autoptr(GByteArray) packet = rpcPeerMakePacket(&head, "00000001 0000000a");
    int null = openNull();

    rpcPeerSendWithFD(fix->peer, packet->data, packet->len, null);
    assertRefused(fix);
    assertLog(fix, "");
    close(null);
}

static void
testDescriptorWithHeader(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = openNull();

    rpcPeerSendWithFD(fix->peer, "\0\0", 2, null);
    assertRefused(fix);
    close(null);
}

static void
testDescriptorUnannounced(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = openNull();

    announce(fix, 2, 1);
    rpcPeerSendFD(fix->peer, null);
    rpcPeerSendFD(fix->peer, null);
    assertRefused(fix);
    assertLog(fix, "2:4+1 ");
    close(null);
}

static void
testDescriptorMissing(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = openNull();

    announce(fix, 2, 2);
    rpcPeerSendFD(fix->peer, null);
    sendPacket(fix, 3, NULL);           /* its first byte is where the second fd should be */
    assertRefused(fix);
    assertLog(fix, "");
    close(null);
}

static void
testTooManyDescriptors(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    announce(fix, 2, VIR_NET_MESSAGE_FDS_MAX + 1);
    assertRefused(fix);
}

static void
testNumberOfDescriptorsCutOff(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(4, 2);

    rpcPeerSendPacket(fix->peer, &head, "0000");
    assertRefused(fix);
}

/* Two in one message, where each should have one of its own. */
static void
testTwoDescriptorsAtOnce(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { (void *)"", 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    int null = openNull();
    int fds[] = { null, null };

    announce(fix, 2, 2);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
    g_assert_cmpint(sendmsg(fix->peer, &msg, 0), ==, 1);
    assertRefused(fix);
    close(null);
}

/* Over TCP there are none: the number alone is an error. */
static void
testDescriptorsOverTCP(void)
{
    virNetSocket **listeners;
    size_t nlisteners;
    virNetSocket *sock = NULL;
    g_autoptr(virNetReader) reader = NULL;
    g_autofree char *buffer = g_malloc(VIR_NET_READER_BUFFER_MIN);
    fixture fix = { .log = g_string_new(NULL), .size = VIR_NET_READER_BUFFER_MIN,
                    .buffer = buffer };
    rpcPeerHeader head = header(4, 2);

    g_assert_cmpint(virNetSocketNewListenTCP("127.0.0.1", "0", &listeners, &nlisteners), ==, 0);
    g_assert_cmpuint(nlisteners, ==, 1);
    fix.peer = rpcPeerConnectTCP(virNetSocketGetPort(listeners[0]));
    rpcPeerWait(virNetSocketGetFD(listeners[0]), POLLIN);
    g_assert_cmpint(virNetSocketAccept(listeners[0], &sock), ==, 1);
    fix.sock = sock;
    fix.reader = reader = virNetReaderNew(sock);
    rpcPeerSendPacket(fix.peer, &head, "00000000");
    while (fix.packets == 0) {
        rpcPeerWait(virNetSocketGetFD(sock), POLLIN);
        g_assert_cmpint(run(&fix), ==, VIR_NET_READER_WAIT);
    }
    assertLog(&fix, "2:0 ");
    rpcPeerSendPacket(fix.peer, &head, "00000001");
    do {
        rpcPeerWait(virNetSocketGetFD(sock), POLLIN);
    } while (run(&fix) == VIR_NET_READER_WAIT);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    close(fix.peer);
    g_string_free(fix.log, TRUE);
    virNetReaderFree(g_steal_pointer(&reader));
    virNetSocketFree(sock);
    virNetSocketFree(listeners[0]);
    g_free(listeners);
}

#define ADD(path, func) g_test_add("/netreader/" path, fixture, NULL, setUp, func, tearDown)
#define ADD_LENGTH(path, len) \
    g_test_add("/netreader/length/" path, fixture, GUINT_TO_POINTER(len), setUp, testLengths, \
               tearDown)

#define ADD_SECRET(path, len) \
    g_test_add("/netreader/secret/" path, fixture, GSIZE_TO_POINTER(len), setUp, testSecret, \
               tearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("many-in-one-read", testManyInOneRead);
    ADD("byte-by-byte", testByteByByte);
    ADD("large-packet", testLargePacket);
    ADD_SECRET("small", 1000);
    ADD_SECRET("large", 1000 * 1000);
    ADD("keeps", testKeeps);
    ADD("pause", testPause);
    ADD("close", testClose);
    ADD("end", testEnd);
    ADD_LENGTH("0", 0);
    ADD_LENGTH("4", 4);
    ADD_LENGTH("27", 27);
    ADD_LENGTH("33554437", 33554437);
    ADD_LENGTH("4294967295", 0xffffffff);
    ADD("length/largest", testLargestLength);
    ADD("length/smallest", testSmallestLength);
    ADD("fds/good", testDescriptors);
    ADD("fds/after-pause", testDescriptorsAfterPause);
    ADD("fds/kept", testDescriptorsKept);
    ADD("fds/with-packet", testDescriptorWithPacket);
    ADD("fds/with-header", testDescriptorWithHeader);
    ADD("fds/unannounced", testDescriptorUnannounced);
    ADD("fds/missing", testDescriptorMissing);
    ADD("fds/too-many", testTooManyDescriptors);
    ADD("fds/number-cut-off", testNumberOfDescriptorsCutOff);
    ADD("fds/two-at-once", testTwoDescriptorsAtOnce);
    g_test_add_func("/netreader/fds/tcp", testDescriptorsOverTCP);
    return testRunCountingFds();
}
