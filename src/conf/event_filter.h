/*
 * event_filter.h: does an event's name satisfy a registration?
 *
 * Whatever somebody has thought up, compiling it takes 1 ms at most, and one name 6 ms: pattern,
 * name, steps and memory are bounded, and a filter that has exceeded one of these is off. Texts are
 * bytes to it, as QEMU's names are ASCII: what Unicode knows of letters would cost seconds, as
 * 64 KiB of "[!-\x{10ffff}]" where case is ignored, and microseconds for each character that is
 * compared with a set of many "\p{Lu}".
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

/* Bytes of the longest pattern (any kind): the names of all events that QEMU has are 1.3 KiB. What
 * a step takes at worst grows with it. */
#define VIR_EVENT_FILTER_LENGTH_MAX 4096
/* Longest name that is compared with a pattern: QEMU's own have 5 to 30 bytes. A longer one fits
 * no regular expression and no glob. */
#define VIR_EVENT_FILTER_NAME_MAX 128
/* Steps that a regular expression may take on one name (PCRE2's match limit): 6 ms at worst. One
 * that asks for sensible things takes some dozens where a match may begin. */
#define VIR_EVENT_FILTER_STEPS_MAX 20000
/* So many are nothing to speak of, 0.3 ms at worst and mostly a tenth of that. Who wants more for a
 * name has so many names at once, and so many more a second: there may be thousands of filters. */
#define VIR_EVENT_FILTER_CHEAP_STEPS_MAX 500
#define VIR_EVENT_FILTER_DEAR_NAMES_MAX 64
#define VIR_EVENT_FILTER_DEAR_NAMES_PER_SECOND 16
/* Memory for doing so, in KiB. */
#define VIR_EVENT_FILTER_HEAP_KIB_MAX 1024
/* How deep parentheses may be nested: PCRE2 compiles them by recursion. */
#define VIR_EVENT_FILTER_NEST_MAX 100
/* Bytes that compiling may allocate in all; what is kept of it is 64 KiB at most where PCRE2 is
 * built as usual. */
#define VIR_EVENT_FILTER_COMPILE_BYTES_MAX (256 * 1024)

typedef enum {
    VIR_EVENT_FILTER_LITERAL = 0,   /* the whole name */
    VIR_EVENT_FILTER_REGEX,         /* Perl-style, unanchored */
    VIR_EVENT_FILTER_GLOB,          /* the whole name; * ? [set] */
} virEventFilterType;

typedef struct _virEventFilter virEventFilter;

/* For how many names filters may take more than a few steps: one for all that belong together. Any
 * thread. */
typedef struct _virEventFilterBudget virEventFilterBudget;
virEventFilterBudget *virEventFilterBudgetNew(void);
virEventFilterBudget *virEventFilterBudgetRef(virEventFilterBudget *budget);
void virEventFilterBudgetUnref(virEventFilterBudget *budget);
/* Whether nobody but the caller has a reference, and a new one would be the same. */
bool virEventFilterBudgetIsSpare(virEventFilterBudget *budget);
/* Filters that this thread makes from now on have @budget (borrowed until it is set again); NULL,
 * as at first: each one of its own. A daemon's way to say whose they are, through functions that
 * know but one application. */
void virEventFilterBudgetSet(virEventFilterBudget *budget);

/* Immutable once made, but for counts and whether it is off, so it may be used by several threads
 * at once. Returns a new filter, or NULL with VIR_ERR_INVALID_ARG reported: for a regular
 * expression "failed to compile regex 'PATTERN': ..."; or it exceeds a limit on names that are
 * nothing special. */
virEventFilter *virEventFilterNew(virEventFilterType type, bool ignoreCase, const char *pattern);
void virEventFilterFree(virEventFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virEventFilter, virEventFilterFree)
/* Once a regular expression has exceeded a limit, or its budget, it is off: this and all further
 * names don't match. */
bool virEventFilterMatches(virEventFilter *filter, const char *name, size_t len);
/* Room for PCRE2's reasons. */
#define VIR_EVENT_FILTER_WHY_SIZE 256
/* Whether it is off; why, in words such as PCRE2's, is written to @why if that isn't NULL. */
bool virEventFilterIsOff(const virEventFilter *filter, char *why, size_t size);
/* Borrowed. */
const char *virEventFilterText(const virEventFilter *filter);
/* What the filter costs in memory, compiled, for accounting. */
size_t virEventFilterBytes(const virEventFilter *filter);
/* The regular expression that fits those names of ASCII characters that @glob fits, for those who
 * know no globs: to be used with the same @ignoreCase. The caller frees it. */
char *virEventFilterGlobToRegex(const char *glob, bool ignoreCase);
