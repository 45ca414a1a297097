/*
 * vsh_builtin.c: commands that every shell has
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- help --- */

static char **
vshCompleteTopic(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    g_auto(GStrv) commands = vshComplete(ctl, "");
    const vshCmdGroup *group;
    GPtrArray *topics = g_ptr_array_new();
    size_t i;

    for (i = 0; commands[i]; i++)
        g_ptr_array_add(topics, g_strdup(commands[i]));
    for (group = ctl->program->groups; group->name; group++)
        g_ptr_array_add(topics, g_strdup(group->keyword));
    g_ptr_array_add(topics, NULL);
    return (char **)g_ptr_array_free(topics, FALSE);
}

static const vshOptDef vshHelpOptions[] = {
    { "command", VSH_OPT_STRING, VSH_OPT_EMPTY_OK,
      N_("a command, or the keyword of a group (none: all of them)"), vshCompleteTopic },
    { NULL },
};

static bool
vshCmdHelp(vshControl *ctl, const vshCmd *cmd)
{
    const char *topic = "";
    const vshCmdDef *command;
    const vshCmdGroup *group;

    vshCmdGetString(ctl, cmd, "command", &topic);
    if (!*topic) {
        vshHelpList(ctl, NULL);
    } else if ((command = vshFindCommand(ctl, topic))) {
        vshHelpCommand(ctl, command);
    } else if ((group = vshFindGroup(ctl, topic))) {
        vshHelpList(ctl, group);
    } else {
        vshError(ctl, _("command or command group '%s' doesn't exist"), topic);
        return false;
    }
    return true;
}

/* --- cd, pwd --- */

static const vshOptDef vshCdOptions[] = {
    { "dir", VSH_OPT_STRING, VSH_OPT_EMPTY_OK | VSH_OPT_FOLDER,
      N_("where to go (none: $HOME, or / if that is unset)"), NULL },
    { NULL },
};

static bool
vshCmdCd(vshControl *ctl, const vshCmd *cmd)
{
    const char *home = getenv("HOME");
    const char *dir = "";

    if (!vshIsInteractive(ctl)) {
        vshError(ctl, "%s", _("cd: command valid only in interactive mode"));
        return false;
    }
    vshCmdGetString(ctl, cmd, "dir", &dir);
    if (!*dir)
        dir = home && *home ? home : "/";
    if (chdir(dir) < 0) {
        vshError(ctl, _("cd: %1$s: %2$s"), g_strerror(errno), dir);
        return false;
    }
    return true;
}

static bool
vshCmdPwd(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    char *dir = getcwd(NULL, 0);
    g_autofree char *safe = NULL;

    if (!dir) {
        vshError(ctl, _("pwd: cannot get current directory: %s"), g_strerror(errno));
        return false;
    }
    safe = vshSafe(ctl, dir, false);
    vshPrint(ctl, "%s\n", safe);
    free(dir);
    return true;
}

/* --- echo --- */

static const vshOptDef vshEchoOptions[] = {
    { "shell", VSH_OPT_BOOL, 0, N_("quote each word for a shell"), NULL },
    { "xml", VSH_OPT_BOOL, 0, N_("write each word as XML text"), NULL },
    { "split", VSH_OPT_BOOL, 0, N_("begin a line at each comma; two commas are one"), NULL },
    { "err", VSH_OPT_BOOL, 0, N_("print as an error is printed"), NULL },
    { "string", VSH_OPT_ARGV, VSH_OPT_EMPTY_OK, N_("words to print"), NULL },
    { NULL },
};

/* As a shell would read it back as one word. */
static char *
vshEchoShell(const char *text)
{
    g_auto(GStrv) parts = NULL;
    g_autofree char *escaped = NULL;

    if (*text && !strpbrk(text, " \t\n\r!\"#$&'()*;<>?[\\]^`{|}~"))
        return g_strdup(text);
    parts = g_strsplit(text, "'", -1);
    escaped = g_strjoinv("'\\''", parts);
    return g_strdup_printf("'%s'", escaped);
}

/* For XML, controls that it can't hold are left out. */
static char *
vshEchoXML(const char *text)
{
    GString *escaped = g_string_new(NULL);

    for (; *text; text++) {
        unsigned char c = *text;

        if (c == '<')
            g_string_append(escaped, "&lt;");
        else if (c == '>')
            g_string_append(escaped, "&gt;");
        else if (c == '&')
            g_string_append(escaped, "&amp;");
        else if (c == '"')
            g_string_append(escaped, "&quot;");
        else if (c == '\'')
            g_string_append(escaped, "&apos;");
        else if (c >= 0x20 || c == '\t' || c == '\n' || c == '\r')
            g_string_append_c(escaped, c);
    }
    return g_string_free(escaped, FALSE);
}

/* One line for each piece between commas, of which two stand for one. */
static char *
vshEchoSplit(const char *text)
{
    GString *lines = g_string_new(NULL);

    for (; *text; text++) {
        if (*text == ',' && text[1] != ',')
            g_string_append_c(lines, '\n');
        else
            g_string_append_c(lines, *text);
        if (*text == ',' && text[1] == ',')
            text++;
    }
    if (lines->len > 0)
        g_string_append_c(lines, '\n');
    return g_string_free(lines, FALSE);
}

static bool
vshCmdEcho(vshControl *ctl, const vshCmd *cmd)
{
    const char *const *strings = vshCmdGetStrings(cmd, "string");
    g_autoptr(GString) text = g_string_new(NULL);
    size_t i;

    if (!vshCmdExclusive(ctl, cmd, "shell", "xml") ||
        !vshCmdExclusive(ctl, cmd, "shell", "split") ||
        !vshCmdExclusive(ctl, cmd, "xml", "split"))
        return false;

    for (i = 0; strings[i]; i++) {
        g_autofree char *word = vshCmdHas(cmd, "shell") ? vshEchoShell(strings[i]) :
                                vshCmdHas(cmd, "xml") ? vshEchoXML(strings[i]) :
                                vshCmdHas(cmd, "split") ? vshEchoSplit(strings[i]) :
                                g_strdup(strings[i]);

        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", word);
    }

    if (!vshCmdHas(cmd, "err"))
        vshPrint(ctl, "%s", text->str);
    else if (i > 0)
        vshError(ctl, "%s", text->str);
    return true;
}

/* --- quit, exit --- */

static bool
vshCmdQuit(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    vshQuit(ctl);
    return true;
}

/* --- complete: for the completion of the shell outside --- */

static const vshOptDef vshCompleteOptions[] = {
    { "string", VSH_OPT_ARGV, VSH_OPT_EMPTY_OK, N_("the line up to the cursor"), NULL },
    { NULL },
};

static bool
vshCmdComplete(vshControl *ctl, const vshCmd *cmd)
{
    g_autofree char *line = g_strjoinv(" ", (char **)vshCmdGetStrings(cmd, "string"));
    g_auto(GStrv) words = vshComplete(ctl, line);
    size_t i;

    for (i = 0; words[i]; i++)
        vshPrint(ctl, "%s\n", words[i]);
    return words[0] != NULL;
}

const vshCmdDef vshBuiltinCommands[] = {
    { "cd", vshCmdCd, vshCdOptions, N_("go to another folder"),
      N_("Changes the folder where names of files begin. In the interactive mode only."),
      VSH_CMD_NO_CONNECT },
    { "echo", vshCmdEcho, vshEchoOptions, N_("print words"),
      N_("Prints words with a blank between them, quoted if that is asked for."),
      VSH_CMD_NO_CONNECT },
    { "exit", vshCmdQuit, NULL, N_("leave the shell"), NULL, VSH_CMD_NO_CONNECT },
    { "help", vshCmdHelp, vshHelpOptions, N_("show what there is"),
      N_("Lists all commands, or those of one group; or shows one command with its options."),
      VSH_CMD_NO_CONNECT | VSH_CMD_LENIENT },
    { "pwd", vshCmdPwd, NULL, N_("show the current folder"), NULL, VSH_CMD_NO_CONNECT },
    { "quit", vshCmdQuit, NULL, N_("leave the shell"), NULL, VSH_CMD_NO_CONNECT },
    { "complete", vshCmdComplete, vshCompleteOptions, N_("complete a line"),
      N_("Prints what the last word of a line may become. For the completion of shells."),
      VSH_CMD_NO_CONNECT | VSH_CMD_HIDDEN },
    { NULL },
};
