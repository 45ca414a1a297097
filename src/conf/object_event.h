/*
 * object_event.h: registrations, the queue between the thread that produces
 * events and the loop that delivers them, and the delivery
 *
 * Knows nothing of what an event says: that is in the class of the event
 * (domain_event.h). One state serves all connections of a driver.
 *
 * Events are pushed by any thread in batches and delivered by the thread that
 * runs the event loop (virEventAddHandle on an eventfd, from the first
 * registration to the last), with no lock held.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdatomic.h>
#include "datatypes.h"
#include "domain_ident.h"
#include "event_filter.h"

/* Bytes that one state may hold, queued or being delivered: about one second of what the
 * busiest real guest was seen to emit, 167,000 events/s of some 350 bytes. Of that a stream may
 * hold no more than is left free, so that storms leave room for others. */
#define VIR_OBJECT_EVENT_QUEUE_BYTES_MAX (64 * 1024 * 1024)
/* Beyond the limit, for events that are not numbered: there are few of them, and losing
 * "this domain stopped" to a storm of raw events would serve nobody. Of all that a stream may hold
 * no more than is left free, with these too: a QEMU could send them without end. */
#define VIR_OBJECT_EVENT_RESERVE_BYTES_MAX (1024 * 1024)
/* Names for which it is remembered which of the registrations for all domains want them; real
 * QEMUs know some 60. */
#define VIR_OBJECT_EVENT_MATCHES_MAX 4096
/* Bytes of that; QEMU's own names are 5 to 30 long, invented ones may be anything. */
#define VIR_OBJECT_EVENT_MATCH_BYTES_MAX (1024 * 1024)
/* The same for registrations that name a domain: for each of 16,384 domains the few names that it
 * really uses. */
#define VIR_OBJECT_EVENT_SCOPED_MATCHES_MAX 65536
#define VIR_OBJECT_EVENT_SCOPED_MATCH_BYTES_MAX (16 * 1024 * 1024)
/* Delivered events that wait for whoever pushes next, to be freed there, while nothing is queued.
 * A turn's of what a busy guest emits: in a storm, too, the queue is empty now and then. */
#define VIR_OBJECT_EVENT_SPENT_BYTES_MAX (2 * 1024 * 1024)
/* Kinds of events that a class may have: its eventIDs are 0 to one less. */
#define VIR_OBJECT_EVENT_KINDS_MAX 64
/* Events delivered, and filters that had to look at a name, before the loop gets its turn again. */
#define VIR_OBJECT_EVENT_TURN_MAX 4096

/* With more than so much before it a stream is behind: what is pushed of it then waits in a queue of
 * its own kind, and other streams' events go first. So an event of a quiet guest waits for one
 * delivery, and not for a storm. Some 40 events of the usual size. */
#define VIR_OBJECT_EVENT_PROMPT_BYTES (16 * 1024)
/* Of so many deliveries in a row, one is of a stream that is behind, if there is one. */
#define VIR_OBJECT_EVENT_PROMPT_SHARE 16
/* Streams are told apart by so many values of their domain's UUID. One that has its value in common
 * with a stream that is behind is, too. */
#define VIR_OBJECT_EVENT_BACKLOG_SLOTS 1024

typedef struct _virObjectEvent virObjectEvent;
typedef struct _virObjectEventState virObjectEventState;

/* One registration as a class's dispatch function sees it; valid for the call. */
typedef struct {
    virConnectPtr conn;
    int callbackID;
    void *cb;                       /* cast back by the class */
    void *opaque;
} virObjectEventTarget;

typedef struct _virObjectEventClass virObjectEventClass;
struct _virObjectEventClass {
    /* Calls target->cb with what @event says. @dom is a handle of target->conn for the
     * event's domain, borrowed: a callback that keeps it takes a reference. */
    void (*dispatch)(virObjectEvent *event, virDomainPtr dom, const virObjectEventTarget *target);
    /* The text that filters are matched against; NULL: the class has no filters. */
    const char *(*filterText)(virObjectEvent *event, size_t *len);
    /* A new event that tells of a gap in its place; NULL: losses are only counted. */
    virObjectEvent *(*lost)(virDomainIdent *ident, const virEventGap *gap);
    /* A new event that tells the owner of @filter that it is off; NULL: nobody is told. */
    virObjectEvent *(*filterOff)(virDomainIdent *ident, const virEventFilter *filter);
    void (*free)(virObjectEvent *event);
};

/* The head of every event; a class's own struct begins with it. Immutable once
 * pushed, but for @next, @serial and @late, which belong to the queue it is in. */
struct _virObjectEvent {
    atomic_uint refs;
    int eventID;                    /* within the class; 0 where it has only one kind */
    const virObjectEventClass *klass;
    virDomainIdent *domain;         /* a reference */
    virObjectEvent *next;
    guint64 serial;                 /* order of arrival within the state */
    size_t bytes;                   /* what it really costs, allocator's overhead included */
    guint64 number;                 /* within its stream, from 1; 0: none (derived events) */
    guint64 lost;                   /* > 0: tells of so many lost events, the last being @number */
    gint64 seconds;                 /* QEMU's time; -1: it gave none */
    guint32 micros;
    guint32 hash;                   /* of the filter text: virObjectEventHash() */
    int route;                      /* 0; > 0: filtered already, for registrations of that route
                                     * alone; VIR_OBJECT_EVENT_ROUTE_ANY: for those of every */
    bool late;                      /* pushed while its stream was behind; the queue's */
};
#define VIR_OBJECT_EVENT_ROUTE_ANY (-1)

/* FNV-1a, so that equal names of different events find each other without a table. */
guint32 virObjectEventHash(const char *text, size_t len);
virObjectEvent *virObjectEventRef(virObjectEvent *event);
void virObjectEventUnref(virObjectEvent *event);

/* Events in order, made by one thread, to be pushed with one lock and at most one
 * wake-up. Initialise with { 0 }. */
typedef struct {
    virObjectEvent *first, *last;
    size_t count;
} virObjectEventBatch;
/* Takes @event. */
void virObjectEventBatchAdd(virObjectEventBatch *batch, virObjectEvent *event);
void virObjectEventBatchClear(virObjectEventBatch *batch);

/* Returns a new reference. @maxBytes 0 = VIR_OBJECT_EVENT_QUEUE_BYTES_MAX. */
virObjectEventState *virObjectEventStateNew(size_t maxBytes);
virObjectEventState *virObjectEventStateRef(virObjectEventState *state);
void virObjectEventStateUnref(virObjectEventState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virObjectEventState, virObjectEventStateUnref)

/**
 * virObjectEventStatePush:
 * @state: where to
 * @batch: the events (takes them; empty afterwards)
 *
 * Any thread. Never blocks for longer than a lock. What doesn't fit is dropped,
 * counted in its ident's gap, and told behind what is queued of that stream.
 * Where nobody is registered at all, events are dropped at once, uncounted.
 */
void virObjectEventStatePush(virObjectEventState *state, virObjectEventBatch *batch);

/* How long whoever reads events gives way to whoever delivers them: short enough that what is
 * read at a time, every so often, is more than the busiest QEMU emits (128 KiB each, 31 MiB/s in
 * all), so that a loop that has stopped does not make QEMU's own memory grow. */
#define VIR_OBJECT_EVENT_YIELD_MS 4
/* How far one stream may run ahead of its delivery. Enough for the loop to find something to do
 * each turn; little enough that another stream's event behind it is delivered about a ms later, and
 * that what is queued stays in the processor's cache. (Half of this, with half of what is read
 * at a time, makes that shorter still, and a burst 5 to 10 % slower.) */
#define VIR_OBJECT_EVENT_AHEAD_BYTES (128 * 1024)
/* For a thread that is about to read more of many streams, each little enough to be read on: if a
 * quarter of what may be queued is, waits until it is less, or for VIR_OBJECT_EVENT_YIELD_MS. Not from
 * the event loop's thread. */
void virObjectEventStateYield(virObjectEventState *state);

/**
 * virObjectEventStateIsAhead:
 * @ident: the stream
 *
 * Any thread. For whoever reads streams that don't wait for each other: whether this one should
 * not be read now, as VIR_OBJECT_EVENT_AHEAD_BYTES of it are queued or it is held. If so, the
 * eventfd becomes readable when that is over. A burst then is as fast as its delivery, and nothing of
 * it need be lost.
 */
bool virObjectEventStateIsAhead(virObjectEventState *state, virDomainIdent *ident);
/* The same for whoever reads all streams from one place: more than @bytes are queued, or a quarter
 * of what may be. */
bool virObjectEventStateIsFull(virObjectEventState *state, size_t bytes);
/* An eventfd of the state's, readable when streams that were found ahead have become less so; made
 * at the first call, by the one thread that asks for streams. -1 with an error reported. */
int virObjectEventStateEasedFD(virObjectEventState *state);
/* Any thread. For an application that passes events on: all that this stream's events go to have
 * enough before them, or no longer. */
void virObjectEventStateSetHeld(virObjectEventState *state, virDomainIdent *ident, bool held);

/**
 * virObjectEventStateSetRate:
 * @perSecond: numbered events of one stream that are delivered in a second; 0: no limit
 * @burst: that may come at once, if fewer came before; 0: as many as in a second
 *
 * Any thread. What is more is lost, and told as all that is; not one by one, but when half of
 * @burst may come again, or after VIR_OBJECT_EVENT_RATE_PAUSE_MS at the latest.
 */
void virObjectEventStateSetRate(virObjectEventState *state, guint64 perSecond, guint64 burst);
#define VIR_OBJECT_EVENT_RATE_PAUSE_MS 1000

/* Whether anybody is registered, so that a producer may spare itself work. Any thread. */
bool virObjectEventStateIsWatched(virObjectEventState *state);
/* The same by kind, of a class whose events have no filter text: bit N is set while somebody is
 * registered for eventID N. Any thread. */
guint64 virObjectEventStateGetKinds(virObjectEventState *state);
/* Of one kind. Any thread. */
bool virObjectEventStateWantsKind(virObjectEventState *state, int eventID);

typedef struct {
    virConnectPtr conn;             /* borrowed; the registration holds a reference */
    const virObjectEventClass *klass;
    int eventID;
    const unsigned char *uuid;      /* borrowed; NULL = every domain */
    virEventFilter *filter;         /* taken on success only; NULL = every name */
    void *cb;
    void *opaque;
    virFreeCallback freecb;         /* for opaque; called once, after the last call of cb */
    bool legacy;                    /* old-style call: found by cb, not by ID */
    int route;                      /* 0, or > 0: gets what was filtered for that route elsewhere;
                                     * uuid and filter count for events of every route only */
} virObjectEventRegistration;

/**
 * virObjectEventStateRegister:
 *
 * Events that were pushed before this call are not delivered to it. The same cb
 * for the same connection, class, eventID and domain without a filter is refused
 * ("event callback already tracked"); with a filter every registration stands alone.
 *
 * Returns the callback ID (from conn->nextCallbackID), or -1 with an error
 * reported: no event loop ("could not initialize domain event timer", as
 * libvirt words it), duplicate. freecb isn't called then.
 */
int virObjectEventStateRegister(virObjectEventState *state,
                                const virObjectEventRegistration *registration);

/**
 * virObjectEventStateDeregister:
 *
 * Once it returns, cb isn't called again from the calling thread; queued events
 * for it are not delivered. freecb runs at once if no delivery is going on, else in
 * the loop's thread when that is over.
 *
 * Returns how many registrations are left on @conn for the same class and
 * eventID, or -1 with VIR_ERR_INVALID_ARG "event callback id N not registered"
 * if @callbackID isn't one of @klass on @conn; nothing changes then.
 */
int virObjectEventStateDeregister(virObjectEventState *state, virConnectPtr conn,
                                  const virObjectEventClass *klass, int callbackID);

/* Takes a registration out that was made only now, because what else it needed failed: as
 * virObjectEventStateDeregister(), but freecb isn't called, and nothing is reported. Its callback
 * has not been called: it was never told to anybody who could push an event for it. */
void virObjectEventStateWithdraw(virObjectEventState *state, virConnectPtr conn, int callbackID);

/* The ID of the old-style registration of @cb, or -1 with an error reported. */
int virObjectEventStateFindLegacy(virObjectEventState *state, virConnectPtr conn,
                                  const virObjectEventClass *klass, int eventID, void *cb);

/* Deregisters all of @conn, as a daemon does when a client goes. */
void virObjectEventStateDeregisterAll(virObjectEventState *state, virConnectPtr conn);

typedef struct {
    size_t registrations;
    size_t queuedEvents, queuedBytes, maxBytes;
    size_t rememberedNames;         /* for which it is known who wants them */
    guint64 filterRuns;             /* filters that had to look at a name */
    guint64 pushed, delivered, lost;
    guint64 limited;                /* of those lost: by the rate */
    guint64 wakeUps;                /* hand-overs to the loop */
} virObjectEventStats;
void virObjectEventStateGetStats(virObjectEventState *state, virObjectEventStats *stats);
/* Events dropped in streams that this registration watches; 0 if unknown. Those of one gap count
 * together: a registration that was made in the middle of one is charged with all of it. */
guint64 virObjectEventStateGetLost(virObjectEventState *state, virConnectPtr conn, int callbackID);

/* The event being delivered by the calling thread, or NULL outside a callback. */
virObjectEvent *virObjectEventCurrent(void);
/* Whose it is; borrowed. */
virObjectEventState *virObjectEventCurrentState(void);
