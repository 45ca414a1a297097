/*
 * object_event_registry.h: who is registered, and who of them wants an event
 *
 * The second question is answered once for a kind of event, and the answer kept:
 * later registrations are added to it and those that went are dropped from it when
 * it is next asked for. So neither events nor registrations cost more for those
 * that want something else.
 *
 * Not the life of a registration (object_event.c): nothing is called, told or freed
 * here. Everything is guarded by the lock of the state that it belongs to.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "object_event.h"

typedef struct {
    atomic_uint refs;
    atomic_bool gone;               /* taken out: not to be called any more */
    /* These are immutable once it was added. */
    guint64 sequence;               /* order of registration, from 1; given by the registry */
    virConnectPtr conn;             /* a reference, until it is finished */
    int callbackID;
    const virObjectEventClass *klass;
    int eventID;
    int route;                      /* > 0: filtered elsewhere */
    bool scoped;                    /* only events of @uuid */
    unsigned char uuid[VIR_UUID_BUFLEN];
    virEventFilter *filter;         /* its own, until it is finished */
    void *cb;
    void *opaque;
    virFreeCallback freecb;
    bool legacy;
    guint64 since;                  /* events of a lower serial came before */
    atomic_ullong lost;
    bool off;                       /* the registry's: its filter was found to be off */
} virObjectEventReg;

virObjectEventReg *virObjectEventRegRef(virObjectEventReg *reg);
/* Frees only the struct: what it names is given back by whoever finishes it. */
void virObjectEventRegUnref(virObjectEventReg *reg);

typedef struct _virObjectEventRegistry virObjectEventRegistry;
virObjectEventRegistry *virObjectEventRegistryNew(void);
/* Nobody is registered any more. */
void virObjectEventRegistryFree(virObjectEventRegistry *registry);

/* Takes @reg. */
void virObjectEventRegistryAdd(virObjectEventRegistry *registry, virObjectEventReg *reg);
/* Marks @reg as gone and gives the registry's reference to the caller. */
void virObjectEventRegistryRemove(virObjectEventRegistry *registry, virObjectEventReg *reg);
size_t virObjectEventRegistrySize(virObjectEventRegistry *registry);

/* What these return is borrowed; NULL: none. */
virObjectEventReg *virObjectEventRegistryFind(virObjectEventRegistry *registry,
                                              virConnectPtr conn, int callbackID);
/* One without a filter that is the same as @like but for its ID and opaque. */
virObjectEventReg *virObjectEventRegistryFindSame(virObjectEventRegistry *registry,
                                                  const virObjectEventReg *like);
virObjectEventReg *virObjectEventRegistryFindLegacy(virObjectEventRegistry *registry,
                                                    virConnectPtr conn,
                                                    const virObjectEventClass *klass, int eventID,
                                                    void *cb);
/* How many have the connection, class and eventID of @like. */
size_t virObjectEventRegistryCountAlike(virObjectEventRegistry *registry,
                                        const virObjectEventReg *like);
/* Those of @conn (borrowed) in order of registration; the caller frees the array. */
GPtrArray *virObjectEventRegistryGetAll(virObjectEventRegistry *registry, virConnectPtr conn);
/* Calls @func for each that gets events of the domain, whatever their names. */
void virObjectEventRegistryForEach(virObjectEventRegistry *registry, const unsigned char *uuid,
                                   void (*func)(virObjectEventReg *reg, void *opaque),
                                   void *opaque);

/* Those whose filter has given up for good since this was last asked, a reference each; NULL: none.
 * The caller frees the array. */
GPtrArray *virObjectEventRegistryTakeOff(virObjectEventRegistry *registry);

/* Counts up with every change. Any thread, no lock. */
guint64 virObjectEventRegistryGeneration(virObjectEventRegistry *registry);
/* The kinds of events without filter texts that somebody is registered for: bit N is eventID N.
 * Any thread, no lock. */
guint64 virObjectEventRegistryKinds(virObjectEventRegistry *registry);

/* The registrations that want one kind of event. */
typedef struct _virObjectEventMatch virObjectEventMatch;
struct _virObjectEventMatch {
    atomic_uint refs;
    /* The key. */
    const virObjectEventClass *klass;
    int eventID;
    int route;
    guint32 hash;                   /* of @text */
    bool scoped;                    /* they name @uuid; else they name no domain */
    unsigned char uuid[VIR_UUID_BUFLEN];
    size_t textLen;
    char *text;
    /* The answer. */
    GPtrArray *regs;                /* virObjectEventReg, in order; a reference each */
    guint64 generation;             /* of the registry: then it was right */
    guint64 seen;                   /* registrations up to this one were asked */
};
void virObjectEventMatchUnref(virObjectEventMatch *match);

/* Who wants an event: both lists together, by sequence. Either may be NULL. */
typedef struct {
    virObjectEventMatch *anywhere;  /* those that name no domain */
    virObjectEventMatch *here;      /* those that name its domain */
} virObjectEventMatches;

/**
 * virObjectEventRegistryMatch:
 * @event: what is to be delivered
 * @text: what filters look at
 * @len: its length
 * @matches: where the answer goes (new references)
 *
 * One thread at a time, the dispatcher: a list that it holds does not change before it
 * asks again. Some in it may be gone by the time it comes to them.
 */
void virObjectEventRegistryMatch(virObjectEventRegistry *registry, const virObjectEvent *event,
                                 const char *text, size_t len, virObjectEventMatches *matches);
/* Whether any registration names a domain. */
bool virObjectEventRegistryIsScoped(virObjectEventRegistry *registry);

/* For statistics: answers that are kept, and how often a filter was asked. */
size_t virObjectEventRegistryRemembered(virObjectEventRegistry *registry);
guint64 virObjectEventRegistryFilterRuns(virObjectEventRegistry *registry);
