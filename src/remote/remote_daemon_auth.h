/*
 * remote_daemon_auth.h: how clients of virtmond prove who they are
 *
 * The procedures that may be called before that is done. What somebody may do then is not settled
 * here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "virnetsaslcontext.h"
#include "virnetserver.h"

/* Before the first client. @sasl: (borrowed until virtmond ends); NULL: nobody is asked for it. */
void remoteDaemonAuthInit(virNetSASLContext *sasl);

int remoteDaemonAuthList(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthSASLInit(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthSASLStart(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthSASLStep(virNetServerCall *call, void *args, void *ret);
int remoteDaemonAuthPolkit(virNetServerCall *call, void *args, void *ret);
