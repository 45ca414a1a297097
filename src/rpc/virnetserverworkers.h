/*
 * virnetserverworkers.h: threads for calls that may block
 *
 * As many as are needed, up to a limit; those that have nothing to do end. Fair: whoever has
 * fewer jobs running is served first, and nobody may have more than a share of the threads, so
 * that hung calls of one leave the rest to all others.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

typedef struct _virNetServerWorkers virNetServerWorkers;
/* Who gives jobs; counts what runs for it. */
typedef struct _virNetServerWorkersOwner virNetServerWorkersOwner;

/* Runs in a worker thread. */
typedef void (*virNetServerWorkersFunc)(void *opaque);

/* Any thread for all. */
virNetServerWorkers *virNetServerWorkersNew(unsigned int max, unsigned int priority);
/* Waits for all jobs, those that haven't begun included, and ends the threads. No job may come
 * after that. */
void virNetServerWorkersStop(virNetServerWorkers *workers);
/* Stops first; all owners must be gone. */
void virNetServerWorkersFree(virNetServerWorkers *workers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetServerWorkers, virNetServerWorkersFree)
/* Fewer than there are: the surplus ends with its jobs. */
void virNetServerWorkersSetMax(virNetServerWorkers *workers, unsigned int max,
                               unsigned int priority);

virNetServerWorkersOwner *virNetServerWorkersOwnerNew(virNetServerWorkers *workers);
/* When none of its jobs waits; one that runs may just be ending. */
void virNetServerWorkersOwnerFree(virNetServerWorkersOwner *owner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetServerWorkersOwner, virNetServerWorkersOwnerFree)

/* Runs @func as soon as there is a thread for it; jobs of one owner begin in order, but several
 * may run at once. A @priority job may use the threads that are kept for such. If not even the
 * first thread can be started, it runs in the caller's. */
void virNetServerWorkersPush(virNetServerWorkersOwner *owner, bool priority,
                             virNetServerWorkersFunc func, void *opaque);

typedef struct {
    size_t threads;
    size_t busy;
    size_t waiting;
} virNetServerWorkersStats;
void virNetServerWorkersGetStats(virNetServerWorkers *workers, virNetServerWorkersStats *stats);
