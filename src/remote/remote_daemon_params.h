/*
 * remote_daemon_params.h: typed parameters that administrators send and get
 *
 * Built for the wire and read from it; what a name means is its user's. Events that carry such
 * parameters have them from the public API (remote_daemon_typed.h).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

#include "remote_protocol.h"

/* Parameters that become a reply, in order. */
typedef struct {
    GArray *array;              /* remote_typed_param; NULL: nothing was added */
    size_t bytes;               /* that they take in a packet, roughly */
} remoteParams;

void remoteParamsClear(remoteParams *params);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteParams, remoteParamsClear)

void remoteParamsAddInt(remoteParams *params, const char *name, int value);
void remoteParamsAddUInt(remoteParams *params, const char *name, unsigned int value);
void remoteParamsAddLLong(remoteParams *params, const char *name, gint64 value);
void remoteParamsAddULLong(remoteParams *params, const char *name, guint64 value);
void remoteParamsAddBool(remoteParams *params, const char *name, bool value);
/* NULL: it is unknown, and nothing is added. */
void remoteParamsAddString(remoteParams *params, const char *name, const char *value);

/* What was built goes to a reply, which xdr_free() frees. */
void remoteParamsSteal(remoteParams *params, u_int *len, remote_typed_param **val);

/* Whether each of @filter is in @params, with the same value; numbers of different types may be the
 * same. */
bool remoteParamsMatch(const remoteParams *params, const remote_typed_param *filter, size_t count);

/* The value of a number of any type, if it fits. Returns 0, or -1 with VIR_ERR_INVALID_ARG reported
 * that names the parameter. */
int remoteParamsGetNumber(const remote_typed_param *param, gint64 *value);
