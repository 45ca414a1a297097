/*
 * qemu_state.h: the driver that a daemon runs for its clients
 *
 * There is one in a process, or none: where it is, qemu:///system and qemu:///session
 * mean it, and no driver can be embedded beside it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_instance.h"
#include "virstate.h"

extern const virStateDriver qemuStateDriver;

/* Whether this process is a daemon's. Any thread. */
bool qemuStateIsActive(void);
/* Its instance (new reference), or NULL with an error reported. */
qemuInstance *qemuStateOpen(void);
