/*
 * virtmon_event_json.h: a monitor event as one line of JSON
 *
 * The form is a contract with scripts: members are added, never changed or removed, and every
 * member is always there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

typedef struct {
    gint64 seconds;             /* QEMU's time; -1: it gave none */
    guint32 micros;
    gint64 received;            /* when it was read: microseconds since the epoch; -1: unknown */
    const char *domain;
    const char *uuid;
    int id;                     /* -1: none */
    const char *stream;         /* NULL: the driver doesn't number events */
    guint64 number;             /* within the stream */
    const char *event;
    const char *details;        /* JSON; NULL: QEMU sent no data */
} virtmonEventRecord;

/**
 * virtmonEventRecordToJSON:
 *
 * Characters that a terminal obeys, or that some readers take for the end of a line, are written
 * as \uNNNN, which every JSON parser reads as before.
 *
 * Returns a new string of one line without its end, valid UTF-8.
 */
char *virtmonEventRecordToJSON(const virtmonEventRecord *record);

/* "2026-01-31T12:00:00.123456Z" as RFC 3339 has it, or NULL for a year that it has no form for. */
char *virtmonFormatTime(gint64 seconds, guint32 micros);
