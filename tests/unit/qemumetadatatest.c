/*
 * qemumetadatatest.c: titles, descriptions and elements, and what is none
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_metadata.h"

#include <string.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "virerror_priv.h"

enum {
    DESCRIPTION = VIR_DOMAIN_METADATA_DESCRIPTION,
    TITLE = VIR_DOMAIN_METADATA_TITLE,
    ELEMENT = VIR_DOMAIN_METADATA_ELEMENT,
};

static void
assertGets(qemuMetadata *metadata, int type, const char *uri, const char *expected)
{
    g_autofree char *text = qemuMetadataGet(metadata, type, uri);

    g_assert_cmpstr(text, ==, expected);
    if (!expected)
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_NO_DOMAIN_METADATA);
    virResetLastError();
}

static void
assertRefuses(qemuMetadata *metadata, int type, const char *text, const char *key,
              const char *uri, int code, const char *part)
{
    g_assert_cmpint(qemuMetadataSet(metadata, type, text, key, uri), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_test_message("%s", virGetLastErrorMessage());
    g_assert_nonnull(strstr(virGetLastErrorMessage(), part));
    virResetLastError();
}

static void
testTexts(void)
{
    g_autoptr(qemuMetadata) metadata = qemuMetadataNew();
    g_autofree char *none = qemuMetadataFormatTexts(metadata);
    g_autofree char *both = NULL;

    g_assert_cmpstr(none, ==, "");
    assertGets(metadata, TITLE, NULL, NULL);
    assertGets(metadata, DESCRIPTION, NULL, NULL);
    g_assert_cmpint(qemuMetadataSet(metadata, TITLE, "a & b", NULL, NULL), ==, 0);
    g_assert_cmpint(qemuMetadataSet(metadata, DESCRIPTION, "two\nlines", NULL, NULL), ==, 0);
    assertGets(metadata, TITLE, NULL, "a & b");
    assertGets(metadata, DESCRIPTION, NULL, "two\nlines");
    both = qemuMetadataFormatTexts(metadata);
    g_assert_cmpstr(both, ==, "  <title>a &amp; b</title>\n"
                    "  <description>two&#10;lines</description>\n");
    g_assert_cmpint(qemuMetadataSet(metadata, TITLE, "", NULL, NULL), ==, 0);
    g_assert_cmpint(qemuMetadataSet(metadata, DESCRIPTION, NULL, NULL, NULL), ==, 0);
    assertGets(metadata, TITLE, NULL, NULL);
    assertGets(metadata, DESCRIPTION, NULL, NULL);
}

/* What libvirt 9.0's test driver gave for the same. */
static void
testElements(void)
{
    g_autoptr(qemuMetadata) metadata = qemuMetadataNew();
    g_autofree char *full = NULL;

    g_assert_cmpint(qemuMetadataSet(metadata, ELEMENT, "<a b=\"1\"><c>t &amp; u</c></a>", "x",
                                    "urn:x"), ==, 0);
    g_assert_cmpint(qemuMetadataSet(metadata, ELEMENT, "<b/>", "x", "urn:z"), ==, 0);
    assertGets(metadata, ELEMENT, "urn:x", "<a b=\"1\">\n  <c>t &amp; u</c>\n</a>");
    assertGets(metadata, ELEMENT, "urn:z", "<b/>");
    assertGets(metadata, ELEMENT, "urn:y", NULL);
    full = qemuMetadataFormatElements(metadata);
    g_assert_cmpstr(full, ==, "    <x:a xmlns:x=\"urn:x\" b=\"1\">\n"
                    "      <x:c>t &amp; u</x:c>\n    </x:a>\n"
                    "    <x:b xmlns:x=\"urn:z\"/>\n");

    /* One for each namespace, and it keeps its place. */
    g_assert_cmpint(qemuMetadataSet(metadata, ELEMENT, "<n><!--c--><?pi x?></n>", "k", "urn:x"),
                    ==, 0);
    assertGets(metadata, ELEMENT, "urn:x", "<n>\n  <!--c-->\n  <?pi x?>\n</n>");
    g_assert_cmpint(qemuMetadataSet(metadata, ELEMENT, NULL, NULL, "urn:x"), ==, 0);
    assertGets(metadata, ELEMENT, "urn:x", NULL);
    assertGets(metadata, ELEMENT, "urn:z", "<b/>");
    g_assert_cmpint(qemuMetadataSet(metadata, ELEMENT, NULL, NULL, "urn:x"), ==, 0);
}

static void
testRefused(void)
{
    g_autoptr(qemuMetadata) metadata = qemuMetadataNew();
    g_autofree char *deep = g_strnfill(3000, 'x');
    g_autofree char *after = NULL;
    size_t i;

    assertRefuses(metadata, ELEMENT, "<a", "x", "urn:x", VIR_ERR_XML_DETAIL, "(metadata_xml):1:");
    assertRefuses(metadata, ELEMENT, "no xml", "x", "urn:x", VIR_ERR_XML_DETAIL,
                  "(metadata_xml):1:");
    assertRefuses(metadata, ELEMENT, "", "x", "urn:x", VIR_ERR_XML_DETAIL, "(metadata_xml):1:");
    assertRefuses(metadata, ELEMENT, "<!DOCTYPE a [<!ENTITY e 'ee'>]><a>&e;</a>", "x", "urn:x",
                  VIR_ERR_XML_DETAIL, "document type");
    assertRefuses(metadata, ELEMENT, "<a/>", "1x", "urn:x", VIR_ERR_INVALID_ARG, "'1x'");
    assertRefuses(metadata, ELEMENT, "<a/>", "xmlns", "urn:x", VIR_ERR_INVALID_ARG, "'xmlns'");
    assertRefuses(metadata, ELEMENT, "<a/>", "", "urn:x", VIR_ERR_INVALID_ARG, "''");
    assertRefuses(metadata, ELEMENT, "<x:a xmlns:x='urn:x'/>", "x", "urn:x", VIR_ERR_INVALID_ARG,
                  "'a' has a namespace");
    assertRefuses(metadata, ELEMENT, "<a xmlns:x='urn:y'/>", "x", "urn:x", VIR_ERR_INVALID_ARG,
                  "'x'");
    assertRefuses(metadata, TITLE, "\xff", NULL, NULL, VIR_ERR_INVALID_ARG, "UTF-8");
    assertRefuses(metadata, 7, "a", NULL, NULL, VIR_ERR_INVALID_ARG, "7");
    for (i = 0; i < 1000; i++)
        memcpy(deep + 3 * i, "<a>", 3);
    assertRefuses(metadata, ELEMENT, deep, "x", "urn:x", VIR_ERR_XML_DETAIL, "(metadata_xml):1:");
    after = qemuMetadataFormatElements(metadata);
    g_assert_cmpstr(after, ==, "");
}

static void
testLimits(void)
{
    g_autoptr(qemuMetadata) metadata = qemuMetadataNew();
    g_autofree char *text = g_strnfill(QEMU_METADATA_TEXT_MAX + 1, 'x');
    g_autofree char *element = NULL;
    size_t count = 0;

    assertRefuses(metadata, TITLE, text, NULL, NULL, VIR_ERR_INVALID_ARG, "65536 bytes");
    text[QEMU_METADATA_TEXT_MAX] = '\0';
    g_assert_cmpint(qemuMetadataSet(metadata, TITLE, text, NULL, NULL), ==, 0);
    /* Again takes no more. */
    for (count = 0; count < 10; count++)
        g_assert_cmpint(qemuMetadataSet(metadata, TITLE, text, NULL, NULL), ==, 0);

    text[QEMU_METADATA_TEXT_MAX / 2] = '\0';
    element = g_strdup_printf("<a>%s</a>", text);
    for (count = 0;; count++) {
        g_autofree char *uri = g_strdup_printf("urn:%zu", count);

        if (qemuMetadataSet(metadata, ELEMENT, element, "x", uri) < 0)
            break;
    }
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    virResetLastError();
    g_assert_cmpuint(count, ==, 2);
    assertGets(metadata, ELEMENT, "urn:2", NULL);

    /* There is room again. */
    g_assert_cmpint(qemuMetadataSet(metadata, TITLE, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(qemuMetadataSet(metadata, ELEMENT, element, "x", "urn:2"), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/metadata/texts", testTexts);
    g_test_add_func("/qemu/metadata/elements", testElements);
    g_test_add_func("/qemu/metadata/refused", testRefused);
    g_test_add_func("/qemu/metadata/limits", testLimits);
    return g_test_run();
}
