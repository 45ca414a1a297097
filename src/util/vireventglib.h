/*
 * vireventglib.h: the built-in event loop, on GLib's default main context
 *
 * The functions may be called from any thread, and inside the callbacks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libvirt/libvirt.h>

int virEventGLibAddHandle(int fd, int events, virEventHandleCallback cb, void *opaque,
                          virFreeCallback ff);
void virEventGLibUpdateHandle(int watch, int events);
int virEventGLibRemoveHandle(int watch);
int virEventGLibAddTimeout(int frequency, virEventTimeoutCallback cb, void *opaque,
                           virFreeCallback ff);
void virEventGLibUpdateTimeout(int timer, int frequency);
int virEventGLibRemoveTimeout(int timer);
/* One turn; blocks until something is due. */
void virEventGLibRunOnce(void);
