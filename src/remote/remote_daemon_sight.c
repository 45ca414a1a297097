/*
 * remote_daemon_sight.c: whose events a client may see
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_sight.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "remote_daemon_access.h"
#include "virlog.h"
#include "virnetserverworkers.h"
#include "viruuid.h"

VIR_LOG_INIT("remote.daemon_sight");

/* What is known of one domain. One of the same UUID with another name is another to those who
 * decide, and events of both may wait at the same time. */
typedef struct {
    unsigned char uuid[VIR_UUID_BUFLEN];        /* these two never change */
    char *name;
    remoteSightAnswer answer;
    bool stale;                 /* to be asked again when somebody looks; it counts until then */
    bool failed;                /* could not be asked */
    bool looked;                /* since the last of the ticks that count */
    bool queued;                /* waits in the viewer's queue, or is being asked */
    GList *place;               /* in that queue; NULL: it isn't there */
    bool urgent;                /* ... before those that aren't */
} remoteSightEntry;

/* All clients that are the same to those who decide. */
typedef struct {
    remoteSight *sight;
    virIdentity *identity;      /* a reference */
    bool watches;
    GPtrArray *views;           /* remoteView */
    GHashTable *entries;        /* remoteSightEntry, owned, by itself: UUID and name */
    GQueue unasked;             /* remoteSightEntry, those that are queued and not being asked */
    bool asking;                /* one batch at a time, so that all viewers have their turns */
    virNetServerWorkersOwner *worker;
    /* One domain's events come in a row: its entry is found by the ident's place in memory, which is
     * nobody else's as long as there is this reference. NULL: none. */
    virDomainIdent *lastIdent;
    remoteSightEntry *lastEntry;
} remoteViewer;

struct _remoteView {
    remoteViewer *viewer;
    remoteViewFunc answered;
    void *opaque;
    bool closed;                /* inside its own @answered, or another's: freed behind that */
    bool telling;
};

struct _remoteSight {
    virAccessManager *manager;
    virIOLoop *loop;
    virConnectPtr conn;
    virNetServerWorkers *workers;
    GHashTable *viewers;        /* remoteViewer by itself: identity and @watches */
    size_t batches;             /* that are being asked */
    guint64 policy;             /* counts its changes */
    virIOTimer *timer;
    size_t ticks;
    atomic_bool changing;       /* a change of the policy is on its way, or waits for its time */
    virIOTimer *changeTimer;    /* runs while it waits */
    gint64 forgotten;           /* CLOCK_MONOTONIC, microseconds, of the last; 0: not yet */
};

/* One question of a batch. */
typedef struct {
    remoteSightEntry *entry;    /* stays: it is queued. Workers see what never changes of it */
    int rc;                     /* of virAccessManagerCheck() */
} remoteSightQuestion;

typedef struct {
    remoteViewer *viewer;       /* stays: it is asking */
    guint64 policy;             /* when it was asked */
    size_t count;
    remoteSightQuestion questions[REMOTE_SIGHT_BATCH_MAX];
} remoteSightBatch;

/* --- viewers --- */

static guint
remoteViewerHash(gconstpointer opaque)
{
    const remoteViewer *viewer = opaque;

    return virIdentityHash(viewer->identity) ^ viewer->watches;
}

static gboolean
remoteViewerEqual(gconstpointer one, gconstpointer other)
{
    const remoteViewer *a = one;
    const remoteViewer *b = other;

    return a->watches == b->watches && virIdentityEqual(a->identity, b->identity);
}

static guint
remoteSightEntryHash(gconstpointer opaque)
{
    const remoteSightEntry *entry = opaque;

    return virUUIDHash(entry->uuid) ^ g_str_hash(entry->name);
}

static gboolean
remoteSightEntryEqual(gconstpointer one, gconstpointer other)
{
    const remoteSightEntry *a = one;
    const remoteSightEntry *b = other;

    return virUUIDEqual(a->uuid, b->uuid) && strcmp(a->name, b->name) == 0;
}

static void
remoteSightEntryFree(void *opaque)
{
    remoteSightEntry *entry = opaque;

    g_free(entry->name);
    g_free(entry);
}

static remoteViewer *
remoteViewerNew(remoteSight *sight, virIdentity *identity, bool watches)
{
    remoteViewer *viewer = g_new0(remoteViewer, 1);

    viewer->sight = sight;
    viewer->identity = virIdentityRef(identity);
    viewer->watches = watches;
    viewer->views = g_ptr_array_new();
    viewer->entries = g_hash_table_new_full(remoteSightEntryHash, remoteSightEntryEqual,
                                            remoteSightEntryFree, NULL);
    g_queue_init(&viewer->unasked);
    viewer->worker = virNetServerWorkersOwnerNew(sight->workers);
    g_hash_table_add(sight->viewers, viewer);
    return viewer;
}

static void
remoteViewerForgetLast(remoteViewer *viewer)
{
    g_clear_pointer(&viewer->lastIdent, virDomainIdentUnref);
    viewer->lastEntry = NULL;
}

/* Frees it if nobody has it any more. */
static void
remoteViewerRelease(remoteViewer *viewer)
{
    if (viewer->views->len > 0 || viewer->asking)
        return;
    g_hash_table_remove(viewer->sight->viewers, viewer);
    remoteViewerForgetLast(viewer);
    g_queue_clear(&viewer->unasked);
    g_hash_table_unref(viewer->entries);
    virNetServerWorkersOwnerFree(viewer->worker);
    g_ptr_array_unref(viewer->views);
    virIdentityUnref(viewer->identity);
    g_free(viewer);
}

/* --- asking --- */

static int
remoteSightAskOne(const remoteViewer *viewer, const remoteSightEntry *entry, virAccessPerm perm)
{
    const virAccessQuestion question = {
        .identity = viewer->identity,
        .perm = perm,
        .connectDriver = REMOTE_DAEMON_ACCESS_DRIVER,
        .domainName = entry->name,
        .domainUUID = entry->uuid,
    };
    int rc = virAccessManagerCheck(viewer->sight->manager, &question);

    if (rc < 0)
        virResetLastError();
    return rc;
}

static void remoteViewerAsk(remoteViewer *viewer);

static void
remoteViewerPush(remoteViewer *viewer, remoteSightEntry *entry)
{
    if (entry->urgent) {
        g_queue_push_head(&viewer->unasked, entry);
        entry->place = viewer->unasked.head;
    } else {
        g_queue_push_tail(&viewer->unasked, entry);
        entry->place = viewer->unasked.tail;
    }
}

static void
remoteViewerTakeAnswer(remoteViewer *viewer, const remoteSightBatch *batch,
                       const remoteSightQuestion *question)
{
    remoteSightEntry *entry = question->entry;

    g_assert(entry->queued);
    if (batch->policy != viewer->sight->policy) {
        remoteViewerPush(viewer, entry);
        return;
    }
    entry->queued = false;
    entry->urgent = false;
    entry->stale = false;
    entry->failed = question->rc < 0;
    entry->answer = question->rc > 0 ? REMOTE_SIGHT_SEEN : REMOTE_SIGHT_HIDDEN;
    VIR_DEBUG("domain '%s' is %s", entry->name, question->rc > 0 ? "seen" : "hidden");
}

/* Tells all views; of those that are there now, as more may come meanwhile, and all may go. */
static void
remoteViewerTell(remoteViewer *viewer)
{
    g_autoptr(GPtrArray) views = g_ptr_array_copy(viewer->views, NULL, NULL);
    guint i;

    for (i = 0; i < views->len; i++)
        ((remoteView *)g_ptr_array_index(views, i))->telling = true;
    for (i = 0; i < views->len; i++) {
        remoteView *view = g_ptr_array_index(views, i);

        if (!view->closed)
            view->answered(view->opaque);
    }
    for (i = 0; i < views->len; i++) {
        remoteView *view = g_ptr_array_index(views, i);

        view->telling = false;
        if (view->closed)
            g_free(view);
    }
}

/* In the I/O thread again. */
static void
remoteSightAnswered(void *opaque)
{
    remoteSightBatch *batch = opaque;
    remoteViewer *viewer = batch->viewer;
    size_t i;

    for (i = 0; i < batch->count; i++)
        remoteViewerTakeAnswer(viewer, batch, &batch->questions[i]);
    g_free(batch);
    /* It is still asking, and so stays, whatever views do. */
    remoteViewerTell(viewer);
    viewer->asking = false;
    viewer->sight->batches--;
    if (viewer->views->len > 0)
        remoteViewerAsk(viewer);
    remoteViewerRelease(viewer);
}

/* In a worker. Once one can't be asked, the others aren't tried: each would wait as long. */
static void
remoteSightAskBatch(void *opaque)
{
    remoteSightBatch *batch = opaque;
    bool failed = false;
    size_t i;

    for (i = 0; i < batch->count; i++) {
        remoteSightQuestion *question = &batch->questions[i];

        question->rc = failed ? -1 : remoteSightAskOne(batch->viewer, question->entry,
                                                       VIR_ACCESS_PERM_DOMAIN_GETATTR);
        if (question->rc > 0 && batch->viewer->watches)
            question->rc = remoteSightAskOne(batch->viewer, question->entry,
                                             VIR_ACCESS_PERM_DOMAIN_WATCH_EVENTS);
        failed = question->rc < 0;
    }
    virIOLoopInvoke(batch->viewer->sight->loop, remoteSightAnswered, batch);
}

/* The next of its questions, unless some are being asked. */
static void
remoteViewerAsk(remoteViewer *viewer)
{
    remoteSightBatch *batch;

    if (viewer->asking || g_queue_is_empty(&viewer->unasked))
        return;
    batch = g_new0(remoteSightBatch, 1);
    batch->viewer = viewer;
    batch->policy = viewer->sight->policy;
    while (batch->count < REMOTE_SIGHT_BATCH_MAX && !g_queue_is_empty(&viewer->unasked)) {
        remoteSightEntry *entry = g_queue_pop_head(&viewer->unasked);

        entry->place = NULL;
        batch->questions[batch->count++].entry = entry;
    }
    viewer->asking = true;
    viewer->sight->batches++;
    virNetServerWorkersPush(viewer->worker, false, remoteSightAskBatch, batch);
}

/* @urgent: an event waits for the answer. */
static void
remoteViewerQueue(remoteViewer *viewer, remoteSightEntry *entry, bool urgent)
{
    bool raised = urgent && !entry->urgent;

    if (entry->queued && !raised)
        return;
    entry->urgent |= urgent;
    if (entry->place)
        g_queue_delete_link(&viewer->unasked, g_steal_pointer(&entry->place));
    else if (entry->queued)
        return;                 /* is being asked */
    entry->queued = true;
    remoteViewerPush(viewer, entry);
    remoteViewerAsk(viewer);
}

/* --- looking --- */

static gboolean
remoteSightEntryIsIdle(gpointer opaque, gpointer same G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
    return !((remoteSightEntry *)opaque)->queued;
}

/* NULL: there are too many. */
static remoteSightEntry *
remoteViewerAdd(remoteViewer *viewer, const unsigned char *uuid, const char *name)
{
    remoteSightEntry *entry;

    /* So many domains came and went: most of these are gone. */
    if (g_hash_table_size(viewer->entries) >= REMOTE_SIGHT_DOMAINS_MAX)
        g_hash_table_foreach_remove(viewer->entries, remoteSightEntryIsIdle, NULL);
    if (g_hash_table_size(viewer->entries) >= REMOTE_SIGHT_DOMAINS_MAX)
        return NULL;
    entry = g_new0(remoteSightEntry, 1);
    memcpy(entry->uuid, uuid, VIR_UUID_BUFLEN);
    entry->name = g_strdup(name);
    g_hash_table_add(viewer->entries, entry);
    return entry;
}

static remoteSightEntry *
remoteViewerFind(remoteViewer *viewer, virDomainIdent *ident)
{
    remoteSightEntry key = { .name = ident->name };
    remoteSightEntry *entry;

    memcpy(key.uuid, ident->uuid, VIR_UUID_BUFLEN);
    entry = g_hash_table_lookup(viewer->entries, &key);
    remoteViewerForgetLast(viewer);
    if (!entry && !(entry = remoteViewerAdd(viewer, ident->uuid, ident->name)))
        return NULL;
    viewer->lastIdent = virDomainIdentRef(ident);
    viewer->lastEntry = entry;
    return entry;
}

remoteSightAnswer
remoteViewLook(remoteView *view, virDomainIdent *ident)
{
    remoteViewer *viewer = view->viewer;
    remoteSightEntry *entry = viewer->lastEntry;

    if (ident != viewer->lastIdent && !(entry = remoteViewerFind(viewer, ident)))
        return REMOTE_SIGHT_HIDDEN;
    entry->looked = true;
    if (entry->answer == REMOTE_SIGHT_UNKNOWN || entry->stale)
        remoteViewerQueue(viewer, entry, entry->answer == REMOTE_SIGHT_UNKNOWN);
    return entry->answer;
}

/* All domains that are there. */
static void
remoteViewerExpect(remoteViewer *viewer)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(viewer->sight->conn, &domains, 0);
    int i;

    for (i = 0; i < count; i++) {
        remoteSightEntry *entry = remoteViewerAdd(viewer, domains[i]->uuid, domains[i]->name);

        if (entry)
            remoteViewerQueue(viewer, entry, false);
        virDomainUnref(domains[i]);
    }
    free(domains);
    virResetLastError();
}

remoteView *
remoteViewNew(remoteSight *sight, virIdentity *identity, bool watches, remoteViewFunc answered,
              void *opaque)
{
    const remoteViewer key = { .identity = identity, .watches = watches };
    remoteViewer *viewer = g_hash_table_lookup(sight->viewers, &key);
    remoteView *view = g_new0(remoteView, 1);

    if (!viewer) {
        viewer = remoteViewerNew(sight, identity, watches);
        remoteViewerExpect(viewer);
    }
    view->viewer = viewer;
    view->answered = answered;
    view->opaque = opaque;
    g_ptr_array_add(viewer->views, view);
    return view;
}

void
remoteViewFree(remoteView *view)
{
    remoteViewer *viewer;

    if (!view)
        return;
    viewer = view->viewer;
    g_ptr_array_remove_fast(viewer->views, view);
    view->closed = true;
    if (!view->telling)
        g_free(view);
    remoteViewerRelease(viewer);
}

/* --- time and change --- */

static void
remoteSightForgetNow(void *opaque)
{
    remoteSight *sight = opaque;
    GHashTableIter viewers;
    remoteViewer *viewer;

    /* First: what changes from here on is told again. */
    atomic_store(&sight->changing, false);
    sight->forgotten = g_get_monotonic_time();
    sight->policy++;
    VIR_INFO("the policy has changed");
    g_hash_table_iter_init(&viewers, sight->viewers);
    while (g_hash_table_iter_next(&viewers, (gpointer *)&viewer, NULL)) {
        GHashTableIter entries;
        remoteSightEntry *entry;

        g_hash_table_iter_init(&entries, viewer->entries);
        while (g_hash_table_iter_next(&entries, (gpointer *)&entry, NULL))
            entry->answer = REMOTE_SIGHT_UNKNOWN;
    }
}

/* In the I/O thread: now, or when it is time again. */
static void
remoteSightChanged(void *opaque)
{
    remoteSight *sight = opaque;
    gint64 passed = (g_get_monotonic_time() - sight->forgotten) / 1000;

    if (sight->forgotten == 0 || passed >= REMOTE_SIGHT_FORGET_MS)
        remoteSightForgetNow(sight);
    else
        virIOLoopRestartTimer(sight->changeTimer, (unsigned int)(REMOTE_SIGHT_FORGET_MS - passed));
}

void
remoteSightForget(remoteSight *sight)
{
    if (!atomic_exchange(&sight->changing, true))
        virIOLoopInvoke(sight->loop, remoteSightChanged, sight);
}

/* Whether that domain is there, by that name. */
static bool
remoteSightKnows(remoteSight *sight, const remoteSightEntry *entry)
{
    virDomainPtr dom = virDomainLookupByUUID(sight->conn, entry->uuid);
    bool same;

    virResetLastError();
    if (!dom)
        return false;
    same = strcmp(dom->name, entry->name) == 0;
    virDomainUnref(dom);
    return same;
}

/* @full: it is time for all of them, not only for those that failed. */
static void
remoteViewerTick(remoteViewer *viewer, bool full)
{
    GHashTableIter iter;
    remoteSightEntry *entry;

    if (full)
        remoteViewerForgetLast(viewer);
    g_hash_table_iter_init(&iter, viewer->entries);
    while (g_hash_table_iter_next(&iter, (gpointer *)&entry, NULL)) {
        if (entry->queued)
            continue;
        if (full && !entry->looked && !remoteSightKnows(viewer->sight, entry)) {
            g_hash_table_iter_remove(&iter);
            continue;
        }
        if (full)
            entry->looked = false;
        if (full || entry->failed)
            entry->stale = true;
    }
}

static void
remoteSightDue(void *opaque)
{
    remoteSight *sight = opaque;
    GHashTableIter iter;
    remoteViewer *viewer;
    bool full = ++sight->ticks % (REMOTE_SIGHT_KEEP_S / REMOTE_SIGHT_RETRY_S) == 0;

    g_hash_table_iter_init(&iter, sight->viewers);
    while (g_hash_table_iter_next(&iter, (gpointer *)&viewer, NULL))
        remoteViewerTick(viewer, full);
    virIOLoopRestartTimer(sight->timer, REMOTE_SIGHT_RETRY_S * 1000);
}

static void
remoteSightStart(void *opaque)
{
    remoteSight *sight = opaque;

    sight->timer = virIOLoopAddTimer(sight->loop, REMOTE_SIGHT_RETRY_S * 1000, remoteSightDue,
                                     sight);
    sight->changeTimer = virIOLoopAddTimer(sight->loop, REMOTE_SIGHT_FORGET_MS,
                                           remoteSightForgetNow, sight);
    virIOLoopStopTimer(sight->changeTimer);
}

remoteSight *
remoteSightNew(virAccessManager *manager, virIOLoop *loop, virConnectPtr conn)
{
    remoteSight *sight = g_new0(remoteSight, 1);

    sight->manager = manager;
    sight->loop = loop;
    sight->conn = conn;
    sight->workers = virNetServerWorkersNew(REMOTE_SIGHT_WORKERS_MAX, 0);
    sight->viewers = g_hash_table_new(remoteViewerHash, remoteViewerEqual);
    virIOLoopInvokeWait(loop, remoteSightStart, sight);
    return sight;
}

/* Behind the answers of all batches. */
static void
remoteSightEnd(void *opaque)
{
    remoteSight *sight = opaque;

    virIOLoopRemoveTimer(sight->timer);
    virIOLoopRemoveTimer(sight->changeTimer);
    g_assert(sight->batches == 0 && g_hash_table_size(sight->viewers) == 0);
}

void
remoteSightFree(remoteSight *sight)
{
    if (!sight)
        return;
    virNetServerWorkersStop(sight->workers);
    virIOLoopInvokeWait(sight->loop, remoteSightEnd, sight);
    virNetServerWorkersFree(sight->workers);
    g_hash_table_unref(sight->viewers);
    g_free(sight);
}
