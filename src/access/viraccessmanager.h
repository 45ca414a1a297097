/*
 * viraccessmanager.h: may this identity do this, to that domain?
 *
 * Asks those who decide, which are drivers: "none" allows all, "polkit" asks polkitd, "file" has an
 * administrator's list (viraccessfile.h). Where several are set, each has to allow it. Keeps no
 * answers: whoever asks often does (remote_daemon_sight.h).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

#include "viraccessperm.h"
#include "viridentity.h"

/* How long an answer may take; whoever asks then gets none. polkitd needs a millisecond, and some
 * more if a rule runs a program; a client that waits longer has given up. */
#define VIR_ACCESS_WAIT_MAX_MS 5000

typedef struct _virAccessManager virAccessManager;

/* What of a configuration counts here. */
typedef struct {
    const char *file;           /* of driver "file" */
} virAccessSettings;

/* All borrowed. */
typedef struct {
    const virIdentity *identity;        /* who */
    virAccessPerm perm;                 /* what */
    const char *connectDriver;          /* by a connection of which driver: "QEMU" */
    const char *domainName;             /* to which domain; NULL, both: to the connection, or to */
    const unsigned char *domainUUID;    /* some domain or other, whichever that may be */
} virAccessQuestion;

/* Other answers may be given from now on. Runs in any thread and must not block. */
typedef void (*virAccessChangedFunc)(void *opaque);

/**
 * virAccessManagerNew:
 * @drivers: their names, NULL-terminated; NULL or none: "none"
 * @settings: borrowed for the call
 * @changed: told of changes that a driver finds out about, and of those by
 *           virAccessManagerReload(); until virAccessManagerStop() returns
 *
 * Returns a new one, or NULL with an error reported: no such driver, or one that can't begin.
 */
virAccessManager *virAccessManagerNew(const char *const *drivers,
                                      const virAccessSettings *settings,
                                      virAccessChangedFunc changed, void *opaque);
/* The same for whoever only wants to know whether it would work; nothing is connected to. Returns
 * 0, or -1 with an error reported. */
int virAccessManagerTest(const char *const *drivers, const virAccessSettings *settings);
/* Whoever waits gets no answer, nor does anybody who asks later. */
void virAccessManagerStop(virAccessManager *manager);
/* When nobody asks any more. Stops first. */
void virAccessManagerFree(virAccessManager *manager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virAccessManager, virAccessManagerFree)

/* Returns 0, or -1 with an error reported; all goes on as before then. */
int virAccessManagerReload(virAccessManager *manager, const virAccessSettings *settings);

/* ---- Any thread ---- */

/* Nobody can be refused anything that libvirt knows of: no need to ask. */
bool virAccessManagerAllowsAll(const virAccessManager *manager);
/* Returns 1 if it is allowed, 0 if not, -1 with an error reported if that can't be found out, which
 * is no permission either. May block, for VIR_ACCESS_WAIT_MAX_MS a driver. */
int virAccessManagerCheck(virAccessManager *manager, const virAccessQuestion *question);
