/*
 * vshjsontest.c: JSON text laid out for reading
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

static void
testLayout(void)
{
    static const struct {
        const char *json;
        const char *pretty;
    } cases[] = {
        { "{\"b\":1,\"a\":[true,null,{\"c\":\"d\"}]}",
          "{\n"
          "  \"b\": 1,\n"
          "  \"a\": [\n"
          "    true,\n"
          "    null,\n"
          "    {\n"
          "      \"c\": \"d\"\n"
          "    }\n"
          "  ]\n"
          "}\n" },
        { " [ 1 , \"b\" ] ", "[\n  1,\n  \"b\"\n]\n" },
        { "{}", "{\n\n}\n" },
        { "[]", "[\n\n]\n" },
        { "null", "null\n" },
        { "\"x\"", "\"x\"\n" },
        { "-0", "-0\n" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *pretty = vshJSONPretty(cases[i].json);

        g_assert_cmpstr(pretty, ==, cases[i].pretty);
    }
}

/* Nothing is computed: digits, duplicates and their order stay. */
static void
testKept(void)
{
    g_autofree char *pretty =
        vshJSONPretty("{\"n\":[1.50,1e3,-0,123456789012345678901234567890],\"n\":2,"
                      "\"t\":\"\303\251\\u0001\\n\\\"/\"}");

    g_assert_cmpstr(pretty, ==,
                    "{\n"
                    "  \"n\": [\n"
                    "    1.50,\n"
                    "    1e3,\n"
                    "    -0,\n"
                    "    123456789012345678901234567890\n"
                    "  ],\n"
                    "  \"n\": 2,\n"
                    "  \"t\": \"\303\251\\u0001\\n\\\"/\"\n"
                    "}\n");
}

/* Whatever is none, or too deep to be laid out, comes back as it is. */
static void
testOther(void)
{
    static const char *const texts[] = {
        "", " ", "running", "{\"a\":1", "{\"a\":1} x", "[1,]", "\"\377\"", "VM status: running\r\n",
    };
    g_autofree char *deep = g_strnfill(1000, '[');
    g_autofree char *copy = vshJSONPretty(deep);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *pretty = vshJSONPretty(texts[i]);

        g_assert_cmpstr(pretty, ==, texts[i]);
    }
    g_assert_cmpstr(copy, ==, deep);
}

static void
testDepth(void)
{
    GString *json = g_string_new(NULL);
    g_autofree char *pretty = NULL;
    int i;

    for (i = 0; i < 500; i++)
        g_string_append_c(json, '[');
    for (i = 0; i < 500; i++)
        g_string_append_c(json, ']');
    pretty = vshJSONPretty(json->str);
    g_assert_cmpstr(pretty, ==, json->str);
    g_string_free(json, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vsh/json/layout", testLayout);
    g_test_add_func("/vsh/json/kept", testKept);
    g_test_add_func("/vsh/json/other", testOther);
    g_test_add_func("/vsh/json/depth", testDepth);
    return g_test_run();
}
