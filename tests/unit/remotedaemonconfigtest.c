/*
 * remotedaemonconfigtest.c: virtmond's configuration
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_config.h"

#include <glib/gstdio.h>
#include <string.h>

#include "virerror_priv.h"

static char *path;

/* Loads @text; NULL: that has failed. */
static remoteDaemonConfig *
load(const char *text)
{
    g_autoptr(remoteDaemonConfig) config = remoteDaemonConfigNew(true);

    virResetLastError();
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    if (remoteDaemonConfigLoad(config, path, false) < 0)
        return NULL;
    return g_steal_pointer(&config);
}

static void
assertBad(const char *text, size_t line, const char *why)
{
    g_autoptr(remoteDaemonConfig) config = load(text);
    g_autofree char *place = g_strdup_printf("%s:%zu: ", path, line);

    if (config)
        g_error("'%s' is taken", text);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    if (!strstr(virGetLastErrorMessage(), place) || !strstr(virGetLastErrorMessage(), why))
        g_error("'%s' gives '%s'", text, virGetLastErrorMessage());
    virResetLastError();
}

static void
testDefaults(void)
{
    g_autoptr(remoteDaemonConfig) config = load("# nothing\n");
    g_autoptr(remoteDaemonConfig) user = remoteDaemonConfigNew(false);
    g_autofree char *dir = g_build_filename(g_get_user_runtime_dir(), "virtmon", NULL);
    g_autofree char *file = remoteDaemonConfigPath(true);
    g_autofree char *userFile = remoteDaemonConfigPath(false);

    g_assert_nonnull(config);
    g_assert_null(config->monitors);
    g_assert_cmpstr(config->unixSockDir, ==, "/run/virtmon");
    g_assert_cmpint(remoteDaemonConfigMode(config->unixSockROPerms), ==, 0777);
    g_assert_cmpint(remoteDaemonConfigMode(config->unixSockRWPerms), ==, 0700);
    g_assert_cmpint(config->listenTCP, ==, 0);
    g_assert_cmpint(config->authUnixRO, ==, REMOTE_DAEMON_AUTH_NONE);
    g_assert_cmpint(config->authUnixRW, ==, REMOTE_DAEMON_AUTH_NONE);
    g_assert_cmpint(config->authTCP, ==, REMOTE_DAEMON_AUTH_SASL);
    g_assert_cmpint(config->authTLS, ==, REMOTE_DAEMON_AUTH_NONE);
    g_assert_null(config->saslAllowedUsernameList);
    g_assert_cmpint(config->tcpMinSSF, ==, 112);
    g_assert_cmpint(config->keepaliveInterval, ==, 5);
    g_assert_cmpstr(user->unixSockDir, ==, dir);
    g_assert_true(g_str_has_suffix(file, "/virtmon/virtmond.conf"));
    g_assert_true(g_str_has_prefix(userFile, g_get_user_config_dir()));
}

static void
testValues(void)
{
    g_autoptr(remoteDaemonConfig) config = load("monitors = [ \"/run/a/*.qmp\", '/b' ]\n"
                                                "unix_sock_group = \"root\"\n"
                                                "unix_sock_rw_perms = '0770'\n"
                                                "auth_unix_rw = \"none\"\n"
                                                "auth_tcp = \"none\"\n"
                                                "auth_tls = \"sasl\"\n"
                                                "sasl_allowed_username_list = [ \"*@X\" ]\n"
                                                "listen_tls = 0\n"
                                                "tcp_port = 'libvirt'\n"
                                                "crl_file = \"\"\n"
                                                "tls_allowed_dn_list = []\n"
                                                "max_clients = 100000\n"
                                                "keepalive_interval = -1\n"
                                                "log_filters = \"1:rpc 3:qemu.*\"\n"
                                                "log_outputs = \"2:file:/nowhere/x 4:stderr\"\n");

    g_assert_nonnull(config);
    g_assert_cmpstr(config->monitors[0], ==, "/run/a/*.qmp");
    g_assert_cmpstr(config->monitors[1], ==, "/b");
    g_assert_null(config->monitors[2]);
    g_assert_cmpstr(config->unixSockGroup, ==, "root");
    g_assert_cmpint(remoteDaemonConfigMode(config->unixSockRWPerms), ==, 0770);
    g_assert_cmpint(config->authTCP, ==, REMOTE_DAEMON_AUTH_NONE);
    g_assert_cmpint(config->authTLS, ==, REMOTE_DAEMON_AUTH_SASL);
    g_assert_cmpstr(config->saslAllowedUsernameList[0], ==, "*@X");
    g_assert_cmpint(config->listenTLS, ==, 0);
    g_assert_cmpstr(config->tcpPort, ==, "libvirt");
    g_assert_cmpstr(config->crlFile, ==, "");
    g_assert_null(config->tlsAllowedDNList[0]);     /* nobody, not everybody */
    g_assert_cmpint(config->maxClients, ==, 100000);
    g_assert_cmpint(config->keepaliveInterval, ==, -1);
    g_assert_cmpstr(config->logFilters, ==, "1:rpc 3:qemu.*");
    g_assert_false(g_file_test("/nowhere/x", G_FILE_TEST_EXISTS));
}

/* A socket at which everybody is asked is everybody's, unless the file says otherwise. */
static void
testPolkit(void)
{
    g_autoptr(remoteDaemonConfig) config = load("auth_unix_rw = \"polkit\"\n");
    g_autoptr(remoteDaemonConfig) narrow = load("auth_unix_rw = \"polkit\"\n"
                                                "unix_sock_rw_perms = \"0770\"\n");
    g_autoptr(remoteDaemonConfig) other = load("auth_unix_ro = \"polkit\"\n");
    g_autoptr(remoteDaemonConfig) hasty = load("client_setup_timeout = 30\n");
    g_autoptr(remoteDaemonConfig) patient = load("client_setup_timeout = 0\npolkit_timeout = 100\n");

    g_assert_cmpint(config->authUnixRW, ==, REMOTE_DAEMON_AUTH_POLKIT);
    g_assert_cmpint(config->polkitTimeout, ==, 45);
    g_assert_cmpint(config->polkitTimeout, <, config->clientSetupTimeout);
    assertBad("client_setup_timeout = 30\npolkit_timeout = 30\n", 2,
              "'polkit_timeout' must be less than the 30 seconds of 'client_setup_timeout'");
    g_assert_cmpint(hasty->polkitTimeout, ==, 29);
    g_assert_cmpint(patient->polkitTimeout, ==, 100);
    g_assert_cmpint(remoteDaemonConfigMode(config->unixSockRWPerms), ==, 0777);
    g_assert_cmpint(remoteDaemonConfigMode(narrow->unixSockRWPerms), ==, 0770);
    g_assert_cmpint(remoteDaemonConfigMode(other->unixSockRWPerms), ==, 0700);
}

/* All clients of a user may have no less than one: what isn't set is raised, the rest refused. */
static void
testUserLimits(void)
{
    g_autoptr(remoteDaemonConfig) few = load("max_clients = 10\n");
    g_autoptr(remoteDaemonConfig) much = load("client_output_max_bytes = 1073741824\n"
                                              "max_client_requests = 1000\n"
                                              "max_client_fds = 5000\n");
    g_autoptr(remoteDaemonConfig) none = load("max_client_requests = 1000\nmax_user_requests = 0\n"
                                              "max_user_connections = 0\n");

    g_assert_cmpint(few->maxUserConnections, ==, 10);
    g_assert_cmpint(much->maxUserOutputBytes, ==, G_GINT64_CONSTANT(2147483648));
    g_assert_cmpint(much->maxUserRequests, ==, 1000);
    g_assert_cmpint(much->maxUserFDs, ==, 5000);
    g_assert_cmpint(none->maxUserRequests, ==, 0);
    assertBad("max_clients = 10\nmax_user_connections = 11\n", 2,
              "'max_user_connections' must be no more than 'max_clients', which is 10");
    assertBad("\nmax_user_requests = 4\n", 2,
              "'max_user_requests' must be 0 or at least 5, as 'max_client_requests' is 5");
    assertBad("client_output_max_bytes = 65536\nmax_user_output_bytes = 131071\n", 2,
              "must be 0 or at least 131072");
}

/* One by one, as while the daemon runs. */
static void
testLimits(void)
{
    g_autoptr(remoteDaemonConfig) config = load("");
    g_autoptr(remoteDaemonConfig) other = load("max_client_fds = 7\nmonitors = [ \"/a\" ]\n");
    g_autofree const char **names = remoteDaemonConfigLimitNames();
    gint64 value, min, max;
    size_t i;

    for (i = 0; names[i]; i++) {
        g_assert_cmpint(remoteDaemonConfigGetLimit(config, names[i], &value, &min, &max), ==, 0);
        g_assert_cmpint(value, >=, min);
        g_assert_cmpint(value, <=, max);
        g_assert_cmpint(remoteDaemonConfigSetLimit(config, names[i], value), ==, 0);
        g_assert_cmpint(remoteDaemonConfigSetLimit(config, names[i], max + 1), ==, -1);
        g_assert_cmpint(remoteDaemonConfigSetLimit(config, names[i], min - 1), ==, -1);
    }
    g_assert_cmpuint(i, >, 20);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(remoteDaemonConfigGetLimit(config, "listen_tls", &value, NULL, NULL), ==, -1);
    g_assert_cmpint(remoteDaemonConfigSetLimit(config, "no_such", 1), ==, -1);
    g_assert_cmpint(remoteDaemonConfigSetLimit(config, "max_client_requests", 129), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(),
                            "'max_user_requests' must be 0 or at least 129"));
    /* No file is to blame. */
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(remoteDaemonConfigSetLimit(config, "max_user_connections", 5001), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(config->maxClientRequests, ==, 5);
    g_assert_cmpint(remoteDaemonConfigSetLimit(config, "max_client_requests", 128), ==, 0);
    g_assert_cmpint(config->maxClientRequests, ==, 128);

    remoteDaemonConfigCopyLimits(config, other);
    g_assert_cmpint(config->maxClientRequests, ==, 5);
    g_assert_cmpint(config->maxClientFDs, ==, 7);
    g_assert_null(config->monitors);
}

static void
testBad(void)
{
    assertBad("\nmax_client = 5\n", 2, "there is no setting 'max_client'");
    assertBad("max_clients = 5\n\nmax_clients = 5\n", 3, "'max_clients' is set already");
    assertBad("max_clients = \"5\"\n", 1, "must be a number");
    assertBad("max_clients = 0\n", 1, "must be from 1 to 100000, not 0");
    assertBad("max_clients = 100001\n", 1, "not 100001");
    assertBad("max_clients = 99999999999999999999\n", 1, "not 99999999999999999999");
    assertBad("client_output_max_bytes = 65535\n", 1, "from 65536");
    assertBad("listen_tcp = 2\n", 1, "'listen_tcp'");
    assertBad("tcp_port = 16509\n", 1, "must be a string");
    assertBad("tcp_port = \"\"\n", 1, "must not be empty");
    assertBad("monitors = \"/a\"\n", 1, "must be a list of strings");
    assertBad("\nmonitors = [ \"/a\", \"b/c\" ]\n", 2, "'b/c' is not absolute");
    assertBad("auth_tcp = \"polkit\"\n", 1,
              "'polkit' is no kind of authentication that there is for 'auth_tcp'; these are: "
              "'none', 'sasl'");
    assertBad("auth_unix_rw = \"\"\n", 1, "'' is no kind of authentication");
    assertBad("auth_tls = 1\n", 1, "must be a string");
    assertBad("tcp_min_ssf = 55\n", 1, "from 56");
    assertBad("unix_sock_rw_perms = \"0778\"\n", 1, "'0778' is no octal number");
    assertBad("unix_sock_rw_perms = \"01777\"\n", 1, "'01777' is no octal number");
    assertBad("unix_sock_rw_perms = \"\"\n", 1, "is no octal number");
    assertBad("unix_sock_dir = \"run\"\n", 1, "'run' is not absolute");
    assertBad("key_file = \"\"\n", 1, "is not absolute");
    assertBad("log_level = 5\n", 1, "from 1 to 4");
    assertBad("\n\nlog_filters = \"1:rpc nonsense\"\n", 3, "'nonsense' is not LEVEL:NAME");
    assertBad("log_outputs = \"1:syslog\"\n", 1, "'1:syslog' is not");
    assertBad("max_clients 5\n", 1, "'=' was expected");
}

static void
testMissing(void)
{
    g_autoptr(remoteDaemonConfig) config = remoteDaemonConfigNew(true);

    g_remove(path);
    g_assert_cmpint(remoteDaemonConfigLoad(config, path, true), ==, 0);
    g_assert_null(virGetLastError());
    g_assert_cmpint(remoteDaemonConfigLoad(config, path, false), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), path));
    virResetLastError();
    /* Only that it isn't there is excused. */
    g_assert_cmpint(remoteDaemonConfigLoad(config, g_get_tmp_dir(), true), ==, -1);
    virResetLastError();
}

static void
testFixed(void)
{
    g_autoptr(remoteDaemonConfig) one = load("max_clients = 5\ntcp_port = \"1\"\n");
    g_autoptr(remoteDaemonConfig) same = load("max_clients = 6\ntcp_port = \"1\"\n");
    g_autoptr(remoteDaemonConfig) port = load("tcp_port = \"2\"\n");
    g_autoptr(remoteDaemonConfig) tls = load("tcp_port = \"1\"\nlisten_tls = 0\n");
    g_autoptr(remoteDaemonConfig) auth = load("tcp_port = \"1\"\nauth_tcp = \"none\"\n");
    g_autoptr(remoteDaemonConfig) group = load("tcp_port = \"1\"\nunix_sock_group = \"root\"\n");

    g_assert_null(remoteDaemonConfigFindFixed(one, same));
    g_assert_cmpstr(remoteDaemonConfigFindFixed(one, port), ==, "tcp_port");
    g_assert_cmpstr(remoteDaemonConfigFindFixed(one, tls), ==, "listen_tls");
    g_assert_cmpstr(remoteDaemonConfigFindFixed(one, auth), ==, "auth_tcp");
    g_assert_cmpstr(remoteDaemonConfigFindFixed(one, group), ==, "unix_sock_group");
}

static void
testNames(void)
{
    const char *const *names = remoteDaemonConfigNames();
    size_t i;

    for (i = 0; names[i]; i++) {
        size_t k;

        for (k = 0; k < i; k++)
            g_assert_cmpstr(names[k], !=, names[i]);
    }
    g_assert_cmpuint(i, >, 30);
}

int
main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    int rc;

    path = g_build_filename(dir, "virtmond.conf", NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/daemon-config/defaults", testDefaults);
    g_test_add_func("/remote/daemon-config/values", testValues);
    g_test_add_func("/remote/daemon-config/polkit", testPolkit);
    g_test_add_func("/remote/daemon-config/user-limits", testUserLimits);
    g_test_add_func("/remote/daemon-config/limits", testLimits);
    g_test_add_func("/remote/daemon-config/bad", testBad);
    g_test_add_func("/remote/daemon-config/missing", testMissing);
    g_test_add_func("/remote/daemon-config/fixed", testFixed);
    g_test_add_func("/remote/daemon-config/names", testNames);
    rc = g_test_run();
    g_remove(path);
    g_rmdir(dir);
    g_free(path);
    return rc;
}
