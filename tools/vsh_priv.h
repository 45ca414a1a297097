/*
 * vsh_priv.h: what the files of the shell share among each other, and what
 * their tests look at
 *
 * Not for the commands: what they may use is in vsh.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "vsh.h"

/* Levels of --debug. What is below the level asked for is not shown. */
typedef enum {
    VSH_DEBUG_DEBUG,
    VSH_DEBUG_INFO,
    VSH_DEBUG_NOTICE,
    VSH_DEBUG_WARNING,
    VSH_DEBUG_ERROR,            /* the default: only what is printed anyway */
} vshDebugLevel;

struct _vshControl {
    const vshProgram *program;  /* immutable, as all up to the next comment */
    bool quiet;
    bool timing;
    int debug;
    int logFd;                  /* -1: no log file */
    bool outTerminal;           /* stdout is one; stderr is one */
    bool errTerminal;

    /* The main thread's. */
    bool started;
    bool interactive;
    bool quit;
    bool omitEmptyLine;         /* behind the command that runs */

    atomic_bool outputFailed;

    /* The event loop's thread. */
    pthread_t loop;
    int loopTimer;
    atomic_bool loopQuit;

    /* vsh_wait.c */
    int waitFd;                 /* an eventfd: readable once there is an outcome */
    atomic_int waitOutcome;     /* vshWaitOutcome, or -1: none yet */
    struct sigaction waitSavedInterrupt;
};

/* --- vsh_output.c --- */

/* Opens the log file. False with the error printed. */
bool vshOutputInit(vshControl *ctl, const char *logFile);
void vshOutputFinish(vshControl *ctl);
/* While muted, this thread prints nothing. */
void vshMute(bool mute);
/* What vshSafe() makes of @text for a terminal. The caller frees it. */
char *vshEscape(const char *text, bool lines);
/* Columns that @text takes on a terminal. */
size_t vshWidth(const char *text);

/* --- vsh_parse.c --- */

typedef enum {
    VSH_TOKEN_WORD,
    VSH_TOKEN_SEPARATOR,        /* ";" or the end of a line */
    VSH_TOKEN_COMMENT,
    VSH_TOKEN_END,
    VSH_TOKEN_OPEN_QUOTE,       /* a word that a " keeps open at the end; its text so far */
    VSH_TOKEN_DANGLING,         /* the text ends behind a \ */
} vshToken;

/* The token at *@at, which moves behind it; the text of a word goes to @word. */
vshToken vshNextToken(const char **at, GString *word);

struct _vshCmd {
    const vshCmdDef *def;
    GPtrArray **values;         /* of each option: char *, NULL-terminated; NULL: not given */
    bool help;                  /* --help was given */
    bool dataOnly;              /* behind "--": no more options */
    const vshOptDef *open;      /* the option whose value the next word is, or NULL */
};

vshCmd *vshCmdNew(const vshCmdDef *def);
void vshCmdFree(vshCmd *cmd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vshCmd, vshCmdFree)
/* Takes the next word in. Returns what is wrong with it (the caller frees it), or NULL. */
char *vshCmdAddWord(vshCmd *cmd, const char *word);
/* The option that a word without "--" would be the value of, or NULL. */
const vshOptDef *vshCmdNextData(const vshCmd *cmd);
bool vshCmdGiven(const vshCmd *cmd, const vshOptDef *opt);

/* All commands of a text or of words, as an array of vshCmd; NULL with the error printed. */
GPtrArray *vshParseText(vshControl *ctl, const char *text);
GPtrArray *vshParseWords(vshControl *ctl, int count, char **words);

/* --- vsh_help.c --- */

/* "<string>" or "<number>": what stands for a value. */
const char *vshOptValueName(const vshOptDef *opt);
/* The line that shows a command's options: "domstate <domain> [--reason]". */
char *vshHelpSynopsis(const vshCmdDef *command);

/* --- vsh_wait.c --- */

/* The eventfd. False with the error printed. */
bool vshWaitInit(vshControl *ctl);
void vshWaitDeinit(vshControl *ctl);

/* --- vsh.c --- */

/* The program's name as the names of its variables begin: "VIRTMON_ADMIN". The caller frees it. */
char *vshEnvPrefix(const vshProgram *program);

/* Calls the program's start(), once. False with the error printed. */
bool vshStart(vshControl *ctl);
