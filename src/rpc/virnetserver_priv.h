/*
 * virnetserver_priv.h: what the parts of a server know of each other
 *
 * virnetserver.c, virnetserverclient.c, virnetserverservice.c and virnetserverprogram.c include
 * it, and nobody else. All in the I/O thread unless it says otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "virnetserver.h"
#include "virnetserverworkers.h"

/* ---- The server, for its clients ---- */

virIOLoop *virNetServerGetLoop(virNetServer *server);
const virNetServerLimits *virNetServerGetLimits(virNetServer *server);
/* @opaque (returns) for all of them. */
const virNetServerFuncs *virNetServerGetFuncs(virNetServer *server, void **opaque);
virNetQuota *virNetServerGetQuota(virNetServer *server);
virNetServerWorkers *virNetServerGetWorkers(virNetServer *server);
/* NULL: no such program of that version. */
const virNetServerProgram *virNetServerFindProgram(virNetServer *server, unsigned int program,
                                                   unsigned int version);
/* NULL: no such procedure. */
const virNetServerProc *virNetServerFindProc(virNetServer *server,
                                             const virNetServerProgram *program, int number);
void virNetServerCountCall(virNetServer *server);
/* virNetServerClientFlush() is due when the turn ends. */
void virNetServerSetDirty(virNetServer *server, virNetServerClient *client);
/* One of those who count as anonymous has proven who it is. */
void virNetServerAnonymousLess(virNetServer *server, virNetServerClient *client);
/* Takes the list's reference back. */
void virNetServerForget(virNetServer *server, virNetServerClient *client, bool anonymous);

/* ---- A client, for its server ---- */

/* Takes @sock. */
virNetServerClient *virNetServerClientNew(virNetServer *server, virNetSocket *sock,
                                          const virNetServerServiceOptions *options,
                                          unsigned long long id);
/* Whether it has to prove something first: TLS, who it is. */
bool virNetServerClientIsAnonymous(virNetServerClient *client);
/* Begins to read. Returns 0, or -1 with an error reported. */
int virNetServerClientStart(virNetServerClient *client);
/* Writes what the socket takes. May close it. */
void virNetServerClientFlush(virNetServerClient *client);
/* Its user has room again for what it was refused. */
void virNetServerClientUserEased(virNetServerClient *client, void *user);
/* The server's limits are others now. */
void virNetServerClientLimitsChanged(virNetServerClient *client, void *opaque);
/* Its place in the server's list. */
GList *virNetServerClientLink(virNetServerClient *client);

/* ---- A service, for its server ---- */

/* Somebody came by @service; @sock is taken. */
typedef void (*virNetServerAcceptFunc)(virNetServerService *service, virNetSocket *sock,
                                       void *opaque);
/* Nobody can be accepted for now, for lack of fds or memory. */
typedef void (*virNetServerExhaustedFunc)(void *opaque);

/* Returns 0, or -1 with an error reported. */
int virNetServerServiceStart(virNetServerService *service, virIOLoop *loop,
                             virNetServerAcceptFunc accepted,
                             virNetServerExhaustedFunc exhausted, void *opaque);
/* Accepts, or leaves those who come waiting in the kernel. */
void virNetServerServiceSetAccepting(virNetServerService *service, bool accepting);
/* Its clients have to prove something before they can do anything. */
bool virNetServerServiceIsAnonymous(virNetServerService *service);
/* Whether they come by a unix socket. */
bool virNetServerServiceIsLocal(virNetServerService *service);
/* Undoes virNetServerServiceStart(). */
void virNetServerServiceStop(virNetServerService *service);

/* ---- A call, for its client ---- */

struct _virNetServerCall {
    virNetServerClient *client; /* a reference */
    const virNetServerProgram *program;
    const virNetServerProc *proc;
    virNetMessageHeader header;
    size_t bytes;               /* that it came in; charged to the client, as its fds are */
    void *args;                 /* both behind this struct; NULL if void */
    void *ret;
    int verdict;
    int *fds;                   /* that came with it */
    size_t nfds;
    int retFDs[VIR_NET_MESSAGE_FDS_MAX];
    size_t nretFDs;
    virNetMessage *reply;       /* NULL when it has run: it cannot even fail */
};

/* Decodes @frame and takes its fds. Returns NULL with an error reported. */
virNetServerCall *virNetServerCallNew(virNetServerClient *client,
                                      const virNetServerProgram *program,
                                      const virNetServerProc *proc, virNetFrame *frame);
/* In a worker: whether it may run, as far as that has to be asked. If not, that is its reply. */
bool virNetServerCallAsk(virNetServerCall *call);
/* Runs it and makes the reply. In the thread that its flags ask for. Returns false if the answer
 * comes by virNetServerCallAnswer(), perhaps already: @call must not be touched then. */
bool virNetServerCallRun(virNetServerCall *call);
/* Makes the reply: @rc < 0: of the thread's last error. */
void virNetServerCallReply(virNetServerCall *call, int rc);
void virNetServerCallFree(virNetServerCall *call);
