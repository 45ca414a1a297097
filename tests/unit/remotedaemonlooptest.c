/*
 * remotedaemonlooptest.c: virtmond's event loop, as the library wants one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_loop.h"

#include <stdatomic.h>
#include <unistd.h>
#include <libvirt/libvirt.h>

#include "testutils.h"
#include "virthread.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

static virIOLoop *loop;

/* What a handle or a timer has done. */
typedef struct {
    virMutex lock;              /* guards the next three */
    virCond changed;
    size_t calls;
    int events;                 /* of the last */
    bool freed;
    bool inLoop;                /* ... each time */
    int stopAt;                 /* the timer disables itself at that call; 0: not */
} Seen;

static void
seenInit(Seen *seen)
{
    *seen = (Seen) { .inLoop = true };
    virMutexInit(&seen->lock);
    virCondInit(&seen->changed);
}

static void
seenClear(Seen *seen)
{
    virCondDestroy(&seen->changed);
    virMutexDestroy(&seen->lock);
}

static size_t
seenCount(Seen *seen, int events)
{
    size_t calls;

    virMutexLock(&seen->lock);
    calls = ++seen->calls;
    seen->events = events;
    seen->inLoop = seen->inLoop && virIOLoopInThread(loop);
    virCondBroadcast(&seen->changed);
    virMutexUnlock(&seen->lock);
    return calls;
}

static void
seenWait(Seen *seen, size_t calls)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    virMutexLock(&seen->lock);
    while (seen->calls < calls)
        g_assert_true(virCondWaitUntil(&seen->changed, &seen->lock, deadline));
    virMutexUnlock(&seen->lock);
}

/* The bits of the last call: of a handle that hangs up there is always one more. */
static int
seenEvents(Seen *seen)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&seen->lock);

    return seen->events;
}

static size_t
seenCalls(Seen *seen)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&seen->lock);

    return seen->calls;
}

static void
seenWaitFreed(Seen *seen)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    virMutexLock(&seen->lock);
    while (!seen->freed)
        g_assert_true(virCondWaitUntil(&seen->changed, &seen->lock, deadline));
    virMutexUnlock(&seen->lock);
    g_assert_true(seen->inLoop);
}

static void
onFree(void *opaque)
{
    Seen *seen = opaque;

    virMutexLock(&seen->lock);
    seen->freed = true;
    virCondBroadcast(&seen->changed);
    virMutexUnlock(&seen->lock);
}

static void
nothing(void *opaque G_GNUC_UNUSED)
{
}

/* All that was asked of the loop before has been done, and handles that are ready were served. */
static void
settle(void)
{
    int i;

    for (i = 0; i < 3; i++)
        virIOLoopInvokeWait(loop, nothing, NULL);
}

static void
onHandle(int watch G_GNUC_UNUSED, int fd, int events, void *opaque)
{
    char byte;

    if (events & VIR_EVENT_HANDLE_READABLE)
        g_assert_cmpint(read(fd, &byte, 1), >=, 0);
    seenCount(opaque, events);
}

static void
testHandle(void)
{
    Seen seen;
    int fds[2];
    int watch;

    seenInit(&seen);
    g_assert_cmpint(pipe(fds), ==, 0);
    watch = virEventAddHandle(fds[0], VIR_EVENT_HANDLE_READABLE, onHandle, &seen, onFree);
    g_assert_cmpint(watch, >=, 0);
    g_assert_cmpint(write(fds[1], "a", 1), ==, 1);
    seenWait(&seen, 1);
    g_assert_cmpint(seenEvents(&seen), ==, VIR_EVENT_HANDLE_READABLE);

    virEventUpdateHandle(watch, 0);
    g_assert_cmpint(write(fds[1], "b", 1), ==, 1);
    settle();
    g_assert_cmpuint(seenCalls(&seen), ==, 1);
    virEventUpdateHandle(watch, VIR_EVENT_HANDLE_READABLE);
    seenWait(&seen, 2);

    g_assert_cmpint(virEventRemoveHandle(watch), ==, 0);
    seenWaitFreed(&seen);
    g_assert_cmpint(virEventRemoveHandle(watch), ==, -1);
    virEventUpdateHandle(watch, VIR_EVENT_HANDLE_READABLE);
    g_assert_cmpint(write(fds[1], "c", 1), ==, 1);
    settle();
    g_assert_cmpuint(seenCalls(&seen), ==, 2);
    close(fds[0]);
    close(fds[1]);
    seenClear(&seen);
}

static void
testHangUp(void)
{
    Seen seen;
    int fds[2];
    int watch;

    seenInit(&seen);
    g_assert_cmpint(pipe(fds), ==, 0);
    watch = virEventAddHandle(fds[0], 0, onHandle, &seen, onFree);
    close(fds[1]);
    seenWait(&seen, 1);
    g_assert_cmpint(seenEvents(&seen), ==, VIR_EVENT_HANDLE_HANGUP);
    virEventRemoveHandle(watch);
    seenWaitFreed(&seen);
    close(fds[0]);
    seenClear(&seen);
}

static void
onTimer(int timer, void *opaque)
{
    Seen *seen = opaque;

    if (seenCount(seen, 0) == (size_t)seen->stopAt)
        virEventUpdateTimeout(timer, -1);
}

static void
testTimer(void)
{
    Seen seen;
    int timer;

    seenInit(&seen);
    seen.stopAt = 3;
    timer = virEventAddTimeout(-1, onTimer, &seen, onFree);
    settle();
    g_assert_cmpuint(seenCalls(&seen), ==, 0);
    virEventUpdateTimeout(timer, 1);
    seenWait(&seen, 3);
    settle();
    g_assert_cmpuint(seenCalls(&seen), ==, 3);
    g_assert_cmpint(virEventRemoveTimeout(timer), ==, 0);
    seenWaitFreed(&seen);
    g_assert_cmpint(virEventRemoveTimeout(timer), ==, -1);
    seenClear(&seen);
}

/* One that is always due leaves the loop its turn. */
static void
testAlwaysDue(void)
{
    Seen seen;
    int timer;

    seenInit(&seen);
    timer = virEventAddTimeout(0, onTimer, &seen, onFree);
    seenWait(&seen, 10);
    settle();
    virEventRemoveTimeout(timer);
    seenWaitFreed(&seen);
    seenClear(&seen);
}

/* --- many threads --- */

static atomic_int current;
static atomic_bool enough;

static void *
updaterRun(void *opaque G_GNUC_UNUSED)
{
    int events = 0;

    while (!atomic_load(&enough)) {
        int watch = atomic_load(&current);

        virEventUpdateHandle(watch, events);
        virEventUpdateTimeout(watch, events == 0 ? -1 : 1000);
        events ^= VIR_EVENT_HANDLE_READABLE;
    }
    return NULL;
}

/* An update that comes together with the removal finds the item, or it finds none. */
static void
testRace(void)
{
    pthread_t thread;
    Seen seen;
    int fds[2];
    int i;

    g_assert_cmpint(pipe(fds), ==, 0);
    atomic_store(&enough, false);
    atomic_store(&current, -1);
    g_assert_cmpint(pthread_create(&thread, NULL, updaterRun, NULL), ==, 0);
    for (i = 0; i < 500; i++) {
        int watch;

        seenInit(&seen);
        watch = i % 2 ? virEventAddHandle(fds[0], 0, onHandle, &seen, onFree) :
                        virEventAddTimeout(1000, onTimer, &seen, onFree);
        atomic_store(&current, watch);
        settle();
        g_assert_cmpint(i % 2 ? virEventRemoveHandle(watch) : virEventRemoveTimeout(watch), ==,
                        0);
        seenWaitFreed(&seen);
        seenClear(&seen);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    settle();
    close(fds[0]);
    close(fds[1]);
}

int
main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    loop = virIOLoopNew("test");
    g_assert_nonnull(loop);
    remoteDaemonLoopRegister(loop);
    g_test_add_func("/remote/daemon-loop/handle", testHandle);
    g_test_add_func("/remote/daemon-loop/hang-up", testHangUp);
    g_test_add_func("/remote/daemon-loop/timer", testTimer);
    g_test_add_func("/remote/daemon-loop/always-due", testAlwaysDue);
    g_test_add_func("/remote/daemon-loop/race", testRace);
    rc = testRunCountingFds();
    virIOLoopFree(loop);
    return rc;
}
