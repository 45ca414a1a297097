/*
 * viraccessmanager.c: may this identity do this, to that domain?
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessmanager.h"

#include <stdatomic.h>
#include <string.h>

#include "viraccessdriver.h"
#include "viraccessfile.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_ACCESS

VIR_LOG_INIT("access.manager");

static const virAccessDriver *const virAccessDrivers[] = {
    &virAccessDriverNone,
    &virAccessDriverFile,
    &virAccessDriverPolkit,
};

typedef struct {
    const virAccessDriver *driver;
    void *state;
} virAccessManagerEntry;

struct _virAccessManager {
    virAccessManagerEntry entries[G_N_ELEMENTS(virAccessDrivers)];      /* each driver once */
    size_t nentries;
    bool allowsAll;
    atomic_bool stopped;
    atomic_size_t failures;     /* questions without an answer since the last that had one */
    virAccessChangedFunc changed;
    void *opaque;
};

/* --- the driver that allows all --- */

static void *
virAccessNoneOpen(const virAccessSettings *settings G_GNUC_UNUSED,
                  virAccessChangedFunc changed G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    static char state;

    return &state;
}

static int
virAccessNoneCheck(void *state G_GNUC_UNUSED, const virAccessQuestion *question G_GNUC_UNUSED)
{
    return 1;
}

static void
virAccessNoneClose(void *state G_GNUC_UNUSED)
{
}

const virAccessDriver virAccessDriverNone = {
    .name = "none",
    .open = virAccessNoneOpen,
    .check = virAccessNoneCheck,
    .close = virAccessNoneClose,
};

/* --- those that are set --- */

static const virAccessDriver *
virAccessManagerFindDriver(const char *name)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virAccessDrivers); i++) {
        if (strcmp(virAccessDrivers[i]->name, name) == 0)
            return virAccessDrivers[i];
    }
    virReportError(VIR_ERR_CONF_SYNTAX,
                   _("'%1$s' is no access driver that there is: 'none', 'polkit' or 'file'"),
                   name);
    return NULL;
}

int
virAccessManagerTest(const char *const *drivers, const virAccessSettings *settings)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    size_t i;

    for (i = 0; drivers && drivers[i]; i++) {
        const virAccessDriver *driver = virAccessManagerFindDriver(drivers[i]);
        g_autoptr(virAccessFile) file = NULL;

        if (!driver)
            return -1;
        if (!g_hash_table_add(seen, (char *)drivers[i])) {
            virReportError(VIR_ERR_CONF_SYNTAX, _("access driver '%1$s' is set twice"),
                           drivers[i]);
            return -1;
        }
        if (driver == &virAccessDriverFile && !(file = virAccessFileLoad(settings->file)))
            return -1;
    }
    return 0;
}

static int
virAccessManagerAdd(virAccessManager *manager, const virAccessDriver *driver,
                    const virAccessSettings *settings)
{
    void *state = driver->open(settings, manager->changed, manager->opaque);

    if (!state)
        return -1;
    manager->entries[manager->nentries++] = (virAccessManagerEntry){ driver, state };
    if (driver != &virAccessDriverNone)
        manager->allowsAll = false;
    return 0;
}

virAccessManager *
virAccessManagerNew(const char *const *drivers, const virAccessSettings *settings,
                    virAccessChangedFunc changed, void *opaque)
{
    static const char *const none[] = { "none", NULL };
    g_autoptr(virAccessManager) manager = NULL;
    size_t i;

    if (!drivers || !drivers[0])
        drivers = none;
    if (virAccessManagerTest(drivers, settings) < 0)
        return NULL;
    manager = g_new0(virAccessManager, 1);
    manager->changed = changed;
    manager->opaque = opaque;
    manager->allowsAll = true;
    for (i = 0; drivers[i]; i++) {
        if (virAccessManagerAdd(manager, virAccessManagerFindDriver(drivers[i]), settings) < 0)
            return NULL;
    }
    return g_steal_pointer(&manager);
}

void
virAccessManagerStop(virAccessManager *manager)
{
    size_t i;

    if (!manager || atomic_exchange(&manager->stopped, true))
        return;
    for (i = 0; i < manager->nentries; i++) {
        if (manager->entries[i].driver->stop)
            manager->entries[i].driver->stop(manager->entries[i].state);
    }
}

void
virAccessManagerFree(virAccessManager *manager)
{
    size_t i;

    if (!manager)
        return;
    virAccessManagerStop(manager);
    for (i = 0; i < manager->nentries; i++)
        manager->entries[i].driver->close(manager->entries[i].state);
    g_free(manager);
}

int
virAccessManagerReload(virAccessManager *manager, const virAccessSettings *settings)
{
    size_t i;

    for (i = 0; i < manager->nentries; i++) {
        const virAccessManagerEntry *entry = &manager->entries[i];

        if (entry->driver->reload && entry->driver->reload(entry->state, settings) < 0)
            return -1;
    }
    if (!manager->allowsAll)
        manager->changed(manager->opaque);
    return 0;
}

bool
virAccessManagerAllowsAll(const virAccessManager *manager)
{
    return manager->allowsAll;
}

/* The beginning and the end of trouble are logged, not each of its victims. */
static void
virAccessManagerNote(virAccessManager *manager, const virAccessDriver *driver, int rc)
{
    size_t failures;

    if (rc >= 0 && atomic_load(&manager->failures) > 0 &&
        (failures = atomic_exchange(&manager->failures, 0)) > 0)
        VIR_WARN("access driver '%s' answers again; %zu questions were refused", driver->name,
                 failures);
    else if (rc < 0 && atomic_fetch_add(&manager->failures, 1) == 0 &&
             !atomic_load(&manager->stopped))
        VIR_WARN("access driver '%s' refuses what it can't find out: %s", driver->name,
                 virErrorLastMessage());
}

int
virAccessManagerCheck(virAccessManager *manager, const virAccessQuestion *question)
{
    size_t i;

    /* What libvirt hasn't, nobody gets unless somebody has decided so. */
    if (manager->allowsAll)
        return question->perm != VIR_ACCESS_PERM_DOMAIN_WATCH_EVENTS;
    for (i = 0; i < manager->nentries; i++) {
        const virAccessManagerEntry *entry = &manager->entries[i];
        int rc;

        if (atomic_load(&manager->stopped)) {
            virReportError(VIR_ERR_OPERATION_ABORTED, "%s", _("the daemon is ending"));
            return -1;
        }
        rc = entry->driver->check(entry->state, question);
        virAccessManagerNote(manager, entry->driver, rc);
        if (rc <= 0)
            return rc;
    }
    return 1;
}
