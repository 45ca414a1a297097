/*
 * libvirttest.c: starting the library, opening and closing connections
 *
 * With the driver for QEMUs on this host, which finds none.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "datatypes.h"
#include "testutils.h"

/* Debian's user without rights. */
#define NOBODY 65534
#define DEADLINE (20 * G_USEC_PER_SEC)

typedef struct {
    char *dir;
    char *uri;              /* of no monitors, in that folder */
    unsigned int told;      /* errors */
} Fixture;

static void
onError(void *opaque, virErrorPtr err)
{
    g_assert_cmpint(err->code, !=, VIR_ERR_OK);
    ((Fixture *)opaque)->told++;
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_unsetenv("LIBVIRT_DEFAULT_URI");
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    f->dir = g_dir_make_tmp("libvirt-XXXXXX", NULL);
    f->uri = g_strdup_printf("qemu:///embed?monitor=%s/*.qmp", f->dir);
    virSetErrorFunc(f, onError);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    testDrainEventLoop();
    virSetErrorFunc(NULL, NULL);
    virResetLastError();
    g_unsetenv("LIBVIRT_DEFAULT_URI");
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->uri);
}

/* Aborts unless the last error is that, and was told once. */
static void
assertError(Fixture *f, int code, int domain, const char *message)
{
    g_assert_cmpstr(virGetLastErrorMessage(), ==, message);
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_cmpint(virGetLastErrorDomain(), ==, domain);
    g_assert_cmpuint(f->told, ==, 1);
    f->told = 0;
    virResetLastError();
}

static void
testVersion(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned long lib = 0, type = 0;

    g_assert_cmpint(virInitialize(), ==, 0);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_assert_cmpint(virGetVersion(&lib, NULL, NULL), ==, 0);
    g_assert_cmpuint(lib, ==, LIBVIR_VERSION_NUMBER);
    g_assert_cmpint(virGetVersion(&lib, "QEMU", &type), ==, 0);
    g_assert_cmpuint(type, ==, lib);
    g_assert_cmpint(virGetVersion(&lib, "nonsense", &type), ==, 0);
    g_assert_cmpint(virGetVersion(NULL, NULL, NULL), ==, -1);
    assertError(f, VIR_ERR_INVALID_ARG, VIR_FROM_NONE,
                "libVer in virGetVersion must not be NULL");
}

static void
testOpen(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conn = virConnectOpen(f->uri);
    virConnectPtr ro = virConnectOpenReadOnly(f->uri);
    virConnectPtr auth = virConnectOpenAuth(f->uri, virConnectAuthPtrDefault,
                                            VIR_CONNECT_RO | VIR_CONNECT_NO_ALIASES);
    g_autofree char *uri = virConnectGetURI(conn);

    g_assert_nonnull(conn);
    g_assert_nonnull(ro);
    g_assert_nonnull(auth);
    g_assert_cmpstr(uri, ==, f->uri);
    g_assert_cmpstr(virConnectGetType(ro), ==, "QEMU");
    g_assert_cmpint(virConnectNumOfDomains(conn), ==, 0);
    g_assert_cmpuint(conn->flags, ==, 0);
    g_assert_cmpuint(ro->flags, ==, VIR_CONNECT_RO);
    g_assert_cmpuint(auth->flags, ==, VIR_CONNECT_RO);
    g_assert_cmpint(virConnectClose(conn), ==, 0);
    g_assert_cmpint(virConnectClose(ro), ==, 0);
    g_assert_cmpint(virConnectClose(auth), ==, 0);
    g_assert_cmpuint(f->told, ==, 0);
}

/* What comes with it asks on the terminal. */
static void
testAuthDefault(Fixture *f G_GNUC_UNUSED, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned int i;

    g_assert_nonnull(virConnectAuthPtrDefault);
    g_assert_nonnull(virConnectAuthPtrDefault->cb);
    g_assert_cmpuint(virConnectAuthPtrDefault->ncredtype, ==, 6);
    for (i = 0; i < virConnectAuthPtrDefault->ncredtype; i++)
        g_assert_cmpint(virConnectAuthPtrDefault->credtype[i], >, 0);
}

static void
testBadURIs(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const struct {
        const char *uri;
        int code, domain;
        const char *message;
    } bad[] = {
        { "foo", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "no connection driver available for URI 'foo' "
          "does not include a driver name" },
        { "/x", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "no connection driver available for URI '/x' "
          "does not include a driver name" },
        { "::", VIR_ERR_INTERNAL_ERROR, VIR_FROM_URI, "internal error: Unable to parse URI '::'" },
    };
    g_autofree char *unknown = g_strconcat(f->uri, "&unknown=1", NULL);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(virConnectOpen(bad[i].uri));
        assertError(f, bad[i].code, bad[i].domain, bad[i].message);
    }
    g_assert_null(virConnectOpenAuth(f->uri, NULL, 0x84));
    assertError(f, VIR_ERR_INVALID_ARG, VIR_FROM_NONE,
                "unsupported flags (0x84) in function virConnectOpenAuth");

    /* The driver's own reason. */
    g_assert_null(virConnectOpen(unknown));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "unknown"));
    g_assert_cmpuint(f->told, ==, 1);
}

static void
testDefaultURI(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *names[] = { NULL, "" };
    size_t i;

    g_setenv("LIBVIRT_DEFAULT_URI", f->uri, TRUE);
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        virConnectPtr conn = virConnectOpen(names[i]);
        g_autofree char *uri = NULL;

        g_assert_nonnull(conn);
        uri = virConnectGetURI(conn);
        g_assert_cmpstr(uri, ==, f->uri);
        g_assert_cmpint(virConnectClose(conn), ==, 0);
    }
}

/* Runs as a user whose libvirt.conf is in a folder that the test names. Root's is the system's, so
 * it becomes nobody first. */
static void
testConfiguration(void)
{
    g_autofree char *dir = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *file = NULL;

    if (g_test_subprocess()) {
        uid_t user = geteuid();
        virConnectPtr conn;

        if (user == 0 && seteuid(NOBODY) < 0)
            g_error("cannot become nobody: %s", g_strerror(errno));
        conn = virConnectOpen("here");
        g_assert_nonnull(conn);
        g_assert_cmpint(virConnectClose(conn), ==, 0);
        conn = virConnectOpen(NULL);
        g_assert_nonnull(conn);
        g_assert_cmpint(virConnectClose(conn), ==, 0);
        g_assert_null(virConnectOpenAuth("here", NULL, VIR_CONNECT_NO_ALIASES));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_NO_CONNECT);
        g_assert_null(virConnectOpen("elsewhere"));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_NO_CONNECT);

        /* A process that has changed its user cannot be looked at, not even by the leak
         * sanitizer in it. */
        g_assert_cmpint(seteuid(user), ==, 0);
        g_assert_cmpint(prctl(PR_SET_DUMPABLE, 1), ==, 0);
        return;
    }

    dir = g_dir_make_tmp("libvirt-XXXXXX", NULL);
    folder = g_build_filename(dir, "libvirt", NULL);
    file = g_build_filename(folder, "libvirt.conf", NULL);
    g_assert_cmpint(g_chmod(dir, 0755), ==, 0);
    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(file, "uri_default = \"qemu:///embed?monitor=/none/a\"\n"
                                            "uri_aliases = [\n"
                                            "  \"here=qemu:///embed?monitor=/none/b\",\n"
                                            "]\n", -1, NULL));
    g_assert_cmpint(g_chmod(file, 0644), ==, 0);
    g_setenv("XDG_CONFIG_HOME", dir, TRUE);
    g_unsetenv("LIBVIRT_DEFAULT_URI");
    g_test_trap_subprocess(NULL, 0, 0);
    g_unsetenv("XDG_CONFIG_HOME");
    g_remove(file);
    g_rmdir(folder);
    g_rmdir(dir);
    g_test_trap_assert_passed();
}

/* --- closing --- */

static void
onMonitor(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
          const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
          unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED,
          void *opaque G_GNUC_UNUSED)
{
}

static int
onLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
            int event G_GNUC_UNUSED, int detail G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    return 0;
}

static void
onFree(void *opaque)
{
    (*(unsigned int *)opaque)++;
}

/* A thread that was joined is counted by the kernel for a moment more. */
static void
assertThreads(size_t expected)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    while (testCountThreads() != expected) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

static void
testClose(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conn = virConnectOpen(f->uri);

    g_assert_cmpint(virConnectRef(conn), ==, 0);
    g_assert_cmpint(virConnectRef(conn), ==, 0);
    g_assert_cmpint(virConnectClose(conn), ==, 1);      /* not how many: whether */
    g_assert_cmpint(virConnectClose(conn), ==, 1);
    g_assert_cmpint(virConnectClose(conn), ==, 0);
    g_assert_cmpint(virConnectClose(NULL), ==, -1);
    assertError(f, VIR_ERR_INVALID_CONN, VIR_FROM_NONE,
                "invalid connection pointer in virConnectClose");
}

/* A registration keeps it open, and it ends when that does. */
static void
testCloseWithRegistrations(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t threads = testCountThreads();
    virConnectPtr conn = virConnectOpen(f->uri);
    unsigned int freed = 0;
    int id;

    assertThreads(threads + 1);
    id = virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, onMonitor, &freed, onFree, 0);
    g_assert_cmpint(id, ==, 0);
    g_assert_cmpint(virConnectDomainEventRegister(conn, onLifecycle, &freed, onFree), ==, 0);
    g_assert_cmpint(virConnectClose(conn), ==, 1);
    g_assert_cmpint(virConnectIsAlive(conn), ==, 1);
    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(conn, id), ==, 0);
    g_assert_cmpuint(freed, ==, 1);
    assertThreads(threads + 1);
    g_assert_cmpint(virConnectDomainEventDeregister(conn, onLifecycle), ==, 0);
    g_assert_cmpuint(freed, ==, 2);
    assertThreads(threads);
}

static void
closeConnection(int timer, void *opaque)
{
    virConnectPtr *conn = opaque;

    g_assert_cmpint(virConnectClose(*conn), ==, 0);
    *conn = NULL;
    virEventRemoveTimeout(timer);
}

/* In the event loop's thread, as programs with one thread do. */
static void
testCloseInLoop(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conn = virConnectOpen(f->uri);

    g_assert_cmpint(virEventAddTimeout(0, closeConnection, &conn, NULL), >, 0);
    while (conn)
        g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
}

/* Opened and closed over and over, with registrations: no descriptor and no thread is left. */
static void
testOverAndOver(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t threads = testCountThreads();
    unsigned int freed = 0;
    size_t fds = 0;
    size_t i;

    for (i = 0; i < 50; i++) {
        virConnectPtr conn = virConnectOpen(f->uri);
        virConnectPtr second = virConnectOpen(f->uri);
        int id = virConnectDomainQemuMonitorEventRegister(conn, NULL, "STOP", onMonitor, &freed,
                                                          onFree, 0);

        g_assert_cmpint(id, ==, 0);     /* each connection counts for itself */
        g_assert_cmpint(virConnectClose(conn), ==, 1);
        g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(conn, id), ==, 0);
        g_assert_cmpint(virConnectClose(second), ==, 0);
        testDrainEventLoop();
        if (i == 0)
            fds = testCountFds();
    }
    g_assert_cmpuint(freed, ==, 50);
    g_assert_cmpuint(testCountFds(), ==, fds);
    assertThreads(threads);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/libvirt/version", testVersion },
        { "/libvirt/open", testOpen },
        { "/libvirt/auth-default", testAuthDefault },
        { "/libvirt/bad-uris", testBadURIs },
        { "/libvirt/default-uri", testDefaultURI },
        { "/libvirt/close", testClose },
        { "/libvirt/close-with-registrations", testCloseWithRegistrations },
        { "/libvirt/close-in-loop", testCloseInLoop },
        { "/libvirt/over-and-over", testOverAndOver },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    g_test_add_func("/libvirt/configuration", testConfiguration);
    return g_test_run();
}
