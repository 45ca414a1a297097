/*
 * vireventglibtest.c: the built-in event loop
 *
 * Through the functions that applications call.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <unistd.h>

#include "virthread.h"

#define DEADLINE (20 * G_USEC_PER_SEC)

#ifndef __has_feature
# define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
# define SEES_NO_GLIB_LOCKS 1       /* two threads in GLib look like a race to it */
#else
# define SEES_NO_GLIB_LOCKS 0
#endif

typedef struct {
    int pipe[2];
    int id;                 /* of the handle or timeout that this is the opaque of */
    unsigned int calls;
    unsigned int freed;
    int events;             /* that it was called with last */
    int fd;
    void (*act)(void *self);
    void *other;
} Watched;

static void
setUp(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    g_assert_cmpint(pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK), ==, 0);
}

/* One turn that doesn't wait. */
static void
turn(void)
{
    g_main_context_iteration(NULL, FALSE);
}

/* Runs the loop until nothing is due. */
static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
tearDown(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    settle();
    if (w->pipe[0] >= 0)
        close(w->pipe[0]);
    if (w->pipe[1] >= 0)
        close(w->pipe[1]);
}

static void
onHandle(int watch, int fd, int events, void *opaque)
{
    Watched *w = opaque;

    g_assert_cmpint(watch, ==, w->id);
    w->calls++;
    w->fd = fd;
    w->events = events;
    if (w->act)
        w->act(w);
}

static void
onTimeout(int timer, void *opaque)
{
    Watched *w = opaque;

    g_assert_cmpint(timer, ==, w->id);
    w->calls++;
    if (w->act)
        w->act(w);
}

static void
onFree(void *opaque)
{
    ((Watched *)opaque)->freed++;
}

static void
addHandle(Watched *w, int events)
{
    w->id = virEventAddHandle(w->pipe[0], events, onHandle, w, onFree);
    g_assert_cmpint(w->id, >, 0);
}

static void
fill(Watched *w)
{
    g_assert_cmpint(write(w->pipe[1], "x", 1), ==, 1);
}

static void
drain(Watched *w)
{
    char c;

    while (read(w->pipe[0], &c, 1) == 1)
        ;
}

static void
testHandle(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    addHandle(w, VIR_EVENT_HANDLE_READABLE);
    turn();
    g_assert_cmpuint(w->calls, ==, 0);
    fill(w);
    g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
    g_assert_cmpuint(w->calls, ==, 1);
    g_assert_cmpint(w->events, ==, VIR_EVENT_HANDLE_READABLE);
    g_assert_cmpint(w->fd, ==, w->pipe[0]);
    turn();                                         /* as long as it is readable */
    g_assert_cmpuint(w->calls, ==, 2);

    virEventUpdateHandle(w->id, 0);
    turn();
    g_assert_cmpuint(w->calls, ==, 2);
    virEventUpdateHandle(w->id, VIR_EVENT_HANDLE_READABLE);
    turn();
    g_assert_cmpuint(w->calls, ==, 3);

    drain(w);
    close(w->pipe[1]);
    w->pipe[1] = -1;
    turn();
    g_assert_cmpint(w->events & VIR_EVENT_HANDLE_HANGUP, ==, VIR_EVENT_HANDLE_HANGUP);

    g_assert_cmpint(virEventRemoveHandle(w->id), ==, 0);
    g_assert_cmpuint(w->freed, ==, 0);              /* never inside that call */
    g_assert_cmpint(virEventRemoveHandle(w->id), ==, -1);
    w->calls = 0;
    settle();
    g_assert_cmpuint(w->freed, ==, 1);
    g_assert_cmpuint(w->calls, ==, 0);
}

static void
testWritable(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    char block[4096] = { 0 };

    w->id = virEventAddHandle(w->pipe[1], VIR_EVENT_HANDLE_WRITABLE, onHandle, w, NULL);
    turn();
    g_assert_cmpuint(w->calls, ==, 1);
    g_assert_cmpint(w->events, ==, VIR_EVENT_HANDLE_WRITABLE);
    while (write(w->pipe[1], block, sizeof(block)) > 0)
        ;
    turn();
    g_assert_cmpuint(w->calls, ==, 1);
    close(w->pipe[0]);
    w->pipe[0] = -1;
    turn();
    g_assert_cmpint(w->events & VIR_EVENT_HANDLE_ERROR, ==, VIR_EVENT_HANDLE_ERROR);
    g_assert_cmpint(virEventRemoveHandle(w->id), ==, 0);
    settle();
}

static void
testTimeout(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    w->id = virEventAddTimeout(-1, onTimeout, w, onFree);
    g_assert_cmpint(w->id, >, 0);
    settle();
    g_assert_cmpuint(w->calls, ==, 0);              /* not due */

    virEventUpdateTimeout(w->id, 0);
    turn();
    turn();
    g_assert_cmpuint(w->calls, ==, 2);              /* due at once, again and again */
    virEventUpdateTimeout(w->id, -1);
    settle();
    g_assert_cmpuint(w->calls, ==, 2);

    virEventUpdateTimeout(w->id, 1);
    while (w->calls < 4) {
        g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    g_assert_cmpint(virEventRemoveTimeout(w->id), ==, 0);
    g_assert_cmpint(virEventRemoveTimeout(w->id), ==, -1);
    g_assert_cmpuint(w->freed, ==, 0);
    settle();
    g_assert_cmpuint(w->freed, ==, 1);
    g_assert_cmpuint(w->calls, ==, 4);
}

/* Both have IDs from one counter; neither answers to the other's functions. */
static void
testOtherKind(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    Watched t = { .pipe = { -1, -1 } };

    addHandle(w, VIR_EVENT_HANDLE_READABLE);
    t.id = virEventAddTimeout(-1, onTimeout, &t, NULL);
    g_assert_cmpint(t.id, !=, w->id);
    g_assert_cmpint(virEventRemoveTimeout(w->id), ==, -1);
    g_assert_cmpint(virEventRemoveHandle(t.id), ==, -1);
    virEventUpdateTimeout(w->id, 0);
    virEventUpdateHandle(t.id, VIR_EVENT_HANDLE_READABLE);
    virEventUpdateTimeout(4711, 0);
    virEventUpdateHandle(4711, 0);
    settle();
    g_assert_cmpuint(t.calls, ==, 0);
    fill(w);
    turn();
    g_assert_cmpuint(w->calls, ==, 1);
    drain(w);
    g_assert_cmpint(virEventRemoveHandle(w->id), ==, 0);
    g_assert_cmpint(virEventRemoveTimeout(t.id), ==, 0);
    g_assert_cmpint(virEventAddHandle(-1, 0, onHandle, w, NULL), ==, -1);
}

static void
removeItself(void *opaque)
{
    Watched *w = opaque;

    g_assert_cmpint(virEventRemoveHandle(w->id), ==, 0);
    g_assert_cmpint(virEventRemoveHandle(w->id), ==, -1);
    g_assert_cmpuint(w->freed, ==, 0);
}

static void
testRemoveItself(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    w->act = removeItself;
    addHandle(w, VIR_EVENT_HANDLE_READABLE);
    fill(w);
    settle();
    g_assert_cmpuint(w->calls, ==, 1);
    g_assert_cmpuint(w->freed, ==, 1);
}

static void
removeOther(void *opaque)
{
    Watched *w = opaque;
    Watched *other = w->other;

    if (other->id > 0) {
        g_assert_cmpint(virEventRemoveHandle(other->id), ==, 0);
        other->id = 0;
    }
    drain(w);
}

/* Both were ready: the one that comes second isn't called any more. */
static void
testRemoveAnother(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    Watched second = { 0 };

    setUp(&second, NULL);
    w->act = removeOther;
    w->other = &second;
    addHandle(w, VIR_EVENT_HANDLE_READABLE);
    addHandle(&second, VIR_EVENT_HANDLE_READABLE);
    fill(w);
    fill(&second);
    settle();
    g_assert_cmpuint(w->calls, ==, 1);
    g_assert_cmpuint(second.calls, ==, 0);
    g_assert_cmpuint(second.freed, ==, 1);
    g_assert_cmpint(virEventRemoveHandle(w->id), ==, 0);
    tearDown(&second, NULL);
}

static void
removeAndRunLoop(void *opaque)
{
    Watched *w = opaque;

    g_assert_cmpint(virEventRemoveHandle(w->id), ==, 0);
    settle();
    g_assert_cmpuint(w->freed, ==, 0);      /* we are still in its callback */
}

/* A loop that runs inside a callback doesn't free what that callback belongs to. */
static void
testLoopInside(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    w->act = removeAndRunLoop;
    addHandle(w, VIR_EVENT_HANDLE_READABLE);
    fill(w);
    settle();
    g_assert_cmpuint(w->calls, ==, 1);
    g_assert_cmpuint(w->freed, ==, 1);
}

static void
removeTimeoutAndRunLoop(void *opaque)
{
    Watched *w = opaque;

    g_assert_cmpint(virEventRemoveTimeout(w->id), ==, 0);
    settle();
    g_assert_cmpuint(w->freed, ==, 0);
}

static void
testLoopInsideTimeout(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    w->act = removeTimeoutAndRunLoop;
    w->id = virEventAddTimeout(0, onTimeout, w, onFree);
    settle();
    g_assert_cmpuint(w->calls, ==, 1);
    g_assert_cmpuint(w->freed, ==, 1);
}

static void
updateItself(void *opaque)
{
    Watched *w = opaque;

    virEventUpdateTimeout(w->id, w->calls < 3 ? 0 : -1);
}

static void
testUpdateInside(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    w->act = updateItself;
    w->id = virEventAddTimeout(0, onTimeout, w, onFree);
    settle();
    g_assert_cmpuint(w->calls, ==, 3);
    g_assert_cmpint(virEventRemoveTimeout(w->id), ==, 0);
}

static void
addAnother(void *opaque)
{
    Watched *w = opaque;
    Watched *other = w->other;

    if (other->id == 0)
        other->id = virEventAddTimeout(0, onTimeout, other, onFree);
    virEventUpdateTimeout(w->id, -1);
}

static void
removeTimeoutItself(void *opaque)
{
    g_assert_cmpint(virEventRemoveTimeout(((Watched *)opaque)->id), ==, 0);
}

static void
testAddInside(Watched *w, gconstpointer opaque G_GNUC_UNUSED)
{
    Watched other = { .act = removeTimeoutItself };

    w->act = addAnother;
    w->other = &other;
    w->id = virEventAddTimeout(0, onTimeout, w, onFree);
    settle();
    g_assert_cmpuint(other.calls, ==, 1);
    g_assert_cmpuint(other.freed, ==, 1);
    g_assert_cmpint(virEventRemoveTimeout(w->id), ==, 0);
}

/* --- several threads --- */

typedef struct {
    virMutex lock;
    virCond cond;
    bool inside, leave;
    unsigned int calls, freed;
    pthread_t freeThread;
    int id;
} Shared;

static void
wait(Shared *s, bool *flag)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE;

    while (!*flag) {
        if (!virCondWaitUntil(&s->cond, &s->lock, deadline))
            g_error("waited in vain");
    }
}

static void
onShared(int timer G_GNUC_UNUSED, void *opaque)
{
    Shared *s = opaque;

    virMutexLock(&s->lock);
    s->calls++;
    s->inside = true;
    virCondBroadcast(&s->cond);
    wait(s, &s->leave);
    virMutexUnlock(&s->lock);
}

static void
onSharedFree(void *opaque)
{
    Shared *s = opaque;

    virMutexLock(&s->lock);
    s->freed++;
    s->freeThread = pthread_self();
    virMutexUnlock(&s->lock);
}

/* Not the loop's thread: adds, which must wake the loop, and removes while the callback runs. */
static void *
addAndRemove(void *opaque)
{
    Shared *s = opaque;
    int id = virEventAddTimeout(0, onShared, s, onSharedFree);

    virMutexLock(&s->lock);
    wait(s, &s->inside);
    virMutexUnlock(&s->lock);

    g_assert_cmpint(virEventRemoveTimeout(id), ==, 0);      /* doesn't wait for the callback */
    virMutexLock(&s->lock);
    g_assert_cmpuint(s->freed, ==, 0);
    s->leave = true;
    virCondBroadcast(&s->cond);
    virMutexUnlock(&s->lock);
    return NULL;
}

static void
testThreads(Watched *w G_GNUC_UNUSED, gconstpointer opaque G_GNUC_UNUSED)
{
    Shared s = { 0 };
    pthread_t thread;

    if (SEES_NO_GLIB_LOCKS) {
        g_test_message("the thread sanitizer does not see GLib's locks");
        return;
    }
    virMutexInit(&s.lock);
    virCondInit(&s.cond);
    g_assert_cmpint(pthread_create(&thread, NULL, addAndRemove, &s), ==, 0);
    while (s.freed == 0)                                    /* this thread's own by then */
        virEventRunDefaultImpl();
    pthread_join(thread, NULL);
    g_assert_cmpuint(s.calls, ==, 1);
    g_assert_cmpuint(s.freed, ==, 1);
    g_assert_true(pthread_equal(s.freeThread, pthread_self()));
    virCondDestroy(&s.cond);
    virMutexDestroy(&s.lock);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Watched *w, gconstpointer opaque);
    } tests[] = {
        { "/util/eventglib/handle", testHandle },
        { "/util/eventglib/writable", testWritable },
        { "/util/eventglib/timeout", testTimeout },
        { "/util/eventglib/other-kind", testOtherKind },
        { "/util/eventglib/remove-itself", testRemoveItself },
        { "/util/eventglib/remove-another", testRemoveAnother },
        { "/util/eventglib/loop-inside", testLoopInside },
        { "/util/eventglib/loop-inside-timeout", testLoopInsideTimeout },
        { "/util/eventglib/update-inside", testUpdateInside },
        { "/util/eventglib/add-inside", testAddInside },
        { "/util/eventglib/threads", testThreads },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Watched, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
