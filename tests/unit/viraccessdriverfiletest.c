/*
 * viraccessdriverfiletest.c: who decides by an administrator's list
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessdriver.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "virerror_priv.h"

typedef struct {
    char *dir;
    char *path;
    virAccessSettings settings;
    void *state;
    virIdentity *identity;
} Fixture;

static void
changed(void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
setUp(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    f->dir = g_dir_make_tmp("acl-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "acl.conf", NULL);
    f->settings.file = f->path;
    f->identity = virIdentityNew();
    virIdentitySetUNIXUserID(f->identity, 0);
}

static void
tearDown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    if (f->state)
        virAccessDriverFile.close(f->state);
    virIdentityUnref(f->identity);
    g_unlink(f->path);
    g_rmdir(f->dir);
    g_free(f->path);
    g_free(f->dir);
    virResetLastError();
}

static void
writeFile(Fixture *f, const char *text)
{
    g_assert_true(g_file_set_contents(f->path, text, -1, NULL));
}

static int
check(Fixture *f)
{
    virAccessQuestion question = { f->identity, VIR_ACCESS_PERM_CONNECT_READ, "QEMU", NULL, NULL };

    return virAccessDriverFile.check(f->state, &question);
}

static void
testReload(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_null(virAccessDriverFile.open(&f->settings, changed, NULL));

    writeFile(f, "[a]\nwho = user:0\nmay = connect:read\n");
    g_assert_nonnull(f->state = virAccessDriverFile.open(&f->settings, changed, NULL));
    g_assert_cmpint(check(f), ==, 1);
    writeFile(f, "[a]\nwho = user:1\nmay = connect:read\n");
    g_assert_cmpint(check(f), ==, 1);
    g_assert_cmpint(virAccessDriverFile.reload(f->state, &f->settings), ==, 0);
    g_assert_cmpint(check(f), ==, 0);

    /* What makes no sense changes nothing. */
    writeFile(f, "[a]\nwho = user:0\nmay = everything\n");
    g_assert_cmpint(virAccessDriverFile.reload(f->state, &f->settings), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    g_assert_cmpint(check(f), ==, 0);
    writeFile(f, "[a]\nwho = user:0\nmay = *\ndomains = *\n");
    g_assert_cmpint(virAccessDriverFile.reload(f->state, &f->settings), ==, 0);
    g_assert_cmpint(check(f), ==, 1);
}

/* Of the connection's own group, of those of its user in the system's database, and of no other. */
static void
testGroups(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct passwd *root = getpwuid(0);
    g_autofree char *own = NULL;

    g_assert_nonnull(root);
    own = g_strdup_printf("[a]\nwho = group:%lu\nmay = connect:read\n",
                          (unsigned long)root->pw_gid);
    writeFile(f, own);
    g_assert_nonnull(f->state = virAccessDriverFile.open(&f->settings, changed, NULL));
    g_assert_cmpint(check(f), ==, 1);

    writeFile(f, "[a]\nwho = group:4000000000\nmay = connect:read\n");
    g_assert_cmpint(virAccessDriverFile.reload(f->state, &f->settings), ==, 0);
    g_assert_cmpint(check(f), ==, 0);
    virIdentitySetUNIXGroupID(f->identity, 4000000000);
    g_assert_cmpint(check(f), ==, 1);

    /* A user whom the database doesn't know has the connection's group alone. */
    virIdentitySetUNIXUserID(f->identity, 4000000000);
    g_assert_cmpint(check(f), ==, 1);
    virIdentitySetUNIXGroupID(f->identity, 4000000001);
    g_assert_cmpint(check(f), ==, 0);
}

static gpointer
ask(gpointer opaque)
{
    Fixture *f = opaque;
    int i;

    for (i = 0; i < 2000; i++)
        g_assert_cmpint(check(f), ==, 1);
    return NULL;
}

static void
testReloadWhileAsked(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    GThread *threads[2];
    size_t i;

    writeFile(f, "[a]\nwho = user:0\nmay = connect:read\n");
    g_assert_nonnull(f->state = virAccessDriverFile.open(&f->settings, changed, NULL));
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("ask", ask, f);
    for (i = 0; i < 50; i++)
        g_assert_cmpint(virAccessDriverFile.reload(f->state, &f->settings), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) \
    g_test_add("/access-driver-file/" name, Fixture, NULL, setUp, func, tearDown)
    ADD("reload", testReload);
    ADD("groups", testGroups);
    ADD("reload-while-asked", testReloadWhileAsked);
    return g_test_run();
}
