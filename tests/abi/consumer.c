/*
 * consumer.c: a program as an application's author would write it
 *
 * Compiled against one set of headers and libraries and run on the other: it opens what
 * URI it is given, waits for events until it has seen as many as asked, and prints what it
 * saw. Uses nothing that only one of the two has.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

static int wanted;
static int freed;

static void
onMonitor(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
          unsigned int micros, const char *details, void *opaque)
{
    (void)conn, (void)micros, (void)opaque;
    printf("%s %s %d %s\n", virDomainGetName(dom), event, seconds > 0, details ? details : "-");
    wanted--;
}

static int
onLifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    (void)conn, (void)opaque;
    printf("%s lifecycle %d %d\n", virDomainGetName(dom), event, detail);
    return 0;
}

static void
onTick(int timer, void *opaque)
{
    int *left = opaque;

    (void)timer;
    if (--*left == 0) {
        fprintf(stderr, "consumer: events did not come in time\n");
        exit(1);
    }
}

static void
onFree(void *opaque)
{
    (void)opaque;
    freed++;
}

static void
onError(void *opaque, virErrorPtr err)
{
    (void)opaque, (void)err;
}

int
main(int argc, char **argv)
{
    int ticks = 200;
    unsigned long version;
    virConnectPtr conn;
    int monitorID, lifecycleID;

    if (argc != 3)
        return 2;
    wanted = atoi(argv[2]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    virSetErrorFunc(NULL, onError);
    if (virGetVersion(&version, NULL, NULL) < 0 || version < 9000000)
        return 3;
    virEventRegisterDefaultImpl();
    virEventAddTimeout(100, onTick, &ticks, NULL);

    if (!(conn = virConnectOpenAuth(argv[1], virConnectAuthPtrDefault, 0))) {
        virErrorPtr err = virGetLastError();

        printf("error %d %d %s\n", err->code, err->domain, err->message);
        return 4;
    }
    printf("type %s\n", virConnectGetType(conn));
    if (wanted > 0) {
        monitorID = virConnectDomainQemuMonitorEventRegister(conn, NULL, "ST|RES", onMonitor, NULL,
                                                             onFree, 1);
        lifecycleID = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                       VIR_DOMAIN_EVENT_CALLBACK(onLifecycle),
                                                       NULL, onFree);
        printf("registered %d %d\n", monitorID, lifecycleID);
        while (wanted > 0) {
            if (virEventRunDefaultImpl() < 0)
                return 5;
        }
        if (virConnectDomainQemuMonitorEventDeregister(conn, monitorID) < 0 ||
            virConnectDomainEventDeregisterAny(conn, lifecycleID) < 0)
            return 6;
    }
    printf("freed %d\n", freed);
    printf("close %d\n", virConnectClose(conn));
    return 0;
}
