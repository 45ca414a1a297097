/*
 * remote_daemon_pidfile.h: a file that says which process serves, and that no other does
 *
 * The lock on it counts, not its being there: one that a process has left behind when it was
 * killed stands in nobody's way.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

typedef struct _remoteDaemonPidFile remoteDaemonPidFile;

/* Takes the file at @path (borrowed), and writes this process's ID into it. NULL with an error
 * reported: also if another process holds it, which the error names. */
remoteDaemonPidFile *remoteDaemonPidFileNew(const char *path);
/* Removes the file, if it is still this one. */
void remoteDaemonPidFileFree(remoteDaemonPidFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteDaemonPidFile, remoteDaemonPidFileFree)
