/*
 * virstate.h: drivers as a daemon runs them, from its start to its end
 *
 * Not for applications: a process that has called virStateInitialize() opens no connections to
 * other daemons, and only those to its own drivers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

/* @monitors: NULL-terminated; absolute paths of monitors' sockets, whose components may be
 * globs. */
typedef struct {
    const char *name;
    int (*stateCheck)(const char *const *monitors);
    int (*stateInitialize)(const char *const *monitors);
    int (*stateReload)(const char *const *monitors);
    void (*stateStop)(void);
    void (*stateCleanup)(void);
} virStateDriver;

/* Whether they could be started with these. Returns 0, or -1 with an error reported. */
int virStateCheck(const char *const *monitors);
/* Starts the drivers, which know the domains that are there when it returns. Once, before the
 * first connection is opened. Returns 0, or -1 with an error reported. */
int virStateInitialize(const char *const *monitors);
/* Goes on with other monitors. Returns 0, or -1 with an error reported and nothing changed. */
int virStateReload(const char *const *monitors);
/* Lets go of all domains, for good: calls that wait for one of them fail. */
void virStateStop(void);
/* The end, once the last connection is closed. */
void virStateCleanup(void);
/* Whether this is a daemon's process. */
bool virStateIsActive(void);
