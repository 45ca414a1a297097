/*
 * virauthconfig.c: credentials for servers, out of a file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virauthconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_AUTH

/* A line KEY=VALUE; all are texts within the file's. */
typedef struct {
    const char *group;
    const char *key;
    const char *value;
} virAuthConfigEntry;

struct _virAuthConfig {
    char *name;
    char *text;                 /* cut into pieces by NULs */
    size_t len;
    GArray *entries;
    GPtrArray *groups;          /* names, of those without an entry too */
};

char *
virAuthConfigPath(const char *named)
{
    const char *env = getenv("LIBVIRT_AUTH_FILE");
    g_autofree char *own = NULL;

    if (env && *env)
        return g_strdup(env);
    if (named && *named)
        return g_strdup(named);
    own = g_build_filename(g_get_user_config_dir(), "libvirt", "auth.conf", NULL);
    if (access(own, R_OK) == 0)
        return g_steal_pointer(&own);
    if (access(SYSCONFDIR "/libvirt/auth.conf", R_OK) == 0)
        return g_strdup(SYSCONFDIR "/libvirt/auth.conf");
    return NULL;
}

void
virAuthConfigFree(virAuthConfig *config)
{
    if (!config)
        return;
    explicit_bzero(config->text, config->len);
    g_free(config->text);
    g_free(config->name);
    g_array_unref(config->entries);
    g_ptr_array_unref(config->groups);
    g_free(config);
}

static int
virAuthConfigFail(const virAuthConfig *config, size_t line, const char *why)
{
    virReportError(VIR_ERR_CONF_SYNTAX, "%s:%zu: %s", config->name, line, why);
    return -1;
}

/* Resolves backslashes in place. Returns 0, or -1 if one has no meaning. */
static int
virAuthConfigUnescape(char *value)
{
    static const char codes[] = "sntr\\";
    static const char meant[] = " \n\t\r\\";
    const char *from = value;
    char *to = value;

    while (*from) {
        const char *code;

        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        if (!from[1] || !(code = strchr(codes, from[1])))
            return -1;
        *to++ = meant[code - codes];
        from += 2;
    }
    *to = '\0';
    return 0;
}

/* @line without its end and the blanks before it; *group: that of the lines before. */
static int
virAuthConfigParseLine(virAuthConfig *config, char *line, size_t number, const char **group)
{
    virAuthConfigEntry entry;
    char *end;

    if (!*line || *line == '#')
        return 0;
    if (*line == '[') {
        end = strchr(line, ']');
        if (!end || end == line + 1 || end[1 + strspn(end + 1, " \t")])
            return virAuthConfigFail(config, number, _("a section begins with its name in []"));
        *end = '\0';
        *group = line + 1;
        g_ptr_array_add(config->groups, line + 1);
        return 0;
    }
    if (!(end = strchr(line, '=')) || end == line)
        return virAuthConfigFail(config, number, _("this is neither a section nor NAME=VALUE"));
    if (!*group)
        return virAuthConfigFail(config, number, _("this is before the first section"));
    entry.group = *group;
    entry.key = line;
    entry.value = end + 1 + strspn(end + 1, " \t");
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    if (virAuthConfigUnescape((char *)entry.value) < 0)
        return virAuthConfigFail(config, number, _("a backslash is written as two of them"));
    g_array_append_val(config->entries, entry);
    return 0;
}

virAuthConfig *
virAuthConfigParse(const char *text, size_t len, const char *name)
{
    g_autoptr(virAuthConfig) config = g_new0(virAuthConfig, 1);
    const char *group = NULL;
    size_t number = 0;
    char *line;
    char *next;

    config->name = g_strdup(name);
    config->entries = g_array_new(FALSE, FALSE, sizeof(virAuthConfigEntry));
    config->groups = g_ptr_array_new();
    config->len = len;
    config->text = g_malloc(len + 1);
    if (len > 0)
        memcpy(config->text, text, len);
    config->text[len] = '\0';
    for (line = config->text; line; line = next) {
        size_t lineLen;

        number++;
        if (!(next = memchr(line, '\n', config->text + len - line)))
            lineLen = config->text + len - line;
        else
            lineLen = next++ - line;
        if (memchr(line, '\0', lineLen)) {
            virAuthConfigFail(config, number, _("there is a NUL in it"));
            return NULL;
        }
        line[lineLen] = '\0';
        if (lineLen > 0 && line[lineLen - 1] == '\r')
            line[lineLen - 1] = '\0';
        if (virAuthConfigParseLine(config, line + strspn(line, " \t"), number, &group) < 0)
            return NULL;
    }
    return g_steal_pointer(&config);
}

/* Reads what there is into *text, for which the caller has room of @size. Returns bytes read, or -1
 * with errno set. */
static ssize_t
virAuthConfigReadAll(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;

    if (fd < 0)
        return -1;
    do {
        n = read(fd, text + len, size - len);
        if (n > 0)
            len += n;
    } while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
    if (n < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    close(fd);
    return len;
}

virAuthConfig *
virAuthConfigRead(const char *path)
{
    const size_t size = VIR_AUTH_CONFIG_BYTES_MAX + 1;
    g_autofree char *text = g_malloc(size);
    ssize_t len = virAuthConfigReadAll(path, text, size);
    virAuthConfig *config = NULL;

    if (len < 0)
        virReportSystemError(errno, _("cannot read '%1$s'"), path);
    else if (len > VIR_AUTH_CONFIG_BYTES_MAX)
        virReportError(VIR_ERR_CONF_SYNTAX, _("%1$s: longer than %2$d bytes"), path,
                       VIR_AUTH_CONFIG_BYTES_MAX);
    else
        config = virAuthConfigParse(text, len, path);
    explicit_bzero(text, len > 0 ? len : 0);
    return config;
}

/* Of two lines with one key the last counts. */
static const char *
virAuthConfigGet(const virAuthConfig *config, const char *group, const char *key)
{
    guint i;

    for (i = config->entries->len; i > 0; i--) {
        const virAuthConfigEntry *entry = &g_array_index(config->entries, virAuthConfigEntry,
                                                         i - 1);

        if (strcmp(entry->group, group) == 0 && strcmp(entry->key, key) == 0)
            return entry->value;
    }
    return NULL;
}

static bool
virAuthConfigHas(const virAuthConfig *config, const char *group)
{
    return g_ptr_array_find_with_equal_func(config->groups, group, g_str_equal, NULL);
}

int
virAuthConfigLookup(const virAuthConfig *config, const char *service, const char *host,
                    const char *credential, const char **value)
{
    g_autofree char *group = g_strdup_printf("auth-%s-%s", service, host);
    g_autofree char *credentials = NULL;
    const char *name;

    *value = NULL;
    if (!virAuthConfigHas(config, group)) {
        g_free(group);
        group = g_strdup_printf("auth-%s-default", service);
        if (!virAuthConfigHas(config, group))
            return 0;
    }
    if (!(name = virAuthConfigGet(config, group, "credentials"))) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("%1$s: section '%2$s' has no 'credentials'"),
                       config->name, group);
        return -1;
    }
    credentials = g_strdup_printf("credentials-%s", name);
    if (!virAuthConfigHas(config, credentials)) {
        virReportError(VIR_ERR_CONF_SYNTAX,
                       _("%1$s: there is no section '%2$s', which '%3$s' names"), config->name,
                       credentials, group);
        return -1;
    }
    *value = virAuthConfigGet(config, credentials, credential);
    return 0;
}
