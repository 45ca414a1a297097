/*
 * vshtest.c: running commands, and the shell's beginning and end
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

#include <string.h>

static void
testOrder(void)
{
    vshControl *ctl = testShellNew();

    testRun(ctl, "ok; fail; ok", true, "ok\n\n\nok\n\n", "error: it failed\n");
    /* The last one counts. */
    testRun(ctl, "ok; fail", false, "ok\n\n\n", "error: it failed\n");
    testRun(ctl, "", false, "", "");
    testRun(ctl, " ", true, "", "");
    vshFree(ctl);
}

/* A command may leave out the empty line behind it, but not that of the next. */
static void
testMachine(void)
{
    vshControl *ctl = testShellNew();

    testRun(ctl, "machine; ok", true, "{}\nok\n\n", "one object\n");
    vshFree(ctl);
}

static void
testLibraryError(void)
{
    vshControl *ctl = testShellNew();
    g_autofree char *text = testLibraryErrorText();

    testRun(ctl, "liberr", false, "\n", text);
    /* One of before is not told of a later command. */
    virDomainGetName(NULL);
    testRun(ctl, "fail", false, "\n", "error: it failed\n");
    vshFree(ctl);
}

static void
testHooks(void)
{
    vshControl *ctl = testShellNew();

    /* Nothing starts for what makes no sense. */
    testRun(ctl, "nosuch", false, "", "error: unknown command: 'nosuch'\n");
    g_assert_cmpuint(testShellHooks.starts, ==, 0);
    testRun(ctl, "ok; opts x; fail", false, "ok\n\nopts\n\n\n", "error: it failed\n");
    g_assert_cmpuint(testShellHooks.starts, ==, 1);
    g_assert_cmpuint(testShellHooks.connects, ==, 2);

    testShellHooks.refuseConnect = true;
    testRun(ctl, "ok; fail", false, "\n\n", "error: no connection\nerror: it failed\n");
    g_assert_cmpuint(testShellHooks.starts, ==, 1);
    vshFree(ctl);
}

static void
testNoStart(void)
{
    vshControl *ctl = testShellNew();

    testShellHooks.refuseStart = true;
    testRun(ctl, "fail; fail", false, "", "error: no start\n");
    vshFree(ctl);
}

static void
testTiming(void)
{
    vshSettings settings = { .debug = -1, .quiet = true, .timing = true };
    vshControl *ctl = vshNew(&testProgram, &settings);
    g_autofree char *out = NULL;
    testCapture capture;

    memset(&testShellHooks, 0, sizeof(testShellHooks));
    testCaptureBegin(&capture);
    vshRunText(ctl, "ok; quit");
    testCaptureEnd(&capture, &out, NULL);
    vshFree(ctl);
    g_assert_true(g_regex_match_simple("^ok\n\n\\(Time: \\d+\\.\\d{3} ms\\)\n\n$", out, 0, 0));
}

static void
testTables(void)
{
    vshControl *ctl = testShellNew();

    g_assert_cmpstr(vshFindCommand(ctl, "secret")->name, ==, "secret");
    g_assert_null(vshFindCommand(ctl, "nosuch"));
    g_assert_cmpstr(vshFindGroup(ctl, "test")->keyword, ==, "test");
    g_assert_null(vshFindGroup(ctl, ""));
    g_assert_true(vshOpaque(ctl) == testProgram.opaque);
    g_assert_false(vshIsInteractive(ctl));
    vshFree(ctl);
    vshFree(NULL);
}

/* What VSHTEST_DEBUG and the settings come to. */
static int
debugLevel(const char *value, int setting, char **err)
{
    vshSettings settings = { .debug = setting };
    testCapture capture;
    vshControl *ctl;
    int level;

    if (value)
        g_setenv("VSHTEST_DEBUG", value, TRUE);
    testCaptureBegin(&capture);
    ctl = vshNew(&testProgram, &settings);
    testCaptureEnd(&capture, NULL, err);
    g_unsetenv("VSHTEST_DEBUG");
    level = ctl->debug;
    vshFree(ctl);
    return level;
}

static void
testDebugLevel(void)
{
    static const char *const bad[] = { "5", "-1", "x", "1x" };
    size_t i;

    g_assert_cmpint(debugLevel(NULL, -1, NULL), ==, 4);
    g_assert_cmpint(debugLevel("", -1, NULL), ==, 4);
    g_assert_cmpint(debugLevel("0", -1, NULL), ==, 0);
    g_assert_cmpint(debugLevel("4", -1, NULL), ==, 4);
    g_assert_cmpint(debugLevel("0", 3, NULL), ==, 3);
    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *err = NULL;

        g_assert_cmpint(debugLevel(bad[i], -1, &err), ==, 4);
        g_assert_cmpstr(err, ==, "error: VSHTEST_DEBUG not set with a valid numeric value\n");
    }
}

static void
testRunsOnce(int timer, void *opaque)
{
    virEventRemoveTimeout(timer);
    vshWaitEnd(opaque);
}

/* The event loop ends with the shell, and runs again with the next. */
static void
testEventLoop(void)
{
    int i;

    for (i = 0; i < 20; i++) {
        vshControl *ctl = testShellNew();

        g_assert_true(vshWaitBegin(ctl));
        g_assert_cmpint(virEventAddTimeout(0, testRunsOnce, ctl, NULL), >=, 0);
        g_assert_cmpint(vshWaitRun(ctl, 60), ==, VSH_WAIT_DONE);
        vshWaitFinish(ctl);
        vshFree(ctl);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vsh/order", testOrder);
    g_test_add_func("/vsh/machine", testMachine);
    g_test_add_func("/vsh/library-error", testLibraryError);
    g_test_add_func("/vsh/hooks", testHooks);
    g_test_add_func("/vsh/no-start", testNoStart);
    g_test_add_func("/vsh/timing", testTiming);
    g_test_add_func("/vsh/tables", testTables);
    g_test_add_func("/vsh/debug-level", testDebugLevel);
    g_test_add_func("/vsh/event-loop", testEventLoop);
    return g_test_run();
}
