/*
 * typedevents.c: one event of each kind, and callbacks that write down what they get
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "typedevents.h"

#include <string.h>

static const virTypedParameter tunables[] = {
    { .field = "blkdeviotune.disk", .type = VIR_TYPED_PARAM_STRING, .value.s = (char *)"vda" },
    { .field = "blkdeviotune.total_bytes_sec", .type = VIR_TYPED_PARAM_ULLONG,
      .value.ul = G_MAXUINT64 },
};

static const virTypedParameter statistics[] = {
    { .field = "operation", .type = VIR_TYPED_PARAM_INT, .value.i = -5 },
    { .field = "u", .type = VIR_TYPED_PARAM_UINT, .value.ui = G_MAXUINT32 },
    { .field = "l", .type = VIR_TYPED_PARAM_LLONG, .value.l = G_MININT64 },
    { .field = "d", .type = VIR_TYPED_PARAM_DOUBLE, .value.d = 0.5 },
    { .field = "success", .type = VIR_TYPED_PARAM_BOOLEAN, .value.b = 1 },
    { .field = "errmsg", .type = VIR_TYPED_PARAM_STRING, .value.s = (char *)"" },
};

static const char *const graphicsTexts[] = {
    "::1", "5900", "host", "1234", "vnc", "x509dname", "CN=me", "saslUsername", "you",
};

#define TEXT(text) .ntexts = 1, .texts = (const char *const[]) { text }
#define TEXTS(a, b) .ntexts = 2, .texts = (const char *const[]) { a, b }
#define THREE(a, b, c) .ntexts = 3, .texts = (const char *const[]) { a, b, c }

const typedEvent typedEvents[TYPED_EVENTS] = {
    { VIR_DOMAIN_EVENT_ID_LIFECYCLE,
      "lifecycle 3 1;",
      { .numbers = { 3, 1 } },
      318, "N D 00000003 00000001", 107, NULL },
    { VIR_DOMAIN_EVENT_ID_REBOOT,
      "generic;",
      { { 0 } },
      319, "N D", 169, NULL },
    { VIR_DOMAIN_EVENT_ID_RTC_CHANGE,
      "rtc -3600;",
      { .amounts = { (unsigned long long)-3600 } },
      320, "N D ffffffff fffff1f0", 170, NULL },
    { VIR_DOMAIN_EVENT_ID_WATCHDOG,
      "number 6;",
      { .numbers = { 6 } },
      321, "N D 00000006", 171, NULL },
    { VIR_DOMAIN_EVENT_ID_IO_ERROR,
      "io-error /a.img virtio0 1;",
      { .numbers = { 1 }, TEXTS("/a.img", "virtio0") },
      322, "N D '/a.img 'virtio0 00000001", 172, NULL },
    { VIR_DOMAIN_EVENT_ID_GRAPHICS,
      "graphics 1 1[::1]5900 0[host]1234 vnc x509dname=CN=me saslUsername=you;",
      { .numbers = { 1, 1, 0 }, .ntexts = G_N_ELEMENTS(graphicsTexts), .texts = graphicsTexts },
      323, "N D 00000001 00000001 '::1 '5900 00000000 'host '1234 'vnc 00000002 'x509dname "
           "'CN=me 'saslUsername 'you", 173, NULL },
    { VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
      "io-error-reason /a.img virtio0 2 enospc;",
      { .numbers = { 2 }, THREE("/a.img", "virtio0", "enospc") },
      324, "N D '/a.img 'virtio0 00000002 'enospc", 195, NULL },
    { VIR_DOMAIN_EVENT_ID_CONTROL_ERROR,
      "generic;",
      { { 0 } },
      325, "N D", 224, NULL },
    { VIR_DOMAIN_EVENT_ID_BLOCK_JOB,
      "block-job /a.img 4 3;",
      { .numbers = { 4, 3 }, TEXT("/a.img") },
      326, "N D '/a.img 00000004 00000003", 241, NULL },
    { VIR_DOMAIN_EVENT_ID_DISK_CHANGE,
      "disk-change /old <null> ide0 1;",
      { .numbers = { 1 }, THREE("/old", NULL, "ide0") },
      327, "N D 00000001 '/old 00000000 'ide0 00000001", 248, NULL },
    { VIR_DOMAIN_EVENT_ID_TRAY_CHANGE,
      "tray cd0 1;",
      { .numbers = { 1 }, TEXT("cd0") },
      328, "N D 'cd0 00000001", 268, NULL },
    { VIR_DOMAIN_EVENT_ID_PMWAKEUP,
      "number 0;",
      { { 0 } },
      329, "N 00000000 D", 269, "D" },
    { VIR_DOMAIN_EVENT_ID_PMSUSPEND,
      "number 0;",
      { { 0 } },
      330, "N 00000000 D", 270, "D" },
    { VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE,
      "amount 18446744073709551615;",
      { .amounts = { G_MAXUINT64 } },
      331, "N D ffffffff ffffffff", 276, NULL },
    { VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK,
      "number 0;",
      { { 0 } },
      332, "N 00000000 D", 292, "D" },
    { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
      "device net0;",
      { TEXT("net0") },
      333, "N D 'net0", 311, NULL },
    { VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
      "block-job vda 2 0;",
      { .numbers = { 2, 0 }, TEXT("vda") },
      339, "N D 'vda 00000002 00000000", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_TUNABLE,
      "params blkdeviotune.disk=vda blkdeviotune.total_bytes_sec=18446744073709551615;",
      { .nparams = G_N_ELEMENTS(tunables), .params = tunables },
      346, "N D 00000002 'blkdeviotune.disk 00000007 'vda 'blkdeviotune.total_bytes_sec "
           "00000004 ffffffff ffffffff", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
      "agent 1 2;",
      { .numbers = { 1, 2 } },
      348, "N D 00000001 00000002", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
      "device net1;",
      { TEXT("net1") },
      354, "N D 'net1", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
      "number 7;",
      { .numbers = { 7 } },
      359, "N D 00000007", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
      "params operation=-5 u=4294967295 l=-9223372036854775808 d=0.5 success=1 errmsg=;",
      { .nparams = G_N_ELEMENTS(statistics), .params = statistics },
      363, "N D 00000006 'operation 00000001 fffffffb 'u 00000002 ffffffff 'l 00000003 "
           "80000000 00000000 'd 00000005 3fe00000 00000000 'success 00000006 00000001 "
           "'errmsg 00000007 '", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
      "device net2;",
      { TEXT("net2") },
      367, "N D 'net2", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
      "metadata 0 <null>;",
      { TEXT(NULL) },
      379, "N D 00000000 00000000", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD,
      "threshold vda[2] <null> 100 7;",
      { .amounts = { 100, 7 }, TEXTS("vda[2]", NULL) },
      385, "N D 'vda[2] 00000000 00000000 00000064 00000000 00000007", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE,
      "memory-failure 1 3 2;",
      { .numbers = { 1, 3, 2 } },
      423, "N D 00000001 00000003 00000002", 0, NULL },
    { VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
      "memory-size mem0 1048576;",
      { .amounts = { 1048576 }, TEXT("mem0") },
      438, "N D 'mem0 00000000 00100000", 0, NULL },
};

/* A text as the protocol has it. */
static void
appendText(GString *payload, const char *text)
{
    size_t len = strlen(text);
    size_t i;

    g_string_append_printf(payload, "%08x", (unsigned int)len);
    for (i = 0; i < (len + 3) / 4 * 4; i++)
        g_string_append_printf(payload, "%02x", i < len ? (unsigned char)text[i] : 0);
}

char *
typedEventPayload(const char *wire, int number)
{
    g_auto(GStrv) words = g_strsplit(wire, " ", 0);
    GString *payload = g_string_new(NULL);
    size_t i;

    for (i = 0; words[i]; i++) {
        if (strcmp(words[i], "N") == 0)
            g_string_append_printf(payload, "%08x", (unsigned int)number);
        else if (strcmp(words[i], "D") == 0)
            g_string_append(payload, "0000000267310000" "11111111111111111111111111111111"
                                     "00000001");
        else if (words[i][0] == '\'')
            appendText(payload, words[i] + 1);
        else
            g_string_append(payload, words[i]);
    }
    return g_string_free(payload, FALSE);
}

char *
typedEventOldPayload(const typedEvent *event)
{
    return typedEventPayload(event->oldWire ? event->oldWire : event->wire + strlen("N "), 0);
}

static const char *
orNull(const char *text)
{
    return text ? text : "<null>";
}

#define UNUSED_HEAD virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED

static int
onLifecycle(UNUSED_HEAD, int event, int detail, void *opaque)
{
    g_string_append_printf(opaque, "lifecycle %d %d;", event, detail);
    return 0;
}

static void
onGeneric(UNUSED_HEAD, void *opaque)
{
    g_string_append(opaque, "generic;");
}

static void
onRTC(UNUSED_HEAD, long long offset, void *opaque)
{
    g_string_append_printf(opaque, "rtc %lld;", offset);
}

static void
onNumber(UNUSED_HEAD, int number, void *opaque)
{
    g_string_append_printf(opaque, "number %d;", number);
}

static void
onAmount(UNUSED_HEAD, unsigned long long amount, void *opaque)
{
    g_string_append_printf(opaque, "amount %llu;", amount);
}

static void
onDevice(UNUSED_HEAD, const char *alias, void *opaque)
{
    g_string_append_printf(opaque, "device %s;", alias);
}

static void
onIOError(UNUSED_HEAD, const char *path, const char *alias, int action, void *opaque)
{
    g_string_append_printf(opaque, "io-error %s %s %d;", path, alias, action);
}

static void
onIOErrorReason(UNUSED_HEAD, const char *path, const char *alias, int action, const char *reason,
                void *opaque)
{
    g_string_append_printf(opaque, "io-error-reason %s %s %d %s;", path, alias, action, reason);
}

static void
onGraphics(UNUSED_HEAD, int phase, const virDomainEventGraphicsAddress *local,
           const virDomainEventGraphicsAddress *remote, const char *scheme,
           const virDomainEventGraphicsSubject *subject, void *opaque)
{
    int i;

    g_string_append_printf(opaque, "graphics %d %d[%s]%s %d[%s]%s %s", phase, local->family,
                           local->node, local->service, remote->family, remote->node,
                           remote->service, scheme);
    for (i = 0; i < subject->nidentity; i++)
        g_string_append_printf(opaque, " %s=%s", subject->identities[i].type,
                               subject->identities[i].name);
    g_string_append_c(opaque, ';');
}

static void
onBlockJob(UNUSED_HEAD, const char *disk, int type, int status, void *opaque)
{
    g_string_append_printf(opaque, "block-job %s %d %d;", disk, type, status);
}

static void
onDiskChange(UNUSED_HEAD, const char *oldPath, const char *newPath, const char *alias, int reason,
             void *opaque)
{
    g_string_append_printf(opaque, "disk-change %s %s %s %d;", orNull(oldPath), orNull(newPath),
                           alias, reason);
}

static void
onTray(UNUSED_HEAD, const char *alias, int reason, void *opaque)
{
    g_string_append_printf(opaque, "tray %s %d;", alias, reason);
}

static void
onAgent(UNUSED_HEAD, int state, int reason, void *opaque)
{
    g_string_append_printf(opaque, "agent %d %d;", state, reason);
}

static void
onParams(UNUSED_HEAD, virTypedParameterPtr params, int nparams, void *opaque)
{
    int i;

    g_string_append(opaque, "params");
    for (i = 0; i < nparams; i++) {
        g_string_append_printf(opaque, " %s=", params[i].field);
        switch (params[i].type) {
        case VIR_TYPED_PARAM_INT:
            g_string_append_printf(opaque, "%d", params[i].value.i);
            break;
        case VIR_TYPED_PARAM_UINT:
            g_string_append_printf(opaque, "%u", params[i].value.ui);
            break;
        case VIR_TYPED_PARAM_LLONG:
            g_string_append_printf(opaque, "%lld", params[i].value.l);
            break;
        case VIR_TYPED_PARAM_ULLONG:
            g_string_append_printf(opaque, "%llu", params[i].value.ul);
            break;
        case VIR_TYPED_PARAM_DOUBLE:
            g_string_append_printf(opaque, "%g", params[i].value.d);
            break;
        case VIR_TYPED_PARAM_BOOLEAN:
            g_string_append_printf(opaque, "%d", params[i].value.b);
            break;
        case VIR_TYPED_PARAM_STRING:
            g_string_append(opaque, params[i].value.s);
            break;
        default:
            g_assert_not_reached();
        }
    }
    g_string_append_c(opaque, ';');
}

static void
onMetadata(UNUSED_HEAD, int type, const char *uri, void *opaque)
{
    g_string_append_printf(opaque, "metadata %d %s;", type, orNull(uri));
}

static void
onThreshold(UNUSED_HEAD, const char *dev, const char *path, unsigned long long threshold,
            unsigned long long excess, void *opaque)
{
    g_string_append_printf(opaque, "threshold %s %s %llu %llu;", dev, orNull(path), threshold,
                           excess);
}

static void
onMemoryFailure(UNUSED_HEAD, int recipient, int action, unsigned int flags, void *opaque)
{
    g_string_append_printf(opaque, "memory-failure %d %d %u;", recipient, action, flags);
}

static void
onMemorySize(UNUSED_HEAD, const char *alias, unsigned long long size, void *opaque)
{
    g_string_append_printf(opaque, "memory-size %s %llu;", alias, size);
}

virConnectDomainEventGenericCallback
typedEventCallback(int eventID)
{
    switch ((virDomainEventID)eventID) {
    case VIR_DOMAIN_EVENT_ID_LIFECYCLE:
        return VIR_DOMAIN_EVENT_CALLBACK(onLifecycle);
    case VIR_DOMAIN_EVENT_ID_RTC_CHANGE:
        return VIR_DOMAIN_EVENT_CALLBACK(onRTC);
    case VIR_DOMAIN_EVENT_ID_WATCHDOG:
    case VIR_DOMAIN_EVENT_ID_PMWAKEUP:
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND:
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK:
    case VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION:
        return VIR_DOMAIN_EVENT_CALLBACK(onNumber);
    case VIR_DOMAIN_EVENT_ID_IO_ERROR:
        return VIR_DOMAIN_EVENT_CALLBACK(onIOError);
    case VIR_DOMAIN_EVENT_ID_GRAPHICS:
        return VIR_DOMAIN_EVENT_CALLBACK(onGraphics);
    case VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON:
        return VIR_DOMAIN_EVENT_CALLBACK(onIOErrorReason);
    case VIR_DOMAIN_EVENT_ID_BLOCK_JOB:
    case VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2:
        return VIR_DOMAIN_EVENT_CALLBACK(onBlockJob);
    case VIR_DOMAIN_EVENT_ID_DISK_CHANGE:
        return VIR_DOMAIN_EVENT_CALLBACK(onDiskChange);
    case VIR_DOMAIN_EVENT_ID_TRAY_CHANGE:
        return VIR_DOMAIN_EVENT_CALLBACK(onTray);
    case VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE:
        return VIR_DOMAIN_EVENT_CALLBACK(onAmount);
    case VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED:
    case VIR_DOMAIN_EVENT_ID_DEVICE_ADDED:
    case VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED:
        return VIR_DOMAIN_EVENT_CALLBACK(onDevice);
    case VIR_DOMAIN_EVENT_ID_TUNABLE:
    case VIR_DOMAIN_EVENT_ID_JOB_COMPLETED:
        return VIR_DOMAIN_EVENT_CALLBACK(onParams);
    case VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE:
        return VIR_DOMAIN_EVENT_CALLBACK(onAgent);
    case VIR_DOMAIN_EVENT_ID_METADATA_CHANGE:
        return VIR_DOMAIN_EVENT_CALLBACK(onMetadata);
    case VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD:
        return VIR_DOMAIN_EVENT_CALLBACK(onThreshold);
    case VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE:
        return VIR_DOMAIN_EVENT_CALLBACK(onMemoryFailure);
    case VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE:
        return VIR_DOMAIN_EVENT_CALLBACK(onMemorySize);
    case VIR_DOMAIN_EVENT_ID_REBOOT:
    case VIR_DOMAIN_EVENT_ID_CONTROL_ERROR:
    default:
        return onGeneric;
    }
}
