/*
 * qemu_instance.c: one running driver: its sockets, its domains, its thread
 *
 * The I/O thread decides everything about sockets and domains, so that none of
 * it needs a lock; other threads ask it or read the list of domains.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_instance.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "qemu_endpoint.h"
#include "virioloop.h"
#include "qemu_process.h"
#include "qemu_watch.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.instance");

/* A caller that waits for one socket. */
typedef struct {
    qemuInstance *instance;         /* these three are immutable */
    const char *path;
    pid_t pid;
    bool done;                      /* guarded by the instance's lock, as the rest */
    qemuInstanceAttachOutcome outcome;
    virDomainObj *dom;
    char *message;
} qemuInstanceRequest;

/* An endpoint as the instance sees it; the I/O thread's own. */
typedef struct {
    qemuInstance *instance;
    qemuEndpoint *endpoint;
    bool watched;                   /* there is a socket that the watch found */
    bool initial;                   /* opening still waits for it */
    bool replaced;                  /* its path leads to another socket now */
    dev_t dev;                      /* which socket the watch found */
    ino_t ino;
    pid_t pid;                      /* of QEMU, if a caller named it; else 0 */
    GPtrArray *requests;            /* qemuInstanceRequest: callers that wait for it (borrowed) */
} qemuInstanceSocket;

struct _qemuInstance {
    char *key;                      /* these are immutable once it runs */
    char *bootID;
    GPtrArray *patterns;
    virIOLoop *io;
    virObjectEventState *events;
    virDomainList *domains;

    size_t refs;                    /* guarded by qemuInstancesLock */

    virMutex lock;                  /* guards the next three, and all requests */
    virCond changed;                /* one of them, or a request */
    bool open;                      /* opening is over, one way or the other */
    bool failed;                    /* ... and has failed: openError says why */
    virErrorPtr openError;

    /* The rest is the I/O thread's own. */
    qemuEventSink sink;
    qemuWatch *watch;
    GHashTable *sockets;            /* qemuInstanceSocket by path; not the replaced ones */
    GPtrArray *replaced;            /* those */
    int lastID;
    size_t initial;                 /* sockets that opening waits for */
    bool scanning;                  /* the first walk is on */
    virIOTimer *openTimer;         /* ends opening */
};

static virMutex qemuInstancesLock = VIR_MUTEX_INITIALIZER;
static GHashTable *qemuInstances;   /* by key; guarded by qemuInstancesLock */

static void
qemuInstanceSocketFree(void *opaque)
{
    qemuInstanceSocket *sock = opaque;

    qemuEndpointFree(sock->endpoint);
    g_ptr_array_unref(sock->requests);
    g_free(sock);
}

static void
qemuInstanceTurnEnd(void *opaque)
{
    qemuInstance *instance = opaque;

    qemuEventSinkFlush(&instance->sink);
}

/* Opening need wait no longer. */
static void
qemuInstanceSetOpen(qemuInstance *instance, virErrorPtr error)
{
    virMutexLock(&instance->lock);
    instance->open = true;
    instance->failed = error != NULL;
    instance->openError = error;
    virCondBroadcast(&instance->changed);
    virMutexUnlock(&instance->lock);
}

static void
qemuInstanceRequestDone(qemuInstanceRequest *request, qemuInstanceAttachOutcome outcome,
                        virDomainObj *dom, const char *message)
{
    qemuInstance *instance = request->instance;

    virMutexLock(&instance->lock);
    request->done = true;
    request->outcome = outcome;
    request->dom = dom ? virDomainObjRef(dom) : NULL;
    request->message = g_strdup(message);
    virCondBroadcast(&instance->changed);
    virMutexUnlock(&instance->lock);
}

/* The smallest free one of NAME, NAME-2, NAME-3, ... */
static char *
qemuInstanceFreeName(qemuInstance *instance, const char *name)
{
    g_autofree char *candidate = g_strdup(name);
    unsigned int n;

    for (n = 2;; n++) {
        g_autoptr(virDomainObj) other = virDomainListFindByName(instance->domains, candidate);

        if (!other)
            return g_steal_pointer(&candidate);
        g_free(candidate);
        candidate = g_strdup_printf("%s-%u", name, n);
    }
}

/* Always the same for one run of one QEMU on one socket. */
static void
qemuInstanceDeriveUUID(qemuInstance *instance, const char *path, pid_t pid, unsigned char *uuid)
{
    g_autofree char *text = g_strdup_printf("%s\n%lld\n%llu\n%s", path, (long long)pid,
                                            (unsigned long long)qemuProcessStartTime(pid),
                                            instance->bootID);

    virUUIDFromText(text, uuid);
}

/* Is the QEMU behind a new monitor one that has a domain already? */
static bool
qemuInstanceIsKnown(qemuInstance *instance, const char *path, pid_t pid,
                    const qemuIdentity *identity)
{
    g_autoptr(virDomainObj) dom = NULL;

    /* The kernel names the process that made the socket listen. That need not be the QEMU
     * itself, and then says only together with the UUID that it is the same one. */
    if (pid > 0 && identity->hasUUID &&
        (dom = virDomainListFindByUUID(instance->domains, identity->uuid)) &&
        qemuDomainGet(dom)->pid != pid)
        g_clear_pointer(&dom, virDomainObjUnref);
    if (!dom && pid > 0 && qemuProcessIsQemu(pid))
        dom = qemuInstanceFindByPid(instance, pid);
    if (!dom)
        return false;
    VIR_WARN("'%s' is another monitor of domain '%s', which is attached at '%s': left alone",
             path, dom->ident->name, qemuDomainGet(dom)->path);
    return true;
}

static void
qemuInstanceChooseUUID(qemuInstance *instance, const char *path, pid_t pid,
                       const qemuIdentity *identity, unsigned char *uuid)
{
    g_autoptr(virDomainObj) other = NULL;

    if (identity->hasUUID) {
        memcpy(uuid, identity->uuid, VIR_UUID_BUFLEN);
        if (!(other = virDomainListFindByUUID(instance->domains, uuid)))
            return;
    }
    qemuInstanceDeriveUUID(instance, path, pid, uuid);
    if (other) {
        char text[VIR_UUID_STRING_BUFLEN];

        VIR_WARN("'%s': the QEMU behind it has the UUID of domain '%s', it is called %s instead",
                 path, other->ident->name, virUUIDFormat(uuid, text));
    }
}

/* The path that one QEMU was told may lead to another by now: that of @pid. */
static void
qemuInstanceRequestDeny(qemuInstanceRequest *request, pid_t pid)
{
    g_autofree char *message = g_strdup_printf(_("it is that of process %1$lld"), (long long)pid);

    qemuInstanceRequestDone(request, QEMU_INSTANCE_ATTACH_FAILED, NULL, message);
}

/* Forgets the callers who asked for another process than @pid. */
static void
qemuInstanceDenyOthers(qemuInstanceSocket *sock, pid_t pid)
{
    guint i;

    for (i = sock->requests->len; i > 0; i--) {
        qemuInstanceRequest *request = g_ptr_array_index(sock->requests, i - 1);

        if (request->pid == pid)
            continue;
        g_ptr_array_remove_index(sock->requests, i - 1);
        qemuInstanceRequestDeny(request, pid);
    }
}

static virDomainObj *
qemuInstanceAdmit(qemuEndpoint *endpoint, qemuMonitor *mon, qemuIdentity *identity, void *opaque)
{
    qemuInstanceSocket *sock = opaque;
    qemuInstance *instance = sock->instance;
    const char *path = qemuEndpointPath(endpoint);
    pid_t peer = qemuMonitorPeerPid(mon);
    pid_t pid = sock->pid ? sock->pid : peer;
    g_autofree char *wanted = NULL;
    g_autofree char *name = NULL;
    g_autoptr(virDomainObj) dom = NULL;
    unsigned char uuid[VIR_UUID_BUFLEN];

    if (pid != peer && qemuProcessIsQemu(peer)) {
        pid = peer;
        qemuInstanceDenyOthers(sock, pid);
        if (!sock->watched && sock->requests->len == 0)
            return NULL;
    }
    if (qemuInstanceIsKnown(instance, path, pid, identity))
        return NULL;
    if (instance->lastID == G_MAXINT) {
        VIR_ERROR("'%s': there are no domain IDs left", path);
        return NULL;
    }

    wanted = identity->name ? g_strdup(identity->name) : qemuIdentifyNameFromPath(path);
    name = qemuInstanceFreeName(instance, wanted);
    if (!g_str_equal(name, wanted))
        VIR_WARN("'%s': there is a domain '%s' already, this one is called '%s'",
                 path, wanted, name);
    qemuInstanceChooseUUID(instance, path, pid, identity, uuid);

    dom = qemuDomainNew(name, uuid, instance->lastID + 1, mon, path, pid, identity,
                        sock->initial || sock->requests->len > 0 ? VIR_DOMAIN_RUNNING_UNKNOWN :
                                                                   VIR_DOMAIN_RUNNING_BOOTED);
    if (virDomainListAdd(instance->domains, dom) < 0) {
        VIR_WARN("'%s': %s", path, virErrorLastMessage());
        virResetLastError();
        return NULL;
    }
    instance->lastID++;
    VIR_INFO("domain '%s' is attached at '%s'", name, path);
    /* Those that were there when the driver was opened are no news. */
    if (!sock->initial)
        qemuEventSinkAdd(&instance->sink,
                         virDomainEventLifecycleNew(dom->ident, VIR_DOMAIN_EVENT_STARTED,
                                                    VIR_DOMAIN_EVENT_STARTED_BOOTED));
    return g_steal_pointer(&dom);
}

static void
qemuInstanceSettled(qemuEndpoint *endpoint, qemuEndpointOutcome outcome, const char *message,
                    void *opaque)
{
    qemuInstanceSocket *sock = opaque;
    qemuInstance *instance = sock->instance;
    qemuInstanceAttachOutcome told = QEMU_INSTANCE_ATTACH_FAILED;
    size_t i;

    if (sock->initial) {
        sock->initial = false;
        if (--instance->initial == 0 && !instance->scanning)
            qemuInstanceSetOpen(instance, NULL);
    }

    if (outcome == QEMU_ENDPOINT_ATTACHED)
        told = QEMU_INSTANCE_ATTACH_OK;
    else if (outcome == QEMU_ENDPOINT_BUSY)
        told = QEMU_INSTANCE_ATTACH_BUSY;
    for (i = 0; i < sock->requests->len; i++)
        qemuInstanceRequestDone(g_ptr_array_index(sock->requests, i), told,
                                qemuEndpointDomain(endpoint), message);
    g_ptr_array_set_size(sock->requests, 0);

    /* A socket that is not watched is there for those who asked for it. One that is busy is given
     * up when they leave. */
    if (!sock->watched && outcome != QEMU_ENDPOINT_ATTACHED)
        qemuEndpointAbandon(endpoint);
}

static void
qemuInstanceEnded(qemuEndpoint *endpoint, virDomainObj *dom, void *opaque)
{
    qemuInstanceSocket *sock = opaque;
    qemuInstance *instance = sock->instance;

    virDomainListRemove(instance->domains, dom);
    qemuDomainEnd(dom, &instance->sink);
    sock->pid = 0;
    if (!sock->watched)
        qemuEndpointAbandon(endpoint);
}

static void
qemuInstanceDone(qemuEndpoint *endpoint, void *opaque)
{
    qemuInstanceSocket *sock = opaque;
    qemuInstance *instance = sock->instance;
    g_autofree char *path = g_strdup(qemuEndpointPath(endpoint));

    if (sock->replaced)
        g_ptr_array_remove_fast(instance->replaced, sock);
    else
        g_hash_table_remove(instance->sockets, path);
}

static const qemuEndpointCallbacks qemuInstanceEndpointCallbacks = {
    .admit = qemuInstanceAdmit,
    .settled = qemuInstanceSettled,
    .ended = qemuInstanceEnded,
    .done = qemuInstanceDone,
};

static qemuInstanceSocket *
qemuInstanceAddSocket(qemuInstance *instance, const char *path)
{
    qemuInstanceSocket *sock = g_new0(qemuInstanceSocket, 1);

    sock->instance = instance;
    sock->requests = g_ptr_array_new();
    sock->endpoint = qemuEndpointNew(instance->io, path, &instance->sink,
                                     &qemuInstanceEndpointCallbacks, sock);
    g_hash_table_insert(instance->sockets, g_strdup(path), sock);
    return sock;
}

/* Another QEMU has taken the path over, while the connection to the old one is still there:
 * that goes on without a path until it ends. */
static void
qemuInstanceReplace(qemuInstance *instance, qemuInstanceSocket *sock)
{
    const char *path = qemuEndpointPath(sock->endpoint);
    gpointer key = NULL;
    guint i;

    VIR_INFO("'%s' is another socket now", path);
    /* They would not find it again to take their leave. */
    for (i = 0; i < sock->requests->len; i++)
        qemuInstanceRequestDone(g_ptr_array_index(sock->requests, i), QEMU_INSTANCE_ATTACH_FAILED,
                                NULL, _("another socket has taken its place"));
    g_ptr_array_set_size(sock->requests, 0);
    g_hash_table_steal_extended(instance->sockets, path, &key, NULL);
    g_free(key);
    g_ptr_array_add(instance->replaced, sock);
    sock->replaced = true;
    qemuEndpointAbandon(sock->endpoint);
}

static void
qemuInstanceAppeared(const char *path, dev_t dev, ino_t ino, void *opaque)
{
    qemuInstance *instance = opaque;
    qemuInstanceSocket *sock = g_hash_table_lookup(instance->sockets, path);

    if (sock && sock->watched && (sock->dev != dev || sock->ino != ino) &&
        qemuEndpointIsConnected(sock->endpoint)) {
        qemuInstanceReplace(instance, sock);
        sock = NULL;
    }
    if (!sock) {
        sock = qemuInstanceAddSocket(instance, path);
        sock->initial = instance->scanning;
        if (sock->initial)
            instance->initial++;
    }
    sock->watched = true;
    sock->dev = dev;
    sock->ino = ino;
    qemuEndpointHurry(sock->endpoint);
}

static void
qemuInstanceVanished(const char *path, void *opaque)
{
    qemuInstance *instance = opaque;
    qemuInstanceSocket *sock = g_hash_table_lookup(instance->sockets, path);

    if (!sock)
        return;
    sock->watched = false;
    /* A connection outlives its path. */
    if (!qemuEndpointIsConnected(sock->endpoint))
        qemuEndpointAbandon(sock->endpoint);
}

static const qemuWatchCallbacks qemuInstanceWatchCallbacks = {
    .appeared = qemuInstanceAppeared,
    .vanished = qemuInstanceVanished,
};

/* Some sockets that were there did not get ready in time: they are news when they do. */
static void
qemuInstanceOpenDue(void *opaque)
{
    qemuInstance *instance = opaque;
    qemuInstanceSocket *sock;
    GHashTableIter iter;

    if (instance->initial == 0)
        return;
    VIR_WARN("%zu monitors did not answer yet", instance->initial);
    g_hash_table_iter_init(&iter, instance->sockets);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&sock))
        sock->initial = false;
    instance->initial = 0;
    qemuInstanceSetOpen(instance, NULL);
}

/* In the I/O thread. */
static void
qemuInstanceStart(void *opaque)
{
    qemuInstance *instance = opaque;

    instance->openTimer = virIOLoopAddTimer(instance->io, QEMU_INSTANCE_OPEN_TIMEOUT_MS,
                                         qemuInstanceOpenDue, instance);
    instance->scanning = true;
    instance->watch = qemuWatchNew(instance->io,
                                   (const char *const *)instance->patterns->pdata,
                                   &qemuInstanceWatchCallbacks, instance);
    instance->scanning = false;
    if (!instance->watch) {
        virErrorPtr error = NULL;

        virErrorPreserveLast(&error);
        qemuInstanceSetOpen(instance, error);
    } else if (instance->initial == 0) {
        qemuInstanceSetOpen(instance, NULL);
    }
}

/* In the I/O thread. */
static void
qemuInstanceStop(void *opaque)
{
    qemuInstance *instance = opaque;

    g_clear_pointer(&instance->openTimer, virIOLoopRemoveTimer);
    g_clear_pointer(&instance->watch, qemuWatchFree);
    g_hash_table_remove_all(instance->sockets);
    g_ptr_array_set_size(instance->replaced, 0);
    virObjectEventBatchClear(&instance->sink.batch);
}

static void
qemuInstanceFree(qemuInstance *instance)
{
    if (instance->io) {
        virIOLoopInvokeWait(instance->io, qemuInstanceStop, instance);
        virIOLoopFree(instance->io);
    }
    g_hash_table_unref(instance->sockets);
    g_ptr_array_unref(instance->replaced);
    virDomainListFree(instance->domains);
    virObjectEventStateUnref(instance->events);
    g_ptr_array_unref(instance->patterns);
    g_free(instance->bootID);
    g_free(instance->key);
    virFreeError(instance->openError);
    virCondDestroy(&instance->changed);
    virMutexDestroy(&instance->lock);
    g_free(instance);
}

static qemuInstance *
qemuInstanceNew(const qemuURI *config)
{
    qemuInstance *instance = g_new0(qemuInstance, 1);

    instance->refs = 1;
    instance->key = g_strdup(config->key);
    instance->bootID = qemuProcessBootID();
    instance->patterns = g_ptr_array_ref(config->patterns);
    instance->events = virObjectEventStateNew(0);
    instance->domains = virDomainListNew();
    instance->sockets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                              qemuInstanceSocketFree);
    instance->replaced = g_ptr_array_new_with_free_func(qemuInstanceSocketFree);
    instance->sink.state = instance->events;
    virMutexInit(&instance->lock);
    virCondInit(&instance->changed);
    return instance;
}

/* What only its first opener does, with no lock held. */
static void
qemuInstanceRun(qemuInstance *instance, const qemuURI *config)
{
    virErrorPtr error = NULL;

    if (config->root && g_mkdir_with_parents(config->root, 0700) < 0) {
        virReportSystemError(errno, _("cannot create root directory '%1$s'"), config->root);
    } else if ((instance->io = virIOLoopNew("virtmon-qemu"))) {
        virIOLoopSetTurnEnd(instance->io, qemuInstanceTurnEnd, instance);
        virIOLoopInvokeWait(instance->io, qemuInstanceStart, instance);
        return;
    }
    virErrorPreserveLast(&error);
    qemuInstanceSetOpen(instance, error);
}

qemuInstance *
qemuInstanceOpen(const qemuURI *config)
{
    qemuInstance *instance;
    bool first = false, failed;

    virMutexLock(&qemuInstancesLock);
    if (!qemuInstances)
        qemuInstances = g_hash_table_new(g_str_hash, g_str_equal);
    instance = g_hash_table_lookup(qemuInstances, config->key);
    if (instance) {
        instance->refs++;
    } else {
        first = true;
        instance = qemuInstanceNew(config);
        g_hash_table_insert(qemuInstances, instance->key, instance);
    }
    virMutexUnlock(&qemuInstancesLock);

    if (first)
        qemuInstanceRun(instance, config);

    virMutexLock(&instance->lock);
    while (!instance->open)
        virCondWait(&instance->changed, &instance->lock);
    failed = instance->failed;
    virMutexUnlock(&instance->lock);
    if (!failed)
        return instance;

    /* It does not change any more; each of the openers gets the error as its own. */
    virSetError(instance->openError);
    qemuInstanceClose(instance);
    return NULL;
}

void
qemuInstanceClose(qemuInstance *instance)
{
    bool last;

    if (!instance)
        return;
    virMutexLock(&qemuInstancesLock);
    last = --instance->refs == 0;
    if (last) {
        g_hash_table_remove(qemuInstances, instance->key);
        if (g_hash_table_size(qemuInstances) == 0)
            g_clear_pointer(&qemuInstances, g_hash_table_unref);
    }
    virMutexUnlock(&qemuInstancesLock);
    if (last)
        qemuInstanceFree(instance);
}

virDomainList *
qemuInstanceDomains(qemuInstance *instance)
{
    return instance->domains;
}

virObjectEventState *
qemuInstanceEvents(qemuInstance *instance)
{
    return instance->events;
}

virDomainObj *
qemuInstanceFindByPid(qemuInstance *instance, pid_t pid)
{
    g_autoptr(GPtrArray) all = virDomainListGetAll(instance->domains);
    guint64 start = qemuProcessStartTime(pid);
    size_t i;

    for (i = 0; i < all->len; i++) {
        virDomainObj *dom = g_ptr_array_index(all, i);

        if (qemuDomainGet(dom)->pid == pid && qemuDomainGet(dom)->pidStart == start)
            return virDomainObjRef(dom);
    }
    return NULL;
}

/* In the I/O thread. */
static void
qemuInstanceAttachBegin(void *opaque)
{
    qemuInstanceRequest *request = opaque;
    qemuInstance *instance = request->instance;
    qemuInstanceSocket *sock = g_hash_table_lookup(instance->sockets, request->path);
    virDomainObj *dom;

    if (!sock)
        sock = qemuInstanceAddSocket(instance, request->path);
    if ((dom = qemuEndpointDomain(sock->endpoint))) {
        pid_t pid = qemuDomainGet(dom)->pid;

        if (pid != request->pid && qemuProcessIsQemu(pid))
            qemuInstanceRequestDeny(request, pid);
        else
            qemuInstanceRequestDone(request, QEMU_INSTANCE_ATTACH_OK, dom, NULL);
        return;
    }
    if (qemuEndpointIsBusy(sock->endpoint)) {
        qemuInstanceRequestDone(request, QEMU_INSTANCE_ATTACH_BUSY, NULL,
                                _("another client is connected to it"));
        return;
    }
    sock->pid = request->pid;
    g_ptr_array_add(sock->requests, request);
    qemuEndpointHurry(sock->endpoint);
}

/* In the I/O thread: nobody waits for @opaque any more. */
static void
qemuInstanceAttachEnd(void *opaque)
{
    qemuInstanceRequest *request = opaque;
    qemuInstance *instance = request->instance;
    qemuInstanceSocket *sock = g_hash_table_lookup(instance->sockets, request->path);

    if (!sock)
        return;
    g_ptr_array_remove(sock->requests, request);
    if (!sock->watched && sock->requests->len == 0 && !qemuEndpointDomain(sock->endpoint))
        g_hash_table_remove(instance->sockets, request->path);
}

qemuInstanceAttachOutcome
qemuInstanceAttach(qemuInstance *instance, const char *path, pid_t pid, virDomainObj **dom,
                   char **message)
{
    qemuInstanceRequest request = { .instance = instance, .path = path, .pid = pid,
                                    .outcome = QEMU_INSTANCE_ATTACH_FAILED };
    gint64 deadline = g_get_monotonic_time() + QEMU_INSTANCE_ATTACH_TIMEOUT_MS * 1000LL;

    virIOLoopInvokeWait(instance->io, qemuInstanceAttachBegin, &request);
    virMutexLock(&instance->lock);
    while (!request.done && virCondWaitUntil(&instance->changed, &instance->lock, deadline))
        ;
    virMutexUnlock(&instance->lock);
    virIOLoopInvokeWait(instance->io, qemuInstanceAttachEnd, &request);

    if (request.outcome == QEMU_INSTANCE_ATTACH_OK)
        *dom = request.dom;
    else
        *message = request.message ? request.message : g_strdup(_("QEMU did not answer in time"));
    return request.outcome;
}
