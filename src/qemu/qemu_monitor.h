/*
 * qemu_monitor.h: one connection to one QEMU, speaking QMP as a client
 *
 * Splits lines, negotiates, sends commands and matches replies to them. What an
 * event means, and which domain this is, is the driver's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "virioloop.h"
#include "qemu_monitor_line.h"

/* Commands of all callers not answered yet; QEMU itself queues 8 and reads no more. */
#define QEMU_MONITOR_COMMANDS_MAX 256
/* Longest command; libvirt's protocol carries 4 MiB. */
#define QEMU_MONITOR_COMMAND_MAX (16 * 1024 * 1024)
/* Bytes of commands waiting to be written. */
#define QEMU_MONITOR_OUTPUT_MAX (32 * 1024 * 1024)
/* How long a command of the driver's own may take, and the default for others: a busy QEMU
 * can hold its main loop for seconds (migration, slow storage). */
#define QEMU_MONITOR_COMMAND_TIMEOUT_MS 30000
/* No greeting for so long: somebody else is connected (QEMU serves one client at a time and
 * leaves the others in the backlog). */
#define QEMU_MONITOR_GREETING_TIMEOUT_MS 2000
/* Bytes without a line end, skipped before the connection is given up. */
#define QEMU_MONITOR_SKIP_MAX (64 * 1024 * 1024)
/* Lines in a row that are no QMP, before the connection is given up. */
#define QEMU_MONITOR_BAD_LINES_MAX 1000
/* File descriptors that may go with one command; QEMU takes one at a time per message,
 * SCM_MAX_FD is 253. */
#define QEMU_MONITOR_FDS_MAX 16
/* Bytes that are read of one QEMU before others of the same thread get their turn: what a QEMU
 * that says little waits for beside one that storms. */
#define QEMU_MONITOR_READ_MAX (128 * 1024)

typedef struct _qemuMonitor qemuMonitor;

/* All run in the I/O thread. A monitor may be closed inside any of them. */
typedef struct {
    /* Negotiation is done; commands may be sent. */
    void (*ready)(qemuMonitor *mon, void *opaque);
    /* An event, before or after ready. Texts are borrowed for the call. */
    void (*event)(qemuMonitor *mon, const qemuMonitorLine *line, void *opaque);
    /* A line that was (or may have been) an event could not be understood; the last error says
     * why. */
    void (*badLine)(qemuMonitor *mon, void *opaque);
    /* Connected, but no greeting for QEMU_MONITOR_GREETING_TIMEOUT_MS; goes on waiting. */
    void (*busy)(qemuMonitor *mon, void *opaque);
    /* The last call; the connection is over and pending commands have failed. Not called after
     * qemuMonitorClose(). @reason is for people. */
    void (*closed)(qemuMonitor *mon, const char *reason, void *opaque);
    /* Before more is read: false if not now, as too much waits for its delivery. Then nothing is
     * read until qemuMonitorResume(), but as much as a busy QEMU says (viriothrottle.h), so that it
     * never piles up there. May be NULL. */
    bool (*mayRead)(qemuMonitor *mon, void *opaque);
} qemuMonitorCallbacks;

/**
 * qemuMonitorOpen:
 * @io: whose thread does the work
 * @path: of the unix socket (borrowed)
 * @callbacks: static
 * @opaque: given to all of them; the caller keeps it alive until closed() or qemuMonitorClose()
 *
 * I/O thread only. Connects without blocking.
 *
 * Returns a new reference, or NULL with VIR_ERR_SYSTEM_ERROR reported (@path named) if
 * the socket cannot be connected to.
 */
qemuMonitor *qemuMonitorOpen(virIOLoop *io, const char *path,
                             const qemuMonitorCallbacks *callbacks, void *opaque);
qemuMonitor *qemuMonitorRef(qemuMonitor *mon);
void qemuMonitorUnref(qemuMonitor *mon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuMonitor, qemuMonitorUnref)

/* I/O thread only: ends the connection, fails pending commands; no callback follows. */
void qemuMonitorClose(qemuMonitor *mon);

/* I/O thread only: it may be read again. */
void qemuMonitorResume(qemuMonitor *mon);

/* I/O thread only, once closed() was called: whether it was for an error (what came is no QMP, or the
 * connection broke with commands in it that QEMU had not read), and not because QEMU closed it. */
bool qemuMonitorHasFailed(qemuMonitor *mon);

/* The listening process as the kernel knows it (SO_PEERCRED); 0 if unknown. */
int qemuMonitorPeerPid(qemuMonitor *mon);
/* Is it connected to the socket with this identity, wherever its path leads by now? */
bool qemuMonitorIsSocket(qemuMonitor *mon, dev_t dev, ino_t ino);
/* I/O thread only: when the line that is being handed out was read, in microseconds since the
 * epoch, UTC; the same for all lines of one read. */
gint64 qemuMonitorReceived(qemuMonitor *mon);

/**
 * qemuMonitorCommand:
 * @mon: the monitor
 * @command: one JSON value; an object must have no "id" of its own
 * @fds, @nfds: sent along with it (borrowed); at most QEMU_MONITOR_FDS_MAX
 * @timeout: milliseconds; 0 = QEMU_MONITOR_COMMAND_TIMEOUT_MS, -1 = for ever
 * @reply: QEMU's whole answer, compact, "id" included; the caller frees it
 * @outfds: where fds that came back go (ints, appended; the caller closes them); NULL: they are
 *   closed
 *
 * Blocks the calling thread, which must not be the I/O thread; any number of threads may call at
 * once. A QMP error is an answer like any other.
 *
 * Returns 0, or -1 with an error reported: VIR_ERR_OPERATION_INVALID if closed,
 * VIR_ERR_OPERATION_FAILED if it closes meanwhile, VIR_ERR_OPERATION_TIMEOUT (QEMU does not get
 * the command any more, or its late reply is dropped), VIR_ERR_INTERNAL_ERROR for bad JSON,
 * VIR_ERR_RESOURCE_BUSY over a limit.
 */
int qemuMonitorCommand(qemuMonitor *mon, const char *command, const int *fds, size_t nfds,
                       int timeout, char **reply, GArray *outfds);

/* @reply is borrowed for the call; NULL: failed, with the thread's last error set. Called
 * exactly once, in the I/O thread, also when the monitor is closed. */
typedef void (*qemuMonitorReplyFunc)(qemuMonitor *mon, const char *reply, void *opaque);
/* I/O thread only. -1 with an error reported: @func isn't called then. */
int qemuMonitorCommandAsync(qemuMonitor *mon, const char *command,
                            qemuMonitorReplyFunc func, void *opaque);
