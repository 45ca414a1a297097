/*
 * remote_daemon_pidfile.c: a file that says which process serves, and that no other does
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_RPC

struct _remoteDaemonPidFile {
    char *path;
    int fd;                     /* locked as long as it is open */
};

static void
remoteDaemonPidFileReportHeld(const char *path, int fd)
{
    char other[32] = "";

    if (pread(fd, other, sizeof(other) - 1, 0) <= 0)
        g_strlcpy(other, "?", sizeof(other));
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("another virtmond, process %1$s, holds '%2$s' already"), g_strchomp(other),
                   path);
}

/* Is @fd what @path leads to? Another process may have removed it, with its lock on it. */
static bool
remoteDaemonPidFileIsAt(int fd, const char *path)
{
    struct stat own;
    struct stat there;

    return fstat(fd, &own) == 0 && stat(path, &there) == 0 && own.st_dev == there.st_dev &&
        own.st_ino == there.st_ino;
}

/* Returns the locked file, or -1 with an error reported. */
static int
remoteDaemonPidFileLock(const char *path)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);

        if (fd < 0) {
            virReportSystemError(errno, _("cannot open '%1$s'"), path);
            return -1;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            if (errno == EWOULDBLOCK)
                remoteDaemonPidFileReportHeld(path, fd);
            else
                virReportSystemError(errno, _("cannot lock '%1$s'"), path);
            close(fd);
            return -1;
        }
        if (remoteDaemonPidFileIsAt(fd, path))
            return fd;
        close(fd);
    }
}

remoteDaemonPidFile *
remoteDaemonPidFileNew(const char *path)
{
    g_autoptr(remoteDaemonPidFile) file = NULL;
    char mine[32];
    int fd = remoteDaemonPidFileLock(path);

    if (fd < 0)
        return NULL;
    file = g_new0(remoteDaemonPidFile, 1);
    file->path = g_strdup(path);
    file->fd = fd;
    g_snprintf(mine, sizeof(mine), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, mine, strlen(mine), 0) != (ssize_t)strlen(mine)) {
        virReportSystemError(errno, _("cannot write '%1$s'"), path);
        return NULL;
    }
    return g_steal_pointer(&file);
}

void
remoteDaemonPidFileFree(remoteDaemonPidFile *file)
{
    if (!file)
        return;
    /* Before the lock goes, or it could be another's. */
    if (remoteDaemonPidFileIsAt(file->fd, file->path))
        unlink(file->path);
    close(file->fd);
    g_free(file->path);
    g_free(file);
}
