/*
 * watchers.c: an application whose watchers of events come and go while there are bursts
 *
 *     watchers URI ROUNDS REOPEN
 *     watchers URI
 *
 * In each round a guest is told to send a burst, a watcher leaves in the middle of it, in one of
 * several ways, and another comes: of the next burst it has to get every event, in order. Nobody
 * else watches. Every REOPENth round a connection is closed as a whole. What the guest is told, the
 * orders of bench/flood.c, goes to stdout. Ends with status 0, or says on stderr what did not come.
 *
 * Without ROUNDS it says "registered", "watching" once something has come, and goes on until it is
 * killed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEADLINE_SECONDS 60
/* Many times what fits into one read, as the rest is given up when the next is ordered; and enough to
 * see that all of it comes. */
#define BURST 3000
#define NEXT_BURST 40
#define BYTES 290

typedef enum {
    LEAVE_FROM_THE_LOOP,        /* deregisters between two turns of the event loop */
    LEAVE_INSIDE,               /* deregisters in its own callback */
    LEAVE_FROM_A_THREAD,        /* while the loop is running */
    LEAVE_BY_CLOSE,             /* and closes its connection; the next registers with another */
    LEAVE_LAST
} Leave;

typedef struct {
    virConnectPtr conn;
    int id;
    int seen;                   /* events of any burst */
    int leaveAfter;             /* deregister when so many were seen; -1: never */
    int next;                   /* events of the next burst that came in order */
    bool disorder;
    bool freed;                 /* it will not be called again */
} Watcher;

static _Noreturn void
fail(const char *what)
{
    fprintf(stderr, "watchers: %s: %s\n", what, virGetLastErrorMessage());
    exit(1);
}

static void
onEvent(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    Watcher *watcher = opaque;

    (void)dom, (void)seconds, (void)micros;
    watcher->seen++;
    if (strcmp(event, "NEXT") == 0) {
        const char *seq = details ? strstr(details, "\"seq\":1") : NULL;

        if (!seq || atoi(seq + strlen("\"seq\":1")) != watcher->next++)
            watcher->disorder = true;
    }
    if (watcher->seen == watcher->leaveAfter) {
        if (virConnectDomainQemuMonitorEventDeregister(conn, watcher->id) < 0)
            fail("a watcher cannot leave in its callback");
        watcher->id = -1;
    }
}

static void
onFree(void *opaque)
{
    Watcher *watcher = opaque;

    watcher->freed = true;
}

static void
come(Watcher *watcher, virConnectPtr conn)
{
    *watcher = (Watcher) { .conn = conn, .leaveAfter = -1 };
    watcher->id = virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, onEvent, watcher,
                                                           onFree, 0);
    if (watcher->id < 0)
        fail("a watcher cannot come");
}

static void *
deregister(void *opaque)
{
    Watcher *watcher = opaque;

    if (virConnectDomainQemuMonitorEventDeregister(watcher->conn, watcher->id) < 0)
        fail("a watcher cannot leave in a thread");
    watcher->id = -1;
    return NULL;
}

/* Keeps the loop from sleeping for ever: there is nothing else that would wake it at the deadline. */
static void
onTick(int timer, void *opaque)
{
    (void)timer, (void)opaque;
}

static void
runLoop(void)
{
    if (virEventRunDefaultImpl() < 0)
        fail("the event loop fails");
}

static virConnectPtr
openConnection(const char *uri)
{
    virConnectPtr conn = virConnectOpen(uri);

    if (!conn)
        fail(uri);
    return conn;
}

static void
order(const char *name, int count)
{
    printf("call 0 0 %s\nflood 0 0 %d %d\n", name, count, BYTES);
    fflush(stdout);
}

/* The watcher that leaves has seen some of a burst, and not all. */
static void
leave(Watcher *watcher, Leave how, const char *uri, virConnectPtr *conn)
{
    pthread_t thread;

    switch (how) {
    case LEAVE_FROM_THE_LOOP:
        deregister(watcher);
        break;
    case LEAVE_INSIDE:
        break;                  /* it has left */
    case LEAVE_FROM_A_THREAD:
        if (pthread_create(&thread, NULL, deregister, watcher) != 0)
            fail("there is no thread");
        runLoop();
        pthread_join(thread, NULL);
        break;
    case LEAVE_BY_CLOSE:
    case LEAVE_LAST:
        deregister(watcher);
        /* As long as it may be called, the connection is there, and its monitor taken. */
        while (!watcher->freed)
            runLoop();
        if (virConnectClose(*conn) != 0)
            fail("the connection is held by somebody");
        *conn = openConnection(uri);
        break;
    }
}

static void
playRound(int number, Leave how, const char *uri, virConnectPtr *conn)
{
    time_t deadline = time(NULL) + DEADLINE_SECONDS;
    Watcher first, next;
    int some = 1 + number * 7 % 50;

    come(&first, *conn);
    if (how == LEAVE_INSIDE)
        first.leaveAfter = some;
    order("FIRST", BURST);
    while (first.seen < some && time(NULL) < deadline)
        runLoop();
    if (first.seen >= some)
        leave(&first, how, uri, conn);

    come(&next, *conn);
    order("NEXT", NEXT_BURST);
    while (next.next < NEXT_BURST && !next.disorder && time(NULL) < deadline)
        runLoop();
    if (first.seen < some || next.next < NEXT_BURST || next.disorder) {
        fprintf(stderr, "watchers: round %d, way of leaving %d: the first got %d of %d events, the "
                "next %d of %d%s\n", number, how, first.seen, some, next.next, NEXT_BURST,
                next.disorder ? ", not in order" : "");
        exit(1);
    }
    deregister(&next);
    while (!first.freed || !next.freed)
        runLoop();
}

int
main(int argc, char **argv)
{
    virConnectPtr conn;
    int rounds, reopen, i;

    if ((argc != 2 && argc != 4) || virEventRegisterDefaultImpl() < 0 ||
        virEventAddTimeout(1000, onTick, NULL, NULL) < 0)
        return 2;
    conn = openConnection(argv[1]);
    if (argc == 2) {
        Watcher watcher;

        come(&watcher, conn);
        puts("registered");
        fflush(stdout);
        while (watcher.seen == 0)
            runLoop();
        puts("watching");
        fflush(stdout);
        for (;;)
            runLoop();
    }
    rounds = atoi(argv[2]);
    reopen = atoi(argv[3]);
    for (i = 0; i < rounds; i++)
        playRound(i, i % reopen == reopen - 1 ? LEAVE_BY_CLOSE : (Leave)(i % LEAVE_BY_CLOSE), argv[1],
                  &conn);
    virConnectClose(conn);
    return 0;
}
