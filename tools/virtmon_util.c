/*
 * virtmon_util.c: what several commands ask of their options: which domain, which format; words
 * for states; completion of domains and events
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <stdlib.h>
#include <string.h>

#include "virtmon_catalogue.h"
#include "virtmon_schema.h"

/* --- domains --- */

/* Returns a new reference, or NULL with libvirt's last error set. An ID goes before a UUID and
 * that before a name: names may look like either. */
static virDomainPtr
virtmonLookupDomain(virConnectPtr conn, const char *text, unsigned int by)
{
    virDomainPtr dom = NULL;
    guint64 id;

    if ((by & VIRTMON_BY_ID) && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &id, NULL))
        dom = virDomainLookupByID(conn, id);
    if (!dom && (by & VIRTMON_BY_UUID) && strlen(text) == VIR_UUID_STRING_BUFLEN - 1)
        dom = virDomainLookupByUUIDString(conn, text);
    if (!dom && (by & VIRTMON_BY_NAME))
        dom = virDomainLookupByName(conn, text);
    return dom;
}

virDomainPtr
virtmonFindDomain(vshControl *ctl, const char *text, unsigned int by)
{
    virDomainPtr dom = virtmonLookupDomain(virtmonGet(ctl)->conn, text, by);

    if (dom) {
        /* left by what was tried first */
        virResetLastError();
        return dom;
    }
    vshError(ctl, _("failed to get domain '%1$s'"), text);
    /* That says it all, unless the question didn't get through. */
    if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        virResetLastError();
    vshReportError(ctl);
    return NULL;
}

virDomainPtr
virtmonCmdDomain(vshControl *ctl, const vshCmd *cmd, const char **name, unsigned int by)
{
    const char *text = NULL;

    if (vshCmdGetString(ctl, cmd, "domain", &text) <= 0)
        return NULL;
    if (name)
        *name = text;
    return virtmonFindDomain(ctl, text, by);
}

static void
virtmonDomainUnref(gpointer dom)
{
    virDomainFree(dom);
}

GPtrArray *
virtmonListDomains(virConnectPtr conn, unsigned int flags)
{
    GPtrArray *all;
    virDomainPtr *list = NULL;
    int count = virConnectListAllDomains(conn, &list, flags);
    int i;

    if (count < 0)
        return NULL;
    all = g_ptr_array_new_full(count, virtmonDomainUnref);
    for (i = 0; i < count; i++)
        g_ptr_array_add(all, list[i]);
    free(list);
    return all;
}

/* --- words --- */

static const char *const virtmonStates[] = {
    [VIR_DOMAIN_NOSTATE] = N_("no state"),
    [VIR_DOMAIN_RUNNING] = N_("running"),
    [VIR_DOMAIN_BLOCKED] = N_("idle"),
    [VIR_DOMAIN_PAUSED] = N_("paused"),
    [VIR_DOMAIN_SHUTDOWN] = N_("in shutdown"),
    [VIR_DOMAIN_SHUTOFF] = N_("shut off"),
    [VIR_DOMAIN_CRASHED] = N_("crashed"),
    [VIR_DOMAIN_PMSUSPENDED] = N_("pmsuspended"),
};

static const char *const virtmonRunningReasons[] = {
    [VIR_DOMAIN_RUNNING_BOOTED] = N_("booted"),
    [VIR_DOMAIN_RUNNING_MIGRATED] = N_("migrated"),
    [VIR_DOMAIN_RUNNING_RESTORED] = N_("restored"),
    [VIR_DOMAIN_RUNNING_FROM_SNAPSHOT] = N_("from snapshot"),
    [VIR_DOMAIN_RUNNING_UNPAUSED] = N_("unpaused"),
    [VIR_DOMAIN_RUNNING_MIGRATION_CANCELED] = N_("migration canceled"),
    [VIR_DOMAIN_RUNNING_SAVE_CANCELED] = N_("save canceled"),
    [VIR_DOMAIN_RUNNING_WAKEUP] = N_("event wakeup"),
    [VIR_DOMAIN_RUNNING_CRASHED] = N_("crashed"),
    [VIR_DOMAIN_RUNNING_POSTCOPY] = N_("post-copy"),
    [VIR_DOMAIN_RUNNING_POSTCOPY_FAILED] = N_("post-copy failed"),
};

static const char *const virtmonPausedReasons[] = {
    [VIR_DOMAIN_PAUSED_USER] = N_("user"),
    [VIR_DOMAIN_PAUSED_MIGRATION] = N_("migrating"),
    [VIR_DOMAIN_PAUSED_SAVE] = N_("saving"),
    [VIR_DOMAIN_PAUSED_DUMP] = N_("dumping"),
    [VIR_DOMAIN_PAUSED_IOERROR] = N_("I/O error"),
    [VIR_DOMAIN_PAUSED_WATCHDOG] = N_("watchdog"),
    [VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = N_("from snapshot"),
    [VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = N_("shutting down"),
    [VIR_DOMAIN_PAUSED_SNAPSHOT] = N_("creating snapshot"),
    [VIR_DOMAIN_PAUSED_CRASHED] = N_("crashed"),
    [VIR_DOMAIN_PAUSED_STARTING_UP] = N_("starting up"),
    [VIR_DOMAIN_PAUSED_POSTCOPY] = N_("post-copy"),
    [VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = N_("post-copy failed"),
};

static const char *const virtmonShutdownReasons[] = {
    [VIR_DOMAIN_SHUTDOWN_USER] = N_("user"),
};

static const char *const virtmonShutoffReasons[] = {
    [VIR_DOMAIN_SHUTOFF_SHUTDOWN] = N_("shutdown"),
    [VIR_DOMAIN_SHUTOFF_DESTROYED] = N_("destroyed"),
    [VIR_DOMAIN_SHUTOFF_CRASHED] = N_("crashed"),
    [VIR_DOMAIN_SHUTOFF_MIGRATED] = N_("migrated"),
    [VIR_DOMAIN_SHUTOFF_SAVED] = N_("saved"),
    [VIR_DOMAIN_SHUTOFF_FAILED] = N_("failed"),
    [VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = N_("from snapshot"),
    [VIR_DOMAIN_SHUTOFF_DAEMON] = N_("daemon"),
};

static const char *const virtmonCrashedReasons[] = {
    [VIR_DOMAIN_CRASHED_PANICKED] = N_("panicked"),
};

#define VIRTMON_REASONS(words) { words, G_N_ELEMENTS(words) }

static const struct {
    const char *const *words;
    size_t count;
} virtmonReasons[] = {
    [VIR_DOMAIN_RUNNING] = VIRTMON_REASONS(virtmonRunningReasons),
    [VIR_DOMAIN_PAUSED] = VIRTMON_REASONS(virtmonPausedReasons),
    [VIR_DOMAIN_SHUTDOWN] = VIRTMON_REASONS(virtmonShutdownReasons),
    [VIR_DOMAIN_SHUTOFF] = VIRTMON_REASONS(virtmonShutoffReasons),
    [VIR_DOMAIN_CRASHED] = VIRTMON_REASONS(virtmonCrashedReasons),
};

const char *
virtmonStateText(int state)
{
    if (state < 0 || (size_t)state >= G_N_ELEMENTS(virtmonStates))
        state = VIR_DOMAIN_NOSTATE;
    return _(virtmonStates[state]);
}

const char *
virtmonStateReasonText(int state, int reason)
{
    const char *word = NULL;

    if (state >= 0 && (size_t)state < G_N_ELEMENTS(virtmonReasons) &&
        reason >= 0 && (size_t)reason < virtmonReasons[state].count)
        word = virtmonReasons[state].words[reason];
    return word ? _(word) : _("unknown");
}

/* --- formats --- */

static const char *const virtmonFormats[] = { "text", "json", NULL };

bool
virtmonCmdFormat(vshControl *ctl, const vshCmd *cmd, const char *plain1, const char *plain2,
                 bool *json)
{
    const char *format = "text";

    if (vshCmdGetString(ctl, cmd, "format", &format) < 0)
        return false;
    if (!g_strv_contains(virtmonFormats, format)) {
        vshError(ctl, _("unknown format '%1$s', expecting 'text' or 'json'"), format);
        return false;
    }
    *json = strcmp(format, "json") == 0;
    return !*json || ((!plain1 || vshCmdExclusive(ctl, cmd, "format", plain1)) &&
                      (!plain2 || vshCmdExclusive(ctl, cmd, "format", plain2)));
}

/* --- completion --- */

char **
virtmonCompleteFormat(vshControl *ctl G_GNUC_UNUSED, const vshCmd *cmd G_GNUC_UNUSED)
{
    return g_strdupv((char **)virtmonFormats);
}

char **
virtmonCompleteDomain(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    virtmonControl *priv = virtmonGet(ctl);
    g_autoptr(GPtrArray) domains = NULL;
    g_autoptr(GPtrArray) names = NULL;
    guint i;

    if (!priv->conn)
        return NULL;
    if (!(domains = virtmonListDomains(priv->conn, 0))) {
        virResetLastError();
        return NULL;
    }
    names = g_ptr_array_new();
    for (i = 0; i < domains->len; i++)
        g_ptr_array_add(names, g_strdup(virDomainGetName(g_ptr_array_index(domains, i))));
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

/* The names of events that a QEMU has which can be asked without harm, or NULL. */
static char **
virtmonSchemaNames(virConnectPtr conn, const char *domain)
{
    g_autoptr(GPtrArray) domains = NULL;
    g_autoptr(virDomain) dom = NULL;
    g_autoptr(virtmonSchema) schema = NULL;
    g_autofree char *why = NULL;
    char **names;
    size_t i;

    if (domain)
        dom = virtmonLookupDomain(conn, domain, VIRTMON_BY_ANY);
    else if ((domains = virtmonListDomains(conn, VIR_CONNECT_LIST_DOMAINS_ACTIVE)) &&
             domains->len > 0)
        dom = g_ptr_array_steal_index(domains, 0);
    if (dom && virtmonSchemaIsFree(conn))
        schema = virtmonSchemaQuery(dom, &why);
    virResetLastError();
    if (!schema)
        return NULL;

    names = g_new0(char *, virtmonSchemaCount(schema) + 1);
    for (i = 0; i < virtmonSchemaCount(schema); i++)
        names[i] = g_strdup(virtmonSchemaGet(schema, i)->name);
    return names;
}

char **
virtmonCompleteMonitorEvent(vshControl *ctl, const vshCmd *cmd)
{
    virtmonControl *priv = virtmonGet(ctl);
    char **names = NULL;

    if (priv->conn)
        names = virtmonSchemaNames(priv->conn, vshCmdGetStrings(cmd, "domain")[0]);
    /* Not all then, but what most wait for. */
    return names ? names : virtmonCatalogueNames();
}
