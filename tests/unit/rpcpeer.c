/*
 * rpcpeer.c: the other end of a connection, played by a test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "rpcpeer.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD 28

void
rpcPeerSetUp(int fd)
{
    struct timeval limit = { .tv_sec = RPC_PEER_DEADLINE / G_USEC_PER_SEC };

    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), ==, 0);
    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), ==, 0);
}

void
rpcPeerWait(int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };
    int rc;

    do {
        rc = poll(&pfd, 1, RPC_PEER_DEADLINE / 1000);
    } while (rc < 0 && errno == EINTR);
    g_assert_cmpint(rc, ==, 1);
}

int
rpcPeerConnectUNIX(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    rpcPeerSetUp(fd);
    g_assert_cmpuint(strlen(path), <, sizeof(addr.sun_path));
    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

int
rpcPeerConnectTCP(int port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    rpcPeerSetUp(fd);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

void
rpcPeerPair(int pair[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    rpcPeerSetUp(pair[1]);
}

GByteArray *
rpcPeerBytes(const char *hex)
{
    GByteArray *array = g_byte_array_new();
    int high = -1;

    for (; hex && *hex; hex++) {
        int digit = g_ascii_xdigit_value(*hex);

        if (digit < 0)
            continue;
        if (high < 0) {
            high = digit;
        } else {
            guint8 byte = high << 4 | digit;

            g_byte_array_append(array, &byte, 1);
            high = -1;
        }
    }
    g_assert_cmpint(high, ==, -1);
    return array;
}

void
rpcPeerSend(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;             /* it has hung up meanwhile, as some tests want it */
        g_assert_cmpint(n, >, 0);
        at += n;
        len -= n;
    }
}

void
rpcPeerSendHex(int fd, const char *hex)
{
    g_autoptr(GByteArray) array = rpcPeerBytes(hex);

    rpcPeerSend(fd, array->data, array->len);
}

void
rpcPeerSendWithFD(int fd, const void *data, size_t len, int sent)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { (void *)data, len };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(sent));
    memcpy(CMSG_DATA(cmsg), &sent, sizeof(sent));
    g_assert_cmpint(sendmsg(fd, &msg, MSG_NOSIGNAL), ==, len);
}

void
rpcPeerSendFD(int fd, int sent)
{
    rpcPeerSendWithFD(fd, "", 1, sent);
}

static void
putWord(guint8 *at, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof(value));
}

static uint32_t
getWord(const guint8 *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return GUINT32_FROM_BE(value);
}

GByteArray *
rpcPeerMakePacket(const rpcPeerHeader *header, const char *payload)
{
    g_autoptr(GByteArray) body = rpcPeerBytes(payload);
    GByteArray *packet = g_byte_array_new();

    g_byte_array_set_size(packet, HEAD);
    putWord(packet->data, HEAD + body->len);
    putWord(packet->data + 4, header->program);
    putWord(packet->data + 8, header->version);
    putWord(packet->data + 12, header->procedure);
    putWord(packet->data + 16, header->type);
    putWord(packet->data + 20, header->serial);
    putWord(packet->data + 24, header->status);
    g_byte_array_append(packet, body->data, body->len);
    return packet;
}

void
rpcPeerSendPacket(int fd, const rpcPeerHeader *header, const char *payload)
{
    g_autoptr(GByteArray) packet = rpcPeerMakePacket(header, payload);

    rpcPeerSend(fd, packet->data, packet->len);
}

/* Returns false at the end of the stream, which may be nowhere but in front of it all. */
static bool
readAll(int fd, guint8 *data, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = recv(fd, data + have, len - have, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (have == 0 && (n == 0 || (n < 0 && errno == ECONNRESET)))
            return false;
        g_assert_cmpint(n, >, 0);
        have += n;
    }
    return true;
}

GByteArray *
rpcPeerReadPacket(int fd, rpcPeerHeader *header)
{
    guint8 head[HEAD];
    GByteArray *payload;
    uint32_t len;

    if (!readAll(fd, head, 4))
        return NULL;
    len = getWord(head);
    g_assert_cmpuint(len, >=, HEAD);
    g_assert_true(readAll(fd, head + 4, HEAD - 4));
    header->program = getWord(head + 4);
    header->version = getWord(head + 8);
    header->procedure = getWord(head + 12);
    header->type = getWord(head + 16);
    header->serial = getWord(head + 20);
    header->status = getWord(head + 24);
    payload = g_byte_array_new();
    g_byte_array_set_size(payload, len - HEAD);
    if (len > HEAD)
        g_assert_true(readAll(fd, payload->data, payload->len));
    return payload;
}

int
rpcPeerReadFD(int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *cmsg;
    int got;

    g_assert_cmpint(recvmsg(fd, &msg, MSG_CMSG_CLOEXEC), ==, 1);
    g_assert_cmpint(byte, ==, 0);
    cmsg = CMSG_FIRSTHDR(&msg);
    g_assert_nonnull(cmsg);
    g_assert_cmpint(cmsg->cmsg_type, ==, SCM_RIGHTS);
    g_assert_cmpuint(cmsg->cmsg_len, ==, CMSG_LEN(sizeof(int)));
    memcpy(&got, CMSG_DATA(cmsg), sizeof(got));
    return got;
}

void
rpcPeerAssertEnd(int fd)
{
    guint8 byte;

    g_assert_false(readAll(fd, &byte, 1));
}

static void
assertHeader(const rpcPeerHeader *have, const rpcPeerHeader *want)
{
    g_assert_cmphex(have->program, ==, want->program);
    g_assert_cmpuint(have->version, ==, want->version);
    g_assert_cmpint(have->procedure, ==, want->procedure);
    g_assert_cmpuint(have->type, ==, want->type);
    g_assert_cmpuint(have->serial, ==, want->serial);
    g_assert_cmpuint(have->status, ==, want->status);
}

void
rpcPeerAssertPacket(int fd, const rpcPeerHeader *header, const char *payload)
{
    g_autoptr(GByteArray) want = rpcPeerBytes(payload);
    rpcPeerHeader head;
    g_autoptr(GByteArray) have = rpcPeerReadPacket(fd, &head);

    g_assert_nonnull(have);
    assertHeader(&head, header);
    g_assert_cmpmem(have->data, have->len, want->data, want->len);
}

char *
rpcPeerAssertError(int fd, const rpcPeerHeader *header, int code, int domain)
{
    rpcPeerHeader want = *header;
    rpcPeerHeader head;
    g_autoptr(GByteArray) have = rpcPeerReadPacket(fd, &head);
    uint32_t len;

    want.type = 1;
    want.status = 1;
    g_assert_nonnull(have);
    assertHeader(&head, &want);
    g_assert_cmpuint(have->len, >=, 16);
    g_assert_cmpint(getWord(have->data), ==, code);
    g_assert_cmpint(getWord(have->data + 4), ==, domain);
    g_assert_cmpuint(getWord(have->data + 8), ==, 1);
    len = getWord(have->data + 12);
    g_assert_cmpuint(len, <=, have->len - 16);
    return g_strndup((const char *)have->data + 16, len);
}
