/*
 * qemu_agent.c: commands for the agent inside a guest
 *
 * The channel may hold the end of an answer that nobody waited for. So each
 * talk begins with guest-sync-delimited, whose answer alone has a byte 0xFF in
 * front and the number that was sent.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qemu_cmdline.h"
#include "qemu_process.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* What is known of one talk. */
typedef struct {
    int fd;
    GString *input;             /* read and not used up */
} qemuAgentChannel;

static void
qemuAgentChannelClear(qemuAgentChannel *channel)
{
    if (channel->fd >= 0)
        close(channel->fd);
    if (channel->input)
        g_string_free(channel->input, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qemuAgentChannel, qemuAgentChannelClear)

/* The path of the agent's socket, or NULL with no error reported. */
static char *
qemuAgentPath(virDomainObj *dom)
{
    qemuDomain *priv = qemuDomainGet(dom);
    g_autoptr(qemuCmdline) cmdline = NULL;
    g_auto(GStrv) args = NULL;

    if (priv->pid <= 0 || qemuProcessStartTime(priv->pid) != priv->pidStart ||
        !(args = qemuProcessArgs(priv->pid)))
        return NULL;
    cmdline = qemuCmdlineParse(args);
    return cmdline->agent ? qemuProcessResolvePath(priv->pid, cmdline->agent) : NULL;
}

bool
qemuAgentIsConfigured(virDomainObj *dom)
{
    g_autofree char *path = qemuAgentPath(dom);

    return path != NULL;
}

/* Microseconds of CLOCK_MONOTONIC; G_MAXINT64 is never. */
static gint64
qemuAgentDeadline(int wait)
{
    return wait < 0 ? G_MAXINT64 : g_get_monotonic_time() + (gint64)wait * 1000;
}

/* Waits for @events. Returns 1, 0 at the deadline, -1 with an error reported. */
static int
qemuAgentPoll(qemuAgentChannel *channel, short events, gint64 deadline)
{
    struct pollfd pfd = { .fd = channel->fd, .events = events };

    for (;;) {
        gint64 left = deadline == G_MAXINT64 ? -1 : deadline - g_get_monotonic_time();
        int ms = deadline == G_MAXINT64 ? -1 : (int)CLAMP((left + 999) / 1000, 0, 60000);
        int ret = poll(&pfd, 1, ms);

        if (ret > 0)
            return 1;
        if (ret < 0 && errno != EINTR) {
            virReportSystemError(errno, "%s", _("cannot wait for the guest agent"));
            return -1;
        }
        if (deadline != G_MAXINT64 && g_get_monotonic_time() >= deadline)
            return 0;
    }
}

static void
qemuAgentReportSilent(void)
{
    virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s",
                   _("Guest agent not available for now"));
}

static int
qemuAgentConnect(qemuAgentChannel *channel, const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(addr.sun_path)) {
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED,
                       _("path of the guest agent's socket '%1$s' is too long"), path);
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path) + 1);
    if ((channel->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0) {
        virReportSystemError(errno, "%s", _("cannot make a socket"));
        return -1;
    }
    if (connect(channel->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        int err = errno;

        if (err == EAGAIN)
            virReportError(VIR_ERR_AGENT_UNRESPONSIVE,
                           _("others are waiting for it at '%1$s'"),
                           path);
        else
            virReportSystemError(err, _("cannot connect to the guest agent at '%1$s'"), path);
        return -1;
    }
    return 0;
}

/* Returns 1, 0 at the deadline, -1 with an error reported. */
static int
qemuAgentSend(qemuAgentChannel *channel, const char *data, size_t len, gint64 deadline)
{
    while (len > 0) {
        ssize_t sent = send(channel->fd, data, len, MSG_NOSIGNAL);
        int ret;

        if (sent >= 0) {
            data += sent;
            len -= sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            virReportSystemError(errno, "%s", _("cannot write to the guest agent"));
            return -1;
        }
        if ((ret = qemuAgentPoll(channel, POLLOUT, deadline)) <= 0)
            return ret;
    }
    return 1;
}

/* Reads what is there. Returns 1, 0 at the deadline, -1 with an error reported, with *@ended set
 * if the other side has closed. */
static int
qemuAgentFill(qemuAgentChannel *channel, gint64 deadline, bool *ended)
{
    char chunk[16384];
    ssize_t got;
    int ret;

    *ended = false;
    if ((ret = qemuAgentPoll(channel, POLLIN, deadline)) <= 0)
        return ret;
    got = recv(channel->fd, chunk, sizeof(chunk), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (got <= 0) {
        *ended = true;
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s",
                       _("its connection was closed"));
        return -1;
    }
    if (channel->input->len + got > QEMU_AGENT_REPLY_MAX) {
        virReportError(VIR_ERR_OVERFLOW, _("answer of the guest agent exceeds the limit of %1$d "
                                           "bytes"), QEMU_AGENT_REPLY_MAX);
        return -1;
    }
    g_string_append_len(channel->input, chunk, got);
    return 1;
}

/* One line. Returns 1 with @line set (the caller frees it), 0 at the deadline, -1 with an
 * error reported. */
static int
qemuAgentReadLine(qemuAgentChannel *channel, gint64 deadline, bool *ended, char **line)
{
    size_t looked = 0;

    *ended = false;
    for (;;) {
        char *end = memchr(channel->input->str + looked, '\n', channel->input->len - looked);
        int ret;

        if (end) {
            size_t len = end - channel->input->str;

            *line = g_strndup(channel->input->str, len);
            g_string_erase(channel->input, 0, len + 1);
            return 1;
        }
        looked = channel->input->len;
        if ((ret = qemuAgentFill(channel, deadline, ended)) <= 0)
            return ret;
    }
}

/* Gets rid of what is left in the channel from others, and finds out whether the agent lives.
 * Returns 0, or -1 with an error reported. */
static int
qemuAgentSync(qemuAgentChannel *channel, gint64 deadline)
{
    gint64 id = g_random_int();
    g_autofree char *command =
        g_strdup_printf("\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%lld}}\n",
                        (long long)id);
    int ret = qemuAgentSend(channel, command, strlen(command), deadline);
    bool ended;

    while (ret > 0) {
        g_autofree char *line = NULL;
        g_autoptr(virJSONValue) json = NULL;
        const char *text;
        gint64 got;

        if ((ret = qemuAgentReadLine(channel, deadline, &ended, &line)) <= 0)
            break;
        /* Behind the last delimiter, whatever stands before it. */
        if (!(text = strrchr(line, '\xff')))
            continue;
        text++;
        if (!(json = virJSONValueFromString(text, strlen(text)))) {
            virResetLastError();
            continue;
        }
        if (virJSONValueObjectGetInt64(json, "return", &got) == 0 && got == id)
            return 0;
    }
    if (ret == 0)
        qemuAgentReportSilent();
    return -1;
}

/* The compact form of an answer. Returns 0, or -1 with an error reported if it is one. */
static int
qemuAgentCheck(const char *command, const char *line, char **reply)
{
    g_autoptr(virJSONValue) json = virJSONValueFromString(line, strlen(line));
    g_autoptr(virJSONValue) sent = NULL;
    const virJSONValue *error;
    const char *name, *text;

    if (!json)
        return -1;
    if (!(error = virJSONValueObjectGet(json, "error"))) {
        *reply = virJSONValueToString(json);
        return 0;
    }
    sent = virJSONValueFromString(command, strlen(command));
    name = virJSONValueObjectGetString(sent, "execute");
    text = virJSONValueObjectGetString(error, "desc");
    virReportError(VIR_ERR_INTERNAL_ERROR,
                   _("unable to execute QEMU agent command '%1$s': %2$s"),
                   name ? name : "", text ? text : _("unknown error"));
    return -1;
}

int
qemuAgentTalk(const char *path, const char *command, int wait, bool silent, char **reply)
{
    g_auto(qemuAgentChannel) channel = { .fd = -1, .input = g_string_new(NULL) };
    g_autoptr(virJSONValue) json = NULL;
    g_autofree char *compact = NULL;
    g_autofree char *line = NULL;
    bool ended = false;
    gint64 deadline;
    int ret;

    /* One line, whatever line breaks the caller had in it. */
    if (!(json = virJSONValueFromString(command, strlen(command))))
        return -1;
    compact = virJSONValueToString(json);

    if (qemuAgentConnect(&channel, path) < 0 ||
        qemuAgentSync(&channel, qemuAgentDeadline(QEMU_AGENT_WAIT_MS)) < 0)
        return -1;

    deadline = qemuAgentDeadline(wait);
    ret = qemuAgentSend(&channel, compact, strlen(compact), deadline);
    if (ret > 0)
        ret = qemuAgentSend(&channel, "\n", 1, deadline);
    while (ret > 0) {
        g_clear_pointer(&line, g_free);
        ret = qemuAgentReadLine(&channel, deadline, &ended, &line);
        if (ret > 0 && *g_strstrip(line))
            return qemuAgentCheck(command, line, reply);
    }

    if (silent && (ret == 0 || ended)) {
        virResetLastError();
        *reply = NULL;
        return 0;
    }
    if (ret == 0)
        qemuAgentReportSilent();
    return -1;
}

/* Takes the turn of talking to the agent. Returns whether it came before @deadline. */
static bool
qemuAgentEnter(qemuDomain *priv, gint64 deadline)
{
    bool entered;

    virMutexLock(&priv->lock);
    while (priv->agentBusy) {
        if (deadline == G_MAXINT64)
            virCondWait(&priv->changed, &priv->lock);
        else if (!virCondWaitUntil(&priv->changed, &priv->lock, deadline))
            break;
    }
    entered = !priv->agentBusy;
    if (entered)
        priv->agentBusy = true;
    virMutexUnlock(&priv->lock);
    return entered;
}

static void
qemuAgentLeave(qemuDomain *priv)
{
    virMutexLock(&priv->lock);
    priv->agentBusy = false;
    virCondBroadcast(&priv->changed);
    virMutexUnlock(&priv->lock);
}

static int
qemuAgentRun(virDomainObj *dom, const char *command, int wait, bool silent, char **reply)
{
    g_autofree char *path = qemuAgentPath(dom);
    qemuDomain *priv = qemuDomainGet(dom);
    int ret;

    if (!path) {
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, "%s",
                       _("QEMU guest agent is not configured"));
        return -1;
    }
    if (!qemuAgentEnter(priv, qemuAgentDeadline(wait < 0 ? -1 : MAX(wait, QEMU_AGENT_WAIT_MS)))) {
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s",
                       _("another command is under way"));
        return -1;
    }
    ret = qemuAgentTalk(path, command, wait, silent, reply);
    qemuAgentLeave(priv);
    return ret;
}

int
qemuAgentCommand(virDomainObj *dom, const char *command, int timeout, char **reply)
{
    int wait;

    if (timeout == VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK) {
        wait = -1;
    } else if (timeout == VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT) {
        wait = QEMU_AGENT_WAIT_MS;
    } else if (timeout >= 0) {
        wait = (int)MIN((gint64)timeout * 1000, G_MAXINT);
    } else {
        virReportError(VIR_ERR_INVALID_ARG, _("guest agent timeout %1$d is out of range"),
                       timeout);
        return -1;
    }
    return qemuAgentRun(dom, command, wait, false, reply);
}

int
qemuAgentShutdown(virDomainObj *dom, const char *mode)
{
    g_autofree char *command =
        g_strdup_printf("{\"execute\":\"guest-shutdown\",\"arguments\":{\"mode\":\"%s\"}}", mode);
    g_autofree char *reply = NULL;

    return qemuAgentRun(dom, command, QEMU_AGENT_SHUTDOWN_WAIT_MS, true, &reply);
}
