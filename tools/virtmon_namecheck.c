/*
 * virtmon_namecheck.c: a warning about events that are waited for in vain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_namecheck.h"

#include <signal.h>
#include <time.h>

#include "virtmon_schema.h"

typedef struct {
    virtmonWatch *watch;        /* a reference, as the next, which holds the connection */
    virDomainPtr dom;
    char **events;
    bool nocase;
} virtmonNameCheck;

static void
virtmonNameCheckFree(virtmonNameCheck *check)
{
    virDomainFree(check->dom);
    virtmonWatchUnref(check->watch);
    g_strfreev(check->events);
    g_free(check);
}

static void
virtmonNameCheckWarn(vshControl *ctl, const virtmonSchema *schema, const char *domain,
                     const char *event)
{
    const char *nearest = virtmonSchemaNearest(schema, event);

    if (nearest)
        vshWarn(ctl, _("QEMU of domain '%1$s' has no event '%2$s'; the nearest that it has is "
                       "'%3$s'"), domain, event, nearest);
    else
        vshWarn(ctl, _("QEMU of domain '%1$s' has no event '%2$s'"), domain, event);
}

/* The shell lives as long as the watch isn't over, and is touched only then. */
static void *
virtmonNameCheckRun(void *opaque)
{
    virtmonNameCheck *check = opaque;
    g_autofree char *why = NULL;
    g_autoptr(virtmonSchema) schema = virtmonSchemaQuery(check->dom, &why);
    size_t i;

    if (virtmonWatchEnter(check->watch)) {
        vshControl *ctl = virtmonWatchControl(check->watch);

        for (i = 0; schema && check->events[i]; i++) {
            if (!virtmonSchemaHas(schema, check->events[i], check->nocase))
                virtmonNameCheckWarn(ctl, schema, virDomainGetName(check->dom),
                                     check->events[i]);
        }
        vshDebug(ctl, VIRTMON_WATCH_DEBUG_LEVEL, "%s", "names of events were checked");
        virtmonWatchLeave(check->watch, false);
    }
    virtmonNameCheckFree(check);
    return NULL;
}

bool
virtmonNameCheckStart(virtmonWatch *watch, virDomainPtr dom, const char *const *events,
                      bool nocase, pthread_t *thread)
{
    virtmonNameCheck *check = g_new0(virtmonNameCheck, 1);
    sigset_t all, saved;
    int err;

    check->watch = virtmonWatchRef(watch);
    check->dom = dom;
    virDomainRef(dom);
    check->events = g_strdupv((char **)events);
    check->nocase = nocase;

    /* Signals are for the thread that waits. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    err = pthread_create(thread, NULL, virtmonNameCheckRun, check);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (err != 0)
        virtmonNameCheckFree(check);
    return err == 0;
}

void
virtmonNameCheckFinish(pthread_t thread)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += VIRTMON_NAME_CHECK_WAIT_MS / 1000;
    until.tv_nsec += VIRTMON_NAME_CHECK_WAIT_MS % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    if (pthread_timedjoin_np(thread, NULL, &until) != 0)
        pthread_detach(thread);
}
