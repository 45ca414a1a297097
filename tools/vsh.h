/*
 * vsh.h: a shell: words, commands with options, output, waiting
 *
 * Knows nothing of domains and connections: what commands do is in the files
 * named virtmon_*.c. What it takes from libvirt is the event loop and the last error.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include <glib/gi18n.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

typedef struct _vshControl vshControl;
/* One command as it was typed: its definition and the options given. Immutable. */
typedef struct _vshCmd vshCmd;

/* --- what a command is made of: static tables --- */

typedef enum {
    VSH_OPT_BOOL,               /* --flag */
    VSH_OPT_STRING,             /* --name TEXT, or by position */
    VSH_OPT_INT,                /* --name NUMBER, or by position */
    VSH_OPT_ARGV,               /* every word that is left; must be the last */
} vshOptType;

typedef enum {
    VSH_OPT_REQUIRED = (1 << 0),
    VSH_OPT_EMPTY_OK = (1 << 1),        /* "" is a value like any other */
    VSH_OPT_REPEAT = (1 << 2),          /* may be given more than once, by name */
    VSH_OPT_BY_NAME = (1 << 3),         /* never by position */
    VSH_OPT_FOLDER = (1 << 4),          /* completed by names of folders */
} vshOptFlags;

/* Words that may stand here, for completion: NULL-terminated, the caller frees it with
 * g_strfreev(); NULL: none known. What it prints is not seen. There may be no connection. */
typedef char **(*vshCompleter)(vshControl *ctl, const vshCmd *cmd);

typedef struct {
    const char *name;           /* NULL ends the table */
    vshOptType type;
    unsigned int flags;         /* vshOptFlags */
    const char *help;           /* N_() */
    vshCompleter completer;
} vshOptDef;

typedef enum {
    VSH_CMD_NO_CONNECT = (1 << 0),      /* works without a connection */
    VSH_CMD_HIDDEN = (1 << 1),          /* not shown by help */
    VSH_CMD_LENIENT = (1 << 2),         /* words that make no sense are passed over */
} vshCmdFlags;

typedef struct {
    const char *name;           /* NULL ends the table */
    /* Returns whether it succeeded; whatever failed has been printed by vshError(), or is the
     * last error of libvirt, which the shell prints when the command returns false. */
    bool (*run)(vshControl *ctl, const vshCmd *cmd);
    const vshOptDef *options;   /* NULL: none */
    const char *help;           /* N_(): one line for the list of commands */
    const char *description;    /* N_(): a paragraph for the command's own help */
    unsigned int flags;         /* vshCmdFlags */
} vshCmdDef;

typedef struct {
    const char *name;           /* N_(); NULL ends the table */
    const char *keyword;        /* for "help KEYWORD" */
    const vshCmdDef *commands;
} vshCmdGroup;

/* --- options of the command that runs. Values are borrowed from it. --- */

bool vshCmdHas(const vshCmd *cmd, const char *name);
/* Returns 1 with *value set if it was given, 0 (*value untouched) if not, -1 if it is empty and
 * mustn't be; that has been printed then. */
int vshCmdGetString(vshControl *ctl, const vshCmd *cmd, const char *name, const char **value);
/* As above; a number that isn't one, or not in [min, max], is -1. */
int vshCmdGetInt(vshControl *ctl, const vshCmd *cmd, const char *name, int min, int max,
                 int *value);
/* Every value given, NULL-terminated, for VSH_OPT_ARGV and VSH_OPT_REPEAT; never NULL. */
const char *const *vshCmdGetStrings(const vshCmd *cmd, const char *name);
const char *vshCmdName(const vshCmd *cmd);
/* False, with "Options --a and --b are mutually exclusive" printed, if both were given. */
bool vshCmdExclusive(vshControl *ctl, const vshCmd *cmd, const char *a, const char *b);

/* --- output. Thread-safe: the event loop's thread prints too. --- */

/* To stdout, and flushed, so that a line is out when it is printed. */
void vshPrint(vshControl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same, but nothing with --quiet. */
void vshPrintExtra(vshControl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "error: MESSAGE" to stderr, and to the log file; no newline in @format. */
void vshError(vshControl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "warning: MESSAGE" likewise. */
void vshWarn(vshControl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* MESSAGE alone likewise: neither of both, but not for a machine that reads stdout. */
void vshNotice(vshControl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Within a command: stdout is for a machine, so no empty line is printed behind it. */
void vshOmitEmptyLine(vshControl *ctl);
/* Prints libvirt's last error of this thread as vshError() does, if there is one, and resets
 * it. Note that every call of libvirt resets it first, those that free something included. */
void vshReportError(vshControl *ctl);
/* Prints at this level (0 to 4) of --debug to stderr. */
void vshDebug(vshControl *ctl, int level, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* @text fit for where stdout goes: on a terminal with C0 and C1 controls, DEL, bidirectional
 * controls and invalid UTF-8 written as \xNN or \u{NNNN}; elsewhere as it is. Tab, newline
 * and CR LF pass where @lines. The caller frees it. */
char *vshSafe(vshControl *ctl, const char *text, bool lines);

/* @text with blanks behind it, so that it takes up at least @width columns of a terminal. The caller
 * frees it. */
char *vshPad(const char *text, size_t width);

/* --- tables, as virsh prints them --- */

typedef struct _vshTable vshTable;
vshTable *vshTableNew(const char *first, ...) G_GNUC_NULL_TERMINATED;      /* the headings */
void vshTableFree(vshTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vshTable, vshTableFree)
/* As many cells as there are headings. */
void vshTableAddRow(vshTable *table, const char *first, ...) G_GNUC_NULL_TERMINATED;
/* Columns are as wide as their widest cell, in terminal columns; @header: headings and a rule. */
void vshTablePrint(vshControl *ctl, vshTable *table, bool header);

/* --- JSON --- */

/* Indented by two spaces and ended by a newline, member order and number text kept; or a copy
 * of @json if it is none. The caller frees it. */
char *vshJSONPretty(const char *json);

/* --- waiting for what the event loop's thread brings --- */

typedef enum {
    VSH_WAIT_DONE,              /* vshWaitEnd() was called */
    VSH_WAIT_TIMEOUT,
    VSH_WAIT_INTERRUPT,         /* SIGINT */
    VSH_WAIT_DISCONNECT,        /* vshWaitDisconnect() was called */
} vshWaitOutcome;

/* Call in this order: Begin before anything is registered (from here on SIGINT ends the wait
 * and not the shell), Run, Finish. @seconds 0: no limit. Begin fails with the error printed. */
bool vshWaitBegin(vshControl *ctl);
vshWaitOutcome vshWaitRun(vshControl *ctl, unsigned int seconds);
void vshWaitFinish(vshControl *ctl);
/* Any thread; may come before Run. The first of all reasons counts. */
void vshWaitEnd(vshControl *ctl);
void vshWaitDisconnect(vshControl *ctl);

/* --- the shell itself: for main() and the built-in commands --- */

typedef struct {
    const char *name;           /* of the program: "virtmon" */
    const char *welcome;        /* N_(): what the interactive mode begins with */
    const vshCmdGroup *groups;
    /* Called once, when the first commands are known to make sense and before they run, and
     * before the interactive mode. False with an error printed: nothing runs. May be NULL. */
    bool (*start)(vshControl *ctl);
    /* Called before a command without VSH_CMD_NO_CONNECT: makes sure there is a connection.
     * False with an error printed or libvirt's last error set: the command isn't run. */
    bool (*connect)(vshControl *ctl);
    /* The prompt of the interactive mode, borrowed. */
    const char *(*prompt)(vshControl *ctl);
    void *opaque;               /* the program's own */
} vshProgram;

typedef struct {
    bool quiet;
    bool timing;
    int debug;                  /* 0 to 4; -1: as the environment says */
    const char *logFile;        /* or NULL */
} vshSettings;

/* Starts the event loop's thread. NULL with the reason on stderr. The environment is looked at
 * under the program's name, a '-' in it as '_': VIRTMON_DEBUG, VIRTMON_LOG_FILE,
 * VIRTMON_HISTSIZE. */
vshControl *vshNew(const vshProgram *program, const vshSettings *settings);
void vshFree(vshControl *ctl);
void *vshOpaque(vshControl *ctl);
bool vshIsQuiet(vshControl *ctl);
bool vshIsInteractive(vshControl *ctl);
/* Set by "quit" and "exit". */
void vshQuit(vshControl *ctl);

/* Whether something printed did not get to where stdout goes; that has been said. */
bool vshOutputFailed(vshControl *ctl);

/* Runs commands separated by ";" from one text, as typed at the prompt; or one command from
 * words that a shell has split already. Nothing runs if any of them makes no sense. A command
 * that fails doesn't keep the next from running; return whether the last succeeded. */
bool vshRunText(vshControl *ctl, const char *text);
bool vshRunWords(vshControl *ctl, int count, char **words);
/* Reads and runs commands until the end of input or "quit"; with readline on a terminal. */
bool vshRunInteractive(vshControl *ctl);

const vshCmdGroup *vshFindGroup(vshControl *ctl, const char *keyword);
const vshCmdDef *vshFindCommand(vshControl *ctl, const char *name);
void vshHelpList(vshControl *ctl, const vshCmdGroup *group);     /* NULL: all groups */
void vshHelpCommand(vshControl *ctl, const vshCmdDef *command);

/* help, cd, pwd, echo, quit, exit and the hidden ones: a group for every program's table. */
extern const vshCmdDef vshBuiltinCommands[];
/* Candidates for the last word of a line, whole and unquoted, by the rules of vshRunText();
 * for completion in readline and in bash ("complete -- LINE", hidden). Freed by g_strfreev();
 * never NULL. */
char **vshComplete(vshControl *ctl, const char *line);
