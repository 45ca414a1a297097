/*
 * virnetserverclient.c: one connection to a server
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetserverclient.h"

#include <stdatomic.h>
#include <sys/epoll.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virkeepalive.h"
#include "virlog.h"
#include "virnetreader.h"
#include "virnetserver_priv.h"
#include "virnetwriter.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netserverclient");

/* Bytes of the loop's buffer that a client's read may fill: calls are small, and what is left
 * over when a client has to wait is kept for it. */
#define VIR_NET_SERVER_CLIENT_READ (64 * 1024)

/* Keepalive messages that wait to be written. Pings beyond that are not answered one by one: the
 * answers that wait say the same, and who doesn't read them must not be able to pile up more. */
#define VIR_NET_SERVER_CLIENT_KEEPALIVE_MAX 64

/* Bytes of a packet from somebody who isn't authenticated, or may only read, and so could be
 * anybody: the largest that is needed has a step of SASL, 64 Ki characters of a word each. */
#define VIR_NET_SERVER_CLIENT_ANONYMOUS_MAX (1024 * 1024)

typedef enum {
    VIR_NET_SERVER_CLIENT_HANDSHAKE,    /* TLS isn't done: the owner of the server knows nothing */
    VIR_NET_SERVER_CLIENT_ACTIVE,
    VIR_NET_SERVER_CLIENT_LEAVING,      /* the last replies are sent, nothing is read */
    VIR_NET_SERVER_CLIENT_CLOSED,
} virNetServerClientState;

struct _virNetServerClient {
    atomic_uint refs;
    virNetServer *server;
    virIOLoop *loop;
    unsigned long long id;
    bool readonly;
    virNetServerAuth auth;
    bool passFDs;
    int keySize;                /* these two from the handshake on */
    virNetServerClientInfo info;
    virMutex lock;              /* guards the next */
    virIdentity *identity;
    atomic_bool authenticated;
    atomic_uint authFailures;
    atomic_bool closed;
    void *data;

    /* the I/O thread's own */
    virNetQuotaAccount *account;
    virNetServerClientState state;
    GList link;                 /* in the server's list, until it is closed */
    virNetSocket *sock;
    virNetSASLSession *sasl;    /* begins when the answer that runs or waits is sent; NULL: none */
    virNetReader *reader;
    virNetWriter *writer;
    virKeepAlive *keepalive;
    bool pings;                 /* keepalive is wanted, if it isn't paused */
    virIOHandle *handle;
    virIOTimer *setupTimer;     /* NULL: it has come far enough */
    virNetServerWorkersOwner *worker;
    bool known;                 /* clientNew has been called */
    bool anonymous;             /* is counted as such */
    bool called;                /* at least once */
    bool trusted;               /* is authenticated, and the I/O thread has heard of it */
    bool dirty;                 /* something was queued in this turn */
    bool reading;               /* in the reader: what it holds must stay until it returns */
    bool paused;                /* isn't read, as too many calls wait for their answer */
    bool resuming;              /* will be, in the next turn */
    size_t running;             /* calls that are charged to it and have no reply yet */
    size_t keptBytes;           /* that the reader has, charged to it; and fds */
    size_t keptFDs;
    size_t keepalives;          /* messages of keepalive that aren't */
    bool behind;                /* was found to be, and isn't below half of that since */
    gint64 progress;            /* when events were last sent to it, while it is behind; microseconds
                                 * of CLOCK_MONOTONIC */
    bool refusing;              /* an event was refused and the queue isn't below half since */
    guint64 events;
    guint64 refused;
};

/* ---- References ---- */

/* What is queued is lost, and with it the calls that it answers. */
static void
virNetServerClientReleaseQueued(virNetServerClient *client)
{
    virNetQuotaAccount *account = client->account;

    virNetQuotaRelease(account, VIR_NET_QUOTA_EVENT_BYTES, virNetWriterEventBytes(client->writer));
    virNetQuotaRelease(account, VIR_NET_QUOTA_CALL_BYTES, virNetWriterPacketBytes(client->writer));
    virNetQuotaRelease(account, VIR_NET_QUOTA_FDS, virNetWriterPacketFDs(client->writer));
    virNetQuotaRelease(account, VIR_NET_QUOTA_REQUESTS,
                       virNetQuotaGetUsed(account, VIR_NET_QUOTA_REQUESTS) - client->running);
    virNetQuotaRelease(account, VIR_NET_QUOTA_CALL_BYTES, client->keptBytes);
    virNetQuotaRelease(account, VIR_NET_QUOTA_FDS, client->keptFDs);
    client->keptBytes = client->keptFDs = 0;
}

static void
virNetServerClientReleaseStream(virNetServerClient *client)
{
    if (client->writer)
        virNetServerClientReleaseQueued(client);
    g_clear_pointer(&client->reader, virNetReaderFree);
    g_clear_pointer(&client->writer, virNetWriterFree);
    g_clear_pointer(&client->keepalive, virKeepAliveFree);
    g_clear_pointer(&client->sock, virNetSocketFree);
    g_clear_pointer(&client->sasl, virNetSASLSessionFree);
}

static void
virNetServerClientDestroy(void *opaque)
{
    virNetServerClient *client = opaque;
    void *funcsOpaque;
    const virNetServerFuncs *funcs = virNetServerGetFuncs(client->server, &funcsOpaque);

    virNetServerClientReleaseStream(client);
    virNetServerWorkersOwnerFree(client->worker);
    if (client->data && funcs->clientFree)
        funcs->clientFree(client->data, funcsOpaque);
    virNetQuotaAccountFree(client->account);
    g_free((char *)client->info.localAddress);
    g_free((char *)client->info.remoteAddress);
    virIdentityUnref(client->identity);
    virMutexDestroy(&client->lock);
    g_free(client);
}

virNetServerClient *
virNetServerClientRef(virNetServerClient *client)
{
    atomic_fetch_add(&client->refs, 1);
    return client;
}

void
virNetServerClientUnref(virNetServerClient *client)
{
    if (!client || atomic_fetch_sub(&client->refs, 1) != 1)
        return;
    if (virIOLoopInThread(client->loop))
        virNetServerClientDestroy(client);
    else
        virIOLoopInvoke(client->loop, virNetServerClientDestroy, client);
}

/* Runs @func with @client, of which it gets a reference, in the I/O thread; at once if this is
 * it. */
static void
virNetServerClientInvoke(virNetServerClient *client, virIOFunc func)
{
    virNetServerClientRef(client);
    if (virIOLoopInThread(client->loop))
        func(client);
    else
        virIOLoopInvoke(client->loop, func, client);
}

/* ---- The end ---- */

static void
virNetServerClientCloseInThread(virNetServerClient *client)
{
    void *opaque;
    const virNetServerFuncs *funcs = virNetServerGetFuncs(client->server, &opaque);

    if (client->state == VIR_NET_SERVER_CLIENT_CLOSED)
        return;
    client->state = VIR_NET_SERVER_CLIENT_CLOSED;
    atomic_store(&client->closed, true);
    VIR_DEBUG("client %llu is gone", client->id);

    virIOLoopRemoveHandle(g_steal_pointer(&client->handle));
    virIOLoopRemoveTimer(g_steal_pointer(&client->setupTimer));
    virKeepAliveStop(client->keepalive);
    virNetSocketShutdown(client->sock);
    if (client->known && funcs->clientClosed)
        funcs->clientClosed(client, opaque);
    virNetQuotaRelease(client->account, VIR_NET_QUOTA_CONNECTIONS, 1);
    if (!client->reading)
        virNetServerClientReleaseStream(client);
    virNetServerForget(client->server, client, client->anonymous);
}

static void
virNetServerClientCloseInvoked(void *opaque)
{
    g_autoptr(virNetServerClient) client = opaque;

    virNetServerClientCloseInThread(client);
}

void
virNetServerClientClose(virNetServerClient *client)
{
    virNetServerClientInvoke(client, virNetServerClientCloseInvoked);
}

void
virNetServerClientCloseLater(virNetServerClient *client)
{
    virIOLoopInvoke(client->loop, virNetServerClientCloseInvoked, virNetServerClientRef(client));
}

/* ---- Writing ---- */

/* What to wait for, by the state it is in. */
static void
virNetServerClientUpdate(virNetServerClient *client, bool full)
{
    uint32_t events = full ? EPOLLOUT : 0;

    if (client->state == VIR_NET_SERVER_CLIENT_ACTIVE && !client->paused)
        events |= EPOLLIN;
    virIOLoopUpdateHandle(client->handle, events);
}

static void
virNetServerClientSetDirty(virNetServerClient *client)
{
    if (client->dirty)
        return;
    client->dirty = true;
    virNetServerSetDirty(client->server, client);
}

/* @msg is charged already. */
static void
virNetServerClientQueue(virNetServerClient *client, virNetMessage *msg)
{
    virNetWriterPush(client->writer, msg);
    virNetServerClientSetDirty(client);
}

/* A small one without fds, of which there are few: it is never refused. */
static void
virNetServerClientQueueSmall(virNetServerClient *client, virNetMessage *msg)
{
    size_t len;

    virNetMessageGetBytes(msg, &len);
    virNetQuotaForce(client->account, VIR_NET_QUOTA_CALL_BYTES, len);
    virNetServerClientQueue(client, msg);
}

static void virNetServerClientResume(void *opaque);

/* Who isn't known gets one answer after the other: little can be piled up, and where one of them
 * begins an encryption nothing lies behind the call that was sent without it. Not even if that call
 * has ended before this is asked: so it isn't the worker's word that counts. */
static size_t
virNetServerClientMaxRequests(virNetServerClient *client)
{
    return client->trusted && !client->sasl ?
        virNetServerGetLimits(client->server)->maxClientRequests : 1;
}

static size_t
virNetServerClientRequests(virNetServerClient *client)
{
    return virNetQuotaGetUsed(client->account, VIR_NET_QUOTA_REQUESTS);
}

static void
virNetServerClientSent(const virNetMessageHeader *header, void *opaque)
{
    virNetServerClient *client = opaque;

    if (header->type != VIR_NET_REPLY && header->type != VIR_NET_REPLY_WITH_FDS) {
        client->keepalives--;   /* events have no message of their own */
        return;
    }
    virNetQuotaRelease(client->account, VIR_NET_QUOTA_REQUESTS, 1);
    /* Later, so that a client with many calls doesn't keep others waiting. */
    if (client->paused && !client->resuming &&
        virNetServerClientRequests(client) < virNetServerClientMaxRequests(client)) {
        client->resuming = true;
        virIOLoopInvoke(client->loop, virNetServerClientResume, virNetServerClientRef(client));
    }
}

/* More than this waits for a client that is behind. */
static size_t
virNetServerClientAheadBytes(virNetServerClient *client)
{
    return MIN(VIR_NET_SERVER_CLIENT_AHEAD_BYTES,
               virNetServerGetLimits(client->server)->maxClientEventBytes / 4);
}

bool
virNetServerClientIsBehind(virNetServerClient *client)
{
    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE ||
        virNetWriterEventBytes(client->writer) <= virNetServerClientAheadBytes(client))
        return false;
    if (!client->behind)
        client->progress = g_get_monotonic_time();
    client->behind = true;
    return true;
}

bool
virNetServerClientIsStuck(virNetServerClient *client)
{
    return client->refusing &&
        g_get_monotonic_time() - client->progress > VIR_NET_SERVER_CLIENT_STUCK_MS * 1000;
}

/* Tells that it is behind no longer. */
static void
virNetServerClientEase(virNetServerClient *client)
{
    void *opaque;
    const virNetServerFuncs *funcs = virNetServerGetFuncs(client->server, &opaque);

    if (!client->behind ||
        virNetWriterEventBytes(client->writer) > virNetServerClientAheadBytes(client) / 2)
        return;
    client->behind = false;
    if (funcs->clientEased)
        funcs->clientEased(client, opaque);
}

/* The last word without an encryption is sent, and the next with one not looked at. What the client
 * has sent already isn't: it may be somebody else's who sits in between. */
static void
virNetServerClientStartSASL(virNetServerClient *client)
{
    virNetSocketSetSASL(client->sock, g_steal_pointer(&client->sasl));
    if (virNetReaderBytes(client->reader) == 0)
        return;
    VIR_INFO("client %llu from %s has sent more before its encryption has begun", client->id,
             client->info.remoteAddress);
    virNetServerClientCloseInThread(client);
}

/* As virNetWriterFlush(); gives back what has cost what is sent now. */
static int
virNetServerClientWrite(virNetServerClient *client)
{
    virNetWriter *writer = client->writer;
    size_t events = virNetWriterEventBytes(writer);
    size_t packets = virNetWriterPacketBytes(writer);
    size_t fds = virNetWriterPacketFDs(writer);
    int rc = virNetWriterFlush(writer);

    if (client->behind && virNetWriterEventBytes(writer) < events)
        client->progress = g_get_monotonic_time();
    virNetQuotaRelease(client->account, VIR_NET_QUOTA_EVENT_BYTES,
                       events - virNetWriterEventBytes(writer));
    virNetQuotaRelease(client->account, VIR_NET_QUOTA_CALL_BYTES,
                       packets - virNetWriterPacketBytes(writer));
    virNetQuotaRelease(client->account, VIR_NET_QUOTA_FDS, fds - virNetWriterPacketFDs(writer));
    return rc;
}

void
virNetServerClientFlush(virNetServerClient *client)
{
    const virNetServerLimits *limits = virNetServerGetLimits(client->server);
    void *opaque;
    const virNetServerFuncs *funcs = virNetServerGetFuncs(client->server, &opaque);
    int rc;

    client->dirty = false;
    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE &&
        client->state != VIR_NET_SERVER_CLIENT_LEAVING)
        return;
    do {
        if ((rc = virNetServerClientWrite(client)) < 0) {
            VIR_DEBUG("client %llu: %s", client->id, virErrorLastMessage());
            virResetLastError();
            virNetServerClientCloseInThread(client);
            return;
        }
        /* What its owner keeps for it counts, too: else what is sent in there would be refused
         * again, with nothing that could be written first. */
        if (!client->refusing ||
            virNetQuotaGetUsed(client->account, VIR_NET_QUOTA_EVENT_BYTES) >
                limits->maxClientEventBytes / 2 ||
            virNetQuotaIsTight(client->account, VIR_NET_QUOTA_EVENT_BYTES))
            break;
        client->refusing = false;
        if (funcs->clientDrained)
            funcs->clientDrained(client, opaque);
        if (client->state == VIR_NET_SERVER_CLIENT_CLOSED)
            return;
        /* What was queued in there is written at once, unless that was refused again: then
         * there is nothing that could be written first. */
    } while (rc == 1 && !client->refusing && !virNetWriterIsEmpty(client->writer));
    virNetServerClientEase(client);

    if (client->sasl && rc == 1 && virNetServerClientRequests(client) == 0)
        virNetServerClientStartSASL(client);
    if (client->state == VIR_NET_SERVER_CLIENT_CLOSED)
        return;

    if (client->state == VIR_NET_SERVER_CLIENT_LEAVING && rc == 1 &&
        virNetServerClientRequests(client) == 0 && virNetWriterIsEmpty(client->writer))
        virNetServerClientCloseInThread(client);
    else
        virNetServerClientUpdate(client, rc == 0);
}

bool
virNetServerClientSendEvent(virNetServerClient *client, virNetEvent *event, int callbackID)
{
    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE)
        return true;
    if (!virNetQuotaTakeShare(client->account, VIR_NET_QUOTA_EVENT_BYTES,
                              virNetWriterEventCost(client->writer, event))) {
        virNetServerClientRefuseEvent(client);
        return false;
    }
    client->events++;
    virNetWriterPushEvent(client->writer, event, callbackID);
    virNetServerClientSetDirty(client);
    return true;
}

void
virNetServerClientRefuseEvent(virNetServerClient *client)
{
    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE)
        return;
    client->refusing = true;
    client->refused++;
    virNetServerClientSetDirty(client);
}

size_t
virNetServerClientGetEventBytesMax(virNetServerClient *client)
{
    return virNetServerGetLimits(client->server)->maxClientEventBytes;
}

bool
virNetServerClientSendRareEvent(virNetServerClient *client, virNetEvent *event, int callbackID)
{
    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE)
        return true;
    if (!virNetQuotaTakeRare(client->account, VIR_NET_QUOTA_EVENT_BYTES,
                             virNetWriterEventCost(client->writer, event),
                             VIR_NET_SERVER_CLIENT_RESERVE_BYTES)) {
        client->refused++;
        return false;
    }
    client->events++;
    virNetWriterPushEvent(client->writer, event, callbackID);
    virNetServerClientSetDirty(client);
    return true;
}

size_t
virNetServerClientGetEventCost(virNetServerClient *client, const virNetEvent *event)
{
    return client->writer ? virNetWriterEventCost(client->writer, event) : 0;
}

size_t
virNetServerClientGetEventBytes(virNetServerClient *client)
{
    return client->writer ? virNetWriterEventBytes(client->writer) : 0;
}

guint64
virNetServerClientGetEvents(virNetServerClient *client)
{
    return client->events;
}

guint64
virNetServerClientGetRefused(virNetServerClient *client)
{
    return client->refused;
}

static void
virNetServerClientLeave(void *opaque)
{
    g_autoptr(virNetServerClient) client = opaque;

    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE)
        return;
    client->state = VIR_NET_SERVER_CLIENT_LEAVING;
    virKeepAliveStop(client->keepalive);
    virNetServerClientSetDirty(client);
}

void
virNetServerClientCloseAfterReply(virNetServerClient *client)
{
    virNetServerClientInvoke(client, virNetServerClientLeave);
}

/* ---- Keepalive ---- */

static void
virNetServerClientSendKeepAlive(virNetMessage *msg, void *opaque)
{
    virNetServerClient *client = opaque;

    if (client->keepalives == VIR_NET_SERVER_CLIENT_KEEPALIVE_MAX) {
        virNetMessageFree(msg);
        return;
    }
    client->keepalives++;
    virNetServerClientQueueSmall(client, msg);
}

static void
virNetServerClientDead(void *opaque)
{
    virNetServerClient *client = opaque;

    VIR_INFO("client %llu doesn't answer any more", client->id);
    virNetServerClientCloseInThread(client);
}

static const virKeepAliveFuncs virNetServerClientKeepAliveFuncs = {
    .send = virNetServerClientSendKeepAlive,
    .dead = virNetServerClientDead,
};

/* Who isn't read can't be heard either. */
static void
virNetServerClientUpdateKeepAlive(virNetServerClient *client)
{
    const virNetServerLimits *limits = virNetServerGetLimits(client->server);

    if (client->pings && !client->paused)
        virKeepAliveStart(client->keepalive, limits->keepaliveInterval, limits->keepaliveCount);
    else
        virKeepAliveStop(client->keepalive);
}

void
virNetServerClientStartKeepAlive(virNetServerClient *client)
{
    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE)
        return;
    client->pings = true;
    virNetServerClientUpdateKeepAlive(client);
}

void
virNetServerClientUserEased(virNetServerClient *client, void *user)
{
    if (client->refusing && virNetQuotaAccountGetUser(client->account) == user)
        virNetServerClientSetDirty(client);
}

void
virNetServerClientLimitsChanged(virNetServerClient *client, void *opaque G_GNUC_UNUSED)
{
    if (client->refusing)
        virNetServerClientSetDirty(client);
    if (client->pings)
        virNetServerClientUpdateKeepAlive(client);
}

/* ---- Calls ---- */

/* The reply to @header is the thread's last error. */
static void
virNetServerClientRefuse(virNetServerClient *client, const virNetMessageHeader *header)
{
    virNetMessage *msg = virNetMessageNewError(header, virGetLastError());

    virResetLastError();
    virNetQuotaForce(client->account, VIR_NET_QUOTA_REQUESTS, 1);
    virNetServerClientQueueSmall(client, msg);
}

/* What a call that is read costs until it has its reply; the reply costs on its own. Returns 0, or
 * -1 with an error reported. */
static int
virNetServerClientChargeCall(virNetServerClient *client, const virNetFrame *frame)
{
    virNetQuotaAccount *account = client->account;

    if (virNetQuotaCharge(account, VIR_NET_QUOTA_REQUESTS, 1) < 0)
        return -1;
    if (virNetQuotaCharge(account, VIR_NET_QUOTA_CALL_BYTES, frame->len) == 0) {
        if (virNetQuotaCharge(account, VIR_NET_QUOTA_FDS, frame->nfds) == 0) {
            client->running++;
            return 0;
        }
        virNetQuotaRelease(account, VIR_NET_QUOTA_CALL_BYTES, frame->len);
    }
    virNetQuotaRelease(account, VIR_NET_QUOTA_REQUESTS, 1);
    return -1;
}

/* The call itself counts until its reply is sent. */
static void
virNetServerClientDischargeCall(virNetServerClient *client, size_t bytes, size_t nfds)
{
    client->running--;
    virNetQuotaRelease(client->account, VIR_NET_QUOTA_CALL_BYTES, bytes);
    virNetQuotaRelease(client->account, VIR_NET_QUOTA_FDS, nfds);
}

/* A reply that is too much gives place to an error that says so; what the call has done is done. */
static void
virNetServerClientQueueReply(virNetServerClient *client, virNetServerCall *call)
{
    size_t len;
    size_t nfds;

    virNetMessageGetBytes(call->reply, &len);
    virNetMessageGetFDs(call->reply, &nfds);
    if (virNetQuotaCharge(client->account, VIR_NET_QUOTA_CALL_BYTES, len) == 0) {
        if (virNetQuotaCharge(client->account, VIR_NET_QUOTA_FDS, nfds) == 0) {
            virNetServerClientQueue(client, g_steal_pointer(&call->reply));
            return;
        }
        virNetQuotaRelease(client->account, VIR_NET_QUOTA_CALL_BYTES, len);
    }
    virNetMessageFree(call->reply);
    call->reply = virNetMessageNewError(&call->header, virGetLastError());
    virResetLastError();
    virNetServerClientQueueSmall(client, g_steal_pointer(&call->reply));
}

static void
virNetServerClientFinishCall(void *opaque)
{
    virNetServerCall *call = opaque;
    virNetServerClient *client = call->client;

    virNetServerClientDischargeCall(client, call->bytes, call->nfds);
    if (client->state == VIR_NET_SERVER_CLIENT_CLOSED)
        virNetQuotaRelease(client->account, VIR_NET_QUOTA_REQUESTS, 1);
    else
        virNetServerClientQueueReply(client, call);
    virNetServerCallFree(call);
}

/* What may run INLINE has been asked about. A client that has gone meanwhile has no state left
 * that a procedure could find. */
static void
virNetServerClientRunAsked(void *opaque)
{
    virNetServerCall *call = opaque;

    if (call->client->state == VIR_NET_SERVER_CLIENT_CLOSED || virNetServerCallRun(call))
        virNetServerClientFinishCall(call);
}

static void
virNetServerClientRunCall(void *opaque)
{
    virNetServerCall *call = opaque;
    const unsigned int places = VIR_NET_SERVER_PROC_INLINE | VIR_NET_SERVER_PROC_ANYWHERE;
    virIOFunc then = virNetServerClientFinishCall;
    virIOLoop *loop = call->client->loop;

    if (virNetServerCallAsk(call)) {
        if ((call->proc->flags & places) == VIR_NET_SERVER_PROC_INLINE)
            then = virNetServerClientRunAsked;
        else if (!virNetServerCallRun(call))
            return;
    }
    virIOLoopInvoke(loop, then, call);
}

void
virNetServerCallAnswer(virNetServerCall *call, int rc)
{
    virIOLoop *loop = call->client->loop;

    virNetServerCallReply(call, rc);
    virIOLoopInvoke(loop, virNetServerClientFinishCall, call);
}

/* Finds what @frame calls, and whether it may. NULL with an error reported. */
static virNetServerCall *
virNetServerClientMakeCall(virNetServerClient *client, virNetFrame *frame)
{
    const virNetMessageHeader *header = &frame->header;
    const virNetServerProgram *program;
    const virNetServerProc *proc;

    if (!(program = virNetServerFindProgram(client->server, header->prog, header->vers))) {
        virReportError(VIR_ERR_RPC, _("cannot find program %1$u version %2$u"), header->prog,
                       header->vers);
        return NULL;
    }
    if (header->status != VIR_NET_OK) {
        virReportError(VIR_ERR_RPC, _("call with status %1$d, it should be 0"),
                       (int)header->status);
        return NULL;
    }
    if (!(proc = virNetServerFindProc(client->server, program, header->proc))) {
        /* Clients look for the first two words. */
        virReportError(VIR_ERR_RPC, "unknown procedure: %d", header->proc);
        return NULL;
    }
    if (!virNetServerClientIsAuthenticated(client) &&
        !(proc->flags & VIR_NET_SERVER_PROC_NO_AUTH)) {
        virReportError(VIR_ERR_RPC, "%s", _("authentication required"));
        return NULL;
    }
    return virNetServerCallNew(client, program, proc, frame);
}

static void
virNetServerClientStopSetupTimer(virNetServerClient *client)
{
    if (client->called && virNetServerClientIsAuthenticated(client))
        virIOLoopRemoveTimer(g_steal_pointer(&client->setupTimer));
}

static void
virNetServerClientTakeCall(virNetServerClient *client, virNetFrame *frame)
{
    virNetServerCall *call;

    client->called = true;
    virNetServerClientStopSetupTimer(client);
    virNetServerCountCall(client->server);
    if (virNetServerClientChargeCall(client, frame) < 0) {
        virNetServerClientRefuse(client, &frame->header);
        return;
    }
    if (!(call = virNetServerClientMakeCall(client, frame))) {
        virNetServerClientDischargeCall(client, frame->len, frame->nfds);
        virNetQuotaRelease(client->account, VIR_NET_QUOTA_REQUESTS, 1);
        virNetServerClientRefuse(client, &frame->header);
        return;
    }
    if (call->proc->flags & VIR_NET_SERVER_PROC_INLINE &&
        !(call->program->asks && call->program->asks(call, call->args))) {
        if (virNetServerCallRun(call))
            virNetServerClientFinishCall(call);
    } else {
        virNetServerWorkersPush(client->worker,
                                call->proc->flags & (VIR_NET_SERVER_PROC_PRIORITY |
                                                     VIR_NET_SERVER_PROC_INLINE),
                                virNetServerClientRunCall, call);
    }
}

static virNetReaderVerdict
virNetServerClientTake(virNetFrame *frame, void *opaque)
{
    virNetServerClient *client = opaque;

    if (virNetServerFindProgram(client->server, frame->header.prog, frame->header.vers) == NULL &&
        virKeepAliveTake(client->keepalive, frame))
        return VIR_NET_READER_GO_ON;
    /* All else that isn't a call is nothing a client sends, and does no harm. */
    if (frame->header.type == VIR_NET_CALL || frame->header.type == VIR_NET_CALL_WITH_FDS)
        virNetServerClientTakeCall(client, frame);

    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE)
        return VIR_NET_READER_CLOSE;
    if (virNetServerClientRequests(client) >= virNetServerClientMaxRequests(client))
        return VIR_NET_READER_PAUSE;
    return VIR_NET_READER_GO_ON;
}

static int
virNetServerClientKeepsOf(virNetServerClient *client, virNetQuotaResource resource, size_t *kept,
                          size_t amount)
{
    if (amount <= *kept)
        virNetQuotaRelease(client->account, resource, *kept - amount);
    else if (virNetQuotaCharge(client->account, resource, amount - *kept) < 0)
        return -1;
    *kept = amount;
    return 0;
}

static int
virNetServerClientKeeps(size_t bytes, size_t nfds, void *opaque)
{
    virNetServerClient *client = opaque;

    if (virNetServerClientKeepsOf(client, VIR_NET_QUOTA_CALL_BYTES, &client->keptBytes, bytes) < 0)
        return -1;
    return virNetServerClientKeepsOf(client, VIR_NET_QUOTA_FDS, &client->keptFDs, nfds);
}

static void
virNetServerClientRead(virNetServerClient *client)
{
    virNetReaderResult result;

    virKeepAliveHeard(client->keepalive);
    client->reading = true;
    result = virNetReaderRun(client->reader, virIOLoopBuffer(client->loop),
                             VIR_NET_SERVER_CLIENT_READ, virNetServerClientTake, client);
    client->reading = false;

    switch (result) {
    case VIR_NET_READER_WAIT:
        break;
    case VIR_NET_READER_PAUSED:
        client->paused = true;
        virNetServerClientUpdateKeepAlive(client);
        virNetServerClientSetDirty(client);
        break;
    case VIR_NET_READER_ERROR:
        VIR_INFO("client %llu: %s", client->id, virErrorLastMessage());
        G_GNUC_FALLTHROUGH;
    case VIR_NET_READER_EOF:
        virResetLastError();
        virNetServerClientCloseInThread(client);
        break;
    case VIR_NET_READER_CLOSED:
        /* By itself, or it leaves: what it has to get is still written then. */
        if (client->state == VIR_NET_SERVER_CLIENT_CLOSED)
            virNetServerClientReleaseStream(client);
        break;
    }
}

static void
virNetServerClientResume(void *opaque)
{
    g_autoptr(virNetServerClient) client = opaque;

    client->resuming = false;
    if (client->state != VIR_NET_SERVER_CLIENT_ACTIVE || !client->paused)
        return;
    client->paused = false;
    virNetServerClientUpdateKeepAlive(client);
    virNetServerClientRead(client);
    if (client->state == VIR_NET_SERVER_CLIENT_ACTIVE)
        virNetServerClientSetDirty(client);
}

/* ---- The beginning ---- */

/* Takes @identity. */
static void
virNetServerClientSetIdentity(virNetServerClient *client, virIdentity *identity)
{
    virIdentity *before;

    virMutexLock(&client->lock);
    before = client->identity;
    client->identity = identity;
    virMutexUnlock(&client->lock);
    virIdentityUnref(before);
}

/* Charges all that it holds to the user that it is known to be with @identity. Returns 0, or -1
 * with an error reported: this user has enough already. */
static int
virNetServerClientJoinUser(virNetServerClient *client, const virIdentity *identity)
{
    bool exempt;
    g_autofree char *user = virNetQuotaNameUser(identity, client->info.remoteAddress, &exempt);

    return virNetQuotaAccountMove(client->account, user, exempt);
}

/* One that is refused is none of @funcs'. */
static void
virNetServerClientReject(virNetServerClient *client)
{
    VIR_WARN("client %llu from %s is refused: %s", client->id, client->info.remoteAddress,
             virErrorLastMessage());
    virResetLastError();
    virNetServerClientCloseInThread(client);
}

static void
virNetServerClientActivate(virNetServerClient *client)
{
    virIdentity *identity;
    const char *name;
    void *opaque;
    const virNetServerFuncs *funcs = virNetServerGetFuncs(client->server, &opaque);

    client->state = VIR_NET_SERVER_CLIENT_ACTIVE;
    client->keySize = virNetSocketGetTLSKeySize(client->sock);
    if ((name = virNetSocketGetTLSName(client->sock))) {
        identity = virIdentityCopy(client->identity);
        virIdentitySetX509DName(identity, name);
        virNetServerClientSetIdentity(client, identity);
        if (virNetServerClientJoinUser(client, identity) < 0) {
            virNetServerClientReject(client);
            return;
        }
    }
    client->known = true;
    /* Who it is has not changed since, so that this cannot fail. */
    if (client->auth == VIR_NET_SERVER_AUTH_NONE)
        virNetServerClientSetAuthenticated(client, NULL);
    if (funcs->clientNew)
        client->data = funcs->clientNew(client, opaque);
}

static void
virNetServerClientShake(virNetServerClient *client)
{
    int rc = virNetSocketHandshake(client->sock);

    if (rc < 0) {
        VIR_INFO("client %llu from %s: %s", client->id, client->info.remoteAddress,
                 virErrorLastMessage());
        virResetLastError();
        virNetServerClientCloseInThread(client);
    } else if (rc == 0) {
        virIOLoopUpdateHandle(client->handle, virNetSocketWants(client->sock));
    } else {
        virIOLoopUpdateHandle(client->handle, EPOLLIN);
        virNetServerClientActivate(client);
    }
}

static void
virNetServerClientReady(virIOHandle *handle G_GNUC_UNUSED, int fd G_GNUC_UNUSED,
                        uint32_t events, void *opaque)
{
    g_autoptr(virNetServerClient) client = virNetServerClientRef(opaque);

    if (client->state == VIR_NET_SERVER_CLIENT_HANDSHAKE) {
        virNetServerClientShake(client);
        return;
    }
    if (events & EPOLLOUT)
        virNetServerClientFlush(client);
    if (client->state == VIR_NET_SERVER_CLIENT_ACTIVE && !client->paused) {
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            virNetServerClientRead(client);
    } else if (client->state != VIR_NET_SERVER_CLIENT_CLOSED &&
               events & (EPOLLHUP | EPOLLERR)) {
        /* Nobody is left who could get a reply; and this is told again and again. */
        virNetServerClientCloseInThread(client);
    }
}

static void
virNetServerClientTooSlow(void *opaque)
{
    virNetServerClient *client = opaque;

    virIOLoopRemoveTimer(g_steal_pointer(&client->setupTimer));
    VIR_INFO("client %llu from %s has not got ready in time", client->id,
             client->info.remoteAddress);
    virNetServerClientCloseInThread(client);
}

/* Who is behind the socket, before it has said a word. */
static virIdentity *
virNetServerClientIdentify(virNetServerClient *client)
{
    virIdentity *identity = virIdentityNew();
    g_autofree char *label = virNetSocketGetPeerLabel(client->sock);

    if (client->info.hasPeer) {
        virIdentitySetUNIXUserID(identity, client->info.peer.uid);
        virIdentitySetUNIXGroupID(identity, client->info.peer.gid);
        if (client->info.peer.pid > 0)
            virIdentitySetProcess(identity, client->info.peer.pid, client->info.peer.startTime);
    }
    virIdentitySetSELinuxContext(identity, label);
    virIdentitySetReadOnly(identity, client->readonly);
    return identity;
}

virNetServerClient *
virNetServerClientNew(virNetServer *server, virNetSocket *sock,
                      const virNetServerServiceOptions *options, unsigned long long id)
{
    virNetServerClient *client = g_new0(virNetServerClient, 1);
    g_autofree char *user = NULL;
    bool exempt;

    client->refs = 1;
    client->server = server;
    client->loop = virNetServerGetLoop(server);
    client->id = id;
    client->readonly = options->readonly;
    client->auth = options->auth;
    client->link.data = client;
    client->sock = sock;
    client->passFDs = virNetSocketCanPassFDs(sock);
    client->anonymous = options->tls || options->auth != VIR_NET_SERVER_AUTH_NONE;
    client->reader = virNetReaderNew(sock);
    virNetReaderSetKeeps(client->reader, virNetServerClientKeeps, client);
    if (client->anonymous || client->readonly)
        virNetReaderSetMax(client->reader, VIR_NET_SERVER_CLIENT_ANONYMOUS_MAX);
    virNetReaderSetSecret(client->reader, client->anonymous);
    client->writer = virNetWriterNew(sock, virNetServerClientSent, client);
    client->keepalive = virKeepAliveNew(client->loop, &virNetServerClientKeepAliveFuncs, client);
    client->worker = virNetServerWorkersOwnerNew(virNetServerGetWorkers(server));

    client->info.local = virNetSocketIsLocal(sock);
    client->info.hasPeer = virNetSocketGetPeer(sock, &client->info.peer);
    client->info.localAddress = g_strdup(virNetSocketGetLocalAddress(sock));
    client->info.remoteAddress = g_strdup(virNetSocketGetRemoteAddress(sock));
    client->info.encrypted = options->tls;
    client->info.secure = options->tls || virNetSocketIsSecure(sock);
    client->info.since = g_get_real_time() / G_USEC_PER_SEC;
    virMutexInit(&client->lock);
    client->identity = virNetServerClientIdentify(client);
    user = virNetQuotaNameUser(client->identity, client->info.remoteAddress, &exempt);
    client->account = virNetQuotaAccountNew(virNetServerGetQuota(server), id, user, exempt);
    return client;
}

int
virNetServerClientStart(virNetServerClient *client)
{
    const virNetServerLimits *limits = virNetServerGetLimits(client->server);

    client->handle = virIOLoopAddHandle(client->loop, virNetSocketGetFD(client->sock), EPOLLIN,
                                        virNetServerClientReady, client);
    if (!client->handle)
        return -1;
    if (limits->setupSeconds > 0)
        client->setupTimer = virIOLoopAddTimer(client->loop, limits->setupSeconds * 1000,
                                               virNetServerClientTooSlow, client);
    if (client->info.encrypted)
        virNetServerClientShake(client);
    else
        virNetServerClientActivate(client);
    return 0;
}

bool
virNetServerClientIsAnonymous(virNetServerClient *client)
{
    return client->anonymous;
}

GList *
virNetServerClientLink(virNetServerClient *client)
{
    return &client->link;
}

/* ---- Who it is ---- */

unsigned long long
virNetServerClientGetID(virNetServerClient *client)
{
    return client->id;
}

const virNetServerClientInfo *
virNetServerClientGetInfo(virNetServerClient *client)
{
    return &client->info;
}

virIdentity *
virNetServerClientGetIdentity(virNetServerClient *client)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&client->lock);

    return virIdentityRef(client->identity);
}

bool
virNetServerClientIsReadOnly(virNetServerClient *client)
{
    return client->readonly;
}

virNetServerAuth
virNetServerClientGetAuth(virNetServerClient *client)
{
    return client->auth;
}

bool
virNetServerClientCanPassFDs(virNetServerClient *client)
{
    return client->passFDs;
}

int
virNetServerClientGetTLSKeySize(virNetServerClient *client)
{
    return client->keySize;
}

void *
virNetServerClientGetData(virNetServerClient *client)
{
    return client->data;
}

bool
virNetServerClientIsAuthenticated(virNetServerClient *client)
{
    return atomic_load(&client->authenticated);
}

static void
virNetServerClientCountAuthenticated(virNetServerClient *client)
{
    client->trusted = true;
    if (!client->anonymous || client->state == VIR_NET_SERVER_CLIENT_CLOSED)
        return;
    client->anonymous = false;
    virNetReaderSetSecret(client->reader, false);
    if (!client->readonly)
        virNetReaderSetMax(client->reader, VIR_NET_MESSAGE_LEN_MAX);
    virNetServerAnonymousLess(client->server, client);
    virNetServerClientStopSetupTimer(client);
}

typedef struct {
    virNetServerClient *client;
    virIdentity *identity;      /* taken, unless it fails */
    virErrorPtr err;            /* NULL: it works */
} virNetServerClientAuthRequest;

static void
virNetServerClientSetAuthenticatedInThread(void *opaque)
{
    virNetServerClientAuthRequest *request = opaque;
    virNetServerClient *client = request->client;

    if (virNetServerClientJoinUser(client, request->identity) < 0) {
        virErrorPreserveLast(&request->err);
        virResetLastError();
        return;
    }
    virNetServerClientSetIdentity(client, request->identity);
    atomic_store(&client->authenticated, true);
    virNetServerClientCountAuthenticated(client);
}

int
virNetServerClientSetAuthenticated(virNetServerClient *client, const char *saslName)
{
    g_autoptr(virIdentity) before = virNetServerClientGetIdentity(client);
    virNetServerClientAuthRequest request = { client, virIdentityCopy(before), NULL };

    if (saslName)
        virIdentitySetSASLUserName(request.identity, saslName);
    virIOLoopInvokeWait(client->loop, virNetServerClientSetAuthenticatedInThread, &request);
    if (!request.err)
        return 0;
    virIdentityUnref(request.identity);
    virErrorRestore(&request.err);
    return -1;
}

typedef struct {
    virNetServerClient *client; /* a reference */
    virNetSASLSession *session;
} virNetServerClientSASLRequest;

static void
virNetServerClientSetSASLInThread(void *opaque)
{
    g_autofree virNetServerClientSASLRequest *request = opaque;
    g_autoptr(virNetServerClient) client = request->client;

    virNetSASLSessionFree(client->sasl);
    client->sasl = request->session;
    if (client->state == VIR_NET_SERVER_CLIENT_CLOSED)
        g_clear_pointer(&client->sasl, virNetSASLSessionFree);
}

void
virNetServerClientSetSASL(virNetServerClient *client, virNetSASLSession *session)
{
    virNetServerClientSASLRequest *request = g_new(virNetServerClientSASLRequest, 1);

    request->client = virNetServerClientRef(client);
    request->session = session;
    if (virIOLoopInThread(client->loop))
        virNetServerClientSetSASLInThread(request);
    else
        virIOLoopInvoke(client->loop, virNetServerClientSetSASLInThread, request);
}

void
virNetServerClientAuthFailed(virNetServerClient *client)
{
    unsigned int failures = atomic_fetch_add(&client->authFailures, 1) + 1;

    VIR_INFO("client %llu from %s has failed to authenticate, %u times by now", client->id,
             client->info.remoteAddress, failures);
    if (failures >= VIR_NET_SERVER_CLIENT_AUTH_FAILURES_MAX)
        virNetServerClientCloseAfterReply(client);
}

bool
virNetServerClientIsClosed(virNetServerClient *client)
{
    return atomic_load(&client->closed);
}

virNetQuotaAccount *
virNetServerClientGetAccount(virNetServerClient *client)
{
    return client->account;
}
