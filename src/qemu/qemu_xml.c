/*
 * qemu_xml.c: a domain's XML description, from what its QEMU tells
 *
 * Only what was asked of QEMU and the kernel: nobody gave this driver an XML to
 * begin with, so what can't be known is not there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_xml.h"

#include <string.h>
#include <unistd.h>

#include "qemu_process.h"
#include "qemu_query.h"
#include "viruuid.h"

/* Drives looked at, each of which is a question to QEMU. */
#define QEMU_XML_DISKS_MAX 256

void
qemuXMLAppendEscaped(GString *buf, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    const char *p;

    for (p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        switch (c) {
        case '&':
            g_string_append(buf, "&amp;");
            break;
        case '<':
            g_string_append(buf, "&lt;");
            break;
        case '>':
            g_string_append(buf, "&gt;");
            break;
        case '\'':
            g_string_append(buf, "&apos;");
            break;
        case '"':
            g_string_append(buf, "&quot;");
            break;
        case '\t':
        case '\n':
        case '\r':
            g_string_append_printf(buf, "&#%u;", (unsigned int)c);
            break;
        default:
            if (c < 0x20 || c == 0xfffe || c == 0xffff)
                g_string_append_c(buf, '?');
            else
                g_string_append_unichar(buf, c);
            break;
        }
    }
}

const char *
qemuXMLArchName(const char *target)
{
    static const char *const names[][2] = {
        { "i386", "i686" }, { "arm", "armv7l" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_strcmp0(target, names[i][0]) == 0)
            return names[i][1];
    }
    return target;
}

/* Appends " NAME='VALUE'". */
static void
qemuXMLAttribute(GString *buf, const char *name, const char *value)
{
    g_string_append_printf(buf, " %s='", name);
    qemuXMLAppendEscaped(buf, value);
    g_string_append_c(buf, '\'');
}

void
qemuXMLElement(GString *buf, unsigned int indent, const char *name, const char *text)
{
    g_string_append_printf(buf, "%*s<%s>", (int)indent, "", name);
    qemuXMLAppendEscaped(buf, text);
    g_string_append_printf(buf, "</%s>\n", name);
}

static void
qemuXMLFormatOS(GString *buf, virDomainObj *dom)
{
    g_autoptr(virJSONValue) reply =
        qemuQueryOptional(dom, "qom-get", "{\"path\":\"/machine\",\"property\":\"type\"}");
    const char *type = virJSONValueObjectGetString(reply, "return");
    g_autofree char *machine = g_strdup(type);
    const char *target = qemuDomainGet(dom)->target;

    if (machine && g_str_has_suffix(machine, "-machine"))
        machine[strlen(machine) - strlen("-machine")] = '\0';
    g_string_append(buf, "  <os>\n    <type");
    if (target)
        qemuXMLAttribute(buf, "arch", qemuXMLArchName(target));
    if (machine)
        qemuXMLAttribute(buf, "machine", machine);
    g_string_append(buf, ">hvm</type>\n  </os>\n");
}

/* What a guest sees of a drive, by the type that QEMU gives the device. */
typedef struct {
    const char *type;           /* the beginning of QEMU's name */
    const char *device;
    const char *bus;            /* NULL: libvirt has no name for it */
    const char *prefix;         /* of the name that libvirt gives such a disk */
} qemuXMLDiskKind;

static const qemuXMLDiskKind qemuXMLDiskKinds[] = {
    { "floppy", "floppy", "fdc", "fd" },
    { "ide-cd", "cdrom", "ide", "hd" },
    { "ide-", "disk", "ide", "hd" },
    { "scsi-cd", "cdrom", "scsi", "sd" },
    { "scsi-", "disk", "scsi", "sd" },
    { "sd-card", "disk", "sd", "sd" },
    { "usb-", "disk", "usb", "sd" },
    { "virtio-blk", "disk", "virtio", "vd" },
    { "vhost-user-blk", "disk", "virtio", "vd" },
    { "xen-cdrom", "cdrom", "xen", "xvd" },
    { "xen-disk", "disk", "xen", "xvd" },
    { "", "disk", NULL, "sd" },
};

/* QEMU's formats that libvirt knows, by the same names. */
static const char *const qemuXMLDiskFormats[] = {
    "bochs", "cloop", "dmg", "luks", "qcow", "qcow2", "qed", "raw", "vdi", "vhdx", "vmdk", "vpc",
    "vvfat", NULL,
};

/* The one of the device whose ID or path in QEMU is @qdev. */
static const qemuXMLDiskKind *
qemuXMLFindDiskKind(virDomainObj *dom, const char *qdev)
{
    g_autoptr(GString) arguments = g_string_new("{\"property\":\"type\",\"path\":");
    g_autoptr(virJSONValue) reply = NULL;
    const char *type;
    size_t i;

    virJSONAppendString(arguments, qdev, strlen(qdev));
    g_string_append_c(arguments, '}');
    reply = qemuQueryOptional(dom, "qom-get", arguments->str);
    type = virJSONValueObjectGetString(reply, "return");
    for (i = 0; i + 1 < G_N_ELEMENTS(qemuXMLDiskKinds); i++) {
        if (type && g_str_has_prefix(type, qemuXMLDiskKinds[i].type))
            break;
    }
    return &qemuXMLDiskKinds[i];
}

/* "a" to "z", then "aa" and so on, as disks are named. */
static char *
qemuXMLDiskLetters(unsigned int number)
{
    char letters[8];
    size_t at = sizeof(letters) - 1;

    letters[at] = '\0';
    for (number++; number > 0; number = (number - 1) / 26)
        letters[--at] = 'a' + (number - 1) % 26;
    return g_strdup(letters + at);
}

/* The path of what is in a drive, or NULL if it is none: QEMU also gives protocols, options as
 * JSON, and paths relative to where it was. */
static char *
qemuXMLDiskPath(virDomainObj *dom, const char *file)
{
    pid_t pid = qemuDomainGet(dom)->pid;
    g_autofree char *path = NULL;

    if (!file || *file == '/')
        return g_strdup(file);
    if (pid <= 0 || !qemuProcessIsQemu(pid) || !(path = qemuProcessResolvePath(pid, file)) ||
        access(path, F_OK) < 0)
        return NULL;
    return g_steal_pointer(&path);
}

static bool
qemuXMLIsAlias(const char *text)
{
    return text && *text &&
           !text[strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-")];
}

/* What query-block says of one drive. @used counts the disks of each kind. */
static void
qemuXMLFormatDisk(GString *buf, virDomainObj *dom, const virJSONValue *drive, GHashTable *used)
{
    const virJSONValue *inserted = virJSONValueObjectGetObject(drive, "inserted");
    const char *qdev = virJSONValueObjectGetString(drive, "qdev");
    const char *id = virJSONValueObjectGetString(drive, "device");
    const char *format = virJSONValueObjectGetString(inserted, "drv");
    const qemuXMLDiskKind *kind;
    g_autofree char *letters = NULL;
    g_autofree char *path = NULL;
    bool readonly = false;
    unsigned int number;
    bool block;

    /* not plugged into anything: the guest doesn't see it */
    if (!qdev)
        return;

    kind = qemuXMLFindDiskKind(dom, qdev);
    number = GPOINTER_TO_UINT(g_hash_table_lookup(used, kind->prefix));
    g_hash_table_replace(used, (char *)kind->prefix, GUINT_TO_POINTER(number + 1));
    letters = qemuXMLDiskLetters(number);
    path = qemuXMLDiskPath(dom, virJSONValueObjectGetString(inserted, "file"));
    block = path && g_str_has_prefix(path, "/dev/");
    virJSONValueObjectGetBoolean(inserted, "ro", &readonly);

    g_string_append_printf(buf, "    <disk type='%s' device='%s'>\n", block ? "block" : "file",
                           kind->device);
    g_string_append(buf, "      <driver name='qemu'");
    if (format && g_strv_contains(qemuXMLDiskFormats, format))
        qemuXMLAttribute(buf, "type", format);
    g_string_append(buf, "/>\n");
    if (path) {
        g_string_append(buf, "      <source");
        qemuXMLAttribute(buf, block ? "dev" : "file", path);
        g_string_append(buf, "/>\n");
    }
    g_string_append_printf(buf, "      <target dev='%s%s'", kind->prefix, letters);
    if (kind->bus)
        qemuXMLAttribute(buf, "bus", kind->bus);
    g_string_append(buf, "/>\n");
    if (readonly)
        g_string_append(buf, "      <readonly/>\n");
    if (qemuXMLIsAlias(id) || qemuXMLIsAlias(qdev)) {
        g_string_append(buf, "      <alias");
        qemuXMLAttribute(buf, "name", qemuXMLIsAlias(qdev) ? qdev : id);
        g_string_append(buf, "/>\n");
    }
    g_string_append(buf, "    </disk>\n");
}

static void
qemuXMLFormatDevices(GString *buf, virDomainObj *dom)
{
    g_autoptr(virJSONValue) reply = qemuQueryOptional(dom, "query-block", NULL);
    const virJSONValue *drives = virJSONValueObjectGetArray(reply, "return");
    g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);
    qemuDomain *priv = qemuDomainGet(dom);
    g_autofree char *emulator = NULL;
    size_t i;

    if (priv->pid > 0 && qemuProcessIsQemu(priv->pid))
        emulator = qemuProcessProgram(priv->pid);
    g_string_append(buf, "  <devices>\n");
    if (emulator)
        qemuXMLElement(buf, 4, "emulator", emulator);
    for (i = 0; i < MIN(virJSONValueArraySize(drives), QEMU_XML_DISKS_MAX); i++)
        qemuXMLFormatDisk(buf, dom, virJSONValueArrayGet(drives, i), used);
    g_string_append(buf, "  </devices>\n");
}

static void
qemuXMLFormatMetadata(GString *buf, virDomainObj *dom)
{
    qemuDomain *priv = qemuDomainGet(dom);
    g_autofree char *elements = qemuMetadataFormatElements(priv->metadata);

    g_string_append(buf, "  <metadata>\n    <virtmon:attach xmlns:virtmon='" QEMU_XML_NAMESPACE
                         "'");
    /* of QEMU, not of whoever has only made the socket for it */
    if (priv->pid > 0 && qemuProcessIsQemu(priv->pid))
        g_string_append_printf(buf, " pid='%lld'", (long long)priv->pid);
    g_string_append(buf, ">\n      <virtmon:monitor");
    qemuXMLAttribute(buf, "path", priv->path);
    g_string_append(buf, "/>\n      <virtmon:stream");
    qemuXMLAttribute(buf, "id", dom->ident->stream);
    g_string_append(buf, "/>\n    </virtmon:attach>\n");
    g_string_append(buf, elements);
    g_string_append(buf, "  </metadata>\n");
}

char *
qemuXMLFormatDomain(virDomainObj *dom)
{
    g_autoptr(GString) buf = g_string_new(NULL);
    g_autofree char *texts = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];
    qemuQueryMemory memory;
    unsigned int cpus = 0;

    if (qemuQueryGetMemory(dom, &memory) < 0 || qemuQueryGetCpus(dom, &cpus) < 0)
        return NULL;

    g_string_append_printf(buf, "<domain type='%s' id='%d'>\n",
                           qemuDomainGet(dom)->kvm ? "kvm" : "qemu", dom->ident->id);
    qemuXMLElement(buf, 2, "name", dom->ident->name);
    qemuXMLElement(buf, 2, "uuid", virUUIDFormat(dom->ident->uuid, uuid));
    texts = qemuMetadataFormatTexts(qemuDomainGet(dom)->metadata);
    g_string_append(buf, texts);
    qemuXMLFormatMetadata(buf, dom);
    g_string_append_printf(buf, "  <memory unit='KiB'>%llu</memory>\n", memory.maximum);
    g_string_append_printf(buf, "  <currentMemory unit='KiB'>%llu</currentMemory>\n",
                           memory.current);
    g_string_append_printf(buf, "  <vcpu placement='static'>%u</vcpu>\n", cpus);
    qemuXMLFormatOS(buf, dom);
    qemuXMLFormatDevices(buf, dom);
    g_string_append(buf, "</domain>\n");
    return g_strdup(buf->str);
}
