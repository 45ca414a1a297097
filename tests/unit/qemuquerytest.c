/*
 * qemuquerytest.c: QMP commands on behalf of a caller, and what they answer
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_query.h"

#include <string.h>

#include "qemufixture.h"
#include "virerror_priv.h"

static void
testCommand(void)
{
    static const qemuFixtureAnswer answers[] = {
        { "{\"execute\":\"query-x\",\"arguments\":{\"a\":[1]},\"id\"", NULL, "{\"b\": 2}", NULL },
        { "\"fails\"", NULL, NULL, "The command fails has not been found" },
        { NULL },
    };
    g_autoptr(virJSONValue) reply = NULL;
    gint64 number = 0;
    qemuFixture f;

    qemuFixtureInit(&f, answers);
    reply = qemuQueryCommand(f.dom, "query-x", "{\"a\":[1]}");
    g_assert_nonnull(reply);
    g_assert_cmpint(virJSONValueObjectGetInt64(virJSONValueObjectGet(reply, "return"), "b",
                                               &number), ==, 0);
    g_assert_cmpint(number, ==, 2);

    g_assert_null(qemuQueryCommand(f.dom, "fails", NULL));
    qemuFixtureAssertError(VIR_ERR_INTERNAL_ERROR, "unable to execute QEMU command 'fails': "
                                                   "The command fails has not been found");
    g_assert_null(qemuQueryOptional(f.dom, "fails", NULL));
    g_assert_null(virGetLastError());
    qemuFixtureClear(&f);
}

static void
testClosed(void)
{
    static const qemuFixtureAnswer leaves[] = { { "\"query-x\"", NULL, NULL, NULL }, { NULL } };
    qemuQueryMemory memory = { 0 };
    unsigned int cpus = 0;
    qemuFixture f;

    qemuFixtureInit(&f, leaves);
    g_assert_null(qemuQueryCommand(f.dom, "query-x", NULL));
    qemuFixtureAssertError(VIR_ERR_OPERATION_FAILED, "went away");
    g_assert_true(qemuDomainWaitEnd(f.dom, 20000));
    g_assert_null(qemuQueryOptional(f.dom, "query-x", NULL));
    g_assert_null(virGetLastError());
    g_assert_cmpint(qemuQueryGetMemory(f.dom, &memory), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpint(qemuQueryGetCpus(f.dom, &cpus), ==, -1);
    qemuFixtureClear(&f);
}

static void
testHuman(void)
{
    static const qemuFixtureAnswer answers[] = {
        { "\"command-line\":\"info \\\"name\\\"\\\\\\u0001\xc3\xa4\"", NULL, "\"g\\r\\n\"", NULL },
        { "\"command-line\":\"\"", NULL, "\"\"", NULL },
        { "\"command-line\":\"number\"", NULL, "1", NULL },
        { "\"command-line\":\"fails\"", NULL, NULL, "no" },
        { NULL },
    };
    char *result = NULL;
    qemuFixture f;

    qemuFixtureInit(&f, answers);
    g_assert_cmpint(qemuQueryHuman(f.dom, "info \"name\"\\\x01\xc3\xa4", &result), ==, 0);
    g_assert_cmpstr(result, ==, "g\r\n");
    g_clear_pointer(&result, g_free);
    g_assert_cmpint(qemuQueryHuman(f.dom, "", &result), ==, 0);
    g_assert_cmpstr(result, ==, "");
    g_clear_pointer(&result, g_free);

    g_assert_cmpint(qemuQueryHuman(f.dom, "number", &result), ==, -1);
    qemuFixtureAssertError(VIR_ERR_INTERNAL_ERROR, "not a string");
    g_assert_cmpint(qemuQueryHuman(f.dom, "fails", &result), ==, -1);
    qemuFixtureAssertError(VIR_ERR_INTERNAL_ERROR, "'human-monitor-command': no");
    g_assert_cmpint(qemuQueryHuman(f.dom, "\xff", &result), ==, -1);
    qemuFixtureAssertError(VIR_ERR_INVALID_ARG, "not valid UTF-8");
    g_assert_null(result);
    qemuFixtureClear(&f);
}

/* Sizes in KiB, whatever of them QEMU tells. */
static void
testMemory(void)
{
    static const struct {
        qemuFixtureAnswer summary, balloon;
        unsigned long long maximum, current;
    } cases[] = {
        { { "size-summary", NULL, "{\"base-memory\": 134217728, \"plugged-memory\": 0}", NULL },
          { "balloon", NULL, NULL, "No balloon device has been activated" }, 131072, 131072 },
        { { "size-summary", NULL, "{\"base-memory\": 134217728, \"plugged-memory\": 1048576}",
            NULL },
          { "balloon", NULL, "{\"actual\": 67108864}", NULL }, 132096, 65536 },
        { { "size-summary", NULL, "{\"base-memory\": 1023}", NULL },
          { "balloon", NULL, "{\"actual\": -1}", NULL }, 0, 0 },
        { { "size-summary", NULL, NULL, "The command has not been found" },
          { "balloon", NULL, "{\"actual\": 1024}", NULL }, 0, 1 },
        { { "size-summary", NULL, "{\"base-memory\": \"1024\", \"plugged-memory\": 1e3}", NULL },
          { "balloon", NULL, "[]", NULL }, 0, 0 },
        { { "size-summary", NULL, "{\"base-memory\": 9223372036854775807}", NULL },
          { "balloon", NULL, "{}", NULL }, 9007199254740991ULL, 9007199254740991ULL },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        const qemuFixtureAnswer answers[] = { cases[i].summary, cases[i].balloon, { NULL } };
        qemuQueryMemory memory = { 1, 1 };
        qemuFixture f;

        qemuFixtureInit(&f, answers);
        g_assert_cmpint(qemuQueryGetMemory(f.dom, &memory), ==, 0);
        g_assert_cmpuint(memory.maximum, ==, cases[i].maximum);
        g_assert_cmpuint(memory.current, ==, cases[i].current);
        g_assert_null(virGetLastError());
        qemuFixtureClear(&f);
    }
}

static void
testCpus(void)
{
    static const struct {
        qemuFixtureAnswer answer;
        unsigned int count;
    } cases[] = {
        { { "cpus-fast", NULL, "[{\"cpu-index\": 0}, {\"cpu-index\": 1}]", NULL }, 2 },
        { { "cpus-fast", NULL, "[]", NULL }, 0 },
        { { "cpus-fast", NULL, "{}", NULL }, 0 },
        { { "cpus-fast", NULL, NULL, "The command has not been found" }, 0 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        const qemuFixtureAnswer answers[] = { cases[i].answer, { NULL } };
        unsigned int count = 99;
        qemuFixture f;

        qemuFixtureInit(&f, answers);
        g_assert_cmpint(qemuQueryGetCpus(f.dom, &count), ==, 0);
        g_assert_cmpuint(count, ==, cases[i].count);
        qemuFixtureClear(&f);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/query/command", testCommand);
    g_test_add_func("/qemu/query/closed", testClosed);
    g_test_add_func("/qemu/query/human", testHuman);
    g_test_add_func("/qemu/query/memory", testMemory);
    g_test_add_func("/qemu/query/cpus", testCpus);
    return g_test_run();
}
