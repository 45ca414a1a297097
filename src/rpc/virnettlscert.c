/*
 * virnettlscert.c: are our own certificate files fit for what they are for?
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnettlscert.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.nettlscert");

/* Bytes of a file of certificates: a system's whole store has a few hundred KiB. */
#define VIR_NET_TLS_CERT_FILE_MAX (4 * 1024 * 1024)

/* Certificates of one file. */
typedef struct {
    gnutls_x509_crt_t *certs;
    unsigned int ncerts;
} virNetTLSCertList;

static void
virNetTLSCertListClear(virNetTLSCertList *list)
{
    unsigned int i;

    for (i = 0; i < list->ncerts; i++)
        gnutls_x509_crt_deinit(list->certs[i]);
    gnutls_free(list->certs);
    list->certs = NULL;
    list->ncerts = 0;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virNetTLSCertList, virNetTLSCertListClear)

int
virNetTLSCertCheckReadable(const char *file, const char *format)
{
    if (access(file, R_OK) < 0) {
        virReportSystemError(errno, format, file);
        return -1;
    }
    return 0;
}

static int
virNetTLSCertLoad(const char *file, virNetTLSCertList *list)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *text = NULL;
    gnutls_datum_t data;
    gsize len;
    int rc;

    if (!g_file_get_contents(file, &text, &len, &err)) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("cannot read the certificate '%1$s': %2$s"), file,
                       err->message);
        return -1;
    }
    if (len > VIR_NET_TLS_CERT_FILE_MAX) {
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' has %2$zu bytes, the limit is %3$d"), file, len,
                       VIR_NET_TLS_CERT_FILE_MAX);
        return -1;
    }
    data.data = (unsigned char *)text;
    data.size = len;
    rc = gnutls_x509_crt_list_import2(&list->certs, &list->ncerts, &data, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0) {
        list->certs = NULL;
        list->ncerts = 0;
        virReportError(VIR_ERR_SYSTEM_ERROR, _("'%1$s' is not a certificate: %2$s"), file,
                       gnutls_strerror(rc));
        return -1;
    }
    return 0;
}

static int
virNetTLSCertCheckTimes(gnutls_x509_crt_t cert, const char *file)
{
    time_t now = time(NULL);

    if (gnutls_x509_crt_get_expiration_time(cert) < now) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("certificate '%1$s' has expired"), file);
        return -1;
    }
    if (gnutls_x509_crt_get_activation_time(cert) > now) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("certificate '%1$s' is not valid yet"), file);
        return -1;
    }
    return 0;
}

/* May it sign others, as a CA must and nobody else may? Old ones don't say. */
static int
virNetTLSCertCheckIsCA(gnutls_x509_crt_t cert, const char *file, bool shouldBe)
{
    int is = gnutls_x509_crt_get_basic_constraints(cert, NULL, NULL, NULL);

    if (is == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE && !shouldBe)
        return 0;
    if (is < 0 && is != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("cannot tell whether '%1$s' is a CA: %2$s"), file,
                       gnutls_strerror(is));
        return -1;
    }
    if (shouldBe && is <= 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' is given as a CA's, but it does not say that it is"),
                       file);
        return -1;
    }
    if (!shouldBe && is > 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' is a CA's, but it is not given as one"), file);
        return -1;
    }
    return 0;
}

static int
virNetTLSCertCheckUsage(gnutls_x509_crt_t cert, const char *file, bool ca)
{
    unsigned int needed = ca ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE;
    unsigned int usage = 0;
    unsigned int critical = 0;
    int rc = gnutls_x509_crt_get_key_usage(cert, &usage, &critical);

    /* Without the extension any use is fine. */
    if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return 0;
    if (rc < 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("cannot tell what '%1$s' may be used for: %2$s"),
                       file, gnutls_strerror(rc));
        return -1;
    }
    if (usage & needed)
        return 0;
    if (!critical) {
        VIR_WARN("certificate %s is not meant for %s", file,
                 ca ? "signing certificates" : "signatures");
        return 0;
    }
    if (ca)
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' does not permit signing certificates"), file);
    else
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' does not permit digital signatures"), file);
    return -1;
}

static int
virNetTLSCertCheckPurpose(gnutls_x509_crt_t cert, const char *file, bool server)
{
    const char *wanted = server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
    unsigned int i;

    for (i = 0;; i++) {
        char oid[128];
        size_t len = sizeof(oid);
        unsigned int critical;
        int rc = gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &len, &critical);

        if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            if (i == 0)
                return 0;       /* without the extension any purpose is fine */
            break;
        }
        if (rc == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue;           /* longer than those that we look for */
        if (rc < 0) {
            virReportError(VIR_ERR_SYSTEM_ERROR,
                           _("cannot tell what '%1$s' may be used for: %2$s"), file,
                           gnutls_strerror(rc));
            return -1;
        }
        if (strcmp(oid, wanted) == 0 || strcmp(oid, GNUTLS_KP_ANY) == 0)
            return 0;
    }
    if (server)
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' is not meant for a TLS server"), file);
    else
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' is not meant for a TLS client"), file);
    return -1;
}

static int
virNetTLSCertCheckSigned(const virNetTLSCertList *chain, const char *file,
                         const virNetTLSCertList *cas, const char *ca)
{
    unsigned int status;
    int rc = gnutls_x509_crt_list_verify(chain->certs, chain->ncerts, cas->certs, cas->ncerts,
                                         NULL, 0, 0, &status);

    if (rc < 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("cannot verify '%1$s': %2$s"), file,
                       gnutls_strerror(rc));
        return -1;
    }
    if (status != 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("certificate '%1$s' is not signed by the CA '%2$s'"), file, ca);
        return -1;
    }
    return 0;
}

int
virNetTLSCertCheck(bool server, const char *ca, const char *cert)
{
    g_auto(virNetTLSCertList) cas = { 0 };
    g_auto(virNetTLSCertList) chain = { 0 };
    unsigned int i;

    if (virNetTLSCertLoad(ca, &cas) < 0)
        return -1;
    for (i = 0; i < cas.ncerts; i++) {
        if (virNetTLSCertCheckTimes(cas.certs[i], ca) < 0 ||
            virNetTLSCertCheckIsCA(cas.certs[i], ca, true) < 0 ||
            virNetTLSCertCheckUsage(cas.certs[i], ca, true) < 0)
            return -1;
    }
    if (!cert)
        return 0;

    if (virNetTLSCertLoad(cert, &chain) < 0)
        return -1;
    if (chain.ncerts == 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("'%1$s' has no certificate"), cert);
        return -1;
    }
    /* What follows the first are those who signed it, up to the CA. */
    if (virNetTLSCertCheckTimes(chain.certs[0], cert) < 0 ||
        virNetTLSCertCheckIsCA(chain.certs[0], cert, false) < 0 ||
        virNetTLSCertCheckUsage(chain.certs[0], cert, false) < 0 ||
        virNetTLSCertCheckPurpose(chain.certs[0], cert, server) < 0)
        return -1;
    return virNetTLSCertCheckSigned(&chain, cert, &cas, ca);
}
