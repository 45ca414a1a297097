/*
 * virstate.c: drivers as a daemon runs them, from its start to its end
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virstate.h"

#include <stdatomic.h>
#include <libvirt/libvirt.h>

#include "qemu_state.h"

/* All that this build has; a driver adds itself here. Each is started in turn. */
static const virStateDriver *const virStateDrivers[] = {
    &qemuStateDriver,
};

static atomic_bool virStateActive;

int
virStateCheck(const char *const *monitors)
{
    size_t i;

    virInitialize();
    for (i = 0; i < G_N_ELEMENTS(virStateDrivers); i++) {
        if (virStateDrivers[i]->stateCheck(monitors) < 0)
            return -1;
    }
    return 0;
}

int
virStateInitialize(const char *const *monitors)
{
    size_t i;

    virInitialize();
    for (i = 0; i < G_N_ELEMENTS(virStateDrivers); i++) {
        if (virStateDrivers[i]->stateInitialize(monitors) < 0) {
            while (i > 0)
                virStateDrivers[--i]->stateCleanup();
            return -1;
        }
    }
    atomic_store(&virStateActive, true);
    return 0;
}

int
virStateReload(const char *const *monitors)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virStateDrivers); i++) {
        if (virStateDrivers[i]->stateReload(monitors) < 0)
            return -1;
    }
    return 0;
}

void
virStateSetEventRate(guint64 perSecond, guint64 burst)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virStateDrivers); i++)
        virStateDrivers[i]->stateSetEventRate(perSecond, burst);
}

void
virStateForEachDomain(virStateDomainFunc func, void *opaque)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virStateDrivers); i++)
        virStateDrivers[i]->stateForEachDomain(func, opaque);
}

void
virStateStop(void)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virStateDrivers); i++)
        virStateDrivers[i]->stateStop();
}

void
virStateCleanup(void)
{
    size_t i;

    for (i = G_N_ELEMENTS(virStateDrivers); i > 0; i--)
        virStateDrivers[i - 1]->stateCleanup();
    atomic_store(&virStateActive, false);
}

bool
virStateIsActive(void)
{
    return atomic_load(&virStateActive);
}
