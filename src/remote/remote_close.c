/*
 * remote_close.c: telling the application that its connection is lost
 *
 * An eventfd that the application's loop watches from the registration on. The loop
 * frees what belongs to a handle some time after its removal, so the notice counts
 * its users.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_close.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "datatypes.h"
#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_REMOTE

struct _remoteCloseNotice {
    atomic_uint refs;
    int fd;                     /* readable once the connection is lost */

    virMutex lock;              /* guards the rest */
    bool lost;
    virConnectCloseReason reason;
    int watch;                  /* of the event loop; -1: none */
    virConnectPtr conn;         /* a reference, with @cb; NULL: none is registered */
    virConnectCloseFunc cb;
    void *opaque;
    virFreeCallback freecb;
};

remoteCloseNotice *
remoteCloseNoticeNew(void)
{
    remoteCloseNotice *notice;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) {
        virReportSystemError(errno, "%s", _("cannot create an eventfd for the close callback"));
        return NULL;
    }
    notice = g_new0(remoteCloseNotice, 1);
    atomic_init(&notice->refs, 1);
    notice->fd = fd;
    notice->watch = -1;
    virMutexInit(&notice->lock);
    return notice;
}

static void
remoteCloseNoticeUnref(void *opaque)
{
    remoteCloseNotice *notice = opaque;

    if (atomic_fetch_sub(&notice->refs, 1) != 1)
        return;
    virMutexDestroy(&notice->lock);
    close(notice->fd);
    g_free(notice);
}

void
remoteCloseNoticeFree(remoteCloseNotice *notice)
{
    if (notice)
        remoteCloseNoticeUnref(notice);
}

/* Call with lock held. Takes the registration out into @old, for remoteCloseNoticeFinish(). */
static void
remoteCloseNoticeTakeOut(remoteCloseNotice *notice, remoteCloseNotice *old)
{
    old->conn = g_steal_pointer(&notice->conn);
    old->cb = notice->cb;
    old->opaque = notice->opaque;
    old->freecb = notice->freecb;
    old->reason = notice->reason;
    old->watch = notice->watch;
    notice->watch = -1;
    notice->cb = NULL;
}

static void
remoteCloseNoticeFinish(remoteCloseNotice *old)
{
    if (old->watch >= 0)
        virEventRemoveHandle(old->watch);
    if (old->freecb)
        old->freecb(old->opaque);
    virConnectUnref(old->conn);
}

/* In the event loop. */
static void
remoteCloseNoticeOnLost(int watch, int fd, int events, void *opaque)
{
    remoteCloseNotice *notice = opaque;
    remoteCloseNotice old = { .watch = -1 };

    virMutexLock(&notice->lock);
    if (notice->conn && notice->watch == watch)
        remoteCloseNoticeTakeOut(notice, &old);
    virMutexUnlock(&notice->lock);
    if (!old.conn)
        return;
    old.cb(old.conn, old.reason, old.opaque);
    remoteCloseNoticeFinish(&old);
}

int
remoteCloseNoticeRegister(remoteCloseNotice *notice, virConnectPtr conn,
                          virConnectCloseFunc cb, void *opaque, virFreeCallback freecb)
{
    int watch;

    virMutexLock(&notice->lock);
    if (notice->conn) {
        virMutexUnlock(&notice->lock);
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("a close callback is registered already"));
        return -1;
    }
    notice->conn = virConnectRefInternal(conn);
    notice->cb = cb;
    notice->opaque = opaque;
    notice->freecb = freecb;
    virMutexUnlock(&notice->lock);

    atomic_fetch_add(&notice->refs, 1);
    watch = virEventAddHandle(notice->fd, VIR_EVENT_HANDLE_READABLE, remoteCloseNoticeOnLost,
                              notice, remoteCloseNoticeUnref);
    if (watch < 0) {
        /* No event loop: nothing will ever be called. */
        virResetLastError();
        remoteCloseNoticeUnref(notice);
        return 0;
    }
    virMutexLock(&notice->lock);
    if (notice->conn == conn && notice->watch < 0) {
        notice->watch = watch;
        watch = -1;
    }
    virMutexUnlock(&notice->lock);
    if (watch >= 0)
        virEventRemoveHandle(watch);    /* another thread has unregistered it meanwhile */
    return 0;
}

int
remoteCloseNoticeUnregister(remoteCloseNotice *notice, virConnectCloseFunc cb)
{
    remoteCloseNotice old = { .watch = -1 };

    virMutexLock(&notice->lock);
    if (notice->conn && notice->cb == cb)
        remoteCloseNoticeTakeOut(notice, &old);
    virMutexUnlock(&notice->lock);
    if (!old.conn) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("a different close callback is registered, or none"));
        return -1;
    }
    remoteCloseNoticeFinish(&old);
    return 0;
}

void
remoteCloseNoticeTell(remoteCloseNotice *notice, virConnectCloseReason reason)
{
    guint64 one = 1;
    bool first;

    virMutexLock(&notice->lock);
    if ((first = !notice->lost)) {
        notice->lost = true;
        notice->reason = reason;
    }
    virMutexUnlock(&notice->lock);
    while (first && write(notice->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}
