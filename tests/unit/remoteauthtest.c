/*
 * remoteauthtest.c: how a client proves who its user is, to good servers and to liars
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_auth.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remotepeer.h"
#include "remote_protocol.h"
#include "testloop.h"
#include "testutils.h"
#include "virerror_priv.h"

#define REMOTE REMOTE_PEER_REMOTE

/* Answers of a server to AUTH_SASL_INIT, to AUTH_SASL_START and AUTH_SASL_STEP. */
#define PLAIN_ONLY "00000005 504c4149 4e000000"
#define SCRAM_ONLY "0000000d 53435241 4d2d5348 412d3235 36000000"
#define DONE "00000001 00000001 00000000"
#define GO_ON "00000000 00000001 00000000"

static char *dir;

static void
silent(void *opaque G_GNUC_UNUSED, virErrorPtr err G_GNUC_UNUSED)
{
}

/* An application, and what it was asked. */
typedef struct {
    const char *user;
    const char *password;
    int rc;
    unsigned int asked;         /* credentials */
} Application;

static int
answer(virConnectCredentialPtr cred, unsigned int ncred, void *opaque)
{
    Application *app = opaque;
    unsigned int i;

    app->asked += ncred;
    for (i = 0; i < ncred; i++) {
        const char *text = cred[i].type == VIR_CRED_AUTHNAME ? app->user : app->password;

        g_assert_nonnull(cred[i].prompt);
        cred[i].result = text ? strdup(text) : NULL;
        cred[i].resultlen = text ? strlen(text) : 0;
    }
    return app->rc;
}

/* A server that asks for SASL. */
static remotePeer *
peerNew(const char *mechs, const char *start, const char *step)
{
    remotePeer *peer = remotePeerNew();

    remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_LIST, "00000001 00000001");
    remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_SASL_INIT, mechs);
    if (start)
        remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_SASL_START, start);
    if (step)
        remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_SASL_STEP, step);
    return peer;
}

static bool
opens(remotePeer *peer, const char *extra, Application *app)
{
    static int types[] = { VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE };
    virConnectAuth auth = { types, G_N_ELEMENTS(types), answer, app };
    virConnectPtr conn;

    virResetLastError();
    conn = virConnectOpenAuth(remotePeerURI(peer, extra), app ? &auth : NULL, 0);
    if (conn)
        virConnectClose(conn);
    return conn;
}

/* The server gets "\0USER\0PASSWORD", a word for each byte. */
static void
assertSent(remotePeer *peer, const char *user, const char *password)
{
    g_autofree char *sent = remotePeerWaitCalls(peer, REMOTE, REMOTE_PROC_AUTH_SASL_START, 1);
    g_autoptr(GString) all = g_string_new(PLAIN_ONLY " 00000000");
    size_t len = strlen(user) + strlen(password) + 2;
    size_t i;

    g_string_append_printf(all, " %08zx 00000000", len);
    for (i = 0; i < strlen(user); i++)
        g_string_append_printf(all, " %08x", (unsigned char)user[i]);
    g_string_append(all, " 00000000");
    for (i = 0; i < strlen(password); i++)
        g_string_append_printf(all, " %08x", (unsigned char)password[i]);
    g_assert_cmpstr(sent, ==, all->str);
}

/* Writes a file with credentials. Returns "&authfile=...", to be freed. */
static char *
writeFile(const char *text)
{
    g_autofree char *path = g_build_filename(dir, "auth.conf", NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return g_strconcat("&authfile=", path, NULL);
}

/* Each in a connection of its own. */
static void
testAuthentication(void)
{
    static const struct {
        const char *offered;
        const char *extra;
        bool works;
    } servers[] = {
        { "00000000", "", true },
        { "00000001 00000000", "", true },
        { "00000001 00000002", "", true },                      /* polkit, which is asked */
        { "00000002 00000000 00000001", "", true },             /* the first counts */
        { "00000002 00000001 00000002", "&auth=polkit", true },
        { "00000001 00000001", "", false },                     /* SASL, and nobody to ask */
        { "00000001 00000007", "", false },
        { "00000001 ffffffff", "", false },
        { "00000001 00000000", "&auth=polkit", false },
        { "00000001 00000000", "&auth=none", false },
        { "00000001 00000000", "&auth=sasl.SCRAM", false },
        { "00000000", "&auth=sasl", false },                    /* nothing is no proof of SASL */
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(servers); i++) {
        remotePeer *peer = remotePeerNew();
        virConnectPtr conn;

        remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_LIST, servers[i].offered);
        remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_POLKIT, "00000001");
        remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_SASL_INIT, PLAIN_ONLY);
        conn = virConnectOpen(remotePeerURI(peer, servers[i].extra));
        g_assert_cmpint(!!conn, ==, servers[i].works);
        if (conn)
            virConnectClose(conn);
        else
            g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
        remotePeerFree(peer);
    }
}

static void
testApplication(void)
{
    Application fred = { "fred", "secret", 0, 0 };
    remotePeer *peer = peerNew(PLAIN_ONLY, DONE, NULL);

    g_assert_true(opens(peer, "", &fred));
    g_assert_cmpuint(fred.asked, ==, 2);
    assertSent(peer, "fred", "secret");
    remotePeerFree(peer);
}

static void
testFile(void)
{
    static const char text[] = "[credentials-mine]\nauthname=jim\npassword=from a file\n"
                               "[auth-libvirt-localhost]\ncredentials=mine\n";
    g_autofree char *extra = writeFile(text);
    Application fred = { "fred", "secret", 0, 0 };
    remotePeer *peer = peerNew(PLAIN_ONLY, DONE, NULL);

    /* Nobody is asked, be there somebody or not. */
    g_assert_true(opens(peer, extra, NULL));
    assertSent(peer, "jim", "from a file");
    remotePeerFree(peer);
    peer = peerNew(PLAIN_ONLY, DONE, NULL);
    g_assert_true(opens(peer, extra, &fred));
    g_assert_cmpuint(fred.asked, ==, 0);
    remotePeerFree(peer);

    /* What isn't there is asked for. */
    g_free(extra);
    extra = writeFile("[credentials-mine]\nauthname=jim\n"
                      "[auth-libvirt-default]\ncredentials=mine\n");
    peer = peerNew(PLAIN_ONLY, DONE, NULL);
    g_assert_true(opens(peer, extra, &fred));
    g_assert_cmpuint(fred.asked, ==, 1);
    assertSent(peer, "jim", "secret");
    remotePeerFree(peer);

    /* One for another server, one that makes no sense, and none. */
    g_free(extra);
    extra = writeFile("[auth-libvirt-elsewhere]\ncredentials=mine\n");
    peer = peerNew(PLAIN_ONLY, DONE, NULL);
    g_assert_false(opens(peer, extra, NULL));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    remotePeerFree(peer);
    g_free(extra);
    extra = writeFile("[auth-libvirt-localhost]\ncredentials=none\n");
    peer = peerNew(PLAIN_ONLY, DONE, NULL);
    g_assert_false(opens(peer, extra, &fred));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    g_assert_false(opens(peer, "&authfile=/nonexistent", &fred));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    remotePeerFree(peer);
}

/* The name in the URI goes first, and then the file's password is another's. */
static void
testUser(void)
{
    g_autofree char *extra = writeFile("[credentials-mine]\nauthname=jim\npassword=jim's\n"
                                       "[auth-libvirt-default]\ncredentials=mine\n");
    Application app = { "nobody", "secret", 0, 0 };
    const char *users[] = { "fred", "jim" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(users); i++) {
        remotePeer *peer = peerNew(PLAIN_ONLY, DONE, NULL);
        g_autofree char *uri = g_strdup(remotePeerURI(peer, extra));
        g_auto(GStrv) parts = g_strsplit(uri, "://", 2);
        g_autofree char *with = g_strdup_printf("%s://%s@%s", parts[0], users[i],
                                                parts[1]);
        static int types[] = { VIR_CRED_PASSPHRASE };
        virConnectAuth auth = { types, G_N_ELEMENTS(types), answer, &app };
        virConnectPtr conn = virConnectOpenAuth(with, &auth, 0);

        g_assert_nonnull(conn);
        virConnectClose(conn);
        assertSent(peer, users[i], i == 0 ? "secret" : "jim's");
        remotePeerFree(peer);
    }
    g_assert_cmpuint(app.asked, ==, 1);
}

static void
testNoAnswer(void)
{
    Application silentOne = { NULL, NULL, 0, 0 };
    Application half = { "fred", NULL, 0, 0 };
    Application unwilling = { "fred", "secret", -1, 0 };
    remotePeer *peer = peerNew(PLAIN_ONLY, DONE, NULL);

    g_assert_false(opens(peer, "", &silentOne));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    g_assert_false(opens(peer, "", &half));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    g_assert_false(opens(peer, "", &unwilling));
    g_assert_cmpstr(virGetLastErrorMessage(), ==,
                    "authentication failed: the user gave no credentials");
    g_assert_false(opens(peer, "", NULL));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpuint(remotePeerCountCalls(peer, REMOTE, REMOTE_PROC_AUTH_SASL_START), ==, 0);
    remotePeerFree(peer);
}

static void
testMechanisms(void)
{
    Application fred = { "fred", "secret", 0, 0 };
    remotePeer *peer = peerNew(PLAIN_ONLY, DONE, NULL);

    g_assert_true(opens(peer, "&auth=sasl", &fred));
    g_assert_true(opens(peer, "&auth=sasl.PLAIN", &fred));
    g_assert_false(opens(peer, "&auth=sasl.PLA", &fred));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "'PLA', but 'PLAIN'"));
    /* One that this side doesn't know. */
    remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_SASL_INIT, "00000004 4e4f4e45");
    g_assert_false(opens(peer, "", &fred));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    remotePeerAnswer(peer, REMOTE, REMOTE_PROC_AUTH_SASL_INIT, "00000000");
    g_assert_false(opens(peer, "", &fred));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    remotePeerFree(peer);
}

/* A server that has proven nothing, or says what makes no sense, is not spoken to. */
static void
testLies(void)
{
    static const struct {
        const char *start;
        const char *step;
        int code;
    } servers[] = {
        { DONE, NULL, VIR_ERR_AUTH_FAILED },
        { "00000001 00000000 00000000", NULL, VIR_ERR_AUTH_FAILED },
        { GO_ON, NULL, VIR_ERR_AUTH_FAILED },
        { "00000000 00000000 00000003 00000072 0000003d 00000041", NULL, VIR_ERR_AUTH_FAILED },
        { "00000001 00000000 00010001", NULL, VIR_ERR_RPC },
        { "00000001", NULL, VIR_ERR_RPC },
    };
    Application fred = { "fred", "secret", 0, 0 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(servers); i++) {
        remotePeer *peer = peerNew(SCRAM_ONLY, servers[i].start, servers[i].step);

        g_assert_false(opens(peer, "", &fred));
        g_assert_cmpint(virGetLastErrorCode(), ==, servers[i].code);
        remotePeerFree(peer);
    }
}

static void
testRefused(void)
{
    static const int procedures[] = {
        REMOTE_PROC_AUTH_SASL_INIT, REMOTE_PROC_AUTH_SASL_START,
    };
    Application fred = { "fred", "secret", 0, 0 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(procedures); i++) {
        remotePeer *peer = peerNew(PLAIN_ONLY, DONE, NULL);

        remotePeerRefuse(peer, REMOTE, procedures[i], VIR_ERR_AUTH_FAILED, VIR_FROM_RPC,
                         "authentication failed: no");
        g_assert_false(opens(peer, "", &fred));
        g_assert_cmpstr(virGetLastErrorMessage(), ==, "authentication failed: no");
        g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
        remotePeerFree(peer);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *path = NULL;
    int rc;

    g_test_init(&argc, &argv, NULL);
    testLoopRegister();
    virSetErrorFunc(NULL, silent);
    dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    path = g_build_filename(dir, "auth.conf", NULL);
    /* No file of whoever runs this. */
    g_unsetenv("LIBVIRT_AUTH_FILE");
    g_assert_true(g_setenv("XDG_CONFIG_HOME", dir, true));
    g_test_add_func("/remote/auth/kinds", testAuthentication);
    g_test_add_func("/remote/auth/application", testApplication);
    g_test_add_func("/remote/auth/file", testFile);
    g_test_add_func("/remote/auth/user", testUser);
    g_test_add_func("/remote/auth/no-answer", testNoAnswer);
    g_test_add_func("/remote/auth/mechanisms", testMechanisms);
    g_test_add_func("/remote/auth/lies", testLies);
    g_test_add_func("/remote/auth/refused", testRefused);
    rc = testRunCountingFds();
    unlink(path);
    g_assert_cmpint(rmdir(dir), ==, 0);
    g_free(dir);
    return rc;
}
