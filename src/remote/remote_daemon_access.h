/*
 * remote_daemon_access.h: what a client's call needs to be allowed, and whether it is
 *
 * What each procedure needs stands in its row (remote_daemon_dispatch.c), who decides is access/'s.
 * Events are another matter: remote_daemon_sight.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes.h"
#include "viraccessmanager.h"
#include "virnetserverprogram.h"

/* The driver that all connections have, as rules and messages call it. */
#define REMOTE_DAEMON_ACCESS_DRIVER "QEMU"

/* Of remoteDaemonACL: the arguments have no such thing. */
#define REMOTE_DAEMON_ACCESS_NOWHERE ((size_t)-1)

/* What a row has of it. VIR_ACCESS_PERM_NONE ends each list. */
typedef struct {
    const virAccessNeed *needs;
    /* Asked instead by read-only connections, for which the procedure is none otherwise; NULL: it
     * isn't. What came of it is the call's verdict. */
    const virAccessNeed *readOnly;
    size_t domain;              /* where in the arguments a remote_nonnull_domain stands, which the
                                 * needs of a domain are about; nowhere: the procedure finds its
                                 * domain, and asks itself */
    size_t flags;               /* for needs that depend on them */
} remoteDaemonACL;

/* Before the first call (borrowed). */
void remoteDaemonAccessInit(virAccessManager *manager);

/* Any thread: whether anything has to be asked for @call. @conn is the client's, NULL: not open
 * yet. */
bool remoteDaemonAccessAsks(virNetServerCall *call, virConnectPtr conn);

/* ---- In a worker ---- */

/**
 * remoteDaemonAccessAsk:
 * @args: of @call
 *
 * What no read-only connection ever does isn't asked about for one: the public function refuses
 * it, with the words that clients know.
 *
 * Returns 0 if @call may run, -1 with an error reported: VIR_ERR_ACCESS_DENIED, or
 * VIR_ERR_NO_DOMAIN if there is no such domain, or none that the client may see.
 */
int remoteDaemonAccessAsk(virNetServerCall *call, virConnectPtr conn, const void *args);
/* For a procedure that finds its domain: whether its row's needs are met for @dom; NULL: for some
 * domain or other, as far as that can be said before it is known. Returns as above. */
int remoteDaemonAccessAskDomain(virNetServerCall *call, virDomainPtr dom);
/* Returns 1 if the client may see @dom, 0 if not, -1 with VIR_ERR_ACCESS_DENIED reported if that
 * can't be found out. */
int remoteDaemonAccessSees(virNetServerCall *call, virDomainPtr dom);
