/*
 * remoteadminclienttest.c: the administrator's end of a connection to a daemon's admin socket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_admin_client.h"

#include <string.h>

#include "admin_protocol.h"
#include "remotepeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virtmon_admin_protocol.h"

static void
assertPath(const char *where, const char *expected)
{
    g_autofree char *path = remoteAdminClientPath(where);

    g_assert_cmpstr(path, ==, expected);
}

static void
testPaths(void)
{
    static const char *const bad[] = {
        "", "x", "relative/path", "virtmond://host/system", "virtmond:///", "virtmond:///other",
        "virtmond:/system:%", "virtmond",
    };
    g_autofree char *own = g_build_filename(g_get_user_runtime_dir(), "virtmon",
                                            "virtmon-admin-sock", NULL);
    g_autofree char *qemu = g_build_filename(g_get_user_runtime_dir(), "libvirt",
                                             "virtqemud-admin-sock", NULL);
    size_t i;

    assertPath("/some/where", "/some/where");
    assertPath("virtmond:///system", "/run/virtmon/virtmon-admin-sock");
    assertPath("virtmond:///session", own);
    assertPath("libvirtd:///system", "/run/libvirt/libvirt-admin-sock");
    assertPath("virtqemud:///session", qemu);
    assertPath("virtmond:///system?socket=/a%20b", "/a b");
    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        assertPath(bad[i], NULL);
        g_assert_cmpint(virGetLastErrorCode(), !=, VIR_ERR_OK);
        virResetLastError();
    }
}

static remoteAdminClient *
open(remotePeer *peer)
{
    return remoteAdminClientNew(strstr(remotePeerURI(peer, ""), "socket=") + strlen("socket="));
}

static void
testCalls(void)
{
    g_autoptr(remoteAdminClient) client = NULL;
    remotePeer *peer = remotePeerNew();
    admin_connect_get_lib_version_ret version = { 0 };
    virtmon_admin_query query = { .from = (char *)"" };
    virtmon_admin_page page = { { 0 } };
    g_autofree char *opened = NULL;

    client = open(peer);
    g_assert_nonnull(client);
    opened = remotePeerWaitCalls(peer, ADMIN_PROGRAM, ADMIN_PROC_CONNECT_OPEN, 1);
    g_assert_cmpstr(opened, ==, "00000000");
    remotePeerAnswer(peer, ADMIN_PROGRAM, ADMIN_PROC_CONNECT_GET_LIB_VERSION, "00000000 00895440");
    g_assert_cmpint(remoteAdminClientCall(client, ADMIN_PROC_CONNECT_GET_LIB_VERSION, NULL,
                                          &version), ==, 0);
    g_assert_cmpuint(version.libVer, ==, 9000000);

    remotePeerAnswer(peer, VIRTMON_ADMIN_PROGRAM, VIRTMON_ADMIN_PROC_LIST_USERS,
                     "00000001 00000000 00000001 78000000");
    g_assert_cmpint(remoteAdminClientCallOwn(client, VIRTMON_ADMIN_PROC_LIST_USERS, &query, &page),
                    ==, 0);
    g_assert_cmpuint(page.records.records_len, ==, 1);
    g_assert_cmpstr(page.next, ==, "x");
    xdr_free((xdrproc_t)xdr_virtmon_admin_page, &page);

    /* More records than there can be, and what the daemon says of itself. */
    remotePeerAnswer(peer, VIRTMON_ADMIN_PROGRAM, VIRTMON_ADMIN_PROC_LIST_USERS, "ffffffff");
    g_assert_cmpint(remoteAdminClientCallOwn(client, VIRTMON_ADMIN_PROC_LIST_USERS, &query, &page),
                    ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    remotePeerRefuse(peer, VIRTMON_ADMIN_PROGRAM, VIRTMON_ADMIN_PROC_LIST_USERS,
                     VIR_ERR_INVALID_ARG, VIR_FROM_RPC, "no");
    g_assert_cmpint(remoteAdminClientCallOwn(client, VIRTMON_ADMIN_PROC_LIST_USERS, &query, &page),
                    ==, -1);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "no");

    g_assert_true(remoteAdminClientIsOpen(client));
    remotePeerHangUp(peer);
    g_assert_cmpint(remoteAdminClientCall(client, ADMIN_PROC_CONNECT_GET_LIB_VERSION, NULL,
                                          &version), ==, -1);
    g_assert_false(remoteAdminClientIsOpen(client));
    virResetLastError();
    g_clear_pointer(&client, remoteAdminClientFree);
    remotePeerFree(peer);
}

static void
testRefused(void)
{
    remotePeer *peer = remotePeerNew();

    remotePeerRefuse(peer, ADMIN_PROGRAM, ADMIN_PROC_CONNECT_OPEN, VIR_ERR_RPC, VIR_FROM_RPC,
                     "cannot find program");
    g_assert_null(open(peer));
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "cannot find program");
    remotePeerFree(peer);
    g_assert_null(remoteAdminClientNew("/nonexistent/socket"));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/admin-client/paths", testPaths);
    g_test_add_func("/remote/admin-client/calls", testCalls);
    g_test_add_func("/remote/admin-client/refused", testRefused);
    return testRunCountingFds();
}
