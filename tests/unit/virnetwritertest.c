/*
 * virnetwritertest.c: packets in order, whole, and with their fds, however little a socket takes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote_protocol.h"
#include "rpcpeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virnetwriter.h"

typedef struct {
    int peer;
    virNetSocket *sock;
    virNetWriter *writer;
    GString *sent;              /* "SERIAL " of each packet that is sent whole */
} fixture;

static void
onSent(const virNetMessageHeader *header, void *opaque)
{
    fixture *fix = opaque;

    g_string_append_printf(fix->sent, "%u ", header->serial);
}

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int small = 4096;
    int pair[2];

    rpcPeerPair(pair);
    g_assert_cmpint(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), ==, 0);
    fix->peer = pair[1];
    fix->sock = virNetSocketNewConnected(pair[0]);
    fix->sent = g_string_new(NULL);
    fix->writer = virNetWriterNew(fix->sock, onSent, fix);
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetWriterFree(fix->writer);
    virNetSocketFree(fix->sock);
    if (fix->peer >= 0)
        close(fix->peer);
    g_string_free(fix->sent, TRUE);
    virResetLastError();
}

static virNetMessage *
message(unsigned int serial, size_t len, const int *fds, size_t nfds)
{
    virNetMessageHeader header = {
        .prog = REMOTE_PROGRAM, .vers = 1, .proc = 60, .type = VIR_NET_REPLY, .serial = serial,
    };
    g_autofree char *text = g_strnfill(len, 'x');
    remote_connect_get_type_ret ret = { text };
    virNetMessage *msg = virNetMessageNew(&header, (xdrproc_t)xdr_remote_connect_get_type_ret,
                                          &ret, fds, nfds);

    g_assert_nonnull(msg);
    return msg;
}

static virNetEvent *
event(size_t len)
{
    g_autofree char *text = g_strnfill(len, 'e');
    remote_domain_event_callback_device_added_msg msg = {
        .dom = { .name = (char *)"g" }, .devAlias = text,
    };
    virNetEvent *made = virNetEventNew(
        REMOTE_PROGRAM, 1, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED, true,
        (xdrproc_t)xdr_remote_domain_event_callback_device_added_msg, &msg);

    g_assert_nonnull(made);
    return made;
}

static void
assertReply(fixture *fix, unsigned int serial, size_t len)
{
    rpcPeerHeader header;
    g_autoptr(GByteArray) payload = rpcPeerReadPacket(fix->peer, &header);

    g_assert_nonnull(payload);
    g_assert_cmpint(header.type, ==, VIR_NET_REPLY);
    g_assert_cmpuint(header.serial, ==, serial);
    g_assert_cmpuint(payload->len, ==, 4 + (len + 3) / 4 * 4);
}

static void
assertEvent(fixture *fix, guint32 callbackID)
{
    rpcPeerHeader header;
    g_autoptr(GByteArray) payload = rpcPeerReadPacket(fix->peer, &header);
    guint32 id;

    g_assert_nonnull(payload);
    g_assert_cmpint(header.type, ==, VIR_NET_MESSAGE);
    memcpy(&id, payload->data, sizeof(id));
    g_assert_cmpuint(GUINT32_FROM_BE(id), ==, callbackID);
}

static void
testOrder(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetEvent) shared = event(10);
    g_autoptr(virNetEvent) other = event(10);
    size_t cost = virNetWriterEventCost(fix->writer, shared);

    g_assert_true(virNetWriterIsEmpty(fix->writer));
    g_assert_cmpint(virNetWriterFlush(fix->writer), ==, 1);     /* nothing */
    virNetWriterPush(fix->writer, message(1, 10, NULL, 0));
    virNetWriterPushEvent(fix->writer, shared, 7);
    virNetWriterPushEvent(fix->writer, other, 8);
    virNetWriterPush(fix->writer, message(2, 0, NULL, 0));
    g_assert_false(virNetWriterIsEmpty(fix->writer));
    g_assert_cmpuint(virNetWriterEventBytes(fix->writer), ==, 2 * cost);
    g_assert_cmpstr(fix->sent->str, ==, "");

    g_assert_cmpint(virNetWriterFlush(fix->writer), ==, 1);
    g_assert_true(virNetWriterIsEmpty(fix->writer));
    g_assert_cmpuint(virNetWriterEventBytes(fix->writer), ==, 0);
    g_assert_cmpstr(fix->sent->str, ==, "1 2 ");
    assertReply(fix, 1, 10);
    assertEvent(fix, 7);
    assertEvent(fix, 8);
    assertReply(fix, 2, 0);
}

/* Far more than the socket takes at once, pieces of every kind cut anywhere. */
static void
testFullSocket(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GByteArray) got = g_byte_array_new();
    g_autoptr(GByteArray) want = g_byte_array_new();
    guint8 chunk[1000];
    bool wasFull = false;
    int rc;
    int i;

    for (i = 0; i < 3000; i++) {
        g_autoptr(virNetEvent) one = event(i % 300);
        virNetMessage *msg = message(i, (i % 7) * 100, NULL, 0);
        char spare[VIR_NET_EVENT_HEAD_MAX];
        const char *bytes;
        size_t len;

        bytes = virNetMessageGetBytes(msg, &len);
        g_byte_array_append(want, (const guint8 *)bytes, len);
        virNetWriterPush(fix->writer, msg);
        virNetWriterPushEvent(fix->writer, one, i);
        virNetWriterPushEvent(fix->writer, one, i + 1);
        bytes = virNetEventHead(one, i, spare, &len);
        g_byte_array_append(want, (const guint8 *)bytes, len);
        bytes = virNetEventBody(one, &len);
        g_byte_array_append(want, (const guint8 *)bytes, len);
        bytes = virNetEventHead(one, i + 1, spare, &len);
        g_byte_array_append(want, (const guint8 *)bytes, len);
        bytes = virNetEventBody(one, &len);
        g_byte_array_append(want, (const guint8 *)bytes, len);
    }
    do {
        ssize_t n;

        rc = virNetWriterFlush(fix->writer);
        g_assert_cmpint(rc, >=, 0);
        wasFull = wasFull || rc == 0;
        while ((n = recv(fix->peer, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
            g_byte_array_append(got, chunk, n);
    } while (rc == 0);
    g_assert_true(wasFull);
    g_assert_cmpuint(virNetWriterEventBytes(fix->writer), ==, 0);
    g_assert_cmpmem(got->data, got->len, want->data, want->len);
}

static void
testDescriptors(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader header;
    g_autoptr(GByteArray) payload = NULL;
    g_autoptr(virNetEvent) one = event(1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fds[] = { null, null };
    int i;

    virNetWriterPush(fix->writer, message(1, 10, NULL, 0));
    virNetWriterPush(fix->writer, message(2, 10, fds, 2));
    virNetWriterPushEvent(fix->writer, one, 3);
    g_assert_cmpint(virNetWriterFlush(fix->writer), ==, 1);
    g_assert_cmpstr(fix->sent->str, ==, "1 2 ");

    assertReply(fix, 1, 10);
    payload = rpcPeerReadPacket(fix->peer, &header);
    g_assert_cmpint(header.type, ==, VIR_NET_REPLY_WITH_FDS);
    for (i = 0; i < 2; i++) {
        int got = rpcPeerReadFD(fix->peer);

        g_assert_cmpint(got, !=, null);
        close(got);
    }
    assertEvent(fix, 3);
    close(null);
}

/* The socket is full in the middle of the fds. */
static void
testDescriptorsFullSocket(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fds[VIR_NET_MESSAGE_FDS_MAX];
    int received = 0;
    bool wasFull = false;
    unsigned int i;
    int rc;

    for (i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = null;
    for (i = 0; i < 10; i++)
        virNetWriterPush(fix->writer, message(i, 10, fds, G_N_ELEMENTS(fds)));
    virNetWriterPush(fix->writer, message(10, 0, NULL, 0));
    rc = virNetWriterFlush(fix->writer);
    for (i = 0; i < 10; i++) {
        rpcPeerHeader header;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fix->peer, &header);
        unsigned int j;

        g_assert_nonnull(payload);
        g_assert_cmpuint(header.serial, ==, i);
        for (j = 0; j < G_N_ELEMENTS(fds); j++) {
            close(rpcPeerReadFD(fix->peer));
            received++;
            wasFull = wasFull || rc == 0;
            rc = virNetWriterFlush(fix->writer);
            g_assert_cmpint(rc, >=, 0);
        }
    }
    g_assert_true(wasFull);
    g_assert_cmpint(rc, ==, 1);
    assertReply(fix, 10, 0);
    g_assert_cmpint(received, ==, 10 * VIR_NET_MESSAGE_FDS_MAX);
    close(null);
}

/* What isn't sent is freed, and so are the fds. */
static void
testFreeWithQueue(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetEvent) one = event(1000);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int i;

    for (i = 0; i < 1000; i++) {
        virNetWriterPushEvent(fix->writer, one, i);
        virNetWriterPush(fix->writer, message(i, 10, &null, i % 2));
    }
    g_assert_cmpint(virNetWriterFlush(fix->writer), ==, 0);
    close(null);
}

static void
testHangUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    close(fix->peer);
    fix->peer = -1;
    virNetWriterPush(fix->writer, message(1, 10, NULL, 0));
    g_assert_cmpint(virNetWriterFlush(fix->writer), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpstr(fix->sent->str, ==, "");
}

/* What waits is counted, until it is sent whole. */
static void
testCounts(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    const int fds[] = { fix->peer, fix->peer };
    int i;

    virNetWriterPush(fix->writer, message(1, 20000, fds, 2));
    virNetWriterPush(fix->writer, message(2, 100000, NULL, 0));
    g_assert_cmpuint(virNetWriterPacketBytes(fix->writer), ==, 20036 + 100032);
    g_assert_cmpuint(virNetWriterPacketFDs(fix->writer), ==, 2);
    g_assert_cmpuint(virNetWriterEventBytes(fix->writer), ==, 0);
    while (virNetWriterFlush(fix->writer) == 0) {
        char bytes[1000];

        if (recv(fix->peer, bytes, sizeof(bytes), 0) <= 0)
            g_assert_not_reached();
    }
    g_assert_cmpstr(fix->sent->str, ==, "1 2 ");
    g_assert_cmpuint(virNetWriterPacketBytes(fix->writer), ==, 0);
    g_assert_cmpuint(virNetWriterPacketFDs(fix->writer), ==, 0);
    for (i = 0; i < 2; i++)
        virNetWriterPush(fix->writer, message(3, 10, NULL, 0));
    g_assert_cmpuint(virNetWriterPacketBytes(fix->writer), ==, 2 * (12 + 32));
}

/* The bytes of an event for several registrations count once, and until the last of them has it. */
static void
testSharedBytes(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetEvent) big = event(2000);
    g_autoptr(virNetEvent) other = event(10);
    size_t bytes = virNetEventCost(big);
    size_t entry = virNetWriterEventCost(fix->writer, big) - bytes;
    size_t small = virNetWriterEventCost(fix->writer, other);
    size_t rest = bytes + entry + small;
    size_t steps = 0;
    int i;

    g_assert_cmpuint(entry, >, 0);
    for (i = 1; i <= 200; i++) {        /* more than a block holds */
        virNetWriterPushEvent(fix->writer, big, i);
        g_assert_cmpuint(virNetWriterEventBytes(fix->writer), ==, bytes + i * entry);
        g_assert_cmpuint(virNetWriterEventCost(fix->writer, big), ==, entry);
    }
    /* Behind others it counts again. */
    virNetWriterPushEvent(fix->writer, other, 0);
    g_assert_cmpuint(virNetWriterEventCost(fix->writer, big), ==, bytes + entry);
    virNetWriterPushEvent(fix->writer, big, 0);
    virNetWriterPush(fix->writer, message(1, 10, NULL, 0));
    g_assert_cmpuint(virNetWriterEventCost(fix->writer, big), ==, bytes + entry);
    g_assert_cmpuint(virNetWriterEventBytes(fix->writer), ==, bytes + 200 * entry + rest);

    while (virNetWriterFlush(fix->writer) == 0) {
        size_t held = virNetWriterEventBytes(fix->writer);
        char chunk[1000];

        if (held > rest) {
            g_assert_cmpuint(held, >=, bytes + entry + rest);
            g_assert_cmpuint((held - bytes - rest) % entry, ==, 0);
            steps++;
        }
        g_assert_cmpint(recv(fix->peer, chunk, sizeof(chunk), 0), >, 0);
    }
    g_assert_cmpuint(steps, >, 1);
    g_assert_cmpuint(virNetWriterEventBytes(fix->writer), ==, 0);
    g_assert_cmpuint(virNetWriterEventCost(fix->writer, big), ==, bytes + entry);
}

#define ADD(path, func) g_test_add("/netwriter/" path, fixture, NULL, setUp, func, tearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("counts", testCounts);
    ADD("order", testOrder);
    ADD("full-socket", testFullSocket);
    ADD("fds", testDescriptors);
    ADD("fds-full-socket", testDescriptorsFullSocket);
    ADD("free-with-queue", testFreeWithQueue);
    ADD("hang-up", testHangUp);
    ADD("shared-bytes", testSharedBytes);
    return testRunCountingFds();
}
