/*
 * virnetmessagetest.c: packets, byte for byte as they are seen on the wire
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "qemu_protocol.h"
#include "remote_protocol.h"
#include "rpcpeer.h"
#include "virerror_priv.h"
#include "virkeepaliveprotocol.h"
#include "virnetmessage.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define FILTER(name) ((xdrproc_t)xdr_##name)

/* The domain of all vectors: g-kvm, id 1. */
#define G "00000005 672d6b766d 000000 c0e7793c3d2a4487a7ad48b3ddfd8efb 00000001 "

/* "Cannot find program 4369 version 1" and its padding. */
#define UNKNOWN \
    "43616e6e6f742066696e642070726f6772616d20343336392076657273696f6e2031 0000 "

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

static void
assertMessage(virNetMessage *msg, const char *hex)
{
    const char *have;
    size_t len;

    g_assert_nonnull(msg);
    have = virNetMessageGetBytes(msg, &len);
    assertBytes(have, len, hex);
    g_assert_cmpuint(virNetMessageReadLength(have), ==, len);
}

static virNetMessageHeader
header(unsigned int program, int proc, int type, unsigned int serial)
{
    return (virNetMessageHeader) {
        .prog = program, .vers = 1, .proc = proc, .type = type, .serial = serial,
    };
}

static void
assertCall(unsigned int program, int proc, unsigned int serial, xdrproc_t filter, void *args,
           const char *hex)
{
    virNetMessageHeader head = header(program, proc, VIR_NET_CALL, serial);
    g_autoptr(virNetMessage) msg = virNetMessageNew(&head, filter, args, NULL, 0);

    assertMessage(msg, hex);
}

static void
assertReply(unsigned int program, int proc, unsigned int serial, xdrproc_t filter, void *ret,
            const char *hex)
{
    virNetMessageHeader head = header(program, proc, VIR_NET_REPLY, serial);
    g_autoptr(virNetMessage) msg = virNetMessageNew(&head, filter, ret, NULL, 0);

    assertMessage(msg, hex);
}

/* Only what is behind the header. */
static void
assertPayload(xdrproc_t filter, void *data, const char *hex)
{
    virNetMessageHeader head = header(REMOTE_PROGRAM, 1, VIR_NET_REPLY, 0);
    g_autoptr(virNetMessage) msg = virNetMessageNew(&head, filter, data, NULL, 0);
    const char *have;
    size_t len;

    g_assert_nonnull(msg);
    have = virNetMessageGetBytes(msg, &len);
    assertBytes(have + VIR_NET_MESSAGE_LEN_MIN, len - VIR_NET_MESSAGE_LEN_MIN, hex);
}

/* Decodes @hex, and encodes that again. */
static void
assertRoundTrip(xdrproc_t filter, size_t size, const char *hex)
{
    g_autoptr(GByteArray) array = rpcPeerBytes(hex);
    g_autofree void *data = g_malloc0(size);

    g_assert_cmpint(virNetMessageDecode((const char *)array->data, array->len, filter, data, size),
                    ==, 0);
    assertPayload(filter, data, hex);
    xdr_free(filter, data);
}

static void
assertUndecodable(xdrproc_t filter, size_t size, const char *hex)
{
    g_autoptr(GByteArray) array = rpcPeerBytes(hex);
    g_autofree char *data = g_malloc(size);
    g_autofree char *zeros = g_malloc0(size);

    memset(data, 0x55, size);
    virResetLastError();
    g_assert_cmpint(virNetMessageDecode((const char *)array->data, array->len, filter, data, size),
                    ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
    g_assert_cmpmem(data, size, zeros, size);
}

static void
testSetUp(void)
{
    char *name = (char *)"qemu:///system";
    remote_auth_type none = REMOTE_AUTH_NONE;
    remote_auth_list_ret types = { { 1, &none } };
    remote_connect_supports_feature_args feature = { 10 };
    remote_connect_open_args open = { &name, 0 };

    assertCall(REMOTE_PROGRAM, REMOTE_PROC_AUTH_LIST, 0, NULL, NULL,
               "0000001c 20008086 00000001 00000042 00000000 00000000 00000000");
    assertReply(REMOTE_PROGRAM, REMOTE_PROC_AUTH_LIST, 0, FILTER(remote_auth_list_ret), &types,
                "00000024 20008086 00000001 00000042 00000001 00000000 00000000"
                "00000001 00000000");
    assertCall(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, 1,
               FILTER(remote_connect_supports_feature_args), &feature,
               "00000020 20008086 00000001 0000003c 00000000 00000001 00000000 0000000a");
    assertCall(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_OPEN, 2, FILTER(remote_connect_open_args),
               &open,
               "00000038 20008086 00000001 00000001 00000000 00000002 00000000"
               "00000001 0000000e 71656d753a2f2f2f73797374656d 0000 00000000");
    assertReply(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_OPEN, 2, NULL, NULL,
                "0000001c 20008086 00000001 00000001 00000001 00000002 00000000");
}

static void
testDomains(void)
{
    remote_domain_lookup_by_name_args lookup = { guest.name };
    remote_domain_lookup_by_name_ret found = { guest };
    remote_domain_get_info_ret info = { 1, 65536, 65536, 1, 0x848232080ULL };
    remote_domain_get_state_ret state = { 1, 5 };

    assertCall(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, 5,
               FILTER(remote_domain_lookup_by_name_args), &lookup,
               "00000028 20008086 00000001 00000017 00000000 00000005 00000000"
               "00000005 672d6b766d 000000");
    assertReply(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, 5,
                FILTER(remote_domain_lookup_by_name_ret), &found,
                "0000003c 20008086 00000001 00000017 00000001 00000005 00000000" G);
    assertPayload(FILTER(remote_domain_get_info_ret), &info,
                  "00000001 0000000000010000 0000000000010000 00000001 0000000848232080");
    assertPayload(FILTER(remote_domain_get_state_ret), &state, "00000001 00000005");
    assertRoundTrip(FILTER(remote_connect_list_all_domains_ret),
                    sizeof(remote_connect_list_all_domains_ret),
                    "00000002" G "00000001 61 000000 00112233445566778899aabbccddeeff ffffffff"
                    "00000002");
}

static void
testMonitorEvents(void)
{
    char *pattern = (char *)"st.*";
    qemu_connect_domain_monitor_event_register_args args = { NULL, NULL, 0 };
    qemu_connect_domain_monitor_event_deregister_args id = { 96 };
    qemu_domain_monitor_event_msg msg = {
        .callbackID = 96, .dom = guest, .event = (char *)"STOP", .seconds = 0x6b04d377,
        .micros = 0x000a6e36, .details = NULL,
    };
    virNetMessageHeader head = header(QEMU_PROGRAM, QEMU_PROC_DOMAIN_MONITOR_EVENT,
                                      VIR_NET_MESSAGE, 1);
    g_autoptr(virNetMessage) event = NULL;

    assertPayload(FILTER(qemu_connect_domain_monitor_event_register_args), &args,
                  "00000000 00000000 00000000");
    args.event = &pattern;
    args.flags = 3;
    assertPayload(FILTER(qemu_connect_domain_monitor_event_register_args), &args,
                  "00000000 00000001 00000004 73742e2a 00000003");
    args.dom = &guest;
    args.event = NULL;
    args.flags = 0;
    assertPayload(FILTER(qemu_connect_domain_monitor_event_register_args), &args,
                  "00000001" G "00000000 00000000");
    assertPayload(FILTER(qemu_connect_domain_monitor_event_deregister_args), &id, "00000060");

    event = virNetMessageNew(&head, FILTER(qemu_domain_monitor_event_msg), &msg, NULL, 0);
    assertMessage(event,
                  "00000058 20008087 00000001 00000006 00000002 00000001 00000000"
                  "00000060" G "00000004 53544f50 000000006b04d377 000a6e36 00000000");
}

static void
testDomainEvents(void)
{
    remote_connect_domain_event_callback_register_any_args any = { 0, NULL };
    remote_domain_event_callback_lifecycle_msg msg = { 102, { guest, 3, 0 } };
    remote_domain_event_callback_pmsuspend_msg pm = { 7, 0, { guest } };
    virNetMessageHeader head = header(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE,
                                      VIR_NET_MESSAGE, 1);
    g_autoptr(virNetMessage) event = virNetMessageNew(
        &head, FILTER(remote_domain_event_callback_lifecycle_msg), &msg, NULL, 0);

    assertPayload(FILTER(remote_connect_domain_event_callback_register_any_args), &any,
                  "00000000 00000000");
    assertMessage(event,
                  "00000048 20008086 00000001 0000013e 00000002 00000001 00000000"
                  "00000066" G "00000003 00000000");
    /* The reason is in front of the domain. */
    assertPayload(FILTER(remote_domain_event_callback_pmsuspend_msg), &pm,
                  "00000007 00000000" G);
}

static void
testKeepAlive(void)
{
    virNetMessageHeader ping = header(KEEPALIVE_PROGRAM, KEEPALIVE_PROC_PING, VIR_NET_MESSAGE, 0);
    virNetMessageHeader pong = header(KEEPALIVE_PROGRAM, KEEPALIVE_PROC_PONG, VIR_NET_MESSAGE, 0);
    g_autoptr(virNetMessage) first = virNetMessageNew(&ping, NULL, NULL, NULL, 0);
    g_autoptr(virNetMessage) second = virNetMessageNew(&pong, NULL, NULL, NULL, 0);

    assertMessage(first, "0000001c 6b656570 00000001 00000001 00000002 00000000 00000000");
    assertMessage(second, "0000001c 6b656570 00000001 00000002 00000002 00000000 00000000");
}

static void
testTypes(void)
{
    char none[] = "none";
    char zero[] = "0";
    remote_node_get_security_model_ret model = { { sizeof(none), none }, { sizeof(zero), zero } };

    /* Characters of an array are words. */
    assertPayload(FILTER(remote_node_get_security_model_ret), &model,
                  "00000005 0000006e 0000006f 0000006e 00000065 00000000"
                  "00000002 00000030 00000000");
    assertRoundTrip(FILTER(remote_typed_param), sizeof(remote_typed_param),
                    "00000009 6f7065726174696f6e 000000 00000001 00000008");
    assertRoundTrip(FILTER(remote_typed_param), sizeof(remote_typed_param),
                    "00000001 61 000000 00000002 ffffffff");
    assertRoundTrip(FILTER(remote_typed_param), sizeof(remote_typed_param),
                    "00000001 61 000000 00000003 ffffffffffffffff");
    assertRoundTrip(FILTER(remote_typed_param), sizeof(remote_typed_param),
                    "00000001 61 000000 00000004 8000000000000001");
    assertRoundTrip(FILTER(remote_typed_param), sizeof(remote_typed_param),
                    "00000001 61 000000 00000005 3ff8000000000000");
    assertRoundTrip(FILTER(remote_typed_param), sizeof(remote_typed_param),
                    "00000001 61 000000 00000006 00000001");
    assertRoundTrip(FILTER(remote_typed_param), sizeof(remote_typed_param),
                    "00000001 61 000000 00000007 00000003 6d696e 00");
    assertUndecodable(FILTER(remote_typed_param), sizeof(remote_typed_param),
                      "00000001 61 000000 00000000 00000001");
    assertUndecodable(FILTER(remote_typed_param), sizeof(remote_typed_param),
                      "00000001 61 000000 00000008 00000001");
}

/* What other clients send, and what they may. */
static void
testLenientDecoding(void)
{
    static const char *const flags[] = { "00000001", "00000002", "00000100", "01000000" };
    remote_connect_open_args args;
    remote_domain_lookup_by_name_args lookup;
    g_autoptr(GByteArray) odd = rpcPeerBytes("00000005 672d6b766d 010203 ffff");
    g_autoptr(GByteArray) nul = rpcPeerBytes("00000008 672d6b766d 00 7878");
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        g_autofree char *hex = g_strconcat(flags[i], "00000001 61 000000 00000000", NULL);
        g_autoptr(GByteArray) array = rpcPeerBytes(hex);

        g_assert_cmpint(virNetMessageDecode((const char *)array->data, array->len,
                                            FILTER(remote_connect_open_args), &args,
                                            sizeof(args)), ==, 0);
        g_assert_cmpstr(*args.name, ==, "a");
        xdr_free(FILTER(remote_connect_open_args), (void *)&args);
    }

    /* Padding that isn't zero, and bytes left over. */
    g_assert_cmpint(virNetMessageDecode((const char *)odd->data, odd->len,
                                        FILTER(remote_domain_lookup_by_name_args), &lookup,
                                        sizeof(lookup)), ==, 0);
    g_assert_cmpstr(lookup.name, ==, "g-kvm");
    xdr_free(FILTER(remote_domain_lookup_by_name_args), (void *)&lookup);

    /* A string ends at its first NUL. */
    g_assert_cmpint(virNetMessageDecode((const char *)nul->data, nul->len,
                                        FILTER(remote_domain_lookup_by_name_args), &lookup,
                                        sizeof(lookup)), ==, 0);
    g_assert_cmpstr(lookup.name, ==, "g-kvm");
    xdr_free(FILTER(remote_domain_lookup_by_name_args), (void *)&lookup);
}

static void
testUndecodable(void)
{
    assertUndecodable(FILTER(remote_connect_supports_feature_args),
                      sizeof(remote_connect_supports_feature_args), "");
    assertUndecodable(FILTER(remote_connect_supports_feature_args),
                      sizeof(remote_connect_supports_feature_args), "000000");
    assertUndecodable(FILTER(remote_domain_lookup_by_name_args),
                      sizeof(remote_domain_lookup_by_name_args), "00000005 672d6b76");
    assertUndecodable(FILTER(remote_domain_lookup_by_name_args),
                      sizeof(remote_domain_lookup_by_name_args), "ffffffff 672d6b76");
    /* One above the limit of a list: refused by the number alone. */
    assertUndecodable(FILTER(remote_auth_list_ret), sizeof(remote_auth_list_ret),
                      "00000015 00000000 00000000");
    assertUndecodable(FILTER(remote_connect_list_all_domains_ret),
                      sizeof(remote_connect_list_all_domains_ret), "00004001");
    /* The second of two parameters is cut off: the first must not leak. */
    assertUndecodable(FILTER(remote_connect_set_identity_args),
                      sizeof(remote_connect_set_identity_args),
                      "00000002 00000009 757365722d6e616d65 000000 00000007 00000001 61 000000"
                      "00000004 61");
    assertUndecodable(FILTER(qemu_connect_domain_monitor_event_register_args),
                      sizeof(qemu_connect_domain_monitor_event_register_args),
                      "00000001 00000005 672d6b766d 000000 c0e7");
}

static void
testLimits(void)
{
    g_autofree char *text = g_malloc(REMOTE_STRING_MAX + 2);
    remote_domain_lookup_by_name_args args = { text };
    virNetMessageHeader head = header(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,
                                      VIR_NET_CALL, 0);
    g_autoptr(virNetMessage) fits = NULL;
    g_autofree remote_nonnull_string *names = g_new(remote_nonnull_string, 9);
    remote_domain_get_messages_ret many = { { 8, names } };
    size_t i;

    memset(text, 'x', REMOTE_STRING_MAX + 1);
    text[REMOTE_STRING_MAX] = '\0';
    fits = virNetMessageNew(&head, FILTER(remote_domain_lookup_by_name_args), &args, NULL, 0);
    g_assert_nonnull(fits);

    /* One byte more. */
    text[REMOTE_STRING_MAX] = 'x';
    text[REMOTE_STRING_MAX + 1] = '\0';
    g_assert_null(virNetMessageNew(&head, FILTER(remote_domain_lookup_by_name_args), &args, NULL,
                                   0));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);

    /* No string at all, where there must be one. */
    args.name = NULL;
    virResetLastError();
    g_assert_null(virNetMessageNew(&head, FILTER(remote_domain_lookup_by_name_args), &args, NULL,
                                   0));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);

    /* Each string fits, all together don't: 8 of them with their lengths are over 32 MiB. */
    text[REMOTE_STRING_MAX] = '\0';
    for (i = 0; i < 9; i++)
        names[i] = text;
    virResetLastError();
    g_assert_null(virNetMessageNew(&head, FILTER(remote_domain_get_messages_ret), &many, NULL,
                                   0));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    many.msgs.msgs_len = 7;
    virNetMessageFree(g_steal_pointer(&fits));
    fits = virNetMessageNew(&head, FILTER(remote_domain_get_messages_ret), &many, NULL, 0);
    g_assert_nonnull(fits);
}

static void
testDescriptors(void)
{
    int pair[2];
    int many[VIR_NET_MESSAGE_FDS_MAX + 1];
    virNetMessageHeader reply = header(REMOTE_PROGRAM, 343, VIR_NET_REPLY, 5);
    virNetMessageHeader call = header(QEMU_PROGRAM,
                                      QEMU_PROC_DOMAIN_MONITOR_COMMAND_WITH_FILES, VIR_NET_CALL,
                                      8);
    qemu_domain_monitor_command_with_files_args args = { guest, (char *)"{}", 0 };
    g_autoptr(virNetMessage) one = NULL;
    g_autoptr(virNetMessage) two = NULL;
    g_autoptr(virNetMessage) most = NULL;
    const int *fds;
    size_t nfds;
    size_t i;

    g_assert_cmpint(pipe2(pair, O_CLOEXEC), ==, 0);
    one = virNetMessageNew(&reply, NULL, NULL, pair, 1);
    assertMessage(one, "00000020 20008086 00000001 00000157 00000005 00000005 00000000 00000001");
    fds = virNetMessageGetFDs(one, &nfds);
    g_assert_cmpuint(nfds, ==, 1);
    g_assert_cmpint(fds[0], !=, pair[0]);       /* its own */
    g_assert_cmpint(fcntl(fds[0], F_GETFD), ==, FD_CLOEXEC);

    two = virNetMessageNew(&call, FILTER(qemu_domain_monitor_command_with_files_args), &args,
                           pair, 2);
    assertMessage(two,
                  "0000004c 20008087 00000001 00000007 00000004 00000008 00000000 00000002" G
                  "00000002 7b7d 0000 00000000");

    for (i = 0; i < G_N_ELEMENTS(many); i++)
        many[i] = pair[0];
    most = virNetMessageNew(&call, NULL, NULL, many, VIR_NET_MESSAGE_FDS_MAX);
    g_assert_nonnull(most);
    g_assert_null(virNetMessageNew(&call, NULL, NULL, many, VIR_NET_MESSAGE_FDS_MAX + 1));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);

    close(pair[0]);
    close(pair[1]);
    /* One that isn't open; those that were duplicated before it are closed again. */
    g_assert_null(virNetMessageNew(&call, NULL, NULL, pair, 1));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

static void
testHeader(void)
{
    virNetMessageHeader odd = {
        .prog = 0xffffffff, .vers = 0x80000000, .proc = -1, .type = 99, .serial = 0x01020304,
        .status = 7,
    };
    virNetMessageHeader have;
    virNetMessageHeader call = header(REMOTE_PROGRAM, 1, VIR_NET_CALL, 0);
    g_autoptr(virNetMessage) msg = virNetMessageNew(&call, NULL, NULL, NULL, 0);
    char written[VIR_NET_MESSAGE_LEN_MIN];
    virNetMessageHeader decoded;

    virNetMessageWriteHeader(written, sizeof(written), &odd);
    assertBytes(written, sizeof(written),
                "0000001c ffffffff 80000000 ffffffff 00000063 01020304 00000007");
    virNetMessageReadHeader(written + VIR_NET_MESSAGE_LEN_SIZE, &have);
    g_assert_cmpuint(have.prog, ==, odd.prog);
    g_assert_cmpuint(have.vers, ==, odd.vers);
    g_assert_cmpint(have.proc, ==, -1);
    g_assert_cmpint(have.type, ==, 99);
    g_assert_cmpuint(have.serial, ==, odd.serial);
    g_assert_cmpint(have.status, ==, 7);

    /* It is what the .x file says. */
    g_assert_cmpint(virNetMessageDecode(written + VIR_NET_MESSAGE_LEN_SIZE,
                                        VIR_NET_MESSAGE_HEADER_SIZE, FILTER(virNetMessageHeader),
                                        &decoded, sizeof(decoded)), ==, 0);
    g_assert_cmpint(decoded.proc, ==, have.proc);
    g_assert_cmpuint(decoded.serial, ==, have.serial);

    virNetMessageSetSerial(msg, 0x0a0b0c0d);
    assertMessage(msg, "0000001c 20008086 00000001 00000001 00000000 0a0b0c0d 00000000");
    g_assert_cmpuint(virNetMessageGetHeader(msg)->serial, ==, 0x0a0b0c0d);
}

/* Makes an answer of @err and reads it again, as the other side does. */
static void
sendError(const virError *err)
{
    virNetMessageHeader call = header(QEMU_PROGRAM, 1, VIR_NET_CALL, 9);
    g_autoptr(virNetMessage) msg = virNetMessageNewError(&call, err);
    const char *have;
    size_t len;

    g_assert_nonnull(msg);
    g_assert_cmpint(virNetMessageGetHeader(msg)->type, ==, VIR_NET_REPLY);
    g_assert_cmpint(virNetMessageGetHeader(msg)->status, ==, VIR_NET_ERROR);
    g_assert_cmpuint(virNetMessageGetHeader(msg)->serial, ==, 9);
    have = virNetMessageGetBytes(msg, &len);
    virResetLastError();
    virNetMessageRaise(have + VIR_NET_MESSAGE_LEN_MIN, len - VIR_NET_MESSAGE_LEN_MIN);
}

static void
testErrors(void)
{
    virError err = {
        .code = VIR_ERR_NO_DOMAIN, .domain = VIR_FROM_QEMU, .level = VIR_ERR_ERROR,
        .message = (char *)"Domain not found: x", .str1 = (char *)"Domain not found: %s",
        .str2 = (char *)"x", .int1 = -1, .int2 = -1,
    };
    virErrorPtr have;
    g_autofree char *huge = g_strnfill(VIR_NET_MESSAGE_STRING_MAX + 1, 'x');
    virNetMessageHeader call = header(0x1111, 34, VIR_NET_CALL, 0);
    g_autoptr(virNetMessage) msg = NULL;

    sendError(&err);
    have = virGetLastError();
    g_assert_nonnull(have);
    g_assert_cmpint(have->code, ==, VIR_ERR_NO_DOMAIN);
    g_assert_cmpint(have->domain, ==, VIR_FROM_QEMU);
    g_assert_cmpint(have->level, ==, VIR_ERR_ERROR);
    g_assert_cmpstr(have->message, ==, "Domain not found: x");
    g_assert_cmpstr(have->str1, ==, "Domain not found: %s");
    g_assert_cmpstr(have->str2, ==, "x");
    g_assert_null(have->str3);
    g_assert_cmpint(have->int1, ==, -1);
    g_assert_cmpint(have->int2, ==, -1);

    /* A percent sign is none of printf's. */
    err.message = (char *)"100 %s %n";
    sendError(&err);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "100 %s %n");

    sendError(NULL);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);

    /* What is too long is cut, where a character ends. */
    memcpy(huge + VIR_NET_MESSAGE_STRING_MAX - 1, "\xc3\xa4", 2);
    err.message = huge;
    err.str2 = huge;
    sendError(&err);
    huge[VIR_NET_MESSAGE_STRING_MAX - 1] = '\0';
    g_assert_true(strcmp(virGetLastErrorMessage(), huge) == 0);
    g_assert_true(strcmp(virGetLastError()->str2, huge) == 0);
    g_assert_cmpstr(virGetLastError()->str1, ==, "Domain not found: %s");

    /* As a daemon answers a call of a program that it doesn't know. */
    virReportErrorFull(VIR_FROM_RPC, VIR_ERR_RPC, "", "", 0, "%s",
                       "Cannot find program 4369 version 1");
    msg = virNetMessageNewError(&call, virGetLastError());
    assertMessage(msg,
                  "000000a0 00001111 00000001 00000022 00000001 00000000 00000001"
                  "00000027 00000007 00000001 00000022" UNKNOWN "00000002"
                  "00000000 00000001 00000002 2573 0000 00000001 00000022" UNKNOWN
                  "00000000 ffffffff ffffffff 00000000");
}

static void
assertUnknownProcedure(int code, int domain, const char *message, int expected)
{
    virError err = {
        .code = code, .domain = domain, .level = VIR_ERR_ERROR, .message = (char *)message,
    };

    sendError(&err);
    g_assert_cmpint(virGetLastErrorCode(), ==, expected);
    g_assert_cmpint(virGetLastErrorDomain(), ==, domain);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, message);
}

static void
testUnknownProcedure(void)
{
    assertUnknownProcedure(VIR_ERR_RPC, VIR_FROM_RPC, "unknown procedure: 999",
                           VIR_ERR_NO_SUPPORT);
    assertUnknownProcedure(VIR_ERR_RPC, VIR_FROM_REMOTE, "unknown procedure: 999",
                           VIR_ERR_NO_SUPPORT);
    assertUnknownProcedure(VIR_ERR_RPC, VIR_FROM_QEMU, "unknown procedure: 999", VIR_ERR_RPC);
    assertUnknownProcedure(VIR_ERR_RPC, VIR_FROM_RPC, "an unknown procedure", VIR_ERR_RPC);
    assertUnknownProcedure(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "unknown procedure: 999",
                           VIR_ERR_INTERNAL_ERROR);
}

static void
raiseReply(const char *hex)
{
    g_autoptr(GByteArray) array = rpcPeerBytes(hex);

    virResetLastError();
    virNetMessageRaise((const char *)array->data, array->len);
}

static void
testOddErrors(void)
{
    raiseReply("00000001 00000007 00000000 00000002 00000000 00000000 00000000 00000000"
               "00000000 00000000 00000000");
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
    g_assert_nonnull(virGetLastErrorMessage());

    /* Code 0: something failed all the same. */
    raiseReply("00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"
               "00000000 00000000 00000000");
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);

    raiseReply("00000001");
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);

    /* With the objects that errors named once. */
    raiseReply("0000002a 0000000a 00000001 00000001 78 000000 00000002 00000001" G
               "00000000 00000000 00000000 ffffffff ffffffff 00000001 00000001 6e 000000"
               "00112233445566778899aabbccddeeff");
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_NO_DOMAIN);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "x");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netmessage/set-up", testSetUp);
    g_test_add_func("/netmessage/domains", testDomains);
    g_test_add_func("/netmessage/monitor-events", testMonitorEvents);
    g_test_add_func("/netmessage/domain-events", testDomainEvents);
    g_test_add_func("/netmessage/keepalive", testKeepAlive);
    g_test_add_func("/netmessage/types", testTypes);
    g_test_add_func("/netmessage/lenient-decoding", testLenientDecoding);
    g_test_add_func("/netmessage/undecodable", testUndecodable);
    g_test_add_func("/netmessage/limits", testLimits);
    g_test_add_func("/netmessage/descriptors", testDescriptors);
    g_test_add_func("/netmessage/header", testHeader);
    g_test_add_func("/netmessage/errors", testErrors);
    g_test_add_func("/netmessage/unknown-procedure", testUnknownProcedure);
    g_test_add_func("/netmessage/odd-errors", testOddErrors);
    return g_test_run();
}
