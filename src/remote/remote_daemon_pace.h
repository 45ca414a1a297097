/*
 * remote_daemon_pace.h: streams that all of their clients have enough of for now
 *
 * A guest that tells more than its clients take must not be read at the speed of memory, and
 * then lose what their queues don't hold. Nor may one slow client hold up the others: so a stream
 * is held only while not one of those that got its last event keeps up. Held means: read no faster
 * than a busy QEMU says something (viriothrottle.h), so that who waits for another of its events
 * gets that a few milliseconds later, and not when the slow one has caught up.
 *
 * Everything is for the server's I/O thread only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "object_event.h"

typedef struct _remotePace remotePace;

typedef enum {
    REMOTE_PACE_KEEPS_UP,
    REMOTE_PACE_BEHIND,         /* has enough before it */
    REMOTE_PACE_STUCK,          /* and takes nothing of it: waiting for it helps nobody */
} remotePaceState;

remotePace *remotePaceNew(void);
/* Lets all streams go on. */
void remotePaceFree(remotePace *pace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remotePace, remotePaceFree)

/* Inside a callback for @event, for each client that gets it (which is only compared). One that
 * keeps up lets the stream go on at once; that none does takes effect with the next event. */
void remotePaceCount(remotePace *pace, const virObjectEvent *event, const void *client,
                     remotePaceState state);
/* @client has less before it, or is gone, or wants something else: the streams that were held for it
 * go on. If it is still behind, they are held again after their next event. */
void remotePaceEase(remotePace *pace, const void *client);
