/*
 * virtmon_connection.c: the connection that commands work on: made when it is
 * needed, watched, and made anew after it was lost
 *
 * The main thread opens, uses and closes it. The event loop's thread only tells
 * that it is gone.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <stdlib.h>

/* When a peer is taken for dead: asked every so many seconds, after so many questions without
 * an answer. Half a minute is less than people wait before they ask themselves. */
#define VIRTMON_KEEPALIVE_INTERVAL 5
#define VIRTMON_KEEPALIVE_COUNT 6

virtmonControl *
virtmonGet(vshControl *ctl)
{
    return vshOpaque(ctl);
}

/* Runs in the event loop's thread. */
static void
virtmonConnectionClosed(virConnectPtr conn, int reason, void *opaque)
{
    vshControl *ctl = opaque;
    char *uri;

    /* We closed it ourselves. */
    if (reason == VIR_CONNECT_CLOSE_REASON_CLIENT)
        return;

    uri = virConnectGetURI(conn);
    switch ((virConnectCloseReason)reason) {
    case VIR_CONNECT_CLOSE_REASON_EOF:
        vshError(ctl, _("Disconnected from %s due to end of file"), uri ? uri : "");
        break;
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
        vshError(ctl, _("Disconnected from %s due to keepalive timeout"), uri ? uri : "");
        break;
    case VIR_CONNECT_CLOSE_REASON_ERROR:
    case VIR_CONNECT_CLOSE_REASON_CLIENT:
    default:
        vshError(ctl, _("Disconnected from %s due to I/O error"), uri ? uri : "");
        break;
    }
    free(uri);
    atomic_store(&virtmonGet(ctl)->disconnected, true);
    vshWaitDisconnect(ctl);
}

/**
 * virtmonSetKeepAlive:
 * @ctl: the shell
 * @conn: a new connection
 *
 * A connection to which keepalive means nothing, as it has no other end, is fine, unless the
 * user asked for it.
 *
 * Returns false with an error if the user's wish cannot be fulfilled.
 */
static bool
virtmonSetKeepAlive(vshControl *ctl, virConnectPtr conn)
{
    virtmonControl *priv = virtmonGet(ctl);
    bool asked = priv->keepAliveInterval >= 0 || priv->keepAliveCount >= 0;
    int interval = priv->keepAliveInterval >= 0 ? priv->keepAliveInterval
                                                : VIRTMON_KEEPALIVE_INTERVAL;
    int count = priv->keepAliveCount >= 0 ? priv->keepAliveCount : VIRTMON_KEEPALIVE_COUNT;

    if (interval == 0 || virConnectSetKeepAlive(conn, interval, count) == 0)
        return true;
    if (!asked) {
        vshDebug(ctl, 1, "no keepalive on this connection: %s", virGetLastErrorMessage());
        virResetLastError();
        return true;
    }
    vshError(ctl, "%s", _("Cannot setup keepalive on connection as requested, disconnecting"));
    return false;
}

/* Returns a new connection, or NULL with the reason in *err, to be freed by virFreeError(). */
static virConnectPtr
virtmonOpen(vshControl *ctl, virErrorPtr *err)
{
    virtmonControl *priv = virtmonGet(ctl);
    virConnectPtr conn = virConnectOpenAuth(priv->uri, virConnectAuthPtrDefault,
                                            priv->readOnly ? VIR_CONNECT_RO : 0);

    if (!conn || !virtmonSetKeepAlive(ctl, conn)) {
        /* Closing takes the last error away. */
        *err = virSaveLastError();
        if (conn)
            virConnectClose(conn);
        return NULL;
    }
    if (virConnectRegisterCloseCallback(conn, virtmonConnectionClosed, ctl, NULL) < 0) {
        vshDebug(ctl, 3, "the end of this connection will not be noticed: %s",
                 virGetLastErrorMessage());
        virResetLastError();
    }
    return conn;
}

void
virtmonDisconnect(vshControl *ctl)
{
    virtmonControl *priv = virtmonGet(ctl);
    virConnectPtr conn = g_steal_pointer(&priv->conn);

    if (!conn)
        return;
    /* There may be none: registering it may have failed. */
    virConnectUnregisterCloseCallback(conn, virtmonConnectionClosed);
    if (virConnectClose(conn) > 0)
        vshDebug(ctl, 3, "the closed connection is still in use");
    virResetLastError();
}

bool
virtmonConnect(vshControl *ctl)
{
    virtmonControl *priv = virtmonGet(ctl);
    bool had = priv->conn != NULL;
    virErrorPtr err = NULL;

    if (had && !atomic_load(&priv->disconnected))
        return true;

    virtmonDisconnect(ctl);
    if (!(priv->conn = virtmonOpen(ctl, &err))) {
        vshError(ctl, "%s", atomic_load(&priv->disconnected)
                                ? _("Failed to reconnect to the hypervisor")
                                : _("failed to connect to the hypervisor"));
        if (err && err->message)
            vshError(ctl, "%s", err->message);
        virFreeError(err);
        virResetLastError();
        return false;
    }
    atomic_store(&priv->disconnected, false);
    if (had)
        vshError(ctl, "%s", _("Reconnected to the hypervisor"));
    return true;
}
