/*
 * fuzz_monitor_line.c: any bytes as a monitor's line, with yajl as the oracle
 *
 * What is understood, and what is made of it, must be the same; and it must be a fixed
 * point: read again it says the same. A bad line must not spoil the next one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "qemu_monitor_line.h"
#include "virerror_priv.h"
#include "yajlline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] = "{\"event\":\"STOP\",\"data\":{\"a\":[1,\"b\"]}}";
    static qemuMonitorParser *parser;
    qemuMonitorLine line;

    if (!parser)
        parser = qemuMonitorParserNew();
    if (yajlLineCheck(parser, (const char *)data, size)) {
        g_autofree char *once = NULL;
        size_t len;

        g_assert_cmpint(qemuMonitorParserLine(parser, (const char *)data, size, &line), ==, 0);
        once = g_memdup2(line.text, len = line.textLen);
        g_assert_cmpint(qemuMonitorParserLine(parser, once, len, &line), ==, 0);
        g_assert_cmpmem(line.text, line.textLen, once, len);
    }
    g_assert_cmpint(qemuMonitorParserLine(parser, good, strlen(good), &line), ==, 0);
    g_assert_cmpstr(line.event, ==, "STOP");
    virResetLastError();
    return 0;
}
