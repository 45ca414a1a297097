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

/* An answer that all who wait for one of its kind have in common. */
typedef struct {
    virJSONValue *answer;           /* the last, or NULL */
    gint64 since;                   /* CLOCK_MONOTONIC, microseconds; 0: there was none */
    bool asking;
} qemuTypedShared;

struct _qemuTypedQueue {
    unsigned int refs;              /* the owner's, and one of each question's */
    qemuMonitor *mon;
    virDomainIdent *ident;
    GQueue entries;
    guint64 lastSerial;
    GHashTable *commits, *agentPorts;
    qemuTypedShared disks, nodes;
    virLogRepeat drift;
    bool ended;                     /* the owner's reference is gone */
};

/* A command on its way. */
typedef struct {
    qemuTypedQueue *queue;          /* a reference */
    guint64 serial;                 /* of who waits; 0: all who wait for the same */
    qemuTypedEventAsk ask;
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
    virJSONValueFree(queue->disks.answer);
    virJSONValueFree(queue->nodes.answer);
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

/* What those who want @ask have in common; NULL: nothing. */
static qemuTypedShared *
qemuTypedQueueShared(qemuTypedQueue *queue, qemuTypedEventAsk ask)
{
    switch (ask) {
    case QEMU_TYPED_ASK_DISKS:
        return &queue->disks;
    case QEMU_TYPED_ASK_NODES:
        return &queue->nodes;
    case QEMU_TYPED_ASK_NOTHING:
    case QEMU_TYPED_ASK_PORT:
    case QEMU_TYPED_ASK_MIGRATION:
    default:
        return NULL;
    }
}

static const virJSONValue *
qemuTypedQueueAnswer(qemuTypedQueue *queue, const qemuTypedEntry *entry)
{
    const qemuTypedShared *shared = qemuTypedQueueShared(queue, entry->row->ask);

    return virJSONValueObjectGet(shared ? shared->answer : entry->answer, "return");
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

/* Not longer than @max: an answer that is shared is kept once, others by each that waits. */
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
    qemuTypedShared *shared = question->serial == 0 ? qemuTypedQueueShared(queue, question->ask) :
                                                      NULL;
    size_t max = shared ? QEMU_TYPED_QUEUE_DISKS_MAX : QEMU_TYPED_QUEUE_DATA_MAX;
    virJSONValue *answer = queue->ended ? NULL : qemuTypedQueueParseAnswer(reply, max);
    GList *next;

    if (shared) {
        virJSONValueFree(shared->answer);
        shared->answer = answer;
        shared->since = g_get_monotonic_time();
        shared->asking = false;
    }
    for (next = queue->entries.head; next; next = next->next) {
        qemuTypedEntry *entry = next->data;

        if (!entry->waiting)
            continue;
        if (shared && entry->row->ask == question->ask) {
            entry->waiting = false;
        } else if (question->serial == entry->serial) {
            entry->waiting = false;
            entry->answer = g_steal_pointer(&answer);
        }
    }
    if (!shared)
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
    *question = (qemuTypedQuestion) { .queue = queue, .serial = serial, .ask = entry->row->ask,
                                      .func = func, .opaque = opaque };
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

/* The same for what is @shared. */
static bool
qemuTypedQueueAskShared(qemuTypedQueue *queue, qemuTypedShared *shared,
                        const qemuTypedEntry *entry, qemuTypedQueueFunc func, void *opaque)
{
    if (shared->asking)
        return true;
    /* Also of one that made no sense. */
    if (shared->since > 0 && g_get_monotonic_time() - shared->since < QEMU_TYPED_QUEUE_DISKS_US)
        return false;
    shared->asking = qemuTypedQueueAsk(queue, entry, 0, func, opaque);
    return shared->asking;
}

void
qemuTypedQueueHandle(qemuTypedQueue *queue, const qemuTypedEventRow *row, virJSONValue *data,
                     guint64 wanted, bool incoming, qemuTypedQueueFunc func, void *opaque)
{
    qemuTypedShared *shared = qemuTypedQueueShared(queue, row->ask);
    qemuTypedEntry *entry = g_new0(qemuTypedEntry, 1);

    entry->row = row;
    entry->data = data;
    entry->wanted = wanted;
    entry->incoming = incoming;
    if (shared)
        entry->waiting = qemuTypedQueueAskShared(queue, shared, entry, func, opaque);
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
