/*
 * fuzz_conf.c: any bytes as a configuration file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>

#include "virconf.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(virConf) conf = virConfParse((const char *)data, size, "fuzz");
    const char *const *list;
    const char *value;

    if (conf) {
        virConfGetString(conf, "uri_default", &value);
        virConfGetStringList(conf, "uri_aliases", &list);
    } else {
        g_assert_nonnull(virGetLastError());
    }
    virResetLastError();
    return 0;
}
