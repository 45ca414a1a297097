/*
 * fuzz_typed_event.c: any data of an event from which domain events follow, and any answer to what
 * is asked for it
 *
 * Byte 0: the row; then the data, up to the first NUL; then the answer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "qemu_typed_event.h"
#include "typedevents.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A callback gets it, and so all its texts are read. */
static void
onEvent(virObjectEvent *event, void *opaque)
{
    const virObjectEventTarget target = { .cb = typedEventCallback(event->eventID),
                                          .opaque = opaque };

    event->klass->dispatch(event, NULL, &target);
    virObjectEventUnref(event);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    g_autoptr(GHashTable) commits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autoptr(virJSONValue) json = NULL;
    g_autoptr(virJSONValue) answer = NULL;
    g_autofree char *command = NULL;
    qemuTypedEventMaker maker = { .wanted = G_MAXUINT64, .commits = commits,
                                  .agentPorts = ports, .add = onEvent, .opaque = seen };
    const char *text, *end;

    if (size < 1 || !(maker.row = qemuTypedEventGet(data[0])))
        return 0;
    text = (const char *)data + 1;
    end = memchr(text, '\0', size - 1);
    if (!end)
        end = (const char *)data + size;
    maker.data = json = virJSONValueFromString(text, end - text);
    if (end < (const char *)data + size)
        answer = virJSONValueFromString(end + 1, (const char *)data + size - end - 1);
    maker.answer = answer;
    command = qemuTypedEventCommand(maker.row, json);
    maker.ident = virDomainIdentNew("g", uuid, 1);
    qemuTypedEventMake(&maker);
    virDomainIdentUnref(maker.ident);
    virResetLastError();
    return 0;
}
