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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/uri/parts", testParts);
    g_test_add_func("/util/uri/repeated", testRepeated);
    g_test_add_func("/util/uri/bad", testBad);
    return g_test_run();
}
