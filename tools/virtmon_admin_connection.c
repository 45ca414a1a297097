/*
 * virtmon_admin_connection.c: virtmon-admin's connection, and commands about it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_admin.h"

#include <unistd.h>

#include "admin_protocol.h"

virtmonAdminControl *
virtmonAdminGet(vshControl *ctl)
{
    return vshOpaque(ctl);
}

static const char *
virtmonAdminWhere(vshControl *ctl)
{
    const char *where = virtmonAdminGet(ctl)->where;

    if (where)
        return where;
    return geteuid() == 0 ? "virtmond:///system" : "virtmond:///session";
}

char *
virtmonAdminURI(vshControl *ctl)
{
    const char *where = virtmonAdminWhere(ctl);
    g_autofree char *escaped = NULL;

    if (*where != '/')
        return g_strdup(where);
    escaped = g_uri_escape_string(where, "/", FALSE);
    return g_strdup_printf("virtmond:///%s?socket=%s", geteuid() == 0 ? "system" : "session",
                           escaped);
}

void
virtmonAdminDisconnect(vshControl *ctl)
{
    g_clear_pointer(&virtmonAdminGet(ctl)->client, remoteAdminClientFree);
}

/* @again: says so where it is no surprise. */
static bool
virtmonAdminOpen(vshControl *ctl, bool again)
{
    virtmonAdminControl *control = virtmonAdminGet(ctl);
    g_autofree char *path = NULL;

    virtmonAdminDisconnect(ctl);
    if ((path = remoteAdminClientPath(virtmonAdminWhere(ctl))) &&
        (control->client = remoteAdminClientNew(path)))
        return true;
    vshError(ctl, "%s", again ? _("Failed to reconnect to the admin server")
                              : _("Failed to connect to the admin server"));
    return false;
}

bool
virtmonAdminConnect(vshControl *ctl)
{
    virtmonAdminControl *control = virtmonAdminGet(ctl);
    bool had = control->client != NULL;

    if (had && remoteAdminClientIsOpen(control->client))
        return true;
    if (!virtmonAdminOpen(ctl, had))
        return false;
    if (had)
        vshError(ctl, "%s", _("Reconnected to the admin server"));
    return true;
}

/* --- connect --- */

static const vshOptDef virtmonAdminConnectOptions[] = {
    { "name", VSH_OPT_STRING, 0,
      N_("path of an admin socket or a URI that names one (default: the one there is)"), NULL },
    { NULL },
};

static bool
virtmonAdminCmdConnect(vshControl *ctl, const vshCmd *cmd)
{
    virtmonAdminControl *control = virtmonAdminGet(ctl);
    g_autofree char *before = g_strdup(control->where);
    bool had = control->client != NULL;
    const char *name;
    int given = vshCmdGetString(ctl, cmd, "name", &name);

    if (given < 0)
        return false;
    if (given > 0) {
        g_free(control->where);
        control->where = g_strdup(name);
    }
    if (virtmonAdminOpen(ctl, had)) {
        vshPrint(ctl, "%s\n", had ? _("Reconnected to the admin server")
                                  : _("Connected to the admin server"));
        return true;
    }
    /* The next command goes back to where we were. */
    g_free(control->where);
    control->where = g_steal_pointer(&before);
    return false;
}

/* --- uri, version --- */

static bool
virtmonAdminCmdURI(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    g_autofree char *uri = virtmonAdminURI(ctl);
    g_autofree char *safe = vshSafe(ctl, uri, false);

    vshPrint(ctl, "%s\n", safe);
    return true;
}

/* As libvirt counts: major * 1000000 + minor * 1000 + micro. The caller frees it. */
static char *
virtmonAdminFormatVersion(guint64 version)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT,
                           version / 1000000, version / 1000 % 1000, version % 1000);
}

static bool
virtmonAdminCmdVersion(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    g_autofree char *own = virtmonAdminFormatVersion(LIBVIR_VERSION_NUMBER);
    g_autofree char *other = NULL;
    admin_connect_get_lib_version_ret ret = { 0 };

    if (remoteAdminClientCall(virtmonAdminGet(ctl)->client, ADMIN_PROC_CONNECT_GET_LIB_VERSION,
                              NULL, &ret) < 0) {
        vshError(ctl, "%s", _("failed to get the daemon version"));
        return false;
    }
    other = virtmonAdminFormatVersion(ret.libVer);
    vshPrint(ctl, _("Compiled against library: libvirt %s\n"), own);
    vshPrint(ctl, _("Using library: libvirt %s\n"), own);
    vshPrint(ctl, _("Running against daemon: %s\n"), other);
    return true;
}

const vshCmdDef virtmonAdminConnectionCommands[] = {
    { "connect", virtmonAdminCmdConnect, virtmonAdminConnectOptions,
      N_("connect, or connect again"),
      N_("Closes the connection and opens one to the socket given, or again to the one there was."),
      VSH_CMD_NO_CONNECT },
    { "uri", virtmonAdminCmdURI, NULL, N_("URI of the connection"), NULL, 0 },
    { "version", virtmonAdminCmdVersion, NULL, N_("versions of this program and the daemon"),
      N_("Prints the versions of libvirt whose protocol both ends speak."), 0 },
    { NULL },
};
