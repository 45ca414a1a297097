/*
 * qemu_attach.h: from a QEMU process to its domain
 *
 * Finds out where the QMP socket of a process may be, and tries. Connecting
 * itself is qemu_instance.h's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_instance.h"

/* Where a process may have its QMP socket. */
typedef struct {
    GPtrArray *paths;           /* char *: as this process can open them, likeliest first */
    bool guessed;               /* from what it listens on, not from what it was told to */
} qemuAttachSockets;

/* Returns a new object with at least one path, or NULL with an error reported that names the
 * process: there is none, it isn't a QEMU, it has no QMP socket, we may not look. */
qemuAttachSockets *qemuAttachFindSockets(pid_t pid);
void qemuAttachSocketsFree(qemuAttachSockets *sockets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuAttachSockets, qemuAttachSocketsFree)

/* Blocks. Returns the domain (new reference), be it attached already or only now; NULL with an
 * error reported that names the process and what is in the way. */
virDomainObj *qemuAttachProcess(qemuInstance *instance, pid_t pid);
