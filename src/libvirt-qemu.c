/*
 * libvirt-qemu.c: public functions that only QEMU has
 *
 * All of libvirt-qemu.so; what it needs of libvirt.so is exported there under a
 * private node.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <libvirt/libvirt-qemu.h>
#include <string.h>

#include "domain_event.h"
#include "libvirt_internal.h"

#define VIR_FROM_THIS VIR_FROM_NONE

VIR_LOG_INIT("libvirt.qemu");

/* The register call exists under two version nodes: the one that libvirt released it with,
 * and the one that it was first proposed with. */
int virtmonMonitorEventRegister121(virConnectPtr conn, virDomainPtr dom, const char *event,
                                   virConnectDomainQemuMonitorEventCallback cb, void *opaque,
                                   virFreeCallback freecb, unsigned int flags);
int virtmonMonitorEventDeregister121(virConnectPtr conn, int callbackID);

/**
 * virDomainQemuMonitorCommand:
 * @domain: a domain
 * @cmd: QMP as JSON, or with VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP a line for the human monitor
 * @result: QEMU's whole answer, to be freed by the caller
 * @flags: virDomainQemuMonitorCommandFlags
 *
 * An error that QEMU answers is a result like any other.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainQemuMonitorCommand(virDomainPtr domain, const char *cmd, char **result,
                            unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckNonNullArgReturn(domain->conn, result, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCheckNonNullArgReturn(domain->conn, cmd, -1);
    virCallDriverReturn(domain->conn, domainQemuMonitorCommand, int, -1, domain, cmd, result,
                        flags);
}

/**
 * virDomainQemuMonitorCommandWithFiles:
 * @domain: a domain
 * @cmd: as for virDomainQemuMonitorCommand()
 * @ninfiles: how many file descriptors go along
 * @infiles: those; they stay the caller's
 * @noutfiles: how many came back; may be NULL
 * @outfiles: those; the array and the descriptors are the caller's; may be NULL
 * @result: QEMU's whole answer, to be freed by the caller
 * @flags: virDomainQemuMonitorCommandFlags
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainQemuMonitorCommandWithFiles(virDomainPtr domain, const char *cmd, unsigned int ninfiles,
                                     int *infiles, unsigned int *noutfiles, int **outfiles,
                                     char **result, unsigned int flags)
{
    unsigned int i;

    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckNonNullArgReturn(domain->conn, cmd, -1);
    virCheckNonNullArgReturn(domain->conn, result, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    if (ninfiles > 0)
        virCheckNonNullArgReturn(domain->conn, infiles, -1);
    for (i = 0; i < ninfiles; i++) {
        if (infiles[i] < 0) {
            virReportInvalidArg(infiles, _("file descriptor %1$d in %2$s is not open"),
                                infiles[i], __func__);
            virFailReturn(domain->conn, -1);
        }
    }
    virCallDriverReturn(domain->conn, domainQemuMonitorCommandWithFiles, int, -1, domain, cmd,
                        ninfiles, infiles, noutfiles, outfiles, result, flags);
}

/**
 * virDomainQemuAttach:
 * @conn: a connection
 * @pid_value: the process ID of a QEMU on the driver's host
 * @flags: none are defined
 *
 * Returns a new reference on the domain that it is now, or NULL with an error.
 */
virDomainPtr
virDomainQemuAttach(virConnectPtr conn, unsigned int pid_value, unsigned int flags)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    /* Process 1 may be a QEMU: in a container. */
    virCheckNonZeroArgReturn(conn, pid_value, NULL);
    virCheckReadOnlyReturn(conn, NULL);
    virCallDriverReturn(conn, domainQemuAttach, virDomainPtr, NULL, conn, pid_value, flags);
}

/**
 * virDomainQemuAgentCommand:
 * @domain: a domain
 * @cmd: JSON for the guest agent
 * @timeout: seconds, or virDomainQemuAgentCommandTimeoutValues
 * @flags: none are defined
 *
 * Returns the agent's whole answer, to be freed by the caller, or NULL with an error.
 */
char *
virDomainQemuAgentCommand(virDomainPtr domain, const char *cmd, int timeout, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, NULL);
    virCheckReadOnlyReturn(domain->conn, NULL);
    virCheckNonNullArgReturn(domain->conn, cmd, NULL);
    virCallDriverReturn(domain->conn, domainQemuAgentCommand, char *, NULL, domain, cmd, timeout,
                        flags);
}

/**
 * virConnectDomainQemuMonitorEventRegister:
 * @conn: a connection, not a read-only one
 * @dom: the domain to hear of; NULL: all
 * @event: what the event's name must be, see @flags; NULL: any
 * @cb: called in the event loop's thread
 * @opaque: given to it
 * @freecb: frees @opaque, or NULL; not called if this function fails
 * @flags: virConnectDomainQemuMonitorEventRegisterFlags
 *
 * Full access is needed, as registrations hold memory at the driver's end. @conn stays open
 * until the deregistration, virConnectClose() or not.
 *
 * Returns an ID for virConnectDomainQemuMonitorEventDeregister(), or -1 with an error.
 */
int
virConnectDomainQemuMonitorEventRegister(virConnectPtr conn, virDomainPtr dom, const char *event,
                                         virConnectDomainQemuMonitorEventCallback cb,
                                         void *opaque, virFreeCallback freecb,
                                         unsigned int flags)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    if (dom) {
        virCheckDomainReturn(dom, -1);
        if (dom->conn != conn) {
            virReportInvalidArg(dom, _("domain '%1$s' in %2$s must match connection"), dom->name,
                                __func__);
            virFailReturn(conn, -1);
        }
    }
    virCheckNonNullArgReturn(conn, cb, -1);
    virCheckReadOnlyReturn(conn, -1);
    virCallDriverReturn(conn, connectDomainQemuMonitorEventRegister, int, -1, conn, dom, event,
                        cb, opaque, freecb, flags);
}

/**
 * virConnectDomainQemuMonitorEventDeregister:
 * @conn: a connection
 * @callbackID: from virConnectDomainQemuMonitorEventRegister()
 *
 * The callback isn't called again from the calling thread once this returns.
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectDomainQemuMonitorEventDeregister(virConnectPtr conn, int callbackID)
{
    int result;

    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNegativeArgReturn(conn, callbackID, -1);
    virCheckReadOnlyReturn(conn, -1);
    if (!conn->driver->connectDomainQemuMonitorEventDeregister)
        virReportNoSupportReturn(conn, -1);
    result = conn->driver->connectDomainQemuMonitorEventDeregister(conn, callbackID);
    if (result < 0)
        virFailReturn(conn, -1);
    return 0;
}

int
virtmonMonitorEventRegister121(virConnectPtr conn, virDomainPtr dom, const char *event,
                               virConnectDomainQemuMonitorEventCallback cb, void *opaque,
                               virFreeCallback freecb, unsigned int flags)
{
    return virConnectDomainQemuMonitorEventRegister(conn, dom, event, cb, opaque, freecb, flags);
}

int
virtmonMonitorEventDeregister121(virConnectPtr conn, int callbackID)
{
    return virConnectDomainQemuMonitorEventDeregister(conn, callbackID);
}

__asm__(".symver virtmonMonitorEventRegister121, "
        "virConnectDomainQemuMonitorEventRegister@LIBVIRT_QEMU_1.2.1");
__asm__(".symver virtmonMonitorEventDeregister121, "
        "virConnectDomainQemuMonitorEventDeregister@LIBVIRT_QEMU_1.2.1");

/**
 * virtmonDomainQemuMonitorEventGetInfo:
 * @conn: the connection that the callback was called with
 * @info: what is filled in
 * @infoSize: sizeof(*info), as the caller's header has it
 *
 * Inside a monitor event callback only, and only in its thread.
 *
 * Returns 0, or -1 with an error: there is no event being delivered, or its driver doesn't
 * number events.
 */
int
virtmonDomainQemuMonitorEventGetInfo(virConnectPtr conn, virtmonMonitorEventInfoPtr info,
                                     size_t infoSize)
{
    virObjectEvent *event;
    virtmonMonitorEventInfo known = { 0 };

    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArgReturn(conn, info, -1);
    event = virObjectEventCurrent();
    if (!event || event->number == 0) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("no monitor event is being delivered in this thread"));
        virFailReturn(conn, -1);
    }
    if (event->domain->relayed) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("the daemon does not tell which stream an event belongs to"));
        virFailReturn(conn, -1);
    }
    memcpy(known.stream, event->domain->stream, sizeof(known.stream));
    known.number = event->number;
    known.receivedSeconds = ((virDomainMonitorEvent *)event)->received / G_USEC_PER_SEC;
    known.receivedMicros = ((virDomainMonitorEvent *)event)->received % G_USEC_PER_SEC;

    /* Older callers know less of it; newer ones get zeroes for what isn't known here. */
    memset(info, 0, infoSize);
    memcpy(info, &known, MIN(infoSize, sizeof(known)));
    return 0;
}
