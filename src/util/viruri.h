/*
 * viruri.h: a connection URI taken apart
 *
 * Knows the syntax (RFC 3986 by libxml2) and decoded query parameters; what
 * they mean is up to the drivers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

/* Longest URI accepted; the kernel's PATH_MAX with room for parameters. */
#define VIR_URI_LENGTH_MAX 65536

typedef struct {
    char *name;             /* percent-decoded */
    char *value;            /* percent-decoded; "" if there was no '=' */
} virURIParam;

typedef struct {
    char *scheme;
    char *user;             /* or NULL */
    char *server;           /* or NULL; IPv6 without brackets */
    unsigned int port;      /* 0 = none */
    char *path;             /* or NULL */
    char *query;            /* raw, or NULL */
    char *fragment;         /* or NULL */
    virURIParam *params;
    size_t paramsCount;
    char *text;             /* as given */
} virURI;

/* NULL with an error reported (VIR_ERR_INTERNAL_ERROR, domain VIR_FROM_URI) if
 * @text is no URI. */
virURI *virURIParse(const char *text);
void virURIFree(virURI *uri);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virURI, virURIFree)
/* The value of the first parameter called @name (letters of either case), or NULL. */
const char *virURIGetParam(const virURI *uri, const char *name);
