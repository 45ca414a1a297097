/*
 * qemuinstancetest.c: sockets become domains, and what of them is told
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_instance_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fakeqemu.h"
#include "qemu_domain.h"
#include "qemu_monitor_priv.h"
#include "qmpcrowd.h"
#include "qmppeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virlog.h"
#include "virthread.h"
#include "viruri.h"
#include "viruuid.h"

#define DEADLINE (20 * G_USEC_PER_SEC)
#define UUID "11111111-2222-4333-8444-555555555555"

typedef struct {
    char *dir;
    char *pattern;
    qemuInstance *instance;
    virConnectPtr conn;
    int monitorID, lifecycleID;
    GString *seen;              /* "NAME:EVENT " and "NAME:TYPE/DETAIL " */
    size_t count;               /* monitor events */
} Fixture;

static void
onMonitorEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *event,
               long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED,
               const char *details G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    f->count++;
    if (f->seen->len < 10000)
        g_string_append_printf(f->seen, "%s:%s ", virDomainGetName(dom), event);
}

static int
onLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int type, int detail, void *opaque)
{
    Fixture *f = opaque;

    if (f->seen->len < 10000)
        g_string_append_printf(f->seen, "%s:%d/%d ", virDomainGetName(dom), type, detail);
    return 0;
}

static qemuInstance *
openPattern(const char *pattern)
{
    g_autofree char *text = g_strdup_printf("qemu:///embed?monitor=%s", pattern);
    g_autoptr(virURI) uri = virURIParse(text);
    g_autoptr(qemuURI) config = NULL;

    g_assert_cmpint(qemuURIParse(uri, &config), ==, 1);
    return qemuInstanceOpen(config);
}

static char *
below(Fixture *f, const char *name)
{
    return g_build_filename(f->dir, name, NULL);
}

static void
setUp(Fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
    f->pattern = below(f, "*.qmp");
    f->seen = g_string_new(NULL);
}

static void
start(Fixture *f, const char *pattern)
{
    virObjectEventState *events;

    f->instance = openPattern(pattern);
    g_assert_nonnull(f->instance);
    events = qemuInstanceEvents(f->instance);
    f->conn = virGetConnect();
    f->monitorID = virDomainMonitorEventStateRegister(events, f->conn, NULL, NULL,
                                                      onMonitorEvent, f, NULL, 0);
    g_assert_cmpint(f->monitorID, >=, 0);
    f->lifecycleID = virDomainEventStateRegisterAny(events, f->conn, NULL,
                                                    VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                    VIR_DOMAIN_EVENT_CALLBACK(onLifecycle), f,
                                                    NULL);
    g_assert_cmpint(f->lifecycleID, >=, 0);
}

static void
stop(Fixture *f)
{
    virObjectEventState *events = qemuInstanceEvents(f->instance);

    g_assert_cmpint(virDomainMonitorEventStateDeregister(events, f->conn, f->monitorID), ==, 0);
    g_assert_cmpint(virDomainEventStateDeregisterAny(events, f->conn, f->lifecycleID), ==, 0);
    virConnectUnref(f->conn);
    testDrainEventLoop();
    qemuInstanceClose(f->instance);
}

static void
tearDown(Fixture *f)
{
    if (f->instance)
        stop(f);
    g_assert_cmpint(rmdir(f->dir), ==, 0);
    g_string_free(f->seen, TRUE);
    g_free(f->pattern);
    g_free(f->dir);
}

static void
onTick(int timer G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
}

/* Runs the loop until @condition; it may also change with no event, so that the loop wakes now
 * and then to look. */
#define RUN_UNTIL(condition) \
    do { \
        gint64 deadline_ = g_get_monotonic_time() + DEADLINE; \
        int timer_ = virEventAddTimeout(10, onTick, NULL, NULL); \
        while (!(condition)) { \
            g_assert_cmpint(g_get_monotonic_time(), <, deadline_); \
            g_assert_cmpint(virEventRunDefaultImpl(), ==, 0); \
        } \
        virEventRemoveTimeout(timer_); \
    } while (0)

static bool
isThere(Fixture *f, const char *name)
{
    g_autoptr(virDomainObj) dom = virDomainListFindByName(qemuInstanceDomains(f->instance), name);

    return dom != NULL;
}

static bool
isThereAs(Fixture *f, const char *name, int id)
{
    g_autoptr(virDomainObj) dom = virDomainListFindByID(qemuInstanceDomains(f->instance), id);

    return dom && strcmp(dom->ident->name, name) == 0;
}

static size_t
count(Fixture *f)
{
    return virDomainListCount(qemuInstanceDomains(f->instance));
}

static virDomainObj *
find(Fixture *f, const char *name)
{
    virDomainObj *dom = virDomainListFindByName(qemuInstanceDomains(f->instance), name);

    g_assert_nonnull(dom);
    return dom;
}

static qmpPeer *
peerAt(Fixture *f, const char *name, qmpPeerAnswer answer, void *opaque)
{
    g_autofree char *path = below(f, name);

    return qmpPeerNewAt(path, QMP_PEER_GREETING, answer, opaque);
}

/* Ends a peer, and with it its socket. */
static void
removePeer(qmpPeer *peer)
{
    g_assert_cmpint(unlink(qmpPeerPath(peer)), ==, 0);
    qmpPeerFree(peer);
}

static void
sendText(qmpPeer *peer, const char *text)
{
    qmpPeerSend(peer, text, strlen(text));
}

/* Says that its name is @opaque. */
static char *
answerNamed(const char *line, void *opaque)
{
    g_autofree char *body = g_strdup_printf("{\"name\": \"%s\"}", (const char *)opaque);

    if (strstr(line, "\"query-name\""))
        return qmpPeerReply(line, body);
    return qmpPeerAnswerAll(line, NULL);
}

static char *
answerUUID(const char *line, void *opaque)
{
    if (strstr(line, "\"query-uuid\""))
        return qmpPeerReply(line, "{\"UUID\": \"" UUID "\"}");
    return answerNamed(line, opaque);
}

/* --- opening --- */

static void
testOpen(void)
{
    g_autoptr(virDomainObj) dom = NULL;
    qmpPeer *one, *two;
    Fixture f;

    setUp(&f);
    one = peerAt(&f, "one.qmp", answerNamed, (void *)"first");
    start(&f, f.pattern);
    /* It is there when opening is over, and no news. */
    g_assert_cmpuint(count(&f), ==, 1);
    dom = find(&f, "first");
    g_assert_cmpint(dom->ident->id, ==, 1);
    g_assert_cmpint(virDomainObjGetState(dom, NULL), ==, VIR_DOMAIN_RUNNING);

    two = peerAt(&f, "two.qmp", answerNamed, (void *)"");
    RUN_UNTIL(isThere(&f, "two"));                  /* no name: that of the file */
    sendText(one, "{\"event\":\"A\"}\n");
    sendText(two, "{\"event\":\"STOP\"}\n");
    RUN_UNTIL(f.count == 2);
    removePeer(two);
    RUN_UNTIL(count(&f) == 1);
    RUN_UNTIL(strstr(f.seen->str, "two:5/"));
    g_assert_nonnull(strstr(f.seen->str, "two:2/0 "));
    g_assert_null(strstr(f.seen->str, "first:2/"));
    g_assert_nonnull(strstr(f.seen->str, "first:A "));
    g_assert_nonnull(strstr(f.seen->str, "two:STOP two:3/0 "));
    g_assert_nonnull(strstr(f.seen->str, "two:5/5 "));

    /* Letting go ends nothing. */
    stop(&f);
    f.instance = NULL;
    g_assert_null(strstr(f.seen->str, "first:5/"));
    removePeer(one);
    tearDown(&f);
}

static void
testShared(void)
{
    qemuInstance *other;
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = peerAt(&f, "a.qmp", NULL, NULL);
    start(&f, f.pattern);
    g_assert_true(openPattern(f.pattern) == f.instance);
    qemuInstanceClose(f.instance);
    /* Another one for other sockets; the only client of the QEMU is the first. */
    qemuMonitorSetTimeouts(10, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    other = openPattern(qmpPeerPath(peer));
    g_assert_nonnull(other);
    g_assert_true(other != f.instance);
    g_assert_cmpuint(virDomainListCount(qemuInstanceDomains(other)), ==, 0);
    qemuInstanceClose(other);
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    removePeer(peer);
    tearDown(&f);
}

static void
testOpenFails(void)
{
    g_autoptr(virURI) uri = virURIParse("qemu:///embed?root=/proc/nothing/there");
    g_autoptr(qemuURI) config = NULL;
    struct rlimit before, none;
    Fixture f;
    int fd;

    g_assert_cmpint(qemuURIParse(uri, &config), ==, 1);
    g_assert_null(qemuInstanceOpen(config));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "/proc/nothing/there"));

    /* No descriptors left, at each point of it. */
    setUp(&f);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    fd = dup(0);
    close(fd);
    for (none = before, none.rlim_cur = fd; ; none.rlim_cur++) {
        virResetLastError();
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
        f.instance = openPattern(f.pattern);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
        if (f.instance)
            break;
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    }
    g_assert_cmpuint(none.rlim_cur, >, (rlim_t)fd);
    qemuInstanceClose(f.instance);
    f.instance = NULL;
    tearDown(&f);
}

/* --- names, UUIDs, IDs --- */

static void
testNames(void)
{
    qmpPeer *peers[4];
    Fixture f;
    size_t i;

    setUp(&f);
    start(&f, f.pattern);
    for (i = 0; i < 4; i++) {
        g_autofree char *file = g_strdup_printf("%zu.qmp", i);

        peers[i] = peerAt(&f, file, answerNamed, (void *)"web");
        RUN_UNTIL(count(&f) == i + 1);
    }
    g_assert_true(isThere(&f, "web") && isThere(&f, "web-2") && isThere(&f, "web-3") &&
                  isThere(&f, "web-4"));
    /* The smallest free one is used again. */
    removePeer(peers[3]);
    removePeer(peers[1]);
    RUN_UNTIL(!isThere(&f, "web-2") && !isThere(&f, "web-4"));
    peers[1] = peerAt(&f, "1.qmp", answerNamed, (void *)"web");
    RUN_UNTIL(isThere(&f, "web-2"));
    peers[3] = peerAt(&f, "3.qmp", answerNamed, (void *)"web");
    RUN_UNTIL(isThere(&f, "web-4"));
    removePeer(peers[0]);
    RUN_UNTIL(!isThere(&f, "web"));
    peers[0] = peerAt(&f, "0.qmp", answerNamed, (void *)"web");
    RUN_UNTIL(isThere(&f, "web"));
    for (i = 0; i < 4; i++)
        removePeer(peers[i]);
    tearDown(&f);
}

/* One run of one QEMU has one UUID; IDs are never used again. */
static void
testReconnect(void)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    char stream[VIR_UUID_STRING_BUFLEN];
    virDomainObj *dom;
    qmpPeer *peer;
    Fixture f;
    int i;

    setUp(&f);
    peer = peerAt(&f, "a.qmp", NULL, NULL);
    start(&f, f.pattern);
    for (i = 1; i <= 3; i++) {
        RUN_UNTIL(isThereAs(&f, "peer", i));
        dom = find(&f, "peer");
        if (i > 1) {
            g_assert_cmpmem(dom->ident->uuid, VIR_UUID_BUFLEN, uuid, VIR_UUID_BUFLEN);
            g_assert_cmpstr(dom->ident->stream, !=, stream);
        }
        memcpy(uuid, dom->ident->uuid, VIR_UUID_BUFLEN);
        strcpy(stream, dom->ident->stream);
        virDomainObjUnref(dom);
        qmpPeerHangUp(peer);
    }
    removePeer(peer);
    tearDown(&f);
}

static void
testUUIDs(void)
{
    unsigned char own[VIR_UUID_BUFLEN];
    g_autofree char *path = NULL;
    g_autofree char *qmp = NULL;
    g_autoptr(virDomainObj) one = NULL;
    g_autoptr(virDomainObj) other = NULL;
    const char *env[] = { NULL, "FAKE_UUID=" UUID, NULL };
    fakeQemu *fake;
    qmpPeer *peer;
    Fixture f;

    g_assert_cmpint(virUUIDParse(UUID, own), ==, 0);
    setUp(&f);
    peer = peerAt(&f, "a.qmp", answerUUID, (void *)"a");
    start(&f, f.pattern);
    one = find(&f, "a");
    g_assert_cmpmem(one->ident->uuid, VIR_UUID_BUFLEN, own, VIR_UUID_BUFLEN);

    /* Another process that says it has the same one. */
    path = below(&f, "b.qmp");
    qmp = g_strdup_printf("FAKE_QMP=%s", path);
    env[0] = qmp;
    fake = fakeQemuStart(NULL, env, -1, "");
    g_assert_nonnull(fake);
    RUN_UNTIL(isThere(&f, "peer"));
    other = find(&f, "peer");
    g_assert_cmpint(memcmp(other->ident->uuid, own, VIR_UUID_BUFLEN), !=, 0);
    g_assert_cmpint(qemuDomainGet(other)->pid, ==, fakeQemuPid(fake));

    fakeQemuFree(fake);
    RUN_UNTIL(!isThere(&f, "peer"));
    unlink(path);
    removePeer(peer);
    tearDown(&f);
}

/* --- several ways to one QEMU --- */

static void
testSecondMonitor(void)
{
    qmpPeer *one, *two;
    Fixture f;

    setUp(&f);
    one = peerAt(&f, "1.qmp", answerUUID, (void *)"guest");
    start(&f, f.pattern);
    two = peerAt(&f, "2.qmp", answerUUID, (void *)"guest");
    qmpPeerWaitGone(two);       /* it was asked, and left alone */
    g_assert_cmpuint(count(&f), ==, 1);

    /* The first is closed while QEMU goes on: the second takes its place. */
    removePeer(one);
    RUN_UNTIL(strstr(f.seen->str, "guest:5/5 guest:2/0 "));
    RUN_UNTIL(count(&f) == 1);
    sendText(two, "{\"event\":\"HERE\"}\n");
    RUN_UNTIL(f.count == 1);
    removePeer(two);
    tearDown(&f);
}

/* A new QEMU takes over the path while the old one's connection is still there; the path may be
 * seen empty in between. */
static void
testReplaced(void)
{
    qmpPeer *old, *new, *other;
    Fixture f;
    int i;

    for (i = 0; i < 2; i++) {
        setUp(&f);
        old = peerAt(&f, "a.qmp", answerNamed, (void *)"old");
        start(&f, f.pattern);
        g_assert_cmpint(unlink(qmpPeerPath(old)), ==, 0);
        if (i == 1) {
            /* Changes are looked at in order: by then it has been seen to be gone. */
            other = peerAt(&f, "b.qmp", answerNamed, (void *)"other");
            RUN_UNTIL(isThere(&f, "other"));
            removePeer(other);
            RUN_UNTIL(!isThere(&f, "other"));
        }
        new = peerAt(&f, "a.qmp", answerNamed, (void *)"new");
        RUN_UNTIL(isThere(&f, "new"));
        g_assert_true(isThere(&f, "old"));
        sendText(old, "{\"event\":\"A\"}\n");
        RUN_UNTIL(strstr(f.seen->str, "old:A "));
        qmpPeerFree(old);
        RUN_UNTIL(!isThere(&f, "old"));
        sendText(new, "{\"event\":\"B\"}\n");
        RUN_UNTIL(strstr(f.seen->str, "new:B "));
        removePeer(new);
        RUN_UNTIL(count(&f) == 0);
        tearDown(&f);
    }
}

/* --- attaching by hand --- */

static void
testAttach(void)
{
    g_autofree char *missing = NULL;
    g_autofree char *message = NULL;
    virDomainObj *dom = NULL;
    virDomainObj *again = NULL;
    qmpPeer *peer, *silent;
    Fixture f;

    setUp(&f);
    missing = below(&f, "missing");
    peer = peerAt(&f, "unwatched", NULL, NULL);
    start(&f, f.pattern);
    g_assert_cmpint(qemuInstanceAttach(f.instance, qmpPeerPath(peer), getpid(), &dom, &message),
                    ==, QEMU_INSTANCE_ATTACH_OK);
    g_assert_cmpstr(dom->ident->name, ==, "peer");
    g_assert_cmpint(qemuInstanceAttach(f.instance, qmpPeerPath(peer), getpid(), &again, &message),
                    ==, QEMU_INSTANCE_ATTACH_OK);
    g_assert_true(again == dom);
    virDomainObjUnref(again);
    virDomainObjUnref(dom);
    /* It ends with its connection: nobody looks for it again. */
    qmpPeerHangUp(peer);
    RUN_UNTIL(count(&f) == 0);
    RUN_UNTIL(strstr(f.seen->str, "peer:2/0 peer:5/5 "));

    g_assert_cmpint(qemuInstanceAttach(f.instance, missing, getpid(), &dom, &message), ==,
                    QEMU_INSTANCE_ATTACH_FAILED);
    g_assert_nonnull(strstr(message, "missing"));
    g_clear_pointer(&message, g_free);

    qemuMonitorSetTimeouts(10, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    silent = qmpPeerNew(NULL, NULL, NULL);
    g_assert_cmpint(qemuInstanceAttach(f.instance, qmpPeerPath(silent), getpid(), &dom, &message),
                    ==, QEMU_INSTANCE_ATTACH_BUSY);
    g_assert_nonnull(message);
    qmpPeerWaitGone(silent);    /* and given up */
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
    qmpPeerFree(silent);
    removePeer(peer);
    tearDown(&f);
}

static void
testFindByPid(void)
{
    g_autofree char *path = NULL;
    g_autofree char *qmp = NULL;
    const char *env[] = { NULL, NULL };
    virDomainObj *dom;
    fakeQemu *fake;
    qmpPeer *peer;
    Fixture f;

    setUp(&f);
    peer = peerAt(&f, "a.qmp", answerNamed, (void *)"a");
    path = below(&f, "b.qmp");
    qmp = g_strdup_printf("FAKE_QMP=%s", path);
    env[0] = qmp;
    fake = fakeQemuStart(NULL, env, -1, "");
    start(&f, f.pattern);
    g_assert_cmpuint(count(&f), ==, 2);
    dom = qemuInstanceFindByPid(f.instance, fakeQemuPid(fake));
    g_assert_nonnull(dom);
    g_assert_cmpstr(dom->ident->name, ==, "peer");
    virDomainObjUnref(dom);
    /* This process plays a QEMU, but is none. */
    g_assert_null(qemuInstanceFindByPid(f.instance, getpid()));
    g_assert_null(qemuInstanceFindByPid(f.instance, 0));

    fakeQemuKill(fake);
    RUN_UNTIL(!isThere(&f, "peer"));
    g_assert_null(qemuInstanceFindByPid(f.instance, fakeQemuPid(fake)));
    fakeQemuFree(fake);
    unlink(path);
    removePeer(peer);
    tearDown(&f);
}

/* --- many --- */

static void
testThousand(void)
{
    const size_t many = 1000;
    size_t fds = testCountFds();
    size_t threads;
    qmpCrowd *crowd;
    Fixture f;

    setUp(&f);
    crowd = qmpCrowdNew(many, false);
    threads = testCountThreads();
    start(&f, qmpCrowdPattern(crowd));
    g_assert_cmpuint(count(&f), ==, many);
    g_assert_cmpuint(testCountThreads(), ==, threads + 1);
    /* Attached and calm: only what QEMU sends wakes the thread. */
    g_assert_cmpuint(qemuInstanceCountTimers(f.instance), ==, 0);

    qmpCrowdSend(crowd, "{\"event\":\"A\"}\r\n{\"event\":\"B\"}\r\n");
    RUN_UNTIL(f.count == 2 * many);
    qmpCrowdHangUp(crowd);
    RUN_UNTIL(count(&f) == 0);
    qmpCrowdFree(crowd);
    tearDown(&f);
    g_assert_cmpuint(testCountFds(), ==, fds);
}

static void
testThousandAlike(void)
{
    const size_t many = 1000;
    qmpCrowd *crowd;
    Fixture f;

    setUp(&f);
    g_assert_cmpint(virLogSetDefaultPriority(VIR_LOG_ERROR), ==, 0);     /* 999 warnings */
    crowd = qmpCrowdNew(many, true);
    start(&f, qmpCrowdPattern(crowd));
    g_assert_cmpuint(count(&f), ==, many);
    g_assert_true(isThere(&f, "guest") && isThere(&f, "guest-2") && isThere(&f, "guest-1000"));
    g_assert_false(isThere(&f, "guest-1001"));
    virLogSetDefaultPriority(VIR_LOG_WARN);
    qmpCrowdFree(crowd);
    tearDown(&f);
}

/* --- other patterns --- */

static int
setPatterns(Fixture *f, const char *pattern)
{
    g_autoptr(GPtrArray) patterns = g_ptr_array_new_with_free_func(g_free);

    if (pattern)
        g_ptr_array_add(patterns, *pattern == '/' ? g_strdup(pattern) : below(f, pattern));
    g_ptr_array_add(patterns, NULL);
    return qemuInstanceSetPatterns(f->instance, patterns);
}

/* What both patterns find goes on as it was; the rest goes, or comes. */
static void
testSetPatterns(void)
{
    qmpPeer *a, *b, *c;
    Fixture f;

    setUp(&f);
    a = peerAt(&f, "a.qmp", answerNamed, (char *)"a");
    b = peerAt(&f, "b.qmp", answerNamed, (char *)"b");
    c = peerAt(&f, "c.other", answerNamed, (char *)"c");
    start(&f, f.pattern);
    g_assert_cmpuint(count(&f), ==, 2);
    {
        g_autoptr(virDomainObj) dom = find(&f, "b");
        int id = dom->ident->id;

        g_assert_cmpint(setPatterns(&f, "[bc].*"), ==, 0);
        g_assert_false(isThere(&f, "a"));
        g_assert_true(isThereAs(&f, "b", id));
    }
    RUN_UNTIL(isThere(&f, "c"));
    sendText(b, "{\"event\":\"X\"}\r\n");
    RUN_UNTIL(strstr(f.seen->str, "b:X "));
    /* The domain is not known any more, its QEMU lives on. */
    g_assert_nonnull(strstr(f.seen->str, "a:1/0 "));
    g_assert_null(strstr(f.seen->str, "a:5/"));
    qmpPeerWaitGone(a);

    /* And back: it is the same guest under the same UUID, as if it had never been away. */
    g_assert_cmpint(setPatterns(&f, "a.*"), ==, 0);
    RUN_UNTIL(isThere(&f, "a"));
    g_assert_cmpuint(count(&f), ==, 1);
    g_assert_cmpint(setPatterns(&f, NULL), ==, 0);
    g_assert_cmpuint(count(&f), ==, 0);
    removePeer(a);
    removePeer(b);
    removePeer(c);
    tearDown(&f);
}

static void
testSetPatternsFails(void)
{
    g_autoptr(GPtrArray) relative = g_ptr_array_new();
    qmpPeer *a;
    Fixture f;

    setUp(&f);
    a = peerAt(&f, "a.qmp", answerNamed, (char *)"a");
    start(&f, f.pattern);
    g_ptr_array_add(relative, (char *)"a.qmp");
    g_ptr_array_add(relative, NULL);
    g_assert_cmpint(qemuInstanceSetPatterns(f.instance, relative), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    virResetLastError();
    g_assert_true(isThere(&f, "a"));
    sendText(a, "{\"event\":\"X\"}\r\n");
    RUN_UNTIL(strstr(f.seen->str, "a:X "));
    /* What comes now is still found, and a later change is none the worse for it. */
    g_assert_cmpint(setPatterns(&f, "*.qmp"), ==, 0);
    g_assert_true(isThere(&f, "a"));
    removePeer(a);
    tearDown(&f);
}

static void
testStopAll(void)
{
    qmpPeer *a, *b;
    Fixture f;

    setUp(&f);
    a = peerAt(&f, "a.qmp", answerNamed, (char *)"a");
    start(&f, f.pattern);
    g_assert_cmpuint(count(&f), ==, 1);
    qemuInstanceStopAll(f.instance);
    g_assert_cmpuint(count(&f), ==, 0);
    qmpPeerWaitGone(a);
    b = peerAt(&f, "b.qmp", answerNamed, (char *)"b");
    qemuInstanceStopAll(f.instance);            /* nothing is left to do */
    g_assert_cmpuint(count(&f), ==, 0);
    removePeer(a);
    removePeer(b);
    tearDown(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    testDrainEventLoop();       /* it has a descriptor of its own from now on */
    g_test_add_func("/qemu/instance/open", testOpen);
    g_test_add_func("/qemu/instance/shared", testShared);
    g_test_add_func("/qemu/instance/open-fails", testOpenFails);
    g_test_add_func("/qemu/instance/names", testNames);
    g_test_add_func("/qemu/instance/reconnect", testReconnect);
    g_test_add_func("/qemu/instance/uuids", testUUIDs);
    g_test_add_func("/qemu/instance/second-monitor", testSecondMonitor);
    g_test_add_func("/qemu/instance/replaced", testReplaced);
    g_test_add_func("/qemu/instance/attach", testAttach);
    g_test_add_func("/qemu/instance/find-by-pid", testFindByPid);
    g_test_add_func("/qemu/instance/set-patterns", testSetPatterns);
    g_test_add_func("/qemu/instance/set-patterns-fails", testSetPatternsFails);
    g_test_add_func("/qemu/instance/stop-all", testStopAll);
    g_test_add_func("/qemu/instance/thousand", testThousand);
    g_test_add_func("/qemu/instance/thousand-alike", testThousandAlike);
    return testRunCountingFds();
}
