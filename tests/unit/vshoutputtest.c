/*
 * vshoutputtest.c: what the shell prints, and where
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
testEscape(void)
{
    static const struct {
        const char *text;
        bool lines;
        const char *safe;
    } cases[] = {
        { "plain \\x1b \303\251 \346\227\245", false, "plain \\x1b \303\251 \346\227\245" },
        { "\033[31mred\007\177", false, "\\x1b[31mred\\x07\\x7f" },
        { "a\tb\nc\r", false, "a\\x09b\\x0ac\\x0d" },
        { "a\tb\nc\r", true, "a\tb\nc\\x0d" },
        /* the line ends of QEMU's human monitor, and a CR that would go back in the line */
        { "a\r\nb\rc", true, "a\r\nb\\x0dc" },
        { "a\r\n", false, "a\\x0d\\x0a" },
        { "\302\233" "31m", false, "\\u{009b}31m" },                /* C1 CSI */
        { "\302\240", false, "\302\240" },                          /* the first behind C1 */
        { "\342\200\256abc", false, "\\u{202e}abc" },               /* right-to-left override */
        { "\342\201\246\342\201\251", false, "\\u{2066}\\u{2069}" },
        { "\342\200\217\330\234", false, "\\u{200f}\\u{061c}" },
        { "\377\303", false, "\\xff\\xc3" },
        { "\300\200", false, "\\xc0\\x80" },                        /* overlong */
        { "\355\240\200", false, "\\xed\\xa0\\x80" },               /* half of a surrogate pair */
        { "", false, "" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *safe = vshEscape(cases[i].text, cases[i].lines);
        g_autofree char *twice = vshEscape(safe, cases[i].lines);

        g_assert_cmpstr(safe, ==, cases[i].safe);
        g_assert_cmpstr(twice, ==, safe);
        g_assert_true(g_utf8_validate(safe, -1, NULL));
    }
}

static void
testWidth(void)
{
    g_assert_cmpuint(vshWidth(""), ==, 0);
    g_assert_cmpuint(vshWidth("abc"), ==, 3);
    g_assert_cmpuint(vshWidth("\346\227\245\346\234\254"), ==, 4);
    g_assert_cmpuint(vshWidth("e\314\201"), ==, 1);
    g_assert_cmpuint(vshWidth("\377"), ==, 1);
}

static void
testStreams(void)
{
    vshSettings settings = { .debug = 2 };
    vshControl *ctl = vshNew(&testProgram, &settings);
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    testCapture capture;

    testCaptureBegin(&capture);
    vshPrint(ctl, "a%d\n", 1);
    vshPrintExtra(ctl, "extra\n");
    vshError(ctl, "bad %s", "\033");        /* no terminal: as it is */
    vshWarn(ctl, "odd");
    vshDebug(ctl, 1, "too little");
    vshDebug(ctl, 2, "enough");
    testCaptureEnd(&capture, &out, &err);
    vshFree(ctl);
    g_assert_cmpstr(out, ==, "a1\nextra\n");
    g_assert_cmpstr(err, ==, "error: bad \033\nwarning: odd\nenough\n");
}

static void
testQuiet(void)
{
    vshSettings settings = { .debug = -1, .quiet = true };
    vshControl *ctl = vshNew(&testProgram, &settings);
    g_autofree char *out = NULL;
    testCapture capture;

    g_assert_true(vshIsQuiet(ctl));
    testCaptureBegin(&capture);
    vshPrint(ctl, "said\n");
    vshPrintExtra(ctl, "extra\n");
    testCaptureEnd(&capture, &out, NULL);
    vshFree(ctl);
    g_assert_cmpstr(out, ==, "said\n");
}

static void
testMute(void)
{
    vshControl *ctl = testShellNew();
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    testCapture capture;

    testCaptureBegin(&capture);
    vshMute(true);
    vshPrint(ctl, "no\n");
    vshError(ctl, "no");
    vshMute(false);
    vshPrint(ctl, "yes\n");
    testCaptureEnd(&capture, &out, &err);
    vshFree(ctl);
    g_assert_cmpstr(out, ==, "yes\n");
    g_assert_cmpstr(err, ==, "");
}

static void
testLibraryError(void)
{
    vshControl *ctl = testShellNew();
    g_autofree char *text = testLibraryErrorText();
    g_autofree char *err = NULL;
    testCapture capture;

    testCaptureBegin(&capture);
    vshReportError(ctl);
    g_assert_null(virDomainGetName(NULL));
    vshReportError(ctl);
    vshReportError(ctl);
    testCaptureEnd(&capture, NULL, &err);
    vshFree(ctl);
    /* Said once, and not by the library. */
    g_assert_cmpstr(err, ==, text);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OK);
}

static void
testLogFile(void)
{
    g_autofree char *folder = g_dir_make_tmp("vshoutput-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    g_autofree char *text = NULL;
    g_autofree char *pattern = g_strdup_printf(
        "^\\[\\d{4}\\.\\d\\d\\.\\d\\d \\d\\d:\\d\\d:\\d\\d vshtest %d\\] ERROR first\n"
        "\\[[^]]*\\] WARNING second\n"
        "\\[[^]]*\\] INFO third\n"
        "\\[[^]]*\\] ERROR again\n$", (int)getpid());
    vshSettings settings = { .debug = 1, .logFile = path };
    testCapture capture;
    vshControl *ctl = vshNew(&testProgram, &settings);

    testCaptureBegin(&capture);
    vshError(ctl, "first");
    vshWarn(ctl, "second");
    vshDebug(ctl, 1, "third");
    vshDebug(ctl, 0, "too little");
    vshPrint(ctl, "not for the log\n");
    vshFree(ctl);
    /* It is appended to. */
    ctl = vshNew(&testProgram, &settings);
    vshError(ctl, "again");
    vshFree(ctl);
    testCaptureEnd(&capture, NULL, NULL);

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_unlink(path);
    g_rmdir(folder);
    g_assert_true(g_regex_match_simple(pattern, text, 0, 0));
}

static void
testLogFileFails(void)
{
    vshSettings settings = { .debug = -1, .logFile = "/nonexistent/log" };
    g_autofree char *err = NULL;
    testCapture capture;
    vshControl *ctl;

    testCaptureBegin(&capture);
    ctl = vshNew(&testProgram, &settings);
    testCaptureEnd(&capture, NULL, &err);
    g_assert_null(ctl);
    g_assert_cmpstr(err, ==, "error: failed to open the log file. check the log file path\n");
}

static void
testDiskFull(void)
{
    vshControl *ctl = testShellNew();
    g_autofree char *err = NULL;
    testCapture capture;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    g_assert_cmpint(full, >=, 0);
    testCaptureBegin(&capture);
    dup2(full, STDOUT_FILENO);
    vshPrint(ctl, "lost\n");
    vshPrint(ctl, "lost too\n");
    /* What stdio could not write must not come out later. */
    testCaptureEnd(&capture, NULL, &err);
    close(full);
    g_assert_cmpstr(err, ==,
                    "error: cannot write to the standard output: No space left on device\n");
    g_assert_true(vshOutputFailed(ctl));
    vshFree(ctl);
}

/* Whoever read us is gone, and SIGPIPE is ignored: the process ends, and says nothing. */
static void
testReaderGone(void)
{
    g_autofree char *err = NULL;
    testCapture capture;
    int status;
    pid_t child;

    testCaptureBegin(&capture);
    if ((child = fork()) == 0) {
        vshControl ctl = { .program = &testProgram, .logFd = -1 };
        int fds[2];

        signal(SIGPIPE, SIG_IGN);
        if (pipe(fds) < 0 || dup2(fds[1], STDOUT_FILENO) < 0)
            _exit(77);
        close(fds[0]);
        vshPrint(&ctl, "nobody hears\n");
        _exit(78);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    testCaptureEnd(&capture, NULL, &err);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert_cmpstr(err, ==, "");
}

/* On a terminal names can't do harm, on stdout as on stderr. */
static void
testTerminal(void)
{
    vshSettings settings = { .debug = -1 };
    int primary, secondary;
    int savedOut = dup(STDOUT_FILENO);
    int savedErr = dup(STDERR_FILENO);
    g_autofree char *safe = NULL;
    vshControl *ctl;
    char text[200];
    ssize_t len;

    g_assert_cmpint(openpty(&primary, &secondary, NULL, NULL, NULL), ==, 0);
    fflush(NULL);
    dup2(secondary, STDOUT_FILENO);
    dup2(secondary, STDERR_FILENO);
    ctl = vshNew(&testProgram, &settings);
    safe = vshSafe(ctl, "\033c\n", false);
    vshError(ctl, "%s", "\033c");
    /* Also where nobody has thought of it. */
    vshPrint(ctl, "%s\n\t", "\033c");
    vshPrintExtra(ctl, "%s\n", "\302\233c");
    vshFree(ctl);
    fflush(NULL);
    dup2(savedOut, STDOUT_FILENO);
    dup2(savedErr, STDERR_FILENO);
    len = read(primary, text, sizeof(text) - 1);
    close(savedOut);
    close(savedErr);
    close(primary);
    close(secondary);
    g_assert_cmpint(len, >, 0);
    text[len] = '\0';
    g_assert_cmpstr(safe, ==, "\\x1bc\\x0a");
    g_assert_cmpstr(text, ==, "error: \\x1bc\r\n\\x1bc\r\n\t\\u{009b}c\r\n");
}

/* Columns count, not bytes: a Chinese character takes two. */
static void
testPad(void)
{
    static const struct {
        const char *text, *padded;
    } texts[] = {
        { "", "    " }, { "ab", "ab  " }, { "abcd", "abcd" }, { "abcde", "abcde" },
        { "é", "é   " }, { "状态", "状态" }, { "状", "状  " },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *padded = vshPad(texts[i].text, 4);

        g_assert_cmpstr(padded, ==, texts[i].padded);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vsh/output/escape", testEscape);
    g_test_add_func("/vsh/output/width", testWidth);
    g_test_add_func("/vsh/output/streams", testStreams);
    g_test_add_func("/vsh/output/quiet", testQuiet);
    g_test_add_func("/vsh/output/mute", testMute);
    g_test_add_func("/vsh/output/library-error", testLibraryError);
    g_test_add_func("/vsh/output/log-file", testLogFile);
    g_test_add_func("/vsh/output/log-file-fails", testLogFileFails);
    g_test_add_func("/vsh/output/disk-full", testDiskFull);
    g_test_add_func("/vsh/output/reader-gone", testReaderGone);
    g_test_add_func("/vsh/output/terminal", testTerminal);
    g_test_add_func("/vsh/output/pad", testPad);
    return g_test_run();
}
