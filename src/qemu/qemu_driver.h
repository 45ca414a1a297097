/*
 * qemu_driver.h: the driver for QEMUs on this host, as the public API sees it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "driver.h"

extern const virHypervisorDriver qemuHypervisorDriver;
