/*
 * qemu_capabilities.c: what this host and the QEMUs on it are
 *
 * Versions and the capabilities XML. Not what a single domain is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_capabilities.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "qemu_capabilities_priv.h"
#include "qemu_domain.h"
#include "qemu_process.h"
#include "qemu_xml.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Longest host name, with what a resolver may add. */
#define QEMU_CAPABILITIES_HOSTNAME_MAX 256

bool
qemuCapabilitiesReadUUID(const char *path, unsigned char *uuid)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL) || virUUIDParse(text, uuid) < 0)
        return false;
    /* Firmware whose maker didn't care has one byte all over. */
    return memcmp(uuid, uuid + 1, VIR_UUID_BUFLEN - 1) != 0;
}

/* The host's own UUID where the firmware tells it, else from the installation's identifier.
 * Returns whether there is one. */
static bool
qemuCapabilitiesHostUUID(unsigned char *uuid)
{
    return qemuCapabilitiesReadUUID("/sys/class/dmi/id/product_uuid", uuid) ||
           qemuCapabilitiesReadUUID("/etc/machine-id", uuid) ||
           qemuCapabilitiesReadUUID("/var/lib/dbus/machine-id", uuid);
}

static void
qemuCapabilitiesFormatHost(GString *buf)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];
    struct utsname host;

    g_string_append(buf, "  <host>\n");
    if (qemuCapabilitiesHostUUID(uuid))
        qemuXMLElement(buf, 4, "uuid", virUUIDFormat(uuid, text));
    g_string_append(buf, "    <cpu>\n");
    if (uname(&host) == 0)
        qemuXMLElement(buf, 6, "arch", host.machine);
    g_string_append(buf, "    </cpu>\n  </host>\n");
}

static unsigned int
qemuCapabilitiesWordSize(const char *arch)
{
    return strstr(arch, "64") || strstr(arch, "s390x") || strstr(arch, "alpha") ? 64 : 32;
}

static void
qemuCapabilitiesFormatGuest(GString *buf, const char *arch, virDomainObj *dom, bool kvm)
{
    qemuDomain *priv = qemuDomainGet(dom);
    g_autofree char *emulator = NULL;

    if (priv->pid > 0 && qemuProcessIsQemu(priv->pid))
        emulator = qemuProcessProgram(priv->pid);

    g_string_append(buf, "  <guest>\n    <os_type>hvm</os_type>\n    <arch name='");
    qemuXMLAppendEscaped(buf, arch);
    g_string_append_printf(buf, "'>\n      <wordsize>%u</wordsize>\n",
                           qemuCapabilitiesWordSize(arch));
    if (emulator)
        qemuXMLElement(buf, 6, "emulator", emulator);
    g_string_append(buf, "      <domain type='qemu'/>\n");
    if (kvm)
        g_string_append(buf, "      <domain type='kvm'/>\n");
    g_string_append(buf, "    </arch>\n  </guest>\n");
}

/* Of one architecture. */
typedef struct {
    virDomainObj *dom;          /* the first of them (borrowed) */
    bool kvm;                   /* any of them */
} qemuCapabilitiesGuest;

char *
qemuCapabilitiesFormat(virDomainList *domains)
{
    g_autoptr(GString) buf = g_string_new("<capabilities>\n");
    g_autoptr(GPtrArray) all = virDomainListGetAll(domains);
    g_autoptr(GHashTable) guests = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    g_autoptr(GList) archs = NULL;
    GList *item;
    size_t i;

    qemuCapabilitiesFormatHost(buf);
    for (i = 0; i < all->len; i++) {
        virDomainObj *dom = g_ptr_array_index(all, i);
        const char *arch = qemuXMLArchName(qemuDomainGet(dom)->target);
        qemuCapabilitiesGuest *guest;

        if (!arch)
            continue;
        if (!(guest = g_hash_table_lookup(guests, arch))) {
            guest = g_new0(qemuCapabilitiesGuest, 1);
            guest->dom = dom;
            g_hash_table_insert(guests, (char *)arch, guest);
        }
        guest->kvm |= qemuDomainGet(dom)->kvm;
    }
    archs = g_list_sort(g_hash_table_get_keys(guests), (GCompareFunc)strcmp);
    for (item = archs; item; item = item->next) {
        const qemuCapabilitiesGuest *guest = g_hash_table_lookup(guests, item->data);

        qemuCapabilitiesFormatGuest(buf, item->data, guest->dom, guest->kvm);
    }
    g_string_append(buf, "</capabilities>\n");
    return g_strdup(buf->str);
}

unsigned long
qemuCapabilitiesParseVersion(const char *text)
{
    const char *number = strstr(text, "version ");
    unsigned int major, minor, micro;

    if (!number || sscanf(number, "version %3u.%3u.%3u", &major, &minor, &micro) != 3)
        return 0;
    return major * 1000000UL + minor * 1000UL + micro;
}

/* Of the QEMU that is installed for this host's architecture, or else for any common one. */
static unsigned long
qemuCapabilitiesInstalledVersion(void)
{
    static const char *const fallbacks[] = {
        "qemu-system-x86_64", "qemu-system-aarch64", "qemu-kvm", "/usr/libexec/qemu-kvm", "kvm",
    };
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    struct utsname host;
    size_t i;

    if (uname(&host) == 0)
        g_ptr_array_add(names, g_strconcat("qemu-system-", host.machine, NULL));
    for (i = 0; i < G_N_ELEMENTS(fallbacks); i++)
        g_ptr_array_add(names, g_strdup(fallbacks[i]));

    for (i = 0; i < names->len; i++) {
        g_autofree char *program = g_find_program_in_path(g_ptr_array_index(names, i));
        g_autofree char *output = NULL;
        char *argv[] = { program, (char *)"--version", NULL };
        unsigned long version;

        if (program &&
            g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output, NULL,
                         NULL, NULL) &&
            (version = qemuCapabilitiesParseVersion(output)) > 0)
            return version;
    }
    return 0;
}

int
qemuCapabilitiesGetVersion(virDomainList *domains, unsigned long *version)
{
    static virMutex lock = VIR_MUTEX_INITIALIZER;
    static unsigned long installed;     /* guarded by @lock; asked once that there is one */
    g_autoptr(GPtrArray) all = virDomainListGetAll(domains);
    unsigned long newest = 0;
    size_t i;

    for (i = 0; i < all->len; i++)
        newest = MAX(newest, qemuDomainGet(g_ptr_array_index(all, i))->version);
    if (newest == 0) {
        virMutexLock(&lock);
        newest = installed;
        virMutexUnlock(&lock);
    }
    if (newest == 0) {
        newest = qemuCapabilitiesInstalledVersion();
        virMutexLock(&lock);
        installed = newest;
        virMutexUnlock(&lock);
    }
    if (newest == 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("no QEMU is attached, and none is installed whose version could be told"));
        return -1;
    }
    *version = newest;
    return 0;
}

char *
qemuCapabilitiesGetHostname(void)
{
    char name[QEMU_CAPABILITIES_HOSTNAME_MAX];
    struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_family = AF_UNSPEC };
    struct addrinfo *info = NULL;
    char *full;

    if (gethostname(name, sizeof(name)) < 0) {
        virReportSystemError(errno, "%s", _("cannot tell the name of this host"));
        return NULL;
    }
    name[sizeof(name) - 1] = '\0';
    /* "localhost" and names that are full already say all there is to say */
    if (g_str_has_prefix(name, "localhost") || strchr(name, '.') ||
        getaddrinfo(name, NULL, &hints, &info) != 0)
        return g_strdup(name);
    if (info->ai_canonname && !g_str_has_prefix(info->ai_canonname, "localhost"))
        full = g_strdup(info->ai_canonname);
    else
        full = g_strdup(name);
    freeaddrinfo(info);
    return full;
}
