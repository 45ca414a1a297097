/*
 * qemu_query.c: QMP commands on behalf of a caller, and what they answer
 *
 * Blocks the calling thread, never the I/O thread. Not how a command gets to
 * QEMU (qemu_monitor.h), nor what a domain's state allows (qemu_control.h).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_query.h"

#include <string.h>

#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The whole answer, be it an error; NULL with an error reported if there is none. */
static virJSONValue *
qemuQueryAsk(virDomainObj *dom, const char *name, const char *arguments)
{
    g_autofree char *command = NULL;
    g_autofree char *reply = NULL;

    if (arguments)
        command = g_strdup_printf("{\"execute\":\"%s\",\"arguments\":%s}", name, arguments);
    else
        command = g_strdup_printf("{\"execute\":\"%s\"}", name);
    if (qemuMonitorCommand(qemuDomainGet(dom)->mon, command, NULL, 0, 0, &reply, NULL) < 0)
        return NULL;
    return virJSONValueFromString(reply, strlen(reply));
}

virJSONValue *
qemuQueryCommand(virDomainObj *dom, const char *name, const char *arguments)
{
    g_autoptr(virJSONValue) reply = qemuQueryAsk(dom, name, arguments);
    const virJSONValue *error;
    const char *text;

    if (!reply)
        return NULL;
    if ((error = virJSONValueObjectGet(reply, "error"))) {
        text = virJSONValueObjectGetString(error, "desc");
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("unable to execute QEMU command '%1$s': %2$s"), name,
                       text ? text : _("unknown error"));
        return NULL;
    }
    return g_steal_pointer(&reply);
}

virJSONValue *
qemuQueryOptional(virDomainObj *dom, const char *name, const char *arguments)
{
    g_autoptr(virJSONValue) reply = qemuQueryAsk(dom, name, arguments);

    if (!reply) {
        virResetLastError();
        return NULL;
    }
    return virJSONValueObjectGet(reply, "return") ? g_steal_pointer(&reply) : NULL;
}

int
qemuQueryHuman(virDomainObj *dom, const char *line, char **result)
{
    g_autoptr(GString) arguments = g_string_new("{\"command-line\":");
    g_autoptr(virJSONValue) reply = NULL;
    const char *text;

    if (!g_utf8_validate(line, -1, NULL)) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("monitor command is not valid UTF-8"));
        return -1;
    }
    virJSONAppendString(arguments, line, strlen(line));
    g_string_append_c(arguments, '}');

    if (!(reply = qemuQueryCommand(dom, "human-monitor-command", arguments->str)))
        return -1;
    if (!(text = virJSONValueObjectGetString(reply, "return"))) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("QEMU's answer to human-monitor-command is not a string"));
        return -1;
    }
    *result = g_strdup(text);
    return 0;
}

/* A member of an answer that is a number of bytes, in KiB. */
static unsigned long long
qemuQueryKiB(const virJSONValue *object, const char *key)
{
    gint64 bytes = 0;

    if (virJSONValueObjectGetInt64(object, key, &bytes) < 0 || bytes < 0)
        return 0;
    return (unsigned long long)bytes / 1024;
}

int
qemuQueryGetMemory(virDomainObj *dom, qemuQueryMemory *memory)
{
    g_autoptr(virJSONValue) summary = NULL;
    g_autoptr(virJSONValue) balloon = NULL;
    const virJSONValue *result;
    unsigned long long actual;

    memset(memory, 0, sizeof(*memory));
    if (!(summary = qemuQueryAsk(dom, "query-memory-size-summary", NULL)))
        return -1;
    result = virJSONValueObjectGetObject(summary, "return");
    memory->maximum = qemuQueryKiB(result, "base-memory") + qemuQueryKiB(result, "plugged-memory");
    memory->current = memory->maximum;

    /* without a balloon, QEMU answers with an error */
    balloon = qemuQueryOptional(dom, "query-balloon", NULL);
    actual = qemuQueryKiB(virJSONValueObjectGetObject(balloon, "return"), "actual");
    if (actual > 0)
        memory->current = actual;
    return 0;
}

int
qemuQueryGetCpus(virDomainObj *dom, unsigned int *count)
{
    g_autoptr(virJSONValue) reply = qemuQueryAsk(dom, "query-cpus-fast", NULL);
    const virJSONValue *cpus;

    if (!reply)
        return -1;
    cpus = virJSONValueObjectGetArray(reply, "return");
    *count = cpus ? virJSONValueArraySize(cpus) : 0;
    return 0;
}
