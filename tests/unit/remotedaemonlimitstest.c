/*
 * remotedaemonlimitstest.c: virtmond's limits while it runs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_limits.h"

#include "testutils.h"
#include "virerror_priv.h"
#include "virioloop.h"
#include "virstate.h"

static const virNetServerFuncs funcs = { 0 };

static guint64
valueOf(remoteDaemonLimits *limits, const char *name)
{
    gint64 value = -1;

    g_assert_cmpint(remoteDaemonLimitsGet(limits, name, &value, NULL, NULL), ==, 0);
    return value;
}

static void
testFill(void)
{
    g_autoptr(remoteDaemonConfig) config = remoteDaemonConfigNew(false);
    g_autoptr(remoteDaemonLimits) limits = NULL;
    virNetServerLimits server;

    config->maxClientFDs = 7;
    config->maxUserRequests = 0;
    limits = remoteDaemonLimitsNew(config);
    remoteDaemonLimitsFill(limits, &server);
    g_assert_cmpuint(server.maxClients, ==, config->maxClients);
    g_assert_cmpuint(server.maxClientEventBytes, ==, config->clientOutputMaxBytes);
    g_assert_cmpuint(server.quota.client[VIR_NET_QUOTA_FDS], ==, 7);
    g_assert_cmpuint(server.quota.user[VIR_NET_QUOTA_REQUESTS], ==, 0);
    g_assert_cmpuint(server.quota.user[VIR_NET_QUOTA_EVENT_BYTES], ==, config->maxUserOutputBytes);
}

/* Of what is set nothing is left after a reload. */
static void
testSet(void)
{
    const char *const monitors[] = { NULL };
    virIOLoop *loop = virIOLoopNew("test");
    g_autoptr(remoteDaemonConfig) config = remoteDaemonConfigNew(false);
    g_autoptr(remoteDaemonLimits) limits = remoteDaemonLimitsNew(config);
    virNetServerLimits fill;
    virNetServer *server;

    g_assert_cmpint(virStateInitialize(monitors), ==, 0);
    remoteDaemonLimitsFill(limits, &fill);
    server = virNetServerNew(loop, &fill, &funcs, NULL);
    remoteDaemonLimitsSetServer(limits, server);
    g_assert_cmpint(remoteDaemonLimitsSet(limits, "max_client_fds", 9), ==, 0);
    g_assert_cmpint(remoteDaemonLimitsSet(limits, "domain_events_per_second", 100), ==, 0);
    g_assert_cmpint(remoteDaemonLimitsSet(limits, "max_client_fds", 0), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpuint(valueOf(limits, "max_client_fds"), ==, 9);
    remoteDaemonLimitsFill(limits, &fill);
    g_assert_cmpuint(fill.quota.client[VIR_NET_QUOTA_FDS], ==, 9);

    remoteDaemonLimitsReload(limits, config);
    g_assert_cmpuint(valueOf(limits, "max_client_fds"), ==, config->maxClientFDs);
    g_assert_cmpuint(valueOf(limits, "domain_events_per_second"), ==, 0);
    remoteDaemonLimitsSetServer(limits, NULL);
    g_assert_cmpint(remoteDaemonLimitsSet(limits, "max_client_fds", 9), ==, 0);
    virNetServerFree(server);
    virIOLoopFree(loop);
    virStateStop();
    virStateCleanup();
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/daemon-limits/fill", testFill);
    g_test_add_func("/remote/daemon-limits/set", testSet);
    return testRunCountingFds();
}
