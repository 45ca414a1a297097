/*
 * qemuuritest.c: what connection URIs ask of the driver
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_uri.h"

#include <string.h>

#include "qemu_watch.h"
#include "virerror_priv.h"

static int
parse(const char *text, qemuURI **config)
{
    g_autoptr(virURI) uri = virURIParse(text);

    g_assert_nonnull(uri);
    return qemuURIParse(uri, config);
}

/* The patterns of a good URI, each in brackets. */
static char *
patterns(const char *text)
{
    g_autoptr(qemuURI) config = NULL;
    g_autoptr(GString) found = g_string_new(NULL);
    size_t i;

    if (parse(text, &config) != 1)
        g_error("%s: %s", text, virGetLastErrorMessage());
    for (i = 0; i + 1 < config->patterns->len; i++)
        g_string_append_printf(found, "[%s]", (char *)g_ptr_array_index(config->patterns, i));
    g_assert_null(g_ptr_array_index(config->patterns, i));
    return g_strdup(found->str);
}

static void
assertPatterns(const char *text, const char *expected)
{
    g_autofree char *found = patterns(text);

    g_assert_cmpstr(found, ==, expected);
}

static void
testMonitors(void)
{
    assertPatterns("qemu:///embed?monitor=/run/a.qmp", "[/run/a.qmp]");
    /* sorted, each once */
    assertPatterns("qemu:///embed?monitor=/b&monitor=/a&monitor=/b", "[/a][/b]");
    assertPatterns("qemu:///embed?monitor=/b;MONITOR=/a", "[/a][/b]");
    /* as URIs are, percent-encoded */
    assertPatterns("qemu:///embed?monitor=/run/*/%5Ba-c%5D%3F.qmp", "[/run/*/[a-c]?.qmp]");
    assertPatterns("qemu:///embed?monitor=%2Frun%2Fa%20b%26c%C3%A4%25", "[/run/a b&c\xc3\xa4%]");
    assertPatterns("qemu:///embed?monitor=/a+b", "[/a+b]");
    /* what looks like an unfinished set is none */
    assertPatterns("qemu:///embed?monitor=/%5B%5D%5D/%5B!%5D%5D/%5C%5B/%5B%5B:alpha:%5D%5D/"
                   "%5Ba%5C%5Db%5D/%5D", "[/[]]/[!]]/\\[/[[:alpha:]]/[a\\]b]/]]");
}

static void
testRoot(void)
{
    g_autoptr(qemuURI) config = NULL;

    g_assert_cmpint(parse("qemu:///embed?root=/a/b//", &config), ==, 1);
    g_assert_cmpstr(config->root, ==, "/a/b");
    g_assert_cmpuint(config->patterns->len, ==, 1);
    g_assert_null(g_ptr_array_index(config->patterns, 0));
    g_clear_pointer(&config, qemuURIFree);
    g_assert_cmpint(parse("qemu:///embed?root=/", &config), ==, 1);
    g_assert_cmpstr(config->root, ==, "/");

    /* relative ones are below it, wherever it stands; absolute ones are not */
    assertPatterns("qemu:///embed?monitor=vm/*.qmp&root=/r&monitor=/x", "[/r/vm/*.qmp][/x]");
    assertPatterns("qemu:///embed?root=/&monitor=x", "[/x]");
    /* characters of the root mean themselves */
    assertPatterns("qemu:///embed?root=/%5Ba*%3F%5C&monitor=*", "[/\\[a\\*\\?\\\\/*]");
}

/* Those that ask for the same share one driver. */
static void
testKey(void)
{
    static const char *const same[][2] = {
        { "qemu:///embed?monitor=/a&monitor=/b", "qemu:///embed?monitor=/b&monitor=/a" },
        { "qemu:///embed?monitor=/a", "qemu:///embed?monitor=%2Fa&monitor=/a#x" },
        { "qemu:///embed?root=/r", "qemu:///embed?ROOT=/r/" },
    };
    static const char *const different[][2] = {
        { "qemu:///embed?monitor=/a", "qemu:///embed?monitor=/b" },
        { "qemu:///embed?monitor=/a", "qemu:///embed?monitor=/a&monitor=/b" },
        { "qemu:///embed?monitor=/a", "qemu:///embed?monitor=/a&root=/r" },
        { "qemu:///embed?monitor=/a,2:/b", "qemu:///embed?monitor=/a&monitor=/b" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(same); i++) {
        g_autoptr(qemuURI) a = NULL;
        g_autoptr(qemuURI) b = NULL;

        g_assert_cmpint(parse(same[i][0], &a), ==, 1);
        g_assert_cmpint(parse(same[i][1], &b), ==, 1);
        g_assert_cmpstr(a->key, ==, b->key);
    }
    for (i = 0; i < G_N_ELEMENTS(different); i++) {
        g_autoptr(qemuURI) a = NULL;
        g_autoptr(qemuURI) b = NULL;

        g_assert_cmpint(parse(different[i][0], &a), ==, 1);
        g_assert_cmpint(parse(different[i][1], &b), ==, 1);
        g_assert_cmpstr(a->key, !=, b->key);
    }
}

/* A daemon's business, or another driver's. */
static void
testDeclined(void)
{
    static const char *const uris[] = {
        "qemu:///system", "qemu:///session", "qemu:///system?socket=/x", "qemu://host/system",
        "qemu://host/", "qemu://host",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(uris); i++) {
        qemuURI *config = NULL;

        g_assert_cmpint(parse(uris[i], &config), ==, 0);
        g_assert_null(config);
        g_assert_null(virGetLastError());
    }
}

static void
testErrors(void)
{
    static const struct {
        const char *uri;
        int code;
        const char *text;
    } cases[] = {
        { "qemu:///", VIR_ERR_INTERNAL_ERROR, "unexpected QEMU URI path '/'" },
        { "qemu:///foo", VIR_ERR_INTERNAL_ERROR, "unexpected QEMU URI path '/foo'" },
        { "qemu:///embedded", VIR_ERR_INTERNAL_ERROR, "'/embedded'" },
        { "qemu:///embed", VIR_ERR_INVALID_ARG, "'monitor' or 'root'" },
        { "qemu:///embed?", VIR_ERR_INVALID_ARG, "'monitor' or 'root'" },
        { "qemu://host/embed?root=/r", VIR_ERR_INVALID_ARG, "qemu://host/embed?root=/r" },
        { "qemu://user@host/embed?root=/r", VIR_ERR_INVALID_ARG, "must not name a server" },
        { "qemu:///embed?monitor=/a&socket=/s", VIR_ERR_INVALID_ARG, "'socket'" },
        { "qemu:///embed?monitors=/a", VIR_ERR_INVALID_ARG, "'monitors'" },
        { "qemu:///embed?monitor=", VIR_ERR_INVALID_ARG, "'monitor' is empty" },
        { "qemu:///embed?monitor", VIR_ERR_INVALID_ARG, "'monitor' is empty" },
        { "qemu:///embed?monitor=a.qmp", VIR_ERR_INVALID_ARG, "'a.qmp' is relative" },
        { "qemu:///embed?root=r", VIR_ERR_CONFIG_UNSUPPORTED, "'r'" },
        { "qemu:///embed?root=", VIR_ERR_CONFIG_UNSUPPORTED, "''" },
        { "qemu:///embed?root=/a&root=/a", VIR_ERR_INVALID_ARG, "more than once" },
        /* patterns that could never match */
        { "qemu:///embed?monitor=/run/%5Babc", VIR_ERR_INVALID_ARG, "'/run/[abc'" },
        { "qemu:///embed?monitor=/run/%5B%5D", VIR_ERR_INVALID_ARG, "'/run/[]'" },
        { "qemu:///embed?monitor=/run/%5B!%5D", VIR_ERR_INVALID_ARG, "'/run/[!]'" },
        { "qemu:///embed?monitor=/%5Ba/b%5D", VIR_ERR_INVALID_ARG, "'/[a/b]'" },
        { "qemu:///embed?monitor=/a/b%5C", VIR_ERR_INVALID_ARG, "'/a/b\\'" },
        { "qemu:///embed?monitor=/a%5C/b", VIR_ERR_INVALID_ARG, "'/a\\/b'" },
        { "qemu:///embed?monitor=/%5Ba%5C", VIR_ERR_INVALID_ARG, "'/[a\\'" },
        { "qemu:///embed?monitor=/%5B%5B:alpha:%5D", VIR_ERR_INVALID_ARG, "'/[[:alpha:]'" },
        { "qemu:///embed?monitor=/", VIR_ERR_INVALID_ARG, "'/'" },
        { "qemu:///embed?monitor=//./", VIR_ERR_INVALID_ARG, "'//./'" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        qemuURI *config = NULL;

        g_test_message("%s", cases[i].uri);
        g_assert_cmpint(parse(cases[i].uri, &config), ==, -1);
        g_assert_null(config);
        g_test_message("%s", virGetLastErrorMessage());
        g_assert_cmpint(virGetLastErrorCode(), ==, cases[i].code);
        g_assert_nonnull(strstr(virGetLastErrorMessage(), cases[i].text));
        virResetLastError();
    }
}

static void
testLimits(void)
{
    g_autoptr(GString) many = g_string_new("qemu:///embed?");
    g_autofree char *most = g_strnfill(QEMU_URI_PATTERN_MAX - 1, 'a');
    g_autofree char *fits = g_strconcat("qemu:///embed?monitor=/", most, NULL);
    g_autofree char *over = g_strconcat(fits, "a", NULL);
    g_autofree char *below = g_strconcat("qemu:///embed?root=/r&monitor=", most, NULL);
    g_autoptr(qemuURI) config = NULL;
    int i;

    g_assert_cmpint(parse(fits, &config), ==, 1);
    g_clear_pointer(&config, qemuURIFree);
    g_assert_cmpint(parse(over, &config), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "exceeds the limit"));
    g_assert_cmpint(parse(below, &config), ==, -1);

    for (i = 0; i < QEMU_WATCH_PATTERNS_MAX; i++)
        g_string_append_printf(many, "monitor=/%d&", i);
    g_assert_cmpint(parse(many->str, &config), ==, 1);
    g_clear_pointer(&config, qemuURIFree);
    g_string_append(many, "monitor=/0");            /* one that is there already */
    g_assert_cmpint(parse(many->str, &config), ==, 1);
    g_clear_pointer(&config, qemuURIFree);
    g_string_append(many, "&monitor=/x");
    g_assert_cmpint(parse(many->str, &config), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    virResetLastError();
}

/* A daemon's: the patterns alone, which may also be none. */
static void
testPatterns(void)
{
    static const char *const two[] = { "/b/*.qmp", "/a", NULL };
    static const char *const none[] = { NULL };
    static const char *const relative[] = { "/a", "b", NULL };
    g_autoptr(qemuURI) config = NULL;
    g_autoptr(qemuURI) other = NULL;

    g_assert_cmpint(qemuURIFromPatterns(two, &config), ==, 0);
    g_assert_cmpstr(g_ptr_array_index(config->patterns, 0), ==, "/a");
    g_assert_cmpstr(g_ptr_array_index(config->patterns, 1), ==, "/b/*.qmp");
    g_assert_null(g_ptr_array_index(config->patterns, 2));
    g_assert_cmpint(qemuURIFromPatterns(none, &other), ==, 0);
    g_assert_null(g_ptr_array_index(other->patterns, 0));
    /* There is one instance in a daemon, whatever it watches. */
    g_assert_cmpstr(config->key, ==, other->key);
    g_clear_pointer(&other, qemuURIFree);
    g_assert_cmpint(qemuURIFromPatterns(relative, &other), ==, -1);
    g_assert_null(other);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/uri/monitors", testMonitors);
    g_test_add_func("/qemu/uri/root", testRoot);
    g_test_add_func("/qemu/uri/key", testKey);
    g_test_add_func("/qemu/uri/declined", testDeclined);
    g_test_add_func("/qemu/uri/errors", testErrors);
    g_test_add_func("/qemu/uri/limits", testLimits);
    g_test_add_func("/qemu/uri/patterns", testPatterns);
    return g_test_run();
}
