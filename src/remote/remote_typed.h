/*
 * remote_typed.h: domain events out of the messages that a daemon sends
 *
 * For the client; the other way is remote_daemon_typed.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "domain_event.h"
#include "remote_protocol.h"
#include "virnetmessage.h"

typedef struct {
    virDomainEventID eventID;
    int number;                     /* of the registration; -1: an older message, without */
    const remote_nonnull_domain *dom;
    virDomainEventArgs args;
    /* What those point to. */
    void *body;                     /* as its filter has filled it */
    xdrproc_t filter;
    const char *texts[5 + 2 * VIR_DOMAIN_EVENT_IDENTITIES_MAX];
    virTypedParameter *params;
} remoteTypedEvent;

/**
 * remoteTypedDecode:
 * @frame: the message
 * @typed: where the event goes; it points into itself, so it can't be copied
 *
 * Returns 1 with @typed filled, to be cleared by remoteTypedClear(); 0 if it is no message of a
 * domain event; -1 with an error reported if it makes no sense.
 */
int remoteTypedDecode(const virNetFrame *frame, remoteTypedEvent *typed);
void remoteTypedClear(remoteTypedEvent *typed);
