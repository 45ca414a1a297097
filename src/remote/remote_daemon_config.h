/*
 * remote_daemon_config.h: virtmond's configuration
 *
 * Read and checked, not applied. Where a setting means what it means in libvirtd.conf it
 * has that name.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <glib.h>

#include "virconf.h"

/* How clients of a kind of socket prove who they are. */
typedef enum {
    REMOTE_DAEMON_AUTH_NONE,    /* whoever can connect has proven enough */
    REMOTE_DAEMON_AUTH_SASL,
    REMOTE_DAEMON_AUTH_POLKIT,  /* unix sockets only */
    REMOTE_DAEMON_AUTH_LAST
} remoteDaemonAuthKind;

/* Texts that weren't given are NULL, lists likewise. */
typedef struct {
    char **monitors;            /* paths and globs of monitors' sockets */

    char *unixSockDir;          /* never NULL */
    char *unixSockGroup;
    char *unixSockROPerms;      /* octal; never NULL, as the next */
    char *unixSockRWPerms;

    gint64 authUnixRO;          /* remoteDaemonAuthKind, as the next three */
    gint64 authUnixRW;
    gint64 authTCP;
    gint64 authTLS;
    char **saslAllowedUsernameList;
    gint64 tcpMinSSF;           /* bits */
    gint64 polkitTimeout;       /* seconds */

    gint64 listenTLS;           /* yes or no */
    gint64 listenTCP;
    char *listenAddr;           /* NULL: every address */
    char *tlsPort;              /* numbers or names of services; never NULL */
    char *tcpPort;

    char *keyFile;              /* never NULL, as the next two */
    char *certFile;
    char *caFile;
    char *crlFile;
    gint64 tlsNoSanityCertificate;
    gint64 tlsNoVerifyCertificate;
    char **tlsAllowedDNList;
    char *tlsPriority;

    char **accessDrivers;
    char *accessFile;           /* never NULL */

    gint64 maxClients;
    gint64 maxAnonymousClients;
    gint64 maxWorkers;
    gint64 prioWorkers;
    gint64 maxClientRequests;
    gint64 maxClientRegistrations;
    gint64 maxClientFilterBytes;
    gint64 maxClientCallBytes;
    gint64 maxClientFDs;
    gint64 clientOutputMaxBytes;
    gint64 maxUserConnections;  /* this and the next: 0: no limit */
    gint64 maxUserRequests;
    gint64 maxUserRegistrations;
    gint64 maxUserFilterBytes;
    gint64 maxUserCallBytes;
    gint64 maxUserFDs;
    gint64 maxUserOutputBytes;
    gint64 domainEventsPerSecond;       /* 0: no limit */
    gint64 domainEventsBurst;           /* 0: as many as in a second */
    gint64 clientSetupTimeout;  /* seconds */
    gint64 keepaliveInterval;
    gint64 keepaliveCount;

    gint64 logLevel;
    char *logFilters;
    char *logOutputs;
} remoteDaemonConfig;

/* @privileged: as root, whose defaults are the system's. Never NULL. */
remoteDaemonConfig *remoteDaemonConfigNew(bool privileged);
void remoteDaemonConfigFree(remoteDaemonConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteDaemonConfig, remoteDaemonConfigFree)

/**
 * remoteDaemonConfigLoad:
 * @path: of the file
 * @optional: it may be missing
 *
 * Returns 0, or -1 with an error reported that names file and line: a setting that there is not,
 * twice, or with a value that it can't have. @config is unusable then.
 */
int remoteDaemonConfigLoad(remoteDaemonConfig *config, const char *path, bool optional);

/* The same with a file that was read. */
int remoteDaemonConfigTake(remoteDaemonConfig *config, virConf *conf);

/* The file that is read if none is named; the caller frees it. */
char *remoteDaemonConfigPath(bool privileged);
/* Of remoteDaemonConfig's texts for permissions; checked already. */
int remoteDaemonConfigMode(const char *perms);
/* The first setting that differs and that a running daemon can't take up; NULL: there is none. */
const char *remoteDaemonConfigFindFixed(const remoteDaemonConfig *now,
                                        const remoteDaemonConfig *next);
/* The names of those settings that limit something and can be changed while a daemon runs,
 * NULL-terminated; all are numbers. The caller frees the array, not the names. */
const char **remoteDaemonConfigLimitNames(void);
/* Returns 0, or -1 with an error reported: there is no such limit. @min and @max (return) may be
 * NULL. */
int remoteDaemonConfigGetLimit(const remoteDaemonConfig *config, const char *name, gint64 *value,
                               gint64 *min, gint64 *max);
/* The same, or the value isn't one that it can have, or contradicts another limit; nothing has
 * changed then. */
int remoteDaemonConfigSetLimit(remoteDaemonConfig *config, const char *name, gint64 value);
/* All limits of @from. */
void remoteDaemonConfigCopyLimits(remoteDaemonConfig *config, const remoteDaemonConfig *from);
/* Every setting's name, NULL-terminated, for whoever checks that all are documented. */
const char *const *remoteDaemonConfigNames(void);
