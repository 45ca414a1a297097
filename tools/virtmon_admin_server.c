/*
 * virtmon_admin_server.c: the commands that virt-admin has: servers, their clients, the log
 *
 * They do the same with libvirt's daemons. Names, options and output are virt-admin's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_admin.h"

#include <string.h>

#include "admin_protocol.h"

/* Columns for the names of parameters. */
#define VIRTMON_ADMIN_WIDTH 15
#define VIRTMON_ADMIN_LIMITS_WIDTH 20

static int
virtmonAdminCall(vshControl *ctl, int procedure, const void *args, void *ret)
{
    return remoteAdminClientCall(virtmonAdminGet(ctl)->client, procedure, args, ret);
}

/* --- finding a server, and a client of it --- */

/* Whether there is such a server; false with the error set or printed. */
static bool
virtmonAdminFindServer(vshControl *ctl, const vshCmd *cmd, admin_nonnull_server *srv)
{
    admin_connect_lookup_server_args args = { 0 };
    admin_connect_lookup_server_ret ret = { 0 };
    const char *name;

    if (vshCmdGetString(ctl, cmd, "server", &name) < 0)
        return false;
    args.name = (char *)name;
    if (virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_LOOKUP_SERVER, &args, &ret) < 0)
        return false;
    xdr_free((xdrproc_t)xdr_admin_connect_lookup_server_ret, &ret);
    srv->name = (char *)name;       /* the command's */
    return true;
}

/* @found is to be freed by xdr_free(). False with the error set or printed. */
static bool
virtmonAdminFindClient(vshControl *ctl, const vshCmd *cmd, admin_server_lookup_client_ret *found)
{
    admin_server_lookup_client_args args = { 0 };
    guint64 id;

    if (virtmonAdminCmdGetID(ctl, cmd, "client", &id) < 0 ||
        !virtmonAdminFindServer(ctl, cmd, &args.srv))
        return false;
    args.id = id;
    return virtmonAdminCall(ctl, ADMIN_PROC_SERVER_LOOKUP_CLIENT, &args, found) == 0;
}

/* The time as virt-admin shows it. The caller frees it. */
static char *
virtmonAdminFormatTime(gint64 seconds)
{
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(seconds);

    return when ? g_date_time_format(when, "%Y-%m-%d %H:%M:%S%z") : g_strdup("-");
}

static const char *
virtmonAdminTransport(unsigned int transport)
{
    static const char *const names[] = {
        [ADMIN_CLIENT_TRANSPORT_UNIX] = "unix",
        [ADMIN_CLIENT_TRANSPORT_TCP] = "tcp",
        [ADMIN_CLIENT_TRANSPORT_TLS] = "tls",
    };

    return transport < G_N_ELEMENTS(names) ? names[transport] : _("unknown");
}

char **
virtmonAdminCompleteServer(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    admin_connect_list_servers_args args = { .need_results = 1 };
    admin_connect_list_servers_ret ret = { 0 };
    char **names;
    u_int i;

    if (!virtmonAdminGet(ctl)->client ||
        virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_LIST_SERVERS, &args, &ret) < 0)
        return NULL;
    names = g_new0(char *, ret.servers.servers_len + 1);
    for (i = 0; i < ret.servers.servers_len; i++)
        names[i] = g_strdup(ret.servers.servers_val[i].name);
    xdr_free((xdrproc_t)xdr_admin_connect_list_servers_ret, &ret);
    return names;
}

#define VIRTMON_ADMIN_OPT_SERVER(help) \
    { "server", VSH_OPT_STRING, VSH_OPT_REQUIRED, help, virtmonAdminCompleteServer }

/* --- server-list --- */

static bool
virtmonAdminCmdServerList(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    admin_connect_list_servers_args args = { .need_results = 1 };
    admin_connect_list_servers_ret ret = { 0 };
    g_autoptr(vshTable) table = NULL;
    u_int i;

    if (virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_LIST_SERVERS, &args, &ret) < 0) {
        vshError(ctl, "%s", _("failed to obtain list of available servers"));
        return false;
    }
    table = vshTableNew(_("Id"), _("Name"), NULL);
    for (i = 0; i < ret.servers.servers_len; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);

        vshTableAddRow(table, id, ret.servers.servers_val[i].name, NULL);
    }
    vshTablePrint(ctl, table, !vshIsQuiet(ctl));
    xdr_free((xdrproc_t)xdr_admin_connect_list_servers_ret, &ret);
    return true;
}

/* --- workers --- */

static const vshOptDef virtmonAdminThreadpoolInfoOptions[] = {
    VIRTMON_ADMIN_OPT_SERVER(N_("the server whose workers are shown")),
    { NULL },
};

static bool
virtmonAdminCmdThreadpoolInfo(vshControl *ctl, const vshCmd *cmd)
{
    admin_server_get_threadpool_parameters_args args = { 0 };
    admin_server_get_threadpool_parameters_ret ret = { 0 };

    if (!virtmonAdminFindServer(ctl, cmd, &args.srv))
        return false;
    if (virtmonAdminCall(ctl, ADMIN_PROC_SERVER_GET_THREADPOOL_PARAMETERS, &args, &ret) < 0) {
        vshError(ctl, "%s", _("Unable to get server workerpool parameters"));
        return false;
    }
    virtmonAdminPrintParams(ctl, ret.params.params_val, ret.params.params_len,
                            VIRTMON_ADMIN_WIDTH);
    xdr_free((xdrproc_t)xdr_admin_server_get_threadpool_parameters_ret, &ret);
    return true;
}

/* An option that is a parameter. */
typedef struct {
    const char *option;         /* NULL ends the list */
    const char *param;
} virtmonAdminOption;

/* Adds those that were given to @params. Returns how many these are, or -1 with the error printed. */
static int
virtmonAdminCollect(vshControl *ctl, const vshCmd *cmd, const virtmonAdminOption *options,
                    remote_typed_param *params)
{
    int count = 0;
    int value;

    for (; options->option; options++) {
        int rc = vshCmdGetInt(ctl, cmd, options->option, 0, G_MAXINT, &value);

        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        params[count].field = (char *)options->param;
        params[count].value.type = VIR_TYPED_PARAM_UINT;
        params[count++].value.remote_typed_param_value_u.ui = value;
    }
    return count;
}

static const vshOptDef virtmonAdminThreadpoolSetOptions[] = {
    VIRTMON_ADMIN_OPT_SERVER(N_("the server whose workers are meant")),
    { "min-workers", VSH_OPT_INT, VSH_OPT_BY_NAME,
      N_("how many there are at least (not with virtmond)"), NULL },
    { "max-workers", VSH_OPT_INT, VSH_OPT_BY_NAME, N_("how many there may be"), NULL },
    { "priority-workers", VSH_OPT_INT, VSH_OPT_BY_NAME,
      N_("how many more are kept for calls that take a moment only"), NULL },
    { NULL },
};

static bool
virtmonAdminCmdThreadpoolSet(vshControl *ctl, const vshCmd *cmd)
{
    static const virtmonAdminOption options[] = {
        { "max-workers", "maxWorkers" }, { "min-workers", "minWorkers" },
        { "priority-workers", "prioWorkers" }, { NULL, NULL },
    };
    remote_typed_param params[G_N_ELEMENTS(options)] = { 0 };
    admin_server_set_threadpool_parameters_args args = { .params.params_val = params };
    int count = virtmonAdminCollect(ctl, cmd, options, params);

    if (count < 0)
        return false;
    if (count == 0) {
        vshError(ctl, "%s", _("At least one of options --min-workers, --max-workers, "
                              "--priority-workers is mandatory"));
        return false;
    }
    if (!virtmonAdminFindServer(ctl, cmd, &args.srv))
        return false;
    args.params.params_len = count;
    if (virtmonAdminCall(ctl, ADMIN_PROC_SERVER_SET_THREADPOOL_PARAMETERS, &args, NULL) == 0)
        return true;
    vshError(ctl, "%s", _("Unable to change server workerpool parameters"));
    return false;
}

/* --- clients --- */

static const vshOptDef virtmonAdminClientListOptions[] = {
    VIRTMON_ADMIN_OPT_SERVER(N_("the server whose clients are listed")),
    { NULL },
};

static bool
virtmonAdminCmdClientList(vshControl *ctl, const vshCmd *cmd)
{
    admin_server_list_clients_args args = { .need_results = 1 };
    admin_server_list_clients_ret ret = { 0 };
    g_autoptr(vshTable) table = NULL;
    u_int i;

    if (!virtmonAdminFindServer(ctl, cmd, &args.srv))
        return false;
    if (virtmonAdminCall(ctl, ADMIN_PROC_SERVER_LIST_CLIENTS, &args, &ret) < 0) {
        vshError(ctl, "%s", _("failed to obtain list of connected clients"));
        return false;
    }
    table = vshTableNew(_("Id"), _("Transport"), _("Connected since"), NULL);
    for (i = 0; i < ret.clients.clients_len; i++) {
        const admin_nonnull_client *client = &ret.clients.clients_val[i];
        g_autofree char *id = g_strdup_printf("%llu", (unsigned long long)client->id);
        g_autofree char *since = virtmonAdminFormatTime(client->timestamp);

        vshTableAddRow(table, id, virtmonAdminTransport(client->transport), since, NULL);
    }
    vshTablePrint(ctl, table, !vshIsQuiet(ctl));
    xdr_free((xdrproc_t)xdr_admin_server_list_clients_ret, &ret);
    return true;
}

static const vshOptDef virtmonAdminClientInfoOptions[] = {
    VIRTMON_ADMIN_OPT_SERVER(N_("the server that the client is connected to")),
    { "client", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the client, by its ID"), NULL },
    { NULL },
};

static void
virtmonAdminPrintClient(vshControl *ctl, const admin_nonnull_client *client)
{
    g_autofree char *since = virtmonAdminFormatTime(client->timestamp);

    vshPrint(ctl, "%-15s: %llu\n", "id", (unsigned long long)client->id);
    vshPrint(ctl, "%-15s: %s\n", "connection_time", since);
    vshPrint(ctl, "%-15s: %s\n", "transport", virtmonAdminTransport(client->transport));
}

static bool
virtmonAdminCmdClientInfo(vshControl *ctl, const vshCmd *cmd)
{
    admin_server_lookup_client_ret found = { 0 };
    admin_client_get_info_args args = { 0 };
    admin_client_get_info_ret ret = { 0 };
    bool ok;

    if (!virtmonAdminFindClient(ctl, cmd, &found))
        return false;
    args.clnt = found.clnt;
    ok = virtmonAdminCall(ctl, ADMIN_PROC_CLIENT_GET_INFO, &args, &ret) == 0;
    if (ok) {
        virtmonAdminPrintClient(ctl, &found.clnt);
        virtmonAdminPrintParams(ctl, ret.params.params_val, ret.params.params_len,
                                VIRTMON_ADMIN_WIDTH);
    } else {
        vshError(ctl, "%s", _("failed to retrieve client identity information"));
    }
    xdr_free((xdrproc_t)xdr_admin_client_get_info_ret, &ret);
    xdr_free((xdrproc_t)xdr_admin_server_lookup_client_ret, &found);
    return ok;
}

static bool
virtmonAdminCmdClientDisconnect(vshControl *ctl, const vshCmd *cmd)
{
    admin_server_lookup_client_ret found = { 0 };
    admin_client_close_args args = { 0 };
    bool ok;

    if (!virtmonAdminFindClient(ctl, cmd, &found))
        return false;
    args.clnt = found.clnt;
    ok = virtmonAdminCall(ctl, ADMIN_PROC_CLIENT_CLOSE, &args, NULL) == 0;
    if (ok) {
        vshOmitEmptyLine(ctl);
        vshPrint(ctl, _("Client '%llu' disconnected\n"), (unsigned long long)found.clnt.id);
    } else {
        vshError(ctl, _("Failed to disconnect client '%llu'"), (unsigned long long)found.clnt.id);
    }
    xdr_free((xdrproc_t)xdr_admin_server_lookup_client_ret, &found);
    return ok;
}

/* --- limits of clients --- */

static const vshOptDef virtmonAdminClientsInfoOptions[] = {
    VIRTMON_ADMIN_OPT_SERVER(N_("the server whose limits are shown")),
    { NULL },
};

static bool
virtmonAdminCmdClientsInfo(vshControl *ctl, const vshCmd *cmd)
{
    admin_server_get_client_limits_args args = { 0 };
    admin_server_get_client_limits_ret ret = { 0 };

    if (!virtmonAdminFindServer(ctl, cmd, &args.srv))
        return false;
    if (virtmonAdminCall(ctl, ADMIN_PROC_SERVER_GET_CLIENT_LIMITS, &args, &ret) < 0) {
        vshError(ctl, "%s", _("Unable to retrieve client limits from server's configuration"));
        return false;
    }
    virtmonAdminPrintParams(ctl, ret.params.params_val, ret.params.params_len,
                            VIRTMON_ADMIN_LIMITS_WIDTH);
    xdr_free((xdrproc_t)xdr_admin_server_get_client_limits_ret, &ret);
    return true;
}

static const vshOptDef virtmonAdminClientsSetOptions[] = {
    VIRTMON_ADMIN_OPT_SERVER(N_("the server whose limits are meant")),
    { "max-clients", VSH_OPT_INT, VSH_OPT_BY_NAME, N_("how many clients there may be"), NULL },
    { "max-unauth-clients", VSH_OPT_INT, VSH_OPT_BY_NAME,
      N_("how many of them that have yet to prove who they are"), NULL },
    { NULL },
};

static bool
virtmonAdminCmdClientsSet(vshControl *ctl, const vshCmd *cmd)
{
    static const virtmonAdminOption options[] = {
        { "max-clients", "nclients_max" }, { "max-unauth-clients", "nclients_unauth_max" },
        { NULL, NULL },
    };
    remote_typed_param params[G_N_ELEMENTS(options)] = { 0 };
    admin_server_set_client_limits_args args = { .params.params_val = params };
    int count = virtmonAdminCollect(ctl, cmd, options, params);

    if (count < 0)
        return false;
    if (count == 0) {
        vshError(ctl, "%s", _("At least one of options --max-clients, --max-unauth-clients is "
                              "mandatory"));
        return false;
    }
    if (!virtmonAdminFindServer(ctl, cmd, &args.srv))
        return false;
    args.params.params_len = count;
    if (virtmonAdminCall(ctl, ADMIN_PROC_SERVER_SET_CLIENT_LIMITS, &args, NULL) == 0)
        return true;
    vshError(ctl, "%s", _("Unable to change server's client-related configuration limits"));
    return false;
}

/* --- certificates --- */

static const vshOptDef virtmonAdminUpdateTLSOptions[] = {
    VIRTMON_ADMIN_OPT_SERVER(N_("the server whose certificates are meant")),
    { NULL },
};

static bool
virtmonAdminCmdUpdateTLS(vshControl *ctl, const vshCmd *cmd)
{
    admin_server_update_tls_files_args args = { 0 };

    if (!virtmonAdminFindServer(ctl, cmd, &args.srv))
        return false;
    if (virtmonAdminCall(ctl, ADMIN_PROC_SERVER_UPDATE_TLS_FILES, &args, NULL) < 0) {
        vshError(ctl, "%s", _("Unable to update server's tls related files."));
        return false;
    }
    vshPrint(ctl, "%s\n", _("update tls related files succeed"));
    return true;
}

/* --- the log --- */

static const vshOptDef virtmonAdminLogFiltersOptions[] = {
    { "filters", VSH_OPT_STRING, VSH_OPT_EMPTY_OK,
      N_("what they are to be: LEVEL:NAME, separated by blanks; empty: none"), NULL },
    { NULL },
};

static bool
virtmonAdminPrintLogFilters(vshControl *ctl)
{
    admin_connect_get_logging_filters_args args = { 0 };
    admin_connect_get_logging_filters_ret ret = { 0 };
    g_autofree char *safe = NULL;

    if (virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_GET_LOGGING_FILTERS, &args, &ret) < 0) {
        vshError(ctl, "%s", _("Unable to get daemon logging filters information"));
        return false;
    }
    safe = vshSafe(ctl, ret.filters ? *ret.filters : "", false);
    vshPrintExtra(ctl, " %s", _("Logging filters: "));
    vshPrint(ctl, "%s\n", safe);
    xdr_free((xdrproc_t)xdr_admin_connect_get_logging_filters_ret, &ret);
    return true;
}

static bool
virtmonAdminCmdLogFilters(vshControl *ctl, const vshCmd *cmd)
{
    admin_connect_set_logging_filters_args args = { 0 };
    const char *filters = NULL;

    if (vshCmdGetString(ctl, cmd, "filters", &filters) == 0)
        return virtmonAdminPrintLogFilters(ctl);
    args.filters = (char **)&filters;
    if (virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_SET_LOGGING_FILTERS, &args, NULL) == 0)
        return true;
    vshError(ctl, "%s", _("Unable to change daemon logging settings"));
    return false;
}

static const vshOptDef virtmonAdminLogOutputsOptions[] = {
    { "outputs", VSH_OPT_STRING, VSH_OPT_EMPTY_OK,
      N_("what they are to be: LEVEL:stderr or LEVEL:file:PATH, separated by blanks; empty: the "
         "default"), NULL },
    { NULL },
};

static bool
virtmonAdminPrintLogOutputs(vshControl *ctl)
{
    admin_connect_get_logging_outputs_args args = { 0 };
    admin_connect_get_logging_outputs_ret ret = { 0 };
    g_autofree char *safe = NULL;

    if (virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_GET_LOGGING_OUTPUTS, &args, &ret) < 0) {
        vshError(ctl, "%s", _("Unable to get daemon logging outputs information"));
        return false;
    }
    safe = vshSafe(ctl, ret.outputs, false);
    vshPrintExtra(ctl, " %s", _("Logging outputs: "));
    vshPrint(ctl, "%s\n", safe);
    xdr_free((xdrproc_t)xdr_admin_connect_get_logging_outputs_ret, &ret);
    return true;
}

static bool
virtmonAdminCmdLogOutputs(vshControl *ctl, const vshCmd *cmd)
{
    admin_connect_set_logging_outputs_args args = { 0 };
    const char *outputs = NULL;

    if (vshCmdGetString(ctl, cmd, "outputs", &outputs) == 0)
        return virtmonAdminPrintLogOutputs(ctl);
    args.outputs = (char **)&outputs;
    if (virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_SET_LOGGING_OUTPUTS, &args, NULL) == 0)
        return true;
    vshError(ctl, "%s", _("Unable to change daemon logging settings"));
    return false;
}

/* --- the end of the daemon --- */

static const vshOptDef virtmonAdminTimeoutOptions[] = {
    { "timeout", VSH_OPT_INT, VSH_OPT_REQUIRED,
      N_("seconds without a client, after which it ends; 0: it stays"), NULL },
    { NULL },
};

static bool
virtmonAdminCmdTimeout(vshControl *ctl, const vshCmd *cmd)
{
    admin_connect_set_daemon_timeout_args args = { 0 };
    int seconds;

    if (vshCmdGetInt(ctl, cmd, "timeout", 0, G_MAXINT, &seconds) < 0)
        return false;
    args.timeout = seconds;
    return virtmonAdminCall(ctl, ADMIN_PROC_CONNECT_SET_DAEMON_TIMEOUT, &args, NULL) == 0;
}

/* --- what there is; those that are hidden are what virt-admin called them once --- */

#define VIRTMON_ADMIN_COMMAND(name, older, run, options, help, description) \
    { name, run, options, help, description, 0 }, \
    { older, run, options, help, description, VSH_CMD_HIDDEN }

const vshCmdDef virtmonAdminMonitorCommands[] = {
    VIRTMON_ADMIN_COMMAND("server-list", "srv-list", virtmonAdminCmdServerList, NULL,
                          N_("list the servers of the daemon"), NULL),
    VIRTMON_ADMIN_COMMAND("server-threadpool-info", "srv-threadpool-info",
                          virtmonAdminCmdThreadpoolInfo, virtmonAdminThreadpoolInfoOptions,
                          N_("show a server's workers"),
                          N_("Shows how many threads there are for calls that may wait, and may "
                             "be.")),
    VIRTMON_ADMIN_COMMAND("client-list", "srv-clients-list", virtmonAdminCmdClientList,
                          virtmonAdminClientListOptions, N_("list a server's clients"), NULL),
    { "client-info", virtmonAdminCmdClientInfo, virtmonAdminClientInfoOptions,
      N_("show who a client is"), NULL, 0 },
    VIRTMON_ADMIN_COMMAND("server-clients-info", "srv-clients-info", virtmonAdminCmdClientsInfo,
                          virtmonAdminClientsInfoOptions,
                          N_("show how many clients there are and may be"), NULL),
    { NULL },
};

const vshCmdDef virtmonAdminManagementCommands[] = {
    VIRTMON_ADMIN_COMMAND("server-threadpool-set", "srv-threadpool-set",
                          virtmonAdminCmdThreadpoolSet, virtmonAdminThreadpoolSetOptions,
                          N_("change how many workers a server may have"), NULL),
    { "client-disconnect", virtmonAdminCmdClientDisconnect, virtmonAdminClientInfoOptions,
      N_("close a client's connection"), NULL, 0 },
    VIRTMON_ADMIN_COMMAND("server-clients-set", "srv-clients-set", virtmonAdminCmdClientsSet,
                          virtmonAdminClientsSetOptions,
                          N_("change how many clients a server may have"), NULL),
    VIRTMON_ADMIN_COMMAND("server-update-tls", "srv-update-tls", virtmonAdminCmdUpdateTLS,
                          virtmonAdminUpdateTLSOptions, N_("read the certificates again"),
                          N_("Clients that come from now on see what the files say now.")),
    { "daemon-log-filters", virtmonAdminCmdLogFilters, virtmonAdminLogFiltersOptions,
      N_("show or change what is logged of which part"),
      N_("Without --filters shows those in force."), 0 },
    { "daemon-log-outputs", virtmonAdminCmdLogOutputs, virtmonAdminLogOutputsOptions,
      N_("show or change where is logged to"), N_("Without --outputs shows those in force."), 0 },
    { "daemon-timeout", virtmonAdminCmdTimeout, virtmonAdminTimeoutOptions,
      N_("change after how long without a client the daemon ends"), NULL, 0 },
    { NULL },
};
