/*
 * virkeepalive.h: finding out that the other side is gone although the connection stands
 *
 * Counts and times only; how a ping is sent and what happens to a dead connection is its
 * owner's. Answers to pings are due in any case, also from one that doesn't ping itself.
 *
 * All in the I/O thread of the loop it is made for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include "virioloop.h"
#include "virnetmessage.h"

typedef struct _virKeepAlive virKeepAlive;

typedef struct {
    /* @msg is a ping or an answer to one: to be sent (taken). */
    void (*send)(virNetMessage *msg, void *opaque);
    /* @count pings went unanswered, and one more interval has passed. Called once. */
    void (*dead)(void *opaque);
} virKeepAliveFuncs;

/* Doesn't ping. @funcs and @opaque are borrowed for its life. */
virKeepAlive *virKeepAliveNew(virIOLoop *loop, const virKeepAliveFuncs *funcs, void *opaque);
/* May be called inside its own functions. */
void virKeepAliveFree(virKeepAlive *ka);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virKeepAlive, virKeepAliveFree)

/**
 * virKeepAliveStart:
 * @interval: seconds of silence before each ping; 0 or less: stop, no timer runs
 * @count: pings that may go unanswered; 0: silence alone kills after one interval
 *
 * A silent peer is dead (@count + 1) * @interval seconds after it was last heard. May be called
 * again with other values; the time begins anew.
 */
void virKeepAliveStart(virKeepAlive *ka, int interval, unsigned int count);
void virKeepAliveStop(virKeepAlive *ka);
bool virKeepAliveIsRunning(virKeepAlive *ka);

/* Something came; once a read is enough. Costs a look at the clock, and never touches the timer. */
void virKeepAliveHeard(virKeepAlive *ka);
/* Whether the packet was one of keepalive's own; a ping is answered, anything unknown ignored. */
bool virKeepAliveTake(virKeepAlive *ka, const virNetFrame *frame);
