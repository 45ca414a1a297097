/*
 * qemu_metadata.h: what applications have a domain keep: title, description, elements
 *
 * Bounded, and gone with the domain. No QEMU knows of it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

/* Bytes of one text, and of all that a domain keeps, with their namespaces. */
#define QEMU_METADATA_TEXT_MAX (64 * 1024)
#define QEMU_METADATA_BYTES_MAX (256 * 1024)

/* Any thread; has a lock of its own. */
typedef struct _qemuMetadata qemuMetadata;

qemuMetadata *qemuMetadataNew(void);
void qemuMetadataFree(qemuMetadata *metadata);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuMetadata, qemuMetadataFree)

/**
 * qemuMetadataSet:
 * @type: virDomainMetadataType
 * @text: a title or a description in UTF-8, or an element as XML whose parts have no namespace
 *        that begins with @key; NULL: there is to be none
 * @key, @uri: the element's namespace, which it is given, as its prefix and name; else NULL
 *
 * Returns 0, or -1 with an error reported; nothing has changed then.
 */
int qemuMetadataSet(qemuMetadata *metadata, int type, const char *text, const char *key,
                    const char *uri);
/* The same as it was set, an element without its namespace: to be freed by the caller; NULL with an
 * error reported, VIR_ERR_NO_DOMAIN_METADATA if there is none. */
char *qemuMetadataGet(qemuMetadata *metadata, int type, const char *uri);

/* For the domain's XML, indented by 2: title and description; never NULL, the caller frees it. */
char *qemuMetadataFormatTexts(qemuMetadata *metadata);
/* The same of the elements, indented by 4, with their namespaces. */
char *qemuMetadataFormatElements(qemuMetadata *metadata);
