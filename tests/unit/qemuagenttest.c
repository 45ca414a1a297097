/*
 * qemuagenttest.c: commands for a guest agent, against a peer that plays one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_agent.h"

#include <glib/gstdio.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakeqemu.h"
#include "qemu_attach.h"
#include "qmppeer.h"
#include "virerror_priv.h"

/* --- the agent's part --- */

typedef struct {
    const char *before;
    const char *answer;         /* to anything else; NULL: none */
    atomic_uint syncs;          /* how often it was asked so */
    char *asked;                /* the last other line, ended by '\n' */
} Agent;

static char *
agentSync(const char *line, const char *before)
{
    const char *id = strstr(line, "\"id\":");

    g_assert_cmpint((unsigned char)line[0], ==, 0xff);
    g_assert_nonnull(id);
    return g_strdup_printf("%s\xff{\"return\": %" G_GUINT64_FORMAT "}\n", before,
                           g_ascii_strtoull(id + strlen("\"id\":"), NULL, 10));
}

static char *
agentAnswer(const char *line, void *opaque)
{
    Agent *agent = opaque;

    if (strstr(line, "guest-sync-delimited") && line[0] == '\xff') {
        atomic_fetch_add(&agent->syncs, 1);
        return agentSync(line, agent->before ? agent->before : "");
    }
    g_free(agent->asked);
    agent->asked = g_strdup(line);
    return g_strdup(agent->answer);
}

static void
assertError(int code, const char *text)
{
    g_test_message("%s", virGetLastErrorMessage());
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), text));
    virResetLastError();
}

/* --- the talk --- */

static void
testAnswer(void)
{
    Agent agent = { .answer = "{\"return\": {\"a\": 1.50, \"b\": [\"\\u00e4\"]}}\n" };
    g_autoptr(qmpPeer) peer = qmpPeerNew(NULL, agentAnswer, &agent);
    g_autofree char *reply = NULL;

    /* a line break in the command is none on the wire */
    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(peer), 0, "{\"execute\":\n \"guest-info\"}\n", 5000,
                                  false, &reply), ==, 0);
    g_assert_cmpstr(reply, ==, "{\"return\":{\"a\":1.50,\"b\":[\"\xc3\xa4\"]}}");
    g_clear_pointer(&peer, qmpPeerFree);
    g_assert_cmpstr(agent.asked, ==, "{\"execute\":\"guest-info\"}");
    g_assert_cmpuint(agent.syncs, ==, 1);
    g_free(agent.asked);
}

/* What others have left in the channel is not taken for the answer. */
static void
testLeftovers(void)
{
    static const char *const leftovers[] = {
        "{\"return\": \"an old one\"}\n",
        "{\"return\": \"half of an old o",
        "\xff{\"return\": 1}\n\xff{\"return\": 2}\n",
        "\xff\xff\xff",
        "\n\n \n",
        "garbage\n{{{{\n",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(leftovers); i++) {
        Agent agent = { .before = leftovers[i], .answer = "\r\n\n{\"return\": {}}\r\n" };
        g_autoptr(qmpPeer) peer = qmpPeerNew(NULL, agentAnswer, &agent);
        g_autofree char *reply = NULL;

        g_assert_cmpint(qemuAgentTalk(qmpPeerPath(peer), 0, "{\"execute\":\"x\"}", 5000, false,
                                      &reply), ==, 0);
        g_assert_cmpstr(reply, ==, "{\"return\":{}}");
        g_clear_pointer(&peer, qmpPeerFree);
        g_free(agent.asked);
    }
}

/* The caller may ask for the delimiter as well. */
static void
testDelimited(void)
{
    Agent agent = { .answer = "\xff{\"return\": 7}\n" };
    g_autoptr(qmpPeer) peer = qmpPeerNew(NULL, agentAnswer, &agent);
    g_autofree char *reply = NULL;

    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(peer), 0, "{\"execute\":\"guest-sync-delimited\","
                                  "\"arguments\":{\"id\":7}}", 5000, false, &reply), ==, 0);
    g_assert_cmpstr(reply, ==, "{\"return\":7}");
    g_clear_pointer(&peer, qmpPeerFree);
    g_free(agent.asked);
}

static void
testErrors(void)
{
    static const struct {
        const char *answer, *text;
    } answers[] = {
        { "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"not known\"}}\n",
          "unable to execute QEMU agent command 'guest-x': not known" },
        { "{\"error\": 1}\n", "unable to execute QEMU agent command 'guest-x': unknown error" },
        { "{}\n", "unable to execute QEMU agent command 'guest-x'" },
        { "[1]\n", "unable to execute QEMU agent command 'guest-x'" },
        { "{\"return\":\n", "cannot parse json" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(answers); i++) {
        Agent agent = { .answer = answers[i].answer };
        g_autoptr(qmpPeer) peer = qmpPeerNew(NULL, agentAnswer, &agent);
        char *reply = NULL;

        g_assert_cmpint(qemuAgentTalk(qmpPeerPath(peer), 0, "{\"execute\":\"guest-x\"}", 5000,
                                      false, &reply), ==, -1);
        g_assert_null(reply);
        assertError(VIR_ERR_INTERNAL_ERROR, answers[i].text);
        g_clear_pointer(&peer, qmpPeerFree);
        g_free(agent.asked);
    }
}

static void
testBadCommand(void)
{
    char *reply = NULL;

    g_assert_cmpint(qemuAgentTalk("/nonexistent/a", 0, "{\"execute\":", 0, false, &reply), ==, -1);
    assertError(VIR_ERR_INTERNAL_ERROR, "cannot parse json");
}

static void
testNobody(void)
{
    g_autofree char *longPath = g_strnfill(200, 'a');
    g_autoptr(qmpPeer) peer = qmpPeerNew(NULL, NULL, NULL);
    g_autofree char *path = g_strdup(qmpPeerPath(peer));
    char *reply = NULL;

    g_clear_pointer(&peer, qmpPeerFree);
    g_assert_cmpint(qemuAgentTalk(path, 0, "{}", 0, false, &reply), ==, -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, path);
    g_assert_cmpint(qemuAgentTalk(longPath, 0, "{}", 0, false, &reply), ==, -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, longPath);
}

static char *
agentIsDeaf(const char *line G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    return NULL;
}

/* No answer to the sync within QEMU_AGENT_WAIT_MS; to the command at once. */
static void
testSilent(void)
{
    Agent agent = { 0 };
    g_autoptr(qmpPeer) deaf = qmpPeerNew(NULL, agentIsDeaf, NULL);
    g_autoptr(qmpPeer) dumb = qmpPeerNew(NULL, agentAnswer, &agent);
    char *reply = NULL;
    gint64 start = g_get_monotonic_time();

    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(deaf), 0, "{}", 0, false, &reply), ==, -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, "not available");
    g_assert_cmpint(g_get_monotonic_time() - start, >=, QEMU_AGENT_WAIT_MS * 1000);

    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(dumb), 0, "{}", 0, false, &reply), ==, -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, "not available");
    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(dumb), 0, "{}", 10, false, &reply), ==, -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, "not available");
    g_assert_null(reply);

    /* where silence is what was hoped for */
    reply = (char *)"untouched";
    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(dumb), 0, "{}", 10, true, &reply), ==, 0);
    g_assert_null(reply);
    g_assert_null(virGetLastError());
    g_clear_pointer(&dumb, qmpPeerFree);
    g_free(agent.asked);
}

/* A thread that writes for as long as somebody reads. */
typedef struct {
    int listener;
    const char *text;
    bool synced;                /* it answers the sync first */
    pthread_t thread;
} Flood;

static void *
floodRun(void *opaque)
{
    Flood *flood = opaque;
    int fd = accept4(flood->listener, NULL, NULL, SOCK_CLOEXEC);
    g_autoptr(GString) text = g_string_new(NULL);
    char line[4096] = "";

    g_assert_cmpint(fd, >=, 0);
    if (flood->synced) {
        g_autofree char *answer = NULL;

        g_assert_cmpint(recv(fd, line, sizeof(line) - 1, 0), >, 0);
        answer = agentSync(line, "");
        g_assert_cmpint(send(fd, answer, strlen(answer), MSG_NOSIGNAL), >, 0);
    }
    while (text->len < 1024 * 1024)         /* more than the other side can keep up with */
        g_string_append(text, flood->text);
    while (send(fd, text->str, text->len, MSG_NOSIGNAL) > 0)
        ;
    close(fd);
    return NULL;
}

/* A guest that talks without an end doesn't keep its caller. */
static void
testFlood(void)
{
    static const Flood floods[] = {
        { .text = "{\"return\": 0}\n" },
        { .text = "\n\n\n\n\n\n\n\n", .synced = true },
        { .text = "\xff", .synced = true },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(floods); i++) {
        g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "agent", NULL);
        Flood flood = floods[i];
        char *reply = NULL;

        flood.listener = qmpPeerListen(path, 1);
        g_assert_cmpint(pthread_create(&flood.thread, NULL, floodRun, &flood), ==, 0);
        g_assert_cmpint(qemuAgentTalk(path, 0, "{}", 100, false, &reply), ==, -1);
        if (virGetLastErrorCode() == VIR_ERR_OVERFLOW)
            assertError(VIR_ERR_OVERFLOW, "exceeds the limit");
        else
            assertError(VIR_ERR_AGENT_UNRESPONSIVE, "not available");
        pthread_join(flood.thread, NULL);
        close(flood.listener);
        g_remove(path);
        g_rmdir(dir);
    }
}

static char *
agentLeaves(const char *line, void *opaque)
{
    qmpPeer **peer = opaque;

    if (strstr(line, "guest-sync-delimited"))
        return agentSync(line, "");
    qmpPeerHangUp(*peer);
    return NULL;
}

static void
testLeaves(void)
{
    qmpPeer *self = NULL;
    g_autoptr(qmpPeer) peer = self = qmpPeerNew(NULL, agentLeaves, &self);
    char *reply = NULL;

    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(peer), 0, "{}", 5000, false, &reply), ==, -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, "connection was closed");
    /* as it may when the guest goes down */
    g_assert_cmpint(qemuAgentTalk(qmpPeerPath(peer), 0, "{}", 5000, true, &reply), ==, 0);
    g_assert_null(virGetLastError());
}

/* --- the agent of a domain --- */

/* A domain with the command line of a process that looks like a QEMU; its sockets are served
 * here. */
typedef struct {
    char *dir;
    char *qmpPath, *agentPath;
    const char *status;         /* answers of QEMU; peers' threads read them */
    const char *chardevs;
    Agent agent;
    qmpPeer *qmp, *guest;
    fakeQemu *fake;
    qemuInstance *instance;
    virDomainObj *dom;
} Fixture;

static char *
qmpAnswer(const char *line, void *opaque)
{
    Fixture *f = opaque;

    if (f->status && strstr(line, "\"query-status\""))
        return qmpPeerReply(line, f->status);
    if (f->chardevs && strstr(line, "\"query-chardev\""))
        return qmpPeerReply(line, f->chardevs);
    return qmpPeerAnswerAll(line, NULL);
}

/* @device: what its command line says of the agent; %s is the path of the agent's socket. */
static void
setUp(Fixture *f, const char *device)
{
    g_autofree char *made = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *text = NULL;
    g_autofree char *agent = NULL;
    g_autofree char *words = NULL;
    g_autoptr(virURI) uri = NULL;
    g_autoptr(qemuURI) config = NULL;

    f->dir = g_canonicalize_filename(made, NULL);
    f->qmpPath = g_build_filename(f->dir, "qmp", NULL);
    f->agentPath = g_build_filename(f->dir, "agent", NULL);
    f->qmp = qmpPeerNewAt(f->qmpPath, QMP_PEER_GREETING, qmpAnswer, f);
    f->guest = qmpPeerNewAt(f->agentPath, NULL, agentAnswer, &f->agent);
    agent = g_strdup_printf(device, f->agentPath);
    words = g_strdup_printf("-qmp unix:%s,server=on %s", f->qmpPath, agent);
    f->fake = fakeQemuStart(NULL, NULL, -1, words);

    text = g_strdup_printf("qemu:///embed?root=%s", f->dir);
    uri = virURIParse(text);
    g_assert_cmpint(qemuURIParse(uri, &config), ==, 1);
    f->instance = qemuInstanceOpen(config);
    f->dom = qemuAttachProcess(f->instance, fakeQemuPid(f->fake));
    g_assert_nonnull(f->dom);
}

static void
tearDown(Fixture *f)
{
    virDomainObjUnref(f->dom);
    qemuInstanceClose(f->instance);
    fakeQemuFree(f->fake);
    qmpPeerFree(f->guest);
    qmpPeerFree(f->qmp);
    g_remove(f->qmpPath);
    g_remove(f->agentPath);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->qmpPath);
    g_free(f->agentPath);
    g_free(f->dir);
    g_free(f->agent.asked);
}

#define AGENT_DEVICE "-chardev socket,id=ga,path=%s,server=on,wait=off " \
                     "-device virtserialport,chardev=ga,name=org.qemu.guest_agent.0"

static void
testDomain(void)
{
    Fixture f = { .agent.answer = "{\"return\": {}}\n" };
    char *reply = NULL;

    setUp(&f, AGENT_DEVICE);
    g_assert_true(qemuAgentIsConfigured(f.dom));
    g_assert_cmpint(qemuAgentCommand(f.dom, "{\"execute\":\"guest-ping\"}",
                                     VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK, &reply), ==, 0);
    g_assert_cmpstr(reply, ==, "{\"return\":{}}");
    g_clear_pointer(&reply, g_free);
    g_assert_cmpint(qemuAgentCommand(f.dom, "{\"execute\":\"guest-ping\"}",
                                     VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT, &reply), ==, 0);
    g_clear_pointer(&reply, g_free);
    g_assert_cmpint(qemuAgentCommand(f.dom, "{\"execute\":\"guest-ping\"}", 5, &reply), ==, 0);
    g_clear_pointer(&reply, g_free);

    g_assert_cmpint(qemuAgentCommand(f.dom, "{\"execute\":\"guest-ping\"}",
                                     VIR_DOMAIN_QEMU_AGENT_COMMAND_MIN - 1, &reply), ==, -1);
    assertError(VIR_ERR_INVALID_ARG, "timeout '-3' is less than the minimum '-2'");
    tearDown(&f);
}

static void
testNotConfigured(void)
{
    static const struct {
        const char *device, *text;
    } cases[] = {
        { "-S", "not configured" },
        { "-chardev pty,id=ga -device virtserialport,chardev=ga,name=org.qemu.guest_agent.0",
          "not on a listening unix socket" },
        { "-chardev socket,id=ga,path=%s -device virtserialport,chardev=ga,"
          "name=org.qemu.guest_agent.0", "not on a listening unix socket" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        Fixture f = { 0 };
        char *reply = NULL;

        setUp(&f, cases[i].device);
        g_assert_false(qemuAgentIsConfigured(f.dom));
        g_assert_cmpint(qemuAgentCommand(f.dom, "{}", -1, &reply), ==, -1);
        assertError(VIR_ERR_ARGUMENT_UNSUPPORTED, cases[i].text);
        g_assert_cmpint(qemuAgentShutdown(f.dom, "powerdown"), ==, -1);
        assertError(VIR_ERR_ARGUMENT_UNSUPPORTED, cases[i].text);
        tearDown(&f);
    }
}

/* QEMU knows whether somebody in the guest has opened the port. */
static void
testNotConnected(void)
{
    Fixture f = { .chardevs = "[{\"label\": \"other\", \"frontend-open\": true}, {\"label\": "
                              "\"ga\", \"frontend-open\": false}]" };
    char *reply = NULL;

    setUp(&f, AGENT_DEVICE);
    g_assert_cmpint(qemuAgentCommand(f.dom, "{}", -1, &reply), ==, -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, "QEMU guest agent is not connected");
    g_assert_cmpuint(f.agent.syncs, ==, 0);
    tearDown(&f);
}

static void
testNotRunning(void)
{
    Fixture f = { .status = "{\"status\": \"paused\", \"running\": false}" };
    char *reply = NULL;

    setUp(&f, AGENT_DEVICE);
    g_assert_cmpint(qemuAgentCommand(f.dom, "{}", -1, &reply), ==, -1);
    assertError(VIR_ERR_OPERATION_INVALID, "domain is not running");
    tearDown(&f);
}

static void
testShutdown(void)
{
    Fixture f = { .agent.answer = NULL };

    setUp(&f, AGENT_DEVICE);
    g_assert_cmpint(qemuAgentShutdown(f.dom, "reboot"), ==, 0);
    g_clear_pointer(&f.guest, qmpPeerFree);
    g_assert_cmpstr(f.agent.asked, ==, "{\"execute\":\"guest-shutdown\",\"arguments\":"
                                       "{\"mode\":\"reboot\"}}");
    tearDown(&f);
}

typedef struct {
    virDomainObj *dom;
    pthread_t thread;
    int ret;
} Caller;

static void *
callerRun(void *opaque)
{
    Caller *caller = opaque;
    g_autofree char *reply = NULL;

    caller->ret = qemuAgentCommand(caller->dom, "{\"execute\":\"guest-ping\"}", 10, &reply);
    return NULL;
}

/* Another QEMU has taken the path over: what is meant for one guest must not reach the other. */
static void
testTakenOver(void)
{
    Fixture f = { .agent.answer = "{\"return\": {}}\n" };
    g_autoptr(fakeQemu) other = NULL;
    g_autofree char *env = NULL;
    g_autofree char *text = NULL;
    const char *list[2] = { NULL, NULL };
    char *reply = NULL;

    setUp(&f, AGENT_DEVICE);
    g_remove(f.agentPath);
    list[0] = env = g_strconcat("FAKE_QMP=", f.agentPath, NULL);
    other = fakeQemuStart(NULL, list, -1, "");
    text = g_strdup_printf("is that of process %lld", (long long)fakeQemuPid(other));
    g_assert_cmpint(qemuAgentCommand(f.dom, "{\"execute\":\"guest-shutdown\"}", -1, &reply), ==,
                    -1);
    assertError(VIR_ERR_AGENT_UNRESPONSIVE, text);
    g_assert_cmpuint(f.agent.syncs, ==, 0);
    tearDown(&f);
}

/* The socket serves one: callers take turns instead of being refused. */
static void
testTurns(void)
{
    Fixture f = { .agent.answer = "{\"return\": {}}\n" };
    Caller callers[8];
    size_t i;

    setUp(&f, AGENT_DEVICE);
    for (i = 0; i < G_N_ELEMENTS(callers); i++) {
        callers[i].dom = f.dom;
        g_assert_cmpint(pthread_create(&callers[i].thread, NULL, callerRun, &callers[i]), ==, 0);
    }
    for (i = 0; i < G_N_ELEMENTS(callers); i++) {
        pthread_join(callers[i].thread, NULL);
        g_assert_cmpint(callers[i].ret, ==, 0);
    }
    g_assert_cmpuint(f.agent.syncs, ==, G_N_ELEMENTS(callers));
    tearDown(&f);
}

static void *
blockerRun(void *opaque)
{
    Caller *caller = opaque;
    g_autofree char *reply = NULL;

    caller->ret = qemuAgentCommand(caller->dom, "{\"execute\":\"guest-ping\"}",
                                   VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK, &reply);
    return NULL;
}

/* An agent that never answers keeps nobody for longer than the domain is there. */
static void
testDomainEnds(void)
{
    Fixture f = { .agent.answer = NULL };
    Caller callers[2];
    size_t i;

    setUp(&f, AGENT_DEVICE);
    for (i = 0; i < G_N_ELEMENTS(callers); i++) {
        callers[i].dom = f.dom;
        g_assert_cmpint(pthread_create(&callers[i].thread, NULL, blockerRun, &callers[i]), ==, 0);
    }
    /* One talks, the other waits for its turn. */
    while (atomic_load(&f.agent.syncs) == 0)
        g_thread_yield();
    qemuInstanceStopAll(f.instance);
    for (i = 0; i < G_N_ELEMENTS(callers); i++) {
        pthread_join(callers[i].thread, NULL);
        g_assert_cmpint(callers[i].ret, ==, -1);
    }
    tearDown(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/agent/answer", testAnswer);
    g_test_add_func("/qemu/agent/leftovers", testLeftovers);
    g_test_add_func("/qemu/agent/delimited", testDelimited);
    g_test_add_func("/qemu/agent/errors", testErrors);
    g_test_add_func("/qemu/agent/bad-command", testBadCommand);
    g_test_add_func("/qemu/agent/nobody", testNobody);
    g_test_add_func("/qemu/agent/silent", testSilent);
    g_test_add_func("/qemu/agent/flood", testFlood);
    g_test_add_func("/qemu/agent/leaves", testLeaves);
    g_test_add_func("/qemu/agent/domain", testDomain);
    g_test_add_func("/qemu/agent/not-configured", testNotConfigured);
    g_test_add_func("/qemu/agent/not-connected", testNotConnected);
    g_test_add_func("/qemu/agent/not-running", testNotRunning);
    g_test_add_func("/qemu/agent/shutdown", testShutdown);
    g_test_add_func("/qemu/agent/taken-over", testTakenOver);
    g_test_add_func("/qemu/agent/turns", testTurns);
    g_test_add_func("/qemu/agent/domain-ends", testDomainEnds);
    return g_test_run();
}
