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
#include "virjson.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* Short names of a registration's flags. */
#define REGEX VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX
#define GLOB VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB
#define NOCASE VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE

/* What the allocator keeps beside each block. */
#define VIR_DOMAIN_EVENT_OVERHEAD sizeof(size_t)

/* A typed event: one allocation, with what @args points to behind it. */
typedef struct {
    virObjectEvent head;
    virDomainEventArgs args;
    virTypedParameter params[];     /* behind them pointers to the texts, then all texts */
} virDomainTypedEvent;

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
virDomainEventDispatchGraphics(const virDomainEventArgs *args, virDomainPtr dom,
                               const virObjectEventTarget *target)
{
    virConnectDomainEventGraphicsCallback cb = (virConnectDomainEventGraphicsCallback)target->cb;
    virDomainEventGraphicsSubjectIdentity identities[VIR_DOMAIN_EVENT_IDENTITIES_MAX];
    virDomainEventGraphicsSubject subject = { .identities = identities };
    virDomainEventGraphicsAddress local = { .family = args->numbers[1],
                                            .node = (char *)args->texts[0],
                                            .service = (char *)args->texts[1] };
    virDomainEventGraphicsAddress remote = { .family = args->numbers[2],
                                             .node = (char *)args->texts[2],
                                             .service = (char *)args->texts[3] };
    size_t i;

    for (i = 5; i + 1 < args->ntexts; i += 2) {
        identities[subject.nidentity].type = (char *)args->texts[i];
        identities[subject.nidentity++].name = (char *)args->texts[i + 1];
    }
    cb(target->conn, dom, args->numbers[0], &local, &remote, args->texts[4], &subject,
       target->opaque);
}

/* Calls the callback as what it is, a virConnectDomainEvent##type##Callback. */
#define CALL(type, ...) \
    ((virConnectDomainEvent##type##Callback)target->cb)(target->conn, dom, __VA_ARGS__, \
                                                        target->opaque)

static void
virDomainEventDispatch(virObjectEvent *event, virDomainPtr dom,
                       const virObjectEventTarget *target)
{
    virDomainEventArgs *args = &((virDomainTypedEvent *)event)->args;
    virTypedParameterPtr params = (virTypedParameterPtr)args->params;
    const char *const *texts = args->texts;
    const int *numbers = args->numbers;

    switch ((virDomainEventID)event->eventID) {
    case VIR_DOMAIN_EVENT_ID_LIFECYCLE:
        ((virConnectDomainEventCallback)target->cb)(target->conn, dom, numbers[0], numbers[1],
                                                    target->opaque);
        break;
    case VIR_DOMAIN_EVENT_ID_REBOOT:
    case VIR_DOMAIN_EVENT_ID_CONTROL_ERROR:
        ((virConnectDomainEventGenericCallback)target->cb)(target->conn, dom, target->opaque);
        break;
    case VIR_DOMAIN_EVENT_ID_RTC_CHANGE:
        CALL(RTCChange, (long long)args->amounts[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_WATCHDOG:
        CALL(Watchdog, numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_IO_ERROR:
        CALL(IOError, texts[0], texts[1], numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_GRAPHICS:
        virDomainEventDispatchGraphics(args, dom, target);
        break;
    case VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON:
        CALL(IOErrorReason, texts[0], texts[1], numbers[0], texts[2]);
        break;
    case VIR_DOMAIN_EVENT_ID_BLOCK_JOB:
    case VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2:
        CALL(BlockJob, texts[0], numbers[0], numbers[1]);
        break;
    case VIR_DOMAIN_EVENT_ID_DISK_CHANGE:
        CALL(DiskChange, texts[0], texts[1], texts[2], numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_TRAY_CHANGE:
        CALL(TrayChange, texts[0], numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_PMWAKEUP:
        CALL(PMWakeup, numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND:
        CALL(PMSuspend, numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE:
        CALL(BalloonChange, args->amounts[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK:
        CALL(PMSuspendDisk, numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED:
        CALL(DeviceRemoved, texts[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_TUNABLE:
        CALL(Tunable, params, (int)args->nparams);
        break;
    case VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE:
        CALL(AgentLifecycle, numbers[0], numbers[1]);
        break;
    case VIR_DOMAIN_EVENT_ID_DEVICE_ADDED:
        CALL(DeviceAdded, texts[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION:
        CALL(MigrationIteration, numbers[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_JOB_COMPLETED:
        CALL(JobCompleted, params, (int)args->nparams);
        break;
    case VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED:
        CALL(DeviceRemovalFailed, texts[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_METADATA_CHANGE:
        CALL(MetadataChange, numbers[0], texts[0]);
        break;
    case VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD:
        CALL(BlockThreshold, texts[0], texts[1], args->amounts[0], args->amounts[1]);
        break;
    case VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE:
        CALL(MemoryFailure, numbers[0], numbers[1], (unsigned int)numbers[2]);
        break;
    case VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE:
        CALL(MemoryDeviceSizeChange, texts[0], args->amounts[0]);
        break;
    default:
        break;
    }
}

const virObjectEventClass virDomainEventClass = {
    .dispatch = virDomainEventDispatch,
    .free = virDomainEventFree,
};

/* Bytes of what @args points to. */
static size_t
virDomainEventMeasure(const virDomainEventArgs *args)
{
    size_t bytes = args->nparams * sizeof(*args->params) + args->ntexts * sizeof(*args->texts);
    size_t i;

    for (i = 0; i < args->nparams; i++) {
        if (args->params[i].type == VIR_TYPED_PARAM_STRING)
            bytes += strlen(args->params[i].value.s) + 1;
    }
    for (i = 0; i < args->ntexts; i++)
        bytes += args->texts[i] ? strlen(args->texts[i]) + 1 : 0;
    return bytes;
}

/* Copies @text, which may be NULL, to @room, and moves that behind it. Returns the copy. */
static char *
virDomainEventCopyText(const char *text, char **room)
{
    size_t size = text ? strlen(text) + 1 : 0;
    char *copy = *room;

    if (!text)
        return NULL;
    memcpy(copy, text, size);
    *room += size;
    return copy;
}

virObjectEvent *
virDomainEventNew(virDomainIdent *ident, virDomainEventID eventID, const virDomainEventArgs *args)
{
    virDomainTypedEvent *event = g_malloc0(sizeof(*event) + virDomainEventMeasure(args));
    const char **texts = (const char **)(event->params + args->nparams);
    char *room = (char *)(texts + args->ntexts);
    size_t i;

    virDomainEventInit(&event->head, &virDomainEventClass, eventID, ident);
    event->args = *args;
    event->args.params = event->params;
    event->args.texts = texts;
    for (i = 0; i < args->nparams; i++) {
        event->params[i] = args->params[i];
        if (args->params[i].type == VIR_TYPED_PARAM_STRING)
            event->params[i].value.s = virDomainEventCopyText(args->params[i].value.s, &room);
    }
    for (i = 0; i < args->ntexts; i++)
        texts[i] = virDomainEventCopyText(args->texts[i], &room);
    return &event->head;
}

virObjectEvent *
virDomainEventLifecycleNew(virDomainIdent *ident, int type, int detail)
{
    const virDomainEventArgs args = { .numbers = { type, detail } };

    return virDomainEventNew(ident, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &args);
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

static virObjectEvent *virDomainMonitorEventFilterOffNew(virDomainIdent *ident,
                                                         const virEventFilter *filter);

const virObjectEventClass virDomainMonitorEventClass = {
    .dispatch = virDomainMonitorEventDispatch,
    .filterText = virDomainMonitorEventText,
    .lost = virDomainMonitorEventLostNew,
    .filterOff = virDomainMonitorEventFilterOffNew,
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

static virObjectEvent *
virDomainMonitorEventFilterOffNew(virDomainIdent *ident, const virEventFilter *filter)
{
    g_autoptr(GString) details = g_string_new("{\"filter\":");
    const char *text = virEventFilterText(filter);
    gint64 now = g_get_real_time();
    char why[VIR_EVENT_FILTER_WHY_SIZE] = "";

    virEventFilterIsOff(filter, why, sizeof(why));
    virJSONAppendString(details, text, strlen(text));
    g_string_append(details, ",\"reason\":");
    virJSONAppendString(details, why, strlen(why));
    g_string_append_c(details, '}');
    return virDomainMonitorEventNew(ident, 0, VIR_DOMAIN_MONITOR_EVENT_FILTER_OFF,
                                    strlen(VIR_DOMAIN_MONITOR_EVENT_FILTER_OFF),
                                    now / G_USEC_PER_SEC, now % G_USEC_PER_SEC, now,
                                    details->str, details->len);
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
