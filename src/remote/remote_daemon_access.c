/*
 * remote_daemon_access.c: what a client's call needs to be allowed, and whether it is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_access.h"

#include <string.h>

#include "remote_protocol.h"
#include "virgettext.h"
#include "virlog.h"
#include "virnetserverclient.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_ACCESS

VIR_LOG_INIT("remote.daemon_access");

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainUnref)

/* Set before the first call, and immutable then. */
static virAccessManager *remoteDaemonAccessManager;

void
remoteDaemonAccessInit(virAccessManager *manager)
{
    remoteDaemonAccessManager = manager;
}

static const remoteDaemonACL *
remoteDaemonAccessRow(virNetServerCall *call)
{
    return virNetServerCallGetProc(call)->acl;
}

/* Who asks for one thing after the other, for one call. */
typedef struct {
    virNetServerCall *call;
    virIdentity *identity;      /* a reference */
} remoteDaemonAsker;

static remoteDaemonAsker
remoteDaemonAskerFor(virNetServerCall *call)
{
    return (remoteDaemonAsker){
        call, virNetServerClientGetIdentity(virNetServerCallGetClient(call)),
    };
}

static void
remoteDaemonAskerClear(remoteDaemonAsker *asker)
{
    virIdentityUnref(asker->identity);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteDaemonAsker, remoteDaemonAskerClear)

static int
remoteDaemonAccessDeny(void)
{
    virReportError(VIR_ERR_ACCESS_DENIED, _("'%1$s' denied access"), REMOTE_DAEMON_ACCESS_DRIVER);
    return -1;
}

/* Returns 1, 0, or -1 with VIR_ERR_ACCESS_DENIED reported: why it can't be found out is no client's
 * business, and the manager has logged it. */
static int
remoteDaemonAccessAskOne(const remoteDaemonAsker *asker, virAccessPerm perm, virDomainPtr dom)
{
    virAccessQuestion question = {
        .identity = asker->identity,
        .perm = perm,
        .connectDriver = REMOTE_DAEMON_ACCESS_DRIVER,
        .domainName = dom ? dom->name : NULL,
        .domainUUID = dom ? dom->uuid : NULL,
    };
    int rc = virAccessManagerCheck(remoteDaemonAccessManager, &question);

    if (rc < 0)
        return remoteDaemonAccessDeny();
    if (rc == 0)
        VIR_INFO("client %llu is refused %s:%s for %s",
                 virNetServerClientGetID(virNetServerCallGetClient(asker->call)),
                 virAccessPermClass(perm), virAccessPermName(perm),
                 virNetServerCallGetProc(asker->call)->name);
    return rc;
}

/* As the driver words it for a handle whose domain isn't there. */
static int
remoteDaemonAccessHide(const unsigned char *uuid, const char *name)
{
    char text[VIR_UUID_STRING_BUFLEN];

    virReportErrorFull(VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN, __FILE__, __func__, __LINE__,
                       _("no domain with matching uuid '%1$s' (%2$s)"), virUUIDFormat(uuid, text),
                       name);
    return -1;
}

/* @name is what the client calls @dom. */
static int
remoteDaemonAccessAskNeed(const remoteDaemonAsker *asker, const virAccessNeed *need,
                          virDomainPtr dom, const char *name)
{
    int rc = remoteDaemonAccessAskOne(asker, need->perm, dom);

    if (rc != 0)
        return MIN(rc, 0);
    if (!dom)
        return remoteDaemonAccessDeny();
    /* Who may not even see it is told nothing else than of one that isn't there. */
    if (need->perm != VIR_ACCESS_PERM_DOMAIN_GETATTR &&
        (rc = remoteDaemonAccessAskOne(asker, VIR_ACCESS_PERM_DOMAIN_GETATTR, dom)) != 0)
        return rc < 0 ? -1 : remoteDaemonAccessDeny();
    return remoteDaemonAccessHide(dom->uuid, name);
}

/* Whether a call with @flags has this need at all, before it runs. */
static bool
remoteDaemonAccessIsNeeded(const virAccessNeed *need, unsigned int flags)
{
    return !need->perObject && (need->flags == 0 || need->flags & flags);
}

static unsigned int
remoteDaemonAccessFlags(const remoteDaemonACL *acl, const void *args)
{
    unsigned int flags = 0;

    if (acl->flags != REMOTE_DAEMON_ACCESS_NOWHERE)
        memcpy(&flags, (const char *)args + acl->flags, sizeof(flags));
    return flags;
}

/* Whether a call that needs that is none for a read-only connection. */
static bool
remoteDaemonAccessWrites(const remoteDaemonACL *acl, unsigned int flags)
{
    const virAccessNeed *need;

    for (need = acl->needs; need->perm != VIR_ACCESS_PERM_NONE; need++) {
        if (remoteDaemonAccessIsNeeded(need, flags) && virAccessPermWrites(need->perm))
            return true;
    }
    return false;
}

bool
remoteDaemonAccessAsks(virNetServerCall *call, virConnectPtr conn)
{
    const remoteDaemonACL *acl = remoteDaemonAccessRow(call);

    if (virAccessManagerAllowsAll(remoteDaemonAccessManager) ||
        acl->needs->perm == VIR_ACCESS_PERM_NONE)
        return false;
    return !conn || !(conn->flags & VIR_CONNECT_RO) || acl->readOnly ||
        !remoteDaemonAccessWrites(acl, 0);
}

/* What a read-only connection may have by a permission of ours. */
static void
remoteDaemonAccessAskReadOnly(const remoteDaemonAsker *asker, const virAccessNeed *need)
{
    for (; need->perm != VIR_ACCESS_PERM_NONE; need++) {
        if (!need->perObject && remoteDaemonAccessAskOne(asker, need->perm, NULL) <= 0) {
            virResetLastError();
            return;
        }
    }
    virNetServerCallSetVerdict(asker->call, 1);
}

/* The connection's needs; those of a domain that is named; with neither of these, nothing. */
static int
remoteDaemonAccessAskNeeds(const remoteDaemonAsker *asker, const remoteDaemonACL *acl,
                           unsigned int flags, virDomainPtr dom, const char *name)
{
    const virAccessNeed *need;

    for (need = acl->needs; need->perm != VIR_ACCESS_PERM_NONE; need++) {
        bool domains = virAccessPermIsDomain(need->perm);

        if (remoteDaemonAccessIsNeeded(need, flags) && (!domains || dom) &&
            remoteDaemonAccessAskNeed(asker, need, domains ? dom : NULL, name) < 0)
            return -1;
    }
    return 0;
}

int
remoteDaemonAccessAsk(virNetServerCall *call, virConnectPtr conn, const void *args)
{
    const remoteDaemonACL *acl = remoteDaemonAccessRow(call);
    unsigned int flags = remoteDaemonAccessFlags(acl, args);
    g_auto(remoteDaemonAsker) asker = { call, NULL };
    const remote_nonnull_domain *named;
    g_autoptr(virDomain) dom = NULL;

    if (!remoteDaemonAccessAsks(call, conn))
        return 0;
    asker = remoteDaemonAskerFor(call);
    if (conn && conn->flags & VIR_CONNECT_RO && remoteDaemonAccessWrites(acl, flags)) {
        if (acl->readOnly)
            remoteDaemonAccessAskReadOnly(&asker, acl->readOnly);
        return 0;
    }
    if (acl->domain == REMOTE_DAEMON_ACCESS_NOWHERE)
        return remoteDaemonAccessAskNeeds(&asker, acl, flags, NULL, NULL);

    /* Its own name counts, not what the client calls it. */
    named = (const void *)((const char *)args + acl->domain);
    if (!(dom = virDomainLookupByUUID(conn, (const unsigned char *)named->uuid))) {
        virResetLastError();
        return remoteDaemonAccessHide((const unsigned char *)named->uuid, named->name);
    }
    return remoteDaemonAccessAskNeeds(&asker, acl, flags, dom, named->name);
}

int
remoteDaemonAccessAskDomain(virNetServerCall *call, virDomainPtr dom)
{
    g_auto(remoteDaemonAsker) asker = { call, NULL };
    const virAccessNeed *need;

    if (virAccessManagerAllowsAll(remoteDaemonAccessManager))
        return 0;
    asker = remoteDaemonAskerFor(call);
    for (need = remoteDaemonAccessRow(call)->needs; need->perm != VIR_ACCESS_PERM_NONE; need++) {
        if (virAccessPermIsDomain(need->perm) &&
            remoteDaemonAccessAskNeed(&asker, need, dom, dom ? dom->name : NULL) < 0)
            return -1;
    }
    return 0;
}

int
remoteDaemonAccessSees(virNetServerCall *call, virDomainPtr dom)
{
    g_auto(remoteDaemonAsker) asker = { call, NULL };

    if (virAccessManagerAllowsAll(remoteDaemonAccessManager))
        return 1;
    asker = remoteDaemonAskerFor(call);
    return remoteDaemonAccessAskOne(&asker, VIR_ACCESS_PERM_DOMAIN_GETATTR, dom);
}
