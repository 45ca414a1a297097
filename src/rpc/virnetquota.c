/*
 * virnetquota.c: what clients and the users behind them hold of a server, and how much they may
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetquota.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_RPC

/* What is held by somebody. */
typedef struct {
    const size_t *max;          /* VIR_NET_QUOTA_LAST of them, borrowed; SIZE_MAX: no limit */
    size_t used[VIR_NET_QUOTA_LAST];
    size_t peak[VIR_NET_QUOTA_LAST];
    guint64 refused[VIR_NET_QUOTA_LAST];
} virNetQuotaHeld;

struct _virNetQuotaUser {
    virNetQuota *quota;
    char *name;
    bool exempt;
    bool starving;              /* somebody waits for @eased */
    size_t accounts;
    virNetQuotaHeld held;
};

struct _virNetQuotaAccount {
    virNetQuotaUser *user;
    unsigned long long id;
    virNetQuotaHeld held;
};

struct _virNetQuota {
    GHashTable *users;          /* virNetQuotaUser by name: no more than there are clients */
    void (*eased)(virNetQuotaUser *user, void *opaque);
    void *opaque;
    size_t clientMax[VIR_NET_QUOTA_LAST];
    size_t userMax[VIR_NET_QUOTA_LAST];
    size_t noMax[VIR_NET_QUOTA_LAST];   /* an exempt user's */
};

static const struct {
    const char *name;
    const char *client;
    const char *user;
} virNetQuotaNames[VIR_NET_QUOTA_LAST] = {
    [VIR_NET_QUOTA_CONNECTIONS] = { "connections", NULL, "max_user_connections" },
    [VIR_NET_QUOTA_REGISTRATIONS] = { "registrations", "max_client_registrations",
                                      "max_user_registrations" },
    [VIR_NET_QUOTA_FILTER_BYTES] = { "filter bytes", "max_client_filter_bytes",
                                     "max_user_filter_bytes" },
    [VIR_NET_QUOTA_EVENT_BYTES] = { "event bytes", "client_output_max_bytes",
                                    "max_user_output_bytes" },
    [VIR_NET_QUOTA_REQUESTS] = { "requests", "max_client_requests", "max_user_requests" },
    [VIR_NET_QUOTA_CALL_BYTES] = { "call bytes", "max_client_call_bytes", "max_user_call_bytes" },
    [VIR_NET_QUOTA_FDS] = { "file descriptors", "max_client_fds", "max_user_fds" },
};

const char *
virNetQuotaResourceName(virNetQuotaResource resource)
{
    return virNetQuotaNames[resource].name;
}

const char *
virNetQuotaLimitName(virNetQuotaResource resource, bool user)
{
    return user ? virNetQuotaNames[resource].user : virNetQuotaNames[resource].client;
}

/* --- one holder --- */

static size_t
virNetQuotaHeldFree(const virNetQuotaHeld *held, virNetQuotaResource resource)
{
    size_t max = held->max[resource];

    /* It may be lower than before. */
    return held->used[resource] < max ? max - held->used[resource] : 0;
}

static void
virNetQuotaHeldAdd(virNetQuotaHeld *held, virNetQuotaResource resource, size_t amount)
{
    held->used[resource] += amount;
    if (held->used[resource] > held->peak[resource])
        held->peak[resource] = held->used[resource];
}

static void
virNetQuotaHeldGetUsage(const virNetQuotaHeld *held, virNetQuotaResource resource,
                        virNetQuotaUsage *usage)
{
    size_t max = held->max[resource];

    *usage = (virNetQuotaUsage) {
        .used = held->used[resource],
        .peak = held->peak[resource],
        .refused = held->refused[resource],
        .limit = max == SIZE_MAX ? 0 : max,
    };
}

/* --- users --- */

static void
virNetQuotaUserFree(void *opaque)
{
    virNetQuotaUser *user = opaque;

    g_free(user->name);
    g_free(user);
}

/* The one of that name, with an account more. */
static virNetQuotaUser *
virNetQuotaUserJoin(virNetQuota *quota, const char *name, bool exempt)
{
    virNetQuotaUser *user = g_hash_table_lookup(quota->users, name);

    if (!user) {
        user = g_new0(virNetQuotaUser, 1);
        user->quota = quota;
        user->name = g_strdup(name);
        user->exempt = exempt;
        user->held.max = exempt ? quota->noMax : quota->userMax;
        g_hash_table_insert(quota->users, user->name, user);
    }
    user->accounts++;
    return user;
}

/* With the last account it goes. */
static void
virNetQuotaUserLeave(virNetQuotaUser *user)
{
    if (--user->accounts == 0)
        g_hash_table_remove(user->quota->users, user->name);
}

/* What has to be free of it. */
static size_t
virNetQuotaUserRoom(const virNetQuotaUser *user, virNetQuotaResource resource)
{
    return MIN(VIR_NET_QUOTA_ROOM_BYTES, user->held.max[resource] / 4);
}

static void
virNetQuotaUserSubtract(virNetQuotaUser *user, virNetQuotaResource resource, size_t amount)
{
    user->held.used[resource] -= amount;
    if (!user->starving || resource != VIR_NET_QUOTA_EVENT_BYTES ||
        virNetQuotaHeldFree(&user->held, resource) < virNetQuotaUserRoom(user, resource))
        return;
    user->starving = false;
    if (user->quota->eased)
        user->quota->eased(user, user->quota->opaque);
}

static char *
virNetQuotaNameAddress(const char *address)
{
    g_autofree char *host = g_strndup(address, strcspn(address, ";%"));
    char prefix[INET6_ADDRSTRLEN];
    struct in6_addr in6;

    if (inet_pton(AF_INET6, host, &in6) != 1)
        return g_strdup_printf("address %s", host);
    if (IN6_IS_ADDR_V4MAPPED(&in6))
        return g_strdup_printf("address %u.%u.%u.%u", in6.s6_addr[12], in6.s6_addr[13],
                               in6.s6_addr[14], in6.s6_addr[15]);
    memset(in6.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &in6, prefix, sizeof(prefix));
    return g_strdup_printf("address %s/64", prefix);
}

char *
virNetQuotaNameUser(const virIdentity *identity, const char *address, bool *exempt)
{
    const char *name;
    uid_t uid;

    *exempt = false;
    if ((name = virIdentityGetSASLUserName(identity)))
        return g_strdup_printf("SASL %s", name);
    if ((name = virIdentityGetX509DName(identity)))
        return g_strdup_printf("DN %s", name);
    if (!virIdentityGetUNIXUserID(identity, &uid))
        return virNetQuotaNameAddress(address);
    *exempt = uid == 0 || uid == geteuid();
    return g_strdup_printf("uid %lu", (unsigned long)uid);
}

const char *
virNetQuotaUserGetName(const virNetQuotaUser *user)
{
    return user->name;
}

bool
virNetQuotaUserIsExempt(const virNetQuotaUser *user)
{
    return user->exempt;
}

void
virNetQuotaUserGetUsage(const virNetQuotaUser *user, virNetQuotaResource resource,
                        virNetQuotaUsage *usage)
{
    virNetQuotaHeldGetUsage(&user->held, resource, usage);
}

/* --- all of them --- */

virNetQuota *
virNetQuotaNew(const virNetQuotaLimits *limits,
               void (*eased)(virNetQuotaUser *user, void *opaque), void *opaque)
{
    virNetQuota *quota = g_new0(virNetQuota, 1);
    size_t i;

    quota->users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, virNetQuotaUserFree);
    quota->eased = eased;
    quota->opaque = opaque;
    for (i = 0; i < VIR_NET_QUOTA_LAST; i++)
        quota->noMax[i] = SIZE_MAX;
    virNetQuotaSetLimits(quota, limits);
    return quota;
}

void
virNetQuotaFree(virNetQuota *quota)
{
    if (!quota)
        return;
    g_hash_table_unref(quota->users);
    g_free(quota);
}

void
virNetQuotaSetLimits(virNetQuota *quota, const virNetQuotaLimits *limits)
{
    size_t i;

    for (i = 0; i < VIR_NET_QUOTA_LAST; i++) {
        quota->clientMax[i] = limits->client[i] > 0 ? limits->client[i] : SIZE_MAX;
        quota->userMax[i] = limits->user[i] > 0 ? limits->user[i] : SIZE_MAX;
    }
}

void
virNetQuotaForEachUser(virNetQuota *quota, virNetQuotaUserFunc func, void *opaque)
{
    GHashTableIter iter;
    void *user;

    g_hash_table_iter_init(&iter, quota->users);
    while (g_hash_table_iter_next(&iter, NULL, &user))
        func(user, opaque);
}

/* --- accounts --- */

virNetQuotaAccount *
virNetQuotaAccountNew(virNetQuota *quota, unsigned long long id, const char *user, bool exempt)
{
    virNetQuotaAccount *account = g_new0(virNetQuotaAccount, 1);

    account->id = id;
    account->held.max = quota->clientMax;
    account->user = virNetQuotaUserJoin(quota, user, exempt);
    return account;
}

void
virNetQuotaAccountFree(virNetQuotaAccount *account)
{
    size_t i;

    if (!account)
        return;
    for (i = 0; i < VIR_NET_QUOTA_LAST; i++)
        virNetQuotaRelease(account, i, account->held.used[i]);
    virNetQuotaUserLeave(account->user);
    g_free(account);
}

static void
virNetQuotaReportClient(const virNetQuotaAccount *account, virNetQuotaResource resource,
                        size_t amount)
{
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("'%1$s' is exceeded: client %2$llu has %3$zu, asks for %4$zu more and may "
                     "have %5$zu"),
                   virNetQuotaNames[resource].client, account->id, account->held.used[resource],
                   amount, account->held.max[resource]);
}

static void
virNetQuotaReportUser(const virNetQuotaUser *user, virNetQuotaResource resource, size_t amount)
{
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("'%1$s' is exceeded: user '%2$.200s' has %3$zu, asks for %4$zu more and may "
                     "have %5$zu"),
                   virNetQuotaNames[resource].user, user->name, user->held.used[resource], amount,
                   user->held.max[resource]);
}

int
virNetQuotaAccountMove(virNetQuotaAccount *account, const char *name, bool exempt)
{
    virNetQuotaUser *before = account->user;
    virNetQuotaUser *user;
    size_t i;

    if (strcmp(before->name, name) == 0)
        return 0;
    user = virNetQuotaUserJoin(before->quota, name, exempt);
    for (i = 0; i < VIR_NET_QUOTA_LAST; i++) {
        if (account->held.used[i] > virNetQuotaHeldFree(&user->held, i)) {
            user->held.refused[i]++;
            virNetQuotaReportUser(user, i, account->held.used[i]);
            virNetQuotaUserLeave(user);
            return -1;
        }
    }
    account->user = user;
    for (i = 0; i < VIR_NET_QUOTA_LAST; i++) {
        virNetQuotaHeldAdd(&user->held, i, account->held.used[i]);
        virNetQuotaUserSubtract(before, i, account->held.used[i]);
    }
    virNetQuotaUserLeave(before);
    return 0;
}

void
virNetQuotaForce(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount)
{
    virNetQuotaHeldAdd(&account->held, resource, amount);
    virNetQuotaHeldAdd(&account->user->held, resource, amount);
}

int
virNetQuotaCharge(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount)
{
    if (amount > virNetQuotaHeldFree(&account->held, resource)) {
        account->held.refused[resource]++;
        virNetQuotaReportClient(account, resource, amount);
        return -1;
    }
    if (amount > virNetQuotaHeldFree(&account->user->held, resource)) {
        account->user->held.refused[resource]++;
        virNetQuotaReportUser(account->user, resource, amount);
        return -1;
    }
    virNetQuotaForce(account, resource, amount);
    return 0;
}

bool
virNetQuotaTakeShare(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount)
{
    size_t left = virNetQuotaHeldFree(&account->user->held, resource);

    if (amount > virNetQuotaHeldFree(&account->held, resource)) {
        account->held.refused[resource]++;
        return false;
    }
    if (amount > left || account->held.used[resource] + amount > left - amount) {
        account->user->held.refused[resource]++;
        return false;
    }
    virNetQuotaForce(account, resource, amount);
    return true;
}

bool
virNetQuotaTakeRare(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount,
                    size_t reserve)
{
    size_t max = account->held.max[resource];

    if (max != SIZE_MAX &&
        (amount > max + reserve || account->held.used[resource] > max + reserve - amount)) {
        account->held.refused[resource]++;
        return false;
    }
    if (amount > virNetQuotaHeldFree(&account->user->held, resource)) {
        account->user->held.refused[resource]++;
        return false;
    }
    virNetQuotaForce(account, resource, amount);
    return true;
}

void
virNetQuotaRelease(virNetQuotaAccount *account, virNetQuotaResource resource, size_t amount)
{
    if (amount == 0)
        return;
    g_assert(amount <= account->held.used[resource]);
    account->held.used[resource] -= amount;
    virNetQuotaUserSubtract(account->user, resource, amount);
}

bool
virNetQuotaIsTight(virNetQuotaAccount *account, virNetQuotaResource resource)
{
    virNetQuotaUser *user = account->user;
    size_t left = virNetQuotaHeldFree(&user->held, resource);

    if (left < virNetQuotaUserRoom(user, resource)) {
        user->starving = true;
        return true;
    }
    /* If not, it is its own turn to take something. */
    return account->held.used[resource] > left / 2;
}

size_t
virNetQuotaGetUsed(const virNetQuotaAccount *account, virNetQuotaResource resource)
{
    return account->held.used[resource];
}

void
virNetQuotaGetUsage(const virNetQuotaAccount *account, virNetQuotaResource resource,
                    virNetQuotaUsage *usage)
{
    virNetQuotaHeldGetUsage(&account->held, resource, usage);
}

virNetQuotaUser *
virNetQuotaAccountGetUser(const virNetQuotaAccount *account)
{
    return account->user;
}
