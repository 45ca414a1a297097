/*
 * remote_typed.c: domain events out of the messages that a daemon sends
 *
 * A table says where in the struct of each message the arguments are; the order is that of
 * virDomainEventArgs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_typed.h"

#include <stddef.h>
#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_REMOTE

typedef enum {
    REMOTE_TYPED_END,
    REMOTE_TYPED_INT,               /* or unsigned */
    REMOTE_TYPED_HYPER,
    REMOTE_TYPED_TEXT,
    REMOTE_TYPED_OPTIONAL,          /* a text that may be missing */
    REMOTE_TYPED_IDENTITIES,        /* of a viewer: texts, two each */
    REMOTE_TYPED_PARAMS,
} remoteTypedMemberType;

typedef struct {
    remoteTypedMemberType type;
    size_t offset;
} remoteTypedMember;

typedef struct {
    virDomainEventID eventID;
    int oldProcedure;               /* whose payload is the struct; 0: none */
    int procedure;                  /* the same behind the registration's number; 0: none */
    bool whole;                     /* ... which is in the struct */
    xdrproc_t filter;
    size_t size;                    /* of the struct */
    size_t dom;                     /* where it has the domain */
    remoteTypedMember members[10];
} remoteTypedRow;

/* How rpcgen declares an array of any length. */
typedef struct {
    u_int len;
    void *items;
} remoteTypedArray;

#define MEMBER(type, kind, member) \
    { REMOTE_TYPED_##type, offsetof(remote_domain_event_##kind##_msg, member) }
#define STRUCT(kind) \
    (xdrproc_t)xdr_remote_domain_event_##kind##_msg, sizeof(remote_domain_event_##kind##_msg), \
    offsetof(remote_domain_event_##kind##_msg, dom)
/* A kind with an older message, which is the rest of the newer one. */
#define BOTH(KIND, kind, ...) \
    { VIR_DOMAIN_EVENT_ID_##KIND, REMOTE_PROC_DOMAIN_EVENT_##KIND, \
      REMOTE_PROC_DOMAIN_EVENT_CALLBACK_##KIND, false, STRUCT(kind), { __VA_ARGS__ } }
/* One that has the reason in front of the domain in the newer message, and none in the older. */
#define POWER(KIND, kind) \
    { VIR_DOMAIN_EVENT_ID_##KIND, REMOTE_PROC_DOMAIN_EVENT_##KIND, 0, false, STRUCT(kind), \
      { { REMOTE_TYPED_END } } }, \
    { VIR_DOMAIN_EVENT_ID_##KIND, 0, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_##KIND, true, \
      (xdrproc_t)xdr_remote_domain_event_callback_##kind##_msg, \
      sizeof(remote_domain_event_callback_##kind##_msg), \
      offsetof(remote_domain_event_callback_##kind##_msg, msg.dom), \
      { MEMBER(INT, callback_##kind, reason) } }
/* One that has only a newer message, with the number in its struct. */
#define NEW(ID, KIND, kind, ...) \
    { VIR_DOMAIN_EVENT_ID_##ID, 0, REMOTE_PROC_DOMAIN_EVENT_##KIND, true, STRUCT(kind), \
      { __VA_ARGS__ } }

static const remoteTypedRow remoteTypedRows[] = {
    BOTH(LIFECYCLE, lifecycle, MEMBER(INT, lifecycle, event), MEMBER(INT, lifecycle, detail)),
    BOTH(REBOOT, reboot, { REMOTE_TYPED_END }),
    BOTH(RTC_CHANGE, rtc_change, MEMBER(HYPER, rtc_change, offset)),
    BOTH(WATCHDOG, watchdog, MEMBER(INT, watchdog, action)),
    BOTH(IO_ERROR, io_error, MEMBER(TEXT, io_error, srcPath), MEMBER(TEXT, io_error, devAlias),
         MEMBER(INT, io_error, action)),
    BOTH(GRAPHICS, graphics, MEMBER(INT, graphics, phase), MEMBER(INT, graphics, local.family),
         MEMBER(INT, graphics, remote.family), MEMBER(TEXT, graphics, local.node),
         MEMBER(TEXT, graphics, local.service), MEMBER(TEXT, graphics, remote.node),
         MEMBER(TEXT, graphics, remote.service), MEMBER(TEXT, graphics, authScheme),
         MEMBER(IDENTITIES, graphics, subject)),
    BOTH(IO_ERROR_REASON, io_error_reason, MEMBER(TEXT, io_error_reason, srcPath),
         MEMBER(TEXT, io_error_reason, devAlias), MEMBER(INT, io_error_reason, action),
         MEMBER(TEXT, io_error_reason, reason)),
    BOTH(CONTROL_ERROR, control_error, { REMOTE_TYPED_END }),
    BOTH(BLOCK_JOB, block_job, MEMBER(TEXT, block_job, path), MEMBER(INT, block_job, type),
         MEMBER(INT, block_job, status)),
    BOTH(DISK_CHANGE, disk_change, MEMBER(OPTIONAL, disk_change, oldSrcPath),
         MEMBER(OPTIONAL, disk_change, newSrcPath), MEMBER(TEXT, disk_change, devAlias),
         MEMBER(INT, disk_change, reason)),
    BOTH(TRAY_CHANGE, tray_change, MEMBER(TEXT, tray_change, devAlias),
         MEMBER(INT, tray_change, reason)),
    POWER(PMWAKEUP, pmwakeup),
    POWER(PMSUSPEND, pmsuspend),
    BOTH(BALLOON_CHANGE, balloon_change, MEMBER(HYPER, balloon_change, actual)),
    POWER(PMSUSPEND_DISK, pmsuspend_disk),
    BOTH(DEVICE_REMOVED, device_removed, MEMBER(TEXT, device_removed, devAlias)),
    NEW(BLOCK_JOB_2, BLOCK_JOB_2, block_job_2, MEMBER(TEXT, block_job_2, dst),
        MEMBER(INT, block_job_2, type), MEMBER(INT, block_job_2, status)),
    NEW(TUNABLE, CALLBACK_TUNABLE, callback_tunable, MEMBER(PARAMS, callback_tunable, params)),
    NEW(AGENT_LIFECYCLE, CALLBACK_AGENT_LIFECYCLE, callback_agent_lifecycle,
        MEMBER(INT, callback_agent_lifecycle, state),
        MEMBER(INT, callback_agent_lifecycle, reason)),
    NEW(DEVICE_ADDED, CALLBACK_DEVICE_ADDED, callback_device_added,
        MEMBER(TEXT, callback_device_added, devAlias)),
    NEW(MIGRATION_ITERATION, CALLBACK_MIGRATION_ITERATION, callback_migration_iteration,
        MEMBER(INT, callback_migration_iteration, iteration)),
    NEW(JOB_COMPLETED, CALLBACK_JOB_COMPLETED, callback_job_completed,
        MEMBER(PARAMS, callback_job_completed, params)),
    NEW(DEVICE_REMOVAL_FAILED, CALLBACK_DEVICE_REMOVAL_FAILED, callback_device_removal_failed,
        MEMBER(TEXT, callback_device_removal_failed, devAlias)),
    NEW(METADATA_CHANGE, CALLBACK_METADATA_CHANGE, callback_metadata_change,
        MEMBER(INT, callback_metadata_change, type),
        MEMBER(OPTIONAL, callback_metadata_change, nsuri)),
    NEW(BLOCK_THRESHOLD, BLOCK_THRESHOLD, block_threshold, MEMBER(TEXT, block_threshold, dev),
        MEMBER(OPTIONAL, block_threshold, path), MEMBER(HYPER, block_threshold, threshold),
        MEMBER(HYPER, block_threshold, excess)),
    NEW(MEMORY_FAILURE, MEMORY_FAILURE, memory_failure, MEMBER(INT, memory_failure, recipient),
        MEMBER(INT, memory_failure, action), MEMBER(INT, memory_failure, flags)),
    NEW(MEMORY_DEVICE_SIZE_CHANGE, MEMORY_DEVICE_SIZE_CHANGE, memory_device_size_change,
        MEMBER(TEXT, memory_device_size_change, alias),
        MEMBER(HYPER, memory_device_size_change, size)),
};

/* --- reading --- */

static void
remoteTypedAddIdentities(remoteTypedEvent *typed, const remoteTypedArray *array)
{
    const remote_domain_event_graphics_identity *identities = array->items;
    size_t i;

    for (i = 0; i < array->len; i++) {
        typed->texts[typed->args.ntexts++] = identities[i].type;
        typed->texts[typed->args.ntexts++] = identities[i].name;
    }
}

/* The value that @wire has, whose text is shared. */
static void
remoteTypedReadValue(const remote_typed_param_value *wire, virTypedParameterPtr param)
{
    param->type = wire->type;
    switch ((virTypedParameterType)wire->type) {
    case VIR_TYPED_PARAM_INT:
        param->value.i = wire->remote_typed_param_value_u.i;
        break;
    case VIR_TYPED_PARAM_UINT:
        param->value.ui = wire->remote_typed_param_value_u.ui;
        break;
    case VIR_TYPED_PARAM_LLONG:
        param->value.l = wire->remote_typed_param_value_u.l;
        break;
    case VIR_TYPED_PARAM_ULLONG:
        param->value.ul = wire->remote_typed_param_value_u.ul;
        break;
    case VIR_TYPED_PARAM_DOUBLE:
        param->value.d = wire->remote_typed_param_value_u.d;
        break;
    case VIR_TYPED_PARAM_BOOLEAN:
        param->value.b = wire->remote_typed_param_value_u.b != 0;
        break;
    case VIR_TYPED_PARAM_STRING:
    default:                        /* no other can be decoded */
        param->value.s = wire->remote_typed_param_value_u.s;
        break;
    }
}

/* Returns 0, or -1 with an error reported. */
static int
remoteTypedAddParams(remoteTypedEvent *typed, const remoteTypedArray *array)
{
    const remote_typed_param *wire = array->items;
    size_t i;

    typed->params = g_new0(virTypedParameter, array->len);
    typed->args.params = typed->params;
    typed->args.nparams = array->len;
    for (i = 0; i < array->len; i++) {
        virTypedParameterPtr param = &typed->params[i];

        if (g_strlcpy(param->field, wire[i].field, sizeof(param->field)) >=
            sizeof(param->field)) {
            virReportError(VIR_ERR_RPC, "%s", _("the name of a parameter is too long"));
            return -1;
        }
        remoteTypedReadValue(&wire[i].value, param);
    }
    return 0;
}

/* Fills in the arguments from the body. Returns 0, or -1 with an error reported. */
static int
remoteTypedRead(const remoteTypedRow *row, remoteTypedEvent *typed)
{
    const remoteTypedMember *member;
    size_t numbers = 0;
    size_t amounts = 0;

    for (member = row->members; member->type != REMOTE_TYPED_END; member++) {
        const void *value = (const char *)typed->body + member->offset;

        switch (member->type) {
        case REMOTE_TYPED_INT:
            typed->args.numbers[numbers++] = *(const int *)value;
            break;
        case REMOTE_TYPED_HYPER:
            typed->args.amounts[amounts++] = *(const uint64_t *)value;
            break;
        case REMOTE_TYPED_TEXT:
            typed->texts[typed->args.ntexts++] = *(char *const *)value;
            break;
        case REMOTE_TYPED_OPTIONAL: {
            char *const *text = *(char **const *)value;

            typed->texts[typed->args.ntexts++] = text ? *text : NULL;
            break;
        }
        case REMOTE_TYPED_IDENTITIES:
            remoteTypedAddIdentities(typed, value);
            break;
        case REMOTE_TYPED_PARAMS:
            if (remoteTypedAddParams(typed, value) < 0)
                return -1;
            break;
        case REMOTE_TYPED_END:
        default:
            break;
        }
    }
    typed->args.texts = typed->texts;
    return 0;
}

static const remoteTypedRow *
remoteTypedFind(int procedure)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(remoteTypedRows); i++) {
        if (procedure > 0 && (procedure == remoteTypedRows[i].oldProcedure ||
                              procedure == remoteTypedRows[i].procedure))
            return &remoteTypedRows[i];
    }
    return NULL;
}

int
remoteTypedDecode(const virNetFrame *frame, remoteTypedEvent *typed)
{
    const remoteTypedRow *row = remoteTypedFind(frame->header.proc);
    const char *payload = frame->payload;
    size_t len = frame->len;
    guint32 number;

    if (!row)
        return 0;
    *typed = (remoteTypedEvent) { .eventID = row->eventID, .number = -1, .filter = row->filter };
    /* A shorter one is too short for any body. */
    if (frame->header.proc == row->procedure && len >= sizeof(number)) {
        memcpy(&number, payload, sizeof(number));
        typed->number = (int)GUINT32_FROM_BE(number);
        if (!row->whole) {
            payload += sizeof(number);
            len -= sizeof(number);
        }
    }

    typed->body = g_malloc(row->size);
    if (virNetMessageDecode(payload, len, row->filter, typed->body, row->size) < 0 ||
        remoteTypedRead(row, typed) < 0) {
        remoteTypedClear(typed);
        return -1;
    }
    typed->dom = (const void *)((const char *)typed->body + row->dom);
    return 1;
}

void
remoteTypedClear(remoteTypedEvent *typed)
{
    if (typed->body)
        xdr_free(typed->filter, typed->body);
    g_clear_pointer(&typed->body, g_free);
    g_clear_pointer(&typed->params, g_free);
}
