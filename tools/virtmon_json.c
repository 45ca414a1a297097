/*
 * virtmon_json.c: JSON that QEMU sent or a user typed: is it any, and its compact form
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_json.h"

#include <string.h>
#include <glib/gi18n.h>
#include <yajl/yajl_parse.h>

typedef struct {
    GString *out;               /* NULL: nothing is copied */
    const char *member;         /* NULL: all is wanted */
    size_t depth;               /* containers that are open */
    bool deep;                  /* too many */
    bool wanted;                /* what comes now goes to @out */
    bool found;                 /* all of the member has gone there */
    bool object;                /* the outermost value is one */
} virtmonJSONCopy;

void
virtmonJSONAppendString(GString *buf, const char *text, size_t len)
{
    size_t from = 0;
    size_t i;

    g_string_append_c(buf, '"');
    for (i = 0; i < len; i++) {
        unsigned char c = text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        g_string_append_len(buf, text + from, i - from);
        from = i + 1;
        switch (c) {
        case '"':
        case '\\':
            g_string_append_printf(buf, "\\%c", c);
            break;
        case '\b':
            g_string_append(buf, "\\b");
            break;
        case '\f':
            g_string_append(buf, "\\f");
            break;
        case '\n':
            g_string_append(buf, "\\n");
            break;
        case '\r':
            g_string_append(buf, "\\r");
            break;
        case '\t':
            g_string_append(buf, "\\t");
            break;
        default:
            g_string_append_printf(buf, "\\u%04X", c);
        }
    }
    g_string_append_len(buf, text + from, len - from);
    g_string_append_c(buf, '"');
}

/* Call before a value or a key goes to @out. What opens a container or ends a key shows by its
 * last character, which no value has. */
static bool
virtmonJSONBegin(virtmonJSONCopy *copy)
{
    if (!copy->wanted)
        return false;
    if (copy->out->len > 0 && !strchr("{[:", copy->out->str[copy->out->len - 1]))
        g_string_append_c(copy->out, ',');
    return true;
}

/* Call after each value that is complete: the end of the member, if it is that. */
static int
virtmonJSONEnd(virtmonJSONCopy *copy)
{
    if (copy->member && copy->wanted && copy->depth == 1) {
        copy->wanted = false;
        copy->found = true;
    }
    return 1;
}

static int
virtmonJSONOnNull(void *opaque)
{
    virtmonJSONCopy *copy = opaque;

    if (virtmonJSONBegin(copy))
        g_string_append(copy->out, "null");
    return virtmonJSONEnd(copy);
}

static int
virtmonJSONOnBoolean(void *opaque, int boolean)
{
    virtmonJSONCopy *copy = opaque;

    if (virtmonJSONBegin(copy))
        g_string_append(copy->out, boolean ? "true" : "false");
    return virtmonJSONEnd(copy);
}

static int
virtmonJSONOnNumber(void *opaque, const char *text, size_t len)
{
    virtmonJSONCopy *copy = opaque;

    if (virtmonJSONBegin(copy))
        g_string_append_len(copy->out, text, len);
    return virtmonJSONEnd(copy);
}

static int
virtmonJSONOnString(void *opaque, const unsigned char *text, size_t len)
{
    virtmonJSONCopy *copy = opaque;

    if (virtmonJSONBegin(copy))
        virtmonJSONAppendString(copy->out, (const char *)text, len);
    return virtmonJSONEnd(copy);
}

static int
virtmonJSONOnKey(void *opaque, const unsigned char *text, size_t len)
{
    virtmonJSONCopy *copy = opaque;

    if (virtmonJSONBegin(copy)) {
        virtmonJSONAppendString(copy->out, (const char *)text, len);
        g_string_append_c(copy->out, ':');
    } else if (copy->member && !copy->found && copy->depth == 1 && copy->object &&
               len == strlen(copy->member) && memcmp(text, copy->member, len) == 0) {
        copy->wanted = true;
    }
    return 1;
}

static int
virtmonJSONOpen(virtmonJSONCopy *copy, char bracket)
{
    if (copy->depth >= VIRTMON_JSON_DEPTH_MAX) {
        copy->deep = true;
        return 0;
    }
    if (copy->depth == 0)
        copy->object = bracket == '{';
    if (virtmonJSONBegin(copy))
        g_string_append_c(copy->out, bracket);
    copy->depth++;
    return 1;
}

static int
virtmonJSONClose(virtmonJSONCopy *copy, char bracket)
{
    if (copy->wanted)
        g_string_append_c(copy->out, bracket);
    copy->depth--;
    return virtmonJSONEnd(copy);
}

static int
virtmonJSONOnObject(void *opaque)
{
    return virtmonJSONOpen(opaque, '{');
}

static int
virtmonJSONOnObjectEnd(void *opaque)
{
    return virtmonJSONClose(opaque, '}');
}

static int
virtmonJSONOnArray(void *opaque)
{
    return virtmonJSONOpen(opaque, '[');
}

static int
virtmonJSONOnArrayEnd(void *opaque)
{
    return virtmonJSONClose(opaque, ']');
}

static const yajl_callbacks virtmonJSONCallbacks = {
    .yajl_null = virtmonJSONOnNull,
    .yajl_boolean = virtmonJSONOnBoolean,
    .yajl_number = virtmonJSONOnNumber,
    .yajl_string = virtmonJSONOnString,
    .yajl_map_key = virtmonJSONOnKey,
    .yajl_start_map = virtmonJSONOnObject,
    .yajl_end_map = virtmonJSONOnObjectEnd,
    .yajl_start_array = virtmonJSONOnArray,
    .yajl_end_array = virtmonJSONOnArrayEnd,
};

/* Runs all of @text through @copy. Returns whether it is JSON. */
static bool
virtmonJSONRun(virtmonJSONCopy *copy, const char *text, char **why)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t len = strlen(text);
    yajl_handle parser = yajl_alloc(&virtmonJSONCallbacks, NULL, copy);
    yajl_status status = yajl_parse(parser, bytes, len);

    if (status == yajl_status_ok)
        status = yajl_complete_parse(parser);
    if (status != yajl_status_ok && why) {
        unsigned char *message = yajl_get_error(parser, 0, bytes, len);

        if (copy->deep)
            *why = g_strdup_printf(_("nested deeper than %1$d levels"), VIRTMON_JSON_DEPTH_MAX);
        else
            *why = g_strdup(g_strchomp((char *)message));
        yajl_free_error(parser, message);
    }
    yajl_free(parser);
    return status == yajl_status_ok;
}

char *
virtmonJSONCompact(const char *text, const char *member, char **why)
{
    g_autoptr(GString) out = g_string_new(NULL);
    virtmonJSONCopy copy = { .out = out, .member = member, .wanted = !member };

    if (why)
        *why = NULL;
    if (!virtmonJSONRun(&copy, text, why) || (member && !copy.found))
        return NULL;
    return g_string_free(g_steal_pointer(&out), FALSE);
}

bool
virtmonJSONIsObject(const char *text)
{
    virtmonJSONCopy copy = { 0 };

    return virtmonJSONRun(&copy, text, NULL) && copy.object;
}

yajl_val
virtmonJSONTree(const char *text)
{
    virtmonJSONCopy copy = { 0 };
    char message[1];

    /* The tree's own parser knows no limit of depth. */
    if (!virtmonJSONRun(&copy, text, NULL))
        return NULL;
    return yajl_tree_parse(text, message, sizeof(message));
}

yajl_val
virtmonJSONGet(yajl_val value, const char *key)
{
    size_t i;

    if (!YAJL_IS_OBJECT(value))
        return NULL;
    for (i = 0; i < value->u.object.len; i++) {
        if (strcmp(value->u.object.keys[i], key) == 0)
            return value->u.object.values[i];
    }
    return NULL;
}

const char *
virtmonJSONGetString(yajl_val value, const char *key)
{
    return YAJL_GET_STRING(virtmonJSONGet(value, key));
}
