/*
 * qemufixture.c: a domain whose QEMU is a peer with a script
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemufixture.h"

#include <string.h>

#include "qemu_attach.h"
#include "virerror_priv.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

static char *
qemuFixtureName(const char *line)
{
    const char *name = strstr(line, "\"execute\":\"");

    name = name ? name + strlen("\"execute\":\"") : "";
    return g_strndup(name, strcspn(name, "\""));
}

/* Runs in the peer's thread. */
static char *
qemuFixtureReply(const char *line, void *opaque)
{
    static const char *const identifying[] = {
        "qmp_capabilities", "query-name", "query-uuid", "query-version", "query-target",
        "query-kvm", "query-status", NULL,
    };
    qemuFixture *f = opaque;
    g_autofree char *name = qemuFixtureName(line);
    const qemuFixtureAnswer *answer = NULL;
    g_autofree char *reply = NULL;
    size_t i;

    virMutexLock(&f->lock);
    if (!g_strv_contains(identifying, name))
        g_string_append_printf(f->asked, "[%s]", name);
    for (i = f->answers->len; i > 0 && !answer; i--) {
        answer = g_ptr_array_index(f->answers, i - 1);
        if (!strstr(line, answer->command))
            answer = NULL;
    }
    virMutexUnlock(&f->lock);

    if (!answer)
        return qmpPeerAnswerAll(line, NULL);
    if (answer->result) {
        reply = qmpPeerReply(line, answer->result);
    } else if (answer->error) {
        const char *id = strstr(line, "\"id\":");

        reply = g_strdup_printf("{\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}, "
                                "%s\r\n", answer->error, id);
    } else {
        qmpPeerHangUp(f->peer);
        return NULL;
    }
    return g_strconcat(answer->events ? answer->events : "", reply, NULL);
}

/* @param: of the URI, in which %s is the peer's path. */
static void
qemuFixtureOpen(qemuFixture *f, const qemuFixtureAnswer *answers, const char *param)
{
    g_autofree char *value = NULL;
    g_autofree char *text = NULL;
    g_autoptr(virURI) uri = NULL;
    g_autoptr(qemuURI) config = NULL;

    memset(f, 0, sizeof(*f));
    virMutexInit(&f->lock);
    f->answers = g_ptr_array_new();
    f->asked = g_string_new(NULL);
    for (; answers && answers->command; answers++)
        g_ptr_array_add(f->answers, (void *)answers);
    f->peer = qmpPeerNew(QMP_PEER_GREETING, qemuFixtureReply, f);
    value = g_strdup_printf(param, qmpPeerPath(f->peer));
    text = g_strdup_printf("qemu:///embed?%s", value);
    uri = virURIParse(text);
    g_assert_cmpint(qemuURIParse(uri, &config), ==, 1);
    f->instance = qemuInstanceOpen(config);
    g_assert_nonnull(f->instance);
}

void
qemuFixtureInit(qemuFixture *f, const qemuFixtureAnswer *answers)
{
    qemuFixtureOpen(f, answers, "monitor=%s");
    f->dom = virDomainListFindByID(qemuInstanceDomains(f->instance), 1);
    g_assert_nonnull(f->dom);
}

void
qemuFixtureInitProcess(qemuFixture *f, const qemuFixtureAnswer *answers, const char *words)
{
    g_autofree char *args = NULL;

    qemuFixtureOpen(f, answers, "monitor=%s.none");
    args = g_strdup_printf("-qmp unix:%s,server=on,wait=off %s", qmpPeerPath(f->peer), words);
    f->fake = fakeQemuStart(NULL, NULL, -1, args);
    f->dom = qemuAttachProcess(f->instance, fakeQemuPid(f->fake));
    g_assert_nonnull(f->dom);
}

void
qemuFixtureClear(qemuFixture *f)
{
    virDomainObjUnref(f->dom);
    qemuInstanceClose(f->instance);
    fakeQemuFree(f->fake);
    qmpPeerFree(f->peer);
    g_ptr_array_unref(f->answers);
    g_string_free(f->asked, TRUE);
    virMutexDestroy(&f->lock);
}

void
qemuFixtureAnswerWith(qemuFixture *f, const qemuFixtureAnswer *answer)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

    g_ptr_array_add(f->answers, (void *)answer);
}

char *
qemuFixtureTakeAsked(qemuFixture *f)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);
    char *asked = g_strdup(f->asked->str);

    g_string_truncate(f->asked, 0);
    return asked;
}

void
qemuFixtureSendEvent(qemuFixture *f, const char *line, int state)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    qmpPeerSend(f->peer, line, strlen(line));
    while (virDomainObjGetState(f->dom, NULL) != state) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

void
qemuFixtureAssertError(int code, const char *text)
{
    g_test_message("%s", virGetLastErrorMessage());
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), text));
    virResetLastError();
}
