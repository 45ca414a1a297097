/*
 * viriothrottle.c: reading a descriptor more slowly, as long as nobody wants what it brings
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viriothrottle.h"

#define VIR_IO_THROTTLE_US (VIR_IO_THROTTLE_MS * 1000)

struct _virIOThrottle {
    virIOLoop *io;
    virIOFunc resume;
    void *opaque;
    gint64 began;               /* the period; microseconds of CLOCK_MONOTONIC */
    size_t bytes;               /* read in it */
    bool paused;
    virIOTimer *timer;          /* from the first pause on: ends the period */
};

virIOThrottle *
virIOThrottleNew(virIOLoop *io, virIOFunc resume, void *opaque)
{
    virIOThrottle *throttle = g_new0(virIOThrottle, 1);

    throttle->io = io;
    throttle->resume = resume;
    throttle->opaque = opaque;
    return throttle;
}

void
virIOThrottleFree(virIOThrottle *throttle)
{
    if (!throttle)
        return;
    virIOLoopRemoveTimer(throttle->timer);
    g_free(throttle);
}

static void
virIOThrottleDue(void *opaque)
{
    virIOThrottle *throttle = opaque;

    throttle->paused = false;
    throttle->resume(throttle->opaque);
}

/* A pause ends with the period, however often it is interrupted: so it is short, however often
 * others have their pauses lifted. */
static void
virIOThrottlePause(virIOThrottle *throttle, gint64 now)
{
    unsigned int delay = (throttle->began + VIR_IO_THROTTLE_US - now + 999) / 1000;

    throttle->paused = true;
    if (throttle->timer)
        virIOLoopRestartTimer(throttle->timer, delay);
    else
        throttle->timer = virIOLoopAddTimer(throttle->io, delay, virIOThrottleDue, throttle);
}

bool
virIOThrottleAsk(virIOThrottle *throttle, bool wanted)
{
    gint64 now;

    if (wanted)
        return true;
    now = g_get_monotonic_time();
    if (now - throttle->began >= VIR_IO_THROTTLE_US) {
        throttle->began = now;
        throttle->bytes = 0;
    }
    if (throttle->bytes < VIR_IO_THROTTLE_BYTES)
        return true;
    if (!throttle->paused)
        virIOThrottlePause(throttle, now);
    return false;
}

void
virIOThrottleCount(virIOThrottle *throttle, size_t bytes)
{
    throttle->bytes += bytes;
}

bool
virIOThrottleIsPaused(const virIOThrottle *throttle)
{
    return throttle->paused;
}

void
virIOThrottleLift(virIOThrottle *throttle)
{
    if (throttle->paused)
        virIOLoopStopTimer(throttle->timer);
    throttle->paused = false;
}
