/*
 * qemu_watch.h: paths and patterns of sockets, watched by inotify
 *
 * Says where sockets are, appear and vanish. Connects to none of them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <sys/types.h>

#include "virioloop.h"

/* Directories watched at most: one for each domain where each has a directory of its own, for
 * as many domains as a driver holds. inotify's own limit is a setting of the system. */
#define QEMU_WATCH_DIRECTORIES_MAX 16384
/* Sockets found at most, as many as a driver can hold domains. */
#define QEMU_WATCH_SOCKETS_MAX 16384
/* Patterns in one watch: each costs a walk through the directories. */
#define QEMU_WATCH_PATTERNS_MAX 1024
/* Directories come and go in bursts; they are walked through at most this often. */
#define QEMU_WATCH_RESCAN_MS 50
/* What inotify could not be asked to watch (no permission, its limits) is looked at this
 * often. */
#define QEMU_WATCH_POLL_MS 5000

typedef struct _qemuWatch qemuWatch;

/* Both run in the I/O thread. */
typedef struct {
    /* There is a socket at @path: it was found, or made or changed since. @ino on @dev is its
     * identity. May be called again for the same one. */
    void (*appeared)(const char *path, dev_t dev, ino_t ino, void *opaque);
    /* There is none any more at @path, for which appeared() was called. */
    void (*vanished)(const char *path, void *opaque);
} qemuWatchCallbacks;

/**
 * qemuWatchNew:
 * @io: whose thread does the work
 * @patterns: NULL-terminated absolute paths whose components may be globs: * ? [set], with \ in
 *   front of a character that is to mean itself; "*" doesn't match a leading dot
 * @callbacks: static
 * @opaque: given to all of them
 *
 * I/O thread only. Calls appeared() for what is there already before it returns.
 *
 * Returns a new object, or NULL with an error reported.
 */
qemuWatch *qemuWatchNew(virIOLoop *io, const char *const *patterns,
                        const qemuWatchCallbacks *callbacks, void *opaque);
/* I/O thread only; may be called inside a callback. No callback follows. */
void qemuWatchFree(qemuWatch *watch);
