/*
 * virnetsaslcontext.h: SASL, the proof of who somebody is and perhaps an encryption
 *
 * A context is what a server asks of its clients; a session is one connection's exchange and
 * what was agreed on in it. How the messages of the exchange travel is settled by whoever calls;
 * where the credentials of a client come from, by whoever answers its questions.
 *
 * A context may be used by any thread, a session by one at a time. What may wait for a file, a name
 * server or somebody else who knows about passwords says so.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct _virNetSASLContext virNetSASLContext;
typedef struct _virNetSASLSession virNetSASLSession;

/* The least strength, in bits, that counts as an encryption: below, it is a checksum. */
#define VIR_NET_SASL_SSF_MIN 56

/* Bytes of an encrypted block that this side takes; the other side is told. */
#define VIR_NET_SASL_BLOCK_MAX 8192

/* Bytes that the other side must take in a block: with less, it would cost far more to talk to than
 * it says. */
#define VIR_NET_SASL_BLOCK_LEAST 512

/* What carries the exchange. All borrowed. */
typedef struct {
    const char *local;          /* "127.0.0.1;16509"; both NULL: not by a network */
    const char *remote;
    bool secure;                /* nobody can listen: SASL's own encryption isn't wanted, and
                                 * passwords may be sent as they are */
    int keySize;                /* bits of the key of what is below; 0: it isn't encrypted */
} virNetSASLTransport;

/* ---- What a server asks of all of its clients ---- */

/**
 * virNetSASLContextNewServer:
 * @allowedNames: globs for the names of who may come; NULL: everybody who has proven his; an empty
 *   list: nobody (borrowed)
 * @minSSF: the least strength of SASL's own encryption in bits, where there is no other;
 *   VIR_NET_SASL_SSF_MIN at least
 *
 * Returns a new reference, or NULL with an error reported: the library doesn't work.
 */
virNetSASLContext *virNetSASLContextNewServer(const char *const *allowedNames,
                                              unsigned int minSSF);
virNetSASLContext *virNetSASLContextRef(virNetSASLContext *ctx);
void virNetSASLContextUnref(virNetSASLContext *ctx);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetSASLContext, virNetSASLContextUnref)
/* For exchanges that begin, and names that are proven, from now on. */
void virNetSASLContextReload(virNetSASLContext *ctx, const char *const *allowedNames,
                             unsigned int minSSF);

/* ---- One exchange ---- */

/* May wait for a name server. A reference to @ctx is kept. NULL with an error reported. */
virNetSASLSession *virNetSASLSessionNewServer(virNetSASLContext *ctx,
                                              const virNetSASLTransport *transport);

/**
 * virNetSASLAskFunc:
 * @cred: what the mechanism wants to know; @result and @resultlen are to be filled, from malloc();
 *   what is left NULL is the default result, if there is one
 *
 * Returns 0, or -1 with an error reported.
 */
typedef int (*virNetSASLAskFunc)(virConnectCredentialPtr cred, unsigned int ncred, void *opaque);

/**
 * virNetSASLSessionNewClient:
 * @hostname: the server's
 * @types: virConnectCredentialType that @ask can answer; others are not asked for
 * @ntypes: how many
 * @ask, @opaque: asked within virNetSASLSessionStart() and virNetSASLSessionStep() (borrowed for
 *   the session's life)
 *
 * Returns NULL with an error reported.
 */
virNetSASLSession *virNetSASLSessionNewClient(const char *hostname,
                                              const virNetSASLTransport *transport,
                                              const int *types, size_t ntypes,
                                              virNetSASLAskFunc ask, void *opaque);
void virNetSASLSessionFree(virNetSASLSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetSASLSession, virNetSASLSessionFree)

/* A server's mechanisms that are strong enough, separated by commas; the caller's. NULL with an
 * error reported: there is none. */
char *virNetSASLSessionListMechanisms(virNetSASLSession *session);

typedef enum {
    VIR_NET_SASL_FAILED = -1,   /* with VIR_ERR_AUTH_FAILED reported, or what @ask reported */
    VIR_NET_SASL_CONTINUE,
    VIR_NET_SASL_COMPLETE,      /* this side has nothing more to ask */
} virNetSASLResult;

/* For the other side. NULL: none, which is not the same to SASL as 0 bytes. Borrowed until the next
 * call; it may have a password in it. */
typedef struct {
    const char *bytes;
    size_t len;
} virNetSASLData;

/**
 * virNetSASLSessionStart:
 * @mechs: the mechanism that the client has chosen; on the client's side, those that it may choose
 *   from, separated by commas
 * @in: what came with it; on the client's side NULL
 * @out: for the other side (returns)
 *
 * May wait. Once for a session, which is of no more use when it fails.
 */
virNetSASLResult virNetSASLSessionStart(virNetSASLSession *session, const char *mechs,
                                        const virNetSASLData *in, virNetSASLData *out);
/* What has come is answered. May wait. After success until VIR_NET_SASL_COMPLETE. */
virNetSASLResult virNetSASLSessionStep(virNetSASLSession *session, const virNetSASLData *in,
                                       virNetSASLData *out);
/* After the start; borrowed. */
const char *virNetSASLSessionGetMechanism(virNetSASLSession *session);

/**
 * virNetSASLSessionCheck:
 *
 * When the exchange is complete: whether what was agreed on is strong enough and, on the server's
 * side, whether this client may come.
 *
 * Returns 0, or -1 with VIR_ERR_AUTH_FAILED reported.
 */
int virNetSASLSessionCheck(virNetSASLSession *session);
/* Whose name the client has proven, when virNetSASLSessionCheck() has said yes. Borrowed. */
const char *virNetSASLSessionGetName(virNetSASLSession *session);

/* ---- What is said after it ---- */

/* Whether everything from now on goes through the next two. */
bool virNetSASLSessionIsLayer(virNetSASLSession *session);
/* Most bytes that one call of virNetSASLSessionEncode() takes. */
size_t virNetSASLSessionGetEncodeMax(virNetSASLSession *session);
/* Make a block of @in, or bytes out of blocks or parts of such, which may be none yet; at most
 * VIR_NET_SASL_BLOCK_MAX more than came. @out is borrowed until the next call. Return 0, or -1 with
 * an error reported. */
int virNetSASLSessionEncode(virNetSASLSession *session, const char *in, size_t len,
                            virNetSASLData *out);
int virNetSASLSessionDecode(virNetSASLSession *session, const char *in, size_t len,
                            virNetSASLData *out);
