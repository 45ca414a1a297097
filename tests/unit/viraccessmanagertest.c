/*
 * viraccessmanagertest.c: those who decide, together
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessmanager.h"

#include <glib/gstdio.h>

#include "virerror_priv.h"

static size_t changes;

static void
changed(void *opaque G_GNUC_UNUSED)
{
    changes++;
}

static int
check(virAccessManager *manager, virAccessPerm perm)
{
    g_autoptr(virIdentity) identity = virIdentityNew();
    virAccessQuestion question = { identity, perm, "QEMU", NULL, NULL };

    virIdentitySetUNIXUserID(identity, 0);
    return virAccessManagerCheck(manager, &question);
}

static void
testNone(void)
{
    const char *const lists[][2] = { { NULL, NULL }, { "none", NULL } };
    const virAccessSettings settings = { "/nonexistent" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autoptr(virAccessManager) manager = virAccessManagerNew(lists[i], &settings, changed,
                                                                  NULL);
        int perm;

        g_assert_nonnull(manager);
        g_assert_true(virAccessManagerAllowsAll(manager));
        for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++)
            g_assert_cmpint(check(manager, (virAccessPerm)perm), ==,
                            perm != VIR_ACCESS_PERM_DOMAIN_WATCH_EVENTS);
        changes = 0;
        g_assert_cmpint(virAccessManagerReload(manager, &settings), ==, 0);
        g_assert_cmpuint(changes, ==, 0);
    }
}

static void
testWrongLists(void)
{
    const char *const unknown[] = { "none", "selinux", NULL };
    const char *const twice[] = { "none", "none", NULL };
    const char *const file[] = { "file", NULL };
    const virAccessSettings settings = { "/nonexistent" };

    g_assert_null(virAccessManagerNew(unknown, &settings, changed, NULL));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    g_assert_cmpint(virAccessManagerTest(unknown, &settings), ==, -1);
    g_assert_null(virAccessManagerNew(twice, &settings, changed, NULL));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    g_assert_null(virAccessManagerNew(file, &settings, changed, NULL));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virAccessManagerTest(NULL, &settings), ==, 0);
    virResetLastError();
}

static void
testFile(void)
{
    const char *const drivers[] = { "none", "file", NULL };
    g_autofree char *dir = g_dir_make_tmp("acl-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "acl.conf", NULL);
    const virAccessSettings settings = { path };
    g_autoptr(virAccessManager) manager = NULL;

    g_assert_true(g_file_set_contents(path, "[a]\nwho = user:0\n"
                                      "may = connect:read domain:watch-events\ndomains = *\n",
                                      -1, NULL));
    g_assert_cmpint(virAccessManagerTest(drivers, &settings), ==, 0);
    g_assert_nonnull(manager = virAccessManagerNew(drivers, &settings, changed, NULL));
    g_assert_false(virAccessManagerAllowsAll(manager));
    g_assert_cmpint(check(manager, VIR_ACCESS_PERM_CONNECT_READ), ==, 1);
    g_assert_cmpint(check(manager, VIR_ACCESS_PERM_CONNECT_WRITE), ==, 0);
    g_assert_cmpint(check(manager, VIR_ACCESS_PERM_DOMAIN_WATCH_EVENTS), ==, 1);

    changes = 0;
    g_assert_true(g_file_set_contents(path, "[a]\nwho = user:1\nmay = connect:read\n", -1, NULL));
    g_assert_cmpint(virAccessManagerReload(manager, &settings), ==, 0);
    g_assert_cmpuint(changes, ==, 1);
    g_assert_cmpint(check(manager, VIR_ACCESS_PERM_CONNECT_READ), ==, 0);

    g_assert_true(g_file_set_contents(path, "[a]\n", -1, NULL));
    g_assert_cmpint(virAccessManagerReload(manager, &settings), ==, -1);
    g_assert_cmpuint(changes, ==, 1);

    virAccessManagerStop(manager);
    g_assert_cmpint(check(manager, VIR_ACCESS_PERM_CONNECT_READ), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_ABORTED);
    virResetLastError();
    g_unlink(path);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/access-manager/none", testNone);
    g_test_add_func("/access-manager/wrong-lists", testWrongLists);
    g_test_add_func("/access-manager/file", testFile);
    return g_test_run();
}
