/*
 * vshwaittest.c: waits, and all that may end them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

#include <unistd.h>

/* For hunting races. Each round takes some microseconds. */
#define TEST_ROUNDS 2000

static vshControl *shell;

static void
testEndBeforeRun(void)
{
    g_assert_true(vshWaitBegin(shell));
    vshWaitEnd(shell);
    g_assert_cmpint(vshWaitRun(shell, 0), ==, VSH_WAIT_DONE);
    vshWaitFinish(shell);

    /* That one is over: the next has an outcome of its own. */
    g_assert_true(vshWaitBegin(shell));
    g_assert_cmpint(vshWaitRun(shell, 1), ==, VSH_WAIT_TIMEOUT);
    vshWaitFinish(shell);
}

static void
testFirstReasonCounts(void)
{
    g_assert_true(vshWaitBegin(shell));
    vshWaitDisconnect(shell);
    vshWaitEnd(shell);
    raise(SIGINT);
    g_assert_cmpint(vshWaitRun(shell, 1), ==, VSH_WAIT_DISCONNECT);
    /* Asking again changes nothing. */
    g_assert_cmpint(vshWaitRun(shell, 1), ==, VSH_WAIT_DISCONNECT);
    vshWaitFinish(shell);
}

static void
testInterruptBeforeRun(void)
{
    g_assert_true(vshWaitBegin(shell));
    raise(SIGINT);
    g_assert_cmpint(vshWaitRun(shell, 0), ==, VSH_WAIT_INTERRUPT);
    vshWaitFinish(shell);
}

static volatile sig_atomic_t signalsSeen;

static void
countSignal(int sig G_GNUC_UNUSED)
{
    signalsSeen++;
}

/* Outside of a wait SIGINT does what it did before. */
static void
testHandlerIsPutBack(void)
{
    struct sigaction action = { .sa_handler = countSignal };
    struct sigaction saved;

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &saved);
    g_assert_true(vshWaitBegin(shell));
    raise(SIGINT);
    g_assert_cmpint(signalsSeen, ==, 0);
    vshWaitFinish(shell);
    raise(SIGINT);
    g_assert_cmpint(signalsSeen, ==, 1);
    sigaction(SIGINT, &saved, NULL);
}

static void *
endFromThread(void *opaque)
{
    vshWaitEnd(opaque);
    return NULL;
}

static void *
interruptFromThread(void *opaque G_GNUC_UNUSED)
{
    kill(getpid(), SIGINT);
    return NULL;
}

/* Whether the end comes before, while or after the wait goes to sleep: it is seen. */
static void
testRaces(void)
{
    unsigned int interrupted = 0;
    int i;

    for (i = 0; i < TEST_ROUNDS; i++) {
        pthread_t ender, interrupter;
        vshWaitOutcome outcome;

        g_assert_true(vshWaitBegin(shell));
        g_assert_cmpint(pthread_create(&ender, NULL, endFromThread, shell), ==, 0);
        g_assert_cmpint(pthread_create(&interrupter, NULL, interruptFromThread, NULL), ==, 0);
        outcome = vshWaitRun(shell, 0);
        g_assert_true(outcome == VSH_WAIT_DONE || outcome == VSH_WAIT_INTERRUPT);
        interrupted += outcome == VSH_WAIT_INTERRUPT;
        pthread_join(ender, NULL);
        pthread_join(interrupter, NULL);
        vshWaitFinish(shell);
    }
    g_test_message("%u of %d rounds were interrupted", interrupted, TEST_ROUNDS);
}

/* The event loop's thread is where most ends come from. */
static void
endFromTimer(int timer, void *opaque)
{
    virEventRemoveTimeout(timer);
    vshWaitEnd(opaque);
}

static void
testEventLoop(void)
{
    int i;

    for (i = 0; i < 100; i++) {
        g_assert_true(vshWaitBegin(shell));
        g_assert_cmpint(virEventAddTimeout(0, endFromTimer, shell, NULL), >=, 0);
        g_assert_cmpint(vshWaitRun(shell, 60), ==, VSH_WAIT_DONE);
        vshWaitFinish(shell);
    }
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    shell = testShellNew();
    g_test_add_func("/vsh/wait/end-before-run", testEndBeforeRun);
    g_test_add_func("/vsh/wait/first-reason-counts", testFirstReasonCounts);
    g_test_add_func("/vsh/wait/interrupt-before-run", testInterruptBeforeRun);
    g_test_add_func("/vsh/wait/handler-is-put-back", testHandlerIsPutBack);
    g_test_add_func("/vsh/wait/races", testRaces);
    g_test_add_func("/vsh/wait/event-loop", testEventLoop);
    status = g_test_run();
    vshFree(shell);
    return status;
}
