/*
 * virtmon.h: what the commands of virtmon share: the connection, domains by
 * whatever names them, words for states
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdatomic.h>

#include <libvirt/libvirt-qemu.h>

#include "vsh.h"

/* vshOpaque() of this program. */
typedef struct {
    virConnectPtr conn;         /* NULL: none yet; touched by the main thread only */
    char *uri;                  /* what to connect to; NULL: libvirt's default */
    bool readOnly;
    atomic_bool disconnected;   /* conn is dead; set by the event loop's thread */
    int keepAliveInterval;      /* seconds; 0: never; -1: not given */
    int keepAliveCount;         /* how many may go unanswered; -1: not given */
    char escapeChar[8];         /* -e: as given */
} virtmonControl;

virtmonControl *virtmonGet(vshControl *ctl);
/* Connects if there is no living connection. False with the error printed. */
bool virtmonConnect(vshControl *ctl);
/* Closes the connection there is, and forgets it. */
void virtmonDisconnect(vshControl *ctl);

/* Takes away libvirt's last error: what failed is reported before. */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

/* How a domain may be named. */
typedef enum {
    VIRTMON_BY_ID = (1 << 0),
    VIRTMON_BY_NAME = (1 << 1),
    VIRTMON_BY_UUID = (1 << 2),
    VIRTMON_BY_ANY = VIRTMON_BY_ID | VIRTMON_BY_NAME | VIRTMON_BY_UUID,
} virtmonBy;

/* The domain that the value of option "domain" names (new reference), or NULL with an error
 * printed as virsh words it: "failed to get domain 'X'". @name: the value, borrowed; may be
 * NULL. */
virDomainPtr virtmonCmdDomain(vshControl *ctl, const vshCmd *cmd, const char **name,
                              unsigned int by);
/* The same for a value at hand. */
virDomainPtr virtmonFindDomain(vshControl *ctl, const char *text, unsigned int by);
/* All domains that virConnectListAllDomains() gives for @flags: virDomainPtr, each freed with the
 * array. NULL with libvirt's last error set. */
GPtrArray *virtmonListDomains(virConnectPtr conn, unsigned int flags);

/* "running", "paused", ..., translated; reason "unknown" if there is no word for it. */
const char *virtmonStateText(int state);
const char *virtmonStateReasonText(int state, int reason);

/* What --format says: text, which is the default, or JSON, with which the options @plain1 and
 * @plain2 (NULL: none) don't go. False with the error printed. */
bool virtmonCmdFormat(vshControl *ctl, const vshCmd *cmd, const char *plain1, const char *plain2,
                      bool *json);

/* Completers. */
char **virtmonCompleteFormat(vshControl *ctl, const vshCmd *cmd);
char **virtmonCompleteDomain(vshControl *ctl, const vshCmd *cmd);
/* Names of events that the domain of --domain (or any) knows; if it can't be asked, those that the
 * catalogue has. */
char **virtmonCompleteMonitorEvent(vshControl *ctl, const vshCmd *cmd);

extern const vshCmdDef virtmonHostCommands[];           /* virtmon_host.c: connect, uri, ... */
extern const vshCmdDef virtmonDomainCommands[];         /* virtmon_domain.c: acting on a domain */
extern const vshCmdDef virtmonMonitorCommands[];        /* virtmon_domain.c: asking */
extern const vshCmdDef virtmonQemuCommands[];           /* virtmon_qemu.c */
extern const vshCmdDef virtmonMonitorEventCommands[];   /* virtmon_monitor_event.c */
extern const vshCmdDef virtmonEventCommands[];          /* virtmon_event.c */

/* All commands, for main(). */
extern const vshCmdGroup virtmonGroups[];
