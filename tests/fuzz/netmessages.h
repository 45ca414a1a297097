/*
 * netmessages.h: every structure that travels, and what must hold for any bytes taken as one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include "admin_protocol.h"
#include "qemu_protocol.h"
#include "remote_protocol.h"
#include "virerror_priv.h"
#include "virnetmessage.h"
#include "virtmon_admin_protocol.h"

enum {
    MESSAGE_ARGS,
    MESSAGE_RET,
    MESSAGE_MSG,
};

typedef struct {
    unsigned int program;
    int number;
    int kind;
    const char *name;
    xdrproc_t filter;
    size_t size;
} netMessage;

static const netMessage netMessages[] = {
#include "netmessages_table.h"
};

static virNetMessage *
netMessageEncode(const netMessage *message, void *data)
{
    virNetMessageHeader header = { .prog = message->program, .vers = 1, .proc = message->number };

    return virNetMessageNew(&header, message->filter, data, NULL, 0);
}

/* What is understood can be said again, and is then understood as the same. */
static inline void
netMessageCheck(const netMessage *message, const char *payload, size_t len)
{
    g_autofree void *data = g_malloc(message->size);
    g_autofree void *again = g_malloc(message->size);
    g_autoptr(virNetMessage) first = NULL;
    g_autoptr(virNetMessage) second = NULL;
    const char *one;
    const char *other;
    size_t oneLen;
    size_t otherLen;

    if (virNetMessageDecode(payload, len, message->filter, data, message->size) < 0) {
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
        return;
    }
    first = netMessageEncode(message, data);
    xdr_free(message->filter, data);
    g_assert_nonnull(first);
    one = virNetMessageGetBytes(first, &oneLen);
    g_assert_cmpint(virNetMessageDecode(one + VIR_NET_MESSAGE_LEN_MIN,
                                        oneLen - VIR_NET_MESSAGE_LEN_MIN, message->filter, again,
                                        message->size), ==, 0);
    second = netMessageEncode(message, again);
    xdr_free(message->filter, again);
    g_assert_nonnull(second);
    other = virNetMessageGetBytes(second, &otherLen);
    g_assert_cmpmem(one, oneLen, other, otherLen);
}

/* The structure of that kind, by a byte for the program (its bits 0 and 3) and two for the number: a
 * corpus stays what it is when procedures are added. NULL: there is none. */
static inline const netMessage *
netMessageFind(const uint8_t *data, int kind)
{
    static const unsigned int programs[] = {
        REMOTE_PROGRAM, QEMU_PROGRAM, ADMIN_PROGRAM, VIRTMON_ADMIN_PROGRAM,
    };
    unsigned int program = programs[(data[0] & 1) | (data[0] >> 2 & 2)];
    int number = data[1] << 8 | data[2];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(netMessages); i++) {
        if (netMessages[i].program == program && netMessages[i].number == number &&
            netMessages[i].kind == kind)
            return &netMessages[i];
    }
    return NULL;
}
