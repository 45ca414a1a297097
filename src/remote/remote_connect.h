/*
 * remote_connect.h: from a URI to a connection that a daemon has let in
 *
 * Finds the socket, the certificates or the command, connects, authenticates. What
 * is opened through the connection is remote_driver.c's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_uri.h"
#include "virnetclient.h"

/**
 * remoteConnectSocket:
 * @uri: where to
 * @readOnly: the read-only socket, where there are two
 *
 * Blocks. Returns a socket that is ready for the first packet, or NULL with an error reported
 * that names what could not be reached.
 */
virNetSocket *remoteConnectSocket(const remoteURI *uri, bool readOnly);

/**
 * remoteConnectAuthenticate:
 * @client: connected
 * @auth: "" or what the URI asks for: a type, perhaps with a SASL mechanism behind a dot; NULL:
 *   whatever the server wants
 *
 * Blocks. Returns 0 once the server lets the client in, or -1 with an error reported.
 */
int remoteConnectAuthenticate(virNetClient *client, const char *auth);

/* Where a daemon on this host listens, to be freed by the caller; never NULL. @privileged: as
 * root, whose session is the system. */
char *remoteConnectSocketPath(const remoteURI *uri, bool readOnly, bool privileged);
