/*
 * viridentitytest.c: who is on the other side of a connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viridentity.h"

#include <string.h>

static void
testNothingIsKnown(void)
{
    g_autoptr(virIdentity) identity = virIdentityNew();
    g_autofree char *key = virIdentityKey(identity);
    unsigned long long startTime = 7;
    uid_t uid = 7;
    gid_t gid = 7;
    pid_t pid = 7;

    g_assert_false(virIdentityGetUNIXUserID(identity, &uid));
    g_assert_false(virIdentityGetUNIXGroupID(identity, &gid));
    g_assert_false(virIdentityGetProcess(identity, &pid, &startTime));
    g_assert_cmpuint(uid, ==, 7);
    g_assert_cmpuint(gid, ==, 7);
    g_assert_cmpint(pid, ==, 7);
    g_assert_cmpuint(startTime, ==, 7);
    g_assert_null(virIdentityGetSELinuxContext(identity));
    g_assert_null(virIdentityGetSASLUserName(identity));
    g_assert_null(virIdentityGetX509DName(identity));
    g_assert_false(virIdentityIsReadOnly(identity));
    g_assert_cmpstr(key, ==, "read-write");
}

static virIdentity *
testFull(void)
{
    virIdentity *identity = virIdentityNew();

    virIdentitySetUNIXUserID(identity, 1000);
    virIdentitySetUNIXGroupID(identity, 100);
    virIdentitySetProcess(identity, 4711, 99);
    virIdentitySetSELinuxContext(identity, "user_u:user_r:user_t:s0");
    virIdentitySetSASLUserName(identity, "fred");
    virIdentitySetX509DName(identity, "O=Example,CN=fred");
    virIdentitySetReadOnly(identity, true);
    return identity;
}

static void
testAllIsKnown(void)
{
    g_autoptr(virIdentity) identity = testFull();
    g_autofree char *key = virIdentityKey(identity);
    unsigned long long startTime;
    uid_t uid;
    gid_t gid;
    pid_t pid;

    g_assert_true(virIdentityGetUNIXUserID(identity, &uid));
    g_assert_true(virIdentityGetUNIXGroupID(identity, &gid));
    g_assert_true(virIdentityGetProcess(identity, &pid, &startTime));
    g_assert_cmpuint(uid, ==, 1000);
    g_assert_cmpuint(gid, ==, 100);
    g_assert_cmpint(pid, ==, 4711);
    g_assert_cmpuint(startTime, ==, 99);
    g_assert_cmpstr(virIdentityGetSELinuxContext(identity), ==, "user_u:user_r:user_t:s0");
    g_assert_cmpstr(virIdentityGetSASLUserName(identity), ==, "fred");
    g_assert_cmpstr(virIdentityGetX509DName(identity), ==, "O=Example,CN=fred");
    g_assert_true(virIdentityIsReadOnly(identity));
    g_assert_cmpstr(key, ==, "read-only uid=1000 gid=100 pid=4711@99 sasl=\"fred\" "
                    "dn=\"O=Example,CN=fred\" selinux=\"user_u:user_r:user_t:s0\"");
}

/* @other differs from what testFull() says. */
static void
testAssertDiffers(virIdentity *other)
{
    g_autoptr(virIdentity) full = testFull();
    g_autofree char *one = virIdentityKey(full);
    g_autofree char *two = virIdentityKey(other);

    g_assert_false(virIdentityEqual(full, other));
    g_assert_false(virIdentityEqual(other, full));
    g_assert_cmpuint(virIdentityHash(full), !=, virIdentityHash(other));
    g_assert_cmpstr(one, !=, two);
    virIdentityUnref(other);
}

#define DIFFERS(call, ...) \
    do { \
        virIdentity *changed = testFull(); \
        call(changed, __VA_ARGS__); \
        testAssertDiffers(changed); \
    } while (0)

static void
testEachFieldCounts(void)
{
    g_autoptr(virIdentity) full = testFull();
    g_autoptr(virIdentity) same = testFull();
    g_autoptr(virIdentity) copy = virIdentityCopy(full);

    g_assert_true(virIdentityEqual(full, same));
    g_assert_true(virIdentityEqual(full, copy));
    g_assert_cmpuint(virIdentityHash(full), ==, virIdentityHash(same));
    g_assert_cmpuint(virIdentityHash(full), ==, virIdentityHash(copy));

    DIFFERS(virIdentitySetUNIXUserID, 0);
    DIFFERS(virIdentitySetUNIXGroupID, 0);
    DIFFERS(virIdentitySetProcess, 4712, 99);
    DIFFERS(virIdentitySetProcess, 4711, 100);      /* its number was given to another one */
    DIFFERS(virIdentitySetSELinuxContext, NULL);
    DIFFERS(virIdentitySetSASLUserName, "frederic");
    DIFFERS(virIdentitySetX509DName, NULL);
    DIFFERS(virIdentitySetReadOnly, false);
}

static void
testUnknownIsNotRoot(void)
{
    g_autoptr(virIdentity) nobody = virIdentityNew();
    g_autoptr(virIdentity) root = virIdentityNew();

    virIdentitySetUNIXUserID(root, 0);
    g_assert_false(virIdentityEqual(nobody, root));
    g_assert_cmpuint(virIdentityHash(nobody), !=, virIdentityHash(root));
}

/* A name can't make a key look like somebody else's. */
static void
testNamesAreEscaped(void)
{
    g_autoptr(virIdentity) one = virIdentityNew();
    g_autoptr(virIdentity) other = virIdentityNew();
    g_autofree char *oneKey = NULL;
    g_autofree char *otherKey = NULL;

    virIdentitySetSASLUserName(one, "a\" dn=\"b");
    virIdentitySetSASLUserName(other, "a");
    virIdentitySetX509DName(other, "b");
    oneKey = virIdentityKey(one);
    otherKey = virIdentityKey(other);
    g_assert_cmpstr(oneKey, ==, "read-write sasl=\"a\\\" dn=\\\"b\"");
    g_assert_cmpstr(otherKey, ==, "read-write sasl=\"a\" dn=\"b\"");

    virIdentitySetSASLUserName(one, "\033[2J\n\303\244");
    g_free(oneKey);
    oneKey = virIdentityKey(one);
    g_assert_cmpstr(oneKey, ==, "read-write sasl=\"\\033[2J\\n\\303\\244\"");
}

static void
testCopyIsItsOwn(void)
{
    virIdentity *identity = testFull();
    g_autoptr(virIdentity) copy = virIdentityCopy(identity);

    virIdentitySetSASLUserName(copy, "barney");
    g_assert_cmpstr(virIdentityGetSASLUserName(identity), ==, "fred");
    virIdentityUnref(identity);
    g_assert_cmpstr(virIdentityGetX509DName(copy), ==, "O=Example,CN=fred");
    g_assert_cmpstr(virIdentityGetSASLUserName(copy), ==, "barney");
}

static gpointer
testShare(gpointer identity)
{
    int i;

    for (i = 0; i < 1000; i++)
        virIdentityUnref(virIdentityRef(identity));
    virIdentityUnref(identity);
    return NULL;
}

static void
testReferences(void)
{
    virIdentity *identity = testFull();
    GThread *threads[4];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("share", testShare, virIdentityRef(identity));
    virIdentityUnref(identity);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    virIdentityUnref(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/identity/nothing-is-known", testNothingIsKnown);
    g_test_add_func("/identity/all-is-known", testAllIsKnown);
    g_test_add_func("/identity/each-field-counts", testEachFieldCounts);
    g_test_add_func("/identity/unknown-is-not-root", testUnknownIsNotRoot);
    g_test_add_func("/identity/names-are-escaped", testNamesAreEscaped);
    g_test_add_func("/identity/copy-is-its-own", testCopyIsItsOwn);
    g_test_add_func("/identity/references", testReferences);
    return g_test_run();
}
