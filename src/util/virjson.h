/*
 * virjson.h: a JSON text as a tree that can be read
 *
 * For replies, schemas and configuration, where convenience counts, and for the data of the few
 * events from which something follows (qemu/qemu_typed_event.h). Not for events as such: those are
 * never turned into a tree (qemu/qemu_monitor_line.h).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

/* Deepest nesting accepted; QEMU's own parser stops at 1024. */
#define VIR_JSON_DEPTH_MAX 1024
/* Most values in one text. Each costs some 150 bytes, and two bytes make one; QEMU's largest
 * answer, query-qmp-schema, has 50,000. */
#define VIR_JSON_VALUES_MAX 1000000

typedef enum {
    VIR_JSON_TYPE_OBJECT,
    VIR_JSON_TYPE_ARRAY,
    VIR_JSON_TYPE_STRING,
    VIR_JSON_TYPE_NUMBER,
    VIR_JSON_TYPE_BOOLEAN,
    VIR_JSON_TYPE_NULL,
} virJSONType;

typedef struct _virJSONValue virJSONValue;

/* Returns a new tree, or NULL with VIR_ERR_INTERNAL_ERROR reported. */
virJSONValue *virJSONValueFromString(const char *text, size_t len);
void virJSONValueFree(virJSONValue *value);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virJSONValue, virJSONValueFree)

virJSONType virJSONValueGetType(const virJSONValue *value);
/* What these return is borrowed from @value. None reports an error: absent or
 * of another type is NULL, -1 or the given default. @value may be NULL. */
virJSONValue *virJSONValueObjectGet(const virJSONValue *value, const char *key);
virJSONValue *virJSONValueObjectGetObject(const virJSONValue *value, const char *key);
virJSONValue *virJSONValueObjectGetArray(const virJSONValue *value, const char *key);
const char *virJSONValueObjectGetString(const virJSONValue *value, const char *key);
int virJSONValueObjectGetInt64(const virJSONValue *value, const char *key, gint64 *number);
int virJSONValueObjectGetBoolean(const virJSONValue *value, const char *key, bool *boolean);
size_t virJSONValueObjectSize(const virJSONValue *value);
const char *virJSONValueObjectKey(const virJSONValue *value, size_t i);
virJSONValue *virJSONValueObjectValue(const virJSONValue *value, size_t i);
size_t virJSONValueArraySize(const virJSONValue *value);
virJSONValue *virJSONValueArrayGet(const virJSONValue *value, size_t i);
const char *virJSONValueGetString(const virJSONValue *value);
const char *virJSONValueGetNumberText(const virJSONValue *value);

/* Compact text: member order and number text as parsed; caller frees. */
char *virJSONValueToString(const virJSONValue *value);
/* Appends @text as a JSON string with its quotes. The escapes are yajl's:
 * \" \\ \b \f \n \r \t and \u00XX for the other bytes below 0x20. */
void virJSONAppendString(GString *buf, const char *text, size_t len);
