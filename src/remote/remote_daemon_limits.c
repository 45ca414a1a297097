/*
 * remote_daemon_limits.c: virtmond's limits while it runs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_limits.h"

#include "virstate.h"
#include "virthread.h"

/* Part of the places for clients that one user may take by the read-only socket. */
#define REMOTE_DAEMON_LIMITS_USER_PART 4

struct _remoteDaemonLimits {
    virMutex lock;              /* guards all below, and that changes reach the server in order */
    remoteDaemonConfig *config; /* its limits alone */
    virNetServer *server;       /* NULL: there is none yet, or no longer */
};

remoteDaemonLimits *
remoteDaemonLimitsNew(const remoteDaemonConfig *config)
{
    remoteDaemonLimits *limits = g_new0(remoteDaemonLimits, 1);

    virMutexInit(&limits->lock);
    limits->config = remoteDaemonConfigNew(false);
    remoteDaemonConfigCopyLimits(limits->config, config);
    return limits;
}

void
remoteDaemonLimitsFree(remoteDaemonLimits *limits)
{
    if (!limits)
        return;
    remoteDaemonConfigFree(limits->config);
    virMutexDestroy(&limits->lock);
    g_free(limits);
}

static void
remoteDaemonLimitsFillQuota(const remoteDaemonConfig *config, virNetQuotaLimits *quota)
{
    quota->client[VIR_NET_QUOTA_REGISTRATIONS] = config->maxClientRegistrations;
    quota->client[VIR_NET_QUOTA_FILTER_BYTES] = config->maxClientFilterBytes;
    quota->client[VIR_NET_QUOTA_CALL_BYTES] = config->maxClientCallBytes;
    quota->client[VIR_NET_QUOTA_FDS] = config->maxClientFDs;
    quota->user[VIR_NET_QUOTA_CONNECTIONS] = config->maxUserConnections;
    quota->user[VIR_NET_QUOTA_REGISTRATIONS] = config->maxUserRegistrations;
    quota->user[VIR_NET_QUOTA_FILTER_BYTES] = config->maxUserFilterBytes;
    quota->user[VIR_NET_QUOTA_EVENT_BYTES] = config->maxUserOutputBytes;
    quota->user[VIR_NET_QUOTA_REQUESTS] = config->maxUserRequests;
    quota->user[VIR_NET_QUOTA_CALL_BYTES] = config->maxUserCallBytes;
    quota->user[VIR_NET_QUOTA_FDS] = config->maxUserFDs;
}

static void
remoteDaemonLimitsFillServer(const remoteDaemonConfig *config, virNetServerLimits *limits)
{
    *limits = (virNetServerLimits)VIR_NET_SERVER_LIMITS_DEFAULT;
    limits->maxClients = config->maxClients;
    limits->maxAnonymousClients = config->maxAnonymousClients;
    /* Nobody can lock all others out by sitting in every place. */
    if (config->maxAnonymousClients > 0)
        limits->maxAnonymousUserClients = MAX(config->maxAnonymousClients /
                                              REMOTE_DAEMON_LIMITS_USER_PART, 1);
    limits->maxReadOnlyUserClients = MAX(config->maxClients / REMOTE_DAEMON_LIMITS_USER_PART, 1);
    limits->maxClientRequests = config->maxClientRequests;
    limits->maxClientEventBytes = config->clientOutputMaxBytes;
    limits->maxWorkers = config->maxWorkers;
    limits->priorityWorkers = config->prioWorkers;
    limits->setupSeconds = config->clientSetupTimeout;
    limits->keepaliveInterval = config->keepaliveInterval;
    limits->keepaliveCount = config->keepaliveCount;
    remoteDaemonLimitsFillQuota(config, &limits->quota);
}

void
remoteDaemonLimitsFill(remoteDaemonLimits *limits, virNetServerLimits *server)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&limits->lock);

    remoteDaemonLimitsFillServer(limits->config, server);
}

/* Call with lock held. */
static void
remoteDaemonLimitsApply(remoteDaemonLimits *limits)
{
    virNetServerLimits server;

    remoteDaemonLimitsFillServer(limits->config, &server);
    if (!limits->server)
        return;
    virNetServerSetLimits(limits->server, &server);
    virStateSetEventRate(limits->config->domainEventsPerSecond, limits->config->domainEventsBurst);
}

void
remoteDaemonLimitsSetServer(remoteDaemonLimits *limits, virNetServer *server)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&limits->lock);

    limits->server = server;
    remoteDaemonLimitsApply(limits);
}

void
remoteDaemonLimitsReload(remoteDaemonLimits *limits, const remoteDaemonConfig *config)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&limits->lock);

    remoteDaemonConfigCopyLimits(limits->config, config);
    remoteDaemonLimitsApply(limits);
}

int
remoteDaemonLimitsGet(remoteDaemonLimits *limits, const char *name, gint64 *value, gint64 *min,
                      gint64 *max)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&limits->lock);

    return remoteDaemonConfigGetLimit(limits->config, name, value, min, max);
}

int
remoteDaemonLimitsSet(remoteDaemonLimits *limits, const char *name, gint64 value)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&limits->lock);

    if (remoteDaemonConfigSetLimit(limits->config, name, value) < 0)
        return -1;
    remoteDaemonLimitsApply(limits);
    return 0;
}
