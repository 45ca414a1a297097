/*
 * viruuid.c: UUIDs as bytes and text
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viruuid.h"

#include <string.h>
#include <sys/random.h>

int
virUUIDParse(const char *text, unsigned char *uuid)
{
    unsigned char bytes[VIR_UUID_BUFLEN];
    size_t digits = 0;

    while (g_ascii_isspace(*text))
        text++;

    for (; *text && digits < 2 * VIR_UUID_BUFLEN; text++) {
        int value;

        if (*text == '-')
            continue;
        if ((value = g_ascii_xdigit_value(*text)) < 0)
            return -1;
        if (digits % 2 == 0)
            bytes[digits / 2] = value << 4;
        else
            bytes[digits / 2] |= value;
        digits++;
    }
    if (digits < 2 * VIR_UUID_BUFLEN)
        return -1;

    while (g_ascii_isspace(*text))
        text++;
    if (*text)
        return -1;

    memcpy(uuid, bytes, VIR_UUID_BUFLEN);
    return 0;
}

const char *
virUUIDFormat(const unsigned char *uuid, char *text)
{
    static const char digits[] = "0123456789abcdef";
    char *out = text;
    size_t i;

    for (i = 0; i < VIR_UUID_BUFLEN; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[uuid[i] >> 4];
        *out++ = digits[uuid[i] & 0xf];
    }
    *out = '\0';
    return text;
}

static void
virUUIDStamp(unsigned char *uuid, unsigned int version)
{
    uuid[6] = (uuid[6] & 0x0f) | (version << 4);
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

/* Returns 0, or -1 without an error reported if the kernel has no random bytes. */
int
virUUIDGenerate(unsigned char *uuid)
{
    unsigned char bytes[VIR_UUID_BUFLEN];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        return -1;
    virUUIDStamp(bytes, 4);
    memcpy(uuid, bytes, VIR_UUID_BUFLEN);
    return 0;
}

void
virUUIDFromText(const char *text, unsigned char *uuid)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize len = sizeof(digest);

    g_checksum_update(sum, (const guchar *)text, -1);
    g_checksum_get_digest(sum, digest, &len);
    memcpy(uuid, digest, VIR_UUID_BUFLEN);
    virUUIDStamp(uuid, 8);
}

guint
virUUIDHash(gconstpointer uuid)
{
    guint64 half[2];
    guint64 mixed;

    /* A product spreads upwards only, so the upper halves are brought down before and after. */
    memcpy(half, uuid, VIR_UUID_BUFLEN);
    mixed = (half[0] ^ half[0] >> 32) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) ^
            (half[1] ^ half[1] >> 32) * G_GUINT64_CONSTANT(0xff51afd7ed558ccd);
    return mixed ^ mixed >> 32;
}

gboolean
virUUIDEqual(gconstpointer one, gconstpointer other)
{
    return memcmp(one, other, VIR_UUID_BUFLEN) == 0;
}
