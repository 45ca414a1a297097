/*
 * virclientconf.h: which URI a program means that names none, or only an alias
 *
 * That is in the environment and in libvirt.conf, whose settings uri_default and
 * uri_aliases are understood here; others belong to those who connect.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

#include "virconf.h"

/* The libvirt.conf that counts for the calling user: the system's for root, else the user's own.
 * The caller frees it. */
char *virClientConfPath(void);

/* Reads the file; *@conf is NULL if there is none. Returns 0, or -1 with an error reported. */
int virClientConfLoad(const char *path, virConf **conf);

/**
 * virClientConfResolveURI:
 * @path: a libvirt.conf, which need not exist
 * @name: a URI or an alias for one; NULL or "": the default
 * @aliases: whether it may be an alias
 *
 * The file is not looked at where it has no say.
 *
 * Returns the URI (@name itself if it is no alias), to be freed by the caller, or NULL with an
 * error reported: the file makes no sense. Where nothing says what the default is, it is the
 * system's daemon for root and the user's own for others.
 */
char *virClientConfResolveURI(const char *path, const char *name, bool aliases);
