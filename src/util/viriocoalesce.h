/*
 * viriocoalesce.h: when to let more come before it is read
 *
 * A thread that reads every little thing as it comes is woken for each, and whoever writes pays for
 * waking it. Where there are fewer cores than busy threads, all of them then wait for one another.
 * As network cards do with their interrupts, a reader that is woken too often lets some time pass
 * before it looks again, and finds more.
 *
 * It decides only, and reads no clock: times are the caller's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

/* So many turns within so much time (21,000 a second, if they come evenly) that bring no more than
 * so much together (640 bytes each) are too many. 64 turns of a guest that writes to pvpanic's port
 * in a loop take 1.4 to 3.3 ms and bring 140 to 570 bytes each; of a source of 60,000 events of 290
 * bytes a second, 3.3 to 6.1 ms and 950 to 1,760 bytes. */
#define VIR_IO_COALESCE_TURNS_MAX 64
#define VIR_IO_COALESCE_TURNS_MS 3
#define VIR_IO_COALESCE_TURNS_BYTES_MAX (40 * 1024)

/* What to wait between turns then, at the least: the kernel adds 50 µs of timer slack, and waking
 * up. Measured with a storming guest and others on two cores: 30 makes little difference, and 60
 * hardly less than 100. */
#define VIR_IO_COALESCE_WAIT_US 100

/* For so long, after which turns are counted again. */
#define VIR_IO_COALESCE_FOR_MS 100

/* A turn that brings so much is never waited after. */
#define VIR_IO_COALESCE_BYTES_MAX (16 * 1024)

/* Zeroed to begin with. One thread's. */
typedef struct {
    size_t bytes;               /* read in this turn */
    unsigned int turns;         /* that are counted: those that bring something */
    size_t turnsBytes;          /* what they brought */
    gint64 began;               /* when the first of them ended, microseconds */
    gint64 until;               /* turns are spaced until then */
} virIOCoalesce;

/* Whether virIOCoalesceTurn() has anything to look at, for which it needs the time. */
static inline bool
virIOCoalesceHasRead(const virIOCoalesce *coalesce)
{
    return coalesce->bytes > 0;
}

/* So many bytes were read in this turn. */
static inline void
virIOCoalesceCount(virIOCoalesce *coalesce, size_t bytes)
{
    coalesce->bytes += bytes;
}

/**
 * virIOCoalesceTurn:
 * @now: microseconds, of a clock that never goes back
 *
 * A turn has ended. Returns how many microseconds to wait before the next, 0 mostly.
 */
unsigned int virIOCoalesceTurn(virIOCoalesce *coalesce, gint64 now);
