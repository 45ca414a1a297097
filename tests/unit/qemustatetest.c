/*
 * qemustatetest.c: the driver that a daemon runs for its clients
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_state.h"

#include <glib/gstdio.h>
#include <string.h>
#include <libvirt/libvirt.h>

#include "qmppeer.h"
#include "testutils.h"
#include "virerror_priv.h"

static char *dir;

/* Says that its name is @opaque. */
static char *
answerNamed(const char *line, void *opaque)
{
    g_autofree char *body = g_strdup_printf("{\"name\": \"%s\"}", (const char *)opaque);

    return strstr(line, "\"query-name\"") ? qmpPeerReply(line, body) :
                                             qmpPeerAnswerAll(line, NULL);
}

static qmpPeer *
startPeer(const char *name)
{
    g_autofree char *file = g_strconcat(name, ".qmp", NULL);
    g_autofree char *path = g_build_filename(dir, file, NULL);

    return qmpPeerNewAt(path, QMP_PEER_GREETING, answerNamed, (char *)name);
}

static void
endPeer(qmpPeer *peer)
{
    g_remove(qmpPeerPath(peer));
    qmpPeerFree(peer);
}

static const char *const *
monitors(const char *glob)
{
    static char *pattern;
    static const char *list[2];

    g_free(pattern);
    list[0] = pattern = glob ? g_build_filename(dir, glob, NULL) : NULL;
    return list;
}

static void
assertDomains(const char *expected)
{
    virConnectPtr conn = virConnectOpen("qemu:///system");
    g_autoptr(GString) names = g_string_new(NULL);
    virDomainPtr *domains = NULL;
    int n;
    int i;

    g_assert_nonnull(conn);
    n = virConnectListAllDomains(conn, &domains, 0);
    g_assert_cmpint(n, >=, 0);
    for (i = 0; i < n; i++) {
        g_string_append_printf(names, "%s ", virDomainGetName(domains[i]));
        virDomainFree(domains[i]);
    }
    free(domains);
    virConnectClose(conn);
    g_assert_cmpstr(names->str, ==, expected);
}

static void
assertNoConnection(const char *uri)
{
    g_assert_null(virConnectOpen(uri));
    g_assert_nonnull(virGetLastError());
    virResetLastError();
}

static void
testCheck(void)
{
    static const char *const relative[] = { "a/b", NULL };

    g_assert_cmpint(qemuStateDriver.stateCheck(monitors("*.qmp")), ==, 0);
    g_assert_cmpint(qemuStateDriver.stateCheck(monitors(NULL)), ==, 0);
    g_assert_cmpint(qemuStateDriver.stateCheck(relative), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "'a/b' is not absolute"));
    virResetLastError();
    g_assert_false(qemuStateIsActive());
}

static void
testLife(void)
{
    qmpPeer *a = startPeer("a");
    qmpPeer *b = startPeer("b");
    qemuInstance *instance;
    virConnectPtr session;

    g_assert_null(qemuStateOpen());
    virResetLastError();
    g_assert_cmpint(virStateInitialize(monitors("a.*")), ==, 0);
    g_assert_true(qemuStateIsActive() && virStateIsActive());
    assertDomains("a ");
    session = virConnectOpen("qemu:///session");
    g_assert_nonnull(session);
    g_assert_cmpint(virConnectNumOfDomains(session), ==, 1);
    virConnectClose(session);
    assertNoConnection("qemu+tcp://localhost/system");
    assertNoConnection("qemu:///embed?monitor=/tmp/x");
    assertNoConnection("test:///default");

    /* All open the same. */
    instance = qemuStateOpen();
    g_assert_nonnull(instance);
    g_assert_cmpuint(virDomainListCount(qemuInstanceDomains(instance)), ==, 1);
    qemuInstanceClose(instance);

    virStateStop();
    assertDomains("");
    virStateCleanup();
    g_assert_false(qemuStateIsActive());
    endPeer(a);
    endPeer(b);
}

static void
testReload(void)
{
    static const char *const relative[] = { "a/b", NULL };
    qmpPeer *a = startPeer("a");
    qmpPeer *b = startPeer("b");
    gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    virConnectPtr conn;

    g_assert_cmpint(virStateInitialize(monitors("a.*")), ==, 0);
    conn = virConnectOpen("qemu:///system");
    g_assert_cmpint(virStateReload(relative), ==, -1);
    virResetLastError();
    assertDomains("a ");
    g_assert_cmpint(virStateReload(monitors("*.qmp")), ==, 0);
    while (virConnectNumOfDomains(conn) != 2)
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    assertDomains("a b ");
    g_assert_cmpint(virStateReload(monitors("b.*")), ==, 0);
    assertDomains("b ");
    g_assert_cmpint(virStateReload(monitors(NULL)), ==, 0);
    assertDomains("");
    virConnectClose(conn);
    virStateStop();
    virStateCleanup();
    endPeer(a);
    endPeer(b);
}

int
main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_test_add_func("/qemu/state/check", testCheck);
    g_test_add_func("/qemu/state/life", testLife);
    g_test_add_func("/qemu/state/reload", testReload);
    rc = testRunCountingFds();
    monitors(NULL);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    g_free(dir);
    return rc;
}
