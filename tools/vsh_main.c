/*
 * vsh_main.c: what main() of a shell does before there is one, and instead of one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_main.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
vshOpenStandardFiles(void)
{
    int fd;

    do {
        if ((fd = open("/dev/null", O_RDWR)) < 0)
            abort();
    } while (fd <= STDERR_FILENO);
    close(fd);
}

void
vshInitLocale(void)
{
    const char *dir = getenv("VIRTMON_LOCALEDIR");

    /* An unknown locale is C, as with every program. */
    setlocale(LC_ALL, "");
    bindtextdomain(PACKAGE, dir && *dir ? dir : LOCALEDIR);
    bind_textdomain_codeset(PACKAGE, "UTF-8");
    textdomain(PACKAGE);
}

void
vshArgumentError(const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    fprintf(stderr, "%s%s\n", _("error: "), message);
}

static const char *
vshLongOption(int letter, const struct option *options)
{
    for (; options->name; options++) {
        if (options->val == letter)
            return options->name;
    }
    return NULL;
}

void
vshComplainOption(int letter, const struct option *options, char **argv)
{
    if (letter == ':')
        vshArgumentError(_("option '-%1$c'/'--%2$s' requires an argument"), optopt,
                         vshLongOption(optopt, options));
    else if (optopt)
        vshArgumentError(_("unsupported option '-%c'. See --help."), optopt);
    else
        vshArgumentError(_("unsupported option '%s'. See --help."), argv[optind - 1]);
}

void
vshPrintUsage(const vshProgram *program)
{
    printf(_("\n%1$s [options]... [<command_string>]\n"
             "%1$s [options]... <command> [args...]\n\n"),
           program->name);
}

void
vshPrintCommands(const vshProgram *program)
{
    const vshCmdGroup *group;
    const vshCmdDef *command;

    fputs(_("  commands (non interactive mode):\n\n"), stdout);
    for (group = program->groups; group->name; group++) {
        printf(_(" %1$s (help keyword '%2$s')\n"), _(group->name), group->keyword);
        for (command = group->commands; command->name; command++) {
            if (!(command->flags & VSH_CMD_HIDDEN))
                printf("    %-30s %s\n", command->name, _(command->help));
        }
        fputc('\n', stdout);
    }
    fputs(_("\n  (\"help <group>\" lists one group, \"help <command>\" explains one command)\n\n"),
          stdout);
}

bool
vshFlushOutput(void)
{
    if (fflush(stdout) == 0)
        return true;
    if (errno != EPIPE)
        vshArgumentError(_("cannot write to the standard output: %s"), g_strerror(errno));
    return false;
}

bool
vshRunArguments(vshControl *ctl, int argc, char **argv, int first)
{
    if (first == argc)
        return vshRunInteractive(ctl);
    if (first == argc - 1)
        return vshRunText(ctl, argv[first]);
    return vshRunWords(ctl, argc - first, argv + first);
}
