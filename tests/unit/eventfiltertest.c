/*
 * eventfiltertest.c: does an event's name satisfy a registration?
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "event_filter.h"

#include <string.h>

#include "virerror_priv.h"

/* No test judges speed; this only ends what would never end. */
#define FOREVER (60 * G_USEC_PER_SEC)

typedef struct {
    virEventFilterType type;
    bool ignoreCase;
    const char *pattern;
    const char *fits;               /* names, separated by blanks */
    const char *not;                /* NULL: there are none */
} Case;

static bool
matches(virEventFilter *filter, const char *name)
{
    return virEventFilterMatches(filter, name, strlen(name));
}

static void
assertCase(const Case *c)
{
    g_autoptr(virEventFilter) filter = virEventFilterNew(c->type, c->ignoreCase, c->pattern);
    g_auto(GStrv) fits = g_strsplit(c->fits, " ", -1);
    g_auto(GStrv) not = g_strsplit(c->not ? c->not : "", " ", -1);
    size_t i;

    g_assert_nonnull(filter);
    for (i = 0; fits[i]; i++) {
        if (!matches(filter, fits[i]))
            g_error("'%s' should fit '%s'", c->pattern, fits[i]);
    }
    for (i = 0; c->not && not[i]; i++) {
        if (matches(filter, not[i]))
            g_error("'%s' should not fit '%s'", c->pattern, not[i]);
    }
}

static void
testLiteral(void)
{
    static const Case cases[] = {
        { VIR_EVENT_FILTER_LITERAL, false, "STOP", "STOP", "stop STOPP STO OP  XSTOP" },
        { VIR_EVENT_FILTER_LITERAL, true, "stop", "STOP stop StOp", "sto stopp" },
        { VIR_EVENT_FILTER_LITERAL, false, "ST*", "ST*", "STOP ST" },
        { VIR_EVENT_FILTER_LITERAL, false, "lower_case", "lower_case", "LOWER_CASE" },
        { VIR_EVENT_FILTER_LITERAL, false, "\xc3\xa9", "\xc3\xa9", "\xc3\x89" },
    };
    g_autoptr(virEventFilter) empty = virEventFilterNew(VIR_EVENT_FILTER_LITERAL, false, "");
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        assertCase(&cases[i]);
    g_assert_true(matches(empty, ""));
    g_assert_false(matches(empty, "STOP"));
}

/* As seen with libvirt 9.0, whose regular expressions are GRegex's. */
static void
testRegex(void)
{
    static const Case cases[] = {
        { VIR_EVENT_FILTER_REGEX, false, "UME", "RESUME", "STOP" },
        { VIR_EVENT_FILTER_REGEX, false, "^RES", "RESUME RESET", "STOP XRES" },
        { VIR_EVENT_FILTER_REGEX, false, "STOP|RESUME", "STOP RESUME", "RESET" },
        { VIR_EVENT_FILTER_REGEX, false, "STOP\\|RESUME", "STOP|RESUME", "STOP RESUME" },
        { VIR_EVENT_FILTER_REGEX, true, "^st", "STOP STORE", "RESTOP" },
        { VIR_EVENT_FILTER_REGEX, false, "(?i)stop", "STOP", "RESET" },
        { VIR_EVENT_FILTER_REGEX, false, "^(?!BLOCK_).*_ERROR$", "MIGRATION_ERROR",
          "BLOCK_IO_ERROR BLOCK_ERROR" },
        { VIR_EVENT_FILTER_REGEX, false, "^[[:upper:]]+$", "STOP", "stop S_P" },
        { VIR_EVENT_FILTER_REGEX, false, "\\bJOB\\b", "JOB", "JOB_STATUS_CHANGE" },
        { VIR_EVENT_FILTER_REGEX, false, "^\\w$", "A \xc3\xa9", "- AB" },
        { VIR_EVENT_FILTER_REGEX, true, "^\xc3\xa9$", "\xc3\x89 \xc3\xa9", "e" },
        { VIR_EVENT_FILTER_REGEX, false, "", "STOP  A", NULL },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        assertCase(&cases[i]);
}

static void
testGlob(void)
{
    static const Case cases[] = {
        { VIR_EVENT_FILTER_GLOB, false, "STOP", "STOP", "STOPP STO stop" },
        { VIR_EVENT_FILTER_GLOB, false, "BLOCK_*", "BLOCK_ BLOCK_JOB_READY", "BLOCK XBLOCK_A" },
        { VIR_EVENT_FILTER_GLOB, false, "*_ERROR", "_ERROR BLOCK_IO_ERROR", "BLOCK_ERROR_" },
        { VIR_EVENT_FILTER_GLOB, false, "*A*B*C*", "ABC xAyBzC", "ACB AB" },
        { VIR_EVENT_FILTER_GLOB, false, "?TOP", "STOP TTOP", "TOP SSTOP" },
        { VIR_EVENT_FILTER_GLOB, false, "*", "STOP ", NULL },
        { VIR_EVENT_FILTER_GLOB, false, "**", "STOP ", NULL },
        { VIR_EVENT_FILTER_GLOB, true, "re*", "RESET resume", "STOP" },
        { VIR_EVENT_FILTER_GLOB, false, "[A-C]*", "A BX C", "D a" },
        { VIR_EVENT_FILTER_GLOB, true, "[a-c]x", "AX cx", "DX" },
        { VIR_EVENT_FILTER_GLOB, false, "[!A-C]X", "DX aX", "AX X" },
        { VIR_EVENT_FILTER_GLOB, false, "[^A-C]X", "DX", "AX" },
        { VIR_EVENT_FILTER_GLOB, false, "[]]X", "]X", "[X" },
        { VIR_EVENT_FILTER_GLOB, false, "[!]]X", "[X", "]X" },
        { VIR_EVENT_FILTER_GLOB, false, "[a-]", "a -", "b" },
        { VIR_EVENT_FILTER_GLOB, false, "[-a]", "a -", "b" },
        { VIR_EVENT_FILTER_GLOB, false, "[ab", "[ab", "a b" },         /* no set: it is not closed */
        { VIR_EVENT_FILTER_GLOB, false, "*[", "[ x[", "x" },
        { VIR_EVENT_FILTER_GLOB, false, "[[[", "[[[", "[[ [" },
        { VIR_EVENT_FILTER_GLOB, false, "[a][", "a[", "a [" },
        { VIR_EVENT_FILTER_GLOB, false, "\\*", "*", "STOP \\*" },
        { VIR_EVENT_FILTER_GLOB, false, "\\[a]", "[a]", "a" },
        { VIR_EVENT_FILTER_GLOB, false, "a\\", "a\\", "a" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        assertCase(&cases[i]);
}

static void
testBad(void)
{
    static const char *const bad[] = { "(((", "[a", "*", "a{2,1}", "\\", "(?<n", "(?P>x)" };
    g_autofree char *longest = g_strnfill(VIR_EVENT_FILTER_LENGTH_MAX, 'A');
    g_autofree char *tooLong = g_strnfill(VIR_EVENT_FILTER_LENGTH_MAX + 1, 'A');
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *expected = g_strdup_printf("invalid argument: failed to compile regex "
                                                    "'%s': ", bad[i]);

        virResetLastError();
        g_assert_null(virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, bad[i]));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
        g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_NONE);
        g_assert_true(g_str_has_prefix(virGetLastErrorMessage(), expected));
    }
    for (i = VIR_EVENT_FILTER_LITERAL; i <= VIR_EVENT_FILTER_GLOB; i++) {
        virResetLastError();
        g_assert_null(virEventFilterNew(i, false, tooLong));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    }
    {
        g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_LITERAL, false,
                                                             longest);

        g_assert_nonnull(filter);
        g_assert_true(matches(filter, longest));
        g_assert_cmpuint(virEventFilterBytes(filter), >, VIR_EVENT_FILTER_LENGTH_MAX);
    }
    g_assert_cmpuint(virEventFilterBytes(NULL), ==, 0);
    virEventFilterFree(NULL);
}

/* Patterns that take ages on the right name are given up, on names of every length. */
static void
testCatastrophic(void)
{
    static const char *const patterns[] = {
        "(a*)*b", "(a|aa)+[cd]", "^(a+)+c", "a*a*[cd]", "a*a*a*a*[cd]", ".*.*.*.*[cd]",
        "(.*)(.*)(.*)(.*)(.*)\\1[cd]", "(a*)(?:(?1))*[cd]", "((((a{0,9}){0,9}){0,9}){0,9})[cd]",
        "(*LIMIT_MATCH=4000000000)(a*)*b", "(?:(?!.*[cd])a)*[cd]", "(?:(?=a*b)|a)*[cd]",
    };
    static const size_t lengths[] = { 30, 300, VIR_EVENT_FILTER_NAME_MAX,
                                      VIR_EVENT_FILTER_NAME_MAX + 1, 10000, 1000000 };
    gint64 start = g_get_monotonic_time();
    size_t i, j;

    for (i = 0; i < G_N_ELEMENTS(patterns); i++) {
        g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false,
                                                             patterns[i]);

        g_assert_nonnull(filter);
        for (j = 0; j < G_N_ELEMENTS(lengths); j++) {
            g_autofree char *name = g_strnfill(lengths[j], 'a');

            g_assert_false(matches(filter, name));
            g_assert_cmpint(g_get_monotonic_time() - start, <, FOREVER);
        }
    }
}

static void
testCatastrophicGlob(void)
{
    g_autofree char *brackets = g_strnfill(VIR_EVENT_FILTER_LENGTH_MAX - 1, '[');
    g_autofree char *as = g_strnfill(VIR_EVENT_FILTER_LENGTH_MAX - 2, 'a');
    g_autofree char *name = g_strnfill(VIR_EVENT_FILTER_NAME_MAX, '[');
    g_autofree char *aName = g_strnfill(VIR_EVENT_FILTER_NAME_MAX, 'a');
    g_autofree char *patterns[] = {
        g_strconcat("*", brackets, NULL), g_strconcat("*", as, "b", NULL), NULL,
    };
    gint64 start = g_get_monotonic_time();
    GString *stars = g_string_new(NULL);
    size_t i;

    while (stars->len < 1000)
        g_string_append(stars, "*a");
    g_string_append(stars, "*b");
    patterns[2] = g_string_free(stars, FALSE);
    for (i = 0; i < G_N_ELEMENTS(patterns); i++) {
        g_autofree char *pattern = g_steal_pointer(&patterns[i]);
        g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_GLOB, false,
                                                             pattern);

        g_assert_false(matches(filter, name));
        g_assert_false(matches(filter, aName));
        g_assert_cmpint(g_get_monotonic_time() - start, <, FOREVER);
    }
}

/* Any of these may be in a pattern or a name, so that they often fit. */
static char *
randomText(GRand *rand, const char *letters, guint maxLen)
{
    guint len = g_rand_int_range(rand, 0, maxLen + 1);
    char *text = g_malloc0(len + 1);
    guint i;

    for (i = 0; i < len; i++)
        text[i] = letters[g_rand_int_range(rand, 0, strlen(letters))];
    return text;
}

/* What those are given who know no globs fits the same names. */
static void
testGlobToRegex(void)
{
    static const char *const globs[] = {
        "", "*", "**", "?", "STOP", "BLOCK_*", "[!A]", "[^A-C]X", "[]a]", "[!]]", "[a-]", "[b-a]",
        "[Z-a]", "[A-z]", "[5-_]", "[[:alpha:]]", "[a\\]b]", "[\\]", "[", "a[", "[a", "\\", "\\*",
        "a\\", "\\Q*", "(?i)a", "a|b", "^a$", "a b", "a\nb", "[!b-a]", "[a-b-c]", "[--a]", "\\A",
        "[_]*", "a{2}", "a+.#",
    };
    GRand *rand = g_rand_new_with_seed(5);
    size_t fits = 0;
    size_t i;

    for (i = 0; i < 20000; i++) {
        g_autofree char *glob = i < 2 * G_N_ELEMENTS(globs) ? g_strdup(globs[i / 2]) :
                                randomText(rand, "aAbZz_5*?[]!^-\\.\n", 8);
        g_autofree char *regex = virEventFilterGlobToRegex(glob, i % 2);
        g_autoptr(virEventFilter) one = virEventFilterNew(VIR_EVENT_FILTER_GLOB, i % 2, glob);
        g_autoptr(virEventFilter) other = virEventFilterNew(VIR_EVENT_FILTER_REGEX, i % 2, regex);
        size_t j;

        g_assert_nonnull(one);
        g_assert_nonnull(other);
        for (j = 0; j < 20; j++) {
            g_autofree char *name = randomText(rand, "aAbBzZ_5*[]!^-\\.\n", 4);

            if (matches(one, name) != matches(other, name))
                g_error("glob '%s' as '%s' differs on '%s', case %s", glob, regex, name,
                        i % 2 ? "ignored" : "counts");
            fits += matches(one, name);
        }
    }
    g_assert_cmpuint(fits, >, 1000);
    g_rand_free(rand);
}

/* Stars next to each other are one: else those who search by backtracking never end. */
static void
testGlobToRegexText(void)
{
    g_autofree char *stars = virEventFilterGlobToRegex("a***b", false);
    g_autofree char *set = virEventFilterGlobToRegex("[!A-C]", true);

    g_assert_cmpstr(stars, ==, "(?s)\\Aa.*b\\z");
    g_assert_nonnull(strstr(set, "D-"));
    g_assert_nonnull(strstr(set, "d-"));
}

/* Names that no QEMU has are not compared with patterns; a literal and no filter take them. */
static void
testLongNames(void)
{
    g_autofree char *fits = g_strnfill(VIR_EVENT_FILTER_NAME_MAX, 'A');
    g_autofree char *tooLong = g_strnfill(VIR_EVENT_FILTER_NAME_MAX + 1, 'A');
    g_autoptr(virEventFilter) regex = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "^A");
    g_autoptr(virEventFilter) glob = virEventFilterNew(VIR_EVENT_FILTER_GLOB, false, "A*");
    g_autoptr(virEventFilter) literal = virEventFilterNew(VIR_EVENT_FILTER_LITERAL, false, tooLong);

    g_assert_true(matches(regex, fits));
    g_assert_true(matches(glob, fits));
    g_assert_false(matches(regex, tooLong));
    g_assert_false(matches(glob, tooLong));
    g_assert_true(matches(literal, tooLong));
}

/* What is no UTF-8 fits no expression, and harms nobody. */
static void
testNoUtf8(void)
{
    g_autoptr(virEventFilter) regex = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "STOP");
    g_autoptr(virEventFilter) glob = virEventFilterNew(VIR_EVENT_FILTER_GLOB, false, "STOP*");

    g_assert_false(matches(regex, "STOP\xff"));
    g_assert_true(matches(glob, "STOP\xff"));
    virResetLastError();
    g_assert_null(virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "\xff"));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
}

/* Runs in a process of its own, whose log is looked at: the first name that takes too long is
 * told, the others are counted. */
static void
testComplaints(void)
{
    if (g_test_subprocess()) {
        virEventFilter *filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "(a|aa)+[cd]");
        unsigned int i;

        for (i = 0; i < 10; i++)
            g_assert_false(matches(filter, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        virEventFilterFree(filter);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*regex '(a|aa)+[cd]' gave up on event name 'aaaa*'*\n"
                              "*regex '(a|aa)+[cd]' gave up on 10 event names\n");
    g_test_trap_assert_stderr_unmatched("*gave up*gave up*gave up*");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/eventfilter/literal", testLiteral);
    g_test_add_func("/conf/eventfilter/regex", testRegex);
    g_test_add_func("/conf/eventfilter/glob", testGlob);
    g_test_add_func("/conf/eventfilter/bad", testBad);
    g_test_add_func("/conf/eventfilter/catastrophic", testCatastrophic);
    g_test_add_func("/conf/eventfilter/catastrophic-glob", testCatastrophicGlob);
    g_test_add_func("/conf/eventfilter/glob-to-regex", testGlobToRegex);
    g_test_add_func("/conf/eventfilter/glob-to-regex-text", testGlobToRegexText);
    g_test_add_func("/conf/eventfilter/long-names", testLongNames);
    g_test_add_func("/conf/eventfilter/no-utf8", testNoUtf8);
    g_test_add_func("/conf/eventfilter/complaints", testComplaints);
    return g_test_run();
}
