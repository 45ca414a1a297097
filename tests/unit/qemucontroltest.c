/*
 * qemucontroltest.c: pausing, resuming, resetting and ending a domain
 *
 * What the agent does is in qemuagenttest.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_control.h"

#include <string.h>

#include "qemufixture.h"
#include "virerror_priv.h"

#define EVENT_STOP "{\"event\": \"STOP\"}\r\n"
#define EVENT_RESUME "{\"event\": \"RESUME\"}\r\n"
#define EVENT_SHUTDOWN "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false}}\r\n"
#define EVENT_SUSPEND "{\"event\": \"SUSPEND\"}\r\n"

/* As QEMU does it: the event comes first. */
static const qemuFixtureAnswer orderly[] = {
    { "\"stop\"", EVENT_STOP, "{}", NULL },
    { "\"cont\"", EVENT_RESUME, "{}", NULL },
    { NULL },
};

static void
assertAsked(qemuFixture *f, const char *expected)
{
    g_autofree char *asked = qemuFixtureTakeAsked(f);

    g_assert_cmpstr(asked, ==, expected);
}

static void
testSuspendResume(void)
{
    qemuFixture f;

    qemuFixtureInit(&f, orderly);
    g_assert_cmpint(qemuControlResume(f.dom), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_INVALID, "domain is already running");
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OK);

    g_assert_cmpint(qemuControlSuspend(f.dom), ==, 0);
    g_assert_cmpint(virDomainObjGetState(f.dom, NULL), ==, VIR_DOMAIN_PAUSED);
    g_assert_cmpint(qemuControlSuspend(f.dom), ==, 0);      /* it is already: nothing is done */
    assertAsked(&f, "[stop]");

    g_assert_cmpint(qemuControlResume(f.dom), ==, 0);
    g_assert_cmpint(virDomainObjGetState(f.dom, NULL), ==, VIR_DOMAIN_RUNNING);
    assertAsked(&f, "[cont]");
    qemuFixtureClear(&f);
}

static void
testAsleep(void)
{
    qemuFixture f;

    qemuFixtureInit(&f, NULL);
    qemuFixtureSendEvent(&f, EVENT_SUSPEND, VIR_DOMAIN_PMSUSPENDED);
    g_assert_cmpint(qemuControlSuspend(f.dom), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_INVALID, "domain is pmsuspended");
    g_assert_cmpint(qemuControlResume(f.dom), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_INVALID, "domain is pmsuspended");
    g_assert_cmpint(qemuControlShutdown(f.dom, 0), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_INVALID, "domain is not running");
    assertAsked(&f, "");
    qemuFixtureClear(&f);
}

static void
testRefused(void)
{
    static const qemuFixtureAnswer answers[] = {
        { "\"cont\"", NULL, NULL, "Resetting the Virtual Machine is required" },
        { NULL },
    };
    qemuFixture f;

    qemuFixtureInit(&f, answers);
    qemuFixtureSendEvent(&f, EVENT_STOP, VIR_DOMAIN_PAUSED);
    g_assert_cmpint(qemuControlResume(f.dom), ==, -1);
    qemuFixtureAssertError(VIR_ERR_INTERNAL_ERROR, "unable to execute QEMU command 'cont': "
                                                   "Resetting the Virtual Machine is required");
    qemuFixtureClear(&f);
}

static void
testShutdown(void)
{
    qemuFixture f;

    qemuFixtureInit(&f, NULL);
    g_assert_cmpint(qemuControlShutdown(f.dom, 0), ==, 0);
    g_assert_cmpint(qemuControlShutdown(f.dom, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN), ==, 0);
    /* no agent: the other of the two is tried */
    g_assert_cmpint(qemuControlShutdown(f.dom, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN |
                                               VIR_DOMAIN_SHUTDOWN_GUEST_AGENT), ==, 0);
    g_assert_null(virGetLastError());
    assertAsked(&f, "[system_powerdown][system_powerdown][system_powerdown]");

    g_assert_cmpint(qemuControlShutdown(f.dom, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT), ==, -1);
    qemuFixtureAssertError(VIR_ERR_ARGUMENT_UNSUPPORTED, "guest agent is not configured");
    g_assert_cmpint(qemuControlShutdown(f.dom, VIR_DOMAIN_SHUTDOWN_INITCTL), ==, -1);
    qemuFixtureAssertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x4)");

    qemuFixtureSendEvent(&f, EVENT_STOP, VIR_DOMAIN_PAUSED);
    g_assert_cmpint(qemuControlShutdown(f.dom, 0), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_INVALID, "domain is not running");
    g_assert_cmpint(qemuControlShutdown(f.dom, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_INVALID, "domain is not running");
    assertAsked(&f, "");
    qemuFixtureClear(&f);
}

static void
testReboot(void)
{
    qemuFixture f;

    qemuFixtureInit(&f, NULL);
    g_assert_cmpint(qemuControlReboot(f.dom, 0), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_UNSUPPORTED, "needs the guest agent");
    g_assert_cmpint(qemuControlReboot(f.dom, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN), ==, -1);
    qemuFixtureAssertError(VIR_ERR_OPERATION_UNSUPPORTED, "power button");
    g_assert_cmpint(qemuControlReboot(f.dom, VIR_DOMAIN_REBOOT_GUEST_AGENT), ==, -1);
    qemuFixtureAssertError(VIR_ERR_ARGUMENT_UNSUPPORTED, "guest agent is not configured");
    g_assert_cmpint(qemuControlReboot(f.dom, VIR_DOMAIN_REBOOT_PARAVIRT), ==, -1);
    qemuFixtureAssertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x10)");
    assertAsked(&f, "");

    g_assert_cmpint(qemuControlReset(f.dom), ==, 0);
    assertAsked(&f, "[system_reset]");
    qemuFixtureClear(&f);
}

static void
testDestroy(void)
{
    static const qemuFixtureAnswer refuses = { "\"quit\"", NULL, NULL, "no" };
    static const qemuFixtureAnswer leaves = { "\"quit\"", NULL, NULL, NULL };
    int reason = -1;
    qemuFixture f;

    qemuFixtureInit(&f, NULL);
    qemuFixtureAnswerWith(&f, &refuses);
    g_assert_cmpint(qemuControlDestroy(f.dom), ==, -1);
    qemuFixtureAssertError(VIR_ERR_INTERNAL_ERROR, "unable to execute QEMU command 'quit': no");
    g_assert_false(atomic_load(&qemuDomainGet(f.dom)->destroying));

    qemuFixtureAnswerWith(&f, &leaves);
    g_assert_cmpint(qemuControlDestroy(f.dom), ==, 0);
    g_assert_null(virGetLastError());
    g_assert_cmpint(virDomainObjGetState(f.dom, &reason), ==, VIR_DOMAIN_SHUTOFF);
    g_assert_cmpint(reason, ==, VIR_DOMAIN_SHUTOFF_DESTROYED);
    g_assert_cmpuint(virDomainListCount(qemuInstanceDomains(f.instance)), ==, 0);

    /* of what has ended */
    g_assert_cmpint(qemuControlSuspend(f.dom), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    virResetLastError();
    qemuFixtureClear(&f);
}

/* QEMU may be gone before its answer is read; that is what was wanted, every time. */
static void
testDestroyRace(void)
{
    static const qemuFixtureAnswer leaves[] = { { "\"quit\"", NULL, NULL, NULL }, { NULL } };
    int i;

    for (i = 0; i < 100; i++) {
        qemuFixture f;

        qemuFixtureInit(&f, leaves);
        if (qemuControlDestroy(f.dom) < 0)
            g_error("round %d: %s", i, virGetLastErrorMessage());
        qemuFixtureClear(&f);
    }
}

/* One that ends by itself has not been destroyed. */
static void
testEndsByItself(void)
{
    int reason = -1;
    qemuFixture f;

    qemuFixtureInit(&f, NULL);
    qemuFixtureSendEvent(&f, EVENT_SHUTDOWN, VIR_DOMAIN_SHUTDOWN);
    qmpPeerHangUp(f.peer);
    g_assert_true(qemuDomainWaitEnd(f.dom, 20000));
    g_assert_cmpint(virDomainObjGetState(f.dom, &reason), ==, VIR_DOMAIN_SHUTOFF);
    g_assert_cmpint(reason, ==, VIR_DOMAIN_SHUTOFF_SHUTDOWN);
    qemuFixtureClear(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/control/suspend-resume", testSuspendResume);
    g_test_add_func("/qemu/control/asleep", testAsleep);
    g_test_add_func("/qemu/control/refused", testRefused);
    g_test_add_func("/qemu/control/shutdown", testShutdown);
    g_test_add_func("/qemu/control/reboot", testReboot);
    g_test_add_func("/qemu/control/destroy", testDestroy);
    g_test_add_func("/qemu/control/destroy-race", testDestroyRace);
    g_test_add_func("/qemu/control/ends-by-itself", testEndsByItself);
    return g_test_run();
}
