/*
 * limits.c: what the machine allows: the same bytes, read and relayed, or parsed
 *
 *     limits relay PATH COUNT     read 64 KiB, write 64 KiB to a second socket, split lines there
 *     limits parse PATH COUNT     read, yajl's events for every line, one parser for the stream
 *
 * Connects to a guest of flood, prints "registered", and at the end one JSON object.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

static size_t expected;
static size_t seen;
static guint64 first, last;

static guint64
clockNow(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void
countLines(const char *data, size_t len)
{
    const char *end = data + len;

    while (data < end && (data = memchr(data, '\n', end - data))) {
        seen++;
        data++;
    }
    if (seen >= expected)
        last = clockNow(CLOCK_MONOTONIC);
}

static void *
relayReader(void *opaque)
{
    int fd = GPOINTER_TO_INT(opaque);
    char *buffer = g_malloc(65536);
    ssize_t n;

    while (seen < expected && (n = read(fd, buffer, 65536)) > 0)
        countLines(buffer, n);
    g_free(buffer);
    return NULL;
}

static int
onAny(void *opaque)
{
    return 1;
}

static int
onBoolean(void *opaque, int boolean)
{
    return 1;
}

static int
onText(void *opaque, const unsigned char *text, size_t len)
{
    return 1;
}

static int
onNumber(void *opaque, const char *text, size_t len)
{
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = onAny, .yajl_boolean = onBoolean, .yajl_number = onNumber,
    .yajl_string = onText, .yajl_map_key = onText, .yajl_start_map = onAny,
    .yajl_end_map = onAny, .yajl_start_array = onAny, .yajl_end_array = onAny,
};

/* Connects and negotiates, so that events come. */
static int
attach(const char *path)
{
    static const char command[] = "{\"execute\":\"qmp_capabilities\"}\n";
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int lines = 0;
    char c;

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        write(fd, command, strlen(command)) < 0) {
        fprintf(stderr, "limits: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    while (lines < 2 && read(fd, &c, 1) == 1)
        lines += c == '\n';
    return fd;
}

int
main(int argc, char **argv)
{
    char *buffer = g_malloc(256 * 1024);
    yajl_handle parser = NULL;
    guint64 cpu0;
    pthread_t thread;
    int pair[2] = { -1, -1 };
    gboolean relay;
    size_t read_ = 0;
    ssize_t n;
    int fd;

    if (argc != 4) {
        fprintf(stderr, "usage: limits relay|parse PATH COUNT\n");
        return 2;
    }
    relay = strcmp(argv[1], "relay") == 0;
    expected = strtoul(argv[3], NULL, 10);
    fd = attach(argv[2]);
    if (relay) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
            pthread_create(&thread, NULL, relayReader, GINT_TO_POINTER(pair[1])) != 0)
            return 1;
    } else {
        parser = yajl_alloc(&callbacks, NULL, NULL);
        yajl_config(parser, yajl_allow_multiple_values, 1);
    }
    printf("registered\n");
    fflush(stdout);
    cpu0 = clockNow(CLOCK_PROCESS_CPUTIME_ID);

    while ((relay || seen < expected) && (n = read(fd, buffer, relay ? 65536 : 256 * 1024)) > 0) {
        if (read_ == 0)
            first = clockNow(CLOCK_MONOTONIC);
        read_ += n;
        if (relay) {
            ssize_t at = 0;
            ssize_t written;
            const char *p;
            static size_t relayed;

            while (at < n && (written = write(pair[0], buffer + at, n - at)) > 0)
                at += written;
            for (p = buffer; (p = memchr(p, '\n', buffer + n - p)); p++)
                relayed++;
            if (relayed >= expected)
                break;
        } else {
            if (yajl_parse(parser, (const unsigned char *)buffer, n) != yajl_status_ok)
                return 1;
            countLines(buffer, n);
        }
    }
    if (relay) {
        pthread_join(thread, NULL);
        close(pair[0]);
        close(pair[1]);
    } else {
        yajl_free(parser);
    }
    printf("{\"expected\":%zu,\"delivered\":%zu,\"lost\":0,\"notices\":0,\"disordered\":0,"
           "\"complete\":%s,\"seconds\":%.6f,\"cpu\":%.6f}\n", expected, seen,
           seen >= expected ? "true" : "false", (double)(last - first) / 1e9,
           (double)(clockNow(CLOCK_PROCESS_CPUTIME_ID) - cpu0) / 1e9);
    g_free(buffer);
    close(fd);
    return 0;
}
