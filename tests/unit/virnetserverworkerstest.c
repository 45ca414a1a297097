/*
 * virnetserverworkerstest.c: threads that are there when they are needed, for everybody
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <pthread.h>
#include <sched.h>

#include "rpcpeer.h"
#include "testutils.h"
#include "virnetserverworkers.h"
#include "virthread.h"

typedef struct {
    virNetServerWorkers *workers;
    size_t threads;             /* of the process, before */
    virMutex lock;              /* guards the rest */
    virCond cond;
    GString *begun;             /* a letter for each job that has begun */
    size_t open;                /* so many jobs may end */
    size_t ended;
    size_t running;
    size_t most;                /* that ran at once */
} fixture;

typedef struct {
    fixture *fix;
    char name;
    bool waits;                 /* until the gate is opened for it */
} job;

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virMutexInit(&fix->lock);
    virCondInit(&fix->cond);
    fix->begun = g_string_new(NULL);
    fix->threads = testCountThreads();
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetServerWorkersFree(fix->workers);
    g_assert_cmpuint(testCountThreads(), ==, fix->threads);
    g_string_free(fix->begun, TRUE);
    virCondDestroy(&fix->cond);
    virMutexDestroy(&fix->lock);
}

static void
runJob(void *opaque)
{
    job *what = opaque;
    fixture *fix = what->fix;

    virMutexLock(&fix->lock);
    g_string_append_c(fix->begun, what->name);
    fix->running++;
    fix->most = MAX(fix->most, fix->running);
    virCondBroadcast(&fix->cond);
    while (what->waits && fix->open == 0)
        virCondWait(&fix->cond, &fix->lock);
    if (what->waits)
        fix->open--;
    fix->running--;
    fix->ended++;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
    g_free(what);
}

static void
push(fixture *fix, virNetServerWorkersOwner *owner, char name, bool priority, bool waits)
{
    job *what = g_new0(job, 1);

    what->fix = fix;
    what->name = name;
    what->waits = waits;
    virNetServerWorkersPush(owner, priority, runJob, what);
}

static void
openGate(fixture *fix, size_t n)
{
    virMutexLock(&fix->lock);
    fix->open += n;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

static void
awaitEnded(fixture *fix, size_t n)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;

    virMutexLock(&fix->lock);
    while (fix->ended < n)
        g_assert_true(virCondWaitUntil(&fix->cond, &fix->lock, deadline));
    virMutexUnlock(&fix->lock);
}

static void
awaitBegun(fixture *fix, size_t n)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;

    virMutexLock(&fix->lock);
    while (fix->begun->len < n)
        g_assert_true(virCondWaitUntil(&fix->cond, &fix->lock, deadline));
    virMutexUnlock(&fix->lock);
}

/* A thread ends, or stops being busy, a little after its job. */
static void
awaitThreads(fixture *fix, size_t threads)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;
    virNetServerWorkersStats stats;

    do {
        sched_yield();
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        virNetServerWorkersGetStats(fix->workers, &stats);
    } while (stats.threads != threads || stats.busy != 0);
}

static char *
begun(fixture *fix)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    return g_strdup(fix->begun->str);
}

static void
testElastic(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerWorkersOwner) one = NULL;
    g_autoptr(virNetServerWorkersOwner) other = NULL;
    virNetServerWorkersStats stats;
    int i;

    fix->workers = virNetServerWorkersNew(4, 0);
    one = virNetServerWorkersOwnerNew(fix->workers);
    other = virNetServerWorkersOwnerNew(fix->workers);
    g_assert_cmpuint(testCountThreads(), ==, fix->threads);     /* none before there is a job */

    /* Both jobs of one need a thread each, although the first may not run yet. */
    push(fix, one, 'a', false, true);
    push(fix, one, 'b', false, true);
    awaitBegun(fix, 2);
    virNetServerWorkersGetStats(fix->workers, &stats);
    g_assert_cmpuint(stats.threads, ==, 2);
    g_assert_cmpuint(stats.busy, ==, 2);
    g_assert_cmpuint(stats.waiting, ==, 0);

    for (i = 0; i < 10; i++)
        push(fix, other, 'c', false, true);
    awaitBegun(fix, 4);
    virNetServerWorkersGetStats(fix->workers, &stats);
    g_assert_cmpuint(stats.threads, ==, 4);
    g_assert_cmpuint(stats.waiting, ==, 8);
    openGate(fix, 12);
    awaitEnded(fix, 12);
    g_assert_cmpuint(fix->most, <=, 4);
}

static void
testOrder(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerWorkersOwner) owner = NULL;
    g_autofree char *have = NULL;
    char name;

    fix->workers = virNetServerWorkersNew(1, 0);
    owner = virNetServerWorkersOwnerNew(fix->workers);
    push(fix, owner, '0', false, true);
    awaitBegun(fix, 1);
    for (name = 'a'; name <= 'f'; name++)
        push(fix, owner, name, false, false);
    push(fix, owner, 'P', true, false);         /* goes first of those that wait */
    openGate(fix, 1);
    awaitEnded(fix, 8);
    have = begun(fix);
    g_assert_cmpstr(have, ==, "0Pabcdef");
}

/* Hung jobs of one leave threads to others, and whoever has fewer running goes first. */
static void
testShare(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerWorkersOwner) greedy = NULL;
    g_autoptr(virNetServerWorkersOwner) modest = NULL;
    g_autofree char *have = NULL;
    virNetServerWorkersStats stats;
    int i;

    fix->workers = virNetServerWorkersNew(4, 0);
    greedy = virNetServerWorkersOwnerNew(fix->workers);
    modest = virNetServerWorkersOwnerNew(fix->workers);
    for (i = 0; i < 20; i++)
        push(fix, greedy, 'g', false, true);
    awaitBegun(fix, 2);
    for (i = 0; i < 5; i++)
        push(fix, modest, 'm', false, false);
    awaitEnded(fix, 5);
    have = begun(fix);
    g_assert_cmpstr(have, ==, "ggmmmmm");       /* half of four, and no more */
    virNetServerWorkersGetStats(fix->workers, &stats);
    g_assert_cmpuint(stats.waiting, ==, 18);
    openGate(fix, 20);
    awaitEnded(fix, 25);
}

static void
testPriority(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerWorkersOwner) one = NULL;
    g_autoptr(virNetServerWorkersOwner) other = NULL;
    int i;

    fix->workers = virNetServerWorkersNew(2, 2);
    one = virNetServerWorkersOwnerNew(fix->workers);
    other = virNetServerWorkersOwnerNew(fix->workers);
    for (i = 0; i < 5; i++) {
        push(fix, one, 'a', false, true);
        push(fix, other, 'b', false, true);
    }
    awaitBegun(fix, 2);
    /* All others are busy. */
    push(fix, one, 'P', true, false);
    awaitEnded(fix, 1);
    push(fix, other, 'P', true, false);
    awaitEnded(fix, 2);
    openGate(fix, 10);
    awaitEnded(fix, 12);
}

/* Threads are idle, but its owner has as many as it may have. */
static void
testPriorityBeyondShare(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerWorkersOwner) greedy = NULL;
    g_autoptr(virNetServerWorkersOwner) modest = NULL;

    fix->workers = virNetServerWorkersNew(4, 1);
    greedy = virNetServerWorkersOwnerNew(fix->workers);
    modest = virNetServerWorkersOwnerNew(fix->workers);
    push(fix, greedy, 'g', false, true);
    push(fix, greedy, 'g', false, true);
    push(fix, modest, 'm', false, false);
    awaitBegun(fix, 3);
    awaitEnded(fix, 1);
    push(fix, greedy, 'P', true, false);
    awaitEnded(fix, 2);
    openGate(fix, 2);
    awaitEnded(fix, 4);
}

static void
testChangedMax(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetServerWorkersOwner *owners[8];
    virNetServerWorkersStats stats;
    size_t i;

    fix->workers = virNetServerWorkersNew(1, 0);
    for (i = 0; i < G_N_ELEMENTS(owners); i++) {
        owners[i] = virNetServerWorkersOwnerNew(fix->workers);
        push(fix, owners[i], 'a', false, true);
    }
    awaitBegun(fix, 1);
    virNetServerWorkersGetStats(fix->workers, &stats);
    g_assert_cmpuint(stats.threads, ==, 1);
    virNetServerWorkersSetMax(fix->workers, 8, 0);
    awaitBegun(fix, 8);
    virNetServerWorkersSetMax(fix->workers, 1, 0);
    openGate(fix, 8);
    awaitEnded(fix, 8);
    for (i = 0; i < G_N_ELEMENTS(owners); i++)
        push(fix, owners[i], 'b', false, false);
    awaitEnded(fix, 16);
    awaitThreads(fix, 1);
    for (i = 0; i < G_N_ELEMENTS(owners); i++)
        virNetServerWorkersOwnerFree(owners[i]);
}

/* Owners that come and go while jobs of theirs are just ending. */
static void
testOwners(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    size_t i;

    fix->workers = virNetServerWorkersNew(4, 2);
    for (i = 1; i <= 2000; i++) {
        virNetServerWorkersOwner *owner = virNetServerWorkersOwnerNew(fix->workers);

        push(fix, owner, 'a', i % 3 == 0, false);
        awaitEnded(fix, i);
        virNetServerWorkersOwnerFree(owner);
    }
}

static void
testFreeWithJobs(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerWorkersOwner) owner = NULL;
    int i;

    fix->workers = virNetServerWorkersNew(2, 1);
    owner = virNetServerWorkersOwnerNew(fix->workers);
    for (i = 0; i < 100; i++)
        push(fix, owner, 'a', i % 2 == 0, false);
    awaitBegun(fix, 1);
    /* All have run when it returns; an owner is freed before its workers. */
    awaitEnded(fix, 100);
    virNetServerWorkersOwnerFree(g_steal_pointer(&owner));
    virNetServerWorkersFree(g_steal_pointer(&fix->workers));
    g_assert_cmpuint(fix->ended, ==, 100);
}

#define ADD(path, func) g_test_add("/netserverworkers/" path, fixture, NULL, setUp, func, tearDown)

static void *
doNothing(void *opaque)
{
    return opaque;
}

int
main(int argc, char **argv)
{
    pthread_t thread;

    g_test_init(&argc, &argv, NULL);
    /* With the first thread the thread sanitizer starts one of its own. */
    g_assert_cmpint(pthread_create(&thread, NULL, doNothing, NULL), ==, 0);
    pthread_join(thread, NULL);
    ADD("elastic", testElastic);
    ADD("order", testOrder);
    ADD("share", testShare);
    ADD("priority", testPriority);
    ADD("priority-beyond-share", testPriorityBeyondShare);
    ADD("changed-max", testChangedMax);
    ADD("owners", testOwners);
    ADD("free-with-jobs", testFreeWithJobs);
    return testRunCountingFds();
}
