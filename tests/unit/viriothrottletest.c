/*
 * viriothrottletest.c: reading a descriptor more slowly
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viriothrottle.h"

#include "testutils.h"
#include "virthread.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

typedef struct {
    virIOLoop *io;
    virIOThrottle *throttle;
    virMutex lock;              /* guards the rest */
    virCond cond;
    size_t resumed;
} Fixture;

static void
onResume(void *opaque)
{
    Fixture *f = opaque;
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

    g_assert_false(virIOThrottleIsPaused(f->throttle));
    f->resumed++;
    virCondBroadcast(&f->cond);
}

static void
makeInThread(void *opaque)
{
    Fixture *f = opaque;

    f->throttle = virIOThrottleNew(f->io, onResume, f);
    g_assert_false(virIOThrottleIsPaused(f->throttle));
}

static void
freeInThread(void *opaque)
{
    Fixture *f = opaque;

    g_clear_pointer(&f->throttle, virIOThrottleFree);
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
    f->io = virIOLoopNew("test");
    g_assert_nonnull(f->io);
    virIOLoopInvokeWait(f->io, makeInThread, f);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virIOLoopInvokeWait(f->io, freeInThread, f);
    virIOLoopFree(f->io);
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
}

static size_t
resumed(Fixture *f)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

    return f->resumed;
}

static void
awaitResumed(Fixture *f, size_t n)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    virMutexLock(&f->lock);
    while (f->resumed < n)
        g_assert_true(virCondWaitUntil(&f->cond, &f->lock, deadline));
    virMutexUnlock(&f->lock);
}

static void
useUpInThread(void *opaque)
{
    Fixture *f = opaque;

    /* However much is read of what is wanted. */
    virIOThrottleCount(f->throttle, 10 * VIR_IO_THROTTLE_BYTES);
    g_assert_true(virIOThrottleAsk(f->throttle, true));

    /* A period begins with the first question; another one may begin on a machine that is busy with
     * something else. */
    do {
        g_assert_true(virIOThrottleAsk(f->throttle, false) ||
                      virIOThrottleIsPaused(f->throttle));
        virIOThrottleCount(f->throttle, VIR_IO_THROTTLE_BYTES / 2);
        virIOThrottleCount(f->throttle, VIR_IO_THROTTLE_BYTES / 2);
    } while (virIOThrottleAsk(f->throttle, false));
    g_assert_true(virIOThrottleIsPaused(f->throttle));
}

static void
liftInThread(void *opaque)
{
    Fixture *f = opaque;

    virIOThrottleLift(f->throttle);
    g_assert_false(virIOThrottleIsPaused(f->throttle));
    virIOThrottleLift(f->throttle);
}

/* So much is free; then it is time again with the next period, by itself. */
static void
testPause(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virIOLoopInvokeWait(f->io, useUpInThread, f);
    awaitResumed(f, 1);
    virIOLoopInvokeWait(f->io, useUpInThread, f);
    awaitResumed(f, 2);
    g_assert_cmpuint(resumed(f), ==, 2);
}

static void
askInThread(void *opaque)
{
    Fixture *f = opaque;

    liftInThread(f);
    if (virIOThrottleAsk(f->throttle, false))
        onResume(f);
}

/* Whoever lifts the pause again and again for nothing does not make it longer. */
static void
testLift(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    virIOLoopInvokeWait(f->io, useUpInThread, f);
    virIOLoopInvokeWait(f->io, liftInThread, f);
    do {
        virIOLoopInvokeWait(f->io, askInThread, f);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    } while (resumed(f) == 0);
}

/* It is freed while it is paused. */
static void
testFree(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virIOLoopInvokeWait(f->io, useUpInThread, f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/util/io-throttle/pause", Fixture, NULL, setUp, testPause, tearDown);
    g_test_add("/util/io-throttle/lift", Fixture, NULL, setUp, testLift, tearDown);
    g_test_add("/util/io-throttle/free", Fixture, NULL, setUp, testFree, tearDown);
    return testRunCountingFds();
}
