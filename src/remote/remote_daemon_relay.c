/*
 * remote_daemon_relay.c: events on their way to the daemon's clients
 *
 * Registrations for monitor events are made on one connection for all clients, so that
 * the machinery in conf/ works out once who wants a name, and hands out the same handle
 * of a domain again and again. The first callback for an event encodes it, all others
 * add a reference.
 *
 * Registrations for domain events are made on each client's own connection, as without
 * a filter one connection has each just once. They are rare enough to be encoded each
 * time.
 *
 * Where somebody decides who may see what, the answer is looked up for each event
 * (remote_daemon_sight.h). Until it is known, events wait here, a list for each client and stream,
 * within what may wait for the client anyway. To let the client's registration wait for the answers
 * about all domains instead would do for those that are there, but not for those that appear later,
 * whose first events are the ones that matter. A stream of which much waits is read no further, as if
 * its clients were slow (remote_daemon_pace.h). What is too much all the same, such as when another
 * client keeps up, is lost and told, if the client may see it in the end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_relay.h"

#include <string.h>

#include "domain_event.h"
#include "qemu_protocol.h"
#include "remote_daemon_pace.h"
#include "remote_daemon_typed.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("remote.daemon_relay");

/* The last kinds of domain events that clients may ask for, in all and among those that have
 * messages without a number. */
#define REMOTE_RELAY_EVENT_LAST VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE
#define REMOTE_RELAY_OLD_EVENT_LAST VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED

/* Streams of which one client has missed something and was not told yet. A client that reads
 * nothing while that many domains come and go is beyond help. */
#define REMOTE_RELAY_GAPS_MAX REMOTE_DOMAIN_LIST_MAX

typedef struct _remoteRelayView remoteRelayView;

/* One registration of one client. */
typedef struct {
    remoteRelay *relay;
    remoteDaemonClient *client;
    remoteRelayView *view;      /* NULL: it gets all */
    int number;                 /* by which the client knows it */
    guint64 order;              /* counts registrations, and never begins again */
    int callbackID;             /* by which the library knows it; -1: none yet */
    bool monitor;
    bool wantsNotices;          /* monitor: of what was lost */
    size_t filterBytes;         /* that it is charged */
    char *event;                /* monitor: the filter as it was given, or NULL */
    unsigned int flags;
    guint64 delivered;
    guint64 lost;
    remoteTypedTarget target;   /* domain events: this and the next */
    int eventID;
    bool scoped;
    unsigned char uuid[VIR_UUID_BUFLEN];
} remoteRelayReg;

/* Events of one stream that a client did not get. */
typedef struct {
    virEventGap gap;            /* its count is 0: there is nothing */
    guint64 newest;             /* order of the last registration by then; later ones have missed
                                 * nothing */
} remoteRelayLoss;

/* There may not be room to tell all registrations at once, and more may be lost meanwhile: which
 * is then another gap. */
typedef struct {
    virDomainIdent *ident;      /* a reference */
    remoteRelayLoss telling;    /* known to registrations up to @told */
    guint64 told;               /* order of the last */
    remoteRelayLoss since;      /* known to none */
} remoteRelayGap;

/* What one client may see by one kind of registrations. */
struct _remoteRelayView {
    remoteRelay *relay;
    remoteDaemonClient *client;
    remoteView *view;
    size_t regs;                /* that use it; with the last it goes */
    GHashTable *waiting;        /* remoteRelayWait by stream */
};

/* An event that waits for one registration. */
typedef struct {
    remoteRelayReg *reg;        /* takes this with it when it goes */
    virObjectEvent *event;      /* a reference */
    virNetEvent *encoded;       /* a domain event; NULL: a monitor event, encoded when it is sent */
    size_t bytes;
} remoteRelayHeld;

/* Events of one stream of which it isn't known whether the client may see them. */
typedef struct {
    virDomainIdent *ident;      /* a reference */
    GQueue held;                /* remoteRelayHeld, oldest first */
} remoteRelayWait;

struct _remoteRelay {
    virConnectPtr conn;         /* a reference */
    remoteSight *sight;         /* NULL: all see all */
    int lastNumber;             /* that was given to a registration; -1: none was */
    guint64 lastOrder;
    remotePace *pace;
    /* virEventFilterBudget by the user's name, a reference each. One that is used up outlives its
     * user: who comes again does not begin anew. */
    GHashTable *budgets;
    guint64 lastSerial;         /* of the event that @lastEvent is */
    bool lastTried;             /* ... which may have failed: then it is NULL */
    virNetEvent *lastEvent;
};

remoteRelay *
remoteRelayNew(virConnectPtr conn, remoteSight *sight)
{
    remoteRelay *relay = g_new0(remoteRelay, 1);

    relay->conn = virConnectRefInternal(conn);
    relay->sight = sight;
    relay->lastNumber = -1;
    relay->pace = remotePaceNew();
    relay->budgets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify)virEventFilterBudgetUnref);
    return relay;
}

void
remoteRelayFree(remoteRelay *relay)
{
    if (!relay)
        return;
    g_clear_pointer(&relay->lastEvent, virNetEventUnref);
    remotePaceFree(relay->pace);
    g_hash_table_unref(relay->budgets);
    virConnectUnref(relay->conn);
    g_free(relay);
}

static void
remoteRelayGapFree(void *opaque)
{
    remoteRelayGap *gap = opaque;

    virDomainIdentUnref(gap->ident);
    g_free(gap);
}

void
remoteRelayClientInit(remoteDaemonClient *client)
{
    client->regs = g_hash_table_new(NULL, NULL);
    client->gaps = g_hash_table_new_full(NULL, NULL, NULL, remoteRelayGapFree);
    client->lostSerial = G_MAXUINT64;
    client->crowd = g_hash_table_new(NULL, NULL);
    client->budget = virEventFilterBudgetNew();
}

/* --- what is lost --- */

/* A client that has missed something and can't even be told: it finds out by losing its
 * connection. Not at once, as a callback for one of its registrations runs. */
static void
remoteRelayGiveUp(remoteDaemonClient *client, const char *why)
{
    if (virNetServerClientIsClosed(client->client))
        return;
    VIR_WARN("client %llu is too slow: %s; its connection is closed",
             virNetServerClientGetID(client->client), why);
    virNetServerClientCloseLater(client->client);
}

static remoteRelayGap *
remoteRelayGapNew(remoteDaemonClient *client, virDomainIdent *ident)
{
    remoteRelayGap *lost;

    if (g_hash_table_size(client->gaps) >= REMOTE_RELAY_GAPS_MAX) {
        remoteRelayGiveUp(client, "it has missed events of too many domains");
        return NULL;
    }
    lost = g_new0(remoteRelayGap, 1);
    lost->ident = virDomainIdentRef(ident);
    g_hash_table_insert(client->gaps, lost->ident, lost);
    return lost;
}

static void
remoteRelayCountLost(remoteRelay *relay, remoteDaemonClient *client, const virObjectEvent *event)
{
    remoteRelayGap *lost = g_hash_table_lookup(client->gaps, event->domain);
    guint64 covers = MAX(event->lost, 1);
    virEventGap *gap;

    /* Another registration of the client has missed the same event. */
    if (event->serial == client->lostSerial)
        return;
    client->lostSerial = event->serial;
    if (!lost && !(lost = remoteRelayGapNew(client, event->domain)))
        return;

    /* What has waited may be lost after what came later. */
    gap = &lost->since.gap;
    if (gap->count == 0 || event->number < gap->from) {
        gap->from = event->number - (covers - 1);
        gap->firstSeconds = event->seconds;
        gap->firstMicros = event->micros;
    }
    if (gap->count == 0 || event->number > gap->to) {
        gap->to = event->number;
        gap->lastSeconds = event->seconds;
        gap->lastMicros = event->micros;
    }
    gap->count += covers;
    lost->since.newest = relay->lastOrder;
}

static void
remoteRelayRegLost(remoteRelayReg *reg, const virObjectEvent *event)
{
    reg->lost++;
    atomic_fetch_add_explicit(&event->domain->refused, 1, memory_order_relaxed);
    remoteRelayCountLost(reg->relay, reg->client, event);
}

/* Whether anything of that stream is missing that the client was not told of yet. */
static bool
remoteRelayHasGap(remoteDaemonClient *client, virDomainIdent *ident)
{
    return g_hash_table_size(client->gaps) > 0 && g_hash_table_contains(client->gaps, ident);
}

/**
 * remoteRelayHasRoom:
 *
 * The first half of a client's queue is for whoever comes first. Of the second, one stream may
 * take no more than it leaves free, so that a storm in one guest leaves room for the others'
 * events.
 */
static bool
remoteRelayHasRoom(remoteDaemonClient *client, virDomainIdent *ident, const virNetEvent *event)
{
    size_t max = virNetServerClientGetEventBytesMax(client->client);
    size_t held = virNetServerClientGetEventBytes(client->client);
    size_t share;

    if (held <= max / 2) {
        if (g_hash_table_size(client->crowd) > 0)
            g_hash_table_remove_all(client->crowd);
        return true;
    }
    share = GPOINTER_TO_SIZE(g_hash_table_lookup(client->crowd, ident)) +
        virNetServerClientGetEventCost(client->client, event);
    if (held > max || share > max - held)
        return false;
    g_hash_table_insert(client->crowd, ident, GSIZE_TO_POINTER(share));
    return true;
}

/* --- events that wait until it is known who may see them --- */

static void
remoteRelayHeldFree(remoteRelayHeld *held)
{
    held->reg->client->heldBytes -= held->bytes;
    virNetQuotaRelease(virNetServerClientGetAccount(held->reg->client->client),
                       VIR_NET_QUOTA_EVENT_BYTES, held->bytes);
    virObjectEventUnref(held->event);
    virNetEventUnref(held->encoded);
    g_free(held);
}

static void
remoteRelayWaitFree(void *opaque)
{
    remoteRelayWait *wait = opaque;
    remoteRelayHeld *held;

    while ((held = g_queue_pop_head(&wait->held)))
        remoteRelayHeldFree(held);
    virDomainIdentUnref(wait->ident);
    g_free(wait);
}

/* @bytes are charged already. */
static void
remoteRelayHold(remoteRelayReg *reg, virObjectEvent *event, virNetEvent *encoded, size_t bytes)
{
    remoteRelayWait *wait = g_hash_table_lookup(reg->view->waiting, event->domain);
    remoteRelayHeld *held = g_new0(remoteRelayHeld, 1);

    if (!wait) {
        wait = g_new0(remoteRelayWait, 1);
        wait->ident = virDomainIdentRef(event->domain);
        g_queue_init(&wait->held);
        g_hash_table_insert(reg->view->waiting, wait->ident, wait);
    }
    held->reg = reg;
    held->event = virObjectEventRef(event);
    held->encoded = encoded ? virNetEventRef(encoded) : NULL;
    held->bytes = bytes;
    reg->client->heldBytes += bytes;
    g_queue_push_tail(&wait->held, held);
}

/* Whether @bytes more may wait, of @max that may for all reasons together. */
static bool
remoteRelayMayHold(remoteDaemonClient *client, size_t bytes, size_t max)
{
    size_t held = virNetServerClientGetEventBytes(client->client) + client->heldBytes;

    return held <= max && bytes <= max - held;
}

/* The bytes that an event costs here, with what it is kept in. */
static size_t
remoteRelayHoldCost(const virObjectEvent *event, const virNetEvent *encoded)
{
    return event->bytes + (encoded ? virNetEventCost(encoded) : 0) + sizeof(remoteRelayHeld) +
        sizeof(remoteRelayWait);
}

/* Whether so much waits that no more need be read for this client until something is known; some
 * that is on its way comes all the same. */
static bool
remoteRelayHoldsMuch(remoteDaemonClient *client)
{
    return client->heldBytes > MIN(VIR_NET_SERVER_CLIENT_AHEAD_BYTES,
                                   virNetServerClientGetEventBytesMax(client->client) / 8);
}

/* After a loss all of that stream is lost until it is known, so that the gap has one place; half of
 * what may wait stays free for what is known. */
static void
remoteRelayHoldMonitor(remoteRelayReg *reg, virObjectEvent *event)
{
    remoteDaemonClient *client = reg->client;
    size_t bytes = remoteRelayHoldCost(event, NULL);

    if (remoteRelayHasGap(client, event->domain) ||
        !remoteRelayMayHold(client, bytes,
                            virNetServerClientGetEventBytesMax(client->client) / 2) ||
        !virNetQuotaTakeShare(virNetServerClientGetAccount(client->client),
                              VIR_NET_QUOTA_EVENT_BYTES, bytes))
        remoteRelayRegLost(reg, event);
    else
        remoteRelayHold(reg, event, NULL, bytes);
}

/* Nothing in the protocol tells of the loss of these. */
static void
remoteRelayHoldDomain(remoteRelayReg *reg, virObjectEvent *event, virNetEvent *encoded)
{
    remoteDaemonClient *client = reg->client;
    size_t bytes = remoteRelayHoldCost(event, encoded);

    if (remoteRelayMayHold(client, bytes, virNetServerClientGetEventBytesMax(client->client)) &&
        virNetQuotaTakeRare(virNetServerClientGetAccount(client->client),
                            VIR_NET_QUOTA_EVENT_BYTES, bytes, 0))
        remoteRelayHold(reg, event, encoded, bytes);
    else
        remoteRelayGiveUp(client, "nobody says what it may see");
}

/* --- monitor events --- */

static virNetEvent *
remoteRelayEncode(const char *name, const unsigned char *uuid, int id, const char *event,
                  long long seconds, unsigned int micros, const char *details)
{
    qemu_domain_monitor_event_msg msg = {
        .dom = { .name = (char *)name, .id = id },
        .event = (char *)event,
        .seconds = seconds,
        .micros = micros,
        .details = details ? (char **)&details : NULL,
    };

    memcpy(msg.dom.uuid, uuid, VIR_UUID_BUFLEN);
    return virNetEventNew(QEMU_PROGRAM, QEMU_PROTOCOL_VERSION, QEMU_PROC_DOMAIN_MONITOR_EVENT,
                          true, (xdrproc_t)xdr_qemu_domain_monitor_event_msg, &msg);
}

static void
remoteRelayEventFreed(size_t cost, void *opaque)
{
    virDomainIdent *ident = opaque;

    atomic_fetch_sub_explicit(&ident->relayedBytes, cost, memory_order_relaxed);
    virDomainIdentUnref(ident);
}

/* Counts what waits of one domain: once, whatever the number of clients that it waits for. */
static void
remoteRelayCountBytes(virNetEvent *event, virDomainIdent *ident)
{
    atomic_fetch_add_explicit(&ident->relayedBytes, virNetEventCost(event), memory_order_relaxed);
    virNetEventSetFreed(event, remoteRelayEventFreed, virDomainIdentRef(ident));
}

/* The event that is being sent, encoded once for all who get it; NULL if that cannot be. */
static virNetEvent *
remoteRelayCurrent(remoteRelay *relay, const virObjectEvent *current, const char *name,
                   const unsigned char *uuid, int id, const char *event, long long seconds,
                   unsigned int micros, const char *details)
{
    if (relay->lastTried && relay->lastSerial == current->serial)
        return relay->lastEvent;

    g_clear_pointer(&relay->lastEvent, virNetEventUnref);
    relay->lastSerial = current->serial;
    relay->lastTried = true;
    relay->lastEvent = remoteRelayEncode(name, uuid, id, event, seconds, micros, details);
    if (relay->lastEvent) {
        remoteRelayCountBytes(relay->lastEvent, current->domain);
    } else {
        VIR_WARN("event '%.200s' of domain '%s' is lost: %s", event, name,
                 virErrorLastMessage());
        virResetLastError();
    }
    return relay->lastEvent;
}

static remotePaceState
remoteRelayPaceOf(remoteDaemonClient *client)
{
    if (!virNetServerClientIsBehind(client->client))
        return REMOTE_PACE_KEEPS_UP;
    return virNetServerClientIsStuck(client->client) ? REMOTE_PACE_STUCK : REMOTE_PACE_BEHIND;
}

/* After a loss, all of that stream is lost until the client was told: the gap then has one place.
 * @first: what was lost came later than @event. Returns whether that was sent, or else counts it as
 * lost. */
static bool
remoteRelaySendMonitor(remoteRelayReg *reg, const virObjectEvent *event, virNetEvent *encoded,
                       bool first)
{
    remoteDaemonClient *client = reg->client;
    bool sent = false;

    if (encoded && ((!first && remoteRelayHasGap(client, event->domain)) ||
                    !remoteRelayHasRoom(client, event->domain, encoded)))
        virNetServerClientRefuseEvent(client->client);
    else if (encoded)
        sent = virNetServerClientSendEvent(client->client, encoded, reg->number);
    if (sent)
        reg->delivered++;
    else
        remoteRelayRegLost(reg, event);
    return sent;
}

static void remoteRelaySendDomain(virNetEvent *event, void *opaque);

static void
remoteRelayMonitorEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *event,
                        long long seconds, unsigned int micros, const char *details,
                        void *opaque)
{
    remoteRelayReg *reg = opaque;
    virObjectEvent *current = virObjectEventCurrent();
    virNetEvent *encoded;

    /* Its filter is off: that is rare, and has no number by which its loss could be told. */
    if (current->number == 0) {
        encoded = remoteRelayCurrent(reg->relay, current, dom->name, dom->uuid, dom->id, event,
                                     seconds, micros, details);
        if (encoded)
            remoteRelaySendDomain(encoded, reg);
        return;
    }
    if (reg->view) {
        switch (remoteViewLook(reg->view->view, current->domain)) {
        case REMOTE_SIGHT_UNKNOWN:
            remoteRelayHoldMonitor(reg, current);
            remotePaceCount(reg->relay->pace, current, reg->client,
                            remoteRelayHoldsMuch(reg->client) ? REMOTE_PACE_BEHIND :
                                                                REMOTE_PACE_KEEPS_UP);
            return;
        case REMOTE_SIGHT_HIDDEN:
            reg->client->hidden++;
            return;
        case REMOTE_SIGHT_SEEN:
            break;
        }
    }
    encoded = remoteRelayCurrent(reg->relay, current, dom->name, dom->uuid, dom->id, event,
                                 seconds, micros, details);
    remoteRelaySendMonitor(reg, current, encoded, false);
    remotePaceCount(reg->relay->pace, current, reg->client, remoteRelayPaceOf(reg->client));
    /* One that could not be encoded is told at once, as the queue may never have been full. */
    if (!encoded)
        remoteRelayClientDrained(reg->relay, reg->client);
}

/* One that has waited. What was lost meanwhile comes behind all that did not fit while it waited,
 * and so is no reason to lose this. Returns whether it was sent. */
static bool
remoteRelaySendHeld(remoteRelayReg *reg, const virObjectEvent *head)
{
    const virDomainMonitorEvent *event = (const virDomainMonitorEvent *)head;
    const virDomainIdent *ident = head->domain;

    return remoteRelaySendMonitor(reg, head,
                                  remoteRelayCurrent(reg->relay, head, ident->name, ident->uuid,
                                                     ident->id, event->name, head->seconds,
                                                     head->micros, event->details), true);
}

/* Charges what the filter of @reg costs, which is made anew for that: whoever keeps it is below the
 * public functions. Finds out whether notices of lost events reach it too: those of the machinery
 * in conf/ decide by the same rule. Returns 0, or -1 with an error reported. */
static int
remoteRelayRegChargeFilter(remoteRelayReg *reg, const char *event, unsigned int flags)
{
    const unsigned int regex = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    const unsigned int glob = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB;
    virNetQuotaAccount *account = virNetServerClientGetAccount(reg->client->client);
    g_autoptr(virEventFilter) filter = NULL;
    size_t bytes;

    reg->wantsNotices = !event;
    /* Flags that make no sense are refused where all are. */
    if (!event || ((flags & regex) && (flags & glob)))
        return 0;
    if (!(filter = virDomainMonitorEventFilterNew(event, flags)))
        return -1;
    bytes = virEventFilterBytes(filter);
    if (virNetQuotaCharge(account, VIR_NET_QUOTA_FILTER_BYTES, bytes) < 0)
        return -1;
    reg->filterBytes = bytes;
    reg->wantsNotices = virEventFilterMatches(filter, VIR_DOMAIN_MONITOR_EVENT_LOST,
                                              strlen(VIR_DOMAIN_MONITOR_EVENT_LOST));
    return 0;
}

/* --- what a client may see --- */

static void remoteRelayAnswered(void *opaque);

/* @watches: by a permission that only read-only connections need. */
static remoteRelayView *
remoteRelayViewNew(remoteRelay *relay, remoteDaemonClient *client, bool watches)
{
    remoteRelayView *view = g_new0(remoteRelayView, 1);
    g_autoptr(virIdentity) identity = virNetServerClientGetIdentity(client->client);

    view->relay = relay;
    view->client = client;
    view->waiting = g_hash_table_new_full(NULL, NULL, NULL, remoteRelayWaitFree);
    view->view = remoteViewNew(relay->sight, identity, watches, remoteRelayAnswered, view);
    return view;
}

/* A connection is read-only or it isn't: all its registrations of one kind need the same. */
static void
remoteRelayRegJoinView(remoteRelayReg *reg, bool watches)
{
    remoteRelayView **view = reg->monitor ? &reg->client->monitorView : &reg->client->domainView;

    if (!reg->relay->sight)
        return;
    if (!*view)
        *view = remoteRelayViewNew(reg->relay, reg->client, watches);
    (*view)->regs++;
    reg->view = *view;
}

static void
remoteRelayWaitDrop(remoteRelayWait *wait, const remoteRelayReg *reg)
{
    GList *link = wait->held.head;

    while (link) {
        GList *next = link->next;
        remoteRelayHeld *held = link->data;

        if (held->reg == reg) {
            remoteRelayHeldFree(held);
            g_queue_delete_link(&wait->held, link);
        }
        link = next;
    }
}

/* With what waits for @reg. */
static void
remoteRelayRegLeaveView(remoteRelayReg *reg)
{
    remoteRelayView *view = reg->view;
    remoteRelayWait *wait;
    GHashTableIter iter;

    if (!view)
        return;
    g_hash_table_iter_init(&iter, view->waiting);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&wait)) {
        remoteRelayWaitDrop(wait, reg);
        if (g_queue_is_empty(&wait->held))
            g_hash_table_iter_remove(&iter);
    }
    reg->view = NULL;
    if (--view->regs > 0)
        return;
    if (reg->monitor)
        reg->client->monitorView = NULL;
    else
        reg->client->domainView = NULL;
    remoteViewFree(view->view);
    g_hash_table_unref(view->waiting);
    g_free(view);
}

/* NULL with an error reported: the client has too many. */
static remoteRelayReg *
remoteRelayRegNew(remoteRelay *relay, remoteDaemonClient *client,
                  const remote_nonnull_domain *dom)
{
    remoteRelayReg *reg;

    if (virNetQuotaCharge(virNetServerClientGetAccount(client->client),
                          VIR_NET_QUOTA_REGISTRATIONS, 1) < 0)
        return NULL;
    reg = g_new0(remoteRelayReg, 1);
    reg->relay = relay;
    reg->client = client;
    reg->order = ++relay->lastOrder;
    reg->callbackID = -1;
    if (dom) {
        reg->scoped = true;
        memcpy(reg->uuid, dom->uuid, VIR_UUID_BUFLEN);
    }
    return reg;
}

/* The next number that this client doesn't use: numbers begin again after the largest. */
static int
remoteRelayNextNumber(remoteRelay *relay, remoteDaemonClient *client)
{
    do {
        relay->lastNumber = relay->lastNumber == G_MAXINT ? 0 : relay->lastNumber + 1;
    } while (g_hash_table_contains(client->regs, GINT_TO_POINTER(relay->lastNumber)));
    return relay->lastNumber;
}

/* Takes @reg, whose number nobody knows any more. */
static void
remoteRelayRegFree(remoteRelayReg *reg)
{
    virNetQuotaAccount *account = virNetServerClientGetAccount(reg->client->client);

    remoteRelayRegLeaveView(reg);
    virNetQuotaRelease(account, VIR_NET_QUOTA_FILTER_BYTES, reg->filterBytes);
    virNetQuotaRelease(account, VIR_NET_QUOTA_REGISTRATIONS, 1);
    g_free(reg->event);
    g_free(reg);
}

/* Takes @reg, for which the library said @callbackID. */
static int
remoteRelayRegDone(remoteRelayReg *reg, int callbackID)
{
    if (callbackID < 0) {
        remoteRelayRegFree(reg);
        return -1;
    }
    reg->callbackID = callbackID;
    reg->number = remoteRelayNextNumber(reg->relay, reg->client);
    g_hash_table_insert(reg->client->regs, GINT_TO_POINTER(reg->number), reg);
    return reg->number;
}

/* The UUID is all that counts; there need be no such domain yet. */
static virDomainPtr
remoteRelayMakeDomain(virConnectPtr conn, const remote_nonnull_domain *dom)
{
    return dom ? virGetDomain(conn, dom->name, (const unsigned char *)dom->uuid, dom->id) : NULL;
}

static gboolean
remoteRelayBudgetIsSpare(gpointer name G_GNUC_UNUSED, gpointer budget,
                         gpointer opaque G_GNUC_UNUSED)
{
    return virEventFilterBudgetIsSpare(budget);
}

/* Of the work that the filters of @client may be: all clients of a user share one, unless he has no
 * limits. */
static virEventFilterBudget *
remoteRelayBudget(remoteRelay *relay, remoteDaemonClient *client)
{
    virNetQuotaUser *user = virNetQuotaAccountGetUser(
        virNetServerClientGetAccount(client->client));
    const char *name = virNetQuotaUserGetName(user);
    virEventFilterBudget *budget;

    if (virNetQuotaUserIsExempt(user))
        return client->budget;
    if (!(budget = g_hash_table_lookup(relay->budgets, name))) {
        g_hash_table_foreach_remove(relay->budgets, remoteRelayBudgetIsSpare, NULL);
        budget = virEventFilterBudgetNew();
        g_hash_table_insert(relay->budgets, g_strdup(name), budget);
    }
    return budget;
}

int
remoteRelayAddMonitor(remoteRelay *relay, remoteDaemonClient *client,
                      const remote_nonnull_domain *dom, const char *event, unsigned int flags,
                      bool watches)
{
    const unsigned int glob = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB;
    /* A read-only client is refused by its own connection, unless somebody has said otherwise. */
    bool refused = client->conn->flags & VIR_CONNECT_RO && !watches;
    virConnectPtr conn = refused ? client->conn : relay->conn;
    remoteRelayReg *reg = remoteRelayRegNew(relay, client, dom);
    virDomainPtr handle;
    int id;

    if (!reg)
        return -1;
    reg->monitor = true;
    reg->event = g_strdup(event);
    reg->flags = flags;
    if (!refused && remoteRelayRegChargeFilter(reg, event, flags) < 0)
        return remoteRelayRegDone(reg, -1);
    if (!refused)
        remoteRelayRegJoinView(reg, watches);
    handle = remoteRelayMakeDomain(conn, dom);
    /* Without a filter, the same callback is taken just once by one connection. */
    if (!event)
        flags = (flags & ~(unsigned int)VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX) |
                glob;
    virEventFilterBudgetSet(remoteRelayBudget(relay, client));
    id = virConnectDomainQemuMonitorEventRegister(conn, handle, event ? event : "*",
                                                  remoteRelayMonitorEvent, reg, NULL, flags);
    virEventFilterBudgetSet(NULL);
    virDomainUnref(handle);
    return remoteRelayRegDone(reg, id);
}

/* --- domain events --- */

static void
remoteRelaySendRare(remoteRelayReg *reg, virNetEvent *event)
{
    /* Nothing in the protocol tells of their loss. */
    if (virNetServerClientSendRareEvent(reg->client->client, event, reg->number))
        reg->delivered++;
    else
        remoteRelayGiveUp(reg->client, "it would miss what becomes of domains");
}

static void
remoteRelaySendDomain(virNetEvent *event, void *opaque)
{
    remoteRelayReg *reg = opaque;
    remoteSightAnswer sight = REMOTE_SIGHT_SEEN;

    if (reg->view)
        sight = remoteViewLook(reg->view->view, virObjectEventCurrent()->domain);
    if (sight == REMOTE_SIGHT_HIDDEN)
        reg->client->hidden++;
    else if (sight == REMOTE_SIGHT_UNKNOWN)
        remoteRelayHoldDomain(reg, virObjectEventCurrent(), event);
    else
        remoteRelaySendRare(reg, event);
}

static remoteRelayReg *
remoteRelayFindDomain(remoteDaemonClient *client, int eventID, const remote_nonnull_domain *dom)
{
    remoteRelayReg *reg;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, client->regs);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&reg)) {
        if (!reg->monitor && reg->eventID == eventID && reg->scoped == (dom != NULL) &&
            (!dom || memcmp(reg->uuid, dom->uuid, VIR_UUID_BUFLEN) == 0))
            return reg;
    }
    return NULL;
}

int
remoteRelayAddDomain(remoteRelay *relay, remoteDaemonClient *client,
                     const remote_nonnull_domain *dom, int eventID, remoteRelayStyle style)
{
    int last = style == REMOTE_RELAY_OLD ? REMOTE_RELAY_OLD_EVENT_LAST : REMOTE_RELAY_EVENT_LAST;
    virDomainPtr handle;
    remoteRelayReg *reg;
    int id;

    if (eventID < 0 || eventID > last) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("unsupported event ID %1$d"), eventID);
        return -1;
    }
    if (remoteRelayFindDomain(client, eventID, dom)) {
        virReportErrorFull(VIR_FROM_NONE, VIR_ERR_INVALID_ARG, __FILE__, __func__, __LINE__,
                           "%s", _("event callback already tracked"));
        return -1;
    }
    if (!(reg = remoteRelayRegNew(relay, client, dom)))
        return -1;
    handle = remoteRelayMakeDomain(client->conn, dom);
    reg->eventID = eventID;
    remoteRelayRegJoinView(reg, false);
    reg->target = (remoteTypedTarget) {
        .numbered = style == REMOTE_RELAY_NUMBERED, .send = remoteRelaySendDomain, .opaque = reg,
    };
    id = virConnectDomainEventRegisterAny(client->conn, handle, eventID,
                                          remoteTypedCallback(eventID), &reg->target, NULL);
    virDomainUnref(handle);
    return remoteRelayRegDone(reg, id);
}

/* --- the end of registrations --- */

/* Frees @reg. The library's functions run no callback of it after this, as this is the thread in
 * which callbacks run. */
static void
remoteRelayRegRemove(remoteRelayReg *reg)
{
    if (reg->monitor) {
        virConnectDomainQemuMonitorEventDeregister(reg->relay->conn, reg->callbackID);
        remotePaceEase(reg->relay->pace, reg->client);
    } else {
        virConnectDomainEventDeregisterAny(reg->client->conn, reg->callbackID);
    }
    remoteRelayRegFree(reg);
}

static int
remoteRelayRemove(remoteDaemonClient *client, int number, bool monitor)
{
    remoteRelayReg *reg = g_hash_table_lookup(client->regs, GINT_TO_POINTER(number));

    if (!reg || reg->monitor != monitor) {
        if (monitor)
            virReportError(VIR_ERR_INTERNAL_ERROR,
                           _("monitor event callback %1$d not registered"), number);
        else
            virReportError(VIR_ERR_INTERNAL_ERROR,
                           _("domain event callback %1$d not registered"), number);
        return -1;
    }
    g_hash_table_remove(client->regs, GINT_TO_POINTER(number));
    remoteRelayRegRemove(reg);
    return 0;
}

int
remoteRelayRemoveMonitor(remoteRelay *relay G_GNUC_UNUSED, remoteDaemonClient *client, int number)
{
    return remoteRelayRemove(client, number, true);
}

int
remoteRelayRemoveDomain(remoteRelay *relay G_GNUC_UNUSED, remoteDaemonClient *client, int number)
{
    return remoteRelayRemove(client, number, false);
}

int
remoteRelayRemoveOld(remoteRelay *relay G_GNUC_UNUSED, remoteDaemonClient *client, int eventID)
{
    remoteRelayReg *reg = remoteRelayFindDomain(client, eventID, NULL);

    if (!reg) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("domain event %1$d not registered"), eventID);
        return -1;
    }
    return remoteRelayRemove(client, reg->number, false);
}

/* Before registrations go one after the other: each would look through all that waits. */
static void
remoteRelayViewDropWaiting(remoteRelayView *view)
{
    if (view)
        g_hash_table_remove_all(view->waiting);
}

void
remoteRelayClientClear(remoteRelay *relay, remoteDaemonClient *client)
{
    remoteRelayReg *reg;
    GHashTableIter iter;

    if (!client->regs)
        return;
    remoteRelayViewDropWaiting(client->monitorView);
    remoteRelayViewDropWaiting(client->domainView);
    g_hash_table_iter_init(&iter, client->regs);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&reg)) {
        g_hash_table_iter_steal(&iter);
        remoteRelayRegRemove(reg);
    }
    if (client->hidden > 0)
        VIR_INFO("client %llu has got none of %" G_GUINT64_FORMAT " events that it may not see",
                 virNetServerClientGetID(client->client), client->hidden);
    g_clear_pointer(&client->regs, g_hash_table_unref);
    g_clear_pointer(&client->gaps, g_hash_table_unref);
    g_clear_pointer(&client->crowd, g_hash_table_unref);
    g_clear_pointer(&client->budget, virEventFilterBudgetUnref);
    remotePaceEase(relay->pace, client);
}

/* --- telling what was lost --- */

static gint
remoteRelayCompareRegs(gconstpointer a, gconstpointer b)
{
    const remoteRelayReg *one = *(remoteRelayReg *const *)a;
    const remoteRelayReg *other = *(remoteRelayReg *const *)b;

    return one->order < other->order ? -1 : one->order > other->order;
}

void
remoteRelayForEachReg(remoteDaemonClient *client, guint64 after, remoteRelayRegFunc func,
                      void *opaque)
{
    g_autoptr(GPtrArray) regs = g_ptr_array_new();
    remoteRelayReg *reg;
    GHashTableIter iter;
    guint i;

    if (!client->regs)
        return;
    g_hash_table_iter_init(&iter, client->regs);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&reg)) {
        if (reg->order > after)
            g_ptr_array_add(regs, reg);
    }
    g_ptr_array_sort(regs, remoteRelayCompareRegs);
    for (i = 0; i < regs->len; i++) {
        remoteRelayRegInfo info;

        reg = g_ptr_array_index(regs, i);
        info = (remoteRelayRegInfo){
            .number = reg->number, .order = reg->order, .monitor = reg->monitor,
            .event = reg->event, .flags = reg->flags, .eventID = reg->eventID,
            .uuid = reg->scoped ? reg->uuid : NULL, .delivered = reg->delivered,
            .lost = reg->lost,
        };
        func(&info, opaque);
    }
}

/* Who wants to know what is lost, in the order in which they get events. */
static GPtrArray *
remoteRelayListTold(remoteDaemonClient *client)
{
    GPtrArray *regs = g_ptr_array_new();
    remoteRelayReg *reg;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, client->regs);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&reg)) {
        if (reg->monitor && reg->wantsNotices)
            g_ptr_array_add(regs, reg);
    }
    g_ptr_array_sort(regs, remoteRelayCompareRegs);
    return regs;
}

/* NULL if that can't be. */
static virNetEvent *
remoteRelayEncodeNotice(const remoteRelayGap *lost)
{
    virObjectEvent *notice = virDomainMonitorEventLostNew(lost->ident, &lost->telling.gap);
    virDomainMonitorEvent *event = (virDomainMonitorEvent *)notice;
    virNetEvent *encoded = remoteRelayEncode(lost->ident->name, lost->ident->uuid,
                                             lost->ident->id, event->name, notice->seconds,
                                             notice->micros, event->details);

    if (!encoded) {
        VIR_WARN("a loss of events of domain '%.200s' cannot be told: %s", lost->ident->name,
                 virErrorLastMessage());
        virResetLastError();
    }
    virObjectEventUnref(notice);
    return encoded;
}

/* Tells @regs of @lost->telling. Returns whether there was room for all. */
static bool
remoteRelayTellLoss(remoteDaemonClient *client, GPtrArray *regs, remoteRelayGap *lost)
{
    g_autoptr(virNetEvent) encoded = remoteRelayEncodeNotice(lost);
    guint i;

    for (i = 0; encoded && i < regs->len; i++) {
        remoteRelayReg *reg = g_ptr_array_index(regs, i);

        if (reg->order <= lost->told || reg->order > lost->telling.newest ||
            (reg->scoped && memcmp(reg->uuid, lost->ident->uuid, VIR_UUID_BUFLEN) != 0))
            continue;
        if (!virNetServerClientSendEvent(client->client, encoded, reg->number))
            return false;
        lost->told = reg->order;
    }
    lost->telling.gap.count = 0;
    return true;
}

static bool
remoteRelayTellGap(remoteDaemonClient *client, GPtrArray *regs, remoteRelayGap *lost)
{
    if (lost->telling.gap.count > 0 && !remoteRelayTellLoss(client, regs, lost))
        return false;
    if (lost->since.gap.count == 0)
        return true;
    lost->telling = lost->since;
    lost->told = 0;
    lost->since.gap = (virEventGap) { 0 };
    return remoteRelayTellLoss(client, regs, lost);
}

void
remoteRelayClientDrained(remoteRelay *relay G_GNUC_UNUSED, remoteDaemonClient *client)
{
    g_autoptr(GPtrArray) regs = NULL;
    remoteRelayGap *lost;
    GHashTableIter iter;

    if (g_hash_table_size(client->gaps) == 0)
        return;
    regs = remoteRelayListTold(client);
    g_hash_table_iter_init(&iter, client->gaps);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&lost)) {
        remoteSightAnswer sight = REMOTE_SIGHT_SEEN;

        if (client->monitorView)
            sight = remoteViewLook(client->monitorView->view, lost->ident);
        if (sight == REMOTE_SIGHT_UNKNOWN)
            continue;           /* behind the events that wait for the same answer */
        if (sight == REMOTE_SIGHT_SEEN && !remoteRelayTellGap(client, regs, lost))
            return;             /* it goes on when there is room again */
        g_hash_table_iter_remove(&iter);
    }
}

/* --- what has waited --- */

/* Each is freed before it is sent, so that there is room for it. Behind one that is lost, all are. */
static void
remoteRelayReleaseWait(remoteRelayWait *wait, bool seen)
{
    remoteRelayHeld *held;
    bool lost = false;

    while ((held = g_queue_pop_head(&wait->held))) {
        remoteRelayReg *reg = held->reg;
        virObjectEvent *event = virObjectEventRef(held->event);
        virNetEvent *encoded = g_steal_pointer(&held->encoded);

        remoteRelayHeldFree(held);
        if (!seen)
            reg->client->hidden++;
        else if (encoded)
            remoteRelaySendRare(reg, encoded);
        else if (lost)
            remoteRelayRegLost(reg, event);
        else
            lost = !remoteRelaySendHeld(reg, event);
        virNetEventUnref(encoded);
        virObjectEventUnref(event);
    }
}

static void
remoteRelayAnswered(void *opaque)
{
    remoteRelayView *view = opaque;
    remoteRelayWait *wait;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, view->waiting);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&wait)) {
        remoteSightAnswer sight = remoteViewLook(view->view, wait->ident);

        if (sight == REMOTE_SIGHT_UNKNOWN)
            continue;
        remoteRelayReleaseWait(wait, sight == REMOTE_SIGHT_SEEN);
        g_hash_table_iter_remove(&iter);
    }
    /* Else that follows when it has read something of what it got now. */
    if (!virNetServerClientIsBehind(view->client->client))
        remotePaceEase(view->relay->pace, view->client);
    /* What did not fit while it waited is told behind it. */
    if (g_hash_table_size(view->client->gaps) > 0)
        remoteRelayClientDrained(view->relay, view->client);
}

void
remoteRelayClientEased(remoteRelay *relay, remoteDaemonClient *client)
{
    remotePaceEase(relay->pace, client);
}
