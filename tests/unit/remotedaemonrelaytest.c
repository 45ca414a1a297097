/*
 * remotedaemonrelaytest.c: events on their way to clients whose queues are played here
 *
 * The functions of rpc's that send to a client are this file's own, and so is who says what a client
 * may see; all else is real, from a QEMU's monitor (which a peer plays) on.
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
/* What an event costs that is the last one already. */
#define AGAIN_BYTES 64

struct _virNetServerClient {
    size_t room;                /* events that it takes */
    size_t held;                /* bytes of events that wait for it, as a test wants it */
    bool refusing;
    bool closed;
    virNetQuotaAccount *account;
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

/* What it has twice in a row costs little the second time. */
size_t
virNetServerClientGetEventCost(virNetServerClient *client, const virNetEvent *event)
{
    bool again = client->events->len > 0 &&
        g_ptr_array_index(client->events, client->events->len - 1) == event;

    return again ? AGAIN_BYTES : virNetEventCost(event);
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

virIdentity *
virNetServerClientGetIdentity(virNetServerClient *client G_GNUC_UNUSED)
{
    return virIdentityNew();
}

virNetQuotaAccount *
virNetServerClientGetAccount(virNetServerClient *client)
{
    return client->account;
}

/* --- what they may see --- */

struct _remoteView {
    bool watches;
    remoteViewFunc answered;
    void *opaque;
};

static remoteSightAnswer answer;
static remoteView *open;        /* one that sees all, whatever @answer is; NULL: none */
static size_t looks;
static GPtrArray *views;        /* remoteView, all that there are */

remoteView *
remoteViewNew(remoteSight *sight G_GNUC_UNUSED, virIdentity *identity G_GNUC_UNUSED, bool watches,
              remoteViewFunc answered, void *opaque)
{
    remoteView *view = g_new0(remoteView, 1);

    view->watches = watches;
    view->answered = answered;
    view->opaque = opaque;
    g_ptr_array_add(views, view);
    return view;
}

void
remoteViewFree(remoteView *view)
{
    g_assert_true(g_ptr_array_remove(views, view));
    g_free(view);
}

remoteSightAnswer
remoteViewLook(remoteView *view, virDomainIdent *ident G_GNUC_UNUSED)
{
    looks++;
    return view == open ? REMOTE_SIGHT_SEEN : answer;
}

static void
setAnswer(remoteSightAnswer said)
{
    guint i;

    answer = said;
    for (i = 0; i < views->len; i++) {
        remoteView *view = g_ptr_array_index(views, i);

        view->answered(view->opaque);
    }
}

/* --- everything around them --- */

typedef struct {
    char *dir;
    char *path;
    qmpPeer *peer;
    virConnectPtr conn;
    remoteRelay *relay;
    virNetQuota *quota;
    virNetServerClient outs[2];
    remoteDaemonClient clients[2];
} Fixture;

static void
setUp(Fixture *f, gconstpointer hasSight)
{
    const virNetQuotaLimits limits = { 0 };
    const char *monitors[2] = { NULL, NULL };
    size_t i;

    f->quota = virNetQuotaNew(&limits, NULL, NULL);
    f->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    monitors[0] = f->path = g_build_filename(f->dir, "g.qmp", NULL);
    f->peer = qmpPeerNewAt(f->path, QMP_PEER_GREETING, qmpPeerAnswerAll, NULL);
    g_assert_cmpint(virStateInitialize(monitors), ==, 0);
    f->conn = virConnectOpen("qemu:///system");
    g_assert_nonnull(f->conn);
    /* Nobody looks into it. */
    f->relay = remoteRelayNew(f->conn, hasSight ? (remoteSight *)f : NULL);
    views = g_ptr_array_new();
    answer = REMOTE_SIGHT_UNKNOWN;
    open = NULL;
    looks = 0;
    for (i = 0; i < G_N_ELEMENTS(f->clients); i++) {
        f->outs[i] = (virNetServerClient) { .room = 1000, .sent = g_string_new(NULL) };
        f->outs[i].account = virNetQuotaAccountNew(f->quota, i, "uid 1000", false);
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
    size_t j;

    for (i = 0; i < G_N_ELEMENTS(f->clients); i++) {
        remoteRelayClientClear(f->relay, &f->clients[i]);
        g_assert_cmpuint(f->clients[i].heldBytes, ==, 0);
        for (j = 0; j < VIR_NET_QUOTA_LAST; j++)
            g_assert_cmpuint(virNetQuotaGetUsed(f->outs[i].account, j), ==, 0);
        virNetQuotaAccountFree(f->outs[i].account);
        virConnectClose(f->clients[i].conn);
        g_ptr_array_unref(f->outs[i].events);
        g_string_free(f->outs[i].sent, TRUE);
    }
    virNetQuotaFree(f->quota);
    g_assert_cmpuint(views->len, ==, 0);
    g_ptr_array_unref(views);
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
    return remoteRelayAddMonitor(f->relay, &f->clients[who], NULL, event, flags, false);
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

/* QEMU says @name; returns when it has been looked @count times whether it may be seen. */
static void
sayUnseen(Fixture *f, const char *name, size_t count)
{
    g_autofree char *line = g_strdup_printf("{\"timestamp\": {\"seconds\": 1, \"microseconds\": "
                                            "2}, \"event\": \"%s\"}\r\n", name);

    qmpPeerSend(f->peer, line, strlen(line));
    for (count += looks; looks < count;)
        testLoopWait();
    g_assert_cmpuint(looks, ==, count);
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
    const virNetQuotaLimits limits = { .client[VIR_NET_QUOTA_REGISTRATIONS] = 16384 };
    remote_nonnull_domain dom = { .name = (char *)"g" };
    int i;

    virNetQuotaSetLimits(f->quota, &limits);
    for (i = 0; i < 16384; i++) {
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

/* What filters cost is charged, compiled, and given back with the registration, or if there is
 * none in the end. */
static void
testFilterBytes(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    const unsigned int regex = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    virNetQuotaLimits limits = { 0 };
    virNetQuotaAccount *account = f->outs[0].account;
    g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "a{50}");
    size_t bytes = virEventFilterBytes(filter);
    int number;

    limits.client[VIR_NET_QUOTA_FILTER_BYTES] = 2 * bytes - 1;
    virNetQuotaSetLimits(f->quota, &limits);
    number = add(f, 0, "a{50}", regex);
    g_assert_cmpint(number, >=, 0);
    g_assert_cmpuint(virNetQuotaGetUsed(account, VIR_NET_QUOTA_FILTER_BYTES), ==, bytes);
    g_assert_cmpint(add(f, 0, "a{50}", regex), ==, -1);
    assertRefused(VIR_ERR_OPERATION_FAILED, VIR_FROM_RPC);
    g_assert_cmpint(add(f, 0, "(", regex), ==, -1);
    assertRefused(VIR_ERR_INVALID_ARG, VIR_FROM_NONE);
    g_assert_cmpuint(virNetQuotaGetUsed(account, VIR_NET_QUOTA_REGISTRATIONS), ==, 1);
    g_assert_cmpuint(virNetQuotaGetUsed(account, VIR_NET_QUOTA_FILTER_BYTES), ==, bytes);
    g_assert_cmpint(remoteRelayRemoveMonitor(f->relay, &f->clients[0], number), ==, 0);
    g_assert_cmpuint(virNetQuotaGetUsed(account, VIR_NET_QUOTA_FILTER_BYTES), ==, 0);
    g_assert_cmpint(add(f, 0, "a{50}", regex), >=, 0);
}

static size_t
countText(const char *text, const char *what)
{
    size_t count = 0;

    while ((text = strstr(text, what))) {
        text += strlen(what);
        count++;
    }
    return count;
}

/* What filters of a user have taken is not forgotten when the last of his clients goes. */
static void
testFilterBudget(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    enum { ROUNDS = 4, EACH = VIR_EVENT_FILTER_DEAR_NAMES_MAX };
    const unsigned int regex = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    static const char events[] = "{\"event\": \"yxyxyxyxyxyxyxyxyxyxyxyxxxxxxx\"}\r\n"
                                 "{\"event\": \"STOP\"}\r\n";
    gint64 start = g_get_monotonic_time();
    size_t on = 0;
    size_t i;
    size_t j;

    virNetQuotaAccountFree(f->outs[1].account);
    f->outs[1].account = virNetQuotaAccountNew(f->quota, 1, "uid 2", false);
    g_assert_cmpint(add(f, 1, NULL, 0), >=, 0);
    for (i = 0; i < ROUNDS; i++) {
        for (j = 0; j < EACH; j++)
            g_assert_cmpint(add(f, 0, "^STOP$|^(x|y)(x|xx|y)*!", regex), >=, 0);
        g_string_truncate(f->outs[0].sent, 0);
        g_string_truncate(f->outs[1].sent, 0);
        qmpPeerSend(f->peer, events, strlen(events));
        while (!strstr(f->outs[1].sent->str, "STOP"))
            testLoopWait();
        on += EACH - countText(f->outs[0].sent->str, VIR_DOMAIN_MONITOR_EVENT_FILTER_OFF);

        remoteRelayClientClear(f->relay, &f->clients[0]);
        virNetQuotaAccountFree(f->outs[0].account);
        f->outs[0].account = virNetQuotaAccountNew(f->quota, 0, "uid 1000", false);
        remoteRelayClientInit(&f->clients[0]);
    }
    g_assert_cmpuint(on, >=, EACH);
    g_assert_cmpuint(on, <=, EACH + VIR_EVENT_FILTER_DEAR_NAMES_PER_SECOND *
                     ((g_get_monotonic_time() - start) / G_USEC_PER_SEC + 1));
}

typedef struct {
    size_t count;
    size_t relayedBytes;
    guint64 events;
} Domains;

static void
countDomain(const virStateDomain *domain, void *opaque)
{
    Domains *domains = opaque;

    g_assert_cmpstr(domain->name, ==, "peer");
    g_assert_cmpuint(domain->queuedBytes, ==, 0);
    g_assert_cmpuint(domain->lost, ==, 0);
    domains->count++;
    domains->relayedBytes = domain->relayedBytes;
    domains->events = domain->events;
}

/* What waits for clients is counted for each domain, once for all of them, until the last has got
 * it. */
static void
testDomainBytes(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    Domains one = { 0 };
    Domains both = { 0 };
    Domains left = { 0 };
    guint64 before;

    g_assert_cmpint(add(f, 0, NULL, 0), >=, 0);
    g_assert_cmpint(add(f, 1, NULL, 0), >=, 0);
    virStateForEachDomain(countDomain, &one);
    before = one.events;
    say(f, "STOP", 2);
    virStateForEachDomain(countDomain, &one);
    say(f, "STOP", 2);
    virStateForEachDomain(countDomain, &both);
    g_assert_cmpuint(one.relayedBytes, >, 0);
    g_assert_cmpuint(both.relayedBytes, ==, 2 * one.relayedBytes);
    g_assert_cmpuint(both.events, >=, before + 2);
    g_ptr_array_set_size(f->outs[0].events, 0);
    g_ptr_array_set_size(f->outs[1].events, 0);
    /* The last one is kept, for whoever may want it too. */
    virStateForEachDomain(countDomain, &left);
    g_assert_cmpuint(left.relayedBytes, ==, one.relayedBytes);
    g_assert_cmpuint(left.count, ==, 1);
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

/* QEMU sends @n large events, one after another: each is offered to @registrations before the next
 * comes. */
static void
sayBig(Fixture *f, size_t n, size_t registrations)
{
    g_autofree char *much = g_strnfill(150000, 'x');
    g_autofree char *line = g_strdup_printf("{\"event\": \"BIG\", \"data\": \"%s\"}\r\n", much);

    for (; n > 0; n--) {
        size_t all = offered + registrations;

        qmpPeerSend(f->peer, line, strlen(line));
        while (offered < all)
            testLoopWait();
    }
}

/* Of the second half of a client's queue, one stream gets no more than it leaves to others. */
static void
testStorm(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    f->outs[0].held = QUEUE_BYTES / 2;
    sayBig(f, 5, 1);
    assertSent(f, 0, "0:BIG 0:BIG 0:BIG 0:BIG 0:BIG ");         /* not yet more than a half */

    f->outs[0].held = QUEUE_BYTES / 2 + 1;
    sayBig(f, 4, 1);
    assertSent(f, 0, "0:BIG 0:BIG 0:BIG ");
    g_assert_true(f->outs[0].refusing);
    say(f, "A", 1);                                             /* would fit, but not behind a gap */
    assertSent(f, 0, "");

    f->outs[0].held = 0;
    drain(f, 0, 1000);
    say(f, "A", 1);
    assertSentMatches(f, 0, LOST(0, 2, 9, 10) "} 0:A ");
}

/* Its share is what its events take there: once for all registrations that get one. */
static void
testStormToSeveral(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    add(f, 0, NULL, 0);
    f->outs[0].held = QUEUE_BYTES / 2 + 1;
    sayBig(f, 4, 2);
    assertSent(f, 0, "0:BIG 1:BIG 0:BIG 1:BIG 0:BIG 1:BIG ");
    g_assert_true(f->outs[0].refusing);
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

/* --- what may be seen --- */

static void
testHidden(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    add(f, 0, "A", 0);
    addLifecycle(f, 0, REMOTE_RELAY_NUMBERED);
    answer = REMOTE_SIGHT_HIDDEN;
    sayUnseen(f, "A", 2);
    sayUnseen(f, "STOP", 2);
    g_assert_cmpuint(offered, ==, 0);
    g_assert_cmpuint(f->clients[0].hidden, ==, 4);
    answer = REMOTE_SIGHT_SEEN;
    say(f, "RESUME", 2);
    assertSent(f, 0, "0:RESUME 2:#318 ");
    g_assert_cmpuint(f->clients[0].hidden, ==, 4);
}

/* Nothing is lost of what came before the answer, and nothing changes its place. */
static void
testWaits(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    addLifecycle(f, 0, REMOTE_RELAY_NUMBERED);
    add(f, 0, "A", 0);
    sayUnseen(f, "A", 2);
    sayUnseen(f, "B", 1);
    sayUnseen(f, "A", 2);
    g_assert_cmpuint(offered, ==, 0);
    g_assert_cmpuint(f->clients[0].heldBytes, >, 0);
    setAnswer(REMOTE_SIGHT_UNKNOWN);
    g_assert_cmpuint(offered, ==, 0);
    setAnswer(REMOTE_SIGHT_SEEN);
    assertSent(f, 0, "0:A 2:A 0:B 0:A 2:A ");
    g_assert_cmpuint(f->clients[0].heldBytes, ==, 0);
    g_assert_true(g_ptr_array_index(f->outs[0].events, 0) ==
                  g_ptr_array_index(f->outs[0].events, 1));
    say(f, "A", 2);
    assertSent(f, 0, "0:A 2:A ");

    /* The policy changes, and comes to the same. */
    answer = REMOTE_SIGHT_UNKNOWN;
    sayUnseen(f, "STOP", 2);
    setAnswer(REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(f->outs[0].sent->len, >, 0);
    g_assert_nonnull(strstr(f->outs[0].sent->str, "0:STOP "));
    g_assert_nonnull(strstr(f->outs[0].sent->str, "1:#318 "));
}

static void
testWaitsForNothing(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    add(f, 0, NULL, 0);
    add(f, 0, NULL, 0);
    addLifecycle(f, 1, REMOTE_RELAY_OLD);
    sayUnseen(f, "STOP", 3);
    g_assert_cmpuint(f->clients[1].heldBytes, >, 0);
    /* Who doesn't want it any more doesn't get it. */
    g_assert_cmpint(remoteRelayRemoveMonitor(f->relay, &f->clients[0], 0), ==, 0);
    setAnswer(REMOTE_SIGHT_SEEN);
    assertSent(f, 0, "1:STOP ");
    assertSent(f, 1, "-1:#107 ");
    g_assert_cmpuint(f->clients[0].heldBytes, ==, 0);

    answer = REMOTE_SIGHT_UNKNOWN;
    sayUnseen(f, "RESUME", 2);
    setAnswer(REMOTE_SIGHT_HIDDEN);
    assertSent(f, 0, "");
    assertSent(f, 1, "");
    g_assert_cmpuint(f->clients[0].hidden, ==, 1);
    g_assert_cmpuint(f->clients[1].hidden, ==, 1);

    /* And what still waits goes with the client: see tearDown(). */
    answer = REMOTE_SIGHT_UNKNOWN;
    sayUnseen(f, "STOP", 2);
}

/* A client goes while much waits for each of its registrations, of both kinds. */
static void
testGoesWhileWaiting(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < 20; i++)
        add(f, 0, NULL, 0);
    addLifecycle(f, 0, REMOTE_RELAY_NUMBERED);
    for (i = 0; i < 3; i++)
        sayUnseen(f, i % 2 == 0 ? "STOP" : "RESUME", 21);
    g_assert_cmpuint(f->clients[0].heldBytes, >, 0);
    remoteRelayClientClear(f->relay, &f->clients[0]);
    g_assert_cmpuint(f->clients[0].heldBytes, ==, 0);
    g_assert_cmpuint(f->clients[0].hidden, ==, 0);
    g_assert_cmpuint(views->len, ==, 0);
    g_assert_cmpuint(offered, ==, 0);
}

/* What may wait has a limit; what is over it is told behind it, to whoever may know. As client 1
 * takes all at once, QEMU is read on. */
static void
fillUp(Fixture *f, size_t count)
{
    g_autofree char *much = g_strnfill(QUEUE_BYTES / 5, 'x');
    g_autofree char *line = g_strdup_printf("{\"event\": \"BIG\", \"data\": \"%s\"}\r\n", much);
    size_t i;

    add(f, 0, NULL, 0);
    add(f, 1, NULL, 0);
    open = g_ptr_array_index(views, 1);
    for (i = 0; i < count; i++) {
        size_t before = looks;

        qmpPeerSend(f->peer, line, strlen(line));
        while (looks < before + 2)
            testLoopWait();
    }
    g_string_truncate(f->outs[1].sent, 0);
}

static void
testWaitsWithinLimit(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    fillUp(f, 4);
    g_assert_cmpuint(f->clients[0].heldBytes, <=, QUEUE_BYTES / 2);
    sayUnseen(f, "A", 2);                       /* would fit, but not behind a gap */
    setAnswer(REMOTE_SIGHT_SEEN);
    assertSentMatches(f, 0, "0:BIG 0:BIG " LOST(0, 3, 3, 5) "} ");
    say(f, "A", 2);
    assertSent(f, 0, "0:A ");
    g_assert_cmpuint(g_hash_table_size(f->clients[0].gaps), ==, 0);
}

/* There is no room for what has waited either: then that is lost too, in one gap. */
static void
testNoRoomAfterwards(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    fillUp(f, 4);
    f->outs[0].room = 1;
    setAnswer(REMOTE_SIGHT_SEEN);
    assertSent(f, 0, "0:BIG ");
    drain(f, 0, 1000);
    assertSentMatches(f, 0, LOST(0, 3, 2, 4) "} ");
}

static void
testHiddenLossIsNotTold(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    fillUp(f, 4);
    drain(f, 0, 1000);
    assertSent(f, 0, "");                       /* it isn't known yet whether it may be told */
    setAnswer(REMOTE_SIGHT_HIDDEN);
    drain(f, 0, 1000);
    assertSent(f, 0, "");
    g_assert_cmpuint(g_hash_table_size(f->clients[0].gaps), ==, 0);
    answer = REMOTE_SIGHT_SEEN;
    say(f, "A", 2);
    assertSent(f, 0, "0:A ");
}

static void
testReadOnlyWatches(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    remoteDaemonClient *client = &f->clients[0];

    virConnectClose(client->conn);
    client->conn = virConnectOpenReadOnly("qemu:///system");
    g_assert_cmpint(remoteRelayAddMonitor(f->relay, client, NULL, NULL, 0, false), ==, -1);
    assertRefused(VIR_ERR_OPERATION_DENIED, VIR_FROM_NONE);
    g_assert_cmpuint(views->len, ==, 0);
    g_assert_cmpint(remoteRelayAddMonitor(f->relay, client, NULL, NULL, 0, true), ==, 0);
    g_assert_cmpuint(views->len, ==, 1);
    g_assert_true(((remoteView *)g_ptr_array_index(views, 0))->watches);
    g_assert_cmpint(addLifecycle(f, 0, REMOTE_RELAY_NUMBERED), ==, 1);
    g_assert_cmpuint(views->len, ==, 2);
    g_assert_false(((remoteView *)g_ptr_array_index(views, 1))->watches);
    answer = REMOTE_SIGHT_SEEN;
    say(f, "STOP", 2);
    assertSent(f, 0, "0:STOP 1:#318 ");
    g_assert_cmpint(remoteRelayRemoveMonitor(f->relay, client, 0), ==, 0);
    g_assert_cmpuint(views->len, ==, 1);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(Fixture *f, gconstpointer data);
        const char *hasSight;
    } tests[] = {
        { "/remote/daemon-relay/numbers", testNumbers, NULL },
        { "/remote/daemon-relay/encoded-once", testEncodedOnce, NULL },
        { "/remote/daemon-relay/refused", testRefused, NULL },
        { "/remote/daemon-relay/many-registrations", testManyRegistrations, NULL },
        { "/remote/daemon-relay/filter-bytes", testFilterBytes, NULL },
        { "/remote/daemon-relay/filter-budget", testFilterBudget, NULL },
        { "/remote/daemon-relay/domain-bytes", testDomainBytes, NULL },
        { "/remote/daemon-relay/loss-is-told", testLossIsTold, NULL },
        { "/remote/daemon-relay/little-room", testLittleRoom, NULL },
        { "/remote/daemon-relay/later-registration", testLaterRegistration, NULL },
        { "/remote/daemon-relay/storm", testStorm, NULL },
        { "/remote/daemon-relay/storm-to-several", testStormToSeveral, NULL },
        { "/remote/daemon-relay/too-long", testTooLong, NULL },
        { "/remote/daemon-relay/lifecycle-lost", testLifecycleLost, NULL },
        { "/remote/daemon-relay/hidden", testHidden, "sight" },
        { "/remote/daemon-relay/waits", testWaits, "sight" },
        { "/remote/daemon-relay/waits-for-nothing", testWaitsForNothing, "sight" },
        { "/remote/daemon-relay/goes-while-waiting", testGoesWhileWaiting, "sight" },
        { "/remote/daemon-relay/waits-within-limit", testWaitsWithinLimit, "sight" },
        { "/remote/daemon-relay/no-room-afterwards", testNoRoomAfterwards, "sight" },
        { "/remote/daemon-relay/hidden-loss-is-not-told", testHiddenLossIsNotTold, "sight" },
        { "/remote/daemon-relay/read-only-watches", testReadOnlyWatches, "sight" },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    testLoopRegister();
    virInitialize();
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, Fixture, tests[i].hasSight, setUp, tests[i].func, tearDown);
    return testRunCountingFds();
}
