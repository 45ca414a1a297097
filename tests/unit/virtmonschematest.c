/*
 * virtmonschematest.c: events and their fields from QEMU's schema, the nearest name
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_schema.h"

#include <string.h>

/* Of each kind of type one, as QEMU writes them. */
static const char reply[] =
    "{\"id\":\"x\",\"return\":["
    "{\"name\":\"WATCHDOG\",\"meta-type\":\"event\",\"arg-type\":\"1\"},"
    "{\"name\":\"STOP\",\"meta-type\":\"event\",\"arg-type\":\"0\"},"
    "{\"name\":\"GUEST_PANICKED\",\"meta-type\":\"event\",\"arg-type\":\"2\"},"
    "{\"name\":\"ODD\",\"meta-type\":\"event\",\"arg-type\":\"nowhere\"},"
    "{\"name\":\"LOOP\",\"meta-type\":\"event\",\"arg-type\":\"9\"},"
    "{\"name\":\"query-status\",\"meta-type\":\"command\",\"arg-type\":\"0\",\"ret-type\":\"1\"},"
    "{\"name\":\"0\",\"meta-type\":\"object\",\"members\":[]},"
    "{\"name\":\"1\",\"meta-type\":\"object\",\"members\":["
        "{\"name\":\"action\",\"type\":\"3\"},"
        "{\"name\":\"old\",\"type\":\"4\",\"default\":null},"
        "{\"name\":\"list\",\"type\":\"[5]\"},"
        "{\"name\":\"either\",\"type\":\"6\"},"
        "{\"name\":\"lost\",\"type\":\"77\"}]},"
    "{\"name\":\"2\",\"meta-type\":\"object\",\"members\":["
        "{\"name\":\"info\",\"type\":\"7\",\"default\":null}]},"
    "{\"name\":\"3\",\"meta-type\":\"enum\",\"members\":[{\"name\":\"reset\"},"
        "{\"name\":\"none\"}],\"values\":[\"reset\",\"none\"]},"
    "{\"name\":\"4\",\"meta-type\":\"enum\",\"values\":[\"a\",\"b\"]},"
    "{\"name\":\"[5]\",\"meta-type\":\"array\",\"element-type\":\"5\"},"
    "{\"name\":\"5\",\"meta-type\":\"object\",\"members\":["
        "{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"y\",\"type\":\"str\",\"default\":null}]},"
    "{\"name\":\"6\",\"meta-type\":\"alternate\",\"members\":["
        "{\"type\":\"str\"},{\"type\":\"4\"}]},"
    "{\"name\":\"7\",\"meta-type\":\"object\",\"tag\":\"type\",\"members\":["
        "{\"name\":\"type\",\"type\":\"8\"}],\"variants\":["
        "{\"case\":\"hyper-v\",\"type\":\"10\"},{\"case\":\"plain\",\"type\":\"0\"}]},"
    "{\"name\":\"8\",\"meta-type\":\"enum\",\"values\":[\"hyper-v\",\"plain\"]},"
    "{\"name\":\"9\",\"meta-type\":\"object\",\"members\":["
        "{\"name\":\"self\",\"type\":\"9\"},{\"name\":\"many\",\"type\":\"[9]\"}]},"
    "{\"name\":\"[9]\",\"meta-type\":\"array\",\"element-type\":\"9\"},"
    "{\"name\":\"10\",\"meta-type\":\"object\",\"members\":["
        "{\"name\":\"arg1\",\"type\":\"int\"}]},"
    "{\"name\":\"int\",\"meta-type\":\"builtin\",\"json-type\":\"int\"},"
    "{\"name\":\"str\",\"meta-type\":\"builtin\",\"json-type\":\"string\"}"
    "]}";

static virtmonSchema *
parse(const char *text)
{
    g_autofree char *why = NULL;
    virtmonSchema *schema = virtmonSchemaParse(text, &why);

    g_assert_cmpstr(why, ==, NULL);
    g_assert_nonnull(schema);
    return schema;
}

static const virtmonSchemaEvent *
event(const virtmonSchema *schema, const char *name)
{
    size_t i;

    for (i = 0; i < virtmonSchemaCount(schema); i++) {
        if (strcmp(virtmonSchemaGet(schema, i)->name, name) == 0)
            return virtmonSchemaGet(schema, i);
    }
    g_error("there is no event '%s'", name);
}

static void
assertField(const virtmonSchemaEvent *of, guint i, const char *name, const char *type,
            bool optional, const char *when)
{
    const virtmonSchemaField *field;

    g_assert_cmpuint(i, <, of->fields->len);
    field = g_ptr_array_index(of->fields, i);
    g_assert_cmpstr(field->name, ==, name);
    g_assert_cmpstr(field->type, ==, type);
    g_assert_cmpint(field->optional, ==, optional);
    g_assert_cmpstr(field->when, ==, when);
}

static void
testSorted(void)
{
    static const char *const names[] = { "GUEST_PANICKED", "LOOP", "ODD", "STOP", "WATCHDOG" };
    g_autoptr(virtmonSchema) schema = parse(reply);
    size_t i;

    g_assert_cmpuint(virtmonSchemaCount(schema), ==, G_N_ELEMENTS(names));
    for (i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpstr(virtmonSchemaGet(schema, i)->name, ==, names[i]);
}

static void
testFields(void)
{
    g_autoptr(virtmonSchema) schema = parse(reply);
    const virtmonSchemaEvent *watchdog = event(schema, "WATCHDOG");

    g_assert_cmpuint(event(schema, "STOP")->fields->len, ==, 0);
    g_assert_cmpuint(event(schema, "ODD")->fields->len, ==, 0);
    g_assert_cmpuint(watchdog->fields->len, ==, 5);
    assertField(watchdog, 0, "action", "reset|none", false, NULL);
    assertField(watchdog, 1, "old", "a|b", true, NULL);
    assertField(watchdog, 2, "list", "[{x: int, y?: str}]", false, NULL);
    assertField(watchdog, 3, "either", "str / a|b", false, NULL);
    assertField(watchdog, 4, "lost", "?", false, NULL);
}

static void
testVariants(void)
{
    g_autoptr(virtmonSchema) schema = parse(reply);
    const virtmonSchemaEvent *panicked = event(schema, "GUEST_PANICKED");

    g_assert_cmpuint(panicked->fields->len, ==, 2);
    assertField(panicked, 0, "info.type", "hyper-v|plain", true, NULL);
    assertField(panicked, 1, "info.arg1", "int", true, "info.type is hyper-v");
}

static void
testRecursion(void)
{
    g_autoptr(virtmonSchema) schema = parse(reply);
    const virtmonSchemaEvent *loop = event(schema, "LOOP");

    g_assert_cmpuint(loop->fields->len, ==, 2);
    assertField(loop, 0, "self", "{...}", false, NULL);
    assertField(loop, 1, "many", "[{...}]", false, NULL);
}

/* Each object has two members of the next object: two to the power of the depth. */
static void
testHostile(void)
{
    g_autoptr(GString) text = g_string_new("{\"return\":[");
    g_autoptr(virtmonSchema) schema = NULL;
    const virtmonSchemaEvent *e;
    guint i, j;

    for (i = 0; i < 64; i++) {
        g_string_append_printf(text, "{\"name\":\"%u\",\"meta-type\":\"object\",\"members\":[", i);
        for (j = 0; j < 200; j++)
            g_string_append_printf(text, "%s{\"name\":\"m%u\",\"type\":\"%s%u\"}", j ? "," : "", j,
                                   j % 2 ? "" : "a", i + 1);
        g_string_append_printf(text, "]},{\"name\":\"a%u\",\"meta-type\":\"array\","
                               "\"element-type\":\"%u\"},", i, i);
    }
    for (i = 0; i < VIRTMON_SCHEMA_EVENTS_MAX + 10; i++)
        g_string_append_printf(text, "%s{\"name\":\"E%u\",\"meta-type\":\"event\"%s}",
                               i ? "," : "", i, i == 0 ? ",\"arg-type\":\"0\"" : "");
    g_string_append(text, "]}");

    schema = parse(text->str);
    g_assert_cmpuint(virtmonSchemaCount(schema), ==, VIRTMON_SCHEMA_EVENTS_MAX);
    e = event(schema, "E0");
    g_assert_cmpuint(e->fields->len, ==, VIRTMON_SCHEMA_FIELDS_MAX);
    for (i = 0; i < e->fields->len; i++) {
        const virtmonSchemaField *field = g_ptr_array_index(e->fields, i);

        g_assert_cmpuint(strlen(field->type), <=, VIRTMON_SCHEMA_TYPE_MAX + 3);
    }
}

static void
testRefused(void)
{
    g_autofree char *why = NULL;

    g_assert_null(virtmonSchemaParse("{\"error\":{\"class\":\"C\",\"desc\":\"No such\"}}", &why));
    g_assert_cmpstr(why, ==, "QEMU does not tell its schema: No such");
    g_clear_pointer(&why, g_free);
    g_assert_null(virtmonSchemaParse("{\"return\":{}}", &why));
    g_assert_nonnull(why);
    g_clear_pointer(&why, g_free);
    g_assert_null(virtmonSchemaParse("nonsense", &why));
    g_assert_nonnull(why);
}

/* Whatever isn't as it should be is passed over. */
static void
testOdd(void)
{
    g_autoptr(virtmonSchema) schema =
        parse("{\"return\":[1,null,[],{},{\"name\":2},{\"meta-type\":\"event\"},"
              "{\"name\":\"A\",\"meta-type\":\"event\",\"arg-type\":3},"
              "{\"name\":\"B\",\"meta-type\":\"event\",\"arg-type\":\"b\"},"
              "{\"name\":\"b\",\"meta-type\":\"object\",\"members\":[1,{},{\"name\":\"c\"},"
              "{\"name\":\"d\",\"type\":\"e\"}],\"tag\":\"d\",\"variants\":[2,{}]},"
              "{\"name\":\"e\",\"meta-type\":\"enum\",\"values\":[1,{\"name\":4}]}]}");

    g_assert_cmpuint(virtmonSchemaCount(schema), ==, 2);
    g_assert_cmpuint(event(schema, "B")->fields->len, ==, 2);
    assertField(event(schema, "B"), 0, "c", "?", false, NULL);
    assertField(event(schema, "B"), 1, "d", "?|?", false, NULL);
}

static void
testHas(void)
{
    g_autoptr(virtmonSchema) schema = parse(reply);

    g_assert_true(virtmonSchemaHas(schema, "STOP", false));
    g_assert_false(virtmonSchemaHas(schema, "stop", false));
    g_assert_true(virtmonSchemaHas(schema, "stop", true));
    g_assert_false(virtmonSchemaHas(schema, "STO", true));
    g_assert_false(virtmonSchemaHas(schema, "query-status", false));
}

static void
testNearest(void)
{
    static const char *const pairs[][2] = {
        { "STPO", "STOP" }, { "stop", "STOP" }, { "STOPPED", "STOP" }, { "LOPO", "LOOP" },
        { "WATCH_DOG", "WATCHDOG" }, { "guest_panic", "GUEST_PANICKED" }, { "", "ODD" },
        { "O", "ODD" },
    };
    g_autoptr(virtmonSchema) schema = parse(reply);
    g_autoptr(virtmonSchema) none = parse("{\"return\":[]}");
    g_autofree char *longest = g_strnfill(VIRTMON_SCHEMA_NAME_MAX, 'x');
    g_autofree char *longer = g_strnfill(VIRTMON_SCHEMA_NAME_MAX + 1, 'x');
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(pairs); i++)
        g_assert_cmpstr(virtmonSchemaNearest(schema, pairs[i][0]), ==, pairs[i][1]);
    g_assert_nonnull(virtmonSchemaNearest(schema, longest));
    g_assert_null(virtmonSchemaNearest(schema, longer));
    g_assert_null(virtmonSchemaNearest(none, "STOP"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtmon/schema/sorted", testSorted);
    g_test_add_func("/virtmon/schema/fields", testFields);
    g_test_add_func("/virtmon/schema/variants", testVariants);
    g_test_add_func("/virtmon/schema/recursion", testRecursion);
    g_test_add_func("/virtmon/schema/hostile", testHostile);
    g_test_add_func("/virtmon/schema/refused", testRefused);
    g_test_add_func("/virtmon/schema/odd", testOdd);
    g_test_add_func("/virtmon/schema/has", testHas);
    g_test_add_func("/virtmon/schema/nearest", testNearest);
    return g_test_run();
}
