/*
 * virkeepalive.c: finding out that the other side is gone although the connection stands
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virkeepalive.h"

#include "virerror_priv.h"
#include "virgettext.h"
#include "virkeepaliveprotocol.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.keepalive");

/* Milliseconds that a timer can count. */
#define VIR_KEEPALIVE_WAIT_MAX G_MAXINT

struct _virKeepAlive {
    virIOLoop *loop;
    const virKeepAliveFuncs *funcs;
    void *opaque;
    virIOTimer *timer;          /* NULL: doesn't ping */
    gint64 interval;            /* microseconds */
    unsigned int count;
    unsigned int unanswered;    /* pings since something was heard */
    gint64 since;               /* when the interval began: of the last packet, or the last ping */
};

virKeepAlive *
virKeepAliveNew(virIOLoop *loop, const virKeepAliveFuncs *funcs, void *opaque)
{
    virKeepAlive *ka = g_new0(virKeepAlive, 1);

    ka->loop = loop;
    ka->funcs = funcs;
    ka->opaque = opaque;
    return ka;
}

void
virKeepAliveFree(virKeepAlive *ka)
{
    if (!ka)
        return;
    virIOLoopRemoveTimer(ka->timer);
    g_free(ka);
}

static virNetMessage *
virKeepAliveMessage(int proc)
{
    virNetMessageHeader header = {
        .prog = KEEPALIVE_PROGRAM, .vers = KEEPALIVE_PROTOCOL_VERSION, .proc = proc,
        .type = VIR_NET_MESSAGE, .status = VIR_NET_OK,
    };

    return virNetMessageNew(&header, NULL, NULL, NULL, 0);
}

/* Packets don't move the timer: it finds out at its time how much too early that was. */
static void
virKeepAliveTick(void *opaque)
{
    virKeepAlive *ka = opaque;
    gint64 now = g_get_monotonic_time();
    gint64 wait = ka->since + ka->interval - now;

    if (wait > 0) {
        virIOLoopRestartTimer(ka->timer, MIN((wait + 999) / 1000, VIR_KEEPALIVE_WAIT_MAX));
        return;
    }
    if (ka->unanswered >= ka->count) {
        VIR_INFO("nothing was heard for %u intervals of %lld s", ka->count + 1,
                 (long long)(ka->interval / G_USEC_PER_SEC));
        virIOLoopRemoveTimer(g_steal_pointer(&ka->timer));
        /* May free @ka. */
        ka->funcs->dead(ka->opaque);
        return;
    }
    ka->unanswered++;
    ka->since = now;
    virIOLoopRestartTimer(ka->timer, MIN(ka->interval / 1000, VIR_KEEPALIVE_WAIT_MAX));
    /* May free @ka. */
    ka->funcs->send(virKeepAliveMessage(KEEPALIVE_PROC_PING), ka->opaque);
}

void
virKeepAliveStart(virKeepAlive *ka, int interval, unsigned int count)
{
    virKeepAliveStop(ka);
    if (interval <= 0)
        return;
    ka->interval = (gint64)interval * G_USEC_PER_SEC;
    ka->count = count;
    ka->unanswered = 0;
    ka->since = g_get_monotonic_time();
    ka->timer = virIOLoopAddTimer(ka->loop, MIN(ka->interval / 1000, VIR_KEEPALIVE_WAIT_MAX),
                                  virKeepAliveTick, ka);
}

void
virKeepAliveStop(virKeepAlive *ka)
{
    virIOLoopRemoveTimer(g_steal_pointer(&ka->timer));
}

bool
virKeepAliveIsRunning(virKeepAlive *ka)
{
    return ka->timer;
}

void
virKeepAliveHeard(virKeepAlive *ka)
{
    if (!ka->timer)
        return;
    ka->unanswered = 0;
    ka->since = g_get_monotonic_time();
}

bool
virKeepAliveTake(virKeepAlive *ka, const virNetFrame *frame)
{
    if (frame->header.prog != KEEPALIVE_PROGRAM || frame->header.type != VIR_NET_MESSAGE)
        return false;
    if (frame->header.vers == KEEPALIVE_PROTOCOL_VERSION &&
        frame->header.proc == KEEPALIVE_PROC_PING)
        ka->funcs->send(virKeepAliveMessage(KEEPALIVE_PROC_PONG), ka->opaque);
    return true;
}
