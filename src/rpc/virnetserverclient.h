/*
 * virnetserverclient.h: one connection to a server
 *
 * Who it is, what it may do yet, what goes to it. Made and ended by virnetserver.c.
 *
 * Everything is for the server's I/O thread only, unless it says "any thread".
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include "viridentity.h"
#include "virnetevent.h"
#include "virnetquota.h"
#include "virnetserverprogram.h"
#include "virnetsocket.h"

/* How a client proves who it is: the numbers that an AUTH_LIST reply has. */
typedef enum {
    VIR_NET_SERVER_AUTH_NONE = 0,
    VIR_NET_SERVER_AUTH_SASL = 1,
    VIR_NET_SERVER_AUTH_POLKIT = 2,
} virNetServerAuth;

/* What the connection itself tells; immutable. Who is behind it is virNetServerClientGetIdentity()'s
 * to say. */
typedef struct {
    bool local;                 /* by a unix socket */
    bool hasPeer;
    virNetSocketPeer peer;      /* only if hasPeer */
    const char *localAddress;
    const char *remoteAddress;
    bool encrypted;
    bool secure;
    gint64 since;               /* when it came; seconds of the wall clock */
} virNetServerClientInfo;

/* Of events that wait, so many keep a client busy that reads: as much again as its socket holds. */
#define VIR_NET_SERVER_CLIENT_AHEAD_BYTES (256 * 1024)
/* Beyond the limit on events, for those of which there are few. */
#define VIR_NET_SERVER_CLIENT_RESERVE_BYTES (256 * 1024)

/* Any thread. A client stays valid as long as it is referenced, also when it is closed. Inside
 * a procedure it is there anyway. */
virNetServerClient *virNetServerClientRef(virNetServerClient *client);
void virNetServerClientUnref(virNetServerClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetServerClient, virNetServerClientUnref)

/* Any thread. Who it is, as far as is known: returns a new reference to what never changes. It is
 * complete, and remains the same, once the client is authenticated. */
virIdentity *virNetServerClientGetIdentity(virNetServerClient *client);

/* Any thread: these never change. */
/* From 1, never reused. */
unsigned long long virNetServerClientGetID(virNetServerClient *client);
const virNetServerClientInfo *virNetServerClientGetInfo(virNetServerClient *client);
bool virNetServerClientIsReadOnly(virNetServerClient *client);      /* by the socket it came to */
virNetServerAuth virNetServerClientGetAuth(virNetServerClient *client);
bool virNetServerClientCanPassFDs(virNetServerClient *client);
int virNetServerClientGetTLSKeySize(virNetServerClient *client);
/* What virNetServerFuncs.clientNew returned. */
void *virNetServerClientGetData(virNetServerClient *client);

/* Failures of one connection to prove who it is, of which the last ends it: people mistype, and a
 * client may try several mechanisms; who guesses begins anew each time, behind all others that
 * wait to be accepted. */
#define VIR_NET_SERVER_CLIENT_AUTH_FAILURES_MAX 5

/* Any thread. Clients of sockets with VIR_NET_SERVER_AUTH_NONE are from the start. Until then
 * only one call of a client is looked at at a time, and the next when its answer is sent. */
bool virNetServerClientIsAuthenticated(virNetServerClient *client);
/**
 * virNetServerClientSetAuthenticated:
 * @saslName: who it is, by SASL; NULL: what its connection tells is all there is to know
 *
 * From now on it may call everything, with an identity that is complete, and what it holds is
 * charged to this user. Once for a client, within the call that has proven it. Any thread.
 *
 * Returns 0, or -1 with an error reported: this user may have no more connections. It is as before
 * then.
 */
int virNetServerClientSetAuthenticated(virNetServerClient *client, const char *saslName);
/* Any thread, within the call that fails: it has not proven who it is. */
void virNetServerClientAuthFailed(virNetServerClient *client);

/**
 * virNetServerClientSetSASL:
 * @session: of a complete exchange (taken); NULL: it has come to nothing after all
 *
 * What is behind the answer to the call that runs goes through the session's layer, if it has one.
 * Before virNetServerClientSetAuthenticated(): until then only one call runs. Any thread.
 */
void virNetServerClientSetSASL(virNetServerClient *client, virNetSASLSession *session);

/* Pings from now on, with the server's interval and count. */
void virNetServerClientStartKeepAlive(virNetServerClient *client);

/* No further call is read; the connection ends when what is queued has been sent, the reply to
 * the call that runs included. Any thread. */
void virNetServerClientCloseAfterReply(virNetServerClient *client);
/* Ends the connection at once, in this turn at the latest. What is queued is lost. Any thread. */
void virNetServerClientClose(virNetServerClient *client);
/* The same, but in a later turn: for a caller that is in the middle of something. */
void virNetServerClientCloseLater(virNetServerClient *client);
/* Any thread. */
bool virNetServerClientIsClosed(virNetServerClient *client);

/**
 * virNetServerClientSendEvent:
 * @event: what happened (borrowed; a reference is kept until it is sent)
 * @callbackID: of the client's registration; ignored unless @event is numbered
 *
 * Queues it; all that was queued is written when the turn of the loop ends.
 *
 * Returns false if that would be over the client's limit: the event is lost for this client, which
 * is the caller's to count and to tell. virNetServerFuncs.clientDrained follows when the queue is
 * below half of the limit. True also if the client is closed already.
 */
bool virNetServerClientSendEvent(virNetServerClient *client, virNetEvent *event, int callbackID);
/* The caller itself has refused one, to leave room for others: counted likewise, and
 * virNetServerFuncs.clientDrained follows. */
void virNetServerClientRefuseEvent(virNetServerClient *client);
/* The same for events of which there are few, and which say what nobody should miss: these are
 * taken up to VIR_NET_SERVER_CLIENT_RESERVE_BYTES beyond the limit, and while others are refused.
 * No virNetServerFuncs.clientDrained follows. */
bool virNetServerClientSendRareEvent(virNetServerClient *client, virNetEvent *event,
                                     int callbackID);
/* Whether more than VIR_NET_SERVER_CLIENT_AHEAD_BYTES, or a quarter of the limit, of events wait for
 * it: what comes now comes too fast. virNetServerFuncs.clientEased follows when it is half of that. */
bool virNetServerClientIsBehind(virNetServerClient *client);
/* After so long without taking anything, a client whose queue is full is taken for one that does not
 * read at all: longer than any that does is kept from it on a busy machine. */
#define VIR_NET_SERVER_CLIENT_STUCK_MS 1000
/* Whether it is one: events are refused, and nothing it does would have been different were they
 * fewer. */
bool virNetServerClientIsStuck(virNetServerClient *client);
/* What it holds, and what its user does. What is kept for it elsewhere is charged here too. Valid
 * as long as the client is. */
virNetQuotaAccount *virNetServerClientGetAccount(virNetServerClient *client);
/* What the events that wait may cost. */
size_t virNetServerClientGetEventBytesMax(virNetServerClient *client);
/* What @event would cost if it were sent next: less if it is what was sent last, too. */
size_t virNetServerClientGetEventCost(virNetServerClient *client, const virNetEvent *event);
/* What the events that wait cost; how many were sent or queued, and how many refused, since it
 * came. */
size_t virNetServerClientGetEventBytes(virNetServerClient *client);
guint64 virNetServerClientGetEvents(virNetServerClient *client);
guint64 virNetServerClientGetRefused(virNetServerClient *client);
