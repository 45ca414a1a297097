/*
 * fakelibvirt.c: functions of libvirt that answer what a test wants to see printed
 *
 * Loaded in front of libvirt, into virsh and into virtmon alike: what both print of the same
 * answers can then be compared, whatever driver there is. Each function is libvirt's own unless
 * the environment asks for an answer:
 *
 *   FAKE_REPLY=TEXT    of monitor commands and the guest agent; with FAKE_TELL also what was sent
 *   FAKE_INACTIVE=1    domains are shut off, their state is saved, their title is "A title"
 *   FAKE_STATES=1      each state of a domain with each reason, one after the other
 *   FAKE_EVENTS=1      a registration is answered by events of its kind, with every value
 *   FAKE_NAME=TEXT     every domain's, which it is found by, and the host's
 *
 * Domains are those of the name "test".
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>

/* Past the last value of every enumeration. */
#define FAKE_BEYOND 16

#define FAKE_REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void
fakeTell(const char *what, const char *command, long long number)
{
    if (getenv("FAKE_TELL"))
        printf("%s <%s> %lld\n", what, command, number);
    fflush(stdout);
}

/* --- answers --- */

char *
virDomainQemuAgentCommand(virDomainPtr dom, const char *cmd, int timeout, unsigned int flags)
{
    const char *reply = getenv("FAKE_REPLY");

    if (!reply)
        return FAKE_REAL(virDomainQemuAgentCommand)(dom, cmd, timeout, flags);
    fakeTell("agent", cmd, timeout);
    return strdup(reply);
}

int
virDomainQemuMonitorCommand(virDomainPtr dom, const char *cmd, char **result, unsigned int flags)
{
    const char *reply = getenv("FAKE_REPLY");

    if (!reply)
        return FAKE_REAL(virDomainQemuMonitorCommand)(dom, cmd, result, flags);
    fakeTell("monitor", cmd, flags);
    *result = strdup(reply);
    return 0;
}

int
virDomainQemuMonitorCommandWithFiles(virDomainPtr dom, const char *cmd, unsigned int ninfiles,
                                     int *infiles, unsigned int *noutfiles, int **outfiles,
                                     char **result, unsigned int flags)
{
    const char *reply = getenv("FAKE_REPLY");
    unsigned int i;

    if (!reply)
        return FAKE_REAL(virDomainQemuMonitorCommandWithFiles)(dom, cmd, ninfiles, infiles,
                                                               noutfiles, outfiles, result,
                                                               flags);
    fakeTell("monitor with files", cmd, flags);
    for (i = 0; i < ninfiles; i++)
        fakeTell("file", "", infiles[i]);
    *result = strdup(reply);
    return 0;
}

virDomainPtr
virDomainQemuAttach(virConnectPtr conn, unsigned int pid, unsigned int flags)
{
    if (!getenv("FAKE_REPLY"))
        return FAKE_REAL(virDomainQemuAttach)(conn, pid, flags);
    fakeTell("attach", "", pid);
    return virDomainLookupByName(conn, "test");
}

int
virDomainShutdown(virDomainPtr dom)
{
    if (!getenv("FAKE_REPLY"))
        return FAKE_REAL(virDomainShutdown)(dom);
    fakeTell("shutdown", "", -1);
    return 0;
}

int
virDomainShutdownFlags(virDomainPtr dom, unsigned int flags)
{
    if (!getenv("FAKE_REPLY"))
        return FAKE_REAL(virDomainShutdownFlags)(dom, flags);
    fakeTell("shutdown", "", flags);
    return 0;
}

int
virDomainReboot(virDomainPtr dom, unsigned int flags)
{
    if (!getenv("FAKE_REPLY"))
        return FAKE_REAL(virDomainReboot)(dom, flags);
    fakeTell("reboot", "", flags);
    return 0;
}

int
virDomainGetState(virDomainPtr dom, int *state, int *reason, unsigned int flags)
{
    static int calls;

    if (getenv("FAKE_INACTIVE")) {
        *state = VIR_DOMAIN_SHUTOFF;
        if (reason)
            *reason = VIR_DOMAIN_SHUTOFF_SAVED;
        return 0;
    }
    if (!getenv("FAKE_STATES"))
        return FAKE_REAL(virDomainGetState)(dom, state, reason, flags);
    *state = calls / FAKE_BEYOND;
    *reason = calls % FAKE_BEYOND;
    calls++;
    return 0;
}

/* --- a domain that doesn't run --- */

/* What only virsh calls, and our headers don't have. */
int virDomainHasManagedSaveImage(virDomainPtr dom, unsigned int flags);
char *virDomainGetMetadata(virDomainPtr dom, int type, const char *uri, unsigned int flags);

/* Without filters, as the domain doesn't really fit them. */
int
virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
    if (getenv("FAKE_INACTIVE"))
        flags = 0;
    return FAKE_REAL(virConnectListAllDomains)(conn, domains, flags);
}

const char *
virDomainGetName(virDomainPtr dom)
{
    const char *name = getenv("FAKE_NAME");

    return name ? name : FAKE_REAL(virDomainGetName)(dom);
}

virDomainPtr
virDomainLookupByName(virConnectPtr conn, const char *name)
{
    const char *fake = getenv("FAKE_NAME");
    virDomainPtr *domains = NULL;
    virDomainPtr dom = NULL;
    int i, count;

    if (!fake || strcmp(name, fake) != 0)
        return FAKE_REAL(virDomainLookupByName)(conn, name);
    count = FAKE_REAL(virConnectListAllDomains)(conn, &domains, 0);
    for (i = 0; i < count; i++) {
        if (i == 0)
            dom = domains[i];
        else
            virDomainFree(domains[i]);
    }
    free(domains);
    return dom;
}

char *
virConnectGetHostname(virConnectPtr conn)
{
    const char *name = getenv("FAKE_NAME");

    return name ? strdup(name) : FAKE_REAL(virConnectGetHostname)(conn);
}

unsigned int
virDomainGetID(virDomainPtr dom)
{
    if (!getenv("FAKE_INACTIVE"))
        return FAKE_REAL(virDomainGetID)(dom);
    return -1;
}

int
virDomainHasManagedSaveImage(virDomainPtr dom, unsigned int flags)
{
    if (!getenv("FAKE_INACTIVE"))
        return FAKE_REAL(virDomainHasManagedSaveImage)(dom, flags);
    return 1;
}

char *
virDomainGetMetadata(virDomainPtr dom, int type, const char *uri, unsigned int flags)
{
    if (!getenv("FAKE_INACTIVE"))
        return FAKE_REAL(virDomainGetMetadata)(dom, type, uri, flags);
    return strdup("A title");
}

char *
virDomainGetXMLDesc(virDomainPtr dom, unsigned int flags)
{
    if (!getenv("FAKE_INACTIVE"))
        return FAKE_REAL(virDomainGetXMLDesc)(dom, flags);
    return strdup("<domain><name>test</name><title>A title</title></domain>");
}

/* --- typed events --- */

static void
fakeGraphics(virConnectPtr conn, virDomainPtr dom, virConnectDomainEventGraphicsCallback cb,
             void *opaque)
{
    virDomainEventGraphicsSubjectIdentity identities[] = {
        { (char *)"x509dname", (char *)"CN=a" },
        { (char *)"saslUsername", (char *)"joe" },
    };
    virDomainEventGraphicsSubject known = { 2, identities };
    virDomainEventGraphicsSubject unknown = { 0, NULL };
    int phase, family;

    for (phase = -1; phase < 4; phase++) {
        for (family = -1; family < 4; family++) {
            virDomainEventGraphicsAddress local = { family, (char *)"127.0.0.1", (char *)"5900" };
            virDomainEventGraphicsAddress remote = { family, (char *)"::1", (char *)"" };

            cb(conn, dom, phase, &local, &remote, "vnc", family ? &known : &unknown, opaque);
        }
    }
}

static void
fakeParameters(virConnectPtr conn, virDomainPtr dom, virConnectDomainEventTunableCallback cb,
               void *opaque)
{
    virTypedParameter params[] = {
        { .field = "int", .type = VIR_TYPED_PARAM_INT, .value.i = -3 },
        { .field = "uint", .type = VIR_TYPED_PARAM_UINT, .value.ui = 4294967295u },
        { .field = "llong", .type = VIR_TYPED_PARAM_LLONG, .value.l = -5 },
        { .field = "ullong", .type = VIR_TYPED_PARAM_ULLONG, .value.ul = 18446744073709551615u },
        { .field = "double", .type = VIR_TYPED_PARAM_DOUBLE, .value.d = 1.5 },
        { .field = "large", .type = VIR_TYPED_PARAM_DOUBLE, .value.d = 123456789.25 },
        { .field = "boolean", .type = VIR_TYPED_PARAM_BOOLEAN, .value.b = 1 },
        { .field = "string.with.dots", .type = VIR_TYPED_PARAM_STRING, .value.s = (char *)"str" },
    };

    cb(conn, dom, params, sizeof(params) / sizeof(params[0]), opaque);
    cb(conn, dom, params, 0, opaque);
}

#define FAKE_CALL(type, ...) ((type)(void *)cb)(conn, dom, __VA_ARGS__, opaque)
#define FAKE_EACH(type, ...) \
    for (i = -1; i < FAKE_BEYOND; i++) \
        FAKE_CALL(type, __VA_ARGS__)
#define FAKE_PAIRS(type, ...) \
    for (i = -1; i < FAKE_BEYOND; i++) \
        for (j = -1; j < FAKE_BEYOND; j++) \
            FAKE_CALL(type, __VA_ARGS__)

static void
fakeEvents(virConnectPtr conn, virDomainPtr dom, int id, virConnectDomainEventGenericCallback cb,
           void *opaque)
{
    int i, j;

    switch ((virDomainEventID)id) {
    case VIR_DOMAIN_EVENT_ID_LIFECYCLE:
        FAKE_PAIRS(virConnectDomainEventCallback, i, j);
        break;
    case VIR_DOMAIN_EVENT_ID_REBOOT:
    case VIR_DOMAIN_EVENT_ID_CONTROL_ERROR:
        cb(conn, dom, opaque);
        break;
    case VIR_DOMAIN_EVENT_ID_RTC_CHANGE:
        FAKE_CALL(virConnectDomainEventRTCChangeCallback, -9223372036854775807LL);
        break;
    case VIR_DOMAIN_EVENT_ID_WATCHDOG:
        FAKE_EACH(virConnectDomainEventWatchdogCallback, i);
        break;
    case VIR_DOMAIN_EVENT_ID_IO_ERROR:
        FAKE_EACH(virConnectDomainEventIOErrorCallback, "/src", "vda", i);
        FAKE_CALL(virConnectDomainEventIOErrorCallback, "", "", 1);
        break;
    case VIR_DOMAIN_EVENT_ID_GRAPHICS:
        fakeGraphics(conn, dom, (virConnectDomainEventGraphicsCallback)(void *)cb, opaque);
        break;
    case VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON:
        FAKE_EACH(virConnectDomainEventIOErrorReasonCallback, "/src", "vda", i, "enospc");
        FAKE_CALL(virConnectDomainEventIOErrorReasonCallback, "", "", 1, "");
        break;
    case VIR_DOMAIN_EVENT_ID_BLOCK_JOB:
    case VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2:
        FAKE_PAIRS(virConnectDomainEventBlockJobCallback, "vda", i, j);
        break;
    case VIR_DOMAIN_EVENT_ID_DISK_CHANGE:
        FAKE_EACH(virConnectDomainEventDiskChangeCallback, "/old", "/new", "vda", i);
        FAKE_CALL(virConnectDomainEventDiskChangeCallback, NULL, NULL, "vda", 0);
        break;
    case VIR_DOMAIN_EVENT_ID_TRAY_CHANGE:
        FAKE_EACH(virConnectDomainEventTrayChangeCallback, "cd0", i);
        break;
    case VIR_DOMAIN_EVENT_ID_PMWAKEUP:
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND:
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK:
        FAKE_EACH(virConnectDomainEventPMWakeupCallback, i);
        break;
    case VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE:
        FAKE_CALL(virConnectDomainEventBalloonChangeCallback, 18446744073709551615ull);
        break;
    case VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED:
    case VIR_DOMAIN_EVENT_ID_DEVICE_ADDED:
    case VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED:
        FAKE_CALL(virConnectDomainEventDeviceRemovedCallback, "net0");
        break;
    case VIR_DOMAIN_EVENT_ID_TUNABLE:
    case VIR_DOMAIN_EVENT_ID_JOB_COMPLETED:
        fakeParameters(conn, dom, (virConnectDomainEventTunableCallback)(void *)cb, opaque);
        break;
    case VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE:
        FAKE_PAIRS(virConnectDomainEventAgentLifecycleCallback, i, j);
        break;
    case VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION:
        FAKE_CALL(virConnectDomainEventMigrationIterationCallback, -2);
        break;
    case VIR_DOMAIN_EVENT_ID_METADATA_CHANGE:
        FAKE_EACH(virConnectDomainEventMetadataChangeCallback, i, "http://x");
        FAKE_CALL(virConnectDomainEventMetadataChangeCallback, 0, NULL);
        break;
    case VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD:
        FAKE_CALL(virConnectDomainEventBlockThresholdCallback, "vda", "/p", 100ull, 5ull);
        FAKE_CALL(virConnectDomainEventBlockThresholdCallback, "vda", NULL, 100ull, 5ull);
        break;
    case VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE:
        FAKE_PAIRS(virConnectDomainEventMemoryFailureCallback, i, j, (unsigned int)j & 15);
        break;
    case VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE:
        FAKE_CALL(virConnectDomainEventMemoryDeviceSizeChangeCallback, "mem0", 4096ull);
        break;
    }
}

int
virConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom, int id,
                                 virConnectDomainEventGenericCallback cb, void *opaque,
                                 virFreeCallback freecb)
{
    virDomainPtr test;

    if (!getenv("FAKE_EVENTS"))
        return FAKE_REAL(virConnectDomainEventRegisterAny)(conn, dom, id, cb, opaque, freecb);
    test = virDomainLookupByName(conn, "test");
    fakeEvents(conn, test, id, cb, opaque);
    virDomainFree(test);
    /* nothing comes later */
    if (freecb)
        freecb(opaque);
    return id;
}

int
virConnectDomainEventDeregisterAny(virConnectPtr conn, int callbackID)
{
    if (!getenv("FAKE_EVENTS"))
        return FAKE_REAL(virConnectDomainEventDeregisterAny)(conn, callbackID);
    return 0;
}

/* --- monitor events --- */

int
virConnectDomainQemuMonitorEventRegister(virConnectPtr conn, virDomainPtr dom, const char *event,
                                         virConnectDomainQemuMonitorEventCallback cb,
                                         void *opaque, virFreeCallback freecb,
                                         unsigned int flags)
{
    static const char *const details[] = {
        "{}", "[]", "[1,\"b\"]", "null", "\"x\"", "5", NULL, "garbage", "",
        "{\"a\":1.50,\"b\":{},\"c\":[],\"d\":[{\"x\":1e3},[2]],\"e\":\"\\u0001\\n/\\\"\\\\\"}",
    };
    virDomainPtr test;
    size_t i;

    if (!getenv("FAKE_EVENTS"))
        return FAKE_REAL(virConnectDomainQemuMonitorEventRegister)(conn, dom, event, cb, opaque,
                                                                   freecb, flags);
    /* virtmon also asks for what it lost */
    if (!event || strcmp(event, "VIRTMON_EVENTS_LOST") != 0) {
        fakeTell("register", event ? event : "", flags);
        test = virDomainLookupByName(conn, "test");
        for (i = 0; i < sizeof(details) / sizeof(details[0]); i++)
            cb(conn, test, "EVENT", 1700000000 + i, i, details[i], opaque);
        cb(conn, test, "EVENT", -1, 0, NULL, opaque);
        virDomainFree(test);
    }
    if (freecb)
        freecb(opaque);
    return 3;
}

int
virConnectDomainQemuMonitorEventDeregister(virConnectPtr conn, int callbackID)
{
    if (!getenv("FAKE_EVENTS"))
        return FAKE_REAL(virConnectDomainQemuMonitorEventDeregister)(conn, callbackID);
    return 0;
}
