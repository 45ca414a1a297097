/*
 * remote_ssh.h: the command that reaches a daemon through ssh
 *
 * Makes words, runs nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

#include "remote_uri.h"

/**
 * remoteSSHCommand:
 * @uri: one with transport SSH
 * @readOnly: ask for the daemon's read-only socket
 *
 * Returns the words of the command, to be freed with g_strfreev().
 */
char **remoteSSHCommand(const remoteURI *uri, bool readOnly);
