/*
 * virnetquotatest.c: what clients and the users behind them hold of a server
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetquota.h"

#include <unistd.h>

#include "virerror_priv.h"

#define REGS VIR_NET_QUOTA_REGISTRATIONS
#define EVENTS VIR_NET_QUOTA_EVENT_BYTES

static const virNetQuotaLimits limits = {
    .client = { [REGS] = 3, [EVENTS] = 600000 },
    .user = { [REGS] = 5, [EVENTS] = 1200000, [VIR_NET_QUOTA_CONNECTIONS] = 2 },
};

static void
assertRefused(const char *message)
{
    g_assert_cmpint(virGetLastError()->code, ==, VIR_ERR_OPERATION_FAILED);
    g_assert_cmpstr(virGetLastError()->str2, ==, message);
    virResetLastError();
}

static virNetQuotaUsage
usage(virNetQuotaAccount *account, virNetQuotaResource resource)
{
    virNetQuotaUsage usage;

    virNetQuotaGetUsage(account, resource, &usage);
    return usage;
}

static virNetQuotaUsage
userUsage(virNetQuotaAccount *account, virNetQuotaResource resource)
{
    virNetQuotaUsage usage;

    virNetQuotaUserGetUsage(virNetQuotaAccountGetUser(account), resource, &usage);
    return usage;
}

/* Both are charged, or neither. */
static void
testCharge(void)
{
    g_autoptr(virNetQuota) quota = virNetQuotaNew(&limits, NULL, NULL);
    g_autoptr(virNetQuotaAccount) one = virNetQuotaAccountNew(quota, 1, "uid 7", false);
    g_autoptr(virNetQuotaAccount) two = virNetQuotaAccountNew(quota, 2, "uid 7", false);

    g_assert_cmpint(virNetQuotaCharge(one, REGS, 3), ==, 0);
    g_assert_cmpint(virNetQuotaCharge(one, REGS, 1), ==, -1);
    assertRefused("'max_client_registrations' is exceeded: client 1 has 3, asks for 1 more and may "
                  "have 3");
    g_assert_cmpuint(usage(one, REGS).used, ==, 3);
    g_assert_cmpuint(userUsage(one, REGS).used, ==, 3);

    g_assert_cmpint(virNetQuotaCharge(two, REGS, 3), ==, -1);
    assertRefused("'max_user_registrations' is exceeded: user 'uid 7' has 3, asks for 3 more and "
                  "may have 5");
    g_assert_cmpuint(usage(two, REGS).used, ==, 0);
    g_assert_cmpint(virNetQuotaCharge(two, REGS, 2), ==, 0);

    virNetQuotaRelease(one, REGS, 2);
    g_assert_cmpuint(userUsage(two, REGS).used, ==, 3);
    g_assert_cmpuint(userUsage(two, REGS).peak, ==, 5);
    g_assert_cmpuint(userUsage(two, REGS).limit, ==, 5);
    g_assert_cmpuint(userUsage(two, REGS).refused, ==, 1);
    g_assert_cmpuint(usage(one, REGS).peak, ==, 3);
    g_assert_cmpuint(usage(one, REGS).refused, ==, 1);
    g_assert_cmpuint(usage(two, REGS).refused, ==, 0);
    /* No limit. */
    g_assert_cmpint(virNetQuotaCharge(two, VIR_NET_QUOTA_FDS, G_MAXSIZE / 2), ==, 0);
    g_assert_cmpuint(usage(two, VIR_NET_QUOTA_FDS).limit, ==, 0);
}

static void
countUser(virNetQuotaUser *user G_GNUC_UNUSED, void *opaque)
{
    ++*(size_t *)opaque;
}

static size_t
countUsers(virNetQuota *quota)
{
    size_t count = 0;

    virNetQuotaForEachUser(quota, countUser, &count);
    return count;
}

/* A user is there as long as a client of his is, and then owes nothing. */
static void
testUserGoes(void)
{
    g_autoptr(virNetQuota) quota = virNetQuotaNew(&limits, NULL, NULL);
    virNetQuotaAccount *one = virNetQuotaAccountNew(quota, 1, "uid 7", false);
    virNetQuotaAccount *two = virNetQuotaAccountNew(quota, 2, "uid 7", false);
    g_autoptr(virNetQuotaAccount) other = virNetQuotaAccountNew(quota, 3, "uid 8", false);

    g_assert_cmpint(virNetQuotaCharge(one, REGS, 3), ==, 0);
    g_assert_cmpint(virNetQuotaCharge(two, REGS, 1), ==, 0);
    g_assert_cmpuint(countUsers(quota), ==, 2);
    virNetQuotaAccountFree(one);
    g_assert_cmpuint(userUsage(two, REGS).used, ==, 1);
    virNetQuotaAccountFree(two);
    g_assert_cmpuint(countUsers(quota), ==, 1);
    g_assert_cmpuint(userUsage(other, REGS).used, ==, 0);
}

static void
testMove(void)
{
    g_autoptr(virNetQuota) quota = virNetQuotaNew(&limits, NULL, NULL);
    g_autoptr(virNetQuotaAccount) one = virNetQuotaAccountNew(quota, 1, "address ::1/64", false);
    g_autoptr(virNetQuotaAccount) two = virNetQuotaAccountNew(quota, 2, "address ::1/64", false);
    g_autoptr(virNetQuotaAccount) three = virNetQuotaAccountNew(quota, 3, "SASL fred", false);

    g_assert_cmpint(virNetQuotaCharge(one, REGS, 3), ==, 0);
    g_assert_cmpint(virNetQuotaCharge(three, REGS, 3), ==, 0);
    g_assert_cmpint(virNetQuotaAccountMove(one, "SASL fred", false), ==, -1);
    assertRefused("'max_user_registrations' is exceeded: user 'SASL fred' has 3, asks for 3 more "
                  "and may have 5");
    g_assert_cmpuint(userUsage(two, REGS).used, ==, 3);
    g_assert_cmpuint(userUsage(three, REGS).used, ==, 3);

    virNetQuotaRelease(three, REGS, 1);
    g_assert_cmpint(virNetQuotaAccountMove(one, "SASL fred", false), ==, 0);
    g_assert_cmpuint(userUsage(two, REGS).used, ==, 0);
    g_assert_cmpuint(userUsage(three, REGS).used, ==, 5);
    g_assert_cmpint(virNetQuotaAccountMove(one, "SASL fred", false), ==, 0);
    g_assert_cmpuint(userUsage(three, REGS).used, ==, 5);
    g_assert_cmpint(virNetQuotaAccountMove(two, "SASL fred", false), ==, 0);
    g_assert_cmpuint(countUsers(quota), ==, 1);
}

static void
testExempt(void)
{
    g_autoptr(virNetQuota) quota = virNetQuotaNew(&limits, NULL, NULL);
    g_autoptr(virNetQuotaAccount) one = virNetQuotaAccountNew(quota, 1, "uid 0", true);
    g_autoptr(virNetQuotaAccount) two = virNetQuotaAccountNew(quota, 2, "uid 0", true);

    g_assert_cmpint(virNetQuotaCharge(one, REGS, 3), ==, 0);
    g_assert_cmpint(virNetQuotaCharge(one, REGS, 1), ==, -1);
    virResetLastError();
    g_assert_cmpint(virNetQuotaCharge(two, REGS, 3), ==, 0);
    g_assert_cmpuint(userUsage(two, REGS).used, ==, 6);
    g_assert_cmpuint(userUsage(two, REGS).limit, ==, 0);
    g_assert_true(virNetQuotaUserIsExempt(virNetQuotaAccountGetUser(two)));
}

/* Who has more keeps it. */
static void
testLimitsChange(void)
{
    g_autoptr(virNetQuota) quota = virNetQuotaNew(&limits, NULL, NULL);
    g_autoptr(virNetQuotaAccount) one = virNetQuotaAccountNew(quota, 1, "uid 7", false);
    virNetQuotaLimits less = limits;

    g_assert_cmpint(virNetQuotaCharge(one, REGS, 3), ==, 0);
    less.client[REGS] = 2;
    virNetQuotaSetLimits(quota, &less);
    g_assert_cmpint(virNetQuotaCharge(one, REGS, 1), ==, -1);
    virResetLastError();
    virNetQuotaRelease(one, REGS, 1);
    g_assert_cmpint(virNetQuotaCharge(one, REGS, 1), ==, -1);
    virResetLastError();
    virNetQuotaSetLimits(quota, &limits);
    g_assert_cmpint(virNetQuotaCharge(one, REGS, 1), ==, 0);
}

/* Of a user's clients, those that take nothing leave as much as each of them holds. */
static void
testShares(void)
{
    g_autoptr(virNetQuota) quota = virNetQuotaNew(&limits, NULL, NULL);
    g_autoptr(virNetQuotaAccount) one = virNetQuotaAccountNew(quota, 1, "uid 7", false);
    g_autoptr(virNetQuotaAccount) two = virNetQuotaAccountNew(quota, 2, "uid 7", false);
    g_autoptr(virNetQuotaAccount) other = virNetQuotaAccountNew(quota, 3, "uid 8", false);

    while (virNetQuotaTakeShare(one, EVENTS, 1000))
        ;
    g_assert_cmpuint(usage(one, EVENTS).used, ==, 600000);
    g_assert_false(virNetQuotaIsTight(two, EVENTS));
    while (virNetQuotaTakeShare(two, EVENTS, 1000))
        ;
    g_assert_cmpuint(usage(two, EVENTS).used, ==, 300000);
    g_assert_cmpuint(usage(two, EVENTS).refused, ==, 0);
    g_assert_cmpuint(userUsage(two, EVENTS).refused, ==, 1);
    g_assert_true(virNetQuotaIsTight(two, EVENTS));
    g_assert_true(virNetQuotaTakeShare(other, EVENTS, 600000));
    g_assert_false(virNetQuotaTakeShare(other, EVENTS, 1));
    g_assert_cmpuint(usage(other, EVENTS).refused, ==, 1);
    g_assert_null(virGetLastError());

    /* What is rare has the rest, and the client's reserve. */
    g_assert_true(virNetQuotaTakeRare(one, EVENTS, 100, 200));
    g_assert_false(virNetQuotaTakeRare(one, EVENTS, 101, 200));
    g_assert_true(virNetQuotaTakeRare(two, EVENTS, 299900, 0));
    g_assert_false(virNetQuotaTakeRare(two, EVENTS, 1, 0));
}

static void
countEased(virNetQuotaUser *user, void *opaque)
{
    g_assert_cmpstr(virNetQuotaUserGetName(user), ==, "uid 7");
    ++*(size_t *)opaque;
}

/* Once somebody has found that there is no room, it is told when there is some. */
static void
testEased(void)
{
    size_t eased = 0;
    g_autoptr(virNetQuota) quota = virNetQuotaNew(&limits, countEased, &eased);
    g_autoptr(virNetQuotaAccount) one = virNetQuotaAccountNew(quota, 1, "uid 7", false);
    g_autoptr(virNetQuotaAccount) two = virNetQuotaAccountNew(quota, 2, "uid 7", false);

    virNetQuotaForce(one, EVENTS, 1200000);
    virNetQuotaRelease(one, EVENTS, 1);
    g_assert_true(virNetQuotaIsTight(two, EVENTS));
    virNetQuotaRelease(one, EVENTS, VIR_NET_QUOTA_ROOM_BYTES - 2);
    g_assert_cmpuint(eased, ==, 0);
    virNetQuotaRelease(one, EVENTS, 1);
    g_assert_cmpuint(eased, ==, 1);
    g_assert_false(virNetQuotaIsTight(two, EVENTS));
    virNetQuotaRelease(one, EVENTS, 1);
    g_assert_cmpuint(eased, ==, 1);
}

static void
testNames(void)
{
    static const char *const addresses[][2] = {
        { "192.0.2.7;16509", "address 192.0.2.7" },
        { "::ffff:192.0.2.7;16509", "address 192.0.2.7" },
        { "2001:db8:1:2:3:4:5:6;16509", "address 2001:db8:1:2::/64" },
        { "fe80::1%eth0;16509", "address fe80::/64" },
    };
    g_autoptr(virIdentity) identity = virIdentityNew();
    g_autofree char *own = g_strdup_printf("uid %lu", (unsigned long)geteuid());
    bool exempt;
    size_t i;

#define ASSERT_NAME(address, is, free) \
    do { \
        g_autofree char *name = virNetQuotaNameUser(identity, address, &exempt); \
        g_assert_cmpstr(name, ==, is); \
        g_assert_true(exempt == free); \
    } while (0)

    for (i = 0; i < G_N_ELEMENTS(addresses); i++)
        ASSERT_NAME(addresses[i][0], addresses[i][1], false);
    virIdentitySetUNIXUserID(identity, 4711);
    ASSERT_NAME("127.0.0.1;0", "uid 4711", false);
    virIdentitySetUNIXUserID(identity, geteuid());
    ASSERT_NAME("127.0.0.1;0", own, true);
    virIdentitySetUNIXUserID(identity, 0);
    ASSERT_NAME("127.0.0.1;0", "uid 0", true);
    virIdentitySetX509DName(identity, "CN=one");
    ASSERT_NAME("127.0.0.1;0", "DN CN=one", false);
    virIdentitySetSASLUserName(identity, "fred");
    ASSERT_NAME("127.0.0.1;0", "SASL fred", false);
}

/* All that is limited has a setting's name, but what is one for each client. */
static void
testLimitNames(void)
{
    int i;

    for (i = 0; i < VIR_NET_QUOTA_LAST; i++) {
        g_assert_nonnull(virNetQuotaResourceName(i));
        g_assert_nonnull(virNetQuotaLimitName(i, true));
        g_assert_true(!virNetQuotaLimitName(i, false) == (i == VIR_NET_QUOTA_CONNECTIONS));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rpc/net-quota/charge", testCharge);
    g_test_add_func("/rpc/net-quota/user-goes", testUserGoes);
    g_test_add_func("/rpc/net-quota/move", testMove);
    g_test_add_func("/rpc/net-quota/exempt", testExempt);
    g_test_add_func("/rpc/net-quota/limits-change", testLimitsChange);
    g_test_add_func("/rpc/net-quota/shares", testShares);
    g_test_add_func("/rpc/net-quota/eased", testEased);
    g_test_add_func("/rpc/net-quota/names", testNames);
    g_test_add_func("/rpc/net-quota/limit-names", testLimitNames);
    return g_test_run();
}
