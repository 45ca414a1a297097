/*
 * fuzz_schema.c: any bytes as a QEMU's answer to query-qmp-schema
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "virtmon_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
checkEvent(const virtmonSchemaEvent *event)
{
    guint i;

    g_assert_nonnull(event->name);
    g_assert_cmpuint(event->fields->len, <=, VIRTMON_SCHEMA_FIELDS_MAX);
    for (i = 0; i < event->fields->len; i++) {
        const virtmonSchemaField *field = g_ptr_array_index(event->fields, i);

        g_assert_nonnull(field->name);
        g_assert_cmpuint(strlen(field->type), <=, VIRTMON_SCHEMA_TYPE_MAX + strlen("..."));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *reply = g_strndup((const char *)data, size);
    g_autofree char *why = NULL;
    g_autoptr(virtmonSchema) schema = virtmonSchemaParse(reply, &why);
    size_t i;

    if (!schema) {
        g_assert_nonnull(why);
        return 0;
    }
    g_assert_null(why);
    g_assert_cmpuint(virtmonSchemaCount(schema), <=, VIRTMON_SCHEMA_EVENTS_MAX);
    for (i = 0; i < virtmonSchemaCount(schema); i++) {
        const virtmonSchemaEvent *event = virtmonSchemaGet(schema, i);

        checkEvent(event);
        g_assert_true(virtmonSchemaHas(schema, event->name, false));
        if (i > 0)
            g_assert_cmpint(strcmp(virtmonSchemaGet(schema, i - 1)->name, event->name), <=, 0);
    }
    virtmonSchemaNearest(schema, reply);
    return 0;
}
