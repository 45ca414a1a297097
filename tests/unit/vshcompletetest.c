/*
 * vshcompletetest.c: what may stand where the cursor is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

#include <glib/gstdio.h>

static vshControl *shell;

static void
assertCandidates(const char *line, const char *expected)
{
    g_autofree char *joined = NULL;
    g_autofree char *err = NULL;
    testCapture capture;
    char **found;

    testCaptureBegin(&capture);
    found = vshComplete(shell, line);
    testCaptureEnd(&capture, NULL, &err);
    joined = g_strjoinv("|", found);
    g_strfreev(found);
    g_assert_cmpstr(joined, ==, expected);
    g_assert_cmpstr(err, ==, "");
}

static void
testCommands(void)
{
    assertCandidates("o", "ok|opts");
    assertCandidates("ok", "ok");
    assertCandidates("  op", "opts");
    assertCandidates("nosuch", "");
    assertCandidates("sec", "");            /* hidden */
    assertCandidates("ok; o", "ok|opts");
    assertCandidates("ok;o", "ok|opts");
    assertCandidates("ok\nf", "fail");
    assertCandidates("", "ok|fail|liberr|opts|more|cd|echo|exit|help|pwd|quit");
}

static void
testOptions(void)
{
    const char *all = "--domain|--event|--count|--name|--flag|--a-rather-long-flag|--cmd";

    assertCandidates("opts --", all);
    assertCandidates("opts -", all);
    assertCandidates("opts --f", "--flag");
    /* Those given are left out, but for what may come again. */
    assertCandidates("opts dom --flag --event A --count=1 --",
                     "--event|--name|--a-rather-long-flag|--cmd");
    assertCandidates("opts --nosuch --f", "--flag");
    assertCandidates("opts -- --f", "");
    assertCandidates("ok ", "");
    assertCandidates("nosuch ", "");
    /* Where no value is known, options. */
    assertCandidates("fail --", "");
    assertCandidates("more ", "--must|--many|--cmd");
}

static void
testValues(void)
{
    assertCandidates("opts ", "alpha|alpine|be ta");
    assertCandidates("opts al", "alpha|alpine");
    assertCandidates("opts x", "");
    assertCandidates("opts 'be t", "be ta");
    assertCandidates("opts \"be t", "be ta");
    assertCandidates("opts be\\ t", "be ta");
    assertCandidates("opts --domain ", "alpha|alpine|be ta");
    assertCandidates("opts --domain=alp", "--domain=alpha|--domain=alpine");
    assertCandidates("opts --flag=", "");
    assertCandidates("opts --nosuch=", "");
    assertCandidates("opts alpha ", "STOP|RESUME");
    assertCandidates("opts alpha --event ST", "STOP");
    /* The completer sees the options before it. */
    assertCandidates("opts beta --event ", "");
    assertCandidates("opts '' --event ", "");
    assertCandidates("opts alpha --count ", "");
    assertCandidates("opts alpha S # ", "");
    assertCandidates("opts alpha #", "");
}

static void
testConnection(void)
{
    unsigned int connects;

    testShellHooks.refuseConnect = true;
    assertCandidates("opts al", "alpha|alpine");
    testShellHooks.refuseConnect = false;
    /* Only where values are asked for. */
    connects = testShellHooks.connects;
    assertCandidates("op", "opts");
    assertCandidates("opts --fl", "--flag");
    assertCandidates("help op", "opts");
    g_assert_cmpuint(testShellHooks.connects, ==, connects);
    assertCandidates("opts al", "alpha|alpine");
    g_assert_cmpuint(testShellHooks.connects, ==, connects + 1);
}

static void
testTopics(void)
{
    assertCandidates("help te", "test");
    assertCandidates("help o", "ok|opts");
    assertCandidates("help sh", "shell");
}

static void
testFolders(void)
{
    g_autofree char *folder = g_dir_make_tmp("vshcomplete-XXXXXX", NULL);
    g_autofree char *one = g_build_filename(folder, "one", NULL);
    g_autofree char *on = g_build_filename(folder, "on y", NULL);
    g_autofree char *hidden = g_build_filename(folder, ".one", NULL);
    g_autofree char *file = g_build_filename(folder, "ofile", NULL);
    g_autofree char *line = g_strdup_printf("cd %s/o", folder);
    g_autofree char *dot = g_strdup_printf("cd --dir %s/.o", folder);
    g_autofree char *expected = g_strdup_printf("%s/|%s/", on, one);
    g_autofree char *expectedHidden = g_strdup_printf("%s/", hidden);

    g_assert_cmpint(g_mkdir(one, 0700), ==, 0);
    g_assert_cmpint(g_mkdir(on, 0700), ==, 0);
    g_assert_cmpint(g_mkdir(hidden, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, "", -1, NULL));
    assertCandidates(line, expected);
    assertCandidates(dot, expectedHidden);
    assertCandidates("cd /nonexistent/", "");
    g_rmdir(one);
    g_rmdir(on);
    g_rmdir(hidden);
    g_unlink(file);
    g_rmdir(folder);
}

static void
testCommand(void)
{
    testRun(shell, "complete -- opts al", true, "alpha\nalpine\n\n", "");
    testRun(shell, "complete -- 'opts be\\ t'", true, "be ta\n\n", "");
    testRun(shell, "complete -- opts --domain ''", true, "alpha\nalpine\nbe ta\n\n", "");
    testRun(shell, "complete -- nosuch ''", false, "\n", "");
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    shell = testShellNew();
    g_test_add_func("/vsh/complete/commands", testCommands);
    g_test_add_func("/vsh/complete/options", testOptions);
    g_test_add_func("/vsh/complete/values", testValues);
    g_test_add_func("/vsh/complete/connection", testConnection);
    g_test_add_func("/vsh/complete/topics", testTopics);
    g_test_add_func("/vsh/complete/folders", testFolders);
    g_test_add_func("/vsh/complete/command", testCommand);
    status = g_test_run();
    vshFree(shell);
    return status;
}
