/*
 * virnetreader.c: whole packets out of a socket's bytes, with their file descriptors
 *
 * A file descriptor comes with a byte of its own behind the packet that announced it. The kernel
 * ends a read with the bytes that fds were sent with, so whatever else there is can be read in
 * bulk and an fd's place in the stream is still known: the last byte of its read.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetreader.h"

#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netreader");

/* Bytes of the word that tells how many fds come. */
#define VIR_NET_READER_FDS_SIZE 4

/* An fd and its byte, counted from the first byte that isn't handed out yet. */
typedef struct {
    size_t at;
    int fd;
} virNetReaderFD;

struct _virNetReader {
    virNetSocket *sock;
    size_t max;                 /* bytes of the longest packet */
    bool paused;                /* what is kept may have whole packets in it */
    bool secret;                /* what is kept is wiped before it is freed */
    char *kept;                 /* bytes from @start to @end weren't handed out */
    size_t start, end;
    size_t size;                /* of @kept */
    /* One packet's fds at most: a read that brings one anywhere else is an error at once. */
    virNetReaderFD fds[VIR_NET_MESSAGE_FDS_MAX];
    size_t nfds;
    virNetReaderKeepsFunc keeps;        /* NULL: nobody wants to know */
    void *opaque;
};

virNetReader *
virNetReaderNew(virNetSocket *sock)
{
    virNetReader *reader = g_new0(virNetReader, 1);

    reader->sock = sock;
    reader->max = VIR_NET_MESSAGE_LEN_MAX;
    return reader;
}

static void
virNetReaderFreeKept(virNetReader *reader)
{
    if (reader->secret && reader->kept)
        explicit_bzero(reader->kept, reader->size);
    g_free(g_steal_pointer(&reader->kept));
}

void
virNetReaderFree(virNetReader *reader)
{
    size_t i;

    if (!reader)
        return;
    for (i = 0; i < reader->nfds; i++)
        close(reader->fds[i].fd);
    virNetReaderFreeKept(reader);
    g_free(reader);
}

void
virNetReaderSetMax(virNetReader *reader, size_t max)
{
    reader->max = max;
}

void
virNetReaderSetSecret(virNetReader *reader, bool secret)
{
    /* What comes from now on may be kept, but not what was there before. */
    if (reader->secret && !secret && reader->kept) {
        explicit_bzero(reader->kept, reader->start);
        explicit_bzero(reader->kept + reader->end, reader->size - reader->end);
    }
    reader->secret = secret;
}

void
virNetReaderSetKeeps(virNetReader *reader, virNetReaderKeepsFunc keeps, void *opaque)
{
    reader->keeps = keeps;
    reader->opaque = opaque;
}

static int
virNetReaderTell(virNetReader *reader, size_t bytes)
{
    return reader->keeps ? reader->keeps(bytes, reader->nfds, reader->opaque) : 0;
}

size_t
virNetReaderBytes(virNetReader *reader)
{
    return reader->end - reader->start;
}

/* What is known of the packet at the beginning of some bytes. */
typedef struct {
    virNetMessageHeader header;
    size_t len;                 /* with the length word; 0: not known yet */
    size_t head;                /* bytes before the payload */
    size_t nfds;                /* that follow it, each with a byte of its own */
    bool whole;                 /* it is all there, fds included */
} virNetReaderPacket;

/* Whether the byte @at brought an fd. */
static bool
virNetReaderHasFD(virNetReader *reader, size_t at)
{
    size_t i;

    for (i = 0; i < reader->nfds; i++) {
        if (reader->fds[i].at == at)
            return true;
    }
    return false;
}

/* Returns 0, or -1 with an error reported if this is no packet. */
static int
virNetReaderLook(virNetReader *reader, const char *data, size_t len, size_t at,
                 virNetReaderPacket *packet)
{
    size_t have = len - at;
    size_t i;

    memset(packet, 0, sizeof(*packet));
    if (have < VIR_NET_MESSAGE_LEN_SIZE)
        return 0;
    packet->len = virNetMessageReadLength(data + at);
    if (packet->len < VIR_NET_MESSAGE_LEN_MIN) {
        virReportError(VIR_ERR_RPC, _("packet of %1$zu bytes is too small, it needs %2$d"),
                       packet->len, VIR_NET_MESSAGE_LEN_MIN);
        return -1;
    }
    if (packet->len > reader->max) {
        virReportError(VIR_ERR_RPC, _("packet of %1$zu bytes is too large, the limit is %2$zu"),
                       packet->len, reader->max);
        return -1;
    }
    packet->head = VIR_NET_MESSAGE_LEN_MIN;
    if (have < packet->head)
        return 0;
    virNetMessageReadHeader(data + at + VIR_NET_MESSAGE_LEN_SIZE, &packet->header);

    if (virNetMessageTypeHasFDs(packet->header.type)) {
        if (packet->len < packet->head + VIR_NET_READER_FDS_SIZE) {
            virReportError(VIR_ERR_RPC, "%s",
                           _("packet does not say how many file descriptors come with it"));
            return -1;
        }
        if (have < packet->head + VIR_NET_READER_FDS_SIZE)
            return 0;
        packet->nfds = virNetMessageReadLength(data + at + packet->head);
        packet->head += VIR_NET_READER_FDS_SIZE;
        if (packet->nfds > VIR_NET_MESSAGE_FDS_MAX) {
            virReportError(VIR_ERR_RPC,
                           _("packet with %1$zu file descriptors, the limit is %2$d"),
                           packet->nfds, VIR_NET_MESSAGE_FDS_MAX);
            return -1;
        }
        if (packet->nfds > 0 && !virNetSocketCanPassFDs(reader->sock)) {
            virReportError(VIR_ERR_RPC, "%s",
                           _("packet with file descriptors on a connection that has none"));
            return -1;
        }
    }

    for (i = 0; i < packet->nfds && packet->len + i < have; i++) {
        if (!virNetReaderHasFD(reader, at + packet->len + i)) {
            virReportError(VIR_ERR_RPC,
                           _("packet announces %1$zu file descriptors, but %2$zu came"),
                           packet->nfds, i);
            return -1;
        }
    }
    packet->whole = have >= packet->len + packet->nfds;
    return 0;
}

static virNetReaderVerdict
virNetReaderHandOut(virNetReader *reader, const char *data, const virNetReaderPacket *packet,
                    virNetReaderFunc func, void *opaque)
{
    int fds[VIR_NET_MESSAGE_FDS_MAX];
    virNetFrame frame = {
        .header = packet->header,
        .payload = data + packet->head,
        .len = packet->len - packet->head,
        .fds = fds,
        .nfds = packet->nfds,
    };
    virNetReaderVerdict verdict;
    size_t i;

    /* They are in order, and those of this packet are the first. */
    for (i = 0; i < packet->nfds; i++)
        fds[i] = reader->fds[i].fd;
    reader->nfds -= packet->nfds;
    memmove(reader->fds, reader->fds + packet->nfds, reader->nfds * sizeof(reader->fds[0]));
    if (packet->nfds > 0)
        virNetReaderTell(reader, reader->size);

    verdict = func(&frame, opaque);
    for (i = 0; i < packet->nfds; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return verdict;
}

/**
 * virNetReaderParse:
 * @data: all that isn't handed out yet
 * @len: of @data
 * @done: how much of it was handed out now (returns)
 *
 * Hands out packets until there is no whole one, or @func wants no more.
 */
static virNetReaderResult
virNetReaderParse(virNetReader *reader, const char *data, size_t len, size_t *done,
                  virNetReaderFunc func, void *opaque)
{
    virNetReaderPacket packet;
    size_t at = 0;
    size_t i;

    *done = 0;
    for (;;) {
        virNetReaderVerdict verdict;

        if (virNetReaderLook(reader, data, len, at, &packet) < 0)
            return VIR_NET_READER_ERROR;
        if (!packet.whole)
            break;
        verdict = virNetReaderHandOut(reader, data + at, &packet, func, opaque);
        at += packet.len + packet.nfds;
        if (verdict == VIR_NET_READER_CLOSE)
            return VIR_NET_READER_CLOSED;
        if (verdict == VIR_NET_READER_PAUSE) {
            *done = at;
            for (i = 0; i < reader->nfds; i++)
                reader->fds[i].at -= at;
            return VIR_NET_READER_PAUSED;
        }
    }

    /* What is left may wait for more fds, but may not have got any elsewhere. */
    for (i = 0; i < reader->nfds; i++) {
        if (packet.nfds == 0 || reader->fds[i].at < at + packet.len) {
            virReportError(VIR_ERR_RPC, "%s", _("file descriptor that no packet announced"));
            return VIR_NET_READER_ERROR;
        }
        reader->fds[i].at -= at;
    }
    *done = at;
    return VIR_NET_READER_WAIT;
}

/* Keeps what is left of @data, which is the lent buffer or what is kept already. Returns 0, or -1
 * with an error reported. */
static int
virNetReaderKeep(virNetReader *reader, const char *data, size_t len, size_t done)
{
    size_t left = len - done;

    if (left == 0) {
        virNetReaderFreeKept(reader);
        reader->start = reader->end = reader->size = 0;
        virNetReaderTell(reader, 0);
    } else if (reader->kept && data == reader->kept + reader->start) {
        reader->start += done;
    } else {
        if (left > reader->size || left < reader->size / 4) {
            if (virNetReaderTell(reader, left) < 0)
                return -1;
            virNetReaderFreeKept(reader);
            reader->kept = g_malloc(left);
            reader->size = left;
        }
        memcpy(reader->kept, data + done, left);
        reader->start = 0;
        reader->end = left;
    }
    return 0;
}

/* Reads behind what is in @data; returns as virNetSocketRead(). */
static ssize_t
virNetReaderReceive(virNetReader *reader, char *data, size_t len, size_t size)
{
    int fds[VIR_NET_SOCKET_READ_FDS_MAX];
    size_t nfds;
    ssize_t n = virNetSocketRead(reader->sock, data + len, size - len, fds, &nfds);
    size_t i;

    if (n <= 0 || nfds == 0)
        return n;
    if (nfds > 1 || reader->nfds == G_N_ELEMENTS(reader->fds)) {
        for (i = 0; i < nfds; i++)
            close(fds[i]);
        virReportError(VIR_ERR_RPC, "%s", _("file descriptor that no packet announced"));
        return -1;
    }
    reader->fds[reader->nfds].at = len + n - 1;
    reader->fds[reader->nfds++].fd = fds[0];
    return virNetReaderTell(reader, reader->size) < 0 ? -1 : n;
}

/* Makes room behind what is kept, but for no more than a packet that is half as large as it says
 * would need: whoever announces much must send much before it costs much. Returns 0, or -1 with an
 * error reported. */
static int
virNetReaderGrow(virNetReader *reader)
{
    size_t have = reader->end - reader->start;
    size_t want = MIN(2 * have, virNetMessageReadLength(reader->kept + reader->start) +
                      VIR_NET_MESSAGE_FDS_MAX);

    want = MAX(want, have) + VIR_NET_SOCKET_READ_MIN;
    if (reader->start > 0) {
        memmove(reader->kept, reader->kept + reader->start, have);
        reader->start = 0;
        reader->end = have;
    }
    if (reader->size < have + VIR_NET_SOCKET_READ_MIN) {
        if (virNetReaderTell(reader, want) < 0)
            return -1;
        if (reader->secret) {
            char *kept = g_malloc(want);

            memcpy(kept, reader->kept, have);
            virNetReaderFreeKept(reader);
            reader->kept = kept;
        } else {
            reader->kept = g_realloc(reader->kept, want);
        }
        reader->size = want;
    }
    return 0;
}

/* As virNetReaderRun(). @used: how much of @buffer was written to (returns) */
static virNetReaderResult
virNetReaderTurn(virNetReader *reader, char *buffer, size_t size, size_t *used,
                 virNetReaderFunc func, void *opaque)
{
    virNetReaderResult result;
    size_t have;
    size_t done;
    char *data;
    ssize_t n;

    *used = 0;
    have = reader->end - reader->start;
    if (reader->paused && have > 0) {
        data = reader->kept + reader->start;
        result = virNetReaderParse(reader, data, have, &done, func, opaque);
        reader->paused = result == VIR_NET_READER_PAUSED;
        if ((result == VIR_NET_READER_PAUSED || result == VIR_NET_READER_WAIT) &&
            virNetReaderKeep(reader, data, have, done) < 0)
            return VIR_NET_READER_ERROR;
        if (result != VIR_NET_READER_WAIT)
            return result;
    }

    /* A little is copied into the lent buffer, so that it is read in bulk again; much is not
     * moved about any more. */
    have = reader->end - reader->start;
    if (have <= size - VIR_NET_SOCKET_READ_MIN) {
        if (have > 0)
            memcpy(buffer, reader->kept + reader->start, have);
        data = buffer;
        *used = have;
    } else {
        if (virNetReaderGrow(reader) < 0)
            return VIR_NET_READER_ERROR;
        data = reader->kept;
        size = reader->size;
    }
    n = virNetReaderReceive(reader, data, have, size);
    if (n == VIR_NET_SOCKET_EOF)
        return VIR_NET_READER_EOF;
    if (n < 0)
        return VIR_NET_READER_ERROR;
    if (n == 0)
        return VIR_NET_READER_WAIT;

    have += n;
    if (data == reader->kept)
        reader->end = have;
    else
        *used = have;
    result = virNetReaderParse(reader, data, have, &done, func, opaque);
    reader->paused = result == VIR_NET_READER_PAUSED;
    if ((result == VIR_NET_READER_PAUSED || result == VIR_NET_READER_WAIT) &&
        virNetReaderKeep(reader, data, have, done) < 0)
        return VIR_NET_READER_ERROR;
    return result;
}

virNetReaderResult
virNetReaderRun(virNetReader *reader, char *buffer, size_t size, virNetReaderFunc func,
                void *opaque)
{
    bool secret = reader->secret;       /* @func may know better for what comes next */
    size_t used;
    virNetReaderResult result = virNetReaderTurn(reader, buffer, size, &used, func, opaque);

    if (secret)
        explicit_bzero(buffer, used);
    return result;
}
