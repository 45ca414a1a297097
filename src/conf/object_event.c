/*
 * object_event.c: registrations, the queue between the thread that produces
 * events and the loop that delivers them, and the delivery
 *
 * Two locks, never held together in the other order: @lock (registrations), then
 * @queueLock (the queue). Neither is held while a callback, a free function or
 * the event loop is called.
 *
 * The eventfd stands for "there may be something to take". It is written when the
 * queue was last seen empty and isn't any more, and by the dispatcher itself when
 * it leaves something behind. As it is level-triggered and belongs to the state, not
 * to the loop's handle, no order of registering, deregistering and pushing can
 * leave events behind with nobody woken.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "object_event.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_NONE

VIR_LOG_INIT("conf.object_event");

typedef struct {
    atomic_uint refs;
    atomic_bool gone;               /* deregistered: not to be called any more */
    virConnectPtr conn;             /* a reference */
    int callbackID;
    const virObjectEventClass *klass;
    int eventID;
    int route;                      /* > 0: filtered elsewhere */
    bool scoped;                    /* only events of @uuid */
    unsigned char uuid[VIR_UUID_BUFLEN];
    virEventFilter *filter;
    void *cb;
    void *opaque;
    virFreeCallback freecb;
    bool legacy;
    guint64 since;                  /* events of a lower serial came before */
    atomic_ullong lost;
} virObjectEventReg;

/* The registrations that want one kind of event, worked out once. Immutable. */
typedef struct {
    atomic_uint refs;
    const virObjectEventClass *klass;       /* the key: these */
    int eventID;
    int route;
    guint32 hash;
    bool scoped;                            /* some registration names @uuid */
    unsigned char uuid[VIR_UUID_BUFLEN];
    size_t textLen;
    char *text;
    size_t count;
    virObjectEventReg **regs;               /* in order of registration; a reference each */
} virObjectEventMatch;

struct _virObjectEventState {
    atomic_uint refs;
    int wakeFd;
    size_t maxBytes;                        /* immutable, as the next */
    size_t maxStreamBytes;
    atomic_size_t bytes;                    /* queued or being delivered; raised under queueLock */
    atomic_bool watched;                    /* somebody is registered; written under both locks */
    atomic_ullong generation;               /* of the registrations; written under lock */
    atomic_ullong delivered;

    virMutex queueLock;                     /* guards from here... */
    virObjectEvent *first, *last;
    size_t queued;
    guint64 nextSerial;
    virDomainIdent *firstGap, *lastGap;     /* a reference each */
    bool woken;                             /* the eventfd was written, and not read since */
    guint64 pushed, lost, wakeUps;
    virLogRepeat dropped;                   /* ... to here */

    virMutex lock;                          /* guards from here... */
    GPtrArray *regs;                        /* virObjectEventReg, in order */
    GHashTable *byID;                       /* virObjectEventReg, by connection and ID */
    GHashTable *scopes;                     /* uuid -> how many registrations name it */
    GHashTable *matches;                    /* virObjectEventMatch, by its key */
    size_t matchBytes;
    int watch;                              /* of the event loop; -1: none */
    bool dispatching;
    GPtrArray *doomed;                      /* deregistered while dispatching */
    virObjectEvent *pending;                /* taken and not delivered yet */
                                            /* ... to here */

    /* The dispatcher's own. */
    virObjectEventMatch *lastMatch;
    guint64 lastGeneration;                 /* lastMatch is good for this one only */
    bool lastScopes;                        /* some registration names a domain */
    virDomainPtr lastDomain;
    virDomainIdent *lastIdent;              /* of lastDomain */
};

static _Thread_local virObjectEvent *virObjectEventInCallback;

guint32
virObjectEventHash(const char *text, size_t len)
{
    guint32 hash = 2166136261u;
    size_t i;

    for (i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

virObjectEvent *
virObjectEventRef(virObjectEvent *event)
{
    atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
    return event;
}

void
virObjectEventUnref(virObjectEvent *event)
{
    virDomainIdent *ident;

    if (!event)
        return;
    /* Nearly every event has one owner from its birth to its end. */
    if (atomic_load_explicit(&event->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) != 1)
        return;
    ident = event->domain;
    event->klass->free(event);
    virDomainIdentUnref(ident);
}

virObjectEvent *
virObjectEventCurrent(void)
{
    return virObjectEventInCallback;
}

void
virObjectEventBatchAdd(virObjectEventBatch *batch, virObjectEvent *event)
{
    event->next = NULL;
    if (batch->last)
        batch->last->next = event;
    else
        batch->first = event;
    batch->last = event;
    batch->count++;
}

static void
virObjectEventFreeList(virObjectEvent *event)
{
    while (event) {
        virObjectEvent *next = event->next;

        virObjectEventUnref(event);
        event = next;
    }
}

void
virObjectEventBatchClear(virObjectEventBatch *batch)
{
    virObjectEventFreeList(batch->first);
    *batch = (virObjectEventBatch) { 0 };
}

/* --- registrations and matches --- */

static void
virObjectEventRegUnref(virObjectEventReg *reg)
{
    if (atomic_fetch_sub(&reg->refs, 1) != 1)
        return;
    virEventFilterFree(reg->filter);
    g_free(reg);
}

/* The end of a registration, with no lock held: the opaque's free function, then the
 * reference on the connection, which may be its last. */
static void
virObjectEventRegFinish(virObjectEventReg *reg)
{
    virConnectPtr conn = g_steal_pointer(&reg->conn);

    if (reg->freecb)
        reg->freecb(reg->opaque);
    virObjectEventRegUnref(reg);
    virConnectUnref(conn);
}

static guint
virObjectEventRegHash(gconstpointer key)
{
    const virObjectEventReg *reg = key;

    return g_direct_hash(reg->conn) ^ (guint)reg->callbackID * 2654435761u;
}

static gboolean
virObjectEventRegEqual(gconstpointer a, gconstpointer b)
{
    const virObjectEventReg *one = a;
    const virObjectEventReg *other = b;

    return one->conn == other->conn && one->callbackID == other->callbackID;
}

static void
virObjectEventMatchUnref(gpointer data)
{
    virObjectEventMatch *match = data;
    size_t i;

    if (!match || atomic_fetch_sub(&match->refs, 1) != 1)
        return;
    for (i = 0; i < match->count; i++)
        virObjectEventRegUnref(match->regs[i]);
    g_free(match->regs);
    g_free(match->text);
    g_free(match);
}

static guint
virObjectEventMatchHash(gconstpointer key)
{
    const virObjectEventMatch *match = key;
    guint hash = match->hash ^ ((guint)match->eventID << 16) ^ g_direct_hash(match->klass) ^
                 (guint)match->route * 2654435761u;
    guint uuid;

    if (match->scoped) {
        memcpy(&uuid, match->uuid, sizeof(uuid));
        hash ^= uuid;
    }
    return hash;
}

static gboolean
virObjectEventMatchEqual(gconstpointer a, gconstpointer b)
{
    const virObjectEventMatch *one = a;
    const virObjectEventMatch *other = b;

    return one->hash == other->hash && one->klass == other->klass &&
           one->eventID == other->eventID && one->route == other->route &&
           one->scoped == other->scoped && one->textLen == other->textLen &&
           (!one->scoped || memcmp(one->uuid, other->uuid, VIR_UUID_BUFLEN) == 0) &&
           memcmp(one->text, other->text, one->textLen) == 0;
}

static guint
virObjectEventHashUUID(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof(hash));
    return hash;
}

static gboolean
virObjectEventEqualUUID(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, VIR_UUID_BUFLEN) == 0;
}

/* Call with lock held, whenever the registrations change. */
static void
virObjectEventStateForgetMatches(virObjectEventState *state)
{
    g_hash_table_remove_all(state->matches);
    state->matchBytes = 0;
    atomic_fetch_add(&state->generation, 1);
}

static const char *
virObjectEventText(virObjectEvent *event, size_t *len)
{
    if (event->klass->filterText)
        return event->klass->filterText(event, len);
    *len = 0;
    return "";
}

static bool
virObjectEventRegWants(const virObjectEventReg *reg, const virObjectEvent *event,
                       const char *text, size_t len)
{
    if (reg->klass != event->klass || reg->eventID != event->eventID)
        return false;
    if (event->route != VIR_OBJECT_EVENT_ROUTE_ANY && reg->route != event->route)
        return false;
    if (event->route > 0)
        return true;
    return (!reg->scoped || memcmp(reg->uuid, event->domain->uuid, VIR_UUID_BUFLEN) == 0) &&
           (!reg->filter || virEventFilterMatches(reg->filter, text, len));
}

/**
 * virObjectEventStateFindMatch:
 * @state: the state
 * @event: what is to be delivered
 *
 * The dispatcher's. The answer of the event before is tried first, without a lock
 * or a look-up: storms are made of one name.
 *
 * Returns the registrations that want @event, borrowed until the next call.
 */
static virObjectEventMatch *
virObjectEventStateFindMatch(virObjectEventState *state, virObjectEvent *event)
{
    virObjectEventMatch key = { .klass = event->klass, .eventID = event->eventID,
                                .route = event->route, .hash = event->hash };
    virObjectEventMatch *match = state->lastMatch;
    size_t i;

    key.text = (char *)virObjectEventText(event, &key.textLen);
    if (match && match->hash == key.hash && match->klass == key.klass &&
        match->eventID == key.eventID && match->route == key.route &&
        match->textLen == key.textLen &&
        state->lastGeneration == atomic_load_explicit(&state->generation, memory_order_acquire) &&
        memcmp(match->text, key.text, key.textLen) == 0 &&
        (match->scoped ? memcmp(match->uuid, event->domain->uuid, VIR_UUID_BUFLEN) == 0
                       : !state->lastScopes))
        return match;

    virMutexLock(&state->lock);
    if (g_hash_table_contains(state->scopes, event->domain->uuid)) {
        key.scoped = true;
        memcpy(key.uuid, event->domain->uuid, VIR_UUID_BUFLEN);
    }
    if ((match = g_hash_table_lookup(state->matches, &key))) {
        atomic_fetch_add(&match->refs, 1);
    } else {
        g_autoptr(GPtrArray) wanting = g_ptr_array_new();
        size_t bytes = sizeof(*match) + key.textLen;

        for (i = 0; i < state->regs->len; i++) {
            virObjectEventReg *reg = g_ptr_array_index(state->regs, i);

            if (virObjectEventRegWants(reg, event, key.text, key.textLen)) {
                atomic_fetch_add(&reg->refs, 1);
                g_ptr_array_add(wanting, reg);
            }
        }
        match = g_new(virObjectEventMatch, 1);
        *match = key;
        match->text = g_memdup2(key.text, key.textLen);
        match->count = wanting->len;
        match->regs = (virObjectEventReg **)g_ptr_array_free(g_steal_pointer(&wanting), FALSE);
        atomic_init(&match->refs, 1);

        bytes += match->count * sizeof(match->regs[0]);
        if (bytes <= VIR_OBJECT_EVENT_MATCH_BYTES_MAX) {
            /* Someone invents names: start afresh, real ones come back soon. */
            if (g_hash_table_size(state->matches) >= VIR_OBJECT_EVENT_MATCHES_MAX ||
                state->matchBytes + bytes > VIR_OBJECT_EVENT_MATCH_BYTES_MAX) {
                g_hash_table_remove_all(state->matches);
                state->matchBytes = 0;
            }
            atomic_fetch_add(&match->refs, 1);
            g_hash_table_add(state->matches, match);
            state->matchBytes += bytes;
        }
    }
    state->lastGeneration = atomic_load(&state->generation);
    state->lastScopes = g_hash_table_size(state->scopes) > 0;
    virMutexUnlock(&state->lock);

    virObjectEventMatchUnref(state->lastMatch);
    state->lastMatch = match;
    return match;
}

/* --- the queue --- */

static void
virObjectEventStateWake(virObjectEventState *state)
{
    guint64 one = 1;

    /* Can fail only when the counter is full, and then the loop is awake. */
    while (write(state->wakeFd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void
virObjectEventGapAdd(virObjectEventState *state, const virObjectEvent *event)
{
    virDomainIdent *ident = event->domain;
    virEventGap *gap = &ident->gap;
    guint64 covers = MAX(event->lost, 1);

    if (gap->count == 0) {
        gap->from = event->number - (covers - 1);
        gap->firstSeconds = event->seconds;
        gap->firstMicros = event->micros;
        ident->gapClass = event->klass;
        ident->gapSerial = state->nextSerial++;
        ident->nextGap = NULL;
        virDomainIdentRef(ident);
        if (state->lastGap)
            state->lastGap->nextGap = ident;
        else
            state->firstGap = ident;
        state->lastGap = ident;
    }
    gap->count += covers;
    gap->to = event->number;
    gap->lastSeconds = event->seconds;
    gap->lastMicros = event->micros;
    state->lost += covers;
    atomic_fetch_add_explicit(&ident->lost, covers, memory_order_relaxed);
}

/* Call with queueLock held. Returns whether @event was put into the queue. */
static bool
virObjectEventStateAccept(virObjectEventState *state, virObjectEvent *event)
{
    virDomainIdent *ident = event->domain;
    size_t held = atomic_load_explicit(&state->bytes, memory_order_relaxed);

    if (event->number > 0) {
        /* After one drop, all of the stream is dropped until the queue is next taken: the gap
         * then has one place, behind what is queued. */
        if (ident->gap.count > 0 || held + event->bytes > state->maxBytes ||
            atomic_load_explicit(&ident->queuedBytes, memory_order_relaxed) + event->bytes >
            state->maxStreamBytes) {
            virObjectEventGapAdd(state, event);
            return false;
        }
    } else if (held + event->bytes > state->maxBytes + VIR_OBJECT_EVENT_RESERVE_BYTES_MAX) {
        state->lost++;
        atomic_fetch_add_explicit(&ident->lost, 1, memory_order_relaxed);
        return false;
    }

    atomic_fetch_add_explicit(&state->bytes, event->bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&ident->queuedBytes, event->bytes, memory_order_relaxed);
    event->serial = state->nextSerial++;
    event->next = NULL;
    if (state->last)
        state->last->next = event;
    else
        state->first = event;
    state->last = event;
    state->queued++;
    return true;
}

void
virObjectEventStatePush(virObjectEventState *state, virObjectEventBatch *batch)
{
    virObjectEvent *event = batch->first;
    virObjectEvent *dropped = NULL;
    bool complain = false;
    bool wake = false;
    guint64 unsaid = 0;

    *batch = (virObjectEventBatch) { 0 };
    if (!event)
        return;

    virMutexLock(&state->queueLock);
    if (!atomic_load(&state->watched)) {
        dropped = event;
    } else {
        guint64 lost = state->lost;

        while (event) {
            virObjectEvent *next = event->next;

            state->pushed++;
            if (!virObjectEventStateAccept(state, event)) {
                event->next = dropped;
                dropped = event;
            }
            event = next;
        }
        if (state->lost != lost)
            complain = virLogRepeatBegin(&state->dropped);
        else if (state->dropped.count > 0)
            unsaid = virLogRepeatEnd(&state->dropped);
        if (!state->woken) {
            state->woken = wake = true;
            state->wakeUps++;
        }
    }
    virMutexUnlock(&state->queueLock);

    if (wake)
        virObjectEventStateWake(state);
    if (complain)
        VIR_WARN("the event loop does not keep up: events are dropped and counted");
    else if (unsaid)
        VIR_WARN("events are accepted again, after %" G_GUINT64_FORMAT " more drops", unsaid);
    virObjectEventFreeList(dropped);
}

bool
virObjectEventStateIsWatched(virObjectEventState *state)
{
    return atomic_load_explicit(&state->watched, memory_order_relaxed);
}

/* Gives back what @event was charged. */
static void
virObjectEventStateDischarge(virObjectEventState *state, virDomainIdent *ident, size_t bytes)
{
    atomic_fetch_sub_explicit(&ident->queuedBytes, bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&state->bytes, bytes, memory_order_relaxed);
}

static void
virObjectEventStateDiscard(virObjectEventState *state, virObjectEvent *event)
{
    while (event) {
        virObjectEvent *next = event->next;

        virObjectEventStateDischarge(state, event->domain, event->bytes);
        virObjectEventUnref(event);
        event = next;
    }
}

/* Takes the whole queue, with a notice for each gap behind it. Call with lock held. */
static virObjectEvent *
virObjectEventStateTake(virObjectEventState *state)
{
    virObjectEvent *first;
    virObjectEvent *last;
    virDomainIdent *ident;

    virMutexLock(&state->queueLock);
    first = g_steal_pointer(&state->first);
    last = g_steal_pointer(&state->last);
    state->queued = 0;

    while ((ident = state->firstGap)) {
        const virObjectEventClass *klass = ident->gapClass;
        virEventGap gap = ident->gap;
        virObjectEvent *notice = NULL;

        state->firstGap = ident->nextGap;
        if (!state->firstGap)
            state->lastGap = NULL;
        ident->gap = (virEventGap) { 0 };

        if (klass->lost && (notice = klass->lost(ident, &gap))) {
            notice->serial = ident->gapSerial;
            notice->next = NULL;
            atomic_fetch_add_explicit(&state->bytes, notice->bytes, memory_order_relaxed);
            atomic_fetch_add_explicit(&ident->queuedBytes, notice->bytes, memory_order_relaxed);
            if (last)
                last->next = notice;
            else
                first = notice;
            last = notice;
        }
        virDomainIdentUnref(ident);
    }
    virMutexUnlock(&state->queueLock);
    return first;
}

/* --- delivery --- */

static void
virObjectEventStateDropHandle(virObjectEventState *state)
{
    virDomainUnref(g_steal_pointer(&state->lastDomain));
    g_clear_pointer(&state->lastIdent, virDomainIdentUnref);
}

/* A handle of @conn for the event's domain. The one of the event before serves again as
 * long as the application didn't keep it. */
static virDomainPtr
virObjectEventStateGetHandle(virObjectEventState *state, virConnectPtr conn,
                             virDomainIdent *ident)
{
    if (state->lastDomain && state->lastIdent == ident && state->lastDomain->conn == conn &&
        atomic_load(&state->lastDomain->refs) == 1)
        return state->lastDomain;

    virObjectEventStateDropHandle(state);
    state->lastDomain = virGetDomain(conn, ident->name, ident->uuid, ident->id);
    state->lastIdent = virDomainIdentRef(ident);
    return state->lastDomain;
}

/* Who watched a stream while it lost events, whatever names it waits for: nobody knows which
 * names were lost. */
static void
virObjectEventStateCountLost(virObjectEventState *state, const virObjectEvent *notice)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&state->lock);
    size_t i;

    for (i = 0; i < state->regs->len; i++) {
        virObjectEventReg *reg = g_ptr_array_index(state->regs, i);

        if (reg->klass == notice->klass && notice->serial >= reg->since &&
            (!reg->scoped || memcmp(reg->uuid, notice->domain->uuid, VIR_UUID_BUFLEN) == 0))
            atomic_fetch_add(&reg->lost, notice->lost);
    }
}

static void
virObjectEventStateDeliver(virObjectEventState *state, virObjectEvent *event)
{
    virObjectEventMatch *match = virObjectEventStateFindMatch(state, event);
    size_t i;

    if (event->lost > 0)
        virObjectEventStateCountLost(state, event);

    for (i = 0; i < match->count; i++) {
        virObjectEventReg *reg = match->regs[i];
        virObjectEventTarget target;

        if (atomic_load(&reg->gone) || event->serial < reg->since)
            continue;
        target = (virObjectEventTarget) { reg->conn, reg->callbackID, reg->cb, reg->opaque };
        virObjectEventInCallback = event;
        event->klass->dispatch(event, virObjectEventStateGetHandle(state, reg->conn,
                                                                   event->domain), &target);
        virObjectEventInCallback = NULL;
    }
}

/* One turn of the loop: at most VIR_OBJECT_EVENT_TURN_MAX events. */
static void
virObjectEventStateDispatch(virObjectEventState *state)
{
    g_autoptr(GPtrArray) doomed = NULL;
    virObjectEvent *event;
    virDomainIdent *chargedIdent = NULL;
    size_t chargedBytes = 0;
    size_t budget = VIR_OBJECT_EVENT_TURN_MAX;
    bool again;
    size_t i;

    virMutexLock(&state->lock);
    if (state->dispatching) {
        /* A loop that runs inside a callback: the outer turn goes on afterwards. */
        virMutexUnlock(&state->lock);
        return;
    }
    state->dispatching = true;
    event = g_steal_pointer(&state->pending);
    virMutexLock(&state->queueLock);
    state->woken = false;
    virMutexUnlock(&state->queueLock);
    if (!event)
        event = virObjectEventStateTake(state);
    virMutexUnlock(&state->lock);

    while (event && budget > 0) {
        virObjectEvent *next = event->next;

        virObjectEventStateDeliver(state, event);

        if (chargedIdent != event->domain || chargedBytes > 64 * 1024) {
            if (chargedIdent)
                virObjectEventStateDischarge(state, chargedIdent, chargedBytes);
            chargedBytes = 0;
            if (chargedIdent != event->domain) {
                virDomainIdentUnref(chargedIdent);
                chargedIdent = virDomainIdentRef(event->domain);
            }
        }
        chargedBytes += event->bytes;
        virObjectEventUnref(event);
        event = next;
        budget--;
    }
    atomic_fetch_add_explicit(&state->delivered, VIR_OBJECT_EVENT_TURN_MAX - budget,
                              memory_order_relaxed);
    if (chargedIdent) {
        virObjectEventStateDischarge(state, chargedIdent, chargedBytes);
        virDomainIdentUnref(chargedIdent);
    }
    /* The handle holds a reference on its connection, which must be able to go. */
    virObjectEventStateDropHandle(state);
    g_clear_pointer(&state->lastMatch, virObjectEventMatchUnref);

    virMutexLock(&state->lock);
    state->dispatching = false;
    if (!atomic_load(&state->watched)) {
        virObjectEventStateDiscard(state, g_steal_pointer(&event));
        virObjectEventStateDiscard(state, virObjectEventStateTake(state));
    }
    state->pending = event;
    if (state->doomed->len > 0) {
        doomed = state->doomed;
        state->doomed = g_ptr_array_new();
    }
    virMutexLock(&state->queueLock);
    again = (event || state->first || state->firstGap) && !state->woken;
    if (again)
        state->woken = true;
    virMutexUnlock(&state->queueLock);
    virMutexUnlock(&state->lock);

    if (again)
        virObjectEventStateWake(state);
    for (i = 0; doomed && i < doomed->len; i++)
        virObjectEventRegFinish(g_ptr_array_index(doomed, i));
}

static void
virObjectEventStateOnWake(int watch, int fd, int events, void *opaque)
{
    g_autoptr(virObjectEventState) state = virObjectEventStateRef(opaque);
    guint64 count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
        VIR_WARN("cannot read from the event queue's eventfd: %s", g_strerror(errno));
    virObjectEventStateDispatch(state);
}

/* --- life of a state --- */

virObjectEventState *
virObjectEventStateNew(size_t maxBytes)
{
    virObjectEventState *state;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) {
        virReportSystemError(errno, "%s", _("cannot create an eventfd for the event queue"));
        return NULL;
    }
    state = g_new0(virObjectEventState, 1);
    atomic_init(&state->refs, 1);
    state->wakeFd = fd;
    state->maxBytes = maxBytes > 0 ? maxBytes : VIR_OBJECT_EVENT_QUEUE_BYTES_MAX;
    state->maxStreamBytes = maxBytes > 0 ? maxBytes / 2 : VIR_OBJECT_EVENT_STREAM_BYTES_MAX;
    virMutexInit(&state->queueLock);
    virMutexInit(&state->lock);
    state->regs = g_ptr_array_new();
    state->byID = g_hash_table_new(virObjectEventRegHash, virObjectEventRegEqual);
    state->scopes = g_hash_table_new_full(virObjectEventHashUUID, virObjectEventEqualUUID,
                                          g_free, NULL);
    state->matches = g_hash_table_new_full(virObjectEventMatchHash, virObjectEventMatchEqual,
                                           virObjectEventMatchUnref, NULL);
    state->doomed = g_ptr_array_new();
    state->watch = -1;
    return state;
}

virObjectEventState *
virObjectEventStateRef(virObjectEventState *state)
{
    atomic_fetch_add(&state->refs, 1);
    return state;
}

/* A registration holds its connection, that its driver, and that the state: with the last
 * reference there are no registrations left. */
void
virObjectEventStateUnref(virObjectEventState *state)
{
    if (!state || atomic_fetch_sub(&state->refs, 1) != 1)
        return;
    virObjectEventStateDiscard(state, state->pending);
    virObjectEventStateDiscard(state, virObjectEventStateTake(state));
    g_ptr_array_unref(state->doomed);
    g_hash_table_unref(state->matches);
    g_hash_table_unref(state->scopes);
    g_hash_table_unref(state->byID);
    g_ptr_array_unref(state->regs);
    virMutexDestroy(&state->lock);
    virMutexDestroy(&state->queueLock);
    close(state->wakeFd);
    g_free(state);
}

static void
virObjectEventStateFreeCallback(void *opaque)
{
    virObjectEventStateUnref(opaque);
}

/* --- registering --- */

/* Makes sure that the loop knows the eventfd. Returns -1 if there is no loop. */
static int
virObjectEventStateAddWatch(virObjectEventState *state)
{
    int watch;

    virMutexLock(&state->lock);
    watch = state->watch;
    virMutexUnlock(&state->lock);
    if (watch >= 0)
        return 0;

    watch = virEventAddHandle(state->wakeFd, VIR_EVENT_HANDLE_READABLE,
                              virObjectEventStateOnWake, virObjectEventStateRef(state),
                              virObjectEventStateFreeCallback);
    if (watch < 0) {
        virObjectEventStateUnref(state);
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("could not initialize domain event timer: no event loop; call "
                         "virEventRegisterDefaultImpl() or virEventRegisterImpl() before opening "
                         "the connection"));
        return -1;
    }

    virMutexLock(&state->lock);
    if (state->watch < 0) {
        state->watch = watch;
        watch = -1;
    }
    virMutexUnlock(&state->lock);
    if (watch >= 0)
        virEventRemoveHandle(watch);    /* another thread was faster */
    return 0;
}

/* Call with lock held. */
static bool
virObjectEventStateIsTracked(virObjectEventState *state,
                             const virObjectEventRegistration *registration)
{
    size_t i;

    if (registration->filter)
        return false;
    for (i = 0; i < state->regs->len; i++) {
        virObjectEventReg *reg = g_ptr_array_index(state->regs, i);

        if (reg->conn == registration->conn && reg->klass == registration->klass &&
            reg->eventID == registration->eventID && reg->route == registration->route &&
            reg->cb == registration->cb && !reg->filter && reg->legacy == registration->legacy &&
            reg->scoped == (registration->uuid != NULL) &&
            (!reg->scoped || memcmp(reg->uuid, registration->uuid, VIR_UUID_BUFLEN) == 0))
            return true;
    }
    return false;
}

/* Call with lock held: one more (or less) registration names @uuid. */
static void
virObjectEventStateCountScope(virObjectEventState *state, const unsigned char *uuid, int change)
{
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(state->scopes, uuid)) + change;

    if (count > 0)
        g_hash_table_replace(state->scopes, g_memdup2(uuid, VIR_UUID_BUFLEN),
                             GUINT_TO_POINTER(count));
    else
        g_hash_table_remove(state->scopes, uuid);
}

int
virObjectEventStateRegister(virObjectEventState *state,
                            const virObjectEventRegistration *registration)
{
    virObjectEventReg *reg = NULL;
    bool tracked;
    int id = -1;

    while (!reg) {
        if (virObjectEventStateAddWatch(state) < 0)
            return -1;

        virMutexLock(&state->lock);
        if ((tracked = virObjectEventStateIsTracked(state, registration)) || state->watch < 0) {
            virMutexUnlock(&state->lock);
            if (tracked) {
                virReportError(VIR_ERR_INVALID_ARG, "%s", _("event callback already tracked"));
                return -1;
            }
            continue;       /* the last registration went meanwhile and took the watch along */
        }

        reg = g_new0(virObjectEventReg, 1);
        atomic_init(&reg->refs, 1);
        reg->conn = virConnectRefInternal(registration->conn);
        reg->callbackID = id = atomic_fetch_add(&registration->conn->nextCallbackID, 1);
        reg->klass = registration->klass;
        reg->eventID = registration->eventID;
        reg->route = registration->route;
        reg->filter = registration->filter;
        reg->cb = registration->cb;
        reg->opaque = registration->opaque;
        reg->freecb = registration->freecb;
        reg->legacy = registration->legacy;
        if (registration->uuid) {
            reg->scoped = true;
            memcpy(reg->uuid, registration->uuid, VIR_UUID_BUFLEN);
            virObjectEventStateCountScope(state, reg->uuid, 1);
        }
        g_ptr_array_add(state->regs, reg);
        g_hash_table_add(state->byID, reg);
        virObjectEventStateForgetMatches(state);

        virMutexLock(&state->queueLock);
        reg->since = state->nextSerial;
        atomic_store(&state->watched, true);
        virMutexUnlock(&state->queueLock);
        virMutexUnlock(&state->lock);
    }
    return id;
}

/* Call with lock held. Takes @reg out; returns whether it must be finished by the caller,
 * else the dispatcher does it when its turn is over. */
static bool
virObjectEventStateTakeOut(virObjectEventState *state, virObjectEventReg *reg)
{
    atomic_store(&reg->gone, true);
    g_hash_table_remove(state->byID, reg);
    g_ptr_array_remove(state->regs, reg);
    if (reg->scoped)
        virObjectEventStateCountScope(state, reg->uuid, -1);
    virObjectEventStateForgetMatches(state);

    if (state->dispatching) {
        g_ptr_array_add(state->doomed, reg);
        return false;
    }
    return true;
}

/* Call with lock held. If nobody is left: drops what is queued and returns the loop's
 * watch, to be removed by the caller with no lock held; else -1. */
static int
virObjectEventStateRest(virObjectEventState *state, virObjectEvent **leftover)
{
    int watch = state->watch;

    if (state->regs->len > 0)
        return -1;
    virMutexLock(&state->queueLock);
    atomic_store(&state->watched, false);
    virMutexUnlock(&state->queueLock);
    state->watch = -1;
    if (!state->dispatching) {
        virObjectEventStateDiscard(state, g_steal_pointer(&state->pending));
        *leftover = virObjectEventStateTake(state);
    }
    return watch;
}

static void
virObjectEventStateSettle(virObjectEventState *state, int watch, virObjectEvent *leftover)
{
    virObjectEventStateDiscard(state, leftover);
    if (watch >= 0)
        virEventRemoveHandle(watch);
}

int
virObjectEventStateDeregister(virObjectEventState *state, virConnectPtr conn,
                              const virObjectEventClass *klass, int callbackID)
{
    g_autoptr(virObjectEventState) hold G_GNUC_UNUSED = virObjectEventStateRef(state);
    virObjectEventReg key = { .conn = conn, .callbackID = callbackID };
    virObjectEvent *leftover = NULL;
    virObjectEventReg *reg;
    bool finish;
    int watch;
    int left = 0;
    size_t i;

    virMutexLock(&state->lock);
    reg = g_hash_table_lookup(state->byID, &key);
    if (!reg || reg->klass != klass) {
        virMutexUnlock(&state->lock);
        virReportError(VIR_ERR_INVALID_ARG, _("%1$s callback id %2$d not registered"),
                       klass->name, callbackID);
        return -1;
    }
    finish = virObjectEventStateTakeOut(state, reg);
    for (i = 0; i < state->regs->len; i++) {
        virObjectEventReg *other = g_ptr_array_index(state->regs, i);

        if (other->conn == conn && other->klass == klass && other->eventID == reg->eventID)
            left++;
    }
    watch = virObjectEventStateRest(state, &leftover);
    virMutexUnlock(&state->lock);

    virObjectEventStateSettle(state, watch, leftover);
    if (finish)
        virObjectEventRegFinish(reg);
    return left;
}

void
virObjectEventStateWithdraw(virObjectEventState *state, virConnectPtr conn, int callbackID)
{
    g_autoptr(virObjectEventState) hold G_GNUC_UNUSED = virObjectEventStateRef(state);
    virObjectEventReg key = { .conn = conn, .callbackID = callbackID };
    virObjectEvent *leftover = NULL;
    virObjectEventReg *reg;
    bool finish = false;
    int watch = -1;

    virMutexLock(&state->lock);
    if ((reg = g_hash_table_lookup(state->byID, &key))) {
        reg->freecb = NULL;
        finish = virObjectEventStateTakeOut(state, reg);
        watch = virObjectEventStateRest(state, &leftover);
    }
    virMutexUnlock(&state->lock);

    virObjectEventStateSettle(state, watch, leftover);
    if (finish)
        virObjectEventRegFinish(reg);
}

int
virObjectEventStateFindLegacy(virObjectEventState *state, virConnectPtr conn,
                              const virObjectEventClass *klass, int eventID, void *cb)
{
    int id = -1;
    size_t i;

    virMutexLock(&state->lock);
    for (i = 0; i < state->regs->len && id < 0; i++) {
        virObjectEventReg *reg = g_ptr_array_index(state->regs, i);

        if (reg->legacy && reg->conn == conn && reg->klass == klass &&
            reg->eventID == eventID && reg->cb == cb)
            id = reg->callbackID;
    }
    virMutexUnlock(&state->lock);

    if (id < 0)
        virReportError(VIR_ERR_INVALID_ARG, _("%1$s callback function %2$p not registered"),
                       klass->name, cb);
    return id;
}

void
virObjectEventStateDeregisterAll(virObjectEventState *state, virConnectPtr conn)
{
    g_autoptr(virObjectEventState) hold G_GNUC_UNUSED = virObjectEventStateRef(state);
    g_autoptr(GPtrArray) finish = g_ptr_array_new();
    virObjectEvent *leftover = NULL;
    int watch;
    size_t i;

    virMutexLock(&state->lock);
    for (i = state->regs->len; i > 0; i--) {
        virObjectEventReg *reg = g_ptr_array_index(state->regs, i - 1);

        if (reg->conn == conn && virObjectEventStateTakeOut(state, reg))
            g_ptr_array_add(finish, reg);
    }
    watch = virObjectEventStateRest(state, &leftover);
    virMutexUnlock(&state->lock);

    virObjectEventStateSettle(state, watch, leftover);
    for (i = 0; i < finish->len; i++)
        virObjectEventRegFinish(g_ptr_array_index(finish, i));
}

void
virObjectEventStateGetStats(virObjectEventState *state, virObjectEventStats *stats)
{
    virMutexLock(&state->lock);
    stats->registrations = state->regs->len;
    stats->rememberedNames = g_hash_table_size(state->matches);
    virMutexLock(&state->queueLock);
    stats->queuedEvents = state->queued;
    stats->queuedBytes = atomic_load(&state->bytes);
    stats->maxBytes = state->maxBytes;
    stats->pushed = state->pushed;
    stats->lost = state->lost;
    stats->wakeUps = state->wakeUps;
    virMutexUnlock(&state->queueLock);
    virMutexUnlock(&state->lock);
    stats->delivered = atomic_load(&state->delivered);
}

guint64
virObjectEventStateGetLost(virObjectEventState *state, virConnectPtr conn, int callbackID)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&state->lock);
    virObjectEventReg key = { .conn = conn, .callbackID = callbackID };
    virObjectEventReg *reg = g_hash_table_lookup(state->byID, &key);

    return reg ? atomic_load(&reg->lost) : 0;
}
