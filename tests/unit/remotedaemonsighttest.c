/*
 * remotedaemonsighttest.c: whose events a client may see, by one who decides that is played here
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_sight.h"

#include <stdlib.h>
#include <string.h>

#include "virerror_priv.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_NONE
#define DEADLINE_US (60 * G_TIME_SPAN_SECOND)

/* --- who decides --- */

static virMutex lock = VIR_MUTEX_INITIALIZER;   /* guards what follows */
static virCond moved;
static size_t asked;            /* questions */
static size_t lastAsked;        /* which question it was that was about domain 99 */
static size_t answered;         /* calls of a view's function */
static bool closed;             /* no question is answered until it is opened */
static int verdict;             /* what is said about every domain but "never" */
static bool mayWatch;

int
virAccessManagerCheck(virAccessManager *manager G_GNUC_UNUSED, const virAccessQuestion *question)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&lock);

    asked++;
    if (question->domainUUID[1] == 99)
        lastAsked = asked;
    virCondBroadcast(&moved);
    g_assert_cmpstr(question->connectDriver, ==, "QEMU");
    while (closed)
        virCondWait(&moved, &lock);
    if (verdict < 0)
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "nobody is there");
    if (strcmp(question->domainName, "never") == 0)
        return 0;
    return question->perm == VIR_ACCESS_PERM_DOMAIN_WATCH_EVENTS ? mayWatch : verdict;
}

static void
setDoor(bool isClosed)
{
    virMutexLock(&lock);
    closed = isClosed;
    virCondBroadcast(&moved);
    virMutexUnlock(&lock);
}

static void
setVerdict(int said)
{
    virMutexLock(&lock);
    verdict = said;
    virMutexUnlock(&lock);
}

static void
waitFor(const size_t *count, size_t least)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

    virMutexLock(&lock);
    while (*count < least)
        g_assert_true(virCondWaitUntil(&moved, &lock, deadline));
    virMutexUnlock(&lock);
}

static size_t
countAsked(void)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&lock);

    return asked;
}

/* --- the domains that are there --- */

static size_t ndomains;

int
virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains,
                         unsigned int flags G_GNUC_UNUSED)
{
    size_t i;

    *domains = calloc(ndomains + 1, sizeof(**domains));
    for (i = 0; i < ndomains; i++) {
        unsigned char uuid[VIR_UUID_BUFLEN] = { 8, (unsigned char)i };

        (*domains)[i] = virGetDomain(conn, "there", uuid, 1);
    }
    return (int)ndomains;
}

virDomainPtr
virDomainLookupByUUID(virConnectPtr conn G_GNUC_UNUSED, const unsigned char *uuid G_GNUC_UNUSED)
{
    return NULL;
}

/* --- who looks --- */

typedef struct {
    virIOLoop *loop;
    virConnectPtr conn;
    remoteSight *sight;
    virIdentity *one, *other;
    virDomainIdent *idents[3];
    remoteView *views[3];
    /* of the call that runs in the loop */
    size_t which;
    virDomainIdent *ident;
    virIdentity *identity;
    bool watches;
    remoteSightAnswer answer;
} Fixture;

static void
onAnswered(void *opaque G_GNUC_UNUSED)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&lock);

    answered++;
    virCondBroadcast(&moved);
}

static void
newViewInLoop(void *opaque)
{
    Fixture *f = opaque;

    f->views[f->which] = remoteViewNew(f->sight, f->identity, f->watches, onAnswered, f);
}

static void
newView(Fixture *f, size_t which, virIdentity *identity, bool watches)
{
    f->which = which;
    f->identity = identity;
    f->watches = watches;
    virIOLoopInvokeWait(f->loop, newViewInLoop, f);
}

static void
freeViewInLoop(void *opaque)
{
    Fixture *f = opaque;

    g_clear_pointer(&f->views[f->which], remoteViewFree);
}

static void
freeView(Fixture *f, size_t which)
{
    f->which = which;
    virIOLoopInvokeWait(f->loop, freeViewInLoop, f);
}

static void
lookInLoop(void *opaque)
{
    Fixture *f = opaque;

    f->answer = remoteViewLook(f->views[f->which], f->ident);
}

static remoteSightAnswer
look(Fixture *f, size_t which, virDomainIdent *ident)
{
    f->which = which;
    f->ident = ident;
    virIOLoopInvokeWait(f->loop, lookInLoop, f);
    return f->answer;
}

/* The answer, once it is known. */
static remoteSightAnswer
await(Fixture *f, size_t which, virDomainIdent *ident)
{
    for (;;) {
        size_t before;
        remoteSightAnswer answer;

        virMutexLock(&lock);
        before = answered;
        virMutexUnlock(&lock);
        if ((answer = look(f, which, ident)) != REMOTE_SIGHT_UNKNOWN)
            return answer;
        waitFor(&answered, before + 1);
    }
}

/* Returns when nothing is known any more of @ident, of which something was. */
static void
forget(Fixture *f, size_t which, virDomainIdent *ident)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

    remoteSightForget(f->sight);
    while (look(f, which, ident) != REMOTE_SIGHT_UNKNOWN) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

static void
setUp(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const names[] = { "a", "b", "never" };
    size_t i;

    asked = answered = 0;
    closed = mayWatch = false;
    verdict = 1;
    virCondInit(&moved);
    f->loop = virIOLoopNew("loop");
    ndomains = 0;
    f->conn = virGetConnect();
    f->sight = remoteSightNew(NULL, f->loop, f->conn);
    f->one = virIdentityNew();
    f->other = virIdentityNew();
    virIdentitySetUNIXUserID(f->other, 1);
    for (i = 0; i < G_N_ELEMENTS(f->idents); i++) {
        unsigned char uuid[VIR_UUID_BUFLEN] = { (unsigned char)(i + 1) };

        f->idents[i] = virDomainIdentNew(names[i], uuid, 1);
    }
}

static void
tearDown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    size_t i;

    setDoor(false);
    for (i = 0; i < G_N_ELEMENTS(f->views); i++)
        freeView(f, i);
    remoteSightFree(f->sight);
    virConnectUnref(f->conn);
    virIOLoopFree(f->loop);
    for (i = 0; i < G_N_ELEMENTS(f->idents); i++)
        virDomainIdentUnref(f->idents[i]);
    virIdentityUnref(f->one);
    virIdentityUnref(f->other);
    virCondDestroy(&moved);
}

static void
testAskedOnce(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    int i;

    newView(f, 0, f->one, false);
    setDoor(true);
    g_assert_cmpint(look(f, 0, f->idents[0]), ==, REMOTE_SIGHT_UNKNOWN);
    waitFor(&asked, 1);
    g_assert_cmpint(look(f, 0, f->idents[0]), ==, REMOTE_SIGHT_UNKNOWN);
    g_assert_cmpint(look(f, 0, f->idents[2]), ==, REMOTE_SIGHT_UNKNOWN);
    setDoor(false);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpint(await(f, 0, f->idents[2]), ==, REMOTE_SIGHT_HIDDEN);
    for (i = 0; i < 100; i++) {
        g_assert_cmpint(look(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
        g_assert_cmpint(look(f, 0, f->idents[2]), ==, REMOTE_SIGHT_HIDDEN);
    }
    g_assert_cmpuint(countAsked(), ==, 2);
}

/* Clients that are the same share what is known; others don't. */
static void
testShared(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virIdentity) same = virIdentityCopy(f->one);

    newView(f, 0, f->one, false);
    newView(f, 1, same, false);
    newView(f, 2, f->other, false);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpint(look(f, 1, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(countAsked(), ==, 1);
    g_assert_cmpint(await(f, 2, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(countAsked(), ==, 2);
    freeView(f, 0);
    g_assert_cmpint(look(f, 1, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    /* With the last of them it is forgotten. */
    freeView(f, 1);
    newView(f, 1, same, false);
    g_assert_cmpint(await(f, 1, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(countAsked(), ==, 3);
}

static void
testWatching(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    newView(f, 0, f->one, true);
    newView(f, 1, f->one, false);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_HIDDEN);
    g_assert_cmpint(await(f, 1, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    mayWatch = true;
    forget(f, 0, f->idents[0]);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpint(await(f, 0, f->idents[2]), ==, REMOTE_SIGHT_HIDDEN);
}

/* An answer that was on its way when the policy changed is none. */
static void
testPolicyChanges(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    newView(f, 0, f->one, false);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    setVerdict(0);
    g_assert_cmpint(look(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    forget(f, 0, f->idents[0]);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_HIDDEN);

    setDoor(true);
    g_assert_cmpint(look(f, 0, f->idents[1]), ==, REMOTE_SIGHT_UNKNOWN);
    waitFor(&asked, 3);
    forget(f, 0, f->idents[0]);
    setDoor(false);
    waitFor(&asked, 5);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_HIDDEN);
    g_assert_cmpint(await(f, 0, f->idents[1]), ==, REMOTE_SIGHT_HIDDEN);
    g_assert_cmpuint(countAsked(), ==, 5);
}

/* However often it changes, there is time to ask, and the last change counts. */
static void
testPolicyChangesOften(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    const int rounds = 4;
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
    gint64 begun = g_get_monotonic_time();
    int i, j;

    newView(f, 0, f->one, false);
    for (i = 0; i < rounds; i++) {
        g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
        for (j = 0; j < 1000; j++)
            remoteSightForget(f->sight);
        forget(f, 0, f->idents[0]);
    }
    g_assert_cmpint(g_get_monotonic_time() - begun, >=,
                    (rounds - 1) * REMOTE_SIGHT_FORGET_MS * G_GINT64_CONSTANT(1000));
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    setVerdict(0);
    remoteSightForget(f->sight);
    while (look(f, 0, f->idents[0]) != REMOTE_SIGHT_HIDDEN) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

/* The same UUID, another name: another domain to those who decide. */
static void
testRenamed(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virDomainIdent) renamed = virDomainIdentNew("never", f->idents[0]->uuid, 1);
    g_autoptr(virDomainIdent) again = virDomainIdentNew("a", f->idents[0]->uuid, 2);

    newView(f, 0, f->one, false);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpint(await(f, 0, renamed), ==, REMOTE_SIGHT_HIDDEN);
    g_assert_cmpint(look(f, 0, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpint(look(f, 0, renamed), ==, REMOTE_SIGHT_HIDDEN);
    /* Another stream of the same domain is the same. */
    g_assert_cmpint(look(f, 0, again), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(countAsked(), ==, 2);
}

/* Events of both wait, and are looked at with each answer. */
typedef struct {
    Fixture *f;
    virDomainIdent *idents[2];
    remoteSightAnswer answers[2];
    size_t known;               /* of them, and guarded by @lock */
} Namesakes;

static void
lookAtNamesakes(void *opaque)
{
    Namesakes *both = opaque;
    size_t known = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(both->idents); i++) {
        both->answers[i] = remoteViewLook(both->f->views[0], both->idents[i]);
        known += both->answers[i] != REMOTE_SIGHT_UNKNOWN;
    }
    virMutexLock(&lock);
    both->known = known;
    virCondBroadcast(&moved);
    virMutexUnlock(&lock);
}

static void
newNamesakesInLoop(void *opaque)
{
    Namesakes *both = opaque;

    both->f->views[0] = remoteViewNew(both->f->sight, both->f->one, false, lookAtNamesakes, both);
    lookAtNamesakes(both);
}

/* Two of one UUID at the same time: neither's question is the other's. */
static void
testNamesakes(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virDomainIdent) renamed = virDomainIdentNew("never", f->idents[0]->uuid, 2);
    Namesakes both = { .f = f, .idents = { f->idents[0], renamed } };

    setDoor(true);
    virIOLoopInvokeWait(f->loop, newNamesakesInLoop, &both);
    waitFor(&asked, 1);
    setDoor(false);
    waitFor(&both.known, 2);
    g_assert_cmpint(both.answers[0], ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpint(both.answers[1], ==, REMOTE_SIGHT_HIDDEN);
    g_assert_cmpuint(countAsked(), ==, 2);
}

/* Who can't be asked hides the domain, until a question succeeds. */
static void
testFailure(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

    newView(f, 0, f->one, false);
    setVerdict(-1);
    g_assert_cmpint(await(f, 0, f->idents[0]), ==, REMOTE_SIGHT_HIDDEN);
    setVerdict(1);
    while (look(f, 0, f->idents[0]) != REMOTE_SIGHT_SEEN) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

/* A client that goes while it is asked about, and one whose view goes when it is answered. */
static void
testGone(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    newView(f, 0, f->one, false);
    setDoor(true);
    g_assert_cmpint(look(f, 0, f->idents[0]), ==, REMOTE_SIGHT_UNKNOWN);
    waitFor(&asked, 1);
    freeView(f, 0);
    /* Another one comes meanwhile and has its answer. */
    newView(f, 1, f->one, false);
    g_assert_cmpint(look(f, 1, f->idents[0]), ==, REMOTE_SIGHT_UNKNOWN);
    setDoor(false);
    g_assert_cmpint(await(f, 1, f->idents[0]), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(countAsked(), ==, 1);
}

static void
closeAll(void *opaque)
{
    Fixture *f = opaque;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(f->views); i++)
        g_clear_pointer(&f->views[i], remoteViewFree);
    onAnswered(NULL);
}

static void
newClosersInLoop(void *opaque)
{
    Fixture *f = opaque;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(f->views); i++)
        f->views[i] = remoteViewNew(f->sight, f->one, false, closeAll, f);
}

static void
testClosedInside(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    virIOLoopInvokeWait(f->loop, newClosersInLoop, f);
    look(f, 0, f->idents[0]);
    waitFor(&answered, 1);
    g_assert_null(f->views[0]);
    g_assert_cmpuint(answered, ==, 1);
}

/* More than one batch of domains, and more than there may be. */
typedef struct {
    Fixture *f;
    size_t count;
    size_t hidden;
} Crowd;

static void
lookAtCrowd(void *opaque)
{
    Crowd *crowd = opaque;
    size_t i;

    for (i = 0; i < crowd->count; i++) {
        unsigned char uuid[VIR_UUID_BUFLEN] = { 9, (unsigned char)i, (unsigned char)(i >> 8),
                                                (unsigned char)(i >> 16) };
        g_autoptr(virDomainIdent) ident = virDomainIdentNew("crowd", uuid, 1);

        if (remoteViewLook(crowd->f->views[0], ident) == REMOTE_SIGHT_HIDDEN)
            crowd->hidden++;
    }
}

static void
testCrowd(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 9 };
    g_autoptr(virDomainIdent) first = virDomainIdentNew("crowd", uuid, 1);
    Crowd crowd = { f, 3 * REMOTE_SIGHT_BATCH_MAX + 1, 0 };

    newView(f, 0, f->one, false);
    virIOLoopInvokeWait(f->loop, lookAtCrowd, &crowd);
    waitFor(&answered, 4);
    g_assert_cmpuint(countAsked(), ==, crowd.count);

    /* None of these is answered, so none can be forgotten for others. */
    setDoor(true);
    forget(f, 0, first);
    crowd.count = REMOTE_SIGHT_DOMAINS_MAX + 7;
    virIOLoopInvokeWait(f->loop, lookAtCrowd, &crowd);
    g_assert_cmpuint(crowd.hidden, ==, 7);
}

/* Those that are there are asked about at once, but behind one of which an event waits. */
static void
testExpected(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    unsigned char uuid[VIR_UUID_BUFLEN] = { 8, 5 };
    unsigned char lastUUID[VIR_UUID_BUFLEN] = { 8, 99 };
    g_autoptr(virDomainIdent) ident = virDomainIdentNew("there", uuid, 1);
    g_autoptr(virDomainIdent) last = virDomainIdentNew("there", lastUUID, 1);

    ndomains = 100;
    newView(f, 0, f->one, false);
    waitFor(&asked, ndomains);
    g_assert_cmpint(await(f, 0, ident), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpint(await(f, 0, last), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(countAsked(), ==, ndomains);

    setDoor(true);
    newView(f, 1, f->other, false);
    waitFor(&asked, ndomains + 1);
    g_assert_cmpint(look(f, 1, last), ==, REMOTE_SIGHT_UNKNOWN);
    setDoor(false);
    g_assert_cmpint(await(f, 1, last), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(lastAsked, <=, ndomains + REMOTE_SIGHT_BATCH_MAX + 1);
    waitFor(&asked, 2 * ndomains);
    g_assert_cmpint(await(f, 1, ident), ==, REMOTE_SIGHT_SEEN);
    g_assert_cmpuint(countAsked(), ==, 2 * ndomains);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/daemon-sight/" name, Fixture, NULL, setUp, func, tearDown)
    ADD("asked-once", testAskedOnce);
    ADD("shared", testShared);
    ADD("watching", testWatching);
    ADD("policy-changes", testPolicyChanges);
    ADD("policy-changes-often", testPolicyChangesOften);
    ADD("renamed", testRenamed);
    ADD("namesakes", testNamesakes);
    ADD("failure", testFailure);
    ADD("gone", testGone);
    ADD("closed-inside", testClosedInside);
    ADD("crowd", testCrowd);
    ADD("expected", testExpected);
    return g_test_run();
}
