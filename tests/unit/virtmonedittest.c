/*
 * virtmonedittest.c: an editor on a temporary file, what it leaves, what can go wrong
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_edit.h"

#include <signal.h>
#include <string.h>
#include <glib/gstdio.h>

#include "vshfixture.h"

static vshControl *shell;
/* Where temporary files are, with characters that a shell takes for something. */
static char *folder;

/* Whatever has happened, no file is left. */
static void
assertNothingLeft(void)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

    g_assert_nonnull(dir);
    g_assert_null(g_dir_read_name(dir));
}

/* Runs @editor on @text; @err may be a pattern. The caller frees the result. */
static char *
edit(const char *editor, const char *text, const char *out, const char *err)
{
    g_autofree char *gotOut = NULL;
    g_autofree char *gotErr = NULL;
    testCapture capture;
    char *edited;

    g_setenv("VISUAL", editor, TRUE);
    testCaptureBegin(&capture);
    edited = virtmonEdit(shell, text);
    testCaptureEnd(&capture, &gotOut, &gotErr);
    g_assert_cmpstr(gotOut, ==, out);
    if (!g_pattern_match_simple(err, gotErr))
        g_assert_cmpstr(gotErr, ==, err);
    assertNothingLeft();
    return edited;
}

static void
assertEdited(const char *editor, const char *text, const char *expected)
{
    g_autofree char *edited = edit(editor, text, "", "");

    g_assert_cmpstr(edited, ==, expected);
}

static void
assertFails(const char *editor, const char *err)
{
    g_autofree char *edited = edit(editor, "a", "", err);

    g_assert_null(edited);
}

static void
testText(void)
{
    assertEdited("true", "a\nb", "a\nb");
    assertEdited("true", "", "");
    assertEdited("sed -i s/a/b/", "a\n", "b\n");
    assertEdited("cp /dev/null", "a", "");
    /* words of a shell; what it takes the file's name for is ours to say */
    assertEdited("printf '\303\251 \377' >", "a", "\303\251 \377");
    assertEdited("f() { printf %s \"$#\" >\"$1\"; }; f", "a", "1");
}

/* Many put another file in its place. */
static void
testReplaced(void)
{
    assertEdited("f() { echo b >\"$1.new\"; mv \"$1.new\" \"$1\"; }; f", "a", "b\n");
}

static void
testMode(void)
{
    g_autofree char *edited = edit("stat -c %a", "a", "600\n", "");

    g_assert_cmpstr(edited, ==, "a");
}

static void
testWhich(void)
{
    g_setenv("EDITOR", "cp /dev/null", TRUE);
    assertEdited("", "a", "");
    assertEdited("true", "a", "a");
    g_unsetenv("EDITOR");
}

static void
testFailures(void)
{
    assertFails("false", "error: editor 'false' failed: *\n");
    assertFails("nosuch-editor", "*nosuch-editor*\nerror: editor 'nosuch-editor' failed: *\n");
    assertFails("kill -9 $$ #", "error: editor 'kill -9 $$ #' failed: *\n");
    assertFails("rm", "error: cannot read temporary file '*.xml': No such file or directory\n");
    assertFails("f() { rm \"$1\"; mkdir \"$1\"; }; f",
                "error: cannot read temporary file '*.xml': Is a directory\n");
    assertFails("printf 'a\\0b' >", "error: temporary file '*.xml' holds a NUL byte\n");
}

static void
testLimit(void)
{
    g_autofree char *most = g_strnfill(VIRTMON_EDIT_MAX, 'a');
    g_autofree char *editor = g_strdup_printf("truncate -s %d", VIRTMON_EDIT_MAX + 1);

    assertFails(editor, "error: temporary file '*.xml' exceeds the limit of 4194304 bytes\n");
    assertFails("ln -sf /dev/zero",
                "error: temporary file '*.xml' exceeds the limit of 4194304 bytes\n");
    assertEdited("true", most, most);
}

static void
testNoFolder(void)
{
    g_autofree char *edited = NULL;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    testCapture capture;

    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_setenv("VISUAL", "true", TRUE);
    testCaptureBegin(&capture);
    edited = virtmonEdit(shell, "a");
    testCaptureEnd(&capture, &out, &err);
    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    g_assert_null(edited);
    g_assert_cmpstr(out, ==, "");
    g_assert_true(g_pattern_match_simple("error: cannot create a temporary file: *\n", err));
}

/* Ctrl-C is the editor's: it gets the signal as if it were alone, and the shell lives on. */
static void
testInterrupt(void)
{
    struct sigaction before, after;

    sigaction(SIGINT, NULL, &before);
    assertEdited("kill -INT $PPID; true", "a", "a");
    assertFails("kill -INT $$ #", "error: editor 'kill -INT $$ #' failed: *\n");
    sigaction(SIGINT, NULL, &after);
    g_assert_true(before.sa_handler == after.sa_handler);
}

int
main(int argc, char **argv)
{
    char top[] = "/tmp/virtmonedit-XXXXXX";
    int result;

    g_test_init(&argc, &argv, NULL);
    /* not in GLib's folder: it looks once where that is, and is to find ours */
    g_assert_nonnull(g_mkdtemp(top));
    folder = g_strdup_printf("%s/a b;$(c)'", top);
    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    g_setenv("TMPDIR", folder, TRUE);
    shell = testShellNew();
    g_test_add_func("/virtmon/edit/text", testText);
    g_test_add_func("/virtmon/edit/replaced", testReplaced);
    g_test_add_func("/virtmon/edit/mode", testMode);
    g_test_add_func("/virtmon/edit/which", testWhich);
    g_test_add_func("/virtmon/edit/failures", testFailures);
    g_test_add_func("/virtmon/edit/limit", testLimit);
    g_test_add_func("/virtmon/edit/no-folder", testNoFolder);
    g_test_add_func("/virtmon/edit/interrupt", testInterrupt);
    result = g_test_run();
    vshFree(shell);
    g_rmdir(folder);
    g_rmdir(top);
    g_free(folder);
    return result;
}
