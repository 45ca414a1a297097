/*
 * virtmon_catalogue.c: what is known of QEMU's events beyond what a QEMU tells of them
 *
 * The facts, and how they are found; what is printed of them is the business of commands.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_catalogue.h"

#include <string.h>
#include <glib.h>

/* Those that QEMU 7.2 limits: monitor_qapi_event_conf[] in its monitor/monitor.c, and for the
 * members qapi_event_throttle_equal() there. */
static const virtmonRateLimit virtmonRateLimits[] = {
    { "BALLOON_CHANGE", 1000, NULL },
    { "MEMORY_DEVICE_SIZE_CHANGE", 1000, "qom-path" },
    { "QUORUM_FAILURE", 1000, NULL },
    { "QUORUM_REPORT_BAD", 1000, "node-name" },
    { "RTC_CHANGE", 1000, NULL },
    { "VSERPORT_CHANGE", 1000, "id" },
    { "WATCHDOG", 1000, NULL },
};

const virtmonCounterpart *
virtmonCatalogueCounterparts(const char *event, size_t *count)
{
    const virtmonCounterpart *first = NULL;
    size_t i;

    *count = 0;
    for (i = 0; i < virtmonCounterpartsCount; i++) {
        if (strcmp(virtmonCounterparts[i].event, event) != 0)
            continue;
        if (!first)
            first = &virtmonCounterparts[i];
        ++*count;
    }
    return first;
}

const virtmonRateLimit *
virtmonCatalogueRateLimit(const char *event)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virtmonRateLimits); i++) {
        if (strcmp(virtmonRateLimits[i].event, event) == 0)
            return &virtmonRateLimits[i];
    }
    return NULL;
}

char **
virtmonCatalogueNames(void)
{
    GPtrArray *names = g_ptr_array_new();
    const char *last = "";
    size_t i;

    for (i = 0; i < virtmonCounterpartsCount; i++) {
        if (strcmp(virtmonCounterparts[i].event, last) != 0)
            g_ptr_array_add(names, g_strdup(virtmonCounterparts[i].event));
        last = virtmonCounterparts[i].event;
    }
    for (i = 0; i < G_N_ELEMENTS(virtmonRateLimits); i++) {
        size_t count;

        if (!virtmonCatalogueCounterparts(virtmonRateLimits[i].event, &count))
            g_ptr_array_add(names, g_strdup(virtmonRateLimits[i].event));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}
