/*
 * viridentity.c: who is on the other side of a connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viridentity.h"

#include <stdatomic.h>

struct _virIdentity {
    atomic_uint refs;
    bool hasUID;
    uid_t uid;                      /* 0 unless hasUID; so are the others */
    bool hasGID;
    gid_t gid;
    bool hasProcess;
    pid_t pid;
    unsigned long long startTime;
    char *context;
    char *saslName;
    char *dname;
    bool readonly;
};

virIdentity *
virIdentityNew(void)
{
    virIdentity *identity = g_new0(virIdentity, 1);

    atomic_init(&identity->refs, 1);
    return identity;
}

virIdentity *
virIdentityCopy(const virIdentity *identity)
{
    virIdentity *copy = virIdentityNew();

    copy->hasUID = identity->hasUID;
    copy->uid = identity->uid;
    copy->hasGID = identity->hasGID;
    copy->gid = identity->gid;
    copy->hasProcess = identity->hasProcess;
    copy->pid = identity->pid;
    copy->startTime = identity->startTime;
    copy->context = g_strdup(identity->context);
    copy->saslName = g_strdup(identity->saslName);
    copy->dname = g_strdup(identity->dname);
    copy->readonly = identity->readonly;
    return copy;
}

virIdentity *
virIdentityRef(virIdentity *identity)
{
    atomic_fetch_add_explicit(&identity->refs, 1, memory_order_relaxed);
    return identity;
}

void
virIdentityUnref(virIdentity *identity)
{
    if (!identity ||
        atomic_fetch_sub_explicit(&identity->refs, 1, memory_order_acq_rel) != 1)
        return;
    g_free(identity->context);
    g_free(identity->saslName);
    g_free(identity->dname);
    g_free(identity);
}

void
virIdentitySetUNIXUserID(virIdentity *identity, uid_t uid)
{
    identity->hasUID = true;
    identity->uid = uid;
}

void
virIdentitySetUNIXGroupID(virIdentity *identity, gid_t gid)
{
    identity->hasGID = true;
    identity->gid = gid;
}

void
virIdentitySetProcess(virIdentity *identity, pid_t pid, unsigned long long startTime)
{
    identity->hasProcess = true;
    identity->pid = pid;
    identity->startTime = startTime;
}

static void
virIdentitySetText(char **field, const char *text)
{
    g_free(*field);
    *field = g_strdup(text);
}

void
virIdentitySetSELinuxContext(virIdentity *identity, const char *context)
{
    virIdentitySetText(&identity->context, context);
}

void
virIdentitySetSASLUserName(virIdentity *identity, const char *name)
{
    virIdentitySetText(&identity->saslName, name);
}

void
virIdentitySetX509DName(virIdentity *identity, const char *dname)
{
    virIdentitySetText(&identity->dname, dname);
}

void
virIdentitySetReadOnly(virIdentity *identity, bool readonly)
{
    identity->readonly = readonly;
}

bool
virIdentityGetUNIXUserID(const virIdentity *identity, uid_t *uid)
{
    if (identity->hasUID)
        *uid = identity->uid;
    return identity->hasUID;
}

bool
virIdentityGetUNIXGroupID(const virIdentity *identity, gid_t *gid)
{
    if (identity->hasGID)
        *gid = identity->gid;
    return identity->hasGID;
}

bool
virIdentityGetProcess(const virIdentity *identity, pid_t *pid, unsigned long long *startTime)
{
    if (identity->hasProcess) {
        *pid = identity->pid;
        *startTime = identity->startTime;
    }
    return identity->hasProcess;
}

const char *
virIdentityGetSELinuxContext(const virIdentity *identity)
{
    return identity->context;
}

const char *
virIdentityGetSASLUserName(const virIdentity *identity)
{
    return identity->saslName;
}

const char *
virIdentityGetX509DName(const virIdentity *identity)
{
    return identity->dname;
}

bool
virIdentityIsReadOnly(const virIdentity *identity)
{
    return identity->readonly;
}

static guint
virIdentityMix(guint hash, guint value)
{
    return (hash ^ value) * 16777619u;
}

static guint
virIdentityMixText(guint hash, const char *text)
{
    return virIdentityMix(hash, text ? g_str_hash(text) : 0);
}

guint
virIdentityHash(gconstpointer opaque)
{
    const virIdentity *identity = opaque;
    guint hash = virIdentityMix(2166136261u, identity->hasUID | identity->hasGID << 1 |
                                identity->hasProcess << 2 | identity->readonly << 3);

    hash = virIdentityMix(hash, identity->uid);
    hash = virIdentityMix(hash, identity->gid);
    hash = virIdentityMix(hash, identity->pid);
    hash = virIdentityMix(hash, (guint)identity->startTime);
    hash = virIdentityMixText(hash, identity->context);
    hash = virIdentityMixText(hash, identity->saslName);
    return virIdentityMixText(hash, identity->dname);
}

gboolean
virIdentityEqual(gconstpointer one, gconstpointer other)
{
    const virIdentity *a = one;
    const virIdentity *b = other;

    return a->hasUID == b->hasUID && a->uid == b->uid &&
        a->hasGID == b->hasGID && a->gid == b->gid &&
        a->hasProcess == b->hasProcess && a->pid == b->pid && a->startTime == b->startTime &&
        g_strcmp0(a->context, b->context) == 0 && g_strcmp0(a->saslName, b->saslName) == 0 &&
        g_strcmp0(a->dname, b->dname) == 0 && a->readonly == b->readonly;
}

static void
virIdentityAppendText(GString *key, const char *name, const char *text)
{
    g_autofree char *escaped = text ? g_strescape(text, NULL) : NULL;

    if (escaped)
        g_string_append_printf(key, " %s=\"%s\"", name, escaped);
}

char *
virIdentityKey(const virIdentity *identity)
{
    GString *key = g_string_new(identity->readonly ? "read-only" : "read-write");

    if (identity->hasUID)
        g_string_append_printf(key, " uid=%lu", (unsigned long)identity->uid);
    if (identity->hasGID)
        g_string_append_printf(key, " gid=%lu", (unsigned long)identity->gid);
    if (identity->hasProcess)
        g_string_append_printf(key, " pid=%ld@%llu", (long)identity->pid, identity->startTime);
    virIdentityAppendText(key, "sasl", identity->saslName);
    virIdentityAppendText(key, "dn", identity->dname);
    virIdentityAppendText(key, "selinux", identity->context);
    return g_string_free(key, FALSE);
}
