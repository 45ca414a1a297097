/*
 * remote_auth.h: proves to a daemon who its user is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libvirt/libvirt.h>

#include "remote_uri.h"
#include "virnetclient.h"

/**
 * remoteAuthenticate:
 * @client: connected
 * @uri: what it asks for: a type, perhaps with a SASL mechanism behind a dot; or whatever the
 *   server wants. The user's name, and the file with credentials, too
 * @auth: how to ask the application for what isn't in the URI or a file; may be NULL
 *
 * Blocks. Returns 0 once the server lets the client in, or -1 with an error reported.
 */
int remoteAuthenticate(virNetClient *client, const remoteURI *uri, virConnectAuthPtr auth);
