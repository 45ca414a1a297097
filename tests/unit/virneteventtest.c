/*
 * virneteventtest.c: an event message that is encoded once for all who get it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <string.h>

#include "qemu_protocol.h"
#include "remote_protocol.h"
#include "rpcpeer.h"
#include "virerror_priv.h"
#include "virnetevent.h"

#define FILTER(name) ((xdrproc_t)xdr_##name)

#define G "00000005 672d6b766d 000000 c0e7793c3d2a4487a7ad48b3ddfd8efb 00000001 "

static remote_nonnull_domain guest = {
    .name = (char *)"g-kvm",
    .uuid = "\xc0\xe7\x79\x3c\x3d\x2a\x44\x87\xa7\xad\x48\xb3\xdd\xfd\x8e\xfb",
    .id = 1,
};

static void
assertBytes(const char *have, size_t len, const char *hex)
{
    g_autoptr(GByteArray) want = rpcPeerBytes(hex);

    g_assert_cmpmem(have, len, want->data, want->len);
}

/* What one of those who get an event gets. */
static void
assertEvent(virNetEvent *event, int callbackID, char *spare, const char *hex)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    size_t headLen;
    const char *head = virNetEventHead(event, callbackID, spare, &headLen);
    size_t len;
    const char *body = virNetEventBody(event, &len);

    g_byte_array_append(all, (const guint8 *)head, headLen);
    g_byte_array_append(all, (const guint8 *)body, len);
    assertBytes((const char *)all->data, all->len, hex);
}

static void
testSharedEvent(void)
{
    g_autofree char *large = g_strnfill(100000, 'd');
    qemu_domain_monitor_event_msg msg = {
        .callbackID = -1, .dom = guest, .event = (char *)"STOP", .seconds = 0x6b04d377,
        .micros = 0x000a6e36, .details = NULL,
    };
    remote_domain_event_reboot_msg old = { guest };
    g_autoptr(virNetEvent) event = virNetEventNew(
        QEMU_PROGRAM, 1, QEMU_PROC_DOMAIN_MONITOR_EVENT, true,
        FILTER(qemu_domain_monitor_event_msg), &msg);
    g_autoptr(virNetEvent) plain = virNetEventNew(
        REMOTE_PROGRAM, 1, REMOTE_PROC_DOMAIN_EVENT_REBOOT, false,
        FILTER(remote_domain_event_reboot_msg), &old);
    g_autoptr(virNetEvent) big = NULL;
    char first[VIR_NET_EVENT_HEAD_MAX];
    char second[VIR_NET_EVENT_HEAD_MAX];
    const char *head;
    size_t headLen;
    size_t len;

    assertEvent(event, 96, first,
                "00000058 20008087 00000001 00000006 00000002 00000001 00000000"
                "00000060" G "00000004 53544f50 000000006b04d377 000a6e36 00000000");
    /* The first one's is in front of the body, and stays what it is. */
    assertEvent(event, 97, second,
                "00000058 20008087 00000001 00000006 00000002 00000001 00000000"
                "00000061" G "00000004 53544f50 000000006b04d377 000a6e36 00000000");
    assertBytes(virNetEventBody(event, &len) - VIR_NET_EVENT_HEAD_MAX, VIR_NET_EVENT_HEAD_MAX,
                "00000058 20008087 00000001 00000006 00000002 00000001 00000000 00000060");

    /* Without a number everybody's is the same one. */
    assertEvent(plain, 5, first,
                "0000003c 20008086 00000001 000000a9 00000002 00000001 00000000" G);
    head = virNetEventHead(plain, 6, second, &headLen);
    g_assert_true(head + headLen == virNetEventBody(plain, &len));

    msg.details = &large;
    big = virNetEventNew(QEMU_PROGRAM, 1, QEMU_PROC_DOMAIN_MONITOR_EVENT, true,
                         FILTER(qemu_domain_monitor_event_msg), &msg);
    g_assert_nonnull(big);
    g_assert_cmpuint(virNetEventCost(big), >, 100000);
    virNetEventBody(big, &len);
    g_assert_cmpuint(len, ==, 0x58 - VIR_NET_EVENT_HEAD_MAX + 4 + 100000);

    /* Longer than a string may be. */
    g_free(large);
    large = g_strnfill(REMOTE_STRING_MAX + 1, 'd');
    g_assert_null(virNetEventNew(QEMU_PROGRAM, 1, QEMU_PROC_DOMAIN_MONITOR_EVENT, true,
                                 FILTER(qemu_domain_monitor_event_msg), &msg));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netevent/shared", testSharedEvent);
    return g_test_run();
}
