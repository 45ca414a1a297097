/*
 * fuzz_monitor_line.c: any bytes as a monitor's line, with yajl's own opinion as the oracle
 *
 * What is understood must be JSON, and what it says must be a fixed point: written
 * again it reads the same. A bad line must not spoil the next one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "qemu_monitor_line.h"
#include "virerror_priv.h"
#include "virjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *text, size_t len)
{
    g_autoptr(virJSONValue) value = virJSONValueFromString(text, len);
    g_autofree char *same = NULL;

    g_assert_nonnull(value);
    /* A NUL within a string is where the tree's texts end. */
    same = virJSONValueToString(value);
    if (!g_strstr_len(text, len, "\\u0000"))
        g_assert_cmpmem(text, len, same, strlen(same));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] = "{\"event\":\"STOP\",\"data\":{\"a\":[1,\"b\"]}}";
    static qemuMonitorParser *parser;
    qemuMonitorLine line;

    if (!parser)
        parser = qemuMonitorParserNew();
    if (qemuMonitorParserLine(parser, (const char *)data, size, &line) == 0) {
        check(line.text, line.textLen);
        if (line.type == QEMU_MONITOR_LINE_EVENT && line.data)
            check(line.data, line.dataLen);
    } else {
        g_assert_nonnull(virGetLastError());
    }
    g_assert_cmpint(qemuMonitorParserLine(parser, good, strlen(good), &line), ==, 0);
    g_assert_cmpstr(line.event, ==, "STOP");
    virResetLastError();
    return 0;
}
