/*
 * qemu_monitor_priv.h: what only tests need of a monitor
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_monitor.h"

/* Instead of QEMU_MONITOR_GREETING_TIMEOUT_MS and QEMU_MONITOR_COMMAND_TIMEOUT_MS, for all
 * monitors opened and commands sent from now on. No other thread may use a monitor meanwhile. */
void qemuMonitorSetTimeouts(unsigned int greeting, unsigned int command);
