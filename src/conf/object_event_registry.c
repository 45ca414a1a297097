/*
 * object_event_registry.c: who is registered, and who of them wants an event
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "object_event_registry.h"

#include <string.h>

#include "viruuid.h"

/* So many registrations may be gone before all answers, which still hold on to them, are
 * forgotten; more if more are left. What is held of each by then is some 150 bytes. */
#define VIR_OBJECT_EVENT_REGISTRY_GONE_MAX 1024

/* Answers that are kept, in two halves: what is asked for moves to the young one, and when that
 * is full the old one goes. So invented names push out each other, not the names in use. */
typedef struct {
    GHashTable *young, *old;        /* virObjectEventMatch, by its key; a reference each */
    size_t bytes;                   /* of the young ones */
    size_t countMax, bytesMax;      /* of the young ones */
} virObjectEventMatchCache;

/* Registrations that name one domain, or have one route. */
typedef struct {
    unsigned char uuid[VIR_UUID_BUFLEN];
    GPtrArray *regs;                /* in order, borrowed from byID */
} virObjectEventScope;

/* Connection, class and eventID, and how many have them. */
typedef struct {
    virConnectPtr conn;
    const virObjectEventClass *klass;
    int eventID;
    size_t count;
} virObjectEventTally;

struct _virObjectEventRegistry {
    GPtrArray *off;                     /* virObjectEventReg, a reference each; NULL: none */
    GHashTable *byID;               /* every one, by connection and ID; a reference each */
    GHashTable *unfiltered;         /* those without a filter, by all that makes them the same */
    GHashTable *tallies;            /* virObjectEventTally */
    GPtrArray *anywhere;            /* those that name no domain, in order; borrowed, as below */
    GHashTable *scopes;             /* virObjectEventScope by uuid: those that name one */
    GHashTable *routes;             /* GPtrArray by route: those that have one, as well */
    guint64 lastSequence;
    atomic_ullong generation;       /* written with the lock held */
    size_t kindCounts[VIR_OBJECT_EVENT_KINDS_MAX];  /* registrations, by eventID */
    atomic_ullong kinds;            /* a bit for each that isn't 0; written with the lock held */
    size_t gone;                    /* since the answers were last forgotten */
    virObjectEventMatchCache matchesAnywhere, matchesHere;
    guint64 filterRuns;
};

virObjectEventReg *
virObjectEventRegRef(virObjectEventReg *reg)
{
    atomic_fetch_add_explicit(&reg->refs, 1, memory_order_relaxed);
    return reg;
}

void
virObjectEventRegUnref(virObjectEventReg *reg)
{
    if (reg && atomic_fetch_sub_explicit(&reg->refs, 1, memory_order_acq_rel) == 1)
        g_free(reg);
}

/* --- tables --- */

static guint
virObjectEventRegHashID(gconstpointer key)
{
    const virObjectEventReg *reg = key;

    return g_direct_hash(reg->conn) ^ (guint)reg->callbackID * 2654435761u;
}

static gboolean
virObjectEventRegEqualID(gconstpointer a, gconstpointer b)
{
    const virObjectEventReg *one = a;
    const virObjectEventReg *other = b;

    return one->conn == other->conn && one->callbackID == other->callbackID;
}

static guint
virObjectEventRegHashSame(gconstpointer key)
{
    const virObjectEventReg *reg = key;

    return g_direct_hash(reg->conn) ^ g_direct_hash(reg->klass) ^ (guint)reg->eventID * 31u ^
           (guint)reg->route * 2654435761u ^ g_direct_hash(reg->cb) ^
           (reg->scoped ? virUUIDHash(reg->uuid) : 0);
}

static gboolean
virObjectEventRegEqualSame(gconstpointer a, gconstpointer b)
{
    const virObjectEventReg *one = a;
    const virObjectEventReg *other = b;

    return one->conn == other->conn && one->klass == other->klass &&
           one->eventID == other->eventID && one->route == other->route &&
           one->cb == other->cb && one->legacy == other->legacy &&
           one->scoped == other->scoped &&
           (!one->scoped || virUUIDEqual(one->uuid, other->uuid));
}

static guint
virObjectEventTallyHash(gconstpointer key)
{
    const virObjectEventTally *tally = key;

    return g_direct_hash(tally->conn) ^ g_direct_hash(tally->klass) ^ (guint)tally->eventID * 31u;
}

static gboolean
virObjectEventTallyEqual(gconstpointer a, gconstpointer b)
{
    const virObjectEventTally *one = a;
    const virObjectEventTally *other = b;

    return one->conn == other->conn && one->klass == other->klass &&
           one->eventID == other->eventID;
}

static void
virObjectEventScopeFree(void *opaque)
{
    virObjectEventScope *scope = opaque;

    g_ptr_array_unref(scope->regs);
    g_free(scope);
}

static guint
virObjectEventMatchHash(gconstpointer key)
{
    const virObjectEventMatch *match = key;

    return match->hash ^ ((guint)match->eventID << 16) ^ g_direct_hash(match->klass) ^
           (guint)match->route * 2654435761u ^ (match->scoped ? virUUIDHash(match->uuid) : 0);
}

static gboolean
virObjectEventMatchEqual(gconstpointer a, gconstpointer b)
{
    const virObjectEventMatch *one = a;
    const virObjectEventMatch *other = b;

    return one->hash == other->hash && one->klass == other->klass &&
           one->eventID == other->eventID && one->route == other->route &&
           one->scoped == other->scoped && one->textLen == other->textLen &&
           (!one->scoped || virUUIDEqual(one->uuid, other->uuid)) &&
           memcmp(one->text, other->text, one->textLen) == 0;
}

/* --- registrations --- */

static GHashTable *
virObjectEventMatchTableNew(void)
{
    return g_hash_table_new_full(virObjectEventMatchHash, virObjectEventMatchEqual,
                                 (GDestroyNotify)virObjectEventMatchUnref, NULL);
}

static void
virObjectEventMatchCacheInit(virObjectEventMatchCache *cache, size_t countMax, size_t bytesMax)
{
    cache->young = virObjectEventMatchTableNew();
    cache->old = virObjectEventMatchTableNew();
    cache->countMax = countMax / 2;
    cache->bytesMax = bytesMax / 2;
}

static void
virObjectEventMatchCacheForget(virObjectEventMatchCache *cache)
{
    g_hash_table_remove_all(cache->young);
    g_hash_table_remove_all(cache->old);
    cache->bytes = 0;
}

static void
virObjectEventMatchCacheClear(virObjectEventMatchCache *cache)
{
    g_hash_table_unref(cache->young);
    g_hash_table_unref(cache->old);
}

virObjectEventRegistry *
virObjectEventRegistryNew(void)
{
    virObjectEventRegistry *registry = g_new0(virObjectEventRegistry, 1);

    registry->byID = g_hash_table_new(virObjectEventRegHashID, virObjectEventRegEqualID);
    registry->unfiltered = g_hash_table_new(virObjectEventRegHashSame, virObjectEventRegEqualSame);
    registry->tallies = g_hash_table_new_full(virObjectEventTallyHash, virObjectEventTallyEqual,
                                              g_free, NULL);
    registry->anywhere = g_ptr_array_new();
    registry->scopes = g_hash_table_new_full(virUUIDHash, virUUIDEqual, NULL,
                                             virObjectEventScopeFree);
    registry->routes = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    virObjectEventMatchCacheInit(&registry->matchesAnywhere, VIR_OBJECT_EVENT_MATCHES_MAX,
                                 VIR_OBJECT_EVENT_MATCH_BYTES_MAX);
    virObjectEventMatchCacheInit(&registry->matchesHere, VIR_OBJECT_EVENT_SCOPED_MATCHES_MAX,
                                 VIR_OBJECT_EVENT_SCOPED_MATCH_BYTES_MAX);
    return registry;
}

void
virObjectEventRegistryFree(virObjectEventRegistry *registry)
{
    if (!registry)
        return;
    virObjectEventMatchCacheClear(&registry->matchesAnywhere);
    virObjectEventMatchCacheClear(&registry->matchesHere);
    g_clear_pointer(&registry->off, g_ptr_array_unref);
    g_hash_table_unref(registry->routes);
    g_hash_table_unref(registry->scopes);
    g_ptr_array_unref(registry->anywhere);
    g_hash_table_unref(registry->tallies);
    g_hash_table_unref(registry->unfiltered);
    g_hash_table_unref(registry->byID);
    g_free(registry);
}

static void
virObjectEventRegistryChanged(virObjectEventRegistry *registry)
{
    atomic_fetch_add_explicit(&registry->generation, 1, memory_order_release);
}

/* One more or less registration of the kind of @reg. Where a class has filters, there is one kind
 * only, which nobody asks for. */
static void
virObjectEventRegistryCountKind(virObjectEventRegistry *registry, const virObjectEventReg *reg,
                                bool added)
{
    size_t *count = &registry->kindCounts[reg->eventID];

    if (reg->klass->filterText)
        return;
    *count += added ? 1 : -1;
    if (*count > 0)
        atomic_fetch_or(&registry->kinds, G_GUINT64_CONSTANT(1) << reg->eventID);
    else
        atomic_fetch_and(&registry->kinds, ~(G_GUINT64_CONSTANT(1) << reg->eventID));
}

static virObjectEventTally *
virObjectEventRegistryTally(virObjectEventRegistry *registry, const virObjectEventReg *like)
{
    virObjectEventTally key = { .conn = like->conn, .klass = like->klass,
                                .eventID = like->eventID };

    return g_hash_table_lookup(registry->tallies, &key);
}

void
virObjectEventRegistryAdd(virObjectEventRegistry *registry, virObjectEventReg *reg)
{
    virObjectEventTally *tally = virObjectEventRegistryTally(registry, reg);

    g_assert(reg->eventID >= 0 && reg->eventID < VIR_OBJECT_EVENT_KINDS_MAX);
    reg->sequence = ++registry->lastSequence;
    g_hash_table_add(registry->byID, reg);
    virObjectEventRegistryCountKind(registry, reg, true);
    if (!reg->filter)
        g_hash_table_add(registry->unfiltered, reg);

    if (!tally) {
        tally = g_new0(virObjectEventTally, 1);
        tally->conn = reg->conn;
        tally->klass = reg->klass;
        tally->eventID = reg->eventID;
        g_hash_table_add(registry->tallies, tally);
    }
    tally->count++;

    if (reg->scoped) {
        virObjectEventScope *scope = g_hash_table_lookup(registry->scopes, reg->uuid);

        if (!scope) {
            scope = g_new0(virObjectEventScope, 1);
            memcpy(scope->uuid, reg->uuid, VIR_UUID_BUFLEN);
            scope->regs = g_ptr_array_new();
            g_hash_table_insert(registry->scopes, scope->uuid, scope);
        }
        g_ptr_array_add(scope->regs, reg);
    } else {
        g_ptr_array_add(registry->anywhere, reg);
    }
    if (reg->route > 0) {
        GPtrArray *regs = g_hash_table_lookup(registry->routes, GINT_TO_POINTER(reg->route));

        if (!regs) {
            regs = g_ptr_array_new();
            g_hash_table_insert(registry->routes, GINT_TO_POINTER(reg->route), regs);
        }
        g_ptr_array_add(regs, reg);
    }
    virObjectEventRegistryChanged(registry);
}

/* Where the first registration behind @sequence is in @regs. */
static size_t
virObjectEventRegsBehind(const GPtrArray *regs, guint64 sequence)
{
    size_t low = 0;
    size_t high = regs->len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (((virObjectEventReg *)g_ptr_array_index(regs, middle))->sequence <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
virObjectEventRegsRemove(GPtrArray *regs, const virObjectEventReg *reg)
{
    g_ptr_array_remove_index(regs, virObjectEventRegsBehind(regs, reg->sequence) - 1);
}

void
virObjectEventRegistryRemove(virObjectEventRegistry *registry, virObjectEventReg *reg)
{
    virObjectEventTally *tally = virObjectEventRegistryTally(registry, reg);
    size_t left;

    atomic_store(&reg->gone, true);
    g_hash_table_remove(registry->byID, reg);
    virObjectEventRegistryCountKind(registry, reg, false);
    if (!reg->filter)
        g_hash_table_remove(registry->unfiltered, reg);
    if (--tally->count == 0)
        g_hash_table_remove(registry->tallies, tally);

    if (reg->scoped) {
        virObjectEventScope *scope = g_hash_table_lookup(registry->scopes, reg->uuid);

        virObjectEventRegsRemove(scope->regs, reg);
        if (scope->regs->len == 0)
            g_hash_table_remove(registry->scopes, reg->uuid);
    } else {
        virObjectEventRegsRemove(registry->anywhere, reg);
    }
    if (reg->route > 0) {
        GPtrArray *regs = g_hash_table_lookup(registry->routes, GINT_TO_POINTER(reg->route));

        virObjectEventRegsRemove(regs, reg);
        if (regs->len == 0)
            g_hash_table_remove(registry->routes, GINT_TO_POINTER(reg->route));
    }
    virObjectEventRegistryChanged(registry);

    left = virObjectEventRegistrySize(registry);
    if (left == 0 || ++registry->gone > MAX(VIR_OBJECT_EVENT_REGISTRY_GONE_MAX, left)) {
        virObjectEventMatchCacheForget(&registry->matchesAnywhere);
        virObjectEventMatchCacheForget(&registry->matchesHere);
        registry->gone = 0;
    }
}

size_t
virObjectEventRegistrySize(virObjectEventRegistry *registry)
{
    return g_hash_table_size(registry->byID);
}

virObjectEventReg *
virObjectEventRegistryFind(virObjectEventRegistry *registry, virConnectPtr conn, int callbackID)
{
    virObjectEventReg key = { .conn = conn, .callbackID = callbackID };

    return g_hash_table_lookup(registry->byID, &key);
}

virObjectEventReg *
virObjectEventRegistryFindSame(virObjectEventRegistry *registry, const virObjectEventReg *like)
{
    return g_hash_table_lookup(registry->unfiltered, like);
}

virObjectEventReg *
virObjectEventRegistryFindLegacy(virObjectEventRegistry *registry, virConnectPtr conn,
                                 const virObjectEventClass *klass, int eventID, void *cb)
{
    size_t i;

    for (i = 0; i < registry->anywhere->len; i++) {
        virObjectEventReg *reg = g_ptr_array_index(registry->anywhere, i);

        if (reg->legacy && reg->conn == conn && reg->klass == klass && reg->eventID == eventID &&
            reg->cb == cb)
            return reg;
    }
    return NULL;
}

size_t
virObjectEventRegistryCountAlike(virObjectEventRegistry *registry, const virObjectEventReg *like)
{
    virObjectEventTally *tally = virObjectEventRegistryTally(registry, like);

    return tally ? tally->count : 0;
}

static gint
virObjectEventRegCompare(gconstpointer a, gconstpointer b)
{
    const virObjectEventReg *one = *(virObjectEventReg *const *)a;
    const virObjectEventReg *other = *(virObjectEventReg *const *)b;

    return one->sequence < other->sequence ? -1 : 1;
}

GPtrArray *
virObjectEventRegistryGetAll(virObjectEventRegistry *registry, virConnectPtr conn)
{
    GPtrArray *all = g_ptr_array_new();
    virObjectEventReg *reg;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, registry->byID);
    while (g_hash_table_iter_next(&iter, (gpointer *)&reg, NULL)) {
        if (reg->conn == conn)
            g_ptr_array_add(all, reg);
    }
    g_ptr_array_sort(all, virObjectEventRegCompare);
    return all;
}

void
virObjectEventRegistryForEach(virObjectEventRegistry *registry, const unsigned char *uuid,
                              void (*func)(virObjectEventReg *reg, void *opaque), void *opaque)
{
    virObjectEventScope *scope = g_hash_table_lookup(registry->scopes, uuid);
    size_t i;

    for (i = 0; i < registry->anywhere->len; i++)
        func(g_ptr_array_index(registry->anywhere, i), opaque);
    for (i = 0; scope && i < scope->regs->len; i++)
        func(g_ptr_array_index(scope->regs, i), opaque);
}

guint64
virObjectEventRegistryGeneration(virObjectEventRegistry *registry)
{
    return atomic_load_explicit(&registry->generation, memory_order_acquire);
}

guint64
virObjectEventRegistryKinds(virObjectEventRegistry *registry)
{
    return atomic_load_explicit(&registry->kinds, memory_order_acquire);
}

bool
virObjectEventRegistryIsScoped(virObjectEventRegistry *registry)
{
    return g_hash_table_size(registry->scopes) > 0;
}

/* --- who wants an event --- */

void
virObjectEventMatchUnref(virObjectEventMatch *match)
{
    size_t i;

    if (!match || atomic_fetch_sub_explicit(&match->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (i = 0; i < match->regs->len; i++)
        virObjectEventRegUnref(g_ptr_array_index(match->regs, i));
    g_ptr_array_unref(match->regs);
    g_free(match->text);
    g_free(match);
}

static virObjectEventMatch *
virObjectEventMatchNew(const virObjectEventMatch *key)
{
    virObjectEventMatch *match = g_new(virObjectEventMatch, 1);

    *match = *key;
    atomic_init(&match->refs, 1);
    match->text = g_malloc(key->textLen + 1);
    memcpy(match->text, key->text, key->textLen);
    match->regs = g_ptr_array_new();
    return match;
}

static size_t
virObjectEventMatchBytes(const virObjectEventMatch *match)
{
    return sizeof(*match) + match->textLen + match->regs->len * sizeof(gpointer);
}

static virObjectEventMatch *
virObjectEventMatchCacheTake(virObjectEventMatchCache *cache, const virObjectEventMatch *key)
{
    gpointer match = NULL;

    if (g_hash_table_steal_extended(cache->young, key, &match, NULL))
        cache->bytes -= virObjectEventMatchBytes(match);
    else
        g_hash_table_steal_extended(cache->old, key, &match, NULL);
    return match;
}

/* Adds a reference of its own. */
static void
virObjectEventMatchCachePut(virObjectEventMatchCache *cache, virObjectEventMatch *match)
{
    size_t bytes = virObjectEventMatchBytes(match);

    if (bytes > cache->bytesMax)
        return;
    if (g_hash_table_size(cache->young) >= cache->countMax ||
        bytes > cache->bytesMax - cache->bytes) {
        g_hash_table_unref(cache->old);
        cache->old = g_steal_pointer(&cache->young);
        cache->young = virObjectEventMatchTableNew();
        cache->bytes = 0;
    }
    atomic_fetch_add_explicit(&match->refs, 1, memory_order_relaxed);
    g_hash_table_add(cache->young, match);
    cache->bytes += bytes;
}

/* Whether @reg, which is in the list that @match is about, wants its events. */
static bool
virObjectEventRegistryWants(virObjectEventRegistry *registry, virObjectEventReg *reg,
                            const virObjectEventMatch *match)
{
    bool wants;

    if (reg->klass != match->klass || reg->eventID != match->eventID)
        return false;
    if (match->route > 0)
        return true;
    if (match->route != VIR_OBJECT_EVENT_ROUTE_ANY && reg->route != match->route)
        return false;
    if (!reg->filter)
        return true;
    registry->filterRuns++;
    wants = virEventFilterMatches(reg->filter, match->text, match->textLen);
    if (!wants && !reg->off && virEventFilterIsOff(reg->filter, NULL, 0)) {
        reg->off = true;
        if (!registry->off)
            registry->off = g_ptr_array_new_with_free_func(
                (GDestroyNotify)virObjectEventRegUnref);
        g_ptr_array_add(registry->off, virObjectEventRegRef(reg));
        /* It has no more names that it wanted before, either. */
        virObjectEventRegistryChanged(registry);
    }
    return wants;
}

GPtrArray *
virObjectEventRegistryTakeOff(virObjectEventRegistry *registry)
{
    return g_steal_pointer(&registry->off);
}

/* Brings @match up to date: @regs are all that may be in it. */
static void
virObjectEventRegistryRefresh(virObjectEventRegistry *registry, virObjectEventMatch *match,
                              const GPtrArray *regs)
{
    guint64 generation = virObjectEventRegistryGeneration(registry);
    size_t kept = 0;
    size_t i;

    if (match->generation == generation)
        return;
    for (i = 0; i < match->regs->len; i++) {
        virObjectEventReg *reg = g_ptr_array_index(match->regs, i);

        if (atomic_load(&reg->gone) || reg->off)
            virObjectEventRegUnref(reg);
        else
            match->regs->pdata[kept++] = reg;
    }
    g_ptr_array_set_size(match->regs, kept);
    for (i = virObjectEventRegsBehind(regs, match->seen); i < regs->len; i++) {
        virObjectEventReg *reg = g_ptr_array_index(regs, i);

        if (virObjectEventRegistryWants(registry, reg, match))
            g_ptr_array_add(match->regs, virObjectEventRegRef(reg));
    }
    match->seen = registry->lastSequence;
    match->generation = generation;
}

/* The answer to @key, brought up to date: a new reference. */
static virObjectEventMatch *
virObjectEventRegistryAnswer(virObjectEventRegistry *registry, virObjectEventMatchCache *cache,
                             const virObjectEventMatch *key, const GPtrArray *regs)
{
    virObjectEventMatch *match = g_hash_table_lookup(cache->young, key);
    virObjectEventMatch *taken;

    if (match && match->generation == virObjectEventRegistryGeneration(registry)) {
        atomic_fetch_add_explicit(&match->refs, 1, memory_order_relaxed);
        return match;
    }
    taken = virObjectEventMatchCacheTake(cache, key);
    match = taken ? taken : virObjectEventMatchNew(key);
    virObjectEventRegistryRefresh(registry, match, regs);
    virObjectEventMatchCachePut(cache, match);
    return match;
}

void
virObjectEventRegistryMatch(virObjectEventRegistry *registry, const virObjectEvent *event,
                            const char *text, size_t len, virObjectEventMatches *matches)
{
    virObjectEventMatch key = { .klass = event->klass, .eventID = event->eventID,
                                .route = event->route, .hash = event->hash, .text = (char *)text,
                                .textLen = len };
    virObjectEventScope *scope;

    *matches = (virObjectEventMatches) { 0 };
    if (event->route > 0) {
        const GPtrArray *regs = g_hash_table_lookup(registry->routes,
                                                    GINT_TO_POINTER(event->route));

        /* Filtered already: neither its text nor its domain matters. */
        key.hash = 0;
        key.textLen = 0;
        if (regs)
            matches->anywhere = virObjectEventRegistryAnswer(registry, &registry->matchesAnywhere,
                                                             &key, regs);
        return;
    }

    matches->anywhere = virObjectEventRegistryAnswer(registry, &registry->matchesAnywhere, &key,
                                                     registry->anywhere);
    if ((scope = g_hash_table_lookup(registry->scopes, event->domain->uuid))) {
        key.scoped = true;
        memcpy(key.uuid, event->domain->uuid, VIR_UUID_BUFLEN);
        matches->here = virObjectEventRegistryAnswer(registry, &registry->matchesHere, &key,
                                                     scope->regs);
    }
}

size_t
virObjectEventRegistryRemembered(virObjectEventRegistry *registry)
{
    return g_hash_table_size(registry->matchesAnywhere.young) +
           g_hash_table_size(registry->matchesAnywhere.old) +
           g_hash_table_size(registry->matchesHere.young) +
           g_hash_table_size(registry->matchesHere.old);
}

guint64
virObjectEventRegistryFilterRuns(virObjectEventRegistry *registry)
{
    return registry->filterRuns;
}
