/*
 * virnetclient.h: the client's side of a connection
 *
 * Calls that wait for their replies, in any number of threads; events; keepalive. All connections
 * of the process share one I/O thread, "virtmon-rpc", which is there as long as one of them
 * is. What is said to make a connection usable (authentication, opening) is the remote driver's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include <libvirt/libvirt.h>
#include "virnetmessage.h"
#include "virnetsocket.h"

typedef struct _virNetClient virNetClient;

/* Programs whose events this client understands. An event of any other closes the connection. */
typedef struct {
    unsigned int program;
    unsigned int version;
} virNetClientProgram;

/* All run in the I/O thread with no lock held. They must not block, call virNetClientCall() or
 * free the client. Each may be NULL. */
typedef struct {
    /* An event came; @frame and its payload are borrowed from the read buffer. */
    void (*event)(virNetClient *client, const virNetFrame *frame, void *opaque);
    /* That was the last event of this read: time to hand on what was gathered. */
    void (*batchEnd)(virNetClient *client, void *opaque);
    /* The connection is gone; once, after the last event. Calls that waited have failed or are
     * about to. Not called if it ended by virNetClientFree() alone. */
    void (*closed)(virNetClient *client, virConnectCloseReason reason, void *opaque);
    /* Before more is read: whether it can be taken; @awaited: some call waits for its reply. If not,
     * little is read until virNetClientSetEasedFD()'s descriptor is readable. */
    bool (*mayRead)(virNetClient *client, bool awaited, void *opaque);
} virNetClientFuncs;

/**
 * virNetClientNew:
 * @sock: connected, its handshake done (taken, also on failure)
 * @programs: ends with a program 0 (borrowed for the client's life)
 * @funcs, @opaque: (borrowed for the client's life)
 *
 * Returns NULL with an error reported if there can be no I/O thread.
 */
virNetClient *virNetClientNew(virNetSocket *sock, const virNetClientProgram *programs,
                              const virNetClientFuncs *funcs, void *opaque);
/* Closes the connection and waits until the I/O thread has let go of it: none of @funcs runs any
 * more. Not from the I/O thread, nor while a call waits. */
void virNetClientFree(virNetClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetClient, virNetClientFree)
/* Any thread: closes the connection with VIR_CONNECT_CLOSE_REASON_CLIENT; calls that wait fail. */
void virNetClientClose(virNetClient *client);
/* Any thread. */
bool virNetClientIsOpen(virNetClient *client);

/* A reply that isn't an error came. Runs in the I/O thread before anything that came behind it is
 * looked at, and before the caller wakes up. @frame is borrowed. */
typedef void (*virNetClientReplyFunc)(const virNetFrame *frame, void *opaque);

/* Zeros are fine for what isn't needed. */
typedef struct {
    unsigned int program;
    unsigned int version;
    int procedure;
    xdrproc_t argFilter;        /* NULL: no arguments */
    const void *args;           /* as virNetMessageNew() wants it */
    xdrproc_t retFilter;        /* NULL: the return value isn't looked at */
    void *ret;                  /* filled on success, to be freed by xdr_free() */
    size_t retSize;
    const int *fds;             /* to be sent along (borrowed); unix sockets only */
    size_t nfds;
    bool secret;                /* there may be a password in @args: the packet is wiped */
    virNetClientReplyFunc reply;
    void *opaque;
    /* Returns: fds that came with the reply, the caller's to close and free; NULL if none. */
    int *retFDs;
    size_t nretFDs;
} virNetClientCallData;

/**
 * virNetClientCall:
 *
 * Sends a call and waits for its reply, however long that takes. Any thread but the I/O
 * thread; several may wait at once.
 *
 * Returns 0, or -1 with an error reported: what the server says; VIR_ERR_RPC if arguments or
 * reply can't be encoded or decoded; VIR_ERR_INTERNAL_ERROR "client socket is closed" if it was
 * closed before; the reason of its end if it ends meanwhile.
 */
int virNetClientCall(virNetClient *client, virNetClientCallData *call);

/* Once, any thread but the I/O thread: asks virNetClientFuncs.mayRead again when @fd, an eventfd that
 * is read thereby, is readable (borrowed for the client's life). -1 with an error reported. */
int virNetClientSetEasedFD(virNetClient *client, int fd);
/* Pings from now on, or stops (interval <= 0): see virKeepAliveStart(). Any thread. A server that
 * doesn't answer is VIR_CONNECT_CLOSE_REASON_KEEPALIVE. */
void virNetClientSetKeepAlive(virNetClient *client, int interval, unsigned int count);

/**
 * virNetClientSetSASL:
 * @session: of a complete exchange (taken)
 *
 * What is sent and comes from now on goes through the session's layer, if it has one. While no call
 * waits, before other threads know of @client.
 *
 * Returns 0, or -1 with an error reported: the server has sent more than the end of the exchange
 * without it, or the connection is closed.
 */
int virNetClientSetSASL(virNetClient *client, virNetSASLSession *session);

/* As the socket's; any thread. Borrowed. */
const char *virNetClientGetLocalAddress(virNetClient *client);
const char *virNetClientGetRemoteAddress(virNetClient *client);
bool virNetClientIsEncrypted(virNetClient *client);
bool virNetClientIsSecure(virNetClient *client);
bool virNetClientCanPassFDs(virNetClient *client);
int virNetClientGetTLSKeySize(virNetClient *client);
