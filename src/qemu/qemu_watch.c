/*
 * qemu_watch.c: paths and patterns of sockets, watched by inotify
 *
 * A change in a directory that may hold sockets is looked at by itself. Any
 * change of the directories makes for a walk through all of them, because then
 * one rule (what is there?) replaces many (what has changed?). Connects to
 * nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu_watch_priv.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.watch");

/* Where a directory on the way ends or is renamed. */
#define QEMU_WATCH_MASK_SELF (IN_DELETE_SELF | IN_MOVE_SELF)
/* Where a directory is awaited. */
#define QEMU_WATCH_MASK_WAY (QEMU_WATCH_MASK_SELF | IN_CREATE | IN_MOVED_TO | IN_ATTRIB)
/* Where directories of any matching name come and go. */
#define QEMU_WATCH_MASK_GLOB (QEMU_WATCH_MASK_WAY | IN_DELETE | IN_MOVED_FROM)
/* Where sockets are. IN_ATTRIB also tells when one gets accessible. */
#define QEMU_WATCH_MASK_SOCKETS (QEMU_WATCH_MASK_GLOB)

/* Components of one pattern: "/run/vm/a*" has "run", "vm", "a*". */
typedef struct {
    GPtrArray *parts;               /* char *: as given, for fnmatch() */
    GArray *globs;                  /* bool: has it a wildcard? */
    GPtrArray *plain;               /* char *: without backslashes; for those that are none */
} qemuWatchPattern;

/* A pattern reaches a directory: its component @depth is to be looked for in there. */
typedef struct {
    const qemuWatchPattern *pattern;
    size_t depth;
    char *dir;                      /* the path that the pattern leads by */
} qemuWatchInterest;

typedef struct {
    int wd;
    uint32_t mask;
    GPtrArray *interests;
} qemuWatchDir;

/* A socket that is there. */
typedef struct {
    dev_t dev;
    ino_t ino;
    struct timespec changed;
    guint64 seen;                   /* the walk that saw it last */
} qemuWatchSocket;

/* All belongs to the I/O thread. */
struct _qemuWatch {
    virIOLoop *io;
    const qemuWatchCallbacks *callbacks;
    void *opaque;
    GPtrArray *patterns;
    int fd;                         /* inotify's */
    virIOHandle *handle;
    virIOTimer *rescan;             /* a walk that a change made due */
    bool rescanDue;
    virIOTimer *poll;               /* one for what could not be watched */
    bool pollDue;
    bool warned;                    /* of that, since the last walk that needed none */
    bool full, wasFull;             /* a limit was met in this walk; in the last one */
    GHashTable *dirs;               /* qemuWatchDir by wd */
    GHashTable *ways;               /* paths of directories that the last walk went into */
    GHashTable *sockets;            /* qemuWatchSocket by path */
    guint64 walk;                   /* number of the current walk */
    gint64 rest;                    /* no walk before then: CLOCK_MONOTONIC, microseconds */
    unsigned int calling;           /* callbacks under way */
    bool freed;                     /* qemuWatchFree() was called inside one of them */
};

static unsigned int qemuWatchPoll = QEMU_WATCH_POLL_MS;
static size_t qemuWatchDirectoriesMax = QEMU_WATCH_DIRECTORIES_MAX;
static size_t qemuWatchSocketsMax = QEMU_WATCH_SOCKETS_MAX;

void
qemuWatchSetPoll(unsigned int milliseconds)
{
    qemuWatchPoll = milliseconds;
}

void
qemuWatchSetLimits(size_t directories, size_t sockets)
{
    qemuWatchDirectoriesMax = directories;
    qemuWatchSocketsMax = sockets;
}

guint64
qemuWatchWalks(const qemuWatch *watch)
{
    return watch->walk;
}

static void
qemuWatchPatternFree(qemuWatchPattern *pattern)
{
    g_ptr_array_unref(pattern->parts);
    g_ptr_array_unref(pattern->plain);
    g_array_unref(pattern->globs);
    g_free(pattern);
}

static void
qemuWatchInterestFree(qemuWatchInterest *interest)
{
    g_free(interest->dir);
    g_free(interest);
}

static void
qemuWatchDirFree(qemuWatchDir *dir)
{
    g_ptr_array_unref(dir->interests);
    g_free(dir);
}

/* The component without its backslashes, or NULL if it is a glob. */
static char *
qemuWatchPlain(const char *part)
{
    g_autoptr(GString) plain = g_string_new(NULL);
    const char *p;

    for (p = part; *p; p++) {
        if (strchr("*?[", *p))
            return NULL;
        if (*p == '\\' && p[1])
            p++;
        g_string_append_c(plain, *p);
    }
    return g_strdup(plain->str);
}

static qemuWatchPattern *
qemuWatchPatternNew(const char *text)
{
    qemuWatchPattern *pattern = g_new0(qemuWatchPattern, 1);
    g_auto(GStrv) parts = g_strsplit(text, "/", -1);
    size_t i;

    pattern->parts = g_ptr_array_new_with_free_func(g_free);
    pattern->plain = g_ptr_array_new_with_free_func(g_free);
    pattern->globs = g_array_new(FALSE, FALSE, sizeof(bool));
    for (i = 0; parts[i]; i++) {
        char *plain;
        bool glob;

        if (!*parts[i] || g_str_equal(parts[i], "."))
            continue;
        plain = qemuWatchPlain(parts[i]);
        glob = !plain;
        g_ptr_array_add(pattern->parts, g_strdup(parts[i]));
        g_ptr_array_add(pattern->plain, plain);
        g_array_append_val(pattern->globs, glob);
    }
    return pattern;
}

static void
qemuWatchDestroy(qemuWatch *watch)
{
    g_ptr_array_unref(watch->patterns);
    g_hash_table_unref(watch->dirs);
    g_hash_table_unref(watch->ways);
    g_hash_table_unref(watch->sockets);
    g_free(watch);
}

/* Gives up what was promised to the I/O thread; the rest may still be in use by our callers. */
static void
qemuWatchStop(qemuWatch *watch)
{
    g_clear_pointer(&watch->handle, virIOLoopRemoveHandle);
    g_clear_pointer(&watch->rescan, virIOLoopRemoveTimer);
    g_clear_pointer(&watch->poll, virIOLoopRemoveTimer);
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

static void
qemuWatchLimit(qemuWatch *watch, const char *what)
{
    if (!watch->full && !watch->wasFull)
        VIR_WARN("too many %s match the patterns of sockets: the rest is left out", what);
    watch->full = true;
}

/* Milliseconds to wait for the next walk: @least, and so long that walking through many
 * directories leaves nine tenths of the time to the monitors. */
static unsigned int
qemuWatchPause(qemuWatch *watch, unsigned int least)
{
    gint64 rest = (watch->rest - g_get_monotonic_time()) / 1000;

    return rest > least ? MIN(rest, G_MAXINT) : least;
}

static void
qemuWatchRescanSoon(qemuWatch *watch)
{
    if (watch->rescanDue || watch->freed)
        return;
    watch->rescanDue = true;
    virIOLoopRestartTimer(watch->rescan, qemuWatchPause(watch, QEMU_WATCH_RESCAN_MS));
}

/* There is something that inotify does not tell of. */
static void
qemuWatchPollLater(qemuWatch *watch)
{
    if (watch->pollDue || watch->freed)
        return;
    watch->pollDue = true;
    virIOLoopRestartTimer(watch->poll, qemuWatchPause(watch, qemuWatchPoll));
}

/**
 * qemuWatchAddDir:
 * @path: a directory
 * @mask: what to be told of it
 * @pattern, @depth: whose component is looked for in there
 */
static void
qemuWatchAddDir(qemuWatch *watch, const char *path, uint32_t mask,
                const qemuWatchPattern *pattern, size_t depth)
{
    qemuWatchInterest *interest;
    qemuWatchDir *dir;
    size_t i;
    int wd;

    wd = inotify_add_watch(watch->fd, path, mask | IN_ONLYDIR | IN_MASK_ADD);
    if (wd < 0) {
        if (errno != ENOENT && errno != ENOTDIR && !watch->warned) {
            VIR_WARN("cannot watch directory '%s', will look at it every %u ms: %s",
                     path, qemuWatchPoll, g_strerror(errno));
            watch->warned = true;
        }
        qemuWatchPollLater(watch);
        return;
    }

    dir = g_hash_table_lookup(watch->dirs, GINT_TO_POINTER(wd));
    if (!dir) {
        if (g_hash_table_size(watch->dirs) >= qemuWatchDirectoriesMax) {
            inotify_rm_watch(watch->fd, wd);
            qemuWatchLimit(watch, "directories");
            qemuWatchPollLater(watch);
            return;
        }
        dir = g_new0(qemuWatchDir, 1);
        dir->wd = wd;
        dir->interests = g_ptr_array_new_with_free_func((GDestroyNotify)qemuWatchInterestFree);
        g_hash_table_insert(watch->dirs, GINT_TO_POINTER(wd), dir);
    }
    dir->mask |= mask;
    for (i = 0; i < dir->interests->len; i++) {
        interest = g_ptr_array_index(dir->interests, i);
        if (interest->pattern == pattern && interest->depth == depth &&
            g_str_equal(interest->dir, path))
            return;
    }
    interest = g_new0(qemuWatchInterest, 1);
    interest->pattern = pattern;
    interest->depth = depth;
    interest->dir = g_strdup(path);
    g_ptr_array_add(dir->interests, interest);
}

static bool
qemuWatchIsLink(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* A symbolic link that leads nowhere yet: what it waits for appears in a directory that is not
 * among ours. */
static void
qemuWatchMissing(qemuWatch *watch, const char *path)
{
    if (errno == ENOENT && qemuWatchIsLink(path))
        qemuWatchPollLater(watch);
}

static bool
qemuWatchIsDir(qemuWatch *watch, const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0) {
        qemuWatchMissing(watch, path);
        return false;
    }
    return S_ISDIR(st.st_mode);
}

/* Looks whether there is a socket at @path, and says so if that is news. May free @watch: the
 * caller holds @calling. */
static void
qemuWatchLook(qemuWatch *watch, const char *path)
{
    qemuWatchSocket *known = g_hash_table_lookup(watch->sockets, path);
    bool there = false;
    struct stat st;

    if (watch->freed)
        return;

    if (stat(path, &st) < 0)
        qemuWatchMissing(watch, path);
    else if (S_ISSOCK(st.st_mode))
        there = true;
    if (!there) {
        if (known) {
            g_autofree char *copy = g_strdup(path);

            g_hash_table_remove(watch->sockets, path);
            if (watch->full || watch->wasFull)
                qemuWatchRescanSoon(watch);     /* there is room for another */
            watch->callbacks->vanished(copy, watch->opaque);
        }
        return;
    }

    if (!known) {
        if (g_hash_table_size(watch->sockets) >= qemuWatchSocketsMax) {
            qemuWatchLimit(watch, "sockets");
            return;
        }
        known = g_new0(qemuWatchSocket, 1);
        g_hash_table_insert(watch->sockets, g_strdup(path), known);
    } else {
        known->seen = watch->walk;
        if (known->dev == st.st_dev && known->ino == st.st_ino &&
            known->changed.tv_sec == st.st_ctim.tv_sec &&
            known->changed.tv_nsec == st.st_ctim.tv_nsec)
            return;
    }
    known->dev = st.st_dev;
    known->ino = st.st_ino;
    known->changed = st.st_ctim;
    known->seen = watch->walk;
    watch->callbacks->appeared(path, st.st_dev, st.st_ino, watch->opaque);
}

static bool
qemuWatchMatches(const qemuWatchPattern *pattern, size_t depth, const char *name)
{
    if (!g_array_index(pattern->globs, bool, depth))
        return g_str_equal(name, g_ptr_array_index(pattern->plain, depth));
    return fnmatch(g_ptr_array_index(pattern->parts, depth), name, FNM_PERIOD) == 0;
}

static char *
qemuWatchJoin(const char *dir, const char *name)
{
    return g_strconcat(dir, g_str_equal(dir, "/") ? "" : "/", name, NULL);
}

static void qemuWatchWalk(qemuWatch *watch, const qemuWatchPattern *pattern, size_t depth,
                          const char *dir);

static void
qemuWatchWalkInto(qemuWatch *watch, const qemuWatchPattern *pattern, size_t depth,
                  const char *dir)
{
    g_hash_table_add(watch->ways, g_strdup(dir));
    qemuWatchWalk(watch, pattern, depth, dir);
}

/* The component is one name. */
static void
qemuWatchWalkPlain(qemuWatch *watch, const qemuWatchPattern *pattern, size_t depth,
                   const char *dir)
{
    g_autofree char *path = qemuWatchJoin(dir, g_ptr_array_index(pattern->plain, depth));

    if (depth + 1 == pattern->parts->len) {
        qemuWatchAddDir(watch, dir, QEMU_WATCH_MASK_SOCKETS, pattern, depth);
        qemuWatchLook(watch, path);
        return;
    }
    /* Watched first and looked at then, so that nothing falls between. */
    if (!qemuWatchIsDir(watch, path)) {
        qemuWatchAddDir(watch, dir, QEMU_WATCH_MASK_WAY, pattern, depth);
        if (!qemuWatchIsDir(watch, path))
            return;
    }
    /* A watch on the path of a link is one on where it leads to. */
    if (qemuWatchIsLink(path))
        qemuWatchAddDir(watch, dir, QEMU_WATCH_MASK_GLOB, pattern, depth);
    qemuWatchAddDir(watch, path, QEMU_WATCH_MASK_SELF, pattern, depth);
    qemuWatchWalkInto(watch, pattern, depth + 1, path);
}

/* The component is a glob. */
static void
qemuWatchWalkGlob(qemuWatch *watch, const qemuWatchPattern *pattern, size_t depth,
                  const char *dir)
{
    bool last = depth + 1 == pattern->parts->len;
    struct dirent *entry;
    DIR *stream;

    qemuWatchAddDir(watch, dir, last ? QEMU_WATCH_MASK_SOCKETS : QEMU_WATCH_MASK_GLOB, pattern,
                    depth);
    if (!(stream = opendir(dir))) {
        if (errno != ENOENT && errno != ENOTDIR)
            qemuWatchPollLater(watch);
        return;
    }
    while (!watch->freed && (entry = readdir(stream))) {
        g_autofree char *path = NULL;

        if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, "..") ||
            !qemuWatchMatches(pattern, depth, entry->d_name))
            continue;
        path = qemuWatchJoin(dir, entry->d_name);
        if (last)
            qemuWatchLook(watch, path);
        else if (qemuWatchIsDir(watch, path))
            qemuWatchWalkInto(watch, pattern, depth + 1, path);
    }
    closedir(stream);
}

/* Looks for component @depth of @pattern in @dir, and deeper. Depth is bounded by the
 * pattern's length, as nothing matches more than one component. */
static void
qemuWatchWalk(qemuWatch *watch, const qemuWatchPattern *pattern, size_t depth, const char *dir)
{
    if (watch->freed)
        return;
    if (g_array_index(pattern->globs, bool, depth))
        qemuWatchWalkGlob(watch, pattern, depth, dir);
    else
        qemuWatchWalkPlain(watch, pattern, depth, dir);
}

/* Drops the watches that no pattern needs any more: those without an interest. */
static void
qemuWatchDropDirs(qemuWatch *watch)
{
    GHashTableIter iter;
    qemuWatchDir *dir;

    g_hash_table_iter_init(&iter, watch->dirs);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&dir)) {
        if (dir->interests->len > 0)
            continue;
        inotify_rm_watch(watch->fd, dir->wd);
        g_hash_table_iter_remove(&iter);
    }
}

/* Looks at everything from the roots on. The caller holds @calling. */
static void
qemuWatchWalkAll(qemuWatch *watch)
{
    g_autoptr(GPtrArray) unseen = g_ptr_array_new_with_free_func(g_free);
    gint64 start = g_get_monotonic_time();
    gint64 end;
    GHashTableIter iter;
    qemuWatchSocket *known;
    qemuWatchDir *dir;
    const char *path;
    size_t i;

    watch->walk++;
    watch->wasFull = watch->full;
    watch->full = false;
    g_hash_table_remove_all(watch->ways);
    g_hash_table_iter_init(&iter, watch->dirs);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&dir))
        g_ptr_array_set_size(dir->interests, 0);

    for (i = 0; i < watch->patterns->len && !watch->freed; i++)
        qemuWatchWalk(watch, g_ptr_array_index(watch->patterns, i), 0, "/");
    if (watch->freed)
        return;
    qemuWatchDropDirs(watch);
    watch->wasFull = watch->full;
    if (!watch->pollDue)
        watch->warned = false;

    /* Not met on the way: gone, unless a directory could not be read this time. */
    g_hash_table_iter_init(&iter, watch->sockets);
    while (g_hash_table_iter_next(&iter, (void **)&path, (void **)&known)) {
        if (known->seen != watch->walk)
            g_ptr_array_add(unseen, g_strdup(path));
    }
    for (i = 0; i < unseen->len && !watch->freed; i++)
        qemuWatchLook(watch, g_ptr_array_index(unseen, i));

    end = g_get_monotonic_time();
    watch->rest = end + 9 * (end - start);
}

static void
qemuWatchEnter(qemuWatch *watch)
{
    watch->calling++;
}

static void
qemuWatchLeave(qemuWatch *watch)
{
    if (--watch->calling == 0 && watch->freed)
        qemuWatchDestroy(watch);
}

static void
qemuWatchRescan(qemuWatch *watch)
{
    qemuWatchEnter(watch);
    qemuWatchWalkAll(watch);
    qemuWatchLeave(watch);
}

static void
qemuWatchRescanDue(void *opaque)
{
    qemuWatch *watch = opaque;

    watch->rescanDue = false;
    qemuWatchRescan(watch);
}

static void
qemuWatchPollDue(void *opaque)
{
    qemuWatch *watch = opaque;

    watch->pollDue = false;
    qemuWatchRescan(watch);
}

/* Does a change of @path bear on the directories that patterns lead through? */
static bool
qemuWatchIsOnTheWay(qemuWatch *watch, uint32_t mask, const char *path)
{
    if (mask & (IN_DELETE | IN_MOVED_FROM))
        return g_hash_table_contains(watch->ways, path);
    return qemuWatchIsDir(watch, path);
}

/* One event of a directory. The caller holds @calling. */
static void
qemuWatchEvent(qemuWatch *watch, const struct inotify_event *event)
{
    qemuWatchDir *dir = g_hash_table_lookup(watch->dirs, GINT_TO_POINTER(event->wd));
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    if (event->mask & IN_Q_OVERFLOW) {
        VIR_INFO("more changes than inotify keeps: looking at everything again");
        qemuWatchRescanSoon(watch);
        return;
    }
    if (!dir)
        return;                 /* of a watch that was dropped meanwhile */
    if (event->mask & IN_IGNORED) {
        g_hash_table_remove(watch->dirs, GINT_TO_POINTER(event->wd));
        qemuWatchRescanSoon(watch);
        return;
    }
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
        if (event->mask & IN_MOVE_SELF) {
            /* The watch follows the directory to its new name; the pattern does not. */
            inotify_rm_watch(watch->fd, event->wd);
            g_hash_table_remove(watch->dirs, GINT_TO_POINTER(event->wd));
        }
        qemuWatchRescanSoon(watch);
        return;
    }
    if (event->len == 0) {
        if (event->mask & IN_ATTRIB)
            qemuWatchRescanSoon(watch);     /* it may have become readable */
        return;
    }

    /* Collected first: a callback may change the directories. */
    for (i = 0; i < dir->interests->len; i++) {
        qemuWatchInterest *interest = g_ptr_array_index(dir->interests, i);
        g_autofree char *path = NULL;

        if (!qemuWatchMatches(interest->pattern, interest->depth, event->name))
            continue;
        path = qemuWatchJoin(interest->dir, event->name);
        if (interest->depth + 1 == interest->pattern->parts->len)
            g_ptr_array_add(paths, g_steal_pointer(&path));
        else if (qemuWatchIsOnTheWay(watch, event->mask, path))
            qemuWatchRescanSoon(watch);
    }
    for (i = 0; i < paths->len && !watch->freed; i++)
        qemuWatchLook(watch, g_ptr_array_index(paths, i));
}

static void
qemuWatchReadable(virIOHandle *handle G_GNUC_UNUSED, int fd, uint32_t events G_GNUC_UNUSED,
                  void *opaque)
{
    qemuWatch *watch = opaque;
    char buffer[64 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got, at;

    /* One buffer a turn: the others get theirs, and what is left makes the next turn. */
    if ((got = read(fd, buffer, sizeof(buffer))) <= 0)
        return;
    qemuWatchEnter(watch);
    for (at = 0; at < got && !watch->freed;) {
        const struct inotify_event *event = (const struct inotify_event *)(buffer + at);

        qemuWatchEvent(watch, event);
        at += sizeof(*event) + event->len;
    }
    qemuWatchLeave(watch);
}

qemuWatch *
qemuWatchNew(virIOLoop *io, const char *const *patterns, const qemuWatchCallbacks *callbacks,
             void *opaque)
{
    qemuWatch *watch;
    size_t i;
    int fd;

    if (g_strv_length((char **)patterns) > QEMU_WATCH_PATTERNS_MAX) {
        virReportError(VIR_ERR_INVALID_ARG, _("more than %1$d patterns of monitor sockets"),
                       QEMU_WATCH_PATTERNS_MAX);
        return NULL;
    }
    for (i = 0; patterns[i]; i++) {
        if (*patterns[i] != '/') {
            virReportError(VIR_ERR_INVALID_ARG,
                           _("pattern of monitor sockets '%1$s' is not an absolute path"),
                           patterns[i]);
            return NULL;
        }
    }
    if ((fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0) {
        virReportSystemError(errno, "%s", _("cannot watch directories"));
        return NULL;
    }

    watch = g_new0(qemuWatch, 1);
    watch->io = io;
    watch->callbacks = callbacks;
    watch->opaque = opaque;
    watch->fd = fd;
    watch->patterns = g_ptr_array_new_with_free_func((GDestroyNotify)qemuWatchPatternFree);
    watch->dirs = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
                                        (GDestroyNotify)qemuWatchDirFree);
    watch->ways = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    watch->sockets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (i = 0; patterns[i]; i++) {
        qemuWatchPattern *pattern = qemuWatchPatternNew(patterns[i]);

        if (pattern->parts->len > 0)
            g_ptr_array_add(watch->patterns, pattern);
        else
            qemuWatchPatternFree(pattern);      /* "/" is no socket */
    }
    watch->rescan = virIOLoopAddTimer(io, 0, qemuWatchRescanDue, watch);
    virIOLoopStopTimer(watch->rescan);
    watch->poll = virIOLoopAddTimer(io, 0, qemuWatchPollDue, watch);
    virIOLoopStopTimer(watch->poll);
    if (!(watch->handle = virIOLoopAddHandle(io, fd, EPOLLIN, qemuWatchReadable, watch))) {
        qemuWatchFree(watch);
        return NULL;
    }

    qemuWatchEnter(watch);
    qemuWatchWalkAll(watch);
    watch->calling--;
    return watch;
}

void
qemuWatchFree(qemuWatch *watch)
{
    if (!watch)
        return;
    qemuWatchStop(watch);
    watch->freed = true;
    if (watch->calling == 0)
        qemuWatchDestroy(watch);
}
