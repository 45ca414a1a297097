/*
 * qemu_state.c: the driver that a daemon runs for its clients
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_state.h"

#include "qemu_domain.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static virMutex qemuStateLock = VIR_MUTEX_INITIALIZER;
static qemuURI *qemuStateConfig;            /* guarded by qemuStateLock, as the next */
static qemuInstance *qemuStateInstance;     /* a reference */

static int
qemuStateCheck(const char *const *monitors)
{
    g_autoptr(qemuURI) config = NULL;

    return qemuURIFromPatterns(monitors, &config);
}

static int
qemuStateInitialize(const char *const *monitors)
{
    g_autoptr(qemuURI) config = NULL;
    qemuInstance *instance;

    if (qemuURIFromPatterns(monitors, &config) < 0 || !(instance = qemuInstanceOpen(config)))
        return -1;
    virMutexLock(&qemuStateLock);
    qemuStateConfig = g_steal_pointer(&config);
    qemuStateInstance = instance;
    virMutexUnlock(&qemuStateLock);
    return 0;
}

static int
qemuStateReload(const char *const *monitors)
{
    g_autoptr(qemuURI) config = NULL;

    /* Called by the daemon between its own other calls, so the instance is there. */
    if (qemuURIFromPatterns(monitors, &config) < 0)
        return -1;
    return qemuInstanceSetPatterns(qemuStateInstance, config->patterns);
}

/* Any thread, as the next; the daemon calls neither before the start nor after the end. */
static void
qemuStateSetEventRate(guint64 perSecond, guint64 burst)
{
    virObjectEventStateSetRate(qemuInstanceEvents(qemuStateInstance), perSecond, burst);
}

static void
qemuStateForEachDomain(virStateDomainFunc func, void *opaque)
{
    g_autoptr(GPtrArray) all = virDomainListGetAll(qemuInstanceDomains(qemuStateInstance));
    guint i;

    for (i = 0; i < all->len; i++) {
        virDomainObj *obj = g_ptr_array_index(all, i);
        const qemuDomain *priv = qemuDomainGet(obj);
        virDomainIdent *ident = obj->ident;
        const virStateDomain domain = {
            .name = ident->name,
            .uuid = ident->uuid,
            .id = ident->id,
            .stream = ident->stream,
            .queuedBytes = atomic_load(&ident->queuedBytes),
            .relayedBytes = atomic_load(&ident->relayedBytes),
            .events = atomic_load(&ident->pushed),
            .lost = atomic_load(&ident->lost),
            .limited = atomic_load(&ident->limited),
            .refused = atomic_load(&ident->refused),
            .held = atomic_load(&ident->held),
            .monitor = priv->path,
            .pid = priv->pid,
            .state = virDomainObjGetState(obj, NULL),
        };

        func(&domain, opaque);
    }
}

static void
qemuStateStop(void)
{
    qemuInstanceStopAll(qemuStateInstance);
}

static void
qemuStateCleanup(void)
{
    qemuURI *config;
    qemuInstance *instance;

    virMutexLock(&qemuStateLock);
    config = g_steal_pointer(&qemuStateConfig);
    instance = g_steal_pointer(&qemuStateInstance);
    virMutexUnlock(&qemuStateLock);
    qemuInstanceClose(instance);
    qemuURIFree(config);
}

const virStateDriver qemuStateDriver = {
    .name = "QEMU",
    .stateCheck = qemuStateCheck,
    .stateInitialize = qemuStateInitialize,
    .stateReload = qemuStateReload,
    .stateSetEventRate = qemuStateSetEventRate,
    .stateForEachDomain = qemuStateForEachDomain,
    .stateStop = qemuStateStop,
    .stateCleanup = qemuStateCleanup,
};

bool
qemuStateIsActive(void)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&qemuStateLock);

    return qemuStateInstance != NULL;
}

qemuInstance *
qemuStateOpen(void)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&qemuStateLock);

    if (!qemuStateConfig) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the daemon is ending"));
        return NULL;
    }
    /* Open already, so this is just one more reference. */
    return qemuInstanceOpen(qemuStateConfig);
}
