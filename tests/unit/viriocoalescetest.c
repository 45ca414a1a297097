/*
 * viriocoalescetest.c: when to let more come before it is read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viriocoalesce.h"

#include "testutils.h"

#define TURNS VIR_IO_COALESCE_TURNS_MAX
#define BYTES VIR_IO_COALESCE_BYTES_MAX
/* What turns bring that are worth too little, at the most. */
#define LITTLE (VIR_IO_COALESCE_TURNS_BYTES_MAX / TURNS)
#define WITHIN (VIR_IO_COALESCE_TURNS_MS * 1000)

/* Turns that come so fast that they are spaced, in microseconds from one to the next, and the
 * fastest that are not. */
#define FAST (WITHIN / TURNS)
#define SLOW (WITHIN / (TURNS - 1) + 1)

/* When tests begin: at some time, as a clock has it. */
#define BEGIN G_GINT64_CONSTANT(5000000000)

/* @n turns that end @step apart from @now on and bring @bytes each: returns how many of them were
 * to wait. */
static unsigned int
run(virIOCoalesce *coalesce, gint64 *now, unsigned int n, gint64 step, size_t bytes)
{
    unsigned int waits = 0;

    for (; n > 0; n--, *now += step) {
        unsigned int wait;

        virIOCoalesceCount(coalesce, bytes);
        wait = virIOCoalesceTurn(coalesce, *now);
        if (wait == 0)
            continue;
        g_assert_cmpuint(wait, ==, VIR_IO_COALESCE_WAIT_US);
        waits++;
    }
    return waits;
}

static void
testFast(void)
{
    virIOCoalesce coalesce = { 0 };
    gint64 now = BEGIN;

    g_assert_cmpuint(run(&coalesce, &now, TURNS - 1, FAST, 300), ==, 0);
    g_assert_cmpuint(run(&coalesce, &now, 1, FAST, 300), ==, 1);
    /* Spaced ones are slow, which doesn't end it. */
    g_assert_cmpuint(run(&coalesce, &now, 100, VIR_IO_COALESCE_WAIT_US, 3000), ==, 100);
}

static void
testSlow(void)
{
    virIOCoalesce coalesce = { 0 };
    gint64 now = BEGIN;

    g_assert_cmpuint(run(&coalesce, &now, 10 * TURNS, SLOW, 300), ==, 0);
}

/* So many turns within exactly so much time are too many, and a microsecond more is enough. */
static void
testEdge(void)
{
    gint64 over;

    for (over = 0; over < 2; over++) {
        virIOCoalesce coalesce = { 0 };
        gint64 now = BEGIN;

        run(&coalesce, &now, TURNS - 1, FAST, 300);
        now = BEGIN + WITHIN + over;
        g_assert_cmpuint(run(&coalesce, &now, 1, FAST, 300), ==, 1 - over);
    }
}

/* It lasts a while, to the microsecond, and then turns must be fast again. */
static void
testEnds(void)
{
    virIOCoalesce coalesce = { 0 };
    gint64 now = BEGIN;

    run(&coalesce, &now, TURNS, FAST, 300);
    now += VIR_IO_COALESCE_FOR_MS * 1000 - FAST - 1;
    g_assert_cmpuint(run(&coalesce, &now, 1, 1, 300), ==, 1);
    g_assert_cmpuint(run(&coalesce, &now, 1, SLOW, 300), ==, 0);
    g_assert_cmpuint(run(&coalesce, &now, 10 * TURNS - 1, SLOW, 300), ==, 0);
    g_assert_cmpuint(run(&coalesce, &now, TURNS, FAST, 300), ==, 1);
}

/* What brings much needn't wait, nor does what brings nothing. */
static void
testWorthIt(void)
{
    virIOCoalesce coalesce = { 0 };
    gint64 now = BEGIN;

    g_assert_cmpuint(run(&coalesce, &now, 10 * TURNS, 1, LITTLE + 1), ==, 0);
    g_assert_cmpuint(run(&coalesce, &now, 10 * TURNS, 1, 0), ==, 0);
    g_assert_cmpuint(run(&coalesce, &now, TURNS, FAST, LITTLE), ==, 1);
    g_assert_cmpuint(run(&coalesce, &now, 10, 1, BYTES), ==, 0);
    g_assert_cmpuint(run(&coalesce, &now, 10, 1, BYTES - 1), ==, 10);
    g_assert_cmpuint(run(&coalesce, &now, 10, 1, 0), ==, 0);
    g_assert_cmpuint(run(&coalesce, &now, 10, 1, 1), ==, 10);
}

/* One that brings much stands for many. */
static void
testTogether(void)
{
    virIOCoalesce coalesce = { 0 };
    gint64 now = BEGIN;
    unsigned int i;

    for (i = 0; i < 10; i++) {
        g_assert_cmpuint(run(&coalesce, &now, TURNS - 1, FAST, 1), ==, 0);
        g_assert_cmpuint(run(&coalesce, &now, 1, FAST, TURNS * LITTLE), ==, 0);
    }
    /* Bytes that several sockets bring in one turn count together. */
    for (i = 0; i < 10 * TURNS; i++, now++) {
        virIOCoalesceCount(&coalesce, LITTLE);
        virIOCoalesceCount(&coalesce, 1);
        g_assert_cmpuint(virIOCoalesceTurn(&coalesce, now), ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/coalesce/fast", testFast);
    g_test_add_func("/coalesce/slow", testSlow);
    g_test_add_func("/coalesce/edge", testEdge);
    g_test_add_func("/coalesce/ends", testEnds);
    g_test_add_func("/coalesce/worth-it", testWorthIt);
    g_test_add_func("/coalesce/together", testTogether);
    return g_test_run();
}
