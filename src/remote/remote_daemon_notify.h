/*
 * remote_daemon_notify.h: what virtmond and its service manager tell each other
 *
 * systemd's protocols: sockets that were opened for the daemon, and datagrams on how it is doing.
 * All of it does nothing where there is no such manager.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <glib.h>

/* Sockets handed over at most. */
#define REMOTE_DAEMON_SOCKETS_MAX 16

typedef struct {
    int fd;
    char *name;                 /* FileDescriptorName= of the socket unit; "" if unknown */
} remoteDaemonSocket;

/* The sockets that were handed over (remoteDaemonSocket), each once per process: the environment
 * that tells of them is cleared. Never NULL; frees names, not fds. */
GArray *remoteDaemonNotifySockets(void);

/* Sends @state ("READY=1", ...); what goes wrong is logged. */
void remoteDaemonNotify(const char *state);
/* How often the manager wants to hear "WATCHDOG=1", in microseconds; 0: not at all. */
guint64 remoteDaemonNotifyWatchdog(void);
