/*
 * viraccessdriverfile.c: who decides by an administrator's list
 *
 * What the list says is in viraccessfile.c; here are the users' groups, and the change to another
 * list.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "viraccessdriver.h"
#include "viraccessfile.h"
#include "virlog.h"
#include "virthread.h"

VIR_LOG_INIT("access.driver_file");

/* Groups of one user; the kernel allows a process 65,536. */
#define VIR_ACCESS_GROUPS_MAX 65536
/* Bytes for the record of one user. */
#define VIR_ACCESS_RECORD_MAX (64 * 1024)

typedef struct {
    virMutex lock;              /* guards which one @file is; not held while it is used */
    virAccessFile *file;
} virAccessFileState;

/* Somebody's groups, found out when they matter first. */
typedef struct {
    const virIdentity *identity;
    bool known;
    GArray *groups;             /* gid_t */
} virAccessFileMember;

/* Those that the system's database says; a process that has given up one of them, or has got it by
 * other ways, counts as its user. */
static void
virAccessFileListGroups(virAccessFileMember *member, uid_t uid)
{
    g_autofree char *buf = g_malloc(VIR_ACCESS_RECORD_MAX);
    struct passwd record;
    struct passwd *found = NULL;
    int count = 32;
    int room;

    if (getpwuid_r(uid, &record, buf, VIR_ACCESS_RECORD_MAX, &found) != 0 || !found)
        return;
    do {
        room = count;
        g_array_set_size(member->groups, (guint)room);
        if (getgrouplist(record.pw_name, record.pw_gid, (gid_t *)(void *)member->groups->data,
                         &count) >= 0) {
            g_array_set_size(member->groups, (guint)count);
            return;
        }
    } while (count > room && count <= VIR_ACCESS_GROUPS_MAX);
    VIR_WARN("the groups of user %lu cannot be listed", (unsigned long)uid);
    g_array_set_size(member->groups, 0);
}

static bool
virAccessFileIsInGroup(gid_t gid, void *opaque)
{
    virAccessFileMember *member = opaque;
    gid_t own;
    uid_t uid;
    guint i;

    if (virIdentityGetUNIXGroupID(member->identity, &own) && own == gid)
        return true;
    if (!member->known) {
        member->known = true;
        member->groups = g_array_new(FALSE, FALSE, sizeof(gid_t));
        if (virIdentityGetUNIXUserID(member->identity, &uid))
            virAccessFileListGroups(member, uid);
    }
    for (i = 0; i < member->groups->len; i++) {
        if (g_array_index(member->groups, gid_t, i) == gid)
            return true;
    }
    return false;
}

static void *
virAccessFileOpen(const virAccessSettings *settings, virAccessChangedFunc changed G_GNUC_UNUSED,
                  void *opaque G_GNUC_UNUSED)
{
    virAccessFile *file = virAccessFileLoad(settings->file);
    virAccessFileState *state;

    if (!file)
        return NULL;
    state = g_new0(virAccessFileState, 1);
    virMutexInit(&state->lock);
    state->file = file;
    return state;
}

static int
virAccessFileReload(void *opaque, const virAccessSettings *settings)
{
    virAccessFileState *state = opaque;
    virAccessFile *file = virAccessFileLoad(settings->file);
    virAccessFile *old;

    if (!file)
        return -1;
    virMutexLock(&state->lock);
    old = state->file;
    state->file = file;
    virMutexUnlock(&state->lock);
    virAccessFileUnref(old);
    return 0;
}

static int
virAccessFileCheck(void *opaque, const virAccessQuestion *question)
{
    virAccessFileState *state = opaque;
    virAccessFileMember member = { question->identity, false, NULL };
    g_autoptr(virAccessFile) file = NULL;
    bool allowed;

    virMutexLock(&state->lock);
    file = virAccessFileRef(state->file);
    virMutexUnlock(&state->lock);

    allowed = virAccessFileAllows(file, question, virAccessFileIsInGroup, &member);
    if (member.groups)
        g_array_unref(member.groups);
    return allowed;
}

static void
virAccessFileClose(void *opaque)
{
    virAccessFileState *state = opaque;

    virAccessFileUnref(state->file);
    virMutexDestroy(&state->lock);
    g_free(state);
}

const virAccessDriver virAccessDriverFile = {
    .name = "file",
    .open = virAccessFileOpen,
    .reload = virAccessFileReload,
    .check = virAccessFileCheck,
    .close = virAccessFileClose,
};
