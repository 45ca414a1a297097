/*
 * remote_daemon_pace.h: streams that all of their clients have enough of for now
 *
 * A guest that tells more than its clients take must not be read at the speed of the fastest
 * memory, and then lose what their queues don't hold. Nor may one slow client hold up the
 * others: so a stream is held only while not one of its clients keeps up.
 *
 * Everything is for the server's I/O thread only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

#include "object_event.h"

typedef struct _remotePace remotePace;

remotePace *remotePaceNew(void);
/* Lets all streams go on. */
void remotePaceFree(remotePace *pace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remotePace, remotePaceFree)

/* Inside a callback for @event, once for each client that gets it: whether that one has enough
 * before it. The answer for all of them takes effect with the next event. */
void remotePaceCount(remotePace *pace, const virObjectEvent *event, bool behind);
/* Some client has less before it, or is gone: all streams go on. Who is still not kept up with is
 * held again after its next event. */
void remotePaceEase(remotePace *pace);
