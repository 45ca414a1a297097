/*
 * virnetwriter.h: packets on their way to a socket
 *
 * Keeps their order, gathers as many as fit into one write, sends a packet's file descriptors
 * behind it. Counts what waits, which its owner limits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include "virnetevent.h"
#include "virnetmessage.h"
#include "virnetsocket.h"

typedef struct _virNetWriter virNetWriter;

/* A packet, not an event, has been handed to the kernel whole, and waits no longer. The writer must
 * not be freed in here, nor anything be pushed. */
typedef void (*virNetWriterSentFunc)(const virNetMessageHeader *header, void *opaque);

/* @sock is borrowed for the writer's life. @sent may be NULL. */
virNetWriter *virNetWriterNew(virNetSocket *sock, virNetWriterSentFunc sent, void *opaque);
void virNetWriterFree(virNetWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetWriter, virNetWriterFree)

/* Takes @msg. */
void virNetWriterPush(virNetWriter *writer, virNetMessage *msg);
/* Adds a reference to @event; costs virNetWriterEventCost(). */
void virNetWriterPushEvent(virNetWriter *writer, virNetEvent *event, int callbackID);
/* The memory that @event would cost if it were pushed now: less if it is what was pushed last and
 * waits still, as both share its bytes. On the wire it is as long as ever. */
size_t virNetWriterEventCost(const virNetWriter *writer, const virNetEvent *event);
/* What the events that wait cost. */
size_t virNetWriterEventBytes(const virNetWriter *writer);
/* The bytes of the packets that wait, and their fds. */
size_t virNetWriterPacketBytes(const virNetWriter *writer);
size_t virNetWriterPacketFDs(const virNetWriter *writer);
bool virNetWriterIsEmpty(const virNetWriter *writer);

/* Writes what the socket takes. Returns 1 if nothing is left, 0 if the socket is full, -1 with an
 * error reported. */
int virNetWriterFlush(virNetWriter *writer);
