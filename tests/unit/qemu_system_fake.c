/*
 * qemu_system_fake.c: a process that looks like a QEMU
 *
 * Its command line is for others to read. What it does is in its environment,
 * in this order:
 *
 *   FAKE_ROOT     a folder to take for its root
 *   FAKE_QMP      a path to play QEMU at, as qmppeer.h's peer does
 *   FAKE_UUID     its UUID there
 *   FAKE_LISTEN   a path to listen at, without a word to anybody
 *   FAKE_CHDIR    a folder to go to then
 *
 * Then it says "ready" and stays until its standard input ends, which it does
 * with the test at the latest.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmppeer.h"

static void
fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* Bound just as it is said, so that the kernel shows it so. */
static int
listenAt(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
        fail(path);
    return fd;
}

static char *
answer(const char *line, void *opaque)
{
    const char *uuid = opaque;
    g_autofree char *body = NULL;

    if (!uuid || !strstr(line, "\"query-uuid\""))
        return qmpPeerAnswerAll(line, NULL);
    body = g_strdup_printf("{\"UUID\": \"%s\"}", uuid);
    return qmpPeerReply(line, body);
}

int
main(void)
{
    const char *root = getenv("FAKE_ROOT");
    const char *qmp = getenv("FAKE_QMP");
    const char *other = getenv("FAKE_LISTEN");
    const char *folder = getenv("FAKE_CHDIR");
    g_autoptr(qmpPeer) peer = NULL;
    int listener = -1;
    char byte;

    /* A namespace of its own gives the right to change the root to whoever has it not. */
    if (root) {
        if (unshare(CLONE_NEWUSER) < 0) {
            puts("cannot");
            return 0;
        }
        if (chroot(root) < 0 || chdir("/") < 0)
            fail(root);
    }
    if (qmp)
        peer = qmpPeerNewOn(qmp, listenAt(qmp), QMP_PEER_GREETING, answer,
                            getenv("FAKE_UUID"));
    if (other)
        listener = listenAt(other);
    if (folder && chdir(folder) < 0)
        fail(folder);

    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    if (listener >= 0)
        close(listener);
    return 0;
}
