/*
 * qemudomaintest.c: a domain's events and its end, with no QEMU at all
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_domain.h"

#include <string.h>
#include <unistd.h>

#include "qmppeer.h"
#include "testutils.h"
#include "virthread.h"
#include "viruuid.h"

typedef struct {
    virIOLoop *io;
    qmpPeer *peer;
    qemuMonitor *mon;           /* only to be kept by the domain */
    virConnectPtr conn;
    int callbackID;             /* -1: nobody watches */
    int lifecycleID;            /* likewise */
    qemuEventSink sink;
    virDomainObj *dom;
} Fixture;

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
    onNothing, onNoEvent, onNothing, onNothing, onClosed,
};

static void
openInThread(void *opaque)
{
    Fixture *f = opaque;

    f->mon = qemuMonitorOpen(f->io, qmpPeerPath(f->peer), &callbacks, NULL);
}

static void
closeInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuMonitorClose(f->mon);
}

static void
resumeInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuEventSinkResume(&f->sink);
}

static void
onEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
        const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
        unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED,
        void *opaque G_GNUC_UNUSED)
{
}

static void
onGeneric(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
          void *opaque G_GNUC_UNUSED)
{
}

static void
setUp(Fixture *f, bool watched)
{
    const qemuIdentity identity = { .status = (char *)"running", .version = 7002000,
                                    .target = (char *)"x86_64", .kvm = true };
    unsigned char uuid[VIR_UUID_BUFLEN];

    memset(f, 0, sizeof(*f));
    f->io = virIOLoopNew("test");
    f->peer = qmpPeerNew(NULL, NULL, NULL);
    virIOLoopInvokeWait(f->io, openInThread, f);
    g_assert_nonnull(f->mon);
    f->sink.state = virObjectEventStateNew(0);
    f->conn = virGetConnect();
    f->callbackID = f->lifecycleID = -1;
    if (watched) {
        f->callbackID = virDomainMonitorEventStateRegister(f->sink.state, f->conn, NULL, NULL,
                                                           onEvent, NULL, NULL, 0);
        f->lifecycleID = virDomainEventStateRegisterAny(f->sink.state, f->conn, NULL,
                                                        VIR_DOMAIN_EVENT_ID_LIFECYCLE, onGeneric,
                                                        NULL, NULL);
    }
    virUUIDFromText("test", uuid);
    f->dom = qemuDomainNew("web", uuid, 7, f->mon, "/run/web.qmp", getpid(), &identity,
                           VIR_DOMAIN_RUNNING_BOOTED);
}

static void
leaveLifecycle(Fixture *f)
{
    if (f->lifecycleID >= 0)
        virDomainEventStateDeregisterAny(f->sink.state, f->conn, f->lifecycleID);
    f->lifecycleID = -1;
}

static void
tearDown(Fixture *f)
{
    virObjectEventBatchClear(&f->sink.batch);
    leaveLifecycle(f);
    if (f->callbackID >= 0)
        virDomainMonitorEventStateDeregister(f->sink.state, f->conn, f->callbackID);
    virConnectUnref(f->conn);
    testDrainEventLoop();
    virObjectEventStateUnref(f->sink.state);
    virIOLoopInvokeWait(f->io, closeInThread, f);
    qemuMonitorUnref(f->mon);
    virDomainObjUnref(f->dom);
    virIOLoopFree(f->io);
    qmpPeerFree(f->peer);
}

static void
handle(Fixture *f, guint64 number, const char *name, const char *data)
{
    const qemuDomainEvent event = {
        .number = number, .name = name, .nameLen = strlen(name),
        .data = data, .dataLen = data ? strlen(data) : 0,
        .seconds = 12, .micros = 34, .received = 56,
    };

    qemuDomainHandleEvent(f->dom, &event, &f->sink);
}

static int
reasonOf(Fixture *f, int state)
{
    int reason;

    g_assert_cmpint(virDomainObjGetState(f->dom, &reason), ==, state);
    return reason;
}

static void
testNew(void)
{
    qemuDomain *priv;
    Fixture f;

    setUp(&f, true);
    priv = qemuDomainGet(f.dom);
    g_assert_cmpstr(f.dom->ident->name, ==, "web");
    g_assert_cmpint(f.dom->ident->id, ==, 7);
    g_assert_cmpstr(priv->path, ==, "/run/web.qmp");
    g_assert_cmpint(priv->pid, ==, getpid());
    g_assert_cmpuint(priv->pidStart, >, 0);
    g_assert_cmpuint(priv->version, ==, 7002000);
    g_assert_cmpstr(priv->target, ==, "x86_64");
    g_assert_true(priv->kvm);
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_RUNNING), ==, VIR_DOMAIN_RUNNING_BOOTED);
    tearDown(&f);
}

/* The raw event, then what follows from it. */
static void
testOrder(void)
{
    virDomainMonitorEvent *raw;
    virObjectEvent *event;
    int reboot;
    Fixture f;

    setUp(&f, true);
    reboot = virDomainEventStateRegisterAny(f.sink.state, f.conn, NULL, VIR_DOMAIN_EVENT_ID_REBOOT,
                                            onGeneric, NULL, NULL);
    handle(&f, 1, "STOP", NULL);
    handle(&f, 2, "RESET", "{\"guest\":true}");
    handle(&f, 3, "OTHER", "{}");
    g_assert_cmpuint(f.sink.batch.count, ==, 5);

    event = f.sink.batch.first;
    raw = (virDomainMonitorEvent *)event;
    g_assert_true(event->klass == &virDomainMonitorEventClass);
    g_assert_cmpstr(raw->name, ==, "STOP");
    g_assert_null(raw->details);
    g_assert_cmpuint(event->number, ==, 1);
    g_assert_cmpint(event->seconds, ==, 12);
    g_assert_cmpuint(event->micros, ==, 34);
    g_assert_cmpint(raw->received, ==, 56);
    event = event->next;
    g_assert_true(event->klass == &virDomainEventClass);
    g_assert_cmpint(event->eventID, ==, VIR_DOMAIN_EVENT_ID_LIFECYCLE);
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_PAUSED), ==, VIR_DOMAIN_PAUSED_UNKNOWN);
    event = event->next;
    g_assert_cmpstr(((virDomainMonitorEvent *)event)->name, ==, "RESET");
    event = event->next;
    g_assert_true(event->klass == &virDomainEventClass);
    g_assert_cmpint(event->eventID, ==, VIR_DOMAIN_EVENT_ID_REBOOT);
    event = event->next;
    g_assert_cmpstr(((virDomainMonitorEvent *)event)->name, ==, "OTHER");
    g_assert_cmpstr(((virDomainMonitorEvent *)event)->details, ==, "{}");
    g_assert_null(event->next);

    /* What nobody is registered for isn't made. */
    virDomainEventStateDeregisterAny(f.sink.state, f.conn, reboot);
    handle(&f, 4, "RESET", "{\"guest\":true}");
    g_assert_cmpuint(f.sink.batch.count, ==, 6);
    leaveLifecycle(&f);
    handle(&f, 5, "RESUME", NULL);
    g_assert_cmpuint(f.sink.batch.count, ==, 7);
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_RUNNING), ==, VIR_DOMAIN_RUNNING_UNPAUSED);
    tearDown(&f);
}

/* The caller of virDomainSuspend() is the reason only for the stop that it caused. */
static void
testSuspending(void)
{
    Fixture f;

    setUp(&f, true);
    atomic_store(&qemuDomainGet(f.dom)->suspending, true);
    handle(&f, 1, "STOP", NULL);
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_PAUSED), ==, VIR_DOMAIN_PAUSED_USER);
    handle(&f, 2, "RESUME", NULL);
    handle(&f, 3, "STOP", NULL);
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_PAUSED), ==, VIR_DOMAIN_PAUSED_UNKNOWN);
    tearDown(&f);
}

/* Nobody watches: the state is followed all the same, and no event is made for nothing. */
static void
testUnwatched(void)
{
    const virEventGap gap = { .count = 1, .from = 1, .to = 1 };
    Fixture f;

    setUp(&f, false);
    handle(&f, 1, "OTHER", NULL);
    qemuDomainTellGap(f.dom, &gap, &f.sink);
    g_assert_cmpuint(f.sink.batch.count, ==, 0);
    handle(&f, 2, "SHUTDOWN", NULL);
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_SHUTDOWN), ==, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
    tearDown(&f);
}

static void
testGap(void)
{
    const virEventGap gap = { .count = 3, .from = 4, .to = 6, .firstSeconds = -1,
                              .lastSeconds = 9 };
    virDomainMonitorEvent *notice;
    Fixture f;

    setUp(&f, true);
    qemuDomainTellGap(f.dom, &gap, &f.sink);
    notice = (virDomainMonitorEvent *)f.sink.batch.first;
    g_assert_cmpstr(notice->name, ==, VIR_DOMAIN_MONITOR_EVENT_LOST);
    g_assert_cmpuint(notice->head.lost, ==, 3);
    g_assert_cmpuint(notice->head.number, ==, 6);
    g_assert_nonnull(strstr(notice->details, "\"count\":3"));
    tearDown(&f);
}

/* A batch that gets large is handed over before its turn ends. */
static void
testSinkLimit(void)
{
    virObjectEventStats stats;
    Fixture f;
    guint64 i;

    setUp(&f, true);
    for (i = 1; i < QEMU_EVENT_SINK_MAX; i++)
        handle(&f, i, "E", NULL);
    g_assert_cmpuint(f.sink.batch.count, ==, QEMU_EVENT_SINK_MAX - 1);
    handle(&f, i, "E", NULL);
    g_assert_cmpuint(f.sink.batch.count, ==, 0);
    virObjectEventStateGetStats(f.sink.state, &stats);
    g_assert_cmpuint(stats.queuedEvents, ==, QEMU_EVENT_SINK_MAX);
    qemuEventSinkFlush(&f.sink);        /* of nothing */
    tearDown(&f);
}

/* With much before it, its monitor isn't read until that is delivered. */
static void
testMayRead(void)
{
    Fixture f;
    guint64 i;

    setUp(&f, true);
    g_assert_true(qemuDomainMayRead(f.dom, &f.sink));
    g_assert_null(f.sink.paused);
    for (i = 1; i <= VIR_OBJECT_EVENT_AHEAD_BYTES / 100; i++)
        handle(&f, i, "E", NULL);
    qemuEventSinkFlush(&f.sink);
    g_assert_false(qemuDomainMayRead(f.dom, &f.sink));
    g_assert_false(qemuDomainMayRead(f.dom, &f.sink));
    g_assert_cmpuint(f.sink.paused->len, ==, 1);

    testDrainEventLoop();
    g_assert_true(qemuDomainMayRead(f.dom, &f.sink));
    virIOLoopInvokeWait(f.io, resumeInThread, &f);
    g_assert_cmpuint(f.sink.paused->len, ==, 0);
    virIOLoopInvokeWait(f.io, resumeInThread, &f);      /* nobody's */
    g_ptr_array_unref(f.sink.paused);
    tearDown(&f);
}

static void *
waitForEnd(void *opaque)
{
    g_assert_true(qemuDomainWaitEnd(opaque, 20000));
    return NULL;
}

static void
testEnd(void)
{
    pthread_t thread;
    Fixture f;

    setUp(&f, true);
    g_assert_false(qemuDomainWaitEnd(f.dom, 0));
    g_assert_false(qemuDomainWaitEnd(f.dom, 1));
    g_assert_cmpint(pthread_create(&thread, NULL, waitForEnd, f.dom), ==, 0);
    atomic_store(&qemuDomainGet(f.dom)->destroying, true);
    qemuDomainEnd(f.dom, false, &f.sink);
    pthread_join(thread, NULL);
    g_assert_true(qemuDomainWaitEnd(f.dom, 0));
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_SHUTOFF), ==, VIR_DOMAIN_SHUTOFF_DESTROYED);
    g_assert_cmpuint(f.sink.batch.count, ==, 1);
    tearDown(&f);
}

/* A control error tells that the monitor broke, which is no end that anybody wanted. */
static void
testControlError(void)
{
    static const struct {
        const char *shutdown;       /* data of an event that comes before; NULL: none does */
        bool destroying;
        bool failed;
        bool told;
    } cases[] = {
        { NULL, false, false, false },
        { NULL, false, true, true },
        { NULL, true, true, false },
        { "{\"guest\":false,\"reason\":\"host-qmp-quit\"}", false, false, false },
        { "{\"guest\":false,\"reason\":\"host-qmp-quit\"}", false, true, true },
        { "{\"guest\":true,\"reason\":\"guest-shutdown\"}", false, true, true },
        { "{\"guest\":false,\"reason\":\"host-signal\"}", true, true, false },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        virObjectEvent *event;
        Fixture f;
        int id;

        setUp(&f, true);
        id = virDomainEventStateRegisterAny(f.sink.state, f.conn, NULL,
                                            VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, onGeneric, NULL,
                                            NULL);
        if (cases[i].shutdown)
            handle(&f, 1, "SHUTDOWN", cases[i].shutdown);
        virObjectEventBatchClear(&f.sink.batch);
        atomic_store(&qemuDomainGet(f.dom)->destroying, cases[i].destroying);
        qemuDomainEnd(f.dom, cases[i].failed, &f.sink);
        event = f.sink.batch.first;
        if (cases[i].told) {
            g_assert_cmpint(event->eventID, ==, VIR_DOMAIN_EVENT_ID_CONTROL_ERROR);
            event = event->next;
        }
        g_assert_cmpint(event->eventID, ==, VIR_DOMAIN_EVENT_ID_LIFECYCLE);
        g_assert_null(event->next);
        virDomainEventStateDeregisterAny(f.sink.state, f.conn, id);
        tearDown(&f);
    }
}

/* A domain event comes before the lifecycle event that follows from the same. */
static void
testTyped(void)
{
    virObjectEvent *event;
    Fixture f;
    int id;

    setUp(&f, true);
    id = virDomainEventStateRegisterAny(f.sink.state, f.conn, NULL, VIR_DOMAIN_EVENT_ID_WATCHDOG,
                                        onGeneric, NULL, NULL);
    handle(&f, 1, "WATCHDOG", "{\"action\":\"pause\"}");
    event = f.sink.batch.first;
    g_assert_true(event->klass == &virDomainMonitorEventClass);
    g_assert_cmpint(event->next->eventID, ==, VIR_DOMAIN_EVENT_ID_WATCHDOG);
    g_assert_cmpint(event->next->next->eventID, ==, VIR_DOMAIN_EVENT_ID_LIFECYCLE);
    g_assert_null(event->next->next->next);
    g_assert_cmpint(reasonOf(&f, VIR_DOMAIN_PAUSED), ==, VIR_DOMAIN_PAUSED_WATCHDOG);
    virDomainEventStateDeregisterAny(f.sink.state, f.conn, id);
    tearDown(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    testDrainEventLoop();
    g_test_add_func("/qemu/domain/new", testNew);
    g_test_add_func("/qemu/domain/order", testOrder);
    g_test_add_func("/qemu/domain/typed", testTyped);
    g_test_add_func("/qemu/domain/control-error", testControlError);
    g_test_add_func("/qemu/domain/suspending", testSuspending);
    g_test_add_func("/qemu/domain/unwatched", testUnwatched);
    g_test_add_func("/qemu/domain/gap", testGap);
    g_test_add_func("/qemu/domain/sink-limit", testSinkLimit);
    g_test_add_func("/qemu/domain/may-read", testMayRead);
    g_test_add_func("/qemu/domain/end", testEnd);
    return testRunCountingFds();
}
