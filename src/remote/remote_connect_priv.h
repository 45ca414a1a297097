/*
 * remote_connect_priv.h: what tests look at of the way to a daemon
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_connect.h"

/* Paths; NULL: there is none. */
typedef struct {
    char *ca, *crl, *cert, *key;
} remoteConnectFiles;

void remoteConnectFilesClear(remoteConnectFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteConnectFiles, remoteConnectFilesClear)
/* The files that TLS is spoken with. @privileged: as root, who has none but the system's. */
void remoteConnectFindFiles(const remoteURI *uri, bool privileged, remoteConnectFiles *files);
