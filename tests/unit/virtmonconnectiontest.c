/*
 * virtmonconnectiontest.c: the shell's connection, made, lost and made anew
 *
 * The driver in process never loses a connection, so the functions of libvirt
 * that concern it are played by this file.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <stdlib.h>
#include <string.h>

#include "vshfixture.h"

/* --- the part of libvirt --- */

static struct {
    int opened;
    int closed;
    const char *name;
    unsigned int flags;
    int keepAlive;              /* what virConnectSetKeepAlive() returns */
    int keepAliveCalls;
    int interval;
    unsigned int count;
    bool refuse;
    virConnectCloseFunc callback;
    void *opaque;
} played;

/* Only ever compared. */
static virConnectPtr const playedConn = (virConnectPtr)&played;

/* Has libvirt set a last error, of which this is the text. */
static const char *
fail(void)
{
    g_assert_null(virDomainGetName(NULL));
    return virGetLastErrorMessage();
}

virConnectPtr
virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    g_assert_true(auth == virConnectAuthPtrDefault);
    if (played.refuse) {
        fail();
        return NULL;
    }
    played.opened++;
    played.name = name;
    played.flags = flags;
    return playedConn;
}

int
virConnectClose(virConnectPtr conn)
{
    g_assert_true(conn == playedConn);
    g_assert_null(played.callback);
    virResetLastError();
    played.closed++;
    return 0;
}

int
virConnectSetKeepAlive(virConnectPtr conn, int interval, unsigned int count)
{
    g_assert_true(conn == playedConn);
    played.keepAliveCalls++;
    played.interval = interval;
    played.count = count;
    if (played.keepAlive < 0)
        fail();
    return played.keepAlive;
}

int
virConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb, void *opaque,
                                virFreeCallback freecb)
{
    g_assert_true(conn == playedConn);
    g_assert_null(freecb);
    played.callback = cb;
    played.opaque = opaque;
    return 0;
}

int
virConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    g_assert_true(conn == playedConn);
    g_assert_true(cb == played.callback);
    played.callback = NULL;
    return 0;
}

char *
virConnectGetURI(virConnectPtr conn)
{
    g_assert_true(conn == playedConn);
    return strdup("play:///");
}

/* --- the shell's part --- */

static virtmonControl control;

static const vshCmdGroup groups[] = { { NULL } };

static const char *
prompt(vshControl *ctl G_GNUC_UNUSED)
{
    return "";
}

static const vshProgram program = {
    .name = "virtmontest",
    .groups = groups,
    .connect = virtmonConnect,
    .prompt = prompt,
    .opaque = &control,
};

static vshControl *shell;

static void
setup(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    const vshSettings settings = { .debug = -1 };

    memset(&played, 0, sizeof(played));
    memset(&control, 0, sizeof(control));
    control.keepAliveInterval = control.keepAliveCount = -1;
    shell = vshNew(&program, &settings);
    g_assert_nonnull(shell);
}

static void
teardown(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    virtmonDisconnect(shell);
    vshFree(shell);
    g_assert_cmpint(played.opened, ==, played.closed);
}

static void
assertConnect(bool ok, const char *expected)
{
    g_autofree char *err = NULL;
    testCapture capture;
    bool result;

    testCaptureBegin(&capture);
    result = virtmonConnect(shell);
    testCaptureEnd(&capture, NULL, &err);
    g_assert_cmpstr(err, ==, expected);
    g_assert_cmpint(result, ==, ok);
    g_assert_cmpint(control.conn != NULL, ==, ok);
}

static void
testOnce(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    control.uri = (char *)"play:///x";
    assertConnect(true, "");
    assertConnect(true, "");
    g_assert_cmpint(played.opened, ==, 1);
    g_assert_cmpstr(played.name, ==, "play:///x");
    g_assert_cmpuint(played.flags, ==, 0);

    virtmonDisconnect(shell);
    virtmonDisconnect(shell);
    g_assert_cmpint(played.closed, ==, 1);
    control.readOnly = true;
    assertConnect(true, "");
    g_assert_cmpuint(played.flags, ==, VIR_CONNECT_RO);
}

static void
testRefused(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    g_autofree char *expected = g_strdup_printf(
        "error: failed to connect to the hypervisor\nerror: %s\n", fail());

    played.refuse = true;
    assertConnect(false, expected);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OK);
    played.refuse = false;
    assertConnect(true, "");
}

static void
testKeepAlive(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    assertConnect(true, "");
    g_assert_cmpint(played.interval, ==, 5);
    g_assert_cmpuint(played.count, ==, 6);

    /* Nothing there to keep alive: nobody asked for it. */
    virtmonDisconnect(shell);
    played.keepAlive = -1;
    assertConnect(true, "");
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OK);

    virtmonDisconnect(shell);
    played.keepAlive = 0;
    control.keepAliveInterval = 7;
    control.keepAliveCount = 1;
    assertConnect(true, "");
    g_assert_cmpint(played.interval, ==, 7);
    g_assert_cmpuint(played.count, ==, 1);

    virtmonDisconnect(shell);
    played.keepAliveCalls = 0;
    control.keepAliveInterval = 0;
    assertConnect(true, "");
    g_assert_cmpint(played.keepAliveCalls, ==, 0);
}

static void
testKeepAliveRefused(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    g_autofree char *expected = g_strdup_printf(
        "error: Cannot setup keepalive on connection as requested, disconnecting\n"
        "error: failed to connect to the hypervisor\n"
        "error: %s\n", fail());

    played.keepAlive = -1;
    control.keepAliveCount = 3;
    assertConnect(false, expected);
    g_assert_cmpint(played.closed, ==, 1);
    /* The other end doesn't know it: 1. */
    played.keepAlive = 1;
    virResetLastError();
    assertConnect(false, "error: Cannot setup keepalive on connection as requested, "
                         "disconnecting\nerror: failed to connect to the hypervisor\n");
}

/* Runs in the event loop's thread, as it does in life. */
static void
loseConnection(int timer, void *opaque)
{
    virEventRemoveTimeout(timer);
    played.callback(playedConn, GPOINTER_TO_INT(opaque), played.opaque);
}

/* Loses it during a wait. */
static void
assertLost(int reason, const char *expected)
{
    g_autofree char *err = NULL;
    testCapture capture;
    vshWaitOutcome outcome;

    testCaptureBegin(&capture);
    g_assert_true(vshWaitBegin(shell));
    virEventAddTimeout(0, loseConnection, GINT_TO_POINTER(reason), NULL);
    outcome = vshWaitRun(shell, 60);
    vshWaitFinish(shell);
    testCaptureEnd(&capture, NULL, &err);
    g_assert_cmpint(outcome, ==, VSH_WAIT_DISCONNECT);
    g_assert_cmpstr(err, ==, expected);
}

static void
testLost(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    g_autofree char *refused = g_strdup_printf(
        "error: Failed to reconnect to the hypervisor\nerror: %s\n", fail());

    assertConnect(true, "");
    assertLost(VIR_CONNECT_CLOSE_REASON_EOF,
               "error: Disconnected from play:/// due to end of file\n");
    assertConnect(true, "error: Reconnected to the hypervisor\n");
    assertConnect(true, "");
    g_assert_cmpint(played.opened, ==, 2);
    g_assert_cmpint(played.closed, ==, 1);

    assertLost(VIR_CONNECT_CLOSE_REASON_KEEPALIVE,
               "error: Disconnected from play:/// due to keepalive timeout\n");
    played.refuse = true;
    assertConnect(false, refused);
    assertConnect(false, refused);
    played.refuse = false;
    assertConnect(true, "");
    assertLost(VIR_CONNECT_CLOSE_REASON_ERROR,
               "error: Disconnected from play:/// due to I/O error\n");
    assertConnect(true, "error: Reconnected to the hypervisor\n");
}

/* That is no loss. */
static void
testClosedByUs(char *fixture G_GNUC_UNUSED, const void *data G_GNUC_UNUSED)
{
    g_autofree char *err = NULL;
    testCapture capture;

    assertConnect(true, "");
    testCaptureBegin(&capture);
    played.callback(playedConn, VIR_CONNECT_CLOSE_REASON_CLIENT, played.opaque);
    testCaptureEnd(&capture, NULL, &err);
    g_assert_cmpstr(err, ==, "");
    assertConnect(true, "");
    g_assert_cmpint(played.opened, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/virtmon/connection/once", char, NULL, setup, testOnce, teardown);
    g_test_add("/virtmon/connection/refused", char, NULL, setup, testRefused, teardown);
    g_test_add("/virtmon/connection/keepalive", char, NULL, setup, testKeepAlive, teardown);
    g_test_add("/virtmon/connection/keepalive-refused", char, NULL, setup, testKeepAliveRefused,
               teardown);
    g_test_add("/virtmon/connection/lost", char, NULL, setup, testLost, teardown);
    g_test_add("/virtmon/connection/closed-by-us", char, NULL, setup, testClosedByUs, teardown);
    return g_test_run();
}
