/*
 * vireventtest.c: the event loop that the application registered
 *
 * One loop counts for a process, so each test runs in one of its own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <libvirt/libvirt.h>
#include <stdint.h>

#include "vireventglib.h"
#include "virerror_priv.h"

/* What a loop of the application's was asked. */
static GString *asked;

static int
addHandle(int fd, int event, virEventHandleCallback cb, void *opaque, virFreeCallback ff)
{
    g_assert_null(cb);
    g_assert_null(ff);
    g_string_append_printf(asked, "add-handle %d %d %d ", fd, event, (int)(intptr_t)opaque);
    return 7;
}

static void
updateHandle(int watch, int event)
{
    g_string_append_printf(asked, "update-handle %d %d ", watch, event);
}

static int
removeHandle(int watch)
{
    g_string_append_printf(asked, "remove-handle %d ", watch);
    return 8;
}

static int
addTimeout(int timeout, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
    g_assert_null(cb);
    g_assert_null(ff);
    g_string_append_printf(asked, "add-timeout %d %d ", timeout, (int)(intptr_t)opaque);
    return 9;
}

static void
updateTimeout(int timer, int timeout)
{
    g_string_append_printf(asked, "update-timeout %d %d ", timer, timeout);
}

static int
removeTimeout(int timer)
{
    g_string_append_printf(asked, "remove-timeout %d ", timer);
    return 10;
}

static void
registerOwn(void)
{
    virEventRegisterImpl(addHandle, updateHandle, removeHandle, addTimeout, updateTimeout,
                         removeTimeout);
}

/* Runs the test again, in a process of its own. */
static void
runAlone(void)
{
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void
quiet(void *opaque, virErrorPtr err G_GNUC_UNUSED)
{
    (*(int *)opaque)++;
}

static void
testNone(void)
{
    int told = 0;

    if (!g_test_subprocess()) {
        runAlone();
        return;
    }
    g_assert_cmpint(virEventAddHandle(0, 0, NULL, NULL, NULL), ==, -1);
    virEventUpdateHandle(1, 0);
    g_assert_cmpint(virEventRemoveHandle(1), ==, -1);
    g_assert_cmpint(virEventAddTimeout(0, NULL, NULL, NULL), ==, -1);
    virEventUpdateTimeout(1, 0);
    g_assert_cmpint(virEventRemoveTimeout(1), ==, -1);
    g_assert_null(virGetLastError());

    virSetErrorFunc(&told, quiet);
    g_assert_cmpint(virEventRunDefaultImpl(), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_EVENT);
    g_assert_cmpint(told, ==, 1);

    /* Too late is better than never. */
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    g_assert_null(virGetLastError());
    g_assert_cmpint(virEventAddTimeout(-1, NULL, NULL, NULL), >, 0);
}

static void
testOwn(void)
{
    int told = 0;

    if (!g_test_subprocess()) {
        runAlone();
        return;
    }
    asked = g_string_new(NULL);
    registerOwn();
    g_assert_cmpint(virEventAddHandle(3, VIR_EVENT_HANDLE_WRITABLE, NULL, (void *)4, NULL), ==, 7);
    virEventUpdateHandle(5, 6);
    g_assert_cmpint(virEventRemoveHandle(5), ==, 8);
    g_assert_cmpint(virEventAddTimeout(11, NULL, (void *)12, NULL), ==, 9);
    virEventUpdateTimeout(13, -1);
    g_assert_cmpint(virEventRemoveTimeout(13), ==, 10);
    g_assert_cmpstr(asked->str, ==, "add-handle 3 2 4 update-handle 5 6 remove-handle 5 "
                                    "add-timeout 11 12 update-timeout 13 -1 remove-timeout 13 ");
    g_string_free(asked, TRUE);

    /* That one isn't run by us. */
    virSetErrorFunc(&told, quiet);
    g_assert_cmpint(virEventRunDefaultImpl(), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
}

/* The first one counts, whichever it is: handles may live in it. */
static void
testFirstCounts(void)
{
    if (!g_test_subprocess()) {
        runAlone();
        g_test_trap_assert_stderr("*warning : util.event: *ignored\n");
        return;
    }
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);      /* not worth a warning */
    registerOwn();
    g_assert_cmpint(virEventRemoveHandle(4711), ==, -1);        /* ours would say 8 */
}

static void
testOwnStays(void)
{
    if (!g_test_subprocess()) {
        runAlone();
        return;
    }
    asked = g_string_new(NULL);
    registerOwn();
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    g_assert_cmpint(virEventRemoveHandle(4711), ==, 8);
    g_string_free(asked, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/event/none", testNone);
    g_test_add_func("/util/event/own", testOwn);
    g_test_add_func("/util/event/first-counts", testFirstCounts);
    g_test_add_func("/util/event/own-stays", testOwnStays);
    return g_test_run();
}
