/*
 * rpcpeer.h: the other end of a connection, played by a test
 *
 * Bare bytes on a bare socket, so that a test can say anything, also what no client or server
 * would. Everything has a deadline, after which the test fails.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/* Until a test is a failure; with sanitizers on a busy machine everything takes its time. */
#define RPC_PEER_DEADLINE (60 * G_USEC_PER_SEC)

/* A blocking socket with that deadline, connected. */
int rpcPeerConnectUNIX(const char *path);
int rpcPeerConnectTCP(int port);
/* Waits until poll() says that of @fd. */
void rpcPeerWait(int fd, short events);
/* Gives @fd that deadline. */
void rpcPeerSetUp(int fd);
/* A connected pair: [0] as it is, [1] a peer. */
void rpcPeerPair(int pair[2]);

/* Hexadecimal digits, spaces between them as one likes. */
GByteArray *rpcPeerBytes(const char *hex);

void rpcPeerSend(int fd, const void *data, size_t len);
void rpcPeerSendHex(int fd, const char *hex);
/* One byte 0 with @sent. */
void rpcPeerSendFD(int fd, int sent);
/* @len bytes with @sent. */
void rpcPeerSendWithFD(int fd, const void *data, size_t len, int sent);

typedef struct {
    uint32_t program;
    uint32_t version;
    int32_t procedure;
    uint32_t type;
    uint32_t serial;
    uint32_t status;
} rpcPeerHeader;

/* A whole packet; @payload in hexadecimal digits, NULL: none. */
void rpcPeerSendPacket(int fd, const rpcPeerHeader *header, const char *payload);
GByteArray *rpcPeerMakePacket(const rpcPeerHeader *header, const char *payload);

/* Returns the payload and fills @header; NULL at the end of the stream. */
GByteArray *rpcPeerReadPacket(int fd, rpcPeerHeader *header);
/* The fd that comes with the next byte. */
int rpcPeerReadFD(int fd);
/* Nothing more comes, nor can it. */
void rpcPeerAssertEnd(int fd);
/* Reads the next packet, which must be exactly that. */
void rpcPeerAssertPacket(int fd, const rpcPeerHeader *header, const char *payload);
/* Reads the next packet, which must be the error reply to @header (its type and status aside).
 * Returns its message. */
char *rpcPeerAssertError(int fd, const rpcPeerHeader *header, int code, int domain);
