/*
 * virnettlscerttest.c: what is wrong with a certificate is told by the name of its file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <gnutls/x509.h>

#include "testcerts.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virnettlscert.h"

typedef struct {
    char *dir;
    char *caPath;
    char *certPath;
    testCert *ca;
} fixture;

static const testCertOptions authority = { .subject = "CN=Authority", .isCA = true };

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    fix->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(fix->dir);
    fix->caPath = g_build_filename(fix->dir, "ca.pem", NULL);
    fix->certPath = g_build_filename(fix->dir, "cert.pem", NULL);
    fix->ca = testCertNew(&authority, NULL);
    testCertWrite(fix->ca, fix->caPath);
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertFree(fix->ca);
    unlink(fix->caPath);
    unlink(fix->certPath);
    g_assert_cmpint(rmdir(fix->dir), ==, 0);
    g_free(fix->caPath);
    g_free(fix->certPath);
    g_free(fix->dir);
    virResetLastError();
}

static void
make(fixture *fix, const testCertOptions *options, testCert *issuer, const char *path)
{
    testCert *cert = testCertNew(options, issuer ? issuer : fix->ca);

    testCertWrite(cert, path);
    testCertFree(cert);
}

/* @words: what the message says beside the file's name. */
static void
assertBad(bool server, fixture *fix, const char *cert, const char *culprit, const char *words)
{
    virResetLastError();
    g_assert_cmpint(virNetTLSCertCheck(server, fix->caPath, cert), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), culprit));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), words));
}

static void
testGood(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertOptions plain = { .subject = "CN=host" };
    testCertOptions server = { .subject = "CN=host", .purpose = GNUTLS_KP_TLS_WWW_SERVER };
    testCertOptions client = { .subject = "CN=me", .purpose = GNUTLS_KP_TLS_WWW_CLIENT };
    testCertOptions any = { .subject = "CN=me", .purpose = GNUTLS_KP_ANY };

    g_assert_cmpint(virNetTLSCertCheck(false, fix->caPath, NULL), ==, 0);
    make(fix, &plain, NULL, fix->certPath);
    g_assert_cmpint(virNetTLSCertCheck(true, fix->caPath, fix->certPath), ==, 0);
    g_assert_cmpint(virNetTLSCertCheck(false, fix->caPath, fix->certPath), ==, 0);
    make(fix, &server, NULL, fix->certPath);
    g_assert_cmpint(virNetTLSCertCheck(true, fix->caPath, fix->certPath), ==, 0);
    make(fix, &client, NULL, fix->certPath);
    g_assert_cmpint(virNetTLSCertCheck(false, fix->caPath, fix->certPath), ==, 0);
    make(fix, &any, NULL, fix->certPath);
    g_assert_cmpint(virNetTLSCertCheck(true, fix->caPath, fix->certPath), ==, 0);
}

static void
testFiles(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(virNetTLSCertCheckReadable(fix->caPath, "cannot read '%1$s'"), ==, 0);
    g_assert_cmpint(virNetTLSCertCheckReadable(fix->certPath, "cannot read '%1$s'"), ==, -1);
    g_assert_true(g_str_has_prefix(virGetLastErrorMessage(), "cannot read '/"));
    g_assert_true(g_str_has_suffix(virGetLastErrorMessage(), "': No such file or directory"));

    assertBad(true, fix, fix->certPath, fix->certPath, "No such file");
    g_assert_true(g_file_set_contents(fix->certPath, "rubbish", -1, NULL));
    assertBad(true, fix, fix->certPath, fix->certPath, "is not a certificate");
    g_assert_true(g_file_set_contents(fix->caPath, "", 0, NULL));
    assertBad(true, fix, NULL, fix->caPath, "is not a certificate");
}

static void
testTimes(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertOptions old = { .subject = "CN=host", .begins = -3, .ends = -1 };
    testCertOptions early = { .subject = "CN=host", .begins = 1, .ends = 3 };
    testCertOptions oldCA = { .subject = "CN=CA", .isCA = true, .begins = -3, .ends = -1 };

    make(fix, &old, NULL, fix->certPath);
    assertBad(true, fix, fix->certPath, fix->certPath, "has expired");
    make(fix, &early, NULL, fix->certPath);
    assertBad(false, fix, fix->certPath, fix->certPath, "is not valid yet");
    make(fix, &oldCA, NULL, fix->caPath);
    assertBad(false, fix, fix->certPath, fix->caPath, "has expired");
}

static void
testRoles(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertOptions notCA = { .subject = "CN=CA" };
    testCertOptions alsoCA = { .subject = "CN=host", .isCA = true };
    testCertOptions server = { .subject = "CN=host", .purpose = GNUTLS_KP_TLS_WWW_SERVER };
    testCertOptions client = { .subject = "CN=me", .purpose = GNUTLS_KP_TLS_WWW_CLIENT };
    testCertOptions unsigning = { .subject = "CN=me", .usage = GNUTLS_KEY_KEY_ENCIPHERMENT };

    make(fix, &server, NULL, fix->certPath);
    assertBad(false, fix, fix->certPath, fix->certPath, "is not meant for a TLS client");
    make(fix, &client, NULL, fix->certPath);
    assertBad(true, fix, fix->certPath, fix->certPath, "is not meant for a TLS server");
    make(fix, &alsoCA, NULL, fix->certPath);
    assertBad(true, fix, fix->certPath, fix->certPath, "is a CA's");
    /* GnuTLS always marks this extension as critical. */
    make(fix, &unsigning, NULL, fix->certPath);
    assertBad(true, fix, fix->certPath, fix->certPath, "does not permit digital signatures");
    make(fix, &notCA, NULL, fix->caPath);
    assertBad(true, fix, NULL, fix->caPath, "does not say that it is");
}

static void
testSigner(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertOptions plain = { .subject = "CN=host" };
    testCert *other = testCertNew(&authority, NULL);

    make(fix, &plain, other, fix->certPath);
    assertBad(true, fix, fix->certPath, fix->certPath, "is not signed by the CA");
    g_assert_nonnull(strstr(virGetLastErrorMessage(), fix->caPath));
    testCertFree(other);
}

#define ADD(path, func) g_test_add("/nettlscert/" path, fixture, NULL, setUp, func, tearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("good", testGood);
    ADD("files", testFiles);
    ADD("times", testTimes);
    ADD("roles", testRoles);
    ADD("signer", testSigner);
    return testRunCountingFds();
}
