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
#include "qemu_query.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* What is known of one talk. */
typedef struct {
    int fd;
    GString *input;             /* read, ... */
    size_t used;                /* ... and so much of it used up */
    bool ended;                 /* the other side has closed it */
    qemuDomain *priv;           /* knows of @fd, so that the talk ends with the domain; or NULL */
} qemuAgentChannel;

static void
qemuAgentChannelClear(qemuAgentChannel *channel)
{
    if (channel->priv) {
        virMutexLock(&channel->priv->lock);
        channel->priv->agentFd = -1;
        virMutexUnlock(&channel->priv->lock);
    }
    if (channel->fd >= 0)
        close(channel->fd);
    if (channel->input)
        g_string_free(channel->input, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qemuAgentChannel, qemuAgentChannelClear)

/* Where an agent is. */
typedef struct {
    char *chardev;              /* QEMU's name for its end; NULL: there is none */
    char *path;                 /* of its socket; NULL: not one that we can connect to */
} qemuAgentPlace;

static void
qemuAgentPlaceClear(qemuAgentPlace *place)
{
    g_free(place->chardev);
    g_free(place->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qemuAgentPlace, qemuAgentPlaceClear)

static void
qemuAgentFind(virDomainObj *dom, qemuAgentPlace *place)
{
    qemuDomain *priv = qemuDomainGet(dom);
    g_autoptr(qemuCmdline) cmdline = NULL;
    g_autofree char *bound = NULL;
    g_auto(GStrv) args = NULL;

    if (priv->pid <= 0 || qemuProcessStartTime(priv->pid) != priv->pidStart ||
        !(args = qemuProcessArgs(priv->pid)))
        return;
    cmdline = qemuCmdlineParse(args);
    place->chardev = g_steal_pointer(&cmdline->agentChardev);
    if (cmdline->agentFd >= 0)
        bound = qemuProcessSocketPath(priv->pid, cmdline->agentFd);
    if (bound || cmdline->agent)
        place->path = qemuProcessResolvePath(priv->pid, bound ? bound : cmdline->agent);
}

bool
qemuAgentIsConfigured(virDomainObj *dom)
{
    g_auto(qemuAgentPlace) place = { 0 };

    qemuAgentFind(dom, &place);
    return place.path != NULL;
}

/* Has somebody in the guest opened its end? Where QEMU doesn't tell, that remains to be seen. */
static bool
qemuAgentIsOpened(virDomainObj *dom, const char *chardev)
{
    g_autoptr(virJSONValue) reply = qemuQueryOptional(dom, "query-chardev", NULL);
    const virJSONValue *list = virJSONValueObjectGetArray(reply, "return");
    size_t i;

    for (i = 0; i < virJSONValueArraySize(list); i++) {
        const virJSONValue *item = virJSONValueArrayGet(list, i);
        bool opened = true;

        if (g_strcmp0(virJSONValueObjectGetString(item, "label"), chardev) == 0) {
            virJSONValueObjectGetBoolean(item, "frontend-open", &opened);
            return opened;
        }
    }
    return true;
}

/* Returns 0 if there is an agent to talk to, -1 with an error reported. */
static int
qemuAgentCheckPlace(virDomainObj *dom, const qemuAgentPlace *place)
{
    if (virDomainObjGetState(dom, NULL) != VIR_DOMAIN_RUNNING) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is not running"));
        return -1;
    }
    if (!place->chardev) {
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, "%s",
                       _("QEMU guest agent is not configured"));
        return -1;
    }
    if (!place->path) {
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, "%s",
                       _("QEMU guest agent is not on a listening unix socket"));
        return -1;
    }
    if (!qemuAgentIsOpened(dom, place->chardev)) {
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s",
                       _("QEMU guest agent is not connected"));
        return -1;
    }
    return 0;
}

/* Microseconds of CLOCK_MONOTONIC; G_MAXINT64 is never. */
static gint64
qemuAgentDeadline(int wait)
{
    return wait < 0 ? G_MAXINT64 : g_get_monotonic_time() + (gint64)wait * 1000;
}

static bool
qemuAgentIsOver(gint64 deadline)
{
    return deadline != G_MAXINT64 && g_get_monotonic_time() >= deadline;
}

/* Waits for @events. Returns 1 if there are some, be it at the deadline, 0 if there are none by
 * then, -1 with an error reported. */
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
        if (qemuAgentIsOver(deadline))
            return 0;
    }
}

static void
qemuAgentReportSilent(void)
{
    virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s",
                   _("Guest agent not available for now"));
}

/* @pid: of the QEMU whose agent is meant, or 0: whoever it is. Returns 0, or -1 with an error
 * reported. */
static int
qemuAgentConnect(qemuAgentChannel *channel, const char *path, pid_t pid)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct ucred peer = { 0 };
    socklen_t len = sizeof(peer);

    if (strlen(path) >= sizeof(addr.sun_path)) {
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE,
                       _("path of the guest agent's socket '%1$s' is too long"), path);
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path) + 1);
    if ((channel->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0) {
        virReportSystemError(errno, "%s", _("cannot make a socket"));
        return -1;
    }
    if (connect(channel->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        if (errno == EAGAIN)
            virReportError(VIR_ERR_AGENT_UNRESPONSIVE,
                           _("others wait for it at '%1$s' already"), path);
        else
            virReportError(VIR_ERR_AGENT_UNRESPONSIVE, _("cannot connect to '%1$s': %2$s"), path,
                           g_strerror(errno));
        return -1;
    }

    /* What is meant for one guest must not reach another that has taken the path over. */
    if (pid > 0 && getsockopt(channel->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
        peer.pid != pid && qemuProcessIsQemu(peer.pid)) {
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, _("'%1$s' is that of process %2$lld"), path,
                       (long long)peer.pid);
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
            if (len > 0 && qemuAgentIsOver(deadline))
                return 0;
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

/* Reads what is there. Returns 1, 0 at the deadline, -1 with an error reported. */
static int
qemuAgentFill(qemuAgentChannel *channel, gint64 deadline)
{
    char chunk[16384];
    ssize_t got;
    int ret;

    if ((ret = qemuAgentPoll(channel, POLLIN, deadline)) <= 0)
        return ret;
    got = recv(channel->fd, chunk, sizeof(chunk), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (got <= 0) {
        channel->ended = true;
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s",
                       _("its connection was closed"));
        return -1;
    }
    if (channel->used > 0) {
        g_string_erase(channel->input, 0, channel->used);
        channel->used = 0;
    }
    if (channel->input->len + got > QEMU_AGENT_REPLY_MAX) {
        virReportError(VIR_ERR_OVERFLOW, _("answer of the guest agent exceeds the limit of %1$d "
                                           "bytes"), QEMU_AGENT_REPLY_MAX);
        return -1;
    }
    g_string_append_len(channel->input, chunk, got);
    return 1;
}

/* One line, borrowed until the next is read, with what stands before the last delimiter in it
 * left out. Returns 1 with @line set, 0 at the deadline, -1 with an error reported. */
static int
qemuAgentReadLine(qemuAgentChannel *channel, gint64 deadline, const char **line, size_t *len)
{
    size_t looked = 0;

    for (;;) {
        char *start = channel->input->str + channel->used;
        size_t there = channel->input->len - channel->used;
        char *end = memchr(start + looked, '\n', there - looked);
        const char *delimiter;
        int ret;

        if (end) {
            channel->used = end + 1 - channel->input->str;
            if ((delimiter = memrchr(start, 0xff, end - start)))
                start = (char *)delimiter + 1;
            *line = start;
            *len = end - start;
            return 1;
        }
        /* Whoever never ends a line doesn't get more time with every byte. */
        if (looked > 0 && qemuAgentIsOver(deadline))
            return 0;
        looked = there;
        if ((ret = qemuAgentFill(channel, deadline)) <= 0)
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

    while (ret > 0) {
        g_autoptr(virJSONValue) json = NULL;
        const char *line;
        size_t len;
        gint64 got;

        if ((ret = qemuAgentReadLine(channel, deadline, &line, &len)) <= 0)
            break;
        if (!(json = virJSONValueFromString(line, len)))
            virResetLastError();
        if (virJSONValueObjectGetInt64(json, "return", &got) == 0 && got == id)
            return 0;
        if (qemuAgentIsOver(deadline))
            ret = 0;
    }
    if (ret == 0)
        qemuAgentReportSilent();
    return -1;
}

/* The compact form of the answer to @sent. Returns 0, or -1 with an error reported if it is
 * one. */
static int
qemuAgentCheck(const virJSONValue *sent, const char *line, size_t len, char **reply)
{
    g_autoptr(virJSONValue) json = virJSONValueFromString(line, len);
    const char *name = virJSONValueObjectGetString(sent, "execute");
    const char *text;

    if (!json)
        return -1;
    if (virJSONValueObjectGet(json, "return")) {
        *reply = virJSONValueToString(json);
        return 0;
    }
    text = virJSONValueObjectGetString(virJSONValueObjectGet(json, "error"), "desc");
    virReportError(VIR_ERR_INTERNAL_ERROR,
                   _("unable to execute QEMU agent command '%1$s': %2$s"),
                   name ? name : "", text ? text : _("unknown error"));
    return -1;
}

/* From now on, the end of the domain ends the talk. Returns 0, or -1 with an error reported: it
 * has ended already. */
static int
qemuAgentTieTo(qemuAgentChannel *channel, qemuDomain *priv)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&priv->lock);

    if (priv->ended) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is not running"));
        return -1;
    }
    priv->agentFd = channel->fd;
    channel->priv = priv;
    return 0;
}

/* As qemuAgentTalk(), with the agent of the domain @priv unless that is NULL. */
static int
qemuAgentConverse(qemuDomain *priv, const char *path, pid_t pid, const char *command, int wait,
                  bool silent, char **reply)
{
    g_auto(qemuAgentChannel) channel = { .fd = -1, .input = g_string_new(NULL) };
    g_autoptr(virJSONValue) json = NULL;
    g_autofree char *compact = NULL;
    g_autofree char *text = NULL;
    gint64 deadline;
    int ret;

    /* One line, whatever line breaks the caller had in it. */
    if (!(json = virJSONValueFromString(command, strlen(command))))
        return -1;
    compact = virJSONValueToString(json);
    text = g_strconcat(compact, "\n", NULL);

    if (qemuAgentConnect(&channel, path, pid) < 0 ||
        (priv && qemuAgentTieTo(&channel, priv) < 0) ||
        qemuAgentSync(&channel, qemuAgentDeadline(QEMU_AGENT_WAIT_MS)) < 0)
        return -1;

    deadline = qemuAgentDeadline(wait);
    ret = qemuAgentSend(&channel, text, strlen(text), deadline);
    while (ret > 0) {
        const char *line;
        size_t len;

        ret = qemuAgentReadLine(&channel, deadline, &line, &len);
        if (ret > 0 && len > 0 && *line != '\r')
            return qemuAgentCheck(json, line, len, reply);
        if (ret > 0 && qemuAgentIsOver(deadline))
            ret = 0;
    }

    if (silent && (ret == 0 || channel.ended)) {
        virResetLastError();
        *reply = NULL;
        return 0;
    }
    if (ret == 0)
        qemuAgentReportSilent();
    return -1;
}

int
qemuAgentTalk(const char *path, pid_t pid, const char *command, int wait, bool silent,
              char **reply)
{
    return qemuAgentConverse(NULL, path, pid, command, wait, silent, reply);
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
    g_auto(qemuAgentPlace) place = { 0 };
    qemuDomain *priv = qemuDomainGet(dom);
    int ret;

    qemuAgentFind(dom, &place);
    if (qemuAgentCheckPlace(dom, &place) < 0)
        return -1;
    if (!qemuAgentEnter(priv, qemuAgentDeadline(wait < 0 ? -1 : MAX(wait, QEMU_AGENT_WAIT_MS)))) {
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s",
                       _("another command is under way"));
        return -1;
    }
    ret = qemuAgentConverse(priv, place.path, priv->pid, command, wait, silent, reply);
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
        virReportError(VIR_ERR_INVALID_ARG,
                       _("guest agent timeout '%1$d' is less than the minimum '%2$d'"), timeout,
                       VIR_DOMAIN_QEMU_AGENT_COMMAND_MIN);
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
