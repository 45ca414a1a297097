/*
 * qemu_process.c: what the kernel tells of a process
 *
 * Reads /proc, and nothing else: starts, signals and traces nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu_cmdline.h"
#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Much more than any of the small files in /proc/PID holds. */
#define QEMU_PROCESS_FILE_MAX 4096

/* __SO_ACCEPTCON, as /proc/net/unix shows it for a socket that is listening. */
#define QEMU_PROCESS_SOCKET_LISTENING 0x10000

/**
 * qemuProcessRead:
 * @pid: the process
 * @name: of the file in its directory
 * @max: the longest content wanted
 * @len: its length
 *
 * Returns the content, NUL-terminated, or NULL with errno set: EFBIG if it is longer.
 */
static char *
qemuProcessRead(pid_t pid, const char *name, size_t max, size_t *len)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/%s", (long long)pid, name);
    GString *content;
    char chunk[4096];
    ssize_t got;
    int fd, err = 0;

    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return NULL;

    content = g_string_new(NULL);
    while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
        if (got < 0) {
            if (errno == EINTR)
                continue;
            err = errno;
            break;
        }
        if ((size_t)got > max - content->len) {
            err = EFBIG;
            break;
        }
        g_string_append_len(content, chunk, got);
    }
    close(fd);
    if (err) {
        g_string_free(content, TRUE);
        errno = err;
        return NULL;
    }
    *len = content->len;
    return g_string_free(content, FALSE);
}

static char *
qemuProcessLink(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/%s", (long long)pid, name);
    char target[PATH_MAX + 1];
    ssize_t len = readlink(path, target, sizeof(target) - 1);

    return len > 0 ? g_strndup(target, len) : NULL;
}

char **
qemuProcessArgs(pid_t pid)
{
    g_autofree char *text = NULL;
    GPtrArray *args;
    size_t len = 0, i;

    if (!(text = qemuProcessRead(pid, "cmdline", QEMU_CMDLINE_BYTES_MAX, &len)) || len == 0)
        return NULL;

    args = g_ptr_array_new();
    for (i = 0; i < len; i += strlen(text + i) + 1)
        g_ptr_array_add(args, g_strdup(text + i));
    g_ptr_array_add(args, NULL);
    return (char **)g_ptr_array_free(args, FALSE);
}

char *
qemuProcessProgram(pid_t pid)
{
    char *program = qemuProcessLink(pid, "exe");

    /* upgraded while it runs: still the same program */
    if (program && g_str_has_suffix(program, " (deleted)"))
        program[strlen(program) - strlen(" (deleted)")] = '\0';
    return program;
}

char *
qemuProcessTitle(pid_t pid)
{
    char *title = qemuProcessProgram(pid);
    size_t len;

    if (!title && (title = qemuProcessRead(pid, "comm", QEMU_PROCESS_FILE_MAX, &len)))
        g_strchomp(title);
    return title;
}

static bool
qemuProcessIsQemuName(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);

    return g_str_has_prefix(base, "qemu-system-") || g_str_equal(base, "qemu-kvm") ||
           g_str_equal(base, "kvm") || g_str_equal(base, "qemu");
}

bool
qemuProcessIsQemu(pid_t pid)
{
    g_autofree char *program = qemuProcessProgram(pid);
    g_auto(GStrv) args = NULL;

    if (program && qemuProcessIsQemuName(program))
        return true;
    args = qemuProcessArgs(pid);
    return args && args[0] && qemuProcessIsQemuName(args[0]);
}

/* Field @number of /proc/PID/stat, counted as proc(5) does; only those behind the
 * program's name, which may hold anything. */
static guint64
qemuProcessStatField(const char *stat, unsigned int number)
{
    const char *p = strrchr(stat, ')');
    unsigned int field = 2;

    while (p && field < number) {
        p = strchr(p, ' ');
        if (p)
            p++;
        field++;
    }
    return p ? g_ascii_strtoull(p, NULL, 10) : 0;
}

guint64
qemuProcessStartTime(pid_t pid)
{
    size_t len;
    g_autofree char *stat = qemuProcessRead(pid, "stat", QEMU_PROCESS_FILE_MAX, &len);

    return stat ? qemuProcessStatField(stat, 22) : 0;
}

guint64
qemuProcessCpuTime(pid_t pid)
{
    size_t len;
    g_autofree char *stat = qemuProcessRead(pid, "stat", QEMU_PROCESS_FILE_MAX, &len);
    long hz = sysconf(_SC_CLK_TCK);

    if (!stat || hz <= 0)
        return 0;
    return (qemuProcessStatField(stat, 14) + qemuProcessStatField(stat, 15)) *
           (G_GUINT64_CONSTANT(1000000000) / (guint64)hz);
}

char *
qemuProcessBootID(void)
{
    char *id = NULL;

    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &id, NULL, NULL))
        return g_strdup("");
    return g_strstrip(id);
}

static bool
qemuProcessSameFile(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The value of @name in the environment that the process was started with. */
static char *
qemuProcessEnvironment(pid_t pid, const char *name)
{
    size_t nameLen = strlen(name), len, i;
    g_autofree char *text = qemuProcessRead(pid, "environ", QEMU_CMDLINE_BYTES_MAX, &len);

    for (i = 0; text && i < len; i += strlen(text + i) + 1) {
        if (strncmp(text + i, name, nameLen) == 0 && text[i + nameLen] == '=')
            return g_strdup(text + i + nameLen + 1);
    }
    return NULL;
}

/**
 * qemuProcessReach:
 * @path: as people know it
 * @link: the same by way of the process
 *
 * Returns whichever of the two leads to what is there; NULL if nothing is.
 */
static char *
qemuProcessReach(const char *path, const char *link)
{
    if (access(link, F_OK) < 0)
        return NULL;
    /* The plain path is better wherever it is the same file. */
    return g_strdup(qemuProcessSameFile(path, link) ? path : link);
}

static char *
qemuProcessReachAbsolute(pid_t pid, const char *path)
{
    g_autofree char *link = g_strdup_printf("/proc/%lld/root%s", (long long)pid, path);

    return qemuProcessReach(path, link);
}

char *
qemuProcessResolvePath(pid_t pid, const char *path)
{
    g_autofree char *link = NULL;
    g_autofree char *full = NULL;
    g_autofree char *cwd = NULL;
    g_autofree char *start = NULL;
    char *found;

    if (*path == '/') {
        found = qemuProcessReachAbsolute(pid, path);
        return found ? found : g_strdup(path);
    }

    if (!(cwd = qemuProcessLink(pid, "cwd")))
        return NULL;
    full = g_build_filename(cwd, path, NULL);
    link = g_strdup_printf("/proc/%lld/cwd/%s", (long long)pid, path);
    if ((found = qemuProcessReach(full, link)))
        return found;

    /* With -daemonize, QEMU has changed to "/" since it opened its sockets. */
    start = qemuProcessEnvironment(pid, "PWD");
    if (start && *start == '/') {
        g_autofree char *started = g_build_filename(start, path, NULL);

        if ((found = qemuProcessReachAbsolute(pid, started)))
            return found;
    }
    return g_steal_pointer(&full);
}

static guint64
qemuProcessSocketInode(pid_t pid, const char *fd)
{
    g_autofree char *name = g_strdup_printf("fd/%s", fd);
    g_autofree char *target = qemuProcessLink(pid, name);

    if (!target || !g_str_has_prefix(target, "socket:["))
        return 0;
    return g_ascii_strtoull(target + strlen("socket:["), NULL, 10);
}

/* Calls @func for each unix socket of the network namespace of @pid that is bound to a path, until
 * it returns false. */
typedef bool (*qemuProcessSocketFunc)(guint64 inode, unsigned long flags, const char *path,
                                      void *opaque);

static void
qemuProcessForEachSocket(pid_t pid, qemuProcessSocketFunc func, void *opaque)
{
    g_autofree char *name = g_strdup_printf("/proc/%lld/net/unix", (long long)pid);
    g_autofree char *line = NULL;
    size_t size = 0;
    ssize_t len;
    FILE *file = fopen(name, "re");

    if (!file)
        return;

    /* Num: RefCount Protocol Flags Type St Inode Path */
    while ((len = getline(&line, &size, file)) > 0) {
        unsigned long flags;
        unsigned long long inode;
        int at = 0;

        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        /* '@' begins an abstract name, which is no path. */
        if (sscanf(line, "%*s %*s %*s %lx %*s %*s %llu %n", &flags, &inode, &at) == 2 &&
            at > 0 && line[at] && line[at] != '@' && !func(inode, flags, line + at, opaque))
            break;
    }
    fclose(file);
}

typedef struct {
    guint64 inode;
    char *path;
} qemuProcessFindSocket;

static bool
qemuProcessMatchSocket(guint64 inode, unsigned long flags G_GNUC_UNUSED, const char *path,
                       void *opaque)
{
    qemuProcessFindSocket *find = opaque;

    if (inode != find->inode)
        return true;
    find->path = g_strdup(path);
    return false;
}

char *
qemuProcessSocketPath(pid_t pid, int fd)
{
    g_autofree char *number = g_strdup_printf("%d", fd);
    qemuProcessFindSocket find = { qemuProcessSocketInode(pid, number), NULL };

    if (find.inode)
        qemuProcessForEachSocket(pid, qemuProcessMatchSocket, &find);
    return find.path;
}

typedef struct {
    GHashTable *inodes;
    GPtrArray *paths;
} qemuProcessFindListeners;

static bool
qemuProcessMatchListener(guint64 inode, unsigned long flags, const char *path, void *opaque)
{
    qemuProcessFindListeners *find = opaque;

    if ((flags & QEMU_PROCESS_SOCKET_LISTENING) && g_hash_table_contains(find->inodes, &inode))
        g_ptr_array_add(find->paths, g_strdup(path));
    return find->paths->len < QEMU_PROCESS_LISTENERS_MAX;
}

GPtrArray *
qemuProcessListeners(pid_t pid)
{
    g_autofree char *name = g_strdup_printf("/proc/%lld/fd", (long long)pid);
    g_autoptr(GHashTable) inodes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    qemuProcessFindListeners find = { inodes, g_ptr_array_new_with_free_func(g_free) };
    struct dirent *entry;
    DIR *dir = opendir(name);

    if (!dir)
        return find.paths;
    while ((entry = readdir(dir))) {
        guint64 inode = qemuProcessSocketInode(pid, entry->d_name);

        if (inode)
            g_hash_table_add(inodes, g_memdup2(&inode, sizeof(inode)));
    }
    closedir(dir);
    qemuProcessForEachSocket(pid, qemuProcessMatchListener, &find);
    return find.paths;
}

bool
qemuProcessCanInspect(pid_t pid)
{
    g_autofree char *name = g_strdup_printf("/proc/%lld/fd", (long long)pid);
    DIR *dir = opendir(name);

    if (!dir)
        return false;
    closedir(dir);
    return true;
}

int
qemuProcessCheck(pid_t pid)
{
    g_autofree char *cmdline = NULL;
    g_autofree char *stat = NULL;
    const char *state;
    size_t len = 0;
    int err = 0;

    if (!(cmdline = qemuProcessRead(pid, "cmdline", QEMU_CMDLINE_BYTES_MAX, &len)))
        err = errno;
    if (pid <= 0 || (err && kill(pid, 0) < 0 && errno == ESRCH)) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("there is no process with PID %1$lld"),
                       (long long)pid);
        return -1;
    }
    if (err) {
        /* it is there, and /proc is mounted so that it hides other users' processes */
        if (err == ENOENT)
            err = EACCES;
        virReportSystemError(err, _("cannot read the command line of process %1$lld"),
                             (long long)pid);
        return -1;
    }

    stat = qemuProcessRead(pid, "stat", QEMU_PROCESS_FILE_MAX, &len);
    state = stat ? strrchr(stat, ')') : NULL;
    if (state && (g_str_has_prefix(state, ") Z") || g_str_has_prefix(state, ") X"))) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("process %1$lld has ended, but is not yet waited for by its parent"),
                       (long long)pid);
        return -1;
    }
    return 0;
}
