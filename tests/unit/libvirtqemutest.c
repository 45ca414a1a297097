/*
 * libvirtqemutest.c: public functions that only QEMU has
 *
 * Error codes, domains and texts are those that libvirt 9.0 gives.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <libvirt/libvirt-qemu.h>
#include <string.h>

#include "domain_event.h"
#include "fakedriver.h"
#include "testloop.h"

typedef struct {
    virConnectPtr conn, ro, nothing, other;
    virDomainPtr dom, roDom, nothingDom, otherDom;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->conn = fakeConnect(&fakeDriver, 0);
    f->ro = fakeConnect(&fakeDriver, VIR_CONNECT_RO);
    f->nothing = fakeConnect(&fakeDriverWithNothing, 0);
    f->other = fakeConnect(&fakeDriver, 0);
    f->dom = fakeDomain(f->conn);
    f->roDom = fakeDomain(f->ro);
    f->nothingDom = fakeDomain(f->nothing);
    f->otherDom = fakeDomain(f->other);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conns[] = { f->conn, f->ro, f->nothing, f->other };
    virDomainPtr doms[] = { f->dom, f->roDom, f->nothingDom, f->otherDom };
    size_t i;

    fakeDriverFail(false);
    for (i = 0; i < G_N_ELEMENTS(conns); i++) {
        virDomainUnref(doms[i]);
        g_assert_false(virConnectUnref(conns[i]));
    }
    fakeAssertCalled("close;close;close;close;");
    g_assert_cmpuint(fakeTakeErrors(), ==, 0);
    virSetErrorFunc(NULL, NULL);
}

static void
assertNoConnection(const char *func)
{
    g_autofree char *message = g_strdup_printf("invalid connection pointer in %s", func);

    fakeAssertError(VIR_ERR_INVALID_CONN, VIR_FROM_NONE, message);
}

static void
assertNoDomain(const char *func)
{
    g_autofree char *message = g_strdup_printf("invalid domain pointer in %s", func);

    fakeAssertError(VIR_ERR_INVALID_DOMAIN, VIR_FROM_DOM, message);
}

static void
assertNoSupport(const char *func)
{
    g_autofree char *message = g_strdup_printf("this function is not supported by the connection "
                                               "driver: %s", func);

    fakeAssertError(VIR_ERR_NO_SUPPORT, VIR_FROM_NONE, message);
}

static void
assertReadOnly(const char *func)
{
    g_autofree char *message = g_strdup_printf("operation forbidden: read only access prevents %s",
                                               func);

    fakeAssertError(VIR_ERR_OPERATION_DENIED, VIR_FROM_NONE, message);
}

static void
assertFailed(const char *called)
{
    fakeAssertCalled(called);
    fakeAssertError(VIR_ERR_OPERATION_FAILED, VIR_FROM_TEST, "operation failed: fake");
}

static void
testCommand(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *func = "virDomainQemuMonitorCommand";
    g_autofree char *result = NULL;

    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{}", &result, 1), ==, 0);
    g_assert_cmpstr(result, ==, "{}");
    fakeAssertCalled("monitorCommand dom {} 1;");

    g_assert_cmpint(virDomainQemuMonitorCommand(NULL, "{}", &result, 0), ==, -1);
    assertNoDomain(func);
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, NULL, &result, 0), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "cmd", func, "must not be NULL");
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{}", NULL, 0), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "result", func, "must not be NULL");
    g_assert_cmpint(virDomainQemuMonitorCommand(f->roDom, "{}", NULL, 0), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "result", func, "must not be NULL");
    g_assert_cmpint(virDomainQemuMonitorCommand(f->roDom, NULL, &result, 0), ==, -1);
    assertReadOnly(func);
    g_assert_cmpint(virDomainQemuMonitorCommand(f->nothingDom, "{}", &result, 0), ==, -1);
    assertNoSupport(func);
    fakeDriverFail(true);
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{}", &result, 0), ==, -1);
    assertFailed("monitorCommand dom {} 0;");
}

static void
testCommandWithFiles(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *func = "virDomainQemuMonitorCommandWithFiles";
    char *result = NULL;
    unsigned int count = 0;
    int bad[] = { 0, -1 };
    int *files = NULL;
    int good = 0;

    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 1, &good, &count, &files,
                                                         &result, 0), ==, 0);
    g_clear_pointer(&result, g_free);
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 0, NULL, NULL, NULL,
                                                         &result, 0), ==, 0);
    g_clear_pointer(&result, g_free);
    fakeAssertCalled("monitorCommandWithFiles dom {} 1 count array 0;"
                     "monitorCommandWithFiles dom {} 0 - - 0;");

    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(NULL, "{}", 0, NULL, NULL, NULL, &result,
                                                         0), ==, -1);
    assertNoDomain(func);
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->roDom, NULL, 0, NULL, NULL, NULL,
                                                         &result, 0), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "cmd", func, "must not be NULL");
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->roDom, "{}", 0, NULL, NULL, NULL, NULL,
                                                         0), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "result", func, "must not be NULL");
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->roDom, "{}", 0, NULL, NULL, NULL,
                                                         &result, 0), ==, -1);
    assertReadOnly(func);
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 1, NULL, NULL, NULL,
                                                         &result, 0), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "infiles", func, "must not be NULL");
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 2, bad, NULL, NULL, &result,
                                                         0), ==, -1);
    g_assert_cmpstr(virGetLastError()->str2, ==, "infiles");
    fakeAssertError(VIR_ERR_INVALID_ARG, VIR_FROM_NONE,
                    "file descriptor -1 in virDomainQemuMonitorCommandWithFiles is not open");
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->nothingDom, "{}", 0, NULL, NULL, NULL,
                                                         &result, 0), ==, -1);
    assertNoSupport(func);
    fakeDriverFail(true);
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 0, NULL, NULL, NULL,
                                                         &result, 0), ==, -1);
    assertFailed("monitorCommandWithFiles dom {} 0 - - 0;");
    g_assert_null(result);
}

static void
testAttach(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *func = "virDomainQemuAttach";
    virDomainPtr dom = virDomainQemuAttach(f->conn, 4711, 2);
    virDomainPtr first = virDomainQemuAttach(f->conn, 1, 0);        /* it may be one, in a container */

    g_assert_nonnull(dom);
    g_assert_nonnull(first);
    virDomainUnref(dom);
    virDomainUnref(first);
    fakeAssertCalled("attach 4711 2;attach 1 0;");

    g_assert_null(virDomainQemuAttach(NULL, 4711, 0));
    assertNoConnection(func);
    g_assert_null(virDomainQemuAttach(f->ro, 0, 0));
    fakeAssertBadArg(VIR_FROM_NONE, "pid_value", func, "must not be zero");
    g_assert_null(virDomainQemuAttach(f->ro, 4711, 0));
    assertReadOnly(func);
    g_assert_null(virDomainQemuAttach(f->nothing, 4711, 0));
    assertNoSupport(func);
    fakeDriverFail(true);
    g_assert_null(virDomainQemuAttach(f->conn, 4711, 0));
    assertFailed("attach 4711 0;");
}

static void
testAgent(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *func = "virDomainQemuAgentCommand";
    g_autofree char *reply = virDomainQemuAgentCommand(f->dom, "{}", -2, 3);

    g_assert_cmpstr(reply, ==, "{}");
    fakeAssertCalled("agentCommand dom {} -2 3;");
    g_assert_null(virDomainQemuAgentCommand(NULL, "{}", 0, 0));
    assertNoDomain(func);
    g_assert_null(virDomainQemuAgentCommand(f->roDom, NULL, 0, 0));
    assertReadOnly(func);
    g_assert_null(virDomainQemuAgentCommand(f->dom, NULL, 0, 0));
    fakeAssertBadArg(VIR_FROM_NONE, "cmd", func, "must not be NULL");
    g_assert_null(virDomainQemuAgentCommand(f->nothingDom, "{}", 0, 0));
    assertNoSupport(func);
    fakeDriverFail(true);
    g_assert_null(virDomainQemuAgentCommand(f->dom, "{}", 0, 0));
    assertFailed("agentCommand dom {} 0 0;");
}

static void
onMonitor(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
          const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
          unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED,
          void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
onFree(void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();         /* not by the public function, and not on failure */
}

static int
registerOn(virConnectPtr conn, virDomainPtr dom, virConnectDomainQemuMonitorEventCallback cb)
{
    return virConnectDomainQemuMonitorEventRegister(conn, dom, "STOP", cb, NULL, onFree, 0);
}

static void
testRegister(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *func = "virConnectDomainQemuMonitorEventRegister";
    char given[] = "given";

    g_assert_cmpint(virConnectDomainQemuMonitorEventRegister(f->conn, f->dom, "STOP", onMonitor,
                                                             given, onFree, 0x40000003), ==, 9);
    g_assert_cmpint(virConnectDomainQemuMonitorEventRegister(f->conn, NULL, NULL, onMonitor, given,
                                                             NULL, 0), ==, 9);
    fakeAssertCalled("monitorEventRegister dom STOP given free 1073741827;"
                     "monitorEventRegister - - given - 0;");

    g_assert_cmpint(registerOn(NULL, NULL, onMonitor), ==, -1);
    assertNoConnection(func);
    g_assert_cmpint(registerOn(f->conn, (virDomainPtr)f->conn, onMonitor), ==, -1);
    assertNoDomain(func);
    g_assert_cmpint(registerOn(f->ro, f->otherDom, onMonitor), ==, -1);
    g_assert_cmpstr(virGetLastError()->str1, ==, func);
    g_assert_cmpstr(virGetLastError()->str2, ==, "dom");
    fakeAssertError(VIR_ERR_INVALID_ARG, VIR_FROM_NONE, "domain 'dom' in "
                    "virConnectDomainQemuMonitorEventRegister must match connection");
    g_assert_cmpint(registerOn(f->ro, NULL, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "cb", func, "must not be NULL");
    g_assert_cmpint(registerOn(f->ro, NULL, onMonitor), ==, -1);
    assertReadOnly(func);
    g_assert_cmpint(registerOn(f->nothing, NULL, onMonitor), ==, -1);
    assertNoSupport(func);
    fakeDriverFail(true);
    g_assert_cmpint(registerOn(f->conn, NULL, onMonitor), ==, -1);
    assertFailed("monitorEventRegister - STOP (null) free 0;");
}

static void
testDeregister(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *func = "virConnectDomainQemuMonitorEventDeregister";

    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->conn, 0), ==, 0);
    fakeAssertCalled("monitorEventDeregister 0;");
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(NULL, 0), ==, -1);
    assertNoConnection(func);
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->ro, -1), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "callbackID", func, "must be zero or greater");
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->ro, 0), ==, -1);
    assertReadOnly(func);
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->nothing, 0), ==, -1);
    assertNoSupport(func);
    fakeDriverFail(true);
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->conn, 0), ==, -1);
    assertFailed("monitorEventDeregister 0;");
}

/* --- what the callback's arguments have no room for --- */

typedef struct {
    virDomainIdent *ident;
    unsigned int calls;
} Informed;

static void
onInformed(virConnectPtr conn, virDomainPtr dom G_GNUC_UNUSED, const char *event G_GNUC_UNUSED,
           long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED,
           const char *details G_GNUC_UNUSED, void *opaque)
{
    Informed *informed = opaque;
    virtmonMonitorEventInfo info;
    struct {
        virtmonMonitorEventInfo known;
        char later[16];             /* members that a later version may have */
    } larger;
    char before[VIR_UUID_STRING_BUFLEN + 1];

    memset(&info, 0xff, sizeof(info));
    g_assert_cmpint(virtmonDomainQemuMonitorEventGetInfo(conn, &info, sizeof(info)), ==, 0);
    g_assert_cmpstr(info.stream, ==, informed->ident->stream);
    g_assert_cmpuint(info.number, ==, 42);
    g_assert_cmpint(info.receivedSeconds, ==, 1700000001);
    g_assert_cmpuint(info.receivedMicros, ==, 234567);

    memset(&larger, 0xff, sizeof(larger));
    g_assert_cmpint(virtmonDomainQemuMonitorEventGetInfo(conn, &larger.known, sizeof(larger)),
                    ==, 0);
    g_assert_cmpuint(larger.known.number, ==, 42);
    g_assert_cmpint(larger.later[0], ==, 0);
    g_assert_cmpint(larger.later[15], ==, 0);

    memset(before, 'x', sizeof(before));
    g_assert_cmpint(virtmonDomainQemuMonitorEventGetInfo(conn, (virtmonMonitorEventInfoPtr)before,
                                                         VIR_UUID_STRING_BUFLEN), ==, 0);
    g_assert_cmpstr(before, ==, informed->ident->stream);
    g_assert_cmpint(before[VIR_UUID_STRING_BUFLEN], ==, 'x');

    g_assert_cmpint(virtmonDomainQemuMonitorEventGetInfo(conn, NULL, sizeof(info)), ==, -1);
    fakeAssertBadArg(VIR_FROM_NONE, "info", "virtmonDomainQemuMonitorEventGetInfo",
                     "must not be NULL");
    g_assert_cmpint(virtmonDomainQemuMonitorEventGetInfo(NULL, &info, sizeof(info)), ==, -1);
    assertNoConnection("virtmonDomainQemuMonitorEventGetInfo");
    informed->calls++;
}

static int
onLifecycle(virConnectPtr conn, virDomainPtr dom G_GNUC_UNUSED, int event G_GNUC_UNUSED,
            int detail G_GNUC_UNUSED, void *opaque)
{
    virtmonMonitorEventInfo info;

    /* Not a monitor event, so it has no number. */
    g_assert_cmpint(virtmonDomainQemuMonitorEventGetInfo(conn, &info, sizeof(info)), ==, -1);
    fakeAssertError(VIR_ERR_OPERATION_INVALID, VIR_FROM_NONE, "Requested operation is not valid: "
                    "no monitor event is being delivered in this thread");
    ((Informed *)opaque)->calls++;
    return 0;
}

static void
testInfo(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1 };
    virObjectEventState *state = virObjectEventStateNew(0);
    Informed informed = { .ident = virDomainIdentNew("dom", uuid, 5) };
    virObjectEventBatch batch = { 0 };
    virtmonMonitorEventInfo info;

    testLoopRegister();
    g_assert_cmpint(virDomainMonitorEventStateRegister(state, f->conn, NULL, NULL, onInformed,
                                                       &informed, NULL, 0), ==, 0);
    g_assert_cmpint(virDomainEventStateRegister(state, f->conn, onLifecycle, &informed, NULL),
                    ==, 0);
    virObjectEventBatchAdd(&batch, virDomainMonitorEventNew(informed.ident, 42, "STOP", 4, 1, 2,
                                                            1700000001234567, NULL, 0));
    virObjectEventBatchAdd(&batch, virDomainEventLifecycleNew(informed.ident, 1, 1));
    virObjectEventStatePush(state, &batch);
    testLoopDrain();
    g_assert_cmpuint(informed.calls, ==, 2);

    g_assert_cmpint(virtmonDomainQemuMonitorEventGetInfo(f->conn, &info, sizeof(info)), ==, -1);
    fakeAssertError(VIR_ERR_OPERATION_INVALID, VIR_FROM_NONE, "Requested operation is not valid: "
                    "no monitor event is being delivered in this thread");
    virObjectEventStateDeregisterAll(state, f->conn);
    testLoopDrain();
    virDomainIdentUnref(informed.ident);
    virObjectEventStateUnref(state);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/libvirt/qemu/command", testCommand },
        { "/libvirt/qemu/command-with-files", testCommandWithFiles },
        { "/libvirt/qemu/attach", testAttach },
        { "/libvirt/qemu/agent", testAgent },
        { "/libvirt/qemu/register", testRegister },
        { "/libvirt/qemu/deregister", testDeregister },
        { "/libvirt/qemu/info", testInfo },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
