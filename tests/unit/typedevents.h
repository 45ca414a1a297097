/*
 * typedevents.h: one event of each kind, and callbacks that write down what they get
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "domain_event.h"

typedef struct {
    virDomainEventID eventID;
    const char *text;               /* what its callback writes, "NAME ARGUMENT...;" */
    virDomainEventArgs args;
    int procedure;                  /* its message, ... */
    const char *wire;               /* ... for typedEventPayload() */
    int oldProcedure;               /* the older one; 0: there is none, or its body is ... */
    const char *oldWire;            /* ... the rest of @wire behind N; if not, this */
} typedEvent;

/* Of every kind, by eventID. */
extern const typedEvent typedEvents[];
#define TYPED_EVENTS (VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE + 1)

/* A payload as hexadecimal digits, to be freed by the caller. Of the words of @wire, N stands for
 * @number, D for a domain "g1" with UUID 11...1 and id 1, and what begins with ' for a text. */
char *typedEventPayload(const char *wire, int number);
/* The same for the older message, without number. */
char *typedEventOldPayload(const typedEvent *event);

/* The callback for @eventID; its opaque is a GString, to which it appends. */
virConnectDomainEventGenericCallback typedEventCallback(int eventID);
