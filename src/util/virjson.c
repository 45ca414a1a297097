/*
 * virjson.c: a JSON text as a tree that can be read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virjson.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_NONE

struct _virJSONValue {
    virJSONType type;
    bool boolean;
    char *text;                 /* strings and numbers */
    size_t len;
    GPtrArray *keys;            /* objects: char *, parallel to values */
    GPtrArray *values;          /* objects and arrays */
};

typedef struct {
    virJSONValue *root;
    GPtrArray *open;            /* containers not closed yet, borrowed from the tree */
    char *key;                  /* of the value to come */
    size_t count;               /* values so far */
    bool deep;                  /* it ended because of a limit: of depth, */
    bool many;                  /* of values */
} virJSONBuilder;

void
virJSONValueFree(virJSONValue *value)
{
    if (!value)
        return;
    g_free(value->text);
    if (value->keys)
        g_ptr_array_unref(value->keys);
    if (value->values)
        g_ptr_array_unref(value->values);
    g_free(value);
}

/* Returns the new value, borrowed from the tree, or NULL if there are too many. */
static virJSONValue *
virJSONBuilderAdd(virJSONBuilder *builder, virJSONType type)
{
    virJSONValue *value;
    virJSONValue *parent;

    if (builder->count == VIR_JSON_VALUES_MAX) {
        builder->many = true;
        return NULL;
    }
    builder->count++;
    value = g_new0(virJSONValue, 1);
    value->type = type;
    if (type == VIR_JSON_TYPE_OBJECT)
        value->keys = g_ptr_array_new_with_free_func(g_free);
    if (type == VIR_JSON_TYPE_OBJECT || type == VIR_JSON_TYPE_ARRAY)
        value->values = g_ptr_array_new_with_free_func((GDestroyNotify)virJSONValueFree);

    if (builder->open->len == 0) {
        builder->root = value;
    } else {
        parent = g_ptr_array_index(builder->open, builder->open->len - 1);
        if (parent->type == VIR_JSON_TYPE_OBJECT)
            g_ptr_array_add(parent->keys, g_steal_pointer(&builder->key));
        g_ptr_array_add(parent->values, value);
    }
    return value;
}

static int
virJSONBuilderOpen(void *opaque, virJSONType type)
{
    virJSONBuilder *builder = opaque;
    virJSONValue *value;

    if (builder->open->len >= VIR_JSON_DEPTH_MAX) {
        builder->deep = true;
        return 0;
    }
    if (!(value = virJSONBuilderAdd(builder, type)))
        return 0;
    g_ptr_array_add(builder->open, value);
    return 1;
}

static int
virJSONBuilderText(void *opaque, virJSONType type, const char *text, size_t len)
{
    virJSONValue *value = virJSONBuilderAdd(opaque, type);

    if (!value)
        return 0;
    value->text = g_strndup(text, len);
    value->len = strlen(value->text);
    return 1;
}

static int
virJSONOnNull(void *opaque)
{
    return virJSONBuilderAdd(opaque, VIR_JSON_TYPE_NULL) ? 1 : 0;
}

static int
virJSONOnBoolean(void *opaque, int boolean)
{
    virJSONValue *value = virJSONBuilderAdd(opaque, VIR_JSON_TYPE_BOOLEAN);

    if (!value)
        return 0;
    value->boolean = boolean;
    return 1;
}

static int
virJSONOnNumber(void *opaque, const char *text, size_t len)
{
    return virJSONBuilderText(opaque, VIR_JSON_TYPE_NUMBER, text, len);
}

static int
virJSONOnString(void *opaque, const unsigned char *text, size_t len)
{
    return virJSONBuilderText(opaque, VIR_JSON_TYPE_STRING, (const char *)text, len);
}

static int
virJSONOnKey(void *opaque, const unsigned char *text, size_t len)
{
    virJSONBuilder *builder = opaque;

    builder->key = g_strndup((const char *)text, len);
    return 1;
}

static int
virJSONOnObject(void *opaque)
{
    return virJSONBuilderOpen(opaque, VIR_JSON_TYPE_OBJECT);
}

static int
virJSONOnArray(void *opaque)
{
    return virJSONBuilderOpen(opaque, VIR_JSON_TYPE_ARRAY);
}

static int
virJSONOnEnd(void *opaque)
{
    virJSONBuilder *builder = opaque;

    g_ptr_array_set_size(builder->open, builder->open->len - 1);
    return 1;
}

static const yajl_callbacks virJSONCallbacks = {
    .yajl_null = virJSONOnNull,
    .yajl_boolean = virJSONOnBoolean,
    .yajl_number = virJSONOnNumber,
    .yajl_string = virJSONOnString,
    .yajl_map_key = virJSONOnKey,
    .yajl_start_map = virJSONOnObject,
    .yajl_end_map = virJSONOnEnd,
    .yajl_start_array = virJSONOnArray,
    .yajl_end_array = virJSONOnEnd,
};

virJSONValue *
virJSONValueFromString(const char *text, size_t len)
{
    virJSONBuilder builder = { .open = g_ptr_array_new() };
    yajl_handle parser = yajl_alloc(&virJSONCallbacks, NULL, &builder);
    yajl_status status = yajl_parse(parser, (const unsigned char *)text, len);

    if (status == yajl_status_ok)
        status = yajl_complete_parse(parser);
    if (status == yajl_status_ok && !builder.root)
        status = yajl_status_error;

    if (status != yajl_status_ok) {
        unsigned char *why = yajl_get_error(parser, 0, (const unsigned char *)text, len);

        if (builder.many)
            virReportError(VIR_ERR_INTERNAL_ERROR, _("JSON of more than %1$d values"),
                           VIR_JSON_VALUES_MAX);
        else if (builder.deep)
            virReportError(VIR_ERR_INTERNAL_ERROR, _("JSON nested deeper than %1$d levels"),
                           VIR_JSON_DEPTH_MAX);
        else
            virReportError(VIR_ERR_INTERNAL_ERROR, _("cannot parse json %1$.*2$s: %3$s"),
                           text, (int)MIN(len, 200), g_strchomp((char *)why));
        yajl_free_error(parser, why);
        g_clear_pointer(&builder.root, virJSONValueFree);
    }
    g_free(builder.key);
    g_ptr_array_unref(builder.open);
    yajl_free(parser);
    return builder.root;
}

virJSONType
virJSONValueGetType(const virJSONValue *value)
{
    return value->type;
}

size_t
virJSONValueObjectSize(const virJSONValue *value)
{
    return value && value->keys ? value->keys->len : 0;
}

const char *
virJSONValueObjectKey(const virJSONValue *value, size_t i)
{
    return i < virJSONValueObjectSize(value) ? g_ptr_array_index(value->keys, i) : NULL;
}

virJSONValue *
virJSONValueObjectValue(const virJSONValue *value, size_t i)
{
    return i < virJSONValueObjectSize(value) ? g_ptr_array_index(value->values, i) : NULL;
}

virJSONValue *
virJSONValueObjectGet(const virJSONValue *value, const char *key)
{
    size_t i;

    for (i = 0; i < virJSONValueObjectSize(value); i++) {
        if (strcmp(g_ptr_array_index(value->keys, i), key) == 0)
            return g_ptr_array_index(value->values, i);
    }
    return NULL;
}

static virJSONValue *
virJSONValueObjectGetType(const virJSONValue *value, const char *key, virJSONType type)
{
    virJSONValue *member = virJSONValueObjectGet(value, key);

    return member && member->type == type ? member : NULL;
}

virJSONValue *
virJSONValueObjectGetObject(const virJSONValue *value, const char *key)
{
    return virJSONValueObjectGetType(value, key, VIR_JSON_TYPE_OBJECT);
}

virJSONValue *
virJSONValueObjectGetArray(const virJSONValue *value, const char *key)
{
    return virJSONValueObjectGetType(value, key, VIR_JSON_TYPE_ARRAY);
}

const char *
virJSONValueObjectGetString(const virJSONValue *value, const char *key)
{
    return virJSONValueGetString(virJSONValueObjectGet(value, key));
}

int
virJSONValueObjectGetInt64(const virJSONValue *value, const char *key, gint64 *number)
{
    const char *text = virJSONValueGetNumberText(virJSONValueObjectGet(value, key));
    char *end;
    gint64 parsed;

    if (!text)
        return -1;
    errno = 0;
    parsed = g_ascii_strtoll(text, &end, 10);
    if (errno || *end)
        return -1;
    *number = parsed;
    return 0;
}

int
virJSONValueObjectGetBoolean(const virJSONValue *value, const char *key, bool *boolean)
{
    virJSONValue *member = virJSONValueObjectGetType(value, key, VIR_JSON_TYPE_BOOLEAN);

    if (!member)
        return -1;
    *boolean = member->boolean;
    return 0;
}

size_t
virJSONValueArraySize(const virJSONValue *value)
{
    return value && value->type == VIR_JSON_TYPE_ARRAY ? value->values->len : 0;
}

virJSONValue *
virJSONValueArrayGet(const virJSONValue *value, size_t i)
{
    return i < virJSONValueArraySize(value) ? g_ptr_array_index(value->values, i) : NULL;
}

const char *
virJSONValueGetString(const virJSONValue *value)
{
    return value && value->type == VIR_JSON_TYPE_STRING ? value->text : NULL;
}

const char *
virJSONValueGetNumberText(const virJSONValue *value)
{
    return value && value->type == VIR_JSON_TYPE_NUMBER ? value->text : NULL;
}

void
virJSONAppendString(GString *buf, const char *text, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t from = 0;
    size_t i;

    g_string_append_c(buf, '"');
    for (i = 0; i < len; i++) {
        unsigned char c = text[i];
        char escape[6] = "\\u00";
        size_t escapeLen = 2;

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        switch (c) {
        case '"':
        case '\\':
            escape[1] = c;
            break;
        case '\b':
            escape[1] = 'b';
            break;
        case '\f':
            escape[1] = 'f';
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '\t':
            escape[1] = 't';
            break;
        default:
            escape[4] = digits[c >> 4];
            escape[5] = digits[c & 0xf];
            escapeLen = 6;
        }
        g_string_append_len(buf, text + from, i - from);
        g_string_append_len(buf, escape, escapeLen);
        from = i + 1;
    }
    g_string_append_len(buf, text + from, len - from);
    g_string_append_c(buf, '"');
}

/* The depth is bounded by the parser. */
static void
virJSONValueAppend(const virJSONValue *value, GString *buf)
{
    size_t i;

    switch (value->type) {
    case VIR_JSON_TYPE_OBJECT:
    case VIR_JSON_TYPE_ARRAY:
        g_string_append_c(buf, value->keys ? '{' : '[');
        for (i = 0; i < value->values->len; i++) {
            if (i > 0)
                g_string_append_c(buf, ',');
            if (value->keys) {
                const char *key = g_ptr_array_index(value->keys, i);

                virJSONAppendString(buf, key, strlen(key));
                g_string_append_c(buf, ':');
            }
            virJSONValueAppend(g_ptr_array_index(value->values, i), buf);
        }
        g_string_append_c(buf, value->keys ? '}' : ']');
        break;
    case VIR_JSON_TYPE_STRING:
        virJSONAppendString(buf, value->text, value->len);
        break;
    case VIR_JSON_TYPE_NUMBER:
        g_string_append_len(buf, value->text, value->len);
        break;
    case VIR_JSON_TYPE_BOOLEAN:
        g_string_append(buf, value->boolean ? "true" : "false");
        break;
    case VIR_JSON_TYPE_NULL:
        g_string_append(buf, "null");
        break;
    }
}

char *
virJSONValueToString(const virJSONValue *value)
{
    GString *buf = g_string_new(NULL);

    virJSONValueAppend(value, buf);
    return g_string_free(buf, FALSE);
}
