/*
 * testutils.c: what a test may not leave behind, and the application's event loop
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "testutils.h"

#include <stdbool.h>
#include <glib.h>
#include <libvirt/libvirt.h>

static size_t
testCountEntries(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    size_t count = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir))
        count++;
    return count;
}

size_t
testCountFds(void)
{
    return testCountEntries("/proc/self/fd");
}

size_t
testCountThreads(void)
{
    return testCountEntries("/proc/self/task");
}

int
testRunCountingFds(void)
{
    size_t before = testCountFds();
    int rc = g_test_run();

    g_assert_cmpuint(testCountFds(), ==, before);
    return rc;
}

static void
testDrained(int timer G_GNUC_UNUSED, void *opaque)
{
    *(bool *)opaque = true;
}

void
testDrainEventLoop(void)
{
    bool drained = false;
    int timer = virEventAddTimeout(0, testDrained, &drained, NULL);

    g_assert_cmpint(timer, >=, 0);
    while (!drained)
        g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
    g_assert_cmpint(virEventRemoveTimeout(timer), ==, 0);
    /* What was removed is freed by the loop as well. */
    drained = false;
    timer = virEventAddTimeout(0, testDrained, &drained, NULL);
    while (!drained)
        g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
    virEventRemoveTimeout(timer);
}
