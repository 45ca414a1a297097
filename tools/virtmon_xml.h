/*
 * virtmon_xml.h: parts of a domain's XML description
 *
 * Knows nothing of what they mean.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

/**
 * virtmonXMLSelect:
 * @xml: a description (borrowed)
 * @xpath: what of it is wanted
 * @wrap: below one element "nodes", so that the result is a document
 * @why: where the reason of a failure goes, for people; the caller frees it
 *
 * Returns the nodes as text, each indented and ended by a newline, in a new string, which is
 * empty if there are none; NULL on failure.
 */
char *virtmonXMLSelect(const char *xml, const char *xpath, bool wrap, char **why);

/* The text of the one node that @xpath selects, in a new string; NULL if there is none. */
char *virtmonXMLText(const char *xml, const char *xpath);
