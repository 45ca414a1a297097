/*
 * virioloop.h: a thread that waits on many descriptors and timers
 *
 * An epoll set, timers and a way to run something in that thread. Knows nothing
 * of what is read or written. Not the application's event loop (virevent.c): this
 * one is the library's own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/* The thread's read buffer, lent to whoever reads: idle connections hold none. */
#define VIR_IO_LOOP_BUFFER_SIZE (256 * 1024)

typedef struct _virIOLoop virIOLoop;
typedef struct _virIOHandle virIOHandle;
typedef struct _virIOTimer virIOTimer;

/* All functions given here are called in the I/O thread with no lock held. */
typedef void (*virIOFunc)(void *opaque);
/* @events: EPOLL* bits. */
typedef void (*virIOHandleFunc)(virIOHandle *handle, int fd, uint32_t events, void *opaque);

/* Starts the thread, which debuggers show as @name (at most 15 bytes). NULL with an error
 * reported. */
virIOLoop *virIOLoopNew(const char *name);
/* Runs what was invoked before, stops and joins the thread. Not from the I/O thread. All
 * handles and timers must have been removed. */
void virIOLoopFree(virIOLoop *io);
bool virIOLoopInThread(virIOLoop *io);

/* Any thread: run @func in the I/O thread; in order. */
void virIOLoopInvoke(virIOLoop *io, virIOFunc func, void *opaque);
/* Any thread: as virIOLoopInvoke(), and wait until it has run. At once in the I/O thread. */
void virIOLoopInvokeWait(virIOLoop *io, virIOFunc func, void *opaque);
/* @func runs at the end of each turn in which a handle or timer was served; set once, before
 * the first handle. */
void virIOLoopSetTurnEnd(virIOLoop *io, virIOFunc func, void *opaque);

/* The rest is for the I/O thread only. A handle or timer may be removed inside its own or
 * another's function; it isn't called again, and is freed when the turn is over. */
/* NULL with an error reported. */
virIOHandle *virIOLoopAddHandle(virIOLoop *io, int fd, uint32_t events, virIOHandleFunc func,
                                void *opaque);
void virIOLoopUpdateHandle(virIOHandle *handle, uint32_t events);
void virIOLoopRemoveHandle(virIOHandle *handle);
/* One shot, @delay in milliseconds; armed again by virIOLoopRestartTimer(). */
virIOTimer *virIOLoopAddTimer(virIOLoop *io, unsigned int delay, virIOFunc func, void *opaque);
void virIOLoopRestartTimer(virIOTimer *timer, unsigned int delay);
void virIOLoopStopTimer(virIOTimer *timer);
void virIOLoopRemoveTimer(virIOTimer *timer);
char *virIOLoopBuffer(virIOLoop *io);
/* So many bytes were read in this turn, by somebody who would rather read more at a time: where
 * turns come too fast for what they bring, they are spaced (viriocoalesce.h). */
void virIOLoopCountRead(virIOLoop *io, size_t bytes);
/* One object that all users in the thread share, made by @make at the first call and freed
 * with the thread; every call gives the same functions. */
void *virIOLoopShared(virIOLoop *io, void *(*make)(void), GDestroyNotify destroy);
