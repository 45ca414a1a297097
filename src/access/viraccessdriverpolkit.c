/*
 * viraccessdriverpolkit.c: who decides by asking polkitd
 *
 * One connection to the system's bus, made when it is needed first and again when it has ended.
 * Every question has a deadline, whatever the bus, polkitd or its rules are doing. What polkitd
 * tells of changes is seen by a filter, which runs in the thread that reads from the bus: the
 * subscriptions of GDBus would need a main loop of GLib's, and there is none here. Anybody can send
 * signals to this connection, whatever it asks for, so the filter looks at who it was.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdatomic.h>
#include <string.h>
#include <gio/gio.h>

#include "viraccessdriver.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"
#include "virpolkit.h"
#include "virthread.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_POLKIT

VIR_LOG_INIT("access.driver_polkit");

#define VIR_ACCESS_BUS_NAME "org.freedesktop.DBus"
#define VIR_ACCESS_BUS_PATH "/org/freedesktop/DBus"
#define VIR_ACCESS_BUS_INTERFACE "org.freedesktop.DBus"

/* What is heard on the bus: other rules or sessions, and another polkitd, which may have others. */
static const char *const virAccessPolkitMatches[] = {
    "type='signal',sender='" VIR_POLKIT_NAME "',"
    "interface='" VIR_POLKIT_INTERFACE "',member='Changed'",
    "type='signal',sender='" VIR_ACCESS_BUS_NAME "',interface='" VIR_ACCESS_BUS_INTERFACE "',"
    "member='NameOwnerChanged',arg0='" VIR_POLKIT_NAME "'",
};

typedef struct {
    atomic_uint refs;           /* filters of connections that are gone have one for a while */
    GCancellable *stop;
    virMutex lock;              /* guards what follows */
    virCond moved;              /* one of the next two has */
    bool connecting;            /* somebody is about to set @bus */
    size_t telling;             /* threads in @changed */
    bool stopped;
    GDBusConnection *bus;       /* NULL: none yet */
    virAccessChangedFunc changed;
    void *opaque;
} virAccessPolkitState;

/* What the filter of one connection knows. */
typedef struct {
    virAccessPolkitState *state;        /* a reference */
    virLogRepeat forged;        /* of the thread that reads from the bus */
    virMutex lock;              /* guards what follows */
    char *owner;                /* who is polkitd, as the bus names connections; NULL: nobody */
    bool told;                  /* the bus has said by itself who it is, which counts more than an
                                 * answer that may be older */
} virAccessPolkitEar;

static virAccessPolkitState *
virAccessPolkitRef(virAccessPolkitState *state)
{
    atomic_fetch_add_explicit(&state->refs, 1, memory_order_relaxed);
    return state;
}

static void
virAccessPolkitUnref(void *opaque)
{
    virAccessPolkitState *state = opaque;

    if (atomic_fetch_sub_explicit(&state->refs, 1, memory_order_acq_rel) != 1)
        return;
    g_object_unref(state->stop);
    virCondDestroy(&state->moved);
    virMutexDestroy(&state->lock);
    g_free(state);
}

static void *
virAccessPolkitOpen(const virAccessSettings *settings G_GNUC_UNUSED,
                    virAccessChangedFunc changed, void *opaque)
{
    virAccessPolkitState *state = g_new0(virAccessPolkitState, 1);

    atomic_init(&state->refs, 1);
    state->stop = g_cancellable_new();
    virMutexInit(&state->lock);
    virCondInit(&state->moved);
    state->changed = changed;
    state->opaque = opaque;
    return state;
}

/* --- what is heard --- */

static void
virAccessPolkitTell(virAccessPolkitState *state)
{
    bool stopped;

    virMutexLock(&state->lock);
    if (!(stopped = state->stopped))
        state->telling++;
    virMutexUnlock(&state->lock);
    if (stopped)
        return;
    state->changed(state->opaque);
    virMutexLock(&state->lock);
    state->telling--;
    virCondBroadcast(&state->moved);
    virMutexUnlock(&state->lock);
}

static virAccessPolkitEar *
virAccessPolkitEarNew(virAccessPolkitState *state)
{
    virAccessPolkitEar *ear = g_new0(virAccessPolkitEar, 1);

    ear->state = virAccessPolkitRef(state);
    virMutexInit(&ear->lock);
    return ear;
}

static void
virAccessPolkitEarFree(void *opaque)
{
    virAccessPolkitEar *ear = opaque;

    virAccessPolkitUnref(ear->state);
    virMutexDestroy(&ear->lock);
    g_free(ear->owner);
    g_free(ear);
}

/* @owner: NULL or "": nobody. @told: by the bus itself. */
static void
virAccessPolkitEarSetOwner(virAccessPolkitEar *ear, const char *owner, bool told)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&ear->lock);

    if (ear->told && !told)
        return;
    ear->told = told;
    g_free(ear->owner);
    ear->owner = owner && owner[0] ? g_strdup(owner) : NULL;
}

/* Whether a signal is that one. The bus itself says who sent it. */
static bool
virAccessPolkitIsSignal(GDBusMessage *message, const char *path, const char *interface,
                        const char *member)
{
    return g_dbus_message_get_message_type(message) == G_DBUS_MESSAGE_TYPE_SIGNAL &&
        g_strcmp0(g_dbus_message_get_member(message), member) == 0 &&
        g_strcmp0(g_dbus_message_get_interface(message), interface) == 0 &&
        g_strcmp0(g_dbus_message_get_path(message), path) == 0;
}

/* Another polkitd, or none. Returns whether @message says so. */
static bool
virAccessPolkitHearOwner(virAccessPolkitEar *ear, GDBusMessage *message)
{
    GVariant *body = g_dbus_message_get_body(message);
    const char *name;
    const char *owner;

    if (!virAccessPolkitIsSignal(message, VIR_ACCESS_BUS_PATH, VIR_ACCESS_BUS_INTERFACE,
                                 "NameOwnerChanged") ||
        g_strcmp0(g_dbus_message_get_sender(message), VIR_ACCESS_BUS_NAME) != 0 ||
        !body || !g_variant_is_of_type(body, G_VARIANT_TYPE("(sss)")))
        return false;
    g_variant_get(body, "(&s&s&s)", &name, NULL, &owner);
    if (strcmp(name, VIR_POLKIT_NAME) != 0)
        return false;
    virAccessPolkitEarSetOwner(ear, owner, true);
    return true;
}

/* Other rules or sessions. Returns whether @message says so, and polkitd has sent it; before it is
 * known who that is, nothing has been asked by this connection. */
static bool
virAccessPolkitHearChange(virAccessPolkitEar *ear, GDBusMessage *message)
{
    const char *sender = g_dbus_message_get_sender(message);
    bool known;
    bool real;

    if (!virAccessPolkitIsSignal(message, VIR_POLKIT_PATH, VIR_POLKIT_INTERFACE,
                                 "Changed"))
        return false;
    virMutexLock(&ear->lock);
    known = ear->owner != NULL;
    real = known && g_strcmp0(sender, ear->owner) == 0;
    virMutexUnlock(&ear->lock);
    if (known && !real && virLogRepeatBegin(&ear->forged))
        VIR_WARN("'%s' on the system's bus isn't polkitd, and what it says of polkit's rules is "
                 "ignored, %" G_GUINT64_FORMAT " times so far", sender, ear->forged.count);
    return real;
}

/* In the thread that reads from the bus. */
static GDBusMessage *
virAccessPolkitFilter(GDBusConnection *bus G_GNUC_UNUSED, GDBusMessage *message,
                      gboolean incoming, void *opaque)
{
    virAccessPolkitEar *ear = opaque;

    if (incoming && (virAccessPolkitHearOwner(ear, message) ||
                     virAccessPolkitHearChange(ear, message)))
        virAccessPolkitTell(ear->state);
    return message;
}

/* --- the connection --- */

/* One wait for the bus with a deadline. */
typedef struct {
    GMainContext *context;
    GCancellable *cancel;
    GDBusConnection *bus;
    GError *error;
    bool done;
} virAccessPolkitDial;

static void
virAccessPolkitDialDone(GObject *source G_GNUC_UNUSED, GAsyncResult *result, void *opaque)
{
    virAccessPolkitDial *dial = opaque;

    dial->bus = g_dbus_connection_new_for_address_finish(result, &dial->error);
    dial->done = true;
}

static gboolean
virAccessPolkitDialTooLate(void *opaque)
{
    virAccessPolkitDial *dial = opaque;

    g_cancellable_cancel(dial->cancel);
    return G_SOURCE_REMOVE;
}

static void
virAccessPolkitDialStopped(GCancellable *stop G_GNUC_UNUSED, void *cancel)
{
    g_cancellable_cancel(cancel);
}

static int
virAccessPolkitLeft(gint64 deadline)
{
    return (int)MAX((deadline - g_get_monotonic_time()) / 1000, 1);
}

/* A bus that accepts and says nothing would hold up GDBus's own call for ever. */
static GDBusConnection *
virAccessPolkitDialBus(virAccessPolkitState *state, gint64 deadline, GError **error)
{
    g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, error);
    virAccessPolkitDial dial = { NULL, NULL, NULL, NULL, false };
    GSource *timer;
    gulong handler;

    if (!address)
        return NULL;
    dial.context = g_main_context_new();
    dial.cancel = g_cancellable_new();
    g_main_context_push_thread_default(dial.context);
    handler = g_cancellable_connect(state->stop, G_CALLBACK(virAccessPolkitDialStopped),
                                    g_object_ref(dial.cancel), g_object_unref);
    timer = g_timeout_source_new((guint)virAccessPolkitLeft(deadline));
    g_source_set_callback(timer, virAccessPolkitDialTooLate, &dial, NULL);
    g_source_attach(timer, dial.context);
    g_dbus_connection_new_for_address(address,
                                      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                      G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                      NULL, dial.cancel, virAccessPolkitDialDone, &dial);
    while (!dial.done)
        g_main_context_iteration(dial.context, TRUE);
    g_source_destroy(timer);
    g_source_unref(timer);
    g_cancellable_disconnect(state->stop, handler);
    g_main_context_pop_thread_default(dial.context);
    g_main_context_unref(dial.context);
    g_object_unref(dial.cancel);
    if (dial.error)
        g_propagate_error(error, dial.error);
    return dial.bus;
}

static void
virAccessPolkitHangUp(GDBusConnection *bus)
{
    g_dbus_connection_close_sync(bus, NULL, NULL);
    g_object_unref(bus);
}

/* NULL: the bus says no, or nothing. */
static GVariant *
virAccessPolkitCallBus(virAccessPolkitState *state, GDBusConnection *bus, const char *method,
                       const char *text, const char *replyType, gint64 deadline, GError **error)
{
    return g_dbus_connection_call_sync(bus, VIR_ACCESS_BUS_NAME, VIR_ACCESS_BUS_PATH,
                                       VIR_ACCESS_BUS_INTERFACE, method,
                                       g_variant_new("(s)", text), G_VARIANT_TYPE(replyType),
                                       G_DBUS_CALL_FLAGS_NONE, virAccessPolkitLeft(deadline),
                                       state->stop, error);
}

/* Makes the bus tell of what counts, and finds out who polkitd is: in this order, so that no other
 * one is missed. There may be none yet. */
static bool
virAccessPolkitListen(virAccessPolkitEar *ear, GDBusConnection *bus, gint64 deadline,
                      GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GError) nobody = NULL;
    const char *owner;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virAccessPolkitMatches); i++) {
        g_autoptr(GVariant) done = virAccessPolkitCallBus(ear->state, bus, "AddMatch",
                                                          virAccessPolkitMatches[i], "()",
                                                          deadline, error);

        if (!done)
            return false;
    }
    reply = virAccessPolkitCallBus(ear->state, bus, "GetNameOwner", VIR_POLKIT_NAME,
                                   "(s)", deadline, &nobody);
    if (!reply && g_error_matches(nobody, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
        return true;
    if (!reply) {
        g_propagate_error(error, g_steal_pointer(&nobody));
        return false;
    }
    g_variant_get(reply, "(&s)", &owner);
    virAccessPolkitEarSetOwner(ear, owner, false);
    return true;
}

/* A new connection that hears what it should, or NULL. */
static GDBusConnection *
virAccessPolkitConnect(virAccessPolkitState *state, gint64 deadline, GError **error)
{
    GDBusConnection *bus = virAccessPolkitDialBus(state, deadline, error);
    virAccessPolkitEar *ear;

    if (!bus)
        return NULL;
    /* Stays as long as the connection, which has it. */
    ear = virAccessPolkitEarNew(state);
    g_dbus_connection_add_filter(bus, virAccessPolkitFilter, ear, virAccessPolkitEarFree);
    if (!virAccessPolkitListen(ear, bus, deadline, error)) {
        virAccessPolkitHangUp(bus);
        return NULL;
    }
    return bus;
}

/* The connection that there is, or a new one: a new reference, or NULL. Of those who need one at a
 * time, one connects. */
static GDBusConnection *
virAccessPolkitGetBus(virAccessPolkitState *state, gint64 deadline, GError **error)
{
    GDBusConnection *bus = NULL;
    GDBusConnection *old;
    bool late = false;

    virMutexLock(&state->lock);
    while (state->connecting && !late)
        late = !virCondWaitUntil(&state->moved, &state->lock, deadline);
    if (state->connecting || (state->bus && !g_dbus_connection_is_closed(state->bus))) {
        if (state->connecting)
            g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                                _("the system's bus does not answer"));
        else
            bus = g_object_ref(state->bus);
        virMutexUnlock(&state->lock);
        return bus;
    }
    state->connecting = true;
    old = g_steal_pointer(&state->bus);
    virMutexUnlock(&state->lock);

    g_clear_object(&old);
    bus = virAccessPolkitConnect(state, deadline, error);

    virMutexLock(&state->lock);
    state->connecting = false;
    if (bus)
        state->bus = g_object_ref(bus);
    virCondBroadcast(&state->moved);
    virMutexUnlock(&state->lock);
    /* Nobody has listened until now. */
    if (bus)
        virAccessPolkitTell(state);
    return bus;
}

/* --- asking --- */

/* What rules can look up; the bus takes no text that isn't UTF-8. */
static GVariant *
virAccessPolkitDetails(const virAccessQuestion *question)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
    g_variant_builder_add(&builder, "{ss}", "connect_driver", question->connectDriver);
    if (question->domainUUID) {
        g_autofree char *name = g_utf8_make_valid(question->domainName, -1);
        char uuid[VIR_UUID_STRING_BUFLEN];

        g_variant_builder_add(&builder, "{ss}", "domain_name", name);
        g_variant_builder_add(&builder, "{ss}", "domain_uuid",
                              virUUIDFormat(question->domainUUID, uuid));
    }
    return g_variant_builder_end(&builder);
}

static int
virAccessPolkitCheck(void *opaque, const virAccessQuestion *question)
{
    virAccessPolkitState *state = opaque;
    gint64 deadline = g_get_monotonic_time() + VIR_ACCESS_WAIT_MAX_MS * G_GINT64_CONSTANT(1000);
    g_autofree char *action = g_strdup_printf("org.virtmon.api.%s.%s",
                                              virAccessPermClass(question->perm),
                                              virAccessPermName(question->perm));
    GVariant *subject = virPolkitSubject(question->identity);
    g_autoptr(GDBusConnection) bus = NULL;
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GError) error = NULL;
    gboolean allowed = FALSE;

    if (!subject) {
        VIR_DEBUG("%s is refused to somebody whose process is not known", action);
        return 0;
    }
    g_variant_ref_sink(subject);
    if ((bus = virAccessPolkitGetBus(state, deadline, &error)))
        reply = g_dbus_connection_call_sync(bus, VIR_POLKIT_NAME, VIR_POLKIT_PATH,
                                            VIR_POLKIT_INTERFACE, "CheckAuthorization",
                                            g_variant_new("(@(sa{sv})s@a{ss}us)", subject, action,
                                                          virAccessPolkitDetails(question), 0, ""),
                                            G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE,
                                            virAccessPolkitLeft(deadline), state->stop, &error);
    g_variant_unref(subject);
    if (!reply) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("polkit cannot be asked about '%1$s': %2$s"),
                       action, error->message);
        return -1;
    }
    /* Neither those whom polkitd would ask for a password: nobody could, here. */
    g_variant_get(reply, "((bba{ss}))", &allowed, NULL, NULL);
    return allowed ? 1 : 0;
}

/* --- the end --- */

static void
virAccessPolkitStop(void *opaque)
{
    virAccessPolkitState *state = opaque;

    g_cancellable_cancel(state->stop);
    virMutexLock(&state->lock);
    state->stopped = true;
    while (state->telling > 0)
        virCondWait(&state->moved, &state->lock);
    virMutexUnlock(&state->lock);
}

static void
virAccessPolkitClose(void *opaque)
{
    virAccessPolkitState *state = opaque;

    if (state->bus)
        virAccessPolkitHangUp(state->bus);
    virAccessPolkitUnref(state);
}

const virAccessDriver virAccessDriverPolkit = {
    .name = "polkit",
    .open = virAccessPolkitOpen,
    .check = virAccessPolkitCheck,
    .stop = virAccessPolkitStop,
    .close = virAccessPolkitClose,
};
