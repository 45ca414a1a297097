/*
 * qemudrivertest.c: the driver as the public API sees it
 *
 * Whether each call reaches what does the work, with its flags and errors as
 * libvirt has them. What that does is tested beside its own module.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_driver.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datatypes.h"
#include "fakeqemu.h"
#include "qmppeer.h"
#include "virerror_priv.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

/* A connection to a driver that watches the socket of a peer. */
typedef struct {
    qmpPeer *peer;
    virConnectPtr conn;
    virDomainPtr dom;
} Fixture;

static char *
answer(const char *line, void *opaque)
{
    g_autofree char *reply = NULL;

    if (strstr(line, "\"query-uuid\""))
        return qmpPeerReply(line, "{\"UUID\": \"11111111-2222-3333-4444-555555555555\"}");
    if (strstr(line, "\"query-cpus-fast\""))
        return qmpPeerReply(line, "[{}, {}]");
    if (strstr(line, "\"query-memory-size-summary\""))
        return qmpPeerReply(line, "{\"base-memory\": 134217728}");
    if (strstr(line, "\"human-monitor-command\""))
        return qmpPeerReply(line, "\"text\\r\\n\"");
    if (strstr(line, "\"stop\"")) {
        reply = qmpPeerReply(line, "{}");
        return g_strconcat("{\"event\": \"STOP\"}\r\n", reply, NULL);
    }
    if (strstr(line, "\"cont\"")) {
        reply = qmpPeerReply(line, "{}");
        return g_strconcat("{\"event\": \"RESUME\"}\r\n", reply, NULL);
    }
    if (strstr(line, "\"quit\"")) {
        qmpPeerHangUp(*(qmpPeer **)opaque);
        return NULL;
    }
    if (strstr(line, "\"x-fails\""))
        return g_strdup_printf("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, "
                               "%s\r\n", strstr(line, "\"id\""));
    return qmpPeerAnswerAll(line, NULL);
}

static virConnectPtr
openAt(const char *format, const char *value)
{
    g_autofree char *uri = g_strdup_printf(format, value);

    return virConnectOpen(uri);
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    f->peer = qmpPeerNew(QMP_PEER_GREETING, answer, &f->peer);
    f->conn = openAt("qemu:///embed?monitor=%s", qmpPeerPath(f->peer));
    g_assert_nonnull(f->conn);
    f->dom = virDomainLookupByName(f->conn, "peer");
    g_assert_nonnull(f->dom);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virDomainFree(f->dom);
    g_assert_cmpint(virConnectClose(f->conn), ==, 0);
    qmpPeerFree(f->peer);
}

/* The last error has @code, is the QEMU driver's, and says @text; it is reset. */
static void
assertError(int code, const char *text)
{
    g_test_message("%s", virGetLastErrorMessage());
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_QEMU);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), text));
    virResetLastError();
}

static void
ignoreError(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

/* --- the connection --- */

static void
testOpenFails(void)
{
    g_assert_null(virConnectOpen("qemu:///embed?monitor=/a&nonsense=1"));
    assertError(VIR_ERR_INVALID_ARG, "'nonsense'");
    g_assert_null(virConnectOpen("qemu:///embed?root=/proc/nonexistent/x"));
    assertError(VIR_ERR_SYSTEM_ERROR, "'/proc/nonexistent/x'");
}

static void
testConnection(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *hostname = virConnectGetHostname(f->conn);
    g_autofree char *capabilities = virConnectGetCapabilities(f->conn);
    virConnectPtr other = openAt("qemu:///embed?monitor=%s", qmpPeerPath(f->peer));
    virDomainPtr same;

    g_assert_cmpstr(virConnectGetType(f->conn), ==, "QEMU");
    g_assert_nonnull(hostname);
    g_assert_true(g_str_has_prefix(capabilities, "<capabilities>"));
    g_assert_cmpint(virConnectIsEncrypted(f->conn), ==, 0);
    g_assert_cmpint(virConnectIsSecure(f->conn), ==, 1);
    g_assert_cmpint(virConnectIsAlive(f->conn), ==, 1);
    g_assert_cmpint(qemuHypervisorDriver.connectSupportsFeature(f->conn,
                                                                VIR_DRV_FEATURE_FD_PASSING), ==, 1);
    g_assert_cmpint(qemuHypervisorDriver.connectSupportsFeature(f->conn,
                                                                VIR_DRV_FEATURE_REMOTE), ==, 0);
    g_assert_cmpint(qemuHypervisorDriver.connectSupportsFeature(f->conn, 12345), ==, 0);

    /* one driver behind both: the monitor serves one client */
    g_assert_nonnull(other);
    same = virDomainLookupByID(other, virDomainGetID(f->dom));
    g_assert_nonnull(same);
    g_assert_cmpint(memcmp(same->uuid, f->dom->uuid, VIR_UUID_BUFLEN), ==, 0);
    virDomainFree(same);
    g_assert_cmpint(virConnectClose(other), ==, 0);
}

static void
onClose(virConnectPtr conn G_GNUC_UNUSED, int reason G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
onOtherClose(virConnectPtr conn G_GNUC_UNUSED, int reason G_GNUC_UNUSED,
             void *opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
count(void *opaque)
{
    ++*(int *)opaque;
}

static void
testCloseCallback(void)
{
    g_autoptr(qmpPeer) peer = qmpPeerNew(QMP_PEER_GREETING, NULL, NULL);
    virConnectPtr conn = openAt("qemu:///embed?monitor=%s", qmpPeerPath(peer));
    int freed = 0;

    g_assert_cmpint(virConnectUnregisterCloseCallback(conn, onClose), ==, -1);
    assertError(VIR_ERR_OPERATION_INVALID, "close callback");
    g_assert_cmpint(virConnectRegisterCloseCallback(conn, onClose, &freed, count), ==, 0);
    g_assert_cmpint(virConnectRegisterCloseCallback(conn, onOtherClose, &freed, count), ==, -1);
    assertError(VIR_ERR_OPERATION_INVALID, "registered already");
    g_assert_cmpint(virConnectUnregisterCloseCallback(conn, onOtherClose), ==, -1);
    virResetLastError();
    g_assert_cmpint(freed, ==, 0);
    g_assert_cmpint(virConnectUnregisterCloseCallback(conn, onClose), ==, 0);
    g_assert_cmpint(freed, ==, 1);

    g_assert_cmpint(virConnectRegisterCloseCallback(conn, onClose, &freed, count), ==, 0);
    virConnectClose(conn);
    g_assert_cmpint(freed, ==, 2);
}

/* --- finding domains --- */

static void
testLists(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const struct {
        unsigned int flags;
        int found;
    } cases[] = {
        { 0, 1 },
        { VIR_CONNECT_LIST_DOMAINS_ACTIVE, 1 },
        { VIR_CONNECT_LIST_DOMAINS_INACTIVE, 0 },
        { VIR_CONNECT_LIST_DOMAINS_TRANSIENT | VIR_CONNECT_LIST_DOMAINS_RUNNING, 1 },
        { VIR_CONNECT_LIST_DOMAINS_PERSISTENT, 0 },
        { VIR_CONNECT_LIST_DOMAINS_PAUSED, 0 },
        { VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT, 1 },
    };
    virDomainPtr *domains = NULL;
    char *names[1] = { NULL };
    int ids[2] = { -1, -1 };
    size_t i;

    g_assert_cmpint(virConnectNumOfDomains(f->conn), ==, 1);
    g_assert_cmpint(virConnectListDomains(f->conn, ids, 2), ==, 1);
    g_assert_cmpint(ids[0], ==, 1);
    g_assert_cmpint(ids[1], ==, -1);
    g_assert_cmpint(virConnectListDomains(f->conn, ids, 0), ==, 0);
    g_assert_cmpint(virConnectNumOfDefinedDomains(f->conn), ==, 0);
    g_assert_cmpint(virConnectListDefinedDomains(f->conn, names, 1), ==, 0);

    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(virConnectListAllDomains(f->conn, NULL, cases[i].flags), ==,
                        cases[i].found);
    g_assert_cmpint(virConnectListAllDomains(f->conn, &domains, 0), ==, 1);
    g_assert_cmpstr(virDomainGetName(domains[0]), ==, "peer");
    g_assert_null(domains[1]);
    virDomainFree(domains[0]);
    free(domains);
    g_assert_cmpint(virConnectListAllDomains(f->conn, &domains, VIR_CONNECT_LIST_DOMAINS_INACTIVE),
                    ==, 0);
    g_assert_null(domains[0]);
    free(domains);
    g_assert_cmpint(virConnectListAllDomains(f->conn, NULL, 1U << 30), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x40000000) in function "
                                     "qemuConnectListAllDomains");
}

static void
testLookups(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virDomainPtr dom = virDomainLookupByUUIDString(f->conn, "11111111-2222-3333-4444-555555555555");

    g_assert_nonnull(dom);
    g_assert_cmpuint(virDomainGetID(dom), ==, 1);
    virDomainFree(dom);

    g_assert_null(virDomainLookupByName(f->conn, "nosuch"));
    assertError(VIR_ERR_NO_DOMAIN, "Domain not found: no domain with matching name 'nosuch'");
    g_assert_null(virDomainLookupByID(f->conn, 77));
    assertError(VIR_ERR_NO_DOMAIN, "Domain not found: no domain with matching id 77");
    g_assert_null(virDomainLookupByUUIDString(f->conn, "21111111-2222-3333-4444-555555555555"));
    assertError(VIR_ERR_NO_DOMAIN, "Domain not found: no domain with matching uuid "
                                   "'21111111-2222-3333-4444-555555555555'");
}

/* --- asking and acting --- */

static void
testAsking(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *type = virDomainGetOSType(f->dom);
    g_autofree char *xml = virDomainGetXMLDesc(f->dom, VIR_DOMAIN_XML_SECURE |
                                                       VIR_DOMAIN_XML_INACTIVE |
                                                       VIR_DOMAIN_XML_UPDATE_CPU |
                                                       VIR_DOMAIN_XML_MIGRATABLE);
    int state = -1, reason = -1;
    virDomainInfo info;

    g_assert_cmpstr(type, ==, "hvm");
    g_assert_true(g_str_has_prefix(xml, "<domain "));
    g_assert_null(virDomainGetXMLDesc(f->dom, 64));
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x40) in function qemuDomainGetXMLDesc");
    g_assert_cmpint(virDomainIsActive(f->dom), ==, 1);
    g_assert_cmpint(virDomainIsPersistent(f->dom), ==, 0);
    g_assert_cmpint(virDomainIsUpdated(f->dom), ==, 0);
    g_assert_cmpint(virDomainGetState(f->dom, &state, &reason, 0), ==, 0);
    g_assert_cmpint(state, ==, VIR_DOMAIN_RUNNING);
    g_assert_cmpint(reason, ==, VIR_DOMAIN_RUNNING_UNKNOWN);
    g_assert_cmpint(virDomainGetState(f->dom, &state, NULL, 1), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x1) in function qemuDomainGetState");

    g_assert_cmpint(virDomainGetInfo(f->dom, &info), ==, 0);
    g_assert_cmpint(info.state, ==, VIR_DOMAIN_RUNNING);
    g_assert_cmpuint(info.maxMem, ==, 131072);
    g_assert_cmpuint(info.memory, ==, 131072);
    g_assert_cmpuint(info.nrVirtCpu, ==, 2);
    /* the socket was made by this very process, which is no QEMU */
    g_assert_cmpuint(info.cpuTime, ==, 0);
}

static void
testActing(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    int state = -1, reason = -1;

    g_assert_cmpint(virDomainSuspend(f->dom), ==, 0);
    g_assert_cmpint(virDomainGetState(f->dom, &state, &reason, 0), ==, 0);
    g_assert_cmpint(state, ==, VIR_DOMAIN_PAUSED);
    g_assert_cmpint(reason, ==, VIR_DOMAIN_PAUSED_USER);
    g_assert_cmpint(virDomainResume(f->dom), ==, 0);
    g_assert_cmpint(virDomainResume(f->dom), ==, -1);
    assertError(VIR_ERR_OPERATION_INVALID, "domain is already running");
    g_assert_cmpint(virDomainShutdown(f->dom), ==, 0);
    g_assert_cmpint(virDomainReset(f->dom, 0), ==, 0);

    g_assert_cmpint(virDomainShutdownFlags(f->dom, 32), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x20) in function "
                                     "qemuDomainShutdownFlags");
    g_assert_cmpint(virDomainReboot(f->dom, 4), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x4) in function qemuDomainReboot");
    g_assert_cmpint(virDomainReset(f->dom, 1), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x1) in function qemuDomainReset");
    g_assert_cmpint(virDomainDestroyFlags(f->dom, 8), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x8) in function "
                                     "qemuDomainDestroyFlags");
}

/* A handle outlives its domain. */
static void
testGone(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *text = "Domain not found: no domain with matching uuid "
                       "'11111111-2222-3333-4444-555555555555' (peer)";
    int (*const calls[])(virDomainPtr dom) = {
        virDomainSuspend, virDomainResume, virDomainShutdown, virDomainDestroy, virDomainIsActive,
        virDomainIsPersistent, virDomainIsUpdated,
    };
    virDomainInfo info;
    char *result = NULL;
    size_t i;
    int state;

    g_assert_cmpint(virDomainDestroyFlags(f->dom, VIR_DOMAIN_DESTROY_GRACEFUL |
                                                  VIR_DOMAIN_DESTROY_REMOVE_LOGS), ==, 0);
    g_assert_cmpint(virConnectNumOfDomains(f->conn), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_assert_cmpint(calls[i](f->dom), ==, -1);
        assertError(VIR_ERR_NO_DOMAIN, text);
    }
    g_assert_cmpint(virDomainReboot(f->dom, 0), ==, -1);
    assertError(VIR_ERR_NO_DOMAIN, text);
    g_assert_cmpint(virDomainReset(f->dom, 0), ==, -1);
    assertError(VIR_ERR_NO_DOMAIN, text);
    g_assert_cmpint(virDomainGetInfo(f->dom, &info), ==, -1);
    assertError(VIR_ERR_NO_DOMAIN, text);
    g_assert_cmpint(virDomainGetState(f->dom, &state, NULL, 0), ==, -1);
    assertError(VIR_ERR_NO_DOMAIN, text);
    g_assert_null(virDomainGetXMLDesc(f->dom, 0));
    assertError(VIR_ERR_NO_DOMAIN, text);
    g_assert_null(virDomainGetOSType(f->dom));
    assertError(VIR_ERR_NO_DOMAIN, text);
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{}", &result, 0), ==, -1);
    assertError(VIR_ERR_NO_DOMAIN, text);
    g_assert_null(virDomainQemuAgentCommand(f->dom, "{}", 0, 0));
    assertError(VIR_ERR_NO_DOMAIN, text);
}

/* --- the monitor --- */

static void
testMonitorCommand(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    char *result = NULL;
    int fds[2] = { 0, 0 };

    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{\"execute\": \"query-name\"}\n", &result,
                                                0), ==, 0);
    g_assert_true(g_str_has_prefix(result, "{\"return\":{\"name\":\"peer\"},\"id\":\"libvirt-"));
    g_clear_pointer(&result, free);
    /* QEMU's own errors are results */
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{\"execute\": \"x-fails\"}", &result, 0),
                    ==, 0);
    g_assert_nonnull(strstr(result, "\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}"));
    g_clear_pointer(&result, free);
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "info name", &result,
                                                VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP), ==, 0);
    g_assert_cmpstr(result, ==, "text\r\n");
    g_clear_pointer(&result, free);

    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{\"execute\":", &result, 0), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "cannot parse json {\"execute\":"));
    g_assert_cmpint(virDomainQemuMonitorCommand(f->dom, "{}", &result, 2), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x2) in function "
                                     "qemuDomainQemuMonitorCommandWithFiles");
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "{}", 2, fds, NULL, NULL, &result,
                                                         0), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "at most 1 file descriptor");
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(f->dom, "info name", 1, fds, NULL, NULL,
                                                         &result,
                                                         VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP),
                    ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "human monitor");
    g_assert_null(result);
}

/* A QEMU that answers "take" with the inode of the file that came with it, and "give" with two
 * files. */
typedef struct {
    int listener;
    pthread_t thread;
    char *file;
} FilePeer;

static void
filePeerSend(int fd, const char *text, const int *files, size_t nfiles)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 2)];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { (char *)text, strlen(text) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;

    if (nfiles > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfiles);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfiles);
        memcpy(CMSG_DATA(cmsg), files, sizeof(int) * nfiles);
    }
    g_assert_cmpint(sendmsg(fd, &msg, MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

/* One line, with the file that came with it, or -1. Returns false at the end. */
static bool
filePeerReceive(int fd, GString *line, int *file)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;

    g_string_truncate(line, 0);
    *file = -1;
    for (;;) {
        struct iovec iov = { &byte, 1 };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };
        struct cmsghdr *cmsg;

        if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) <= 0)
            return false;
        if ((cmsg = CMSG_FIRSTHDR(&msg)))
            memcpy(file, CMSG_DATA(cmsg), sizeof(int));
        if (byte == '\n')
            return true;
        g_string_append_c(line, byte);
    }
}

static void *
filePeerRun(void *opaque)
{
    FilePeer *peer = opaque;
    g_autoptr(GString) line = g_string_new(NULL);
    int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    int file;

    filePeerSend(fd, QMP_PEER_GREETING, NULL, 0);
    while (filePeerReceive(fd, line, &file)) {
        g_autofree char *reply = NULL;
        g_autofree char *body = NULL;
        int files[2];
        struct stat st = { 0 };

        if (file >= 0) {
            g_assert_cmpint(fstat(file, &st), ==, 0);
            close(file);
        }
        if (strstr(line->str, "\"take\"")) {
            body = g_strdup_printf("%llu", (unsigned long long)st.st_ino);
            reply = qmpPeerReply(line->str, body);
        } else {
            reply = qmpPeerAnswerAll(line->str, NULL);
        }
        if (strstr(line->str, "\"give\"")) {
            files[0] = open(peer->file, O_RDONLY | O_CLOEXEC);
            files[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            filePeerSend(fd, reply, files, 2);
            close(files[0]);
            close(files[1]);
        } else {
            filePeerSend(fd, reply, NULL, 0);
        }
    }
    close(fd);
    return NULL;
}

static void
testFiles(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "files", NULL);
    g_autofree char *expected = NULL;
    FilePeer peer = { .file = g_build_filename(dir, "file", NULL) };
    unsigned int noutfiles = 99;
    struct stat given, got;
    int *outfiles = NULL;
    char *result = NULL;
    virConnectPtr conn;
    virDomainPtr dom;
    int file;

    g_assert_true(g_file_set_contents(peer.file, "x", 1, NULL));
    peer.listener = qmpPeerListen(path, 1);
    g_assert_cmpint(pthread_create(&peer.thread, NULL, filePeerRun, &peer), ==, 0);
    conn = openAt("qemu:///embed?monitor=%s", path);
    dom = virDomainLookupByID(conn, 1);
    g_assert_nonnull(dom);

    /* there ... */
    file = open(peer.file, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(fstat(file, &given), ==, 0);
    expected = g_strdup_printf("\"return\":%llu,", (unsigned long long)given.st_ino);
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(dom, "{\"execute\":\"take\"}", 1, &file,
                                                         &noutfiles, &outfiles, &result, 0), ==, 0);
    g_assert_nonnull(strstr(result, expected));
    g_assert_cmpuint(noutfiles, ==, 0);
    g_assert_null(outfiles);
    g_clear_pointer(&result, free);
    g_assert_cmpint(fcntl(file, F_GETFD), >=, 0);       /* it stays the caller's */
    close(file);

    /* ... and back */
    g_assert_cmpint(virDomainQemuMonitorCommandWithFiles(dom, "{\"execute\":\"give\"}", 0, NULL,
                                                         &noutfiles, &outfiles, &result, 0), ==, 0);
    g_assert_cmpuint(noutfiles, ==, 2);
    g_assert_cmpint(fstat(outfiles[0], &got), ==, 0);
    g_assert_cmpuint(got.st_ino, ==, given.st_ino);
    g_assert_cmpint(fcntl(outfiles[0], F_GETFD), ==, FD_CLOEXEC);
    close(outfiles[0]);
    close(outfiles[1]);
    free(outfiles);
    g_clear_pointer(&result, free);

    /* nobody wants them */
    g_assert_cmpint(virDomainQemuMonitorCommand(dom, "{\"execute\":\"give\"}", &result, 0), ==, 0);
    g_clear_pointer(&result, free);

    virDomainFree(dom);
    virConnectClose(conn);
    pthread_join(peer.thread, NULL);
    close(peer.listener);
    g_remove(path);
    g_remove(peer.file);
    g_rmdir(dir);
    g_free(peer.file);
}

/* --- attaching, events --- */

static void
testAttach(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *args = g_strdup_printf("-qmp unix:%s,server=on", qmpPeerPath(f->peer));
    g_autoptr(fakeQemu) fake = fakeQemuStart(NULL, NULL, -1, args);
    virDomainPtr dom = virDomainQemuAttach(f->conn, fakeQemuPid(fake), 0);

    g_assert_nonnull(dom);      /* the watch has it already */
    g_assert_cmpuint(virDomainGetID(dom), ==, 1);
    virDomainFree(dom);
    g_assert_null(virDomainQemuAttach(f->conn, fakeQemuPid(fake), 1));
    assertError(VIR_ERR_INVALID_ARG, "unsupported flags (0x1) in function qemuDomainQemuAttach");
    g_assert_null(virDomainQemuAttach(f->conn, UINT_MAX, 0));
    assertError(VIR_ERR_INVALID_ARG, "'4294967295'");
    g_assert_null(virDomainQemuAttach(f->conn, getpid(), 0));
    assertError(VIR_ERR_OPERATION_FAILED, "is not a QEMU but");
}

static void
onMonitorEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *event,
               long long seconds, unsigned int micros, const char *details, void *opaque)
{
    GString *seen = opaque;

    g_string_append_printf(seen, "%s %s %lld.%06u %s", virDomainGetName(dom), event, seconds,
                           micros, details ? details : "(null)");
}

static int
onLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int event, int detail,
            void *opaque)
{
    g_string_append_printf(opaque, "%s %d %d", virDomainGetName(dom), event, detail);
    return 0;
}

static void
testEvents(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char line[] = "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, "
                               "\"event\": \"STOP\", \"data\": {\"a\": 1}}\r\n";
    g_autoptr(GString) monitor = g_string_new(NULL);
    g_autoptr(GString) lifecycle = g_string_new(NULL);
    g_autoptr(GString) older = g_string_new(NULL);
    gint64 deadline = g_get_monotonic_time() + DEADLINE;
    int monitorID = virConnectDomainQemuMonitorEventRegister(f->conn, f->dom, "STOP",
                                                             onMonitorEvent, monitor, NULL, 0);
    int lifecycleID = virConnectDomainEventRegisterAny(f->conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                       VIR_DOMAIN_EVENT_CALLBACK(onLifecycle),
                                                       lifecycle, NULL);

    g_assert_cmpint(monitorID, >=, 0);
    g_assert_cmpint(lifecycleID, >, monitorID);
    g_assert_cmpint(virConnectDomainEventRegister(f->conn, onLifecycle, older, NULL), ==, 0);

    qmpPeerSend(f->peer, line, strlen(line));
    while (monitor->len == 0 || lifecycle->len == 0 || older->len == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
    }
    g_assert_cmpstr(monitor->str, ==, "peer STOP 1.000002 {\"a\":1}");
    g_assert_cmpstr(lifecycle->str, ==, "peer 3 0");
    g_assert_cmpstr(older->str, ==, "peer 3 0");

    g_assert_cmpint(virConnectDomainQemuMonitorEventDeregister(f->conn, monitorID), ==, 0);
    g_assert_cmpint(virConnectDomainEventDeregisterAny(f->conn, lifecycleID), ==, 0);
    g_assert_cmpint(virConnectDomainEventDeregister(f->conn, onLifecycle), ==, 0);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/qemu/driver/connection", testConnection },
        { "/qemu/driver/lists", testLists },
        { "/qemu/driver/lookups", testLookups },
        { "/qemu/driver/asking", testAsking },
        { "/qemu/driver/acting", testActing },
        { "/qemu/driver/gone", testGone },
        { "/qemu/driver/monitor-command", testMonitorCommand },
        { "/qemu/driver/attach", testAttach },
        { "/qemu/driver/events", testEvents },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    virSetErrorFunc(NULL, ignoreError);
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    g_test_add_func("/qemu/driver/open-fails", testOpenFails);
    g_test_add_func("/qemu/driver/close-callback", testCloseCallback);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    g_test_add_func("/qemu/driver/files", testFiles);
    return g_test_run();
}
