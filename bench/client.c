/*
 * client.c: registers for events through the public API, and measures
 *
 * The same binary runs with any libvirt.so. Prints "registered" once it waits, and at the
 * end one JSON object.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <getopt.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000LL
#define STAMP_RANGE 1000000000000000LL      /* stamps are ns modulo this */

static long long expected = 1000;
static long long delivered, lost, notices, disordered;
static long long firstStamp, lastTime;
static unsigned int *latencies;             /* microseconds */
static long long nlatencies;
static long long *nextSeqs;                 /* of each registration, whose number is its opaque */
static bool oneGuest = true;

static long long
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS + ts.tv_nsec;
}

static long long
cpu(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * NS + ts.tv_nsec;
}

static long
status(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    size_t len = strlen(name);
    char line[256];
    long kib = 0;

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, len) == 0)
            kib = strtol(line + len + 1, NULL, 10);
    }
    if (file)
        fclose(file);
    return kib;
}

/* The numbers have a leading 1, so that they keep their width. */
static long long
number(const char *details, const char *key)
{
    const char *at = strstr(details, key);

    return at ? strtoll(at + strlen(key), NULL, 10) - STAMP_RANGE : -1;
}

static void
onEvent(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    long long *nextSeq = &nextSeqs[(size_t)opaque];
    long long stamp, seq, time;

    (void)conn, (void)dom, (void)seconds, (void)micros;
    if (strcmp(event, "VIRTMON_EVENTS_LOST") == 0) {
        const char *count = strstr(details, "\"count\":");

        notices++;
        if (count)
            lost += strtoll(count + 8, NULL, 10);
        *nextSeq = -1;
        return;
    }
    if (!details || (seq = number(details, "\"seq\":")) < 0)
        return;
    delivered++;
    if (oneGuest) {
        if (*nextSeq >= 0 && seq != *nextSeq)
            disordered++;
        *nextSeq = seq + 1;
    }
    /* Reading the clock for each event would be a good part of what is measured. */
    if (delivered == 1)
        firstStamp = number(details, "\"ns\":");
    if (delivered % 64 == 1 || delivered + lost >= expected) {
        stamp = number(details, "\"ns\":");
        time = now();
        lastTime = time;
        if (nlatencies < 1000000)
            latencies[nlatencies++] = (unsigned int)((time % STAMP_RANGE - stamp) / 1000);
    }
}

static void
onNever(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    (void)conn, (void)dom, (void)event, (void)seconds, (void)micros, (void)details, (void)opaque;
    fprintf(stderr, "client: a registration that matches nothing was called\n");
    exit(1);
}

static void
onTick(int timer, void *opaque)
{
    (void)timer, (void)opaque;
}

static int
compare(const void *a, const void *b)
{
    unsigned int one = *(const unsigned int *)a;
    unsigned int other = *(const unsigned int *)b;

    return one < other ? -1 : one > other;
}

static void
fail(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, virGetLastErrorMessage());
    exit(1);
}

static void
addOthers(virConnectPtr conn, const char *kind, int count)
{
    unsigned int flags = 0;
    char pattern[64];
    int i;

    if (strcmp(kind, "regex") == 0)
        flags = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    else if (strcmp(kind, "glob") == 0)
        flags = 1u << 30;
    for (i = 0; i < count; i++) {
        snprintf(pattern, sizeof(pattern), flags == 0 ? "OTHER_EVENT_%d"
                 : flags == 1 ? "^OTHER_[A-Z]+_%d$" : "OTHER_*_%d", i);
        if (virConnectDomainQemuMonitorEventRegister(conn, NULL, pattern, onNever, NULL, NULL,
                                                     flags) < 0)
            fail(pattern);
    }
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "uri", 1, NULL, 'u' }, { "expect", 1, NULL, 'e' }, { "others", 1, NULL, 'o' },
        { "kind", 1, NULL, 'k' }, { "stall", 1, NULL, 's' }, { "limit", 1, NULL, 'l' },
        { "guests", 1, NULL, 'g' }, { "all", 0, NULL, 'a' }, { "copies", 1, NULL, 'c' },
        { NULL, 0, NULL, 0 },
    };
    const char *uri = NULL;
    const char *kind = "literal";
    const char *event = "BENCH_IO_ERROR";
    int others = 0, stall = 0, limit = 115, guests = 1, copies = 1;
    size_t i;
    long long cpu0, cpu1, deadline;
    long start;
    virConnectPtr conn;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'u': uri = optarg; break;
        case 'e': expected = strtoll(optarg, NULL, 10); break;
        case 'o': others = atoi(optarg); break;
        case 'k': kind = optarg; break;
        case 's': stall = atoi(optarg); break;
        case 'l': limit = atoi(optarg); break;
        case 'g': guests = atoi(optarg); break;
        case 'a': event = NULL; break;
        case 'c': copies = atoi(optarg); break;
        default: return 2;
        }
    }
    oneGuest = guests == 1;
    latencies = calloc(1000000, sizeof(*latencies));
    virEventRegisterDefaultImpl();
    virEventAddTimeout(100, onTick, NULL, NULL);
    if (!(conn = virConnectOpen(uri)))
        fail(uri ? uri : "no --uri");
    if (virConnectNumOfDomains(conn) < guests)
        fail("not all guests are there");
    nextSeqs = calloc(copies, sizeof(*nextSeqs));
    for (i = 0; i < (size_t)copies; i++) {
        if (virConnectDomainQemuMonitorEventRegister(conn, NULL, event, onEvent, (void *)i, NULL,
                                                     0) < 0)
            fail("register");
    }
    addOthers(conn, kind, others);

    start = status("VmRSS");
    printf("registered\n");
    fflush(stdout);
    cpu0 = cpu();
    if (stall)
        sleep(stall);
    deadline = now() + limit * NS;
    while (delivered + lost < expected && now() < deadline) {
        if (virEventRunDefaultImpl() < 0)
            fail("event loop");
    }
    cpu1 = cpu();
    qsort(latencies, nlatencies, sizeof(*latencies), compare);
    printf("{\"expected\":%lld,\"delivered\":%lld,\"lost\":%lld,\"notices\":%lld,"
           "\"disordered\":%lld,\"complete\":%s,\"seconds\":%.6f,\"cpu\":%.6f,"
           "\"rss_before_kib\":%ld,\"rss_peak_kib\":%ld,\"p50_us\":%u,\"p99_us\":%u}\n",
           expected, delivered, lost, notices, disordered,
           delivered + lost >= expected ? "true" : "false",
           (double)(lastTime % STAMP_RANGE - firstStamp) / NS, (double)(cpu1 - cpu0) / NS, start,
           status("VmHWM"), nlatencies ? latencies[nlatencies / 2] : 0,
           nlatencies ? latencies[nlatencies * 99 / 100] : 0);
    return 0;
}
