/*
 * remoteeventtest.c: registrations at a daemon, and what comes for them, against a scripted one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_event.h"

#include <libvirt/libvirt-qemu.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "domain_event.h"
#include "qemu_protocol.h"
#include "remotepeer.h"
#include "testloop.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virthread.h"

#define QEMU REMOTE_PEER_QEMU
#define REMOTE REMOTE_PEER_REMOTE
#define REGISTER QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER
#define DEREGISTER QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER
#define EVENT QEMU_PROC_DOMAIN_MONITOR_EVENT
#define REGISTER_ANY REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY
#define DEREGISTER_ANY REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY
#define LIFECYCLE REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE

#define REGEX VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX
#define NOCASE VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE
#define GLOB VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB

typedef struct {
    remotePeer *peer;
    virConnectPtr conn;
} Fixture;

/* One registration. */
typedef struct _Watcher Watcher;
struct _Watcher {
    virConnectPtr conn;
    int id;
    GString *log;               /* "NAME " for each event; "type/detail@domain " of lifecycles */
    atomic_int freed;
    void (*inCallback)(Watcher *watcher);
};

static void
silent(void *opaque G_GNUC_UNUSED, virErrorPtr err G_GNUC_UNUSED)
{
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->peer = remotePeerNew();
    f->conn = virConnectOpen(remotePeerURI(f->peer, ""));
    g_assert_nonnull(f->conn);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    if (f->conn)
        g_assert_cmpint(virConnectClose(f->conn), ==, 0);
    remotePeerFree(f->peer);
    g_assert_cmpuint(testLoopHandles(), ==, 0);
    testLoopDrain();            /* frees what was removed */
    virResetLastError();
}

static void
onMonitor(virConnectPtr conn, virDomainPtr dom G_GNUC_UNUSED, const char *event,
          long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED,
          const char *details G_GNUC_UNUSED, void *opaque)
{
    Watcher *watcher = opaque;

    g_assert_true(conn == watcher->conn);
    g_assert_cmpint(atomic_load(&watcher->freed), ==, 0);
    g_string_append_printf(watcher->log, "%s ", event);
    if (watcher->inCallback)
        watcher->inCallback(watcher);
}

static int
onLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int event, int detail,
            void *opaque)
{
    Watcher *watcher = opaque;

    g_string_append_printf(watcher->log, "%d/%d@%s ", event, detail, virDomainGetName(dom));
    return 0;
}

static virMutex freedLock = VIR_MUTEX_INITIALIZER;
static virCond freedCond;

static void
onFree(void *opaque)
{
    Watcher *watcher = opaque;

    virMutexLock(&freedLock);
    atomic_fetch_add(&watcher->freed, 1);
    virCondBroadcast(&freedCond);
    virMutexUnlock(&freedLock);
}

static int
tryWatch(virConnectPtr conn, Watcher *watcher, virDomainPtr dom, const char *event,
         unsigned int flags)
{
    *watcher = (Watcher) { .conn = conn, .log = g_string_new(NULL) };
    watcher->id = virConnectDomainQemuMonitorEventRegister(conn, dom, event, onMonitor, watcher,
                                                           onFree, flags);
    return watcher->id;
}

static void
watch(Fixture *f, Watcher *watcher, const char *event, unsigned int flags)
{
    g_assert_cmpint(tryWatch(f->conn, watcher, NULL, event, flags), >=, 0);
}

static void
forget(Watcher *watcher)
{
    g_string_free(watcher->log, TRUE);
}

static void
unwatch(Watcher *watcher)
{
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(watcher->conn, watcher->id), ==, 0);
    g_assert_cmpint(atomic_load(&watcher->freed), ==, 1);
    forget(watcher);
}

/* A monitor event for the registration that the peer knows by @number. */
static void
sendEvent(Fixture *f, unsigned int number, const char *name)
{
    g_autofree char *dom = remotePeerDomain("g1");
    g_autofree char *event = remotePeerText(name);
    g_autofree char *payload = g_strdup_printf("%08x %s %s 00000000 00000005 00000006 00000000",
                                               number, dom, event);

    remotePeerSend(f->peer, QEMU, EVENT, payload);
}

static void
await(const GString *log, const char *expected)
{
    while (strlen(log->str) < strlen(expected))
        testLoopWait();
    g_assert_cmpstr(log->str, ==, expected);
}

/* Everything that was sent by now has been delivered when this one is. */
static void
settle(Fixture *f)
{
    Watcher last;

    watch(f, &last, "SETTLE", NOCASE);
    /* Its number is that of the last registration, which is the count of all. */
    sendEvent(f, 99 + remotePeerCountCalls(f->peer, QEMU, REGISTER) +
                 remotePeerCountCalls(f->peer, REMOTE, REGISTER_ANY), "SETTLE");
    await(last.log, "SETTLE ");
    unwatch(&last);
}

/* --- what the daemon is asked --- */

static void
testShared(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *args = NULL;
    Watcher w[4];

    watch(f, &w[0], "STOP", 0);
    watch(f, &w[1], "STOP", 0);
    watch(f, &w[2], "STOP", NOCASE);
    watch(f, &w[3], NULL, 0);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, REGISTER), ==, 3);

    /* To those that share it, and to nobody else: the daemon has filtered. */
    sendEvent(f, 100, "STOP");
    sendEvent(f, 102, "anything");
    await(w[0].log, "STOP ");
    await(w[1].log, "STOP ");
    await(w[3].log, "anything ");
    g_assert_cmpstr(w[2].log->str, ==, "");

    unwatch(&w[0]);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, DEREGISTER), ==, 0);
    sendEvent(f, 100, "STOP");
    await(w[1].log, "STOP STOP ");
    unwatch(&w[1]);
    args = remotePeerWaitCalls(f->peer, QEMU, DEREGISTER, 1);
    g_assert_cmpstr(args, ==, "00000064");
    unwatch(&w[2]);
    unwatch(&w[3]);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, DEREGISTER), ==, 3);
}

static void
testArguments(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *wire = remotePeerDomain("g1");
    g_autofree char *expected = g_strdup_printf("00000001 %s 00000001 00000004 73742e2a 00000003",
                                                wire);
    g_autofree char *args = NULL;
    g_autofree char *all = NULL;
    virDomainPtr dom;
    Watcher w[2];

    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, wire);
    dom = virDomainLookupByName(f->conn, "g1");
    g_assert_nonnull(dom);
    g_assert_cmpint(tryWatch(f->conn, &w[0], dom, "st.*", REGEX | NOCASE), >=, 0);
    args = remotePeerWaitCalls(f->peer, QEMU, REGISTER, 1);
    g_assert_cmpmem(args, 8, expected, 8);
    {
        g_autoptr(GByteArray) have = rpcPeerBytes(args);
        g_autoptr(GByteArray) want = rpcPeerBytes(expected);

        g_assert_cmpmem(have->data, have->len, want->data, want->len);
    }
    g_assert_cmpint(tryWatch(f->conn, &w[1], NULL, NULL, 0), >=, 0);
    all = remotePeerWaitCalls(f->peer, QEMU, REGISTER, 2);
    g_assert_cmpstr(all, ==, "00000000 00000000 00000000");
    unwatch(&w[0]);
    unwatch(&w[1]);
    virDomainFree(dom);
}

static guint64 lastNumber, lastLost;

static void
onNumbers(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED, const char *event,
          long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED,
          const char *details G_GNUC_UNUSED, void *opaque)
{
    GString *log = opaque;

    lastNumber = virObjectEventCurrent()->number;
    lastLost = virObjectEventCurrent()->lost;
    g_string_append_printf(log, "%s ", event);
}

/* A notice of the daemon's stands for the events that it tells of, should it be dropped itself. What
 * is no number stands for one. */
static void
testNotices(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const struct {
        const char *details;
        guint64 lost;
    } notices[] = {
        { "{\"count\":41,\"stream\":\"x\"}", 41 },
        { "{\"count\":-1}", 0 },
        { "{\"count\":\"many\"}", 0 },
        { "{\"count\":99999999999999}", G_MAXUINT32 },
        { "nonsense", 0 },
    };
    g_autofree char *dom = remotePeerDomain("g1");
    g_autofree char *name = remotePeerText(VIR_DOMAIN_MONITOR_EVENT_LOST);
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autoptr(GString) log = g_string_new(NULL);
    guint64 before = 0;
    size_t i;
    int id;

    id = virConnectDomainQemuMonitorEventRegister(f->conn, NULL, NULL, onNumbers, log, NULL, 0);
    g_assert_cmpint(id, >=, 0);
    for (i = 0; i < G_N_ELEMENTS(notices); i++) {
        g_autofree char *details = remotePeerText(notices[i].details);
        g_autofree char *payload =
            g_strdup_printf("%08x %s %s 00000000 00000005 00000006 00000001 %s", 100, dom, name,
                            details);

        remotePeerSend(f->peer, QEMU, EVENT, payload);
        g_string_append(expected, VIR_DOMAIN_MONITOR_EVENT_LOST " ");
        await(log, expected->str);
        g_assert_cmpuint(lastLost, ==, notices[i].lost);
        g_assert_cmpuint(lastNumber, ==, before + MAX(notices[i].lost, 1));
        before = lastNumber;
    }
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->conn, id), ==, 0);
}

/* libvirtd takes no registration for all events next to another one. */
static void
testNullFallsBack(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *args = NULL;
    Watcher w;

    remotePeerRefuseOnce(f->peer, QEMU, REGISTER, VIR_ERR_INVALID_ARG, VIR_FROM_NONE, "tracked");
    watch(f, &w, NULL, 0);
    g_assert_null(virGetLastError());
    args = remotePeerWaitCalls(f->peer, QEMU, REGISTER, 2);
    g_assert_cmpstr(args, ==, "00000000 00000001 00000000 00000001");
    sendEvent(f, 100, "X");
    await(w.log, "X ");
    unwatch(&w);
}

static void
testGlobFallsBack(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *text = remotePeerText("(?s)\\Aa.*\\z");
    g_autofree char *expected = g_strdup_printf("00000000 00000001 %s 00000003", text);
    g_autofree char *args = NULL;
    g_autoptr(GByteArray) have = NULL;
    g_autoptr(GByteArray) want = rpcPeerBytes(expected);
    Watcher w;

    remotePeerRefuseOnce(f->peer, QEMU, REGISTER, VIR_ERR_INVALID_ARG, VIR_FROM_NONE, "flags");
    watch(f, &w, "a*", GLOB | NOCASE);
    args = remotePeerWaitCalls(f->peer, QEMU, REGISTER, 2);
    have = rpcPeerBytes(args);
    g_assert_cmpmem(have->data, have->len, want->data, want->len);
    sendEvent(f, 100, "ABC");
    await(w.log, "ABC ");
    unwatch(&w);
}

static void
testRefused(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w;

    /* Whoever fails owns what it gave, and may try again. */
    remotePeerRefuse(f->peer, QEMU, REGISTER, VIR_ERR_INVALID_ARG, VIR_FROM_NONE, "the first");
    g_assert_cmpint(tryWatch(f->conn, &w, NULL, NULL, 0), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "the first");
    g_assert_cmpint(atomic_load(&w.freed), ==, 0);
    forget(&w);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, REGISTER), ==, 2);

    /* What isn't a matter of the filter isn't asked in another way. */
    remotePeerRefuse(f->peer, QEMU, REGISTER, VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, "no");
    g_assert_cmpint(tryWatch(f->conn, &w, NULL, NULL, 0), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_ACCESS_DENIED);
    forget(&w);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, REGISTER), ==, 3);

    /* Nobody is asked what makes no sense here. */
    g_assert_cmpint(tryWatch(f->conn, &w, NULL, "(", REGEX), ==, -1);
    forget(&w);
    g_assert_cmpint(tryWatch(f->conn, &w, NULL, "x", REGEX | GLOB), ==, -1);
    forget(&w);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, REGISTER), ==, 3);

    remotePeerAnswer(f->peer, QEMU, REGISTER, "0001");
    g_assert_cmpint(tryWatch(f->conn, &w, NULL, "short", 0), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    forget(&w);

    remotePeerLetGo(f->peer, QEMU, REGISTER);
    watch(f, &w, NULL, 0);
    unwatch(&w);
}

/* --- domain events --- */

static int
watchLifecycle(Fixture *f, Watcher *watcher, virDomainPtr dom)
{
    *watcher = (Watcher) { .conn = f->conn, .log = g_string_new(NULL) };
    watcher->id = virConnectDomainEventRegisterAny(f->conn, dom, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                   VIR_DOMAIN_EVENT_CALLBACK(onLifecycle),
                                                   watcher, onFree);
    return watcher->id;
}

static void
testLifecycle(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *dom = remotePeerDomain("g1");
    g_autofree char *mine = g_strdup_printf("00000064 %s 00000003 00000000", dom);
    g_autofree char *other = g_strdup_printf("00000065 %s 00000004 00000000", dom);
    g_autofree char *args = NULL;
    Watcher w = { .conn = f->conn, .log = g_string_new(NULL) };
    Watcher any;

    /* The old call and the one for any event are served by one registration at the daemon. */
    g_assert_cmpint(virConnectDomainEventRegister(f->conn, onLifecycle, &w, onFree), ==, 0);
    g_assert_cmpint(watchLifecycle(f, &any, NULL), >=, 0);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, REGISTER_ANY), ==, 1);
    args = remotePeerWaitCalls(f->peer, REMOTE, REGISTER_ANY, 1);
    g_assert_cmpstr(args, ==, "00000000 00000000");

    remotePeerSend(f->peer, REMOTE, LIFECYCLE, other);      /* nobody's */
    remotePeerSend(f->peer, REMOTE, LIFECYCLE, mine);
    await(w.log, "3/0@g1 ");
    await(any.log, "3/0@g1 ");

    g_assert_cmpint(virConnectDomainEventDeregister(f->conn, onLifecycle), ==, 0);
    g_assert_cmpint(w.freed, ==, 1);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, DEREGISTER_ANY), ==, 0);
    g_assert_cmpint(virConnectDomainEventDeregister(f->conn, onLifecycle), ==, -1);
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->conn, any.id), ==, 0);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, DEREGISTER_ANY), ==, 1);
    forget(&w);
    forget(&any);
}

/* Such a server numbers nothing and filters nothing. */
static void
testOldServer(void)
{
    g_autofree char *wire = remotePeerDomain("g1");
    g_autofree char *one = g_strdup_printf("%s 00000003 00000000", wire);
    const char *two = "00000002 67320000 22222222222222222222222222222222 00000002 "
                      "00000004 00000001";
    Fixture f;
    virDomainPtr dom;
    Watcher all;
    Watcher mine;

    f.peer = remotePeerNew();
    remotePeerAnswer(f.peer, REMOTE, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, "00000000");
    remotePeerAnswer(f.peer, REMOTE, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, wire);
    f.conn = virConnectOpen(remotePeerURI(f.peer, ""));
    g_assert_nonnull(f.conn);
    dom = virDomainLookupByName(f.conn, "g1");

    g_assert_cmpint(watchLifecycle(&f, &mine, dom), >=, 0);
    g_assert_cmpint(watchLifecycle(&f, &all, NULL), >=, 0);
    g_assert_cmpuint(remotePeerCountCalls(f.peer, REMOTE,
                                          REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER_ANY), ==, 1);
    remotePeerSend(f.peer, REMOTE, REMOTE_PROC_DOMAIN_EVENT_LIFECYCLE, two);
    remotePeerSend(f.peer, REMOTE, REMOTE_PROC_DOMAIN_EVENT_LIFECYCLE, one);
    await(all.log, "4/1@g2 3/0@g1 ");
    await(mine.log, "3/0@g1 ");
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f.conn, mine.id), ==, 0);
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f.conn, all.id), ==, 0);
    g_assert_cmpuint(remotePeerCountCalls(f.peer, REMOTE,
                                          REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER_ANY),
                     ==, 1);
    g_assert_cmpint(virConnectSetKeepAlive(f.conn, 5, 5), ==, 1);
    forget(&all);
    forget(&mine);
    virDomainFree(dom);
    tearDown(&f, NULL);
}

/* --- what a daemon may say --- */

static void
testNonsense(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const payloads[] = {
        "", "00000064", "00000064 ffffffff", "00000064 00000002 67310000",
        "00000064 00000000 11111111111111111111111111111111 00000001 00400001",
        "00000064 00000000 11111111111111111111111111111111 00000001 00000000 00000000 00000005",
        /* the length of its details is a lie */
        ("00000064 00000000 11111111111111111111111111111111 00000001 00000000 00000000 00000005 "
         "00000006 00000001 7fffffff"),
    };
    g_autofree char *dom = remotePeerDomain("g1");
    g_autofree char *lifecycle = g_strdup_printf("00000064 %s 00000003 00000000", dom);
    g_autofree char *big = NULL;
    GString *name = g_string_new(NULL);
    Watcher w;
    Watcher any;
    size_t i;

    watch(f, &w, "STOP", 0);                                        /* 100 */
    g_assert_cmpint(watchLifecycle(f, &any, NULL), >=, 0);          /* 101 */
    for (i = 0; i < G_N_ELEMENTS(payloads); i++) {
        remotePeerSend(f->peer, QEMU, EVENT, payloads[i]);
        remotePeerSend(f->peer, REMOTE, LIFECYCLE, payloads[i]);
        remotePeerSend(f->peer, REMOTE, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_REBOOT, payloads[i]);
        remotePeerSend(f->peer, REMOTE, REMOTE_PROC_DOMAIN_EVENT_LIFECYCLE, payloads[i]);
        remotePeerSend(f->peer, REMOTE, 12345, payloads[i]);
        remotePeerSend(f->peer, QEMU, -1, payloads[i]);
    }
    /* The number of a registration of the other kind, and none's. */
    remotePeerSend(f->peer, REMOTE, LIFECYCLE, lifecycle);
    sendEvent(f, 101, "STOP");
    sendEvent(f, 4711, "STOP");
    sendEvent(f, (unsigned int)-1, "STOP");
    /* Very long names of many domains. */
    for (i = 0; i < 40; i++) {
        g_autofree char *more = NULL;

        g_string_printf(name, "00000064 00100000 ");
        while (name->len < 18 + 2 * 0x100000)
            g_string_append(name, "41414141414141414141414141414141414141414141414141414141");
        g_string_truncate(name, 18 + 2 * 0x100000);
        more = g_strdup_printf("%s %032zx 00000001 00000001 58000000 00000000 00000000 "
                               "00000000 00000000", name->str, i + 1);
        remotePeerSend(f->peer, QEMU, EVENT, more);
    }
    sendEvent(f, 100, "STOP");
    big = g_strnfill(2 * 40, ' ');
    for (i = 0; i < 40; i++)
        memcpy(big + 2 * i, "X ", 2);
    {
        g_autofree char *expected = g_strconcat(big, "STOP ", NULL);

        await(w.log, expected);
    }
    g_assert_cmpstr(any.log->str, ==, "");
    g_assert_true(virConnectIsAlive(f->conn));
    unwatch(&w);
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->conn, any.id), ==, 0);
    forget(&any);
    g_string_free(name, TRUE);
}

/* The same domain under other names and IDs, in turn. */
static void
testRenamed(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const names[] = { "a", "bb", "a", "a" };
    Watcher w;
    size_t i;

    g_assert_cmpint(watchLifecycle(f, &w, NULL), >=, 0);
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *dom = remotePeerDomain(names[i]);
        g_autofree char *payload = g_strdup_printf("00000064 %s 00000005 %08zx", dom, i);

        remotePeerSend(f->peer, REMOTE, LIFECYCLE, payload);
    }
    await(w.log, "5/0@a 5/1@bb 5/2@a 5/3@a ");
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->conn, w.id), ==, 0);
    forget(&w);
}

/* A daemon that refuses to stop is left alone: what it goes on sending reaches nobody. */
static void
testStopRefused(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w;
    Watcher again;

    remotePeerRefuse(f->peer, QEMU, DEREGISTER, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "no");
    watch(f, &w, "STOP", 0);
    unwatch(&w);
    g_assert_null(virGetLastError());
    watch(f, &again, "STOP", 0);
    sendEvent(f, 100, "STOP");
    settle(f);
    g_assert_cmpstr(again.log->str, ==, "");
    sendEvent(f, 101, "STOP");
    await(again.log, "STOP ");
    unwatch(&again);
}

/* --- inside callbacks, and at the end --- */

static Watcher inner;

static void
registerInside(Watcher *watcher)
{
    watcher->inCallback = NULL;
    g_assert_cmpint(tryWatch(watcher->conn, &inner, NULL, "INNER", 0), >=, 0);
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(watcher->conn, watcher->id), ==, 0);
    /* It runs, so what it works on is there. */
    g_assert_cmpint(atomic_load(&watcher->freed), ==, 0);
}

static void
testInsideCallback(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w;

    watch(f, &w, "STOP", 0);
    w.inCallback = registerInside;
    sendEvent(f, 100, "STOP");
    sendEvent(f, 100, "STOP");
    while (atomic_load(&w.freed) == 0)
        testLoopWait();
    sendEvent(f, 101, "INNER");
    await(inner.log, "INNER ");
    g_assert_cmpstr(w.log->str, ==, "STOP ");
    unwatch(&inner);
    forget(&w);
}

static void
closeInside(Watcher *watcher)
{
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(watcher->conn, watcher->id), ==, 0);
    g_assert_cmpint(virConnectClose(watcher->conn), ==, 1);
}

static void
testCloseInsideCallback(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w;

    watch(f, &w, "STOP", 0);
    w.inCallback = closeInside;
    f->conn = NULL;
    sendEvent(f, 100, "STOP");
    while (atomic_load(&w.freed) == 0)
        testLoopWait();
    g_free(remotePeerWaitCalls(f->peer, REMOTE, REMOTE_PROC_CONNECT_CLOSE, 1));
    testLoopDrain();
    forget(&w);
}

/* A registration keeps the connection, which ends with it. */
static void
testDeregisterAfterClose(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *args = NULL;
    g_autofree char *none = NULL;
    Watcher w;

    watch(f, &w, "STOP", 0);
    g_assert_cmpint(virConnectClose(f->conn), ==, 1);
    f->conn = NULL;
    sendEvent(f, 100, "STOP");
    await(w.log, "STOP ");
    unwatch(&w);
    args = remotePeerWaitCalls(f->peer, QEMU, DEREGISTER, 1);
    none = remotePeerWaitCalls(f->peer, REMOTE, REMOTE_PROC_CONNECT_CLOSE, 1);
}

static void
testLifecycleAfterClose(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *args = NULL;
    Watcher w;

    g_assert_cmpint(watchLifecycle(f, &w, NULL), >=, 0);
    g_assert_cmpint(virConnectClose(f->conn), ==, 1);
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->conn, w.id), ==, 0);
    f->conn = NULL;
    args = remotePeerWaitCalls(f->peer, REMOTE, DEREGISTER_ANY, 1);
    forget(&w);
}

static void
testServerGone(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned long version;
    Watcher w;
    Watcher late;

    watch(f, &w, "STOP", 0);
    sendEvent(f, 100, "STOP");
    remotePeerHangUp(f->peer);
    await(w.log, "STOP ");      /* what came before the end is delivered */
    while (virConnectGetLibVersion(f->conn, &version) == 0)
        ;                       /* the first call that doesn't succeed has met the end */
    g_assert_false(virConnectIsAlive(f->conn));
    g_assert_cmpint(tryWatch(f->conn, &late, NULL, "STOP", NOCASE), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpint(atomic_load(&late.freed), ==, 0);
    forget(&late);
    unwatch(&w);
    g_assert_cmpuint(testLoopHandles(), ==, 0);
}

/* --- threads --- */

typedef struct {
    Fixture *f;
    pthread_t thread;
    Watcher w;
    unsigned int seed;
    int rc;
} Worker;

static void *
watchInThread(void *opaque)
{
    Worker *worker = opaque;

    worker->rc = tryWatch(worker->f->conn, &worker->w, NULL, "SAME", 0);
    return NULL;
}

static void
startWatch(Fixture *f, Worker *worker)
{
    worker->f = f;
    g_assert_cmpint(pthread_create(&worker->thread, NULL, watchInThread, worker), ==, 0);
}

/* While the daemon is being asked, others who want the same wait for its answer. */
static void
testAskedOnce(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Worker workers[4];
    size_t i;

    remotePeerHold(f->peer, QEMU, REGISTER);
    for (i = 0; i < G_N_ELEMENTS(workers); i++)
        startWatch(f, &workers[i]);
    g_free(remotePeerWaitCalls(f->peer, QEMU, REGISTER, 1));
    remotePeerLetGo(f->peer, QEMU, REGISTER);
    sendEvent(f, 100, "SAME");
    for (i = 0; i < G_N_ELEMENTS(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        g_assert_cmpint(workers[i].rc, >=, 0);
    }
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, REGISTER), ==, 1);
    for (i = 0; i < G_N_ELEMENTS(workers); i++)
        unwatch(&workers[i].w);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, DEREGISTER), ==, 1);
}

/* If it says no, the next one asks for itself. */
static void
testAskedAgain(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Worker workers[2];
    size_t failed = 0;
    size_t i;

    remotePeerHold(f->peer, QEMU, REGISTER);
    for (i = 0; i < G_N_ELEMENTS(workers); i++)
        startWatch(f, &workers[i]);
    g_free(remotePeerWaitCalls(f->peer, QEMU, REGISTER, 1));
    remotePeerRefuseOnce(f->peer, QEMU, REGISTER, VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, "no");
    for (i = 0; i < G_N_ELEMENTS(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].rc < 0) {
            failed++;
            forget(&workers[i].w);
        } else {
            unwatch(&workers[i].w);
        }
    }
    g_assert_cmpuint(failed, ==, 1);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, REGISTER), ==, 2);
}

/* What follows the answer is for the registration, however late its thread wakes up. */
static void
testNothingIsMissed(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Worker worker;

    remotePeerHold(f->peer, QEMU, REGISTER);
    startWatch(f, &worker);
    g_free(remotePeerWaitCalls(f->peer, QEMU, REGISTER, 1));
    sendEvent(f, 100, "EARLY");
    remotePeerLetGo(f->peer, QEMU, REGISTER);
    sendEvent(f, 100, "NEXT");
    pthread_join(worker.thread, NULL);
    g_assert_cmpint(worker.rc, >=, 0);
    await(worker.w.log, "NEXT ");
    unwatch(&worker.w);
}

static void *
watchLifecycleInThread(void *opaque)
{
    Worker *worker = opaque;

    worker->w = (Watcher) { .conn = worker->f->conn, .log = g_string_new(NULL) };
    worker->rc = virConnectDomainEventRegister(worker->f->conn, onLifecycle, &worker->w, onFree);
    return NULL;
}

/* Found by its function, it may be deregistered before its registration is over. */
static void
testDeregisteredEarly(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Worker worker = { .f = f };

    remotePeerHold(f->peer, REMOTE, REGISTER_ANY);
    g_assert_cmpint(pthread_create(&worker.thread, NULL, watchLifecycleInThread, &worker), ==, 0);
    g_free(remotePeerWaitCalls(f->peer, REMOTE, REGISTER_ANY, 1));
    g_assert_cmpint(virConnectDomainEventDeregister(f->conn, onLifecycle), ==, 0);
    g_assert_cmpint(atomic_load(&worker.w.freed), ==, 1);
    remotePeerLetGo(f->peer, REMOTE, REGISTER_ANY);
    pthread_join(worker.thread, NULL);
    g_assert_cmpint(worker.rc, ==, 0);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, DEREGISTER_ANY), ==, 1);
    forget(&worker.w);
}

#define ROUNDS 200
#define FLOOD 3000

static atomic_size_t running;

/* In another thread than the loop's, where it may be at work at this moment. */
static void
unwatchInThread(Watcher *watcher)
{
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;

    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(watcher->conn, watcher->id), ==, 0);
    virMutexLock(&freedLock);
    while (atomic_load(&watcher->freed) == 0)
        g_assert_true(virCondWaitUntil(&freedCond, &freedLock, deadline));
    virMutexUnlock(&freedLock);
    forget(watcher);
}

static void *
comeAndGo(void *opaque)
{
    Worker *worker = opaque;
    GRand *rand = g_rand_new_with_seed(worker->seed);
    Watcher watchers[4];
    size_t count = 0;
    size_t i;

    for (i = 0; i < ROUNDS; i++) {
        static const char *const names[] = { "A", "B", "C", NULL };

        if (count < G_N_ELEMENTS(watchers) && g_rand_boolean(rand)) {
            if (tryWatch(worker->f->conn, &watchers[count], NULL,
                         names[g_rand_int_range(rand, 0, 4)], i % 2 ? NOCASE : 0) >= 0)
                count++;
            else
                forget(&watchers[count]);
        } else if (count > 0) {
            unwatchInThread(&watchers[--count]);
        }
    }
    while (count > 0)
        unwatchInThread(&watchers[--count]);
    g_rand_free(rand);
    atomic_fetch_sub(&running, 1);
    testLoopWake();
    return NULL;
}

static void
runWorkers(Fixture *f, bool dies)
{
    Worker workers[6];
    size_t i;

    atomic_store(&running, G_N_ELEMENTS(workers));
    for (i = 0; i < G_N_ELEMENTS(workers); i++) {
        workers[i] = (Worker) { .f = f, .seed = i };
        g_assert_cmpint(pthread_create(&workers[i].thread, NULL, comeAndGo, &workers[i]), ==, 0);
    }
    if (dies) {
        g_free(remotePeerWaitCalls(f->peer, QEMU, REGISTER, 50));
        remotePeerHangUp(f->peer);
    }
    for (i = 0; atomic_load(&running) > 0; i++) {
        if (dies || i >= FLOOD) {
            testLoopWait();
        } else {
            sendEvent(f, 100 + i % 300, "FLOOD");
            testLoopRun();
        }
    }
    for (i = 0; i < G_N_ELEMENTS(workers); i++)
        pthread_join(workers[i].thread, NULL);
    testLoopDrain();
}

/* Each registration at the daemon ends, and none is made twice. */
static void
testThreads(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t registered;

    runWorkers(f, false);
    registered = remotePeerCountCalls(f->peer, QEMU, REGISTER);
    g_assert_cmpuint(registered, >, 0);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU, DEREGISTER), ==, registered);
    g_assert_true(virConnectIsAlive(f->conn));
}

static void
testThreadsAtTheEnd(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    runWorkers(f, true);
    g_assert_false(virConnectIsAlive(f->conn));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "shared", testShared },
        { "arguments", testArguments },
        { "notices", testNotices },
        { "null-falls-back", testNullFallsBack },
        { "glob-falls-back", testGlobFallsBack },
        { "refused", testRefused },
        { "lifecycle", testLifecycle },
        { "nonsense", testNonsense },
        { "renamed", testRenamed },
        { "stop-refused", testStopRefused },
        { "inside-callback", testInsideCallback },
        { "close-inside-callback", testCloseInsideCallback },
        { "deregister-after-close", testDeregisterAfterClose },
        { "lifecycle-after-close", testLifecycleAfterClose },
        { "server-gone", testServerGone },
        { "asked-once", testAskedOnce },
        { "asked-again", testAskedAgain },
        { "nothing-is-missed", testNothingIsMissed },
        { "deregistered-early", testDeregisteredEarly },
        { "threads", testThreads },
        { "threads-at-the-end", testThreadsAtTheEnd },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    virCondInit(&freedCond);
    testLoopRegister();
    virSetErrorFunc(NULL, silent);
    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/remote/event/", tests[i].name, NULL);

        g_test_add(path, Fixture, NULL, setUp, tests[i].func, tearDown);
    }
    g_test_add_func("/remote/event/old-server", testOldServer);
    return testRunCountingFds();
}
