/*
 * remote_admin_client.c: the administrator's end of a connection to a daemon's admin socket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_admin_client.h"

#include <string.h>

#include "admin_protocol.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virnetclient.h"
#include "virtmon_admin_protocol.h"
#include "viruri.h"

#define VIR_FROM_THIS VIR_FROM_ADMIN

struct _remoteAdminClient {
    virNetClient *client;
};

/* --- where it is --- */

/* The daemons that don't call their socket after themselves, in a folder of that name. */
static const struct {
    const char *scheme;
    const char *folder;
    const char *socket;
} remoteAdminDaemons[] = {
    { "virtmond", "virtmon", "virtmon-admin-sock" },
    { "libvirtd", "libvirt", "libvirt-admin-sock" },
};

static char *
remoteAdminClientDefaultPath(const virURI *uri, const char *base)
{
    g_autofree char *socket = g_strconcat(uri->scheme, "-admin-sock", NULL);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteAdminDaemons); i++) {
        if (strcmp(uri->scheme, remoteAdminDaemons[i].scheme) == 0)
            return g_build_filename(base, remoteAdminDaemons[i].folder,
                                    remoteAdminDaemons[i].socket, NULL);
    }
    return g_build_filename(base, "libvirt", socket, NULL);
}

char *
remoteAdminClientPath(const char *where)
{
    g_autoptr(virURI) uri = NULL;
    const char *socket;

    if (*where == '/')
        return g_strdup(where);
    if (!(uri = virURIParse(where)))
        return NULL;
    if (!uri->scheme || uri->server || !uri->path ||
        (strcmp(uri->path, "/system") != 0 && strcmp(uri->path, "/session") != 0)) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("'%1$s' is neither a path nor a URI such as virtmond:///system"), where);
        return NULL;
    }
    if ((socket = virURIGetParam(uri, "socket")))
        return g_strdup(socket);
    return remoteAdminClientDefaultPath(uri, strcmp(uri->path, "/system") == 0 ?
                                        "/run" : g_get_user_runtime_dir());
}

/* --- the connection --- */

static const virNetClientProgram remoteAdminClientPrograms[] = {
    { ADMIN_PROGRAM, ADMIN_PROTOCOL_VERSION },
    { VIRTMON_ADMIN_PROGRAM, VIRTMON_ADMIN_PROTOCOL_VERSION },
    { 0, 0 },
};

/* Nobody sends events there. */
static const virNetClientFuncs remoteAdminClientFuncs = { .event = NULL };

remoteAdminClient *
remoteAdminClientNew(const char *path)
{
    admin_connect_open_args args = { .flags = 0 };
    virNetSocket *sock = virNetSocketNewConnectUNIX(path);
    g_autoptr(remoteAdminClient) client = NULL;

    if (!sock)
        return NULL;
    client = g_new0(remoteAdminClient, 1);
    client->client = virNetClientNew(sock, remoteAdminClientPrograms, &remoteAdminClientFuncs,
                                     client);
    if (!client->client ||
        remoteAdminClientCall(client, ADMIN_PROC_CONNECT_OPEN, &args, NULL) < 0)
        return NULL;
    return g_steal_pointer(&client);
}

void
remoteAdminClientFree(remoteAdminClient *client)
{
    if (!client)
        return;
    virNetClientFree(client->client);
    g_free(client);
}

bool
remoteAdminClientIsOpen(remoteAdminClient *client)
{
    return virNetClientIsOpen(client->client);
}

/* --- calls --- */

typedef struct {
    xdrproc_t argFilter;        /* NULL: no arguments */
    xdrproc_t retFilter;        /* NULL: no return value */
    size_t retSize;
} remoteAdminClientProc;

#define NONE { NULL, NULL, 0 }
#define ARGS(name) { (xdrproc_t)xdr_##name##_args, NULL, 0 }
#define RET(name) { NULL, (xdrproc_t)xdr_##name##_ret, sizeof(name##_ret) }
#define BOTH(name) { (xdrproc_t)xdr_##name##_args, (xdrproc_t)xdr_##name##_ret, sizeof(name##_ret) }

/* By number. */
static const remoteAdminClientProc remoteAdminClientProcs[] = {
    [ADMIN_PROC_CONNECT_OPEN] = ARGS(admin_connect_open),
    [ADMIN_PROC_CONNECT_CLOSE] = NONE,
    [ADMIN_PROC_CONNECT_GET_LIB_VERSION] = RET(admin_connect_get_lib_version),
    [ADMIN_PROC_CONNECT_LIST_SERVERS] = BOTH(admin_connect_list_servers),
    [ADMIN_PROC_CONNECT_LOOKUP_SERVER] = BOTH(admin_connect_lookup_server),
    [ADMIN_PROC_SERVER_GET_THREADPOOL_PARAMETERS] = BOTH(admin_server_get_threadpool_parameters),
    [ADMIN_PROC_SERVER_SET_THREADPOOL_PARAMETERS] = ARGS(admin_server_set_threadpool_parameters),
    [ADMIN_PROC_SERVER_LIST_CLIENTS] = BOTH(admin_server_list_clients),
    [ADMIN_PROC_SERVER_LOOKUP_CLIENT] = BOTH(admin_server_lookup_client),
    [ADMIN_PROC_CLIENT_GET_INFO] = BOTH(admin_client_get_info),
    [ADMIN_PROC_CLIENT_CLOSE] = ARGS(admin_client_close),
    [ADMIN_PROC_SERVER_GET_CLIENT_LIMITS] = BOTH(admin_server_get_client_limits),
    [ADMIN_PROC_SERVER_SET_CLIENT_LIMITS] = ARGS(admin_server_set_client_limits),
    [ADMIN_PROC_CONNECT_GET_LOGGING_OUTPUTS] = BOTH(admin_connect_get_logging_outputs),
    [ADMIN_PROC_CONNECT_GET_LOGGING_FILTERS] = BOTH(admin_connect_get_logging_filters),
    [ADMIN_PROC_CONNECT_SET_LOGGING_OUTPUTS] = ARGS(admin_connect_set_logging_outputs),
    [ADMIN_PROC_CONNECT_SET_LOGGING_FILTERS] = ARGS(admin_connect_set_logging_filters),
    [ADMIN_PROC_SERVER_UPDATE_TLS_FILES] = ARGS(admin_server_update_tls_files),
    [ADMIN_PROC_CONNECT_SET_DAEMON_TIMEOUT] = ARGS(admin_connect_set_daemon_timeout),
};

static const remoteAdminClientProc remoteAdminClientOwnProcs[] = {
    [VIRTMON_ADMIN_PROC_LIST_CLIENTS] = BOTH(virtmon_admin_list_clients),
    [VIRTMON_ADMIN_PROC_LIST_USERS] = BOTH(virtmon_admin_list_users),
    [VIRTMON_ADMIN_PROC_LIST_REGISTRATIONS] = BOTH(virtmon_admin_list_registrations),
    [VIRTMON_ADMIN_PROC_LIST_DOMAINS] = BOTH(virtmon_admin_list_domains),
    [VIRTMON_ADMIN_PROC_LIST_LIMITS] = BOTH(virtmon_admin_list_limits),
    [VIRTMON_ADMIN_PROC_SET_LIMITS] = ARGS(virtmon_admin_set_limits),
    [VIRTMON_ADMIN_PROC_GET_STATS] = BOTH(virtmon_admin_get_stats),
};

static int
remoteAdminClientCallProc(remoteAdminClient *client, const virNetClientProgram *program,
                          const remoteAdminClientProc *proc, int procedure, const void *args,
                          void *ret)
{
    virNetClientCallData call = {
        .program = program->program, .version = program->version, .procedure = procedure,
        .argFilter = proc->argFilter, .args = args,
        .retFilter = proc->retFilter, .ret = ret, .retSize = proc->retSize,
    };

    g_assert(!args == !proc->argFilter && !ret == !proc->retFilter);
    return virNetClientCall(client->client, &call);
}

int
remoteAdminClientCall(remoteAdminClient *client, int procedure, const void *args, void *ret)
{
    return remoteAdminClientCallProc(client, &remoteAdminClientPrograms[0],
                                     &remoteAdminClientProcs[procedure], procedure, args, ret);
}

int
remoteAdminClientCallOwn(remoteAdminClient *client, int procedure, const void *args, void *ret)
{
    return remoteAdminClientCallProc(client, &remoteAdminClientPrograms[1],
                                     &remoteAdminClientOwnProcs[procedure], procedure, args, ret);
}
