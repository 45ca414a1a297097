/*
 * domain_list.h: the domains that a driver knows now
 *
 * A domain is found by ID, UUID or name; each of them is unique in a list. What
 * the driver keeps of a domain hangs off privateData.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include "domain_ident.h"
#include "virthread.h"

/* As many as one reply can carry (wire protocol: dom<16384>). */
#define VIR_DOMAIN_LIST_MAX 16384

typedef struct _virDomainObj virDomainObj;
struct _virDomainObj {
    atomic_uint refs;
    virDomainIdent *ident;          /* a reference; name, UUID, ID; immutable */
    virMutex lock;                  /* guards all below */
    int state, reason;              /* virDomainState and its reason */
    void *privateData;
    GDestroyNotify privateDataFree;
};

/* Returns a new reference; holds one of @ident. Takes @privateData. */
virDomainObj *virDomainObjNew(virDomainIdent *ident, void *privateData,
                              GDestroyNotify privateDataFree);
virDomainObj *virDomainObjRef(virDomainObj *obj);
void virDomainObjUnref(virDomainObj *obj);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainObj, virDomainObjUnref)
void virDomainObjSetState(virDomainObj *obj, int state, int reason);
int virDomainObjGetState(virDomainObj *obj, int *reason);

/* All functions below are safe from any thread. */
typedef struct _virDomainList virDomainList;
virDomainList *virDomainListNew(void);
void virDomainListFree(virDomainList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainList, virDomainListFree)
/* Adds a reference of its own. -1 with an error reported if the list is full or one of
 * ID, UUID and name is taken. */
int virDomainListAdd(virDomainList *list, virDomainObj *obj);
void virDomainListRemove(virDomainList *list, virDomainObj *obj);
/* Each returns a new reference or NULL, with no error reported. */
virDomainObj *virDomainListFindByID(virDomainList *list, int id);
virDomainObj *virDomainListFindByUUID(virDomainList *list, const unsigned char *uuid);
virDomainObj *virDomainListFindByName(virDomainList *list, const char *name);
size_t virDomainListCount(virDomainList *list);
/* New references in order of their IDs; the array frees them. */
GPtrArray *virDomainListGetAll(virDomainList *list);
/* Does @obj (taken as active, transient) pass virConnectListAllDomains()' @flags? */
bool virDomainObjMatchesFlags(virDomainObj *obj, unsigned int flags);
