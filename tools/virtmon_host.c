/*
 * virtmon_host.c: commands about the connection and the host at its end
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <stdlib.h>

/* --- connect --- */

static const vshOptDef virtmonConnectOptions[] = {
    { "name", VSH_OPT_STRING, VSH_OPT_EMPTY_OK,
      N_("URI to connect to (default: the one there is)"), NULL },
    { "readonly", VSH_OPT_BOOL, 0, N_("refuse to change anything"), NULL },
    { NULL },
};

static bool
virtmonCmdConnect(vshControl *ctl, const vshCmd *cmd)
{
    virtmonControl *priv = virtmonGet(ctl);
    g_autofree char *uri = g_strdup(priv->uri);
    bool readOnly = priv->readOnly;
    const char *name;

    /* The old one goes first: a monitor serves one client at a time. */
    virtmonDisconnect(ctl);
    atomic_store(&priv->disconnected, false);
    if (vshCmdGetString(ctl, cmd, "name", &name) > 0) {
        g_free(priv->uri);
        priv->uri = g_strdup(name);
        priv->readOnly = false;
    }
    if (vshCmdHas(cmd, "readonly"))
        priv->readOnly = true;
    if (virtmonConnect(ctl))
        return true;

    /* The next command goes back to where we were. */
    g_free(priv->uri);
    priv->uri = g_steal_pointer(&uri);
    priv->readOnly = readOnly;
    return false;
}

/* --- uri, hostname, capabilities: one string each --- */

/* Prints @text (takes it, allocated by libvirt); NULL is @what failing. */
static bool
virtmonPrintText(vshControl *ctl, char *text, const char *what)
{
    g_autofree char *safe = NULL;

    if (!text) {
        vshError(ctl, "%s", what);
        return false;
    }
    safe = vshSafe(ctl, text, true);
    vshPrint(ctl, "%s\n", safe);
    free(text);
    return true;
}

static bool
virtmonCmdURI(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    return virtmonPrintText(ctl, virConnectGetURI(virtmonGet(ctl)->conn),
                            _("failed to get URI"));
}

static bool
virtmonCmdHostname(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    return virtmonPrintText(ctl, virConnectGetHostname(virtmonGet(ctl)->conn),
                            _("failed to get hostname"));
}

static bool
virtmonCmdCapabilities(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    return virtmonPrintText(ctl, virConnectGetCapabilities(virtmonGet(ctl)->conn),
                            _("failed to get capabilities"));
}

/* --- version --- */

static const vshOptDef virtmonVersionOptions[] = {
    { "daemon", VSH_OPT_BOOL, 0, N_("also the version at the other end of the connection"), NULL },
    { NULL },
};

/* As libvirt counts: major * 1000000 + minor * 1000 + micro. The caller frees it. */
static char *
virtmonFormatVersion(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000,
                           version % 1000);
}

static bool
virtmonCmdVersion(vshControl *ctl, const vshCmd *cmd)
{
    virConnectPtr conn = virtmonGet(ctl)->conn;
    g_autofree char *compiled = virtmonFormatVersion(LIBVIR_VERSION_NUMBER);
    g_autofree char *library = NULL;
    g_autofree char *api = NULL;
    g_autofree char *hypervisor = NULL;
    g_autofree char *daemon = NULL;
    unsigned long version, apiVersion;
    const char *type;

    if (!(type = virConnectGetType(conn))) {
        vshError(ctl, "%s", _("failed to get hypervisor type"));
        return false;
    }
    if (virGetVersion(&version, type, &apiVersion) < 0) {
        vshError(ctl, "%s", _("failed to get the library version"));
        return false;
    }
    library = virtmonFormatVersion(version);
    api = virtmonFormatVersion(apiVersion);
    vshPrint(ctl, _("Compiled against library: libvirt %s\n"), compiled);
    vshPrint(ctl, _("Using library: libvirt %s\n"), library);
    vshPrint(ctl, _("Using API: %1$s %2$s\n"), type, api);

    if (virConnectGetVersion(conn, &version) < 0) {
        vshError(ctl, "%s", _("failed to get the hypervisor version"));
        return false;
    }
    /* 0: there is a hypervisor, but it doesn't say. */
    if (version == 0) {
        vshPrint(ctl, _("Cannot extract running %s hypervisor version\n"), type);
    } else {
        hypervisor = virtmonFormatVersion(version);
        vshPrint(ctl, _("Running hypervisor: %1$s %2$s\n"), type, hypervisor);
    }

    if (vshCmdHas(cmd, "daemon")) {
        if (virConnectGetLibVersion(conn, &version) < 0) {
            vshError(ctl, "%s", _("failed to get the daemon version"));
            return false;
        }
        daemon = virtmonFormatVersion(version);
        vshPrint(ctl, _("Running against daemon: %s\n"), daemon);
    }
    return true;
}

const vshCmdDef virtmonHostCommands[] = {
    { "capabilities", virtmonCmdCapabilities, NULL, N_("what host and driver can do"),
      N_("Prints an XML document about the host and the guests that it can run."), 0 },
    { "connect", virtmonCmdConnect, virtmonConnectOptions, N_("connect, or connect again"),
      N_("Closes the connection and opens one to the URI given, or again to the one there was.\n"
         "A URI without --readonly is opened for reading and writing."),
      VSH_CMD_NO_CONNECT },
    { "hostname", virtmonCmdHostname, NULL, N_("name of the host that the guests are on"), NULL,
      0 },
    { "uri", virtmonCmdURI, NULL, N_("URI of the connection"), NULL, 0 },
    { "version", virtmonCmdVersion, virtmonVersionOptions,
      N_("versions of library, API and hypervisor"),
      N_("Prints the versions of all that takes part."), 0 },
    { NULL },
};
