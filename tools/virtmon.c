/*
 * virtmon.c: the program: its options, what it offers, where it connects to
 *
 * What its commands do is in the other files named virtmon_*.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vsh_main.h"

#define VIRTMON_DEBUG_MAX 4

const vshCmdGroup virtmonGroups[] = {
    { N_("Domain Management"), "domain", virtmonDomainCommands },
    { N_("Domain Monitoring"), "monitor", virtmonMonitorCommands },
    { N_("Domain Events"), "events", virtmonEventCommands },
    { N_("QEMU Monitor Events"), "monitor-events", virtmonMonitorEventCommands },
    { N_("QEMU Monitor and Guest Agent"), "qemu", virtmonQemuCommands },
    { N_("Host and Hypervisor"), "host", virtmonHostCommands },
    { N_("Virtmon itself"), "virtmon", vshBuiltinCommands },
    { NULL },
};

/* What the command line asked for. */
typedef struct {
    vshSettings settings;
    virtmonControl control;
    bool connectAtStart;        /* -c was given: whether it works is worth knowing first */
} virtmonArguments;

static virtmonArguments virtmonArgs = {
    .settings = { .debug = -1 },
    .control = { .keepAliveInterval = -1, .keepAliveCount = -1, .escapeChar = "^]" },
};

static bool
virtmonStart(vshControl *ctl)
{
    return !virtmonArgs.connectAtStart || virtmonConnect(ctl);
}

static const char *
virtmonPrompt(vshControl *ctl)
{
    return virtmonGet(ctl)->readOnly ? "virtmon > " : "virtmon # ";
}

static const vshProgram virtmonProgram = {
    .name = "virtmon",
    .welcome = N_("Welcome to virtmon, the shell for the events of QEMU's monitors."),
    .groups = virtmonGroups,
    .start = virtmonStart,
    .connect = virtmonConnect,
    .prompt = virtmonPrompt,
    .opaque = &virtmonArgs.control,
};

/* --- the command line --- */

static void
virtmonUsage(void)
{
    vshPrintUsage(&virtmonProgram);
    fputs(_("  options:\n"
            "    -c | --connect=URI      where to connect to\n"
            "    -d | --debug=NUM        tell more or less, 0 (all) to 4 (nothing)\n"
            "    -e | --escape <char>    accepted, as virsh does; there is no console\n"
            "    -h | --help             this help\n"
            "    -k | --keepalive-interval=NUM\n"
            "                            seconds between signs of life, 0 for none\n"
            "    -K | --keepalive-count=NUM\n"
            "                            how many of them may go unanswered\n"
            "    -l | --log=FILE         append errors and debug messages to a file\n"
            "    -q | --quiet            no extra lines\n"
            "    -r | --readonly         refuse to change anything\n"
            "    -t | --timing           tell how long each command took\n"
            "    -v                      the version\n"
            "    -V                      the version, and what is supported\n"
            "         --version[=TYPE]   the same, TYPE is short or long (default short)\n"),
          stdout);
    vshPrintCommands(&virtmonProgram);
}

static void
virtmonVersion(bool full)
{
    if (!full) {
        puts(VERSION);
        return;
    }
    printf(_("virtmon %1$s, with the API of libvirt %2$d.%3$d.%4$d\n"), VERSION,
           LIBVIR_VERSION_NUMBER / 1000000, LIBVIR_VERSION_NUMBER / 1000 % 1000,
           LIBVIR_VERSION_NUMBER % 1000);
    fputs(_("\nWhat it can connect to:\n"
            " qemu:///embed?monitor=PATH   the QEMU behind a monitor's socket, in this process;\n"
            "                              PATH may be a pattern and be given more than once\n"
            " qemu:///embed?root=DIR       likewise, with its files below a folder\n"), stdout);
    fputs(_(" qemu:///system               virtmond on this host, or libvirt's own daemon;\n"
            "                              of the user's session: qemu:///session\n"
            " qemu+ssh://HOST/system       a daemon on another host; tls, tcp, ext likewise\n"),
          stdout);
}

/* A whole number that isn't negative: -k and -K. */
static bool
virtmonParseCount(char option, const char *text, int *count)
{
    gint64 number;

    if (!g_ascii_string_to_signed(text, 10, G_MININT, G_MAXINT, &number, NULL)) {
        vshArgumentError(_("Invalid value for option -%c"), option);
        return false;
    }
    if (number < 0) {
        vshArgumentError(_("option -%c requires a positive integer argument"), option);
        return false;
    }
    *count = number;
    return true;
}

static bool
virtmonParseDebug(const char *text, int *level)
{
    gint64 number;

    if (!g_ascii_string_to_signed(text, 10, G_MININT, G_MAXINT, &number, NULL)) {
        vshArgumentError("%s", _("option -d takes a numeric argument"));
        return false;
    }
    if (number < 0 || number > VIRTMON_DEBUG_MAX)
        vshArgumentError(_("ignoring debug level %1$d out of range [%2$d-%3$d]"),
                         (int)number, 0, VIRTMON_DEBUG_MAX);
    else
        *level = number;
    return true;
}

/* One character, or ^ and one that makes a control character. */
static bool
virtmonParseEscape(const char *text, virtmonControl *control)
{
    size_t len = strlen(text);

    if (!(len == 1 && *text != '^') &&
        !(len == 2 && *text == '^' &&
          (g_ascii_isalpha(text[1]) || strchr("@[\\]^_", text[1])))) {
        vshArgumentError(_("Invalid string '%s' for escape sequence"), text);
        return false;
    }
    g_strlcpy(control->escapeChar, text, sizeof(control->escapeChar));
    return true;
}

static const struct option virtmonOptions[] = {
    { "connect", required_argument, NULL, 'c' },
    { "debug", required_argument, NULL, 'd' },
    { "escape", required_argument, NULL, 'e' },
    { "help", no_argument, NULL, 'h' },
    { "keepalive-interval", required_argument, NULL, 'k' },
    { "keepalive-count", required_argument, NULL, 'K' },
    { "log", required_argument, NULL, 'l' },
    { "quiet", no_argument, NULL, 'q' },
    { "readonly", no_argument, NULL, 'r' },
    { "timing", no_argument, NULL, 't' },
    { "version", optional_argument, NULL, 'v' },
    { NULL },
};

/**
 * virtmonParseArguments:
 * @argc, @argv: the command line
 * @args: gets what it asks for
 *
 * Returns 1 with optind at the first command, 0 if all is done (help, version), -1 with the
 * error printed.
 */
static int
virtmonParseArguments(int argc, char **argv, virtmonArguments *args)
{
    int letter;

    while ((letter = getopt_long(argc, argv, "+:c:d:e:hk:K:l:qrtvV", virtmonOptions,
                                 NULL)) != -1) {
        switch (letter) {
        case 'c':
            g_free(args->control.uri);
            args->control.uri = g_strdup(optarg);
            args->connectAtStart = true;
            break;
        case 'd':
            if (!virtmonParseDebug(optarg, &args->settings.debug))
                return -1;
            break;
        case 'e':
            if (!virtmonParseEscape(optarg, &args->control))
                return -1;
            break;
        case 'h':
            virtmonUsage();
            return 0;
        case 'k':
            if (!virtmonParseCount('k', optarg, &args->control.keepAliveInterval))
                return -1;
            break;
        case 'K':
            if (!virtmonParseCount('K', optarg, &args->control.keepAliveCount))
                return -1;
            break;
        case 'l':
            args->settings.logFile = optarg;
            break;
        case 'q':
            args->settings.quiet = true;
            break;
        case 'r':
            args->control.readOnly = true;
            break;
        case 't':
            args->settings.timing = true;
            break;
        case 'v':
        case 'V':
            virtmonVersion(letter == 'V' || (optarg && strcmp(optarg, "long") == 0));
            return 0;
        default:
            vshComplainOption(letter, virtmonOptions, argv);
            return -1;
        }
    }
    return 1;
}

/* --- the rest --- */

int
main(int argc, char **argv)
{
    virtmonControl *control = &virtmonArgs.control;
    const char *uri = getenv("VIRTMON_DEFAULT_CONNECT_URI");
    vshControl *ctl;
    bool ok;

    vshOpenStandardFiles();
    vshInitLocale();
    if (uri && *uri)
        control->uri = g_strdup(uri);

    switch (virtmonParseArguments(argc, argv, &virtmonArgs)) {
    case -1:
        g_free(control->uri);
        return EXIT_FAILURE;
    case 0:
        g_free(control->uri);
        return vshFlushOutput() ? EXIT_SUCCESS : EXIT_FAILURE;
    default:
        break;
    }

    if (virInitialize() < 0 || !(ctl = vshNew(&virtmonProgram, &virtmonArgs.settings))) {
        g_free(control->uri);
        return EXIT_FAILURE;
    }
    ok = vshRunArguments(ctl, argc, argv, optind);

    virtmonDisconnect(ctl);
    ok = ok && !vshOutputFailed(ctl);
    vshFree(ctl);
    g_free(control->uri);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
