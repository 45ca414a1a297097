/*
 * domain_ident.c: which domain, and which stream of it, an event belongs to
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "domain_ident.h"

#include <string.h>

#include "viruuid.h"

virDomainIdent *
virDomainIdentNew(const char *name, const unsigned char *uuid, int id)
{
    size_t nameLen = strlen(name);
    virDomainIdent *ident = g_malloc0(sizeof(*ident) + nameLen + 1);
    unsigned char stream[VIR_UUID_BUFLEN] = { 0 };

    atomic_init(&ident->refs, 1);
    memcpy(ident->uuid, uuid, VIR_UUID_BUFLEN);
    ident->id = id;
    ident->nameLen = nameLen;
    memcpy(ident->name, name, nameLen + 1);
    if (virUUIDGenerate(stream) < 0) {
        g_autofree char *text = g_strdup_printf("%p %" G_GINT64_FORMAT, (void *)ident,
                                                g_get_monotonic_time());

        virUUIDFromText(text, stream);
    }
    virUUIDFormat(stream, ident->stream);
    return ident;
}

virDomainIdent *
virDomainIdentRef(virDomainIdent *ident)
{
    atomic_fetch_add_explicit(&ident->refs, 1, memory_order_relaxed);
    return ident;
}

void
virDomainIdentUnref(virDomainIdent *ident)
{
    if (ident)
        virDomainIdentUnrefMany(ident, 1);
}

void
virDomainIdentUnrefMany(virDomainIdent *ident, unsigned int count)
{
    if (count > 0 &&
        atomic_fetch_sub_explicit(&ident->refs, count, memory_order_acq_rel) == count)
        g_free(ident);
}
