/*
 * objecteventtest.c: registrations, queue and delivery, in one thread
 *
 * The loop is driven by hand, so that each test knows what is delivered when. What
 * several threads can do to each other is in objecteventracetest.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "object_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain_event.h"
#include "testloop.h"
#include "viruuid.h"

/* --- counting allocations: not under a sanitizer, whose allocator it would hide --- */

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED 1
#endif

#ifndef SANITIZED
static atomic_size_t allocations;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

void *
malloc(size_t size)
{
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_calloc(count, size);
}

void *
realloc(void *block, size_t size)
{
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_realloc(block, size);
}
#endif

/* --- what the tests share --- */

typedef struct {
    virObjectEventState *state;
    virConnectPtr conn;
    virConnectPtr other;            /* a second connection */
    virDomainIdent *one, *two;
    virDomainPtr domOne, domTwo;    /* handles of conn */
    guint64 number;                 /* of the last event of one; two's are numbered in the tests */
    GString *calls;                 /* what was called, in order */
    unsigned int freed;
} Fixture;

/* An opaque: what a callback writes, and what it does then. */
typedef struct _Watcher Watcher;
struct _Watcher {
    Fixture *f;
    const char *name;
    int id;
    unsigned int calls;
    unsigned int freed;
    void (*act)(Watcher *self);
    Watcher *victim;
    void *data;
};

static void
setUpBytes(Fixture *f, size_t maxBytes)
{
    unsigned char uuid[VIR_UUID_BUFLEN] = { 1 };

    testLoopRegister();
    f->state = virObjectEventStateNew(maxBytes);
    f->conn = virGetConnect();
    f->other = virGetConnect();
    f->one = virDomainIdentNew("one", uuid, 1);
    f->domOne = virGetDomain(f->conn, "one", uuid, 1);
    uuid[0] = 2;
    f->two = virDomainIdentNew("two", uuid, 2);
    f->domTwo = virGetDomain(f->conn, "two", uuid, 2);
    f->calls = g_string_new(NULL);
}

static void
setUp(Fixture *f, gconstpointer opaque)
{
    setUpBytes(f, GPOINTER_TO_SIZE(opaque));
}

/* What is registered names variables of the test that registered it: at its end. */
static void
leaveAll(Fixture *f)
{
    virObjectEventStateDeregisterAll(f->state, f->conn);
    virObjectEventStateDeregisterAll(f->state, f->other);
}

/* Nothing is left behind: no registration, no handle in the loop, no reference. */
static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virObjectEventStats stats;

    testLoopDrain();
    g_assert_cmpuint(testLoopHandles(), ==, 0);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.registrations, ==, 0);
    g_assert_cmpuint(stats.queuedBytes, ==, 0);
    g_assert_cmpuint(stats.queuedEvents, ==, 0);
    virDomainUnref(f->domOne);
    virDomainUnref(f->domTwo);
    g_assert_false(virConnectUnref(f->conn));
    g_assert_false(virConnectUnref(f->other));
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1);
    g_assert_cmpuint(atomic_load(&f->two->refs), ==, 1);
    virDomainIdentUnref(f->one);
    virDomainIdentUnref(f->two);
    virObjectEventStateUnref(f->state);
    g_string_free(f->calls, TRUE);
    virResetLastError();
}

static void
onEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *event,
        long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED,
        const char *details G_GNUC_UNUSED, void *opaque)
{
    Watcher *self = opaque;

    self->calls++;
    if (self->f->calls->len < 4096)
        g_string_append_printf(self->f->calls, "%s:%s/%s ", self->name, virDomainGetName(dom),
                               event);
    if (self->act)
        self->act(self);
}

/* Another function, for what depends on which one it is. */
static void
onEventToo(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
           unsigned int micros, const char *details, void *opaque)
{
    onEvent(conn, dom, event, seconds, micros, details, opaque);
}

static int
onLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, int event, int detail,
            void *opaque)
{
    Watcher *self = opaque;

    self->calls++;
    g_string_append_printf(self->f->calls, "%s:%s/%d.%d ", self->name, virDomainGetName(dom),
                           event, detail);
    if (self->act)
        self->act(self);
    return 0;
}

static void
onFree(void *opaque)
{
    Watcher *self = opaque;

    self->freed++;
    self->f->freed++;
    g_string_append_printf(self->f->calls, "free-%s ", self->name);
}

static int
watchWith(Fixture *f, Watcher *watcher, virDomainPtr dom, const char *event,
          virConnectDomainQemuMonitorEventCallback cb, unsigned int flags)
{
    watcher->f = f;
    watcher->id = virDomainMonitorEventStateRegister(f->state, f->conn, dom, event, cb, watcher,
                                                     onFree, flags);
    return watcher->id;
}

/* With a filter, so that each stands alone. */
static void
watch(Fixture *f, Watcher *watcher, virDomainPtr dom, const char *event)
{
    g_assert_cmpint(watchWith(f, watcher, dom, event, onEvent, 0), >=, 0);
}

static void
unwatch(Watcher *watcher)
{
    g_assert_cmpint(virDomainMonitorEventStateDeregister(watcher->f->state, watcher->f->conn,
                                                         watcher->id), >=, 0);
}

static virObjectEvent *
newEvent(virDomainIdent *ident, guint64 number, const char *name, size_t detailsLen)
{
    g_autofree char *details = g_strnfill(detailsLen, 'x');

    return virDomainMonitorEventNew(ident, number, name, strlen(name), 100 + number, number, 0,
                                    detailsLen > 0 ? details : NULL, detailsLen);
}

/* One batch with one event of domain one. */
static void
push(Fixture *f, const char *name)
{
    virObjectEventBatch batch = { 0 };

    virObjectEventBatchAdd(&batch, newEvent(f->one, ++f->number, name, 0));
    virObjectEventStatePush(f->state, &batch);
    g_assert_null(batch.first);
    g_assert_cmpuint(batch.count, ==, 0);
}

/* One batch with @count events that cost about @detailsLen bytes each. */
static void
pushMany(Fixture *f, virDomainIdent *ident, guint64 *number, const char *name, size_t count,
         size_t detailsLen)
{
    virObjectEventBatch batch = { 0 };
    size_t i;

    for (i = 0; i < count; i++)
        virObjectEventBatchAdd(&batch, newEvent(ident, ++*number, name, detailsLen));
    virObjectEventStatePush(f->state, &batch);
}

static void
assertCalls(Fixture *f, const char *expected)
{
    g_assert_cmpstr(f->calls->str, ==, expected);
    g_string_truncate(f->calls, 0);
}

static void
deliver(Fixture *f, const char *expected)
{
    testLoopDrain();
    assertCalls(f, expected);
}

/* --- delivery --- */

typedef struct {
    Fixture *f;
    unsigned int calls;
} Detailed;

static void
onDetailed(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
           unsigned int micros, const char *details, void *opaque)
{
    Detailed *d = opaque;
    unsigned char uuid[VIR_UUID_BUFLEN];

    g_assert_true(conn == d->f->conn);
    g_assert_true(virDomainGetConnect(dom) == conn);
    g_assert_cmpint(virDomainGetUUID(dom, uuid), ==, 0);
    g_assert_cmpmem(uuid, sizeof(uuid), d->f->one->uuid, VIR_UUID_BUFLEN);
    g_assert_cmpuint(virDomainGetID(dom), ==, 1);
    g_assert_cmpstr(event, ==, "BLOCK_JOB_COMPLETED");
    g_assert_cmpint(seconds, ==, d->calls == 0 ? 1700000000 : -1);
    g_assert_cmpuint(micros, ==, d->calls == 0 ? 123456 : 0);
    g_assert_cmpstr(details, ==, d->calls == 0 ? "{\"a\":1.50}" : NULL);
    g_assert_cmpuint(virObjectEventCurrent()->number, ==, 7 + d->calls);
    d->calls++;
}

static void
testArguments(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Detailed d = { .f = f };
    virObjectEventBatch batch = { 0 };

    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onDetailed,
                                                       &d, NULL, 0), ==, 0);
    virObjectEventBatchAdd(&batch, virDomainMonitorEventNew(f->one, 7, "BLOCK_JOB_COMPLETED!", 19,
                                                            1700000000, 123456, 0,
                                                            "{\"a\":1.50}!", 10));
    virObjectEventBatchAdd(&batch, virDomainMonitorEventNew(f->one, 8, "BLOCK_JOB_COMPLETED", 19,
                                                            -1, 0, 0, NULL, 0));
    virObjectEventStatePush(f->state, &batch);
    g_assert_cmpuint(d.calls, ==, 0);               /* never inside the push */
    testLoopDrain();
    g_assert_cmpuint(d.calls, ==, 2);
    g_assert_null(virObjectEventCurrent());
    leaveAll(f);
}

/* All callbacks of an event before the next event, in the order in which they were registered,
 * whatever they filter by. */
static void
testOrder(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" }, { .name = "c" }, { .name = "d" },
                    { .name = "e" } };
    guint64 number = 0;

    watch(f, &w[0], f->domOne, "STOP");
    watch(f, &w[1], NULL, "STOP");
    g_assert_cmpint(watchWith(f, &w[2], f->domOne, "^S", onEvent, 1), >=, 0);
    watch(f, &w[3], f->domTwo, "STOP");
    g_assert_cmpint(watchWith(f, &w[4], NULL, NULL, onEvent, 0), >=, 0);

    push(f, "STOP");
    push(f, "SUSPEND");
    pushMany(f, f->two, &number, "STOP", 1, 0);
    push(f, "RESUME");
    deliver(f, "a:one/STOP b:one/STOP c:one/STOP e:one/STOP "
               "c:one/SUSPEND e:one/SUSPEND "
               "b:two/STOP d:two/STOP e:two/STOP "
               "e:one/RESUME ");

    /* Later ones take their place behind, in what is remembered too. */
    unwatch(&w[1]);
    g_string_truncate(f->calls, 0);
    watch(f, &w[1], NULL, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP c:one/STOP e:one/STOP b:one/STOP ");
    leaveAll(f);
}

static void
testKeptBeforeTheLoopRuns(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };

    push(f, "BEFORE");                              /* nobody is there */
    watch(f, &w, NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    assertCalls(f, "");
    deliver(f, "a:one/STOP a:one/STOP ");
    leaveAll(f);
}

/* A turn ends after so many events, so that the loop can do something else. */
static void
testTurns(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };

    watch(f, &w, NULL, "STOP");
    pushMany(f, f->one, &f->number, "STOP", VIR_OBJECT_EVENT_TURN_MAX * 2 + 1, 0);
    testLoopRun();
    g_assert_cmpuint(w.calls, ==, VIR_OBJECT_EVENT_TURN_MAX - 1);   /* a filter had to look, once */
    push(f, "STOP");                                /* goes behind what is left */
    testLoopRun();
    g_assert_cmpuint(w.calls, ==, VIR_OBJECT_EVENT_TURN_MAX * 2 - 1);
    testLoopDrain();
    g_assert_cmpuint(w.calls, ==, VIR_OBJECT_EVENT_TURN_MAX * 2 + 2);
    g_assert_cmpuint(testLoopRun(), ==, 0);
    leaveAll(f);
}

/* Filters that have to look at names are work of a turn, too. */
static void
testTurnsOfNewNames(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    enum { WATCHERS = 63 };
    Watcher w[WATCHERS] = { { NULL } };
    virObjectEventStats stats;
    size_t i;

    for (i = 0; i < WATCHERS; i++) {
        w[i].name = "a";
        watch(f, &w[i], NULL, "OTHER");
    }
    for (i = 0; i < VIR_OBJECT_EVENT_TURN_MAX; i++) {
        g_autofree char *name = g_strdup_printf("N%zu", i);

        push(f, name);
    }
    testLoopRun();
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.delivered, ==, VIR_OBJECT_EVENT_TURN_MAX / (WATCHERS + 1));
    testLoopDrain();
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.delivered, ==, VIR_OBJECT_EVENT_TURN_MAX);
    leaveAll(f);
}

/* How many of one's events were delivered, since @from. */
static size_t
countOne(const char *from, const char *to)
{
    size_t count = 0;

    while ((from = strstr(from, "one/")) && from < to) {
        from++;
        count++;
    }
    return count;
}

/* An event of a stream that says little does not wait for a storm, not even for what of it is about to
 * be delivered. */
static void
testQuietStreams(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    enum { STORM = VIR_OBJECT_EVENT_TURN_MAX * 2 + 20, BYTES = 1000 };
    Watcher w = { .name = "a" };
    guint64 number = 0;
    const char *two;

    watch(f, &w, NULL, NULL);
    pushMany(f, f->one, &f->number, "STORM", STORM, BYTES);
    pushMany(f, f->two, &number, "QUIET", 1, 0);
    testLoopRun();
    two = strstr(f->calls->str, "two/QUIET");
    g_assert_nonnull(two);
    g_assert_cmpuint(countOne(f->calls->str, two), <=, VIR_OBJECT_EVENT_PROMPT_BYTES / BYTES + 1);

    /* In the middle of it. */
    g_string_truncate(f->calls, 0);
    pushMany(f, f->two, &number, "AGAIN", 1, 0);
    testLoopRun();
    g_assert_true(g_str_has_prefix(f->calls->str, "a:two/AGAIN a:one/STORM "));

    /* The stream's own are in order, and so is what comes when it is over. */
    g_string_truncate(f->calls, 0);
    pushMany(f, f->one, &f->number, "LATE", 1, 0);
    testLoopDrain();
    g_assert_true(g_str_has_suffix(f->calls->str, "a:one/STORM a:one/LATE "));
    g_assert_cmpuint(w.calls, ==, STORM + 3);
    g_string_truncate(f->calls, 0);
    pushMany(f, f->one, &f->number, "OVER", 1, 0);
    pushMany(f, f->two, &number, "LAST", 1, 0);
    deliver(f, "a:one/OVER a:two/LAST ");
    leaveAll(f);
}

static void
pushOther(Watcher *self)
{
    guint64 *number = self->data;

    pushMany(self->f, self->f->two, number, "QUIET", 1, 0);
}

/* Nor does a stream that is behind wait for ever, when others always have something. */
static void
testBusyStreamsGoOn(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    enum { STORM = 100, BYTES = 1000 };
    guint64 number = 0;
    Watcher all = { .name = "a", .act = pushOther, .data = &number };
    Watcher one = { .name = "b" };

    watch(f, &all, NULL, NULL);
    watch(f, &one, f->domOne, NULL);
    pushMany(f, f->one, &f->number, "STORM", STORM, BYTES);
    testLoopRun();
    g_assert_cmpuint(one.calls, ==, STORM);
    all.act = NULL;
    testLoopDrain();
    g_assert_cmpuint(all.calls, ==, STORM + number);
    leaveAll(f);
}

/* Nor does one that falls behind when others always have more than a turn delivers; and what it has
 * lost is told. */
static void
testBusyStreamsGoOnForEver(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    enum { STREAMS = 200, EACH = VIR_OBJECT_EVENT_TURN_MAX / STREAMS + 1, STORM = 100,
           TURNS = 10 };
    g_autoptr(GPtrArray) others =
        g_ptr_array_new_with_free_func((GDestroyNotify)virDomainIdentUnref);
    Watcher all = { .name = "a" };
    Watcher storm = { .name = "s" };
    Watcher told = { .name = "t" };
    unsigned char uuid[VIR_UUID_BUFLEN] = { 3 };
    guint64 numbers[STREAMS] = { 0 };
    size_t i;
    size_t j;

    for (i = 0; i < STREAMS; i++) {
        uuid[1] = i;
        g_ptr_array_add(others, virDomainIdentNew("other", uuid, 3 + i));
    }
    watch(f, &all, NULL, "QUIET");
    watch(f, &storm, f->domOne, "STORM");
    watch(f, &told, f->domOne, VIR_DOMAIN_MONITOR_EVENT_LOST);
    for (i = 0; i < TURNS; i++) {
        for (j = 0; j < STREAMS; j++)
            pushMany(f, g_ptr_array_index(others, j), &numbers[j], "QUIET", EACH, 0);
        testLoopRun();
        if (i > 0)
            continue;
        pushMany(f, f->one, &f->number, "STORM", STORM, 1000);
        /* Alone too large. */
        pushMany(f, f->one, &f->number, "STORM", 1, VIR_OBJECT_EVENT_QUEUE_BYTES_MAX);
    }
    g_assert_cmpuint(storm.calls, ==, STORM);
    g_assert_cmpuint(told.calls, ==, 1);
    g_assert_cmpuint(all.calls, <, TURNS * STREAMS * EACH);
    testLoopDrain();
    g_assert_cmpuint(all.calls, ==, TURNS * STREAMS * EACH);
    leaveAll(f);
}

static void
onKeep(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom, const char *event G_GNUC_UNUSED,
       long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED,
       const char *details G_GNUC_UNUSED, void *opaque)
{
    GPtrArray *kept = opaque;

    g_assert_cmpint(virDomainRef(dom), ==, 0);
    g_ptr_array_add(kept, dom);
}

/* A handle that a callback keeps is its own from then on. */
static void
testKeptHandle(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func((GDestroyNotify)virDomainUnref);
    Watcher w = { .name = "a" };
    int id = virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onKeep, kept, NULL,
                                                0);

    watch(f, &w, NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    testLoopDrain();
    g_assert_cmpuint(kept->len, ==, 2);
    g_assert_true(g_ptr_array_index(kept, 0) != g_ptr_array_index(kept, 1));
    g_assert_cmpstr(virDomainGetName(g_ptr_array_index(kept, 0)), ==, "one");
    g_assert_cmpint(atomic_load(&((virDomainPtr)g_ptr_array_index(kept, 0))->refs), ==, 1);
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, id), ==, 1);
    leaveAll(f);
}

static void
keepEvent(Watcher *self)
{
    g_ptr_array_add(self->data, virObjectEventRef(virObjectEventCurrent()));
}

/* Whoever relays events holds on to them. */
static void
testKeptEvent(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) kept =
        g_ptr_array_new_with_free_func((GDestroyNotify)virObjectEventUnref);
    Watcher w = { .name = "a", .act = keepEvent, .data = kept };
    virObjectEventStats stats;

    watch(f, &w, NULL, "STOP");
    push(f, "STOP");
    testLoopDrain();
    g_assert_cmpuint(kept->len, ==, 1);
    g_assert_cmpstr(((virDomainMonitorEvent *)g_ptr_array_index(kept, 0))->name, ==, "STOP");
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.queuedBytes, ==, 0);     /* not the queue's any more */
    leaveAll(f);
}

/* --- IDs and duplicates --- */

static void
testIDs(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" }, { .name = "c", .f = f },
                    { .name = "d", .f = f } };
    int id;

    watch(f, &w[0], NULL, "STOP");
    g_assert_cmpint(w[0].id, ==, 0);
    id = virDomainEventStateRegisterAny(f->state, f->conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                        (virConnectDomainEventGenericCallback)(void (*)(void))
                                        onLifecycle, &w[2], onFree);
    g_assert_cmpint(id, ==, 1);                     /* one counter for all classes */
    g_assert_cmpint(virDomainEventStateRegister(f->state, f->conn, onLifecycle, &w[3], onFree),
                    ==, 0);
    watch(f, &w[1], NULL, "STOP");
    g_assert_cmpint(w[1].id, ==, 3);

    /* Another connection counts for itself. */
    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->other, NULL, NULL, onEvent,
                                                       &w[0], NULL, 0), ==, 0);

    /* Never used again. */
    unwatch(&w[1]);
    watch(f, &w[1], NULL, "STOP");
    g_assert_cmpint(w[1].id, ==, 4);
    leaveAll(f);
}

static void
testDuplicates(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" }, { .name = "c" }, { .name = "d" },
                    { .name = "e" }, { .name = "f" } };
    guint64 number = 0;

    /* With a name every registration stands alone. */
    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], NULL, "STOP");

    /* Without one: the same function for the same scope is refused, ... */
    g_assert_cmpint(watchWith(f, &w[2], NULL, NULL, onEvent, 0), >=, 0);
    g_assert_cmpint(watchWith(f, &w[5], NULL, NULL, onEvent, 0), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_NONE);
    g_assert_cmpstr(virGetLastErrorMessage(), ==,
                    "invalid argument: event callback already tracked");
    g_assert_cmpuint(w[5].freed, ==, 0);            /* not on failure */

    /* ... but neither another function nor another scope. */
    g_assert_cmpint(watchWith(f, &w[3], NULL, NULL, onEventToo, 0), >=, 0);
    g_assert_cmpint(watchWith(f, &w[4], f->domOne, NULL, onEvent, 0), >=, 0);
    g_assert_cmpint(watchWith(f, &w[5], f->domOne, NULL, onEvent, 0), ==, -1);
    g_assert_cmpint(watchWith(f, &w[5], f->domTwo, NULL, onEvent, 0), >=, 0);

    push(f, "STOP");
    pushMany(f, f->two, &number, "STOP", 1, 0);
    deliver(f, "a:one/STOP b:one/STOP c:one/STOP d:one/STOP e:one/STOP "
               "a:two/STOP b:two/STOP c:two/STOP d:two/STOP f:two/STOP ");

    /* It is free again once it was deregistered. */
    unwatch(&w[2]);
    g_assert_cmpint(watchWith(f, &w[2], NULL, NULL, onEvent, 0), >=, 0);
    leaveAll(f);
}

static void
testLegacy(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectDomainEventGenericCallback generic =
        (virConnectDomainEventGenericCallback)(void (*)(void))onLifecycle;
    Watcher w[] = { { .name = "a", .f = f }, { .name = "b", .f = f } };
    g_autofree char *expected = NULL;
    virObjectEventBatch batch = { 0 };

    g_assert_cmpint(virDomainEventStateRegister(f->state, f->conn, onLifecycle, &w[0], onFree),
                    ==, 0);
    g_assert_cmpint(virDomainEventStateRegister(f->state, f->conn, onLifecycle, &w[0], onFree),
                    ==, -1);
    g_assert_cmpstr(virGetLastErrorMessage(), ==,
                    "invalid argument: event callback already tracked");
    /* The two calls don't know of each other. */
    w[1].id = virDomainEventStateRegisterAny(f->state, f->conn, NULL, 0, generic, &w[1], onFree);
    g_assert_cmpint(w[1].id, >=, 0);
    g_assert_cmpint(virDomainEventStateRegisterAny(f->state, f->conn, NULL, 0, generic, &w[1],
                                                   onFree), ==, -1);

    virObjectEventBatchAdd(&batch, virDomainEventLifecycleNew(f->one, 3, 1));
    virObjectEventBatchAdd(&batch, virDomainEventNew(f->one, VIR_DOMAIN_EVENT_ID_REBOOT,
                                                     &(virDomainEventArgs) { 0 })); /* nobody's */
    virObjectEventStatePush(f->state, &batch);
    deliver(f, "a:one/3.1 b:one/3.1 ");

    g_assert_cmpint(virDomainEventStateDeregister(f->state, f->conn, onLifecycle), ==, 0);
    g_assert_cmpuint(w[0].freed, ==, 1);
    g_assert_cmpint(virDomainEventStateDeregister(f->state, f->conn, onLifecycle), ==, -1);
    expected = g_strdup_printf("invalid argument: event callback function %p not registered",
                               (void *)onLifecycle);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, expected);
    g_assert_cmpint(virDomainEventStateDeregisterAny(f->state, f->conn, w[1].id), ==, 0);
    leaveAll(f);
}

/* --- deregistering --- */

static void
testDeregisterUnknown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b", .f = f } };
    virErrorPtr err;
    int lifecycle;

    watch(f, &w[0], NULL, "STOP");
    lifecycle = virDomainEventStateRegisterAny(f->state, f->conn, NULL, 0,
                                               (virConnectDomainEventGenericCallback)
                                               (void (*)(void))onLifecycle, &w[1], onFree);

    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, 12345), ==, -1);
    err = virGetLastError();
    g_assert_cmpint(err->code, ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(err->domain, ==, VIR_FROM_NONE);
    g_assert_cmpstr(err->message, ==, "invalid argument: event callback id 12345 not registered");
    g_assert_cmpstr(err->str2, ==, "event callback id 12345 not registered");
    g_assert_cmpint(err->int1, ==, -1);

    /* Of another class, of another connection: nothing changes. */
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, lifecycle), ==, -1);
    g_assert_cmpint(virDomainEventStateDeregisterAny(f->state, f->conn, w[0].id), ==, -1);
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->other, w[0].id), ==, -1);
    g_assert_cmpuint(f->freed, ==, 0);
    push(f, "STOP");
    deliver(f, "a:one/STOP ");
    leaveAll(f);
}

static void
testFreeAtOnce(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" } };

    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    testLoopRun();
    g_string_truncate(f->calls, 0);

    push(f, "STOP");                                /* queued, then not wanted any more */
    unwatch(&w[0]);
    assertCalls(f, "free-a ");
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, w[0].id), ==, -1);
    deliver(f, "b:one/STOP ");

    push(f, "STOP");
    unwatch(&w[1]);
    deliver(f, "free-b ");
    leaveAll(f);
}

/* What is left for the next turn is not delivered either. */
static void
testDeregisterBetweenTurns(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" } };
    virObjectEventStats stats;

    watch(f, &w[0], NULL, "STOP");
    pushMany(f, f->one, &f->number, "STOP", VIR_OBJECT_EVENT_TURN_MAX + 10, 0);
    testLoopRun();
    unwatch(&w[0]);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.queuedBytes, ==, 0);
    watch(f, &w[1], NULL, "STOP");                  /* nor to whoever comes next */
    testLoopDrain();
    g_assert_cmpuint(w[0].calls, ==, VIR_OBJECT_EVENT_TURN_MAX - 1);    /* a filter had to look */
    g_assert_cmpuint(w[1].calls, ==, 0);
    push(f, "STOP");
    testLoopDrain();
    g_assert_cmpuint(w[1].calls, ==, 1);
    leaveAll(f);
}

static void
dropVictim(Watcher *self)
{
    Watcher *victim = self->victim;

    if (victim->freed > 0 || victim->id < 0)
        return;
    unwatch(victim);
    /* Not before the delivery is over, and not twice. */
    g_assert_cmpuint(victim->freed, ==, 0);
    g_assert_cmpint(virDomainMonitorEventStateDeregister(self->f->state, self->f->conn,
                                                         victim->id), ==, -1);
    victim->id = -1;
}

static void
testDeregisterItself(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a", .act = dropVictim }, { .name = "b" } };

    w[0].victim = &w[0];
    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP b:one/STOP b:one/STOP free-a ");
    g_assert_cmpuint(w[0].freed, ==, 1);
    leaveAll(f);
}

/* The victim isn't called any more, not even for the event that is being delivered. */
static void
testDeregisterAnother(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b", .act = dropVictim }, { .name = "c" } };

    w[1].victim = &w[2];
    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], NULL, "STOP");
    watch(f, &w[2], NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP b:one/STOP a:one/STOP b:one/STOP free-c ");

    w[1].victim = &w[0];
    push(f, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP b:one/STOP b:one/STOP free-a ");
    leaveAll(f);
}

static void
dropAllAndCome(Watcher *self)
{
    if (self->calls > 1)
        return;
    unwatch(self);
    self->victim->f = self->f;
    watch(self->f, self->victim, NULL, "STOP");
}

/* The last one leaves and another one comes, all inside a callback: the newcomer gets nothing of
 * what is queued, and everything that comes. */
static void
testLastLeavesInside(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a", .act = dropAllAndCome }, { .name = "b" } };

    w[0].victim = &w[1];
    watch(f, &w[0], NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP free-a ");
    push(f, "STOP");
    deliver(f, "b:one/STOP ");
    leaveAll(f);
}

static void
dropOnlyItself(Watcher *self)
{
    unwatch(self);
    push(self->f, "STOP");                          /* nobody wants it */
}

static void
testLastLeavesAndNobodyComes(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a", .act = dropOnlyItself };
    virObjectEventStats stats;

    watch(f, &w, NULL, "STOP");
    pushMany(f, f->one, &f->number, "STOP", 10, 1000);
    deliver(f, "a:one/STOP free-a ");
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.queuedBytes, ==, 0);
    g_assert_false(virObjectEventStateIsWatched(f->state));
    g_assert_cmpuint(testLoopHandles(), ==, 0);
    leaveAll(f);
}

static void
comeOnce(Watcher *self)
{
    if (self->victim->calls == 0 && !self->victim->f)
        watch(self->f, self->victim, NULL, "STOP");
}

/* Registering inside a callback: neither the event that is being delivered, nor what was pushed
 * before it registered. */
static void
testRegisterInside(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a", .act = comeOnce }, { .name = "b" } };

    w[0].victim = &w[1];
    watch(f, &w[0], NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP a:one/STOP ");
    push(f, "STOP");
    deliver(f, "a:one/STOP b:one/STOP ");
    leaveAll(f);
}

static void
testDeregisterAll(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
    Watcher others = { .name = "o", .f = f };

    watch(f, &w[0], f->domOne, "STOP");
    watch(f, &w[1], NULL, "STOP");
    watch(f, &w[2], f->domTwo, NULL);
    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->other, NULL, NULL, onEvent,
                                                       &others, onFree, 0), ==, 0);
    virObjectEventStateDeregisterAll(f->state, f->conn);
    assertCalls(f, "free-a free-b free-c ");
    push(f, "STOP");
    deliver(f, "o:one/STOP ");
    virObjectEventStateDeregisterAll(f->state, f->conn);
    assertCalls(f, "");
    leaveAll(f);
}

static void
dropEverything(Watcher *self)
{
    virObjectEventStateDeregisterAll(self->f->state, self->f->conn);
}

static void
testDeregisterAllInside(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a", .act = dropEverything }, { .name = "b" } };

    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], NULL, "STOP");
    push(f, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP free-a free-b ");
    leaveAll(f);
}

static void
testWithdraw(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" } };

    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], NULL, "STOP");
    virObjectEventStateWithdraw(f->state, f->conn, w[0].id);
    virObjectEventStateWithdraw(f->state, f->conn, 12345);
    push(f, "STOP");
    deliver(f, "b:one/STOP ");
    g_assert_cmpuint(w[0].freed, ==, 0);
    g_assert_null(virGetLastError());
    leaveAll(f);
}

/* How many are left of the same kind. */
static void
testLeft(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b" }, { .name = "c", .f = f } };
    size_t i;

    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], f->domOne, "STOP");
    g_assert_cmpint(virDomainEventStateRegister(f->state, f->conn, onLifecycle, &w[2], NULL),
                    ==, 0);
    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->other, NULL, NULL, onEvent,
                                                       &w[0], NULL, 0), ==, 0);
    for (i = 0; i < 2; i++)
        g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, w[i].id), ==,
                        1 - (int)i);
    leaveAll(f);
}

/* --- references --- */

static void
closeOnFree(void *opaque)
{
    Watcher *self = opaque;

    onFree(self);
    /* The registration's own reference is still there. */
    g_assert_cmpint(atomic_load(&((virConnectPtr)self->data)->refs), ==, 1);
}

/* A registration holds its connection, to the end of its free function and no longer. */
static void
testConnection(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conn = virGetConnect();
    Watcher w = { .name = "a", .f = f, .data = conn };
    int id = virDomainMonitorEventStateRegister(f->state, conn, NULL, NULL, onEvent, &w,
                                                closeOnFree, 0);

    g_assert_cmpint(atomic_load(&conn->refs), ==, 2);
    g_assert_true(virConnectUnref(conn));           /* closed, and yet events go on */
    push(f, "STOP");
    deliver(f, "a:one/STOP ");
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, conn, id), ==, 0);
    g_assert_cmpuint(w.freed, ==, 1);
    leaveAll(f);
}

static void
dropAndClose(Watcher *self)
{
    virConnectPtr conn = self->data;

    g_assert_cmpint(virDomainMonitorEventStateDeregister(self->f->state, conn, self->id), ==, 0);
    g_assert_true(virConnectUnref(conn));
    /* It is still good: the callback has been given it. */
    g_assert_true(VIR_IS_CONNECT(conn));
}

static void
testCloseInside(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr conn = virGetConnect();
    Watcher w = { .name = "a", .f = f, .act = dropAndClose, .data = conn };

    w.id = virDomainMonitorEventStateRegister(f->state, conn, NULL, NULL, onEvent, &w, onFree, 0);
    push(f, "STOP");
    push(f, "STOP");
    deliver(f, "a:one/STOP free-a ");
    leaveAll(f);
}

/* Without an event loop there is nobody to deliver. Runs in a process that has none. */
static void
testNoLoop(void)
{
    if (g_test_subprocess()) {
        virObjectEventState *state = virObjectEventStateNew(0);
        virConnectPtr conn = virGetConnect();

        g_assert_cmpint(virDomainMonitorEventStateRegister(state, conn, NULL, NULL, onEvent, NULL,
                                                           onFree, 0), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        g_assert_true(g_str_has_prefix(virGetLastErrorMessage(), "internal error: could not "
                                       "initialize domain event timer"));
        g_assert_cmpint(atomic_load(&conn->refs), ==, 1);
        g_assert_false(virObjectEventStateIsWatched(state));
        virConnectUnref(conn);
        virObjectEventStateUnref(state);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

/* --- loops inside callbacks --- */

static void
runInside(Watcher *self)
{
    if (self->calls > 1)
        return;
    /* Wakes the loop, which is run in here and has nothing to do: we are in its way. */
    push(self->f, "RESUME");
    testLoopRun();
    testLoopRun();
}

/* The wake-up that a loop inside a callback takes away must not be the last one. */
static void
testLoopInside(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a", .act = runInside }, { .name = "b" } };

    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], NULL, "RESUME");
    push(f, "STOP");
    deliver(f, "a:one/STOP b:one/RESUME ");
    push(f, "RESUME");
    deliver(f, "b:one/RESUME ");
    leaveAll(f);
}

static void
runTheOther(Watcher *self)
{
    virObjectEvent *before = virObjectEventCurrent();

    g_assert_nonnull(before);
    push(self->victim->f, "STOP");
    testLoopRun();
    g_assert_cmpuint(self->victim->calls, ==, 1);
    g_assert_true(virObjectEventCurrent() == before);
}

/* A loop inside a callback delivers for other states, and which event is being delivered is
 * still known afterwards. */
static void
testTwoStates(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Fixture second = { 0 };
    Watcher w[] = { { .name = "a", .act = runTheOther }, { .name = "b" } };

    setUpBytes(&second, 0);
    w[0].victim = &w[1];
    watch(f, &w[0], NULL, "STOP");
    watch(&second, &w[1], NULL, "STOP");
    push(f, "STOP");
    testLoopDrain();
    g_assert_cmpuint(w[0].calls, ==, 1);
    g_assert_null(virObjectEventCurrent());
    leaveAll(f);
    leaveAll(&second);
    tearDown(&second, NULL);
}

/* --- limits and losses --- */

#define SMALL_QUEUE (100 * 1000)

typedef struct {
    GString *log;
    guint64 lastNumber;
    guint64 lost;
} Stream;

static void
onStream(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED, const char *event,
         long long seconds, unsigned int micros, const char *details, void *opaque)
{
    Stream *stream = opaque;
    virObjectEvent *current = virObjectEventCurrent();

    if (strcmp(event, VIR_DOMAIN_MONITOR_EVENT_LOST) == 0) {
        unsigned long long count, from, to, first, firstMicros, last, lastMicros;
        char id[VIR_UUID_STRING_BUFLEN];

        g_assert_cmpint(sscanf(details, "{\"count\":%llu,\"stream\":\"%36[0-9a-f-]\",\"from\":%llu,"
                               "\"to\":%llu,\"first\":{\"seconds\":%llu,\"microseconds\":%llu},"
                               "\"last\":{\"seconds\":%llu,\"microseconds\":%llu}}", &count, id,
                               &from, &to, &first, &firstMicros, &last, &lastMicros), ==, 8);
        g_assert_cmpstr(id, ==, current->domain->stream);
        g_assert_cmpuint(from, ==, stream->lastNumber + 1);     /* the place of the gap */
        g_assert_cmpuint(count, ==, to - from + 1);
        g_assert_cmpuint(first, ==, 100 + from);                /* as newEvent() makes them */
        g_assert_cmpuint(firstMicros, ==, from);
        g_assert_cmpuint(last, ==, 100 + to);
        g_assert_cmpuint(lastMicros, ==, to);
        g_assert_cmpint(seconds, ==, last);
        g_assert_cmpuint(micros, ==, lastMicros);
        g_assert_cmpuint(current->number, ==, to);
        stream->lastNumber = to;
        stream->lost += count;
        g_string_append(stream->log, "L");
    } else {
        g_assert_cmpuint(current->number, ==, stream->lastNumber + 1);
        stream->lastNumber = current->number;
        if (stream->log->len == 0 || stream->log->str[stream->log->len - 1] != 'e')
            g_string_append(stream->log, "e");
    }
}

/* Every number is delivered or accounted for, each gap in its place. */
static void
testGap(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GString) log = g_string_new(NULL);
    Stream stream = { .log = log };
    virObjectEventStats stats;
    int id = virDomainMonitorEventStateRegister(f->state, f->conn, f->domOne, NULL, onStream,
                                                &stream, NULL, 0);

    g_assert_cmpint(id, >=, 0);
    pushMany(f, f->one, &f->number, "STOP", 200, 1000);
    pushMany(f, f->one, &f->number, "RESUME", 200, 1);      /* would fit, but not behind a gap */
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.queuedEvents, <, 100);
    g_assert_cmpuint(stats.queuedBytes, <=, SMALL_QUEUE / 2);
    g_assert_cmpuint(stats.lost, ==, 400 - stats.queuedEvents);
    g_assert_cmpuint(stats.pushed, ==, 400);
    testLoopDrain();
    g_assert_cmpstr(log->str, ==, "eL");
    g_assert_cmpuint(stream.lastNumber, ==, 400);

    /* It is over with the gap's notice; the next is one of its own. */
    pushMany(f, f->one, &f->number, "STOP", 3, 1);
    testLoopDrain();
    pushMany(f, f->one, &f->number, "STOP", 200, 1000);
    testLoopDrain();
    pushMany(f, f->one, &f->number, "STOP", 3, 1);
    testLoopDrain();
    g_assert_cmpstr(log->str, ==, "eLeLe");
    g_assert_cmpuint(stream.lastNumber, ==, f->number);

    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.lost, ==, stream.lost);
    g_assert_cmpuint(atomic_load(&f->one->lost), ==, stream.lost);
    g_assert_cmpuint(virObjectEventStateGetLost(f->state, f->conn, id), ==, stream.lost);
    g_assert_cmpuint(virObjectEventStateGetLost(f->state, f->conn, 12345), ==, 0);
    leaveAll(f);
}

/* Told at the end of the first turn, though it came while that was going on. */
static void
testGapWithNothingBehind(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GString) log = g_string_new(NULL);
    Stream stream = { .log = log };

    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onStream,
                                                       &stream, NULL, 0), >=, 0);
    pushMany(f, f->one, &f->number, "STOP", 1, SMALL_QUEUE);        /* alone too large */
    testLoopDrain();
    g_assert_cmpstr(log->str, ==, "L");
    g_assert_cmpuint(stream.lastNumber, ==, 1);
    leaveAll(f);
}

/* What is over the rate is lost, of that stream only, and told in one notice once as many may come
 * again as are half of a burst; also if nothing more comes. */
static void
testRate(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "w" }, { .name = "lost" } };
    virObjectEventStats stats;
    guint64 number = 0;

    virObjectEventStateSetRate(f->state, 1000, 10);
    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], f->domOne, VIR_DOMAIN_MONITOR_EVENT_LOST);
    pushMany(f, f->one, &f->number, "STOP", 100, 0);
    pushMany(f, f->two, &number, "STOP", 10, 0);
    pushMany(f, f->one, &f->number, "STOP", 1, 0);
    testLoopDrain();
    g_assert_cmpuint(w[0].calls, ==, 20);
    while (w[1].calls == 0)
        testLoopWait();
    g_assert_cmpuint(w[1].calls, ==, 1);
    g_assert_cmpuint(atomic_load(&f->one->lost), ==, 91);
    g_assert_cmpuint(atomic_load(&f->one->limited), ==, 91);
    g_assert_cmpuint(atomic_load(&f->one->pushed), ==, 101);
    g_assert_cmpuint(atomic_load(&f->two->limited), ==, 0);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.limited, ==, 91);

    pushMany(f, f->one, &f->number, "STOP", 5, 0);
    testLoopDrain();
    g_assert_cmpuint(w[0].calls, ==, 25);

    virObjectEventStateSetRate(f->state, 0, 0);
    pushMany(f, f->one, &f->number, "STOP", 1000, 0);
    testLoopDrain();
    g_assert_cmpuint(w[0].calls, ==, 1025);
    g_assert_cmpuint(w[1].calls, ==, 1);
    leaveAll(f);
}

/* A rate that is raised counts at once, however far ahead of the one before a stream was. */
static void
testRateIsRaised(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "w" }, { .name = "lost" } };

    virObjectEventStateSetRate(f->state, 1, 3600);
    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], f->domOne, VIR_DOMAIN_MONITOR_EVENT_LOST);
    pushMany(f, f->one, &f->number, "STOP", 3600, 0);
    testLoopDrain();
    g_assert_cmpuint(w[0].calls, ==, 3600);

    virObjectEventStateSetRate(f->state, 1000, 10);
    pushMany(f, f->one, &f->number, "STOP", 1, 0);
    while (w[1].calls == 0)
        testLoopWait();
    pushMany(f, f->one, &f->number, "STOP", 1, 0);
    testLoopDrain();
    g_assert_cmpuint(w[0].calls, ==, 3601);
    leaveAll(f);
}

/* Whoever could be told leaves before that. */
static void
testRateAndNobodyIsLeft(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "w" };

    virObjectEventStateSetRate(f->state, 1, 0);
    watch(f, &w, NULL, "STOP");
    pushMany(f, f->one, &f->number, "STOP", 3, 0);
    testLoopDrain();
    g_assert_cmpuint(w.calls, ==, 1);
    g_assert_cmpuint(testLoopHandles(), ==, 2);
    leaveAll(f);
    g_assert_cmpuint(testLoopHandles(), ==, 0);
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1);
}

/* A gap of which the driver knew, itself lost in a gap, is counted for what it stands for. */
static void
testGapInGap(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GString) log = g_string_new(NULL);
    Stream stream = { .log = log };
    virEventGap gap = { .count = 10, .from = 2, .to = 11, .firstSeconds = 102, .firstMicros = 2,
                        .lastSeconds = 111, .lastMicros = 11 };
    virObjectEventBatch batch = { 0 };

    g_assert_cmpint(virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onStream,
                                                       &stream, NULL, 0), >=, 0);
    virObjectEventBatchAdd(&batch, newEvent(f->one, 1, "STOP", SMALL_QUEUE));
    virObjectEventBatchAdd(&batch, virDomainMonitorEventLostNew(f->one, &gap));
    virObjectEventBatchAdd(&batch, newEvent(f->one, 12, "STOP", 0));
    virObjectEventStatePush(f->state, &batch);
    testLoopDrain();
    g_assert_cmpstr(log->str, ==, "L");
    g_assert_cmpuint(stream.lost, ==, 12);
    g_assert_cmpuint(stream.lastNumber, ==, 12);

    /* And one that fits is told as it is. */
    gap.from += 11;
    gap.to += 11;
    gap.firstSeconds = 100 + gap.from;
    gap.firstMicros = gap.from;
    gap.lastSeconds = 100 + gap.to;
    gap.lastMicros = gap.to;
    virObjectEventBatchAdd(&batch, virDomainMonitorEventLostNew(f->one, &gap));
    virObjectEventBatchAdd(&batch, newEvent(f->one, 23, "STOP", 0));
    virObjectEventStatePush(f->state, &batch);
    testLoopDrain();
    g_assert_cmpstr(log->str, ==, "LLe");
    leaveAll(f);
}

/* Who is told: whoever sees all events of the domain, or asks for the name. */
static void
testWhoIsTold(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "all" }, { .name = "stop" }, { .name = "asked" }, { .name = "re" },
                    { .name = "one" }, { .name = "two" }, { .name = "late" } };

    g_assert_cmpint(watchWith(f, &w[0], NULL, NULL, onEvent, 0), >=, 0);
    watch(f, &w[1], NULL, "STOP");
    watch(f, &w[2], NULL, VIR_DOMAIN_MONITOR_EVENT_LOST);
    g_assert_cmpint(watchWith(f, &w[3], NULL, "^VIRTMON_", onEvent, 1), >=, 0);
    g_assert_cmpint(watchWith(f, &w[4], f->domOne, NULL, onEvent, 0), >=, 0);
    g_assert_cmpint(watchWith(f, &w[5], f->domTwo, NULL, onEvent, 0), >=, 0);

    pushMany(f, f->one, &f->number, "STOP", 3, SMALL_QUEUE);
    watch(f, &w[6], NULL, VIR_DOMAIN_MONITOR_EVENT_LOST);   /* missed nothing */
    deliver(f, "all:one/VIRTMON_EVENTS_LOST asked:one/VIRTMON_EVENTS_LOST "
               "re:one/VIRTMON_EVENTS_LOST one:one/VIRTMON_EVENTS_LOST ");

    /* Counted for all who watch that domain: nobody knows what was lost. */
    g_assert_cmpuint(virObjectEventStateGetLost(f->state, f->conn, w[1].id), ==, 3);
    g_assert_cmpuint(virObjectEventStateGetLost(f->state, f->conn, w[4].id), ==, 3);
    g_assert_cmpuint(virObjectEventStateGetLost(f->state, f->conn, w[5].id), ==, 0);
    g_assert_cmpuint(virObjectEventStateGetLost(f->state, f->conn, w[6].id), ==, 0);
    leaveAll(f);
}

/* Whoever registers while a gap grows missed its later part. */
static void
testRegisterInGap(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "first" }, { .name = "second" } };

    g_assert_cmpint(watchWith(f, &w[0], NULL, NULL, onEvent, 0), >=, 0);
    pushMany(f, f->one, &f->number, "STOP", 1, SMALL_QUEUE);
    g_assert_cmpint(watchWith(f, &w[1], NULL, NULL, onEventToo, 0), >=, 0);
    pushMany(f, f->one, &f->number, "STOP", 1, SMALL_QUEUE);
    deliver(f, "first:one/VIRTMON_EVENTS_LOST second:one/VIRTMON_EVENTS_LOST ");
    leaveAll(f);
}

/* A loop that never runs costs the bound and not a byte more. */
static void
testStalledLoop(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };
    virObjectEventStats before, after;
    size_t i;

    g_assert_cmpint(watchWith(f, &w, NULL, NULL, onEvent, 0), >=, 0);
    for (i = 0; i < 100; i++)
        pushMany(f, f->one, &f->number, "BLOCK_IO_ERROR", 100, 172);
    virObjectEventStateGetStats(f->state, &before);
    for (i = 0; i < 1000; i++)
        pushMany(f, f->one, &f->number, "BLOCK_IO_ERROR", 100, 172);
    virObjectEventStateGetStats(f->state, &after);
    g_assert_cmpuint(before.queuedBytes, ==, after.queuedBytes);
    g_assert_cmpuint(before.queuedEvents, ==, after.queuedEvents);
    g_assert_cmpuint(after.queuedBytes, <=, SMALL_QUEUE / 2);
    g_assert_cmpuint(after.maxBytes, ==, SMALL_QUEUE);
    g_assert_cmpuint(after.wakeUps, ==, 1);

    testLoopDrain();
    g_assert_cmpuint(w.calls, ==, after.queuedEvents + 1);
    virObjectEventStateGetStats(f->state, &after);
    g_assert_cmpuint(after.queuedBytes, ==, 0);
    g_assert_cmpuint(atomic_load(&f->one->queuedBytes), ==, 0);
    leaveAll(f);
}

#define YIELD_ROUNDS 500

static void *
produceYielding(void *opaque)
{
    Fixture *f = opaque;
    size_t i;

    for (i = 0; i < YIELD_ROUNDS; i++) {
        pushMany(f, f->one, &f->number, "BLOCK_IO_ERROR", 10, 172);
        do {
            virObjectEventStateYield(f->state);
        } while (atomic_load(&f->one->queuedBytes) > SMALL_QUEUE / 4);
    }
    return NULL;
}

/* A producer that gives way loses nothing while the loop runs; where it doesn't run, giving way
 * has an end. */
static void
testYield(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };
    virObjectEventStats stats;
    pthread_t thread;

    g_assert_cmpint(watchWith(f, &w, NULL, NULL, onEvent, 0), >=, 0);
    virObjectEventStateYield(f->state);             /* there is nothing to wait for */
    g_assert_cmpint(pthread_create(&thread, NULL, produceYielding, f), ==, 0);
    while (w.calls < YIELD_ROUNDS * 10)
        testLoopWait();
    pthread_join(thread, NULL);
    g_assert_cmpuint(w.calls, ==, YIELD_ROUNDS * 10);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.lost, ==, 0);

    pushMany(f, f->one, &f->number, "BLOCK_IO_ERROR", 100, 172);
    virObjectEventStateYield(f->state);             /* nobody delivers */
    testLoopDrain();
    leaveAll(f);
}

/* However many storm, there is room for one that doesn't. */
static bool
wasEased(Fixture *f)
{
    guint64 count;

    return read(virObjectEventStateEasedFD(f->state), &count, sizeof(count)) == sizeof(count);
}

/* A stream with much before it is said to be ahead, others are not; and when it is no longer,
 * whoever asked is told, once. */
static void
testAhead(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const size_t each = 1000;
    Watcher w = { .name = "a" };
    size_t n = 0;

    g_assert_cmpint(watchWith(f, &w, NULL, NULL, onEvent, 0), >=, 0);
    g_assert_false(wasEased(f));
    do {
        g_assert_false(virObjectEventStateIsAhead(f->state, f->two));
        pushMany(f, f->one, &f->number, "E", 1, each);
        n++;
    } while (!virObjectEventStateIsAhead(f->state, f->one));
    g_assert_cmpuint(n, <=, VIR_OBJECT_EVENT_AHEAD_BYTES / each + 1);
    g_assert_cmpuint(n, >, VIR_OBJECT_EVENT_AHEAD_BYTES / (2 * each));
    g_assert_false(wasEased(f));

    testLoopDrain();
    g_assert_true(wasEased(f));
    g_assert_false(wasEased(f));
    g_assert_false(virObjectEventStateIsAhead(f->state, f->one));

    /* Nobody asked. */
    pushMany(f, f->one, &f->number, "E", n, each);
    testLoopDrain();
    g_assert_false(wasEased(f));

    /* Held by whoever its events are passed on to. */
    virObjectEventStateSetHeld(f->state, f->one, true);
    g_assert_true(virObjectEventStateIsAhead(f->state, f->one));
    pushMany(f, f->one, &f->number, "E", 1, each);
    testLoopDrain();
    g_assert_false(wasEased(f));
    virObjectEventStateSetHeld(f->state, f->one, false);
    g_assert_true(wasEased(f));
    g_assert_false(virObjectEventStateIsAhead(f->state, f->one));
    leaveAll(f);
}

/* So is one whose last watcher leaves. */
static void
testAheadOfNobody(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };

    g_assert_false(wasEased(f));
    g_assert_cmpint(watchWith(f, &w, NULL, NULL, onEvent, 0), >=, 0);
    pushMany(f, f->one, &f->number, "E", VIR_OBJECT_EVENT_AHEAD_BYTES / 1000 + 1, 1000);
    g_assert_true(virObjectEventStateIsAhead(f->state, f->one));
    leaveAll(f);
    g_assert_true(wasEased(f));
    g_assert_false(virObjectEventStateIsAhead(f->state, f->one));
}

static void
testFairness(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const size_t storms = 10;
    g_autoptr(GPtrArray) idents =
        g_ptr_array_new_with_free_func((GDestroyNotify)virDomainIdentUnref);
    unsigned char uuid[VIR_UUID_BUFLEN] = { 77 };
    Watcher w = { .name = "a" };
    size_t most = 0, least = SMALL_QUEUE;
    virObjectEventStats stats;
    size_t round, i;

    watch(f, &w, f->domOne, "RTC_CHANGE");
    for (i = 0; i < storms; i++) {
        uuid[1] = i;
        g_ptr_array_add(idents, virDomainIdentNew("storm", uuid, 10 + i));
    }
    for (round = 0; round < 100; round++) {
        for (i = 0; i < storms; i++) {
            guint64 number = round * 10;

            pushMany(f, g_ptr_array_index(idents, i), &number, "STORM", 10, 200);
        }
    }
    for (i = 0; i < storms; i++) {
        virDomainIdent *ident = g_ptr_array_index(idents, i);

        most = MAX(most, atomic_load(&ident->queuedBytes));
        least = MIN(least, atomic_load(&ident->queuedBytes));
    }
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.queuedBytes + least, <=, SMALL_QUEUE);   /* as much as one of them */
    g_assert_cmpuint(least, >, 0);

    pushMany(f, f->one, &f->number, "RTC_CHANGE", 5, 0);
    deliver(f, "a:one/RTC_CHANGE a:one/RTC_CHANGE a:one/RTC_CHANGE a:one/RTC_CHANGE "
               "a:one/RTC_CHANGE ");
    g_assert_cmpuint(atomic_load(&f->one->lost), ==, 0);
    leaveAll(f);
}

/* "It has stopped" gets through a storm. */
static void
testReserve(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b", .f = f } };
    virObjectEventBatch batch = { 0 };
    virObjectEventStats stats;
    size_t i;

    watch(f, &w[0], NULL, "STOP");
    g_assert_cmpint(virDomainEventStateRegister(f->state, f->conn, onLifecycle, &w[1], NULL),
                    ==, 0);
    pushMany(f, f->one, &f->number, "STOP", 1000, 200);
    virObjectEventBatchAdd(&batch, virDomainEventLifecycleNew(f->one, VIR_DOMAIN_EVENT_STOPPED, 0));
    virObjectEventStatePush(f->state, &batch);
    testLoopDrain();
    g_assert_cmpuint(w[1].calls, ==, 1);

    /* That has an end too. */
    for (i = 0; i < 100000; i++)
        virObjectEventBatchAdd(&batch, virDomainEventLifecycleNew(f->one, 5, 0));
    virObjectEventStatePush(f->state, &batch);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.queuedBytes, <=, SMALL_QUEUE + VIR_OBJECT_EVENT_RESERVE_BYTES_MAX);
    g_assert_cmpuint(stats.queuedEvents, <, 100000);
    g_assert_cmpuint(stats.lost, >=, 100000 - stats.queuedEvents);
    leaveAll(f);
}

/* A storm of what has no number leaves room for others, too. */
static void
testReserveIsShared(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "a" }, { .name = "b", .f = f } };
    virObjectEventBatch batch = { 0 };
    size_t i;

    watch(f, &w[0], f->domTwo, "STOP");
    g_assert_cmpint(virDomainEventStateRegister(f->state, f->conn, onLifecycle, &w[1], NULL),
                    ==, 0);
    for (i = 0; i < 100000; i++)
        virObjectEventBatchAdd(&batch, virDomainEventLifecycleNew(f->one, 5, 0));
    virObjectEventStatePush(f->state, &batch);
    g_assert_cmpuint(atomic_load(&f->one->lost), >, 0);
    f->number = 0;
    pushMany(f, f->two, &f->number, "STOP", 2, 0);
    virObjectEventBatchAdd(&batch, virDomainEventLifecycleNew(f->two, 5, 0));
    virObjectEventStatePush(f->state, &batch);
    g_assert_cmpuint(atomic_load(&f->two->lost), ==, 0);
    leaveAll(f);
}

static void
testNobodyWatches(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };
    virObjectEventStats stats;

    g_assert_false(virObjectEventStateIsWatched(f->state));
    pushMany(f, f->one, &f->number, "STOP", 1000, 1000);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.pushed, ==, 0);
    g_assert_cmpuint(stats.lost, ==, 0);
    g_assert_cmpuint(stats.queuedBytes, ==, 0);
    g_assert_cmpuint(stats.wakeUps, ==, 0);
    watch(f, &w, NULL, "STOP");
    g_assert_true(virObjectEventStateIsWatched(f->state));
    g_assert_cmpuint(testLoopHandles(), ==, 1);
    unwatch(&w);
    g_assert_false(virObjectEventStateIsWatched(f->state));
    g_assert_cmpuint(testLoopHandles(), ==, 0);
    leaveAll(f);
}

/* What nobody is registered for need not be made; monitor events have no kinds. */
static void
testKinds(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const guint64 reboot = 1 << VIR_DOMAIN_EVENT_ID_REBOOT;
    const guint64 last = 1 << VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE;
    Watcher w[4] = { { .name = "a" }, { .name = "b", .f = f }, { .name = "c", .f = f },
                     { .name = "d", .f = f } };

    g_assert_cmpuint(virObjectEventStateGetKinds(f->state), ==, 0);
    watch(f, &w[0], NULL, "STOP");
    g_assert_cmpuint(virObjectEventStateGetKinds(f->state), ==, 0);
    w[1].id = virDomainEventStateRegisterAny(f->state, f->conn, NULL, VIR_DOMAIN_EVENT_ID_REBOOT,
                                             VIR_DOMAIN_EVENT_CALLBACK(onLifecycle), &w[1],
                                             onFree);
    w[2].id = virDomainEventStateRegisterAny(f->state, f->conn, f->domOne,
                                             VIR_DOMAIN_EVENT_ID_REBOOT,
                                             VIR_DOMAIN_EVENT_CALLBACK(onLifecycle), &w[2],
                                             onFree);
    w[3].id = virDomainEventStateRegisterAny(f->state, f->conn, NULL,
                                             VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
                                             VIR_DOMAIN_EVENT_CALLBACK(onLifecycle), &w[3],
                                             onFree);
    g_assert_cmpuint(virObjectEventStateGetKinds(f->state), ==, reboot | last);
    virDomainEventStateDeregisterAny(f->state, f->conn, w[1].id);
    g_assert_cmpuint(virObjectEventStateGetKinds(f->state), ==, reboot | last);
    virDomainEventStateDeregisterAny(f->state, f->conn, w[2].id);
    g_assert_cmpuint(virObjectEventStateGetKinds(f->state), ==, last);
    virDomainEventStateDeregisterAny(f->state, f->conn, w[3].id);
    g_assert_cmpuint(virObjectEventStateGetKinds(f->state), ==, 0);
    unwatch(&w[0]);
    leaveAll(f);
}

/* --- costs --- */

/* One wake-up a batch, and one for as many batches as come before the loop runs. */
static void
testWakeUps(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };
    virObjectEventBatch none = { 0 };
    virObjectEventStats stats;
    size_t i;

    watch(f, &w, NULL, "STOP");
    for (i = 0; i < 10; i++)
        pushMany(f, f->one, &f->number, "STOP", 100, 0);
    virObjectEventStatePush(f->state, &none);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.wakeUps, ==, 1);
    g_assert_cmpuint(testLoopDrain(), ==, 1);
    for (i = 0; i < 10; i++) {
        pushMany(f, f->one, &f->number, "STOP", 100, 0);
        g_assert_cmpuint(testLoopDrain(), ==, 1);
    }
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.wakeUps, ==, 11);
    g_assert_cmpuint(w.calls, ==, 2000);
    leaveAll(f);
}

static guint64
filterRuns(Fixture *f)
{
    virObjectEventStats stats;

    virObjectEventStateGetStats(f->state, &stats);
    return stats.filterRuns;
}

/* What doesn't match is asked once for a name, and a new registration is asked alone. */
static void
testFilterRuns(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const names[] = { "STOP", "RESUME", "RTC_CHANGE" };
    const size_t others = 500;
    g_autofree Watcher *idle = g_new0(Watcher, 2 * others);
    Watcher w = { .name = "a" };
    guint64 first, second;
    size_t i;

    for (i = 0; i < others; i++) {
        idle[2 * i].name = idle[2 * i + 1].name = "never";
        g_assert_cmpint(watchWith(f, &idle[2 * i], NULL, "^NEVER", onEvent, 1), >=, 0);
        watch(f, &idle[2 * i + 1], f->domOne, "NEVER");
    }
    watch(f, &w, NULL, "STOP");
    for (i = 0; i < G_N_ELEMENTS(names); i++)
        push(f, names[i]);
    testLoopDrain();
    first = filterRuns(f);
    g_assert_cmpuint(first, ==, G_N_ELEMENTS(names) * (2 * others + 1));

    for (i = 0; i < 300; i++)
        push(f, names[i % G_N_ELEMENTS(names)]);
    testLoopDrain();
    g_assert_cmpuint(filterRuns(f), ==, first);

    /* Comings and goings are not a reason to ask everybody again. */
    for (i = 0; i < 100; i++) {
        Watcher guest = { .name = "guest" };

        watch(f, &guest, NULL, "STOP");
        push(f, "STOP");
        push(f, "RESUME");
        testLoopDrain();
        g_assert_cmpuint(guest.calls, ==, 1);
        unwatch(&guest);
        push(f, "STOP");
        push(f, "RESUME");
        testLoopDrain();
        g_assert_cmpuint(guest.calls, ==, 1);
    }
    second = filterRuns(f);
    g_assert_cmpuint(second - first, ==, 200);
    g_assert_cmpuint(w.calls, ==, 1 + 100 + 200);
    g_assert_cmpuint(idle[0].calls + idle[1].calls, ==, 0);
    leaveAll(f);
}

/* Who waits for one domain costs nothing to the events of others, however many there are. */
static void
testFilterRunsOfOtherDomains(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    static const char *const names[] = { "A", "B", "C", "D", "E", "F" };
    const size_t domains = 2000;
    g_autofree Watcher *watchers = g_new0(Watcher, domains);
    g_autoptr(GPtrArray) idents =
        g_ptr_array_new_with_free_func((GDestroyNotify)virDomainIdentUnref);
    unsigned char uuid[VIR_UUID_BUFLEN] = { 99 };
    size_t round, i, j;

    for (i = 0; i < domains; i++) {
        virDomainPtr dom;

        uuid[14] = i >> 8;
        uuid[15] = i & 0xff;
        g_ptr_array_add(idents, virDomainIdentNew("d", uuid, 10 + i));
        dom = virGetDomain(f->conn, "d", uuid, 10 + i);
        watchers[i].name = "w";
        watch(f, &watchers[i], dom, "C");
        virDomainUnref(dom);
    }
    for (round = 0; round < 3; round++) {
        for (j = 0; j < G_N_ELEMENTS(names); j++) {
            for (i = 0; i < domains; i++) {
                guint64 number = round * G_N_ELEMENTS(names) + j;

                pushMany(f, g_ptr_array_index(idents, i), &number, names[j], 1, 0);
            }
            testLoopDrain();
        }
    }
    g_assert_cmpuint(filterRuns(f), ==, domains * G_N_ELEMENTS(names));
    for (i = 0; i < domains; i++)
        g_assert_cmpuint(watchers[i].calls, ==, 3);
    leaveAll(f);
}

/* A QEMU that invents names makes neither memory grow nor the names in use forgotten. */
static void
testInventedNames(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "re" }, { .name = "scoped" } };
    virObjectEventStats stats;
    guint64 runs;
    unsigned int i;

    g_assert_cmpint(watchWith(f, &w[0], NULL, "^STOP$", onEvent, 1), >=, 0);
    watch(f, &w[1], f->domOne, "STOP");
    for (i = 0; i < 300000; i++) {
        g_autofree char *name = g_strdup_printf("INVENTED_%u", i);
        virObjectEventBatch batch = { 0 };

        virObjectEventBatchAdd(&batch, newEvent(f->one, ++f->number, name, 0));
        if (i % 64 == 0)
            virObjectEventBatchAdd(&batch, newEvent(f->one, ++f->number, "STOP", 0));
        virObjectEventStatePush(f->state, &batch);
        if (i % 64 == 0)
            testLoopDrain();
    }
    testLoopDrain();
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.lost, ==, 0);
    g_assert_cmpuint(stats.rememberedNames, <=,
                     VIR_OBJECT_EVENT_MATCHES_MAX + VIR_OBJECT_EVENT_SCOPED_MATCHES_MAX);
    g_assert_cmpuint(w[0].calls, ==, (300000 + 63) / 64);
    g_assert_cmpuint(w[1].calls, ==, w[0].calls);

    /* Two filters for each name, and never again for STOP. */
    runs = stats.filterRuns;
    g_assert_cmpuint(runs, ==, 2 * 300001);
    leaveAll(f);
}

/* Long invented names are not kept by their thousands. */
static void
testInventedLongNames(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "a" };
    virObjectEventStats stats;
    unsigned int i;

    watch(f, &w, NULL, "STOP");
    for (i = 0; i < 1000; i++) {
        g_autofree char *name = g_strnfill(i % 2 == 0 ? 10000 : 1000000, 'N');

        memcpy(name, &i, 3);
        name[0] |= 0x40, name[1] |= 0x40, name[2] |= 0x40;
        push(f, name);
        testLoopDrain();
    }
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.rememberedNames, <=, VIR_OBJECT_EVENT_MATCH_BYTES_MAX / 10000);
    g_assert_cmpuint(stats.rememberedNames, >, 0);
    leaveAll(f);
}

/* Registrations that came and went are not held by what is remembered. */
static void
testNothingIsHeld(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w = { .name = "stays" };
    unsigned int i;

    watch(f, &w, NULL, "STOP");
    for (i = 0; i < 20000; i++) {
        g_autofree char *name = g_strdup_printf("NAME_%u", i % 100);
        Watcher guest = { .name = "guest" };

        g_assert_cmpint(watchWith(f, &guest, NULL, NULL, onEvent, 0), >=, 0);
        push(f, name);
        testLoopDrain();
        g_assert_cmpuint(guest.calls, ==, 1);
        unwatch(&guest);
        g_assert_cmpuint(guest.freed, ==, 1);
        g_string_truncate(f->calls, 0);
    }
    /* Ours, two domains, one registration. */
    g_assert_cmpint(atomic_load(&f->conn->refs), ==, 4);
    leaveAll(f);
}

/* An event of a known name costs its own allocation and nothing else. */
static void
testAllocations(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
#ifdef SANITIZED
    g_test_message("allocations are the sanitizer's here");
    g_assert_nonnull(f->state);
#else
    const size_t count = 1000;
    Watcher w[] = { { .name = "a" }, { .name = "b" } };
    virObjectEventBatch batch = { 0 };
    size_t before;
    size_t i;

    watch(f, &w[0], NULL, "STOP");
    watch(f, &w[1], f->domOne, "STOP");
    pushMany(f, f->one, &f->number, "STOP", 100, 172);
    testLoopDrain();
    g_string_truncate(f->calls, 0);
    g_string_append_printf(f->calls, "%*s", 4096, "");      /* full: nothing more is written */

    before = atomic_load(&allocations);
    for (i = 0; i < count; i++)
        virObjectEventBatchAdd(&batch, virDomainMonitorEventNew(f->one, ++f->number, "STOP", 4, 1,
                                                                1, 1, "{\"a\":1}", 7));
    g_assert_cmpuint(atomic_load(&allocations) - before, ==, count);
    virObjectEventStatePush(f->state, &batch);
    testLoopDrain();
    g_assert_cmpuint(w[1].calls, ==, 100 + count);
    g_assert_cmpuint(atomic_load(&allocations) - before, <, count + 32);
    leaveAll(f);
#endif
}

/* Delivered events are freed by whoever pushes next, unless that would be too much to wait with:
 * each holds a reference on its domain's ident until then. */
static void
testSpent(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const size_t fit = VIR_OBJECT_EVENT_SPENT_BYTES_MAX / 2048;
    Watcher w = { .name = "a" };
    unsigned int left;
    size_t i;

    watch(f, &w, NULL, "STOP");
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1);
    pushMany(f, f->one, &f->number, "STOP", 3, 10);
    testLoopDrain();
    g_assert_cmpuint(w.calls, ==, 3);
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1 + 3);
    push(f, "STOP");
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1 + 1);
    testLoopDrain();
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1 + 1);

    /* As many as may wait, and then one with which they are too many. */
    pushMany(f, f->one, &f->number, "STOP", fit, 1800);
    testLoopDrain();
    left = atomic_load(&f->one->refs);
    g_assert_cmpuint(left, ==, 1 + fit);
    pushMany(f, f->one, &f->number, "STOP", 1, VIR_OBJECT_EVENT_SPENT_BYTES_MAX);
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1 + 1);
    testLoopDrain();
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1);

    /* Of several domains, and in a turn that leaves some of the queue to the next. */
    for (i = 0; i < VIR_OBJECT_EVENT_TURN_MAX; i++) {
        pushMany(f, f->one, &f->number, "STOP", 1, 500);
        pushMany(f, f->two, &(guint64){ i }, "STOP", 1, 500);
    }
    testLoopDrain();
    g_assert_cmpuint(w.calls, ==, 3 + 1 + fit + 1 + 2 * VIR_OBJECT_EVENT_TURN_MAX);
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1);
    g_assert_cmpuint(atomic_load(&f->two->refs), ==, 1);

    /* Who leaves, leaves nothing. */
    push(f, "STOP");
    testLoopDrain();
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1 + 1);
    leaveAll(f);
    g_assert_cmpuint(atomic_load(&f->one->refs), ==, 1);
}

/* Ten thousand come, and go in an order that is not theirs. */
static void
testTenThousand(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const size_t count = 10000;
    g_autofree Watcher *w = g_new0(Watcher, count);
    virObjectEventStats stats;
    size_t i;

    for (i = 0; i < count; i++) {
        w[i].name = "w";
        watch(f, &w[i], i % 3 == 0 ? f->domOne : NULL, i % 2 == 0 ? "STOP" : "RESUME");
    }
    push(f, "STOP");
    testLoopDrain();
    for (i = 0; i < count; i++)
        g_assert_cmpuint(w[i].calls, ==, i % 2 == 0 ? 1 : 0);
    for (i = 0; i < count; i++)
        unwatch(&w[i * 7919 % count]);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.registrations, ==, 0);
    g_assert_cmpuint(f->freed, ==, count);
    leaveAll(f);
}

/* --- routes: what was filtered elsewhere --- */

static int
watchRoute(Fixture *f, Watcher *watcher, int route, virEventFilter *filter)
{
    virObjectEventRegistration registration = {
        .conn = f->conn, .klass = &virDomainMonitorEventClass, .uuid = f->two->uuid,
        .filter = filter, .cb = onEvent, .opaque = watcher, .freecb = onFree, .route = route,
    };

    watcher->f = f;
    watcher->id = virObjectEventStateRegister(f->state, &registration);
    return watcher->id;
}

static void
pushRoute(Fixture *f, virDomainIdent *ident, const char *name, int route)
{
    virObjectEventBatch batch = { 0 };
    virObjectEvent *event = newEvent(ident, ++f->number, name, 0);

    event->route = route;
    virObjectEventBatchAdd(&batch, event);
    virObjectEventStatePush(f->state, &batch);
}

static void
testRoutes(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    Watcher w[] = { { .name = "r1" }, { .name = "r2" }, { .name = "r1stop" }, { .name = "plain" },
                    { .name = "again" } };

    g_assert_cmpint(watchRoute(f, &w[0], 1, NULL), >=, 0);
    g_assert_cmpint(watchRoute(f, &w[1], 2, NULL), >=, 0);
    g_assert_cmpint(watchRoute(f, &w[2], 1, virEventFilterNew(VIR_EVENT_FILTER_LITERAL, false,
                                                              "STOP")), >=, 0);
    g_assert_cmpint(watchWith(f, &w[3], NULL, NULL, onEvent, 0), >=, 0);
    g_assert_cmpint(watchRoute(f, &w[4], 1, NULL), ==, -1);     /* tracked */

    /* By route alone: neither domain nor name count any more. */
    pushRoute(f, f->one, "RESUME", 1);
    pushRoute(f, f->one, "RESUME", 2);
    pushRoute(f, f->two, "STOP", 3);
    deliver(f, "r1:one/RESUME r1stop:one/RESUME r2:one/RESUME ");

    /* Without a route: for those who have none. */
    push(f, "STOP");
    deliver(f, "plain:one/STOP ");

    /* Of every route: by domain and name again. */
    pushRoute(f, f->two, "STOP", VIR_OBJECT_EVENT_ROUTE_ANY);
    pushRoute(f, f->two, "RESUME", VIR_OBJECT_EVENT_ROUTE_ANY);
    pushRoute(f, f->one, "STOP", VIR_OBJECT_EVENT_ROUTE_ANY);
    deliver(f, "r1:two/STOP r2:two/STOP r1stop:two/STOP plain:two/STOP "
               "r1:two/RESUME r2:two/RESUME plain:two/RESUME plain:one/STOP ");

    unwatch(&w[0]);
    pushRoute(f, f->one, "STOP", 1);
    deliver(f, "free-r1 r1stop:one/STOP ");
    leaveAll(f);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
        size_t maxBytes;
    } tests[] = {
        { "arguments", testArguments, 0 },
        { "order", testOrder, 0 },
        { "kept-before-the-loop-runs", testKeptBeforeTheLoopRuns, 0 },
        { "turns", testTurns, 0 },
        { "turns-of-new-names", testTurnsOfNewNames, 0 },
        { "quiet-streams", testQuietStreams, 0 },
        { "busy-streams-go-on", testBusyStreamsGoOn, 0 },
        { "busy-streams-go-on-for-ever", testBusyStreamsGoOnForEver, 0 },
        { "kept-handle", testKeptHandle, 0 },
        { "kept-event", testKeptEvent, 0 },
        { "ids", testIDs, 0 },
        { "duplicates", testDuplicates, 0 },
        { "legacy", testLegacy, 0 },
        { "deregister-unknown", testDeregisterUnknown, 0 },
        { "free-at-once", testFreeAtOnce, 0 },
        { "deregister-between-turns", testDeregisterBetweenTurns, 0 },
        { "deregister-itself", testDeregisterItself, 0 },
        { "deregister-another", testDeregisterAnother, 0 },
        { "last-leaves-inside", testLastLeavesInside, 0 },
        { "last-leaves-and-nobody-comes", testLastLeavesAndNobodyComes, 0 },
        { "register-inside", testRegisterInside, 0 },
        { "deregister-all", testDeregisterAll, 0 },
        { "deregister-all-inside", testDeregisterAllInside, 0 },
        { "withdraw", testWithdraw, 0 },
        { "left", testLeft, 0 },
        { "connection", testConnection, 0 },
        { "close-inside", testCloseInside, 0 },
        { "loop-inside", testLoopInside, 0 },
        { "two-states", testTwoStates, 0 },
        { "gap", testGap, SMALL_QUEUE },
        { "gap-with-nothing-behind", testGapWithNothingBehind, SMALL_QUEUE },
        { "gap-in-gap", testGapInGap, SMALL_QUEUE },
        { "rate", testRate, 0 },
        { "rate-is-raised", testRateIsRaised, 0 },
        { "rate-and-nobody-is-left", testRateAndNobodyIsLeft, 0 },
        { "who-is-told", testWhoIsTold, SMALL_QUEUE },
        { "register-in-gap", testRegisterInGap, SMALL_QUEUE },
        { "stalled-loop", testStalledLoop, SMALL_QUEUE },
        { "yield", testYield, SMALL_QUEUE },
        { "ahead", testAhead, 0 },
        { "ahead-of-nobody", testAheadOfNobody, 0 },
        { "fairness", testFairness, SMALL_QUEUE },
        { "reserve", testReserve, SMALL_QUEUE },
        { "reserve-is-shared", testReserveIsShared, 4 * VIR_OBJECT_EVENT_RESERVE_BYTES_MAX },
        { "nobody-watches", testNobodyWatches, 0 },
        { "kinds", testKinds, 0 },
        { "wake-ups", testWakeUps, 0 },
        { "filter-runs", testFilterRuns, 0 },
        { "filter-runs-of-other-domains", testFilterRunsOfOtherDomains, 0 },
        { "invented-names", testInventedNames, 0 },
        { "invented-long-names", testInventedLongNames, 0 },
        { "nothing-is-held", testNothingIsHeld, 0 },
        { "allocations", testAllocations, 0 },
        { "spent", testSpent, 0 },
        { "ten-thousand", testTenThousand, 0 },
        { "routes", testRoutes, 0 },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/conf/objectevent/", tests[i].path, NULL);

        g_test_add(path, Fixture, GSIZE_TO_POINTER(tests[i].maxBytes), setUp, tests[i].func,
                   tearDown);
    }
    g_test_add_func("/conf/objectevent/no-loop", testNoLoop);
    return g_test_run();
}
