/*
 * libvirtdomaintest.c: public functions about domains and their events
 *
 * Error codes, domains and texts are those that libvirt 9.0 gives.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <string.h>

#include "fakedriver.h"

#define UUID "12000000-0000-0000-0000-000000000034"

typedef struct {
    virConnectPtr conn, ro, nothing, other;
    virDomainPtr dom, roDom, nothingDom, otherDom;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->conn = fakeConnect(&fakeDriver, 0);
    f->ro = fakeConnect(&fakeDriver, VIR_CONNECT_RO);
    f->nothing = fakeConnect(&fakeDriverWithNothing, 0);
    f->other = fakeConnect(&fakeDriver, 0);
    f->dom = fakeDomain(f->conn);
    f->roDom = fakeDomain(f->ro);
    f->nothingDom = fakeDomain(f->nothing);
    f->otherDom = fakeDomain(f->other);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conns[] = { f->conn, f->ro, f->nothing, f->other };
    virDomainPtr doms[] = { f->dom, f->roDom, f->nothingDom, f->otherDom };
    size_t i;

    fakeDriverFail(false);
    for (i = 0; i < G_N_ELEMENTS(conns); i++) {
        virDomainUnref(doms[i]);
        g_assert_false(virConnectUnref(conns[i]));
    }
    fakeAssertCalled("close;close;close;close;");
    g_assert_cmpuint(fakeTakeErrors(), ==, 0);
    virSetErrorFunc(NULL, NULL);
}

static void
assertNoConnection(const char *func)
{
    g_autofree char *message = g_strdup_printf("invalid connection pointer in %s", func);

    fakeAssertError(VIR_ERR_INVALID_CONN, VIR_FROM_DOMAIN, message);
}

static void
assertNoDomain(const char *func)
{
    g_autofree char *message = g_strdup_printf("invalid domain pointer in %s", func);

    fakeAssertError(VIR_ERR_INVALID_DOMAIN, VIR_FROM_DOM, message);
}

static void
assertNoSupport(const char *func)
{
    g_autofree char *message = g_strdup_printf("this function is not supported by the connection "
                                               "driver: %s", func);

    fakeAssertError(VIR_ERR_NO_SUPPORT, VIR_FROM_DOMAIN, message);
}

static void
assertReadOnly(const char *func)
{
    g_autofree char *message = g_strdup_printf("operation forbidden: read only access prevents %s",
                                               func);

    fakeAssertError(VIR_ERR_OPERATION_DENIED, VIR_FROM_DOMAIN, message);
}

/* The driver's own error arrives as it is, and is told. */
static void
assertFailed(const char *called)
{
    fakeAssertCalled(called);
    fakeAssertError(VIR_ERR_OPERATION_FAILED, VIR_FROM_TEST, "operation failed: fake");
}

/* --- what a handle says by itself --- */

static void
testHandle(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];

    g_assert_true(virDomainGetConnect(f->dom) == f->conn);
    g_assert_cmpstr(virDomainGetName(f->dom), ==, "dom");
    g_assert_cmpuint(virDomainGetID(f->dom), ==, 5);
    g_assert_cmpint(virDomainGetUUID(f->dom, uuid), ==, 0);
    g_assert_cmpmem(uuid, sizeof(uuid), f->dom->uuid, sizeof(uuid));
    g_assert_cmpint(virDomainGetUUIDString(f->dom, text), ==, 0);
    g_assert_cmpstr(text, ==, UUID);
    g_assert_cmpint(virDomainRef(f->dom), ==, 0);
    g_assert_cmpint(virDomainFree(f->dom), ==, 0);
    fakeAssertCalled("");

    g_assert_null(virDomainGetConnect(NULL));
    assertNoDomain("virDomainGetConnect");
    g_assert_null(virDomainGetName(NULL));
    assertNoDomain("virDomainGetName");
    g_assert_cmpuint(virDomainGetID(NULL), ==, (unsigned int)-1);
    assertNoDomain("virDomainGetID");
    g_assert_cmpint(virDomainGetUUID(NULL, uuid), ==, -1);
    assertNoDomain("virDomainGetUUID");
    g_assert_cmpint(virDomainGetUUID(f->dom, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "uuid", "virDomainGetUUID", "must not be NULL");
    g_assert_cmpint(virDomainGetUUIDString(NULL, text), ==, -1);
    assertNoDomain("virDomainGetUUIDString");
    g_assert_cmpint(virDomainGetUUIDString(f->dom, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "buf", "virDomainGetUUIDString", "must not be NULL");
    g_assert_cmpint(virDomainRef(NULL), ==, -1);
    assertNoDomain("virDomainRef");
    g_assert_cmpint(virDomainFree(NULL), ==, -1);
    assertNoDomain("virDomainFree");
}

/* --- lists and look-ups --- */

static void
testLists(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virDomainPtr *domains = (virDomainPtr *)1;
    char *names[4];
    int ids[4];

    g_assert_cmpint(virConnectListAllDomains(f->ro, &domains, 6), ==, 3);
    g_assert_null(domains);             /* set even if the driver fails */
    g_assert_cmpint(virConnectListAllDomains(f->ro, NULL, 0), ==, 3);
    g_assert_cmpint(virConnectNumOfDomains(f->ro), ==, 3);
    g_assert_cmpint(virConnectListDomains(f->ro, ids, 4), ==, 2);
    g_assert_cmpint(virConnectListDomains(f->ro, NULL, 0), ==, 2);
    g_assert_cmpint(virConnectNumOfDefinedDomains(f->ro), ==, 4);
    g_assert_cmpint(virConnectListDefinedDomains(f->ro, names, 4), ==, 1);
    g_assert_cmpint(virConnectListDefinedDomains(f->ro, NULL, 0), ==, 1);
    fakeAssertCalled("listAllDomains array 6;listAllDomains - 0;numOfDomains;"
                     "listDomains array 4;listDomains - 0;numOfDefinedDomains;"
                     "listDefinedDomains array 4;listDefinedDomains - 0;");

    g_assert_cmpint(virConnectListAllDomains(NULL, NULL, 0), ==, -1);
    assertNoConnection("virConnectListAllDomains");
    g_assert_cmpint(virConnectNumOfDomains(NULL), ==, -1);
    assertNoConnection("virConnectNumOfDomains");
    g_assert_cmpint(virConnectListDomains(NULL, ids, 4), ==, -1);
    assertNoConnection("virConnectListDomains");
    g_assert_cmpint(virConnectListDomains(f->conn, NULL, 4), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "ids", "virConnectListDomains", "must not be NULL");
    g_assert_cmpint(virConnectListDomains(f->conn, NULL, -1), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "maxids", "virConnectListDomains",
                     "must be zero or greater");
    g_assert_cmpint(virConnectNumOfDefinedDomains(NULL), ==, -1);
    assertNoConnection("virConnectNumOfDefinedDomains");
    g_assert_cmpint(virConnectListDefinedDomains(NULL, names, 4), ==, -1);
    assertNoConnection("virConnectListDefinedDomains");
    g_assert_cmpint(virConnectListDefinedDomains(f->conn, NULL, 4), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "names", "virConnectListDefinedDomains",
                     "must not be NULL");
    g_assert_cmpint(virConnectListDefinedDomains(f->conn, names, -1), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "maxnames", "virConnectListDefinedDomains",
                     "must be zero or greater");

    g_assert_cmpint(virConnectListAllDomains(f->nothing, NULL, 0), ==, -1);
    assertNoSupport("virConnectListAllDomains");
    g_assert_cmpint(virConnectNumOfDomains(f->nothing), ==, -1);
    assertNoSupport("virConnectNumOfDomains");
    g_assert_cmpint(virConnectListDomains(f->nothing, ids, 4), ==, -1);
    assertNoSupport("virConnectListDomains");
    g_assert_cmpint(virConnectNumOfDefinedDomains(f->nothing), ==, -1);
    assertNoSupport("virConnectNumOfDefinedDomains");
    g_assert_cmpint(virConnectListDefinedDomains(f->nothing, names, 4), ==, -1);
    assertNoSupport("virConnectListDefinedDomains");
    fakeDriverFail(true);
    g_assert_cmpint(virConnectListAllDomains(f->conn, &domains, 0), ==, -1);
    assertFailed("listAllDomains array 0;");
}

static void
testLookUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0x12, [15] = 0x34 };
    virDomainPtr found[] = {
        virDomainLookupByID(f->ro, 5), virDomainLookupByName(f->ro, "dom"),
        virDomainLookupByUUID(f->ro, uuid), virDomainLookupByUUIDString(f->ro, UUID),
        virDomainLookupByID(f->ro, 0), virDomainLookupByName(f->ro, ""),
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(found); i++) {
        g_assert_nonnull(found[i]);
        virDomainUnref(found[i]);
    }
    fakeAssertCalled("lookupByID 5;lookupByName dom;lookupByUUID 1234;lookupByUUID 1234;"
                     "lookupByID 0;lookupByName ;");

    g_assert_null(virDomainLookupByID(NULL, 5));
    assertNoConnection("virDomainLookupByID");
    g_assert_null(virDomainLookupByID(f->conn, -1));
    fakeAssertBadArg(VIR_FROM_DOMAIN, "id", "virDomainLookupByID", "must be zero or greater");
    g_assert_null(virDomainLookupByName(NULL, "dom"));
    assertNoConnection("virDomainLookupByName");
    g_assert_null(virDomainLookupByName(f->conn, NULL));
    fakeAssertBadArg(VIR_FROM_DOMAIN, "name", "virDomainLookupByName", "must not be NULL");
    g_assert_null(virDomainLookupByUUID(NULL, uuid));
    assertNoConnection("virDomainLookupByUUID");
    g_assert_null(virDomainLookupByUUID(f->conn, NULL));
    fakeAssertBadArg(VIR_FROM_DOMAIN, "uuid", "virDomainLookupByUUID", "must not be NULL");
    g_assert_null(virDomainLookupByUUIDString(NULL, UUID));
    assertNoConnection("virDomainLookupByUUIDString");
    g_assert_null(virDomainLookupByUUIDString(f->conn, NULL));
    fakeAssertBadArg(VIR_FROM_DOMAIN, "uuidstr", "virDomainLookupByUUIDString",
                     "must not be NULL");
    g_assert_null(virDomainLookupByUUIDString(f->conn, "x"));
    g_assert_cmpstr(virGetLastError()->str1, ==, "virDomainLookupByUUIDString");
    g_assert_cmpstr(virGetLastError()->str2, ==, "uuidstr");
    fakeAssertError(VIR_ERR_INVALID_ARG, VIR_FROM_DOMAIN, "'x' is not a valid UUID");

    g_assert_null(virDomainLookupByID(f->nothing, 5));
    assertNoSupport("virDomainLookupByID");
    g_assert_null(virDomainLookupByName(f->nothing, "dom"));
    assertNoSupport("virDomainLookupByName");
    g_assert_null(virDomainLookupByUUID(f->nothing, uuid));
    assertNoSupport("virDomainLookupByUUID");
    g_assert_null(virDomainLookupByUUIDString(f->nothing, UUID));
    assertNoSupport("virDomainLookupByUUIDString");
    fakeDriverFail(true);
    g_assert_null(virDomainLookupByName(f->conn, "dom"));
    assertFailed("lookupByName dom;");
}

/* --- functions of a domain that return a number --- */

static const struct {
    const char *name;
    int (*func)(virDomainPtr dom);
    const char *called;
    int result;
    bool writes;
} plain[] = {
    { "virDomainIsActive", virDomainIsActive, "isActive dom;", 1, false },
    { "virDomainIsPersistent", virDomainIsPersistent, "isPersistent dom;", 0, false },
    { "virDomainIsUpdated", virDomainIsUpdated, "isUpdated dom;", 1, false },
    { "virDomainSuspend", virDomainSuspend, "suspend dom;", 0, true },
    { "virDomainResume", virDomainResume, "resume dom;", 0, true },
    { "virDomainShutdown", virDomainShutdown, "shutdown dom;", 0, true },
    { "virDomainDestroy", virDomainDestroy, "destroy dom;", 0, true },
};

static void
testPlain(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(plain); i++) {
        g_assert_cmpint(plain[i].func(f->dom), ==, plain[i].result);
        fakeAssertCalled(plain[i].called);
        g_assert_cmpint(plain[i].func(NULL), ==, -1);
        assertNoDomain(plain[i].name);
        g_assert_cmpint(plain[i].func((virDomainPtr)f->conn), ==, -1);
        assertNoDomain(plain[i].name);
        if (plain[i].writes) {
            g_assert_cmpint(plain[i].func(f->roDom), ==, -1);
            assertReadOnly(plain[i].name);
        } else {
            g_assert_cmpint(plain[i].func(f->roDom), ==, plain[i].result);
            fakeAssertCalled(plain[i].called);
        }
        g_assert_cmpint(plain[i].func(f->nothingDom), ==, -1);
        assertNoSupport(plain[i].name);
        fakeDriverFail(true);
        g_assert_cmpint(plain[i].func(f->dom), ==, -1);
        assertFailed(plain[i].called);
        fakeDriverFail(false);
    }
}

static const struct {
    const char *name;
    int (*func)(virDomainPtr dom, unsigned int flags);
    const char *called;
} withFlags[] = {
    { "virDomainShutdownFlags", virDomainShutdownFlags, "shutdownFlags dom 4711;" },
    { "virDomainReboot", virDomainReboot, "reboot dom 4711;" },
    { "virDomainReset", virDomainReset, "reset dom 4711;" },
    { "virDomainDestroyFlags", virDomainDestroyFlags, "destroyFlags dom 4711;" },
};

/* Flags are the driver's business. */
static void
testWithFlags(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(withFlags); i++) {
        g_assert_cmpint(withFlags[i].func(f->dom, 4711), ==, 0);
        fakeAssertCalled(withFlags[i].called);
        g_assert_cmpint(withFlags[i].func(NULL, 0), ==, -1);
        assertNoDomain(withFlags[i].name);
        g_assert_cmpint(withFlags[i].func(f->roDom, 4711), ==, -1);
        assertReadOnly(withFlags[i].name);
        g_assert_cmpint(withFlags[i].func(f->nothingDom, 0), ==, -1);
        assertNoSupport(withFlags[i].name);
        fakeDriverFail(true);
        g_assert_cmpint(withFlags[i].func(f->dom, 4711), ==, -1);
        assertFailed(withFlags[i].called);
        fakeDriverFail(false);
    }
}

static void
testAsking(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *type = virDomainGetOSType(f->roDom);
    virDomainInfo info;
    int state = -1, reason = -1;

    g_assert_cmpstr(type, ==, "hvm");
    memset(&info, 0xff, sizeof(info));          /* nothing of it is left */
    g_assert_cmpint(virDomainGetInfo(f->roDom, &info), ==, 0);
    g_assert_cmpuint(info.nrVirtCpu, ==, 2);
    g_assert_cmpint(virDomainGetState(f->roDom, &state, &reason, 0), ==, 0);
    g_assert_cmpint(state, ==, VIR_DOMAIN_RUNNING);
    g_assert_cmpint(reason, ==, VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_cmpint(virDomainGetState(f->roDom, &state, NULL, 9), ==, 0);
    fakeAssertCalled("getOSType dom;getInfo dom;getState dom reason 0;getState dom - 9;");

    g_assert_null(virDomainGetOSType(NULL));
    assertNoDomain("virDomainGetOSType");
    g_assert_null(virDomainGetOSType(f->nothingDom));
    assertNoSupport("virDomainGetOSType");
    g_assert_cmpint(virDomainGetInfo(NULL, &info), ==, -1);
    assertNoDomain("virDomainGetInfo");
    g_assert_cmpint(virDomainGetInfo(f->dom, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "info", "virDomainGetInfo", "must not be NULL");
    g_assert_cmpint(virDomainGetInfo(f->nothingDom, &info), ==, -1);
    assertNoSupport("virDomainGetInfo");
    g_assert_cmpint(virDomainGetState(NULL, &state, NULL, 0), ==, -1);
    assertNoDomain("virDomainGetState");
    g_assert_cmpint(virDomainGetState(f->dom, NULL, NULL, 0), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "state", "virDomainGetState", "must not be NULL");
    g_assert_cmpint(virDomainGetState(f->nothingDom, &state, NULL, 0), ==, -1);
    assertNoSupport("virDomainGetState");
}

static void
testXML(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const unsigned int secret[] = { VIR_DOMAIN_XML_SECURE, VIR_DOMAIN_XML_MIGRATABLE };
    g_autofree char *xml = virDomainGetXMLDesc(f->roDom, VIR_DOMAIN_XML_INACTIVE);
    size_t i;

    g_assert_cmpstr(xml, ==, "<domain/>");
    fakeAssertCalled("getXMLDesc dom 2;");
    for (i = 0; i < G_N_ELEMENTS(secret); i++) {
        g_autofree char *whole = virDomainGetXMLDesc(f->dom, secret[i]);

        g_assert_nonnull(whole);
        fakeAssertCalled(i == 0 ? "getXMLDesc dom 1;" : "getXMLDesc dom 8;");
        g_assert_null(virDomainGetXMLDesc(f->roDom, secret[i]));
        fakeAssertError(VIR_ERR_OPERATION_DENIED, VIR_FROM_DOMAIN,
                        "operation forbidden: virDomainGetXMLDesc with secure flag");
    }
    g_assert_null(virDomainGetXMLDesc(NULL, 0));
    assertNoDomain("virDomainGetXMLDesc");
    g_assert_null(virDomainGetXMLDesc(f->nothingDom, 0));
    assertNoSupport("virDomainGetXMLDesc");
}

/* --- events --- */

static int
onLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
            int event G_GNUC_UNUSED, int detail G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
onGeneric(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
          void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
onFree(void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();         /* not by the public function, and not on failure */
}

static void
testOldEvents(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    char given[] = "given";

    g_assert_cmpint(virConnectDomainEventRegister(f->ro, onLifecycle, given, onFree), ==, 0);
    g_assert_cmpint(virConnectDomainEventDeregister(f->ro, onLifecycle), ==, 0);
    fakeAssertCalled("eventRegister given free;eventDeregister;");

    g_assert_cmpint(virConnectDomainEventRegister(NULL, onLifecycle, NULL, onFree), ==, -1);
    assertNoConnection("virConnectDomainEventRegister");
    g_assert_cmpint(virConnectDomainEventRegister(f->conn, NULL, NULL, onFree), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "cb", "virConnectDomainEventRegister", "must not be NULL");
    g_assert_cmpint(virConnectDomainEventRegister(f->nothing, onLifecycle, NULL, onFree), ==, -1);
    assertNoSupport("virConnectDomainEventRegister");
    g_assert_cmpint(virConnectDomainEventDeregister(NULL, onLifecycle), ==, -1);
    assertNoConnection("virConnectDomainEventDeregister");
    g_assert_cmpint(virConnectDomainEventDeregister(f->conn, NULL), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "cb", "virConnectDomainEventDeregister",
                     "must not be NULL");
    g_assert_cmpint(virConnectDomainEventDeregister(f->nothing, onLifecycle), ==, -1);
    assertNoSupport("virConnectDomainEventDeregister");
    fakeDriverFail(true);
    g_assert_cmpint(virConnectDomainEventRegister(f->conn, onLifecycle, given, onFree), ==, -1);
    assertFailed("eventRegister given free;");
}

static void
testEvents(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const int last = VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE;
    char given[] = "given";

    g_assert_cmpint(virConnectDomainEventRegisterAny(f->ro, NULL, 0, onGeneric, given, onFree),
                    ==, 7);
    g_assert_cmpint(virConnectDomainEventRegisterAny(f->ro, f->roDom, last, onGeneric, given,
                                                     NULL), ==, 7);
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->ro, 7), ==, 0);
    fakeAssertCalled("eventRegisterAny - 0 given free;eventRegisterAny dom 26 given -;"
                     "eventDeregisterAny 7;");

    g_assert_cmpint(virConnectDomainEventRegisterAny(NULL, NULL, 0, onGeneric, NULL, onFree),
                    ==, -1);
    assertNoConnection("virConnectDomainEventRegisterAny");
    g_assert_cmpint(virConnectDomainEventRegisterAny(f->conn, (virDomainPtr)f->conn, 0, onGeneric,
                                                     NULL, onFree), ==, -1);
    assertNoDomain("virConnectDomainEventRegisterAny");
    g_assert_cmpint(virConnectDomainEventRegisterAny(f->conn, f->otherDom, 0, onGeneric, NULL,
                                                     onFree), ==, -1);
    g_assert_cmpstr(virGetLastError()->str1, ==, "virConnectDomainEventRegisterAny");
    g_assert_cmpstr(virGetLastError()->str2, ==, "dom");
    fakeAssertError(VIR_ERR_INVALID_ARG, VIR_FROM_DOMAIN, "domain 'dom' must match connection");
    g_assert_cmpint(virConnectDomainEventRegisterAny(f->conn, NULL, 0, NULL, NULL, onFree),
                    ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "cb", "virConnectDomainEventRegisterAny",
                     "must not be NULL");
    g_assert_cmpint(virConnectDomainEventRegisterAny(f->conn, NULL, -1, onGeneric, NULL, onFree),
                    ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "eventID", "virConnectDomainEventRegisterAny",
                     "must be zero or greater");
    g_assert_cmpint(virConnectDomainEventRegisterAny(f->conn, NULL, last + 1, onGeneric, NULL,
                                                     onFree), ==, -1);
    g_assert_cmpstr(virGetLastError()->str2, ==, "eventID");
    fakeAssertError(VIR_ERR_INVALID_ARG, VIR_FROM_DOMAIN, "eventID must be less than 27");
    g_assert_cmpint(virConnectDomainEventRegisterAny(f->nothing, NULL, 0, onGeneric, NULL,
                                                     onFree), ==, -1);
    assertNoSupport("virConnectDomainEventRegisterAny");

    g_assert_cmpint(virConnectDomainEventDeregisterAny(NULL, 0), ==, -1);
    assertNoConnection("virConnectDomainEventDeregisterAny");
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->conn, -1), ==, -1);
    fakeAssertBadArg(VIR_FROM_DOMAIN, "callbackID", "virConnectDomainEventDeregisterAny",
                     "must be zero or greater");
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->nothing, 0), ==, -1);
    assertNoSupport("virConnectDomainEventDeregisterAny");
    fakeDriverFail(true);
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->conn, 7), ==, -1);
    assertFailed("eventDeregisterAny 7;");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/libvirt/domain/handle", testHandle },
        { "/libvirt/domain/lists", testLists },
        { "/libvirt/domain/look-up", testLookUp },
        { "/libvirt/domain/plain", testPlain },
        { "/libvirt/domain/with-flags", testWithFlags },
        { "/libvirt/domain/asking", testAsking },
        { "/libvirt/domain/xml", testXML },
        { "/libvirt/domain/old-events", testOldEvents },
        { "/libvirt/domain/events", testEvents },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
