/*
 * libvirt-domain.c: public functions about domains and their events
 *
 * Each checks its arguments and whether the connection may do it, and leaves the
 * rest to the driver.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <string.h>

#include "libvirt_internal.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN

VIR_LOG_INIT("libvirt.domain");

/**
 * virDomainGetConnect:
 * @dom: a domain
 *
 * Returns its connection, borrowed from @dom, or NULL with an error.
 */
virConnectPtr
virDomainGetConnect(virDomainPtr dom)
{
    virResetLastError();
    virCheckDomainReturn(dom, NULL);
    return dom->conn;
}

/**
 * virDomainRef:
 * @domain: a domain
 *
 * Adds a reference, which virDomainFree() gives back.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainRef(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virDomainRefInternal(domain);
    return 0;
}

/**
 * virDomainFree:
 * @domain: a domain (takes one reference)
 *
 * The domain itself is untouched: this is about the handle.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainFree(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virDomainUnref(domain);
    return 0;
}

/**
 * virDomainGetName:
 * @domain: a domain
 *
 * Returns its name, borrowed from @domain, or NULL with an error.
 */
const char *
virDomainGetName(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, NULL);
    return domain->name;
}

/**
 * virDomainGetUUID:
 * @domain: a domain
 * @uuid: room for VIR_UUID_BUFLEN bytes
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainGetUUID(virDomainPtr domain, unsigned char *uuid)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckNonNullArgReturn(domain->conn, uuid, -1);
    memcpy(uuid, domain->uuid, VIR_UUID_BUFLEN);
    return 0;
}

/**
 * virDomainGetUUIDString:
 * @domain: a domain
 * @buf: room for VIR_UUID_STRING_BUFLEN bytes
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainGetUUIDString(virDomainPtr domain, char *buf)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckNonNullArgReturn(domain->conn, buf, -1);
    virUUIDFormat(domain->uuid, buf);
    return 0;
}

/**
 * virDomainGetID:
 * @domain: a domain
 *
 * Returns its ID, or (unsigned int)-1: it isn't running, or the handle is bad (with an error).
 */
unsigned int
virDomainGetID(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, (unsigned int)-1);
    return domain->id;
}

/**
 * virDomainLookupByUUIDString:
 * @conn: a connection
 * @uuidstr: a UUID as text
 *
 * Returns a new reference, or NULL with an error.
 */
virDomainPtr
virDomainLookupByUUIDString(virConnectPtr conn, const char *uuidstr)
{
    unsigned char uuid[VIR_UUID_BUFLEN];

    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    virCheckNonNullArgReturn(conn, uuidstr, NULL);
    if (virUUIDParse(uuidstr, uuid) < 0) {
        virReportInvalidArg(uuidstr, _("'%1$s' is not a valid UUID"), uuidstr);
        virFailReturn(conn, NULL);
    }
    virCallDriverReturn(conn, domainLookupByUUID, virDomainPtr, NULL, conn, uuid);
}

/**
 * virConnectListAllDomains:
 * @conn: a connection
 * @domains: a NULL-terminated array; it and each domain in it are the caller's; may be NULL
 * @flags: filters, virConnectListAllDomainsFlags
 *
 * Returns how many there are, or -1 with an error.
 */
int
virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    if (domains)
        *domains = NULL;
    virCallDriverReturn(conn, connectListAllDomains, int, -1, conn, domains, flags);
}

/**
 * virConnectNumOfDomains:
 * @conn: a connection
 *
 * Returns how many run, or -1 with an error.
 */
int
virConnectNumOfDomains(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCallDriverReturn(conn, connectNumOfDomains, int, -1, conn);
}

/**
 * virConnectListDomains:
 * @conn: a connection
 * @ids: room for @maxids IDs
 * @maxids: how many at most
 *
 * Returns how many were written, or -1 with an error.
 */
int
virConnectListDomains(virConnectPtr conn, int *ids, int maxids)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArrayReturn(conn, ids, maxids, -1);
    virCheckNonNegativeArgReturn(conn, maxids, -1);
    virCallDriverReturn(conn, connectListDomains, int, -1, conn, ids, maxids);
}

/**
 * virConnectNumOfDefinedDomains:
 * @conn: a connection
 *
 * Returns how many are defined but don't run, or -1 with an error.
 */
int
virConnectNumOfDefinedDomains(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCallDriverReturn(conn, connectNumOfDefinedDomains, int, -1, conn);
}

/**
 * virConnectListDefinedDomains:
 * @conn: a connection
 * @names: room for @maxnames strings, to be freed by the caller
 * @maxnames: how many at most
 *
 * Returns how many were written, or -1 with an error.
 */
int
virConnectListDefinedDomains(virConnectPtr conn, char **const names, int maxnames)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArrayReturn(conn, names, maxnames, -1);
    virCheckNonNegativeArgReturn(conn, maxnames, -1);
    virCallDriverReturn(conn, connectListDefinedDomains, int, -1, conn, names, maxnames);
}

/**
 * virDomainLookupByID:
 * @conn: a connection
 * @id: of a running domain
 *
 * Returns a new reference, or NULL with an error.
 */
virDomainPtr
virDomainLookupByID(virConnectPtr conn, int id)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    virCheckNonNegativeArgReturn(conn, id, NULL);
    virCallDriverReturn(conn, domainLookupByID, virDomainPtr, NULL, conn, id);
}

/**
 * virDomainLookupByName:
 * @conn: a connection
 * @name: of a domain
 *
 * Returns a new reference, or NULL with an error.
 */
virDomainPtr
virDomainLookupByName(virConnectPtr conn, const char *name)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    virCheckNonNullArgReturn(conn, name, NULL);
    virCallDriverReturn(conn, domainLookupByName, virDomainPtr, NULL, conn, name);
}

/**
 * virDomainLookupByUUID:
 * @conn: a connection
 * @uuid: VIR_UUID_BUFLEN bytes
 *
 * Returns a new reference, or NULL with an error.
 */
virDomainPtr
virDomainLookupByUUID(virConnectPtr conn, const unsigned char *uuid)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    virCheckNonNullArgReturn(conn, uuid, NULL);
    virCallDriverReturn(conn, domainLookupByUUID, virDomainPtr, NULL, conn, uuid);
}

/**
 * virDomainGetOSType:
 * @domain: a domain
 *
 * Returns "hvm", to be freed by the caller, or NULL with an error.
 */
char *
virDomainGetOSType(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, NULL);
    virCallDriverReturn(domain->conn, domainGetOSType, char *, NULL, domain);
}

/**
 * virDomainGetInfo:
 * @domain: a domain
 * @info: what is filled in
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainGetInfo(virDomainPtr domain, virDomainInfoPtr info)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckNonNullArgReturn(domain->conn, info, -1);
    memset(info, 0, sizeof(*info));
    virCallDriverReturn(domain->conn, domainGetInfo, int, -1, domain, info);
}

/**
 * virDomainGetState:
 * @domain: a domain
 * @state: virDomainState
 * @reason: why, by a virDomain*Reason that belongs to @state; may be NULL
 * @flags: none are defined
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckNonNullArgReturn(domain->conn, state, -1);
    virCallDriverReturn(domain->conn, domainGetState, int, -1, domain, state, reason, flags);
}

/**
 * virDomainGetXMLDesc:
 * @domain: a domain
 * @flags: virDomainXMLFlags; on a read-only connection neither SECURE nor MIGRATABLE
 *
 * Returns the XML description, to be freed by the caller, or NULL with an error.
 */
char *
virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, NULL);
    if ((domain->conn->flags & VIR_CONNECT_RO) &&
        (flags & (VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_MIGRATABLE))) {
        virReportError(VIR_ERR_OPERATION_DENIED, "%s",
                       _("virDomainGetXMLDesc with secure flag"));
        virFailReturn(domain->conn, NULL);
    }
    virCallDriverReturn(domain->conn, domainGetXMLDesc, char *, NULL, domain, flags);
}

/**
 * virDomainSetMetadata:
 * @domain: a domain
 * @type: virDomainMetadataType: its title, its description, or an element of an application's
 * @metadata: the text, of a title in one line; of an element its XML. NULL, and an empty title or
 *            description: there is to be none
 * @key: the prefix of the element's namespace; NULL for others, and where @metadata is NULL
 * @uri: the element's namespace, by which it is found; NULL for others
 * @flags: virDomainModificationImpact
 *
 * What is set lasts as long as the domain does.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key,
                     const char *uri, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    if (type == VIR_DOMAIN_METADATA_ELEMENT) {
        virCheckNonNullArgReturn(domain->conn, uri, -1);
        if (metadata)
            virCheckNonNullArgReturn(domain->conn, key, -1);
    } else if (type == VIR_DOMAIN_METADATA_TITLE || type == VIR_DOMAIN_METADATA_DESCRIPTION) {
        virCheckNullArgReturn(domain->conn, uri, -1);
        virCheckNullArgReturn(domain->conn, key, -1);
        if (type == VIR_DOMAIN_METADATA_TITLE && metadata && strchr(metadata, '\n')) {
            virReportInvalidArg(metadata, "%s", _("metadata title can't contain newlines"));
            virFailReturn(domain->conn, -1);
        }
    }
    virCallDriverReturn(domain->conn, domainSetMetadata, int, -1, domain, type, metadata, key, uri,
                        flags);
}

/**
 * virDomainGetMetadata:
 * @domain: a domain
 * @type: virDomainMetadataType
 * @uri: the element's namespace; NULL for others
 * @flags: virDomainModificationImpact, of which there are no two at once
 *
 * Returns the text, or the element's XML without that namespace, to be freed by the caller; NULL
 * with an error, VIR_ERR_NO_DOMAIN_METADATA if there is none.
 */
char *
virDomainGetMetadata(virDomainPtr domain, int type, const char *uri, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, NULL);
    if ((flags & VIR_DOMAIN_AFFECT_LIVE) && (flags & VIR_DOMAIN_AFFECT_CONFIG)) {
        virReportInvalidArg(flags, _("Flags '%1$s' and '%2$s' are mutually exclusive"),
                            "VIR_DOMAIN_AFFECT_LIVE", "VIR_DOMAIN_AFFECT_CONFIG");
        virFailReturn(domain->conn, NULL);
    }
    if (type == VIR_DOMAIN_METADATA_ELEMENT)
        virCheckNonNullArgReturn(domain->conn, uri, NULL);
    else if (type == VIR_DOMAIN_METADATA_TITLE || type == VIR_DOMAIN_METADATA_DESCRIPTION)
        virCheckNullArgReturn(domain->conn, uri, NULL);
    virCallDriverReturn(domain->conn, domainGetMetadata, char *, NULL, domain, type, uri, flags);
}

/**
 * virDomainIsActive:
 * @dom: a domain
 *
 * Returns 1 if it runs, 0 if not, -1 with an error.
 */
int
virDomainIsActive(virDomainPtr dom)
{
    virResetLastError();
    virCheckDomainReturn(dom, -1);
    virCallDriverReturn(dom->conn, domainIsActive, int, -1, dom);
}

/**
 * virDomainIsPersistent:
 * @dom: a domain
 *
 * Returns 1 if it is defined beyond its running, 0 if not, -1 with an error.
 */
int
virDomainIsPersistent(virDomainPtr dom)
{
    virResetLastError();
    virCheckDomainReturn(dom, -1);
    virCallDriverReturn(dom->conn, domainIsPersistent, int, -1, dom);
}

/**
 * virDomainIsUpdated:
 * @dom: a domain
 *
 * Returns 1 if its definition changed while it ran, 0 if not, -1 with an error.
 */
int
virDomainIsUpdated(virDomainPtr dom)
{
    virResetLastError();
    virCheckDomainReturn(dom, -1);
    virCallDriverReturn(dom->conn, domainIsUpdated, int, -1, dom);
}

/**
 * virDomainSuspend:
 * @domain: a domain
 *
 * Its processors stop; its memory stays.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainSuspend(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainSuspend, int, -1, domain);
}

/**
 * virDomainResume:
 * @domain: a domain
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainResume(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainResume, int, -1, domain);
}

/**
 * virDomainShutdown:
 * @domain: a domain
 *
 * Asks the guest; whether it does, an event tells.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainShutdown(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainShutdown, int, -1, domain);
}

/**
 * virDomainShutdownFlags:
 * @domain: a domain
 * @flags: how to ask, virDomainShutdownFlagValues
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainShutdownFlags(virDomainPtr domain, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainShutdownFlags, int, -1, domain, flags);
}

/**
 * virDomainReboot:
 * @domain: a domain
 * @flags: how to ask, virDomainRebootFlagValues
 *
 * Asks the guest; virDomainReset() doesn't ask.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainReboot(virDomainPtr domain, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainReboot, int, -1, domain, flags);
}

/**
 * virDomainReset:
 * @domain: a domain
 * @flags: none are defined
 *
 * As by the button: nothing is asked, nothing is saved.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainReset(virDomainPtr domain, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainReset, int, -1, domain, flags);
}

/**
 * virDomainDestroy:
 * @domain: a domain
 *
 * Ends the guest at once.
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainDestroy(virDomainPtr domain)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainDestroy, int, -1, domain);
}

/**
 * virDomainDestroyFlags:
 * @domain: a domain
 * @flags: virDomainDestroyFlagsValues
 *
 * Returns 0, or -1 with an error.
 */
int
virDomainDestroyFlags(virDomainPtr domain, unsigned int flags)
{
    virResetLastError();
    virCheckDomainReturn(domain, -1);
    virCheckReadOnlyReturn(domain->conn, -1);
    virCallDriverReturn(domain->conn, domainDestroyFlags, int, -1, domain, flags);
}

/**
 * virConnectDomainEventRegister:
 * @conn: a connection
 * @cb: called in the event loop's thread
 * @opaque: given to it
 * @freecb: frees @opaque, or NULL; not called if this function fails
 *
 * Lifecycle events of all domains; virConnectDomainEventRegisterAny() can do more.
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectDomainEventRegister(virConnectPtr conn, virConnectDomainEventCallback cb, void *opaque,
                              virFreeCallback freecb)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArgReturn(conn, cb, -1);
    virCallDriverReturn(conn, connectDomainEventRegister, int, -1, conn, cb, opaque, freecb);
}

/**
 * virConnectDomainEventDeregister:
 * @conn: a connection
 * @cb: what was registered by virConnectDomainEventRegister()
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectDomainEventDeregister(virConnectPtr conn, virConnectDomainEventCallback cb)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArgReturn(conn, cb, -1);
    virCallDriverReturn(conn, connectDomainEventDeregister, int, -1, conn, cb);
}

/**
 * virConnectDomainEventRegisterAny:
 * @conn: a connection
 * @dom: the domain to hear of; NULL: all
 * @eventID: virDomainEventID
 * @cb: of the type that belongs to @eventID, cast; called in the event loop's thread
 * @opaque: given to it
 * @freecb: frees @opaque, or NULL; not called if this function fails
 *
 * Returns an ID for virConnectDomainEventDeregisterAny(), or -1 with an error.
 */
int
virConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom, int eventID,
                                 virConnectDomainEventGenericCallback cb, void *opaque,
                                 virFreeCallback freecb)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    if (dom) {
        virCheckDomainReturn(dom, -1);
        if (dom->conn != conn) {
            virReportInvalidArg(dom, _("domain '%1$s' must match connection"), dom->name);
            virFailReturn(conn, -1);
        }
    }
    virCheckNonNullArgReturn(conn, cb, -1);
    virCheckNonNegativeArgReturn(conn, eventID, -1);
    if (eventID > VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE) {
        virReportInvalidArg(eventID, _("eventID must be less than %1$d"),
                            VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE + 1);
        virFailReturn(conn, -1);
    }
    virCallDriverReturn(conn, connectDomainEventRegisterAny, int, -1, conn, dom, eventID, cb,
                        opaque, freecb);
}

/**
 * virConnectDomainEventDeregisterAny:
 * @conn: a connection
 * @callbackID: from virConnectDomainEventRegisterAny()
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectDomainEventDeregisterAny(virConnectPtr conn, int callbackID)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNegativeArgReturn(conn, callbackID, -1);
    virCallDriverReturn(conn, connectDomainEventDeregisterAny, int, -1, conn, callbackID);
}
