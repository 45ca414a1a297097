/*
 * remote_priv.h: what the parts of the remote driver share of one connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "datatypes.h"
#include "object_event.h"
#include "remote_event.h"
#include "remote_protocol.h"
#include "remote_close.h"
#include "virnetclient.h"

/* privateData of a connection. */
typedef struct {
    virNetClient *client;               /* these are immutable once it is open */
    remoteEvents *events;
    remoteCloseNotice *closeNotice;
    bool hasKeepAlive;
    bool hasCloseCallback;              /* the server takes its registration */
    char *uri;                          /* what the server chose; NULL: we did */

    virMutex lock;                      /* guards the rest */
    char *type;                         /* once it was asked for */
} remoteConnection;

/* The handle of @dom as the protocol has it; its texts stay @dom's. */
void remoteDomainToWire(virDomainPtr dom, remote_nonnull_domain *wire);
