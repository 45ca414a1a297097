/*
 * virnetevent.h: an event message, encoded once for all who get it
 *
 * Not what an event says, nor who gets it: virNetServerClientSendEvent() queues it for one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include "virnetmessage.h"

/* The serial that a daemon gives to every event. */
#define VIR_NET_EVENT_SERIAL 1

/* Length word, header and the number of the registration. */
#define VIR_NET_EVENT_HEAD_MAX (VIR_NET_MESSAGE_LEN_MIN + 4)

/* Belongs to one thread with all its references: the count isn't atomic. */
typedef struct _virNetEvent virNetEvent;

/**
 * virNetEventNew:
 * @numbered: the message begins with a callback ID, which differs from registration to
 *            registration; what is encoded for it here is of no interest
 * @filter: how @data is encoded
 * @data: the whole message, with the callback ID if there is one (borrowed)
 *
 * Returns a new reference; NULL with VIR_ERR_RPC reported if it cannot be encoded or
 * doesn't fit into a packet.
 */
virNetEvent *virNetEventNew(unsigned int program, unsigned int version, int procedure,
                            bool numbered, xdrproc_t filter, void *data);
virNetEvent *virNetEventRef(virNetEvent *event);
void virNetEventUnref(virNetEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetEvent, virNetEventUnref)

/* Calls @freed with what it has cost once its last reference goes. Once for an event. */
void virNetEventSetFreed(virNetEvent *event, void (*freed)(size_t cost, void *opaque),
                         void *opaque);

/* What a reference to it costs at most: its memory with the allocator's overhead. */
size_t virNetEventCost(const virNetEvent *event);

/* For the writer. All but the head, the same for everybody; borrowed. */
const char *virNetEventBody(const virNetEvent *event, size_t *len);
/**
 * virNetEventHead:
 * @callbackID: ignored unless the event is numbered
 * @spare: where the head may be written, VIR_NET_EVENT_HEAD_MAX bytes
 * @len: of the head
 *
 * Returns where the head is: in front of the body for the first who asks, so that one piece
 * does for both, and @spare for all others.
 */
const char *virNetEventHead(virNetEvent *event, int callbackID, char *spare, size_t *len);
