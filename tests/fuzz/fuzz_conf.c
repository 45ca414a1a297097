/*
 * fuzz_conf.c: any bytes as a configuration file, be it virtmond's
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>

#include "remote_daemon_config.h"
#include "virconf.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each setting in each of the ways in which it can be asked for. */
static void
askForAll(virConf *conf)
{
    const char *const *list;
    const char *value;
    gint64 number;
    size_t line;
    size_t i;

    for (i = 0; i < virConfCount(conf); i++) {
        const char *name = virConfAt(conf, i, &line);

        g_assert_cmpuint(line, <=, virConfLine(conf, name));
        virConfGetString(conf, name, &value);
        virConfGetStringList(conf, name, &list);
        if (virConfGetNumber(conf, name, -10, 1000, &number) == 1)
            g_assert_true(number >= -10 && number <= 1000);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(virConf) conf = virConfParse((const char *)data, size, "fuzz");
    g_autoptr(remoteDaemonConfig) config = remoteDaemonConfigNew(true);

    if (conf) {
        askForAll(conf);
        virResetLastError();
        if (remoteDaemonConfigTake(config, conf) < 0)
            g_assert_nonnull(virGetLastError());
    } else {
        g_assert_nonnull(virGetLastError());
    }
    virResetLastError();
    return 0;
}
