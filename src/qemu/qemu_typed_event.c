/*
 * qemu_typed_event.c: libvirt's domain events that follow from QEMU's
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_typed_event.h"

#include <stdlib.h>
#include <string.h>

/* The port at which a guest's agent listens. */
#define QEMU_TYPED_AGENT_PORT "org.qemu.guest_agent.0"

/* --- reading the data --- */

static void
qemuTypedDrift(qemuTypedEventMaker *maker, const char *what)
{
    if (!maker->drift)
        maker->drift = what;
}

/* A member of @object, or an empty text. */
static const char *
qemuTypedText(qemuTypedEventMaker *maker, const virJSONValue *object, const char *key)
{
    const char *text = virJSONValueObjectGetString(object, key);

    if (!text)
        qemuTypedDrift(maker, key);
    return text ? text : "";
}

static gint64
qemuTypedNumber(qemuTypedEventMaker *maker, const virJSONValue *object, const char *key)
{
    gint64 number = 0;

    if (virJSONValueObjectGetInt64(object, key, &number) < 0)
        qemuTypedDrift(maker, key);
    return number;
}

static unsigned long long
qemuTypedAmount(qemuTypedEventMaker *maker, const char *key)
{
    gint64 number = qemuTypedNumber(maker, maker->data, key);

    if (number < 0)
        qemuTypedDrift(maker, key);
    return MAX(number, 0);
}

static bool
qemuTypedBoolean(qemuTypedEventMaker *maker, const virJSONValue *object, const char *key)
{
    bool boolean = false;

    if (virJSONValueObjectGetBoolean(object, key, &boolean) < 0)
        qemuTypedDrift(maker, key);
    return boolean;
}

/* A member that is one of @words, of which libvirt's values are the places; 0 if it is another. */
static int
qemuTypedWord(qemuTypedEventMaker *maker, const virJSONValue *object, const char *key,
              const char *const *words)
{
    const char *text = virJSONValueObjectGetString(object, key);
    int i;

    for (i = 0; text && words[i]; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    qemuTypedDrift(maker, key);
    return 0;
}

static unsigned long long
qemuTypedKiB(unsigned long long bytes)
{
    return bytes / 1024 + (bytes % 1024 > 0);
}

static void
qemuTypedEmit(qemuTypedEventMaker *maker, virDomainEventID eventID, const virDomainEventArgs *args)
{
    if (maker->wanted & (G_GUINT64_CONSTANT(1) << eventID))
        maker->add(virDomainEventNew(maker->ident, eventID, args), maker->opaque);
}

/* --- names --- */

/* The alias of the device at @path, which may be its alias itself; NULL if it has none. To be
 * freed by the caller. */
static char *
qemuTypedAlias(const char *path)
{
    static const char prefix[] = "/machine/peripheral/";

    if (!path || !*path)
        return NULL;
    if (*path != '/')
        return g_strdup(path);
    if (!g_str_has_prefix(path, prefix))
        return NULL;
    path += strlen(prefix);
    return g_strndup(path, strcspn(path, "/"));
}

/* What a drive is called without the prefix that libvirt gives to its own. */
static const char *
qemuTypedDriveName(const char *drive)
{
    return g_str_has_prefix(drive, "drive-") ? drive + strlen("drive-") : drive;
}

/* The one in query-block's answer that bears any of these names; each may be NULL or empty. */
static const virJSONValue *
qemuTypedFindDisk(qemuTypedEventMaker *maker, const char *drive, const char *node,
                  const char *device)
{
    size_t count = MIN(virJSONValueArraySize(maker->answer), QEMU_TYPED_EVENT_DISKS_MAX);
    size_t i;

    for (i = 0; i < count; i++) {
        const virJSONValue *disk = virJSONValueArrayGet(maker->answer, i);
        const virJSONValue *inserted = virJSONValueObjectGetObject(disk, "inserted");
        const char *names[] = { virJSONValueObjectGetString(disk, "device"),
                                virJSONValueObjectGetString(inserted, "node-name"),
                                virJSONValueObjectGetString(disk, "qdev") };

        if ((drive && *drive && g_strcmp0(drive, names[0]) == 0) ||
            (node && *node && g_strcmp0(node, names[1]) == 0) ||
            (device && *device && g_strcmp0(device, names[2]) == 0))
            return disk;
    }
    return NULL;
}

/* The file behind it, or NULL. */
static const char *
qemuTypedDiskPath(const virJSONValue *disk)
{
    return virJSONValueObjectGetString(virJSONValueObjectGetObject(disk, "inserted"), "file");
}

/* The file of a node, which is in the answer about all nodes; NULL if it has none. */
static const char *
qemuTypedNodePath(qemuTypedEventMaker *maker, const char *name)
{
    size_t count = MIN(virJSONValueArraySize(maker->answer), QEMU_TYPED_EVENT_DISKS_MAX);
    size_t i;

    for (i = 0; i < count; i++) {
        const virJSONValue *node = virJSONValueArrayGet(maker->answer, i);

        if (g_strcmp0(virJSONValueObjectGetString(node, "node-name"), name) == 0)
            return virJSONValueObjectGetString(node, "file");
    }
    return NULL;
}

/* --- a function for each row --- */

static void
qemuTypedReboot(qemuTypedEventMaker *maker)
{
    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_REBOOT, &(virDomainEventArgs) { { 0 } });
}

static void
qemuTypedRTCChange(qemuTypedEventMaker *maker)
{
    const virDomainEventArgs args = {
        .amounts = { qemuTypedNumber(maker, maker->data, "offset") },
    };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_RTC_CHANGE, &args);
}

static void
qemuTypedWatchdog(qemuTypedEventMaker *maker)
{
    static const char *const actions[] = {
        "none", "pause", "reset", "poweroff", "shutdown", "debug", "inject-nmi", NULL,
    };
    const virDomainEventArgs args = {
        .numbers = { qemuTypedWord(maker, maker->data, "action", actions) },
    };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_WATCHDOG, &args);
}

static void
qemuTypedIOError(qemuTypedEventMaker *maker)
{
    static const char *const actions[] = { "ignore", "stop", "report", NULL };
    const char *drive = virJSONValueObjectGetString(maker->data, "device");
    const char *node = virJSONValueObjectGetString(maker->data, "node-name");
    const char *device = virJSONValueObjectGetString(maker->data, "qom-path");
    const virJSONValue *disk = qemuTypedFindDisk(maker, drive, node, device);
    g_autofree char *alias = qemuTypedAlias(device ? device :
                                            virJSONValueObjectGetString(disk, "qdev"));
    const char *path = qemuTypedDiskPath(disk);
    bool full = false;

    if (!drive && !node && !device)
        qemuTypedDrift(maker, "device");
    if (!alias && drive && *drive)
        alias = g_strdup(qemuTypedDriveName(drive));
    virJSONValueObjectGetBoolean(maker->data, "nospace", &full);
    {
        const virDomainEventArgs args = {
            .numbers = { qemuTypedWord(maker, maker->data, "action", actions) },
            VIR_DOMAIN_EVENT_TEXTS(path ? path : "", alias ? alias : node ? node : "",
                                   full ? "enospc" : ""),
        };

        qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_IO_ERROR, &args);
        qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, &args);
    }
}

/* @service: how the address calls its port. */
static void
qemuTypedGraphics(qemuTypedEventMaker *maker, int phase, const char *service)
{
    static const char *const families[] = { "ipv4", "ipv6", "unix", NULL };
    static const char *const identities[][2] = {
        { "x509_dname", "x509dname" }, { "sasl_username", "saslUsername" },
    };
    const virJSONValue *server = virJSONValueObjectGetObject(maker->data, "server");
    const virJSONValue *client = virJSONValueObjectGetObject(maker->data, "client");
    const char *scheme = virJSONValueObjectGetString(server, "auth");
    const char *texts[5 + 2 * G_N_ELEMENTS(identities)] = {
        qemuTypedText(maker, server, "host"), qemuTypedText(maker, server, service),
        qemuTypedText(maker, client, "host"), qemuTypedText(maker, client, service),
        scheme ? scheme : "",
    };
    virDomainEventArgs args = {
        .numbers = { phase, qemuTypedWord(maker, server, "family", families),
                     qemuTypedWord(maker, client, "family", families) },
        .texts = texts,
        .ntexts = 5,
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(identities); i++) {
        const char *name = virJSONValueObjectGetString(client, identities[i][0]);

        if (name) {
            texts[args.ntexts++] = identities[i][1];
            texts[args.ntexts++] = name;
        }
    }
    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_GRAPHICS, &args);
}

static void
qemuTypedVNCConnected(qemuTypedEventMaker *maker)
{
    qemuTypedGraphics(maker, VIR_DOMAIN_EVENT_GRAPHICS_CONNECT, "service");
}

static void
qemuTypedVNCInitialized(qemuTypedEventMaker *maker)
{
    qemuTypedGraphics(maker, VIR_DOMAIN_EVENT_GRAPHICS_INITIALIZE, "service");
}

static void
qemuTypedVNCDisconnected(qemuTypedEventMaker *maker)
{
    qemuTypedGraphics(maker, VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT, "service");
}

static void
qemuTypedSPICEConnected(qemuTypedEventMaker *maker)
{
    qemuTypedGraphics(maker, VIR_DOMAIN_EVENT_GRAPHICS_CONNECT, "port");
}

static void
qemuTypedSPICEInitialized(qemuTypedEventMaker *maker)
{
    qemuTypedGraphics(maker, VIR_DOMAIN_EVENT_GRAPHICS_INITIALIZE, "port");
}

static void
qemuTypedSPICEDisconnected(qemuTypedEventMaker *maker)
{
    qemuTypedGraphics(maker, VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT, "port");
}

/* The job's name is that of its disk, unless whoever started it gave it another. */
static void
qemuTypedBlockJob(qemuTypedEventMaker *maker, int type, int status)
{
    const char *job = qemuTypedText(maker, maker->data, "device");
    const char *path = qemuTypedDiskPath(qemuTypedFindDisk(maker, job, job, job));
    const virDomainEventArgs args = { .numbers = { type, status },
                                      VIR_DOMAIN_EVENT_TEXTS(path ? path : job) };
    const virDomainEventArgs args2 = { .numbers = { type, status },
                                       VIR_DOMAIN_EVENT_TEXTS(qemuTypedDriveName(job)) };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_BLOCK_JOB, &args);
    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, &args2);
}

static int
qemuTypedBlockJobType(qemuTypedEventMaker *maker)
{
    static const char *const types[] = { "", "stream", "mirror", "commit", "", "backup", NULL };

    return qemuTypedWord(maker, maker->data, "type", types);
}

/* Of commits, only those of a disk in use become ready. */
static void
qemuTypedBlockJobReady(qemuTypedEventMaker *maker)
{
    const char *job = virJSONValueObjectGetString(maker->data, "device");
    int type = qemuTypedBlockJobType(maker);

    if (type == VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT) {
        type = VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
        if (job && g_hash_table_size(maker->commits) < QEMU_TYPED_EVENT_COMMITS_MAX)
            g_hash_table_add(maker->commits, g_strdup(job));
    }
    qemuTypedBlockJob(maker, type, VIR_DOMAIN_BLOCK_JOB_READY);
}

static void
qemuTypedBlockJobEnd(qemuTypedEventMaker *maker, int status)
{
    const char *job = virJSONValueObjectGetString(maker->data, "device");
    int type = qemuTypedBlockJobType(maker);

    if (job && g_hash_table_remove(maker->commits, job) &&
        type == VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT)
        type = VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
    qemuTypedBlockJob(maker, type, status);
}

static void
qemuTypedBlockJobCompleted(qemuTypedEventMaker *maker)
{
    bool done = !virJSONValueObjectGet(maker->data, "error") &&
                qemuTypedNumber(maker, maker->data, "offset") ==
                qemuTypedNumber(maker, maker->data, "len");

    qemuTypedBlockJobEnd(maker, done ? VIR_DOMAIN_BLOCK_JOB_COMPLETED :
                                       VIR_DOMAIN_BLOCK_JOB_FAILED);
}

static void
qemuTypedBlockJobCancelled(qemuTypedEventMaker *maker)
{
    qemuTypedBlockJobEnd(maker, VIR_DOMAIN_BLOCK_JOB_CANCELED);
}

static void
qemuTypedTrayMoved(qemuTypedEventMaker *maker)
{
    g_autofree char *alias = qemuTypedAlias(qemuTypedText(maker, maker->data, "id"));
    const char *drive = virJSONValueObjectGetString(maker->data, "device");
    int reason = qemuTypedBoolean(maker, maker->data, "tray-open") ?
        VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN : VIR_DOMAIN_EVENT_TRAY_CHANGE_CLOSE;
    const virDomainEventArgs args = {
        .numbers = { reason },
        VIR_DOMAIN_EVENT_TEXTS(alias ? alias : drive ? qemuTypedDriveName(drive) : ""),
    };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, &args);
}

static void
qemuTypedBalloonChange(qemuTypedEventMaker *maker)
{
    const virDomainEventArgs args = {
        .amounts = { qemuTypedKiB(qemuTypedAmount(maker, "actual")) },
    };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, &args);
}

/* The reason is always 0. */
static void
qemuTypedPMSuspend(qemuTypedEventMaker *maker)
{
    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_PMSUSPEND, &(virDomainEventArgs) { { 0 } });
}

static void
qemuTypedPMSuspendDisk(qemuTypedEventMaker *maker)
{
    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, &(virDomainEventArgs) { { 0 } });
}

static void
qemuTypedPMWakeup(qemuTypedEventMaker *maker)
{
    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_PMWAKEUP, &(virDomainEventArgs) { { 0 } });
}

/* What has no alias is a part of a device, or one that nobody can name. */
static void
qemuTypedDevice(qemuTypedEventMaker *maker, virDomainEventID eventID)
{
    const char *device = virJSONValueObjectGetString(maker->data, "device");
    const virDomainEventArgs args = { VIR_DOMAIN_EVENT_TEXTS(device) };

    if (device)
        qemuTypedEmit(maker, eventID, &args);
    else
        qemuTypedText(maker, maker->data, "path");
}

static void
qemuTypedDeviceDeleted(qemuTypedEventMaker *maker)
{
    qemuTypedDevice(maker, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED);
}

static void
qemuTypedDeviceUnplugGuestError(qemuTypedEventMaker *maker)
{
    qemuTypedDevice(maker, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED);
}

/* An answer by which a guest keeps a memory module that it was asked for. Sources and statuses are
 * those of ACPI's _OST, and of them those that libvirt goes by: asked by the host, or by a button;
 * failed, or one of the reasons to refuse. */
static void
qemuTypedAcpiDeviceOST(qemuTypedEventMaker *maker)
{
    const virJSONValue *info = virJSONValueObjectGetObject(maker->data, "info");
    const char *device = virJSONValueObjectGetString(info, "device");
    bool module = strcmp(qemuTypedText(maker, info, "slot-type"), "DIMM") == 0;
    gint64 source = qemuTypedNumber(maker, info, "source");
    gint64 status = qemuTypedNumber(maker, info, "status");
    const virDomainEventArgs args = { VIR_DOMAIN_EVENT_TEXTS(device) };

    if (device && module && (source == 0x003 || source == 0x103) &&
        (status == 0x01 || (status >= 0x80 && status <= 0x83)))
        qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, &args);
}

/* As QEMU answers; if it doesn't, as it did before: it may have ended by then. */
static bool
qemuTypedIsAgentPort(qemuTypedEventMaker *maker)
{
    const char *id = virJSONValueObjectGetString(maker->data, "id");
    const char *name = virJSONValueGetString(maker->answer);

    if (!id)
        return false;
    if (!name)
        return g_hash_table_contains(maker->agentPorts, id);
    if (strcmp(name, QEMU_TYPED_AGENT_PORT) != 0) {
        g_hash_table_remove(maker->agentPorts, id);
        return false;
    }
    if (g_hash_table_size(maker->agentPorts) < QEMU_TYPED_EVENT_PORTS_MAX)
        g_hash_table_add(maker->agentPorts, g_strdup(id));
    return true;
}

static void
qemuTypedPortChange(qemuTypedEventMaker *maker)
{
    bool open = qemuTypedBoolean(maker, maker->data, "open");
    const virDomainEventArgs args = {
        .numbers = { open ? VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED :
                            VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED,
                     VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL },
    };

    if (qemuTypedIsAgentPort(maker))
        qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, &args);
}

static void
qemuTypedMigrationPass(qemuTypedEventMaker *maker)
{
    gint64 pass = qemuTypedNumber(maker, maker->data, "pass");
    const virDomainEventArgs args = { .numbers = { (int)CLAMP(pass, 0, G_MAXINT) } };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, &args);
}

/* What is told of a job that is done. More than there are names for it. */
typedef struct {
    virTypedParameter params[32];
    size_t count;
} qemuTypedStatistics;

static virTypedParameterPtr
qemuTypedAddParam(qemuTypedStatistics *statistics, const char *field, int type)
{
    virTypedParameterPtr param;

    g_assert(statistics->count < G_N_ELEMENTS(statistics->params));
    param = &statistics->params[statistics->count++];
    g_strlcpy(param->field, field, sizeof(param->field));
    param->type = type;
    return param;
}

static void
qemuTypedAddInt(qemuTypedStatistics *statistics, const char *field, int value)
{
    qemuTypedAddParam(statistics, field, VIR_TYPED_PARAM_INT)->value.i = value;
}

static void
qemuTypedAddAmount(qemuTypedStatistics *statistics, const char *field, guint64 value)
{
    qemuTypedAddParam(statistics, field, VIR_TYPED_PARAM_ULLONG)->value.ul = value;
}

/* 0 if it isn't there, or makes no sense; never more than G_MAXINT64. */
static guint64
qemuTypedCounter(const virJSONValue *object, const char *key)
{
    gint64 number = 0;

    virJSONValueObjectGetInt64(object, key, &number);
    return MAX(number, 0);
}

/* Bytes a second, of QEMU's 10^6 bits a second; nothing if it is nothing or no rate. */
static void
qemuTypedAddRate(qemuTypedStatistics *statistics, const char *field, const virJSONValue *object)
{
    const char *text = virJSONValueGetNumberText(virJSONValueObjectGet(object, "mbps"));
    double rate = text ? g_ascii_strtod(text, NULL) * (1000 * 1000 / 8) : 0;

    if (rate >= 1 && rate < (double)G_MAXINT64)
        qemuTypedAddAmount(statistics, field, (guint64)rate);
}

/* Parts of QEMU's answer about a migration. */
typedef struct {
    const char *key, *field;
} qemuTypedCounterName;

static void
qemuTypedAddCounters(qemuTypedStatistics *statistics, const virJSONValue *object,
                     const qemuTypedCounterName *names, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        qemuTypedAddAmount(statistics, names[i].field, qemuTypedCounter(object, names[i].key));
}

static void
qemuTypedAddTimes(qemuTypedStatistics *statistics, const virJSONValue *answer)
{
    static const qemuTypedCounterName times[] = {
        { "total-time", VIR_DOMAIN_JOB_TIME_ELAPSED },
        { "downtime", VIR_DOMAIN_JOB_DOWNTIME },
        { "setup-time", VIR_DOMAIN_JOB_SETUP_TIME },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(times); i++) {
        if (virJSONValueObjectGet(answer, times[i].key))
            qemuTypedAddCounters(statistics, answer, &times[i], 1);
    }
}

static void
qemuTypedAddSums(qemuTypedStatistics *statistics, const virJSONValue *ram,
                 const virJSONValue *disk)
{
    static const qemuTypedCounterName sums[] = {
        { "total", VIR_DOMAIN_JOB_DATA_TOTAL },
        { "transferred", VIR_DOMAIN_JOB_DATA_PROCESSED },
        { "remaining", VIR_DOMAIN_JOB_DATA_REMAINING },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(sums); i++)
        qemuTypedAddAmount(statistics, sums[i].field, qemuTypedCounter(ram, sums[i].key) +
                                                      qemuTypedCounter(disk, sums[i].key));
}

static void
qemuTypedAddMemory(qemuTypedStatistics *statistics, const virJSONValue *ram)
{
    static const qemuTypedCounterName progress[] = {
        { "total", VIR_DOMAIN_JOB_MEMORY_TOTAL },
        { "transferred", VIR_DOMAIN_JOB_MEMORY_PROCESSED },
        { "remaining", VIR_DOMAIN_JOB_MEMORY_REMAINING },
    };
    static const qemuTypedCounterName pages[] = {
        { "duplicate", VIR_DOMAIN_JOB_MEMORY_CONSTANT },
        { "normal", VIR_DOMAIN_JOB_MEMORY_NORMAL },
        { "normal-bytes", VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES },
    };
    static const qemuTypedCounterName rounds[] = {
        { "dirty-pages-rate", VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE },
        { "dirty-sync-count", VIR_DOMAIN_JOB_MEMORY_ITERATION },
        { "postcopy-requests", VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS },
    };

    qemuTypedAddCounters(statistics, ram, progress, G_N_ELEMENTS(progress));
    qemuTypedAddRate(statistics, VIR_DOMAIN_JOB_MEMORY_BPS, ram);
    if (virJSONValueObjectGet(ram, pages[0].key))
        qemuTypedAddCounters(statistics, ram, pages, G_N_ELEMENTS(pages));
    qemuTypedAddCounters(statistics, ram, rounds, G_N_ELEMENTS(rounds));
    if (qemuTypedCounter(ram, "page-size") > 0)
        qemuTypedAddAmount(statistics, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE,
                           qemuTypedCounter(ram, "page-size"));
}

static void
qemuTypedAddDisk(qemuTypedStatistics *statistics, const virJSONValue *disk)
{
    static const qemuTypedCounterName progress[] = {
        { "total", VIR_DOMAIN_JOB_DISK_TOTAL },
        { "transferred", VIR_DOMAIN_JOB_DISK_PROCESSED },
        { "remaining", VIR_DOMAIN_JOB_DISK_REMAINING },
    };

    qemuTypedAddCounters(statistics, disk, progress, G_N_ELEMENTS(progress));
    qemuTypedAddRate(statistics, VIR_DOMAIN_JOB_DISK_BPS, disk);
}

static void
qemuTypedAddCompression(qemuTypedStatistics *statistics, const virJSONValue *xbzrle)
{
    static const qemuTypedCounterName counters[] = {
        { "cache-size", VIR_DOMAIN_JOB_COMPRESSION_CACHE },
        { "bytes", VIR_DOMAIN_JOB_COMPRESSION_BYTES },
        { "pages", VIR_DOMAIN_JOB_COMPRESSION_PAGES },
        { "cache-miss", VIR_DOMAIN_JOB_COMPRESSION_CACHE_MISSES },
        { "overflow", VIR_DOMAIN_JOB_COMPRESSION_OVERFLOW },
    };

    if (xbzrle)
        qemuTypedAddCounters(statistics, xbzrle, counters, G_N_ELEMENTS(counters));
}

/* As libvirt's of a migration, in its order: on the side that it goes away from, and when it has
 * succeeded. */
static void
qemuTypedMigration(qemuTypedEventMaker *maker)
{
    const virJSONValue *answer = maker->answer;
    const virJSONValue *ram = virJSONValueObjectGetObject(answer, "ram");
    const virJSONValue *disk = virJSONValueObjectGetObject(answer, "disk");
    guint64 throttle = qemuTypedCounter(answer, "cpu-throttle-percentage");
    qemuTypedStatistics statistics = { .count = 0 };

    if (maker->incoming ||
        strcmp(qemuTypedText(maker, maker->data, "status"), "completed") != 0)
        return;
    qemuTypedAddInt(&statistics, VIR_DOMAIN_JOB_OPERATION, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    if (answer) {
        qemuTypedAddTimes(&statistics, answer);
        qemuTypedAddSums(&statistics, ram, disk);
        qemuTypedAddMemory(&statistics, ram);
        qemuTypedAddDisk(&statistics, disk);
        qemuTypedAddCompression(&statistics,
                                virJSONValueObjectGetObject(answer, "xbzrle-cache"));
    }
    if (throttle > 0)
        qemuTypedAddInt(&statistics, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE,
                        (int)MIN(throttle, 100));
    {
        const virDomainEventArgs args = { .nparams = statistics.count,
                                          .params = statistics.params };

        qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, &args);
    }
}

static void
qemuTypedWriteThreshold(qemuTypedEventMaker *maker)
{
    const char *node = qemuTypedText(maker, maker->data, "node-name");
    const virDomainEventArgs args = {
        .amounts = { qemuTypedAmount(maker, "write-threshold"),
                     qemuTypedAmount(maker, "amount-exceeded") },
        VIR_DOMAIN_EVENT_TEXTS(node, qemuTypedNodePath(maker, node)),
    };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, &args);
}

static void
qemuTypedMemoryFailure(qemuTypedEventMaker *maker)
{
    static const char *const recipients[] = { "hypervisor", "guest", NULL };
    static const char *const actions[] = { "ignore", "inject", "fatal", "reset", NULL };
    const virJSONValue *flags = virJSONValueObjectGetObject(maker->data, "flags");
    int bits = 0;

    if (qemuTypedBoolean(maker, flags, "action-required"))
        bits |= VIR_DOMAIN_MEMORY_FAILURE_ACTION_REQUIRED;
    if (qemuTypedBoolean(maker, flags, "recursive"))
        bits |= VIR_DOMAIN_MEMORY_FAILURE_RECURSIVE;
    {
        const virDomainEventArgs args = {
            .numbers = { qemuTypedWord(maker, maker->data, "recipient", recipients),
                         qemuTypedWord(maker, maker->data, "action", actions), bits },
        };

        qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE, &args);
    }
}

static void
qemuTypedMemorySizeChange(qemuTypedEventMaker *maker)
{
    const char *id = virJSONValueObjectGetString(maker->data, "id");
    g_autofree char *alias =
        qemuTypedAlias(id ? id : virJSONValueObjectGetString(maker->data, "qom-path"));
    const virDomainEventArgs args = {
        .amounts = { qemuTypedKiB(qemuTypedAmount(maker, "size")) },
        VIR_DOMAIN_EVENT_TEXTS(alias ? alias : ""),
    };

    qemuTypedEmit(maker, VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE, &args);
}

/* --- the table --- */

#define KIND(name) (G_GUINT64_CONSTANT(1) << VIR_DOMAIN_EVENT_ID_##name)
#define JOB (KIND(BLOCK_JOB) | KIND(BLOCK_JOB_2))
#define NAME(event) #event, sizeof(#event) - 1
/* An event from which only lifecycle events follow. @data: whether they depend on its data. */
#define LIFE(event, data) \
    { NAME(event), QEMU_LIFECYCLE_##event, data, NULL, QEMU_TYPED_ASK_NOTHING, 0, NULL }
/* One from which only others do, and one from which both do. */
#define TYPED(event, ask, kinds, make) \
    { NAME(event), QEMU_LIFECYCLE_NONE, false, NULL, QEMU_TYPED_ASK_##ask, kinds, qemuTyped##make }
#define BOTH(event, data, word, ask, kinds, make) \
    { NAME(event), QEMU_LIFECYCLE_##event, data, word, QEMU_TYPED_ASK_##ask, kinds, \
      qemuTyped##make }

/* By name, as it is searched. */
static const qemuTypedEventRow qemuTypedEventRows[] = {
    TYPED(ACPI_DEVICE_OST, NOTHING, KIND(DEVICE_REMOVAL_FAILED), AcpiDeviceOST),
    TYPED(BALLOON_CHANGE, NOTHING, KIND(BALLOON_CHANGE), BalloonChange),
    BOTH(BLOCK_IO_ERROR, true, "stop", DISKS, KIND(IO_ERROR) | KIND(IO_ERROR_REASON), IOError),
    TYPED(BLOCK_JOB_CANCELLED, DISKS, JOB, BlockJobCancelled),
    TYPED(BLOCK_JOB_COMPLETED, DISKS, JOB, BlockJobCompleted),
    TYPED(BLOCK_JOB_READY, DISKS, JOB, BlockJobReady),
    TYPED(BLOCK_WRITE_THRESHOLD, NODES, KIND(BLOCK_THRESHOLD), WriteThreshold),
    TYPED(DEVICE_DELETED, NOTHING, KIND(DEVICE_REMOVED), DeviceDeleted),
    TYPED(DEVICE_TRAY_MOVED, NOTHING, KIND(TRAY_CHANGE), TrayMoved),
    TYPED(DEVICE_UNPLUG_GUEST_ERROR, NOTHING, KIND(DEVICE_REMOVAL_FAILED),
          DeviceUnplugGuestError),
    LIFE(GUEST_CRASHLOADED, false),
    LIFE(GUEST_PANICKED, false),
    TYPED(MEMORY_DEVICE_SIZE_CHANGE, NOTHING, KIND(MEMORY_DEVICE_SIZE_CHANGE), MemorySizeChange),
    TYPED(MEMORY_FAILURE, NOTHING, KIND(MEMORY_FAILURE), MemoryFailure),
    BOTH(MIGRATION, true, NULL, MIGRATION, KIND(JOB_COMPLETED), Migration),
    TYPED(MIGRATION_PASS, NOTHING, KIND(MIGRATION_ITERATION), MigrationPass),
    TYPED(RESET, NOTHING, KIND(REBOOT), Reboot),
    LIFE(RESUME, false),
    TYPED(RTC_CHANGE, NOTHING, KIND(RTC_CHANGE), RTCChange),
    LIFE(SHUTDOWN, true),
    TYPED(SPICE_CONNECTED, NOTHING, KIND(GRAPHICS), SPICEConnected),
    TYPED(SPICE_DISCONNECTED, NOTHING, KIND(GRAPHICS), SPICEDisconnected),
    TYPED(SPICE_INITIALIZED, NOTHING, KIND(GRAPHICS), SPICEInitialized),
    LIFE(STOP, false),
    BOTH(SUSPEND, false, NULL, NOTHING, KIND(PMSUSPEND), PMSuspend),
    BOTH(SUSPEND_DISK, false, NULL, NOTHING, KIND(PMSUSPEND_DISK), PMSuspendDisk),
    TYPED(VNC_CONNECTED, NOTHING, KIND(GRAPHICS), VNCConnected),
    TYPED(VNC_DISCONNECTED, NOTHING, KIND(GRAPHICS), VNCDisconnected),
    TYPED(VNC_INITIALIZED, NOTHING, KIND(GRAPHICS), VNCInitialized),
    TYPED(VSERPORT_CHANGE, PORT, KIND(AGENT_LIFECYCLE), PortChange),
    BOTH(WAKEUP, false, NULL, NOTHING, KIND(PMWAKEUP), PMWakeup),
    BOTH(WATCHDOG, true, "pause", NOTHING, KIND(WATCHDOG), Watchdog),
};

/* What is looked for, as it need not be terminated. */
typedef struct {
    const char *name;
    size_t len;
} qemuTypedEventKey;

static int
qemuTypedEventCompare(const void *a, const void *b)
{
    const qemuTypedEventKey *key = a;
    const qemuTypedEventRow *row = b;
    int order = memcmp(key->name, row->name, MIN(key->len, row->nameLen));

    return order != 0 ? order : (key->len > row->nameLen) - (key->len < row->nameLen);
}

const qemuTypedEventRow *
qemuTypedEventFind(const char *name, size_t len)
{
    const qemuTypedEventKey key = { name, len };

    return bsearch(&key, qemuTypedEventRows, G_N_ELEMENTS(qemuTypedEventRows),
                   sizeof(qemuTypedEventRows[0]), qemuTypedEventCompare);
}

bool
qemuTypedEventIsLife(const qemuTypedEventRow *row, const char *data, size_t len)
{
    return row->lifeData && data &&
        (!row->lifeWord || memmem(data, len, row->lifeWord, strlen(row->lifeWord)));
}

const qemuTypedEventRow *
qemuTypedEventGet(size_t i)
{
    return i < G_N_ELEMENTS(qemuTypedEventRows) ? &qemuTypedEventRows[i] : NULL;
}

char *
qemuTypedEventCommand(const qemuTypedEventRow *row, const virJSONValue *data)
{
    g_autoptr(GString) path = NULL;
    g_autofree char *device = NULL;
    const char *text;

    switch (row->ask) {
    case QEMU_TYPED_ASK_DISKS:
        return g_strdup("{\"execute\":\"query-block\"}");
    case QEMU_TYPED_ASK_NODES:
        /* Without what is below each, which has a node of its own. */
        return g_strdup("{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}");
    case QEMU_TYPED_ASK_PORT:
        if (!(text = virJSONValueObjectGetString(data, "id")) || !*text)
            return NULL;
        path = g_string_new(NULL);
        device = *text == '/' ? g_strdup(text) : g_strconcat("/machine/peripheral/", text, NULL);
        virJSONAppendString(path, device, strlen(device));
        return g_strdup_printf("{\"execute\":\"qom-get\",\"arguments\":{\"path\":%s,"
                               "\"property\":\"name\"}}", path->str);
    case QEMU_TYPED_ASK_MIGRATION:
        text = virJSONValueObjectGetString(data, "status");
        return g_strcmp0(text, "completed") == 0 ? g_strdup("{\"execute\":\"query-migrate\"}") :
                                                   NULL;
    case QEMU_TYPED_ASK_NOTHING:
    default:
        return NULL;
    }
}

void
qemuTypedEventMake(qemuTypedEventMaker *maker)
{
    if (maker->row->make)
        maker->row->make(maker);
}
