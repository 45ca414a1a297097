/*
 * viriolooptest.c: descriptors, timers and calls in a thread of their own
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virioloop_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "testutils.h"
#include "virerror_priv.h"
#include "virthread.h"

#define DEADLINE (20 * G_USEC_PER_SEC)
#define PIPES 100

typedef struct _Fixture Fixture;
typedef struct {
    Fixture *f;
    int fds[2];
    virIOHandle *handle;
    unsigned int served;        /* guarded by the fixture's lock */
} Pipe;

struct _Fixture {
    virIOLoop *io;
    Pipe pipes[PIPES];
    size_t npipes;
    virIOTimer *timers[3];
    bool drain;                 /* a pipe is read empty when it is served */
    bool removeAll;             /* and all of them are removed */
    virMutex lock;              /* guards all below */
    virCond cond;
    GString *seen;
    unsigned int calls, turns, fired;
    bool inThread;
};

#define WAIT(f, condition) \
    do { \
        gint64 deadline_ = g_get_monotonic_time() + DEADLINE; \
        virMutexLock(&(f)->lock); \
        while (!(condition)) \
            g_assert_true(virCondWaitUntil(&(f)->cond, &(f)->lock, deadline_)); \
        virMutexUnlock(&(f)->lock); \
    } while (0)

static void
setUp(Fixture *f)
{
    memset(f, 0, sizeof(*f));
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
    f->seen = g_string_new(NULL);
    f->io = virIOLoopNew("test");
    g_assert_nonnull(f->io);
}

static void
removeInThread(void *opaque)
{
    Fixture *f = opaque;
    size_t i;

    for (i = 0; i < f->npipes; i++)
        virIOLoopRemoveHandle(g_steal_pointer(&f->pipes[i].handle));
    for (i = 0; i < G_N_ELEMENTS(f->timers); i++)
        g_clear_pointer(&f->timers[i], virIOLoopRemoveTimer);
    g_assert_cmpuint(virIOLoopCountTimers(f->io), ==, 0);
}

static void
tearDown(Fixture *f)
{
    size_t i;

    virIOLoopInvokeWait(f->io, removeInThread, f);
    virIOLoopFree(f->io);
    for (i = 0; i < f->npipes; i++) {
        close(f->pipes[i].fds[0]);
        close(f->pipes[i].fds[1]);
    }
    g_string_free(f->seen, TRUE);
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
}

static void
note(Fixture *f, char what)
{
    virMutexLock(&f->lock);
    if (f->seen->len < 1000)
        g_string_append_c(f->seen, what);
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

/* --- calls --- */

static void
onCall(void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->calls++;
    f->inThread = virIOLoopInThread(f->io);
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onNestedCall(void *opaque)
{
    Fixture *f = opaque;

    note(f, '(');
    virIOLoopInvokeWait(f->io, onCall, f);      /* at once: it is this thread */
    note(f, ')');
}

static void
testCalls(void)
{
    Fixture f;
    int i;

    setUp(&f);
    g_assert_false(virIOLoopInThread(f.io));
    virIOLoopInvokeWait(f.io, onCall, &f);
    g_assert_cmpuint(f.calls, ==, 1);
    g_assert_true(f.inThread);
    virIOLoopInvokeWait(f.io, onNestedCall, &f);
    g_assert_cmpuint(f.calls, ==, 2);
    g_assert_cmpstr(f.seen->str, ==, "()");

    for (i = 0; i < 1000; i++)
        virIOLoopInvoke(f.io, onCall, &f);
    WAIT(&f, f.calls == 1002);
    /* What was asked for before the end is done. */
    for (i = 0; i < 1000; i++)
        virIOLoopInvoke(f.io, onCall, &f);
    tearDown(&f);
    g_assert_cmpuint(f.calls, ==, 2002);
}

static void *
callOften(void *opaque)
{
    Fixture *f = opaque;
    int i;

    for (i = 0; i < 500; i++) {
        virIOLoopInvoke(f->io, onCall, f);
        virIOLoopInvokeWait(f->io, onCall, f);
    }
    return NULL;
}

static void
testManyCallers(void)
{
    pthread_t threads[4];
    Fixture f;
    size_t i;

    setUp(&f);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, callOften, &f), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    WAIT(&f, f.calls == 4 * 2 * 500);
    tearDown(&f);
}

/* --- timers --- */

static void
onFirst(void *opaque)
{
    note(opaque, '1');
}

static void
onSecond(void *opaque)
{
    Fixture *f = opaque;

    note(f, '2');
    g_clear_pointer(&f->timers[1], virIOLoopRemoveTimer);       /* itself */
    g_clear_pointer(&f->timers[2], virIOLoopRemoveTimer);       /* and one that is due, too */
}

static void
onNever(void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
orderInThread(void *opaque)
{
    Fixture *f = opaque;

    f->timers[1] = virIOLoopAddTimer(f->io, 2, onSecond, f);
    f->timers[2] = virIOLoopAddTimer(f->io, 3, onNever, f);
    f->timers[0] = virIOLoopAddTimer(f->io, 1, onFirst, f);
    g_assert_cmpuint(virIOLoopCountTimers(f->io), ==, 3);
}

static void
restartInThread(void *opaque)
{
    Fixture *f = opaque;

    g_assert_cmpuint(virIOLoopCountTimers(f->io), ==, 0);       /* one shot */
    virIOLoopRestartTimer(f->timers[0], 100000);
    virIOLoopStopTimer(f->timers[0]);
    virIOLoopStopTimer(f->timers[0]);
    f->timers[1] = virIOLoopAddTimer(f->io, 0, onNever, f);
    virIOLoopStopTimer(f->timers[1]);
    virIOLoopRestartTimer(f->timers[0], 0);
}

static void
testTimers(void)
{
    Fixture f;

    setUp(&f);
    virIOLoopInvokeWait(f.io, orderInThread, &f);
    WAIT(&f, f.seen->len == 2);
    g_assert_cmpstr(f.seen->str, ==, "12");
    virIOLoopInvokeWait(f.io, restartInThread, &f);
    WAIT(&f, f.seen->len == 3);
    g_assert_cmpstr(f.seen->str, ==, "121");
    tearDown(&f);
}

/* --- descriptors --- */

static void
onPipe(virIOHandle *handle, int fd, uint32_t events, void *opaque)
{
    Pipe *p = opaque;
    Fixture *f = p->f;
    char bytes[64];
    size_t i;

    g_assert_true(handle == p->handle);
    g_assert_cmpint(fd, ==, p->fds[0]);
    g_assert_true(events & (EPOLLIN | EPOLLHUP));
    if (f->drain)
        g_assert_cmpint(read(fd, bytes, sizeof(bytes)), >, 0);
    if (f->removeAll) {
        for (i = 0; i < f->npipes; i++)
            virIOLoopRemoveHandle(g_steal_pointer(&f->pipes[i].handle));
    }
    virMutexLock(&f->lock);
    p->served++;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
addInThread(void *opaque)
{
    Fixture *f = opaque;
    size_t i;

    for (i = 0; i < f->npipes; i++) {
        f->pipes[i].handle = virIOLoopAddHandle(f->io, f->pipes[i].fds[0], EPOLLIN, onPipe,
                                                &f->pipes[i]);
        g_assert_nonnull(f->pipes[i].handle);
    }
}

static void
addPipes(Fixture *f, size_t count, bool full)
{
    size_t i;

    for (i = 0; i < count; i++) {
        f->pipes[i].f = f;
        g_assert_cmpint(pipe2(f->pipes[i].fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
        if (full)
            g_assert_cmpint(write(f->pipes[i].fds[1], "x", 1), ==, 1);
    }
    f->npipes = count;
    virIOLoopInvokeWait(f->io, addInThread, f);
}

static void
updateInThread(void *opaque)
{
    Fixture *f = opaque;

    virIOLoopUpdateHandle(f->pipes[0].handle, f->calls == 0 ? 0 : EPOLLIN);
    f->calls++;
}

static void
testHandles(void)
{
    Fixture f;

    setUp(&f);
    f.drain = true;
    addPipes(&f, 2, false);
    g_assert_cmpint(write(f.pipes[0].fds[1], "a", 1), ==, 1);
    WAIT(&f, f.pipes[0].served == 1);
    g_assert_cmpuint(f.pipes[1].served, ==, 0);

    /* Not looked at for a while. */
    virIOLoopInvokeWait(f.io, updateInThread, &f);
    g_assert_cmpint(write(f.pipes[0].fds[1], "a", 1), ==, 1);
    g_assert_cmpint(write(f.pipes[1].fds[1], "a", 1), ==, 1);
    WAIT(&f, f.pipes[1].served == 1);
    g_assert_cmpuint(f.pipes[0].served, ==, 1);
    virIOLoopInvokeWait(f.io, updateInThread, &f);
    WAIT(&f, f.pipes[0].served == 2);
    tearDown(&f);
}

/* All are ready in one turn; the first that is served removes all. */
static void
testRemoveOthers(void)
{
    unsigned int served = 0;
    Fixture f;
    size_t i;

    setUp(&f);
    f.removeAll = true;
    addPipes(&f, 10, true);
    virIOLoopInvokeWait(f.io, onCall, &f);
    virIOLoopInvokeWait(f.io, onCall, &f);
    WAIT(&f, f.calls == 2);
    for (i = 0; i < 10; i++)
        served += f.pipes[i].served;
    g_assert_cmpuint(served, ==, 1);
    tearDown(&f);
}

static void
badInThread(void *opaque)
{
    Fixture *f = opaque;

    g_assert_null(virIOLoopAddHandle(f->io, -1, EPOLLIN, onPipe, NULL));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    virIOLoopRemoveHandle(NULL);
    virIOLoopRemoveTimer(NULL);
}

static void
testBadHandle(void)
{
    Fixture f;

    setUp(&f);
    virIOLoopInvokeWait(f.io, badInThread, &f);
    tearDown(&f);
}

/* --- nobody is kept waiting --- */

static void
onAgain(void *opaque)
{
    Fixture *f = opaque;

    virIOLoopRestartTimer(f->timers[0], 0);
    virMutexLock(&f->lock);
    f->fired++;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
againInThread(void *opaque)
{
    Fixture *f = opaque;

    f->timers[0] = virIOLoopAddTimer(f->io, 0, onAgain, f);
}

/* More descriptors than a turn serves, always ready, and a timer that is always due: each gets
 * its turn, again and again, and so do calls. */
static void
testFairness(void)
{
    Fixture f;
    size_t i;

    setUp(&f);
    addPipes(&f, PIPES, true);
    virIOLoopInvokeWait(f.io, againInThread, &f);
    for (i = 0; i < PIPES; i++)
        WAIT(&f, f.pipes[i].served >= 10);
    WAIT(&f, f.fired >= 10);
    virIOLoopInvokeWait(f.io, onCall, &f);
    tearDown(&f);
}

static void
onTurnEnd(void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->turns++;
    if (f->pipes[0].served > 0)
        f->fired = f->turns;    /* a turn has ended since it was served */
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
testTurnEnd(void)
{
    Fixture f;

    setUp(&f);
    virIOLoopSetTurnEnd(f.io, onTurnEnd, &f);
    f.drain = true;
    addPipes(&f, 1, false);
    g_assert_cmpuint(f.fired, ==, 0);
    g_assert_cmpint(write(f.pipes[0].fds[1], "a", 1), ==, 1);
    WAIT(&f, f.fired > 0);
    tearDown(&f);
}

/* --- the rest --- */

static unsigned int sharedMade, sharedFreed;

static void *
makeShared(void)
{
    sharedMade++;
    return g_strdup("shared");
}

static void
freeShared(void *shared)
{
    sharedFreed++;
    g_free(shared);
}

static void
shareInThread(void *opaque)
{
    Fixture *f = opaque;
    char *shared = virIOLoopShared(f->io, makeShared, freeShared);

    g_assert_true(virIOLoopShared(f->io, makeShared, freeShared) == shared);
    memset(virIOLoopBuffer(f->io), 'x', VIR_IO_LOOP_BUFFER_SIZE);
}

static void
testShared(void)
{
    Fixture f;

    setUp(&f);
    virIOLoopInvokeWait(f.io, shareInThread, &f);
    tearDown(&f);
    g_assert_cmpuint(sharedMade, ==, 1);
    g_assert_cmpuint(sharedFreed, ==, 1);
}

/* How often this thread has slept. */
static long
sleeps(void)
{
    struct rusage usage;

    g_assert_cmpint(getrusage(RUSAGE_THREAD, &usage), ==, 0);
    return usage.ru_nvcsw;
}

typedef struct {
    Fixture *f;
    size_t bytes;               /* that are said to be read for each handle */
    size_t npipes;
    virIOHandle *handles[PIPES];
    long before;
} Spinner;

/* Nothing is read, so that it is served again and again: the thread has no reason of its own to
 * sleep. */
static void
onSpin(virIOHandle *handle G_GNUC_UNUSED, int fd G_GNUC_UNUSED, uint32_t events G_GNUC_UNUSED,
       void *opaque)
{
    Spinner *spinner = opaque;
    Fixture *f = spinner->f;
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

    if (f->calls == 0)
        spinner->before = sleeps();
    if (f->calls++ % 64 == 0)
        f->fired = sleeps() - spinner->before;
    virIOLoopCountRead(f->io, spinner->bytes);
    /* Not each time: whoever waits would take the lock, for which this thread sleeps. */
    if (f->fired >= 200 || f->calls % 1000 == 0)
        virCondBroadcast(&f->cond);
}

static void
spinInThread(void *opaque)
{
    Spinner *spinner = opaque;
    size_t i;

    for (i = 0; i < spinner->npipes; i++) {
        spinner->handles[i] = virIOLoopAddHandle(spinner->f->io, spinner->f->pipes[i].fds[0],
                                                 EPOLLIN, onSpin, spinner);
        g_assert_nonnull(spinner->handles[i]);
    }
}

static void
stopInThread(void *opaque)
{
    Spinner *spinner = opaque;
    size_t i;

    for (i = 0; i < spinner->npipes; i++)
        virIOLoopRemoveHandle(spinner->handles[i]);
}

/* Lets so many handles be served until the thread has slept 200 times, or so many times, and
 * returns how often each of both has happened. */
static void
spin(Fixture *f, size_t npipes, size_t bytes, unsigned int most, unsigned int *served,
     unsigned int *slept)
{
    Spinner spinner = { .f = f, .npipes = npipes, .bytes = bytes };

    f->calls = f->fired = 0;
    virIOLoopInvokeWait(f->io, spinInThread, &spinner);
    WAIT(f, f->fired >= 200 || f->calls >= most);
    virIOLoopInvokeWait(f->io, stopInThread, &spinner);
    *served = f->calls;
    *slept = f->fired;
}

/* Turns that bring little each, but many of them, are spaced, and no others. */
static void
testSpacedTurns(void)
{
    Fixture f;
    unsigned int served, slept;
    size_t i;

    setUp(&f);
    for (i = 0; i < PIPES; i++) {
        g_assert_cmpint(pipe2(f.pipes[i].fds, O_CLOEXEC), ==, 0);
        g_assert_cmpint(write(f.pipes[i].fds[1], "x", 1), ==, 1);
    }
    /* Were they not, it would take some 200,000: at each thousandth the lock is another's. */
    spin(&f, 1, 1, 20000, &served, &slept);
    g_assert_cmpuint(slept, >=, 200);
    spin(&f, 1, 0, 20000, &served, &slept);
    g_assert_cmpuint(served, >=, 20000);
    g_assert_cmpuint(slept, <, 200);
    /* Of more handles than fit into a turn there is always one that waits. */
    spin(&f, PIPES, 1, 20000, &served, &slept);
    g_assert_cmpuint(served, >=, 20000);
    g_assert_cmpuint(slept, <, 200);
    for (i = 0; i < PIPES; i++) {
        close(f.pipes[i].fds[0]);
        close(f.pipes[i].fds[1]);
    }
    tearDown(&f);
}

static void
testNoDescriptors(void)
{
    struct rlimit before, none;
    virIOLoop *io;
    int fd = dup(0);

    close(fd);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    for (none = before, none.rlim_cur = fd; none.rlim_cur < (rlim_t)fd + 2; none.rlim_cur++) {
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
        io = virIOLoopNew("test");
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
        g_assert_null(io);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/ioloop/calls", testCalls);
    g_test_add_func("/util/ioloop/many-callers", testManyCallers);
    g_test_add_func("/util/ioloop/timers", testTimers);
    g_test_add_func("/util/ioloop/handles", testHandles);
    g_test_add_func("/util/ioloop/remove-others", testRemoveOthers);
    g_test_add_func("/util/ioloop/bad-handle", testBadHandle);
    g_test_add_func("/util/ioloop/fairness", testFairness);
    g_test_add_func("/util/ioloop/turn-end", testTurnEnd);
    g_test_add_func("/util/ioloop/shared", testShared);
    g_test_add_func("/util/ioloop/spaced-turns", testSpacedTurns);
    g_test_add_func("/util/ioloop/no-descriptors", testNoDescriptors);
    return testRunCountingFds();
}
