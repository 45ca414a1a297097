/*
 * qemumonitortest.c: a monitor connection, against a peer that plays QEMU
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_monitor.h"

#include <string.h>
#include <unistd.h>

#include "qmppeer.h"
#include "virerror_priv.h"
#include "virthread.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

typedef struct {
    virIOLoop *io;
    const char *path;
    qemuMonitor *mon;
    virMutex lock;              /* guards all below */
    virCond cond;
    bool ready, busy, closed;
    char *reason;
    unsigned int badLines;
    unsigned int events;
    GString *names;
} Fixture;

static void
onReady(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->ready = true;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onEvent(qemuMonitor *mon G_GNUC_UNUSED, const qemuMonitorLine *line, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->events++;
    if (f->names->len < 1000)
        g_string_append_printf(f->names, "%s ", line->event);
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onBadLine(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->badLines++;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onBusy(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->busy = true;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onClosed(qemuMonitor *mon G_GNUC_UNUSED, const char *reason, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->closed = true;
    f->reason = g_strdup(reason);
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static const qemuMonitorCallbacks callbacks = { onReady, onEvent, onBadLine, onBusy, onClosed };

static void
openInThread(void *opaque)
{
    Fixture *f = opaque;

    f->mon = qemuMonitorOpen(f->io, f->path, &callbacks, f);
}

static void
closeInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuMonitorClose(f->mon);
}

static void
setUp(Fixture *f, const char *path)
{
    memset(f, 0, sizeof(*f));
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
    f->names = g_string_new(NULL);
    f->path = path;
    f->io = virIOLoopNew("test");
    g_assert_nonnull(f->io);
    virIOLoopInvokeWait(f->io, openInThread, f);
}

static void
tearDown(Fixture *f)
{
    if (f->mon) {
        virIOLoopInvokeWait(f->io, closeInThread, f);
        qemuMonitorUnref(f->mon);
    }
    virIOLoopFree(f->io);
    g_string_free(f->names, TRUE);
    g_free(f->reason);
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
}

#define WAIT(f, condition) \
    do { \
        gint64 deadline_ = g_get_monotonic_time() + DEADLINE; \
        virMutexLock(&(f)->lock); \
        while (!(condition)) \
            g_assert_true(virCondWaitUntil(&(f)->cond, &(f)->lock, deadline_)); \
        virMutexUnlock(&(f)->lock); \
    } while (0)

static void
sendText(qmpPeer *peer, const char *text)
{
    qmpPeerSend(peer, text, strlen(text));
}

static void
testNoSocket(void)
{
    Fixture f;

    setUp(&f, "/nonexistent/x.qmp");
    g_assert_null(f.mon);
    tearDown(&f);
}

static void
testCommands(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    g_autofree char *reply = NULL;
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\": \"query-name\"}", NULL, 0, 0, &reply,
                                       NULL), ==, 0);
    g_assert_nonnull(strstr(reply, "{\"return\":{\"name\":\"peer\"},\"id\":\"libvirt-"));

    g_assert_cmpint(qemuMonitorCommand(f.mon, "no json", NULL, 0, 0, &reply, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"x\",\"id\":1}", NULL, 0, 0, &reply,
                                       NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_QEMU);

    /* What is no object goes without an ID, and so comes the answer. */
    g_clear_pointer(&reply, g_free);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "[]", NULL, 0, 0, &reply, NULL), ==, 0);
    g_assert_cmpstr(reply, ==, "{\"return\":{}}");
    tearDown(&f);
}

static void
testEventsAnywhere(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew("{\"event\":\"EARLY\"}\r\n" QMP_PEER_GREETING
                                         "{\"event\":\"BETWEEN\"}\n", NULL, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready && f.events == 2);
    sendText(peer, "{\"event\":\"SP");
    sendText(peer, "LIT\"}\r");
    sendText(peer, "\n\r\n{\"event\":\"LAST\"}\n");
    WAIT(&f, f.events == 4);
    g_assert_cmpstr(f.names->str, ==, "EARLY BETWEEN SPLIT LAST ");
    g_assert_cmpuint(f.badLines, ==, 0);
    tearDown(&f);
}

static char *
answerNothing(const char *line, void *opaque)
{
    return strstr(line, "qmp_capabilities") ? qmpPeerAnswerAll(line, opaque) : NULL;
}

static void
testTimeout(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    char *reply = NULL;
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"stop\"}", NULL, 0, 50, &reply, NULL),
                    ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_TIMEOUT);
    /* The late reply is nobody's, and no harm. */
    sendText(peer, "{\"return\":{},\"id\":\"libvirt-2\"}\n{\"event\":\"E\"}\n");
    WAIT(&f, f.events == 1);
    tearDown(&f);
}

static void *
hangUpLater(void *opaque)
{
    sendText(opaque, "{\"event\":\"BYE\"}\n");
    qmpPeerHangUp(opaque);
    return NULL;
}

static void
testClosedWhileWaiting(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    char *reply = NULL;
    pthread_t thread;
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    g_assert_cmpint(pthread_create(&thread, NULL, hangUpLater, peer), ==, 0);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"stop\"}", NULL, 0, -1, &reply, NULL),
                    ==, -1);
    pthread_join(thread, NULL);
    WAIT(&f, f.closed);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"stop\"}", NULL, 0, 0, &reply, NULL),
                    ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpstr(f.names->str, ==, "BYE ");
    tearDown(&f);
}

static void
testGarbage(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    Fixture f;
    int i;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sendText(peer, "garbage\n{\"event\":\"A\"}\n{\"event\":\"A\"} x\n\xff\xfe\n"
             "{\"event\":\"B\"}\n{\"return\":1,\"id\":\"nobody\"}\n{\"QMP\":{}}\n"
             "{\"event\":\"C\"}\n");
    WAIT(&f, f.events == 3);
    g_assert_cmpuint(f.badLines, ==, 3);
    g_assert_cmpstr(f.names->str, ==, "A B C ");

    for (i = 0; i < QEMU_MONITOR_BAD_LINES_MAX; i++)
        g_string_append(text, "x\n");
    qmpPeerSend(peer, text->str, text->len);
    WAIT(&f, f.closed);
    g_assert_nonnull(strstr(f.reason, "garbage"));
    tearDown(&f);
}

static void
testNoQmp(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew("220 mail.example ESMTP\r\n", NULL, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.closed);
    g_assert_nonnull(strstr(f.reason, "QMP"));
    tearDown(&f);
}

static void
testBusy(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(NULL, NULL, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.busy);
    g_assert_false(f.closed);
    /* Its turn comes. */
    sendText(peer, QMP_PEER_GREETING);
    WAIT(&f, f.ready);
    tearDown(&f);
}

static void
testLongLine(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    g_autofree char *huge = g_malloc(QEMU_MONITOR_LINE_MAX + 100);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    memset(huge, ' ', QEMU_MONITOR_LINE_MAX + 100);
    memcpy(huge, "{\"event\":", 9);
    huge[QEMU_MONITOR_LINE_MAX + 99] = '\n';
    qmpPeerSend(peer, huge, QEMU_MONITOR_LINE_MAX + 100);
    sendText(peer, "{\"event\":\"AFTER\"}\n");
    WAIT(&f, f.events == 1);
    g_assert_cmpuint(f.badLines, ==, 1);
    g_assert_cmpstr(f.names->str, ==, "AFTER ");
    tearDown(&f);
}

static void
testHalfLine(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sendText(peer, "{\"event\":\"A\"}\n{\"event\":\"HALF");
    qmpPeerHangUp(peer);
    WAIT(&f, f.closed);
    g_assert_cmpuint(f.events, ==, 1);
    g_assert_cmpuint(f.badLines, ==, 1);
    tearDown(&f);
}

typedef struct {
    qemuMonitor *mon;
    int failures;
} Caller;

static void *
callOften(void *opaque)
{
    Caller *caller = opaque;
    int i;

    for (i = 0; i < 100; i++) {
        g_autofree char *reply = NULL;

        if (qemuMonitorCommand(caller->mon, "{\"execute\":\"query-name\"}", NULL, 0, 0, &reply,
                               NULL) < 0 || !strstr(reply, "peer"))
            caller->failures++;
    }
    return NULL;
}

static void
testManyCallers(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    pthread_t threads[8];
    Caller callers[8];
    Fixture f;
    size_t i;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    for (i = 0; i < G_N_ELEMENTS(threads); i++) {
        callers[i] = (Caller) { f.mon, 0 };
        g_assert_cmpint(pthread_create(&threads[i], NULL, callOften, &callers[i]), ==, 0);
    }
    for (i = 0; i < G_N_ELEMENTS(threads); i++) {
        pthread_join(threads[i], NULL);
        g_assert_cmpint(callers[i].failures, ==, 0);
    }
    tearDown(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/monitor/no-socket", testNoSocket);
    g_test_add_func("/qemu/monitor/commands", testCommands);
    g_test_add_func("/qemu/monitor/events-anywhere", testEventsAnywhere);
    g_test_add_func("/qemu/monitor/timeout", testTimeout);
    g_test_add_func("/qemu/monitor/closed-while-waiting", testClosedWhileWaiting);
    g_test_add_func("/qemu/monitor/garbage", testGarbage);
    g_test_add_func("/qemu/monitor/no-qmp", testNoQmp);
    g_test_add_func("/qemu/monitor/busy", testBusy);
    g_test_add_func("/qemu/monitor/long-line", testLongLine);
    g_test_add_func("/qemu/monitor/half-line", testHalfLine);
    g_test_add_func("/qemu/monitor/many-callers", testManyCallers);
    return g_test_run();
}
