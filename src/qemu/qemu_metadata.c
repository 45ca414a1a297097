/*
 * qemu_metadata.c: what applications have a domain keep: title, description, elements
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_metadata.h"

#include <string.h>
#include <libvirt/libvirt.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "qemu_xml.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Of a line that isn't XML, so many bytes are told. */
#define QEMU_METADATA_COLUMNS_MAX 80

typedef struct {
    char *uri;
    char *own;                  /* as it was set: without its namespace */
    char *full;                 /* with it */
} qemuMetadataElement;

struct _qemuMetadata {
    virMutex lock;              /* guards the rest */
    char *title;
    char *description;
    GPtrArray *elements;        /* qemuMetadataElement, in the order of their coming */
    size_t bytes;               /* of all this */
};

static void
qemuMetadataElementFree(void *opaque)
{
    qemuMetadataElement *element = opaque;

    g_free(element->uri);
    g_free(element->own);
    g_free(element->full);
    g_free(element);
}

qemuMetadata *
qemuMetadataNew(void)
{
    qemuMetadata *metadata = g_new0(qemuMetadata, 1);

    virMutexInit(&metadata->lock);
    metadata->elements = g_ptr_array_new_with_free_func(qemuMetadataElementFree);
    return metadata;
}

void
qemuMetadataFree(qemuMetadata *metadata)
{
    if (!metadata)
        return;
    g_free(metadata->title);
    g_free(metadata->description);
    g_ptr_array_unref(metadata->elements);
    virMutexDestroy(&metadata->lock);
    g_free(metadata);
}

/* --- elements --- */

/* Each calls it for @node and all that is below. Depth is the parser's: 256 at the most. */
static void
qemuMetadataSetNamespace(xmlNodePtr node, xmlNsPtr ns)
{
    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        if (!node->ns)
            xmlSetNs(node, ns);
        qemuMetadataSetNamespace(node->children, ns);
    }
}

static char *
qemuMetadataDump(xmlDocPtr doc, unsigned int level)
{
    xmlBufferPtr buf = xmlBufferCreate();
    char *text = NULL;

    if (xmlNodeDump(buf, doc, xmlDocGetRootElement(doc), level, 1) >= 0)
        text = g_strdup((const char *)xmlBufferContent(buf));
    xmlBufferFree(buf);
    return text;
}

/* With the line that it is about, and a mark below the place, as libvirt has it. */
static void
qemuMetadataReportXML(const char *text, const xmlError *error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    int line = error ? CLAMP(error->line, 1, MAX((int)g_strv_length(lines), 1)) : 1;
    int column = error ? CLAMP(error->int2, 1, QEMU_METADATA_COLUMNS_MAX) : 1;
    g_autofree char *mark = g_strnfill(column - 1, '-');
    g_autofree char *what = g_strchomp(g_strdup(error && error->message ? error->message : ""));

    virReportError(VIR_ERR_XML_DETAIL, "(metadata_xml):%d: %s\n%.*s\n%s^", line, what,
                   QEMU_METADATA_COLUMNS_MAX, lines[0] ? lines[line - 1] : "", mark);
}

static xmlDocPtr
qemuMetadataParse(const char *text)
{
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    xmlDocPtr doc;

    doc = xmlCtxtReadMemory(parser, text, (int)strlen(text), NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                            XML_PARSE_NOBLANKS);
    if (!doc) {
        qemuMetadataReportXML(text, xmlCtxtGetLastError(parser));
    } else if (xmlGetIntSubset(doc)) {
        /* Entities could make much of little. */
        virReportError(VIR_ERR_XML_DETAIL, "%s",
                       _("a metadata element must have no document type"));
        g_clear_pointer(&doc, xmlFreeDoc);
    }
    xmlFreeParserCtxt(parser);
    return doc;
}

/* The element as it is kept, or NULL with an error reported. */
static qemuMetadataElement *
qemuMetadataElementNew(const char *text, const char *key, const char *uri)
{
    qemuMetadataElement *element = NULL;
    xmlDocPtr doc = qemuMetadataParse(text);
    xmlNodePtr root;
    char *own;
    xmlNsPtr ns;

    if (!doc)
        return NULL;
    root = xmlDocGetRootElement(doc);
    own = qemuMetadataDump(doc, 0);
    if (xmlValidateNCName(BAD_CAST key, 0) != 0 || g_ascii_strncasecmp(key, "xml", 3) == 0) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("'%1$.200s' cannot be the prefix of a namespace"), key);
    } else if (root->ns) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("the metadata element '%1$.200s' has a namespace already; it is given "
                         "that of its URI"), (const char *)root->name);
    } else if (!(ns = xmlNewNs(root, BAD_CAST uri, BAD_CAST key))) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("the metadata element '%1$.200s' has another namespace '%2$.200s'"),
                       (const char *)root->name, key);
    } else {
        qemuMetadataSetNamespace(root, ns);
        element = g_new0(qemuMetadataElement, 1);
        element->uri = g_strdup(uri);
        element->own = g_steal_pointer(&own);
        element->full = qemuMetadataDump(doc, 2);
    }
    g_free(own);
    xmlFreeDoc(doc);
    return element;
}

static size_t
qemuMetadataElementBytes(const qemuMetadataElement *element)
{
    return element ? strlen(element->uri) + strlen(element->own) + strlen(element->full) : 0;
}

/* Call with lock held. Returns its index, or how many there are. */
static guint
qemuMetadataFind(qemuMetadata *metadata, const char *uri)
{
    guint i;

    for (i = 0; i < metadata->elements->len; i++) {
        qemuMetadataElement *element = g_ptr_array_index(metadata->elements, i);

        if (strcmp(element->uri, uri) == 0)
            break;
    }
    return i;
}

/* --- changing it --- */

/* Call with lock held. Makes it @after bytes more, that were @before. */
static int
qemuMetadataCharge(qemuMetadata *metadata, size_t before, size_t after)
{
    size_t bytes = metadata->bytes - before + after;

    if (after > before && bytes > QEMU_METADATA_BYTES_MAX) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("the domain's metadata would have %1$zu bytes, of at most %2$d"), bytes,
                       QEMU_METADATA_BYTES_MAX);
        return -1;
    }
    metadata->bytes = bytes;
    return 0;
}

static int
qemuMetadataSetText(qemuMetadata *metadata, char **where, const char *text)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&metadata->lock);

    if (qemuMetadataCharge(metadata, *where ? strlen(*where) : 0, text ? strlen(text) : 0) < 0)
        return -1;
    g_free(*where);
    *where = g_strdup(text);
    return 0;
}

static int
qemuMetadataSetElement(qemuMetadata *metadata, const char *text, const char *key, const char *uri)
{
    qemuMetadataElement *element = text ? qemuMetadataElementNew(text, key, uri) : NULL;
    qemuMetadataElement *before;
    guint at;
    int rc;

    if (text && !element)
        return -1;
    virMutexLock(&metadata->lock);
    at = qemuMetadataFind(metadata, uri);
    before = at < metadata->elements->len ? g_ptr_array_index(metadata->elements, at) : NULL;
    rc = qemuMetadataCharge(metadata, qemuMetadataElementBytes(before),
                            qemuMetadataElementBytes(element));
    if (rc == 0 && before)
        g_ptr_array_remove_index(metadata->elements, at);
    if (rc == 0 && element)
        g_ptr_array_insert(metadata->elements, (int)at, g_steal_pointer(&element));
    virMutexUnlock(&metadata->lock);
    if (element)
        qemuMetadataElementFree(element);
    return rc;
}

int
qemuMetadataSet(qemuMetadata *metadata, int type, const char *text, const char *key,
                const char *uri)
{
    if ((text && strlen(text) > QEMU_METADATA_TEXT_MAX) ||
        (uri && strlen(uri) > QEMU_METADATA_TEXT_MAX)) {
        virReportError(VIR_ERR_INVALID_ARG, _("a domain's metadata has at most %1$d bytes each"),
                       QEMU_METADATA_TEXT_MAX);
        return -1;
    }
    if (text && !g_utf8_validate(text, -1, NULL)) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("a domain's metadata must be UTF-8"));
        return -1;
    }
    switch (type) {
    case VIR_DOMAIN_METADATA_DESCRIPTION:
        return qemuMetadataSetText(metadata, &metadata->description, text && *text ? text : NULL);
    case VIR_DOMAIN_METADATA_TITLE:
        return qemuMetadataSetText(metadata, &metadata->title, text && *text ? text : NULL);
    case VIR_DOMAIN_METADATA_ELEMENT:
        return qemuMetadataSetElement(metadata, text, key, uri);
    default:
        virReportError(VIR_ERR_INVALID_ARG, _("unknown metadata type %1$d"), type);
        return -1;
    }
}

/* --- looking at it --- */

char *
qemuMetadataGet(qemuMetadata *metadata, int type, const char *uri)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&metadata->lock);
    const char *text = NULL;
    guint at;

    switch (type) {
    case VIR_DOMAIN_METADATA_DESCRIPTION:
        text = metadata->description;
        break;
    case VIR_DOMAIN_METADATA_TITLE:
        text = metadata->title;
        break;
    case VIR_DOMAIN_METADATA_ELEMENT:
        if ((at = qemuMetadataFind(metadata, uri)) < metadata->elements->len)
            text = ((qemuMetadataElement *)g_ptr_array_index(metadata->elements, at))->own;
        break;
    default:
        virReportError(VIR_ERR_INVALID_ARG, _("unknown metadata type %1$d"), type);
        return NULL;
    }
    if (!text)
        virReportError(VIR_ERR_NO_DOMAIN_METADATA, "%s",
                       _("Requested metadata element is not present"));
    return g_strdup(text);
}

char *
qemuMetadataFormatTexts(qemuMetadata *metadata)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&metadata->lock);
    GString *buf = g_string_new(NULL);

    if (metadata->title)
        qemuXMLElement(buf, 2, "title", metadata->title);
    if (metadata->description)
        qemuXMLElement(buf, 2, "description", metadata->description);
    return g_string_free(buf, FALSE);
}

char *
qemuMetadataFormatElements(qemuMetadata *metadata)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&metadata->lock);
    GString *buf = g_string_new(NULL);
    guint i;

    for (i = 0; i < metadata->elements->len; i++) {
        const qemuMetadataElement *element = g_ptr_array_index(metadata->elements, i);

        g_string_append_printf(buf, "    %s\n", element->full);
    }
    return g_string_free(buf, FALSE);
}
