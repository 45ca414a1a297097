/*
 * viruuidtest.c: UUIDs as bytes and text
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viruuid.h"

#include <glib.h>
#include <string.h>

static void
testParse(void)
{
    static const char *const same[] = {
        "c7a5fdbd-edaf-9455-926a-d65c16db1809", "c7a5fdbdedaf9455926ad65c16db1809",
        "  C7A5FDBD-edaf-9455-926a-d65c16db1809 \n", "c7-a5fdbdedaf-9455926ad65c16db1809",
    };
    static const char *const bad[] = {
        "", "c7a5fdbd", "c7a5fdbd-edaf-9455-926a-d65c16db180", "x", " ",
        "c7a5fdbd-edaf-9455-926a-d65c16db18099", "c7a5fdbd-edaf-9455-926a-d65c16db180g",
        "c7a5fdbd-edaf-9455-926a-d65c16db1809 x",
    };
    unsigned char uuid[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(same); i++) {
        g_assert_cmpint(virUUIDParse(same[i], uuid), ==, 0);
        g_assert_cmpstr(virUUIDFormat(uuid, text), ==, same[0]);
    }
    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_cmpint(virUUIDParse(bad[i], uuid), ==, -1);
        g_assert_cmpstr(virUUIDFormat(uuid, text), ==, same[0]);    /* untouched */
    }
}

static void
testMake(void)
{
    unsigned char one[VIR_UUID_BUFLEN], other[VIR_UUID_BUFLEN];

    g_assert_cmpint(virUUIDGenerate(one), ==, 0);
    g_assert_cmpint(virUUIDGenerate(other), ==, 0);
    g_assert_cmpint(memcmp(one, other, sizeof(one)), !=, 0);
    g_assert_cmpuint(one[6] >> 4, ==, 4);

    virUUIDFromText("/run/a.qmp 12", one);
    virUUIDFromText("/run/a.qmp 12", other);
    g_assert_cmpmem(one, sizeof(one), other, sizeof(other));
    g_assert_cmpuint(one[6] >> 4, ==, 8);
    virUUIDFromText("/run/a.qmp 13", other);
    g_assert_cmpint(memcmp(one, other, sizeof(one)), !=, 0);
}

/* Names that people give, such as ...-000000000001, spread over a table as random ones do. */
static void
testHash(void)
{
    g_autoptr(GHashTable) buckets = g_hash_table_new(NULL, NULL);
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    unsigned char other[VIR_UUID_BUFLEN] = { 0 };
    unsigned int i;

    for (i = 0; i < 4096; i++) {
        uuid[14] = i >> 8;
        uuid[15] = i & 0xff;
        g_hash_table_add(buckets, GUINT_TO_POINTER(virUUIDHash(uuid) % 4096 + 1));
    }
    g_assert_cmpuint(g_hash_table_size(buckets), >, 2000);
    g_hash_table_remove_all(buckets);
    for (i = 0; i < 4096; i++) {
        other[0] = i >> 8;
        other[1] = i & 0xff;
        g_hash_table_add(buckets, GUINT_TO_POINTER(virUUIDHash(other) % 4096 + 1));
    }
    g_assert_cmpuint(g_hash_table_size(buckets), >, 2000);

    g_assert_true(virUUIDEqual(uuid, uuid));
    g_assert_false(virUUIDEqual(uuid, other));
}

static void
testNil(void)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];

    memset(uuid, 0xff, sizeof(uuid));
    g_assert_cmpint(virUUIDParse("00000000-0000-0000-0000-000000000000", uuid), ==, 0);
    g_assert_cmpstr(virUUIDFormat(uuid, text), ==, "00000000-0000-0000-0000-000000000000");
    memset(uuid, 0xff, sizeof(uuid));
    g_assert_cmpstr(virUUIDFormat(uuid, text), ==, "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/uuid/parse", testParse);
    g_test_add_func("/util/uuid/make", testMake);
    g_test_add_func("/util/uuid/hash", testHash);
    g_test_add_func("/util/uuid/nil", testNil);
    return g_test_run();
}
