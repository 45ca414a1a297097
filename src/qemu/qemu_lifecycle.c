/*
 * qemu_lifecycle.c: what QEMU's events say of a domain's state
 *
 * Which state, reason and lifecycle event follow from which event is libvirt's
 * mapping, so that applications see what they know. Sends nothing, asks nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_lifecycle.h"

#include <string.h>
#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct {
    const char *status;
    int state, reason;
} qemuLifecycleStatus;

static const qemuLifecycleStatus qemuLifecycleStatuses[] = {
    { "paused", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER },
    { "prelaunch", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER },
    { "inmigrate", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION },
    { "postmigrate", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION },
    { "finish-migrate", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION },
    { "colo", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION },
    { "save-vm", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE },
    { "restore-vm", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN },
    { "debug", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN },
    { "internal-error", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN },
    { "io-error", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR },
    { "watchdog", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG },
    { "shutdown", VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN },
    { "guest-panicked", VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED },
    { "suspended", VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN },
};

void
qemuLifecycleInit(qemuLifecycle *life, const char *status, int runningReason)
{
    size_t i;

    memset(life, 0, sizeof(*life));
    life->incoming = g_strcmp0(status, "inmigrate") == 0;
    if (g_strcmp0(status, "running") == 0) {
        life->state = VIR_DOMAIN_RUNNING;
        life->reason = runningReason;
        return;
    }
    for (i = 0; i < G_N_ELEMENTS(qemuLifecycleStatuses); i++) {
        if (g_strcmp0(status, qemuLifecycleStatuses[i].status) == 0) {
            life->state = qemuLifecycleStatuses[i].state;
            life->reason = qemuLifecycleStatuses[i].reason;
            return;
        }
    }
    life->state = VIR_DOMAIN_NOSTATE;
    life->reason = VIR_DOMAIN_NOSTATE_UNKNOWN;
}

/* Only a running domain is paused: what stopped it first gave the reason, and QEMU's STOP
 * comes after that. */
static bool
qemuLifecyclePause(qemuLifecycle *life, int state, int reason, int eventType, int eventDetail,
                   int *type, int *detail)
{
    if (life->state != VIR_DOMAIN_RUNNING && life->state != VIR_DOMAIN_NOSTATE)
        return false;
    life->state = state;
    life->reason = reason;
    *type = eventType;
    *detail = eventDetail;
    return true;
}

static bool
qemuLifecycleShutdown(qemuLifecycle *life, const virJSONValue *data, int *type, int *detail)
{
    bool guest;

    if (life->state == VIR_DOMAIN_SHUTDOWN)
        return false;
    life->state = VIR_DOMAIN_SHUTDOWN;
    life->reason = VIR_DOMAIN_SHUTDOWN_UNKNOWN;
    *type = VIR_DOMAIN_EVENT_SHUTDOWN;
    if (virJSONValueObjectGetBoolean(data, "guest", &guest) < 0) {
        *detail = VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED;       /* an old QEMU doesn't tell */
    } else {
        *detail = guest ? VIR_DOMAIN_EVENT_SHUTDOWN_GUEST : VIR_DOMAIN_EVENT_SHUTDOWN_HOST;
    }
    return true;
}

/* Returns whether a paused domain turns out to have moved to the other side. On that side QEMU says
 * RESUME before it says that the migration is completed, and says the latter only if somebody has
 * asked for such events: then the next migration's beginning tells. */
static bool
qemuLifecycleMigration(qemuLifecycle *life, const virJSONValue *data, int *type, int *detail)
{
    const char *status = virJSONValueObjectGetString(data, "status");

    if (life->arrived && g_strcmp0(status, "setup") == 0)
        life->incoming = false;
    life->postcopy = !life->incoming && g_strcmp0(status, "postcopy-active") == 0;
    life->migrating = life->postcopy ||
                      (!life->incoming && (g_strcmp0(status, "active") == 0 ||
                                           g_strcmp0(status, "pre-switchover") == 0 ||
                                           g_strcmp0(status, "device") == 0));
    if (g_strcmp0(status, "completed") == 0)
        life->incoming = false;
    if (!life->postcopy || life->state != VIR_DOMAIN_PAUSED ||
        life->reason != VIR_DOMAIN_PAUSED_MIGRATION)
        return false;
    life->reason = VIR_DOMAIN_PAUSED_POSTCOPY;
    *type = VIR_DOMAIN_EVENT_SUSPENDED;
    *detail = VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY;
    return true;
}

static bool
qemuLifecycleStop(qemuLifecycle *life, int *type, int *detail)
{
    int reason = life->asked ? VIR_DOMAIN_PAUSED_USER : VIR_DOMAIN_PAUSED_UNKNOWN;
    int told = VIR_DOMAIN_EVENT_SUSPENDED_PAUSED;

    if (life->postcopy) {
        reason = VIR_DOMAIN_PAUSED_POSTCOPY;
        told = VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY;
    } else if (life->migrating) {
        reason = VIR_DOMAIN_PAUSED_MIGRATION;
        told = VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED;
    }
    life->asked = false;
    return qemuLifecyclePause(life, VIR_DOMAIN_PAUSED, reason, VIR_DOMAIN_EVENT_SUSPENDED, told,
                              type, detail);
}

bool
qemuLifecycleApply(qemuLifecycle *life, qemuLifecycleEvent event, const virJSONValue *data,
                   int *type, int *detail)
{
    const char *action = virJSONValueObjectGetString(data, "action");

    switch (event) {
    case QEMU_LIFECYCLE_STOP:
        return qemuLifecycleStop(life, type, detail);

    case QEMU_LIFECYCLE_RESUME:
        life->arrived = true;
        if (life->state == VIR_DOMAIN_RUNNING)
            return false;
        life->state = VIR_DOMAIN_RUNNING;
        life->reason = VIR_DOMAIN_RUNNING_UNPAUSED;
        *type = VIR_DOMAIN_EVENT_RESUMED;
        *detail = VIR_DOMAIN_EVENT_RESUMED_UNPAUSED;
        return true;

    case QEMU_LIFECYCLE_SHUTDOWN:
        return qemuLifecycleShutdown(life, data, type, detail);

    case QEMU_LIFECYCLE_SUSPEND:
        return qemuLifecyclePause(life, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN,
                                  VIR_DOMAIN_EVENT_PMSUSPENDED,
                                  VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY, type, detail);

    case QEMU_LIFECYCLE_SUSPEND_DISK:
        return qemuLifecyclePause(life, VIR_DOMAIN_PMSUSPENDED,
                                  VIR_DOMAIN_PMSUSPENDED_UNKNOWN,
                                  VIR_DOMAIN_EVENT_PMSUSPENDED,
                                  VIR_DOMAIN_EVENT_PMSUSPENDED_DISK, type, detail);

    case QEMU_LIFECYCLE_WAKEUP:
        if (life->state != VIR_DOMAIN_PMSUSPENDED)
            return false;
        life->state = VIR_DOMAIN_RUNNING;
        life->reason = VIR_DOMAIN_RUNNING_WAKEUP;
        *type = VIR_DOMAIN_EVENT_STARTED;
        *detail = VIR_DOMAIN_EVENT_STARTED_WAKEUP;
        return true;

    case QEMU_LIFECYCLE_WATCHDOG:
        if (g_strcmp0(action, "pause") != 0)
            return false;
        return qemuLifecyclePause(life, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG,
                                  VIR_DOMAIN_EVENT_SUSPENDED,
                                  VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG, type, detail);

    case QEMU_LIFECYCLE_BLOCK_IO_ERROR:
        if (g_strcmp0(action, "stop") != 0)
            return false;
        return qemuLifecyclePause(life, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR,
                                  VIR_DOMAIN_EVENT_SUSPENDED,
                                  VIR_DOMAIN_EVENT_SUSPENDED_IOERROR, type, detail);

    case QEMU_LIFECYCLE_GUEST_PANICKED:
        life->state = VIR_DOMAIN_CRASHED;
        life->reason = VIR_DOMAIN_CRASHED_PANICKED;
        *type = VIR_DOMAIN_EVENT_CRASHED;
        *detail = VIR_DOMAIN_EVENT_CRASHED_PANICKED;
        return true;

    case QEMU_LIFECYCLE_GUEST_CRASHLOADED:
        /* the guest's crash kernel runs: no change of state */
        *type = VIR_DOMAIN_EVENT_CRASHED;
        *detail = VIR_DOMAIN_EVENT_CRASHED_CRASHLOADED;
        return true;

    case QEMU_LIFECYCLE_MIGRATION:
        return qemuLifecycleMigration(life, data, type, detail);

    case QEMU_LIFECYCLE_NONE:
    default:
        return false;
    }
}

int
qemuLifecycleEnd(qemuLifecycle *life, bool destroyed)
{
    bool orderly = life->state == VIR_DOMAIN_SHUTDOWN;

    life->state = VIR_DOMAIN_SHUTOFF;
    if (destroyed) {
        life->reason = VIR_DOMAIN_SHUTOFF_DESTROYED;
        return VIR_DOMAIN_EVENT_STOPPED_DESTROYED;
    }
    if (orderly) {
        life->reason = VIR_DOMAIN_SHUTOFF_SHUTDOWN;
        return VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN;
    }
    life->reason = VIR_DOMAIN_SHUTOFF_CRASHED;
    return VIR_DOMAIN_EVENT_STOPPED_FAILED;
}
