/*
 * viridentity.h: who is on the other side of a connection
 *
 * What is known of somebody, whoever has found it out: the kernel, TLS, SASL. Not what he may do,
 * which is for access/ to say.
 *
 * Whoever makes one sets it up; from the moment on that another thread sees it, it is immutable.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <glib.h>

typedef struct _virIdentity virIdentity;

/* Nothing is known: returns a new reference. */
virIdentity *virIdentityNew(void);
/* A new one that is set up as @identity is, to add what has become known since. */
virIdentity *virIdentityCopy(const virIdentity *identity);
/* Any thread. */
virIdentity *virIdentityRef(virIdentity *identity);
void virIdentityUnref(virIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virIdentity, virIdentityUnref)

/* ---- Setting up; each may be called again. Texts are copied, NULL: unknown. ---- */

void virIdentitySetUNIXUserID(virIdentity *identity, uid_t uid);
void virIdentitySetUNIXGroupID(virIdentity *identity, gid_t gid);
/* @startTime: in clock ticks after the machine's start, as in /proc/PID/stat, by which a process is
 * told from a later one with its number; 0: unknown. */
void virIdentitySetProcess(virIdentity *identity, pid_t pid, unsigned long long startTime);
void virIdentitySetSELinuxContext(virIdentity *identity, const char *context);
void virIdentitySetSASLUserName(virIdentity *identity, const char *name);
/* The subject of a certificate: "O=Example,CN=client1". */
void virIdentitySetX509DName(virIdentity *identity, const char *dname);
/* He came to a socket to which anybody may come. */
void virIdentitySetReadOnly(virIdentity *identity, bool readonly);

/* ---- Any thread ---- */

/* Return whether it is known, and set what it is only then. */
bool virIdentityGetUNIXUserID(const virIdentity *identity, uid_t *uid);
bool virIdentityGetUNIXGroupID(const virIdentity *identity, gid_t *gid);
bool virIdentityGetProcess(const virIdentity *identity, pid_t *pid,
                           unsigned long long *startTime);
/* Borrowed; NULL: unknown. */
const char *virIdentityGetSELinuxContext(const virIdentity *identity);
const char *virIdentityGetSASLUserName(const virIdentity *identity);
const char *virIdentityGetX509DName(const virIdentity *identity);
bool virIdentityIsReadOnly(const virIdentity *identity);

/* For tables of what was found out about somebody. Two connections of one process that were
 * authenticated alike are equal; two processes never are, as polkit's answer depends on the
 * process. The arguments are virIdentity. */
guint virIdentityHash(gconstpointer identity);
gboolean virIdentityEqual(gconstpointer one, gconstpointer other);
/* The same as text, for logs: equal for those that are equal, and for no others. Bytes that are
 * not printable ASCII are escaped. The caller frees it. */
char *virIdentityKey(const virIdentity *identity);
