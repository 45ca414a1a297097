/*
 * fuzz_access.c: any bytes as an administrator's list of who may do what
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>

#include "viraccessfile.h"
#include "virerror_priv.h"
#include "viruuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
findUser(const char *name, uid_t *uid)
{
    *uid = 1000;
    return name[0] == 'b' ? 0 : name[0] == 'c' ? -1 : 1;
}

static int
findGroup(const char *name, gid_t *gid)
{
    *gid = 1000;
    return name[0] == 'b' ? 0 : name[0] == 'c' ? -1 : 1;
}

static const virAccessFileNames names = { findUser, findGroup };

static bool
isInGroup(gid_t gid, void *opaque G_GNUC_UNUSED)
{
    return gid % 2 == 0;
}

/* Whatever a list allows with one domain, it allows with some domain or other. */
static void
askForAll(virAccessFile *file, virIdentity *identity)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    int perm;

    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++) {
        virAccessQuestion one = { identity, (virAccessPerm)perm, "QEMU", "web-1\360", uuid };
        virAccessQuestion any = { identity, (virAccessPerm)perm, "QEMU", NULL, NULL };

        if (virAccessFileAllows(file, &one, isInGroup, NULL))
            g_assert_true(virAccessFileAllows(file, &any, isInGroup, NULL));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(virAccessFile) file = virAccessFileParse((const char *)data, size, "fuzz", &names);
    g_autoptr(virIdentity) identity = virIdentityNew();

    if (file) {
        askForAll(file, identity);
        virIdentitySetUNIXUserID(identity, 1000);
        virIdentitySetReadOnly(identity, true);
        virIdentitySetSASLUserName(identity, "fred@EXAMPLE");
        virIdentitySetX509DName(identity, "O=Example,CN=client");
        askForAll(file, identity);
    } else {
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    }
    virResetLastError();
    return 0;
}
