/*
 * qemu_control.h: pausing, resuming, resetting and ending a domain
 *
 * What a caller wants of a running domain, and whether its state allows it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_domain.h"

/* How long an ending QEMU may take to be gone, as libvirt gives it. */
#define QEMU_CONTROL_END_TIMEOUT_MS 15000

/* All block and return 0, or -1 with an error reported. */
int qemuControlSuspend(virDomainObj *dom);
int qemuControlResume(virDomainObj *dom);
int qemuControlShutdown(virDomainObj *dom, unsigned int flags);
int qemuControlReboot(virDomainObj *dom, unsigned int flags);
int qemuControlReset(virDomainObj *dom);
int qemuControlDestroy(virDomainObj *dom);
