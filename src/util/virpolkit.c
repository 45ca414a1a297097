/*
 * virpolkit.c: asks polkit whether somebody may do something
 *
 * The thread runs a main loop of GLib's, as GDBus wants one. What others hand to it, and only
 * that, is guarded by a lock; everything else is the thread's own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virpolkit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <gio/gio.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_POLKIT

VIR_LOG_INIT("util.polkit");

/* polkit's flag: the user may be asked. */
#define VIR_POLKIT_INTERACTIVE 1

struct _virPolkitRequest {
    atomic_uint refs;
    virPolkit *polkit;
    virIdentity *identity;
    char *action;
    bool interactive;
    unsigned int timeoutMs;
    virPolkitFunc func;
    void *opaque;
    atomic_bool cancelled;

    /* the thread's own */
    GSource *timer;
    GCancellable *stop;         /* of the call; NULL: polkit wasn't asked yet */
    char *id;                   /* by which polkit knows it */
    bool answered;
};

struct _virPolkit {
    pthread_t thread;
    GMainContext *context;

    virMutex lock;              /* guards the next two */
    GQueue news;                /* virPolkitRequest, each with a reference */
    bool stop;

    /* the thread's own */
    GQueue open;                /* virPolkitRequest without an answer, each with a reference */
    GDBusConnection *bus;       /* NULL: none */
    GCancellable *dial;         /* the bus is being connected to; NULL: it isn't */
    size_t calls;               /* of GDBus that will still call back */
    virLogRepeat failing;       /* it gives no answer */
};

/* ---- Requests ---- */

static virPolkitRequest *
virPolkitRequestRef(virPolkitRequest *request)
{
    atomic_fetch_add(&request->refs, 1);
    return request;
}

void
virPolkitRequestUnref(virPolkitRequest *request)
{
    if (!request || atomic_fetch_sub(&request->refs, 1) != 1)
        return;
    g_clear_object(&request->stop);
    virIdentityUnref(request->identity);
    g_free(request->action);
    g_free(request->id);
    g_free(request);
}

/* Tells the outcome: @rc < 0: the thread's last error. What is still on its way is of no interest
 * then. */
static void
virPolkitAnswer(virPolkitRequest *request, int rc)
{
    if (!request->answered) {
        request->answered = true;
        g_queue_remove(&request->polkit->open, request);
        if (request->timer) {
            g_source_destroy(request->timer);
            g_clear_pointer(&request->timer, g_source_unref);
        }
        request->func(rc, request->opaque);
        virPolkitRequestUnref(request);
    }
    virResetLastError();
}

static void
virPolkitCancelDone(GObject *source, GAsyncResult *result, void *opaque)
{
    GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
    virPolkit *polkit = opaque;

    if (reply)
        g_variant_unref(reply);
    polkit->calls--;
}

/* Answers before polkit has; a question that the user sees disappears. */
static void
virPolkitGiveUp(virPolkitRequest *request)
{
    virPolkit *polkit = request->polkit;
    g_autoptr(virPolkitRequest) ref G_GNUC_UNUSED = virPolkitRequestRef(request);

    virPolkitAnswer(request, -1);
    if (!request->stop)
        return;
    g_cancellable_cancel(request->stop);
    if (!polkit->bus || g_dbus_connection_is_closed(polkit->bus))
        return;
    polkit->calls++;
    g_dbus_connection_call(polkit->bus, VIR_POLKIT_NAME, VIR_POLKIT_PATH, VIR_POLKIT_INTERFACE,
                           "CancelCheckAuthorization", g_variant_new("(s)", request->id), NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, 1000, NULL, virPolkitCancelDone,
                           polkit);
}

/* Whoever can connect can have it fail as often as he likes: so it is logged once, until it answers
 * again, and he isn't told why. Reports the error for one request. */
static void
virPolkitFails(virPolkit *polkit, const char *why)
{
    if (virLogRepeatBegin(&polkit->failing))
        VIR_WARN("polkit cannot be asked: %s", why);
    virReportError(VIR_ERR_AUTH_FAILED, "%s",
                   _("polkit cannot be asked; the server's log says why"));
}

static void
virPolkitAnswers(virPolkit *polkit)
{
    guint64 unlogged = virLogRepeatEnd(&polkit->failing);

    if (unlogged > 0)
        VIR_INFO("polkit answers again, after %" G_GUINT64_FORMAT " more failures", unlogged);
}

static gboolean
virPolkitTooLate(void *opaque)
{
    g_autoptr(virPolkitRequest) request = virPolkitRequestRef(opaque);

    if (virLogRepeatBegin(&request->polkit->failing))
        VIR_WARN("polkit has not answered in %u ms about '%s'", request->timeoutMs,
                 request->action);
    virReportError(VIR_ERR_AUTH_FAILED, _("polkit has not answered in %1$u ms"),
                   request->timeoutMs);
    /* A bus that is silent for so long is tried anew, for those who have come since. */
    if (!request->stop && request->polkit->dial)
        g_cancellable_cancel(request->polkit->dial);
    virPolkitGiveUp(request);
    return G_SOURCE_REMOVE;
}

/* ---- Asking ---- */

GVariant *
virPolkitSubject(const virIdentity *identity)
{
    GVariantBuilder details;
    unsigned long long startTime;
    pid_t pid;
    uid_t uid;

    if (!virIdentityGetProcess(identity, &pid, &startTime) || startTime == 0 ||
        !virIdentityGetUNIXUserID(identity, &uid))
        return NULL;
    g_variant_builder_init(&details, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&details, "{sv}", "pid", g_variant_new_uint32(pid));
    g_variant_builder_add(&details, "{sv}", "start-time", g_variant_new_uint64(startTime));
    g_variant_builder_add(&details, "{sv}", "uid", g_variant_new_int32((gint32)uid));
    return g_variant_new("(sa{sv})", "unix-process", &details);
}

/* What polkit says, as an outcome. */
static int
virPolkitRead(const virPolkitRequest *request, GVariant *reply)
{
    g_autoptr(GVariant) details = NULL;
    const char *dismissed = NULL;
    gboolean allowed;
    gboolean challenge;

    g_variant_get(reply, "((bb@a{ss}))", &allowed, &challenge, &details);
    if (allowed)
        return 0;
    if (g_variant_lookup(details, "polkit.dismissed", "&s", &dismissed))
        virReportError(VIR_ERR_AUTH_CANCELLED, "%s", _("the user has dismissed polkit's question"));
    else if (challenge)
        virReportError(VIR_ERR_AUTH_UNAVAILABLE,
                       _("there is no polkit agent to ask the user about '%1$s'"),
                       request->action);
    else
        virReportError(VIR_ERR_AUTH_FAILED, _("polkit does not allow '%1$s'"), request->action);
    return -1;
}

static void
virPolkitCallDone(GObject *source, GAsyncResult *result, void *opaque)
{
    g_autoptr(virPolkitRequest) request = opaque;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result,
                                                              &error);

    request->polkit->calls--;
    if (request->answered)
        return;
    if (reply) {
        virPolkitAnswers(request->polkit);
        virPolkitAnswer(request, virPolkitRead(request, reply));
        return;
    }
    virPolkitFails(request->polkit, error->message);
    virPolkitAnswer(request, -1);
}

/* With a bus that is there. */
static void
virPolkitCall(virPolkitRequest *request)
{
    virPolkit *polkit = request->polkit;
    GVariant *subject = virPolkitSubject(request->identity);

    if (!subject) {
        virReportError(VIR_ERR_AUTH_FAILED, "%s", _("the client's process is not known"));
        virPolkitAnswer(request, -1);
        return;
    }
    request->stop = g_cancellable_new();
    request->id = g_strdup_printf("virtmon-%p", (void *)request);
    polkit->calls++;
    g_dbus_connection_call(polkit->bus, VIR_POLKIT_NAME, VIR_POLKIT_PATH, VIR_POLKIT_INTERFACE,
                           "CheckAuthorization",
                           g_variant_new("(@(sa{sv})sa{ss}us)", subject, request->action, NULL,
                                         request->interactive ? VIR_POLKIT_INTERACTIVE : 0,
                                         request->id),
                           G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                           request->stop, virPolkitCallDone, virPolkitRequestRef(request));
}

/* ---- The bus ---- */

/* Has @func look at each that has no answer; it may get one. */
static void
virPolkitForEach(virPolkit *polkit, void (*func)(virPolkitRequest *request))
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(
        (GDestroyNotify)virPolkitRequestUnref);
    GList *link;
    guint i;

    for (link = polkit->open.head; link; link = link->next)
        g_ptr_array_add(all, virPolkitRequestRef(link->data));
    for (i = 0; i < all->len; i++)
        func(g_ptr_array_index(all, i));
}

static void
virPolkitCallIfNew(virPolkitRequest *request)
{
    if (!request->stop && !request->answered)
        virPolkitCall(request);
}

static void virPolkitDial(virPolkit *polkit);

static void
virPolkitDialDone(GObject *source G_GNUC_UNUSED, GAsyncResult *result, void *opaque)
{
    virPolkit *polkit = opaque;
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus = g_dbus_connection_new_for_address_finish(result, &error);

    polkit->calls--;
    g_clear_object(&polkit->dial);
    if (bus) {
        polkit->bus = bus;
        virPolkitForEach(polkit, virPolkitCallIfNew);
        return;
    }
    /* Given up for want of anybody who waits; who has come since waits for another. */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) && polkit->open.length > 0) {
        virPolkitDial(polkit);
        return;
    }
    /* All of these, as there was no bus. */
    while (polkit->open.head) {
        virPolkitFails(polkit, error->message);
        virPolkitAnswer(polkit->open.head->data, -1);
    }
}

static void
virPolkitDial(virPolkit *polkit)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, &error);

    polkit->dial = g_cancellable_new();
    polkit->calls++;
    /* Without an address that fails likewise. */
    g_dbus_connection_new_for_address(address ? address : "unix:path=/nonexistent",
                                      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                      G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                      NULL, polkit->dial, virPolkitDialDone, polkit);
}

static void
virPolkitHangUp(virPolkit *polkit)
{
    if (!polkit->bus)
        return;
    g_dbus_connection_close_sync(polkit->bus, NULL, NULL);
    g_clear_object(&polkit->bus);
}

/* ---- The thread ---- */

/* Takes @request. */
static void
virPolkitBegin(virPolkit *polkit, virPolkitRequest *request)
{
    g_queue_push_tail(&polkit->open, request);
    request->timer = g_timeout_source_new(request->timeoutMs);
    g_source_set_callback(request->timer, virPolkitTooLate, request, NULL);
    g_source_attach(request->timer, polkit->context);

    if (polkit->bus && g_dbus_connection_is_closed(polkit->bus))
        virPolkitHangUp(polkit);
    if (polkit->bus)
        virPolkitCall(request);
    else if (!polkit->dial)
        virPolkitDial(polkit);
}

static void
virPolkitGiveUpIfCancelled(virPolkitRequest *request)
{
    if (!atomic_load(&request->cancelled) || request->answered)
        return;
    virReportError(VIR_ERR_AUTH_CANCELLED, "%s", _("the question to polkit was cancelled"));
    virPolkitGiveUp(request);
}

static void
virPolkitGiveUpAtEnd(virPolkitRequest *request)
{
    atomic_store(&request->cancelled, true);
    virPolkitGiveUpIfCancelled(request);
}

/* Returns whether it is time to end. */
static bool
virPolkitTakeNews(virPolkit *polkit)
{
    GQueue news;
    virPolkitRequest *request;
    bool stop;

    virMutexLock(&polkit->lock);
    news = polkit->news;
    g_queue_init(&polkit->news);
    stop = polkit->stop;
    virMutexUnlock(&polkit->lock);
    while ((request = g_queue_pop_head(&news)))
        virPolkitBegin(polkit, request);
    virPolkitForEach(polkit, stop ? virPolkitGiveUpAtEnd : virPolkitGiveUpIfCancelled);
    /* A bus that doesn't answer is tried anew for the next. */
    if (polkit->dial && polkit->open.length == 0)
        g_cancellable_cancel(polkit->dial);
    return stop;
}

static void *
virPolkitRun(void *opaque)
{
    virPolkit *polkit = opaque;

    pthread_setname_np(pthread_self(), "virtmon-polkit");
    g_main_context_push_thread_default(polkit->context);
    while (!virPolkitTakeNews(polkit))
        g_main_context_iteration(polkit->context, TRUE);
    while (polkit->calls > 0)
        g_main_context_iteration(polkit->context, TRUE);
    virPolkitHangUp(polkit);
    g_main_context_pop_thread_default(polkit->context);
    return NULL;
}

/* ---- Any thread ---- */

virPolkit *
virPolkitNew(void)
{
    virPolkit *polkit = g_new0(virPolkit, 1);
    int rc;

    polkit->context = g_main_context_new();
    virMutexInit(&polkit->lock);
    g_queue_init(&polkit->news);
    g_queue_init(&polkit->open);
    if ((rc = pthread_create(&polkit->thread, NULL, virPolkitRun, polkit)) == 0)
        return polkit;
    virReportSystemError(rc, "%s", _("cannot start a thread"));
    virMutexDestroy(&polkit->lock);
    g_main_context_unref(polkit->context);
    g_free(polkit);
    return NULL;
}

void
virPolkitFree(virPolkit *polkit)
{
    if (!polkit)
        return;
    virMutexLock(&polkit->lock);
    polkit->stop = true;
    virMutexUnlock(&polkit->lock);
    g_main_context_wakeup(polkit->context);
    pthread_join(polkit->thread, NULL);
    virMutexDestroy(&polkit->lock);
    g_main_context_unref(polkit->context);
    g_free(polkit);
}

virPolkitRequest *
virPolkitCheck(virPolkit *polkit, virIdentity *identity, const char *action, bool interactive,
               unsigned int timeoutMs, virPolkitFunc func, void *opaque)
{
    virPolkitRequest *request = g_new0(virPolkitRequest, 1);

    request->refs = 1;
    request->polkit = polkit;
    request->identity = virIdentityRef(identity);
    request->action = g_strdup(action);
    request->interactive = interactive;
    request->timeoutMs = timeoutMs;
    request->func = func;
    request->opaque = opaque;
    virMutexLock(&polkit->lock);
    g_queue_push_tail(&polkit->news, virPolkitRequestRef(request));
    virMutexUnlock(&polkit->lock);
    g_main_context_wakeup(polkit->context);
    return request;
}

void
virPolkitCancel(virPolkitRequest *request)
{
    atomic_store(&request->cancelled, true);
    g_main_context_wakeup(request->polkit->context);
}
