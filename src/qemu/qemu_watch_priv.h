/*
 * qemu_watch_priv.h: what only tests need of a watch
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_watch.h"

/* Instead of QEMU_WATCH_POLL_MS, QEMU_WATCH_DIRECTORIES_MAX and QEMU_WATCH_SOCKETS_MAX, from now
 * on. No other thread may use a watch meanwhile. */
void qemuWatchSetPoll(unsigned int milliseconds);
void qemuWatchSetLimits(size_t directories, size_t sockets);
/* I/O thread only: how often it has walked through all directories. */
guint64 qemuWatchWalks(const qemuWatch *watch);
