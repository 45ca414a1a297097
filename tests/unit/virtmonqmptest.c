/*
 * virtmonqmptest.c: QMP commands from the words of a command line
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_qmp.h"

#include <string.h>

#define assertCommand(expected, ...) \
    do { \
        const char *const words[] = { __VA_ARGS__, NULL }; \
        g_autofree char *wrong = NULL; \
        g_autofree char *why = NULL; \
        g_autofree char *command = virtmonQMPFromWords(words, &wrong, &why); \
\
        g_assert_cmpstr(wrong, ==, NULL); \
        g_assert_cmpstr(why, ==, NULL); \
        g_assert_cmpstr(command, ==, expected); \
    } while (0)

#define assertRefused(expected, ...) \
    do { \
        const char *const words[] = { __VA_ARGS__, NULL }; \
        g_autofree char *wrong = NULL; \
        g_autofree char *why = NULL; \
\
        g_assert_null(virtmonQMPFromWords(words, &wrong, &why)); \
        g_assert_cmpstr(wrong, ==, expected); \
        g_assert_nonnull(why); \
    } while (0)

/* All that follows is what virsh 9.0.0 makes of the same words. */

static void
testWhole(void)
{
    assertCommand("{\"execute\":\"a\"}", "{\"execute\":\"a\"}");
    /* as it was typed, only put together */
    assertCommand("{\"execute\": \"a\"}", "{\"execute\":", "\"a\"}");
    assertCommand(" {\"execute\":\"a\"}", " {\"execute\":\"a\"}");
    assertCommand("\n{\"execute\":\"a\"}", "\n{\"execute\":\"a\"}");
}

static void
testName(void)
{
    assertCommand("{\"execute\":\"a\"}", "a");
    assertCommand("{\"execute\":\"\"}", "");
    assertCommand("{\"execute\":\"a b\"}", "a b");
    assertCommand("{\"execute\":\"a\\\"b\"}", "a\"b");
    /* JSON, but no object */
    assertCommand("{\"execute\":\"[1]\"}", "[1]");
    assertCommand("{\"execute\":\"\\\"a\\\"\"}", "\"a\"");
    assertCommand("{\"execute\":\"{\"}", "{");
}

static void
testArguments(void)
{
    assertCommand("{\"execute\":\"a\",\"arguments\":{\"b\":1}}", "a", "\"b\":1");
    assertCommand("{\"execute\":\"a\",\"arguments\":{\"b\":1,\"c\":2}}", "a", "\"b\":1", "\"c\":2");
    assertCommand("{\"execute\":\"a\",\"arguments\":{\"b\":1}}", "a", "{\"b\":1}");
    assertCommand("{\"execute\":\"a\",\"arguments\":{\"b\":1}}", "a", "{\"b\":1", "}");
    assertCommand("{\"execute\":\"a\",\"arguments\":{\"b\":{\"c\":1.50}}}", "a",
                  "\"b\": {\"c\":1.50}");
    assertCommand("{\"execute\":\"a\",\"arguments\":{}}", "a", "{}");
    assertCommand("{\"execute\":\"a\",\"arguments\":{}}", "a", "");
    assertCommand("{\"execute\":\"a\",\"arguments\":{}}", "a", " ");
    assertCommand("{\"execute\":\"a\",\"arguments\":{\"b\":\"\303\251//\"}}", "a",
                  "\"b\":\"\\u00e9/\\/\"");
}

static void
testRefused(void)
{
    assertRefused("b", "a", "b");
    assertRefused("b:1", "a", "b:1");
    assertRefused("\"b\":1, \"c\":2", "a", "\"b\":1,", "\"c\":2");
    assertRefused("{\"b\":1} {\"c\":2}", "a", "{\"b\":1}", "{\"c\":2}");
    assertRefused("b", "{\"execute\":\"a\"}", "b");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtmon/qmp/whole", testWhole);
    g_test_add_func("/virtmon/qmp/name", testName);
    g_test_add_func("/virtmon/qmp/arguments", testArguments);
    g_test_add_func("/virtmon/qmp/refused", testRefused);
    return g_test_run();
}
