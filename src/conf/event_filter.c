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
#include <stdlib.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_NONE

VIR_LOG_INIT("conf.event_filter");

/* Among PCRE2's codes, which are negative where something has failed. */
#define VIR_EVENT_FILTER_BUDGET 1

struct _virEventFilterBudget {
    atomic_uint refs;
    virMutex lock;              /* guards the rest */
    gint64 time;                /* microseconds of CLOCK_MONOTONIC: when names that came evenly, as
                                 * many a second as may, would have come to as many as did */
};

struct _virEventFilter {
    virEventFilterType type;
    bool ignoreCase;
    pcre2_code *regex;
    size_t regexBytes;          /* allocated for it so far, while it is compiled; then its own */
    virEventFilterBudget *budget;       /* a reference; regular expressions only */
    atomic_int off;             /* PCRE2's code of the limit that it has exceeded, or
                                 * VIR_EVENT_FILTER_BUDGET; 0: none */
    size_t unclosed;            /* globs: where the first "[" is that has no "]"; or len */
    atomic_uint complaints;     /* names that were too long for it */
    size_t len;
    char pattern[];
};

/* Names that are no QEMU's are many, if there are any. */
#define VIR_EVENT_FILTER_COMPLAIN(filter, ...) \
    do { \
        if (atomic_fetch_add(&(filter)->complaints, 1) == 0) \
            VIR_WARN(__VA_ARGS__); \
    } while (0)

/* --- budgets --- */

static _Thread_local virEventFilterBudget *virEventFilterBudgetOfThread;

virEventFilterBudget *
virEventFilterBudgetNew(void)
{
    virEventFilterBudget *budget = g_new0(virEventFilterBudget, 1);

    atomic_init(&budget->refs, 1);
    virMutexInit(&budget->lock);
    return budget;
}

virEventFilterBudget *
virEventFilterBudgetRef(virEventFilterBudget *budget)
{
    atomic_fetch_add(&budget->refs, 1);
    return budget;
}

void
virEventFilterBudgetUnref(virEventFilterBudget *budget)
{
    if (!budget || atomic_fetch_sub(&budget->refs, 1) != 1)
        return;
    virMutexDestroy(&budget->lock);
    g_free(budget);
}

bool
virEventFilterBudgetIsSpare(virEventFilterBudget *budget)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&budget->lock);

    return atomic_load(&budget->refs) == 1 && budget->time <= g_get_monotonic_time();
}

void
virEventFilterBudgetSet(virEventFilterBudget *budget)
{
    virEventFilterBudgetOfThread = budget;
}

/* Whether there is one more name in it. */
static bool
virEventFilterBudgetTake(virEventFilterBudget *budget)
{
    const gint64 interval = G_USEC_PER_SEC / VIR_EVENT_FILTER_DEAR_NAMES_PER_SECOND;
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&budget->lock);
    gint64 now = g_get_monotonic_time();
    gint64 time = MAX(budget->time, now);

    if (time - now > interval * (VIR_EVENT_FILTER_DEAR_NAMES_MAX - 1))
        return false;
    budget->time = time + interval;
    return true;
}

/* --- making one --- */

/* PCRE2 says itself that it has got none. */
static void *
virEventFilterAlloc(PCRE2_SIZE bytes, void *opaque)
{
    virEventFilter *filter = opaque;

    if (bytes > VIR_EVENT_FILTER_COMPILE_BYTES_MAX - filter->regexBytes)
        return NULL;
    filter->regexBytes += bytes;
    return malloc(bytes);
}

static void
virEventFilterRelease(void *memory, void *opaque G_GNUC_UNUSED)
{
    free(memory);
}

static int
virEventFilterCompile(virEventFilter *filter)
{
    uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
        (filter->ignoreCase ? PCRE2_CASELESS : 0);
    pcre2_general_context *memory = pcre2_general_context_create(virEventFilterAlloc,
                                                                 virEventFilterRelease, filter);
    pcre2_compile_context *dialect = pcre2_compile_context_create(memory);
    PCRE2_SIZE offset;
    int code;

    /* The first two make it GRegex's dialect. */
    pcre2_set_newline(dialect, PCRE2_NEWLINE_ANY);
    pcre2_set_bsr(dialect, PCRE2_BSR_UNICODE);
    pcre2_set_parens_nest_limit(dialect, VIR_EVENT_FILTER_NEST_MAX);
    filter->regex = pcre2_compile((PCRE2_SPTR)filter->pattern, filter->len, options, &code,
                                  &offset, dialect);
    pcre2_compile_context_free(dialect);
    pcre2_general_context_free(memory);
    if (!filter->regex) {
        PCRE2_UCHAR why[VIR_EVENT_FILTER_WHY_SIZE];

        pcre2_get_error_message(code, why, sizeof(why));
        virReportError(VIR_ERR_INVALID_ARG,
                       _("failed to compile regex '%1$s': at character %2$zu: %3$s"),
                       filter->pattern, (size_t)offset, (const char *)why);
        return -1;
    }
    pcre2_pattern_info(filter->regex, PCRE2_INFO_SIZE, &filter->regexBytes);
    return 0;
}

static int virEventFilterRun(virEventFilter *filter, const char *name, size_t len, size_t steps);

/* Whether it does its work on names as there are, and on one that repeats itself. Returns 0, or -1
 * with an error reported. */
static int
virEventFilterTry(virEventFilter *filter)
{
    static const char *const names[] = {
        "BLOCK_IMAGE_CORRUPTED", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    char why[VIR_EVENT_FILTER_WHY_SIZE];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        int rc = virEventFilterRun(filter, names[i], strlen(names[i]), VIR_EVENT_FILTER_STEPS_MAX);

        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
            pcre2_get_error_message(rc, (PCRE2_UCHAR *)why, sizeof(why));
            virReportError(VIR_ERR_INVALID_ARG,
                           _("regex '%1$s' is too much work: on event name '%2$s': %3$s"),
                           filter->pattern, names[i], why);
            return -1;
        }
    }
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

    /* It is quoted in JSON where it has exceeded a limit. */
    if (type == VIR_EVENT_FILTER_REGEX && !g_utf8_validate(pattern, len, NULL)) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("event filter is no valid UTF-8"));
        return NULL;
    }
    if (type == VIR_EVENT_FILTER_REGEX &&
        (virEventFilterCompile(filter) < 0 || virEventFilterTry(filter) < 0))
        return NULL;
    if (type == VIR_EVENT_FILTER_REGEX)
        filter->budget = virEventFilterBudgetOfThread ?
            virEventFilterBudgetRef(virEventFilterBudgetOfThread) : virEventFilterBudgetNew();
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
        VIR_WARN("%s '%.200s' was not compared with %u event names",
                 filter->type == VIR_EVENT_FILTER_REGEX ? "regex" : "glob", filter->pattern,
                 complaints);
    pcre2_code_free(filter->regex);
    virEventFilterBudgetUnref(filter->budget);
    g_free(filter);
}

/* Returns what pcre2_match() does. */
static int
virEventFilterRun(virEventFilter *filter, const char *name, size_t len, size_t steps)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc;

    /* PCRE2 counts from nought at every place where a match may begin. A pattern can lower
     * these by verbs of its own, never raise them. */
    pcre2_set_match_limit(limits, steps / (len + 1));
    pcre2_set_depth_limit(limits, steps / (len + 1));
    pcre2_set_heap_limit(limits, VIR_EVENT_FILTER_HEAP_KIB_MAX);
    rc = pcre2_match(filter->regex, (PCRE2_SPTR)name, len, 0, 0, data, limits);
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return rc;
}

static bool
virEventFilterMatchesRegex(virEventFilter *filter, const char *name, size_t len)
{
    int rc;

    if (atomic_load(&filter->off) != 0)
        return false;
    rc = virEventFilterRun(filter, name, len, VIR_EVENT_FILTER_CHEAP_STEPS_MAX);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT) {
        if (!virEventFilterBudgetTake(filter->budget)) {
            atomic_store(&filter->off, VIR_EVENT_FILTER_BUDGET);
            return false;
        }
        rc = virEventFilterRun(filter, name, len, VIR_EVENT_FILTER_STEPS_MAX);
    }

    /* 0: it fits, but the data has no room for the places of its groups. */
    if (rc >= 0)
        return true;
    if (rc != PCRE2_ERROR_NOMATCH)
        atomic_store(&filter->off, rc);
    return false;
}

bool
virEventFilterIsOff(const virEventFilter *filter, char *why, size_t size)
{
    int off = atomic_load(&filter->off);

    if (off == VIR_EVENT_FILTER_BUDGET && why)
        g_strlcpy(why, "too many names took many steps", size);
    else if (off != 0 && why)
        pcre2_get_error_message(off, (PCRE2_UCHAR *)why, size);
    return off != 0;
}

const char *
virEventFilterText(const virEventFilter *filter)
{
    return filter->pattern;
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
 * in much: where case is ignored, in ranges that run backwards, in what needs a backslash. One that
 * excludes says what, so that all beyond ASCII is in it. Sets end where virEventFilterInSet()
 * says. */
static void
virEventFilterAppendSet(GString *regex, const virEventFilter *filter, const char *at)
{
    bool negate = *at == '!' || *at == '^';
    const char *end;
    size_t start = regex->len;
    size_t inner;
    int c;

    g_string_append(regex, negate ? "[^" : "[");
    inner = regex->len;
    for (c = 1; c < 128; c++) {
        int last = c;

        if (virEventFilterInSet(filter, at, virEventFilterFold(filter, c), &end) == negate)
            continue;
        while (last + 1 < 128 && virEventFilterInSet(filter, at,
                                                     virEventFilterFold(filter, last + 1),
                                                     &end) != negate)
            last++;
        virEventFilterAppendQuoted(regex, c);
        if (last > c + 1)
            g_string_append_c(regex, '-');
        if (last > c)
            virEventFilterAppendQuoted(regex, last);
        c = last;
    }
    if (regex->len > inner) {
        g_string_append_c(regex, ']');
    } else {
        /* All is in it, or nothing. */
        g_string_truncate(regex, start);
        g_string_append(regex, negate ? "." : "(?!)");
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
