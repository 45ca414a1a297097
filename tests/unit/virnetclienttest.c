/*
 * virnetclienttest.c: calls, events and the end of a connection, against a scripted server
 *
 * The test's thread is the server; calls are made in threads of their own, as they wait.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote_protocol.h"
#include "rpcpeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virnetclient.h"
#include "virthread.h"

#define FEATURE REMOTE_PROC_CONNECT_SUPPORTS_FEATURE
#define OTHER_PROGRAM 0x20008087

typedef struct {
    int peer;
    virNetClient *client;

    virMutex lock;              /* guards the rest */
    virCond cond;
    GString *log;               /* "eN " an event N, "| " a batch's end, "closed:REASON " */
    guint64 events;
    guint64 batches;
    gint32 lastEvent;
    bool inOrder;               /* each event was the last one's successor */
    bool quiet;                 /* events aren't logged */
} fixture;

static void
note(fixture *fix, const char *text)
{
    virMutexLock(&fix->lock);
    g_string_append(fix->log, text);
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

static gint32
readInt(const char *payload)
{
    gint32 value;

    memcpy(&value, payload, sizeof(value));
    return GINT32_FROM_BE(value);
}

static void
onEvent(virNetClient *client G_GNUC_UNUSED, const virNetFrame *frame, void *opaque)
{
    fixture *fix = opaque;
    gint32 number;

    g_assert_cmpuint(frame->len, >=, 4);
    number = readInt(frame->payload);
    virMutexLock(&fix->lock);
    fix->inOrder = fix->inOrder && number == fix->lastEvent + 1;
    fix->lastEvent = number;
    fix->events++;
    if (!fix->quiet)
        g_string_append_printf(fix->log, "e%d ", number);
    virMutexUnlock(&fix->lock);
}

static void
onBatchEnd(virNetClient *client G_GNUC_UNUSED, void *opaque)
{
    fixture *fix = opaque;

    virMutexLock(&fix->lock);
    fix->batches++;
    if (!fix->quiet)
        g_string_append(fix->log, "| ");
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

static void
onClosed(virNetClient *client, virConnectCloseReason reason, void *opaque)
{
    g_autofree char *text = g_strdup_printf("closed:%d ", reason);

    g_assert_false(virNetClientIsOpen(client));
    note(opaque, text);
}

static const virNetClientProgram programs[] = {
    { REMOTE_PROGRAM, 1 }, { OTHER_PROGRAM, 1 }, { 0 },
};
static const virNetClientFuncs funcs = { onEvent, onBatchEnd, onClosed };

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int pair[2];

    rpcPeerPair(pair);
    fix->peer = pair[1];
    virMutexInit(&fix->lock);
    virCondInit(&fix->cond);
    fix->log = g_string_new(NULL);
    fix->inOrder = true;
    fix->lastEvent = -1;
    fix->client = virNetClientNew(virNetSocketNewConnected(pair[0]), programs, &funcs, fix);
    g_assert_nonnull(fix->client);
    g_assert_true(virNetClientIsOpen(fix->client));
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetClientFree(fix->client);
    if (fix->peer >= 0)
        close(fix->peer);
    g_string_free(fix->log, TRUE);
    virCondDestroy(&fix->cond);
    virMutexDestroy(&fix->lock);
    virResetLastError();
}

static void
hangUp(fixture *fix)
{
    close(fix->peer);
    fix->peer = -1;
}

/* Waits until the log is that. */
static void
await(fixture *fix, const char *log)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;

    virMutexLock(&fix->lock);
    while (g_strcmp0(fix->log->str, log) != 0) {
        if (!g_str_has_prefix(log, fix->log->str))
            g_assert_cmpstr(fix->log->str, ==, log);
        g_assert_true(virCondWaitUntil(&fix->cond, &fix->lock, deadline));
    }
    virMutexUnlock(&fix->lock);
}

/* ---- Calls ---- */

typedef struct {
    fixture *fix;
    pthread_t thread;
    int feature;
    int fd;                     /* to be sent; -1: none */
    virNetClientReplyFunc reply;

    int rc;
    int supported;
    virErrorPtr err;
    size_t nfds;
    int *fds;
} caller;

static void *
callInThread(void *opaque)
{
    caller *self = opaque;
    remote_connect_supports_feature_args args = { self->feature };
    remote_connect_supports_feature_ret ret = { 0 };
    virNetClientCallData call = {
        .program = REMOTE_PROGRAM, .version = 1, .procedure = FEATURE,
        .argFilter = (xdrproc_t)xdr_remote_connect_supports_feature_args, .args = &args,
        .retFilter = (xdrproc_t)xdr_remote_connect_supports_feature_ret, .ret = &ret,
        .retSize = sizeof(ret), .fds = &self->fd, .nfds = self->fd >= 0,
        .reply = self->reply, .opaque = self->fix,
    };

    self->rc = virNetClientCall(self->fix->client, &call);
    if (self->rc < 0)
        self->err = virSaveLastError();
    self->supported = ret.supported;
    self->fds = call.retFDs;
    self->nfds = call.nretFDs;
    return NULL;
}

static void
startCallWith(fixture *fix, caller *self, int feature, int fd, virNetClientReplyFunc reply)
{
    memset(self, 0, sizeof(*self));
    self->fix = fix;
    self->feature = feature;
    self->fd = fd;
    self->reply = reply;
    g_assert_cmpint(pthread_create(&self->thread, NULL, callInThread, self), ==, 0);
}

static void
startCall(fixture *fix, caller *self, int feature)
{
    startCallWith(fix, self, feature, -1, NULL);
}

static rpcPeerHeader
header(uint32_t type, uint32_t serial)
{
    return (rpcPeerHeader) { REMOTE_PROGRAM, 1, FEATURE, type, serial, 0 };
}

/* What startCall() sends. */
static void
assertCall(fixture *fix, uint32_t serial, int feature)
{
    rpcPeerHeader head = header(VIR_NET_CALL, serial);
    g_autofree char *hex = g_strdup_printf("%08x", feature);

    rpcPeerAssertPacket(fix->peer, &head, hex);
}

static void
reply(fixture *fix, uint32_t serial, const char *payload)
{
    rpcPeerHeader head = header(VIR_NET_REPLY, serial);

    rpcPeerSendPacket(fix->peer, &head, payload);
}

static void
assertReturns(caller *self, int supported)
{
    pthread_join(self->thread, NULL);
    if (self->err)
        g_test_message("%s", self->err->message);
    g_assert_cmpint(self->rc, ==, 0);
    g_assert_cmpint(self->supported, ==, supported);
    g_assert_null(self->fds);
}

static void
assertFails(caller *self, int code, int domain, const char *words)
{
    pthread_join(self->thread, NULL);
    g_assert_cmpint(self->rc, ==, -1);
    g_assert_nonnull(self->err);
    if (self->err->code != code)
        g_test_message("%s", self->err->message);
    g_assert_cmpint(self->err->code, ==, code);
    g_assert_cmpint(self->err->domain, ==, domain);
    if (words)
        g_assert_nonnull(strstr(self->err->message, words));
    virFreeError(self->err);
}

/* The connection is as good as ever. */
static void
assertStillWorks(fixture *fix, uint32_t serial)
{
    caller call;

    startCall(fix, &call, 3);
    assertCall(fix, serial, 3);
    reply(fix, serial, "00000005");
    assertReturns(&call, 5);
    g_assert_true(virNetClientIsOpen(fix->client));
}

static void
assertNoMoreCalls(fixture *fix)
{
    caller call;

    g_assert_false(virNetClientIsOpen(fix->client));
    startCall(fix, &call, 1);
    assertFails(&call, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "client socket is closed");
}

static void
testCalls(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    uint32_t serial;

    for (serial = 0; serial < 3; serial++)
        assertStillWorks(fix, serial);
    g_assert_true(virNetClientCanPassFDs(fix->client));
    g_assert_true(virNetClientIsSecure(fix->client));
    g_assert_false(virNetClientIsEncrypted(fix->client));
    g_assert_cmpint(virNetClientGetTLSKeySize(fix->client), ==, 0);
    await(fix, "");
}

static void
testManyCallers(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    caller calls[20];
    int features[20];
    int i;

    for (i = 0; i < 20; i++)
        startCall(fix, &calls[i], 100 + i);
    for (i = 0; i < 20; i++) {
        rpcPeerHeader head;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fix->peer, &head);

        g_assert_cmpuint(head.serial, ==, i);
        features[i] = readInt((const char *)payload->data);
    }
    /* Each gets its own, whatever the order. */
    for (i = 19; i >= 0; i--) {
        g_autofree char *hex = g_strdup_printf("%08x", features[i] * 2);

        reply(fix, i, hex);
    }
    for (i = 0; i < 20; i++)
        assertReturns(&calls[i], (100 + i) * 2);
}

static void
testErrorReply(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(VIR_NET_REPLY, 0);
    caller call;

    head.status = VIR_NET_ERROR;
    startCall(fix, &call, 1);
    assertCall(fix, 0, 1);
    rpcPeerSendPacket(fix->peer, &head,
                      "0000002a 0000000a 00000001 00000004 6f6f7073 00000002 00000000 00000000"
                      "00000000 00000000 ffffffff ffffffff 00000000");
    assertFails(&call, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, "oops");

    /* "unknown procedure: 60" */
    startCall(fix, &call, 1);
    assertCall(fix, 1, 1);
    head.serial = 1;
    rpcPeerSendPacket(fix->peer, &head,
                      "00000027 00000007 00000001 00000015 756e6b6e6f776e2070726f6365647572"
                      "653a203630 000000 00000002 00000000 00000000 00000000 00000000"
                      "ffffffff ffffffff 00000000");
    assertFails(&call, VIR_ERR_NO_SUPPORT, VIR_FROM_RPC, "unknown procedure: 60");

    /* An error that cannot be read is one all the same. */
    startCall(fix, &call, 1);
    assertCall(fix, 2, 1);
    head.serial = 2;
    rpcPeerSendPacket(fix->peer, &head, "0000");
    assertFails(&call, VIR_ERR_RPC, VIR_FROM_RPC, NULL);
    assertStillWorks(fix, 3);
}

static void
testOddReplies(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(VIR_NET_REPLY, 0);
    caller call;

    /* Of another procedure. */
    startCall(fix, &call, 1);
    assertCall(fix, 0, 1);
    head.procedure = 59;
    rpcPeerSendPacket(fix->peer, &head, "00000001");
    assertFails(&call, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "59");
    assertStillWorks(fix, 1);

    /* Too short; too long. */
    startCall(fix, &call, 1);
    assertCall(fix, 2, 1);
    reply(fix, 2, "0000");
    assertFails(&call, VIR_ERR_RPC, VIR_FROM_RPC, NULL);
    startCall(fix, &call, 1);
    assertCall(fix, 3, 1);
    reply(fix, 3, "00000009 ffffffff ffff");
    assertReturns(&call, 9);

    /* A status that there isn't. */
    startCall(fix, &call, 1);
    assertCall(fix, 4, 1);
    head = header(VIR_NET_REPLY, 4);
    head.status = 7;
    rpcPeerSendPacket(fix->peer, &head, "00000001");
    assertFails(&call, VIR_ERR_RPC, VIR_FROM_RPC, "7");
    assertStillWorks(fix, 5);
}

typedef struct {
    const char *name;
    rpcPeerHeader head;
    const char *bytes;          /* instead of a packet */
} fatalInput;

static const fatalInput fatalInputs[] = {
    { "serial", { REMOTE_PROGRAM, 1, FEATURE, VIR_NET_REPLY, 77, 0 }, NULL },
    { "program", { 0x1111, 1, FEATURE, VIR_NET_REPLY, 0, 0 }, NULL },
    { "version", { REMOTE_PROGRAM, 2, FEATURE, VIR_NET_REPLY, 0, 0 }, NULL },
    { "call", { REMOTE_PROGRAM, 1, FEATURE, VIR_NET_CALL, 0, 0 }, NULL },
    { "call-with-fds", { REMOTE_PROGRAM, 1, FEATURE, VIR_NET_CALL_WITH_FDS, 0, 0 }, NULL },
    { "type", { REMOTE_PROGRAM, 1, FEATURE, 99, 0, 0 }, NULL },
    { "message-program", { 0x1111, 1, 6, VIR_NET_MESSAGE, 1, 0 }, NULL },
    { "message-version", { REMOTE_PROGRAM, 2, 6, VIR_NET_MESSAGE, 1, 0 }, NULL },
    { "small", { 0 }, "0000001b" },
    { "large", { 0 }, "02000005" },
    { "huge", { 0 }, "ffffffff" },
};

/* The connection ends, and whoever waits learns why. */
static void
testFatalInput(fixture *fix, gconstpointer data)
{
    const fatalInput *input = data;
    caller call;
    caller other;

    startCall(fix, &call, 1);
    assertCall(fix, 0, 1);
    startCall(fix, &other, 2);
    assertCall(fix, 1, 2);
    if (input->bytes)
        rpcPeerSendHex(fix->peer, input->bytes);
    else
        rpcPeerSendPacket(fix->peer, &input->head, "00000000");
    assertFails(&call, VIR_ERR_RPC, VIR_FROM_RPC, NULL);
    assertFails(&other, VIR_ERR_RPC, VIR_FROM_RPC, NULL);
    await(fix, "closed:0 ");
    rpcPeerAssertEnd(fix->peer);
    assertNoMoreCalls(fix);
}

static void
testStreamIsIgnored(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(VIR_NET_STREAM, 0);

    rpcPeerSendPacket(fix->peer, &head, "00000000");
    head.type = VIR_NET_STREAM_HOLE;
    rpcPeerSendPacket(fix->peer, &head, NULL);
    assertStillWorks(fix, 0);
}

/* ---- Events ---- */

static void
sendEvent(fixture *fix, uint32_t program, int32_t number)
{
    rpcPeerHeader head = { program, 1, 318, VIR_NET_MESSAGE, 1, 0 };
    g_autofree char *hex = g_strdup_printf("%08x", number);

    rpcPeerSendPacket(fix->peer, &head, hex);
}

static void
testEvents(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GByteArray) three = g_byte_array_new();
    int i;

    sendEvent(fix, REMOTE_PROGRAM, 7);
    await(fix, "e7 | ");
    sendEvent(fix, OTHER_PROGRAM, 8);
    await(fix, "e7 | e8 | ");

    /* What comes together is a batch. */
    for (i = 0; i < 3; i++) {
        rpcPeerHeader head = { REMOTE_PROGRAM, 1, 318, VIR_NET_MESSAGE, 1, 0 };
        g_autoptr(GByteArray) packet = rpcPeerMakePacket(&head, "00000009");

        g_byte_array_append(three, packet->data, packet->len);
    }
    rpcPeerSend(fix->peer, three->data, three->len);
    await(fix, "e7 | e8 | e9 e9 e9 | ");
    assertStillWorks(fix, 0);
}

/* An event that came before a reply was handed on before the caller goes on. */
static void
testEventBeforeReply(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GByteArray) both = g_byte_array_new();
    rpcPeerHeader event = { REMOTE_PROGRAM, 1, 318, VIR_NET_MESSAGE, 1, 0 };
    rpcPeerHeader answer = header(VIR_NET_REPLY, 0);
    g_autoptr(GByteArray) first = rpcPeerMakePacket(&event, "00000001");
    g_autoptr(GByteArray) second = rpcPeerMakePacket(&answer, "00000001");
    caller call;

    startCall(fix, &call, 1);
    assertCall(fix, 0, 1);
    g_byte_array_append(both, first->data, first->len);
    g_byte_array_append(both, second->data, second->len);
    rpcPeerSend(fix->peer, both->data, both->len);
    assertReturns(&call, 1);
    virMutexLock(&fix->lock);
    g_assert_cmpstr(fix->log->str, ==, "e1 | ");
    virMutexUnlock(&fix->lock);
}

static void
onReply(const virNetFrame *frame, void *opaque)
{
    g_autofree char *text = g_strdup_printf("reply:%d ", readInt(frame->payload));

    note(opaque, text);
}

/* And one behind it comes after the reply has been seen, even in the same read. */
static void
testReplyFunction(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    rpcPeerHeader event = { REMOTE_PROGRAM, 1, 318, VIR_NET_MESSAGE, 1, 0 };
    rpcPeerHeader answer = header(VIR_NET_REPLY, 0);
    rpcPeerHeader failure = header(VIR_NET_REPLY, 1);
    g_autoptr(GByteArray) first = rpcPeerMakePacket(&event, "00000001");
    g_autoptr(GByteArray) second = rpcPeerMakePacket(&answer, "00000004");
    g_autoptr(GByteArray) third = rpcPeerMakePacket(&event, "00000002");
    caller call;

    startCallWith(fix, &call, 1, -1, onReply);
    assertCall(fix, 0, 1);
    g_byte_array_append(all, first->data, first->len);
    g_byte_array_append(all, second->data, second->len);
    g_byte_array_append(all, third->data, third->len);
    rpcPeerSend(fix->peer, all->data, all->len);
    assertReturns(&call, 4);
    await(fix, "e1 | reply:4 e2 | ");

    /* Not for failures. */
    startCallWith(fix, &call, 1, -1, onReply);
    assertCall(fix, 1, 1);
    failure.status = VIR_NET_ERROR;
    rpcPeerSendPacket(fix->peer, &failure, "00000000");
    assertFails(&call, VIR_ERR_RPC, VIR_FROM_RPC, NULL);
    await(fix, "e1 | reply:4 e2 | ");
}

static void
testFlood(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    enum { COUNT = 200000 };
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;
    g_autoptr(GByteArray) chunk = g_byte_array_new();
    guint32 number = 0;

    fix->quiet = true;
    while (number < COUNT) {
        g_byte_array_set_size(chunk, 0);
        while (chunk->len < 60000 && number < COUNT) {
            rpcPeerHeader head = { REMOTE_PROGRAM, 1, 318, VIR_NET_MESSAGE, 1, 0 };
            g_autoptr(GByteArray) packet = rpcPeerMakePacket(&head, "00000000 00000000");
            guint32 id = GUINT32_TO_BE(number++);

            memcpy(packet->data + 28, &id, sizeof(id));
            g_byte_array_append(chunk, packet->data, packet->len);
        }
        rpcPeerSend(fix->peer, chunk->data, chunk->len);
    }
    virMutexLock(&fix->lock);
    while (fix->events < COUNT)
        g_assert_true(virCondWaitUntil(&fix->cond, &fix->lock, deadline));
    g_assert_true(fix->inOrder);
    g_assert_cmpuint(fix->batches, <, COUNT / 10);
    virMutexUnlock(&fix->lock);
    assertStillWorks(fix, 0);
}

/* ---- File descriptors ---- */

static void
testDescriptors(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    rpcPeerHeader head = header(VIR_NET_CALL_WITH_FDS, 0);
    rpcPeerHeader answer = header(VIR_NET_REPLY_WITH_FDS, 0);
    caller call;

    startCallWith(fix, &call, 5, null, NULL);
    rpcPeerAssertPacket(fix->peer, &head, "00000001 00000005");
    close(rpcPeerReadFD(fix->peer));
    rpcPeerSendPacket(fix->peer, &answer, "00000002 00000006");
    rpcPeerSendFD(fix->peer, null);
    rpcPeerSendFD(fix->peer, null);
    pthread_join(call.thread, NULL);
    g_assert_cmpint(call.rc, ==, 0);
    g_assert_cmpint(call.supported, ==, 6);
    g_assert_cmpuint(call.nfds, ==, 2);
    g_assert_cmpint(fcntl(call.fds[1], F_GETFD), ==, FD_CLOEXEC);
    close(call.fds[0]);
    close(call.fds[1]);
    g_free(call.fds);

    /* Nobody gets those of a reply that cannot be read. */
    startCall(fix, &call, 5);
    assertCall(fix, 1, 5);
    answer.serial = 1;
    rpcPeerSendPacket(fix->peer, &answer, "00000001");
    rpcPeerSendFD(fix->peer, null);
    assertFails(&call, VIR_ERR_RPC, VIR_FROM_RPC, NULL);
    assertStillWorks(fix, 2);
    close(null);
}

static void
testDescriptorsOverTCP(void)
{
    virNetSocket **listeners;
    size_t nlisteners;
    g_autofree char *service = NULL;
    virNetSocket *sock;
    fixture fix = { .log = g_string_new(NULL) };
    caller call;

    virMutexInit(&fix.lock);
    virCondInit(&fix.cond);
    g_assert_cmpint(virNetSocketNewListenTCP("127.0.0.1", "0", &listeners, &nlisteners), ==, 0);
    service = g_strdup_printf("%d", virNetSocketGetPort(listeners[0]));
    sock = virNetSocketNewConnectTCP("127.0.0.1", service);
    g_assert_nonnull(sock);
    fix.client = virNetClientNew(sock, programs, &funcs, &fix);
    g_assert_false(virNetClientCanPassFDs(fix.client));
    g_assert_false(virNetClientIsSecure(fix.client));
    startCallWith(&fix, &call, 1, STDIN_FILENO, NULL);
    assertFails(&call, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "UNIX socket");
    virNetClientFree(fix.client);
    virNetSocketFree(listeners[0]);
    g_free(listeners);
    g_string_free(fix.log, TRUE);
    virCondDestroy(&fix.cond);
    virMutexDestroy(&fix.lock);
}

/* ---- Keepalive and the end ---- */

static void
testPing(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    rpcPeerHeader pong = { 0x6b656570, 1, 2, VIR_NET_MESSAGE, 0, 0 };
    rpcPeerHeader odd = { 0x6b656570, 9, 1, VIR_NET_MESSAGE, 0, 0 };

    rpcPeerSendPacket(fix->peer, &odd, NULL);
    rpcPeerSendPacket(fix->peer, &pong, NULL);
    rpcPeerSendPacket(fix->peer, &ping, "00000000");
    rpcPeerAssertPacket(fix->peer, &pong, NULL);
    assertStillWorks(fix, 0);
    await(fix, "");
}

/* Whoever pings without end and reads no answers gets some, not all. */
static void
testPingFlood(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    enum { COUNT = 100000 };
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    g_autoptr(GByteArray) packet = rpcPeerMakePacket(&ping, NULL);
    g_autoptr(GByteArray) many = g_byte_array_new();
    rpcPeerHeader head = { 0 };
    size_t pongs = 0;
    caller call;
    int i;

    for (i = 0; i < COUNT; i++)
        g_byte_array_append(many, packet->data, packet->len);
    rpcPeerSend(fix->peer, many->data, many->len);
    sendEvent(fix, REMOTE_PROGRAM, 1);
    await(fix, "e1 | ");                                /* all pings have been seen */
    startCall(fix, &call, 3);
    while (head.program != REMOTE_PROGRAM) {
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fix->peer, &head);

        g_assert_nonnull(payload);
        pongs++;
    }
    g_assert_cmpuint(pongs, >, 64);
    g_assert_cmpuint(pongs, <, COUNT / 2);
    reply(fix, 0, "00000005");
    assertReturns(&call, 5);
    /* And again, once there is room. */
    rpcPeerSend(fix->peer, packet->data, packet->len);
    ping.procedure = 2;
    rpcPeerAssertPacket(fix->peer, &ping, NULL);
}

static void
testKeepAlive(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    caller call;

    startCall(fix, &call, 1);
    assertCall(fix, 0, 1);
    virNetClientSetKeepAlive(fix->client, 1, 1);
    rpcPeerAssertPacket(fix->peer, &ping, NULL);
    sendEvent(fix, REMOTE_PROGRAM, 1);                  /* as good as an answer */
    rpcPeerAssertPacket(fix->peer, &ping, NULL);
    assertFails(&call, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC,
                "connection closed due to keepalive timeout");
    await(fix, "e1 | closed:2 ");
    rpcPeerAssertEnd(fix->peer);
    assertNoMoreCalls(fix);
    virNetClientSetKeepAlive(fix->client, 1, 1);        /* does nothing */
}

static void
testServerGoes(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    caller calls[5];
    int i;

    for (i = 0; i < 5; i++) {
        startCall(fix, &calls[i], i);
        assertCall(fix, i, i);
    }
    sendEvent(fix, REMOTE_PROGRAM, 3);                  /* its last words are heard */
    hangUp(fix);
    for (i = 0; i < 5; i++)
        assertFails(&calls[i], VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC,
                    "End of file while reading data: Input/output error");
    await(fix, "e3 | closed:1 ");
    assertNoMoreCalls(fix);
}

/* In the middle of a packet that is being sent to it. */
static void
testServerGoesUnread(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *much = g_strnfill(4 * 1024 * 1024, 'x');
    remote_domain_lookup_by_name_args args = { much };
    virNetClientCallData call = {
        .program = REMOTE_PROGRAM, .version = 1, .procedure = 23,
        .argFilter = (xdrproc_t)xdr_remote_domain_lookup_by_name_args, .args = &args,
    };

    g_assert_cmpint(shutdown(fix->peer, SHUT_RD), ==, 0);
    g_assert_cmpint(virNetClientCall(fix->client, &call), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    await(fix, "closed:0 ");
}

static void
testClose(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    caller call;

    startCall(fix, &call, 1);
    assertCall(fix, 0, 1);
    virNetClientClose(fix->client);
    assertFails(&call, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "client socket is closed");
    await(fix, "closed:3 ");
    rpcPeerAssertEnd(fix->peer);
    virNetClientClose(fix->client);                     /* once is enough */
    assertNoMoreCalls(fix);
    await(fix, "closed:3 ");
}

static void
testFree(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    sendEvent(fix, REMOTE_PROGRAM, 1);
    await(fix, "e1 | ");
    virNetClientFree(g_steal_pointer(&fix->client));
    rpcPeerAssertEnd(fix->peer);
    await(fix, "e1 | ");                                /* nothing is said of it */
}

/* A caller gives up on arguments before anything is sent. */
static void
testUnencodable(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *much = g_strnfill(REMOTE_STRING_MAX + 1, 'x');
    remote_domain_lookup_by_name_args args = { much };
    virNetClientCallData call = {
        .program = REMOTE_PROGRAM, .version = 1, .procedure = 23,
        .argFilter = (xdrproc_t)xdr_remote_domain_lookup_by_name_args, .args = &args,
    };

    g_assert_cmpint(virNetClientCall(fix->client, &call), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    assertStillWorks(fix, 0);                           /* and no serial is lost */
}

static void
testOneThread(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    size_t before = testCountThreads();
    virNetClient *more[10];
    int peers[10];
    int i;

    for (i = 0; i < 10; i++) {
        int pair[2];

        rpcPeerPair(pair);
        peers[i] = pair[1];
        more[i] = virNetClientNew(virNetSocketNewConnected(pair[0]), programs, &funcs, fix);
    }
    g_assert_cmpuint(testCountThreads(), ==, before);
    for (i = 0; i < 10; i++) {
        virNetClientFree(more[i]);
        close(peers[i]);
    }
    assertStillWorks(fix, 0);
}

#define ADD(path, func) g_test_add("/netclient/" path, fixture, NULL, setUp, func, tearDown)

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    ADD("calls", testCalls);
    ADD("many-callers", testManyCallers);
    ADD("error-reply", testErrorReply);
    ADD("odd-replies", testOddReplies);
    for (i = 0; i < G_N_ELEMENTS(fatalInputs); i++) {
        g_autofree char *path = g_strconcat("/netclient/fatal/", fatalInputs[i].name, NULL);

        g_test_add(path, fixture, &fatalInputs[i], setUp, testFatalInput, tearDown);
    }
    ADD("stream-is-ignored", testStreamIsIgnored);
    ADD("events", testEvents);
    ADD("event-before-reply", testEventBeforeReply);
    ADD("reply-function", testReplyFunction);
    ADD("flood", testFlood);
    ADD("fds", testDescriptors);
    g_test_add_func("/netclient/fds-tcp", testDescriptorsOverTCP);
    ADD("ping", testPing);
    ADD("ping-flood", testPingFlood);
    ADD("keepalive", testKeepAlive);
    ADD("server-goes", testServerGoes);
    ADD("server-goes-unread", testServerGoesUnread);
    ADD("close", testClose);
    ADD("free", testFree);
    ADD("unencodable", testUnencodable);
    ADD("one-thread", testOneThread);
    return testRunCountingFds();
}
