/*
 * fuzz_net_frame.c: any bytes as the stream of a connection
 *
 * Where the stream is cut, and whether it is read with pauses, must make no difference to what
 * comes out of it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virnetreader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a socket takes at once, whatever its limits. */
#define SIZE_MAX_INPUT 65536

typedef struct {
    GString *frames;
    virNetReaderVerdict verdict;
} sink;

static virNetReaderVerdict
take(virNetFrame *frame, void *opaque)
{
    sink *out = opaque;
    const virNetMessageHeader *header = &frame->header;

    g_string_append_len(out->frames, (const char *)header, sizeof(*header));
    g_string_append_printf(out->frames, "%zu %zu ", frame->len, frame->nfds);
    g_string_append_len(out->frames, frame->payload, frame->len);
    return out->verdict;
}

/* Sends pieces of up to @piece bytes and reads each; returns how it ended. */
static virNetReaderResult
feed(const uint8_t *data, size_t size, size_t piece, virNetReaderVerdict verdict, GString *frames)
{
    static char buffer[VIR_NET_READER_BUFFER_MIN];
    sink out = { frames, verdict };
    virNetReaderResult result = VIR_NET_READER_WAIT;
    virNetSocket *sock;
    virNetReader *reader;
    int pair[2];
    char byte;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    sock = virNetSocketNewConnected(pair[0]);
    reader = virNetReaderNew(sock);
    while (size > 0 && result == VIR_NET_READER_WAIT) {
        ssize_t n = send(pair[1], data, MIN(size, piece), MSG_NOSIGNAL);

        g_assert_cmpint(n, >, 0);
        data += n;
        size -= n;
        do {
            result = virNetReaderRun(reader, buffer, sizeof(buffer), take, &out);
        } while (result == VIR_NET_READER_PAUSED ||
                 (result == VIR_NET_READER_WAIT &&
                  recv(pair[0], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1));
    }
    virNetReaderFree(reader);
    virNetSocketFree(sock);
    close(pair[1]);
    return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) whole = g_string_new(NULL);
    g_autoptr(GString) pieces = g_string_new(NULL);
    g_autoptr(GString) pauses = g_string_new(NULL);
    virNetReaderResult result;
    size_t piece;

    if (size > SIZE_MAX_INPUT)
        return 0;
    piece = size > 0 ? 1 + data[size / 2] % 64 : 1;
    result = feed(data, size, SIZE_MAX_INPUT, VIR_NET_READER_GO_ON, whole);
    g_assert_true(result == VIR_NET_READER_WAIT || result == VIR_NET_READER_ERROR);
    g_assert_cmpint(feed(data, size, piece, VIR_NET_READER_GO_ON, pieces), ==, result);
    g_assert_cmpmem(pieces->str, pieces->len, whole->str, whole->len);
    g_assert_cmpint(feed(data, size, SIZE_MAX_INPUT, VIR_NET_READER_PAUSE, pauses), ==, result);
    g_assert_cmpmem(pauses->str, pauses->len, whole->str, whole->len);
    virResetLastError();
    return 0;
}
