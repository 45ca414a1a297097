/*
 * virpolkittest.c: answers of polkit, and what is done when there is none
 *
 * polkit is played by a thread on a bus of the test's own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virpolkit.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <gio/gio.h>

#include "virerror_priv.h"
#include "virthread.h"

#define DEADLINE (60 * G_USEC_PER_SEC)
/* Longer than any test takes. */
#define LONG_MS 600000

/* ---- Whoever asks ---- */

typedef struct {
    virMutex lock;              /* guards the rest */
    virCond cond;
    size_t answers;
    int rc;
    int code;
    char *message;
} Asker;

static void
askerInit(Asker *asker)
{
    memset(asker, 0, sizeof(*asker));
    virMutexInit(&asker->lock);
    virCondInit(&asker->cond);
}

static void
askerClear(Asker *asker)
{
    virMutexDestroy(&asker->lock);
    virCondDestroy(&asker->cond);
    g_free(asker->message);
}

static void
onAnswer(int rc, void *opaque)
{
    Asker *asker = opaque;
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&asker->lock);

    asker->answers++;
    asker->rc = rc;
    asker->code = virGetLastErrorCode();
    g_free(asker->message);
    asker->message = g_strdup(virGetLastErrorMessage());
    virCondSignal(&asker->cond);
}

static void
awaitAnswer(Asker *asker)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    virMutexLock(&asker->lock);
    while (asker->answers == 0)
        g_assert_true(virCondWaitUntil(&asker->cond, &asker->lock, deadline));
    g_assert_cmpuint(asker->answers, ==, 1);
    virMutexUnlock(&asker->lock);
}

static virIdentity *
identityNew(pid_t pid, unsigned long long startTime)
{
    virIdentity *identity = virIdentityNew();

    virIdentitySetProcess(identity, pid, startTime);
    virIdentitySetUNIXUserID(identity, 1000);
    return identity;
}

/* Asks, and waits for the answer: its error's code, 0 if there is none. */
static int
ask(virPolkit *polkit, const char *action, const char *message)
{
    g_autoptr(virIdentity) identity = identityNew(4711, 123456789012);
    g_autoptr(virPolkitRequest) request = NULL;
    Asker asker;
    int code;

    askerInit(&asker);
    request = virPolkitCheck(polkit, identity, action, true, LONG_MS, onAnswer, &asker);
    awaitAnswer(&asker);
    g_assert_cmpint(asker.rc, ==, asker.code == 0 ? 0 : -1);
    code = asker.code;
    if (message && !strstr(asker.message, message))
        g_error("'%s' says '%s'", action, asker.message);
    askerClear(&asker);
    return code;
}

/* ---- polkit ---- */

static const char polkitXML[] =
    "<node><interface name='org.freedesktop.PolicyKit1.Authority'>"
    "<method name='CheckAuthorization'><arg type='(sa{sv})' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='a{ss}' direction='in'/>"
    "<arg type='u' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='(bba{ss})' direction='out'/></method>"
    "<method name='CancelCheckAuthorization'><arg type='s' direction='in'/></method>"
    "</interface></node>";

typedef struct {
    char *dir;
    char *address;
    GPid daemon;                /* the bus */
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    GDBusConnection *bus;

    virMutex lock;              /* guards the rest */
    virCond cond;
    bool ready;
    GHashTable *held;           /* IDs of questions that aren't answered */
    size_t asked, cancelled;
} Polkit;

static void
polkitCount(Polkit *fake, size_t *counter)
{
    virMutexLock(&fake->lock);
    (*counter)++;
    virCondBroadcast(&fake->cond);
    virMutexUnlock(&fake->lock);
}

static void
polkitAwait(Polkit *fake, const size_t *counter, size_t n)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    virMutexLock(&fake->lock);
    while (*counter < n)
        g_assert_true(virCondWaitUntil(&fake->cond, &fake->lock, deadline));
    virMutexUnlock(&fake->lock);
}

/* What @counter is now. */
static size_t
polkitCounted(Polkit *fake, const size_t *counter)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&fake->lock);

    return *counter;
}

static GVariant *
polkitResult(bool allowed, bool challenge, bool dismissed)
{
    GVariantBuilder details;

    g_variant_builder_init(&details, G_VARIANT_TYPE("a{ss}"));
    if (dismissed)
        g_variant_builder_add(&details, "{ss}", "polkit.dismissed", "true");
    return g_variant_new("((bba{ss}))", allowed, challenge, &details);
}

static void
polkitCheckSubject(GVariant *subject)
{
    const char *kind;
    g_autoptr(GVariant) details = NULL;
    guint32 pid = 0;
    guint64 start = 0;
    gint32 uid = 0;

    g_variant_get(subject, "(&s@a{sv})", &kind, &details);
    g_assert_cmpstr(kind, ==, "unix-process");
    g_assert_true(g_variant_lookup(details, "pid", "u", &pid));
    g_assert_true(g_variant_lookup(details, "start-time", "t", &start));
    g_assert_true(g_variant_lookup(details, "uid", "i", &uid));
    g_assert_cmpuint(pid, ==, 4711);
    g_assert_cmpuint(start, ==, 123456789012);
    g_assert_cmpint(uid, ==, 1000);
}

static void
onCall(GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED,
       const char *path G_GNUC_UNUSED, const char *interface G_GNUC_UNUSED, const char *method,
       GVariant *args, GDBusMethodInvocation *call, void *opaque)
{
    Polkit *fake = opaque;
    g_autoptr(GVariant) subject = NULL;
    const char *action;
    const char *id;
    guint32 flags;

    if (strcmp(method, "CancelCheckAuthorization") == 0) {
        GDBusMethodInvocation *other;

        g_variant_get(args, "(&s)", &id);
        other = g_hash_table_lookup(fake->held, id);
        g_assert_nonnull(other);
        g_hash_table_remove(fake->held, id);
        g_dbus_method_invocation_return_dbus_error(
            other, "org.freedesktop.PolicyKit1.Error.Cancelled", "as you like");
        g_dbus_method_invocation_return_value(call, NULL);
        polkitCount(fake, &fake->cancelled);
        return;
    }
    g_variant_get(args, "(@(sa{sv})&s@a{ss}u&s)", &subject, &action, NULL, &flags, &id);
    g_assert_cmpuint(flags, ==, 1);
    g_assert_cmpstr(id, !=, "");
    polkitCheckSubject(subject);
    polkitCount(fake, &fake->asked);
    if (strcmp(action, "yes") == 0)
        g_dbus_method_invocation_return_value(call, polkitResult(true, false, false));
    else if (strcmp(action, "no") == 0)
        g_dbus_method_invocation_return_value(call, polkitResult(false, false, false));
    else if (strcmp(action, "challenge") == 0)
        g_dbus_method_invocation_return_value(call, polkitResult(false, true, false));
    else if (strcmp(action, "dismissed") == 0)
        g_dbus_method_invocation_return_value(call, polkitResult(false, false, true));
    else if (strcmp(action, "hold") == 0)
        g_hash_table_insert(fake->held, g_strdup(id), call);
    else if (strcmp(action, "nonsense") == 0)
        g_dbus_method_invocation_return_dbus_error(call, "org.example.Error", "out of order");
    else
        g_assert_not_reached();
}

static const GDBusInterfaceVTable polkitTable = { .method_call = onCall };

static void *
polkitRun(void *opaque)
{
    Polkit *fake = opaque;
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(polkitXML, NULL);
    g_autoptr(GVariant) reply = NULL;
    guint id;

    g_main_context_push_thread_default(fake->context);
    fake->bus = g_dbus_connection_new_for_address_sync(
        fake->address,
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);
    g_assert_no_error(error);
    id = g_dbus_connection_register_object(fake->bus, "/org/freedesktop/PolicyKit1/Authority",
                                           info->interfaces[0], &polkitTable, fake, NULL, NULL);
    g_assert_cmpuint(id, >, 0);
    reply = g_dbus_connection_call_sync(fake->bus, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "RequestName",
                                        g_variant_new("(su)", "org.freedesktop.PolicyKit1", 4),
                                        NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
    g_assert_nonnull(reply);
    virMutexLock(&fake->lock);
    fake->ready = true;
    virCondBroadcast(&fake->cond);
    virMutexUnlock(&fake->lock);
    g_main_loop_run(fake->loop);
    g_dbus_connection_unregister_object(fake->bus, id);
    g_dbus_connection_close_sync(fake->bus, NULL, NULL);
    g_object_unref(fake->bus);
    g_main_context_pop_thread_default(fake->context);
    return NULL;
}

static void
polkitStart(Polkit *fake)
{
    fake->context = g_main_context_new();
    fake->loop = g_main_loop_new(fake->context, FALSE);
    fake->ready = false;
    fake->thread = g_thread_new("polkit", polkitRun, fake);
    virMutexLock(&fake->lock);
    while (!fake->ready)
        virCondWait(&fake->cond, &fake->lock);
    virMutexUnlock(&fake->lock);
}

static gboolean
polkitQuit(void *loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void
polkitStop(Polkit *fake)
{
    g_main_context_invoke(fake->context, polkitQuit, fake->loop);
    g_thread_join(fake->thread);
    g_main_loop_unref(fake->loop);
    g_main_context_unref(fake->context);
}

/* In the child: it ends with the test, also where that fails. */
static void
busSetUp(void *opaque G_GNUC_UNUSED)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Returns when it can be connected to. */
static void
busStart(Polkit *fake)
{
    g_autofree char *conf = g_build_filename(fake->dir, "bus.conf", NULL);
    g_autofree char *config = g_strconcat("--config-file=", conf, NULL);
    g_autofree char *text = g_strdup_printf(
        "<busconfig><type>session</type><listen>%s</listen><policy context='default'>"
        "<allow user='*'/><allow own='*'/><allow send_destination='*'/>"
        "<allow receive_sender='*'/></policy></busconfig>", fake->address);
    char *argv[] = { (char *)"dbus-daemon", (char *)"--nofork", (char *)"--print-address=1",
                     config, NULL };
    char byte = 0;
    int out;

    g_assert_true(g_file_set_contents(conf, text, -1, NULL));
    g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_SEARCH_PATH |
                                           G_SPAWN_DO_NOT_REAP_CHILD |
                                           G_SPAWN_STDERR_TO_DEV_NULL, busSetUp, NULL,
                                           &fake->daemon,
                                           NULL, &out, NULL, NULL));
    while (byte != '\n')
        g_assert_cmpint(read(out, &byte, 1), ==, 1);
    close(out);
    g_assert_cmpint(unlink(conf), ==, 0);
}

static void
busStop(Polkit *fake)
{
    g_assert_cmpint(kill(fake->daemon, SIGTERM), ==, 0);
    g_assert_cmpint(waitpid(fake->daemon, NULL, 0), ==, fake->daemon);
    unlink(fake->address + strlen("unix:path="));
}

static void
setUp(Polkit *fake, gconstpointer data G_GNUC_UNUSED)
{
    fake->dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    fake->address = g_strdup_printf("unix:path=%s/bus", fake->dir);
    busStart(fake);
    g_assert_true(g_setenv("DBUS_SYSTEM_BUS_ADDRESS", fake->address, true));
    virMutexInit(&fake->lock);
    virCondInit(&fake->cond);
    fake->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    polkitStart(fake);
}

static void
tearDown(Polkit *fake, gconstpointer data G_GNUC_UNUSED)
{
    polkitStop(fake);
    busStop(fake);
    g_assert_cmpint(rmdir(fake->dir), ==, 0);
    g_free(fake->dir);
    g_free(fake->address);
    g_hash_table_unref(fake->held);
    virCondDestroy(&fake->cond);
    virMutexDestroy(&fake->lock);
}

/* ---- Tests ---- */

static void
testAnswers(Polkit *fake, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virPolkit) polkit = virPolkitNew();

    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);
    g_assert_cmpint(ask(polkit, "no", "does not allow 'no'"), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpint(ask(polkit, "challenge", "no polkit agent"), ==, VIR_ERR_AUTH_UNAVAILABLE);
    g_assert_cmpint(ask(polkit, "dismissed", "dismissed"), ==, VIR_ERR_AUTH_CANCELLED);
    g_assert_cmpint(ask(polkit, "nonsense", "polkit cannot be asked"), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);
    g_assert_cmpuint(polkitCounted(fake, &fake->asked), ==, 6);
}

/* One that hangs holds up nobody else, and is given up. */
static void
testTooLate(Polkit *fake, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virPolkit) polkit = virPolkitNew();
    g_autoptr(virIdentity) identity = identityNew(4711, 123456789012);
    g_autoptr(virPolkitRequest) request = NULL;
    Asker asker;

    askerInit(&asker);
    request = virPolkitCheck(polkit, identity, "hold", true, 500, onAnswer, &asker);
    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);
    awaitAnswer(&asker);
    g_assert_cmpint(asker.code, ==, VIR_ERR_AUTH_FAILED);
    g_assert_nonnull(strstr(asker.message, "polkit has not answered in 500 ms"));
    /* It is told, so that the user's dialog goes away. */
    polkitAwait(fake, &fake->cancelled, 1);
    virPolkitCancel(request);
    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);
    g_assert_cmpuint(asker.answers, ==, 1);
    askerClear(&asker);
}

static void
testCancel(Polkit *fake, gconstpointer data G_GNUC_UNUSED)
{
    virPolkit *polkit = virPolkitNew();
    g_autoptr(virIdentity) identity = identityNew(4711, 123456789012);
    virPolkitRequest *request;
    Asker asker;
    Asker last;

    askerInit(&asker);
    askerInit(&last);
    request = virPolkitCheck(polkit, identity, "hold", true, LONG_MS, onAnswer, &asker);
    polkitAwait(fake, &fake->asked, 1);
    virPolkitCancel(request);
    awaitAnswer(&asker);
    g_assert_cmpint(asker.code, ==, VIR_ERR_AUTH_CANCELLED);
    polkitAwait(fake, &fake->cancelled, 1);
    virPolkitRequestUnref(request);

    /* Before it is even known. */
    asker.answers = 0;
    request = virPolkitCheck(polkit, identity, "hold", true, LONG_MS, onAnswer, &asker);
    virPolkitCancel(request);
    awaitAnswer(&asker);
    virPolkitRequestUnref(request);

    /* The end answers everybody. */
    request = virPolkitCheck(polkit, identity, "hold", true, LONG_MS, onAnswer, &last);
    virPolkitFree(polkit);
    g_assert_cmpuint(last.answers, ==, 1);
    g_assert_cmpint(last.code, ==, VIR_ERR_AUTH_CANCELLED);
    virPolkitRequestUnref(request);
    askerClear(&asker);
    askerClear(&last);
}

/* Nobody can be asked about these. */
static void
testUnknown(Polkit *fake, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virPolkit) polkit = virPolkitNew();
    g_autoptr(virIdentity) nobody = virIdentityNew();
    g_autoptr(virIdentity) early = identityNew(4711, 0);
    virIdentity *identities[] = { nobody, early };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(identities); i++) {
        g_autoptr(virPolkitRequest) request = NULL;
        Asker asker;

        askerInit(&asker);
        request = virPolkitCheck(polkit, identities[i], "yes", true, LONG_MS, onAnswer, &asker);
        awaitAnswer(&asker);
        g_assert_cmpint(asker.code, ==, VIR_ERR_AUTH_FAILED);
        g_assert_nonnull(strstr(asker.message, "process is not known"));
        askerClear(&asker);
    }
    g_assert_cmpuint(polkitCounted(fake, &fake->asked), ==, 0);
}

/* polkit goes and comes, and so does the bus. */
static void
testAbsent(Polkit *fake, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virPolkit) polkit = virPolkitNew();

    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);
    polkitStop(fake);
    g_assert_cmpint(ask(polkit, "yes", "polkit cannot be asked"), ==, VIR_ERR_AUTH_FAILED);
    polkitStart(fake);
    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);

    polkitStop(fake);
    busStop(fake);
    g_assert_cmpint(ask(polkit, "yes", "polkit cannot be asked"), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpint(ask(polkit, "yes", "polkit cannot be asked"), ==, VIR_ERR_AUTH_FAILED);
    busStart(fake);
    polkitStart(fake);
    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);
}

/* A bus that accepts and says nothing. */
static void
testSilentBus(Polkit *fake G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(virPolkit) polkit = virPolkitNew();
    g_autoptr(virIdentity) identity = identityNew(4711, 123456789012);
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *good = g_strdup(g_getenv("DBUS_SYSTEM_BUS_ADDRESS"));
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    g_autofree char *address = NULL;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int i;

    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/bus", dir);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    address = g_strconcat("unix:path=", addr.sun_path, NULL);
    g_assert_true(g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, true));
    for (i = 0; i < 2; i++) {
        g_autoptr(virPolkitRequest) request = NULL;
        Asker asker;

        askerInit(&asker);
        request = virPolkitCheck(polkit, identity, "yes", true, 200, onAnswer, &asker);
        awaitAnswer(&asker);
        g_assert_nonnull(strstr(asker.message, "polkit has not answered"));
        askerClear(&asker);
    }
    /* The next is asked at another one. */
    g_assert_true(g_setenv("DBUS_SYSTEM_BUS_ADDRESS", good, true));
    g_assert_cmpint(ask(polkit, "yes", NULL), ==, 0);
    close(fd);
    g_assert_cmpint(unlink(addr.sun_path), ==, 0);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Polkit *fake, gconstpointer data);
    } tests[] = {
        { "/polkit/answers", testAnswers },
        { "/polkit/too-late", testTooLate },
        { "/polkit/cancel", testCancel },
        { "/polkit/unknown", testUnknown },
        { "/polkit/absent", testAbsent },
        { "/polkit/silent-bus", testSilentBus },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Polkit, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
