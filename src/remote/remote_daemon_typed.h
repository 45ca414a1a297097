/*
 * remote_daemon_typed.h: domain events as the messages that clients get
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libvirt/libvirt.h>

#include "virnetevent.h"

/* What becomes of a message. */
typedef struct {
    bool numbered;              /* with room for the registration's number; else the older message,
                                 * which kinds up to VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED have */
    void (*send)(virNetEvent *event, void *opaque);     /* adds a reference, if it keeps it */
    void *opaque;
} remoteTypedTarget;

/* What is to be registered for @eventID, which the library knows; its opaque is a
 * remoteTypedTarget. */
virConnectDomainEventGenericCallback remoteTypedCallback(int eventID);
