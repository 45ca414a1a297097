/*
 * remote_driver.h: the driver for whatever a daemon offers, as the public API sees it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "driver.h"

extern const virHypervisorDriver remoteHypervisorDriver;
