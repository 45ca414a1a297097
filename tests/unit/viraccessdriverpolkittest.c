/*
 * viraccessdriverpolkittest.c: who decides by asking polkitd, which is played here on a bus of
 * the test's own
 *
 * The real one is asked in integration/test_access.py.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessdriver.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include "virerror_priv.h"
#include "virthread.h"

#define NAME "org.freedesktop.PolicyKit1"
#define PATH "/org/freedesktop/PolicyKit1/Authority"
#define DEADLINE_US (20 * G_TIME_SPAN_SECOND)

static const char introspection[] =
    "<node><interface name='org.freedesktop.PolicyKit1.Authority'>"
    "<method name='CheckAuthorization'>"
    "<arg type='(sa{sv})' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a{ss}' direction='in'/><arg type='u' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='(bba{ss})' direction='out'/>"
    "</method><signal name='Changed'/></interface></node>";

typedef struct {
    char *dir;
    char *address;              /* of the bus, a file in @dir */
    GSubprocess *bus;
    GMainContext *context;      /* of the one who plays polkitd */
    GThread *thread;
    atomic_bool quit;
    GDBusConnection *conn;      /* polkitd's */
    void *state;
    virIdentity *identity;

    virMutex lock;              /* guards what follows */
    virCond moved;
    const char *answer;         /* "yes", "no", "challenge", "error"; NULL: none at all */
    GString *asked;             /* of the last question */
    char *asker;                /* its sender */
    size_t questions;
    size_t exported;
    size_t changes;
} Fixture;

static void
handleCall(GDBusConnection *conn G_GNUC_UNUSED, const char *sender,
           const char *path G_GNUC_UNUSED, const char *interface G_GNUC_UNUSED,
           const char *method G_GNUC_UNUSED, GVariant *params, GDBusMethodInvocation *call,
           void *opaque)
{
    Fixture *f = opaque;
    g_autofree char *text = g_variant_print(params, FALSE);
    const char *answer;

    virMutexLock(&f->lock);
    g_string_assign(f->asked, text);
    g_free(f->asker);
    f->asker = g_strdup(sender);
    f->questions++;
    answer = f->answer;
    virCondBroadcast(&f->moved);
    virMutexUnlock(&f->lock);
    if (!answer)
        g_object_unref(call);           /* it is never answered */
    else if (strcmp(answer, "error") == 0)
        g_dbus_method_invocation_return_dbus_error(call, NAME ".Error.Failed", "no such action");
    else
        g_dbus_method_invocation_return_value(
            call, g_variant_new("((bba{ss}))", strcmp(answer, "yes") == 0,
                                strcmp(answer, "challenge") == 0, NULL));
}

static const GDBusInterfaceVTable vtable = { .method_call = handleCall };

static gpointer
play(gpointer opaque)
{
    Fixture *f = opaque;

    while (!f->quit)
        g_main_context_iteration(f->context, TRUE);
    return NULL;
}

static GDBusConnection *
dial(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *conn;

    conn = g_dbus_connection_new_for_address_sync(
        f->address,
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);
    g_assert_no_error(error);
    return conn;
}

static void
setName(GDBusConnection *conn, const char *method, GVariant *args)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = NULL;

    reply = g_dbus_connection_call_sync(conn, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", method, args, NULL,
                                        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
    g_assert_no_error(error);
}

/* It ends with the test, whatever becomes of that. */
static void
dieWithParent(void *opaque G_GNUC_UNUSED)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Returns once it listens: then it says where. */
static void
startBus(Fixture *f)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_autofree char *address = g_strconcat("--address=", f->address, NULL);
    g_autoptr(GError) error = NULL;
    char byte;

    g_subprocess_launcher_set_child_setup(launcher, dieWithParent, NULL, NULL);
    f->bus = g_subprocess_launcher_spawn(launcher, &error, "dbus-daemon", "--session", "--nofork",
                                         "--nosyslog", "--print-address=1", address, NULL);
    g_assert_no_error(error);
    g_assert_cmpint(g_input_stream_read(g_subprocess_get_stdout_pipe(f->bus), &byte, 1, NULL,
                                        &error), ==, 1);
    g_assert_no_error(error);
}

static void
stopBus(Fixture *f)
{
    g_subprocess_force_exit(f->bus);
    g_assert_true(g_subprocess_wait(f->bus, NULL, NULL));
    g_clear_object(&f->bus);
}

static void
waitFor(Fixture *f, const size_t *count, size_t least)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

    virMutexLock(&f->lock);
    while (*count < least)
        g_assert_true(virCondWaitUntil(&f->moved, &f->lock, deadline));
    virMutexUnlock(&f->lock);
}

/* In the thread that plays polkitd, which is where it will be called. */
static gboolean
exportPolkit(void *opaque)
{
    Fixture *f = opaque;
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(introspection, NULL);
    g_autoptr(GError) error = NULL;

    virMutexLock(&f->lock);
    g_main_context_push_thread_default(f->context);
    g_dbus_connection_register_object(f->conn, PATH, node->interfaces[0], &vtable, f, NULL,
                                      &error);
    g_main_context_pop_thread_default(f->context);
    g_assert_no_error(error);
    f->exported++;
    virCondBroadcast(&f->moved);
    virMutexUnlock(&f->lock);
    return G_SOURCE_REMOVE;
}

static void
startPolkit(Fixture *f)
{
    size_t exported;

    virMutexLock(&f->lock);
    exported = f->exported;
    f->conn = dial(f);
    virMutexUnlock(&f->lock);
    g_main_context_invoke(f->context, exportPolkit, f);
    waitFor(f, &f->exported, exported + 1);
    setName(f->conn, "RequestName", g_variant_new("(su)", NAME, 4));
}

static void
stopPolkit(Fixture *f)
{
    g_dbus_connection_close_sync(f->conn, NULL, NULL);
    g_clear_object(&f->conn);
}

static void
changed(void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->changes++;
    virCondBroadcast(&f->moved);
    virMutexUnlock(&f->lock);
}

static void
setUp(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    virMutexInit(&f->lock);
    virCondInit(&f->moved);
    f->asked = g_string_new(NULL);
    f->answer = "yes";
    f->dir = g_dir_make_tmp("bus-XXXXXX", NULL);
    f->address = g_strdup_printf("unix:path=%s/bus", f->dir);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", f->address, TRUE);
    startBus(f);
    f->context = g_main_context_new();
    f->thread = g_thread_new("polkitd", play, f);
    startPolkit(f);
    f->state = virAccessDriverPolkit.open(NULL, changed, f);
    f->identity = virIdentityNew();
    virIdentitySetProcess(f->identity, 4711, 99);
    virIdentitySetUNIXUserID(f->identity, 1000);
}

static void
tearDown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path = NULL;

    virAccessDriverPolkit.stop(f->state);
    virAccessDriverPolkit.close(f->state);
    f->quit = true;
    g_main_context_wakeup(f->context);
    g_thread_join(f->thread);
    if (f->conn)
        stopPolkit(f);
    g_main_context_unref(f->context);
    stopBus(f);
    path = g_build_filename(f->dir, "bus", NULL);
    g_remove(path);
    g_rmdir(f->dir);
    g_free(f->dir);
    g_free(f->address);
    virIdentityUnref(f->identity);
    g_string_free(f->asked, TRUE);
    g_free(f->asker);
    virCondDestroy(&f->moved);
    virMutexDestroy(&f->lock);
    virResetLastError();
}

static void
setAnswer(Fixture *f, const char *answer)
{
    virMutexLock(&f->lock);
    f->answer = answer;
    virMutexUnlock(&f->lock);
}

static size_t
countQuestions(Fixture *f)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

    return f->questions;
}

static size_t
countChanges(Fixture *f)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&f->lock);

    return f->changes;
}

static int
check(Fixture *f)
{
    virAccessQuestion question = { f->identity, VIR_ACCESS_PERM_CONNECT_SEARCH_DOMAINS, "QEMU",
                                   NULL, NULL };

    return virAccessDriverPolkit.check(f->state, &question);
}

static void
testAnswers(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(check(f), ==, 1);
    setAnswer(f, "no");
    g_assert_cmpint(check(f), ==, 0);
    setAnswer(f, "challenge");
    g_assert_cmpint(check(f), ==, 0);
    setAnswer(f, "error");
    g_assert_cmpint(check(f), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_nonnull(strstr(virErrorLastMessage(), "no such action"));
    g_assert_cmpuint(countQuestions(f), ==, 4);
}

static void
testQuestions(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    const unsigned char uuid[16] = { 0x66, 0x95, [15] = 0x3f };
    virAccessQuestion question = { f->identity, VIR_ACCESS_PERM_DOMAIN_READ_SECURE, "QEMU",
                                   "web 1\377", uuid };

    g_assert_cmpint(check(f), ==, 1);
    g_assert_cmpstr(f->asked->str, ==,
                    "(('unix-process', {'pid': <uint32 4711>, 'start-time': <uint64 99>, "
                    "'uid': <1000>}), 'org.virtmon.api.connect.search-domains', "
                    "{'connect_driver': 'QEMU'}, 0, '')");
    g_assert_cmpint(virAccessDriverPolkit.check(f->state, &question), ==, 1);
    g_assert_nonnull(strstr(f->asked->str,
                            "'org.virtmon.api.domain.read-secure', {'connect_driver': 'QEMU', "
                            "'domain_name': 'web 1\357\277\275', "
                            "'domain_uuid': '66950000-0000-0000-0000-00000000003f'}, 0, ''"));
}

/* polkit knows processes of this host and nobody else; who isn't one is refused. */
static void
testNobodyElse(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    virIdentityUnref(f->identity);
    f->identity = virIdentityNew();
    g_assert_cmpint(check(f), ==, 0);
    virIdentitySetX509DName(f->identity, "CN=client");
    virIdentitySetUNIXUserID(f->identity, 0);
    g_assert_cmpint(check(f), ==, 0);
    /* Its number alone may be another one's by now. */
    virIdentitySetProcess(f->identity, 4711, 0);
    g_assert_cmpint(check(f), ==, 0);
    g_assert_cmpuint(countQuestions(f), ==, 0);
}

static void
testChanges(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    size_t changes;

    g_assert_cmpint(check(f), ==, 1);
    waitFor(f, &f->changes, 1);         /* nobody has listened before */
    changes = countChanges(f);
    g_dbus_connection_emit_signal(f->conn, NULL, PATH, "org.freedesktop.PolicyKit1.Authority",
                                  "Changed", NULL, &error);
    g_assert_no_error(error);
    waitFor(f, &f->changes, changes + 1);

    /* Another polkitd: may have other rules. */
    changes = countChanges(f);
    setName(f->conn, "ReleaseName", g_variant_new("(s)", NAME));
    waitFor(f, &f->changes, changes + 1);
    g_assert_cmpint(check(f), ==, -1);
    virResetLastError();
    changes = countChanges(f);
    setName(f->conn, "RequestName", g_variant_new("(su)", NAME, 4));
    waitFor(f, &f->changes, changes + 1);
    g_assert_cmpint(check(f), ==, 1);
}

/* As somebody else on the bus can: by its own name, so that no match is needed. */
static void
emit(GDBusConnection *conn, const char *to, const char *path, const char *interface,
     const char *member, GVariant *args)
{
    g_autoptr(GError) error = NULL;

    g_dbus_connection_emit_signal(conn, to, path, interface, member, args, &error);
    g_assert_no_error(error);
}

static void
emitOwner(GDBusConnection *conn, const char *to, const char *path, const char *interface)
{
    emit(conn, to, path, interface, "NameOwnerChanged",
         g_variant_new("(sss)", NAME, "", g_dbus_connection_get_unique_name(conn)));
}

/* All that @conn could try. What follows from the same connection comes behind it. */
static void
forge(GDBusConnection *conn, const char *to)
{
    static const char interface[] = "org.freedesktop.PolicyKit1.Authority";

    emit(conn, to, PATH, interface, "Changed", NULL);
    emitOwner(conn, to, "/org/freedesktop/DBus", "org.freedesktop.DBus");
    emitOwner(conn, to, PATH, "org.freedesktop.DBus");
    emitOwner(conn, to, "/org/freedesktop/DBus", interface);
    /* Had one of these been believed, this would be polkitd. */
    emit(conn, to, PATH, interface, "Changed", NULL);
}

/* Only polkitd tells of its changes, only by its own signal, and only the bus tells who that is. */
static void
testForged(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char interface[] = "org.freedesktop.PolicyKit1.Authority";
    g_autoptr(GDBusConnection) forger = dial(f);
    g_autofree char *to = NULL;
    size_t changes;

    g_assert_cmpint(check(f), ==, 1);
    waitFor(f, &f->changes, 1);
    changes = countChanges(f);
    virMutexLock(&f->lock);
    to = g_strdup(f->asker);
    virMutexUnlock(&f->lock);
    forge(forger, to);
    g_dbus_connection_flush_sync(forger, NULL, NULL);
    emit(f->conn, to, "/elsewhere", interface, "Changed", NULL);
    emit(f->conn, to, PATH, NAME, "Changed", NULL);
    emit(f->conn, to, PATH, interface, "Unchanged", NULL);
    emitOwner(f->conn, to, "/org/freedesktop/DBus", "org.freedesktop.DBus");
    /* The answer comes behind what the bus has taken from the forger before. */
    setName(forger, "RequestName", g_variant_new("(su)", "org.example.Forger", 4));
    g_assert_cmpint(check(f), ==, 1);
    g_assert_cmpuint(countChanges(f), ==, changes);
    emit(f->conn, NULL, PATH, interface, "Changed", NULL);
    waitFor(f, &f->changes, changes + 1);
    g_assert_cmpuint(countChanges(f), ==, changes + 1);

    /* Another one that is polkitd from now on, and the old one that isn't. */
    setName(f->conn, "ReleaseName", g_variant_new("(s)", NAME));
    waitFor(f, &f->changes, changes + 2);
    emit(forger, to, PATH, interface, "Changed", NULL);
    setName(forger, "RequestName", g_variant_new("(su)", NAME, 4));
    waitFor(f, &f->changes, changes + 3);
    emit(f->conn, to, PATH, interface, "Changed", NULL);
    setName(f->conn, "RequestName", g_variant_new("(su)", "org.example.Old", 4));
    emit(forger, NULL, PATH, interface, "Changed", NULL);
    waitFor(f, &f->changes, changes + 4);
    g_assert_cmpuint(countChanges(f), ==, changes + 4);
    g_dbus_connection_close_sync(forger, NULL, NULL);
}

/* The bus ends and comes back. */
static void
testBusRestarts(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    size_t changes;

    g_assert_cmpint(check(f), ==, 1);
    stopPolkit(f);
    stopBus(f);
    g_assert_cmpint(check(f), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    virResetLastError();

    startBus(f);
    startPolkit(f);
    changes = countChanges(f);
    g_assert_cmpint(check(f), ==, 1);
    waitFor(f, &f->changes, changes + 1);
}

static gpointer
checkInThread(gpointer opaque)
{
    int rc = check(opaque);

    virResetLastError();
    return GINT_TO_POINTER(rc);
}

/* Nobody waits for a polkitd that says nothing when the daemon wants to end. */
static void
testStop(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    GThread *thread;

    setAnswer(f, NULL);
    thread = g_thread_new("check", checkInThread, f);
    waitFor(f, &f->questions, 1);
    virAccessDriverPolkit.stop(f->state);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, -1);
}

/* Nor for longer than anybody would. */
static void
testTimeLimit(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    gint64 begun = g_get_monotonic_time();

    setAnswer(f, NULL);
    g_assert_cmpint(check(f), ==, -1);
    g_assert_cmpint(g_get_monotonic_time() - begun, >=, VIR_ACCESS_WAIT_MAX_MS * 1000 / 2);
    virResetLastError();
    setAnswer(f, "yes");
    g_assert_cmpint(check(f), ==, 1);
}

/* Who accepts and says nothing. */
static void
testSilentBus(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *dir = g_dir_make_tmp("bus-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "bus", NULL);
    g_autofree char *address = g_strdup_printf("unix:path=%s", path);
    g_autoptr(GSocket) sock = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);
    g_autoptr(GSocketAddress) where = g_unix_socket_address_new(path);
    GThread *threads[2];
    size_t i;

    g_assert_true(g_socket_bind(sock, where, FALSE, NULL));
    g_assert_true(g_socket_listen(sock, NULL));
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, TRUE);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("check", checkInThread, f);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, -1);
    g_remove(path);
    g_rmdir(dir);
}

static gpointer
checkOften(gpointer opaque)
{
    int i;

    for (i = 0; i < 50; i++)
        g_assert_cmpint(check(opaque), ==, 1);
    return NULL;
}

static void
testManyAtATime(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    GThread *threads[8];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("check", checkOften, f);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(countQuestions(f), ==, 50 * G_N_ELEMENTS(threads));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) \
    g_test_add("/access-driver-polkit/" name, Fixture, NULL, setUp, func, tearDown)
    ADD("answers", testAnswers);
    ADD("questions", testQuestions);
    ADD("nobody-else", testNobodyElse);
    ADD("changes", testChanges);
    ADD("forged", testForged);
    ADD("bus-restarts", testBusRestarts);
    ADD("stop", testStop);
    ADD("time-limit", testTimeLimit);
    ADD("silent-bus", testSilentBus);
    ADD("many-at-a-time", testManyAtATime);
    return g_test_run();
}
