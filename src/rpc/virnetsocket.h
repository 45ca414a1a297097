/*
 * virnetsocket.h: a stream of bytes to another process, whatever carries it
 *
 * A unix or TCP connection, a command's standard input and output, TLS or SASL's encryption on
 * top of any of them; and sockets that listen. Nothing here knows of packets. After it was made a socket never
 * blocks.
 *
 * No locks: one thread at a time may use a socket.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <glib.h>
#include "virnetsaslcontext.h"
#include "virnettlscontext.h"

/* File descriptors that one read may bring: the kernel's own limit for one sendmsg(). */
#define VIR_NET_SOCKET_READ_FDS_MAX 253

/* Pieces that one write takes; the kernel's limit. */
#define VIR_NET_SOCKET_IOV_MAX 1024

/* Bytes that a read must have room for: a record of TLS. */
#define VIR_NET_SOCKET_READ_MIN (16 * 1024)

/* What a read returns when the other side has ended the stream. */
#define VIR_NET_SOCKET_EOF (-2)

typedef struct _virNetSocket virNetSocket;

/* ---- Connecting ----
 *
 * These block until the connection is there. NULL with VIR_ERR_SYSTEM_ERROR reported, which
 * names what could not be reached. */

virNetSocket *virNetSocketNewConnectUNIX(const char *path);
/* Tries every address of @host, IPv6 and IPv4, in the resolver's order. @service is a number
 * or a name. */
virNetSocket *virNetSocketNewConnectTCP(const char *host, const char *service);
/* Runs @argv (NULL-terminated, found in PATH) with the stream as its standard input and output;
 * it ends with the socket. What it writes to standard error becomes a part of the error when
 * the stream ends. */
virNetSocket *virNetSocketNewConnectCommand(const char *const *argv);
/* Takes @fd, also on failure. */
virNetSocket *virNetSocketNewConnected(int fd);

/* ---- Listening ---- */

/* Nothing is changed where the value is -1. A socket file that nobody listens on is replaced;
 * the file goes with the socket. NULL with an error reported. */
virNetSocket *virNetSocketNewListenUNIX(const char *path, int mode, gid_t group);
/**
 * virNetSocketNewListenTCP:
 * @host: NULL: every address of the machine
 * @service: a number or a name; "0": any free port, the same for all addresses
 * @sockets: array of them, one for each address (returns; the caller's)
 * @nsockets: how many (returns)
 *
 * An address that this machine hasn't got is passed over. Returns 0, or -1 with an error
 * reported if none is left or one can't be bound.
 */
int virNetSocketNewListenTCP(const char *host, const char *service, virNetSocket ***sockets,
                             size_t *nsockets);
/* A socket that already listens, as service managers hand it over. Takes @fd on success; its
 * file, if any, stays when the socket goes. */
virNetSocket *virNetSocketNewListenFD(int fd);
/* Returns 1 and a new socket, 0 if nobody waits, -1 with an error reported. */
int virNetSocketAccept(virNetSocket *sock, virNetSocket **client);

/* Takes it; NULL is fine. A command is told to end, then made to. */
void virNetSocketFree(virNetSocket *sock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetSocket, virNetSocketFree)

/* To wait for. */
int virNetSocketGetFD(virNetSocket *sock);
/* Ends the stream both ways at once; the fd stays valid until it is freed. */
void virNetSocketShutdown(virNetSocket *sock);

/* ---- TLS ---- */

/**
 * virNetSocketSetTLS:
 * @ctx: with whose certificates (a reference is taken)
 * @hostname: whom the server's certificate must name; NULL on the server's side
 *
 * Everything from now on is encrypted; nothing can be read or written before
 * virNetSocketHandshake() has returned 1.
 */
int virNetSocketSetTLS(virNetSocket *sock, virNetTLSContext *ctx, const char *hostname);
/**
 * virNetSocketHandshake:
 *
 * Goes on with what there is to do before the first packet: TLS, the check of the other side's
 * certificate, and the byte by which the server says that it liked the client's.
 *
 * Returns 1 when done (at once without TLS), 0 if it must be called again when the socket can
 * do what virNetSocketWants() says, -1 with an error reported.
 */
int virNetSocketHandshake(virNetSocket *sock);
/* As virNetSocketHandshake(), and waits. */
int virNetSocketHandshakeWait(virNetSocket *sock);
/* EPOLLIN or EPOLLOUT: what an unfinished handshake waits for. */
uint32_t virNetSocketWants(virNetSocket *sock);

/* ---- SASL ---- */

/* Everything that is read and written from now on is encrypted by @session (taken), where that has
 * a layer, which none above TLS has; nothing may wait in here. */
void virNetSocketSetSASL(virNetSocket *sock, virNetSASLSession *session);

/* ---- Reading and writing ---- */

/**
 * virNetSocketRead:
 * @len: at least VIR_NET_SOCKET_READ_MIN, so that nothing stays behind, decrypted already, which
 *       poll() can't see
 * @fds: array of VIR_NET_SOCKET_READ_FDS_MAX for fds that came along (the caller's then); NULL:
 *       such are closed
 * @nfds: how many came
 *
 * At most one message with fds is read at a time, and the bytes end with it: the last byte read
 * was sent together with them. Only unix sockets bring any.
 *
 * Returns bytes read, 0 if there is nothing now, VIR_NET_SOCKET_EOF or -1 with an error
 * reported.
 */
ssize_t virNetSocketRead(virNetSocket *sock, char *buf, size_t len, int *fds, size_t *nfds);
/* At most VIR_NET_SOCKET_IOV_MAX pieces. Returns bytes taken, 0 if none can be now, -1 with an
 * error reported. Bytes that were taken may still wait in here: see virNetSocketFlush(). */
ssize_t virNetSocketWrite(virNetSocket *sock, const struct iovec *iov, size_t niov);
/* Returns 1 if nothing waits in here any more, 0 if the socket is full, -1 with an error
 * reported. */
int virNetSocketFlush(virNetSocket *sock);
/* Sends one byte 0 together with @fd (borrowed). Returns 1 when sent, 0 if it can't be now, -1
 * with an error reported. */
int virNetSocketSendFD(virNetSocket *sock, int fd);

/* ---- Who and where ---- */

/* Unix sockets: those alone can carry fds. */
bool virNetSocketCanPassFDs(virNetSocket *sock);
/* Nobody else can read it: TLS, or SASL. */
bool virNetSocketIsEncrypted(virNetSocket *sock);
/* A unix socket, connected or listening. */
bool virNetSocketIsLocal(virNetSocket *sock);
/* Encrypted, or it doesn't leave this machine by a network: unix, a command. */
bool virNetSocketIsSecure(virNetSocket *sock);
/* The subject of the other side's certificate, such as "O=Example,CN=client1"; NULL without one
 * that was verified. Borrowed. */
const char *virNetSocketGetTLSName(virNetSocket *sock);
/* Bits of the cipher's key; 0 without TLS. */
int virNetSocketGetTLSKeySize(virNetSocket *sock);
/* "127.0.0.1;16509", "::1;16509", "/run/x-sock;0"; never NULL. Borrowed. */
const char *virNetSocketGetLocalAddress(virNetSocket *sock);
const char *virNetSocketGetRemoteAddress(virNetSocket *sock);
/* Of an IP socket; 0 of any other. */
int virNetSocketGetPort(virNetSocket *sock);

typedef struct {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    /* In clock ticks after the machine's start, as in /proc/PID/stat; 0: unknown. With @pid it
     * names a process for good. */
    unsigned long long startTime;
} virNetSocketPeer;
/* The process that connected, by a unix socket only. Returns whether it is known; false without
 * an error reported. */
bool virNetSocketGetPeer(virNetSocket *sock, virNetSocketPeer *peer);
/* Its SELinux context; NULL if there are none here. The caller's. */
char *virNetSocketGetPeerLabel(virNetSocket *sock);
