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

#include "qemu_process.h"
#include "qemu_query.h"
#include "viruuid.h"

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

/* Appends "<NAME>TEXT</NAME>" on a line of its own. */
static void
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

/* What query-block says of one drive. */
static void
qemuXMLFormatDisk(GString *buf, const virJSONValue *drive)
{
    const virJSONValue *inserted = virJSONValueObjectGetObject(drive, "inserted");
    const char *file = virJSONValueObjectGetString(inserted, "file");
    const char *format = virJSONValueObjectGetString(inserted, "drv");
    const char *device = virJSONValueObjectGetString(drive, "device");
    const char *qdev = virJSONValueObjectGetString(drive, "qdev");
    bool removable = false, readonly = false;
    const char *type = "file";

    virJSONValueObjectGetBoolean(drive, "removable", &removable);
    virJSONValueObjectGetBoolean(inserted, "ro", &readonly);
    if (file && g_str_has_prefix(file, "/dev/"))
        type = "block";

    g_string_append_printf(buf, "    <disk type='%s' device='%s'>\n", type,
                           removable ? "cdrom" : "disk");
    g_string_append(buf, "      <driver name='qemu'");
    if (format)
        qemuXMLAttribute(buf, "type", format);
    g_string_append(buf, "/>\n");
    if (file) {
        g_string_append(buf, "      <source");
        qemuXMLAttribute(buf, g_str_equal(type, "block") ? "dev" : "file", file);
        g_string_append(buf, "/>\n");
    }
    g_string_append(buf, "      <target");
    qemuXMLAttribute(buf, "dev", device && *device ? device : qdev ? qdev : "?");
    g_string_append(buf, "/>\n");
    if (readonly)
        g_string_append(buf, "      <readonly/>\n");
    g_string_append(buf, "    </disk>\n");
}

static void
qemuXMLFormatDevices(GString *buf, virDomainObj *dom)
{
    g_autoptr(virJSONValue) reply = qemuQueryOptional(dom, "query-block", NULL);
    const virJSONValue *drives = virJSONValueObjectGetArray(reply, "return");
    qemuDomain *priv = qemuDomainGet(dom);
    g_autofree char *emulator = NULL;
    size_t i;

    if (priv->pid > 0 && qemuProcessIsQemu(priv->pid))
        emulator = qemuProcessProgram(priv->pid);
    g_string_append(buf, "  <devices>\n");
    if (emulator)
        qemuXMLElement(buf, 4, "emulator", emulator);
    for (i = 0; drives && i < virJSONValueArraySize(drives); i++)
        qemuXMLFormatDisk(buf, virJSONValueArrayGet(drives, i));
    g_string_append(buf, "  </devices>\n");
}

static void
qemuXMLFormatMetadata(GString *buf, virDomainObj *dom)
{
    qemuDomain *priv = qemuDomainGet(dom);

    g_string_append(buf, "  <metadata>\n    <virtmon:attach xmlns:virtmon='" QEMU_XML_NAMESPACE
                         "'");
    if (priv->pid > 0)
        g_string_append_printf(buf, " pid='%lld'", (long long)priv->pid);
    g_string_append(buf, ">\n      <virtmon:monitor");
    qemuXMLAttribute(buf, "path", priv->path);
    g_string_append(buf, "/>\n      <virtmon:stream");
    qemuXMLAttribute(buf, "id", dom->ident->stream);
    g_string_append(buf, "/>\n    </virtmon:attach>\n  </metadata>\n");
}

char *
qemuXMLFormatDomain(virDomainObj *dom)
{
    g_autoptr(GString) buf = g_string_new(NULL);
    char uuid[VIR_UUID_STRING_BUFLEN];
    qemuQueryMemory memory;
    unsigned int cpus = 0;

    if (qemuQueryGetMemory(dom, &memory) < 0 || qemuQueryGetCpus(dom, &cpus) < 0)
        return NULL;

    g_string_append_printf(buf, "<domain type='%s' id='%d'>\n",
                           qemuDomainGet(dom)->kvm ? "kvm" : "qemu", dom->ident->id);
    qemuXMLElement(buf, 2, "name", dom->ident->name);
    qemuXMLElement(buf, 2, "uuid", virUUIDFormat(dom->ident->uuid, uuid));
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
