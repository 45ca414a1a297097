/*
 * virnetservertest.c: what a server does with clients, good, bad, slow and dead ones
 *
 * The test's thread is the clients: bare sockets that say whatever they like.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <gnutls/x509.h>

#include "remote_protocol.h"
#include "rpcpeer.h"
#include "testcerts.h"
#include "testsasl.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virnetclient.h"
#include "virnetserver.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define PROGRAM 0x20008086
#define FILTER(name) ((xdrproc_t)xdr_##name)

enum {
    PROC_ECHO = 1,              /* a string, at once */
    PROC_WAIT,                  /* in a worker, until the test lets it go */
    PROC_PRIORITY,
    PROC_FAIL,
    PROC_AUTH,
    PROC_FDS,                   /* gives back what came, and says how many */
    PROC_LEAVE,
    PROC_KEEPALIVE,
    PROC_HUGE,                  /* fails with more words than can be sent */
    PROC_VOID,
    PROC_CLOSE,
    PROC_LARGE,                 /* returns a string of that length */
    PROC_LATE,                  /* as PROC_WAIT; the loop hears of its end when the worker has
                                 * long ended */
    PROC_REFUSE,                /* a failed authentication */
    PROC_ANSWER,                /* answered by the test, when it likes */
    PROC_SASL,                  /* proven, and encrypted behind the answer */
    PROC_SASL_INLINE,           /* the same in the I/O thread */
    PROC_ANYWHERE,              /* where it was asked about, if it was */
    PROC_LAST = 4095
};

typedef struct {
    char *dir;
    char *path;
    virIOLoop *loop;
    virNetServer *server;

    virMutex lock;              /* guards the rest */
    virCond cond;
    size_t open;                /* so many PROC_WAITs may end */
    size_t waiting;             /* are running */
    bool checkFails;
    bool asks, askWaits, askFails;
    size_t asked;
    virNetServerClient *client; /* who came last (a reference) */
    size_t came, closed, freed, drained, eased;
    bool openWhenClosed;        /* the next that is closed lets one PROC_WAIT end */
    virNetServerCall *later;    /* an unanswered PROC_ANSWER */
    size_t taken;               /* so many of them came */
    virNetSASLSession *sasl;    /* for PROC_SASL */
    size_t refill;              /* events that are sent from within clientDrained */
} fixture;

/* The server's data for a client. */
typedef struct {
    fixture *fix;
    unsigned long long id;
} clientData;

static fixture *
fixtureOf(virNetServerCall *call)
{
    clientData *data = virNetServerClientGetData(virNetServerCallGetClient(call));

    g_assert_cmpuint(data->id, ==, virNetServerClientGetID(virNetServerCallGetClient(call)));
    return data->fix;
}

static int
onEcho(virNetServerCall *call, void *args, void *ret)
{
    remote_domain_lookup_by_name_args *in = args;
    remote_connect_get_type_ret *out = ret;

    g_assert_true(virIOLoopInThread(fixtureOf(call)->loop));
    out->type = strdup(in->name);
    return 0;
}

static int
onWait(virNetServerCall *call, void *args, void *ret)
{
    fixture *fix = fixtureOf(call);

    g_assert_false(virIOLoopInThread(fix->loop));
    virMutexLock(&fix->lock);
    fix->waiting++;
    virCondBroadcast(&fix->cond);
    while (fix->open == 0)
        virCondWait(&fix->cond, &fix->lock);
    fix->open--;
    fix->waiting--;
    virMutexUnlock(&fix->lock);
    ((remote_connect_supports_feature_ret *)ret)->supported =
        ((remote_connect_supports_feature_args *)args)->feature;
    return 0;
}

static int
onPriority(virNetServerCall *call, void *args, void *ret)
{
    g_assert_false(virIOLoopInThread(fixtureOf(call)->loop));
    ((remote_connect_supports_feature_ret *)ret)->supported =
        ((remote_connect_supports_feature_args *)args)->feature;
    return 0;
}

static int
onFail(virNetServerCall *call G_GNUC_UNUSED, void *args G_GNUC_UNUSED, void *ret)
{
    ((remote_connect_get_type_ret *)ret)->type = strdup("half done");
    virReportError(VIR_ERR_NO_DOMAIN, "%s", "nowhere");
    return -1;
}

static int
onAuth(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    return virNetServerClientSetAuthenticated(virNetServerCallGetClient(call), "fred");
}

static int
onRefuse(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    virNetServerClientAuthFailed(virNetServerCallGetClient(call));
    virReportError(VIR_ERR_AUTH_FAILED, "%s", "you are not");
    return -1;
}

static int
onSASL(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    fixture *fix = fixtureOf(call);

    virNetServerClientSetSASL(virNetServerCallGetClient(call), g_steal_pointer(&fix->sasl));
    return virNetServerClientSetAuthenticated(virNetServerCallGetClient(call), "fred");
}

static int
onAnswer(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    fixture *fix = fixtureOf(call);
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    g_assert_null(fix->later);
    fix->later = call;
    fix->taken++;
    virCondBroadcast(&fix->cond);
    return VIR_NET_SERVER_CALL_LATER;
}

static int
onFDs(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret)
{
    size_t nfds;
    int *fds = virNetServerCallGetFDs(call, &nfds);
    size_t i;

    for (i = 0; i < nfds; i++) {
        if (virNetServerCallAddFD(call, fds[i]) < 0)
            return -1;
    }
    /* One that is kept, and closed by who has it now. */
    if (nfds > 1) {
        close(fds[1]);
        fds[1] = -1;
    }
    ((remote_connect_supports_feature_ret *)ret)->supported = nfds;
    return 0;
}

static int
onLeave(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    virNetServerClientCloseAfterReply(virNetServerCallGetClient(call));
    return 0;
}

static int
onKeepAlive(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    virNetServerClientStartKeepAlive(virNetServerCallGetClient(call));
    return 0;
}

static int
onHuge(virNetServerCall *call G_GNUC_UNUSED, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    g_autofree char *much = g_strnfill(VIR_NET_MESSAGE_STRING_MAX + 1, 'x');

    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", much);
    return -1;
}

static int
onVoid(virNetServerCall *call, void *args, void *ret)
{
    g_assert_null(args);
    g_assert_null(ret);
    g_assert_cmpstr(virNetServerCallGetProc(call)->acl, ==, "acl");
    g_assert_cmpstr(virNetServerCallGetProgram(call)->name, ==, "test");
    return 0;
}

static int
onClose(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    virNetServerClientClose(virNetServerCallGetClient(call));
    return 0;
}

static int
onLarge(virNetServerCall *call G_GNUC_UNUSED, void *args, void *ret)
{
    remote_connect_supports_feature_args *in = args;
    remote_connect_get_type_ret *out = ret;

    out->type = g_strnfill(in->feature, 'x');
    return 0;
}

static int
onAnywhere(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    fixture *fix = fixtureOf(call);
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    g_assert_cmpint(virIOLoopInThread(fix->loop), ==, !fix->asks);
    return 0;
}

/* Keeps the loop until there is no thread but it and the test's, and that has had its turn. */
static void
holdLoop(void *opaque)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;

    int turns;

    while (testCountThreads() > GPOINTER_TO_SIZE(opaque)) {
        sched_yield();
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    for (turns = 0; turns < 1000; turns++)
        sched_yield();
}

static int
onLate(virNetServerCall *call, void *args, void *ret)
{
    size_t others = testCountThreads() - 1;

    onWait(call, args, ret);
    virIOLoopInvoke(fixtureOf(call)->loop, holdLoop, GSIZE_TO_POINTER(others));
    return 0;
}

#define INT_ARGS FILTER(remote_connect_supports_feature_args), \
    sizeof(remote_connect_supports_feature_args)
#define INT_RET FILTER(remote_connect_supports_feature_ret), \
    sizeof(remote_connect_supports_feature_ret)
#define TEXT_ARGS FILTER(remote_domain_lookup_by_name_args), \
    sizeof(remote_domain_lookup_by_name_args)
#define TEXT_RET FILTER(remote_connect_get_type_ret), sizeof(remote_connect_get_type_ret)
#define VOID NULL, 0
#define INLINE VIR_NET_SERVER_PROC_INLINE

static const virNetServerProc procs[] = {
    { PROC_VOID, "void", onVoid, VOID, VOID, INLINE, "acl" },
    { PROC_ECHO, "echo", onEcho, TEXT_ARGS, TEXT_RET, INLINE, NULL },
    { PROC_WAIT, "wait", onWait, INT_ARGS, INT_RET, 0, NULL },
    { PROC_PRIORITY, "priority", onPriority, INT_ARGS, INT_RET, VIR_NET_SERVER_PROC_PRIORITY,
      NULL },
    { PROC_FAIL, "fail", onFail, VOID, TEXT_RET, 0, NULL },
    { PROC_AUTH, "auth", onAuth, VOID, VOID, INLINE | VIR_NET_SERVER_PROC_NO_AUTH, NULL },
    { PROC_FDS, "fds", onFDs, VOID, INT_RET, 0, NULL },
    { PROC_LEAVE, "leave", onLeave, VOID, VOID, INLINE, NULL },
    { PROC_KEEPALIVE, "keepalive", onKeepAlive, VOID, VOID, INLINE, NULL },
    { PROC_HUGE, "huge", onHuge, VOID, VOID, 0, NULL },
    { PROC_CLOSE, "close", onClose, VOID, VOID, INLINE, NULL },
    { PROC_LARGE, "large", onLarge, INT_ARGS, TEXT_RET, INLINE, NULL },
    { PROC_LATE, "late", onLate, INT_ARGS, INT_RET, 0, NULL },
    { PROC_REFUSE, "refuse", onRefuse, VOID, VOID, VIR_NET_SERVER_PROC_NO_AUTH, NULL },
    { PROC_ANSWER, "answer", onAnswer, INT_ARGS, INT_RET, INLINE | VIR_NET_SERVER_PROC_NO_AUTH,
      NULL },
    { PROC_SASL, "sasl", onSASL, VOID, VOID,
      VIR_NET_SERVER_PROC_NO_AUTH | VIR_NET_SERVER_PROC_SECRET, NULL },
    { PROC_SASL_INLINE, "sasl-inline", onSASL, VOID, VOID, INLINE | VIR_NET_SERVER_PROC_NO_AUTH,
      NULL },
    { PROC_ANYWHERE, "anywhere", onAnywhere, VOID, VOID, INLINE | VIR_NET_SERVER_PROC_ANYWHERE,
      NULL },
    { PROC_LAST, "last", onVoid, VOID, VOID, INLINE, "acl" },
};

static int
check(virNetServerCall *call, const void *args G_GNUC_UNUSED)
{
    fixture *fix = fixtureOf(call);
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    if (fix->checkFails) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "not open");
        return -1;
    }
    return 0;
}

static bool
asks(virNetServerCall *call, const void *args G_GNUC_UNUSED)
{
    fixture *fix = fixtureOf(call);
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    g_assert_true(virIOLoopInThread(fix->loop));
    return fix->asks;
}

static int
ask(virNetServerCall *call, const void *args G_GNUC_UNUSED)
{
    fixture *fix = fixtureOf(call);
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    g_assert_false(virIOLoopInThread(fix->loop));
    fix->asked++;
    virCondBroadcast(&fix->cond);
    while (fix->askWaits)
        virCondWait(&fix->cond, &fix->lock);
    if (fix->askFails) {
        virReportError(VIR_ERR_ACCESS_DENIED, "%s", "you");
        return -1;
    }
    return 0;
}

static const virNetServerProgram program = {
    PROGRAM, 1, "test", procs, G_N_ELEMENTS(procs), check, asks, ask,
};

/* ---- The server ---- */

static void *
onNew(virNetServerClient *client, void *opaque)
{
    fixture *fix = opaque;
    clientData *data = g_new0(clientData, 1);
    virNetServerClient *before;

    data->fix = fix;
    data->id = virNetServerClientGetID(client);
    g_assert_true(virIOLoopInThread(fix->loop));
    virMutexLock(&fix->lock);
    before = fix->client;
    fix->client = virNetServerClientRef(client);
    fix->came++;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
    virNetServerClientUnref(before);    /* onFree() may follow */
    return data;
}

static void
onClosed(virNetServerClient *client, void *opaque)
{
    fixture *fix = opaque;

    g_assert_true(virNetServerClientIsClosed(client));
    virMutexLock(&fix->lock);
    fix->closed++;
    fix->open += fix->openWhenClosed;
    fix->openWhenClosed = false;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

static void
onFree(void *data, void *opaque)
{
    fixture *fix = opaque;

    g_assert_true(virIOLoopInThread(fix->loop));
    g_free(data);
    virMutexLock(&fix->lock);
    fix->freed++;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

static virNetEvent *
makeEvent(size_t len)
{
    g_autofree char *text = g_strnfill(len, 'e');
    remote_domain_event_callback_device_added_msg msg = {
        .dom = { .name = (char *)"g" }, .devAlias = text,
    };

    return virNetEventNew(PROGRAM, 1, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED, true,
                          FILTER(remote_domain_event_callback_device_added_msg), &msg);
}

static void
onDrained(virNetServerClient *client, void *opaque)
{
    fixture *fix = opaque;
    size_t i;

    virMutexLock(&fix->lock);
    fix->drained++;
    for (i = 0; i < fix->refill; i++) {
        g_autoptr(virNetEvent) event = makeEvent(100);

        g_assert_true(virNetServerClientSendEvent(client, event, 1000000 + i));
    }
    fix->refill = 0;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

static void
onEased(virNetServerClient *client G_GNUC_UNUSED, void *opaque)
{
    fixture *fix = opaque;
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    fix->eased++;
    virCondBroadcast(&fix->cond);
}

static const virNetServerFuncs funcs = { onNew, onClosed, onFree, onDrained, onEased };

static const virNetServerServiceOptions plain = { .auth = VIR_NET_SERVER_AUTH_NONE };

static void
start(fixture *fix, const virNetServerLimits *limits)
{
    virNetServerService *service;

    virMutexInit(&fix->lock);
    virCondInit(&fix->cond);
    fix->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(fix->dir);
    fix->path = g_build_filename(fix->dir, "sock", NULL);
    fix->loop = virIOLoopNew("virtmon-rpc");
    g_assert_nonnull(fix->loop);
    fix->server = virNetServerNew(fix->loop, limits, &funcs, fix);
    virNetServerAddProgram(fix->server, &program);
    service = virNetServerServiceNewUNIX(fix->path, 0600, -1, &plain);
    g_assert_nonnull(service);
    g_assert_cmpint(virNetServerAddService(fix->server, service), ==, 0);
}

static const virNetServerLimits defaults = VIR_NET_SERVER_LIMITS_DEFAULT;

static void
setUp(fixture *fix, gconstpointer limits)
{
    start(fix, limits ? limits : &defaults);
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virMutexLock(&fix->lock);
    g_clear_pointer(&fix->client, virNetServerClientUnref);
    fix->open = 1000000;        /* whatever still waits may end */
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
    virNetServerFree(fix->server);
    g_assert_cmpuint(fix->came, ==, fix->closed);
    g_assert_cmpuint(fix->came, ==, fix->freed);
    virIOLoopFree(fix->loop);
    g_assert_cmpint(access(fix->path, F_OK), ==, -1);
    g_assert_cmpint(rmdir(fix->dir), ==, 0);
    g_free(fix->path);
    g_free(fix->dir);
    virCondDestroy(&fix->cond);
    virMutexDestroy(&fix->lock);
    virResetLastError();
}

static void
openGate(fixture *fix, size_t n)
{
    virMutexLock(&fix->lock);
    fix->open += n;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

/* Waits until one of the fixture's counters has reached @n. */
static void
await(fixture *fix, const size_t *counter, size_t n)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;

    virMutexLock(&fix->lock);
    while (*counter < n)
        g_assert_true(virCondWaitUntil(&fix->cond, &fix->lock, deadline));
    virMutexUnlock(&fix->lock);
}

/* What @counter is now: the server's thread may count on. */
static size_t
counted(fixture *fix, const size_t *counter)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    return *counter;
}

/* ---- Clients ---- */

static int
join(fixture *fix)
{
    return rpcPeerConnectUNIX(fix->path);
}

static rpcPeerHeader
header(int32_t procedure, uint32_t type, uint32_t serial)
{
    return (rpcPeerHeader) { PROGRAM, 1, procedure, type, serial, 0 };
}

static void
sendCall(int fd, int32_t procedure, uint32_t serial, const char *payload)
{
    rpcPeerHeader head = header(procedure, VIR_NET_CALL, serial);

    rpcPeerSendPacket(fd, &head, payload);
}

static void
assertReply(int fd, int32_t procedure, uint32_t serial, const char *payload)
{
    rpcPeerHeader head = header(procedure, VIR_NET_REPLY, serial);

    rpcPeerAssertPacket(fd, &head, payload);
}

/* It is served as if nothing had been. */
static void
assertServed(int fd, uint32_t serial)
{
    sendCall(fd, PROC_VOID, serial, NULL);
    assertReply(fd, PROC_VOID, serial, NULL);
}

static void
assertError(int fd, const rpcPeerHeader *head, int code, int domain, const char *message)
{
    g_autofree char *have = rpcPeerAssertError(fd, head, code, domain);

    g_assert_cmpstr(have, ==, message);
}

/* Nothing can be read now; what is on its way in the server has arrived before, as another
 * client was served since. */
static void
assertQuiet(fixture *fix, int fd)
{
    int other = join(fix);
    char byte;

    assertServed(other, 1);
    close(other);
    g_assert_cmpint(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
}

/* ---- Good and bad calls ---- */

static void
testCalls(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(PROC_FAIL, VIR_NET_CALL, 7);
    int fd = join(fix);

    sendCall(fd, PROC_ECHO, 0, "00000002 68690000");
    assertReply(fd, PROC_ECHO, 0, "00000002 68690000");
    sendCall(fd, PROC_PRIORITY, 5, "00000009");
    assertReply(fd, PROC_PRIORITY, 5, "00000009");
    openGate(fix, 1);
    sendCall(fd, PROC_WAIT, 6, "00000003");
    assertReply(fd, PROC_WAIT, 6, "00000003");
    sendCall(fd, PROC_LAST, 8, "ffff");
    assertReply(fd, PROC_LAST, 8, NULL);
    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, "Domain not found: nowhere");

    virMutexLock(&fix->lock);
    fix->checkFails = true;
    virMutexUnlock(&fix->lock);
    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, "internal error: not open");
    close(fd);
}

static void
setAsking(fixture *fix, bool isAsked, bool waits, bool fails)
{
    virMutexLock(&fix->lock);
    fix->asks = isAsked;
    fix->askWaits = waits;
    fix->askFails = fails;
    virCondBroadcast(&fix->cond);
    virMutexUnlock(&fix->lock);
}

/* What is asked in a worker is done where it belongs; onEcho() and onAnywhere() look where. */
static void
testAsks(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(PROC_ECHO, VIR_NET_CALL, 7);
    int fd = join(fix);

    sendCall(fd, PROC_ANYWHERE, 1, NULL);
    assertReply(fd, PROC_ANYWHERE, 1, NULL);
    g_assert_cmpuint(fix->asked, ==, 0);

    setAsking(fix, true, false, false);
    sendCall(fd, PROC_ECHO, 2, "00000002 68690000");
    assertReply(fd, PROC_ECHO, 2, "00000002 68690000");
    sendCall(fd, PROC_ANYWHERE, 3, NULL);
    assertReply(fd, PROC_ANYWHERE, 3, NULL);
    g_assert_cmpuint(fix->asked, ==, 2);

    setAsking(fix, true, false, true);
    rpcPeerSendPacket(fd, &head, "00000002 68690000");
    assertError(fd, &head, VIR_ERR_ACCESS_DENIED, VIR_FROM_QEMU, "access denied: you");
    /* What runs in a worker is asked about in any case. */
    setAsking(fix, false, false, true);
    head = header(PROC_PRIORITY, VIR_NET_CALL, 8);
    rpcPeerSendPacket(fd, &head, "00000001");
    assertError(fd, &head, VIR_ERR_ACCESS_DENIED, VIR_FROM_QEMU, "access denied: you");
    g_assert_cmpuint(fix->asked, ==, 4);

    /* Nothing is asked for a call that fails anyway. */
    virMutexLock(&fix->lock);
    fix->checkFails = true;
    virMutexUnlock(&fix->lock);
    rpcPeerSendPacket(fd, &head, "00000001");
    assertError(fd, &head, VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, "internal error: not open");
    g_assert_cmpuint(fix->asked, ==, 4);
    close(fd);
}

/* Who waits for an answer holds up nobody else, and may go. */
static void
testGoneWhileAsked(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);
    int other = join(fix);

    setAsking(fix, true, true, false);
    sendCall(fd, PROC_ECHO, 1, "00000002 68690000");
    await(fix, &fix->asked, 1);
    virMutexLock(&fix->lock);
    fix->asks = false;
    virMutexUnlock(&fix->lock);
    assertServed(other, 1);
    close(fd);
    await(fix, &fix->closed, 1);
    virMutexLock(&fix->lock);
    g_clear_pointer(&fix->client, virNetServerClientUnref);
    virMutexUnlock(&fix->lock);
    setAsking(fix, false, false, false);
    await(fix, &fix->freed, 1);
    assertServed(other, 2);
    close(other);
}

static void
testUnknown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const int procedures[] = { 0, -1, 100, PROC_LAST + 1, G_MAXINT, G_MININT };
    rpcPeerHeader head = { 0x1111, 1, 34, VIR_NET_CALL, 3, 0 };
    int fd = join(fix);
    size_t i;

    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, "cannot find program 4369 version 1");
    head = (rpcPeerHeader) { PROGRAM, 2, PROC_VOID, VIR_NET_CALL, 4, 0 };
    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, "cannot find program 536903814 version 2");
    head = (rpcPeerHeader) { 0x1111, 1, 34, VIR_NET_CALL_WITH_FDS, 5, 0 };
    rpcPeerSendPacket(fd, &head, "00000000");
    assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, "cannot find program 4369 version 1");
    /* The admin program is for another socket; keepalive has no calls. */
    head = (rpcPeerHeader) { 0x06900690, 1, 1, VIR_NET_CALL, 6, 0 };
    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, "cannot find program 110102160 version 1");
    head = (rpcPeerHeader) { 0x6b656570, 1, 1, VIR_NET_CALL, 7, 0 };
    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC,
                "cannot find program 1801807216 version 1");

    for (i = 0; i < G_N_ELEMENTS(procedures); i++) {
        g_autofree char *message = g_strdup_printf("unknown procedure: %d", procedures[i]);

        head = header(procedures[i], VIR_NET_CALL, 10 + i);
        rpcPeerSendPacket(fd, &head, NULL);
        assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, message);
    }
    assertServed(fd, 99);
    close(fd);
}

static void
testBadCalls(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const payloads[] = { NULL, "000000", "00000005 6161", "00400001 6161" };
    rpcPeerHeader head = header(PROC_VOID, VIR_NET_CALL, 1);
    g_autofree char *message = NULL;
    int fd = join(fix);
    size_t i;

    head.status = 1;
    rpcPeerSendPacket(fd, &head, NULL);
    message = rpcPeerAssertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC);
    /* The program is looked at first, the status before the procedure. */
    head = header(999, VIR_NET_CALL, 2);
    head.status = 2;
    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, "call with status 2, it should be 0");
    head.program = 0x1111;
    rpcPeerSendPacket(fd, &head, NULL);
    assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, "cannot find program 4369 version 1");

    for (i = 0; i < G_N_ELEMENTS(payloads); i++) {
        head = header(PROC_ECHO, VIR_NET_CALL, 3 + i);
        rpcPeerSendPacket(fd, &head, payloads[i]);
        assertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC, "cannot decode the message's payload");
    }
    sendCall(fd, PROC_ECHO, 9, "00000001 61ffffff ffffffff ff");
    assertReply(fd, PROC_ECHO, 9, "00000001 61000000");
    close(fd);
}

/* What isn't a call is none of a client's business, and no harm. */
static void
testNotCalls(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const uint32_t types[] = {
        VIR_NET_REPLY, VIR_NET_MESSAGE, VIR_NET_STREAM, VIR_NET_STREAM_HOLE, 7, 0xffffffff,
    };
    int fd = join(fix);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        rpcPeerHeader head = header(PROC_ECHO, types[i], 1);

        rpcPeerSendPacket(fd, &head, NULL);
        head.program = 0x1111;
        rpcPeerSendPacket(fd, &head, NULL);
    }
    assertServed(fd, 2);
    close(fd);
}

static void
testPing(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    rpcPeerHeader pong = { 0x6b656570, 1, 2, VIR_NET_MESSAGE, 0, 0 };
    int fd = join(fix);

    rpcPeerSendPacket(fd, &pong, NULL);
    ping.version = 2;
    rpcPeerSendPacket(fd, &ping, NULL);
    ping.version = 1;
    rpcPeerSendPacket(fd, &ping, "00000000");
    rpcPeerAssertPacket(fd, &pong, NULL);
    close(fd);
}

/* Who says what no client may say is cut off; others are not. */
static void
testLengths(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const words[] = {
        "00000000", "00000004", "0000001b", "02000005", "7fffffff", "ffffffff",
    };
    int other = join(fix);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(words); i++) {
        int fd = join(fix);

        assertServed(fd, 1);
        rpcPeerSendHex(fd, words[i]);
        rpcPeerAssertEnd(fd);
        close(fd);
        await(fix, &fix->closed, i + 1);
    }
    assertServed(other, 1);
    close(other);
}

static void
testHalfAPacket(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int half = join(fix);
    int large = join(fix);
    int fd = join(fix);

    rpcPeerSendHex(half, "0000001c 20008086 0000");
    rpcPeerSendHex(large, "02000004 20008086 00000001 00000001 00000000");
    assertServed(fd, 1);
    rpcPeerSendHex(half, "0001 0000000a 00000000 00000001 00000000");
    assertReply(half, PROC_VOID, 1, NULL);
    close(half);
    close(large);               /* never gets any further */
    close(fd);
    await(fix, &fix->closed, 3);
}

static void
testTooLongAnError(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(PROC_HUGE, VIR_NET_CALL, 1);
    g_autofree char *message = NULL;
    int fd = join(fix);

    rpcPeerSendPacket(fd, &head, NULL);
    message = rpcPeerAssertError(fd, &head, VIR_ERR_INTERNAL_ERROR, VIR_FROM_THIS);
    g_assert_cmpuint(strlen(message), ==, VIR_NET_MESSAGE_STRING_MAX);
    assertServed(fd, 2);
    close(fd);
}

static void
testLargeReply(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(PROC_LARGE, VIR_NET_CALL, 2);
    rpcPeerHeader have;
    g_autoptr(GByteArray) payload = NULL;
    g_autofree char *message = NULL;
    int fd = join(fix);

    sendCall(fd, PROC_LARGE, 1, "00400000");
    payload = rpcPeerReadPacket(fd, &have);
    g_assert_nonnull(payload);
    g_assert_cmpuint(payload->len, ==, 4 + 0x400000);
    /* One more than a string may have. */
    rpcPeerSendPacket(fd, &head, "00400001");
    message = rpcPeerAssertError(fd, &head, VIR_ERR_RPC, VIR_FROM_RPC);
    assertServed(fd, 3);
    close(fd);
}

/* ---- Many calls ---- */

static void
testTooManyRequests(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    rpcPeerHeader pong = { 0x6b656570, 1, 2, VIR_NET_MESSAGE, 0, 0 };
    int fd = join(fix);
    int i;

    for (i = 0; i < 5; i++)
        sendCall(fd, PROC_WAIT, i, "00000001");
    await(fix, &fix->waiting, 5);
    /* None of these is read before one is answered; none is lost. */
    rpcPeerSendPacket(fd, &ping, NULL);
    sendCall(fd, PROC_VOID, 10, NULL);
    sendCall(fd, PROC_VOID, 11, NULL);
    assertQuiet(fix, fd);
    openGate(fix, 1);
    for (i = 0; i < 4; i++) {
        rpcPeerHeader head;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fd, &head);

        g_assert_nonnull(payload);
        if (i == 0)
            g_assert_cmpint(head.procedure, ==, PROC_WAIT);
        else if (i == 1)
            g_assert_cmphex(head.program, ==, pong.program);
        else
            g_assert_cmpuint(head.serial, ==, 8 + i);
    }
    openGate(fix, 4);
    for (i = 0; i < 4; i++) {
        rpcPeerHeader head;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fd, &head);

        g_assert_nonnull(payload);
        g_assert_cmpint(head.procedure, ==, PROC_WAIT);
    }
    assertServed(fd, 12);
    close(fd);
}

/* Whoever calls without end and reads nothing costs a few replies, not all of them. */
static void
testNeverReads(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);
    int other = join(fix);
    rpcPeerHeader call = header(PROC_LARGE, VIR_NET_CALL, 0);
    g_autoptr(GByteArray) packet = rpcPeerMakePacket(&call, "00010000");
    virNetServerStats stats;
    uint32_t sent = 0;
    uint32_t i;

    /* Until the server doesn't take any more. */
    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLOUT };
        guint32 serial = GUINT32_TO_BE(sent);

        memcpy(packet->data + 20, &serial, sizeof(serial));
        if (send(fd, packet->data, packet->len, MSG_DONTWAIT | MSG_NOSIGNAL) != packet->len) {
            /* Or is it only slower than we are? */
            assertServed(other, 1);
            if (poll(&pfd, 1, 0) == 0)
                break;
            continue;
        }
        sent++;
        g_assert_cmpuint(sent, <, 1000000);
    }
    virNetServerGetStats(fix->server, &stats);
    /* What the sockets hold, and the few in flight. */
    g_assert_cmpuint(stats.calls, <, sent);
    for (i = 0; i < sent; i++) {
        rpcPeerHeader head;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fd, &head);

        g_assert_nonnull(payload);
        g_assert_cmpuint(head.serial, ==, i);
    }
    close(fd);
    close(other);
}

static void
testPipelined(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    int fd = join(fix);
    uint32_t i;

    for (i = 0; i < 2000; i++) {
        rpcPeerHeader head = header(PROC_VOID, VIR_NET_CALL, i);
        g_autoptr(GByteArray) packet = rpcPeerMakePacket(&head, NULL);

        g_byte_array_append(all, packet->data, packet->len);
    }
    rpcPeerSend(fd, all->data, all->len);
    for (i = 0; i < 2000; i++)
        assertReply(fd, PROC_VOID, i, NULL);
    close(fd);
}

/* Calls that hang hold up nobody but who made them, and urgent ones not even those. */
static void
testHungCalls(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetServerStats stats;
    int greedy = join(fix);
    int modest = join(fix);
    int i;

    for (i = 0; i < 4; i++)
        sendCall(greedy, PROC_WAIT, i, "00000001");
    await(fix, &fix->waiting, 2);       /* of 4 workers */
    sendCall(modest, PROC_FAIL, 1, NULL);
    {
        rpcPeerHeader head = header(PROC_FAIL, VIR_NET_CALL, 1);

        assertError(modest, &head, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, "Domain not found: nowhere");
    }
    sendCall(greedy, PROC_PRIORITY, 10, "00000002");
    assertReply(greedy, PROC_PRIORITY, 10, "00000002");
    virNetServerGetStats(fix->server, &stats);
    g_assert_cmpuint(stats.waitingCalls, ==, 2);
    g_assert_cmpuint(stats.clients, ==, 2);
    g_assert_cmpuint(stats.workers, <=, 5);
    openGate(fix, 4);
    for (i = 0; i < 4; i++) {
        rpcPeerHeader head;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(greedy, &head);

        g_assert_nonnull(payload);
        g_assert_cmpint(head.procedure, ==, PROC_WAIT);
    }
    close(greedy);
    close(modest);
}

/* ---- File descriptors ---- */

static void
testDescriptors(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader call = header(PROC_FDS, VIR_NET_CALL_WITH_FDS, 1);
    rpcPeerHeader answer = header(PROC_FDS, VIR_NET_REPLY_WITH_FDS, 1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fd = join(fix);
    struct stat st;
    int i;

    rpcPeerSendPacket(fd, &call, "00000003");
    for (i = 0; i < 3; i++)
        rpcPeerSendFD(fd, null);
    rpcPeerAssertPacket(fd, &answer, "00000003 00000003");
    for (i = 0; i < 3; i++) {
        int got = rpcPeerReadFD(fd);

        g_assert_cmpint(fstat(got, &st), ==, 0);
        g_assert_true(S_ISCHR(st.st_mode));
        close(got);
    }

    /* None; and none wanted: the reply is an ordinary one. */
    rpcPeerSendPacket(fd, &call, "00000000");
    assertReply(fd, PROC_FDS, 1, "00000000");
    sendCall(fd, PROC_FDS, 2, NULL);
    assertReply(fd, PROC_FDS, 2, "00000000");
    call.procedure = PROC_VOID;
    rpcPeerSendPacket(fd, &call, "00000001");
    rpcPeerSendFD(fd, null);
    assertReply(fd, PROC_VOID, 1, NULL);

    /* Of a call that isn't understood. */
    call.procedure = 999;
    rpcPeerSendPacket(fd, &call, "00000001");
    rpcPeerSendFD(fd, null);
    assertError(fd, &call, VIR_ERR_RPC, VIR_FROM_RPC, "unknown procedure: 999");

    /* Announced, but not sent: it waits, and others are served. */
    call.procedure = PROC_FDS;
    rpcPeerSendPacket(fd, &call, "00000001");
    assertQuiet(fix, fd);
    rpcPeerSendFD(fd, null);
    rpcPeerAssertPacket(fd, &answer, "00000001 00000001");
    close(rpcPeerReadFD(fd));

    rpcPeerSendPacket(fd, &call, "00000021");
    rpcPeerAssertEnd(fd);
    close(fd);
    close(null);
}

/* ---- Who may come ---- */

static void
testMaxClients(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetServerLimits more = defaults;
    int first = join(fix);
    int second = join(fix);
    int third;
    int fourth;
    char byte;

    assertServed(first, 1);
    assertServed(second, 1);
    third = join(fix);
    sendCall(third, PROC_VOID, 1, NULL);
    assertServed(first, 2);
    g_assert_cmpint(recv(third, &byte, 1, MSG_DONTWAIT), ==, -1);       /* not refused: waits */
    g_assert_cmpint(errno, ==, EAGAIN);
    close(second);
    assertReply(third, PROC_VOID, 1, NULL);

    /* Fewer than there are: those stay; and more again. */
    fourth = join(fix);
    sendCall(fourth, PROC_VOID, 1, NULL);
    more.maxClients = 1;
    virNetServerSetLimits(fix->server, &more);
    assertServed(first, 3);
    assertServed(third, 3);
    more.maxClients = 10;
    virNetServerSetLimits(fix->server, &more);
    assertReply(fourth, PROC_VOID, 1, NULL);
    close(first);
    close(third);
    close(fourth);
}

static char *
addService(fixture *fix, const char *name, const virNetServerServiceOptions *options)
{
    char *path = g_build_filename(fix->dir, name, NULL);
    virNetServerService *service = virNetServerServiceNewUNIX(path, 0666, -1, options);

    g_assert_nonnull(service);
    g_assert_cmpint(virNetServerAddService(fix->server, service), ==, 0);
    return path;
}

static void
testAuthentication(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = {
        .auth = VIR_NET_SERVER_AUTH_SASL, .readonly = true,
    };
    g_autofree char *path = addService(fix, "sasl", &options);
    rpcPeerHeader head = header(PROC_VOID, VIR_NET_CALL, 1);
    virNetServerStats stats;
    int first = rpcPeerConnectUNIX(path);
    int second = rpcPeerConnectUNIX(path);
    int third;
    int other;
    char byte;

    rpcPeerSendPacket(first, &head, NULL);
    assertError(first, &head, VIR_ERR_RPC, VIR_FROM_RPC, "authentication required");
    /* Before its arguments are looked at, but behind what doesn't exist. */
    head.procedure = PROC_ECHO;
    rpcPeerSendPacket(first, &head, NULL);
    assertError(first, &head, VIR_ERR_RPC, VIR_FROM_RPC, "authentication required");
    head.procedure = 999;
    rpcPeerSendPacket(first, &head, NULL);
    assertError(first, &head, VIR_ERR_RPC, VIR_FROM_RPC, "unknown procedure: 999");
    await(fix, &fix->came, 2);
    g_assert_true(virNetServerClientIsReadOnly(fix->client));
    g_assert_false(virNetServerClientIsAuthenticated(fix->client));
    g_assert_cmpint(virNetServerClientGetAuth(fix->client), ==, VIR_NET_SERVER_AUTH_SASL);

    /* Two who haven't proven anything are as many as there may be, here; elsewhere nobody
     * has to. */
    third = rpcPeerConnectUNIX(path);
    sendCall(third, PROC_AUTH, 1, NULL);
    other = join(fix);
    assertServed(other, 1);
    g_assert_cmpint(recv(third, &byte, 1, MSG_DONTWAIT), ==, -1);
    virNetServerGetStats(fix->server, &stats);
    g_assert_cmpuint(stats.clients, ==, 3);
    g_assert_cmpuint(stats.anonymousClients, ==, 2);

    sendCall(first, PROC_AUTH, 2, NULL);
    assertReply(first, PROC_AUTH, 2, NULL);
    assertServed(first, 3);
    assertReply(third, PROC_AUTH, 1, NULL);
    close(second);
    close(third);
    close(first);
    close(other);
    await(fix, &fix->closed, 4);
    virNetServerGetStats(fix->server, &stats);
    g_assert_cmpuint(stats.clients, ==, 0);
    g_assert_cmpuint(stats.anonymousClients, ==, 0);
    g_assert_cmpuint(stats.accepted, ==, 4);
}

/* Whoever only sits there takes no place for ever. */
static void
testSetupTime(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    g_autofree char *path = addService(fix, "sasl", &options);
    rpcPeerHeader head = header(PROC_VOID, VIR_NET_CALL, 1);
    int silent = join(fix);
    int anonymous = rpcPeerConnectUNIX(path);
    int proven = rpcPeerConnectUNIX(path);
    int good = join(fix);

    assertServed(good, 1);
    rpcPeerSendPacket(anonymous, &head, NULL);
    assertError(anonymous, &head, VIR_ERR_RPC, VIR_FROM_RPC, "authentication required");
    sendCall(proven, PROC_AUTH, 1, NULL);
    assertReply(proven, PROC_AUTH, 1, NULL);
    rpcPeerAssertEnd(silent);
    rpcPeerAssertEnd(anonymous);
    assertServed(good, 2);
    assertServed(proven, 2);
    close(silent);
    close(anonymous);
    close(proven);
    close(good);
}

/* Read-only sockets are for anybody: some places are left to those who come to others. */
static void
testReservedPlaces(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .readonly = true };
    g_autofree char *path = addService(fix, "ro", &options);
    int many[8];
    int fd;
    int i;
    char byte;

    for (i = 0; i < 7; i++) {
        many[i] = rpcPeerConnectUNIX(path);
        assertServed(many[i], 1);
    }
    many[7] = rpcPeerConnectUNIX(path);
    sendCall(many[7], PROC_VOID, 1, NULL);
    fd = join(fix);
    assertServed(fd, 1);
    g_assert_cmpint(recv(many[7], &byte, 1, MSG_DONTWAIT), ==, -1);
    close(many[0]);
    close(many[1]);
    assertReply(many[7], PROC_VOID, 1, NULL);
    for (i = 2; i < 8; i++)
        close(many[i]);
    close(fd);
}

/* Whoever hasn't proven anything has little to say. */
static void
testAnonymousLength(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    g_autofree char *path = addService(fix, "sasl", &options);
    g_autofree char *much = g_strnfill(2 * 1024 * 1024 * 2, '0');
    int large = rpcPeerConnectUNIX(path);
    int proven = rpcPeerConnectUNIX(path);

    rpcPeerSendHex(large, "00100001");
    rpcPeerAssertEnd(large);
    sendCall(proven, PROC_AUTH, 1, NULL);
    assertReply(proven, PROC_AUTH, 1, NULL);
    sendCall(proven, PROC_VOID, 2, much);
    assertReply(proven, PROC_VOID, 2, NULL);
    close(large);
    close(proven);
}

typedef struct {
    fixture *fix;
    const char *name;
    virNetQuotaUsage usage[VIR_NET_QUOTA_LAST];
    size_t users;
} findUser;

static void
onUser(virNetQuotaUser *user, void *opaque)
{
    findUser *find = opaque;
    int i;

    find->users++;
    if (strcmp(virNetQuotaUserGetName(user), find->name) != 0)
        return;
    for (i = 0; i < VIR_NET_QUOTA_LAST; i++)
        virNetQuotaUserGetUsage(user, i, &find->usage[i]);
}

static void
onFindUser(void *opaque)
{
    findUser *find = opaque;

    virNetServerForEachUser(find->fix->server, onUser, find);
}

/* What a user has by now; all zero: there is none of that name. */
static findUser
usageOf(fixture *fix, const char *name)
{
    findUser find = { .fix = fix, .name = name };

    virIOLoopInvokeWait(fix->loop, onFindUser, &find);
    return find;
}

/* A client is charged to whom it is known to be: what it holds goes with it when that changes. */
static void
testUsers(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    g_autofree char *path = addService(fix, "sasl", &options);
    g_autofree char *own = g_strdup_printf("uid %lu", (unsigned long)geteuid());
    rpcPeerHeader head = header(PROC_AUTH, VIR_NET_CALL, 1);
    int socks[3];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(socks); i++)
        socks[i] = rpcPeerConnectUNIX(path);
    for (i = 0; i < 2; i++) {
        sendCall(socks[i], PROC_AUTH, 1, NULL);
        assertReply(socks[i], PROC_AUTH, 1, NULL);
    }
    rpcPeerSendPacket(socks[2], &head, NULL);
    assertError(socks[2], &head, VIR_ERR_OPERATION_FAILED, VIR_FROM_RPC,
                "operation failed: 'max_user_connections' is exceeded: user 'SASL fred' has 2, "
                "asks for 1 more and may have 2");
    g_assert_cmpuint(usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_CONNECTIONS].used, ==, 2);
    g_assert_cmpuint(usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_CONNECTIONS].refused, ==, 1);
    g_assert_cmpuint(usageOf(fix, own).usage[VIR_NET_QUOTA_CONNECTIONS].used, ==, 1);
    assertServed(socks[0], 2);

    close(socks[0]);
    while (usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_CONNECTIONS].used > 1)
        ;
    head.serial = 2;
    sendCall(socks[2], PROC_AUTH, 2, NULL);
    assertReply(socks[2], PROC_AUTH, 2, NULL);
    g_assert_cmpuint(usageOf(fix, own).users, ==, 1);
    close(socks[1]);
    close(socks[2]);
    while (usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_CONNECTIONS].used > 0)
        ;
    /* The last one is kept by the test. */
    g_clear_pointer(&fix->client, virNetServerClientUnref);
    while (usageOf(fix, own).users > 0)
        ;
}

/* Whoever fails too often has to begin anew. */
static void
testAuthFailures(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    g_autofree char *path = addService(fix, "sasl", &options);
    int guesses = rpcPeerConnectUNIX(path);
    int mistypes = rpcPeerConnectUNIX(path);
    rpcPeerHeader head = header(PROC_REFUSE, VIR_NET_CALL, 0);

    for (head.serial = 1; head.serial < VIR_NET_SERVER_CLIENT_AUTH_FAILURES_MAX; head.serial++) {
        rpcPeerSendPacket(guesses, &head, NULL);
        assertError(guesses, &head, VIR_ERR_AUTH_FAILED, VIR_FROM_THIS,
                "authentication failed: you are not");
        rpcPeerSendPacket(mistypes, &head, NULL);
        assertError(mistypes, &head, VIR_ERR_AUTH_FAILED, VIR_FROM_THIS,
                "authentication failed: you are not");
    }
    sendCall(mistypes, PROC_AUTH, head.serial, NULL);
    assertReply(mistypes, PROC_AUTH, head.serial, NULL);
    assertServed(mistypes, 100);
    /* The last one is told, too. */
    rpcPeerSendPacket(guesses, &head, NULL);
    assertError(guesses, &head, VIR_ERR_AUTH_FAILED, VIR_FROM_THIS,
                "authentication failed: you are not");
    rpcPeerAssertEnd(guesses);
    assertServed(mistypes, 101);
    close(guesses);
    close(mistypes);
}

static virNetServerCall *
takeLater(fixture *fix, size_t taken)
{
    virNetServerCall *call;

    await(fix, &fix->taken, taken);
    virMutexLock(&fix->lock);
    call = g_steal_pointer(&fix->later);
    virMutexUnlock(&fix->lock);
    g_assert_nonnull(call);
    return call;
}

/* Until it is known who it is, one call is looked at, and then the next. */
static void
testOneByOne(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    g_autofree char *path = addService(fix, "sasl", &options);
    int fd = rpcPeerConnectUNIX(path);
    virNetServerCall *call;

    sendCall(fd, PROC_ANSWER, 1, "00000007");
    sendCall(fd, PROC_ANSWER, 2, "00000008");
    sendCall(fd, PROC_AUTH, 3, NULL);
    sendCall(fd, PROC_ANSWER, 4, "00000009");
    sendCall(fd, PROC_VOID, 5, NULL);
    call = takeLater(fix, 1);
    assertQuiet(fix, fd);
    g_assert_cmpuint(counted(fix, &fix->taken), ==, 1);
    virNetServerCallAnswer(call, 0);
    assertReply(fd, PROC_ANSWER, 1, "00000000");
    virNetServerCallAnswer(takeLater(fix, 2), 0);
    assertReply(fd, PROC_ANSWER, 2, "00000000");
    assertReply(fd, PROC_AUTH, 3, NULL);
    /* Now the last overtakes the one before it. */
    assertReply(fd, PROC_VOID, 5, NULL);
    virNetServerCallAnswer(takeLater(fix, 3), 0);
    assertReply(fd, PROC_ANSWER, 4, "00000000");
    close(fd);
}

/* An answer that comes later: good, bad, and to somebody who has gone. */
static void
testAnswers(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader head = header(PROC_ANSWER, VIR_NET_CALL, 2);
    int fd = join(fix);
    virNetServerCall *call;

    sendCall(fd, PROC_ANSWER, 1, "00000001");
    call = takeLater(fix, 1);
    assertServed(fd, 100);
    virNetServerCallAnswer(call, 0);
    assertReply(fd, PROC_ANSWER, 1, "00000000");
    rpcPeerSendPacket(fd, &head, "00000001");
    call = takeLater(fix, 2);
    virReportError(VIR_ERR_AUTH_FAILED, "%s", "not even later");
    virNetServerCallAnswer(call, -1);
    assertError(fd, &head, VIR_ERR_AUTH_FAILED, VIR_FROM_THIS,
                "authentication failed: not even later");
    g_assert_null(virGetLastError());
    sendCall(fd, PROC_ANSWER, 3, "00000001");
    call = takeLater(fix, 3);
    close(fd);
    await(fix, &fix->closed, 1);
    g_assert_cmpuint(counted(fix, &fix->freed), ==, 0);
    virNetServerCallAnswer(call, 0);
    fd = join(fix);             /* the fixture has a reference to who came last */
    await(fix, &fix->freed, 1);
    close(fd);
}

/* What is encrypted begins behind the answer, on both sides. */
static void
testSASLLayer(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    static const virNetClientProgram programs[] = { { PROGRAM, 1 }, { 0 } };
    static const virNetClientFuncs none = { NULL };
    g_autofree char *path = addService(fix, "sasl", &options);
    g_autofree char *much = g_strnfill(1000000, 'x');
    remote_domain_lookup_by_name_args args = { much };
    remote_connect_get_type_ret ret = { NULL };
    virNetClientCallData prove = { .program = PROGRAM, .version = 1, .procedure = PROC_SASL };
    virNetClientCallData echo = {
        .program = PROGRAM, .version = 1, .procedure = PROC_ECHO, .secret = true,
        .argFilter = FILTER(remote_domain_lookup_by_name_args), .args = &args,
        .retFilter = FILTER(remote_connect_get_type_ret), .ret = &ret, .retSize = sizeof(ret),
    };
    virNetSASLSession *session;
    virNetClient *client;
    int hasty;
    int i;

    testSASLPair(&session, &fix->sasl);
    client = virNetClientNew(virNetSocketNewConnectUNIX(path), programs, &none, NULL);
    g_assert_nonnull(client);
    g_assert_false(virNetClientIsEncrypted(client));
    g_assert_cmpint(virNetClientCall(client, &echo), ==, -1);
    g_assert_cmpint(virNetClientCall(client, &prove), ==, 0);
    g_assert_cmpint(virNetClientSetSASL(client, session), ==, 0);
    g_assert_true(virNetClientIsEncrypted(client));
    g_assert_true(virNetClientIsSecure(client));
    g_assert_cmpint(virNetClientCall(client, &echo), ==, 0);
    g_assert_cmpstr(ret.type, ==, much);
    xdr_free(FILTER(remote_connect_get_type_ret), (void *)&ret);
    virNetClientFree(client);

    /* Who doesn't wait for the answer may have been helped by somebody who sits in between. */
    for (i = 0; i < 2; i++) {
        int procedure = i == 0 ? PROC_SASL : PROC_SASL_INLINE;
        rpcPeerHeader first = header(procedure, VIR_NET_CALL, 1);
        rpcPeerHeader second = header(PROC_VOID, VIR_NET_CALL, 2);
        g_autoptr(GByteArray) both = rpcPeerMakePacket(&first, NULL);
        g_autoptr(GByteArray) behind = rpcPeerMakePacket(&second, NULL);

        g_byte_array_append(both, behind->data, behind->len);
        testSASLPair(&session, &fix->sasl);
        hasty = rpcPeerConnectUNIX(path);
        rpcPeerSend(hasty, both->data, both->len);
        assertReply(hasty, procedure, 1, NULL);
        rpcPeerAssertEnd(hasty);
        close(hasty);
        virNetSASLSessionFree(session);
    }
    virResetLastError();
}

static void
testSASLName(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = {
        .auth = VIR_NET_SERVER_AUTH_SASL, .readonly = true,
    };
    g_autofree char *path = addService(fix, "sasl", &options);
    g_autoptr(virIdentity) before = NULL;
    g_autoptr(virIdentity) after = NULL;
    int fd = rpcPeerConnectUNIX(path);
    uid_t uid;

    await(fix, &fix->came, 1);
    before = virNetServerClientGetIdentity(fix->client);
    sendCall(fd, PROC_AUTH, 1, NULL);
    assertReply(fd, PROC_AUTH, 1, NULL);
    after = virNetServerClientGetIdentity(fix->client);
    g_assert_null(virIdentityGetSASLUserName(before));
    g_assert_cmpstr(virIdentityGetSASLUserName(after), ==, "fred");
    g_assert_true(virIdentityGetUNIXUserID(after, &uid));
    g_assert_cmpint(uid, ==, geteuid());
    g_assert_true(virIdentityIsReadOnly(after));
    close(fd);
}

/* Whoever the kernel doesn't say is one, isn't. */
static void
testOwnersOnly(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .ownersOnly = true };
    g_autofree char *path = addService(fix, "owners", &options);
    virNetServerService *service = virNetServerServiceNewTCP("127.0.0.1", "0", &options);
    int own = rpcPeerConnectUNIX(path);
    int port;
    int stranger;

    g_assert_nonnull(service);
    port = virNetServerServiceGetPort(service);
    g_assert_cmpint(virNetServerAddService(fix->server, service), ==, 0);
    stranger = rpcPeerConnectTCP(port);
    rpcPeerAssertEnd(stranger);
    assertServed(own, 1);
    close(own);
    close(stranger);
}

typedef struct {
    fixture *fix;
    unsigned long long id;
    virNetServerClient *found;
} findRequest;

static void
findInLoop(void *opaque)
{
    findRequest *request = opaque;

    request->found = virNetServerFindClient(request->fix->server, request->id);
}

static void
testFind(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    findRequest request = { .fix = fix };
    gint64 before = g_get_real_time() / G_USEC_PER_SEC;
    int fd = join(fix);

    assertServed(fd, 1);
    request.id = virNetServerClientGetID(fix->client);
    virIOLoopInvokeWait(fix->loop, findInLoop, &request);
    g_assert_true(request.found == fix->client);
    g_assert_cmpint(virNetServerClientGetInfo(fix->client)->since, >=, before);
    g_assert_cmpint(virNetServerClientGetInfo(fix->client)->since, <=,
                    g_get_real_time() / G_USEC_PER_SEC);
    request.id++;
    virIOLoopInvokeWait(fix->loop, findInLoop, &request);
    g_assert_null(request.found);
    close(fd);
}

static void
testIdentity(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virIdentity) identity = NULL;
    unsigned long long startTime;
    pid_t pid;
    uid_t uid;
    gid_t gid;
    g_autofree char *address = g_strconcat(fix->path, ";0", NULL);
    const virNetServerClientInfo *info;
    int fd = join(fix);

    assertServed(fd, 1);
    info = virNetServerClientGetInfo(fix->client);
    g_assert_true(info->hasPeer);
    g_assert_cmpint(info->peer.pid, ==, getpid());
    g_assert_cmpint(info->peer.uid, ==, geteuid());
    g_assert_cmpuint(info->peer.startTime, >, 0);
    g_assert_cmpstr(info->localAddress, ==, address);
    g_assert_true(info->secure);
    g_assert_false(info->encrypted);
    g_assert_true(virNetServerClientCanPassFDs(fix->client));
    g_assert_false(virNetServerClientIsReadOnly(fix->client));
    g_assert_true(virNetServerClientIsAuthenticated(fix->client));
    close(fd);
    /* Still there when it is gone. */
    await(fix, &fix->closed, 1);
    g_assert_cmpint(info->peer.pid, ==, getpid());
    identity = virNetServerClientGetIdentity(fix->client);
    g_assert_true(virIdentityGetUNIXUserID(identity, &uid));
    g_assert_cmpint(uid, ==, geteuid());
    g_assert_true(virIdentityGetUNIXGroupID(identity, &gid));
    g_assert_cmpint(gid, ==, getegid());
    g_assert_true(virIdentityGetProcess(identity, &pid, &startTime));
    g_assert_cmpint(pid, ==, getpid());
    g_assert_cmpuint(startTime, ==, info->peer.startTime);
    g_assert_null(virIdentityGetX509DName(identity));
    g_assert_null(virIdentityGetSASLUserName(identity));
    g_assert_false(virIdentityIsReadOnly(identity));
}

static void
testTCP(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    virNetServerService *service = virNetServerServiceNewTCP("127.0.0.1", "0", &plain);
    rpcPeerHeader call = header(PROC_FDS, VIR_NET_CALL_WITH_FDS, 1);
    int port;
    int fd;

    g_assert_nonnull(service);
    port = virNetServerServiceGetPort(service);
    g_assert_cmpint(port, >, 0);
    g_assert_cmpint(virNetServerAddService(fix->server, service), ==, 0);
    fd = rpcPeerConnectTCP(port);
    assertServed(fd, 1);
    g_assert_false(virNetServerClientGetInfo(fix->client)->hasPeer);
    g_assert_false(virNetServerClientGetInfo(fix->client)->secure);
    g_assert_true(g_str_has_prefix(virNetServerClientGetInfo(fix->client)->remoteAddress,
                                   "127.0.0.1;"));
    rpcPeerSendPacket(fd, &call, "00000000");
    assertReply(fd, PROC_FDS, 1, "00000000");
    rpcPeerSendPacket(fd, &call, "00000001");
    rpcPeerAssertEnd(fd);
    close(fd);
}

static void
testInherited(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path = g_build_filename(fix->dir, "inherited", NULL);
    virNetSocket *original = virNetSocketNewListenUNIX(path, -1, -1);
    virNetServerService *service = virNetServerServiceNewFD(dup(virNetSocketGetFD(original)),
                                                            &plain);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd;

    g_assert_nonnull(service);
    g_assert_cmpint(virNetServerAddService(fix->server, service), ==, 0);
    fd = rpcPeerConnectUNIX(path);
    assertServed(fd, 1);
    close(fd);
    virNetSocketFree(original);
    g_assert_null(virNetServerServiceNewFD(null, &plain));
    close(null);
}

static void
testNoDescriptorsLeft(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int lowest = dup(0);
    int first = join(fix);
    struct rlimit old;
    struct rlimit few;

    assertServed(first, 1);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
    few = old;
    few.rlim_cur = lowest;      /* all below are in use */
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
    close(fd);
    fd = join(fix);             /* takes its place; the server has none for its end */
    sendCall(fd, PROC_VOID, 1, NULL);
    assertServed(first, 2);
    assertServed(first, 3);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
    assertReply(fd, PROC_VOID, 1, NULL);
    close(fd);
    close(first);
    close(lowest);
}

/* ---- TLS, with our own client ---- */

typedef struct {
    char *ca, *cert, *key, *clientCert, *clientKey;
} tlsFiles;

static void
makeCerts(fixture *fix, tlsFiles *files)
{
    testCertOptions authority = { .subject = "CN=Authority", .isCA = true };
    testCertOptions serverOptions = { .subject = "CN=localhost", .dns = "localhost" };
    testCertOptions clientOptions = { .subject = "O=Example,CN=client1" };
    testCert *ca = testCertNew(&authority, NULL);
    testCert *server = testCertNew(&serverOptions, ca);
    testCert *client = testCertNew(&clientOptions, ca);

    files->ca = g_build_filename(fix->dir, "ca.pem", NULL);
    files->cert = g_build_filename(fix->dir, "cert.pem", NULL);
    files->key = g_build_filename(fix->dir, "key.pem", NULL);
    files->clientCert = g_build_filename(fix->dir, "clientcert.pem", NULL);
    files->clientKey = g_build_filename(fix->dir, "clientkey.pem", NULL);
    testCertWrite(ca, files->ca);
    testCertWrite(server, files->cert);
    testCertWriteKey(server, files->key);
    testCertWrite(client, files->clientCert);
    testCertWriteKey(client, files->clientKey);
    testCertFree(ca);
    testCertFree(server);
    testCertFree(client);
}

static void
removeCerts(tlsFiles *files)
{
    char *all[] = { files->ca, files->cert, files->key, files->clientCert, files->clientKey };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(all); i++) {
        unlink(all[i]);
        g_free(all[i]);
    }
}

static void
testTLS(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetClientProgram programs[] = { { PROGRAM, 1 }, { 0 } };
    static const virNetClientFuncs none = { NULL };
    tlsFiles files;
    virNetTLSConfig serverConfig = { .verify = true };
    virNetTLSConfig clientConfig = { .verify = true };
    g_autoptr(virNetTLSContext) serverTLS = NULL;
    g_autoptr(virNetTLSContext) clientTLS = NULL;
    g_autoptr(virIdentity) identity = NULL;
    unsigned long long startTime;
    pid_t pid;
    virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_NONE };
    g_autofree char *port = NULL;
    virNetServerService *service;
    virNetSocket *sock;
    virNetClient *client;
    g_autofree char *much = g_strnfill(1000000, 'x');
    remote_domain_lookup_by_name_args args = { much };
    remote_connect_get_type_ret ret = { NULL };
    virNetClientCallData call = {
        .program = PROGRAM, .version = 1, .procedure = PROC_ECHO,
        .argFilter = FILTER(remote_domain_lookup_by_name_args), .args = &args,
        .retFilter = FILTER(remote_connect_get_type_ret), .ret = &ret, .retSize = sizeof(ret),
    };
    virNetServerStats stats;
    int silent;
    int wrong;

    makeCerts(fix, &files);
    serverConfig.ca = clientConfig.ca = files.ca;
    serverConfig.cert = files.cert;
    serverConfig.key = files.key;
    clientConfig.cert = files.clientCert;
    clientConfig.key = files.clientKey;
    options.tls = serverTLS = virNetTLSContextNewServer(&serverConfig);
    clientTLS = virNetTLSContextNewClient(&clientConfig);
    g_assert_nonnull(serverTLS);
    g_assert_nonnull(clientTLS);
    service = virNetServerServiceNewTCP("127.0.0.1", "0", &options);
    g_assert_nonnull(service);
    port = g_strdup_printf("%d", virNetServerServiceGetPort(service));
    g_assert_cmpint(virNetServerAddService(fix->server, service), ==, 0);

    /* One that never says anything, one that says the wrong thing: neither is a client yet. */
    silent = rpcPeerConnectTCP(atoi(port));
    wrong = rpcPeerConnectTCP(atoi(port));
    sendCall(wrong, PROC_VOID, 1, NULL);

    sock = virNetSocketNewConnectTCP("127.0.0.1", port);
    g_assert_nonnull(sock);
    g_assert_cmpint(virNetSocketSetTLS(sock, clientTLS, "localhost"), ==, 0);
    g_assert_cmpint(virNetSocketHandshakeWait(sock), ==, 0);
    client = virNetClientNew(sock, programs, &none, NULL);
    g_assert_nonnull(client);
    g_assert_true(virNetClientIsEncrypted(client));
    g_assert_cmpint(virNetClientGetTLSKeySize(client), >=, 128);
    g_assert_cmpint(virNetClientCall(client, &call), ==, 0);
    g_assert_cmpstr(ret.type, ==, much);
    xdr_free(FILTER(remote_connect_get_type_ret), (void *)&ret);

    g_assert_cmpuint(counted(fix, &fix->came), ==, 1);
    identity = virNetServerClientGetIdentity(fix->client);
    g_assert_cmpstr(virIdentityGetX509DName(identity), ==, "O=Example,CN=client1");
    g_assert_false(virIdentityGetProcess(identity, &pid, &startTime));
    g_assert_true(virNetServerClientGetInfo(fix->client)->encrypted);
    g_assert_cmpint(virNetServerClientGetTLSKeySize(fix->client), ==,
                    virNetClientGetTLSKeySize(client));
    virNetServerGetStats(fix->server, &stats);
    g_assert_cmpuint(stats.anonymousClients, <=, 2);
    g_assert_cmpuint(stats.anonymousClients, >=, 1);

    /* In its own words, whatever these are, and then nothing. */
    for (;;) {
        char buf[256];

        if (recv(wrong, buf, sizeof(buf), 0) <= 0)
            break;
    }
    virNetClientFree(client);
    close(silent);
    close(wrong);
    removeCerts(&files);
}

/* ---- The end ---- */

static void
testLeave(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);

    sendCall(fd, PROC_WAIT, 1, "00000004");
    await(fix, &fix->waiting, 1);
    sendCall(fd, PROC_LEAVE, 2, NULL);
    assertReply(fd, PROC_LEAVE, 2, NULL);
    sendCall(fd, PROC_VOID, 3, NULL);           /* nobody listens any more */
    assertQuiet(fix, fd);
    openGate(fix, 1);
    assertReply(fd, PROC_WAIT, 1, "00000004");
    rpcPeerAssertEnd(fd);
    close(fd);
}

static void
testClosedInside(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);

    sendCall(fd, PROC_CLOSE, 1, NULL);
    rpcPeerAssertEnd(fd);
    close(fd);
    await(fix, &fix->closed, 1);
}

static void
testGoneInCall(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);
    int other = join(fix);

    assertServed(other, 1);
    sendCall(fd, PROC_WAIT, 1, "00000004");
    await(fix, &fix->waiting, 1);
    close(fd);
    await(fix, &fix->closed, 1);
    virMutexLock(&fix->lock);
    g_clear_pointer(&fix->client, virNetServerClientUnref);
    g_assert_cmpuint(fix->freed, ==, 0);        /* the call still has it */
    virMutexUnlock(&fix->lock);
    openGate(fix, 1);
    await(fix, &fix->freed, 1);
    assertServed(other, 2);
    close(other);
}

/* Paused for its five calls, it isn't read; that it is gone is seen all the same. */
static void
testGoneWhilePaused(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);
    int i;

    for (i = 0; i < 5; i++)
        sendCall(fd, PROC_WAIT, i, "00000001");
    await(fix, &fix->waiting, 5);
    close(fd);
    await(fix, &fix->closed, 1);
    openGate(fix, 5);
}

static void
testKeepAlive(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    rpcPeerHeader pong = { 0x6b656570, 1, 2, VIR_NET_MESSAGE, 0, 0 };
    int never = join(fix);      /* hasn't said that it can answer: isn't asked */
    int dead = join(fix);
    int alive = join(fix);

    assertServed(never, 1);
    sendCall(dead, PROC_KEEPALIVE, 1, NULL);
    assertReply(dead, PROC_KEEPALIVE, 1, NULL);
    sendCall(alive, PROC_KEEPALIVE, 1, NULL);
    assertReply(alive, PROC_KEEPALIVE, 1, NULL);
    rpcPeerAssertPacket(alive, &ping, NULL);
    rpcPeerSendPacket(alive, &pong, NULL);
    rpcPeerAssertPacket(alive, &ping, NULL);
    assertServed(alive, 2);     /* any packet does */

    rpcPeerAssertPacket(dead, &ping, NULL);
    rpcPeerAssertEnd(dead);
    await(fix, &fix->closed, 1);
    assertServed(never, 2);     /* its next packet is the reply, no ping */
    close(never);
    close(dead);
    close(alive);
}

/* A client that may not be read because of its own calls isn't taken for dead. */
static void
testKeepAlivePaused(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    int fd = join(fix);
    int other = join(fix);
    int i;

    sendCall(fd, PROC_KEEPALIVE, 1, NULL);
    assertReply(fd, PROC_KEEPALIVE, 1, NULL);
    for (i = 0; i < 5; i++)
        sendCall(fd, PROC_WAIT, i, "00000001");
    await(fix, &fix->waiting, 5);
    /* Another one dies of the same silence. */
    sendCall(other, PROC_KEEPALIVE, 1, NULL);
    assertReply(other, PROC_KEEPALIVE, 1, NULL);
    rpcPeerAssertPacket(other, &ping, NULL);
    rpcPeerAssertEnd(other);
    openGate(fix, 5);
    for (i = 0; i < 5; i++) {
        rpcPeerHeader head;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fd, &head);

        g_assert_nonnull(payload);
        g_assert_cmpint(head.procedure, ==, PROC_WAIT);
    }
    rpcPeerAssertPacket(fd, &ping, NULL);
    close(fd);
    close(other);
}

static void
testKeepAliveChanged(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    rpcPeerHeader ping = { 0x6b656570, 1, 1, VIR_NET_MESSAGE, 0, 0 };
    virNetServerLimits limits = *(const virNetServerLimits *)data;
    int fd = join(fix);

    sendCall(fd, PROC_KEEPALIVE, 1, NULL);
    assertReply(fd, PROC_KEEPALIVE, 1, NULL);
    limits.keepaliveInterval = 1;
    limits.keepaliveCount = 1;
    virNetServerSetLimits(fix->server, &limits);
    rpcPeerAssertPacket(fd, &ping, NULL);
    close(fd);
}

/* What a call leaves to be done is done after its worker is gone. */
static void
testFreeInCall(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);
    int other = join(fix);

    assertServed(other, 1);
    sendCall(fd, PROC_LATE, 1, "00000001");
    await(fix, &fix->waiting, 1);
    close(fd);
    await(fix, &fix->closed, 1);
    virMutexLock(&fix->lock);
    g_clear_pointer(&fix->client, virNetServerClientUnref);
    fix->openWhenClosed = true;
    virMutexUnlock(&fix->lock);
    virNetServerFree(g_steal_pointer(&fix->server));
    g_assert_cmpuint(counted(fix, &fix->freed), ==, 2);
    close(other);
}

static void
testStop(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int fd = join(fix);
    int busy = join(fix);
    virNetServerStats stats;

    assertServed(fd, 1);
    sendCall(busy, PROC_WAIT, 1, "00000001");
    await(fix, &fix->waiting, 1);
    virNetServerStop(fix->server);
    g_assert_cmpuint(counted(fix, &fix->closed), ==, 2);
    rpcPeerAssertEnd(fd);
    rpcPeerAssertEnd(busy);
    virNetServerGetStats(fix->server, &stats);
    g_assert_cmpuint(stats.clients, ==, 0);
    g_assert_cmpint(access(fix->path, F_OK), ==, -1);
    close(fd);
    close(busy);
}

static void
testManyClients(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    enum { COUNT = 200 };
    int fds[COUNT];
    int i;

    for (i = 0; i < COUNT; i++)
        fds[i] = join(fix);
    for (i = 0; i < COUNT; i++)
        sendCall(fds[i], i % 2 ? PROC_VOID : PROC_PRIORITY, i, "00000001");
    for (i = 0; i < COUNT; i++) {
        rpcPeerHeader head;
        g_autoptr(GByteArray) payload = rpcPeerReadPacket(fds[i], &head);

        g_assert_nonnull(payload);
        g_assert_cmpuint(head.serial, ==, i);
        close(fds[i]);
    }
    await(fix, &fix->closed, COUNT);
}

/* ---- Events ---- */

typedef struct {
    fixture *fix;
    virNetServerClient *client;
    size_t count;
    size_t len;
    int first;                  /* callback ID of the first; each has the next */
    bool rare;
    bool shared;                /* all are one event's */
    size_t sent, refused;
    size_t bytes;               /* that wait afterwards */
    bool behind;
} sendRequest;

static void
sendInThread(void *opaque)
{
    sendRequest *request = opaque;
    g_autoptr(virNetEvent) first = makeEvent(request->len);
    size_t i;

    for (i = 0; i < request->count; i++) {
        g_autoptr(virNetEvent) event = request->shared ? virNetEventRef(first)
                                                       : makeEvent(request->len);
        bool (*func)(virNetServerClient *client, virNetEvent *event, int callbackID) =
            request->rare ? virNetServerClientSendRareEvent : virNetServerClientSendEvent;

        if (func(request->client, event, request->first + i))
            request->sent++;
        else
            request->refused++;
    }
    request->bytes = virNetServerClientGetEventBytes(request->client);
}

static void
sendEvents(fixture *fix, virNetServerClient *client, size_t count, size_t len, int first,
           sendRequest *request)
{
    *request = (sendRequest) {
        .fix = fix, .client = client, .count = count, .len = len, .first = first,
    };
    virIOLoopInvokeWait(fix->loop, sendInThread, request);
}

static virNetServerClient *
lastClient(fixture *fix)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fix->lock);

    return virNetServerClientRef(fix->client);
}

static void
assertEvent(int fd, int callbackID)
{
    rpcPeerHeader head;
    g_autoptr(GByteArray) payload = rpcPeerReadPacket(fd, &head);
    guint32 id;

    g_assert_nonnull(payload);
    g_assert_cmphex(head.program, ==, PROGRAM);
    g_assert_cmpint(head.procedure, ==, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED);
    g_assert_cmpint(head.type, ==, VIR_NET_MESSAGE);
    g_assert_cmpuint(head.serial, ==, 1);
    g_assert_cmpint(head.status, ==, 0);
    memcpy(&id, payload->data, sizeof(id));
    g_assert_cmpint(GUINT32_FROM_BE(id), ==, callbackID);
}

static void
testEvents(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerClient) client = NULL;
    sendRequest request;
    int fd = join(fix);
    int i;

    assertServed(fd, 1);
    client = lastClient(fix);
    sendEvents(fix, client, 1000, 100, 0, &request);
    g_assert_cmpuint(request.refused, ==, 0);
    for (i = 0; i < 1000; i++)
        assertEvent(fd, i);
    assertServed(fd, 2);

    /* Whoever is gone loses nothing that could be told. */
    close(fd);
    await(fix, &fix->closed, 1);
    sendEvents(fix, client, 10, 100, 0, &request);
    g_assert_cmpuint(request.sent, ==, 10);
    g_assert_cmpuint(request.bytes, ==, 0);
    g_assert_cmpuint(counted(fix, &fix->drained), ==, 0);
}

static void
testSlowReader(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerClient) client = NULL;
    sendRequest request;
    int fd = join(fix);
    int other;
    size_t sent = 0;
    size_t i;

    assertServed(fd, 1);
    client = lastClient(fix);
    other = join(fix);
    assertServed(other, 1);

    /* What the socket takes, and then the limit. */
    do {
        sendEvents(fix, client, 100, 1000, sent, &request);
        sent += request.sent;
        g_assert_cmpuint(request.bytes, <=, 1024 * 1024);
        g_assert_cmpuint(sent, <, 100000);
    } while (request.refused == 0);
    g_assert_cmpuint(request.bytes, >, 1024 * 1024 - 2000);

    /* Its calls are answered; others get everything. */
    sendCall(fd, PROC_VOID, 2, NULL);
    sendEvents(fix, fix->client, 1000, 100, 0, &request);
    g_assert_cmpuint(request.refused, ==, 0);
    for (i = 0; i < 1000; i++)
        assertEvent(other, i);
    g_assert_cmpuint(counted(fix, &fix->drained), ==, 0);

    virMutexLock(&fix->lock);
    fix->refill = 3;
    virMutexUnlock(&fix->lock);
    for (i = 0; i < sent; i++)
        assertEvent(fd, i);
    assertReply(fd, PROC_VOID, 2, NULL);
    for (i = 0; i < 3; i++)
        assertEvent(fd, 1000000 + i);
    await(fix, &fix->drained, 1);
    sendEvents(fix, client, 100, 1000, 5000, &request);
    g_assert_cmpuint(request.refused, ==, 0);
    for (i = 0; i < 100; i++)
        assertEvent(fd, 5000 + i);
    g_assert_cmpuint(counted(fix, &fix->drained), ==, 1);
    close(fd);
    close(other);
}

/* Two clients of one user, of whom one has taken all: the other gets events again when there is
 * room, not only when it has read something itself. */
static void
testFullUser(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    g_autofree char *path = addService(fix, "sasl", &options);
    g_autoptr(virNetServerClient) full = NULL;
    g_autoptr(virNetServerClient) poor = NULL;
    sendRequest request;
    int first = rpcPeerConnectUNIX(path);
    int second;
    size_t sent = 0;
    size_t i;

    sendCall(first, PROC_AUTH, 1, NULL);
    assertReply(first, PROC_AUTH, 1, NULL);
    full = lastClient(fix);
    second = rpcPeerConnectUNIX(path);
    sendCall(second, PROC_AUTH, 1, NULL);
    assertReply(second, PROC_AUTH, 1, NULL);
    poor = lastClient(fix);

    do {
        request = (sendRequest) {
            .fix = fix, .client = full, .count = 1, .len = 1000, .first = sent, .rare = true,
        };
        virIOLoopInvokeWait(fix->loop, sendInThread, &request);
        sent += request.sent;
    } while (request.refused == 0);
    g_assert_cmpuint(usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_EVENT_BYTES].used, >, 598000);
    sendEvents(fix, poor, 1, 100, 0, &request);
    g_assert_cmpuint(request.refused, ==, 1);
    assertServed(second, 2);
    g_assert_cmpuint(counted(fix, &fix->drained), ==, 0);

    virMutexLock(&fix->lock);
    fix->refill = 3;
    virMutexUnlock(&fix->lock);
    for (i = 0; i < sent; i++)
        assertEvent(first, i);
    await(fix, &fix->drained, 1);
    for (i = 0; i < 3; i++)
        assertEvent(second, 1000000 + i);
    close(first);
    close(second);
}

/* What an event for several registrations has cost is given back to the last byte, by reading and by
 * going away. */
static void
testSharedEvent(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const virNetServerServiceOptions options = { .auth = VIR_NET_SERVER_AUTH_SASL };
    g_autofree char *path = addService(fix, "sasl", &options);
    g_autoptr(virNetServerClient) client = NULL;
    sendRequest request;
    int other = rpcPeerConnectUNIX(path);
    gint64 deadline;
    size_t left;
    int fd;
    size_t round;
    size_t i;

    sendCall(other, PROC_AUTH, 1, NULL);
    assertReply(other, PROC_AUTH, 1, NULL);
    fd = rpcPeerConnectUNIX(path);
    sendCall(fd, PROC_AUTH, 1, NULL);
    assertReply(fd, PROC_AUTH, 1, NULL);
    client = lastClient(fix);
    for (round = 0; round < 2; round++) {
        request = (sendRequest) {
            .fix = fix, .client = client, .count = 1000, .len = 10000, .shared = true,
        };
        virIOLoopInvokeWait(fix->loop, sendInThread, &request);
        /* As many of their own would be ten times what there is room for. */
        g_assert_cmpuint(request.refused, ==, 0);
        g_assert_cmpuint(usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_EVENT_BYTES].used, >, 10000);
        for (i = 0; i < (round == 0 ? 1000 : 100); i++)
            assertEvent(fd, i);
        if (round == 1)
            close(fd);
        deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;
        while ((left = usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_EVENT_BYTES].used) > 0 &&
               g_get_monotonic_time() < deadline)
            ;
        g_assert_cmpuint(left, ==, 0);
    }
    g_assert_cmpuint(usageOf(fix, "SASL fred").usage[VIR_NET_QUOTA_CONNECTIONS].used, >, 0);
    close(other);
}

static void
askBehindInThread(void *opaque)
{
    sendRequest *request = opaque;

    request->behind = virNetServerClientIsBehind(request->client);
}

/* Behind is who has more before it than a reader's socket holds; that it is no longer is told once,
 * if it was asked. */
static void
testBehind(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerClient) client = NULL;
    sendRequest request;
    int fd = join(fix);
    size_t sent = 0;
    size_t i;

    assertServed(fd, 1);
    client = lastClient(fix);
    do {
        sendEvents(fix, client, 10, 1000, sent, &request);
        g_assert_cmpuint(request.refused, ==, 0);
        sent += request.sent;
        virIOLoopInvokeWait(fix->loop, askBehindInThread, &request);
        g_assert_true(request.behind == (request.bytes > VIR_NET_SERVER_CLIENT_AHEAD_BYTES));
    } while (!request.behind);
    g_assert_cmpuint(counted(fix, &fix->eased), ==, 0);

    for (i = 0; i < sent; i++)
        assertEvent(fd, i);
    await(fix, &fix->eased, 1);
    sendEvents(fix, client, 10, 1000, 0, &request);
    for (i = 0; i < 10; i++)
        assertEvent(fd, i);
    assertServed(fd, 2);
    virIOLoopInvokeWait(fix->loop, askBehindInThread, &request);
    g_assert_false(request.behind);
    g_assert_cmpuint(counted(fix, &fix->eased), ==, 1);

    close(fd);
    await(fix, &fix->closed, 1);
    virIOLoopInvokeWait(fix->loop, askBehindInThread, &request);
    g_assert_false(request.behind);
}

/* One that can never fit is lost, and no more than that. */
static void
testTooLargeAnEvent(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerClient) client = NULL;
    sendRequest request;
    int fd = join(fix);

    assertServed(fd, 1);
    client = lastClient(fix);
    virMutexLock(&fix->lock);
    fix->refill = 1;
    virMutexUnlock(&fix->lock);
    sendEvents(fix, client, 1, 2 * 1024 * 1024, 0, &request);
    g_assert_cmpuint(request.refused, ==, 1);
    assertEvent(fd, 1000000);
    sendEvents(fix, client, 1, 100, 7, &request);
    g_assert_cmpuint(request.refused, ==, 0);
    assertEvent(fd, 7);
    g_assert_cmpuint(counted(fix, &fix->drained), ==, 1);
    close(fd);
}

/* Gone with a full queue. */
static void
testGoneWithEvents(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerClient) client = NULL;
    sendRequest request;
    int fd = join(fix);

    assertServed(fd, 1);
    client = lastClient(fix);
    sendEvents(fix, client, 2000, 1000, 0, &request);
    g_assert_cmpuint(request.refused, >, 0);
    close(fd);
    await(fix, &fix->closed, 1);
    g_assert_cmpuint(counted(fix, &fix->drained), ==, 0);
}

/* Those of which there are few have a reserve, which has an end as well. */
static void
testRareEvents(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virNetServerClient) client = NULL;
    sendRequest request;
    size_t sent = 0;
    size_t rare = 0;
    int fd = join(fix);
    size_t i;

    assertServed(fd, 1);
    client = lastClient(fix);
    do {
        sendEvents(fix, client, 100, 1000, sent, &request);
        sent += request.sent;
        g_assert_cmpuint(sent, <, 100000);
    } while (request.refused == 0);

    do {
        request = (sendRequest) {
            .fix = fix, .client = client, .count = 1, .len = 1000, .first = 200000 + rare,
            .rare = true,
        };
        virIOLoopInvokeWait(fix->loop, sendInThread, &request);
        rare += request.sent;
        g_assert_cmpuint(request.bytes, <=, 1024 * 1024 + VIR_NET_SERVER_CLIENT_RESERVE_BYTES);
    } while (request.refused == 0);
    g_assert_cmpuint(rare, >, 100);
    g_assert_cmpuint(request.bytes, >, 1024 * 1024 + VIR_NET_SERVER_CLIENT_RESERVE_BYTES - 2000);

    /* All that was taken comes, in order. */
    for (i = 0; i < sent; i++)
        assertEvent(fd, i);
    for (i = 0; i < rare; i++)
        assertEvent(fd, 200000 + i);
    assertServed(fd, 2);
    close(fd);
    await(fix, &fix->closed, 1);
    virIOLoopInvokeWait(fix->loop, sendInThread, &request);
    g_assert_cmpuint(request.sent, ==, 1);
}

static const virNetServerLimits twoClients = {
    .maxClients = 2, .maxClientRequests = 5, .maxClientEventBytes = 1024, .maxWorkers = 2,
};
static const virNetServerLimits eightClients = {
    .maxClients = 8, .maxClientRequests = 5, .maxWorkers = 2,
};
static const virNetServerLimits twoAnonymous = {
    .maxClients = 100, .maxAnonymousClients = 2, .maxClientRequests = 5, .maxWorkers = 2,
};
static const virNetServerLimits twoConnections = {
    .maxClients = 100, .maxClientRequests = 5, .maxWorkers = 2,
    .quota = { .user = { [VIR_NET_QUOTA_CONNECTIONS] = 2 } },
};
static const virNetServerLimits oneUser = {
    .maxClients = 100, .maxClientRequests = 5, .maxWorkers = 2,
    .maxClientEventBytes = 1024 * 1024,
    .quota = { .user = { [VIR_NET_QUOTA_EVENT_BYTES] = 600000 } },
};
static const virNetServerLimits fourWorkers = {
    .maxClients = 100, .maxClientRequests = 100, .maxWorkers = 4, .priorityWorkers = 1,
};
static const virNetServerLimits hasty = {
    .maxClients = 100, .maxClientRequests = 5, .maxWorkers = 2, .setupSeconds = 1,
};
static const virNetServerLimits oneMegabyte = {
    .maxClients = 100, .maxClientRequests = 5, .maxWorkers = 2,
    .maxClientEventBytes = 1024 * 1024,
};
static const virNetServerLimits impatient = {
    .maxClients = 100, .maxClientRequests = 5, .maxWorkers = 10, .keepaliveInterval = 1,
    .keepaliveCount = 1,
};

#define ADD_WITH(path, limits, func) \
    g_test_add("/netserver/" path, fixture, limits, setUp, func, tearDown)
#define ADD(path, func) ADD_WITH(path, NULL, func)

int
main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    testSASLSetUp("digest-md5");
    ADD("calls", testCalls);
    ADD("asks", testAsks);
    ADD("gone-while-asked", testGoneWhileAsked);
    ADD("unknown", testUnknown);
    ADD("bad-calls", testBadCalls);
    ADD("not-calls", testNotCalls);
    ADD("ping", testPing);
    ADD("lengths", testLengths);
    ADD("half-a-packet", testHalfAPacket);
    ADD("too-long-an-error", testTooLongAnError);
    ADD("large-reply", testLargeReply);
    ADD("too-many-requests", testTooManyRequests);
    ADD("never-reads", testNeverReads);
    ADD("pipelined", testPipelined);
    ADD_WITH("hung-calls", &fourWorkers, testHungCalls);
    ADD("fds", testDescriptors);
    ADD_WITH("max-clients", &twoClients, testMaxClients);
    ADD_WITH("authentication", &twoAnonymous, testAuthentication);
    ADD_WITH("setup-time", &hasty, testSetupTime);
    ADD_WITH("reserved-places", &eightClients, testReservedPlaces);
    ADD_WITH("anonymous-length", &twoAnonymous, testAnonymousLength);
    ADD_WITH("users", &twoConnections, testUsers);
    ADD_WITH("auth-failures", &twoAnonymous, testAuthFailures);
    ADD_WITH("one-by-one", &twoAnonymous, testOneByOne);
    ADD("answers", testAnswers);
    ADD("owners-only", testOwnersOnly);
    ADD("find", testFind);
    ADD("identity", testIdentity);
    ADD("sasl-name", testSASLName);
    ADD("sasl-layer", testSASLLayer);
    ADD("tcp", testTCP);
    ADD("inherited", testInherited);
    ADD("no-descriptors-left", testNoDescriptorsLeft);
    ADD("tls", testTLS);
    ADD("leave", testLeave);
    ADD("closed-inside", testClosedInside);
    ADD("gone-in-call", testGoneInCall);
    ADD("gone-while-paused", testGoneWhilePaused);
    ADD_WITH("keepalive", &impatient, testKeepAlive);
    ADD_WITH("keepalive-paused", &impatient, testKeepAlivePaused);
    ADD_WITH("keepalive-changed", &eightClients, testKeepAliveChanged);
    ADD("free-in-call", testFreeInCall);
    ADD("stop", testStop);
    ADD("many-clients", testManyClients);
    ADD("events", testEvents);
    ADD_WITH("slow-reader", &oneMegabyte, testSlowReader);
    ADD_WITH("behind", &oneMegabyte, testBehind);
    ADD_WITH("rare-events", &oneMegabyte, testRareEvents);
    ADD_WITH("full-user", &oneUser, testFullUser);
    ADD_WITH("shared-event", &oneUser, testSharedEvent);
    ADD_WITH("too-large-an-event", &oneMegabyte, testTooLargeAnEvent);
    ADD_WITH("gone-with-events", &oneMegabyte, testGoneWithEvents);
    rc = testRunCountingFds();
    testSASLTearDown();
    return rc;
}
