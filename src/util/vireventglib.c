/*
 * vireventglib.c: the built-in event loop, on GLib's default main context
 *
 * A handle or timeout is a small object, found by its ID and by the GSource that
 * serves it. A removed one is taken out at once, so that its callback isn't
 * called again, and freed by an idle source: never while its callback runs, even
 * if that runs the loop, and never inside the call that removes it, as applications
 * rely on.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vireventglib.h"

#include <glib.h>
#include <glib-unix.h>

#include "virthread.h"

typedef struct {
    int id;
    int fd;                             /* -1: a timeout */
    int events;                         /* VIR_EVENT_HANDLE_*; 0: not watched for now */
    int interval;                       /* milliseconds; -1: not due for now */
    virEventHandleCallback handle;
    virEventTimeoutCallback timeout;
    void *opaque;
    virFreeCallback ff;
    GSource *source;                    /* guarded by the lock, as events and interval */
    unsigned int running;               /* calls of its callback that go on; guarded too */
    bool removed;                       /* guarded too */
} virEventGLibEntry;

static virMutex virEventGLibLock = VIR_MUTEX_INITIALIZER;
static GHashTable *virEventGLibEntries; /* guarded by the lock; ID -> entry, not removed */
static int virEventGLibNextID = 1;      /* guarded by the lock */

static GIOCondition
virEventGLibToCondition(int events)
{
    GIOCondition condition = 0;

    if (events & VIR_EVENT_HANDLE_READABLE)
        condition |= G_IO_IN;
    if (events & VIR_EVENT_HANDLE_WRITABLE)
        condition |= G_IO_OUT;
    if (events & VIR_EVENT_HANDLE_ERROR)
        condition |= G_IO_ERR;
    if (events & VIR_EVENT_HANDLE_HANGUP)
        condition |= G_IO_HUP;
    return condition;
}

static int
virEventGLibFromCondition(GIOCondition condition)
{
    int events = 0;

    if (condition & G_IO_IN)
        events |= VIR_EVENT_HANDLE_READABLE;
    if (condition & G_IO_OUT)
        events |= VIR_EVENT_HANDLE_WRITABLE;
    if (condition & (G_IO_ERR | G_IO_NVAL))
        events |= VIR_EVENT_HANDLE_ERROR;
    if (condition & G_IO_HUP)
        events |= VIR_EVENT_HANDLE_HANGUP;
    return events;
}

static gboolean
virEventGLibFree(gpointer opaque)
{
    virEventGLibEntry *entry = opaque;

    /* The removal is over: GLib's lock sees to that. The thread sanitizer sees only ours. */
    virMutexLock(&virEventGLibLock);
    virMutexUnlock(&virEventGLibLock);

    if (entry->ff)
        entry->ff(entry->opaque);
    g_free(entry);
    return G_SOURCE_REMOVE;
}

static void
virEventGLibFreeLater(virEventGLibEntry *entry)
{
    /* Above all others: whoever runs the loop once more has seen it freed. */
    g_idle_add_full(G_PRIORITY_HIGH, virEventGLibFree, entry, NULL);
}

/* Before the callback: whether it may be called. Another thread may have changed or removed
 * the entry between GLib's dispatch and here; it is there for the length of the dispatch, as the
 * loop itself frees it. */
static bool
virEventGLibEnter(virEventGLibEntry *entry)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virEventGLibLock);

    if (entry->source != g_main_current_source())
        return false;
    entry->running++;
    return true;
}

/* Behind it. */
static void
virEventGLibLeave(virEventGLibEntry *entry)
{
    bool last;

    virMutexLock(&virEventGLibLock);
    last = --entry->running == 0 && entry->removed;
    virMutexUnlock(&virEventGLibLock);
    if (last)
        virEventGLibFreeLater(entry);
}

static gboolean
virEventGLibDispatchHandle(gint fd, GIOCondition condition, gpointer opaque)
{
    virEventGLibEntry *entry = opaque;

    if (!virEventGLibEnter(entry))
        return G_SOURCE_REMOVE;
    entry->handle(entry->id, fd, virEventGLibFromCondition(condition), entry->opaque);
    virEventGLibLeave(entry);
    return G_SOURCE_CONTINUE;
}

static gboolean
virEventGLibDispatchTimeout(gpointer opaque)
{
    virEventGLibEntry *entry = opaque;

    if (!virEventGLibEnter(entry))
        return G_SOURCE_REMOVE;
    entry->timeout(entry->id, entry->opaque);
    virEventGLibLeave(entry);
    return G_SOURCE_CONTINUE;
}

/* Call with the lock held. Replaces the source by one that fits the entry now. */
static void
virEventGLibArm(virEventGLibEntry *entry)
{
    if (entry->source) {
        g_source_destroy(entry->source);
        g_clear_pointer(&entry->source, g_source_unref);
    }

    if (entry->fd >= 0) {
        if (entry->events == 0)
            return;
        entry->source = g_unix_fd_source_new(entry->fd, virEventGLibToCondition(entry->events));
        g_source_set_callback(entry->source, G_SOURCE_FUNC(virEventGLibDispatchHandle), entry,
                              NULL);
    } else {
        if (entry->interval < 0)
            return;
        entry->source = g_timeout_source_new(entry->interval);
        g_source_set_callback(entry->source, virEventGLibDispatchTimeout, entry, NULL);
    }
    g_source_attach(entry->source, NULL);
}

static int
virEventGLibAdd(virEventGLibEntry *entry)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virEventGLibLock);

    if (!virEventGLibEntries)
        virEventGLibEntries = g_hash_table_new(NULL, NULL);
    /* They come round after some years. */
    do {
        entry->id = virEventGLibNextID;
        virEventGLibNextID = virEventGLibNextID == G_MAXINT ? 1 : virEventGLibNextID + 1;
    } while (g_hash_table_contains(virEventGLibEntries, GINT_TO_POINTER(entry->id)));
    g_hash_table_insert(virEventGLibEntries, GINT_TO_POINTER(entry->id), entry);
    virEventGLibArm(entry);
    return entry->id;
}

/* Call with the lock held. Handles and timeouts share IDs but not functions. */
static virEventGLibEntry *
virEventGLibFind(int id, bool handle)
{
    virEventGLibEntry *entry = NULL;

    if (virEventGLibEntries)
        entry = g_hash_table_lookup(virEventGLibEntries, GINT_TO_POINTER(id));
    return entry && (entry->fd >= 0) == handle ? entry : NULL;
}

static int
virEventGLibRemove(int id, bool handle)
{
    virEventGLibEntry *entry;
    bool running = false;

    virMutexLock(&virEventGLibLock);
    if ((entry = virEventGLibFind(id, handle))) {
        g_hash_table_remove(virEventGLibEntries, GINT_TO_POINTER(id));
        entry->events = 0;
        entry->interval = -1;
        virEventGLibArm(entry);
        entry->removed = true;
        running = entry->running > 0;
        if (g_hash_table_size(virEventGLibEntries) == 0)
            g_clear_pointer(&virEventGLibEntries, g_hash_table_unref);
    }
    virMutexUnlock(&virEventGLibLock);

    if (!entry)
        return -1;
    /* Else it is freed behind its callback. */
    if (!running)
        virEventGLibFreeLater(entry);
    return 0;
}

int
virEventGLibAddHandle(int fd, int events, virEventHandleCallback cb, void *opaque,
                      virFreeCallback ff)
{
    virEventGLibEntry *entry;

    if (fd < 0)
        return -1;
    entry = g_new0(virEventGLibEntry, 1);
    entry->fd = fd;
    entry->events = events;
    entry->interval = -1;
    entry->handle = cb;
    entry->opaque = opaque;
    entry->ff = ff;
    return virEventGLibAdd(entry);
}

void
virEventGLibUpdateHandle(int watch, int events)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virEventGLibLock);
    virEventGLibEntry *entry = virEventGLibFind(watch, true);

    if (entry && entry->events != events) {
        entry->events = events;
        virEventGLibArm(entry);
    }
}

int
virEventGLibRemoveHandle(int watch)
{
    return virEventGLibRemove(watch, true);
}

int
virEventGLibAddTimeout(int frequency, virEventTimeoutCallback cb, void *opaque,
                       virFreeCallback ff)
{
    virEventGLibEntry *entry = g_new0(virEventGLibEntry, 1);

    entry->fd = -1;
    entry->interval = frequency;
    entry->timeout = cb;
    entry->opaque = opaque;
    entry->ff = ff;
    return virEventGLibAdd(entry);
}

void
virEventGLibUpdateTimeout(int timer, int frequency)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virEventGLibLock);
    virEventGLibEntry *entry = virEventGLibFind(timer, false);

    if (entry) {
        entry->interval = frequency;
        virEventGLibArm(entry);
    }
}

int
virEventGLibRemoveTimeout(int timer)
{
    return virEventGLibRemove(timer, false);
}

void
virEventGLibRunOnce(void)
{
    g_main_context_iteration(NULL, TRUE);
}
