/*
 * virnetxdr.h: strings and arrays, as the code that rpcgen makes reads, writes and frees them
 *
 * Takes the place of libtirpc's functions of the same purpose there, by a macro that meson.build
 * gives to the compiler. Those allocate what a message announces before they look whether it
 * is there, and don't free a string that turned out to be too long to be sent.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <rpc/rpc.h>

/* Of a function that calls filters. What rpcgen makes of them has types of its own, and they are
 * called by another: by design of XDR, and not to be stopped by clang's CFI (-Dcfi=true). */
#if defined(__clang__)
# define VIR_NET_XDR_CALLS_FILTERS __attribute__((no_sanitize("cfi-icall")))
#else
# define VIR_NET_XDR_CALLS_FILTERS
#endif

/* As xdr_string() and xdr_array(). To decode, @xdrs must be a memory stream. */
bool_t virNetXDRString(XDR *xdrs, char **text, u_int max);
bool_t virNetXDRArray(XDR *xdrs, caddr_t *array, u_int *len, u_int max, u_int size,
                      xdrproc_t filter);
