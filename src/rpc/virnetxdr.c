/*
 * virnetxdr.c: strings and arrays, as the code that rpcgen makes reads, writes and frees them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetxdr.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that a memory stream has left. */
static u_int
virNetXDRLeft(XDR *xdrs)
{
    return xdrs->x_handy;
}

static bool_t
virNetXDRDecodeString(XDR *xdrs, char **text, u_int max)
{
    u_int len;

    if (!xdr_u_int(xdrs, &len) || len > max || len > virNetXDRLeft(xdrs))
        return FALSE;
    if (!(*text = malloc((size_t)len + 1)))
        return FALSE;
    (*text)[len] = '\0';
    if (!xdr_opaque(xdrs, *text, len)) {
        free(*text);
        *text = NULL;
        return FALSE;
    }
    return TRUE;
}

bool_t
virNetXDRString(XDR *xdrs, char **text, u_int max)
{
    size_t size;
    u_int len;

    switch (xdrs->x_op) {
    case XDR_ENCODE:
        if (!*text || (size = strlen(*text)) > max)
            return FALSE;
        len = size;
        return xdr_u_int(xdrs, &len) && xdr_opaque(xdrs, *text, len);
    case XDR_DECODE:
        return virNetXDRDecodeString(xdrs, text, max);
    case XDR_FREE:
        free(*text);
        *text = NULL;
        return TRUE;
    }
    return FALSE;
}

bool_t
virNetXDRArray(XDR *xdrs, caddr_t *array, u_int *len, u_int max, u_int size, xdrproc_t filter)
{
    if (xdrs->x_op == XDR_DECODE) {
        u_int start = xdr_getpos(xdrs);
        u_int count;

        /* Whatever it is an array of, each takes a word at least. */
        if (!xdr_u_int(xdrs, &count) || count > virNetXDRLeft(xdrs) / BYTES_PER_XDR_UNIT ||
            !xdr_setpos(xdrs, start))
            return FALSE;
    }
    return xdr_array(xdrs, array, len, max, size, filter);
}
