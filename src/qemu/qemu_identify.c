/*
 * qemu_identify.c: who is behind a monitor
 *
 * Asks a QEMU its name, UUID, version, target and status, without blocking.
 * Neither checks the answers against other domains nor keeps them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_identify.h"

#include <string.h>

#include "virerror_priv.h"
#include "virjson.h"
#include "viruuid.h"

/* One of the questions: what to send and what to take from the "return" of its answer. */
typedef struct {
    const char *command;
    void (*read)(qemuIdentity *identity, const virJSONValue *result);
} qemuIdentifyQuestion;

/* One question under way. */
typedef struct {
    qemuIdentify *identify;
    const qemuIdentifyQuestion *question;
} qemuIdentifyAsked;

struct _qemuIdentify {
    qemuIdentity *identity;
    size_t pending;             /* questions without an answer */
    bool failed;                /* the last of them got none: the connection has ended */
    qemuIdentifyFunc func;      /* NULL: cancelled */
    void *opaque;
};

void
qemuIdentityFree(qemuIdentity *identity)
{
    if (!identity)
        return;
    g_free(identity->name);
    g_free(identity->target);
    g_free(identity->status);
    g_free(identity);
}

static void
qemuIdentifyFree(qemuIdentify *identify)
{
    qemuIdentityFree(identify->identity);
    g_free(identify);
}

bool
qemuIdentifyNameIsValid(const char *name)
{
    const char *p;

    if (!name || !*name || strlen(name) > QEMU_IDENTIFY_NAME_MAX ||
        !g_utf8_validate(name, -1, NULL) || strchr(name, '/'))
        return false;
    for (p = name; *p; p = g_utf8_next_char(p)) {
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return false;
    }
    return true;
}

char *
qemuIdentifyNameFromPath(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *valid = NULL;
    g_autoptr(GString) name = g_string_new(NULL);
    char *dot = strrchr(base, '.');
    const char *p;

    if (dot && dot != base)
        *dot = '\0';
    valid = g_utf8_make_valid(base, -1);
    for (p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        g_string_append_unichar(name, g_unichar_iscntrl(c) || c == '/' ? '_' : c);
    }
    if (!qemuIdentifyNameIsValid(name->str))
        return g_strdup("qemu");
    return g_strdup(name->str);
}

static void
qemuIdentifyReadName(qemuIdentity *identity, const virJSONValue *result)
{
    const char *name = virJSONValueObjectGetString(result, "name");

    if (qemuIdentifyNameIsValid(name))
        identity->name = g_strdup(name);
}

static void
qemuIdentifyReadUUID(qemuIdentity *identity, const virJSONValue *result)
{
    static const unsigned char none[VIR_UUID_BUFLEN];
    const char *text = virJSONValueObjectGetString(result, "UUID");

    /* QEMU gives zeros when it was started without one. */
    identity->hasUUID = text && virUUIDParse(text, identity->uuid) == 0 &&
                        memcmp(identity->uuid, none, VIR_UUID_BUFLEN) != 0;
}

static void
qemuIdentifyReadVersion(qemuIdentity *identity, const virJSONValue *result)
{
    const virJSONValue *qemu = virJSONValueObjectGetObject(result, "qemu");
    gint64 major, minor, micro;

    if (virJSONValueObjectGetInt64(qemu, "major", &major) == 0 &&
        virJSONValueObjectGetInt64(qemu, "minor", &minor) == 0 &&
        virJSONValueObjectGetInt64(qemu, "micro", &micro) == 0 &&
        major >= 0 && major < 1000 && minor >= 0 && minor < 1000 && micro >= 0 && micro < 1000)
        identity->version = major * 1000000 + minor * 1000 + micro;
}

static void
qemuIdentifyReadTarget(qemuIdentity *identity, const virJSONValue *result)
{
    const char *arch = virJSONValueObjectGetString(result, "arch");

    if (qemuIdentifyNameIsValid(arch))
        identity->target = g_strdup(arch);
}

static void
qemuIdentifyReadKVM(qemuIdentity *identity, const virJSONValue *result)
{
    virJSONValueObjectGetBoolean(result, "enabled", &identity->kvm);
}

static void
qemuIdentifyReadStatus(qemuIdentity *identity, const virJSONValue *result)
{
    identity->status = g_strdup(virJSONValueObjectGetString(result, "status"));
}

/* As many as QEMU takes in before it stops reading (8), less some room. The status is
 * the last, so that it is not older than any event that has been read by then. */
static const qemuIdentifyQuestion qemuIdentifyQuestions[] = {
    { "{\"execute\":\"query-name\"}", qemuIdentifyReadName },
    { "{\"execute\":\"query-uuid\"}", qemuIdentifyReadUUID },
    { "{\"execute\":\"query-version\"}", qemuIdentifyReadVersion },
    { "{\"execute\":\"query-target\"}", qemuIdentifyReadTarget },
    { "{\"execute\":\"query-kvm\"}", qemuIdentifyReadKVM },
    { "{\"execute\":\"query-status\"}", qemuIdentifyReadStatus },
};

static void
qemuIdentifyReply(qemuMonitor *mon G_GNUC_UNUSED, const char *reply, void *opaque)
{
    qemuIdentifyAsked *asked = opaque;
    qemuIdentify *identify = asked->identify;
    g_autoptr(virJSONValue) json = NULL;

    if (reply && !(json = virJSONValueFromString(reply, strlen(reply))))
        virResetLastError();
    /* An answer that is an error leaves that member empty. */
    if (json && virJSONValueObjectGetObject(json, "return"))
        asked->question->read(identify->identity, virJSONValueObjectGetObject(json, "return"));
    identify->failed = !reply;
    g_free(asked);

    if (--identify->pending > 0)
        return;
    if (identify->func)
        identify->func(identify->failed ? NULL : g_steal_pointer(&identify->identity),
                       identify->opaque);
    qemuIdentifyFree(identify);
}

qemuIdentify *
qemuIdentifyStart(qemuMonitor *mon, qemuIdentifyFunc func, void *opaque)
{
    qemuIdentify *identify = g_new0(qemuIdentify, 1);
    size_t i;

    identify->identity = g_new0(qemuIdentity, 1);
    identify->func = func;
    identify->opaque = opaque;

    for (i = 0; i < G_N_ELEMENTS(qemuIdentifyQuestions); i++) {
        qemuIdentifyAsked *asked = g_new0(qemuIdentifyAsked, 1);

        asked->identify = identify;
        asked->question = &qemuIdentifyQuestions[i];
        if (qemuMonitorCommandAsync(mon, asked->question->command, qemuIdentifyReply, asked) < 0) {
            g_free(asked);
            break;
        }
        identify->pending++;
    }
    if (i == G_N_ELEMENTS(qemuIdentifyQuestions))
        return identify;

    identify->func = NULL;      /* those sent free it */
    if (identify->pending == 0)
        qemuIdentifyFree(identify);
    return NULL;
}

void
qemuIdentifyCancel(qemuIdentify *identify)
{
    if (identify)
        identify->func = NULL;
}
