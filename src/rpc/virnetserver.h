/*
 * virnetserver.h: the server's side of many connections
 *
 * Services accept clients; calls of clients go to the procedures of programs, in the I/O thread
 * or in workers; what goes to clients is written at the end of each turn of the loop. Knows
 * nothing of what procedures do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include "virioloop.h"
#include "virnetquota.h"
#include "virnetserverclient.h"
#include "virnetserverprogram.h"
#include "virnetserverservice.h"

typedef struct _virNetServer virNetServer;

/* All may be changed while the server runs. */
typedef struct {
    size_t maxClients;          /* at this number no service accepts, and at seven eighths of it
                                 * none that is read-only; those connected stay */
    size_t maxAnonymousClients; /* likewise, of those not yet authenticated, by unix sockets and by
                                 * others; 0: no such limit */
    size_t maxAnonymousUserClients;     /* of these, by unix sockets, that one user has who isn't
                                         * root or the server's own; more are refused. 0: no such
                                         * limit */
    size_t maxReadOnlyUserClients;      /* that one user has by read-only unix sockets, to which
                                         * anybody may come; more are refused. 0: no such limit */
    size_t maxClientRequests;   /* calls of one client without an answer; then it isn't read */
    size_t maxClientEventBytes; /* of events that wait for one client */
    unsigned int maxWorkers;    /* threads for calls that may block */
    unsigned int priorityWorkers;       /* more of them, for VIR_NET_SERVER_PROC_PRIORITY alone */
    int keepaliveInterval;      /* seconds; <= 0: clients are never pinged */
    unsigned int keepaliveCount;
    unsigned int setupSeconds;  /* for TLS, authentication and the first call; 0: no limit. Who
                                 * only sits there must not take a place for ever */
    virNetQuotaLimits quota;    /* the rest; maxClientRequests and maxClientEventBytes stand for
                                 * those of a client in it */
} virNetServerLimits;

/* libvirtd's, where it has such a limit. */
#define VIR_NET_SERVER_LIMITS_DEFAULT \
    { \
        .maxClients = 5000, .maxAnonymousClients = 20, .maxClientRequests = 5, \
        .maxClientEventBytes = 4 * 1024 * 1024, .maxWorkers = 64, .priorityWorkers = 5, \
        .keepaliveInterval = 5, .keepaliveCount = 5, .setupSeconds = 60, \
    }

/* All run in the I/O thread with no lock held; each may be NULL. */
typedef struct {
    /* A client came, its TLS handshake is done; nothing it says has been looked at. Returns what
     * virNetServerClientGetData() gives. */
    void *(*clientNew)(virNetServerClient *client, void *opaque);
    /* It is gone: nothing can be sent any more, but calls of it may still run in workers. */
    void (*clientClosed)(virNetServerClient *client, void *opaque);
    /* Nobody uses it any more: frees what clientNew returned. */
    void (*clientFree)(void *data, void *opaque);
    /* An event was refused since, and now the queue is below half of its limit. Events may be
     * sent in here. */
    void (*clientDrained)(virNetServerClient *client, void *opaque);
    /* It was found to be behind (virNetServerClientIsBehind()) and is no longer. */
    void (*clientEased)(virNetServerClient *client, void *opaque);
} virNetServerFuncs;

/* ---- Any thread but the I/O thread ---- */

/**
 * virNetServerNew:
 * @loop: whose thread is the I/O thread; its turn end is the server's from now on (borrowed for
 *        the server's life)
 * @limits: copied
 * @funcs, @opaque: borrowed for the server's life
 *
 * Cannot fail.
 */
virNetServer *virNetServerNew(virIOLoop *loop, const virNetServerLimits *limits,
                              const virNetServerFuncs *funcs, void *opaque);
/**
 * virNetServerFree:
 *
 * Stops listening, closes every client, and waits until calls that run in workers have ended:
 * whoever can make those come to an end does that first. Then frees all.
 */
void virNetServerFree(virNetServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetServer, virNetServerFree)

/* Before the first service. @program is borrowed for the server's life. */
void virNetServerAddProgram(virNetServer *server, const virNetServerProgram *program);
/* Takes @service, also on failure; clients are accepted from now on. Returns 0, or -1 with an error
 * reported. */
int virNetServerAddService(virNetServer *server, virNetServerService *service);
void virNetServerSetLimits(virNetServer *server, const virNetServerLimits *limits);
/* Stops listening and closes every client. Returns when each has been told and @funcs.clientClosed
 * has run for it; calls in workers may still run. */
void virNetServerStop(virNetServer *server);

typedef struct {
    size_t clients;             /* now */
    size_t anonymousClients;    /* of these, not yet authenticated */
    size_t workers;             /* threads now, of both kinds */
    size_t busyWorkers;
    size_t waitingCalls;        /* for a worker */
    guint64 accepted;           /* ever */
    guint64 calls;
} virNetServerStats;
/* Any thread. */
void virNetServerGetStats(virNetServer *server, virNetServerStats *stats);

/* ---- In the I/O thread only ---- */

/* Borrowed; NULL: there is none with that ID. */
virNetServerClient *virNetServerFindClient(virNetServer *server, unsigned long long id);
typedef void (*virNetServerClientFunc)(virNetServerClient *client, void *opaque);
/* Clients may be closed in @func. */
void virNetServerForEachClient(virNetServer *server, virNetServerClientFunc func, void *opaque);
/* What each user holds; of those that have a client, or a call of one that has gone and isn't done.
 * Nobody must be closed in @func. */
void virNetServerForEachUser(virNetServer *server, virNetQuotaUserFunc func, void *opaque);
