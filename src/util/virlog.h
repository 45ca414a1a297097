/*
 * virlog.h: log lines of the library and the daemon
 *
 * Not for errors that a caller gets: those are reported (virerror_priv.h) and
 * only logged at debug level. The default is warnings and up to stderr;
 * LIBVIRT_DEBUG, LIBVIRT_LOG_FILTERS and LIBVIRT_LOG_OUTPUTS change it, as in
 * libvirt.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

typedef enum {
    VIR_LOG_DEBUG = 1,
    VIR_LOG_INFO,
    VIR_LOG_WARN,
    VIR_LOG_ERROR,
} virLogPriority;

/* A file that logs says once: VIR_LOG_INIT("qemu.monitor"); */
#define VIR_LOG_INIT(name) static const char *const virLogSource G_GNUC_UNUSED = name

void virLogMessage(const char *source, virLogPriority priority,
                   const char *file, int line, const char *func,
                   const char *format, ...) G_GNUC_PRINTF(6, 7);
bool virLogEnabled(const char *source, virLogPriority priority);

#define VIR_LOG_(prio, ...) \
    do { \
        if (virLogEnabled(virLogSource, prio)) \
            virLogMessage(virLogSource, prio, __FILE__, __LINE__, __func__, __VA_ARGS__); \
    } while (0)
#define VIR_DEBUG(...) VIR_LOG_(VIR_LOG_DEBUG, __VA_ARGS__)
#define VIR_INFO(...) VIR_LOG_(VIR_LOG_INFO, __VA_ARGS__)
#define VIR_WARN(...) VIR_LOG_(VIR_LOG_WARN, __VA_ARGS__)
#define VIR_ERROR(...) VIR_LOG_(VIR_LOG_ERROR, __VA_ARGS__)

/* All of these return -1 with an error reported if the text makes no sense. */
int virLogSetDefaultPriority(virLogPriority priority);
int virLogParseFilters(const char *filters);
int virLogParseOutputs(const char *outputs);
/* What is in force, in the words above, and how many there are. The caller frees the text. */
char *virLogGetFilters(size_t *count);
char *virLogGetOutputs(size_t *count);
virLogPriority virLogGetDefaultPriority(void);
/* The same as the two that parse, but nothing comes of it; no file is opened. */
int virLogCheckFilters(const char *filters);
int virLogCheckOutputs(const char *outputs);
/* Reads the environment; bad values are warned about, never fatal. Once per process. */
void virLogSetFromEnv(void);

/* A complaint that may repeat without end: logged at its start, and at its end
 * with a count. Zero-initialise; one thread at a time. */
typedef struct {
    guint64 count;          /* since the start; 0 = not going on */
    gint64 last;            /* CLOCK_MONOTONIC, microseconds */
} virLogRepeat;
/* Whether this occurrence is the first and should be logged now. */
bool virLogRepeatBegin(virLogRepeat *repeat);
/* Ends the series; returns how many occurrences went unlogged (0: none). */
guint64 virLogRepeatEnd(virLogRepeat *repeat);

/* What QEMU and applications name must neither forge lines nor steer the terminal that a log is
 * read on. Returns a new string: @text with such characters, and what is no UTF-8, as \xNN. */
char *virLogEscape(const char *text);
