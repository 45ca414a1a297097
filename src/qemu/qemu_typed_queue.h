/*
 * qemu_typed_queue.h: the domain events of one domain, in order, though some wait for an answer
 * of its QEMU
 *
 * What QEMU's event says does not always name a disk's file or a port's purpose, which libvirt's
 * event has. Then QEMU is asked, and the domain events behind it wait for the answer. Monitor
 * events don't wait. Which events follow from which is in qemu_typed_event.h.
 *
 * All of it is for the I/O thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_monitor.h"
#include "qemu_typed_event.h"

/* Events of one domain that wait; when one more comes, the first doesn't any longer. A guest whose
 * disk fails can cause them faster than QEMU answers. */
#define QEMU_TYPED_QUEUE_MAX 64
/* How long QEMU's answer about its disks, or its nodes, holds: disks that fail without end don't
 * make it be asked for each time. */
#define QEMU_TYPED_QUEUE_DISKS_US G_USEC_PER_SEC
/* Bytes of an event's data, and of an answer, that are looked at: QEMU's own are shorter, some
 * 500 bytes, 2 KiB about a migration, and about 1.5 KiB for each disk. Others count as missing. Each
 * two bytes may cost 150 once they are parsed, so that what waits can hold 80 MB with its answers,
 * and the answers about disks and nodes, of which there is one each, 40. */
#define QEMU_TYPED_QUEUE_DATA_MAX (8 * 1024)
#define QEMU_TYPED_QUEUE_DISKS_MAX (512 * 1024)

typedef struct _qemuTypedQueue qemuTypedQueue;

/* @mon: who is asked (a reference is added); @ident: whose events they are (likewise). */
qemuTypedQueue *qemuTypedQueueNew(qemuMonitor *mon, virDomainIdent *ident);
/* What waits is gone. */
void qemuTypedQueueFree(qemuTypedQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuTypedQueue, qemuTypedQueueFree)

/* Where events go when it is their turn. Takes @event. */
typedef void (*qemuTypedQueueFunc)(virObjectEvent *event, void *opaque);

/* The data of an event with @row, to be freed by the caller; NULL if it has none, or what it has
 * makes no sense, which is logged. No error reported. */
virJSONValue *qemuTypedQueueParse(qemuTypedQueue *queue, const qemuTypedEventRow *row,
                                  const char *data, size_t len);

/**
 * qemuTypedQueueHandle:
 * @row: of an event that QEMU has sent
 * @data: its data (takes it)
 * @wanted: kinds of events that somebody is registered for
 * @incoming: the domain is the other side of a migration
 * @func, @opaque: where the events go; valid as long as the monitor is open
 */
void qemuTypedQueueHandle(qemuTypedQueue *queue, const qemuTypedEventRow *row, virJSONValue *data,
                          guint64 wanted, bool incoming, qemuTypedQueueFunc func, void *opaque);
/* The same where nobody is registered for what follows: what is kept of earlier ones is not up to
 * date any longer. */
void qemuTypedQueueSkip(qemuTypedQueue *queue, const qemuTypedEventRow *row);
/* Takes @event, which is complete, but behind those that wait. */
void qemuTypedQueueAdd(qemuTypedQueue *queue, virObjectEvent *event, qemuTypedQueueFunc func,
                       void *opaque);
/* Nothing waits any longer; what was not answered counts as unknown. */
void qemuTypedQueueFlush(qemuTypedQueue *queue, qemuTypedQueueFunc func, void *opaque);
