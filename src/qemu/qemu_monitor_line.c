/*
 * qemu_monitor_line.c: one line from QEMU, understood in one pass
 *
 * yajl tells what it sees, and what it sees is written down again at once, compactly,
 * into a buffer that serves all lines. Where the interesting members lie in it is noted
 * on the way. One yajl parser serves many lines too: each line is one more value of its
 * stream. Only a bad line costs a new one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_monitor_line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A buffer that a long line has grown beyond this is given back after it. */
#define QEMU_MONITOR_PARSER_KEEP (256 * 1024)

typedef enum {
    QEMU_MONITOR_MEMBER_NONE,
    QEMU_MONITOR_MEMBER_QMP,
    QEMU_MONITOR_MEMBER_EVENT,
    QEMU_MONITOR_MEMBER_DATA,
    QEMU_MONITOR_MEMBER_TIMESTAMP,
    QEMU_MONITOR_MEMBER_RETURN,
    QEMU_MONITOR_MEMBER_ERROR,
    QEMU_MONITOR_MEMBER_ID,
} qemuMonitorMember;

typedef enum {
    QEMU_MONITOR_STAMP_NONE,
    QEMU_MONITOR_STAMP_SECONDS,
    QEMU_MONITOR_STAMP_MICROS,
} qemuMonitorStamp;

struct _qemuMonitorParser {
    yajl_handle yajl;
    char *out;                      /* the line, compact */
    size_t outLen, outSize;
    char *texts;                    /* unescaped values of "event" and "id", NUL-terminated */
    size_t textsLen, textsSize;

    /* the line in progress */
    unsigned int depth;
    bool done;                      /* its object is complete */
    size_t endAt;                   /* where in the line it ended */
    bool comma;                     /* the next value or key needs one before it */
    unsigned char bits;             /* of all bytes of its strings, to tell whether it is ASCII */
    const char *why;                /* what is wrong with it, if yajl doesn't know */
    qemuMonitorMember member;       /* of the top level, whose value comes */
    qemuMonitorStamp stamp;         /* of the timestamp, whose value comes */
    unsigned int seen;              /* members of the top level: bits 1 << qemuMonitorMember */
    size_t dataAt, dataLen;
    size_t eventAt, eventLen;
    size_t idAt, idLen;
    bool eventIsString, idIsString;
    gint64 seconds;
    guint32 micros;
    unsigned char path[QEMU_MONITOR_DEPTH_MAX];     /* '{' or '[' of each open level */
};

/* --- the buffer --- */

static char *
qemuMonitorParserRoom(qemuMonitorParser *parser, size_t len)
{
    if (G_UNLIKELY(parser->outSize - parser->outLen < len)) {
        /* The compact text is at most six times the line (\u00XX), which is bounded. */
        parser->outSize = MAX(parser->outSize * 2, parser->outLen + len);
        parser->out = g_realloc(parser->out, parser->outSize);
    }
    return parser->out + parser->outLen;
}

static void
qemuMonitorParserPut(qemuMonitorParser *parser, const char *text, size_t len)
{
    memcpy(qemuMonitorParserRoom(parser, len), text, len);
    parser->outLen += len;
}

static void
qemuMonitorParserPutString(qemuMonitorParser *parser, const unsigned char *text, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char letters[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };
    char *out = qemuMonitorParserRoom(parser, 2 + 6 * len);
    unsigned char bits = 0;
    size_t i;

    *out++ = '"';
    for (i = 0; i < len; i++) {
        unsigned char c = text[i];

        bits |= c;
        if (G_LIKELY(c >= 0x20 && c != '"' && c != '\\')) {
            *out++ = c;
        } else {
            *out++ = '\\';
            if (c >= 0x20) {
                *out++ = c;
            } else if (letters[c]) {
                *out++ = letters[c];
            } else {
                *out++ = 'u';
                *out++ = '0';
                *out++ = '0';
                *out++ = digits[c >> 4];
                *out++ = digits[c & 0xf];
            }
        }
    }
    *out++ = '"';
    parser->bits |= bits;
    parser->outLen = out - parser->out;
}

static size_t
qemuMonitorParserKeepText(qemuMonitorParser *parser, const unsigned char *text, size_t len)
{
    size_t at = parser->textsLen;

    if (parser->textsSize - at < len + 1) {
        parser->textsSize = MAX(parser->textsSize * 2, at + len + 1);
        parser->texts = g_realloc(parser->texts, parser->textsSize);
    }
    memcpy(parser->texts + at, text, len);
    parser->texts[at + len] = '\0';
    parser->textsLen += len + 1;
    return at;
}

/* --- what yajl calls --- */

static int
qemuMonitorParserFail(qemuMonitorParser *parser, const char *why)
{
    parser->why = why;
    return 0;
}

/* Before each value: false if none may come. */
static bool
qemuMonitorParserBefore(qemuMonitorParser *parser)
{
    if (G_UNLIKELY(parser->depth == 0)) {
        qemuMonitorParserFail(parser, N_("it is not one JSON object"));
        return false;
    }
    if (parser->path[parser->depth - 1] == '[' && parser->comma)
        qemuMonitorParserPut(parser, ",", 1);
    if (parser->depth == 1 && parser->member == QEMU_MONITOR_MEMBER_DATA)
        parser->dataAt = parser->outLen;
    return true;
}

static void
qemuMonitorParserAfter(qemuMonitorParser *parser)
{
    parser->comma = true;
    parser->stamp = QEMU_MONITOR_STAMP_NONE;
    if (parser->depth == 1) {
        if (parser->member == QEMU_MONITOR_MEMBER_DATA)
            parser->dataLen = parser->outLen - parser->dataAt;
        parser->member = QEMU_MONITOR_MEMBER_NONE;
    }
}

static int
qemuMonitorParserWord(qemuMonitorParser *parser, const char *word, size_t len)
{
    if (!qemuMonitorParserBefore(parser))
        return 0;
    qemuMonitorParserPut(parser, word, len);
    qemuMonitorParserAfter(parser);
    return 1;
}

static int
qemuMonitorParserOnNull(void *opaque)
{
    return qemuMonitorParserWord(opaque, "null", 4);
}

static int
qemuMonitorParserOnBoolean(void *opaque, int boolean)
{
    return boolean ? qemuMonitorParserWord(opaque, "true", 4)
                   : qemuMonitorParserWord(opaque, "false", 5);
}

static int
qemuMonitorParserOnNumber(void *opaque, const char *text, size_t len)
{
    qemuMonitorParser *parser = opaque;

    if (parser->stamp != QEMU_MONITOR_STAMP_NONE && len < 24) {
        char number[24];
        char *end;
        gint64 value;

        memcpy(number, text, len);
        number[len] = '\0';
        errno = 0;
        value = strtoll(number, &end, 10);
        if (errno == 0 && !*end) {
            if (parser->stamp == QEMU_MONITOR_STAMP_SECONDS)
                parser->seconds = value;
            else if (value >= 0 && value <= G_MAXUINT32)
                parser->micros = value;
        }
    }
    return qemuMonitorParserWord(parser, text, len);
}

static int
qemuMonitorParserOnString(void *opaque, const unsigned char *text, size_t len)
{
    qemuMonitorParser *parser = opaque;

    if (!qemuMonitorParserBefore(parser))
        return 0;
    if (parser->depth == 1) {
        if (parser->member == QEMU_MONITOR_MEMBER_EVENT) {
            parser->eventIsString = true;
            parser->eventAt = qemuMonitorParserKeepText(parser, text, len);
            parser->eventLen = len;
        } else if (parser->member == QEMU_MONITOR_MEMBER_ID) {
            parser->idIsString = true;
            parser->idAt = qemuMonitorParserKeepText(parser, text, len);
            parser->idLen = len;
        }
    }
    qemuMonitorParserPutString(parser, text, len);
    qemuMonitorParserAfter(parser);
    return 1;
}

static qemuMonitorMember
qemuMonitorParserMember(const char *key, size_t len)
{
    switch (len) {
    case 2:
        return memcmp(key, "id", 2) == 0 ? QEMU_MONITOR_MEMBER_ID : QEMU_MONITOR_MEMBER_NONE;
    case 3:
        return memcmp(key, "QMP", 3) == 0 ? QEMU_MONITOR_MEMBER_QMP : QEMU_MONITOR_MEMBER_NONE;
    case 4:
        return memcmp(key, "data", 4) == 0 ? QEMU_MONITOR_MEMBER_DATA : QEMU_MONITOR_MEMBER_NONE;
    case 5:
        if (memcmp(key, "event", 5) == 0)
            return QEMU_MONITOR_MEMBER_EVENT;
        return memcmp(key, "error", 5) == 0 ? QEMU_MONITOR_MEMBER_ERROR
                                            : QEMU_MONITOR_MEMBER_NONE;
    case 6:
        return memcmp(key, "return", 6) == 0 ? QEMU_MONITOR_MEMBER_RETURN
                                             : QEMU_MONITOR_MEMBER_NONE;
    case 9:
        return memcmp(key, "timestamp", 9) == 0 ? QEMU_MONITOR_MEMBER_TIMESTAMP
                                                : QEMU_MONITOR_MEMBER_NONE;
    default:
        return QEMU_MONITOR_MEMBER_NONE;
    }
}

static int
qemuMonitorParserOnKey(void *opaque, const unsigned char *text, size_t len)
{
    qemuMonitorParser *parser = opaque;
    const char *key = (const char *)text;

    if (parser->comma)
        qemuMonitorParserPut(parser, ",", 1);
    qemuMonitorParserPutString(parser, text, len);
    qemuMonitorParserPut(parser, ":", 1);
    parser->comma = false;

    if (parser->depth == 1) {
        parser->member = qemuMonitorParserMember(key, len);
        if (parser->member != QEMU_MONITOR_MEMBER_NONE) {
            if (parser->seen & (1u << parser->member))
                return qemuMonitorParserFail(parser, N_("a member occurs twice"));
            parser->seen |= 1u << parser->member;
        }
    } else if (parser->depth == 2 && parser->member == QEMU_MONITOR_MEMBER_TIMESTAMP) {
        if (len == 7 && memcmp(key, "seconds", 7) == 0)
            parser->stamp = QEMU_MONITOR_STAMP_SECONDS;
        else if (len == 12 && memcmp(key, "microseconds", 12) == 0)
            parser->stamp = QEMU_MONITOR_STAMP_MICROS;
        else
            parser->stamp = QEMU_MONITOR_STAMP_NONE;
    }
    return 1;
}

static int
qemuMonitorParserOpen(qemuMonitorParser *parser, char bracket)
{
    if (parser->depth == 0) {
        if (parser->done || bracket != '{')
            return qemuMonitorParserFail(parser, N_("it is not one JSON object"));
    } else if (!qemuMonitorParserBefore(parser)) {
        return 0;
    }
    if (parser->depth >= QEMU_MONITOR_DEPTH_MAX)
        return qemuMonitorParserFail(parser, N_("it is nested too deeply"));
    parser->path[parser->depth++] = bracket;
    qemuMonitorParserPut(parser, &bracket, 1);
    parser->comma = false;
    parser->stamp = QEMU_MONITOR_STAMP_NONE;
    return 1;
}

static int
qemuMonitorParserShut(qemuMonitorParser *parser, char bracket)
{
    qemuMonitorParserPut(parser, &bracket, 1);
    if (--parser->depth == 0) {
        parser->done = true;
        parser->endAt = yajl_get_bytes_consumed(parser->yajl);
    } else {
        qemuMonitorParserAfter(parser);
    }
    parser->comma = true;
    return 1;
}

static int
qemuMonitorParserOnObject(void *opaque)
{
    return qemuMonitorParserOpen(opaque, '{');
}

static int
qemuMonitorParserOnObjectEnd(void *opaque)
{
    return qemuMonitorParserShut(opaque, '}');
}

static int
qemuMonitorParserOnArray(void *opaque)
{
    return qemuMonitorParserOpen(opaque, '[');
}

static int
qemuMonitorParserOnArrayEnd(void *opaque)
{
    return qemuMonitorParserShut(opaque, ']');
}

static const yajl_callbacks qemuMonitorParserCallbacks = {
    .yajl_null = qemuMonitorParserOnNull,
    .yajl_boolean = qemuMonitorParserOnBoolean,
    .yajl_number = qemuMonitorParserOnNumber,
    .yajl_string = qemuMonitorParserOnString,
    .yajl_map_key = qemuMonitorParserOnKey,
    .yajl_start_map = qemuMonitorParserOnObject,
    .yajl_end_map = qemuMonitorParserOnObjectEnd,
    .yajl_start_array = qemuMonitorParserOnArray,
    .yajl_end_array = qemuMonitorParserOnArrayEnd,
};

/* --- the parser --- */

static void
qemuMonitorParserRenew(qemuMonitorParser *parser)
{
    if (parser->yajl)
        yajl_free(parser->yajl);
    parser->yajl = yajl_alloc(&qemuMonitorParserCallbacks, NULL, parser);
    yajl_config(parser->yajl, yajl_allow_multiple_values, 1);
}

qemuMonitorParser *
qemuMonitorParserNew(void)
{
    qemuMonitorParser *parser = g_new0(qemuMonitorParser, 1);

    qemuMonitorParserRenew(parser);
    return parser;
}

void
qemuMonitorParserFree(qemuMonitorParser *parser)
{
    if (!parser)
        return;
    yajl_free(parser->yajl);
    g_free(parser->out);
    g_free(parser->texts);
    g_free(parser);
}

/* Between two lines: nothing of the last one is left, nor memory that only it needed. */
static void
qemuMonitorParserReset(qemuMonitorParser *parser)
{
    if (parser->outSize > QEMU_MONITOR_PARSER_KEEP) {
        g_clear_pointer(&parser->out, g_free);
        parser->outSize = 0;
    }
    if (parser->textsSize > QEMU_MONITOR_PARSER_KEEP) {
        g_clear_pointer(&parser->texts, g_free);
        parser->textsSize = 0;
    }
    parser->outLen = 0;
    parser->textsLen = 0;
    parser->depth = 0;
    parser->done = false;
    parser->comma = false;
    parser->bits = 0;
    parser->why = NULL;
    parser->member = QEMU_MONITOR_MEMBER_NONE;
    parser->stamp = QEMU_MONITOR_STAMP_NONE;
    parser->seen = 0;
    parser->dataLen = 0;
    parser->eventIsString = false;
    parser->idIsString = false;
    parser->seconds = -1;
    parser->micros = 0;
}

static int
qemuMonitorParserReport(qemuMonitorParser *parser, const char *text, size_t len, bool syntax)
{
    g_autofree char *start = g_utf8_make_valid(text, MIN(len, 120));
    unsigned char *why = NULL;

    if (syntax && !parser->why)
        why = yajl_get_error(parser->yajl, 0, (const unsigned char *)text, len);
    virReportError(VIR_ERR_INTERNAL_ERROR,
                   _("cannot understand a monitor line of %1$zu bytes ('%2$s'): %3$s"), len, start,
                   why ? g_strchomp((char *)why)
                       : parser->why ? _(parser->why) : _("it is not complete"));
    if (why)
        yajl_free_error(parser->yajl, why);
    qemuMonitorParserRenew(parser);
    return -1;
}

int
qemuMonitorParserLine(qemuMonitorParser *parser, const char *text, size_t len,
                      qemuMonitorLine *line)
{
    const unsigned int kinds = (1u << QEMU_MONITOR_MEMBER_QMP) |
                               (1u << QEMU_MONITOR_MEMBER_EVENT) |
                               (1u << QEMU_MONITOR_MEMBER_RETURN) |
                               (1u << QEMU_MONITOR_MEMBER_ERROR);
    qemuMonitorLine result = { 0 };

    qemuMonitorParserReset(parser);
    if (len > QEMU_MONITOR_LINE_MAX) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("monitor line of %1$zu bytes exceeds the limit of %2$d"), len,
                       QEMU_MONITOR_LINE_MAX);
        return -1;
    }
    if (yajl_parse(parser->yajl, (const unsigned char *)text, len) != yajl_status_ok)
        return qemuMonitorParserReport(parser, text, len, true);
    /* What yajl holds back as the start of another value doesn't show in its status. */
    while (parser->done && parser->endAt < len) {
        if (!g_ascii_isspace(text[parser->endAt++])) {
            parser->why = N_("it is not one JSON object");
            parser->done = false;
        }
    }
    /* yajl lets pass what only looks like UTF-8: overlong forms, surrogates. */
    if (G_UNLIKELY(parser->bits & 0x80) &&
        !g_utf8_validate_len(parser->out, parser->outLen, NULL)) {
        parser->why = N_("it is not valid UTF-8");
        parser->done = false;
    }
    if (!parser->done)
        return qemuMonitorParserReport(parser, text, len, false);

    switch (parser->seen & kinds) {
    case 1u << QEMU_MONITOR_MEMBER_QMP:
        result.type = QEMU_MONITOR_LINE_GREETING;
        break;
    case 1u << QEMU_MONITOR_MEMBER_EVENT:
        result.type = QEMU_MONITOR_LINE_EVENT;
        if (!parser->eventIsString) {
            parser->why = N_("the event's name is no string");
            return qemuMonitorParserReport(parser, text, len, false);
        }
        break;
    case 1u << QEMU_MONITOR_MEMBER_RETURN:
        result.type = QEMU_MONITOR_LINE_REPLY;
        break;
    case 1u << QEMU_MONITOR_MEMBER_ERROR:
        result.type = QEMU_MONITOR_LINE_ERROR;
        break;
    default:
        parser->why = N_("it is neither greeting, event nor reply");
        return qemuMonitorParserReport(parser, text, len, false);
    }

    *qemuMonitorParserRoom(parser, 1) = '\0';
    result.text = parser->out;
    result.textLen = parser->outLen;
    if (result.type == QEMU_MONITOR_LINE_EVENT) {
        result.event = parser->texts + parser->eventAt;
        result.eventLen = parser->eventLen;
        if (parser->seen & (1u << QEMU_MONITOR_MEMBER_DATA)) {
            result.data = parser->out + parser->dataAt;
            result.dataLen = parser->dataLen;
        }
        result.seconds = parser->seconds;
        result.micros = parser->micros;
    } else if (parser->idIsString) {
        result.id = parser->texts + parser->idAt;
        result.idLen = parser->idLen;
    }
    *line = result;
    return 0;
}
