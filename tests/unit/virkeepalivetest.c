/*
 * virkeepalivetest.c: when pings are sent, and when the other side is given up
 *
 * The shortest interval is a second, so this takes some; what is looked at is the order, and
 * that nothing comes too early.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "rpcpeer.h"
#include "testutils.h"
#include "virkeepalive.h"
#include "virkeepaliveprotocol.h"
#include "virthread.h"

typedef struct {
    virIOLoop *loop;
    virKeepAlive *ka;
    int interval;               /* for start() */
    unsigned int count;
    gint64 started;
    bool freeWhenDead;

    virMutex lock;              /* guards the rest */
    virCond cond;
    GString *log;               /* "ping ", "pong ", "dead " */
    gint64 last;                /* when the last of these was */
} fixture;

static void
note(fixture *fix, const char *what)
{
    virMutexLock(&fix->lock);
    g_string_append(fix->log, what);
    fix->last = g_get_monotonic_time();
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

static void
onSend(virNetMessage *msg, void *opaque)
{
    const virNetMessageHeader *header = virNetMessageGetHeader(msg);
    size_t len;

    g_assert_cmphex(header->prog, ==, KEEPALIVE_PROGRAM);
    g_assert_cmpuint(header->vers, ==, KEEPALIVE_PROTOCOL_VERSION);
    g_assert_cmpint(header->type, ==, VIR_NET_MESSAGE);
    g_assert_cmpuint(header->serial, ==, 0);
    g_assert_cmpint(header->status, ==, VIR_NET_OK);
    virNetMessageGetBytes(msg, &len);
    g_assert_cmpuint(len, ==, VIR_NET_MESSAGE_LEN_MIN);
    note(opaque, header->proc == KEEPALIVE_PROC_PING ? "ping " : "pong ");
    virNetMessageFree(msg);
}

static void
onDead(void *opaque)
{
    fixture *fix = opaque;

    if (fix->freeWhenDead)
        virKeepAliveFree(g_steal_pointer(&fix->ka));
    note(fix, "dead ");
}

static const virKeepAliveFuncs funcs = { onSend, onDead };

static void
makeInThread(void *opaque)
{
    fixture *fix = opaque;

    fix->ka = virKeepAliveNew(fix->loop, &funcs, fix);
}

static void
freeInThread(void *opaque)
{
    fixture *fix = opaque;

    virKeepAliveFree(fix->ka);
}

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virMutexInit(&fix->lock);
    virCondInit(&fix->cond);
    fix->log = g_string_new(NULL);
    fix->loop = virIOLoopNew("test");
    g_assert_nonnull(fix->loop);
    virIOLoopInvokeWait(fix->loop, makeInThread, fix);
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virIOLoopInvokeWait(fix->loop, freeInThread, fix);
    virIOLoopFree(fix->loop);
    g_string_free(fix->log, TRUE);
    virCondDestroy(&fix->cond);
    virMutexDestroy(&fix->lock);
}

static void
startInThread(void *opaque)
{
    fixture *fix = opaque;

    fix->started = g_get_monotonic_time();
    virKeepAliveStart(fix->ka, fix->interval, fix->count);
}

static void
start(fixture *fix, int interval, unsigned int count)
{
    fix->interval = interval;
    fix->count = count;
    virIOLoopInvokeWait(fix->loop, startInThread, fix);
}

static void
hearInThread(void *opaque)
{
    fixture *fix = opaque;

    fix->started = g_get_monotonic_time();
    virKeepAliveHeard(fix->ka);
}

/* Waits until the log is that; returns seconds since the start, or since it was heard, at least. */
static double
await(fixture *fix, const char *log)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;
    double after;

    virMutexLock(&fix->lock);
    while (g_strcmp0(fix->log->str, log) != 0) {
        g_assert_true(g_str_has_prefix(log, fix->log->str));
        g_assert_true(virCondWaitUntil(&fix->cond, &fix->lock, deadline));
    }
    after = (double)(fix->last - fix->started) / G_USEC_PER_SEC;
    virMutexUnlock(&fix->lock);
    return after;
}

static void
testSilence(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    start(fix, 1, 2);
    g_assert_true(virKeepAliveIsRunning(fix->ka));
    g_assert_cmpfloat(await(fix, "ping "), >=, 1);
    g_assert_cmpfloat(await(fix, "ping ping "), >=, 2);
    g_assert_cmpfloat(await(fix, "ping ping dead "), >=, 3);
    g_assert_false(virKeepAliveIsRunning(fix->ka));
}

/* Whatever is heard makes it begin anew. */
static void
testHeard(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    start(fix, 1, 1);
    g_assert_cmpfloat(await(fix, "ping "), >=, 1);
    virIOLoopInvokeWait(fix->loop, hearInThread, fix);
    g_assert_cmpfloat(await(fix, "ping ping "), >=, 1);
    g_assert_cmpfloat(await(fix, "ping ping dead "), >=, 2);
}

static void
testNoPings(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    start(fix, 1, 0);
    g_assert_cmpfloat(await(fix, "dead "), >=, 1);
}

static void
testFreeWhenDead(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    fix->freeWhenDead = true;
    start(fix, 1, 0);
    await(fix, "dead ");
}

static void
testOff(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_false(virKeepAliveIsRunning(fix->ka));
    start(fix, 0, 5);
    g_assert_false(virKeepAliveIsRunning(fix->ka));
    start(fix, -1, 5);
    g_assert_false(virKeepAliveIsRunning(fix->ka));
    start(fix, 1000, 5);
    g_assert_true(virKeepAliveIsRunning(fix->ka));
    start(fix, 0, 5);
    g_assert_false(virKeepAliveIsRunning(fix->ka));
    /* The longest that an int can say. */
    start(fix, G_MAXINT, G_MAXUINT);
    g_assert_true(virKeepAliveIsRunning(fix->ka));
    virIOLoopInvokeWait(fix->loop, hearInThread, fix);
    await(fix, "");
}

typedef struct {
    fixture *fix;
    virNetFrame frame;
    bool taken;
} takeRequest;

static void
takeInThread(void *opaque)
{
    takeRequest *request = opaque;

    request->taken = virKeepAliveTake(request->fix->ka, &request->frame);
}

static bool
take(fixture *fix, unsigned int program, unsigned int version, int proc, int type)
{
    takeRequest request = {
        .fix = fix,
        .frame.header = { .prog = program, .vers = version, .proc = proc, .type = type },
        .frame.payload = "xxxx", .frame.len = 4,
    };

    virIOLoopInvokeWait(fix->loop, takeInThread, &request);
    return request.taken;
}

static void
testTake(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    /* Not its own. */
    g_assert_false(take(fix, 0x20008086, 1, KEEPALIVE_PROC_PING, VIR_NET_MESSAGE));
    g_assert_false(take(fix, KEEPALIVE_PROGRAM, 1, KEEPALIVE_PROC_PING, VIR_NET_CALL));
    /* Its own, but nothing that needs an answer. */
    g_assert_true(take(fix, KEEPALIVE_PROGRAM, 1, KEEPALIVE_PROC_PONG, VIR_NET_MESSAGE));
    g_assert_true(take(fix, KEEPALIVE_PROGRAM, 1, 3, VIR_NET_MESSAGE));
    g_assert_true(take(fix, KEEPALIVE_PROGRAM, 2, KEEPALIVE_PROC_PING, VIR_NET_MESSAGE));
    await(fix, "");
    /* Answered, although it doesn't ping itself. */
    g_assert_true(take(fix, KEEPALIVE_PROGRAM, 1, KEEPALIVE_PROC_PING, VIR_NET_MESSAGE));
    await(fix, "pong ");
}

#define ADD(path, func) g_test_add("/keepalive/" path, fixture, NULL, setUp, func, tearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("silence", testSilence);
    ADD("heard", testHeard);
    ADD("no-pings", testNoPings);
    ADD("free-when-dead", testFreeWhenDead);
    ADD("off", testOff);
    ADD("take", testTake);
    return testRunCountingFds();
}
