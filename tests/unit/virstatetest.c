/*
 * virstatetest.c: drivers as a daemon runs them, from its start to its end
 *
 * What the one driver that there is does then is qemustatetest's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virstate.h"

#include <glib.h>
#include <libvirt/libvirt.h>

#include "testutils.h"
#include "virerror_priv.h"

static const char *const none[] = { NULL };
static const char *const relative[] = { "relative", NULL };

static void
testRoundTrips(void)
{
    int i;

    for (i = 0; i < 3; i++) {
        virConnectPtr conn;

        g_assert_false(virStateIsActive());
        g_assert_cmpint(virStateCheck(none), ==, 0);
        g_assert_false(virStateIsActive());
        g_assert_cmpint(virStateInitialize(none), ==, 0);
        g_assert_true(virStateIsActive());
        conn = virConnectOpen("qemu:///system");
        g_assert_nonnull(conn);
        g_assert_cmpint(virConnectNumOfDomains(conn), ==, 0);
        g_assert_cmpint(virStateReload(none), ==, 0);
        virStateStop();
        virStateStop();
        virConnectClose(conn);
        virStateCleanup();
    }
    g_assert_false(virStateIsActive());
}

static void
testFails(void)
{
    g_assert_cmpint(virStateCheck(relative), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    virResetLastError();
    g_assert_cmpint(virStateInitialize(relative), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_false(virStateIsActive());
    virResetLastError();

    g_assert_cmpint(virStateInitialize(none), ==, 0);
    g_assert_cmpint(virStateReload(relative), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_true(virStateIsActive());
    virResetLastError();
    virStateStop();
    virStateCleanup();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/round-trips", testRoundTrips);
    g_test_add_func("/state/fails", testFails);
    return testRunCountingFds();
}
