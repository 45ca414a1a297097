/*
 * qemu_xml.h: a domain's XML description, from what its QEMU tells
 *
 * Only what was asked of QEMU and the kernel: nobody gave this driver an XML to
 * begin with, so what can't be known is not there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_domain.h"

/* The namespace of the element in <metadata> that says how a domain is attached. */
#define QEMU_XML_NAMESPACE "https://virtmon.invalid/schemas/attach/1"

/* Blocks. Returns the XML, which the caller frees, or NULL with an error reported. */
char *qemuXMLFormatDomain(virDomainObj *dom);
/* Appends @text fit for element content and attribute values: what XML can't hold is "?". */
void qemuXMLAppendEscaped(GString *buf, const char *text);
/* Appends "<NAME>TEXT</NAME>", indented, on a line of its own. */
void qemuXMLElement(GString *buf, unsigned int indent, const char *name, const char *text);
/* libvirt's name for an architecture that QEMU calls @target. */
const char *qemuXMLArchName(const char *target);
