/*
 * virnetmessage.h: packets: what is in one, and how one is made
 *
 * Both directions in memory only; sockets are in virnetsocket.h, how a stream of bytes becomes
 * frames in virnetreader.h, and the queue of what is to be sent in virnetwriter.h. Event
 * messages that go to many are in virnetevent.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include "virnetprotocol.h"

/* What the length word may say. */
#define VIR_NET_MESSAGE_LEN_MIN (VIR_NET_MESSAGE_LEN_SIZE + VIR_NET_MESSAGE_HEADER_SIZE)
#define VIR_NET_MESSAGE_LEN_MAX (VIR_NET_MESSAGE_LEN_SIZE + VIR_NET_MESSAGE_BODY_MAX)

/* A packet that came, as long as the function runs that it is given to. */
typedef struct {
    virNetMessageHeader header;
    const char *payload;        /* borrowed; behind the header and the number of fds */
    size_t len;                 /* of the payload */
    int *fds;                   /* borrowed array; an fd is kept by replacing it by -1 */
    size_t nfds;
} virNetFrame;

/* A packet to be sent: immutable, owned by one at a time. */
typedef struct _virNetMessage virNetMessage;

/**
 * virNetMessageNew:
 * @header: what it says of itself; with @nfds > 0 a call or reply becomes one of the type with fds
 * @filter: how @data is encoded; NULL: there is no payload
 * @data: what @filter encodes (borrowed; not const, as XDR writes characters back)
 * @fds: to be sent behind the packet (borrowed: duplicated), at most VIR_NET_MESSAGE_FDS_MAX
 *
 * Returns NULL with VIR_ERR_RPC reported if it doesn't fit into a packet, has a string or an
 * array above its limit or NULL where there must be a string, VIR_ERR_SYSTEM_ERROR if an fd
 * cannot be duplicated.
 */
virNetMessage *virNetMessageNew(const virNetMessageHeader *header, xdrproc_t filter,
                                void *data, const int *fds, size_t nfds);
/**
 * virNetMessageNewError:
 * @call: the header of what failed; the answer's is made of it
 * @err: why (borrowed); NULL or code 0: "an error, but its cause is unknown"
 *
 * A text that is too long to be sent is cut. Never NULL.
 */
virNetMessage *virNetMessageNewError(const virNetMessageHeader *call, const virError *err);
void virNetMessageFree(virNetMessage *msg);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetMessage, virNetMessageFree)

const virNetMessageHeader *virNetMessageGetHeader(const virNetMessage *msg);
/* The whole packet with its length word. Borrowed. */
const char *virNetMessageGetBytes(const virNetMessage *msg, size_t *len);
/* The duplicates, which stay the message's. Borrowed. */
const int *virNetMessageGetFDs(const virNetMessage *msg, size_t *nfds);
/* There is a password in it: it is wiped when it is freed. */
void virNetMessageSetSecret(virNetMessage *msg);
/* A call gets its serial when it is sent, not when it is made. */
void virNetMessageSetSerial(virNetMessage *msg, unsigned int serial);

/* The length word at @bytes, which are at least VIR_NET_MESSAGE_LEN_SIZE. */
uint32_t virNetMessageReadLength(const char *bytes);
/* The header at @bytes, which are at least VIR_NET_MESSAGE_HEADER_SIZE. Never fails: any type
 * and status is let through. */
void virNetMessageReadHeader(const char *bytes, virNetMessageHeader *header);
/* Writes VIR_NET_MESSAGE_LEN_SIZE + VIR_NET_MESSAGE_HEADER_SIZE bytes at @bytes. */
void virNetMessageWriteHeader(char *bytes, uint32_t len, const virNetMessageHeader *header);
/* Whether packets of that type have a number of fds behind the header. */
bool virNetMessageTypeHasFDs(int type);

/**
 * virNetMessageDecode:
 * @payload: what came (borrowed)
 * @len: of @payload
 * @filter: how it is encoded; NULL: it isn't looked at
 * @data: what is filled; whatever was there is overwritten; to be freed by xdr_free()
 * @size: of @data
 *
 * Bytes left over are ignored.
 *
 * Returns 0; or -1 with VIR_ERR_RPC reported and nothing but zeros at @data.
 */
int virNetMessageDecode(const char *payload, size_t len, xdrproc_t filter, void *data,
                        size_t size);

/**
 * virNetMessageRaise:
 * @payload: the payload of a reply whose status is VIR_NET_ERROR (borrowed)
 * @len: of @payload
 *
 * Makes what the other side says went wrong the calling thread's error. "unknown procedure"
 * becomes VIR_ERR_NO_SUPPORT, so that callers can fall back to what is older. Something is
 * reported in any case.
 */
void virNetMessageRaise(const char *payload, size_t len);
