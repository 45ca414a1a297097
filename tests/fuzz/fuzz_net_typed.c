/*
 * fuzz_net_typed.c: any bytes as any message of a domain event, as a client gets them
 *
 * Two bytes for the procedure; then the payload.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>

#include "remote_typed.h"
#include "typedevents.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virDomainIdent *ident = virDomainIdentNew("g", uuid, 1);
    g_autoptr(GString) seen = g_string_new(NULL);
    remoteTypedEvent typed;
    virNetFrame frame;

    if (size >= 2) {
        frame = (virNetFrame) { .header = { .proc = data[0] << 8 | data[1] },
                                .payload = (const char *)data + 2, .len = size - 2 };
        if (remoteTypedDecode(&frame, &typed) > 0) {
            const virObjectEventTarget target = { .cb = typedEventCallback(typed.eventID),
                                                  .opaque = seen };
            virObjectEvent *event = virDomainEventNew(ident, typed.eventID, &typed.args);

            remoteTypedClear(&typed);
            event->klass->dispatch(event, NULL, &target);
            virObjectEventUnref(event);
        }
    }
    virDomainIdentUnref(ident);
    virResetLastError();
    return 0;
}
