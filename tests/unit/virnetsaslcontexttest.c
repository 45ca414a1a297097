/*
 * virnetsaslcontexttest.c: who is let in by SASL, who isn't, and what is said afterwards
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <string.h>

#include "testsasl.h"
#include "testutils.h"
#include "virerror_priv.h"

static const virNetSASLTransport secure = { .secure = true };
static const virNetSASLTransport plainly = {
    .local = "127.0.0.1;16509", .remote = "127.0.0.1;40000",
};

static virNetSASLContext *
contextNew(void)
{
    virNetSASLContext *ctx = virNetSASLContextNewServer(NULL, VIR_NET_SASL_SSF_MIN);

    g_assert_nonnull(ctx);
    return ctx;
}

/* Whether @user is let in by @mech, and with whose name. */
static bool
isLetIn(virNetSASLContext *ctx, const virNetSASLTransport *transport, testSASLUser *user,
        const char *mech)
{
    g_autoptr(virNetSASLSession) server = virNetSASLSessionNewServer(ctx, transport);
    g_autoptr(virNetSASLSession) client = testSASLClientNew(transport, user);
    bool done;

    g_assert_nonnull(server);
    g_assert_nonnull(client);
    done = testSASLExchange(client, server, mech);
    if (done) {
        g_assert_true(g_str_has_prefix(virNetSASLSessionGetName(server), user->user));
        g_assert_cmpstr(virNetSASLSessionGetMechanism(client), ==, mech);
        g_assert_cmpstr(virNetSASLSessionGetMechanism(server), ==, mech);
        g_assert_cmpint(virNetSASLSessionIsLayer(server), ==, !transport->secure);
        g_assert_cmpint(virNetSASLSessionIsLayer(client), ==, !transport->secure);
    } else {
        g_assert_null(virNetSASLSessionGetName(server));
    }
    return done;
}

static void
assertRefused(const char *message)
{
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
    if (message)
        g_assert_cmpstr(virGetLastErrorMessage(), ==, message);
    virResetLastError();
}

#define NOT_IN "authentication failed: SASL does not let this client in"

static void
testMechanisms(void)
{
    g_autoptr(virNetSASLContext) ctx = contextNew();
    static const virNetSASLTransport tls = { .secure = true, .keySize = 256 };
    virNetSASLSession *session;
    char *list;

    /* Where somebody may listen, none that doesn't encrypt; nobody without a name anywhere. */
    session = virNetSASLSessionNewServer(ctx, &plainly);
    list = virNetSASLSessionListMechanisms(session);
    g_assert_cmpstr(list, ==, "DIGEST-MD5");
    g_free(list);
    virNetSASLSessionFree(session);
    session = virNetSASLSessionNewServer(ctx, &secure);
    list = virNetSASLSessionListMechanisms(session);
    g_assert_nonnull(strstr(list, "SCRAM-SHA-256"));
    g_assert_nonnull(strstr(list, "PLAIN"));
    g_assert_null(strstr(list, "ANONYMOUS"));
    g_assert_null(strchr(list, ' '));
    g_free(list);
    virNetSASLSessionFree(session);
    session = virNetSASLSessionNewServer(ctx, &tls);
    list = virNetSASLSessionListMechanisms(session);
    g_assert_nonnull(strstr(list, "SCRAM-SHA-256"));
    g_free(list);
    virNetSASLSessionFree(session);

    /* More than there is. */
    virNetSASLContextReload(ctx, NULL, 256);
    session = virNetSASLSessionNewServer(ctx, &plainly);
    g_assert_null(virNetSASLSessionListMechanisms(session));
    assertRefused("authentication failed: the server has no SASL mechanism that is strong enough "
                  "here");
    virNetSASLSessionFree(session);
}

static void
testLetIn(void)
{
    g_autoptr(virNetSASLContext) ctx = contextNew();
    testSASLUser fred = { .user = TEST_SASL_USER, .password = TEST_SASL_PASSWORD };
    testSASLUser jim = { .user = TEST_SASL_OTHER_USER, .password = TEST_SASL_OTHER_PASSWORD };

    g_assert_true(isLetIn(ctx, &secure, &fred, "SCRAM-SHA-256"));
    g_assert_cmpuint(fred.asked, ==, 1);
    g_assert_true(isLetIn(ctx, &secure, &jim, "SCRAM-SHA-256"));
    g_assert_true(isLetIn(ctx, &secure, &fred, "PLAIN"));
    g_assert_true(isLetIn(ctx, &secure, &fred, "DIGEST-MD5"));
    g_assert_true(isLetIn(ctx, &plainly, &fred, "DIGEST-MD5"));
}

static void
testKeptOut(void)
{
    g_autoptr(virNetSASLContext) ctx = contextNew();
    static const char *const mechs[] = { "SCRAM-SHA-256", "PLAIN", "DIGEST-MD5" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(mechs); i++) {
        testSASLUser wrong = { .user = TEST_SASL_USER, .password = TEST_SASL_OTHER_PASSWORD };
        testSASLUser nobody = { .user = "nobody", .password = TEST_SASL_PASSWORD };
        testSASLUser silent = { .user = TEST_SASL_USER };
        testSASLUser stubborn = { .refuses = true };

        /* Whether there is such a user is not told. */
        g_assert_false(isLetIn(ctx, &secure, &wrong, mechs[i]));
        assertRefused(NOT_IN);
        g_assert_false(isLetIn(ctx, &secure, &nobody, mechs[i]));
        assertRefused(NOT_IN);
        g_assert_false(isLetIn(ctx, &secure, &silent, mechs[i]));
        assertRefused(NULL);
        g_assert_false(isLetIn(ctx, &secure, &stubborn, mechs[i]));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_CANCELLED);
        virResetLastError();
    }
}

static void
testNonsense(void)
{
    g_autoptr(virNetSASLContext) ctx = contextNew();
    static const virNetSASLData garbage = { "n,,n=fr\0\xff\x01", 10 };
    static const virNetSASLData empty = { "", 0 };
    testSASLUser fred = { .user = TEST_SASL_USER, .password = TEST_SASL_PASSWORD };
    static const char *const mechs[] = {
        "NO-SUCH-MECHANISM", "", "SCRAM-SHA-256,PLAIN", "SCRAM-SHA-256", "PLAIN", "ANONYMOUS",
        "scram sha 256 \n%s%n",
    };
    g_autofree char *much = g_strnfill(65536, ',');
    const virNetSASLData flood = { much, 65536 };
    virNetSASLSession *session;
    virNetSASLData out;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(mechs); i++) {
        session = virNetSASLSessionNewServer(ctx, &secure);
        g_assert_cmpint(virNetSASLSessionStart(session, mechs[i], &garbage, &out), ==,
                        VIR_NET_SASL_FAILED);
        assertRefused(NOT_IN);
        virNetSASLSessionFree(session);
        session = virNetSASLSessionNewServer(ctx, &secure);
        g_assert_cmpint(virNetSASLSessionStart(session, mechs[i], &flood, &out), ==,
                        VIR_NET_SASL_FAILED);
        assertRefused(NOT_IN);
        virNetSASLSessionFree(session);
    }

    /* A mechanism that wasn't offered, as it does not encrypt. */
    session = virNetSASLSessionNewServer(ctx, &plainly);
    g_assert_cmpint(virNetSASLSessionStart(session, "PLAIN", NULL, &out), ==,
                    VIR_NET_SASL_FAILED);
    assertRefused(NOT_IN);
    virNetSASLSessionFree(session);

    /* A server that is content before it has proven that it knows the password. */
    session = testSASLClientNew(&secure, &fred);
    g_assert_cmpint(virNetSASLSessionStart(session, "SCRAM-SHA-256", NULL, &out), ==,
                    VIR_NET_SASL_CONTINUE);
    g_assert_nonnull(out.bytes);
    g_assert_cmpint(virNetSASLSessionStep(session, &empty, &out), ==, VIR_NET_SASL_FAILED);
    assertRefused(NULL);
    virNetSASLSessionFree(session);

    /* One that knows only what isn't fit for where they are. */
    session = testSASLClientNew(&plainly, &fred);
    g_assert_cmpint(virNetSASLSessionStart(session, "PLAIN,SCRAM-SHA-256", NULL, &out), ==,
                    VIR_NET_SASL_FAILED);
    assertRefused(NULL);
    virNetSASLSessionFree(session);
}

static void
testAllowed(void)
{
    g_autoptr(virNetSASLContext) ctx = contextNew();
    testSASLUser fred = { .user = TEST_SASL_USER, .password = TEST_SASL_PASSWORD };
    const char *list[] = { "jim*", NULL, NULL };

    virNetSASLContextReload(ctx, list, 0);
    g_assert_false(isLetIn(ctx, &secure, &fred, "SCRAM-SHA-256"));
    assertRefused(NOT_IN);
    list[1] = "f?ed*";
    virNetSASLContextReload(ctx, list, 0);
    g_assert_true(isLetIn(ctx, &secure, &fred, "SCRAM-SHA-256"));
    list[0] = NULL;
    virNetSASLContextReload(ctx, list, 0);
    g_assert_false(isLetIn(ctx, &secure, &fred, "SCRAM-SHA-256"));
    assertRefused(NOT_IN);
    virNetSASLContextReload(ctx, NULL, 0);
    g_assert_true(isLetIn(ctx, &secure, &fred, "SCRAM-SHA-256"));
}

static void
testLayer(void)
{
    g_autoptr(virNetSASLContext) ctx = contextNew();
    testSASLUser fred = { .user = TEST_SASL_USER, .password = TEST_SASL_PASSWORD };
    g_autoptr(virNetSASLSession) server = virNetSASLSessionNewServer(ctx, &plainly);
    g_autoptr(virNetSASLSession) client = testSASLClientNew(&plainly, &fred);
    g_autoptr(GByteArray) got = g_byte_array_new();
    g_autofree char *block = NULL;
    virNetSASLData out;
    size_t blockLen;
    size_t i;

    g_assert_true(testSASLExchange(client, server, "DIGEST-MD5"));
    g_assert_cmpuint(virNetSASLSessionGetEncodeMax(client), >, VIR_NET_SASL_BLOCK_LEAST);
    g_assert_cmpuint(virNetSASLSessionGetEncodeMax(client), <=, VIR_NET_SASL_BLOCK_MAX);
    g_assert_cmpint(virNetSASLSessionEncode(client, "hello", 5, &out), ==, 0);
    g_assert_cmpuint(out.len, >, 5);
    g_assert_null(memmem(out.bytes, out.len, "hello", 5));

    /* Byte by byte. */
    block = g_memdup2(out.bytes, out.len);
    blockLen = out.len;
    for (i = 0; i < blockLen; i++) {
        g_assert_cmpint(virNetSASLSessionDecode(server, block + i, 1, &out), ==, 0);
        g_byte_array_append(got, (const guint8 *)out.bytes, out.len);
        g_assert_cmpuint(got->len, ==, i + 1 == blockLen ? 5 : 0);
    }
    g_assert_cmpmem(got->data, got->len, "hello", 5);

    /* The same again is somebody else's. */
    g_assert_cmpint(virNetSASLSessionDecode(server, block, blockLen, &out), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    virResetLastError();
    /* Nor is what was announced as longer than it may be. */
    g_assert_cmpint(virNetSASLSessionDecode(client, "\x7f\xff\xff\xff", 4, &out), ==, -1);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    testSASLSetUp("scram-sha-256 digest-md5 plain anonymous");
    g_test_add_func("/netsaslcontext/mechanisms", testMechanisms);
    g_test_add_func("/netsaslcontext/let-in", testLetIn);
    g_test_add_func("/netsaslcontext/kept-out", testKeptOut);
    g_test_add_func("/netsaslcontext/nonsense", testNonsense);
    g_test_add_func("/netsaslcontext/allowed", testAllowed);
    g_test_add_func("/netsaslcontext/layer", testLayer);
    rc = testRunCountingFds();
    testSASLTearDown();
    return rc;
}
