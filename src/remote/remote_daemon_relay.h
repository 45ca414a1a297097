/*
 * remote_daemon_relay.h: events on their way to the daemon's clients
 *
 * Registrations of clients, each event encoded once for all of them, and what is said to
 * a client that was too slow. Queues and their limits are rpc's.
 *
 * All of it belongs to the I/O thread, in which the daemon's event loop runs too.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_daemon_client.h"
#include "remote_daemon_sight.h"
#include "remote_protocol.h"

typedef struct _remoteRelay remoteRelay;

/* @conn: a read-write connection of the daemon's own, on which all registrations for monitor
 * events are made (a reference is added). @sight: who knows what clients may see (borrowed for the
 * relay's life); NULL: all see all. Never NULL. */
remoteRelay *remoteRelayNew(virConnectPtr conn, remoteSight *sight);
/* When no client is left. */
void remoteRelayFree(remoteRelay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteRelay, remoteRelayFree)

/**
 * remoteRelayAddMonitor:
 * @dom: whose events (borrowed); NULL: those of all domains
 * @event: filter, or NULL
 * @flags: as in virConnectDomainQemuMonitorEventRegister()
 * @watches: @client's connection is read-only and may all the same, of those domains of which it may
 *           watch events
 *
 * Returns the number by which @client knows it, or -1 with an error reported.
 */
int remoteRelayAddMonitor(remoteRelay *relay, remoteDaemonClient *client,
                          const remote_nonnull_domain *dom, const char *event,
                          unsigned int flags, bool watches);
/* How a client is told of domain events. */
typedef enum {
    REMOTE_RELAY_NUMBERED,          /* with the registration's number */
    REMOTE_RELAY_OLD,               /* without: by remote_connect_domain_event_register_any */
} remoteRelayStyle;
int remoteRelayAddDomain(remoteRelay *relay, remoteDaemonClient *client,
                         const remote_nonnull_domain *dom, int eventID, remoteRelayStyle style);

/* What is known of one. All borrowed. */
typedef struct {
    int number;                     /* by which the client knows it */
    guint64 order;                  /* counts registrations of all clients, from 1 */
    bool monitor;
    const char *event;              /* monitor events: the filter, NULL: none */
    unsigned int flags;             /* ... and how it is meant */
    int eventID;                    /* domain events */
    const unsigned char *uuid;      /* of the domain; NULL: all domains */
    guint64 delivered, lost;        /* events */
} remoteRelayRegInfo;
typedef void (*remoteRelayRegFunc)(const remoteRelayRegInfo *info, void *opaque);
/* Of @client, in the order in which they were made, but for those up to @after; nothing may be added
 * or removed in @func. */
void remoteRelayForEachReg(remoteDaemonClient *client, guint64 after, remoteRelayRegFunc func,
                           void *opaque);

/* Return 0, or -1 with an error reported: @client has no such registration. No message for it
 * follows. */
int remoteRelayRemoveMonitor(remoteRelay *relay, remoteDaemonClient *client, int number);
int remoteRelayRemoveDomain(remoteRelay *relay, remoteDaemonClient *client, int number);
int remoteRelayRemoveOld(remoteRelay *relay, remoteDaemonClient *client, int eventID);

/* Before and after @client's time. */
void remoteRelayClientInit(remoteDaemonClient *client);
void remoteRelayClientClear(remoteRelay *relay, remoteDaemonClient *client);
/* There is room again for events: tells @client what it has missed. */
void remoteRelayClientDrained(remoteRelay *relay, remoteDaemonClient *client);
/* It was behind and is no longer. */
void remoteRelayClientEased(remoteRelay *relay, remoteDaemonClient *client);
