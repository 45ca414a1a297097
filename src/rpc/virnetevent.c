/*
 * virnetevent.c: an event message, encoded once for all who get it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetevent.h"

#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virnetxdr.h"

#define VIR_FROM_THIS VIR_FROM_RPC

/* Events that are no longer are encoded in one pass and copied; others are measured first. */
#define VIR_NET_EVENT_SCRATCH 4096

/* What the allocator adds to a block, at most. */
#define VIR_NET_EVENT_MALLOC_OVERHEAD 24

struct _virNetEvent {
    unsigned int refs;
    bool numbered;
    bool headTaken;             /* the head in @bytes is somebody's */
    guint32 headLen;
    void (*freed)(size_t cost, void *opaque);
    void *opaque;
    size_t len;                 /* of all bytes */
    char bytes[];               /* the packet: head, body */
};

VIR_NET_XDR_CALLS_FILTERS virNetEvent *
virNetEventNew(unsigned int program, unsigned int version, int procedure, bool numbered,
               xdrproc_t filter, void *data)
{
    virNetMessageHeader header = {
        .prog = program, .vers = version, .proc = procedure, .type = VIR_NET_MESSAGE,
        .serial = VIR_NET_EVENT_SERIAL, .status = VIR_NET_OK,
    };
    char scratch[VIR_NET_EVENT_SCRATCH];
    virNetEvent *event;
    size_t payload = 0;
    bool done;
    XDR xdr;

    xdrmem_create(&xdr, scratch, sizeof(scratch), XDR_ENCODE);
    if ((done = filter(&xdr, data)))
        payload = xdr_getpos(&xdr);
    xdr_destroy(&xdr);
    if (!done)
        payload = xdr_sizeof(filter, data);
    if (payload < (numbered ? 4 : 1) ||
        payload > VIR_NET_MESSAGE_LEN_MAX - VIR_NET_MESSAGE_LEN_MIN) {
        virReportError(VIR_ERR_RPC, _("cannot encode the message of procedure %1$d"), procedure);
        return NULL;
    }

    event = g_malloc(sizeof(*event) + VIR_NET_MESSAGE_LEN_MIN + payload);
    event->refs = 1;
    event->numbered = numbered;
    event->headTaken = false;
    event->freed = NULL;
    event->headLen = VIR_NET_MESSAGE_LEN_MIN + (numbered ? 4 : 0);
    event->len = VIR_NET_MESSAGE_LEN_MIN + payload;
    virNetMessageWriteHeader(event->bytes, event->len, &header);
    if (done) {
        memcpy(event->bytes + VIR_NET_MESSAGE_LEN_MIN, scratch, payload);
        return event;
    }

    xdrmem_create(&xdr, event->bytes + VIR_NET_MESSAGE_LEN_MIN, payload, XDR_ENCODE);
    done = filter(&xdr, data);
    xdr_destroy(&xdr);
    if (!done) {
        virReportError(VIR_ERR_RPC, _("cannot encode the message of procedure %1$d"), procedure);
        g_free(event);
        return NULL;
    }
    return event;
}

virNetEvent *
virNetEventRef(virNetEvent *event)
{
    event->refs++;
    return event;
}

void
virNetEventUnref(virNetEvent *event)
{
    if (!event || --event->refs > 0)
        return;
    if (event->freed)
        event->freed(virNetEventCost(event), event->opaque);
    g_free(event);
}

void
virNetEventSetFreed(virNetEvent *event, void (*freed)(size_t cost, void *opaque), void *opaque)
{
    event->freed = freed;
    event->opaque = opaque;
}

size_t
virNetEventCost(const virNetEvent *event)
{
    return sizeof(*event) + event->len + VIR_NET_EVENT_MALLOC_OVERHEAD;
}

const char *
virNetEventBody(const virNetEvent *event, size_t *len)
{
    *len = event->len - event->headLen;
    return event->bytes + event->headLen;
}

const char *
virNetEventHead(virNetEvent *event, int callbackID, char *spare, size_t *len)
{
    char *head = event->bytes;
    guint32 id = GUINT32_TO_BE((guint32)callbackID);

    *len = event->headLen;
    if (!event->numbered)
        return head;
    if (event->headTaken) {
        memcpy(spare, event->bytes, VIR_NET_MESSAGE_LEN_MIN);
        head = spare;
    }
    event->headTaken = true;
    memcpy(head + VIR_NET_MESSAGE_LEN_MIN, &id, sizeof(id));
    return head;
}
