/*
 * fuzz_agent.c: any bytes as what a guest's agent says
 *
 * A socket with somebody behind it who reads the first request, writes the bytes, and hangs up. "@@"
 * in them becomes the number that the request has to be answered with, or no answer would ever be
 * taken for one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qemu_agent.h"
#include "virerror_priv.h"
#include "virjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];
static int listener = -1;

typedef struct {
    const uint8_t *data;
    size_t size;
} Answer;

static void
removeSocket(void)
{
    unlink(path);
}

static void
makeSocket(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    g_snprintf(path, sizeof(path), "/tmp/fuzz-agent-%d", (int)getpid());
    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(listener, 8), ==, 0);
    atexit(removeSocket);
}

static void *
answer(void *opaque)
{
    const Answer *what = opaque;
    g_autoptr(GString) text = g_string_new(NULL);
    char request[4096] = "";
    int fd = accept(listener, NULL, NULL);
    ssize_t got = recv(fd, request, sizeof(request) - 1, 0);
    const char *id = got > 0 ? strstr(request, "\"id\":") : NULL;
    char number[32];
    size_t i;

    g_snprintf(number, sizeof(number), "%lld", id ? atoll(id + strlen("\"id\":")) : 0);
    for (i = 0; i < what->size; i++) {
        if (i + 1 < what->size && what->data[i] == '@' && what->data[i + 1] == '@') {
            g_string_append(text, number);
            i++;
        } else {
            g_string_append_c(text, what->data[i]);
        }
    }
    for (i = 0; i < text->len;) {
        ssize_t n = send(fd, text->str + i, text->len - i, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        i += n;
    }
    /* The command may still be on its way: it is read, so that what was written stays readable. */
    shutdown(fd, SHUT_WR);
    while (recv(fd, request, sizeof(request), 0) > 0)
        ;
    close(fd);
    return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Answer what = { data, size };
    g_autofree char *reply = NULL;
    pthread_t thread;

    if (listener < 0)
        makeSocket();
    g_assert_cmpint(pthread_create(&thread, NULL, answer, &what), ==, 0);
    if (qemuAgentTalk(path, 0, "{\"execute\":\"guest-ping\"}", 10000, false, &reply) == 0) {
        g_autoptr(virJSONValue) json = virJSONValueFromString(reply, strlen(reply));

        g_assert_nonnull(virJSONValueObjectGet(json, "return"));
    } else {
        g_assert_nonnull(virGetLastError());
        g_assert_null(reply);
    }
    pthread_join(thread, NULL);
    virResetLastError();
    return 0;
}
