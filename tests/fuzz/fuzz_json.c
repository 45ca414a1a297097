/*
 * fuzz_json.c: any bytes as JSON; what was parsed and written parses to the same text
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "virerror_priv.h"
#include "virjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(virJSONValue) value = virJSONValueFromString((const char *)data, size);
    g_autoptr(virJSONValue) again = NULL;
    g_autofree char *text = NULL;
    g_autofree char *same = NULL;

    if (value) {
        text = virJSONValueToString(value);
        again = virJSONValueFromString(text, strlen(text));
        g_assert_nonnull(again);
        same = virJSONValueToString(again);
        g_assert_cmpstr(text, ==, same);
    } else {
        g_assert_nonnull(virGetLastError());
    }
    virResetLastError();
    return 0;
}
