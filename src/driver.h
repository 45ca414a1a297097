/*
 * driver.h: what a driver offers to the public API
 *
 * One callback type and one table entry for each public function; the public
 * function checks arguments and access flags, the driver does the work. A NULL
 * entry makes the public function fail with VIR_ERR_NO_SUPPORT. Not how drivers
 * are found: virConnectOpenInternal() in libvirt.c asks them in turn.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <glib.h>
#include "viruri.h"

typedef enum {
    VIR_DRV_OPEN_SUCCESS = 0,
    VIR_DRV_OPEN_DECLINED = -1,     /* not this driver's URI; no error reported */
    VIR_DRV_OPEN_ERROR = -2,        /* this driver's URI, but it failed; error reported */
} virDrvOpenStatus;

/* Features that virDrvConnectSupportsFeature is asked for; numbers of the wire
 * protocol (wire-protocol: SUPPORTS_FEATURE). */
typedef enum {
    VIR_DRV_FEATURE_REMOTE = 2,
    VIR_DRV_FEATURE_FD_PASSING = 8,
    VIR_DRV_FEATURE_TYPED_PARAM_STRING = 9,
    VIR_DRV_FEATURE_PROGRAM_KEEPALIVE = 10,
    VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK = 14,
    VIR_DRV_FEATURE_REMOTE_CLOSE_CALLBACK = 15,
} virDrvFeature;

typedef virDrvOpenStatus (*virDrvConnectOpen)(virConnectPtr conn, virConnectAuthPtr auth,
                                              unsigned int flags);
/* Runs when the last reference goes, never earlier. */
typedef int (*virDrvConnectClose)(virConnectPtr conn);
typedef int (*virDrvConnectSupportsFeature)(virConnectPtr conn, int feature);
typedef const char *(*virDrvConnectGetType)(virConnectPtr conn);
typedef int (*virDrvConnectGetVersion)(virConnectPtr conn, unsigned long *hvVer);
typedef int (*virDrvConnectGetLibVersion)(virConnectPtr conn, unsigned long *libVer);
typedef char *(*virDrvConnectGetHostname)(virConnectPtr conn);
typedef char *(*virDrvConnectGetURI)(virConnectPtr conn);
typedef char *(*virDrvConnectGetCapabilities)(virConnectPtr conn);
typedef int (*virDrvConnectIsEncrypted)(virConnectPtr conn);
typedef int (*virDrvConnectIsSecure)(virConnectPtr conn);
typedef int (*virDrvConnectIsAlive)(virConnectPtr conn);
typedef int (*virDrvConnectSetKeepAlive)(virConnectPtr conn, int interval, unsigned int count);
typedef int (*virDrvConnectRegisterCloseCallback)(virConnectPtr conn, virConnectCloseFunc cb,
                                                  void *opaque, virFreeCallback freecb);
typedef int (*virDrvConnectUnregisterCloseCallback)(virConnectPtr conn, virConnectCloseFunc cb);

typedef int (*virDrvConnectListAllDomains)(virConnectPtr conn, virDomainPtr **domains,
                                           unsigned int flags);
typedef int (*virDrvConnectNumOfDomains)(virConnectPtr conn);
typedef int (*virDrvConnectListDomains)(virConnectPtr conn, int *ids, int maxids);
typedef int (*virDrvConnectNumOfDefinedDomains)(virConnectPtr conn);
typedef int (*virDrvConnectListDefinedDomains)(virConnectPtr conn, char **const names,
                                               int maxnames);
typedef virDomainPtr (*virDrvDomainLookupByID)(virConnectPtr conn, int id);
typedef virDomainPtr (*virDrvDomainLookupByName)(virConnectPtr conn, const char *name);
typedef virDomainPtr (*virDrvDomainLookupByUUID)(virConnectPtr conn, const unsigned char *uuid);

typedef char *(*virDrvDomainGetOSType)(virDomainPtr dom);
typedef int (*virDrvDomainGetInfo)(virDomainPtr dom, virDomainInfoPtr info);
typedef int (*virDrvDomainGetState)(virDomainPtr dom, int *state, int *reason,
                                    unsigned int flags);
typedef char *(*virDrvDomainGetXMLDesc)(virDomainPtr dom, unsigned int flags);
typedef int (*virDrvDomainSetMetadata)(virDomainPtr dom, int type, const char *metadata,
                                       const char *key, const char *uri, unsigned int flags);
typedef char *(*virDrvDomainGetMetadata)(virDomainPtr dom, int type, const char *uri,
                                         unsigned int flags);
typedef int (*virDrvDomainIsActive)(virDomainPtr dom);
typedef int (*virDrvDomainIsPersistent)(virDomainPtr dom);
typedef int (*virDrvDomainIsUpdated)(virDomainPtr dom);
typedef int (*virDrvDomainSuspend)(virDomainPtr dom);
typedef int (*virDrvDomainResume)(virDomainPtr dom);
typedef int (*virDrvDomainShutdown)(virDomainPtr dom);
typedef int (*virDrvDomainShutdownFlags)(virDomainPtr dom, unsigned int flags);
typedef int (*virDrvDomainReboot)(virDomainPtr dom, unsigned int flags);
typedef int (*virDrvDomainReset)(virDomainPtr dom, unsigned int flags);
typedef int (*virDrvDomainDestroy)(virDomainPtr dom);
typedef int (*virDrvDomainDestroyFlags)(virDomainPtr dom, unsigned int flags);

typedef int (*virDrvConnectDomainEventRegister)(virConnectPtr conn,
                                                virConnectDomainEventCallback cb,
                                                void *opaque, virFreeCallback freecb);
typedef int (*virDrvConnectDomainEventDeregister)(virConnectPtr conn,
                                                  virConnectDomainEventCallback cb);
typedef int (*virDrvConnectDomainEventRegisterAny)(virConnectPtr conn, virDomainPtr dom,
                                                   int eventID,
                                                   virConnectDomainEventGenericCallback cb,
                                                   void *opaque, virFreeCallback freecb);
typedef int (*virDrvConnectDomainEventDeregisterAny)(virConnectPtr conn, int callbackID);

/* cmd is QMP JSON, or a line for the human monitor with
 * VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP; *result is the caller's to free. */
typedef int (*virDrvDomainQemuMonitorCommand)(virDomainPtr dom, const char *cmd, char **result,
                                              unsigned int flags);
/* files are borrowed; outfiles and the fds in it are the caller's. Both outfiles and
 * noutfiles may be NULL. */
typedef int (*virDrvDomainQemuMonitorCommandWithFiles)(virDomainPtr dom, const char *cmd,
                                                       unsigned int nfiles, int *files,
                                                       unsigned int *noutfiles, int **outfiles,
                                                       char **result, unsigned int flags);
typedef virDomainPtr (*virDrvDomainQemuAttach)(virConnectPtr conn, unsigned int pid_value,
                                               unsigned int flags);
typedef char *(*virDrvDomainQemuAgentCommand)(virDomainPtr dom, const char *cmd, int timeout,
                                              unsigned int flags);
/* Returns the callback ID, or -1; freecb is not called on failure. */
typedef int (*virDrvConnectDomainQemuMonitorEventRegister)(
    virConnectPtr conn, virDomainPtr dom, const char *event,
    virConnectDomainQemuMonitorEventCallback cb, void *opaque, virFreeCallback freecb,
    unsigned int flags);
typedef int (*virDrvConnectDomainQemuMonitorEventDeregister)(virConnectPtr conn, int callbackID);

/* For a daemon's administrator; no public function calls it. */
typedef struct {
    size_t registrations;
    size_t queuedEvents, queuedBytes, maxBytes;
    guint64 pushed, delivered, lost;            /* since the driver is there */
    guint64 limited;            /* of those lost: as there were too many in a second */
} virConnectEventStats;
typedef void (*virDrvConnectGetEventStats)(virConnectPtr conn, virConnectEventStats *stats);

typedef struct _virHypervisorDriver virHypervisorDriver;
struct _virHypervisorDriver {
    const char *name;                   /* as virConnectGetType() gives it */
    const char *const *uriSchemes;      /* without transport, NULL-terminated; NULL: any, with or
                                         * without one */
    virDrvConnectOpen connectOpen;
    virDrvConnectClose connectClose;
    virDrvConnectSupportsFeature connectSupportsFeature;
    virDrvConnectGetType connectGetType;
    virDrvConnectGetVersion connectGetVersion;
    virDrvConnectGetLibVersion connectGetLibVersion;
    virDrvConnectGetHostname connectGetHostname;
    virDrvConnectGetURI connectGetURI;
    virDrvConnectGetCapabilities connectGetCapabilities;
    virDrvConnectIsEncrypted connectIsEncrypted;
    virDrvConnectIsSecure connectIsSecure;
    virDrvConnectIsAlive connectIsAlive;
    virDrvConnectSetKeepAlive connectSetKeepAlive;
    virDrvConnectRegisterCloseCallback connectRegisterCloseCallback;
    virDrvConnectUnregisterCloseCallback connectUnregisterCloseCallback;
    virDrvConnectListAllDomains connectListAllDomains;
    virDrvConnectNumOfDomains connectNumOfDomains;
    virDrvConnectListDomains connectListDomains;
    virDrvConnectNumOfDefinedDomains connectNumOfDefinedDomains;
    virDrvConnectListDefinedDomains connectListDefinedDomains;
    virDrvDomainLookupByID domainLookupByID;
    virDrvDomainLookupByName domainLookupByName;
    virDrvDomainLookupByUUID domainLookupByUUID;
    virDrvDomainGetOSType domainGetOSType;
    virDrvDomainGetInfo domainGetInfo;
    virDrvDomainGetState domainGetState;
    virDrvDomainGetXMLDesc domainGetXMLDesc;
    virDrvDomainSetMetadata domainSetMetadata;
    virDrvDomainGetMetadata domainGetMetadata;
    virDrvDomainIsActive domainIsActive;
    virDrvDomainIsPersistent domainIsPersistent;
    virDrvDomainIsUpdated domainIsUpdated;
    virDrvDomainSuspend domainSuspend;
    virDrvDomainResume domainResume;
    virDrvDomainShutdown domainShutdown;
    virDrvDomainShutdownFlags domainShutdownFlags;
    virDrvDomainReboot domainReboot;
    virDrvDomainReset domainReset;
    virDrvDomainDestroy domainDestroy;
    virDrvDomainDestroyFlags domainDestroyFlags;
    virDrvConnectDomainEventRegister connectDomainEventRegister;
    virDrvConnectDomainEventDeregister connectDomainEventDeregister;
    virDrvConnectDomainEventRegisterAny connectDomainEventRegisterAny;
    virDrvConnectDomainEventDeregisterAny connectDomainEventDeregisterAny;
    virDrvDomainQemuMonitorCommand domainQemuMonitorCommand;
    virDrvDomainQemuMonitorCommandWithFiles domainQemuMonitorCommandWithFiles;
    virDrvDomainQemuAttach domainQemuAttach;
    virDrvDomainQemuAgentCommand domainQemuAgentCommand;
    virDrvConnectDomainQemuMonitorEventRegister connectDomainQemuMonitorEventRegister;
    virDrvConnectDomainQemuMonitorEventDeregister connectDomainQemuMonitorEventDeregister;
    virDrvConnectGetEventStats connectGetEventStats;
};

/* Drivers known to this build, asked in this order; NULL-terminated. Defined in
 * libvirt.c; a driver adds itself by one line there. */
extern const virHypervisorDriver *const virHypervisorDrivers[];
