/*
 * vshhelptest.c: how commands and their options are shown
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

#include <string.h>

static vshControl *shell;

static void
testCommand(void)
{
    testRun(shell, "opts --help", true,
            "  NAME\n"
            "    opts - has options\n"
            "\n"
            "  SYNOPSIS\n"
            "    opts <domain> [--event <string>]... [--count <number>] [--name <string>] [--flag] "
            "[--a-rather-long-flag] [[--cmd] <string>]...\n"
            "\n"
            "  DESCRIPTION\n"
            "    All kinds\n"
            "    of them.\n"
            "\n"
            "  OPTIONS\n"
            "    [--domain] <string>  which\n"
            "    --event <string>  what\n"
            "    --count <number>  how many\n"
            "    --name <string>  by name only\n"
            "    --flag           yes or no\n"
            "    --a-rather-long-flag  likewise\n"
            "    [--cmd] <string>  the rest\n"
            "\n"
            "\n",
            "");
}

static void
testRequired(void)
{
    testRun(shell, "help more", true,
            "  NAME\n"
            "    more - must have options\n"
            "\n"
            "  SYNOPSIS\n"
            "    more --must <string> {--many <string>}... {[--cmd] <string>}...\n"
            "\n"
            "  OPTIONS\n"
            "    --must <string>  by name\n"
            "    --many <string>  any\n"
            "    [--cmd] <string>  the rest\n"
            "\n"
            "\n",
            "");
}

static void
testPlain(void)
{
    testRun(shell, "help ok", true,
            "  NAME\n    ok - succeeds\n\n  SYNOPSIS\n    ok\n\n\n", "");
    testRun(shell, "help fail", true,
            "  NAME\n    fail - fails\n\n  SYNOPSIS\n    fail\n\n  DESCRIPTION\n    Says so.\n\n\n",
            "");
    /* Help needs no connection, whatever it is about. */
    g_assert_cmpuint(testShellHooks.connects, ==, 0);
}

#define TEST_GROUP \
    " Test Commands (help keyword 'test'):\n" \
    "    ok                             succeeds\n" \
    "    fail                           fails\n" \
    "    liberr                         fails in the library\n" \
    "    opts                           has options\n" \
    "    more                           must have options\n"

static void
testGroup(void)
{
    testRun(shell, "help test", true, TEST_GROUP "\n", "");
    testRun(shell, "help \"Test Commands\"", true, TEST_GROUP "\n", "");
    testRun(shell, "help Test", false, "\n",
            "error: command or command group 'Test' doesn't exist\n");
}

static void
testAll(void)
{
    g_autofree char *out = NULL;
    testCapture capture;

    testCaptureBegin(&capture);
    vshRunText(shell, "help");
    testCaptureEnd(&capture, &out, NULL);
    g_assert_true(g_str_has_prefix(out, "Grouped commands:\n\n" TEST_GROUP
                                        "\n Shell Itself (help keyword 'shell'):\n"));
    g_assert_true(g_str_has_suffix(out, "\n\n\n"));
    g_assert_null(strstr(out, "secret"));
    g_assert_null(strstr(out, "complete "));
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    shell = testShellNew();
    g_test_add_func("/vsh/help/command", testCommand);
    g_test_add_func("/vsh/help/required", testRequired);
    g_test_add_func("/vsh/help/plain", testPlain);
    g_test_add_func("/vsh/help/group", testGroup);
    g_test_add_func("/vsh/help/all", testAll);
    status = g_test_run();
    vshFree(shell);
    return status;
}
