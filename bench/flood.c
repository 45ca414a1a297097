/*
 * flood.c: a source of QMP events that is never the bottleneck
 *
 *     flood DIRECTORY GUESTS
 *
 * serves many QMP sockets in one process: greeting, negotiation, the questions a
 * driver asks, {} to the rest. As
 *
 *     flood --emulator CONTROL QEMU-ARGUMENTS...
 *
 * it stands between a libvirtd and the real QEMU that it starts, passes on what they
 * say and puts events between QEMU's lines. Orders come as lines on stdin, or on the
 * unix socket CONTROL:
 *
 *     flood FIRST LAST COUNT SIZE         COUNT events to each guest FIRST..LAST
 *     pace FIRST LAST COUNT SIZE RATE     the same, RATE a second for each
 *     call FIRST LAST NAME                what their next events are called: BENCH_IO_ERROR
 *     names N                             invent N names in turn in place of that; 1: it alone
 *     quit
 *
 * and are answered by a line when all was written. Each event has a running number
 * "seq" and the time "ns" first in its data: CLOCK_MONOTONIC, stamped for a block of at
 * most 64 KiB when the socket can be written, or for those that are due.
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
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GREETING \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, " \
    "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define BLOCK_BYTES 65536
#define DIGITS 16               /* of seq and ns, zero-padded with a leading 1 */
#define NAME "BENCH_IO_ERROR"
#define EMULATOR "/usr/bin/qemu-system-x86_64"

/* An event with places for its numbers. */
typedef struct {
    const char *name;           /* interned */
    size_t size;                /* as ordered */
    char *text;
    size_t len, seqAt, nsAt, nameAt;
} Template;

typedef struct {
    int listener;
    int fd;
    int qemu;                   /* monitor of the real one behind this guest; -1: there is none */
    GString *fromQemu;          /* what it said */
    GString *input;
    size_t index;
    const char *name;           /* of its events; interned */
    const Template *template;   /* of those ordered */
    guint64 seq;                /* next event */
    guint64 end;                /* where the order ends */
    guint64 rate;               /* events a second; 0: as fast as they are read */
    guint64 began;              /* when the order came */
    char *block;                /* what is being written */
    size_t blockLen, blockAt;
} Guest;

static Guest *guests;
static size_t nguests;
static GPtrArray *templates;    /* each made once and kept to the end, as guests point there */
static unsigned int names = 1;
static int epollFd;
static size_t active;
static const char *control;     /* the emulator's: where orders come; NULL: on stdin */
static int orderFd = STDIN_FILENO;
static char handleOrders, handleControl, handleQemu;    /* what the epoll set has beside guests */

static guint64
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void
freeTemplate(void *opaque)
{
    Template *template = opaque;

    g_free(template->text);
    g_free(template);
}

/* An event as QEMU writes it; @size as the scenarios name it: 290 bytes, or more. */
static const Template *
findTemplate(const char *name, size_t size)
{
    g_autoptr(GString) pad = g_string_new(NULL);
    Template *template;
    size_t i;

    for (i = 0; i < templates->len; i++) {
        template = g_ptr_array_index(templates, i);
        if (template->name == name && template->size == size)
            return template;
    }
    while (pad->len + 290 < size)
        g_string_append_printf(pad, ", {\"sector\": 123456, \"name\": \"drive-virtio-disk0\"}");
    template = g_new0(Template, 1);
    template->name = name;
    template->size = size;
    template->text = g_strdup_printf(
        "{\"timestamp\": {\"seconds\": 1700000000, \"microseconds\": 123456}, "
        "\"event\": \"%s\", \"data\": {\"seq\": 1%015d, \"ns\": 1%015d, "
        "\"device\": \"drive-virtio-disk0\", \"nospace\": false, "
        "\"node-name\": \"#block123\", \"reason\": \"Input/output error\", "
        "\"operation\": \"write\", \"action\": \"report\"%s%s%s}}\r\n",
        name, 0, 0, pad->len ? ", \"list\": [0" : "", pad->str, pad->len ? "]" : "");
    template->len = strlen(template->text);
    template->seqAt = strstr(template->text, "\"seq\": ") + 7 - template->text;
    template->nsAt = strstr(template->text, "\"ns\": ") + 6 - template->text;
    template->nameAt = strstr(template->text, name) - template->text;
    g_ptr_array_add(templates, template);
    return template;
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

/* Events that are due and not written yet. */
static guint64
countDue(const Guest *guest)
{
    guint64 due;

    if (guest->rate == 0)
        return guest->end - guest->seq;
    due = (guint64)((double)(now() - guest->began) * 1e-9 * (double)guest->rate) + 1;
    return MIN(due, guest->end) - MIN(MIN(due, guest->end), guest->seq);
}

static void
fillBlock(Guest *guest)
{
    const Template *template = guest->template;
    guint64 stamp = now();
    size_t room = BLOCK_BYTES / template->len;
    size_t n = MIN(MAX(room, 1), countDue(guest));
    size_t i;

    if (!guest->block)
        guest->block = g_malloc(MAX(BLOCK_BYTES, 65536) + 65536);
    guest->blockLen = guest->blockAt = 0;
    for (i = 0; i < n; i++) {
        char *at = guest->block + guest->blockLen;

        memcpy(at, template->text, template->len);
        putNumber(at + template->seqAt, guest->seq);
        putNumber(at + template->nsAt, stamp % 1000000000000000ULL);
        if (names > 1 && strcmp(template->name, NAME) == 0) {
            char digits[16];

            g_snprintf(digits, sizeof(digits), "%08u", (unsigned int)(guest->seq % names));
            memcpy(at + template->nameAt + 6, digits, 8);
        }
        guest->seq++;
        guest->blockLen += template->len;
    }
}

static void
watch(Guest *guest, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = guest };

    epoll_ctl(epollFd, EPOLL_CTL_MOD, guest->fd, &event);
}

static void
sayDone(void)
{
    g_autofree char *text = g_strdup_printf("done %" G_GUINT64_FORMAT "\n", now());

    if (write(control ? orderFd : STDOUT_FILENO, text, strlen(text)) < 0)
        fprintf(stderr, "flood: %s\n", strerror(errno));
}

/* Sends of @text what the socket takes; returns whether that is all. */
static bool
sendText(Guest *guest, GString *text)
{
    ssize_t n = text->len ? send(guest->fd, text->str, text->len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

    if (n > 0)
        g_string_erase(text, 0, n);
    return text->len == 0;
}

static void
writeMore(Guest *guest)
{
    /* One block a turn: all guests get theirs. What QEMU itself says comes between blocks, which
     * end with a line. */
    if (guest->blockAt == guest->blockLen) {
        char *end = guest->fromQemu ? g_strrstr(guest->fromQemu->str, "\n") : NULL;

        if (end) {
            g_autoptr(GString) whole = g_string_new_len(guest->fromQemu->str,
                                                        end + 1 - guest->fromQemu->str);

            /* Written whole, if need be by waiting: there is little of it. */
            g_string_erase(guest->fromQemu, 0, whole->len);
            while (!sendText(guest, whole)) {
                struct pollfd fd = { .fd = guest->fd, .events = POLLOUT };

                if (poll(&fd, 1, 10000) <= 0)
                    return;
            }
        }
        if (guest->seq == guest->end || countDue(guest) == 0) {
            watch(guest, EPOLLIN);
            return;
        }
        fillBlock(guest);
    }
    while (guest->blockAt < guest->blockLen) {
        ssize_t n = send(guest->fd, guest->block + guest->blockAt,
                         guest->blockLen - guest->blockAt, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN) {
            watch(guest, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n <= 0)
            break;
        guest->blockAt += n;
    }
    if (guest->seq == guest->end && guest->blockAt == guest->blockLen) {
        watch(guest, EPOLLIN);
        g_clear_pointer(&guest->block, g_free);
        guest->blockLen = guest->blockAt = 0;
        if (--active == 0)
            sayDone();
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
        if (guest->qemu >= 0)
            exit(0);
        return;
    }
    if (guest->qemu >= 0) {
        if (write(guest->qemu, buffer, n) != n)
            exit(1);
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

/* The real QEMU has said something. */
static void
readQemu(Guest *guest)
{
    char buffer[65536];
    ssize_t n = read(guest->qemu, buffer, sizeof(buffer));

    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        exit(0);                        /* it has ended, and this with it */
    }
    g_string_append_len(guest->fromQemu, buffer, n);
    watch(guest, EPOLLIN | EPOLLOUT);
}

/* Connects to the real QEMU's monitor, as soon as it listens. */
static void
connectQemu(Guest *guest)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &handleQemu };
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    guint64 deadline = now() + 30000000000ULL;

    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.qemu", control);
    guest->qemu = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (connect(guest->qemu, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        if (now() > deadline) {
            fprintf(stderr, "flood: %s: %s\n", addr.sun_path, strerror(errno));
            exit(1);
        }
        poll(NULL, 0, 5);
    }
    guest->fromQemu = g_string_new(NULL);
    epoll_ctl(epollFd, EPOLL_CTL_ADD, guest->qemu, &event);
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
    if (control)
        connectQemu(guest);
    else if (send(fd, GREETING, strlen(GREETING), MSG_NOSIGNAL) < 0)
        fprintf(stderr, "flood: %s\n", strerror(errno));
}

static bool
order(char *line)
{
    size_t first, last, count, size, rate = 0;
    char name[64];
    size_t i;

    if (sscanf(line, "flood %zu %zu %zu %zu", &first, &last, &count, &size) == 4 ||
        sscanf(line, "pace %zu %zu %zu %zu %zu", &first, &last, &count, &size, &rate) == 5) {
        for (i = first; i <= last && i < nguests; i++) {
            if (guests[i].fd < 0) {
                fprintf(stderr, "flood: nobody is connected to guest %zu\n", i);
                continue;
            }
            guests[i].template = findTemplate(guests[i].name, size);
            guests[i].seq = 0;
            guests[i].end = count;
            guests[i].rate = rate;
            guests[i].began = now();
            active++;
            watch(&guests[i], EPOLLIN | EPOLLOUT);
        }
        return true;
    }
    if (sscanf(line, "call %zu %zu %63s", &first, &last, name) == 3) {
        for (i = first; i <= last && i < nguests; i++)
            guests[i].name = g_intern_string(name);
        return true;
    }
    if (sscanf(line, "names %u", &names) == 1)
        return true;
    return false;
}

/* Reads orders. Returns whether there may be more. */
static bool
readOrders(GString *orders)
{
    char buffer[4096];
    ssize_t got = read(orderFd, buffer, sizeof(buffer));
    char *lf;

    if (got <= 0) {
        if (!control)
            return false;
        close(orderFd);
        orderFd = -1;
        return true;
    }
    g_string_append_len(orders, buffer, got);
    while ((lf = strchr(orders->str, '\n'))) {
        *lf = '\0';
        if (!order(orders->str))
            return false;
        g_string_erase(orders, 0, lf + 1 - orders->str);
    }
    return true;
}

/* Wakes the paced guests that have something due; returns nanoseconds until the next has, -1 if
 * none is paced. */
static gint64
paceGuests(void)
{
    gint64 wait = -1;
    size_t i;

    for (i = 0; active > 0 && i < nguests; i++) {
        Guest *guest = &guests[i];
        gint64 next;

        if (guest->rate == 0 || guest->seq == guest->end || guest->fd < 0)
            continue;
        if (countDue(guest) > 0)
            writeMore(guest);
        next = (gint64)guest->began + (gint64)((double)guest->seq * 1e9 / (double)guest->rate) -
               (gint64)now();
        wait = wait < 0 ? MAX(next, 0) : MIN(wait, MAX(next, 0));
    }
    return wait;
}

static int
listenAt(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    unlink(path);
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4) < 0) {
        fprintf(stderr, "flood: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return fd;
}

/* Starts the real QEMU with a monitor of its own in place of libvirtd's, whose socket, given as an
 * fd, is returned. Without such a monitor it just becomes QEMU. */
static int
startEmulator(char **args)
{
    static const char monitor[] = "socket,id=charmonitor,fd=";
    int listener = -1;
    size_t i;

    for (i = 1; args[i]; i++) {
        if (g_str_has_prefix(args[i], monitor)) {
            listener = atoi(args[i] + strlen(monitor));
            args[i] = g_strdup_printf("socket,id=charmonitor,path=%s.qemu,server=on,wait=off",
                                      control);
        }
    }
    args[0] = (char *)EMULATOR;
    if (listener < 0) {
        execv(EMULATOR, args);
        exit(1);
    }
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(EMULATOR, args);
        _exit(1);
    }
    return listener;
}

static void
addHandle(int fd, void *handle)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = handle };

    epoll_ctl(epollFd, EPOLL_CTL_ADD, fd, &event);
}

int
main(int argc, char **argv)
{
    struct epoll_event events[256];
    g_autoptr(GString) orders = g_string_new(NULL);
    int controlFd = -1;
    bool running = true;
    size_t i;

    if (argc >= 4 && strcmp(argv[1], "--emulator") == 0) {
        control = argv[2];
        nguests = 1;
    } else if (argc == 3) {
        nguests = strtoul(argv[2], NULL, 10);
    } else {
        fprintf(stderr, "usage: flood DIRECTORY GUESTS\n"
                        "       flood --emulator CONTROL QEMU-ARGUMENTS...\n");
        return 2;
    }
    guests = g_new0(Guest, nguests);
    templates = g_ptr_array_new_with_free_func(freeTemplate);
    for (i = 0; i < nguests; i++) {
        g_autofree char *path = g_strdup_printf("%s/%04zu.qmp", argv[1], i);

        guests[i].index = i;
        guests[i].name = g_intern_static_string(NAME);
        guests[i].fd = guests[i].qemu = -1;
        guests[i].listener = control ? startEmulator(argv + 2) : listenAt(path);
    }
    epollFd = epoll_create1(EPOLL_CLOEXEC);
    for (i = 0; i < nguests; i++)
        addHandle(guests[i].listener, &guests[i]);
    if (control) {
        orderFd = -1;
        controlFd = listenAt(control);
        addHandle(controlFd, &handleControl);
    } else {
        addHandle(STDIN_FILENO, &handleOrders);
        printf("ready\n");
        fflush(stdout);
    }

    while (running) {
        gint64 wait = paceGuests();
        struct timespec timeout = { wait / 1000000000, wait % 1000000000 };
        int n = epoll_pwait2(epollFd, events, G_N_ELEMENTS(events), wait < 0 ? NULL : &timeout,
                             NULL);
        int k;

        for (k = 0; running && k < n; k++) {
            Guest *guest = events[k].data.ptr;
            void *handle = events[k].data.ptr;

            if (handle == &handleOrders) {
                running = readOrders(orders);
            } else if (handle == &handleControl) {
                if (orderFd >= 0)
                    close(orderFd);
                if ((orderFd = accept4(controlFd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                    addHandle(orderFd, &handleOrders);
            } else if (handle == &handleQemu) {
                readQemu(&guests[0]);
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
    g_ptr_array_unref(templates);
    return 0;
}
