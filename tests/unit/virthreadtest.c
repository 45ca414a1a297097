/*
 * virthreadtest.c: mutexes, condition variables and lock guards
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virthread.h"

#define DEADLINE (20 * G_USEC_PER_SEC)
#define THREADS 4
#define ROUNDS 20000

typedef struct {
    virMutex lock;
    virCond cond;
    unsigned int count;         /* guarded by the lock, as all below */
    unsigned int waiting;
    unsigned int awake;
    bool go;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
}

static void
start(pthread_t *threads, size_t count, void *(*func)(void *), void *opaque)
{
    size_t i;

    for (i = 0; i < count; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, func, opaque), ==, 0);
}

static void
join(pthread_t *threads, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static bool
isLocked(Fixture *f)
{
    if (pthread_mutex_trylock(&f->lock.lock) != 0)
        return true;
    virMutexUnlock(&f->lock);
    return false;
}

static void *
count(void *opaque)
{
    Fixture *f = opaque;
    unsigned int i;

    for (i = 0; i < ROUNDS; i++) {
        g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

        f->count++;
    }
    return NULL;
}

static void
testMutex(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    pthread_t threads[THREADS];

    start(threads, THREADS, count, f);
    join(threads, THREADS);
    g_assert_cmpuint(f->count, ==, THREADS * ROUNDS);
    g_assert_false(isLocked(f));
}

static bool
returnEarly(Fixture *f)
{
    g_auto(virLockGuard) guard = virLockGuardLock(&f->lock);

    g_assert_true(isLocked(f));
    if (f->count == 0)
        return true;
    virLockGuardUnlock(&guard);
    g_assert_false(isLocked(f));
    return false;           /* and isn't unlocked twice */
}

static void
testGuard(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_true(returnEarly(f));
    g_assert_false(isLocked(f));
    f->count = 1;
    g_assert_false(returnEarly(f));
    g_assert_false(isLocked(f));
}

static void
testDeadline(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    gint64 deadline = g_get_monotonic_time() + 20 * 1000;

    virMutexLock(&f->lock);
    while (virCondWaitUntil(&f->cond, &f->lock, deadline))
        ;                   /* it may wake early */
    g_assert_cmpint(g_get_monotonic_time(), >=, deadline);
    g_assert_true(isLocked(f));

    /* One that has passed, or never was, ends at once. */
    g_assert_false(virCondWaitUntil(&f->cond, &f->lock, deadline));
    g_assert_false(virCondWaitUntil(&f->cond, &f->lock, 0));
    virMutexUnlock(&f->lock);
}

static void *
waitForGo(void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->waiting++;
    virCondBroadcast(&f->cond);
    while (!f->go)
        virCondWait(&f->cond, &f->lock);
    f->awake++;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
    return NULL;
}

static void
testBroadcast(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;
    pthread_t threads[THREADS];

    start(threads, THREADS, waitForGo, f);
    virMutexLock(&f->lock);
    while (f->waiting < THREADS)
        g_assert_true(virCondWaitUntil(&f->cond, &f->lock, deadline));
    g_assert_cmpuint(f->awake, ==, 0);
    f->go = true;
    virCondBroadcast(&f->cond);
    while (f->awake < THREADS)
        g_assert_true(virCondWaitUntil(&f->cond, &f->lock, deadline));
    virMutexUnlock(&f->lock);
    join(threads, THREADS);
}

static void *
takeOne(void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    while (f->count == 0)
        virCondWait(&f->cond, &f->lock);
    f->count--;
    virMutexUnlock(&f->lock);
    return NULL;
}

/* As many signals as there are who wait. */
static void
testSignal(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    pthread_t threads[THREADS];
    size_t i;

    start(threads, THREADS, takeOne, f);
    for (i = 0; i < THREADS; i++) {
        virMutexLock(&f->lock);
        f->count++;
        virCondSignal(&f->cond);
        virMutexUnlock(&f->lock);
    }
    join(threads, THREADS);
    g_assert_cmpuint(f->count, ==, 0);
}

static void
testStatic(void)
{
    static virMutex lock = VIR_MUTEX_INITIALIZER;

    virMutexLock(&lock);
    virMutexUnlock(&lock);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/util/thread/mutex", testMutex },
        { "/util/thread/guard", testGuard },
        { "/util/thread/deadline", testDeadline },
        { "/util/thread/broadcast", testBroadcast },
        { "/util/thread/signal", testSignal },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    g_test_add_func("/util/thread/static", testStatic);
    return g_test_run();
}
