/*
 * virthread.c: mutexes, condition variables and lock guards
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virthread.h"

#include <errno.h>
#include <time.h>

/* None of these can fail on an object that was initialised and is used as
 * meant; where one does, our own code is at fault. */

void
virMutexInit(virMutex *mutex)
{
    int rc = pthread_mutex_init(&mutex->lock, NULL);

    g_assert(rc == 0);
}

void
virMutexDestroy(virMutex *mutex)
{
    pthread_mutex_destroy(&mutex->lock);
}

void
virMutexLock(virMutex *mutex)
{
    pthread_mutex_lock(&mutex->lock);
}

void
virMutexUnlock(virMutex *mutex)
{
    pthread_mutex_unlock(&mutex->lock);
}

void
virCondInit(virCond *cond)
{
    pthread_condattr_t attr;
    int rc;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    rc = pthread_cond_init(&cond->cond, &attr);
    pthread_condattr_destroy(&attr);
    g_assert(rc == 0);
}

void
virCondDestroy(virCond *cond)
{
    pthread_cond_destroy(&cond->cond);
}

void
virCondWait(virCond *cond, virMutex *mutex)
{
    pthread_cond_wait(&cond->cond, &mutex->lock);
}

/**
 * virCondWaitUntil:
 * @cond: what to wait for
 * @mutex: held by the caller; released while waiting
 * @deadline: CLOCK_MONOTONIC in microseconds, as g_get_monotonic_time() counts
 *
 * May wake early, as every condition variable may.
 *
 * Returns false once the deadline has passed.
 */
bool
virCondWaitUntil(virCond *cond, virMutex *mutex, gint64 deadline)
{
    struct timespec ts = {
        .tv_sec = deadline / G_USEC_PER_SEC,
        .tv_nsec = (deadline % G_USEC_PER_SEC) * 1000,
    };

    return pthread_cond_timedwait(&cond->cond, &mutex->lock, &ts) != ETIMEDOUT;
}

void
virCondSignal(virCond *cond)
{
    pthread_cond_signal(&cond->cond);
}

void
virCondBroadcast(virCond *cond)
{
    pthread_cond_broadcast(&cond->cond);
}

virLockGuard
virLockGuardLock(virMutex *mutex)
{
    virMutexLock(mutex);
    return (virLockGuard) { mutex };
}

void
virLockGuardUnlock(virLockGuard *guard)
{
    if (guard->mutex)
        virMutexUnlock(guard->mutex);
    guard->mutex = NULL;
}
