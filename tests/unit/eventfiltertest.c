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

/* As seen with libvirt 9.0, whose regular expressions are GRegex's; but for the last three, which
 * know letters beyond ASCII there. */
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
        { VIR_EVENT_FILTER_REGEX, false, "", "STOP  A", NULL },
        { VIR_EVENT_FILTER_REGEX, false, "^\\w$", "A", "- AB \xc3\xa9" },
        { VIR_EVENT_FILTER_REGEX, true, "^\xc3\xa9$", "\xc3\xa9", "e \xc3\x89" },
        { VIR_EVENT_FILTER_REGEX, false, "^.$", "A", "\xc3\xa9" },
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
    static const char *const bad[] = {
        "(((", "[a", "*", "a{2,1}", "\\", "(?<n", "(?P>x)", "(*UTF)a", "(*UCP)a", "\\x{100}",
        "((((a{100}){100}){100}))", "(?:abcdefgh){0,10000}",
    };
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

/* Patterns that take ages on the right name are refused, or off after the first such. */
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
    size_t refused = 0;
    size_t off = 0;
    size_t i, j;

    for (i = 0; i < G_N_ELEMENTS(patterns); i++) {
        g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false,
                                                             patterns[i]);

        if (!filter) {
            g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
            g_assert_nonnull(strstr(virGetLastErrorMessage(), "' is too much work: on event name"));
            refused++;
            continue;
        }
        g_assert_false(virEventFilterIsOff(filter, NULL, 0));
        for (j = 0; j < G_N_ELEMENTS(lengths); j++) {
            g_autofree char *name = g_strnfill(lengths[j], 'a');

            g_assert_false(matches(filter, name));
        }
        off += virEventFilterIsOff(filter, NULL, 0);
    }
    /* PCRE2 sees through the others: that a letter is missing, or that a repetition need not give
     * anything back. */
    g_assert_cmpuint(refused, >=, 4);
    g_assert_cmpuint(refused + off, >=, 7);
}

/* One that is off says why, and has no more to say. */
static void
testOff(void)
{
    g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false,
                                                         "^STOP$|(x|xx|y)*!");
    char why[VIR_EVENT_FILTER_WHY_SIZE];

    g_assert_nonnull(filter);
    g_assert_true(matches(filter, "STOP"));
    g_assert_false(matches(filter, "xxxxxxxxxx"));
    g_assert_false(virEventFilterIsOff(filter, why, sizeof(why)));
    g_assert_false(matches(filter, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    g_assert_true(virEventFilterIsOff(filter, why, sizeof(why)));
    g_assert_cmpstr(why, ==, "match limit exceeded");
    g_assert_cmpstr(virEventFilterText(filter), ==, "^STOP$|(x|xx|y)*!");
    g_assert_false(matches(filter, "STOP"));
}

/* Many filters of one owner, none of which exceeds the limit of its own: beyond the budget they are
 * off. Those of others have theirs, and so has each that is nobody's. */
static void
testBudget(void)
{
    static const char pattern[] = "^STOP$|^(x|y)(x|xx|y)*!";
    static const char name[] = "yxyxyxyxyxyxyxyxyxyxyxyxxxxxxx";
    virEventFilter *filters[10 * VIR_EVENT_FILTER_DEAR_NAMES_MAX];
    virEventFilterBudget *budget = virEventFilterBudgetNew();
    g_autoptr(virEventFilter) other = NULL;
    char why[VIR_EVENT_FILTER_WHY_SIZE];
    size_t off = 0;
    size_t i;

    g_assert_true(virEventFilterBudgetIsSpare(budget));
    virEventFilterBudgetSet(budget);
    for (i = 0; i < G_N_ELEMENTS(filters); i++)
        filters[i] = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, pattern);
    virEventFilterBudgetSet(NULL);
    g_assert_false(virEventFilterBudgetIsSpare(budget));
    other = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, pattern);
    for (i = 0; i < G_N_ELEMENTS(filters); i++) {
        g_assert_true(matches(filters[i], "STOP"));
        g_assert_false(matches(filters[i], name));
        g_assert_false(i < VIR_EVENT_FILTER_DEAR_NAMES_MAX &&
                       virEventFilterIsOff(filters[i], NULL, 0));
        off += virEventFilterIsOff(filters[i], why, sizeof(why));
    }
    g_assert_cmpuint(off, >, 0);
    g_assert_cmpstr(why, ==, "too many names took many steps");
    g_assert_false(matches(other, name));
    g_assert_false(virEventFilterIsOff(other, NULL, 0));
    for (i = 0; i < G_N_ELEMENTS(filters); i++)
        virEventFilterFree(filters[i]);
    /* It recovers, in some seconds. */
    g_assert_false(virEventFilterBudgetIsSpare(budget));
    virEventFilterBudgetUnref(budget);
}

/* What people may well ask for is far from the limit. */
static void
testSensible(void)
{
    static const char *const patterns[] = {
        "^(?!BLOCK_).*_ERROR$", ".*BLOCK.*JOB.*(READY|COMPLETED).*", "^.*_.*_.*$",
        "(POWERDOWN|RESET|RESUME|RTC_CHANGE|SHUTDOWN|STOP|SUSPEND|SUSPEND_DISK|WAKEUP|WATCHDOG|"
        "BLOCK_IO_ERROR|BLOCK_JOB_CANCELLED|BLOCK_JOB_COMPLETED|BLOCK_JOB_ERROR|BLOCK_JOB_READY|"
        "DEVICE_DELETED|GUEST_PANICKED|MIGRATION|NIC_RX_FILTER_CHANGED|SPICE_CONNECTED)$",
        "([A-Z]+_)*[A-Z]+", "E.*E.*E.*X", "\\bJOB\\b|[_-]",
    };
    static const char *const names[] = {
        "BLOCK_EXPORT_DELETED", "MEMORY_DEVICE_SIZE_CHANGE", "NIC_RX_FILTER_CHANGED",
        "SPICE_MIGRATE_COMPLETED", "BLOCK_IMAGE_CORRUPTED", "__com.redhat_SPICE_INITIALIZED_X",
    };
    size_t i, j;

    for (i = 0; i < G_N_ELEMENTS(patterns); i++) {
        g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, i % 2,
                                                             patterns[i]);

        g_assert_nonnull(filter);
        for (j = 0; j < G_N_ELEMENTS(names); j++)
            matches(filter, names[j]);
        g_assert_false(virEventFilterIsOff(filter, NULL, 0));
    }
}

static char *
repeat(const char *text, size_t max)
{
    GString *all = g_string_new(NULL);

    while (all->len + strlen(text) <= max)
        g_string_append(all, text);
    return g_string_free(all, FALSE);
}

/* As long as it may be, of what becomes large or takes long to compile. */
static void
testMonsters(void)
{
    static const char *const parts[] = {
        "a|", "(a)|", "(?<=a)", "(?:a{1,9})?", "[a-z]", "[^\\x{1}-\\x{ff}]", "[\\w\\d\\s]",
        "\\p{Lu}*", "[\\p{Lu}]", "\\X*", ".*", "a?", "(?1)?", "(?R)?", "(?>a*)", "(?|(a)|(b))",
        "(?(1)a|b)", "(?=.*", "(?:", "(?i)[!-\xc3\xbf]", "(?:(?:a|b){0,9}){0,9}", "\\R{0,65535}",
    };
    size_t bytes = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *tail = repeat(parts[i], VIR_EVENT_FILTER_LENGTH_MAX - 3);
        g_autofree char *pattern = g_strconcat("(b)", tail, NULL);
        g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, true, pattern);

        if (!filter)
            g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
        bytes = MAX(bytes, virEventFilterBytes(filter));
        virResetLastError();
    }
    g_assert_cmpuint(bytes, >, 2 * VIR_EVENT_FILTER_LENGTH_MAX);
    g_assert_cmpuint(bytes, <=, VIR_EVENT_FILTER_LENGTH_MAX + VIR_EVENT_FILTER_COMPILE_BYTES_MAX);
}

/* What is charged is what it is compiled to, not its text. */
static void
testCompiledBytes(void)
{
    g_autoptr(virEventFilter) one = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "a{9}");
    g_autoptr(virEventFilter) other = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false,
                                                        "X((q{0,65}){0,65}){0,9}");

    g_assert_cmpuint(virEventFilterBytes(one), <, 400);
    g_assert_cmpuint(virEventFilterBytes(other), >, 10000);
}

static void
testNesting(void)
{
    g_autofree char *open = g_strnfill(VIR_EVENT_FILTER_NEST_MAX, '(');
    g_autofree char *close = g_strnfill(VIR_EVENT_FILTER_NEST_MAX, ')');
    g_autofree char *deep = g_strconcat(open, "A", close, NULL);
    g_autofree char *tooDeep = g_strconcat("(", deep, ")", NULL);
    g_autoptr(virEventFilter) filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, deep);

    g_assert_nonnull(filter);
    g_assert_true(matches(filter, "A"));
    g_assert_null(virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, tooDeep));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "parentheses are too deeply nested"));
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
    g_assert_cmpstr(set, ==, "(?s)\\A[^A-Ca-c]\\z");
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

/* What is no UTF-8 is bytes as well, and harms nobody; but no expression is made of it. */
static void
testNoUtf8(void)
{
    g_autoptr(virEventFilter) regex = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "STOP");
    g_autoptr(virEventFilter) glob = virEventFilterNew(VIR_EVENT_FILTER_GLOB, false, "STOP*");

    g_assert_true(matches(regex, "STOP\xff"));
    g_assert_true(matches(glob, "STOP\xff"));
    virResetLastError();
    g_assert_null(virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "\xff"));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
}

/* Runs in a process of its own, whose log is looked at: the first name that is too long is told,
 * the others are counted. */
static void
testComplaints(void)
{
    if (g_test_subprocess()) {
        virEventFilter *filter = virEventFilterNew(VIR_EVENT_FILTER_REGEX, false, "a");
        g_autofree char *name = g_strnfill(VIR_EVENT_FILTER_NAME_MAX + 1, 'a');
        unsigned int i;

        for (i = 0; i < 10; i++)
            g_assert_false(matches(filter, name));
        virEventFilterFree(filter);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*an event name of 129 bytes is too long to be compared with 'a'*\n"
                              "*regex 'a' was not compared with 10 event names\n");
    g_test_trap_assert_stderr_unmatched("*too long*too long*");
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
    g_test_add_func("/conf/eventfilter/off", testOff);
    g_test_add_func("/conf/eventfilter/budget", testBudget);
    g_test_add_func("/conf/eventfilter/sensible", testSensible);
    g_test_add_func("/conf/eventfilter/monsters", testMonsters);
    g_test_add_func("/conf/eventfilter/compiled-bytes", testCompiledBytes);
    g_test_add_func("/conf/eventfilter/nesting", testNesting);
    g_test_add_func("/conf/eventfilter/glob-to-regex", testGlobToRegex);
    g_test_add_func("/conf/eventfilter/glob-to-regex-text", testGlobToRegexText);
    g_test_add_func("/conf/eventfilter/long-names", testLongNames);
    g_test_add_func("/conf/eventfilter/no-utf8", testNoUtf8);
    g_test_add_func("/conf/eventfilter/complaints", testComplaints);
    return g_test_run();
}
