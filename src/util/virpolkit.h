/*
 * virpolkit.h: asks polkit whether somebody may do something
 *
 * Nobody waits here: an answer comes when there is one, and by a deadline in any case, whatever
 * the bus, polkitd and whoever it asks are doing. One thread, "virtmon-polkit", speaks with the
 * bus for all.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include "viridentity.h"

/* Where it is on the bus. */
#define VIR_POLKIT_NAME "org.freedesktop.PolicyKit1"
#define VIR_POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define VIR_POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* Any thread: the process of @identity as polkit knows it, "(sa{sv})": by what no later one can have.
 * Returns a floating reference, or NULL if it isn't known; no error reported. */
GVariant *virPolkitSubject(const virIdentity *identity);

typedef struct _virPolkit virPolkit;
typedef struct _virPolkitRequest virPolkitRequest;

/* Connects when it is first needed. NULL with an error reported: there can be no thread. */
virPolkit *virPolkitNew(void);
/* What isn't answered yet is, as cancelled, before it returns. Not from within an answer. */
void virPolkitFree(virPolkit *polkit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virPolkit, virPolkitFree)

/**
 * virPolkitFunc:
 * @rc: 0: he may. -1 with an error reported: VIR_ERR_AUTH_FAILED if he may not, or nobody knows in
 *   time; VIR_ERR_AUTH_UNAVAILABLE if he would have to be asked for a password and has no agent for
 *   that; VIR_ERR_AUTH_CANCELLED if he has dismissed that question, or it was cancelled
 *
 * Runs in polkit's thread, once for each request.
 */
typedef void (*virPolkitFunc)(int rc, void *opaque);

/**
 * virPolkitCheck:
 * @identity: whose process it is (a reference is kept)
 * @action: such as "org.virtmon.manage"
 * @interactive: he may be asked for a password
 * @timeoutMs: until it is given up
 * @func, @opaque: get the answer, perhaps before this returns
 *
 * Any thread. Returns a new reference, by which to cancel.
 */
virPolkitRequest *virPolkitCheck(virPolkit *polkit, virIdentity *identity, const char *action,
                                 bool interactive, unsigned int timeoutMs, virPolkitFunc func,
                                 void *opaque);
/* Nobody is interested any more; if there is no answer yet, it comes now. Any thread, before
 * virPolkitFree(). */
void virPolkitCancel(virPolkitRequest *request);
void virPolkitRequestUnref(virPolkitRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virPolkitRequest, virPolkitRequestUnref)
