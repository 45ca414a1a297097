/*
 * datatypestest.c: the handles of connections and domains
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "datatypes.h"

#include <pthread.h>
#include <string.h>

#define VIR_FROM_THIS VIR_FROM_NONE
#define THREADS 4
#define ROUNDS 20000

static unsigned int closed;

static int
closeDriver(virConnectPtr conn)
{
    /* It is a connection to the end. */
    g_assert_true(VIR_IS_CONNECT(conn));
    g_assert_cmpint(atomic_load(&conn->refs), ==, 0);
    closed++;
    return 0;
}

static const virHypervisorDriver driver = { .name = "test", .connectClose = closeDriver };

static void
testConnect(void)
{
    virConnectPtr conn = virGetConnect();

    g_assert_true(VIR_IS_CONNECT(conn));
    g_assert_false(VIR_IS_CONNECT((virConnectPtr)NULL));
    conn->driver = &driver;
    closed = 0;
    g_assert_true(virConnectRefInternal(conn) == conn);
    g_assert_true(virConnectUnref(conn));
    g_assert_cmpuint(closed, ==, 0);
    g_assert_false(virConnectUnref(conn));
    g_assert_cmpuint(closed, ==, 1);

    /* One that was never opened has no driver to tell. */
    g_assert_false(virConnectUnref(virGetConnect()));
    g_assert_false(virConnectUnref(NULL));
}

static void
testDomain(void)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1, 2, 3 };
    virConnectPtr conn = virGetConnect();
    virDomainPtr dom = virGetDomain(conn, "a", uuid, 7);

    conn->driver = &driver;
    closed = 0;
    g_assert_true(VIR_IS_DOMAIN(dom));
    g_assert_cmpstr(dom->name, ==, "a");
    g_assert_cmpint(dom->id, ==, 7);
    g_assert_cmpmem(dom->uuid, VIR_UUID_BUFLEN, uuid, VIR_UUID_BUFLEN);
    g_assert_true(dom->conn == conn);
    g_assert_cmpint(atomic_load(&conn->refs), ==, 2);

    g_assert_true(virDomainRefInternal(dom) == dom);
    virDomainUnref(dom);
    g_assert_true(virConnectUnref(conn));   /* the domain keeps it open */
    g_assert_cmpuint(closed, ==, 0);
    virDomainUnref(dom);
    g_assert_cmpuint(closed, ==, 1);
    virDomainUnref(NULL);
}

/* What is no handle, or one of something else, is found out. */
static void
testForeign(void)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virConnectPtr conn = virGetConnect();
    virDomainPtr dom = virGetDomain(conn, "a", uuid, 1);

    g_assert_false(VIR_IS_CONNECT((virConnectPtr)dom));
    g_assert_false(VIR_IS_DOMAIN((virDomainPtr)conn));
    g_assert_null(virGetDomain(NULL, "a", uuid, 1));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_CONN);
    g_assert_null(virGetDomain((virConnectPtr)dom, "a", uuid, 1));
    virResetLastError();
    virDomainUnref(dom);
    virConnectUnref(conn);
}

static void *
refAndUnref(void *opaque)
{
    unsigned int i;

    for (i = 0; i < ROUNDS; i++) {
        virDomainRefInternal(opaque);
        virConnectRefInternal(((virDomainPtr)opaque)->conn);
        virConnectUnref(((virDomainPtr)opaque)->conn);
        virDomainUnref(opaque);
    }
    return NULL;
}

static void
testThreads(void)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virConnectPtr conn = virGetConnect();
    virDomainPtr dom = virGetDomain(conn, "a", uuid, 1);
    pthread_t threads[THREADS];
    size_t i;

    for (i = 0; i < THREADS; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, refAndUnref, dom), ==, 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    g_assert_cmpint(atomic_load(&conn->refs), ==, 2);
    g_assert_cmpint(atomic_load(&dom->refs), ==, 1);
    virDomainUnref(dom);
    virConnectUnref(conn);
}

typedef struct {
    virConnectPtr conn;
    bool others;                /* others hold it still */
} Closing;

static void *
closeOne(void *opaque)
{
    Closing *closing = opaque;

    closing->others = virConnectUnref(closing->conn);
    return NULL;
}

/* Of those who close at the same time, exactly one is told that it was the last. */
static void
testCloseTogether(void)
{
    unsigned int round;

    for (round = 0; round < 500; round++) {
        virConnectPtr conn = virGetConnect();
        Closing closing[2] = { { .conn = conn }, { .conn = virConnectRefInternal(conn) } };
        pthread_t threads[2];
        size_t i;

        for (i = 0; i < 2; i++)
            g_assert_cmpint(pthread_create(&threads[i], NULL, closeOne, &closing[i]), ==, 0);
        for (i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        g_assert_true(closing[0].others != closing[1].others);
    }
}

/* --- errors on a connection --- */

typedef struct {
    unsigned int calls;
    int code;
} Told;

static void
onError(void *opaque, virErrorPtr err)
{
    Told *told = opaque;

    told->calls++;
    told->code = err->code;
}

static void
testErrors(void)
{
    virConnectPtr conn = virGetConnect();
    virConnectPtr other = virGetConnect();
    Told global = { 0 }, own = { 0 };
    virError copy;

    virSetErrorFunc(&global, onError);
    g_assert_cmpint(virConnGetLastError(conn)->code, ==, VIR_ERR_OK);
    g_assert_cmpint(virConnCopyLastError(conn, &copy), ==, VIR_ERR_OK);
    g_assert_null(copy.message);

    virReportError(VIR_ERR_NO_DOMAIN, "%s", "x");
    virDispatchError(conn);
    g_assert_cmpuint(global.calls, ==, 1);
    g_assert_cmpint(global.code, ==, VIR_ERR_NO_DOMAIN);
    g_assert_cmpint(virConnGetLastError(conn)->code, ==, VIR_ERR_NO_DOMAIN);
    g_assert_cmpint(virConnGetLastError(other)->code, ==, VIR_ERR_OK);

    /* It stays with the connection when the thread's is reset. */
    virResetLastError();
    g_assert_cmpint(virConnCopyLastError(conn, &copy), ==, VIR_ERR_NO_DOMAIN);
    g_assert_cmpstr(copy.message, ==, "Domain not found: x");
    g_assert_cmpstr(copy.str2, ==, "x");
    virResetError(&copy);

    virConnSetErrorFunc(conn, &own, onError);
    virReportError(VIR_ERR_RPC, "%s", "y");
    virDispatchError(conn);
    virDispatchError(other);
    virDispatchError(NULL);
    g_assert_cmpuint(own.calls, ==, 1);
    g_assert_cmpuint(global.calls, ==, 3);
    virConnSetErrorFunc(conn, NULL, NULL);
    virDispatchError(conn);
    g_assert_cmpuint(own.calls, ==, 1);

    virConnResetLastError(conn);
    g_assert_cmpint(virConnGetLastError(conn)->code, ==, VIR_ERR_OK);
    g_assert_null(virConnGetLastError(conn)->message);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);

    virSetErrorFunc(NULL, NULL);
    virResetLastError();
    virConnectUnref(conn);
    virConnectUnref(other);
}

static void
testErrorsOfNothing(void)
{
    virError copy;

    g_assert_null(virConnGetLastError(NULL));
    g_assert_cmpint(virConnCopyLastError(NULL, &copy), ==, -1);
    virConnResetLastError(NULL);
    virConnSetErrorFunc(NULL, NULL, NULL);
    {
        virConnectPtr conn = virGetConnect();

        g_assert_cmpint(virConnCopyLastError(conn, NULL), ==, -1);
        virConnectUnref(conn);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/datatypes/connect", testConnect);
    g_test_add_func("/datatypes/domain", testDomain);
    g_test_add_func("/datatypes/foreign", testForeign);
    g_test_add_func("/datatypes/threads", testThreads);
    g_test_add_func("/datatypes/close-together", testCloseTogether);
    g_test_add_func("/datatypes/errors", testErrors);
    g_test_add_func("/datatypes/errors-of-nothing", testErrorsOfNothing);
    return g_test_run();
}
