/*
 * testcerts.c: certificates, made for a test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "testcerts.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define DAY (24 * 60 * 60)

struct _testCert {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
};

#define OK(call) g_assert_cmpint(call, >=, 0)

static void
setSubject(gnutls_x509_crt_t crt, const char *subject)
{
    g_auto(GStrv) parts = g_strsplit(subject, ",", -1);
    char **part;

    for (part = parts; *part; part++) {
        const char *oid = g_str_has_prefix(*part, "CN=") ? GNUTLS_OID_X520_COMMON_NAME
                                                         : GNUTLS_OID_X520_ORGANIZATION_NAME;
        const char *value = strchr(*part, '=') + 1;

        OK(gnutls_x509_crt_set_dn_by_oid(crt, oid, 0, value, strlen(value)));
    }
}

testCert *
testCertNew(const testCertOptions *options, testCert *issuer)
{
    static guint32 serial;
    testCert *cert = g_new0(testCert, 1);
    time_t now = time(NULL);
    bool dated = options->begins != 0 || options->ends != 0;
    guint32 number = GUINT32_TO_BE(++serial);
    unsigned int usage = options->usage;
    guint8 id[20] = { 0 };
    size_t idLen = sizeof(id);

    OK(gnutls_x509_privkey_init(&cert->key));
    OK(gnutls_x509_privkey_generate(cert->key, GNUTLS_PK_ECDSA,
                                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    OK(gnutls_x509_crt_init(&cert->crt));
    OK(gnutls_x509_crt_set_version(cert->crt, 3));
    OK(gnutls_x509_crt_set_serial(cert->crt, &number, sizeof(number)));
    OK(gnutls_x509_crt_set_key(cert->crt, cert->key));
    setSubject(cert->crt, options->subject);
    OK(gnutls_x509_crt_set_activation_time(cert->crt,
                                           now + (dated ? options->begins : -1) * DAY));
    OK(gnutls_x509_crt_set_expiration_time(cert->crt,
                                           now + (dated ? options->ends : 1) * DAY));
    OK(gnutls_x509_crt_set_basic_constraints(cert->crt, options->isCA, -1));
    if (usage == 0)
        usage = options->isCA ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                              : GNUTLS_KEY_DIGITAL_SIGNATURE;
    OK(gnutls_x509_crt_set_key_usage(cert->crt, usage));
    if (options->purpose)
        OK(gnutls_x509_crt_set_key_purpose_oid(cert->crt, options->purpose, 1));
    if (options->dns)
        OK(gnutls_x509_crt_set_subject_alt_name(cert->crt, GNUTLS_SAN_DNSNAME, options->dns,
                                                strlen(options->dns), GNUTLS_FSAN_APPEND));
    if (options->ip) {
        struct in_addr addr;

        g_assert_cmpint(inet_pton(AF_INET, options->ip, &addr), ==, 1);
        OK(gnutls_x509_crt_set_subject_alt_name(cert->crt, GNUTLS_SAN_IPADDRESS, &addr,
                                                sizeof(addr), GNUTLS_FSAN_APPEND));
    }
    OK(gnutls_x509_crt_get_key_id(cert->crt, 0, id, &idLen));
    OK(gnutls_x509_crt_set_subject_key_id(cert->crt, id, idLen));
    OK(gnutls_x509_crt_sign2(cert->crt, issuer ? issuer->crt : cert->crt,
                             issuer ? issuer->key : cert->key, GNUTLS_DIG_SHA256, 0));
    return cert;
}

void
testCertFree(testCert *cert)
{
    if (!cert)
        return;
    gnutls_x509_crt_deinit(cert->crt);
    gnutls_x509_privkey_deinit(cert->key);
    g_free(cert);
}

static void
save(const gnutls_datum_t *data, const char *path)
{
    g_assert_true(g_file_set_contents(path, (const char *)data->data, data->size, NULL));
}

void
testCertWrite(testCert *cert, const char *path)
{
    gnutls_datum_t data;

    OK(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &data));
    save(&data, path);
    gnutls_free(data.data);
}

void
testCertWriteKey(testCert *cert, const char *path)
{
    gnutls_datum_t data;

    OK(gnutls_x509_privkey_export2(cert->key, GNUTLS_X509_FMT_PEM, &data));
    save(&data, path);
    gnutls_free(data.data);
}

void
testCertWriteRevocation(testCert *issuer, testCert *revoked, const char *path)
{
    gnutls_x509_crl_t crl;
    gnutls_datum_t data;
    time_t now = time(NULL);

    OK(gnutls_x509_crl_init(&crl));
    OK(gnutls_x509_crl_set_version(crl, 2));
    OK(gnutls_x509_crl_set_this_update(crl, now - DAY));
    OK(gnutls_x509_crl_set_next_update(crl, now + DAY));
    OK(gnutls_x509_crl_set_crt(crl, revoked->crt, now - DAY));
    OK(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0));
    OK(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &data));
    save(&data, path);
    gnutls_free(data.data);
    gnutls_x509_crl_deinit(crl);
}
