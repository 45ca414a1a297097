/*
 * event_filter.h: does an event's name satisfy a registration?
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

/* Longest pattern (any kind). A name is matched once and then remembered, but
 * the pattern is held for the registration's life; upstream takes 4 MiB. */
#define VIR_EVENT_FILTER_LENGTH_MAX (64 * 1024)
/* Longest name that is compared with a pattern: QEMU's own have 5 to 30 bytes. A longer one fits
 * no regular expression and no glob. */
#define VIR_EVENT_FILTER_NAME_MAX 512
/* Steps that a regular expression may take on one name (PCRE2's match limit): 50 ms at worst,
 * on the longest name. A name that exceeds it doesn't match, and is logged. */
#define VIR_EVENT_FILTER_STEPS_MAX 1000000
/* Memory for doing so, in KiB. */
#define VIR_EVENT_FILTER_HEAP_KIB_MAX 1024

typedef enum {
    VIR_EVENT_FILTER_LITERAL = 0,   /* the whole name */
    VIR_EVENT_FILTER_REGEX,         /* Perl-style, unanchored */
    VIR_EVENT_FILTER_GLOB,          /* the whole name; * ? [set] */
} virEventFilterType;

typedef struct _virEventFilter virEventFilter;

/* Immutable once made, but for a count of complaints, so it may be used by several threads at
 * once. Returns a
 * new filter, or NULL with VIR_ERR_INVALID_ARG reported: for a regular expression
 * "failed to compile regex 'PATTERN': ...". */
virEventFilter *virEventFilterNew(virEventFilterType type, bool ignoreCase, const char *pattern);
void virEventFilterFree(virEventFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virEventFilter, virEventFilterFree)
bool virEventFilterMatches(virEventFilter *filter, const char *name, size_t len);
/* What the filter costs in memory, for accounting. */
size_t virEventFilterBytes(const virEventFilter *filter);
/* The regular expression that fits those names of ASCII characters that @glob fits, for those who
 * know no globs: to be used with the same @ignoreCase. The caller frees it. */
char *virEventFilterGlobToRegex(const char *glob, bool ignoreCase);
