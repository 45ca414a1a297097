/*
 * virnetserver.c: the server's side of many connections
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetserver.h"

#include <unistd.h>

#include "virerror_priv.h"
#include "virlog.h"
#include "virnetserver_priv.h"

VIR_LOG_INIT("rpc.netserver");

/* Milliseconds until accepting is tried again after the process had no fds left. */
#define VIR_NET_SERVER_EXHAUSTED_WAIT 1000

/* Part of the places for clients that read-only services leave to others: anybody may come to
 * those, and nobody may lock the rest out. */
#define VIR_NET_SERVER_RESERVED_PART 8

/* A program with its procedures by their number. */
typedef struct {
    const virNetServerProgram *program;
    const virNetServerProc **procs;     /* NULL where there is none */
    int nprocs;
} virNetServerProgramEntry;

struct _virNetServer {
    virIOLoop *loop;
    const virNetServerFuncs *funcs;
    void *opaque;
    virNetServerWorkers *workers;
    GArray *programs;           /* virNetServerProgramEntry; fixed once there is a service */

    /* the I/O thread's own */
    virNetServerLimits limits;
    virNetQuota *quota;
    GPtrArray *services;
    GQueue clients;             /* each with a reference */
    size_t anonymous[2];        /* of these; by unix sockets: the second */
    GPtrArray *dirty;           /* clients to be flushed at the end of this turn */
    virIOTimer *exhaustedTimer; /* runs: nobody is accepted for now */
    virLogRepeat exhausted;
    virLogRepeat userFull;
    virLogRepeat connectionsFull;
    virLogRepeat strangers;
    unsigned long long lastID;
    guint64 accepted;
    guint64 calls;
};

/* ---- For its clients ---- */

virIOLoop *
virNetServerGetLoop(virNetServer *server)
{
    return server->loop;
}

const virNetServerLimits *
virNetServerGetLimits(virNetServer *server)
{
    return &server->limits;
}

const virNetServerFuncs *
virNetServerGetFuncs(virNetServer *server, void **opaque)
{
    *opaque = server->opaque;
    return server->funcs;
}

virNetQuota *
virNetServerGetQuota(virNetServer *server)
{
    return server->quota;
}

virNetServerWorkers *
virNetServerGetWorkers(virNetServer *server)
{
    return server->workers;
}

static const virNetServerProgramEntry *
virNetServerFindEntry(virNetServer *server, unsigned int program, unsigned int version)
{
    guint i;

    for (i = 0; i < server->programs->len; i++) {
        const virNetServerProgramEntry *entry = &g_array_index(server->programs,
                                                               virNetServerProgramEntry, i);

        if (entry->program->program == program && entry->program->version == version)
            return entry;
    }
    return NULL;
}

const virNetServerProgram *
virNetServerFindProgram(virNetServer *server, unsigned int program, unsigned int version)
{
    const virNetServerProgramEntry *entry = virNetServerFindEntry(server, program, version);

    return entry ? entry->program : NULL;
}

const virNetServerProc *
virNetServerFindProc(virNetServer *server, const virNetServerProgram *program, int number)
{
    const virNetServerProgramEntry *entry = virNetServerFindEntry(server, program->program,
                                                                  program->version);

    return entry && number >= 0 && number < entry->nprocs ? entry->procs[number] : NULL;
}

void
virNetServerCountCall(virNetServer *server)
{
    server->calls++;
}

void
virNetServerSetDirty(virNetServer *server, virNetServerClient *client)
{
    g_ptr_array_add(server->dirty, virNetServerClientRef(client));
}

/* Accepts where there is room: for those who have something to prove, twice. */
static void
virNetServerUpdateAccepting(virNetServer *server)
{
    size_t max = server->limits.maxClients;
    bool room = !server->exhaustedTimer && server->clients.length < max;
    bool readOnlyRoom = server->clients.length < max - max / VIR_NET_SERVER_RESERVED_PART;
    size_t maxAnonymous = server->limits.maxAnonymousClients;
    guint i;

    for (i = 0; i < server->services->len; i++) {
        virNetServerService *service = g_ptr_array_index(server->services, i);
        /* Nobody in the network keeps those out who are here. */
        bool anonymousRoom = maxAnonymous == 0 ||
            server->anonymous[virNetServerServiceIsLocal(service)] < maxAnonymous;

        virNetServerServiceSetAccepting(
            service, room &&
            (anonymousRoom || !virNetServerServiceIsAnonymous(service)) &&
            (readOnlyRoom || !virNetServerServiceGetOptions(service)->readonly));
    }
}

void
virNetServerAnonymousLess(virNetServer *server, virNetServerClient *client)
{
    server->anonymous[virNetServerClientGetInfo(client)->local]--;
    virNetServerUpdateAccepting(server);
}

void
virNetServerForget(virNetServer *server, virNetServerClient *client, bool anonymous)
{
    g_queue_unlink(&server->clients, virNetServerClientLink(client));
    if (anonymous)
        server->anonymous[virNetServerClientGetInfo(client)->local]--;
    virNetServerUpdateAccepting(server);
    virNetServerClientUnref(client);
}

/* Whether user @uid has @max clients for which @counts is true. */
static bool
virNetServerUserHas(virNetServer *server, uid_t uid, size_t max,
                    bool (*counts)(virNetServerClient *client))
{
    size_t count = 0;
    GList *at;

    for (at = server->clients.head; at; at = at->next) {
        const virNetServerClientInfo *other = virNetServerClientGetInfo(at->data);

        if (other->hasPeer && other->peer.uid == uid && counts(at->data) && ++count >= max)
            return true;
    }
    return false;
}

/* Whether the user behind @sock has as many clients as one user may have: read-only ones, or those
 * that have yet to prove who they are. Root, and the user whose server this is, could do worse. */
static bool
virNetServerUserIsFull(virNetServer *server, virNetServerService *service, virNetSocket *sock)
{
    const virNetServerLimits *limits = &server->limits;
    virNetSocketPeer peer;

    if (!virNetSocketGetPeer(sock, &peer))
        return false;
    if (virNetServerServiceGetOptions(service)->readonly && limits->maxReadOnlyUserClients > 0 &&
        virNetServerUserHas(server, peer.uid, limits->maxReadOnlyUserClients,
                            virNetServerClientIsReadOnly))
        return true;
    return virNetServerServiceIsAnonymous(service) && limits->maxAnonymousUserClients > 0 &&
        peer.uid != 0 && peer.uid != geteuid() &&
        virNetServerUserHas(server, peer.uid, limits->maxAnonymousUserClients,
                            virNetServerClientIsAnonymous);
}

/* Whether root is behind @sock, or the user whose server this is. */
static bool
virNetServerIsOwner(virNetSocket *sock)
{
    virNetSocketPeer peer;

    return virNetSocketGetPeer(sock, &peer) && (peer.uid == 0 || peer.uid == geteuid());
}

/* ---- For its services ---- */

static void
virNetServerAccept(virNetServerService *service, virNetSocket *sock, void *opaque)
{
    virNetServer *server = opaque;
    const virNetServerServiceOptions *options = virNetServerServiceGetOptions(service);
    g_autoptr(virNetServerClient) client = NULL;

    if (virLogRepeatEnd(&server->exhausted) > 0)
        VIR_INFO("clients can be accepted again");
    if (options->ownersOnly && !virNetServerIsOwner(sock)) {
        if (virLogRepeatBegin(&server->strangers))
            VIR_WARN("somebody who isn't its owner has come to a socket, and is refused");
        virNetSocketFree(sock);
        return;
    }
    if (virNetServerUserIsFull(server, service, sock)) {
        if (virLogRepeatBegin(&server->userFull))
            VIR_WARN("a user has all the clients of a kind that one may have; more are refused");
        virNetSocketFree(sock);
        return;
    }
    virLogRepeatEnd(&server->userFull);
    if (options->tls && virNetSocketSetTLS(sock, options->tls, NULL) < 0) {
        VIR_WARN("cannot accept a client: %s", virErrorLastMessage());
        virResetLastError();
        virNetSocketFree(sock);
        return;
    }
    client = virNetServerClientNew(server, sock, options, ++server->lastID);
    if (virNetQuotaCharge(virNetServerClientGetAccount(client), VIR_NET_QUOTA_CONNECTIONS, 1) < 0) {
        if (virLogRepeatBegin(&server->connectionsFull))
            VIR_WARN("a client is refused: %s", virErrorLastMessage());
        virResetLastError();
        return;
    }
    virLogRepeatEnd(&server->connectionsFull);
    server->accepted++;
    VIR_DEBUG("client %llu comes from %s", server->lastID,
              virNetServerClientGetInfo(client)->remoteAddress);
    g_queue_push_tail_link(&server->clients, virNetServerClientLink(virNetServerClientRef(client)));
    if (virNetServerClientIsAnonymous(client))
        server->anonymous[virNetServerClientGetInfo(client)->local]++;
    virNetServerUpdateAccepting(server);
    if (virNetServerClientStart(client) < 0) {
        VIR_WARN("cannot serve a client: %s", virErrorLastMessage());
        virResetLastError();
        virNetServerClientClose(client);
    }
}

static void
virNetServerExhaustedEnd(void *opaque)
{
    virNetServer *server = opaque;

    virIOLoopRemoveTimer(g_steal_pointer(&server->exhaustedTimer));
    virNetServerUpdateAccepting(server);
}

static void
virNetServerExhausted(void *opaque)
{
    virNetServer *server = opaque;

    if (virLogRepeatBegin(&server->exhausted))
        VIR_WARN("%s", virErrorLastMessage());
    virResetLastError();
    if (!server->exhaustedTimer)
        server->exhaustedTimer = virIOLoopAddTimer(server->loop, VIR_NET_SERVER_EXHAUSTED_WAIT,
                                                   virNetServerExhaustedEnd, server);
    virNetServerUpdateAccepting(server);
}

/* ---- For its owner ---- */

static void
virNetServerUserEased(virNetQuotaUser *user, void *opaque)
{
    virNetServerForEachClient(opaque, virNetServerClientUserEased, user);
}

/* Where a limit has a place of its own among @limits, that counts. */
static void
virNetServerFillQuota(const virNetServerLimits *limits, virNetQuotaLimits *quota)
{
    *quota = limits->quota;
    quota->client[VIR_NET_QUOTA_REQUESTS] = limits->maxClientRequests;
    quota->client[VIR_NET_QUOTA_EVENT_BYTES] = limits->maxClientEventBytes;
}

static void
virNetServerTurnEnd(void *opaque)
{
    virNetServer *server = opaque;
    guint i;

    /* It may grow meanwhile. */
    for (i = 0; i < server->dirty->len; i++) {
        g_autoptr(virNetServerClient) client = g_ptr_array_index(server->dirty, i);

        virNetServerClientFlush(client);
    }
    g_ptr_array_set_size(server->dirty, 0);
}

virNetServer *
virNetServerNew(virIOLoop *loop, const virNetServerLimits *limits,
                const virNetServerFuncs *funcs, void *opaque)
{
    virNetServer *server = g_new0(virNetServer, 1);
    virNetQuotaLimits quota;

    virNetServerFillQuota(limits, &quota);
    server->quota = virNetQuotaNew(&quota, virNetServerUserEased, server);
    server->loop = loop;
    server->limits = *limits;
    server->funcs = funcs;
    server->opaque = opaque;
    server->workers = virNetServerWorkersNew(limits->maxWorkers, limits->priorityWorkers);
    server->programs = g_array_new(FALSE, FALSE, sizeof(virNetServerProgramEntry));
    server->services = g_ptr_array_new_with_free_func((GDestroyNotify)virNetServerServiceFree);
    server->dirty = g_ptr_array_new();
    g_queue_init(&server->clients);
    virIOLoopSetTurnEnd(loop, virNetServerTurnEnd, server);
    return server;
}

static void
virNetServerStopInThread(void *opaque)
{
    virNetServer *server = opaque;
    guint i;

    for (i = 0; i < server->services->len; i++)
        virNetServerServiceStop(g_ptr_array_index(server->services, i));
    g_ptr_array_set_size(server->services, 0);
    virIOLoopRemoveTimer(g_steal_pointer(&server->exhaustedTimer));
    while (server->clients.head) {
        g_autoptr(virNetServerClient) client = virNetServerClientRef(server->clients.head->data);

        /* Replies that are ready, if the socket takes them. */
        virNetServerClientFlush(client);
        virNetServerClientClose(client);
    }
}

void
virNetServerStop(virNetServer *server)
{
    virIOLoopInvokeWait(server->loop, virNetServerStopInThread, server);
}

/* Everything that was invoked before has run then. */
static void
virNetServerSettle(void *opaque)
{
    virNetServerTurnEnd(opaque);
}

void
virNetServerFree(virNetServer *server)
{
    guint i;

    if (!server)
        return;
    virNetServerStop(server);
    virNetServerWorkersStop(server->workers);
    /* Clients whose last call has just ended go now, and with them what the workers know of
     * them. */
    virIOLoopInvokeWait(server->loop, virNetServerSettle, server);
    virIOLoopSetTurnEnd(server->loop, NULL, NULL);
    virNetServerWorkersFree(server->workers);

    for (i = 0; i < server->programs->len; i++)
        g_free(g_array_index(server->programs, virNetServerProgramEntry, i).procs);
    g_array_unref(server->programs);
    g_ptr_array_unref(server->services);
    g_ptr_array_unref(server->dirty);
    virNetQuotaFree(server->quota);
    g_free(server);
}

void
virNetServerAddProgram(virNetServer *server, const virNetServerProgram *program)
{
    virNetServerProgramEntry entry = { .program = program };
    size_t i;

    for (i = 0; i < program->nprocs; i++) {
        const virNetServerProc *proc = &program->procs[i];

        g_assert(proc->number > 0 && proc->number <= VIR_NET_SERVER_PROC_MAX);
        entry.nprocs = MAX(entry.nprocs, proc->number + 1);
    }
    entry.procs = g_new0(const virNetServerProc *, entry.nprocs);
    for (i = 0; i < program->nprocs; i++) {
        g_assert(!entry.procs[program->procs[i].number]);
        entry.procs[program->procs[i].number] = &program->procs[i];
    }
    g_array_append_val(server->programs, entry);
}

typedef struct {
    virNetServer *server;
    virNetServerService *service;
    virErrorPtr err;            /* NULL: it works */
} virNetServerAddRequest;

static void
virNetServerAddServiceInThread(void *opaque)
{
    virNetServerAddRequest *request = opaque;
    virNetServer *server = request->server;

    if (virNetServerServiceStart(request->service, server->loop, virNetServerAccept,
                                 virNetServerExhausted, server) < 0) {
        virErrorPreserveLast(&request->err);
        virResetLastError();
        virNetServerServiceFree(request->service);
        return;
    }
    g_ptr_array_add(server->services, request->service);
    virNetServerUpdateAccepting(server);
}

int
virNetServerAddService(virNetServer *server, virNetServerService *service)
{
    virNetServerAddRequest request = { server, service, NULL };

    virIOLoopInvokeWait(server->loop, virNetServerAddServiceInThread, &request);
    if (request.err) {
        virErrorRestore(&request.err);
        return -1;
    }
    return 0;
}

typedef struct {
    virNetServer *server;
    const virNetServerLimits *limits;
} virNetServerLimitsRequest;

static void
virNetServerSetLimitsInThread(void *opaque)
{
    virNetServerLimitsRequest *request = opaque;
    virNetQuotaLimits quota;

    request->server->limits = *request->limits;
    virNetServerFillQuota(request->limits, &quota);
    virNetQuotaSetLimits(request->server->quota, &quota);
    virNetServerUpdateAccepting(request->server);
    virNetServerForEachClient(request->server, virNetServerClientLimitsChanged, NULL);
}

void
virNetServerSetLimits(virNetServer *server, const virNetServerLimits *limits)
{
    virNetServerLimitsRequest request = { server, limits };

    virNetServerWorkersSetMax(server->workers, limits->maxWorkers, limits->priorityWorkers);
    virIOLoopInvokeWait(server->loop, virNetServerSetLimitsInThread, &request);
}

typedef struct {
    virNetServer *server;
    virNetServerStats *stats;
} virNetServerStatsRequest;

static void
virNetServerGetStatsInThread(void *opaque)
{
    virNetServerStatsRequest *request = opaque;

    request->stats->clients = request->server->clients.length;
    request->stats->anonymousClients = request->server->anonymous[0] + request->server->anonymous[1];
    request->stats->accepted = request->server->accepted;
    request->stats->calls = request->server->calls;
}

void
virNetServerGetStats(virNetServer *server, virNetServerStats *stats)
{
    virNetServerStatsRequest request = { server, stats };
    virNetServerWorkersStats workers;

    virIOLoopInvokeWait(server->loop, virNetServerGetStatsInThread, &request);
    virNetServerWorkersGetStats(server->workers, &workers);
    stats->workers = workers.threads;
    stats->busyWorkers = workers.busy;
    stats->waitingCalls = workers.waiting;
}

virNetServerClient *
virNetServerFindClient(virNetServer *server, unsigned long long id)
{
    GList *at;

    for (at = server->clients.head; at; at = at->next) {
        if (virNetServerClientGetID(at->data) == id)
            return at->data;
    }
    return NULL;
}

void
virNetServerForEachClient(virNetServer *server, virNetServerClientFunc func, void *opaque)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(
        (GDestroyNotify)virNetServerClientUnref);
    GList *link;
    guint i;

    for (link = server->clients.head; link; link = link->next)
        g_ptr_array_add(all, virNetServerClientRef(link->data));
    for (i = 0; i < all->len; i++)
        func(g_ptr_array_index(all, i), opaque);
}

void
virNetServerForEachUser(virNetServer *server, virNetQuotaUserFunc func, void *opaque)
{
    virNetQuotaForEachUser(server->quota, func, opaque);
}
