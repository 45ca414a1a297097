/*
 * libvirthosttest.c: public functions about a connection and its host
 *
 * Error codes, domains and texts are those that libvirt 9.0 gives.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <string.h>

#include "fakedriver.h"

typedef struct {
    virConnectPtr conn;
    virConnectPtr nothing;          /* whose driver can do nothing */
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->conn = fakeConnect(&fakeDriver, VIR_CONNECT_RO);     /* that is enough for all of these */
    f->nothing = fakeConnect(&fakeDriverWithNothing, 0);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    fakeDriverFail(false);
    g_assert_false(virConnectUnref(f->conn));
    g_assert_false(virConnectUnref(f->nothing));
    fakeAssertCalled("close;close;");
    g_assert_cmpuint(fakeTakeErrors(), ==, 0);
    virSetErrorFunc(NULL, NULL);
}

static void
assertNoConnection(const char *func)
{
    g_autofree char *message = g_strdup_printf("invalid connection pointer in %s", func);

    fakeAssertError(VIR_ERR_INVALID_CONN, VIR_FROM_DOMAIN, message);
}

static void
assertNoSupport(const char *func)
{
    g_autofree char *message = g_strdup_printf("this function is not supported by the connection "
                                               "driver: %s", func);

    fakeAssertError(VIR_ERR_NO_SUPPORT, VIR_FROM_DOMAIN, message);
}

/* The driver's own error arrives as it is, and is told. */
static void
assertFailed(const char *called)
{
    fakeAssertCalled(called);
    fakeAssertError(VIR_ERR_OPERATION_FAILED, VIR_FROM_TEST, "operation failed: fake");
}

/* --- functions that return a number and take nothing else --- */

static const struct {
    const char *name;
    int (*func)(virConnectPtr conn);
    const char *called;
    int result;
} numbers[] = {
    { "virConnectIsEncrypted", virConnectIsEncrypted, "isEncrypted;", 1 },
    { "virConnectIsSecure", virConnectIsSecure, "isSecure;", 0 },
    { "virConnectIsAlive", virConnectIsAlive, "isAlive;", 1 },
};

static void
testNumbers(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_assert_cmpint(numbers[i].func(f->conn), ==, numbers[i].result);
        fakeAssertCalled(numbers[i].called);
        g_assert_cmpint(numbers[i].func(NULL), ==, -1);
        assertNoConnection(numbers[i].name);
        g_assert_cmpint(numbers[i].func(f->nothing), ==, -1);
        assertNoSupport(numbers[i].name);
        fakeDriverFail(true);
        g_assert_cmpint(numbers[i].func(f->conn), ==, -1);
        assertFailed(numbers[i].called);
        fakeDriverFail(false);
    }
}

/* --- texts --- */

static const struct {
    const char *name;
    char *(*func)(virConnectPtr conn);
    const char *called;
    const char *result;
    const char *without;            /* what it gives if the driver has nothing; NULL: an error */
} texts[] = {
    { "virConnectGetHostname", virConnectGetHostname, "getHostname;", "host", NULL },
    { "virConnectGetURI", virConnectGetURI, "getURI;", "fake:///uri", "fake:///given" },
    { "virConnectGetCapabilities", virConnectGetCapabilities, "getCapabilities;",
      "<capabilities/>", NULL },
};

static void
testTexts(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = texts[i].func(f->conn);
        g_autofree char *without = texts[i].func(f->nothing);

        g_assert_cmpstr(text, ==, texts[i].result);
        fakeAssertCalled(texts[i].called);
        g_assert_cmpstr(without, ==, texts[i].without);
        if (!without)
            assertNoSupport(texts[i].name);
        g_assert_null(texts[i].func(NULL));
        assertNoConnection(texts[i].name);
        fakeDriverFail(true);
        g_assert_null(texts[i].func(f->conn));
        assertFailed(texts[i].called);
        fakeDriverFail(false);
    }
}

static void
testType(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpstr(virConnectGetType(f->conn), ==, "FAKE");
    fakeAssertCalled("getType;");
    g_assert_cmpstr(virConnectGetType(f->nothing), ==, "Nothing");
    g_assert_null(virConnectGetType(NULL));
    assertNoConnection("virConnectGetType");
    fakeDriverFail(true);
    g_assert_null(virConnectGetType(f->conn));
    assertFailed("getType;");
}

static void
testVersions(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned long version = 0;

    g_assert_cmpint(virConnectGetVersion(f->conn, &version), ==, 0);
    g_assert_cmpuint(version, ==, 7002000);
    fakeAssertCalled("getVersion;");
    g_assert_cmpint(virConnectGetVersion(NULL, &version), ==, -1);
    assertNoConnection("virConnectGetVersion");
    g_assert_cmpint(virConnectGetVersion(f->conn, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "hvVer", "virConnectGetVersion", "must not be NULL");
    g_assert_cmpint(virConnectGetVersion(f->nothing, &version), ==, -1);
    assertNoSupport("virConnectGetVersion");

    g_assert_cmpint(virConnectGetLibVersion(f->conn, &version), ==, 0);
    g_assert_cmpuint(version, ==, 1002003);
    fakeAssertCalled("getLibVersion;");
    g_assert_cmpint(virConnectGetLibVersion(f->nothing, &version), ==, 0);
    g_assert_cmpuint(version, ==, LIBVIR_VERSION_NUMBER);
    g_assert_cmpint(virConnectGetLibVersion(NULL, &version), ==, -1);
    assertNoConnection("virConnectGetLibVersion");
    g_assert_cmpint(virConnectGetLibVersion(f->conn, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "libVer", "virConnectGetLibVersion", "must not be NULL");
}

static void
testKeepAlive(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virConnectSetKeepAlive(f->conn, -1, 5), ==, 1);
    fakeAssertCalled("setKeepAlive -1 5;");
    g_assert_cmpint(virConnectSetKeepAlive(NULL, 1, 1), ==, -1);
    assertNoConnection("virConnectSetKeepAlive");
    g_assert_cmpint(virConnectSetKeepAlive(f->nothing, 1, 1), ==, -1);
    assertNoSupport("virConnectSetKeepAlive");
}

static void
onClose(virConnectPtr conn G_GNUC_UNUSED, int reason G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
onFree(void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();         /* not by the public function, and not on failure */
}

static void
testCloseCallback(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    char given[] = "given";

    g_assert_cmpint(virConnectRegisterCloseCallback(f->conn, onClose, given, onFree), ==, 0);
    fakeAssertCalled("registerCloseCallback given free;");
    g_assert_cmpint(virConnectRegisterCloseCallback(NULL, onClose, NULL, onFree), ==, -1);
    assertNoConnection("virConnectRegisterCloseCallback");
    g_assert_cmpint(virConnectRegisterCloseCallback(f->conn, NULL, NULL, onFree), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "cb", "virConnectRegisterCloseCallback", "must not be NULL");
    g_assert_cmpint(virConnectRegisterCloseCallback(f->nothing, onClose, NULL, onFree), ==, -1);
    assertNoSupport("virConnectRegisterCloseCallback");

    g_assert_cmpint(virConnectUnregisterCloseCallback(f->conn, onClose), ==, 0);
    fakeAssertCalled("unregisterCloseCallback;");
    g_assert_cmpint(virConnectUnregisterCloseCallback(NULL, onClose), ==, -1);
    assertNoConnection("virConnectUnregisterCloseCallback");
    g_assert_cmpint(virConnectUnregisterCloseCallback(f->conn, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "cb", "virConnectUnregisterCloseCallback",
                     "must not be NULL");
    g_assert_cmpint(virConnectUnregisterCloseCallback(f->nothing, onClose), ==, -1);
    assertNoSupport("virConnectUnregisterCloseCallback");
}

static void
testRef(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virConnectRef(f->conn), ==, 0);
    g_assert_cmpint(virConnectClose(f->conn), ==, 1);
    fakeAssertCalled("");
    g_assert_cmpint(virConnectRef(NULL), ==, -1);
    assertNoConnection("virConnectRef");
}

/* Each call begins with a clean last error. */
static void
testResets(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virConnectIsAlive(NULL), ==, -1);
    g_assert_nonnull(virGetLastError());
    g_assert_cmpint(virConnectIsAlive(f->conn), ==, 1);
    g_assert_null(virGetLastError());
    g_assert_cmpuint(fakeTakeErrors(), ==, 1);
    fakeAssertCalled("isAlive;");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/libvirt/host/numbers", testNumbers },
        { "/libvirt/host/texts", testTexts },
        { "/libvirt/host/type", testType },
        { "/libvirt/host/versions", testVersions },
        { "/libvirt/host/keep-alive", testKeepAlive },
        { "/libvirt/host/close-callback", testCloseCallback },
        { "/libvirt/host/ref", testRef },
        { "/libvirt/host/resets", testResets },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
