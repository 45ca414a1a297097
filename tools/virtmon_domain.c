/*
 * virtmon_domain.c: commands that ask about domains and act on them
 *
 * Output and messages are virsh's, so that scripts read them as they are used to.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "virtmon_metadata.h"
#include "virtmon_xml.h"

#define VIRTMON_OPT_DOMAIN(text) \
    { "domain", VSH_OPT_STRING, VSH_OPT_REQUIRED, text, virtmonCompleteDomain }

/* The only option of many commands. */
static const vshOptDef virtmonOptDomain[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its name, ID or UUID")),
    { NULL }
};

/* --- list --- */

static const vshOptDef virtmonOptList[] = {
    { "inactive", VSH_OPT_BOOL, 0, N_("domains that do not run"), NULL },
    { "all", VSH_OPT_BOOL, 0, N_("domains whether they run or not"), NULL },
    { "transient", VSH_OPT_BOOL, 0, N_("only those gone when they stop"), NULL },
    { "persistent", VSH_OPT_BOOL, 0, N_("only those kept when they stop"), NULL },
    { "with-snapshot", VSH_OPT_BOOL, 0, N_("only those that have a snapshot"), NULL },
    { "without-snapshot", VSH_OPT_BOOL, 0, N_("only those that have no snapshot"), NULL },
    { "with-checkpoint", VSH_OPT_BOOL, 0, N_("only those that have a checkpoint"), NULL },
    { "without-checkpoint", VSH_OPT_BOOL, 0, N_("only those that have no checkpoint"), NULL },
    { "state-running", VSH_OPT_BOOL, 0, N_("only those that are running"), NULL },
    { "state-paused", VSH_OPT_BOOL, 0, N_("only those that are paused"), NULL },
    { "state-shutoff", VSH_OPT_BOOL, 0, N_("only those that are shut off"), NULL },
    { "state-other", VSH_OPT_BOOL, 0, N_("only those in any other state"), NULL },
    { "autostart", VSH_OPT_BOOL, 0, N_("only those started with the host"), NULL },
    { "no-autostart", VSH_OPT_BOOL, 0, N_("only those not started with the host"), NULL },
    { "with-managed-save", VSH_OPT_BOOL, 0, N_("only those whose state is saved"), NULL },
    { "without-managed-save", VSH_OPT_BOOL, 0, N_("only those whose state is not saved"), NULL },
    { "uuid", VSH_OPT_BOOL, 0, N_("print UUIDs, not a table"), NULL },
    { "name", VSH_OPT_BOOL, 0, N_("print names, not a table"), NULL },
    { "id", VSH_OPT_BOOL, 0, N_("print IDs, not a table"), NULL },
    { "table", VSH_OPT_BOOL, 0, N_("print a table, as without any of these"), NULL },
    { "managed-save", VSH_OPT_BOOL, 0, N_("call a domain \"saved\" whose state is"), NULL },
    { "title", VSH_OPT_BOOL, 0, N_("with a column for the titles of domains"), NULL },
    { NULL }
};

static const struct {
    const char *option;
    unsigned int flags;
} virtmonListFilters[] = {
    { "transient", VIR_CONNECT_LIST_DOMAINS_TRANSIENT },
    { "persistent", VIR_CONNECT_LIST_DOMAINS_PERSISTENT },
    { "with-snapshot", VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT },
    { "without-snapshot", VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT },
    { "with-checkpoint", VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT },
    { "without-checkpoint", VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT },
    { "state-running", VIR_CONNECT_LIST_DOMAINS_RUNNING },
    { "state-paused", VIR_CONNECT_LIST_DOMAINS_PAUSED },
    { "state-shutoff", VIR_CONNECT_LIST_DOMAINS_SHUTOFF },
    { "state-other", VIR_CONNECT_LIST_DOMAINS_OTHER },
    { "autostart", VIR_CONNECT_LIST_DOMAINS_AUTOSTART },
    { "no-autostart", VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART },
    { "with-managed-save", VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE },
    { "without-managed-save", VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE },
};

static unsigned int
virtmonListFlags(const vshCmd *cmd)
{
    unsigned int flags = VIR_CONNECT_LIST_DOMAINS_ACTIVE;
    size_t i;

    if (vshCmdHas(cmd, "all"))
        flags = VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_INACTIVE;
    else if (vshCmdHas(cmd, "inactive"))
        flags = VIR_CONNECT_LIST_DOMAINS_INACTIVE;
    for (i = 0; i < G_N_ELEMENTS(virtmonListFilters); i++) {
        if (vshCmdHas(cmd, virtmonListFilters[i].option))
            flags |= virtmonListFilters[i].flags;
    }
    return flags;
}

/* Those that run by their ID, then the others by their name. */
static gint
virtmonListCompare(gconstpointer a, gconstpointer b)
{
    virDomainPtr one = *(virDomainPtr *)a;
    virDomainPtr other = *(virDomainPtr *)b;
    unsigned int oneID = virDomainGetID(one);
    unsigned int otherID = virDomainGetID(other);

    /* -1, as unsigned, is behind all others */
    if (oneID != otherID)
        return oneID < otherID ? -1 : 1;
    return strcasecmp(virDomainGetName(one), virDomainGetName(other));
}

/* "-" for a domain that has none. */
static char *
virtmonFormatID(virDomainPtr dom)
{
    unsigned int id = virDomainGetID(dom);

    return id == (unsigned int)-1 ? g_strdup("-") : g_strdup_printf("%u", id);
}

/* Whether @dom is among the domains that fit @flags: there is no call of its own for what they
 * mean. -1 if that can't be found out. */
static int
virtmonDomainFits(virConnectPtr conn, virDomainPtr dom, unsigned int flags)
{
    g_autoptr(GPtrArray) fitting = virtmonListDomains(conn, flags);
    unsigned char uuid[VIR_UUID_BUFLEN];
    unsigned char other[VIR_UUID_BUFLEN];
    guint i;

    if (!fitting || virDomainGetUUID(dom, uuid) < 0)
        return -1;
    for (i = 0; i < fitting->len; i++) {
        if (virDomainGetUUID(g_ptr_array_index(fitting, i), other) == 0 &&
            memcmp(uuid, other, sizeof(uuid)) == 0)
            return 1;
    }
    return 0;
}

/* A domain may end while the list is printed: "no state". */
static const char *
virtmonListState(virConnectPtr conn, virDomainPtr dom, bool managedSave)
{
    int state = VIR_DOMAIN_NOSTATE;
    int reason;

    if (virDomainGetState(dom, &state, &reason, 0) < 0)
        return _("no state");
    if (managedSave && virDomainGetID(dom) == (unsigned int)-1 &&
        virtmonDomainFits(conn, dom, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE) > 0)
        return _("saved");
    return virtmonStateText(state);
}

static void
virtmonListTable(vshControl *ctl, const vshCmd *cmd, GPtrArray *domains)
{
    virConnectPtr conn = virtmonGet(ctl)->conn;
    bool titles = vshCmdHas(cmd, "title");
    g_autoptr(vshTable) table = vshTableNew(_("Id"), _("Name"), _("State"),
                                            titles ? _("Title") : NULL, NULL);
    guint i;

    for (i = 0; i < domains->len; i++) {
        virDomainPtr dom = g_ptr_array_index(domains, i);
        g_autofree char *id = virtmonFormatID(dom);
        const char *state = virtmonListState(conn, dom, vshCmdHas(cmd, "managed-save"));
        g_autofree char *title = NULL;

        if (titles) {
            char *xml = virDomainGetXMLDesc(dom, 0);

            title = xml ? virtmonXMLText(xml, "/domain/title") : NULL;
            free(xml);
        }
        vshTableAddRow(table, id, virDomainGetName(dom), state,
                       titles ? title ? title : "" : NULL, NULL);
    }
    virResetLastError();
    vshTablePrint(ctl, table, !vshIsQuiet(ctl));
}

/* What was asked for, in the order of virsh's. A domain without an ID is a "-", unless that
 * would stand alone. */
static void
virtmonListWords(vshControl *ctl, const vshCmd *cmd, GPtrArray *domains)
{
    bool uuids = vshCmdHas(cmd, "uuid");
    bool names = vshCmdHas(cmd, "name");
    bool ids = vshCmdHas(cmd, "id");
    guint i;

    for (i = 0; i < domains->len; i++) {
        virDomainPtr dom = g_ptr_array_index(domains, i);
        g_autofree char *id = virtmonFormatID(dom);
        g_autofree char *name = vshSafe(ctl, virDomainGetName(dom), false);
        g_autoptr(GString) line = g_string_new(NULL);
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (ids && !uuids && !names && g_str_equal(id, "-"))
            continue;
        if (uuids && virDomainGetUUIDString(dom, uuid) == 0)
            g_string_append(line, uuid);
        if (ids)
            g_string_append_printf(line, "%s%s", line->len > 0 ? " " : "", id);
        if (names)
            g_string_append_printf(line, "%s%s", line->len > 0 ? " " : "", name);
        vshPrint(ctl, "%s\n", line->str);
    }
}

static bool
virtmonRunList(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(GPtrArray) domains = NULL;

    if (!vshCmdExclusive(ctl, cmd, "table", "name") ||
        !vshCmdExclusive(ctl, cmd, "table", "uuid") ||
        !vshCmdExclusive(ctl, cmd, "table", "id"))
        return false;

    if (!(domains = virtmonListDomains(virtmonGet(ctl)->conn, virtmonListFlags(cmd)))) {
        vshError(ctl, "%s", _("Failed to list domains"));
        vshReportError(ctl);
        return false;
    }
    g_ptr_array_sort(domains, virtmonListCompare);
    if (vshCmdHas(cmd, "uuid") || vshCmdHas(cmd, "name") || vshCmdHas(cmd, "id"))
        virtmonListWords(ctl, cmd, domains);
    else
        virtmonListTable(ctl, cmd, domains);
    return true;
}

/* --- one domain --- */

/* Columns that the names of a domain's properties take up. */
#define VIRTMON_INFO_WIDTH 15

static void
virtmonInfoLine(vshControl *ctl, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void
virtmonInfoLine(vshControl *ctl, const char *name, const char *format, ...)
{
    g_autofree char *padded = vshPad(name, VIRTMON_INFO_WIDTH);
    g_autofree char *value = NULL;
    va_list args;

    va_start(args, format);
    value = g_strdup_vprintf(format, args);
    va_end(args);
    vshPrint(ctl, "%s %s\n", padded, value);
}

/* "yes" or "no"; what isn't known is no reason to hide the rest. */
static const char *
virtmonYesNo(int answer)
{
    if (answer < 0)
        return _("unknown");
    return answer > 0 ? _("yes") : _("no");
}

static bool
virtmonRunDomInfo(vshControl *ctl, const vshCmd *cmd)
{
    virConnectPtr conn = virtmonGet(ctl)->conn;
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *id = NULL;
    g_autofree char *name = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];
    virDomainInfo info;
    char *osType;
    int answer;

    if (!(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)))
        return false;

    id = virtmonFormatID(dom);
    name = vshSafe(ctl, virDomainGetName(dom), false);
    virtmonInfoLine(ctl, _("Id:"), "%s", id);
    virtmonInfoLine(ctl, _("Name:"), "%s", name);
    if (virDomainGetUUIDString(dom, uuid) == 0)
        virtmonInfoLine(ctl, _("UUID:"), "%s", uuid);
    if ((osType = virDomainGetOSType(dom))) {
        virtmonInfoLine(ctl, _("OS Type:"), "%s", osType);
        free(osType);
    }

    if (virDomainGetInfo(dom, &info) < 0) {
        vshReportError(ctl);
        return false;
    }
    virtmonInfoLine(ctl, _("State:"), "%s", virtmonStateText(info.state));
    virtmonInfoLine(ctl, _("CPU(s):"), "%d", info.nrVirtCpu);
    if (info.cpuTime != 0)
        virtmonInfoLine(ctl, _("CPU time:"), "%.1fs", info.cpuTime / 1e9);
    /* a driver says so where there is no limit */
    if (info.maxMem == UINT_MAX)
        virtmonInfoLine(ctl, _("Max memory:"), "%s", _("no limit"));
    else
        virtmonInfoLine(ctl, _("Max memory:"), "%lu KiB", info.maxMem);
    virtmonInfoLine(ctl, _("Used memory:"), "%lu KiB", info.memory);

    virtmonInfoLine(ctl, _("Persistent:"), "%s", virtmonYesNo(virDomainIsPersistent(dom)));
    if ((answer = virtmonDomainFits(conn, dom, VIR_CONNECT_LIST_DOMAINS_AUTOSTART)) >= 0)
        virtmonInfoLine(ctl, _("Autostart:"), "%s", answer > 0 ? _("enable") : _("disable"));
    answer = virtmonDomainFits(conn, dom, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE);
    virtmonInfoLine(ctl, _("Managed save:"), "%s", virtmonYesNo(answer));
    virResetLastError();
    return true;
}

static const vshOptDef virtmonOptDomID[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its name or UUID")),
    { NULL }
};

static bool
virtmonRunDomID(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *id = NULL;

    if (!(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_NAME | VIRTMON_BY_UUID)))
        return false;
    id = virtmonFormatID(dom);
    vshPrint(ctl, "%s\n", id);
    return true;
}

static const vshOptDef virtmonOptDomName[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its ID or UUID")),
    { NULL }
};

static bool
virtmonRunDomName(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *name = NULL;

    if (!(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ID | VIRTMON_BY_UUID)))
        return false;
    name = vshSafe(ctl, virDomainGetName(dom), false);
    vshPrint(ctl, "%s\n", name);
    return true;
}

static const vshOptDef virtmonOptDomUUID[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its name or ID")),
    { NULL }
};

static bool
virtmonRunDomUUID(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (!(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ID | VIRTMON_BY_NAME)))
        return false;
    if (virDomainGetUUIDString(dom, uuid) < 0) {
        vshError(ctl, "%s", _("failed to get domain UUID"));
        vshReportError(ctl);
        return false;
    }
    vshPrint(ctl, "%s\n", uuid);
    return true;
}

static const vshOptDef virtmonOptDomState[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its name, ID or UUID")),
    { "reason", VSH_OPT_BOOL, 0, N_("and how it came to be in that state"), NULL },
    { NULL }
};

static bool
virtmonRunDomState(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    int state;
    int reason = 0;

    if (!(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)))
        return false;
    if (virDomainGetState(dom, &state, &reason, 0) < 0) {
        vshReportError(ctl);
        return false;
    }
    if (vshCmdHas(cmd, "reason"))
        vshPrint(ctl, "%s (%s)\n", virtmonStateText(state),
                 virtmonStateReasonText(state, reason));
    else
        vshPrint(ctl, "%s\n", virtmonStateText(state));
    return true;
}

static const vshOptDef virtmonOptDumpXML[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its name, ID or UUID")),
    { "inactive", VSH_OPT_BOOL, 0, N_("as it will be at its next start"), NULL },
    { "security-info", VSH_OPT_BOOL, 0, N_("with passwords and the like"), NULL },
    { "update-cpu", VSH_OPT_BOOL, 0, N_("with the CPU as this host gives it"), NULL },
    { "migratable", VSH_OPT_BOOL, 0, N_("as another host would understand it"), NULL },
    { "xpath", VSH_OPT_STRING, VSH_OPT_BY_NAME, N_("only what this expression selects"), NULL },
    { "wrap", VSH_OPT_BOOL, 0, N_("selected parts below one element of their own"), NULL },
    { NULL }
};

static bool
virtmonRunDumpXML(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *part = NULL;
    g_autofree char *safe = NULL;
    g_autofree char *why = NULL;
    g_autofree char *xml = NULL;
    const char *xpath = NULL;
    unsigned int flags = 0;

    if (vshCmdHas(cmd, "inactive"))
        flags |= VIR_DOMAIN_XML_INACTIVE;
    if (vshCmdHas(cmd, "security-info"))
        flags |= VIR_DOMAIN_XML_SECURE;
    if (vshCmdHas(cmd, "update-cpu"))
        flags |= VIR_DOMAIN_XML_UPDATE_CPU;
    if (vshCmdHas(cmd, "migratable"))
        flags |= VIR_DOMAIN_XML_MIGRATABLE;
    if (vshCmdGetString(ctl, cmd, "xpath", &xpath) < 0 ||
        !(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)))
        return false;
    if (!(xml = virDomainGetXMLDesc(dom, flags))) {
        vshReportError(ctl);
        return false;
    }
    if (xpath && !(part = virtmonXMLSelect(xml, xpath, vshCmdHas(cmd, "wrap"), &why))) {
        vshError(ctl, "%s", why);
        return false;
    }
    safe = vshSafe(ctl, part ? part : xml, true);
    vshPrint(ctl, "%s", safe);
    return true;
}

/* --- acting on one domain --- */

/* @done and @failed are formats with the domain as it was named. */
static bool
virtmonReportDone(vshControl *ctl, const char *name, int result, const char *done,
                  const char *failed)
{
    if (result < 0) {
        vshError(ctl, failed, name);
        vshReportError(ctl);
        return false;
    }
    vshPrintExtra(ctl, done, name);
    return true;
}

static bool
virtmonRunSuspend(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    const char *name;

    if (!(dom = virtmonCmdDomain(ctl, cmd, &name, VIRTMON_BY_ANY)))
        return false;
    return virtmonReportDone(ctl, name, virDomainSuspend(dom), _("Domain '%1$s' suspended\n"),
                             _("Failed to suspend domain '%1$s'"));
}

static bool
virtmonRunResume(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    const char *name;

    if (!(dom = virtmonCmdDomain(ctl, cmd, &name, VIRTMON_BY_ANY)))
        return false;
    return virtmonReportDone(ctl, name, virDomainResume(dom), _("Domain '%1$s' resumed\n"),
                             _("Failed to resume domain '%1$s'"));
}

static bool
virtmonRunReset(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    const char *name;

    if (!(dom = virtmonCmdDomain(ctl, cmd, &name, VIRTMON_BY_ANY)))
        return false;
    return virtmonReportDone(ctl, name, virDomainReset(dom, 0), _("Domain '%1$s' was reset\n"),
                             _("Failed to reset domain '%1$s'"));
}

/* What to ask for a shutdown or a reboot; both calls number them alike. */
static const struct {
    const char *mode;
    unsigned int flag;
} virtmonModes[] = {
    { "acpi", VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN },
    { "agent", VIR_DOMAIN_SHUTDOWN_GUEST_AGENT },
    { "initctl", VIR_DOMAIN_SHUTDOWN_INITCTL },
    { "signal", VIR_DOMAIN_SHUTDOWN_SIGNAL },
    { "paravirt", VIR_DOMAIN_SHUTDOWN_PARAVIRT },
};

static char **
virtmonCompleteMode(vshControl *ctl G_GNUC_UNUSED, const vshCmd *cmd G_GNUC_UNUSED)
{
    char **modes = g_new0(char *, G_N_ELEMENTS(virtmonModes) + 1);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virtmonModes); i++)
        modes[i] = g_strdup(virtmonModes[i].mode);
    return modes;
}

/* "acpi,agent" in --mode. @unknown is a format with the word that is no mode. */
static bool
virtmonCmdModes(vshControl *ctl, const vshCmd *cmd, const char *unknown, unsigned int *flags)
{
    g_auto(GStrv) words = NULL;
    const char *text = NULL;
    size_t i, j;

    if (vshCmdGetString(ctl, cmd, "mode", &text) < 0)
        return false;
    words = g_strsplit(text ? text : "", ",", -1);
    for (i = 0; words[i]; i++) {
        for (j = 0; j < G_N_ELEMENTS(virtmonModes); j++) {
            if (strcmp(words[i], virtmonModes[j].mode) == 0)
                break;
        }
        if (j == G_N_ELEMENTS(virtmonModes)) {
            vshError(ctl, unknown, words[i]);
            return false;
        }
        *flags |= virtmonModes[j].flag;
    }
    return true;
}

static const vshOptDef virtmonOptShutdown[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its name, ID or UUID")),
    { "mode", VSH_OPT_STRING, 0,
      N_("how, several parted by commas: acpi|agent|initctl|signal|paravirt"),
      virtmonCompleteMode },
    { NULL }
};

static bool
virtmonRunShutdown(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    unsigned int flags = 0;
    const char *name;
    int result;

    if (!virtmonCmdModes(ctl, cmd, _("Unknown mode %1$s value, expecting 'acpi', 'agent', "
                                     "'initctl', 'signal', or 'paravirt'"), &flags) ||
        !(dom = virtmonCmdDomain(ctl, cmd, &name, VIRTMON_BY_ANY)))
        return false;
    /* older servers know only the call without flags */
    result = flags ? virDomainShutdownFlags(dom, flags) : virDomainShutdown(dom);
    return virtmonReportDone(ctl, name, result, _("Domain '%1$s' is being shutdown\n"),
                             _("Failed to shutdown domain '%1$s'"));
}

static bool
virtmonRunReboot(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    unsigned int flags = 0;
    const char *name;

    if (!virtmonCmdModes(ctl, cmd, _("Unknown mode %1$s value, expecting 'acpi', 'agent', "
                                     "'initctl', 'signal' or 'paravirt'"), &flags) ||
        !(dom = virtmonCmdDomain(ctl, cmd, &name, VIRTMON_BY_ANY)))
        return false;
    return virtmonReportDone(ctl, name, virDomainReboot(dom, flags),
                             _("Domain '%1$s' is being rebooted\n"),
                             _("Failed to reboot domain '%1$s'"));
}

static const vshOptDef virtmonOptDestroy[] = {
    VIRTMON_OPT_DOMAIN(N_("the domain: its name, ID or UUID")),
    { "graceful", VSH_OPT_BOOL, 0, N_("give up rather than use force"), NULL },
    { "remove-logs", VSH_OPT_BOOL, 0, N_("and delete the domain's log files"), NULL },
    { NULL }
};

static bool
virtmonRunDestroy(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    unsigned int flags = 0;
    const char *name;
    int result;

    if (!(dom = virtmonCmdDomain(ctl, cmd, &name, VIRTMON_BY_ANY)))
        return false;
    if (vshCmdHas(cmd, "graceful"))
        flags |= VIR_DOMAIN_DESTROY_GRACEFUL;
    if (vshCmdHas(cmd, "remove-logs"))
        flags |= VIR_DOMAIN_DESTROY_REMOVE_LOGS;
    result = flags ? virDomainDestroyFlags(dom, flags) : virDomainDestroy(dom);
    return virtmonReportDone(ctl, name, result, _("Domain '%1$s' destroyed\n"),
                             _("Failed to destroy domain '%1$s'"));
}

/* --- tables --- */

const vshCmdDef virtmonDomainCommands[] = {
    { "desc", virtmonRunDesc, virtmonOptDesc, N_("a domain's description or title"),
      N_("Prints the description or the title of a domain, or sets it: to the words given, or in an "
         "editor."), 0 },
    { "destroy", virtmonRunDestroy, virtmonOptDestroy, N_("stop a domain at once"),
      N_("Stops the domain without telling the guest, as if its power had failed. A QEMU that "
         "was not started by libvirt ends for good."), 0 },
    { "metadata", virtmonRunMetadata, virtmonOptMetadata, N_("an XML element kept for a domain"),
      N_("Prints the XML element that is kept for a domain under a namespace, sets or removes it."),
      0 },
    { "reboot", virtmonRunReboot, virtmonOptShutdown, N_("have a domain start anew"),
      N_("Asks the guest to reboot, and does not wait until it has."), 0 },
    { "reset", virtmonRunReset, virtmonOptDomain, N_("reset a domain at once"),
      N_("Resets the domain without telling the guest, as the reset button does."), 0 },
    { "resume", virtmonRunResume, virtmonOptDomain, N_("let a paused domain run on"),
      N_("Lets a domain that was suspended run on."), 0 },
    { "shutdown", virtmonRunShutdown, virtmonOptShutdown, N_("have a domain switch itself off"),
      N_("Asks the guest to switch itself off, and does not wait until it has."), 0 },
    { "suspend", virtmonRunSuspend, virtmonOptDomain, N_("pause a domain"),
      N_("Stops the domain's CPUs. It stays in memory and can be resumed."), 0 },
    { NULL }
};

const vshCmdDef virtmonMonitorCommands[] = {
    { "domid", virtmonRunDomID, virtmonOptDomID, N_("the ID of a domain"),
      N_("Prints the ID of a domain that is given by its name or UUID."), 0 },
    { "dominfo", virtmonRunDomInfo, virtmonOptDomain, N_("what there is to know of a domain"),
      N_("Prints identity, state, CPUs and memory of a domain."), 0 },
    { "domname", virtmonRunDomName, virtmonOptDomName, N_("the name of a domain"),
      N_("Prints the name of a domain that is given by its ID or UUID."), 0 },
    { "domstate", virtmonRunDomState, virtmonOptDomState, N_("the state of a domain"),
      N_("Prints whether a domain runs, is paused, or what else it does."), 0 },
    { "domuuid", virtmonRunDomUUID, virtmonOptDomUUID, N_("the UUID of a domain"),
      N_("Prints the UUID of a domain that is given by its name or ID."), 0 },
    { "dumpxml", virtmonRunDumpXML, virtmonOptDumpXML, N_("a domain as XML"),
      N_("Prints the description of a domain as XML, or the parts of it that an XPath expression "
         "selects."), 0 },
    { "list", virtmonRunList, virtmonOptList, N_("the domains there are"),
      N_("Prints the domains that run; others and fewer with options."), 0 },
    { NULL }
};
