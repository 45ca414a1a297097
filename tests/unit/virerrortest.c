/*
 * virerrortest.c: errors as they are set and told
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virerror_priv.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "datatypes.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
unsupported(unsigned int flags)
{
    virCheckFlagsReturn(3, -1);
    return 0;
}

static void
testReport(void)
{
    virErrorPtr err;

    virReportError(VIR_ERR_NO_DOMAIN, "no domain with matching name '%s'", "x");
    err = virGetLastError();
    g_assert_nonnull(err);
    g_assert_cmpint(err->code, ==, VIR_ERR_NO_DOMAIN);
    g_assert_cmpint(err->domain, ==, VIR_FROM_QEMU);
    g_assert_cmpint(err->level, ==, VIR_ERR_ERROR);
    g_assert_cmpstr(err->message, ==, "Domain not found: no domain with matching name 'x'");
    g_assert_cmpstr(err->str1, ==, "Domain not found: %s");
    g_assert_cmpstr(err->str2, ==, "no domain with matching name 'x'");
    g_assert_cmpint(err->int1, ==, -1);

    virReportSystemError(ENOENT, "cannot open '%s'", "/x");
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "cannot open '/x': No such file or directory");
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);

    g_assert_cmpint(unsupported(3), ==, 0);
    g_assert_cmpint(unsupported(7), ==, -1);
    err = virGetLastError();
    g_assert_cmpstr(err->message, ==, "unsupported flags (0x4) in function unsupported");
    g_assert_cmpstr(err->str1, ==, "unsupported");
    g_assert_cmpstr(err->str2, ==, "flags");
    g_assert_cmpint(err->int1, ==, 0);

    virResetLastError();
    g_assert_null(virGetLastError());
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OK);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "no error");
}

/* A bad argument names itself in str2; other reports of the same code do not. */
static void
testInvalidArg(void)
{
    virErrorPtr err;

    virReportInvalidArg(frequency, "%s must be %d", "it", 5);
    err = virGetLastError();
    g_assert_cmpint(err->code, ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(err->domain, ==, VIR_FROM_QEMU);
    g_assert_cmpstr(err->message, ==, "it must be 5");
    g_assert_cmpstr(err->str1, ==, "testInvalidArg");
    g_assert_cmpstr(err->str2, ==, "frequency");
    g_assert_null(err->str3);
    g_assert_cmpint(err->int1, ==, 0);
    g_assert_cmpint(err->int2, ==, 0);

    virReportError(VIR_ERR_INVALID_ARG, "%s", "event callback already tracked");
    err = virGetLastError();
    g_assert_cmpstr(err->message, ==, "invalid argument: event callback already tracked");
    g_assert_cmpstr(err->str1, ==, "invalid argument: %s");
    g_assert_cmpint(err->int1, ==, -1);
    g_assert_cmpint(err->int2, ==, -1);
}

static void
testBare(void)
{
    virErrorPtr err;

    virReportErrorFull(VIR_FROM_NONE, VIR_ERR_NO_DOMAIN, __FILE__, __func__, __LINE__, NULL);
    err = virGetLastError();
    g_assert_cmpstr(err->message, ==, "Domain not found");
    g_assert_cmpstr(err->str1, ==, "Domain not found");
    g_assert_null(err->str2);

    /* What came over the wire, with every member. */
    virRaiseErrorFull(__FILE__, __func__, __LINE__, VIR_FROM_REMOTE, 4711, VIR_ERR_WARNING,
                      "one", "two", "three", 4, 5, "%s", "whole");
    err = virGetLastError();
    g_assert_cmpint(err->code, ==, 4711);
    g_assert_cmpint(err->domain, ==, VIR_FROM_REMOTE);
    g_assert_cmpint(err->level, ==, VIR_ERR_WARNING);
    g_assert_cmpstr(err->message, ==, "whole");
    g_assert_cmpstr(err->str3, ==, "three");
    g_assert_cmpint(err->int2, ==, 5);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_REMOTE);

    /* A code that has no text of its own. */
    virReportError(4711, "%s", "particulars");
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "unknown error: particulars");
}

/* Reporting must not disturb what the caller still wants to look at. */
static void
testErrnoIsKept(void)
{
    errno = EBADF;
    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "x");
    g_assert_cmpint(errno, ==, EBADF);
    virReportSystemError(ENOENT, "%s", "x");
    g_assert_cmpint(errno, ==, EBADF);
    virResetLastError();
    g_assert_cmpint(errno, ==, EBADF);
    virFreeError(virSaveLastError());
    g_assert_cmpint(errno, ==, EBADF);
}

static void
testCopies(void)
{
    virErrorPtr saved;
    virErrorPtr kept = NULL;
    virError copy;

    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "first");
    saved = virSaveLastError();
    virErrorPreserveLast(&kept);
    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "second");
    g_assert_cmpstr(saved->message, ==, "internal error: first");
    g_assert_cmpint(virCopyLastError(&copy), ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpstr(copy.message, ==, "internal error: second");
    virResetError(&copy);
    g_assert_null(copy.message);
    virErrorRestore(&kept);
    g_assert_null(kept);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "internal error: first");
    virFreeError(saved);
    virFreeError(NULL);
    g_assert_cmpint(virCopyLastError(NULL), ==, -1);

    virResetLastError();
    saved = virSaveLastError();
    g_assert_cmpint(saved->code, ==, VIR_ERR_OK);
    g_assert_null(saved->message);
    virFreeError(saved);
    memset(&copy, 0xff, sizeof(copy));
    g_assert_cmpint(virCopyLastError(&copy), ==, VIR_ERR_OK);
    g_assert_null(copy.message);
    virResetError(NULL);
}

static void *
otherThread(void *opaque G_GNUC_UNUSED)
{
    g_assert_null(virGetLastError());
    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "theirs");
    return NULL;
}

static void
testThreads(void)
{
    pthread_t thread;

    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "ours");
    g_assert_cmpint(pthread_create(&thread, NULL, otherThread, NULL), ==, 0);
    pthread_join(thread, NULL);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "internal error: ours");
}

static void
countError(void *opaque, virErrorPtr err)
{
    g_assert_cmpstr(err->message, ==, "internal error: told");
    (*(int *)opaque)++;
}

static void
testHandlers(void)
{
    virConnectPtr conn = virGetConnect();
    int global = 0, own = 0;

    virSetErrorFunc(&global, countError);
    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "told");
    virDispatchError(NULL);
    g_assert_cmpint(global, ==, 1);
    virConnSetErrorFunc(conn, &own, countError);
    virDispatchError(conn);
    g_assert_cmpint(global, ==, 1);
    g_assert_cmpint(own, ==, 1);
    g_assert_cmpstr(virConnGetLastError(conn)->message, ==, "internal error: told");
    virConnResetLastError(conn);
    /* Never NULL for a connection, so that ->code can be read. */
    g_assert_nonnull(virConnGetLastError(conn));
    g_assert_cmpint(virConnGetLastError(conn)->code, ==, VIR_ERR_OK);
    virSetErrorFunc(NULL, NULL);
    virConnectUnref(conn);
}

/* A handler may call the library, and what it does to the last error does no harm. */
static void
resetInHandler(void *opaque, virErrorPtr err)
{
    g_assert_cmpint(err->code, ==, VIR_ERR_INTERNAL_ERROR);
    (*(int *)opaque)++;
    virResetLastError();
    virSetErrorFunc(NULL, NULL);
}

static void
testHandlerCallsTheLibrary(void)
{
    int calls = 0;

    virSetErrorFunc(&calls, resetInHandler);
    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "x");
    virDispatchError(NULL);
    g_assert_cmpint(calls, ==, 1);
    g_assert_null(virGetLastError());
}

static void
dispatchNothing(void *opaque, virErrorPtr err)
{
    g_assert_cmpint(err->code, ==, VIR_ERR_INTERNAL_ERROR);
    (*(int *)opaque)++;
}

/* Whoever fails without a reason still fails with an error. */
static void
testDispatchWithoutError(void)
{
    int calls = 0;

    virSetErrorFunc(&calls, dispatchNothing);
    virResetLastError();
    virDispatchError(NULL);
    g_assert_cmpint(calls, ==, 1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    virSetErrorFunc(NULL, NULL);
}

/* Runs in a process of its own: prints what the default handler makes of errors. */
static void
testDefaultHandler(void)
{
    if (g_test_subprocess()) {
        virError none = { 0 };

        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "a");
        virDefaultErrorFunc(virGetLastError());
        virReportErrorFull(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, __FILE__, __func__, __LINE__,
                           "%s", "b");
        virDispatchError(NULL);
        virDefaultErrorFunc(&none);
        virDefaultErrorFunc(NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("libvirt: QEMU Driver error : internal error: a\n"
                              "libvirt:  error : internal error: b\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/error/report", testReport);
    g_test_add_func("/util/error/invalid-arg", testInvalidArg);
    g_test_add_func("/util/error/bare", testBare);
    g_test_add_func("/util/error/errno", testErrnoIsKept);
    g_test_add_func("/util/error/copies", testCopies);
    g_test_add_func("/util/error/threads", testThreads);
    g_test_add_func("/util/error/handlers", testHandlers);
    g_test_add_func("/util/error/handler-calls-the-library", testHandlerCallsTheLibrary);
    g_test_add_func("/util/error/dispatch-without-error", testDispatchWithoutError);
    g_test_add_func("/util/error/default-handler", testDefaultHandler);
    return g_test_run();
}
