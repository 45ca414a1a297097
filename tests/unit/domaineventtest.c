/*
 * domaineventtest.c: the classes of events that domains have
 *
 * How they are queued and delivered is in objecteventtest.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "domain_event.h"

#include <malloc.h>
#include <string.h>

#include "testloop.h"
#include "typedevents.h"

#define REGEX VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX
#define NOCASE VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE
#define GLOB VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB

typedef struct {
    virObjectEventState *state;
    virConnectPtr conn;
    virDomainIdent *ident;
    virDomainPtr dom;
    GString *calls;
    unsigned int freed;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1, 2, 3 };

    testLoopRegister();
    f->state = virObjectEventStateNew(0);
    f->conn = virGetConnect();
    f->ident = virDomainIdentNew("dom", uuid, 5);
    f->dom = virGetDomain(f->conn, "dom", uuid, 5);
    f->calls = g_string_new(NULL);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virObjectEventStateDeregisterAll(f->state, f->conn);
    testLoopDrain();
    virDomainUnref(f->dom);
    g_assert_false(virConnectUnref(f->conn));
    g_assert_cmpuint(atomic_load(&f->ident->refs), ==, 1);
    virDomainIdentUnref(f->ident);
    virObjectEventStateUnref(f->state);
    g_string_free(f->calls, TRUE);
    virResetLastError();
}

static void
onFree(void *opaque)
{
    ((Fixture *)opaque)->freed++;
}

static void
onMonitor(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
          unsigned int micros, const char *details, void *opaque)
{
    Fixture *f = opaque;

    g_assert_true(conn == f->conn);
    g_string_append_printf(f->calls, "%s %s %lld.%06u %s;", virDomainGetName(dom), event, seconds,
                           micros, details ? details : "<null>");
}

static int
onLifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    Fixture *f = opaque;

    g_assert_true(conn == f->conn);
    g_string_append_printf(f->calls, "%s lifecycle %d %d;", virDomainGetName(dom), event, detail);
    return 0;
}

static void
onGeneric(virConnectPtr conn, virDomainPtr dom, void *opaque)
{
    Fixture *f = opaque;

    g_assert_true(conn == f->conn);
    g_string_append_printf(f->calls, "%s generic;", virDomainGetName(dom));
}

/* Takes @event. */
static void
push(Fixture *f, virObjectEvent *event)
{
    virObjectEventBatch batch = { 0 };

    virObjectEventBatchAdd(&batch, event);
    virObjectEventStatePush(f->state, &batch);
}

static virObjectEvent *
rebootNew(Fixture *f)
{
    return virDomainEventNew(f->ident, VIR_DOMAIN_EVENT_ID_REBOOT, &(virDomainEventArgs) { 0 });
}

static void
pushNamed(Fixture *f, const char *name)
{
    push(f, virDomainMonitorEventNew(f->ident, 1, name, strlen(name), 1, 2, 3, NULL, 0));
}

static void
assertDelivered(Fixture *f, const char *expected)
{
    testLoopDrain();
    g_assert_cmpstr(f->calls->str, ==, expected);
    g_string_truncate(f->calls, 0);
}

/* --- what an event is --- */

static void
testMonitorEvent(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char name[] = "STOPxyz";
    static const char details[] = "{\"a\":1}xyz";
    virObjectEvent *head = virDomainMonitorEventNew(f->ident, 42, name, 4, 1700000000, 999999,
                                                    1700000001234567, details, 7);
    virDomainMonitorEvent *event = (virDomainMonitorEvent *)head;

    g_assert_true(head->klass == &virDomainMonitorEventClass);
    g_assert_true(head->domain == f->ident);
    g_assert_cmpuint(atomic_load(&f->ident->refs), ==, 2);
    g_assert_cmpuint(head->number, ==, 42);
    g_assert_cmpuint(head->lost, ==, 0);
    g_assert_cmpint(head->seconds, ==, 1700000000);
    g_assert_cmpuint(head->micros, ==, 999999);
    g_assert_cmpint(event->received, ==, 1700000001234567);
    g_assert_cmpstr(event->name, ==, "STOP");
    g_assert_cmpuint(event->nameLen, ==, 4);
    g_assert_cmpstr(event->details, ==, "{\"a\":1}");
    g_assert_cmpuint(event->detailsLen, ==, 7);
    g_assert_cmpuint(head->hash, ==, virObjectEventHash("STOP", 4));

    /* It is charged what it costs, in one piece. */
    g_assert_cmpuint(head->bytes, >=, sizeof(*event) + 5 + 8);
    g_assert_cmpuint(head->bytes, >=, malloc_usable_size(event));

    virObjectEventUnref(virObjectEventRef(head));
    g_assert_cmpuint(atomic_load(&f->ident->refs), ==, 2);
    virObjectEventUnref(head);
    virObjectEventUnref(NULL);
}

static void
testMonitorEventEdges(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virObjectEvent *none = virDomainMonitorEventNew(f->ident, 1, "", 0, -1, 0, 0, NULL, 0);
    virObjectEvent *empty = virDomainMonitorEventNew(f->ident, 2, "A", 1, -1, 0, 0, "", 0);
    virObjectEvent *cut = virDomainMonitorEventNew(f->ident, 3, "A\0B", 3, -1, 0, 0, "null", 4);
    g_autofree char *large = g_strnfill(1000000, 'x');
    virObjectEvent *big = virDomainMonitorEventNew(f->ident, 4, large, 300, -1, 0, 0, large,
                                                   1000000);

    g_assert_cmpstr(((virDomainMonitorEvent *)none)->name, ==, "");
    g_assert_null(((virDomainMonitorEvent *)none)->details);
    g_assert_cmpstr(((virDomainMonitorEvent *)empty)->details, ==, "");
    /* C strings end at a NUL, so that what is compared is what callbacks see. */
    g_assert_cmpuint(((virDomainMonitorEvent *)cut)->nameLen, ==, 1);
    g_assert_cmpuint(cut->hash, ==, empty->hash);
    g_assert_cmpstr(((virDomainMonitorEvent *)cut)->details, ==, "null");
    g_assert_cmpuint(((virDomainMonitorEvent *)big)->nameLen, ==, 300);
    g_assert_cmpuint(strlen(((virDomainMonitorEvent *)big)->details), ==, 1000000);
    g_assert_cmpuint(big->bytes, >=, 1000300);
    virObjectEventUnref(none);
    virObjectEventUnref(empty);
    virObjectEventUnref(cut);
    virObjectEventUnref(big);
}

static void
testLostEvent(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const virEventGap gaps[] = {
        { .count = 3, .from = 10, .to = 12, .firstSeconds = 100, .firstMicros = 1,
          .lastSeconds = 200, .lastMicros = 999999 },
        { .count = G_MAXUINT64, .from = 1, .to = G_MAXUINT64, .firstSeconds = G_MININT64,
          .firstMicros = G_MAXUINT32, .lastSeconds = G_MININT64, .lastMicros = G_MAXUINT32 },
        { .count = 1, .from = 7, .to = 7, .firstSeconds = -1, .lastSeconds = -1 },
    };
    static const char *const texts[] = {
        "{\"count\":3,\"stream\":\"%s\",\"from\":10,\"to\":12,\"first\":{\"seconds\":100,"
        "\"microseconds\":1},\"last\":{\"seconds\":200,\"microseconds\":999999}}",
        "{\"count\":18446744073709551615,\"stream\":\"%s\",\"from\":1,"
        "\"to\":18446744073709551615,\"first\":{\"seconds\":-9223372036854775808,"
        "\"microseconds\":4294967295},\"last\":{\"seconds\":-9223372036854775808,"
        "\"microseconds\":4294967295}}",
        "{\"count\":1,\"stream\":\"%s\",\"from\":7,\"to\":7,\"first\":{\"seconds\":-1,"
        "\"microseconds\":0},\"last\":{\"seconds\":-1,\"microseconds\":0}}",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(gaps); i++) {
        virObjectEvent *head = virDomainMonitorEventLostNew(f->ident, &gaps[i]);
        virDomainMonitorEvent *event = (virDomainMonitorEvent *)head;
        g_auto(GStrv) parts = g_strsplit(texts[i], "%s", 2);
        g_autofree char *expected = g_strconcat(parts[0], f->ident->stream, parts[1], NULL);

        g_assert_cmpstr(event->name, ==, "VIRTMON_EVENTS_LOST");
        g_assert_cmpstr(event->details, ==, expected);
        g_assert_cmpuint(head->number, ==, gaps[i].to);
        g_assert_cmpuint(head->lost, ==, gaps[i].count);
        g_assert_cmpint(head->seconds, ==, gaps[i].lastSeconds);
        g_assert_cmpuint(head->micros, ==, gaps[i].lastMicros);
        virObjectEventUnref(head);
    }
}

static void
testBatch(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virObjectEventBatch batch = { 0 };

    virObjectEventBatchClear(&batch);
    virObjectEventBatchAdd(&batch, rebootNew(f));
    virObjectEventBatchAdd(&batch, virDomainEventLifecycleNew(f->ident, 1, 2));
    g_assert_cmpuint(batch.count, ==, 2);
    g_assert_cmpint(batch.first->eventID, ==, VIR_DOMAIN_EVENT_ID_REBOOT);
    g_assert_cmpint(batch.last->eventID, ==, VIR_DOMAIN_EVENT_ID_LIFECYCLE);
    g_assert_cmpuint(batch.last->number, ==, 0);
    virObjectEventBatchClear(&batch);
    g_assert_null(batch.first);
    g_assert_null(batch.last);
    g_assert_cmpuint(batch.count, ==, 0);
}

/* --- what callbacks get --- */

static void
testMonitorCallback(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onMonitor, f,
                                                       onFree, 0), ==, 0);
    push(f, virDomainMonitorEventNew(f->ident, 1, "RESUME", 6, 1700000000, 5, 0, "{}", 2));
    push(f, virDomainMonitorEventNew(f->ident, 2, "lower case", 10, -1, 0, 0, NULL, 0));
    push(f, virDomainMonitorEventNew(f->ident, 3, "", 0, 1700000006, 1700000, 0, "null", 4));
    push(f, virDomainEventLifecycleNew(f->ident, 1, 1));        /* of another class */
    assertDelivered(f, "dom RESUME 1700000000.000005 {};dom lower case -1.000000 <null>;"
                       "dom  1700000006.1700000 null;");
}

static void
testTypedCallbacks(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectDomainEventGenericCallback lifecycle =
        (virConnectDomainEventGenericCallback)(void (*)(void))onLifecycle;
    int id, reboot;

    id = virDomainEventStateRegisterAny(f->state, f->conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                        lifecycle, f, onFree);
    reboot = virDomainEventStateRegisterAny(f->state, f->conn, f->dom, VIR_DOMAIN_EVENT_ID_REBOOT,
                                            onGeneric, f, onFree);
    g_assert_cmpint(virDomainEventStateRegisterAny(f->state, f->conn, NULL,
                                                   VIR_DOMAIN_EVENT_ID_WATCHDOG, onGeneric, f,
                                                   onFree), ==, 2);
    push(f, virDomainEventLifecycleNew(f->ident, VIR_DOMAIN_EVENT_SUSPENDED,
                                       VIR_DOMAIN_EVENT_SUSPENDED_PAUSED));
    push(f, rebootNew(f));
    pushNamed(f, "RESET");
    assertDelivered(f, "dom lifecycle 3 0;dom generic;");

    g_assert_cmpint(virDomainEventStateDeregisterAny(f->state, f->conn, id), ==, 0);
    g_assert_cmpint(virDomainEventStateDeregisterAny(f->state, f->conn, reboot), ==, 0);
    g_assert_cmpuint(f->freed, ==, 2);
    push(f, rebootNew(f));
    assertDelivered(f, "");
}

/* Each kind's arguments reach its callback, and are the event's own by then. */
static void
testTypedArguments(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    size_t i;

    for (i = 0; i < TYPED_EVENTS; i++) {
        const typedEvent *sample = &typedEvents[i];
        char path[] = "/a.img";
        const char *texts[] = { path, "virtio0" };
        const virDomainEventArgs args = { .ntexts = 2, .texts = texts };
        virObjectEvent *event = virDomainEventNew(f->ident, sample->eventID, &sample->args);
        int id = virDomainEventStateRegisterAny(f->state, f->conn, NULL, sample->eventID,
                                                typedEventCallback(sample->eventID), seen, NULL);

        g_assert_cmpint(sample->eventID, ==, (int)i);
        g_assert_cmpint(event->eventID, ==, (int)i);
        g_assert_cmpuint(event->bytes, >=, malloc_usable_size(event));
        push(f, event);
        testLoopDrain();
        g_assert_cmpstr(seen->str, ==, sample->text);
        g_string_truncate(seen, 0);

        if (i == VIR_DOMAIN_EVENT_ID_IO_ERROR) {
            push(f, virDomainEventNew(f->ident, VIR_DOMAIN_EVENT_ID_IO_ERROR, &args));
            memset(path, 'x', sizeof(path) - 1);
            texts[1] = NULL;
            testLoopDrain();
            g_assert_cmpstr(seen->str, ==, "io-error /a.img virtio0 0;");
            g_string_truncate(seen, 0);
        }
        g_assert_cmpint(virDomainEventStateDeregisterAny(f->state, f->conn, id), ==, 0);
    }
}

/* --- flags --- */

static void
testFilters(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const struct {
        const char *event;
        unsigned int flags;
        const char *fits, *not;
    } filters[] = {
        { "STOP", 0, "STOP", "stop" },
        { "STOP", NOCASE, "stop", "STOPPED" },
        { "S.*P", REGEX, "STOP", "stop" },
        { "^st", REGEX | NOCASE, "STOP", "RESTOP" },
        { "S*", GLOB, "STOP", "RESTOP" },
        { "s*", GLOB | NOCASE, "STOP", "RESTOP" },
        { "S*", 0, "S*", "STOP" },
        { "", REGEX, "STOP", NULL },
        { "", 0, "", "STOP" },
        { NULL, 0, "STOP", NULL },
        { NULL, REGEX, "STOP", NULL },          /* no effect without a name */
        { NULL, NOCASE, "STOP", NULL },
        { NULL, GLOB, "STOP", NULL },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(filters); i++) {
        g_autofree char *expected = g_strdup_printf("dom %s 1.000002 <null>;", filters[i].fits);
        int id = virDomainMonitorEventStateRegister(f->state, f->conn, f->dom, filters[i].event,
                                                    onMonitor, f, onFree, filters[i].flags);

        g_assert_cmpint(id, ==, (int)i);
        if (filters[i].not)
            pushNamed(f, filters[i].not);
        pushNamed(f, filters[i].fits);
        assertDelivered(f, expected);
        g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, id), ==, 0);
    }
    g_assert_cmpuint(f->freed, ==, G_N_ELEMENTS(filters));
}

static void
assertRefused(Fixture *f, const char *event, unsigned int flags, const char *message)
{
    virErrorPtr err;

    virResetLastError();
    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, NULL, event, onMonitor,
                                                       f, onFree, flags), ==, -1);
    err = virGetLastError();
    g_assert_cmpint(err->code, ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(err->domain, ==, VIR_FROM_NONE);
    if (!g_str_has_prefix(err->message, message))
        g_error("'%s' is not '%s'", err->message, message);
    g_assert_cmpuint(f->freed, ==, 0);
    g_assert_false(virObjectEventStateIsWatched(f->state));
    g_assert_cmpuint(testLoopHandles(), ==, 0);
}

static void
testRefused(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *tooLong = g_strnfill(VIR_EVENT_FILTER_LENGTH_MAX + 1, 'A');

    assertRefused(f, "STOP", 4, "unsupported flags (0x4) in function "
                                "virDomainQemuMonitorEventStateRegisterID");
    assertRefused(f, NULL, 0x80000000 | REGEX, "unsupported flags (0x80000000) in function ");
    assertRefused(f, "STOP", REGEX | GLOB, "an event filter is a regular expression or a glob");
    assertRefused(f, NULL, REGEX | GLOB, "an event filter is a regular expression or a glob");
    assertRefused(f, "(((", REGEX, "invalid argument: failed to compile regex '(((': ");
    assertRefused(f, tooLong, 0, "invalid argument: event filter of 4097 bytes exceeds");
    /* None of them used up an ID. */
    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onMonitor, f,
                                                       onFree, 0), ==, 0);
}

static void
pushNumbered(Fixture *f, guint64 number, const char *name)
{
    push(f, virDomainMonitorEventNew(f->ident, number, name, strlen(name), 1, 2, 3, NULL, 0));
}

/* Whose filter is too much work is told once, in the place of the event, and gets nothing more;
 * others get all. */
static void
testFilterOff(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char hard[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    static const char notice[] =
        " {\"filter\":\"^\\\\w+D$|(x|xx|y)*!\",\"reason\":\"match limit exceeded\"};";
    char *told;
    int id = virDomainMonitorEventStateRegister(f->state, f->conn, NULL, "^\\w+D$|(x|xx|y)*!",
                                                onMonitor, f, onFree, REGEX);

    g_assert_cmpint(id, >=, 0);
    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, NULL, "[x-y]*",
                                                       onMonitor, f, onFree, GLOB), >=, 0);
    pushNumbered(f, 1, "COMPLETED");
    pushNumbered(f, 2, hard);
    pushNumbered(f, 3, "COMPLETED");
    pushNumbered(f, 4, hard);
    testLoopDrain();
    told = strstr(f->calls->str, ";dom VIRTMON_FILTER_OFF ");
    g_assert_nonnull(told);
    g_assert_true(g_str_has_prefix(f->calls->str, "dom COMPLETED 1.000002 <null>;"));
    g_assert_nonnull(strstr(told, notice));
    g_assert_cmpstr(strstr(told, notice) + strlen(notice), ==,
                    "dom xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 1.000002 <null>;"
                    "dom xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 1.000002 <null>;");
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, id), ==, 1);
    g_assert_cmpuint(f->freed, ==, 1);
}

/* A filter by domain is one by UUID: it goes on when the same guest starts again. */
static void
testByUUID(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virDomainIdent *again = virDomainIdentNew("renamed", f->ident->uuid, 6);
    unsigned char uuid[VIR_UUID_BUFLEN] = { 9 };
    virDomainIdent *other = virDomainIdentNew("dom", uuid, 7);

    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, f->dom, NULL, onMonitor,
                                                       f, NULL, 0), ==, 0);
    push(f, virDomainMonitorEventNew(again, 1, "STOP", 4, 1, 1, 1, NULL, 0));
    push(f, virDomainMonitorEventNew(other, 1, "STOP", 4, 1, 1, 1, NULL, 0));
    assertDelivered(f, "renamed STOP 1.000001 <null>;");
    virDomainIdentUnref(again);
    virDomainIdentUnref(other);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/conf/domainevent/monitor-event", testMonitorEvent },
        { "/conf/domainevent/monitor-event-edges", testMonitorEventEdges },
        { "/conf/domainevent/lost-event", testLostEvent },
        { "/conf/domainevent/batch", testBatch },
        { "/conf/domainevent/monitor-callback", testMonitorCallback },
        { "/conf/domainevent/typed-callbacks", testTypedCallbacks },
        { "/conf/domainevent/typed-arguments", testTypedArguments },
        { "/conf/domainevent/filters", testFilters },
        { "/conf/domainevent/refused", testRefused },
        { "/conf/domainevent/filter-off", testFilterOff },
        { "/conf/domainevent/by-uuid", testByUUID },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
