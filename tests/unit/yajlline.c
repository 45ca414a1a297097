/*
 * yajlline.c: what yajl makes of a monitor's line
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "yajlline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "virerror_priv.h"
#include "virjson.h"

/* The members that say what a line is; each may occur once. */
static const char *const yajlLineMembers[] = {
    "QMP", "event", "return", "error", "data", "timestamp", "id",
};
#define YAJL_LINE_KINDS 4           /* the first so many: one of them must be there */

typedef struct {
    yajl_handle yajl;
    size_t endAt;                   /* where in the line its object ended */
    GString *text;                  /* compact */
    GByteArray *open;               /* '{' or '[' of each level */
    bool comma;                     /* the next value or key needs one before it */
    bool object;                    /* it is one */
    bool deep;
    unsigned int seen[G_N_ELEMENTS(yajlLineMembers)];
    GString *member;                /* of the top level, whose value comes */
    GString *stamp;                 /* of the timestamp, whose value comes */
    size_t dataAt, dataLen;
    GString *event;                 /* NULL: none, or no string */
    gint64 seconds;
    guint32 micros;
} yajlLine;

static bool
yajlLineIs(const GString *string, const char *text)
{
    return string->len == strlen(text) && memcmp(string->str, text, string->len) == 0;
}

static void
yajlLineBefore(yajlLine *line)
{
    if (line->open->len > 0 && line->open->data[line->open->len - 1] == '[' && line->comma)
        g_string_append_c(line->text, ',');
    if (line->open->len == 1 && yajlLineIs(line->member, "data"))
        line->dataAt = line->text->len;
}

static void
yajlLineAfter(yajlLine *line)
{
    line->comma = true;
    g_string_truncate(line->stamp, 0);
    if (line->open->len != 1)
        return;
    if (yajlLineIs(line->member, "data"))
        line->dataLen = line->text->len - line->dataAt;
    g_string_truncate(line->member, 0);
}

static int
yajlLineOnText(yajlLine *line, const char *text)
{
    yajlLineBefore(line);
    g_string_append(line->text, text);
    yajlLineAfter(line);
    return 1;
}

static int
yajlLineOnNull(void *opaque)
{
    return yajlLineOnText(opaque, "null");
}

static int
yajlLineOnBoolean(void *opaque, int boolean)
{
    return yajlLineOnText(opaque, boolean ? "true" : "false");
}

static int
yajlLineOnNumber(void *opaque, const char *text, size_t len)
{
    yajlLine *line = opaque;
    g_autofree char *number = g_strndup(text, len);
    char *end;
    gint64 value;

    errno = 0;
    value = strtoll(number, &end, 10);
    if (errno == 0 && !*end && line->open->len == 2 && yajlLineIs(line->member, "timestamp")) {
        if (yajlLineIs(line->stamp, "seconds"))
            line->seconds = value;
        else if (yajlLineIs(line->stamp, "microseconds") && value >= 0 && value <= G_MAXUINT32)
            line->micros = value;
    }
    return yajlLineOnText(line, number);
}

static int
yajlLineOnString(void *opaque, const unsigned char *text, size_t len)
{
    yajlLine *line = opaque;

    yajlLineBefore(line);
    if (line->open->len == 1 && yajlLineIs(line->member, "event")) {
        g_assert_null(line->event);
        line->event = g_string_new_len((const char *)text, len);
    }
    virJSONAppendString(line->text, (const char *)text, len);
    yajlLineAfter(line);
    return 1;
}

static int
yajlLineOnKey(void *opaque, const unsigned char *text, size_t len)
{
    yajlLine *line = opaque;
    GString *key = line->open->len == 1 ? line->member : line->stamp;
    size_t i;

    if (line->comma)
        g_string_append_c(line->text, ',');
    virJSONAppendString(line->text, (const char *)text, len);
    g_string_append_c(line->text, ':');
    line->comma = false;

    if (line->open->len > 2)
        return 1;
    g_string_truncate(key, 0);
    g_string_append_len(key, (const char *)text, len);
    for (i = 0; line->open->len == 1 && i < G_N_ELEMENTS(yajlLineMembers); i++) {
        /* A second one would be refused: stop where the parser does. */
        if (yajlLineIs(key, yajlLineMembers[i]) && line->seen[i]++ > 0)
            return 0;
    }
    return 1;
}

static int
yajlLineEnter(yajlLine *line, guint8 bracket)
{
    yajlLineBefore(line);
    if (line->open->len == 0)
        line->object = bracket == '{';
    if (line->open->len == QEMU_MONITOR_DEPTH_MAX) {
        line->deep = true;
        return 0;
    }
    g_byte_array_append(line->open, &bracket, 1);
    g_string_append_c(line->text, bracket);
    line->comma = false;
    g_string_truncate(line->stamp, 0);
    return 1;
}

static int
yajlLineLeave(yajlLine *line, char bracket)
{
    g_string_append_c(line->text, bracket);
    g_byte_array_set_size(line->open, line->open->len - 1);
    if (line->open->len == 0)
        line->endAt = yajl_get_bytes_consumed(line->yajl);
    yajlLineAfter(line);
    return 1;
}

static int
yajlLineOnObject(void *opaque)
{
    return yajlLineEnter(opaque, '{');
}

static int
yajlLineOnObjectEnd(void *opaque)
{
    return yajlLineLeave(opaque, '}');
}

static int
yajlLineOnArray(void *opaque)
{
    return yajlLineEnter(opaque, '[');
}

static int
yajlLineOnArrayEnd(void *opaque)
{
    return yajlLineLeave(opaque, ']');
}

static const yajl_callbacks yajlLineCallbacks = {
    .yajl_null = yajlLineOnNull,
    .yajl_boolean = yajlLineOnBoolean,
    .yajl_number = yajlLineOnNumber,
    .yajl_string = yajlLineOnString,
    .yajl_map_key = yajlLineOnKey,
    .yajl_start_map = yajlLineOnObject,
    .yajl_end_map = yajlLineOnObjectEnd,
    .yajl_start_array = yajlLineOnArray,
    .yajl_end_array = yajlLineOnArrayEnd,
};

/* Whether yajl takes it for one JSON object that is a line by the rules. */
static bool
yajlLineParse(yajlLine *line, const char *text, size_t len)
{
    unsigned int kinds = 0;
    bool good;
    size_t i;

    line->yajl = yajl_alloc(&yajlLineCallbacks, NULL, line);
    good = yajl_parse(line->yajl, (const unsigned char *)text, len) == yajl_status_ok &&
           yajl_complete_parse(line->yajl) == yajl_status_ok;
    yajl_free(line->yajl);
    /* It does not mind the start of a string behind the object. */
    for (i = line->endAt; i < len; i++)
        good &= memchr(" \t\r\n\v\f", text[i], 6) != NULL;
    for (i = 0; i < YAJL_LINE_KINDS; i++)
        kinds += line->seen[i];
    return good && line->object && kinds == 1 && (!line->seen[1] || line->event) &&
           g_utf8_validate_len(line->text->str, line->text->len, NULL);
}

/* The unit of UTF-16 that an escape at @text stands for, or 0. */
static unsigned int
yajlLineUnit(const char *text, const char *end)
{
    unsigned int unit = 0;
    int i;

    if (end - text < 6 || text[0] != '\\' || text[1] != 'u')
        return 0;
    for (i = 2; i < 6; i++) {
        if (!g_ascii_isxdigit(text[i]))
            return 0;
        unit = unit << 4 | g_ascii_xdigit_value(text[i]);
    }
    return unit;
}

/* Is there half of a surrogate pair by itself? */
static bool
yajlLineHasHalf(const char *text, size_t len)
{
    const char *end = text + len;

    while ((text = memchr(text, '\\', end - text))) {
        unsigned int unit = yajlLineUnit(text, end);

        if ((unit & 0xf800) == 0xd800) {
            if (unit >= 0xdc00 || (yajlLineUnit(text + 6, end) & 0xfc00) != 0xdc00)
                return true;
            text += 6;
        }
        text = MIN(text + 2, end);
    }
    return false;
}

static void
yajlLineCompare(const yajlLine *line, const qemuMonitorLine *made)
{
    g_assert_cmpmem(made->text, made->textLen, line->text->str, line->text->len);
    if (made->type != QEMU_MONITOR_LINE_EVENT)
        return;
    g_assert_true(line->seen[1]);
    g_assert_cmpmem(made->event, made->eventLen, line->event->str, line->event->len);
    g_assert_cmpint(made->event[made->eventLen], ==, '\0');
    if (line->seen[4])
        g_assert_cmpmem(made->data, made->dataLen, line->text->str + line->dataAt, line->dataLen);
    else
        g_assert_null(made->data);
    g_assert_cmpint(made->seconds, ==, line->seconds);
    g_assert_cmpuint(made->micros, ==, line->micros);
}

bool
yajlLineCheck(qemuMonitorParser *parser, const char *text, size_t len)
{
    yajlLine line = { .text = g_string_new(NULL), .open = g_byte_array_new(),
                      .member = g_string_new(NULL), .stamp = g_string_new(NULL), .seconds = -1 };
    qemuMonitorLine made;
    bool good, expected;

    virResetLastError();
    good = qemuMonitorParserLine(parser, text, len, &made) == 0;
    g_assert_cmpint(good, ==, virGetLastErrorCode() == VIR_ERR_OK);
    if (good) {
        g_assert_true(g_utf8_validate_len(made.text, made.textLen, NULL));
        g_assert_cmpuint(made.textLen, <=, len);
    }
    if (!yajlLineHasHalf(text, len) && len <= QEMU_MONITOR_LINE_MAX) {
        expected = yajlLineParse(&line, text, len);
        g_assert_cmpint(good, ==, expected);
        if (good)
            yajlLineCompare(&line, &made);
    }
    g_string_free(line.text, TRUE);
    g_byte_array_unref(line.open);
    g_string_free(line.member, TRUE);
    g_string_free(line.stamp, TRUE);
    if (line.event)
        g_string_free(line.event, TRUE);
    return good;
}
