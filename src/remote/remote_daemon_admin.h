/*
 * remote_daemon_admin.h: what virtmond does when an administrator calls
 *
 * libvirt's admin program: the server, its clients, limits and the log. Served by a server of its
 * own with a thread of its own, so that an administrator gets in when no client does any more.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_daemon_limits.h"
#include "remote_daemon_params.h"
#include "remote_daemon_relay.h"
#include "virnetserverprogram.h"

/* What there is to administer; all borrowed, and there as long as a call may come. */
typedef struct {
    virNetServer *server;       /* that has the clients */
    virIOLoop *loop;            /* whose thread is its I/O thread */
    remoteRelay *relay;
    remoteDaemonLimits *limits;
    virConnectPtr conn;
    /* Reads the files of certificates again. Returns 0, or -1 with an error reported: they are of no
     * use, and all is as it was; or no socket has any. Any thread. */
    int (*updateTLS)(void *opaque);
    /* Ends the daemon after so many seconds without a client; 0: never. Any thread. */
    void (*setTimeout)(unsigned int seconds, void *opaque);
    void *opaque;
} remoteAdminTargets;

/* What the one server is called. */
#define REMOTE_ADMIN_SERVER "virtmond"

/* Limits of the administrators' own server. */
extern const virNetServerLimits remoteAdminServerLimits;

extern const virNetServerProgram remoteAdminProgram;

/* Before the first call; copied. */
void remoteAdminInit(const remoteAdminTargets *targets);
const remoteAdminTargets *remoteAdminGet(void);

/* Who @client is, by libvirt's names. Not in an I/O thread: names of users may be asked for. */
void remoteAdminAddIdentity(remoteParams *params, virNetServerClient *client);

/* A limit by the name that it has in the configuration; log_level is one of them here. */
typedef struct {
    const char *name;
    gint64 value;
    gint64 min, max;            /* when it is got */
} remoteAdminLimit;
/* All of them (remoteAdminLimit). The caller's. */
GArray *remoteAdminGetLimits(void);
/* Logs and makes @changes (remoteAdminLimit), in order; all of them, or none. Returns 0, or -1 with an
 * error reported. */
int remoteAdminSetLimits(virNetServerCall *call, const GArray *changes);

/* Logs what the caller changes, before it is done: who takes the log away is in it. */
void remoteAdminLog(virNetServerCall *call, const char *format, ...) G_GNUC_PRINTF(2, 3);
