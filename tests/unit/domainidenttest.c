/*
 * domainidenttest.c: which domain, and which stream of it, an event belongs to
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "domain_ident.h"

#include <pthread.h>
#include <string.h>

#include "viruuid.h"

#define THREADS 4
#define ROUNDS 20000

static void
testNew(void)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1, 2, 3 };
    g_autofree char *name = g_strdup("a domain");
    g_autoptr(virDomainIdent) ident = virDomainIdentNew(name, uuid, 42);
    g_autoptr(virDomainIdent) again = virDomainIdentNew(name, uuid, 42);
    g_autoptr(virDomainIdent) nameless = virDomainIdentNew("", uuid, -1);
    unsigned char stream[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];

    memset(name, 'x', strlen(name));        /* it has a copy */
    g_assert_cmpstr(ident->name, ==, "a domain");
    g_assert_cmpuint(ident->nameLen, ==, 8);
    g_assert_cmpmem(ident->uuid, VIR_UUID_BUFLEN, uuid, VIR_UUID_BUFLEN);
    g_assert_cmpint(ident->id, ==, 42);
    g_assert_cmpuint(atomic_load(&ident->lost), ==, 0);
    g_assert_cmpuint(atomic_load(&ident->queuedBytes), ==, 0);
    g_assert_cmpuint(ident->gap.count, ==, 0);

    /* Each is a stream of its own, with an identifier that is a random UUID. */
    g_assert_cmpint(virUUIDParse(ident->stream, stream), ==, 0);
    g_assert_cmpstr(virUUIDFormat(stream, text), ==, ident->stream);
    g_assert_cmpuint(stream[6] >> 4, ==, 4);
    g_assert_cmpstr(ident->stream, !=, again->stream);

    g_assert_cmpstr(nameless->name, ==, "");
    g_assert_cmpuint(nameless->nameLen, ==, 0);
    g_assert_cmpint(nameless->id, ==, -1);
}

static void *
refAndUnref(void *opaque)
{
    unsigned int i;

    for (i = 0; i < ROUNDS; i++)
        virDomainIdentUnref(virDomainIdentRef(opaque));
    return NULL;
}

static void
testReferences(void)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1 };
    virDomainIdent *ident = virDomainIdentNew("a", uuid, 1);
    pthread_t threads[THREADS];
    size_t i;

    g_assert_true(virDomainIdentRef(ident) == ident);
    g_assert_cmpuint(atomic_load(&ident->refs), ==, 2);
    virDomainIdentUnref(ident);
    for (i = 0; i < THREADS; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, refAndUnref, ident), ==, 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    g_assert_cmpuint(atomic_load(&ident->refs), ==, 1);
    for (i = 0; i < THREADS; i++)
        virDomainIdentRef(ident);
    virDomainIdentUnrefMany(ident, THREADS - 1);
    g_assert_cmpuint(atomic_load(&ident->refs), ==, 2);
    virDomainIdentUnrefMany(ident, 0);
    g_assert_cmpuint(atomic_load(&ident->refs), ==, 2);
    virDomainIdentUnrefMany(ident, 2);
    virDomainIdentUnrefMany(NULL, 0);
    virDomainIdentUnref(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/domainident/new", testNew);
    g_test_add_func("/conf/domainident/references", testReferences);
    return g_test_run();
}
