/*
 * virtmon_admin_record.c: records of typed parameters as people and machines read them
 *
 * What a record has is the daemon's business: a parameter that isn't known here is shown like any
 * other.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_admin.h"

#include <string.h>

#include "virtmon_json.h"

char *
virtmonAdminValue(const remote_typed_param *param)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];

    switch (param->value.type) {
    case VIR_TYPED_PARAM_INT:
        return g_strdup_printf("%d", param->value.remote_typed_param_value_u.i);
    case VIR_TYPED_PARAM_UINT:
        return g_strdup_printf("%u", param->value.remote_typed_param_value_u.ui);
    case VIR_TYPED_PARAM_LLONG:
        return g_strdup_printf("%lld", (long long)param->value.remote_typed_param_value_u.l);
    case VIR_TYPED_PARAM_ULLONG:
        return g_strdup_printf("%llu",
                               (unsigned long long)param->value.remote_typed_param_value_u.ul);
    case VIR_TYPED_PARAM_DOUBLE:
        return g_strdup(g_ascii_dtostr(buffer, sizeof(buffer),
                                       param->value.remote_typed_param_value_u.d));
    case VIR_TYPED_PARAM_BOOLEAN:
        return g_strdup(param->value.remote_typed_param_value_u.b ? _("yes") : _("no"));
    case VIR_TYPED_PARAM_STRING:
        return g_strdup(param->value.remote_typed_param_value_u.s);
    default:
        return g_strdup("");
    }
}

const remote_typed_param *
virtmonAdminFind(const remote_typed_param *params, size_t count, const char *name)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strcmp(params[i].field, name) == 0)
            return &params[i];
    }
    return NULL;
}

char *
virtmonAdminCell(const virtmon_admin_record *record, const char *name, const char *missing)
{
    const remote_typed_param *param = virtmonAdminFind(record->params.params_val,
                                                       record->params.params_len, name);

    return param ? virtmonAdminValue(param) : g_strdup(missing);
}

void
virtmonAdminPrintParams(vshControl *ctl, const remote_typed_param *params, size_t count,
                        size_t width)
{
    size_t i;

    for (i = 0; i < count; i++) {
        g_autofree char *name = vshSafe(ctl, params[i].field, false);
        g_autofree char *padded = vshPad(name, width);
        g_autofree char *value = virtmonAdminValue(&params[i]);
        g_autofree char *safe = vshSafe(ctl, value, false);

        vshPrint(ctl, "%s: %s\n", padded, safe);
    }
}

static void
virtmonAdminJSONString(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    virtmonJSONAppendString(out, valid, strlen(valid));
}

static void
virtmonAdminJSONValue(GString *out, const remote_typed_param *param)
{
    g_autofree char *value = NULL;

    if (param->value.type == VIR_TYPED_PARAM_STRING) {
        virtmonAdminJSONString(out, param->value.remote_typed_param_value_u.s);
    } else if (param->value.type == VIR_TYPED_PARAM_BOOLEAN) {
        g_string_append(out, param->value.remote_typed_param_value_u.b ? "true" : "false");
    } else {
        value = virtmonAdminValue(param);
        g_string_append(out, *value ? value : "null");
    }
}

char *
virtmonAdminJSON(const virtmon_admin_record *record)
{
    GString *out = g_string_new("{");
    u_int i;

    for (i = 0; i < record->params.params_len; i++) {
        const remote_typed_param *param = &record->params.params_val[i];

        if (i > 0)
            g_string_append_c(out, ',');
        virtmonAdminJSONString(out, param->field);
        g_string_append_c(out, ':');
        virtmonAdminJSONValue(out, param);
    }
    g_string_append_c(out, '}');
    return g_string_free(out, FALSE);
}
