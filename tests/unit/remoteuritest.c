/*
 * remoteuritest.c: which way a URI means, and what the daemon is told
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_uri.h"

#include <string.h>

#include "virerror_priv.h"

static const remoteURIDefaults noDefaults;

static remoteURI *
parse(const char *text)
{
    g_autoptr(virURI) uri = virURIParse(text);
    remoteURI *parsed = NULL;

    g_assert_nonnull(uri);
    g_assert_cmpint(remoteURIParse(uri, &noDefaults, &parsed), ==, 1);
    return parsed;
}

static void
testNames(void)
{
    static const struct {
        const char *uri, *name;
        remoteTransport transport;
    } uris[] = {
        { "qemu:///system", "qemu:///system", REMOTE_TRANSPORT_UNIX },
        { "qemu:///session", "qemu:///session", REMOTE_TRANSPORT_UNIX },
        { "qemu:///system?socket=/x", "qemu:///system", REMOTE_TRANSPORT_UNIX },
        { "qemu+unix:///system?socket=/x&foo=bar&x=y", "qemu:///system?foo=bar&x=y",
          REMOTE_TRANSPORT_UNIX },
        { "qemu+unix:///session?SOCKET=/x", "qemu:///session", REMOTE_TRANSPORT_UNIX },
        { "QEMU+UNIX:///system?socket=S", "QEMU:///system", REMOTE_TRANSPORT_UNIX },
        { "qemu+tcp://h/system", "qemu:///system", REMOTE_TRANSPORT_TCP },
        { "qemu+tls://h:99/system?pkipath=/p&no_verify=1", "qemu:///system",
          REMOTE_TRANSPORT_TLS },
        { "qemu://h/system", "qemu:///system", REMOTE_TRANSPORT_TLS },
        { "qemu+ssh://u@h:22/system?keyfile=/k&no_tty=1&netcat=nc", "qemu:///system",
          REMOTE_TRANSPORT_SSH },
        { "qemu+ext:///system?command=/c", "qemu:///system", REMOTE_TRANSPORT_EXT },
        { "remote+unix:///anything?socket=/x", "", REMOTE_TRANSPORT_UNIX },
        { "qemu+unix:///system?name=test:///default&a=b", "test:///default",
          REMOTE_TRANSPORT_UNIX },
        { "qemu+unix:///a%20b?x=%26%3D#f", "qemu:///a%20b?x=%26%3D#f", REMOTE_TRANSPORT_UNIX },
        { "test+unix:///default?socket=/x", "test:///default", REMOTE_TRANSPORT_UNIX },
        { "qemu+tcp://h/embed?root=/x", "qemu:///embed?root=%2Fx", REMOTE_TRANSPORT_TCP },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autoptr(remoteURI) parsed = parse(uris[i].uri);

        g_assert_cmpstr(parsed->name, ==, uris[i].name);
        g_assert_cmpint(parsed->transport, ==, uris[i].transport);
    }
}

static void
testParts(void)
{
    g_autoptr(remoteURI) ssh = parse("qemu+ssh://user@[::1]:2222/system?mode=legacy&proxy=NetCat"
                                     "&socket=/s&command=/c&netcat=/n&keyfile=/k&no_tty=1"
                                     "&no_verify=0&known_hosts=/kh&sshauth=agent&authfile=/a"
                                     "&auth=sasl.X&tls_priority=P&no_sanity=-1&pkipath=/p");
    g_autoptr(remoteURI) tls = parse("qemu+tls:///session");

    g_assert_cmpstr(ssh->driver, ==, "qemu");
    g_assert_cmpstr(ssh->name, ==, "qemu:///system");
    g_assert_cmpstr(ssh->path, ==, "/system");
    g_assert_cmpstr(ssh->user, ==, "user");
    g_assert_cmpstr(ssh->host, ==, "::1");
    g_assert_cmpuint(ssh->port, ==, 2222);
    g_assert_cmpint(ssh->mode, ==, REMOTE_MODE_LEGACY);
    g_assert_cmpint(ssh->proxy, ==, REMOTE_PROXY_NETCAT);
    g_assert_cmpstr(ssh->socket, ==, "/s");
    g_assert_cmpstr(ssh->command, ==, "/c");
    g_assert_cmpstr(ssh->netcat, ==, "/n");
    g_assert_cmpstr(ssh->keyfile, ==, "/k");
    g_assert_cmpstr(ssh->pkipath, ==, "/p");
    g_assert_cmpstr(ssh->tlsPriority, ==, "P");
    g_assert_cmpstr(ssh->auth, ==, "sasl.X");
    g_assert_cmpstr(ssh->authfile, ==, "/a");
    g_assert_true(ssh->noTTY);
    g_assert_false(ssh->noVerify);
    g_assert_true(ssh->noSanity);

    g_assert_cmpstr(tls->host, ==, "localhost");
    g_assert_cmpstr(tls->path, ==, "/session");
    g_assert_cmpuint(tls->port, ==, 0);
    g_assert_null(tls->socket);
}

static void
testDefaults(void)
{
    const remoteURIDefaults defaults = { .mode = "direct", .proxy = "native",
                                         .tlsPriority = "SECURE128" };
    const remoteURIDefaults wrong = { .mode = "sideways" };
    g_autoptr(virURI) plain = virURIParse("qemu:///system");
    g_autoptr(virURI) own = virURIParse("qemu:///system?mode=auto&proxy=auto&tls_priority=X");
    g_autoptr(remoteURI) first = NULL;
    g_autoptr(remoteURI) second = NULL;
    remoteURI *third = NULL;

    g_assert_cmpint(remoteURIParse(plain, &defaults, &first), ==, 1);
    g_assert_cmpint(first->mode, ==, REMOTE_MODE_DIRECT);
    g_assert_cmpint(first->proxy, ==, REMOTE_PROXY_NATIVE);
    g_assert_cmpstr(first->tlsPriority, ==, "SECURE128");
    /* the URI has the last word */
    g_assert_cmpint(remoteURIParse(own, &defaults, &second), ==, 1);
    g_assert_cmpint(second->mode, ==, REMOTE_MODE_AUTO);
    g_assert_cmpint(second->proxy, ==, REMOTE_PROXY_AUTO);
    g_assert_cmpstr(second->tlsPriority, ==, "X");

    g_assert_cmpint(remoteURIParse(plain, &wrong, &third), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "'sideways'"));
    g_assert_null(third);
}

static void
testNotOurs(void)
{
    g_autoptr(virURI) embed = virURIParse("qemu:///embed?root=/x");
    remoteURI *parsed = NULL;

    virResetLastError();
    g_assert_cmpint(remoteURIParse(embed, &noDefaults, &parsed), ==, 0);
    g_assert_null(parsed);
    g_assert_null(virGetLastError());
}

static void
testBad(void)
{
    static const struct {
        const char *uri;
        int code;
        const char *word;
    } bad[] = {
        { "qemu+foo://h/system", VIR_ERR_INVALID_ARG, "'foo'" },
        { "qemu+:///system", VIR_ERR_INVALID_ARG, "''" },
        { "qemu+libssh2://h/system", VIR_ERR_INVALID_ARG, "'libssh2'" },
        { "qemu+unix://host/system", VIR_ERR_INVALID_ARG, "'host'" },
        { "qemu:///system?mode=x", VIR_ERR_INVALID_ARG, "'x'" },
        { "qemu+ssh://h/system?proxy=x", VIR_ERR_INVALID_ARG, "'x'" },
        { "qemu+ssh://h/system?proxy=native&netcat=nc", VIR_ERR_INVALID_ARG, "'netcat'" },
        { "qemu+ssh://h/system?mode=direct", VIR_ERR_OPERATION_UNSUPPORTED, "'direct'" },
        { "qemu+ext:///system", VIR_ERR_INVALID_ARG, "'command'" },
        { "qemu+ext:///system?command=", VIR_ERR_INVALID_ARG, "'command'" },
        { "qemu+tls://h/system?no_verify=x", VIR_ERR_INVALID_ARG, "'no_verify'" },
        { "qemu+ssh://h/system?no_tty=", VIR_ERR_INVALID_ARG, "'no_tty'" },
        { "qemu+tls://h/system?no_sanity=1x", VIR_ERR_INVALID_ARG, "'1x'" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(virURI) uri = virURIParse(bad[i].uri);
        remoteURI *parsed = NULL;

        g_assert_nonnull(uri);
        virResetLastError();
        g_assert_cmpint(remoteURIParse(uri, &noDefaults, &parsed), ==, -1);
        g_assert_null(parsed);
        g_assert_cmpint(virGetLastErrorCode(), ==, bad[i].code);
        g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_REMOTE);
        if (!strstr(virGetLastErrorMessage(), bad[i].word))
            g_error("%s: '%s' does not name %s", bad[i].uri, virGetLastErrorMessage(),
                    bad[i].word);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/uri/names", testNames);
    g_test_add_func("/remote/uri/parts", testParts);
    g_test_add_func("/remote/uri/defaults", testDefaults);
    g_test_add_func("/remote/uri/not-ours", testNotOurs);
    g_test_add_func("/remote/uri/bad", testBad);
    return g_test_run();
}
