/*
 * viriocoalesce.c: when to let more come before it is read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viriocoalesce.h"

unsigned int
virIOCoalesceTurn(virIOCoalesce *coalesce, gint64 now)
{
    size_t bytes = coalesce->bytes;

    coalesce->bytes = 0;
    if (bytes == 0 || bytes >= VIR_IO_COALESCE_BYTES_MAX)
        return 0;
    if (now < coalesce->until)
        return VIR_IO_COALESCE_WAIT_US;

    if (coalesce->turns == 0)
        coalesce->began = now;
    if (++coalesce->turns < VIR_IO_COALESCE_TURNS_MAX)
        return 0;
    coalesce->turns = 0;
    if (now - coalesce->began > VIR_IO_COALESCE_TURNS_MS * 1000)
        return 0;
    coalesce->until = now + VIR_IO_COALESCE_FOR_MS * 1000;
    return VIR_IO_COALESCE_WAIT_US;
}
