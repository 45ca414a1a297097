/*
 * testloop.c: an event loop that a test drives by hand
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "testloop.h"

#include <libvirt/libvirt.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "virthread.h"

/* No test needs more turns than this to come to rest. */
#define TEST_LOOP_TURNS_MAX 1000000

typedef struct {
    int watch;
    int fd;
    int events;
    virEventHandleCallback cb;
    void *opaque;
    virFreeCallback ff;
} testLoopHandle;

static virMutex testLoopLock = VIR_MUTEX_INITIALIZER;
static GPtrArray *testLoopAll;          /* testLoopHandle; guarded by the lock, as all below */
static GPtrArray *testLoopRemoved;      /* those whose ff is due */
static int testLoopLastWatch;
static unsigned int testLoopDepth;      /* how often it runs inside itself */
static int testLoopWakeFd = -1;         /* immutable once it is registered */

static int
testLoopAddHandle(int fd, int events, virEventHandleCallback cb, void *opaque, virFreeCallback ff)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&testLoopLock);
    testLoopHandle *handle = g_new0(testLoopHandle, 1);

    if (!testLoopAll) {
        testLoopAll = g_ptr_array_new();
        testLoopRemoved = g_ptr_array_new();
    }
    handle->watch = ++testLoopLastWatch;
    handle->fd = fd;
    handle->events = events;
    handle->cb = cb;
    handle->opaque = opaque;
    handle->ff = ff;
    g_ptr_array_add(testLoopAll, handle);
    testLoopWake();
    return handle->watch;
}

/* Call with the lock held. */
static testLoopHandle *
testLoopFind(int watch)
{
    size_t i;

    for (i = 0; testLoopAll && i < testLoopAll->len; i++) {
        testLoopHandle *handle = g_ptr_array_index(testLoopAll, i);

        if (handle->watch == watch)
            return handle;
    }
    return NULL;
}

static void
testLoopUpdateHandle(int watch, int events)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&testLoopLock);
    testLoopHandle *handle = testLoopFind(watch);

    g_assert_nonnull(handle);
    handle->events = events;
}

static int
testLoopRemoveHandle(int watch)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&testLoopLock);
    testLoopHandle *handle = testLoopFind(watch);

    g_assert_nonnull(handle);
    g_ptr_array_remove(testLoopAll, handle);
    g_ptr_array_add(testLoopRemoved, handle);
    testLoopWake();
    return 0;
}

/* A timeout is a handle like any other, for a timerfd of its own. */
typedef struct {
    int fd;
    virEventTimeoutCallback cb;
    void *opaque;
    virFreeCallback ff;
} testLoopTimer;

static void
testLoopTimerDue(int watch, int fd, int events G_GNUC_UNUSED, void *opaque)
{
    testLoopTimer *timer = opaque;
    guint64 count;

    g_assert_cmpint(read(fd, &count, sizeof(count)), ==, sizeof(count));
    timer->cb(watch, timer->opaque);
}

static void
testLoopTimerFree(void *opaque)
{
    testLoopTimer *timer = opaque;

    if (timer->ff)
        timer->ff(timer->opaque);
    close(timer->fd);
    g_free(timer);
}

/* Once only. */
static int
testLoopAddTimeout(int timeout, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
    const struct itimerspec when = {
        .it_value = { timeout / 1000, timeout % 1000 * 1000000 + 1 },
    };
    testLoopTimer *timer = g_new0(testLoopTimer, 1);

    g_assert_cmpint(timeout, >=, 0);
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    timer->cb = cb;
    timer->opaque = opaque;
    timer->ff = ff;
    g_assert_cmpint(timerfd_settime(timer->fd, 0, &when, NULL), ==, 0);
    return testLoopAddHandle(timer->fd, VIR_EVENT_HANDLE_READABLE, testLoopTimerDue, timer,
                             testLoopTimerFree);
}

static void
testLoopUpdateTimeout(int timer G_GNUC_UNUSED, int timeout G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static int
testLoopRemoveTimeout(int timer)
{
    return testLoopRemoveHandle(timer);
}

void
testLoopRegister(void)
{
    static gsize done;

    if (g_once_init_enter(&done)) {
        testLoopWakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        g_assert_cmpint(testLoopWakeFd, >=, 0);
        virEventRegisterImpl(testLoopAddHandle, testLoopUpdateHandle, testLoopRemoveHandle,
                             testLoopAddTimeout, testLoopUpdateTimeout, testLoopRemoveTimeout);
        g_once_init_leave(&done, 1);
    }
}

/* Frees what was removed, unless a callback may still be running. */
static void
testLoopFreeRemoved(void)
{
    g_autoptr(GPtrArray) removed = NULL;
    size_t i;

    virMutexLock(&testLoopLock);
    if (testLoopDepth == 0 && testLoopRemoved) {
        removed = testLoopRemoved;
        testLoopRemoved = g_ptr_array_new();
    }
    virMutexUnlock(&testLoopLock);

    for (i = 0; removed && i < removed->len; i++) {
        testLoopHandle *handle = g_ptr_array_index(removed, i);

        if (handle->ff)
            handle->ff(handle->opaque);
        g_free(handle);
    }
}

size_t
testLoopRun(void)
{
    g_autoptr(GArray) watches = g_array_new(FALSE, FALSE, sizeof(int));
    size_t served = 0;
    size_t i;

    virMutexLock(&testLoopLock);
    testLoopDepth++;
    for (i = 0; testLoopAll && i < testLoopAll->len; i++) {
        testLoopHandle *handle = g_ptr_array_index(testLoopAll, i);

        g_array_append_val(watches, handle->watch);
    }
    virMutexUnlock(&testLoopLock);

    for (i = 0; i < watches->len; i++) {
        testLoopHandle *handle;
        testLoopHandle now;
        struct pollfd pfd;

        virMutexLock(&testLoopLock);
        if ((handle = testLoopFind(g_array_index(watches, int, i))))
            now = *handle;
        virMutexUnlock(&testLoopLock);

        if (!handle || !(now.events & VIR_EVENT_HANDLE_READABLE))
            continue;
        pfd = (struct pollfd) { .fd = now.fd, .events = POLLIN };
        if (poll(&pfd, 1, 0) == 1) {
            now.cb(now.watch, now.fd, VIR_EVENT_HANDLE_READABLE, now.opaque);
            served++;
        }
    }

    virMutexLock(&testLoopLock);
    testLoopDepth--;
    virMutexUnlock(&testLoopLock);
    testLoopFreeRemoved();
    return served;
}

size_t
testLoopDrain(void)
{
    size_t served = 0;
    size_t turns;
    size_t now;

    for (turns = 0; (now = testLoopRun()) > 0; turns++) {
        served += now;
        g_assert_cmpuint(turns, <, TEST_LOOP_TURNS_MAX);
    }
    return served;
}

void
testLoopWait(void)
{
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    struct pollfd pfd = { .fd = testLoopWakeFd, .events = POLLIN };
    guint64 count;
    size_t i;

    g_array_append_val(fds, pfd);
    virMutexLock(&testLoopLock);
    for (i = 0; testLoopAll && i < testLoopAll->len; i++) {
        testLoopHandle *handle = g_ptr_array_index(testLoopAll, i);

        pfd.fd = handle->fd;
        if (handle->events & VIR_EVENT_HANDLE_READABLE)
            g_array_append_val(fds, pfd);
    }
    virMutexUnlock(&testLoopLock);

    poll((struct pollfd *)fds->data, fds->len, -1);
    if (read(testLoopWakeFd, &count, sizeof(count)) < 0)
        count = 0;      /* something else was ready */
    testLoopRun();
}

void
testLoopWake(void)
{
    const guint64 one = 1;

    /* It fails only if it was written without end, and then nobody sleeps. */
    if (write(testLoopWakeFd, &one, sizeof(one)) < 0)
        return;
}

size_t
testLoopHandles(void)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&testLoopLock);

    return testLoopAll ? testLoopAll->len : 0;
}
