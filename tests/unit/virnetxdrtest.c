/*
 * virnetxdrtest.c: strings and arrays that announce more than there is, or are longer than allowed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <glib.h>

#include "rpcpeer.h"
#include "virnetxdr.h"

static bool
decodeString(const char *hex, u_int max, char **text)
{
    g_autoptr(GByteArray) bytes = rpcPeerBytes(hex);
    XDR xdr;

    *text = NULL;
    xdrmem_create(&xdr, (char *)bytes->data, bytes->len, XDR_DECODE);
    return virNetXDRString(&xdr, text, max);
}

static void
testDecodeString(void)
{
    char *text;

    g_assert_true(decodeString("00000000", 3, &text));
    g_assert_cmpstr(text, ==, "");
    free(text);
    g_assert_true(decodeString("00000003 616263 00", 3, &text));
    g_assert_cmpstr(text, ==, "abc");
    free(text);

    /* Above the limit; no length; less than announced; no padding. Nothing is left to be freed. */
    g_assert_false(decodeString("00000004 61626364", 3, &text));
    g_assert_null(text);
    g_assert_false(decodeString("000000", 3, &text));
    g_assert_null(text);
    g_assert_false(decodeString("00000003 6162", 3, &text));
    g_assert_null(text);
    g_assert_false(decodeString("ffffffff 61626364", G_MAXUINT, &text));
    g_assert_null(text);
    g_assert_false(decodeString("00000003 616263", 3, &text));
    g_assert_null(text);
}

static void
testEncodeString(void)
{
    g_autoptr(GByteArray) want = rpcPeerBytes("00000003 616263 00");
    char *text = strdup("abc");
    char buffer[16];
    XDR xdr;

    xdrmem_create(&xdr, buffer, sizeof(buffer), XDR_ENCODE);
    g_assert_true(virNetXDRString(&xdr, &text, 3));
    g_assert_cmpmem(buffer, xdr_getpos(&xdr), want->data, want->len);
    g_assert_false(virNetXDRString(&xdr, &text, 2));

    /* Freed whatever the limit, and once. */
    xdr.x_op = XDR_FREE;
    g_assert_true(virNetXDRString(&xdr, &text, 2));
    g_assert_null(text);
    g_assert_true(virNetXDRString(&xdr, &text, 2));
    xdr.x_op = XDR_ENCODE;
    g_assert_false(virNetXDRString(&xdr, &text, 2));
}

static bool
decodeArray(const char *hex, u_int max, int **array, u_int *len)
{
    g_autoptr(GByteArray) bytes = rpcPeerBytes(hex);
    XDR xdr;

    *array = NULL;
    *len = 0;
    xdrmem_create(&xdr, (char *)bytes->data, bytes->len, XDR_DECODE);
    return virNetXDRArray(&xdr, (caddr_t *)array, len, max, sizeof(int), (xdrproc_t)xdr_int);
}

static void
testArray(void)
{
    int *array;
    u_int len;

    g_assert_true(decodeArray("00000002 00000007 00000008", 2, &array, &len));
    g_assert_cmpuint(len, ==, 2);
    g_assert_cmpint(array[1], ==, 8);
    free(array);
    g_assert_true(decodeArray("00000000", 2, &array, &len));
    g_assert_cmpuint(len, ==, 0);
    free(array);

    /* Nothing is allocated for what isn't there. */
    g_assert_false(decodeArray("00000003 00000007 00000008", G_MAXUINT, &array, &len));
    g_assert_null(array);
    g_assert_false(decodeArray("3fffffff", G_MAXUINT, &array, &len));
    g_assert_null(array);
    g_assert_false(decodeArray("00000003 00000007 00000008 00000009", 2, &array, &len));
    g_assert_null(array);
    g_assert_false(decodeArray("00", 2, &array, &len));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netxdr/decode-string", testDecodeString);
    g_test_add_func("/netxdr/encode-string", testEncodeString);
    g_test_add_func("/netxdr/array", testArray);
    return g_test_run();
}
