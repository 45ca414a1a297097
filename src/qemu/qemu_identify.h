/*
 * qemu_identify.h: who is behind a monitor
 *
 * Asks a QEMU its name, UUID, version, target and status, without blocking.
 * Neither checks the answers against other domains nor keeps them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>

#include "qemu_monitor.h"

/* Longest name taken over from a guest: longer ones are no names, and each is kept, sent and
 * shown many times. */
#define QEMU_IDENTIFY_NAME_MAX 1024

/* What a QEMU said of itself; what it did not say is NULL or 0. */
typedef struct {
    char *name;                             /* only if fit to be a domain's name */
    bool hasUUID;
    unsigned char uuid[VIR_UUID_BUFLEN];
    unsigned long version;                  /* major * 1000000 + minor * 1000 + micro */
    char *target;                           /* as QEMU names architectures */
    bool kvm;
    char *status;                           /* as query-status names it */
} qemuIdentity;

void qemuIdentityFree(qemuIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuIdentity, qemuIdentityFree)

typedef struct _qemuIdentify qemuIdentify;

/* @identity is taken; NULL: the connection ended first. Called once, in the I/O thread; the
 * status in it is QEMU's at the time of the call: no event has been read since. */
typedef void (*qemuIdentifyFunc)(qemuIdentity *identity, void *opaque);

/* I/O thread only. @func is called, unless it is cancelled before, when all answers are there;
 * never from within this call. NULL with an error reported. */
qemuIdentify *qemuIdentifyStart(qemuMonitor *mon, qemuIdentifyFunc func, void *opaque);
/* I/O thread only, and not after @func was called. */
void qemuIdentifyCancel(qemuIdentify *identify);

/* Fit to be a domain's name: UTF-8, not empty, no control characters, no slash, not too long. */
bool qemuIdentifyNameIsValid(const char *name);
/* A valid name from the path of a socket: its file's name without the last extension. */
char *qemuIdentifyNameFromPath(const char *path);
