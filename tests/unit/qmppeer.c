/*
 * qmppeer.c: the QEMU end of a QMP socket, played by a test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qmppeer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "virthread.h"

#define QMP_PEER_DEADLINE (20 * G_USEC_PER_SEC)

struct _qmpPeer {
    char *dir;                  /* made for it; NULL: it was given its path */
    char *path;
    const char *greeting;
    qmpPeerAnswer answer;
    void *opaque;
    int listener;
    int wake[2];                /* closing [1] ends the thread */
    pthread_t thread;

    virMutex lock;              /* guards the client */
    virCond cond;
    int client;
    unsigned int served;        /* connections that have ended */
};

static void
qmpPeerWriteAll(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;             /* the client has gone, as some tests want it */
        text += n;
        len -= n;
    }
}

static void
qmpPeerServe(qmpPeer *peer, int fd)
{
    g_autoptr(GString) input = g_string_new(NULL);
    char buffer[65536];

    for (;;) {
        struct pollfd fds[] = { { fd, POLLIN, 0 }, { peer->wake[0], POLLIN, 0 } };
        ssize_t n;
        char *lf;

        if (poll(fds, 2, -1) < 0 || fds[1].revents)
            return;
        if ((n = recv(fd, buffer, sizeof(buffer), 0)) <= 0)
            return;
        g_string_append_len(input, buffer, n);
        while ((lf = strchr(input->str, '\n'))) {
            g_autofree char *line = g_strndup(input->str, lf - input->str);
            g_autofree char *answer = NULL;

            g_string_erase(input, 0, lf + 1 - input->str);
            if ((answer = peer->answer(line, peer->opaque)))
                qmpPeerWriteAll(fd, answer, strlen(answer));
        }
    }
}

static void *
qmpPeerThread(void *opaque)
{
    qmpPeer *peer = opaque;

    for (;;) {
        struct pollfd fds[] = { { peer->listener, POLLIN, 0 }, { peer->wake[0], POLLIN, 0 } };
        int fd;

        if (poll(fds, 2, -1) < 0 || fds[1].revents)
            return NULL;
        if ((fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
            continue;
        if (peer->greeting)
            qmpPeerWriteAll(fd, peer->greeting, strlen(peer->greeting));
        virMutexLock(&peer->lock);
        peer->client = fd;
        virCondBroadcast(&peer->cond);
        virMutexUnlock(&peer->lock);

        qmpPeerServe(peer, fd);

        virMutexLock(&peer->lock);
        peer->client = -1;
        peer->served++;
        virCondBroadcast(&peer->cond);
        virMutexUnlock(&peer->lock);
        close(fd);
    }
}

/* A path may be longer than an address has room for: its directory may be short for it. */
int
qmpPeerListen(const char *path, int backlog)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *base = g_path_get_basename(path);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int dirFd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(dirFd, >=, 0);
    g_assert_cmpint(fd, >=, 0);
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dirFd, base);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    close(dirFd);
    if (backlog >= 0)
        g_assert_cmpint(listen(fd, backlog), ==, 0);
    return fd;
}

qmpPeer *
qmpPeerNew(const char *greeting, qmpPeerAnswer answer, void *opaque)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *path = NULL;
    qmpPeer *peer;

    g_assert_nonnull(dir);
    path = g_build_filename(dir, "peer.qmp", NULL);
    peer = qmpPeerNewAt(path, greeting, answer, opaque);
    peer->dir = g_steal_pointer(&dir);
    return peer;
}

qmpPeer *
qmpPeerNewAt(const char *path, const char *greeting, qmpPeerAnswer answer, void *opaque)
{
    return qmpPeerNewOn(path, qmpPeerListen(path, 1), greeting, answer, opaque);
}

qmpPeer *
qmpPeerNewOn(const char *path, int listener, const char *greeting, qmpPeerAnswer answer,
             void *opaque)
{
    qmpPeer *peer = g_new0(qmpPeer, 1);
    int rc;

    peer->path = g_strdup(path);
    peer->listener = listener;
    peer->greeting = greeting;
    peer->answer = answer ? answer : qmpPeerAnswerAll;
    peer->opaque = opaque;
    peer->client = -1;
    virMutexInit(&peer->lock);
    virCondInit(&peer->cond);

    g_assert_cmpint(pipe2(peer->wake, O_CLOEXEC), ==, 0);
    rc = pthread_create(&peer->thread, NULL, qmpPeerThread, peer);
    g_assert_cmpint(rc, ==, 0);
    return peer;
}

void
qmpPeerFree(qmpPeer *peer)
{
    if (!peer)
        return;
    close(peer->wake[1]);
    qmpPeerHangUp(peer);
    pthread_join(peer->thread, NULL);
    close(peer->wake[0]);
    close(peer->listener);
    if (peer->dir) {
        unlink(peer->path);
        rmdir(peer->dir);
    }
    virCondDestroy(&peer->cond);
    virMutexDestroy(&peer->lock);
    g_free(peer->path);
    g_free(peer->dir);
    g_free(peer);
}

const char *
qmpPeerPath(qmpPeer *peer)
{
    return peer->path;
}

void
qmpPeerSend(qmpPeer *peer, const char *text, size_t len)
{
    gint64 deadline = g_get_monotonic_time() + QMP_PEER_DEADLINE;
    int fd;

    virMutexLock(&peer->lock);
    while (peer->client < 0)
        g_assert_true(virCondWaitUntil(&peer->cond, &peer->lock, deadline));
    fd = dup(peer->client);
    virMutexUnlock(&peer->lock);
    qmpPeerWriteAll(fd, text, len);
    close(fd);
}

void
qmpPeerWaitGone(qmpPeer *peer)
{
    gint64 deadline = g_get_monotonic_time() + QMP_PEER_DEADLINE;

    virMutexLock(&peer->lock);
    while (peer->served == 0)
        g_assert_true(virCondWaitUntil(&peer->cond, &peer->lock, deadline));
    virMutexUnlock(&peer->lock);
}

void
qmpPeerHangUp(qmpPeer *peer)
{
    virMutexLock(&peer->lock);
    if (peer->client >= 0)
        shutdown(peer->client, SHUT_RDWR);
    virMutexUnlock(&peer->lock);
}

char *
qmpPeerReply(const char *line, const char *body)
{
    const char *id = strstr(line, "\"id\":\"");
    size_t len = id ? strcspn(id + 6, "\"") : 0;

    if (!id)
        return g_strdup_printf("{\"return\": %s}\r\n", body);
    return g_strdup_printf("{\"return\": %s, \"id\": \"%.*s\"}\r\n", body, (int)len, id + 6);
}

char *
qmpPeerAnswerAll(const char *line, void *opaque G_GNUC_UNUSED)
{
    if (strstr(line, "\"query-status\""))
        return qmpPeerReply(line, "{\"status\": \"running\", \"running\": true}");
    if (strstr(line, "\"query-name\""))
        return qmpPeerReply(line, "{\"name\": \"peer\"}");
    return qmpPeerReply(line, "{}");
}
