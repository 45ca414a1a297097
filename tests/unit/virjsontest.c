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

/* An error in the deepest level allowed is not an error of depth. */
static void
testBadInTheDeep(void)
{
    g_autofree char *open = g_strnfill(VIR_JSON_DEPTH_MAX, '[');
    g_autofree char *bad = g_strconcat(open, "x", NULL);

    g_assert_null(virJSONValueFromString(bad, strlen(bad)));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "cannot parse json"));
}

/* Two bytes of text make a value of a hundred: there is a limit, and it is exact. */
static void
testManyValues(void)
{
    static const char *const kinds[] = { "1", "[]", "{}", "null", "true", "\"\"" };
    size_t i, j;

    for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GString) text = g_string_new("[");

        for (j = 1; j < VIR_JSON_VALUES_MAX; j++)
            g_string_append_printf(text, "%s%s", j > 1 ? "," : "", kinds[i]);
        g_string_append_c(text, ']');
        if (i == 0) {
            g_autoptr(virJSONValue) json = virJSONValueFromString(text->str, text->len);

            g_assert_nonnull(json);
            g_assert_cmpuint(virJSONValueArraySize(json), ==, VIR_JSON_VALUES_MAX - 1);
        }
        g_string_truncate(text, text->len - 1);
        g_string_append_printf(text, ",%s]", kinds[i]);
        virResetLastError();
        g_assert_null(virJSONValueFromString(text->str, text->len));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        g_assert_nonnull(strstr(virGetLastErrorMessage(), "1000000"));
    }
}

static void
testNumbers(void)
{
    static const struct {
        const char *text;
        gint64 value;
        bool fits;
    } numbers[] = {
        { "0", 0, true }, { "-0", 0, true }, { "9223372036854775807", G_MAXINT64, true },
        { "-9223372036854775808", G_MININT64, true }, { "9223372036854775808", 0, false },
        { "1e3", 0, false }, { "1.0", 0, false }, { "\"1\"", 0, false }, { "true", 0, false },
        { "123456789012345678901234567890", 0, false },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autofree char *text = g_strdup_printf("{\"n\":%s}", numbers[i].text);
        g_autoptr(virJSONValue) json = virJSONValueFromString(text, strlen(text));
        g_autofree char *again = NULL;
        gint64 value = 4711;

        g_assert_nonnull(json);
        g_assert_cmpint(virJSONValueObjectGetInt64(json, "n", &value), ==,
                        numbers[i].fits ? 0 : -1);
        g_assert_cmpint(value, ==, numbers[i].fits ? numbers[i].value : 4711);
        again = virJSONValueToString(json);
        g_assert_cmpstr(again, ==, text);               /* number text is kept */
    }
    virResetLastError();
}

/* Asked for what isn't there, or isn't of that kind, nothing happens. */
static void
testOtherKinds(void)
{
    const char *text = "[{\"a\":1,\"a\":2,\"b\":\"x\"},\"\",0,false,null]";
    g_autoptr(virJSONValue) json = virJSONValueFromString(text, strlen(text));
    virJSONValue *object;
    gint64 number = 0;
    bool boolean = true;

    g_assert_nonnull(json);
    g_assert_cmpint(virJSONValueGetType(json), ==, VIR_JSON_TYPE_ARRAY);
    g_assert_cmpuint(virJSONValueArraySize(json), ==, 5);
    g_assert_null(virJSONValueArrayGet(json, 5));
    object = virJSONValueArrayGet(json, 0);
    g_assert_cmpint(virJSONValueGetType(object), ==, VIR_JSON_TYPE_OBJECT);
    g_assert_cmpint(virJSONValueObjectGetInt64(object, "a", &number), ==, 0);
    g_assert_cmpint(number, ==, 1);                     /* the first of two */
    g_assert_cmpuint(virJSONValueObjectSize(object), ==, 3);
    g_assert_null(virJSONValueObjectKey(object, 3));
    g_assert_null(virJSONValueObjectValue(object, 3));
    g_assert_cmpint(virJSONValueObjectGetInt64(object, "b", &number), ==, -1);
    g_assert_cmpint(virJSONValueObjectGetBoolean(object, "b", &boolean), ==, -1);
    g_assert_true(boolean);
    g_assert_null(virJSONValueObjectGetArray(object, "b"));
    g_assert_null(virJSONValueObjectGetString(object, "a"));
    g_assert_cmpuint(virJSONValueObjectSize(json), ==, 0);
    g_assert_cmpuint(virJSONValueArraySize(object), ==, 0);
    g_assert_cmpuint(virJSONValueArraySize(NULL), ==, 0);
    g_assert_null(virJSONValueGetString(NULL));
    g_assert_null(virJSONValueGetNumberText(virJSONValueArrayGet(json, 1)));
    g_assert_cmpstr(virJSONValueGetString(virJSONValueArrayGet(json, 1)), ==, "");
    g_assert_cmpint(virJSONValueGetType(virJSONValueArrayGet(json, 3)), ==,
                    VIR_JSON_TYPE_BOOLEAN);
    g_assert_cmpint(virJSONValueGetType(virJSONValueArrayGet(json, 4)), ==, VIR_JSON_TYPE_NULL);
    virJSONValueFree(NULL);
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
    g_test_add_func("/util/json/bad-in-the-deep", testBadInTheDeep);
    g_test_add_func("/util/json/many-values", testManyValues);
    g_test_add_func("/util/json/numbers", testNumbers);
    g_test_add_func("/util/json/other-kinds", testOtherKinds);
    g_test_add_func("/util/json/escapes", testEscapes);
    return g_test_run();
}
