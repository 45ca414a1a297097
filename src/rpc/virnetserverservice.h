/*
 * virnetserverservice.h: where a server listens, and what it asks of those who come there
 *
 * One address of a kind that clients connect to; a TCP service may have several sockets.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <glib.h>
#include "virnetserverclient.h"
#include "virnettlscontext.h"

typedef struct _virNetServerService virNetServerService;

/* Of all who connect to one service. */
typedef struct {
    virNetServerAuth auth;
    bool readonly;
    bool ownersOnly;            /* for root and the user whose process this is, whatever the
                                 * socket's permissions say; others are closed at once */
    virNetTLSContext *tls;      /* a reference is taken; NULL: none */
} virNetServerServiceOptions;

/* These listen at once but accept nobody before the service is given to a server. NULL with an
 * error reported. */
virNetServerService *virNetServerServiceNewUNIX(const char *path, int mode, gid_t group,
                                                const virNetServerServiceOptions *options);
virNetServerService *virNetServerServiceNewTCP(const char *host, const char *service,
                                               const virNetServerServiceOptions *options);
/* @fd listens already, on whatever it is; taken on success. */
virNetServerService *virNetServerServiceNewFD(int fd, const virNetServerServiceOptions *options);
void virNetServerServiceFree(virNetServerService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetServerService, virNetServerServiceFree)

const virNetServerServiceOptions *virNetServerServiceGetOptions(virNetServerService *service);
/* The listening sockets; borrowed. */
virNetSocket *const *virNetServerServiceGetSockets(virNetServerService *service,
                                                   size_t *nsockets);
/* Of its first IP socket; 0 if it has none. */
int virNetServerServiceGetPort(virNetServerService *service);
