/*
 * qemutypedqueuetest.c: domain events that wait for answers of a QEMU, played by a test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_typed_queue.h"

#include <string.h>

#include "qmppeer.h"
#include "testutils.h"
#include "typedevents.h"
#include "virerror_priv.h"
#include "virthread.h"

#define DISKS "[{\"device\":\"a\",\"inserted\":{\"file\":\"/a.img\",\"node-name\":\"#b\"}}]"
#define ERROR "{\"device\":\"a\",\"action\":\"stop\"}"
#define WANTED G_MAXUINT64

typedef struct {
    virIOLoop *io;
    qmpPeer *peer;
    qemuMonitor *mon;
    virConnectPtr conn;
    virDomainPtr dom;
    virDomainIdent *ident;
    qemuTypedQueue *queue;
    virMutex lock;              /* guards the rest */
    virCond changed;
    bool ready;
    bool hold;                  /* questions are not answered */
    GPtrArray *asked;           /* lines of questions */
    GString *seen;              /* what callbacks get; written in the I/O thread */
    size_t events;
} Fixture;

/* For the I/O thread. */
typedef struct {
    Fixture *f;
    const char *name, *data;
    guint64 wanted;
} Call;

static void
onReady(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->ready = true;
    virCondBroadcast(&f->changed);
    virMutexUnlock(&f->lock);
}

static void
onNothing(qemuMonitor *mon G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
}

static void
onNoEvent(qemuMonitor *mon G_GNUC_UNUSED, const qemuMonitorLine *line G_GNUC_UNUSED,
          void *opaque G_GNUC_UNUSED)
{
}

static void
onClosed(qemuMonitor *mon G_GNUC_UNUSED, const char *reason G_GNUC_UNUSED,
         void *opaque G_GNUC_UNUSED)
{
}

static const qemuMonitorCallbacks callbacks = {
    onReady, onNoEvent, onNothing, onNothing, onClosed,
};

static char *
onLine(const char *line, void *opaque)
{
    Fixture *f = opaque;
    char *answer = NULL;

    if (!strstr(line, "query-block") && !strstr(line, "qom-get") &&
        !strstr(line, "query-named-block-nodes"))
        return qmpPeerAnswerAll(line, NULL);
    virMutexLock(&f->lock);
    g_ptr_array_add(f->asked, g_strdup(line));
    if (!f->hold)
        answer = qmpPeerReply(line, strstr(line, "query-block") ? DISKS :
                                    "\"org.qemu.guest_agent.0\"");
    virCondBroadcast(&f->changed);
    virMutexUnlock(&f->lock);
    return answer;
}

static void
onEvent(virObjectEvent *event, void *opaque)
{
    Fixture *f = opaque;
    const virObjectEventTarget target = {
        .conn = f->conn, .cb = typedEventCallback(event->eventID), .opaque = f->seen,
    };

    virMutexLock(&f->lock);
    event->klass->dispatch(event, f->dom, &target);
    f->events++;
    virCondBroadcast(&f->changed);
    virMutexUnlock(&f->lock);
    virObjectEventUnref(event);
}

static void
openInThread(void *opaque)
{
    Fixture *f = opaque;

    f->mon = qemuMonitorOpen(f->io, qmpPeerPath(f->peer), &callbacks, f);
    f->queue = qemuTypedQueueNew(f->mon, f->ident);
}

static void
closeInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuMonitorClose(f->mon);
}

static void
freeInThread(void *opaque)
{
    Fixture *f = opaque;

    g_clear_pointer(&f->queue, qemuTypedQueueFree);
}

static void
flushInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuTypedQueueFlush(f->queue, onEvent, f);
}

static void
handleInThread(void *opaque)
{
    Call *call = opaque;
    const qemuTypedEventRow *row = qemuTypedEventFind(call->name, strlen(call->name));

    qemuTypedQueueHandle(call->f->queue, row,
                         qemuTypedQueueParse(call->f->queue, row, call->data,
                                             call->data ? strlen(call->data) : 0),
                         call->wanted, false, onEvent, call->f);
}

static void
addInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuTypedQueueAdd(f->queue, virDomainEventLifecycleNew(f->ident, 3, 2), onEvent, f);
}

static void
skipInThread(void *opaque)
{
    Call *call = opaque;

    qemuTypedQueueSkip(call->f->queue, qemuTypedEventFind(call->name, strlen(call->name)));
}

static void
handle(Fixture *f, const char *name, const char *data, virDomainEventID eventID)
{
    Call call = { f, name, data, G_GUINT64_CONSTANT(1) << eventID };

    virIOLoopInvokeWait(f->io, handleInThread, &call);
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1 };

    virMutexInit(&f->lock);
    virCondInit(&f->changed);
    f->conn = virGetConnect();
    f->dom = virGetDomain(f->conn, "dom", uuid, 1);
    f->ident = virDomainIdentNew("dom", uuid, 1);
    f->asked = g_ptr_array_new_with_free_func(g_free);
    f->seen = g_string_new(NULL);
    f->io = virIOLoopNew("test");
    f->peer = qmpPeerNew(QMP_PEER_GREETING, onLine, f);
    virIOLoopInvokeWait(f->io, openInThread, f);
    virMutexLock(&f->lock);
    while (!f->ready)
        virCondWait(&f->changed, &f->lock);
    virMutexUnlock(&f->lock);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virIOLoopInvokeWait(f->io, freeInThread, f);
    virIOLoopInvokeWait(f->io, closeInThread, f);
    qemuMonitorUnref(f->mon);
    virIOLoopFree(f->io);
    qmpPeerFree(f->peer);
    g_string_free(f->seen, TRUE);
    g_ptr_array_unref(f->asked);
    g_assert_cmpuint(atomic_load(&f->ident->refs), ==, 1);
    virDomainIdentUnref(f->ident);
    virDomainUnref(f->dom);
    virConnectUnref(f->conn);
    virCondDestroy(&f->changed);
    virMutexDestroy(&f->lock);
    virResetLastError();
}

/* Waits until so many events came. */
static void
assertSeen(Fixture *f, size_t events, const char *expected)
{
    virMutexLock(&f->lock);
    while (f->events < events)
        virCondWait(&f->changed, &f->lock);
    g_assert_cmpuint(f->events, ==, events);
    if (expected)
        g_assert_cmpstr(f->seen->str, ==, expected);
    virMutexUnlock(&f->lock);
}

/* Waits until so many questions came. */
static void
awaitAsked(Fixture *f, size_t count)
{
    virMutexLock(&f->lock);
    while (f->asked->len < count)
        virCondWait(&f->changed, &f->lock);
    g_assert_cmpuint(f->asked->len, ==, count);
    virMutexUnlock(&f->lock);
}

/* Answers a question that was held. */
static void
answer(Fixture *f, size_t i, const char *body)
{
    g_autofree char *reply = qmpPeerReply(g_ptr_array_index(f->asked, i), body);

    qmpPeerSend(f->peer, reply, strlen(reply));
}

/* Nothing is asked that needn't be. */
static void
testAtOnce(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    handle(f, "RTC_CHANGE", "{\"offset\":5}", VIR_DOMAIN_EVENT_ID_RTC_CHANGE);
    virIOLoopInvokeWait(f->io, addInThread, f);
    assertSeen(f, 2, "rtc 5;lifecycle 3 2;");
    g_assert_cmpuint(f->asked->len, ==, 0);
}

/* What comes behind one that waits, waits too. */
static void
testOrder(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->hold = true;
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    virIOLoopInvokeWait(f->io, addInThread, f);
    handle(f, "RTC_CHANGE", "{\"offset\":5}", VIR_DOMAIN_EVENT_ID_RTC_CHANGE);
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    handle(f, "VSERPORT_CHANGE", "{\"id\":\"c0\",\"open\":true}",
           VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE);
    handle(f, "WATCHDOG", "{\"action\":\"pause\"}", VIR_DOMAIN_EVENT_ID_WATCHDOG);
    awaitAsked(f, 2);               /* the disks once, the port */
    assertSeen(f, 0, "");

    answer(f, 1, "\"org.qemu.guest_agent.0\"");
    answer(f, 0, DISKS);
    assertSeen(f, 6, "io-error /a.img a 1;lifecycle 3 2;rtc 5;io-error /a.img a 1;agent 1 2;"
                     "number 1;");

    /* The answer about disks holds for a while. */
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    assertSeen(f, 7, NULL);
    awaitAsked(f, 2);
}

/* Of disks and nodes there is one answer each. */
static void
testNodes(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char threshold[] =
        "{\"node-name\":\"n\",\"write-threshold\":1,\"amount-exceeded\":2}";

    f->hold = true;
    handle(f, "BLOCK_WRITE_THRESHOLD", threshold, VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD);
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    handle(f, "BLOCK_WRITE_THRESHOLD", threshold, VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD);
    awaitAsked(f, 2);
    answer(f, 0, "[{\"node-name\":\"n\",\"file\":\"/n.raw\"}]");
    assertSeen(f, 1, "threshold n /n.raw 1 2;");
    answer(f, 1, DISKS);
    assertSeen(f, 3, "threshold n /n.raw 1 2;io-error /a.img a 1;threshold n /n.raw 1 2;");
}

/* QEMU doesn't know, and the next time it does. */
static void
testRefused(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char error[] = "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":";
    g_autofree char *reply = NULL;
    const char *id;

    f->hold = true;
    handle(f, "VSERPORT_CHANGE", "{\"id\":\"c0\",\"open\":true}",
           VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE);
    virIOLoopInvokeWait(f->io, addInThread, f);
    awaitAsked(f, 1);
    id = strstr(g_ptr_array_index(f->asked, 0), "\"id\":");
    g_assert_nonnull(id);
    reply = g_strdup_printf("%s%.*s}\r\n", error,
                            (int)strcspn(id + 5, ",}"), id + 5);
    qmpPeerSend(f->peer, reply, strlen(reply));
    assertSeen(f, 1, "lifecycle 3 2;");
    f->hold = false;
    handle(f, "VSERPORT_CHANGE", "{\"id\":\"c0\",\"open\":false}",
           VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE);
    assertSeen(f, 2, "lifecycle 3 2;agent 2 2;");
}

/* The first of too many doesn't wait any longer. */
static void
testLimit(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    f->hold = true;
    for (i = 0; i < QEMU_TYPED_QUEUE_MAX; i++)
        handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    assertSeen(f, 0, "");
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    assertSeen(f, 1, "io-error  a 1;");
    awaitAsked(f, 1);
    answer(f, 0, DISKS);
    assertSeen(f, 1 + QEMU_TYPED_QUEUE_MAX, NULL);
    g_assert_true(g_str_has_suffix(f->seen->str, ";io-error /a.img a 1;"));
}

/* At the end nothing waits, and late answers are nobody's. */
static void
testFlush(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->hold = true;
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    virIOLoopInvokeWait(f->io, addInThread, f);
    handle(f, "VSERPORT_CHANGE", "{\"id\":\"c0\",\"open\":true}",
           VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE);
    awaitAsked(f, 2);
    virIOLoopInvokeWait(f->io, flushInThread, f);
    assertSeen(f, 2, "io-error  a 1;lifecycle 3 2;");
    answer(f, 0, DISKS);
    answer(f, 1, "\"org.qemu.guest_agent.0\"");
    f->hold = false;
    handle(f, "VSERPORT_CHANGE", "{\"id\":\"c0\",\"open\":true}",
           VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE);
    assertSeen(f, 3, "io-error  a 1;lifecycle 3 2;agent 1 2;");

    /* What is known already is not lost. */
    f->hold = true;
    handle(f, "VSERPORT_CHANGE", "{\"id\":\"c0\",\"open\":false}",
           VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE);
    awaitAsked(f, 4);
    assertSeen(f, 3, NULL);
    virIOLoopInvokeWait(f->io, flushInThread, f);
    assertSeen(f, 4, "io-error  a 1;lifecycle 3 2;agent 1 2;agent 2 2;");
}

/* The monitor ends before it answers; nobody is asked any more. */
static void
testClosed(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->hold = true;
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    awaitAsked(f, 1);
    virIOLoopInvokeWait(f->io, closeInThread, f);
    assertSeen(f, 1, "io-error  a 1;");
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    assertSeen(f, 2, NULL);
    g_assert_null(virGetLastError());
}

/* Freed while it waits. */
static void
testFreed(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->hold = true;
    handle(f, "BLOCK_IO_ERROR", ERROR, VIR_DOMAIN_EVENT_ID_IO_ERROR);
    virIOLoopInvokeWait(f->io, addInThread, f);
    awaitAsked(f, 1);
    virIOLoopInvokeWait(f->io, freeInThread, f);
    answer(f, 0, DISKS);
    assertSeen(f, 0, "");
}

/* What nobody watched may have ended, and something else have its name. */
static void
testSkip(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char job[] = "{\"device\":\"j\",\"len\":9,\"offset\":9,\"type\":\"commit\"}";
    Call rtc = { f, "RTC_CHANGE", NULL, 0 };
    Call cancelled = { f, "BLOCK_JOB_CANCELLED", NULL, 0 };

    handle(f, "BLOCK_JOB_READY", job, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2);
    virIOLoopInvokeWait(f->io, skipInThread, &rtc);
    handle(f, "BLOCK_JOB_COMPLETED", job, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2);
    handle(f, "BLOCK_JOB_READY", job, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2);
    virIOLoopInvokeWait(f->io, skipInThread, &cancelled);
    handle(f, "BLOCK_JOB_COMPLETED", job, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2);
    assertSeen(f, 4, "block-job j 4 3;block-job j 4 0;block-job j 4 3;block-job j 3 0;");
}

static void
testParse(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const qemuTypedEventRow *row = qemuTypedEventFind("RTC_CHANGE", 10);
    g_autofree char *fits = g_strdup_printf("\"%*s\"", QEMU_TYPED_QUEUE_DATA_MAX - 2, "");
    g_autofree char *over = g_strdup_printf("\"%*s\"", QEMU_TYPED_QUEUE_DATA_MAX - 1, "");
    virJSONValue *json;

    g_assert_null(qemuTypedQueueParse(f->queue, row, NULL, 0));
    g_assert_null(qemuTypedQueueParse(f->queue, row, "{", 1));
    g_assert_null(qemuTypedQueueParse(f->queue, row, over, strlen(over)));
    g_assert_null(virGetLastError());
    g_assert_nonnull(json = qemuTypedQueueParse(f->queue, row, fits, strlen(fits)));
    virJSONValueFree(json);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/qemu/typed-queue/at-once", testAtOnce },
        { "/qemu/typed-queue/order", testOrder },
        { "/qemu/typed-queue/nodes", testNodes },
        { "/qemu/typed-queue/refused", testRefused },
        { "/qemu/typed-queue/limit", testLimit },
        { "/qemu/typed-queue/flush", testFlush },
        { "/qemu/typed-queue/closed", testClosed },
        { "/qemu/typed-queue/freed", testFreed },
        { "/qemu/typed-queue/skip", testSkip },
        { "/qemu/typed-queue/parse", testParse },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
