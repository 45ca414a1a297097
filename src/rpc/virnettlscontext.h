/*
 * virnettlscontext.h: certificates, and TLS sessions that use them
 *
 * A context is one side's certificates and what it asks of the other side; a session is one
 * connection's. Where the files are is settled by whoever fills virNetTLSConfig.
 *
 * A context may be used by any thread, a session by one at a time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <glib.h>

typedef struct _virNetTLSContext virNetTLSContext;
typedef struct _virNetTLSSession virNetTLSSession;

/* All borrowed. */
typedef struct {
    const char *ca;             /* file; must exist */
    const char *crl;            /* file; NULL: no revocations */
    const char *cert;           /* file, with @key; NULL, clients only: none */
    const char *key;
    const char *priority;       /* GnuTLS priority string; NULL: "NORMAL" */
    bool verify;                /* the other side needs a valid certificate of @ca */
    /* The server's: globs for the subjects of clients that may come; NULL: all whose
     * certificate is valid; an empty list: none. Looked at only if @verify. */
    const char *const *allowedNames;
    bool sanityCheck;           /* complain of our own files now, not at the first handshake */
} virNetTLSConfig;

/**
 * virNetTLSContextNewServer:
 * virNetTLSContextNewClient:
 *
 * Returns a new reference; NULL with an error reported that names the file: it is missing
 * (VIR_ERR_SYSTEM_ERROR), not what it should be, not valid yet or any more, not for this
 * purpose, or not of that CA (also VIR_ERR_SYSTEM_ERROR).
 */
virNetTLSContext *virNetTLSContextNewServer(const virNetTLSConfig *config);
virNetTLSContext *virNetTLSContextNewClient(const virNetTLSConfig *config);
virNetTLSContext *virNetTLSContextRef(virNetTLSContext *ctx);
void virNetTLSContextUnref(virNetTLSContext *ctx);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetTLSContext, virNetTLSContextUnref)
/* Sessions that begin from now on use these; those that are there go on with what they have.
 * Returns 0, or -1 with an error reported and nothing changed. */
int virNetTLSContextReload(virNetTLSContext *ctx, const virNetTLSConfig *config);

/* The stream below; called in the thread that uses the session. As read() and write() with
 * errno. */
typedef struct {
    ssize_t (*read)(void *buf, size_t len, void *opaque);
    ssize_t (*write)(const void *buf, size_t len, void *opaque);
} virNetTLSTransport;

/* @hostname: whom the other side's certificate must name; NULL: the context is a server's.
 * @transport and @opaque are borrowed for the session's life. NULL with an error reported. */
virNetTLSSession *virNetTLSSessionNew(virNetTLSContext *ctx, const char *hostname,
                                      const virNetTLSTransport *transport, void *opaque);
void virNetTLSSessionFree(virNetTLSSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetTLSSession, virNetTLSSessionFree)

/**
 * virNetTLSSessionHandshake:
 *
 * The handshake, and then the check of the other side's certificate: signed by the CA, in its
 * time, not revoked, for this purpose, for that host (client) or in the list (server).
 *
 * Returns 1 when done, 0 if it must be called again, -1 with an error reported:
 * VIR_ERR_AUTH_FAILED if the certificate is refused, VIR_ERR_GNUTLS_ERROR for all else.
 */
int virNetTLSSessionHandshake(virNetTLSSession *session);
/* Whether an unfinished handshake waits until it can write, rather than read. */
bool virNetTLSSessionWantsWrite(virNetTLSSession *session);
/* Bytes read; 0: nothing now; VIR_NET_TLS_EOF; -1 with an error reported. */
ssize_t virNetTLSSessionRead(virNetTLSSession *session, char *buf, size_t len);
#define VIR_NET_TLS_EOF (-2)
/* Bytes taken, perhaps to be sent by a later virNetTLSSessionFlush(); 0: none now, as an earlier
 * one isn't sent yet; -1 with an error reported. */
ssize_t virNetTLSSessionWrite(virNetTLSSession *session, const char *buf, size_t len);
/* 1: all is sent; 0: call again when there is room; -1 with an error reported. */
int virNetTLSSessionFlush(virNetTLSSession *session);
/* Tells the other side that nothing more comes, if that is possible without waiting. */
void virNetTLSSessionBye(virNetTLSSession *session);

/* The subject of the other side's certificate in its own order, "O=Example,CN=client1"; NULL
 * without one, or if it wasn't verified. Borrowed. */
const char *virNetTLSSessionGetName(virNetTLSSession *session);
int virNetTLSSessionGetKeySize(virNetTLSSession *session);
