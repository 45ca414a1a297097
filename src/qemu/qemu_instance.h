/*
 * qemu_instance.h: one running driver: its sockets, its domains, its thread
 *
 * Shared by all connections of the process that ask for the same sockets, from
 * the first to open to the last to close. The calls on single domains are
 * elsewhere.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "domain_list.h"
#include "object_event.h"
#include "qemu_uri.h"

/* How long opening waits for the sockets that are there: for the greeting of a busy monitor,
 * and some time for a thousand others to say who they are. */
#define QEMU_INSTANCE_OPEN_TIMEOUT_MS (QEMU_MONITOR_GREETING_TIMEOUT_MS + 8000)
/* How long qemuInstanceAttach() waits for one socket. */
#define QEMU_INSTANCE_ATTACH_TIMEOUT_MS 10000

typedef struct _qemuInstance qemuInstance;

/* Returns a new reference to the instance for @config, which runs then and knows the domains
 * that were there; NULL with an error reported. Not from the I/O thread, as all below. */
qemuInstance *qemuInstanceOpen(const qemuURI *config);
/* The last one lets go of all domains and ends the thread. */
void qemuInstanceClose(qemuInstance *instance);

/**
 * qemuInstanceSetPatterns:
 * @patterns: NULL-terminated, as in qemuURI (a reference is added)
 *
 * Sockets that are found by the new patterns too go on as they are; those that are found no longer
 * are let go of, and so are their domains, unless a caller attached them by process.
 *
 * Blocks. Returns 0, or -1 with an error reported and nothing changed.
 */
int qemuInstanceSetPatterns(qemuInstance *instance, GPtrArray *patterns);

/* Lets go of all domains and looks for no more of them; commands that wait fail. Blocks. */
void qemuInstanceStopAll(qemuInstance *instance);

virDomainList *qemuInstanceDomains(qemuInstance *instance);
virObjectEventState *qemuInstanceEvents(qemuInstance *instance);

typedef enum {
    QEMU_INSTANCE_ATTACH_OK,
    QEMU_INSTANCE_ATTACH_BUSY,      /* another client is connected there */
    QEMU_INSTANCE_ATTACH_FAILED,
} qemuInstanceAttachOutcome;

/**
 * qemuInstanceAttach:
 * @path: of a QMP socket
 * @pid: of the QEMU behind it
 * @dom: the domain (new reference), on success
 * @message: why not, for people, otherwise; the caller frees it
 *
 * Blocks. If the path is attached already, that domain is found. No error reported.
 */
qemuInstanceAttachOutcome qemuInstanceAttach(qemuInstance *instance, const char *path, pid_t pid,
                                             virDomainObj **dom, char **message);
/* The domain whose QEMU is process @pid, or NULL; a new reference. */
virDomainObj *qemuInstanceFindByPid(qemuInstance *instance, pid_t pid);
