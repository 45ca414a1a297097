/*
 * remote_daemon_pace.c: streams that all of their clients have enough of for now
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_pace.h"

/* A stream that is held. */
typedef struct {
    virDomainIdent *ident;      /* a reference */
    GPtrArray *clients;         /* that were behind; only compared */
} remotePaceHold;

struct _remotePace {
    virObjectEventState *state; /* whose events these are, from the first on; a reference */
    GPtrArray *holds;           /* remotePaceHold: few, as their clients are */

    virDomainIdent *ident;      /* stream of the event that is being counted; a reference, or NULL */
    guint64 serial;             /* of that event */
    bool keptUp;                /* by one of its clients, so far */
    GPtrArray *behind;          /* those that are; only compared */
};

static void
remotePaceHoldFree(void *opaque)
{
    remotePaceHold *hold = opaque;

    virDomainIdentUnref(hold->ident);
    g_ptr_array_unref(hold->clients);
    g_free(hold);
}

remotePace *
remotePaceNew(void)
{
    remotePace *pace = g_new0(remotePace, 1);

    pace->holds = g_ptr_array_new_with_free_func(remotePaceHoldFree);
    pace->behind = g_ptr_array_new();
    return pace;
}

/* Lets the stream of hold number @i go on. */
static void
remotePaceRelease(remotePace *pace, size_t i)
{
    remotePaceHold *hold = g_ptr_array_index(pace->holds, i);

    virObjectEventStateSetHeld(pace->state, hold->ident, false);
    g_ptr_array_remove_index_fast(pace->holds, i);
}

void
remotePaceFree(remotePace *pace)
{
    if (!pace)
        return;
    while (pace->holds->len > 0)
        remotePaceRelease(pace, 0);
    g_ptr_array_unref(pace->holds);
    g_ptr_array_unref(pace->behind);
    g_clear_pointer(&pace->ident, virDomainIdentUnref);
    g_clear_pointer(&pace->state, virObjectEventStateUnref);
    g_free(pace);
}

static void
remotePaceReleaseCurrent(remotePace *pace)
{
    size_t i;

    for (i = 0; i < pace->holds->len; i++) {
        remotePaceHold *hold = g_ptr_array_index(pace->holds, i);

        if (hold->ident == pace->ident) {
            remotePaceRelease(pace, i);
            return;
        }
    }
}

static void
remotePaceHoldCurrent(remotePace *pace)
{
    remotePaceHold *hold = g_new0(remotePaceHold, 1);

    hold->ident = virDomainIdentRef(pace->ident);
    hold->clients = g_steal_pointer(&pace->behind);
    pace->behind = g_ptr_array_new();
    g_ptr_array_add(pace->holds, hold);
    virObjectEventStateSetHeld(pace->state, hold->ident, true);
}

/* The event before has been to all of its clients. */
static void
remotePaceSettle(remotePace *pace)
{
    bool wanted = !pace->keptUp && pace->behind->len > 0;

    if (pace->ident && atomic_load(&pace->ident->held) != wanted) {
        if (wanted)
            remotePaceHoldCurrent(pace);
        else
            remotePaceReleaseCurrent(pace);
    }
    g_ptr_array_set_size(pace->behind, 0);
    pace->keptUp = false;
}

void
remotePaceCount(remotePace *pace, const virObjectEvent *event, const void *client,
                remotePaceState state)
{
    if (!pace->state)
        pace->state = virObjectEventStateRef(virObjectEventCurrentState());
    if (!pace->ident || event->serial != pace->serial) {
        remotePaceSettle(pace);
        if (pace->ident != event->domain) {
            virDomainIdentUnref(pace->ident);
            pace->ident = virDomainIdentRef(event->domain);
        }
        pace->serial = event->serial;
    }
    if (state == REMOTE_PACE_BEHIND) {
        g_ptr_array_add(pace->behind, (void *)client);
    } else if (state == REMOTE_PACE_KEEPS_UP) {
        pace->keptUp = true;
        if (atomic_load(&pace->ident->held))
            remotePaceReleaseCurrent(pace);
    }
}

void
remotePaceEase(remotePace *pace, const void *client)
{
    size_t i = 0;

    while (i < pace->holds->len) {
        remotePaceHold *hold = g_ptr_array_index(pace->holds, i);

        if (g_ptr_array_find(hold->clients, client, NULL))
            remotePaceRelease(pace, i);
        else
            i++;
    }
    while (g_ptr_array_remove_fast(pace->behind, (void *)client))
        ;
}
