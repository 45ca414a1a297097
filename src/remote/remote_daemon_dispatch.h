/*
 * remote_daemon_dispatch.h: what virtmond does when a client calls
 *
 * The tables of procedures, one for each program. What calls them is rpc's, what they
 * call is the public API.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_daemon_relay.h"
#include "virnetserverprogram.h"

extern const virNetServerProgram remoteDaemonProgram;
extern const virNetServerProgram remoteDaemonQemuProgram;

/* Before the first call: what the procedures about events use (borrowed), and what a client
 * opens that leaves the choice to the daemon. */
void remoteDaemonDispatchInit(remoteRelay *relay, const char *defaultURI);
