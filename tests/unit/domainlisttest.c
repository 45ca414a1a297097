/*
 * domainlisttest.c: the domains that a driver knows now
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "domain_list.h"

#include <string.h>

#include "virerror_priv.h"

/* A domain whose UUID is all @byte; its private data counts how often it is freed. */
static virDomainObj *
newDomain(const char *name, unsigned char byte, int id, GDestroyNotify freed, void *data)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    g_autoptr(virDomainIdent) ident = NULL;

    memset(uuid, byte, sizeof(uuid));
    ident = virDomainIdentNew(name, uuid, id);
    return virDomainObjNew(ident, data, freed);
}

static void
countFree(void *opaque)
{
    (*(unsigned int *)opaque)++;
}

static void
testObject(void)
{
    unsigned int freed = 0;
    virDomainObj *dom = newDomain("a", 1, 1, countFree, &freed);
    int reason = -1;

    g_assert_cmpstr(dom->ident->name, ==, "a");
    g_assert_cmpint(virDomainObjGetState(dom, &reason), ==, VIR_DOMAIN_NOSTATE);
    g_assert_cmpint(reason, ==, 0);
    virDomainObjSetState(dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
    g_assert_cmpint(virDomainObjGetState(dom, NULL), ==, VIR_DOMAIN_PAUSED);
    g_assert_cmpint(virDomainObjGetState(dom, &reason), ==, VIR_DOMAIN_PAUSED);
    g_assert_cmpint(reason, ==, VIR_DOMAIN_PAUSED_USER);

    g_assert_true(virDomainObjRef(dom) == dom);
    virDomainObjUnref(dom);
    g_assert_cmpuint(freed, ==, 0);
    virDomainObjUnref(dom);
    g_assert_cmpuint(freed, ==, 1);
    virDomainObjUnref(NULL);
}

static void
testFind(void)
{
    g_autoptr(virDomainList) list = virDomainListNew();
    g_autoptr(virDomainObj) one = newDomain("one", 1, 1, NULL, NULL);
    g_autoptr(virDomainObj) two = newDomain("two", 2, 2, NULL, NULL);
    g_autoptr(virDomainObj) found = NULL;

    g_assert_cmpuint(virDomainListCount(list), ==, 0);
    g_assert_cmpint(virDomainListAdd(list, one), ==, 0);
    g_assert_cmpint(virDomainListAdd(list, two), ==, 0);
    g_assert_cmpuint(virDomainListCount(list), ==, 2);
    g_assert_cmpuint(atomic_load(&one->refs), ==, 2);

    found = virDomainListFindByID(list, 1);
    g_assert_true(found == one);
    g_assert_cmpuint(atomic_load(&one->refs), ==, 3);       /* a reference of the finder's */
    g_clear_pointer(&found, virDomainObjUnref);
    found = virDomainListFindByName(list, "two");
    g_assert_true(found == two);
    g_clear_pointer(&found, virDomainObjUnref);
    found = virDomainListFindByUUID(list, two->ident->uuid);
    g_assert_true(found == two);
    g_clear_pointer(&found, virDomainObjUnref);

    g_assert_null(virDomainListFindByID(list, 3));
    g_assert_null(virDomainListFindByID(list, -1));
    g_assert_null(virDomainListFindByName(list, "Two"));
    g_assert_null(virDomainListFindByName(list, ""));
    g_assert_null(virDomainListFindByUUID(list, (const unsigned char *)"0123456789abcdef"));
    g_assert_null(virGetLastError());

    virDomainListRemove(list, one);
    virDomainListRemove(list, one);
    g_assert_cmpuint(atomic_load(&one->refs), ==, 1);
    g_assert_cmpuint(virDomainListCount(list), ==, 1);
    g_assert_null(virDomainListFindByID(list, 1));
    g_assert_null(virDomainListFindByName(list, "one"));
    g_assert_null(virDomainListFindByUUID(list, one->ident->uuid));
}

/* ID, name and UUID are each unique, and what is refused changes nothing. */
static void
testUnique(void)
{
    g_autoptr(virDomainList) list = virDomainListNew();
    g_autoptr(virDomainObj) dom = newDomain("a", 1, 1, NULL, NULL);
    virDomainObj *others[] = {
        newDomain("b", 2, 1, NULL, NULL), newDomain("a", 2, 2, NULL, NULL),
        newDomain("b", 1, 2, NULL, NULL),
    };
    g_autoptr(virDomainObj) fits = newDomain("b", 2, 2, NULL, NULL);
    size_t i;

    g_assert_cmpint(virDomainListAdd(list, dom), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(others); i++) {
        virResetLastError();
        g_assert_cmpint(virDomainListAdd(list, others[i]), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        g_assert_cmpuint(virDomainListCount(list), ==, 1);
        g_assert_cmpuint(atomic_load(&others[i]->refs), ==, 1);
        virDomainListRemove(list, others[i]);               /* nor does this */
        virDomainObjUnref(others[i]);
    }
    g_assert_cmpuint(virDomainListCount(list), ==, 1);
    g_assert_cmpint(virDomainListAdd(list, fits), ==, 0);
    virDomainListRemove(list, dom);
    g_assert_cmpint(virDomainListAdd(list, dom), ==, 0);    /* free again */
    virResetLastError();
}

static void
testAll(void)
{
    g_autoptr(virDomainList) list = virDomainListNew();
    const int ids[] = { 5, G_MAXINT, 1, 3, 2, 4 };
    g_autoptr(GPtrArray) all = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *name = g_strdup_printf("d%d", ids[i]);
        g_autoptr(virDomainObj) dom = newDomain(name, i + 1, ids[i], NULL, NULL);

        g_assert_cmpint(virDomainListAdd(list, dom), ==, 0);
    }
    all = virDomainListGetAll(list);
    g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(ids));
    for (i = 0; i < all->len; i++)
        g_assert_cmpint(((virDomainObj *)g_ptr_array_index(all, i))->ident->id, ==,
                        i == all->len - 1 ? G_MAXINT : (int)i + 1);

    /* What was got stays, whatever becomes of the list. */
    for (i = 0; i < all->len; i++)
        virDomainListRemove(list, g_ptr_array_index(all, i));
    g_assert_cmpuint(virDomainListCount(list), ==, 0);
    g_assert_cmpstr(((virDomainObj *)g_ptr_array_index(all, 0))->ident->name, ==, "d1");
}

typedef struct {
    virDomainList *list;
    unsigned int calls;
} Owner;

/* The driver's part of a domain may ask the list when it goes. */
static void
askList(void *opaque)
{
    Owner *owner = opaque;

    owner->calls++;
    g_assert_cmpuint(virDomainListCount(owner->list), ==, 0);
}

static void
testRemoveLast(void)
{
    g_autoptr(virDomainList) list = virDomainListNew();
    Owner owner = { .list = list };
    virDomainObj *dom = newDomain("a", 1, 1, askList, &owner);

    g_assert_cmpint(virDomainListAdd(list, dom), ==, 0);
    virDomainObjUnref(dom);                 /* the list's is the last */
    virDomainListRemove(list, dom);
    g_assert_cmpuint(owner.calls, ==, 1);
}

static void
testFree(void)
{
    unsigned int freed = 0;
    virDomainList *list = virDomainListNew();
    g_autoptr(virDomainObj) kept = newDomain("a", 1, 1, countFree, &freed);
    g_autoptr(virDomainObj) dropped = newDomain("b", 2, 2, countFree, &freed);

    g_assert_cmpint(virDomainListAdd(list, kept), ==, 0);
    g_assert_cmpint(virDomainListAdd(list, dropped), ==, 0);
    g_clear_pointer(&dropped, virDomainObjUnref);
    virDomainListFree(list);
    g_assert_cmpuint(freed, ==, 1);
    virDomainListFree(NULL);
}

static void
testLimit(void)
{
    g_autoptr(virDomainList) list = virDomainListNew();
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    int i;

    for (i = 1; i <= VIR_DOMAIN_LIST_MAX + 1; i++) {
        g_autofree char *name = g_strdup_printf("d%d", i);
        g_autoptr(virDomainIdent) ident = NULL;
        g_autoptr(virDomainObj) dom = NULL;

        memcpy(uuid + VIR_UUID_BUFLEN - sizeof(i), &i, sizeof(i));
        ident = virDomainIdentNew(name, uuid, i);
        dom = virDomainObjNew(ident, NULL, NULL);
        g_assert_cmpint(virDomainListAdd(list, dom), ==, i <= VIR_DOMAIN_LIST_MAX ? 0 : -1);
    }
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "16384"));
    g_assert_cmpuint(virDomainListCount(list), ==, VIR_DOMAIN_LIST_MAX);
    virResetLastError();
}

/* A group of flags of which none is set lets everything pass; of which all are, too. */
static void
testFlags(void)
{
    static const struct {
        int state;
        unsigned int is;
    } states[] = {
        { VIR_DOMAIN_RUNNING, VIR_CONNECT_LIST_DOMAINS_RUNNING },
        { VIR_DOMAIN_PAUSED, VIR_CONNECT_LIST_DOMAINS_PAUSED },
        { VIR_DOMAIN_SHUTOFF, VIR_CONNECT_LIST_DOMAINS_SHUTOFF },
        { VIR_DOMAIN_NOSTATE, VIR_CONNECT_LIST_DOMAINS_OTHER },
        { VIR_DOMAIN_BLOCKED, VIR_CONNECT_LIST_DOMAINS_OTHER },
        { VIR_DOMAIN_SHUTDOWN, VIR_CONNECT_LIST_DOMAINS_OTHER },
        { VIR_DOMAIN_CRASHED, VIR_CONNECT_LIST_DOMAINS_OTHER },
        { VIR_DOMAIN_PMSUSPENDED, VIR_CONNECT_LIST_DOMAINS_OTHER },
    };
    static const unsigned int passing[] = {
        0, VIR_CONNECT_LIST_DOMAINS_ACTIVE, VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
        VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE, VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART,
        VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT, VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT,
    };
    static const unsigned int refusing[] = {
        VIR_CONNECT_LIST_DOMAINS_INACTIVE, VIR_CONNECT_LIST_DOMAINS_PERSISTENT,
        VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, VIR_CONNECT_LIST_DOMAINS_AUTOSTART,
        VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT,
    };
    const unsigned int all = VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED |
                             VIR_CONNECT_LIST_DOMAINS_SHUTOFF | VIR_CONNECT_LIST_DOMAINS_OTHER;
    g_autoptr(virDomainObj) dom = newDomain("a", 1, 1, NULL, NULL);
    size_t i, j;

    for (i = 0; i < G_N_ELEMENTS(states); i++) {
        virDomainObjSetState(dom, states[i].state, 0);
        for (j = 0; j < G_N_ELEMENTS(passing); j++) {
            g_assert_true(virDomainObjMatchesFlags(dom, passing[j]));
            g_assert_true(virDomainObjMatchesFlags(dom, passing[j] | states[i].is));
            g_assert_true(virDomainObjMatchesFlags(dom, passing[j] | all));
            g_assert_false(virDomainObjMatchesFlags(dom, passing[j] | (all & ~states[i].is)));
        }
        for (j = 0; j < G_N_ELEMENTS(refusing); j++) {
            g_assert_false(virDomainObjMatchesFlags(dom, refusing[j]));
            g_assert_false(virDomainObjMatchesFlags(dom, refusing[j] | states[i].is));
            g_assert_true(virDomainObjMatchesFlags(dom, refusing[j] | passing[j + 1]));
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/domainlist/object", testObject);
    g_test_add_func("/conf/domainlist/find", testFind);
    g_test_add_func("/conf/domainlist/unique", testUnique);
    g_test_add_func("/conf/domainlist/all", testAll);
    g_test_add_func("/conf/domainlist/remove-last", testRemoveLast);
    g_test_add_func("/conf/domainlist/free", testFree);
    g_test_add_func("/conf/domainlist/limit", testLimit);
    g_test_add_func("/conf/domainlist/flags", testFlags);
    return g_test_run();
}
