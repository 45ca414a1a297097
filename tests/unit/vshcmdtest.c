/*
 * vshcmdtest.c: what a command asks about its options
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

static vshControl *shell;

/* The first command of @text. */
static vshCmd *
parse(const char *text)
{
    g_autoptr(GPtrArray) commands = vshParseText(shell, text);

    g_assert_nonnull(commands);
    return g_ptr_array_steal_index(commands, 0);
}

/* What vshCmdGetInt() says and prints of "--count=@text" in [-2, 10]. */
static int
getInt(const char *text, int *value, char **err)
{
    g_autofree char *line = g_strdup_printf("opts d --count='%s'", text);
    g_autoptr(vshCmd) cmd = parse(line);
    testCapture capture;
    int ret;

    testCaptureBegin(&capture);
    ret = vshCmdGetInt(shell, cmd, "count", -2, 10, value);
    testCaptureEnd(&capture, NULL, err);
    return ret;
}

static void
testInt(void)
{
    static const struct {
        const char *text;
        int value;
    } good[] = { { "0", 0 }, { "10", 10 }, { "-2", -2 }, { "+1", 1 }, { " 1", 1 }, { "007", 7 } };
    static const char *const bad[] = {
        "", " ", "11", "-3", "x", "1x", "1 ", "0x1", "1.5", "99999999999999999999999",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *err = NULL;
        int value = 99;

        g_assert_cmpint(getInt(good[i].text, &value, &err), ==, 1);
        g_assert_cmpint(value, ==, good[i].value);
        g_assert_cmpstr(err, ==, "");
    }
    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *err = NULL;
        g_autofree char *expected = g_strdup_printf(
            "error: Numeric value '%s' for <count> option is malformed or out of range\n", bad[i]);
        int value = 99;

        g_assert_cmpint(getInt(bad[i], &value, &err), ==, -1);
        g_assert_cmpint(value, ==, 99);
        g_assert_cmpstr(err, ==, expected);
    }
}

static void
testNotGiven(void)
{
    g_autoptr(vshCmd) cmd = parse("opts d");
    const char *text = "untouched";
    int count = 99;

    g_assert_cmpint(vshCmdGetInt(shell, cmd, "count", 0, 9, &count), ==, 0);
    g_assert_cmpint(count, ==, 99);
    g_assert_cmpint(vshCmdGetString(shell, cmd, "name", &text), ==, 0);
    g_assert_cmpstr(text, ==, "untouched");
    g_assert_null(vshCmdGetStrings(cmd, "event")[0]);
    g_assert_false(vshCmdHas(cmd, "flag"));
}

static void
testEmpty(void)
{
    g_autoptr(vshCmd) cmd = parse("opts '' --name ''");
    g_autofree char *err = NULL;
    const char *text = "untouched";
    testCapture capture;
    int ret;

    testCaptureBegin(&capture);
    ret = vshCmdGetString(shell, cmd, "domain", &text);
    testCaptureEnd(&capture, NULL, &err);
    g_assert_cmpint(ret, ==, -1);
    g_assert_cmpstr(text, ==, "untouched");
    g_assert_cmpstr(err, ==, "error: Failed to get option 'domain': Option argument is empty\n");
    g_assert_cmpint(vshCmdGetString(shell, cmd, "name", &text), ==, 1);
    g_assert_cmpstr(text, ==, "");
}

static void
testExclusive(void)
{
    g_autoptr(vshCmd) both = parse("opts d --flag --count 1");
    g_autofree char *err = NULL;
    testCapture capture;
    bool fine;

    testCaptureBegin(&capture);
    fine = vshCmdExclusive(shell, both, "flag", "count");
    testCaptureEnd(&capture, NULL, &err);
    g_assert_false(fine);
    g_assert_cmpstr(err, ==, "error: Options --flag and --count are mutually exclusive\n");
    g_assert_true(vshCmdExclusive(shell, both, "flag", "name"));
    g_assert_true(vshCmdExclusive(shell, both, "name", "flag"));
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    shell = testShellNew();
    g_test_add_func("/vsh/cmd/int", testInt);
    g_test_add_func("/vsh/cmd/not-given", testNotGiven);
    g_test_add_func("/vsh/cmd/empty", testEmpty);
    g_test_add_func("/vsh/cmd/exclusive", testExclusive);
    status = g_test_run();
    vshFree(shell);
    return status;
}
