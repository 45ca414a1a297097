/*
 * datatypes.c: the handles behind virConnectPtr and virDomainPtr
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "datatypes.h"

#include <string.h>

#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_NONE

virConnectPtr
virGetConnect(void)
{
    virConnectPtr conn = g_new0(virConnect, 1);

    conn->magic = VIR_CONNECT_MAGIC;
    atomic_init(&conn->refs, 1);
    virMutexInit(&conn->lock);
    return conn;
}

virConnectPtr
virConnectRefInternal(virConnectPtr conn)
{
    atomic_fetch_add(&conn->refs, 1);
    return conn;
}

bool
virConnectUnref(virConnectPtr conn)
{
    if (!conn)
        return false;
    if (atomic_fetch_sub(&conn->refs, 1) != 1)
        return true;

    if (conn->driver)
        conn->driver->connectClose(conn);
    conn->magic = 0;
    virURIFree(conn->uri);
    virResetError(&conn->err);
    virMutexDestroy(&conn->lock);
    g_free(conn);
    return false;
}

virDomainPtr
virGetDomain(virConnectPtr conn, const char *name, const unsigned char *uuid, int id)
{
    virDomainPtr dom;

    if (!VIR_IS_CONNECT(conn)) {
        virReportError(VIR_ERR_INVALID_CONN, "%s", __func__);
        return NULL;
    }
    dom = g_new0(virDomain, 1);
    dom->magic = VIR_DOMAIN_MAGIC;
    atomic_init(&dom->refs, 1);
    dom->conn = virConnectRefInternal(conn);
    dom->name = g_strdup(name);
    memcpy(dom->uuid, uuid, VIR_UUID_BUFLEN);
    dom->id = id;
    return dom;
}

virDomainPtr
virDomainRefInternal(virDomainPtr dom)
{
    atomic_fetch_add(&dom->refs, 1);
    return dom;
}

void
virDomainUnref(virDomainPtr dom)
{
    if (!dom || atomic_fetch_sub(&dom->refs, 1) != 1)
        return;

    dom->magic = 0;
    virConnectUnref(dom->conn);
    g_free(dom->name);
    g_free(dom);
}

void
virDispatchError(virConnectPtr conn)
{
    virErrorPtr err = virGetLastError();
    virErrorFunc handler = NULL;
    void *userData = NULL;

    if (!err) {
        /* Whoever failed should have said why; the caller still gets an error. */
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("failed without an error being reported"));
        err = virGetLastError();
    }
    if (VIR_IS_CONNECT(conn)) {
        g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&conn->lock);

        virErrorCopyTo(&conn->err);
        handler = conn->handler;
        userData = conn->userData;
    }
    if (handler)
        handler(userData, err);
    else
        virErrorCallHandler(err);
}

/**
 * virConnGetLastError:
 * @conn: a connection
 *
 * Not for a connection that several threads use: another one's error may replace it meanwhile.
 *
 * Returns the last error on it (code 0 if there was none), borrowed until the next one; NULL if
 * @conn is bad.
 */
virErrorPtr
virConnGetLastError(virConnectPtr conn)
{
    return VIR_IS_CONNECT(conn) ? &conn->err : NULL;
}

/**
 * virConnCopyLastError:
 * @conn: a connection
 * @to: overwritten, not freed
 *
 * Returns the code of the last error on it, 0 if there was none, -1 if an argument is bad.
 */
int
virConnCopyLastError(virConnectPtr conn, virErrorPtr to)
{
    if (!to || !VIR_IS_CONNECT(conn))
        return -1;
    memset(to, 0, sizeof(*to));
    {
        g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&conn->lock);

        to->code = conn->err.code;
        to->domain = conn->err.domain;
        to->level = conn->err.level;
        to->message = g_strdup(conn->err.message);
        to->str1 = g_strdup(conn->err.str1);
        to->str2 = g_strdup(conn->err.str2);
        to->str3 = g_strdup(conn->err.str3);
        to->int1 = conn->err.int1;
        to->int2 = conn->err.int2;
    }
    return to->code;
}

void
virConnResetLastError(virConnectPtr conn)
{
    if (!VIR_IS_CONNECT(conn))
        return;
    virMutexLock(&conn->lock);
    virResetError(&conn->err);
    virMutexUnlock(&conn->lock);
}

void
virConnSetErrorFunc(virConnectPtr conn, void *userData, virErrorFunc handler)
{
    if (!VIR_IS_CONNECT(conn))
        return;
    virMutexLock(&conn->lock);
    conn->handler = handler;
    conn->userData = userData;
    virMutexUnlock(&conn->lock);
}
