/*
 * fuzz_net_call.c: any bytes as the arguments of any procedure, as a server gets them
 *
 * Byte 0: the program, 0 remote, 1 QEMU, 8 admin, 9 virtmon's admin; then two for the procedure; then the arguments.
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
    const netMessage *message;

    if (size < 3 || !(message = netMessageFind(data, MESSAGE_ARGS)))
        return 0;
    netMessageCheck(message, (const char *)data + 3, size - 3);
    virResetLastError();
    return 0;
}
