/*
 * remote_call.c: the procedures that the client calls, as tables
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_call.h"

#include "qemu_protocol.h"
#include "remote_protocol.h"

typedef struct {
    bool known;
    xdrproc_t argFilter;        /* NULL: no arguments */
    xdrproc_t retFilter;        /* NULL: no result */
    size_t retSize;
} remoteProc;

#define REMOTE_PROC_NONE { true, NULL, NULL, 0 }
#define REMOTE_PROC_ARGS(name) { true, (xdrproc_t)xdr_##name##_args, NULL, 0 }
#define REMOTE_PROC_RET(name) \
    { true, NULL, (xdrproc_t)xdr_##name##_ret, sizeof(name##_ret) }
#define REMOTE_PROC_BOTH(name) \
    { true, (xdrproc_t)xdr_##name##_args, (xdrproc_t)xdr_##name##_ret, sizeof(name##_ret) }

/* By number. */
static const remoteProc remoteProcs[] = {
    [REMOTE_PROC_CONNECT_OPEN] = REMOTE_PROC_ARGS(remote_connect_open),
    [REMOTE_PROC_CONNECT_CLOSE] = REMOTE_PROC_NONE,
    [REMOTE_PROC_CONNECT_GET_TYPE] = REMOTE_PROC_RET(remote_connect_get_type),
    [REMOTE_PROC_CONNECT_GET_VERSION] = REMOTE_PROC_RET(remote_connect_get_version),
    [REMOTE_PROC_CONNECT_GET_CAPABILITIES] = REMOTE_PROC_RET(remote_connect_get_capabilities),
    [REMOTE_PROC_DOMAIN_DESTROY] = REMOTE_PROC_ARGS(remote_domain_destroy),
    [REMOTE_PROC_DOMAIN_GET_XML_DESC] = REMOTE_PROC_BOTH(remote_domain_get_xml_desc),
    [REMOTE_PROC_DOMAIN_SET_METADATA] = REMOTE_PROC_ARGS(remote_domain_set_metadata),
    [REMOTE_PROC_DOMAIN_GET_METADATA] = REMOTE_PROC_BOTH(remote_domain_get_metadata),
    [REMOTE_PROC_DOMAIN_GET_INFO] = REMOTE_PROC_BOTH(remote_domain_get_info),
    [REMOTE_PROC_DOMAIN_GET_OS_TYPE] = REMOTE_PROC_BOTH(remote_domain_get_os_type),
    [REMOTE_PROC_CONNECT_LIST_DEFINED_DOMAINS] =
        REMOTE_PROC_BOTH(remote_connect_list_defined_domains),
    [REMOTE_PROC_DOMAIN_LOOKUP_BY_ID] = REMOTE_PROC_BOTH(remote_domain_lookup_by_id),
    [REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME] = REMOTE_PROC_BOTH(remote_domain_lookup_by_name),
    [REMOTE_PROC_DOMAIN_LOOKUP_BY_UUID] = REMOTE_PROC_BOTH(remote_domain_lookup_by_uuid),
    [REMOTE_PROC_CONNECT_NUM_OF_DEFINED_DOMAINS] =
        REMOTE_PROC_RET(remote_connect_num_of_defined_domains),
    [REMOTE_PROC_DOMAIN_REBOOT] = REMOTE_PROC_ARGS(remote_domain_reboot),
    [REMOTE_PROC_DOMAIN_RESUME] = REMOTE_PROC_ARGS(remote_domain_resume),
    [REMOTE_PROC_DOMAIN_SHUTDOWN] = REMOTE_PROC_ARGS(remote_domain_shutdown),
    [REMOTE_PROC_DOMAIN_SUSPEND] = REMOTE_PROC_ARGS(remote_domain_suspend),
    [REMOTE_PROC_CONNECT_LIST_DOMAINS] = REMOTE_PROC_BOTH(remote_connect_list_domains),
    [REMOTE_PROC_CONNECT_NUM_OF_DOMAINS] = REMOTE_PROC_RET(remote_connect_num_of_domains),
    [REMOTE_PROC_CONNECT_GET_HOSTNAME] = REMOTE_PROC_RET(remote_connect_get_hostname),
    [REMOTE_PROC_CONNECT_SUPPORTS_FEATURE] = REMOTE_PROC_BOTH(remote_connect_supports_feature),
    [REMOTE_PROC_AUTH_LIST] = REMOTE_PROC_RET(remote_auth_list),
    [REMOTE_PROC_AUTH_SASL_INIT] = REMOTE_PROC_RET(remote_auth_sasl_init),
    [REMOTE_PROC_AUTH_SASL_START] = REMOTE_PROC_BOTH(remote_auth_sasl_start),
    [REMOTE_PROC_AUTH_SASL_STEP] = REMOTE_PROC_BOTH(remote_auth_sasl_step),
    [REMOTE_PROC_AUTH_POLKIT] = REMOTE_PROC_RET(remote_auth_polkit),
    [REMOTE_PROC_CONNECT_GET_URI] = REMOTE_PROC_RET(remote_connect_get_uri),
    [REMOTE_PROC_CONNECT_IS_SECURE] = REMOTE_PROC_RET(remote_connect_is_secure),
    [REMOTE_PROC_DOMAIN_IS_ACTIVE] = REMOTE_PROC_BOTH(remote_domain_is_active),
    [REMOTE_PROC_DOMAIN_IS_PERSISTENT] = REMOTE_PROC_BOTH(remote_domain_is_persistent),
    [REMOTE_PROC_CONNECT_GET_LIB_VERSION] = REMOTE_PROC_RET(remote_connect_get_lib_version),
    [REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER_ANY] =
        REMOTE_PROC_ARGS(remote_connect_domain_event_register_any),
    [REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER_ANY] =
        REMOTE_PROC_ARGS(remote_connect_domain_event_deregister_any),
    [REMOTE_PROC_DOMAIN_IS_UPDATED] = REMOTE_PROC_BOTH(remote_domain_is_updated),
    [REMOTE_PROC_DOMAIN_GET_STATE] = REMOTE_PROC_BOTH(remote_domain_get_state),
    [REMOTE_PROC_DOMAIN_DESTROY_FLAGS] = REMOTE_PROC_ARGS(remote_domain_destroy_flags),
    [REMOTE_PROC_DOMAIN_RESET] = REMOTE_PROC_ARGS(remote_domain_reset),
    [REMOTE_PROC_DOMAIN_SHUTDOWN_FLAGS] = REMOTE_PROC_ARGS(remote_domain_shutdown_flags),
    [REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS] = REMOTE_PROC_BOTH(remote_connect_list_all_domains),
    [REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY] =
        REMOTE_PROC_BOTH(remote_connect_domain_event_callback_register_any),
    [REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY] =
        REMOTE_PROC_ARGS(remote_connect_domain_event_callback_deregister_any),
    [REMOTE_PROC_CONNECT_REGISTER_CLOSE_CALLBACK] = REMOTE_PROC_NONE,
    [REMOTE_PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK] = REMOTE_PROC_NONE,
};

static const remoteProc remoteQemuProcs[] = {
    [QEMU_PROC_DOMAIN_MONITOR_COMMAND] = REMOTE_PROC_BOTH(qemu_domain_monitor_command),
    [QEMU_PROC_DOMAIN_ATTACH] = REMOTE_PROC_BOTH(qemu_domain_attach),
    [QEMU_PROC_DOMAIN_AGENT_COMMAND] = REMOTE_PROC_BOTH(qemu_domain_agent_command),
    [QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER] =
        REMOTE_PROC_BOTH(qemu_connect_domain_monitor_event_register),
    [QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER] =
        REMOTE_PROC_ARGS(qemu_connect_domain_monitor_event_deregister),
    [QEMU_PROC_DOMAIN_MONITOR_COMMAND_WITH_FILES] =
        REMOTE_PROC_BOTH(qemu_domain_monitor_command_with_files),
};

static int
remoteCallProc(virNetClient *client, unsigned int program, unsigned int version,
               const remoteProc *proc, int procedure, const void *args, void *ret,
               virNetClientCallData *extra)
{
    virNetClientCallData call = { 0 };
    int rc;

    g_assert(proc->known && !args == !proc->argFilter && !ret == !proc->retFilter);
    if (extra)
        call = *extra;
    call.program = program;
    call.version = version;
    call.procedure = procedure;
    call.argFilter = proc->argFilter;
    call.args = args;
    call.retFilter = proc->retFilter;
    call.ret = ret;
    call.retSize = proc->retSize;
    rc = virNetClientCall(client, &call);
    if (extra) {
        extra->retFDs = call.retFDs;
        extra->nretFDs = call.nretFDs;
    }
    return rc;
}

int
remoteCallWith(virNetClient *client, int procedure, const void *args, void *ret,
               virNetClientCallData *extra)
{
    return remoteCallProc(client, REMOTE_PROGRAM, REMOTE_PROTOCOL_VERSION,
                          &remoteProcs[procedure], procedure, args, ret, extra);
}

int
remoteCall(virNetClient *client, int procedure, const void *args, void *ret)
{
    return remoteCallWith(client, procedure, args, ret, NULL);
}

int
remoteCallQemuWith(virNetClient *client, int procedure, const void *args, void *ret,
                   virNetClientCallData *extra)
{
    return remoteCallProc(client, QEMU_PROGRAM, QEMU_PROTOCOL_VERSION,
                          &remoteQemuProcs[procedure], procedure, args, ret, extra);
}

int
remoteCallQemu(virNetClient *client, int procedure, const void *args, void *ret)
{
    return remoteCallQemuWith(client, procedure, args, ret, NULL);
}

void
remoteCallFree(int procedure, void *ret)
{
    xdr_free(remoteProcs[procedure].retFilter, ret);
}

void
remoteCallQemuFree(int procedure, void *ret)
{
    xdr_free(remoteQemuProcs[procedure].retFilter, ret);
}
