/*
 * qemu_lifecycle.h: what QEMU's events say of a domain's state
 *
 * A pure function from state and event to state and lifecycle event. Sends
 * nothing, asks nothing, knows no domain.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

#include "virjson.h"

/* The events of QEMU that bear on a domain's state. */
typedef enum {
    QEMU_LIFECYCLE_NONE = 0,        /* any other event */
    QEMU_LIFECYCLE_STOP,
    QEMU_LIFECYCLE_RESUME,
    QEMU_LIFECYCLE_SHUTDOWN,
    QEMU_LIFECYCLE_SUSPEND,
    QEMU_LIFECYCLE_SUSPEND_DISK,
    QEMU_LIFECYCLE_WAKEUP,
    QEMU_LIFECYCLE_WATCHDOG,
    QEMU_LIFECYCLE_BLOCK_IO_ERROR,
    QEMU_LIFECYCLE_GUEST_PANICKED,
    QEMU_LIFECYCLE_GUEST_CRASHLOADED,
    QEMU_LIFECYCLE_MIGRATION,
} qemuLifecycleEvent;

/* What is known of a domain's state now. */
typedef struct {
    int state, reason;              /* virDomainState and its reason */
    bool migrating;                 /* a migration out is under way: a stop is part of it */
    bool postcopy;                  /* ... and the other side runs already */
    bool asked;                     /* a caller wanted the stop that comes next */
    bool incoming;                  /* a migration to it is awaited, or has not ended yet */
    bool arrived;                   /* ... but it runs here already */
} qemuLifecycle;

/* @status: as query-status names it; NULL or unknown: VIR_DOMAIN_NOSTATE. @runningReason is for
 * a running one, of which QEMU tells no reason. */
void qemuLifecycleInit(qemuLifecycle *life, const char *status, int runningReason);

/**
 * qemuLifecycleApply:
 * @life: the state, which follows
 * @event: what QEMU said
 * @data: the event's data, or NULL
 * @type, @detail: the lifecycle event that follows from it; untouched if none does
 *
 * Returns whether a lifecycle event follows.
 */
bool qemuLifecycleApply(qemuLifecycle *life, qemuLifecycleEvent event,
                        const virJSONValue *data, int *type, int *detail);

/* The detail of the STOPPED event when the connection has ended, and the reason of the shut off
 * state; @destroyed: it ended because a caller wanted that. */
int qemuLifecycleEnd(qemuLifecycle *life, bool destroyed);
