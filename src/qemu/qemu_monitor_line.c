/*
 * qemu_monitor_line.c: one line from QEMU, understood in one pass
 *
 * A scanner of JSON (RFC 8259) that writes down what it sees at once, compactly, into a
 * buffer that serves all lines, and notes on the way where the interesting members lie
 * in it. Compact text is never longer than the line, so that nothing is allocated within
 * one. For JSON that is to be looked into there is virjson.h.
 *
 * Not yajl, as that has every byte looked at twice (by its scanner and by what its
 * callbacks write) and takes most of the I/O thread's time; the fuzz target has it as its
 * oracle. What yajl lets pass and we don't: text that only looks like UTF-8. Half of a
 * surrogate pair by itself becomes a question mark, as yajl has it for the first half.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_monitor_line.h"

#include <stdbool.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A buffer that a long line has grown beyond this is given back after it. */
#define QEMU_MONITOR_PARSER_KEEP (256 * 1024)
/* Bytes of a bad line that its error shows. */
#define QEMU_MONITOR_PARSER_SHOWN 120

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

/* A part of the compact text. */
typedef struct {
    const char *at;                 /* NULL: there is none */
    size_t len;
} qemuMonitorSlice;

struct _qemuMonitorParser {
    char *out;                      /* the line, compact */
    size_t outSize;
    char *texts;                    /* unescaped values of "event" and "id", NUL-terminated */
    size_t textsLen, textsSize;

    /* the line in progress */
    const unsigned char *start, *at, *end;
    char *put;                      /* where in @out the next byte goes */
    unsigned int depth;
    bool beyondASCII;               /* some string has a byte that is none */
    const char *why;                /* what is wrong with it; NULL: nothing yet */
    unsigned int seen;              /* members of the top level: bits 1 << qemuMonitorMember */
    qemuMonitorSlice data, event, id;
    gint64 seconds;
    guint32 micros;
};

/* What a byte can be. */
enum {
    QEMU_MONITOR_BYTE_PLAIN = 1,    /* stands for itself in a string */
    QEMU_MONITOR_BYTE_SPACE = 2,    /* between tokens; yajl takes the two that JSON doesn't know */
    QEMU_MONITOR_BYTE_DIGIT = 4,
};

static const unsigned char qemuMonitorBytes[256] = {
    ['\t' ... '\r'] = QEMU_MONITOR_BYTE_SPACE,
    [' '] = QEMU_MONITOR_BYTE_PLAIN | QEMU_MONITOR_BYTE_SPACE,
    ['!'] = QEMU_MONITOR_BYTE_PLAIN,
    ['#' ... '/'] = QEMU_MONITOR_BYTE_PLAIN,
    ['0' ... '9'] = QEMU_MONITOR_BYTE_PLAIN | QEMU_MONITOR_BYTE_DIGIT,
    [':' ... '['] = QEMU_MONITOR_BYTE_PLAIN,
    [']' ... 0x7f] = QEMU_MONITOR_BYTE_PLAIN,
};

static bool
qemuMonitorParserFail(qemuMonitorParser *parser, const char *why)
{
    if (!parser->why)
        parser->why = why;
    return false;
}

static bool
qemuMonitorParserFailHere(qemuMonitorParser *parser)
{
    return qemuMonitorParserFail(parser, parser->at == parser->end ? N_("it is not complete")
                                                                   : N_("it is not JSON"));
}

/* The next byte that is no space, not taken yet; 0 at the end. */
static inline unsigned char
qemuMonitorParserPeek(qemuMonitorParser *parser)
{
    while (parser->at < parser->end && qemuMonitorBytes[*parser->at] & QEMU_MONITOR_BYTE_SPACE)
        parser->at++;
    return parser->at < parser->end ? *parser->at : 0;
}

/* Takes @byte, if it comes next. */
static inline bool
qemuMonitorParserTake(qemuMonitorParser *parser, unsigned char byte)
{
    if (qemuMonitorParserPeek(parser) != byte)
        return false;
    *parser->put++ = *parser->at++;
    return true;
}

/* --- strings --- */

/* Four hexadecimal digits; -1: they are not. */
static int
qemuMonitorParserHex(const unsigned char *at, const unsigned char *end)
{
    int value = 0;
    int i;

    if (end - at < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(at[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Writes one character as libvirt hands it out: escaped only if it must be. */
static char *
qemuMonitorParserPutChar(char *put, gunichar c)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };

    if (c >= 0x20 && c != '"' && c != '\\')
        return put + g_unichar_to_utf8(c, put);
    *put++ = '\\';
    if (c >= 0x20) {
        *put++ = c;
    } else if (letters[c]) {
        *put++ = letters[c];
    } else {
        memcpy(put, "u00", 3);
        put[3] = digits[c >> 4];
        put[4] = digits[c & 0xf];
        put += 5;
    }
    return put;
}

/* An escape, of which @parser->at is the backslash. What is written is no longer than it. */
static bool
qemuMonitorParserEscape(qemuMonitorParser *parser)
{
    static const char letters[128] = {
        ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n',
        ['r'] = '\r', ['t'] = '\t',
    };
    const unsigned char *at = parser->at + 1;
    gunichar c;
    int unit, other;

    if (at < parser->end && *at < 128 && letters[*at]) {
        c = letters[*at++];
    } else if (at < parser->end && *at == 'u' &&
               (unit = qemuMonitorParserHex(at + 1, parser->end)) >= 0) {
        at += 5;
        c = unit;
        if ((unit & 0xfc00) == 0xd800 && parser->end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
            ((other = qemuMonitorParserHex(at + 2, parser->end)) & ~0x3ff) == 0xdc00) {
            c = 0x10000 + ((unit & 0x3ff) << 10 | (other & 0x3ff));
            at += 6;
        } else if ((unit & 0xf800) == 0xd800) {
            c = '?';
        }
    } else {
        parser->at = at;
        return qemuMonitorParserFailHere(parser);
    }
    if (c >= 0x80)
        parser->beyondASCII = true;
    parser->put = qemuMonitorParserPutChar(parser->put, c);
    parser->at = at;
    return true;
}

/* How many of eight bytes, from the first on, stand for themselves in a string. The first is the
 * lowest of @bytes. What borrows from the next byte is a byte that doesn't, so that only what is
 * above the first of these can be wrong. */
static inline size_t
qemuMonitorCountPlain(guint64 bytes)
{
    const guint64 each = G_GUINT64_CONSTANT(0x0101010101010101);
    guint64 quotes = bytes ^ each * '"';
    guint64 backslashes = bytes ^ each * '\\';
    guint64 others = (bytes | ((bytes - each * 0x20) & ~bytes) | ((quotes - each) & ~quotes) |
                      ((backslashes - each) & ~backslashes)) & each * 0x80;

    return others == 0 ? sizeof(bytes) : (size_t)__builtin_ctzll(others) / 8;
}

/* @slice is what is between its quotes. */
static bool
qemuMonitorParserString(qemuMonitorParser *parser, qemuMonitorSlice *slice)
{
    const char *start;

    if (!qemuMonitorParserTake(parser, '"'))
        return qemuMonitorParserFailHere(parser);
    start = parser->put;
    for (;;) {
        /* Kept in registers: the bytes written could be the parser's own, for all that the
         * compiler knows. */
        const unsigned char *at = parser->at;
        const unsigned char *end = parser->end;
        char *put = parser->put;
        guint64 bytes;
        size_t plain = sizeof(bytes);

        /* There is room for as much as is left of the line; what isn't plain is overwritten. */
        while (plain == sizeof(bytes) && (size_t)(end - at) >= sizeof(bytes)) {
            memcpy(&bytes, at, sizeof(bytes));
            memcpy(put, &bytes, sizeof(bytes));
            plain = qemuMonitorCountPlain(GUINT64_FROM_LE(bytes));
            at += plain;
            put += plain;
        }
        while (at < end && qemuMonitorBytes[*at] & QEMU_MONITOR_BYTE_PLAIN)
            *put++ = *at++;
        parser->at = at;
        parser->put = put;
        if (at == end)
            return qemuMonitorParserFailHere(parser);

        if (*at == '"') {
            slice->at = start;
            slice->len = put - start;
            *parser->put++ = *parser->at++;
            return true;
        }
        if (*at == '\\') {
            if (!qemuMonitorParserEscape(parser))
                return false;
        } else if (*at >= 0x80) {
            parser->beyondASCII = true;
            *parser->put++ = *parser->at++;
        } else {
            return qemuMonitorParserFailHere(parser);
        }
    }
}

/* --- other values --- */

/* Takes digits, of which there must be one. */
static bool
qemuMonitorParserDigits(qemuMonitorParser *parser)
{
    const unsigned char *at = parser->at;

    while (at < parser->end && qemuMonitorBytes[*at] & QEMU_MONITOR_BYTE_DIGIT)
        at++;
    if (at == parser->at) {
        return qemuMonitorParserFailHere(parser);
    }
    parser->at = at;
    return true;
}

/* @slice is its text, which is kept as it is. */
static bool
qemuMonitorParserNumber(qemuMonitorParser *parser, qemuMonitorSlice *slice)
{
    const unsigned char *start = parser->at;
    const unsigned char *end = parser->end;

    if (*parser->at == '-')
        parser->at++;
    if (parser->at < end && *parser->at == '0')
        parser->at++;
    else if (!qemuMonitorParserDigits(parser))
        return false;
    if (parser->at < end && *parser->at == '.') {
        parser->at++;
        if (!qemuMonitorParserDigits(parser))
            return false;
    }
    if (parser->at < end && (*parser->at == 'e' || *parser->at == 'E')) {
        parser->at++;
        if (parser->at < end && (*parser->at == '+' || *parser->at == '-'))
            parser->at++;
        if (!qemuMonitorParserDigits(parser))
            return false;
    }

    slice->at = parser->put;
    slice->len = parser->at - start;
    memcpy(parser->put, start, slice->len);
    parser->put += slice->len;
    return true;
}

static bool
qemuMonitorParserWord(qemuMonitorParser *parser, const char *word, size_t len)
{
    if ((size_t)(parser->end - parser->at) < len || memcmp(parser->at, word, len) != 0)
        return qemuMonitorParserFail(parser, N_("it is not JSON"));
    memcpy(parser->put, word, len);
    parser->at += len;
    parser->put += len;
    return true;
}

static bool qemuMonitorParserValue(qemuMonitorParser *parser);

/* Takes the bracket that the caller has seen. */
static bool
qemuMonitorParserEnter(qemuMonitorParser *parser)
{
    if (parser->depth == QEMU_MONITOR_DEPTH_MAX)
        return qemuMonitorParserFail(parser, N_("it is nested too deeply"));
    parser->depth++;
    *parser->put++ = *parser->at++;
    return true;
}

static bool
qemuMonitorParserLeave(qemuMonitorParser *parser, unsigned char bracket)
{
    parser->depth--;
    return qemuMonitorParserTake(parser, bracket) || qemuMonitorParserFailHere(parser);
}

/* A member's name and its colon. */
static bool
qemuMonitorParserKey(qemuMonitorParser *parser, qemuMonitorSlice *key)
{
    return qemuMonitorParserString(parser, key) &&
           (qemuMonitorParserTake(parser, ':') || qemuMonitorParserFailHere(parser));
}

static bool
qemuMonitorParserObject(qemuMonitorParser *parser)
{
    qemuMonitorSlice key;

    if (!qemuMonitorParserEnter(parser))
        return false;
    if (qemuMonitorParserPeek(parser) != '}') {
        do {
            if (!qemuMonitorParserKey(parser, &key) || !qemuMonitorParserValue(parser))
                return false;
        } while (qemuMonitorParserTake(parser, ','));
    }
    return qemuMonitorParserLeave(parser, '}');
}

static bool
qemuMonitorParserArray(qemuMonitorParser *parser)
{
    if (!qemuMonitorParserEnter(parser))
        return false;
    if (qemuMonitorParserPeek(parser) != ']') {
        do {
            if (!qemuMonitorParserValue(parser))
                return false;
        } while (qemuMonitorParserTake(parser, ','));
    }
    return qemuMonitorParserLeave(parser, ']');
}

/* Recurses, QEMU_MONITOR_DEPTH_MAX deep at most. */
static bool
qemuMonitorParserValue(qemuMonitorParser *parser)
{
    qemuMonitorSlice slice;

    switch (qemuMonitorParserPeek(parser)) {
    case '"':
        return qemuMonitorParserString(parser, &slice);
    case '{':
        return qemuMonitorParserObject(parser);
    case '[':
        return qemuMonitorParserArray(parser);
    case 't':
        return qemuMonitorParserWord(parser, "true", 4);
    case 'f':
        return qemuMonitorParserWord(parser, "false", 5);
    case 'n':
        return qemuMonitorParserWord(parser, "null", 4);
    case '-':
    case '0' ... '9':
        return qemuMonitorParserNumber(parser, &slice);
    default:
        return qemuMonitorParserFailHere(parser);
    }
}

/* --- the line --- */

static bool
qemuMonitorSliceIs(const qemuMonitorSlice *slice, const char *text, size_t len)
{
    return slice->len == len && memcmp(slice->at, text, len) == 0;
}

static qemuMonitorMember
qemuMonitorParserMember(const qemuMonitorSlice *key)
{
    switch (key->len) {
    case 2:
        return qemuMonitorSliceIs(key, "id", 2) ? QEMU_MONITOR_MEMBER_ID
                                                : QEMU_MONITOR_MEMBER_NONE;
    case 3:
        return qemuMonitorSliceIs(key, "QMP", 3) ? QEMU_MONITOR_MEMBER_QMP
                                                 : QEMU_MONITOR_MEMBER_NONE;
    case 4:
        return qemuMonitorSliceIs(key, "data", 4) ? QEMU_MONITOR_MEMBER_DATA
                                                  : QEMU_MONITOR_MEMBER_NONE;
    case 5:
        if (qemuMonitorSliceIs(key, "event", 5))
            return QEMU_MONITOR_MEMBER_EVENT;
        return qemuMonitorSliceIs(key, "error", 5) ? QEMU_MONITOR_MEMBER_ERROR
                                                   : QEMU_MONITOR_MEMBER_NONE;
    case 6:
        return qemuMonitorSliceIs(key, "return", 6) ? QEMU_MONITOR_MEMBER_RETURN
                                                    : QEMU_MONITOR_MEMBER_NONE;
    case 9:
        return qemuMonitorSliceIs(key, "timestamp", 9) ? QEMU_MONITOR_MEMBER_TIMESTAMP
                                                       : QEMU_MONITOR_MEMBER_NONE;
    default:
        return QEMU_MONITOR_MEMBER_NONE;
    }
}

/* The number that a slice is; false if it is no integer, or too large. */
static bool
qemuMonitorSliceToInt64(const qemuMonitorSlice *slice, gint64 *value)
{
    bool negative = slice->at[0] == '-';
    gint64 number = 0;
    size_t i;

    for (i = negative; i < slice->len; i++) {
        if (!g_ascii_isdigit(slice->at[i]) || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, slice->at[i] - '0', &number))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, number, &number))
        return false;
    *value = number;
    return true;
}

/* The value of one of the timestamp's members, which is @key. */
static bool
qemuMonitorParserStamp(qemuMonitorParser *parser, const qemuMonitorSlice *key)
{
    unsigned char first = qemuMonitorParserPeek(parser);
    qemuMonitorSlice number;
    gint64 value;

    if (first != '-' && !(qemuMonitorBytes[first] & QEMU_MONITOR_BYTE_DIGIT))
        return qemuMonitorParserValue(parser);
    if (!qemuMonitorParserNumber(parser, &number))
        return false;
    if (!qemuMonitorSliceToInt64(&number, &value))
        return true;
    if (qemuMonitorSliceIs(key, "seconds", 7))
        parser->seconds = value;
    else if (qemuMonitorSliceIs(key, "microseconds", 12) && value >= 0 && value <= G_MAXUINT32)
        parser->micros = value;
    return true;
}

static bool
qemuMonitorParserTimestamp(qemuMonitorParser *parser)
{
    qemuMonitorSlice key;

    if (qemuMonitorParserPeek(parser) != '{')
        return qemuMonitorParserValue(parser);
    if (!qemuMonitorParserEnter(parser))
        return false;
    if (qemuMonitorParserPeek(parser) != '}') {
        do {
            if (!qemuMonitorParserKey(parser, &key) || !qemuMonitorParserStamp(parser, &key))
                return false;
        } while (qemuMonitorParserTake(parser, ','));
    }
    return qemuMonitorParserLeave(parser, '}');
}

/* A value whose place is noted: of what it is within its quotes, if it is a @string. */
static bool
qemuMonitorParserNote(qemuMonitorParser *parser, qemuMonitorSlice *slice, bool string)
{
    bool quoted = qemuMonitorParserPeek(parser) == '"';
    const char *start = parser->put;

    if (string && quoted)
        return qemuMonitorParserString(parser, slice);
    if (!qemuMonitorParserValue(parser))
        return false;
    if (!string) {
        slice->at = start;
        slice->len = parser->put - start;
    }
    return true;
}

/* One member of the line itself. */
static bool
qemuMonitorParserTopMember(qemuMonitorParser *parser)
{
    qemuMonitorMember member;
    qemuMonitorSlice key;

    if (!qemuMonitorParserKey(parser, &key))
        return false;
    member = qemuMonitorParserMember(&key);
    if (member != QEMU_MONITOR_MEMBER_NONE) {
        if (parser->seen & (1u << member))
            return qemuMonitorParserFail(parser, N_("a member occurs twice"));
        parser->seen |= 1u << member;
    }
    switch (member) {
    case QEMU_MONITOR_MEMBER_EVENT:
        return qemuMonitorParserNote(parser, &parser->event, true);
    case QEMU_MONITOR_MEMBER_ID:
        return qemuMonitorParserNote(parser, &parser->id, true);
    case QEMU_MONITOR_MEMBER_DATA:
        return qemuMonitorParserNote(parser, &parser->data, false);
    case QEMU_MONITOR_MEMBER_TIMESTAMP:
        return qemuMonitorParserTimestamp(parser);
    case QEMU_MONITOR_MEMBER_NONE:
    case QEMU_MONITOR_MEMBER_QMP:
    case QEMU_MONITOR_MEMBER_RETURN:
    case QEMU_MONITOR_MEMBER_ERROR:
    default:
        return qemuMonitorParserValue(parser);
    }
}

static bool
qemuMonitorParserTop(qemuMonitorParser *parser)
{
    if (qemuMonitorParserPeek(parser) != '{')
        return qemuMonitorParserFail(parser, N_("it is not one JSON object"));
    if (!qemuMonitorParserEnter(parser))
        return false;
    if (qemuMonitorParserPeek(parser) != '}') {
        do {
            if (!qemuMonitorParserTopMember(parser))
                return false;
        } while (qemuMonitorParserTake(parser, ','));
    }
    if (!qemuMonitorParserLeave(parser, '}'))
        return false;
    qemuMonitorParserPeek(parser);
    if (parser->at < parser->end)
        return qemuMonitorParserFail(parser, N_("it is not one JSON object"));
    if (G_UNLIKELY(parser->beyondASCII) &&
        !g_utf8_validate_len(parser->out, parser->put - parser->out, NULL))
        return qemuMonitorParserFail(parser, N_("it is not valid UTF-8"));
    return true;
}

/* --- what it says --- */

qemuMonitorParser *
qemuMonitorParserNew(void)
{
    return g_new0(qemuMonitorParser, 1);
}

void
qemuMonitorParserFree(qemuMonitorParser *parser)
{
    if (!parser)
        return;
    g_free(parser->out);
    g_free(parser->texts);
    g_free(parser);
}

/* Room for a line of @len bytes; nothing of the last one is left, nor memory that only it
 * needed. */
static void
qemuMonitorParserReset(qemuMonitorParser *parser, const char *text, size_t len)
{
    if (parser->outSize > MAX(QEMU_MONITOR_PARSER_KEEP, len + 1)) {
        g_clear_pointer(&parser->out, g_free);
        parser->outSize = 0;
    }
    if (parser->textsSize > QEMU_MONITOR_PARSER_KEEP) {
        g_clear_pointer(&parser->texts, g_free);
        parser->textsSize = 0;
    }
    if (parser->outSize < len + 1) {
        g_free(parser->out);
        parser->outSize = MAX(4096, len + 1);
        parser->out = g_malloc(parser->outSize);
    }
    parser->textsLen = 0;
    parser->start = parser->at = (const unsigned char *)text;
    parser->end = parser->start + len;
    parser->put = parser->out;
    parser->depth = 0;
    parser->beyondASCII = false;
    parser->why = NULL;
    parser->seen = 0;
    parser->data.at = parser->event.at = parser->id.at = NULL;
    parser->seconds = -1;
    parser->micros = 0;
}

/* The text that the escapes of @slice, which are those of qemuMonitorParserPutChar(), stand for;
 * it stays where it is until the next line. */
static const char *
qemuMonitorParserUnescape(qemuMonitorParser *parser, const qemuMonitorSlice *slice, size_t *len)
{
    static const char letters[128] = {
        ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['"'] = '"',
        ['\\'] = '\\',
    };
    const char *at = slice->at;
    const char *end = at + slice->len;
    char *text;
    char *put;

    text = put = parser->texts + parser->textsLen;
    while (at < end) {
        const char *backslash = memchr(at, '\\', end - at);
        size_t plain = (backslash ? backslash : end) - at;

        memcpy(put, at, plain);
        put += plain;
        at += plain;
        if (!backslash)
            break;
        if (at[1] == 'u') {
            *put++ = g_ascii_xdigit_value(at[4]) << 4 | g_ascii_xdigit_value(at[5]);
            at += 6;
        } else {
            *put++ = letters[(unsigned char)at[1]];
            at += 2;
        }
    }
    *put = '\0';
    *len = put - text;
    parser->textsLen += *len + 1;
    return text;
}

/* Room for what qemuMonitorParserUnescape() will write. */
static void
qemuMonitorParserTextsRoom(qemuMonitorParser *parser)
{
    size_t need = (parser->event.at ? parser->event.len + 1 : 0) +
                  (parser->id.at ? parser->id.len + 1 : 0);

    if (parser->textsSize >= need)
        return;
    g_free(parser->texts);
    parser->textsSize = MAX(256, need);
    parser->texts = g_malloc(parser->textsSize);
}

/* The start of a bad line, fit to be shown. */
static char *
qemuMonitorParserShow(const char *text, size_t len)
{
    g_autofree char *valid = g_utf8_make_valid(text, MIN(len, QEMU_MONITOR_PARSER_SHOWN));
    GString *shown = g_string_new(NULL);
    const char *p;

    for (p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        g_string_append_unichar(shown, g_unichar_isprint(c) ? c : '?');
    }
    return g_string_free(shown, FALSE);
}

static int
qemuMonitorParserReport(qemuMonitorParser *parser)
{
    const char *text = (const char *)parser->start;
    size_t len = parser->end - parser->start;
    g_autofree char *shown = qemuMonitorParserShow(text, len);

    virReportError(VIR_ERR_INTERNAL_ERROR,
                   _("cannot understand a monitor line of %1$zu bytes ('%2$s'), at byte %3$zu: "
                     "%4$s"), len, shown, (size_t)(parser->at - parser->start), _(parser->why));
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

    if (len > QEMU_MONITOR_LINE_MAX) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("monitor line of %1$zu bytes exceeds the limit of %2$d"), len,
                       QEMU_MONITOR_LINE_MAX);
        return -1;
    }
    qemuMonitorParserReset(parser, text, len);
    if (G_UNLIKELY(!qemuMonitorParserTop(parser)))
        return qemuMonitorParserReport(parser);

    switch (parser->seen & kinds) {
    case 1u << QEMU_MONITOR_MEMBER_QMP:
        result.type = QEMU_MONITOR_LINE_GREETING;
        break;
    case 1u << QEMU_MONITOR_MEMBER_EVENT:
        result.type = QEMU_MONITOR_LINE_EVENT;
        if (!parser->event.at) {
            parser->why = N_("the event's name is no string");
            return qemuMonitorParserReport(parser);
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
        return qemuMonitorParserReport(parser);
    }

    *parser->put = '\0';
    result.text = parser->out;
    result.textLen = parser->put - parser->out;
    qemuMonitorParserTextsRoom(parser);
    if (result.type == QEMU_MONITOR_LINE_EVENT) {
        result.event = qemuMonitorParserUnescape(parser, &parser->event, &result.eventLen);
        result.data = parser->data.at;
        result.dataLen = parser->data.at ? parser->data.len : 0;
        result.seconds = parser->seconds;
        result.micros = parser->micros;
    } else if (parser->id.at) {
        result.id = qemuMonitorParserUnescape(parser, &parser->id, &result.idLen);
    }
    *line = result;
    return 0;
}
