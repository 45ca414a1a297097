/*
 * virstate.h: drivers as a daemon runs them, from its start to its end
 *
 * Not for applications: a process that has called virStateInitialize() opens no connections to
 * other daemons, and only those to its own drivers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <libvirt/libvirt.h>
#include <glib.h>

/* What the events of one domain cost; valid for the call. */
typedef struct {
    const char *name;
    const unsigned char *uuid;
    int id;
    const char *stream;             /* of the connection to its QEMU that there is now; all below is
                                     * this one's */
    size_t queuedBytes;             /* events on their way from QEMU to whoever delivers them */
    size_t relayedBytes;            /* of those that wait for clients, once for all */
    guint64 events;                 /* that came */
    guint64 lost;                   /* of these, dropped before anybody got them */
    guint64 limited;                /* of those, as there were too many in a second */
    guint64 refused;                /* that got this far, but not to one of a daemon's clients or
                                     * another */
    bool held;                      /* it is read slowly, as all who get them have enough to do */
    const char *monitor;            /* path of its socket */
    pid_t pid;                      /* of its process; 0: unknown */
    int state;                      /* virDomainState */
} virStateDomain;
typedef void (*virStateDomainFunc)(const virStateDomain *domain, void *opaque);

/* @monitors: NULL-terminated; absolute paths of monitors' sockets, whose components may be
 * globs. */
typedef struct {
    const char *name;
    int (*stateCheck)(const char *const *monitors);
    int (*stateInitialize)(const char *const *monitors);
    int (*stateReload)(const char *const *monitors);
    void (*stateSetEventRate)(guint64 perSecond, guint64 burst);
    void (*stateForEachDomain)(virStateDomainFunc func, void *opaque);
    void (*stateStop)(void);
    void (*stateCleanup)(void);
} virStateDriver;

/* Whether they could be started with these. Returns 0, or -1 with an error reported. */
int virStateCheck(const char *const *monitors);
/* Starts the drivers, which know the domains that are there when it returns. Once, before the
 * first connection is opened. Returns 0, or -1 with an error reported. */
int virStateInitialize(const char *const *monitors);
/* Goes on with other monitors. Returns 0, or -1 with an error reported and nothing changed. */
int virStateReload(const char *const *monitors);
/* How many events of one domain are delivered in a second (0: all that come), and at once (0: as
 * many as in a second). Any thread. */
void virStateSetEventRate(guint64 perSecond, guint64 burst);
/* All that there are now, in order of their IDs. Any thread; no lock is held in @func. */
void virStateForEachDomain(virStateDomainFunc func, void *opaque);
/* Lets go of all domains, for good: calls that wait for one of them fail. */
void virStateStop(void);
/* The end, once the last connection is closed. */
void virStateCleanup(void);
/* Whether this is a daemon's process. */
bool virStateIsActive(void);
