/*
 * virnetreader.h: whole packets out of a socket's bytes, with their file descriptors
 *
 * Reads as much as there is at once into a buffer that is lent to it, and hands out packets where
 * they lie: only what is cut off at the end is copied. What a packet is good for is decided by
 * who gets it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include "virnetmessage.h"
#include "virnetsocket.h"

/* Twice what the socket wants: room for an unfinished packet beside it. */
#define VIR_NET_READER_BUFFER_MIN (2 * VIR_NET_SOCKET_READ_MIN)

typedef struct _virNetReader virNetReader;

typedef enum {
    VIR_NET_READER_GO_ON,
    VIR_NET_READER_PAUSE,       /* no further packet until virNetReaderRun() is called again */
    VIR_NET_READER_CLOSE,       /* nothing more at all; an error is reported, or none is due */
} virNetReaderVerdict;

/* @frame is borrowed; fds in it that aren't replaced by -1 are closed afterwards. The reader
 * must not be freed in here. */
typedef virNetReaderVerdict (*virNetReaderFunc)(virNetFrame *frame, void *opaque);

typedef enum {
    VIR_NET_READER_WAIT,        /* until the socket can be read again, which may be now */
    VIR_NET_READER_PAUSED,      /* @func said so */
    VIR_NET_READER_EOF,         /* the other side has ended the stream; an error is reported */
    VIR_NET_READER_ERROR,       /* an error is reported: the socket's, or a packet that none is */
    VIR_NET_READER_CLOSED,      /* @func said so */
} virNetReaderResult;

/* @sock is borrowed for the reader's life. */
virNetReader *virNetReaderNew(virNetSocket *sock);
void virNetReaderFree(virNetReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetReader, virNetReaderFree)

/* No packet may be longer than that, with its length word; without it, VIR_NET_MESSAGE_LEN_MAX is
 * the limit. */
void virNetReaderSetMax(virNetReader *reader, size_t max);
/* What comes may be a password: of what was handed out, nothing stays in the lent buffer, nor in
 * memory that is freed. Not so at first. */
void virNetReaderSetSecret(virNetReader *reader, bool secret);
/* It is about to keep so much of packets that aren't whole, or handed out yet. Returns 0, or -1
 * with an error reported, which then ends the stream; what is no more than before is never
 * refused. */
typedef int (*virNetReaderKeepsFunc)(size_t bytes, size_t nfds, void *opaque);
void virNetReaderSetKeeps(virNetReader *reader, virNetReaderKeepsFunc keeps, void *opaque);
/**
 * virNetReaderRun:
 * @buffer: lent for the call
 * @size: of @buffer; at least VIR_NET_READER_BUFFER_MIN
 * @func: gets each packet
 *
 * Hands out what was left over when it was paused, then reads once and hands out what that
 * brought. VIR_NET_READER_EOF, _ERROR and _CLOSED are final.
 *
 * Fatal are a length word outside its limits, more fds than allowed, fds where none should be,
 * none where there should be one.
 */
virNetReaderResult virNetReaderRun(virNetReader *reader, char *buffer, size_t size,
                                   virNetReaderFunc func, void *opaque);
/* Bytes that it keeps between two runs. */
size_t virNetReaderBytes(virNetReader *reader);
