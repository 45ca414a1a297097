/*
 * viriocoalesce.c: when to let more come before it is read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viriocoalesce.h"

/* Counts a turn; returns whether those that are counted are too many. */
static bool
virIOCoalesceAreTooMany(virIOCoalesce *coalesce, size_t bytes, gint64 now)
{
    if (coalesce->turns == 0) {
        coalesce->began = now;
        coalesce->turnsBytes = 0;
    }
    coalesce->turnsBytes += bytes;
    if (++coalesce->turns < VIR_IO_COALESCE_TURNS_MAX)
        return false;
    coalesce->turns = 0;
    return now - coalesce->began <= VIR_IO_COALESCE_TURNS_MS * 1000 &&
           coalesce->turnsBytes <= VIR_IO_COALESCE_TURNS_BYTES_MAX;
}

unsigned int
virIOCoalesceTurn(virIOCoalesce *coalesce, gint64 now)
{
    size_t bytes = coalesce->bytes;

    coalesce->bytes = 0;
    if (bytes == 0)
        return 0;
    if (now >= coalesce->until) {
        if (!virIOCoalesceAreTooMany(coalesce, bytes, now))
            return 0;
        coalesce->until = now + VIR_IO_COALESCE_FOR_MS * 1000;
    }
    return bytes < VIR_IO_COALESCE_BYTES_MAX ? VIR_IO_COALESCE_WAIT_US : 0;
}
