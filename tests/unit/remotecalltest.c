/*
 * remotecalltest.c: what the driver makes of answers, right ones and lies
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_call.h"

#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qemu_protocol.h"
#include "remotepeer.h"
#include "remote_protocol.h"
#include "testloop.h"
#include "testutils.h"
#include "virerror_priv.h"

#define REMOTE REMOTE_PEER_REMOTE
#define QEMU REMOTE_PEER_QEMU

typedef struct {
    remotePeer *peer;
    virConnectPtr conn;
    virDomainPtr dom;
} Fixture;

static void
silent(void *opaque G_GNUC_UNUSED, virErrorPtr err G_GNUC_UNUSED)
{
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *dom = remotePeerDomain("g1");

    f->peer = remotePeerNew();
    f->conn = virConnectOpen(remotePeerURI(f->peer, ""));
    g_assert_nonnull(f->conn);
    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, dom);
    f->dom = virDomainLookupByName(f->conn, "g1");
    g_assert_nonnull(f->dom);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virDomainFree(f->dom);
    g_assert_cmpint(virConnectClose(f->conn), ==, 0);
    remotePeerFree(f->peer);
    virResetLastError();
}

static void
assertError(int code, int domain)
{
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_cmpint(virGetLastErrorDomain(), ==, domain);
    virResetLastError();
}

/* --- opening --- */

static void
testSetUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *open = remotePeerWaitCalls(f->peer, REMOTE, REMOTE_PROC_CONNECT_OPEN, 1);
    g_autofree char *feature = remotePeerWaitCalls(f->peer, REMOTE,
                                                   REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, 3);

    g_assert_cmpstr(open, ==, "00000001 0000000e 71656d75 3a2f2f2f 73797374 656d0000 00000000");
    g_assert_cmpstr(feature, ==, "0000000f");
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, REMOTE_PROC_CONNECT_GET_URI), ==, 0);
}

static virConnectPtr
openAnother(remotePeer *peer, const char *extra)
{
    virConnectPtr conn;

    testLoopDrain();
    conn = virConnectOpen(remotePeerURI(peer, extra));
    return conn;
}

/* Twenty-one types are one too many; the rest of a set-up can fail too. */
static void
testSetUpFails(void)
{
    static const struct {
        int procedure;
        const char *answer;     /* NULL: an error */
        int code;
    } servers[] = {
        { REMOTE_PROC_AUTH_LIST, "00000015 00000000 00000000 00000000 00000000 00000000 00000000 "
          "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
          "00000000 00000000 00000000 00000000 00000000 00000000", VIR_ERR_RPC },
        { REMOTE_PROC_AUTH_LIST, "", VIR_ERR_RPC },
        { REMOTE_PROC_AUTH_LIST, NULL, VIR_ERR_NO_DOMAIN },
        { REMOTE_PROC_CONNECT_OPEN, NULL, VIR_ERR_NO_DOMAIN },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(servers); i++) {
        remotePeer *peer = remotePeerNew();

        if (servers[i].answer)
            remotePeerAnswer(peer, REMOTE, servers[i].procedure, servers[i].answer);
        else
            remotePeerRefuse(peer, REMOTE, servers[i].procedure, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU,
                             "no");
        g_assert_null(openAnother(peer, ""));
        g_assert_cmpint(virGetLastErrorCode(), ==, servers[i].code);
        remotePeerFree(peer);
    }
}

/* A server that knows none says so by errors, and is used all the same. */
static void
testNoFeatures(void)
{
    remotePeer *peer = remotePeerNew();
    virConnectPtr conn;

    remotePeerRefuse(peer, REMOTE, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, VIR_ERR_RPC, VIR_FROM_RPC,
                     "unknown procedure: 60");
    conn = openAnother(peer, "");
    g_assert_nonnull(conn);
    g_assert_null(virGetLastError());
    g_assert_cmpint(virConnectSetKeepAlive(conn, 5, 5), ==, 1);
    virConnectClose(conn);
    remotePeerFree(peer);
}

/* The daemon chooses the driver, and tells which. */
static void
testChosenByTheDaemon(void)
{
    remotePeer *peer = remotePeerNew();
    g_autofree char *text = remotePeerText("qemu:///system");
    g_autofree char *uri = NULL;
    g_autofree char *args = NULL;
    virConnectPtr conn;

    remotePeerAnswer(peer, REMOTE, REMOTE_PROC_CONNECT_GET_URI, text);
    uri = g_strconcat("remote", strchr(remotePeerURI(peer, ""), '+'), NULL);
    conn = virConnectOpen(uri);
    g_assert_nonnull(conn);
    args = remotePeerWaitCalls(peer, REMOTE, REMOTE_PROC_CONNECT_OPEN, 1);
    g_assert_cmpstr(args, ==, "00000001 00000000 00000000");
    g_clear_pointer(&uri, g_free);
    uri = virConnectGetURI(conn);
    g_assert_cmpstr(uri, ==, "qemu:///system");
    virConnectClose(conn);
    remotePeerFree(peer);
}

/* --- answers --- */

static void
testUnknownProcedure(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    int state;

    remotePeerRefuse(f->peer, REMOTE, REMOTE_PROC_DOMAIN_GET_STATE, VIR_ERR_RPC, VIR_FROM_RPC,
                     "unknown procedure: 212");
    g_assert_cmpint(virDomainGetState(f->dom, &state, NULL, 0), ==, -1);
    assertError(VIR_ERR_NO_SUPPORT, VIR_FROM_RPC);
    remotePeerRefuse(f->peer, REMOTE, REMOTE_PROC_DOMAIN_GET_STATE, VIR_ERR_RPC, VIR_FROM_RPC,
                     "another reason");
    g_assert_cmpint(virDomainGetState(f->dom, &state, NULL, 0), ==, -1);
    assertError(VIR_ERR_RPC, VIR_FROM_RPC);
}

static void
testErrors(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    remotePeerRefuse(f->peer, REMOTE, REMOTE_PROC_DOMAIN_SUSPEND, VIR_ERR_OPERATION_INVALID,
                     VIR_FROM_QEMU, "domain is not running");
    g_assert_cmpint(virDomainSuspend(f->dom), ==, -1);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "domain is not running");
    assertError(VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU);
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->conn, 77), ==, -1);
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU,
                                          QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER),
                     ==, 0);
    virResetLastError();
}

/* More than was asked for, less than there should be, less than nothing. */
static void
testLies(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *dom = remotePeerDomain("g1");
    g_autofree char *listed = g_strdup_printf("00000001 %s 00000063", dom);
    virDomainPtr *domains = NULL;
    int ids[3] = { -7, -7, -7 };
    char *names[2] = { NULL, NULL };

    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_LIST_DOMAINS,
                     "00000003 00000001 00000002 00000003");
    g_assert_cmpint(virConnectListDomains(f->conn, ids, 2), ==, 2);
    g_assert_cmpint(ids[1], ==, 2);
    g_assert_cmpint(ids[2], ==, -7);
    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_LIST_DOMAINS, "00004001 00000001");
    g_assert_cmpint(virConnectListDomains(f->conn, ids, 2), ==, -1);
    assertError(VIR_ERR_RPC, VIR_FROM_RPC);

    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_LIST_DEFINED_DOMAINS,
                     "00000002 00000001 41000000 00000001 42000000");
    g_assert_cmpint(virConnectListDefinedDomains(f->conn, names, 1), ==, 1);
    g_assert_cmpstr(names[0], ==, "A");
    g_assert_null(names[1]);
    free(names[0]);

    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_NUM_OF_DOMAINS, "ffffff00");
    g_assert_cmpint(virConnectNumOfDomains(f->conn), ==, -1);
    assertError(VIR_ERR_RPC, VIR_FROM_REMOTE);
    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_NUM_OF_DEFINED_DOMAINS, "ffffffff");
    g_assert_cmpint(virConnectNumOfDefinedDomains(f->conn), ==, -1);
    assertError(VIR_ERR_RPC, VIR_FROM_REMOTE);

    /* What it lists counts, not what it says of it. */
    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, listed);
    g_assert_cmpint(virConnectListAllDomains(f->conn, &domains, 0), ==, 1);
    g_assert_cmpstr(virDomainGetName(domains[0]), ==, "g1");
    g_assert_null(domains[1]);
    virDomainFree(domains[0]);
    free(domains);
    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, "00000000 fffffff0");
    g_assert_cmpint(virConnectListAllDomains(f->conn, NULL, 0), ==, -1);
    assertError(VIR_ERR_RPC, VIR_FROM_REMOTE);

    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_GET_TYPE, "00000009 41");
    g_assert_null(virConnectGetType(f->conn));
    assertError(VIR_ERR_RPC, VIR_FROM_RPC);
    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_DOMAIN_GET_OS_TYPE, "00400001");
    g_assert_null(virDomainGetOSType(f->dom));
    assertError(VIR_ERR_RPC, VIR_FROM_RPC);
    g_assert_true(virConnectIsAlive(f->conn));
}

/* Asked for once, whatever happens to the daemon later. */
static void
testType(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *text = remotePeerText("QEMU");

    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_GET_TYPE, text);
    g_assert_cmpstr(virConnectGetType(f->conn), ==, "QEMU");
    g_assert_cmpstr(virConnectGetType(f->conn), ==, "QEMU");
    g_assert_cmpuint(remotePeerCountCalls(f->peer, REMOTE, REMOTE_PROC_CONNECT_GET_TYPE), ==, 1);
}

/* The answer belongs to another procedure: that call fails, the connection lives. */
static void
testOtherProcedure(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *text = remotePeerText("result");
    char *result = NULL;

    remotePeerAnswer(f->peer, QEMU, QEMU_PROC_DOMAIN_MONITOR_COMMAND, text);
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{}", &result, 0), ==, 0);
    g_assert_cmpstr(result, ==, "result");
    free(result);
    remotePeerAnswer(f->peer, QEMU, QEMU_PROC_DOMAIN_AGENT_COMMAND, "00000000");
    result = virDomainQemuAgentCommand(f->dom, "{}", 1, 0);
    g_assert_cmpstr(result, ==, "");
    free(result);
}

/* Files go only where the daemon takes them. */
static void
testFiles(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    int fds[33];
    char *result = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = STDIN_FILENO;
    remotePeerAnswer(f->peer, REMOTE, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, "00000000");
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 1, fds, NULL, NULL, &result,
                                                         0), ==, -1);
    assertError(VIR_ERR_INTERNAL_ERROR, VIR_FROM_REMOTE);
    remotePeerLetGo(f->peer, REMOTE, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE);
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 33, fds, NULL, NULL,
                                                         &result, 0), ==, -1);
    g_assert_nonnull(virGetLastError());
    g_assert_true(virConnectIsAlive(f->conn));
    g_assert_cmpuint(remotePeerCountCalls(f->peer, QEMU,
                                          QEMU_PROC_DOMAIN_MONITOR_COMMAND_WITH_FILES), ==, 0);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "set-up", testSetUp },
        { "unknown-procedure", testUnknownProcedure },
        { "errors", testErrors },
        { "lies", testLies },
        { "type", testType },
        { "other-procedure", testOtherProcedure },
        { "files", testFiles },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    testLoopRegister();
    virSetErrorFunc(NULL, silent);
    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/remote/call/", tests[i].name, NULL);

        g_test_add(path, Fixture, NULL, setUp, tests[i].func, tearDown);
    }
    g_test_add_func("/remote/call/set-up-fails", testSetUpFails);
    g_test_add_func("/remote/call/no-features", testNoFeatures);
    g_test_add_func("/remote/call/chosen-by-the-daemon", testChosenByTheDaemon);
    return testRunCountingFds();
}
