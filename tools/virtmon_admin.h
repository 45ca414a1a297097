/*
 * virtmon_admin.h: what the commands of virtmon-admin share: the connection to a daemon's admin
 * socket, and how records of it are shown
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "remote_admin_client.h"
#include "remote_protocol.h"
#include "virtmon_admin_protocol.h"
#include "vsh.h"

/* vshOpaque() of this program. */
typedef struct {
    remoteAdminClient *client;  /* NULL: none yet */
    char *where;                /* path or URI as given; NULL: the running user's virtmond */
} virtmonAdminControl;

virtmonAdminControl *virtmonAdminGet(vshControl *ctl);
/* Connects if there is no living connection. False with the error printed. */
bool virtmonAdminConnect(vshControl *ctl);
void virtmonAdminDisconnect(vshControl *ctl);
/* What it is or would be connected to, as a URI. The caller frees it. */
char *virtmonAdminURI(vshControl *ctl);

/* --- values, which other programs have sent (virtmon_admin_record.c) --- */

/* Of a parameter, as text: a number in decimal, "yes" or "no", a text as it is. Of an unknown type:
 * "". The caller frees it. */
char *virtmonAdminValue(const remote_typed_param *param);
/* The parameter of that name, or NULL. */
const remote_typed_param *virtmonAdminFind(const remote_typed_param *params, size_t count,
                                           const char *name);
/* Its value; @missing (copied) if there is none. The caller frees it. */
char *virtmonAdminCell(const virtmon_admin_record *record, const char *name, const char *missing);
/* A line for each: the name, in @width columns, a colon, and the value. */
void virtmonAdminPrintParams(vshControl *ctl, const remote_typed_param *params, size_t count,
                             size_t width);
/* The record as a JSON object on a line of its own, whatever it has. Invalid UTF-8 is replaced. */
char *virtmonAdminJSON(const virtmon_admin_record *record);

/* --- options --- */

/* --format: whether JSON is wanted. False with the error printed. */
bool virtmonAdminCmdFormat(vshControl *ctl, const vshCmd *cmd, bool *json);
char **virtmonAdminCompleteFormat(vshControl *ctl, const vshCmd *cmd);
char **virtmonAdminCompleteServer(vshControl *ctl, const vshCmd *cmd);
/* As vshCmdGetInt(), up to the largest number that a client's ID can be. */
int virtmonAdminCmdGetID(vshControl *ctl, const vshCmd *cmd, const char *name, guint64 *id);

/* What there is (vshCmdDef). */
extern const vshCmdDef virtmonAdminConnectionCommands[];
extern const vshCmdDef virtmonAdminMonitorCommands[];
extern const vshCmdDef virtmonAdminManagementCommands[];
extern const vshCmdDef virtmonAdminStatsCommands[];
