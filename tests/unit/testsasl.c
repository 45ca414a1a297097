/*
 * testsasl.c: a database of users for SASL, and exchanges with it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "testsasl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static char *testSASLDir;

static char *
testSASLPath(const char *name)
{
    return g_build_filename(testSASLDir, name, NULL);
}

static void
testSASLAddUser(const char *name, const char *password)
{
    g_autofree char *db = testSASLPath("db");
    /* In a file, as Debian keeps administrators' programs out of others' PATH. */
    g_autofree char *command = g_strdup_printf(
        "PATH=$PATH:/usr/sbin saslpasswd2 -p -c -f '%s' -a libvirt '%s'", db, name);
    FILE *pipe = popen(command, "we");

    g_assert_nonnull(pipe);
    g_assert_cmpint(fputs(password, pipe), >=, 0);
    g_assert_cmpint(pclose(pipe), ==, 0);
}

void
testSASLSetUp(const char *mechs)
{
    g_autofree char *db = NULL;
    g_autofree char *conf = NULL;
    g_autofree char *text = NULL;

    testSASLDir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(testSASLDir);
    db = testSASLPath("db");
    conf = testSASLPath("virtmon.conf");
    text = g_strdup_printf("mech_list: %s\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                           "sasldb_path: %s\n", mechs, db);
    g_assert_true(g_file_set_contents(conf, text, -1, NULL));
    g_assert_true(g_setenv("SASL_CONF_PATH", testSASLDir, true));
    testSASLAddUser(TEST_SASL_USER, TEST_SASL_PASSWORD);
    testSASLAddUser(TEST_SASL_OTHER_USER, TEST_SASL_OTHER_PASSWORD);
}

void
testSASLTearDown(void)
{
    g_autofree char *db = testSASLPath("db");
    g_autofree char *conf = testSASLPath("virtmon.conf");

    g_assert_cmpint(unlink(db), ==, 0);
    g_assert_cmpint(unlink(conf), ==, 0);
    g_assert_cmpint(rmdir(testSASLDir), ==, 0);
    g_clear_pointer(&testSASLDir, g_free);
}

static int
testSASLAsk(virConnectCredentialPtr cred, unsigned int ncred, void *opaque)
{
    testSASLUser *user = opaque;
    unsigned int i;

    user->asked++;
    if (user->refuses) {
        virReportError(VIR_ERR_AUTH_CANCELLED, "%s", "not today");
        return -1;
    }
    for (i = 0; i < ncred; i++) {
        bool secret = cred[i].type == VIR_CRED_PASSPHRASE;

        g_assert_true(secret || cred[i].type == VIR_CRED_AUTHNAME);
        cred[i].result = g_strdup(secret ? user->password : user->user);
        cred[i].resultlen = cred[i].result ? strlen(cred[i].result) : 0;
    }
    return 0;
}

virNetSASLSession *
testSASLClientNew(const virNetSASLTransport *transport, testSASLUser *user)
{
    static const int types[] = { VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE };

    return virNetSASLSessionNewClient("localhost", transport, types, G_N_ELEMENTS(types),
                                      testSASLAsk, user);
}

void
testSASLPair(virNetSASLSession **client, virNetSASLSession **server)
{
    static const virNetSASLTransport transport = { .local = NULL };
    g_autoptr(virNetSASLContext) ctx = virNetSASLContextNewServer(NULL, VIR_NET_SASL_SSF_MIN);
    testSASLUser fred = { .user = TEST_SASL_USER, .password = TEST_SASL_PASSWORD };

    g_assert_nonnull(ctx);
    *server = virNetSASLSessionNewServer(ctx, &transport);
    *client = testSASLClientNew(&transport, &fred);
    g_assert_true(testSASLExchange(*client, *server, "DIGEST-MD5"));
    g_assert_true(virNetSASLSessionIsLayer(*client));
}

bool
testSASLExchange(virNetSASLSession *client, virNetSASLSession *server, const char *mechs)
{
    virNetSASLData toServer;
    virNetSASLData toClient;
    virNetSASLResult mine = virNetSASLSessionStart(client, mechs, NULL, &toServer);
    virNetSASLResult its = VIR_NET_SASL_CONTINUE;
    bool first = true;

    while (mine != VIR_NET_SASL_FAILED) {
        if (first)
            its = virNetSASLSessionStart(server, virNetSASLSessionGetMechanism(client),
                                         &toServer, &toClient);
        else
            its = virNetSASLSessionStep(server, &toServer, &toClient);
        first = false;
        if (its == VIR_NET_SASL_FAILED)
            return false;
        if (its == VIR_NET_SASL_COMPLETE && virNetSASLSessionCheck(server) < 0)
            return false;
        if (mine == VIR_NET_SASL_CONTINUE)
            mine = virNetSASLSessionStep(client, &toClient, &toServer);
        if (its == VIR_NET_SASL_COMPLETE)
            return mine == VIR_NET_SASL_COMPLETE && virNetSASLSessionCheck(client) == 0;
    }
    return false;
}
