/*
 * remotedaemonrelaytest.c: events on their way to clients whose queues are played here
 *
 * The functions of rpc's that send to a client are this file's own; all else is real, from a
 * QEMU's monitor (which a peer plays) on.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_relay.h"

#include <glib/gstdio.h>
#include <string.h>
#include <libvirt/libvirt-qemu.h>

#include "domain_event.h"
#include "qemu_protocol.h"
#include "qmppeer.h"
#include "testloop.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virstate.h"

/* --- clients --- */

/* What the events that wait for a client may cost. */
#define QUEUE_BYTES 1000000

struct _virNetServerClient {
    size_t room;                /* events that it takes */
    size_t held;                /* bytes of events that wait for it, as a test wants it */
    bool refusing;
    bool closed;
    GString *sent;              /* "NUMBER:NAME " */
    GPtrArray *events;          /* virNetEvent, each a reference */
};

static size_t offered;          /* events for any client, taken or not */

static void
record(virNetServerClient *client, virNetEvent *event, int number)
{
    const char *head;
    const char *body;
    char spare[VIR_NET_EVENT_HEAD_MAX];
    size_t headLen;
    size_t len;
    guint32 procedure;

    head = virNetEventHead(event, number, spare, &headLen);
    memcpy(&procedure, head + 12, sizeof(procedure));
    body = virNetEventBody(event, &len);
    if (GUINT32_FROM_BE(procedure) == QEMU_PROC_DOMAIN_MONITOR_EVENT) {
        qemu_domain_monitor_event_msg msg = { 0 };
        g_autofree char *whole = g_malloc0(len + 4);
        XDR xdr;

        /* The number is of the head, and the codec wants it in front. */
        memcpy(whole + 4, body, len);
        xdrmem_create(&xdr, whole, len + 4, XDR_DECODE);
        g_assert_true(xdr_qemu_domain_monitor_event_msg(&xdr, &msg));
        xdr_destroy(&xdr);
        g_string_append_printf(client->sent, "%d:%s ", number, msg.event);
        if (strcmp(msg.event, VIR_DOMAIN_MONITOR_EVENT_LOST) == 0)
            g_string_append_printf(client->sent, "%s ", *msg.details);
        xdr_free((xdrproc_t)xdr_qemu_domain_monitor_event_msg, (char *)&msg);
    } else {
        g_string_append_printf(client->sent, "%d:#%u ", headLen > 28 ? number : -1,
                               GUINT32_FROM_BE(procedure));
    }
    g_ptr_array_add(client->events, virNetEventRef(event));
}

bool
virNetServerClientIsStuck(virNetServerClient *client)
{
    return client->refusing;
}

bool
virNetServerClientIsBehind(virNetServerClient *client)
{
    return client->held > QUEUE_BYTES / 4;
}

void
virNetServerClientRefuseEvent(virNetServerClient *client)
{
    offered++;
    client->refusing = true;
}

size_t
virNetServerClientGetEventBytesMax(virNetServerClient *client G_GNUC_UNUSED)
{
    return QUEUE_BYTES;
}

size_t
virNetServerClientGetEventBytes(virNetServerClient *client)
{
    return client->held;
}

bool
virNetServerClientSendEvent(virNetServerClient *client, virNetEvent *event, int callbackID)
{
    offered++;
    if (client->room == 0) {
        client->refusing = true;
        return false;
    }
    client->room--;
    record(client, event, callbackID);
    return true;
}

bool
virNetServerClientSendRareEvent(virNetServerClient *client, virNetEvent *event, int callbackID)
{
    offered++;
    if (client->room == 0)
        return false;
    record(client, event, callbackID);
    return true;
}

unsigned long long
virNetServerClientGetID(virNetServerClient *client G_GNUC_UNUSED)
{
    return 1;
}

bool
virNetServerClientIsClosed(virNetServerClient *client)
{
    return client->closed;
}

void
virNetServerClientCloseLater(virNetServerClient *client)
{
    client->closed = true;
}

/* --- everything around them --- */

typedef struct {
    char *dir;
    char *path;
    qmpPeer *peer;
    virConnectPtr conn;
    remoteRelay *relay;
    virNetServerClient outs[2];
    remoteDaemonClient clients[2];
} Fixture;

static void
setUp(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    const char *monitors[2] = { NULL, NULL };
    size_t i;

    f->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    monitors[0] = f->path = g_build_filename(f->dir, "g.qmp", NULL);
    f->peer = qmpPeerNewAt(f->path, QMP_PEER_GREETING, qmpPeerAnswerAll, NULL);
    g_assert_cmpint(virStateInitialize(monitors), ==, 0);
    f->conn = virConnectOpen("qemu:///system");
    g_assert_nonnull(f->conn);
    f->relay = remoteRelayNew(f->conn);
    for (i = 0; i < G_N_ELEMENTS(f->clients); i++) {
        f->outs[i] = (virNetServerClient) { .room = 1000, .sent = g_string_new(NULL) };
        f->outs[i].events = g_ptr_array_new_with_free_func((GDestroyNotify)virNetEventUnref);
        f->clients[i].client = &f->outs[i];
        f->clients[i].conn = virConnectOpen("qemu:///system");
        remoteRelayClientInit(&f->clients[i]);
    }
    offered = 0;
}

static void
tearDown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(f->clients); i++) {
        remoteRelayClientClear(f->relay, &f->clients[i]);
        virConnectClose(f->clients[i].conn);
        g_ptr_array_unref(f->outs[i].events);
        g_string_free(f->outs[i].sent, TRUE);
    }
    remoteRelayFree(f->relay);
    virConnectClose(f->conn);
    virStateStop();
    testLoopDrain();
    virStateCleanup();
    qmpPeerFree(f->peer);
    g_remove(f->path);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->path);
    g_free(f->dir);
    g_assert_cmpuint(testLoopHandles(), ==, 0);
    virResetLastError();
}

static int
add(Fixture *f, size_t who, const char *event, unsigned int flags)
{
    return remoteRelayAddMonitor(f->relay, &f->clients[who], NULL, event, flags);
}

static int
addLifecycle(Fixture *f, size_t who, remoteRelayStyle style)
{
    return remoteRelayAddDomain(f->relay, &f->clients[who], NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                style);
}

/* QEMU says @name; returns when so many events have been offered to clients. */
static void
say(Fixture *f, const char *name, size_t count)
{
    g_autofree char *line = g_strdup_printf("{\"timestamp\": {\"seconds\": 1, \"microseconds\": "
                                            "2}, \"event\": \"%s\"}\r\n", name);

    qmpPeerSend(f->peer, line, strlen(line));
    for (count += offered; offered < count;)
        testLoopWait();
    g_assert_cmpuint(offered, ==, count);
}

/* The client has read something: there is room for @room events. */
static void
drain(Fixture *f, size_t who, size_t room)
{
    f->outs[who].room = room;
    f->outs[who].refusing = false;
    remoteRelayClientDrained(f->relay, &f->clients[who]);
}

static void
assertSent(Fixture *f, size_t who, const char *expected)
{
    g_assert_cmpstr(f->outs[who].sent->str, ==, expected);
    g_string_truncate(f->outs[who].sent, 0);
}

/* --- registrations --- */

static void
testNumbers(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(add(f, 0, NULL, 0), ==, 0);
    g_assert_cmpint(add(f, 1, "^B", VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX), ==, 1);
    g_assert_cmpint(addLifecycle(f, 0, REMOTE_RELAY_NUMBERED), ==, 2);
    /* A refused one takes no number. */
    g_assert_cmpint(addLifecycle(f, 0, REMOTE_RELAY_OLD), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_NONE);
    g_assert_cmpint(addLifecycle(f, 1, REMOTE_RELAY_OLD), ==, 3);
    g_assert_cmpint(add(f, 0, "A", 0), ==, 4);
    g_assert_cmpint(add(f, 0, NULL, VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX), ==, 5);

    say(f, "A", 3);
    assertSent(f, 0, "0:A 4:A 5:A ");
    say(f, "B", 3);
    assertSent(f, 0, "0:B 5:B ");
    assertSent(f, 1, "1:B ");
    say(f, "STOP", 4);
    assertSent(f, 0, "0:STOP 5:STOP 2:#318 ");
    assertSent(f, 1, "-1:#107 ");
}

static void
testEncodedOnce(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    add(f, 1, "A", 0);
    add(f, 1, NULL, 0);
    say(f, "A", 3);
    g_assert_true(g_ptr_array_index(f->outs[0].events, 0) ==
                  g_ptr_array_index(f->outs[1].events, 0));
    g_assert_true(g_ptr_array_index(f->outs[0].events, 0) ==
                  g_ptr_array_index(f->outs[1].events, 1));
    say(f, "A", 3);
    g_assert_true(g_ptr_array_index(f->outs[0].events, 0) !=
                  g_ptr_array_index(f->outs[0].events, 1));
}

static void
assertRefused(int code, int domain)
{
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_cmpint(virGetLastErrorDomain(), ==, domain);
    virResetLastError();
}

static void
testRefused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    remoteDaemonClient *client = &f->clients[0];

    g_assert_cmpint(add(f, 0, "(", VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX), ==, -1);
    assertRefused(VIR_ERR_INVALID_ARG, VIR_FROM_NONE);
    g_assert_cmpint(add(f, 0, NULL, 1 << 20), ==, -1);
    assertRefused(VIR_ERR_INVALID_ARG, VIR_FROM_NONE);
    g_assert_cmpint(remoteRelayAddDomain(f->relay, client, NULL, -1, REMOTE_RELAY_NUMBERED), ==,
                    -1);
    assertRefused(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_assert_cmpint(remoteRelayAddDomain(f->relay, client, NULL, 27, REMOTE_RELAY_NUMBERED), ==,
                    -1);
    assertRefused(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_assert_cmpint(remoteRelayAddDomain(f->relay, client, NULL, 26, REMOTE_RELAY_NUMBERED), ==,
                    0);
    g_assert_cmpint(remoteRelayAddDomain(f->relay, client, NULL, 16, REMOTE_RELAY_OLD), ==, -1);
    assertRefused(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);

    /* Another's, another kind's, one that is not there any more. */
    g_assert_cmpint(add(f, 0, NULL, 0), ==, 1);
    g_assert_cmpint(remoteRelayRemoveMonitor(f->relay, &f->clients[1], 1), ==, -1);
    assertRefused(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_assert_cmpint(remoteRelayRemoveDomain(f->relay, client, 1), ==, -1);
    assertRefused(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_assert_cmpint(remoteRelayRemoveMonitor(f->relay, client, 1), ==, 0);
    g_assert_cmpint(remoteRelayRemoveMonitor(f->relay, client, 1), ==, -1);
    assertRefused(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_assert_cmpint(remoteRelayRemoveOld(f->relay, client, 0), ==, -1);
    assertRefused(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_assert_cmpint(remoteRelayRemoveOld(f->relay, client, 26), ==, 0);

    virConnectClose(client->conn);
    client->conn = virConnectOpenReadOnly("qemu:///system");
    g_assert_cmpint(add(f, 0, NULL, 0), ==, -1);
    assertRefused(VIR_ERR_OPERATION_DENIED, VIR_FROM_NONE);
    g_assert_cmpint(addLifecycle(f, 0, REMOTE_RELAY_NUMBERED), >=, 0);
}

static void
testManyRegistrations(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    remote_nonnull_domain dom = { .name = (char *)"g" };
    int i;

    for (i = 0; i < REMOTE_DOMAIN_LIST_MAX; i++) {
        memcpy(dom.uuid, &i, sizeof(i));
        g_assert_cmpint(remoteRelayAddDomain(f->relay, &f->clients[0], &dom,
                                             VIR_DOMAIN_EVENT_ID_REBOOT,
                                             REMOTE_RELAY_NUMBERED), ==, i);
    }
    g_assert_cmpint(add(f, 0, NULL, 0), ==, -1);
    assertRefused(VIR_ERR_OPERATION_FAILED, VIR_FROM_RPC);
    g_assert_cmpint(add(f, 1, NULL, 0), >=, 0);
    g_assert_cmpint(remoteRelayRemoveDomain(f->relay, &f->clients[0], 7), ==, 0);
    g_assert_cmpint(add(f, 0, NULL, 0), >=, 0);
}

/* --- losses --- */

#define LOST(number, count, from, to) \
    #number ":" VIR_DOMAIN_MONITOR_EVENT_LOST " " \
    "{\"count\":" #count ",\"stream\":\"*\",\"from\":" #from \
    ",\"to\":" #to ",*"

static void
assertSentMatches(Fixture *f, size_t who, const char *pattern)
{
    const char *text = f->outs[who].sent->str;

    if (!g_pattern_match_simple(pattern, text))
        g_error("'%s' is not '%s'", text, pattern);
    g_string_truncate(f->outs[who].sent, 0);
}

/* Each registration that wants everything is told once, in the place of the gap, in order. */
static void
testLossIsTold(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    add(f, 0, "A", 0);
    add(f, 0, "*", VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB);
    add(f, 1, NULL, 0);
    f->outs[0].room = 1;
    say(f, "A", 4);
    say(f, "B", 3);
    say(f, "A", 4);
    assertSent(f, 0, "0:A ");
    assertSent(f, 1, "3:A 3:B 3:A ");           /* others miss nothing */

    drain(f, 0, 1000);
    offered = 0;
    say(f, "C", 3);
    assertSentMatches(f, 0, LOST(0, 3, 1, 3) "} " LOST(2, 3, 1, 3) "} 0:C 2:C ");
    drain(f, 0, 1000);
    assertSent(f, 0, "");
}

/* With room for less than all, the rest are told later, and nobody twice. What is lost meanwhile
 * is another gap. */
static void
testLittleRoom(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    add(f, 0, NULL, 0);
    add(f, 0, NULL, 0);
    f->outs[0].room = 0;
    say(f, "A", 3);
    drain(f, 0, 1);
    assertSentMatches(f, 0, LOST(0, 1, 1, 1) "} ");
    say(f, "B", 3);
    drain(f, 0, 1);
    assertSentMatches(f, 0, LOST(1, 1, 1, 1) "} ");
    drain(f, 0, 3);
    assertSentMatches(f, 0, LOST(2, 1, 1, 1) "} " LOST(0, 1, 2, 2) "} " LOST(1, 1, 2, 2) "} ");
    drain(f, 0, 1000);
    assertSentMatches(f, 0, LOST(2, 1, 2, 2) "} ");
    drain(f, 0, 1000);
    assertSent(f, 0, "");
}

static void
testLaterRegistration(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    f->outs[0].room = 0;
    say(f, "A", 1);
    g_assert_cmpint(add(f, 0, NULL, 0), ==, 1);         /* which has missed nothing */
    drain(f, 0, 1000);
    assertSentMatches(f, 0, LOST(0, 1, 1, 1) "} ");

    f->outs[0].room = 0;
    say(f, "A", 2);
    remoteRelayRemoveMonitor(f->relay, &f->clients[0], 0);
    drain(f, 0, 1000);
    assertSentMatches(f, 0, LOST(1, 1, 2, 2) "} ");
}

/* Of the second half of a client's queue, one stream gets no more than it leaves to others. */
static void
testStorm(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *much = g_strnfill(150000, 'x');
    g_autofree char *line = g_strdup_printf("{\"event\": \"BIG\", \"data\": \"%s\"}\r\n", much);
    size_t i;

    add(f, 0, NULL, 0);
    f->outs[0].held = QUEUE_BYTES / 2;
    for (i = 0; i < 5; i++) {
        qmpPeerSend(f->peer, line, strlen(line));
        while (offered < i + 1)
            testLoopWait();
    }
    assertSent(f, 0, "0:BIG 0:BIG 0:BIG 0:BIG 0:BIG ");         /* not yet more than a half */

    f->outs[0].held = QUEUE_BYTES / 2 + 1;
    for (i = 5; i < 9; i++) {
        qmpPeerSend(f->peer, line, strlen(line));
        while (offered < i + 1)
            testLoopWait();
    }
    assertSent(f, 0, "0:BIG 0:BIG 0:BIG ");
    g_assert_true(f->outs[0].refusing);
    say(f, "A", 1);                                             /* would fit, but not behind a gap */
    assertSent(f, 0, "");

    f->outs[0].held = 0;
    drain(f, 0, 1000);
    say(f, "A", 1);
    assertSentMatches(f, 0, LOST(0, 2, 9, 10) "} 0:A ");
}

/* Longer than a string of the protocol may be: lost for everybody, and told at once. */
static void
testTooLong(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *much = g_strnfill(5 * 1024 * 1024, 'x');
    g_autofree char *line = g_strdup_printf("{\"event\": \"BIG\", \"data\": {\"a\": \"%s\"}}\r\n",
                                            much);

    add(f, 0, NULL, 0);
    add(f, 0, NULL, 0);
    add(f, 1, NULL, 0);
    qmpPeerSend(f->peer, line, strlen(line));
    while (offered < 3)
        testLoopWait();
    say(f, "A", 3);
    assertSentMatches(f, 0, LOST(0, 1, 1, 1) "} " LOST(1, 1, 1, 1) "} 0:A 1:A ");
    assertSentMatches(f, 1, LOST(2, 1, 1, 1) "} 2:A ");
}

/* What becomes of domains is never lost in silence. */
static void
testLifecycleLost(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    addLifecycle(f, 0, REMOTE_RELAY_NUMBERED);
    addLifecycle(f, 1, REMOTE_RELAY_NUMBERED);
    f->outs[0].refusing = true;
    say(f, "STOP", 2);
    assertSent(f, 0, "0:#318 ");
    g_assert_false(f->outs[0].closed);
    f->outs[0].room = 0;
    say(f, "RESUME", 2);
    assertSent(f, 0, "");
    g_assert_true(f->outs[0].closed);
    g_assert_false(f->outs[1].closed);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(Fixture *f, gconstpointer data);
    } tests[] = {
        { "/remote/daemon-relay/numbers", testNumbers },
        { "/remote/daemon-relay/encoded-once", testEncodedOnce },
        { "/remote/daemon-relay/refused", testRefused },
        { "/remote/daemon-relay/many-registrations", testManyRegistrations },
        { "/remote/daemon-relay/loss-is-told", testLossIsTold },
        { "/remote/daemon-relay/little-room", testLittleRoom },
        { "/remote/daemon-relay/later-registration", testLaterRegistration },
        { "/remote/daemon-relay/storm", testStorm },
        { "/remote/daemon-relay/too-long", testTooLong },
        { "/remote/daemon-relay/lifecycle-lost", testLifecycleLost },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    testLoopRegister();
    virInitialize();
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, Fixture, NULL, setUp, tests[i].func, tearDown);
    return testRunCountingFds();
}
