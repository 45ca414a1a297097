/*
 * vsh_help.c: how commands and their options are shown
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <string.h>

/* Columns for the name of an option; what is longer pushes its help to the right. */
#define VSH_HELP_OPTION_WIDTH 15

const char *
vshOptValueName(const vshOptDef *opt)
{
    return opt->type == VSH_OPT_INT ? _("<number>") : _("<string>");
}

/* How the option is given: "--flag", "--name <string>", "[--name] <string>" where the name may
 * be left out of something required or behind such, "<string>" where it usually is. */
static char *
vshHelpOptionForm(const vshCmdDef *command, const vshOptDef *opt)
{
    bool required = opt->flags & VSH_OPT_REQUIRED;
    bool rest = opt->type == VSH_OPT_ARGV;

    if (opt->type == VSH_OPT_BOOL)
        return g_strdup_printf("--%s", opt->name);
    if (rest && !required && !(command->options->flags & VSH_OPT_REQUIRED))
        return g_strdup(vshOptValueName(opt));
    if ((required || rest) && !(opt->flags & VSH_OPT_BY_NAME))
        return g_strdup_printf("[--%s] %s", opt->name, vshOptValueName(opt));
    return g_strdup_printf("--%s %s", opt->name, vshOptValueName(opt));
}

/* The same within the synopsis. */
static char *
vshHelpSynopsisForm(const vshCmdDef *command, const vshOptDef *opt)
{
    g_autofree char *form = vshHelpOptionForm(command, opt);
    bool required = opt->flags & VSH_OPT_REQUIRED;

    if (opt->type == VSH_OPT_ARGV)
        return g_strdup_printf(required ? "{%s}..." : "[%s]...", form);
    if (!required)
        return g_strdup_printf(opt->flags & VSH_OPT_REPEAT ? "[%s]..." : "[%s]", form);
    if (opt->flags & VSH_OPT_BY_NAME)
        return g_strdup_printf(opt->flags & VSH_OPT_REPEAT ? "{%s}..." : "%s", form);
    return g_strdup_printf(opt->flags & VSH_OPT_REPEAT ? "<%s>..." : "<%s>", opt->name);
}

char *
vshHelpSynopsis(const vshCmdDef *command)
{
    GString *line = g_string_new(command->name);
    const vshOptDef *opt;

    for (opt = command->options; opt && opt->name; opt++) {
        g_autofree char *form = vshHelpSynopsisForm(command, opt);

        g_string_append_printf(line, " %s", form);
    }
    return g_string_free(line, FALSE);
}

/* A heading, and text below it, each line of which is indented. */
static void
vshHelpSection(vshControl *ctl, const char *heading, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    size_t i;

    vshPrint(ctl, "  %s\n", heading);
    for (i = 0; lines[i]; i++)
        vshPrint(ctl, "    %s\n", lines[i]);
}

void
vshHelpCommand(vshControl *ctl, const vshCmdDef *command)
{
    g_autofree char *name = g_strdup_printf("%s - %s", command->name, _(command->help));
    g_autofree char *synopsis = vshHelpSynopsis(command);
    const vshOptDef *opt;

    vshHelpSection(ctl, _("NAME"), name);
    vshPrint(ctl, "\n");
    vshHelpSection(ctl, _("SYNOPSIS"), synopsis);
    if (command->description) {
        vshPrint(ctl, "\n");
        vshHelpSection(ctl, _("DESCRIPTION"), _(command->description));
    }
    if (command->options && command->options->name) {
        vshPrint(ctl, "\n  %s\n", _("OPTIONS"));
        for (opt = command->options; opt->name; opt++) {
            g_autofree char *form = vshHelpOptionForm(command, opt);
            g_autofree char *padded = vshPad(form, VSH_HELP_OPTION_WIDTH);

            vshPrint(ctl, "    %s  %s\n", padded, _(opt->help));
        }
    }
    vshPrint(ctl, "\n");
}

static void
vshHelpGroup(vshControl *ctl, const vshCmdGroup *group)
{
    const vshCmdDef *command;

    vshPrint(ctl, _(" %1$s (help keyword '%2$s'):\n"), _(group->name), group->keyword);
    for (command = group->commands; command->name; command++) {
        if (!(command->flags & VSH_CMD_HIDDEN))
            vshPrint(ctl, "    %-30s %s\n", command->name, _(command->help));
    }
}

void
vshHelpList(vshControl *ctl, const vshCmdGroup *group)
{
    if (group) {
        vshHelpGroup(ctl, group);
        return;
    }
    vshPrint(ctl, "%s\n\n", _("Grouped commands:"));
    for (group = ctl->program->groups; group->name; group++) {
        vshHelpGroup(ctl, group);
        vshPrint(ctl, "\n");
    }
}
