/*
 * qemu_instance_priv.h: what only tests need of a running driver
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_instance.h"

/* How many timers run in its thread: with none, only descriptors wake it. */
size_t qemuInstanceCountTimers(qemuInstance *instance);
