/*
 * remote_daemon_listen.h: where virtmond listens
 *
 * Makes services out of the configuration, or out of sockets that a service manager has opened.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_daemon_config.h"
#include "virnetserver.h"

/**
 * remoteDaemonListen:
 * @server: gets the services
 * @config: (borrowed)
 * @network: listen on TCP and TLS too, as @config says
 * @tls: the TLS context, if one was made, for remoteDaemonListenReloadTLS() (returns new
 *   reference); else NULL
 *
 * Sockets that were handed over take the place of the unix sockets.
 *
 * Returns 0, or -1 with an error reported.
 */
int remoteDaemonListen(virNetServer *server, const remoteDaemonConfig *config, bool network,
                       virNetTLSContext **tls);
/* Whether there is what @config names. Returns 0, or -1 with an error reported. */
int remoteDaemonListenCheck(const remoteDaemonConfig *config);
/* Clients that come from now on see these certificates. Returns 0, or -1 with an error reported and
 * nothing changed. */
int remoteDaemonListenReloadTLS(virNetTLSContext *tls, const remoteDaemonConfig *config);
