/*
 * virnetmessage.c: packets: what is in one, and how one is made
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetmessage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virnetxdr.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("rpc.netmessage");

/* Bytes of the word that tells how many fds come. */
#define VIR_NET_MESSAGE_FDS_SIZE 4

struct _virNetMessage {
    virNetMessageHeader header;
    char *bytes;
    size_t len;
    bool secret;
    size_t nfds;
    int fds[];
};

static void
virNetMessageWriteWord(char *bytes, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(bytes, &value, sizeof(value));
}

static uint32_t
virNetMessageReadWord(const char *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return GUINT32_FROM_BE(value);
}

uint32_t
virNetMessageReadLength(const char *bytes)
{
    return virNetMessageReadWord(bytes);
}

void
virNetMessageReadHeader(const char *bytes, virNetMessageHeader *header)
{
    header->prog = virNetMessageReadWord(bytes);
    header->vers = virNetMessageReadWord(bytes + 4);
    header->proc = (int32_t)virNetMessageReadWord(bytes + 8);
    header->type = virNetMessageReadWord(bytes + 12);
    header->serial = virNetMessageReadWord(bytes + 16);
    header->status = virNetMessageReadWord(bytes + 20);
}

void
virNetMessageWriteHeader(char *bytes, uint32_t len, const virNetMessageHeader *header)
{
    virNetMessageWriteWord(bytes, len);
    virNetMessageWriteWord(bytes + 4, header->prog);
    virNetMessageWriteWord(bytes + 8, header->vers);
    virNetMessageWriteWord(bytes + 12, header->proc);
    virNetMessageWriteWord(bytes + 16, header->type);
    virNetMessageWriteWord(bytes + 20, header->serial);
    virNetMessageWriteWord(bytes + 24, header->status);
}

bool
virNetMessageTypeHasFDs(int type)
{
    return type == VIR_NET_CALL_WITH_FDS || type == VIR_NET_REPLY_WITH_FDS;
}

static int
virNetMessageAddFDs(virNetMessage *msg, const int *fds, size_t nfds)
{
    for (; msg->nfds < nfds; msg->nfds++) {
        int fd = fcntl(fds[msg->nfds], F_DUPFD_CLOEXEC, 0);

        if (fd < 0) {
            virReportSystemError(errno, _("cannot duplicate file descriptor %1$d"),
                                 fds[msg->nfds]);
            return -1;
        }
        msg->fds[msg->nfds] = fd;
    }
    return 0;
}

VIR_NET_XDR_CALLS_FILTERS virNetMessage *
virNetMessageNew(const virNetMessageHeader *header, xdrproc_t filter, void *data,
                 const int *fds, size_t nfds)
{
    g_autoptr(virNetMessage) msg = NULL;
    size_t payload = 0;
    size_t head = VIR_NET_MESSAGE_LEN_MIN;
    XDR xdr;

    if (nfds > VIR_NET_MESSAGE_FDS_MAX) {
        virReportError(VIR_ERR_RPC,
                       _("too many file descriptors to send: %1$zu, the limit is %2$d"), nfds,
                       VIR_NET_MESSAGE_FDS_MAX);
        return NULL;
    }
    if (nfds > 0)
        head += VIR_NET_MESSAGE_FDS_SIZE;
    /* It cannot say why it fails; 0 is a failure, as nothing that has a filter is empty. */
    if (filter && (payload = xdr_sizeof(filter, data)) == 0) {
        virReportError(VIR_ERR_RPC, _("cannot encode the message of procedure %1$d"),
                       header->proc);
        return NULL;
    }
    if (payload > VIR_NET_MESSAGE_LEN_MAX - head) {
        virReportError(VIR_ERR_RPC, _("message of %1$zu bytes exceeds the limit of %2$d"),
                       head + payload, VIR_NET_MESSAGE_LEN_MAX);
        return NULL;
    }

    msg = g_malloc0(sizeof(*msg) + nfds * sizeof(msg->fds[0]));
    msg->header = *header;
    if (nfds > 0)
        msg->header.type = header->type == VIR_NET_CALL ? VIR_NET_CALL_WITH_FDS
                                                        : VIR_NET_REPLY_WITH_FDS;
    msg->len = head + payload;
    msg->bytes = g_malloc(msg->len);
    virNetMessageWriteHeader(msg->bytes, msg->len, &msg->header);
    if (nfds > 0)
        virNetMessageWriteWord(msg->bytes + VIR_NET_MESSAGE_LEN_MIN, nfds);
    if (filter) {
        bool done;

        xdrmem_create(&xdr, msg->bytes + head, payload, XDR_ENCODE);
        done = filter(&xdr, data);
        xdr_destroy(&xdr);
        if (!done) {
            virReportError(VIR_ERR_RPC, _("cannot encode the message of procedure %1$d"),
                           header->proc);
            return NULL;
        }
    }
    if (virNetMessageAddFDs(msg, fds, nfds) < 0)
        return NULL;
    return g_steal_pointer(&msg);
}

/* Sets *field to @text, or to as many of its characters as there is room for; NULL: nothing.
 * Keeps in *clipped what the caller has to free. */
static void
virNetMessageSetText(virNetMessageString *field, char **text, char **clipped)
{
    size_t len = VIR_NET_MESSAGE_STRING_MAX;

    *field = *text ? text : NULL;
    if (!*text || strnlen(*text, len + 1) <= len)
        return;
    while (len > VIR_NET_MESSAGE_STRING_MAX - 3 && ((unsigned char)(*text)[len] & 0xc0) == 0x80)
        len--;
    *clipped = g_strndup(*text, len);
    *field = clipped;
}

virNetMessage *
virNetMessageNewError(const virNetMessageHeader *call, const virError *err)
{
    virNetMessageHeader header = *call;
    virNetMessageError body = { 0 };
    virError copy = err ? *err : (virError){ .code = VIR_ERR_OK };
    g_autofree char *clippedMessage = NULL;
    g_autofree char *clipped1 = NULL;
    g_autofree char *clipped2 = NULL;
    g_autofree char *clipped3 = NULL;
    char *message;
    bool known = err && err->code != VIR_ERR_OK;

    header.type = VIR_NET_REPLY;
    header.status = VIR_NET_ERROR;
    if (known) {
        message = err->message ? err->message : (char *)_("unknown error");
        body.code = err->code;
        body.domain = err->domain;
        body.level = err->level;
        virNetMessageSetText(&body.str1, &copy.str1, &clipped1);
        virNetMessageSetText(&body.str2, &copy.str2, &clipped2);
        virNetMessageSetText(&body.str3, &copy.str3, &clipped3);
        body.int1 = err->int1;
        body.int2 = err->int2;
    } else {
        message = (char *)_("an error occurred, but its cause is unknown");
        body.code = VIR_ERR_INTERNAL_ERROR;
        body.domain = VIR_FROM_RPC;
        body.level = VIR_ERR_ERROR;
        body.int1 = -1;
        body.int2 = -1;
    }
    virNetMessageSetText(&body.message, &message, &clippedMessage);
    return virNetMessageNew(&header, (xdrproc_t)xdr_virNetMessageError, &body, NULL, 0);
}

void
virNetMessageFree(virNetMessage *msg)
{
    size_t i;

    if (!msg)
        return;
    for (i = 0; i < msg->nfds; i++)
        close(msg->fds[i]);
    if (msg->secret)
        explicit_bzero(msg->bytes, msg->len);
    g_free(msg->bytes);
    g_free(msg);
}

void
virNetMessageSetSecret(virNetMessage *msg)
{
    msg->secret = true;
}

const virNetMessageHeader *
virNetMessageGetHeader(const virNetMessage *msg)
{
    return &msg->header;
}

const char *
virNetMessageGetBytes(const virNetMessage *msg, size_t *len)
{
    *len = msg->len;
    return msg->bytes;
}

const int *
virNetMessageGetFDs(const virNetMessage *msg, size_t *nfds)
{
    *nfds = msg->nfds;
    return msg->fds;
}

void
virNetMessageSetSerial(virNetMessage *msg, unsigned int serial)
{
    msg->header.serial = serial;
    virNetMessageWriteHeader(msg->bytes, msg->len, &msg->header);
}

VIR_NET_XDR_CALLS_FILTERS int
virNetMessageDecode(const char *payload, size_t len, xdrproc_t filter, void *data, size_t size)
{
    XDR xdr;
    bool done;

    if (!filter)
        return 0;
    memset(data, 0, size);
    /* It only reads. */
    xdrmem_create(&xdr, (char *)payload, len, XDR_DECODE);
    done = filter(&xdr, data);
    xdr_destroy(&xdr);
    if (!done) {
        xdr_free(filter, data);
        memset(data, 0, size);
        virReportError(VIR_ERR_RPC, "%s", _("cannot decode the message's payload"));
        return -1;
    }
    return 0;
}

/* Whoever falls back to an older call asks for this code. */
static bool
virNetMessageIsUnknownProcedure(const virNetMessageError *err)
{
    return err->code == VIR_ERR_RPC &&
        (err->domain == VIR_FROM_RPC || err->domain == VIR_FROM_REMOTE) &&
        err->message && g_str_has_prefix(*err->message, "unknown procedure");
}

void
virNetMessageRaise(const char *payload, size_t len)
{
    virNetMessageError err;
    int code;

    if (virNetMessageDecode(payload, len, (xdrproc_t)xdr_virNetMessageError, &err,
                            sizeof(err)) < 0)
        return;

    code = virNetMessageIsUnknownProcedure(&err) ? VIR_ERR_NO_SUPPORT : err.code;
    if (code == VIR_ERR_OK)
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("the server failed without saying why"));
    else
        virRaiseErrorFull(__FILE__, __func__, __LINE__, err.domain, code, VIR_ERR_ERROR,
                          err.str1 ? *err.str1 : NULL, err.str2 ? *err.str2 : NULL,
                          err.str3 ? *err.str3 : NULL, err.int1, err.int2, "%s",
                          err.message ? *err.message : _("unknown error"));
    xdr_free((xdrproc_t)xdr_virNetMessageError, (void *)&err);
}
