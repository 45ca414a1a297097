/*
 * virtmon_watch.c: what "event" and "qemu-monitor-event" share: events counted up to a limit,
 * the wait for them, the summary at the end
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct _virtmonWatch {
    atomic_uint refs;
    vshControl *ctl;            /* immutable, as the next; outlives the event loop */
    unsigned int limit;         /* 0: none */

    /* Held while an event is shown, so that the count is that of what was shown. */
    pthread_mutex_t lock;
    guint64 count;              /* guarded by the lock, as the next */
    bool over;
};

virtmonWatch *
virtmonWatchNew(vshControl *ctl, unsigned int limit)
{
    virtmonWatch *watch;

    if (!vshWaitBegin(ctl))
        return NULL;
    watch = g_new0(virtmonWatch, 1);
    atomic_init(&watch->refs, 1);
    pthread_mutex_init(&watch->lock, NULL);
    watch->ctl = ctl;
    watch->limit = limit;
    return watch;
}

virtmonWatch *
virtmonWatchRef(virtmonWatch *watch)
{
    atomic_fetch_add(&watch->refs, 1);
    return watch;
}

void
virtmonWatchUnref(virtmonWatch *watch)
{
    if (!watch || atomic_fetch_sub(&watch->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&watch->lock);
    g_free(watch);
}

void
virtmonWatchRelease(void *watch)
{
    virtmonWatchUnref(watch);
}

vshControl *
virtmonWatchControl(virtmonWatch *watch)
{
    return watch->ctl;
}

bool
virtmonWatchEnter(virtmonWatch *watch)
{
    pthread_mutex_lock(&watch->lock);
    if (!watch->over && (watch->limit == 0 || watch->count < watch->limit))
        return true;
    pthread_mutex_unlock(&watch->lock);
    return false;
}

void
virtmonWatchLeave(virtmonWatch *watch, bool shown)
{
    bool end;

    if (shown)
        watch->count++;
    end = watch->limit > 0 && watch->count >= watch->limit;
    pthread_mutex_unlock(&watch->lock);
    if (end)
        vshWaitEnd(watch->ctl);
}

static void
virtmonWatchSay(virtmonWatch *watch, virtmonWatchSummary summary, const char *text)
{
    if (summary == VIRTMON_WATCH_SUMMARY_OUT)
        vshPrint(watch->ctl, "%s\n", text);
    else
        vshNotice(watch->ctl, "%s", text);
}

bool
virtmonWatchRun(virtmonWatch *watch, unsigned int seconds, virtmonWatchSummary summary)
{
    g_autofree char *received = NULL;
    vshWaitOutcome outcome;
    guint64 count;

    /* From here on nothing is missed; scripts may want to know. */
    vshDebug(watch->ctl, VIRTMON_WATCH_DEBUG_LEVEL, "%s", "waiting for events");
    outcome = vshWaitRun(watch->ctl, seconds);

    pthread_mutex_lock(&watch->lock);
    watch->over = true;
    count = watch->count;
    pthread_mutex_unlock(&watch->lock);

    if (outcome == VSH_WAIT_TIMEOUT)
        virtmonWatchSay(watch, summary, _("event loop timed out"));
    else if (outcome == VSH_WAIT_INTERRUPT)
        virtmonWatchSay(watch, summary, _("event loop interrupted"));
    received = g_strdup_printf(_("events received: %1$llu"), (unsigned long long)count);
    virtmonWatchSay(watch, summary, received);

    if (outcome == VSH_WAIT_DISCONNECT)
        return false;
    return watch->limit > 0 ? count >= watch->limit : count > 0;
}

void
virtmonWatchFinish(virtmonWatch *watch)
{
    vshWaitFinish(watch->ctl);
}

char *
virtmonWatchStamp(void)
{
    gint64 now = g_get_real_time();
    time_t seconds = now / G_USEC_PER_SEC;
    char date[sizeof("2026-01-31 12:00:00") + 16];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    return g_strdup_printf("%s.%03d+0000", date, (int)(now % G_USEC_PER_SEC / 1000));
}
