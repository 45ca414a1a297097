/*
 * fuzz_remote_event.c: any bytes as messages that a daemon sends to a client, one after the other
 *
 * Of each: a byte for the program, 0 remote, 1 QEMU; two for the procedure; two for the length of
 * the payload, which follows.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "qemu_protocol.h"
#include "remote_event.h"
#include "remote_protocol.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 5

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(remoteEvents) events = NULL;
    static bool registered;

    if (!registered) {
        g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
        registered = true;
    }
    events = remoteEventsNew();
    g_assert_nonnull(events);
    while (size >= HEAD) {
        size_t len = MIN((size_t)(data[3] << 8 | data[4]), size - HEAD);
        /* Of its own size, so that the sanitizer sees a byte too many being read. */
        g_autofree char *payload = memcpy(g_malloc(MAX(len, 1)), data + HEAD, len);
        virNetFrame frame = {
            .header = { .prog = data[0] & 1 ? QEMU_PROGRAM : REMOTE_PROGRAM,
                        .proc = data[1] << 8 | data[2], .type = VIR_NET_MESSAGE },
            .payload = payload, .len = len,
        };

        remoteEventsTake(events, &frame);
        g_assert_null(virGetLastError());
        data += HEAD + len;
        size -= HEAD + len;
    }
    remoteEventsFlush(events);
    return 0;
}
