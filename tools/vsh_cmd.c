/*
 * vsh_cmd.c: what a command asks about its options
 *
 * A name that the command's table lacks is a mistake in our own code.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NULL if the option was not given. */
static GPtrArray *
vshCmdValues(const vshCmd *cmd, const char *name)
{
    const vshOptDef *opt;

    for (opt = cmd->def->options; opt && opt->name; opt++) {
        if (strcmp(opt->name, name) == 0)
            return cmd->values[opt - cmd->def->options];
    }
    g_assert_not_reached();
}

static unsigned int
vshCmdOptionFlags(const vshCmd *cmd, const char *name)
{
    const vshOptDef *opt = cmd->def->options;

    while (strcmp(opt->name, name) != 0)
        opt++;
    return opt->flags;
}

const char *
vshCmdName(const vshCmd *cmd)
{
    return cmd->def->name;
}

bool
vshCmdHas(const vshCmd *cmd, const char *name)
{
    return vshCmdValues(cmd, name) != NULL;
}

int
vshCmdGetString(vshControl *ctl, const vshCmd *cmd, const char *name, const char **value)
{
    GPtrArray *values = vshCmdValues(cmd, name);
    const char *first;

    if (!values)
        return 0;
    first = g_ptr_array_index(values, 0);
    if (!*first && !(vshCmdOptionFlags(cmd, name) & VSH_OPT_EMPTY_OK)) {
        vshError(ctl, _("Failed to get option '%s': Option argument is empty"), name);
        return -1;
    }
    *value = first;
    return 1;
}

int
vshCmdGetInt(vshControl *ctl, const vshCmd *cmd, const char *name, int min, int max, int *value)
{
    GPtrArray *values = vshCmdValues(cmd, name);
    const char *text;
    char *end;
    long number;

    if (!values)
        return 0;
    text = g_ptr_array_index(values, 0);
    errno = 0;
    number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end || number < min || number > max) {
        vshError(ctl, _("Numeric value '%1$s' for <%2$s> option is malformed or out of range"),
                 text, name);
        return -1;
    }
    *value = number;
    return 1;
}

const char *const *
vshCmdGetStrings(const vshCmd *cmd, const char *name)
{
    static const char *const none[] = { NULL };
    GPtrArray *values = vshCmdValues(cmd, name);

    return values ? (const char *const *)values->pdata : none;
}

bool
vshCmdExclusive(vshControl *ctl, const vshCmd *cmd, const char *a, const char *b)
{
    if (!vshCmdHas(cmd, a) || !vshCmdHas(cmd, b))
        return true;
    vshError(ctl, _("Options --%1$s and --%2$s are mutually exclusive"), a, b);
    return false;
}
