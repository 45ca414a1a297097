/*
 * virtmonwatchtest.c: events counted up to a limit, the wait, the summary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_watch.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "vshfixture.h"

static vshControl *shell;

static void
show(virtmonWatch *watch, guint times)
{
    guint i;

    for (i = 0; i < times; i++) {
        if (virtmonWatchEnter(watch))
            virtmonWatchLeave(watch, true);
    }
}

/* Runs the watch and compares; both texts may be NULL for nothing. */
static void
assertRun(virtmonWatch *watch, virtmonWatchSummary summary, bool ok, const char *expectedOut,
          const char *expectedErr)
{
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    testCapture capture;
    bool result;

    testCaptureBegin(&capture);
    result = virtmonWatchRun(watch, 1, summary);
    testCaptureEnd(&capture, &out, &err);
    virtmonWatchFinish(watch);
    g_assert_cmpstr(out, ==, expectedOut);
    g_assert_cmpstr(err, ==, expectedErr);
    g_assert_cmpint(result, ==, ok);
}

static void
testLimit(void)
{
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(shell, 2);

    show(watch, 50);
    assertRun(watch, VIRTMON_WATCH_SUMMARY_OUT, true, "events received: 2\n", "");
    g_assert_false(virtmonWatchEnter(watch));
}

/* Time is up with an event short of the limit. */
static void
testTooFew(void)
{
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(shell, 3);

    show(watch, 2);
    assertRun(watch, VIRTMON_WATCH_SUMMARY_OUT, false,
              "event loop timed out\nevents received: 2\n", "");
}

static void
testLoop(void)
{
    g_autoptr(virtmonWatch) some = virtmonWatchNew(shell, 0);
    g_autoptr(virtmonWatch) none = NULL;

    show(some, 5);
    assertRun(some, VIRTMON_WATCH_SUMMARY_OUT, true,
              "event loop timed out\nevents received: 5\n", "");
    /* over is over */
    g_assert_false(virtmonWatchEnter(some));

    none = virtmonWatchNew(shell, 0);
    assertRun(none, VIRTMON_WATCH_SUMMARY_OUT, false,
              "event loop timed out\nevents received: 0\n", "");
}

static void
testInterrupt(void)
{
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(shell, 0);

    show(watch, 1);
    raise(SIGINT);
    assertRun(watch, VIRTMON_WATCH_SUMMARY_OUT, true,
              "event loop interrupted\nevents received: 1\n", "");
}

static void
testDisconnect(void)
{
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(shell, 0);

    show(watch, 3);
    vshWaitDisconnect(shell);
    assertRun(watch, VIRTMON_WATCH_SUMMARY_OUT, false, "events received: 3\n", "");
}

static void
testSummaryOnStderr(void)
{
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(shell, 0);

    show(watch, 1);
    raise(SIGINT);
    assertRun(watch, VIRTMON_WATCH_SUMMARY_ERR, true, "",
              "event loop interrupted\nevents received: 1\n");
}

static void
testNotShownIsNotCounted(void)
{
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(shell, 1);

    g_assert_true(virtmonWatchEnter(watch));
    virtmonWatchLeave(watch, false);
    show(watch, 1);
    assertRun(watch, VIRTMON_WATCH_SUMMARY_OUT, true, "events received: 1\n", "");
}

static void *
showMany(void *opaque)
{
    show(opaque, 100000);
    return NULL;
}

/* As the event loop's thread does it. */
static void
testOtherThread(void)
{
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(shell, 70000);
    pthread_t thread;

    g_assert_cmpint(pthread_create(&thread, NULL, showMany, watch), ==, 0);
    assertRun(watch, VIRTMON_WATCH_SUMMARY_OUT, true, "events received: 70000\n", "");
    pthread_join(thread, NULL);
}

static void
testStamp(void)
{
    static const char form[] = "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\+0000$";
    g_autofree char *stamp = virtmonWatchStamp();

    g_assert_true(g_regex_match_simple(form, stamp, 0, 0));
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    shell = testShellNew();
    g_test_add_func("/virtmon/watch/limit", testLimit);
    g_test_add_func("/virtmon/watch/too-few", testTooFew);
    g_test_add_func("/virtmon/watch/loop", testLoop);
    g_test_add_func("/virtmon/watch/interrupt", testInterrupt);
    g_test_add_func("/virtmon/watch/disconnect", testDisconnect);
    g_test_add_func("/virtmon/watch/summary-on-stderr", testSummaryOnStderr);
    g_test_add_func("/virtmon/watch/not-shown", testNotShownIsNotCounted);
    g_test_add_func("/virtmon/watch/other-thread", testOtherThread);
    g_test_add_func("/virtmon/watch/stamp", testStamp);
    result = g_test_run();
    vshFree(shell);
    return result;
}
