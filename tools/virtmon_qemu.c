/*
 * virtmon_qemu.c: commands that only QEMU has: its monitor, its guest agent, attaching to one
 * that runs already, the events that one can emit
 *
 * Listening to events is in virtmon_monitor_event.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "virtmon_catalogue.h"
#include "virtmon_json.h"
#include "virtmon_qmp.h"
#include "virtmon_schema.h"

/* --- qemu-monitor-command --- */

static const vshOptDef virtmonOptMonitorCommand[] = {
    { "domain", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the domain: its name, ID or UUID"),
      virtmonCompleteDomain },
    { "hmp", VSH_OPT_BOOL, 0, N_("the command is a line for the human monitor"), NULL },
    { "pretty", VSH_OPT_BOOL, 0, N_("lay the answer out for reading"), NULL },
    { "return-value", VSH_OPT_BOOL, 0, N_("print only what the member 'return' holds"), NULL },
    { "pass-fds", VSH_OPT_STRING, VSH_OPT_EMPTY_OK | VSH_OPT_BY_NAME,
      N_("send open file descriptors N,M,... along"), NULL },
    { "cmd", VSH_OPT_ARGV, VSH_OPT_REQUIRED | VSH_OPT_EMPTY_OK,
      N_("JSON, or the command's name and, as JSON, its arguments"), NULL },
    { NULL }
};

/* Returns the descriptors that --pass-fds names, or NULL with the error printed. */
static GArray *
virtmonCmdFiles(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(int));
    g_auto(GStrv) words = NULL;
    const char *text = "";
    size_t i;

    if (vshCmdGetString(ctl, cmd, "pass-fds", &text) < 0)
        return NULL;
    words = g_strsplit(text, ",", -1);
    for (i = 0; words[i]; i++) {
        char *end;
        gint64 number = g_ascii_strtoll(words[i], &end, 10);
        int fd = number;

        if (end == words[i] || *end || number < INT_MIN || number > INT_MAX) {
            vshError(ctl, _("Unable to parse FD number '%1$s'"), words[i]);
            return NULL;
        }
        g_array_append_val(files, fd);
    }
    return g_steal_pointer(&files);
}

/* The answer @reply as the options want it, or NULL with the error printed. What was laid out
 * anew has no newline at its end, as in virsh. */
static char *
virtmonFormatReply(vshControl *ctl, const vshCmd *cmd, const char *reply)
{
    g_autofree char *value = NULL;
    g_autofree char *why = NULL;
    g_autofree char *compact = NULL;

    if (vshCmdHas(cmd, "return-value")) {
        if (!(value = virtmonJSONCompact(reply, "return", &why))) {
            if (why) {
                vshError(ctl, "%s", _("failed to parse JSON returned by qemu"));
                vshError(ctl, _("cannot parse json: %1$s"), why);
            } else {
                vshError(ctl, "%s", _("'return' member missing"));
            }
            return NULL;
        }
        if (!vshCmdHas(cmd, "pretty"))
            return g_steal_pointer(&value);
    }
    if (vshCmdHas(cmd, "pretty") && (value || (compact = virtmonJSONCompact(reply, NULL, NULL))))
        return g_strchomp(vshJSONPretty(value ? value : compact));
    return g_strdup_printf("%s\n", reply);
}

static bool
virtmonRunMonitorCommand(vshControl *ctl, const vshCmd *cmd)
{
    const char *const *words = vshCmdGetStrings(cmd, "cmd");
    g_autoptr(virDomain) dom = NULL;
    g_autoptr(GArray) files = NULL;
    g_autofree char *command = NULL;
    g_autofree char *output = NULL;
    g_autofree char *safe = NULL;
    g_autofree char *wrong = NULL;
    g_autofree char *why = NULL;
    unsigned int flags = 0;
    char *reply = NULL;
    int result;

    if (!vshCmdExclusive(ctl, cmd, "hmp", "pretty") ||
        !vshCmdExclusive(ctl, cmd, "hmp", "return-value") ||
        !(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)))
        return false;

    if (vshCmdHas(cmd, "hmp")) {
        flags |= VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP;
        command = g_strjoinv(" ", (char **)words);
    } else if (!(command = virtmonQMPFromWords(words, &wrong, &why))) {
        vshError(ctl, _("failed to wrap arguments '%1$s' into a QMP command wrapper"), wrong);
        vshError(ctl, _("cannot parse json: %1$s"), why);
        return false;
    }
    if (!(files = virtmonCmdFiles(ctl, cmd)))
        return false;

    /* Servers that can't pass files know only the other call. */
    if (files->len > 0)
        result = virDomainQemuMonitorCommandWithFiles(dom, command, files->len,
                                                      (int *)files->data, NULL, NULL, &reply,
                                                      flags);
    else
        result = virDomainQemuMonitorCommand(dom, command, &reply, flags);
    if (result < 0) {
        vshReportError(ctl);
        return false;
    }

    output = virtmonFormatReply(ctl, cmd, reply);
    free(reply);
    if (!output)
        return false;
    safe = vshSafe(ctl, output, true);
    vshPrint(ctl, "%s", safe);
    return true;
}

/* --- qemu-agent-command --- */

static const vshOptDef virtmonOptAgentCommand[] = {
    { "domain", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the domain: its name, ID or UUID"),
      virtmonCompleteDomain },
    { "timeout", VSH_OPT_INT, VSH_OPT_BY_NAME, N_("wait so many seconds for the answer"), NULL },
    { "async", VSH_OPT_BOOL, 0, N_("don't wait for the answer"), NULL },
    { "block", VSH_OPT_BOOL, 0, N_("wait for the answer however long it takes"), NULL },
    { "pretty", VSH_OPT_BOOL, 0, N_("lay the answer out for reading"), NULL },
    { "cmd", VSH_OPT_ARGV, VSH_OPT_REQUIRED | VSH_OPT_EMPTY_OK, N_("the command, as JSON"),
      NULL },
    { NULL }
};

/* How long to wait for the agent. Returns false with the error printed. */
static bool
virtmonCmdAgentTimeout(vshControl *ctl, const vshCmd *cmd, int *timeout)
{
    bool async = vshCmdHas(cmd, "async");
    bool block = vshCmdHas(cmd, "block");
    int given = vshCmdGetInt(ctl, cmd, "timeout", INT_MIN, INT_MAX, timeout);

    if (given < 0)
        return false;
    if (given > 0 && *timeout < 1) {
        vshError(ctl, "%s", _("timeout must be positive"));
        return false;
    }
    if (given + async + block > 1) {
        vshError(ctl, "%s", _("timeout, async and block options are exclusive"));
        return false;
    }
    if (async)
        *timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT;
    else if (block)
        *timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK;
    else if (given == 0)
        *timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT;
    return true;
}

static bool
virtmonRunAgentCommand(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *command = NULL;
    g_autofree char *output = NULL;
    g_autofree char *safe = NULL;
    char *reply;
    int timeout;

    if (!(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)) ||
        !virtmonCmdAgentTimeout(ctl, cmd, &timeout))
        return false;
    command = g_strjoinv(" ", (char **)vshCmdGetStrings(cmd, "cmd"));

    if (!(reply = virDomainQemuAgentCommand(dom, command, timeout, 0))) {
        vshReportError(ctl);
        return false;
    }
    output = vshCmdHas(cmd, "pretty") ? vshJSONPretty(reply) : g_strdup(reply);
    free(reply);
    safe = vshSafe(ctl, output, true);
    vshPrint(ctl, "%s\n", safe);
    return true;
}

/* --- qemu-attach --- */

static const vshOptDef virtmonOptAttach[] = {
    /* text, as the number has no sign and more bits than that of an option */
    { "pid", VSH_OPT_STRING, VSH_OPT_REQUIRED | VSH_OPT_EMPTY_OK, N_("the ID of QEMU's process"),
      NULL },
    { NULL }
};

static bool
virtmonRunAttach(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *name = NULL;
    const char *text;
    const char *digits;
    guint64 pid;

    if (vshCmdGetString(ctl, cmd, "pid", &text) < 0)
        return false;
    /* blanks and a plus in front are nothing to fail for */
    digits = text + strspn(text, " \t");
    if (*digits == '+')
        digits++;
    if (!g_ascii_string_to_unsigned(digits, 10, 0, UINT_MAX, &pid, NULL)) {
        vshError(ctl, _("Numeric value '%1$s' for <%2$s> option is malformed or out of range"),
                 text, "pid");
        return false;
    }

    if (!(dom = virDomainQemuAttach(virtmonGet(ctl)->conn, pid, 0))) {
        vshError(ctl, _("Failed to attach to pid %1$u"), (unsigned int)pid);
        vshReportError(ctl);
        return false;
    }
    name = vshSafe(ctl, virDomainGetName(dom), false);
    vshPrintExtra(ctl, _("Domain '%1$s' attached to pid %2$u\n"), name, (unsigned int)pid);
    return true;
}

/* --- qemu-event-list --- */

static const vshOptDef virtmonOptEventList[] = {
    { "domain", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the domain: its name, ID or UUID"),
      virtmonCompleteDomain },
    { "pretty", VSH_OPT_BOOL, 0, N_("with a line for each field"), NULL },
    { "format", VSH_OPT_STRING, VSH_OPT_BY_NAME, N_("text, or json: one object a line"),
      virtmonCompleteFormat },
    { NULL }
};

/* " -> watchdog, lifecycle (rate-limited)": libvirt's events that follow from it. */
static void
virtmonEventListFacts(const char *event, GString *text)
{
    const virtmonCounterpart *counterparts;
    size_t count;
    size_t i;

    counterparts = virtmonCatalogueCounterparts(event, &count);
    for (i = 0; i < count; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : " -> ", counterparts[i].typed);
    if (virtmonCatalogueRateLimit(event))
        g_string_append(text, _(" (rate-limited)"));
    g_string_append_c(text, '\n');
}

/* "SHUTDOWN {guest: bool, reason: none|host-error} -> lifecycle" */
static void
virtmonEventListLine(const virtmonSchemaEvent *event, GString *text)
{
    guint i;

    g_string_append(text, event->name);
    for (i = 0; i < event->fields->len; i++) {
        const virtmonSchemaField *field = g_ptr_array_index(event->fields, i);

        g_string_append_printf(text, "%s%s%s: %s", i > 0 ? ", " : " {", field->name,
                               field->optional ? "?" : "", field->type);
    }
    if (event->fields->len > 0)
        g_string_append_c(text, '}');
    virtmonEventListFacts(event->name, text);
}

static void
virtmonEventListLines(const virtmonSchemaEvent *event, GString *text)
{
    size_t width = 0;
    guint i;

    for (i = 0; i < event->fields->len; i++) {
        const virtmonSchemaField *field = g_ptr_array_index(event->fields, i);

        width = MAX(width, strlen(field->name));
    }
    g_string_append(text, event->name);
    virtmonEventListFacts(event->name, text);
    for (i = 0; i < event->fields->len; i++) {
        const virtmonSchemaField *field = g_ptr_array_index(event->fields, i);

        g_string_append_printf(text, "  %-*s  %s", (int)width, field->name, field->type);
        if (field->when)
            g_string_append_printf(text, _(" (if %1$s)"), field->when);
        g_string_append(text, field->optional ? _(" (optional)\n") : "\n");
    }
}

static void
virtmonEventListFactsJSON(const char *event, GString *text)
{
    const virtmonRateLimit *limit = virtmonCatalogueRateLimit(event);
    const virtmonCounterpart *counterparts;
    size_t count;
    size_t i;

    g_string_append(text, ",\"typed\":[");
    counterparts = virtmonCatalogueCounterparts(event, &count);
    for (i = 0; i < count; i++)
        g_string_append_printf(text, "%s{\"name\":\"%s\",\"id\":%d}", i > 0 ? "," : "",
                               counterparts[i].typed, counterparts[i].id);
    g_string_append(text, "],\"rate-limit\":");
    if (!limit)
        g_string_append(text, "null");
    else if (limit->per)
        g_string_append_printf(text, "{\"ms\":%d,\"per\":\"%s\"}", limit->ms, limit->per);
    else
        g_string_append_printf(text, "{\"ms\":%d,\"per\":null}", limit->ms);
}

static void
virtmonEventListJSON(const virtmonSchemaEvent *event, GString *text)
{
    guint i;

    g_string_append(text, "{\"event\":");
    virtmonJSONAppendString(text, event->name, strlen(event->name));
    g_string_append(text, ",\"data\":[");
    for (i = 0; i < event->fields->len; i++) {
        const virtmonSchemaField *field = g_ptr_array_index(event->fields, i);

        g_string_append(text, i > 0 ? ",{\"name\":" : "{\"name\":");
        virtmonJSONAppendString(text, field->name, strlen(field->name));
        g_string_append(text, ",\"type\":");
        virtmonJSONAppendString(text, field->type, strlen(field->type));
        g_string_append_printf(text, ",\"optional\":%s,\"if\":",
                               field->optional ? "true" : "false");
        if (field->when)
            virtmonJSONAppendString(text, field->when, strlen(field->when));
        else
            g_string_append(text, "null");
        g_string_append_c(text, '}');
    }
    g_string_append_c(text, ']');
    virtmonEventListFactsJSON(event->name, text);
    g_string_append(text, "}\n");
}

static bool
virtmonRunEventList(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virtmonSchema) schema = NULL;
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *why = NULL;
    bool json;
    size_t i;

    if (!virtmonCmdFormat(ctl, cmd, "pretty", NULL, &json) ||
        !(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)))
        return false;
    if (!(schema = virtmonSchemaQuery(dom, &why))) {
        if (why)
            vshError(ctl, "%s", why);
        else
            vshReportError(ctl);
        return false;
    }

    if (json)
        vshOmitEmptyLine(ctl);
    for (i = 0; i < virtmonSchemaCount(schema); i++) {
        const virtmonSchemaEvent *event = virtmonSchemaGet(schema, i);
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *safe = NULL;

        if (json)
            virtmonEventListJSON(event, text);
        else if (vshCmdHas(cmd, "pretty"))
            virtmonEventListLines(event, text);
        else
            virtmonEventListLine(event, text);
        safe = vshSafe(ctl, text->str, true);
        vshPrint(ctl, "%s", safe);
    }
    return true;
}

/* --- table --- */

const vshCmdDef virtmonQemuCommands[] = {
    { "qemu-agent-command", virtmonRunAgentCommand, virtmonOptAgentCommand,
      N_("send a command to the guest agent"),
      N_("Sends the command as it is to the agent within the guest and prints its answer. What it "
         "does is between you and the agent."), 0 },
    { "qemu-attach", virtmonRunAttach, virtmonOptAttach,
      N_("make a running QEMU a domain"),
      N_("Finds the QMP socket of a QEMU that was started by something else, and makes that QEMU "
         "a domain of this connection."), 0 },
    { "qemu-event-list", virtmonRunEventList, virtmonOptEventList,
      N_("the events that QEMU can emit"),
      N_("Prints every event that the QEMU of the domain knows, with the fields of its data and "
         "their types, as QEMU itself describes them; which of the events of the command 'event' "
         "follow from it, and whether QEMU limits how often it tells it."), 0 },
    { "qemu-monitor-command", virtmonRunMonitorCommand, virtmonOptMonitorCommand,
      N_("send a command to QEMU's monitor"),
      N_("Sends a command to QEMU itself and prints its answer. It is either a whole QMP command "
         "as JSON; or the name of one, behind which its arguments may follow, each as "
         "'\"KEY\": VALUE', or all as one object."), 0 },
    { NULL }
};
