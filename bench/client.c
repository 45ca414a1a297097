/*
 * client.c: registers for events through the public API, and measures
 *
 *     client --uri URI --expect N [OPTION...]
 *
 *     --expect N|-        ends after so many; -: the number comes later, as a line on stdin
 *     --limit SECONDS     ends then at the latest
 *     --event NAME        what it registers for, literally; --all: for whatever comes
 *     --domain NAME       of this domain alone
 *     --copies N          so many such registrations; what is delivered is counted for each
 *     --patterns          each of these is another regular expression
 *     --connections N     so many connections, each with these registrations
 *     --others N, --kind literal|regex|glob
 *                         so many registrations beside them that don't match
 *     --guests N          so many must be there; order is looked at for each
 *     --storm NAME        this domain's events are counted apart, and not waited for
 *     --any               also events without a number count, which have no latency
 *     --every N           latency and time of each Nth
 *     --warm-up N         so many deliveries before what counts
 *     --stall SECONDS     does not run the event loop for so long before it takes the first
 *     --slow MICROSECONDS does nothing for so long in each callback
 *
 * The same binary runs with any libvirt.so. Prints "registered" once it waits, "warm" once it is,
 * and at the end one JSON object.
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

#define LATENCIES_MAX 1000000

static long long expected = 1000;           /* -1: not known yet */
static long long delivered, lost, notices, disordered;
static long long stormDelivered, stormLost;
static long long firstStamp, lastTime;
static unsigned int *latencies;             /* microseconds */
static long long nlatencies;
static long long *nextSeqs;                 /* of each registration's guests, see nextSeqOf() */
static int guests = 1;
static const char *storm;
static bool any;
static bool patterns;
static int every = 64;
static int slow;
static int others;                          /* registrations that never match */
static const char *kind = "literal";

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

/* Where the number that must come next is kept. Registrations are numbered from 0, and so are
 * guests: both daemons give IDs from 1 on. Negative: whatever comes is right. */
static long long *
nextSeqOf(size_t registration, virDomainPtr dom)
{
    size_t guest = guests > 1 ? virDomainGetID(dom) - 1 : 0;

    return &nextSeqs[registration * guests + (guest < (size_t)guests ? guest : 0)];
}

static void
measured(const char *details)
{
    long long time = now();

    lastTime = time;
    if (details && nlatencies < LATENCIES_MAX)
        latencies[nlatencies++] =
            (unsigned int)((time % STAMP_RANGE - number(details, "\"ns\":")) / 1000);
}

static void
onEvent(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    bool ofStorm = storm && strcmp(virDomainGetName(dom), storm) == 0;
    long long *nextSeq;
    long long seq;

    (void)conn, (void)seconds, (void)micros;
    if (strcmp(event, "VIRTMON_EVENTS_LOST") == 0) {
        const char *count = strstr(details, "\"count\":");

        notices++;
        if (count)
            *(ofStorm ? &stormLost : &lost) += strtoll(count + 8, NULL, 10);
        *nextSeqOf((size_t)opaque, dom) = -1;
        return;
    }
    seq = details ? number(details, "\"seq\":") : -1;
    if (seq < 0 && !any)
        return;
    if (slow)
        usleep(slow);
    if (seq >= 0) {
        nextSeq = nextSeqOf((size_t)opaque, dom);
        if (*nextSeq >= 0 && seq != *nextSeq)
            disordered++;
        *nextSeq = seq + 1;
    }
    if (ofStorm) {
        stormDelivered++;
        return;
    }
    if (delivered++ == 0)
        firstStamp = seq >= 0 ? number(details, "\"ns\":") : now() % STAMP_RANGE;
    /* Reading the clock for each event of a burst would be a good part of what is measured. */
    if (delivered % every == 0 || (expected >= 0 && delivered + lost >= expected))
        measured(seq >= 0 ? details : NULL);
}

/* What was not known before. */
static void
onExpected(int watch, int fd, int events, void *opaque)
{
    char line[32];
    ssize_t n = read(fd, line, sizeof(line) - 1);

    (void)events, (void)opaque;
    virEventRemoveHandle(watch);
    if (n <= 0)
        exit(1);
    line[n] = '\0';
    expected = strtoll(line, NULL, 10);
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
addOthers(virConnectPtr conn)
{
    unsigned int flags = 0;
    char pattern[64];
    int i;

    if (strcmp(kind, "regex") == 0)
        flags = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    else if (strcmp(kind, "glob") == 0)
        flags = 1u << 30;
    for (i = 0; i < others; i++) {
        snprintf(pattern, sizeof(pattern), flags == 0 ? "OTHER_EVENT_%d"
                 : flags == 1 ? "^OTHER_[A-Z]+_%d$" : "OTHER_*_%d", i);
        if (virConnectDomainQemuMonitorEventRegister(conn, NULL, pattern, onNever, NULL, NULL,
                                                     flags) < 0)
            fail(pattern);
    }
}

static void
add(virConnectPtr conn, virDomainPtr dom, const char *event, size_t registration,
    unsigned int flags)
{
    if (virConnectDomainQemuMonitorEventRegister(conn, dom, event, onEvent, (void *)registration,
                                                 NULL, flags) < 0)
        fail("register");
}

/* Registration @copy of those for @event: by a pattern of its own, which matches @event, as a
 * library may keep equal ones as one; or as all others. */
static void
addCopy(virConnectPtr conn, virDomainPtr dom, const char *event, int copy, size_t registration)
{
    char pattern[64];

    if (!patterns || !event) {
        add(conn, dom, event, registration, 0);
        return;
    }
    snprintf(pattern, sizeof(pattern), "^%.*s.*$", (int)strlen(event) - copy, event);
    add(conn, dom, pattern, registration, VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX);
}

/* Opens connection @number and registers; also for what tells of losses, which comes by itself
 * only to who wants all. It stays open until the process ends. */
static void
start(const char *uri, int number, const char *domain, const char *event, int copies)
{
    virConnectPtr conn = virConnectOpen(uri);
    virDomainPtr dom = NULL;
    int i;

    if (!conn)
        fail(uri);
    if (virConnectNumOfDomains(conn) < guests)
        fail("not all guests are there");
    if (domain && !(dom = virDomainLookupByName(conn, domain)))
        fail(domain);
    for (i = 0; i < copies; i++) {
        size_t registration = (size_t)number * copies + i;

        addCopy(conn, dom, event, i, registration);
        if (event)
            add(conn, dom, "VIRTMON_EVENTS_LOST", registration, 0);
    }
    if (dom)
        virDomainFree(dom);
    if (others > 0)
        addOthers(conn);
}

static void
say(const char *text)
{
    puts(text);
    fflush(stdout);
}

/* Until all that is expected has come, or @deadline. */
static void
runLoop(long long deadline)
{
    while ((expected < 0 || delivered + lost < expected) && now() < deadline) {
        if (virEventRunDefaultImpl() < 0)
            fail("event loop");
    }
}

/* Waits for @count deliveries, and begins anew with what is measured; each guest's
 * next order counts from 0 again, for each of @registrations. */
static void
warmUp(long long count, size_t registrations, long long deadline)
{
    long long wanted = expected;

    expected = count;
    runLoop(deadline);
    if (delivered < count) {
        fprintf(stderr, "client: %lld of %lld came to warm up\n", delivered, count);
        exit(1);
    }
    expected = wanted;
    delivered = lost = notices = disordered = stormDelivered = stormLost = nlatencies = 0;
    memset(nextSeqs, 0, registrations * guests * sizeof(*nextSeqs));
    say("warm");
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "uri", 1, NULL, 'u' }, { "expect", 1, NULL, 'e' }, { "others", 1, NULL, 'o' },
        { "kind", 1, NULL, 'k' }, { "stall", 1, NULL, 's' }, { "limit", 1, NULL, 'l' },
        { "guests", 1, NULL, 'g' }, { "all", 0, NULL, 'a' }, { "copies", 1, NULL, 'c' },
        { "event", 1, NULL, 'n' }, { "domain", 1, NULL, 'd' }, { "connections", 1, NULL, 'C' },
        { "storm", 1, NULL, 'S' }, { "any", 0, NULL, 'A' }, { "every", 1, NULL, 'E' },
        { "slow", 1, NULL, 'w' }, { "patterns", 0, NULL, 'p' }, { "warm-up", 1, NULL, 'W' },
        { NULL, 0, NULL, 0 },
    };
    const char *uri = NULL, *domain = NULL;
    const char *event = "BENCH_IO_ERROR";
    int stall = 0, limit = 115, copies = 1, connections = 1;
    long long warm = 0;
    long long cpu0, cpu1;
    long before;
    int c, i;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'u': uri = optarg; break;
        case 'e': expected = strcmp(optarg, "-") == 0 ? -1 : strtoll(optarg, NULL, 10); break;
        case 'o': others = atoi(optarg); break;
        case 'k': kind = optarg; break;
        case 's': stall = atoi(optarg); break;
        case 'l': limit = atoi(optarg); break;
        case 'g': guests = atoi(optarg); break;
        case 'a': event = NULL; break;
        case 'c': copies = atoi(optarg); break;
        case 'n': event = optarg; break;
        case 'd': domain = optarg; break;
        case 'C': connections = atoi(optarg); break;
        case 'S': storm = optarg; break;
        case 'A': any = true; break;
        case 'E': every = atoi(optarg); break;
        case 'w': slow = atoi(optarg); break;
        case 'p': patterns = true; break;
        case 'W': warm = strtoll(optarg, NULL, 10); break;
        default: return 2;
        }
    }
    if (!uri || guests < 1 || copies < 1 || connections < 1 || every < 1) {
        fprintf(stderr, "client: --uri is needed, and no number below 1\n");
        return 2;
    }
    latencies = calloc(LATENCIES_MAX, sizeof(*latencies));
    nextSeqs = calloc((size_t)connections * copies * guests, sizeof(*nextSeqs));
    if (!latencies || !nextSeqs)
        return 1;
    virEventRegisterDefaultImpl();
    virEventAddTimeout(100, onTick, NULL, NULL);
    if (expected < 0 &&
        virEventAddHandle(STDIN_FILENO, VIR_EVENT_HANDLE_READABLE, onExpected, NULL, NULL) < 0)
        fail("stdin");
    for (i = 0; i < connections; i++)
        start(uri, i, domain, event, copies);

    say("registered");
    if (warm > 0)
        warmUp(warm, (size_t)connections * copies, now() + limit * NS);
    before = status("VmRSS");
    cpu0 = cpu();
    if (stall)
        sleep(stall);
    runLoop(now() + limit * NS);
    cpu1 = cpu();
    qsort(latencies, nlatencies, sizeof(*latencies), compare);
    printf("{\"expected\":%lld,\"delivered\":%lld,\"lost\":%lld,\"notices\":%lld,"
           "\"disordered\":%lld,\"complete\":%s,\"seconds\":%.6f,\"cpu\":%.6f,"
           "\"rss_before_kib\":%ld,\"rss_peak_kib\":%ld,\"p50_us\":%u,\"p99_us\":%u,"
           "\"storm_delivered\":%lld,\"storm_lost\":%lld}\n",
           expected, delivered, lost, notices, disordered,
           expected >= 0 && delivered + lost >= expected ? "true" : "false",
           (double)(lastTime % STAMP_RANGE - firstStamp) / NS, (double)(cpu1 - cpu0) / NS, before,
           status("VmHWM"), nlatencies ? latencies[nlatencies / 2] : 0,
           nlatencies ? latencies[nlatencies * 99 / 100] : 0, stormDelivered, stormLost);
    return 0;
}
