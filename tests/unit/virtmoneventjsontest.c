/*
 * virtmoneventjsontest.c: monitor events as lines of JSON
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_event_json.h"

#include <string.h>

#include "virtmon_json.h"

static virtmonEventRecord
sample(void)
{
    return (virtmonEventRecord) {
        .seconds = 1700000000,
        .micros = 5,
        .received = 1700000000123456,
        .domain = "guest",
        .uuid = "11111111-2222-3333-4444-555555555555",
        .id = 3,
        .stream = "99999999-2222-3333-4444-555555555555",
        .number = 18446744073709551615u,
        .event = "STOP",
        .details = "{\"a\":1.50}",
    };
}

static void
assertLine(const virtmonEventRecord *record, const char *expected)
{
    g_autofree char *line = virtmonEventRecordToJSON(record);

    g_assert_cmpstr(line, ==, expected);
    g_assert_true(virtmonJSONIsObject(line));
}

static void
assertHas(const virtmonEventRecord *record, const char *part)
{
    g_autofree char *line = virtmonEventRecordToJSON(record);

    g_assert_true(virtmonJSONIsObject(line));
    g_assert_null(strchr(line, '\n'));
    if (!strstr(line, part))
        g_error("'%s' is not in '%s'", part, line);
}

static void
testAll(void)
{
    virtmonEventRecord record = sample();

    assertLine(&record,
               "{\"time\":\"2023-11-14T22:13:20.000005Z\","
               "\"received\":\"2023-11-14T22:13:20.123456Z\","
               "\"domain\":\"guest\",\"uuid\":\"11111111-2222-3333-4444-555555555555\","
               "\"id\":3,\"stream\":\"99999999-2222-3333-4444-555555555555\","
               "\"seq\":18446744073709551615,\"event\":\"STOP\",\"data\":{\"a\":1.50}}");
}

/* Every member is there, whatever isn't known. */
static void
testNothing(void)
{
    virtmonEventRecord record = { .seconds = -1, .received = -1, .id = -1, .domain = "",
                                  .uuid = "", .event = "" };

    assertLine(&record,
               "{\"time\":null,\"received\":null,\"domain\":\"\",\"uuid\":\"\",\"id\":null,"
               "\"stream\":null,\"seq\":null,\"event\":\"\",\"data\":null}");
}

static void
testData(void)
{
    virtmonEventRecord record = sample();
    static const char *const pairs[][2] = {
        { "{}", "\"data\":{}}" },
        { "null", "\"data\":null}" },
        { "[1,\"b\"]", "\"data\":[1,\"b\"]}" },
        { "\"x\"", "\"data\":\"x\"}" },
        { "-0", "\"data\":-0}" },
        /* not on one line */
        { "{\n  \"a\": 1\n}", "\"data\":{\"a\":1}}" },
        /* no JSON: told all the same */
        { "", "\"data\":\"\"}" },
        { "garbage \"", "\"data\":\"garbage \\\"\"}" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(pairs); i++) {
        record.details = pairs[i][0];
        assertHas(&record, pairs[i][1]);
    }
}

/* Nothing that a terminal obeys, and nothing that ends a line for anybody. */
static void
testControls(void)
{
    virtmonEventRecord record = sample();

    record.event = "A\033[2J\nB\177\302\233C\342\200\256D\342\200\250E\303\251";
    record.details = "{\"k\302\233\":\"\\u001b\\u009b\\u2028\342\201\246\"}";
    assertHas(&record, "\"event\":\"A\\u001B[2J\\nB\\u007f\\u009bC\\u202eD\\u2028E\303\251\"");
    assertHas(&record, "\"data\":{\"k\\u009b\":\"\\u001B\\u009b\\u2028\\u2066\"}");
}

static void
testInvalidUTF8(void)
{
    virtmonEventRecord record = sample();
    g_autofree char *line = NULL;

    record.domain = "g\xff";
    record.details = "\xfe";
    line = virtmonEventRecordToJSON(&record);
    g_assert_true(g_utf8_validate(line, -1, NULL));
    assertHas(&record, "\"domain\":\"g\357\277\275\"");
    assertHas(&record, "\"data\":\"\357\277\275\"}");
}

static void
assertTime(gint64 seconds, guint32 micros, const char *expected)
{
    g_autofree char *text = virtmonFormatTime(seconds, micros);

    g_assert_cmpstr(text, ==, expected);
}

static void
testTime(void)
{
    assertTime(0, 0, "1970-01-01T00:00:00.000000Z");
    assertTime(-2, 0, "1969-12-31T23:59:58.000000Z");
    assertTime(1700000006, 1700000, "2023-11-14T22:13:27.700000Z");
    assertTime(253402300799, 999999, "9999-12-31T23:59:59.999999Z");
    assertTime(253402300799, 1000000, NULL);
    assertTime(-62167219200, 0, "0000-01-01T00:00:00.000000Z");
    assertTime(-62167219201, 0, NULL);
    assertTime(G_MAXINT64, G_MAXUINT32, NULL);
    assertTime(G_MININT64, 0, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtmon/event-json/all", testAll);
    g_test_add_func("/virtmon/event-json/nothing", testNothing);
    g_test_add_func("/virtmon/event-json/data", testData);
    g_test_add_func("/virtmon/event-json/controls", testControls);
    g_test_add_func("/virtmon/event-json/invalid-utf8", testInvalidUTF8);
    g_test_add_func("/virtmon/event-json/time", testTime);
    return g_test_run();
}
