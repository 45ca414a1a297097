/*
 * virtmon_admin.c: virtmon-admin: its options, what it offers
 *
 * What its commands do is in the other files named virtmon_admin_*.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vsh_main.h"

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

static void
virtmonAdminUsage(void)
{
    vshPrintUsage(&virtmonAdminProgram);
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
    vshPrintCommands(&virtmonAdminProgram);
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

static bool
virtmonAdminParseDebug(const char *text, int *debug)
{
    guint64 level;

    if (!g_ascii_string_to_unsigned(text, 10, 0, VIRTMON_ADMIN_DEBUG_MAX, &level, NULL)) {
        vshArgumentError(_("option %s takes a numeric argument"), "-d");
        return false;
    }
    *debug = level;
    return true;
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
            vshComplainOption(letter, virtmonAdminOptions, argv);
            return -1;
        }
    }
    return 1;
}

/* --- the rest --- */

static bool
virtmonAdminRun(int argc, char **argv)
{
    vshControl *ctl;
    bool ok;

    if (virInitialize() < 0 || !(ctl = vshNew(&virtmonAdminProgram, &virtmonAdminArgs.settings)))
        return false;
    ok = vshRunArguments(ctl, argc, argv, optind);

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

    vshOpenStandardFiles();
    vshInitLocale();
    if (where && *where)
        virtmonAdminArgs.control.where = g_strdup(where);

    switch (virtmonAdminParseArguments(argc, argv, &virtmonAdminArgs)) {
    case -1:
        break;
    case 0:
        ok = vshFlushOutput();
        break;
    default:
        ok = virtmonAdminRun(argc, argv);
        break;
    }
    g_free(virtmonAdminArgs.control.where);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
