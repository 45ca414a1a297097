/*
 * remote_admin_client.h: the administrator's end of a connection to a daemon's admin socket
 *
 * For virtmon-admin; no public API. What travels is in admin_protocol.x, which libvirt's daemons
 * serve too, and in virtmon_admin_protocol.x.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

typedef struct _remoteAdminClient remoteAdminClient;

/**
 * remoteAdminClientPath:
 * @where: path of a socket, or a URI: "virtmond:///system", "libvirtd:///session",
 *   "virtqemud:///system?socket=/path"
 *
 * Returns the path of the socket that it means, the caller's; or NULL with an error reported.
 */
char *remoteAdminClientPath(const char *where);

/* Connects to the socket at @path and opens the admin program. Returns NULL with an error
 * reported. */
remoteAdminClient *remoteAdminClientNew(const char *path);
/* Ends the connection; nothing is waited for. */
void remoteAdminClientFree(remoteAdminClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteAdminClient, remoteAdminClientFree)
/* False: the other side has closed it. */
bool remoteAdminClientIsOpen(remoteAdminClient *client);

/**
 * remoteAdminClientCall:
 * @procedure: ADMIN_PROC_...
 * @args: its arguments; NULL: it has none
 * @ret: where its return value goes, to be freed by xdr_free(); NULL: it has none
 *
 * Waits for the answer. Returns 0, or -1 with an error reported.
 */
int remoteAdminClientCall(remoteAdminClient *client, int procedure, const void *args, void *ret);
/* The same for VIRTMON_ADMIN_PROC_..., which only virtmond serves. */
int remoteAdminClientCallOwn(remoteAdminClient *client, int procedure, const void *args,
                             void *ret);
