/*
 * vsh.c: the shell itself: its event loop's thread, and running commands
 *
 * Commands run in the main thread, one after the other. The event loop has a
 * thread of its own, so that connections live while a command or the user takes
 * its time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the event loop --- */

static void *
vshLoopRun(void *opaque)
{
    vshControl *ctl = opaque;

    while (!atomic_load(&ctl->loopQuit)) {
        if (virEventRunDefaultImpl() < 0) {
            vshReportError(ctl);
            break;
        }
    }
    return NULL;
}

/* Due once the loop is to end: it only has to come round. */
static void
vshLoopWake(int timer, void *opaque G_GNUC_UNUSED)
{
    virEventUpdateTimeout(timer, -1);
}

/* The thread takes no signals: they are for the prompt and for waits. */
static bool
vshLoopStart(vshControl *ctl)
{
    sigset_t all, saved;
    int err;

    if (virEventRegisterDefaultImpl() < 0 ||
        (ctl->loopTimer = virEventAddTimeout(-1, vshLoopWake, NULL, NULL)) < 0) {
        vshReportError(ctl);
        return false;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    err = pthread_create(&ctl->loop, NULL, vshLoopRun, ctl);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (err != 0) {
        vshError(ctl, _("cannot start a thread: %s"), g_strerror(err));
        virEventRemoveTimeout(ctl->loopTimer);
        return false;
    }
    return true;
}

static void
vshLoopStop(vshControl *ctl)
{
    atomic_store(&ctl->loopQuit, true);
    virEventUpdateTimeout(ctl->loopTimer, 0);
    pthread_join(ctl->loop, NULL);
    virEventRemoveTimeout(ctl->loopTimer);
}

/* --- beginning and end --- */

char *
vshEnvPrefix(const vshProgram *program)
{
    return g_strdelimit(g_ascii_strup(program->name, -1), "-", '_');
}

/* The variable PROGRAM_@name of the environment; NULL if it is unset or empty. */
static const char *
vshGetEnv(const vshProgram *program, const char *name)
{
    g_autofree char *upper = vshEnvPrefix(program);
    g_autofree char *full = g_strdup_printf("%s_%s", upper, name);
    const char *value = getenv(full);

    return value && *value ? value : NULL;
}

static void
vshInitDebug(vshControl *ctl, int debug)
{
    const char *value = vshGetEnv(ctl->program, "DEBUG");
    guint64 level;

    ctl->debug = VSH_DEBUG_ERROR;
    if (debug >= 0) {
        ctl->debug = debug;
    } else if (value) {
        if (g_ascii_string_to_unsigned(value, 10, 0, VSH_DEBUG_ERROR, &level, NULL)) {
            ctl->debug = level;
        } else {
            g_autofree char *upper = vshEnvPrefix(ctl->program);

            vshError(ctl, _("%s_DEBUG not set with a valid numeric value"), upper);
        }
    }
}

vshControl *
vshNew(const vshProgram *program, const vshSettings *settings)
{
    vshControl *ctl = g_new0(vshControl, 1);
    const char *logFile = settings->logFile ? settings->logFile
                                            : vshGetEnv(program, "LOG_FILE");

    ctl->program = program;
    ctl->quiet = settings->quiet;
    ctl->timing = settings->timing;
    ctl->waitFd = -1;
    if (!vshOutputInit(ctl, logFile) || !vshWaitInit(ctl) || !vshLoopStart(ctl)) {
        vshWaitDeinit(ctl);
        vshOutputFinish(ctl);
        g_free(ctl);
        return NULL;
    }
    vshInitDebug(ctl, settings->debug);
    return ctl;
}

/**
 * vshFree:
 * @ctl: the shell, or NULL
 *
 * Connections must be closed before: nothing calls their callbacks any more.
 */
void
vshFree(vshControl *ctl)
{
    if (!ctl)
        return;
    vshLoopStop(ctl);
    vshWaitDeinit(ctl);
    vshOutputFinish(ctl);
    g_free(ctl);
}

void *
vshOpaque(vshControl *ctl)
{
    return ctl->program->opaque;
}

bool
vshIsQuiet(vshControl *ctl)
{
    return ctl->quiet;
}

bool
vshIsInteractive(vshControl *ctl)
{
    return ctl->interactive;
}

void
vshQuit(vshControl *ctl)
{
    ctl->quit = true;
}

void
vshOmitEmptyLine(vshControl *ctl)
{
    ctl->omitEmptyLine = true;
}

/* --- commands --- */

const vshCmdGroup *
vshFindGroup(vshControl *ctl, const char *keyword)
{
    const vshCmdGroup *group;

    for (group = ctl->program->groups; group->name; group++) {
        if (strcmp(group->keyword, keyword) == 0 || strcmp(group->name, keyword) == 0)
            return group;
    }
    return NULL;
}

const vshCmdDef *
vshFindCommand(vshControl *ctl, const char *name)
{
    const vshCmdGroup *group;
    const vshCmdDef *command;

    for (group = ctl->program->groups; group->name; group++) {
        for (command = group->commands; command->name; command++) {
            if (strcmp(command->name, name) == 0)
                return command;
        }
    }
    return NULL;
}

bool
vshStart(vshControl *ctl)
{
    if (ctl->started)
        return true;
    ctl->started = true;
    if (!ctl->program->start || ctl->program->start(ctl))
        return true;
    vshReportError(ctl);
    return false;
}

static bool
vshRunCommand(vshControl *ctl, const vshCmd *cmd)
{
    if (cmd->help) {
        vshHelpCommand(ctl, cmd->def);
        return true;
    }
    if (!(cmd->def->flags & VSH_CMD_NO_CONNECT) && !ctl->program->connect(ctl))
        return false;
    return cmd->def->run(ctl, cmd);
}

/* @commands: of vshCmd (takes it). */
static bool
vshRunCommands(vshControl *ctl, GPtrArray *commands)
{
    g_autoptr(GPtrArray) own = commands;
    bool ok = true;
    guint i;

    if (!vshStart(ctl))
        return false;
    for (i = 0; i < own->len; i++) {
        gint64 start = g_get_monotonic_time();

        virResetLastError();
        ctl->omitEmptyLine = false;
        ok = vshRunCommand(ctl, g_ptr_array_index(own, i));
        if (!ok)
            vshReportError(ctl);
        if (ctl->quit)
            break;
        if (ctl->timing)
            vshPrint(ctl, _("\n(Time: %.3f ms)\n\n"), (g_get_monotonic_time() - start) / 1000.0);
        else if (!ctl->omitEmptyLine)
            vshPrintExtra(ctl, "\n");
    }
    return ok;
}

bool
vshRunText(vshControl *ctl, const char *text)
{
    GPtrArray *commands;

    if (!*text || !(commands = vshParseText(ctl, text)))
        return false;
    return vshRunCommands(ctl, commands);
}

bool
vshRunWords(vshControl *ctl, int count, char **words)
{
    GPtrArray *commands = vshParseWords(ctl, count, words);

    return commands && vshRunCommands(ctl, commands);
}
