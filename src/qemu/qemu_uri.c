/*
 * qemu_uri.c: what a connection URI asks of the driver
 *
 * Reads the URI and changes nothing; opening is qemu_driver.c's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_uri.h"

#include <string.h>

#include "qemu_watch.h"
#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qemuURIFree(qemuURI *config)
{
    if (!config)
        return;
    g_free(config->root);
    g_free(config->key);
    if (config->patterns)
        g_ptr_array_unref(config->patterns);
    g_free(config);
}

static qemuURI *
qemuURINew(void)
{
    qemuURI *config = g_new0(qemuURI, 1);

    config->patterns = g_ptr_array_new_with_free_func(g_free);
    return config;
}

static gint
qemuURICompare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One text for one set of sockets; the lengths keep its parts apart whatever they
 * contain. */
static char *
qemuURIMakeKey(const qemuURI *config)
{
    g_autoptr(GString) key = g_string_new(NULL);
    const char *root = config->root ? config->root : "";
    size_t i;

    g_string_append_printf(key, "%zu:%s", strlen(root), root);
    for (i = 0; i + 1 < config->patterns->len; i++) {
        const char *pattern = g_ptr_array_index(config->patterns, i);

        g_string_append_printf(key, ",%zu:%s", strlen(pattern), pattern);
    }
    return g_strdup(key->str);
}

static int
qemuURISetRoot(qemuURI *config, const char *root)
{
    size_t len = strlen(root);

    if (config->root) {
        virReportError(VIR_ERR_INVALID_ARG, "%s",
                       _("URI parameter 'root' was given more than once"));
        return -1;
    }
    if (*root != '/') {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("root path '%1$s' of the embedded driver is not absolute"), root);
        return -1;
    }
    while (len > 1 && root[len - 1] == '/')
        len--;
    config->root = g_strndup(root, len);
    return 0;
}

/* Below @dir, whose characters all mean themselves. */
static char *
qemuURIBelow(const char *dir, const char *pattern)
{
    g_autoptr(GString) full = g_string_new(NULL);
    const char *p;

    for (p = dir; *p; p++) {
        if (strchr("*?[\\", *p))
            g_string_append_c(full, '\\');
        g_string_append_c(full, *p);
    }
    if (!g_str_equal(dir, "/"))
        g_string_append_c(full, '/');
    g_string_append(full, pattern);
    return g_strdup(full->str);
}

/* The end of a class inside a set ("[:", "[." or "[=" up to the same with a bracket), or NULL. */
static const char *
qemuURISkipClass(const char *p, const char *end)
{
    char kind = p[1];

    for (p += 2; p + 1 < end; p++) {
        if (p[0] == kind && p[1] == ']')
            return p + 2;
    }
    return NULL;
}

/* The end of the set that begins at @p with its bracket, or NULL. */
static const char *
qemuURISkipSet(const char *p, const char *end)
{
    bool first = true;

    p++;
    if (p < end && (*p == '!' || *p == '^'))
        p++;
    while (p < end) {
        if (*p == ']' && !first)
            return p + 1;
        first = false;
        if (*p == '[' && p + 1 < end && strchr(":.=", p[1])) {
            if (!(p = qemuURISkipClass(p, end)))
                return NULL;
        } else {
            p += *p == '\\' ? 2 : 1;
        }
    }
    return NULL;
}

/* Has a component of a pattern all its brackets, and something behind each backslash? What hasn't
 * would match nothing, without a word. */
static bool
qemuURIIsGlob(const char *p, const char *end)
{
    while (p && p < end) {
        if (*p == '[')
            p = qemuURISkipSet(p, end);
        else
            p += *p == '\\' ? 2 : 1;
    }
    return p == end;
}

/* @pattern is absolute. */
static int
qemuURICheckPattern(const char *pattern)
{
    bool empty = true;
    const char *p;

    if (strlen(pattern) > QEMU_URI_PATTERN_MAX) {
        virReportError(VIR_ERR_INVALID_ARG, _("monitor path of %1$zu bytes exceeds the limit of "
                                              "%2$d"), strlen(pattern), QEMU_URI_PATTERN_MAX);
        return -1;
    }
    for (p = pattern; *p; p++) {
        const char *end = strchrnul(p, '/');

        if (!qemuURIIsGlob(p, end)) {
            virReportError(VIR_ERR_INVALID_ARG,
                           _("pattern of monitor paths '%1$s' has an unclosed '[' or nothing "
                             "behind a backslash"), pattern);
            return -1;
        }
        if (end > p && !(end == p + 1 && *p == '.'))
            empty = false;
        if (!*end)
            break;
        p = end;
    }
    if (empty) {
        virReportError(VIR_ERR_INVALID_ARG, _("monitor path '%1$s' is a directory"), pattern);
        return -1;
    }
    return 0;
}

/* Takes @pattern, an absolute one. */
static int
qemuURITakePattern(qemuURI *config, char *taken)
{
    g_autofree char *pattern = taken;

    if (qemuURICheckPattern(pattern) < 0)
        return -1;
    if (g_ptr_array_find_with_equal_func(config->patterns, pattern, g_str_equal, NULL))
        return 0;
    if (config->patterns->len >= QEMU_WATCH_PATTERNS_MAX) {
        virReportError(VIR_ERR_INVALID_ARG, _("more than %1$d patterns of monitor sockets"),
                       QEMU_WATCH_PATTERNS_MAX);
        return -1;
    }
    g_ptr_array_add(config->patterns, g_steal_pointer(&pattern));
    return 0;
}

static int
qemuURIAddPattern(qemuURI *config, const char *value)
{
    g_autofree char *pattern = NULL;

    if (!*value) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("URI parameter 'monitor' is empty"));
        return -1;
    }
    if (*value == '/') {
        pattern = g_strdup(value);
    } else if (config->root) {
        pattern = qemuURIBelow(config->root, value);
    } else {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("monitor path '%1$s' is relative, which needs URI parameter 'root'"),
                       value);
        return -1;
    }
    return qemuURITakePattern(config, g_steal_pointer(&pattern));
}

static int
qemuURIReadParams(const virURI *uri, qemuURI *config)
{
    size_t i;

    /* The root first, as it bears on the others wherever it stands. */
    for (i = 0; i < uri->paramsCount; i++) {
        const virURIParam *param = &uri->params[i];

        if (g_ascii_strcasecmp(param->name, "root") == 0) {
            if (qemuURISetRoot(config, param->value) < 0)
                return -1;
        } else if (g_ascii_strcasecmp(param->name, "monitor") != 0) {
            virReportError(VIR_ERR_INVALID_ARG,
                           _("unknown parameter '%1$s' in URI of the embedded driver"),
                           param->name);
            return -1;
        }
    }
    for (i = 0; i < uri->paramsCount; i++) {
        if (g_ascii_strcasecmp(uri->params[i].name, "monitor") == 0 &&
            qemuURIAddPattern(config, uri->params[i].value) < 0)
            return -1;
    }
    return 0;
}

int
qemuURIParse(const virURI *uri, qemuURI **config)
{
    g_autoptr(qemuURI) parsed = NULL;

    if (g_strcmp0(uri->path, "/embed") != 0) {
        /* A daemon's: somebody else's business, like anything on another host. */
        if (uri->server || g_strcmp0(uri->path, "/system") == 0 ||
            g_strcmp0(uri->path, "/session") == 0)
            return 0;
        virReportErrorFull(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, __FILE__, __func__, __LINE__,
                           _("unexpected QEMU URI path '%1$s', try qemu:///embed, "
                             "qemu:///system or qemu:///session"),
                           uri->path ? uri->path : "");
        return -1;
    }

    if (uri->server || uri->user || uri->port) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("URI '%1$s' of the embedded driver must not name a server, user or port"),
                       uri->text);
        return -1;
    }
    parsed = qemuURINew();
    if (qemuURIReadParams(uri, parsed) < 0)
        return -1;
    if (!parsed->root && parsed->patterns->len == 0) {
        virReportErrorFull(VIR_FROM_URI, VIR_ERR_INVALID_ARG, __FILE__, __func__, __LINE__,
                           _("URI '%1$s' of the embedded driver needs parameter 'monitor' or "
                             "'root'"), uri->text);
        return -1;
    }
    g_ptr_array_sort(parsed->patterns, qemuURICompare);
    g_ptr_array_add(parsed->patterns, NULL);
    parsed->key = qemuURIMakeKey(parsed);
    *config = g_steal_pointer(&parsed);
    return 1;
}

int
qemuURIFromPatterns(const char *const *patterns, qemuURI **config)
{
    g_autoptr(qemuURI) made = qemuURINew();

    for (; *patterns; patterns++) {
        if (**patterns != '/') {
            virReportError(VIR_ERR_INVALID_ARG, _("monitor path '%1$s' is not absolute"),
                           *patterns);
            return -1;
        }
        if (qemuURITakePattern(made, g_strdup(*patterns)) < 0)
            return -1;
    }
    g_ptr_array_sort(made->patterns, qemuURICompare);
    g_ptr_array_add(made->patterns, NULL);
    made->key = g_strdup("daemon");     /* those of URIs begin with a number */
    *config = g_steal_pointer(&made);
    return 0;
}
