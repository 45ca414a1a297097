/*
 * qemu_capabilities_priv.h: what only tests of the capabilities need
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

#include "qemu_capabilities.h"

/* The UUID in the file at @path. Returns whether there is one that tells this host from others. */
bool qemuCapabilitiesReadUUID(const char *path, unsigned char *uuid);
