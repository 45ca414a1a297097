/*
 * remote_daemon_params.c: typed parameters that administrators send and get
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_params.h"

#include <string.h>
#include <libvirt/libvirt.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_RPC

/* Of a parameter in a packet, beside its texts: two lengths, the type, the longest number. */
#define REMOTE_PARAMS_OVERHEAD 20

static void
remoteParamsFreeOne(void *opaque)
{
    remote_typed_param *param = opaque;

    g_free(param->field);
    if (param->value.type == VIR_TYPED_PARAM_STRING)
        g_free(param->value.remote_typed_param_value_u.s);
}

void
remoteParamsClear(remoteParams *params)
{
    g_clear_pointer(&params->array, g_array_unref);
    params->bytes = 0;
}

/* Returns the value, whose kind is @type; until the next is added. */
static remote_typed_param_value *
remoteParamsAdd(remoteParams *params, const char *name, int type)
{
    remote_typed_param param = { .field = g_strdup(name), .value = { .type = type } };

    if (!params->array) {
        params->array = g_array_new(FALSE, FALSE, sizeof(remote_typed_param));
        g_array_set_clear_func(params->array, remoteParamsFreeOne);
    }
    params->bytes += strlen(name) + REMOTE_PARAMS_OVERHEAD;
    g_array_append_val(params->array, param);
    return &g_array_index(params->array, remote_typed_param, params->array->len - 1).value;
}

void
remoteParamsAddInt(remoteParams *params, const char *name, int value)
{
    remoteParamsAdd(params, name, VIR_TYPED_PARAM_INT)->remote_typed_param_value_u.i = value;
}

void
remoteParamsAddUInt(remoteParams *params, const char *name, unsigned int value)
{
    remoteParamsAdd(params, name, VIR_TYPED_PARAM_UINT)->remote_typed_param_value_u.ui = value;
}

void
remoteParamsAddLLong(remoteParams *params, const char *name, gint64 value)
{
    remoteParamsAdd(params, name, VIR_TYPED_PARAM_LLONG)->remote_typed_param_value_u.l = value;
}

void
remoteParamsAddULLong(remoteParams *params, const char *name, guint64 value)
{
    remoteParamsAdd(params, name, VIR_TYPED_PARAM_ULLONG)->remote_typed_param_value_u.ul = value;
}

void
remoteParamsAddBool(remoteParams *params, const char *name, bool value)
{
    remoteParamsAdd(params, name, VIR_TYPED_PARAM_BOOLEAN)->remote_typed_param_value_u.b = value;
}

void
remoteParamsAddString(remoteParams *params, const char *name, const char *value)
{
    if (!value)
        return;
    params->bytes += strlen(value);
    remoteParamsAdd(params, name, VIR_TYPED_PARAM_STRING)->remote_typed_param_value_u.s =
        g_strdup(value);
}

void
remoteParamsSteal(remoteParams *params, u_int *len, remote_typed_param **val)
{
    *len = 0;
    *val = NULL;
    if (params->array) {
        *len = params->array->len;
        *val = (remote_typed_param *)(void *)g_array_free(g_steal_pointer(&params->array), FALSE);
    }
    params->bytes = 0;
}

/* Whether @param is a number that an gint64 holds; it goes to @value. */
static bool
remoteParamsNumber(const remote_typed_param *param, gint64 *value)
{
    switch (param->value.type) {
    case VIR_TYPED_PARAM_INT:
        *value = param->value.remote_typed_param_value_u.i;
        return true;
    case VIR_TYPED_PARAM_UINT:
        *value = param->value.remote_typed_param_value_u.ui;
        return true;
    case VIR_TYPED_PARAM_LLONG:
        *value = param->value.remote_typed_param_value_u.l;
        return true;
    case VIR_TYPED_PARAM_ULLONG:
        *value = (gint64)param->value.remote_typed_param_value_u.ul;
        return *value >= 0;
    case VIR_TYPED_PARAM_BOOLEAN:
        *value = param->value.remote_typed_param_value_u.b != 0;
        return true;
    default:
        return false;
    }
}

static bool
remoteParamsEqual(const remote_typed_param *one, const remote_typed_param *other)
{
    gint64 first, second;

    if (one->value.type == VIR_TYPED_PARAM_STRING && other->value.type == VIR_TYPED_PARAM_STRING)
        return strcmp(one->value.remote_typed_param_value_u.s,
                      other->value.remote_typed_param_value_u.s) == 0;
    return remoteParamsNumber(one, &first) && remoteParamsNumber(other, &second) &&
        first == second;
}

static bool
remoteParamsHas(const remoteParams *params, const remote_typed_param *wanted)
{
    guint i;

    for (i = 0; params->array && i < params->array->len; i++) {
        const remote_typed_param *param = &g_array_index(params->array, remote_typed_param, i);

        if (strcmp(param->field, wanted->field) == 0)
            return remoteParamsEqual(param, wanted);
    }
    return false;
}

bool
remoteParamsMatch(const remoteParams *params, const remote_typed_param *filter, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!remoteParamsHas(params, &filter[i]))
            return false;
    }
    return true;
}

int
remoteParamsGetNumber(const remote_typed_param *param, gint64 *value)
{
    if (remoteParamsNumber(param, value))
        return 0;
    virReportError(VIR_ERR_INVALID_ARG, _("the value of parameter '%1$s' is no number"),
                   param->field);
    return -1;
}
