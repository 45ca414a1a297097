/*
 * remote_daemon_inspect.c: what virtmond tells administrators beyond libvirt's admin program
 *
 * Each list is made in two steps. In the I/O thread of the clients' server, what belongs to it is
 * copied, for one page at most. In a worker, records are made of that, which may ask for names of
 * users and domains.
 *
 * A page goes on behind the last thing that the one before had come to, by something that only
 * grows or by its name: what comes and goes in between is neither told twice nor keeps others from
 * being told.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_inspect.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "remote_daemon_admin.h"
#include "remote_daemon_params.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virstate.h"
#include "viruuid.h"
#include "virtmon_admin_protocol.h"

#define VIR_FROM_THIS VIR_FROM_RPC

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainUnref)

/* --- pages --- */

typedef struct {
    const virtmon_admin_query *query;
    GArray *records;            /* virtmon_admin_record */
    size_t bytes;
    char *reached;              /* the key of the last thing that was looked at */
    bool full;                  /* the next page goes on behind that */
} remoteInspectPage;

static void
remoteInspectRecordFree(void *record)
{
    xdr_free((xdrproc_t)xdr_virtmon_admin_record, record);
}

static void
remoteInspectPageInit(remoteInspectPage *page, const virtmon_admin_query *query)
{
    *page = (remoteInspectPage){ .query = query };
    page->records = g_array_new(FALSE, FALSE, sizeof(virtmon_admin_record));
    g_array_set_clear_func(page->records, remoteInspectRecordFree);
}

static void
remoteInspectPageClear(remoteInspectPage *page)
{
    g_clear_pointer(&page->records, g_array_unref);
    g_clear_pointer(&page->reached, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteInspectPage, remoteInspectPageClear)

/* Takes @key, and @params out of where they are. Returns false if the page is full, and this is the
 * next one's. */
static bool
remoteInspectPageAdd(remoteInspectPage *page, char *key, remoteParams *params)
{
    virtmon_admin_record record = { { 0 } };

    page->full = page->records->len == VIRTMON_ADMIN_RECORDS_MAX ||
        page->bytes >= REMOTE_INSPECT_PAGE_BYTES_MAX;
    if (page->full) {
        g_free(key);
        return false;
    }
    g_free(page->reached);
    page->reached = key;
    if (!remoteParamsMatch(params, page->query->filter.filter_val,
                           page->query->filter.filter_len))
        return true;
    page->bytes += params->bytes;
    remoteParamsSteal(params, &record.params.params_len, &record.params.params_val);
    g_array_append_val(page->records, record);
    return true;
}

/* Makes the reply of it. @more: there was more than could be looked at. */
static void
remoteInspectPageEnd(remoteInspectPage *page, bool more, virtmon_admin_page *ret)
{
    ret->next = page->full || (more && page->reached) ? g_steal_pointer(&page->reached) :
                                                        g_strdup("");
    ret->records.records_len = page->records->len;
    ret->records.records_val = (virtmon_admin_record *)(void *)
        g_array_free(g_steal_pointer(&page->records), FALSE);
}

static int
remoteInspectCheck(const virtmon_admin_query *query)
{
    unsigned int flags = query->flags;

    virCheckFlagsReturn(0, -1);
    return 0;
}

/* Reads what a page of ours has said; @count numbers with a colon between. Returns 0, or -1 with an
 * error reported. All of them are 0 at the beginning. */
static int
remoteInspectReadFrom(const virtmon_admin_query *query, guint64 *numbers, size_t count)
{
    const char *at = query->from;
    size_t i;

    memset(numbers, 0, count * sizeof(*numbers));
    for (i = 0; *query->from && i < count; i++) {
        char *end;

        numbers[i] = g_ascii_strtoull(at, &end, 10);
        if (end == at || *end != (i + 1 < count ? ':' : '\0')) {
            virReportError(VIR_ERR_INVALID_ARG, _("no page of the list begins at '%1$s'"),
                           query->from);
            return -1;
        }
        at = end + 1;
    }
    return 0;
}

/* The number of that name that is wanted, for lists that needn't look at all else. Returns whether
 * there is one. */
static bool
remoteInspectWanted(const virtmon_admin_query *query, const char *name, guint64 *value)
{
    u_int i;
    gint64 number;

    for (i = 0; i < query->filter.filter_len; i++) {
        const remote_typed_param *param = &query->filter.filter_val[i];

        if (strcmp(param->field, name) == 0 && remoteParamsGetNumber(param, &number) == 0) {
            *value = number;
            return true;
        }
    }
    virResetLastError();
    return false;
}

/* --- accounts --- */

typedef struct {
    virNetQuotaUsage usage[VIR_NET_QUOTA_LAST];
} remoteInspectAccount;

static void
remoteInspectDescribeAccount(const remoteInspectAccount *account, remoteParams *params)
{
    int i;

    for (i = 0; i < VIR_NET_QUOTA_LAST; i++) {
        const virNetQuotaUsage *usage = &account->usage[i];
        g_autofree char *resource = g_strdelimit(g_strdup(virNetQuotaResourceName(i)), " ", '_');
        g_autofree char *used = g_strconcat(resource, ".used", NULL);
        g_autofree char *peak = g_strconcat(resource, ".peak", NULL);
        g_autofree char *limit = g_strconcat(resource, ".limit", NULL);
        g_autofree char *refused = g_strconcat(resource, ".refused", NULL);

        remoteParamsAddULLong(params, used, usage->used);
        remoteParamsAddULLong(params, peak, usage->peak);
        if (usage->limit > 0)
            remoteParamsAddULLong(params, limit, usage->limit);
        remoteParamsAddULLong(params, refused, usage->refused);
    }
}

/* --- clients --- */

/* One, as it was in the I/O thread. */
typedef struct {
    virNetServerClient *client; /* a reference */
    char *user;                 /* whose account is above its own */
    bool authenticated;
    guint64 events;
    guint64 refused;
    guint64 hidden;
    size_t gaps;
    bool behind;
    remoteInspectAccount account;
} remoteInspectClient;

static void
remoteInspectClientClear(void *opaque)
{
    remoteInspectClient *copy = opaque;

    virNetServerClientUnref(copy->client);
    g_free(copy->user);
}

typedef struct {
    guint64 after;              /* IDs up to this one are passed over */
    guint64 only;               /* 0: all */
    GArray *clients;            /* remoteInspectClient */
    bool more;
} remoteInspectClients;

static void
remoteInspectCopyClient(virNetServerClient *client, void *opaque)
{
    remoteInspectClients *request = opaque;
    const remoteDaemonClient *mine = virNetServerClientGetData(client);
    virNetQuotaAccount *account = virNetServerClientGetAccount(client);
    unsigned long long id = virNetServerClientGetID(client);
    remoteInspectClient copy = { 0 };
    int i;

    if (id <= request->after || (request->only > 0 && id != request->only))
        return;
    if (request->clients->len == VIRTMON_ADMIN_RECORDS_MAX) {
        request->more = true;
        return;
    }
    copy.client = virNetServerClientRef(client);
    copy.user = g_strdup(virNetQuotaUserGetName(virNetQuotaAccountGetUser(account)));
    copy.authenticated = virNetServerClientIsAuthenticated(client);
    copy.events = virNetServerClientGetEvents(client);
    copy.refused = virNetServerClientGetRefused(client);
    copy.behind = virNetServerClientIsBehind(client);
    for (i = 0; i < VIR_NET_QUOTA_LAST; i++)
        virNetQuotaGetUsage(account, i, &copy.account.usage[i]);
    /* One in the middle of TLS's handshake has nothing yet. */
    if (mine && mine->gaps) {
        copy.gaps = g_hash_table_size(mine->gaps);
        copy.hidden = mine->hidden;
    }
    g_array_append_val(request->clients, copy);
}

static void
remoteInspectCopyClients(void *opaque)
{
    virNetServerForEachClient(remoteAdminGet()->server, remoteInspectCopyClient, opaque);
}

static void
remoteInspectDescribeClient(const remoteInspectClient *copy, remoteParams *params)
{
    const virNetServerClientInfo *info = virNetServerClientGetInfo(copy->client);

    remoteParamsAddULLong(params, "id", virNetServerClientGetID(copy->client));
    remoteParamsAddLLong(params, "since", info->since);
    remoteParamsAddString(params, "transport", info->local ? "unix" :
                                               info->encrypted ? "tls" : "tcp");
    remoteParamsAddBool(params, "authenticated", copy->authenticated);
    remoteAdminAddIdentity(params, copy->client);
    remoteParamsAddString(params, "user", copy->user);
    remoteParamsAddULLong(params, "events", copy->events);
    remoteParamsAddULLong(params, "refused", copy->refused);
    remoteParamsAddULLong(params, "hidden", copy->hidden);
    remoteParamsAddULLong(params, "gaps", copy->gaps);
    remoteParamsAddBool(params, "behind", copy->behind);
    remoteInspectDescribeAccount(&copy->account, params);
}

static int
remoteInspectListClients(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    const virtmon_admin_query *query = &((virtmon_admin_list_clients_args *)opaque)->query;
    virtmon_admin_list_clients_ret *ret = result;
    g_autoptr(GArray) clients = g_array_new(FALSE, FALSE, sizeof(remoteInspectClient));
    remoteInspectClients request = { .clients = clients };
    g_auto(remoteInspectPage) page = { 0 };
    guint i;

    g_array_set_clear_func(clients, remoteInspectClientClear);
    if (remoteInspectCheck(query) < 0 || remoteInspectReadFrom(query, &request.after, 1) < 0)
        return -1;
    remoteInspectWanted(query, "id", &request.only);
    virIOLoopInvokeWait(remoteAdminGet()->loop, remoteInspectCopyClients, &request);

    remoteInspectPageInit(&page, query);
    for (i = 0; i < clients->len; i++) {
        const remoteInspectClient *copy = &g_array_index(clients, remoteInspectClient, i);
        g_auto(remoteParams) params = { 0 };

        remoteInspectDescribeClient(copy, &params);
        if (!remoteInspectPageAdd(&page, g_strdup_printf(
                "%llu", virNetServerClientGetID(copy->client)), &params))
            break;
    }
    remoteInspectPageEnd(&page, request.more, &ret->page);
    return 0;
}

/* --- users --- */

/* One, as it was in the I/O thread. */
typedef struct {
    char *name;
    bool exempt;
    remoteInspectAccount account;
} remoteInspectUser;

static void
remoteInspectUserClear(void *opaque)
{
    g_free(((remoteInspectUser *)opaque)->name);
}

static void
remoteInspectCopyUser(virNetQuotaUser *user, void *opaque)
{
    GArray *users = opaque;
    remoteInspectUser copy = {
        .name = g_strdup(virNetQuotaUserGetName(user)), .exempt = virNetQuotaUserIsExempt(user),
    };
    int i;

    for (i = 0; i < VIR_NET_QUOTA_LAST; i++)
        virNetQuotaUserGetUsage(user, i, &copy.account.usage[i]);
    g_array_append_val(users, copy);
}

/* All of them, as they are in no order: there are no more than clients. */
static void
remoteInspectCopyUsers(void *opaque)
{
    virNetServerForEachUser(remoteAdminGet()->server, remoteInspectCopyUser, opaque);
}

static gint
remoteInspectCompareUsers(gconstpointer one, gconstpointer other)
{
    return strcmp(((const remoteInspectUser *)one)->name,
                  ((const remoteInspectUser *)other)->name);
}

static int
remoteInspectListUsers(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    const virtmon_admin_query *query = &((virtmon_admin_list_users_args *)opaque)->query;
    virtmon_admin_list_users_ret *ret = result;
    g_autoptr(GArray) users = g_array_new(FALSE, FALSE, sizeof(remoteInspectUser));
    g_auto(remoteInspectPage) page = { 0 };
    guint i;

    g_array_set_clear_func(users, remoteInspectUserClear);
    if (remoteInspectCheck(query) < 0)
        return -1;
    virIOLoopInvokeWait(remoteAdminGet()->loop, remoteInspectCopyUsers, users);
    g_array_sort(users, remoteInspectCompareUsers);

    remoteInspectPageInit(&page, query);
    for (i = 0; i < users->len; i++) {
        const remoteInspectUser *copy = &g_array_index(users, remoteInspectUser, i);
        g_auto(remoteParams) params = { 0 };

        if (strcmp(copy->name, query->from) <= 0)
            continue;
        remoteParamsAddString(&params, "user", copy->name);
        remoteParamsAddBool(&params, "exempt", copy->exempt);
        remoteInspectDescribeAccount(&copy->account, &params);
        if (!remoteInspectPageAdd(&page, g_strdup(copy->name), &params))
            break;
    }
    remoteInspectPageEnd(&page, false, &ret->page);
    return 0;
}

/* --- registrations --- */

/* As virsh calls them. */
static const char *const remoteInspectEventNames[] = {
    [VIR_DOMAIN_EVENT_ID_LIFECYCLE] = "lifecycle",
    [VIR_DOMAIN_EVENT_ID_REBOOT] = "reboot",
    [VIR_DOMAIN_EVENT_ID_RTC_CHANGE] = "rtc-change",
    [VIR_DOMAIN_EVENT_ID_WATCHDOG] = "watchdog",
    [VIR_DOMAIN_EVENT_ID_IO_ERROR] = "io-error",
    [VIR_DOMAIN_EVENT_ID_GRAPHICS] = "graphics",
    [VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON] = "io-error-reason",
    [VIR_DOMAIN_EVENT_ID_CONTROL_ERROR] = "control-error",
    [VIR_DOMAIN_EVENT_ID_BLOCK_JOB] = "block-job",
    [VIR_DOMAIN_EVENT_ID_DISK_CHANGE] = "disk-change",
    [VIR_DOMAIN_EVENT_ID_TRAY_CHANGE] = "tray-change",
    [VIR_DOMAIN_EVENT_ID_PMWAKEUP] = "pm-wakeup",
    [VIR_DOMAIN_EVENT_ID_PMSUSPEND] = "pm-suspend",
    [VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE] = "balloon-change",
    [VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK] = "pm-suspend-disk",
    [VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED] = "device-removed",
    [VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2] = "block-job-2",
    [VIR_DOMAIN_EVENT_ID_TUNABLE] = "tunable",
    [VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE] = "agent-lifecycle",
    [VIR_DOMAIN_EVENT_ID_DEVICE_ADDED] = "device-added",
    [VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION] = "migration-iteration",
    [VIR_DOMAIN_EVENT_ID_JOB_COMPLETED] = "job-completed",
    [VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED] = "device-removal-failed",
    [VIR_DOMAIN_EVENT_ID_METADATA_CHANGE] = "metadata-change",
    [VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD] = "block-threshold",
    [VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE] = "memory-failure",
    [VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE] = "memory-device-size-change",
};

/* One, as it was in the I/O thread. */
typedef struct {
    unsigned long long client;
    remoteRelayRegInfo info;    /* but for: */
    char *event;
    unsigned char uuid[VIR_UUID_BUFLEN];
} remoteInspectReg;

static void
remoteInspectRegClear(void *opaque)
{
    g_free(((remoteInspectReg *)opaque)->event);
}

typedef struct {
    guint64 from[2];            /* a client, and which of its registrations were told */
    guint64 only;               /* this client's; 0: all */
    GArray *regs;               /* remoteInspectReg */
    size_t bytes;               /* of their texts */
    unsigned long long client;  /* whose are being copied */
    bool more;
} remoteInspectRegs;

static void
remoteInspectCopyReg(const remoteRelayRegInfo *info, void *opaque)
{
    remoteInspectRegs *request = opaque;
    remoteInspectReg copy = { .client = request->client, .info = *info };

    if (request->regs->len == VIRTMON_ADMIN_RECORDS_MAX ||
        request->bytes >= REMOTE_INSPECT_PAGE_BYTES_MAX) {
        request->more = true;
        return;
    }
    copy.event = g_strdup(info->event);
    if (info->uuid)
        memcpy(copy.uuid, info->uuid, VIR_UUID_BUFLEN);
    request->bytes += copy.event ? strlen(copy.event) : 0;
    g_array_append_val(request->regs, copy);
}

static void
remoteInspectCopyRegsOf(virNetServerClient *client, void *opaque)
{
    remoteInspectRegs *request = opaque;
    remoteDaemonClient *mine = virNetServerClientGetData(client);

    request->client = virNetServerClientGetID(client);
    if (!mine || request->more || request->client < request->from[0] ||
        (request->only > 0 && request->client != request->only))
        return;
    remoteRelayForEachReg(mine, request->client == request->from[0] ? request->from[1] : 0,
                          remoteInspectCopyReg, request);
}

static void
remoteInspectCopyRegs(void *opaque)
{
    virNetServerForEachClient(remoteAdminGet()->server, remoteInspectCopyRegsOf, opaque);
}

static void
remoteInspectDescribeMonitorReg(const remoteInspectReg *reg, remoteParams *params)
{
    unsigned int flags = reg->info.flags;

    remoteParamsAddString(params, "kind", "monitor");
    remoteParamsAddString(params, "event", reg->event);
    remoteParamsAddBool(params, "regex", flags &
                        VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX);
    remoteParamsAddBool(params, "glob", flags &
                        VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB);
    remoteParamsAddBool(params, "nocase", flags &
                        VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE);
}

/* By the name that it has, if there is such a domain. */
static void
remoteInspectAddDomain(remoteParams *params, const unsigned char *uuid)
{
    g_autoptr(virDomain) dom = virDomainLookupByUUID(remoteAdminGet()->conn, uuid);
    char text[VIR_UUID_STRING_BUFLEN];

    remoteParamsAddString(params, "domain_uuid", virUUIDFormat(uuid, text));
    if (dom)
        remoteParamsAddString(params, "domain", dom->name);
    virResetLastError();
}

static void
remoteInspectDescribeReg(const remoteInspectReg *reg, remoteParams *params)
{
    remoteParamsAddULLong(params, "client", reg->client);
    remoteParamsAddInt(params, "number", reg->info.number);
    if (reg->info.monitor) {
        remoteInspectDescribeMonitorReg(reg, params);
    } else {
        remoteParamsAddString(params, "kind", "domain");
        remoteParamsAddInt(params, "event_id", reg->info.eventID);
        if ((size_t)reg->info.eventID < G_N_ELEMENTS(remoteInspectEventNames))
            remoteParamsAddString(params, "event", remoteInspectEventNames[reg->info.eventID]);
    }
    if (reg->info.uuid)
        remoteInspectAddDomain(params, reg->uuid);
    remoteParamsAddULLong(params, "delivered", reg->info.delivered);
    remoteParamsAddULLong(params, "lost", reg->info.lost);
}

static int
remoteInspectListRegistrations(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    const virtmon_admin_query *query = &((virtmon_admin_list_registrations_args *)opaque)->query;
    virtmon_admin_list_registrations_ret *ret = result;
    g_autoptr(GArray) regs = g_array_new(FALSE, FALSE, sizeof(remoteInspectReg));
    remoteInspectRegs request = { .regs = regs };
    g_auto(remoteInspectPage) page = { 0 };
    guint i;

    g_array_set_clear_func(regs, remoteInspectRegClear);
    if (remoteInspectCheck(query) < 0 || remoteInspectReadFrom(query, request.from, 2) < 0)
        return -1;
    remoteInspectWanted(query, "client", &request.only);
    virIOLoopInvokeWait(remoteAdminGet()->loop, remoteInspectCopyRegs, &request);

    remoteInspectPageInit(&page, query);
    for (i = 0; i < regs->len; i++) {
        const remoteInspectReg *reg = &g_array_index(regs, remoteInspectReg, i);
        g_auto(remoteParams) params = { 0 };

        remoteInspectDescribeReg(reg, &params);
        if (!remoteInspectPageAdd(&page, g_strdup_printf("%llu:%" G_GUINT64_FORMAT, reg->client,
                                                         reg->info.order), &params))
            break;
    }
    remoteInspectPageEnd(&page, request.more, &ret->page);
    return 0;
}

/* --- domains --- */

static const char *const remoteInspectStates[] = {
    [VIR_DOMAIN_NOSTATE] = "no state", [VIR_DOMAIN_RUNNING] = "running",
    [VIR_DOMAIN_BLOCKED] = "idle", [VIR_DOMAIN_PAUSED] = "paused",
    [VIR_DOMAIN_SHUTDOWN] = "in shutdown", [VIR_DOMAIN_SHUTOFF] = "shut off",
    [VIR_DOMAIN_CRASHED] = "crashed", [VIR_DOMAIN_PMSUSPENDED] = "pmsuspended",
};

static void
remoteInspectDescribeDomain(const virStateDomain *domain, remoteParams *params)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    remoteParamsAddInt(params, "id", domain->id);
    remoteParamsAddString(params, "name", domain->name);
    remoteParamsAddString(params, "uuid", virUUIDFormat(domain->uuid, uuid));
    if (domain->state >= 0 && (size_t)domain->state < G_N_ELEMENTS(remoteInspectStates))
        remoteParamsAddString(params, "state", remoteInspectStates[domain->state]);
    remoteParamsAddString(params, "monitor", domain->monitor);
    if (domain->pid > 0)
        remoteParamsAddInt(params, "pid", domain->pid);
    remoteParamsAddString(params, "stream", domain->stream);
    remoteParamsAddULLong(params, "events", domain->events);
    remoteParamsAddULLong(params, "lost", domain->lost);
    remoteParamsAddULLong(params, "limited", domain->limited);
    remoteParamsAddULLong(params, "refused", domain->refused);
    remoteParamsAddULLong(params, "queue_bytes", domain->queuedBytes);
    remoteParamsAddULLong(params, "client_bytes", domain->relayedBytes);
    remoteParamsAddBool(params, "held", domain->held);
}

typedef struct {
    guint64 after;              /* IDs up to this one are passed over */
    remoteInspectPage *page;
} remoteInspectDomains;

static void
remoteInspectAddDomainRecord(const virStateDomain *domain, void *opaque)
{
    remoteInspectDomains *request = opaque;
    g_auto(remoteParams) params = { 0 };

    if (request->page->full || domain->id < 0 || (guint64)domain->id <= request->after)
        return;
    remoteInspectDescribeDomain(domain, &params);
    remoteInspectPageAdd(request->page, g_strdup_printf("%d", domain->id), &params);
}

static int
remoteInspectListDomains(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    const virtmon_admin_query *query = &((virtmon_admin_list_domains_args *)opaque)->query;
    virtmon_admin_list_domains_ret *ret = result;
    g_auto(remoteInspectPage) page = { 0 };
    remoteInspectDomains request = { .page = &page };

    if (remoteInspectCheck(query) < 0 || remoteInspectReadFrom(query, &request.after, 1) < 0)
        return -1;
    remoteInspectPageInit(&page, query);
    virStateForEachDomain(remoteInspectAddDomainRecord, &request);
    remoteInspectPageEnd(&page, false, &ret->page);
    return 0;
}

/* --- limits --- */

static int
remoteInspectListLimits(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    const virtmon_admin_query *query = &((virtmon_admin_list_limits_args *)opaque)->query;
    virtmon_admin_list_limits_ret *ret = result;
    g_autoptr(GArray) limits = remoteAdminGetLimits();
    g_auto(remoteInspectPage) page = { 0 };
    guint64 after;
    guint i;

    if (remoteInspectCheck(query) < 0 || remoteInspectReadFrom(query, &after, 1) < 0)
        return -1;
    remoteInspectPageInit(&page, query);
    for (i = MIN(after, limits->len); i < limits->len; i++) {
        const remoteAdminLimit *limit = &g_array_index(limits, remoteAdminLimit, i);
        g_auto(remoteParams) params = { 0 };

        remoteParamsAddString(&params, "name", limit->name);
        remoteParamsAddLLong(&params, "value", limit->value);
        remoteParamsAddLLong(&params, "min", limit->min);
        remoteParamsAddLLong(&params, "max", limit->max);
        if (!remoteInspectPageAdd(&page, g_strdup_printf("%u", i + 1), &params))
            break;
    }
    remoteInspectPageEnd(&page, false, &ret->page);
    return 0;
}

static int
remoteInspectSetLimits(virNetServerCall *call, void *opaque, void *ret G_GNUC_UNUSED)
{
    const virtmon_admin_set_limits_args *args = opaque;
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(remoteAdminLimit));
    unsigned int flags = args->flags;
    u_int i;

    virCheckFlagsReturn(0, -1);
    for (i = 0; i < args->params.params_len; i++) {
        remoteAdminLimit change = { .name = args->params.params_val[i].field };

        if (remoteParamsGetNumber(&args->params.params_val[i], &change.value) < 0)
            return -1;
        g_array_append_val(changes, change);
    }
    return remoteAdminSetLimits(call, changes);
}

/* --- the daemon --- */

/* Bytes of memory that the process has; 0: unknown. */
static guint64
remoteInspectMemory(void)
{
    g_autofree char *text = NULL;
    unsigned long pages;

    if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL) ||
        sscanf(text, "%*u %lu", &pages) != 1)
        return 0;
    return (guint64)pages * sysconf(_SC_PAGESIZE);
}

static void
remoteInspectDescribeDaemon(remoteParams *params)
{
    const remoteAdminTargets *targets = remoteAdminGet();
    virConnectEventStats events;
    virNetServerStats server;
    guint64 memory = remoteInspectMemory();
    int domains = virConnectNumOfDomains(targets->conn);

    virNetServerGetStats(targets->server, &server);
    targets->conn->driver->connectGetEventStats(targets->conn, &events);
    remoteParamsAddString(params, "version", VERSION);
    remoteParamsAddInt(params, "pid", getpid());
    if (memory > 0)
        remoteParamsAddULLong(params, "memory_bytes", memory);
    if (domains >= 0)
        remoteParamsAddInt(params, "domains", domains);
    remoteParamsAddULLong(params, "clients", server.clients);
    remoteParamsAddULLong(params, "clients_unauthenticated", server.anonymousClients);
    remoteParamsAddULLong(params, "clients_accepted", server.accepted);
    remoteParamsAddULLong(params, "calls", server.calls);
    remoteParamsAddULLong(params, "calls_waiting", server.waitingCalls);
    remoteParamsAddULLong(params, "workers", server.workers);
    remoteParamsAddULLong(params, "workers_busy", server.busyWorkers);
    remoteParamsAddULLong(params, "registrations", events.registrations);
    remoteParamsAddULLong(params, "events", events.pushed);
    remoteParamsAddULLong(params, "delivered", events.delivered);
    remoteParamsAddULLong(params, "lost", events.lost);
    remoteParamsAddULLong(params, "limited", events.limited);
    remoteParamsAddULLong(params, "queue_events", events.queuedEvents);
    remoteParamsAddULLong(params, "queue_bytes", events.queuedBytes);
    remoteParamsAddULLong(params, "queue_bytes_max", events.maxBytes);
}

static int
remoteInspectGetStats(virNetServerCall *call G_GNUC_UNUSED, void *opaque, void *result)
{
    virtmon_admin_get_stats_ret *ret = result;
    unsigned int flags = ((virtmon_admin_get_stats_args *)opaque)->flags;
    g_auto(remoteParams) params = { 0 };

    virCheckFlagsReturn(0, -1);
    remoteInspectDescribeDaemon(&params);
    remoteParamsSteal(&params, &ret->record.params.params_len, &ret->record.params.params_val);
    return 0;
}

/* --- the table: as in remote_daemon_admin.c --- */

#define ARGS(name) (xdrproc_t)xdr_##name##_args, sizeof(name##_args)
#define RET(name) (xdrproc_t)xdr_##name##_ret, sizeof(name##_ret)
#define VOID NULL, 0
#define PROC(number, func, args, ret) { number, #number, func, args, ret, 0, NULL }

static const virNetServerProc remoteInspectProcs[] = {
    PROC(VIRTMON_ADMIN_PROC_LIST_CLIENTS, remoteInspectListClients,
         ARGS(virtmon_admin_list_clients), RET(virtmon_admin_list_clients)),
    PROC(VIRTMON_ADMIN_PROC_LIST_USERS, remoteInspectListUsers,
         ARGS(virtmon_admin_list_users), RET(virtmon_admin_list_users)),
    PROC(VIRTMON_ADMIN_PROC_LIST_REGISTRATIONS, remoteInspectListRegistrations,
         ARGS(virtmon_admin_list_registrations), RET(virtmon_admin_list_registrations)),
    PROC(VIRTMON_ADMIN_PROC_LIST_DOMAINS, remoteInspectListDomains,
         ARGS(virtmon_admin_list_domains), RET(virtmon_admin_list_domains)),
    PROC(VIRTMON_ADMIN_PROC_LIST_LIMITS, remoteInspectListLimits,
         ARGS(virtmon_admin_list_limits), RET(virtmon_admin_list_limits)),
    PROC(VIRTMON_ADMIN_PROC_SET_LIMITS, remoteInspectSetLimits,
         ARGS(virtmon_admin_set_limits), VOID),
    PROC(VIRTMON_ADMIN_PROC_GET_STATS, remoteInspectGetStats,
         ARGS(virtmon_admin_get_stats), RET(virtmon_admin_get_stats)),
};

const virNetServerProgram remoteInspectProgram = {
    .program = VIRTMON_ADMIN_PROGRAM,
    .version = VIRTMON_ADMIN_PROTOCOL_VERSION,
    .name = "virtmon_admin",
    .procs = remoteInspectProcs,
    .nprocs = G_N_ELEMENTS(remoteInspectProcs),
};
