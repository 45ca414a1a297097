/*
 * qemu_instance.c: one running driver: its sockets, its domains, its thread
 *
 * The I/O thread decides everything about sockets and domains, so that none of
 * it needs a lock; other threads ask it or read the list of domains.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_instance_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu_endpoint.h"
#include "qemu_process.h"
#include "qemu_watch.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virioloop_priv.h"
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
    guint64 generation;             /* of the watch that found it last */
    bool initial;                   /* opening still waits for it */
    bool replaced;                  /* its path leads to another socket now */
    bool refused;                   /* its QEMU was not wanted, and is asked again when ... */
    virDomainObj *rival;            /* ... this domain ends, or any if NULL; only to be compared */
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

    virMutex lock;                  /* guards the next four, and all requests */
    virCond changed;                /* one of the first three, or a request */
    bool open;                      /* opening is over, one way or the other */
    bool failed;                    /* ... and has failed: openError says why */
    virErrorPtr openError;
    GHashTable *byPid;              /* virDomainObj (borrowed from the list), by its QEMU's process */

    /* The rest is the I/O thread's own. */
    qemuEventSink sink;
    virIOHandle *easedHandle;           /* of the queue: streams were delivered */
    qemuWatch *watch;
    GHashTable *sockets;            /* qemuInstanceSocket by path; not the replaced ones */
    GPtrArray *replaced;            /* those */
    GPtrArray *refused;             /* qemuInstanceSocket (borrowed): those that were */
    GHashTable *suffixes;           /* the smallest N for which NAME-N may be free, by NAME */
    int lastID;
    size_t initial;                 /* sockets that opening waits for */
    bool scanning;                  /* the first walk is on */
    guint64 generation;             /* counts watches */
    virIOTimer *openTimer;         /* ends opening */
};

static virMutex qemuInstancesLock = VIR_MUTEX_INITIALIZER;
static GHashTable *qemuInstances;   /* by key; guarded by qemuInstancesLock */

/* Opening need not wait for @sock any more. */
static void
qemuInstanceSocketIsKnown(qemuInstanceSocket *sock)
{
    if (sock->initial)
        sock->instance->initial--;
    sock->initial = false;
}

static void
qemuInstanceSocketSetRefused(qemuInstanceSocket *sock, bool refused)
{
    if (sock->refused == refused)
        return;
    sock->refused = refused;
    if (refused)
        g_ptr_array_add(sock->instance->refused, sock);
    else
        g_ptr_array_remove_fast(sock->instance->refused, sock);
}

static void
qemuInstanceSocketFree(void *opaque)
{
    qemuInstanceSocket *sock = opaque;

    qemuInstanceSocketIsKnown(sock);
    qemuInstanceSocketSetRefused(sock, false);
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

static void
qemuInstanceOnEased(virIOHandle *handle G_GNUC_UNUSED, int fd, uint32_t events G_GNUC_UNUSED,
                    void *opaque)
{
    qemuInstance *instance = opaque;
    guint64 count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
        VIR_WARN("cannot read from the event queue's eventfd: %s", g_strerror(errno));
    qemuEventSinkResume(&instance->sink);
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

/* In the I/O thread: is there nothing left to wait for? */
static void
qemuInstanceCheckOpen(qemuInstance *instance)
{
    if (instance->initial > 0 || instance->scanning)
        return;
    virIOLoopStopTimer(instance->openTimer);
    qemuInstanceSetOpen(instance, NULL);
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

/* The smallest free one of NAME, NAME-2, NAME-3, ... Many sockets may bear the same name in
 * their own directories: where the last search ended is kept. */
static char *
qemuInstanceFreeName(qemuInstance *instance, const char *name)
{
    g_autofree char *candidate = g_strdup(name);
    unsigned int n = MAX(2, GPOINTER_TO_UINT(g_hash_table_lookup(instance->suffixes, name)));

    for (;;) {
        g_autoptr(virDomainObj) other = virDomainListFindByName(instance->domains, candidate);

        if (!other)
            break;
        g_free(candidate);
        candidate = g_strdup_printf("%s-%u", name, n++);
    }
    if (!g_str_equal(candidate, name)) {
        /* Only a help: names that were invented are not kept for ever. */
        if (g_hash_table_size(instance->suffixes) >= VIR_DOMAIN_LIST_MAX)
            g_hash_table_remove_all(instance->suffixes);
        g_hash_table_replace(instance->suffixes, g_strdup(name), GUINT_TO_POINTER(n));
    }
    return g_steal_pointer(&candidate);
}

/* @name is free again; if it is NAME-N, the next search for NAME must not begin behind it. */
static void
qemuInstanceNameIsFree(qemuInstance *instance, const char *name)
{
    const char *dash = strrchr(name, '-');
    g_autofree char *base = NULL;
    guint64 n;

    if (!dash || !g_ascii_string_to_unsigned(dash + 1, 10, 2, G_MAXUINT, &n, NULL))
        return;
    base = g_strndup(name, dash - name);
    if (GPOINTER_TO_UINT(g_hash_table_lookup(instance->suffixes, base)) > n)
        g_hash_table_replace(instance->suffixes, g_steal_pointer(&base), GUINT_TO_POINTER(n));
}

/* Always the same for one run of one QEMU on one socket. If it is taken (the one before has the
 * same listening process, and its connection is still there), the next. */
static void
qemuInstanceDeriveUUID(qemuInstance *instance, const char *path, pid_t pid, unsigned char *uuid)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_printf(text, "%s\n%lld\n%llu\n%s", path, (long long)pid,
                    (unsigned long long)qemuProcessStartTime(pid), instance->bootID);
    for (;;) {
        g_autoptr(virDomainObj) other = NULL;

        virUUIDFromText(text->str, uuid);
        if (!(other = virDomainListFindByUUID(instance->domains, uuid)))
            return;
        g_string_append_c(text, '+');
    }
}

/* The domain that the QEMU behind a new monitor has already, or NULL; a new reference. */
static virDomainObj *
qemuInstanceFindKnown(qemuInstance *instance, qemuMonitor *mon, pid_t pid,
                      const qemuIdentity *identity)
{
    g_autoptr(virDomainObj) dom = NULL;
    int peer = qemuMonitorPeerPid(mon);

    /* The kernel names the process that made the socket listen. That need not be the QEMU
     * itself, and then says only together with the UUID that it is the same one. */
    if (peer > 0 && identity->hasUUID &&
        (dom = virDomainListFindByUUID(instance->domains, identity->uuid)) &&
        qemuMonitorPeerPid(qemuDomainGet(dom)->mon) == peer)
        return g_steal_pointer(&dom);
    return pid > 0 ? qemuInstanceFindByPid(instance, pid) : NULL;
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

/* Notes whose domain the process behind @dom is, or forgets it. One that has only made the
 * socket is not the domain's. */
static void
qemuInstanceSetProcess(qemuInstance *instance, virDomainObj *dom, bool add)
{
    gpointer key = GINT_TO_POINTER(qemuDomainGet(dom)->pid);

    if (add && !qemuProcessIsQemu(qemuDomainGet(dom)->pid))
        return;
    virMutexLock(&instance->lock);
    if (add)
        g_hash_table_insert(instance->byPid, key, dom);
    else if (g_hash_table_lookup(instance->byPid, key) == dom)
        g_hash_table_remove(instance->byPid, key);
    virMutexUnlock(&instance->lock);
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
    g_autoptr(virDomainObj) known = NULL;
    unsigned char uuid[VIR_UUID_BUFLEN];

    sock->rival = NULL;
    if (pid != peer && qemuProcessIsQemu(peer)) {
        pid = peer;
        qemuInstanceDenyOthers(sock, pid);
        if (!sock->watched && sock->requests->len == 0) {
            virReportError(VIR_ERR_OPERATION_FAILED, _("it is that of process %1$lld"),
                           (long long)pid);
            return NULL;
        }
    }
    if ((known = qemuInstanceFindKnown(instance, mon, pid, identity))) {
        sock->rival = known;
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("its QEMU is domain '%1$s', which is attached at '%2$s'"),
                       known->ident->name, qemuDomainGet(known)->path);
        return NULL;
    }
    if (instance->lastID == G_MAXINT) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("there are no domain IDs left"));
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
    if (virDomainListAdd(instance->domains, dom) < 0)
        return NULL;
    instance->lastID++;
    qemuInstanceSetProcess(instance, dom, true);
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

    qemuInstanceSocketSetRefused(sock, outcome == QEMU_ENDPOINT_REFUSED && sock->watched);
    if (sock->initial) {
        qemuInstanceSocketIsKnown(sock);
        qemuInstanceCheckOpen(instance);
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

/* What was refused because of @dom, which has ended, may be wanted now. */
static void
qemuInstanceReconsider(qemuInstance *instance, virDomainObj *dom)
{
    g_autoptr(GPtrArray) again = g_ptr_array_new();
    size_t i;

    for (i = 0; i < instance->refused->len; i++) {
        qemuInstanceSocket *sock = g_ptr_array_index(instance->refused, i);

        if (!sock->rival || sock->rival == dom)
            g_ptr_array_add(again, sock);
    }
    for (i = 0; i < again->len; i++) {
        qemuInstanceSocket *sock = g_ptr_array_index(again, i);

        qemuInstanceSocketSetRefused(sock, false);
        qemuEndpointHurry(sock->endpoint);
    }
}

static void
qemuInstanceEnded(qemuEndpoint *endpoint, virDomainObj *dom, bool failed, void *opaque)
{
    qemuInstanceSocket *sock = opaque;
    qemuInstance *instance = sock->instance;

    virDomainListRemove(instance->domains, dom);
    qemuInstanceSetProcess(instance, dom, false);
    qemuInstanceNameIsFree(instance, dom->ident->name);
    qemuDomainEnd(dom, failed, &instance->sink);
    sock->pid = 0;
    qemuInstanceReconsider(instance, dom);
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

    if (sock && qemuEndpointIsConnected(sock->endpoint) &&
        !qemuEndpointIsOn(sock->endpoint, dev, ino)) {
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
    sock->generation = instance->generation;
    qemuInstanceSocketSetRefused(sock, false);
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
    size_t i;

    if (instance->initial == 0)
        return;
    VIR_WARN("%zu monitors did not answer yet", instance->initial);
    g_hash_table_iter_init(&iter, instance->sockets);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&sock))
        qemuInstanceSocketIsKnown(sock);
    for (i = 0; i < instance->replaced->len; i++)
        qemuInstanceSocketIsKnown(g_ptr_array_index(instance->replaced, i));
    qemuInstanceCheckOpen(instance);
}

/* For the reason that the thread's last error gives. */
static void
qemuInstanceFailOpen(qemuInstance *instance)
{
    virErrorPtr error = NULL;

    virErrorPreserveLast(&error);
    virIOLoopStopTimer(instance->openTimer);
    qemuInstanceSetOpen(instance, error);
}

/* In the I/O thread. */
static void
qemuInstanceStart(void *opaque)
{
    qemuInstance *instance = opaque;
    int easedFd = virObjectEventStateEasedFD(instance->events);

    instance->openTimer = virIOLoopAddTimer(instance->io, QEMU_INSTANCE_OPEN_TIMEOUT_MS,
                                         qemuInstanceOpenDue, instance);
    if (easedFd < 0 ||
        !(instance->easedHandle = virIOLoopAddHandle(instance->io, easedFd, EPOLLIN,
                                                     qemuInstanceOnEased, instance))) {
        qemuInstanceFailOpen(instance);
        return;
    }
    instance->scanning = true;
    instance->watch = qemuWatchNew(instance->io,
                                   (const char *const *)instance->patterns->pdata,
                                   &qemuInstanceWatchCallbacks, instance);
    instance->scanning = false;
    if (!instance->watch)
        qemuInstanceFailOpen(instance);
    else
        qemuInstanceCheckOpen(instance);
}

/* Ends the connection to a socket whose QEMU lives on, and forgets it. */
static void
qemuInstanceLetGo(qemuInstance *instance, qemuInstanceSocket *sock)
{
    virDomainObj *dom = qemuEndpointDomain(sock->endpoint);
    g_autofree char *path = g_strdup(qemuEndpointPath(sock->endpoint));
    size_t i;

    VIR_INFO("'%s' is let go of", path);
    for (i = 0; i < sock->requests->len; i++)
        qemuInstanceRequestDone(g_ptr_array_index(sock->requests, i),
                                QEMU_INSTANCE_ATTACH_FAILED, NULL,
                                _("it is no longer watched"));
    g_ptr_array_set_size(sock->requests, 0);
    qemuInstanceSocketIsKnown(sock);
    if (dom) {
        g_autoptr(virDomainObj) hold = virDomainObjRef(dom);

        virDomainListRemove(instance->domains, hold);
        qemuInstanceSetProcess(instance, hold, false);
        qemuInstanceNameIsFree(instance, hold->ident->name);
        qemuDomainLetGo(hold, &instance->sink);
        qemuInstanceReconsider(instance, hold);
    }
    if (sock->replaced)
        g_ptr_array_remove_fast(instance->replaced, sock);
    else
        g_hash_table_remove(instance->sockets, path);
}

typedef struct {
    qemuInstance *instance;
    GPtrArray *patterns;
    virErrorPtr error;              /* why not */
} qemuInstanceNewPatterns;

/* In the I/O thread. */
static void
qemuInstanceChangePatterns(void *opaque)
{
    qemuInstanceNewPatterns *change = opaque;
    qemuInstance *instance = change->instance;
    g_autoptr(GPtrArray) lost = g_ptr_array_new();
    qemuInstanceSocket *sock;
    GHashTableIter iter;
    qemuWatch *watch;
    size_t i;

    /* Whatever the new watch finds bears its number; the old one is silent meanwhile. */
    instance->generation++;
    watch = qemuWatchNew(instance->io, (const char *const *)change->patterns->pdata,
                         &qemuInstanceWatchCallbacks, instance);
    if (!watch) {
        virErrorPreserveLast(&change->error);
        return;
    }
    qemuWatchFree(instance->watch);
    instance->watch = watch;
    g_ptr_array_unref(instance->patterns);
    instance->patterns = g_ptr_array_ref(change->patterns);

    g_hash_table_iter_init(&iter, instance->sockets);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&sock)) {
        if (sock->watched && sock->generation != instance->generation)
            g_ptr_array_add(lost, sock);
    }
    for (i = 0; i < lost->len; i++)
        qemuInstanceLetGo(instance, g_ptr_array_index(lost, i));
    qemuInstanceCheckOpen(instance);
}

int
qemuInstanceSetPatterns(qemuInstance *instance, GPtrArray *patterns)
{
    qemuInstanceNewPatterns change = { instance, patterns, NULL };

    virIOLoopInvokeWait(instance->io, qemuInstanceChangePatterns, &change);
    if (!change.error)
        return 0;
    virErrorRestore(&change.error);
    return -1;
}

/* In the I/O thread. */
static void
qemuInstanceLetGoOfAll(void *opaque)
{
    qemuInstance *instance = opaque;
    g_autoptr(GList) all = NULL;
    GList *at;

    g_clear_pointer(&instance->watch, qemuWatchFree);
    all = g_hash_table_get_values(instance->sockets);
    for (at = all; at; at = at->next)
        qemuInstanceLetGo(instance, at->data);
    while (instance->replaced->len > 0)
        qemuInstanceLetGo(instance, g_ptr_array_index(instance->replaced, 0));
    qemuInstanceCheckOpen(instance);
}

void
qemuInstanceStopAll(qemuInstance *instance)
{
    virIOLoopInvokeWait(instance->io, qemuInstanceLetGoOfAll, instance);
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
    g_clear_pointer(&instance->sink.paused, g_ptr_array_unref);
    virIOLoopRemoveHandle(g_steal_pointer(&instance->easedHandle));
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
    g_ptr_array_unref(instance->refused);
    g_hash_table_unref(instance->suffixes);
    g_hash_table_unref(instance->byPid);
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
    instance->domains = virDomainListNew();
    instance->sockets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                              qemuInstanceSocketFree);
    instance->replaced = g_ptr_array_new_with_free_func(qemuInstanceSocketFree);
    instance->refused = g_ptr_array_new();
    instance->suffixes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    instance->byPid = g_hash_table_new(NULL, NULL);
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
    } else if ((instance->events = virObjectEventStateNew(0)) &&
               (instance->io = virIOLoopNew("virtmon-qemu"))) {
        instance->sink.state = instance->events;
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
    g_autoptr(virDomainObj) dom = NULL;

    virMutexLock(&instance->lock);
    if ((dom = g_hash_table_lookup(instance->byPid, GINT_TO_POINTER(pid))))
        virDomainObjRef(dom);
    virMutexUnlock(&instance->lock);
    /* The number may be another process's by now. */
    if (!dom || qemuDomainGet(dom)->pidStart != qemuProcessStartTime(pid))
        return NULL;
    return g_steal_pointer(&dom);
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

typedef struct {
    qemuInstance *instance;
    size_t count;
} qemuInstanceTimers;

static void
qemuInstanceCountTimersInThread(void *opaque)
{
    qemuInstanceTimers *timers = opaque;

    timers->count = virIOLoopCountTimers(timers->instance->io);
}

size_t
qemuInstanceCountTimers(qemuInstance *instance)
{
    qemuInstanceTimers timers = { .instance = instance };

    virIOLoopInvokeWait(instance->io, qemuInstanceCountTimersInThread, &timers);
    return timers.count;
}
