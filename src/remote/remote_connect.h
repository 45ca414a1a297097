/*
 * remote_connect.h: from a URI to a connection
 *
 * Finds the socket, the certificates or the command, and connects. Who the user is
 * is remote_auth.c's to prove, what is opened through the connection remote_driver.c's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_uri.h"
#include "virnetsocket.h"

/**
 * remoteConnectSocket:
 * @uri: where to
 * @readOnly: the read-only socket, where there are two
 *
 * Blocks. Returns a socket that is ready for the first packet, or NULL with an error reported
 * that names what could not be reached.
 */
virNetSocket *remoteConnectSocket(const remoteURI *uri, bool readOnly);

/* Where a daemon on this host listens, to be freed by the caller; never NULL. @privileged: as
 * root, whose session is the system. */
char *remoteConnectSocketPath(const remoteURI *uri, bool readOnly, bool privileged);
