/*
 * remote_daemon_limits.h: virtmond's limits while it runs
 *
 * Those of the configuration until somebody sets one, and again from the next reload on. What is
 * held and refused is rpc's to know (virnetquota.h).
 *
 * Any thread but the I/O thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_daemon_config.h"
#include "virnetserver.h"

typedef struct _remoteDaemonLimits remoteDaemonLimits;

/* Those of @config; never NULL. */
remoteDaemonLimits *remoteDaemonLimitsNew(const remoteDaemonConfig *config);
void remoteDaemonLimitsFree(remoteDaemonLimits *limits);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteDaemonLimits, remoteDaemonLimitsFree)

/* As a server takes them. */
void remoteDaemonLimitsFill(remoteDaemonLimits *limits, virNetServerLimits *server);
/* Whose they are from now on, and the drivers' (borrowed until NULL is given). */
void remoteDaemonLimitsSetServer(remoteDaemonLimits *limits, virNetServer *server);
/* All of them. */
void remoteDaemonLimitsReload(remoteDaemonLimits *limits, const remoteDaemonConfig *config);

/* One by the name of its setting: one of remoteDaemonConfigLimitNames(). Return 0, or -1 with an
 * error reported as in remote_daemon_config.h. */
int remoteDaemonLimitsGet(remoteDaemonLimits *limits, const char *name, gint64 *value,
                          gint64 *min, gint64 *max);
int remoteDaemonLimitsSet(remoteDaemonLimits *limits, const char *name, gint64 value);
