/*
 * vshbuiltintest.c: commands that every shell has
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

static vshControl *shell;

static void
testEcho(void)
{
    testRun(shell, "echo", true, "\n", "");
    testRun(shell, "echo a '' \"b  c\"", true, "a  b  c\n", "");
    testRun(shell, "echo --string a b --string=c", true, "a b c\n", "");
    testRun(shell, "echo --err a b", true, "\n", "error: a b\n");
    testRun(shell, "echo --err", true, "\n", "");
}

static void
testEchoShell(void)
{
    testRun(shell, "echo --shell a 'b c' '' \"d'e\" f\\$ ,=%+:@-_./\303\251", true,
            "a 'b c' '' 'd'\\''e' 'f$' ,=%+:@-_./\303\251\n", "");
}

static void
testEchoXML(void)
{
    testRun(shell, "echo --xml '<a>&\"' \"'\" 'x\001\ty'", true,
            "&lt;a&gt;&amp;&quot; &apos; x\ty\n", "");
}

static void
testEchoSplit(void)
{
    testRun(shell, "echo --split a,b", true, "a\nb\n\n", "");
    testRun(shell, "echo --split a,,b c", true, "a,b\n c\n\n", "");
    testRun(shell, "echo --split a,,,b", true, "a,\nb\n\n", "");
    testRun(shell, "echo --split ,a a,", true, "\na\n a\n\n\n", "");
    testRun(shell, "echo --split ''", true, "\n", "");
}

static void
testEchoExclusive(void)
{
    testRun(shell, "echo --xml --shell a", false, "\n",
            "error: Options --shell and --xml are mutually exclusive\n");
    testRun(shell, "echo --split --shell a", false, "\n",
            "error: Options --shell and --split are mutually exclusive\n");
    testRun(shell, "echo --split --xml a", false, "\n",
            "error: Options --xml and --split are mutually exclusive\n");
}

static void
testFolders(void)
{
    g_autofree char *here = g_get_current_dir();
    g_autofree char *printed = g_strdup_printf("%s\n\n", here);

    testRun(shell, "pwd", true, printed, "");
    testRun(shell, "cd /", false, "\n", "error: cd: command valid only in interactive mode\n");
    shell->interactive = true;
    testRun(shell, "cd /usr; pwd", true, "\n/usr\n\n", "");
    testRun(shell, "cd /nonexistent", false, "\n",
            "error: cd: No such file or directory: /nonexistent\n");
    g_setenv("HOME", "/var", TRUE);
    testRun(shell, "cd; pwd", true, "\n/var\n\n", "");
    testRun(shell, "cd /usr; cd ''; pwd", true, "\n\n/var\n\n", "");
    g_unsetenv("HOME");
    testRun(shell, "cd; pwd", true, "\n/\n\n", "");
    shell->interactive = false;
}

static void
testQuit(void)
{
    testRun(shell, "ok; quit; ok", true, "ok\n\n", "");
    g_assert_true(shell->quit);
    shell->quit = false;
    testRun(shell, "exit", true, "", "");
    g_assert_true(shell->quit);
    shell->quit = false;
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    shell = testShellNew();
    g_test_add_func("/vsh/builtin/echo", testEcho);
    g_test_add_func("/vsh/builtin/echo-shell", testEchoShell);
    g_test_add_func("/vsh/builtin/echo-xml", testEchoXML);
    g_test_add_func("/vsh/builtin/echo-split", testEchoSplit);
    g_test_add_func("/vsh/builtin/echo-exclusive", testEchoExclusive);
    g_test_add_func("/vsh/builtin/folders", testFolders);
    g_test_add_func("/vsh/builtin/quit", testQuit);
    status = g_test_run();
    vshFree(shell);
    return status;
}
