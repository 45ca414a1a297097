/*
 * qemu_domain.h: what the driver keeps of one domain, and what becomes of its
 * events
 *
 * From the moment that its QEMU is known until its connection ends. How it was
 * found, and what callers do with it, is elsewhere.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "domain_event.h"
#include "domain_list.h"
#include "qemu_identify.h"
#include "qemu_lifecycle.h"
#include "qemu_metadata.h"
#include "qemu_monitor.h"
#include "qemu_typed_queue.h"

/* Events on their way to the state that delivers them, collected over one turn of the I/O
 * thread. Belongs to that thread. */
typedef struct {
    virObjectEventState *state;
    virObjectEventBatch batch;
    GPtrArray *paused;              /* virDomainObj: those whose monitors aren't read until their
                                     * streams are delivered; a reference each */
} qemuEventSink;

/* Events collected before they are handed over although the turn isn't over: what thousands of
 * full sockets hold is not to be kept at once. */
#define QEMU_EVENT_SINK_MAX 1024

/* Takes @event. */
void qemuEventSinkAdd(qemuEventSink *sink, virObjectEvent *event);
void qemuEventSinkFlush(qemuEventSink *sink);
/* Streams have been delivered: those that were paused may go on, or pause again. */
void qemuEventSinkResume(qemuEventSink *sink);

/* An event as it was read, before it is known or decided whose it is. */
typedef struct {
    guint64 number;                 /* within the stream, from 1 */
    const char *name;
    size_t nameLen;
    const char *data;
    size_t dataLen;
    gint64 seconds;
    guint32 micros;
    gint64 received;                /* microseconds since the epoch, UTC */
} qemuDomainEvent;

typedef struct _qemuDomain qemuDomain;
struct _qemuDomain {
    qemuMonitor *mon;               /* a reference; immutable, as all down to @metadata */
    char *path;                     /* of its socket */
    pid_t pid;                      /* of QEMU; 0: unknown */
    guint64 pidStart;               /* so that a reused number is found out */
    unsigned long version;
    char *target;                   /* QEMU's name for the architecture, or NULL */
    bool kvm;
    qemuMetadata *metadata;         /* has a lock of its own */
    qemuLifecycle life;             /* I/O thread's own, as the next; others read virDomainObj */
    bool paused;                    /* its monitor, and a sink knows it */
    qemuTypedQueue *typed;          /* likewise */
    atomic_bool destroying;         /* a caller has asked for the end */
    atomic_bool suspending;         /* a caller has asked for a pause: the next stop is that */
    virMutex lock;                  /* guards the rest */
    virCond changed;                /* @ended or @agentBusy */
    bool ended;
    bool agentBusy;                 /* a caller is talking to the guest agent */
    int agentFd;                    /* ... over this; -1: not yet, or not any more */
};

/**
 * qemuDomainNew:
 * @name, @uuid, @id: what it is to be called; unique (borrowed)
 * @mon: its monitor (a reference is added)
 * @path: of the monitor's socket (borrowed)
 * @pid: of QEMU, or 0
 * @identity: what it said of itself (borrowed)
 * @runningReason: the state's, if it runs
 *
 * Returns a new reference; the qemuDomain is its private data.
 */
virDomainObj *qemuDomainNew(const char *name, const unsigned char *uuid, int id,
                            qemuMonitor *mon, const char *path, pid_t pid,
                            const qemuIdentity *identity, int runningReason);
qemuDomain *qemuDomainGet(virDomainObj *obj);

/* The following five are for the I/O thread. The first queues an event alone; the second also
 * follows the state. */
void qemuDomainRelayEvent(virDomainObj *obj, const qemuDomainEvent *event, qemuEventSink *sink);
void qemuDomainHandleEvent(virDomainObj *obj, const qemuDomainEvent *event, qemuEventSink *sink);
/* Whether its monitor may be read on; if not, it is noted as paused. */
bool qemuDomainMayRead(virDomainObj *obj, qemuEventSink *sink);
void qemuDomainTellGap(virDomainObj *obj, const virEventGap *gap, qemuEventSink *sink);
/* Its connection has ended: sets the state, tells it, wakes who waits for it. @failed: by an error,
 * which is told too, unless a caller has asked for the end. */
void qemuDomainEnd(virDomainObj *obj, bool failed, qemuEventSink *sink);

/* The driver lets go of it, though its QEMU lives on: tells that it is known no longer, and wakes
 * who waits for its end. */
void qemuDomainLetGo(virDomainObj *obj, qemuEventSink *sink);

/* Any thread but the I/O thread. @timeout in milliseconds. Returns whether it has ended. */
bool qemuDomainWaitEnd(virDomainObj *obj, unsigned int timeout);
