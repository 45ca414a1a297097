/*
 * viraccessdriver.h: what somebody who decides has to offer
 *
 * Between viraccessmanager.c and the drivers; nobody else includes it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "viraccessmanager.h"

typedef struct {
    const char *name;           /* in access_drivers */
    /* Returns its own state, or NULL with an error reported. The functions of it run in any
     * thread, several at once. */
    void *(*open)(const virAccessSettings *settings, virAccessChangedFunc changed, void *opaque);
    /* Takes up other settings. Returns 0, or -1 with an error reported, and goes on as before.
     * NULL: there is nothing to take up. */
    int (*reload)(void *state, const virAccessSettings *settings);
    /* Returns 1 if it is allowed, 0 if it isn't, -1 with an error reported if that can't be found
     * out. May block, for no longer than VIR_ACCESS_WAIT_MAX_MS. */
    int (*check)(void *state, const virAccessQuestion *question);
    /* From now on nothing blocks any more. NULL: nothing ever does. */
    void (*stop)(void *state);
    void (*close)(void *state);
} virAccessDriver;

extern const virAccessDriver virAccessDriverNone;
extern const virAccessDriver virAccessDriverFile;
extern const virAccessDriver virAccessDriverPolkit;
