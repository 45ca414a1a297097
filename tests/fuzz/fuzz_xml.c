/*
 * fuzz_xml.c: any bytes as a domain's description, which the shell takes from a daemon
 *
 * What is selected must be text; that something was wrong must be said. No file is read for it, and
 * nothing is fetched: the parser's hook for that ends the program.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdint.h>
#include <string.h>

#include "virtmon_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Noreturn xmlParserInputPtr
loadNothing(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
    (void)id, (void)ctxt;
    /* The document itself comes from memory. */
    g_error("'%s' would be read", url ? url : "something");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    static const char *const paths[] = { "//title", "/domain/name/text()", "//@*" };
    size_t i;

    xmlSetExternalEntityLoader(loadNothing);
    for (i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *why = NULL;
        g_autofree char *nodes = virtmonXMLSelect(text, paths[i], i == 0, &why);
        g_autofree char *one = virtmonXMLText(text, paths[i]);

        g_assert_true((nodes == NULL) == (why != NULL));
        if (nodes)
            g_assert_true(g_utf8_validate(nodes, -1, NULL));
        if (one)
            g_assert_true(g_utf8_validate(one, -1, NULL));
    }
    return 0;
}
