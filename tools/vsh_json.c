/*
 * vsh_json.c: JSON text laid out for reading
 *
 * The parser hands each piece to the generator as it comes: nothing is turned
 * into numbers or trees, so order and digits stay as they were.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

/* The generator refuses, and with it the parser ends, below YAJL_MAX_DEPTH. */

static int
vshJSONNull(void *gen)
{
    return yajl_gen_null(gen) == yajl_gen_status_ok;
}

static int
vshJSONBool(void *gen, int value)
{
    return yajl_gen_bool(gen, value) == yajl_gen_status_ok;
}

static int
vshJSONNumber(void *gen, const char *text, size_t len)
{
    return yajl_gen_number(gen, text, len) == yajl_gen_status_ok;
}

static int
vshJSONString(void *gen, const unsigned char *text, size_t len)
{
    return yajl_gen_string(gen, text, len) == yajl_gen_status_ok;
}

static int
vshJSONStartObject(void *gen)
{
    return yajl_gen_map_open(gen) == yajl_gen_status_ok;
}

static int
vshJSONEndObject(void *gen)
{
    return yajl_gen_map_close(gen) == yajl_gen_status_ok;
}

static int
vshJSONStartArray(void *gen)
{
    return yajl_gen_array_open(gen) == yajl_gen_status_ok;
}

static int
vshJSONEndArray(void *gen)
{
    return yajl_gen_array_close(gen) == yajl_gen_status_ok;
}

static const yajl_callbacks vshJSONCallbacks = {
    .yajl_null = vshJSONNull,
    .yajl_boolean = vshJSONBool,
    .yajl_number = vshJSONNumber,
    .yajl_string = vshJSONString,
    .yajl_start_map = vshJSONStartObject,
    .yajl_map_key = vshJSONString,
    .yajl_end_map = vshJSONEndObject,
    .yajl_start_array = vshJSONStartArray,
    .yajl_end_array = vshJSONEndArray,
};

char *
vshJSONPretty(const char *json)
{
    yajl_gen gen = yajl_gen_alloc(NULL);
    yajl_handle parser = yajl_alloc(&vshJSONCallbacks, NULL, gen);
    const unsigned char *text = NULL;
    size_t len;
    char *result;

    yajl_gen_config(gen, yajl_gen_beautify, 1);
    yajl_gen_config(gen, yajl_gen_indent_string, "  ");
    if (yajl_parse(parser, (const unsigned char *)json, strlen(json)) == yajl_status_ok &&
        yajl_complete_parse(parser) == yajl_status_ok)
        yajl_gen_get_buf(gen, &text, &len);

    result = text ? g_strndup((const char *)text, len) : g_strdup(json);
    yajl_free(parser);
    yajl_gen_free(gen);
    return result;
}
