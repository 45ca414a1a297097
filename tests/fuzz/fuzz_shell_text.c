/*
 * fuzz_shell_text.c: any bytes that the shell prints, on a terminal, or laid out as JSON
 *
 * What is made safe for a terminal is UTF-8 without anything that steers one, and stays as it is
 * when it is made safe again. JSON stays the JSON that it was.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "virtmon_json.h"
#include "virtmon_qmp.h"
#include "vsh.h"
#include "vsh_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
testEscape(const char *text, bool lines)
{
    g_autofree char *safe = vshEscape(text, lines);
    g_autofree char *twice = vshEscape(safe, lines);
    g_autofree char *padded = vshPad(safe, 10);
    const char *p;

    g_assert_true(g_utf8_validate(safe, -1, NULL));
    g_assert_cmpstr(safe, ==, twice);
    g_assert_true(g_str_has_prefix(padded, safe));
    for (p = safe; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        g_assert_true(!g_unichar_iscntrl(c) || (lines && strchr("\r\n\t", c)));
        g_assert_false((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
    }
}

static void
testJSON(const char *text)
{
    g_autofree char *why = NULL;
    g_autofree char *compact = virtmonJSONCompact(text, NULL, &why);
    g_autofree char *again = NULL;
    g_autofree char *pretty = NULL;
    g_autofree char *same = NULL;

    g_assert_true((compact == NULL) == (why != NULL));
    if (!compact)
        return;
    again = virtmonJSONCompact(compact, NULL, NULL);
    g_assert_cmpstr(compact, ==, again);
    if ((pretty = vshJSONPretty(text))) {
        same = virtmonJSONCompact(pretty, NULL, NULL);
        g_assert_nonnull(same);
    }
}

static void
testCommand(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 10);
    g_autofree char *wrong = NULL;
    g_autofree char *why = NULL;
    g_autofree char *command = NULL;

    if (!words[0])
        return;
    command = virtmonQMPFromWords((const char *const *)words, &wrong, &why);
    /* What is no text stays none, and is QEMU's to refuse. */
    if (command)
        g_assert_true(virtmonJSONIsObject(command) || !g_utf8_validate(text, -1, NULL));
    else
        g_assert_nonnull(why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);

    testEscape(text, false);
    testEscape(text, true);
    testJSON(text);
    testCommand(text);
    return 0;
}
