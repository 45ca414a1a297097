/*
 * virnetclient.c: the client's side of a connection
 *
 * Everything but the waiting for a reply happens in the I/O thread, so that little is shared: a
 * caller hands its packet over and sleeps.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetclient.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virioloop.h"
#include "viriothrottle.h"
#include "virkeepalive.h"
#include "virlog.h"
#include "virnetreader.h"
#include "virnetwriter.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netclient");

/* Keepalive messages that wait to be written; a server that pings on without reading the answers
 * gets no more of them, as those that wait say the same. */
#define VIR_NET_CLIENT_KEEPALIVE_MAX 64

struct _virNetClient {
    virIOLoop *loop;            /* a share in it */
    const virNetClientProgram *programs;
    const virNetClientFuncs *funcs;
    void *opaque;
    bool encrypted;             /* these may change once, before others know of the client */
    bool secure;
    bool passFDs;
    int keySize;
    const char *local;          /* the socket's */
    const char *remote;
    bool attached;              /* the I/O thread has taken it over; set before it is used */

    virMutex lock;              /* guards these, and the outcome of every call */
    bool open;
    virErrorPtr untold;         /* why it ended before the first call: for that one */

    /* the I/O thread's own */
    virNetSocket *sock;
    virNetReader *reader;
    virNetWriter *writer;
    virKeepAlive *keepalive;
    virIOHandle *handle;        /* NULL: disconnected */
    virIOHandle *easedHandle;   /* of the descriptor that ends pauses; NULL: there is none */
    virIOThrottle *throttle;    /* paused: isn't read */
    bool blocked;               /* waits until the server takes more */
    GQueue calls;               /* virNetClientWaiter, sent, in order */
    unsigned int nextSerial;
    size_t keepalives;          /* messages of keepalive that aren't sent whole */
    bool batch;                 /* events came since the last end of a batch */
    bool reading;               /* in the reader: what ends the connection waits until it returns */
    virConnectCloseReason pendingReason;
    virErrorPtr pendingError;   /* why; NULL: nothing is pending */
};

/* A call on its way. It lies on the caller's stack, who waits for its outcome. */
typedef struct {
    virNetClient *client;
    virNetMessage *msg;         /* NULL: handed over */
    unsigned int program;
    unsigned int version;
    int procedure;
    unsigned int serial;
    virNetClientReplyFunc reply;
    void *opaque;

    /* the outcome, guarded by the client's lock */
    virCond cond;               /* signalled when @done becomes true */
    bool done;
    virErrorPtr err;            /* NULL: there is a reply */
    virNetMessageStatus status;
    char *payload;
    size_t len;
    int *fds;
    size_t nfds;
} virNetClientWaiter;

/* ---- The thread that all clients share ---- */

static virMutex virNetClientLoopLock = VIR_MUTEX_INITIALIZER;
static virIOLoop *virNetClientLoop;     /* both guarded by virNetClientLoopLock */
static size_t virNetClientLoopUsers;

static virIOLoop *
virNetClientLoopGet(void)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virNetClientLoopLock);

    if (!virNetClientLoop && !(virNetClientLoop = virIOLoopNew("virtmon-rpc")))
        return NULL;
    virNetClientLoopUsers++;
    return virNetClientLoop;
}

static void
virNetClientLoopPut(void)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virNetClientLoopLock);

    if (--virNetClientLoopUsers == 0)
        virIOLoopFree(g_steal_pointer(&virNetClientLoop));
}

/* ---- In the I/O thread ---- */

/* Wakes the caller, after which @waiter is gone. @failed: with this thread's last error. */
static void
virNetClientFinish(virNetClient *client, virNetClientWaiter *waiter, bool failed)
{
    virMutexLock(&client->lock);
    if (failed)
        waiter->err = virSaveLastError();
    waiter->done = true;
    virCondSignal(&waiter->cond);
    virMutexUnlock(&client->lock);
}

static void
virNetClientEndBatch(virNetClient *client)
{
    if (!client->batch)
        return;
    client->batch = false;
    if (client->funcs->batchEnd)
        client->funcs->batchEnd(client, client->opaque);
}

/**
 * virNetClientDisconnect:
 * @reason: what the application is told
 * @err: what waiting callers are told (borrowed)
 *
 * Not from within the reader: virNetClientFail() is for that.
 */
static void
virNetClientDisconnect(virNetClient *client, virConnectCloseReason reason, virErrorPtr err)
{
    virNetClientWaiter *waiter;

    if (!client->handle)
        return;
    VIR_DEBUG("connection %p ends, reason %d: %s", client, reason, err->message);
    virMutexLock(&client->lock);
    client->open = false;
    if (client->nextSerial == 0) {
        virSetError(err);
        virErrorPreserveLast(&client->untold);
    }
    virMutexUnlock(&client->lock);

    virIOLoopRemoveHandle(g_steal_pointer(&client->handle));
    virIOThrottleLift(client->throttle);
    virKeepAliveStop(client->keepalive);
    virNetSocketShutdown(client->sock);
    virNetClientEndBatch(client);
    virSetError(err);
    while ((waiter = g_queue_pop_head(&client->calls)))
        virNetClientFinish(client, waiter, true);
    virResetLastError();
    if (client->funcs->closed)
        client->funcs->closed(client, reason, client->opaque);
}

/* Ends the connection with the thread's last error, as soon as that is possible. */
static void
virNetClientFail(virNetClient *client, virConnectCloseReason reason)
{
    virErrorPtr err;

    if (client->reading) {
        if (!client->pendingError) {
            client->pendingReason = reason;
            virErrorPreserveLast(&client->pendingError);
        }
        return;
    }
    virErrorPreserveLast(&err);
    virNetClientDisconnect(client, reason, err);
    virFreeError(err);
}

static void virNetClientRead(virNetClient *client);

/* What it waits for. */
static void
virNetClientUpdateHandle(virNetClient *client)
{
    virIOLoopUpdateHandle(client->handle,
                          (virIOThrottleIsPaused(client->throttle) ? 0 : EPOLLIN) |
                          (client->blocked ? EPOLLOUT : 0));
}

static void
virNetClientFlush(virNetClient *client)
{
    virErrorPtr err;
    int rc;

    if (!client->handle)
        return;
    rc = virNetWriterFlush(client->writer);
    if (rc >= 0) {
        client->blocked = rc == 0;
        virNetClientUpdateHandle(client);
        return;
    }
    /* What the server said before it hung up may tell more, and the end of its stream is
     * a better reason than a pipe that is broken. */
    virErrorPreserveLast(&err);
    if (!client->reading)
        virNetClientRead(client);
    virErrorRestore(&err);
    virNetClientFail(client, VIR_CONNECT_CLOSE_REASON_ERROR);
}

static void
virNetClientSent(const virNetMessageHeader *header, void *opaque)
{
    virNetClient *client = opaque;

    if (header->type == VIR_NET_MESSAGE)
        client->keepalives--;
}

static void
virNetClientSend(virNetMessage *msg, void *opaque)
{
    virNetClient *client = opaque;

    if (client->keepalives == VIR_NET_CLIENT_KEEPALIVE_MAX) {
        virNetMessageFree(msg);
        return;
    }
    client->keepalives++;
    virNetWriterPush(client->writer, msg);
    virNetClientFlush(client);
}

static void
virNetClientDead(void *opaque)
{
    virNetClient *client = opaque;

    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("connection closed due to keepalive timeout"));
    virNetClientFail(client, VIR_CONNECT_CLOSE_REASON_KEEPALIVE);
}

static const virKeepAliveFuncs virNetClientKeepAliveFuncs = {
    .send = virNetClientSend,
    .dead = virNetClientDead,
};

static bool
virNetClientKnows(virNetClient *client, const virNetMessageHeader *header)
{
    const virNetClientProgram *program;

    for (program = client->programs; program->program; program++) {
        if (program->program == header->prog && program->version == header->vers)
            return true;
    }
    return false;
}

static virNetReaderVerdict
virNetClientTakeMessage(virNetClient *client, virNetFrame *frame)
{
    if (virKeepAliveTake(client->keepalive, frame))
        return VIR_NET_READER_GO_ON;
    if (!virNetClientKnows(client, &frame->header)) {
        virReportError(VIR_ERR_RPC,
                       _("message of program %1$u version %2$u, which nobody asked for"),
                       frame->header.prog, frame->header.vers);
        return VIR_NET_READER_CLOSE;
    }
    if (client->funcs->event) {
        client->batch = true;
        client->funcs->event(client, frame, client->opaque);
    }
    return VIR_NET_READER_GO_ON;
}

static virNetClientWaiter *
virNetClientFindCall(virNetClient *client, const virNetMessageHeader *header)
{
    GList *link;

    for (link = client->calls.head; link; link = link->next) {
        virNetClientWaiter *waiter = link->data;

        if (waiter->serial == header->serial && waiter->program == header->prog &&
            waiter->version == header->vers) {
            g_queue_delete_link(&client->calls, link);
            return waiter;
        }
    }
    return NULL;
}

static virNetReaderVerdict
virNetClientTakeReply(virNetClient *client, virNetFrame *frame)
{
    const virNetMessageHeader *header = &frame->header;
    virNetClientWaiter *waiter = virNetClientFindCall(client, header);
    size_t i;

    if (!waiter) {
        virReportError(VIR_ERR_RPC,
                       _("reply of program %1$u version %2$u with serial %3$u, for which no call "
                         "waits"), header->prog, header->vers, header->serial);
        return VIR_NET_READER_CLOSE;
    }
    /* What came before a reply is on its way before the caller goes on. */
    virNetClientEndBatch(client);
    if (header->proc != waiter->procedure) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("reply of procedure %1$d to a call of %2$d"),
                       header->proc, waiter->procedure);
    } else if (header->status != VIR_NET_OK && header->status != VIR_NET_ERROR) {
        virReportError(VIR_ERR_RPC, _("reply with unknown status %1$d"), (int)header->status);
    } else {
        if (header->status == VIR_NET_OK && waiter->reply)
            waiter->reply(frame, waiter->opaque);
        waiter->status = header->status;
        waiter->payload = g_memdup2(frame->payload, frame->len);
        waiter->len = frame->len;
        waiter->fds = g_memdup2(frame->fds, frame->nfds * sizeof(frame->fds[0]));
        waiter->nfds = frame->nfds;
        for (i = 0; i < frame->nfds; i++)
            frame->fds[i] = -1;
        virNetClientFinish(client, waiter, false);
        return VIR_NET_READER_GO_ON;
    }
    virNetClientFinish(client, waiter, true);
    virResetLastError();
    return VIR_NET_READER_GO_ON;
}

static virNetReaderVerdict
virNetClientTake(virNetFrame *frame, void *opaque)
{
    virNetClient *client = opaque;
    virNetReaderVerdict verdict;

    switch ((int)frame->header.type) {
    case VIR_NET_REPLY:
    case VIR_NET_REPLY_WITH_FDS:
        verdict = virNetClientTakeReply(client, frame);
        break;
    case VIR_NET_MESSAGE:
        verdict = virNetClientTakeMessage(client, frame);
        break;
    case VIR_NET_STREAM:
    case VIR_NET_STREAM_HOLE:
        VIR_DEBUG("a part of a stream that nobody opened is ignored");
        return VIR_NET_READER_GO_ON;
    default:
        virReportError(VIR_ERR_RPC, _("packet of type %1$d, which no server sends"),
                       (int)frame->header.type);
        return VIR_NET_READER_CLOSE;
    }
    return client->pendingError ? VIR_NET_READER_CLOSE : verdict;
}

static void
virNetClientRead(virNetClient *client)
{
    virNetReaderResult result;

    if (!client->handle)
        return;
    client->reading = true;
    virKeepAliveHeard(client->keepalive);
    /* One read in each period: the server bounds what it keeps. */
    virIOThrottleCount(client->throttle, VIR_IO_THROTTLE_BYTES);
    result = virNetReaderRun(client->reader, virIOLoopBuffer(client->loop),
                             VIR_IO_LOOP_BUFFER_SIZE, virNetClientTake, client);
    client->reading = false;
    virNetClientEndBatch(client);

    if (client->pendingError) {
        virNetClientDisconnect(client, client->pendingReason, client->pendingError);
        g_clear_pointer(&client->pendingError, virFreeError);
    } else if (result == VIR_NET_READER_EOF) {
        virNetClientFail(client, VIR_CONNECT_CLOSE_REASON_EOF);
    } else if (result == VIR_NET_READER_ERROR || result == VIR_NET_READER_CLOSED) {
        virNetClientFail(client, VIR_CONNECT_CLOSE_REASON_ERROR);
    }
}

/* ---- Pauses ---- */

static bool
virNetClientMayRead(virNetClient *client)
{
    bool wanted = !client->funcs->mayRead ||
        client->funcs->mayRead(client, !g_queue_is_empty(&client->calls), client->opaque);

    return virIOThrottleAsk(client->throttle, wanted);
}

/* What TLS has decrypted already makes no descriptor readable, so it is read at once. */
static void
virNetClientOnPauseEnd(void *opaque)
{
    virNetClient *client = opaque;

    virNetClientUpdateHandle(client);
    virNetClientRead(client);
}

static void
virNetClientResume(virNetClient *client)
{
    if (!client->handle || !virIOThrottleIsPaused(client->throttle))
        return;
    virIOThrottleLift(client->throttle);
    if (virNetClientMayRead(client))
        virNetClientOnPauseEnd(client);
}

static void
virNetClientOnEased(virIOHandle *handle G_GNUC_UNUSED, int fd, uint32_t events G_GNUC_UNUSED,
                    void *opaque)
{
    guint64 count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
        VIR_WARN("cannot read from the event queue's eventfd: %s", g_strerror(errno));
    virNetClientResume(opaque);
}

static void
virNetClientReady(virIOHandle *handle G_GNUC_UNUSED, int fd G_GNUC_UNUSED, uint32_t events,
                  void *opaque)
{
    virNetClient *client = opaque;

    if (events & EPOLLOUT)
        virNetClientFlush(client);
    if (!client->handle || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    /* Of one that the server has left, all that it said is read. */
    if ((events & (EPOLLHUP | EPOLLERR)) || virNetClientMayRead(client))
        virNetClientRead(client);
    else
        virNetClientUpdateHandle(client);
}

static void
virNetClientAttach(void *opaque)
{
    virNetClient *client = opaque;

    client->handle = virIOLoopAddHandle(client->loop, virNetSocketGetFD(client->sock), EPOLLIN,
                                        virNetClientReady, client);
    client->open = client->attached = client->handle;
}

static void
virNetClientDetach(void *opaque)
{
    virNetClient *client = opaque;

    virIOLoopRemoveHandle(g_steal_pointer(&client->handle));
    virIOLoopRemoveHandle(g_steal_pointer(&client->easedHandle));
    g_clear_pointer(&client->throttle, virIOThrottleFree);
    g_clear_pointer(&client->keepalive, virKeepAliveFree);
}

/* For a call that comes too late. A command that cannot reach the server may have ended, and
 * have said why, before there is a call. */
static void
virNetClientReportClosed(virNetClient *client)
{
    virErrorPtr why;

    virMutexLock(&client->lock);
    why = g_steal_pointer(&client->untold);
    virMutexUnlock(&client->lock);
    if (why)
        virErrorRestore(&why);
    else
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("client socket is closed"));
}

static void
virNetClientCloseInThread(void *opaque)
{
    virNetClient *client = opaque;

    if (!client->handle)
        return;
    virNetClientReportClosed(client);
    virNetClientFail(client, VIR_CONNECT_CLOSE_REASON_CLIENT);
}

static void
virNetClientStartCall(void *opaque)
{
    virNetClientWaiter *waiter = opaque;
    virNetClient *client = waiter->client;

    if (!client->handle) {
        virNetClientReportClosed(client);
        virNetClientFinish(client, waiter, true);
        virResetLastError();
        return;
    }
    waiter->serial = client->nextSerial++;
    virNetMessageSetSerial(waiter->msg, waiter->serial);
    g_queue_push_tail(&client->calls, waiter);
    virNetWriterPush(client->writer, g_steal_pointer(&waiter->msg));
    virNetClientFlush(client);
    virNetClientResume(client);         /* for the reply */
}

/* ---- In any thread ---- */

virNetClient *
virNetClientNew(virNetSocket *sock, const virNetClientProgram *programs,
                const virNetClientFuncs *funcs, void *opaque)
{
    virNetClient *client;
    virIOLoop *loop = virNetClientLoopGet();

    if (!loop) {
        virNetSocketFree(sock);
        return NULL;
    }
    client = g_new0(virNetClient, 1);
    client->loop = loop;
    client->programs = programs;
    client->funcs = funcs;
    client->opaque = opaque;
    client->sock = sock;
    client->encrypted = virNetSocketIsEncrypted(sock);
    client->secure = virNetSocketIsSecure(sock);
    client->passFDs = virNetSocketCanPassFDs(sock);
    client->keySize = virNetSocketGetTLSKeySize(sock);
    client->local = virNetSocketGetLocalAddress(sock);
    client->remote = virNetSocketGetRemoteAddress(sock);
    virMutexInit(&client->lock);
    g_queue_init(&client->calls);
    client->reader = virNetReaderNew(sock);
    client->writer = virNetWriterNew(sock, virNetClientSent, client);
    client->keepalive = virKeepAliveNew(loop, &virNetClientKeepAliveFuncs, client);
    client->throttle = virIOThrottleNew(loop, virNetClientOnPauseEnd, client);

    virIOLoopInvokeWait(loop, virNetClientAttach, client);
    /* It may have ended again by now, which the first call tells. */
    if (!client->attached) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("cannot wait for the connection"));
        virNetClientFree(client);
        return NULL;
    }
    return client;
}

void
virNetClientFree(virNetClient *client)
{
    if (!client)
        return;
    g_assert(!virIOLoopInThread(client->loop));
    virIOLoopInvokeWait(client->loop, virNetClientDetach, client);
    g_assert(g_queue_is_empty(&client->calls));
    virNetReaderFree(client->reader);
    virNetWriterFree(client->writer);
    virNetSocketShutdown(client->sock);
    virNetSocketFree(client->sock);
    virNetClientLoopPut();
    virMutexDestroy(&client->lock);
    virFreeError(client->untold);
    g_free(client);
}

typedef struct {
    virNetClient *client;
    int fd;
} virNetClientEasedRequest;

static void
virNetClientSetEasedInThread(void *opaque)
{
    virNetClientEasedRequest *request = opaque;
    virNetClient *client = request->client;

    client->easedHandle = virIOLoopAddHandle(client->loop, request->fd, EPOLLIN,
                                             virNetClientOnEased, client);
}

int
virNetClientSetEasedFD(virNetClient *client, int fd)
{
    virNetClientEasedRequest request = { client, fd };

    virIOLoopInvokeWait(client->loop, virNetClientSetEasedInThread, &request);
    if (client->easedHandle)
        return 0;
    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("cannot wait for the connection"));
    return -1;
}

void
virNetClientClose(virNetClient *client)
{
    virIOLoopInvokeWait(client->loop, virNetClientCloseInThread, client);
}

bool
virNetClientIsOpen(virNetClient *client)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&client->lock);

    return client->open;
}

/* Reads what the reply says, in the caller's thread. */
static int
virNetClientReadReply(virNetClientWaiter *waiter, virNetClientCallData *call)
{
    if (waiter->err) {
        virSetError(waiter->err);
        return -1;
    }
    if (waiter->status == VIR_NET_ERROR) {
        virNetMessageRaise(waiter->payload, waiter->len);
        return -1;
    }
    if (virNetMessageDecode(waiter->payload, waiter->len, call->retFilter, call->ret,
                            call->retSize) < 0)
        return -1;
    call->retFDs = g_steal_pointer(&waiter->fds);
    call->nretFDs = waiter->nfds;
    waiter->nfds = 0;
    return 0;
}

int
virNetClientCall(virNetClient *client, virNetClientCallData *call)
{
    virNetMessageHeader header = {
        .prog = call->program, .vers = call->version, .proc = call->procedure,
        .type = VIR_NET_CALL, .status = VIR_NET_OK,
    };
    virNetClientWaiter waiter = {
        .client = client, .program = call->program, .version = call->version,
        .procedure = call->procedure, .reply = call->reply, .opaque = call->opaque,
    };
    size_t i;
    int rc;

    g_assert(!virIOLoopInThread(client->loop));
    call->retFDs = NULL;
    call->nretFDs = 0;
    if (!virNetClientIsOpen(client)) {
        virNetClientReportClosed(client);
        return -1;
    }
    if (call->nfds > 0 && !client->passFDs) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("file descriptors can only be sent over a UNIX socket"));
        return -1;
    }
    if (!(waiter.msg = virNetMessageNew(&header, call->argFilter, (void *)call->args, call->fds,
                                        call->nfds)))
        return -1;

    if (call->secret)
        virNetMessageSetSecret(waiter.msg);
    virCondInit(&waiter.cond);
    virIOLoopInvoke(client->loop, virNetClientStartCall, &waiter);
    virMutexLock(&client->lock);
    while (!waiter.done)
        virCondWait(&waiter.cond, &client->lock);
    virMutexUnlock(&client->lock);
    virCondDestroy(&waiter.cond);

    rc = virNetClientReadReply(&waiter, call);
    for (i = 0; i < waiter.nfds; i++)
        close(waiter.fds[i]);
    g_free(waiter.fds);
    g_free(waiter.payload);
    virNetMessageFree(waiter.msg);
    virFreeError(waiter.err);
    return rc;
}

typedef struct {
    virNetClient *client;
    int interval;
    unsigned int count;
} virNetClientKeepAliveRequest;

static void
virNetClientSetKeepAliveInThread(void *opaque)
{
    virNetClientKeepAliveRequest *request = opaque;

    if (request->client->handle)
        virKeepAliveStart(request->client->keepalive, request->interval, request->count);
}

void
virNetClientSetKeepAlive(virNetClient *client, int interval, unsigned int count)
{
    virNetClientKeepAliveRequest request = { client, interval, count };

    virIOLoopInvokeWait(client->loop, virNetClientSetKeepAliveInThread, &request);
}

typedef struct {
    virNetClient *client;
    virNetSASLSession *session; /* NULL: taken */
    bool surplus;               /* bytes are there that it cannot be for */
} virNetClientSASLRequest;

static void
virNetClientSetSASLInThread(void *opaque)
{
    virNetClientSASLRequest *request = opaque;
    virNetClient *client = request->client;

    if (!client->handle)
        return;
    request->surplus = virNetReaderBytes(client->reader) > 0;
    if (!request->surplus)
        virNetSocketSetSASL(client->sock, g_steal_pointer(&request->session));
}

int
virNetClientSetSASL(virNetClient *client, virNetSASLSession *session)
{
    virNetClientSASLRequest request = { client, session, false };

    virIOLoopInvokeWait(client->loop, virNetClientSetSASLInThread, &request);
    if (!request.session) {
        client->encrypted = virNetSocketIsEncrypted(client->sock);
        client->secure = virNetSocketIsSecure(client->sock);
        client->passFDs = virNetSocketCanPassFDs(client->sock);
        return 0;
    }
    virNetSASLSessionFree(request.session);
    if (request.surplus)
        virReportError(VIR_ERR_RPC, "%s",
                       _("the server has sent more before the encryption has begun"));
    else
        virNetClientReportClosed(client);
    return -1;
}

const char *
virNetClientGetLocalAddress(virNetClient *client)
{
    return client->local;
}

const char *
virNetClientGetRemoteAddress(virNetClient *client)
{
    return client->remote;
}

bool
virNetClientIsEncrypted(virNetClient *client)
{
    return client->encrypted;
}

bool
virNetClientIsSecure(virNetClient *client)
{
    return client->secure;
}

bool
virNetClientCanPassFDs(virNetClient *client)
{
    return client->passFDs;
}

int
virNetClientGetTLSKeySize(virNetClient *client)
{
    return client->keySize;
}
