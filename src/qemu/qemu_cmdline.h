/*
 * qemu_cmdline.h: what a QEMU process's command line says of its sockets
 *
 * Reads words, starts nothing, connects to nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <glib.h>

/* Longest command line looked at; the kernel allows 2 MiB in all by default. */
#define QEMU_CMDLINE_BYTES_MAX (4 * 1024 * 1024)

typedef struct {
    char *name;                 /* -name, or NULL */
    char *uuid;                 /* -uuid, or NULL */
    GPtrArray *monitors;        /* char *: paths of unix sockets with a QMP monitor, in order */
    GPtrArray *monitorFds;      /* int in the pointer: QMP sockets passed as open fds (fd=N) */
    char *agent;                /* path of the guest agent's unix socket, or NULL */
    size_t otherMonitors;       /* QMP monitors on anything else (stdio, TCP, a file, HMP) */
} qemuCmdline;

/**
 * qemuCmdlineParse:
 * @args: NULL-terminated; args[0] is the program
 *
 * Understands -qmp, -qmp-pretty, -chardev with -mon (option and JSON syntax, both dash
 * styles, -readconfig excepted), and for the agent a chardev that a virtserialport named
 * org.qemu.guest_agent.0 uses.
 *
 * Returns a new object, never NULL: what isn't understood is left out.
 */
qemuCmdline *qemuCmdlineParse(char **args);
void qemuCmdlineFree(qemuCmdline *cmdline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuCmdline, qemuCmdlineFree)
