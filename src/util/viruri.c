/*
 * viruri.c: a connection URI taken apart
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viruri.h"

#include <string.h>
#include <libxml/uri.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_URI

static char *
virURIDecode(const char *text, size_t len)
{
    g_autofree char *raw = g_strndup(text, len);
    char *decoded = g_uri_unescape_string(raw, NULL);

    /* An escape that makes no sense stays as it was written. */
    return decoded ? decoded : g_steal_pointer(&raw);
}

static void
virURIParseQuery(virURI *uri)
{
    g_autoptr(GArray) params = g_array_new(FALSE, FALSE, sizeof(virURIParam));
    const char *at = uri->query;

    while (at && *at) {
        size_t len = strcspn(at, "&;");
        const char *equals = memchr(at, '=', len);
        virURIParam param;

        if (len > 0 && equals != at) {
            size_t nameLen = equals ? (size_t)(equals - at) : len;

            param.name = virURIDecode(at, nameLen);
            param.value = equals ? virURIDecode(equals + 1, len - nameLen - 1) : g_strdup("");
            g_array_append_val(params, param);
        }
        at += len;
        if (*at)
            at++;
    }
    uri->paramsCount = params->len;
    uri->params = (virURIParam *)g_array_free(g_steal_pointer(&params), FALSE);
}

virURI *
virURIParse(const char *text)
{
    g_autoptr(virURI) uri = NULL;
    xmlURIPtr xml;

    if (strlen(text) > VIR_URI_LENGTH_MAX) {
        virReportError(VIR_ERR_INVALID_ARG, _("URI of %1$zu bytes exceeds the limit of %2$d"),
                       strlen(text), VIR_URI_LENGTH_MAX);
        return NULL;
    }
    if (!(xml = xmlParseURI(text))) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("Unable to parse URI '%1$s'"), text);
        return NULL;
    }

    uri = g_new0(virURI, 1);
    uri->text = g_strdup(text);
    uri->scheme = g_strdup(xml->scheme);
    uri->user = g_strdup(xml->user);
    uri->server = g_strdup(xml->server);
    uri->path = g_strdup(xml->path);
    uri->query = g_strdup(xml->query_raw);
    uri->fragment = g_strdup(xml->fragment);
    if (xml->port > 0)
        uri->port = xml->port;
    xmlFreeURI(xml);

    if (uri->server && !*uri->server)
        g_clear_pointer(&uri->server, g_free);
    if (uri->server && uri->server[0] == '[' && g_str_has_suffix(uri->server, "]")) {
        size_t len = strlen(uri->server);

        memmove(uri->server, uri->server + 1, len - 2);
        uri->server[len - 2] = '\0';
    }
    virURIParseQuery(uri);
    return g_steal_pointer(&uri);
}

void
virURIFree(virURI *uri)
{
    size_t i;

    if (!uri)
        return;
    for (i = 0; i < uri->paramsCount; i++) {
        g_free(uri->params[i].name);
        g_free(uri->params[i].value);
    }
    g_free(uri->params);
    g_free(uri->scheme);
    g_free(uri->user);
    g_free(uri->server);
    g_free(uri->path);
    g_free(uri->query);
    g_free(uri->fragment);
    g_free(uri->text);
    g_free(uri);
}

const char *
virURIGetParam(const virURI *uri, const char *name)
{
    size_t i;

    for (i = 0; i < uri->paramsCount; i++) {
        if (g_ascii_strcasecmp(uri->params[i].name, name) == 0)
            return uri->params[i].value;
    }
    return NULL;
}
