/*
 * virnettlscontexttest.c: who is let in by a certificate, and who isn't
 *
 * Both ends are sockets of this process, driven in turn; every certificate is made here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <gnutls/x509.h>

#include "rpcpeer.h"
#include "testcerts.h"
#include "testutils.h"
#include "virerror_priv.h"
#include "virnetsocket.h"
#include "virnettlscontext.h"

/* What all tests start from; each changes what it is about. */
typedef struct {
    char *dir;
    testCert *ca;
    testCert *otherCA;
    virNetTLSConfig serverConfig;
    virNetTLSConfig clientConfig;
    virNetTLSContext *server;
    virNetTLSContext *client;
    virNetSocket *serverSock;
    virNetSocket *clientSock;
} fixture;

static const testCertOptions serverOptions = {
    .subject = "O=Example,CN=server.example", .dns = "server.example", .ip = "127.0.0.1",
    .purpose = GNUTLS_KP_TLS_WWW_SERVER,
};
static const testCertOptions clientOptions = {
    .subject = "O=Example,CN=client1", .purpose = GNUTLS_KP_TLS_WWW_CLIENT,
};

static char *
path(fixture *fix, const char *name)
{
    return g_build_filename(fix->dir, name, NULL);
}

/* NAME.pem and NAMEkey.pem; *@cert and *@key get their paths. */
static void
make(fixture *fix, const char *name, const testCertOptions *options, testCert *issuer,
     const char **certPath, const char **keyPath)
{
    testCert *cert = testCertNew(options, issuer);
    g_autofree char *certName = g_strconcat(name, ".pem", NULL);
    g_autofree char *keyName = g_strconcat(name, "key.pem", NULL);

    g_free((char *)*certPath);
    g_free((char *)*keyPath);
    *certPath = path(fix, certName);
    *keyPath = path(fix, keyName);
    testCertWrite(cert, *certPath);
    testCertWriteKey(cert, *keyPath);
    testCertFree(cert);
}

static void
setUp(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const testCertOptions authority = { .subject = "CN=Authority", .isCA = true };
    g_autofree char *caPath = NULL;

    fix->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_assert_nonnull(fix->dir);
    fix->ca = testCertNew(&authority, NULL);
    fix->otherCA = testCertNew(&authority, NULL);
    caPath = path(fix, "ca.pem");
    testCertWrite(fix->ca, caPath);
    fix->serverConfig.ca = g_strdup(caPath);
    fix->clientConfig.ca = g_strdup(caPath);
    fix->serverConfig.verify = true;
    fix->clientConfig.verify = true;
    fix->serverConfig.sanityCheck = true;
    make(fix, "server", &serverOptions, fix->ca, &fix->serverConfig.cert, &fix->serverConfig.key);
    make(fix, "client", &clientOptions, fix->ca, &fix->clientConfig.cert, &fix->clientConfig.key);
}

static void
clearConfig(virNetTLSConfig *config)
{
    g_free((char *)config->ca);
    g_free((char *)config->crl);
    g_free((char *)config->cert);
    g_free((char *)config->key);
}

static void
hangUp(fixture *fix)
{
    g_clear_pointer(&fix->serverSock, virNetSocketFree);
    g_clear_pointer(&fix->clientSock, virNetSocketFree);
}

static void
tearDown(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GDir) dir = g_dir_open(fix->dir, 0, NULL);
    const char *name;

    hangUp(fix);
    virNetTLSContextUnref(fix->server);
    virNetTLSContextUnref(fix->client);
    testCertFree(fix->ca);
    testCertFree(fix->otherCA);
    clearConfig(&fix->serverConfig);
    clearConfig(&fix->clientConfig);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *file = path(fix, name);

        unlink(file);
    }
    g_assert_cmpint(rmdir(fix->dir), ==, 0);
    g_free(fix->dir);
    virResetLastError();
}

static void
makeContexts(fixture *fix)
{
    fix->server = virNetTLSContextNewServer(&fix->serverConfig);
    fix->client = virNetTLSContextNewClient(&fix->clientConfig);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, "no error");
    g_assert_nonnull(fix->server);
    g_assert_nonnull(fix->client);
}

/* Begins: a step of each in turn, until both have ended; whoever fails hangs up. */
static void
shake(fixture *fix, const char *hostname, int *server, int *client)
{
    int pair[2];
    int steps = 0;

    hangUp(fix);
    rpcPeerPair(pair);
    fix->serverSock = virNetSocketNewConnected(pair[0]);
    fix->clientSock = virNetSocketNewConnected(pair[1]);
    g_assert_cmpint(virNetSocketSetTLS(fix->serverSock, fix->server, NULL), ==, 0);
    g_assert_cmpint(virNetSocketSetTLS(fix->clientSock, fix->client, hostname), ==, 0);
    *server = *client = 0;
    while (*server == 0 || *client == 0) {
        g_assert_cmpint(++steps, <, 100);
        if (*client == 0)
            *client = virNetSocketHandshake(fix->clientSock);
        if (*client < 0)
            virNetSocketShutdown(fix->clientSock);
        if (*server == 0) {
            virErrorPtr err;

            /* The client's is what the tests look at. */
            virErrorPreserveLast(&err);
            *server = virNetSocketHandshake(fix->serverSock);
            if (*server < 0) {
                g_test_message("the server says: %s", virGetLastErrorMessage());
                virNetSocketShutdown(fix->serverSock);
            }
            virErrorRestore(&err);
        }
    }
}

static void
assertWorks(fixture *fix, const char *hostname)
{
    int server;
    int client;

    shake(fix, hostname, &server, &client);
    if (client < 0)
        g_test_message("the client says: %s", virGetLastErrorMessage());
    g_assert_cmpint(client, ==, 1);
    g_assert_cmpint(server, ==, 1);
}

/* It is the client that doesn't like the server. */
static void
assertClientRefuses(fixture *fix, const char *hostname, const char *words)
{
    int server;
    int client;

    virResetLastError();
    shake(fix, hostname, &server, &client);
    g_assert_cmpint(client, ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), words));
}

/* It is the server: the client sees nothing but the end of the stream. */
static void
assertServerRefuses(fixture *fix)
{
    int server;
    int client;

    virResetLastError();
    shake(fix, "server.example", &server, &client);
    g_assert_cmpint(server, ==, -1);
    g_assert_cmpint(client, ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_RPC);
}

static void
assertSay(virNetSocket *from, virNetSocket *to, size_t len)
{
    g_autofree char *text = g_malloc(len);
    g_autofree char *have = g_malloc(len + VIR_NET_SOCKET_READ_MIN);
    size_t sent = 0;
    size_t got = 0;
    size_t i;

    for (i = 0; i < len; i++)
        text[i] = i % 251;
    while (got < len) {
        struct iovec iov[] = {
            { text + sent, (len - sent) / 2 },
            { text + sent + (len - sent) / 2, (len - sent) - (len - sent) / 2 },
        };
        ssize_t n;

        if (sent < len) {
            n = virNetSocketWrite(from, iov, 2);
            g_assert_cmpint(n, >=, 0);
            sent += n;
        } else {
            g_assert_cmpint(virNetSocketFlush(from), >=, 0);
        }
        n = virNetSocketRead(to, have + got, len - got + VIR_NET_SOCKET_READ_MIN, NULL, NULL);
        g_assert_cmpint(n, >=, 0);
        got += n;
    }
    g_assert_cmpint(virNetSocketFlush(from), ==, 1);
    g_assert_cmpmem(have, got, text, len);
}

static void
testGood(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    makeContexts(fix);
    assertWorks(fix, "server.example");
    g_assert_true(virNetSocketIsEncrypted(fix->serverSock));
    g_assert_true(virNetSocketIsSecure(fix->clientSock));
    g_assert_false(virNetSocketCanPassFDs(fix->serverSock));
    g_assert_cmpstr(virNetSocketGetTLSName(fix->serverSock), ==, "O=Example,CN=client1");
    g_assert_cmpstr(virNetSocketGetTLSName(fix->clientSock), ==, "O=Example,CN=server.example");
    g_assert_cmpint(virNetSocketGetTLSKeySize(fix->clientSock), >=, 128);
    assertSay(fix->clientSock, fix->serverSock, 5);
    assertSay(fix->serverSock, fix->clientSock, 1000 * 1000);
    assertSay(fix->clientSock, fix->serverSock, 16 * 1024);

    /* By address. */
    assertWorks(fix, "127.0.0.1");
}

static void
testEnd(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *buf = g_malloc(VIR_NET_SOCKET_READ_MIN);
    struct iovec iov = { (void *)"last", 4 };

    makeContexts(fix);
    assertWorks(fix, "server.example");
    g_assert_cmpint(virNetSocketWrite(fix->serverSock, &iov, 1), ==, 4);
    virNetSocketShutdown(fix->serverSock);
    g_assert_cmpint(virNetSocketRead(fix->clientSock, buf, VIR_NET_SOCKET_READ_MIN, NULL, NULL),
                    ==, 4);
    g_assert_cmpint(virNetSocketRead(fix->clientSock, buf, VIR_NET_SOCKET_READ_MIN, NULL, NULL),
                    ==, VIR_NET_SOCKET_EOF);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

/* Somebody who doesn't speak TLS at all. */
static void
testPlainText(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int pair[2];
    int rc;

    makeContexts(fix);
    rpcPeerPair(pair);
    fix->serverSock = virNetSocketNewConnected(pair[0]);
    g_assert_cmpint(virNetSocketSetTLS(fix->serverSock, fix->server, NULL), ==, 0);
    g_assert_cmpint(virNetSocketHandshake(fix->serverSock), ==, 0);
    g_assert_cmpint(virNetSocketWants(fix->serverSock), ==, EPOLLIN);
    rpcPeerSendHex(pair[1], "0000001c 20008086 00000001 00000042 00000000 00000000 00000000");
    while ((rc = virNetSocketHandshake(fix->serverSock)) == 0)
        rpcPeerWait(pair[0], POLLIN);
    g_assert_cmpint(rc, ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_GNUTLS_ERROR);
    close(pair[1]);
}

static void
testHostname(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    makeContexts(fix);
    assertClientRefuses(fix, "other.example", "does not match the host name 'other.example'");
    assertClientRefuses(fix, "127.0.0.2", "does not match");

    /* Unless it isn't to be looked at. */
    fix->clientConfig.verify = false;
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    assertWorks(fix, "other.example");
}

static void
testServerCertificate(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertOptions expired = serverOptions;
    testCertOptions early = serverOptions;
    testCertOptions client = serverOptions;

    fix->serverConfig.sanityCheck = false;
    make(fix, "server", &serverOptions, fix->otherCA, &fix->serverConfig.cert,
         &fix->serverConfig.key);
    makeContexts(fix);
    assertClientRefuses(fix, "server.example", "is refused");

    expired.begins = -3;
    expired.ends = -1;
    make(fix, "server", &expired, fix->ca, &fix->serverConfig.cert, &fix->serverConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->server, &fix->serverConfig), ==, 0);
    assertClientRefuses(fix, "server.example", "it has expired");

    early.begins = 1;
    early.ends = 3;
    make(fix, "server", &early, fix->ca, &fix->serverConfig.cert, &fix->serverConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->server, &fix->serverConfig), ==, 0);
    assertClientRefuses(fix, "server.example", "it is not valid yet");

    client.purpose = GNUTLS_KP_TLS_WWW_CLIENT;
    make(fix, "server", &client, fix->ca, &fix->serverConfig.cert, &fix->serverConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->server, &fix->serverConfig), ==, 0);
    assertClientRefuses(fix, "server.example", "it is meant for something else");
}

static void
testClientCertificate(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertOptions expired = clientOptions;
    testCertOptions server = clientOptions;
    const char *cert;
    const char *key;

    makeContexts(fix);
    make(fix, "client", &clientOptions, fix->otherCA, &fix->clientConfig.cert,
         &fix->clientConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    assertServerRefuses(fix);

    expired.begins = -3;
    expired.ends = -1;
    make(fix, "client", &expired, fix->ca, &fix->clientConfig.cert, &fix->clientConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    assertServerRefuses(fix);

    server.purpose = GNUTLS_KP_TLS_WWW_SERVER;
    make(fix, "client", &server, fix->ca, &fix->clientConfig.cert, &fix->clientConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    assertServerRefuses(fix);

    /* None at all. */
    cert = g_steal_pointer(&fix->clientConfig.cert);
    key = g_steal_pointer(&fix->clientConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    assertServerRefuses(fix);

    /* Whoever doesn't ask gets none. */
    fix->serverConfig.verify = false;
    g_assert_cmpint(virNetTLSContextReload(fix->server, &fix->serverConfig), ==, 0);
    assertWorks(fix, "server.example");
    g_assert_null(virNetSocketGetTLSName(fix->serverSock));
    fix->clientConfig.cert = cert;
    fix->clientConfig.key = key;
    /* One that nobody has looked at is worth nothing. */
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    assertWorks(fix, "server.example");
    g_assert_null(virNetSocketGetTLSName(fix->serverSock));
}

static void
assertAllowed(fixture *fix, const char *glob, bool allowed)
{
    const char *list[] = { "CN=somebody", glob, NULL };

    fix->serverConfig.allowedNames = list;
    g_assert_cmpint(virNetTLSContextReload(fix->server, &fix->serverConfig), ==, 0);
    fix->serverConfig.allowedNames = NULL;
    if (allowed)
        assertWorks(fix, "server.example");
    else
        assertServerRefuses(fix);
}

static void
testAllowedNames(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const nobody[] = { NULL };

    makeContexts(fix);
    assertAllowed(fix, "O=Example,CN=client1", true);
    assertAllowed(fix, "O=Example,CN=*", true);
    assertAllowed(fix, "*", true);
    assertAllowed(fix, "O=Example, CN=client1", false);
    assertAllowed(fix, "CN=client1,O=Example", false);
    assertAllowed(fix, "CN=client1", false);
    assertAllowed(fix, "O=Example,CN=client", false);

    fix->serverConfig.allowedNames = nobody;
    g_assert_cmpint(virNetTLSContextReload(fix->server, &fix->serverConfig), ==, 0);
    assertServerRefuses(fix);
}

static void
testRevocation(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCert *good = testCertNew(&clientOptions, fix->ca);
    testCert *bad = testCertNew(&clientOptions, fix->ca);

    fix->serverConfig.crl = path(fix, "crl.pem");
    testCertWriteRevocation(fix->ca, bad, fix->serverConfig.crl);
    testCertWrite(bad, fix->clientConfig.cert);
    testCertWriteKey(bad, fix->clientConfig.key);
    makeContexts(fix);
    assertServerRefuses(fix);

    testCertWrite(good, fix->clientConfig.cert);
    testCertWriteKey(good, fix->clientConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    assertWorks(fix, "server.example");
    testCertFree(good);
    testCertFree(bad);
}

/* Those who are connected go on; whoever comes gets what is new; what is wrong changes nothing. */
static void
testReload(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    testCertOptions renamed = serverOptions;
    virNetSocket *serverSock;
    virNetSocket *clientSock;
    virNetTLSConfig bad;

    makeContexts(fix);
    assertWorks(fix, "server.example");
    serverSock = g_steal_pointer(&fix->serverSock);
    clientSock = g_steal_pointer(&fix->clientSock);

    renamed.dns = "new.example";
    make(fix, "server", &renamed, fix->ca, &fix->serverConfig.cert, &fix->serverConfig.key);
    g_assert_cmpint(virNetTLSContextReload(fix->server, &fix->serverConfig), ==, 0);
    assertSay(clientSock, serverSock, 1000);
    assertSay(serverSock, clientSock, 1000);
    assertWorks(fix, "new.example");
    assertClientRefuses(fix, "server.example", "does not match");

    bad = fix->serverConfig;
    bad.cert = "/no such certificate";
    g_assert_cmpint(virNetTLSContextReload(fix->server, &bad), ==, -1);
    assertWorks(fix, "new.example");
    virNetTLSContextUnref(g_steal_pointer(&fix->server));
    assertSay(clientSock, serverSock, 1000);
    virNetSocketFree(serverSock);
    virNetSocketFree(clientSock);
}

static void
assertNoContext(bool server, const virNetTLSConfig *config, int code, const char *message)
{
    virResetLastError();
    g_assert_null(server ? virNetTLSContextNewServer(config) : virNetTLSContextNewClient(config));
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), message));
}

static void
testFiles(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *rubbish = path(fix, "rubbish.pem");
    virNetTLSConfig config = fix->clientConfig;

    g_assert_true(g_file_set_contents(rubbish, "rubbish", -1, NULL));
    config.ca = "/nope/cacert.pem";
    assertNoContext(false, &config, VIR_ERR_SYSTEM_ERROR,
                    "Cannot read CA certificate '/nope/cacert.pem': No such file or directory");
    config.ca = rubbish;
    assertNoContext(false, &config, VIR_ERR_SYSTEM_ERROR, rubbish);

    config = fix->clientConfig;
    config.cert = "/nope/clientcert.pem";
    assertNoContext(false, &config, VIR_ERR_SYSTEM_ERROR,
                    "Cannot read client certificate '/nope/clientcert.pem'");
    config = fix->serverConfig;
    config.key = "/nope/serverkey.pem";
    assertNoContext(true, &config, VIR_ERR_SYSTEM_ERROR,
                    "Cannot read server key '/nope/serverkey.pem'");
    config = fix->serverConfig;
    config.crl = "/nope/crl.pem";
    assertNoContext(true, &config, VIR_ERR_SYSTEM_ERROR,
                    "Cannot read CA revocation list '/nope/crl.pem'");
    config.crl = rubbish;
    assertNoContext(true, &config, VIR_ERR_SYSTEM_ERROR, rubbish);

    /* A key that belongs to something else. */
    config = fix->serverConfig;
    config.key = fix->clientConfig.key;
    assertNoContext(true, &config, VIR_ERR_SYSTEM_ERROR, fix->clientConfig.key);
    config = fix->serverConfig;
    config.cert = fix->clientConfig.cert;
    assertNoContext(true, &config, VIR_ERR_SYSTEM_ERROR, "is not meant for a TLS server");
    config = fix->serverConfig;
    config.priority = "NORMAL:-NONSENSE";
    assertNoContext(true, &config, VIR_ERR_GNUTLS_ERROR, "NONSENSE");
}

static void
testPriority(fixture *fix, gconstpointer data G_GNUC_UNUSED)
{
    int server;
    int client;

    fix->serverConfig.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    makeContexts(fix);
    assertWorks(fix, "server.example");

    /* Nothing in common. */
    fix->clientConfig.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
    g_assert_cmpint(virNetTLSContextReload(fix->client, &fix->clientConfig), ==, 0);
    shake(fix, "server.example", &server, &client);
    g_assert_cmpint(server, ==, -1);
    g_assert_cmpint(client, ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_GNUTLS_ERROR);
}

#define ADD(path, func) g_test_add("/nettlscontext/" path, fixture, NULL, setUp, func, tearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("good", testGood);
    ADD("end", testEnd);
    ADD("plain-text", testPlainText);
    ADD("hostname", testHostname);
    ADD("server-certificate", testServerCertificate);
    ADD("client-certificate", testClientCertificate);
    ADD("allowed-names", testAllowedNames);
    ADD("revocation", testRevocation);
    ADD("reload", testReload);
    ADD("files", testFiles);
    ADD("priority", testPriority);
    return testRunCountingFds();
}
