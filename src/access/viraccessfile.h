/*
 * viraccessfile.h: an administrator's list of who may do what with which domains
 *
 * Reads and matches it; virtmond-acl(5) describes it. Who belongs to a group is asked of whoever
 * calls, as that may take long.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <glib.h>

#include "viraccessmanager.h"

/* Longest file that is read: one section for each of 10,000 users. */
#define VIR_ACCESS_FILE_BYTES_MAX (1024 * 1024)

/* Immutable, but for the count of references. */
typedef struct _virAccessFile virAccessFile;

/* From a name to a number, as getpwnam() and getgrnam(). Return 1, 0 if there is no such, -1
 * without an error reported if that can't be found out now. */
typedef struct {
    int (*user)(const char *name, uid_t *uid);
    int (*group)(const char *name, gid_t *gid);
} virAccessFileNames;

/**
 * virAccessFileParse:
 * @text, @len: the file
 * @name: what messages call it
 * @names: who knows users and groups
 *
 * Returns a new one, or NULL with VIR_ERR_CONF_SYNTAX reported: "NAME:LINE: ...".
 */
virAccessFile *virAccessFileParse(const char *text, size_t len, const char *name,
                                  const virAccessFileNames *names);
/* The same for a file, with this host's users. Also NULL with VIR_ERR_SYSTEM_ERROR: it can't be
 * read. */
virAccessFile *virAccessFileLoad(const char *path);
/* Any thread. */
virAccessFile *virAccessFileRef(virAccessFile *file);
void virAccessFileUnref(virAccessFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virAccessFile, virAccessFileUnref)

/* Whether the one who is asked about belongs to that group. */
typedef bool (*virAccessFileIsInGroupFunc)(gid_t gid, void *opaque);
/* Any thread. @isInGroup is called when it matters, perhaps more than once. */
bool virAccessFileAllows(const virAccessFile *file, const virAccessQuestion *question,
                         virAccessFileIsInGroupFunc isInGroup, void *opaque);

/* Does all of @text fit @pattern, in which "*" stands for anything and "?" for one character? Takes
 * no longer than the product of their lengths. */
bool virAccessFileGlobMatches(const char *pattern, const char *text);
