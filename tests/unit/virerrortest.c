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
    g_assert_cmpstr(err->message, ==,
                    "invalid argument: unsupported flags (0x4) in function unsupported");
    g_assert_cmpstr(err->str2, ==, "flags");
    g_assert_cmpint(err->int1, ==, 0);

    virResetLastError();
    g_assert_null(virGetLastError());
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OK);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "no error");
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
    g_assert_null(virConnGetLastError(conn));
    virSetErrorFunc(NULL, NULL);
    virConnectUnref(conn);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/error/report", testReport);
    g_test_add_func("/util/error/copies", testCopies);
    g_test_add_func("/util/error/threads", testThreads);
    g_test_add_func("/util/error/handlers", testHandlers);
    return g_test_run();
}
