/*
 * virtmoncataloguetest.c: counterparts and limits of QEMU's events
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_catalogue.h"

#include <string.h>
#include <glib.h>
#include <libvirt/libvirt.h>

static void
testCounterparts(void)
{
    const virtmonCounterpart *found;
    size_t count;

    found = virtmonCatalogueCounterparts("RESET", &count);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpstr(found->event, ==, "RESET");
    g_assert_cmpstr(found->typed, ==, "reboot");
    g_assert_cmpint(found->id, ==, VIR_DOMAIN_EVENT_ID_REBOOT);

    found = virtmonCatalogueCounterparts("BLOCK_JOB_READY", &count);
    g_assert_cmpuint(count, ==, 2);
    g_assert_cmpint(found[0].id, ==, VIR_DOMAIN_EVENT_ID_BLOCK_JOB);
    g_assert_cmpint(found[1].id, ==, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2);
}

static void
testNone(void)
{
    const char *const names[] = { "NIC_RX_FILTER_CHANGED", "RESE", "RESETS", "reset", "" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        size_t count = 1;

        g_assert_null(virtmonCatalogueCounterparts(names[i], &count));
        g_assert_cmpuint(count, ==, 0);
        g_assert_null(virtmonCatalogueRateLimit(names[i]));
    }
}

/* Those of one event are one array, so they must be beside each other. A name has one number. */
static void
testTable(void)
{
    const char *typed[VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE + 1] = { NULL };
    size_t i;

    for (i = 0; i < virtmonCounterpartsCount; i++) {
        const virtmonCounterpart *row = &virtmonCounterparts[i];

        g_assert_cmpint(row->id, >=, 0);
        g_assert_cmpint(row->id, <, (int)G_N_ELEMENTS(typed));
        if (typed[row->id])
            g_assert_cmpstr(typed[row->id], ==, row->typed);
        typed[row->id] = row->typed;
        if (i > 0)
            g_assert_cmpint(strcmp(row[-1].event, row->event), <=, 0);
    }
}

static void
testRateLimits(void)
{
    const virtmonRateLimit *limit = virtmonCatalogueRateLimit("RTC_CHANGE");

    g_assert_nonnull(limit);
    g_assert_cmpint(limit->ms, ==, 1000);
    g_assert_null(limit->per);

    limit = virtmonCatalogueRateLimit("VSERPORT_CHANGE");
    g_assert_nonnull(limit);
    g_assert_cmpstr(limit->per, ==, "id");

    g_assert_null(virtmonCatalogueRateLimit("STOP"));
}

static void
testNames(void)
{
    g_auto(GStrv) names = virtmonCatalogueNames();
    size_t i, j;

    g_assert_true(g_strv_contains((const char *const *)names, "STOP"));
    /* limited, but without a counterpart */
    g_assert_true(g_strv_contains((const char *const *)names, "QUORUM_FAILURE"));
    for (i = 0; names[i]; i++) {
        for (j = 0; j < i; j++)
            g_assert_cmpstr(names[i], !=, names[j]);
    }
    for (i = 0; i < virtmonCounterpartsCount; i++)
        g_assert_true(g_strv_contains((const char *const *)names, virtmonCounterparts[i].event));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/catalogue/counterparts", testCounterparts);
    g_test_add_func("/catalogue/none", testNone);
    g_test_add_func("/catalogue/table", testTable);
    g_test_add_func("/catalogue/rate-limits", testRateLimits);
    g_test_add_func("/catalogue/names", testNames);
    return g_test_run();
}
