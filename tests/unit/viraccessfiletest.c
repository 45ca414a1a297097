/*
 * viraccessfiletest.c: an administrator's list of who may do what
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "virerror_priv.h"
#include "viruuid.h"

/* --- a host with a few users --- */

static int
findUser(const char *name, uid_t *uid)
{
    if (strcmp(name, "broken") == 0)
        return -1;
    *uid = 1000;
    return strcmp(name, "alice") == 0;
}

static int
findGroup(const char *name, gid_t *gid)
{
    if (strcmp(name, "broken") == 0)
        return -1;
    *gid = 500;
    return strcmp(name, "ops") == 0;
}

static const virAccessFileNames names = { findUser, findGroup };

static virAccessFile *
parse(const char *text)
{
    return virAccessFileParse(text, strlen(text), "acl", &names);
}

/* Everybody is in group 500 whose number of a user is even. */
static bool
isInGroup(gid_t gid, void *opaque)
{
    uid_t uid = 1;

    virIdentityGetUNIXUserID(opaque, &uid);
    return gid == 500 && uid % 2 == 0;
}

static bool
allows(virAccessFile *file, virIdentity *identity, virAccessPerm perm, const char *domain,
       const char *uuidText)
{
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virAccessQuestion question = { identity, perm, "QEMU", domain, domain ? uuid : NULL };

    if (uuidText)
        g_assert_cmpint(virUUIDParse(uuidText, uuid), ==, 0);
    return virAccessFileAllows(file, &question, isInGroup, identity);
}

#define READ VIR_ACCESS_PERM_DOMAIN_READ
#define WRITE VIR_ACCESS_PERM_DOMAIN_WRITE
#define GETATTR VIR_ACCESS_PERM_CONNECT_GETATTR

/* --- who --- */

static void
testWho(void)
{
    g_autoptr(virAccessFile) file = parse("[a]\nwho = user:alice\nmay = connect:getattr\n"
                                          "[b]\nwho = group:ops\nmay = connect:read\n"
                                          "[c]\nwho = sasl:fred@* \"dn:O=Our House,*\"\n"
                                          "may = connect:write\n"
                                          "[d]\nwho = read-only\nmay = connect:search-domains\n"
                                          "[e]\nwho = user:0 group:501 anybody\n"
                                          "may = domain:read\ndomains = *\n");
    g_autoptr(virIdentity) alice = virIdentityNew();
    g_autoptr(virIdentity) eve = virIdentityNew();
    g_autoptr(virIdentity) fred = virIdentityNew();
    g_autoptr(virIdentity) host = virIdentityNew();
    g_autoptr(virIdentity) nobody = virIdentityNew();

    g_assert_nonnull(file);
    virIdentitySetUNIXUserID(alice, 1000);
    virIdentitySetUNIXUserID(eve, 1001);
    virIdentitySetReadOnly(eve, true);
    virIdentitySetSASLUserName(fred, "fred@EXAMPLE");
    virIdentitySetX509DName(host, "O=Our House,CN=client");

    g_assert_true(allows(file, alice, GETATTR, NULL, NULL));
    g_assert_true(allows(file, alice, VIR_ACCESS_PERM_CONNECT_READ, NULL, NULL));
    g_assert_false(allows(file, alice, VIR_ACCESS_PERM_CONNECT_WRITE, NULL, NULL));
    g_assert_false(allows(file, alice, VIR_ACCESS_PERM_CONNECT_SEARCH_DOMAINS, NULL, NULL));
    g_assert_false(allows(file, eve, GETATTR, NULL, NULL));
    g_assert_false(allows(file, eve, VIR_ACCESS_PERM_CONNECT_READ, NULL, NULL));
    g_assert_true(allows(file, eve, VIR_ACCESS_PERM_CONNECT_SEARCH_DOMAINS, NULL, NULL));
    g_assert_true(allows(file, fred, VIR_ACCESS_PERM_CONNECT_WRITE, NULL, NULL));
    g_assert_true(allows(file, host, VIR_ACCESS_PERM_CONNECT_WRITE, NULL, NULL));
    g_assert_false(allows(file, nobody, VIR_ACCESS_PERM_CONNECT_WRITE, NULL, NULL));
    g_assert_false(allows(file, nobody, GETATTR, NULL, NULL));
    g_assert_true(allows(file, nobody, READ, "any", NULL));
    g_assert_false(allows(file, nobody, WRITE, "any", NULL));
}

/* Who isn't known to be anybody in particular isn't user 0. */
static void
testUnknownIsNotRoot(void)
{
    g_autoptr(virAccessFile) file = parse("[root]\nwho = user:0 group:0\nmay = *\ndomains = *\n");
    g_autoptr(virIdentity) nobody = virIdentityNew();
    g_autoptr(virIdentity) root = virIdentityNew();

    g_assert_nonnull(file);
    virIdentitySetUNIXUserID(root, 0);
    g_assert_false(allows(file, nobody, GETATTR, NULL, NULL));
    g_assert_true(allows(file, root, GETATTR, NULL, NULL));
    g_assert_true(allows(file, root, VIR_ACCESS_PERM_DOMAIN_WATCH_EVENTS, "any", NULL));
}

/* --- which domains --- */

static void
testDomains(void)
{
    const char *uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f";
    g_autoptr(virAccessFile) file = parse(
        "[a]\nwho = anybody\nmay = domain:read\n"
        "domains = web-* db-? \"two words\" \"uuid:6695EB01F6A4830479AA97F2502E193F\" # not this\n"
        "[b]\nwho = anybody\nmay = domain:write\ndomains = web-1\n");
    g_autoptr(virIdentity) anybody = virIdentityNew();

    g_assert_nonnull(file);
    g_assert_true(allows(file, anybody, READ, "web-", NULL));
    g_assert_true(allows(file, anybody, READ, "web-17", NULL));
    g_assert_false(allows(file, anybody, READ, "web", NULL));
    g_assert_false(allows(file, anybody, READ, "my-web-1", NULL));
    g_assert_true(allows(file, anybody, READ, "db-1", NULL));
    g_assert_false(allows(file, anybody, READ, "db-12", NULL));
    g_assert_true(allows(file, anybody, READ, "two words", NULL));
    g_assert_false(allows(file, anybody, READ, "words", NULL));
    g_assert_true(allows(file, anybody, READ, "whatever", uuid));
    g_assert_false(allows(file, anybody, READ, uuid, NULL));
    g_assert_true(allows(file, anybody, WRITE, "web-1", NULL));
    g_assert_false(allows(file, anybody, WRITE, "web-2", NULL));
    /* Of no domain in particular: is there any that might be meant? */
    g_assert_true(allows(file, anybody, WRITE, NULL, NULL));
    g_assert_false(allows(file, anybody, VIR_ACCESS_PERM_DOMAIN_STOP, NULL, NULL));
}

static void
testPermissions(void)
{
    g_autoptr(virAccessFile) file = parse("[a]\nwho = user:1\nmay = connect:*\n"
                                          "[b]\nwho = user:2\nmay = domain:*\ndomains = *\n"
                                          "[c]\nwho = user:3\nmay = *\ndomains = *\n");
    g_autoptr(virIdentity) identity = virIdentityNew();
    int perm;

    g_assert_nonnull(file);
    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++) {
        const char *domain = virAccessPermIsDomain((virAccessPerm)perm) ? "d" : NULL;

        virIdentitySetUNIXUserID(identity, 1);
        g_assert_cmpint(allows(file, identity, (virAccessPerm)perm, domain, NULL), ==, !domain);
        virIdentitySetUNIXUserID(identity, 2);
        g_assert_cmpint(allows(file, identity, (virAccessPerm)perm, domain, NULL), ==, !!domain);
        virIdentitySetUNIXUserID(identity, 3);
        g_assert_true(allows(file, identity, (virAccessPerm)perm, domain, NULL));
    }
}

static void
testGlobs(void)
{
    g_autofree char *stars = g_strnfill(1000, '*');
    g_autofree char *letters = g_strnfill(100000, 'a');
    g_autofree char *bomb = g_strconcat("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", NULL);

    g_assert_true(virAccessFileGlobMatches("", ""));
    g_assert_false(virAccessFileGlobMatches("", "a"));
    g_assert_true(virAccessFileGlobMatches("*", ""));
    g_assert_false(virAccessFileGlobMatches("?", ""));
    g_assert_true(virAccessFileGlobMatches("a*b*c", "aXbYbZc"));
    g_assert_false(virAccessFileGlobMatches("a*b*c", "aXbYbZ"));
    g_assert_true(virAccessFileGlobMatches("*ab", "aab"));
    g_assert_true(virAccessFileGlobMatches("m?ller", "m\303\274ller"));
    g_assert_true(virAccessFileGlobMatches("[a]", "[a]"));
    g_assert_true(virAccessFileGlobMatches(stars, letters));
    g_assert_false(virAccessFileGlobMatches(bomb, letters));
    /* A character that is cut off ends where the text does. */
    g_assert_true(virAccessFileGlobMatches("?", "\360"));
    g_assert_false(virAccessFileGlobMatches("??", "\360"));
}

/* --- what is wrong --- */

static void
assertFails(const char *text, const char *message)
{
    g_autoptr(virAccessFile) file = parse(text);
    virErrorPtr err = virGetLastError();

    g_assert_null(file);
    g_assert_nonnull(err);
    g_assert_cmpint(err->code, ==, VIR_ERR_CONF_SYNTAX);
    g_assert_cmpstr(err->str2 ? err->str2 : err->str1, ==, message);
    virResetLastError();
}

static void
testMistakes(void)
{
    assertFails("who = anybody\n", "acl:1: 'who' stands in no section");
    assertFails("\n[a]\nwho anybody\n", "acl:3: [SECTION] or SETTING = WORDS was expected");
    assertFails("[a\n", "acl:1: [SECTION] or SETTING = WORDS was expected");
    assertFails("[]\n", "acl:1: [SECTION] or SETTING = WORDS was expected");
    assertFails("[a] b\n", "acl:1: [SECTION] or SETTING = WORDS was expected");
    assertFails("[a]\nwho = anybody\nmay = connect:read\n# x\n[a]\n",
                "acl:5: there is a section 'a' already");
    assertFails("[a]\nmay = connect:read\n", "acl:1: the section does not say who");
    assertFails("# x\n[a]\nwho = anybody\n\n[b]\n",
                "acl:2: the section does not say what he may do");
    assertFails("[a]\nwho = anybody\nmay = domain:*\n",
                "acl:1: the section gives 'domain:getattr' and does not say for which domains: "
                "'*' are all");
    assertFails("[a]\nwho =\n", "acl:2: there is nothing behind '='");
    assertFails("[a]\nwho = # me\n", "acl:2: there is nothing behind '='");
    assertFails("[a]\nwho = anybody\nwho = anybody\n",
                "acl:3: 'who' is set already in this section");
    assertFails("[a]\nwhom = anybody\n",
                "acl:2: there is no setting 'whom'; there are who, may and domains");
    assertFails("[a]\nwho = bob\n",
                "acl:2: 'bob' does not say who: it should be user:NAME, group:NAME, sasl:NAME, "
                "dn:NAME, read-only or anybody");
    assertFails("[a]\nwho = user:bob\n", "acl:2: there is no user 'bob'");
    assertFails("[a]\nwho = group:bob\n", "acl:2: there is no group 'bob'");
    assertFails("[a]\nwho = user:broken\n", "acl:2: user 'broken' cannot be looked up");
    assertFails("[a]\nwho = group:broken\n", "acl:2: group 'broken' cannot be looked up");
    assertFails("[a]\nwho = user:\n", "acl:2: there is no user ''");
    assertFails("[a]\nwho = user:4294967295\n",
                "acl:2: '4294967295' is no number of a user or a group");
    assertFails("[a]\nwho = group:99999999999999999999\n",
                "acl:2: '99999999999999999999' is no number of a user or a group");
    assertFails("[a]\nwho = sasl:\n", "acl:2: a name is missing behind the colon");
    assertFails("[a]\nmay = domain:fly\n", "acl:2: there is no permission 'domain:fly'");
    assertFails("[a]\nmay = domain\n", "acl:2: there is no permission 'domain'");
    assertFails("[a]\nmay = network:*\n", "acl:2: there is no permission 'network:*'");
    assertFails("[a]\ndomains = uuid:x\n", "acl:2: 'x' is no UUID");
    assertFails("[a]\ndomains = \"x\n", "acl:2: a quotation mark is missing");
    assertFails("[a]\ndomains = x\"y\"\n",
                "acl:2: a quotation mark stands in the middle of a word");
    assertFails("[a]\ndomains = \"x\"y\n",
                "acl:2: a blank was expected behind a text in quotation marks, which must not be "
                "empty");
    assertFails("[a]\ndomains = \"\"\n",
                "acl:2: a blank was expected behind a text in quotation marks, which must not be "
                "empty");
    assertFails("[a]\ndomains = \377\n", "acl:2: the line is no text in UTF-8");

    g_assert_null(virAccessFileParse("[a]\0", 4, "acl", &names));
    g_assert_cmpstr(virGetLastError()->str2 ? virGetLastError()->str2 : virGetLastError()->str1,
                    ==, "acl:1: the line is no text in UTF-8");
    virResetLastError();
}

static void
testNothingIsAllowedByNothing(void)
{
    g_autoptr(virAccessFile) empty = parse("# nobody\r\n\t\r\n");
    g_autoptr(virAccessFile) none = virAccessFileParse(NULL, 0, "acl", &names);
    g_autoptr(virIdentity) root = virIdentityNew();

    virIdentitySetUNIXUserID(root, 0);
    g_assert_nonnull(empty);
    g_assert_nonnull(none);
    g_assert_false(allows(empty, root, GETATTR, NULL, NULL));
    g_assert_false(allows(none, root, READ, "any", NULL));
}

/* --- files --- */

static void
testLoad(void)
{
    g_autofree char *dir = g_dir_make_tmp("acl-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "acl.conf", NULL);
    g_autofree char *full = g_strnfill(VIR_ACCESS_FILE_BYTES_MAX + 1, '#');
    g_autoptr(virAccessFile) file = NULL;

    g_assert_null(virAccessFileLoad(path));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, ENOENT);
    g_assert_null(virAccessFileLoad(dir));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);

    g_assert_true(g_file_set_contents(path, full, VIR_ACCESS_FILE_BYTES_MAX + 1, NULL));
    g_assert_null(virAccessFileLoad(path));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    virResetLastError();
    g_assert_true(g_file_set_contents(path, full, VIR_ACCESS_FILE_BYTES_MAX, NULL));
    g_assert_nonnull(file = virAccessFileLoad(path));

    /* With this host's users. */
    g_clear_pointer(&file, virAccessFileUnref);
    g_assert_true(g_file_set_contents(path, "[a]\nwho = user:root group:root\nmay = connect:*",
                                      -1, NULL));
    g_assert_nonnull(file = virAccessFileLoad(path));
    g_assert_true(g_file_set_contents(path, "[a]\nwho = user:no.such.user\n", -1, NULL));
    g_assert_null(virAccessFileLoad(path));
    virResetLastError();
    g_unlink(path);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/access-file/who", testWho);
    g_test_add_func("/access-file/unknown-is-not-root", testUnknownIsNotRoot);
    g_test_add_func("/access-file/domains", testDomains);
    g_test_add_func("/access-file/permissions", testPermissions);
    g_test_add_func("/access-file/globs", testGlobs);
    g_test_add_func("/access-file/mistakes", testMistakes);
    g_test_add_func("/access-file/nothing-is-allowed-by-nothing", testNothingIsAllowedByNothing);
    g_test_add_func("/access-file/load", testLoad);
    return g_test_run();
}
