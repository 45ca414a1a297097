/*
 * fuzz_filter.c: a kind, a pattern and a name, separated by NULs: no filter takes long
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "event_filter.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *pattern = NULL;
    g_autoptr(virEventFilter) filter = NULL;
    const uint8_t *nul;

    if (size < 2)
        return 0;
    data++;
    size--;
    nul = memchr(data, '\0', size);
    pattern = g_strndup((const char *)data, nul ? (size_t)(nul - data) : size);
    filter = virEventFilterNew((uint8_t)text[0] % 3, text[0] & 4, pattern);
    if (filter && nul &&
        g_utf8_validate_len((const char *)nul + 1, data + size - nul - 1, NULL))
        virEventFilterMatches(filter, (const char *)nul + 1, data + size - nul - 1);
    virResetLastError();
    return 0;
}
