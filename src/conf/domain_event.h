/*
 * domain_event.h: the classes of events that domains have
 *
 * Monitor events (anything QEMU says) and libvirt's typed domain events, of
 * which each is one eventID of one class. What a typed event says is handed
 * around as virDomainEventArgs, which are alike for all of them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "object_event.h"

/* The name under which a gap is told in the stream of monitor events. */
#define VIR_DOMAIN_MONITOR_EVENT_LOST "VIRTMON_EVENTS_LOST"
/* ... and of the one that says that a registration's filter is off. It goes to that registration
 * alone, whatever the filter says, and has no number. */
#define VIR_DOMAIN_MONITOR_EVENT_FILTER_OFF "VIRTMON_FILTER_OFF"

extern const virObjectEventClass virDomainEventClass;           /* eventID: virDomainEventID */
extern const virObjectEventClass virDomainMonitorEventClass;

/* Identities that a viewer of a display may have shown: the most that libvirt's protocol
 * carries. */
#define VIR_DOMAIN_EVENT_IDENTITIES_MAX 20
/* Parameters that an event may have: the same. */
#define VIR_DOMAIN_EVENT_PARAMS_MAX 2048

/* What the callback of a typed event gets: its arguments sorted by type, each in the order in
 * which libvirt's callback has them. Those of graphics: numbers phase, family of the local and of
 * the remote address; texts node and service of each, the scheme, and of each identity its type
 * and name. */
typedef struct {
    int numbers[3];
    unsigned long long amounts[2];  /* an RTC's offset is signed */
    size_t ntexts;
    const char *const *texts;       /* NULL only where libvirt's may be */
    size_t nparams;
    const virTypedParameter *params;
} virDomainEventArgs;
/* An initialiser for the texts. */
#define VIR_DOMAIN_EVENT_TEXTS(...) \
    .ntexts = G_N_ELEMENTS(((const char *[]) { __VA_ARGS__ })), \
    .texts = (const char *[]) { __VA_ARGS__ }

/* Each returns a new event, to be added to a batch. It has its own copy of @args, which has all
 * that the callback for @eventID gets. */
virObjectEvent *virDomainEventNew(virDomainIdent *ident, virDomainEventID eventID,
                                  const virDomainEventArgs *args);
virObjectEvent *virDomainEventLifecycleNew(virDomainIdent *ident, int type, int detail);

/* A monitor event: one allocation that holds its texts too. */
typedef struct {
    virObjectEvent head;
    gint64 received;                /* when it was read; microseconds since the epoch, UTC */
    size_t nameLen;
    size_t detailsLen;
    const char *details;            /* compact JSON behind the name; NULL: QEMU sent no data */
    char name[];
} virDomainMonitorEvent;

/* Not NUL-terminated on the way in (@name may hold anything but is cut at a NUL);
 * terminated inside. */
virObjectEvent *virDomainMonitorEventNew(virDomainIdent *ident, guint64 number,
                                         const char *name, size_t nameLen,
                                         gint64 seconds, guint32 micros, gint64 received,
                                         const char *details, size_t detailsLen);
/* A gap that the driver itself knows of: lines that could not be understood. */
virObjectEvent *virDomainMonitorEventLostNew(virDomainIdent *ident, const virEventGap *gap);

/* What a registration with these of libvirt's flags, which were checked, wants by name. NULL with
 * an error reported: it is no filter. */
virEventFilter *virDomainMonitorEventFilterNew(const char *event, unsigned int flags);

/* Registration for the drivers' use; what the public functions return. @flags and
 * @event as in virConnectDomainQemuMonitorEventRegister(); checks them. */
int virDomainMonitorEventStateRegister(virObjectEventState *state, virConnectPtr conn,
                                       virDomainPtr dom, const char *event,
                                       virConnectDomainQemuMonitorEventCallback cb,
                                       void *opaque, virFreeCallback freecb, unsigned int flags);
/* The same for events that come by a route (object_event.h). Bears libvirt's name for it, as
 * clients show it in the message about unknown flags. */
int virDomainQemuMonitorEventStateRegisterID(virObjectEventState *state, virConnectPtr conn,
                                             virDomainPtr dom, const char *event,
                                             virConnectDomainQemuMonitorEventCallback cb,
                                             void *opaque, virFreeCallback freecb,
                                             unsigned int flags, int route);
int virDomainMonitorEventStateDeregister(virObjectEventState *state, virConnectPtr conn,
                                         int callbackID);
int virDomainEventStateRegister(virObjectEventState *state, virConnectPtr conn,
                                virConnectDomainEventCallback cb, void *opaque,
                                virFreeCallback freecb);
int virDomainEventStateDeregister(virObjectEventState *state, virConnectPtr conn,
                                  virConnectDomainEventCallback cb);
int virDomainEventStateRegisterAny(virObjectEventState *state, virConnectPtr conn,
                                   virDomainPtr dom, int eventID,
                                   virConnectDomainEventGenericCallback cb, void *opaque,
                                   virFreeCallback freecb);
int virDomainEventStateDeregisterAny(virObjectEventState *state, virConnectPtr conn,
                                     int callbackID);
