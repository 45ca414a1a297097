/*
 * virnetserverworkers.c: threads for calls that may block
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetserverworkers.h"

#include <signal.h>

#include "virlog.h"
#include "virthread.h"

VIR_LOG_INIT("rpc.netserverworkers");

/* How long a thread that has nothing to do waits before it ends: longer than the pause between
 * two calls of somebody at a keyboard. */
#define VIR_NET_SERVER_WORKERS_IDLE (10 * G_USEC_PER_SEC)

/* Both kinds of threads: any job, and priority jobs only. */
typedef enum {
    VIR_NET_SERVER_WORKERS_ANY,
    VIR_NET_SERVER_WORKERS_PRIORITY,
    VIR_NET_SERVER_WORKERS_LAST
} virNetServerWorkersKind;

typedef struct {
    virNetServerWorkersFunc func;
    void *opaque;
} virNetServerWorkersJob;

typedef struct {
    virNetServerWorkers *workers;
    virNetServerWorkersKind kind;
    pthread_t thread;
} virNetServerWorker;

/* Of one kind of threads; guarded by the lock. */
typedef struct {
    unsigned int max;
    unsigned int threads;
    unsigned int idle;          /* of these, waiting for a job */
    virCond wake;
} virNetServerWorkersPool;

struct _virNetServerWorkers {
    virMutex lock;              /* guards all below, and every owner */
    virNetServerWorkersPool pools[VIR_NET_SERVER_WORKERS_LAST];
    GQueue waiting;             /* owners that have jobs waiting; who was served last is last */
    size_t nwaiting;            /* jobs of all of them */
    size_t npriority;           /* of these, priority jobs */
    size_t busy;
    bool quit;
    GPtrArray *ended;           /* workers whose thread has ended, or is about to */
    virCond drained;            /* a thread has ended */
};

struct _virNetServerWorkersOwner {
    virNetServerWorkers *workers;
    GList link;                 /* in the owners that wait, if it has jobs */
    GQueue jobs[2];             /* virNetServerWorkersJob in order; [1]: priority */
    unsigned int running[VIR_NET_SERVER_WORKERS_LAST];  /* by the kind of thread */
    bool released;              /* goes with the last of these */
};

/* How many threads of a kind one owner may have. */
static unsigned int
virNetServerWorkersShare(const virNetServerWorkersPool *pool)
{
    return MAX(pool->max / 2, 1);
}

virNetServerWorkers *
virNetServerWorkersNew(unsigned int max, unsigned int priority)
{
    virNetServerWorkers *workers = g_new0(virNetServerWorkers, 1);
    int kind;

    virMutexInit(&workers->lock);
    virCondInit(&workers->drained);
    for (kind = 0; kind < VIR_NET_SERVER_WORKERS_LAST; kind++)
        virCondInit(&workers->pools[kind].wake);
    workers->pools[VIR_NET_SERVER_WORKERS_ANY].max = MAX(max, 1);
    workers->pools[VIR_NET_SERVER_WORKERS_PRIORITY].max = priority;
    g_queue_init(&workers->waiting);
    workers->ended = g_ptr_array_new();
    return workers;
}

/* Joins threads that have ended; they hold no lock any more, so it doesn't take long. */
static void
virNetServerWorkersReap(GPtrArray *ended)
{
    guint i;

    for (i = 0; i < ended->len; i++) {
        virNetServerWorker *worker = g_ptr_array_index(ended, i);

        pthread_join(worker->thread, NULL);
        g_free(worker);
    }
    g_ptr_array_unref(ended);
}

void
virNetServerWorkersStop(virNetServerWorkers *workers)
{
    GPtrArray *ended;
    int kind;

    virMutexLock(&workers->lock);
    workers->quit = true;
    for (kind = 0; kind < VIR_NET_SERVER_WORKERS_LAST; kind++)
        virCondBroadcast(&workers->pools[kind].wake);
    while (workers->pools[VIR_NET_SERVER_WORKERS_ANY].threads > 0 ||
           workers->pools[VIR_NET_SERVER_WORKERS_PRIORITY].threads > 0)
        virCondWait(&workers->drained, &workers->lock);
    g_assert(workers->nwaiting == 0);
    ended = workers->ended;
    workers->ended = g_ptr_array_new();
    virMutexUnlock(&workers->lock);
    virNetServerWorkersReap(ended);
}

void
virNetServerWorkersFree(virNetServerWorkers *workers)
{
    int kind;

    if (!workers)
        return;
    virNetServerWorkersStop(workers);
    g_ptr_array_unref(workers->ended);
    for (kind = 0; kind < VIR_NET_SERVER_WORKERS_LAST; kind++)
        virCondDestroy(&workers->pools[kind].wake);
    virCondDestroy(&workers->drained);
    virMutexDestroy(&workers->lock);
    g_free(workers);
}

virNetServerWorkersOwner *
virNetServerWorkersOwnerNew(virNetServerWorkers *workers)
{
    virNetServerWorkersOwner *owner = g_new0(virNetServerWorkersOwner, 1);

    owner->workers = workers;
    owner->link.data = owner;
    g_queue_init(&owner->jobs[false]);
    g_queue_init(&owner->jobs[true]);
    return owner;
}

static unsigned int
virNetServerWorkersOwnerWaiting(virNetServerWorkersOwner *owner)
{
    return g_queue_get_length(&owner->jobs[false]) + g_queue_get_length(&owner->jobs[true]);
}

/* With the lock held. */
static void
virNetServerWorkersOwnerDrop(virNetServerWorkersOwner *owner)
{
    if (owner->released && owner->running[VIR_NET_SERVER_WORKERS_ANY] == 0 &&
        owner->running[VIR_NET_SERVER_WORKERS_PRIORITY] == 0)
        g_free(owner);
}

void
virNetServerWorkersOwnerFree(virNetServerWorkersOwner *owner)
{
    virNetServerWorkers *workers;

    if (!owner)
        return;
    workers = owner->workers;
    virMutexLock(&workers->lock);
    g_assert(virNetServerWorkersOwnerWaiting(owner) == 0);
    owner->released = true;
    virNetServerWorkersOwnerDrop(owner);
    virMutexUnlock(&workers->lock);
}

/* Of those who may have another thread of that kind, the one with the fewest, and of equals who
 * waits longest; NULL: nobody. */
static virNetServerWorkersOwner *
virNetServerWorkersChoose(virNetServerWorkers *workers, virNetServerWorkersKind kind)
{
    unsigned int fewest = virNetServerWorkersShare(&workers->pools[kind]);
    virNetServerWorkersOwner *best = NULL;
    GList *link;

    if (kind == VIR_NET_SERVER_WORKERS_PRIORITY && workers->npriority == 0)
        return NULL;
    for (link = workers->waiting.head; link && fewest > 0; link = link->next) {
        virNetServerWorkersOwner *owner = link->data;

        if (owner->running[kind] < fewest &&
            (kind == VIR_NET_SERVER_WORKERS_ANY || !g_queue_is_empty(&owner->jobs[true]))) {
            best = owner;
            fewest = owner->running[kind];
        }
    }
    return best;
}

static virNetServerWorkersJob *
virNetServerWorkersPop(virNetServerWorkers *workers, virNetServerWorkersOwner *owner)
{
    bool priority = !g_queue_is_empty(&owner->jobs[true]);
    virNetServerWorkersJob *job = g_queue_pop_head(&owner->jobs[priority]);

    workers->nwaiting--;
    if (priority)
        workers->npriority--;
    g_queue_unlink(&workers->waiting, &owner->link);
    if (virNetServerWorkersOwnerWaiting(owner) > 0)
        g_queue_push_tail_link(&workers->waiting, &owner->link);
    return job;
}

/* Returns whether the thread goes on: not when there are too many, or it had nothing to do for
 * long. */
static bool
virNetServerWorkersWait(virNetServerWorkers *workers, virNetServerWorkersPool *pool)
{
    bool woken;

    if (workers->quit || pool->threads > pool->max)
        return false;
    pool->idle++;
    woken = virCondWaitUntil(&pool->wake, &workers->lock,
                             g_get_monotonic_time() + VIR_NET_SERVER_WORKERS_IDLE);
    pool->idle--;
    return woken || workers->nwaiting > 0;
}

static void *
virNetServerWorkersThread(void *opaque)
{
    virNetServerWorker *worker = opaque;
    virNetServerWorkers *workers = worker->workers;
    virNetServerWorkersKind kind = worker->kind;
    virNetServerWorkersPool *pool = &workers->pools[kind];

    virMutexLock(&workers->lock);
    pthread_setname_np(pthread_self(), kind == VIR_NET_SERVER_WORKERS_ANY ? "virtmon-worker"
                                                                          : "virtmon-prio");
    for (;;) {
        virNetServerWorkersOwner *owner = NULL;
        virNetServerWorkersJob *job;

        if (pool->threads <= pool->max || workers->quit)
            owner = virNetServerWorkersChoose(workers, kind);
        if (!owner) {
            if (!virNetServerWorkersWait(workers, pool))
                break;
            continue;
        }
        job = virNetServerWorkersPop(workers, owner);
        owner->running[kind]++;
        workers->busy++;
        virMutexUnlock(&workers->lock);

        job->func(job->opaque);
        g_free(job);

        virMutexLock(&workers->lock);
        workers->busy--;
        owner->running[kind]--;
        virNetServerWorkersOwnerDrop(owner);
    }
    pool->threads--;
    g_ptr_array_add(workers->ended, worker);
    virCondSignal(&workers->drained);
    virMutexUnlock(&workers->lock);
    return NULL;
}

typedef enum {
    VIR_NET_SERVER_WORKERS_LOOKS,       /* a thread without a job looks for one */
    VIR_NET_SERVER_WORKERS_BUSY,        /* all that there may be have one */
    VIR_NET_SERVER_WORKERS_NONE,        /* there is none, and none can be had */
} virNetServerWorkersAwake;

/* With the lock held. @waiting: how many jobs threads of that kind could take. */
static virNetServerWorkersAwake
virNetServerWorkersWake(virNetServerWorkers *workers, virNetServerWorkersKind kind,
                        size_t waiting)
{
    virNetServerWorkersPool *pool = &workers->pools[kind];
    virNetServerWorker *worker;
    sigset_t all;
    sigset_t old;
    int rc;

    /* One that was woken for an earlier job still counts as idle until it runs. */
    if (waiting <= pool->idle || pool->threads >= pool->max) {
        virCondSignal(&pool->wake);
        return waiting <= pool->idle ? VIR_NET_SERVER_WORKERS_LOOKS : VIR_NET_SERVER_WORKERS_BUSY;
    }
    worker = g_new0(virNetServerWorker, 1);
    worker->workers = workers;
    worker->kind = kind;
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&worker->thread, NULL, virNetServerWorkersThread, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        VIR_WARN("cannot start a worker thread, there are %u: %s", pool->threads,
                 g_strerror(rc));
        g_free(worker);
        virCondSignal(&pool->wake);
        return pool->threads > 0 ? VIR_NET_SERVER_WORKERS_BUSY : VIR_NET_SERVER_WORKERS_NONE;
    }
    pool->threads++;
    return VIR_NET_SERVER_WORKERS_LOOKS;
}

void
virNetServerWorkersPush(virNetServerWorkersOwner *owner, bool priority,
                        virNetServerWorkersFunc func, void *opaque)
{
    virNetServerWorkers *workers = owner->workers;
    virNetServerWorkersPool *any = &workers->pools[VIR_NET_SERVER_WORKERS_ANY];
    virNetServerWorkersJob *job = g_new(virNetServerWorkersJob, 1);
    virNetServerWorkersAwake awake;
    GPtrArray *ended = NULL;

    job->func = func;
    job->opaque = opaque;

    virMutexLock(&workers->lock);
    if (virNetServerWorkersOwnerWaiting(owner) == 0)
        g_queue_push_tail_link(&workers->waiting, &owner->link);
    g_queue_push_tail(&owner->jobs[priority], job);
    workers->nwaiting++;
    awake = virNetServerWorkersWake(workers, VIR_NET_SERVER_WORKERS_ANY, workers->nwaiting);
    if (priority) {
        workers->npriority++;
        /* If all others are busy, or none of those that aren't may take it. */
        if (awake != VIR_NET_SERVER_WORKERS_LOOKS ||
            owner->running[VIR_NET_SERVER_WORKERS_ANY] + virNetServerWorkersOwnerWaiting(owner) >
            virNetServerWorkersShare(any))
            virNetServerWorkersWake(workers, VIR_NET_SERVER_WORKERS_PRIORITY,
                                    workers->npriority);
    }
    if (awake == VIR_NET_SERVER_WORKERS_NONE)
        job = virNetServerWorkersPop(workers, owner);
    if (workers->ended->len > 0) {
        ended = workers->ended;
        workers->ended = g_ptr_array_new();
    }
    virMutexUnlock(&workers->lock);

    if (awake == VIR_NET_SERVER_WORKERS_NONE) {
        job->func(job->opaque);
        g_free(job);
    }
    if (ended)
        virNetServerWorkersReap(ended);
}

void
virNetServerWorkersSetMax(virNetServerWorkers *workers, unsigned int max, unsigned int priority)
{
    int kind;

    virMutexLock(&workers->lock);
    workers->pools[VIR_NET_SERVER_WORKERS_ANY].max = MAX(max, 1);
    workers->pools[VIR_NET_SERVER_WORKERS_PRIORITY].max = priority;
    /* More of them may be needed now, or fewer. */
    for (kind = 0; kind < VIR_NET_SERVER_WORKERS_LAST; kind++) {
        size_t waiting = kind == VIR_NET_SERVER_WORKERS_ANY ? workers->nwaiting
                                                            : workers->npriority;
        virNetServerWorkersPool *pool = &workers->pools[kind];
        size_t i;

        for (i = 0; i < waiting && pool->threads < pool->max; i++)
            virNetServerWorkersWake(workers, kind, waiting);
        virCondBroadcast(&pool->wake);
    }
    virMutexUnlock(&workers->lock);
}

void
virNetServerWorkersGetStats(virNetServerWorkers *workers, virNetServerWorkersStats *stats)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&workers->lock);

    stats->threads = workers->pools[VIR_NET_SERVER_WORKERS_ANY].threads +
        workers->pools[VIR_NET_SERVER_WORKERS_PRIORITY].threads;
    stats->busy = workers->busy;
    stats->waiting = workers->nwaiting;
}
