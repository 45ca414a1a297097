/*
 * qemu_monitor.c: one connection to one QEMU, speaking QMP as a client
 *
 * Lines are understood where they lie in the I/O thread's buffer; a monitor keeps
 * only the start of a line whose end hasn't come yet. Commands may come from any
 * thread; they are written, and replies handed out, by the I/O thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "qemu_monitor_priv.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virjson.h"
#include "virlog.h"
#include "viriothrottle.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_monitor");

typedef enum {
    QEMU_MONITOR_STATE_GREETING,        /* connected, waits for the greeting */
    QEMU_MONITOR_STATE_NEGOTIATING,     /* waits for the answer to qmp_capabilities */
    QEMU_MONITOR_STATE_READY,
    QEMU_MONITOR_STATE_CLOSED,
} qemuMonitorState;

typedef struct {
    atomic_uint refs;
    qemuMonitor *mon;                   /* borrowed: the monitor outlives its pending commands */
    char *id;                           /* NULL: sent without one, as it is no object */
    char *text;                         /* with its line end */
    size_t len;
    size_t written;                     /* the I/O thread's */
    int fds[QEMU_MONITOR_FDS_MAX];      /* duplicates, closed once sent */
    size_t nfds;
    qemuMonitorReplyFunc func;          /* asynchronous: the I/O thread's, as the next two */
    void *opaque;
    virIOTimer *timer;

    /* guarded by the monitor's lock */
    bool started;                       /* QEMU has got some of it, or is about to */
    bool abandoned;                     /* its caller gave up; the reply is dropped */
    bool done;
    char *reply;
    GArray *outfds;                     /* borrowed from the caller; NULL: fds are closed */
    virErrorPtr err;                    /* why there is no reply */
} qemuMonitorCommandObj;

struct _qemuMonitor {
    atomic_uint refs;
    virIOLoop *io;
    char *path;
    int peerPid;
    dev_t dev;                          /* the socket's identity, whatever @path leads to now */
    ino_t ino;
    const qemuMonitorCallbacks *callbacks;
    void *opaque;

    /* the I/O thread's own */
    int fd;
    bool released;                      /* its owner has closed it: no callback follows */
    bool failed;                        /* it ended, and not because QEMU closed it */
    gint64 received;                    /* when the bytes being looked at were read */
    virIOHandle *handle;
    virIOTimer *greetingTimer;
    virIOThrottle *throttle;            /* paused: isn't read */
    bool blocked;                       /* waits until QEMU takes more */
    GByteArray *partial;                /* the start of a line; NULL: none */
    bool skipping;                      /* over the rest of a line that is too long */
    size_t skipped;
    bool skippedReply;                  /* it began as a reply does */
    unsigned int badLines;              /* in a row */
    virLogRepeat badLog, strayLog;
    int rxFds[QEMU_MONITOR_FDS_MAX];    /* received, not handed out yet */
    size_t nrxFds;

    virMutex lock;                      /* guards all below */
    virCond cond;                       /* some command is done */
    qemuMonitorState state;             /* written by the I/O thread only */
    guint64 nextID;
    GQueue pending;                     /* qemuMonitorCommandObj in order; a reference each */
    GQueue output;                      /* those not written yet; a reference each */
    size_t outputBytes;
};

static unsigned int qemuMonitorGreetingTimeout = QEMU_MONITOR_GREETING_TIMEOUT_MS;
static unsigned int qemuMonitorCommandTimeout = QEMU_MONITOR_COMMAND_TIMEOUT_MS;

void
qemuMonitorSetTimeouts(unsigned int greeting, unsigned int command)
{
    qemuMonitorGreetingTimeout = greeting;
    qemuMonitorCommandTimeout = command;
}

/* --- commands --- */

static void
qemuMonitorCommandUnref(qemuMonitorCommandObj *command)
{
    size_t i;

    if (atomic_fetch_sub(&command->refs, 1) != 1)
        return;
    for (i = 0; i < command->nfds; i++)
        close(command->fds[i]);
    virFreeError(command->err);
    g_free(command->reply);
    g_free(command->text);
    g_free(command->id);
    g_free(command);
}

/**
 * qemuMonitorCommandPrepare:
 * @text: one JSON value
 *
 * Returns a new command whose ID is given when it is queued, or NULL with an error
 * reported.
 */
static qemuMonitorCommandObj *
qemuMonitorCommandPrepare(const char *text, const int *fds, size_t nfds)
{
    g_autoptr(virJSONValue) json = NULL;
    qemuMonitorCommandObj *command;
    size_t len = strlen(text);
    size_t i;

    if (len > QEMU_MONITOR_COMMAND_MAX) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("command of %1$zu bytes exceeds the limit of %2$d"), len,
                       QEMU_MONITOR_COMMAND_MAX);
        return NULL;
    }
    if (!(json = virJSONValueFromString(text, len)))
        return NULL;
    if (virJSONValueObjectGet(json, "id")) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("the command has an 'id' of its own, which is reserved for matching "
                         "the reply"));
        return NULL;
    }
    if (nfds > QEMU_MONITOR_FDS_MAX) {
        virReportInvalidArg(nfds, _("%1$zu file descriptors exceed the limit of %2$d"), nfds,
                            QEMU_MONITOR_FDS_MAX);
        return NULL;
    }

    command = g_new0(qemuMonitorCommandObj, 1);
    atomic_init(&command->refs, 1);
    for (i = 0; i < nfds; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

        if (fd < 0) {
            virReportSystemError(errno, _("cannot pass file descriptor %1$d"), fds[i]);
            qemuMonitorCommandUnref(command);
            return NULL;
        }
        command->fds[command->nfds++] = fd;
    }
    command->text = virJSONValueToString(json);
    command->len = strlen(command->text);
    if (virJSONValueGetType(json) == VIR_JSON_TYPE_OBJECT)
        command->id = g_strdup("");
    return command;
}

/* Call with lock held. Gives the command its ID and line end. */
static void
qemuMonitorCommandNumber(qemuMonitor *mon, qemuMonitorCommandObj *command)
{
    char *text;

    if (!command->id) {
        text = g_strdup_printf("%s\n", command->text);
    } else {
        g_free(command->id);
        command->id = g_strdup_printf("libvirt-%" G_GUINT64_FORMAT, ++mon->nextID);
        text = g_strdup_printf("%.*s%s\"id\":\"%s\"}\n", (int)command->len - 1, command->text,
                               command->len > 2 ? "," : "", command->id);
    }
    g_free(command->text);
    command->text = text;
    command->len = strlen(text);
}

/* Any thread. Adds a reference for each of the queues. -1 with an error reported. */
static int
qemuMonitorEnqueue(qemuMonitor *mon, qemuMonitorCommandObj *command, bool negotiation)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&mon->lock);

    if (mon->state != (negotiation ? QEMU_MONITOR_STATE_NEGOTIATING : QEMU_MONITOR_STATE_READY)) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("monitor '%1$s' is not connected"), mon->path);
        return -1;
    }
    if (mon->pending.length >= QEMU_MONITOR_COMMANDS_MAX) {
        virReportError(VIR_ERR_RESOURCE_BUSY,
                       _("monitor '%1$s' has %2$d commands without an answer"), mon->path,
                       QEMU_MONITOR_COMMANDS_MAX);
        return -1;
    }
    command->mon = mon;
    qemuMonitorCommandNumber(mon, command);
    /* Compared with all that is written, ID included: the subtraction cannot wrap. */
    if (command->len > QEMU_MONITOR_OUTPUT_MAX - mon->outputBytes) {
        virReportError(VIR_ERR_RESOURCE_BUSY,
                       _("monitor '%1$s' does not read: more than %2$d bytes of commands wait"),
                       mon->path, QEMU_MONITOR_OUTPUT_MAX);
        return -1;
    }
    atomic_fetch_add(&command->refs, 2);
    g_queue_push_tail(&mon->pending, command);
    g_queue_push_tail(&mon->output, command);
    mon->outputBytes += command->len;
    return 0;
}

/* I/O thread, no lock held: @command, already out of the queues, ends. Takes @reply and the
 * queue's reference; without a @reply the last error says why. */
static void
qemuMonitorCommandFinish(qemuMonitor *mon, qemuMonitorCommandObj *command, char *reply)
{
    size_t i;

    if (command->func) {
        g_clear_pointer(&command->timer, virIOLoopRemoveTimer);
        command->func(mon, reply, command->opaque);
        g_free(reply);
    } else {
        virMutexLock(&mon->lock);
        if (command->abandoned) {
            g_free(reply);
        } else {
            command->done = true;
            command->reply = reply;
            if (!reply)
                command->err = virSaveLastError();
            if (command->outfds && reply) {
                g_array_append_vals(command->outfds, mon->rxFds, mon->nrxFds);
                mon->nrxFds = 0;
            }
            virCondBroadcast(&mon->cond);
        }
        virMutexUnlock(&mon->lock);
    }
    for (i = 0; i < mon->nrxFds; i++)
        close(mon->rxFds[i]);
    mon->nrxFds = 0;
    qemuMonitorCommandUnref(command);
}

/* --- writing --- */

static void qemuMonitorFail(qemuMonitor *mon, const char *reason);
static void qemuMonitorLost(qemuMonitor *mon, const char *reason);

/* What it waits for. */
static void
qemuMonitorUpdateHandle(qemuMonitor *mon)
{
    virIOLoopUpdateHandle(mon->handle, (virIOThrottleIsPaused(mon->throttle) ? 0 : EPOLLIN) |
                                       (mon->blocked ? EPOLLOUT : 0));
}

/* I/O thread. */
static void
qemuMonitorWrite(qemuMonitor *mon)
{
    if (mon->fd < 0)
        return;

    for (;;) {
        qemuMonitorCommandObj *command;
        union {
            char bytes[CMSG_SPACE(sizeof(int) * QEMU_MONITOR_FDS_MAX)];
            struct cmsghdr align;
        } control;
        struct msghdr msg = { 0 };
        struct iovec iov;
        ssize_t written;
        size_t i;

        virMutexLock(&mon->lock);
        if ((command = g_queue_peek_head(&mon->output)))
            command->started = true;
        virMutexUnlock(&mon->lock);
        if (!command)
            break;

        iov.iov_base = command->text + command->written;
        iov.iov_len = command->len - command->written;
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        if (command->nfds > 0) {
            struct cmsghdr *cmsg;

            memset(&control, 0, sizeof(control));
            msg.msg_control = control.bytes;
            msg.msg_controllen = CMSG_SPACE(sizeof(int) * command->nfds);
            cmsg = CMSG_FIRSTHDR(&msg);
            cmsg->cmsg_level = SOL_SOCKET;
            cmsg->cmsg_type = SCM_RIGHTS;
            cmsg->cmsg_len = CMSG_LEN(sizeof(int) * command->nfds);
            memcpy(CMSG_DATA(cmsg), command->fds, sizeof(int) * command->nfds);
        }
        written = sendmsg(mon->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN) {
                mon->blocked = true;
                qemuMonitorUpdateHandle(mon);
                return;
            }
            /* Reading tells why; what QEMU said before it went is still to be read. */
            VIR_DEBUG("cannot write to monitor '%s': %s", mon->path, g_strerror(errno));
            break;
        }
        for (i = 0; i < command->nfds; i++)
            close(command->fds[i]);
        command->nfds = 0;
        command->written += written;
        if (command->written == command->len) {
            /* Its answer may take as long as QEMU likes: that must not be paid for in memory. */
            g_clear_pointer(&command->text, g_free);
            virMutexLock(&mon->lock);
            g_queue_pop_head(&mon->output);
            mon->outputBytes -= command->len;
            virMutexUnlock(&mon->lock);
            qemuMonitorCommandUnref(command);
        }
    }
    mon->blocked = false;
    qemuMonitorResume(mon);     /* for the answer */
    qemuMonitorUpdateHandle(mon);
}

/* --- understanding lines --- */

static bool
qemuMonitorLooksLikeReply(const char *text, size_t len)
{
    static const char *const starts[] = { "{\"return\"", "{\"error\"", "{\"id\"" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(starts); i++) {
        size_t startLen = strlen(starts[i]);

        if (len >= startLen && memcmp(text, starts[i], startLen) == 0)
            return true;
    }
    return false;
}

/* Takes the command out that @id belongs to; without an @id the oldest that was sent without
 * one. NULL: nobody's. */
static qemuMonitorCommandObj *
qemuMonitorTakePending(qemuMonitor *mon, const char *id)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&mon->lock);
    GList *at;

    for (at = mon->pending.head; at; at = at->next) {
        qemuMonitorCommandObj *command = at->data;

        if (id ? command->id && strcmp(command->id, id) == 0 : !command->id) {
            g_queue_delete_link(&mon->pending, at);
            return command;
        }
    }
    return NULL;
}

static qemuMonitorCommandObj *
qemuMonitorTakeOldest(qemuMonitor *mon)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&mon->lock);

    return g_queue_pop_head(&mon->pending);
}

static qemuMonitorState
qemuMonitorGetState(qemuMonitor *mon)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&mon->lock);

    return mon->state;
}

static void
qemuMonitorSetState(qemuMonitor *mon, qemuMonitorState state)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&mon->lock);

    mon->state = state;
}

static void
qemuMonitorNegotiated(qemuMonitor *mon, const char *reply, void *opaque)
{
    if (!reply) {
        /* No answer in time. If the connection has ended instead, that is being told already. */
        qemuMonitorFail(mon, _("QEMU did not answer when it was time to negotiate"));
        return;
    }
    if (strstr(reply, "\"error\":") == reply + 1) {
        g_autofree char *reason = g_strdup_printf(_("QEMU refuses to negotiate: %1$s"), reply);

        qemuMonitorFail(mon, reason);
        return;
    }
    qemuMonitorSetState(mon, QEMU_MONITOR_STATE_READY);
    mon->callbacks->ready(mon, mon->opaque);
}

static int qemuMonitorSendAsync(qemuMonitor *mon, const char *text, qemuMonitorReplyFunc func,
                                void *opaque, bool negotiation);

static void
qemuMonitorGreeted(qemuMonitor *mon)
{
    g_clear_pointer(&mon->greetingTimer, virIOLoopRemoveTimer);
    qemuMonitorSetState(mon, QEMU_MONITOR_STATE_NEGOTIATING);
    if (qemuMonitorSendAsync(mon, "{\"execute\":\"qmp_capabilities\"}", qemuMonitorNegotiated,
                             NULL, true) < 0)
        qemuMonitorFail(mon, virErrorLastMessage());
}

static void
qemuMonitorReplied(qemuMonitor *mon, const qemuMonitorLine *line)
{
    qemuMonitorCommandObj *command;

    /* QEMU answers in order, and leaves the ID out when it could not read the command (a member
     * that occurs twice, half a surrogate pair). */
    if (!line->id && line->type == QEMU_MONITOR_LINE_ERROR)
        command = qemuMonitorTakeOldest(mon);
    else
        command = qemuMonitorTakePending(mon, line->id);
    if (!command) {
        /* Not what it says: that may be somebody's secret. */
        if (virLogRepeatBegin(&mon->strayLog))
            VIR_WARN("monitor '%s' answers a command that nobody sent, in %zu bytes", mon->path,
                     line->textLen);
        return;
    }
    qemuMonitorCommandFinish(mon, command, g_strndup(line->text, line->textLen));
}

/* A line is lost; the last error says why. */
static void
qemuMonitorBadLine(qemuMonitor *mon, bool reply)
{
    qemuMonitorCommandObj *command;

    if (qemuMonitorGetState(mon) == QEMU_MONITOR_STATE_GREETING) {
        g_autofree char *reason = g_strdup_printf(_("it does not speak QMP: %1$s"),
                                                  virErrorLastMessage());

        qemuMonitorFail(mon, reason);
        return;
    }
    if (virLogRepeatBegin(&mon->badLog))
        VIR_WARN("monitor '%s': %s", mon->path, virErrorLastMessage());
    if (reply && (command = qemuMonitorTakeOldest(mon)))
        qemuMonitorCommandFinish(mon, command, NULL);
    else
        mon->callbacks->badLine(mon, mon->opaque);

    if (mon->fd >= 0 && ++mon->badLines >= QEMU_MONITOR_BAD_LINES_MAX)
        qemuMonitorFail(mon, _("it sends nothing but garbage"));
}

static void
qemuMonitorEndBadLog(qemuMonitor *mon)
{
    guint64 unsaid = virLogRepeatEnd(&mon->badLog);

    if (unsaid > 0)
        VIR_WARN("monitor '%s': %" G_GUINT64_FORMAT " more lines were not understood", mon->path,
                 unsaid);
}

static void
qemuMonitorEndStrayLog(qemuMonitor *mon)
{
    guint64 unsaid = virLogRepeatEnd(&mon->strayLog);

    if (unsaid > 0)
        VIR_WARN("monitor '%s' sent %" G_GUINT64_FORMAT " more lines that nobody asked for",
                 mon->path, unsaid);
}

static void *
qemuMonitorMakeParser(void)
{
    return qemuMonitorParserNew();
}

static void
qemuMonitorFreeParser(void *parser)
{
    qemuMonitorParserFree(parser);
}

static void
qemuMonitorHandleLine(qemuMonitor *mon, const char *text, size_t len)
{
    qemuMonitorParser *parser = virIOLoopShared(mon->io, qemuMonitorMakeParser,
                                             qemuMonitorFreeParser);
    qemuMonitorLine line;

    while (len > 0 && g_ascii_isspace(text[len - 1]))
        len--;
    if (len == 0)
        return;
    if (G_UNLIKELY(qemuMonitorParserLine(parser, text, len, &line) < 0)) {
        qemuMonitorBadLine(mon, qemuMonitorLooksLikeReply(text, len));
        return;
    }
    if (G_UNLIKELY(mon->badLines > 0)) {
        mon->badLines = 0;
        qemuMonitorEndBadLog(mon);
    }

    switch (line.type) {
    case QEMU_MONITOR_LINE_EVENT:
        mon->callbacks->event(mon, &line, mon->opaque);
        break;
    case QEMU_MONITOR_LINE_REPLY:
    case QEMU_MONITOR_LINE_ERROR:
        qemuMonitorReplied(mon, &line);
        break;
    case QEMU_MONITOR_LINE_GREETING:
        if (qemuMonitorGetState(mon) == QEMU_MONITOR_STATE_GREETING)
            qemuMonitorGreeted(mon);
        else if (virLogRepeatBegin(&mon->strayLog))
            VIR_WARN("monitor '%s' greets again; ignored", mon->path);
        break;
    }
}

/* The line in progress is too long: nothing of it is kept. */
static void
qemuMonitorStartSkipping(qemuMonitor *mon, const char *start, size_t len)
{
    mon->skipping = true;
    mon->skipped = len;
    mon->skippedReply = qemuMonitorLooksLikeReply(start, len);
}

static void
qemuMonitorEndSkipping(qemuMonitor *mon)
{
    mon->skipping = false;
    virReportError(VIR_ERR_INTERNAL_ERROR,
                   _("a line of %1$zu bytes exceeds the limit of %2$d and is skipped"),
                   mon->skipped, QEMU_MONITOR_LINE_MAX);
    qemuMonitorBadLine(mon, mon->skippedReply);
}

/* @len bytes came; they stay valid for the call. */
static void
qemuMonitorFeed(qemuMonitor *mon, const char *data, size_t len)
{
    const char *end = data + len;

    while (data < end && mon->fd >= 0) {
        const char *lf = memchr(data, '\n', end - data);
        size_t part = (lf ? lf : end) - data;

        if (mon->skipping) {
            mon->skipped += part;
            if (lf) {
                qemuMonitorEndSkipping(mon);
            } else if (mon->skipped > QEMU_MONITOR_SKIP_MAX) {
                qemuMonitorEndSkipping(mon);
                qemuMonitorFail(mon, _("it sends a line without an end"));
            }
        } else if (mon->partial && mon->partial->len + part > QEMU_MONITOR_LINE_MAX) {
            qemuMonitorStartSkipping(mon, (const char *)mon->partial->data, mon->partial->len);
            mon->skipped += part;
            g_clear_pointer(&mon->partial, g_byte_array_unref);
            if (lf)
                qemuMonitorEndSkipping(mon);
        } else if (mon->partial || !lf) {
            if (!mon->partial)
                mon->partial = g_byte_array_new();
            g_byte_array_append(mon->partial, (const guint8 *)data, part);
            if (lf) {
                g_autoptr(GByteArray) whole = g_steal_pointer(&mon->partial);

                qemuMonitorHandleLine(mon, (const char *)whole->data, whole->len);
            }
        } else {
            qemuMonitorHandleLine(mon, data, part);
        }
        data += part + (lf ? 1 : 0);
    }
}

/* --- reading --- */

static void
qemuMonitorTakeFds(qemuMonitor *mon, struct msghdr *msg)
{
    struct cmsghdr *cmsg;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        size_t n;
        size_t i;

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
            if (mon->nrxFds < QEMU_MONITOR_FDS_MAX)
                mon->rxFds[mon->nrxFds++] = fd;
            else
                close(fd);
        }
    }
}

/* Nothing more can be read: what there is of a line is lost. @failed: by an error. */
static void
qemuMonitorReadEnd(qemuMonitor *mon, bool failed, const char *reason)
{
    if (mon->skipping) {
        qemuMonitorEndSkipping(mon);
    } else if (mon->partial) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("the connection ended within a line, after %1$u bytes of it"),
                       mon->partial->len);
        qemuMonitorBadLine(mon, qemuMonitorLooksLikeReply((const char *)mon->partial->data,
                                                          mon->partial->len));
    }
    if (failed)
        qemuMonitorFail(mon, reason);
    else
        qemuMonitorLost(mon, reason);
}

static void
qemuMonitorRead(qemuMonitor *mon)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * QEMU_MONITOR_FDS_MAX)];
        struct cmsghdr align;
    } control;
    char *buffer = virIOLoopBuffer(mon->io);
    struct iovec iov = { buffer, QEMU_MONITOR_READ_MAX };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t got;

    G_STATIC_ASSERT(QEMU_MONITOR_READ_MAX <= VIR_IO_LOOP_BUFFER_SIZE);
    got = recvmsg(mon->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got > 0) {
        mon->received = g_get_real_time();
        virIOThrottleCount(mon->throttle, got);
        virIOLoopCountRead(mon->io, got);
        if (msg.msg_controllen > 0)
            qemuMonitorTakeFds(mon, &msg);
        qemuMonitorFeed(mon, buffer, got);
    } else if (got == 0) {
        qemuMonitorReadEnd(mon, false, _("QEMU closed the connection"));
    } else if (errno == ECONNRESET) {
        /* There were commands in it that QEMU had not read. */
        qemuMonitorReadEnd(mon, true, _("QEMU closed the connection"));
    } else if (errno != EAGAIN && errno != EINTR) {
        qemuMonitorReadEnd(mon, true, g_strerror(errno));
    }
}

/* --- pauses --- */

/* Whoever waits for a reply must not wait for the delivery of events before it. */
static bool
qemuMonitorIsAwaited(qemuMonitor *mon)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&mon->lock);
    GList *link;

    for (link = mon->pending.head; link; link = link->next) {
        if (!((qemuMonitorCommandObj *)link->data)->abandoned)
            return true;
    }
    return false;
}

static bool
qemuMonitorMayRead(qemuMonitor *mon)
{
    bool wanted = !mon->callbacks->mayRead || qemuMonitorIsAwaited(mon) ||
        mon->callbacks->mayRead(mon, mon->opaque);

    return virIOThrottleAsk(mon->throttle, wanted);
}

static void
qemuMonitorOnPauseEnd(void *opaque)
{
    qemuMonitorUpdateHandle(opaque);
}

void
qemuMonitorResume(qemuMonitor *mon)
{
    if (mon->fd < 0)
        return;
    virIOThrottleLift(mon->throttle);
    qemuMonitorUpdateHandle(mon);
}

static void
qemuMonitorOnIO(virIOHandle *handle, int fd, uint32_t events, void *opaque)
{
    g_autoptr(qemuMonitor) mon = qemuMonitorRef(opaque);

    if (events & EPOLLOUT)
        qemuMonitorWrite(mon);
    if (mon->fd < 0 || !(events & ~(uint32_t)EPOLLOUT))
        return;
    /* Of one that QEMU has left, all that it said is read. */
    if ((events & (EPOLLHUP | EPOLLERR)) || qemuMonitorMayRead(mon))
        qemuMonitorRead(mon);
    else
        qemuMonitorUpdateHandle(mon);
}

static void
qemuMonitorOnGreetingTimeout(void *opaque)
{
    g_autoptr(qemuMonitor) mon = qemuMonitorRef(opaque);

    g_clear_pointer(&mon->greetingTimer, virIOLoopRemoveTimer);
    mon->callbacks->busy(mon, mon->opaque);
}

/* --- life --- */

/**
 * qemuMonitorConnect:
 * @st: which socket it was
 *
 * Goes by a descriptor of the socket's file: its path may be longer than an address has room
 * for, and may lead to another socket a moment later.
 *
 * Returns a connected, non-blocking socket, or -1 with an error reported.
 */
static int
qemuMonitorConnect(const char *path, struct stat *st)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int file = -1;
    int fd = -1;

    if ((file = open(path, O_PATH | O_CLOEXEC)) < 0 || fstat(file, st) < 0)
        goto error;
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", file);
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0 ||
        connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        goto error;
    close(file);
    return fd;

 error:
    virReportSystemError(errno, _("cannot connect to monitor '%1$s'"), path);
    if (fd >= 0)
        close(fd);
    if (file >= 0)
        close(file);
    return -1;
}

qemuMonitor *
qemuMonitorOpen(virIOLoop *io, const char *path, const qemuMonitorCallbacks *callbacks,
                void *opaque)
{
    g_autoptr(qemuMonitor) mon = NULL;
    struct ucred peer;
    socklen_t len = sizeof(peer);
    struct stat st;
    int fd;

    if ((fd = qemuMonitorConnect(path, &st)) < 0)
        return NULL;

    mon = g_new0(qemuMonitor, 1);
    atomic_init(&mon->refs, 1);
    mon->io = io;
    mon->path = g_strdup(path);
    mon->fd = fd;
    mon->dev = st.st_dev;
    mon->ino = st.st_ino;
    mon->callbacks = callbacks;
    mon->opaque = opaque;
    virMutexInit(&mon->lock);
    virCondInit(&mon->cond);
    g_queue_init(&mon->pending);
    g_queue_init(&mon->output);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        mon->peerPid = peer.pid;

    if (!(mon->handle = virIOLoopAddHandle(io, fd, EPOLLIN, qemuMonitorOnIO, mon))) {
        close(fd);
        mon->fd = -1;
        mon->state = QEMU_MONITOR_STATE_CLOSED;
        return NULL;
    }
    mon->throttle = virIOThrottleNew(io, qemuMonitorOnPauseEnd, mon);
    mon->greetingTimer = virIOLoopAddTimer(io, qemuMonitorGreetingTimeout,
                                           qemuMonitorOnGreetingTimeout, mon);
    return g_steal_pointer(&mon);
}

qemuMonitor *
qemuMonitorRef(qemuMonitor *mon)
{
    atomic_fetch_add(&mon->refs, 1);
    return mon;
}

void
qemuMonitorUnref(qemuMonitor *mon)
{
    if (!mon || atomic_fetch_sub(&mon->refs, 1) != 1)
        return;
    g_assert(mon->fd < 0);      /* closed before its owner lets go */
    virCondDestroy(&mon->cond);
    virMutexDestroy(&mon->lock);
    g_free(mon->path);
    g_free(mon);
}

/* Ends the connection and all that waits for it. */
static void
qemuMonitorShut(qemuMonitor *mon, const char *reason)
{
    qemuMonitorCommandObj *command;
    GQueue pending;
    GQueue output;
    size_t i;

    virIOLoopRemoveHandle(g_steal_pointer(&mon->handle));
    close(mon->fd);
    mon->fd = -1;
    g_clear_pointer(&mon->greetingTimer, virIOLoopRemoveTimer);
    g_clear_pointer(&mon->throttle, virIOThrottleFree);
    g_clear_pointer(&mon->partial, g_byte_array_unref);
    for (i = 0; i < mon->nrxFds; i++)
        close(mon->rxFds[i]);
    mon->nrxFds = 0;
    qemuMonitorEndBadLog(mon);
    qemuMonitorEndStrayLog(mon);

    virMutexLock(&mon->lock);
    mon->state = QEMU_MONITOR_STATE_CLOSED;
    pending = mon->pending;
    output = mon->output;
    g_queue_init(&mon->pending);
    g_queue_init(&mon->output);
    mon->outputBytes = 0;
    virMutexUnlock(&mon->lock);

    while ((command = g_queue_pop_head(&output)))
        qemuMonitorCommandUnref(command);
    while ((command = g_queue_pop_head(&pending))) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("monitor '%1$s' went away: %2$s"), mon->path,
                       reason);
        qemuMonitorCommandFinish(mon, command, NULL);
    }
}

/* The connection is over by the other side's doing. */
static void
qemuMonitorLost(qemuMonitor *mon, const char *reason)
{
    g_autofree char *why = g_strdup(reason);

    if (mon->fd < 0)
        return;
    qemuMonitorShut(mon, why);
    /* A command that failed thereby may have made its owner close it. */
    if (!mon->released)
        mon->callbacks->closed(mon, why, mon->opaque);
}

/* The same, where that is no end that QEMU wanted. */
static void
qemuMonitorFail(qemuMonitor *mon, const char *reason)
{
    if (mon->fd >= 0)
        mon->failed = true;
    qemuMonitorLost(mon, reason);
}

void
qemuMonitorClose(qemuMonitor *mon)
{
    mon->released = true;
    if (mon->fd >= 0)
        qemuMonitorShut(mon, _("it was let go"));
}

bool
qemuMonitorHasFailed(qemuMonitor *mon)
{
    return mon->failed;
}

int
qemuMonitorPeerPid(qemuMonitor *mon)
{
    return mon->peerPid;
}

bool
qemuMonitorIsSocket(qemuMonitor *mon, dev_t dev, ino_t ino)
{
    return mon->dev == dev && mon->ino == ino;
}

gint64
qemuMonitorReceived(qemuMonitor *mon)
{
    return mon->received;
}

static void
qemuMonitorWriteInvoked(void *opaque)
{
    g_autoptr(qemuMonitor) mon = opaque;

    qemuMonitorWrite(mon);
}

/* Any thread, lock held: @command must not take effect any more, if that can be had. */
static void
qemuMonitorWithdraw(qemuMonitor *mon, qemuMonitorCommandObj *command)
{
    command->abandoned = true;
    /* If QEMU has it already, its reply will come and find nobody. */
    if (command->started || !g_queue_remove(&mon->output, command))
        return;
    mon->outputBytes -= command->len;
    qemuMonitorCommandUnref(command);
    if (g_queue_remove(&mon->pending, command))
        qemuMonitorCommandUnref(command);
}

int
qemuMonitorCommand(qemuMonitor *mon, const char *text, const int *fds, size_t nfds, int timeout,
                   char **reply, GArray *outfds)
{
    qemuMonitorCommandObj *command;
    gint64 deadline;
    int ret = -1;

    if (!(command = qemuMonitorCommandPrepare(text, fds, nfds)))
        return -1;
    command->outfds = outfds;
    if (timeout == 0)
        timeout = qemuMonitorCommandTimeout;
    deadline = g_get_monotonic_time() + (gint64)timeout * 1000;
    if (qemuMonitorEnqueue(mon, command, false) < 0) {
        qemuMonitorCommandUnref(command);
        return -1;
    }
    virIOLoopInvoke(mon->io, qemuMonitorWriteInvoked, qemuMonitorRef(mon));

    virMutexLock(&mon->lock);
    while (!command->done && !command->abandoned) {
        if (timeout < 0)
            virCondWait(&mon->cond, &mon->lock);
        else if (!virCondWaitUntil(&mon->cond, &mon->lock, deadline) && !command->done)
            qemuMonitorWithdraw(mon, command);
    }
    virMutexUnlock(&mon->lock);

    if (command->abandoned) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("monitor '%1$s' did not answer a command within %2$d ms"), mon->path,
                       timeout);
    } else if (command->reply) {
        *reply = g_steal_pointer(&command->reply);
        ret = 0;
    } else {
        virErrorRestore(&command->err);
    }
    qemuMonitorCommandUnref(command);
    return ret;
}

static void
qemuMonitorOnCommandTimeout(void *opaque)
{
    qemuMonitorCommandObj *command = opaque;
    g_autoptr(qemuMonitor) mon = qemuMonitorRef(command->mon);
    void *funcOpaque = command->opaque;
    qemuMonitorReplyFunc func = g_steal_pointer(&command->func);

    g_clear_pointer(&command->timer, virIOLoopRemoveTimer);
    virMutexLock(&mon->lock);
    qemuMonitorWithdraw(mon, command);
    virMutexUnlock(&mon->lock);
    virReportError(VIR_ERR_OPERATION_TIMEOUT,
                   _("monitor '%1$s' did not answer a command within %2$u ms"), mon->path,
                   qemuMonitorCommandTimeout);
    func(mon, NULL, funcOpaque);
}

static int
qemuMonitorSendAsync(qemuMonitor *mon, const char *text, qemuMonitorReplyFunc func, void *opaque,
                     bool negotiation)
{
    qemuMonitorCommandObj *command;

    if (!(command = qemuMonitorCommandPrepare(text, NULL, 0)))
        return -1;
    command->func = func;
    command->opaque = opaque;
    if (qemuMonitorEnqueue(mon, command, negotiation) < 0) {
        qemuMonitorCommandUnref(command);
        return -1;
    }
    command->timer = virIOLoopAddTimer(mon->io, qemuMonitorCommandTimeout,
                                    qemuMonitorOnCommandTimeout, command);
    qemuMonitorCommandUnref(command);
    qemuMonitorWrite(mon);
    return 0;
}

int
qemuMonitorCommandAsync(qemuMonitor *mon, const char *command, qemuMonitorReplyFunc func,
                        void *opaque)
{
    return qemuMonitorSendAsync(mon, command, func, opaque, false);
}
