/*
 * qemumonitortest.c: a monitor connection, against a peer that plays QEMU
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_monitor_priv.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmppeer.h"
#include "testutils.h"
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
    atomic_bool closeInEvent;   /* the event's callback closes the monitor */
    atomic_bool refuse;         /* it is not to be read */
    atomic_uint refusals;
    bool failed;                /* of a command sent by the ready callback */
    char *reason;
    unsigned int badLines;
    unsigned int events;
    gint64 received;
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
onEvent(qemuMonitor *mon, const qemuMonitorLine *line, void *opaque)
{
    Fixture *f = opaque;

    if (atomic_load(&f->closeInEvent))
        qemuMonitorClose(mon);
    virMutexLock(&f->lock);
    f->events++;
    f->received = qemuMonitorReceived(mon);
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

static bool
onMayRead(qemuMonitor *mon G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    if (!atomic_load(&f->refuse))
        return true;
    atomic_fetch_add(&f->refusals, 1);
    return false;
}

static const qemuMonitorCallbacks callbacks = {
    onReady, onEvent, onBadLine, onBusy, onClosed, onMayRead,
};

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
    g_assert_false(qemuMonitorHasFailed(f.mon));    /* QEMU had read it */
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
    g_assert_true(qemuMonitorHasFailed(f.mon));
    tearDown(&f);
}

static void
testNoQmp(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew("220 mail.example ESMTP\r\n", NULL, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.closed);
    g_assert_true(qemuMonitorHasFailed(f.mon));
    g_assert_nonnull(strstr(f.reason, "QMP"));
    tearDown(&f);
}

static void
testBusy(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(NULL, NULL, NULL);
    Fixture f;

    qemuMonitorSetTimeouts(10, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.busy);
    g_assert_false(f.closed);
    /* Its turn comes. */
    sendText(peer, QMP_PEER_GREETING);
    WAIT(&f, f.ready);
    tearDown(&f);
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
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
    g_assert_false(qemuMonitorHasFailed(f.mon));
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


/* --- commands that come to no good end --- */

/* A peer that reads nothing more until it is let go on. */
typedef struct {
    virMutex lock;
    virCond cond;
    bool held, stuck;
    GString *seen;              /* the commands that were read */
} Gate;

static void
gateInit(Gate *gate)
{
    virMutexInit(&gate->lock);
    virCondInit(&gate->cond);
    gate->held = true;
    gate->stuck = false;
    gate->seen = g_string_new(NULL);
}

static void
gateOpen(Gate *gate)
{
    virMutexLock(&gate->lock);
    gate->held = false;
    virCondBroadcast(&gate->cond);
    virMutexUnlock(&gate->lock);
}

static void
gateClear(Gate *gate)
{
    g_string_free(gate->seen, TRUE);
    virCondDestroy(&gate->cond);
    virMutexDestroy(&gate->lock);
}

static char *
answerGate(const char *line, void *opaque)
{
    Gate *gate = opaque;

    if (strstr(line, "qmp_capabilities"))
        return qmpPeerAnswerAll(line, NULL);
    virMutexLock(&gate->lock);
    gate->stuck = true;
    virCondBroadcast(&gate->cond);
    while (gate->held)
        virCondWait(&gate->cond, &gate->lock);
    g_string_append_printf(gate->seen, "%.40s\n", line);
    virMutexUnlock(&gate->lock);
    return qmpPeerAnswerAll(line, NULL);
}

static char *
longCommand(const char *name, size_t len)
{
    g_autofree char *padding = g_strnfill(len, 'x');

    return g_strdup_printf("{\"execute\":\"%s\",\"arguments\":{\"a\":\"%s\"}}", name, padding);
}

typedef struct {
    unsigned int done, failed;
} Answers;

static void
onAnswer(qemuMonitor *mon G_GNUC_UNUSED, const char *reply, void *opaque)
{
    Answers *answers = opaque;

    answers->done++;
    if (!reply)
        answers->failed++;
}

typedef struct {
    qemuMonitor *mon;
    const char *text;
    unsigned int count;         /* how many to send */
    unsigned int accepted;
    int code;                   /* of the error that ended it */
    Answers answers;
} Sender;

static void
sendInThread(void *opaque)
{
    Sender *sender = opaque;

    sender->code = VIR_ERR_OK;
    for (sender->accepted = 0; sender->accepted < sender->count; sender->accepted++) {
        if (qemuMonitorCommandAsync(sender->mon, sender->text, onAnswer, &sender->answers) < 0) {
            sender->code = virGetLastErrorCode();
            break;
        }
    }
}

/* What its caller has given up, and QEMU has not seen, must not be carried out later. */
static void
testGivenUpUnsent(void)
{
    Gate gate;
    g_autoptr(qmpPeer) peer = NULL;
    g_autofree char *filling = longCommand("filling", 4 * 1024 * 1024);
    Sender sender = { .text = filling, .count = 2 };
    g_autofree char *reply = NULL;
    Fixture f;

    gateInit(&gate);
    peer = qmpPeerNew(QMP_PEER_GREETING, answerGate, &gate);
    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    /* More than the socket takes while nobody reads. */
    sender.mon = f.mon;
    virIOLoopInvokeWait(f.io, sendInThread, &sender);
    WAIT(&gate, gate.stuck);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"unsent\"}", NULL, 0, 1, &reply,
                                       NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_TIMEOUT);

    gateOpen(&gate);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"last\"}", NULL, 0, 0, &reply, NULL),
                    ==, 0);
    g_assert_cmpuint(sender.answers.done, ==, 2);
    g_assert_nonnull(strstr(gate.seen->str, "\"filling\""));
    g_assert_null(strstr(gate.seen->str, "\"unsent\""));
    tearDown(&f);
    g_clear_pointer(&peer, qmpPeerFree);
    gateClear(&gate);
}

/* The limit of waiting bytes holds also when what is added to each command crosses it. */
static void
testOutputLimit(void)
{
    const size_t len = QEMU_MONITOR_OUTPUT_MAX / 16 - 80;
    Gate gate;
    g_autoptr(qmpPeer) peer = NULL;
    g_autofree char *command = longCommand("fill", len);
    g_autofree char *small = longCommand("small", 5);
    Sender sender = { .text = command, .count = 20 };
    Fixture f;

    gateInit(&gate);
    peer = qmpPeerNew(QMP_PEER_GREETING, answerGate, &gate);
    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sender.mon = f.mon;
    virIOLoopInvokeWait(f.io, sendInThread, &sender);
    g_assert_cmpuint(sender.accepted, >=, 16);
    g_assert_cmpuint(sender.accepted, <, 20);
    g_assert_cmpint(sender.code, ==, VIR_ERR_RESOURCE_BUSY);

    /* Up to the last byte, and not one command beyond it. */
    sender.text = small;
    sender.count = QEMU_MONITOR_COMMANDS_MAX;
    virIOLoopInvokeWait(f.io, sendInThread, &sender);
    g_assert_cmpuint(sender.accepted, <, 64);
    g_assert_cmpint(sender.code, ==, VIR_ERR_RESOURCE_BUSY);
    sender.text = command;
    virIOLoopInvokeWait(f.io, sendInThread, &sender);
    g_assert_cmpuint(sender.accepted, ==, 0);
    g_assert_cmpint(sender.code, ==, VIR_ERR_RESOURCE_BUSY);

    gateOpen(&gate);
    tearDown(&f);
    g_assert_cmpuint(sender.answers.done, <=, QEMU_MONITOR_COMMANDS_MAX);
    g_clear_pointer(&peer, qmpPeerFree);
    gateClear(&gate);
}

static void
testPendingLimit(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    Sender sender = { .text = "{\"execute\":\"x\"}", .count = QEMU_MONITOR_COMMANDS_MAX + 1 };
    g_autofree char *huge = longCommand("x", QEMU_MONITOR_COMMAND_MAX);
    g_autofree char *reply = NULL;
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sender.mon = f.mon;
    virIOLoopInvokeWait(f.io, sendInThread, &sender);
    g_assert_cmpuint(sender.accepted, ==, QEMU_MONITOR_COMMANDS_MAX);
    g_assert_cmpint(sender.code, ==, VIR_ERR_RESOURCE_BUSY);
    g_assert_cmpint(qemuMonitorCommand(f.mon, huge, NULL, 0, 0, &reply, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);

    /* Every one of them gets an answer, if only that there is none. */
    tearDown(&f);
    g_assert_cmpuint(sender.answers.done, ==, QEMU_MONITOR_COMMANDS_MAX);
    g_assert_cmpuint(sender.answers.failed, ==, QEMU_MONITOR_COMMANDS_MAX);
}

static void
doNothing(void *opaque G_GNUC_UNUSED)
{
}

/* What malloc() has given out. */
static size_t
allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* QEMU reads all and answers none: what was read is not kept. */
static void
testUnansweredMemory(void)
{
    const size_t len = 4 * 1024 * 1024;
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    g_autofree char *command = longCommand("x", len);
    Sender sender = { .text = command, .count = 1 };
    gint64 deadline = g_get_monotonic_time() + DEADLINE;
    size_t before;
    Fixture f;
    int i;

    if (allocated() < len) {
        g_test_skip("another allocator, which is not asked");
        return;
    }
    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sender.mon = f.mon;
    before = allocated();
    for (i = 0; i < 32; i++) {
        virIOLoopInvokeWait(f.io, sendInThread, &sender);
        /* What is under way may still be there. */
        while (allocated() > before + 4 * len) {
            g_assert_cmpint(g_get_monotonic_time(), <, deadline);
            virIOLoopInvokeWait(f.io, doNothing, NULL);
        }
    }
    tearDown(&f);
    g_assert_cmpuint(sender.answers.failed, ==, 32);
}

static char *
answerWithoutID(const char *line, void *opaque)
{
    if (strstr(line, "unreadable"))
        return g_strdup("{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}"
                        "\r\n");
    return qmpPeerAnswerAll(line, opaque);
}

/* QEMU does so for what it can't read. */
static void
testErrorWithoutID(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerWithoutID, NULL);
    g_autofree char *reply = NULL;
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"unreadable\"}", NULL, 0, 0, &reply,
                                       NULL), ==, 0);
    g_assert_nonnull(strstr(reply, "JSON parse error"));
    g_clear_pointer(&reply, g_free);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"query-name\"}", NULL, 0, 0, &reply,
                                       NULL), ==, 0);
    g_assert_nonnull(strstr(reply, "peer"));
    tearDown(&f);
}

static void
testReplyBeyondLimit(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    g_autofree char *huge = g_malloc(QEMU_MONITOR_LINE_MAX + 100);
    Sender sender = { .text = "{\"execute\":\"x\"}", .count = 2 };
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sender.mon = f.mon;
    virIOLoopInvokeWait(f.io, sendInThread, &sender);
    memset(huge, ' ', QEMU_MONITOR_LINE_MAX + 100);
    memcpy(huge, "{\"return\":", 10);
    huge[QEMU_MONITOR_LINE_MAX + 99] = '\n';
    qmpPeerSend(peer, huge, QEMU_MONITOR_LINE_MAX + 100);
    sendText(peer, "{\"event\":\"AFTER\"}\n");
    WAIT(&f, f.events == 1);
    /* It was the first one's; no event is missing. */
    g_assert_cmpuint(sender.answers.failed, ==, 1);
    g_assert_cmpuint(f.badLines, ==, 0);
    tearDown(&f);
    g_assert_cmpuint(sender.answers.failed, ==, 2);
}

/* --- negotiation --- */

static char *
answerNever(const char *line G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    return NULL;
}

static char *
answerRefusal(const char *line G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    return g_strdup("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\r\n");
}

/* Greets and hears nothing: whoever opened it must learn that, to try again. */
static void
testNegotiationTimeout(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNever, NULL);
    Fixture f;

    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, 20);
    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.closed);
    g_assert_false(f.ready);
    g_assert_nonnull(strstr(f.reason, "negotiate"));
    tearDown(&f);
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
}

static void
testNegotiationRefused(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerRefusal, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.closed);
    g_assert_false(f.ready);
    g_assert_nonnull(strstr(f.reason, "CommandNotFound"));
    tearDown(&f);
}

/* --- closing --- */

static void
closeOnFailure(qemuMonitor *mon, const char *reply, void *opaque)
{
    Fixture *f = opaque;

    g_assert_null(reply);
    qemuMonitorClose(mon);
    virMutexLock(&f->lock);
    f->failed = true;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
askInThread(void *opaque)
{
    Fixture *f = opaque;

    g_assert_cmpint(qemuMonitorCommandAsync(f->mon, "{\"execute\":\"x\"}", closeOnFailure, f), ==,
                    0);
}

/* The connection ends, a pending command fails, and its function closes the monitor: to its
 * owner it is gone by then, and so may the owner be. */
static void
testClosedByFailedCommand(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    virIOLoopInvokeWait(f.io, askInThread, &f);
    qmpPeerHangUp(peer);
    WAIT(&f, f.failed);
    virIOLoopInvokeWait(f.io, doNothing, NULL);     /* that turn is over */
    g_assert_false(f.closed);
    tearDown(&f);
}

static void
testCloseInEvent(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    atomic_store(&f.closeInEvent, true);
    sendText(peer, "{\"event\":\"A\"}\n{\"event\":\"B\"}\nx\n{\"ev");
    WAIT(&f, f.events > 0);
    virIOLoopInvokeWait(f.io, doNothing, NULL);
    g_assert_cmpuint(f.events, ==, 1);
    g_assert_cmpuint(f.badLines, ==, 0);
    g_assert_false(f.closed);
    tearDown(&f);
}

/* --- lines without an end --- */

static void
testLongLineCutOff(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    g_autofree char *huge = g_strnfill(QEMU_MONITOR_LINE_MAX + 1, 'x');
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    qmpPeerSend(peer, huge, QEMU_MONITOR_LINE_MAX + 1);
    qmpPeerHangUp(peer);
    WAIT(&f, f.closed);
    g_assert_cmpuint(f.badLines, ==, 1);
    tearDown(&f);
}

static void
testEndlessLine(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    g_autofree char *part = g_strnfill(1024 * 1024, 'x');
    Fixture f;
    size_t sent;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    for (sent = 0; sent <= QEMU_MONITOR_SKIP_MAX; sent += 1024 * 1024)
        qmpPeerSend(peer, part, 1024 * 1024);
    WAIT(&f, f.closed);
    g_assert_true(qemuMonitorHasFailed(f.mon));
    g_assert_nonnull(strstr(f.reason, "without an end"));
    g_assert_cmpuint(f.badLines, ==, 1);
    tearDown(&f);
}

static void
testDeepLine(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    g_autofree char *deep = g_strnfill(200000, '[');
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sendText(peer, "{\"event\":\"DEEP\",\"data\":");
    sendText(peer, deep);
    sendText(peer, "\n{\"event\":\"BAD\xff\"}\n{\"event\":\"GOOD\"}\n");
    WAIT(&f, f.events == 1);
    g_assert_cmpstr(f.names->str, ==, "GOOD ");
    g_assert_cmpuint(f.badLines, ==, 2);
    tearDown(&f);
}

/* --- where the socket is --- */

static void
testPaths(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *part = g_strnfill(120, 'd');
    g_autofree char *deep = g_build_filename(dir, part, NULL);
    g_autofree char *path = g_build_filename(deep, "m.qmp", NULL);
    g_autofree char *name = g_strnfill(200, 'n');
    g_autofree char *moved = g_build_filename(deep, name, NULL);
    g_autofree char *link = g_build_filename(dir, "link", NULL);
    qmpPeer *peer;
    struct stat st;
    Fixture f;

    /* Longer than an address has room for, by its directory and by its name. */
    g_assert_cmpint(mkdir(deep, 0700), ==, 0);
    peer = qmpPeerNewAt(path, QMP_PEER_GREETING, NULL, NULL);
    setUp(&f, path);
    WAIT(&f, f.ready);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_true(qemuMonitorIsSocket(f.mon, st.st_dev, st.st_ino));
    g_assert_false(qemuMonitorIsSocket(f.mon, st.st_dev, st.st_ino + 1));
    g_assert_cmpint(qemuMonitorPeerPid(f.mon), ==, getpid());
    tearDown(&f);

    g_assert_cmpint(rename(path, moved), ==, 0);
    setUp(&f, moved);
    WAIT(&f, f.ready);
    tearDown(&f);

    g_assert_cmpint(symlink(moved, link), ==, 0);
    setUp(&f, link);
    WAIT(&f, f.ready);
    g_assert_true(qemuMonitorIsSocket(f.mon, st.st_dev, st.st_ino));
    tearDown(&f);

    qmpPeerFree(peer);
    setUp(&f, link);            /* nobody listens any more */
    g_assert_null(f.mon);
    g_assert_cmpint(unlink(link), ==, 0);
    g_assert_cmpint(unlink(moved), ==, 0);
    g_assert_cmpint(rmdir(deep), ==, 0);
    g_assert_cmpint(rmdir(dir), ==, 0);
    tearDown(&f);
}

/* --- file descriptors --- */

typedef struct {
    int client;                 /* of a socket that the test itself serves */
    int listener;
    char *dir;
    char *path;
} Server;

/* As qmpPeer can't: what it reads and writes may carry descriptors. */
static void
serve(Server *server, Fixture *f)
{
    static const char ok[] = "{\"return\": {}, \"id\": \"libvirt-1\"}\r\n";
    char buffer[256];

    server->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    server->path = g_build_filename(server->dir, "s", NULL);
    server->listener = qmpPeerListen(server->path, 1);
    setUp(f, server->path);
    server->client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(server->client, >=, 0);
    g_assert_cmpint(write(server->client, QMP_PEER_GREETING, strlen(QMP_PEER_GREETING)), >, 0);
    g_assert_cmpint(read(server->client, buffer, sizeof(buffer)), >, 0);
    g_assert_cmpint(write(server->client, ok, strlen(ok)), >, 0);
    WAIT(f, f->ready);
}

static void
serveEnd(Server *server)
{
    close(server->client);
    close(server->listener);
    unlink(server->path);
    rmdir(server->dir);
    g_free(server->path);
    g_free(server->dir);
}

static void
sendWithFds(int fd, const char *text, const int *fds, size_t nfds)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 32)];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { (char *)text, strlen(text) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                          .msg_controllen = CMSG_SPACE(sizeof(int) * nfds) };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
    memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * nfds);
    g_assert_cmpint(sendmsg(fd, &msg, MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

/* Reads a command; returns the one descriptor that came with it, or -1. */
static int
readWithFd(int fd, char *text, size_t size)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 4)];
        struct cmsghdr align;
    } control;
    struct iovec iov = { text, size - 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    ssize_t got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    int passed = -1;

    g_assert_cmpint(got, >, 0);
    text[got] = '\0';
    if (cmsg) {
        g_assert_cmpuint(cmsg->cmsg_len, ==, CMSG_LEN(sizeof(int)));
        memcpy(&passed, CMSG_DATA(cmsg), sizeof(int));
    }
    return passed;
}

typedef struct {
    qemuMonitor *mon;
    int fd;                     /* goes along; -1: none */
    GArray *received;
    char *reply;
    int ret;
} FdCaller;

static void *
callWithFd(void *opaque)
{
    FdCaller *caller = opaque;

    caller->ret = qemuMonitorCommand(caller->mon, "{\"execute\":\"getfd\"}", &caller->fd,
                                     caller->fd < 0 ? 0 : 1, 0, &caller->reply,
                                     caller->received);
    return NULL;
}

static void
testFds(void)
{
    int pair[2], many[20], fd;
    struct stat sent, got;
    FdCaller caller;
    pthread_t thread;
    Server server;
    char text[256];
    Fixture f;
    size_t i;

    g_assert_cmpint(pipe2(pair, O_CLOEXEC), ==, 0);
    serve(&server, &f);

    caller = (FdCaller) { .mon = f.mon, .fd = pair[0],
                          .received = g_array_new(FALSE, FALSE, sizeof(int)) };
    g_assert_cmpint(pthread_create(&thread, NULL, callWithFd, &caller), ==, 0);
    g_assert_cmpint((fd = readWithFd(server.client, text, sizeof(text))), >=, 0);
    g_assert_nonnull(strstr(text, "getfd"));
    g_assert_cmpint(fstat(pair[0], &sent), ==, 0);
    g_assert_cmpint(fstat(fd, &got), ==, 0);
    g_assert_cmpuint(sent.st_ino, ==, got.st_ino);
    close(fd);
    sendWithFds(server.client, "{\"return\": {}, \"id\": \"libvirt-2\"}\r\n", &pair[1], 1);
    pthread_join(thread, NULL);
    g_assert_cmpint(caller.ret, ==, 0);
    g_assert_cmpuint(caller.received->len, ==, 1);
    g_assert_cmpint(fcntl(g_array_index(caller.received, int, 0), F_GETFD), ==, FD_CLOEXEC);
    close(g_array_index(caller.received, int, 0));
    g_array_unref(caller.received);
    g_free(caller.reply);

    /* Nobody asked for these; the count at the end of all tests shows that none stays. */
    for (i = 0; i < G_N_ELEMENTS(many); i++)
        many[i] = pair[i % 2];
    sendWithFds(server.client, "{\"event\":\"WITH_FDS\"}\r\n", many, G_N_ELEMENTS(many));
    sendWithFds(server.client, "{\"return\": {}, \"id\": \"nobody\"}\r\n", many, 3);
    sendWithFds(server.client, "{\"event\":\"AGAIN\"}\r\n", many, 5);
    WAIT(&f, f.events == 2);
    tearDown(&f);

    setUp(&f, server.path);
    close(server.client);
    server.client = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);
    sendWithFds(server.client, QMP_PEER_GREETING, many, 1);
    g_assert_cmpint(readWithFd(server.client, text, sizeof(text)), ==, -1);
    tearDown(&f);
    serveEnd(&server);
    close(pair[0]);
    close(pair[1]);
}

static void
testTooManyFds(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    int fds[QEMU_MONITOR_FDS_MAX + 1] = { 0 };
    int bad = -1;
    char *reply = NULL;
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"x\"}", fds, G_N_ELEMENTS(fds), 0,
                                       &reply, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"x\"}", &bad, 1, 0, &reply, NULL),
                    ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    tearDown(&f);
}

/* --- one thread for many --- */

typedef struct {
    qmpPeer *peer;
    atomic_bool stop;
} Storm;

static void *
storm(void *opaque)
{
    Storm *self = opaque;
    g_autoptr(GString) block = g_string_new(NULL);

    while (block->len < 60000)
        g_string_append(block, "{\"event\": \"STORM\", \"data\": {\"n\": [1, 2, 3]}}\r\n");
    while (!atomic_load(&self->stop))
        qmpPeerSend(self->peer, block->str, block->len);
    return NULL;
}

/* Whoever storms gets no more than a turn at a time. */
static void
testStorm(void)
{
    g_autoptr(qmpPeer) loud = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    g_autoptr(qmpPeer) calm = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    Storm self = { .peer = loud };
    g_autofree char *reply = NULL;
    pthread_t thread;
    Fixture f, g;

    setUp(&f, qmpPeerPath(loud));
    memset(&g, 0, sizeof(g));
    g.io = f.io;
    g.path = qmpPeerPath(calm);
    virMutexInit(&g.lock);
    virCondInit(&g.cond);
    g.names = g_string_new(NULL);
    virIOLoopInvokeWait(f.io, openInThread, &g);
    WAIT(&f, f.ready);
    WAIT(&g, g.ready);

    g_assert_cmpint(pthread_create(&thread, NULL, storm, &self), ==, 0);
    WAIT(&f, f.events > 10000);
    sendText(calm, "{\"event\":\"CALM\"}\r\n");
    WAIT(&g, g.events == 1);
    g_assert_cmpint(qemuMonitorCommand(g.mon, "{\"execute\":\"query-name\"}", NULL, 0, 0, &reply,
                                       NULL), ==, 0);
    atomic_store(&self.stop, true);
    pthread_join(thread, NULL);

    virIOLoopInvokeWait(f.io, closeInThread, &g);
    qemuMonitorUnref(g.mon);
    g_string_free(g.names, TRUE);
    virCondDestroy(&g.cond);
    virMutexDestroy(&g.lock);
    tearDown(&f);
}

static void
resumeInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuMonitorResume(f->mon);
}

static unsigned int
countEvents(Fixture *f)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

    return f->events;
}

/* Whoever doesn't want more is spared it as long as QEMU can bear it, one helping at a time. */
static void
testPause(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, qmpPeerAnswerAll, NULL);
    g_autoptr(GString) storm = g_string_new(NULL);
    g_autofree char *reply = NULL;
    unsigned int refusals;
    unsigned int n = 0;
    gint64 deadline;
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    while (storm->len < 8 * VIR_IO_LOOP_BUFFER_SIZE) {
        g_string_append(storm, "{\"event\": \"STORM\"}\r\n");
        n++;
    }
    atomic_store(&f.refuse, true);
    qmpPeerSend(peer, storm->str, storm->len);
    /* Nor does it make this longer that others are asked to go on all the time. */
    deadline = g_get_monotonic_time() + DEADLINE;
    while (countEvents(&f) < n) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        virIOLoopInvokeWait(f.io, resumeInThread, &f);
    }
    /* It was asked before each read. */
    g_assert_cmpuint(atomic_load(&f.refusals), >=, storm->len / QEMU_MONITOR_READ_MAX);

    /* It still refuses, but somebody waits for what is said. */
    g_assert_cmpint(qemuMonitorCommand(f.mon, "{\"execute\":\"query-name\"}", NULL, 0, 0, &reply,
                                       NULL), ==, 0);

    atomic_store(&f.refuse, false);
    virIOLoopInvokeWait(f.io, resumeInThread, &f);
    refusals = atomic_load(&f.refusals);
    sendText(peer, "{\"event\":\"A\"}\n");
    WAIT(&f, f.events == n + 1);
    g_assert_cmpuint(atomic_load(&f.refusals), ==, refusals);
    virIOLoopInvokeWait(f.io, resumeInThread, &f);      /* of one that isn't paused */

    /* What QEMU said before it went is read whether it is wanted or not. */
    atomic_store(&f.refuse, true);
    qmpPeerSend(peer, storm->str, storm->len);
    qmpPeerHangUp(peer);
    WAIT(&f, f.closed);
    g_assert_cmpuint(f.events, ==, 2 * n + 1);
    virIOLoopInvokeWait(f.io, resumeInThread, &f);
    tearDown(&f);
}

/* It is let go while it is paused. */
static void
testClosePaused(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    atomic_store(&f.refuse, true);
    sendText(peer, "{\"event\":\"A\"}\n");
    WAIT(&f, f.events == 1);
    tearDown(&f);
}

static void
testReceived(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    gint64 before = g_get_real_time();
    Fixture f;

    setUp(&f, qmpPeerPath(peer));
    WAIT(&f, f.ready);
    sendText(peer, "{\"event\":\"A\"}\n");
    WAIT(&f, f.events == 1);
    g_assert_cmpint(f.received, >=, before);
    g_assert_cmpint(f.received, <=, g_get_real_time());
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
    g_test_add_func("/qemu/monitor/given-up-unsent", testGivenUpUnsent);
    g_test_add_func("/qemu/monitor/output-limit", testOutputLimit);
    g_test_add_func("/qemu/monitor/pending-limit", testPendingLimit);
    g_test_add_func("/qemu/monitor/unanswered-memory", testUnansweredMemory);
    g_test_add_func("/qemu/monitor/error-without-id", testErrorWithoutID);
    g_test_add_func("/qemu/monitor/reply-beyond-limit", testReplyBeyondLimit);
    g_test_add_func("/qemu/monitor/negotiation-timeout", testNegotiationTimeout);
    g_test_add_func("/qemu/monitor/negotiation-refused", testNegotiationRefused);
    g_test_add_func("/qemu/monitor/closed-by-failed-command", testClosedByFailedCommand);
    g_test_add_func("/qemu/monitor/close-in-event", testCloseInEvent);
    g_test_add_func("/qemu/monitor/long-line-cut-off", testLongLineCutOff);
    g_test_add_func("/qemu/monitor/endless-line", testEndlessLine);
    g_test_add_func("/qemu/monitor/deep-line", testDeepLine);
    g_test_add_func("/qemu/monitor/paths", testPaths);
    g_test_add_func("/qemu/monitor/fds", testFds);
    g_test_add_func("/qemu/monitor/too-many-fds", testTooManyFds);
    g_test_add_func("/qemu/monitor/storm", testStorm);
    g_test_add_func("/qemu/monitor/pause", testPause);
    g_test_add_func("/qemu/monitor/close-paused", testClosePaused);
    g_test_add_func("/qemu/monitor/received", testReceived);
    return testRunCountingFds();
}
