/*
 * qemumonitorlinetest.c: what is made of a line
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_monitor_line.h"

#include <string.h>

#include "virerror_priv.h"
#include "yajlline.h"

static void
checkEvent(qemuMonitorParser *parser, const char *text, const char *name, const char *data,
           gint64 seconds, guint32 micros)
{
    qemuMonitorLine line = { 0 };

    g_assert_cmpint(qemuMonitorParserLine(parser, text, strlen(text), &line), ==, 0);
    g_assert_cmpint(line.type, ==, QEMU_MONITOR_LINE_EVENT);
    g_assert_cmpmem(line.event, line.eventLen, name, strlen(name));
    if (data)
        g_assert_cmpmem(line.data, line.dataLen, data, strlen(data));
    else
        g_assert_null(line.data);
    g_assert_cmpint(line.seconds, ==, seconds);
    g_assert_cmpuint(line.micros, ==, micros);
}

static void
checkBad(qemuMonitorParser *parser, const char *text, size_t len, const char *why)
{
    qemuMonitorLine line = { .textLen = 12345 };

    g_assert_cmpint(qemuMonitorParserLine(parser, text, len, &line), ==, -1);
    g_assert_cmpuint(line.textLen, ==, 12345);      /* untouched */
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    if (why)
        g_assert_nonnull(strstr(virGetLastErrorMessage(), why));
    /* and the next one is understood */
    checkEvent(parser, "{\"event\": \"AFTER\"}", "AFTER", NULL, -1, 0);
}

static void
testEvents(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();

    checkEvent(parser, "{\"timestamp\": {\"seconds\": 12, \"microseconds\": 34}, "
               "\"event\": \"STOP\"}", "STOP", NULL, 12, 34);
    checkEvent(parser, "{\"event\": \"X\", \"data\": {}}", "X", "{}", -1, 0);
    checkEvent(parser, "{\"event\": \"X\", \"data\": null}", "X", "null", -1, 0);
    checkEvent(parser, "{\"event\": \"X\", \"data\": [1, \"b\", true , false]}", "X",
               "[1,\"b\",true,false]", -1, 0);
    checkEvent(parser, "{\"data\": \"s\", \"event\": \"\"}", "", "\"s\"", -1, 0);
    checkEvent(parser, "  {\"event\": \"lower case\" }  ", "lower case", NULL, -1, 0);
    /* the name and the time may come last */
    checkEvent(parser, "{\"data\":{\"b\":1,\"a\":{\"c\":[]}},\"event\":\"E\","
               "\"timestamp\":{\"microseconds\":5,\"seconds\":-1}}", "E",
               "{\"b\":1,\"a\":{\"c\":[]}}", -1, 5);
}

static void
testTexts(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();

    /* Number text is kept, escapes become what libvirt makes of them. */
    checkEvent(parser, "{\"event\":\"N\",\"data\":{\"a\":1.50,\"b\":1e3,\"c\":-0,"
               "\"d\":123456789012345678901234567890}}", "N",
               "{\"a\":1.50,\"b\":1e3,\"c\":-0,\"d\":123456789012345678901234567890}", -1, 0);
    checkEvent(parser, "{\"event\":\"S\",\"data\":\"\\u00e9\\/\\n\\t\\u0001\\\"\\\\\"}", "S",
               "\"\xc3\xa9/\\n\\t\\u0001\\\"\\\\\"", -1, 0);
    checkEvent(parser, "{\"event\":\"K\",\"data\":{\"a\\nb\":0,\"a\":1,\"a\":2}}", "K",
               "{\"a\\nb\":0,\"a\":1,\"a\":2}", -1, 0);
}

static void
testTimestamps(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();

    checkEvent(parser, "{\"event\":\"T\",\"timestamp\":{\"seconds\":7}}", "T", NULL, 7, 0);
    checkEvent(parser, "{\"event\":\"T\",\"timestamp\":{\"microseconds\":7}}", "T", NULL, -1, 7);
    checkEvent(parser, "{\"event\":\"T\",\"timestamp\":5}", "T", NULL, -1, 0);
    checkEvent(parser, "{\"event\":\"T\",\"timestamp\":{\"seconds\":\"5\"}}", "T", NULL, -1, 0);
    checkEvent(parser, "{\"event\":\"T\",\"timestamp\":{\"seconds\":-1,\"microseconds\":-1}}",
               "T", NULL, -1, 0);
    checkEvent(parser, "{\"event\":\"T\",\"timestamp\":{\"seconds\":1.5,\"microseconds\":1e2}}",
               "T", NULL, -1, 0);
    /* only the timestamp's own members count */
    checkEvent(parser, "{\"event\":\"T\",\"data\":{\"seconds\":3},\"timestamp\":"
               "{\"x\":{\"seconds\":4}}}", "T", "{\"seconds\":3}", -1, 0);
}

static void
testReplies(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    const char *reply = "{\"return\": {\"event\": \"STOP\"}, \"id\": \"libvirt-7\"}";
    const char *error = "{\"id\": 5, \"error\": {\"class\": \"GenericError\"}}";
    qemuMonitorLine line;

    g_assert_cmpint(qemuMonitorParserLine(parser, reply, strlen(reply), &line), ==, 0);
    g_assert_cmpint(line.type, ==, QEMU_MONITOR_LINE_REPLY);
    g_assert_cmpstr(line.id, ==, "libvirt-7");
    g_assert_cmpstr(line.text, ==, "{\"return\":{\"event\":\"STOP\"},\"id\":\"libvirt-7\"}");

    g_assert_cmpint(qemuMonitorParserLine(parser, error, strlen(error), &line), ==, 0);
    g_assert_cmpint(line.type, ==, QEMU_MONITOR_LINE_ERROR);
    g_assert_null(line.id);         /* only strings are IDs of ours */

    g_assert_cmpint(qemuMonitorParserLine(parser, "{\"QMP\":{}}", 10, &line), ==, 0);
    g_assert_cmpint(line.type, ==, QEMU_MONITOR_LINE_GREETING);
}

static void
testBadLines(void)
{
    static const char *const bad[] = {
        "", "x", "null", "5", "[]", "[{}]", "\"event\"", "{", "{\"event\":", "{}", "{\"id\":\"1\"}",
        "{\"event\":5}", "{\"event\":{}}", "{\"event\":\"A\",\"event\":\"B\"}",
        "{\"return\":1,\"error\":2}", "{\"event\":\"A\"}x", "{\"event\":\"A\"} tr",
        "{\"event\":\"A\"} \"}", "{\"event\":\"A\"}{\"event\":\"B\"}", "{\"event\":\"A\"} 5",
        "{\"event\":\"A\",}", "{'event':'A'}", "{\"event\":\"A\" /* c */}",
        "{\"event\":\"\xff\xfe\"}", "{\"event\":\"\xc3\"}", "}{", "{\"event\":\"A\"}}",
        /* what only looks like UTF-8: a long NUL, a surrogate, more than U+10FFFF */
        "{\"event\":\"\xc0\x80\"}", "{\"event\":\"A\",\"data\":\"\xed\xa0\x80\"}",
        "{\"event\":\"A\",\"data\":{\"\xf4\x90\x80\x80\":1}}",
    };
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++)
        checkBad(parser, bad[i], strlen(bad[i]), "cannot understand");
}

static void
testLimits(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    g_autoptr(GString) deep = g_string_new("{\"event\":\"D\",\"data\":");
    g_autofree char *huge = g_malloc(QEMU_MONITOR_LINE_MAX + 1);
    qemuMonitorLine line;
    int i;

    for (i = 0; i < QEMU_MONITOR_DEPTH_MAX - 1; i++)
        g_string_append_c(deep, '[');
    for (i = 0; i < QEMU_MONITOR_DEPTH_MAX - 1; i++)
        g_string_append_c(deep, ']');
    g_string_append_c(deep, '}');
    g_assert_cmpint(qemuMonitorParserLine(parser, deep->str, deep->len, &line), ==, 0);
    g_string_insert_c(deep, 20, '[');
    g_string_insert_c(deep, 21, ']');
    g_string_insert_c(deep, 20, '[');
    checkBad(parser, deep->str, deep->len, NULL);

    g_string_assign(deep, "{\"event\":\"D\",\"data\":");
    for (i = 0; i < QEMU_MONITOR_DEPTH_MAX; i++)
        g_string_append_c(deep, '[');
    checkBad(parser, deep->str, deep->len, "too deeply");

    memset(huge, 'x', QEMU_MONITOR_LINE_MAX + 1);
    memcpy(huge, "{\"event\":\"", 10);
    memcpy(huge + QEMU_MONITOR_LINE_MAX - 2, "\"}", 2);
    g_assert_cmpint(qemuMonitorParserLine(parser, huge, QEMU_MONITOR_LINE_MAX, &line), ==, 0);
    g_assert_cmpuint(line.eventLen, ==, QEMU_MONITOR_LINE_MAX - 12);
    checkBad(parser, huge, QEMU_MONITOR_LINE_MAX + 1, "exceeds the limit");
}

/* Every escape, and halves of pairs. */
static void
testEscapes(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\\\"\\\\/\\b\\f\\n\\r\\t" },
        { "\\u0000\\u001f\\u007f", "\\u0000\\u001F\x7f" },
        { "\\u0022\\u005C\\u002f\\u000A", "\\\"\\\\/\\n" },
        { "\\u00e9\\u20AC", "\xc3\xa9\xe2\x82\xac" },
        { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
        { "\\udbff\\udfff", "\xf4\x8f\xbf\xbf" },
        { "\\ud83d", "?" },
        { "\\ude00", "?" },
        { "\\ud83dx", "?x" },
        { "\\ud83d\\n", "?\\n" },
        { "\\ud83d\\u0041", "?A" },
        { "\\ud83d\\ud83d\\ude00", "?\xf0\x9f\x98\x80" },
        { "\\ude00\\ud83d", "??" },
    };
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("{\"event\":\"E\",\"data\":\"%s\"}", cases[i].in);
        g_autofree char *data = g_strdup_printf("\"%s\"", cases[i].out);

        checkEvent(parser, text, "E", data, -1, 0);
        yajlLineCheck(parser, text, strlen(text));
    }
    /* A name is told without its escapes, whatever is in it. */
    checkEvent(parser, "{\"event\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u001f\\u00e9\"}",
               "\"\\/\b\f\n\r\t\x1f\xc3\xa9", NULL, -1, 0);
    /* So is the name of a member. */
    checkEvent(parser, "{\"\\u0065vent\":\"E\",\"d\\u0061ta\":1}", "E", "1", -1, 0);
}

static void
testNul(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    const char *text = "{\"event\":\"A\\u0000B\"}";
    qemuMonitorLine line;

    g_assert_cmpint(qemuMonitorParserLine(parser, text, strlen(text), &line), ==, 0);
    g_assert_cmpmem(line.event, line.eventLen, "A\0B", 3);
}

static void
testNumbers(void)
{
    static const char *const good[] = {
        "0", "-0", "1", "-1", "10", "0.0", "0.10", "1e1", "1E+1", "1e-01", "-0.0e0",
        "9223372036854775807", "9223372036854775808", "1e999999",
    };
    static const char *const bad[] = {
        "", "-", "+1", "01", "-01", "1.", ".5", "1.e1", "1e", "1e+", "0x1", "1-", "--1", "1e1.5",
        "NaN", "Infinity", "nul", "nulll", "True", "truefalse",
    };
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *text = g_strdup_printf("{\"event\":\"E\",\"data\":%s}", good[i]);

        checkEvent(parser, text, "E", good[i], -1, 0);
    }
    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf("{\"event\":\"E\",\"data\":[%s%s]}", bad[i],
                                                *bad[i] ? "" : ",");

        checkBad(parser, text, strlen(text), "cannot understand");
    }
    checkEvent(parser, "{\"event\":\"E\",\"timestamp\":{\"seconds\":9223372036854775807,"
               "\"microseconds\":4294967295}}", "E", NULL, G_MAXINT64, G_MAXUINT32);
    checkEvent(parser, "{\"event\":\"E\",\"timestamp\":{\"seconds\":9223372036854775808,"
               "\"microseconds\":4294967296}}", "E", NULL, -1, 0);
    checkEvent(parser, "{\"event\":\"E\",\"timestamp\":{\"seconds\":-9223372036854775808}}", "E",
               NULL, G_MININT64, 0);
}

/* What an error shows of a line may reach a terminal. */
static void
testShown(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    const char *text = "\x1b[2J\xc2\x9b\xff\n\x7f";
    qemuMonitorLine line;

    g_assert_cmpint(qemuMonitorParserLine(parser, text, strlen(text), &line), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "'?[2J?\xef\xbf\xbd?" "?'"));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "byte 0"));
    g_assert_cmpint(qemuMonitorParserLine(parser, "{\"event\" 1}", 11, &line), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "byte 9"));
}

/* Lines that are nearly good: both say the same of each. */
/* Each byte in each place of a string that is read in several steps, and the line cut off there. */
static void
testEachByte(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    size_t good = 0;
    size_t before, behind;
    int byte;

    for (before = 0; before <= 17; before++) {
        for (behind = 0; behind <= 17; behind++) {
            for (byte = 0; byte < 256; byte++) {
                g_autofree char *a = g_strnfill(before, 'a');
                g_autofree char *z = g_strnfill(behind, 'z');
                g_autofree char *text = g_strdup_printf("{\"event\":\"%s-%s\"}", a, z);
                size_t len = strlen(text);
                g_autofree char *exact = NULL;

                text[10 + before] = byte;
                /* Without anything behind it that could be read. */
                exact = g_memdup2(text, len);
                good += yajlLineCheck(parser, exact, len);
                g_clear_pointer(&exact, g_free);
                exact = g_memdup2(text, 11 + before);
                g_assert_false(yajlLineCheck(parser, exact, 11 + before));
            }
        }
    }
    /* All but control characters and bytes that aren't UTF-8 alone; a quote and a backslash are
     * good with some of what may follow. */
    g_assert_cmpuint(good, >=, (128 - 32 - 2) * 18 * 18);
    g_assert_cmpuint(good, <, (128 - 32) * 18 * 18);
}

/* Long enough that the text has no room to spare where it is put together. */
static void
testExactRoom(void)
{
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    size_t len;

    for (len = 5000; len < 5020; len++) {
        g_autofree char *long_ = g_strnfill(len, 'x');
        g_autofree char *text = g_strdup_printf("{\"event\":\"E\",\"data\":\"%s\"}", long_);
        g_autofree char *exact = g_memdup2(text, strlen(text));

        g_assert_true(yajlLineCheck(parser, exact, strlen(text)));
    }
}

static void
testLikeYajl(void)
{
    static const char *const seeds[] = {
        "{\"timestamp\": {\"seconds\": 1700000000, \"microseconds\": 123456}, "
        "\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"device\": \"d\", \"nospace\": false, "
        "\"list\": [0, -1.5e3, {\"a\": null}, []]}}",
        "{\"return\": {\"a\": \"\\u00e9\\ud83d\\ude00\\n\"}, \"id\": \"libvirt-1\"}",
        "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}",
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"\xc3\xa9\xe2\x82\xac\"}, \"id\": 5}",
    };
    static const char alphabet[] = "{}[]\",:\\u/0123456789abcdefDtrueflsn-+.E \t\r\x01\x80\xc3\xa9"
                                   "\xed\xa0\xf0\x9f";
    g_autoptr(qemuMonitorParser) parser = qemuMonitorParserNew();
    g_autoptr(GRand) rand = g_rand_new_with_seed(20140223);
    g_autoptr(GString) line = g_string_new(NULL);
    size_t good = 0;
    int i, k;

    for (i = 0; i < 100000; i++) {
        g_string_assign(line, seeds[i % G_N_ELEMENTS(seeds)]);
        for (k = g_rand_int_range(rand, 0, 4); k > 0 && line->len > 0; k--) {
            gssize at = g_rand_int_range(rand, 0, line->len);
            char c = alphabet[g_rand_int_range(rand, 0, sizeof(alphabet))];

            switch (g_rand_int_range(rand, 0, 5)) {
            case 0:
                line->str[at] = c;
                break;
            case 1:
                g_string_insert_c(line, at, c);
                break;
            case 2:
                g_string_erase(line, at, 1);
                break;
            case 3:
                g_string_truncate(line, at);
                break;
            default:
                g_string_insert_len(line, g_rand_int_range(rand, 0, line->len), line->str + at,
                                    MIN(20, line->len - at));
                break;
            }
        }
        good += yajlLineCheck(parser, line->str, line->len);
    }
    /* Else it would say little. */
    g_assert_cmpuint(good, >, 10000);
    g_assert_cmpuint(good, <, 90000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/monitor-line/events", testEvents);
    g_test_add_func("/qemu/monitor-line/texts", testTexts);
    g_test_add_func("/qemu/monitor-line/timestamps", testTimestamps);
    g_test_add_func("/qemu/monitor-line/replies", testReplies);
    g_test_add_func("/qemu/monitor-line/bad", testBadLines);
    g_test_add_func("/qemu/monitor-line/limits", testLimits);
    g_test_add_func("/qemu/monitor-line/escapes", testEscapes);
    g_test_add_func("/qemu/monitor-line/nul", testNul);
    g_test_add_func("/qemu/monitor-line/numbers", testNumbers);
    g_test_add_func("/qemu/monitor-line/shown", testShown);
    g_test_add_func("/qemu/monitor-line/each-byte", testEachByte);
    g_test_add_func("/qemu/monitor-line/exact-room", testExactRoom);
    g_test_add_func("/qemu/monitor-line/like-yajl", testLikeYajl);
    return g_test_run();
}
