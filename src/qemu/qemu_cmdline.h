/*
 * qemu_cmdline.h: what a QEMU process's command line says of its sockets
 *
 * Reads words, starts nothing, connects to nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

/* Longest command line looked at; the kernel allows 2 MiB in all by default. */
#define QEMU_CMDLINE_BYTES_MAX (4 * 1024 * 1024)
/* Sockets of one kind that are kept: QEMUs have a handful. */
#define QEMU_CMDLINE_SOCKETS_MAX 256

typedef struct {
    GPtrArray *monitors;        /* char *: paths of unix sockets with a QMP monitor, in order */
    GPtrArray *monitorFds;      /* int in the pointer: QMP sockets passed as open fds (fd=N) */
    size_t otherMonitors;       /* monitors on anything else (stdio, TCP, a file), or not QMP */
    GPtrArray *sockets;         /* char *: paths of unix sockets that are no QMP monitors */
    bool readsConfig;           /* -readconfig: there may be more than is said here */
    char *agentChardev;         /* id of the guest agent's character device, or NULL */
    char *agent;                /* path of its unix socket, or NULL */
    int agentFd;                /* its socket, passed as an open fd, or -1 */
} qemuCmdline;

/**
 * qemuCmdlineParse:
 * @args: NULL-terminated; args[0] is the program
 *
 * Understands -qmp and -qmp-pretty, -chardev with -mon and -set, and for the agent a chardev
 * that a virtserialport named org.qemu.guest_agent.0 uses; one dash or two, "key=value" or, as
 * QEMU takes it for ever more options, a JSON object.
 *
 * Returns a new object, never NULL: what isn't understood is left out.
 */
qemuCmdline *qemuCmdlineParse(char **args);
void qemuCmdlineFree(qemuCmdline *cmdline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuCmdline, qemuCmdlineFree)
