/*
 * remote_daemon_typed.c: domain events as the messages that clients get
 *
 * A callback for each kind, as a domain event's arguments come in no other way. What is
 * made of them does not depend on who gets it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_typed.h"

#include <libvirt/libvirt.h>

#include "remote_priv.h"
#include "remote_protocol.h"
#include "virerror_priv.h"
#include "virlog.h"

VIR_LOG_INIT("remote.daemon_typed");

/* Encodes @msg, or for a client that wants messages without a number @oldMsg, and sends it. */
static void
remoteTypedSend(const remoteTypedTarget *target, int procedure, int oldProcedure,
                xdrproc_t filter, xdrproc_t oldFilter, void *msg, void *oldMsg)
{
    g_autoptr(virNetEvent) event =
        virNetEventNew(REMOTE_PROGRAM, REMOTE_PROTOCOL_VERSION,
                       target->numbered ? procedure : oldProcedure, target->numbered,
                       target->numbered ? filter : oldFilter, target->numbered ? msg : oldMsg);

    if (event) {
        target->send(event, target->opaque);
        return;
    }
    VIR_WARN("a domain event is lost: %s", virErrorLastMessage());
    virResetLastError();
}

/* What the callbacks below have in common: they put what they get into the message of their kind,
 * whose texts stay whose they are. Kinds that have an older message too have its body in the newer
 * one, as a member of its own. */
#define REMOTE_TYPED_SEND(kind, KIND, msg) \
    remoteTypedSend(opaque, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_##KIND, \
                    REMOTE_PROC_DOMAIN_EVENT_##KIND, \
                    (xdrproc_t)xdr_remote_domain_event_callback_##kind##_msg, \
                    (xdrproc_t)xdr_remote_domain_event_##kind##_msg, &(msg), &(msg).msg)
/* Kinds that are newer have no other message. */
#define REMOTE_TYPED_SEND_NEW(kind, KIND, message) \
    remoteTypedSend(opaque, REMOTE_PROC_DOMAIN_EVENT_##KIND, 0, \
                    (xdrproc_t)xdr_remote_domain_event_##kind##_msg, NULL, &(message), NULL)

static int
remoteTypedLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int event, int detail,
                     void *opaque)
{
    remote_domain_event_callback_lifecycle_msg msg = { .msg = { .event = event,
                                                                .detail = detail } };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(lifecycle, LIFECYCLE, msg);
    return 0;
}

static void
remoteTypedReboot(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, void *opaque)
{
    remote_domain_event_callback_reboot_msg msg = { 0 };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(reboot, REBOOT, msg);
}

static void
remoteTypedRTCChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, long long offset,
                     void *opaque)
{
    remote_domain_event_callback_rtc_change_msg msg = { .msg = { .offset = offset } };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(rtc_change, RTC_CHANGE, msg);
}

static void
remoteTypedWatchdog(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int action, void *opaque)
{
    remote_domain_event_callback_watchdog_msg msg = { .msg = { .action = action } };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(watchdog, WATCHDOG, msg);
}

static void
remoteTypedIOError(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *path,
                   const char *alias, int action, void *opaque)
{
    remote_domain_event_callback_io_error_msg msg = {
        .msg = { .srcPath = (char *)path, .devAlias = (char *)alias, .action = action },
    };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(io_error, IO_ERROR, msg);
}

static void
remoteTypedIOErrorReason(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *path,
                         const char *alias, int action, const char *reason, void *opaque)
{
    remote_domain_event_callback_io_error_reason_msg msg = {
        .msg = { .srcPath = (char *)path, .devAlias = (char *)alias, .action = action,
                 .reason = (char *)reason },
    };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(io_error_reason, IO_ERROR_REASON, msg);
}

static void
remoteTypedGraphics(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int phase,
                    const virDomainEventGraphicsAddress *local,
                    const virDomainEventGraphicsAddress *remote, const char *scheme,
                    const virDomainEventGraphicsSubject *subject, void *opaque)
{
    remote_domain_event_graphics_identity identities[REMOTE_DOMAIN_EVENT_GRAPHICS_IDENTITY_MAX];
    remote_domain_event_callback_graphics_msg msg = {
        .msg = {
            .phase = phase,
            .local = { local->family, local->node, local->service },
            .remote = { remote->family, remote->node, remote->service },
            .authScheme = (char *)scheme,
            .subject = { MIN(subject->nidentity, REMOTE_DOMAIN_EVENT_GRAPHICS_IDENTITY_MAX),
                         identities },
        },
    };
    unsigned int i;

    for (i = 0; i < msg.msg.subject.subject_len; i++) {
        identities[i].type = subject->identities[i].type;
        identities[i].name = subject->identities[i].name;
    }
    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(graphics, GRAPHICS, msg);
}

static void
remoteTypedControlError(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, void *opaque)
{
    remote_domain_event_callback_control_error_msg msg = { 0 };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(control_error, CONTROL_ERROR, msg);
}

static void
remoteTypedBlockJob(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *path,
                    int type, int status, void *opaque)
{
    remote_domain_event_callback_block_job_msg msg = {
        .msg = { .path = (char *)path, .type = type, .status = status },
    };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(block_job, BLOCK_JOB, msg);
}

static void
remoteTypedDiskChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *oldPath,
                      const char *newPath, const char *alias, int reason, void *opaque)
{
    remote_domain_event_callback_disk_change_msg msg = {
        .msg = {
            .oldSrcPath = oldPath ? (char **)&oldPath : NULL,
            .newSrcPath = newPath ? (char **)&newPath : NULL,
            .devAlias = (char *)alias,
            .reason = reason,
        },
    };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(disk_change, DISK_CHANGE, msg);
}

static void
remoteTypedTrayChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *alias,
                      int reason, void *opaque)
{
    remote_domain_event_callback_tray_change_msg msg = { .msg = { .devAlias = (char *)alias,
                                                                  .reason = reason } };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(tray_change, TRAY_CHANGE, msg);
}

static void
remoteTypedPMWakeup(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int reason, void *opaque)
{
    remote_domain_event_callback_pmwakeup_msg msg = { .reason = reason };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(pmwakeup, PMWAKEUP, msg);
}

static void
remoteTypedPMSuspend(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int reason, void *opaque)
{
    remote_domain_event_callback_pmsuspend_msg msg = { .reason = reason };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(pmsuspend, PMSUSPEND, msg);
}

static void
remoteTypedPMSuspendDisk(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int reason,
                         void *opaque)
{
    remote_domain_event_callback_pmsuspend_disk_msg msg = { .reason = reason };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(pmsuspend_disk, PMSUSPEND_DISK, msg);
}

static void
remoteTypedBalloonChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                         unsigned long long actual, void *opaque)
{
    remote_domain_event_callback_balloon_change_msg msg = { .msg = { .actual = actual } };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(balloon_change, BALLOON_CHANGE, msg);
}

static void
remoteTypedDeviceRemoved(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *alias,
                         void *opaque)
{
    remote_domain_event_callback_device_removed_msg msg = { .msg = { .devAlias = (char *)alias } };

    remoteDomainToWire(dom, &msg.msg.dom);
    REMOTE_TYPED_SEND(device_removed, DEVICE_REMOVED, msg);
}

static void
remoteTypedBlockJob2(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *dst, int type,
                     int status, void *opaque)
{
    remote_domain_event_block_job_2_msg msg = { .dst = (char *)dst, .type = type,
                                                .status = status };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(block_job_2, BLOCK_JOB_2, msg);
}

/* The wire's form of @params (the caller frees the array); the texts stay theirs. */
static remote_typed_param *
remoteTypedParams(const virTypedParameter *params, size_t nparams)
{
    remote_typed_param *wire = g_new0(remote_typed_param, nparams);
    size_t i;

    for (i = 0; i < nparams; i++) {
        remote_typed_param_value *value = &wire[i].value;

        wire[i].field = (char *)params[i].field;
        value->type = params[i].type;
        switch ((virTypedParameterType)params[i].type) {
        case VIR_TYPED_PARAM_INT:
            value->remote_typed_param_value_u.i = params[i].value.i;
            break;
        case VIR_TYPED_PARAM_UINT:
            value->remote_typed_param_value_u.ui = params[i].value.ui;
            break;
        case VIR_TYPED_PARAM_LLONG:
            value->remote_typed_param_value_u.l = params[i].value.l;
            break;
        case VIR_TYPED_PARAM_ULLONG:
            value->remote_typed_param_value_u.ul = params[i].value.ul;
            break;
        case VIR_TYPED_PARAM_DOUBLE:
            value->remote_typed_param_value_u.d = params[i].value.d;
            break;
        case VIR_TYPED_PARAM_BOOLEAN:
            value->remote_typed_param_value_u.b = params[i].value.b;
            break;
        case VIR_TYPED_PARAM_STRING:
        default:
            value->remote_typed_param_value_u.s = params[i].value.s;
            break;
        }
    }
    return wire;
}

static void
remoteTypedTunable(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, virTypedParameterPtr params,
                   int nparams, void *opaque)
{
    g_autofree remote_typed_param *wire = remoteTypedParams(params, nparams);
    remote_domain_event_callback_tunable_msg msg = { .params = { nparams, wire } };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(callback_tunable, CALLBACK_TUNABLE, msg);
}

static void
remoteTypedAgentLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int state,
                          int reason, void *opaque)
{
    remote_domain_event_callback_agent_lifecycle_msg msg = { .state = state, .reason = reason };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(callback_agent_lifecycle, CALLBACK_AGENT_LIFECYCLE, msg);
}

static void
remoteTypedDeviceAdded(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *alias,
                       void *opaque)
{
    remote_domain_event_callback_device_added_msg msg = { .devAlias = (char *)alias };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(callback_device_added, CALLBACK_DEVICE_ADDED, msg);
}

static void
remoteTypedMigrationIteration(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int iteration,
                              void *opaque)
{
    remote_domain_event_callback_migration_iteration_msg msg = { .iteration = iteration };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(callback_migration_iteration, CALLBACK_MIGRATION_ITERATION, msg);
}

static void
remoteTypedJobCompleted(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                        virTypedParameterPtr params, int nparams, void *opaque)
{
    g_autofree remote_typed_param *wire = remoteTypedParams(params, nparams);
    remote_domain_event_callback_job_completed_msg msg = { .params = { nparams, wire } };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(callback_job_completed, CALLBACK_JOB_COMPLETED, msg);
}

static void
remoteTypedDeviceRemovalFailed(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                               const char *alias, void *opaque)
{
    remote_domain_event_callback_device_removal_failed_msg msg = { .devAlias = (char *)alias };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(callback_device_removal_failed, CALLBACK_DEVICE_REMOVAL_FAILED, msg);
}

static void
remoteTypedMetadataChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int type,
                          const char *uri, void *opaque)
{
    remote_domain_event_callback_metadata_change_msg msg = {
        .type = type, .nsuri = uri ? (char **)&uri : NULL,
    };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(callback_metadata_change, CALLBACK_METADATA_CHANGE, msg);
}

static void
remoteTypedBlockThreshold(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *dev,
                          const char *path, unsigned long long threshold,
                          unsigned long long excess, void *opaque)
{
    remote_domain_event_block_threshold_msg msg = {
        .dev = (char *)dev, .path = path ? (char **)&path : NULL, .threshold = threshold,
        .excess = excess,
    };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(block_threshold, BLOCK_THRESHOLD, msg);
}

static void
remoteTypedMemoryFailure(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int recipient,
                         int action, unsigned int flags, void *opaque)
{
    remote_domain_event_memory_failure_msg msg = { .recipient = recipient, .action = action,
                                                   .flags = flags };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(memory_failure, MEMORY_FAILURE, msg);
}

static void
remoteTypedMemoryDeviceSizeChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                                  const char *alias, unsigned long long size, void *opaque)
{
    remote_domain_event_memory_device_size_change_msg msg = { .alias = (char *)alias,
                                                              .size = size };

    remoteDomainToWire(dom, &msg.dom);
    REMOTE_TYPED_SEND_NEW(memory_device_size_change, MEMORY_DEVICE_SIZE_CHANGE, msg);
}

static const virConnectDomainEventGenericCallback remoteTypedCallbacks[] = {
#define ROW(eventID, function) \
    [VIR_DOMAIN_EVENT_ID_##eventID] = VIR_DOMAIN_EVENT_CALLBACK(remoteTyped##function)
    ROW(LIFECYCLE, Lifecycle),
    ROW(REBOOT, Reboot),
    ROW(RTC_CHANGE, RTCChange),
    ROW(WATCHDOG, Watchdog),
    ROW(IO_ERROR, IOError),
    ROW(GRAPHICS, Graphics),
    ROW(IO_ERROR_REASON, IOErrorReason),
    ROW(CONTROL_ERROR, ControlError),
    ROW(BLOCK_JOB, BlockJob),
    ROW(DISK_CHANGE, DiskChange),
    ROW(TRAY_CHANGE, TrayChange),
    ROW(PMWAKEUP, PMWakeup),
    ROW(PMSUSPEND, PMSuspend),
    ROW(BALLOON_CHANGE, BalloonChange),
    ROW(PMSUSPEND_DISK, PMSuspendDisk),
    ROW(DEVICE_REMOVED, DeviceRemoved),
    ROW(BLOCK_JOB_2, BlockJob2),
    ROW(TUNABLE, Tunable),
    ROW(AGENT_LIFECYCLE, AgentLifecycle),
    ROW(DEVICE_ADDED, DeviceAdded),
    ROW(MIGRATION_ITERATION, MigrationIteration),
    ROW(JOB_COMPLETED, JobCompleted),
    ROW(DEVICE_REMOVAL_FAILED, DeviceRemovalFailed),
    ROW(METADATA_CHANGE, MetadataChange),
    ROW(BLOCK_THRESHOLD, BlockThreshold),
    ROW(MEMORY_FAILURE, MemoryFailure),
    ROW(MEMORY_DEVICE_SIZE_CHANGE, MemoryDeviceSizeChange),
#undef ROW
};

virConnectDomainEventGenericCallback
remoteTypedCallback(int eventID)
{
    return remoteTypedCallbacks[eventID];
}
