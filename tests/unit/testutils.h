/*
 * testutils.h: what a test may not leave behind, and the application's event loop
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>

size_t testCountFds(void);
/* How many threads this process has. */
size_t testCountThreads(void);
/* g_test_run(), and fails if there are more descriptors than before. */
int testRunCountingFds(void);
/* Runs the default event loop until everything that is due by now has been done. */
void testDrainEventLoop(void);
