/*
 * qemuattachtest.c: from a process to its domain, and what may be in the way
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_attach.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakeqemu.h"
#include "qemu_domain.h"
#include "qmppeer.h"
#include "virerror_priv.h"
#include "viruri.h"

/* A temporary folder, and an instance that watches nothing. */
typedef struct {
    char *dir;
    char *one;                  /* paths of sockets in it */
    char *two;
    qemuInstance *instance;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *made = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *text = NULL;
    g_autoptr(virURI) uri = NULL;
    g_autoptr(qemuURI) config = NULL;

    g_assert_nonnull(made);
    f->dir = g_canonicalize_filename(made, NULL);
    f->one = g_build_filename(f->dir, "one", NULL);
    f->two = g_build_filename(f->dir, "two", NULL);
    text = g_strdup_printf("qemu:///embed?root=%s", f->dir);
    uri = virURIParse(text);
    g_assert_cmpint(qemuURIParse(uri, &config), ==, 1);
    f->instance = qemuInstanceOpen(config);
    g_assert_nonnull(f->instance);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    qemuInstanceClose(f->instance);
    g_remove(f->one);
    g_remove(f->two);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->one);
    g_free(f->two);
    g_free(f->dir);
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

static int
connectTo(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static fakeQemu *
startQemu(const char *cwd, const char *env, int fd, const char *format, ...) G_GNUC_PRINTF(4, 5);

static fakeQemu *
startQemu(const char *cwd, const char *env, int fd, const char *format, ...)
{
    const char *const list[] = { env, NULL };
    g_autofree char *words = NULL;
    fakeQemu *fake;
    va_list args;

    va_start(args, format);
    words = g_strdup_vprintf(format, args);
    va_end(args);
    fake = fakeQemuStart(cwd, list, fd, words);
    g_assert_nonnull(fake);
    return fake;
}

/* The last error has @code and says @text, and of which process. */
static void
assertError(int code, pid_t pid, const char *text)
{
    g_autofree char *process = g_strdup_printf("%lld", (long long)pid);

    g_test_message("%s", virGetLastErrorMessage());
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_QEMU);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), process));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), text));
    virResetLastError();
}

/* --- finding sockets --- */

static void
testNotQemu(void)
{
    g_assert_null(qemuAttachFindSockets(G_MAXINT));
    assertError(VIR_ERR_OPERATION_FAILED, G_MAXINT, "no process with PID");
    g_assert_null(qemuAttachFindSockets(getpid()));
    assertError(VIR_ERR_OPERATION_FAILED, getpid(), "qemuattachtest'");
}

static void
testNoMonitor(void)
{
    g_autoptr(fakeQemu) none = startQemu(NULL, NULL, -1, "-S");
    g_autoptr(fakeQemu) others = startQemu(NULL, NULL, -1, "-qmp stdio -monitor pty");
    g_autoptr(fakeQemu) unbound = startQemu(NULL, NULL, -1, "-chardev socket,id=m,fd=9,server=on "
                                                            "-mon m,mode=control");

    g_assert_null(qemuAttachFindSockets(fakeQemuPid(none)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(none), "has no QMP monitor;");
    g_assert_null(qemuAttachFindSockets(fakeQemuPid(others)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(others), "monitors of other kinds");
    g_assert_null(qemuAttachFindSockets(fakeQemuPid(unbound)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(unbound), "not bound to a path");
}

static void
testOrder(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    int listener = listenAt(f->two);
    g_autoptr(fakeQemu) fake =
        startQemu(f->dir, NULL, listener, "-qmp unix:one,server=on -qmp unix:%s,server=on "
                  "-chardev socket,id=m,fd=9,server=on -mon m,mode=control -qmp unix:/gone,server",
                  f->one);
    g_autoptr(qemuAttachSockets) sockets = qemuAttachFindSockets(fakeQemuPid(fake));

    /* each once, in order, what was passed open at the end */
    g_assert_nonnull(sockets);
    g_assert_cmpuint(sockets->paths->len, ==, 3);
    g_assert_cmpstr(g_ptr_array_index(sockets->paths, 0), ==, f->one);
    g_assert_cmpstr(g_ptr_array_index(sockets->paths, 1), ==, "/gone");
    g_assert_cmpstr(g_ptr_array_index(sockets->paths, 2), ==, f->two);
    g_assert_false(sockets->guessed);
    close(listener);
}

/* A client may be all that the user of another socket waits for. */
static void
testGuess(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *env = g_strconcat("FAKE_LISTEN=", f->one, NULL);
    g_autoptr(fakeQemu) told = startQemu(NULL, env, -1, "-S");
    g_autoptr(qemuAttachSockets) sockets = NULL;

    /* nothing can be hidden from the command line */
    g_assert_null(qemuAttachFindSockets(fakeQemuPid(told)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(told), "has no QMP monitor;");
    g_clear_pointer(&told, fakeQemuFree);
    g_remove(f->one);

    /* it is there for something else */
    told = startQemu(NULL, env, -1, "-readconfig /x -serial unix:%s,server=on", f->one);
    g_assert_null(qemuAttachFindSockets(fakeQemuPid(told)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(told), "has no QMP monitor;");
    g_clear_pointer(&told, fakeQemuFree);
    g_remove(f->one);

    told = startQemu(NULL, env, -1, "-readconfig /x");
    sockets = qemuAttachFindSockets(fakeQemuPid(told));
    g_assert_nonnull(sockets);
    g_assert_true(sockets->guessed);
    g_assert_cmpuint(sockets->paths->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(sockets->paths, 0), ==, f->one);
}

/* --- attaching --- */

static void
assertAttaches(Fixture *f, fakeQemu *fake)
{
    g_autoptr(virDomainObj) dom = qemuAttachProcess(f->instance, fakeQemuPid(fake));
    g_autoptr(virDomainObj) again = NULL;

    if (!dom)
        g_error("%s", virGetLastErrorMessage());
    g_assert_cmpstr(dom->ident->name, ==, "peer");
    g_assert_cmpint(qemuDomainGet(dom)->pid, ==, fakeQemuPid(fake));
    g_assert_cmpint(virDomainObjGetState(dom, NULL), ==, VIR_DOMAIN_RUNNING);
    again = qemuAttachProcess(f->instance, fakeQemuPid(fake));
    g_assert_true(again == dom);
    g_assert_cmpuint(virDomainListCount(qemuInstanceDomains(f->instance)), ==, 1);
}

static void
testAttach(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *env = g_strconcat("FAKE_QMP=", f->one, NULL);
    g_autoptr(fakeQemu) fake = startQemu(NULL, env, -1, "-qmp unix:%s,server=on,wait=off", f->one);

    assertAttaches(f, fake);
}

static void
testAttachRelative(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(fakeQemu) fake = startQemu(f->dir, "FAKE_QMP=one", -1,
                                         "-chardev socket,id=m,path=one,server=on,wait=off "
                                         "-mon chardev=m,mode=control");

    assertAttaches(f, fake);
}

static void
testAttachPassed(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    int listener = listenAt(f->one);
    g_autoptr(fakeQemu) fake = startQemu(NULL, NULL, listener,
                                         "-chardev socket,id=m,fd=9,server=on,wait=off "
                                         "-mon chardev=m,mode=control");
    g_autoptr(qmpPeer) peer G_GNUC_UNUSED = qmpPeerNewOn(f->one, listener, QMP_PEER_GREETING,
                                                         NULL, NULL);

    assertAttaches(f, fake);
}

static void
testAttachGuessed(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *env = g_strconcat("FAKE_QMP=", f->one, NULL);
    g_autoptr(fakeQemu) fake = startQemu(NULL, env, -1, "-readconfig /x");

    assertAttaches(f, fake);
}

/* Of several monitors a free one is taken. */
static void
testAttachFree(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(qmpPeer) busy = qmpPeerNewAt(f->one, QMP_PEER_GREETING, NULL, NULL);
    g_autoptr(qmpPeer) idle G_GNUC_UNUSED = qmpPeerNewAt(f->two, QMP_PEER_GREETING, NULL, NULL);
    g_autoptr(fakeQemu) fake = startQemu(NULL, NULL, -1, "-qmp unix:%s,server=on "
                                         "-qmp unix:%s,server=on", f->one, f->two);
    int client = connectTo(f->one);

    qmpPeerSend(busy, "", 0);       /* returns when the peer has taken the client */
    assertAttaches(f, fake);
    close(client);
}

static void
testBusy(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(qmpPeer) busy = qmpPeerNewAt(f->one, QMP_PEER_GREETING, NULL, NULL);
    g_autoptr(fakeQemu) fake = startQemu(NULL, NULL, -1, "-qmp unix:%s,server=on "
                                         "-qmp unix:%s,server=on", f->one, f->two);
    int client = connectTo(f->one);

    qmpPeerSend(busy, "", 0);
    /* a busy one can be waited for, so it counts for more than the one that isn't there */
    g_assert_null(qemuAttachProcess(f->instance, fakeQemuPid(fake)));
    assertError(VIR_ERR_RESOURCE_BUSY, fakeQemuPid(fake), f->one);
    close(client);
    g_assert_cmpuint(virDomainListCount(qemuInstanceDomains(f->instance)), ==, 0);

    assertAttaches(f, fake);        /* nothing of the first attempt is in the way */
}

static void
testNobodyThere(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(fakeQemu) fake = startQemu(NULL, NULL, -1, "-qmp unix:%s,server=on", f->one);

    g_assert_null(qemuAttachProcess(f->instance, fakeQemuPid(fake)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(fake), f->one);
}

static void
testNoQmp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(qmpPeer) vnc G_GNUC_UNUSED = qmpPeerNewAt(f->one, "RFB 003.008\n", NULL, NULL);
    g_autoptr(fakeQemu) fake = startQemu(NULL, NULL, -1, "-qmp unix:%s,server=on", f->one);

    g_assert_null(qemuAttachProcess(f->instance, fakeQemuPid(fake)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(fake), f->one);
    g_assert_cmpuint(virDomainListCount(qemuInstanceDomains(f->instance)), ==, 0);
}

/* QEMU takes a path over from whoever listened there before: both name it, one is behind it. */
static void
testTakenOver(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *env = g_strconcat("FAKE_QMP=", f->one, NULL);
    g_autoptr(fakeQemu) older = startQemu(NULL, env, -1, "-qmp unix:%s,server=on", f->one);
    g_autoptr(fakeQemu) newer = NULL;
    g_autofree char *other = NULL;

    g_remove(f->one);
    newer = startQemu(NULL, env, -1, "-qmp unix:%s,server=on", f->one);
    other = g_strdup_printf("that of process %lld", (long long)fakeQemuPid(newer));

    g_assert_null(qemuAttachProcess(f->instance, fakeQemuPid(older)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(older), other);
    g_assert_cmpuint(virDomainListCount(qemuInstanceDomains(f->instance)), ==, 0);

    assertAttaches(f, newer);
    g_assert_null(qemuAttachProcess(f->instance, fakeQemuPid(older)));
    assertError(VIR_ERR_OPERATION_FAILED, fakeQemuPid(older), other);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/qemu/attach/order", testOrder },
        { "/qemu/attach/guess", testGuess },
        { "/qemu/attach/attach", testAttach },
        { "/qemu/attach/attach-relative", testAttachRelative },
        { "/qemu/attach/attach-passed", testAttachPassed },
        { "/qemu/attach/attach-guessed", testAttachGuessed },
        { "/qemu/attach/attach-free", testAttachFree },
        { "/qemu/attach/busy", testBusy },
        { "/qemu/attach/nobody-there", testNobodyThere },
        { "/qemu/attach/no-qmp", testNoQmp },
        { "/qemu/attach/taken-over", testTakenOver },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/attach/not-qemu", testNotQemu);
    g_test_add_func("/qemu/attach/no-monitor", testNoMonitor);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
