/*
 * virtmon_schema.h: the events that a QEMU can emit, as it says itself
 *
 * Read from query-qmp-schema, which describes all of QMP with types that have no names;
 * here each event has its fields with types that can be read.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include <libvirt/libvirt.h>

/* A QEMU of today has 52 events with 120 fields; what a hostile one says must end somewhere. */
#define VIRTMON_SCHEMA_EVENTS_MAX 4096
#define VIRTMON_SCHEMA_FIELDS_MAX 512
/* Objects within objects; deeper ones, and those that contain themselves, are "{...}". */
#define VIRTMON_SCHEMA_DEPTH_MAX 8
/* Bytes of the text of one type; the longest of today's has 160. */
#define VIRTMON_SCHEMA_TYPE_MAX 4096
/* Longer names have no nearest one: the search takes time in proportion to both lengths. */
#define VIRTMON_SCHEMA_NAME_MAX 256

/* One field of an event's data, one that holds an object being replaced by that object's. */
typedef struct {
    char *name;                 /* with its way down: "info.slot" */
    char *type;                 /* "int", "[str]", "pause|poweroff|run" */
    bool optional;              /* it, or what it is in, may be missing */
    char *when;                 /* only then: "info.type is s390"; NULL: always */
} virtmonSchemaField;

typedef struct {
    char *name;
    GPtrArray *fields;          /* virtmonSchemaField, as QEMU orders them */
} virtmonSchemaEvent;

/* Immutable. */
typedef struct _virtmonSchema virtmonSchema;

/**
 * virtmonSchemaParse:
 * @reply: QEMU's whole answer to query-qmp-schema
 * @why: where the reason of a failure goes, for people; the caller frees it
 *
 * Returns a new schema, or NULL.
 */
virtmonSchema *virtmonSchemaParse(const char *reply, char **why);
void virtmonSchemaFree(virtmonSchema *schema);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virtmonSchema, virtmonSchemaFree)

/* Events, sorted by name. */
size_t virtmonSchemaCount(const virtmonSchema *schema);
const virtmonSchemaEvent *virtmonSchemaGet(const virtmonSchema *schema, size_t i);
bool virtmonSchemaHas(const virtmonSchema *schema, const char *name, bool nocase);
/* The event that @name is most likely meant to be, whatever the case of letters; NULL if there
 * is none. */
const char *virtmonSchemaNearest(const virtmonSchema *schema, const char *name);

/* Asks the QEMU of @dom. NULL: *why says it, or where that is NULL, libvirt's last error. */
virtmonSchema *virtmonSchemaQuery(virDomainPtr dom, char **why);
/* Whether asking leaves no mark on the domain: a libvirt daemon counts every monitor command that
 * it passes on as tampering, and says so for the rest of the domain's life. */
bool virtmonSchemaIsFree(virConnectPtr conn);
