/*
 * remote_daemon_auth.h: how clients of virtmond prove who they are
 *
 * The procedures that may be called before that is done. What somebody may do then is not settled
 * here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_daemon_client.h"
#include "virnetsaslcontext.h"
#include "virnetserver.h"
#include "virpolkit.h"

/* Before the first client of a kind that needs them. Borrowed as long as there are clients; NULL:
 * nobody is asked for it. @timeout: seconds that polkit has. */
void remoteDaemonAuthInit(virNetSASLContext *sasl, virPolkit *polkit, unsigned int timeout);
/* For what polkit is asked from now on. Any thread. */
void remoteDaemonAuthSetTimeout(unsigned int timeout);
/* It has gone: nobody else is asked about it any more. In the I/O thread. */
void remoteDaemonAuthClientClosed(remoteDaemonClient *client);

int remoteDaemonAuthList(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthSASLInit(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthSASLStart(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthSASLStep(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthPolkit(virNetServerCall *call, void *args, void *ret);
