/*
 * viraccessperm.c: what may be allowed or forbidden to somebody, by name
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessperm.h"

#include <string.h>
#include <glib.h>

typedef struct {
    const char *klass;
    const char *name;
    const char *what;
    bool writes;
    bool everybody;
} virAccessPermRow;

static const virAccessPermRow virAccessPermRows[VIR_ACCESS_PERM_LAST] = {
#define VIR_ACCESS_PERM_ROW(klass, perm, className, name, writes, everybody, what) \
    [VIR_ACCESS_PERM_##klass##_##perm] = { className, name, what, writes, everybody },
    VIR_ACCESS_PERM_LIST(VIR_ACCESS_PERM_ROW)
#undef VIR_ACCESS_PERM_ROW
};

static const virAccessPermRow *
virAccessPermGetRow(virAccessPerm perm)
{
    g_assert(perm > VIR_ACCESS_PERM_NONE && perm < VIR_ACCESS_PERM_LAST);
    return &virAccessPermRows[perm];
}

const char *
virAccessPermClass(virAccessPerm perm)
{
    return virAccessPermGetRow(perm)->klass;
}

const char *
virAccessPermName(virAccessPerm perm)
{
    return virAccessPermGetRow(perm)->name;
}

const char *
virAccessPermWhat(virAccessPerm perm)
{
    return virAccessPermGetRow(perm)->what;
}

bool
virAccessPermIsDomain(virAccessPerm perm)
{
    return strcmp(virAccessPermGetRow(perm)->klass, "domain") == 0;
}

bool
virAccessPermWrites(virAccessPerm perm)
{
    return virAccessPermGetRow(perm)->writes;
}

bool
virAccessPermIsEverybodys(virAccessPerm perm)
{
    return virAccessPermGetRow(perm)->everybody;
}

virAccessPerm
virAccessPermFind(const char *klass, const char *name)
{
    int perm;

    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++) {
        if (strcmp(virAccessPermRows[perm].klass, klass) == 0 &&
            strcmp(virAccessPermRows[perm].name, name) == 0)
            return (virAccessPerm)perm;
    }
    return VIR_ACCESS_PERM_NONE;
}
