/*
 * fuzz_net_message.c: any bytes as a return value, an event or an error, as a client gets them
 *
 * Byte 0: the program in bits 0 and 3, what it is in the two between: 0 a return value, 1 an event,
 * else an error; then two for the procedure; then the payload.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>

#include "netmessages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const netMessage *message = NULL;

    if (size < 3)
        return 0;
    if ((data[0] >> 1 & 3) >= 2) {
        virResetLastError();
        virNetMessageRaise((const char *)data + 3, size - 3);
        g_assert_nonnull(virGetLastError());
        g_assert_nonnull(virGetLastError()->message);
    } else if ((message = netMessageFind(data, data[0] >> 1 & 1 ? MESSAGE_MSG : MESSAGE_RET))) {
        netMessageCheck(message, (const char *)data + 3, size - 3);
    }
    virResetLastError();
    return 0;
}
