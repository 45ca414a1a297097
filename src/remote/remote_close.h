/*
 * remote_close.h: telling the application that its connection is lost
 *
 * The loss is noticed in the I/O thread; the application's callback runs in its own event
 * loop, once. Without an event loop it never runs, as in libvirt.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct _remoteCloseNotice remoteCloseNotice;

/* NULL with an error reported. */
remoteCloseNotice *remoteCloseNoticeNew(void);
/* No callback follows that isn't running already. */
void remoteCloseNoticeFree(remoteCloseNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteCloseNotice, remoteCloseNoticeFree)

/* @conn is kept by a reference until the callback has run or is unregistered. Returns 0, or -1
 * with an error reported: there is one already. @freecb isn't called then. */
int remoteCloseNoticeRegister(remoteCloseNotice *notice, virConnectPtr conn,
                              virConnectCloseFunc cb, void *opaque, virFreeCallback freecb);
/* Returns 0, or -1 with an error reported: it isn't registered, or has run. */
int remoteCloseNoticeUnregister(remoteCloseNotice *notice, virConnectCloseFunc cb);
/* Any thread: the connection is lost. Only the first call counts. */
void remoteCloseNoticeTell(remoteCloseNotice *notice, virConnectCloseReason reason);
