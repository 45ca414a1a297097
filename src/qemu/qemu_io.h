/*
 * qemu_io.h: the one thread that does all of the driver's waiting
 *
 * An epoll set, timers and a way to run something in that thread. Knows nothing
 * of what is read or written.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/* The thread's read buffer, lent to whoever reads: idle monitors hold none. */
#define QEMU_IO_BUFFER_SIZE (256 * 1024)

typedef struct _qemuIO qemuIO;
typedef struct _qemuIOHandle qemuIOHandle;
typedef struct _qemuIOTimer qemuIOTimer;

/* All functions given here are called in the I/O thread with no lock held. */
typedef void (*qemuIOFunc)(void *opaque);
/* @events: EPOLL* bits. */
typedef void (*qemuIOHandleFunc)(qemuIOHandle *handle, int fd, uint32_t events, void *opaque);

/* Starts the thread. NULL with an error reported. */
qemuIO *qemuIONew(void);
/* Runs what was invoked before, stops and joins the thread. Not from the I/O thread. All
 * handles and timers must have been removed. */
void qemuIOFree(qemuIO *io);
bool qemuIOInThread(qemuIO *io);

/* Any thread: run @func in the I/O thread; in order. */
void qemuIOInvoke(qemuIO *io, qemuIOFunc func, void *opaque);
/* Any thread: as qemuIOInvoke(), and wait until it has run. At once in the I/O thread. */
void qemuIOInvokeWait(qemuIO *io, qemuIOFunc func, void *opaque);
/* @func runs at the end of each turn in which a handle or timer was served; set once, before
 * the first handle. */
void qemuIOSetTurnEnd(qemuIO *io, qemuIOFunc func, void *opaque);

/* The rest is for the I/O thread only. A handle or timer may be removed inside its own or
 * another's function; it isn't called again, and is freed when the turn is over. */
/* NULL with an error reported. */
qemuIOHandle *qemuIOAddHandle(qemuIO *io, int fd, uint32_t events,
                              qemuIOHandleFunc func, void *opaque);
void qemuIOUpdateHandle(qemuIOHandle *handle, uint32_t events);
void qemuIORemoveHandle(qemuIOHandle *handle);
/* One shot, @delay in milliseconds; armed again by qemuIORestartTimer(). */
qemuIOTimer *qemuIOAddTimer(qemuIO *io, unsigned int delay, qemuIOFunc func, void *opaque);
void qemuIORestartTimer(qemuIOTimer *timer, unsigned int delay);
void qemuIOStopTimer(qemuIOTimer *timer);
void qemuIORemoveTimer(qemuIOTimer *timer);
char *qemuIOBuffer(qemuIO *io);
/* One object that all users in the thread share, made by @make at the first call and freed
 * with the thread; every call gives the same functions. */
void *qemuIOShared(qemuIO *io, void *(*make)(void), GDestroyNotify destroy);
