/*
 * virtmon_event_json.c: a monitor event as one line of JSON
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_event_json.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "virtmon_json.h"

#define VIRTMON_MICROS_PER_SECOND 1000000

char *
virtmonFormatTime(gint64 seconds, guint32 micros)
{
    time_t when;
    struct tm tm;

    /* QEMU may send more microseconds than a second has. */
    if (__builtin_add_overflow(seconds, micros / VIRTMON_MICROS_PER_SECOND, &when))
        return NULL;
    if (!gmtime_r(&when, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
        return NULL;
    return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900,
                           tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                           micros % VIRTMON_MICROS_PER_SECOND);
}

/* A string, or null for NULL. */
static void
virtmonEventRecordAddString(GString *line, const char *key, const char *value)
{
    g_string_append_printf(line, "\"%s\":", key);
    if (value)
        virtmonJSONAppendString(line, value, strlen(value));
    else
        g_string_append(line, "null");
    g_string_append_c(line, ',');
}

static void
virtmonEventRecordAddTime(GString *line, const char *key, gint64 seconds, guint32 micros)
{
    g_autofree char *text = seconds == -1 ? NULL : virtmonFormatTime(seconds, micros);

    virtmonEventRecordAddString(line, key, text);
}

static void
virtmonEventRecordAddData(GString *line, const char *details)
{
    g_autofree char *compact = NULL;

    g_string_append(line, "\"data\":");
    if (!details)
        g_string_append(line, "null");
    else if ((compact = virtmonJSONCompact(details, NULL, NULL)))
        g_string_append(line, compact);
    else
        virtmonJSONAppendString(line, details, strlen(details));
    g_string_append_c(line, '}');
}

/* C0 is escaped already. What turns text around, what ends a line somewhere. */
static bool
virtmonEventRecordMustEscape(gunichar c)
{
    return (c >= 0x7f && c < 0xa0) ||
           c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

char *
virtmonEventRecordToJSON(const virtmonEventRecord *record)
{
    g_autoptr(GString) line = g_string_new("{");
    g_autofree char *valid = NULL;
    gint64 received = record->received;
    GString *safe;
    const char *from;
    const char *p;

    virtmonEventRecordAddTime(line, "time", record->seconds, record->micros);
    virtmonEventRecordAddTime(line, "received",
                              received < 0 ? -1 : received / VIRTMON_MICROS_PER_SECOND,
                              received < 0 ? 0 : received % VIRTMON_MICROS_PER_SECOND);
    virtmonEventRecordAddString(line, "domain", record->domain);
    virtmonEventRecordAddString(line, "uuid", record->uuid);
    if (record->id < 0)
        g_string_append(line, "\"id\":null,");
    else
        g_string_append_printf(line, "\"id\":%d,", record->id);
    virtmonEventRecordAddString(line, "stream", record->stream);
    if (record->stream)
        g_string_append_printf(line, "\"seq\":%" G_GUINT64_FORMAT ",", record->number);
    else
        g_string_append(line, "\"seq\":null,");
    virtmonEventRecordAddString(line, "event", record->event);
    virtmonEventRecordAddData(line, record->details);

    /* Outside of strings there is nothing but ASCII. */
    valid = g_utf8_make_valid(line->str, line->len);
    safe = g_string_sized_new(line->len);
    for (p = from = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (virtmonEventRecordMustEscape(c)) {
            g_string_append_len(safe, from, p - from);
            g_string_append_printf(safe, "\\u%04x", c);
            from = g_utf8_next_char(p);
        }
    }
    g_string_append(safe, from);
    return g_string_free(safe, FALSE);
}
