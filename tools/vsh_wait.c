/*
 * vsh_wait.c: waiting for what the event loop's thread brings, or for Ctrl-C
 *
 * Why a wait ends is settled by whoever sets the outcome first: the event loop's
 * thread, the signal handler or the waiting thread itself when time is up. The
 * eventfd only wakes; as both are kept until the next wait begins, nothing is
 * missed that comes before the wait runs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* For the signal handler: whose wait it ends. */
static _Atomic(vshControl *) vshWaiting;

/* Safe in signal handlers. */
static void
vshWaitSet(vshControl *ctl, vshWaitOutcome outcome)
{
    int none = -1;
    int saved = errno;
    guint64 one = 1;

    if (atomic_compare_exchange_strong(&ctl->waitOutcome, &none, (int)outcome)) {
        /* Fails only if the counter is at its end, and then it wakes anyway. */
        ssize_t done G_GNUC_UNUSED = write(ctl->waitFd, &one, sizeof(one));
    }
    errno = saved;
}

static void
vshWaitSignal(int sig G_GNUC_UNUSED)
{
    vshControl *ctl = atomic_load(&vshWaiting);

    if (ctl)
        vshWaitSet(ctl, VSH_WAIT_INTERRUPT);
}

bool
vshWaitInit(vshControl *ctl)
{
    atomic_init(&ctl->waitOutcome, -1);
    if ((ctl->waitFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        vshError(ctl, _("cannot create an eventfd: %s"), g_strerror(errno));
        return false;
    }
    return true;
}

void
vshWaitDeinit(vshControl *ctl)
{
    if (ctl->waitFd >= 0)
        close(ctl->waitFd);
}

bool
vshWaitBegin(vshControl *ctl)
{
    struct sigaction action = { .sa_handler = vshWaitSignal };
    guint64 count;
    ssize_t done G_GNUC_UNUSED = read(ctl->waitFd, &count, sizeof(count));

    atomic_store(&ctl->waitOutcome, -1);
    atomic_store(&vshWaiting, ctl);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, &ctl->waitSavedInterrupt) < 0) {
        atomic_store(&vshWaiting, NULL);
        vshError(ctl, _("cannot handle signals: %s"), g_strerror(errno));
        return false;
    }
    return true;
}

vshWaitOutcome
vshWaitRun(vshControl *ctl, unsigned int seconds)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
    struct pollfd fd = { .fd = ctl->waitFd, .events = POLLIN };

    while (atomic_load(&ctl->waitOutcome) < 0) {
        gint64 left = deadline - g_get_monotonic_time();
        int timeout = -1;

        if (seconds > 0) {
            if (left <= 0) {
                vshWaitSet(ctl, VSH_WAIT_TIMEOUT);
                break;
            }
            timeout = MIN((left + 999) / 1000, G_MAXINT);
        }
        /* Whatever it returns, and for whatever reason: the outcome is what counts. */
        poll(&fd, 1, timeout);
    }
    return atomic_load(&ctl->waitOutcome);
}

void
vshWaitFinish(vshControl *ctl)
{
    sigaction(SIGINT, &ctl->waitSavedInterrupt, NULL);
    atomic_store(&vshWaiting, NULL);
}

void
vshWaitEnd(vshControl *ctl)
{
    vshWaitSet(ctl, VSH_WAIT_DONE);
}

void
vshWaitDisconnect(vshControl *ctl)
{
    vshWaitSet(ctl, VSH_WAIT_DISCONNECT);
}
