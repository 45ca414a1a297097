/*
 * qemuendpointtest.c: what becomes of a socket path, whatever is behind it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_endpoint.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "qemu_monitor_priv.h"
#include "qmppeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virioloop_priv.h"
#include "virthread.h"
#include "viruuid.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

typedef struct {
    char *dir;
    char *path;
    virIOLoop *io;
    virConnectPtr conn;         /* somebody must be registered, or nobody makes events */
    int callbackID, lifecycleID;
    qemuEventSink sink;         /* never handed over: the tests look into it */
    qemuEndpoint *endpoint;
    atomic_bool refuse;         /* admit() wants none */
    atomic_bool abandonSettled; /* settled() abandons unless attached */
    atomic_bool abandonEnded;
    int nextID;
    virMutex lock;              /* guards all below */
    virCond cond;
    unsigned int settled[4];    /* by outcome */
    atomic_uint ended, done;
    char *message;              /* of the last that settled */
    GArray *times;              /* gint64: when attempts failed */
} Fixture;

#define WAIT(f, condition) \
    do { \
        gint64 deadline_ = g_get_monotonic_time() + DEADLINE; \
        virMutexLock(&(f)->lock); \
        while (!(condition)) \
            g_assert_true(virCondWaitUntil(&(f)->cond, &(f)->lock, deadline_)); \
        virMutexUnlock(&(f)->lock); \
    } while (0)

static virDomainObj *
onAdmit(qemuEndpoint *endpoint, qemuMonitor *mon, qemuIdentity *identity, void *opaque)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    Fixture *f = opaque;

    if (atomic_load(&f->refuse)) {
        virReportErrorFull(VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, __FILE__, __func__, __LINE__,
                           "not wanted");
        return NULL;
    }
    virUUIDFromText("test", uuid);
    return qemuDomainNew(identity->name ? identity->name : "none", uuid, ++f->nextID, mon,
                         qemuEndpointPath(endpoint), 0, identity, VIR_DOMAIN_RUNNING_UNKNOWN);
}

static void
onSettled(qemuEndpoint *endpoint, qemuEndpointOutcome outcome, const char *message, void *opaque)
{
    Fixture *f = opaque;
    gint64 now = g_get_monotonic_time();

    g_assert_true((outcome == QEMU_ENDPOINT_ATTACHED) == !message);
    if (atomic_load(&f->abandonSettled) && outcome != QEMU_ENDPOINT_ATTACHED)
        qemuEndpointAbandon(endpoint);
    virMutexLock(&f->lock);
    f->settled[outcome]++;
    g_free(f->message);
    f->message = g_strdup(message);
    if (outcome == QEMU_ENDPOINT_FAILED)
        g_array_append_val(f->times, now);
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onEnded(qemuEndpoint *endpoint, virDomainObj *dom, bool failed, void *opaque)
{
    Fixture *f = opaque;

    g_assert_null(qemuEndpointDomain(endpoint));
    g_assert_false(failed);
    qemuDomainEnd(dom, failed, &f->sink);
    if (atomic_load(&f->abandonEnded))
        qemuEndpointAbandon(endpoint);
    virMutexLock(&f->lock);
    f->ended++;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onDone(qemuEndpoint *endpoint, void *opaque)
{
    Fixture *f = opaque;

    g_clear_pointer(&f->endpoint, qemuEndpointFree);
    g_assert_nonnull(endpoint);
    virMutexLock(&f->lock);
    f->done++;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static const qemuEndpointCallbacks callbacks = { onAdmit, onSettled, onEnded, onDone };

static void
newInThread(void *opaque)
{
    Fixture *f = opaque;

    f->endpoint = qemuEndpointNew(f->io, f->path, &f->sink, &callbacks, f);
}

static void
startInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuEndpointStart(f->endpoint);
}

/* What can be asked of an endpoint; it belongs to the I/O thread. */
typedef struct {
    qemuEndpoint *endpoint;
    struct stat st;             /* of the socket that it may be on */
    bool connected, busy, on;
    char *name;                 /* of its domain; NULL: none */
    int state;
} Look;

static void
lookInThread(void *opaque)
{
    Look *look = opaque;
    virDomainObj *dom = qemuEndpointDomain(look->endpoint);

    look->connected = qemuEndpointIsConnected(look->endpoint);
    look->busy = qemuEndpointIsBusy(look->endpoint);
    look->on = qemuEndpointIsOn(look->endpoint, look->st.st_dev, look->st.st_ino);
    if (dom) {
        look->name = g_strdup(dom->ident->name);
        look->state = virDomainObjGetState(dom, NULL);
    }
}

static void
check(Fixture *f, bool connected, bool busy, const char *name)
{
    Look look = { .endpoint = f->endpoint };

    stat(f->path, &look.st);
    virIOLoopInvokeWait(f->io, lookInThread, &look);
    g_assert_cmpint(look.connected, ==, connected);
    g_assert_cmpint(look.busy, ==, busy);
    g_assert_cmpint(look.on, ==, connected);
    g_assert_cmpstr(look.name, ==, name);
    if (name)
        g_assert_cmpint(look.state, ==, VIR_DOMAIN_RUNNING);
    g_free(look.name);

    look.name = NULL;
    look.st.st_ino++;
    virIOLoopInvokeWait(f->io, lookInThread, &look);
    g_assert_false(look.on);
    g_free(look.name);
}

static void
countTimersInThread(void *opaque)
{
    /* It has left nothing behind that would call back. */
    g_assert_cmpuint(virIOLoopCountTimers(((Fixture *)opaque)->io), ==, 0);
}

static void
hurryInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuEndpointHurry(f->endpoint);
}

static void
abandonInThread(void *opaque)
{
    Fixture *f = opaque;

    if (f->endpoint)
        qemuEndpointAbandon(f->endpoint);
}

static void
freeInThread(void *opaque)
{
    Fixture *f = opaque;

    g_clear_pointer(&f->endpoint, qemuEndpointFree);
    virObjectEventBatchClear(&f->sink.batch);
    countTimersInThread(f);
}

static void
onMonitorEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
               const char *event, long long seconds G_GNUC_UNUSED,
               unsigned int micros G_GNUC_UNUSED, const char *details, void *opaque)
{
    GString *text = opaque;

    g_string_append(text, event);
    if (g_str_equal(event, VIR_DOMAIN_MONITOR_EVENT_LOST)) {
        const char *count = strstr(details, "\"count\":");
        const char *from = strstr(details, "\"from\":");
        const char *to = strstr(details, "\"to\":");

        g_string_append_printf(text, "(%lld:%lld-%lld)", atoll(count + 8), atoll(from + 7),
                               atoll(to + 5));
    }
}

static int
onLifecycleEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED, int type,
                 int detail, void *opaque)
{
    g_string_append_printf(opaque, "life(%d,%d)", type, detail);
    return 0;
}

typedef struct {
    Fixture *f;
    GString *text;
} Collector;

static void
collectInThread(void *opaque)
{
    Collector *collector = opaque;
    qemuEventSink *sink = &collector->f->sink;
    virObjectEvent *event;

    for (event = sink->batch.first; event; event = event->next) {
        virObjectEventTarget target = { .opaque = collector->text };

        if (event->klass == &virDomainMonitorEventClass)
            target.cb = onMonitorEvent;
        else
            target.cb = onLifecycleEvent;
        event->klass->dispatch(event, NULL, &target);
        if (event->number > 0)
            g_string_append_printf(collector->text, "#%" G_GUINT64_FORMAT, event->number);
        g_string_append_c(collector->text, ' ');
    }
    virObjectEventBatchClear(&sink->batch);
}

/* All events since the last call: names with their numbers, gaps as NAME(COUNT:FROM-TO). */
static char *
collect(Fixture *f)
{
    Collector collector = { f, g_string_new(NULL) };

    virIOLoopInvokeWait(f->io, collectInThread, &collector);
    return g_string_free(collector.text, FALSE);
}

static void
checkEvents(Fixture *f, const char *expected)
{
    g_autofree char *events = collect(f);

    g_assert_cmpstr(events, ==, expected);
}

static void
onNever(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
        const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
        unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED,
        void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
onNoLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
              void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
setUp(Fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
    f->path = g_build_filename(f->dir, "guest.qmp", NULL);
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
    f->times = g_array_new(FALSE, FALSE, sizeof(gint64));
    f->sink.state = virObjectEventStateNew(0);
    f->conn = virGetConnect();
    f->callbackID = virDomainMonitorEventStateRegister(f->sink.state, f->conn, NULL, NULL,
                                                       onNever, NULL, NULL, 0);
    g_assert_cmpint(f->callbackID, >=, 0);
    f->lifecycleID = virDomainEventStateRegisterAny(
        f->sink.state, f->conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE, onNoLifecycle, NULL, NULL);
    g_assert_cmpint(f->lifecycleID, >=, 0);
    f->io = virIOLoopNew("test");
    virIOLoopInvokeWait(f->io, newInThread, f);
}

static void
start(Fixture *f)
{
    virIOLoopInvokeWait(f->io, startInThread, f);
}

static void
tearDown(Fixture *f)
{
    virIOLoopInvokeWait(f->io, freeInThread, f);
    virIOLoopFree(f->io);
    g_assert_cmpint(virDomainEventStateDeregisterAny(f->sink.state, f->conn, f->lifecycleID), ==,
                    0);
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->sink.state, f->conn, f->callbackID),
                    ==, 0);
    virConnectUnref(f->conn);
    testDrainEventLoop();
    virObjectEventStateUnref(f->sink.state);
    unlink(f->path);
    g_assert_cmpint(rmdir(f->dir), ==, 0);
    g_array_unref(f->times);
    g_free(f->message);
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
    g_free(f->path);
    g_free(f->dir);
}

static void
sendText(qmpPeer *peer, const char *text)
{
    qmpPeerSend(peer, text, strlen(text));
}

/* --- attaching --- */

static void
testAttach(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    check(&f, true, false, "peer");

    sendText(peer, "{\"event\":\"A\"}\n{\"event\":\"STOP\"}\n{\"event\":\"B\"}\n"
             "{\"event\":\"RESUME\"}\n");
    qmpPeerHangUp(peer);
    WAIT(&f, f.ended == 1);
    checkEvents(&f, "A#1 STOP#2 life(3,0) B#3 RESUME#4 life(4,0) life(5,5) ");
    g_assert_cmpuint(f.settled[QEMU_ENDPOINT_FAILED], ==, 0);

    /* It is tried again, as another stream. */
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 2);
    sendText(peer, "{\"event\":\"AGAIN\"}\n{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true}}\n");
    atomic_store(&f.abandonEnded, true);
    qmpPeerHangUp(peer);
    WAIT(&f, f.done == 1);
    checkEvents(&f, "AGAIN#1 SHUTDOWN#2 life(6,1) life(5,0) ");
    g_assert_cmpint(f.nextID, ==, 2);
    qmpPeerFree(peer);
    tearDown(&f);
}

/* What comes before it is known whose it is, is kept, with its gaps where they were. */
static void
testHeld(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING "{\"event\":\"A\"}\n{\"event\":bad\n"
                        "{\"event\":\"STOP\"}\n{\"event\":\"C\",\"data\":{}}\nbad\nbad\n",
                        NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    /* The state is that which was asked for later, so nothing follows from STOP. */
    checkEvents(&f, "A#1 VIRTMON_EVENTS_LOST(1:2-2)#2 STOP#3 C#4 "
                "VIRTMON_EVENTS_LOST(2:5-6)#6 ");
    check(&f, true, false, "peer");
    qmpPeerFree(peer);
    tearDown(&f);
}

static void
testHeldLimit(void)
{
    g_autofree char *big = g_strnfill(QEMU_ENDPOINT_HELD_BYTES_MAX / 2, 'x');
    g_autoptr(GString) text = g_string_new(QMP_PEER_GREETING);
    qmpPeer *peer;
    Fixture f;
    int i;

    setUp(&f);
    g_string_append(text, "{\"event\":\"FIRST\"}\n");
    for (i = 0; i < 3; i++)
        g_string_append_printf(text, "{\"event\":\"BIG\",\"data\":\"%s\"}\n", big);
    g_string_append(text, "bad\n{\"event\":\"SMALL\"}\n");
    peer = qmpPeerNewAt(f.path, text->str, NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    sendText(peer, "{\"event\":\"LAST\"}\n");
    atomic_store(&f.abandonEnded, true);
    qmpPeerHangUp(peer);
    WAIT(&f, f.done == 1);
    checkEvents(&f, "FIRST#1 BIG#2 VIRTMON_EVENTS_LOST(4:3-6)#6 LAST#7 life(5,5) ");
    qmpPeerFree(peer);
    tearDown(&f);
}

/* --- gaps --- */

static void
testGaps(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    sendText(peer, "{\"event\":\"A\"}\n{\"event\":\n{\"event\":\"B\"}\nx\ny\nz\n{\"event\":\"C\"}\n"
             "{\"event\":\"D\"}\n{\"event\":\"half");
    atomic_store(&f.abandonEnded, true);
    qmpPeerHangUp(peer);
    WAIT(&f, f.done == 1);
    checkEvents(&f, "A#1 VIRTMON_EVENTS_LOST(1:2-2)#2 B#3 VIRTMON_EVENTS_LOST(3:4-6)#6 C#7 D#8 "
                "VIRTMON_EVENTS_LOST(1:9-9)#9 life(5,5) ");
    qmpPeerFree(peer);
    tearDown(&f);
}

/* A gap that no event follows is told by itself. */
static void
testGapAtRest(void)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    sendText(peer, "bad\n");
    for (;;) {
        g_autofree char *events = collect(&f);

        if (*events) {
            g_assert_cmpstr(events, ==, "VIRTMON_EVENTS_LOST(1:1-1)#1 ");
            break;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
    qmpPeerFree(peer);
    tearDown(&f);
}

/* --- nobody there, or not yet --- */

static void
testNoSocketYet(void)
{
    qmpPeer *peer;
    Fixture f;
    size_t i;

    setUp(&f);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_FAILED] == 4);
    g_assert_nonnull(strstr(f.message, "guest.qmp"));
    /* Each pause is at least twice the one before. */
    for (i = 1; i < 4; i++)
        g_assert_cmpint(g_array_index(f.times, gint64, i) - g_array_index(f.times, gint64, i - 1),
                        >=, (QEMU_ENDPOINT_RETRY_MIN_MS << (i - 1)) * 1000);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, NULL, NULL);
    virIOLoopInvokeWait(f.io, hurryInThread, &f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    g_assert_cmpuint(f.settled[QEMU_ENDPOINT_FAILED], <=, 5);
    qmpPeerFree(peer);
    tearDown(&f);
}

static void
testNotListeningYet(void)
{
    qmpPeer *peer;
    Fixture f;
    int fd;

    setUp(&f);
    fd = qmpPeerListen(f.path, -1);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_FAILED] >= 1);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    peer = qmpPeerNewOn(f.path, fd, QMP_PEER_GREETING, NULL, NULL);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);       /* with no more help */
    qmpPeerFree(peer);
    tearDown(&f);
}

static void
testNoQmp(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = qmpPeerNewAt(f.path, "RFB 003.008\n", NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_FAILED] >= 2);
    g_assert_nonnull(strstr(f.message, "QMP"));
    qmpPeerFree(peer);
    tearDown(&f);
}

/* --- somebody else is served --- */

static void
testBusy(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    qemuMonitorSetTimeouts(10, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    peer = qmpPeerNewAt(f.path, NULL, NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_BUSY] == 1);
    check(&f, true, true, NULL);
    sendText(peer, QMP_PEER_GREETING);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    check(&f, true, false, "peer");
    g_assert_cmpuint(f.settled[QEMU_ENDPOINT_FAILED], ==, 0);
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    qmpPeerFree(peer);
    tearDown(&f);
}

static int
connectTo(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* So many wait that there is no room to wait too. */
static void
testBacklogFull(void)
{
    g_autoptr(GArray) others = g_array_new(FALSE, FALSE, sizeof(int));
    qmpPeer *peer;
    Fixture f;
    int listener, fd;
    size_t i;

    setUp(&f);
    listener = qmpPeerListen(f.path, 0);
    while ((fd = connectTo(f.path)) >= 0)
        g_array_append_val(others, fd);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_BUSY] >= 1);
    check(&f, false, false, NULL);

    for (i = 0; i < others->len; i++)
        close(g_array_index(others, int, i));
    peer = qmpPeerNewOn(f.path, listener, QMP_PEER_GREETING, NULL, NULL);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    qmpPeerFree(peer);
    tearDown(&f);
}

/* --- not wanted --- */

static void
testRefused(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    atomic_store(&f.refuse, true);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING "{\"event\":\"A\"}\n", NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_REFUSED] == 1);
    g_assert_nonnull(strstr(f.message, "not wanted"));
    check(&f, false, false, NULL);
    virIOLoopInvokeWait(f.io, countTimersInThread, &f);     /* not asked again by itself */

    atomic_store(&f.refuse, false);
    virIOLoopInvokeWait(f.io, hurryInThread, &f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    checkEvents(&f, "A#1 ");
    qmpPeerFree(peer);
    tearDown(&f);
}

/* --- connections that end at a bad time --- */

typedef struct {
    qmpPeer *peer;
    const char *at;             /* the command at which to hang up */
} Quitter;

static char *
answerAndQuit(const char *line, void *opaque)
{
    Quitter *quitter = opaque;

    if (strstr(line, quitter->at)) {
        qmpPeerHangUp(quitter->peer);
        return NULL;
    }
    return qmpPeerAnswerAll(line, NULL);
}

static char *
answerNegotiationOnly(const char *line, void *opaque)
{
    return strstr(line, "qmp_capabilities") ? qmpPeerAnswerAll(line, opaque) : NULL;
}

/* Each failure is told once, also where a pending question fails with the connection. */
static void
testLostWhileAsking(void)
{
    static const char *const at[] = { "qmp_capabilities", "query-name", "query-status" };
    Quitter quitter;
    Fixture f;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(at); i++) {
        setUp(&f);
        atomic_store(&f.abandonSettled, true);        /* and the endpoint is gone by the end of it */
        quitter.at = at[i];
        quitter.peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, answerAndQuit, &quitter);
        start(&f);
        WAIT(&f, f.done == 1);
        g_assert_cmpuint(f.settled[QEMU_ENDPOINT_FAILED], ==, 1);
        g_assert_nonnull(strstr(f.message, "closed the connection"));
        qmpPeerFree(quitter.peer);
        tearDown(&f);

        setUp(&f);
        quitter.peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, answerAndQuit, &quitter);
        start(&f);
        WAIT(&f, f.settled[QEMU_ENDPOINT_FAILED] == 2);
        g_assert_cmpint(g_array_index(f.times, gint64, 1) - g_array_index(f.times, gint64, 0), >=,
                        QEMU_ENDPOINT_RETRY_MIN_MS * 1000);
        qmpPeerFree(quitter.peer);
        tearDown(&f);
    }
}

static void
testNoAnswer(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, 20);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, answerNegotiationOnly, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_FAILED] >= 2);
    g_assert_nonnull(strstr(f.message, "did not answer"));
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    virIOLoopInvokeWait(f.io, abandonInThread, &f);
    qmpPeerHangUp(peer);
    WAIT(&f, f.done == 1);
    qmpPeerFree(peer);
    tearDown(&f);
}

/* --- giving up --- */

static void
testAbandon(void)
{
    qmpPeer *peer;
    Fixture f;

    /* before it was started */
    setUp(&f);
    virIOLoopInvokeWait(f.io, abandonInThread, &f);
    g_assert_cmpuint(f.done, ==, 1);
    tearDown(&f);

    /* between two attempts */
    setUp(&f);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_FAILED] == 1);
    virIOLoopInvokeWait(f.io, abandonInThread, &f);
    g_assert_cmpuint(f.done, ==, 1);
    tearDown(&f);

    /* at the first failure, which is told before starting returns */
    setUp(&f);
    atomic_store(&f.abandonSettled, true);
    start(&f);
    g_assert_cmpuint(f.done, ==, 1);
    tearDown(&f);

    /* attached: it stays until the connection ends */
    setUp(&f);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    virIOLoopInvokeWait(f.io, abandonInThread, &f);
    sendText(peer, "{\"event\":\"STILL\"}\n");
    g_assert_cmpuint(f.done, ==, 0);
    qmpPeerHangUp(peer);
    WAIT(&f, f.done == 1);
    g_assert_cmpuint(f.ended, ==, 1);
    checkEvents(&f, "STILL#1 life(5,5) ");
    qmpPeerFree(peer);
    tearDown(&f);
}

/* Freed in the midst of each state. */
static void
testFree(void)
{
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = qmpPeerNewAt(f.path, NULL, NULL, NULL);
    start(&f);
    tearDown(&f);
    qmpPeerFree(peer);

    setUp(&f);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, answerNegotiationOnly, NULL);
    start(&f);
    sendText(peer, "{\"event\":\"A\"}\nbad\n");
    tearDown(&f);
    qmpPeerFree(peer);

    setUp(&f);
    peer = qmpPeerNewAt(f.path, QMP_PEER_GREETING, NULL, NULL);
    start(&f);
    WAIT(&f, f.settled[QEMU_ENDPOINT_ATTACHED] == 1);
    tearDown(&f);
    g_assert_cmpuint(f.ended, ==, 0);
    qmpPeerFree(peer);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    testDrainEventLoop();       /* it has a descriptor of its own from now on */
    g_test_add_func("/qemu/endpoint/attach", testAttach);
    g_test_add_func("/qemu/endpoint/held", testHeld);
    g_test_add_func("/qemu/endpoint/held-limit", testHeldLimit);
    g_test_add_func("/qemu/endpoint/gaps", testGaps);
    g_test_add_func("/qemu/endpoint/gap-at-rest", testGapAtRest);
    g_test_add_func("/qemu/endpoint/no-socket-yet", testNoSocketYet);
    g_test_add_func("/qemu/endpoint/not-listening-yet", testNotListeningYet);
    g_test_add_func("/qemu/endpoint/no-qmp", testNoQmp);
    g_test_add_func("/qemu/endpoint/busy", testBusy);
    g_test_add_func("/qemu/endpoint/backlog-full", testBacklogFull);
    g_test_add_func("/qemu/endpoint/refused", testRefused);
    g_test_add_func("/qemu/endpoint/lost-while-asking", testLostWhileAsking);
    g_test_add_func("/qemu/endpoint/no-answer", testNoAnswer);
    g_test_add_func("/qemu/endpoint/abandon", testAbandon);
    g_test_add_func("/qemu/endpoint/free", testFree);
    return testRunCountingFds();
}
