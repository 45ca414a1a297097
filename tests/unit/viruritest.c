/*
 * viruritest.c: URIs taken apart
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viruri.h"

#include <string.h>

#include "virerror_priv.h"

static void
testParts(void)
{
    g_autoptr(virURI) uri = virURIParse("qemu+ssh://user@[::1]:2222/system?socket=%2Frun%2Fx;a=b"
                                        "&A=c&flag&=x#frag");

    g_assert_nonnull(uri);
    g_assert_cmpstr(uri->scheme, ==, "qemu+ssh");
    g_assert_cmpstr(uri->user, ==, "user");
    g_assert_cmpstr(uri->server, ==, "::1");
    g_assert_cmpuint(uri->port, ==, 2222);
    g_assert_cmpstr(uri->path, ==, "/system");
    g_assert_cmpstr(uri->fragment, ==, "frag");
    g_assert_cmpuint(uri->paramsCount, ==, 4);
    g_assert_cmpstr(virURIGetParam(uri, "SOCKET"), ==, "/run/x");
    g_assert_cmpstr(virURIGetParam(uri, "a"), ==, "b");         /* the first of two */
    g_assert_cmpstr(uri->params[2].value, ==, "c");
    g_assert_cmpstr(virURIGetParam(uri, "flag"), ==, "");
    g_assert_null(virURIGetParam(uri, "none"));
}

static void
testRepeated(void)
{
    g_autoptr(virURI) uri = virURIParse("qemu:///embed?monitor=/a/*.qmp&monitor=/b%20c&monitor=");

    g_assert_nonnull(uri);
    g_assert_null(uri->server);
    g_assert_cmpuint(uri->paramsCount, ==, 3);
    g_assert_cmpstr(uri->params[0].value, ==, "/a/*.qmp");
    g_assert_cmpstr(uri->params[1].value, ==, "/b c");
    g_assert_cmpstr(uri->params[2].value, ==, "");
}

static void
testBad(void)
{
    g_autofree char *huge = g_strnfill(VIR_URI_LENGTH_MAX + 1, 'a');

    g_assert_null(virURIParse("::"));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_URI);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "'::'"));
    g_assert_null(virURIParse(huge));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
}

static void
testForms(void)
{
    static const struct {
        const char *text, *scheme, *user, *server, *path, *query;
        unsigned int port;
    } forms[] = {
        { "qemu:///system", "qemu", NULL, NULL, "/system", NULL, 0 },
        { "qemu://", "qemu", NULL, NULL, NULL, NULL, 0 },
        { "qemu:", "qemu", NULL, NULL, NULL, NULL, 0 },
        { "qemu:///", "qemu", NULL, NULL, "/", NULL, 0 },
        { "qemu+tls://host/system?no_verify=1", "qemu+tls", NULL, "host", "/system",
          "no_verify=1", 0 },
        { "qemu+ssh://root@host:22/x", "qemu+ssh", "root", "host", "/x", NULL, 22 },
        { "qemu://[fe80::1]/x", "qemu", NULL, "fe80::1", "/x", NULL, 0 },
        { "qemu:///a%20b", "qemu", NULL, NULL, "/a b", NULL, 0 },
        { "alias", NULL, NULL, NULL, "alias", NULL, 0 },
        { "/a/path", NULL, NULL, NULL, "/a/path", NULL, 0 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(virURI) uri = virURIParse(forms[i].text);

        g_assert_nonnull(uri);
        g_assert_cmpstr(uri->text, ==, forms[i].text);
        g_assert_cmpstr(uri->scheme, ==, forms[i].scheme);
        g_assert_cmpstr(uri->user, ==, forms[i].user);
        g_assert_cmpstr(uri->server, ==, forms[i].server);
        g_assert_cmpstr(uri->path, ==, forms[i].path);
        g_assert_cmpstr(uri->query, ==, forms[i].query);
        g_assert_cmpuint(uri->port, ==, forms[i].port);
        g_assert_null(uri->fragment);
    }
    virURIFree(NULL);
}

/* What makes no sense stays as it is, rather than to be cut. */
static void
testEscapes(void)
{
    static const struct {
        const char *text, *value;
    } escapes[] = {
        { "%2f%2F", "//" }, { "a+b", "a+b" }, { "a=b=c", "a=b=c" }, { "%3D%26%3b", "=&;" },
        { "%00", "%00" }, { "a%00b", "a%00b" }, { "%E9", "\xe9" }, { "%25", "%" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(escapes); i++) {
        g_autofree char *text = g_strdup_printf("qemu:///embed?p=%s", escapes[i].text);
        g_autoptr(virURI) uri = virURIParse(text);

        g_assert_nonnull(uri);
        g_assert_cmpuint(uri->paramsCount, ==, 1);
        g_assert_cmpstr(uri->params[0].name, ==, "p");
        g_assert_cmpstr(uri->params[0].value, ==, escapes[i].value);
    }
}

static void
testLongest(void)
{
    g_autofree char *fill = g_strnfill(VIR_URI_LENGTH_MAX - strlen("qemu:///"), 'a');
    g_autofree char *longest = g_strconcat("qemu:///", fill, NULL);
    g_autoptr(virURI) uri = virURIParse(longest);
    g_autoptr(GString) many = g_string_new("qemu:///?");

    g_assert_nonnull(uri);
    while (many->len + 2 <= VIR_URI_LENGTH_MAX)
        g_string_append(many, "a&");
    {
        g_autoptr(virURI) params = virURIParse(many->str);

        g_assert_nonnull(params);
        g_assert_cmpuint(params->paramsCount, ==, (many->len - strlen("qemu:///?")) / 2);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/uri/parts", testParts);
    g_test_add_func("/util/uri/repeated", testRepeated);
    g_test_add_func("/util/uri/forms", testForms);
    g_test_add_func("/util/uri/escapes", testEscapes);
    g_test_add_func("/util/uri/longest", testLongest);
    g_test_add_func("/util/uri/bad", testBad);
    return g_test_run();
}
