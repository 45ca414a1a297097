/*
 * qmpcrowd.c: the QEMU ends of many QMP sockets, played by one thread of a test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qmpcrowd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmppeer.h"
#include "virthread.h"

typedef struct {
    size_t number;
    char *path;
    int listener;               /* -1: it has hung up */
    int client;
    GString *input;
} qmpCrowdMember;

struct _qmpCrowd {
    char *dir;
    char *pattern;
    bool alike;
    int epollFd;
    int wake[2];                /* closing [1] ends the thread */
    pthread_t thread;
    virMutex lock;              /* guards the members */
    size_t count;
    qmpCrowdMember *members;
};

static void
qmpCrowdWatch(qmpCrowd *crowd, int fd, qmpCrowdMember *member)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = member };

    g_assert_cmpint(epoll_ctl(crowd->epollFd, EPOLL_CTL_ADD, fd, &event), ==, 0);
}

static void
qmpCrowdWrite(qmpCrowdMember *member, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = send(member->client, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;             /* the client has gone */
        text += n;
        len -= n;
    }
}

static char *
qmpCrowdAnswer(qmpCrowd *crowd, qmpCrowdMember *member, const char *line)
{
    g_autofree char *body = NULL;

    if (strstr(line, "\"query-name\"") && crowd->alike)
        return qmpPeerReply(line, "{\"name\": \"guest\"}");
    if (strstr(line, "\"query-name\""))
        body = g_strdup_printf("{\"name\": \"guest%zu\"}", member->number);
    else if (strstr(line, "\"query-uuid\""))
        body = g_strdup_printf("{\"UUID\": \"a0000000-0000-4000-8000-%012zu\"}", member->number);
    else
        return qmpPeerAnswerAll(line, NULL);
    return qmpPeerReply(line, body);
}

static void
qmpCrowdServe(qmpCrowd *crowd, qmpCrowdMember *member)
{
    char buffer[4096];
    ssize_t n;
    char *lf;

    if (member->client < 0) {
        if (member->listener < 0 ||
            (member->client = accept4(member->listener, NULL, NULL,
                                      SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
            return;
        qmpCrowdWatch(crowd, member->client, member);
        qmpCrowdWrite(member, QMP_PEER_GREETING);
        return;
    }
    if ((n = recv(member->client, buffer, sizeof(buffer), 0)) <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        close(member->client);
        member->client = -1;
        g_string_truncate(member->input, 0);
        return;
    }
    g_string_append_len(member->input, buffer, n);
    while ((lf = strchr(member->input->str, '\n'))) {
        g_autofree char *line = g_strndup(member->input->str, lf - member->input->str);
        g_autofree char *answer = qmpCrowdAnswer(crowd, member, line);

        g_string_erase(member->input, 0, lf + 1 - member->input->str);
        qmpCrowdWrite(member, answer);
    }
}

static void *
qmpCrowdThread(void *opaque)
{
    qmpCrowd *crowd = opaque;
    struct epoll_event events[64];

    for (;;) {
        int n = epoll_wait(crowd->epollFd, events, G_N_ELEMENTS(events), -1);
        int i;

        for (i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                return NULL;
            virMutexLock(&crowd->lock);
            qmpCrowdServe(crowd, events[i].data.ptr);
            virMutexUnlock(&crowd->lock);
        }
    }
}

qmpCrowd *
qmpCrowdNew(size_t count, bool alike)
{
    qmpCrowd *crowd = g_new0(qmpCrowd, 1);
    size_t i;
    int rc;

    crowd->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(crowd->dir);
    crowd->pattern = g_build_filename(crowd->dir, "*.qmp", NULL);
    crowd->alike = alike;
    crowd->count = count;
    crowd->members = g_new0(qmpCrowdMember, count);
    virMutexInit(&crowd->lock);
    g_assert_cmpint((crowd->epollFd = epoll_create1(EPOLL_CLOEXEC)), >=, 0);
    g_assert_cmpint(pipe2(crowd->wake, O_CLOEXEC), ==, 0);
    qmpCrowdWatch(crowd, crowd->wake[0], NULL);
    for (i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("%04zu.qmp", i);
        qmpCrowdMember *member = &crowd->members[i];

        member->number = i;
        member->path = g_build_filename(crowd->dir, name, NULL);
        member->input = g_string_new(NULL);
        member->client = -1;
        member->listener = qmpPeerListen(member->path, 1);
        qmpCrowdWatch(crowd, member->listener, member);
    }
    rc = pthread_create(&crowd->thread, NULL, qmpCrowdThread, crowd);
    g_assert_cmpint(rc, ==, 0);
    return crowd;
}

void
qmpCrowdFree(qmpCrowd *crowd)
{
    size_t i;

    if (!crowd)
        return;
    close(crowd->wake[1]);
    pthread_join(crowd->thread, NULL);
    qmpCrowdHangUp(crowd);
    for (i = 0; i < crowd->count; i++) {
        unlink(crowd->members[i].path);
        g_free(crowd->members[i].path);
        g_string_free(crowd->members[i].input, TRUE);
    }
    rmdir(crowd->dir);
    close(crowd->wake[0]);
    close(crowd->epollFd);
    virMutexDestroy(&crowd->lock);
    g_free(crowd->members);
    g_free(crowd->pattern);
    g_free(crowd->dir);
    g_free(crowd);
}

const char *
qmpCrowdPattern(qmpCrowd *crowd)
{
    return crowd->pattern;
}

void
qmpCrowdSend(qmpCrowd *crowd, const char *text)
{
    size_t i;

    virMutexLock(&crowd->lock);
    for (i = 0; i < crowd->count; i++) {
        g_assert_cmpint(crowd->members[i].client, >=, 0);
        qmpCrowdWrite(&crowd->members[i], text);
    }
    virMutexUnlock(&crowd->lock);
}

void
qmpCrowdHangUp(qmpCrowd *crowd)
{
    size_t i;

    virMutexLock(&crowd->lock);
    for (i = 0; i < crowd->count; i++) {
        qmpCrowdMember *member = &crowd->members[i];

        if (member->listener >= 0)
            close(member->listener);
        if (member->client >= 0)
            close(member->client);
        member->listener = member->client = -1;
    }
    virMutexUnlock(&crowd->lock);
}
