/*
 * domain_ident.h: which domain, and which stream of it, an event belongs to
 *
 * Immutable but for counters and what the queue keeps here, and shared by all
 * events of one stream (one connection to one QEMU). Not the domain itself:
 * that may be gone by the time the event is delivered.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <libvirt/libvirt.h>
#include <glib.h>

/* A run of events of one stream that were dropped at one place. */
typedef struct {
    guint64 count;                  /* 0: nothing lost */
    guint64 from, to;               /* stream numbers of the first and the last of them */
    gint64 firstSeconds, lastSeconds;           /* QEMU's own times; -1: it gave none */
    guint32 firstMicros, lastMicros;
} virEventGap;

typedef struct _virDomainIdent virDomainIdent;
struct _virDomainIdent {
    atomic_uint refs;
    unsigned char uuid[VIR_UUID_BUFLEN];
    int id;
    char stream[VIR_UUID_STRING_BUFLEN];        /* random, new with each connection */
    bool relayed;                   /* its events come from a daemon, which tells no numbers: those
                                     * they have here count messages */
    atomic_ullong lost;             /* events of this stream dropped so far, for all readers */
    atomic_ullong limited;          /* of these, because there were too many in a second */
    atomic_ullong pushed;           /* events of it that came, dropped ones included */
    atomic_size_t relayedBytes;     /* what waits, encoded, for whoever its events are passed on to;
                                     * theirs to count */
    atomic_ullong refused;          /* that whoever passes them on has not got to one reader or
                                     * another; theirs to count */

    /* These belong to object_event.c; all but the first three are guarded by the queue's lock. */
    atomic_size_t queuedBytes;      /* what this stream holds of the queue */
    atomic_bool held;               /* whoever its events are passed on to has enough to do */
    atomic_bool awaited;            /* whoever produces them waits for them to be delivered */
    gint64 rateTime;                /* nanoseconds of CLOCK_MONOTONIC: when events that came evenly,
                                     * as many a second as may, would have come to as many as did */
    virEventGap gap;                /* since the queue was last emptied */
    gint64 gapDue;                  /* it goes on until then, in microseconds of CLOCK_MONOTONIC,
                                     * and is told; 0: until the queue is next emptied */
    const void *gapClass;           /* class of the events in it */
    guint64 gapSerial;              /* order of arrival of the last of them */
    virDomainIdent *nextGap;        /* idents with a gap, in order of their first loss */

    size_t nameLen;
    char name[];
};

/* Returns a new reference; the stream identifier is made here. */
virDomainIdent *virDomainIdentNew(const char *name, const unsigned char *uuid, int id);
virDomainIdent *virDomainIdentRef(virDomainIdent *ident);
void virDomainIdentUnref(virDomainIdent *ident);
/* Releases @count references at once: threads that look at the same stream's events have the
 * counter's cache line in common. With 0, @ident may be NULL. */
void virDomainIdentUnrefMany(virDomainIdent *ident, unsigned int count);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainIdent, virDomainIdentUnref)
