/*
 * qemu_attach.c: from a QEMU process to its domain
 *
 * Finds out where the QMP socket of a process may be, and tries. Connecting
 * itself is qemu_instance.c's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_attach.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "qemu_cmdline.h"
#include "qemu_process.h"
#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qemuAttachSocketsFree(qemuAttachSockets *sockets)
{
    if (!sockets)
        return;
    g_ptr_array_unref(sockets->paths);
    g_free(sockets);
}

/* @path is as the process was told it; each is kept once. Returns whether it could be found
 * out. */
static bool
qemuAttachAddPath(qemuAttachSockets *sockets, pid_t pid, const char *path)
{
    g_autofree char *resolved = qemuProcessResolvePath(pid, path);

    if (!resolved)
        return false;
    if (!g_ptr_array_find_with_equal_func(sockets->paths, resolved, g_str_equal, NULL))
        g_ptr_array_add(sockets->paths, g_steal_pointer(&resolved));
    return true;
}

/* A file that QEMU was configured with may name a monitor: try what it listens on. QMP speaks
 * first, so others are told apart without a word to them. What the command line says to be
 * something else is left alone, as a client may be all that its user waits for. */
static void
qemuAttachGuess(qemuAttachSockets *sockets, pid_t pid, const qemuCmdline *cmdline)
{
    g_autoptr(GPtrArray) listeners = qemuProcessListeners(pid);
    g_autofree char *agent = NULL;
    size_t i;

    if (cmdline->agentFd >= 0)
        agent = qemuProcessSocketPath(pid, cmdline->agentFd);
    for (i = 0; i < listeners->len; i++) {
        const char *path = g_ptr_array_index(listeners, i);

        if (g_strcmp0(path, agent) != 0 &&
            !g_ptr_array_find_with_equal_func(cmdline->sockets, path, g_str_equal, NULL))
            qemuAttachAddPath(sockets, pid, path);
    }
    sockets->guessed = sockets->paths->len > 0;
}

/* @hidden: there may be one, but we may not know where. */
static void
qemuAttachReportNone(pid_t pid, const qemuCmdline *cmdline, bool hidden)
{
    if (hidden)
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("no permission to find out where the QMP socket of QEMU process "
                         "%1$lld is"), (long long)pid);
    else if (cmdline->monitorFds->len > 0)
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("the QMP socket of QEMU process %1$lld, which was passed to it open, is "
                         "not bound to a path"), (long long)pid);
    else if (cmdline->otherMonitors > 0)
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("QEMU process %1$lld has no QMP monitor on a listening unix socket, only "
                         "monitors of other kinds; start it with "
                         "-qmp unix:PATH,server=on,wait=off"), (long long)pid);
    else
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("QEMU process %1$lld has no QMP monitor; start it with "
                         "-qmp unix:PATH,server=on,wait=off"), (long long)pid);
}

qemuAttachSockets *
qemuAttachFindSockets(pid_t pid)
{
    g_autoptr(qemuAttachSockets) sockets = NULL;
    g_autoptr(qemuCmdline) cmdline = NULL;
    g_auto(GStrv) args = NULL;
    bool hidden = false;
    size_t i;

    if (qemuProcessCheck(pid) < 0)
        return NULL;
    if (!qemuProcessIsQemu(pid) || !(args = qemuProcessArgs(pid))) {
        g_autofree char *title = qemuProcessTitle(pid);

        virReportError(VIR_ERR_OPERATION_FAILED, _("process %1$lld is not a QEMU but '%2$s'"),
                       (long long)pid, title ? title : "?");
        return NULL;
    }

    cmdline = qemuCmdlineParse(args);
    sockets = g_new0(qemuAttachSockets, 1);
    sockets->paths = g_ptr_array_new_with_free_func(g_free);
    for (i = 0; i < cmdline->monitors->len; i++) {
        if (!qemuAttachAddPath(sockets, pid, g_ptr_array_index(cmdline->monitors, i)))
            hidden = true;
    }
    for (i = 0; i < cmdline->monitorFds->len; i++) {
        int fd = GPOINTER_TO_INT(g_ptr_array_index(cmdline->monitorFds, i));
        g_autofree char *path = qemuProcessSocketPath(pid, fd);

        if (path)
            qemuAttachAddPath(sockets, pid, path);
    }
    if (sockets->paths->len == 0 && cmdline->readsConfig)
        qemuAttachGuess(sockets, pid, cmdline);
    if (sockets->paths->len == 0) {
        if (cmdline->monitorFds->len > 0 || cmdline->readsConfig)
            hidden |= !qemuProcessCanInspect(pid);
        qemuAttachReportNone(pid, cmdline, hidden);
        return NULL;
    }
    return g_steal_pointer(&sockets);
}

/* The last failure stands for all; a busy monitor for the others, as it can be waited for. */
static void
qemuAttachReport(pid_t pid, const char *path, qemuInstanceAttachOutcome outcome,
                 const char *message, const qemuAttachSockets *sockets)
{
    if (outcome == QEMU_INSTANCE_ATTACH_BUSY && !sockets->guessed)
        virReportError(VIR_ERR_RESOURCE_BUSY,
                       _("QMP monitor '%1$s' of QEMU process %2$lld is busy: %3$s"), path,
                       (long long)pid, message);
    else if (sockets->guessed)
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("QEMU process %1$lld names no QMP monitor on its command line, and none "
                         "of the sockets that it listens on is a free one; the last was '%2$s': "
                         "%3$s"), (long long)pid, path, message);
    else if (access(path, W_OK) < 0 && errno == EACCES)
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("no permission to use QMP monitor '%1$s' of QEMU process %2$lld"), path,
                       (long long)pid);
    else
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("cannot attach to QMP monitor '%1$s' of QEMU process %2$lld: %3$s"), path,
                       (long long)pid, message);
}

virDomainObj *
qemuAttachProcess(qemuInstance *instance, pid_t pid)
{
    g_autoptr(qemuAttachSockets) sockets = NULL;
    qemuInstanceAttachOutcome worst = QEMU_INSTANCE_ATTACH_FAILED;
    g_autofree char *worstMessage = NULL;
    const char *worstPath = NULL;
    virDomainObj *dom = NULL;
    size_t i;

    if ((dom = qemuInstanceFindByPid(instance, pid)))
        return dom;
    if (!(sockets = qemuAttachFindSockets(pid)))
        return NULL;

    for (i = 0; i < sockets->paths->len; i++) {
        const char *path = g_ptr_array_index(sockets->paths, i);
        g_autofree char *message = NULL;
        qemuInstanceAttachOutcome outcome = qemuInstanceAttach(instance, path, pid, &dom, &message);

        if (outcome == QEMU_INSTANCE_ATTACH_OK)
            return dom;
        if (worst == QEMU_INSTANCE_ATTACH_BUSY && outcome != QEMU_INSTANCE_ATTACH_BUSY)
            continue;
        worst = outcome;
        worstPath = path;
        g_free(worstMessage);
        worstMessage = g_steal_pointer(&message);
    }
    /* Another caller or the watch may have been first, on another of its sockets. */
    if ((dom = qemuInstanceFindByPid(instance, pid)))
        return dom;
    qemuAttachReport(pid, worstPath, worst, worstMessage, sockets);
    return NULL;
}
