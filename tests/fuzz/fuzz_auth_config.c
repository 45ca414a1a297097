/*
 * fuzz_auth_config.c: any file with credentials
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stddef.h>
#include <stdint.h>

#include "virauthconfig.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "username", "authname", "password", "realm", "" };
    g_autoptr(virAuthConfig) config = virAuthConfigParse((const char *)data, size, "fuzz");
    size_t i;

    for (i = 0; config && i < G_N_ELEMENTS(names); i++) {
        const char *value = NULL;

        if (virAuthConfigLookup(config, "libvirt", i % 2 ? "host" : "", names[i], &value) < 0)
            g_assert_nonnull(virGetLastError());
    }
    if (!config)
        g_assert_nonnull(virGetLastError());
    virResetLastError();
    return 0;
}
