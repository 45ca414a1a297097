/*
 * remotedaemonpidfiletest.c: a file that says which process serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_pidfile.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "testutils.h"
#include "virerror_priv.h"

static char *path;

static void
assertSays(const char *expected)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}

static void
testTurns(void)
{
    g_autofree char *mine = g_strdup_printf("%ld\n", (long)getpid());
    g_autofree char *told = g_strdup_printf("process %ld, holds '%s'", (long)getpid(), path);
    remoteDaemonPidFile *file;

    /* What a process has left that was killed is in nobody's way. */
    g_assert_true(g_file_set_contents(path, "123456789\n", -1, NULL));
    file = remoteDaemonPidFileNew(path);
    g_assert_nonnull(file);
    assertSays(mine);

    /* The lock is the open file's, so even the same process can't have it twice. */
    g_assert_null(remoteDaemonPidFileNew(path));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), told));
    virResetLastError();
    assertSays(mine);

    remoteDaemonPidFileFree(file);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    file = remoteDaemonPidFileNew(path);
    g_assert_nonnull(file);
    remoteDaemonPidFileFree(file);
    remoteDaemonPidFileFree(NULL);
}

/* What somebody has put in its place meanwhile stays. */
static void
testReplaced(void)
{
    remoteDaemonPidFile *file = remoteDaemonPidFileNew(path);

    g_assert_nonnull(file);
    g_remove(path);
    g_assert_true(g_file_set_contents(path, "another's\n", -1, NULL));
    remoteDaemonPidFileFree(file);
    assertSays("another's\n");
    g_remove(path);
}

static void
testFails(void)
{
    g_autofree char *below = g_build_filename(path, "x", NULL);
    g_autofree char *link = g_strconcat(path, "-link", NULL);

    g_assert_null(remoteDaemonPidFileNew(below));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), below));
    /* Not what a link leads to, which may have been put there by anybody. */
    g_assert_cmpint(symlink("/dev/null", link), ==, 0);
    g_assert_null(remoteDaemonPidFileNew(link));
    g_remove(link);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    int rc;

    path = g_build_filename(dir, "pid", NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/daemon-pidfile/turns", testTurns);
    g_test_add_func("/remote/daemon-pidfile/replaced", testReplaced);
    g_test_add_func("/remote/daemon-pidfile/fails", testFails);
    rc = testRunCountingFds();
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    g_free(path);
    return rc;
}
