/*
 * object_event.c: registrations, the queue between the thread that produces
 * events and the loop that delivers them, and the delivery
 *
 * Who wants an event is answered in object_event_registry.c.
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
 * There are two queues, for streams that are behind and for those that are not. A stream
 * that has anything in the first puts everything there, and what it has in the second came
 * before: so the second goes first, and each stream's order is kept.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "object_event.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "object_event_registry.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_NONE

VIR_LOG_INIT("conf.object_event");

/* How long nothing must have been dropped for a complaint about drops to be over. */
#define VIR_OBJECT_EVENT_CALM_US G_USEC_PER_SEC

typedef struct {
    virObjectEvent *first, *last;
    size_t count;
} virObjectEventQueue;

struct _virObjectEventState {
    atomic_uint refs;
    int wakeFd;
    size_t maxBytes;                        /* immutable */
    atomic_size_t bytes;                    /* queued or being delivered; raised under queueLock */
    atomic_bool watched;                    /* somebody is registered; written under both locks */
    atomic_ullong delivered;
    _Atomic(virObjectEvent *) spent;        /* delivered; freed by whoever pushes next */

    atomic_int easedFd;                     /* -1: not asked for yet */
    atomic_size_t easeBytes;                /* easedFd is waited for, for so few to be queued; 0: not */
    atomic_bool yielding;                   /* somebody waits for @room */
    atomic_bool prompted;                   /* @prompt has something; written under queueLock */
    /* By a value of the domain's UUID: events that are late and not retired; raised under queueLock. */
    atomic_uint backlog[VIR_OBJECT_EVENT_BACKLOG_SLOTS];
    virMutex queueLock;                     /* guards from here... */
    virCond room;                           /* little enough is queued */
    virObjectEventQueue prompt, late;
    guint64 nextSerial;
    virDomainIdent *firstGap, *lastGap;     /* a reference each */
    guint64 gapsTold;                       /* nextSerial when gaps were last told */
    bool woken;                             /* the eventfd was written, and not read since */
    guint64 pushed, lost, limited, wakeUps;
    gint64 rateInterval;                    /* nanoseconds between two events; 0: no limit */
    gint64 rateBurst;                       /* nanoseconds: so far may they be ahead of that */
    virLogRepeat dropped;
    guint64 droppedFrom;                    /* lost, when that began */
                                            /* ... to here */

    virMutex lock;                          /* guards from here... */
    virObjectEventRegistry *registry;
    int watch;                              /* of the event loop; -1: none */
    int timer;                              /* for a gap that isn't due yet; -1: none */
    bool dispatching;
    GPtrArray *doomed;                      /* deregistered while dispatching */
    virObjectEvent *pendingPrompt, *pendingLate;    /* taken and not delivered yet */
                                            /* ... to here */

    /* The dispatcher's own. */
    virObjectEventMatches lastMatches;
    guint64 lastGeneration;                 /* lastMatches is good for this one only */
    bool lastScoped;                        /* ... and for this domain only: */
    unsigned char lastUUID[VIR_UUID_BUFLEN];
    virDomainPtr lastDomain;
    virDomainIdent *lastIdent;              /* of lastDomain */
    size_t spentBytes;                      /* of @spent, if it wasn't taken since */
};

static _Thread_local virObjectEvent *virObjectEventInCallback;
static _Thread_local virObjectEventState *virObjectEventStateInCallback;

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

/* Drops a reference on @event. If that was the last, returns the event's reference on its ident,
 * else NULL. */
static virDomainIdent *
virObjectEventRelease(virObjectEvent *event)
{
    virDomainIdent *ident;

    /* Nearly every event has one owner from its birth to its end. */
    if (atomic_load_explicit(&event->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    ident = event->domain;
    event->klass->free(event);
    return ident;
}

void
virObjectEventUnref(virObjectEvent *event)
{
    if (event)
        virDomainIdentUnref(virObjectEventRelease(event));
}

virObjectEvent *
virObjectEventCurrent(void)
{
    return virObjectEventInCallback;
}

virObjectEventState *
virObjectEventCurrentState(void)
{
    return virObjectEventStateInCallback;
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
    virDomainIdent *ident = NULL;           /* has these many references to be released */
    unsigned int count = 0;

    while (event) {
        virObjectEvent *next = event->next;
        virDomainIdent *released = virObjectEventRelease(event);

        if (released && released != ident) {
            virDomainIdentUnrefMany(ident, count);
            ident = released;
            count = 0;
        }
        if (released)
            count++;
        event = next;
    }
    virDomainIdentUnrefMany(ident, count);
}

void
virObjectEventBatchClear(virObjectEventBatch *batch)
{
    virObjectEventFreeList(batch->first);
    *batch = (virObjectEventBatch) { 0 };
}

/* --- who gets an event --- */

/* The end of a registration, with no lock held: the opaque's free function, then the
 * reference on the connection, which may be its last. */
static void
virObjectEventRegFinish(virObjectEventReg *reg)
{
    virConnectPtr conn = g_steal_pointer(&reg->conn);

    if (reg->freecb)
        reg->freecb(reg->opaque);
    g_clear_pointer(&reg->filter, virEventFilterFree);
    virObjectEventRegUnref(reg);
    virConnectUnref(conn);
}

static const char *
virObjectEventText(virObjectEvent *event, size_t *len)
{
    if (event->klass->filterText)
        return event->klass->filterText(event, len);
    *len = 0;
    return "";
}

static void
virObjectEventMatchesClear(virObjectEventMatches *matches)
{
    g_clear_pointer(&matches->anywhere, virObjectEventMatchUnref);
    g_clear_pointer(&matches->here, virObjectEventMatchUnref);
}

/* Whether the answer to the event before is the answer to @event too: storms are made of one
 * name. No lock. */
static bool
virObjectEventStateIsSameMatch(virObjectEventState *state, const virObjectEvent *event,
                               const char *text, size_t len)
{
    const virObjectEventMatch *match = state->lastMatches.anywhere;

    if (!match || match->klass != event->klass || match->eventID != event->eventID ||
        match->route != event->route ||
        state->lastGeneration != virObjectEventRegistryGeneration(state->registry))
        return false;
    /* One that has a route was filtered already: neither its text nor its domain matters. */
    if (event->route != 0)
        return event->route > 0;
    return match->hash == event->hash && match->textLen == len &&
           memcmp(match->text, text, len) == 0 &&
           (!state->lastScoped || virUUIDEqual(state->lastUUID, event->domain->uuid));
}

/* Sets lastMatches to who wants @event, and *off to those whose filter has given up on it (NULL:
 * none; the caller frees the array). Returns how many filters had to look at it. The
 * dispatcher's. */
static size_t
virObjectEventStateFindMatches(virObjectEventState *state, virObjectEvent *event, GPtrArray **off)
{
    size_t len;
    const char *text = virObjectEventText(event, &len);
    guint64 runs;

    if (virObjectEventStateIsSameMatch(state, event, text, len))
        return 0;
    virObjectEventMatchesClear(&state->lastMatches);

    virMutexLock(&state->lock);
    runs = virObjectEventRegistryFilterRuns(state->registry);
    virObjectEventRegistryMatch(state->registry, event, text, len, &state->lastMatches);
    runs = virObjectEventRegistryFilterRuns(state->registry) - runs;
    state->lastGeneration = virObjectEventRegistryGeneration(state->registry);
    state->lastScoped = virObjectEventRegistryIsScoped(state->registry);
    *off = virObjectEventRegistryTakeOff(state->registry);
    virMutexUnlock(&state->lock);
    memcpy(state->lastUUID, event->domain->uuid, VIR_UUID_BUFLEN);
    return runs;
}

/* --- the queue --- */

static void
virObjectEventStateSignal(int fd)
{
    guint64 one = 1;

    /* Can fail only when the counter is full, and then the loop is awake. */
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void
virObjectEventStateWake(virObjectEventState *state)
{
    virObjectEventStateSignal(state->wakeFd);
}

/* Whether one more event of @ident may come @now, in nanoseconds. Call with queueLock held. */
static bool
virObjectEventStateIsInRate(virObjectEventState *state, virDomainIdent *ident, gint64 now)
{
    /* It may have been by another limit that more came. */
    ident->rateTime = CLAMP(ident->rateTime, now, now + state->rateBurst);
    if (ident->rateTime - now > state->rateBurst - state->rateInterval)
        return false;
    ident->rateTime += state->rateInterval;
    return true;
}

/* The gap of @ident, just begun, goes on for a while: else there would be one, and a notice, behind
 * every event that may come. */
static void
virObjectEventStatePause(virObjectEventState *state, virDomainIdent *ident, gint64 now)
{
    gint64 pause = MIN(state->rateBurst / 2,
                       VIR_OBJECT_EVENT_RATE_PAUSE_MS * G_GINT64_CONSTANT(1000000));

    ident->gapDue = (now + pause) / 1000;
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
        ident->nextGap = NULL;
        virDomainIdentRef(ident);
        if (state->lastGap)
            state->lastGap->nextGap = ident;
        else
            state->firstGap = ident;
        state->lastGap = ident;
    }
    /* Whoever came before the last of them missed something. */
    ident->gapSerial = state->nextSerial++;
    gap->count += covers;
    gap->to = event->number;
    gap->lastSeconds = event->seconds;
    gap->lastMicros = event->micros;
    state->lost += covers;
    atomic_fetch_add_explicit(&ident->lost, covers, memory_order_relaxed);
}

static void
virObjectEventQueueAdd(virObjectEventQueue *queue, virObjectEvent *event)
{
    event->next = NULL;
    if (queue->last)
        queue->last->next = event;
    else
        queue->first = event;
    queue->last = event;
    queue->count++;
}

/* Returns all that is in it. */
static virObjectEvent *
virObjectEventQueueTake(virObjectEventQueue *queue)
{
    virObjectEvent *first = queue->first;

    *queue = (virObjectEventQueue) { 0 };
    return first;
}

/* How many events of the domain, and of others that share its slot, are late. */
static atomic_uint *
virObjectEventStateBacklog(virObjectEventState *state, const virDomainIdent *ident)
{
    return &state->backlog[virUUIDHash(ident->uuid) % VIR_OBJECT_EVENT_BACKLOG_SLOTS];
}

/* Call with queueLock held. Charges @event and puts it behind those of its stream. */
static void
virObjectEventStateEnqueue(virObjectEventState *state, virObjectEvent *event)
{
    virDomainIdent *ident = event->domain;
    atomic_uint *backlog = virObjectEventStateBacklog(state, ident);
    size_t before = atomic_fetch_add_explicit(&ident->queuedBytes, event->bytes,
                                              memory_order_relaxed);

    atomic_fetch_add_explicit(&state->bytes, event->bytes, memory_order_relaxed);
    event->late = before > VIR_OBJECT_EVENT_PROMPT_BYTES ||
        atomic_load_explicit(backlog, memory_order_acquire) > 0;
    if (event->late) {
        atomic_fetch_add_explicit(backlog, 1, memory_order_relaxed);
        virObjectEventQueueAdd(&state->late, event);
    } else {
        virObjectEventQueueAdd(&state->prompt, event);
        atomic_store_explicit(&state->prompted, true, memory_order_relaxed);
    }
}

static void
virObjectEventStateCountLimited(virObjectEventState *state, const virObjectEvent *event)
{
    guint64 covers = MAX(event->lost, 1);

    state->limited += covers;
    atomic_fetch_add_explicit(&event->domain->limited, covers, memory_order_relaxed);
}

/* Call with queueLock held. @now: in nanoseconds, if there is a limit to the rate. Returns whether
 * @event was put into a queue. */
static bool
virObjectEventStateAccept(virObjectEventState *state, virObjectEvent *event, gint64 now)
{
    virDomainIdent *ident = event->domain;
    size_t all = atomic_load_explicit(&state->bytes, memory_order_relaxed) + event->bytes;
    size_t own = atomic_load_explicit(&ident->queuedBytes, memory_order_relaxed) + event->bytes;
    size_t most = state->maxBytes + VIR_OBJECT_EVENT_RESERVE_BYTES_MAX;

    if (event->number > 0) {
        /* No stream may hold more than it leaves to others: alone half, of ten that storm each
         * an eleventh. So there is room for one that doesn't, whatever the others do.
         * After one drop, all of the stream is dropped until the queue is next taken: the gap
         * then has one place, behind what is queued. */
        if (ident->gap.count > 0 || all > state->maxBytes || own > state->maxBytes - all) {
            if (ident->gapDue > 0)
                virObjectEventStateCountLimited(state, event);
            virObjectEventGapAdd(state, event);
            return false;
        }
        if (state->rateInterval > 0 && !virObjectEventStateIsInRate(state, ident, now)) {
            virObjectEventStatePause(state, ident, now);
            virObjectEventStateCountLimited(state, event);
            virObjectEventGapAdd(state, event);
            return false;
        }
    } else if (all > most || own > most - all) {
        /* The same, as a storm of these would leave others as little. */
        state->lost++;
        atomic_fetch_add_explicit(&ident->lost, 1, memory_order_relaxed);
        return false;
    }

    event->serial = state->nextSerial++;
    virObjectEventStateEnqueue(state, event);
    return true;
}

/* Frees what was delivered. Any thread. */
static void
virObjectEventStateFreeSpent(virObjectEventState *state)
{
    if (atomic_load_explicit(&state->spent, memory_order_relaxed))
        virObjectEventFreeList(atomic_exchange_explicit(&state->spent, NULL,
                                                        memory_order_acquire));
}

void
virObjectEventStatePush(virObjectEventState *state, virObjectEventBatch *batch)
{
    virObjectEvent *event = batch->first;
    virObjectEvent *dropped = NULL;
    bool complain = false;
    bool wake = false;
    gint64 now = 0;

    *batch = (virObjectEventBatch) { 0 };
    if (!event)
        return;

    virMutexLock(&state->queueLock);
    if (!atomic_load(&state->watched)) {
        dropped = event;
    } else {
        guint64 lost = state->lost - state->limited;

        if (state->rateInterval > 0)
            now = g_get_monotonic_time() * 1000;
        while (event) {
            virObjectEvent *next = event->next;

            state->pushed++;
            atomic_store_explicit(&event->domain->pushed,
                                  atomic_load_explicit(&event->domain->pushed,
                                                       memory_order_relaxed) + 1,
                                  memory_order_relaxed);
            if (!virObjectEventStateAccept(state, event, now)) {
                event->next = dropped;
                dropped = event;
            }
            event = next;
        }
        /* What is over the rate is no fault of the loop's. */
        if (state->lost - state->limited != lost) {
            if (state->dropped.count == 0)
                state->droppedFrom = lost;
            complain = virLogRepeatBegin(&state->dropped);
        }
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
    virObjectEventFreeList(dropped);
    virObjectEventStateFreeSpent(state);
}

void
virObjectEventStateYield(virObjectEventState *state)
{
    gint64 deadline;

    if (atomic_load(&state->bytes) <= state->maxBytes / 4)
        return;
    deadline = g_get_monotonic_time() + VIR_OBJECT_EVENT_YIELD_MS * 1000;
    virMutexLock(&state->queueLock);
    atomic_store(&state->yielding, true);
    while (atomic_load(&state->bytes) > state->maxBytes / 4 &&
           virCondWaitUntil(&state->room, &state->queueLock, deadline))
        ;
    atomic_store(&state->yielding, false);
    virMutexUnlock(&state->queueLock);
}

int
virObjectEventStateEasedFD(virObjectEventState *state)
{
    int fd = atomic_load(&state->easedFd);

    if (fd >= 0)
        return fd;
    if ((fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        virReportSystemError(errno, "%s", _("cannot create an eventfd for the event queue"));
        return -1;
    }
    atomic_store(&state->easedFd, fd);
    return fd;
}

/* Whether @ident has more than @bytes before it. */
static bool
virObjectEventStateHasAhead(virObjectEventState *state, virDomainIdent *ident, size_t bytes)
{
    return atomic_load(&ident->held) ||
        atomic_load(&ident->queuedBytes) > MIN(bytes, state->maxBytes / 4);
}

bool
virObjectEventStateIsAhead(virObjectEventState *state, virDomainIdent *ident)
{
    if (!virObjectEventStateHasAhead(state, ident, VIR_OBJECT_EVENT_AHEAD_BYTES))
        return false;
    atomic_store(&ident->awaited, true);
    /* All may have been delivered just before that was said. */
    return virObjectEventStateHasAhead(state, ident, VIR_OBJECT_EVENT_AHEAD_BYTES);
}

bool
virObjectEventStateIsFull(virObjectEventState *state, size_t bytes)
{
    bytes = MIN(bytes, state->maxBytes / 4);
    if (atomic_load(&state->bytes) <= bytes)
        return false;
    atomic_store(&state->easeBytes, MAX(bytes / 2, 1));
    return atomic_load(&state->bytes) > bytes;
}

/* Tells whoever waits for @ident once half of it is delivered: so that there is still something to
 * deliver while more is read. */
static void
virObjectEventStateEase(virObjectEventState *state, virDomainIdent *ident)
{
    if (atomic_load(&ident->awaited) &&
        !virObjectEventStateHasAhead(state, ident, VIR_OBJECT_EVENT_AHEAD_BYTES / 2) &&
        atomic_exchange(&ident->awaited, false) && atomic_load(&state->easedFd) >= 0)
        virObjectEventStateSignal(atomic_load(&state->easedFd));
}

void
virObjectEventStateSetHeld(virObjectEventState *state, virDomainIdent *ident, bool held)
{
    atomic_store(&ident->held, held);
    virObjectEventStateEase(state, ident);
}

bool
virObjectEventStateIsWatched(virObjectEventState *state)
{
    return atomic_load_explicit(&state->watched, memory_order_relaxed);
}

guint64
virObjectEventStateGetKinds(virObjectEventState *state)
{
    return virObjectEventRegistryKinds(state->registry);
}

bool
virObjectEventStateWantsKind(virObjectEventState *state, int eventID)
{
    return virObjectEventStateGetKinds(state) & (G_GUINT64_CONSTANT(1) << eventID);
}

/* Gives back what events of one stream were charged, of which so many were late. */
static void
virObjectEventStateDischarge(virObjectEventState *state, virDomainIdent *ident, size_t bytes,
                             unsigned int late)
{
    size_t left = atomic_fetch_sub(&state->bytes, bytes) - bytes;
    size_t easeBytes;

    if (late > 0)
        atomic_fetch_sub_explicit(virObjectEventStateBacklog(state, ident), late,
                                  memory_order_release);
    atomic_fetch_sub(&ident->queuedBytes, bytes);
    virObjectEventStateEase(state, ident);
    if ((easeBytes = atomic_load(&state->easeBytes)) > 0 && left <= easeBytes &&
        atomic_exchange(&state->easeBytes, 0) > 0)
        virObjectEventStateSignal(atomic_load(&state->easedFd));
    if (atomic_load(&state->yielding) && left <= state->maxBytes / 4) {
        g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&state->queueLock);

        virCondBroadcast(&state->room);
    }
}

static void
virObjectEventStateDiscard(virObjectEventState *state, virObjectEvent *event)
{
    while (event) {
        virObjectEvent *next = event->next;

        virObjectEventStateDischarge(state, event->domain, event->bytes, event->late);
        virObjectEventUnref(event);
        event = next;
    }
}

/* Takes the gaps that are due @now off the list. Call with queueLock held. */
static virDomainIdent *
virObjectEventStateTakeGaps(virObjectEventState *state, gint64 now)
{
    virDomainIdent *ident = g_steal_pointer(&state->firstGap);
    virDomainIdent *due = NULL;
    virDomainIdent **end = &due;

    state->lastGap = NULL;
    while (ident) {
        virDomainIdent *next = ident->nextGap;

        ident->nextGap = NULL;
        if (ident->gapDue > now) {
            if (state->lastGap)
                state->lastGap->nextGap = ident;
            else
                state->firstGap = ident;
            state->lastGap = ident;
        } else {
            *end = ident;
            end = &ident->nextGap;
        }
        ident = next;
    }
    return due;
}

/* Microseconds until one of the gaps is due, 0: one is, -1: there is none. Call with queueLock
 * held. */
static gint64
virObjectEventStateGapDelay(virObjectEventState *state)
{
    virDomainIdent *ident;
    gint64 due = G_MAXINT64;

    if (!state->firstGap)
        return -1;
    for (ident = state->firstGap; ident; ident = ident->nextGap)
        due = MIN(due, ident->gapDue);
    return MAX(due - g_get_monotonic_time(), 0);
}

/* Puts a notice for each gap that is due @now behind what is queued of its stream. Call with
 * queueLock held. */
static void
virObjectEventStateTellGaps(virObjectEventState *state, gint64 now)
{
    virDomainIdent *ident;
    virDomainIdent *next;

    for (ident = virObjectEventStateTakeGaps(state, now); ident; ident = next) {
        const virObjectEventClass *klass = ident->gapClass;
        virEventGap gap = ident->gap;
        virObjectEvent *notice = NULL;

        next = ident->nextGap;
        ident->gap = (virEventGap) { 0 };
        ident->gapDue = 0;

        if (klass->lost && (notice = klass->lost(ident, &gap))) {
            notice->serial = ident->gapSerial;
            virObjectEventStateEnqueue(state, notice);
        }
        virDomainIdentUnref(ident);
    }
}

/* Takes all that is queued; what is prompt stays behind what is pending of that, for
 * virObjectEventStateTakePrompt(). Call with lock held, when nothing that is late is pending. Sets
 * *dropped to how many were dropped in a series that is over; NULL: nobody is there to be told, and
 * gaps need not be due. */
static void
virObjectEventStateTake(virObjectEventState *state, guint64 *dropped)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&state->queueLock);

    if (dropped && state->dropped.count > 0 &&
        g_get_monotonic_time() - state->dropped.last > VIR_OBJECT_EVENT_CALM_US) {
        virLogRepeatEnd(&state->dropped);
        *dropped = state->lost - state->limited - state->droppedFrom;
    }
    /* Not before the last notices are delivered: so there is no more than one of a stream. */
    if (state->firstGap && (!state->pendingPrompt ||
                            state->pendingPrompt->serial >= state->gapsTold)) {
        virObjectEventStateTellGaps(state, dropped ? g_get_monotonic_time() : G_MAXINT64);
        state->gapsTold = state->nextSerial;
    }
    state->pendingLate = virObjectEventQueueTake(&state->late);
    if (state->pendingPrompt)
        return;
    atomic_store_explicit(&state->prompted, false, memory_order_relaxed);
    state->pendingPrompt = virObjectEventQueueTake(&state->prompt);
}

/* Takes what has come meanwhile and need not wait. Returns it. */
static virObjectEvent *
virObjectEventStateTakePrompt(virObjectEventState *state)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&state->queueLock);

    atomic_store_explicit(&state->prompted, false, memory_order_relaxed);
    return virObjectEventQueueTake(&state->prompt);
}

/* Call with both locks held. */
static bool
virObjectEventStateHasEvents(virObjectEventState *state)
{
    return state->pendingPrompt || state->pendingLate || state->prompt.first ||
        state->late.first || virObjectEventStateGapDelay(state) == 0;
}

/* Drops all that is queued. Call with lock held, and only while nothing is delivered. */
static void
virObjectEventStateDiscardAll(virObjectEventState *state)
{
    virObjectEventStateDiscard(state, g_steal_pointer(&state->pendingPrompt));
    virObjectEventStateDiscard(state, g_steal_pointer(&state->pendingLate));
    virObjectEventStateTake(state, NULL);
    virObjectEventStateDiscard(state, g_steal_pointer(&state->pendingPrompt));
    virObjectEventStateDiscard(state, g_steal_pointer(&state->pendingLate));
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

static void
virObjectEventRegCountLost(virObjectEventReg *reg, void *opaque)
{
    const virObjectEvent *notice = opaque;

    if (reg->klass == notice->klass && notice->serial >= reg->since)
        atomic_fetch_add(&reg->lost, notice->lost);
}

/* Who watched a stream while it lost events, whatever names it waits for: nobody knows which
 * names were lost. */
static void
virObjectEventStateCountLost(virObjectEventState *state, virObjectEvent *notice)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&state->lock);

    virObjectEventRegistryForEach(state->registry, notice->domain->uuid,
                                  virObjectEventRegCountLost, notice);
}

static void
virObjectEventStateCall(virObjectEventState *state, virObjectEvent *event,
                        virObjectEventReg *reg)
{
    virObjectEventTarget target = { reg->conn, reg->callbackID, reg->cb, reg->opaque };
    /* A callback may run the loop, which may deliver for another state. */
    virObjectEvent *outer = virObjectEventInCallback;
    virObjectEventState *outerState = virObjectEventStateInCallback;

    virObjectEventInCallback = event;
    virObjectEventStateInCallback = state;
    event->klass->dispatch(event, virObjectEventStateGetHandle(state, reg->conn, event->domain),
                           &target);
    virObjectEventInCallback = outer;
    virObjectEventStateInCallback = outerState;
}

/* Tells @off, whose filters have given up on @event, in its place. Takes the array. */
static void
virObjectEventStateTellOff(virObjectEventState *state, virObjectEvent *event, GPtrArray *off)
{
    guint i;

    for (i = 0; i < off->len; i++) {
        virObjectEventReg *reg = g_ptr_array_index(off, i);
        virObjectEvent *notice;

        VIR_INFO("event filter '%.200s' is off: it has exceeded a limit",
                 virEventFilterText(reg->filter));
        if (atomic_load(&reg->gone) || !event->klass->filterOff)
            continue;
        notice = event->klass->filterOff(event->domain, reg->filter);
        virMutexLock(&state->queueLock);
        notice->serial = state->nextSerial++;
        virMutexUnlock(&state->queueLock);
        virObjectEventStateCall(state, notice, reg);
        virObjectEventUnref(notice);
    }
    g_ptr_array_unref(off);
}

/* Returns how much work it was, in units of VIR_OBJECT_EVENT_TURN_MAX. */
static size_t
virObjectEventStateDeliver(virObjectEventState *state, virObjectEvent *event)
{
    GPtrArray *off = NULL;
    size_t work = 1 + virObjectEventStateFindMatches(state, event, &off);
    const GPtrArray *anywhere;
    const GPtrArray *here;
    size_t i = 0;
    size_t j = 0;

    if (off)
        virObjectEventStateTellOff(state, event, off);
    anywhere = state->lastMatches.anywhere ? state->lastMatches.anywhere->regs : NULL;
    here = state->lastMatches.here ? state->lastMatches.here->regs : NULL;

    /* What a daemon tells goes by a route to those that it tells it to. */
    if (event->lost > 0 && event->route <= 0)
        virObjectEventStateCountLost(state, event);

    for (;;) {
        virObjectEventReg *one = anywhere && i < anywhere->len ? g_ptr_array_index(anywhere, i)
                                                               : NULL;
        virObjectEventReg *other = here && j < here->len ? g_ptr_array_index(here, j) : NULL;

        if (one && (!other || one->sequence < other->sequence)) {
            i++;
        } else if (other) {
            one = other;
            j++;
        } else {
            break;
        }
        if (!atomic_load(&one->gone) && event->serial >= one->since)
            virObjectEventStateCall(state, event, one);
    }
    return work;
}

/* One turn of the loop. */
typedef struct {
    size_t budget;
    unsigned int prompts;                   /* delivered since the last that was late */
    guint64 delivered;
    virObjectEvent *done, *lastDone;        /* of one stream, delivered and not retired yet */
    size_t doneBytes;
    unsigned int doneLate;
} virObjectEventTurn;

/* Done with these events: what they were charged is free for others. They are left to the thread
 * that makes events: it has their memory from an arena of the allocator that it would have to share
 * with this one, were they freed here. */
static void
virObjectEventStateRetire(virObjectEventState *state, virObjectEventTurn *turn)
{
    virObjectEvent *spent = atomic_load_explicit(&state->spent, memory_order_relaxed);

    if (!turn->done)
        return;
    virObjectEventStateDischarge(state, turn->done->domain, turn->doneBytes, turn->doneLate);
    do {
        turn->lastDone->next = spent;
    } while (!atomic_compare_exchange_weak_explicit(&state->spent, &spent, turn->done,
                                                    memory_order_release, memory_order_relaxed));
    state->spentBytes = turn->doneBytes + (spent ? state->spentBytes : 0);
    turn->done = turn->lastDone = NULL;
    turn->doneBytes = 0;
    turn->doneLate = 0;
}

/* Takes @event, which was delivered. */
static void
virObjectEventStateFinish(virObjectEventState *state, virObjectEventTurn *turn,
                          virObjectEvent *event)
{
    if (turn->done && (turn->done->domain != event->domain || turn->doneBytes > 64 * 1024))
        virObjectEventStateRetire(state, turn);
    if (turn->lastDone)
        turn->lastDone->next = event;
    else
        turn->done = event;
    turn->lastDone = event;
    turn->doneBytes += event->bytes;
    turn->doneLate += event->late;
    turn->delivered++;
}

/* The event that comes next, taken out of what is pending; NULL: there is none. The dispatcher's,
 * which needs no lock for that. */
static virObjectEvent *
virObjectEventStateNext(virObjectEventState *state, virObjectEventTurn *turn)
{
    virObjectEvent **from = &state->pendingPrompt;
    virObjectEvent *event;

    if (!*from && atomic_load_explicit(&state->prompted, memory_order_relaxed))
        *from = virObjectEventStateTakePrompt(state);
    /* What a stream has that is prompt was pushed before what is late of it. */
    if (!*from || (turn->prompts >= VIR_OBJECT_EVENT_PROMPT_SHARE - 1 && state->pendingLate &&
                   state->pendingLate->serial < (*from)->serial))
        from = &state->pendingLate;
    if (!(event = *from))
        return NULL;
    *from = event->next;
    /* Another core has just written it. */
    __builtin_prefetch(*from);
    turn->prompts = event->late ? 0 : turn->prompts + 1;
    return event;
}

static void virObjectEventStateDispatch(virObjectEventState *state);
static void virObjectEventStateFreeCallback(void *opaque);

static void
virObjectEventStateRemoveTimer(virObjectEventState *state)
{
    int timer;

    virMutexLock(&state->lock);
    timer = state->timer;
    state->timer = -1;
    virMutexUnlock(&state->lock);
    if (timer >= 0)
        virEventRemoveTimeout(timer);
}

static void
virObjectEventStateOnDue(int timer G_GNUC_UNUSED, void *opaque)
{
    g_autoptr(virObjectEventState) state = virObjectEventStateRef(opaque);

    virObjectEventStateRemoveTimer(state);
    virObjectEventStateDispatch(state);
}

/* A gap that isn't due yet is told even if nothing more comes. In the loop's thread, at the end of
 * a turn; @delay in microseconds. */
static void
virObjectEventStateAddTimer(virObjectEventState *state, gint64 delay)
{
    bool needed;
    int timer;

    virMutexLock(&state->lock);
    needed = state->timer < 0 && state->watch >= 0;
    virMutexUnlock(&state->lock);
    if (!needed)
        return;
    timer = virEventAddTimeout((int)(delay / 1000) + 1, virObjectEventStateOnDue,
                               virObjectEventStateRef(state), virObjectEventStateFreeCallback);
    if (timer < 0) {
        virObjectEventStateUnref(state);
        return;
    }
    virMutexLock(&state->lock);
    state->timer = timer;
    needed = state->watch >= 0;
    virMutexUnlock(&state->lock);
    /* Nobody is left meanwhile. */
    if (!needed)
        virObjectEventStateRemoveTimer(state);
}

/* One turn of the loop: work of VIR_OBJECT_EVENT_TURN_MAX. */
static void
virObjectEventStateDispatch(virObjectEventState *state)
{
    virObjectEventTurn turn = { .budget = VIR_OBJECT_EVENT_TURN_MAX };
    g_autoptr(GPtrArray) doomed = NULL;
    virObjectEvent *event;
    guint64 dropped = 0;
    gint64 delay;
    bool again;
    bool calm;
    size_t i;

    virMutexLock(&state->lock);
    virMutexLock(&state->queueLock);
    state->woken = false;
    virMutexUnlock(&state->queueLock);
    if (state->dispatching) {
        /* A loop that runs inside a callback: the outer turn goes on afterwards, and wakes the
         * loop again for what this one was woken for. */
        virMutexUnlock(&state->lock);
        return;
    }
    state->dispatching = true;
    /* What is prompt may never end. */
    if (!state->pendingLate)
        virObjectEventStateTake(state, &dropped);
    virMutexUnlock(&state->lock);

    if (dropped > 0)
        VIR_WARN("the event loop keeps up again: %" G_GUINT64_FORMAT " events were dropped",
                 dropped);

    while (turn.budget > 0 && (event = virObjectEventStateNext(state, &turn))) {
        size_t work = virObjectEventStateDeliver(state, event);

        turn.budget -= MIN(work, turn.budget);
        virObjectEventStateFinish(state, &turn, event);
    }
    atomic_fetch_add_explicit(&state->delivered, turn.delivered, memory_order_relaxed);
    virObjectEventStateRetire(state, &turn);
    /* The handle holds a reference on its connection, which must be able to go. */
    virObjectEventStateDropHandle(state);
    virObjectEventMatchesClear(&state->lastMatches);

    virMutexLock(&state->lock);
    state->dispatching = false;
    if (!atomic_load(&state->watched))
        virObjectEventStateDiscardAll(state);
    if (state->doomed->len > 0) {
        doomed = state->doomed;
        state->doomed = g_ptr_array_new();
    }
    virMutexLock(&state->queueLock);
    delay = virObjectEventStateGapDelay(state);
    again = virObjectEventStateHasEvents(state) && !state->woken;
    if (again)
        state->woken = true;
    /* Nothing may be pushed for long. */
    calm = !virObjectEventStateHasEvents(state) &&
        (state->spentBytes > VIR_OBJECT_EVENT_SPENT_BYTES_MAX || !atomic_load(&state->watched));
    virMutexUnlock(&state->queueLock);
    virMutexUnlock(&state->lock);

    if (again)
        virObjectEventStateWake(state);
    if (delay > 0)
        virObjectEventStateAddTimer(state, delay);
    if (calm)
        virObjectEventStateFreeSpent(state);
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
    atomic_init(&state->easedFd, -1);
    state->maxBytes = maxBytes > 0 ? maxBytes : VIR_OBJECT_EVENT_QUEUE_BYTES_MAX;
    virMutexInit(&state->queueLock);
    virCondInit(&state->room);
    virMutexInit(&state->lock);
    state->registry = virObjectEventRegistryNew();
    state->doomed = g_ptr_array_new();
    state->watch = -1;
    state->timer = -1;
    return state;
}

void
virObjectEventStateSetRate(virObjectEventState *state, guint64 perSecond, guint64 burst)
{
    gint64 interval = perSecond > 0 ? MAX(G_GINT64_CONSTANT(1000000000) / (gint64)perSecond, 1) : 0;

    virMutexLock(&state->queueLock);
    state->rateInterval = interval;
    state->rateBurst = interval * (gint64)(burst > 0 ? burst : perSecond);
    virMutexUnlock(&state->queueLock);
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
    virObjectEventStateDiscardAll(state);
    virObjectEventStateFreeSpent(state);
    g_ptr_array_unref(state->doomed);
    virObjectEventRegistryFree(state->registry);
    virMutexDestroy(&state->lock);
    virCondDestroy(&state->room);
    virMutexDestroy(&state->queueLock);
    close(state->wakeFd);
    if (atomic_load(&state->easedFd) >= 0)
        close(atomic_load(&state->easedFd));
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

/* A registration that is not in the registry yet; holds nothing of what it names. */
static virObjectEventReg *
virObjectEventRegNew(const virObjectEventRegistration *registration)
{
    virObjectEventReg *reg = g_new0(virObjectEventReg, 1);

    atomic_init(&reg->refs, 1);
    reg->conn = registration->conn;
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
    }
    return reg;
}

int
virObjectEventStateRegister(virObjectEventState *state,
                            const virObjectEventRegistration *registration)
{
    virObjectEventReg *reg = virObjectEventRegNew(registration);
    int id = -1;

    while (id < 0) {
        bool tracked;

        if (virObjectEventStateAddWatch(state) < 0)
            break;

        virMutexLock(&state->lock);
        tracked = !reg->filter && virObjectEventRegistryFindSame(state->registry, reg);
        /* Without a watch, the last registration went meanwhile and took it along. */
        if (!tracked && state->watch >= 0) {
            virConnectRefInternal(reg->conn);
            reg->callbackID = id = atomic_fetch_add(&reg->conn->nextCallbackID, 1);
            virMutexLock(&state->queueLock);
            reg->since = state->nextSerial;
            atomic_store(&state->watched, true);
            virMutexUnlock(&state->queueLock);
            virObjectEventRegistryAdd(state->registry, reg);
        }
        virMutexUnlock(&state->lock);

        if (tracked) {
            virReportError(VIR_ERR_INVALID_ARG, "%s", _("event callback already tracked"));
            break;
        }
    }
    if (id < 0)
        virObjectEventRegUnref(reg);
    return id;
}

/* Call with lock held. Takes @reg out; returns whether it must be finished by the caller,
 * else the dispatcher does it when its turn is over. */
static bool
virObjectEventStateTakeOut(virObjectEventState *state, virObjectEventReg *reg)
{
    virObjectEventRegistryRemove(state->registry, reg);
    if (state->dispatching) {
        g_ptr_array_add(state->doomed, reg);
        return false;
    }
    return true;
}

/* Call with lock held. If nobody is left: drops what is queued and returns the loop's
 * watch, to be removed by the caller with no lock held; else -1. */
static int
virObjectEventStateRest(virObjectEventState *state)
{
    int watch = state->watch;

    if (virObjectEventRegistrySize(state->registry) > 0)
        return -1;
    virMutexLock(&state->queueLock);
    atomic_store(&state->watched, false);
    virMutexUnlock(&state->queueLock);
    state->watch = -1;
    if (!state->dispatching)
        virObjectEventStateDiscardAll(state);
    return watch;
}

static void
virObjectEventStateSettle(virObjectEventState *state, int watch)
{
    virObjectEventStateFreeSpent(state);
    if (watch >= 0) {
        virEventRemoveHandle(watch);
        virObjectEventStateRemoveTimer(state);
    }
}

int
virObjectEventStateDeregister(virObjectEventState *state, virConnectPtr conn,
                              const virObjectEventClass *klass, int callbackID)
{
    g_autoptr(virObjectEventState) hold G_GNUC_UNUSED = virObjectEventStateRef(state);
    virObjectEventReg *reg;
    bool finish;
    int watch;
    int left;

    virMutexLock(&state->lock);
    reg = virObjectEventRegistryFind(state->registry, conn, callbackID);
    if (!reg || reg->klass != klass) {
        virMutexUnlock(&state->lock);
        virReportError(VIR_ERR_INVALID_ARG, _("event callback id %1$d not registered"),
                       callbackID);
        return -1;
    }
    finish = virObjectEventStateTakeOut(state, reg);
    left = virObjectEventRegistryCountAlike(state->registry, reg);
    watch = virObjectEventStateRest(state);
    virMutexUnlock(&state->lock);

    virObjectEventStateSettle(state, watch);
    if (finish)
        virObjectEventRegFinish(reg);
    return left;
}

void
virObjectEventStateWithdraw(virObjectEventState *state, virConnectPtr conn, int callbackID)
{
    g_autoptr(virObjectEventState) hold G_GNUC_UNUSED = virObjectEventStateRef(state);
    virObjectEventReg *reg;
    bool finish = false;
    int watch = -1;

    virMutexLock(&state->lock);
    if ((reg = virObjectEventRegistryFind(state->registry, conn, callbackID))) {
        reg->freecb = NULL;
        finish = virObjectEventStateTakeOut(state, reg);
        watch = virObjectEventStateRest(state);
    }
    virMutexUnlock(&state->lock);

    virObjectEventStateSettle(state, watch);
    if (finish)
        virObjectEventRegFinish(reg);
}

int
virObjectEventStateFindLegacy(virObjectEventState *state, virConnectPtr conn,
                              const virObjectEventClass *klass, int eventID, void *cb)
{
    virObjectEventReg *reg;
    int id;

    virMutexLock(&state->lock);
    reg = virObjectEventRegistryFindLegacy(state->registry, conn, klass, eventID, cb);
    id = reg ? reg->callbackID : -1;
    virMutexUnlock(&state->lock);

    if (id < 0)
        virReportError(VIR_ERR_INVALID_ARG, _("event callback function %1$p not registered"), cb);
    return id;
}

void
virObjectEventStateDeregisterAll(virObjectEventState *state, virConnectPtr conn)
{
    g_autoptr(virObjectEventState) hold G_GNUC_UNUSED = virObjectEventStateRef(state);
    g_autoptr(GPtrArray) finish = g_ptr_array_new();
    g_autoptr(GPtrArray) all = NULL;
    int watch;
    size_t i;

    virMutexLock(&state->lock);
    all = virObjectEventRegistryGetAll(state->registry, conn);
    for (i = 0; i < all->len; i++) {
        virObjectEventReg *reg = g_ptr_array_index(all, i);

        if (virObjectEventStateTakeOut(state, reg))
            g_ptr_array_add(finish, reg);
    }
    watch = virObjectEventStateRest(state);
    virMutexUnlock(&state->lock);

    virObjectEventStateSettle(state, watch);
    for (i = 0; i < finish->len; i++)
        virObjectEventRegFinish(g_ptr_array_index(finish, i));
}

void
virObjectEventStateGetStats(virObjectEventState *state, virObjectEventStats *stats)
{
    virMutexLock(&state->lock);
    stats->registrations = virObjectEventRegistrySize(state->registry);
    stats->rememberedNames = virObjectEventRegistryRemembered(state->registry);
    stats->filterRuns = virObjectEventRegistryFilterRuns(state->registry);
    virMutexLock(&state->queueLock);
    stats->queuedEvents = state->prompt.count + state->late.count;
    stats->queuedBytes = atomic_load(&state->bytes);
    stats->maxBytes = state->maxBytes;
    stats->pushed = state->pushed;
    stats->lost = state->lost;
    stats->limited = state->limited;
    stats->wakeUps = state->wakeUps;
    virMutexUnlock(&state->queueLock);
    virMutexUnlock(&state->lock);
    stats->delivered = atomic_load(&state->delivered);
}

guint64
virObjectEventStateGetLost(virObjectEventState *state, virConnectPtr conn, int callbackID)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&state->lock);
    virObjectEventReg *reg = virObjectEventRegistryFind(state->registry, conn, callbackID);

    return reg ? atomic_load(&reg->lost) : 0;
}
