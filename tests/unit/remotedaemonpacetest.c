/*
 * remotedaemonpacetest.c: streams that all of their clients have enough of
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_pace.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "datatypes.h"
#include "domain_event.h"
#include "testloop.h"
#include "testutils.h"
#include "viruuid.h"

/* Clients that each get every event. */
#define CLIENTS_MAX 3

typedef struct {
    virConnectPtr conn;
    virObjectEventState *state;
    virDomainIdent *one, *two;        /* two streams */
    remotePace *pace;
    remotePaceState states[CLIENTS_MAX];
    int ids[CLIENTS_MAX];
    size_t nclients;
    guint64 number;
} Fixture;

typedef struct {
    Fixture *f;
    size_t client;
} Target;

static Target targets[CLIENTS_MAX];

static void
onEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
        const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
        unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED, void *opaque)
{
    Target *target = opaque;

    remotePaceCount(target->f->pace, virObjectEventCurrent(), target,
                    target->f->states[target->client]);
}

static void
addClient(Fixture *f)
{
    size_t i = f->nclients++;
    char event[] = "E";

    targets[i] = (Target) { f, i };
    f->ids[i] = virDomainMonitorEventStateRegister(f->state, f->conn, NULL, event, onEvent,
                                                   &targets[i], NULL, 0);
    g_assert_cmpint(f->ids[i], >=, 0);
}

static virDomainIdent *
newIdent(const char *name)
{
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };

    memcpy(uuid, name, MIN(strlen(name), sizeof(uuid)));
    return virDomainIdentNew(name, uuid, 1);
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->conn = virGetConnect();
    f->state = virObjectEventStateNew(0);
    g_assert_nonnull(f->state);
    f->one = newIdent("one");
    f->two = newIdent("two");
    f->pace = remotePaceNew();
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    remotePaceFree(f->pace);
    virObjectEventStateDeregisterAll(f->state, f->conn);
    testLoopDrain();
    virObjectEventStateUnref(f->state);
    virDomainIdentUnref(f->one);
    virDomainIdentUnref(f->two);
    virConnectUnref(f->conn);
}

static void
emit(Fixture *f, virDomainIdent *ident)
{
    virObjectEventBatch batch = { 0 };

    virObjectEventBatchAdd(&batch, virDomainMonitorEventNew(ident, ++f->number, "E", 1, 1, 0, 1,
                                                            "{}", 2));
    virObjectEventStatePush(f->state, &batch);
    testLoopDrain();
}

static bool
isHeld(Fixture *f, virDomainIdent *ident)
{
    return virObjectEventStateIsAhead(f->state, ident);
}

static bool
wasEased(Fixture *f)
{
    int fd = virObjectEventStateEasedFD(f->state);
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    guint64 count;

    if (poll(&pfd, 1, 0) == 0)
        return false;
    g_assert_cmpint(read(fd, &count, sizeof(count)), ==, sizeof(count));
    return true;
}

/* Held once none of its clients keeps up, which shows with the event after; let go at once when one
 * does. */
static void
testNoneKeepsUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    addClient(f);
    addClient(f);
    emit(f, f->one);
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));

    f->states[0] = REMOTE_PACE_BEHIND;          /* the other one keeps up */
    emit(f, f->one);
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));

    f->states[1] = REMOTE_PACE_BEHIND;
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));
    g_assert_false(isHeld(f, f->two));

    f->states[0] = REMOTE_PACE_KEEPS_UP;
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));
}

/* For one that takes nothing nobody waits. */
static void
testStuck(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    addClient(f);
    addClient(f);
    f->states[0] = REMOTE_PACE_STUCK;
    f->states[1] = REMOTE_PACE_BEHIND;
    emit(f, f->one);
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));
    f->states[1] = REMOTE_PACE_STUCK;
    emit(f, f->one);
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));
}

/* Whoever reads the stream is told when a client has caught up for which it was held, and once. */
static void
testEase(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    addClient(f);
    addClient(f);
    f->states[0] = REMOTE_PACE_BEHIND;
    f->states[1] = REMOTE_PACE_STUCK;
    wasEased(f);
    emit(f, f->one);
    emit(f, f->two);
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));
    g_assert_true(isHeld(f, f->two));

    remotePaceEase(f->pace, &targets[1]);       /* it is nothing to them */
    g_assert_true(isHeld(f, f->one));
    g_assert_true(isHeld(f, f->two));
    g_assert_false(wasEased(f));

    remotePaceEase(f->pace, &targets[0]);
    g_assert_false(isHeld(f, f->one));
    g_assert_false(isHeld(f, f->two));
    g_assert_true(wasEased(f));
    remotePaceEase(f->pace, &targets[0]);
    g_assert_false(wasEased(f));

    /* It was too early: the next events hold them again. */
    emit(f, f->one);
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));

    /* One that goes in the middle of an event is not remembered. */
    emit(f, f->two);
    remotePaceEase(f->pace, &targets[0]);
    f->states[0] = REMOTE_PACE_STUCK;
    emit(f, f->two);
    g_assert_false(isHeld(f, f->one));
    g_assert_false(isHeld(f, f->two));
}

/* Nothing stays held for good. */
static void
testFree(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    addClient(f);
    f->states[0] = REMOTE_PACE_BEHIND;
    emit(f, f->one);
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));
    g_clear_pointer(&f->pace, remotePaceFree);
    g_assert_false(isHeld(f, f->one));
    f->pace = remotePaceNew();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    testLoopRegister();
    g_test_add("/remote/daemon-pace/none-keeps-up", Fixture, NULL, setUp, testNoneKeepsUp, tearDown);
    g_test_add("/remote/daemon-pace/stuck", Fixture, NULL, setUp, testStuck, tearDown);
    g_test_add("/remote/daemon-pace/ease", Fixture, NULL, setUp, testEase, tearDown);
    g_test_add("/remote/daemon-pace/free", Fixture, NULL, setUp, testFree, tearDown);
    return testRunCountingFds();
}
