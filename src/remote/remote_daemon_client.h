/*
 * remote_daemon_client.h: what virtmond keeps of one client
 *
 * Made when it connects, freed when nobody uses it any more. The connection to it is
 * rpc's (virnetserverclient.h).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "datatypes.h"
#include "event_filter.h"
#include "virnetserver.h"
#include "virpolkit.h"

typedef struct _remoteDaemonClient remoteDaemonClient;
struct _remoteDaemonClient {
    virNetServerClient *client;     /* borrowed: it owns this */
    /* What it has opened, NULL before; written once, in the I/O thread, before any other call of
     * it is looked at. */
    virConnectPtr conn;

    /* Its exchange, NULL: none is under way; of the one call that runs while it isn't known who it
     * is. See remote_daemon_auth.c. */
    virNetSASLSession *sasl;
    bool saslStarted;
    virPolkitRequest *polkit;       /* the last that was made about it; the I/O thread's own */

    /* The rest is the I/O thread's own: see remote_daemon_relay.c. */
    GHashTable *regs;               /* remoteRelayReg by the number that the client knows */
    GHashTable *gaps;               /* remoteRelayGap by stream: events that it did not get */
    guint64 lostSerial;             /* of the last of these */
    GHashTable *crowd;              /* bytes queued of each stream since the queue was half full */
    /* Where somebody decides who may see what; NULL as long as no registration needs them. */
    struct _remoteRelayView *domainView;        /* for registrations for domain events */
    struct _remoteRelayView *monitorView;       /* ... for monitor events */
    size_t heldBytes;               /* of events that wait until it is known whether it may see them */
    virEventFilterBudget *budget;   /* of its filters' work, if its user has none */
    guint64 hidden;                 /* events that it may not see, once for each registration */
};
