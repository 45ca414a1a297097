/*
 * qemulifecycletest.c: which state and which lifecycle event follow from which event of QEMU
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_lifecycle.h"

#include <string.h>
#include <glib.h>
#include <libvirt/libvirt.h>

#include "qemu_typed_event.h"
#include "virerror_priv.h"

/* One event and what follows; type -1: no lifecycle event. */
typedef struct {
    const char *event, *data;
    int state, reason;
    int type, detail;
} Step;

/* As the driver calls it. */
static bool
apply(qemuLifecycle *life, const char *name, const char *text, int *type, int *detail)
{
    const qemuTypedEventRow *row = qemuTypedEventFind(name, strlen(name));
    g_autoptr(virJSONValue) data = text ? virJSONValueFromString(text, strlen(text)) : NULL;

    virResetLastError();
    return qemuLifecycleApply(life, row ? row->life : QEMU_LIFECYCLE_NONE, data, type, detail);
}

static void
checkSteps(const char *status, int state, int reason, const Step *steps)
{
    qemuLifecycle life;

    qemuLifecycleInit(&life, status, VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_cmpint(life.state, ==, state);
    g_assert_cmpint(life.reason, ==, reason);
    for (; steps->event; steps++) {
        int type = -1, detail = -2;
        bool told = apply(&life, steps->event, steps->data, &type, &detail);

        g_test_message("%s %s", steps->event, steps->data ? steps->data : "");
        g_assert_cmpint(life.state, ==, steps->state);
        g_assert_cmpint(life.reason, ==, steps->reason);
        g_assert_cmpint(told, ==, steps->type >= 0);
        g_assert_cmpint(type, ==, steps->type);
        if (told)
            g_assert_cmpint(detail, ==, steps->detail);
        else
            g_assert_cmpint(detail, ==, -2);
        g_assert_null(virGetLastError());
    }
}

#define NOTHING -1, 0

static void
testPauses(void)
{
    const Step stop[] = {
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, VIR_DOMAIN_EVENT_SUSPENDED,
          VIR_DOMAIN_EVENT_SUSPENDED_PAUSED },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, NOTHING },
        { "RESUME", NULL, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED,
          VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED },
        { "RESUME", NULL, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED, NOTHING },
        { NULL },
    };
    /* What stopped it comes first and says why; the STOP behind it is no news. */
    const Step watchdog[] = {
        { "WATCHDOG", "{\"action\":\"reset\"}", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
          NOTHING },
        { "WATCHDOG", "{\"action\":\"pause\"}", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG,
          VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG, NOTHING },
        { NULL },
    };
    const Step ioError[] = {
        { "BLOCK_IO_ERROR", "{\"action\":\"report\"}", VIR_DOMAIN_RUNNING,
          VIR_DOMAIN_RUNNING_BOOTED, NOTHING },
        { "BLOCK_IO_ERROR", "{\"action\":\"stop\"}", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR,
          VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, NOTHING },
        { NULL },
    };

    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, stop);
    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, watchdog);
    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, ioError);
}

static void
testAsked(void)
{
    qemuLifecycle life;
    int type, detail;

    qemuLifecycleInit(&life, "running", VIR_DOMAIN_RUNNING_BOOTED);
    life.asked = true;
    g_assert_true(qemuLifecycleApply(&life, QEMU_LIFECYCLE_STOP, NULL, &type, &detail));
    g_assert_cmpint(life.reason, ==, VIR_DOMAIN_PAUSED_USER);
    g_assert_cmpint(detail, ==, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    /* Only that one. */
    g_assert_true(qemuLifecycleApply(&life, QEMU_LIFECYCLE_RESUME, NULL, &type, &detail));
    g_assert_true(qemuLifecycleApply(&life, QEMU_LIFECYCLE_STOP, NULL, &type, &detail));
    g_assert_cmpint(life.reason, ==, VIR_DOMAIN_PAUSED_UNKNOWN);
}

static void
testSleep(void)
{
    const Step memory[] = {
        { "SUSPEND", NULL, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN,
          VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY },
        { "WAKEUP", NULL, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP, VIR_DOMAIN_EVENT_STARTED,
          VIR_DOMAIN_EVENT_STARTED_WAKEUP },
        { "WAKEUP", NULL, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP, NOTHING },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, VIR_DOMAIN_EVENT_SUSPENDED,
          VIR_DOMAIN_EVENT_SUSPENDED_PAUSED },
        { "SUSPEND", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, NOTHING },
        { "WAKEUP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, NOTHING },
        { NULL },
    };
    const Step disk[] = {
        { "SUSPEND_DISK", NULL, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN,
          VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_DISK },
        { "SHUTDOWN", "{\"guest\":true,\"reason\":\"guest-shutdown\"}", VIR_DOMAIN_SHUTDOWN,
          VIR_DOMAIN_SHUTDOWN_UNKNOWN, VIR_DOMAIN_EVENT_SHUTDOWN,
          VIR_DOMAIN_EVENT_SHUTDOWN_GUEST },
        { NULL },
    };

    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, memory);
    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, disk);
}

static void
testShutdown(void)
{
    static const struct {
        const char *data;
        int detail;
    } cases[] = {
        { NULL, VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED },
        { "{}", VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED },
        { "null", VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED },
        { "{\"guest\":\"yes\"}", VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED },
        { "{\"guest\":true}", VIR_DOMAIN_EVENT_SHUTDOWN_GUEST },
        { "{\"guest\":false,\"reason\":\"host-qmp-quit\"}", VIR_DOMAIN_EVENT_SHUTDOWN_HOST },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Step steps[] = {
            { "SHUTDOWN", cases[i].data, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN,
              VIR_DOMAIN_EVENT_SHUTDOWN, cases[i].detail },
            { "SHUTDOWN", cases[i].data, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN,
              NOTHING },
            { "STOP", NULL, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN, NOTHING },
            /* with -no-shutdown it may be reset and go on */
            { "RESUME", NULL, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED,
              VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED },
            { NULL },
        };

        checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, steps);
    }
}

static void
testPanic(void)
{
    const Step steps[] = {
        { "GUEST_CRASHLOADED", "{\"action\":\"run\"}", VIR_DOMAIN_RUNNING,
          VIR_DOMAIN_RUNNING_BOOTED, VIR_DOMAIN_EVENT_CRASHED,
          VIR_DOMAIN_EVENT_CRASHED_CRASHLOADED },
        { "GUEST_PANICKED", "{\"action\":\"pause\"}", VIR_DOMAIN_CRASHED,
          VIR_DOMAIN_CRASHED_PANICKED, VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED },
        { "STOP", NULL, VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED, NOTHING },
        { "SHUTDOWN", "{\"guest\":true,\"reason\":\"guest-panic\"}", VIR_DOMAIN_SHUTDOWN,
          VIR_DOMAIN_SHUTDOWN_UNKNOWN, VIR_DOMAIN_EVENT_SHUTDOWN,
          VIR_DOMAIN_EVENT_SHUTDOWN_GUEST },
        { NULL },
    };

    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, steps);
}

static void
testMigration(void)
{
    const Step precopy[] = {
        { "MIGRATION", "{\"status\":\"setup\"}", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
          NOTHING },
        { "MIGRATION", "{\"status\":\"active\"}", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
          NOTHING },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION,
          VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED },
        { "MIGRATION", "{\"status\":\"completed\"}", VIR_DOMAIN_PAUSED,
          VIR_DOMAIN_PAUSED_MIGRATION, NOTHING },
        { NULL },
    };
    const Step postcopy[] = {
        { "MIGRATION", "{\"status\":\"device\"}", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
          NOTHING },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION,
          VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED },
        { "MIGRATION", "{\"status\":\"postcopy-active\"}", VIR_DOMAIN_PAUSED,
          VIR_DOMAIN_PAUSED_POSTCOPY, VIR_DOMAIN_EVENT_SUSPENDED,
          VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY },
        { "MIGRATION", "{\"status\":\"postcopy-active\"}", VIR_DOMAIN_PAUSED,
          VIR_DOMAIN_PAUSED_POSTCOPY, NOTHING },
        { NULL },
    };
    const Step late[] = {
        { "MIGRATION", "{\"status\":\"postcopy-active\"}", VIR_DOMAIN_RUNNING,
          VIR_DOMAIN_RUNNING_BOOTED, NOTHING },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY,
          VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY },
        { NULL },
    };
    const Step failed[] = {
        { "MIGRATION", "{\"status\":\"active\"}", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
          NOTHING },
        { "MIGRATION", "{\"status\":\"failed\"}", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
          NOTHING },
        { "MIGRATION", "nonsense", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, NOTHING },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, VIR_DOMAIN_EVENT_SUSPENDED,
          VIR_DOMAIN_EVENT_SUSPENDED_PAUSED },
        { NULL },
    };

    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, precopy);
    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, postcopy);
    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, late);
    checkSteps("running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, failed);
}

static void
testStatuses(void)
{
    static const struct {
        const char *status;
        int state, reason;
    } cases[] = {
        { "running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED },
        { "paused", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER },
        { "prelaunch", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER },
        { "inmigrate", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION },
        { "postmigrate", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION },
        { "save-vm", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE },
        { "internal-error", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN },
        { "io-error", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR },
        { "watchdog", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG },
        { "shutdown", VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN },
        { "guest-panicked", VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED },
        { "suspended", VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN },
        { "of the future", VIR_DOMAIN_NOSTATE, VIR_DOMAIN_NOSTATE_UNKNOWN },
        { "", VIR_DOMAIN_NOSTATE, VIR_DOMAIN_NOSTATE_UNKNOWN },
        { NULL, VIR_DOMAIN_NOSTATE, VIR_DOMAIN_NOSTATE_UNKNOWN },
    };
    const Step none[] = { { NULL } };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        checkSteps(cases[i].status, cases[i].state, cases[i].reason, none);
}

/* The other side of a migration, in the order in which QEMU tells of it. */
static void
testIncoming(void)
{
    /* What happens to a domain that comes is no part of a migration away from here. */
    const Step steps[] = {
        { "MIGRATION", "{\"status\":\"active\"}", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION,
          NOTHING },
        { "MIGRATION", "{\"status\":\"postcopy-active\"}", VIR_DOMAIN_PAUSED,
          VIR_DOMAIN_PAUSED_MIGRATION, NOTHING },
        { "RESUME", NULL, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED,
          VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, VIR_DOMAIN_EVENT_SUSPENDED,
          VIR_DOMAIN_EVENT_SUSPENDED_PAUSED },
        { "RESUME", NULL, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED,
          VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED },
        { "MIGRATION", "{\"status\":\"completed\"}", VIR_DOMAIN_RUNNING,
          VIR_DOMAIN_RUNNING_UNPAUSED, NOTHING },
        { "MIGRATION", "{\"status\":\"active\"}", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED,
          NOTHING },
        { "STOP", NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION,
          VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED },
        { NULL },
    };

    checkSteps("inmigrate", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, steps);
}

/* Which side it is: the other one until the migration has ended, or another begins. */
static void
testSide(void)
{
    qemuLifecycle life;
    int type, detail;

    qemuLifecycleInit(&life, "paused", VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_false(life.incoming);

    qemuLifecycleInit(&life, "inmigrate", VIR_DOMAIN_RUNNING_BOOTED);
    apply(&life, "MIGRATION", "{\"status\":\"setup\"}", &type, &detail);
    g_assert_true(apply(&life, "RESUME", NULL, &type, &detail));
    g_assert_true(life.incoming);
    apply(&life, "MIGRATION", "{\"status\":\"completed\"}", &type, &detail);
    g_assert_false(life.incoming);

    /* Nobody has asked QEMU to tell of the first. */
    qemuLifecycleInit(&life, "inmigrate", VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_true(apply(&life, "RESUME", NULL, &type, &detail));
    apply(&life, "MIGRATION", "{\"status\":\"setup\"}", &type, &detail);
    g_assert_false(life.incoming);
}

static void
testEnd(void)
{
    qemuLifecycle life;

    qemuLifecycleInit(&life, "running", VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_cmpint(qemuLifecycleEnd(&life, false), ==, VIR_DOMAIN_EVENT_STOPPED_FAILED);
    g_assert_cmpint(life.state, ==, VIR_DOMAIN_SHUTOFF);
    g_assert_cmpint(life.reason, ==, VIR_DOMAIN_SHUTOFF_CRASHED);

    qemuLifecycleInit(&life, "shutdown", VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_cmpint(qemuLifecycleEnd(&life, false), ==, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
    g_assert_cmpint(life.reason, ==, VIR_DOMAIN_SHUTOFF_SHUTDOWN);

    qemuLifecycleInit(&life, "shutdown", VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_cmpint(qemuLifecycleEnd(&life, true), ==, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    g_assert_cmpint(life.reason, ==, VIR_DOMAIN_SHUTOFF_DESTROYED);

    qemuLifecycleInit(&life, "guest-panicked", VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_cmpint(qemuLifecycleEnd(&life, false), ==, VIR_DOMAIN_EVENT_STOPPED_FAILED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/lifecycle/pauses", testPauses);
    g_test_add_func("/qemu/lifecycle/asked", testAsked);
    g_test_add_func("/qemu/lifecycle/sleep", testSleep);
    g_test_add_func("/qemu/lifecycle/shutdown", testShutdown);
    g_test_add_func("/qemu/lifecycle/panic", testPanic);
    g_test_add_func("/qemu/lifecycle/migration", testMigration);
    g_test_add_func("/qemu/lifecycle/statuses", testStatuses);
    g_test_add_func("/qemu/lifecycle/incoming", testIncoming);
    g_test_add_func("/qemu/lifecycle/side", testSide);
    g_test_add_func("/qemu/lifecycle/end", testEnd);
    return g_test_run();
}
