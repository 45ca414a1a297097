/*
 * qemuidentifytest.c: what a QEMU says of itself, and what is made of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_identify.h"

#include <string.h>

#include "qemu_monitor_priv.h"
#include "qmppeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virthread.h"
#include "viruuid.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

typedef struct {
    virIOLoop *io;
    const char *path;
    qemuMonitor *mon;
    qemuIdentify *identify;
    bool cancel;                /* as soon as it was asked */
    virMutex lock;              /* guards all below */
    virCond cond;
    bool asked, told, closed;
    qemuIdentity *identity;
    char *error;
} Fixture;

#define WAIT(f, condition) \
    do { \
        gint64 deadline_ = g_get_monotonic_time() + DEADLINE; \
        virMutexLock(&(f)->lock); \
        while (!(condition)) \
            g_assert_true(virCondWaitUntil(&(f)->cond, &(f)->lock, deadline_)); \
        virMutexUnlock(&(f)->lock); \
    } while (0)

static void
onIdentity(qemuIdentity *identity, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    g_assert_false(f->told);
    f->told = true;
    f->identity = identity;
    f->error = g_strdup(identity ? NULL : virErrorLastMessage());
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onReady(qemuMonitor *mon, void *opaque)
{
    Fixture *f = opaque;

    f->identify = qemuIdentifyStart(mon, onIdentity, f);
    g_assert_nonnull(f->identify);
    g_assert_false(f->told);            /* never from within the call */
    if (f->cancel)
        qemuIdentifyCancel(f->identify);
    virMutexLock(&f->lock);
    f->asked = true;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onEvent(qemuMonitor *mon G_GNUC_UNUSED, const qemuMonitorLine *line G_GNUC_UNUSED,
        void *opaque G_GNUC_UNUSED)
{
}

static void
onOther(qemuMonitor *mon G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
}

static void
onClosed(qemuMonitor *mon G_GNUC_UNUSED, const char *reason G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->closed = true;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static const qemuMonitorCallbacks callbacks = { onReady, onEvent, onOther, onOther, onClosed };

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
setUp(Fixture *f, qmpPeer *peer)
{
    memset(f, 0, sizeof(*f));
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
    f->path = qmpPeerPath(peer);
    f->io = virIOLoopNew("test");
}

static void
start(Fixture *f)
{
    virIOLoopInvokeWait(f->io, openInThread, f);
    g_assert_nonnull(f->mon);
}

static void
tearDown(Fixture *f)
{
    virIOLoopInvokeWait(f->io, closeInThread, f);
    qemuMonitorUnref(f->mon);
    virIOLoopFree(f->io);
    qemuIdentityFree(f->identity);
    g_free(f->error);
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
}

/* Pairs of a command and what "return" is; any other is an error. */
static char *
answerFrom(const char *line, void *opaque)
{
    const char *const *pairs = opaque;

    if (strstr(line, "qmp_capabilities"))
        return qmpPeerAnswerAll(line, NULL);
    for (; *pairs; pairs += 2) {
        g_autofree char *quoted = g_strdup_printf("\"%s\"", pairs[0]);

        if (strstr(line, quoted))
            return qmpPeerReply(line, pairs[1]);
    }
    return g_strdup("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\r\n");
}

static void
testAll(void)
{
    static const char *const answers[] = {
        "query-name", "{\"name\": \"w\\u00e9b\"}",
        "query-uuid", "{\"UUID\": \"11111111-2222-4333-8444-555555555555\"}",
        "query-version", "{\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"\"}",
        "query-target", "{\"arch\": \"x86_64\"}",
        "query-kvm", "{\"enabled\": true, \"present\": true}",
        "query-status", "{\"status\": \"paused\", \"running\": false}",
        NULL,
    };
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerFrom, (void *)answers);
    char text[VIR_UUID_STRING_BUFLEN];
    Fixture f;

    setUp(&f, peer);
    start(&f);
    WAIT(&f, f.told);
    g_assert_nonnull(f.identity);
    g_assert_cmpstr(f.identity->name, ==, "w\xc3\xa9" "b");
    g_assert_true(f.identity->hasUUID);
    g_assert_cmpstr(virUUIDFormat(f.identity->uuid, text), ==,
                    "11111111-2222-4333-8444-555555555555");
    g_assert_cmpuint(f.identity->version, ==, 7002022);
    g_assert_cmpstr(f.identity->target, ==, "x86_64");
    g_assert_true(f.identity->kvm);
    g_assert_cmpstr(f.identity->status, ==, "paused");
    tearDown(&f);
}

/* Errors, other types and nonsense leave a member empty, and nothing else. */
static void
testLittle(void)
{
    static const char *const nonsense[] = {
        "query-name", "{\"name\": \"a/b\"}",
        "query-uuid", "{\"UUID\": \"00000000-0000-0000-0000-000000000000\"}",
        "query-version", "{\"qemu\": {\"micro\": 0, \"minor\": 5000, \"major\": -1}}",
        "query-target", "{\"arch\": 5}",
        "query-kvm", "[]",
        "query-status", "\"running\"",
        NULL,
    };
    static const char *const none[] = { NULL };
    const char *const *const all[] = { nonsense, none };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerFrom, (void *)all[i]);
        Fixture f;

        setUp(&f, peer);
        start(&f);
        WAIT(&f, f.told);
        g_assert_nonnull(f.identity);
        g_assert_null(f.identity->name);
        g_assert_false(f.identity->hasUUID);
        g_assert_cmpuint(f.identity->version, ==, 0);
        g_assert_null(f.identity->target);
        g_assert_false(f.identity->kvm);
        g_assert_null(f.identity->status);
        tearDown(&f);
    }
}

static char *
answerNothing(const char *line, void *opaque G_GNUC_UNUSED)
{
    return strstr(line, "qmp_capabilities") ? qmpPeerAnswerAll(line, NULL) : NULL;
}

static void
testConnectionEnds(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    Fixture f;

    setUp(&f, peer);
    start(&f);
    WAIT(&f, f.asked);
    qmpPeerHangUp(peer);
    WAIT(&f, f.told);
    g_assert_null(f.identity);
    g_assert_nonnull(strstr(f.error, "closed the connection"));
    tearDown(&f);
}

static void
testNoAnswer(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, answerNothing, NULL);
    Fixture f;

    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, 20);
    setUp(&f, peer);
    start(&f);
    WAIT(&f, f.told);
    g_assert_null(f.identity);
    g_assert_nonnull(strstr(f.error, "did not answer"));
    tearDown(&f);
    qemuMonitorSetTimeouts(QEMU_MONITOR_GREETING_TIMEOUT_MS, QEMU_MONITOR_COMMAND_TIMEOUT_MS);
}

static void
testCancel(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    Fixture f;

    setUp(&f, peer);
    f.cancel = true;
    start(&f);
    WAIT(&f, f.asked);
    qmpPeerHangUp(peer);
    WAIT(&f, f.closed);
    g_assert_false(f.told);
    tearDown(&f);
}

static void
testNames(void)
{
    g_autofree char *longest = g_strnfill(QEMU_IDENTIFY_NAME_MAX, 'x');
    g_autofree char *tooLong = g_strnfill(QEMU_IDENTIFY_NAME_MAX + 1, 'x');
    static const char *const good[] = { "a", "web 1", "-", "..", "\xc3\xa4", "a\\b" };
    static const char *const bad[] = { NULL, "", "/", "a/b", "a\nb", "\x1b[1m", "\xff", "\x7f",
                                       "\xc2\x9b" };
    static const struct {
        const char *path, *name;
    } paths[] = {
        { "/run/vm/web.qmp", "web" }, { "/run/vm/web", "web" }, { "/a.b.c", "a.b" },
        { "/run/.hidden", ".hidden" }, { "/x\ny.q", "x_y" }, { "/a\xff.q", "a\xef\xbf\xbd" },
        { "/", "_" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(qemuIdentifyNameIsValid(good[i]));
    for (i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(qemuIdentifyNameIsValid(bad[i]));
    g_assert_true(qemuIdentifyNameIsValid(longest));
    g_assert_false(qemuIdentifyNameIsValid(tooLong));

    for (i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *name = qemuIdentifyNameFromPath(paths[i].path);

        g_assert_cmpstr(name, ==, paths[i].name);
        g_assert_true(qemuIdentifyNameIsValid(name));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/identify/all", testAll);
    g_test_add_func("/qemu/identify/little", testLittle);
    g_test_add_func("/qemu/identify/connection-ends", testConnectionEnds);
    g_test_add_func("/qemu/identify/no-answer", testNoAnswer);
    g_test_add_func("/qemu/identify/cancel", testCancel);
    g_test_add_func("/qemu/identify/names", testNames);
    return testRunCountingFds();
}
