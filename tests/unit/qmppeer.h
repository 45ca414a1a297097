/*
 * qmppeer.h: the QEMU end of a QMP socket, played by a test
 *
 * A thread of its own that listens on a unix socket in a temporary folder and does
 * what a script says. Says nothing by itself but the greeting.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

#define QMP_PEER_GREETING \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, " \
    "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"

typedef struct _qmpPeer qmpPeer;

/* What a peer answers to a line from the client: text to be sent (freed by the peer), or NULL
 * for nothing. Runs in the peer's thread. */
typedef char *(*qmpPeerAnswer)(const char *line, void *opaque);

/* Listens, takes one client after the other, greets each with @greeting (NULL: not at all). */
qmpPeer *qmpPeerNew(const char *greeting, qmpPeerAnswer answer, void *opaque);
/* The same at @path, which is the caller's to remove; or on a socket that is bound to it and
 * listens (taken). */
qmpPeer *qmpPeerNewAt(const char *path, const char *greeting, qmpPeerAnswer answer, void *opaque);
qmpPeer *qmpPeerNewOn(const char *path, int listener, const char *greeting, qmpPeerAnswer answer,
                      void *opaque);
/* A socket bound to @path that listens, or does not yet (@backlog -1). */
int qmpPeerListen(const char *path, int backlog);
void qmpPeerFree(qmpPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qmpPeer, qmpPeerFree)
const char *qmpPeerPath(qmpPeer *peer);
/* Any thread: sends to the client that is connected, which must be there within a deadline. */
void qmpPeerSend(qmpPeer *peer, const char *text, size_t len);
/* Any thread: waits until a client has come and gone. */
void qmpPeerWaitGone(qmpPeer *peer);
/* Any thread: ends that connection. */
void qmpPeerHangUp(qmpPeer *peer);

/* Answers as a small QEMU would: the driver's questions, {} to all else. @opaque is ignored. */
char *qmpPeerAnswerAll(const char *line, void *opaque);
/* A reply line with the id of the command @line, and @body as what "return" is. */
char *qmpPeerReply(const char *line, const char *body);
