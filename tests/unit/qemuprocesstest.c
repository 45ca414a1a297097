/*
 * qemuprocesstest.c: what the kernel tells of processes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_process.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakeqemu.h"
#include "virerror_priv.h"

/* A temporary folder, and what is in it. */
typedef struct {
    char *dir;
    char *sub;
} Folder;

static void
setUp(Folder *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *made = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);

    g_assert_nonnull(made);
    f->dir = g_canonicalize_filename(made, NULL);
    f->sub = g_build_filename(f->dir, "sub", NULL);
    g_assert_cmpint(g_mkdir(f->sub, 0700), ==, 0);
}

static void
tearDown(Folder *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const names[] = { "sub/a.sock", "sub", "a.sock", "b.sock" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(f->dir, names[i], NULL);

        g_remove(path);
    }
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->sub);
}

static void
testNames(void)
{
    g_autoptr(fakeQemu) fake = fakeQemuStart(NULL, NULL, -1, "-name x  -S");
    pid_t pid = fakeQemuPid(fake);
    g_auto(GStrv) args = qemuProcessArgs(pid);
    g_autofree char *program = qemuProcessProgram(pid);
    g_autofree char *own = qemuProcessProgram(getpid());
    g_autofree char *title = qemuProcessTitle(getpid());

    g_assert_cmpuint(g_strv_length(args), ==, 5);
    g_assert_cmpstr(args[1], ==, "-name");
    g_assert_cmpstr(args[3], ==, "");               /* an empty word is one */
    g_assert_cmpstr(args[4], ==, "-S");
    g_assert_true(g_str_has_suffix(program, "/qemu-system-fake"));
    g_assert_true(qemuProcessIsQemu(pid));
    g_assert_true(qemuProcessCanInspect(pid));
    g_assert_true(g_str_has_suffix(own, "/qemuprocesstest"));
    g_assert_cmpstr(title, ==, own);
    g_assert_false(qemuProcessIsQemu(getpid()));
    g_assert_cmpint(qemuProcessCheck(pid), ==, 0);
    g_assert_cmpint(qemuProcessCheck(getpid()), ==, 0);
}

/* A process of one moment is told from another of the same number. */
static void
testTimes(void)
{
    g_autoptr(fakeQemu) fake = fakeQemuStart(NULL, NULL, -1, "");
    guint64 own = qemuProcessStartTime(getpid());
    guint64 cpu = qemuProcessCpuTime(getpid());
    gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

    g_assert_cmpuint(own, >, 0);
    g_assert_cmpuint(qemuProcessStartTime(getpid()), ==, own);
    g_assert_cmpuint(qemuProcessStartTime(fakeQemuPid(fake)), >=, own);
    while (qemuProcessCpuTime(getpid()) == cpu)
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    g_assert_cmpuint(qemuProcessCpuTime(getpid()), >, cpu);
}

static void
testNone(void)
{
    const pid_t pids[] = { G_MAXINT, 0, -1 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(pids); i++) {
        g_autoptr(GPtrArray) listeners = qemuProcessListeners(pids[i]);

        g_assert_cmpint(qemuProcessCheck(pids[i]), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_QEMU);
        g_assert_nonnull(strstr(virGetLastErrorMessage(), "no process with PID"));
        virResetLastError();

        g_assert_null(qemuProcessArgs(pids[i]));
        g_assert_null(qemuProcessProgram(pids[i]));
        g_assert_null(qemuProcessTitle(pids[i]));
        g_assert_false(qemuProcessIsQemu(pids[i]));
        g_assert_false(qemuProcessCanInspect(pids[i]));
        g_assert_cmpuint(qemuProcessStartTime(pids[i]), ==, 0);
        g_assert_cmpuint(qemuProcessCpuTime(pids[i]), ==, 0);
        g_assert_null(qemuProcessResolvePath(pids[i], "relative"));
        g_assert_null(qemuProcessSocketPath(pids[i], 0));
        g_assert_cmpuint(listeners->len, ==, 0);
        g_assert_null(virGetLastError());
    }
}

static void
testEnded(void)
{
    g_autoptr(fakeQemu) fake = fakeQemuStart(NULL, NULL, -1, "");
    g_autofree char *title = NULL;

    fakeQemuKill(fake);
    g_assert_cmpint(qemuProcessCheck(fakeQemuPid(fake)), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "has ended"));
    g_assert_null(qemuProcessArgs(fakeQemuPid(fake)));
    title = qemuProcessTitle(fakeQemuPid(fake));
    g_assert_cmpstr(title, ==, "qemu-system-fak");  /* as long as the kernel keeps it */
    virResetLastError();
}

static void
assertResolves(fakeQemu *fake, const char *path, const char *expected)
{
    g_autofree char *resolved = qemuProcessResolvePath(fakeQemuPid(fake), path);

    g_assert_cmpstr(resolved, ==, expected);
}

static void
testResolveRelative(Folder *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *const env[] = { "FAKE_LISTEN=a.sock", NULL };
    g_autoptr(fakeQemu) fake = fakeQemuStart(f->sub, env, -1, "");
    g_autofree char *full = g_build_filename(f->sub, "a.sock", NULL);
    g_autofree char *nothing = g_build_filename(f->sub, "nothing", NULL);

    assertResolves(fake, "a.sock", full);
    assertResolves(fake, full, full);
    assertResolves(fake, "nothing", nothing);
    assertResolves(fake, "/nonexistent/nothing", "/nonexistent/nothing");
}

/* As QEMU does with -daemonize: the socket is made first, and then it goes to "/". */
static void
testResolveAfterChdir(Folder *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *pwd = g_strconcat("PWD=", f->sub, NULL);
    const char *const env[] = { "FAKE_LISTEN=a.sock", "FAKE_CHDIR=/", pwd, NULL };
    g_autoptr(fakeQemu) fake = fakeQemuStart(f->sub, env, -1, "");
    g_autofree char *full = g_build_filename(f->sub, "a.sock", NULL);

    assertResolves(fake, "a.sock", full);
    assertResolves(fake, "nothing", "/nothing");
}

/* Below another root, the same path means another file. */
static void
testResolveRoot(Folder *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *root = g_strconcat("FAKE_ROOT=", f->sub, NULL);
    const char *const env[] = { root, "FAKE_LISTEN=/a.sock", NULL };
    g_autoptr(fakeQemu) fake = fakeQemuStart(NULL, env, -1, "");
    g_autofree char *full = g_build_filename(f->sub, "a.sock", NULL);
    g_autofree char *resolved = NULL;
    struct stat expected, found;

    if (!fake) {
        g_test_skip("no right to make a user namespace here");
        return;
    }
    resolved = qemuProcessResolvePath(fakeQemuPid(fake), "/a.sock");
    g_assert_cmpint(stat(full, &expected), ==, 0);
    g_assert_cmpint(stat(resolved, &found), ==, 0);
    g_assert_cmpuint(found.st_ino, ==, expected.st_ino);
}

static void
testListeners(Folder *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *full = g_build_filename(f->dir, "b.sock", NULL);
    g_autofree char *qmp = g_strconcat("FAKE_QMP=", full, NULL);
    const char *const env[] = { "FAKE_LISTEN=a.sock", qmp, NULL };
    g_autoptr(fakeQemu) fake = fakeQemuStart(f->sub, env, -1, "");
    g_autoptr(GPtrArray) listeners = qemuProcessListeners(fakeQemuPid(fake));

    g_assert_cmpuint(listeners->len, ==, 2);
    g_assert_true(g_ptr_array_find_with_equal_func(listeners, full, g_str_equal, NULL));
    g_assert_true(g_ptr_array_find_with_equal_func(listeners, "a.sock", g_str_equal, NULL));
}

static int
listenAt(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

/* libvirt, for one, binds the socket itself and passes it on. */
static void
testPassedSocket(Folder *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *full = g_build_filename(f->sub, "a.sock", NULL);
    int listener = listenAt(full);
    g_autoptr(fakeQemu) fake = fakeQemuStart(NULL, NULL, listener, "");
    g_autoptr(GPtrArray) listeners = qemuProcessListeners(fakeQemuPid(fake));
    g_autofree char *path = qemuProcessSocketPath(fakeQemuPid(fake), 9);

    g_assert_cmpstr(path, ==, full);
    g_assert_cmpuint(listeners->len, ==, 1);
    g_assert_null(qemuProcessSocketPath(fakeQemuPid(fake), 0));     /* a pipe */
    g_assert_null(qemuProcessSocketPath(fakeQemuPid(fake), 99));    /* nothing */
    close(listener);
}

static void
testBootID(void)
{
    g_autofree char *first = qemuProcessBootID();
    g_autofree char *second = qemuProcessBootID();

    g_assert_cmpuint(strlen(first), ==, 36);
    g_assert_cmpstr(first, ==, second);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/process/names", testNames);
    g_test_add_func("/qemu/process/times", testTimes);
    g_test_add_func("/qemu/process/none", testNone);
    g_test_add_func("/qemu/process/ended", testEnded);
    g_test_add("/qemu/process/resolve-relative", Folder, NULL, setUp, testResolveRelative,
               tearDown);
    g_test_add("/qemu/process/resolve-after-chdir", Folder, NULL, setUp, testResolveAfterChdir,
               tearDown);
    g_test_add("/qemu/process/resolve-root", Folder, NULL, setUp, testResolveRoot, tearDown);
    g_test_add("/qemu/process/listeners", Folder, NULL, setUp, testListeners, tearDown);
    g_test_add("/qemu/process/passed-socket", Folder, NULL, setUp, testPassedSocket, tearDown);
    g_test_add_func("/qemu/process/boot-id", testBootID);
    return g_test_run();
}
