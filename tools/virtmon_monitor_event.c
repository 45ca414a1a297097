/*
 * virtmon_monitor_event.c: the "qemu-monitor-event" command: whatever QEMU says, as it comes
 *
 * A registration for each pair of a domain and an event that was asked for. All callbacks run in
 * the event loop's thread, while the main thread waits for the end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <stdatomic.h>
#include <string.h>

#include "virtmon_event_json.h"
#include "virtmon_json.h"
#include "virtmon_namecheck.h"
#include "virtmon_schema.h"
#include "virtmon_watch.h"

/* In the place of events that were lost, a driver of virtmon puts one of this name. */
#define VIRTMON_EVENTS_LOST "VIRTMON_EVENTS_LOST"

/* What all registrations of one run share. */
typedef struct {
    atomic_uint refs;
    virtmonWatch *watch;        /* a reference; immutable, as all up to the next comment */
    bool json;
    bool pretty;
    bool timestamp;
    char **names;               /* of the only domains to show; NULL: what is registered for */
    bool several;               /* an event may come more than once */

    atomic_ullong lost;         /* events */

    /* The event loop's thread: the event that came last, and for which registration. */
    size_t lastIndex;
    unsigned char lastUUID[VIR_UUID_BUFLEN];
    long long lastSeconds;
    unsigned int lastMicros;
    char *lastEvent;            /* NULL: none yet */
    char *lastDetails;
} virtmonMonitorWatch;

/* The opaque of one registration. */
typedef struct {
    virtmonMonitorWatch *shared;        /* a reference */
    size_t index;                       /* in the order of registering */
} virtmonMonitorTarget;

static void
virtmonMonitorWatchUnref(void *opaque)
{
    virtmonMonitorWatch *shared = opaque;

    if (!shared || atomic_fetch_sub(&shared->refs, 1) != 1)
        return;
    virtmonWatchUnref(shared->watch);
    g_strfreev(shared->names);
    g_free(shared->lastEvent);
    g_free(shared->lastDetails);
    g_free(shared);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virtmonMonitorWatch, virtmonMonitorWatchUnref)

static virtmonMonitorWatch *
virtmonMonitorWatchRef(virtmonMonitorWatch *shared)
{
    atomic_fetch_add(&shared->refs, 1);
    return shared;
}

static void
virtmonMonitorTargetFree(void *opaque)
{
    virtmonMonitorTarget *target = opaque;

    virtmonMonitorWatchUnref(target->shared);
    g_free(target);
}

/* --- callbacks --- */

/* Whether @dom is of those to be shown: in a watch by name, all domains are registered for. */
static bool
virtmonMonitorWants(const virtmonMonitorWatch *shared, virDomainPtr dom)
{
    return !shared->names || g_strv_contains((const char *const *)shared->names,
                                             virDomainGetName(dom));
}

/**
 * virtmonMonitorIsRepeat:
 *
 * One event that several registrations want comes once for each, in the order of registering,
 * before the next event does. So it is the event of before if it looks the same and is for a
 * later registration; an event that only looks the same begins with the first registration again.
 *
 * Returns whether the event has been shown; remembers it.
 */
static bool
virtmonMonitorIsRepeat(virtmonMonitorTarget *target, virDomainPtr dom, const char *event,
                       long long seconds, unsigned int micros, const char *details)
{
    virtmonMonitorWatch *shared = target->shared;
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    bool repeat;

    if (!shared->several)
        return false;
    virDomainGetUUID(dom, uuid);
    repeat = shared->lastEvent && target->index > shared->lastIndex &&
             seconds == shared->lastSeconds && micros == shared->lastMicros &&
             strcmp(event, shared->lastEvent) == 0 &&
             g_strcmp0(details, shared->lastDetails) == 0 &&
             memcmp(uuid, shared->lastUUID, sizeof(uuid)) == 0;
    shared->lastIndex = target->index;
    if (repeat)
        return true;

    g_free(shared->lastEvent);
    g_free(shared->lastDetails);
    shared->lastEvent = g_strdup(event);
    shared->lastDetails = g_strdup(details);
    shared->lastSeconds = seconds;
    shared->lastMicros = micros;
    memcpy(shared->lastUUID, uuid, sizeof(uuid));
    return false;
}

static void
virtmonMonitorPrintText(virtmonMonitorWatch *shared, virDomainPtr dom, const char *event,
                        long long seconds, unsigned int micros, const char *details)
{
    vshControl *ctl = virtmonWatchControl(shared->watch);
    g_autofree char *name = vshSafe(ctl, virDomainGetName(dom), false);
    g_autofree char *safeEvent = vshSafe(ctl, event, false);
    g_autofree char *pretty = details && shared->pretty ? vshJSONPretty(details) : NULL;
    g_autofree char *safeDetails = NULL;

    if (pretty)
        safeDetails = vshSafe(ctl, pretty, true);
    else
        safeDetails = vshSafe(ctl, details ? details : "<null>", false);

    if (shared->timestamp) {
        g_autofree char *stamp = virtmonWatchStamp();

        vshPrint(ctl, _("%1$s: event %2$s for domain '%3$s': %4$s\n"), stamp, safeEvent, name,
                 safeDetails);
    } else {
        vshPrint(ctl, _("event %1$s at %2$lld.%3$06u for domain '%4$s': %5$s\n"), safeEvent,
                 seconds, micros, name, safeDetails);
    }
}

static void
virtmonMonitorPrintJSON(virtmonMonitorWatch *shared, virConnectPtr conn, virDomainPtr dom,
                        const char *event, long long seconds, unsigned int micros,
                        const char *details)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    virtmonMonitorEventInfo info;
    virtmonEventRecord record = {
        .seconds = seconds,
        .micros = micros,
        .received = g_get_real_time(),
        .domain = virDomainGetName(dom),
        .uuid = uuid,
        .id = (int)virDomainGetID(dom),
        .event = event,
        .details = details,
    };
    g_autofree char *line = NULL;

    virDomainGetUUIDString(dom, uuid);
    /* Only some drivers number events, and know when they were read. */
    if (virtmonDomainQemuMonitorEventGetInfo(conn, &info, sizeof(info)) == 0) {
        record.stream = info.stream;
        record.number = info.number;
        record.received = info.receivedSeconds * G_USEC_PER_SEC + info.receivedMicros;
    }
    virResetLastError();
    line = virtmonEventRecordToJSON(&record);
    vshPrint(virtmonWatchControl(shared->watch), "%s\n", line);
}

static void
virtmonMonitorOnEvent(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
                      unsigned int micros, const char *details, void *opaque)
{
    virtmonMonitorTarget *target = opaque;
    virtmonMonitorWatch *shared = target->shared;

    if (!virtmonMonitorWants(shared, dom) ||
        virtmonMonitorIsRepeat(target, dom, event, seconds, micros, details) ||
        !virtmonWatchEnter(shared->watch))
        return;
    if (shared->json)
        virtmonMonitorPrintJSON(shared, conn, dom, event, seconds, micros, details);
    else
        virtmonMonitorPrintText(shared, dom, event, seconds, micros, details);
    virtmonWatchLeave(shared->watch, true);
}

/* Whatever events are watched, nobody knows which were lost. */
static void
virtmonMonitorOnLost(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom,
                     const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
                     unsigned int micros G_GNUC_UNUSED, const char *details, void *opaque)
{
    virtmonMonitorTarget *target = opaque;
    yajl_val tree;
    yajl_val count;

    if (!details || !virtmonMonitorWants(target->shared, dom))
        return;
    tree = virtmonJSONTree(details);
    count = virtmonJSONGet(tree, "count");
    if (YAJL_IS_INTEGER(count) && YAJL_GET_INTEGER(count) > 0)
        atomic_fetch_add(&target->shared->lost, (unsigned long long)YAJL_GET_INTEGER(count));
    yajl_tree_free(tree);
}

static int
virtmonMonitorOnLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int event,
                          int detail G_GNUC_UNUSED, void *opaque)
{
    virtmonMonitorTarget *target = opaque;
    virtmonMonitorWatch *shared = target->shared;

    if (event != VIR_DOMAIN_EVENT_STOPPED || !virtmonMonitorWants(shared, dom) ||
        !virtmonWatchEnter(shared->watch))
        return 0;
    vshWarn(virtmonWatchControl(shared->watch),
            _("domain '%1$s' is gone; waiting for it to come back"), virDomainGetName(dom));
    virtmonWatchLeave(shared->watch, false);
    return 0;
}

/* --- registering --- */

/* The registrations of one run. */
typedef struct {
    virConnectPtr conn;
    virtmonMonitorWatch *shared;
    GArray *monitorIDs;         /* int, as the next */
    GArray *lifecycleIDs;
} virtmonMonitorRegistrations;

static virtmonMonitorTarget *
virtmonMonitorTargetNew(virtmonMonitorRegistrations *regs)
{
    virtmonMonitorTarget *target = g_new0(virtmonMonitorTarget, 1);

    target->shared = virtmonMonitorWatchRef(regs->shared);
    target->index = regs->monitorIDs->len;
    return target;
}

/* Returns whether it worked. */
static bool
virtmonMonitorRegister(virtmonMonitorRegistrations *regs, virDomainPtr dom, const char *event,
                       virConnectDomainQemuMonitorEventCallback cb, unsigned int flags)
{
    virtmonMonitorTarget *target = virtmonMonitorTargetNew(regs);
    int id = virConnectDomainQemuMonitorEventRegister(regs->conn, dom, event, cb, target,
                                                      virtmonMonitorTargetFree, flags);

    if (id < 0) {
        virtmonMonitorTargetFree(target);
        return false;
    }
    g_array_append_val(regs->monitorIDs, id);
    return true;
}

/* A driver without lifecycle events tells of no domain that has gone. */
static void
virtmonMonitorRegisterLifecycle(virtmonMonitorRegistrations *regs, virDomainPtr dom)
{
    virtmonMonitorTarget *target = virtmonMonitorTargetNew(regs);
    int id = virConnectDomainEventRegisterAny(regs->conn, dom, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                              VIR_DOMAIN_EVENT_CALLBACK(virtmonMonitorOnLifecycle),
                                              target, virtmonMonitorTargetFree);

    if (id < 0) {
        virtmonMonitorTargetFree(target);
        virResetLastError();
        return;
    }
    g_array_append_val(regs->lifecycleIDs, id);
}

/* @domains: virDomainPtr; a NULL among them stands for all. Returns whether it worked. */
static bool
virtmonMonitorRegisterAll(virtmonMonitorRegistrations *regs, GPtrArray *domains,
                          const char *const *events, unsigned int flags)
{
    guint i;
    size_t j;

    for (i = 0; i < domains->len; i++) {
        virDomainPtr dom = g_ptr_array_index(domains, i);

        for (j = 0; j == 0 || events[j]; j++) {
            if (!virtmonMonitorRegister(regs, dom, events[j], virtmonMonitorOnEvent, flags))
                return false;
            if (!events[j])
                break;
        }
        if (!virtmonMonitorRegister(regs, dom, VIRTMON_EVENTS_LOST, virtmonMonitorOnLost, 0))
            return false;
        if (dom || regs->shared->names)
            virtmonMonitorRegisterLifecycle(regs, dom);
    }
    return true;
}

static void
virtmonMonitorDeregisterAll(virtmonMonitorRegistrations *regs)
{
    guint i;

    for (i = 0; i < regs->monitorIDs->len; i++)
        virConnectDomainQemuMonitorEventDeregister(regs->conn,
                                                   g_array_index(regs->monitorIDs, int, i));
    for (i = 0; i < regs->lifecycleIDs->len; i++)
        virConnectDomainEventDeregisterAny(regs->conn,
                                           g_array_index(regs->lifecycleIDs, int, i));
    /* What a lost connection makes of it was told when it was lost. */
    virResetLastError();
}

/* --- names that no event has --- */

/* A domain that can say which events there are (new reference), or NULL. */
static virDomainPtr
virtmonMonitorAnyDomain(virConnectPtr conn, GPtrArray *domains, const virtmonMonitorWatch *shared)
{
    g_autoptr(GPtrArray) all = NULL;
    virDomainPtr dom = g_ptr_array_index(domains, 0);
    guint i;

    if (dom) {
        virDomainRef(dom);
        return dom;
    }
    if (!(all = virtmonListDomains(conn, VIR_CONNECT_LIST_DOMAINS_ACTIVE)))
        return NULL;
    for (i = 0; i < all->len; i++) {
        dom = g_ptr_array_index(all, i);
        if (virtmonMonitorWants(shared, dom)) {
            virDomainRef(dom);
            return dom;
        }
    }
    return NULL;
}

/* A name that is misspelt would be waited for in vain. Returns whether that is being looked into,
 * by @thread. */
static bool
virtmonMonitorCheckNames(virConnectPtr conn, const virtmonMonitorWatch *shared,
                         GPtrArray *domains, const char *const *events, bool nocase,
                         pthread_t *thread)
{
    g_autoptr(virDomain) dom = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    bool started = false;
    size_t i;

    for (i = 0; events[i]; i++) {
        /* not QEMU's own */
        if (strcmp(events[i], VIRTMON_EVENTS_LOST) != 0)
            g_ptr_array_add(names, (char *)events[i]);
    }
    g_ptr_array_add(names, NULL);
    if (names->len > 1 && virtmonSchemaIsFree(conn) &&
        (dom = virtmonMonitorAnyDomain(conn, domains, shared)))
        started = virtmonNameCheckStart(shared->watch, dom, (const char *const *)names->pdata,
                                        nocase, thread);
    virResetLastError();
    return started;
}

/* --- the command --- */

static const vshOptDef virtmonOptMonitorEvent[] = {
    { "domain", VSH_OPT_STRING, VSH_OPT_REPEAT,
      N_("only of this domain: its name, ID or UUID; may be given again"),
      virtmonCompleteDomain },
    { "event", VSH_OPT_STRING, VSH_OPT_REPEAT, N_("only of this name; may be given again"),
      virtmonCompleteMonitorEvent },
    { "pretty", VSH_OPT_BOOL, 0, N_("lay the data of events out for reading"), NULL },
    { "loop", VSH_OPT_BOOL, 0, N_("until interrupted or time is up, not for one event"), NULL },
    { "timeout", VSH_OPT_INT, 0, N_("for so many seconds at most"), NULL },
    { "regex", VSH_OPT_BOOL, 0, N_("names are regular expressions, to be found anywhere"), NULL },
    { "no-case", VSH_OPT_BOOL, 0, N_("letters of names are equal in either case"), NULL },
    { "timestamp", VSH_OPT_BOOL, 0, N_("print the time of now in front, not QEMU's"), NULL },
    { "glob", VSH_OPT_BOOL, 0, N_("names are patterns with * and ? as in file names"), NULL },
    { "by-name", VSH_OPT_BOOL, 0,
      N_("of whatever domain has the name at the time, be there one yet or not"), NULL },
    { "count", VSH_OPT_INT, VSH_OPT_BY_NAME, N_("for so many events; fewer are a failure"),
      NULL },
    { "format", VSH_OPT_STRING, VSH_OPT_BY_NAME, N_("text, or json: one object a line"),
      virtmonCompleteFormat },
    { NULL }
};

/* What the options say. */
typedef struct {
    const char *const *domains;         /* as given; borrowed, as the next */
    const char *const *events;
    unsigned int flags;                 /* virConnectDomainQemuMonitorEventRegisterFlags */
    int timeout;
    int count;
    bool json;
} virtmonMonitorOptions;

/* Of an option that may be given again, the shell doesn't look at all values. */
static bool
virtmonMonitorCheckStrings(vshControl *ctl, const char *const *values, const char *name)
{
    for (; *values; values++) {
        if (!**values) {
            vshError(ctl, _("Failed to get option '%1$s': Option argument is empty"), name);
            return false;
        }
    }
    return true;
}

static bool
virtmonMonitorGetOptions(vshControl *ctl, const vshCmd *cmd, virtmonMonitorOptions *options)
{
    options->domains = vshCmdGetStrings(cmd, "domain");
    options->events = vshCmdGetStrings(cmd, "event");
    if (!vshCmdExclusive(ctl, cmd, "regex", "glob") ||
        !virtmonMonitorCheckStrings(ctl, options->events, "event") ||
        vshCmdGetInt(ctl, cmd, "timeout", 1, VIRTMON_TIMEOUT_MAX, &options->timeout) < 0 ||
        vshCmdGetInt(ctl, cmd, "count", 1, G_MAXINT, &options->count) < 0 ||
        !virtmonCmdFormat(ctl, cmd, "pretty", "timestamp", &options->json) ||
        !virtmonMonitorCheckStrings(ctl, options->domains, "domain"))
        return false;
    if (vshCmdHas(cmd, "by-name") && !options->domains[0]) {
        vshError(ctl, "%s", _("option --by-name needs --domain"));
        return false;
    }

    if (vshCmdHas(cmd, "regex"))
        options->flags |= VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    if (vshCmdHas(cmd, "glob"))
        options->flags |= VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB;
    if (vshCmdHas(cmd, "no-case"))
        options->flags |= VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE;
    return true;
}

static void
virtmonMonitorFreeDomain(gpointer dom)
{
    if (dom)
        virDomainFree(dom);
}

/* The domains to register for, each once; one that is NULL for all of them. NULL with the error
 * printed. */
static GPtrArray *
virtmonMonitorFindDomains(vshControl *ctl, const vshCmd *cmd, const char *const *given)
{
    g_autoptr(GPtrArray) domains = g_ptr_array_new_with_free_func(virtmonMonitorFreeDomain);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (!given[0] || vshCmdHas(cmd, "by-name")) {
        g_ptr_array_add(domains, NULL);
        return g_steal_pointer(&domains);
    }
    for (; *given; given++) {
        virDomainPtr dom = virtmonFindDomain(ctl, *given, VIRTMON_BY_ANY);
        char uuid[VIR_UUID_STRING_BUFLEN] = "";

        if (!dom)
            return NULL;
        virDomainGetUUIDString(dom, uuid);
        if (g_hash_table_add(seen, g_strdup(uuid)))
            g_ptr_array_add(domains, dom);
        else
            virDomainFree(dom);
    }
    return g_steal_pointer(&domains);
}

static virtmonMonitorWatch *
virtmonMonitorWatchNew(vshControl *ctl, const vshCmd *cmd, const virtmonMonitorOptions *options)
{
    unsigned int limit = options->count;
    virtmonMonitorWatch *shared;
    virtmonWatch *watch;

    if (limit == 0 && !vshCmdHas(cmd, "loop"))
        limit = 1;
    if (!(watch = virtmonWatchNew(ctl, limit)))
        return NULL;
    shared = g_new0(virtmonMonitorWatch, 1);
    atomic_init(&shared->refs, 1);
    atomic_init(&shared->lost, 0);
    shared->watch = watch;
    shared->json = options->json;
    shared->pretty = vshCmdHas(cmd, "pretty");
    shared->timestamp = vshCmdHas(cmd, "timestamp");
    if (vshCmdHas(cmd, "by-name"))
        shared->names = g_strdupv((char **)options->domains);
    shared->several = options->events[0] && options->events[1];
    return shared;
}

static bool
virtmonRunMonitorEvent(vshControl *ctl, const vshCmd *cmd)
{
    virtmonMonitorOptions options = { 0 };
    virtmonMonitorRegistrations regs = { .conn = virtmonGet(ctl)->conn };
    g_autoptr(virtmonMonitorWatch) shared = NULL;
    g_autoptr(GPtrArray) domains = NULL;
    g_autoptr(GArray) monitorIDs = g_array_new(FALSE, FALSE, sizeof(int));
    g_autoptr(GArray) lifecycleIDs = g_array_new(FALSE, FALSE, sizeof(int));
    unsigned long long lost;
    bool checking = false;
    pthread_t thread;
    bool ok = false;

    if (!virtmonMonitorGetOptions(ctl, cmd, &options))
        return false;
    if (options.json)
        vshOmitEmptyLine(ctl);
    if (!(domains = virtmonMonitorFindDomains(ctl, cmd, options.domains)) ||
        !(shared = virtmonMonitorWatchNew(ctl, cmd, &options)))
        return false;

    regs.shared = shared;
    regs.monitorIDs = monitorIDs;
    regs.lifecycleIDs = lifecycleIDs;
    if (virtmonMonitorRegisterAll(&regs, domains, options.events, options.flags)) {
        if (!vshCmdHas(cmd, "regex") && !vshCmdHas(cmd, "glob"))
            checking = virtmonMonitorCheckNames(regs.conn, shared, domains, options.events,
                                                vshCmdHas(cmd, "no-case"), &thread);
        ok = virtmonWatchRun(shared->watch, options.timeout,
                             options.json ? VIRTMON_WATCH_SUMMARY_ERR
                                          : VIRTMON_WATCH_SUMMARY_OUT);
    } else {
        vshReportError(ctl);
    }
    virtmonMonitorDeregisterAll(&regs);
    if (checking)
        virtmonNameCheckFinish(thread);
    virtmonWatchFinish(shared->watch);

    if ((lost = atomic_load(&shared->lost)) > 0)
        vshWarn(ctl, _("events lost: %1$llu"), lost);
    return ok;
}

const vshCmdDef virtmonMonitorEventCommands[] = {
    { "qemu-monitor-event", virtmonRunMonitorEvent, virtmonOptMonitorEvent,
      N_("wait for events of QEMU's monitor"),
      N_("Prints one event as QEMU sent it, or with --loop all that come, of all domains or some, "
         "of any name or some. Which names a QEMU knows is shown by qemu-event-list."), 0 },
    { NULL }
};
