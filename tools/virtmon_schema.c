/*
 * virtmon_schema.c: the events that a QEMU can emit, as it says itself
 *
 * The schema is a list of types that refer to each other by name; names of all but events,
 * commands and the simplest types are numbers that mean nothing. The types of fields are
 * therefore written out: what they can hold, not what they are called.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_schema.h"

#include <stdlib.h>
#include <string.h>
#include <glib/gi18n.h>
#include <libvirt/libvirt-qemu.h>

#include "virtmon_json.h"

struct _virtmonSchema {
    GPtrArray *events;          /* virtmonSchemaEvent, sorted by name */
};

/* While it is read. */
typedef struct {
    GHashTable *types;          /* name -> yajl_val, both of the tree */
    GPtrArray *fields;          /* of the event at hand */
    yajl_val open[VIRTMON_SCHEMA_DEPTH_MAX];        /* objects that are being walked */
    size_t depth;
} virtmonSchemaReader;

static void
virtmonSchemaFieldFree(gpointer data)
{
    virtmonSchemaField *field = data;

    g_free(field->name);
    g_free(field->type);
    g_free(field->when);
    g_free(field);
}

static void
virtmonSchemaEventFree(gpointer data)
{
    virtmonSchemaEvent *event = data;

    g_free(event->name);
    g_ptr_array_unref(event->fields);
    g_free(event);
}

void
virtmonSchemaFree(virtmonSchema *schema)
{
    if (!schema)
        return;
    g_ptr_array_unref(schema->events);
    g_free(schema);
}

/* --- types --- */

static bool
virtmonSchemaIs(yajl_val type, const char *meta)
{
    return g_strcmp0(virtmonJSONGetString(type, "meta-type"), meta) == 0;
}

static yajl_val
virtmonSchemaType(virtmonSchemaReader *reader, const char *name)
{
    return name ? g_hash_table_lookup(reader->types, name) : NULL;
}

/* Call before @type is walked; false: not to be. Each true needs a virtmonSchemaLeave(). */
static bool
virtmonSchemaEnter(virtmonSchemaReader *reader, yajl_val type)
{
    size_t i;

    if (reader->depth == VIRTMON_SCHEMA_DEPTH_MAX)
        return false;
    for (i = 0; i < reader->depth; i++) {
        if (reader->open[i] == type)
            return false;
    }
    reader->open[reader->depth++] = type;
    return true;
}

static void
virtmonSchemaLeave(virtmonSchemaReader *reader)
{
    reader->depth--;
}

static void virtmonSchemaAppendType(virtmonSchemaReader *reader, const char *name, GString *buf);

/* Values of an enumeration: newer QEMUs describe each, older ones only list them. */
static void
virtmonSchemaAppendValues(yajl_val type, GString *buf)
{
    yajl_val members = virtmonJSONGet(type, "members");
    yajl_val values = YAJL_IS_ARRAY(members) ? members : virtmonJSONGet(type, "values");
    size_t i;

    for (i = 0; YAJL_IS_ARRAY(values) && i < values->u.array.len; i++) {
        yajl_val value = values->u.array.values[i];
        const char *text = YAJL_IS_OBJECT(value) ? virtmonJSONGetString(value, "name")
                                                 : YAJL_GET_STRING(value);

        if (buf->len > VIRTMON_SCHEMA_TYPE_MAX)
            return;
        g_string_append_printf(buf, "%s%s", i > 0 ? "|" : "", text ? text : "?");
    }
}

/* "{name: type, name?: type}" */
static void
virtmonSchemaAppendObject(virtmonSchemaReader *reader, yajl_val type, GString *buf)
{
    yajl_val members = virtmonJSONGet(type, "members");
    size_t i;

    g_string_append_c(buf, '{');
    for (i = 0; YAJL_IS_ARRAY(members) && i < members->u.array.len; i++) {
        yajl_val member = members->u.array.values[i];
        const char *name = virtmonJSONGetString(member, "name");

        if (buf->len > VIRTMON_SCHEMA_TYPE_MAX)
            break;
        g_string_append_printf(buf, "%s%s%s: ", i > 0 ? ", " : "", name ? name : "?",
                               virtmonJSONGet(member, "default") ? "?" : "");
        virtmonSchemaAppendType(reader, virtmonJSONGetString(member, "type"), buf);
    }
    g_string_append(buf, virtmonJSONGet(type, "variants") ? ", ...}" : "}");
}

static void
virtmonSchemaAppendAlternate(virtmonSchemaReader *reader, yajl_val type, GString *buf)
{
    yajl_val members = virtmonJSONGet(type, "members");
    size_t i;

    for (i = 0; YAJL_IS_ARRAY(members) && i < members->u.array.len; i++) {
        if (buf->len > VIRTMON_SCHEMA_TYPE_MAX)
            return;
        if (i > 0)
            g_string_append(buf, " / ");
        virtmonSchemaAppendType(reader,
                                virtmonJSONGetString(members->u.array.values[i], "type"), buf);
    }
}

static void
virtmonSchemaAppendType(virtmonSchemaReader *reader, const char *name, GString *buf)
{
    yajl_val type = virtmonSchemaType(reader, name);

    if (buf->len > VIRTMON_SCHEMA_TYPE_MAX)
        return;
    if (!type) {
        g_string_append_c(buf, '?');
    } else if (virtmonSchemaIs(type, "builtin")) {
        g_string_append(buf, name);
    } else if (!virtmonSchemaEnter(reader, type)) {
        g_string_append(buf, "{...}");
    } else {
        if (virtmonSchemaIs(type, "enum")) {
            virtmonSchemaAppendValues(type, buf);
        } else if (virtmonSchemaIs(type, "array")) {
            g_string_append_c(buf, '[');
            virtmonSchemaAppendType(reader, virtmonJSONGetString(type, "element-type"), buf);
            g_string_append_c(buf, ']');
        } else if (virtmonSchemaIs(type, "object")) {
            virtmonSchemaAppendObject(reader, type, buf);
        } else if (virtmonSchemaIs(type, "alternate")) {
            virtmonSchemaAppendAlternate(reader, type, buf);
        } else {
            g_string_append_c(buf, '?');
        }
        virtmonSchemaLeave(reader);
    }
}

/* --- fields --- */

static void virtmonSchemaAddFields(virtmonSchemaReader *reader, yajl_val object,
                                   const char *prefix, bool optional, const char *when);

static void
virtmonSchemaAddField(virtmonSchemaReader *reader, yajl_val member, const char *prefix,
                      bool optional, const char *when)
{
    const char *name = virtmonJSONGetString(member, "name");
    const char *typeName = virtmonJSONGetString(member, "type");
    yajl_val type = virtmonSchemaType(reader, typeName);
    g_autofree char *path = NULL;
    virtmonSchemaField *field;
    GString *text;

    if (!name || reader->fields->len >= VIRTMON_SCHEMA_FIELDS_MAX)
        return;
    path = g_strconcat(prefix, name, NULL);
    /* An optional member has a default, which QEMU tells no more of than that. */
    optional = optional || virtmonJSONGet(member, "default");

    if (virtmonSchemaIs(type, "object") && virtmonSchemaEnter(reader, type)) {
        g_autofree char *within = g_strconcat(path, ".", NULL);

        virtmonSchemaAddFields(reader, type, within, optional, when);
        virtmonSchemaLeave(reader);
        return;
    }

    text = g_string_new(NULL);
    virtmonSchemaAppendType(reader, typeName, text);
    if (text->len > VIRTMON_SCHEMA_TYPE_MAX) {
        g_string_truncate(text, VIRTMON_SCHEMA_TYPE_MAX);
        g_string_append(text, "...");
    }
    field = g_new0(virtmonSchemaField, 1);
    field->name = g_steal_pointer(&path);
    field->type = g_string_free(text, FALSE);
    field->optional = optional;
    field->when = g_strdup(when);
    g_ptr_array_add(reader->fields, field);
}

/* The members of @object; and those that it has only if the member "tag" has a certain value. */
static void
virtmonSchemaAddFields(virtmonSchemaReader *reader, yajl_val object, const char *prefix,
                       bool optional, const char *when)
{
    yajl_val members = virtmonJSONGet(object, "members");
    yajl_val variants = virtmonJSONGet(object, "variants");
    const char *tag = virtmonJSONGetString(object, "tag");
    size_t i;

    for (i = 0; YAJL_IS_ARRAY(members) && i < members->u.array.len; i++)
        virtmonSchemaAddField(reader, members->u.array.values[i], prefix, optional, when);

    for (i = 0; YAJL_IS_ARRAY(variants) && i < variants->u.array.len; i++) {
        yajl_val variant = variants->u.array.values[i];
        const char *value = virtmonJSONGetString(variant, "case");
        yajl_val type = virtmonSchemaType(reader, virtmonJSONGetString(variant, "type"));
        g_autofree char *then = NULL;

        if (!tag || !value || !virtmonSchemaIs(type, "object") ||
            !virtmonSchemaEnter(reader, type))
            continue;
        /* The inner condition says more: it can be met only where the outer one is. */
        then = g_strdup_printf("%s%s is %s", prefix, tag, value);
        virtmonSchemaAddFields(reader, type, prefix, optional, then);
        virtmonSchemaLeave(reader);
    }
}

/* --- the schema --- */

static gint
virtmonSchemaCompare(gconstpointer a, gconstpointer b)
{
    const virtmonSchemaEvent *one = *(virtmonSchemaEvent *const *)a;
    const virtmonSchemaEvent *other = *(virtmonSchemaEvent *const *)b;

    return strcmp(one->name, other->name);
}

static virtmonSchema *
virtmonSchemaRead(yajl_val entries)
{
    virtmonSchema *schema = g_new0(virtmonSchema, 1);
    virtmonSchemaReader reader = { .types = g_hash_table_new(g_str_hash, g_str_equal) };
    size_t i;

    schema->events = g_ptr_array_new_with_free_func(virtmonSchemaEventFree);
    for (i = 0; i < entries->u.array.len; i++) {
        yajl_val entry = entries->u.array.values[i];
        const char *name = virtmonJSONGetString(entry, "name");

        /* Commands and events have names of their own, which no type refers to. */
        if (name && !virtmonSchemaIs(entry, "event") && !virtmonSchemaIs(entry, "command"))
            g_hash_table_insert(reader.types, (char *)name, entry);
    }

    for (i = 0; i < entries->u.array.len && schema->events->len < VIRTMON_SCHEMA_EVENTS_MAX; i++) {
        yajl_val entry = entries->u.array.values[i];
        const char *name = virtmonJSONGetString(entry, "name");
        yajl_val data = virtmonSchemaType(&reader, virtmonJSONGetString(entry, "arg-type"));
        virtmonSchemaEvent *event;

        if (!name || !virtmonSchemaIs(entry, "event"))
            continue;
        event = g_new0(virtmonSchemaEvent, 1);
        event->name = g_strdup(name);
        event->fields = g_ptr_array_new_with_free_func(virtmonSchemaFieldFree);
        g_ptr_array_add(schema->events, event);

        reader.fields = event->fields;
        if (virtmonSchemaIs(data, "object") && virtmonSchemaEnter(&reader, data)) {
            virtmonSchemaAddFields(&reader, data, "", false, NULL);
            virtmonSchemaLeave(&reader);
        }
    }
    g_hash_table_unref(reader.types);
    g_ptr_array_sort(schema->events, virtmonSchemaCompare);
    return schema;
}

virtmonSchema *
virtmonSchemaParse(const char *reply, char **why)
{
    yajl_val tree = virtmonJSONTree(reply);
    yajl_val entries = virtmonJSONGet(tree, "return");
    const char *refusal = virtmonJSONGetString(virtmonJSONGet(tree, "error"), "desc");
    virtmonSchema *schema = NULL;

    *why = NULL;
    if (YAJL_IS_ARRAY(entries))
        schema = virtmonSchemaRead(entries);
    else if (refusal)
        *why = g_strdup_printf(_("QEMU does not tell its schema: %1$s"), refusal);
    else
        *why = g_strdup(_("QEMU's answer to query-qmp-schema cannot be understood"));
    yajl_tree_free(tree);
    return schema;
}

size_t
virtmonSchemaCount(const virtmonSchema *schema)
{
    return schema->events->len;
}

const virtmonSchemaEvent *
virtmonSchemaGet(const virtmonSchema *schema, size_t i)
{
    return g_ptr_array_index(schema->events, i);
}

bool
virtmonSchemaHas(const virtmonSchema *schema, const char *name, bool nocase)
{
    size_t i;

    for (i = 0; i < virtmonSchemaCount(schema); i++) {
        const char *known = virtmonSchemaGet(schema, i)->name;

        if ((nocase ? g_ascii_strcasecmp(known, name) : strcmp(known, name)) == 0)
            return true;
    }
    return false;
}

/* How many letters must be put in, taken out, changed or swapped with their neighbour to make
 * one of the other. Both are at most VIRTMON_SCHEMA_NAME_MAX long. */
static size_t
virtmonSchemaDistance(const char *one, const char *other)
{
    size_t rows[3][VIRTMON_SCHEMA_NAME_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    size_t width = strlen(other);
    size_t i, j;

    for (j = 0; j <= width; j++)
        row[j] = j;
    for (i = 1; one[i - 1]; i++) {
        size_t *spare = before;
        char c = g_ascii_toupper(one[i - 1]);

        before = last;
        last = row;
        row = spare;
        row[0] = i;
        for (j = 1; j <= width; j++) {
            char d = g_ascii_toupper(other[j - 1]);

            row[j] = MIN(MIN(last[j], row[j - 1]) + 1, last[j - 1] + (c != d));
            if (i > 1 && j > 1 && c == g_ascii_toupper(other[j - 2]) &&
                d == g_ascii_toupper(one[i - 2]))
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
    }
    return row[width];
}

const char *
virtmonSchemaNearest(const virtmonSchema *schema, const char *name)
{
    const char *nearest = NULL;
    size_t least = G_MAXSIZE;
    size_t i;

    if (strlen(name) > VIRTMON_SCHEMA_NAME_MAX)
        return NULL;
    for (i = 0; i < virtmonSchemaCount(schema); i++) {
        const char *known = virtmonSchemaGet(schema, i)->name;
        size_t distance;

        if (strlen(known) > VIRTMON_SCHEMA_NAME_MAX)
            continue;
        distance = virtmonSchemaDistance(name, known);
        if (distance < least) {
            least = distance;
            nearest = known;
        }
    }
    return nearest;
}

virtmonSchema *
virtmonSchemaQuery(virDomainPtr dom, char **why)
{
    virtmonSchema *schema;
    char *reply = NULL;

    *why = NULL;
    if (virDomainQemuMonitorCommand(dom, "{\"execute\":\"query-qmp-schema\"}", &reply, 0) < 0)
        return NULL;
    schema = virtmonSchemaParse(reply, why);
    free(reply);
    return schema;
}

bool
virtmonSchemaIsFree(virConnectPtr conn)
{
    g_autofree char *uri = virConnectGetURI(conn);

    /* only within this process */
    return uri && g_str_has_prefix(uri, "qemu:///embed");
}
