/*
 * fakedriver.c: a driver that notes what it is asked
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "fakedriver.h"

#include <string.h>

#define VIR_FROM_THIS VIR_FROM_TEST

static GString *fakeCalls;
static bool fakeFails;
static unsigned int fakeErrors;

static void fakeNote(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
fakeNote(const char *format, ...)
{
    va_list args;

    if (!fakeCalls)
        fakeCalls = g_string_new(NULL);
    va_start(args, format);
    g_string_append_vprintf(fakeCalls, format, args);
    va_end(args);
    g_string_append_c(fakeCalls, ';');
}

/* What an entry that returns an int returns. */
static int
fakeResult(int result)
{
    if (!fakeFails)
        return result;
    virReportError(VIR_ERR_OPERATION_FAILED, "%s", "fake");
    return -1;
}

static void *
fakePointer(void *result)
{
    return fakeResult(0) < 0 ? NULL : result;
}

static int
fakeConnectClose(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("close");
    return 0;
}

static const char *
fakeConnectGetType(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("getType");
    return fakePointer((void *)"FAKE");
}

static int
fakeConnectGetVersion(virConnectPtr conn G_GNUC_UNUSED, unsigned long *hvVer)
{
    fakeNote("getVersion");
    *hvVer = 7002000;
    return fakeResult(0);
}

static int
fakeConnectGetLibVersion(virConnectPtr conn G_GNUC_UNUSED, unsigned long *libVer)
{
    fakeNote("getLibVersion");
    *libVer = 1002003;
    return fakeResult(0);
}

static char *
fakeConnectGetHostname(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("getHostname");
    return fakeResult(0) < 0 ? NULL : g_strdup("host");
}

static char *
fakeConnectGetURI(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("getURI");
    return fakeResult(0) < 0 ? NULL : g_strdup("fake:///uri");
}

static char *
fakeConnectGetCapabilities(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("getCapabilities");
    return fakeResult(0) < 0 ? NULL : g_strdup("<capabilities/>");
}

static int
fakeConnectIsEncrypted(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("isEncrypted");
    return fakeResult(1);
}

static int
fakeConnectIsSecure(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("isSecure");
    return fakeResult(0);
}

static int
fakeConnectIsAlive(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("isAlive");
    return fakeResult(1);
}

static int
fakeConnectSetKeepAlive(virConnectPtr conn G_GNUC_UNUSED, int interval, unsigned int count)
{
    fakeNote("setKeepAlive %d %u", interval, count);
    return fakeResult(1);
}

static int
fakeConnectRegisterCloseCallback(virConnectPtr conn G_GNUC_UNUSED,
                                 virConnectCloseFunc cb G_GNUC_UNUSED, void *opaque,
                                 virFreeCallback freecb)
{
    fakeNote("registerCloseCallback %s %s", (char *)opaque, freecb ? "free" : "-");
    return fakeResult(0);
}

static int
fakeConnectUnregisterCloseCallback(virConnectPtr conn G_GNUC_UNUSED,
                                   virConnectCloseFunc cb G_GNUC_UNUSED)
{
    fakeNote("unregisterCloseCallback");
    return fakeResult(0);
}

static int
fakeConnectListAllDomains(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr **domains,
                          unsigned int flags)
{
    fakeNote("listAllDomains %s %u", domains ? "array" : "-", flags);
    return fakeResult(3);
}

static int
fakeConnectNumOfDomains(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("numOfDomains");
    return fakeResult(3);
}

static int
fakeConnectListDomains(virConnectPtr conn G_GNUC_UNUSED, int *ids, int maxids)
{
    fakeNote("listDomains %s %d", ids ? "array" : "-", maxids);
    return fakeResult(2);
}

static int
fakeConnectNumOfDefinedDomains(virConnectPtr conn G_GNUC_UNUSED)
{
    fakeNote("numOfDefinedDomains");
    return fakeResult(4);
}

static int
fakeConnectListDefinedDomains(virConnectPtr conn G_GNUC_UNUSED, char **const names, int maxnames)
{
    fakeNote("listDefinedDomains %s %d", names ? "array" : "-", maxnames);
    return fakeResult(1);
}

static virDomainPtr
fakeDomainLookupByID(virConnectPtr conn, int id)
{
    fakeNote("lookupByID %d", id);
    return fakeResult(0) < 0 ? NULL : fakeDomain(conn);
}

static virDomainPtr
fakeDomainLookupByName(virConnectPtr conn, const char *name)
{
    fakeNote("lookupByName %s", name);
    return fakeResult(0) < 0 ? NULL : fakeDomain(conn);
}

static virDomainPtr
fakeDomainLookupByUUID(virConnectPtr conn, const unsigned char *uuid)
{
    fakeNote("lookupByUUID %02x%02x", uuid[0], uuid[15]);
    return fakeResult(0) < 0 ? NULL : fakeDomain(conn);
}

static char *
fakeDomainGetOSType(virDomainPtr dom)
{
    fakeNote("getOSType %s", dom->name);
    return fakeResult(0) < 0 ? NULL : g_strdup("hvm");
}

static int
fakeDomainGetInfo(virDomainPtr dom, virDomainInfoPtr info)
{
    g_assert_cmpuint(info->maxMem, ==, 0);
    fakeNote("getInfo %s", dom->name);
    info->nrVirtCpu = 2;
    return fakeResult(0);
}

static int
fakeDomainGetState(virDomainPtr dom, int *state, int *reason, unsigned int flags)
{
    fakeNote("getState %s %s %u", dom->name, reason ? "reason" : "-", flags);
    *state = VIR_DOMAIN_RUNNING;
    if (reason)
        *reason = VIR_DOMAIN_RUNNING_BOOTED;
    return fakeResult(0);
}

static char *
fakeDomainGetXMLDesc(virDomainPtr dom, unsigned int flags)
{
    fakeNote("getXMLDesc %s %u", dom->name, flags);
    return fakeResult(0) < 0 ? NULL : g_strdup("<domain/>");
}

#define FAKE_DOMAIN_INT(Name, note, result) \
    static int \
    fakeDomain ## Name(virDomainPtr dom) \
    { \
        fakeNote(note " %s", dom->name); \
        return fakeResult(result); \
    }
#define FAKE_DOMAIN_FLAGS(Name, note) \
    static int \
    fakeDomain ## Name(virDomainPtr dom, unsigned int flags) \
    { \
        fakeNote(note " %s %u", dom->name, flags); \
        return fakeResult(0); \
    }

FAKE_DOMAIN_INT(IsActive, "isActive", 1)
FAKE_DOMAIN_INT(IsPersistent, "isPersistent", 0)
FAKE_DOMAIN_INT(IsUpdated, "isUpdated", 1)
FAKE_DOMAIN_INT(Suspend, "suspend", 0)
FAKE_DOMAIN_INT(Resume, "resume", 0)
FAKE_DOMAIN_INT(Shutdown, "shutdown", 0)
FAKE_DOMAIN_INT(Destroy, "destroy", 0)
FAKE_DOMAIN_FLAGS(ShutdownFlags, "shutdownFlags")
FAKE_DOMAIN_FLAGS(Reboot, "reboot")
FAKE_DOMAIN_FLAGS(Reset, "reset")
FAKE_DOMAIN_FLAGS(DestroyFlags, "destroyFlags")

static int
fakeConnectDomainEventRegister(virConnectPtr conn G_GNUC_UNUSED,
                               virConnectDomainEventCallback cb G_GNUC_UNUSED, void *opaque,
                               virFreeCallback freecb)
{
    fakeNote("eventRegister %s %s", (char *)opaque, freecb ? "free" : "-");
    return fakeResult(0);
}

static int
fakeConnectDomainEventDeregister(virConnectPtr conn G_GNUC_UNUSED,
                                 virConnectDomainEventCallback cb G_GNUC_UNUSED)
{
    fakeNote("eventDeregister");
    return fakeResult(0);
}

static int
fakeConnectDomainEventRegisterAny(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int eventID,
                                  virConnectDomainEventGenericCallback cb G_GNUC_UNUSED,
                                  void *opaque, virFreeCallback freecb)
{
    fakeNote("eventRegisterAny %s %d %s %s", dom ? dom->name : "-", eventID, (char *)opaque,
             freecb ? "free" : "-");
    return fakeResult(7);
}

static int
fakeConnectDomainEventDeregisterAny(virConnectPtr conn G_GNUC_UNUSED, int callbackID)
{
    fakeNote("eventDeregisterAny %d", callbackID);
    return fakeResult(0);
}

static int
fakeDomainQemuMonitorCommand(virDomainPtr dom, const char *cmd, char **result, unsigned int flags)
{
    fakeNote("monitorCommand %s %s %u", dom->name, cmd, flags);
    if (fakeResult(0) < 0)
        return -1;
    *result = g_strdup("{}");
    return 0;
}

static int
fakeDomainQemuMonitorCommandWithFiles(virDomainPtr dom, const char *cmd, unsigned int nfiles,
                                      int *files G_GNUC_UNUSED, unsigned int *noutfiles,
                                      int **outfiles, char **result, unsigned int flags)
{
    fakeNote("monitorCommandWithFiles %s %s %u %s %s %u", dom->name, cmd, nfiles,
             noutfiles ? "count" : "-", outfiles ? "array" : "-", flags);
    if (fakeResult(0) < 0)
        return -1;
    *result = g_strdup("{}");
    return 0;
}

static virDomainPtr
fakeDomainQemuAttach(virConnectPtr conn, unsigned int pid_value, unsigned int flags)
{
    fakeNote("attach %u %u", pid_value, flags);
    return fakeResult(0) < 0 ? NULL : fakeDomain(conn);
}

static char *
fakeDomainQemuAgentCommand(virDomainPtr dom, const char *cmd, int timeout, unsigned int flags)
{
    fakeNote("agentCommand %s %s %d %u", dom->name, cmd, timeout, flags);
    return fakeResult(0) < 0 ? NULL : g_strdup("{}");
}

static int
fakeConnectDomainQemuMonitorEventRegister(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                                          const char *event,
                                          virConnectDomainQemuMonitorEventCallback cb
                                          G_GNUC_UNUSED, void *opaque, virFreeCallback freecb,
                                          unsigned int flags)
{
    fakeNote("monitorEventRegister %s %s %s %s %u", dom ? dom->name : "-", event ? event : "-",
             (char *)opaque, freecb ? "free" : "-", flags);
    return fakeResult(9);
}

static int
fakeConnectDomainQemuMonitorEventDeregister(virConnectPtr conn G_GNUC_UNUSED, int callbackID)
{
    fakeNote("monitorEventDeregister %d", callbackID);
    return fakeResult(3);           /* that many are left, which callers don't see */
}

const virHypervisorDriver fakeDriver = {
    .name = "Fake",
    .connectClose = fakeConnectClose,
    .connectGetType = fakeConnectGetType,
    .connectGetVersion = fakeConnectGetVersion,
    .connectGetLibVersion = fakeConnectGetLibVersion,
    .connectGetHostname = fakeConnectGetHostname,
    .connectGetURI = fakeConnectGetURI,
    .connectGetCapabilities = fakeConnectGetCapabilities,
    .connectIsEncrypted = fakeConnectIsEncrypted,
    .connectIsSecure = fakeConnectIsSecure,
    .connectIsAlive = fakeConnectIsAlive,
    .connectSetKeepAlive = fakeConnectSetKeepAlive,
    .connectRegisterCloseCallback = fakeConnectRegisterCloseCallback,
    .connectUnregisterCloseCallback = fakeConnectUnregisterCloseCallback,
    .connectListAllDomains = fakeConnectListAllDomains,
    .connectNumOfDomains = fakeConnectNumOfDomains,
    .connectListDomains = fakeConnectListDomains,
    .connectNumOfDefinedDomains = fakeConnectNumOfDefinedDomains,
    .connectListDefinedDomains = fakeConnectListDefinedDomains,
    .domainLookupByID = fakeDomainLookupByID,
    .domainLookupByName = fakeDomainLookupByName,
    .domainLookupByUUID = fakeDomainLookupByUUID,
    .domainGetOSType = fakeDomainGetOSType,
    .domainGetInfo = fakeDomainGetInfo,
    .domainGetState = fakeDomainGetState,
    .domainGetXMLDesc = fakeDomainGetXMLDesc,
    .domainIsActive = fakeDomainIsActive,
    .domainIsPersistent = fakeDomainIsPersistent,
    .domainIsUpdated = fakeDomainIsUpdated,
    .domainSuspend = fakeDomainSuspend,
    .domainResume = fakeDomainResume,
    .domainShutdown = fakeDomainShutdown,
    .domainShutdownFlags = fakeDomainShutdownFlags,
    .domainReboot = fakeDomainReboot,
    .domainReset = fakeDomainReset,
    .domainDestroy = fakeDomainDestroy,
    .domainDestroyFlags = fakeDomainDestroyFlags,
    .connectDomainEventRegister = fakeConnectDomainEventRegister,
    .connectDomainEventDeregister = fakeConnectDomainEventDeregister,
    .connectDomainEventRegisterAny = fakeConnectDomainEventRegisterAny,
    .connectDomainEventDeregisterAny = fakeConnectDomainEventDeregisterAny,
    .domainQemuMonitorCommand = fakeDomainQemuMonitorCommand,
    .domainQemuMonitorCommandWithFiles = fakeDomainQemuMonitorCommandWithFiles,
    .domainQemuAttach = fakeDomainQemuAttach,
    .domainQemuAgentCommand = fakeDomainQemuAgentCommand,
    .connectDomainQemuMonitorEventRegister = fakeConnectDomainQemuMonitorEventRegister,
    .connectDomainQemuMonitorEventDeregister = fakeConnectDomainQemuMonitorEventDeregister,
};

const virHypervisorDriver fakeDriverWithNothing = {
    .name = "Nothing",
    .connectClose = fakeConnectClose,
};

static void
fakeOnError(void *opaque G_GNUC_UNUSED, virErrorPtr err)
{
    g_assert_cmpint(err->code, !=, VIR_ERR_OK);
    fakeErrors++;
}

virConnectPtr
fakeConnect(const virHypervisorDriver *driver, unsigned int flags)
{
    virConnectPtr conn = virGetConnect();

    virSetErrorFunc(NULL, fakeOnError);
    conn->driver = driver;
    conn->flags = flags;
    conn->uri = virURIParse("fake:///given");
    return conn;
}

virDomainPtr
fakeDomain(virConnectPtr conn)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0x12, [15] = 0x34 };

    return virGetDomain(conn, "dom", uuid, 5);
}

void
fakeDriverFail(bool fail)
{
    fakeFails = fail;
}

void
fakeAssertCalled(const char *expected)
{
    g_assert_cmpstr(fakeCalls ? fakeCalls->str : "", ==, expected);
    if (fakeCalls)
        g_string_free(fakeCalls, TRUE);
    fakeCalls = NULL;
}

unsigned int
fakeTakeErrors(void)
{
    unsigned int errors = fakeErrors;

    fakeErrors = 0;
    return errors;
}

void
fakeAssertError(int code, int domain, const char *message)
{
    virErrorPtr err = virGetLastError();

    g_assert_nonnull(err);
    g_assert_cmpstr(err->message, ==, message);
    g_assert_cmpint(err->code, ==, code);
    g_assert_cmpint(err->domain, ==, domain);
    g_assert_cmpint(err->level, ==, VIR_ERR_ERROR);
    g_assert_cmpuint(fakeTakeErrors(), ==, 1);      /* told once */
    fakeAssertCalled("");                           /* before the driver was asked */
    virResetLastError();
}

void
fakeAssertBadArg(int domain, const char *arg, const char *func, const char *what)
{
    g_autofree char *message = g_strdup_printf("%s in %s %s", arg, func, what);
    virErrorPtr err = virGetLastError();

    g_assert_nonnull(err);
    g_assert_cmpstr(err->str1, ==, func);
    g_assert_cmpstr(err->str2, ==, arg);
    g_assert_cmpint(err->int1, ==, 0);
    fakeAssertError(VIR_ERR_INVALID_ARG, domain, message);
}
