/*
 * objecteventracetest.c: registrations, queue and delivery, in several threads
 *
 * A companion of objecteventtest.c. With the built-in event loop, in a thread of its
 * own as applications have it; under the thread sanitizer with one whose locks it sees.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "object_event.h"

#include <string.h>

#include "domain_event.h"
#include "testloop.h"
#include "virthread.h"

#define DEADLINE (60 * G_USEC_PER_SEC)

#ifndef __has_feature
# define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
# define OWN_LOOP 1
# define ROUNDS 1000
# define ROUNDS_OF_MANY 50
#else
# define OWN_LOOP 0
# define ROUNDS 3000
# define ROUNDS_OF_MANY 400
#endif

typedef struct {
    virObjectEventState *state;
    virConnectPtr conn;
    virDomainIdent *ident;
    pthread_t loop;
    atomic_bool stopLoop;

    pthread_t producer;
    atomic_bool stopProducer;
    guint64 number;                 /* the producer's own */

    virMutex lock;                  /* guards all below */
    virCond cond;
    unsigned int calls;
    unsigned int freed;
    bool inside;                    /* a callback has been entered ... */
    bool leave;                     /* ... and may go */
    pthread_t freeThread;
} Fixture;

static void *
runLoop(void *opaque)
{
    Fixture *f = opaque;

    while (!atomic_load(&f->stopLoop)) {
        if (OWN_LOOP)
            testLoopWait();
        else
            virEventRunDefaultImpl();
    }
    return NULL;
}

static void
onNothing(int timer G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
}

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1 };

    if (OWN_LOOP)
        testLoopRegister();
    else
        g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    virMutexInit(&f->lock);
    virCondInit(&f->cond);
    f->state = virObjectEventStateNew(0);
    f->conn = virGetConnect();
    f->ident = virDomainIdentNew("one", uuid, 1);
    g_assert_cmpint(pthread_create(&f->loop, NULL, runLoop, f), ==, 0);
}

static void
stopLoop(Fixture *f)
{
    int timer = -1;

    atomic_store(&f->stopLoop, true);
    if (OWN_LOOP)
        testLoopWake();
    else
        timer = virEventAddTimeout(0, onNothing, NULL, NULL);
    pthread_join(f->loop, NULL);

    if (OWN_LOOP) {
        testLoopDrain();
    } else {
        virEventRemoveTimeout(timer);
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    virObjectEventStats stats;

    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.registrations, ==, 0);
    stopLoop(f);
    virObjectEventStateGetStats(f->state, &stats);
    g_assert_cmpuint(stats.queuedBytes, ==, 0);
    g_assert_cmpint(atomic_load(&f->conn->refs), ==, 1);
    g_assert_cmpuint(atomic_load(&f->ident->refs), ==, 1);
    virConnectUnref(f->conn);
    virDomainIdentUnref(f->ident);
    virObjectEventStateUnref(f->state);
    virCondDestroy(&f->cond);
    virMutexDestroy(&f->lock);
}

/* Waits for something that the lock guards, which the caller holds. */
#define waitFor(f, condition) \
    do { \
        gint64 deadline_ = g_get_monotonic_time() + DEADLINE; \
        while (!(condition)) { \
            if (!virCondWaitUntil(&(f)->cond, &(f)->lock, deadline_)) \
                g_error("waited in vain for " #condition); \
        } \
    } while (0)

static void
onEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
        const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
        unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->calls++;
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
onFree(void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->freed++;
    f->freeThread = pthread_self();
    virCondBroadcast(&f->cond);
    virMutexUnlock(&f->lock);
}

static void
push(Fixture *f, size_t count)
{
    virObjectEventBatch batch = { 0 };

    while (count-- > 0)
        virObjectEventBatchAdd(&batch, virDomainMonitorEventNew(f->ident, ++f->number, "STOP", 4,
                                                                1, 1, 1, NULL, 0));
    virObjectEventStatePush(f->state, &batch);
}

static void *
produce(void *opaque)
{
    Fixture *f = opaque;

    while (!atomic_load(&f->stopProducer))
        push(f, 1 + f->number % 7);
    return NULL;
}

static void
startProducer(Fixture *f)
{
    g_assert_cmpint(pthread_create(&f->producer, NULL, produce, f), ==, 0);
}

static void
stopProducer(Fixture *f)
{
    atomic_store(&f->stopProducer, true);
    pthread_join(f->producer, NULL);
}

static int
watch(Fixture *f)
{
    int id = virDomainMonitorEventStateRegister(f->state, f->conn, NULL, "STOP", onEvent, f,
                                                onFree, 0);

    g_assert_cmpint(id, >=, 0);
    return id;
}

static void
unwatch(Fixture *f, int id)
{
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, id), >=, 0);
}

/* A watcher leaves while events pour in, the next one comes, and must get some. libvirt loses the
 * timer of its queue in this about once in fifty times, and then nobody gets anything. */
static void
testLeavesInABurst(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned int round;

    startProducer(f);
    for (round = 1; round <= ROUNDS; round++) {
        unsigned int before;
        int id;

        virMutexLock(&f->lock);
        before = f->calls;
        virMutexUnlock(&f->lock);
        id = watch(f);
        virMutexLock(&f->lock);
        waitFor(f, f->calls > before);
        virMutexUnlock(&f->lock);
        unwatch(f, id);
    }
    stopProducer(f);
    virMutexLock(&f->lock);
    waitFor(f, f->freed == ROUNDS);
    virMutexUnlock(&f->lock);
}

/* The same without waiting for the first event: leaves at any moment. */
static void
testLeavesAtOnce(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned int round;
    unsigned int before;
    int id;

    startProducer(f);
    for (round = 0; round < ROUNDS; round++)
        unwatch(f, watch(f));
    virMutexLock(&f->lock);
    waitFor(f, f->freed == ROUNDS);
    before = f->calls;
    virMutexUnlock(&f->lock);

    id = watch(f);
    virMutexLock(&f->lock);
    waitFor(f, f->calls > before);
    virMutexUnlock(&f->lock);
    unwatch(f, id);
    stopProducer(f);
    virMutexLock(&f->lock);
    waitFor(f, f->freed == ROUNDS + 1);
    virMutexUnlock(&f->lock);
}

static void *
comeAndGo(void *opaque)
{
    Fixture *f = opaque;
    unsigned int round;

    for (round = 0; round < ROUNDS_OF_MANY; round++) {
        int named = watch(f);
        int lifecycle = virDomainEventStateRegisterAny(f->state, f->conn, NULL, 0,
                                                       (virConnectDomainEventGenericCallback)
                                                       (void (*)(void))onEvent, f, NULL);

        unwatch(f, named);
        if (lifecycle >= 0)         /* one of the threads has it, the others are refused */
            g_assert_cmpint(virDomainEventStateDeregisterAny(f->state, f->conn, lifecycle), ==, 0);
    }
    return NULL;
}

static void
testManyThreads(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    pthread_t threads[4];
    size_t i;

    startProducer(f);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, comeAndGo, f), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    stopProducer(f);
    virMutexLock(&f->lock);
    waitFor(f, f->freed == G_N_ELEMENTS(threads) * ROUNDS_OF_MANY);
    virMutexUnlock(&f->lock);
}

static void
onEventAndWait(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
               const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
               unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED, void *opaque)
{
    Fixture *f = opaque;

    virMutexLock(&f->lock);
    f->calls++;
    f->inside = true;
    virCondBroadcast(&f->cond);
    waitFor(f, f->leave);
    virMutexUnlock(&f->lock);
}

/* Deregistering from another thread while the callback runs doesn't wait for it; the free function
 * comes after it, in the loop's thread. */
static void
testDeregisterMeanwhile(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    int id = virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onEventAndWait, f,
                                                onFree, 0);

    push(f, 3);
    virMutexLock(&f->lock);
    waitFor(f, f->inside);
    virMutexUnlock(&f->lock);

    unwatch(f, id);
    g_assert_cmpint(virDomainMonitorEventStateDeregister(f->state, f->conn, id), ==, -1);
    virMutexLock(&f->lock);
    g_assert_cmpuint(f->freed, ==, 0);
    f->leave = true;
    virCondBroadcast(&f->cond);
    waitFor(f, f->freed == 1);
    g_assert_cmpuint(f->calls, ==, 1);
    g_assert_true(pthread_equal(f->freeThread, f->loop));
    virMutexUnlock(&f->lock);
}

/* Outside a delivery it is freed at once, in the thread that deregisters. */
static void
testDeregisterBefore(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    int id = watch(f);

    unwatch(f, id);
    virMutexLock(&f->lock);
    g_assert_cmpuint(f->freed, ==, 1);
    g_assert_true(pthread_equal(f->freeThread, pthread_self()));
    virMutexUnlock(&f->lock);
}

/* Events of two streams, pushed by two threads, come complete and each in its order. */
typedef struct {
    Fixture *f;
    virDomainIdent *ident;
    guint64 last;                   /* the loop's own */
} Stream;

#define STREAM_EVENTS 20000

static void *
produceStream(void *opaque)
{
    Stream *stream = opaque;
    guint64 number = 0;

    while (number < STREAM_EVENTS) {
        virObjectEventBatch batch = { 0 };
        size_t i;

        for (i = 0; i < 50; i++)
            virObjectEventBatchAdd(&batch, virDomainMonitorEventNew(stream->ident, ++number,
                                                                    "STOP", 4, 1, 1, 1, NULL, 0));
        virObjectEventStatePush(stream->f->state, &batch);
    }
    return NULL;
}

static void
onStream(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr dom G_GNUC_UNUSED,
         const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
         unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED, void *opaque)
{
    Stream *streams = opaque;
    virObjectEvent *current = virObjectEventCurrent();
    Stream *stream = current->domain == streams[0].ident ? &streams[0] : &streams[1];

    g_assert_cmpuint(current->number, ==, stream->last + 1);
    stream->last++;
    if (stream->last == STREAM_EVENTS) {
        virMutexLock(&stream->f->lock);
        stream->f->calls++;
        virCondBroadcast(&stream->f->cond);
        virMutexUnlock(&stream->f->lock);
    }
}

static void
testTwoProducers(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 2 };
    Stream streams[] = { { .f = f, .ident = f->ident },
                         { .f = f, .ident = virDomainIdentNew("two", uuid, 2) } };
    pthread_t threads[2];
    size_t i;
    int id = virDomainMonitorEventStateRegister(f->state, f->conn, NULL, NULL, onStream, streams,
                                                NULL, 0);

    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, produceStream, &streams[i]), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    virMutexLock(&f->lock);
    waitFor(f, f->calls == 2);
    virMutexUnlock(&f->lock);
    unwatch(f, id);
    virDomainIdentUnref(streams[1].ident);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/conf/objectevent/race/leaves-in-a-burst", testLeavesInABurst },
        { "/conf/objectevent/race/leaves-at-once", testLeavesAtOnce },
        { "/conf/objectevent/race/many-threads", testManyThreads },
        { "/conf/objectevent/race/deregister-meanwhile", testDeregisterMeanwhile },
        { "/conf/objectevent/race/deregister-before", testDeregisterBefore },
        { "/conf/objectevent/race/two-producers", testTwoProducers },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
