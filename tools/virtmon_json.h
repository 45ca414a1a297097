/*
 * virtmon_json.h: JSON that QEMU sent or a user typed: is it any, and its compact form
 *
 * Not a printer for people, that is vshJSONPretty().
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include <yajl/yajl_tree.h>

/* Deeper nesting is refused, as trees are walked by recursion. QEMU's own parser stops there. */
#define VIRTMON_JSON_DEPTH_MAX 1024

/**
 * virtmonJSONCompact:
 * @text: one JSON value (borrowed)
 * @member: of the object that @text is, the member whose value is wanted; NULL: all of it
 * @why: where the reason of a failure goes, one line for people, the caller frees it; may be NULL
 *
 * White space goes; the order of members and the text of numbers stay. If @member is there more
 * than once, the first counts.
 *
 * Returns a new string, or NULL: @text is no JSON (*why is set), or has no such member (*why is
 * NULL).
 */
char *virtmonJSONCompact(const char *text, const char *member, char **why);

/* Whether @text is a JSON object. */
bool virtmonJSONIsObject(const char *text);

/* @text as a tree, to be freed by yajl_tree_free(); NULL if it is no JSON. */
yajl_val virtmonJSONTree(const char *text);
/* Of the object @value, the member @key; NULL if @value is none or has none. */
yajl_val virtmonJSONGet(yajl_val value, const char *key);
/* The same, if it is a string. */
const char *virtmonJSONGetString(yajl_val value, const char *key);

/* @text between quotes, with what JSON wants escaped. */
void virtmonJSONAppendString(GString *buf, const char *text, size_t len);
