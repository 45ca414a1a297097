/*
 * remotepeer.c: a daemon that says what a test wants, also what no daemon would
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remotepeer.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qemu_protocol.h"
#include "remote_protocol.h"
#include "virthread.h"

/* What is known of one procedure. */
typedef struct {
    unsigned int program;
    int procedure;
    bool scripted;
    bool held;
    bool failed;
    bool once;                  /* then back to what is usual */
    char *payload;
    size_t calls;
    char *lastArgs;
    GArray *waiting;            /* serials of the calls that are held */
} remotePeerProc;

struct _remotePeer {
    char *dir;
    char *path;
    char *uri;
    int listener;
    int stop[2];                /* a pipe whose end stops the thread */
    pthread_t thread;

    virMutex lock;              /* guards the rest */
    virCond changed;
    int fd;                     /* -1: nobody is connected */
    GPtrArray *procs;
    unsigned int nextNumber;
};

static void
remotePeerProcFree(void *opaque)
{
    remotePeerProc *proc = opaque;

    g_free(proc->payload);
    g_free(proc->lastArgs);
    g_array_unref(proc->waiting);
    g_free(proc);
}

/* Call with lock held. */
static remotePeerProc *
remotePeerProcOf(remotePeer *peer, unsigned int program, int procedure)
{
    remotePeerProc *proc;
    guint i;

    for (i = 0; i < peer->procs->len; i++) {
        proc = g_ptr_array_index(peer->procs, i);
        if (proc->program == program && proc->procedure == procedure)
            return proc;
    }
    proc = g_new0(remotePeerProc, 1);
    proc->program = program;
    proc->procedure = procedure;
    proc->waiting = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    g_ptr_array_add(peer->procs, proc);
    return proc;
}

/* What is said where the test says nothing. Call with lock held. */
static char *
remotePeerUsual(remotePeer *peer, const remotePeerProc *proc)
{
    if (proc->program == REMOTE_PEER_QEMU)
        return proc->procedure == QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER ?
               g_strdup_printf("%08x", peer->nextNumber++) : NULL;
    switch (proc->procedure) {
    case REMOTE_PROC_AUTH_LIST:
        return g_strdup("00000001 00000000");
    case REMOTE_PROC_CONNECT_SUPPORTS_FEATURE:
        return g_strdup("00000001");
    case REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY:
        return g_strdup_printf("%08x", peer->nextNumber++);
    default:
        return NULL;
    }
}

/* Call with lock held. */
static void
remotePeerReply(remotePeer *peer, remotePeerProc *proc, uint32_t serial)
{
    rpcPeerHeader header = { proc->program, 1, proc->procedure, 1, serial, proc->failed };
    g_autofree char *usual = proc->scripted ? NULL : remotePeerUsual(peer, proc);

    if (peer->fd >= 0)
        rpcPeerSendPacket(peer->fd, &header, proc->scripted ? proc->payload : usual);
    if (proc->once)
        proc->scripted = proc->failed = proc->once = false;
}

static char *
remotePeerHex(const guint8 *data, size_t len)
{
    GString *hex = g_string_new(NULL);
    size_t i;

    for (i = 0; i < len; i++)
        g_string_append_printf(hex, "%s%02x", i > 0 && i % 4 == 0 ? " " : "", data[i]);
    return g_string_free(hex, FALSE);
}

static void
remotePeerTake(remotePeer *peer, const rpcPeerHeader *header, const GByteArray *args)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&peer->lock);
    remotePeerProc *proc;

    if (header->type != 0)
        return;                 /* keepalive's answer, say */
    proc = remotePeerProcOf(peer, header->program, header->procedure);
    proc->calls++;
    g_free(proc->lastArgs);
    proc->lastArgs = remotePeerHex(args->data, args->len);
    if (proc->held)
        g_array_append_val(proc->waiting, header->serial);
    else
        remotePeerReply(peer, proc, header->serial);
    virCondBroadcast(&peer->changed);
}

/* Until one of both says something; whether it is @fd alone. */
static bool
remotePeerAwait(remotePeer *peer, int fd)
{
    struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
                            { .fd = peer->stop[0], .events = POLLIN } };

    while (poll(fds, 2, -1) < 0)
        ;
    return !fds[1].revents;
}

static void
remotePeerSetFD(remotePeer *peer, int fd)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&peer->lock);

    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = fd;
    virCondBroadcast(&peer->changed);
}

static void *
remotePeerRun(void *opaque)
{
    remotePeer *peer = opaque;

    while (remotePeerAwait(peer, peer->listener)) {
        int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        rpcPeerHeader header;
        GByteArray *args;

        g_assert_cmpint(fd, >=, 0);
        rpcPeerSetUp(fd);
        remotePeerSetFD(peer, fd);
        while (remotePeerAwait(peer, fd) && (args = rpcPeerReadPacket(fd, &header))) {
            remotePeerTake(peer, &header, args);
            g_byte_array_unref(args);
        }
        remotePeerSetFD(peer, -1);
    }
    return NULL;
}

remotePeer *
remotePeerNew(void)
{
    remotePeer *peer = g_new0(remotePeer, 1);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    peer->dir = g_dir_make_tmp("remotepeer-XXXXXX", NULL);
    g_assert_nonnull(peer->dir);
    peer->path = g_build_filename(peer->dir, "sock", NULL);
    peer->fd = -1;
    peer->nextNumber = 100;
    peer->procs = g_ptr_array_new_with_free_func(remotePeerProcFree);
    virMutexInit(&peer->lock);
    virCondInit(&peer->changed);

    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(peer->listener, >=, 0);
    g_strlcpy(addr.sun_path, peer->path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(peer->listener, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(peer->listener, 5), ==, 0);
    g_assert_cmpint(pipe2(peer->stop, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pthread_create(&peer->thread, NULL, remotePeerRun, peer), ==, 0);
    return peer;
}

void
remotePeerFree(remotePeer *peer)
{
    if (!peer)
        return;
    close(peer->stop[1]);
    pthread_join(peer->thread, NULL);
    close(peer->stop[0]);
    close(peer->listener);
    g_remove(peer->path);
    g_rmdir(peer->dir);
    g_ptr_array_unref(peer->procs);
    virCondDestroy(&peer->changed);
    virMutexDestroy(&peer->lock);
    g_free(peer->uri);
    g_free(peer->path);
    g_free(peer->dir);
    g_free(peer);
}

const char *
remotePeerURI(remotePeer *peer, const char *extra)
{
    g_free(peer->uri);
    peer->uri = g_strdup_printf("qemu+unix:///system?socket=%s%s", peer->path, extra);
    return peer->uri;
}

static void
remotePeerScript(remotePeer *peer, unsigned int program, int procedure,
                 const remotePeerProc *script)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&peer->lock);
    remotePeerProc *proc = remotePeerProcOf(peer, program, procedure);
    guint i;

    g_free(proc->payload);
    proc->payload = g_strdup(script->payload);
    proc->scripted = script->scripted;
    proc->failed = script->failed;
    proc->once = script->once;
    proc->held = script->held;
    for (i = 0; !proc->held && i < proc->waiting->len; i++)
        remotePeerReply(peer, proc, g_array_index(proc->waiting, uint32_t, i));
    if (!proc->held)
        g_array_set_size(proc->waiting, 0);
}

void
remotePeerAnswer(remotePeer *peer, unsigned int program, int procedure, const char *payload)
{
    const remotePeerProc script = { .scripted = true, .payload = (char *)payload };

    remotePeerScript(peer, program, procedure, &script);
}

static void
remotePeerScriptError(remotePeer *peer, unsigned int program, int procedure, int code,
                      int domain, const char *message, bool once)
{
    g_autofree char *text = remotePeerText(message);
    g_autofree char *payload =
        g_strdup_printf("%08x %08x 00000001 %s 00000002 00000000 00000000 00000000 00000000 "
                        "ffffffff ffffffff 00000000", code, domain, text);
    const remotePeerProc script = {
        .scripted = true, .failed = true, .once = once, .payload = payload,
    };

    remotePeerScript(peer, program, procedure, &script);
}

void
remotePeerRefuse(remotePeer *peer, unsigned int program, int procedure, int code, int domain,
                 const char *message)
{
    remotePeerScriptError(peer, program, procedure, code, domain, message, false);
}

void
remotePeerRefuseOnce(remotePeer *peer, unsigned int program, int procedure, int code,
                     int domain, const char *message)
{
    remotePeerScriptError(peer, program, procedure, code, domain, message, true);
}

void
remotePeerHold(remotePeer *peer, unsigned int program, int procedure)
{
    const remotePeerProc script = { .held = true };

    remotePeerScript(peer, program, procedure, &script);
}

void
remotePeerLetGo(remotePeer *peer, unsigned int program, int procedure)
{
    const remotePeerProc script = { .scripted = false };

    remotePeerScript(peer, program, procedure, &script);
}

char *
remotePeerWaitCalls(remotePeer *peer, unsigned int program, int procedure, size_t count)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&peer->lock);
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;
    remotePeerProc *proc = remotePeerProcOf(peer, program, procedure);

    while (proc->calls < count)
        g_assert_true(virCondWaitUntil(&peer->changed, &peer->lock, deadline));
    return g_strdup(proc->lastArgs);
}

size_t
remotePeerCountCalls(remotePeer *peer, unsigned int program, int procedure)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&peer->lock);

    return remotePeerProcOf(peer, program, procedure)->calls;
}

void
remotePeerSendAny(remotePeer *peer, const rpcPeerHeader *header, const char *payload)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&peer->lock);
    gint64 deadline = g_get_monotonic_time() + RPC_PEER_DEADLINE;

    while (peer->fd < 0)
        g_assert_true(virCondWaitUntil(&peer->changed, &peer->lock, deadline));
    rpcPeerSendPacket(peer->fd, header, payload);
}

void
remotePeerSend(remotePeer *peer, unsigned int program, int procedure, const char *payload)
{
    const rpcPeerHeader header = { program, 1, procedure, 2, 1, 0 };

    remotePeerSendAny(peer, &header, payload);
}

void
remotePeerHangUp(remotePeer *peer)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&peer->lock);

    /* Its thread sees the end, and closes it. */
    if (peer->fd >= 0)
        g_assert_cmpint(shutdown(peer->fd, SHUT_RDWR), ==, 0);
}

char *
remotePeerText(const char *text)
{
    size_t len = strlen(text);
    g_autofree char *padded = g_malloc0(len + 4);
    g_autofree char *hex = NULL;

    memcpy(padded, text, len);
    hex = remotePeerHex((const guint8 *)padded, (len + 3) & ~(size_t)3);
    return g_strdup_printf("%08zx %s", len, hex);
}

char *
remotePeerDomain(const char *name)
{
    g_autofree char *text = remotePeerText(name);

    return g_strdup_printf("%s 11111111111111111111111111111111 00000001", text);
}
