/*
 * virclientconftest.c: which URI is meant
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virclientconf.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "virerror_priv.h"

typedef struct {
    char *dir;
    char *path;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->dir = g_dir_make_tmp("virclientconf-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "libvirt.conf", NULL);
    g_unsetenv("LIBVIRT_DEFAULT_URI");
    virResetLastError();
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_unsetenv("LIBVIRT_DEFAULT_URI");
    g_remove(f->path);
    g_rmdir(f->dir);
    g_free(f->path);
    g_free(f->dir);
}

static void
setFile(Fixture *f, const char *text)
{
    g_assert_true(g_file_set_contents(f->path, text, -1, NULL));
}

static void
assertURI(Fixture *f, const char *name, const char *expected)
{
    g_autofree char *uri = virClientConfResolveURI(f->path, name, true);

    g_assert_cmpstr(uri, ==, expected);
}

static void
testDefault(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *daemon = geteuid() == 0 ? "qemu:///system" : "qemu:///session";

    /* Nothing names one. */
    assertURI(f, NULL, daemon);
    setFile(f, "uri_default = \"\"\n");
    assertURI(f, "", daemon);
    g_assert_null(virGetLastError());

    setFile(f, "# uri_default = \"qemu:///no\"\nuri_default = \"qemu:///file\"\n");
    assertURI(f, NULL, "qemu:///file");
    assertURI(f, "", "qemu:///file");
    g_setenv("LIBVIRT_DEFAULT_URI", "qemu:///env", TRUE);
    assertURI(f, NULL, "qemu:///env");
    assertURI(f, "qemu:///given", "qemu:///given");
    g_setenv("LIBVIRT_DEFAULT_URI", "", TRUE);
    assertURI(f, NULL, "qemu:///file");

    setFile(f, "uri_default = 5\n");
    assertURI(f, NULL, NULL);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
}

static void
testAliases(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *literal = NULL;

    assertURI(f, "here", "here");
    setFile(f, "uri_aliases = [\n  \"here=qemu:///one?a=b\",\n  \"B-2_x=qemu:///two\",\n]\n");
    assertURI(f, "here", "qemu:///one?a=b");
    assertURI(f, "B-2_x", "qemu:///two");
    assertURI(f, "her", "her");
    assertURI(f, "heree", "heree");
    literal = virClientConfResolveURI(f->path, "here", false);
    g_assert_cmpstr(literal, ==, "here");
    assertURI(f, "qemu:here", "qemu:here");
    g_assert_null(virGetLastError());
}

static void
testBad(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const bad[] = {
        "uri_aliases = [ \"nothing\" ]", "uri_aliases = [ \"a b=qemu:///x\" ]",
        "uri_aliases = [ \"=qemu:///x\" ]", "uri_aliases = [ \"a=\" ]", "uri_aliases = \"x=y\"",
        "uri_aliases = [ 5 ]", "garbage",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        setFile(f, bad[i]);
        virResetLastError();
        assertURI(f, "here", NULL);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
        g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_CONF);
        /* A broken file is nobody's business who needs none. */
        assertURI(f, "qemu:///x", "qemu:///x");
    }
}

static void
testNoFile(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *below = g_build_filename(f->path, "libvirt.conf", NULL);
    g_autofree char *uri = NULL;
    g_autofree char *path = virClientConfPath();

    setFile(f, "");
    uri = virClientConfResolveURI(below, "here", true);     /* a file where a folder should be */
    g_assert_cmpstr(uri, ==, "here");
    g_assert_null(virGetLastError());

    g_assert_true(g_path_is_absolute(path));
    g_assert_true(g_str_has_suffix(path, "/libvirt/libvirt.conf"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/util/clientconf/default", Fixture, NULL, setUp, testDefault, tearDown);
    g_test_add("/util/clientconf/aliases", Fixture, NULL, setUp, testAliases, tearDown);
    g_test_add("/util/clientconf/bad", Fixture, NULL, setUp, testBad, tearDown);
    g_test_add("/util/clientconf/no-file", Fixture, NULL, setUp, testNoFile, tearDown);
    return g_test_run();
}
