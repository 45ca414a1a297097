/*
 * remote_event.c: registrations at a daemon, and the events that it sends for them
 *
 * All local registrations that one registration at the daemon can serve have it in
 * common, and a route (object_event.h) of their own. The local registration is made
 * before the daemon is asked, and the daemon's number for it is noted in the I/O thread
 * as soon as its answer is read: so nothing that follows the answer is missed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_event.h"

#include <string.h>

#include "domain_event.h"
#include "qemu_protocol.h"
#include "remote_call.h"
#include "remote_priv.h"
#include "remote_protocol.h"
#include "remote_typed.h"
#include "virgettext.h"
#include "virjson.h"
#include "virlog.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_REMOTE

VIR_LOG_INIT("remote.event");

/* Domains whose events have come, of which some state is kept: as many as a list may have, and
 * so many bytes of names. Beyond that all is forgotten, which costs nothing but time. */
#define REMOTE_EVENTS_STREAMS_MAX REMOTE_DOMAIN_LIST_MAX
#define REMOTE_EVENTS_STREAM_BYTES_MAX (16 * 1024 * 1024)

/* What a registration at the daemon asks for. */
typedef struct {
    bool monitor;               /* monitor events, else domain events */
    int eventID;                /* domain events: which */
    virDomainPtr dom;           /* NULL: all domains */
    const char *event;          /* monitor events: the filter, or NULL */
    unsigned int flags;
} remoteEventsWish;

/* One registration at the daemon. */
typedef struct {
    char *key;                  /* these three are immutable */
    bool monitor;
    int route;
    int eventID;
    size_t users;               /* local registrations; guarded by lock, as the next */
    bool busy;                  /* the daemon is being asked: wait */
    int remoteID;               /* the daemon's number; written in the I/O thread while busy */
} remoteEventsReg;

/* A domain whose events come. */
typedef struct {
    virDomainIdent *ident;
    guint64 number;             /* of the last message */
} remoteEventsStream;

struct _remoteEvents {
    virObjectEventState *state;
    virNetClient *client;       /* these two are immutable once it is used */
    bool numbered;

    virMutex lock;              /* guards from here... */
    virCond changed;            /* something is no longer busy */
    GHashTable *regs;           /* remoteEventsReg by key */
    GHashTable *byCallback;     /* remoteEventsReg by callback ID; NULL: was deregistered before
                                 * its registration was over */
    int lastRoute;              /* ... to here */

    /* The I/O thread's own. */
    GHashTable *monitorRoutes;  /* the daemon's number -> route */
    GHashTable *domainRoutes;
    GHashTable *streams;        /* remoteEventsStream by UUID */
    size_t streamBytes;         /* of their names, those included that were replaced */
    remoteEventsStream *lastStream;
    int lastID, lastIDRoute;    /* of monitorRoutes; lastIDRoute 0: none */
    size_t nonsense;            /* messages that could not be understood */
    virObjectEventBatch batch;
    gint64 batchReceived;       /* when the first of it was read: the same for all of one read */
};

/* --- life --- */

static void
remoteEventsRegFree(void *opaque)
{
    remoteEventsReg *reg = opaque;

    g_free(reg->key);
    g_free(reg);
}

static void
remoteEventsStreamFree(void *opaque)
{
    remoteEventsStream *stream = opaque;

    virDomainIdentUnref(stream->ident);
    g_free(stream);
}

remoteEvents *
remoteEventsNew(void)
{
    virObjectEventState *state = virObjectEventStateNew(0);
    remoteEvents *events;

    if (!state)
        return NULL;
    events = g_new0(remoteEvents, 1);
    events->state = state;
    virMutexInit(&events->lock);
    virCondInit(&events->changed);
    events->regs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, remoteEventsRegFree);
    events->byCallback = g_hash_table_new(NULL, NULL);
    events->monitorRoutes = g_hash_table_new(NULL, NULL);
    events->domainRoutes = g_hash_table_new(NULL, NULL);
    events->streams = g_hash_table_new_full(virUUIDHash, virUUIDEqual, NULL,
                                            remoteEventsStreamFree);
    return events;
}

void
remoteEventsFree(remoteEvents *events)
{
    if (!events)
        return;
    if (events->nonsense > 1)
        VIR_WARN("%zu event messages from the daemon made no sense", events->nonsense);
    virObjectEventBatchClear(&events->batch);
    g_hash_table_unref(events->streams);
    g_hash_table_unref(events->domainRoutes);
    g_hash_table_unref(events->monitorRoutes);
    g_hash_table_unref(events->byCallback);
    g_hash_table_unref(events->regs);
    virCondDestroy(&events->changed);
    virMutexDestroy(&events->lock);
    virObjectEventStateUnref(events->state);
    g_free(events);
}

void
remoteEventsSetClient(remoteEvents *events, virNetClient *client, bool numbered)
{
    events->client = client;
    events->numbered = numbered;
}

/* --- the daemon's side of registrations --- */

/* The same for all that one registration at the daemon can serve. */
static char *
remoteEventsKey(const remoteEventsWish *wish)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (wish->dom)
        virUUIDFormat(wish->dom->uuid, uuid);
    if (!wish->monitor)
        return g_strdup_printf("d %d %s", wish->eventID, uuid);
    return g_strdup_printf("m %s %u %c%s", uuid, wish->flags, wish->event ? '=' : '-',
                           wish->event ? wish->event : "");
}

/* Who is asked what, for the function that sees the answer. */
typedef struct {
    remoteEvents *events;
    remoteEventsReg *reg;
} remoteEventsQuestion;

static GHashTable *
remoteEventsRoutes(remoteEvents *events, const remoteEventsReg *reg)
{
    return reg->monitor ? events->monitorRoutes : events->domainRoutes;
}

/* In the I/O thread: the answer to a registration is its number. */
static void
remoteEventsRegistered(const virNetFrame *frame, void *opaque)
{
    remoteEventsQuestion *question = opaque;
    guint32 number;

    if (frame->len < sizeof(number))
        return;                 /* the caller finds that out too */
    memcpy(&number, frame->payload, sizeof(number));
    question->reg->remoteID = (int)GUINT32_FROM_BE(number);
    g_hash_table_insert(remoteEventsRoutes(question->events, question->reg),
                        GINT_TO_POINTER(question->reg->remoteID),
                        GINT_TO_POINTER(question->reg->route));
    question->events->lastIDRoute = 0;
}

/* In the I/O thread: no message for it follows. */
static void
remoteEventsDeregistered(const virNetFrame *frame G_GNUC_UNUSED, void *opaque)
{
    remoteEventsQuestion *question = opaque;

    g_hash_table_remove(remoteEventsRoutes(question->events, question->reg),
                        GINT_TO_POINTER(question->reg->remoteID));
    question->events->lastIDRoute = 0;
}

static int
remoteEventsAskMonitorOnce(remoteEvents *events, remoteEventsReg *reg,
                           const remoteEventsWish *wish, const char *event, unsigned int flags)
{
    remoteEventsQuestion question = { events, reg };
    virNetClientCallData extra = { .reply = remoteEventsRegistered, .opaque = &question };
    qemu_connect_domain_monitor_event_register_args args = { .flags = flags };
    qemu_connect_domain_monitor_event_register_ret ret;
    remote_nonnull_string text = (char *)event;
    remote_nonnull_domain dom;

    if (event)
        args.event = &text;
    if (wish->dom) {
        remoteDomainToWire(wish->dom, &dom);
        args.dom = &dom;
    }
    return remoteCallQemuWith(events->client, QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER,
                              &args, &ret, &extra);
}

/**
 * remoteEventsAskMonitor:
 *
 * libvirtd refuses two things that can be said in another way: a registration for all
 * events next to another one for the same domains (an empty regular expression is never
 * refused, and fits every name), and globs, which it doesn't know.
 */
static int
remoteEventsAskMonitor(remoteEvents *events, remoteEventsReg *reg, const remoteEventsWish *wish)
{
    const unsigned int glob = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB;
    const unsigned int regex = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    const unsigned int nocase = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE;
    g_autofree char *pattern = NULL;
    virErrorPtr first = NULL;

    if (remoteEventsAskMonitorOnce(events, reg, wish, wish->event, wish->flags) == 0)
        return 0;
    if (virGetLastErrorCode() != VIR_ERR_INVALID_ARG || (wish->event && !(wish->flags & glob)))
        return -1;

    virErrorPreserveLast(&first);
    pattern = wish->event ? virEventFilterGlobToRegex(wish->event, wish->flags & nocase) :
                            g_strdup("");
    if (remoteEventsAskMonitorOnce(events, reg, wish, pattern,
                                   (wish->flags & ~glob) | regex) == 0) {
        virFreeError(first);
        virResetLastError();
        return 0;
    }
    virErrorRestore(&first);
    return -1;
}

static int
remoteEventsAskDomain(remoteEvents *events, remoteEventsReg *reg, const remoteEventsWish *wish)
{
    remoteEventsQuestion question = { events, reg };
    virNetClientCallData extra = { .reply = remoteEventsRegistered, .opaque = &question };
    remote_connect_domain_event_callback_register_any_args args = { .eventID = wish->eventID };
    remote_connect_domain_event_callback_register_any_ret ret;
    remote_connect_domain_event_register_any_args old = { .eventID = wish->eventID };
    remote_nonnull_domain dom;

    if (!events->numbered)
        return remoteCall(events->client, REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER_ANY, &old,
                          NULL);
    if (wish->dom) {
        remoteDomainToWire(wish->dom, &dom);
        args.dom = &dom;
    }
    return remoteCallWith(events->client, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                          &args, &ret, &extra);
}

/* The local registrations are gone: whatever the daemon says to this, nobody waits for its
 * messages any more. */
static void
remoteEventsAskToStop(remoteEvents *events, remoteEventsReg *reg)
{
    remoteEventsQuestion question = { events, reg };
    virNetClientCallData extra = { .reply = remoteEventsDeregistered, .opaque = &question };
    qemu_connect_domain_monitor_event_deregister_args monitor = { reg->remoteID };
    remote_connect_domain_event_callback_deregister_any_args domain = { reg->remoteID };
    remote_connect_domain_event_deregister_any_args old = { reg->eventID };
    int rc;

    if (reg->monitor)
        rc = remoteCallQemuWith(events->client,
                                QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER, &monitor,
                                NULL, &extra);
    else if (events->numbered)
        rc = remoteCallWith(events->client,
                            REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, &domain,
                            NULL, &extra);
    else
        rc = remoteCall(events->client, REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER_ANY, &old,
                        NULL);
    if (rc < 0) {
        if (virNetClientIsOpen(events->client))
            VIR_WARN("the daemon does not deregister %d: %s", reg->remoteID,
                     virErrorLastMessage());
        virResetLastError();
    }
}

/* One more local registration for what @wish says. @fresh: the caller has to ask the daemon,
 * and then call remoteEventsAsked(). */
static remoteEventsReg *
remoteEventsAcquire(remoteEvents *events, const remoteEventsWish *wish, bool *fresh)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&events->lock);
    g_autofree char *key = remoteEventsKey(wish);
    remoteEventsReg *reg;

    while ((reg = g_hash_table_lookup(events->regs, key)) && reg->busy)
        virCondWait(&events->changed, &events->lock);
    *fresh = !reg;
    if (!reg) {
        reg = g_new0(remoteEventsReg, 1);
        reg->key = g_steal_pointer(&key);
        reg->monitor = wish->monitor;
        reg->eventID = wish->eventID;
        reg->route = ++events->lastRoute;
        reg->remoteID = -1;
        reg->busy = true;
        g_hash_table_insert(events->regs, reg->key, reg);
    }
    reg->users++;
    return reg;
}

/* The daemon has been asked for a fresh @reg. */
static void
remoteEventsAsked(remoteEvents *events, remoteEventsReg *reg, bool registered)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&events->lock);

    reg->busy = false;
    if (!registered)
        g_hash_table_remove(events->regs, reg->key);
    virCondBroadcast(&events->changed);
}

/* One local registration less. */
static void
remoteEventsRelease(remoteEvents *events, remoteEventsReg *reg)
{
    virMutexLock(&events->lock);
    if (--reg->users > 0) {
        virMutexUnlock(&events->lock);
        return;
    }
    reg->busy = true;
    virMutexUnlock(&events->lock);

    remoteEventsAskToStop(events, reg);
    remoteEventsAsked(events, reg, false);
}

/* --- the local side --- */

/* Asks the daemon for what local registration @id wants, if nobody has yet. */
static int
remoteEventsFinish(remoteEvents *events, virConnectPtr conn, remoteEventsReg *reg, bool fresh,
                   const remoteEventsWish *wish, int id)
{
    bool early;

    if (id < 0) {
        if (fresh)
            remoteEventsAsked(events, reg, false);
        else
            remoteEventsRelease(events, reg);
        return -1;
    }
    if (fresh) {
        int rc = wish->monitor ? remoteEventsAskMonitor(events, reg, wish) :
                                 remoteEventsAskDomain(events, reg, wish);

        remoteEventsAsked(events, reg, rc == 0);
        if (rc < 0) {
            virObjectEventStateWithdraw(events->state, conn, id);
            virMutexLock(&events->lock);
            g_hash_table_remove(events->byCallback, GINT_TO_POINTER(id));
            virMutexUnlock(&events->lock);
            return -1;
        }
    }
    virMutexLock(&events->lock);
    early = g_hash_table_remove(events->byCallback, GINT_TO_POINTER(id));
    if (!early)
        g_hash_table_insert(events->byCallback, GINT_TO_POINTER(id), reg);
    virMutexUnlock(&events->lock);
    if (early)
        remoteEventsRelease(events, reg);
    return id;
}

int
remoteEventsRegisterMonitor(remoteEvents *events, virConnectPtr conn, virDomainPtr dom,
                            const char *event, virConnectDomainQemuMonitorEventCallback cb,
                            void *opaque, virFreeCallback freecb, unsigned int flags)
{
    remoteEventsWish wish = { .monitor = true, .dom = dom, .event = event, .flags = flags };
    bool fresh;
    remoteEventsReg *reg = remoteEventsAcquire(events, &wish, &fresh);
    int id = virDomainQemuMonitorEventStateRegisterID(events->state, conn, dom, event, cb, opaque,
                                                      freecb, flags, reg->route);

    return remoteEventsFinish(events, conn, reg, fresh, &wish, id);
}

static int
remoteEventsRegisterDomain(remoteEvents *events, virConnectPtr conn, virDomainPtr dom,
                           int eventID, void *cb, void *opaque, virFreeCallback freecb,
                           bool legacy)
{
    /* An old server filters nothing; then it is done here. */
    remoteEventsWish wish = { .eventID = eventID, .dom = events->numbered ? dom : NULL };
    virObjectEventRegistration registration = {
        .conn = conn,
        .klass = &virDomainEventClass,
        .eventID = eventID,
        .uuid = dom ? dom->uuid : NULL,
        .cb = cb,
        .opaque = opaque,
        .freecb = freecb,
        .legacy = legacy,
    };
    bool fresh;
    remoteEventsReg *reg = remoteEventsAcquire(events, &wish, &fresh);

    registration.route = events->numbered ? reg->route : 0;
    return remoteEventsFinish(events, conn, reg, fresh, &wish,
                              virObjectEventStateRegister(events->state, &registration));
}

int
remoteEventsRegisterLegacy(remoteEvents *events, virConnectPtr conn,
                           virConnectDomainEventCallback cb, void *opaque,
                           virFreeCallback freecb)
{
    return remoteEventsRegisterDomain(events, conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE, cb,
                                      opaque, freecb, true) < 0 ? -1 : 0;
}

int
remoteEventsRegisterAny(remoteEvents *events, virConnectPtr conn, virDomainPtr dom, int eventID,
                        virConnectDomainEventGenericCallback cb, void *opaque,
                        virFreeCallback freecb)
{
    return remoteEventsRegisterDomain(events, conn, dom, eventID, cb, opaque, freecb, false);
}

static int
remoteEventsDeregister(remoteEvents *events, virConnectPtr conn,
                       const virObjectEventClass *klass, int callbackID)
{
    remoteEventsReg *reg;
    int left;

    /* The registration may have been the last to hold the connection, and so @events. */
    virConnectRefInternal(conn);
    left = virObjectEventStateDeregister(events->state, conn, klass, callbackID);
    if (left >= 0) {
        virMutexLock(&events->lock);
        reg = g_hash_table_lookup(events->byCallback, GINT_TO_POINTER(callbackID));
        if (reg)
            g_hash_table_remove(events->byCallback, GINT_TO_POINTER(callbackID));
        else
            g_hash_table_insert(events->byCallback, GINT_TO_POINTER(callbackID), NULL);
        virMutexUnlock(&events->lock);
        if (reg)
            remoteEventsRelease(events, reg);
    }
    virConnectUnref(conn);
    return left;
}

int
remoteEventsDeregisterMonitor(remoteEvents *events, virConnectPtr conn, int callbackID)
{
    return remoteEventsDeregister(events, conn, &virDomainMonitorEventClass, callbackID);
}

int
remoteEventsDeregisterAny(remoteEvents *events, virConnectPtr conn, int callbackID)
{
    return remoteEventsDeregister(events, conn, &virDomainEventClass, callbackID) < 0 ? -1 : 0;
}

int
remoteEventsDeregisterLegacy(remoteEvents *events, virConnectPtr conn,
                             virConnectDomainEventCallback cb)
{
    int id = virObjectEventStateFindLegacy(events->state, conn, &virDomainEventClass,
                                           VIR_DOMAIN_EVENT_ID_LIFECYCLE, cb);

    return id < 0 ? -1 : remoteEventsDeregisterAny(events, conn, id);
}

/* --- messages, in the I/O thread --- */

/* What is left of a payload. Reading past its end makes it bad, and reads zeros. */
typedef struct {
    const char *at, *end;
    bool bad;
} remoteEventsCursor;

static const char *
remoteEventsGetBytes(remoteEventsCursor *cursor, size_t len)
{
    size_t padded = (len + 3) & ~(size_t)3;
    const char *bytes = cursor->at;

    if (cursor->bad || padded > (size_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        return NULL;
    }
    cursor->at += padded;
    return bytes;
}

static guint32
remoteEventsGetUInt(remoteEventsCursor *cursor)
{
    const char *bytes = remoteEventsGetBytes(cursor, 4);
    guint32 number = 0;

    if (bytes)
        memcpy(&number, bytes, sizeof(number));
    return GUINT32_FROM_BE(number);
}

static gint64
remoteEventsGetHyper(remoteEventsCursor *cursor)
{
    guint64 high = remoteEventsGetUInt(cursor);

    return (gint64)(high << 32 | remoteEventsGetUInt(cursor));
}

/* A text, not terminated. */
static const char *
remoteEventsGetString(remoteEventsCursor *cursor, size_t *len)
{
    *len = remoteEventsGetUInt(cursor);
    if (*len > REMOTE_STRING_MAX)
        cursor->bad = true;
    return remoteEventsGetBytes(cursor, *len);
}

/* The first is told, the others are counted. */
static void
remoteEventsComplain(remoteEvents *events, int procedure)
{
    if (events->nonsense++ == 0)
        VIR_WARN("event message %d from the daemon makes no sense", procedure);
}

/* The state kept of the domain with this identity. */
static remoteEventsStream *
remoteEventsFindStream(remoteEvents *events, const char *name, size_t nameLen,
                       const unsigned char *uuid, int id)
{
    remoteEventsStream *stream = events->lastStream;
    g_autofree char *text = NULL;

    if (!stream || memcmp(stream->ident->uuid, uuid, VIR_UUID_BUFLEN) != 0)
        stream = g_hash_table_lookup(events->streams, uuid);
    if (stream && stream->ident->id == id && stream->ident->nameLen == nameLen &&
        memcmp(stream->ident->name, name, nameLen) == 0) {
        events->lastStream = stream;
        return stream;
    }

    events->streamBytes += nameLen;
    if (g_hash_table_size(events->streams) >= REMOTE_EVENTS_STREAMS_MAX ||
        events->streamBytes > REMOTE_EVENTS_STREAM_BYTES_MAX) {
        g_hash_table_remove_all(events->streams);
        events->streamBytes = nameLen;
    }
    text = g_strndup(name, nameLen);
    stream = g_new0(remoteEventsStream, 1);
    stream->ident = virDomainIdentNew(text, uuid, id);
    stream->ident->relayed = true;
    g_hash_table_replace(events->streams, stream->ident->uuid, stream);
    events->lastStream = stream;
    return stream;
}

/* How many events the daemon tells of that it has dropped itself, if this is what it tells; else 0.
 * Should the notice be dropped here, they are to be counted. */
static guint64
remoteEventsToldLost(const char *name, size_t nameLen, const char *details, size_t detailsLen)
{
    g_autoptr(virJSONValue) notice = NULL;
    gint64 count;

    if (nameLen != strlen(VIR_DOMAIN_MONITOR_EVENT_LOST) || !details ||
        memcmp(name, VIR_DOMAIN_MONITOR_EVENT_LOST, nameLen) != 0)
        return 0;
    if (!(notice = virJSONValueFromString(details, detailsLen)) ||
        virJSONValueObjectGetInt64(notice, "count", &count) < 0) {
        virResetLastError();
        return 0;
    }
    return CLAMP(count, 0, G_MAXUINT32);
}

/* By hand, as there may be very many of them: nothing is copied but into the event itself. */
static void
remoteEventsTakeMonitor(remoteEvents *events, const virNetFrame *frame)
{
    remoteEventsCursor cursor = { .at = frame->payload, .end = frame->payload + frame->len };
    int number = (int)remoteEventsGetUInt(&cursor);
    size_t domainLen, nameLen, detailsLen = 0;
    const char *domain = remoteEventsGetString(&cursor, &domainLen);
    const char *uuid = remoteEventsGetBytes(&cursor, VIR_UUID_BUFLEN);
    int id = (int)remoteEventsGetUInt(&cursor);
    const char *name = remoteEventsGetString(&cursor, &nameLen);
    gint64 seconds = remoteEventsGetHyper(&cursor);
    guint32 micros = remoteEventsGetUInt(&cursor);
    const char *details = NULL;
    remoteEventsStream *stream;
    virObjectEvent *event;
    guint64 lost;

    if (remoteEventsGetUInt(&cursor) != 0)
        details = remoteEventsGetString(&cursor, &detailsLen);
    if (cursor.bad) {
        remoteEventsComplain(events, frame->header.proc);
        return;
    }
    if (events->lastIDRoute == 0 || events->lastID != number) {
        events->lastID = number;
        events->lastIDRoute = GPOINTER_TO_INT(g_hash_table_lookup(events->monitorRoutes,
                                                                  GINT_TO_POINTER(number)));
        if (events->lastIDRoute == 0)
            return;             /* for a registration that is just being given up */
    }

    stream = remoteEventsFindStream(events, domain, domainLen, (const unsigned char *)uuid, id);
    if (events->batch.count == 0)
        events->batchReceived = g_get_real_time();
    /* QEMU's clock has failed, which libvirtd hands on as it is. */
    if (micros == G_MAXUINT32)
        micros = 0;
    lost = remoteEventsToldLost(name, nameLen, details, detailsLen);
    stream->number += MAX(lost, 1);
    event = virDomainMonitorEventNew(stream->ident, stream->number, name, nameLen, seconds,
                                     micros, events->batchReceived, details, detailsLen);
    event->lost = lost;
    event->route = events->lastIDRoute;
    virObjectEventBatchAdd(&events->batch, event);
}

/* Adds @event, which the message with @number has brought; number -1: an old one, without. */
static void
remoteEventsAdd(remoteEvents *events, virObjectEvent *event, int number)
{
    if (number >= 0) {
        event->route = GPOINTER_TO_INT(g_hash_table_lookup(events->domainRoutes,
                                                           GINT_TO_POINTER(number)));
        if (event->route == 0) {
            virObjectEventUnref(event);
            return;
        }
    }
    virObjectEventBatchAdd(&events->batch, event);
}

static virDomainIdent *
remoteEventsIdent(remoteEvents *events, const remote_nonnull_domain *dom)
{
    return remoteEventsFindStream(events, dom->name, strlen(dom->name),
                                  (const unsigned char *)dom->uuid, dom->id)->ident;
}

static void
remoteEventsTakeDomain(remoteEvents *events, const virNetFrame *frame)
{
    remoteTypedEvent typed;
    int rc = remoteTypedDecode(frame, &typed);

    if (rc < 0) {
        remoteEventsComplain(events, frame->header.proc);
        virResetLastError();
    } else if (rc == 0) {
        VIR_DEBUG("message %d of the daemon is not known here", frame->header.proc);
    } else {
        remoteEventsAdd(events, virDomainEventNew(remoteEventsIdent(events, typed.dom),
                                                  typed.eventID, &typed.args), typed.number);
        remoteTypedClear(&typed);
    }
}

void
remoteEventsTake(remoteEvents *events, const virNetFrame *frame)
{
    if (frame->header.prog != QEMU_PROGRAM)
        remoteEventsTakeDomain(events, frame);
    else if (frame->header.proc == QEMU_PROC_DOMAIN_MONITOR_EVENT)
        remoteEventsTakeMonitor(events, frame);
}

void
remoteEventsFlush(remoteEvents *events)
{
    if (events->batch.count == 0)
        return;
    virObjectEventStatePush(events->state, &events->batch);
}

bool
remoteEventsMayTake(remoteEvents *events, bool awaited)
{
    /* Who waits for a reply, perhaps inside a callback, must not wait for the delivery of what comes
     * before it. */
    return !virObjectEventStateIsFull(events->state,
                                      awaited ? SIZE_MAX : VIR_OBJECT_EVENT_AHEAD_BYTES);
}

int
remoteEventsEasedFD(remoteEvents *events)
{
    return virObjectEventStateEasedFD(events->state);
}
