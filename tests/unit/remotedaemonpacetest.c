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
    virDomainIdent *one, *other;        /* two streams */
    remotePace *pace;
    bool behind[CLIENTS_MAX];
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

    remotePaceCount(target->f->pace, virObjectEventCurrent(),
                    target->f->behind[target->client]);
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
    f->other = newIdent("other");
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
    virDomainIdentUnref(f->other);
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

/* Held once all of its clients are behind, which shows with the event after. */
static void
testAllBehind(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    addClient(f);
    addClient(f);
    emit(f, f->one);
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));

    f->behind[0] = true;                /* the other one keeps up */
    emit(f, f->one);
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));

    f->behind[1] = true;
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));
    g_assert_false(isHeld(f, f->other));

    f->behind[0] = false;
    emit(f, f->one);
    emit(f, f->one);
    g_assert_false(isHeld(f, f->one));
}

/* Whoever reads the stream is told when one of them has caught up, and once. */
static void
testEase(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    addClient(f);
    f->behind[0] = true;
    wasEased(f);
    emit(f, f->one);
    emit(f, f->other);
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));
    g_assert_true(isHeld(f, f->other));
    g_assert_false(wasEased(f));

    remotePaceEase(f->pace);
    g_assert_false(isHeld(f, f->one));
    g_assert_false(isHeld(f, f->other));
    g_assert_true(wasEased(f));
    remotePaceEase(f->pace);
    g_assert_false(wasEased(f));

    /* It was too early: the next events hold them again. */
    emit(f, f->one);
    emit(f, f->one);
    g_assert_true(isHeld(f, f->one));
}

/* A stream that nobody waits for is let go of in silence; nothing stays held for good. */
static void
testFree(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    addClient(f);
    f->behind[0] = true;
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
    g_test_add("/remote/daemon-pace/all-behind", Fixture, NULL, setUp, testAllBehind, tearDown);
    g_test_add("/remote/daemon-pace/ease", Fixture, NULL, setUp, testEase, tearDown);
    g_test_add("/remote/daemon-pace/free", Fixture, NULL, setUp, testFree, tearDown);
    return testRunCountingFds();
}
