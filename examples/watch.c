/*
 * watch.c: prints every monitor event of every domain of a connection
 *
 * cc watch.c $(pkg-config --cflags --libs virtmon) -o watch
 * ./watch 'qemu:///embed?monitor=/run/vm/x.qmp'
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stopped;

static void
onSignal(int number)
{
    stopped = number;
}

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

/* Gives the loop a turn now and then, so that a signal is noticed. */
static void
onTick(int timer, void *opaque)
{
    (void)timer, (void)opaque;
}

int
main(int argc, char **argv)
{
    unsigned long count = 0;
    virConnectPtr conn;
    int id;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URI\n", argv[0]);
        return 2;
    }
    signal(SIGINT, onSignal);

    /* The loop first: without one, no event can be delivered. */
    if (virEventRegisterDefaultImpl() < 0 || virEventAddTimeout(200, onTick, NULL, NULL) < 0)
        return 1;
    if (!(conn = virConnectOpen(argv[1])))
        return 1;
    id = virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, onEvent, &count, NULL, 0);
    while (id >= 0 && !stopped) {
        if (virEventRunDefaultImpl() < 0)
            break;
    }

    /* A registration keeps its connection open: it goes first. */
    if (id >= 0)
        virConnectDomainQemuMonitorEventDeregister(conn, id);
    virConnectClose(conn);
    fprintf(stderr, "%lu events\n", count);
    return id < 0;
}
