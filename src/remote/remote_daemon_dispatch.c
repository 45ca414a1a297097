/*
 * remote_daemon_dispatch.c: what virtmond does when a client calls
 *
 * A row for each procedure, and a function that turns its arguments into a call of the
 * public API and the outcome into its return value. Functions that never block are
 * marked INLINE and run in the I/O thread; all that may wait for a QEMU, an agent or a
 * name server run in workers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_dispatch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qemu_protocol.h"
#include "remote_daemon_access.h"
#include "remote_daemon_auth.h"
#include "remote_protocol.h"
#include "virgettext.h"
#include "virlog.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("remote.daemon_dispatch");

/* Set before the first call, and immutable then. */
static remoteRelay *remoteDaemonRelay;
static const char *remoteDaemonDefaultURI;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainUnref)

void
remoteDaemonDispatchInit(remoteRelay *relay, const char *defaultURI)
{
    remoteDaemonRelay = relay;
    remoteDaemonDefaultURI = defaultURI;
}

static remoteDaemonClient *
remoteDaemonCaller(virNetServerCall *call)
{
    return virNetServerClientGetData(virNetServerCallGetClient(call));
}

/* Never NULL in procedures that need an open connection: see remoteDaemonCheck(). */
static virConnectPtr
remoteDaemonConn(virNetServerCall *call)
{
    return remoteDaemonCaller(call)->conn;
}

/* A handle for what the client means; as in libvirt, its UUID is all that is looked at. */
static virDomainPtr
remoteDaemonDomain(virNetServerCall *call, const remote_nonnull_domain *dom)
{
    return virGetDomain(remoteDaemonConn(call), dom->name, (const unsigned char *)dom->uuid,
                        dom->id);
}

static void
remoteDaemonDomainToWire(virDomainPtr dom, remote_nonnull_domain *wire)
{
    wire->name = g_strdup(dom->name);
    memcpy(wire->uuid, dom->uuid, VIR_UUID_BUFLEN);
    wire->id = dom->id;
}

/* Is there such a domain? -1 with an error reported. */
static int
remoteDaemonDomainExists(virDomainPtr dom)
{
    return virDomainIsActive(dom) < 0 ? -1 : 0;
}

/* --- the connection --- */

static int
remoteDaemonConnectOpen(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_connect_open_args *args = opaque;
    remoteDaemonClient *client = remoteDaemonCaller(call);
    unsigned int flags = args->flags & VIR_CONNECT_RO;
    const char *name = args->name ? *args->name : NULL;

    if (client->conn) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("connection already open"));
        return -1;
    }
    if (!name) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("no connection URI was given"));
        return -1;
    }
    if (virNetServerClientIsReadOnly(client->client))
        flags |= VIR_CONNECT_RO;
    client->conn = virConnectOpenAuth(*name ? name : remoteDaemonDefaultURI, NULL,
                                      flags | VIR_CONNECT_NO_ALIASES);
    return client->conn ? 0 : -1;
}

static int
remoteDaemonConnectClose(virNetServerCall *call, void *args G_GNUC_UNUSED,
                         void *ret G_GNUC_UNUSED)
{
    virNetServerClientCloseAfterReply(virNetServerCallGetClient(call));
    return 0;
}

/* Features that are the daemon's own; all others are its driver's. */
static int
remoteDaemonConnectSupportsFeature(virNetServerCall *call, void *opaque, void *result)
{
    remote_connect_supports_feature_args *args = opaque;
    remote_connect_supports_feature_ret *ret = result;
    virConnectPtr conn = remoteDaemonConn(call);

    if (args->feature == VIR_DRV_FEATURE_PROGRAM_KEEPALIVE) {
        virNetServerClientStartKeepAlive(virNetServerCallGetClient(call));
        ret->supported = 1;
        return 0;
    }
    if (!conn) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("connection not open"));
        return -1;
    }
    if (args->feature == VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK ||
        args->feature == VIR_DRV_FEATURE_REMOTE_CLOSE_CALLBACK)
        ret->supported = 1;
    else if (args->feature != VIR_DRV_FEATURE_REMOTE)
        ret->supported = conn->driver->connectSupportsFeature(conn, args->feature);
    return 0;
}

static int
remoteDaemonConnectGetType(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    remote_connect_get_type_ret *ret = result;
    const char *type = virConnectGetType(remoteDaemonConn(call));

    ret->type = g_strdup(type);
    return type ? 0 : -1;
}

static int
remoteDaemonConnectGetVersion(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    remote_connect_get_version_ret *ret = result;
    unsigned long version;

    if (virConnectGetVersion(remoteDaemonConn(call), &version) < 0)
        return -1;
    ret->hv_ver = version;
    return 0;
}

static int
remoteDaemonConnectGetLibVersion(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    remote_connect_get_lib_version_ret *ret = result;
    unsigned long version;

    if (virConnectGetLibVersion(remoteDaemonConn(call), &version) < 0)
        return -1;
    ret->lib_ver = version;
    return 0;
}

static int
remoteDaemonConnectGetHostname(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    remote_connect_get_hostname_ret *ret = result;

    return (ret->hostname = virConnectGetHostname(remoteDaemonConn(call))) ? 0 : -1;
}

static int
remoteDaemonConnectGetURI(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    remote_connect_get_uri_ret *ret = result;

    return (ret->uri = virConnectGetURI(remoteDaemonConn(call))) ? 0 : -1;
}

static int
remoteDaemonConnectGetCapabilities(virNetServerCall *call, void *args G_GNUC_UNUSED,
                                   void *result)
{
    remote_connect_get_capabilities_ret *ret = result;

    return (ret->capabilities = virConnectGetCapabilities(remoteDaemonConn(call))) ? 0 : -1;
}

/* Of the driver, not of the transport, which the client knows itself. */
static int
remoteDaemonConnectIsSecure(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    remote_connect_is_secure_ret *ret = result;

    return (ret->secure = virConnectIsSecure(remoteDaemonConn(call))) < 0 ? -1 : 0;
}

/* For the end of the driver's own connection to something else: it has none. */
static int
remoteDaemonConnectCloseCallback(virNetServerCall *call G_GNUC_UNUSED, void *args G_GNUC_UNUSED,
                                 void *ret G_GNUC_UNUSED)
{
    return 0;
}

/* An array of characters that ends in a NUL which counts. */
static void
remoteDaemonSetChars(const char *text, char **val, u_int *len)
{
    *val = g_strdup(text);
    *len = strlen(text) + 1;
}

/* Nothing here labels guests. */
static int
remoteDaemonNodeGetSecurityModel(virNetServerCall *call G_GNUC_UNUSED, void *args G_GNUC_UNUSED,
                                 void *result)
{
    remote_node_get_security_model_ret *ret = result;

    remoteDaemonSetChars("none", &ret->model.model_val, &ret->model.model_len);
    remoteDaemonSetChars("0", &ret->doi.doi_val, &ret->doi.doi_len);
    return 0;
}

/* --- finding domains --- */

/* Drops those that the client may not see. Returns how many are left at the beginning of @domains, or
 * -1 with an error reported, and none is left. */
static int
remoteDaemonKeepVisible(virNetServerCall *call, virDomainPtr *domains, int count)
{
    int kept = 0;
    int sees = 0;
    int i;

    for (i = 0; i < count; i++) {
        if (sees >= 0)
            sees = remoteDaemonAccessSees(call, domains[i]);
        if (sees > 0)
            domains[kept++] = domains[i];
        else
            virDomainUnref(domains[i]);
    }
    if (sees >= 0)
        return kept;
    for (i = 0; i < kept; i++)
        virDomainUnref(domains[i]);
    return -1;
}

/* All that the client may see, as virConnectListAllDomains(): each of *@domains is the caller's, and
 * so is the array, to be freed by free(). */
static int
remoteDaemonListVisible(virNetServerCall *call, virDomainPtr **domains, unsigned int flags)
{
    int count = virConnectListAllDomains(remoteDaemonConn(call), domains, flags);

    if (count < 0)
        return -1;
    if ((count = remoteDaemonKeepVisible(call, *domains, count)) < 0) {
        free(*domains);
        *domains = NULL;
    }
    return count;
}

static int
remoteDaemonConnectListAllDomains(virNetServerCall *call, void *opaque, void *result)
{
    remote_connect_list_all_domains_args *args = opaque;
    remote_connect_list_all_domains_ret *ret = result;
    virDomainPtr *domains = NULL;
    int count = remoteDaemonListVisible(call, &domains, args->flags);
    int i;

    if (count < 0)
        return -1;
    ret->ret = count;
    /* The list of domains has this limit too. */
    g_assert(count <= REMOTE_DOMAIN_LIST_MAX);
    if (args->need_results) {
        ret->domains.domains_val = g_new0(remote_nonnull_domain, MAX(count, 1));
        ret->domains.domains_len = count;
    }
    for (i = 0; i < count; i++) {
        if (args->need_results)
            remoteDaemonDomainToWire(domains[i], &ret->domains.domains_val[i]);
        virDomainUnref(domains[i]);
    }
    free(domains);
    return 0;
}

/* Returns how many there are, or -1 with an error reported. */
static int
remoteDaemonCountVisible(virNetServerCall *call, unsigned int flags)
{
    virDomainPtr *domains = NULL;
    int count = remoteDaemonListVisible(call, &domains, flags);
    int i;

    for (i = 0; i < count; i++)
        virDomainUnref(domains[i]);
    free(domains);
    return count;
}

static int
remoteDaemonConnectNumOfDomains(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    remote_connect_num_of_domains_ret *ret = result;

    ret->num = remoteDaemonCountVisible(call, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    return ret->num < 0 ? -1 : 0;
}

/* Returns 0, or -1 with an error reported if a client wants more than a reply can carry. */
static int
remoteDaemonCheckCount(int wanted)
{
    if (wanted >= 0 && wanted <= REMOTE_DOMAIN_LIST_MAX)
        return 0;
    virReportError(VIR_ERR_RPC, _("%1$d domains were asked for, there can be 0 to %2$d"), wanted,
                   REMOTE_DOMAIN_LIST_MAX);
    return -1;
}

static int
remoteDaemonConnectListDomains(virNetServerCall *call, void *opaque, void *result)
{
    remote_connect_list_domains_args *args = opaque;
    remote_connect_list_domains_ret *ret = result;
    virDomainPtr *domains = NULL;
    int count;
    int i;

    if (remoteDaemonCheckCount(args->maxids) < 0 ||
        (count = remoteDaemonListVisible(call, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE)) < 0)
        return -1;
    ret->ids.ids_val = g_new0(int, MAX(args->maxids, 1));
    ret->ids.ids_len = MIN(count, args->maxids);
    for (i = 0; i < count; i++) {
        if (i < args->maxids)
            ret->ids.ids_val[i] = domains[i]->id;
        virDomainUnref(domains[i]);
    }
    free(domains);
    return 0;
}

static int
remoteDaemonConnectNumOfDefinedDomains(virNetServerCall *call, void *args G_GNUC_UNUSED,
                                       void *result)
{
    remote_connect_num_of_defined_domains_ret *ret = result;

    ret->num = remoteDaemonCountVisible(call, VIR_CONNECT_LIST_DOMAINS_INACTIVE);
    return ret->num < 0 ? -1 : 0;
}

static int
remoteDaemonConnectListDefinedDomains(virNetServerCall *call, void *opaque, void *result)
{
    remote_connect_list_defined_domains_args *args = opaque;
    remote_connect_list_defined_domains_ret *ret = result;
    virDomainPtr *domains = NULL;
    int count;
    int i;

    if (remoteDaemonCheckCount(args->maxnames) < 0 ||
        (count = remoteDaemonListVisible(call, &domains, VIR_CONNECT_LIST_DOMAINS_INACTIVE)) < 0)
        return -1;
    ret->names.names_val = g_new0(char *, MAX(args->maxnames, 1));
    ret->names.names_len = MIN(count, args->maxnames);
    for (i = 0; i < count; i++) {
        if (i < args->maxnames)
            ret->names.names_val[i] = g_strdup(domains[i]->name);
        virDomainUnref(domains[i]);
    }
    free(domains);
    return 0;
}

/* Takes @dom; NULL: an error is reported. */
static int
remoteDaemonReturnDomain(virDomainPtr dom, remote_nonnull_domain *wire)
{
    if (!dom)
        return -1;
    remoteDaemonDomainToWire(dom, wire);
    virDomainUnref(dom);
    return 0;
}

/* One that the client may not see isn't found: NULL without an error reported, which *@hidden says.
 * Takes @dom; NULL: an error is reported. */
static virDomainPtr
remoteDaemonFindVisible(virNetServerCall *call, virDomainPtr dom, bool *hidden)
{
    int sees;

    *hidden = false;
    if (!dom)
        return NULL;
    if ((sees = remoteDaemonAccessSees(call, dom)) > 0)
        return dom;
    virDomainUnref(dom);
    *hidden = sees == 0;
    return NULL;
}

/* What is hidden is reported as the driver words it. */
#define remoteDaemonReportHidden(...) \
    virReportErrorFull(VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN, __FILE__, __func__, __LINE__, __VA_ARGS__)

static int
remoteDaemonDomainLookupByID(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_lookup_by_id_args *args = opaque;
    remote_domain_lookup_by_id_ret *ret = result;
    virDomainPtr dom = virDomainLookupByID(remoteDaemonConn(call), args->id);
    bool hidden;

    if (!(dom = remoteDaemonFindVisible(call, dom, &hidden)) && hidden)
        remoteDaemonReportHidden(_("no domain with matching id %1$d"), args->id);
    return remoteDaemonReturnDomain(dom, &ret->dom);
}

static int
remoteDaemonDomainLookupByName(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_lookup_by_name_args *args = opaque;
    remote_domain_lookup_by_name_ret *ret = result;
    virDomainPtr dom = virDomainLookupByName(remoteDaemonConn(call), args->name);
    bool hidden;

    if (!(dom = remoteDaemonFindVisible(call, dom, &hidden)) && hidden)
        remoteDaemonReportHidden(_("no domain with matching name '%1$s'"), args->name);
    return remoteDaemonReturnDomain(dom, &ret->dom);
}

static int
remoteDaemonDomainLookupByUUID(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_lookup_by_uuid_args *args = opaque;
    remote_domain_lookup_by_uuid_ret *ret = result;
    const unsigned char *uuid = (const unsigned char *)args->uuid;
    virDomainPtr dom = virDomainLookupByUUID(remoteDaemonConn(call), uuid);
    char text[VIR_UUID_STRING_BUFLEN];
    bool hidden;

    if (!(dom = remoteDaemonFindVisible(call, dom, &hidden)) && hidden)
        remoteDaemonReportHidden(_("no domain with matching uuid '%1$s'"),
                                 virUUIDFormat(uuid, text));
    return remoteDaemonReturnDomain(dom, &ret->dom);
}

/* --- asking about a domain --- */

static int
remoteDaemonDomainGetInfo(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_info_args *args = opaque;
    remote_domain_get_info_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);
    virDomainInfo info;

    if (virDomainGetInfo(dom, &info) < 0)
        return -1;
    ret->state = info.state;
    ret->maxMem = info.maxMem;
    ret->memory = info.memory;
    ret->nrVirtCpu = info.nrVirtCpu;
    ret->cpuTime = info.cpuTime;
    return 0;
}

static int
remoteDaemonDomainGetMaxMemory(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_max_memory_args *args = opaque;
    remote_domain_get_max_memory_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);
    virDomainInfo info;

    if (virDomainGetInfo(dom, &info) < 0)
        return -1;
    ret->memory = info.maxMem;
    return 0;
}

static int
remoteDaemonDomainGetMaxVcpus(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_max_vcpus_args *args = opaque;
    remote_domain_get_max_vcpus_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);
    virDomainInfo info;

    if (virDomainGetInfo(dom, &info) < 0)
        return -1;
    ret->num = info.nrVirtCpu;
    return 0;
}

static int
remoteDaemonDomainGetState(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_state_args *args = opaque;
    remote_domain_get_state_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainGetState(dom, &ret->state, &ret->reason, args->flags);
}

static int
remoteDaemonDomainGetXMLDesc(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_xml_desc_args *args = opaque;
    remote_domain_get_xml_desc_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return (ret->xml = virDomainGetXMLDesc(dom, args->flags)) ? 0 : -1;
}

static int
remoteDaemonDomainGetOSType(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_os_type_args *args = opaque;
    remote_domain_get_os_type_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return (ret->type = virDomainGetOSType(dom)) ? 0 : -1;
}

static int
remoteDaemonDomainIsActive(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_is_active_args *args = opaque;
    remote_domain_is_active_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return (ret->active = virDomainIsActive(dom)) < 0 ? -1 : 0;
}

static int
remoteDaemonDomainIsPersistent(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_is_persistent_args *args = opaque;
    remote_domain_is_persistent_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return (ret->persistent = virDomainIsPersistent(dom)) < 0 ? -1 : 0;
}

static int
remoteDaemonDomainIsUpdated(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_is_updated_args *args = opaque;
    remote_domain_is_updated_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return (ret->updated = virDomainIsUpdated(dom)) < 0 ? -1 : 0;
}

/* What follows is so for every domain here: nothing starts it, saves it, labels it or notes
 * what was done to it. */

static int
remoteDaemonDomainGetAutostart(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_get_autostart_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return remoteDaemonDomainExists(dom);
}

static int
remoteDaemonDomainHasManagedSaveImage(virNetServerCall *call, void *opaque,
                                      void *ret G_GNUC_UNUSED)
{
    remote_domain_has_managed_save_image_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);
    unsigned int flags = args->flags;

    virCheckFlagsReturn(0, -1);
    return remoteDaemonDomainExists(dom);
}

static int
remoteDaemonDomainGetSecurityLabel(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_security_label_args *args = opaque;
    remote_domain_get_security_label_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    if (remoteDaemonDomainExists(dom) < 0)
        return -1;
    remoteDaemonSetChars("", &ret->label.label_val, &ret->label.label_len);
    return 0;
}

static int
remoteDaemonDomainGetSecurityLabelList(virNetServerCall *call, void *opaque,
                                       void *ret G_GNUC_UNUSED)
{
    remote_domain_get_security_label_list_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return remoteDaemonDomainExists(dom);
}

static int
remoteDaemonDomainGetMessages(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_get_messages_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return remoteDaemonDomainExists(dom);
}

static int
remoteDaemonDomainGetMetadata(virNetServerCall *call, void *opaque, void *result)
{
    remote_domain_get_metadata_args *args = opaque;
    remote_domain_get_metadata_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    ret->metadata = virDomainGetMetadata(dom, args->type, args->uri ? *args->uri : NULL,
                                         args->flags);
    return ret->metadata ? 0 : -1;
}

/* --- acting on a domain --- */

static int
remoteDaemonDomainSetMetadata(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_set_metadata_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainSetMetadata(dom, args->type, args->metadata ? *args->metadata : NULL,
                                args->key ? *args->key : NULL, args->uri ? *args->uri : NULL,
                                args->flags);
}

static int
remoteDaemonDomainSuspend(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_suspend_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainSuspend(dom);
}

static int
remoteDaemonDomainResume(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_resume_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainResume(dom);
}

static int
remoteDaemonDomainShutdown(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_shutdown_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainShutdown(dom);
}

static int
remoteDaemonDomainShutdownFlags(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_shutdown_flags_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainShutdownFlags(dom, args->flags);
}

static int
remoteDaemonDomainReboot(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_reboot_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainReboot(dom, args->flags);
}

static int
remoteDaemonDomainReset(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_reset_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainReset(dom, args->flags);
}

static int
remoteDaemonDomainDestroy(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_destroy_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainDestroy(dom);
}

static int
remoteDaemonDomainDestroyFlags(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    remote_domain_destroy_flags_args *args = opaque;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainDestroyFlags(dom, args->flags);
}

/* --- domain events; all of these run in the I/O thread, to which the relay belongs --- */

static int
remoteDaemonConnectDomainEventRegister(virNetServerCall *call, void *args G_GNUC_UNUSED,
                                       void *ret G_GNUC_UNUSED)
{
    return remoteRelayAddDomain(remoteDaemonRelay, remoteDaemonCaller(call), NULL,
                                VIR_DOMAIN_EVENT_ID_LIFECYCLE, REMOTE_RELAY_OLD) < 0 ? -1 : 0;
}

static int
remoteDaemonConnectDomainEventDeregister(virNetServerCall *call, void *args G_GNUC_UNUSED,
                                         void *ret G_GNUC_UNUSED)
{
    return remoteRelayRemoveOld(remoteDaemonRelay, remoteDaemonCaller(call),
                                VIR_DOMAIN_EVENT_ID_LIFECYCLE);
}

static int
remoteDaemonConnectDomainEventRegisterAny(virNetServerCall *call, void *opaque,
                                          void *ret G_GNUC_UNUSED)
{
    remote_connect_domain_event_register_any_args *args = opaque;

    return remoteRelayAddDomain(remoteDaemonRelay, remoteDaemonCaller(call), NULL, args->eventID,
                                REMOTE_RELAY_OLD) < 0 ? -1 : 0;
}

static int
remoteDaemonConnectDomainEventDeregisterAny(virNetServerCall *call, void *opaque,
                                            void *ret G_GNUC_UNUSED)
{
    remote_connect_domain_event_deregister_any_args *args = opaque;

    return remoteRelayRemoveOld(remoteDaemonRelay, remoteDaemonCaller(call), args->eventID);
}

static int
remoteDaemonConnectDomainEventCallbackRegisterAny(virNetServerCall *call, void *opaque,
                                                  void *result)
{
    remote_connect_domain_event_callback_register_any_args *args = opaque;
    remote_connect_domain_event_callback_register_any_ret *ret = result;

    ret->callbackID = remoteRelayAddDomain(remoteDaemonRelay, remoteDaemonCaller(call), args->dom,
                                           args->eventID, REMOTE_RELAY_NUMBERED);
    return ret->callbackID < 0 ? -1 : 0;
}

static int
remoteDaemonConnectDomainEventCallbackDeregisterAny(virNetServerCall *call, void *opaque,
                                                    void *ret G_GNUC_UNUSED)
{
    remote_connect_domain_event_callback_deregister_any_args *args = opaque;

    return remoteRelayRemoveDomain(remoteDaemonRelay, remoteDaemonCaller(call),
                                   args->callbackID);
}

/* --- the QEMU program --- */

static int
remoteDaemonQemuMonitorCommand(virNetServerCall *call, void *opaque, void *result)
{
    qemu_domain_monitor_command_args *args = opaque;
    qemu_domain_monitor_command_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);

    return virDomainQemuMonitorCommand(dom, args->cmd, &ret->result, args->flags);
}

static int
remoteDaemonQemuMonitorCommandWithFiles(virNetServerCall *call, void *opaque, void *result)
{
    qemu_domain_monitor_command_with_files_args *args = opaque;
    qemu_domain_monitor_command_with_files_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);
    size_t nfds;
    int *fds = virNetServerCallGetFDs(call, &nfds);
    unsigned int nout = 0;
    int *out = NULL;
    unsigned int i;
    int rc;

    if (virDomainQemuMonitorCommandWithFiles(dom, args->cmd, nfds, fds, &nout, &out,
                                             &ret->result, args->flags) < 0)
        return -1;
    rc = 0;
    for (i = 0; i < nout; i++) {
        if (rc == 0)
            rc = virNetServerCallAddFD(call, out[i]);
        close(out[i]);
    }
    free(out);
    return rc;
}

static int
remoteDaemonQemuAttach(virNetServerCall *call, void *opaque, void *result)
{
    qemu_domain_attach_args *args = opaque;
    qemu_domain_attach_ret *ret = result;
    virConnectPtr conn = remoteDaemonConn(call);
    virDomainPtr dom;

    /* Which domain it is turns out when it is one: whoever may do this with none at all doesn't get
     * that far, and whoever may not with this one is told nothing of it. */
    if (!(conn->flags & VIR_CONNECT_RO) && remoteDaemonAccessAskDomain(call, NULL) < 0)
        return -1;
    dom = virDomainQemuAttach(conn, args->pid_value, args->flags);
    if (dom && remoteDaemonAccessAskDomain(call, dom) < 0)
        g_clear_pointer(&dom, virDomainUnref);
    return remoteDaemonReturnDomain(dom, &ret->dom);
}

static int
remoteDaemonQemuAgentCommand(virNetServerCall *call, void *opaque, void *result)
{
    qemu_domain_agent_command_args *args = opaque;
    qemu_domain_agent_command_ret *ret = result;
    g_autoptr(virDomain) dom = remoteDaemonDomain(call, &args->dom);
    char *text = virDomainQemuAgentCommand(dom, args->cmd, args->timeout, args->flags);

    if (!text)
        return -1;
    ret->result = g_new(char *, 1);
    *ret->result = text;
    return 0;
}

static int
remoteDaemonQemuMonitorEventRegister(virNetServerCall *call, void *opaque, void *result)
{
    qemu_connect_domain_monitor_event_register_args *args = opaque;
    qemu_connect_domain_monitor_event_register_ret *ret = result;

    ret->callbackID = remoteRelayAddMonitor(remoteDaemonRelay, remoteDaemonCaller(call),
                                            args->dom, args->event ? *args->event : NULL,
                                            args->flags, virNetServerCallGetVerdict(call) > 0);
    return ret->callbackID < 0 ? -1 : 0;
}

static int
remoteDaemonQemuMonitorEventDeregister(virNetServerCall *call, void *opaque,
                                       void *ret G_GNUC_UNUSED)
{
    qemu_connect_domain_monitor_event_deregister_args *args = opaque;

    return remoteRelayRemoveMonitor(remoteDaemonRelay, remoteDaemonCaller(call),
                                    args->callbackID);
}

/* --- the tables --- */

#define INLINE VIR_NET_SERVER_PROC_INLINE
#define ANYWHERE (VIR_NET_SERVER_PROC_INLINE | VIR_NET_SERVER_PROC_ANYWHERE)
#define PRIORITY VIR_NET_SERVER_PROC_PRIORITY
#define NO_AUTH VIR_NET_SERVER_PROC_NO_AUTH
#define SECRET VIR_NET_SERVER_PROC_SECRET
#define WORKER 0

/* What a procedure needs to be allowed to its caller: as libvirt has it. Those of a domain are asked
 * about the one that stands in the arguments; FOUND: the function finds it, and asks. */
#define LIST(...) (const virAccessNeed[]) { __VA_ARGS__, { VIR_ACCESS_PERM_NONE, 0, false } }
#define ACL(...) &(const remoteDaemonACL) { __VA_ARGS__ }
#define NOWHERE REMOTE_DAEMON_ACCESS_NOWHERE
#define NEEDS(...) ACL(LIST(__VA_ARGS__), NULL, NOWHERE, NOWHERE)
#define NEEDS_NOTHING NEEDS({ VIR_ACCESS_PERM_NONE, 0, false })
#define NEEDS_DOMAIN(name, ...) \
    ACL(LIST(__VA_ARGS__), NULL, offsetof(name##_args, dom), NOWHERE)
#define NEEDS_DOMAIN_IF(name, ...) \
    ACL(LIST(__VA_ARGS__), NULL, offsetof(name##_args, dom), offsetof(name##_args, flags))
#define NEEDS_FOUND NEEDS
#define NEEDS_OR_READ_ONLY(needs, readOnly) ACL(needs, readOnly, NOWHERE, NOWHERE)
#define CONNECT(perm) { VIR_ACCESS_PERM_CONNECT_##perm, 0, false }
#define DOMAIN(perm) { VIR_ACCESS_PERM_DOMAIN_##perm, 0, false }
#define DOMAIN_IF(perm, flags) { VIR_ACCESS_PERM_DOMAIN_##perm, flags, false }
#define EACH_DOMAIN(perm) { VIR_ACCESS_PERM_DOMAIN_##perm, 0, true }

/* A row: number, function, what the codecs are called, flags, needs. */
#define ARGS(name) (xdrproc_t)xdr_##name##_args, sizeof(name##_args)
#define RET(name) (xdrproc_t)xdr_##name##_ret, sizeof(name##_ret)
#define PROC(number, func, args, ret, flags, needs) \
    { number, #number, func, args, ret, flags, needs }
#define VOID NULL, 0

static const virNetServerProc remoteDaemonProcs[] = {
    PROC(REMOTE_PROC_CONNECT_OPEN, remoteDaemonConnectOpen,
         ARGS(remote_connect_open), VOID, INLINE,
         NEEDS(CONNECT(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_CLOSE, remoteDaemonConnectClose,
         VOID, VOID, INLINE,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_CONNECT_GET_TYPE, remoteDaemonConnectGetType,
         VOID, RET(remote_connect_get_type), INLINE,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_CONNECT_GET_VERSION, remoteDaemonConnectGetVersion,
         VOID, RET(remote_connect_get_version), WORKER,
         NEEDS(CONNECT(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_GET_CAPABILITIES, remoteDaemonConnectGetCapabilities,
         VOID, RET(remote_connect_get_capabilities), WORKER,
         NEEDS(CONNECT(READ))),
    PROC(REMOTE_PROC_DOMAIN_DESTROY, remoteDaemonDomainDestroy,
         ARGS(remote_domain_destroy), VOID, WORKER,
         NEEDS_DOMAIN(remote_domain_destroy, DOMAIN(STOP))),
    PROC(REMOTE_PROC_DOMAIN_GET_XML_DESC, remoteDaemonDomainGetXMLDesc,
         ARGS(remote_domain_get_xml_desc), RET(remote_domain_get_xml_desc), WORKER,
         NEEDS_DOMAIN_IF(remote_domain_get_xml_desc,
                         DOMAIN(READ), DOMAIN_IF(READ_SECURE,
                                     VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_MIGRATABLE))),
    PROC(REMOTE_PROC_DOMAIN_GET_AUTOSTART, remoteDaemonDomainGetAutostart,
         ARGS(remote_domain_get_autostart), RET(remote_domain_get_autostart), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_get_autostart, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_GET_INFO, remoteDaemonDomainGetInfo,
         ARGS(remote_domain_get_info), RET(remote_domain_get_info), WORKER,
         NEEDS_DOMAIN(remote_domain_get_info, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_GET_MAX_MEMORY, remoteDaemonDomainGetMaxMemory,
         ARGS(remote_domain_get_max_memory), RET(remote_domain_get_max_memory), WORKER,
         NEEDS_DOMAIN(remote_domain_get_max_memory, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_GET_MAX_VCPUS, remoteDaemonDomainGetMaxVcpus,
         ARGS(remote_domain_get_max_vcpus), RET(remote_domain_get_max_vcpus), WORKER,
         NEEDS_DOMAIN(remote_domain_get_max_vcpus, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_GET_OS_TYPE, remoteDaemonDomainGetOSType,
         ARGS(remote_domain_get_os_type), RET(remote_domain_get_os_type), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_get_os_type, DOMAIN(READ))),
    PROC(REMOTE_PROC_CONNECT_LIST_DEFINED_DOMAINS, remoteDaemonConnectListDefinedDomains,
         ARGS(remote_connect_list_defined_domains),
         RET(remote_connect_list_defined_domains), ANYWHERE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_DOMAIN_LOOKUP_BY_ID, remoteDaemonDomainLookupByID,
         ARGS(remote_domain_lookup_by_id), RET(remote_domain_lookup_by_id), ANYWHERE,
         NEEDS_FOUND(DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, remoteDaemonDomainLookupByName,
         ARGS(remote_domain_lookup_by_name), RET(remote_domain_lookup_by_name), ANYWHERE,
         NEEDS_FOUND(DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_DOMAIN_LOOKUP_BY_UUID, remoteDaemonDomainLookupByUUID,
         ARGS(remote_domain_lookup_by_uuid), RET(remote_domain_lookup_by_uuid), ANYWHERE,
         NEEDS_FOUND(DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_NUM_OF_DEFINED_DOMAINS, remoteDaemonConnectNumOfDefinedDomains,
         VOID, RET(remote_connect_num_of_defined_domains), ANYWHERE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_DOMAIN_REBOOT, remoteDaemonDomainReboot,
         ARGS(remote_domain_reboot), VOID, WORKER,
         NEEDS_DOMAIN_IF(remote_domain_reboot,
                         DOMAIN(INIT_CONTROL), DOMAIN_IF(WRITE, VIR_DOMAIN_REBOOT_GUEST_AGENT))),
    PROC(REMOTE_PROC_DOMAIN_RESUME, remoteDaemonDomainResume,
         ARGS(remote_domain_resume), VOID, WORKER,
         NEEDS_DOMAIN(remote_domain_resume, DOMAIN(SUSPEND))),
    PROC(REMOTE_PROC_DOMAIN_SHUTDOWN, remoteDaemonDomainShutdown,
         ARGS(remote_domain_shutdown), VOID, WORKER,
         NEEDS_DOMAIN(remote_domain_shutdown, DOMAIN(INIT_CONTROL))),
    PROC(REMOTE_PROC_DOMAIN_SUSPEND, remoteDaemonDomainSuspend,
         ARGS(remote_domain_suspend), VOID, WORKER,
         NEEDS_DOMAIN(remote_domain_suspend, DOMAIN(SUSPEND))),
    PROC(REMOTE_PROC_CONNECT_LIST_DOMAINS, remoteDaemonConnectListDomains,
         ARGS(remote_connect_list_domains), RET(remote_connect_list_domains), ANYWHERE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_NUM_OF_DOMAINS, remoteDaemonConnectNumOfDomains,
         VOID, RET(remote_connect_num_of_domains), ANYWHERE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_GET_HOSTNAME, remoteDaemonConnectGetHostname,
         VOID, RET(remote_connect_get_hostname), WORKER | PRIORITY,
         NEEDS(CONNECT(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, remoteDaemonConnectSupportsFeature,
         ARGS(remote_connect_supports_feature), RET(remote_connect_supports_feature), INLINE,
         NEEDS(CONNECT(GETATTR))),
    PROC(REMOTE_PROC_AUTH_LIST, remoteDaemonAuthList,
         VOID, RET(remote_auth_list), INLINE | NO_AUTH,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_AUTH_SASL_INIT, remoteDaemonAuthSASLInit,
         VOID, RET(remote_auth_sasl_init), WORKER | NO_AUTH,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_AUTH_SASL_START, remoteDaemonAuthSASLStart,
         ARGS(remote_auth_sasl_start), RET(remote_auth_sasl_start), WORKER | NO_AUTH | SECRET,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_AUTH_SASL_STEP, remoteDaemonAuthSASLStep,
         ARGS(remote_auth_sasl_step), RET(remote_auth_sasl_step), WORKER | NO_AUTH | SECRET,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_AUTH_POLKIT, remoteDaemonAuthPolkit,
         VOID, RET(remote_auth_polkit), INLINE | NO_AUTH,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER, remoteDaemonConnectDomainEventRegister,
         VOID, RET(remote_connect_domain_event_register), INLINE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER, remoteDaemonConnectDomainEventDeregister,
         VOID, RET(remote_connect_domain_event_deregister), INLINE,
         NEEDS(CONNECT(READ))),
    PROC(REMOTE_PROC_CONNECT_GET_URI, remoteDaemonConnectGetURI,
         VOID, RET(remote_connect_get_uri), INLINE,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_DOMAIN_GET_SECURITY_LABEL, remoteDaemonDomainGetSecurityLabel,
         ARGS(remote_domain_get_security_label), RET(remote_domain_get_security_label), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_get_security_label, DOMAIN(READ))),
    PROC(REMOTE_PROC_NODE_GET_SECURITY_MODEL, remoteDaemonNodeGetSecurityModel,
         VOID, RET(remote_node_get_security_model), ANYWHERE,
         NEEDS(CONNECT(READ))),
    PROC(REMOTE_PROC_CONNECT_IS_SECURE, remoteDaemonConnectIsSecure,
         VOID, RET(remote_connect_is_secure), INLINE,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_DOMAIN_IS_ACTIVE, remoteDaemonDomainIsActive,
         ARGS(remote_domain_is_active), RET(remote_domain_is_active), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_is_active, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_IS_PERSISTENT, remoteDaemonDomainIsPersistent,
         ARGS(remote_domain_is_persistent), RET(remote_domain_is_persistent), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_is_persistent, DOMAIN(READ))),
    PROC(REMOTE_PROC_CONNECT_GET_LIB_VERSION, remoteDaemonConnectGetLibVersion,
         VOID, RET(remote_connect_get_lib_version), INLINE,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER_ANY, remoteDaemonConnectDomainEventRegisterAny,
         ARGS(remote_connect_domain_event_register_any), VOID, INLINE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER_ANY,
         remoteDaemonConnectDomainEventDeregisterAny,
         ARGS(remote_connect_domain_event_deregister_any), VOID, INLINE,
         NEEDS(CONNECT(READ))),
    PROC(REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE, remoteDaemonDomainHasManagedSaveImage,
         ARGS(remote_domain_has_managed_save_image),
         RET(remote_domain_has_managed_save_image), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_has_managed_save_image, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_IS_UPDATED, remoteDaemonDomainIsUpdated,
         ARGS(remote_domain_is_updated), RET(remote_domain_is_updated), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_is_updated, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_GET_STATE, remoteDaemonDomainGetState,
         ARGS(remote_domain_get_state), RET(remote_domain_get_state), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_get_state, DOMAIN(READ))),
    PROC(REMOTE_PROC_DOMAIN_DESTROY_FLAGS, remoteDaemonDomainDestroyFlags,
         ARGS(remote_domain_destroy_flags), VOID, WORKER,
         NEEDS_DOMAIN(remote_domain_destroy_flags, DOMAIN(STOP))),
    PROC(REMOTE_PROC_DOMAIN_RESET, remoteDaemonDomainReset,
         ARGS(remote_domain_reset), VOID, WORKER,
         NEEDS_DOMAIN(remote_domain_reset, DOMAIN(RESET))),
    PROC(REMOTE_PROC_DOMAIN_SHUTDOWN_FLAGS, remoteDaemonDomainShutdownFlags,
         ARGS(remote_domain_shutdown_flags), VOID, WORKER,
         NEEDS_DOMAIN_IF(remote_domain_shutdown_flags,
                         DOMAIN(INIT_CONTROL), DOMAIN_IF(WRITE, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT))),
    PROC(REMOTE_PROC_DOMAIN_SET_METADATA, remoteDaemonDomainSetMetadata,
         ARGS(remote_domain_set_metadata), VOID, ANYWHERE,
         NEEDS_DOMAIN(remote_domain_set_metadata, DOMAIN(WRITE))),
    PROC(REMOTE_PROC_DOMAIN_GET_METADATA, remoteDaemonDomainGetMetadata,
         ARGS(remote_domain_get_metadata), RET(remote_domain_get_metadata), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_get_metadata, DOMAIN(READ))),
    PROC(REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, remoteDaemonConnectListAllDomains,
         ARGS(remote_connect_list_all_domains), RET(remote_connect_list_all_domains), ANYWHERE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_DOMAIN_GET_SECURITY_LABEL_LIST, remoteDaemonDomainGetSecurityLabelList,
         ARGS(remote_domain_get_security_label_list),
         RET(remote_domain_get_security_label_list), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_get_security_label_list, DOMAIN(READ))),
    PROC(REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
         remoteDaemonConnectDomainEventCallbackRegisterAny,
         ARGS(remote_connect_domain_event_callback_register_any),
         RET(remote_connect_domain_event_callback_register_any), INLINE,
         NEEDS(CONNECT(SEARCH_DOMAINS), EACH_DOMAIN(GETATTR))),
    PROC(REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY,
         remoteDaemonConnectDomainEventCallbackDeregisterAny,
         ARGS(remote_connect_domain_event_callback_deregister_any), VOID, INLINE,
         NEEDS(CONNECT(READ))),
    PROC(REMOTE_PROC_CONNECT_REGISTER_CLOSE_CALLBACK, remoteDaemonConnectCloseCallback,
         VOID, VOID, INLINE,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK, remoteDaemonConnectCloseCallback,
         VOID, VOID, INLINE,
         NEEDS_NOTHING),
    PROC(REMOTE_PROC_DOMAIN_GET_MESSAGES, remoteDaemonDomainGetMessages,
         ARGS(remote_domain_get_messages), RET(remote_domain_get_messages), ANYWHERE,
         NEEDS_DOMAIN(remote_domain_get_messages, DOMAIN(READ))),
};

static const virNetServerProc remoteDaemonQemuProcs[] = {
    PROC(QEMU_PROC_DOMAIN_MONITOR_COMMAND, remoteDaemonQemuMonitorCommand,
         ARGS(qemu_domain_monitor_command), RET(qemu_domain_monitor_command), WORKER,
         NEEDS_DOMAIN(qemu_domain_monitor_command, DOMAIN(WRITE))),
    PROC(QEMU_PROC_DOMAIN_ATTACH, remoteDaemonQemuAttach,
         ARGS(qemu_domain_attach), RET(qemu_domain_attach), WORKER,
         NEEDS_FOUND(DOMAIN(START), DOMAIN(WRITE))),
    PROC(QEMU_PROC_DOMAIN_AGENT_COMMAND, remoteDaemonQemuAgentCommand,
         ARGS(qemu_domain_agent_command), RET(qemu_domain_agent_command), WORKER,
         NEEDS_DOMAIN(qemu_domain_agent_command, DOMAIN(WRITE))),
    PROC(QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER, remoteDaemonQemuMonitorEventRegister,
         ARGS(qemu_connect_domain_monitor_event_register),
         RET(qemu_connect_domain_monitor_event_register), INLINE,
         NEEDS_OR_READ_ONLY(LIST(CONNECT(SEARCH_DOMAINS), CONNECT(WRITE), EACH_DOMAIN(GETATTR)),
                            LIST(CONNECT(SEARCH_DOMAINS), DOMAIN(WATCH_EVENTS),
                                 EACH_DOMAIN(GETATTR), EACH_DOMAIN(WATCH_EVENTS)))),
    PROC(QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER, remoteDaemonQemuMonitorEventDeregister,
         ARGS(qemu_connect_domain_monitor_event_deregister), VOID, INLINE,
         NEEDS(CONNECT(WRITE))),
    PROC(QEMU_PROC_DOMAIN_MONITOR_COMMAND_WITH_FILES, remoteDaemonQemuMonitorCommandWithFiles,
         ARGS(qemu_domain_monitor_command_with_files),
         RET(qemu_domain_monitor_command_with_files), WORKER,
         NEEDS_DOMAIN(qemu_domain_monitor_command_with_files, CONNECT(GETATTR), DOMAIN(WRITE))),
};

/* What may be called before CONNECT_OPEN; the feature procedure decides for itself. */
static bool
remoteDaemonNeedsOpen(virNetServerCall *call)
{
    if (virNetServerCallGetProgram(call)->program != REMOTE_PROGRAM)
        return true;
    switch (virNetServerCallGetProc(call)->number) {
    case REMOTE_PROC_CONNECT_OPEN:
    case REMOTE_PROC_CONNECT_CLOSE:
    case REMOTE_PROC_CONNECT_SUPPORTS_FEATURE:
    case REMOTE_PROC_AUTH_LIST:
    case REMOTE_PROC_AUTH_SASL_INIT:
    case REMOTE_PROC_AUTH_SASL_START:
    case REMOTE_PROC_AUTH_SASL_STEP:
    case REMOTE_PROC_AUTH_POLKIT:
        return false;
    default:
        return true;
    }
}

static int
remoteDaemonCheck(virNetServerCall *call, const void *args G_GNUC_UNUSED)
{
    if (!remoteDaemonConn(call) && remoteDaemonNeedsOpen(call)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("connection not open"));
        return -1;
    }
    return 0;
}

/* Features that are answered before anybody is asked, as by libvirtd: they are the transport's. */
static bool
remoteDaemonIsTransportFeature(int feature)
{
    return feature == VIR_DRV_FEATURE_FD_PASSING || feature == VIR_DRV_FEATURE_PROGRAM_KEEPALIVE ||
        feature == VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK ||
        feature == VIR_DRV_FEATURE_REMOTE_CLOSE_CALLBACK;
}

static bool
remoteDaemonAsks(virNetServerCall *call, const void *args)
{
    if (virNetServerCallGetProgram(call)->program == REMOTE_PROGRAM &&
        virNetServerCallGetProc(call)->number == REMOTE_PROC_CONNECT_SUPPORTS_FEATURE &&
        remoteDaemonIsTransportFeature(
            ((const remote_connect_supports_feature_args *)args)->feature))
        return false;
    return remoteDaemonAccessAsks(call, remoteDaemonConn(call));
}

static int
remoteDaemonAsk(virNetServerCall *call, const void *args)
{
    return remoteDaemonAccessAsk(call, remoteDaemonConn(call), args);
}

const virNetServerProgram remoteDaemonProgram = {
    .program = REMOTE_PROGRAM,
    .version = REMOTE_PROTOCOL_VERSION,
    .name = "remote",
    .procs = remoteDaemonProcs,
    .nprocs = G_N_ELEMENTS(remoteDaemonProcs),
    .check = remoteDaemonCheck,
    .asks = remoteDaemonAsks,
    .ask = remoteDaemonAsk,
};

const virNetServerProgram remoteDaemonQemuProgram = {
    .program = QEMU_PROGRAM,
    .version = QEMU_PROTOCOL_VERSION,
    .name = "qemu",
    .procs = remoteDaemonQemuProcs,
    .nprocs = G_N_ELEMENTS(remoteDaemonQemuProcs),
    .check = remoteDaemonCheck,
    .asks = remoteDaemonAsks,
    .ask = remoteDaemonAsk,
};
