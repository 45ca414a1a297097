/*
 * vsh_parse.c: from text to words, from words to commands
 *
 * The rules are virsh's, so that what was typed there can be typed here. Nothing
 * is run or looked up beyond the tables of commands.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <stdlib.h>
#include <string.h>

/* --- words --- */

/**
 * vshNextToken:
 * @at: where to read; moves behind the token
 * @word: the text of a word, without its quotes; else empty
 *
 * Blanks part words; ";" and the end of a line part commands; a "#" that begins a word begins
 * a comment up to the end of the line. Within '' all stands for itself; within "" and outside
 * of both a \ has the next character stand for itself, and in front of the end of a line both
 * vanish. A ' that nothing closes is closed by the end of the text.
 */
vshToken
vshNextToken(const char **at, GString *word)
{
    const char *p = *at;
    char quote = '\0';

    g_string_truncate(word, 0);
    while (*p == ' ' || *p == '\t' || (p[0] == '\\' && p[1] == '\n'))
        p += *p == '\\' ? 2 : 1;

    if (*p == '\0' || *p == ';' || *p == '\n') {
        *at = *p ? p + 1 : p;
        return *p ? VSH_TOKEN_SEPARATOR : VSH_TOKEN_END;
    }
    if (*p == '#') {
        *at = p + strcspn(p, "\n");
        return VSH_TOKEN_COMMENT;
    }

    for (; *p && (quote || !strchr(" \t\n;", *p)); p++) {
        if (quote == '\'') {
            if (*p == quote)
                quote = '\0';
            else
                g_string_append_c(word, *p);
        } else if (*p == '\\') {
            if (*++p == '\0') {
                *at = p;
                return VSH_TOKEN_DANGLING;
            }
            if (*p != '\n')
                g_string_append_c(word, *p);
        } else if (*p == '"') {
            quote = quote ? '\0' : '"';
        } else if (*p == '\'' && !quote) {
            quote = '\'';
        } else {
            g_string_append_c(word, *p);
        }
    }
    *at = p;
    return quote == '"' ? VSH_TOKEN_OPEN_QUOTE : VSH_TOKEN_WORD;
}

/* --- a command --- */

static size_t
vshCmdCountOptions(const vshCmdDef *def)
{
    size_t count = 0;

    while (def->options && def->options[count].name)
        count++;
    return count;
}

/* A command without options. */
vshCmd *
vshCmdNew(const vshCmdDef *def)
{
    vshCmd *cmd = g_new0(vshCmd, 1);

    cmd->def = def;
    cmd->values = g_new0(GPtrArray *, vshCmdCountOptions(def) + 1);
    return cmd;
}

void
vshCmdFree(vshCmd *cmd)
{
    size_t i;

    if (!cmd)
        return;
    for (i = 0; i < vshCmdCountOptions(cmd->def); i++)
        g_clear_pointer(&cmd->values[i], g_ptr_array_unref);
    g_free(cmd->values);
    g_free(cmd);
}

static const vshOptDef *
vshCmdFindOption(const vshCmd *cmd, const char *name)
{
    const vshOptDef *opt;

    for (opt = cmd->def->options; opt && opt->name; opt++) {
        if (strcmp(opt->name, name) == 0)
            return opt;
    }
    return NULL;
}

bool
vshCmdGiven(const vshCmd *cmd, const vshOptDef *opt)
{
    return cmd->values[opt - cmd->def->options] != NULL;
}

static bool
vshOptMayRepeat(const vshOptDef *opt)
{
    return opt->type == VSH_OPT_ARGV || (opt->flags & VSH_OPT_REPEAT);
}

/* @value: NULL for a flag. */
static void
vshCmdAddValue(vshCmd *cmd, const vshOptDef *opt, const char *value)
{
    GPtrArray **values = &cmd->values[opt - cmd->def->options];

    if (!*values)
        *values = g_ptr_array_new_null_terminated(1, g_free, true);
    if (value)
        g_ptr_array_add(*values, g_strdup(value));
}

const vshOptDef *
vshCmdNextData(const vshCmd *cmd)
{
    const vshOptDef *opt;

    for (opt = cmd->def->options; opt && opt->name; opt++) {
        if (opt->type != VSH_OPT_BOOL && !(opt->flags & VSH_OPT_BY_NAME) &&
            (opt->type == VSH_OPT_ARGV || !vshCmdGiven(cmd, opt)))
            return opt;
    }
    return NULL;
}

/* @word is --NAME or --NAME=VALUE. */
static char *
vshCmdAddOption(vshCmd *cmd, const char *word)
{
    size_t len = strcspn(word + 2, "=");
    const char *value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
    g_autofree char *name = g_strndup(word + 2, len);
    const vshOptDef *opt = vshCmdFindOption(cmd, name);
    bool help = !opt && strcmp(name, "help") == 0;

    if (!opt && !help)
        return g_strdup_printf(_("command '%1$s' doesn't support option --%2$s"), cmd->def->name,
                               name);
    if (value && (help || opt->type == VSH_OPT_BOOL))
        return g_strdup_printf(_("invalid '=' after option --%s"), name);
    if (help) {
        cmd->help = true;
        return NULL;
    }
    if (vshCmdGiven(cmd, opt) && !vshOptMayRepeat(opt))
        return g_strdup_printf(_("option --%s already seen"), name);

    if (value || opt->type == VSH_OPT_BOOL)
        vshCmdAddValue(cmd, opt, value);
    else
        cmd->open = opt;
    return NULL;
}

char *
vshCmdAddWord(vshCmd *cmd, const char *word)
{
    const vshOptDef *opt;

    if ((opt = g_steal_pointer(&cmd->open))) {
        vshCmdAddValue(cmd, opt, word);
        return NULL;
    }
    if (!cmd->dataOnly && g_str_has_prefix(word, "--")) {
        if (word[2])
            return vshCmdAddOption(cmd, word);
        cmd->dataOnly = true;
        return NULL;
    }
    if (!(opt = vshCmdNextData(cmd)))
        return g_strdup_printf(_("unexpected data '%s'"), word);
    vshCmdAddValue(cmd, opt, word);
    return NULL;
}

/* --- all of them --- */

/* Whether the command is complete; what is missing is printed. */
static bool
vshCmdIsComplete(vshControl *ctl, const vshCmd *cmd)
{
    const vshOptDef *opt;
    bool complete = true;

    if (cmd->open) {
        vshError(ctl, _("expected syntax: --%1$s %2$s"), cmd->open->name,
                 vshOptValueName(cmd->open));
        return false;
    }
    for (opt = cmd->def->options; !cmd->help && opt && opt->name; opt++) {
        if (!(opt->flags & VSH_OPT_REQUIRED) || vshCmdGiven(cmd, opt))
            continue;
        vshError(ctl,
                 opt->flags & VSH_OPT_BY_NAME ? _("command '%1$s' requires --%2$s option")
                                              : _("command '%1$s' requires <%2$s> option"),
                 cmd->def->name, opt->name);
        complete = false;
    }
    return complete;
}

static void
vshTraceCommand(vshControl *ctl, const vshCmd *cmd)
{
    const vshOptDef *opt;
    guint i;

    for (opt = cmd->def->options; opt && opt->name; opt++) {
        GPtrArray *values = cmd->values[opt - cmd->def->options];

        if (values && values->len == 0)
            vshDebug(ctl, VSH_DEBUG_INFO, "%s: %s(bool)", cmd->def->name, opt->name);
        for (i = 0; values && i < values->len; i++)
            vshDebug(ctl, VSH_DEBUG_INFO, "%s: %s: %s", cmd->def->name, opt->name,
                     (const char *)g_ptr_array_index(values, i));
    }
}

/* The command of @words, the first of which names it; NULL with the error printed. */
static vshCmd *
vshParseCommand(vshControl *ctl, GPtrArray *words)
{
    const char *name = g_ptr_array_index(words, 0);
    const vshCmdDef *def = vshFindCommand(ctl, name);
    g_autoptr(vshCmd) cmd = NULL;
    guint i;

    if (!def) {
        vshError(ctl, _("unknown command: '%s'"), name);
        return NULL;
    }
    cmd = vshCmdNew(def);
    for (i = 1; i < words->len; i++) {
        g_autofree char *problem = vshCmdAddWord(cmd, g_ptr_array_index(words, i));

        if (problem && !(def->flags & VSH_CMD_LENIENT)) {
            vshError(ctl, "%s", problem);
            return NULL;
        }
    }
    if (!vshCmdIsComplete(ctl, cmd))
        return NULL;
    vshTraceCommand(ctl, cmd);
    return g_steal_pointer(&cmd);
}

static void
vshFreeCommand(gpointer cmd)
{
    vshCmdFree(cmd);
}

/* Moves what @words hold into one more command. */
static bool
vshParseAppend(vshControl *ctl, GPtrArray *commands, GPtrArray *words)
{
    vshCmd *cmd;

    if (words->len == 0)
        return true;
    if (!(cmd = vshParseCommand(ctl, words)))
        return false;
    g_ptr_array_add(commands, cmd);
    g_ptr_array_set_size(words, 0);
    return true;
}

GPtrArray *
vshParseText(vshControl *ctl, const char *text)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(vshFreeCommand);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) word = g_string_new(NULL);

    vshDebug(ctl, VSH_DEBUG_INFO, "commands: \"%s\"", text);
    while (true) {
        vshToken token = vshNextToken(&text, word);

        switch (token) {
        case VSH_TOKEN_WORD:
            g_ptr_array_add(words, g_strdup(word->str));
            break;
        case VSH_TOKEN_COMMENT:
            break;
        case VSH_TOKEN_SEPARATOR:
        case VSH_TOKEN_END:
            if (!vshParseAppend(ctl, commands, words))
                return NULL;
            if (token == VSH_TOKEN_END)
                return g_steal_pointer(&commands);
            break;
        case VSH_TOKEN_OPEN_QUOTE:
            vshError(ctl, "%s", _("missing \""));
            return NULL;
        case VSH_TOKEN_DANGLING:
            vshError(ctl, "%s", _("dangling \\"));
            return NULL;
        }
    }
}

GPtrArray *
vshParseWords(vshControl *ctl, int count, char **words)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(vshFreeCommand);
    g_autoptr(GPtrArray) copies = g_ptr_array_new_with_free_func(g_free);
    int i;

    for (i = 0; i < count; i++)
        g_ptr_array_add(copies, g_strdup(words[i]));
    return vshParseAppend(ctl, commands, copies) ? g_steal_pointer(&commands) : NULL;
}
