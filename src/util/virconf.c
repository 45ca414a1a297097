/*
 * virconf.c: a configuration file, NAME = VALUE
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virconf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_CONF

typedef enum {
    VIR_CONF_NUMBER,
    VIR_CONF_STRING,
    VIR_CONF_LIST,
} virConfType;

/* A setting's value. A list's is in items, all else is its only item. */
typedef struct {
    virConfType type;
    bool numbers;               /* a list, and not only of strings */
    size_t line;                /* where its name stands */
    GPtrArray *items;           /* char *; NULL behind the last */
} virConfValue;

struct _virConf {
    char *name;
    GHashTable *settings;       /* name -> virConfValue */
    GPtrArray *names;           /* char *: of all settings as they stand, also those set again */
    GArray *lines;              /* size_t: of each of them */
};

/* Where the parser is. A NUL byte ends the text as its end does. */
typedef struct {
    const char *at;
    const char *end;
    const char *name;
    size_t line;
} virConfParser;

static void
virConfValueFree(void *opaque)
{
    virConfValue *value = opaque;

    if (!value)
        return;
    g_ptr_array_unref(value->items);
    g_free(value);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConfValue, virConfValueFree)

static virConfValue *
virConfValueNew(void)
{
    virConfValue *value = g_new0(virConfValue, 1);

    value->items = g_ptr_array_new_with_free_func(g_free);
    return value;
}

static int
virConfFail(const virConfParser *parser, const char *why)
{
    virReportError(VIR_ERR_CONF_SYNTAX, "%s:%zu: %s", parser->name, parser->line, why);
    return -1;
}

static char
virConfPeek(const virConfParser *parser)
{
    return parser->at < parser->end ? *parser->at : '\0';
}

/* Skips blanks, and with @lines also line ends and comments. */
static void
virConfSkip(virConfParser *parser, bool lines)
{
    char c;

    for (; (c = virConfPeek(parser)); parser->at++) {
        if (c == ' ' || c == '\t')
            continue;
        if (!lines)
            return;
        if (c == '#') {
            while ((c = virConfPeek(parser)) && c != '\n')
                parser->at++;
            if (!c)
                return;
        }
        if (c == '\n')
            parser->line++;
        else if (c != '\r')
            return;
    }
}

static char *
virConfParseName(virConfParser *parser)
{
    const char *start = parser->at;
    char c = virConfPeek(parser);

    if (!g_ascii_isalpha(c) && c != '_') {
        virConfFail(parser, _("a name was expected"));
        return NULL;
    }
    while ((c = virConfPeek(parser)) && (g_ascii_isalnum(c) || c == '_'))
        parser->at++;
    return g_strndup(start, parser->at - start);
}

/* A string, with the quote ahead. */
static char *
virConfParseString(virConfParser *parser)
{
    static const char triple[] = "\"\"\"";
    char quote = *parser->at;
    bool lines = (size_t)(parser->end - parser->at) >= strlen(triple) &&
                 memcmp(parser->at, triple, strlen(triple)) == 0;
    size_t width = lines ? strlen(triple) : 1;
    size_t line = parser->line;
    const char *start = parser->at + width;
    const char *stop = start;

    for (; stop < parser->end && *stop; stop++) {
        if (lines ? (size_t)(parser->end - stop) >= width && memcmp(stop, triple, width) == 0
                  : *stop == quote) {
            parser->at = stop + width;
            parser->line = line;
            return g_strndup(start, stop - start);
        }
        if (*stop == '\n') {
            if (!lines)
                break;
            line++;
        }
    }
    virConfFail(parser, _("a string does not end"));
    return NULL;
}

/* A number or a string, added to @value. */
static int
virConfParseScalar(virConfParser *parser, virConfValue *value)
{
    const char *start = parser->at;
    char c = virConfPeek(parser);

    if (c == '"' || c == '\'') {
        char *text = virConfParseString(parser);

        if (!text)
            return -1;
        value->type = VIR_CONF_STRING;
        g_ptr_array_add(value->items, text);
        return 0;
    }

    if (c == '-')
        parser->at++;
    if (!g_ascii_isdigit(virConfPeek(parser)))
        return virConfFail(parser, _("a value was expected"));
    while (g_ascii_isdigit(virConfPeek(parser)))
        parser->at++;
    value->type = VIR_CONF_NUMBER;
    g_ptr_array_add(value->items, g_strndup(start, parser->at - start));
    return 0;
}

/* A list, with the bracket ahead. Lists of lists have no use. */
static int
virConfParseList(virConfParser *parser, virConfValue *value)
{
    parser->at++;
    for (;;) {
        virConfSkip(parser, true);
        if (virConfPeek(parser) == ']')
            break;
        if (virConfParseScalar(parser, value) < 0)
            return -1;
        if (value->type == VIR_CONF_NUMBER)
            value->numbers = true;
        virConfSkip(parser, true);
        if (virConfPeek(parser) == ',')
            parser->at++;
        else if (virConfPeek(parser) != ']')
            return virConfFail(parser, _("a comma or a closing bracket was expected"));
    }
    parser->at++;
    value->type = VIR_CONF_LIST;
    return 0;
}

static int
virConfParseSetting(virConfParser *parser, virConf *conf)
{
    g_autofree char *name = virConfParseName(parser);
    g_autoptr(virConfValue) value = virConfValueNew();

    if (!name)
        return -1;
    value->line = parser->line;
    virConfSkip(parser, false);
    if (virConfPeek(parser) != '=')
        return virConfFail(parser, _("'=' was expected behind a name"));
    parser->at++;
    virConfSkip(parser, false);

    if ((virConfPeek(parser) == '[' ? virConfParseList(parser, value)
                                    : virConfParseScalar(parser, value)) < 0)
        return -1;

    virConfSkip(parser, false);
    if (virConfPeek(parser) == ';')
        parser->at++;
    else if (!strchr("\r\n#", virConfPeek(parser)))
        return virConfFail(parser, _("a line end was expected behind a value"));

    g_ptr_array_add(value->items, NULL);
    g_ptr_array_add(conf->names, g_strdup(name));
    g_array_append_val(conf->lines, value->line);
    g_hash_table_replace(conf->settings, g_steal_pointer(&name), g_steal_pointer(&value));
    return 0;
}

virConf *
virConfParse(const char *text, size_t len, const char *name)
{
    virConfParser parser = { .at = text, .end = text + len, .name = name, .line = 1 };
    g_autoptr(virConf) conf = NULL;

    if (len > VIR_CONF_BYTES_MAX) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("'%1$s' exceeds the limit of %2$d bytes"), name,
                       VIR_CONF_BYTES_MAX);
        return NULL;
    }
    conf = g_new0(virConf, 1);
    conf->name = g_strdup(name);
    conf->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, virConfValueFree);
    conf->names = g_ptr_array_new_with_free_func(g_free);
    conf->lines = g_array_new(FALSE, FALSE, sizeof(size_t));

    for (virConfSkip(&parser, true); virConfPeek(&parser); virConfSkip(&parser, true)) {
        if (virConfParseSetting(&parser, conf) < 0)
            return NULL;
    }
    if (parser.at < parser.end) {
        virConfFail(&parser, _("there is a NUL byte"));
        return NULL;
    }
    return g_steal_pointer(&conf);
}

virConf *
virConfRead(const char *path)
{
    g_autofree char *text = NULL;
    FILE *file = fopen(path, "re");
    size_t len;
    bool failed;

    if (!file) {
        virReportSystemError(errno, _("cannot open configuration file '%1$s'"), path);
        return NULL;
    }
    /* One byte more than it may have, which also bounds what is no regular file. */
    text = g_malloc(VIR_CONF_BYTES_MAX + 1);
    errno = 0;
    len = fread(text, 1, VIR_CONF_BYTES_MAX + 1, file);
    failed = ferror(file);
    if (failed)
        virReportSystemError(errno, _("cannot read configuration file '%1$s'"), path);
    fclose(file);
    return failed ? NULL : virConfParse(text, len, path);
}

void
virConfFree(virConf *conf)
{
    if (!conf)
        return;
    g_hash_table_unref(conf->settings);
    g_ptr_array_unref(conf->names);
    g_array_unref(conf->lines);
    g_free(conf->name);
    g_free(conf);
}

int
virConfGetString(virConf *conf, const char *setting, const char **value)
{
    virConfValue *found = g_hash_table_lookup(conf->settings, setting);

    if (!found)
        return 0;
    if (found->type != VIR_CONF_STRING) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("%1$s:%2$zu: '%3$s' must be a string"), conf->name,
                       found->line, setting);
        return -1;
    }
    *value = g_ptr_array_index(found->items, 0);
    return 1;
}

int
virConfGetStringList(virConf *conf, const char *setting, const char *const **value)
{
    virConfValue *found = g_hash_table_lookup(conf->settings, setting);

    if (!found)
        return 0;
    if (found->type != VIR_CONF_LIST || found->numbers) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("%1$s:%2$zu: '%3$s' must be a list of strings"),
                       conf->name, found->line, setting);
        return -1;
    }
    *value = (const char *const *)found->items->pdata;
    return 1;
}

int
virConfGetNumber(virConf *conf, const char *setting, gint64 min, gint64 max, gint64 *value)
{
    virConfValue *found = g_hash_table_lookup(conf->settings, setting);
    const char *text;
    gint64 number;

    if (!found)
        return 0;
    if (found->type != VIR_CONF_NUMBER) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("%1$s:%2$zu: '%3$s' must be a number"), conf->name,
                       found->line, setting);
        return -1;
    }
    text = g_ptr_array_index(found->items, 0);
    errno = 0;
    number = g_ascii_strtoll(text, NULL, 10);
    if (errno || number < min || number > max) {
        virReportError(VIR_ERR_CONF_SYNTAX,
                       _("%1$s:%2$zu: '%3$s' must be from %4$lld to %5$lld, not %6$s"),
                       conf->name, found->line, setting, (long long)min, (long long)max, text);
        return -1;
    }
    *value = number;
    return 1;
}

size_t
virConfCount(virConf *conf)
{
    return conf->names->len;
}

const char *
virConfAt(virConf *conf, size_t i, size_t *line)
{
    *line = g_array_index(conf->lines, size_t, i);
    return g_ptr_array_index(conf->names, i);
}

size_t
virConfLine(virConf *conf, const char *setting)
{
    virConfValue *found = g_hash_table_lookup(conf->settings, setting);

    return found ? found->line : 0;
}

const char *
virConfName(virConf *conf)
{
    return conf->name;
}
