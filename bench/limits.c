/*
 * limits.c: what the machine allows: the same bytes relayed, parsed, or both
 *
 *     limits relay PATH COUNT    read 64 KiB, write 64 KiB to a second socket, split lines there
 *     limits parse PATH COUNT    read, yajl's events for the stream, one parser for all of it
 *     limits both PATH COUNT     a parser of yajl's for every line, then a write for every line
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

#define READ_BYTES (256 * 1024)
#define RELAY_BYTES (64 * 1024)

static size_t expected;
static size_t seen;             /* lines at the end of the way; its thread's until it has ended */
static guint64 first, last;     /* when, in nanoseconds of CLOCK_MONOTONIC */

static guint64
clockNow(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static size_t
countLines(const char *data, size_t len)
{
    const char *end = data + len;
    size_t lines = 0;

    while (data < end && (data = memchr(data, '\n', end - data))) {
        lines++;
        data++;
    }
    return lines;
}

static void
arrived(size_t lines)
{
    seen += lines;
    if (seen >= expected)
        last = clockNow(CLOCK_MONOTONIC);
}

/* The thread at the end of a relay. */
static void *
readRelayed(void *opaque)
{
    g_autofree char *buffer = g_malloc(RELAY_BYTES);
    int fd = GPOINTER_TO_INT(opaque);
    ssize_t n;

    while (seen < expected && (n = read(fd, buffer, RELAY_BYTES)) > 0)
        arrived(countLines(buffer, n));
    return NULL;
}

static void
writeAll(int fd, const char *data, size_t len)
{
    ssize_t n;

    for (; len > 0; data += n, len -= n) {
        if ((n = write(fd, data, len)) <= 0) {
            fprintf(stderr, "limits: %s\n", strerror(errno));
            exit(1);
        }
    }
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

static void
parse(yajl_handle parser, const char *data, size_t len)
{
    if (yajl_parse(parser, (const unsigned char *)data, len) != yajl_status_ok) {
        fprintf(stderr, "limits: yajl does not understand what came\n");
        exit(1);
    }
}

static size_t
readSome(int fd, char *buffer, size_t len)
{
    ssize_t n = read(fd, buffer, len);

    if (n <= 0) {
        fprintf(stderr, "limits: the guest has ended\n");
        exit(1);
    }
    if (first == 0)
        first = clockNow(CLOCK_MONOTONIC);
    return n;
}

static void
relayBytes(int from, int to)
{
    g_autofree char *buffer = g_malloc(RELAY_BYTES);
    size_t relayed = 0;

    while (relayed < expected) {
        size_t n = readSome(from, buffer, RELAY_BYTES);

        writeAll(to, buffer, n);
        relayed += countLines(buffer, n);
    }
}

static void
parseStream(int from)
{
    g_autofree char *buffer = g_malloc(READ_BYTES);
    yajl_handle parser = yajl_alloc(&callbacks, NULL, NULL);

    yajl_config(parser, yajl_allow_multiple_values, 1);
    while (seen < expected) {
        size_t n = readSome(from, buffer, READ_BYTES);

        parse(parser, buffer, n);
        arrived(countLines(buffer, n));
    }
    yajl_free(parser);
}

static void
parseAndRelayLines(int from, int to)
{
    g_autofree char *buffer = g_malloc(READ_BYTES);
    size_t relayed = 0;
    size_t len = 0;             /* in the buffer; it begins with a line */

    while (relayed < expected) {
        char *line = buffer;
        char *lf;

        len += readSome(from, buffer + len, READ_BYTES - len);
        while ((lf = memchr(line, '\n', buffer + len - line))) {
            yajl_handle parser = yajl_alloc(&callbacks, NULL, NULL);

            parse(parser, line, lf + 1 - line);
            yajl_free(parser);
            writeAll(to, line, lf + 1 - line);
            line = lf + 1;
            relayed++;
        }
        len -= line - buffer;
        memmove(buffer, line, len);
    }
}

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
    int pair[2] = { -1, -1 };
    guint64 began;
    pthread_t reader;
    int fd;

    if (argc != 4 || (strcmp(argv[1], "relay") != 0 && strcmp(argv[1], "parse") != 0 &&
                      strcmp(argv[1], "both") != 0)) {
        fprintf(stderr, "usage: limits relay|parse|both PATH COUNT\n");
        return 2;
    }
    expected = strtoul(argv[3], NULL, 10);
    fd = attach(argv[2]);
    printf("registered\n");
    fflush(stdout);
    began = clockNow(CLOCK_PROCESS_CPUTIME_ID);

    if (strcmp(argv[1], "parse") == 0) {
        parseStream(fd);
    } else {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
            pthread_create(&reader, NULL, readRelayed, GINT_TO_POINTER(pair[1])) != 0) {
            fprintf(stderr, "limits: %s\n", strerror(errno));
            return 1;
        }
        if (strcmp(argv[1], "relay") == 0)
            relayBytes(fd, pair[0]);
        else
            parseAndRelayLines(fd, pair[0]);
        pthread_join(reader, NULL);
        close(pair[0]);
        close(pair[1]);
    }
    printf("{\"expected\":%zu,\"delivered\":%zu,\"lost\":0,\"notices\":0,\"disordered\":0,"
           "\"complete\":%s,\"seconds\":%.6f,\"cpu\":%.6f}\n", expected, seen,
           seen >= expected ? "true" : "false", (double)(last - first) / 1e9,
           (double)(clockNow(CLOCK_PROCESS_CPUTIME_ID) - began) / 1e9);
    close(fd);
    return 0;
}
