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
    bool warned;                    /* of a failure that goes on */

    guint64 number;                 /* of the last event of this connection */
    GPtrArray *held;                /* qemuDomainEvent, until attached; owns their texts */
    size_t heldBytes;
    virEventGap gap;                /* events that came since the last one relayed, unreadable
                                     * or too many */
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
    qemuDomainEvent *event = opaque;

    g_free((char *)event->name);
    g_free((char *)event->data);
    g_free(event);
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
    size_t bytes = sizeof(*event) + event->nameLen + event->dataLen + 64;
    qemuDomainEvent *copy;

    /* After one drop all are dropped, so that the gap has one place. */
    if (endpoint->gap.count > 0 || bytes > QEMU_ENDPOINT_HELD_BYTES_MAX - endpoint->heldBytes) {
        qemuEndpointGap(endpoint, event->seconds, event->micros);
        return;
    }
    copy = g_memdup2(event, sizeof(*event));
    copy->name = g_strndup(event->name, event->nameLen);
    copy->data = event->data ? g_strndup(event->data, event->dataLen) : NULL;
    g_ptr_array_add(endpoint->held, copy);
    endpoint->heldBytes += bytes;
}

static void
qemuEndpointRelease(qemuEndpoint *endpoint)
{
    size_t i;

    /* All of them are older than the status that the domain began with: only relayed. */
    for (i = 0; i < endpoint->held->len; i++)
        qemuDomainRelayEvent(endpoint->dom, g_ptr_array_index(endpoint->held, i), endpoint->sink);
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
    if (lasted >= QEMU_ENDPOINT_RETRY_MAX_MS * 1000LL)
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

static void
qemuEndpointIdentified(qemuIdentity *identity, void *opaque)
{
    qemuEndpoint *endpoint = opaque;
    g_autoptr(qemuIdentity) who = identity;

    endpoint->identify = NULL;
    if (!who) {
        VIR_WARN("'%s': did not say who it is", endpoint->path);
        qemuEndpointFail(endpoint, QEMU_ENDPOINT_FAILED, _("QEMU did not answer"));
        return;
    }
    endpoint->dom = endpoint->callbacks->admit(endpoint, endpoint->mon, who, endpoint->opaque);
    if (!endpoint->dom) {
        /* Not before long: whatever stands against it will still be there. */
        endpoint->delay = QEMU_ENDPOINT_RETRY_MAX_MS;
        qemuEndpointFail(endpoint, QEMU_ENDPOINT_REFUSED, _("its QEMU is attached already"));
        return;
    }
    endpoint->warned = false;
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
    if (!endpoint->identify) {
        g_autofree char *why = g_strdup(virErrorLastMessage());

        virResetLastError();
        qemuEndpointFail(endpoint, QEMU_ENDPOINT_FAILED, why);
    }
}

static void
qemuEndpointMonitorEvent(qemuMonitor *mon G_GNUC_UNUSED, const qemuMonitorLine *line,
                         void *opaque)
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
        .received = g_get_real_time(),
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
    if (endpoint->gap.count == 1)
        virIOLoopRestartTimer(endpoint->gapTimer, 0);
}

static void
qemuEndpointMonitorBusy(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    qemuEndpoint *endpoint = opaque;

    if (!endpoint->warned)
        VIR_WARN("'%s': another client is connected to this monitor; waiting for it to leave",
                 endpoint->path);
    endpoint->warned = true;
    qemuEndpointSetState(endpoint, QEMU_ENDPOINT_STATE_BUSY);
    endpoint->callbacks->settled(endpoint, QEMU_ENDPOINT_BUSY,
                                 _("another client is connected to it"), endpoint->opaque);
}

static void
qemuEndpointMonitorClosed(qemuMonitor *mon G_GNUC_UNUSED, const char *reason, void *opaque)
{
    qemuEndpoint *endpoint = opaque;
    g_autoptr(virDomainObj) dom = NULL;

    if (!endpoint->dom) {
        g_autofree char *why = g_strdup(reason);

        if (!endpoint->warned)
            VIR_INFO("'%s': %s", endpoint->path, reason);
        qemuEndpointFail(endpoint, QEMU_ENDPOINT_FAILED, why);
        return;
    }

    VIR_INFO("domain '%s' at '%s' has ended: %s", endpoint->dom->ident->name, endpoint->path,
             reason);
    qemuEndpointTellGap(endpoint);
    dom = g_steal_pointer(&endpoint->dom);
    qemuEndpointReset(endpoint);
    endpoint->telling = true;
    endpoint->callbacks->ended(endpoint, dom, endpoint->opaque);
    endpoint->telling = false;
    qemuEndpointAgain(endpoint);
}

static const qemuMonitorCallbacks qemuEndpointMonitorCallbacks = {
    .ready = qemuEndpointMonitorReady,
    .event = qemuEndpointMonitorEvent,
    .badLine = qemuEndpointMonitorBadLine,
    .busy = qemuEndpointMonitorBusy,
    .closed = qemuEndpointMonitorClosed,
};

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
        g_autofree char *why = g_strdup(virErrorLastMessage());

        if (!endpoint->warned)
            VIR_INFO("%s; will try again", why);
        endpoint->warned = true;
        virResetLastError();
        qemuEndpointFail(endpoint, QEMU_ENDPOINT_FAILED, why);
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
qemuEndpointIsBusy(const qemuEndpoint *endpoint)
{
    return endpoint->state == QEMU_ENDPOINT_STATE_BUSY;
}

virDomainObj *
qemuEndpointDomain(const qemuEndpoint *endpoint)
{
    return endpoint->dom;
}
