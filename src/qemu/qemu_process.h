/*
 * qemu_process.h: what the kernel tells of a process
 *
 * Reads /proc, and nothing else: starts, signals and traces nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <glib.h>

/* None of these reports an error: NULL, 0 or false is "no such process, not allowed to know,
 * or not the case"; qemuProcessCheck() tells which. */

/* Returns the words of its command line, to be freed with g_strfreev(). */
char **qemuProcessArgs(pid_t pid);
/* Returns the path of its program. */
char *qemuProcessProgram(pid_t pid);
/* Returns what to call it in a message: its program, or the name that the kernel shows for it. */
char *qemuProcessTitle(pid_t pid);
/* Is it a QEMU, going by the names of its program and its first word? */
bool qemuProcessIsQemu(pid_t pid);
/* When it started, in clock ticks since boot: with @pid it names one process of this boot. */
guint64 qemuProcessStartTime(pid_t pid);
/* Processor time used by all its threads so far, in nanoseconds. */
guint64 qemuProcessCpuTime(pid_t pid);
/* The kernel's name for this boot; "" if unknown. */
char *qemuProcessBootID(void);

/* Turns @path, as the process was told it, into one that this process can open: relative to the
 * directory that it works in or was started in, and below its root if that is another. What isn't
 * there is given as it would be; NULL if we may not know. */
char *qemuProcessResolvePath(pid_t pid, const char *path);
/* The path that the unix socket behind its descriptor @fd is bound to, as it was bound: perhaps a
 * relative one. */
char *qemuProcessSocketPath(pid_t pid, int fd);
/* Paths of the unix sockets it listens on, as above; at most QEMU_PROCESS_LISTENERS_MAX. */
#define QEMU_PROCESS_LISTENERS_MAX 64
GPtrArray *qemuProcessListeners(pid_t pid);
/* May we see what it has open? */
bool qemuProcessCanInspect(pid_t pid);

/**
 * qemuProcessCheck:
 *
 * Returns 0 if a process @pid runs whose command line can be read, else -1 with an error reported
 * that names it.
 */
int qemuProcessCheck(pid_t pid);
