/*
 * virnetsocketaddr.h: addresses: connecting to them, listening on them, writing them down
 *
 * Works on bare file descriptors; a stream with all that belongs to it is in virnetsocket.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <sys/types.h>
#include <glib.h>

/* The file of a listening unix socket; zeros: none. */
typedef struct {
    char *path;
    dev_t dev;
    ino_t ino;                  /* of a removed file these may be given again */
    struct timespec made;
} virNetSocketPath;
/* Removes the file unless it is another one by now, and clears @path. */
void virNetSocketPathRemove(virNetSocketPath *path);

/* A new fd, close-on-exec and blocking; -1 with VIR_ERR_SYSTEM_ERROR reported. */
int virNetSocketAddrConnectUNIX(const char *path);
int virNetSocketAddrConnectTCP(const char *host, const char *service);

/* Close-on-exec and non-blocking. See virNetSocketNewListenUNIX() and -TCP(). */
int virNetSocketAddrListenUNIX(const char *path, int mode, gid_t group, virNetSocketPath *own);
int virNetSocketAddrListenTCP(const char *host, const char *service, int **fds, size_t *nfds);

/* AF_*; AF_UNSPEC if it isn't a socket. */
int virNetSocketAddrFamily(int fd);
/* Calls are small and someone waits for each. Does nothing where that means nothing. */
void virNetSocketAddrSetNoDelay(int fd);
/* "ADDRESS;PORT" of either end; the caller's, never NULL. */
char *virNetSocketAddrFormat(int fd, bool remote);
/* Of this end; 0 if it has none. */
int virNetSocketAddrPort(int fd);
