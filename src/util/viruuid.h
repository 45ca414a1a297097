/*
 * viruuid.h: UUIDs as bytes and text
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libvirt/libvirt.h>
#include <glib.h>

/* Both sizes are in libvirt.h: VIR_UUID_BUFLEN (16), VIR_UUID_STRING_BUFLEN (37). */

/* Accepts dashes anywhere or nowhere and surrounding white space, as libvirt
 * does. Returns 0, or -1 without an error reported. */
int virUUIDParse(const char *text, unsigned char *uuid);
const char *virUUIDFormat(const unsigned char *uuid, char *text);
int virUUIDGenerate(unsigned char *uuid);
/* The same @text always gives the same UUID (version 8 of RFC 9562, by SHA-256). */
void virUUIDFromText(const char *text, unsigned char *uuid);
/* For hash tables whose keys are UUIDs. All of a UUID counts: many that people make up
 * begin alike. */
guint virUUIDHash(gconstpointer uuid);
gboolean virUUIDEqual(gconstpointer one, gconstpointer other);
