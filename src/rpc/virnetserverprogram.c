/*
 * virnetserverprogram.c: one call of a procedure: its arguments, its run, its reply
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetserverprogram.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virnetserver_priv.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netserverprogram");

/* So that whatever type begins there is aligned. */
#define VIR_NET_SERVER_CALL_ALIGN(size) (((size) + 15) & ~(size_t)15)

virNetServerCall *
virNetServerCallNew(virNetServerClient *client, const virNetServerProgram *program,
                    const virNetServerProc *proc, virNetFrame *frame)
{
    size_t head = VIR_NET_SERVER_CALL_ALIGN(sizeof(virNetServerCall));
    size_t args = VIR_NET_SERVER_CALL_ALIGN(proc->argSize);
    virNetServerCall *call = g_malloc0(head + args + proc->retSize);
    size_t i;
    int rc;

    if (proc->argFilter)
        call->args = (char *)call + head;
    if (proc->retFilter)
        call->ret = (char *)call + head + args;
    rc = virNetMessageDecode(frame->payload, frame->len, proc->argFilter, call->args,
                             proc->argSize);
    /* It lies in a buffer of the reader's, or in one lent to it: nobody looks at it again. */
    if (proc->flags & VIR_NET_SERVER_PROC_SECRET)
        explicit_bzero((char *)frame->payload, frame->len);
    if (rc < 0) {
        g_free(call);
        return NULL;
    }
    call->client = virNetServerClientRef(client);
    call->program = program;
    call->proc = proc;
    call->header = frame->header;
    call->bytes = frame->len;
    call->fds = g_memdup2(frame->fds, frame->nfds * sizeof(frame->fds[0]));
    call->nfds = frame->nfds;
    for (i = 0; i < frame->nfds; i++)
        frame->fds[i] = -1;
    return call;
}

static virNetMessage *
virNetServerCallEncode(virNetServerCall *call)
{
    virNetMessageHeader header = call->header;

    header.type = VIR_NET_REPLY;
    header.status = VIR_NET_OK;
    return virNetMessageNew(&header, call->proc->retFilter, call->ret, call->retFDs,
                            call->nretFDs);
}

bool
virNetServerCallAsk(virNetServerCall *call)
{
    const virNetServerProgram *program = call->program;

    if (!program->ask)
        return true;
    virResetLastError();
    if ((!program->check || program->check(call, call->args) == 0) &&
        program->ask(call, call->args) == 0)
        return true;
    call->reply = virNetMessageNewError(&call->header, virGetLastError());
    virResetLastError();
    return false;
}

void
virNetServerCallReply(virNetServerCall *call, int rc)
{
    if (rc == 0)
        call->reply = virNetServerCallEncode(call);
    if (!call->reply)
        call->reply = virNetMessageNewError(&call->header, virGetLastError());
    virResetLastError();
}

bool
virNetServerCallRun(virNetServerCall *call)
{
    int rc;

    virResetLastError();
    VIR_DEBUG("client %llu calls %s.%s", virNetServerClientGetID(call->client),
              call->program->name, call->proc->name);
    if (call->program->check && call->program->check(call, call->args) < 0)
        rc = -1;
    else
        rc = call->proc->func(call, call->args, call->ret);
    if (rc == VIR_NET_SERVER_CALL_LATER)
        return false;
    virNetServerCallReply(call, rc);
    return true;
}

void
virNetServerCallFree(virNetServerCall *call)
{
    size_t i;

    if (!call)
        return;
    if (call->args)
        xdr_free(call->proc->argFilter, call->args);
    if (call->ret)
        xdr_free(call->proc->retFilter, call->ret);
    for (i = 0; i < call->nfds; i++) {
        if (call->fds[i] >= 0)
            close(call->fds[i]);
    }
    for (i = 0; i < call->nretFDs; i++)
        close(call->retFDs[i]);
    g_free(call->fds);
    virNetMessageFree(call->reply);
    virNetServerClientUnref(call->client);
    g_free(call);
}

virNetServerClient *
virNetServerCallGetClient(virNetServerCall *call)
{
    return call->client;
}

const virNetServerProgram *
virNetServerCallGetProgram(virNetServerCall *call)
{
    return call->program;
}

const virNetServerProc *
virNetServerCallGetProc(virNetServerCall *call)
{
    return call->proc;
}

void
virNetServerCallSetVerdict(virNetServerCall *call, int verdict)
{
    call->verdict = verdict;
}

int
virNetServerCallGetVerdict(virNetServerCall *call)
{
    return call->verdict;
}

int *
virNetServerCallGetFDs(virNetServerCall *call, size_t *nfds)
{
    *nfds = call->nfds;
    return call->fds;
}

int
virNetServerCallAddFD(virNetServerCall *call, int fd)
{
    int copy;

    if (!virNetServerClientCanPassFDs(call->client)) {
        virReportError(VIR_ERR_RPC, "%s",
                       _("file descriptors can only be sent over a UNIX socket"));
        return -1;
    }
    if (call->nretFDs == VIR_NET_MESSAGE_FDS_MAX) {
        virReportError(VIR_ERR_RPC, _("too many file descriptors to send, the limit is %1$d"),
                       VIR_NET_MESSAGE_FDS_MAX);
        return -1;
    }
    if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        virReportSystemError(errno, _("cannot duplicate file descriptor %1$d"), fd);
        return -1;
    }
    call->retFDs[call->nretFDs++] = copy;
    return 0;
}
