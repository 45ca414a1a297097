/*
 * qemu_monitor_line.h: one line from QEMU, understood in one pass
 *
 * Tells greeting, event and reply apart and takes out what each needs, with
 * values re-serialised compactly (member order, number text and escapes as
 * libvirt hands them out). No tree is built.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <glib.h>

/* Longest line; libvirt's own limit. The longest known reply (query-qmp-schema)
 * has some 200 KB. */
#define QEMU_MONITOR_LINE_MAX (10 * 1024 * 1024)
/* Deepest nesting; QEMU's own parser stops at 1024. */
#define QEMU_MONITOR_DEPTH_MAX 1024

typedef enum {
    QEMU_MONITOR_LINE_GREETING,     /* has "QMP" */
    QEMU_MONITOR_LINE_EVENT,        /* has "event" */
    QEMU_MONITOR_LINE_REPLY,        /* has "return" */
    QEMU_MONITOR_LINE_ERROR,        /* has "error" */
} qemuMonitorLineType;

/* All texts are borrowed from the parser until its next line, and are
 * NUL-terminated as well, but for data, whose length counts. */
typedef struct {
    qemuMonitorLineType type;
    const char *text;               /* the whole line, compact */
    size_t textLen;
    const char *event;              /* events: the name, unescaped */
    size_t eventLen;
    const char *data;               /* events: compact JSON of "data", or NULL if there was none */
    size_t dataLen;
    const char *id;                 /* replies: the string value of "id", unescaped, or NULL */
    size_t idLen;
    gint64 seconds;                 /* events: QEMU's time as libvirt reads it: -1 if missing */
    guint32 micros;                 /* 0 if missing or negative */
} qemuMonitorLine;

typedef struct _qemuMonitorParser qemuMonitorParser;
qemuMonitorParser *qemuMonitorParserNew(void);
void qemuMonitorParserFree(qemuMonitorParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuMonitorParser, qemuMonitorParserFree)

/**
 * qemuMonitorParserLine:
 * @text: the line without its end (borrowed)
 * @len: its length in bytes, at most QEMU_MONITOR_LINE_MAX
 * @line: what it says; untouched on failure
 *
 * After a failure the parser is ready for the next line.
 *
 * Returns 0, or -1 with VIR_ERR_INTERNAL_ERROR reported: no JSON object, text behind
 * it, bad UTF-8, too deep, a member of the four above twice, or none of them,
 * an event name that is no string.
 */
int qemuMonitorParserLine(qemuMonitorParser *parser, const char *text, size_t len,
                          qemuMonitorLine *line);
