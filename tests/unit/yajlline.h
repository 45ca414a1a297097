/*
 * yajlline.h: what yajl makes of a monitor's line
 *
 * The oracle for qemu_monitor_line.c, which is a scanner of its own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

#include "qemu_monitor_line.h"

/**
 * yajlLineCheck:
 *
 * Has both look at @text, and aborts if one takes what the other refuses, or if they make
 * different things of it. Where both are known to differ (half of a surrogate pair by itself),
 * only what the parser makes of it is looked at.
 *
 * Returns whether the line was understood; the parser's error is the last error if not.
 */
bool yajlLineCheck(qemuMonitorParser *parser, const char *text, size_t len);
