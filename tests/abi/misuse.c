/*
 * misuse.c: every function, called as it should not be
 *
 * Prints what each call returns and what error it leaves, so that the output of one library
 * can be compared with that of the other. Only what doesn't depend on the driver is called:
 * bad arguments, handles that are none, writes on a read-only connection.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

static const char *section;

/* The error that the last call left. */
static void
tell(const char *call, long long result)
{
    virErrorPtr err = virGetLastError();

    printf("%s: %s = %lld", section, call, result);
    if (err && err->code != VIR_ERR_OK)
        printf(" [%d %d %d] '%s' '%s' '%s' '%s' %d %d", err->code, err->domain, err->level,
               err->message, err->str1 ? err->str1 : "-", err->str2 ? err->str2 : "-",
               err->str3 ? err->str3 : "-", err->int1, err->int2);
    printf("\n");
    virResetLastError();
}

#define INT(call) tell(#call, (long long)(call))
/* Any pointer: only whether there is one. */
#define PTR(call) tell(#call, (call) != NULL)

static void
onEvent(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    (void)conn, (void)dom, (void)event, (void)seconds, (void)micros, (void)details, (void)opaque;
}

static int
onLifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    (void)conn, (void)dom, (void)event, (void)detail, (void)opaque;
    return 0;
}

static void
onClose(virConnectPtr conn, int reason, void *opaque)
{
    (void)conn, (void)reason, (void)opaque;
}

static void
onError(void *opaque, virErrorPtr err)
{
    (void)opaque, (void)err;
}

static void
onFree(void *opaque)
{
    (void)opaque;
    printf("%s: freed\n", section);
}

#define CALLBACK VIR_DOMAIN_EVENT_CALLBACK(onLifecycle)

/* Calls whose handle is @conn, which is no connection: NULL, or a domain. */
static void
notAConnection(virConnectPtr conn)
{
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virDomainPtr *domains;
    unsigned long version;
    char *names[1];
    int ids[1];

    INT(virConnectClose(conn));
    INT(virConnectRef(conn));
    PTR(virConnectGetType(conn));
    INT(virConnectGetVersion(conn, &version));
    INT(virConnectGetLibVersion(conn, &version));
    PTR(virConnectGetHostname(conn));
    PTR(virConnectGetURI(conn));
    PTR(virConnectGetCapabilities(conn));
    INT(virConnectIsAlive(conn));
    INT(virConnectIsEncrypted(conn));
    INT(virConnectIsSecure(conn));
    INT(virConnectSetKeepAlive(conn, 1, 1));
    INT(virConnectRegisterCloseCallback(conn, onClose, NULL, onFree));
    INT(virConnectUnregisterCloseCallback(conn, onClose));
    INT(virConnectNumOfDomains(conn));
    INT(virConnectListDomains(conn, ids, 1));
    INT(virConnectNumOfDefinedDomains(conn));
    INT(virConnectListDefinedDomains(conn, names, 1));
    INT(virConnectListAllDomains(conn, &domains, 0));
    PTR(virDomainLookupByID(conn, 1));
    PTR(virDomainLookupByName(conn, "x"));
    PTR(virDomainLookupByUUID(conn, uuid));
    PTR(virDomainLookupByUUIDString(conn, "00000000-0000-0000-0000-000000000000"));
    INT(virConnectDomainEventRegister(conn, onLifecycle, NULL, onFree));
    INT(virConnectDomainEventDeregister(conn, onLifecycle));
    INT(virConnectDomainEventRegisterAny(conn, NULL, 0, CALLBACK, NULL, onFree));
    INT(virConnectDomainEventDeregisterAny(conn, 0));
    PTR(virDomainQemuAttach(conn, 2, 0));
    INT(virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, onEvent, NULL, onFree, 0));
    INT(virConnectDomainQemuMonitorEventDeregister(conn, 0));
}

/* Calls whose handle is @dom, which is no domain. */
static void
notADomain(virDomainPtr dom)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];
    virDomainInfo info;
    char *result;
    int state;

    INT(virDomainFree(dom));
    INT(virDomainRef(dom));
    PTR(virDomainGetConnect(dom));
    PTR(virDomainGetName(dom));
    INT(virDomainGetUUID(dom, uuid));
    INT(virDomainGetUUIDString(dom, text));
    INT(virDomainGetID(dom));
    INT(virDomainGetInfo(dom, &info));
    INT(virDomainGetState(dom, &state, NULL, 0));
    PTR(virDomainGetOSType(dom));
    PTR(virDomainGetXMLDesc(dom, 0));
    PTR(virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, NULL, 0));
    INT(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, "a", NULL, NULL, 0));
    INT(virDomainIsActive(dom));
    INT(virDomainIsPersistent(dom));
    INT(virDomainIsUpdated(dom));
    INT(virDomainSuspend(dom));
    INT(virDomainResume(dom));
    INT(virDomainShutdown(dom));
    INT(virDomainShutdownFlags(dom, 0));
    INT(virDomainReboot(dom, 0));
    INT(virDomainReset(dom, 0));
    INT(virDomainDestroy(dom));
    INT(virDomainDestroyFlags(dom, 0));
    INT(virDomainQemuMonitorCommand(dom, "{}", &result, 0));
    INT(virDomainQemuMonitorCommandWithFiles(dom, "{}", 0, NULL, NULL, NULL, &result, 0));
    PTR(virDomainQemuAgentCommand(dom, "{}", 0, 0));
}

/* Good handles, bad arguments. */
static void
badArguments(virConnectPtr conn, virDomainPtr dom, virDomainPtr stranger)
{
    int files[1] = { -1 };
    char *result = NULL;
    int ids[1];

    INT(virConnectGetVersion(conn, NULL));
    INT(virConnectGetLibVersion(conn, NULL));
    INT(virConnectRegisterCloseCallback(conn, NULL, NULL, onFree));
    INT(virConnectUnregisterCloseCallback(conn, NULL));
    INT(virConnectListDomains(conn, NULL, 1));
    INT(virConnectListDomains(conn, ids, -1));
    INT(virConnectListDefinedDomains(conn, NULL, 1));
    PTR(virDomainLookupByID(conn, -1));
    PTR(virDomainLookupByName(conn, NULL));
    PTR(virDomainLookupByUUID(conn, NULL));
    PTR(virDomainLookupByUUIDString(conn, NULL));
    PTR(virDomainLookupByUUIDString(conn, "no uuid"));
    PTR(virDomainLookupByUUIDString(conn, ""));
    INT(virConnectDomainEventRegister(conn, NULL, NULL, onFree));
    INT(virConnectDomainEventDeregister(conn, NULL));
    INT(virConnectDomainEventRegisterAny(conn, NULL, 0, NULL, NULL, onFree));
    INT(virConnectDomainEventRegisterAny(conn, NULL, -1, CALLBACK, NULL, onFree));
    INT(virConnectDomainEventRegisterAny(conn, NULL, 1000, CALLBACK, NULL, onFree));
    INT(virConnectDomainEventRegisterAny(conn, stranger, 0, CALLBACK, NULL, onFree));
    INT(virConnectDomainEventDeregisterAny(conn, -1));
    INT(virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, NULL, NULL, onFree, 0));
    INT(virConnectDomainQemuMonitorEventRegister(conn, stranger, NULL, onEvent, NULL, onFree, 0));
    INT(virConnectDomainQemuMonitorEventDeregister(conn, -1));
    PTR(virDomainQemuAttach(conn, 0, 0));
    PTR(virDomainQemuAttach(conn, 0xffffffffU, 0));
    INT(virDomainGetUUID(dom, NULL));
    INT(virDomainGetUUIDString(dom, NULL));
    INT(virDomainGetInfo(dom, NULL));
    INT(virDomainGetState(dom, NULL, NULL, 0));
    INT(virDomainQemuMonitorCommand(dom, NULL, &result, 0));
    INT(virDomainQemuMonitorCommand(dom, "{}", NULL, 0));
    INT(virDomainQemuMonitorCommandWithFiles(dom, NULL, 0, NULL, NULL, NULL, &result, 0));
    INT(virDomainQemuMonitorCommandWithFiles(dom, "{}", 0, NULL, NULL, NULL, NULL, 0));
    INT(virDomainQemuMonitorCommandWithFiles(dom, "{}", 1, NULL, NULL, NULL, &result, 0));
    INT(virDomainQemuMonitorCommandWithFiles(dom, "{}", 1, files, NULL, NULL, &result, 0));
    PTR(virDomainQemuAgentCommand(dom, NULL, 0, 0));
}

/* What a read-only connection must not do. */
static void
notForReaders(virConnectPtr conn, virDomainPtr dom)
{
    char *result = NULL;

    INT(virDomainSuspend(dom));
    INT(virDomainResume(dom));
    INT(virDomainShutdown(dom));
    INT(virDomainShutdownFlags(dom, 0));
    INT(virDomainReboot(dom, 0));
    INT(virDomainReset(dom, 0));
    INT(virDomainDestroy(dom));
    INT(virDomainDestroyFlags(dom, 0));
    INT(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, "a", NULL, NULL, 0));
    PTR(virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_SECURE));
    PTR(virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_MIGRATABLE));
    INT(virDomainQemuMonitorCommand(dom, "{}", &result, 0));
    INT(virDomainQemuMonitorCommandWithFiles(dom, "{}", 0, NULL, NULL, NULL, &result, 0));
    PTR(virDomainQemuAgentCommand(dom, "{}", 0, 0));
    PTR(virDomainQemuAttach(conn, 2, 0));
    INT(virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, onEvent, NULL, onFree, 0));
}

/* The error API, with and without an error. */
static void
errors(virConnectPtr conn)
{
    virErrorPtr saved;
    virError copy;

    virResetLastError();
    virConnSetErrorFunc(NULL, NULL, onError);
    PTR(virConnGetLastError(NULL));
    INT(virConnCopyLastError(NULL, &copy));
    virConnResetLastError(NULL);
    INT(virGetLastErrorCode());
    INT(virGetLastErrorDomain());
    printf("%s: '%s'\n", section, virGetLastErrorMessage());
    PTR(virGetLastError());
    INT(virCopyLastError(&copy));
    INT(copy.code);
    PTR((saved = virSaveLastError()));
    if (saved)
        INT(saved->code);
    virFreeError(saved);

    virDomainLookupByName(conn, NULL);
    INT(virGetLastErrorCode());
    virDomainLookupByName(conn, NULL);
    INT(virGetLastErrorDomain());
    virDomainLookupByName(conn, NULL);
    printf("%s: '%s'\n", section, virGetLastErrorMessage());
    INT(virCopyLastError(&copy));
    printf("%s: %d '%s'\n", section, copy.code, copy.message);
    virResetError(&copy);
    printf("%s: %d %d\n", section, copy.code, copy.message != NULL);
    virDomainLookupByName(conn, NULL);
    saved = virSaveLastError();
    virResetLastError();
    printf("%s: %d '%s'\n", section, saved->code, saved->message);
    virFreeError(saved);
    virFreeError(NULL);
    virResetError(NULL);
    printf("%s: %d\n", section, virConnGetLastError(conn) != NULL);
    INT(virConnCopyLastError(conn, &copy));
    virResetError(&copy);
    virConnResetLastError(conn);
    INT(virConnCopyLastError(conn, &copy));
}

/* IDs of the event loop that do not exist. */
static void
loop(void)
{
    INT(virEventRemoveHandle(12345));
    INT(virEventRemoveTimeout(12345));
    virEventUpdateHandle(12345, 0);
    virEventUpdateTimeout(12345, -1);
}

int
main(int argc, char **argv)
{
    virConnectPtr conn, other, reader;
    virDomainPtr *domains, *strangers, *seen;
    unsigned long version;

    if (argc != 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    virSetErrorFunc(NULL, onError);

    section = "library";
    INT(virInitialize());
    INT(virGetVersion(&version, NULL, NULL));
    INT(version / 1000000);

    virEventRegisterDefaultImpl();
    section = "NULL connection";
    notAConnection(NULL);
    section = "NULL domain";
    notADomain(NULL);

    if (!(conn = virConnectOpen(argv[1])) || !(other = virConnectOpen(argv[1])) ||
        !(reader = virConnectOpenReadOnly(argv[1])) ||
        virConnectListAllDomains(conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE) < 1 ||
        virConnectListAllDomains(other, &strangers, VIR_CONNECT_LIST_DOMAINS_ACTIVE) < 1 ||
        virConnectListAllDomains(reader, &seen, VIR_CONNECT_LIST_DOMAINS_ACTIVE) < 1) {
        fprintf(stderr, "misuse: %s\n", virGetLastErrorMessage());
        return 3;
    }
    section = "a domain for a connection";
    notAConnection((virConnectPtr)domains[0]);
    section = "a connection for a domain";
    notADomain((virDomainPtr)conn);
    section = "bad arguments";
    badArguments(conn, domains[0], strangers[0]);
    section = "read-only";
    notForReaders(reader, seen[0]);
    section = "errors";
    errors(conn);
    section = "loop";
    loop();
    return 0;
}
