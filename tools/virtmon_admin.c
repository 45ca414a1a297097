/*
 * virtmon_admin.c: virtmon-admin: its options, what it offers
 *
 * What its commands do is in the other files named virtmon_admin_*.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_admin.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VIRTMON_ADMIN_DEBUG_MAX 4

static const vshCmdGroup virtmonAdminGroups[] = {
    { N_("Virtmon-admin itself"), "virtmon-admin", vshBuiltinCommands },
    { N_("Connection"), "connection", virtmonAdminConnectionCommands },
    { N_("Monitoring commands"), "monitor", virtmonAdminMonitorCommands },
    { N_("Management commands"), "management", virtmonAdminManagementCommands },
    { N_("What only virtmond tells"), "virtmond", virtmonAdminStatsCommands },
    { NULL },
};

/* What the command line asked for. */
typedef struct {
    vshSettings settings;
    virtmonAdminControl control;
    bool connectAtStart;        /* -c was given: whether it works is worth knowing first */
} virtmonAdminArguments;

static virtmonAdminArguments virtmonAdminArgs = { .settings = { .debug = -1 } };

static bool
virtmonAdminStart(vshControl *ctl)
{
    return !virtmonAdminArgs.connectAtStart || virtmonAdminConnect(ctl);
}

static const char *
virtmonAdminPrompt(vshControl *ctl G_GNUC_UNUSED)
{
    return "virtmon-admin # ";
}

static const vshProgram virtmonAdminProgram = {
    .name = "virtmon-admin",
    .welcome = N_("Welcome to virtmon-admin, the shell for administrators of virtmond."),
    .groups = virtmonAdminGroups,
    .start = virtmonAdminStart,
    .connect = virtmonAdminConnect,
    .prompt = virtmonAdminPrompt,
    .opaque = &virtmonAdminArgs.control,
};

/* --- the command line --- */

/* There is no shell yet that could print it. */
static void G_GNUC_PRINTF(1, 2)
virtmonAdminArgumentError(const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    fprintf(stderr, "%s%s\n", _("error: "), message);
}

static void
virtmonAdminUsage(void)
{
    const vshCmdGroup *group;
    const vshCmdDef *command;

    printf(_("\n%1$s [options]... [<command_string>]\n"
             "%1$s [options]... <command> [args...]\n\n"),
           virtmonAdminProgram.name);
    fputs(_("  options:\n"
            "    -c | --connect=SOCKET   path of an admin socket, or a URI that names one\n"
            "    -d | --debug=NUM        tell more or less, 0 (all) to 4 (nothing)\n"
            "    -h | --help             this help\n"
            "    -l | --log=FILE         append errors and debug messages to a file\n"
            "    -q | --quiet            no extra lines\n"
            "    -t | --timing           tell how long each command took\n"
            "    -v                      the version\n"
            "    -V                      the version, and what is supported\n"
            "         --version[=TYPE]   the same, TYPE is short or long (default short)\n"),
          stdout);
    fputs(_("  commands (non interactive mode):\n\n"), stdout);
    for (group = virtmonAdminGroups; group->name; group++) {
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

static void
virtmonAdminVersion(bool full)
{
    if (!full) {
        puts(VERSION);
        return;
    }
    printf(_("virtmon-admin %1$s, with the admin protocol of libvirt %2$d.%3$d.%4$d\n"), VERSION,
           LIBVIR_VERSION_NUMBER / 1000000, LIBVIR_VERSION_NUMBER / 1000 % 1000,
           LIBVIR_VERSION_NUMBER % 1000);
    fputs(_("\nWhat it can connect to:\n"
            " virtmond:///system           virtmond, as root runs it; of the user's session:\n"
            "                              virtmond:///session\n"
            " libvirtd:///system           a daemon of libvirt's, by its name\n"
            " PATH, ?socket=PATH           one that listens somewhere else\n"), stdout);
}

static const struct option virtmonAdminOptions[] = {
    { "connect", required_argument, NULL, 'c' },
    { "debug", required_argument, NULL, 'd' },
    { "help", no_argument, NULL, 'h' },
    { "log", required_argument, NULL, 'l' },
    { "quiet", no_argument, NULL, 'q' },
    { "timing", no_argument, NULL, 't' },
    { "version", optional_argument, NULL, 'v' },
    { NULL },
};

static const char *
virtmonAdminLongOption(int letter)
{
    const struct option *option;

    for (option = virtmonAdminOptions; option->name; option++) {
        if (option->val == letter)
            return option->name;
    }
    return NULL;
}

static bool
virtmonAdminParseDebug(const char *text, int *debug)
{
    guint64 level;

    if (!g_ascii_string_to_unsigned(text, 10, 0, VIRTMON_ADMIN_DEBUG_MAX, &level, NULL)) {
        virtmonAdminArgumentError(_("option %s takes a numeric argument"), "-d");
        return false;
    }
    *debug = level;
    return true;
}

/* Says what is wrong with the option that getopt_long() has stumbled on. */
static void
virtmonAdminComplain(int letter, char **argv)
{
    if (letter == ':')
        virtmonAdminArgumentError(_("option '-%1$c'/'--%2$s' requires an argument"), optopt,
                                  virtmonAdminLongOption(optopt));
    else if (optopt)
        virtmonAdminArgumentError(_("unsupported option '-%c'. See --help."), optopt);
    else
        virtmonAdminArgumentError(_("unsupported option '%s'. See --help."), argv[optind - 1]);
}

/* Returns 1 with optind at the first command, 0 if all is done (help, version), -1 with the error
 * printed. */
static int
virtmonAdminParseArguments(int argc, char **argv, virtmonAdminArguments *args)
{
    int letter;

    while ((letter = getopt_long(argc, argv, "+:c:d:hl:qtvV", virtmonAdminOptions, NULL)) != -1) {
        switch (letter) {
        case 'c':
            g_free(args->control.where);
            args->control.where = g_strdup(optarg);
            args->connectAtStart = true;
            break;
        case 'd':
            if (!virtmonAdminParseDebug(optarg, &args->settings.debug))
                return -1;
            break;
        case 'h':
            virtmonAdminUsage();
            return 0;
        case 'l':
            args->settings.logFile = optarg;
            break;
        case 'q':
            args->settings.quiet = true;
            break;
        case 't':
            args->settings.timing = true;
            break;
        case 'v':
        case 'V':
            virtmonAdminVersion(letter == 'V' || (optarg && strcmp(optarg, "long") == 0));
            return 0;
        default:
            virtmonAdminComplain(letter, argv);
            return -1;
        }
    }
    return 1;
}

/* --- the rest --- */

/* The daemon's socket that got the number of a closed stdout would be printed to. */
static void
virtmonAdminOpenStandardFiles(void)
{
    int fd;

    do {
        if ((fd = open("/dev/null", O_RDWR)) < 0)
            abort();
    } while (fd <= STDERR_FILENO);
    close(fd);
}

static void
virtmonAdminInitLocale(void)
{
    const char *dir = getenv("VIRTMON_LOCALEDIR");

    /* An unknown locale is C, as with every program. */
    setlocale(LC_ALL, "");
    bindtextdomain(PACKAGE, dir && *dir ? dir : LOCALEDIR);
    bind_textdomain_codeset(PACKAGE, "UTF-8");
    textdomain(PACKAGE);
}

/* Flushes what was printed without a shell. */
static bool
virtmonAdminFlush(void)
{
    if (fflush(stdout) == 0)
        return true;
    if (errno != EPIPE)
        virtmonAdminArgumentError(_("cannot write to the standard output: %s"),
                                  g_strerror(errno));
    return false;
}

static bool
virtmonAdminRun(int argc, char **argv)
{
    vshControl *ctl;
    bool ok;

    if (virInitialize() < 0 || !(ctl = vshNew(&virtmonAdminProgram, &virtmonAdminArgs.settings)))
        return false;
    if (optind == argc)
        ok = vshRunInteractive(ctl);
    else if (optind == argc - 1)
        ok = vshRunText(ctl, argv[optind]);
    else
        ok = vshRunWords(ctl, argc - optind, argv + optind);

    virtmonAdminDisconnect(ctl);
    ok = ok && !vshOutputFailed(ctl);
    vshFree(ctl);
    return ok;
}

int
main(int argc, char **argv)
{
    const char *where = getenv("VIRTMON_ADMIN_DEFAULT_CONNECT_URI");
    bool ok = false;

    virtmonAdminOpenStandardFiles();
    virtmonAdminInitLocale();
    if (where && *where)
        virtmonAdminArgs.control.where = g_strdup(where);

    switch (virtmonAdminParseArguments(argc, argv, &virtmonAdminArgs)) {
    case -1:
        break;
    case 0:
        ok = virtmonAdminFlush();
        break;
    default:
        ok = virtmonAdminRun(argc, argv);
        break;
    }
    g_free(virtmonAdminArgs.control.where);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
