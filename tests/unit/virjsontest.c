/*
 * virjsontest.c: JSON as a tree
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virjson.h"

#include <string.h>

#include "virerror_priv.h"

static void
testRead(void)
{
    const char *text = "{\"s\":\"a\\nb\",\"n\":1.50,\"i\":-42,\"t\":true,\"z\":null,"
                       "\"a\":[1,[2]],\"o\":{\"k\":\"v\"}}";
    g_autoptr(virJSONValue) json = virJSONValueFromString(text, strlen(text));
    g_autofree char *again = NULL;
    gint64 number = 7;
    bool boolean = false;

    g_assert_nonnull(json);
    g_assert_cmpstr(virJSONValueObjectGetString(json, "s"), ==, "a\nb");
    g_assert_cmpstr(virJSONValueGetNumberText(virJSONValueObjectGet(json, "n")), ==, "1.50");
    g_assert_cmpint(virJSONValueObjectGetInt64(json, "i", &number), ==, 0);
    g_assert_cmpint(number, ==, -42);
    g_assert_cmpint(virJSONValueObjectGetInt64(json, "n", &number), ==, -1);
    g_assert_cmpint(number, ==, -42);
    g_assert_cmpint(virJSONValueObjectGetBoolean(json, "t", &boolean), ==, 0);
    g_assert_true(boolean);
    g_assert_cmpuint(virJSONValueArraySize(virJSONValueObjectGetArray(json, "a")), ==, 2);
    g_assert_cmpuint(virJSONValueObjectSize(json), ==, 7);
    g_assert_cmpstr(virJSONValueObjectKey(json, 6), ==, "o");
    g_assert_null(virJSONValueObjectGetObject(json, "a"));
    g_assert_null(virJSONValueObjectGet(json, "none"));
    g_assert_null(virJSONValueObjectGet(NULL, "none"));
    again = virJSONValueToString(json);
    g_assert_cmpstr(again, ==, text);
}

static void
testBad(void)
{
    static const char *const bad[] = { "", " ", "{", "[1,]", "{\"a\":}", "1 2", "{} x", "nul", "\xff" };
    g_autoptr(GString) deep = g_string_new(NULL);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        virResetLastError();
        g_assert_null(virJSONValueFromString(bad[i], strlen(bad[i])));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    }

    for (i = 0; i < VIR_JSON_DEPTH_MAX; i++) {
        g_string_prepend_c(deep, '[');
        g_string_append_c(deep, ']');
    }
    {
        g_autoptr(virJSONValue) json = virJSONValueFromString(deep->str, deep->len);

        g_assert_nonnull(json);
    }
    g_string_prepend_c(deep, '[');
    g_string_append_c(deep, ']');
    g_assert_null(virJSONValueFromString(deep->str, deep->len));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "1024"));
}

static void
testEscapes(void)
{
    g_autoptr(GString) buf = g_string_new(NULL);

    virJSONAppendString(buf, "\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9", 13);
    g_assert_cmpstr(buf->str, ==, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\xc3\xa9\"");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/json/read", testRead);
    g_test_add_func("/util/json/bad", testBad);
    g_test_add_func("/util/json/escapes", testEscapes);
    return g_test_run();
}
