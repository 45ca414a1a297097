/*
 * virioloop.c: a thread that waits on many descriptors and timers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virioloop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "viriocoalesce.h"
#include "virioloop_priv.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_EVENT

VIR_LOG_INIT("util.ioloop");

/* Handles served in one turn, and timers; more just wait for the next one. */
#define VIR_IO_LOOP_TURN_MAX 64

struct _virIOHandle {
    virIOLoop *io;
    int fd;
    uint32_t events;
    virIOHandleFunc func;
    void *opaque;
    bool removed;
};

struct _virIOTimer {
    virIOLoop *io;
    gint64 due;                     /* CLOCK_MONOTONIC, microseconds */
    GSequenceIter *place;           /* in the timers that run; NULL: stopped */
    virIOFunc func;
    void *opaque;
};

typedef struct {
    virIOFunc func;
    void *opaque;
} virIOLoopCall;

struct _virIOLoop {
    pthread_t thread;
    char name[16];                  /* the kernel keeps no more */
    int epollFd;
    int wakeFd;                     /* eventfd: calls are waiting */
    char *buffer;

    virMutex lock;                  /* guards both below */
    GArray *calls;                  /* virIOLoopCall, in order */
    bool quit;

    /* the thread's own */
    GSequence *timers;              /* virIOTimer, by their time */
    GPtrArray *garbage;             /* handles removed in this turn */
    virIOFunc turnEnd;
    void *turnEndOpaque;
    virIOCoalesce coalesce;
    void *shared;
    GDestroyNotify sharedDestroy;
};

static gint
virIOLoopCompareTimers(gconstpointer a, gconstpointer b, gpointer opaque)
{
    const virIOTimer *one = a;
    const virIOTimer *other = b;

    return one->due < other->due ? -1 : one->due > other->due;
}

/* Returns whether the thread goes on. */
static bool
virIOLoopRunCalls(virIOLoop *io)
{
    g_autoptr(GArray) calls = NULL;
    guint64 count;
    bool quit;
    guint i;

    if (read(io->wakeFd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
        VIR_WARN("cannot read from the I/O thread's eventfd: %s", g_strerror(errno));

    virMutexLock(&io->lock);
    calls = io->calls;
    io->calls = g_array_new(FALSE, FALSE, sizeof(virIOLoopCall));
    quit = io->quit;
    virMutexUnlock(&io->lock);

    for (i = 0; i < calls->len; i++) {
        virIOLoopCall *call = &g_array_index(calls, virIOLoopCall, i);

        call->func(call->opaque);
    }
    return !quit;
}

/* Runs what is due, so far as it fits into a turn; returns milliseconds until the next is due, -1
 * if none runs. */
static int
virIOLoopRunTimers(virIOLoop *io)
{
    gint64 now = 0;
    gint64 wait;
    size_t ran;

    for (ran = 0; !g_sequence_is_empty(io->timers); ran++) {
        GSequenceIter *first = g_sequence_get_begin_iter(io->timers);
        virIOTimer *timer = g_sequence_get(first);

        /* Those that get due by what others do wait for the next turn. */
        if (ran == 0)
            now = g_get_monotonic_time();
        if (timer->due > now) {
            /* Rounded up: early is one useless turn more. */
            wait = (timer->due - g_get_monotonic_time() + 999) / 1000;
            return (int)CLAMP(wait, 0, G_MAXINT);
        }
        if (ran == VIR_IO_LOOP_TURN_MAX)
            return 0;
        virIOLoopStopTimer(timer);
        timer->func(timer->opaque);
    }
    return -1;
}

/* Lets some time pass if the last turns were worth too little; @more: there may be handles that
 * are ready and were not served. Calls end it, as their callers wait. */
static void
virIOLoopSpaceTurns(virIOLoop *io, bool more)
{
    struct pollfd wake = { .fd = io->wakeFd, .events = POLLIN };
    struct timespec wait = { 0 };

    if (!virIOCoalesceHasRead(&io->coalesce))
        return;
    wait.tv_nsec = virIOCoalesceTurn(&io->coalesce, g_get_monotonic_time()) * 1000;
    if (wait.tv_nsec > 0 && !more)
        ppoll(&wake, 1, &wait, NULL);
}

static void *
virIOLoopThread(void *opaque)
{
    virIOLoop *io = opaque;
    struct epoll_event events[VIR_IO_LOOP_TURN_MAX];
    bool running = true;
    bool more = false;

    pthread_setname_np(pthread_self(), io->name);
    while (running) {
        int wait = virIOLoopRunTimers(io);
        int n;
        int i;

        if (io->turnEnd)
            io->turnEnd(io->turnEndOpaque);
        virIOLoopSpaceTurns(io, more);
        n = epoll_wait(io->epollFd, events, VIR_IO_LOOP_TURN_MAX, wait);
        if (n < 0 && errno != EINTR) {
            VIR_ERROR("cannot wait for file descriptors: %s", g_strerror(errno));
            break;
        }
        more = n == VIR_IO_LOOP_TURN_MAX;
        for (i = 0; i < n; i++) {
            virIOHandle *handle = events[i].data.ptr;

            if (!handle)
                running = virIOLoopRunCalls(io);
            else if (!handle->removed)
                handle->func(handle, handle->fd, events[i].events, handle->opaque);
        }
        g_ptr_array_set_size(io->garbage, 0);
    }
    if (io->turnEnd)
        io->turnEnd(io->turnEndOpaque);
    return NULL;
}

virIOLoop *
virIOLoopNew(const char *name)
{
    virIOLoop *io = g_new0(virIOLoop, 1);
    struct epoll_event event = { .events = EPOLLIN };
    sigset_t all;
    sigset_t old;
    int rc;

    g_strlcpy(io->name, name, sizeof(io->name));
    virMutexInit(&io->lock);
    io->calls = g_array_new(FALSE, FALSE, sizeof(virIOLoopCall));
    io->timers = g_sequence_new(NULL);
    io->garbage = g_ptr_array_new_with_free_func(g_free);
    io->buffer = g_malloc(VIR_IO_LOOP_BUFFER_SIZE);
    io->epollFd = epoll_create1(EPOLL_CLOEXEC);
    io->wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->epollFd < 0 || io->wakeFd < 0 ||
        epoll_ctl(io->epollFd, EPOLL_CTL_ADD, io->wakeFd, &event) < 0) {
        virReportSystemError(errno, "%s", _("cannot set up waiting for file descriptors"));
        goto error;
    }

    /* Signals are the application's; its handlers must not run in this thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&io->thread, NULL, virIOLoopThread, io);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        virReportSystemError(rc, "%s", _("cannot start a thread for input and output"));
        goto error;
    }
    return io;

 error:
    if (io->epollFd >= 0)
        close(io->epollFd);
    if (io->wakeFd >= 0)
        close(io->wakeFd);
    g_array_unref(io->calls);
    g_sequence_free(io->timers);
    g_ptr_array_unref(io->garbage);
    g_free(io->buffer);
    virMutexDestroy(&io->lock);
    g_free(io);
    return NULL;
}

static void
virIOLoopWake(virIOLoop *io)
{
    guint64 one = 1;

    while (write(io->wakeFd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void
virIOLoopFree(virIOLoop *io)
{
    if (!io)
        return;
    virMutexLock(&io->lock);
    io->quit = true;
    virMutexUnlock(&io->lock);
    virIOLoopWake(io);
    pthread_join(io->thread, NULL);

    if (io->shared)
        io->sharedDestroy(io->shared);
    close(io->epollFd);
    close(io->wakeFd);
    g_array_unref(io->calls);
    g_sequence_free(io->timers);
    g_ptr_array_unref(io->garbage);
    g_free(io->buffer);
    virMutexDestroy(&io->lock);
    g_free(io);
}

bool
virIOLoopInThread(virIOLoop *io)
{
    return pthread_equal(io->thread, pthread_self());
}

void
virIOLoopInvoke(virIOLoop *io, virIOFunc func, void *opaque)
{
    virIOLoopCall call = { func, opaque };
    bool first;

    virMutexLock(&io->lock);
    first = io->calls->len == 0;
    g_array_append_val(io->calls, call);
    virMutexUnlock(&io->lock);
    if (first)
        virIOLoopWake(io);
}

typedef struct {
    virIOFunc func;
    void *opaque;
    virMutex lock;
    virCond cond;
    bool done;
} virIOLoopWaiter;

static void
virIOLoopRunWaiter(void *opaque)
{
    virIOLoopWaiter *waiter = opaque;

    waiter->func(waiter->opaque);
    virMutexLock(&waiter->lock);
    waiter->done = true;
    virCondSignal(&waiter->cond);
    virMutexUnlock(&waiter->lock);
}

void
virIOLoopInvokeWait(virIOLoop *io, virIOFunc func, void *opaque)
{
    virIOLoopWaiter waiter = { .func = func, .opaque = opaque };

    if (virIOLoopInThread(io)) {
        func(opaque);
        return;
    }
    virMutexInit(&waiter.lock);
    virCondInit(&waiter.cond);
    virIOLoopInvoke(io, virIOLoopRunWaiter, &waiter);
    virMutexLock(&waiter.lock);
    while (!waiter.done)
        virCondWait(&waiter.cond, &waiter.lock);
    virMutexUnlock(&waiter.lock);
    virCondDestroy(&waiter.cond);
    virMutexDestroy(&waiter.lock);
}

typedef struct {
    virIOLoop *io;
    virIOFunc func;
    void *opaque;
} virIOLoopTurnEndCall;

static void
virIOLoopSetTurnEndInThread(void *opaque)
{
    virIOLoopTurnEndCall *call = opaque;

    call->io->turnEnd = call->func;
    call->io->turnEndOpaque = call->opaque;
}

void
virIOLoopSetTurnEnd(virIOLoop *io, virIOFunc func, void *opaque)
{
    virIOLoopTurnEndCall call = { io, func, opaque };

    virIOLoopInvokeWait(io, virIOLoopSetTurnEndInThread, &call);
}

/* Cannot fail but for a lack of kernel memory or an fd that can't be waited for, and then
 * returns NULL with an error reported. */
virIOHandle *
virIOLoopAddHandle(virIOLoop *io, int fd, uint32_t events, virIOHandleFunc func, void *opaque)
{
    virIOHandle *handle = g_new0(virIOHandle, 1);
    struct epoll_event event = { .events = events, .data.ptr = handle };

    handle->io = io;
    handle->fd = fd;
    handle->events = events;
    handle->func = func;
    handle->opaque = opaque;
    if (epoll_ctl(io->epollFd, EPOLL_CTL_ADD, fd, &event) < 0) {
        virReportSystemError(errno, _("cannot wait for file descriptor %1$d"), fd);
        g_free(handle);
        return NULL;
    }
    return handle;
}

void
virIOLoopUpdateHandle(virIOHandle *handle, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = handle };

    if (handle->removed || handle->events == events)
        return;
    handle->events = events;
    if (epoll_ctl(handle->io->epollFd, EPOLL_CTL_MOD, handle->fd, &event) < 0)
        VIR_WARN("cannot change what to wait for on file descriptor %d: %s", handle->fd,
                 g_strerror(errno));
}

void
virIOLoopRemoveHandle(virIOHandle *handle)
{
    if (!handle || handle->removed)
        return;
    handle->removed = true;
    epoll_ctl(handle->io->epollFd, EPOLL_CTL_DEL, handle->fd, NULL);
    g_ptr_array_add(handle->io->garbage, handle);
}

virIOTimer *
virIOLoopAddTimer(virIOLoop *io, unsigned int delay, virIOFunc func, void *opaque)
{
    virIOTimer *timer = g_new0(virIOTimer, 1);

    timer->io = io;
    timer->func = func;
    timer->opaque = opaque;
    virIOLoopRestartTimer(timer, delay);
    return timer;
}

void
virIOLoopRestartTimer(virIOTimer *timer, unsigned int delay)
{
    virIOLoopStopTimer(timer);
    timer->due = g_get_monotonic_time() + (gint64)delay * 1000;
    timer->place = g_sequence_insert_sorted(timer->io->timers, timer, virIOLoopCompareTimers, NULL);
}

void
virIOLoopStopTimer(virIOTimer *timer)
{
    if (timer->place)
        g_sequence_remove(g_steal_pointer(&timer->place));
}

/* May be called inside the timer's own function: by then it is stopped, and nothing touches
 * it afterwards. */
void
virIOLoopRemoveTimer(virIOTimer *timer)
{
    if (!timer)
        return;
    virIOLoopStopTimer(timer);
    g_free(timer);
}

void *
virIOLoopShared(virIOLoop *io, void *(*make)(void), GDestroyNotify destroy)
{
    if (!io->shared) {
        io->shared = make();
        io->sharedDestroy = destroy;
    }
    return io->shared;
}

void
virIOLoopCountRead(virIOLoop *io, size_t bytes)
{
    virIOCoalesceCount(&io->coalesce, bytes);
}

char *
virIOLoopBuffer(virIOLoop *io)
{
    return io->buffer;
}

size_t
virIOLoopCountTimers(virIOLoop *io)
{
    return g_sequence_get_length(io->timers);
}
