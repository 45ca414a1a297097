/*
 * libvirt.c: public functions that start the library, open and close connections
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libvirt_internal.h"
#include "qemu_driver.h"

#define VIR_FROM_THIS VIR_FROM_NONE

VIR_LOG_INIT("libvirt");

/* Longest libvirt.conf that is read. */
#define VIR_CONF_BYTES_MAX (1024 * 1024)

const virHypervisorDriver *const virHypervisorDrivers[] = {
    &qemuHypervisorDriver,
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

/* --- libvirt.conf: which URI is meant --- */

typedef struct {
    char *uriDefault;
    GHashTable *aliases;            /* name -> URI */
} virClientConf;

static void
virClientConfClear(virClientConf *conf)
{
    g_clear_pointer(&conf->uriDefault, g_free);
    g_clear_pointer(&conf->aliases, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virClientConf, virClientConfClear)

static char *
virClientConfPath(void)
{
    if (geteuid() == 0)
        return g_strdup(SYSCONFDIR "/libvirt/libvirt.conf");
    return g_build_filename(g_get_user_config_dir(), "libvirt", "libvirt.conf", NULL);
}

/* The next quoted string at or behind @at, unquoted; @at moves behind it. NULL: none. */
static char *
virClientConfString(const char **at)
{
    const char *start = strpbrk(*at, "\"'");
    const char *end = start ? strchr(start + 1, *start) : NULL;

    if (!end)
        return NULL;
    *at = end + 1;
    return g_strndup(start + 1, end - start - 1);
}

/**
 * virClientConfLoad:
 * @conf: what is filled in; empty if there is no file
 *
 * Understands the two settings that concern URIs, uri_default = "URI" and
 * uri_aliases = [ "NAME=URI", ... ]; others are none of this library's business.
 *
 * Returns 0, or -1 with an error reported.
 */
static int
virClientConfLoad(virClientConf *conf)
{
    g_autofree char *path = virClientConfPath();
    g_autofree char *text = NULL;
    g_autoptr(GString) clean = g_string_new(NULL);
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) lines = NULL;
    const char *at;
    gsize len;
    size_t i;

    conf->aliases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return 0;
    if (!g_file_get_contents(path, &text, &len, &err) || len > VIR_CONF_BYTES_MAX) {
        virReportErrorFull(VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, __FILE__, __func__, __LINE__,
                           _("cannot read '%1$s': %2$s"), path,
                           err ? err->message : _("it is too large"));
        return -1;
    }

    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        if (*g_strchug(lines[i]) != '#')
            g_string_append_printf(clean, "%s\n", lines[i]);
    }

    if ((at = strstr(clean->str, "uri_default")) && (at = strchr(at, '=')))
        conf->uriDefault = virClientConfString(&at);
    if ((at = strstr(clean->str, "uri_aliases")) && (at = strchr(at, '['))) {
        const char *end = strchr(at, ']');
        char *entry;

        while (end && strcspn(at, "\"'") < (size_t)(end - at) &&
               (entry = virClientConfString(&at))) {
            char *equals = strchr(entry, '=');

            if (!equals) {
                virReportErrorFull(VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, __FILE__, __func__,
                                   __LINE__, _("'%1$s': URI alias '%2$s' is not NAME=URI"), path,
                                   entry);
                g_free(entry);
                return -1;
            }
            *equals = '\0';
            g_hash_table_insert(conf->aliases, g_strdup(entry), g_strdup(equals + 1));
            g_free(entry);
            end = strchr(at, ']');
        }
    }
    return 0;
}

/* The URI that @name stands for, to be freed by the caller; NULL with an error reported. */
static char *
virConnectResolveURI(const char *name, unsigned int flags)
{
    g_auto(virClientConf) conf = { 0 };
    const char *env;
    const char *alias;

    if (name && *name && (strchr(name, ':') || (flags & VIR_CONNECT_NO_ALIASES)))
        return g_strdup(name);
    if ((!name || !*name) && (env = getenv("LIBVIRT_DEFAULT_URI")) && *env)
        return g_strdup(env);

    if (virClientConfLoad(&conf) < 0)
        return NULL;
    if (name && *name) {
        alias = g_hash_table_lookup(conf.aliases, name);
        return g_strdup(alias ? alias : name);
    }
    if (conf.uriDefault && *conf.uriDefault)
        return g_steal_pointer(&conf.uriDefault);

    virReportError(VIR_ERR_NO_CONNECT, "%s",
                   _("an empty URI: name one, such as qemu:///embed?monitor=PATH, or set "
                     "LIBVIRT_DEFAULT_URI or uri_default in libvirt.conf"));
    return NULL;
}

static bool
virDriverHasScheme(const virHypervisorDriver *driver, const char *scheme)
{
    size_t i;

    for (i = 0; driver->uriSchemes[i]; i++) {
        if (strcmp(driver->uriSchemes[i], scheme) == 0)
            return true;
    }
    return false;
}

static virConnectPtr
virConnectOpenInternal(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    g_autofree char *text = virConnectResolveURI(name, flags);
    virConnectPtr conn;
    size_t i;

    if (!text)
        return NULL;

    conn = virGetConnect();
    conn->flags = flags & VIR_CONNECT_RO;
    if (!(conn->uri = virURIParse(text)))
        goto error;
    if (!conn->uri->scheme) {
        virReportError(VIR_ERR_NO_CONNECT, _("URI '%1$s' includes no driver name"), text);
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
    virConnectPtr conn;

    virInitialize();
    virResetLastError();
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
    int left;

    virResetLastError();
    virCheckConnectReturn(conn, -1);
    left = atomic_load(&conn->refs) - 1;
    virConnectUnref(conn);
    /* As libvirt has it: whether somebody else keeps it open, not how many. */
    return left > 0 ? 1 : 0;
}
