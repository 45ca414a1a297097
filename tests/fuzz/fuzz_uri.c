/*
 * fuzz_uri.c: any bytes as a URI, and what the QEMU driver makes of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>

#include "qemu_uri.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(virURI) uri = virURIParse(text);
    g_autoptr(qemuURI) config = NULL;

    if (!uri)
        g_assert_nonnull(virGetLastError());
    else if (uri->scheme && qemuURIParse(uri, &config) < 0)
        g_assert_nonnull(virGetLastError());
    virResetLastError();
    return 0;
}
