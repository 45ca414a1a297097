/*
 * viriothrottle.h: reading a descriptor more slowly, as long as nobody wants what it brings
 *
 * Not a queue, and it reads nothing itself: it says when to read, counts how much was read, and
 * says when to try again. Whoever writes at the other end may have to keep what isn't read, in a
 * memory that has no limit: so it is never left alone for long.
 *
 * Everything is for the I/O thread only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "virioloop.h"

/* So much is read in any case in each period of so many milliseconds, 31 MiB/s: more than the
 * busiest QEMU says (25 MiB/s, from a guest that writes to pvpanic's port in a loop). */
#define VIR_IO_THROTTLE_BYTES (160 * 1024)
#define VIR_IO_THROTTLE_MS 5

typedef struct _virIOThrottle virIOThrottle;

/* @resume: called with @opaque when it is time to ask again, unless virIOThrottleLift() was called
 * before. Returns a new one, not paused. */
virIOThrottle *virIOThrottleNew(virIOLoop *io, virIOFunc resume, void *opaque);
void virIOThrottleFree(virIOThrottle *throttle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virIOThrottle, virIOThrottleFree)

/**
 * virIOThrottleAsk:
 * @wanted: whether there is somebody for what would be read
 *
 * Returns whether to read now. If not, the throttle is paused, until @resume is called or
 * virIOThrottleLift(); asking again meanwhile does not make that later.
 */
bool virIOThrottleAsk(virIOThrottle *throttle, bool wanted);
/* So many bytes were read. */
void virIOThrottleCount(virIOThrottle *throttle, size_t bytes);
bool virIOThrottleIsPaused(const virIOThrottle *throttle);
/* Something has changed: it may be asked again at once. */
void virIOThrottleLift(virIOThrottle *throttle);
