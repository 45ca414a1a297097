/*
 * virtmon_admin_stats.c: what only virtmond tells: accounts, registrations, domains, limits
 *
 * A table shows what most look for; --format json shows whatever the daemon tells.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_admin.h"

#include <string.h>

/* Columns for the names of what is told of the daemon. */
#define VIRTMON_ADMIN_STATS_WIDTH 24

/* --- options --- */

static const char *const virtmonAdminFormats[] = { "text", "json", NULL };

char **
virtmonAdminCompleteFormat(vshControl *ctl G_GNUC_UNUSED, const vshCmd *cmd G_GNUC_UNUSED)
{
    return g_strdupv((char **)virtmonAdminFormats);
}

bool
virtmonAdminCmdFormat(vshControl *ctl, const vshCmd *cmd, bool *json)
{
    const char *format = "text";

    if (vshCmdGetString(ctl, cmd, "format", &format) < 0)
        return false;
    if (!g_strv_contains(virtmonAdminFormats, format)) {
        vshError(ctl, _("unknown format '%1$s', expecting 'text' or 'json'"), format);
        return false;
    }
    *json = strcmp(format, "json") == 0;
    if (*json)
        vshOmitEmptyLine(ctl);
    return true;
}

int
virtmonAdminCmdGetID(vshControl *ctl, const vshCmd *cmd, const char *name, guint64 *id)
{
    const char *text;
    int rc = vshCmdGetString(ctl, cmd, name, &text);

    if (rc <= 0)
        return rc;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, id, NULL)) {
        vshError(ctl, _("Numeric value '%1$s' for <%2$s> option is malformed or out of range"),
                 text, name);
        return -1;
    }
    return 1;
}

#define VIRTMON_ADMIN_OPT_FORMAT \
    { "format", VSH_OPT_STRING, VSH_OPT_BY_NAME, N_("text, or json: one object a line"), \
      virtmonAdminCompleteFormat }

/* --- lists --- */

typedef void (*virtmonAdminRecordFunc)(vshControl *ctl, const virtmon_admin_record *record,
                                       void *opaque);

/* Shows one page. The arguments and the return value of each procedure that lists are what all of
 * them are. Returns whether there is another, or -1. */
static int
virtmonAdminListPage(vshControl *ctl, int procedure, virtmon_admin_query *query,
                     virtmonAdminRecordFunc func, void *opaque)
{
    virtmon_admin_page page = { { 0 } };
    bool more;
    u_int i;

    if (remoteAdminClientCallOwn(virtmonAdminGet(ctl)->client, procedure, query, &page) < 0)
        return -1;
    for (i = 0; i < page.records.records_len; i++)
        func(ctl, &page.records.records_val[i], opaque);
    /* No page leads to itself. */
    more = *page.next && strcmp(page.next, query->from) != 0;
    g_free(query->from);
    query->from = g_strdup(page.next);
    xdr_free((xdrproc_t)xdr_virtmon_admin_page, &page);
    return more;
}

/* Calls @func for each record in which @filter, NULL or one parameter, has its value. False with the
 * error printed or set. */
static bool
virtmonAdminList(vshControl *ctl, int procedure, remote_typed_param *filter,
                 virtmonAdminRecordFunc func, void *opaque)
{
    virtmon_admin_query query = {
        .filter = { .filter_len = filter ? 1 : 0, .filter_val = filter }, .from = g_strdup(""),
    };
    int rc;

    while ((rc = virtmonAdminListPage(ctl, procedure, &query, func, opaque)) > 0)
        continue;
    g_free(query.from);
    return rc == 0;
}

static void
virtmonAdminPrintJSON(vshControl *ctl, const virtmon_admin_record *record,
                      void *opaque G_GNUC_UNUSED)
{
    g_autofree char *json = virtmonAdminJSON(record);
    g_autofree char *safe = vshSafe(ctl, json, false);

    vshPrint(ctl, "%s\n", safe);
}

/* As a table whose rows @func makes (its opaque), or as JSON. */
static bool
virtmonAdminListTable(vshControl *ctl, const vshCmd *cmd, int procedure,
                      remote_typed_param *filter, vshTable *table, virtmonAdminRecordFunc func)
{
    bool json;

    if (!virtmonAdminCmdFormat(ctl, cmd, &json))
        return false;
    if (json)
        return virtmonAdminList(ctl, procedure, filter, virtmonAdminPrintJSON, NULL);
    if (!virtmonAdminList(ctl, procedure, filter, func, table))
        return false;
    vshTablePrint(ctl, table, !vshIsQuiet(ctl));
    return true;
}

/* The filter for an option that is the ID of a client: NULL if it wasn't given. False with the error
 * printed. */
static bool
virtmonAdminFilterClient(vshControl *ctl, const vshCmd *cmd, const char *name,
                         remote_typed_param *param, remote_typed_param **filter)
{
    guint64 id;
    int rc = virtmonAdminCmdGetID(ctl, cmd, "client", &id);

    *filter = NULL;
    if (rc <= 0)
        return rc == 0;
    param->field = (char *)name;
    param->value.type = VIR_TYPED_PARAM_ULLONG;
    param->value.remote_typed_param_value_u.ul = id;
    *filter = param;
    return true;
}

/* The same for a text. */
static bool
virtmonAdminFilterText(vshControl *ctl, const vshCmd *cmd, const char *option, const char *name,
                       remote_typed_param *param, remote_typed_param **filter)
{
    const char *text;
    int rc = vshCmdGetString(ctl, cmd, option, &text);

    *filter = NULL;
    if (rc <= 0)
        return rc == 0;
    param->field = (char *)name;
    param->value.type = VIR_TYPED_PARAM_STRING;
    param->value.remote_typed_param_value_u.s = (char *)text;
    *filter = param;
    return true;
}

/* --- client-stats --- */

static const vshOptDef virtmonAdminClientStatsOptions[] = {
    { "client", VSH_OPT_STRING, 0, N_("of this client only, by its ID"), NULL },
    VIRTMON_ADMIN_OPT_FORMAT,
    { NULL },
};

static void
virtmonAdminPrintClientStats(vshControl *ctl, const virtmon_admin_record *record, void *opaque)
{
    bool *any = opaque;
    g_autofree char *id = virtmonAdminCell(record, "id", "-");
    u_int i;

    vshPrint(ctl, "%s%s: %s\n", *any ? "\n" : "", _("Client"), id);
    *any = true;
    for (i = 0; i < record->params.params_len; i++) {
        const remote_typed_param *param = &record->params.params_val[i];
        g_autofree char *value = virtmonAdminValue(param);
        g_autofree char *line = g_strdup_printf("  %s=%s", param->field, value);
        g_autofree char *safe = vshSafe(ctl, line, false);

        if (strcmp(param->field, "id") != 0)
            vshPrint(ctl, "%s\n", safe);
    }
}

static bool
virtmonAdminCmdClientStats(vshControl *ctl, const vshCmd *cmd)
{
    remote_typed_param param = { 0 };
    remote_typed_param *filter;
    bool json;
    bool any = false;

    if (!virtmonAdminFilterClient(ctl, cmd, "id", &param, &filter) ||
        !virtmonAdminCmdFormat(ctl, cmd, &json))
        return false;
    return virtmonAdminList(ctl, VIRTMON_ADMIN_PROC_LIST_CLIENTS, filter,
                            json ? virtmonAdminPrintJSON : virtmonAdminPrintClientStats, &any);
}

/* --- user-list --- */

static const vshOptDef virtmonAdminUserListOptions[] = {
    { "user", VSH_OPT_STRING, 0, N_("this user only, as the list calls him"), NULL },
    VIRTMON_ADMIN_OPT_FORMAT,
    { NULL },
};

/* "used / limit". */
static char *
virtmonAdminUsageCell(const virtmon_admin_record *record, const char *resource)
{
    g_autofree char *usedName = g_strconcat(resource, ".used", NULL);
    g_autofree char *limitName = g_strconcat(resource, ".limit", NULL);
    g_autofree char *used = virtmonAdminCell(record, usedName, "-");
    g_autofree char *limit = virtmonAdminCell(record, limitName, "-");

    return g_strdup_printf("%s / %s", used, limit);
}

/* How often anything was refused. */
static char *
virtmonAdminRefusedCell(const virtmon_admin_record *record)
{
    guint64 sum = 0;
    u_int i;

    for (i = 0; i < record->params.params_len; i++) {
        const remote_typed_param *param = &record->params.params_val[i];

        if (g_str_has_suffix(param->field, ".refused") &&
            param->value.type == VIR_TYPED_PARAM_ULLONG)
            sum += param->value.remote_typed_param_value_u.ul;
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT, sum);
}

static void
virtmonAdminAddUser(vshControl *ctl G_GNUC_UNUSED, const virtmon_admin_record *record,
                    void *opaque)
{
    g_autofree char *user = virtmonAdminCell(record, "user", "-");
    g_autofree char *connections = virtmonAdminUsageCell(record, "connections");
    g_autofree char *registrations = virtmonAdminUsageCell(record, "registrations");
    g_autofree char *bytes = virtmonAdminUsageCell(record, "event_bytes");
    g_autofree char *requests = virtmonAdminUsageCell(record, "requests");
    g_autofree char *refused = virtmonAdminRefusedCell(record);

    vshTableAddRow(opaque, user, connections, registrations, bytes, requests, refused, NULL);
}

static bool
virtmonAdminCmdUserList(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(vshTable) table = vshTableNew(_("User"), _("Connections"), _("Registrations"),
                                            _("Event bytes"), _("Requests"), _("Refused"), NULL);
    remote_typed_param param = { 0 };
    remote_typed_param *filter;

    return virtmonAdminFilterText(ctl, cmd, "user", "user", &param, &filter) &&
        virtmonAdminListTable(ctl, cmd, VIRTMON_ADMIN_PROC_LIST_USERS, filter, table,
                              virtmonAdminAddUser);
}

/* --- registration-list --- */

static const vshOptDef virtmonAdminRegistrationListOptions[] = {
    { "client", VSH_OPT_STRING, 0, N_("those of this client only, by its ID"), NULL },
    VIRTMON_ADMIN_OPT_FORMAT,
    { NULL },
};

static bool
virtmonAdminIsTrue(const virtmon_admin_record *record, const char *name)
{
    const remote_typed_param *param = virtmonAdminFind(record->params.params_val,
                                                       record->params.params_len, name);

    return param && param->value.type == VIR_TYPED_PARAM_BOOLEAN &&
        param->value.remote_typed_param_value_u.b;
}

/* How names of events are compared. */
static char *
virtmonAdminMatchCell(const virtmon_admin_record *record)
{
    const char *kind = virtmonAdminIsTrue(record, "regex") ? "regex" :
        virtmonAdminIsTrue(record, "glob") ? "glob" : "-";

    return g_strconcat(kind, virtmonAdminIsTrue(record, "nocase") ? ",nocase" : "", NULL);
}

static void
virtmonAdminAddRegistration(vshControl *ctl G_GNUC_UNUSED, const virtmon_admin_record *record,
                            void *opaque)
{
    g_autofree char *client = virtmonAdminCell(record, "client", "-");
    g_autofree char *number = virtmonAdminCell(record, "number", "-");
    g_autofree char *kind = virtmonAdminCell(record, "kind", "-");
    g_autofree char *event = virtmonAdminCell(record, "event", _("all"));
    g_autofree char *match = virtmonAdminMatchCell(record);
    g_autofree char *uuid = virtmonAdminCell(record, "domain_uuid", _("all"));
    g_autofree char *domain = virtmonAdminCell(record, "domain", uuid);
    g_autofree char *delivered = virtmonAdminCell(record, "delivered", "-");
    g_autofree char *lost = virtmonAdminCell(record, "lost", "-");

    vshTableAddRow(opaque, client, number, kind, event, match, domain, delivered, lost, NULL);
}

static bool
virtmonAdminCmdRegistrationList(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(vshTable) table = vshTableNew(_("Client"), _("Number"), _("Kind"), _("Event"),
                                            _("Match"), _("Domain"), _("Delivered"), _("Lost"),
                                            NULL);
    remote_typed_param param = { 0 };
    remote_typed_param *filter;

    return virtmonAdminFilterClient(ctl, cmd, "client", &param, &filter) &&
        virtmonAdminListTable(ctl, cmd, VIRTMON_ADMIN_PROC_LIST_REGISTRATIONS, filter, table,
                              virtmonAdminAddRegistration);
}

/* --- domain-stats --- */

static const vshOptDef virtmonAdminDomainStatsOptions[] = {
    { "domain", VSH_OPT_STRING, 0, N_("of this domain only, by its name"), NULL },
    VIRTMON_ADMIN_OPT_FORMAT,
    { NULL },
};

static void
virtmonAdminAddDomain(vshControl *ctl G_GNUC_UNUSED, const virtmon_admin_record *record,
                      void *opaque)
{
    g_autofree char *id = virtmonAdminCell(record, "id", "-");
    g_autofree char *name = virtmonAdminCell(record, "name", "-");
    g_autofree char *state = virtmonAdminCell(record, "state", "-");
    g_autofree char *events = virtmonAdminCell(record, "events", "-");
    g_autofree char *lost = virtmonAdminCell(record, "lost", "-");
    g_autofree char *refused = virtmonAdminCell(record, "refused", "-");
    g_autofree char *queue = virtmonAdminCell(record, "queue_bytes", "-");

    vshTableAddRow(opaque, id, name, state, events, lost, refused, queue, NULL);
}

static bool
virtmonAdminCmdDomainStats(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(vshTable) table = vshTableNew(_("Id"), _("Name"), _("State"), _("Events"), _("Lost"),
                                            _("Refused"), _("Queue bytes"), NULL);
    remote_typed_param param = { 0 };
    remote_typed_param *filter;

    return virtmonAdminFilterText(ctl, cmd, "domain", "name", &param, &filter) &&
        virtmonAdminListTable(ctl, cmd, VIRTMON_ADMIN_PROC_LIST_DOMAINS, filter, table,
                              virtmonAdminAddDomain);
}

/* --- daemon-stats --- */

static const vshOptDef virtmonAdminDaemonStatsOptions[] = {
    VIRTMON_ADMIN_OPT_FORMAT,
    { NULL },
};

static bool
virtmonAdminCmdDaemonStats(vshControl *ctl, const vshCmd *cmd)
{
    virtmon_admin_get_stats_args args = { 0 };
    virtmon_admin_get_stats_ret ret = { { { 0 } } };
    bool json;

    if (!virtmonAdminCmdFormat(ctl, cmd, &json) ||
        remoteAdminClientCallOwn(virtmonAdminGet(ctl)->client, VIRTMON_ADMIN_PROC_GET_STATS, &args,
                                 &ret) < 0)
        return false;
    if (json)
        virtmonAdminPrintJSON(ctl, &ret.record, NULL);
    else
        virtmonAdminPrintParams(ctl, ret.record.params.params_val, ret.record.params.params_len,
                                VIRTMON_ADMIN_STATS_WIDTH);
    xdr_free((xdrproc_t)xdr_virtmon_admin_get_stats_ret, &ret);
    return true;
}

/* --- limits --- */

static const vshOptDef virtmonAdminLimitListOptions[] = {
    VIRTMON_ADMIN_OPT_FORMAT,
    { NULL },
};

static void
virtmonAdminAddLimit(vshControl *ctl G_GNUC_UNUSED, const virtmon_admin_record *record,
                     void *opaque)
{
    g_autofree char *name = virtmonAdminCell(record, "name", "-");
    g_autofree char *value = virtmonAdminCell(record, "value", "-");
    g_autofree char *min = virtmonAdminCell(record, "min", "-");
    g_autofree char *max = virtmonAdminCell(record, "max", "-");

    vshTableAddRow(opaque, name, value, min, max, NULL);
}

static bool
virtmonAdminCmdLimitList(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(vshTable) table = vshTableNew(_("Name"), _("Value"), _("Min"), _("Max"), NULL);

    return virtmonAdminListTable(ctl, cmd, VIRTMON_ADMIN_PROC_LIST_LIMITS, NULL, table,
                                 virtmonAdminAddLimit);
}

static void
virtmonAdminCollectName(vshControl *ctl G_GNUC_UNUSED, const virtmon_admin_record *record,
                        void *opaque)
{
    g_ptr_array_add(opaque, virtmonAdminCell(record, "name", ""));
}

static char **
virtmonAdminCompleteLimit(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    GPtrArray *names;

    if (!virtmonAdminGet(ctl)->client)
        return NULL;
    names = g_ptr_array_new();
    virtmonAdminList(ctl, VIRTMON_ADMIN_PROC_LIST_LIMITS, NULL, virtmonAdminCollectName, names);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static const vshOptDef virtmonAdminLimitSetOptions[] = {
    { "name", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the limit, as virtmond.conf calls it"),
      virtmonAdminCompleteLimit },
    { "value", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("what it is to be, a number"), NULL },
    { NULL },
};

static bool
virtmonAdminCmdLimitSet(vshControl *ctl, const vshCmd *cmd)
{
    remote_typed_param param = { .value = { .type = VIR_TYPED_PARAM_LLONG } };
    virtmon_admin_set_limits_args args = { .params = { 1, &param } };
    const char *name;
    const char *text;
    gint64 value;

    if (vshCmdGetString(ctl, cmd, "name", &name) < 0 ||
        vshCmdGetString(ctl, cmd, "value", &text) < 0)
        return false;
    if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &value, NULL)) {
        vshError(ctl, _("Numeric value '%1$s' for <%2$s> option is malformed or out of range"),
                 text, "value");
        return false;
    }
    param.field = (char *)name;
    param.value.remote_typed_param_value_u.l = value;
    return remoteAdminClientCallOwn(virtmonAdminGet(ctl)->client, VIRTMON_ADMIN_PROC_SET_LIMITS,
                                    &args, NULL) == 0;
}

const vshCmdDef virtmonAdminStatsCommands[] = {
    { "client-stats", virtmonAdminCmdClientStats, virtmonAdminClientStatsOptions,
      N_("what clients hold, and were refused"),
      N_("Of each client: who it is, whose account is above its own, events that it got and did\n"
         "not get, and for each resource what it uses now and has used at most, may use, and how\n"
         "often it was refused more."), 0 },
    { "daemon-stats", virtmonAdminCmdDaemonStats, virtmonAdminDaemonStatsOptions,
      N_("what the daemon as a whole does and holds"), NULL, 0 },
    { "domain-stats", virtmonAdminCmdDomainStats, virtmonAdminDomainStatsOptions,
      N_("events of domains, sent and lost"),
      N_("Of each domain: events that came since its QEMU is connected to, those that were lost\n"
         "before anybody got them, those that one client or another did not get, and what is on\n"
         "its way."), 0 },
    { "limit-list", virtmonAdminCmdLimitList, virtmonAdminLimitListOptions,
      N_("limits that can be changed, and their values"), NULL, 0 },
    { "limit-set", virtmonAdminCmdLimitSet, virtmonAdminLimitSetOptions, N_("change a limit"),
      N_("It holds until the configuration is reloaded. What is held beyond it stays."), 0 },
    { "registration-list", virtmonAdminCmdRegistrationList, virtmonAdminRegistrationListOptions,
      N_("what clients are registered for"),
      N_("Of each registration for events: whose it is, for what, and how many events it got and\n"
         "did not get."), 0 },
    { "user-list", virtmonAdminCmdUserList, virtmonAdminUserListOptions,
      N_("what users hold, and may"),
      N_("Of each user who has a client: what all of his together use, and may use, and how often\n"
         "more was refused. Root and the user whose daemon it is have no limits."), 0 },
    { NULL },
};
