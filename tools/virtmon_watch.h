/*
 * virtmon_watch.h: what "event" and "qemu-monitor-event" share: events counted up to a limit,
 * the wait for them, the summary at the end
 *
 * Knows nothing of what an event is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "vsh.h"

/* Of vshDebug(), for what tests and scripts may want to know: a notice. */
#define VIRTMON_WATCH_DEBUG_LEVEL 2

/* vshCmdGetInt() of --timeout: the event loop counts milliseconds in an int. */
#define VIRTMON_TIMEOUT_MAX (G_MAXINT / 1000)

/* Reference-counted: registrations hold one each, as the event loop's thread may still be in a
 * callback when the command is over. */
typedef struct _virtmonWatch virtmonWatch;

/* From here on Ctrl-C ends the wait. @limit: how many events end it; 0: none do. NULL with the
 * error printed. */
virtmonWatch *virtmonWatchNew(vshControl *ctl, unsigned int limit);
virtmonWatch *virtmonWatchRef(virtmonWatch *watch);
void virtmonWatchUnref(virtmonWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virtmonWatch, virtmonWatchUnref)
/* As a virFreeCallback. */
void virtmonWatchRelease(void *watch);

vshControl *virtmonWatchControl(virtmonWatch *watch);

/* In a callback, before an event is shown. False: it is not to be, as the limit is reached or the
 * watch is over. True: nobody else shows one until virtmonWatchLeave(). */
bool virtmonWatchEnter(virtmonWatch *watch);
/* @shown: whether an event was, which then counts. */
void virtmonWatchLeave(virtmonWatch *watch, bool shown);

typedef enum {
    VIRTMON_WATCH_SUMMARY_OUT,          /* as virsh does */
    VIRTMON_WATCH_SUMMARY_ERR,          /* where stdout is for machines */
} virtmonWatchSummary;

/**
 * virtmonWatchRun:
 * @watch: the watch
 * @seconds: how long at most; 0: for ever
 * @summary: where the reason of the end and the count go
 *
 * Waits. Nothing is shown any more once it returns.
 *
 * Returns whether that was a success: the limit was reached, or where there is none, anything
 * came at all; and the connection lives.
 */
bool virtmonWatchRun(virtmonWatch *watch, unsigned int seconds, virtmonWatchSummary summary);
/* Ctrl-C is as it was. Call on every way out. */
void virtmonWatchFinish(virtmonWatch *watch);

/* "2026-01-31 12:00:00.123+0000", now. The caller frees it. */
char *virtmonWatchStamp(void);
