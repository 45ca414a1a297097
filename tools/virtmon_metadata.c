/*
 * virtmon_metadata.c: commands for what people write beside a domain: its title, its description,
 * XML elements of their own
 *
 * Output and messages are virsh's, so that scripts read them as they are used to.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_metadata.h"

#include <stdlib.h>
#include <string.h>

#include "virtmon.h"
#include "virtmon_edit.h"
#include "virtmon_xml.h"

/* --live, --config, --current: what is read or changed. False with the error printed. */
static bool
virtmonCmdImpact(vshControl *ctl, const vshCmd *cmd, unsigned int *flags)
{
    if (!vshCmdExclusive(ctl, cmd, "current", "live") ||
        !vshCmdExclusive(ctl, cmd, "current", "config"))
        return false;
    *flags = VIR_DOMAIN_AFFECT_CURRENT;
    if (vshCmdHas(cmd, "live"))
        *flags |= VIR_DOMAIN_AFFECT_LIVE;
    if (vshCmdHas(cmd, "config"))
        *flags |= VIR_DOMAIN_AFFECT_CONFIG;
    return true;
}

/* A new string of GLib's; NULL with libvirt's last error set. */
static char *
virtmonGetMetadata(virDomainPtr dom, int type, const char *uri, unsigned int flags)
{
    char *text = virDomainGetMetadata(dom, type, uri, flags);
    char *copy = g_strdup(text);

    free(text);
    return copy;
}

/* The same, but @none if it is just not there. */
static char *
virtmonGetMetadataOr(virDomainPtr dom, int type, const char *uri, unsigned int flags,
                     const char *none)
{
    char *text = virtmonGetMetadata(dom, type, uri, flags);

    if (!text && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA) {
        virResetLastError();
        text = g_strdup(none);
    }
    return text;
}

/* --- desc --- */

/* Title and description: whole sentences, which can be translated. */
typedef struct {
    int type;
    const char *xpath;
    const char *none;           /* a format with the domain's name */
    const char *unchanged;
    const char *done;
    const char *failed;
} virtmonNote;

static const virtmonNote virtmonDescription = {
    VIR_DOMAIN_METADATA_DESCRIPTION, "/domain/description",
    N_("No description for domain: %s"), N_("Domain description not changed\n"),
    N_("Domain description updated successfully"), N_("Failed to set new domain description"),
};

static const virtmonNote virtmonTitle = {
    VIR_DOMAIN_METADATA_TITLE, "/domain/title",
    N_("No title for domain: %s"), N_("Domain title not changed\n"),
    N_("Domain title updated successfully"), N_("Failed to set new domain title"),
};

/* "" if there is none. Drivers that can't be asked for it have it in the XML. */
static char *
virtmonNoteGet(virDomainPtr dom, const virtmonNote *note, unsigned int flags)
{
    char *text = virtmonGetMetadataOr(dom, note->type, NULL, flags, "");
    char *xml;

    if (text || virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
        return text;
    xml = virDomainGetXMLDesc(dom, flags & VIR_DOMAIN_AFFECT_CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0);
    if (!xml)
        return NULL;
    text = virtmonXMLText(xml, note->xpath);
    free(xml);
    return text ? text : g_strdup("");
}

static bool
virtmonNoteSet(vshControl *ctl, virDomainPtr dom, const virtmonNote *note, const char *text,
               unsigned int flags)
{
    if (virDomainSetMetadata(dom, note->type, text, NULL, NULL, flags) < 0) {
        vshError(ctl, "%s", _(note->failed));
        vshReportError(ctl);
        return false;
    }
    vshPrintExtra(ctl, "%s", _(note->done));
    return true;
}

/* @begin: what the editor begins with; @old: what there is now. */
static bool
virtmonNoteEdit(vshControl *ctl, virDomainPtr dom, const virtmonNote *note, const char *begin,
                const char *old, unsigned int flags)
{
    g_autofree char *edited = virtmonEdit(ctl, begin);
    size_t len;

    if (!edited)
        return false;
    /* A title is one line, and editors end lines. */
    len = strlen(edited);
    if (note->type == VIR_DOMAIN_METADATA_TITLE && len > 0 && edited[len - 1] == '\n')
        edited[len - 1] = '\0';
    if (strcmp(edited, old) == 0) {
        vshPrintExtra(ctl, "%s", _(note->unchanged));
        return true;
    }
    return virtmonNoteSet(ctl, dom, note, edited, flags);
}

const vshOptDef virtmonOptDesc[] = {
    { "domain", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the domain: its name, ID or UUID"),
      virtmonCompleteDomain },
    { "live", VSH_OPT_BOOL, 0, N_("of the domain as it runs"), NULL },
    { "config", VSH_OPT_BOOL, 0, N_("of the domain at its next start"), NULL },
    { "current", VSH_OPT_BOOL, 0, N_("of the domain as it is now, running or not"), NULL },
    { "title", VSH_OPT_BOOL, 0, N_("the title, not the description"), NULL },
    { "edit", VSH_OPT_BOOL, 0, N_("change it in an editor"), NULL },
    { "new-desc", VSH_OPT_ARGV, VSH_OPT_EMPTY_OK, N_("the new text; none: print what there is"),
      NULL },
    { NULL }
};

bool
virtmonRunDesc(vshControl *ctl, const vshCmd *cmd)
{
    const virtmonNote *note = vshCmdHas(cmd, "title") ? &virtmonTitle : &virtmonDescription;
    g_autoptr(virDomain) dom = NULL;
    g_autofree char *old = NULL;
    g_autofree char *given = NULL;
    unsigned int flags;

    if (!virtmonCmdImpact(ctl, cmd, &flags) ||
        !(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)))
        return false;
    /* --live is no more than --current here: of a domain that doesn't run, virsh prints what
     * there is */
    if (!(old = virtmonNoteGet(dom, note, flags & VIR_DOMAIN_AFFECT_CONFIG))) {
        vshReportError(ctl);
        return false;
    }
    if (vshCmdHas(cmd, "new-desc"))
        given = g_strjoinv(" ", (char **)vshCmdGetStrings(cmd, "new-desc"));

    if (vshCmdHas(cmd, "edit"))
        return virtmonNoteEdit(ctl, dom, note, given ? given : old, old, flags);
    if (given)
        return virtmonNoteSet(ctl, dom, note, given, flags);
    if (*old)
        vshPrint(ctl, "%s", old);
    else
        vshPrintExtra(ctl, _(note->none), virDomainGetName(dom));
    return true;
}

/* --- metadata --- */

const vshOptDef virtmonOptMetadata[] = {
    { "domain", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the domain: its name, ID or UUID"),
      virtmonCompleteDomain },
    { "uri", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("the URI of the element's namespace"), NULL },
    { "live", VSH_OPT_BOOL, 0, N_("of the domain as it runs"), NULL },
    { "config", VSH_OPT_BOOL, 0, N_("of the domain at its next start"), NULL },
    { "current", VSH_OPT_BOOL, 0, N_("of the domain as it is now, running or not"), NULL },
    { "edit", VSH_OPT_BOOL, 0, N_("change it in an editor"), NULL },
    { "key", VSH_OPT_STRING, 0, N_("the namespace's prefix, for a change"), NULL },
    { "set", VSH_OPT_STRING, 0, N_("the new element, as XML"), NULL },
    { "remove", VSH_OPT_BOOL, 0, N_("remove the element"), NULL },
    { NULL }
};

/* What the command works on. */
typedef struct {
    virDomainPtr dom;
    const char *uri;
    const char *key;
    unsigned int flags;
} virtmonElement;

/* @done: what is printed then. */
static bool
virtmonElementSet(vshControl *ctl, const virtmonElement *element, const char *xml,
                  const char *done)
{
    if (virDomainSetMetadata(element->dom, VIR_DOMAIN_METADATA_ELEMENT, xml, element->key,
                             element->uri, element->flags) < 0) {
        vshReportError(ctl);
        return false;
    }
    vshPrintExtra(ctl, "%s\n", done);
    return true;
}

static bool
virtmonElementEdit(vshControl *ctl, const virtmonElement *element)
{
    g_autofree char *edited = NULL;
    g_autofree char *old = virtmonGetMetadataOr(element->dom, VIR_DOMAIN_METADATA_ELEMENT,
                                                element->uri, element->flags, "\n");

    if (!old) {
        vshReportError(ctl);
        return false;
    }
    if (!(edited = virtmonEdit(ctl, old)))
        return false;
    if (strcmp(edited, old) == 0) {
        vshPrintExtra(ctl, "%s", _("Metadata not changed"));
        return true;
    }
    return virtmonElementSet(ctl, element, edited, _("Metadata modified"));
}

static bool
virtmonElementPrint(vshControl *ctl, const virtmonElement *element)
{
    g_autofree char *xml = virtmonGetMetadata(element->dom, VIR_DOMAIN_METADATA_ELEMENT,
                                              element->uri, element->flags);

    if (!xml) {
        vshReportError(ctl);
        return false;
    }
    vshPrint(ctl, "%s\n", xml);
    return true;
}

bool
virtmonRunMetadata(vshControl *ctl, const vshCmd *cmd)
{
    g_autoptr(virDomain) dom = NULL;
    virtmonElement element = { 0 };
    const char *xml = NULL;

    if (!virtmonCmdImpact(ctl, cmd, &element.flags) ||
        !vshCmdExclusive(ctl, cmd, "edit", "set") ||
        !vshCmdExclusive(ctl, cmd, "remove", "set") ||
        !vshCmdExclusive(ctl, cmd, "remove", "edit") ||
        !(dom = virtmonCmdDomain(ctl, cmd, NULL, VIRTMON_BY_ANY)) ||
        vshCmdGetString(ctl, cmd, "uri", &element.uri) < 0 ||
        vshCmdGetString(ctl, cmd, "key", &element.key) < 0 ||
        vshCmdGetString(ctl, cmd, "set", &xml) < 0)
        return false;
    if ((xml || vshCmdHas(cmd, "edit")) && !element.key) {
        vshError(ctl, "%s", _("namespace key is required when modifying metadata"));
        return false;
    }

    element.dom = dom;
    if (vshCmdHas(cmd, "remove"))
        return virtmonElementSet(ctl, &element, NULL, _("Metadata removed"));
    if (vshCmdHas(cmd, "edit"))
        return virtmonElementEdit(ctl, &element);
    if (xml)
        return virtmonElementSet(ctl, &element, xml, _("Metadata modified"));
    return virtmonElementPrint(ctl, &element);
}
