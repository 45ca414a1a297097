/*
 * qemu_endpoint.h: a socket path, and the QEMU that is found behind it
 *
 * Connects, finds out who is there, and tries again when that fails or ends.
 * Which domain a QEMU becomes, and where events go, is up to the owner.
 *
 * All of it belongs to the I/O thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_domain.h"
#include "qemu_identify.h"

/* Between attempts: the first soon, as QEMU makes its socket just before it listens on it, each
 * later one after twice the time, until a thousand dead sockets cost next to nothing. A socket
 * that is made anew starts afresh. */
#define QEMU_ENDPOINT_RETRY_MIN_MS 50
#define QEMU_ENDPOINT_RETRY_MAX_MS 30000
/* A connection that held so long was none of the failed attempts that make for longer pauses. */
#define QEMU_ENDPOINT_HELD_MS 5000
/* Bytes of events kept until it is known whose they are: a few round trips' worth. */
#define QEMU_ENDPOINT_HELD_BYTES_MAX (1024 * 1024)

typedef struct _qemuEndpoint qemuEndpoint;

/* How an attempt to attach came out. */
typedef enum {
    QEMU_ENDPOINT_ATTACHED,         /* there is a domain now */
    QEMU_ENDPOINT_BUSY,             /* another client is connected; it waits for its turn */
    QEMU_ENDPOINT_REFUSED,          /* the owner did not want it; rests until it is hurried */
    QEMU_ENDPOINT_FAILED,           /* no connection, or it has ended; is tried again */
} qemuEndpointOutcome;

typedef struct {
    /* Makes a domain of who is there, listed already; it gets the events from here on. Returns a
     * new reference, or NULL with an error reported if it shall be let go of. */
    virDomainObj *(*admit)(qemuEndpoint *endpoint, qemuMonitor *mon, qemuIdentity *identity,
                           void *opaque);
    /* Each time that an attempt came out. @message is for people; NULL if ATTACHED. */
    void (*settled)(qemuEndpoint *endpoint, qemuEndpointOutcome outcome, const char *message,
                    void *opaque);
    /* The domain's connection has ended, by an error if @failed; @dom was told and is the
     * endpoint's no longer. */
    void (*ended)(qemuEndpoint *endpoint, virDomainObj *dom, bool failed, void *opaque);
    /* The last call: neither a connection nor a retry is left (see qemuEndpointAbandon()). */
    void (*done)(qemuEndpoint *endpoint, void *opaque);
} qemuEndpointCallbacks;

/**
 * qemuEndpointNew:
 * @io: whose thread does the work
 * @path: of the socket (borrowed)
 * @sink: where events go
 * @callbacks: static
 * @opaque: given to all of them
 *
 * Nothing happens before qemuEndpointStart().
 */
qemuEndpoint *qemuEndpointNew(virIOLoop *io, const char *path, qemuEventSink *sink,
                              const qemuEndpointCallbacks *callbacks, void *opaque);
/* Ends the connection and gives up the reference on the domain, which is not told of an end; no
 * callback follows. Not inside a callback but done(). */
void qemuEndpointFree(qemuEndpoint *endpoint);

/* Connects now, if it is not connected. settled() may be called before this returns. */
void qemuEndpointStart(qemuEndpoint *endpoint);
/* As above, with the pauses between attempts as for a new socket. */
void qemuEndpointHurry(qemuEndpoint *endpoint);
/* No more attempts: when the connection there is (if any) has ended, done() is called, perhaps
 * before this returns. */
void qemuEndpointAbandon(qemuEndpoint *endpoint);

const char *qemuEndpointPath(const qemuEndpoint *endpoint);
/* Whether it holds a connection, be it only a waiting one. */
bool qemuEndpointIsConnected(const qemuEndpoint *endpoint);
/* Whether that connection is one to the socket with this identity: the path may lead to another
 * by now. */
bool qemuEndpointIsOn(const qemuEndpoint *endpoint, dev_t dev, ino_t ino);
bool qemuEndpointIsBusy(const qemuEndpoint *endpoint);
/* The domain behind it, or NULL; borrowed. */
virDomainObj *qemuEndpointDomain(const qemuEndpoint *endpoint);
