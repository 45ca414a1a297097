/*
 * virnetserverservice.c: where a server listens, and what it asks of those who come there
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetserverservice.h"

#include <sys/epoll.h>

#include "virerror_priv.h"
#include "virlog.h"
#include "virnetserver_priv.h"

VIR_LOG_INIT("rpc.netserverservice");

/* Clients accepted in one turn of one socket; others get their turn between. */
#define VIR_NET_SERVER_SERVICE_TURN_MAX 4

struct _virNetServerService {
    virNetServerServiceOptions options;
    virNetSocket **sockets;
    size_t nsockets;

    /* in the I/O thread, once started */
    virIOHandle **handles;      /* one for each socket; NULL: not started */
    bool accepting;
    virNetServerAcceptFunc accepted;
    virNetServerExhaustedFunc exhausted;
    void *opaque;
};

/* Takes @sockets. */
static virNetServerService *
virNetServerServiceNew(virNetSocket **sockets, size_t nsockets,
                       const virNetServerServiceOptions *options)
{
    virNetServerService *service = g_new0(virNetServerService, 1);

    service->options = *options;
    if (options->tls)
        virNetTLSContextRef(options->tls);
    service->sockets = sockets;
    service->nsockets = nsockets;
    return service;
}

/* Takes @sock; NULL stays NULL. */
static virNetServerService *
virNetServerServiceNewOne(virNetSocket *sock, const virNetServerServiceOptions *options)
{
    virNetSocket **sockets;

    if (!sock)
        return NULL;
    sockets = g_new(virNetSocket *, 1);
    sockets[0] = sock;
    return virNetServerServiceNew(sockets, 1, options);
}

virNetServerService *
virNetServerServiceNewUNIX(const char *path, int mode, gid_t group,
                           const virNetServerServiceOptions *options)
{
    return virNetServerServiceNewOne(virNetSocketNewListenUNIX(path, mode, group), options);
}

virNetServerService *
virNetServerServiceNewTCP(const char *host, const char *service,
                          const virNetServerServiceOptions *options)
{
    virNetSocket **sockets;
    size_t nsockets;

    if (virNetSocketNewListenTCP(host, service, &sockets, &nsockets) < 0)
        return NULL;
    return virNetServerServiceNew(sockets, nsockets, options);
}

virNetServerService *
virNetServerServiceNewFD(int fd, const virNetServerServiceOptions *options)
{
    return virNetServerServiceNewOne(virNetSocketNewListenFD(fd), options);
}

void
virNetServerServiceFree(virNetServerService *service)
{
    size_t i;

    if (!service)
        return;
    g_assert(!service->handles);
    for (i = 0; i < service->nsockets; i++)
        virNetSocketFree(service->sockets[i]);
    g_free(service->sockets);
    virNetTLSContextUnref(service->options.tls);
    g_free(service);
}

const virNetServerServiceOptions *
virNetServerServiceGetOptions(virNetServerService *service)
{
    return &service->options;
}

virNetSocket *const *
virNetServerServiceGetSockets(virNetServerService *service, size_t *nsockets)
{
    *nsockets = service->nsockets;
    return service->sockets;
}

int
virNetServerServiceGetPort(virNetServerService *service)
{
    size_t i;

    for (i = 0; i < service->nsockets; i++) {
        int port = virNetSocketGetPort(service->sockets[i]);

        if (port > 0)
            return port;
    }
    return 0;
}

static void
virNetServerServiceReady(virIOHandle *handle, int fd G_GNUC_UNUSED,
                         uint32_t events G_GNUC_UNUSED, void *opaque)
{
    virNetServerService *service = opaque;
    virNetSocket *listener = NULL;
    size_t i;
    int n;

    for (i = 0; i < service->nsockets; i++) {
        if (service->handles[i] == handle)
            listener = service->sockets[i];
    }
    for (n = 0; n < VIR_NET_SERVER_SERVICE_TURN_MAX && service->accepting; n++) {
        virNetSocket *client = NULL;
        int rc = virNetSocketAccept(listener, &client);

        if (rc < 0)
            service->exhausted(service->opaque);
        if (rc <= 0)
            return;
        service->accepted(service, client, service->opaque);
    }
}

int
virNetServerServiceStart(virNetServerService *service, virIOLoop *loop,
                         virNetServerAcceptFunc accepted, virNetServerExhaustedFunc exhausted,
                         void *opaque)
{
    size_t i;

    service->accepted = accepted;
    service->exhausted = exhausted;
    service->opaque = opaque;
    service->accepting = true;
    service->handles = g_new0(virIOHandle *, service->nsockets);
    for (i = 0; i < service->nsockets; i++) {
        service->handles[i] = virIOLoopAddHandle(loop, virNetSocketGetFD(service->sockets[i]),
                                                 EPOLLIN, virNetServerServiceReady, service);
        if (!service->handles[i]) {
            virNetServerServiceStop(service);
            return -1;
        }
    }
    return 0;
}

void
virNetServerServiceSetAccepting(virNetServerService *service, bool accepting)
{
    size_t i;

    if (service->accepting == accepting)
        return;
    service->accepting = accepting;
    for (i = 0; i < service->nsockets; i++)
        virIOLoopUpdateHandle(service->handles[i], accepting ? EPOLLIN : 0);
}

bool
virNetServerServiceIsAnonymous(virNetServerService *service)
{
    return service->options.tls || service->options.auth != VIR_NET_SERVER_AUTH_NONE;
}

bool
virNetServerServiceIsLocal(virNetServerService *service)
{
    return service->nsockets > 0 && virNetSocketIsLocal(service->sockets[0]);
}

void
virNetServerServiceStop(virNetServerService *service)
{
    size_t i;

    if (!service->handles)
        return;
    service->accepting = false;
    for (i = 0; i < service->nsockets; i++)
        virIOLoopRemoveHandle(service->handles[i]);
    g_clear_pointer(&service->handles, g_free);
}
