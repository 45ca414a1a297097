/*
 * qemu_driver.c: the driver for QEMUs on this host, as the public API sees it
 *
 * Finds the domain that a handle means and calls what does the work. The sockets,
 * domains and events behind a connection are qemu_instance.c's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_driver.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "datatypes.h"
#include "domain_event.h"
#include "qemu_agent.h"
#include "qemu_attach.h"
#include "qemu_capabilities.h"
#include "qemu_control.h"
#include "qemu_instance.h"
#include "qemu_process.h"
#include "qemu_query.h"
#include "qemu_state.h"
#include "qemu_uri.h"
#include "qemu_xml.h"
#include "virgettext.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* What libvirt lets go along with one command. */
#define QEMU_DRIVER_COMMAND_FDS_MAX 1

/* privateData of a connection. */
typedef struct {
    qemuInstance *instance;
    virMutex lock;                      /* guards the rest */
    virConnectCloseFunc closeCallback;  /* kept, but never called: nothing here can be lost */
    void *closeOpaque;
    virFreeCallback closeFree;
} qemuConnection;

static qemuInstance *
qemuDriverInstance(virConnectPtr conn)
{
    return ((qemuConnection *)conn->privateData)->instance;
}

/* --- the connection --- */

static virDrvOpenStatus
qemuConnectOpen(virConnectPtr conn, virConnectAuthPtr auth G_GNUC_UNUSED,
                unsigned int flags G_GNUC_UNUSED)
{
    g_autoptr(qemuURI) config = NULL;
    bool daemon = qemuStateIsActive();
    qemuConnection *priv;
    qemuInstance *instance;
    int rc = qemuURIParse(conn->uri, &config);

    if (rc < 0 || (rc == 0 && !daemon))
        return rc == 0 ? VIR_DRV_OPEN_DECLINED : VIR_DRV_OPEN_ERROR;
    /* A daemon's clients get at what it was told to watch, and nothing else. */
    if (daemon && (rc > 0 || conn->uri->server)) {
        virReportErrorFull(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, __FILE__, __func__, __LINE__,
                           _("unexpected QEMU URI '%1$s', try qemu:///system or qemu:///session"),
                           conn->uri->text);
        return VIR_DRV_OPEN_ERROR;
    }
    if (!(instance = daemon ? qemuStateOpen() : qemuInstanceOpen(config)))
        return VIR_DRV_OPEN_ERROR;

    priv = g_new0(qemuConnection, 1);
    priv->instance = instance;
    virMutexInit(&priv->lock);
    conn->privateData = priv;
    return VIR_DRV_OPEN_SUCCESS;
}

static int
qemuConnectClose(virConnectPtr conn)
{
    qemuConnection *priv = g_steal_pointer(&conn->privateData);

    if (priv->closeFree)
        priv->closeFree(priv->closeOpaque);
    qemuInstanceClose(priv->instance);
    virMutexDestroy(&priv->lock);
    g_free(priv);
    return 0;
}

static int
qemuConnectSupportsFeature(virConnectPtr conn G_GNUC_UNUSED, int feature)
{
    switch ((virDrvFeature)feature) {
    case VIR_DRV_FEATURE_FD_PASSING:
    case VIR_DRV_FEATURE_TYPED_PARAM_STRING:
        return 1;
    case VIR_DRV_FEATURE_REMOTE:
    case VIR_DRV_FEATURE_PROGRAM_KEEPALIVE:
    case VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK:
    case VIR_DRV_FEATURE_REMOTE_CLOSE_CALLBACK:
        break;
    }
    return 0;
}

static const char *
qemuConnectGetType(virConnectPtr conn G_GNUC_UNUSED)
{
    return "QEMU";
}

/* A daemon's client doesn't need to know what else its URI said. */
static char *
qemuConnectGetURI(virConnectPtr conn)
{
    if (g_strcmp0(conn->uri->path, "/embed") == 0)
        return g_strdup(conn->uri->text);
    return g_strdup_printf("%s://%s", conn->uri->scheme, conn->uri->path);
}

static int
qemuConnectGetVersion(virConnectPtr conn, unsigned long *hvVer)
{
    return qemuCapabilitiesGetVersion(qemuInstanceDomains(qemuDriverInstance(conn)), hvVer);
}

static char *
qemuConnectGetHostname(virConnectPtr conn G_GNUC_UNUSED)
{
    return qemuCapabilitiesGetHostname();
}

static char *
qemuConnectGetCapabilities(virConnectPtr conn)
{
    return qemuCapabilitiesFormat(qemuInstanceDomains(qemuDriverInstance(conn)));
}

/* In process: nothing travels. */
static int
qemuConnectIsEncrypted(virConnectPtr conn G_GNUC_UNUSED)
{
    return 0;
}

static int
qemuConnectIsSecure(virConnectPtr conn G_GNUC_UNUSED)
{
    return 1;
}

static int
qemuConnectIsAlive(virConnectPtr conn G_GNUC_UNUSED)
{
    return 1;
}

static int
qemuConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb, void *opaque,
                                 virFreeCallback freecb)
{
    qemuConnection *priv = conn->privateData;
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&priv->lock);

    if (priv->closeCallback) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("a close callback is registered already"));
        return -1;
    }
    priv->closeCallback = cb;
    priv->closeOpaque = opaque;
    priv->closeFree = freecb;
    return 0;
}

static int
qemuConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    qemuConnection *priv = conn->privateData;
    virFreeCallback freecb;
    void *opaque;

    virMutexLock(&priv->lock);
    if (priv->closeCallback != cb) {
        virMutexUnlock(&priv->lock);
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("a different close callback is registered, or none"));
        return -1;
    }
    freecb = priv->closeFree;
    opaque = priv->closeOpaque;
    priv->closeCallback = NULL;
    priv->closeOpaque = NULL;
    priv->closeFree = NULL;
    virMutexUnlock(&priv->lock);

    if (freecb)
        freecb(opaque);
    return 0;
}

/* --- finding domains --- */

static virDomainPtr
qemuDriverMakeHandle(virConnectPtr conn, virDomainObj *obj)
{
    return virGetDomain(conn, obj->ident->name, obj->ident->uuid, obj->ident->id);
}

static int
qemuConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
    const unsigned int known = 2 * VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT - 1;
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GPtrArray) handles = g_ptr_array_new();
    guint i;

    virCheckFlagsReturn(known, -1);
    all = virDomainListGetAll(qemuInstanceDomains(qemuDriverInstance(conn)));
    for (i = 0; i < all->len; i++) {
        virDomainObj *obj = g_ptr_array_index(all, i);

        if (virDomainObjMatchesFlags(obj, flags))
            g_ptr_array_add(handles, domains ? qemuDriverMakeHandle(conn, obj) : NULL);
    }
    i = handles->len;
    if (domains) {
        g_ptr_array_add(handles, NULL);
        *domains = (virDomainPtr *)g_ptr_array_free(g_steal_pointer(&handles), FALSE);
    }
    return i;
}

static int
qemuConnectNumOfDomains(virConnectPtr conn)
{
    return virDomainListCount(qemuInstanceDomains(qemuDriverInstance(conn)));
}

static int
qemuConnectListDomains(virConnectPtr conn, int *ids, int maxids)
{
    g_autoptr(GPtrArray) all = virDomainListGetAll(qemuInstanceDomains(qemuDriverInstance(conn)));
    int i;

    for (i = 0; i < maxids && i < (int)all->len; i++)
        ids[i] = ((virDomainObj *)g_ptr_array_index(all, i))->ident->id;
    return i;
}

/* A domain is known as long as its QEMU runs, and no longer. */
static int
qemuConnectNumOfDefinedDomains(virConnectPtr conn G_GNUC_UNUSED)
{
    return 0;
}

static int
qemuConnectListDefinedDomains(virConnectPtr conn G_GNUC_UNUSED, char **const names G_GNUC_UNUSED,
                              int maxnames G_GNUC_UNUSED)
{
    return 0;
}

static virDomainPtr
qemuDomainLookupByID(virConnectPtr conn, int id)
{
    g_autoptr(virDomainObj) obj =
        virDomainListFindByID(qemuInstanceDomains(qemuDriverInstance(conn)), id);

    if (!obj) {
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching id %1$d"), id);
        return NULL;
    }
    return qemuDriverMakeHandle(conn, obj);
}

static virDomainPtr
qemuDomainLookupByName(virConnectPtr conn, const char *name)
{
    g_autoptr(virDomainObj) obj =
        virDomainListFindByName(qemuInstanceDomains(qemuDriverInstance(conn)), name);

    if (!obj) {
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching name '%1$s'"), name);
        return NULL;
    }
    return qemuDriverMakeHandle(conn, obj);
}

static virDomainPtr
qemuDomainLookupByUUID(virConnectPtr conn, const unsigned char *uuid)
{
    g_autoptr(virDomainObj) obj =
        virDomainListFindByUUID(qemuInstanceDomains(qemuDriverInstance(conn)), uuid);
    char text[VIR_UUID_STRING_BUFLEN];

    if (!obj) {
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching uuid '%1$s'"),
                       virUUIDFormat(uuid, text));
        return NULL;
    }
    return qemuDriverMakeHandle(conn, obj);
}

/* The domain that a handle means, by its UUID alone, as libvirt does it: a new reference, or
 * NULL with an error reported. */
static virDomainObj *
qemuDriverFind(virDomainPtr dom)
{
    virDomainObj *obj =
        virDomainListFindByUUID(qemuInstanceDomains(qemuDriverInstance(dom->conn)), dom->uuid);
    char text[VIR_UUID_STRING_BUFLEN];

    if (!obj)
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching uuid '%1$s' (%2$s)"),
                       virUUIDFormat(dom->uuid, text), dom->name);
    return obj;
}

/* --- asking --- */

static char *
qemuDomainGetOSType(virDomainPtr dom)
{
    g_autoptr(virDomainObj) obj = qemuDriverFind(dom);

    return obj ? g_strdup("hvm") : NULL;
}

static int
qemuDomainGetInfo(virDomainPtr dom, virDomainInfoPtr info)
{
    g_autoptr(virDomainObj) obj = qemuDriverFind(dom);
    qemuQueryMemory memory = { 0 };
    unsigned int cpus = 0;
    pid_t pid;

    if (!obj || qemuQueryGetMemory(obj, &memory) < 0 || qemuQueryGetCpus(obj, &cpus) < 0)
        return -1;
    info->state = virDomainObjGetState(obj, NULL);
    info->maxMem = memory.maximum;
    info->memory = memory.current;
    info->nrVirtCpu = MIN(cpus, USHRT_MAX);
    /* not that of whoever has only made the socket for QEMU */
    pid = qemuDomainGet(obj)->pid;
    info->cpuTime = pid > 0 && qemuProcessIsQemu(pid) ? qemuProcessCpuTime(pid) : 0;
    return 0;
}

static int
qemuDomainGetState(virDomainPtr dom, int *state, int *reason, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;

    virCheckFlagsReturn(0, -1);
    if (!(obj = qemuDriverFind(dom)))
        return -1;
    *state = virDomainObjGetState(obj, reason);
    return 0;
}

static char *
qemuDomainGetXMLDesc(virDomainPtr dom, unsigned int flags)
{
    const unsigned int known = VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE |
                               VIR_DOMAIN_XML_UPDATE_CPU | VIR_DOMAIN_XML_MIGRATABLE;
    g_autoptr(virDomainObj) obj = NULL;

    /* There are no secrets in what QEMU tells, and no other description than that of now. */
    virCheckFlagsReturn(known, NULL);
    return (obj = qemuDriverFind(dom)) ? qemuXMLFormatDomain(obj) : NULL;
}

/* Every domain runs, and nobody has defined it. */
static int
qemuDriverCheckImpact(unsigned int flags)
{
    if (!(flags & VIR_DOMAIN_AFFECT_CONFIG))
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                   _("transient domains do not have any persistent config"));
    return -1;
}

static char *
qemuDomainGetMetadata(virDomainPtr dom, int type, const char *uri, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;

    virCheckFlagsReturn(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, NULL);
    if (!(obj = qemuDriverFind(dom)) || qemuDriverCheckImpact(flags) < 0)
        return NULL;
    return qemuMetadataGet(qemuDomainGet(obj)->metadata, type, uri);
}

static int
qemuDomainSetMetadata(virDomainPtr dom, int type, const char *metadata, const char *key,
                      const char *uri, unsigned int flags)
{
    const virDomainEventArgs args = { .numbers = { type }, VIR_DOMAIN_EVENT_TEXTS(uri) };
    virObjectEventState *state = qemuInstanceEvents(qemuDriverInstance(dom->conn));
    g_autoptr(virDomainObj) obj = NULL;
    virObjectEventBatch batch = { 0 };

    virCheckFlagsReturn(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, -1);
    if (!(obj = qemuDriverFind(dom)) || qemuDriverCheckImpact(flags) < 0 ||
        qemuMetadataSet(qemuDomainGet(obj)->metadata, type, metadata, key, uri) < 0)
        return -1;
    if (virObjectEventStateWantsKind(state, VIR_DOMAIN_EVENT_ID_METADATA_CHANGE)) {
        virObjectEventBatchAdd(&batch, virDomainEventNew(obj->ident,
                                                         VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                                                         &args));
        virObjectEventStatePush(state, &batch);
    }
    return 0;
}

static int
qemuDomainIsActive(virDomainPtr dom)
{
    g_autoptr(virDomainObj) obj = qemuDriverFind(dom);

    return obj ? 1 : -1;
}

static int
qemuDomainIsPersistent(virDomainPtr dom)
{
    g_autoptr(virDomainObj) obj = qemuDriverFind(dom);

    return obj ? 0 : -1;
}

static int
qemuDomainIsUpdated(virDomainPtr dom)
{
    g_autoptr(virDomainObj) obj = qemuDriverFind(dom);

    return obj ? 0 : -1;
}

/* --- acting --- */

static int
qemuDomainSuspend(virDomainPtr dom)
{
    g_autoptr(virDomainObj) obj = qemuDriverFind(dom);

    return obj ? qemuControlSuspend(obj) : -1;
}

static int
qemuDomainResume(virDomainPtr dom)
{
    g_autoptr(virDomainObj) obj = qemuDriverFind(dom);

    return obj ? qemuControlResume(obj) : -1;
}

static int
qemuDomainShutdownFlags(virDomainPtr dom, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;

    virCheckFlagsReturn(VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | VIR_DOMAIN_SHUTDOWN_GUEST_AGENT, -1);
    return (obj = qemuDriverFind(dom)) ? qemuControlShutdown(obj, flags) : -1;
}

static int
qemuDomainShutdown(virDomainPtr dom)
{
    return qemuDomainShutdownFlags(dom, 0);
}

static int
qemuDomainReboot(virDomainPtr dom, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;

    virCheckFlagsReturn(VIR_DOMAIN_REBOOT_ACPI_POWER_BTN | VIR_DOMAIN_REBOOT_GUEST_AGENT, -1);
    return (obj = qemuDriverFind(dom)) ? qemuControlReboot(obj, flags) : -1;
}

static int
qemuDomainReset(virDomainPtr dom, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;

    virCheckFlagsReturn(0, -1);
    return (obj = qemuDriverFind(dom)) ? qemuControlReset(obj) : -1;
}

static int
qemuDomainDestroyFlags(virDomainPtr dom, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;

    /* The monitor's quit is the graceful way already, and no logs are kept here. */
    virCheckFlagsReturn(VIR_DOMAIN_DESTROY_GRACEFUL | VIR_DOMAIN_DESTROY_REMOVE_LOGS, -1);
    return (obj = qemuDriverFind(dom)) ? qemuControlDestroy(obj) : -1;
}

static int
qemuDomainDestroy(virDomainPtr dom)
{
    return qemuDomainDestroyFlags(dom, 0);
}

/* --- events --- */

static int
qemuConnectDomainEventRegister(virConnectPtr conn, virConnectDomainEventCallback cb,
                               void *opaque, virFreeCallback freecb)
{
    return virDomainEventStateRegister(qemuInstanceEvents(qemuDriverInstance(conn)), conn, cb,
                                       opaque, freecb);
}

static int
qemuConnectDomainEventDeregister(virConnectPtr conn, virConnectDomainEventCallback cb)
{
    return virDomainEventStateDeregister(qemuInstanceEvents(qemuDriverInstance(conn)), conn, cb);
}

static int
qemuConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom, int eventID,
                                  virConnectDomainEventGenericCallback cb, void *opaque,
                                  virFreeCallback freecb)
{
    return virDomainEventStateRegisterAny(qemuInstanceEvents(qemuDriverInstance(conn)), conn, dom,
                                          eventID, cb, opaque, freecb);
}

static int
qemuConnectDomainEventDeregisterAny(virConnectPtr conn, int callbackID)
{
    return virDomainEventStateDeregisterAny(qemuInstanceEvents(qemuDriverInstance(conn)), conn,
                                            callbackID);
}

static int
qemuConnectDomainQemuMonitorEventRegister(virConnectPtr conn, virDomainPtr dom, const char *event,
                                          virConnectDomainQemuMonitorEventCallback cb,
                                          void *opaque, virFreeCallback freecb,
                                          unsigned int flags)
{
    return virDomainMonitorEventStateRegister(qemuInstanceEvents(qemuDriverInstance(conn)), conn,
                                              dom, event, cb, opaque, freecb, flags);
}

static int
qemuConnectDomainQemuMonitorEventDeregister(virConnectPtr conn, int callbackID)
{
    return virDomainMonitorEventStateDeregister(qemuInstanceEvents(qemuDriverInstance(conn)),
                                                conn, callbackID);
}

/* --- the monitor, the agent --- */

static int
qemuDomainQemuMonitorCommandWithFiles(virDomainPtr dom, const char *cmd, unsigned int nfiles,
                                      int *files, unsigned int *noutfiles, int **outfiles,
                                      char **result, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;
    g_autoptr(GArray) received = g_array_new(FALSE, FALSE, sizeof(int));
    bool wanted = noutfiles && outfiles;

    virCheckFlagsReturn(VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP, -1);
    if (nfiles > QEMU_DRIVER_COMMAND_FDS_MAX) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("at most %1$d file descriptor can go with a command, not %2$u"),
                       QEMU_DRIVER_COMMAND_FDS_MAX, nfiles);
        return -1;
    }
    if (!(obj = qemuDriverFind(dom)))
        return -1;

    if (flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) {
        if (nfiles > 0) {
            virReportError(VIR_ERR_INVALID_ARG, "%s",
                           _("file descriptors cannot go with a command of the human monitor"));
            return -1;
        }
        if (qemuQueryHuman(obj, cmd, result) < 0)
            return -1;
    } else if (qemuMonitorCommand(qemuDomainGet(obj)->mon, cmd, files, nfiles, 0, result,
                                  wanted ? received : NULL) < 0) {
        return -1;
    }

    if (noutfiles)
        *noutfiles = received->len;
    if (outfiles)
        *outfiles = received->len > 0 ? (int *)g_array_free(g_steal_pointer(&received), FALSE)
                                      : NULL;
    return 0;
}

static int
qemuDomainQemuMonitorCommand(virDomainPtr dom, const char *cmd, char **result,
                             unsigned int flags)
{
    return qemuDomainQemuMonitorCommandWithFiles(dom, cmd, 0, NULL, NULL, NULL, result, flags);
}

static virDomainPtr
qemuDomainQemuAttach(virConnectPtr conn, unsigned int pid_value, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;

    virCheckFlagsReturn(0, NULL);
    if (pid_value > INT_MAX) {
        virReportInvalidArg(pid_value, _("'%1$u' is no process ID"), pid_value);
        return NULL;
    }
    if (!(obj = qemuAttachProcess(qemuDriverInstance(conn), pid_value)))
        return NULL;
    return qemuDriverMakeHandle(conn, obj);
}

static char *
qemuDomainQemuAgentCommand(virDomainPtr dom, const char *cmd, int timeout, unsigned int flags)
{
    g_autoptr(virDomainObj) obj = NULL;
    char *reply = NULL;

    virCheckFlagsReturn(0, NULL);
    if (!(obj = qemuDriverFind(dom)) || qemuAgentCommand(obj, cmd, timeout, &reply) < 0)
        return NULL;
    return reply;
}

/* --- for an administrator --- */

static void
qemuConnectGetEventStats(virConnectPtr conn, virConnectEventStats *stats)
{
    virObjectEventStats all;

    virObjectEventStateGetStats(qemuInstanceEvents(qemuDriverInstance(conn)), &all);
    stats->registrations = all.registrations;
    stats->queuedEvents = all.queuedEvents;
    stats->queuedBytes = all.queuedBytes;
    stats->maxBytes = all.maxBytes;
    stats->pushed = all.pushed;
    stats->delivered = all.delivered;
    stats->lost = all.lost;
    stats->limited = all.limited;
}

static const char *const qemuDriverSchemes[] = { "qemu", NULL };

const virHypervisorDriver qemuHypervisorDriver = {
    .name = "QEMU",
    .uriSchemes = qemuDriverSchemes,
    .connectOpen = qemuConnectOpen,
    .connectClose = qemuConnectClose,
    .connectSupportsFeature = qemuConnectSupportsFeature,
    .connectGetType = qemuConnectGetType,
    .connectGetVersion = qemuConnectGetVersion,
    .connectGetHostname = qemuConnectGetHostname,
    .connectGetURI = qemuConnectGetURI,
    .connectGetCapabilities = qemuConnectGetCapabilities,
    .connectIsEncrypted = qemuConnectIsEncrypted,
    .connectIsSecure = qemuConnectIsSecure,
    .connectIsAlive = qemuConnectIsAlive,
    .connectRegisterCloseCallback = qemuConnectRegisterCloseCallback,
    .connectUnregisterCloseCallback = qemuConnectUnregisterCloseCallback,
    .connectListAllDomains = qemuConnectListAllDomains,
    .connectNumOfDomains = qemuConnectNumOfDomains,
    .connectListDomains = qemuConnectListDomains,
    .connectNumOfDefinedDomains = qemuConnectNumOfDefinedDomains,
    .connectListDefinedDomains = qemuConnectListDefinedDomains,
    .domainLookupByID = qemuDomainLookupByID,
    .domainLookupByName = qemuDomainLookupByName,
    .domainLookupByUUID = qemuDomainLookupByUUID,
    .domainGetOSType = qemuDomainGetOSType,
    .domainGetInfo = qemuDomainGetInfo,
    .domainGetState = qemuDomainGetState,
    .domainGetXMLDesc = qemuDomainGetXMLDesc,
    .domainSetMetadata = qemuDomainSetMetadata,
    .domainGetMetadata = qemuDomainGetMetadata,
    .domainIsActive = qemuDomainIsActive,
    .domainIsPersistent = qemuDomainIsPersistent,
    .domainIsUpdated = qemuDomainIsUpdated,
    .domainSuspend = qemuDomainSuspend,
    .domainResume = qemuDomainResume,
    .domainShutdown = qemuDomainShutdown,
    .domainShutdownFlags = qemuDomainShutdownFlags,
    .domainReboot = qemuDomainReboot,
    .domainReset = qemuDomainReset,
    .domainDestroy = qemuDomainDestroy,
    .domainDestroyFlags = qemuDomainDestroyFlags,
    .connectDomainEventRegister = qemuConnectDomainEventRegister,
    .connectDomainEventDeregister = qemuConnectDomainEventDeregister,
    .connectDomainEventRegisterAny = qemuConnectDomainEventRegisterAny,
    .connectDomainEventDeregisterAny = qemuConnectDomainEventDeregisterAny,
    .domainQemuMonitorCommand = qemuDomainQemuMonitorCommand,
    .domainQemuMonitorCommandWithFiles = qemuDomainQemuMonitorCommandWithFiles,
    .domainQemuAttach = qemuDomainQemuAttach,
    .domainQemuAgentCommand = qemuDomainQemuAgentCommand,
    .connectDomainQemuMonitorEventRegister = qemuConnectDomainQemuMonitorEventRegister,
    .connectDomainQemuMonitorEventDeregister = qemuConnectDomainQemuMonitorEventDeregister,
    .connectGetEventStats = qemuConnectGetEventStats,
};
