/*
 * qemucapabilitiestest.c: versions, the host's name, the capabilities XML
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_capabilities.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include "qemu_capabilities_priv.h"
#include "qemufixture.h"
#include "virerror_priv.h"
#include "viruuid.h"

/* libvirt's own, which Debian's package of it brings along. */
#define SCHEMA "/usr/share/libvirt/schemas/capability.rng"

static const qemuFixtureAnswer x86[] = {
    { "\"query-target\"", NULL, "{\"arch\": \"x86_64\"}", NULL },
    { "\"query-kvm\"", NULL, "{\"present\": true, \"enabled\": true}", NULL },
    { "\"query-version\"", NULL, "{\"qemu\": {\"major\": 7, \"minor\": 2, \"micro\": 22}}", NULL },
    { NULL },
};

static const qemuFixtureAnswer odd[] = {
    { "\"query-target\"", NULL, "{\"arch\": \"a<&'\"}", NULL },
    { "\"query-version\"", NULL, "{\"qemu\": {\"major\": 1000, \"minor\": 2, \"micro\": 3}}",
      NULL },
    { NULL },
};

static void
testParseVersion(void)
{
    static const struct {
        const char *text;
        unsigned long version;
    } cases[] = {
        { "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright", 7002022 },
        { "QEMU emulator version 10.0.0-rc1\n", 10000000 },
        { "QEMU emulator version 2.999.999\n", 2999999 },
        { "QEMU emulator version 7.2\n", 0 },
        { "version", 0 },
        { "version x.y.z", 0 },
        { "", 0 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(qemuCapabilitiesParseVersion(cases[i].text), ==, cases[i].version);
}

/* That of an attached one counts for more than what is installed. */
static void
testVersion(void)
{
    unsigned long version = 0;
    qemuFixture f;

    qemuFixtureInit(&f, x86);
    g_assert_cmpint(qemuCapabilitiesGetVersion(qemuInstanceDomains(f.instance), &version), ==, 0);
    g_assert_cmpuint(version, ==, 7002022);
    qemuFixtureClear(&f);
}

static void
testInstalledVersion(void)
{
    g_autoptr(virDomainList) none = virDomainListNew();
    g_autofree char *path = g_strdup(g_getenv("PATH"));
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *qemu = g_build_filename(dir, "qemu-kvm", NULL);
    unsigned long version = 0;

    /* nothing there; that is not remembered, as it may come */
    g_setenv("PATH", dir, TRUE);
    if (!g_file_test("/usr/libexec/qemu-kvm", G_FILE_TEST_EXISTS)) {
        g_assert_cmpint(qemuCapabilitiesGetVersion(none, &version), ==, -1);
        g_assert_cmpuint(version, ==, 0);
        qemuFixtureAssertError(VIR_ERR_INTERNAL_ERROR, "no QEMU is attached");
    }

    g_assert_true(g_file_set_contents(qemu, "#!/bin/sh\n"
                                            "echo \"QEMU emulator version 9.8.7 (x)\"\n", -1,
                                      NULL));
    g_assert_cmpint(g_chmod(qemu, 0755), ==, 0);
    g_assert_cmpint(qemuCapabilitiesGetVersion(none, &version), ==, 0);
    g_assert_cmpuint(version, ==, 9008007);

    /* asked once */
    g_remove(qemu);
    g_rmdir(dir);
    version = 0;
    g_assert_cmpint(qemuCapabilitiesGetVersion(none, &version), ==, 0);
    g_assert_cmpuint(version, ==, 9008007);
    g_setenv("PATH", path, TRUE);
}

static void
testHostname(void)
{
    g_autofree char *name = qemuCapabilitiesGetHostname();
    char plain[256];

    g_assert_cmpint(gethostname(plain, sizeof(plain)), ==, 0);
    g_assert_nonnull(name);
    g_assert_true(g_str_has_prefix(name, plain) || strchr(name, '.'));
}

static xmlDocPtr
format(virDomainList *domains)
{
    g_autofree char *xml = qemuCapabilitiesFormat(domains);
    xmlDocPtr doc = xmlReadMemory(xml, strlen(xml), "capabilities.xml", NULL, XML_PARSE_NONET);
    xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(SCHEMA);
    xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
    xmlRelaxNGValidCtxtPtr context;

    g_test_message("%s", xml);
    g_assert_nonnull(doc);
    g_assert_nonnull(schema);
    context = xmlRelaxNGNewValidCtxt(schema);
    g_assert_cmpint(xmlRelaxNGValidateDoc(context, doc), ==, 0);
    xmlRelaxNGFreeValidCtxt(context);
    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
    return doc;
}

static void
testNoGuests(void)
{
    g_autoptr(virDomainList) none = virDomainListNew();

    xmlFreeDoc(format(none));
}

static void
testGuests(void)
{
    g_autofree char *xml = NULL;
    xmlDocPtr doc;
    qemuFixture f;

    qemuFixtureInitProcess(&f, x86, "");
    doc = format(qemuInstanceDomains(f.instance));
    xmlFreeDoc(doc);
    xml = qemuCapabilitiesFormat(qemuInstanceDomains(f.instance));
    g_assert_nonnull(strstr(xml, "<arch name='x86_64'>\n      <wordsize>64</wordsize>"));
    g_assert_nonnull(strstr(xml, "/qemu-system-fake</emulator>"));
    g_assert_nonnull(strstr(xml, "<domain type='qemu'/>\n      <domain type='kvm'/>"));
    qemuFixtureClear(&f);
}

static void
testOddGuest(void)
{
    g_autofree char *xml = NULL;
    unsigned long version = 0;
    qemuFixture f;
    xmlDocPtr doc;

    qemuFixtureInit(&f, odd);
    xml = qemuCapabilitiesFormat(qemuInstanceDomains(f.instance));
    doc = xmlReadMemory(xml, strlen(xml), "capabilities.xml", NULL, XML_PARSE_NONET);
    g_assert_nonnull(doc);
    xmlFreeDoc(doc);
    g_assert_nonnull(strstr(xml, "<arch name='a&lt;&amp;&apos;'>\n      <wordsize>32</wordsize>"));
    g_assert_null(strstr(xml, "<emulator>"));       /* nobody knows which process it is */
    g_assert_null(strstr(xml, "type='kvm'"));
    g_assert_cmpuint(qemuDomainGet(f.dom)->version, ==, 0);
    qemuCapabilitiesGetVersion(qemuInstanceDomains(f.instance), &version);
    g_assert_cmpuint(version, !=, 1000002003);
    virResetLastError();
    qemuFixtureClear(&f);
}

static void
testReadUUID(void)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "12345678-1234-1234-1234-123456789abc\n", true },
        { "12345678123412341234123456789abc\n", true },
        { "00000000-0000-0000-0000-000000000000\n", false },
        { "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n", false },
        { "uninitialized\n", false },
        { "", false },
    };
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "uuid", NULL);
    unsigned char uuid[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];
    size_t i;

    g_assert_false(qemuCapabilitiesReadUUID(path, uuid));
    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(g_file_set_contents(path, cases[i].text, -1, NULL));
        g_assert_cmpint(qemuCapabilitiesReadUUID(path, uuid), ==, cases[i].good);
        if (cases[i].good)
            g_assert_cmpstr(virUUIDFormat(uuid, text), ==, "12345678-1234-1234-1234-123456789abc");
    }
    g_remove(path);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/capabilities/parse-version", testParseVersion);
    g_test_add_func("/qemu/capabilities/version", testVersion);
    g_test_add_func("/qemu/capabilities/installed-version", testInstalledVersion);
    g_test_add_func("/qemu/capabilities/hostname", testHostname);
    g_test_add_func("/qemu/capabilities/no-guests", testNoGuests);
    g_test_add_func("/qemu/capabilities/guests", testGuests);
    g_test_add_func("/qemu/capabilities/odd-guest", testOddGuest);
    g_test_add_func("/qemu/capabilities/read-uuid", testReadUUID);
    ret = g_test_run();
    xmlRelaxNGCleanupTypes();
    xmlCleanupParser();
    return ret;
}
