/*
 * client.c: an application that does nothing but to be called, so that what is counted in it is
 * the library's
 *
 *     client [--all] [--stall] URI MATCHING OTHERS COUNT...
 *
 * registers MATCHING times for the flood's events (with --all: for all events), by another pattern
 * each, and for OTHERS that never come, and says "registered". Each time that another COUNT of
 * deliveries has come, it says "COUNT lost LOST"; a lost event of which it was told counts as
 * delivered. Then it waits for the end of stdin. With --stall it also waits, for a line, before it
 * runs its event loop at all.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT "BENCH_IO_ERROR"
#define GLOB VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB
#define REGEX VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX

static long long delivered, lost;

static void
onEvent(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    const char *count;

    (void)conn, (void)dom, (void)seconds, (void)micros, (void)opaque;
    if (strcmp(event, "VIRTMON_EVENTS_LOST") != 0) {
        delivered++;
        return;
    }
    if (details && (count = strstr(details, "\"count\":")))
        lost += strtoll(count + strlen("\"count\":"), NULL, 10);
}

static void
onNever(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
        unsigned int micros, const char *details, void *opaque)
{
    (void)conn, (void)dom, (void)event, (void)seconds, (void)micros, (void)details, (void)opaque;
    fprintf(stderr, "client: a registration that matches nothing was called\n");
    exit(1);
}

static _Noreturn void
fail(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, virGetLastErrorMessage());
    exit(1);
}

static void
say(const char *text)
{
    puts(text);
    fflush(stdout);
}

/* A client's registrations for the same are one for the daemon: so no two of these are. */
static void
addMatching(virConnectPtr conn, int count, bool all)
{
    char pattern[64];
    int i;

    for (i = 0; i < count; i++) {
        if (i > 0)
            snprintf(pattern, sizeof(pattern), "%.*s*", (int)strlen(EVENT) - i, EVENT);
        if (virConnectDomainQemuMonitorEventRegister(conn, NULL, all ? NULL : i ? pattern : EVENT,
                                                     onEvent, NULL, NULL, i ? GLOB : 0) < 0)
            fail("register");
    }
}

/* For events that never come: as they are, as a regular expression, as a shell pattern. */
static void
addOthers(virConnectPtr conn, int count)
{
    static const struct {
        const char *format;
        unsigned int flags;
    } kinds[] = {
        { "OTHER_EVENT_%d", 0 },
        { "^OTHER_[A-Z]+_%d$", REGEX },
        { "OTHER_*_%d", GLOB },
    };
    char pattern[64];
    int i;

    for (i = 0; i < count; i++) {
        snprintf(pattern, sizeof(pattern), kinds[i % 3].format, i);
        if (virConnectDomainQemuMonitorEventRegister(conn, NULL, pattern, onNever, NULL, NULL,
                                                     kinds[i % 3].flags) < 0)
            fail(pattern);
    }
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "all", 0, NULL, 'a' }, { "stall", 0, NULL, 's' }, { NULL, 0, NULL, 0 },
    };
    bool all = false;
    bool stall = false;
    long long due = 0;
    virConnectPtr conn;
    char text[64];
    int c, i;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'a': all = true; break;
        case 's': stall = true; break;
        default: return 2;
        }
    }
    if (argc - optind < 3)
        return 2;
    if (virEventRegisterDefaultImpl() < 0 || !(conn = virConnectOpen(argv[optind])))
        fail(argv[optind]);
    addMatching(conn, atoi(argv[optind + 1]), all);
    addOthers(conn, atoi(argv[optind + 2]));
    say("registered");
    if (stall && !fgets(text, sizeof(text), stdin))
        return 1;

    for (i = optind + 3; i < argc; i++) {
        due += atoll(argv[i]);
        while (delivered + lost < due) {
            if (virEventRunDefaultImpl() < 0)
                fail("event loop");
        }
        snprintf(text, sizeof(text), "%s lost %lld", argv[i], lost);
        say(text);
    }
    while (fgets(text, sizeof(text), stdin))
        continue;
    virConnectClose(conn);
    return 0;
}
