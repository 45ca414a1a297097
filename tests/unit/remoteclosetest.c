/*
 * remoteclosetest.c: whether, when and how often an application hears that its connection is lost
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_close.h"

#include <pthread.h>
#include <stdatomic.h>

#include "remotepeer.h"
#include "remote_protocol.h"
#include "testloop.h"
#include "testutils.h"
#include "virerror_priv.h"

#define REMOTE REMOTE_PEER_REMOTE
#define REGISTER REMOTE_PROC_CONNECT_REGISTER_CLOSE_CALLBACK
#define UNREGISTER REMOTE_PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK
#define CLOSED REMOTE_PROC_CONNECT_EVENT_CONNECTION_CLOSED

typedef struct {
    remotePeer *peer;
    virConnectPtr conn;
    int called;
    int reason;
    int freed;
    void (*inCallback)(virConnectPtr conn);
} Fixture;

static void
silent(void *opaque G_GNUC_UNUSED, virErrorPtr err G_GNUC_UNUSED)
{
}

static void
onClosed(virConnectPtr conn, int reason, void *opaque)
{
    Fixture *f = opaque;

    g_assert_true(conn == f->conn || !f->conn);
    g_assert_cmpint(f->freed, ==, 0);
    f->called++;
    f->reason = reason;
    if (f->inCallback)
        f->inCallback(conn);
}

static void
onOther(virConnectPtr conn G_GNUC_UNUSED, int reason G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
onFree(void *opaque)
{
    ((Fixture *)opaque)->freed++;
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->peer = remotePeerNew();
    f->conn = virConnectOpen(remotePeerURI(f->peer, ""));
    g_assert_nonnull(f->conn);
    g_assert_cmpint(virConnectRegisterCloseCallback(f->conn, onClosed, f, onFree), ==, 0);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    if (f->conn)
        g_assert_cmpint(virConnectClose(f->conn), ==, 0);
    remotePeerFree(f->peer);
    g_assert_cmpint(f->freed, ==, 1);
    g_assert_cmpuint(testLoopHandles(), ==, 0);
    testLoopDrain();
    virResetLastError();
}

static void
awaitFreed(Fixture *f)
{
    while (f->freed == 0)
        testLoopWait();
}

/* Only in the loop, once, and then it is registered no longer. */
static void
testLost(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned long version;

    remotePeerHangUp(f->peer);
    while (virConnectGetLibVersion(f->conn, &version) == 0)
        ;                       /* the first call that doesn't succeed has met the end */
    g_assert_cmpint(f->called, ==, 0);
    awaitFreed(f);
    g_assert_cmpint(f->called, ==, 1);
    g_assert_cmpint(f->reason, ==, VIR_CONNECT_CLOSE_REASON_EOF);
    g_assert_cmpint(virConnectUnregisterCloseCallback(f->conn, onClosed), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    testLoopDrain();
    g_assert_cmpint(f->called, ==, 1);
}

/* A server that breaks the protocol is left with another reason. */
static void
testBroken(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const rpcPeerHeader stray = { REMOTE, 1, REMOTE_PROC_CONNECT_OPEN, 1, 4711, 0 };

    remotePeerSendAny(f->peer, &stray, NULL);
    awaitFreed(f);
    g_assert_cmpint(f->called, ==, 1);
    g_assert_cmpint(f->reason, ==, VIR_CONNECT_CLOSE_REASON_ERROR);
    g_assert_false(virConnectIsAlive(f->conn));
}

/* The daemon has lost its own connection, and says why. */
static void
testTold(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    remotePeerSend(f->peer, REMOTE, CLOSED, "00");
    remotePeerSend(f->peer, REMOTE, CLOSED, "00000004");
    remotePeerSend(f->peer, REMOTE, CLOSED, "ffffffff");
    remotePeerSend(f->peer, REMOTE, CLOSED, "00000002");
    remotePeerSend(f->peer, REMOTE, CLOSED, "00000001");
    awaitFreed(f);
    g_assert_cmpint(f->called, ==, 1);
    g_assert_cmpint(f->reason, ==, VIR_CONNECT_CLOSE_REASON_KEEPALIVE);
}

static void
testUnregistered(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned long version;

    g_assert_cmpint(virConnectRegisterCloseCallback(f->conn, onOther, NULL, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, REGISTER), ==, 1);
    g_assert_cmpint(virConnectUnregisterCloseCallback(f->conn, onOther), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, UNREGISTER), ==, 0);

    g_assert_cmpint(virConnectUnregisterCloseCallback(f->conn, onClosed), ==, 0);
    g_assert_cmpint(f->freed, ==, 1);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, UNREGISTER), ==, 1);
    remotePeerHangUp(f->peer);
    while (virConnectGetLibVersion(f->conn, &version) == 0)
        ;
    testLoopDrain();
    g_assert_cmpint(f->called, ==, 0);
}

/* Between the loss and the loop's turn. */
static void
testUnregisteredTooLate(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned long version;

    remotePeerHangUp(f->peer);
    while (virConnectGetLibVersion(f->conn, &version) == 0)
        ;
    g_assert_cmpint(virConnectUnregisterCloseCallback(f->conn, onClosed), ==, 0);
    testLoopDrain();
    g_assert_cmpint(f->called, ==, 0);
}

/* Whoever comes when it is over hears of it all the same. */
static void
testRegisteredTooLate(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    remotePeerHangUp(f->peer);
    awaitFreed(f);
    f->freed = 0;
    g_assert_cmpint(virConnectRegisterCloseCallback(f->conn, onClosed, f, onFree), ==, 0);
    awaitFreed(f);
    g_assert_cmpint(f->called, ==, 2);
}

/* The callback keeps its connection, and is the last to do so. */
static void
testUnregisteredAfterClose(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conn = g_steal_pointer(&f->conn);

    g_assert_cmpint(virConnectClose(conn), ==, 1);
    g_assert_cmpint(virConnectUnregisterCloseCallback(conn, onClosed), ==, 0);
    g_free(remotePeerWaitCalls(f->peer, REMOTE, REMOTE_PROC_CONNECT_CLOSE, 1));
}

static void
testLostAfterClose(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virConnectClose(f->conn), ==, 1);
    f->conn = NULL;
    remotePeerHangUp(f->peer);
    awaitFreed(f);
    g_assert_cmpint(f->called, ==, 1);
}

static void
closeInside(virConnectPtr conn)
{
    g_assert_cmpint(virConnectClose(conn), ==, 1);
}

static void
testCloseInside(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->conn = NULL;
    f->inCallback = closeInside;
    remotePeerHangUp(f->peer);
    awaitFreed(f);
}

/* --- the notice alone, in threads --- */

typedef struct {
    remoteCloseNotice *notice;
    virConnectPtr conn;
    atomic_int calls, frees;
    atomic_bool over;
} Race;

static void
onRace(virConnectPtr conn G_GNUC_UNUSED, int reason G_GNUC_UNUSED, void *opaque)
{
    atomic_fetch_add(&((Race *)opaque)->calls, 1);
}

static void
onRaceFree(void *opaque)
{
    atomic_fetch_add(&((Race *)opaque)->frees, 1);
}

#define ROUNDS 500

static void *
registerAndUnregister(void *opaque)
{
    Race *race = opaque;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        if (i == ROUNDS / 2)
            remoteCloseNoticeTell(race->notice, VIR_CONNECT_CLOSE_REASON_EOF);
        g_assert_cmpint(remoteCloseNoticeRegister(race->notice, race->conn, onRace, race,
                                                  onRaceFree), ==, 0);
        /* Either this takes it out, or the loop has called it. */
        if (remoteCloseNoticeUnregister(race->notice, onRace) < 0)
            virResetLastError();
    }
    atomic_store(&race->over, true);
    testLoopWake();
    return NULL;
}

static void
testRace(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Race race = { .notice = remoteCloseNoticeNew(), .conn = f->conn };
    pthread_t thread;

    g_assert_nonnull(race.notice);
    g_assert_cmpint(pthread_create(&thread, NULL, registerAndUnregister, &race), ==, 0);
    while (!atomic_load(&race.over))
        testLoopWait();
    pthread_join(thread, NULL);
    testLoopDrain();
    remoteCloseNoticeFree(race.notice);
    g_assert_cmpint(atomic_load(&race.frees), ==, ROUNDS);
    g_assert_cmpint(atomic_load(&race.calls), <=, ROUNDS / 2);
    g_assert_cmpint(virConnectUnregisterCloseCallback(f->conn, onClosed), ==, 0);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "lost", testLost },
        { "broken", testBroken },
        { "told", testTold },
        { "unregistered", testUnregistered },
        { "unregistered-too-late", testUnregisteredTooLate },
        { "registered-too-late", testRegisteredTooLate },
        { "unregistered-after-close", testUnregisteredAfterClose },
        { "lost-after-close", testLostAfterClose },
        { "close-inside", testCloseInside },
        { "race", testRace },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    testLoopRegister();
    virSetErrorFunc(NULL, silent);
    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/remote/close/", tests[i].name, NULL);

        g_test_add(path, Fixture, NULL, setUp, tests[i].func, tearDown);
    }
    return testRunCountingFds();
}
