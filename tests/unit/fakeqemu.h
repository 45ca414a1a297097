/*
 * fakeqemu.h: starting and ending processes that look like QEMUs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <sys/types.h>
#include <glib.h>

typedef struct _fakeQemu fakeQemu;

/**
 * fakeQemuStart:
 * @cwd: where it is started, or NULL
 * @env: "NAME=value"... for it (see qemu_system_fake.c), or NULL
 * @fd: what it finds at descriptor 9, or -1
 * @args: its words, split at spaces
 *
 * Returns when it is ready; NULL if this system forbids what @env asks for.
 */
fakeQemu *fakeQemuStart(const char *cwd, const char *const *env, int fd, const char *args);
/* Ends it, and waits for that. */
void fakeQemuFree(fakeQemu *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fakeQemu, fakeQemuFree)
pid_t fakeQemuPid(fakeQemu *fake);
/* Ends it, but leaves it to be waited for. */
void fakeQemuKill(fakeQemu *fake);
