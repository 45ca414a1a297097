/*
 * qemu_domain.c: what the driver keeps of one domain, and what becomes of its
 * events
 *
 * The raw event is queued before the domain events that follow from it, so
 * that both tell one story in one order.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_domain.h"

#include <string.h>
#include <sys/socket.h>

#include "qemu_process.h"

void
qemuEventSinkAdd(qemuEventSink *sink, virObjectEvent *event)
{
    virObjectEventBatchAdd(&sink->batch, event);
    if (sink->batch.count >= QEMU_EVENT_SINK_MAX)
        qemuEventSinkFlush(sink);
}

void
qemuEventSinkFlush(qemuEventSink *sink)
{
    if (sink->batch.count == 0)
        return;
    virObjectEventStatePush(sink->state, &sink->batch);
    virObjectEventStateYield(sink->state);
}

void
qemuEventSinkResume(qemuEventSink *sink)
{
    size_t i;

    if (!sink->paused)
        return;
    for (i = 0; i < sink->paused->len; i++) {
        qemuDomain *priv = qemuDomainGet(g_ptr_array_index(sink->paused, i));

        priv->paused = false;
        qemuMonitorResume(priv->mon);
    }
    g_ptr_array_set_size(sink->paused, 0);
}

static void
qemuDomainFree(void *opaque)
{
    qemuDomain *priv = opaque;

    qemuTypedQueueFree(priv->typed);
    qemuMonitorUnref(priv->mon);
    g_free(priv->path);
    g_free(priv->target);
    qemuMetadataFree(priv->metadata);
    virCondDestroy(&priv->changed);
    virMutexDestroy(&priv->lock);
    g_free(priv);
}

virDomainObj *
qemuDomainNew(const char *name, const unsigned char *uuid, int id, qemuMonitor *mon,
              const char *path, pid_t pid, const qemuIdentity *identity, int runningReason)
{
    g_autoptr(virDomainIdent) ident = virDomainIdentNew(name, uuid, id);
    qemuDomain *priv = g_new0(qemuDomain, 1);
    virDomainObj *obj;

    priv->mon = qemuMonitorRef(mon);
    priv->typed = qemuTypedQueueNew(mon, ident);
    priv->path = g_strdup(path);
    priv->pid = pid;
    priv->pidStart = pid ? qemuProcessStartTime(pid) : 0;
    priv->version = identity->version;
    priv->target = g_strdup(identity->target);
    priv->kvm = identity->kvm;
    priv->metadata = qemuMetadataNew();
    qemuLifecycleInit(&priv->life, identity->status, runningReason);
    priv->agentFd = -1;
    virMutexInit(&priv->lock);
    virCondInit(&priv->changed);

    obj = virDomainObjNew(ident, priv, qemuDomainFree);
    virDomainObjSetState(obj, priv->life.state, priv->life.reason);
    return obj;
}

qemuDomain *
qemuDomainGet(virDomainObj *obj)
{
    return obj->privateData;
}

void
qemuDomainRelayEvent(virDomainObj *obj, const qemuDomainEvent *event, qemuEventSink *sink)
{
    if (!virObjectEventStateIsWatched(sink->state))
        return;
    qemuEventSinkAdd(sink, virDomainMonitorEventNew(obj->ident, event->number,
                                                    event->name, event->nameLen,
                                                    event->seconds, event->micros,
                                                    event->received,
                                                    event->data, event->dataLen));
}

static void
qemuDomainPassOn(virObjectEvent *event, void *opaque)
{
    qemuEventSinkAdd(opaque, event);
}

/* The state follows an event of QEMU's. Returns the lifecycle event that tells of it to who wants
 * to know, or NULL. */
static virObjectEvent *
qemuDomainFollow(virDomainObj *obj, qemuLifecycleEvent event, const virJSONValue *data,
                 qemuEventSink *sink)
{
    qemuDomain *priv = obj->privateData;
    int type, detail;
    bool told;

    if (event == QEMU_LIFECYCLE_NONE)
        return NULL;
    if (event == QEMU_LIFECYCLE_STOP)
        priv->life.asked = atomic_exchange(&priv->suspending, false);
    told = qemuLifecycleApply(&priv->life, event, data, &type, &detail);
    virDomainObjSetState(obj, priv->life.state, priv->life.reason);
    if (!told || !virObjectEventStateWantsKind(sink->state, VIR_DOMAIN_EVENT_ID_LIFECYCLE))
        return NULL;
    return virDomainEventLifecycleNew(obj->ident, type, detail);
}

void
qemuDomainHandleEvent(virDomainObj *obj, const qemuDomainEvent *event, qemuEventSink *sink)
{
    const qemuTypedEventRow *row = qemuTypedEventFind(event->name, event->nameLen);
    qemuDomain *priv = obj->privateData;
    bool incoming = priv->life.incoming;
    virObjectEvent *lifecycle;
    virJSONValue *data = NULL;
    guint64 wanted;

    qemuDomainRelayEvent(obj, event, sink);
    if (G_LIKELY(!row))
        return;
    wanted = virObjectEventStateGetKinds(sink->state) & row->kinds;
    /* A storm costs hardly more than its monitor events, where nobody wants to know. */
    if (wanted != 0 || qemuTypedEventIsLife(row, event->data, event->dataLen))
        data = qemuTypedQueueParse(priv->typed, row, event->data, event->dataLen);
    lifecycle = qemuDomainFollow(obj, row->life, data, sink);

    if (wanted != 0)
        qemuTypedQueueHandle(priv->typed, row, g_steal_pointer(&data), wanted, incoming,
                             qemuDomainPassOn, sink);
    else
        qemuTypedQueueSkip(priv->typed, row);
    if (lifecycle)
        qemuTypedQueueAdd(priv->typed, lifecycle, qemuDomainPassOn, sink);
    virJSONValueFree(data);
}

bool
qemuDomainMayRead(virDomainObj *obj, qemuEventSink *sink)
{
    qemuDomain *priv = obj->privateData;

    if (!virObjectEventStateIsAhead(sink->state, obj->ident))
        return true;
    if (!sink->paused)
        sink->paused = g_ptr_array_new_with_free_func((GDestroyNotify)virDomainObjUnref);
    if (!priv->paused)
        g_ptr_array_add(sink->paused, virDomainObjRef(obj));
    priv->paused = true;
    return false;
}

void
qemuDomainTellGap(virDomainObj *obj, const virEventGap *gap, qemuEventSink *sink)
{
    if (virObjectEventStateIsWatched(sink->state))
        qemuEventSinkAdd(sink, virDomainMonitorEventLostNew(obj->ident, gap));
}

static void
qemuDomainSetEnded(qemuDomain *priv)
{
    virMutexLock(&priv->lock);
    priv->ended = true;
    if (priv->agentFd >= 0)
        shutdown(priv->agentFd, SHUT_RDWR);
    virCondBroadcast(&priv->changed);
    virMutexUnlock(&priv->lock);
}

void
qemuDomainEnd(virDomainObj *obj, bool failed, qemuEventSink *sink)
{
    qemuDomain *priv = obj->privateData;
    bool destroyed = atomic_load(&priv->destroying);
    int detail = qemuLifecycleEnd(&priv->life, destroyed);

    virDomainObjSetState(obj, priv->life.state, priv->life.reason);
    qemuTypedQueueFlush(priv->typed, qemuDomainPassOn, sink);
    if (failed && !destroyed &&
        virObjectEventStateWantsKind(sink->state, VIR_DOMAIN_EVENT_ID_CONTROL_ERROR))
        qemuEventSinkAdd(sink, virDomainEventNew(obj->ident, VIR_DOMAIN_EVENT_ID_CONTROL_ERROR,
                                                 &(virDomainEventArgs) { { 0 } }));
    qemuEventSinkAdd(sink, virDomainEventLifecycleNew(obj->ident, VIR_DOMAIN_EVENT_STOPPED,
                                                      detail));
    qemuDomainSetEnded(priv);
}

void
qemuDomainLetGo(virDomainObj *obj, qemuEventSink *sink)
{
    qemuDomain *priv = obj->privateData;

    qemuTypedQueueFlush(priv->typed, qemuDomainPassOn, sink);
    qemuEventSinkAdd(sink, virDomainEventLifecycleNew(obj->ident, VIR_DOMAIN_EVENT_UNDEFINED,
                                                      VIR_DOMAIN_EVENT_UNDEFINED_REMOVED));
    qemuDomainSetEnded(priv);
}

bool
qemuDomainWaitEnd(virDomainObj *obj, unsigned int timeout)
{
    qemuDomain *priv = obj->privateData;
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout * 1000;
    bool ended;

    virMutexLock(&priv->lock);
    while (!priv->ended && virCondWaitUntil(&priv->changed, &priv->lock, deadline))
        ;
    ended = priv->ended;
    virMutexUnlock(&priv->lock);
    return ended;
}
