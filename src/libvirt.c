/*
 * libvirt.c: public functions that start the library, open and close connections
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libvirt_internal.h"
#include "qemu_driver.h"
#include "remote_driver.h"
#include "virclientconf.h"
#include "virstate.h"

#define VIR_FROM_THIS VIR_FROM_NONE

VIR_LOG_INIT("libvirt");

const virHypervisorDriver *const virHypervisorDrivers[] = {
    &qemuHypervisorDriver,
    &remoteHypervisorDriver,
    NULL,
};

static pthread_once_t virInitializeOnce = PTHREAD_ONCE_INIT;

static void
virInitializeAll(void)
{
    const char *dir = getenv("VIRTMON_LOCALEDIR");

    bindtextdomain(PACKAGE, dir && *dir ? dir : LOCALEDIR);
    bind_textdomain_codeset(PACKAGE, "UTF-8");
    virLogSetFromEnv();
    /* GLib makes its C locale with the first number that it reads, under a lock of all threads.
     * If that has to be waited for, errno is set, and g_ascii_string_to_unsigned() takes this for
     * a fault of the number: so the first one is read here, where nobody asks. */
    g_ascii_strtoull("0", NULL, 10);
}

/**
 * virInitialize:
 *
 * Sets up translations and logging. Any thread, any number of times.
 *
 * Returns 0.
 */
int
virInitialize(void)
{
    pthread_once(&virInitializeOnce, virInitializeAll);
    return 0;
}

/**
 * virGetVersion:
 * @libVer: the API level of the library, major * 1000000 + minor * 1000 + micro
 * @type: ignored, as in libvirt
 * @typeVer: gets the same as @libVer; may be NULL
 *
 * Returns 0, or -1 with an error.
 */
int
virGetVersion(unsigned long *libVer, const char *type G_GNUC_UNUSED, unsigned long *typeVer)
{
    virInitialize();
    virResetLastError();
    virCheckNonNullArgReturn(NULL, libVer, -1);
    *libVer = LIBVIR_VERSION_NUMBER;
    if (typeVer)
        *typeVer = LIBVIR_VERSION_NUMBER;
    return 0;
}

/* --- asking on the terminal --- */

static int
virConnectAuthAsk(virConnectCredentialPtr cred, unsigned int ncred, void *cbdata G_GNUC_UNUSED)
{
    unsigned int i;

    for (i = 0; i < ncred; i++) {
        char line[1024];
        bool echo = cred[i].type != VIR_CRED_PASSPHRASE && cred[i].type != VIR_CRED_NOECHOPROMPT;

        if (cred[i].type == VIR_CRED_EXTERNAL)
            return -1;
        if (echo) {
            printf("%s: ", cred[i].prompt);
            fflush(stdout);
            if (!fgets(line, sizeof(line), stdin))
                return -1;
            line[strcspn(line, "\n")] = '\0';
        } else {
            g_autofree char *prompt = g_strdup_printf("%s: ", cred[i].prompt);
            char *secret = getpass(prompt);

            if (!secret)
                return -1;
            g_strlcpy(line, secret, sizeof(line));
            explicit_bzero(secret, strlen(secret));
        }
        cred[i].result = g_strdup(!*line && cred[i].defresult ? cred[i].defresult : line);
        cred[i].resultlen = strlen(cred[i].result);
        explicit_bzero(line, sizeof(line));
    }
    return 0;
}

static int virConnectAuthTypes[] = {
    VIR_CRED_AUTHNAME, VIR_CRED_ECHOPROMPT, VIR_CRED_REALM, VIR_CRED_PASSPHRASE,
    VIR_CRED_NOECHOPROMPT, VIR_CRED_EXTERNAL,
};

static virConnectAuth virConnectAuthDefault = {
    virConnectAuthTypes, G_N_ELEMENTS(virConnectAuthTypes), virConnectAuthAsk, NULL,
};

virConnectAuthPtr virConnectAuthPtrDefault = &virConnectAuthDefault;

/* --- opening and closing --- */

static bool
virDriverHasScheme(const virHypervisorDriver *driver, const char *scheme)
{
    size_t i;

    /* Any, and for a daemon none: what its clients want is here or nowhere. */
    if (!driver->uriSchemes)
        return !virStateIsActive();
    for (i = 0; driver->uriSchemes[i]; i++) {
        if (strcmp(driver->uriSchemes[i], scheme) == 0)
            return true;
    }
    return false;
}

static virConnectPtr
virConnectOpenInternal(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    g_autofree char *path = virClientConfPath();
    g_autofree char *text = virClientConfResolveURI(path, name,
                                                    !(flags & VIR_CONNECT_NO_ALIASES));
    virConnectPtr conn;
    size_t i;

    if (!text)
        return NULL;

    conn = virGetConnect();
    conn->flags = flags & VIR_CONNECT_RO;
    if (!(conn->uri = virURIParse(text)))
        goto error;
    if (!conn->uri->scheme) {
        virReportError(VIR_ERR_NO_CONNECT, _("URI '%1$s' does not include a driver name"), text);
        goto error;
    }
    for (i = 0; virHypervisorDrivers[i]; i++) {
        const virHypervisorDriver *driver = virHypervisorDrivers[i];

        if (!virDriverHasScheme(driver, conn->uri->scheme))
            continue;
        switch (driver->connectOpen(conn, auth, flags)) {
        case VIR_DRV_OPEN_SUCCESS:
            conn->driver = driver;
            return conn;
        case VIR_DRV_OPEN_ERROR:
            goto error;
        case VIR_DRV_OPEN_DECLINED:
            break;
        }
    }
    virReportError(VIR_ERR_NO_CONNECT, "%s", text);

 error:
    virConnectUnref(conn);
    return NULL;
}

/**
 * virConnectOpenAuth:
 * @name: a URI or an alias for one; NULL or "": what the environment or libvirt.conf name
 * @auth: how to ask for credentials; may be NULL
 * @flags: virConnectFlags
 *
 * Returns a new reference, or NULL with an error.
 */
virConnectPtr
virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    const unsigned int unknown = flags & ~(unsigned int)(VIR_CONNECT_RO | VIR_CONNECT_NO_ALIASES);
    virConnectPtr conn;

    virInitialize();
    virResetLastError();
    if (unknown) {
        virReportUnsupportedFlags(VIR_FROM_THIS, __FILE__, __func__, __LINE__, unknown);
        virFailReturn(NULL, NULL);
    }
    if (!(conn = virConnectOpenInternal(name, auth, flags)))
        virFailReturn(NULL, NULL);
    return conn;
}

/**
 * virConnectOpen:
 * @name: as for virConnectOpenAuth()
 *
 * Returns a new reference on a connection with full access, or NULL with an error.
 */
virConnectPtr
virConnectOpen(const char *name)
{
    return virConnectOpenAuth(name, NULL, 0);
}

/**
 * virConnectOpenReadOnly:
 * @name: as for virConnectOpenAuth()
 *
 * Returns a new reference on a connection that can change nothing, or NULL with an error.
 */
virConnectPtr
virConnectOpenReadOnly(const char *name)
{
    return virConnectOpenAuth(name, NULL, VIR_CONNECT_RO);
}

/**
 * virConnectClose:
 * @conn: a connection (takes one reference)
 *
 * Domains and registered callbacks hold references of their own: with a callback registered
 * the connection stays open, and events go on, until that is deregistered.
 *
 * Returns 0 once it is closed, 1 if something else keeps it open, -1 with an error.
 */
int
virConnectClose(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    return virConnectUnref(conn) ? 1 : 0;
}
