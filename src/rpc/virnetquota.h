/*
 * virnetquota.h: what clients and the users behind them hold of a server, and how much they may
 *
 * An account for each client, whose parent is its user's. What is charged to a client is charged
 * to both, or to neither. Knows nothing of sockets, nor of what is refused in the end: whoever
 * charges does that.
 *
 * All of it belongs to the I/O thread and has no lock.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include "viridentity.h"

typedef enum {
    VIR_NET_QUOTA_CONNECTIONS,
    VIR_NET_QUOTA_REGISTRATIONS,        /* for events */
    VIR_NET_QUOTA_FILTER_BYTES,         /* of these, compiled */
    VIR_NET_QUOTA_EVENT_BYTES,          /* of events that wait for it */
    VIR_NET_QUOTA_REQUESTS,             /* calls whose answer isn't sent whole */
    VIR_NET_QUOTA_CALL_BYTES,           /* of these, as they are on the wire: calls and answers */
    VIR_NET_QUOTA_FDS,                  /* likewise */
    VIR_NET_QUOTA_LAST
} virNetQuotaResource;

/* 0: there is no such limit. */
typedef struct {
    size_t client[VIR_NET_QUOTA_LAST];
    size_t user[VIR_NET_QUOTA_LAST];
} virNetQuotaLimits;

typedef struct {
    size_t used;                /* now */
    size_t peak;                /* since the account is there */
    guint64 refused;            /* times that more was asked for */
    size_t limit;               /* 0: none */
} virNetQuotaUsage;

typedef struct _virNetQuota virNetQuota;                /* of one server */
typedef struct _virNetQuotaUser virNetQuotaUser;        /* there as long as it has an account */
typedef struct _virNetQuotaAccount virNetQuotaAccount;  /* of one client */

/* "registrations". */
const char *virNetQuotaResourceName(virNetQuotaResource resource);
/* The setting that limits it, for messages: "max_client_registrations", and "max_user_..."; NULL:
 * there is none. */
const char *virNetQuotaLimitName(virNetQuotaResource resource, bool user);

/**
 * virNetQuotaNew:
 * @limits: copied
 * @eased: @user, to whose accounts events were refused, has room again; may be NULL
 *
 * Never NULL. Accounts must be freed before it.
 */
virNetQuota *virNetQuotaNew(const virNetQuotaLimits *limits,
                            void (*eased)(virNetQuotaUser *user, void *opaque), void *opaque);
void virNetQuotaFree(virNetQuota *quota);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetQuota, virNetQuotaFree)
/* Count at once for all accounts. Who has more than that keeps it, and gets no more. */
void virNetQuotaSetLimits(virNetQuota *quota, const virNetQuotaLimits *limits);
typedef void (*virNetQuotaUserFunc)(virNetQuotaUser *user, void *opaque);
/* In no order. Accounts must neither come nor go in @func. */
void virNetQuotaForEachUser(virNetQuota *quota, virNetQuotaUserFunc func, void *opaque);

/**
 * virNetQuotaAccountNew:
 * @id: of the client, for messages
 * @user: by what it is known: "uid 1000"
 * @exempt: the limits for users are not for this one
 *
 * Never NULL.
 */
virNetQuotaAccount *virNetQuotaAccountNew(virNetQuota *quota, unsigned long long id,
                                          const char *user, bool exempt);
/* Gives back whatever is charged still. */
void virNetQuotaAccountFree(virNetQuotaAccount *account);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetQuotaAccount, virNetQuotaAccountFree)
/* It is known better now who that is. What it holds goes with it. Returns 0, or -1 with an error
 * reported if that is more than this user may have, and nothing has changed. */
int virNetQuotaAccountMove(virNetQuotaAccount *account, const char *user, bool exempt);

/* Returns 0, or -1 with VIR_ERR_OPERATION_FAILED reported that says whose limit it would exceed,
 * by its name; nothing is charged then. */
int virNetQuotaCharge(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount);
/**
 * virNetQuotaTakeShare:
 *
 * For what comes in any amount and may be refused again and again: the account may have no more
 * than it leaves free to the user's others, so that one client that takes nothing leaves room for
 * those that do.
 *
 * Returns whether @amount was charged; no error is reported.
 */
bool virNetQuotaTakeShare(virNetQuotaAccount *account, virNetQuotaResource resource,
                          size_t amount);
/* The same without a share for others, and up to @reserve beyond the client's limit. */
bool virNetQuotaTakeRare(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount,
                         size_t reserve);
/* For what is bounded by something else, and must not fail. */
void virNetQuotaForce(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount);
void virNetQuotaRelease(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount);
/* So much of a user's limit, or a quarter of it, has to be free for its clients' events to go
 * on. */
#define VIR_NET_QUOTA_ROOM_BYTES (256 * 1024)
/* Whether virNetQuotaTakeShare() would soon refuse again, because of the user. If that is due to
 * others, the quota's @eased follows. */
bool virNetQuotaIsTight(virNetQuotaAccount *account, virNetQuotaResource resource);

size_t virNetQuotaGetUsed(const virNetQuotaAccount *account, virNetQuotaResource resource);
void virNetQuotaGetUsage(const virNetQuotaAccount *account, virNetQuotaResource resource,
                         virNetQuotaUsage *usage);
/**
 * virNetQuotaNameUser:
 * @address: where the connection comes from: "192.0.2.1;1234"
 * @exempt: whether it is root or the user who runs this, by a unix socket: who could do worse
 *          (returns)
 *
 * Whom to charge, by the best that is proven: a SASL name, a certificate's subject, a local user;
 * or else the address, of IPv6 the 64 bits that a host is given at least. The caller frees it.
 */
char *virNetQuotaNameUser(const virIdentity *identity, const char *address, bool *exempt);
/* Borrowed. */
virNetQuotaUser *virNetQuotaAccountGetUser(const virNetQuotaAccount *account);
/* "uid 1000"; valid as long as the user is there. */
const char *virNetQuotaUserGetName(const virNetQuotaUser *user);
/* The limits of an exempt user are 0. */
bool virNetQuotaUserIsExempt(const virNetQuotaUser *user);
void virNetQuotaUserGetUsage(const virNetQuotaUser *user, virNetQuotaResource resource,
                             virNetQuotaUsage *usage);
