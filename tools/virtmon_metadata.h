/*
 * virtmon_metadata.h: "desc" and "metadata", for the table of commands
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "vsh.h"

extern const vshOptDef virtmonOptDesc[];
bool virtmonRunDesc(vshControl *ctl, const vshCmd *cmd);
extern const vshOptDef virtmonOptMetadata[];
bool virtmonRunMetadata(vshControl *ctl, const vshCmd *cmd);
