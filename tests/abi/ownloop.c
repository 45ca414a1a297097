/*
 * ownloop.c: an application that brings its own event loop
 *
 * As small as one can be: a table of handles and one of timeouts, turned by poll(). Prints
 * the events of a domain that it pauses and resumes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#define MAX 64
#define LIMIT_MS 30000

/* A handle or a timeout. */
typedef struct {
    int id;                     /* 0: free */
    int removed;                /* its opaque is freed at the end of the turn */
    int fd, events;
    long long period, due;      /* milliseconds; period -1: disabled */
    virEventHandleCallback onHandle;
    virEventTimeoutCallback onTimeout;
    void *opaque;
    virFreeCallback ff;
} entry;

static entry entries[MAX];
static int lastID;
static int events;
static int freed;

static long long
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static entry *
find(int id)
{
    int i;

    for (i = 0; i < MAX; i++) {
        if (entries[i].id == id && !entries[i].removed)
            return &entries[i];
    }
    return NULL;
}

static entry *
add(void *opaque, virFreeCallback ff)
{
    int i;

    for (i = 0; i < MAX && entries[i].id; i++)
        ;
    if (i == MAX)
        return NULL;
    memset(&entries[i], 0, sizeof(entries[i]));
    entries[i].id = ++lastID;
    entries[i].fd = -1;
    entries[i].period = -1;
    entries[i].opaque = opaque;
    entries[i].ff = ff;
    return &entries[i];
}

static int
addHandle(int fd, int happened, virEventHandleCallback cb, void *opaque, virFreeCallback ff)
{
    entry *one = add(opaque, ff);

    if (!one)
        return -1;
    one->fd = fd;
    one->events = happened;
    one->onHandle = cb;
    return one->id;
}

static void
updateHandle(int watch, int happened)
{
    entry *one = find(watch);

    if (one)
        one->events = happened;
}

static int
removeEntry(int id)
{
    entry *one = find(id);

    if (!one)
        return -1;
    one->removed = 1;
    return 0;
}

static void
updateTimeout(int timer, int period)
{
    entry *one = find(timer);

    if (one) {
        one->period = period;
        one->due = now() + period;
    }
}

static int
addTimeout(int period, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
    entry *one = add(opaque, ff);

    if (!one)
        return -1;
    one->onTimeout = cb;
    updateTimeout(one->id, period);
    return one->id;
}

/* What was removed is freed here, never inside the call that removed it. */
static void
sweep(void)
{
    int i;

    for (i = 0; i < MAX; i++) {
        entry *one = &entries[i];

        if (one->id && one->removed) {
            one->id = 0;
            if (one->ff)
                one->ff(one->opaque);
        }
    }
}

static void
turn(void)
{
    struct pollfd fds[MAX];
    int ids[MAX];
    int wait = 100;
    int n = 0;
    int i;

    for (i = 0; i < MAX; i++) {
        entry *one = &entries[i];

        if (!one->id || one->removed)
            continue;
        if (one->onHandle && one->events) {
            fds[n].fd = one->fd;
            fds[n].events = (one->events & VIR_EVENT_HANDLE_READABLE ? POLLIN : 0) |
                            (one->events & VIR_EVENT_HANDLE_WRITABLE ? POLLOUT : 0);
            ids[n++] = one->id;
        }
        if (one->onTimeout && one->period >= 0 && one->due - now() < wait)
            wait = one->due > now() ? (int)(one->due - now()) : 0;
    }
    if (poll(fds, n, wait) < 0)
        exit(4);
    for (i = 0; i < n; i++) {
        entry *one = find(ids[i]);
        int happened = (fds[i].revents & POLLIN ? VIR_EVENT_HANDLE_READABLE : 0) |
                       (fds[i].revents & POLLOUT ? VIR_EVENT_HANDLE_WRITABLE : 0) |
                       (fds[i].revents & POLLERR ? VIR_EVENT_HANDLE_ERROR : 0) |
                       (fds[i].revents & POLLHUP ? VIR_EVENT_HANDLE_HANGUP : 0);

        if (one && happened)
            one->onHandle(one->id, one->fd, happened, one->opaque);
    }
    for (i = 0; i < MAX; i++) {
        entry *one = &entries[i];

        if (one->id && !one->removed && one->onTimeout && one->period >= 0 && one->due <= now()) {
            one->due = now() + one->period;
            one->onTimeout(one->id, one->opaque);
        }
    }
    sweep();
}

static void
await(int wanted)
{
    long long limit = now() + LIMIT_MS;

    while (events < wanted) {
        if (now() > limit) {
            fprintf(stderr, "ownloop: %d of %d events within %d ms\n", events, wanted, LIMIT_MS);
            exit(5);
        }
        turn();
    }
}

static int
onLifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    (void)conn, (void)opaque;
    printf("%s %d %d\n", virDomainGetName(dom), event, detail);
    events++;
    return 0;
}

static void
onFree(void *opaque)
{
    (void)opaque;
    freed++;
}

int
main(int argc, char **argv)
{
    virConnectPtr conn;
    virDomainPtr *domains;
    int id, i, left = 0;

    if (argc != 2)
        return 2;
    virEventRegisterImpl(addHandle, updateHandle, removeEntry, addTimeout, updateTimeout,
                         removeEntry);
    if (!(conn = virConnectOpen(argv[1])) ||
        virConnectListAllDomains(conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE) < 1)
        return 3;
    id = virConnectDomainEventRegisterAny(conn, domains[0], VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                          VIR_DOMAIN_EVENT_CALLBACK(onLifecycle), NULL, onFree);
    for (i = 0; i < 3; i++) {
        if (virDomainSuspend(domains[0]) < 0)
            return 6;
        await(2 * i + 1);
        if (virDomainResume(domains[0]) < 0)
            return 6;
        await(2 * i + 2);
    }
    if (virConnectDomainEventDeregisterAny(conn, id) < 0)
        return 6;
    virDomainFree(domains[0]);
    free(domains);
    printf("freed %d, close %d\n", freed, virConnectClose(conn));
    sweep();
    for (i = 0; i < MAX; i++)
        left += entries[i].id != 0;
    printf("left %d\n", left);
    return 0;
}
