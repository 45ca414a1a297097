/*
 * datatypes.h: the handles behind virConnectPtr and virDomainPtr
 *
 * Reference-counted, with an identity and nothing else: what a domain is and
 * does is known to the driver. Drivers and conf/ may include this header; it
 * includes nothing above util/ itself but driver.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include "driver.h"
#include "virthread.h"
#include "virerror_priv.h"
#include "viruri.h"

/* Marks a live handle, so that a stale or foreign pointer is found out. */
#define VIR_CONNECT_MAGIC 0x56434f4e
#define VIR_DOMAIN_MAGIC 0x56444f4d

struct _virConnect {
    unsigned int magic;
    atomic_int refs;
    unsigned int flags;                     /* VIR_CONNECT_RO ...; immutable once open */
    virURI *uri;                            /* immutable once open */
    const virHypervisorDriver *driver;      /* immutable once open; NULL before */
    void *privateData;                      /* the driver's */
    atomic_int nextCallbackID;              /* one counter for events of every class */

    virMutex lock;                          /* guards all below */
    virErrorFunc handler;                   /* virConnSetErrorFunc() */
    void *userData;
    virError err;                           /* last error on this connection */
};

struct _virDomain {
    unsigned int magic;
    atomic_int refs;
    virConnectPtr conn;                     /* a reference; immutable, as all below */
    char *name;
    unsigned char uuid[VIR_UUID_BUFLEN];
    int id;                                 /* -1 = not running */
};

/* Returns a new reference: a closed connection, to be filled by open. */
virConnectPtr virGetConnect(void);
/* Returns a new reference, which holds one of @conn; NULL with an error. */
virDomainPtr virGetDomain(virConnectPtr conn, const char *name, const unsigned char *uuid,
                          int id);
/* These four neither touch the last error nor check @magic. Unref of the last
 * reference frees (and, for a connection, calls the driver's connectClose); for a
 * connection it returns whether it is still there, held by others. */
virConnectPtr virConnectRefInternal(virConnectPtr conn);
bool virConnectUnref(virConnectPtr conn);
virDomainPtr virDomainRefInternal(virDomainPtr dom);
void virDomainUnref(virDomainPtr dom);

/* What every public function does before it returns failure: remembers the calling thread's
 * last error on @conn (may be NULL) and calls its handler, else the global one. */
void virDispatchError(virConnectPtr conn);

#define VIR_IS_CONNECT(obj) ((obj) && (obj)->magic == VIR_CONNECT_MAGIC)
#define VIR_IS_DOMAIN(obj) ((obj) && (obj)->magic == VIR_DOMAIN_MAGIC && VIR_IS_CONNECT((obj)->conn))
