/*
 * qemu_query.h: QMP commands on behalf of a caller, and what they answer
 *
 * Blocks the calling thread, never the I/O thread. Not how a command gets to
 * QEMU (qemu_monitor.h), nor what a domain's state allows (qemu_control.h).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_domain.h"
#include "virjson.h"

/**
 * qemuQueryCommand:
 * @dom: whose monitor
 * @name: the command
 * @arguments: JSON of its arguments, or NULL
 *
 * Returns what QEMU answered: the object in which "return" is; NULL with an error reported,
 * also if QEMU answered with one.
 */
virJSONValue *qemuQueryCommand(virDomainObj *dom, const char *name, const char *arguments);

/* As above, for one that may be unknown to QEMU, or refused: NULL without an error then. */
virJSONValue *qemuQueryOptional(virDomainObj *dom, const char *name, const char *arguments);

/* Runs a command of the human monitor; *@result is what QEMU printed, the caller's to free. */
int qemuQueryHuman(virDomainObj *dom, const char *line, char **result);

/* Guest memory in KiB: what it was started with and may have, and what it has now. */
typedef struct {
    unsigned long long maximum, current;
} qemuQueryMemory;
/* These leave @memory and @count at 0 where QEMU doesn't tell. -1 with an error reported if the
 * monitor does not work. */
int qemuQueryGetMemory(virDomainObj *dom, qemuQueryMemory *memory);
int qemuQueryGetCpus(virDomainObj *dom, unsigned int *count);
