/*
 * remote_daemon_pace.c: streams that all of their clients have enough of for now
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_pace.h"

struct _remotePace {
    virObjectEventState *state; /* whose events these are, from the first on; a reference */
    virDomainIdent *ident;      /* stream of the event that is being counted; a reference, or NULL */
    guint64 serial;             /* of that event */
    bool allBehind;             /* its clients, so far */
    GPtrArray *held;            /* virDomainIdent: a reference each */
};

static void
remotePaceIdentUnref(void *opaque)
{
    virDomainIdentUnref(opaque);
}

remotePace *
remotePaceNew(void)
{
    remotePace *pace = g_new0(remotePace, 1);

    pace->held = g_ptr_array_new_with_free_func(remotePaceIdentUnref);
    return pace;
}

void
remotePaceFree(remotePace *pace)
{
    if (!pace)
        return;
    remotePaceEase(pace);
    g_ptr_array_unref(pace->held);
    g_clear_pointer(&pace->ident, virDomainIdentUnref);
    g_clear_pointer(&pace->state, virObjectEventStateUnref);
    g_free(pace);
}

/* The event before has been to all of its clients. */
static void
remotePaceSettle(remotePace *pace)
{
    bool held;

    if (!pace->ident || (held = atomic_load(&pace->ident->held)) == pace->allBehind)
        return;
    if (held)
        g_ptr_array_remove_fast(pace->held, pace->ident);
    else
        g_ptr_array_add(pace->held, virDomainIdentRef(pace->ident));
    virObjectEventStateSetHeld(pace->state, pace->ident, pace->allBehind);
}

void
remotePaceCount(remotePace *pace, const virObjectEvent *event, bool behind)
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
        pace->allBehind = true;
    }
    pace->allBehind = pace->allBehind && behind;
}

void
remotePaceEase(remotePace *pace)
{
    size_t i;

    for (i = 0; i < pace->held->len; i++)
        virObjectEventStateSetHeld(pace->state, g_ptr_array_index(pace->held, i), false);
    g_ptr_array_set_size(pace->held, 0);
    pace->allBehind = false;
}
