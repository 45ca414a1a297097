/*
 * fuzz_event_json.c: any bytes as an event's name and data; the line is JSON, and nothing in it
 * is obeyed by a terminal
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "virtmon_event_json.h"
#include "virtmon_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* the name, up to the first newline; the data; both without NULs */
    g_autofree char *name = g_strndup((const char *)data, size);
    char *end = strchr(name, '\n');
    virtmonEventRecord record = {
        .seconds = (gint64)size - 1,
        .micros = size * 100000,
        .received = -1,
        .domain = name,
        .uuid = "",
        .id = -1,
        .event = name,
        .details = end ? end + 1 : NULL,
    };
    g_autofree char *line = NULL;
    const char *p;

    if (end)
        *end = '\0';
    line = virtmonEventRecordToJSON(&record);
    g_assert_true(g_utf8_validate(line, -1, NULL));
    g_assert_true(virtmonJSONIsObject(line));
    for (p = line; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        g_assert_false(g_unichar_iscntrl(c));
    }
    return 0;
}
