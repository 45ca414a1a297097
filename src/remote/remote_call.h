/*
 * remote_call.h: the procedures that the client calls, as tables
 *
 * A row has the codecs of one procedure. Neither makes connections nor knows what
 * calls are for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "virnetclient.h"

/**
 * remoteCall:
 * remoteCallQemu:
 * @client: the connection
 * @procedure: one that has a row
 * @args: as its codec wants them; NULL: it has none
 * @ret: filled on success, to be freed by remoteCallFree(); NULL: it has none
 *
 * Wait for the answer. Any thread but the I/O thread.
 *
 * Return 0, or -1 with an error reported, the server's own included.
 */
int remoteCall(virNetClient *client, int procedure, const void *args, void *ret);
int remoteCallQemu(virNetClient *client, int procedure, const void *args, void *ret);

/* As remoteCallQemu(), with what a call may have besides: @extra's fds and reply function are
 * taken over, and fds that came back are put there. */
int remoteCallQemuWith(virNetClient *client, int procedure, const void *args, void *ret,
                       virNetClientCallData *extra);
/* As remoteCall(), likewise. */
int remoteCallWith(virNetClient *client, int procedure, const void *args, void *ret,
                   virNetClientCallData *extra);

/* Frees what is in @ret, which remoteCall() or remoteCallQemu() has filled. */
void remoteCallFree(int procedure, void *ret);
void remoteCallQemuFree(int procedure, void *ret);
