/*
 * virlog.c: log lines of the library and the daemon
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_CONF

/* How long a repeated complaint may pause and still be the same one. */
#define VIR_LOG_REPEAT_GAP (10 * G_USEC_PER_SEC)

typedef struct {
    virLogPriority priority;
    char *match;                        /* glob on the source; matched anywhere in it */
} virLogFilter;

typedef struct {
    virLogPriority priority;
    int fd;
    char *path;                         /* of a file that was opened for it; NULL: stderr */
} virLogOutput;

static virMutex virLogLock = VIR_MUTEX_INITIALIZER;
static GArray *virLogFilters;           /* both guarded by virLogLock */
static GArray *virLogOutputs;
static atomic_int virLogDefault = VIR_LOG_WARN;
/* The lowest priority that any filter or the default lets through, so that a line
 * nobody wants costs one load. */
static atomic_int virLogLowest = VIR_LOG_WARN;

static const char *const virLogNames[] = { NULL, "debug", "info", "warning", "error" };

static int
virLogPriorityParse(const char *text, virLogPriority *priority)
{
    size_t i;

    for (i = VIR_LOG_DEBUG; i <= VIR_LOG_ERROR; i++) {
        if ((text[0] == (char)('0' + i) && !text[1]) ||
            g_ascii_strcasecmp(text, virLogNames[i]) == 0) {
            *priority = i;
            return 0;
        }
    }
    return -1;
}

static void
virLogFilterClear(void *data)
{
    g_free(((virLogFilter *)data)->match);
}

static void
virLogOutputClear(void *data)
{
    virLogOutput *output = data;

    if (output->path)
        close(output->fd);
    g_free(output->path);
}

/* Call with virLogLock held. */
static void
virLogUpdateLowest(void)
{
    int lowest = atomic_load(&virLogDefault);
    size_t i;

    for (i = 0; virLogFilters && i < virLogFilters->len; i++)
        lowest = MIN(lowest, (int)g_array_index(virLogFilters, virLogFilter, i).priority);
    atomic_store(&virLogLowest, lowest);
}

bool
virLogEnabled(const char *source, virLogPriority priority)
{
    int limit;
    size_t i;

    if ((int)priority < atomic_load_explicit(&virLogLowest, memory_order_relaxed))
        return false;

    limit = atomic_load(&virLogDefault);
    virMutexLock(&virLogLock);
    for (i = 0; virLogFilters && i < virLogFilters->len; i++) {
        virLogFilter *filter = &g_array_index(virLogFilters, virLogFilter, i);

        if (g_pattern_match_simple(filter->match, source))
            limit = filter->priority;
    }
    virMutexUnlock(&virLogLock);
    return (int)priority >= limit;
}

/* Controls, line ends, and what turns the direction of writing. */
static bool
virLogIsUnprintable(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return true;
    default:
        return false;
    }
}

char *
virLogEscape(const char *text)
{
    GString *out = g_string_sized_new(strlen(text) + 1);

    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);
        bool valid = c != (gunichar)-1 && c != (gunichar)-2;

        if (valid && !virLogIsUnprintable(c)) {
            const char *next = g_utf8_next_char(text);

            g_string_append_len(out, text, next - text);
            text = next;
        } else {
            const char *next = valid ? g_utf8_next_char(text) : text + 1;

            for (; text < next; text++)
                g_string_append_printf(out, "\\x%02x", (unsigned char)*text);
        }
    }
    return g_string_free(out, FALSE);
}

static void
virLogWrite(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t done = write(fd, text, left);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;         /* a log that can't be written has nowhere to complain */
        text += done;
        left -= done;
    }
}

void
virLogMessage(const char *source, virLogPriority priority, const char *file, int line,
              const char *func, const char *format, ...)
{
    int savedErrno = errno;
    g_autofree char *raw = NULL;
    g_autofree char *text = NULL;
    g_autofree char *whole = NULL;
    struct timespec now;
    struct tm utc;
    char stamp[32];
    va_list args;
    size_t i;

    va_start(args, format);
    raw = g_strdup_vprintf(format, args);
    va_end(args);
    text = virLogEscape(raw);

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%F %T", &utc);
    if (priority == VIR_LOG_DEBUG)
        whole = g_strdup_printf("%s.%03ld+0000: %ld: %s : %s:%d : %s: %s\n", stamp,
                                now.tv_nsec / 1000000, syscall(SYS_gettid), virLogNames[priority],
                                func, line, source, text);
    else
        whole = g_strdup_printf("%s.%03ld+0000: %ld: %s : %s: %s\n", stamp,
                                now.tv_nsec / 1000000, syscall(SYS_gettid), virLogNames[priority],
                                source, text);

    virMutexLock(&virLogLock);
    for (i = 0; virLogOutputs && i < virLogOutputs->len; i++) {
        virLogOutput *output = &g_array_index(virLogOutputs, virLogOutput, i);

        if (priority >= output->priority)
            virLogWrite(output->fd, whole);
    }
    if (!virLogOutputs)
        virLogWrite(STDERR_FILENO, whole);
    virMutexUnlock(&virLogLock);
    errno = savedErrno;
}

int
virLogSetDefaultPriority(virLogPriority priority)
{
    if (priority < VIR_LOG_DEBUG || priority > VIR_LOG_ERROR) {
        virReportError(VIR_ERR_INVALID_ARG, _("log priority '%1$d' is not between 1 and 4"),
                       priority);
        return -1;
    }
    atomic_store(&virLogDefault, priority);
    virMutexLock(&virLogLock);
    virLogUpdateLowest();
    virMutexUnlock(&virLogLock);
    return 0;
}

/* What @filters says, as virLogParseFilters() has it; NULL with an error reported. */
static GArray *
virLogMakeFilters(const char *filters)
{
    g_auto(GStrv) words = g_strsplit_set(filters, " \t\n", -1);
    g_autoptr(GArray) parsed = g_array_new(FALSE, FALSE, sizeof(virLogFilter));
    size_t i;

    g_array_set_clear_func(parsed, virLogFilterClear);
    for (i = 0; words[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], ":", 2);
        virLogFilter filter;

        if (!*words[i])
            continue;
        if (!parts[0] || !parts[1] || !*parts[1] ||
            virLogPriorityParse(parts[0], &filter.priority) < 0) {
            virReportError(VIR_ERR_INVALID_ARG, _("log filter '%1$s' is not LEVEL:NAME"),
                           words[i]);
            return NULL;
        }
        filter.match = strchr(parts[1], '*') ? g_strdup(parts[1])
                                             : g_strdup_printf("*%s*", parts[1]);
        g_array_append_val(parsed, filter);
    }
    return g_steal_pointer(&parsed);
}

/**
 * virLogParseFilters:
 * @filters: "LEVEL:NAME" separated by spaces; NAME is found anywhere in a source, or is
 *   a pattern with '*'; the last that fits counts
 */
int
virLogParseFilters(const char *filters)
{
    GArray *parsed = virLogMakeFilters(filters);

    if (!parsed)
        return -1;
    virMutexLock(&virLogLock);
    g_clear_pointer(&virLogFilters, g_array_unref);
    virLogFilters = parsed;
    virLogUpdateLowest();
    virMutexUnlock(&virLogLock);
    return 0;
}

int
virLogCheckFilters(const char *filters)
{
    g_autoptr(GArray) parsed = virLogMakeFilters(filters);

    return parsed ? 0 : -1;
}

/* What @outputs says, as virLogParseOutputs() has it; NULL with an error reported. With @check,
 * files are not opened, and it is of no use but for that. */
static GArray *
virLogMakeOutputs(const char *outputs, bool check)
{
    g_auto(GStrv) words = g_strsplit_set(outputs, " \t\n", -1);
    g_autoptr(GArray) parsed = g_array_new(FALSE, FALSE, sizeof(virLogOutput));
    size_t i;

    g_array_set_clear_func(parsed, virLogOutputClear);
    for (i = 0; words[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], ":", 3);
        virLogOutput output = { 0 };

        if (!*words[i])
            continue;
        if (!parts[0] || !parts[1] || virLogPriorityParse(parts[0], &output.priority) < 0) {
            virReportError(VIR_ERR_INVALID_ARG, _("log output '%1$s' is not LEVEL:stderr or "
                                                  "LEVEL:file:PATH"), words[i]);
            return NULL;
        }
        if (strcmp(parts[1], "stderr") == 0 && !parts[2]) {
            output.fd = STDERR_FILENO;
        } else if (strcmp(parts[1], "file") == 0 && parts[2] && *parts[2]) {
            if (check)
                continue;
            output.fd = open(parts[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
            if (output.fd < 0) {
                virReportSystemError(errno, _("cannot open log file '%1$s'"), parts[2]);
                return NULL;
            }
            output.path = g_strdup(parts[2]);
        } else {
            virReportError(VIR_ERR_INVALID_ARG, _("log output '%1$s' is not LEVEL:stderr or "
                                                  "LEVEL:file:PATH"), words[i]);
            return NULL;
        }
        g_array_append_val(parsed, output);
    }
    return g_steal_pointer(&parsed);
}

/**
 * virLogParseOutputs:
 * @outputs: "LEVEL:stderr" and "LEVEL:file:PATH", separated by spaces; none: stderr
 */
int
virLogParseOutputs(const char *outputs)
{
    g_autoptr(GArray) parsed = virLogMakeOutputs(outputs, false);

    if (!parsed)
        return -1;
    virMutexLock(&virLogLock);
    g_clear_pointer(&virLogOutputs, g_array_unref);
    if (parsed->len > 0)
        virLogOutputs = g_steal_pointer(&parsed);
    virMutexUnlock(&virLogLock);
    return 0;
}

int
virLogCheckOutputs(const char *outputs)
{
    g_autoptr(GArray) parsed = virLogMakeOutputs(outputs, true);

    return parsed ? 0 : -1;
}

virLogPriority
virLogGetDefaultPriority(void)
{
    return atomic_load(&virLogDefault);
}

char *
virLogGetFilters(size_t *count)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virLogLock);
    GString *text = g_string_new(NULL);
    size_t i;

    *count = virLogFilters ? virLogFilters->len : 0;
    for (i = 0; i < *count; i++) {
        const virLogFilter *filter = &g_array_index(virLogFilters, virLogFilter, i);

        g_string_append_printf(text, "%s%d:%s", i > 0 ? " " : "", filter->priority,
                               filter->match);
    }
    return g_string_free(text, FALSE);
}

char *
virLogGetOutputs(size_t *count)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virLogLock);
    GString *text = g_string_new(NULL);
    size_t i;

    *count = virLogOutputs ? virLogOutputs->len : 1;
    if (!virLogOutputs)
        g_string_append_printf(text, "%d:stderr", VIR_LOG_DEBUG);
    for (i = 0; virLogOutputs && i < *count; i++) {
        const virLogOutput *output = &g_array_index(virLogOutputs, virLogOutput, i);

        g_string_append_printf(text, "%s%d:", i > 0 ? " " : "", output->priority);
        if (output->path)
            g_string_append_printf(text, "file:%s", output->path);
        else
            g_string_append(text, "stderr");
    }
    return g_string_free(text, FALSE);
}

void
virLogSetFromEnv(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;
    const char *value;
    virLogPriority priority;

    if (atomic_flag_test_and_set(&done))
        return;

    if ((value = getenv("LIBVIRT_DEBUG")) && *value) {
        if (virLogPriorityParse(value, &priority) < 0 ||
            virLogSetDefaultPriority(priority) < 0)
            fprintf(stderr, _("ignoring LIBVIRT_DEBUG='%1$s': not a log level\n"), value);
    }
    if ((value = getenv("LIBVIRT_LOG_FILTERS")) && *value && virLogParseFilters(value) < 0)
        fprintf(stderr, _("ignoring LIBVIRT_LOG_FILTERS: %1$s\n"), virErrorLastMessage());
    if ((value = getenv("LIBVIRT_LOG_OUTPUTS")) && *value && virLogParseOutputs(value) < 0)
        fprintf(stderr, _("ignoring LIBVIRT_LOG_OUTPUTS: %1$s\n"), virErrorLastMessage());
    virResetLastError();
}

/* Frees what the settings hold, so that a leak checker sees only leaks. */
static void __attribute__((destructor))
virLogFree(void)
{
    g_clear_pointer(&virLogFilters, g_array_unref);
    g_clear_pointer(&virLogOutputs, g_array_unref);
}

bool
virLogRepeatBegin(virLogRepeat *repeat)
{
    gint64 now = g_get_monotonic_time();
    bool first = repeat->count == 0 || now - repeat->last > VIR_LOG_REPEAT_GAP;

    repeat->last = now;
    repeat->count++;
    return first;
}

guint64
virLogRepeatEnd(virLogRepeat *repeat)
{
    guint64 unlogged = repeat->count > 0 ? repeat->count - 1 : 0;

    repeat->count = 0;
    return unlogged;
}
