/*
 * calls.c: asks what `virsh list` asks, again and again, and says how long it took
 *
 *     calls URI COUNT PAUSE-MS
 *
 * Prints "connected", and then a line with microseconds for each list of all domains with their
 * names, IDs and states, when it is complete: so whoever reads along knows of a call that does
 * not end. Not an application that waits for events: that is client.c. The same binary runs with
 * any libvirt.so.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void
fail(const char *what)
{
    fprintf(stderr, "calls: %s: %s\n", what, virGetLastErrorMessage());
    exit(1);
}

static void
list(virConnectPtr conn)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(conn, &domains, 0);
    int state;
    int i;

    if (count < 0)
        fail("list");
    for (i = 0; i < count; i++) {
        if (virDomainGetState(domains[i], &state, NULL, 0) < 0 || !virDomainGetName(domains[i]) ||
            virDomainGetID(domains[i]) == (unsigned int)-1)
            fail("state");
        virDomainFree(domains[i]);
    }
    free(domains);
}

int
main(int argc, char **argv)
{
    struct timespec pause = { 0, 0 };
    virConnectPtr conn;
    int count, i;

    if (argc != 4) {
        fprintf(stderr, "usage: calls URI COUNT PAUSE-MS\n");
        return 2;
    }
    count = atoi(argv[2]);
    pause.tv_nsec = atoi(argv[3]) % 1000 * 1000000L;
    if (!(conn = virConnectOpen(argv[1])))
        fail(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("connected\n");
    for (i = 0; i < count; i++) {
        long long began = now();

        list(conn);
        printf("%lld\n", now() - began);
        nanosleep(&pause, NULL);
    }
    virConnectClose(conn);
    return 0;
}
