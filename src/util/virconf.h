/*
 * virconf.h: a configuration file, NAME = VALUE
 *
 * Reads libvirt's syntax: a value is a number, a string in '', "" or (over several
 * lines) """ """, or a list of these in []. Settings end with the line or a
 * semicolon; "#" begins a comment. Strings know no escapes. What a setting means is
 * up to whoever reads it. Nothing is ever written.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

/* Longest file that is read; libvirt's own are 30 KiB, nearly all of it comments. */
#define VIR_CONF_BYTES_MAX (1024 * 1024)

typedef struct _virConf virConf;

/* @name is what messages call the text. Returns a new one, or NULL with VIR_ERR_CONF_SYNTAX
 * reported: "NAME:LINE: ...". */
virConf *virConfParse(const char *text, size_t len, const char *name);
/* The same for a file. No such file: NULL with VIR_ERR_SYSTEM_ERROR and ENOENT in int1. */
virConf *virConfRead(const char *path);
void virConfFree(virConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConf, virConfFree)

/* All return 1 with *value (borrowed from @conf), 0 if there is no such setting, or -1 with
 * VIR_ERR_CONF_SYNTAX reported ("NAME:LINE: ...") if it is of another kind, or a number not from
 * @min to @max. Of two settings of one name the last counts. The list ends with NULL. */
int virConfGetString(virConf *conf, const char *setting, const char **value);
int virConfGetStringList(virConf *conf, const char *setting, const char *const **value);
int virConfGetNumber(virConf *conf, const char *setting, gint64 min, gint64 max, gint64 *value);

/* Every setting as it stands in the text, so that unknown and repeated ones can be found: its name
 * (borrowed) and its line, from 1. */
size_t virConfCount(virConf *conf);
const char *virConfAt(virConf *conf, size_t i, size_t *line);
/* The line of the setting that counts; 0: there is none. */
size_t virConfLine(virConf *conf, const char *setting);
/* As it was given. */
const char *virConfName(virConf *conf);
