/*
 * virlogtest.c: log lines
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virlog.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"

VIR_LOG_INIT("test.log");

typedef struct {
    char *dir;
    char *path;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *outputs = NULL;

    f->dir = g_dir_make_tmp("virlog-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "log", NULL);
    outputs = g_strdup_printf("debug:file:%s", f->path);
    g_assert_cmpint(virLogParseOutputs(outputs), ==, 0);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virLogParseOutputs(""), ==, 0);
    g_assert_cmpint(virLogParseFilters(""), ==, 0);
    g_assert_cmpint(virLogSetDefaultPriority(VIR_LOG_WARN), ==, 0);
    g_remove(f->path);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->path);
    g_free(f->dir);
    virResetLastError();
}

/* What was logged since the last call, to be freed by the caller. */
static char *
take(Fixture *f)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
    g_assert_cmpint(truncate(f->path, 0), ==, 0);
    return text;
}

static void
assertLogged(Fixture *f, const char *pattern)
{
    g_autofree char *text = take(f);

    if (!g_regex_match_simple(pattern, text, G_REGEX_DOTALL, 0))
        g_error("'%s' is not what was logged: '%s'", pattern, text);
}

static void
testLines(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *warning = g_strdup_printf("^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}"
                                               "\\+0000: %d: warning : test\\.log: one 2\\n$",
                                               getpid());

    VIR_WARN("one %d", 2);
    assertLogged(f, warning);
    VIR_INFO("nobody wants it");
    VIR_DEBUG("nor that");
    assertLogged(f, "^$");

    g_assert_cmpint(virLogSetDefaultPriority(VIR_LOG_DEBUG), ==, 0);
    VIR_DEBUG("where");
    assertLogged(f, ": debug : testLines:\\d+ : test\\.log: where\\n$");
    g_assert_cmpint(virLogSetDefaultPriority(VIR_LOG_ERROR), ==, 0);
    VIR_WARN("not bad enough");
    VIR_ERROR("bad");
    assertLogged(f, "^[^\\n]*: error : test\\.log: bad\\n$");
}

static void
testPriorities(void)
{
    g_assert_cmpint(virLogSetDefaultPriority(0), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(virLogSetDefaultPriority(VIR_LOG_ERROR + 1), ==, -1);
    virResetLastError();
}

static void
testFilters(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virLogParseFilters("1:qemu 4:test.log"), ==, 0);
    g_assert_false(virLogEnabled("test.log", VIR_LOG_WARN));
    g_assert_true(virLogEnabled("test.log", VIR_LOG_ERROR));
    g_assert_true(virLogEnabled("qemu.monitor", VIR_LOG_DEBUG));
    g_assert_false(virLogEnabled("conf.object_event", VIR_LOG_INFO));
    g_assert_true(virLogEnabled("conf.object_event", VIR_LOG_WARN));
    VIR_WARN("filtered");
    assertLogged(f, "^$");

    /* Found anywhere in the name, or a pattern; the last that fits counts. */
    g_assert_cmpint(virLogParseFilters("  error:log\tdebug:*.log info:test.l"), ==, 0);
    g_assert_true(virLogEnabled("test.log", VIR_LOG_INFO));
    g_assert_false(virLogEnabled("test.log", VIR_LOG_DEBUG));
    g_assert_true(virLogEnabled("other.log", VIR_LOG_DEBUG));
    g_assert_false(virLogEnabled("logger", VIR_LOG_WARN));

    g_assert_cmpint(virLogParseFilters(""), ==, 0);
    g_assert_false(virLogEnabled("qemu.monitor", VIR_LOG_DEBUG));
}

static void
testBadFilters(void)
{
    static const char *const bad[] = { "x", "1", "1:", ":x", "5:x", "0:x", "loud:x", "1:x y" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        virResetLastError();
        g_assert_cmpint(virLogParseFilters(bad[i]), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
        g_assert_true(g_str_has_prefix(virGetLastErrorMessage(), "invalid argument: log filter"));
    }
    virResetLastError();
}

static void
testOutputs(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *second = g_build_filename(f->dir, "second", NULL);
    g_autofree char *both = g_strdup_printf("4:file:%s 1:file:/dev/full debug:file:%s", second,
                                            f->path);
    g_autofree char *text = NULL;

    g_assert_cmpint(virLogParseOutputs(both), ==, 0);
    VIR_WARN("first");
    VIR_ERROR("second");
    /* One that is full is no reason to keep it from the others. */
    assertLogged(f, "first\\n.*second\\n$");
    g_assert_true(g_file_get_contents(second, &text, NULL, NULL));
    g_assert_true(g_str_has_suffix(text, ": error : test.log: second\n"));
    g_assert_null(strchr(text, '\n')[1] ? text : NULL);
    g_remove(second);
}

static void
testBadOutputs(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const bad[] = { "x", "1:stderr:x", "1:file", "1:file:", "9:stderr",
                                       "1:journald", "1:syslog:x" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        virResetLastError();
        g_assert_cmpint(virLogParseOutputs(bad[i]), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    }
    g_assert_cmpint(virLogParseOutputs("1:stderr 1:file:/nonexistent/log"), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, ENOENT);

    /* What was set before goes on. */
    VIR_WARN("still here");
    assertLogged(f, "still here\\n$");
}

/* As text it may be set again. */
static void
testWhatIsInForce(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *outputs = g_strdup_printf("4:stderr 1:file:%s", f->path);
    g_autofree char *filters = NULL;
    g_autofree char *none = NULL;
    g_autofree char *now = NULL;
    g_autofree char *standard = NULL;
    size_t count;

    none = virLogGetFilters(&count);
    g_assert_cmpstr(none, ==, "");
    g_assert_cmpuint(count, ==, 0);
    g_assert_cmpint(virLogParseFilters("debug:qemu  4:rpc*"), ==, 0);
    filters = virLogGetFilters(&count);
    g_assert_cmpstr(filters, ==, "1:*qemu* 4:rpc*");
    g_assert_cmpuint(count, ==, 2);
    g_assert_cmpint(virLogParseFilters(filters), ==, 0);

    g_assert_cmpint(virLogParseOutputs(outputs), ==, 0);
    now = virLogGetOutputs(&count);
    g_assert_cmpstr(now, ==, outputs);
    g_assert_cmpuint(count, ==, 2);
    g_assert_cmpint(virLogParseOutputs(""), ==, 0);
    standard = virLogGetOutputs(&count);
    g_assert_cmpstr(standard, ==, "1:stderr");
    g_assert_cmpuint(count, ==, 1);

    g_assert_cmpint(virLogSetDefaultPriority(VIR_LOG_ERROR), ==, 0);
    g_assert_cmpint(virLogGetDefaultPriority(), ==, VIR_LOG_ERROR);
}

/* Whatever a message names, it is one line, and steers no terminal. */
static void
testEscapes(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *text = NULL;

    VIR_WARN("a\nb\x1b[31m\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xff\xc3 \xc3\xa9\xe4\xb8\xad");
    text = take(f);
    g_assert_nonnull(strstr(text, ": a\\x0ab\\x1b[31m\\x7f\\xc2\\x9b\\xe2\\x80\\xae\\xe2\\x80\\xa8"
                                  "\\xff\\xc3 \xc3\xa9\xe4\xb8\xad\n"));
    g_assert_cmpstr(strchr(text, '\n'), ==, "\n");
}

static void
testErrnoIsKept(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virLogParseOutputs("1:file:/dev/full"), ==, 0);
    errno = EBADF;
    VIR_WARN("x");
    g_assert_cmpint(errno, ==, EBADF);
    g_remove(f->path);
}

/* Errors that callers get are told to the log at debug level only. */
static void
testErrors(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virReportErrorFull(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, __FILE__, __func__, __LINE__, "%s",
                       "whisper");
    assertLogged(f, "^$");
    g_assert_cmpint(virLogSetDefaultPriority(VIR_LOG_DEBUG), ==, 0);
    virReportErrorFull(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, __FILE__, __func__, __LINE__, "%s",
                       "loud");
    assertLogged(f, ": debug : testErrors:\\d+ : util\\.error: internal error: loud\\n$");
}

static void *
logMany(void *opaque)
{
    unsigned int i;

    for (i = 0; i < 200; i++)
        VIR_WARN("%s", (const char *)opaque);
    return NULL;
}

/* Lines of several threads don't mix, and settings may change meanwhile. */
static void
testThreads(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *one = g_strnfill(500, 'a');
    g_autofree char *other = g_strnfill(500, 'b');
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    pthread_t threads[2];
    size_t i;

    g_assert_cmpint(pthread_create(&threads[0], NULL, logMany, one), ==, 0);
    g_assert_cmpint(pthread_create(&threads[1], NULL, logMany, other), ==, 0);
    for (i = 0; i < 100; i++)
        g_assert_cmpint(virLogParseFilters(i % 2 == 0 ? "1:nobody" : ""), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);

    text = take(f);
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 401);
    for (i = 0; i < 400; i++)
        g_assert_true(g_str_has_suffix(lines[i], one) || g_str_has_suffix(lines[i], other));
}

static void
testRepeat(void)
{
    virLogRepeat repeat = { 0 };
    unsigned int i;

    g_assert_cmpuint(virLogRepeatEnd(&repeat), ==, 0);
    g_assert_true(virLogRepeatBegin(&repeat));
    for (i = 0; i < 5; i++)
        g_assert_false(virLogRepeatBegin(&repeat));
    g_assert_cmpuint(virLogRepeatEnd(&repeat), ==, 5);
    g_assert_true(virLogRepeatBegin(&repeat));
    g_assert_cmpuint(virLogRepeatEnd(&repeat), ==, 0);

    /* After a long pause it is a new complaint. */
    g_assert_true(virLogRepeatBegin(&repeat));
    repeat.last -= 11 * G_USEC_PER_SEC;
    g_assert_true(virLogRepeatBegin(&repeat));
    g_assert_false(virLogRepeatBegin(&repeat));
}

/* The environment counts once in a process, so in one of its own. */
static void
testEnvironment(void)
{
    if (g_test_subprocess()) {
        g_setenv("LIBVIRT_DEBUG", "info", TRUE);
        g_setenv("LIBVIRT_LOG_FILTERS", "nonsense", TRUE);
        g_setenv("LIBVIRT_LOG_OUTPUTS", "1:stderr", TRUE);
        virLogSetFromEnv();
        g_assert_null(virGetLastError());
        VIR_INFO("told");
        VIR_DEBUG("not told");
        g_setenv("LIBVIRT_DEBUG", "debug", TRUE);
        virLogSetFromEnv();
        VIR_DEBUG("not told either");
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("ignoring LIBVIRT_LOG_FILTERS: *'nonsense'*\n*: info : test.log: "
                              "told\n");
    g_test_trap_assert_stderr_unmatched("*not told*");
}

static void
testBadEnvironment(void)
{
    if (g_test_subprocess()) {
        g_setenv("LIBVIRT_DEBUG", "loud", TRUE);
        g_setenv("LIBVIRT_LOG_OUTPUTS", "1:nowhere", TRUE);
        virLogSetFromEnv();
        VIR_WARN("on stderr");
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("ignoring LIBVIRT_DEBUG='loud': *\nignoring LIBVIRT_LOG_OUTPUTS: *\n"
                              "*: warning : test.log: on stderr\n");
}

/* Nothing comes of a check. */
static void
testCheck(void)
{
    g_assert_cmpint(virLogCheckFilters("1:a 4:b.*"), ==, 0);
    g_assert_false(virLogEnabled("a", VIR_LOG_DEBUG));
    g_assert_cmpint(virLogCheckFilters("1:a 5:b"), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(virLogCheckOutputs("1:stderr 3:file:/nowhere/at/all"), ==, 0);
    g_assert_cmpint(virLogCheckOutputs("1:syslog:x"), ==, -1);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/util/log/lines", testLines },
        { "/util/log/filters", testFilters },
        { "/util/log/outputs", testOutputs },
        { "/util/log/bad-outputs", testBadOutputs },
        { "/util/log/in-force", testWhatIsInForce },
        { "/util/log/escapes", testEscapes },
        { "/util/log/errno", testErrnoIsKept },
        { "/util/log/errors", testErrors },
        { "/util/log/threads", testThreads },
    };
    size_t i;

    g_unsetenv("LIBVIRT_DEBUG");
    g_unsetenv("LIBVIRT_LOG_FILTERS");
    g_unsetenv("LIBVIRT_LOG_OUTPUTS");
    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    g_test_add_func("/util/log/priorities", testPriorities);
    g_test_add_func("/util/log/bad-filters", testBadFilters);
    g_test_add_func("/util/log/check", testCheck);
    g_test_add_func("/util/log/repeat", testRepeat);
    g_test_add_func("/util/log/environment", testEnvironment);
    g_test_add_func("/util/log/bad-environment", testBadEnvironment);
    return g_test_run();
}
