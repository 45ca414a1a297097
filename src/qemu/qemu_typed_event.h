/*
 * qemu_typed_event.h: libvirt's domain events that follow from QEMU's
 *
 * A table has a row for each event of QEMU's from which one follows. The names and kinds in it are
 * in qemu_typed_events.list too, for others to read; a test compares the two. Knows no domain and
 * asks nothing: what an event does not say itself, the caller brings (qemu_typed_queue.h).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "domain_event.h"
#include "qemu_lifecycle.h"
#include "virjson.h"

/* What is to be asked of QEMU before a row's events can be made. */
typedef enum {
    QEMU_TYPED_ASK_NOTHING,
    QEMU_TYPED_ASK_DISKS,           /* which file is behind a disk */
    QEMU_TYPED_ASK_NODES,           /* ... and behind any node of the block layer */
    QEMU_TYPED_ASK_PORT,            /* what a port of the guest is for */
    QEMU_TYPED_ASK_MIGRATION,       /* how it went */
} qemuTypedEventAsk;

typedef struct _qemuTypedEventMaker qemuTypedEventMaker;

typedef struct {
    const char *name;               /* QEMU's */
    size_t nameLen;
    qemuLifecycleEvent life;        /* what it says of the domain's state */
    bool lifeData;                  /* ... which is in its data */
    const char *lifeWord;           /* ... and only if this word is; NULL: always */
    qemuTypedEventAsk ask;
    guint64 kinds;                  /* the domain events that follow, but for lifecycle events:
                                     * bit N is eventID N */
    void (*make)(qemuTypedEventMaker *maker);       /* NULL: only lifecycle events follow */
} qemuTypedEventRow;

/* What a row's function has to go by. */
struct _qemuTypedEventMaker {
    const qemuTypedEventRow *row;
    const virJSONValue *data;       /* the event's; NULL: it has none, or none that makes sense */
    const virJSONValue *answer;     /* "return" of what was asked; NULL: nothing was, or failed */
    guint64 wanted;                 /* kinds that somebody is registered for */
    bool incoming;                  /* the domain is the other side of a migration */
    GHashTable *commits;            /* names of jobs that commit a disk in use; owned keys */
    GHashTable *agentPorts;         /* IDs of ports that QEMU said are the agent's; likewise */
    virDomainIdent *ident;
    void (*add)(virObjectEvent *event, void *opaque);       /* takes @event */
    void *opaque;
    const char *drift;              /* NULL, or what in the data was not as it should be */
};

/* Disks, or nodes, of which QEMU tells, in its order, that are looked at: more than it has places
 * for. */
#define QEMU_TYPED_EVENT_DISKS_MAX 1024
/* Jobs at a time of which it is kept that they are commits of a disk in use; a QEMU has few. */
#define QEMU_TYPED_EVENT_COMMITS_MAX 64
/* IDs that are kept of ports that are the guest agent's; a guest has one. */
#define QEMU_TYPED_EVENT_PORTS_MAX 16

/* The row for an event of QEMU's, or NULL: none. Cheap: made to be asked for each of many
 * events. */
const qemuTypedEventRow *qemuTypedEventFind(const char *name, size_t len);
/* Whether the domain's state may follow from @data, which has not been parsed (NULL: there is none):
 * so that what a guest can cause without end need not be. */
bool qemuTypedEventIsLife(const qemuTypedEventRow *row, const char *data, size_t len);
/* Row number @i, or NULL behind the last. */
const qemuTypedEventRow *qemuTypedEventGet(size_t i);

/**
 * qemuTypedEventCommand:
 * @row: one that wants something asked
 * @data: the event's data
 *
 * Returns the command to send, to be freed by the caller, or NULL if the event says too little for
 * it.
 */
char *qemuTypedEventCommand(const qemuTypedEventRow *row, const virJSONValue *data);

/* Makes the events that follow. What the data lacks gets a value that libvirt's API allows. */
void qemuTypedEventMake(qemuTypedEventMaker *maker);
