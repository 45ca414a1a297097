/*
 * remote_daemon_admin.c: what virtmond does when an administrator calls
 *
 * Whoever is let in to the administrators' socket is root or the user whose daemon this is, and may
 * do everything: the socket sees to that (virNetServerServiceOptions.ownersOnly), so that rows have
 * no permissions.
 *
 * Procedures run in workers. What belongs to the I/O thread of the clients' server is copied there,
 * in a moment that doesn't depend on what is done with it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_admin.h"

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>

#include "admin_protocol.h"
#include "remote_daemon_params.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("remote.daemon_admin");

/* Bytes for an entry of the users' or groups' database; one that is longer has no name here. */
#define REMOTE_ADMIN_ENTRY_BYTES (64 * 1024)

/* A handful of people and scripts; each call takes a thread while it waits for the I/O thread. */
const virNetServerLimits remoteAdminServerLimits = {
    .maxClients = 16, .maxClientRequests = 5, .maxClientEventBytes = 64 * 1024, .maxWorkers = 8,
    .setupSeconds = 60,
};

/* Set before the first call, and immutable then. */
static remoteAdminTargets remoteAdmin;

void
remoteAdminInit(const remoteAdminTargets *targets)
{
    remoteAdmin = *targets;
}

const remoteAdminTargets *
remoteAdminGet(void)
{
    return &remoteAdmin;
}

void
remoteAdminLog(virNetServerCall *call, const char *format, ...)
{
    const virNetServerClientInfo *info =
        virNetServerClientGetInfo(virNetServerCallGetClient(call));
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    /* As what is in the log unless somebody has asked for less. */
    VIR_WARN("administrator (user %u, process %d) %s", info->peer.uid, (int)info->peer.pid, what);
}

/* --- finding things --- */

static int
remoteAdminCheckServer(const admin_nonnull_server *srv, unsigned int flags)
{
    virCheckFlagsReturn(0, -1);
    if (strcmp(srv->name, REMOTE_ADMIN_SERVER) == 0)
        return 0;
    virReportError(VIR_ERR_NO_SERVER, _("there is no server '%1$s', only '%2$s'"), srv->name,
                   REMOTE_ADMIN_SERVER);
    return -1;
}

static unsigned int
remoteAdminTransport(const virNetServerClientInfo *info)
{
    if (info->local)
        return ADMIN_CLIENT_TRANSPORT_UNIX;
    return info->encrypted ? ADMIN_CLIENT_TRANSPORT_TLS : ADMIN_CLIENT_TRANSPORT_TCP;
}

typedef struct {
    unsigned long long id;
    virNetServerClient *client; /* returns a reference, or NULL */
} remoteAdminFindRequest;

static void
remoteAdminFindInThread(void *opaque)
{
    remoteAdminFindRequest *request = opaque;
    virNetServerClient *client = virNetServerFindClient(remoteAdmin.server, request->id);

    if (client)
        request->client = virNetServerClientRef(client);
}

/* Returns a reference, or NULL with an error reported. */
static virNetServerClient *
remoteAdminFindClient(unsigned long long id)
{
    remoteAdminFindRequest request = { id, NULL };

    virIOLoopInvokeWait(remoteAdmin.loop, remoteAdminFindInThread, &request);
    if (!request.client)
        virReportError(VIR_ERR_NO_CLIENT, _("there is no client with ID %1$llu"), id);
    return request.client;
}

static void
remoteAdminClientToWire(virNetServerClient *client, admin_nonnull_client *wire)
{
    const virNetServerClientInfo *info = virNetServerClientGetInfo(client);

    wire->srv.name = g_strdup(REMOTE_ADMIN_SERVER);
    wire->id = virNetServerClientGetID(client);
    wire->timestamp = info->since;
    wire->transport = remoteAdminTransport(info);
}

/* --- limits --- */

/* The setting that isn't the server's, but the log's. */
#define REMOTE_ADMIN_LOG_LEVEL "log_level"

/* Returns 0, or -1 with an error reported: there is none of that name. */
static int
remoteAdminGetLimit(const char *name, remoteAdminLimit *limit)
{
    limit->name = name;
    if (strcmp(name, REMOTE_ADMIN_LOG_LEVEL) != 0)
        return remoteDaemonLimitsGet(remoteAdmin.limits, name, &limit->value, &limit->min,
                                     &limit->max);
    limit->value = virLogGetDefaultPriority();
    limit->min = VIR_LOG_DEBUG;
    limit->max = VIR_LOG_ERROR;
    return 0;
}

/* Of one that there is. */
static gint64
remoteAdminLimitValue(const char *name)
{
    remoteAdminLimit limit = { 0 };

    remoteAdminGetLimit(name, &limit);
    return limit.value;
}

GArray *
remoteAdminGetLimits(void)
{
    g_autofree const char **names = remoteDaemonConfigLimitNames();
    GArray *limits = g_array_new(FALSE, FALSE, sizeof(remoteAdminLimit));
    const char **name;
    remoteAdminLimit limit;

    for (name = names; *name; name++) {
        if (remoteAdminGetLimit(*name, &limit) == 0)
            g_array_append_val(limits, limit);
    }
    remoteAdminGetLimit(REMOTE_ADMIN_LOG_LEVEL, &limit);
    g_array_append_val(limits, limit);
    return limits;
}

/* Without a word. Returns 0, or -1 with an error reported. */
static int
remoteAdminSetLimit(const char *name, gint64 value)
{
    if (strcmp(name, REMOTE_ADMIN_LOG_LEVEL) == 0)
        return virLogSetDefaultPriority((virLogPriority)CLAMP(value, G_MININT, G_MAXINT));
    return remoteDaemonLimitsSet(remoteAdmin.limits, name, value);
}

int
remoteAdminSetLimits(virNetServerCall *call, const GArray *changes)
{
    g_autoptr(GArray) before = g_array_new(FALSE, FALSE, sizeof(remoteAdminLimit));
    virErrorPtr err = NULL;
    guint i;

    for (i = 0; i < changes->len; i++) {
        const remoteAdminLimit *change = &g_array_index(changes, remoteAdminLimit, i);
        remoteAdminLimit old;

        if (remoteAdminGetLimit(change->name, &old) < 0)
            break;
        remoteAdminLog(call, "sets %s from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                       change->name, old.value, change->value);
        if (remoteAdminSetLimit(change->name, change->value) < 0)
            break;
        g_array_append_val(before, old);
    }
    if (i == changes->len)
        return 0;
    virErrorPreserveLast(&err);
    remoteAdminLog(call, "is refused that: %s", err->message);
    while (before->len > 0) {
        const remoteAdminLimit *old = &g_array_index(before, remoteAdminLimit, before->len - 1);

        remoteAdminSetLimit(old->name, old->value);
        g_array_set_size(before, before->len - 1);
    }
    virErrorRestore(&err);
    return -1;
}

/* --- the connection --- */

static int
remoteAdminConnectOpen(virNetServerCall *call G_GNUC_UNUSED, void *opaque,
                       void *ret G_GNUC_UNUSED)
{
    unsigned int flags = ((admin_connect_open_args *)opaque)->flags;

    virCheckFlagsReturn(0, -1);
    return 0;
}

static int
remoteAdminConnectClose(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret G_GNUC_UNUSED)
{
    virNetServerClientCloseAfterReply(virNetServerCallGetClient(call));
    return 0;
}

static int
remoteAdminConnectGetLibVersion(virNetServerCall *call G_GNUC_UNUSED, void *args G_GNUC_UNUSED,
                                void *result)
{
    admin_connect_get_lib_version_ret *ret = result;

    ret->libVer = LIBVIR_VERSION_NUMBER;
    return 0;
}

/* --- servers --- */

static int
remoteAdminConnectListServers(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    admin_connect_list_servers_args *args = opaque;
    admin_connect_list_servers_ret *ret = result;
    unsigned int flags = args->flags;

    virCheckFlagsReturn(0, -1);
    ret->ret = 1;
    if (args->need_results) {
        ret->servers.servers_val = g_new0(admin_nonnull_server, 1);
        ret->servers.servers_len = 1;
        ret->servers.servers_val[0].name = g_strdup(REMOTE_ADMIN_SERVER);
    }
    return 0;
}

static int
remoteAdminConnectLookupServer(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    admin_connect_lookup_server_args *args = opaque;
    admin_connect_lookup_server_ret *ret = result;
    admin_nonnull_server wanted = { .name = args->name };

    if (remoteAdminCheckServer(&wanted, args->flags) < 0)
        return -1;
    ret->srv.name = g_strdup(REMOTE_ADMIN_SERVER);
    return 0;
}

static int
remoteAdminServerGetThreadpoolParameters(virNetServerCall *call G_GNUC_UNUSED, void *opaque,
                                         void *result)
{
    admin_server_get_threadpool_parameters_args *args = opaque;
    admin_server_get_threadpool_parameters_ret *ret = result;
    g_auto(remoteParams) params = { 0 };
    virNetServerStats stats;

    if (remoteAdminCheckServer(&args->srv, args->flags) < 0)
        return -1;
    virNetServerGetStats(remoteAdmin.server, &stats);
    /* Threads begin with the calls that need them. */
    remoteParamsAddUInt(&params, "minWorkers", 0);
    remoteParamsAddUInt(&params, "maxWorkers",
                        remoteAdminLimitValue("max_workers"));
    remoteParamsAddUInt(&params, "nWorkers", stats.workers);
    remoteParamsAddUInt(&params, "freeWorkers", stats.workers - MIN(stats.busyWorkers,
                                                                    stats.workers));
    remoteParamsAddUInt(&params, "prioWorkers",
                        remoteAdminLimitValue("prio_workers"));
    remoteParamsAddUInt(&params, "jobQueueDepth", stats.waitingCalls);
    remoteParamsSteal(&params, &ret->params.params_len, &ret->params.params_val);
    return 0;
}

/* A parameter of libvirt's, and the setting that it is here. */
typedef struct {
    const char *param;          /* NULL ends the list */
    const char *limit;
} remoteAdminSettable;

static const remoteAdminSettable remoteAdminThreadpoolSettables[] = {
    { "maxWorkers", "max_workers" },
    { "prioWorkers", "prio_workers" },
    { NULL, NULL },
};

static const remoteAdminSettable remoteAdminClientSettables[] = {
    { "nclients_max", "max_clients" },
    { "nclients_unauth_max", "max_anonymous_clients" },
    { NULL, NULL },
};

/* NULL with an error reported. */
static const char *
remoteAdminFindSettable(const remoteAdminSettable *settables, const char *param)
{
    for (; settables->param; settables++) {
        if (strcmp(settables->param, param) == 0)
            return settables->limit;
    }
    virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, _("parameter '%1$s' cannot be set"), param);
    return NULL;
}

/* What @params ask for (remoteAdminLimit); NULL with an error reported. */
static GArray *
remoteAdminReadChanges(const remoteAdminSettable *settables, const remote_typed_param *params,
                       size_t count)
{
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(remoteAdminLimit));
    size_t i;

    for (i = 0; i < count; i++) {
        remoteAdminLimit change = { 0 };

        if (!(change.name = remoteAdminFindSettable(settables, params[i].field)) ||
            remoteParamsGetNumber(&params[i], &change.value) < 0)
            return NULL;
        g_array_append_val(changes, change);
    }
    return g_steal_pointer(&changes);
}

static int
remoteAdminServerSetThreadpoolParameters(virNetServerCall *call, void *opaque,
                                         void *ret G_GNUC_UNUSED)
{
    admin_server_set_threadpool_parameters_args *args = opaque;
    g_autoptr(GArray) changes = NULL;

    if (remoteAdminCheckServer(&args->srv, args->flags) < 0 ||
        !(changes = remoteAdminReadChanges(remoteAdminThreadpoolSettables,
                                           args->params.params_val, args->params.params_len)))
        return -1;
    return remoteAdminSetLimits(call, changes);
}

static int
remoteAdminServerGetClientLimits(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    admin_server_get_client_limits_args *args = opaque;
    admin_server_get_client_limits_ret *ret = result;
    g_auto(remoteParams) params = { 0 };
    virNetServerStats stats;

    if (remoteAdminCheckServer(&args->srv, args->flags) < 0)
        return -1;
    virNetServerGetStats(remoteAdmin.server, &stats);
    remoteParamsAddUInt(&params, "nclients_max",
                        remoteAdminLimitValue("max_clients"));
    remoteParamsAddUInt(&params, "nclients", stats.clients);
    remoteParamsAddUInt(&params, "nclients_unauth_max",
                        remoteAdminLimitValue("max_anonymous_clients"));
    remoteParamsAddUInt(&params, "nclients_unauth", stats.anonymousClients);
    remoteParamsSteal(&params, &ret->params.params_len, &ret->params.params_val);
    return 0;
}

/* What @name will be. */
static gint64
remoteAdminValueAfter(const GArray *changes, const char *name)
{
    gint64 value = remoteAdminLimitValue(name);
    guint i;

    for (i = 0; i < changes->len; i++) {
        if (strcmp(g_array_index(changes, remoteAdminLimit, i).name, name) == 0)
            value = g_array_index(changes, remoteAdminLimit, i).value;
    }
    return value;
}

/* libvirt's program knows no users: one may have no more connections than there can be clients, and
 * whoever lowers that by it means both. */
static void
remoteAdminFitConnections(GArray *changes)
{
    remoteAdminLimit user = { .name = "max_user_connections" };

    user.value = remoteAdminValueAfter(changes, "max_clients");
    if (remoteAdminLimitValue(user.name) > user.value)
        g_array_prepend_val(changes, user);
}

static int
remoteAdminServerSetClientLimits(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    admin_server_set_client_limits_args *args = opaque;
    g_autoptr(GArray) changes = NULL;

    if (remoteAdminCheckServer(&args->srv, args->flags) < 0 ||
        !(changes = remoteAdminReadChanges(remoteAdminClientSettables, args->params.params_val,
                                           args->params.params_len)))
        return -1;
    /* As libvirtd: the second would never be reached. */
    if (remoteAdminValueAfter(changes, "max_anonymous_clients") >
        remoteAdminValueAfter(changes, "max_clients")) {
        virReportError(VIR_ERR_INVALID_ARG, "%s",
                       _("there cannot be more clients that are not authenticated than clients"));
        return -1;
    }
    remoteAdminFitConnections(changes);
    return remoteAdminSetLimits(call, changes);
}

static int
remoteAdminServerUpdateTLSFiles(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    admin_server_update_tls_files_args *args = opaque;

    if (remoteAdminCheckServer(&args->srv, args->flags) < 0)
        return -1;
    remoteAdminLog(call, "has the certificates read again");
    return remoteAdmin.updateTLS(remoteAdmin.opaque);
}

/* --- clients --- */

static void
remoteAdminCollectClient(virNetServerClient *client, void *opaque)
{
    g_ptr_array_add(opaque, virNetServerClientRef(client));
}

static void
remoteAdminCollectInThread(void *opaque)
{
    virNetServerForEachClient(remoteAdmin.server, remoteAdminCollectClient, opaque);
}

static int
remoteAdminServerListClients(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    admin_server_list_clients_args *args = opaque;
    admin_server_list_clients_ret *ret = result;
    g_autoptr(GPtrArray) clients = g_ptr_array_new_with_free_func(
        (GDestroyNotify)virNetServerClientUnref);
    guint i;

    if (remoteAdminCheckServer(&args->srv, args->flags) < 0)
        return -1;
    virIOLoopInvokeWait(remoteAdmin.loop, remoteAdminCollectInThread, clients);
    ret->ret = clients->len;
    if (!args->need_results)
        return 0;
    if (clients->len > ADMIN_CLIENT_LIST_MAX) {
        virReportError(VIR_ERR_OVERFLOW,
                       _("there are %1$u clients, and a list of libvirt's can have %2$d"),
                       clients->len, ADMIN_CLIENT_LIST_MAX);
        return -1;
    }
    ret->clients.clients_val = g_new0(admin_nonnull_client, MAX(clients->len, 1));
    ret->clients.clients_len = clients->len;
    for (i = 0; i < clients->len; i++)
        remoteAdminClientToWire(g_ptr_array_index(clients, i), &ret->clients.clients_val[i]);
    return 0;
}

static int
remoteAdminServerLookupClient(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    admin_server_lookup_client_args *args = opaque;
    admin_server_lookup_client_ret *ret = result;
    g_autoptr(virNetServerClient) client = NULL;

    if (remoteAdminCheckServer(&args->srv, args->flags) < 0 ||
        !(client = remoteAdminFindClient(args->id)))
        return -1;
    remoteAdminClientToWire(client, &ret->clnt);
    return 0;
}

static void
remoteAdminAddUserName(remoteParams *params, uid_t uid)
{
    g_autofree char *buffer = g_malloc(REMOTE_ADMIN_ENTRY_BYTES);
    struct passwd entry;
    struct passwd *found = NULL;

    if (getpwuid_r(uid, &entry, buffer, REMOTE_ADMIN_ENTRY_BYTES, &found) == 0 && found)
        remoteParamsAddString(params, "unix_user_name", found->pw_name);
}

static void
remoteAdminAddGroupName(remoteParams *params, gid_t gid)
{
    g_autofree char *buffer = g_malloc(REMOTE_ADMIN_ENTRY_BYTES);
    struct group entry;
    struct group *found = NULL;

    if (getgrgid_r(gid, &entry, buffer, REMOTE_ADMIN_ENTRY_BYTES, &found) == 0 && found)
        remoteParamsAddString(params, "unix_group_name", found->gr_name);
}

void
remoteAdminAddIdentity(remoteParams *params, virNetServerClient *client)
{
    const virNetServerClientInfo *info = virNetServerClientGetInfo(client);
    g_autoptr(virIdentity) identity = virNetServerClientGetIdentity(client);
    unsigned long long startTime;
    uid_t uid;
    gid_t gid;
    pid_t pid;

    remoteParamsAddBool(params, "readonly", virNetServerClientIsReadOnly(client));
    if (!info->local)
        remoteParamsAddString(params, "sock_addr", info->remoteAddress);
    remoteParamsAddString(params, "sasl_user_name", virIdentityGetSASLUserName(identity));
    remoteParamsAddString(params, "tls_x509_dname", virIdentityGetX509DName(identity));
    if (virIdentityGetUNIXUserID(identity, &uid)) {
        remoteParamsAddInt(params, "unix_user_id", uid);
        remoteAdminAddUserName(params, uid);
    }
    if (virIdentityGetUNIXGroupID(identity, &gid)) {
        remoteParamsAddInt(params, "unix_group_id", gid);
        remoteAdminAddGroupName(params, gid);
    }
    if (virIdentityGetProcess(identity, &pid, &startTime))
        remoteParamsAddInt(params, "unix_process_id", pid);
    remoteParamsAddString(params, "selinux_context", virIdentityGetSELinuxContext(identity));
}

static int
remoteAdminClientGetInfo(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    admin_client_get_info_args *args = opaque;
    admin_client_get_info_ret *ret = result;
    g_auto(remoteParams) params = { 0 };
    g_autoptr(virNetServerClient) client = NULL;

    if (remoteAdminCheckServer(&args->clnt.srv, args->flags) < 0 ||
        !(client = remoteAdminFindClient(args->clnt.id)))
        return -1;
    remoteAdminAddIdentity(&params, client);
    remoteParamsSteal(&params, &ret->params.params_len, &ret->params.params_val);
    return 0;
}

static int
remoteAdminClientClose(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    admin_client_close_args *args = opaque;
    g_autoptr(virNetServerClient) client = NULL;

    if (remoteAdminCheckServer(&args->clnt.srv, args->flags) < 0 ||
        !(client = remoteAdminFindClient(args->clnt.id)))
        return -1;
    remoteAdminLog(call, "disconnects client %llu", virNetServerClientGetID(client));
    virNetServerClientClose(client);
    return 0;
}

/* --- the log --- */

static int
remoteAdminConnectGetLoggingOutputs(virNetServerCall *call G_GNUC_UNUSED, void *opaque,
                                    void *result)
{
    unsigned int flags = ((admin_connect_get_logging_outputs_args *)opaque)->flags;
    admin_connect_get_logging_outputs_ret *ret = result;
    size_t count;

    virCheckFlagsReturn(0, -1);
    ret->outputs = virLogGetOutputs(&count);
    ret->noutputs = count;
    return 0;
}

static int
remoteAdminConnectGetLoggingFilters(virNetServerCall *call G_GNUC_UNUSED, void *opaque,
                                    void *result)
{
    unsigned int flags = ((admin_connect_get_logging_filters_args *)opaque)->flags;
    admin_connect_get_logging_filters_ret *ret = result;
    g_autofree char *filters = NULL;
    size_t count;

    virCheckFlagsReturn(0, -1);
    filters = virLogGetFilters(&count);
    ret->nfilters = count;
    if (count > 0) {
        ret->filters = g_new0(char *, 1);
        *ret->filters = g_steal_pointer(&filters);
    }
    return 0;
}

static int
remoteAdminConnectSetLoggingOutputs(virNetServerCall *call, void *opaque,
                                    void *ret G_GNUC_UNUSED)
{
    admin_connect_set_logging_outputs_args *args = opaque;
    const char *outputs = args->outputs ? *args->outputs : "";
    unsigned int flags = args->flags;

    virCheckFlagsReturn(0, -1);
    if (virLogCheckOutputs(outputs) < 0)
        return -1;
    remoteAdminLog(call, "sets the log's outputs to '%s'", outputs);
    return virLogParseOutputs(outputs);
}

static int
remoteAdminConnectSetLoggingFilters(virNetServerCall *call, void *opaque,
                                    void *ret G_GNUC_UNUSED)
{
    admin_connect_set_logging_filters_args *args = opaque;
    const char *filters = args->filters ? *args->filters : "";
    unsigned int flags = args->flags;

    virCheckFlagsReturn(0, -1);
    if (virLogCheckFilters(filters) < 0)
        return -1;
    remoteAdminLog(call, "sets the log's filters to '%s'", filters);
    return virLogParseFilters(filters);
}

/* --- the daemon --- */

static int
remoteAdminConnectSetDaemonTimeout(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    admin_connect_set_daemon_timeout_args *args = opaque;
    unsigned int flags = args->flags;

    virCheckFlagsReturn(0, -1);
    if (args->timeout > G_MAXINT / 1000) {
        virReportError(VIR_ERR_INVALID_ARG, _("timeout of %1$u seconds exceeds the limit of %2$d"),
                       args->timeout, G_MAXINT / 1000);
        return -1;
    }
    remoteAdminLog(call, "sets the timeout to %u s", args->timeout);
    remoteAdmin.setTimeout(args->timeout, remoteAdmin.opaque);
    return 0;
}

/* --- the table --- */

#define INLINE VIR_NET_SERVER_PROC_INLINE
#define WORKER 0
#define ARGS(name) (xdrproc_t)xdr_##name##_args, sizeof(name##_args)
#define RET(name) (xdrproc_t)xdr_##name##_ret, sizeof(name##_ret)
#define VOID NULL, 0
#define PROC(number, func, args, ret, flags) { number, #number, func, args, ret, flags, NULL }

static const virNetServerProc remoteAdminProcs[] = {
    PROC(ADMIN_PROC_CONNECT_OPEN, remoteAdminConnectOpen,
         ARGS(admin_connect_open), VOID, INLINE),
    PROC(ADMIN_PROC_CONNECT_CLOSE, remoteAdminConnectClose,
         VOID, VOID, INLINE),
    PROC(ADMIN_PROC_CONNECT_GET_LIB_VERSION, remoteAdminConnectGetLibVersion,
         VOID, RET(admin_connect_get_lib_version), INLINE),
    PROC(ADMIN_PROC_CONNECT_LIST_SERVERS, remoteAdminConnectListServers,
         ARGS(admin_connect_list_servers), RET(admin_connect_list_servers), INLINE),
    PROC(ADMIN_PROC_CONNECT_LOOKUP_SERVER, remoteAdminConnectLookupServer,
         ARGS(admin_connect_lookup_server), RET(admin_connect_lookup_server), INLINE),
    PROC(ADMIN_PROC_SERVER_GET_THREADPOOL_PARAMETERS, remoteAdminServerGetThreadpoolParameters,
         ARGS(admin_server_get_threadpool_parameters),
         RET(admin_server_get_threadpool_parameters), WORKER),
    PROC(ADMIN_PROC_SERVER_SET_THREADPOOL_PARAMETERS, remoteAdminServerSetThreadpoolParameters,
         ARGS(admin_server_set_threadpool_parameters), VOID, WORKER),
    PROC(ADMIN_PROC_SERVER_LIST_CLIENTS, remoteAdminServerListClients,
         ARGS(admin_server_list_clients), RET(admin_server_list_clients), WORKER),
    PROC(ADMIN_PROC_SERVER_LOOKUP_CLIENT, remoteAdminServerLookupClient,
         ARGS(admin_server_lookup_client), RET(admin_server_lookup_client), WORKER),
    PROC(ADMIN_PROC_CLIENT_GET_INFO, remoteAdminClientGetInfo,
         ARGS(admin_client_get_info), RET(admin_client_get_info), WORKER),
    PROC(ADMIN_PROC_CLIENT_CLOSE, remoteAdminClientClose,
         ARGS(admin_client_close), VOID, WORKER),
    PROC(ADMIN_PROC_SERVER_GET_CLIENT_LIMITS, remoteAdminServerGetClientLimits,
         ARGS(admin_server_get_client_limits), RET(admin_server_get_client_limits), WORKER),
    PROC(ADMIN_PROC_SERVER_SET_CLIENT_LIMITS, remoteAdminServerSetClientLimits,
         ARGS(admin_server_set_client_limits), VOID, WORKER),
    PROC(ADMIN_PROC_CONNECT_GET_LOGGING_OUTPUTS, remoteAdminConnectGetLoggingOutputs,
         ARGS(admin_connect_get_logging_outputs), RET(admin_connect_get_logging_outputs), WORKER),
    PROC(ADMIN_PROC_CONNECT_GET_LOGGING_FILTERS, remoteAdminConnectGetLoggingFilters,
         ARGS(admin_connect_get_logging_filters), RET(admin_connect_get_logging_filters), WORKER),
    PROC(ADMIN_PROC_CONNECT_SET_LOGGING_OUTPUTS, remoteAdminConnectSetLoggingOutputs,
         ARGS(admin_connect_set_logging_outputs), VOID, WORKER),
    PROC(ADMIN_PROC_CONNECT_SET_LOGGING_FILTERS, remoteAdminConnectSetLoggingFilters,
         ARGS(admin_connect_set_logging_filters), VOID, WORKER),
    PROC(ADMIN_PROC_SERVER_UPDATE_TLS_FILES, remoteAdminServerUpdateTLSFiles,
         ARGS(admin_server_update_tls_files), VOID, WORKER),
    PROC(ADMIN_PROC_CONNECT_SET_DAEMON_TIMEOUT, remoteAdminConnectSetDaemonTimeout,
         ARGS(admin_connect_set_daemon_timeout), VOID, WORKER),
};

const virNetServerProgram remoteAdminProgram = {
    .program = ADMIN_PROGRAM,
    .version = ADMIN_PROTOCOL_VERSION,
    .name = "admin",
    .procs = remoteAdminProcs,
    .nprocs = G_N_ELEMENTS(remoteAdminProcs),
};
