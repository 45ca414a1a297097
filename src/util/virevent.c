/*
 * virevent.c: the event loop that the application registered, as the library uses it
 *
 * Not an event loop itself: the built-in one is in vireventglib.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <libvirt/libvirt.h>

#include "virerror_priv.h"
#include "vireventglib.h"
#include "virgettext.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_EVENT

VIR_LOG_INIT("util.event");

typedef struct {
    virEventAddHandleFunc addHandle;
    virEventUpdateHandleFunc updateHandle;
    virEventRemoveHandleFunc removeHandle;
    virEventAddTimeoutFunc addTimeout;
    virEventUpdateTimeoutFunc updateTimeout;
    virEventRemoveTimeoutFunc removeTimeout;
} virEventImpl;

static virMutex virEventLock = VIR_MUTEX_INITIALIZER;
static virEventImpl virEventCurrent;    /* guarded by virEventLock; all NULL: none yet */

static virEventImpl
virEventGetImpl(void)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virEventLock);

    return virEventCurrent;
}

/**
 * virEventRegisterImpl:
 *
 * Takes the six functions of the application's loop. Only the first loop that
 * is registered counts, as in libvirt: handles already live in it.
 */
void
virEventRegisterImpl(virEventAddHandleFunc addHandle, virEventUpdateHandleFunc updateHandle,
                     virEventRemoveHandleFunc removeHandle, virEventAddTimeoutFunc addTimeout,
                     virEventUpdateTimeoutFunc updateTimeout,
                     virEventRemoveTimeoutFunc removeTimeout)
{
    virEventImpl impl = {
        addHandle, updateHandle, removeHandle, addTimeout, updateTimeout, removeTimeout,
    };
    bool taken = false;

    virMutexLock(&virEventLock);
    if (virEventCurrent.addHandle)
        taken = true;
    else
        virEventCurrent = impl;
    virMutexUnlock(&virEventLock);

    if (taken)
        VIR_WARN("an event loop is registered already; this one is ignored");
}

/**
 * virEventRegisterDefaultImpl:
 *
 * Registers the built-in loop, which runs on GLib's default main context: by
 * virEventRunDefaultImpl(), or by any GMainLoop on that context.
 *
 * Returns 0, as registering it twice does.
 */
int
virEventRegisterDefaultImpl(void)
{
    bool taken;

    virResetLastError();
    virMutexLock(&virEventLock);
    taken = virEventCurrent.addHandle != NULL;
    virMutexUnlock(&virEventLock);

    if (!taken)
        virEventRegisterImpl(virEventGLibAddHandle, virEventGLibUpdateHandle,
                             virEventGLibRemoveHandle, virEventGLibAddTimeout,
                             virEventGLibUpdateTimeout, virEventGLibRemoveTimeout);
    return 0;
}

/**
 * virEventRunDefaultImpl:
 *
 * One turn of the built-in loop: waits until something is due and serves it.
 *
 * Returns 0, or -1 with an error reported if another loop is registered.
 */
int
virEventRunDefaultImpl(void)
{
    virEventImpl impl = virEventGetImpl();

    virResetLastError();
    if (impl.addHandle != virEventGLibAddHandle) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("the built-in event loop is not registered; call "
                         "virEventRegisterDefaultImpl() first"));
        virErrorCallHandler(virGetLastError());
        return -1;
    }
    virEventGLibRunOnce();
    return 0;
}

int
virEventAddHandle(int fd, int events, virEventHandleCallback cb, void *opaque,
                  virFreeCallback ff)
{
    virEventImpl impl = virEventGetImpl();

    return impl.addHandle ? impl.addHandle(fd, events, cb, opaque, ff) : -1;
}

void
virEventUpdateHandle(int watch, int events)
{
    virEventImpl impl = virEventGetImpl();

    if (impl.updateHandle)
        impl.updateHandle(watch, events);
}

int
virEventRemoveHandle(int watch)
{
    virEventImpl impl = virEventGetImpl();

    return impl.removeHandle ? impl.removeHandle(watch) : -1;
}

int
virEventAddTimeout(int frequency, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
    virEventImpl impl = virEventGetImpl();

    return impl.addTimeout ? impl.addTimeout(frequency, cb, opaque, ff) : -1;
}

void
virEventUpdateTimeout(int timer, int frequency)
{
    virEventImpl impl = virEventGetImpl();

    if (impl.updateTimeout)
        impl.updateTimeout(timer, frequency);
}

int
virEventRemoveTimeout(int timer)
{
    virEventImpl impl = virEventGetImpl();

    return impl.removeTimeout ? impl.removeTimeout(timer) : -1;
}
