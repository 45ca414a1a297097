/*
 * qemu_typed_queue.c: the domain events of one domain, in order, though some wait for an answer
 * of its QEMU
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_typed_queue.h"

#include <string.h>

#include "virerror_priv.h"
#include "virlog.h"

VIR_LOG_INIT("qemu.typed_queue");

/* One that waits: for its answer, or only for its turn. */
typedef struct {
    guint64 serial;
    virObjectEvent *event;          /* it is complete; else the following say what to make */
    const qemuTypedEventRow *row;
    virJSONValue *data;
    guint64 wanted;
    bool incoming;
    bool waiting;                   /* for its answer */
    virJSONValue *answer;
} qemuTypedEntry;

struct _qemuTypedQueue {
    unsigned int refs;              /* the owner's, and one of each question's */
    qemuMonitor *mon;
    virDomainIdent *ident;
    GQueue entries;
    guint64 lastSerial;
    GHashTable *commits, *agentPorts;
    virJSONValue *disks;            /* the last answer about them, or NULL */
    gint64 disksSince;              /* CLOCK_MONOTONIC, microseconds */
    bool askingDisks;
    virLogRepeat drift;
    bool ended;                     /* the owner's reference is gone */
};

/* A command on its way. */
typedef struct {
    qemuTypedQueue *queue;          /* a reference */
    guint64 serial;                 /* of who waits; 0: all who wait for disks */
    qemuTypedQueueFunc func;
    void *opaque;
} qemuTypedQuestion;

static void
qemuTypedEntryFree(void *opaque)
{
    qemuTypedEntry *entry = opaque;

    virObjectEventUnref(entry->event);
    virJSONValueFree(entry->data);
    virJSONValueFree(entry->answer);
    g_free(entry);
}

qemuTypedQueue *
qemuTypedQueueNew(qemuMonitor *mon, virDomainIdent *ident)
{
    qemuTypedQueue *queue = g_new0(qemuTypedQueue, 1);

    queue->refs = 1;
    queue->mon = qemuMonitorRef(mon);
    queue->ident = virDomainIdentRef(ident);
    g_queue_init(&queue->entries);
    queue->commits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    queue->agentPorts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return queue;
}

static void
qemuTypedQueueUnref(qemuTypedQueue *queue)
{
    if (--queue->refs > 0)
        return;
    virJSONValueFree(queue->disks);
    g_hash_table_unref(queue->commits);
    g_hash_table_unref(queue->agentPorts);
    virDomainIdentUnref(queue->ident);
    qemuMonitorUnref(queue->mon);
    g_free(queue);
}

void
qemuTypedQueueFree(qemuTypedQueue *queue)
{
    guint64 unsaid;

    if (!queue)
        return;
    unsaid = virLogRepeatEnd(&queue->drift);
    if (unsaid > 0)
        VIR_WARN("%" G_GUINT64_FORMAT " more events of domain '%.200s' had unexpected data",
                 unsaid, queue->ident->name);
    g_queue_clear_full(&queue->entries, qemuTypedEntryFree);
    queue->ended = true;
    qemuTypedQueueUnref(queue);
}

/* The first is told, the others are counted. */
static void
qemuTypedQueueComplain(qemuTypedQueue *queue, const qemuTypedEventRow *row, const char *what)
{
    if (virLogRepeatBegin(&queue->drift))
        VIR_WARN("event %s of domain '%.200s' has unexpected data: %s", row->name,
                 queue->ident->name, what);
}

virJSONValue *
qemuTypedQueueParse(qemuTypedQueue *queue, const qemuTypedEventRow *row, const char *data,
                    size_t len)
{
    virJSONValue *json = NULL;

    if (!data)
        return NULL;
    if (len > QEMU_TYPED_QUEUE_DATA_MAX) {
        qemuTypedQueueComplain(queue, row, "too much of it");
    } else if (!(json = virJSONValueFromString(data, len))) {
        qemuTypedQueueComplain(queue, row, virErrorLastMessage());
        virResetLastError();
    }
    return json;
}

/* --- making events --- */

static const virJSONValue *
qemuTypedQueueAnswer(qemuTypedQueue *queue, const qemuTypedEntry *entry)
{
    if (entry->row->ask == QEMU_TYPED_ASK_DISKS)
        return virJSONValueObjectGet(queue->disks, "return");
    return virJSONValueObjectGet(entry->answer, "return");
}

static void
qemuTypedQueueMake(qemuTypedQueue *queue, const qemuTypedEntry *entry, qemuTypedQueueFunc func,
                   void *opaque)
{
    qemuTypedEventMaker maker = {
        .row = entry->row,
        .data = entry->data,
        .answer = qemuTypedQueueAnswer(queue, entry),
        .wanted = entry->wanted,
        .incoming = entry->incoming,
        .commits = queue->commits,
        .agentPorts = queue->agentPorts,
        .ident = queue->ident,
        .add = func,
        .opaque = opaque,
    };

    qemuTypedEventMake(&maker);
    if (maker.drift)
        qemuTypedQueueComplain(queue, entry->row, maker.drift);
}

/* Hands out all that need not wait. */
static void
qemuTypedQueueDrain(qemuTypedQueue *queue, qemuTypedQueueFunc func, void *opaque)
{
    qemuTypedEntry *entry;

    while ((entry = g_queue_peek_head(&queue->entries)) && !entry->waiting) {
        g_queue_pop_head(&queue->entries);
        if (entry->event)
            func(g_steal_pointer(&entry->event), opaque);
        else
            qemuTypedQueueMake(queue, entry, func, opaque);
        qemuTypedEntryFree(entry);
    }
}

/* Takes @entry. */
static void
qemuTypedQueuePush(qemuTypedQueue *queue, qemuTypedEntry *entry, qemuTypedQueueFunc func,
                   void *opaque)
{
    entry->serial = ++queue->lastSerial;
    g_queue_push_tail(&queue->entries, entry);
    if (queue->entries.length > QEMU_TYPED_QUEUE_MAX)
        ((qemuTypedEntry *)g_queue_peek_head(&queue->entries))->waiting = false;
    qemuTypedQueueDrain(queue, func, opaque);
}

void
qemuTypedQueueAdd(qemuTypedQueue *queue, virObjectEvent *event, qemuTypedQueueFunc func,
                  void *opaque)
{
    qemuTypedEntry *entry;

    if (queue->entries.length == 0) {
        func(event, opaque);
        return;
    }
    entry = g_new0(qemuTypedEntry, 1);
    entry->event = event;
    qemuTypedQueuePush(queue, entry, func, opaque);
}

void
qemuTypedQueueFlush(qemuTypedQueue *queue, qemuTypedQueueFunc func, void *opaque)
{
    GList *next;

    for (next = queue->entries.head; next; next = next->next)
        ((qemuTypedEntry *)next->data)->waiting = false;
    qemuTypedQueueDrain(queue, func, opaque);
}

/* --- asking --- */

/* Not longer than @max: an answer about disks is kept once, others by each that waits. */
static virJSONValue *
qemuTypedQueueParseAnswer(const char *reply, size_t max)
{
    virJSONValue *json = NULL;

    if (reply && strlen(reply) <= max)
        json = virJSONValueFromString(reply, strlen(reply));
    virResetLastError();
    return json;
}

static void
qemuTypedQueueOnReply(qemuMonitor *mon G_GNUC_UNUSED, const char *reply, void *opaque)
{
    g_autofree qemuTypedQuestion *question = opaque;
    qemuTypedQueue *queue = question->queue;
    size_t max = question->serial == 0 ? QEMU_TYPED_QUEUE_DISKS_MAX : QEMU_TYPED_QUEUE_DATA_MAX;
    virJSONValue *answer = queue->ended ? NULL : qemuTypedQueueParseAnswer(reply, max);
    GList *next;

    if (question->serial == 0) {
        virJSONValueFree(queue->disks);
        queue->disks = answer;
        queue->disksSince = g_get_monotonic_time();
        queue->askingDisks = false;
    }
    for (next = queue->entries.head; next; next = next->next) {
        qemuTypedEntry *entry = next->data;

        if (!entry->waiting)
            continue;
        if (question->serial == 0 && entry->row->ask == QEMU_TYPED_ASK_DISKS) {
            entry->waiting = false;
        } else if (question->serial == entry->serial) {
            entry->waiting = false;
            entry->answer = g_steal_pointer(&answer);
        }
    }
    if (question->serial != 0)
        virJSONValueFree(answer);
    if (!queue->ended)
        qemuTypedQueueDrain(queue, question->func, question->opaque);
    qemuTypedQueueUnref(queue);
}

/* Sends what @entry has to know. Returns whether an answer comes. */
static bool
qemuTypedQueueAsk(qemuTypedQueue *queue, const qemuTypedEntry *entry, guint64 serial,
                  qemuTypedQueueFunc func, void *opaque)
{
    g_autofree char *command = qemuTypedEventCommand(entry->row, entry->data);
    qemuTypedQuestion *question;

    if (!command)
        return false;
    question = g_new0(qemuTypedQuestion, 1);
    *question = (qemuTypedQuestion) { .queue = queue, .serial = serial, .func = func,
                                      .opaque = opaque };
    queue->refs++;
    if (qemuMonitorCommandAsync(queue->mon, command, qemuTypedQueueOnReply, question) == 0)
        return true;
    VIR_DEBUG("cannot ask for event %s of domain '%.200s': %s", entry->row->name,
              queue->ident->name, virErrorLastMessage());
    virResetLastError();
    queue->refs--;
    g_free(question);
    return false;
}

/* The same for disks, of which all who wait have the answer. */
static bool
qemuTypedQueueAskDisks(qemuTypedQueue *queue, const qemuTypedEntry *entry,
                       qemuTypedQueueFunc func, void *opaque)
{
    if (queue->askingDisks)
        return true;
    /* Also of one that made no sense. */
    if (queue->disksSince > 0 &&
        g_get_monotonic_time() - queue->disksSince < QEMU_TYPED_QUEUE_DISKS_US)
        return false;
    queue->askingDisks = qemuTypedQueueAsk(queue, entry, 0, func, opaque);
    return queue->askingDisks;
}

void
qemuTypedQueueHandle(qemuTypedQueue *queue, const qemuTypedEventRow *row, virJSONValue *data,
                     guint64 wanted, bool incoming, qemuTypedQueueFunc func, void *opaque)
{
    qemuTypedEntry *entry = g_new0(qemuTypedEntry, 1);

    entry->row = row;
    entry->data = data;
    entry->wanted = wanted;
    entry->incoming = incoming;
    if (row->ask == QEMU_TYPED_ASK_DISKS)
        entry->waiting = qemuTypedQueueAskDisks(queue, entry, func, opaque);
    else if (row->ask != QEMU_TYPED_ASK_NOTHING)
        entry->waiting = qemuTypedQueueAsk(queue, entry, queue->lastSerial + 1, func, opaque);
    qemuTypedQueuePush(queue, entry, func, opaque);
}

void
qemuTypedQueueSkip(qemuTypedQueue *queue, const qemuTypedEventRow *row)
{
    if (row->kinds & (G_GUINT64_CONSTANT(1) << VIR_DOMAIN_EVENT_ID_BLOCK_JOB))
        g_hash_table_remove_all(queue->commits);
}
