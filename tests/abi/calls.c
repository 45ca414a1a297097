/*
 * calls.c: every function, called as it should be
 *
 * Prints what each call returns, so that a program compiled against one set of headers can be
 * compared with the same compiled against the other, on the same library. A call that the
 * driver doesn't support fails in both.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

static int errors;
static int events;
static int turns;

static void
onError(void *opaque, virErrorPtr err)
{
    (void)opaque;
    errors++;
    printf("  error %d %d %s\n", err->code, err->domain, err->message);
}

/* What a call returns; text is freed. */
static void
number(const char *call, long long result)
{
    printf("%s = %lld\n", call, result);
}

static void
text(const char *call, char *result)
{
    printf("%s = %s\n", call, result ? result : "NULL");
    free(result);
}

#define INT(call) number(#call, (long long)(call))
#define TEXT(call) text(#call, (call))
#define PTR(call) number(#call, (call) != NULL)

static void
onMonitor(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
          unsigned int micros, const char *details, void *opaque)
{
    printf("  %d %s %s %d %d %s %s\n", virDomainGetConnect(dom) == conn, virDomainGetName(dom),
           event, seconds > 0, micros < 1000000, details ? "details" : "-", (char *)opaque);
    events++;
}

static int
onLifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    printf("  %d %s lifecycle %d %d %s\n", virDomainGetConnect(dom) == conn,
           virDomainGetName(dom), event, detail, (char *)opaque);
    events++;
    return 0;
}

static void
onClose(virConnectPtr conn, int reason, void *opaque)
{
    (void)conn, (void)opaque;
    printf("  closed %d\n", reason);
}

static void
onFree(void *opaque)
{
    printf("  freed %s\n", (char *)opaque);
}

static void
onTimeout(int timer, void *opaque)
{
    (void)opaque;
    turns++;
    if (turns > 300)
        exit(5);                /* events did not come within 30 s */
    virEventUpdateTimeout(timer, 100);
}

static void
onHandle(int watch, int fd, int happened, void *opaque)
{
    char byte;

    (void)opaque;
    printf("  handle %d %d\n", happened, (int)read(fd, &byte, 1));
    virEventUpdateHandle(watch, 0);
    events++;
}

/* Runs the loop until so many events more have come. */
static void
await(int count)
{
    int wanted = events + count;

    while (events < wanted && virEventRunDefaultImpl() == 0)
        ;
}

static void
useLibrary(void)
{
    unsigned long version, driver;
    virErrorPtr saved;

    INT(virInitialize());
    INT(virGetVersion(&version, NULL, NULL));
    INT(virGetVersion(&version, "QEMU", &driver));
    INT(LIBVIR_CHECK_VERSION(9, 0, 0));
    INT(LIBVIR_CHECK_VERSION(99, 0, 0));
    INT(virGetLastErrorCode());
    INT(virGetLastErrorDomain());
    printf("%s\n", virGetLastErrorMessage());
    PTR(virGetLastError());
    PTR((saved = virSaveLastError()));
    virFreeError(saved);
    virResetLastError();
    PTR(virConnectAuthPtrDefault);
    INT(virConnectAuthPtrDefault->ncredtype > 0);
}

static void
useLoop(void)
{
    int ends[2];
    int watch, timer;

    INT(virEventRegisterDefaultImpl());
    INT((timer = virEventAddTimeout(100, onTimeout, "timeout", onFree)));
    if (pipe(ends) < 0)
        exit(4);
    INT((watch = virEventAddHandle(ends[0], VIR_EVENT_HANDLE_READABLE, onHandle, "handle",
                                   onFree)));
    INT(write(ends[1], "x", 1));
    await(1);
    INT(virEventRemoveHandle(watch));
    INT((timer = virEventAddTimeout(-1, onTimeout, "second timeout", onFree)));
    INT(virEventRemoveTimeout(timer));
    virEventRunDefaultImpl();
    close(ends[0]);
    close(ends[1]);
}

static void
useConnection(virConnectPtr conn)
{
    unsigned long version;
    virError copy;

    printf("%s\n", virConnectGetType(conn));
    INT(virConnectGetVersion(conn, &version));
    INT(virConnectGetLibVersion(conn, &version));
    INT(version);
    TEXT(virConnectGetHostname(conn));
    TEXT(virConnectGetURI(conn));
    TEXT(virConnectGetCapabilities(conn));
    INT(virConnectIsAlive(conn));
    INT(virConnectIsEncrypted(conn));
    INT(virConnectIsSecure(conn));
    INT(virConnectSetKeepAlive(conn, 5, 3));
    INT(virConnectRegisterCloseCallback(conn, onClose, "close callback", onFree));
    INT(virConnectUnregisterCloseCallback(conn, onClose));
    INT(virConnectRef(conn));
    INT(virConnectClose(conn));

    PTR(virDomainLookupByName(conn, "no such domain"));
    PTR(virConnGetLastError(conn));
    INT(virConnCopyLastError(conn, &copy));
    printf("%s\n", copy.message);
    virResetError(&copy);
    virConnResetLastError(conn);
    PTR(virConnGetLastError(conn));
    PTR(virDomainLookupByName(conn, "no such domain"));
    INT(virCopyLastError(&copy));
    printf("%s\n", copy.message);
    virResetError(&copy);
    virConnSetErrorFunc(conn, NULL, onError);
}

/* Returns the first domain that is listed. */
static virDomainPtr
useLists(virConnectPtr conn)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    char uuidText[VIR_UUID_STRING_BUFLEN];
    virDomainPtr *domains;
    virDomainPtr first, other;
    char *names[4];
    int ids[4];
    int count, i;

    INT(virConnectNumOfDomains(conn));
    INT(virConnectListDomains(conn, ids, 4));
    INT(ids[0]);
    INT(virConnectNumOfDefinedDomains(conn));
    INT((count = virConnectListDefinedDomains(conn, names, 4)));
    for (i = 0; i < count; i++)
        free(names[i]);
    INT(virConnectListAllDomains(conn, NULL, VIR_CONNECT_LIST_DOMAINS_PAUSED));
    INT((count = virConnectListAllDomains(conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE)));
    if (count < 1)
        exit(3);
    first = domains[0];
    for (i = 1; i < count; i++)
        virDomainFree(domains[i]);
    PTR(domains[count] == NULL ? first : NULL);
    free(domains);

    PTR((other = virDomainLookupByID(conn, ids[0])));
    INT(virDomainRef(other));
    INT(virDomainFree(other));
    INT(virDomainFree(other));
    PTR((other = virDomainLookupByName(conn, virDomainGetName(first))));
    INT(virDomainFree(other));
    INT(virDomainGetUUID(first, uuid));
    PTR((other = virDomainLookupByUUID(conn, uuid)));
    INT(virDomainFree(other));
    INT(virDomainGetUUIDString(first, uuidText));
    printf("%s\n", uuidText);
    PTR((other = virDomainLookupByUUIDString(conn, uuidText)));
    INT(virDomainFree(other));
    return first;
}

static void
askDomain(virConnectPtr conn, virDomainPtr dom)
{
    virDomainInfo info;
    int state = -1, reason = -1;

    INT(virDomainGetConnect(dom) == conn);
    printf("%s\n", virDomainGetName(dom));
    INT(virDomainGetID(dom));
    TEXT(virDomainGetOSType(dom));
    INT(virDomainGetInfo(dom, &info));
    printf("%d %lu %lu %d\n", info.state, info.maxMem, info.memory, info.nrVirtCpu);
    INT(virDomainGetState(dom, &state, &reason, 0));
    printf("%d %d\n", state, reason);
    TEXT(virDomainGetXMLDesc(dom, 0));
    TEXT(virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, NULL, 0));
    INT(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, "a title", NULL, NULL, 0));
    TEXT(virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, NULL, VIR_DOMAIN_AFFECT_LIVE));
    INT(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, "<a><b/></a>", "x", "urn:x", 0));
    TEXT(virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, "urn:x", 0));
    INT(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, NULL, NULL, "urn:x", 0));
    TEXT(virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, "urn:x", 0));
    INT(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, NULL, NULL, NULL, 0));
    INT(virDomainIsActive(dom));
    INT(virDomainIsPersistent(dom));
    INT(virDomainIsUpdated(dom));
}

static void
useQemu(virConnectPtr conn, virDomainPtr dom)
{
    int infile = open("/dev/null", O_RDONLY);
    unsigned int noutfiles = 0;
    int *outfiles = NULL;
    char *result = NULL;

    INT(virDomainQemuMonitorCommand(dom, "{\"execute\":\"query-name\"}", &result, 0));
    free(result);
    result = NULL;
    INT(virDomainQemuMonitorCommand(dom, "info name", &result,
                                    VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP));
    free(result);
    result = NULL;
    INT(virDomainQemuMonitorCommandWithFiles(dom, "{\"execute\":\"add-fd\"}", 1, &infile,
                                             &noutfiles, &outfiles, &result, 0));
    free(result);
    free(outfiles);
    close(infile);
    TEXT(virDomainQemuAgentCommand(dom, "{\"execute\":\"guest-ping\"}",
                                   VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT, 0));
    PTR(virDomainQemuAttach(conn, 1, 0));
}

static void
useEvents(virConnectPtr conn, virDomainPtr dom)
{
    int monitor, any;

    INT(virConnectDomainEventRegister(conn, onLifecycle, "old", onFree));
    INT((any = virConnectDomainEventRegisterAny(conn, dom, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                VIR_DOMAIN_EVENT_CALLBACK(onLifecycle), "any",
                                                onFree)));
    INT((monitor = virConnectDomainQemuMonitorEventRegister(
             conn, dom, "^(stop|resume)$", onMonitor, "monitor", onFree,
             VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX |
             VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE)));
    INT(virDomainSuspend(dom));
    await(monitor < 0 ? 2 : 3);
    INT(virDomainResume(dom));
    await(monitor < 0 ? 2 : 3);
    if (monitor >= 0)
        INT(virConnectDomainQemuMonitorEventDeregister(conn, monitor));
    else
        INT(virConnectDomainQemuMonitorEventDeregister(conn, 0));
    INT(virConnectDomainEventDeregisterAny(conn, any));
    INT(virConnectDomainEventDeregister(conn, onLifecycle));
}

/* Ends the domain at last. */
static void
endDomain(virDomainPtr dom)
{
    INT(virDomainReset(dom, 0));
    INT(virDomainReboot(dom, VIR_DOMAIN_REBOOT_GUEST_AGENT));
    INT(virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT));
    INT(virDomainShutdown(dom));
    INT(virDomainDestroyFlags(dom, VIR_DOMAIN_DESTROY_GRACEFUL));
    INT(virDomainDestroy(dom));
}

int
main(int argc, char **argv)
{
    virConnectPtr conn, second;
    virDomainPtr dom;

    if (argc != 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    virDefaultErrorFunc(NULL);
    virSetErrorFunc(NULL, onError);
    useLibrary();
    useLoop();
    PTR((second = virConnectOpenReadOnly(argv[1])));
    INT(virConnectClose(second));
    PTR((second = virConnectOpen(argv[1])));
    INT(virConnectClose(second));
    PTR((conn = virConnectOpenAuth(argv[1], virConnectAuthPtrDefault, 0)));
    if (!conn)
        return 3;
    useConnection(conn);
    dom = useLists(conn);
    askDomain(conn, dom);
    useQemu(conn, dom);
    useEvents(conn, dom);
    endDomain(dom);
    INT(virDomainFree(dom));
    INT(virConnectClose(conn));
    printf("%d errors\n", errors);
    return 0;
}
