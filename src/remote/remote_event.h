/*
 * remote_event.h: registrations at a daemon, and the events that it sends for them
 *
 * Which local callbacks an event reaches is settled in conf/object_event.c; here is
 * what the daemon has to know of them, once for all that want the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "datatypes.h"
#include "virnetclient.h"

typedef struct _remoteEvents remoteEvents;

/* NULL with an error reported. */
remoteEvents *remoteEventsNew(void);
void remoteEventsFree(remoteEvents *events);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteEvents, remoteEventsFree)
/* @client: where to register; before the first of the calls below. @numbered: the server's domain
 * events carry the number of their registration; an old one's are told apart by kind only. */
void remoteEventsSetClient(remoteEvents *events, virNetClient *client, bool numbered);

/* As the driver's functions of like names: block, and report errors. */
int remoteEventsRegisterMonitor(remoteEvents *events, virConnectPtr conn, virDomainPtr dom,
                                const char *event, virConnectDomainQemuMonitorEventCallback cb,
                                void *opaque, virFreeCallback freecb, unsigned int flags);
int remoteEventsDeregisterMonitor(remoteEvents *events, virConnectPtr conn, int callbackID);
int remoteEventsRegisterLegacy(remoteEvents *events, virConnectPtr conn,
                               virConnectDomainEventCallback cb, void *opaque,
                               virFreeCallback freecb);
int remoteEventsDeregisterLegacy(remoteEvents *events, virConnectPtr conn,
                                 virConnectDomainEventCallback cb);
int remoteEventsRegisterAny(remoteEvents *events, virConnectPtr conn, virDomainPtr dom,
                            int eventID, virConnectDomainEventGenericCallback cb, void *opaque,
                            virFreeCallback freecb);
int remoteEventsDeregisterAny(remoteEvents *events, virConnectPtr conn, int callbackID);

/* I/O thread: an event message came, and that was the last for now. */
void remoteEventsTake(remoteEvents *events, const virNetFrame *frame);
void remoteEventsFlush(remoteEvents *events);
/* I/O thread: whether more may come; @awaited: among replies for which somebody waits. If not, the
 * descriptor becomes readable when that is over. */
bool remoteEventsMayTake(remoteEvents *events, bool awaited);
/* The same for the life of @events; -1 with an error reported. */
int remoteEventsEasedFD(remoteEvents *events);
