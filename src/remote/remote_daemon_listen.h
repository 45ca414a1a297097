/*
 * remote_daemon_listen.h: where virtmond listens
 *
 * Makes services out of the configuration, or out of sockets that a service manager has opened.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_daemon_config.h"
#include "virnetsaslcontext.h"
#include "virnetserver.h"
#include "virpolkit.h"

/* What services have in common; NULL: none of them needs it. */
typedef struct {
    virNetTLSContext *tls;
    virNetSASLContext *sasl;
    virPolkit *polkit;
} remoteDaemonListenContexts;

/* When no client is there any more, and none can come: so that calls which wait for somebody else
 * come to an end. */
void remoteDaemonListenContextsStop(remoteDaemonListenContexts *contexts);
/* When no call runs any more. */
void remoteDaemonListenContextsClear(remoteDaemonListenContexts *contexts);

/**
 * remoteDaemonListen:
 * @server: gets the services for clients
 * @admin: the one for administrators
 * @config: (borrowed)
 * @network: listen on TCP and TLS too, as @config says
 * @contexts: zeros; gets what was made, also on failure, for reloading; must last
 *   as long as clients are served
 *
 * Sockets that were handed over take the place of the unix sockets.
 *
 * Returns 0, or -1 with an error reported.
 */
int remoteDaemonListen(virNetServer *server, virNetServer *admin,
                       const remoteDaemonConfig *config, bool network,
                       remoteDaemonListenContexts *contexts);
/* Whether there is what @config names. Returns 0, or -1 with an error reported. */
int remoteDaemonListenCheck(const remoteDaemonConfig *config);
/* Clients that come from now on have to be in these lists, and have so much time. */
void remoteDaemonListenReloadAuth(remoteDaemonListenContexts *contexts,
                                  const remoteDaemonConfig *config);
/* They see these certificates. Returns 1, 0 if no socket has any, or -1 with an error reported, and
 * the certificates as they were. */
int remoteDaemonListenReloadTLS(remoteDaemonListenContexts *contexts,
                                const remoteDaemonConfig *config);
