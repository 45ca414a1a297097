/*
 * fuzz_cmdline.c: NUL-separated words as a QEMU's command line
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "qemu_cmdline.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(qemuCmdline) cmdline = NULL;
    size_t at = 0;

    while (at < size) {
        const uint8_t *nul = memchr(data + at, '\0', size - at);
        size_t len = nul ? (size_t)(nul - data) - at : size - at;

        g_ptr_array_add(words, g_strndup((const char *)data + at, len));
        at += len + 1;
    }
    if (words->len == 0)
        return 0;
    g_ptr_array_add(words, NULL);
    cmdline = qemuCmdlineParse((char **)words->pdata);
    g_assert_nonnull(cmdline);
    virResetLastError();
    return 0;
}
