/*
 * virtmon_xml.c: parts of a domain's XML description
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_xml.h"

#include <string.h>
#include <glib/gi18n.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlBuffer, xmlBufferFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathContext, xmlXPathFreeContext)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

static xmlDocPtr
virtmonXMLParse(const char *xml)
{
    /* Without white space of its own, so that what is cut out gets indented anew. */
    return xmlReadMemory(xml, strlen(xml), "domain.xml", NULL,
                         XML_PARSE_NOBLANKS | XML_PARSE_NONET | XML_PARSE_NOERROR |
                         XML_PARSE_NOWARNING);
}

/* Keep libxml from printing what is wrong with an expression, which it does in two ways. */
static void
virtmonXMLOnError(void *opaque G_GNUC_UNUSED, xmlErrorPtr error G_GNUC_UNUSED)
{
}

static void
virtmonXMLOnMessage(void *opaque G_GNUC_UNUSED, const char *format G_GNUC_UNUSED, ...)
{
}

static xmlXPathObjectPtr
virtmonXMLEvaluate(xmlDocPtr doc, const char *xpath)
{
    g_autoptr(xmlXPathContext) context = xmlXPathNewContext(doc);
    xmlGenericErrorFunc savedMessage = xmlGenericError;
    void *savedOpaque = xmlGenericErrorContext;
    xmlXPathObjectPtr result;

    if (!context)
        return NULL;
    context->error = virtmonXMLOnError;
    xmlSetGenericErrorFunc(NULL, virtmonXMLOnMessage);
    result = xmlXPathEval((const xmlChar *)xpath, context);
    xmlSetGenericErrorFunc(savedOpaque, savedMessage);
    return result;
}

/* The selected nodes below an element of their own. Attributes become its attributes. */
static xmlDocPtr
virtmonXMLWrap(const xmlNodeSet *nodes)
{
    xmlDocPtr doc = xmlNewDoc(NULL);
    xmlNodePtr root = xmlNewNode(NULL, (const xmlChar *)"nodes");
    int i;

    xmlDocSetRootElement(doc, root);
    for (i = 0; nodes && i < nodes->nodeNr; i++) {
        xmlNodePtr node = nodes->nodeTab[i];

        if (node->type == XML_DOCUMENT_NODE)
            node = xmlDocGetRootElement((xmlDocPtr)node);
        if (node->type == XML_ATTRIBUTE_NODE) {
            g_autofree xmlChar *value = xmlNodeGetContent(node);

            xmlSetProp(root, node->name, value);
        } else {
            xmlAddChild(root, xmlDocCopyNode(node, doc, 1));
        }
    }
    return doc;
}

static char *
virtmonXMLFormat(xmlDocPtr doc, const xmlNodeSet *nodes)
{
    GString *text = g_string_new(NULL);
    int i;

    for (i = 0; nodes && i < nodes->nodeNr; i++) {
        g_autoptr(xmlBuffer) buf = xmlBufferCreate();

        xmlNodeDump(buf, doc, nodes->nodeTab[i], 0, 1);
        g_string_append(text, (const char *)xmlBufferContent(buf));
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

char *
virtmonXMLSelect(const char *xml, const char *xpath, bool wrap, char **why)
{
    g_autoptr(xmlDoc) doc = virtmonXMLParse(xml);
    g_autoptr(xmlDoc) wrapped = NULL;
    g_autoptr(xmlXPathObject) result = NULL;
    xmlNodeSet set = { 0 };
    xmlNodePtr root;

    *why = NULL;
    if (!doc) {
        *why = g_strdup(_("the description is not well-formed XML"));
        return NULL;
    }
    result = virtmonXMLEvaluate(doc, xpath);
    if (!result || result->type != XPATH_NODESET) {
        *why = g_strdup_printf(_("Incorrect xpath '%1$s'"), xpath);
        return NULL;
    }
    if (!wrap)
        return virtmonXMLFormat(doc, result->nodesetval);

    wrapped = virtmonXMLWrap(result->nodesetval);
    root = xmlDocGetRootElement(wrapped);
    set.nodeNr = 1;
    set.nodeTab = &root;
    return virtmonXMLFormat(wrapped, &set);
}

char *
virtmonXMLText(const char *xml, const char *xpath)
{
    g_autoptr(xmlDoc) doc = virtmonXMLParse(xml);
    g_autoptr(xmlXPathObject) result = doc ? virtmonXMLEvaluate(doc, xpath) : NULL;
    g_autofree xmlChar *text = NULL;

    if (!result || result->type != XPATH_NODESET || !result->nodesetval ||
        result->nodesetval->nodeNr != 1)
        return NULL;
    text = xmlNodeGetContent(result->nodesetval->nodeTab[0]);
    return g_strdup((const char *)text);
}
