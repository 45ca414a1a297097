/*
 * qemu_cmdline.c: what a QEMU process's command line says of its sockets
 *
 * Reads words, starts nothing, connects to nothing. Not a check of the command
 * line either: QEMU accepted it, so what isn't understood here is left out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_cmdline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "virjson.h"

#include <libvirt/virterror.h>

/* The port that guest agents listen on; fixed by the agent. */
#define QEMU_CMDLINE_AGENT_PORT "org.qemu.guest_agent.0"

/* Options without a value. All others take the next word, whatever it looks
 * like: "-append -qmp" names no monitor. */
static const char *const qemuCmdlineFlags[] = {
    "S", "alt-grab", "async-teardown", "audio-help", "ctrl-grab", "curses", "daemonize",
    "enable-fips", "enable-kvm", "enable-sync-profile", "full-screen", "h", "help",
    "mem-prealloc", "no-acpi", "no-fd-bootchk", "no-frame", "no-hpet", "no-kvm",
    "no-kvm-irqchip", "no-kvm-pit", "no-kvm-pit-reinjection", "no-quit", "no-reboot",
    "no-shutdown", "no-user-config", "nodefaults", "nodefconfig", "nographic", "old-param",
    "one-insn-per-tick", "only-migratable", "portrait", "preconfig", "s", "sdl",
    "semihosting", "show-cursor", "singlestep", "snapshot", "tdf", "usb", "version",
    "win2k-hack", "xen-attach", "xen-domid-restrict",
};

/* Options of one kind, in order, each a table of text by text. */
typedef struct {
    GHashTable *chardevs;       /* by their id; the first of an id counts, as in QEMU */
    GPtrArray *monitors;        /* tables of what one -mon says, of -qmp as well */
    GPtrArray *ports;           /* tables of what a -device virtserialport says */
} qemuCmdlineOptions;

static void
qemuCmdlineOptionsClear(qemuCmdlineOptions *options)
{
    g_hash_table_unref(options->chardevs);
    g_ptr_array_unref(options->monitors);
    g_ptr_array_unref(options->ports);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qemuCmdlineOptions, qemuCmdlineOptionsClear)

/* JSON members as the option syntax would have them: only scalars are of interest. */
static void
qemuCmdlineReadJSON(GHashTable *table, const char *text)
{
    g_autoptr(virJSONValue) json = virJSONValueFromString(text, strlen(text));
    size_t i;

    if (!json) {
        virResetLastError();
        return;
    }
    for (i = 0; i < virJSONValueObjectSize(json); i++) {
        const char *key = virJSONValueObjectKey(json, i);
        virJSONValue *value = virJSONValueObjectValue(json, i);
        bool yes = false;

        if (g_hash_table_contains(table, key))
            continue;
        switch (virJSONValueGetType(value)) {
        case VIR_JSON_TYPE_STRING:
            g_hash_table_insert(table, g_strdup(key), g_strdup(virJSONValueGetString(value)));
            break;
        case VIR_JSON_TYPE_NUMBER:
            g_hash_table_insert(table, g_strdup(key), g_strdup(virJSONValueGetNumberText(value)));
            break;
        case VIR_JSON_TYPE_BOOLEAN:
            if (virJSONValueObjectGetBoolean(json, key, &yes) == 0)
                g_hash_table_insert(table, g_strdup(key), g_strdup(yes ? "on" : "off"));
            break;
        case VIR_JSON_TYPE_OBJECT:
        case VIR_JSON_TYPE_ARRAY:
        case VIR_JSON_TYPE_NULL:
        default:
            break;
        }
    }
}

/* Takes the text up to the next single comma off @text; "a,,b" is "a,b". */
static char *
qemuCmdlineTakeItem(const char **text)
{
    GString *item = g_string_new(NULL);
    const char *p = *text;

    while (*p) {
        if (*p == ',') {
            if (p[1] != ',') {
                p++;
                break;
            }
            p++;
        }
        g_string_append_c(item, *p++);
    }
    *text = p;
    return g_string_free(item, FALSE);
}

/**
 * qemuCmdlineReadOption:
 * @text: "value,key=value,flag" or a JSON object
 * @implied: the key of a first item without one; NULL: it is a flag
 *
 * A flag "x" is x=on and "nox" is x=off, as QEMU still reads them.
 *
 * Returns a new table.
 */
static GHashTable *
qemuCmdlineReadOption(const char *text, const char *implied)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    bool first = true;

    if (*text == '{') {
        qemuCmdlineReadJSON(table, text);
        return table;
    }

    while (*text) {
        g_autofree char *item = qemuCmdlineTakeItem(&text);
        char *equals = strchr(item, '=');

        if (equals) {
            /* the last of a key counts, as in QEMU */
            g_hash_table_replace(table, g_strndup(item, equals - item), g_strdup(equals + 1));
        } else if (first && implied) {
            g_hash_table_replace(table, g_strdup(implied), g_strdup(item));
        } else if (g_str_has_prefix(item, "no") && item[2]) {
            g_hash_table_replace(table, g_strdup(item + 2), g_strdup("off"));
        } else {
            g_hash_table_replace(table, g_strdup(item), g_strdup("on"));
        }
        first = false;
    }
    return table;
}

static bool
qemuCmdlineIsOn(GHashTable *table, const char *key)
{
    const char *value = g_hash_table_lookup(table, key);

    return value && (g_str_equal(value, "on") || g_str_equal(value, "yes") ||
                     g_str_equal(value, "true") || g_str_equal(value, "y"));
}

static void
qemuCmdlineReadChardev(qemuCmdlineOptions *options, const char *value)
{
    GHashTable *table = qemuCmdlineReadOption(value, "backend");
    const char *id = g_hash_table_lookup(table, "id");

    if (!id || g_hash_table_contains(options->chardevs, id)) {
        g_hash_table_unref(table);
        return;
    }
    g_hash_table_insert(options->chardevs, g_strdup(id), table);
}

/* -qmp DEV is -chardev and -mon in one. Its table holds either the name of a
 * chardev or, under the chardev's own keys, what a chardev would say. */
static void
qemuCmdlineReadQmp(qemuCmdlineOptions *options, const char *value)
{
    GHashTable *table;

    if (g_str_has_prefix(value, "chardev:")) {
        table = qemuCmdlineReadOption("", NULL);
        g_hash_table_insert(table, g_strdup("chardev"), g_strdup(value + strlen("chardev:")));
    } else if (g_str_has_prefix(value, "unix:")) {
        table = qemuCmdlineReadOption(value + strlen("unix:"), "path");
        g_hash_table_replace(table, g_strdup("backend"), g_strdup("socket"));
    } else {
        table = qemuCmdlineReadOption(value, "backend");
    }
    g_hash_table_replace(table, g_strdup("mode"), g_strdup("control"));
    g_ptr_array_add(options->monitors, table);
}

static void
qemuCmdlineReadDevice(qemuCmdlineOptions *options, const char *value)
{
    GHashTable *table = qemuCmdlineReadOption(value, "driver");

    if (g_strcmp0(g_hash_table_lookup(table, "driver"), "virtserialport") == 0 &&
        g_strcmp0(g_hash_table_lookup(table, "name"), QEMU_CMDLINE_AGENT_PORT) == 0)
        g_ptr_array_add(options->ports, table);
    else
        g_hash_table_unref(table);
}

static void
qemuCmdlineReadName(qemuCmdline *cmdline, const char *value)
{
    g_autoptr(GHashTable) table = qemuCmdlineReadOption(value, "guest");
    const char *guest = g_hash_table_lookup(table, "guest");

    if (guest && *guest) {
        g_free(cmdline->name);
        cmdline->name = g_strdup(guest);
    }
}

/* Can somebody connect to this chardev by a path in the file system? */
static const char *
qemuCmdlineSocketPath(GHashTable *chardev)
{
    const char *path = g_hash_table_lookup(chardev, "path");

    if (g_strcmp0(g_hash_table_lookup(chardev, "backend"), "socket") != 0 ||
        !qemuCmdlineIsOn(chardev, "server") || qemuCmdlineIsOn(chardev, "abstract") ||
        !path || !*path)
        return NULL;
    return path;
}

/* The number of the listening socket that was handed to QEMU, or -1. */
static int
qemuCmdlineSocketFd(GHashTable *chardev)
{
    const char *text = g_hash_table_lookup(chardev, "fd");
    guint64 fd;

    if (g_strcmp0(g_hash_table_lookup(chardev, "backend"), "socket") != 0 ||
        !qemuCmdlineIsOn(chardev, "server") ||
        !text || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &fd, NULL))
        return -1;
    return (int)fd;
}

static void
qemuCmdlineAddMonitor(qemuCmdline *cmdline, qemuCmdlineOptions *options, GHashTable *monitor)
{
    const char *id = g_hash_table_lookup(monitor, "chardev");
    GHashTable *chardev = id ? g_hash_table_lookup(options->chardevs, id) : monitor;
    const char *path = chardev ? qemuCmdlineSocketPath(chardev) : NULL;
    int fd = chardev ? qemuCmdlineSocketFd(chardev) : -1;

    if (g_strcmp0(g_hash_table_lookup(monitor, "mode"), "control") != 0)
        cmdline->otherMonitors++;
    else if (path)
        g_ptr_array_add(cmdline->monitors, g_strdup(path));
    else if (fd >= 0)
        g_ptr_array_add(cmdline->monitorFds, GINT_TO_POINTER(fd));
    else
        cmdline->otherMonitors++;
}

static bool
qemuCmdlineTakesValue(const char *option)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qemuCmdlineFlags); i++) {
        if (g_str_equal(option, qemuCmdlineFlags[i]))
            return false;
    }
    return true;
}

static void
qemuCmdlineReadWord(qemuCmdline *cmdline, qemuCmdlineOptions *options,
                    const char *option, const char *value)
{
    if (g_str_equal(option, "qmp") || g_str_equal(option, "qmp-pretty")) {
        qemuCmdlineReadQmp(options, value);
    } else if (g_str_equal(option, "mon")) {
        g_ptr_array_add(options->monitors, qemuCmdlineReadOption(value, "chardev"));
    } else if (g_str_equal(option, "monitor")) {
        if (!g_str_equal(value, "none"))
            cmdline->otherMonitors++;
    } else if (g_str_equal(option, "chardev")) {
        qemuCmdlineReadChardev(options, value);
    } else if (g_str_equal(option, "device")) {
        qemuCmdlineReadDevice(options, value);
    } else if (g_str_equal(option, "name")) {
        qemuCmdlineReadName(cmdline, value);
    } else if (g_str_equal(option, "uuid")) {
        g_free(cmdline->uuid);
        cmdline->uuid = g_strdup(value);
    }
}

qemuCmdline *
qemuCmdlineParse(char **args)
{
    qemuCmdline *cmdline = g_new0(qemuCmdline, 1);
    g_auto(qemuCmdlineOptions) options = {
        .chardevs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify)g_hash_table_unref),
        .monitors = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref),
        .ports = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref),
    };
    size_t i;

    cmdline->monitors = g_ptr_array_new_with_free_func(g_free);
    cmdline->monitorFds = g_ptr_array_new();

    for (i = args[0] ? 1 : 0; args[i]; i++) {
        const char *option = args[i];

        if (*option++ != '-')
            continue;           /* a disk image */
        if (*option == '-')
            option++;
        if (!qemuCmdlineTakesValue(option))
            continue;
        if (!args[i + 1])
            break;
        qemuCmdlineReadWord(cmdline, &options, option, args[++i]);
    }

    /* A monitor may name a chardev that comes later. */
    for (i = 0; i < options.monitors->len; i++)
        qemuCmdlineAddMonitor(cmdline, &options, g_ptr_array_index(options.monitors, i));
    for (i = 0; i < options.ports->len && !cmdline->agent; i++) {
        const char *id = g_hash_table_lookup(g_ptr_array_index(options.ports, i), "chardev");
        GHashTable *chardev = id ? g_hash_table_lookup(options.chardevs, id) : NULL;

        if (chardev)
            cmdline->agent = g_strdup(qemuCmdlineSocketPath(chardev));
    }
    return cmdline;
}

void
qemuCmdlineFree(qemuCmdline *cmdline)
{
    if (!cmdline)
        return;
    g_free(cmdline->name);
    g_free(cmdline->uuid);
    g_free(cmdline->agent);
    g_ptr_array_unref(cmdline->monitors);
    g_ptr_array_unref(cmdline->monitorFds);
    g_free(cmdline);
}
