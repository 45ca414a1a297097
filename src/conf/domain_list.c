/*
 * domain_list.c: the domains that a driver knows now
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "domain_list.h"

#include "virerror_priv.h"
#include "virgettext.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

struct _virDomainList {
    virMutex lock;              /* guards all below */
    GHashTable *byID;           /* GINT_TO_POINTER(id) -> a reference */
    GHashTable *byUUID;         /* the ident's uuid -> borrowed from byID */
    GHashTable *byName;         /* the ident's name -> borrowed from byID */
};

virDomainObj *
virDomainObjNew(virDomainIdent *ident, void *privateData, GDestroyNotify privateDataFree)
{
    virDomainObj *obj = g_new0(virDomainObj, 1);

    atomic_init(&obj->refs, 1);
    virMutexInit(&obj->lock);
    obj->ident = virDomainIdentRef(ident);
    obj->privateData = privateData;
    obj->privateDataFree = privateDataFree;
    return obj;
}

virDomainObj *
virDomainObjRef(virDomainObj *obj)
{
    atomic_fetch_add(&obj->refs, 1);
    return obj;
}

void
virDomainObjUnref(virDomainObj *obj)
{
    if (!obj || atomic_fetch_sub(&obj->refs, 1) != 1)
        return;
    if (obj->privateDataFree)
        obj->privateDataFree(obj->privateData);
    virDomainIdentUnref(obj->ident);
    virMutexDestroy(&obj->lock);
    g_free(obj);
}

void
virDomainObjSetState(virDomainObj *obj, int state, int reason)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&obj->lock);

    obj->state = state;
    obj->reason = reason;
}

int
virDomainObjGetState(virDomainObj *obj, int *reason)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&obj->lock);

    if (reason)
        *reason = obj->reason;
    return obj->state;
}

virDomainList *
virDomainListNew(void)
{
    virDomainList *list = g_new0(virDomainList, 1);

    virMutexInit(&list->lock);
    list->byID = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)virDomainObjUnref);
    list->byUUID = g_hash_table_new(virUUIDHash, virUUIDEqual);
    list->byName = g_hash_table_new(g_str_hash, g_str_equal);
    return list;
}

void
virDomainListFree(virDomainList *list)
{
    if (!list)
        return;
    g_hash_table_unref(list->byName);
    g_hash_table_unref(list->byUUID);
    g_hash_table_unref(list->byID);
    virMutexDestroy(&list->lock);
    g_free(list);
}

int
virDomainListAdd(virDomainList *list, virDomainObj *obj)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&list->lock);
    virDomainIdent *ident = obj->ident;
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (g_hash_table_size(list->byID) >= VIR_DOMAIN_LIST_MAX) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("domain '%1$s' exceeds the limit of %2$d domains"),
                       ident->name, VIR_DOMAIN_LIST_MAX);
        return -1;
    }
    if (g_hash_table_contains(list->byID, GINT_TO_POINTER(ident->id)) ||
        g_hash_table_contains(list->byUUID, ident->uuid) ||
        g_hash_table_contains(list->byName, ident->name)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("ID, name or UUID of domain '%1$s' (%2$s) is taken"),
                       ident->name, virUUIDFormat(ident->uuid, uuid));
        return -1;
    }
    g_hash_table_insert(list->byID, GINT_TO_POINTER(ident->id), virDomainObjRef(obj));
    g_hash_table_insert(list->byUUID, ident->uuid, obj);
    g_hash_table_insert(list->byName, ident->name, obj);
    return 0;
}

void
virDomainListRemove(virDomainList *list, virDomainObj *obj)
{
    virDomainIdent *ident = obj->ident;
    bool found;

    virMutexLock(&list->lock);
    found = g_hash_table_lookup(list->byID, GINT_TO_POINTER(ident->id)) == obj;
    if (found) {
        g_hash_table_remove(list->byUUID, ident->uuid);
        g_hash_table_remove(list->byName, ident->name);
        g_hash_table_steal(list->byID, GINT_TO_POINTER(ident->id));
    }
    virMutexUnlock(&list->lock);

    /* It may be the last reference, and then calls the driver. */
    if (found)
        virDomainObjUnref(obj);
}

static virDomainObj *
virDomainListFind(virDomainList *list, GHashTable *table, gconstpointer key)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&list->lock);
    virDomainObj *obj = g_hash_table_lookup(table, key);

    return obj ? virDomainObjRef(obj) : NULL;
}

virDomainObj *
virDomainListFindByID(virDomainList *list, int id)
{
    return virDomainListFind(list, list->byID, GINT_TO_POINTER(id));
}

virDomainObj *
virDomainListFindByUUID(virDomainList *list, const unsigned char *uuid)
{
    return virDomainListFind(list, list->byUUID, uuid);
}

virDomainObj *
virDomainListFindByName(virDomainList *list, const char *name)
{
    return virDomainListFind(list, list->byName, name);
}

size_t
virDomainListCount(virDomainList *list)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&list->lock);

    return g_hash_table_size(list->byID);
}

static gint
virDomainListCompare(gconstpointer a, gconstpointer b)
{
    const virDomainObj *one = *(virDomainObj *const *)a;
    const virDomainObj *other = *(virDomainObj *const *)b;

    return one->ident->id - other->ident->id;
}

GPtrArray *
virDomainListGetAll(virDomainList *list)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)virDomainObjUnref);
    GHashTableIter iter;
    gpointer obj;

    virMutexLock(&list->lock);
    g_hash_table_iter_init(&iter, list->byID);
    while (g_hash_table_iter_next(&iter, NULL, &obj))
        g_ptr_array_add(all, virDomainObjRef(obj));
    virMutexUnlock(&list->lock);
    g_ptr_array_sort(all, virDomainListCompare);
    return all;
}

/* Whether a domain that has property @has of a pair of filters passes it. */
static bool
virDomainObjPassesPair(unsigned int flags, bool has, unsigned int with, unsigned int without)
{
    if ((flags & (with | without)) == 0)
        return true;
    return flags & (has ? with : without);
}

bool
virDomainObjMatchesFlags(virDomainObj *obj, unsigned int flags)
{
    const unsigned int states = VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED |
                                VIR_CONNECT_LIST_DOMAINS_SHUTOFF | VIR_CONNECT_LIST_DOMAINS_OTHER;
    int state = virDomainObjGetState(obj, NULL);
    unsigned int is = VIR_CONNECT_LIST_DOMAINS_OTHER;

    if (state == VIR_DOMAIN_RUNNING)
        is = VIR_CONNECT_LIST_DOMAINS_RUNNING;
    else if (state == VIR_DOMAIN_PAUSED)
        is = VIR_CONNECT_LIST_DOMAINS_PAUSED;
    else if (state == VIR_DOMAIN_SHUTOFF)
        is = VIR_CONNECT_LIST_DOMAINS_SHUTOFF;

    return virDomainObjPassesPair(flags, true, VIR_CONNECT_LIST_DOMAINS_ACTIVE,
                                  VIR_CONNECT_LIST_DOMAINS_INACTIVE) &&
           virDomainObjPassesPair(flags, false, VIR_CONNECT_LIST_DOMAINS_PERSISTENT,
                                  VIR_CONNECT_LIST_DOMAINS_TRANSIENT) &&
           virDomainObjPassesPair(flags, false, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE,
                                  VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE) &&
           virDomainObjPassesPair(flags, false, VIR_CONNECT_LIST_DOMAINS_AUTOSTART,
                                  VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART) &&
           virDomainObjPassesPair(flags, false, VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT,
                                  VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT) &&
           virDomainObjPassesPair(flags, false, VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT,
                                  VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT) &&
           ((flags & states) == 0 || (flags & is));
}
