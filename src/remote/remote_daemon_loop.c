/*
 * remote_daemon_loop.c: virtmond's event loop, as the library wants one
 *
 * The functions may be called in any thread, handles and timers belong to the loop's: so
 * each call is noted and carried out there, in order.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_loop.h"

#include <sys/epoll.h>
#include <libvirt/libvirt.h>

#include "virerror_priv.h"
#include "virlog.h"
#include "virthread.h"

VIR_LOG_INIT("remote.daemon_loop");

/* A handle or a timer of the library's. */
typedef struct {
    int id;                     /* these are immutable, up to @freecb */
    int fd;                     /* -1: a timer */
    virEventHandleCallback handleFunc;
    virEventTimeoutCallback timerFunc;
    void *opaque;
    virFreeCallback freecb;
    virIOHandle *handle;        /* these two are the loop's own */
    virIOTimer *timer;
    int events;                 /* or milliseconds; guarded by remoteDaemonLoopLock, as @removed */
    bool removed;
} remoteDaemonLoopItem;

static virIOLoop *remoteDaemonLoop;             /* immutable once registered */
static virMutex remoteDaemonLoopLock = VIR_MUTEX_INITIALIZER;
static GHashTable *remoteDaemonLoopItems;       /* by ID; guarded by the lock, as the next */
static int remoteDaemonLoopLastID;

static uint32_t
remoteDaemonLoopToEpoll(int events)
{
    uint32_t bits = 0;

    if (events & VIR_EVENT_HANDLE_READABLE)
        bits |= EPOLLIN;
    if (events & VIR_EVENT_HANDLE_WRITABLE)
        bits |= EPOLLOUT;
    return bits;
}

static int
remoteDaemonLoopFromEpoll(uint32_t bits)
{
    int events = 0;

    if (bits & EPOLLIN)
        events |= VIR_EVENT_HANDLE_READABLE;
    if (bits & EPOLLOUT)
        events |= VIR_EVENT_HANDLE_WRITABLE;
    if (bits & EPOLLERR)
        events |= VIR_EVENT_HANDLE_ERROR;
    if (bits & EPOLLHUP)
        events |= VIR_EVENT_HANDLE_HANGUP;
    return events;
}

/* What @item is to wait for now; -1: it is removed. */
static int
remoteDaemonLoopWanted(remoteDaemonLoopItem *item)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&remoteDaemonLoopLock);

    return item->removed ? -1 : item->events;
}

/* --- in the loop's thread --- */

static void
remoteDaemonLoopOnHandle(virIOHandle *handle G_GNUC_UNUSED, int fd, uint32_t bits, void *opaque)
{
    remoteDaemonLoopItem *item = opaque;
    int wanted = remoteDaemonLoopWanted(item);
    /* What was changed just now may not have got to the loop yet. */
    int events = remoteDaemonLoopFromEpoll(bits) &
        (wanted | VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP);

    if (wanted >= 0 && events != 0)
        item->handleFunc(item->id, fd, events, item->opaque);
}

static void
remoteDaemonLoopOnTimer(void *opaque)
{
    remoteDaemonLoopItem *item = opaque;
    int delay = remoteDaemonLoopWanted(item);

    if (delay < 0)
        return;
    /* One that is always due must leave the loop its turn. */
    virIOLoopRestartTimer(item->timer, MAX(delay, 1));
    item->timerFunc(item->id, item->opaque);
}

/* Makes the loop wait for what @item wants now. */
static void
remoteDaemonLoopApply(void *opaque)
{
    remoteDaemonLoopItem *item = opaque;
    int wanted = remoteDaemonLoopWanted(item);

    if (wanted < 0)
        return;
    if (item->fd >= 0) {
        uint32_t bits = remoteDaemonLoopToEpoll(wanted);

        if (item->handle)
            virIOLoopUpdateHandle(item->handle, bits);
        else if (!(item->handle = virIOLoopAddHandle(remoteDaemonLoop, item->fd, bits,
                                                     remoteDaemonLoopOnHandle, item)))
            VIR_ERROR("%s", virErrorLastMessage());
    } else if (item->timer) {
        virIOLoopRestartTimer(item->timer, wanted);
    } else {
        item->timer = virIOLoopAddTimer(remoteDaemonLoop, wanted, remoteDaemonLoopOnTimer, item);
    }
}

static void
remoteDaemonLoopPause(void *opaque)
{
    remoteDaemonLoopItem *item = opaque;

    if (item->timer)
        virIOLoopStopTimer(item->timer);
}

static void
remoteDaemonLoopDrop(void *opaque)
{
    remoteDaemonLoopItem *item = opaque;

    virIOLoopRemoveHandle(item->handle);
    virIOLoopRemoveTimer(item->timer);
    if (item->freecb)
        item->freecb(item->opaque);
    g_free(item);
}

/* --- in any thread --- */

/* With the lock held, so that what is done to an item is done in order, the removal last. */
static void
remoteDaemonLoopChanged(remoteDaemonLoopItem *item)
{
    virIOFunc func = remoteDaemonLoopApply;

    if (item->removed)
        func = remoteDaemonLoopDrop;
    else if (item->fd < 0 && item->events < 0)
        func = remoteDaemonLoopPause;       /* a timer that is disabled */
    virIOLoopInvoke(remoteDaemonLoop, func, item);
}

/* Takes @item. */
static int
remoteDaemonLoopAdd(remoteDaemonLoopItem *item)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&remoteDaemonLoopLock);

    item->id = remoteDaemonLoopLastID++;
    g_hash_table_insert(remoteDaemonLoopItems, GINT_TO_POINTER(item->id), item);
    remoteDaemonLoopChanged(item);
    return item->id;
}

/* Sets what item @id is to wait for, if there is such an item. */
static void
remoteDaemonLoopSet(int id, int events)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&remoteDaemonLoopLock);
    remoteDaemonLoopItem *item = g_hash_table_lookup(remoteDaemonLoopItems, GINT_TO_POINTER(id));

    if (!item)
        return;
    item->events = events;
    remoteDaemonLoopChanged(item);
}

static int
remoteDaemonLoopRemove(int id)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&remoteDaemonLoopLock);
    remoteDaemonLoopItem *item = g_hash_table_lookup(remoteDaemonLoopItems, GINT_TO_POINTER(id));

    if (!item)
        return -1;
    g_hash_table_remove(remoteDaemonLoopItems, GINT_TO_POINTER(id));
    item->removed = true;
    remoteDaemonLoopChanged(item);
    return 0;
}

static int
remoteDaemonLoopAddHandle(int fd, int events, virEventHandleCallback cb, void *opaque,
                          virFreeCallback freecb)
{
    remoteDaemonLoopItem *item = g_new0(remoteDaemonLoopItem, 1);

    item->fd = fd;
    item->events = events;
    item->handleFunc = cb;
    item->opaque = opaque;
    item->freecb = freecb;
    return remoteDaemonLoopAdd(item);
}

static void
remoteDaemonLoopUpdateHandle(int watch, int events)
{
    remoteDaemonLoopSet(watch, events);
}

static int
remoteDaemonLoopAddTimeout(int timeout, virEventTimeoutCallback cb, void *opaque,
                           virFreeCallback freecb)
{
    remoteDaemonLoopItem *item = g_new0(remoteDaemonLoopItem, 1);

    item->fd = -1;
    item->events = MAX(timeout, -1);
    item->timerFunc = cb;
    item->opaque = opaque;
    item->freecb = freecb;
    return remoteDaemonLoopAdd(item);
}

static void
remoteDaemonLoopUpdateTimeout(int timer, int timeout)
{
    remoteDaemonLoopSet(timer, MAX(timeout, -1));
}

void
remoteDaemonLoopRegister(virIOLoop *loop)
{
    remoteDaemonLoop = loop;
    remoteDaemonLoopItems = g_hash_table_new(NULL, NULL);
    virEventRegisterImpl(remoteDaemonLoopAddHandle, remoteDaemonLoopUpdateHandle,
                         remoteDaemonLoopRemove, remoteDaemonLoopAddTimeout,
                         remoteDaemonLoopUpdateTimeout, remoteDaemonLoopRemove);
}
