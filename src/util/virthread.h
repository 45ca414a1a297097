/*
 * virthread.h: mutexes, condition variables and lock guards
 *
 * Thin names over POSIX threads, because the thread sanitizer understands
 * those and does not see into GLib's. Not a thread pool and not an event loop.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <glib.h>

typedef struct _virMutex virMutex;
struct _virMutex {
    pthread_mutex_t lock;
};
#define VIR_MUTEX_INITIALIZER { PTHREAD_MUTEX_INITIALIZER }

typedef struct _virCond virCond;
struct _virCond {
    pthread_cond_t cond;        /* waits on CLOCK_MONOTONIC */
};

void virMutexInit(virMutex *mutex);
void virMutexDestroy(virMutex *mutex);
void virMutexLock(virMutex *mutex);
void virMutexUnlock(virMutex *mutex);

void virCondInit(virCond *cond);
void virCondDestroy(virCond *cond);
void virCondWait(virCond *cond, virMutex *mutex);
bool virCondWaitUntil(virCond *cond, virMutex *mutex, gint64 deadline);
void virCondSignal(virCond *cond);
void virCondBroadcast(virCond *cond);

/* Holds a mutex until the end of the scope:
 *     g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&obj->lock); */
typedef struct {
    virMutex *mutex;
} virLockGuard;

virLockGuard virLockGuardLock(virMutex *mutex);
void virLockGuardUnlock(virLockGuard *guard);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virLockGuard, virLockGuardUnlock)
