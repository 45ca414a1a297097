/*
 * testloop.h: an event loop that a test drives by hand
 *
 * Serves what is ready when it is told to and waits only when it is told to, so that a
 * test knows what has run and what has not; it may be run inside its own callbacks,
 * which the built-in loop does not do for one handle; and the thread sanitizer sees
 * its locks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>

/* Makes it the event loop of the process. May be called again. */
void testLoopRegister(void);
/* Serves each handle that is ready once. Returns how many were. */
size_t testLoopRun(void);
/* Runs until nothing is ready. Returns how often something was; aborts if there is no end. */
size_t testLoopDrain(void);
/* The same, but waits until something is ready, or until testLoopWake() is called by another
 * thread: for tests that have a thread for their loop. */
void testLoopWait(void);
void testLoopWake(void);
/* Handles that were added and not removed, timeouts included. */
size_t testLoopHandles(void);
