/*
 * virtmonjsontest.c: JSON in its compact form, members of it, trees of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_json.h"

#include <string.h>

static void
assertCompact(const char *text, const char *member, const char *expected)
{
    g_autofree char *why = NULL;
    g_autofree char *compact = virtmonJSONCompact(text, member, &why);

    g_assert_cmpstr(compact, ==, expected);
    g_assert_null(why);
}

static void
assertRefused(const char *text, const char *part)
{
    g_autofree char *why = NULL;
    g_autofree char *compact = virtmonJSONCompact(text, NULL, &why);
    g_autofree char *silent = virtmonJSONCompact(text, NULL, NULL);

    g_assert_null(compact);
    g_assert_null(silent);
    g_assert_nonnull(why);
    g_assert_nonnull(strstr(why, part));
    g_assert_null(strchr(why, '\n'));
}

static void
testCompact(void)
{
    assertCompact(" { \"a\" : 1.50 , \"b\" : [ 1e3, -0, true, false, null ] } ", NULL,
                  "{\"a\":1.50,\"b\":[1e3,-0,true,false,null]}");
    assertCompact("{}", NULL, "{}");
    assertCompact("[ ]", NULL, "[]");
    assertCompact("[{},[],[{}],{\"a\":{}}]", NULL, "[{},[],[{}],{\"a\":{}}]");
    assertCompact("123456789012345678901234567890", NULL, "123456789012345678901234567890");
    assertCompact("\"x\"", NULL, "\"x\"");
    assertCompact("null", NULL, "null");
    /* what looks like structure, in strings and keys */
    assertCompact("[\"{\", \"[\", \":\", {\"{\": \"[\", \":\": 1}]", NULL,
                  "[\"{\",\"[\",\":\",{\"{\":\"[\",\":\":1}]");
}

static void
testStrings(void)
{
    assertCompact("\"\\u00e9 \\/ \\\" \\\\ \\b\\f\\n\\r\\t \\u0001\\u001f \\u007f\"", NULL,
                  "\"\303\251 / \\\" \\\\ \\b\\f\\n\\r\\t \\u0001\\u001F \177\"");
    /* more than a C string holds */
    assertCompact("\"a\\u0000b\"", NULL, "\"a\\u0000b\"");
}

static void
testMember(void)
{
    assertCompact("{\"return\": {\"a\": [1, 2]}, \"id\": 7}", "return", "{\"a\":[1,2]}");
    assertCompact("{\"id\": 7, \"return\": null}", "return", "null");
    assertCompact("{\"return\": \"x\"}", "return", "\"x\"");
    assertCompact("{\"return\": true}", "return", "true");
    assertCompact("{\"return\": []}", "return", "[]");
    /* the first of two, and none that is not at the top */
    assertCompact("{\"return\": 1, \"return\": 2}", "return", "1");
    assertCompact("{\"a\": {\"return\": 1}}", "return", NULL);
    assertCompact("{\"a\": {\"return\": 1}, \"return\": 2}", "return", "2");
    assertCompact("[{\"return\": 1}]", "return", NULL);
    assertCompact("{\"returns\": 1, \"retur\": 2}", "return", NULL);
    assertCompact("3", "return", NULL);
}

static void
testRefused(void)
{
    assertRefused("", "");
    assertRefused("   ", "");
    assertRefused("garbage", "lexical error");
    assertRefused("{\"a\":}", "parse error");
    assertRefused("{\"a\":1", "");
    assertRefused("{} {}", "trailing garbage");
    assertRefused("{\"a\":\"\xff\"}", "lexical error");
    assertRefused("[1] /* two */", "trailing garbage");
}

static char *
nested(size_t depth)
{
    g_autofree char *opened = g_strnfill(depth, '[');
    g_autofree char *closed = g_strnfill(depth, ']');

    return g_strconcat(opened, closed, NULL);
}

static void
testDepth(void)
{
    g_autofree char *deepest = nested(VIRTMON_JSON_DEPTH_MAX);
    g_autofree char *deeper = nested(VIRTMON_JSON_DEPTH_MAX + 1);
    yajl_val tree = virtmonJSONTree(deepest);

    assertCompact(deepest, NULL, deepest);
    assertRefused(deeper, "nested deeper");
    g_assert_nonnull(tree);
    yajl_tree_free(tree);
    g_assert_null(virtmonJSONTree(deeper));
}

static void
testIsObject(void)
{
    g_assert_true(virtmonJSONIsObject("{}"));
    g_assert_true(virtmonJSONIsObject(" {\"a\": [1]} "));
    g_assert_false(virtmonJSONIsObject("[{}]"));
    g_assert_false(virtmonJSONIsObject("{"));
    g_assert_false(virtmonJSONIsObject("\"{}\""));
    g_assert_false(virtmonJSONIsObject(""));
}

static void
testTree(void)
{
    yajl_val tree = virtmonJSONTree("{\"a\": {\"b\": \"c\"}, \"n\": 1}");

    g_assert_cmpstr(virtmonJSONGetString(virtmonJSONGet(tree, "a"), "b"), ==, "c");
    g_assert_null(virtmonJSONGet(tree, "x"));
    g_assert_null(virtmonJSONGetString(tree, "n"));
    g_assert_null(virtmonJSONGet(NULL, "a"));
    yajl_tree_free(tree);
    g_assert_null(virtmonJSONTree("{"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtmon/json/compact", testCompact);
    g_test_add_func("/virtmon/json/strings", testStrings);
    g_test_add_func("/virtmon/json/member", testMember);
    g_test_add_func("/virtmon/json/refused", testRefused);
    g_test_add_func("/virtmon/json/depth", testDepth);
    g_test_add_func("/virtmon/json/is-object", testIsObject);
    g_test_add_func("/virtmon/json/tree", testTree);
    return g_test_run();
}
