/*
 * virauthconfig.h: credentials for servers, out of a file
 *
 * libvirt's auth.conf: sections [auth-SERVICE-HOST] name the section [credentials-NAME] that has
 * them. As there are passwords in it, nothing of it is left in memory when it is freed, and no
 * message quotes what is in it but the names of sections.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <glib.h>

/* Longest file that is read: tens of thousands of servers. */
#define VIR_AUTH_CONFIG_BYTES_MAX (1024 * 1024)

typedef struct _virAuthConfig virAuthConfig;

/**
 * virAuthConfigPath:
 * @named: the file that the URI names; NULL: none
 *
 * Which file counts: LIBVIRT_AUTH_FILE in the environment, @named, the user's own, the system's,
 * the last two only if they can be read.
 *
 * Returns its path, to be freed by the caller; NULL: there is none.
 */
char *virAuthConfigPath(const char *named);

/* Takes a copy of @text; @name is what messages call it. Returns NULL with VIR_ERR_CONF_SYNTAX
 * reported: "NAME:LINE: ...". */
virAuthConfig *virAuthConfigParse(const char *text, size_t len, const char *name);
/* The same for a file. */
virAuthConfig *virAuthConfigRead(const char *path);
void virAuthConfigFree(virAuthConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virAuthConfig, virAuthConfigFree)

/**
 * virAuthConfigLookup:
 * @service: such as "libvirt"
 * @host: the server's name as the user has given it
 * @credential: "username", "authname", "password" or "realm"
 * @value: borrowed from @config (returns); NULL: it isn't there
 *
 * Without a section for @host, that for "default" counts.
 *
 * Returns 0, or -1 with VIR_ERR_CONF_SYNTAX reported: the section names no credentials, or some
 * that aren't there.
 */
int virAuthConfigLookup(const virAuthConfig *config, const char *service, const char *host,
                        const char *credential, const char **value);
