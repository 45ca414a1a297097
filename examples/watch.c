/*
 * watch.c: prints monitor events of every domain of a connection
 *
 *     watch URI [EVENT]
 *
 * Built on the public API only: the same program runs on virtmon and on libvirt.
 * How to build it is in README.md beside this file.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static int wakePipe[2];         /* a signal handler writes, the event loop reads */
static bool running = true;

/* A flag alone would be noticed only when the next event ends the loop's wait. */
static void
onSignal(int number)
{
    int saved = errno;

    if (write(wakePipe[1], "", 1) < 0)
        _exit(128 + number);
    errno = saved;
}

static void
onWake(int watch, int fd, int events, void *opaque)
{
    (void)watch, (void)fd, (void)events, (void)opaque;
    running = false;
}

/* Runs in the thread that runs the event loop. All but opaque is the library's, and lives no
 * longer than this call. */
static void
onEvent(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    unsigned long *count = opaque;

    (void)conn;
    printf("%lld.%06u %s %s %s\n", seconds, micros, virDomainGetName(dom), event,
           details ? details : "");
    fflush(stdout);
    (*count)++;
}

int
main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = onSignal, .sa_flags = SA_RESTART };
    unsigned long count = 0;
    virConnectPtr conn;
    int id;

    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s URI [EVENT]\n", argv[0]);
        return 2;
    }
    if (pipe(wakePipe) < 0) {
        perror("pipe");
        return 1;
    }

    /* The event loop comes first: without one, nothing can be registered. Whatever fails from
     * here on has been printed by the library, as no error handler is set. */
    if (virEventRegisterDefaultImpl() < 0 ||
        virEventAddHandle(wakePipe[0], VIR_EVENT_HANDLE_READABLE, onWake, NULL, NULL) < 0 ||
        !(conn = virConnectOpen(argv[1])))
        return 1;

    /* No domain: of all of them, also of those that come later. No name: every event. */
    id = virConnectDomainQemuMonitorEventRegister(conn, NULL, argc == 3 ? argv[2] : NULL,
                                                  onEvent, &count, NULL, 0);
    if (id < 0) {
        virConnectClose(conn);
        return 1;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (running && virEventRunDefaultImpl() == 0)
        ;

    /* A registration keeps its connection open, so it goes first. */
    virConnectDomainQemuMonitorEventDeregister(conn, id);
    virConnectClose(conn);
    fprintf(stderr, "%lu events\n", count);
    return 0;
}
