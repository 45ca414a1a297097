/*
 * viraccesspermtest.c: the names of permissions
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessperm.h"

#include <string.h>
#include <glib.h>

static void
testEveryOneHasItsName(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int perm;

    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++) {
        const char *klass = virAccessPermClass((virAccessPerm)perm);
        const char *name = virAccessPermName((virAccessPerm)perm);

        g_assert_true(strcmp(klass, "connect") == 0 || strcmp(klass, "domain") == 0);
        g_assert_cmpint(virAccessPermIsDomain((virAccessPerm)perm), ==,
                        strcmp(klass, "domain") == 0);
        g_assert_cmpuint(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), ==, strlen(name));
        g_assert_cmpuint(strlen(virAccessPermWhat((virAccessPerm)perm)), >, 0);
        g_assert_cmpint(virAccessPermFind(klass, name), ==, perm);
        g_assert_true(g_hash_table_add(seen, g_strconcat(klass, ":", name, NULL)));
    }
}

static void
testNamesAreLibvirts(void)
{
    g_assert_cmpint(virAccessPermFind("connect", "search-domains"), ==,
                    VIR_ACCESS_PERM_CONNECT_SEARCH_DOMAINS);
    g_assert_cmpint(virAccessPermFind("domain", "init-control"), ==,
                    VIR_ACCESS_PERM_DOMAIN_INIT_CONTROL);
    g_assert_cmpint(virAccessPermFind("domain", "read-secure"), ==,
                    VIR_ACCESS_PERM_DOMAIN_READ_SECURE);
    g_assert_cmpint(virAccessPermFind("connect", "init-control"), ==, VIR_ACCESS_PERM_NONE);
    g_assert_cmpint(virAccessPermFind("domain", "init_control"), ==, VIR_ACCESS_PERM_NONE);
    g_assert_cmpint(virAccessPermFind("", ""), ==, VIR_ACCESS_PERM_NONE);
}

/* What changes something is nobody's by itself, nor is what libvirt doesn't allow. */
static void
testEverybodyChangesNothing(void)
{
    int perm;

    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++) {
        if (virAccessPermIsEverybodys((virAccessPerm)perm))
            g_assert_false(virAccessPermWrites((virAccessPerm)perm));
    }
    g_assert_true(virAccessPermIsEverybodys(VIR_ACCESS_PERM_DOMAIN_GETATTR));
    g_assert_false(virAccessPermIsEverybodys(VIR_ACCESS_PERM_DOMAIN_WATCH_EVENTS));
    g_assert_true(virAccessPermWrites(VIR_ACCESS_PERM_CONNECT_WRITE));
    g_assert_false(virAccessPermWrites(VIR_ACCESS_PERM_DOMAIN_READ));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/access-perm/every-one-has-its-name", testEveryOneHasItsName);
    g_test_add_func("/access-perm/names-are-libvirts", testNamesAreLibvirts);
    g_test_add_func("/access-perm/everybody-changes-nothing", testEverybodyChangesNothing);
    return g_test_run();
}
