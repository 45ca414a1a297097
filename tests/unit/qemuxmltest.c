/*
 * qemuxmltest.c: a domain's XML description, and what consumers find in it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_xml.h"

#include <string.h>
#include <unistd.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "qemufixture.h"
#include "virerror_priv.h"

/* libvirt's own idea of a description, which Debian's package of it brings along. */
#define SCHEMA "/usr/share/libvirt/schemas/domain.rng"

static xmlDocPtr
format(qemuFixture *f)
{
    g_autofree char *xml = qemuXMLFormatDomain(f->dom);
    xmlDocPtr doc;

    g_assert_nonnull(xml);
    doc = xmlReadMemory(xml, strlen(xml), "domain.xml", NULL, XML_PARSE_NONET);
    g_assert_nonnull(doc);
    return doc;
}

/* @path is an XPath expression; its value as a string is @expected. */
static void
assertXPath(xmlDocPtr doc, const char *path, const char *expected)
{
    g_autofree char *text = g_strdup_printf("string(%s)", path);
    xmlXPathContextPtr context = xmlXPathNewContext(doc);
    xmlXPathObjectPtr found;

    xmlXPathRegisterNs(context, BAD_CAST "v", BAD_CAST QEMU_XML_NAMESPACE);
    found = xmlXPathEvalExpression(BAD_CAST text, context);
    g_assert_nonnull(found);
    g_test_message("%s", path);
    g_assert_cmpstr((const char *)found->stringval, ==, expected);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
}

static void
assertValid(xmlDocPtr doc)
{
    xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(SCHEMA);
    xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
    xmlRelaxNGValidCtxtPtr context;

    g_assert_nonnull(schema);
    context = xmlRelaxNGNewValidCtxt(schema);
    g_assert_cmpint(xmlRelaxNGValidateDoc(context, doc), ==, 0);
    xmlRelaxNGFreeValidCtxt(context);
    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
}

static const qemuFixtureAnswer typical[] = {
    { "\"query-name\"", NULL, "{\"name\": \"a<b>&'\\\"c \xc3\xa4\xf0\x9f\x98\x80\"}", NULL },
    { "\"query-uuid\"", NULL, "{\"UUID\": \"11111111-2222-3333-4444-555555555555\"}", NULL },
    { "\"query-target\"", NULL, "{\"arch\": \"i386\"}", NULL },
    { "\"query-kvm\"", NULL, "{\"present\": true, \"enabled\": true}", NULL },
    { "\"query-memory-size-summary\"", NULL, "{\"base-memory\": 67108864}", NULL },
    { "\"query-balloon\"", NULL, "{\"actual\": 33554432}", NULL },
    { "\"query-cpus-fast\"", NULL, "[{}, {}, {}]", NULL },
    { "\"property\":\"type\"", NULL, "\"pc-i440fx-7.2-machine\"", NULL },
    { "\"path\":\"/m/v\"", NULL, "\"virtio-blk-device\"", NULL },
    { "\"path\":\"/m/i\"", NULL, "\"ide-cd\"", NULL },
    { "\"path\":\"hd0\"", NULL, "\"ide-hd\"", NULL },
    { "\"path\":\"/m/f\"", NULL, "\"floppy\"", NULL },
    { "\"path\":\"s\\\"0\"", NULL, "\"scsi-hd\"", NULL },
    { "\"path\":\"/m/n\"", NULL, "\"nvme\"", NULL },
    { "\"path\":\"/m/gone\"", NULL, NULL, "Device '/m/gone' not found" },
    { "\"query-block\"", NULL,
      "[{\"device\": \"virtio0\", \"qdev\": \"/m/v\", \"inserted\": {\"file\": \"/v&1.qcow2\", "
      "\"drv\": \"qcow2\", \"ro\": true}},"
      "{\"device\": \"v2\", \"qdev\": \"/m/v\", \"inserted\": {\"file\": \"/dev/sdz\", "
      "\"drv\": \"host_device\", \"ro\": false}},"
      "{\"device\": \"ide1-cd0\", \"qdev\": \"/m/i\", \"removable\": true},"
      "{\"device\": \"\", \"qdev\": \"hd0\", \"inserted\": {\"file\": \"json:{}\", "
      "\"drv\": \"nbd\", \"ro\": false}},"
      "{\"device\": \"floppy0\", \"qdev\": \"/m/f\", \"removable\": true},"
      "{\"device\": \"no alias\", \"qdev\": \"s\\\"0\", \"inserted\": {\"file\": \"rel.img\", "
      "\"drv\": \"raw\"}},"
      "{\"device\": \"n\", \"qdev\": \"/m/n\", \"inserted\": {\"file\": \"nbd://h/x\"}},"
      "{\"device\": \"gone\", \"qdev\": \"/m/gone\"},"
      "{\"device\": \"sd0\", \"removable\": true},"
      "{\"device\": \"unplugged\", \"inserted\": {\"file\": \"/u\"}}, 1, null, []]", NULL },
    { NULL },
};

static void
testTypical(void)
{
    static const char *const expected[][2] = {
        { "/domain/@type", "kvm" },
        { "/domain/@id", "1" },
        { "/domain/name", "a<b>&'\"c \xc3\xa4\xf0\x9f\x98\x80" },
        { "/domain/uuid", "11111111-2222-3333-4444-555555555555" },
        { "/domain/memory[@unit='KiB']", "65536" },
        { "/domain/currentMemory[@unit='KiB']", "32768" },
        { "/domain/vcpu", "3" },
        { "/domain/os/type", "hvm" },
        { "/domain/os/type/@arch", "i686" },
        { "/domain/os/type/@machine", "pc-i440fx-7.2" },
        { "count(//disk)", "8" },
        { "//target[@dev='vda']/@bus", "virtio" },
        { "//disk[target/@dev='vda']/@type", "file" },
        { "//disk[target/@dev='vda']/@device", "disk" },
        { "//disk[target/@dev='vda']/source/@file", "/v&1.qcow2" },
        { "//disk[target/@dev='vda']/driver/@type", "qcow2" },
        { "count(//disk[target/@dev='vda']/readonly)", "1" },
        { "//disk[target/@dev='vda']/alias/@name", "virtio0" },
        { "//disk[target/@dev='vdb']/@type", "block" },
        { "//disk[target/@dev='vdb']/source/@dev", "/dev/sdz" },
        { "count(//disk[target/@dev='vdb']/driver/@type)", "0" },
        { "count(//disk[target/@dev='vdb']/readonly)", "0" },
        { "//disk[target/@dev='hda']/@device", "cdrom" },
        { "count(//disk[target/@dev='hda']/source)", "0" },
        { "//disk[target/@dev='hdb']/@device", "disk" },
        { "//disk[target/@dev='hdb']/alias/@name", "hd0" },
        { "count(//disk[target/@dev='hdb']/source)", "0" },
        { "//disk[target/@dev='fda']/@device", "floppy" },
        { "//disk[target/@dev='sda']/target/@bus", "scsi" },
        { "count(//disk[target/@dev='sda']/alias)", "0" },
        { "count(//disk[target/@dev='sda']/source)", "0" },
        { "count(//disk[target/@dev='sdb']/target/@bus)", "0" },
        { "//disk[target/@dev='sdc']/alias/@name", "gone" },
        /* the socket was made here, by no QEMU */
        { "count(//emulator)", "0" },
        { "count(//v:attach/@pid)", "0" },
    };
    xmlDocPtr doc;
    qemuFixture f;
    size_t i;

    qemuFixtureInit(&f, typical);
    doc = format(&f);
    for (i = 0; i < G_N_ELEMENTS(expected); i++)
        assertXPath(doc, expected[i][0], expected[i][1]);
    assertXPath(doc, "//v:monitor/@path", qmpPeerPath(f.peer));
    assertXPath(doc, "//v:stream/@id", f.dom->ident->stream);
    assertValid(doc);
    xmlFreeDoc(doc);
    qemuFixtureClear(&f);
}

/* A QEMU that tells nothing. */
static void
testSparse(void)
{
    static const qemuFixtureAnswer answers[] = {
        { "query-memory-size-summary", NULL, NULL, "no" },
        { "query-balloon", NULL, NULL, "no" },
        { "query-cpus-fast", NULL, NULL, "no" },
        { "query-block", NULL, NULL, "no" },
        { "qom-get", NULL, NULL, "no" },
        { NULL },
    };
    xmlDocPtr doc;
    qemuFixture f;

    qemuFixtureInit(&f, answers);
    doc = format(&f);
    assertXPath(doc, "/domain/@type", "qemu");
    assertXPath(doc, "/domain/name", "peer");
    assertXPath(doc, "string-length(/domain/uuid)", "36");
    assertXPath(doc, "/domain/memory", "0");
    assertXPath(doc, "/domain/os/type", "hvm");
    assertXPath(doc, "count(/domain/os/type/@*)", "0");
    assertXPath(doc, "count(//disk)", "0");
    g_assert_null(virGetLastError());
    xmlFreeDoc(doc);
    qemuFixtureClear(&f);
}

static void
testManyDisks(void)
{
    g_autoptr(GString) list = g_string_new("[");
    qemuFixtureAnswer answers[] = {
        { "query-block", NULL, NULL, NULL },
        { "qom-get", NULL, "\"virtio-blk-device\"", NULL },
        { NULL },
    };
    xmlDocPtr doc;
    qemuFixture f;
    int i;

    for (i = 0; i < 300; i++)
        g_string_append_printf(list, "%s{\"qdev\": \"d%d\"}", i > 0 ? "," : "", i);
    g_string_append(list, "]");
    answers[0].result = list->str;
    qemuFixtureInit(&f, answers);
    doc = format(&f);
    assertXPath(doc, "count(//disk)", "256");
    assertXPath(doc, "//disk[26]/target/@dev", "vdz");
    assertXPath(doc, "//disk[27]/target/@dev", "vdaa");
    assertXPath(doc, "//disk[256]/target/@dev", "vdiv");
    xmlFreeDoc(doc);
    qemuFixtureClear(&f);
}

static void
testClosed(void)
{
    static const qemuFixtureAnswer leaves[] = { { "query-memory", NULL, NULL, NULL }, { NULL } };
    qemuFixture f;

    qemuFixtureInit(&f, leaves);
    g_assert_null(qemuXMLFormatDomain(f.dom));
    qemuFixtureAssertError(VIR_ERR_OPERATION_FAILED, "went away");
    qemuFixtureClear(&f);
}

static void
testEscaped(void)
{
    g_autoptr(GString) buf = g_string_new(NULL);

    qemuXMLAppendEscaped(buf, "<a b='c' d=\"e\">&\t\n\r");
    g_assert_cmpstr(buf->str, ==, "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp;&#9;&#10;&#13;");
    g_string_truncate(buf, 0);
    /* no XML can hold these */
    qemuXMLAppendEscaped(buf, "\x01\x1f\xef\xbf\xbe\xef\xbf\xbf");
    g_assert_cmpstr(buf->str, ==, "????");
    g_string_truncate(buf, 0);
    qemuXMLAppendEscaped(buf, "a\xff" "b\x7f\xc2\x85");
    g_assert_cmpstr(buf->str, ==, "a\xef\xbf\xbd" "b\x7f\xc2\x85");
}

static void
testArchName(void)
{
    g_assert_cmpstr(qemuXMLArchName("i386"), ==, "i686");
    g_assert_cmpstr(qemuXMLArchName("arm"), ==, "armv7l");
    g_assert_cmpstr(qemuXMLArchName("x86_64"), ==, "x86_64");
    g_assert_null(qemuXMLArchName(NULL));
}

int
main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/xml/typical", testTypical);
    g_test_add_func("/qemu/xml/sparse", testSparse);
    g_test_add_func("/qemu/xml/many-disks", testManyDisks);
    g_test_add_func("/qemu/xml/closed", testClosed);
    g_test_add_func("/qemu/xml/escaped", testEscaped);
    g_test_add_func("/qemu/xml/arch-name", testArchName);
    ret = g_test_run();
    xmlRelaxNGCleanupTypes();
    xmlCleanupParser();
    return ret;
}
