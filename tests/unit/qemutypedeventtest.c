/*
 * qemutypedeventtest.c: which domain events, with which arguments, follow from which of QEMU's
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_typed_event.h"

#include <string.h>

#include "typedevents.h"
#include "virerror_priv.h"

typedef struct {
    virConnectPtr conn;
    virDomainPtr dom;
    virDomainIdent *ident;
    GHashTable *commits, *agentPorts;
    GString *seen;                  /* what callbacks get */
    const char *drift;
} Fixture;

/* query-block's answer, as QEMU 7.2 gives it. */
static const char disks[] =
    "[{\"device\":\"drive-virtio-disk0\","
    "\"qdev\":\"/machine/peripheral/virtio-disk0/virtio-backend\","
    "\"inserted\":{\"file\":\"/a.qcow2\",\"node-name\":\"#block1\"}},"
    "{\"device\":\"\",\"qdev\":\"/machine/peripheral/vd1/virtio-backend\","
    "\"inserted\":{\"file\":\"/b.raw\",\"node-name\":\"fmt1\"}},"
    "{\"device\":\"cd\",\"qdev\":\"/machine/peripheral-anon/device[3]\"}]";

/* The same of query-named-block-nodes, with what matters. */
static const char nodes[] =
    "[{\"node-name\":\"fmt1\",\"drv\":\"qcow2\",\"file\":\"/b.qcow2\"},"
    "{\"node-name\":\"storage1\",\"drv\":\"file\",\"file\":\"/b.qcow2\"},"
    "{\"node-name\":\"bare\"},7]";

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1 };

    f->conn = virGetConnect();
    f->dom = virGetDomain(f->conn, "dom", uuid, 1);
    f->ident = virDomainIdentNew("dom", uuid, 1);
    f->commits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    f->agentPorts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    f->seen = g_string_new(NULL);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_string_free(f->seen, TRUE);
    g_hash_table_unref(f->commits);
    g_hash_table_unref(f->agentPorts);
    virDomainIdentUnref(f->ident);
    virDomainUnref(f->dom);
    virConnectUnref(f->conn);
    virResetLastError();
}

static void
onEvent(virObjectEvent *event, void *opaque)
{
    Fixture *f = opaque;
    const virObjectEventTarget target = {
        .conn = f->conn, .cb = typedEventCallback(event->eventID), .opaque = f->seen,
    };

    event->klass->dispatch(event, f->dom, &target);
    virObjectEventUnref(event);
}

static virJSONValue *
parse(const char *text)
{
    virJSONValue *json = text ? virJSONValueFromString(text, strlen(text)) : NULL;

    g_assert_true(json || !text);
    return json;
}

static void
make(Fixture *f, const char *name, const char *data, const char *answer, guint64 wanted)
{
    g_autoptr(virJSONValue) json = parse(data);
    g_autoptr(virJSONValue) answered = parse(answer);
    qemuTypedEventMaker maker = {
        .row = qemuTypedEventFind(name, strlen(name)), .data = json, .answer = answered,
        .wanted = wanted, .commits = f->commits,
        .agentPorts = f->agentPorts, .ident = f->ident, .add = onEvent, .opaque = f,
    };

    g_test_message("%s %s", name, data ? data : "");
    g_assert_nonnull(maker.row);
    g_string_truncate(f->seen, 0);
    qemuTypedEventMake(&maker);
    f->drift = maker.drift;
}

/* Nothing is missing in @data, and callbacks get @expected. */
static void
check(Fixture *f, const char *name, const char *data, const char *answer, const char *expected)
{
    make(f, name, data, answer, G_MAXUINT64);
    g_assert_cmpstr(f->seen->str, ==, expected);
    g_assert_cmpstr(f->drift, ==, NULL);
}

/* The table is what the list says. */
static void
testList(Fixture *f G_GNUC_UNUSED, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const names[] = {
        "lifecycle", "reboot", "rtc-change", "watchdog", "io-error", "graphics",
        "io-error-reason", "control-error", "block-job", "disk-change", "tray-change",
        "pm-wakeup", "pm-suspend", "balloon-change", "pm-suspend-disk", "device-removed",
        "block-job-2", "tunable", "agent-lifecycle", "device-added", "migration-iteration",
        "job-completed", "device-removal-failed", "metadata-change", "block-threshold",
        "memory-failure", "memory-device-size-change",
    };
    g_autofree char *path = g_build_filename(g_getenv("VIRTMON_SOURCE"), "src", "qemu",
                                             "qemu_typed_events.list", NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    GString *table = g_string_new(NULL);
    GString *list = g_string_new(NULL);
    const qemuTypedEventRow *row;
    size_t i, j;

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == TYPED_EVENTS);
    for (i = 0; (row = qemuTypedEventGet(i)); i++) {
        guint64 kinds = row->kinds | (row->life != QEMU_LIFECYCLE_NONE ? 1 : 0);

        /* By virsh's name, as the list has them. */
        for (j = 0; j < TYPED_EVENTS; j++) {
            if (kinds & (G_GUINT64_CONSTANT(1) << j))
                g_string_append_printf(table, "%s %s\n", row->name, names[j]);
        }
        g_assert_cmpint(row->kinds != 0, ==, row->make != NULL);
        g_assert_true(kinds != 0);
    }

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", 0);
    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", 0);

        if (words[0] && *words[0] && *words[0] != '#') {
            g_autofree char *number = g_strdup(words[1]);

            g_assert_cmpuint(g_strv_length(words), ==, 3);
            g_string_append_printf(list, "%s %s\n", words[0], words[1]);
            g_strdelimit(number, "-", '_');
            for (j = 0; number[j]; j++)
                number[j] = g_ascii_toupper(number[j]);
            /* libvirt writes these two without the first line. */
            if (g_str_has_prefix(number, "PM_"))
                memmove(number + 2, number + 3, strlen(number + 2));
            g_assert_true(g_str_has_prefix(words[2], "VIR_DOMAIN_EVENT_ID_"));
            g_assert_cmpstr(words[2] + strlen("VIR_DOMAIN_EVENT_ID_"), ==, number);
        }
    }
    {
        g_auto(GStrv) ours = g_strsplit(table->str, "\n", 0);
        g_auto(GStrv) theirs = g_strsplit(list->str, "\n", 0);

        g_assert_cmpuint(g_strv_length(ours), ==, g_strv_length(theirs));
        for (i = 0; ours[i]; i++)
            g_assert_true(g_strv_contains((const char *const *)theirs, ours[i]));
    }
    g_string_free(table, TRUE);
    g_string_free(list, TRUE);
}

static void
testFind(Fixture *f G_GNUC_UNUSED, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const others[] = {
        "", "S", "STO", "STOPP", "stop", "RESUMED", "RESE", "RESETS", "SHUTDOWN2", "SUSPEND_DIS",
        "WAKE", "MIGRATION_PAS", "DUMP_COMPLETED",
        "GUEST_PANICKEDX", "AAA", "ZZZ", "BLOCK_JOB_",
    };
    const qemuTypedEventRow *row;
    size_t i;

    for (i = 0; (row = qemuTypedEventGet(i)); i++) {
        g_autofree char *longer = g_strconcat(row->name, "_X", NULL);

        g_assert_true(qemuTypedEventFind(row->name, strlen(row->name)) == row);
        /* Not terminated; nor is a NUL the end. */
        g_assert_true(qemuTypedEventFind(longer, strlen(row->name)) == row);
        longer[strlen(row->name)] = '\0';
        g_assert_null(qemuTypedEventFind(longer, strlen(row->name) + 1));
    }
    for (i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_null(qemuTypedEventFind(others[i], strlen(others[i])));
}

#define OST(type, source, status) \
    "{\"info\":{\"device\":\"dimm0\",\"slot-type\":\"" type "\",\"slot\":\"0\",\"source\":" \
    #source ",\"status\":" #status "}}"

#define THRESHOLD(node) \
    "{\"node-name\":\"" node "\",\"amount-exceeded\":5,\"write-threshold\":4096}"

/* Every row, with data as QEMU sends it. */
static void
testArguments(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char vnc[] =
        "{\"server\":{\"auth\":\"sasl\",\"family\":\"ipv4\",\"service\":\"5900\","
        "\"host\":\"127.0.0.1\",\"websocket\":false},\"client\":{\"family\":\"ipv6\","
        "\"service\":\"4711\",\"host\":\"::1\",\"websocket\":false,\"x509_dname\":\"CN=me\","
        "\"sasl_username\":\"you\"}}";
    static const char spice[] =
        "{\"server\":{\"port\":\"5901\",\"family\":\"ipv4\",\"host\":\"127.0.0.1\"},"
        "\"client\":{\"port\":\"4712\",\"family\":\"ipv4\",\"host\":\"127.0.0.1\"}}";
    static const char viewer[] = "0[127.0.0.1]5900 1[::1]4711 sasl x509dname=CN=me "
                                 "saslUsername=you;";
    static const char spiceViewer[] = "0[127.0.0.1]5901 0[127.0.0.1]4712 ;";
    const struct {
        const char *name, *data, *answer, *expected;
    } tests[] = {
        { "RESET", "{\"guest\":true,\"reason\":\"guest-reset\"}", NULL, "generic;" },
        { "RTC_CHANGE", "{\"offset\":-7,\"qom-path\":\"/machine/unattached/device[8]\"}", NULL,
          "rtc -7;" },
        { "WATCHDOG", "{\"action\":\"none\"}", NULL, "number 0;" },
        { "WATCHDOG", "{\"action\":\"pause\"}", NULL, "number 1;" },
        { "WATCHDOG", "{\"action\":\"reset\"}", NULL, "number 2;" },
        { "WATCHDOG", "{\"action\":\"poweroff\"}", NULL, "number 3;" },
        { "WATCHDOG", "{\"action\":\"shutdown\"}", NULL, "number 4;" },
        { "WATCHDOG", "{\"action\":\"debug\"}", NULL, "number 5;" },
        { "WATCHDOG", "{\"action\":\"inject-nmi\"}", NULL, "number 6;" },
        { "BLOCK_IO_ERROR",
          "{\"device\":\"drive-virtio-disk0\",\"node-name\":\"#block1\",\"operation\":\"write\","
          "\"action\":\"stop\",\"nospace\":true,\"reason\":\"No space left on device\"}", disks,
          "io-error /a.qcow2 virtio-disk0 1;io-error-reason /a.qcow2 virtio-disk0 1 enospc;" },
        { "BLOCK_IO_ERROR",
          "{\"device\":\"\",\"node-name\":\"fmt1\",\"action\":\"report\",\"nospace\":false}",
          disks, "io-error /b.raw vd1 2;io-error-reason /b.raw vd1 2 ;" },
        { "BLOCK_IO_ERROR", "{\"qom-path\":\"/machine/peripheral/vd1/virtio-backend\","
                            "\"action\":\"ignore\"}",
          disks, "io-error /b.raw vd1 0;io-error-reason /b.raw vd1 0 ;" },
        /* QEMU did not answer, or does not know. */
        { "BLOCK_IO_ERROR", "{\"device\":\"drive-ide0\",\"action\":\"stop\"}", NULL,
          "io-error  ide0 1;io-error-reason  ide0 1 ;" },
        { "BLOCK_IO_ERROR", "{\"device\":\"\",\"node-name\":\"n\",\"action\":\"stop\"}", disks,
          "io-error  n 1;io-error-reason  n 1 ;" },
        { "BLOCK_JOB_COMPLETED",
          "{\"device\":\"drive-virtio-disk0\",\"len\":9,\"offset\":9,\"speed\":0,"
          "\"type\":\"stream\"}",
          disks, "block-job /a.qcow2 1 0;block-job virtio-disk0 1 0;" },
        { "BLOCK_JOB_COMPLETED",
          "{\"device\":\"job0\",\"len\":9,\"offset\":8,\"speed\":0,\"type\":\"mirror\"}", disks,
          "block-job job0 2 1;block-job job0 2 1;" },
        { "BLOCK_JOB_COMPLETED",
          "{\"device\":\"job0\",\"len\":9,\"offset\":9,\"type\":\"backup\",\"error\":\"x\"}", NULL,
          "block-job job0 5 1;block-job job0 5 1;" },
        { "BLOCK_JOB_CANCELLED",
          "{\"device\":\"job0\",\"len\":9,\"offset\":1,\"type\":\"commit\"}", NULL,
          "block-job job0 3 2;block-job job0 3 2;" },
        /* A commit of a disk in use, until it is over. */
        { "BLOCK_JOB_READY", "{\"device\":\"job0\",\"len\":9,\"offset\":9,\"type\":\"commit\"}",
          NULL, "block-job job0 4 3;block-job job0 4 3;" },
        { "BLOCK_JOB_COMPLETED", "{\"device\":\"job0\",\"len\":9,\"offset\":9,"
                                 "\"type\":\"commit\"}",
          NULL, "block-job job0 4 0;block-job job0 4 0;" },
        { "BLOCK_JOB_COMPLETED", "{\"device\":\"job0\",\"len\":9,\"offset\":9,"
                                 "\"type\":\"commit\"}",
          NULL, "block-job job0 3 0;block-job job0 3 0;" },
        { "BLOCK_JOB_READY", "{\"device\":\"m\",\"len\":9,\"offset\":9,\"type\":\"mirror\"}",
          NULL, "block-job m 2 3;block-job m 2 3;" },
        { "BLOCK_WRITE_THRESHOLD", THRESHOLD("storage1"), nodes,
          "threshold storage1 /b.qcow2 4096 5;" },
        { "BLOCK_WRITE_THRESHOLD", THRESHOLD("bare"), nodes, "threshold bare <null> 4096 5;" },
        { "BLOCK_WRITE_THRESHOLD", THRESHOLD("other"), nodes, "threshold other <null> 4096 5;" },
        { "BLOCK_WRITE_THRESHOLD", THRESHOLD("fmt1"), NULL, "threshold fmt1 <null> 4096 5;" },
        { "DEVICE_DELETED", "{\"device\":\"net0\",\"path\":\"/machine/peripheral/net0\"}", NULL,
          "device net0;" },
        { "DEVICE_DELETED", "{\"path\":\"/machine/peripheral/net0/virtio-backend\"}", NULL, "" },
        { "DEVICE_UNPLUG_GUEST_ERROR",
          "{\"device\":\"net0\",\"path\":\"/machine/peripheral/net0\"}", NULL, "device net0;" },
        /* A memory module that the guest was asked for, once or through its button. */
        { "ACPI_DEVICE_OST", OST("DIMM", 3, 1), NULL, "device dimm0;" },
        { "ACPI_DEVICE_OST", OST("DIMM", 3, 128), NULL, "device dimm0;" },
        { "ACPI_DEVICE_OST", OST("DIMM", 259, 131), NULL, "device dimm0;" },
        { "ACPI_DEVICE_OST", OST("DIMM", 3, 0), NULL, "" },
        { "ACPI_DEVICE_OST", OST("DIMM", 3, 2), NULL, "" },
        { "ACPI_DEVICE_OST", OST("DIMM", 3, 127), NULL, "" },
        { "ACPI_DEVICE_OST", OST("DIMM", 3, 132), NULL, "" },
        { "ACPI_DEVICE_OST", OST("DIMM", 1, 1), NULL, "" },
        { "ACPI_DEVICE_OST", OST("DIMM", 512, 128), NULL, "" },
        { "ACPI_DEVICE_OST", OST("CPU", 3, 1), NULL, "" },
        { "ACPI_DEVICE_OST", "{\"info\":{\"slot-type\":\"DIMM\",\"slot\":\"0\",\"source\":3,"
                             "\"status\":1}}", NULL, "" },
        { "DEVICE_TRAY_MOVED", "{\"device\":\"\",\"id\":\"cd0\",\"tray-open\":true}", NULL,
          "tray cd0 0;" },
        { "DEVICE_TRAY_MOVED",
          "{\"device\":\"drive-cd0\",\"id\":\"/machine/unattached/device[20]\","
          "\"tray-open\":false}",
          NULL, "tray cd0 1;" },
        { "BALLOON_CHANGE", "{\"actual\":1073741825}", NULL, "amount 1048577;" },
        { "BALLOON_CHANGE", "{\"actual\":9223372036854775807}", NULL, "amount 9007199254740992;" },
        { "SUSPEND", NULL, NULL, "number 0;" },
        { "SUSPEND_DISK", NULL, NULL, "number 0;" },
        { "WAKEUP", NULL, NULL, "number 0;" },
        { "VNC_CONNECTED",
          "{\"server\":{\"auth\":\"none\",\"family\":\"unix\",\"service\":\"/run/vnc\","
          "\"host\":\"\",\"websocket\":false},\"client\":{\"family\":\"unix\",\"service\":\"\","
          "\"host\":\"\",\"websocket\":false}}",
          NULL, "graphics 0 2[]/run/vnc 2[] none;" },
        { "SPICE_CONNECTED", spice, NULL, NULL },
        { "VSERPORT_CHANGE", "{\"id\":\"channel0\",\"open\":true}", "\"org.qemu.guest_agent.0\"",
          "agent 1 2;" },
        { "VSERPORT_CHANGE", "{\"id\":\"channel0\",\"open\":false}", "\"org.qemu.guest_agent.0\"",
          "agent 2 2;" },
        { "VSERPORT_CHANGE", "{\"id\":\"channel1\",\"open\":true}", "\"com.redhat.spice.0\"", "" },
        { "VSERPORT_CHANGE", "{\"id\":\"channel1\",\"open\":true}", NULL, "" },
        { "MIGRATION_PASS", "{\"pass\":3}", NULL, "number 3;" },
        { "MIGRATION", "{\"status\":\"active\"}", NULL, "" },
        { "MIGRATION", "{\"status\":\"failed\"}", NULL, "" },
        { "MIGRATION", "{\"status\":\"completed\"}", NULL, "params operation=5;" },
        /* As a libvirtd 9.0 tells of a migration, given these answers. */
        { "MIGRATION", "{\"status\":\"completed\"}",
          "{\"status\":\"completed\",\"total-time\":12,\"downtime\":3,\"setup-time\":1,"
          "\"ram\":{\"total\":100,\"transferred\":90,\"remaining\":10,\"duplicate\":5,"
          "\"normal\":6,\"normal-bytes\":7,\"dirty-sync-count\":2,\"page-size\":4096,"
          "\"mbps\":8.5,\"dirty-pages-rate\":11,\"postcopy-requests\":3},"
          "\"disk\":{\"total\":1000,\"transferred\":900,\"remaining\":50,\"mbps\":16},"
          "\"xbzrle-cache\":{\"cache-size\":67,\"bytes\":20,\"pages\":24,\"cache-miss\":22,"
          "\"cache-miss-rate\":0.123,\"overflow\":34},\"cpu-throttle-percentage\":20}",
          "params operation=5 time_elapsed=12 downtime=3 setup_time=1 data_total=1100 "
          "data_processed=990 data_remaining=60 memory_total=100 memory_processed=90 "
          "memory_remaining=10 memory_bps=1062500 memory_constant=5 memory_normal=6 "
          "memory_normal_bytes=7 memory_dirty_rate=11 memory_iteration=2 "
          "memory_postcopy_requests=3 memory_page_size=4096 disk_total=1000 disk_processed=900 "
          "disk_remaining=50 disk_bps=2000000 compression_cache=67 compression_bytes=20 "
          "compression_pages=24 compression_cache_misses=22 compression_overflow=34 "
          "auto_converge_throttle=20;" },
        { "MIGRATION", "{\"status\":\"completed\"}",
          "{\"status\":\"completed\",\"ram\":{\"total\":5,\"transferred\":4,\"remaining\":1}}",
          "params operation=5 data_total=5 data_processed=4 data_remaining=1 memory_total=5 "
          "memory_processed=4 memory_remaining=1 memory_dirty_rate=0 memory_iteration=0 "
          "memory_postcopy_requests=0 disk_total=0 disk_processed=0 disk_remaining=0;" },
        /* Nothing overflows, and what has come to nothing is left out. */
        { "MIGRATION", "{\"status\":\"completed\"}",
          "{\"ram\":{\"total\":9223372036854775807,\"transferred\":-5,\"remaining\":\"x\","
          "\"duplicate\":9,\"page-size\":0,\"mbps\":1e30},"
          "\"disk\":{\"total\":9223372036854775807,\"mbps\":-1},\"xbzrle-cache\":{},"
          "\"cpu-throttle-percentage\":9223372036854775807}",
          "params operation=5 data_total=18446744073709551614 data_processed=0 data_remaining=0 "
          "memory_total=9223372036854775807 memory_processed=0 memory_remaining=0 "
          "memory_constant=9 memory_normal=0 memory_normal_bytes=0 memory_dirty_rate=0 "
          "memory_iteration=0 memory_postcopy_requests=0 disk_total=9223372036854775807 "
          "disk_processed=0 disk_remaining=0 compression_cache=0 compression_bytes=0 "
          "compression_pages=0 compression_cache_misses=0 compression_overflow=0 "
          "auto_converge_throttle=100;" },
        { "MEMORY_FAILURE",
          "{\"recipient\":\"guest\",\"action\":\"reset\",\"flags\":{\"action-required\":true,"
          "\"recursive\":false}}",
          NULL, "memory-failure 1 3 1;" },
        { "MEMORY_FAILURE",
          "{\"recipient\":\"hypervisor\",\"action\":\"ignore\",\"flags\":"
          "{\"action-required\":false,\"recursive\":true}}",
          NULL, "memory-failure 0 0 2;" },
        { "MEMORY_DEVICE_SIZE_CHANGE",
          "{\"id\":\"vm0\",\"size\":1048576,\"qom-path\":\"/machine/peripheral/vm0\"}", NULL,
          "memory-size vm0 1024;" },
        { "MEMORY_DEVICE_SIZE_CHANGE",
          "{\"size\":1048576,\"qom-path\":\"/machine/peripheral/vm1\"}", NULL,
          "memory-size vm1 1024;" },
    };
    static const char *const phases[] = { "CONNECTED", "INITIALIZED", "DISCONNECTED" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        if (tests[i].expected)
            check(f, tests[i].name, tests[i].data, tests[i].answer, tests[i].expected);
    }
    for (i = 0; i < G_N_ELEMENTS(phases); i++) {
        g_autofree char *vncName = g_strconcat("VNC_", phases[i], NULL);
        g_autofree char *spiceName = g_strconcat("SPICE_", phases[i], NULL);
        g_autofree char *vncText = g_strdup_printf("graphics %zu %s", i, viewer);
        g_autofree char *spiceText = g_strdup_printf("graphics %zu %s", i, spiceViewer);

        check(f, vncName, vnc, NULL, vncText);
        check(f, spiceName, spice, NULL, spiceText);
    }
}

/* Data of another QEMU: the event comes all the same, and what is wrong is told. */
static void
testDrift(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const struct {
        const char *name, *data, *expected, *drift;
    } tests[] = {
        { "RTC_CHANGE", NULL, "rtc 0;", "offset" },
        { "RTC_CHANGE", "[]", "rtc 0;", "offset" },
        { "RTC_CHANGE", "{\"offset\":\"1\"}", "rtc 0;", "offset" },
        { "RTC_CHANGE", "{\"offset\":1e400}", "rtc 0;", "offset" },
        { "WATCHDOG", "{\"action\":\"implode\"}", "number 0;", "action" },
        { "WATCHDOG", "{\"action\":7}", "number 0;", "action" },
        { "BLOCK_IO_ERROR", "{}", "io-error   0;io-error-reason   0 ;", "device" },
        { "BLOCK_IO_ERROR", "{\"device\":\"a\",\"action\":\"x\"}",
          "io-error  a 0;io-error-reason  a 0 ;", "action" },
        { "BLOCK_JOB_COMPLETED", "{\"type\":\"x\",\"offset\":1,\"len\":1}",
          "block-job  0 0;block-job  0 0;", "type" },
        { "BLOCK_JOB_READY", "{\"type\":\"commit\"}", "block-job  4 3;block-job  4 3;", "device" },
        { "BLOCK_WRITE_THRESHOLD", "{}", "threshold  <null> 0 0;", "node-name" },
        { "BLOCK_WRITE_THRESHOLD",
          "{\"node-name\":\"n\",\"write-threshold\":-1,\"amount-exceeded\":2}",
          "threshold n <null> 0 2;", "write-threshold" },
        { "DEVICE_DELETED", "{}", "", "path" },
        { "ACPI_DEVICE_OST", "{}", "", "slot-type" },
        { "ACPI_DEVICE_OST", "{\"info\":{\"device\":\"d\",\"slot-type\":\"DIMM\",\"source\":3}}",
          "", "status" },
        { "DEVICE_TRAY_MOVED", "{}", "tray  1;", "id" },
        { "BALLOON_CHANGE", "{\"actual\":-5}", "amount 0;", "actual" },
        { "VNC_CONNECTED", "{}", "graphics 0 0[] 0[] ;", "host" },
        { "VNC_CONNECTED",
          "{\"server\":{\"host\":\"h\",\"service\":\"1\",\"family\":\"vsock\",\"auth\":\"none\"},"
          "\"client\":{\"host\":\"i\",\"service\":\"2\",\"family\":\"ipv6\"}}",
          "graphics 0 0[h]1 1[i]2 none;", "family" },
        { "MIGRATION_PASS", "{\"pass\":9999999999}", "number 2147483647;", NULL },
        { "MIGRATION", "{}", "", "status" },
        { "MEMORY_FAILURE", "{\"recipient\":\"guest\",\"action\":\"fatal\"}",
          "memory-failure 1 2 0;", "action-required" },
        { "MEMORY_DEVICE_SIZE_CHANGE", "{\"size\":1}", "memory-size  1;", NULL },
    };
    const qemuTypedEventRow *row;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        make(f, tests[i].name, tests[i].data, NULL, G_MAXUINT64);
        g_assert_cmpstr(f->seen->str, ==, tests[i].expected);
        g_assert_cmpstr(f->drift, ==, tests[i].drift);
    }
    /* Whatever may come of nothing, nothing breaks. */
    for (i = 0; (row = qemuTypedEventGet(i)); i++)
        make(f, row->name, i % 2 ? NULL : "null", "7", G_MAXUINT64);
}

static void
testWanted(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *data = "{\"device\":\"a\",\"action\":\"stop\"}";

    make(f, "BLOCK_IO_ERROR", data, NULL, 0);
    g_assert_cmpstr(f->seen->str, ==, "");
    make(f, "BLOCK_IO_ERROR", data, NULL, 1 << VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON);
    g_assert_cmpstr(f->seen->str, ==, "io-error-reason  a 1 ;");
    make(f, "STOP", NULL, NULL, G_MAXUINT64);
    g_assert_cmpstr(f->seen->str, ==, "");
}

/* What a port is for needn't be answered again, but an answer counts. */
static void
testAgentPorts(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char opened[] = "{\"id\":\"c0\",\"open\":true}";
    static const char closed[] = "{\"id\":\"c0\",\"open\":false}";
    static const char agent[] = "\"org.qemu.guest_agent.0\"";
    size_t i;

    check(f, "VSERPORT_CHANGE", closed, NULL, "");
    check(f, "VSERPORT_CHANGE", opened, agent, "agent 1 2;");
    check(f, "VSERPORT_CHANGE", closed, NULL, "agent 2 2;");
    check(f, "VSERPORT_CHANGE", "{\"id\":\"c1\",\"open\":false}", NULL, "");
    /* It was taken away, and there is another of that name. */
    check(f, "VSERPORT_CHANGE", opened, "\"com.redhat.spice.0\"", "");
    check(f, "VSERPORT_CHANGE", closed, NULL, "");

    for (i = 0; i <= QEMU_TYPED_EVENT_PORTS_MAX; i++) {
        g_autofree char *data = g_strdup_printf("{\"id\":\"p%zu\",\"open\":true}", i);

        check(f, "VSERPORT_CHANGE", data, agent, "agent 1 2;");
        check(f, "VSERPORT_CHANGE", data, NULL, i < QEMU_TYPED_EVENT_PORTS_MAX ? "agent 1 2;" : "");
    }
    g_assert_cmpuint(g_hash_table_size(f->agentPorts), ==, QEMU_TYPED_EVENT_PORTS_MAX);
}

/* The side that a domain comes to tells of no job, as libvirt's. */
static void
testIncoming(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(virJSONValue) data = parse("{\"status\":\"completed\"}");
    qemuTypedEventMaker maker = {
        .row = qemuTypedEventFind("MIGRATION", 9), .data = data, .wanted = G_MAXUINT64,
        .incoming = true, .commits = f->commits,
        .agentPorts = f->agentPorts, .ident = f->ident, .add = onEvent, .opaque = f,
    };

    qemuTypedEventMake(&maker);
    g_assert_cmpstr(f->seen->str, ==, "");
}

static void
testCommits(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i <= QEMU_TYPED_EVENT_COMMITS_MAX; i++) {
        g_autofree char *data = g_strdup_printf("{\"device\":\"j%zu\",\"type\":\"commit\"}", i);

        make(f, "BLOCK_JOB_READY", data, NULL, G_MAXUINT64);
    }
    g_assert_cmpuint(g_hash_table_size(f->commits), ==, QEMU_TYPED_EVENT_COMMITS_MAX);
    make(f, "BLOCK_JOB_CANCELLED", "{\"device\":\"j0\",\"type\":\"commit\"}", NULL, G_MAXUINT64);
    g_assert_cmpstr(f->seen->str, ==, "block-job j0 4 2;block-job j0 4 2;");
    g_assert_cmpuint(g_hash_table_size(f->commits), ==, QEMU_TYPED_EVENT_COMMITS_MAX - 1);
}

static void
testCommands(Fixture *f G_GNUC_UNUSED, gconstpointer opaque G_GNUC_UNUSED)
{
    static const struct {
        const char *name, *data, *command;
    } tests[] = {
        { "STOP", NULL, NULL },
        { "BLOCK_IO_ERROR", "{}", "{\"execute\":\"query-block\"}" },
        { "BLOCK_WRITE_THRESHOLD", "{}",
          "{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}" },
        { "VSERPORT_CHANGE", "{\"id\":\"a\\\"b\"}",
          "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine/peripheral/a\\\"b\","
          "\"property\":\"name\"}}" },
        { "VSERPORT_CHANGE", "{\"id\":\"\"}", NULL },
        { "VSERPORT_CHANGE", NULL, NULL },
        { "MIGRATION", "{\"status\":\"completed\"}", "{\"execute\":\"query-migrate\"}" },
        { "MIGRATION", "{\"status\":\"active\"}", NULL },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autoptr(virJSONValue) data = parse(tests[i].data);
        const qemuTypedEventRow *row = qemuTypedEventFind(tests[i].name, strlen(tests[i].name));
        g_autofree char *command = qemuTypedEventCommand(row, data);

        g_assert_cmpstr(command, ==, tests[i].command);
    }
}

/* What a guest can cause without end is not parsed for the state's sake alone. */
static void
testIsLife(void)
{
    static const struct {
        const char *name;
        const char *data;
        bool life;
    } cases[] = {
        { "BLOCK_IO_ERROR", "{\"device\":\"x\",\"action\":\"report\"}", false },
        { "BLOCK_IO_ERROR", "{\"device\":\"x\",\"action\":\"stop\"}", true },
        { "BLOCK_IO_ERROR", NULL, false },
        { "WATCHDOG", "{\"action\":\"none\"}", false },
        { "WATCHDOG", "{\"action\":\"pause\"}", true },
        { "SHUTDOWN", "{\"guest\":true}", true },
        { "STOP", "{}", false },                /* says all by its name */
        { "RTC_CHANGE", "{\"offset\":1}", false },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        const qemuTypedEventRow *row = qemuTypedEventFind(cases[i].name, strlen(cases[i].name));

        g_assert_nonnull(row);
        g_assert_true(qemuTypedEventIsLife(row, cases[i].data,
                                           cases[i].data ? strlen(cases[i].data) : 0) ==
                      cases[i].life);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/qemu/typed-event/list", testList },
        { "/qemu/typed-event/find", testFind },
        { "/qemu/typed-event/arguments", testArguments },
        { "/qemu/typed-event/drift", testDrift },
        { "/qemu/typed-event/wanted", testWanted },
        { "/qemu/typed-event/incoming", testIncoming },
        { "/qemu/typed-event/commits", testCommits },
        { "/qemu/typed-event/agent-ports", testAgentPorts },
        { "/qemu/typed-event/commands", testCommands },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    g_test_add_func("/qemu/typed-event/is-life", testIsLife);
    return g_test_run();
}
