/*
 * virtmonadminrecordtest.c: records of typed parameters as people and machines read them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_admin.h"

#include <string.h>

static remote_typed_param params[] = {
    { (char *)"i", { VIR_TYPED_PARAM_INT, { .i = G_MININT } } },
    { (char *)"u", { VIR_TYPED_PARAM_UINT, { .ui = G_MAXUINT } } },
    { (char *)"l", { VIR_TYPED_PARAM_LLONG, { .l = G_MININT64 } } },
    { (char *)"ul", { VIR_TYPED_PARAM_ULLONG, { .ul = G_MAXUINT64 } } },
    { (char *)"d", { VIR_TYPED_PARAM_DOUBLE, { .d = 0.5 } } },
    { (char *)"b", { VIR_TYPED_PARAM_BOOLEAN, { .b = 1 } } },
    { (char *)"s", { VIR_TYPED_PARAM_STRING, { .s = (char *)"a \"text\"\n\x1b" } } },
    { (char *)"later", { 99, { .i = 0 } } },
};
static const virtmon_admin_record record = { { G_N_ELEMENTS(params), params } };

static void
testCells(void)
{
    static const struct {
        const char *name;
        const char *value;
    } expected[] = {
        { "i", "-2147483648" }, { "u", "4294967295" }, { "l", "-9223372036854775808" },
        { "ul", "18446744073709551615" }, { "d", "0.5" }, { "b", "yes" },
        { "s", "a \"text\"\n\x1b" }, { "later", "" }, { "none", "-" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autofree char *cell = virtmonAdminCell(&record, expected[i].name, "-");

        g_assert_cmpstr(cell, ==, expected[i].value);
    }
    g_assert_true(virtmonAdminFind(params, G_N_ELEMENTS(params), "u") == &params[1]);
    g_assert_null(virtmonAdminFind(params, 1, "u"));
}

static void
testJSON(void)
{
    const virtmon_admin_record none = { { 0 } };
    remote_typed_param bad = { (char *)"\xff", { VIR_TYPED_PARAM_STRING,
                                                 { .s = (char *)"\xc3(" } } };
    const virtmon_admin_record invalid = { { 1, &bad } };
    g_autofree char *json = virtmonAdminJSON(&record);
    g_autofree char *empty = virtmonAdminJSON(&none);
    g_autofree char *replaced = virtmonAdminJSON(&invalid);

    g_assert_cmpstr(json, ==, "{\"i\":-2147483648,\"u\":4294967295,\"l\":-9223372036854775808,"
                              "\"ul\":18446744073709551615,\"d\":0.5,\"b\":true,"
                              "\"s\":\"a \\\"text\\\"\\n\\u001B\",\"later\":null}");
    g_assert_cmpstr(empty, ==, "{}");
    g_assert_cmpstr(replaced, ==, "{\"\357\277\275\":\"\357\277\275(\"}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtmon-admin/record/cells", testCells);
    g_test_add_func("/virtmon-admin/record/json", testJSON);
    return g_test_run();
}
