/*
 * qemu_control.c: pausing, resuming, resetting and ending a domain
 *
 * A domain's state isn't set here: it follows the events that QEMU sends before
 * it answers, so it is right when the call returns.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_control.h"

#include "qemu_agent.h"
#include "qemu_query.h"
#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qemuControlRun(virDomainObj *dom, const char *command)
{
    g_autoptr(virJSONValue) reply = qemuQueryCommand(dom, command, NULL);

    return reply ? 0 : -1;
}

static int
qemuControlCheckAwake(virDomainObj *dom)
{
    if (virDomainObjGetState(dom, NULL) == VIR_DOMAIN_PMSUSPENDED) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is pmsuspended"));
        return -1;
    }
    return 0;
}

int
qemuControlSuspend(virDomainObj *dom)
{
    qemuDomain *priv = qemuDomainGet(dom);

    if (qemuControlCheckAwake(dom) < 0)
        return -1;
    if (virDomainObjGetState(dom, NULL) == VIR_DOMAIN_PAUSED)
        return 0;
    atomic_store(&priv->suspending, true);
    if (qemuControlRun(dom, "stop") < 0) {
        atomic_store(&priv->suspending, false);
        return -1;
    }
    return 0;
}

int
qemuControlResume(virDomainObj *dom)
{
    if (qemuControlCheckAwake(dom) < 0)
        return -1;
    if (virDomainObjGetState(dom, NULL) == VIR_DOMAIN_RUNNING) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is already running"));
        return -1;
    }
    return qemuControlRun(dom, "cont");
}

int
qemuControlShutdown(virDomainObj *dom, unsigned int flags)
{
    virCheckFlagsReturn(VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | VIR_DOMAIN_SHUTDOWN_GUEST_AGENT, -1);

    /* The agent if it is asked for, or if it is left to us and there is one: not all guests
     * heed the power button. That comes next, unless the agent alone was asked for. */
    if ((flags & VIR_DOMAIN_SHUTDOWN_GUEST_AGENT) || (flags == 0 && qemuAgentIsConfigured(dom))) {
        if (qemuAgentShutdown(dom, "powerdown") == 0)
            return 0;
        if (flags == VIR_DOMAIN_SHUTDOWN_GUEST_AGENT)
            return -1;
        virResetLastError();
    }
    if (virDomainObjGetState(dom, NULL) != VIR_DOMAIN_RUNNING) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is not running"));
        return -1;
    }
    return qemuControlRun(dom, "system_powerdown");
}

int
qemuControlReboot(virDomainObj *dom, unsigned int flags)
{
    virCheckFlagsReturn(VIR_DOMAIN_REBOOT_ACPI_POWER_BTN | VIR_DOMAIN_REBOOT_GUEST_AGENT, -1);

    /* The power button alone ends a QEMU that somebody else has started: whether it would wait
     * for a reset instead is settled on its command line. */
    if (flags == VIR_DOMAIN_REBOOT_ACPI_POWER_BTN) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("reboot by the ACPI power button is not supported for a QEMU that was "
                         "not started here"));
        return -1;
    }
    if (flags != VIR_DOMAIN_REBOOT_GUEST_AGENT && !qemuAgentIsConfigured(dom)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("reboot needs the guest agent for a QEMU that was not started here; "
                         "use reset to restart the guest at once"));
        return -1;
    }
    return qemuAgentShutdown(dom, "reboot");
}

int
qemuControlReset(virDomainObj *dom)
{
    return qemuControlRun(dom, "system_reset");
}

/* Has QEMU gone before it answered? The error of the command says so, a moment before the
 * domain itself is told. */
static bool
qemuControlIsGone(void)
{
    int code = virGetLastErrorCode();

    return code == VIR_ERR_OPERATION_FAILED || code == VIR_ERR_OPERATION_INVALID;
}

int
qemuControlDestroy(virDomainObj *dom)
{
    qemuDomain *priv = qemuDomainGet(dom);
    bool already = atomic_exchange(&priv->destroying, true);

    if (qemuControlRun(dom, "quit") < 0 && !qemuControlIsGone()) {
        if (!already)
            atomic_store(&priv->destroying, false);
        return -1;
    }
    virResetLastError();
    if (!qemuDomainWaitEnd(dom, QEMU_CONTROL_END_TIMEOUT_MS)) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("domain '%1$s' did not end within %2$d seconds"), dom->ident->name,
                       QEMU_CONTROL_END_TIMEOUT_MS / 1000);
        return -1;
    }
    return 0;
}
