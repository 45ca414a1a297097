/*
 * qmpcrowd.h: the QEMU ends of many QMP sockets, played by one thread of a test
 *
 * Each greets, negotiates and answers the driver's questions. For a single one with a
 * script there is qmppeer.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

typedef struct _qmpCrowd qmpCrowd;

/* @count sockets "0000.qmp", "0001.qmp"... in a new folder; each says it is "guest0" and so on, or
 * all say the same, "guest", if they are @alike; their UUIDs end in their numbers. */
qmpCrowd *qmpCrowdNew(size_t count, bool alike);
void qmpCrowdFree(qmpCrowd *crowd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qmpCrowd, qmpCrowdFree)
/* A pattern of all of them. */
const char *qmpCrowdPattern(qmpCrowd *crowd);
/* Any thread: sends @text to all; each must be connected. */
void qmpCrowdSend(qmpCrowd *crowd, const char *text);
/* Any thread: ends all connections and stops listening. */
void qmpCrowdHangUp(qmpCrowd *crowd);
