/*
 * vsh_complete.c: what may stand where the cursor is
 *
 * One answer for readline and for bash. Words are whole and without quotes; how
 * they are put into the line is the business of whoever asked.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <string.h>

/* Adds @lead + @word if it begins with @partial and isn't there yet. What would steer the terminal
 * is left out: readline, ours and bash's, shows words as they are. */
static void
vshCompleteAdd(GPtrArray *found, const char *partial, const char *lead, const char *word)
{
    g_autofree char *whole = g_strconcat(lead, word, NULL);
    g_autofree char *safe = vshEscape(whole, false);

    if (g_str_has_prefix(whole, partial) && g_str_equal(whole, safe) &&
        !g_ptr_array_find_with_equal_func(found, whole, g_str_equal, NULL))
        g_ptr_array_add(found, g_steal_pointer(&whole));
}

static int
vshCompleteCompare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Folders, each with a slash behind it to go on from. Those with a dot need one to be typed. */
static void
vshCompleteFolder(GPtrArray *found, const char *partial, const char *lead)
{
    const char *typed = partial + strlen(lead);
    const char *slash = strrchr(typed, '/');
    g_autofree char *parent = g_strndup(typed, slash ? slash - typed + 1 : 0);
    g_autoptr(GDir) dir = g_dir_open(*parent ? parent : ".", 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strconcat(parent, name, "/", NULL);

        if ((*name != '.' || typed[strlen(parent)] == '.') && g_file_test(path, G_FILE_TEST_IS_DIR))
            vshCompleteAdd(found, partial, lead, path);
    }
    g_ptr_array_sort(found, vshCompleteCompare);
}

/* Values of an option. Completers of a command that needs a connection find it made, if there
 * can be one; not all of them depend on it. */
static void
vshCompleteValue(vshControl *ctl, GPtrArray *found, const char *partial, const char *lead,
                 const vshCmd *cmd, const vshOptDef *opt)
{
    g_auto(GStrv) words = NULL;
    size_t i;

    if (opt->flags & VSH_OPT_FOLDER)
        vshCompleteFolder(found, partial, lead);
    if (!opt->completer)
        return;
    if (!(cmd->def->flags & VSH_CMD_NO_CONNECT))
        ctl->program->connect(ctl);
    words = opt->completer(ctl, cmd);
    for (i = 0; words && words[i]; i++)
        vshCompleteAdd(found, partial, lead, words[i]);
}

/* Options that may still be given. */
static void
vshCompleteOption(GPtrArray *found, const char *partial, const vshCmd *cmd)
{
    const vshOptDef *opt;

    for (opt = cmd->def->options; opt && opt->name; opt++) {
        if (!vshCmdGiven(cmd, opt) || opt->type == VSH_OPT_ARGV || (opt->flags & VSH_OPT_REPEAT))
            vshCompleteAdd(found, partial, "--", opt->name);
    }
}

/* The word behind those that @cmd has taken in. */
static void
vshCompleteWord(vshControl *ctl, GPtrArray *found, const char *partial, const vshCmd *cmd)
{
    const vshOptDef *opt;

    if (cmd->open) {
        vshCompleteValue(ctl, found, partial, "", cmd, cmd->open);
        return;
    }
    if (!cmd->dataOnly && *partial == '-') {
        const char *value = strchr(partial, '=');

        for (opt = cmd->def->options; value && opt && opt->name; opt++) {
            g_autofree char *lead = g_strdup_printf("--%s=", opt->name);

            if (opt->type != VSH_OPT_BOOL && g_str_has_prefix(partial, lead))
                vshCompleteValue(ctl, found, partial, lead, cmd, opt);
        }
        if (!value)
            vshCompleteOption(found, partial, cmd);
        return;
    }
    if ((opt = vshCmdNextData(cmd)))
        vshCompleteValue(ctl, found, partial, "", cmd, opt);
    if (found->len == 0 && !cmd->dataOnly)
        vshCompleteOption(found, partial, cmd);
}

static void
vshCompleteCommandName(vshControl *ctl, GPtrArray *found, const char *partial)
{
    const vshCmdGroup *group;
    const vshCmdDef *command;

    for (group = ctl->program->groups; group->name; group++) {
        for (command = group->commands; command->name; command++) {
            if (!(command->flags & VSH_CMD_HIDDEN))
                vshCompleteAdd(found, partial, "", command->name);
        }
    }
}

/**
 * vshCompleteSplit:
 * @line: up to the cursor
 * @words: gets the words of the last command, before the one that the cursor is at
 *
 * Returns the word that the cursor is at, empty if a new one would begin here; NULL in a
 * comment. The caller frees it.
 */
static char *
vshCompleteSplit(const char *line, GPtrArray *words)
{
    g_autoptr(GString) word = g_string_new(NULL);

    while (true) {
        switch (vshNextToken(&line, word)) {
        case VSH_TOKEN_WORD:
            if (!*line)
                return g_strdup(word->str);
            g_ptr_array_add(words, g_strdup(word->str));
            break;
        case VSH_TOKEN_OPEN_QUOTE:
        case VSH_TOKEN_DANGLING:
            return g_strdup(word->str);
        case VSH_TOKEN_SEPARATOR:
            g_ptr_array_set_size(words, 0);
            break;
        case VSH_TOKEN_COMMENT:
            if (!*line)
                return NULL;
            break;
        case VSH_TOKEN_END:
            return g_strdup("");
        }
    }
}

char **
vshComplete(vshControl *ctl, const char *line)
{
    GPtrArray *found = g_ptr_array_new();
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *partial = vshCompleteSplit(line, words);
    const vshCmdDef *def;
    guint i;

    /* Nothing may come between the line and its completion, not even that a host is down. */
    vshMute(true);
    if (partial && words->len == 0) {
        vshCompleteCommandName(ctl, found, partial);
    } else if (partial && (def = vshFindCommand(ctl, g_ptr_array_index(words, 0)))) {
        g_autoptr(vshCmd) cmd = vshCmdNew(def);

        for (i = 1; i < words->len; i++)
            g_free(vshCmdAddWord(cmd, g_ptr_array_index(words, i)));
        vshCompleteWord(ctl, found, partial, cmd);
    }
    virResetLastError();
    vshMute(false);

    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(found, FALSE);
}
