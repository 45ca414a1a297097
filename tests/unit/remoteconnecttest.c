/*
 * remoteconnecttest.c: which socket and which certificates are meant
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_connect_priv.h"

#include <glib/gstdio.h>
#include <string.h>

#include "testloop.h"
#include "testutils.h"
#include "virerror_priv.h"

/* Home and runtime folder of the user; GLib wants to know them once. */
static char *home;

static remoteURI *
parse(const char *text)
{
    const remoteURIDefaults defaults = { 0 };
    g_autoptr(virURI) uri = virURIParse(text);
    remoteURI *parsed = NULL;

    g_assert_nonnull(uri);
    g_assert_cmpint(remoteURIParse(uri, &defaults, &parsed), ==, 1);
    return parsed;
}

static char *
touch(const char *name)
{
    char *path = g_build_filename(home, name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    return path;
}

static void
removeFile(char *path)
{
    g_assert_cmpint(g_remove(path), ==, 0);
    g_free(path);
}

static void
assertSocket(const char *text, bool readOnly, bool privileged, const char *expected)
{
    g_autoptr(remoteURI) uri = parse(text);
    g_autofree char *path = remoteConnectSocketPath(uri, readOnly, privileged);

    g_assert_cmpstr(path, ==, expected);
}

/* --- sockets --- */

static void
testNamed(void)
{
    assertSocket("qemu:///system?socket=/x", false, true, "/x");
    assertSocket("qemu:///session?socket=/x&mode=direct", true, false, "/x");
}

static void
testModes(void)
{
    g_autofree char *direct = g_build_filename(home, "libvirt", "virtqemud-sock", NULL);
    g_autofree char *legacy = g_build_filename(home, "libvirt", "libvirt-sock", NULL);

    assertSocket("qemu:///system?mode=direct", false, true, "/run/libvirt/virtqemud-sock");
    assertSocket("qemu:///system?mode=direct", true, false, "/run/libvirt/virtqemud-sock-ro");
    assertSocket("qemu:///system?mode=legacy", false, false, "/run/libvirt/libvirt-sock");
    assertSocket("qemu:///system?mode=legacy", true, true, "/run/libvirt/libvirt-sock-ro");
    /* Root's session is the system; others have one socket for both. */
    assertSocket("qemu:///session?mode=legacy", true, true, "/run/libvirt/libvirt-sock-ro");
    assertSocket("qemu:///session?mode=direct", true, false, direct);
    assertSocket("qemu:///session?mode=legacy", false, false, legacy);
}

/* Ours, then the driver's own, then the one for all drivers; ours again if there is none. */
static void
testAuto(void)
{
    g_autofree char *missing = g_build_filename(home, "virtmon", "virtmon-sock", NULL);
    char *legacy;
    char *direct;
    char *ours;

    assertSocket("qemu:///session", false, false, missing);
    legacy = touch("libvirt/libvirt-sock");
    assertSocket("qemu:///session", false, false, legacy);
    direct = touch("libvirt/virtqemud-sock");
    assertSocket("qemu:///session", true, false, direct);
    ours = touch("virtmon/virtmon-sock");
    assertSocket("qemu:///session", false, false, ours);
    assertSocket("qemu:///session?mode=legacy", false, false, legacy);
    removeFile(direct);
    removeFile(ours);
    removeFile(legacy);
}

/* --- certificates --- */

static void
assertFiles(const char *text, bool privileged, const char *ca, const char *crl,
            const char *cert, const char *key)
{
    g_autoptr(remoteURI) uri = parse(text);
    g_auto(remoteConnectFiles) files = { 0 };

    remoteConnectFindFiles(uri, privileged, &files);
    g_assert_cmpstr(files.ca, ==, ca);
    g_assert_cmpstr(files.crl, ==, crl);
    g_assert_cmpstr(files.cert, ==, cert);
    g_assert_cmpstr(files.key, ==, key);
}

static void
testPkipath(void)
{
    g_autofree char *text = g_strdup_printf("qemu+tls://h/system?pkipath=%s/p", home);
    g_autofree char *missing = g_build_filename(home, "p", "cacert.pem", NULL);
    char *ca;
    char *crl;
    char *cert;
    char *key;

    /* A CA there must be; that it isn't is told later, with its name. */
    assertFiles(text, false, missing, NULL, NULL, NULL);
    ca = touch("p/cacert.pem");
    crl = touch("p/cacrl.pem");
    assertFiles(text, true, ca, crl, NULL, NULL);
    cert = touch("p/clientcert.pem");
    key = touch("p/clientkey.pem");
    assertFiles(text, false, ca, crl, cert, key);
    /* One without the other is a mistake, and not taken for having none. */
    g_assert_cmpint(g_remove(key), ==, 0);
    assertFiles(text, false, ca, crl, cert, key);
    g_free(key);
    removeFile(cert);
    removeFile(crl);
    removeFile(ca);
}

static void
testUser(void)
{
    const char *text = "qemu+tls://h/system";
    g_autofree char *cert = NULL;
    char *key;
    char *ca;
    char *crl;

    if (g_file_test("/etc/pki", G_FILE_TEST_EXISTS)) {
        g_test_skip("this machine has certificates");
        return;
    }
    assertFiles(text, false, "/etc/pki/CA/cacert.pem", NULL, NULL, NULL);
    ca = touch(".pki/libvirt/cacert.pem");
    crl = touch(".pki/libvirt/cacrl.pem");
    assertFiles(text, false, ca, crl, NULL, NULL);
    /* The key decides, for the certificate too. */
    cert = touch(".pki/libvirt/clientcert.pem");
    assertFiles(text, false, ca, crl, NULL, NULL);
    key = touch(".pki/libvirt/clientkey.pem");
    assertFiles(text, false, ca, crl, cert, key);
    /* Root's are the system's. */
    assertFiles(text, true, "/etc/pki/CA/cacert.pem", NULL, NULL, NULL);
    g_assert_cmpint(g_remove(cert), ==, 0);
    removeFile(key);
    removeFile(crl);
    removeFile(ca);
}

/* --- connecting --- */

static void
assertFails(const char *uri, const char *words)
{
    virConnectPtr conn = virConnectOpen(uri);

    g_assert_null(conn);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    if (!strstr(virGetLastErrorMessage(), words))
        g_error("no '%s' in '%s'", words, virGetLastErrorMessage());
    virResetLastError();
}

/* Nobody is there: the error names what is missing. */
static void
testNobody(void)
{
    g_autofree char *local = g_strdup_printf("qemu:///system?socket=%s/none", home);
    g_autofree char *tls = g_strdup_printf("qemu+tls://127.0.0.1:1/system?pkipath=%s", home);
    g_autofree char *path = g_build_filename(home, "none", NULL);

    assertFails(local, path);
    assertFails("qemu+tcp://127.0.0.1:1/system", "127.0.0.1:1");
    assertFails(tls, "127.0.0.1:1");
    assertFails("qemu+ext:///system?command=/nonexistent", "/nonexistent");
}

static void
silent(void *opaque G_GNUC_UNUSED, virErrorPtr err G_GNUC_UNUSED)
{
}

/* A command that ends before it is asked anything: its words are the error, always. */
static void
testCommandEnds(void)
{
    g_autofree char *path = g_build_filename(home, "way", NULL);
    g_autofree char *uri = g_strdup_printf("qemu+ext:///system?command=%s", path);
    int i;

    g_assert_true(g_file_set_contents(path, "#!/bin/sh\necho no way there >&2\nexit 1\n", -1, NULL));
    g_assert_cmpint(g_chmod(path, 0700), ==, 0);
    for (i = 0; i < 50; i++)
        assertFails(uri, "no way there");
    g_assert_cmpint(g_remove(path), ==, 0);
}

int
main(int argc, char **argv)
{
    /* What the tests have made, the inner ones first. */
    static const char *const folders[] = {
        "libvirt", "virtmon", "p", ".pki/libvirt", ".pki", "",
    };
    g_autofree char *dir = NULL;
    size_t i;
    int rc;

    g_test_init(&argc, &argv, NULL);
    home = dir = g_dir_make_tmp("remoteconnect-XXXXXX", NULL);
    g_assert_nonnull(home);
    g_setenv("HOME", home, TRUE);
    g_setenv("XDG_RUNTIME_DIR", home, TRUE);
    g_setenv("XDG_CONFIG_HOME", home, TRUE);
    virSetErrorFunc(NULL, silent);
    testLoopRegister();

    g_test_add_func("/remote/connect/named", testNamed);
    g_test_add_func("/remote/connect/modes", testModes);
    g_test_add_func("/remote/connect/auto", testAuto);
    g_test_add_func("/remote/connect/pkipath", testPkipath);
    g_test_add_func("/remote/connect/user", testUser);
    g_test_add_func("/remote/connect/nobody", testNobody);
    g_test_add_func("/remote/connect/command-ends", testCommandEnds);
    rc = testRunCountingFds();
    for (i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(home, folders[i], NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS))      /* not if one test is run alone */
            g_assert_cmpint(g_rmdir(path), ==, 0);
    }
    return rc;
}
