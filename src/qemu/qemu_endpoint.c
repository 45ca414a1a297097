/*
 * qemu_endpoint.c: a socket path, and the QEMU that is found behind it
 *
 * One state machine: idle (waiting for its next attempt), connected (waiting
 * for the greeting), busy (somebody else is served first), identifying, and
 * attached. Every connection is a stream of its own, with numbers from 1.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_endpoint.h"

#include <errno.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

VIR_LOG_INIT("qemu.endpoint");

typedef enum {
    QEMU_ENDPOINT_STATE_IDLE = 0,
    QEMU_ENDPOINT_STATE_CONNECTED,
    QEMU_ENDPOINT_STATE_BUSY,
    QEMU_ENDPOINT_STATE_IDENTIFYING,
    QEMU_ENDPOINT_STATE_DOMAIN,
    QEMU_ENDPOINT_STATE_LAST
} qemuEndpointState;

static const char *const qemuEndpointStateNames[QEMU_ENDPOINT_STATE_LAST] = {
    "idle", "connected", "busy", "identifying", "attached",
};

/* An event that waits until it is known whose it is; owns its texts. */
typedef struct {
    qemuDomainEvent event;
    virEventGap gap;                /* what is missing before it */
} qemuEndpointHeld;

struct _qemuEndpoint {
    virIOLoop *io;
    char *path;
    qemuEventSink *sink;
    const qemuEndpointCallbacks *callbacks;
    void *opaque;

    qemuEndpointState state;
    qemuMonitor *mon;               /* in all states but idle */
    qemuIdentify *identify;         /* while identifying */
    virDomainObj *dom;              /* once attached */

    virIOTimer *retry;
    unsigned int delay;             /* before the next attempt, in milliseconds */
    gint64 since;                   /* when this connection was made */
    bool abandoned;
    bool telling;                   /* inside settled() or ended(), with more to do after it */
    qemuEndpointOutcome logged;     /* the last that was logged: what goes on is said once */

    guint64 number;                 /* of the last event of this connection */
    GPtrArray *held;                /* qemuEndpointHeld, until attached */
    size_t heldBytes;
    bool heldFull;                  /* one was dropped: so are all that follow, as one gap */
    virEventGap gap;                /* events that came since the last one relayed or held,
                                     * unreadable or too many */
    virIOTimer *gapTimer;          /* tells @gap if no event does */
};

static void
qemuEndpointSetState(qemuEndpoint *endpoint, qemuEndpointState state)
{
    if (endpoint->state == state)
        return;
    VIR_DEBUG("'%s': %s, was %s", endpoint->path, qemuEndpointStateNames[state],
              qemuEndpointStateNames[endpoint->state]);
    endpoint->state = state;
}

static void
qemuEndpointHeldFree(void *opaque)
{
    qemuEndpointHeld *held = opaque;

    g_free((char *)held->event.name);
    g_free((char *)held->event.data);
    g_free(held);
}

/* Whether @outcome is news. */
static bool
qemuEndpointIsNews(qemuEndpoint *endpoint, qemuEndpointOutcome outcome)
{
    bool news = endpoint->logged != outcome;

    endpoint->logged = outcome;
    return news;
}

static void
qemuEndpointGap(qemuEndpoint *endpoint, gint64 seconds, guint32 micros)
{
    virEventGap *gap = &endpoint->gap;

    if (gap->count++ == 0) {
        gap->from = endpoint->number;
        gap->firstSeconds = seconds;
        gap->firstMicros = micros;
    }
    gap->to = endpoint->number;
    gap->lastSeconds = seconds;
    gap->lastMicros = micros;
}

static void
qemuEndpointTellGap(qemuEndpoint *endpoint)
{
    if (endpoint->gap.count == 0 || !endpoint->dom)
        return;
    qemuDomainTellGap(endpoint->dom, &endpoint->gap, endpoint->sink);
    memset(&endpoint->gap, 0, sizeof(endpoint->gap));
}

static void
qemuEndpointGapDue(void *opaque)
{
    qemuEndpointTellGap(opaque);
}

/* Keeps an event until it is known whose it is; in a full store the newest are dropped. */
static void
qemuEndpointHold(qemuEndpoint *endpoint, const qemuDomainEvent *event)
{
    size_t bytes = sizeof(qemuEndpointHeld) + event->nameLen + event->dataLen + 64;
    qemuEndpointHeld *held;

    if (endpoint->heldFull || bytes > QEMU_ENDPOINT_HELD_BYTES_MAX - endpoint->heldBytes) {
        endpoint->heldFull = true;
        qemuEndpointGap(endpoint, event->seconds, event->micros);
        return;
    }
    held = g_new0(qemuEndpointHeld, 1);
    held->event = *event;
    held->event.name = g_strndup(event->name, event->nameLen);
    held->event.data = event->data ? g_strndup(event->data, event->dataLen) : NULL;
    held->gap = endpoint->gap;
    memset(&endpoint->gap, 0, sizeof(endpoint->gap));
    g_ptr_array_add(endpoint->held, held);
    endpoint->heldBytes += bytes;
}

static void
qemuEndpointRelease(qemuEndpoint *endpoint)
{
    size_t i;

    /* All of them are older than the status that the domain began with: only relayed. */
    for (i = 0; i < endpoint->held->len; i++) {
        qemuEndpointHeld *held = g_ptr_array_index(endpoint->held, i);

        if (held->gap.count > 0)
            qemuDomainTellGap(endpoint->dom, &held->gap, endpoint->sink);
        qemuDomainRelayEvent(endpoint->dom, &held->event, endpoint->sink);
    }
    g_ptr_array_set_size(endpoint->held, 0);
    endpoint->heldBytes = 0;
    qemuEndpointTellGap(endpoint);
}

/* Forgets the connection, which has ended or is ended here, and what it brought. */
static void
qemuEndpointReset(qemuEndpoint *endpoint)
{
    g_clear_pointer(&endpoint->identify, qemuIdentifyCancel);
    if (endpoint->mon) {
        qemuMonitor *mon = g_steal_pointer(&endpoint->mon);

        qemuMonitorClose(mon);
        qemuMonitorUnref(mon);
    }
    virIOLoopStopTimer(endpoint->gapTimer);
    g_ptr_array_set_size(endpoint->held, 0);
    endpoint->heldBytes = 0;
    endpoint->heldFull = false;
    endpoint->number = 0;
    memset(&endpoint->gap, 0, sizeof(endpoint->gap));
    qemuEndpointSetState(endpoint, QEMU_ENDPOINT_STATE_IDLE);
}

/* What follows an attempt that failed or a connection that ended. */
static void
qemuEndpointAgain(qemuEndpoint *endpoint)
{
    gint64 lasted = endpoint->since ? g_get_monotonic_time() - endpoint->since : 0;

    if (endpoint->abandoned) {
        endpoint->callbacks->done(endpoint, endpoint->opaque);
        return;
    }
    /* One that held for a while was no failure. */
    if (lasted >= QEMU_ENDPOINT_HELD_MS * 1000LL)
        endpoint->delay = QEMU_ENDPOINT_RETRY_MIN_MS;
    virIOLoopRestartTimer(endpoint->retry, endpoint->delay);
    endpoint->delay = MIN(endpoint->delay * 2, QEMU_ENDPOINT_RETRY_MAX_MS);
}

static void
qemuEndpointFail(qemuEndpoint *endpoint, qemuEndpointOutcome outcome, const char *message)
{
    qemuEndpointReset(endpoint);
    endpoint->telling = true;
    endpoint->callbacks->settled(endpoint, outcome, message, endpoint->opaque);
    endpoint->telling = false;
    qemuEndpointAgain(endpoint);
}

/* The same, where the last error says why. */
static void
qemuEndpointFailWithError(qemuEndpoint *endpoint)
{
    g_autofree char *why = g_strdup(virErrorLastMessage());

    virResetLastError();
    if (qemuEndpointIsNews(endpoint, QEMU_ENDPOINT_FAILED))
        VIR_INFO("'%s': %s; will try again", endpoint->path, why);
    qemuEndpointFail(endpoint, QEMU_ENDPOINT_FAILED, why);
}

/* The owner does not want what is there: that does not change by itself, and so is not asked
 * again until the owner hurries. */
static void
qemuEndpointRefuse(qemuEndpoint *endpoint)
{
    g_autofree char *why = g_strdup(virErrorLastMessage());

    virResetLastError();
    if (qemuEndpointIsNews(endpoint, QEMU_ENDPOINT_REFUSED))
        VIR_WARN("'%s': %s", endpoint->path, why);
    qemuEndpointReset(endpoint);
    endpoint->telling = true;
    endpoint->callbacks->settled(endpoint, QEMU_ENDPOINT_REFUSED, why, endpoint->opaque);
    endpoint->telling = false;
    if (endpoint->abandoned)
        endpoint->callbacks->done(endpoint, endpoint->opaque);
}

static void
qemuEndpointIdentified(qemuIdentity *identity, void *opaque)
{
    qemuEndpoint *endpoint = opaque;
    g_autoptr(qemuIdentity) who = identity;

    endpoint->identify = NULL;
    if (!who) {
        qemuEndpointFailWithError(endpoint);
        return;
    }
    endpoint->dom = endpoint->callbacks->admit(endpoint, endpoint->mon, who, endpoint->opaque);
    if (!endpoint->dom) {
        qemuEndpointRefuse(endpoint);
        return;
    }
    endpoint->logged = QEMU_ENDPOINT_ATTACHED;
    qemuEndpointSetState(endpoint, QEMU_ENDPOINT_STATE_DOMAIN);
    qemuEndpointRelease(endpoint);
    endpoint->callbacks->settled(endpoint, QEMU_ENDPOINT_ATTACHED, NULL, endpoint->opaque);
}

static void
qemuEndpointMonitorReady(qemuMonitor *mon, void *opaque)
{
    qemuEndpoint *endpoint = opaque;

    qemuEndpointSetState(endpoint, QEMU_ENDPOINT_STATE_IDENTIFYING);
    endpoint->identify = qemuIdentifyStart(mon, qemuEndpointIdentified, endpoint);
    if (!endpoint->identify)
        qemuEndpointFailWithError(endpoint);
}

static void
qemuEndpointMonitorEvent(qemuMonitor *mon, const qemuMonitorLine *line, void *opaque)
{
    qemuEndpoint *endpoint = opaque;
    qemuDomainEvent event = {
        .number = ++endpoint->number,
        .name = line->event,
        .nameLen = line->eventLen,
        .data = line->data,
        .dataLen = line->dataLen,
        .seconds = line->seconds,
        .micros = line->micros,
        .received = qemuMonitorReceived(mon),
    };

    if (!endpoint->dom) {
        qemuEndpointHold(endpoint, &event);
        return;
    }
    if (G_UNLIKELY(endpoint->gap.count > 0))
        qemuEndpointTellGap(endpoint);
    qemuDomainHandleEvent(endpoint->dom, &event, endpoint->sink);
}

static void
qemuEndpointMonitorBadLine(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    qemuEndpoint *endpoint = opaque;

    /* It may have been an event: it takes a number, so that the gap shows. */
    endpoint->number++;
    qemuEndpointGap(endpoint, -1, 0);
    if (endpoint->dom && endpoint->gap.count == 1)
        virIOLoopRestartTimer(endpoint->gapTimer, 0);
}

static void
qemuEndpointMonitorBusy(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    qemuEndpoint *endpoint = opaque;

    if (qemuEndpointIsNews(endpoint, QEMU_ENDPOINT_BUSY))
        VIR_WARN("'%s': another client is connected to this monitor; waiting for it to leave",
                 endpoint->path);
    qemuEndpointSetState(endpoint, QEMU_ENDPOINT_STATE_BUSY);
    endpoint->callbacks->settled(endpoint, QEMU_ENDPOINT_BUSY,
                                 _("another client is connected to it"), endpoint->opaque);
}

static void
qemuEndpointMonitorClosed(qemuMonitor *mon, const char *reason, void *opaque)
{
    qemuEndpoint *endpoint = opaque;
    bool failed = qemuMonitorHasFailed(mon);
    g_autoptr(virDomainObj) dom = NULL;

    if (!endpoint->dom) {
        g_autofree char *why = g_strdup(reason);

        if (qemuEndpointIsNews(endpoint, QEMU_ENDPOINT_FAILED))
            VIR_INFO("'%s': %s; will try again", endpoint->path, reason);
        qemuEndpointFail(endpoint, QEMU_ENDPOINT_FAILED, why);
        return;
    }

    VIR_INFO("domain '%s' at '%s' has ended: %s", endpoint->dom->ident->name, endpoint->path,
             reason);
    qemuEndpointTellGap(endpoint);
    dom = g_steal_pointer(&endpoint->dom);
    qemuEndpointReset(endpoint);
    endpoint->telling = true;
    endpoint->callbacks->ended(endpoint, dom, failed, endpoint->opaque);
    endpoint->telling = false;
    qemuEndpointAgain(endpoint);
}

static bool
qemuEndpointMonitorMayRead(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    qemuEndpoint *endpoint = opaque;

    return !endpoint->dom || qemuDomainMayRead(endpoint->dom, endpoint->sink);
}

static const qemuMonitorCallbacks qemuEndpointMonitorCallbacks = {
    .ready = qemuEndpointMonitorReady,
    .event = qemuEndpointMonitorEvent,
    .badLine = qemuEndpointMonitorBadLine,
    .busy = qemuEndpointMonitorBusy,
    .closed = qemuEndpointMonitorClosed,
    .mayRead = qemuEndpointMonitorMayRead,
};

/* What to do about a connection that was not made, for which there is an error. */
static void
qemuEndpointUnconnected(qemuEndpoint *endpoint)
{
    g_autofree char *why = g_strdup(virErrorLastMessage());
    virErrorPtr err = virGetLastError();
    int reason = err ? err->int1 : 0;

    switch (reason) {
    case EAGAIN:
        /* Its backlog is full: not even waiting is possible. */
        virResetLastError();
        if (qemuEndpointIsNews(endpoint, QEMU_ENDPOINT_BUSY))
            VIR_WARN("'%s': other clients are connected to this monitor; will try again",
                     endpoint->path);
        qemuEndpointFail(endpoint, QEMU_ENDPOINT_BUSY, _("other clients are connected to it"));
        return;
    case ENOENT:
    case ECONNREFUSED:
        break;              /* QEMU has gone, or has not come yet */
    default:
        if (qemuEndpointIsNews(endpoint, QEMU_ENDPOINT_FAILED))
            VIR_WARN("%s; will try again", why);
        break;
    }
    qemuEndpointFailWithError(endpoint);
}

static void
qemuEndpointConnect(void *opaque)
{
    qemuEndpoint *endpoint = opaque;

    virIOLoopStopTimer(endpoint->retry);
    if (endpoint->state != QEMU_ENDPOINT_STATE_IDLE || endpoint->abandoned)
        return;

    endpoint->since = 0;
    endpoint->mon = qemuMonitorOpen(endpoint->io, endpoint->path, &qemuEndpointMonitorCallbacks,
                                    endpoint);
    if (!endpoint->mon) {
        qemuEndpointUnconnected(endpoint);
        return;
    }
    endpoint->since = g_get_monotonic_time();
    qemuEndpointSetState(endpoint, QEMU_ENDPOINT_STATE_CONNECTED);
}

qemuEndpoint *
qemuEndpointNew(virIOLoop *io, const char *path, qemuEventSink *sink,
                const qemuEndpointCallbacks *callbacks, void *opaque)
{
    qemuEndpoint *endpoint = g_new0(qemuEndpoint, 1);

    endpoint->io = io;
    endpoint->path = g_strdup(path);
    endpoint->sink = sink;
    endpoint->callbacks = callbacks;
    endpoint->opaque = opaque;
    endpoint->delay = QEMU_ENDPOINT_RETRY_MIN_MS;
    endpoint->held = g_ptr_array_new_with_free_func(qemuEndpointHeldFree);
    endpoint->retry = virIOLoopAddTimer(io, 0, qemuEndpointConnect, endpoint);
    virIOLoopStopTimer(endpoint->retry);
    endpoint->gapTimer = virIOLoopAddTimer(io, 0, qemuEndpointGapDue, endpoint);
    virIOLoopStopTimer(endpoint->gapTimer);
    return endpoint;
}

void
qemuEndpointFree(qemuEndpoint *endpoint)
{
    if (!endpoint)
        return;
    qemuEndpointReset(endpoint);
    virDomainObjUnref(endpoint->dom);
    virIOLoopRemoveTimer(endpoint->retry);
    virIOLoopRemoveTimer(endpoint->gapTimer);
    g_ptr_array_unref(endpoint->held);
    g_free(endpoint->path);
    g_free(endpoint);
}

void
qemuEndpointStart(qemuEndpoint *endpoint)
{
    qemuEndpointConnect(endpoint);
}

void
qemuEndpointHurry(qemuEndpoint *endpoint)
{
    endpoint->delay = QEMU_ENDPOINT_RETRY_MIN_MS;
    qemuEndpointConnect(endpoint);
}

void
qemuEndpointAbandon(qemuEndpoint *endpoint)
{
    if (endpoint->abandoned)
        return;
    endpoint->abandoned = true;
    virIOLoopStopTimer(endpoint->retry);
    if (endpoint->state == QEMU_ENDPOINT_STATE_IDLE && !endpoint->telling)
        endpoint->callbacks->done(endpoint, endpoint->opaque);
}

const char *
qemuEndpointPath(const qemuEndpoint *endpoint)
{
    return endpoint->path;
}

bool
qemuEndpointIsConnected(const qemuEndpoint *endpoint)
{
    return endpoint->state != QEMU_ENDPOINT_STATE_IDLE;
}

bool
qemuEndpointIsOn(const qemuEndpoint *endpoint, dev_t dev, ino_t ino)
{
    return endpoint->mon && qemuMonitorIsSocket(endpoint->mon, dev, ino);
}

bool
qemuEndpointIsBusy(const qemuEndpoint *endpoint)
{
    return endpoint->state == QEMU_ENDPOINT_STATE_BUSY;
}

virDomainObj *
qemuEndpointDomain(const qemuEndpoint *endpoint)
{
    return endpoint->dom;
}
