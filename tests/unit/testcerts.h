/*
 * testcerts.h: certificates, made for a test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

/* Days from now; 0 in both: from yesterday to tomorrow. */
typedef struct {
    const char *subject;        /* "O=Example,CN=client1": in the order of the certificate */
    const char *dns;            /* host name, or NULL */
    const char *ip;             /* IPv4 address, or NULL */
    bool isCA;
    int begins, ends;
    const char *purpose;        /* GNUTLS_KP_*, or NULL: any */
    unsigned int usage;         /* GNUTLS_KEY_*; 0: what is right for it */
    bool usageCritical;
} testCertOptions;

typedef struct _testCert testCert;

/* Signed by @issuer; by itself if that is NULL. */
testCert *testCertNew(const testCertOptions *options, testCert *issuer);
void testCertFree(testCert *cert);
/* PEM files. */
void testCertWrite(testCert *cert, const char *path);
void testCertWriteKey(testCert *cert, const char *path);
/* A list of revocations by @issuer that has @revoked. */
void testCertWriteRevocation(testCert *issuer, testCert *revoked, const char *path);
