/*
 * domain_event.c: the classes of events that domains have
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "domain_event.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* Short names of a registration's flags. */
#define REGEX VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX
#define GLOB VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB
#define NOCASE VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE

/* What the allocator keeps beside each block. */
#define VIR_DOMAIN_EVENT_OVERHEAD sizeof(size_t)

typedef struct {
    virObjectEvent head;
    int type;                   /* virDomainEventType */
    int detail;
} virDomainEventLifecycle;

static void
virDomainEventInit(virObjectEvent *event, const virObjectEventClass *klass, int eventID,
                   virDomainIdent *ident)
{
    atomic_init(&event->refs, 1);
    event->klass = klass;
    event->eventID = eventID;
    event->domain = virDomainIdentRef(ident);
    event->bytes = malloc_usable_size(event) + VIR_DOMAIN_EVENT_OVERHEAD;
}

static void
virDomainEventFree(virObjectEvent *event)
{
    free(event);
}

/* --- typed events --- */

static void
virDomainEventDispatch(virObjectEvent *event, virDomainPtr dom,
                       const virObjectEventTarget *target)
{
    switch ((virDomainEventID)event->eventID) {
    case VIR_DOMAIN_EVENT_ID_LIFECYCLE: {
        virDomainEventLifecycle *lifecycle = (virDomainEventLifecycle *)event;

        ((virConnectDomainEventCallback)target->cb)(target->conn, dom, lifecycle->type,
                                                    lifecycle->detail, target->opaque);
        break;
    }
    default:
        ((virConnectDomainEventGenericCallback)target->cb)(target->conn, dom, target->opaque);
        break;
    }
}

const virObjectEventClass virDomainEventClass = {
    .dispatch = virDomainEventDispatch,
    .free = virDomainEventFree,
};

virObjectEvent *
virDomainEventLifecycleNew(virDomainIdent *ident, int type, int detail)
{
    virDomainEventLifecycle *lifecycle = g_malloc0(sizeof(*lifecycle));

    virDomainEventInit(&lifecycle->head, &virDomainEventClass, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                       ident);
    lifecycle->type = type;
    lifecycle->detail = detail;
    return &lifecycle->head;
}

virObjectEvent *
virDomainEventRebootNew(virDomainIdent *ident)
{
    virObjectEvent *event = g_malloc0(sizeof(*event));

    virDomainEventInit(event, &virDomainEventClass, VIR_DOMAIN_EVENT_ID_REBOOT, ident);
    return event;
}

/* --- monitor events --- */

static void
virDomainMonitorEventDispatch(virObjectEvent *head, virDomainPtr dom,
                              const virObjectEventTarget *target)
{
    virDomainMonitorEvent *event = (virDomainMonitorEvent *)head;
    virConnectDomainQemuMonitorEventCallback cb = target->cb;

    cb(target->conn, dom, event->name, head->seconds, head->micros, event->details,
       target->opaque);
}

static const char *
virDomainMonitorEventText(virObjectEvent *head, size_t *len)
{
    virDomainMonitorEvent *event = (virDomainMonitorEvent *)head;

    *len = event->nameLen;
    return event->name;
}

const virObjectEventClass virDomainMonitorEventClass = {
    .dispatch = virDomainMonitorEventDispatch,
    .filterText = virDomainMonitorEventText,
    .lost = virDomainMonitorEventLostNew,
    .free = virDomainEventFree,
};

virObjectEvent *
virDomainMonitorEventNew(virDomainIdent *ident, guint64 number, const char *name,
                         size_t nameLen, gint64 seconds, guint32 micros, gint64 received,
                         const char *details, size_t detailsLen)
{
    virDomainMonitorEvent *event;
    const char *nul = memchr(name, '\0', nameLen);
    char *text;

    if (nul)
        nameLen = nul - name;
    if (!details)
        detailsLen = 0;
    /* Both lengths come from a line, whose length is bounded. */
    event = g_malloc(sizeof(*event) + nameLen + 1 + detailsLen + 1);
    event->head = (virObjectEvent) {
        .number = number,
        .seconds = seconds,
        .micros = micros,
        .hash = virObjectEventHash(name, nameLen),
    };
    virDomainEventInit(&event->head, &virDomainMonitorEventClass, 0, ident);
    event->received = received;
    event->nameLen = nameLen;
    event->detailsLen = detailsLen;
    memcpy(event->name, name, nameLen);
    event->name[nameLen] = '\0';

    text = event->name + nameLen + 1;
    if (detailsLen > 0)
        memcpy(text, details, detailsLen);
    text[detailsLen] = '\0';
    event->details = details ? text : NULL;
    return &event->head;
}

virObjectEvent *
virDomainMonitorEventLostNew(virDomainIdent *ident, const virEventGap *gap)
{
    char details[512];
    virObjectEvent *event;
    int len;

    len = g_snprintf(details, sizeof(details),
                     "{\"count\":%" PRIu64 ",\"stream\":\"%s\",\"from\":%" PRIu64
                     ",\"to\":%" PRIu64 ",\"first\":{\"seconds\":%" PRId64
                     ",\"microseconds\":%" PRIu32 "},\"last\":{\"seconds\":%" PRId64
                     ",\"microseconds\":%" PRIu32 "}}",
                     (uint64_t)gap->count, ident->stream, (uint64_t)gap->from, (uint64_t)gap->to,
                     (int64_t)gap->firstSeconds, (uint32_t)gap->firstMicros,
                     (int64_t)gap->lastSeconds, (uint32_t)gap->lastMicros);
    event = virDomainMonitorEventNew(ident, gap->to, VIR_DOMAIN_MONITOR_EVENT_LOST,
                                     strlen(VIR_DOMAIN_MONITOR_EVENT_LOST), gap->lastSeconds,
                                     gap->lastMicros, g_get_real_time(), details, len);
    event->lost = gap->count;
    event->route = VIR_OBJECT_EVENT_ROUTE_ANY;
    return event;
}

/* --- registration --- */

virEventFilter *
virDomainMonitorEventFilterNew(const char *event, unsigned int flags)
{
    virEventFilterType type = VIR_EVENT_FILTER_LITERAL;

    if (flags & REGEX)
        type = VIR_EVENT_FILTER_REGEX;
    else if (flags & GLOB)
        type = VIR_EVENT_FILTER_GLOB;
    return virEventFilterNew(type, flags & NOCASE, event);
}

int
virDomainQemuMonitorEventStateRegisterID(virObjectEventState *state, virConnectPtr conn,
                                         virDomainPtr dom, const char *event,
                                         virConnectDomainQemuMonitorEventCallback cb,
                                         void *opaque, virFreeCallback freecb,
                                         unsigned int flags, int route)
{
    g_autoptr(virEventFilter) filter = NULL;
    virObjectEventRegistration registration = {
        .conn = conn,
        .klass = &virDomainMonitorEventClass,
        .uuid = dom ? dom->uuid : NULL,
        .cb = cb,
        .opaque = opaque,
        .freecb = freecb,
        .route = route,
    };
    int id;

    virCheckFlagsReturn(REGEX | GLOB | NOCASE, -1);
    if ((flags & REGEX) && (flags & GLOB)) {
        virReportInvalidArg(flags, "%s",
                            _("an event filter is a regular expression or a glob, not both"));
        return -1;
    }

    if (event && !(filter = virDomainMonitorEventFilterNew(event, flags)))
        return -1;
    registration.filter = filter;

    if ((id = virObjectEventStateRegister(state, &registration)) < 0)
        return -1;
    g_steal_pointer(&filter);
    return id;
}

int
virDomainMonitorEventStateRegister(virObjectEventState *state, virConnectPtr conn,
                                   virDomainPtr dom, const char *event,
                                   virConnectDomainQemuMonitorEventCallback cb, void *opaque,
                                   virFreeCallback freecb, unsigned int flags)
{
    return virDomainQemuMonitorEventStateRegisterID(state, conn, dom, event, cb, opaque, freecb,
                                                    flags, 0);
}

int
virDomainMonitorEventStateDeregister(virObjectEventState *state, virConnectPtr conn,
                                     int callbackID)
{
    return virObjectEventStateDeregister(state, conn, &virDomainMonitorEventClass, callbackID);
}

int
virDomainEventStateRegister(virObjectEventState *state, virConnectPtr conn,
                            virConnectDomainEventCallback cb, void *opaque,
                            virFreeCallback freecb)
{
    virObjectEventRegistration registration = {
        .conn = conn,
        .klass = &virDomainEventClass,
        .eventID = VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        .cb = cb,
        .opaque = opaque,
        .freecb = freecb,
        .legacy = true,
    };

    return virObjectEventStateRegister(state, &registration) < 0 ? -1 : 0;
}

int
virDomainEventStateDeregister(virObjectEventState *state, virConnectPtr conn,
                              virConnectDomainEventCallback cb)
{
    int id = virObjectEventStateFindLegacy(state, conn, &virDomainEventClass,
                                           VIR_DOMAIN_EVENT_ID_LIFECYCLE, cb);

    if (id < 0)
        return -1;
    return virObjectEventStateDeregister(state, conn, &virDomainEventClass, id) < 0 ? -1 : 0;
}

int
virDomainEventStateRegisterAny(virObjectEventState *state, virConnectPtr conn, virDomainPtr dom,
                               int eventID, virConnectDomainEventGenericCallback cb,
                               void *opaque, virFreeCallback freecb)
{
    virObjectEventRegistration registration = {
        .conn = conn,
        .klass = &virDomainEventClass,
        .eventID = eventID,
        .uuid = dom ? dom->uuid : NULL,
        .cb = cb,
        .opaque = opaque,
        .freecb = freecb,
    };

    return virObjectEventStateRegister(state, &registration);
}

int
virDomainEventStateDeregisterAny(virObjectEventState *state, virConnectPtr conn, int callbackID)
{
    return virObjectEventStateDeregister(state, conn, &virDomainEventClass, callbackID) < 0 ? -1
                                                                                           : 0;
}
