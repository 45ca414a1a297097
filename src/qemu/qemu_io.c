/*
 * qemu_io.c: the one thread that does all of the driver's waiting
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_io.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_io");

/* Handles served in one turn; more just wait for the next one. */
#define QEMU_IO_TURN_MAX 64

struct _qemuIOHandle {
    qemuIO *io;
    int fd;
    uint32_t events;
    qemuIOHandleFunc func;
    void *opaque;
    bool removed;
};

struct _qemuIOTimer {
    qemuIO *io;
    gint64 due;                     /* CLOCK_MONOTONIC, microseconds */
    GSequenceIter *place;           /* in the timers that run; NULL: stopped */
    qemuIOFunc func;
    void *opaque;
};

typedef struct {
    qemuIOFunc func;
    void *opaque;
} qemuIOCall;

struct _qemuIO {
    pthread_t thread;
    int epollFd;
    int wakeFd;                     /* eventfd: calls are waiting */
    char *buffer;

    virMutex lock;                  /* guards both below */
    GArray *calls;                  /* qemuIOCall, in order */
    bool quit;

    /* the thread's own */
    GSequence *timers;              /* qemuIOTimer, by their time */
    GPtrArray *garbage;             /* handles removed in this turn */
    qemuIOFunc turnEnd;
    void *turnEndOpaque;
    void *shared;
    GDestroyNotify sharedDestroy;
};

static gint
qemuIOCompareTimers(gconstpointer a, gconstpointer b, gpointer opaque)
{
    const qemuIOTimer *one = a;
    const qemuIOTimer *other = b;

    return one->due < other->due ? -1 : one->due > other->due;
}

/* Returns whether the thread goes on. */
static bool
qemuIORunCalls(qemuIO *io)
{
    g_autoptr(GArray) calls = NULL;
    guint64 count;
    bool quit;
    guint i;

    if (read(io->wakeFd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
        VIR_WARN("cannot read from the I/O thread's eventfd: %s", g_strerror(errno));

    virMutexLock(&io->lock);
    calls = io->calls;
    io->calls = g_array_new(FALSE, FALSE, sizeof(qemuIOCall));
    quit = io->quit;
    virMutexUnlock(&io->lock);

    for (i = 0; i < calls->len; i++) {
        qemuIOCall *call = &g_array_index(calls, qemuIOCall, i);

        call->func(call->opaque);
    }
    return !quit;
}

/* Runs what is due; returns milliseconds until the next is, -1 if none runs. */
static int
qemuIORunTimers(qemuIO *io)
{
    gint64 now = 0;
    gint64 wait;

    while (!g_sequence_is_empty(io->timers)) {
        GSequenceIter *first = g_sequence_get_begin_iter(io->timers);
        qemuIOTimer *timer = g_sequence_get(first);

        if (now == 0 || timer->due > now)
            now = g_get_monotonic_time();
        if (timer->due > now) {
            /* Rounded up: early is one useless turn more. */
            wait = (timer->due - now + 999) / 1000;
            return (int)MIN(wait, G_MAXINT);
        }
        qemuIOStopTimer(timer);
        timer->func(timer->opaque);
    }
    return -1;
}

static void *
qemuIOThread(void *opaque)
{
    qemuIO *io = opaque;
    struct epoll_event events[QEMU_IO_TURN_MAX];
    bool running = true;

    pthread_setname_np(pthread_self(), "virtmon-qemu");
    while (running) {
        int wait = qemuIORunTimers(io);
        int n;
        int i;

        if (io->turnEnd)
            io->turnEnd(io->turnEndOpaque);
        n = epoll_wait(io->epollFd, events, QEMU_IO_TURN_MAX, wait);
        if (n < 0 && errno != EINTR) {
            VIR_ERROR("cannot wait for monitors: %s", g_strerror(errno));
            break;
        }
        for (i = 0; i < n; i++) {
            qemuIOHandle *handle = events[i].data.ptr;

            if (!handle)
                running = qemuIORunCalls(io);
            else if (!handle->removed)
                handle->func(handle, handle->fd, events[i].events, handle->opaque);
        }
        g_ptr_array_set_size(io->garbage, 0);
    }
    if (io->turnEnd)
        io->turnEnd(io->turnEndOpaque);
    return NULL;
}

qemuIO *
qemuIONew(void)
{
    qemuIO *io = g_new0(qemuIO, 1);
    struct epoll_event event = { .events = EPOLLIN };
    sigset_t all;
    sigset_t old;
    int rc;

    virMutexInit(&io->lock);
    io->calls = g_array_new(FALSE, FALSE, sizeof(qemuIOCall));
    io->timers = g_sequence_new(NULL);
    io->garbage = g_ptr_array_new_with_free_func(g_free);
    io->buffer = g_malloc(QEMU_IO_BUFFER_SIZE);
    io->epollFd = epoll_create1(EPOLL_CLOEXEC);
    io->wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->epollFd < 0 || io->wakeFd < 0 ||
        epoll_ctl(io->epollFd, EPOLL_CTL_ADD, io->wakeFd, &event) < 0) {
        virReportSystemError(errno, "%s", _("cannot set up waiting for monitors"));
        goto error;
    }

    /* Signals are the application's; its handlers must not run in this thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&io->thread, NULL, qemuIOThread, io);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        virReportSystemError(rc, "%s", _("cannot start the thread that reads monitors"));
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
qemuIOWake(qemuIO *io)
{
    guint64 one = 1;

    while (write(io->wakeFd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void
qemuIOFree(qemuIO *io)
{
    if (!io)
        return;
    virMutexLock(&io->lock);
    io->quit = true;
    virMutexUnlock(&io->lock);
    qemuIOWake(io);
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
qemuIOInThread(qemuIO *io)
{
    return pthread_equal(io->thread, pthread_self());
}

void
qemuIOInvoke(qemuIO *io, qemuIOFunc func, void *opaque)
{
    qemuIOCall call = { func, opaque };
    bool first;

    virMutexLock(&io->lock);
    first = io->calls->len == 0;
    g_array_append_val(io->calls, call);
    virMutexUnlock(&io->lock);
    if (first)
        qemuIOWake(io);
}

typedef struct {
    qemuIOFunc func;
    void *opaque;
    virMutex lock;
    virCond cond;
    bool done;
} qemuIOWaiter;

static void
qemuIORunWaiter(void *opaque)
{
    qemuIOWaiter *waiter = opaque;

    waiter->func(waiter->opaque);
    virMutexLock(&waiter->lock);
    waiter->done = true;
    virCondSignal(&waiter->cond);
    virMutexUnlock(&waiter->lock);
}

void
qemuIOInvokeWait(qemuIO *io, qemuIOFunc func, void *opaque)
{
    qemuIOWaiter waiter = { .func = func, .opaque = opaque };

    if (qemuIOInThread(io)) {
        func(opaque);
        return;
    }
    virMutexInit(&waiter.lock);
    virCondInit(&waiter.cond);
    qemuIOInvoke(io, qemuIORunWaiter, &waiter);
    virMutexLock(&waiter.lock);
    while (!waiter.done)
        virCondWait(&waiter.cond, &waiter.lock);
    virMutexUnlock(&waiter.lock);
    virCondDestroy(&waiter.cond);
    virMutexDestroy(&waiter.lock);
}

typedef struct {
    qemuIO *io;
    qemuIOFunc func;
    void *opaque;
} qemuIOTurnEndCall;

static void
qemuIOSetTurnEndInThread(void *opaque)
{
    qemuIOTurnEndCall *call = opaque;

    call->io->turnEnd = call->func;
    call->io->turnEndOpaque = call->opaque;
}

void
qemuIOSetTurnEnd(qemuIO *io, qemuIOFunc func, void *opaque)
{
    qemuIOTurnEndCall call = { io, func, opaque };

    qemuIOInvokeWait(io, qemuIOSetTurnEndInThread, &call);
}

/* Cannot fail but for a lack of kernel memory or an fd that can't be waited for, and then
 * returns NULL with an error reported. */
qemuIOHandle *
qemuIOAddHandle(qemuIO *io, int fd, uint32_t events, qemuIOHandleFunc func, void *opaque)
{
    qemuIOHandle *handle = g_new0(qemuIOHandle, 1);
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
qemuIOUpdateHandle(qemuIOHandle *handle, uint32_t events)
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
qemuIORemoveHandle(qemuIOHandle *handle)
{
    if (!handle || handle->removed)
        return;
    handle->removed = true;
    epoll_ctl(handle->io->epollFd, EPOLL_CTL_DEL, handle->fd, NULL);
    g_ptr_array_add(handle->io->garbage, handle);
}

qemuIOTimer *
qemuIOAddTimer(qemuIO *io, unsigned int delay, qemuIOFunc func, void *opaque)
{
    qemuIOTimer *timer = g_new0(qemuIOTimer, 1);

    timer->io = io;
    timer->func = func;
    timer->opaque = opaque;
    qemuIORestartTimer(timer, delay);
    return timer;
}

void
qemuIORestartTimer(qemuIOTimer *timer, unsigned int delay)
{
    qemuIOStopTimer(timer);
    timer->due = g_get_monotonic_time() + (gint64)delay * 1000;
    timer->place = g_sequence_insert_sorted(timer->io->timers, timer, qemuIOCompareTimers, NULL);
}

void
qemuIOStopTimer(qemuIOTimer *timer)
{
    if (timer->place)
        g_sequence_remove(g_steal_pointer(&timer->place));
}

/* May be called inside the timer's own function: by then it is stopped, and nothing touches
 * it afterwards. */
void
qemuIORemoveTimer(qemuIOTimer *timer)
{
    if (!timer)
        return;
    qemuIOStopTimer(timer);
    g_free(timer);
}

void *
qemuIOShared(qemuIO *io, void *(*make)(void), GDestroyNotify destroy)
{
    if (!io->shared) {
        io->shared = make();
        io->sharedDestroy = destroy;
    }
    return io->shared;
}

char *
qemuIOBuffer(qemuIO *io)
{
    return io->buffer;
}
