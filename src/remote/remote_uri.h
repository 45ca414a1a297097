/*
 * remote_uri.h: what a connection URI says of the way to a daemon
 *
 * Reads the URI and changes nothing: neither connects nor looks at files.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

#include "viruri.h"

typedef enum {
    REMOTE_TRANSPORT_UNIX,
    REMOTE_TRANSPORT_TCP,
    REMOTE_TRANSPORT_TLS,
    REMOTE_TRANSPORT_SSH,       /* by the ssh program */
    REMOTE_TRANSPORT_EXT,       /* by a program of the user's choice */
} remoteTransport;

/* Which of the daemons on a host: the one for all drivers, or the driver's own. */
typedef enum {
    REMOTE_MODE_AUTO,
    REMOTE_MODE_LEGACY,
    REMOTE_MODE_DIRECT,
} remoteMode;

/* What speaks to the daemon's socket at ssh's far end. */
typedef enum {
    REMOTE_PROXY_AUTO,
    REMOTE_PROXY_NETCAT,
    REMOTE_PROXY_NATIVE,
} remoteProxy;

/* What stands in libvirt.conf for URIs that don't say; NULL: nothing does. */
typedef struct {
    const char *mode;
    const char *proxy;
    const char *tlsPriority;
} remoteURIDefaults;

/* Texts that weren't given are NULL. */
typedef struct {
    remoteTransport transport;
    char *driver;               /* the scheme without the transport */
    char *name;                 /* the URI as the daemon is to open it */
    char *path;                 /* "/system", "/session"; never NULL */
    char *user;
    char *host;                 /* never NULL for TCP, TLS and SSH */
    unsigned int port;          /* 0: not given */
    remoteMode mode;
    remoteProxy proxy;
    char *socket;
    char *command;
    char *netcat;
    char *keyfile;
    char *pkipath;
    char *tlsPriority;
    char *auth;
    char *authfile;
    bool noVerify;              /* take whatever certificate or host key there is */
    bool noTTY;                 /* never ask */
    bool noSanity;              /* don't check our own certificates */
} remoteURI;

/**
 * remoteURIParse:
 * @uri: one with a scheme
 * @defaults: (borrowed)
 * @parsed: where the outcome goes
 *
 * Returns 1 with @parsed set; 0 if the URI means a driver inside this process, with no error
 * reported; -1 with an error reported that names what is wrong.
 */
int remoteURIParse(const virURI *uri, const remoteURIDefaults *defaults, remoteURI **parsed);
void remoteURIFree(remoteURI *parsed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteURI, remoteURIFree)
