/*
 * remotedaemonparamstest.c: typed parameters that administrators send and get
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_params.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "virerror_priv.h"

/* One of each type. */
static void
fill(remoteParams *params)
{
    remoteParamsAddInt(params, "int", -5);
    remoteParamsAddUInt(params, "uint", 5);
    remoteParamsAddLLong(params, "llong", G_MININT64);
    remoteParamsAddULLong(params, "ullong", G_MAXUINT64);
    remoteParamsAddBool(params, "bool", true);
    remoteParamsAddString(params, "string", "text");
    remoteParamsAddString(params, "unknown", NULL);
}

static void
testBuild(void)
{
    static const int types[] = {
        VIR_TYPED_PARAM_INT, VIR_TYPED_PARAM_UINT, VIR_TYPED_PARAM_LLONG, VIR_TYPED_PARAM_ULLONG,
        VIR_TYPED_PARAM_BOOLEAN, VIR_TYPED_PARAM_STRING,
    };
    g_auto(remoteParams) params = { 0 };
    remote_typed_param *val;
    u_int len;
    u_int i;

    fill(&params);
    g_assert_cmpuint(params.bytes, >, strlen("int" "uint" "llong" "ullong" "bool" "string" "text"));
    remoteParamsSteal(&params, &len, &val);
    g_assert_cmpuint(len, ==, G_N_ELEMENTS(types));
    for (i = 0; i < len; i++)
        g_assert_cmpint(val[i].value.type, ==, types[i]);
    g_assert_cmpstr(val[5].field, ==, "string");
    g_assert_cmpstr(val[5].value.remote_typed_param_value_u.s, ==, "text");
    for (i = 0; i < len; i++)
        xdr_free((xdrproc_t)xdr_remote_typed_param, &val[i]);
    g_free(val);

    /* Nothing is left, and nothing can be taken. */
    g_assert_cmpuint(params.bytes, ==, 0);
    remoteParamsSteal(&params, &len, &val);
    g_assert_cmpuint(len, ==, 0);
    g_assert_null(val);
}

static void
testMatch(void)
{
    g_auto(remoteParams) params = { 0 };
    remote_typed_param filter[] = {
        { (char *)"uint", { VIR_TYPED_PARAM_LLONG, { .l = 5 } } },
        { (char *)"string", { VIR_TYPED_PARAM_STRING, { .s = (char *)"text" } } },
        { (char *)"bool", { VIR_TYPED_PARAM_INT, { .i = 1 } } },
    };

    fill(&params);
    g_assert_true(remoteParamsMatch(&params, NULL, 0));
    g_assert_true(remoteParamsMatch(&params, filter, 3));
    filter[0].value.remote_typed_param_value_u.l = 6;
    g_assert_true(remoteParamsMatch(&params, filter + 1, 2));
    g_assert_false(remoteParamsMatch(&params, filter, 3));
    /* What is of another kind, isn't there, or can't be compared. */
    filter[0] = (remote_typed_param){ (char *)"string", { VIR_TYPED_PARAM_INT, { .i = 1 } } };
    g_assert_false(remoteParamsMatch(&params, filter, 1));
    filter[0].field = (char *)"unknown";
    g_assert_false(remoteParamsMatch(&params, filter, 1));
    filter[0] = (remote_typed_param){ (char *)"uint", { VIR_TYPED_PARAM_DOUBLE, { .d = 5 } } };
    g_assert_false(remoteParamsMatch(&params, filter, 1));
    remoteParamsClear(&params);
    g_assert_false(remoteParamsMatch(&params, filter, 1));
    g_assert_true(remoteParamsMatch(&params, filter, 0));
}

static void
testNumbers(void)
{
    remote_typed_param param = { (char *)"x", { VIR_TYPED_PARAM_UINT, { .ui = G_MAXUINT } } };
    gint64 value;

    g_assert_cmpint(remoteParamsGetNumber(&param, &value), ==, 0);
    g_assert_cmpint(value, ==, G_MAXUINT);
    param.value = (remote_typed_param_value){ VIR_TYPED_PARAM_ULLONG, { .ul = G_MAXINT64 } };
    g_assert_cmpint(remoteParamsGetNumber(&param, &value), ==, 0);
    g_assert_cmpint(value, ==, G_MAXINT64);
    /* One more than fits. */
    param.value.remote_typed_param_value_u.ul++;
    g_assert_cmpint(remoteParamsGetNumber(&param, &value), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "'x'"));
    param.value = (remote_typed_param_value){ VIR_TYPED_PARAM_STRING, { .s = (char *)"7" } };
    g_assert_cmpint(remoteParamsGetNumber(&param, &value), ==, -1);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/daemon-params/build", testBuild);
    g_test_add_func("/remote/daemon-params/match", testMatch);
    g_test_add_func("/remote/daemon-params/numbers", testNumbers);
    return g_test_run();
}
