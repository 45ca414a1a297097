/*
 * libvirt-host.c: public functions about a connection and its host
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "libvirt_internal.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN

VIR_LOG_INIT("libvirt.host");

/**
 * virConnectRef:
 * @conn: a connection
 *
 * Adds a reference, which virConnectClose() gives back.
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectRef(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virConnectRefInternal(conn);
    return 0;
}

/**
 * virConnectGetType:
 * @conn: a connection
 *
 * Returns the driver's name ("QEMU"), which lives as long as @conn, or NULL with an error.
 */
const char *
virConnectGetType(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    if (!conn->driver->connectGetType)
        return conn->driver->name;
    virCallDriverReturn(conn, connectGetType, const char *, NULL, conn);
}

/**
 * virConnectGetVersion:
 * @conn: a connection
 * @hvVer: the hypervisor's version, major * 1000000 + minor * 1000 + micro
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectGetVersion(virConnectPtr conn, unsigned long *hvVer)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArgReturn(conn, hvVer, -1);
    virCallDriverReturn(conn, connectGetVersion, int, -1, conn, hvVer);
}

/**
 * virConnectGetLibVersion:
 * @conn: a connection
 * @libVer: the API level at the driver's end
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectGetLibVersion(virConnectPtr conn, unsigned long *libVer)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArgReturn(conn, libVer, -1);
    if (!conn->driver->connectGetLibVersion) {
        *libVer = LIBVIR_VERSION_NUMBER;
        return 0;
    }
    virCallDriverReturn(conn, connectGetLibVersion, int, -1, conn, libVer);
}

/**
 * virConnectGetHostname:
 * @conn: a connection
 *
 * Returns the name of the host that the guests are on, to be freed by the caller, or
 * NULL with an error.
 */
char *
virConnectGetHostname(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    virCallDriverReturn(conn, connectGetHostname, char *, NULL, conn);
}

/**
 * virConnectGetURI:
 * @conn: a connection
 *
 * Returns the URI that opens this connection again, to be freed by the caller, or NULL with
 * an error.
 */
char *
virConnectGetURI(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    if (!conn->driver->connectGetURI)
        return g_strdup(conn->uri->text);
    virCallDriverReturn(conn, connectGetURI, char *, NULL, conn);
}

/**
 * virConnectGetCapabilities:
 * @conn: a connection
 *
 * Returns an XML document about host and guests, to be freed by the caller, or NULL with
 * an error.
 */
char *
virConnectGetCapabilities(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, NULL);
    virCallDriverReturn(conn, connectGetCapabilities, char *, NULL, conn);
}

/**
 * virConnectIsEncrypted:
 * @conn: a connection
 *
 * Returns 1 if what travels over it is encrypted, 0 if not, -1 with an error.
 */
int
virConnectIsEncrypted(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCallDriverReturn(conn, connectIsEncrypted, int, -1, conn);
}

/**
 * virConnectIsSecure:
 * @conn: a connection
 *
 * Returns 1 if nobody can listen in (encrypted, or it never leaves the host), 0 if not,
 * -1 with an error.
 */
int
virConnectIsSecure(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCallDriverReturn(conn, connectIsSecure, int, -1, conn);
}

/**
 * virConnectIsAlive:
 * @conn: a connection
 *
 * Returns 1 if it works, 0 if it is dead, -1 with an error.
 */
int
virConnectIsAlive(virConnectPtr conn)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCallDriverReturn(conn, connectIsAlive, int, -1, conn);
}

/**
 * virConnectSetKeepAlive:
 * @conn: a connection
 * @interval: seconds of silence before the other end is asked; 0 or less: never
 * @count: how many questions may go unanswered
 *
 * Returns 0, 1 if the other end doesn't know keepalive, -1 with an error.
 */
int
virConnectSetKeepAlive(virConnectPtr conn, int interval, unsigned int count)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCallDriverReturn(conn, connectSetKeepAlive, int, -1, conn, interval, count);
}

/**
 * virConnectRegisterCloseCallback:
 * @conn: a connection
 * @cb: called once if the connection ends by itself
 * @opaque: given to it
 * @freecb: frees @opaque, or NULL; not called if this function fails
 *
 * Returns 0, or -1 with an error: one callback a connection.
 */
int
virConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb, void *opaque,
                                virFreeCallback freecb)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArgReturn(conn, cb, -1);
    virCallDriverReturn(conn, connectRegisterCloseCallback, int, -1, conn, cb, opaque, freecb);
}

/**
 * virConnectUnregisterCloseCallback:
 * @conn: a connection
 * @cb: what was registered
 *
 * Returns 0, or -1 with an error.
 */
int
virConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    virResetLastError();
    virCheckConnectReturn(conn, -1);
    virCheckNonNullArgReturn(conn, cb, -1);
    virCallDriverReturn(conn, connectUnregisterCloseCallback, int, -1, conn, cb);
}
