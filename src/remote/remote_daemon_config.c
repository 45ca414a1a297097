/*
 * remote_daemon_config.c: virtmond's configuration
 *
 * A row for each setting has its kind, its limits and where its value goes; the reasons for
 * the limits are beside them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_CONF

typedef enum {
    REMOTE_DAEMON_CONFIG_TEXT,
    REMOTE_DAEMON_CONFIG_NUMBER,
    REMOTE_DAEMON_CONFIG_LIST,
    REMOTE_DAEMON_CONFIG_AUTH,          /* a remoteDaemonAuthKind, by its name */
} remoteDaemonConfigKind;

typedef struct {
    const char *name;
    remoteDaemonConfigKind kind;
    size_t offset;                      /* of the member */
    bool fixed;                         /* counts at the start only */
    bool limit;                         /* a number that can be changed at any time */
    gint64 min, max;                    /* numbers; of AUTH, kinds */
    int (*check)(const char *text);     /* texts: -1 with an error reported */
} remoteDaemonConfigRow;

static const char *const remoteDaemonAuthNames[REMOTE_DAEMON_AUTH_LAST] = {
    [REMOTE_DAEMON_AUTH_NONE] = "none",
    [REMOTE_DAEMON_AUTH_SASL] = "sasl",
    [REMOTE_DAEMON_AUTH_POLKIT] = "polkit",
};

/* --- what single settings may be --- */

static int
remoteDaemonConfigCheckPerms(const char *text)
{
    if (strlen(text) >= 3 && strlen(text) <= 5 && strspn(text, "01234567") == strlen(text) &&
        strtol(text, NULL, 8) <= 0777)
        return 0;
    virReportError(VIR_ERR_CONF_SYNTAX,
                   _("'%1$s' is no octal number for permissions, such as 0770"), text);
    return -1;
}

static int
remoteDaemonConfigCheckAbsolute(const char *text)
{
    if (*text == '/')
        return 0;
    virReportError(VIR_ERR_CONF_SYNTAX, _("path '%1$s' is not absolute"), text);
    return -1;
}

/* No revocations are said by an empty text. */
static int
remoteDaemonConfigCheckAbsoluteOrEmpty(const char *text)
{
    return *text ? remoteDaemonConfigCheckAbsolute(text) : 0;
}

static int
remoteDaemonConfigCheckFilled(const char *text)
{
    if (*text)
        return 0;
    virReportError(VIR_ERR_CONF_SYNTAX, "%s", _("it must not be empty"));
    return -1;
}

int
remoteDaemonConfigMode(const char *perms)
{
    return (int)strtol(perms, NULL, 8);
}

#define GIB (G_GINT64_CONSTANT(1024) * 1024 * 1024)
/* Settings that a reload brings into force, and those that count at the start only. */
#define RELOADED false
#define FIXED true
#define MEMBER(member) offsetof(remoteDaemonConfig, member)
#define TEXT(name, member, when, check) \
    { name, REMOTE_DAEMON_CONFIG_TEXT, MEMBER(member), when, false, 0, 0, check }
#define NUMBER(name, member, when, min, max) \
    { name, REMOTE_DAEMON_CONFIG_NUMBER, MEMBER(member), when, false, min, max, NULL }
#define LIMIT(name, member, min, max) \
    { name, REMOTE_DAEMON_CONFIG_NUMBER, MEMBER(member), RELOADED, true, min, max, NULL }
#define LIST(name, member, when) \
    { name, REMOTE_DAEMON_CONFIG_LIST, MEMBER(member), when, false, 0, 0, NULL }
#define AUTH(name, member, last) \
    { name, REMOTE_DAEMON_CONFIG_AUTH, MEMBER(member), FIXED, false, 0, last, NULL }

static const remoteDaemonConfigRow remoteDaemonConfigRows[] = {
    LIST("monitors", monitors, RELOADED),
    TEXT("unix_sock_dir", unixSockDir, FIXED, remoteDaemonConfigCheckAbsolute),
    TEXT("unix_sock_group", unixSockGroup, FIXED, remoteDaemonConfigCheckFilled),
    TEXT("unix_sock_ro_perms", unixSockROPerms, FIXED, remoteDaemonConfigCheckPerms),
    TEXT("unix_sock_rw_perms", unixSockRWPerms, FIXED, remoteDaemonConfigCheckPerms),
    AUTH("auth_unix_ro", authUnixRO, REMOTE_DAEMON_AUTH_POLKIT),
    AUTH("auth_unix_rw", authUnixRW, REMOTE_DAEMON_AUTH_POLKIT),
    AUTH("auth_tcp", authTCP, REMOTE_DAEMON_AUTH_SASL),
    AUTH("auth_tls", authTLS, REMOTE_DAEMON_AUTH_SASL),
    LIST("sasl_allowed_username_list", saslAllowedUsernameList, RELOADED),
    /* Less than DES is no encryption; no cipher has more than some hundreds. */
    NUMBER("tcp_min_ssf", tcpMinSSF, RELOADED, 56, 1024),
    NUMBER("polkit_timeout", polkitTimeout, RELOADED, 1, 3600),
    NUMBER("listen_tls", listenTLS, FIXED, 0, 1),
    NUMBER("listen_tcp", listenTCP, FIXED, 0, 1),
    TEXT("listen_addr", listenAddr, FIXED, remoteDaemonConfigCheckFilled),
    TEXT("tls_port", tlsPort, FIXED, remoteDaemonConfigCheckFilled),
    TEXT("tcp_port", tcpPort, FIXED, remoteDaemonConfigCheckFilled),
    TEXT("key_file", keyFile, RELOADED, remoteDaemonConfigCheckAbsolute),
    TEXT("cert_file", certFile, RELOADED, remoteDaemonConfigCheckAbsolute),
    TEXT("ca_file", caFile, RELOADED, remoteDaemonConfigCheckAbsolute),
    TEXT("crl_file", crlFile, RELOADED, remoteDaemonConfigCheckAbsoluteOrEmpty),
    NUMBER("tls_no_sanity_certificate", tlsNoSanityCertificate, RELOADED, 0, 1),
    NUMBER("tls_no_verify_certificate", tlsNoVerifyCertificate, RELOADED, 0, 1),
    LIST("tls_allowed_dn_list", tlsAllowedDNList, RELOADED),
    TEXT("tls_priority", tlsPriority, RELOADED, remoteDaemonConfigCheckFilled),
    LIST("access_drivers", accessDrivers, FIXED),
    TEXT("access_file", accessFile, RELOADED, remoteDaemonConfigCheckAbsolute),
    /* Each takes a descriptor; the kernel's default for a process is 1,024 to 524,288. */
    LIMIT("max_clients", maxClients, 1, 100000),
    LIMIT("max_anonymous_clients", maxAnonymousClients, 0, 100000),
    /* Each is a thread with its stack. */
    LIMIT("max_workers", maxWorkers, 1, 1000),
    LIMIT("prio_workers", prioWorkers, 1, 1000),
    /* Each holds up to one packet. */
    LIMIT("max_client_requests", maxClientRequests, 1, 1000),
    LIMIT("max_client_registrations", maxClientRegistrations, 1, 1024 * 1024),
    /* At least one of any kind. */
    LIMIT("max_client_filter_bytes", maxClientFilterBytes, 64 * 1024, GIB),
    /* At least what is read of a client at a time, and a call that is longer than any common
     * one. */
    LIMIT("max_client_call_bytes", maxClientCallBytes, 1024 * 1024, GIB),
    LIMIT("max_client_fds", maxClientFDs, 1, 100000),
    /* At least room for some dozens of ordinary events. */
    LIMIT("client_output_max_bytes", clientOutputMaxBytes, 64 * 1024, GIB),
    LIMIT("max_user_connections", maxUserConnections, 0, 100000),
    LIMIT("max_user_requests", maxUserRequests, 0, 100000),
    LIMIT("max_user_registrations", maxUserRegistrations, 0, 64 * 1024 * 1024),
    LIMIT("max_user_filter_bytes", maxUserFilterBytes, 0, 64 * GIB),
    LIMIT("max_user_call_bytes", maxUserCallBytes, 0, 64 * GIB),
    LIMIT("max_user_fds", maxUserFDs, 0, 100000),
    LIMIT("max_user_output_bytes", maxUserOutputBytes, 0, 64 * GIB),
    /* More than a QEMU can send, and a minute of that. */
    LIMIT("domain_events_per_second", domainEventsPerSecond, 0, 1000 * 1000),
    LIMIT("domain_events_burst", domainEventsBurst, 0, 60 * 1000 * 1000),
    LIMIT("client_setup_timeout", clientSetupTimeout, 0, 3600),
    /* libvirtd takes -1 for off, too. */
    LIMIT("keepalive_interval", keepaliveInterval, -1, 3600),
    LIMIT("keepalive_count", keepaliveCount, 0, 1000),
    NUMBER("log_level", logLevel, RELOADED, VIR_LOG_DEBUG, VIR_LOG_ERROR),
    TEXT("log_filters", logFilters, RELOADED, virLogCheckFilters),
    TEXT("log_outputs", logOutputs, RELOADED, virLogCheckOutputs),
};

#undef RELOADED
#undef FIXED
#undef MEMBER
#undef TEXT
#undef NUMBER
#undef LIMIT
#undef LIST
#undef AUTH

static const remoteDaemonConfigRow *
remoteDaemonConfigFindRow(const char *name)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigRows); i++) {
        if (strcmp(remoteDaemonConfigRows[i].name, name) == 0)
            return &remoteDaemonConfigRows[i];
    }
    return NULL;
}

const char *const *
remoteDaemonConfigNames(void)
{
    static const char *names[G_N_ELEMENTS(remoteDaemonConfigRows) + 1];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigRows); i++)
        names[i] = remoteDaemonConfigRows[i].name;
    return names;
}

/* One that wasn't given has no items either. */
static bool
remoteDaemonConfigListIsSame(char *const *one, char *const *other)
{
    const char *const none[] = { NULL };

    return g_strv_equal(one ? (const char *const *)one : none,
                        other ? (const char *const *)other : none);
}

static bool
remoteDaemonConfigRowIsSame(const remoteDaemonConfigRow *row, const remoteDaemonConfig *one,
                            const remoteDaemonConfig *other)
{
    const char *here = (const char *)one + row->offset;
    const char *there = (const char *)other + row->offset;

    if (row->kind == REMOTE_DAEMON_CONFIG_TEXT)
        return g_strcmp0(*(char *const *)here, *(char *const *)there) == 0;
    if (row->kind == REMOTE_DAEMON_CONFIG_LIST)
        return remoteDaemonConfigListIsSame(*(char **const *)here, *(char **const *)there);
    /* How clients prove who they are is never fixed. */
    return *(const gint64 *)here == *(const gint64 *)there;
}

const char *
remoteDaemonConfigFindFixed(const remoteDaemonConfig *now, const remoteDaemonConfig *next)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigRows); i++) {
        const remoteDaemonConfigRow *row = &remoteDaemonConfigRows[i];

        if (row->fixed && !remoteDaemonConfigRowIsSame(row, now, next))
            return row->name;
    }
    return NULL;
}

/* --- defaults --- */

char *
remoteDaemonConfigPath(bool privileged)
{
    if (privileged)
        return g_strdup(SYSCONFDIR "/virtmon/virtmond.conf");
    return g_build_filename(g_get_user_config_dir(), "virtmon", "virtmond.conf", NULL);
}

remoteDaemonConfig *
remoteDaemonConfigNew(bool privileged)
{
    remoteDaemonConfig *config = g_new0(remoteDaemonConfig, 1);

    /* The read-write socket is for root and, if one is set, for the group; the other
     * for everybody, as what it offers changes nothing. */
    config->unixSockROPerms = g_strdup("0777");
    config->unixSockRWPerms = g_strdup("0700");
    config->unixSockDir = privileged ? g_strdup("/run/virtmon") :
                                       g_build_filename(g_get_user_runtime_dir(), "virtmon", NULL);
    /* Where anybody may listen and come. */
    config->authTCP = REMOTE_DAEMON_AUTH_SASL;
    config->tcpMinSSF = 112;
    /* A user has to find and type a password; less than clientSetupTimeout, so that it is told why
     * nothing has come of it. */
    config->polkitTimeout = 45;
    config->listenTLS = 1;
    config->tlsPort = g_strdup("16514");
    config->tcpPort = g_strdup("16509");
    config->caFile = g_strdup("/etc/pki/CA/cacert.pem");
    config->certFile = g_strdup("/etc/pki/libvirt/servercert.pem");
    config->keyFile = g_strdup("/etc/pki/libvirt/private/serverkey.pem");
    config->accessFile = privileged ? g_strdup(SYSCONFDIR "/virtmon/virtmond-acl.conf") :
        g_build_filename(g_get_user_config_dir(), "virtmon", "virtmond-acl.conf", NULL);
    config->maxClients = 5000;
    config->maxAnonymousClients = 20;
    config->maxWorkers = 256;
    config->prioWorkers = 5;
    config->maxClientRequests = 5;
    /* Room for a burst of some 20,000 events of one guest, which may take three quarters of it, to
     * libvirt's own client library, which takes 6 µs for each; a client that is stopped holds no
     * more. */
    config->clientOutputMaxBytes = 12 * 1024 * 1024;
    /* One for each of the most domains that there can be; who wants more can have the events of all
     * domains by one. */
    config->maxClientRegistrations = 16384;
    /* Some 14,000 short regular expressions. Made to be slow, all of them together take 0.4 s for
     * one name, as globs 0.6 s. */
    config->maxClientFilterBytes = 4 * 1024 * 1024;
    /* A packet of the largest kind that is read, and one as large that is a call by now. */
    config->maxClientCallBytes = 64 * 1024 * 1024;
    /* As many as come with all of its calls. */
    config->maxClientFDs = 160;
    config->maxUserConnections = 1000;
    /* Half of the workers: one user's calls that hang leave room for others'. */
    config->maxUserRequests = 128;
    config->maxUserRegistrations = 65536;
    config->maxUserFilterBytes = 8 * 1024 * 1024;
    config->maxUserCallBytes = 256 * 1024 * 1024;
    config->maxUserFDs = 1024;
    /* Twenty clients that have stopped each hold all that one may, and there is as much left for
     * one that has not. */
    config->maxUserOutputBytes = 256 * 1024 * 1024;
    config->clientSetupTimeout = 60;
    config->keepaliveInterval = 5;
    config->keepaliveCount = 5;
    config->logLevel = VIR_LOG_WARN;
    return config;
}

void
remoteDaemonConfigFree(remoteDaemonConfig *config)
{
    size_t i;

    if (!config)
        return;
    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigRows); i++) {
        const remoteDaemonConfigRow *row = &remoteDaemonConfigRows[i];
        char *member = (char *)config + row->offset;

        if (row->kind == REMOTE_DAEMON_CONFIG_TEXT)
            g_free(*(char **)member);
        else if (row->kind == REMOTE_DAEMON_CONFIG_LIST)
            g_strfreev(*(char ***)member);
    }
    g_free(config);
}

/* --- reading --- */

/* Reports the last error again, with the place of setting @name in front. */
static int
remoteDaemonConfigFail(virConf *conf, const char *name)
{
    g_autofree char *why = g_strdup(virGetLastError() ? virGetLastError()->str2 : NULL);

    virReportError(VIR_ERR_CONF_SYNTAX, "%s:%zu: %s: %s", virConfName(conf),
                   virConfLine(conf, name), name, why ? why : "");
    return -1;
}

static int
remoteDaemonConfigReadText(virConf *conf, const remoteDaemonConfigRow *row, char **member)
{
    const char *text;
    int rc = virConfGetString(conf, row->name, &text);

    if (rc <= 0)
        return rc;
    if (row->check && row->check(text) < 0)
        return remoteDaemonConfigFail(conf, row->name);
    g_free(*member);
    *member = g_strdup(text);
    return 0;
}

static int
remoteDaemonConfigReadAuth(virConf *conf, const remoteDaemonConfigRow *row, gint64 *member)
{
    g_autoptr(GString) kinds = g_string_new(NULL);
    const char *text;
    int rc = virConfGetString(conf, row->name, &text);
    gint64 kind;

    if (rc <= 0)
        return rc;
    for (kind = 0; kind <= row->max; kind++) {
        if (strcmp(text, remoteDaemonAuthNames[kind]) == 0) {
            *member = kind;
            return 0;
        }
        g_string_append_printf(kinds, "%s'%s'", kind > 0 ? ", " : "",
                               remoteDaemonAuthNames[kind]);
    }
    virReportError(VIR_ERR_CONF_SYNTAX,
                   _("%1$s:%2$zu: '%3$s' is no kind of authentication that there is for '%4$s'; "
                     "these are: %5$s"),
                   virConfName(conf), virConfLine(conf, row->name), text, row->name, kinds->str);
    return -1;
}

static int
remoteDaemonConfigReadRow(remoteDaemonConfig *config, virConf *conf,
                          const remoteDaemonConfigRow *row)
{
    char *member = (char *)config + row->offset;
    const char *const *list;
    int rc = 0;

    switch (row->kind) {
    case REMOTE_DAEMON_CONFIG_TEXT:
        return remoteDaemonConfigReadText(conf, row, (char **)member);
    case REMOTE_DAEMON_CONFIG_NUMBER:
        rc = virConfGetNumber(conf, row->name, row->min, row->max, (gint64 *)member);
        break;
    case REMOTE_DAEMON_CONFIG_LIST:
        if ((rc = virConfGetStringList(conf, row->name, &list)) > 0) {
            g_strfreev(*(char ***)member);
            *(char ***)member = g_strdupv((char **)list);
        }
        break;
    case REMOTE_DAEMON_CONFIG_AUTH:
        return remoteDaemonConfigReadAuth(conf, row, (gint64 *)member);
    }
    return MIN(rc, 0);
}

/* A client whom polkit is asked about has no more time than any other. */
static int
remoteDaemonConfigFitPolkit(remoteDaemonConfig *config, virConf *conf)
{
    size_t line = virConfLine(conf, "polkit_timeout");

    if (config->clientSetupTimeout == 0 || config->polkitTimeout < config->clientSetupTimeout)
        return 0;
    if (line > 0) {
        virReportError(VIR_ERR_CONF_SYNTAX,
                       _("%1$s:%2$zu: 'polkit_timeout' must be less than the %3$lld seconds of "
                         "'client_setup_timeout'"), virConfName(conf), line,
                       (long long)config->clientSetupTimeout);
        return -1;
    }
    config->polkitTimeout = MAX(config->clientSetupTimeout - 1, 1);
    return 0;
}

/* What all clients of a user may have together is no less than what one may. */
static const struct {
    const char *user;
    const char *client;
    gint64 times;
} remoteDaemonConfigPairs[] = {
    { "max_user_requests", "max_client_requests", 1 },
    { "max_user_registrations", "max_client_registrations", 1 },
    { "max_user_filter_bytes", "max_client_filter_bytes", 1 },
    { "max_user_call_bytes", "max_client_call_bytes", 1 },
    { "max_user_fds", "max_client_fds", 1 },
    /* A client may have no more than it leaves free to others. */
    { "max_user_output_bytes", "client_output_max_bytes", 2 },
};

static gint64 *
remoteDaemonConfigNumber(remoteDaemonConfig *config, const char *name)
{
    return (gint64 *)((char *)config + remoteDaemonConfigFindRow(name)->offset);
}

/* Of one of the pairs: what isn't set in @conf is made to fit; NULL: all is set. Returns 0, or -1
 * with an error reported. */
static int
remoteDaemonConfigFitPair(remoteDaemonConfig *config, virConf *conf, size_t i)
{
    const char *name = remoteDaemonConfigPairs[i].user;
    gint64 *user = remoteDaemonConfigNumber(config, name);
    gint64 client = *remoteDaemonConfigNumber(config, remoteDaemonConfigPairs[i].client);
    gint64 least = client * remoteDaemonConfigPairs[i].times;

    if (*user == 0 || *user >= least)
        return 0;
    if (conf && virConfLine(conf, name) == 0) {
        *user = least;
        return 0;
    }
    virReportError(conf ? VIR_ERR_CONF_SYNTAX : VIR_ERR_INVALID_ARG,
                   _("'%1$s' must be 0 or at least %2$lld, as '%3$s' is %4$lld"), name,
                   (long long)least, remoteDaemonConfigPairs[i].client, (long long)client);
    return conf ? remoteDaemonConfigFail(conf, name) : -1;
}

static int
remoteDaemonConfigFitConnections(remoteDaemonConfig *config, virConf *conf)
{
    if (config->maxUserConnections <= config->maxClients)
        return 0;
    if (conf && virConfLine(conf, "max_user_connections") == 0) {
        config->maxUserConnections = config->maxClients;
        return 0;
    }
    virReportError(conf ? VIR_ERR_CONF_SYNTAX : VIR_ERR_INVALID_ARG,
                   _("'max_user_connections' must be no more than 'max_clients', which is %1$lld"),
                   (long long)config->maxClients);
    return conf ? remoteDaemonConfigFail(conf, "max_user_connections") : -1;
}

/* Likewise. */
static int
remoteDaemonConfigFit(remoteDaemonConfig *config, virConf *conf)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigPairs); i++) {
        if (remoteDaemonConfigFitPair(config, conf, i) < 0)
            return -1;
    }
    return remoteDaemonConfigFitConnections(config, conf);
}

/* --- limits, one by one --- */

const char **
remoteDaemonConfigLimitNames(void)
{
    const char **names = g_new0(const char *, G_N_ELEMENTS(remoteDaemonConfigRows) + 1);
    size_t count = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigRows); i++) {
        if (remoteDaemonConfigRows[i].limit)
            names[count++] = remoteDaemonConfigRows[i].name;
    }
    return names;
}

static const remoteDaemonConfigRow *
remoteDaemonConfigFindLimit(const char *name)
{
    const remoteDaemonConfigRow *row = remoteDaemonConfigFindRow(name);

    if (row && row->limit)
        return row;
    virReportError(VIR_ERR_INVALID_ARG, _("there is no limit '%1$s'"), name);
    return NULL;
}

int
remoteDaemonConfigGetLimit(const remoteDaemonConfig *config, const char *name, gint64 *value,
                           gint64 *min, gint64 *max)
{
    const remoteDaemonConfigRow *row = remoteDaemonConfigFindLimit(name);

    if (!row)
        return -1;
    *value = *(const gint64 *)((const char *)config + row->offset);
    if (min)
        *min = row->min;
    if (max)
        *max = row->max;
    return 0;
}

int
remoteDaemonConfigSetLimit(remoteDaemonConfig *config, const char *name, gint64 value)
{
    const remoteDaemonConfigRow *row = remoteDaemonConfigFindLimit(name);
    gint64 *member;
    gint64 before;

    if (!row)
        return -1;
    if (value < row->min || value > row->max) {
        virReportError(VIR_ERR_INVALID_ARG, _("%1$lld is not between %2$lld and %3$lld, as '%4$s' "
                                              "must be"),
                       (long long)value, (long long)row->min, (long long)row->max, name);
        return -1;
    }
    member = remoteDaemonConfigNumber(config, name);
    before = *member;
    *member = value;
    if (remoteDaemonConfigFit(config, NULL) < 0) {
        *member = before;
        return -1;
    }
    return 0;
}

void
remoteDaemonConfigCopyLimits(remoteDaemonConfig *config, const remoteDaemonConfig *from)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigRows); i++) {
        size_t offset = remoteDaemonConfigRows[i].offset;

        if (remoteDaemonConfigRows[i].limit)
            *(gint64 *)((char *)config + offset) = *(const gint64 *)((const char *)from + offset);
    }
}

/* --- all of a file --- */

int
remoteDaemonConfigTake(remoteDaemonConfig *config, virConf *conf)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    size_t i;

    for (i = 0; i < virConfCount(conf); i++) {
        size_t line;
        const char *name = virConfAt(conf, i, &line);

        if (!remoteDaemonConfigFindRow(name)) {
            virReportError(VIR_ERR_CONF_SYNTAX, _("%1$s:%2$zu: there is no setting '%3$s'"),
                           virConfName(conf), line, name);
            return -1;
        }
        if (!g_hash_table_add(seen, (char *)name)) {
            virReportError(VIR_ERR_CONF_SYNTAX, _("%1$s:%2$zu: '%3$s' is set already"),
                           virConfName(conf), line, name);
            return -1;
        }
    }
    for (i = 0; i < G_N_ELEMENTS(remoteDaemonConfigRows); i++) {
        if (remoteDaemonConfigReadRow(config, conf, &remoteDaemonConfigRows[i]) < 0)
            return -1;
    }
    /* Whoever comes is asked: so all may come. */
    if (config->authUnixRW == REMOTE_DAEMON_AUTH_POLKIT &&
        virConfLine(conf, "unix_sock_rw_perms") == 0) {
        g_free(config->unixSockRWPerms);
        config->unixSockRWPerms = g_strdup("0777");
    }
    if (remoteDaemonConfigFitPolkit(config, conf) < 0 || remoteDaemonConfigFit(config, conf) < 0)
        return -1;
    for (i = 0; config->monitors && config->monitors[i]; i++) {
        if (remoteDaemonConfigCheckAbsolute(config->monitors[i]) < 0)
            return remoteDaemonConfigFail(conf, "monitors");
    }
    return 0;
}

int
remoteDaemonConfigLoad(remoteDaemonConfig *config, const char *path, bool optional)
{
    g_autoptr(virConf) conf = virConfRead(path);
    virErrorPtr err;

    if (conf)
        return remoteDaemonConfigTake(config, conf);
    err = virGetLastError();
    if (!optional || err->code != VIR_ERR_SYSTEM_ERROR || err->int1 != ENOENT)
        return -1;
    virResetLastError();
    return 0;
}
