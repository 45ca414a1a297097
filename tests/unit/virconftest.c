/*
 * virconftest.c: configuration files
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virconf.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "virerror_priv.h"

static virConf *
parse(const char *text)
{
    return virConfParse(text, strlen(text), "test.conf");
}

static void
assertString(virConf *conf, const char *name, const char *expected)
{
    const char *value = NULL;

    g_assert_cmpint(virConfGetString(conf, name, &value), ==, expected ? 1 : 0);
    g_assert_cmpstr(value, ==, expected);
}

static void
testValues(void)
{
    g_autoptr(virConf) conf = parse("# a comment = \"no\"\n"
                                    "\n"
                                    "double = \"it's\"\r\n"
                                    "  single='say \"#\"'  # and a comment\n"
                                    "empty = \"\"; packed=\"x\";tail = 'y'\n"
                                    "lines = \"\"\"one\ntwo \" three\"\"\"\n"
                                    "_n1 = 5\n"
                                    "minus = -12\n"
                                    "list = [ \"a\", 'b',   # of two\n"
                                    "  # and a third\n"
                                    "\t\"c\",\n"
                                    "]\n"
                                    "none = []\n"
                                    "mixed = [\"a\", 1]\n"
                                    "twice = \"first\"\n"
                                    "twice = \"last\"");
    const char *const *list = NULL;

    g_assert_nonnull(conf);
    assertString(conf, "double", "it's");
    assertString(conf, "single", "say \"#\"");
    assertString(conf, "empty", "");
    assertString(conf, "packed", "x");
    assertString(conf, "tail", "y");
    assertString(conf, "lines", "one\ntwo \" three");
    assertString(conf, "twice", "last");
    assertString(conf, "a", NULL);
    assertString(conf, "comment", NULL);

    g_assert_cmpint(virConfGetStringList(conf, "list", &list), ==, 1);
    g_assert_cmpstr(list[0], ==, "a");
    g_assert_cmpstr(list[1], ==, "b");
    g_assert_cmpstr(list[2], ==, "c");
    g_assert_null(list[3]);
    g_assert_cmpint(virConfGetStringList(conf, "none", &list), ==, 1);
    g_assert_null(list[0]);
    list = NULL;
    g_assert_cmpint(virConfGetStringList(conf, "absent", &list), ==, 0);
    g_assert_null(list);
}

static void
testOtherKinds(void)
{
    g_autoptr(virConf) conf = parse("number = 5\nlist = [\"a\"]\nstring = \"a\"\nmixed = [1, \"a\"]\n");
    static const char *const noStrings[] = { "number", "list", "mixed" };
    static const char *const noLists[] = { "number", "string", "mixed" };
    const char *const *list = NULL;
    const char *value = NULL;
    size_t i;

    g_assert_nonnull(conf);
    for (i = 0; i < G_N_ELEMENTS(noStrings); i++) {
        virResetLastError();
        g_assert_cmpint(virConfGetString(conf, noStrings[i], &value), ==, -1);
        g_assert_null(value);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
        g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_CONF);
        g_assert_nonnull(strstr(virGetLastErrorMessage(), noStrings[i]));
    }
    for (i = 0; i < G_N_ELEMENTS(noLists); i++) {
        virResetLastError();
        g_assert_cmpint(virConfGetStringList(conf, noLists[i], &list), ==, -1);
        g_assert_null(list);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
        g_assert_nonnull(strstr(virGetLastErrorMessage(), noLists[i]));
    }
}

static void
testBad(void)
{
    static const struct {
        const char *text;
        const char *where;
    } bad[] = {
        { "garbage", "test.conf:1: " }, { "\n\na-b = 5", "test.conf:3: " },
        { "1a = 5", "test.conf:1: " }, { "[section]", "test.conf:1: " },
        { "= 5", "test.conf:1: " }, { "a =", "test.conf:1: " }, { "a = \n5", "test.conf:1: " },
        { "a = word", "test.conf:1: " }, { "a = -", "test.conf:1: " },
        { "a = 0x5", "test.conf:1: " }, { "a = \"x", "test.conf:1: " },
        { "a = \"x\n\"", "test.conf:1: " }, { "a = \"x\\\"y\"", "test.conf:1: " },
        { "a = 'x\"", "test.conf:1: " }, { "\na = \"\"\"x\n\n\"\"", "test.conf:2: " },
        { "a = 5 6", "test.conf:1: " }, { "a = \"x\" b = \"y\"", "test.conf:1: " },
        { "a = [", "test.conf:1: " }, { "a = [\n1\n2]", "test.conf:3: " },
        { "a = [[1]]", "test.conf:1: " }, { "a = [,]", "test.conf:1: " },
        { "a = [1,,2]", "test.conf:1: " }, { "a = [1", "test.conf:1: " },
        { "a = ]", "test.conf:1: " }, { ";", "test.conf:1: " },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        virResetLastError();
        g_assert_null(parse(bad[i].text));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
        if (!strstr(virGetLastErrorMessage(), bad[i].where))
            g_error("'%s' gives '%s'", bad[i].text, virGetLastErrorMessage());
    }
}

static void
testEdges(void)
{
    static const char *const empty[] = { "", "\n", "  ", "#", "# no line end" };
    g_autofree char *big = g_malloc(VIR_CONF_BYTES_MAX + 1);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(empty); i++) {
        g_autoptr(virConf) conf = parse(empty[i]);

        g_assert_nonnull(conf);
    }

    /* A NUL byte would hide what is behind it. */
    g_assert_null(virConfParse("a = 1\n\0b = 2\n", 13, "test.conf"));
    g_assert_null(virConfParse("a = \"x\0\"", 8, "test.conf"));

    memset(big, '\n', VIR_CONF_BYTES_MAX + 1);
    {
        g_autoptr(virConf) conf = virConfParse(big, VIR_CONF_BYTES_MAX, "big");

        g_assert_nonnull(conf);
    }
    virResetLastError();
    g_assert_null(virConfParse(big, VIR_CONF_BYTES_MAX + 1, "big"));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
}

static void
testFiles(void)
{
    g_autofree char *dir = g_dir_make_tmp("virconf-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "a.conf", NULL);
    virErrorPtr err;

    g_assert_null(virConfRead(path));
    err = virGetLastError();
    g_assert_cmpint(err->code, ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(err->int1, ==, ENOENT);

    g_assert_true(g_file_set_contents(path, "a = \"b\"\n", -1, NULL));
    {
        g_autoptr(virConf) conf = virConfRead(path);

        g_assert_nonnull(conf);
        assertString(conf, "a", "b");
    }
    g_assert_true(g_file_set_contents(path, "a = \"b\"\nc\n", -1, NULL));
    g_assert_null(virConfRead(path));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "a.conf:2: "));
    g_remove(path);

    /* What has no end is not read to its end; what can't be read says so. */
    g_assert_null(virConfRead("/dev/zero"));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    g_assert_null(virConfRead(dir));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, EISDIR);
    g_rmdir(dir);
}

static void
assertNumber(virConf *conf, const char *name, int rc, gint64 expected)
{
    gint64 value = 77;

    g_assert_cmpint(virConfGetNumber(conf, name, -5, 100, &value), ==, rc);
    g_assert_cmpint(value, ==, rc == 1 ? expected : 77);
    g_assert_cmpint(virGetLastErrorCode(), ==, rc < 0 ? VIR_ERR_CONF_SYNTAX : VIR_ERR_OK);
    if (rc < 0)
        g_assert_nonnull(strstr(virGetLastErrorMessage(), name));
    virResetLastError();
}

static void
testNumbers(void)
{
    g_autoptr(virConf) conf = parse("least = -5\nmost = 100\nless = -6\nmore = 101\n"
                                    "huge = 99999999999999999999\nzero = 007\n"
                                    "text = \"5\"\nlist = [5]\n");

    virResetLastError();
    assertNumber(conf, "least", 1, -5);
    assertNumber(conf, "most", 1, 100);
    assertNumber(conf, "zero", 1, 7);
    assertNumber(conf, "absent", 0, 0);
    assertNumber(conf, "less", -1, 0);
    assertNumber(conf, "more", -1, 0);
    assertNumber(conf, "huge", -1, 0);
    assertNumber(conf, "text", -1, 0);
    assertNumber(conf, "list", -1, 0);
}

static void
testPlaces(void)
{
    g_autoptr(virConf) conf = parse("# one\n\na = 1\nb = [\n1,\n2]\na = 2");
    size_t line;

    g_assert_cmpstr(virConfName(conf), ==, "test.conf");
    g_assert_cmpuint(virConfCount(conf), ==, 3);
    g_assert_cmpstr(virConfAt(conf, 0, &line), ==, "a");
    g_assert_cmpuint(line, ==, 3);
    g_assert_cmpstr(virConfAt(conf, 1, &line), ==, "b");
    g_assert_cmpuint(line, ==, 4);
    g_assert_cmpstr(virConfAt(conf, 2, &line), ==, "a");
    g_assert_cmpuint(line, ==, 7);
    g_assert_cmpuint(virConfLine(conf, "a"), ==, 7);        /* the one that counts */
    g_assert_cmpuint(virConfLine(conf, "c"), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/conf/values", testValues);
    g_test_add_func("/util/conf/other-kinds", testOtherKinds);
    g_test_add_func("/util/conf/numbers", testNumbers);
    g_test_add_func("/util/conf/places", testPlaces);
    g_test_add_func("/util/conf/bad", testBad);
    g_test_add_func("/util/conf/edges", testEdges);
    g_test_add_func("/util/conf/files", testFiles);
    return g_test_run();
}
