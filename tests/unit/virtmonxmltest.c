/*
 * virtmonxmltest.c: parts of a domain's XML description
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_xml.h"

#include <string.h>

static const char description[] =
    "<domain type='qemu' id='1'>\n"
    "  <name>g &amp; h</name>\n"
    "  <title>A title</title>\n"
    "  <devices>\n"
    "    <disk type='file'>\n"
    "      <source file='/d'/>\n"
    "    </disk>\n"
    "    <disk type='block'/>\n"
    "  </devices>\n"
    "</domain>\n";

static void
assertSelected(const char *xpath, bool wrap, const char *expected)
{
    g_autofree char *why = NULL;
    g_autofree char *text = virtmonXMLSelect(description, xpath, wrap, &why);

    g_assert_cmpstr(why, ==, NULL);
    g_assert_cmpstr(text, ==, expected);
}

static void
testSelect(void)
{
    assertSelected("//name", false, "<name>g &amp; h</name>\n");
    assertSelected("//name/text()", false, "g &amp; h\n");
    assertSelected("//disk", false,
                   "<disk type=\"file\">\n"
                   "  <source file=\"/d\"/>\n"
                   "</disk>\n"
                   "<disk type=\"block\"/>\n");
    assertSelected("//disk/@type", false, " type=\"file\"\n type=\"block\"\n");
    assertSelected("//nothing", false, "");
}

static void
testWrap(void)
{
    assertSelected("//disk", true,
                   "<nodes>\n"
                   "  <disk type=\"file\">\n"
                   "    <source file=\"/d\"/>\n"
                   "  </disk>\n"
                   "  <disk type=\"block\"/>\n"
                   "</nodes>\n");
    assertSelected("//nothing", true, "<nodes/>\n");
    assertSelected("//disk/@type", true, "<nodes type=\"block\"/>\n");
    assertSelected("//name/text()", true, "<nodes>g &amp; h</nodes>\n");
}

static void
testRefused(void)
{
    static const char *const wrong[] = { "///", "count(//disk)", "'text'", "", "nosuch()" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *why = NULL;

        g_assert_null(virtmonXMLSelect(description, wrong[i], false, &why));
        g_assert_true(g_str_has_prefix(why, "Incorrect xpath '"));
    }
}

static void
testNoXML(void)
{
    g_autofree char *why = NULL;

    g_assert_null(virtmonXMLSelect("<domain>", "//name", false, &why));
    g_assert_nonnull(why);
    g_assert_null(virtmonXMLText("", "//name"));
}

static void
testText(void)
{
    g_autofree char *title = virtmonXMLText(description, "/domain/title");
    g_autofree char *name = virtmonXMLText(description, "/domain/name");

    g_assert_cmpstr(title, ==, "A title");
    g_assert_cmpstr(name, ==, "g & h");
    g_assert_null(virtmonXMLText(description, "/domain/description"));
    /* which of two? */
    g_assert_null(virtmonXMLText(description, "//disk"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtmon/xml/select", testSelect);
    g_test_add_func("/virtmon/xml/wrap", testWrap);
    g_test_add_func("/virtmon/xml/refused", testRefused);
    g_test_add_func("/virtmon/xml/no-xml", testNoXML);
    g_test_add_func("/virtmon/xml/text", testText);
    return g_test_run();
}
