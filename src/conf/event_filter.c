/*
 * event_filter.c: does an event's name satisfy a registration?
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "event_filter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_NONE

VIR_LOG_INIT("conf.event_filter");

struct _virEventFilter {
    virEventFilterType type;
    bool ignoreCase;
    pcre2_code *regex;
    size_t regexBytes;
    size_t unclosed;            /* globs: where the first "[" is that has no "]"; or len */
    atomic_uint complaints;     /* names that it gave up on */
    size_t len;
    char pattern[];
};

/* Names that are no QEMU's are many, if there are any. */
#define VIR_EVENT_FILTER_COMPLAIN(filter, ...) \
    do { \
        if (atomic_fetch_add(&(filter)->complaints, 1) == 0) \
            VIR_WARN(__VA_ARGS__); \
    } while (0)

static int
virEventFilterCompile(virEventFilter *filter)
{
    uint32_t options = PCRE2_UTF | PCRE2_UCP | (filter->ignoreCase ? PCRE2_CASELESS : 0);
    pcre2_compile_context *dialect = pcre2_compile_context_create(NULL);
    PCRE2_SIZE offset;
    int code;

    /* These make it GRegex's dialect. */
    pcre2_set_newline(dialect, PCRE2_NEWLINE_ANY);
    pcre2_set_bsr(dialect, PCRE2_BSR_UNICODE);
    filter->regex = pcre2_compile((PCRE2_SPTR)filter->pattern, filter->len, options, &code,
                                  &offset, dialect);
    pcre2_compile_context_free(dialect);
    if (!filter->regex) {
        PCRE2_UCHAR why[256];

        pcre2_get_error_message(code, why, sizeof(why));
        virReportError(VIR_ERR_INVALID_ARG,
                       _("failed to compile regex '%1$s': at character %2$zu: %3$s"),
                       filter->pattern, (size_t)offset, (const char *)why);
        return -1;
    }
    pcre2_pattern_info(filter->regex, PCRE2_INFO_SIZE, &filter->regexBytes);
    return 0;
}

static bool virEventFilterInSet(const virEventFilter *filter, const char *at, char c,
                                const char **end);

/* Behind the first "[" without a "]" there is no other, so that nobody need look for it again. */
static void
virEventFilterFindUnclosed(virEventFilter *filter)
{
    const char *at = filter->pattern;
    const char *end;

    while (*at) {
        if (*at == '[') {
            virEventFilterInSet(filter, at + 1, '\0', &end);
            if (!end)
                break;
            at = end;
        } else {
            at += *at == '\\' && at[1] ? 2 : 1;
        }
    }
    filter->unclosed = at - filter->pattern;
}

virEventFilter *
virEventFilterNew(virEventFilterType type, bool ignoreCase, const char *pattern)
{
    g_autoptr(virEventFilter) filter = NULL;
    size_t len = strlen(pattern);

    if (len > VIR_EVENT_FILTER_LENGTH_MAX) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("event filter of %1$zu bytes exceeds the limit of %2$d"),
                       len, VIR_EVENT_FILTER_LENGTH_MAX);
        return NULL;
    }
    filter = g_malloc0(sizeof(*filter) + len + 1);
    filter->type = type;
    filter->ignoreCase = ignoreCase;
    filter->len = len;
    memcpy(filter->pattern, pattern, len + 1);

    if (type == VIR_EVENT_FILTER_REGEX && virEventFilterCompile(filter) < 0)
        return NULL;
    if (type == VIR_EVENT_FILTER_GLOB)
        virEventFilterFindUnclosed(filter);
    return g_steal_pointer(&filter);
}

void
virEventFilterFree(virEventFilter *filter)
{
    unsigned int complaints;

    if (!filter)
        return;
    if ((complaints = atomic_load(&filter->complaints)) > 1)
        VIR_WARN("%s '%.200s' gave up on %u event names",
                 filter->type == VIR_EVENT_FILTER_REGEX ? "regex" : "glob", filter->pattern,
                 complaints);
    pcre2_code_free(filter->regex);
    g_free(filter);
}

static bool
virEventFilterMatchesRegex(virEventFilter *filter, const char *name, size_t len)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc;

    /* PCRE2 counts from nought at every place where a match may begin. A pattern can lower
     * these by verbs of its own, never raise them. */
    pcre2_set_match_limit(limits, VIR_EVENT_FILTER_STEPS_MAX / (len + 1));
    pcre2_set_depth_limit(limits, VIR_EVENT_FILTER_STEPS_MAX / (len + 1));
    pcre2_set_heap_limit(limits, VIR_EVENT_FILTER_HEAP_KIB_MAX);
    rc = pcre2_match(filter->regex, (PCRE2_SPTR)name, len, 0, 0, data, limits);
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);

    /* 0: it fits, but the data has no room for the places of its groups. */
    if (rc >= 0)
        return true;
    if (rc != PCRE2_ERROR_NOMATCH) {
        /* It need not be terminated. */
        g_autofree char *shown = g_strndup(name, MIN(len, 200));

        VIR_EVENT_FILTER_COMPLAIN(filter, "regex '%.200s' gave up on event name '%.200s' "
                                  "(PCRE2 error %d); taken as no match", filter->pattern, shown,
                                  rc);
    }
    return false;
}

static char
virEventFilterFold(const virEventFilter *filter, char c)
{
    return filter->ignoreCase ? g_ascii_tolower(c) : c;
}

/* One "[...]" at @at, which points behind the bracket. Sets @end behind the closing one, or to
 * NULL if there is none: the bracket then stands for itself. */
static bool
virEventFilterInSet(const virEventFilter *filter, const char *at, char c, const char **end)
{
    bool negate = *at == '!' || *at == '^';
    bool found = false;
    const char *first;

    if (negate)
        at++;
    for (first = at; *at && (*at != ']' || at == first); at++) {
        char low = virEventFilterFold(filter, *at);
        char high = low;

        if (at[1] == '-' && at[2] && at[2] != ']') {
            high = virEventFilterFold(filter, at[2]);
            at += 2;
        }
        if ((unsigned char)c >= (unsigned char)low && (unsigned char)c <= (unsigned char)high)
            found = true;
    }
    *end = *at ? at + 1 : NULL;
    return found != negate;
}

/* Steps back to the last '*' only, which is enough: at worst the product of both lengths, as a
 * "[" that isn't closed is known to be none. */
static bool
virEventFilterMatchesGlob(const virEventFilter *filter, const char *name, size_t len)
{
    const char *pattern = filter->pattern;
    const char *star = NULL;
    size_t starAt = 0;
    size_t i = 0;

    while (i < len) {
        char c = virEventFilterFold(filter, name[i]);
        const char *next = NULL;
        bool fits = false;

        switch (*pattern) {
        case '*':
            star = ++pattern;
            starAt = i;
            continue;
        case '?':
            fits = true;
            next = pattern + 1;
            break;
        case '[':
            if ((size_t)(pattern - filter->pattern) < filter->unclosed) {
                fits = virEventFilterInSet(filter, pattern + 1, c, &next);
            } else {
                fits = c == '[';
                next = pattern + 1;
            }
            break;
        case '\\':
            if (pattern[1])
                pattern++;
            G_GNUC_FALLTHROUGH;
        default:
            fits = *pattern && virEventFilterFold(filter, *pattern) == c;
            next = pattern + 1;
        }
        if (fits) {
            pattern = next;
            i++;
        } else if (star) {
            pattern = star;
            i = ++starAt;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool
virEventFilterMatches(virEventFilter *filter, const char *name, size_t len)
{
    if (filter->type != VIR_EVENT_FILTER_LITERAL && len > VIR_EVENT_FILTER_NAME_MAX) {
        VIR_EVENT_FILTER_COMPLAIN(filter, "an event name of %zu bytes is too long to be compared "
                                  "with '%.200s'; taken as no match", len, filter->pattern);
        return false;
    }
    switch (filter->type) {
    case VIR_EVENT_FILTER_REGEX:
        return virEventFilterMatchesRegex(filter, name, len);
    case VIR_EVENT_FILTER_GLOB:
        return virEventFilterMatchesGlob(filter, name, len);
    case VIR_EVENT_FILTER_LITERAL:
        break;
    }
    if (len != filter->len)
        return false;
    if (filter->ignoreCase)
        return g_ascii_strncasecmp(name, filter->pattern, len) == 0;
    return memcmp(name, filter->pattern, len) == 0;
}

size_t
virEventFilterBytes(const virEventFilter *filter)
{
    return filter ? sizeof(*filter) + filter->len + 1 + filter->regexBytes : 0;
}

/* Letters and digits get a meaning by a backslash, all else that has one loses it. */
static void
virEventFilterAppendQuoted(GString *regex, char c)
{
    if (g_ascii_ispunct(c) || g_ascii_isspace(c))
        g_string_append_c(regex, '\\');
    g_string_append_c(regex, c);
}

/* The set behind a "[" at @at. It is spelt out, as a set in a regular expression is another thing
 * in much: where case is ignored, in ranges that run backwards, in what needs a backslash. Sets
 * end where virEventFilterInSet() says. */
static void
virEventFilterAppendSet(GString *regex, const virEventFilter *filter, const char *at)
{
    bool negate = *at == '!' || *at == '^';
    const char *end;
    size_t start = regex->len;
    int c;

    g_string_append_c(regex, '[');
    for (c = 1; c < 128; c++) {
        int last = c;

        if (!virEventFilterInSet(filter, at, virEventFilterFold(filter, c), &end))
            continue;
        while (last + 1 < 128 &&
               virEventFilterInSet(filter, at, virEventFilterFold(filter, last + 1), &end))
            last++;
        virEventFilterAppendQuoted(regex, c);
        if (last > c + 1)
            g_string_append_c(regex, '-');
        if (last > c)
            virEventFilterAppendQuoted(regex, last);
        c = last;
    }
    if (negate)
        g_string_append(regex, "\\x{80}-\\x{10ffff}");
    g_string_append_c(regex, ']');
    if (regex->len == start + 2) {
        /* Nothing is in it. */
        g_string_truncate(regex, start);
        g_string_append(regex, "(?!)");
    }
}

char *
virEventFilterGlobToRegex(const char *glob, bool ignoreCase)
{
    g_autoptr(GString) regex = g_string_new("(?s)\\A");
    const virEventFilter filter = { .ignoreCase = ignoreCase };
    const char *end;

    for (; *glob; glob++) {
        switch (*glob) {
        case '*':
            while (glob[1] == '*')
                glob++;
            g_string_append(regex, ".*");
            continue;
        case '?':
            g_string_append_c(regex, '.');
            continue;
        case '[':
            virEventFilterInSet(&filter, glob + 1, 'x', &end);
            if (end) {
                virEventFilterAppendSet(regex, &filter, glob + 1);
                glob = end - 1;
                continue;
            }
            break;
        case '\\':
            if (glob[1])
                glob++;
            break;
        default:
            break;
        }
        virEventFilterAppendQuoted(regex, *glob);
    }
    g_string_append(regex, "\\z");
    return g_strdup(regex->str);
}
