/*
 * remote_driver.c: the driver for whatever a daemon offers, as the public API sees it
 *
 * Turns calls of the API into calls of the protocol and their answers into results. The
 * way to the daemon is remote_connect.c's, events are remote_event.c's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_driver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qemu_protocol.h"
#include "remote_auth.h"
#include "remote_call.h"
#include "remote_connect.h"
#include "remote_priv.h"
#include "virclientconf.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_REMOTE

VIR_LOG_INIT("remote.driver");

static remoteConnection *
remotePrivate(virConnectPtr conn)
{
    return conn->privateData;
}

static virNetClient *
remoteClient(virConnectPtr conn)
{
    return remotePrivate(conn)->client;
}

void
remoteDomainToWire(virDomainPtr dom, remote_nonnull_domain *wire)
{
    wire->name = dom->name;
    memcpy(wire->uuid, dom->uuid, VIR_UUID_BUFLEN);
    wire->id = dom->id;
}

static virDomainPtr
remoteDomainFromWire(virConnectPtr conn, const remote_nonnull_domain *wire)
{
    return virGetDomain(conn, wire->name, (const unsigned char *)wire->uuid, wire->id);
}

/* A call whose only argument is a domain, as so many are: @args begins with it. */
static int
remoteCallDomain(virDomainPtr dom, int procedure, void *args, void *ret)
{
    remoteDomainToWire(dom, args);
    return remoteCall(remoteClient(dom->conn), procedure, args, ret);
}

/* --- opening and closing --- */

/* The daemon has lost its own connection to its driver. */
static void
remoteTakeClosed(remoteConnection *priv, const virNetFrame *frame)
{
    remote_connect_event_connection_closed_msg msg;

    if (virNetMessageDecode(frame->payload, frame->len,
                            (xdrproc_t)xdr_remote_connect_event_connection_closed_msg, &msg,
                            sizeof(msg)) < 0 ||
        msg.reason < 0 || msg.reason > VIR_CONNECT_CLOSE_REASON_CLIENT) {
        VIR_DEBUG("the daemon tells of an end that makes no sense");
        virResetLastError();
        return;
    }
    remoteCloseNoticeTell(priv->closeNotice, msg.reason);
}

static void
remoteOnEvent(virNetClient *client G_GNUC_UNUSED, const virNetFrame *frame, void *opaque)
{
    remoteConnection *priv = opaque;

    if (frame->header.prog == REMOTE_PROGRAM &&
        frame->header.proc == REMOTE_PROC_CONNECT_EVENT_CONNECTION_CLOSED)
        remoteTakeClosed(priv, frame);
    else
        remoteEventsTake(priv->events, frame);
}

static void
remoteOnBatchEnd(virNetClient *client G_GNUC_UNUSED, void *opaque)
{
    remoteConnection *priv = opaque;

    remoteEventsFlush(priv->events);
}

static void
remoteOnClosed(virNetClient *client G_GNUC_UNUSED, virConnectCloseReason reason, void *opaque)
{
    remoteConnection *priv = opaque;

    remoteCloseNoticeTell(priv->closeNotice, reason);
}

static bool
remoteMayRead(virNetClient *client G_GNUC_UNUSED, bool awaited, void *opaque)
{
    remoteConnection *priv = opaque;

    return remoteEventsMayTake(priv->events, awaited);
}

static const virNetClientFuncs remoteClientFuncs = {
    .event = remoteOnEvent,
    .batchEnd = remoteOnBatchEnd,
    .closed = remoteOnClosed,
    .mayRead = remoteMayRead,
};

static const virNetClientProgram remoteClientPrograms[] = {
    { REMOTE_PROGRAM, REMOTE_PROTOCOL_VERSION },
    { QEMU_PROGRAM, QEMU_PROTOCOL_VERSION },
    { 0, 0 },
};

static void
remoteConnectionFree(remoteConnection *priv)
{
    if (!priv)
        return;
    /* First of all, as its thread calls the others. */
    virNetClientFree(priv->client);
    remoteEventsFree(priv->events);
    remoteCloseNoticeFree(priv->closeNotice);
    g_free(priv->type);
    g_free(priv->uri);
    virMutexDestroy(&priv->lock);
    g_free(priv);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteConnection, remoteConnectionFree)

/* Servers answer this one with an error if they don't know the feature: it isn't there then. */
static bool
remoteHasFeature(virNetClient *client, int feature)
{
    remote_connect_supports_feature_args args = { feature };
    remote_connect_supports_feature_ret ret;

    if (remoteCall(client, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args, &ret) < 0) {
        virResetLastError();
        return false;
    }
    return ret.supported != 0;
}

/* What is said before the connection can be used, in libvirt's order. */
static int
remoteSetUp(remoteConnection *priv, const remoteURI *uri, virConnectAuthPtr auth,
            unsigned int flags)
{
    remote_nonnull_string name = uri->name;
    remote_connect_open_args args = { &name, flags & VIR_CONNECT_RO };
    remote_connect_get_uri_ret ret;

    if (remoteAuthenticate(priv->client, uri, auth) < 0)
        return -1;
    priv->hasKeepAlive = remoteHasFeature(priv->client, VIR_DRV_FEATURE_PROGRAM_KEEPALIVE);
    if (remoteCall(priv->client, REMOTE_PROC_CONNECT_OPEN, &args, NULL) < 0)
        return -1;
    if (!*uri->name) {
        if (remoteCall(priv->client, REMOTE_PROC_CONNECT_GET_URI, NULL, &ret) < 0)
            return -1;
        priv->uri = g_strdup(ret.uri);
        remoteCallFree(REMOTE_PROC_CONNECT_GET_URI, &ret);
    }
    remoteEventsSetClient(priv->events, priv->client,
                          remoteHasFeature(priv->client, VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK));
    priv->hasCloseCallback = remoteHasFeature(priv->client,
                                              VIR_DRV_FEATURE_REMOTE_CLOSE_CALLBACK);
    return 0;
}

static virDrvOpenStatus
remoteConnectOpen(virConnectPtr conn, virConnectAuthPtr auth, unsigned int flags)
{
    g_autofree char *path = virClientConfPath();
    g_autoptr(virConf) conf = NULL;
    g_autoptr(remoteURI) uri = NULL;
    g_autoptr(remoteConnection) priv = NULL;
    remoteURIDefaults defaults = { 0 };
    virNetSocket *sock;
    int easedFd;
    int rc;

    if (virClientConfLoad(path, &conf) < 0 ||
        (conf && (virConfGetString(conf, "remote_mode", &defaults.mode) < 0 ||
                  virConfGetString(conf, "remote_proxy", &defaults.proxy) < 0 ||
                  virConfGetString(conf, "tls_priority", &defaults.tlsPriority) < 0)))
        return VIR_DRV_OPEN_ERROR;
    if ((rc = remoteURIParse(conn->uri, &defaults, &uri)) <= 0)
        return rc == 0 ? VIR_DRV_OPEN_DECLINED : VIR_DRV_OPEN_ERROR;

    priv = g_new0(remoteConnection, 1);
    virMutexInit(&priv->lock);
    if (!(priv->events = remoteEventsNew()) || !(priv->closeNotice = remoteCloseNoticeNew()) ||
        (easedFd = remoteEventsEasedFD(priv->events)) < 0 ||
        !(sock = remoteConnectSocket(uri, flags & VIR_CONNECT_RO)) ||
        !(priv->client = virNetClientNew(sock, remoteClientPrograms, &remoteClientFuncs, priv)) ||
        virNetClientSetEasedFD(priv->client, easedFd) < 0 ||
        remoteSetUp(priv, uri, auth, flags) < 0)
        return VIR_DRV_OPEN_ERROR;
    conn->privateData = g_steal_pointer(&priv);
    return VIR_DRV_OPEN_SUCCESS;
}

static int
remoteConnectClose(virConnectPtr conn)
{
    remoteConnection *priv = g_steal_pointer(&conn->privateData);

    /* As a courtesy: a server that is gone or says no is left all the same. */
    if (virNetClientIsOpen(priv->client) &&
        remoteCall(priv->client, REMOTE_PROC_CONNECT_CLOSE, NULL, NULL) < 0)
        virResetLastError();
    remoteConnectionFree(priv);
    return 0;
}

/* --- the connection --- */

static int
remoteConnectSupportsFeature(virConnectPtr conn, int feature)
{
    remote_connect_supports_feature_args args = { feature };
    remote_connect_supports_feature_ret ret;

    if (feature == VIR_DRV_FEATURE_REMOTE)
        return 1;
    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args, &ret) < 0)
        return -1;
    return ret.supported;
}

static const char *
remoteConnectGetType(virConnectPtr conn)
{
    remoteConnection *priv = remotePrivate(conn);
    remote_connect_get_type_ret ret;

    virMutexLock(&priv->lock);
    if (priv->type) {
        virMutexUnlock(&priv->lock);
        return priv->type;
    }
    virMutexUnlock(&priv->lock);

    if (remoteCall(priv->client, REMOTE_PROC_CONNECT_GET_TYPE, NULL, &ret) < 0)
        return NULL;
    virMutexLock(&priv->lock);
    if (!priv->type)
        priv->type = g_strdup(ret.type);
    virMutexUnlock(&priv->lock);
    remoteCallFree(REMOTE_PROC_CONNECT_GET_TYPE, &ret);
    return priv->type;
}

static int
remoteConnectGetVersion(virConnectPtr conn, unsigned long *hvVer)
{
    remote_connect_get_version_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_GET_VERSION, NULL, &ret) < 0)
        return -1;
    *hvVer = ret.hv_ver;
    return 0;
}

static int
remoteConnectGetLibVersion(virConnectPtr conn, unsigned long *libVer)
{
    remote_connect_get_lib_version_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_GET_LIB_VERSION, NULL, &ret) < 0)
        return -1;
    *libVer = ret.lib_ver;
    return 0;
}

static char *
remoteConnectGetHostname(virConnectPtr conn)
{
    remote_connect_get_hostname_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_GET_HOSTNAME, NULL, &ret) < 0)
        return NULL;
    return ret.hostname;        /* the codec allocates as callers free: by malloc() */
}

static char *
remoteConnectGetURI(virConnectPtr conn)
{
    remoteConnection *priv = remotePrivate(conn);

    return g_strdup(priv->uri ? priv->uri : conn->uri->text);
}

static char *
remoteConnectGetCapabilities(virConnectPtr conn)
{
    remote_connect_get_capabilities_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_GET_CAPABILITIES, NULL, &ret) < 0)
        return NULL;
    return ret.capabilities;
}

/* Both ask what the daemon's own driver has to say: the whole way counts. */
static int
remoteConnectIsSecure(virConnectPtr conn)
{
    remote_connect_is_secure_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_IS_SECURE, NULL, &ret) < 0)
        return -1;
    return ret.secure && virNetClientIsSecure(remoteClient(conn));
}

static int
remoteConnectIsEncrypted(virConnectPtr conn)
{
    remote_connect_is_secure_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_IS_SECURE, NULL, &ret) < 0)
        return -1;
    return ret.secure && virNetClientIsEncrypted(remoteClient(conn));
}

static int
remoteConnectIsAlive(virConnectPtr conn)
{
    return virNetClientIsOpen(remoteClient(conn));
}

static int
remoteConnectSetKeepAlive(virConnectPtr conn, int interval, unsigned int count)
{
    if (!remotePrivate(conn)->hasKeepAlive)
        return 1;
    virNetClientSetKeepAlive(remoteClient(conn), interval, count);
    return 0;
}

static int
remoteConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb, void *opaque,
                                   virFreeCallback freecb)
{
    remoteConnection *priv = remotePrivate(conn);

    if (remoteCloseNoticeRegister(priv->closeNotice, conn, cb, opaque, freecb) < 0)
        return -1;
    /* That is for the daemon's own connection to its driver, and nice to have. */
    if (priv->hasCloseCallback &&
        remoteCall(priv->client, REMOTE_PROC_CONNECT_REGISTER_CLOSE_CALLBACK, NULL, NULL) < 0)
        virResetLastError();
    return 0;
}

static int
remoteConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    remoteConnection *priv = remotePrivate(conn);
    int rc;

    /* The registration may have been the last to hold the connection. */
    virConnectRefInternal(conn);
    rc = remoteCloseNoticeUnregister(priv->closeNotice, cb);
    if (rc == 0 && priv->hasCloseCallback && virNetClientIsOpen(priv->client) &&
        remoteCall(priv->client, REMOTE_PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK, NULL, NULL) < 0)
        virResetLastError();
    virConnectUnref(conn);
    return rc;
}

/* --- finding domains --- */

/* A number of things that the daemon counts; -1 with an error reported if that is nonsense. */
static int
remoteCheckCount(int count)
{
    if (count < 0) {
        virReportError(VIR_ERR_RPC, _("the daemon answered with the count %1$d"), count);
        return -1;
    }
    return count;
}

static int
remoteConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
    remote_connect_list_all_domains_args args = { domains != NULL, flags };
    remote_connect_list_all_domains_ret ret;
    u_int i;
    int count;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, &args, &ret) < 0)
        return -1;
    count = (int)ret.ret;
    if (domains) {
        count = (int)ret.domains.domains_len;
        *domains = g_new0(virDomainPtr, (size_t)count + 1);
        for (i = 0; i < ret.domains.domains_len; i++)
            (*domains)[i] = remoteDomainFromWire(conn, &ret.domains.domains_val[i]);
    }
    remoteCallFree(REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, &ret);
    return remoteCheckCount(count);
}

static int
remoteConnectNumOfDomains(virConnectPtr conn)
{
    remote_connect_num_of_domains_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_NUM_OF_DOMAINS, NULL, &ret) < 0)
        return -1;
    return remoteCheckCount(ret.num);
}

static int
remoteConnectListDomains(virConnectPtr conn, int *ids, int maxids)
{
    remote_connect_list_domains_args args = { MIN(maxids, REMOTE_DOMAIN_LIST_MAX) };
    remote_connect_list_domains_ret ret;
    int count;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_LIST_DOMAINS, &args, &ret) < 0)
        return -1;
    /* Whatever the server says, no more than there is room for. */
    count = MIN((int)ret.ids.ids_len, maxids);
    if (count > 0)
        memcpy(ids, ret.ids.ids_val, (size_t)count * sizeof(ids[0]));
    remoteCallFree(REMOTE_PROC_CONNECT_LIST_DOMAINS, &ret);
    return count;
}

static int
remoteConnectNumOfDefinedDomains(virConnectPtr conn)
{
    remote_connect_num_of_defined_domains_ret ret;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_NUM_OF_DEFINED_DOMAINS, NULL, &ret) < 0)
        return -1;
    return remoteCheckCount(ret.num);
}

static int
remoteConnectListDefinedDomains(virConnectPtr conn, char **const names, int maxnames)
{
    remote_connect_list_defined_domains_args args = { MIN(maxnames, REMOTE_DOMAIN_LIST_MAX) };
    remote_connect_list_defined_domains_ret ret;
    int count;
    int i;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_CONNECT_LIST_DEFINED_DOMAINS, &args, &ret) < 0)
        return -1;
    count = MIN((int)ret.names.names_len, maxnames);
    for (i = 0; i < count; i++)
        names[i] = g_strdup(ret.names.names_val[i]);
    remoteCallFree(REMOTE_PROC_CONNECT_LIST_DEFINED_DOMAINS, &ret);
    return count;
}

static virDomainPtr
remoteDomainLookupByID(virConnectPtr conn, int id)
{
    remote_domain_lookup_by_id_args args = { id };
    remote_domain_lookup_by_id_ret ret;
    virDomainPtr dom;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_DOMAIN_LOOKUP_BY_ID, &args, &ret) < 0)
        return NULL;
    dom = remoteDomainFromWire(conn, &ret.dom);
    remoteCallFree(REMOTE_PROC_DOMAIN_LOOKUP_BY_ID, &ret);
    return dom;
}

static virDomainPtr
remoteDomainLookupByName(virConnectPtr conn, const char *name)
{
    remote_domain_lookup_by_name_args args = { (char *)name };
    remote_domain_lookup_by_name_ret ret;
    virDomainPtr dom;

    if (remoteCall(remoteClient(conn), REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, &args, &ret) < 0)
        return NULL;
    dom = remoteDomainFromWire(conn, &ret.dom);
    remoteCallFree(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, &ret);
    return dom;
}

static virDomainPtr
remoteDomainLookupByUUID(virConnectPtr conn, const unsigned char *uuid)
{
    remote_domain_lookup_by_uuid_args args;
    remote_domain_lookup_by_uuid_ret ret;
    virDomainPtr dom;

    memcpy(args.uuid, uuid, VIR_UUID_BUFLEN);
    if (remoteCall(remoteClient(conn), REMOTE_PROC_DOMAIN_LOOKUP_BY_UUID, &args, &ret) < 0)
        return NULL;
    dom = remoteDomainFromWire(conn, &ret.dom);
    remoteCallFree(REMOTE_PROC_DOMAIN_LOOKUP_BY_UUID, &ret);
    return dom;
}

/* --- asking --- */

static char *
remoteDomainGetOSType(virDomainPtr dom)
{
    remote_domain_get_os_type_args args;
    remote_domain_get_os_type_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_GET_OS_TYPE, &args, &ret) < 0)
        return NULL;
    return ret.type;
}

static int
remoteDomainGetInfo(virDomainPtr dom, virDomainInfoPtr info)
{
    remote_domain_get_info_args args;
    remote_domain_get_info_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_GET_INFO, &args, &ret) < 0)
        return -1;
    info->state = ret.state;
    info->maxMem = ret.maxMem;
    info->memory = ret.memory;
    info->nrVirtCpu = ret.nrVirtCpu;
    info->cpuTime = ret.cpuTime;
    return 0;
}

static int
remoteDomainGetState(virDomainPtr dom, int *state, int *reason, unsigned int flags)
{
    remote_domain_get_state_args args = { .flags = flags };
    remote_domain_get_state_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_GET_STATE, &args, &ret) < 0)
        return -1;
    *state = ret.state;
    if (reason)
        *reason = ret.reason;
    return 0;
}

static char *
remoteDomainGetXMLDesc(virDomainPtr dom, unsigned int flags)
{
    remote_domain_get_xml_desc_args args = { .flags = flags };
    remote_domain_get_xml_desc_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_GET_XML_DESC, &args, &ret) < 0)
        return NULL;
    return ret.xml;
}

static int
remoteDomainSetMetadata(virDomainPtr dom, int type, const char *metadata, const char *key,
                        const char *uri, unsigned int flags)
{
    remote_domain_set_metadata_args args = {
        .type = type, .metadata = metadata ? (char **)&metadata : NULL,
        .key = key ? (char **)&key : NULL, .uri = uri ? (char **)&uri : NULL, .flags = flags,
    };

    return remoteCallDomain(dom, REMOTE_PROC_DOMAIN_SET_METADATA, &args, NULL);
}

static char *
remoteDomainGetMetadata(virDomainPtr dom, int type, const char *uri, unsigned int flags)
{
    remote_domain_get_metadata_args args = {
        .type = type, .uri = uri ? (char **)&uri : NULL, .flags = flags,
    };
    remote_domain_get_metadata_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_GET_METADATA, &args, &ret) < 0)
        return NULL;
    return ret.metadata;
}

static int
remoteDomainIsActive(virDomainPtr dom)
{
    remote_domain_is_active_args args;
    remote_domain_is_active_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_IS_ACTIVE, &args, &ret) < 0)
        return -1;
    return ret.active;
}

static int
remoteDomainIsPersistent(virDomainPtr dom)
{
    remote_domain_is_persistent_args args;
    remote_domain_is_persistent_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_IS_PERSISTENT, &args, &ret) < 0)
        return -1;
    return ret.persistent;
}

static int
remoteDomainIsUpdated(virDomainPtr dom)
{
    remote_domain_is_updated_args args;
    remote_domain_is_updated_ret ret;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_IS_UPDATED, &args, &ret) < 0)
        return -1;
    return ret.updated;
}

/* --- acting --- */

static int
remoteDomainSuspend(virDomainPtr dom)
{
    remote_domain_suspend_args args;

    return remoteCallDomain(dom, REMOTE_PROC_DOMAIN_SUSPEND, &args, NULL);
}

static int
remoteDomainResume(virDomainPtr dom)
{
    remote_domain_resume_args args;

    return remoteCallDomain(dom, REMOTE_PROC_DOMAIN_RESUME, &args, NULL);
}

static int
remoteDomainShutdown(virDomainPtr dom)
{
    remote_domain_shutdown_args args;

    return remoteCallDomain(dom, REMOTE_PROC_DOMAIN_SHUTDOWN, &args, NULL);
}

static int
remoteDomainShutdownFlags(virDomainPtr dom, unsigned int flags)
{
    remote_domain_shutdown_flags_args args = { .flags = flags };

    return remoteCallDomain(dom, REMOTE_PROC_DOMAIN_SHUTDOWN_FLAGS, &args, NULL);
}

static int
remoteDomainReboot(virDomainPtr dom, unsigned int flags)
{
    remote_domain_reboot_args args = { .flags = flags };

    return remoteCallDomain(dom, REMOTE_PROC_DOMAIN_REBOOT, &args, NULL);
}

static int
remoteDomainReset(virDomainPtr dom, unsigned int flags)
{
    remote_domain_reset_args args = { .flags = flags };

    return remoteCallDomain(dom, REMOTE_PROC_DOMAIN_RESET, &args, NULL);
}

/* The handle that was used to end it knows so, as in libvirt. */
static int
remoteDomainDestroy(virDomainPtr dom)
{
    remote_domain_destroy_args args;

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_DESTROY, &args, NULL) < 0)
        return -1;
    dom->id = -1;
    return 0;
}

static int
remoteDomainDestroyFlags(virDomainPtr dom, unsigned int flags)
{
    remote_domain_destroy_flags_args args = { .flags = flags };

    if (remoteCallDomain(dom, REMOTE_PROC_DOMAIN_DESTROY_FLAGS, &args, NULL) < 0)
        return -1;
    dom->id = -1;
    return 0;
}

/* --- events --- */

static int
remoteConnectDomainEventRegister(virConnectPtr conn, virConnectDomainEventCallback cb,
                                 void *opaque, virFreeCallback freecb)
{
    return remoteEventsRegisterLegacy(remotePrivate(conn)->events, conn, cb, opaque, freecb);
}

static int
remoteConnectDomainEventDeregister(virConnectPtr conn, virConnectDomainEventCallback cb)
{
    return remoteEventsDeregisterLegacy(remotePrivate(conn)->events, conn, cb);
}

static int
remoteConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom, int eventID,
                                    virConnectDomainEventGenericCallback cb, void *opaque,
                                    virFreeCallback freecb)
{
    return remoteEventsRegisterAny(remotePrivate(conn)->events, conn, dom, eventID, cb, opaque,
                                   freecb);
}

static int
remoteConnectDomainEventDeregisterAny(virConnectPtr conn, int callbackID)
{
    return remoteEventsDeregisterAny(remotePrivate(conn)->events, conn, callbackID);
}

static int
remoteConnectDomainQemuMonitorEventRegister(virConnectPtr conn, virDomainPtr dom,
                                            const char *event,
                                            virConnectDomainQemuMonitorEventCallback cb,
                                            void *opaque, virFreeCallback freecb,
                                            unsigned int flags)
{
    return remoteEventsRegisterMonitor(remotePrivate(conn)->events, conn, dom, event, cb, opaque,
                                       freecb, flags);
}

static int
remoteConnectDomainQemuMonitorEventDeregister(virConnectPtr conn, int callbackID)
{
    return remoteEventsDeregisterMonitor(remotePrivate(conn)->events, conn, callbackID);
}

/* --- the monitor, the agent --- */

static int
remoteDomainQemuMonitorCommand(virDomainPtr dom, const char *cmd, char **result,
                               unsigned int flags)
{
    qemu_domain_monitor_command_args args = { .cmd = (char *)cmd, .flags = flags };
    qemu_domain_monitor_command_ret ret;

    remoteDomainToWire(dom, &args.dom);
    if (remoteCallQemu(remoteClient(dom->conn), QEMU_PROC_DOMAIN_MONITOR_COMMAND, &args, &ret) < 0)
        return -1;
    *result = ret.result;
    return 0;
}

static int
remoteDomainQemuMonitorCommandWithFiles(virDomainPtr dom, const char *cmd, unsigned int nfiles,
                                        int *files, unsigned int *noutfiles, int **outfiles,
                                        char **result, unsigned int flags)
{
    qemu_domain_monitor_command_with_files_args args = { .cmd = (char *)cmd, .flags = flags };
    qemu_domain_monitor_command_with_files_ret ret;
    virNetClientCallData extra = { .fds = files, .nfds = nfiles };
    virNetClient *client = remoteClient(dom->conn);
    size_t i;

    if (!virNetClientCanPassFDs(client) || !remoteHasFeature(client, VIR_DRV_FEATURE_FD_PASSING)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("file descriptors cannot be passed over this connection"));
        return -1;
    }
    remoteDomainToWire(dom, &args.dom);
    if (remoteCallQemuWith(client, QEMU_PROC_DOMAIN_MONITOR_COMMAND_WITH_FILES, &args, &ret,
                           &extra) < 0)
        return -1;
    *result = ret.result;
    if (noutfiles)
        *noutfiles = extra.nretFDs;
    if (outfiles) {
        *outfiles = extra.retFDs;
        return 0;
    }
    for (i = 0; i < extra.nretFDs; i++)
        close(extra.retFDs[i]);
    g_free(extra.retFDs);
    return 0;
}

static virDomainPtr
remoteDomainQemuAttach(virConnectPtr conn, unsigned int pid_value, unsigned int flags)
{
    qemu_domain_attach_args args = { pid_value, flags };
    qemu_domain_attach_ret ret;
    virDomainPtr dom;

    if (remoteCallQemu(remoteClient(conn), QEMU_PROC_DOMAIN_ATTACH, &args, &ret) < 0)
        return NULL;
    dom = remoteDomainFromWire(conn, &ret.dom);
    remoteCallQemuFree(QEMU_PROC_DOMAIN_ATTACH, &ret);
    return dom;
}

static char *
remoteDomainQemuAgentCommand(virDomainPtr dom, const char *cmd, int timeout, unsigned int flags)
{
    qemu_domain_agent_command_args args = { .cmd = (char *)cmd, .timeout = timeout,
                                            .flags = flags };
    qemu_domain_agent_command_ret ret;
    char *result;

    remoteDomainToWire(dom, &args.dom);
    if (remoteCallQemu(remoteClient(dom->conn), QEMU_PROC_DOMAIN_AGENT_COMMAND, &args, &ret) < 0)
        return NULL;
    /* Absent: the command was sent without waiting for an answer. */
    result = ret.result ? g_strdup(*ret.result) : g_strdup("");
    remoteCallQemuFree(QEMU_PROC_DOMAIN_AGENT_COMMAND, &ret);
    return result;
}

const virHypervisorDriver remoteHypervisorDriver = {
    .name = "remote",
    .connectOpen = remoteConnectOpen,
    .connectClose = remoteConnectClose,
    .connectSupportsFeature = remoteConnectSupportsFeature,
    .connectGetType = remoteConnectGetType,
    .connectGetVersion = remoteConnectGetVersion,
    .connectGetLibVersion = remoteConnectGetLibVersion,
    .connectGetHostname = remoteConnectGetHostname,
    .connectGetURI = remoteConnectGetURI,
    .connectGetCapabilities = remoteConnectGetCapabilities,
    .connectIsEncrypted = remoteConnectIsEncrypted,
    .connectIsSecure = remoteConnectIsSecure,
    .connectIsAlive = remoteConnectIsAlive,
    .connectSetKeepAlive = remoteConnectSetKeepAlive,
    .connectRegisterCloseCallback = remoteConnectRegisterCloseCallback,
    .connectUnregisterCloseCallback = remoteConnectUnregisterCloseCallback,
    .connectListAllDomains = remoteConnectListAllDomains,
    .connectNumOfDomains = remoteConnectNumOfDomains,
    .connectListDomains = remoteConnectListDomains,
    .connectNumOfDefinedDomains = remoteConnectNumOfDefinedDomains,
    .connectListDefinedDomains = remoteConnectListDefinedDomains,
    .domainLookupByID = remoteDomainLookupByID,
    .domainLookupByName = remoteDomainLookupByName,
    .domainLookupByUUID = remoteDomainLookupByUUID,
    .domainGetOSType = remoteDomainGetOSType,
    .domainGetInfo = remoteDomainGetInfo,
    .domainGetState = remoteDomainGetState,
    .domainGetXMLDesc = remoteDomainGetXMLDesc,
    .domainSetMetadata = remoteDomainSetMetadata,
    .domainGetMetadata = remoteDomainGetMetadata,
    .domainIsActive = remoteDomainIsActive,
    .domainIsPersistent = remoteDomainIsPersistent,
    .domainIsUpdated = remoteDomainIsUpdated,
    .domainSuspend = remoteDomainSuspend,
    .domainResume = remoteDomainResume,
    .domainShutdown = remoteDomainShutdown,
    .domainShutdownFlags = remoteDomainShutdownFlags,
    .domainReboot = remoteDomainReboot,
    .domainReset = remoteDomainReset,
    .domainDestroy = remoteDomainDestroy,
    .domainDestroyFlags = remoteDomainDestroyFlags,
    .connectDomainEventRegister = remoteConnectDomainEventRegister,
    .connectDomainEventDeregister = remoteConnectDomainEventDeregister,
    .connectDomainEventRegisterAny = remoteConnectDomainEventRegisterAny,
    .connectDomainEventDeregisterAny = remoteConnectDomainEventDeregisterAny,
    .domainQemuMonitorCommand = remoteDomainQemuMonitorCommand,
    .domainQemuMonitorCommandWithFiles = remoteDomainQemuMonitorCommandWithFiles,
    .domainQemuAttach = remoteDomainQemuAttach,
    .domainQemuAgentCommand = remoteDomainQemuAgentCommand,
    .connectDomainQemuMonitorEventRegister = remoteConnectDomainQemuMonitorEventRegister,
    .connectDomainQemuMonitorEventDeregister = remoteConnectDomainQemuMonitorEventDeregister,
};
