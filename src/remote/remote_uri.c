/*
 * remote_uri.c: what a connection URI says of the way to a daemon
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_uri.h"

#include <errno.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_REMOTE

static const char *const remoteTransportNames[] = {
    [REMOTE_TRANSPORT_UNIX] = "unix",
    [REMOTE_TRANSPORT_TCP] = "tcp",
    [REMOTE_TRANSPORT_TLS] = "tls",
    [REMOTE_TRANSPORT_SSH] = "ssh",
    [REMOTE_TRANSPORT_EXT] = "ext",
};

static const char *const remoteModeNames[] = {
    [REMOTE_MODE_AUTO] = "auto",
    [REMOTE_MODE_LEGACY] = "legacy",
    [REMOTE_MODE_DIRECT] = "direct",
};

static const char *const remoteProxyNames[] = {
    [REMOTE_PROXY_AUTO] = "auto",
    [REMOTE_PROXY_NETCAT] = "netcat",
    [REMOTE_PROXY_NATIVE] = "native",
};

void
remoteURIFree(remoteURI *parsed)
{
    if (!parsed)
        return;
    g_free(parsed->driver);
    g_free(parsed->name);
    g_free(parsed->path);
    g_free(parsed->user);
    g_free(parsed->host);
    g_free(parsed->socket);
    g_free(parsed->command);
    g_free(parsed->netcat);
    g_free(parsed->keyfile);
    g_free(parsed->pkipath);
    g_free(parsed->tlsPriority);
    g_free(parsed->auth);
    g_free(parsed->authfile);
    g_free(parsed);
}

/* The place of @word among @names, in letters of either case; -1: nowhere. */
static int
remoteURIFindWord(const char *const *names, size_t count, const char *word)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (g_ascii_strcasecmp(names[i], word) == 0)
            return i;
    }
    return -1;
}

static int
remoteURISetMode(remoteURI *parsed, const char *word)
{
    int mode = remoteURIFindWord(remoteModeNames, G_N_ELEMENTS(remoteModeNames), word);

    if (mode < 0) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("unknown mode '%1$s' (should be auto|direct|legacy)"), word);
        return -1;
    }
    parsed->mode = mode;
    return 0;
}

static int
remoteURISetProxy(remoteURI *parsed, const char *word)
{
    int proxy = remoteURIFindWord(remoteProxyNames, G_N_ELEMENTS(remoteProxyNames), word);

    if (proxy < 0) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("unknown proxy '%1$s' (should be auto|netcat|native)"), word);
        return -1;
    }
    parsed->proxy = proxy;
    return 0;
}

/* Numbers other than 0 mean yes. */
static int
remoteURISetBool(const virURIParam *param, bool *value)
{
    gint64 number;
    char *end;

    errno = 0;
    number = g_ascii_strtoll(param->value, &end, 10);
    if (errno || end == param->value || *end) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("value '%1$s' of URI parameter '%2$s' is not a number"), param->value,
                       param->name);
        return -1;
    }
    *value = number != 0;
    return 0;
}

/* The member that takes the text of a parameter; NULL: it isn't a text, or not one of ours. */
static char **
remoteURITextMember(remoteURI *parsed, const char *name)
{
    const struct {
        const char *name;
        char **member;
    } texts[] = {
        { "name", &parsed->name },
        { "socket", &parsed->socket },
        { "command", &parsed->command },
        { "netcat", &parsed->netcat },
        { "keyfile", &parsed->keyfile },
        { "pkipath", &parsed->pkipath },
        { "tls_priority", &parsed->tlsPriority },
        { "auth", &parsed->auth },
        { "authfile", &parsed->authfile },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (g_ascii_strcasecmp(name, texts[i].name) == 0)
            return texts[i].member;
    }
    return NULL;
}

/* Consumed as libvirt does it, though only its built-in ssh clients have a use for them. */
static bool
remoteURIParamIsForLibssh(const char *name)
{
    return g_ascii_strcasecmp(name, "known_hosts") == 0 ||
           g_ascii_strcasecmp(name, "known_hosts_verify") == 0 ||
           g_ascii_strcasecmp(name, "sshauth") == 0;
}

/* Returns 1 if the parameter was one of ours, 0 if it is for the daemon, -1 with an error
 * reported. */
static int
remoteURIReadParam(remoteURI *parsed, const virURIParam *param)
{
    char **text = remoteURITextMember(parsed, param->name);
    int rc = 0;

    if (text) {
        g_free(*text);
        *text = g_strdup(param->value);
    } else if (g_ascii_strcasecmp(param->name, "mode") == 0) {
        rc = remoteURISetMode(parsed, param->value);
    } else if (g_ascii_strcasecmp(param->name, "proxy") == 0) {
        rc = remoteURISetProxy(parsed, param->value);
    } else if (g_ascii_strcasecmp(param->name, "no_verify") == 0) {
        rc = remoteURISetBool(param, &parsed->noVerify);
    } else if (g_ascii_strcasecmp(param->name, "no_tty") == 0) {
        rc = remoteURISetBool(param, &parsed->noTTY);
    } else if (g_ascii_strcasecmp(param->name, "no_sanity") == 0) {
        rc = remoteURISetBool(param, &parsed->noSanity);
    } else if (!remoteURIParamIsForLibssh(param->name)) {
        return 0;
    }
    return rc < 0 ? -1 : 1;
}

/* Reads all parameters; @rest becomes the query without those that are ours. */
static int
remoteURIReadParams(remoteURI *parsed, const virURI *uri, GString *rest)
{
    size_t i;

    for (i = 0; i < uri->paramsCount; i++) {
        const virURIParam *param = &uri->params[i];
        int rc = remoteURIReadParam(parsed, param);

        if (rc < 0)
            return -1;
        if (rc == 0) {
            g_string_append_c(rest, rest->len > 0 ? '&' : '?');
            g_string_append_uri_escaped(rest, param->name, NULL, false);
            g_string_append_c(rest, '=');
            g_string_append_uri_escaped(rest, param->value, NULL, false);
        }
    }
    return 0;
}

static void
remoteURIMakeName(remoteURI *parsed, const virURI *uri, const char *query)
{
    g_autoptr(GString) name = NULL;

    if (parsed->name)
        return;
    /* "remote" leaves the choice of the driver, and of all the rest, to the daemon. */
    if (strcmp(parsed->driver, "remote") == 0) {
        parsed->name = g_strdup("");
        return;
    }
    name = g_string_new(parsed->driver);
    g_string_append(name, "://");
    g_string_append_uri_escaped(name, parsed->path, "/", false);
    g_string_append(name, query);
    if (uri->fragment) {
        g_string_append_c(name, '#');
        g_string_append(name, uri->fragment);
    }
    parsed->name = g_strdup(name->str);
}

/* What doesn't go together. */
static int
remoteURICheck(const remoteURI *parsed)
{
    switch (parsed->transport) {
    case REMOTE_TRANSPORT_UNIX:
        if (parsed->host) {
            virReportError(VIR_ERR_INVALID_ARG,
                           _("a unix socket cannot be used with remote server '%1$s'"),
                           parsed->host);
            return -1;
        }
        break;
    case REMOTE_TRANSPORT_EXT:
        if (!parsed->command || !*parsed->command) {
            virReportError(VIR_ERR_INVALID_ARG, "%s",
                           _("transport 'ext' needs URI parameter 'command'"));
            return -1;
        }
        break;
    case REMOTE_TRANSPORT_SSH:
        if (parsed->mode == REMOTE_MODE_DIRECT && parsed->proxy != REMOTE_PROXY_NATIVE) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                           _("mode 'direct' cannot be used with transport 'ssh'"));
            return -1;
        }
        if (parsed->proxy == REMOTE_PROXY_NATIVE && parsed->netcat) {
            virReportError(VIR_ERR_INVALID_ARG, "%s",
                           _("URI parameter 'netcat' cannot be used with proxy 'native'"));
            return -1;
        }
        break;
    case REMOTE_TRANSPORT_TCP:
    case REMOTE_TRANSPORT_TLS:
        break;
    }
    return 0;
}

static int
remoteURIReadTransport(remoteURI *parsed, const virURI *uri)
{
    const char *plus = strchr(uri->scheme, '+');
    int transport;

    if (!plus) {
        parsed->driver = g_strdup(uri->scheme);
        parsed->transport = uri->server ? REMOTE_TRANSPORT_TLS : REMOTE_TRANSPORT_UNIX;
        return 0;
    }
    transport = remoteURIFindWord(remoteTransportNames, G_N_ELEMENTS(remoteTransportNames),
                                  plus + 1);
    if (transport < 0) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("unknown transport '%1$s' in URI '%2$s' (should be tls|unix|ssh|ext|tcp)"),
                       plus + 1, uri->text);
        return -1;
    }
    parsed->driver = g_strndup(uri->scheme, plus - uri->scheme);
    parsed->transport = transport;
    return 0;
}

int
remoteURIParse(const virURI *uri, const remoteURIDefaults *defaults, remoteURI **parsed)
{
    g_autoptr(remoteURI) mine = g_new0(remoteURI, 1);
    g_autoptr(GString) query = g_string_new(NULL);

    if (remoteURIReadTransport(mine, uri) < 0)
        return -1;
    if (!strchr(uri->scheme, '+') && !uri->server && g_strcmp0(uri->path, "/embed") == 0)
        return 0;

    mine->path = g_strdup(uri->path ? uri->path : "");
    mine->user = g_strdup(uri->user);
    mine->host = g_strdup(uri->server);
    mine->port = uri->port;
    if (defaults->mode && remoteURISetMode(mine, defaults->mode) < 0)
        return -1;
    if (defaults->proxy && remoteURISetProxy(mine, defaults->proxy) < 0)
        return -1;
    mine->tlsPriority = g_strdup(defaults->tlsPriority);

    if (remoteURIReadParams(mine, uri, query) < 0)
        return -1;
    remoteURIMakeName(mine, uri, query->str);
    if (!mine->host && (mine->transport == REMOTE_TRANSPORT_TCP ||
                        mine->transport == REMOTE_TRANSPORT_TLS ||
                        mine->transport == REMOTE_TRANSPORT_SSH))
        mine->host = g_strdup("localhost");
    if (remoteURICheck(mine) < 0)
        return -1;
    *parsed = g_steal_pointer(&mine);
    return 1;
}
