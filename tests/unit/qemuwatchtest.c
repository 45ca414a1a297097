/*
 * qemuwatchtest.c: sockets that come and go where a watch looks for them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_watch_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmppeer.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virioloop_priv.h"
#include "virthread.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

typedef struct {
    char *dir;                  /* everything is below */
    virIOLoop *io;
    qemuWatch *watch;
    char **patterns;
    bool freeInside;            /* the next callback frees the watch; the I/O thread's */
    virMutex lock;              /* guards all below */
    virCond cond;
    GString *seen;              /* "+NAME " and "-NAME ", NAME below @dir */
    GHashTable *there;          /* char *: what appeared and did not vanish */
    unsigned int appeared;      /* calls */
    ino_t ino;                  /* of the last that appeared */
    bool stopped, goOn;         /* the I/O thread, by stopThread() */
} Fixture;

static void
note(Fixture *f, const char *path, bool appeared, ino_t ino)
{
    const char *name = path + strlen(f->dir) + 1;

    if (f->freeInside)
        g_clear_pointer(&f->watch, qemuWatchFree);
    virMutexLock(&f->lock);
    g_assert_true(g_str_has_prefix(path, f->dir));
    if (f->seen->len < 10000)
        g_string_append_printf(f->seen, "%c%s ", appeared ? '+' : '-', name);
    if (appeared) {
        f->appeared++;
        f->ino = ino;
        g_hash_table_add(f->there, g_strdup(name));
    } else {
        g_assert_true(g_hash_table_remove(f->there, name));
    }
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onAppeared(const char *path, dev_t dev G_GNUC_UNUSED, ino_t ino, void *opaque)
{
    note(opaque, path, true, ino);
}

static void
onVanished(const char *path, void *opaque)
{
    note(opaque, path, false, 0);
}

static const qemuWatchCallbacks callbacks = { onAppeared, onVanished };

static void
startInThread(void *opaque)
{
    Fixture *f = opaque;

    f->watch = qemuWatchNew(f->io, (const char *const *)f->patterns, &callbacks, f);
}

static void
stopInThread(void *opaque)
{
    Fixture *f = opaque;

    qemuWatchFree(f->watch);
}

static char *
below(Fixture *f, const char *name)
{
    return g_build_filename(f->dir, name, NULL);
}

static void
setUp(Fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
    f->seen = g_string_new(NULL);
    f->there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    f->io = virIOLoopNew("test");
    g_assert_nonnull(f->io);
}

/* Watches the patterns given, which are below the fixture's directory; ends with NULL. */
static void G_GNUC_NULL_TERMINATED
watch(Fixture *f, const char *pattern, ...)
{
    g_autoptr(GPtrArray) patterns = g_ptr_array_new();
    va_list args;

    va_start(args, pattern);
    for (; pattern; pattern = va_arg(args, const char *))
        g_ptr_array_add(patterns, below(f, pattern));
    va_end(args);
    g_ptr_array_add(patterns, NULL);
    f->patterns = (char **)g_ptr_array_free(g_steal_pointer(&patterns), FALSE);
    virIOLoopInvokeWait(f->io, startInThread, f);
    g_assert_nonnull(f->watch);
}

static void
removeAll(const char *path)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        dir = g_dir_open(path, 0, NULL);
        while ((name = g_dir_read_name(dir))) {
            g_autofree char *each = g_build_filename(path, name, NULL);

            removeAll(each);
        }
        g_assert_cmpint(rmdir(path), ==, 0);
    } else {
        g_assert_cmpint(unlink(path), ==, 0);
    }
}

static void
tearDown(Fixture *f)
{
    virIOLoopInvokeWait(f->io, stopInThread, f);
    virIOLoopFree(f->io);
    removeAll(f->dir);
    g_strfreev(f->patterns);
    g_hash_table_unref(f->there);
    g_string_free(f->seen, TRUE);
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
    g_free(f->dir);
}

#define WAIT(f, condition) \
    do { \
        gint64 deadline_ = g_get_monotonic_time() + DEADLINE; \
        virMutexLock(&(f)->lock); \
        while (!(condition)) \
            g_assert_true(virCondWaitUntil(&(f)->cond, &(f)->lock, deadline_)); \
        virMutexUnlock(&(f)->lock); \
    } while (0)

#define WAIT_THERE(f, name) WAIT(f, g_hash_table_contains((f)->there, name))
#define WAIT_GONE(f, name) WAIT(f, !g_hash_table_contains((f)->there, name))

static void
checkSeen(Fixture *f, const char *expected)
{
    virMutexLock(&f->lock);
    g_assert_cmpstr(f->seen->str, ==, expected);
    virMutexUnlock(&f->lock);
}

static void
makeSocket(Fixture *f, const char *name)
{
    g_autofree char *path = below(f, name);

    close(qmpPeerListen(path, -1));
}

static void
makeDir(Fixture *f, const char *name)
{
    g_autofree char *path = below(f, name);

    g_assert_cmpint(mkdir(path, 0700), ==, 0);
}

static void
makeFile(Fixture *f, const char *name)
{
    g_autofree char *path = below(f, name);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
}

static void
makeLink(Fixture *f, const char *target, const char *name)
{
    g_autofree char *path = below(f, name);

    g_assert_cmpint(symlink(target, path), ==, 0);
}

static void
rid(Fixture *f, const char *name)
{
    g_autofree char *path = below(f, name);

    removeAll(path);
}

static void
move(Fixture *f, const char *from, const char *to)
{
    g_autofree char *a = below(f, from);
    g_autofree char *b = below(f, to);

    g_assert_cmpint(rename(a, b), ==, 0);
}

/* What has been made so far has been looked at when a socket made later has appeared: its
 * directory must be watched by itself. */
static void
settle(Fixture *f, const char *name)
{
    makeSocket(f, name);
    WAIT_THERE(f, name);
    rid(f, name);
    WAIT_GONE(f, name);
}

static void
testPlain(void)
{
    Fixture f;
    ino_t ino;

    setUp(&f);
    makeSocket(&f, "a");
    watch(&f, "a", "b", NULL);
    checkSeen(&f, "+a ");        /* before it returns */

    makeSocket(&f, "b");
    WAIT_THERE(&f, "b");
    WAIT(&f, (ino = f.ino) != 0);
    makeSocket(&f, "c");                            /* nobody asked for that one */
    rid(&f, "a");
    WAIT_GONE(&f, "a");
    /* Another socket takes its place, first beside it. */
    makeSocket(&f, "c2");
    move(&f, "c2", "b");
    WAIT(&f, f.appeared == 3);
    WAIT(&f, f.ino != ino);
    checkSeen(&f, "+a +b -a +b ");
    tearDown(&f);
}

static void
testGlob(void)
{
    Fixture f;

    setUp(&f);
    makeSocket(&f, "x.qmp");
    makeSocket(&f, ".hidden.qmp");
    makeSocket(&f, "other");
    makeFile(&f, "file.qmp");
    makeDir(&f, "dir.qmp");
    watch(&f, "*.qmp", "[ab]?z", "lit\\*", NULL);
    checkSeen(&f, "+x.qmp ");

    makeSocket(&f, "a1z");
    WAIT_THERE(&f, "a1z");
    makeSocket(&f, "c1z");
    makeSocket(&f, "lit1");
    makeSocket(&f, "lit*");
    WAIT_THERE(&f, "lit*");
    /* What was a file becomes a socket, and a file again. */
    makeSocket(&f, "beside");
    move(&f, "beside", "file.qmp");
    WAIT_THERE(&f, "file.qmp");
    makeFile(&f, "beside");
    move(&f, "beside", "file.qmp");
    WAIT_GONE(&f, "file.qmp");
    settle(&f, "end.qmp");
    checkSeen(&f, "+x.qmp +a1z +lit* +file.qmp -file.qmp +end.qmp -end.qmp ");
    tearDown(&f);
}

/* The same directory by several patterns, the same socket by two of them. */
static void
testOverlap(void)
{
    Fixture f;

    setUp(&f);
    watch(&f, "*.qmp", "a*", "a.qmp", "./a.qmp", NULL);
    makeSocket(&f, "a.qmp");
    WAIT_THERE(&f, "a.qmp");
    makeSocket(&f, "a.other");
    WAIT_THERE(&f, "a.other");
    rid(&f, "a.qmp");
    WAIT_GONE(&f, "a.qmp");
    checkSeen(&f, "+a.qmp +a.other -a.qmp ");
    tearDown(&f);
}

static void
testAccessChanges(void)
{
    g_autofree char *path = NULL;
    Fixture f;

    setUp(&f);
    makeSocket(&f, "a");
    watch(&f, "a", NULL);
    path = below(&f, "a");
    g_assert_cmpint(chmod(path, 0777), ==, 0);
    WAIT(&f, f.appeared == 2);
    tearDown(&f);
}

static void
testDirectories(void)
{
    Fixture f;

    setUp(&f);
    watch(&f, "run/vm*/q.sock", "run/deep/er/s", NULL);
    makeDir(&f, "run");
    makeDir(&f, "run/vm1");
    makeSocket(&f, "run/vm1/q.sock");
    WAIT_THERE(&f, "run/vm1/q.sock");
    makeDir(&f, "run/other");
    makeSocket(&f, "run/other/q.sock");
    makeDir(&f, "run/vm2");
    makeSocket(&f, "run/vm2/q.sock");
    WAIT_THERE(&f, "run/vm2/q.sock");
    makeDir(&f, "run/deep");
    makeDir(&f, "run/deep/er");
    makeSocket(&f, "run/deep/er/s");
    WAIT_THERE(&f, "run/deep/er/s");

    /* One moves away and back, one goes and comes again. */
    move(&f, "run/vm1", "run/away");
    WAIT_GONE(&f, "run/vm1/q.sock");
    move(&f, "run/away", "run/vm1");
    WAIT_THERE(&f, "run/vm1/q.sock");
    rid(&f, "run/vm2");
    WAIT_GONE(&f, "run/vm2/q.sock");
    makeDir(&f, "run/vm2");
    makeSocket(&f, "run/vm2/q.sock");
    WAIT_THERE(&f, "run/vm2/q.sock");

    move(&f, "run", "ran");
    WAIT(&f, g_hash_table_size(f.there) == 0);
    move(&f, "ran", "run");
    WAIT(&f, g_hash_table_size(f.there) == 3);
    rid(&f, "run");
    WAIT(&f, g_hash_table_size(f.there) == 0);
    makeDir(&f, "run");
    makeDir(&f, "run/deep");
    makeDir(&f, "run/deep/er");
    makeSocket(&f, "run/deep/er/s");
    WAIT_THERE(&f, "run/deep/er/s");
    tearDown(&f);
}

/* The link of a directory is made to lead elsewhere. */
static void
testLinks(void)
{
    Fixture f;

    setUp(&f);
    makeDir(&f, "one");
    makeDir(&f, "two");
    makeSocket(&f, "one/s");
    makeSocket(&f, "two/t");
    makeLink(&f, "one", "now");
    makeLink(&f, "one/s", "link");
    watch(&f, "now/*", "link", NULL);
    WAIT(&f, g_hash_table_size(f.there) == 2);
    WAIT_THERE(&f, "now/s");
    WAIT_THERE(&f, "link");

    makeLink(&f, "two", "next");
    move(&f, "next", "now");
    WAIT_THERE(&f, "now/t");
    WAIT_GONE(&f, "now/s");
    rid(&f, "now");
    WAIT_GONE(&f, "now/t");
    makeLink(&f, "one", "now");
    WAIT_THERE(&f, "now/s");
    rid(&f, "link");
    WAIT_GONE(&f, "link");
    tearDown(&f);
}

/* What a link leads to comes after it. */
static void
testDanglingLinks(void)
{
    Fixture f;

    setUp(&f);
    qemuWatchSetPoll(20);
    makeLink(&f, "target/later", "later");
    makeLink(&f, "loop", "loop");
    watch(&f, "later", "loop", "d*/x", "way/x", "sync", NULL);
    makeLink(&f, "target", "dir");
    makeLink(&f, "target", "way");
    settle(&f, "sync");         /* by now they have been seen to lead nowhere */
    makeDir(&f, "target");
    makeSocket(&f, "target/x");
    makeSocket(&f, "target/later");
    WAIT_THERE(&f, "later");
    WAIT_THERE(&f, "dir/x");
    WAIT_THERE(&f, "way/x");
    rid(&f, "dir");
    WAIT_GONE(&f, "dir/x");
    tearDown(&f);
    qemuWatchSetPoll(QEMU_WATCH_POLL_MS);
}

typedef struct {
    Fixture *f;
    guint64 count;
    bool due;                   /* another one */
} Walks;

static void
countInThread(void *opaque)
{
    Walks *walks = opaque;

    walks->count = qemuWatchWalks(walks->f->watch);
    walks->due = virIOLoopCountTimers(walks->f->io) > 0;
}

static Walks
countWalks(Fixture *f)
{
    Walks walks = { .f = f };

    virIOLoopInvokeWait(f->io, countInThread, &walks);
    return walks;
}

/* Files come and go by the thousand beside directories that are watched for: no walk for
 * those. */
static void
testBystanders(void)
{
    Walks walks;
    Fixture f;
    int i;

    setUp(&f);
    makeDir(&f, "vm");
    watch(&f, "*/s", NULL);
    for (i = 0; i < 1000; i++) {
        makeFile(&f, "tmp");
        rid(&f, "tmp");
    }
    settle(&f, "vm/s");
    checkSeen(&f, "+vm/s -vm/s ");
    walks = countWalks(&f);
    g_assert_cmpuint(walks.count, ==, 1);
    g_assert_false(walks.due);

    /* Whereas directories are what it is about. */
    makeDir(&f, "vm2");
    makeSocket(&f, "vm2/s");
    WAIT_THERE(&f, "vm2/s");
    g_assert_cmpuint(countWalks(&f).count, ==, 2);
    tearDown(&f);
}

static void
testSocketLimit(void)
{
    Fixture f;

    setUp(&f);
    qemuWatchSetLimits(QEMU_WATCH_DIRECTORIES_MAX, 2);
    makeSocket(&f, "a");
    watch(&f, "*", NULL);
    makeSocket(&f, "b");
    WAIT_THERE(&f, "b");
    makeSocket(&f, "c");
    rid(&f, "a");
    WAIT_GONE(&f, "a");
    WAIT_THERE(&f, "c");        /* there is room for it now */
    checkSeen(&f, "+a +b -a +c ");
    tearDown(&f);
    qemuWatchSetLimits(QEMU_WATCH_DIRECTORIES_MAX, QEMU_WATCH_SOCKETS_MAX);
}

/* Directories that can't be watched are looked at now and then, and those that are stay so. */
static void
testDirectoryLimit(void)
{
    Fixture f;
    size_t ways = 0;
    const char *p;
    int i;

    setUp(&f);
    qemuWatchSetPoll(20);
    /* Each directory on the way is one, and the one with those below. */
    for (p = f.dir; *p; p++)
        ways += *p == '/';
    qemuWatchSetLimits(ways + 2, QEMU_WATCH_SOCKETS_MAX);
    makeDir(&f, "vm1");
    makeDir(&f, "vm2");
    makeDir(&f, "vm3");
    watch(&f, "*/s", NULL);
    for (i = 0; i < 3; i++) {
        makeSocket(&f, "vm1/s");
        makeSocket(&f, "vm2/s");
        makeSocket(&f, "vm3/s");
        WAIT(&f, g_hash_table_size(f.there) == 3);
        rid(&f, "vm1/s");
        rid(&f, "vm2/s");
        rid(&f, "vm3/s");
        WAIT(&f, g_hash_table_size(f.there) == 0);
    }
    tearDown(&f);
    qemuWatchSetPoll(QEMU_WATCH_POLL_MS);
    qemuWatchSetLimits(QEMU_WATCH_DIRECTORIES_MAX, QEMU_WATCH_SOCKETS_MAX);
}

static void
stopThread(void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->stopped = true;
    virCondBroadcast(&f->cond);
    while (!f->goOn)
        virCondWait(&f->cond, &f->lock);
    virMutexUnlock(&f->lock);
}

/* More changes than the kernel keeps: what was missed is found all the same. */
static void
testOverflow(void)
{
    g_autofree char *text = NULL;
    guint64 most, i;
    Fixture f;

    if (!g_file_get_contents("/proc/sys/fs/inotify/max_queued_events", &text, NULL, NULL) ||
        (most = g_ascii_strtoull(text, NULL, 10)) > 200000) {
        g_test_skip("the kernel keeps too many changes to overflow it");
        return;
    }
    setUp(&f);
    makeSocket(&f, "old.qmp");
    makeDir(&f, "vm");
    watch(&f, "*.qmp", "vm/*/s", NULL);
    virIOLoopInvoke(f.io, stopThread, &f);
    WAIT(&f, f.stopped);

    makeFile(&f, "x");
    makeFile(&f, "y");
    for (i = 0; i <= most / 2; i++) {
        move(&f, "x", "x2");        /* as two in a row that are the same become one */
        move(&f, "x2", "x");
    }
    rid(&f, "old.qmp");
    makeSocket(&f, "new.qmp");
    makeDir(&f, "vm/1");
    makeSocket(&f, "vm/1/s");
    checkSeen(&f, "+old.qmp ");

    virMutexLock(&f.lock);
    f.goOn = true;
    virCondBroadcast(&f.cond);
    virMutexUnlock(&f.lock);
    WAIT_GONE(&f, "old.qmp");
    WAIT_THERE(&f, "new.qmp");
    WAIT_THERE(&f, "vm/1/s");
    tearDown(&f);
}

static void
testMany(void)
{
    Fixture f;
    int i;

    setUp(&f);
    watch(&f, "vm/*/q", NULL);
    makeDir(&f, "vm");
    for (i = 0; i < 300; i++) {
        g_autofree char *dir = g_strdup_printf("vm/%d", i);
        g_autofree char *sock = g_strdup_printf("vm/%d/q", i);

        makeDir(&f, dir);
        makeSocket(&f, sock);
    }
    WAIT(&f, g_hash_table_size(f.there) == 300);
    rid(&f, "vm");
    WAIT(&f, g_hash_table_size(f.there) == 0);
    tearDown(&f);
}

static void
freeInsideInThread(void *opaque)
{
    Fixture *f = opaque;

    f->freeInside = true;
}

static void
testFreeInside(void)
{
    Fixture f;
    int i;

    /* In a change, and in a walk. */
    for (i = 0; i < 2; i++) {
        setUp(&f);
        watch(&f, "*", "d/*", NULL);
        virIOLoopInvokeWait(f.io, freeInsideInThread, &f);
        if (i == 0) {
            makeSocket(&f, "a");
        } else {
            makeDir(&f, "e");
            makeSocket(&f, "e/a");
            makeSocket(&f, "e/b");
            move(&f, "e", "d");
        }
        WAIT(&f, f.appeared > 0);
        makeSocket(&f, "c");
        tearDown(&f);
        g_assert_cmpuint(f.appeared, ==, 1);
    }
}

typedef struct {
    virIOLoop *io;
    const char *const *patterns;
    int code;
} Refusal;

static void
refuseInThread(void *opaque)
{
    Refusal *refusal = opaque;

    virResetLastError();
    g_assert_null(qemuWatchNew(refusal->io, refusal->patterns, &callbacks, NULL));
    refusal->code = virGetLastErrorCode();
}

static void
testRefusals(void)
{
    const char *const relative[] = { "/a", "b", NULL };
    const char *many[QEMU_WATCH_PATTERNS_MAX + 2] = { NULL };
    Refusal refusal = { .io = virIOLoopNew("test"), .patterns = relative };
    size_t i;

    virIOLoopInvokeWait(refusal.io, refuseInThread, &refusal);
    g_assert_cmpint(refusal.code, ==, VIR_ERR_INVALID_ARG);
    for (i = 0; i <= QEMU_WATCH_PATTERNS_MAX; i++)
        many[i] = "/a";
    refusal.patterns = many;
    virIOLoopInvokeWait(refusal.io, refuseInThread, &refusal);
    g_assert_cmpint(refusal.code, ==, VIR_ERR_INVALID_ARG);
    virIOLoopFree(refusal.io);
}

static void
testNothing(void)
{
    Fixture f;

    setUp(&f);
    f.patterns = g_strsplit("/,//.", ",", -1);
    virIOLoopInvokeWait(f.io, startInThread, &f);
    g_assert_nonnull(f.watch);
    g_assert_cmpuint(f.appeared, ==, 0);
    tearDown(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/watch/plain", testPlain);
    g_test_add_func("/qemu/watch/glob", testGlob);
    g_test_add_func("/qemu/watch/overlap", testOverlap);
    g_test_add_func("/qemu/watch/access-changes", testAccessChanges);
    g_test_add_func("/qemu/watch/directories", testDirectories);
    g_test_add_func("/qemu/watch/links", testLinks);
    g_test_add_func("/qemu/watch/dangling-links", testDanglingLinks);
    g_test_add_func("/qemu/watch/bystanders", testBystanders);
    g_test_add_func("/qemu/watch/socket-limit", testSocketLimit);
    g_test_add_func("/qemu/watch/directory-limit", testDirectoryLimit);
    g_test_add_func("/qemu/watch/overflow", testOverflow);
    g_test_add_func("/qemu/watch/many", testMany);
    g_test_add_func("/qemu/watch/free-inside", testFreeInside);
    g_test_add_func("/qemu/watch/refusals", testRefusals);
    g_test_add_func("/qemu/watch/nothing", testNothing);
    return testRunCountingFds();
}
