/*
 * virclientconf.c: which URI a program means that names none, or only an alias
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virclientconf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virconf.h"
#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_CONF

char *
virClientConfPath(void)
{
    if (geteuid() == 0)
        return g_strdup(SYSCONFDIR "/libvirt/libvirt.conf");
    return g_build_filename(g_get_user_config_dir(), "libvirt", "libvirt.conf", NULL);
}

int
virClientConfLoad(const char *path, virConf **conf)
{
    virErrorPtr err;

    if ((*conf = virConfRead(path)))
        return 0;
    err = virGetLastError();
    if (err->code != VIR_ERR_SYSTEM_ERROR || (err->int1 != ENOENT && err->int1 != ENOTDIR))
        return -1;
    virResetLastError();
    return 0;
}

/* Sets *uri (borrowed from @entries) to what @name stands for, if that is in the list. */
static int
virClientConfFindAlias(const char *path, const char *const *entries, const char *name,
                       const char **uri)
{
    size_t i;

    for (i = 0; entries[i]; i++) {
        const char *equals = strchr(entries[i], '=');
        size_t len = equals ? (size_t)(equals - entries[i]) : 0;

        if (len == 0 || !equals[1]) {
            virReportError(VIR_ERR_CONF_SYNTAX,
                           _("%1$s: '%2$s' in 'uri_aliases' is not ALIAS=URI"), path, entries[i]);
            return -1;
        }
        if (strspn(entries[i], G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-") < len) {
            virReportError(VIR_ERR_CONF_SYNTAX,
                           _("%1$s: alias '%2$.*3$s' in 'uri_aliases' has other characters than "
                             "letters, digits, '_' and '-'"), path, entries[i], (int)len);
            return -1;
        }
        if (strlen(name) == len && memcmp(name, entries[i], len) == 0) {
            *uri = equals + 1;
            return 0;
        }
    }
    return 0;
}

char *
virClientConfResolveURI(const char *path, const char *name, bool aliases)
{
    g_autoptr(virConf) conf = NULL;
    const char *const *entries;
    const char *uri = NULL;
    int rc;

    if (name && *name) {
        /* No alias has a colon, every URI has one. */
        if (!aliases || strchr(name, ':'))
            return g_strdup(name);
        if (virClientConfLoad(path, &conf) < 0)
            return NULL;
        rc = conf ? virConfGetStringList(conf, "uri_aliases", &entries) : 0;
        if (rc < 0 || (rc > 0 && virClientConfFindAlias(path, entries, name, &uri) < 0))
            return NULL;
        return g_strdup(uri ? uri : name);
    }

    if ((uri = getenv("LIBVIRT_DEFAULT_URI")) && *uri)
        return g_strdup(uri);
    if (virClientConfLoad(path, &conf) < 0)
        return NULL;
    if (conf && (rc = virConfGetString(conf, "uri_default", &uri)) != 0) {
        if (rc < 0)
            return NULL;
        if (*uri)
            return g_strdup(uri);
    }
    return g_strdup(geteuid() == 0 ? "qemu:///system" : "qemu:///session");
}
