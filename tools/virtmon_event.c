/*
 * virtmon_event.c: the "event" command: libvirt's typed events, as text
 *
 * A row in a table for each kind of event: its name and the callback that prints it.
 * What a driver offers of them is the driver's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <stdarg.h>
#include <string.h>

#include "virtmon_watch.h"

typedef struct {
    const char *name;
    virConnectDomainEventGenericCallback cb;
} virtmonEventType;

/* The opaque of a registration. */
typedef struct {
    virtmonWatch *watch;        /* a reference */
    const char *name;           /* of the kind of event */
    bool timestamp;
} virtmonEventTarget;

static void
virtmonEventTargetFree(void *opaque)
{
    virtmonEventTarget *target = opaque;

    virtmonWatchUnref(target->watch);
    g_free(target);
}

/* --- words --- */

typedef struct {
    const char *const *words;
    size_t count;
    const char *other;          /* for what isn't among them */
} virtmonEventWords;

#define VIRTMON_EVENT_WORDS(name, fallback, ...) \
    static const char *const name##Words[] = { __VA_ARGS__ }; \
    static const virtmonEventWords name = { name##Words, G_N_ELEMENTS(name##Words), fallback }

static const char *
virtmonEventWord(const virtmonEventWords *words, int value)
{
    const char *word = NULL;

    if (value >= 0 && (size_t)value < words->count)
        word = words->words[value];
    return _(word ? word : words->other);
}

VIRTMON_EVENT_WORDS(virtmonEventLifecycles, N_("unknown"),
                    [VIR_DOMAIN_EVENT_DEFINED] = N_("Defined"),
                    [VIR_DOMAIN_EVENT_UNDEFINED] = N_("Undefined"),
                    [VIR_DOMAIN_EVENT_STARTED] = N_("Started"),
                    [VIR_DOMAIN_EVENT_SUSPENDED] = N_("Suspended"),
                    [VIR_DOMAIN_EVENT_RESUMED] = N_("Resumed"),
                    [VIR_DOMAIN_EVENT_STOPPED] = N_("Stopped"),
                    [VIR_DOMAIN_EVENT_SHUTDOWN] = N_("Shutdown"),
                    [VIR_DOMAIN_EVENT_PMSUSPENDED] = N_("PMSuspended"),
                    [VIR_DOMAIN_EVENT_CRASHED] = N_("Crashed"));

VIRTMON_EVENT_WORDS(virtmonEventDefined, N_("unknown"),
                    [VIR_DOMAIN_EVENT_DEFINED_ADDED] = N_("Added"),
                    [VIR_DOMAIN_EVENT_DEFINED_UPDATED] = N_("Updated"),
                    [VIR_DOMAIN_EVENT_DEFINED_RENAMED] = N_("Renamed"),
                    [VIR_DOMAIN_EVENT_DEFINED_FROM_SNAPSHOT] = N_("Snapshot"));

VIRTMON_EVENT_WORDS(virtmonEventUndefined, N_("unknown"),
                    [VIR_DOMAIN_EVENT_UNDEFINED_REMOVED] = N_("Removed"),
                    [VIR_DOMAIN_EVENT_UNDEFINED_RENAMED] = N_("Renamed"));

VIRTMON_EVENT_WORDS(virtmonEventStarted, N_("unknown"),
                    [VIR_DOMAIN_EVENT_STARTED_BOOTED] = N_("Booted"),
                    [VIR_DOMAIN_EVENT_STARTED_MIGRATED] = N_("Migrated"),
                    [VIR_DOMAIN_EVENT_STARTED_RESTORED] = N_("Restored"),
                    [VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT] = N_("Snapshot"),
                    [VIR_DOMAIN_EVENT_STARTED_WAKEUP] = N_("Event wakeup"));

VIRTMON_EVENT_WORDS(virtmonEventSuspended, N_("unknown"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_PAUSED] = N_("Paused"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED] = N_("Migrated"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_IOERROR] = N_("I/O Error"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG] = N_("Watchdog"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_RESTORED] = N_("Restored"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT] = N_("Snapshot"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR] = N_("API error"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY] = N_("Post-copy"),
                    [VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED] = N_("Post-copy Error"));

VIRTMON_EVENT_WORDS(virtmonEventResumed, N_("unknown"),
                    [VIR_DOMAIN_EVENT_RESUMED_UNPAUSED] = N_("Unpaused"),
                    [VIR_DOMAIN_EVENT_RESUMED_MIGRATED] = N_("Migrated"),
                    [VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT] = N_("Snapshot"),
                    [VIR_DOMAIN_EVENT_RESUMED_POSTCOPY] = N_("Post-copy"),
                    [VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED] = N_("Post-copy Error"));

VIRTMON_EVENT_WORDS(virtmonEventStopped, N_("unknown"),
                    [VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN] = N_("Shutdown"),
                    [VIR_DOMAIN_EVENT_STOPPED_DESTROYED] = N_("Destroyed"),
                    [VIR_DOMAIN_EVENT_STOPPED_CRASHED] = N_("Crashed"),
                    [VIR_DOMAIN_EVENT_STOPPED_MIGRATED] = N_("Migrated"),
                    [VIR_DOMAIN_EVENT_STOPPED_SAVED] = N_("Saved"),
                    [VIR_DOMAIN_EVENT_STOPPED_FAILED] = N_("Failed"),
                    [VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT] = N_("Snapshot"));

VIRTMON_EVENT_WORDS(virtmonEventShutdown, N_("unknown"),
                    [VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED] = N_("Finished"),
                    [VIR_DOMAIN_EVENT_SHUTDOWN_GUEST] = N_("Finished after guest request"),
                    [VIR_DOMAIN_EVENT_SHUTDOWN_HOST] = N_("Finished after host request"));

VIRTMON_EVENT_WORDS(virtmonEventPMSuspended, N_("unknown"),
                    [VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY] = N_("Memory"),
                    [VIR_DOMAIN_EVENT_PMSUSPENDED_DISK] = N_("Disk"));

VIRTMON_EVENT_WORDS(virtmonEventCrashed, N_("unknown"),
                    [VIR_DOMAIN_EVENT_CRASHED_PANICKED] = N_("Panicked"),
                    [VIR_DOMAIN_EVENT_CRASHED_CRASHLOADED] = N_("Crashloaded"));

/* What the detail of each lifecycle event means. */
static const virtmonEventWords *const virtmonEventDetails[] = {
    [VIR_DOMAIN_EVENT_DEFINED] = &virtmonEventDefined,
    [VIR_DOMAIN_EVENT_UNDEFINED] = &virtmonEventUndefined,
    [VIR_DOMAIN_EVENT_STARTED] = &virtmonEventStarted,
    [VIR_DOMAIN_EVENT_SUSPENDED] = &virtmonEventSuspended,
    [VIR_DOMAIN_EVENT_RESUMED] = &virtmonEventResumed,
    [VIR_DOMAIN_EVENT_STOPPED] = &virtmonEventStopped,
    [VIR_DOMAIN_EVENT_SHUTDOWN] = &virtmonEventShutdown,
    [VIR_DOMAIN_EVENT_PMSUSPENDED] = &virtmonEventPMSuspended,
    [VIR_DOMAIN_EVENT_CRASHED] = &virtmonEventCrashed,
};

VIRTMON_EVENT_WORDS(virtmonEventWatchdogActions, N_("unknown"),
                    [VIR_DOMAIN_EVENT_WATCHDOG_NONE] = N_("none"),
                    [VIR_DOMAIN_EVENT_WATCHDOG_PAUSE] = N_("pause"),
                    [VIR_DOMAIN_EVENT_WATCHDOG_RESET] = N_("reset"),
                    [VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF] = N_("poweroff"),
                    [VIR_DOMAIN_EVENT_WATCHDOG_SHUTDOWN] = N_("shutdown"),
                    [VIR_DOMAIN_EVENT_WATCHDOG_DEBUG] = N_("debug"),
                    [VIR_DOMAIN_EVENT_WATCHDOG_INJECTNMI] = N_("inject-nmi"));

VIRTMON_EVENT_WORDS(virtmonEventIOErrorActions, N_("unknown"),
                    [VIR_DOMAIN_EVENT_IO_ERROR_NONE] = N_("none"),
                    [VIR_DOMAIN_EVENT_IO_ERROR_PAUSE] = N_("pause"),
                    [VIR_DOMAIN_EVENT_IO_ERROR_REPORT] = N_("report"));

VIRTMON_EVENT_WORDS(virtmonEventGraphicsPhases, N_("unknown"),
                    [VIR_DOMAIN_EVENT_GRAPHICS_CONNECT] = N_("connect"),
                    [VIR_DOMAIN_EVENT_GRAPHICS_INITIALIZE] = N_("initialize"),
                    [VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT] = N_("disconnect"));

VIRTMON_EVENT_WORDS(virtmonEventGraphicsFamilies, N_("unknown"),
                    [VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV4] = N_("IPv4"),
                    [VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV6] = N_("IPv6"),
                    [VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_UNIX] = N_("unix"));

VIRTMON_EVENT_WORDS(virtmonEventBlockJobs, N_("Unknown job"),
                    [VIR_DOMAIN_BLOCK_JOB_TYPE_UNKNOWN] = N_("Unknown job"),
                    [VIR_DOMAIN_BLOCK_JOB_TYPE_PULL] = N_("Block Pull"),
                    [VIR_DOMAIN_BLOCK_JOB_TYPE_COPY] = N_("Block Copy"),
                    [VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT] = N_("Block Commit"),
                    [VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT] = N_("Active Block Commit"),
                    [VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP] = N_("Backup"));

VIRTMON_EVENT_WORDS(virtmonEventBlockJobStatuses, N_("unknown"),
                    [VIR_DOMAIN_BLOCK_JOB_COMPLETED] = N_("completed"),
                    [VIR_DOMAIN_BLOCK_JOB_FAILED] = N_("failed"),
                    [VIR_DOMAIN_BLOCK_JOB_CANCELED] = N_("canceled"),
                    [VIR_DOMAIN_BLOCK_JOB_READY] = N_("ready"));

VIRTMON_EVENT_WORDS(virtmonEventDiskChanges, N_("unknown"),
                    [VIR_DOMAIN_EVENT_DISK_CHANGE_MISSING_ON_START] = N_("changed"),
                    [VIR_DOMAIN_EVENT_DISK_DROP_MISSING_ON_START] = N_("dropped"));

VIRTMON_EVENT_WORDS(virtmonEventTrayChanges, N_("unknown"),
                    [VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN] = N_("opened"),
                    [VIR_DOMAIN_EVENT_TRAY_CHANGE_CLOSE] = N_("closed"));

VIRTMON_EVENT_WORDS(virtmonEventMetadataTypes, N_("unsupported value"),
                    [VIR_DOMAIN_METADATA_DESCRIPTION] = N_("description"),
                    [VIR_DOMAIN_METADATA_TITLE] = N_("title"),
                    [VIR_DOMAIN_METADATA_ELEMENT] = N_("element"));

/* no state is 0, but a server may send it */
VIRTMON_EVENT_WORDS(virtmonEventAgentStates, N_("unsupported value"),
                    [0] = N_("unknown"),
                    [VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED] = N_("connected"),
                    [VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED] =
                    N_("disconnected"));

VIRTMON_EVENT_WORDS(virtmonEventAgentReasons, N_("unsupported value"),
                    [VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_UNKNOWN] = N_("unknown"),
                    [VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_DOMAIN_STARTED] =
                    N_("domain started"),
                    [VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL] =
                    N_("channel event"));

VIRTMON_EVENT_WORDS(virtmonEventMemoryRecipients, N_("unsupported value"),
                    [VIR_DOMAIN_EVENT_MEMORY_FAILURE_RECIPIENT_HYPERVISOR] = N_("hypervisor"),
                    [VIR_DOMAIN_EVENT_MEMORY_FAILURE_RECIPIENT_GUEST] = N_("guest"));

VIRTMON_EVENT_WORDS(virtmonEventMemoryActions, N_("unsupported value"),
                    [VIR_DOMAIN_EVENT_MEMORY_FAILURE_ACTION_IGNORE] = N_("ignore"),
                    [VIR_DOMAIN_EVENT_MEMORY_FAILURE_ACTION_INJECT] = N_("inject"),
                    [VIR_DOMAIN_EVENT_MEMORY_FAILURE_ACTION_FATAL] = N_("fatal"),
                    [VIR_DOMAIN_EVENT_MEMORY_FAILURE_ACTION_RESET] = N_("reset"));

/* --- printing; all in the event loop's thread --- */

static char *
virtmonEventSafe(virtmonEventTarget *target, const char *text)
{
    return vshSafe(virtmonWatchControl(target->watch), text ? text : "<null>", false);
}

/* Prints @text (takes it), all of an event but the timestamp. */
static void
virtmonEventPrint(virtmonEventTarget *target, char *text)
{
    g_autofree char *own = text;
    g_autofree char *stamp = NULL;

    if (!virtmonWatchEnter(target->watch))
        return;
    if (target->timestamp) {
        stamp = virtmonWatchStamp();
        vshPrint(virtmonWatchControl(target->watch), "%s: %s", stamp, own);
    } else {
        vshPrint(virtmonWatchControl(target->watch), "%s", own);
    }
    virtmonWatchLeave(target->watch, true);
}

static void
virtmonEventPlain(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));

    virtmonEventPrint(target, g_strdup_printf(_("event '%1$s' for domain '%2$s'\n"),
                                              target->name, name));
}

/* Events of power management: their reason means nothing yet. */
static void
virtmonEventPM(virConnectPtr conn, virDomainPtr dom, int reason G_GNUC_UNUSED, void *opaque)
{
    virtmonEventPlain(conn, dom, opaque);
}

static void
virtmonEventLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int event, int detail,
                      void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    const char *detailWord = _("unknown");

    if (event >= 0 && (size_t)event < G_N_ELEMENTS(virtmonEventDetails))
        detailWord = virtmonEventWord(virtmonEventDetails[event], detail);
    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$s %4$s\n"),
                                      target->name, name,
                                      virtmonEventWord(&virtmonEventLifecycles, event),
                                      detailWord));
}

static void
virtmonEventRTCChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, long long utcoffset,
                      void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));

    virtmonEventPrint(target, g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$lld\n"),
                                              target->name, name, utcoffset));
}

static void
virtmonEventWatchdog(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int action, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$s\n"),
                                      target->name, name,
                                      virtmonEventWord(&virtmonEventWatchdogActions, action)));
}

static void
virtmonEventIOError(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *srcPath,
                    const char *devAlias, int action, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *path = virtmonEventSafe(target, srcPath);
    g_autofree char *alias = virtmonEventSafe(target, devAlias);

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$s (%4$s) %5$s\n"),
                                      target->name, name, path, alias,
                                      virtmonEventWord(&virtmonEventIOErrorActions, action)));
}

static void
virtmonEventIOErrorReason(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                          const char *srcPath, const char *devAlias, int action,
                          const char *reason, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *path = virtmonEventSafe(target, srcPath);
    g_autofree char *alias = virtmonEventSafe(target, devAlias);
    g_autofree char *why = virtmonEventSafe(target, reason);

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$s (%4$s) %5$s due to "
                                        "%6$s\n"),
                                      target->name, name, path, alias,
                                      virtmonEventWord(&virtmonEventIOErrorActions, action),
                                      why));
}

/* "IPv4 127.0.0.1 5900" */
static char *
virtmonEventAddress(virtmonEventTarget *target, const virDomainEventGraphicsAddress *address)
{
    g_autofree char *node = virtmonEventSafe(target, address->node);
    g_autofree char *service = virtmonEventSafe(target, address->service);

    return g_strdup_printf("%s %s %s",
                           virtmonEventWord(&virtmonEventGraphicsFamilies, address->family),
                           node, service);
}

static void
virtmonEventGraphics(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int phase,
                     const virDomainEventGraphicsAddress *local,
                     const virDomainEventGraphicsAddress *remote, const char *authScheme,
                     const virDomainEventGraphicsSubject *subject, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *here = virtmonEventAddress(target, local);
    g_autofree char *there = virtmonEventAddress(target, remote);
    g_autofree char *scheme = virtmonEventSafe(target, authScheme);
    GString *text = g_string_new(NULL);
    int i;

    g_string_append_printf(text,
                           _("event '%1$s' for domain '%2$s': %3$s local[%4$s] remote[%5$s] "
                             "%6$s\n"),
                           target->name, name,
                           virtmonEventWord(&virtmonEventGraphicsPhases, phase), here, there,
                           scheme);
    for (i = 0; i < subject->nidentity; i++) {
        g_autofree char *type = virtmonEventSafe(target, subject->identities[i].type);
        g_autofree char *who = virtmonEventSafe(target, subject->identities[i].name);

        g_string_append_printf(text, "\t%s=%s\n", type, who);
    }
    virtmonEventPrint(target, g_string_free(text, FALSE));
}

static void
virtmonEventBlockJob(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *disk,
                     int type, int status, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *which = virtmonEventSafe(target, disk);

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$s for %4$s %5$s\n"),
                                      target->name, name,
                                      virtmonEventWord(&virtmonEventBlockJobs, type), which,
                                      virtmonEventWord(&virtmonEventBlockJobStatuses, status)));
}

static void
virtmonEventDiskChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                       const char *oldSrcPath, const char *newSrcPath, const char *devAlias,
                       int reason, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *before = virtmonEventSafe(target, oldSrcPath);
    g_autofree char *after = virtmonEventSafe(target, newSrcPath);
    g_autofree char *alias = virtmonEventSafe(target, devAlias);

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s' disk %3$s: %4$s -> %5$s: "
                                        "%6$s\n"),
                                      target->name, name, alias, before, after,
                                      virtmonEventWord(&virtmonEventDiskChanges, reason)));
}

static void
virtmonEventTrayChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *devAlias,
                       int reason, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *alias = virtmonEventSafe(target, devAlias);

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s' disk %3$s: %4$s\n"),
                                      target->name, name, alias,
                                      virtmonEventWord(&virtmonEventTrayChanges, reason)));
}

static void
virtmonEventBalloonChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                          unsigned long long actual, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));

    virtmonEventPrint(target, g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$lluKiB\n"),
                                              target->name, name, actual));
}

/* A device came, went, or wouldn't go. */
static void
virtmonEventDevice(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *devAlias,
                   void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *alias = virtmonEventSafe(target, devAlias);

    virtmonEventPrint(target, g_strdup_printf(_("event '%1$s' for domain '%2$s': %3$s\n"),
                                              target->name, name, alias));
}

static char *
virtmonEventParameter(virtmonEventTarget *target, const virTypedParameter *param)
{
    switch ((virTypedParameterType)param->type) {
    case VIR_TYPED_PARAM_INT:
        return g_strdup_printf("%d", param->value.i);
    case VIR_TYPED_PARAM_UINT:
        return g_strdup_printf("%u", param->value.ui);
    case VIR_TYPED_PARAM_LLONG:
        return g_strdup_printf("%lld", param->value.l);
    case VIR_TYPED_PARAM_ULLONG:
        return g_strdup_printf("%llu", param->value.ul);
    case VIR_TYPED_PARAM_DOUBLE:
        return g_strdup_printf("%g", param->value.d);
    case VIR_TYPED_PARAM_BOOLEAN:
        return g_strdup_printf("%d", param->value.b);
    case VIR_TYPED_PARAM_STRING:
        return virtmonEventSafe(target, param->value.s);
    default:
        return g_strdup(_("unknown"));
    }
}

/* Events that are a list of names and values. */
static void
virtmonEventParameters(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                       virTypedParameterPtr params, int nparams, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    GString *text = g_string_new(NULL);
    int i;

    g_string_append_printf(text, _("event '%1$s' for domain '%2$s':\n"), target->name, name);
    for (i = 0; i < nparams; i++) {
        g_autofree char *field = virtmonEventSafe(target, params[i].field);
        g_autofree char *value = virtmonEventParameter(target, &params[i]);

        g_string_append_printf(text, "\t%s: %s\n", field, value);
    }
    virtmonEventPrint(target, g_string_free(text, FALSE));
}

static void
virtmonEventAgentLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int state,
                           int reason, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': state: '%3$s' reason: "
                                        "'%4$s'\n"),
                                      target->name, name,
                                      virtmonEventWord(&virtmonEventAgentStates, state),
                                      virtmonEventWord(&virtmonEventAgentReasons, reason)));
}

static void
virtmonEventMigrationIteration(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int iteration,
                               void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': iteration: '%3$d'\n"),
                                      target->name, name, iteration));
}

static void
virtmonEventMetadataChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int type,
                           const char *nsuri, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *uri = virtmonEventSafe(target, nsuri);

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': type %3$s, uri %4$s\n"),
                                      target->name, name,
                                      virtmonEventWord(&virtmonEventMetadataTypes, type), uri));
}

static void
virtmonEventBlockThreshold(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *dev,
                           const char *path, unsigned long long threshold,
                           unsigned long long excess, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *device = virtmonEventSafe(target, dev);
    g_autofree char *source = virtmonEventSafe(target, path);

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s': dev: %3$s(%4$s) %5$llu "
                                        "%6$llu\n"),
                                      target->name, name, device, source, threshold, excess));
}

static void
virtmonEventMemoryFailure(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int recipient,
                          int action, unsigned int flags, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));

    virtmonEventPrint(target,
                      g_strdup_printf(_("event '%1$s' for domain '%2$s':\n"
                                        "recipient: %3$s\n"
                                        "action: %4$s\n"
                                        "flags:\n"
                                        "\taction required: %5$d\n"
                                        "\trecursive: %6$d\n"),
                                      target->name, name,
                                      virtmonEventWord(&virtmonEventMemoryRecipients, recipient),
                                      virtmonEventWord(&virtmonEventMemoryActions, action),
                                      !!(flags & VIR_DOMAIN_MEMORY_FAILURE_ACTION_REQUIRED),
                                      !!(flags & VIR_DOMAIN_MEMORY_FAILURE_RECURSIVE)));
}

static void
virtmonEventMemoryDeviceSizeChange(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                                   const char *alias, unsigned long long size, void *opaque)
{
    virtmonEventTarget *target = opaque;
    g_autofree char *name = virtmonEventSafe(target, virDomainGetName(dom));
    g_autofree char *device = virtmonEventSafe(target, alias);

    virtmonEventPrint(target, g_strdup_printf(_("event '%1$s' for domain '%2$s':\n"
                                                "alias: %3$s\n"
                                                "size: %4$llu\n"),
                                              target->name, name, device, size));
}

/* --- the command --- */

#define VIRTMON_EVENT(id, name, cb) [id] = { name, VIR_DOMAIN_EVENT_CALLBACK(cb) }

static const virtmonEventType virtmonEventTypes[] = {
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_LIFECYCLE, "lifecycle", virtmonEventLifecycle),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_REBOOT, "reboot", virtmonEventPlain),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_RTC_CHANGE, "rtc-change", virtmonEventRTCChange),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_WATCHDOG, "watchdog", virtmonEventWatchdog),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_IO_ERROR, "io-error", virtmonEventIOError),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_GRAPHICS, "graphics", virtmonEventGraphics),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, "io-error-reason",
                  virtmonEventIOErrorReason),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, "control-error", virtmonEventPlain),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_BLOCK_JOB, "block-job", virtmonEventBlockJob),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_DISK_CHANGE, "disk-change", virtmonEventDiskChange),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, "tray-change", virtmonEventTrayChange),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_PMWAKEUP, "pm-wakeup", virtmonEventPM),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_PMSUSPEND, "pm-suspend", virtmonEventPM),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, "balloon-change",
                  virtmonEventBalloonChange),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, "pm-suspend-disk", virtmonEventPM),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "device-removed", virtmonEventDevice),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, "block-job-2", virtmonEventBlockJob),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_TUNABLE, "tunable", virtmonEventParameters),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, "agent-lifecycle",
                  virtmonEventAgentLifecycle),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, "device-added", virtmonEventDevice),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, "migration-iteration",
                  virtmonEventMigrationIteration),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, "job-completed", virtmonEventParameters),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, "device-removal-failed",
                  virtmonEventDevice),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, "metadata-change",
                  virtmonEventMetadataChange),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, "block-threshold",
                  virtmonEventBlockThreshold),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE, "memory-failure",
                  virtmonEventMemoryFailure),
    VIRTMON_EVENT(VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE, "memory-device-size-change",
                  virtmonEventMemoryDeviceSizeChange),
};

static char **
virtmonCompleteEvent(vshControl *ctl G_GNUC_UNUSED, const vshCmd *cmd G_GNUC_UNUSED)
{
    char **names = g_new0(char *, G_N_ELEMENTS(virtmonEventTypes) + 1);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virtmonEventTypes); i++)
        names[i] = g_strdup(virtmonEventTypes[i].name);
    return names;
}

static const vshOptDef virtmonOptEvent[] = {
    { "domain", VSH_OPT_STRING, 0, N_("only of this domain: its name, ID or UUID"),
      virtmonCompleteDomain },
    { "event", VSH_OPT_STRING, 0, N_("the kind of event; --list shows them"),
      virtmonCompleteEvent },
    { "all", VSH_OPT_BOOL, 0, N_("events of every kind"), NULL },
    { "loop", VSH_OPT_BOOL, 0, N_("until interrupted or time is up, not for one event"), NULL },
    { "timeout", VSH_OPT_INT, 0, N_("for so many seconds at most"), NULL },
    { "list", VSH_OPT_BOOL, 0, N_("print the kinds of events there are"), NULL },
    { "timestamp", VSH_OPT_BOOL, 0, N_("with the time in front of each event"), NULL },
    { NULL }
};

/* The registrations of one run: an ID for each kind of event; -1: none. */
typedef int virtmonEventIDs[G_N_ELEMENTS(virtmonEventTypes)];

/* @which: the kind of event; -1: all. */
static bool
virtmonEventRegister(virConnectPtr conn, virDomainPtr dom, int which, bool timestamp,
                     virtmonWatch *watch, virtmonEventIDs ids)
{
    bool registered = false;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virtmonEventTypes); i++) {
        virtmonEventTarget *target;

        if (which >= 0 && (size_t)which != i)
            continue;
        target = g_new0(virtmonEventTarget, 1);
        target->watch = virtmonWatchRef(watch);
        target->name = virtmonEventTypes[i].name;
        target->timestamp = timestamp;
        ids[i] = virConnectDomainEventRegisterAny(conn, dom, i, virtmonEventTypes[i].cb, target,
                                                  virtmonEventTargetFree);
        if (ids[i] >= 0) {
            registered = true;
            continue;
        }
        virtmonEventTargetFree(target);
        /* An older server doesn't know the later kinds. */
        if (!registered)
            return false;
        virResetLastError();
    }
    return true;
}

static bool
virtmonEventWait(vshControl *ctl, const vshCmd *cmd, virDomainPtr dom, int which, int timeout)
{
    virConnectPtr conn = virtmonGet(ctl)->conn;
    g_autoptr(virtmonWatch) watch = virtmonWatchNew(ctl, vshCmdHas(cmd, "loop") ? 0 : 1);
    virtmonEventIDs ids;
    bool ok = false;
    size_t i;

    if (!watch)
        return false;
    for (i = 0; i < G_N_ELEMENTS(ids); i++)
        ids[i] = -1;

    if (virtmonEventRegister(conn, dom, which, vshCmdHas(cmd, "timestamp"), watch, ids))
        ok = virtmonWatchRun(watch, timeout, VIRTMON_WATCH_SUMMARY_OUT);
    else
        vshReportError(ctl);

    for (i = 0; i < G_N_ELEMENTS(ids); i++) {
        if (ids[i] >= 0)
            virConnectDomainEventDeregisterAny(conn, ids[i]);
    }
    virtmonWatchFinish(watch);
    /* What a lost connection makes of it was told when it was lost. */
    virResetLastError();
    return ok;
}

static bool
virtmonRunEvent(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    const char *event = NULL;
    int timeout = 0;
    int which = -1;
    size_t i;

    if (!vshCmdExclusive(ctl, cmd, "all", "event") || !vshCmdExclusive(ctl, cmd, "list", "all") ||
        !vshCmdExclusive(ctl, cmd, "list", "event"))
        return false;
    if (vshCmdHas(cmd, "list")) {
        for (i = 0; i < G_N_ELEMENTS(virtmonEventTypes); i++)
            vshPrint(ctl, "%s\n", virtmonEventTypes[i].name);
        return true;
    }

    if (vshCmdGetString(ctl, cmd, "event", &event) < 0)
        return false;
    if (event) {
        for (i = 0; i < G_N_ELEMENTS(virtmonEventTypes); i++) {
            if (strcmp(event, virtmonEventTypes[i].name) == 0)
                which = i;
        }
        if (which < 0) {
            vshError(ctl, _("unknown event type %1$s"), event);
            return false;
        }
    } else if (!vshCmdHas(cmd, "all")) {
        vshError(ctl, "%s", _("one of --list, --all, or --event <type> is required"));
        return false;
    }
    if (vshCmdGetInt(ctl, cmd, "timeout", 1, VIRTMON_TIMEOUT_MAX, &timeout) < 0)
        return false;

    /* Not before: --list needs none. */
    if (!virtmonConnect(ctl))
        return false;
    if (vshCmdHas(cmd, "domain") && !(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)))
        return false;
    return virtmonEventWait(ctl, cmd, dom, which, timeout);
}

const vshCmdDef virtmonEventCommands[] = {
    { "event", virtmonRunEvent, virtmonOptEvent, N_("wait for events of domains"),
      N_("Prints one event of the kind asked for, or with --loop all that come; with --list the "
         "kinds that there are."),
      VSH_CMD_NO_CONNECT },
    { NULL }
};
