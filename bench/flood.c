/*
 * flood.c: a source of QMP events that is never the bottleneck
 *
 * Serves many QMP sockets in one process: greeting, negotiation, the questions a
 * driver asks, {} to the rest. Orders come as lines on stdin:
 *
 *     flood FIRST LAST COUNT SIZE     COUNT events to each guest FIRST..LAST
 *     names N                         invent N names in turn; 1: BENCH_IO_ERROR
 *     quit
 *
 * and are answered by a line when all was written. Each event has a running number
 * "seq" and the time "ns" (CLOCK_MONOTONIC, stamped for a block of at most 64 KiB
 * when the socket can be written) first in its data.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GREETING \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, " \
    "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define BLOCK_BYTES 65536
#define DIGITS 16               /* of seq and ns, zero-padded with a leading 1 */

typedef struct {
    int listener;
    int fd;
    GString *input;
    size_t index;
    guint64 seq;                /* next event */
    guint64 end;                /* where the order ends */
    char *block;                /* what is being written */
    size_t blockLen, blockAt;
} Guest;

static Guest *guests;
static size_t nguests;
static char *template;
static size_t templateLen, seqAt, nsAt, nameAt;
static unsigned int names = 1;
static int epollFd;
static size_t active;

static guint64
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* An event as QEMU writes it; @size as the scenarios name it: 290 bytes, or more. */
static void
makeTemplate(size_t size)
{
    g_autoptr(GString) pad = g_string_new(NULL);
    char *text;

    while (pad->len + 290 < size)
        g_string_append_printf(pad, ", {\"sector\": 123456, \"name\": \"drive-virtio-disk0\"}");
    g_free(template);
    text = g_strdup_printf(
        "{\"timestamp\": {\"seconds\": 1700000000, \"microseconds\": 123456}, "
        "\"event\": \"BENCH_IO_ERROR\", \"data\": {\"seq\": 1%015d, \"ns\": 1%015d, "
        "\"device\": \"drive-virtio-disk0\", \"nospace\": false, "
        "\"node-name\": \"#block123\", \"reason\": \"Input/output error\", "
        "\"operation\": \"write\", \"action\": \"report\"%s%s%s}}\r\n",
        0, 0, pad->len ? ", \"list\": [0" : "", pad->str, pad->len ? "]" : "");
    template = text;
    templateLen = strlen(text);
    seqAt = strstr(text, "\"seq\": ") + 7 - text;
    nsAt = strstr(text, "\"ns\": ") + 6 - text;
    nameAt = strstr(text, "BENCH_IO_ERROR") - text;
}

static void
putNumber(char *at, guint64 number)
{
    int i;

    for (i = DIGITS - 1; i > 0; i--) {
        at[i] = '0' + number % 10;
        number /= 10;
    }
    at[0] = '1';
}

static void
fillBlock(Guest *guest)
{
    guint64 stamp = now();
    size_t room = BLOCK_BYTES / templateLen;
    size_t n = MIN(MAX(room, 1), guest->end - guest->seq);
    size_t i;

    if (!guest->block)
        guest->block = g_malloc(MAX(BLOCK_BYTES, 65536) + 65536);
    guest->blockLen = guest->blockAt = 0;
    for (i = 0; i < n; i++) {
        char *at = guest->block + guest->blockLen;

        memcpy(at, template, templateLen);
        putNumber(at + seqAt, guest->seq);
        putNumber(at + nsAt, stamp % 1000000000000000ULL);
        if (names > 1) {
            char digits[16];

            g_snprintf(digits, sizeof(digits), "%08u", (unsigned int)(guest->seq % names));
            memcpy(at + nameAt + 6, digits, 8);
        }
        guest->seq++;
        guest->blockLen += templateLen;
    }
}

static void
watch(Guest *guest, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = guest };

    epoll_ctl(epollFd, EPOLL_CTL_MOD, guest->fd, &event);
}

static void
writeMore(Guest *guest)
{
    /* One block a turn: all guests get theirs. */
    if (guest->blockAt == guest->blockLen) {
        if (guest->seq == guest->end)
            return;
        fillBlock(guest);
    }
    while (guest->blockAt < guest->blockLen) {
        ssize_t n = send(guest->fd, guest->block + guest->blockAt,
                         guest->blockLen - guest->blockAt, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            break;
        guest->blockAt += n;
    }
    if (guest->seq == guest->end && guest->blockAt == guest->blockLen) {
        watch(guest, EPOLLIN);
        g_clear_pointer(&guest->block, g_free);
        guest->blockLen = guest->blockAt = 0;
        if (--active == 0) {
            printf("done %" G_GUINT64_FORMAT "\n", now());
            fflush(stdout);
        }
    }
}

static void
answer(Guest *guest, const char *line)
{
    const char *id = strstr(line, "\"id\":\"");
    int idLen = id ? (int)strcspn(id + 6, "\"") : 0;
    g_autofree char *body = NULL;
    g_autofree char *text = NULL;

    if (strstr(line, "\"query-name\""))
        body = g_strdup_printf("{\"name\": \"guest%zu\"}", guest->index);
    else if (strstr(line, "\"query-status\""))
        body = g_strdup("{\"status\": \"running\", \"singlestep\": false, \"running\": true}");
    else if (strstr(line, "\"query-uuid\""))
        body = g_strdup_printf("{\"UUID\": \"a0000000-0000-4000-8000-%012zu\"}", guest->index + 1);
    else
        body = g_strdup("{}");
    text = g_strdup_printf("{\"return\": %s%s%.*s%s}\r\n", body, id ? ", \"id\": \"" : "", idLen,
                           id ? id + 6 : "", id ? "\"" : "");
    if (send(guest->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        fprintf(stderr, "flood: guest %zu: %s\n", guest->index, strerror(errno));
}

static void
readCommands(Guest *guest)
{
    char buffer[4096];
    ssize_t n = recv(guest->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    char *lf;

    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        close(guest->fd);
        guest->fd = -1;
        return;
    }
    if (!guest->input)
        guest->input = g_string_new(NULL);
    g_string_append_len(guest->input, buffer, n);
    while ((lf = strchr(guest->input->str, '\n'))) {
        *lf = '\0';
        answer(guest, guest->input->str);
        g_string_erase(guest->input, 0, lf + 1 - guest->input->str);
    }
}

static void
accepted(Guest *guest)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = guest };
    int size = 4 * 1024 * 1024;
    int fd = accept4(guest->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (guest->fd >= 0)
        close(guest->fd);
    guest->fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    epoll_ctl(epollFd, EPOLL_CTL_ADD, fd, &event);
    if (send(fd, GREETING, strlen(GREETING), MSG_NOSIGNAL) < 0)
        fprintf(stderr, "flood: %s\n", strerror(errno));
}

static bool
order(char *line)
{
    size_t first, last, count, size;
    size_t i;

    if (sscanf(line, "flood %zu %zu %zu %zu", &first, &last, &count, &size) == 4) {
        makeTemplate(size);
        for (i = first; i <= last && i < nguests; i++) {
            if (guests[i].fd < 0) {
                fprintf(stderr, "flood: nobody is connected to guest %zu\n", i);
                continue;
            }
            guests[i].seq = 0;
            guests[i].end = count;
            active++;
            watch(&guests[i], EPOLLIN | EPOLLOUT);
        }
        return true;
    }
    if (sscanf(line, "names %u", &names) == 1)
        return true;
    return false;
}

int
main(int argc, char **argv)
{
    struct epoll_event events[256];
    struct epoll_event event = { .events = EPOLLIN };
    g_autoptr(GString) orders = g_string_new(NULL);
    bool running = true;
    size_t i;

    if (argc != 3) {
        fprintf(stderr, "usage: flood DIRECTORY GUESTS\n");
        return 2;
    }
    nguests = strtoul(argv[2], NULL, 10);
    guests = g_new0(Guest, nguests);
    epollFd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epollFd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    makeTemplate(290);
    for (i = 0; i < nguests; i++) {
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        guests[i].index = i;
        guests[i].fd = -1;
        guests[i].listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%04zu.qmp", argv[1], i);
        unlink(addr.sun_path);
        if (bind(guests[i].listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
            listen(guests[i].listener, 4) < 0) {
            fprintf(stderr, "flood: %s: %s\n", addr.sun_path, strerror(errno));
            return 1;
        }
        event.events = EPOLLIN;
        event.data.ptr = &guests[i];
        epoll_ctl(epollFd, EPOLL_CTL_ADD, guests[i].listener, &event);
    }
    printf("ready\n");
    fflush(stdout);

    while (running) {
        int n = epoll_wait(epollFd, events, G_N_ELEMENTS(events), -1);
        int k;

        for (k = 0; k < n; k++) {
            Guest *guest = events[k].data.ptr;

            if (!guest) {
                char buffer[4096];
                ssize_t got = read(STDIN_FILENO, buffer, sizeof(buffer));
                char *lf;

                if (got <= 0) {
                    running = false;
                    break;
                }
                g_string_append_len(orders, buffer, got);
                while ((lf = strchr(orders->str, '\n'))) {
                    *lf = '\0';
                    if (!order(orders->str))
                        running = false;
                    g_string_erase(orders, 0, lf + 1 - orders->str);
                }
            } else if (guest->fd < 0) {
                accepted(guest);
            } else {
                if (events[k].events & EPOLLOUT)
                    writeMore(guest);
                if (guest->fd >= 0 && (events[k].events & EPOLLIN))
                    readCommands(guest);
            }
        }
    }
    for (i = 0; i < nguests; i++) {
        g_free(guests[i].block);
        if (guests[i].input)
            g_string_free(guests[i].input, TRUE);
        close(guests[i].listener);
        if (guests[i].fd >= 0)
            close(guests[i].fd);
    }
    g_free(guests);
    g_free(template);
    return 0;
}
