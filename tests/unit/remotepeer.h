/*
 * remotepeer.h: a daemon that says what a test wants, also what no daemon would
 *
 * Listens on a unix socket and serves one connection after the other in a thread of
 * its own, so that a test can call the public functions, which wait for answers. Payloads are
 * hexadecimal digits, as in rpcpeer.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <glib.h>

#include "rpcpeer.h"

/* QEMU's program; the others are REMOTE's. */
#define REMOTE_PEER_QEMU 0x20008087
#define REMOTE_PEER_REMOTE 0x20008086

typedef struct _remotePeer remotePeer;

/* Lets everybody in, has every feature, numbers registrations from 100 and answers all else by
 * success without a result. */
remotePeer *remotePeerNew(void);
/* Hangs up. */
void remotePeerFree(remotePeer *peer);

/* As the client opens it, with @extra parameters ("&x=y"). Borrowed until the next call. */
const char *remotePeerURI(remotePeer *peer, const char *extra);

/* From now on calls of the procedure are answered by success with this payload; */
void remotePeerAnswer(remotePeer *peer, unsigned int program, int procedure, const char *payload);
/* ... by an error; */
void remotePeerRefuse(remotePeer *peer, unsigned int program, int procedure, int code,
                      int domain, const char *message);
/* ... by an error the next time, and then as at first; */
void remotePeerRefuseOnce(remotePeer *peer, unsigned int program, int procedure, int code,
                          int domain, const char *message);
/* ... not at all, until it is told otherwise: what waits is answered then. */
void remotePeerHold(remotePeer *peer, unsigned int program, int procedure);
/* ... as they were at first. Those held until now are. */
void remotePeerLetGo(remotePeer *peer, unsigned int program, int procedure);

/* Waits until the procedure was called so often. Returns the arguments of the last of these calls
 * as hexadecimal digits, to be freed by the caller. */
char *remotePeerWaitCalls(remotePeer *peer, unsigned int program, int procedure, size_t count);
size_t remotePeerCountCalls(remotePeer *peer, unsigned int program, int procedure);

/* Sends a message, or with @type another packet. Waits until there is a connection. */
void remotePeerSend(remotePeer *peer, unsigned int program, int procedure, const char *payload);
void remotePeerSendAny(remotePeer *peer, const rpcPeerHeader *header, const char *payload);
/* Ends the connection that there is. */
void remotePeerHangUp(remotePeer *peer);

/* Payloads: a string, and a domain with UUID 11...1 and id 1; to be freed by the caller. */
char *remotePeerText(const char *text);
char *remotePeerDomain(const char *name);
