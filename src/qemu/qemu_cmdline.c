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
    "enable-fips", "enable-kvm", "enable-sync-profile", "full-screen", "h", "help", "jitdump",
    "localtime", "mem-prealloc", "no-acpi", "no-fd-bootchk", "no-frame", "no-hpet", "no-kvm",
    "no-kvm-irqchip", "no-kvm-pit", "no-kvm-pit-reinjection", "no-quit", "no-reboot",
    "no-shutdown", "no-user-config", "nodefaults", "nodefconfig", "nographic", "old-param",
    "one-insn-per-tick", "only-migratable", "perfmap", "portrait", "preconfig", "rtc-td-hack",
    "s", "sdl", "semihosting", "show-cursor", "singlestep", "snapshot", "tdf", "usb", "version",
    "win2k-hack", "xen-attach", "xen-create", "xen-domid-restrict",
};

/* Options of one kind, in order, each a table of text by text. */
typedef struct {
    GPtrArray *chardevs;        /* what -chardev says, or what -serial and the like imply */
    GHashTable *chardevsByID;   /* borrowed; the first of an id counts, as in QEMU */
    GPtrArray *monitors;        /* what -mon says, and -qmp and -monitor */
    GPtrArray *ports;           /* what a -device virtserialport says */
} qemuCmdlineOptions;

static void
qemuCmdlineOptionsInit(qemuCmdlineOptions *options)
{
    options->chardevs = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
    options->chardevsByID = g_hash_table_new(g_str_hash, g_str_equal);
    options->monitors = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
    options->ports = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
}

static void
qemuCmdlineOptionsClear(qemuCmdlineOptions *options)
{
    g_hash_table_unref(options->chardevsByID);
    g_ptr_array_unref(options->chardevs);
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

    if (*text == '{') {
        qemuCmdlineReadJSON(table, text);
        return table;
    }

    for (; *text; implied = NULL) {
        size_t len = strcspn(text, "=,");
        g_autofree char *key = NULL;
        char *value;

        /* A key ends at the first '=' or comma, doubled or not: "a,,b=c" has none. */
        if (text[len] == '=') {
            key = g_strndup(text, len);
            text += len + 1;
            value = qemuCmdlineTakeItem(&text);
        } else if (implied) {
            key = g_strdup(implied);
            value = qemuCmdlineTakeItem(&text);
        } else {
            key = qemuCmdlineTakeItem(&text);
            value = g_strdup(g_str_has_prefix(key, "no") ? "off" : "on");
            if (g_str_has_prefix(key, "no"))
                memmove(key, key + 2, strlen(key + 2) + 1);
        }
        /* the last of a key counts, as in QEMU */
        g_hash_table_replace(table, g_steal_pointer(&key), value);
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

static GHashTable *
qemuCmdlineFindChardev(qemuCmdlineOptions *options, const char *id)
{
    return id ? g_hash_table_lookup(options->chardevsByID, id) : NULL;
}

static void
qemuCmdlineReadChardev(qemuCmdlineOptions *options, const char *value)
{
    GHashTable *table = qemuCmdlineReadOption(value, "backend");
    char *id = g_hash_table_lookup(table, "id");

    g_ptr_array_add(options->chardevs, table);
    if (id && !qemuCmdlineFindChardev(options, id))
        g_hash_table_insert(options->chardevsByID, id, table);
}

/* -qmp, -monitor, -serial DEV: either the name of a chardev, under the key "chardev", or under
 * the chardev's own keys what one would say. Returns a new table. */
static GHashTable *
qemuCmdlineReadDev(const char *value)
{
    GHashTable *table;

    if (g_str_has_prefix(value, "chardev:")) {
        table = qemuCmdlineReadOption("", NULL);
        g_hash_table_insert(table, g_strdup("chardev"), g_strdup(value + strlen("chardev:")));
        return table;
    }
    if (g_str_has_prefix(value, "mon:"))        /* shared with a monitor */
        value += strlen("mon:");
    if (!g_str_has_prefix(value, "unix:"))
        return qemuCmdlineReadOption(value, "backend");
    table = qemuCmdlineReadOption(value + strlen("unix:"), "path");
    g_hash_table_replace(table, g_strdup("backend"), g_strdup("socket"));
    return table;
}

static void
qemuCmdlineReadMonitor(qemuCmdlineOptions *options, const char *value, const char *mode)
{
    GHashTable *table = qemuCmdlineReadDev(value);

    g_hash_table_replace(table, g_strdup("mode"), g_strdup(mode));
    g_ptr_array_add(options->monitors, table);
}

/* GROUP.ID.KEY=VALUE, for an option that came before. */
static void
qemuCmdlineReadSet(qemuCmdlineOptions *options, const char *value)
{
    const char *equals = strchr(value, '=');
    g_autofree char *name = equals ? g_strndup(value, equals - value) : NULL;
    g_auto(GStrv) parts = name ? g_strsplit(name, ".", 3) : NULL;
    GHashTable *table;

    if (!parts || g_strv_length(parts) != 3 || !g_str_equal(parts[0], "chardev") ||
        g_str_equal(parts[2], "id") || !(table = qemuCmdlineFindChardev(options, parts[1])))
        return;
    g_hash_table_replace(table, g_strdup(parts[2]), g_strdup(equals + 1));
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

/* @path may be NULL. */
static void
qemuCmdlineAddSocket(qemuCmdline *cmdline, const char *path)
{
    if (path && cmdline->sockets->len < QEMU_CMDLINE_SOCKETS_MAX &&
        !g_ptr_array_find_with_equal_func(cmdline->monitors, path, g_str_equal, NULL))
        g_ptr_array_add(cmdline->sockets, g_strdup(path));
}

static void
qemuCmdlineAddMonitor(qemuCmdline *cmdline, qemuCmdlineOptions *options, GHashTable *monitor)
{
    const char *id = g_hash_table_lookup(monitor, "chardev");
    GHashTable *chardev = id ? qemuCmdlineFindChardev(options, id) : monitor;
    bool qmp = g_strcmp0(g_hash_table_lookup(monitor, "mode"), "control") == 0;
    const char *path = chardev ? qemuCmdlineSocketPath(chardev) : NULL;
    int fd = chardev ? qemuCmdlineSocketFd(chardev) : -1;

    if (qmp && path && cmdline->monitors->len < QEMU_CMDLINE_SOCKETS_MAX)
        g_ptr_array_add(cmdline->monitors, g_strdup(path));
    else if (qmp && fd >= 0 && cmdline->monitorFds->len < QEMU_CMDLINE_SOCKETS_MAX)
        g_ptr_array_add(cmdline->monitorFds, GINT_TO_POINTER(fd));
    else
        cmdline->otherMonitors++;
    if (!qmp)
        qemuCmdlineAddSocket(cmdline, path);
}

static void
qemuCmdlineAddAgent(qemuCmdline *cmdline, qemuCmdlineOptions *options, GHashTable *port)
{
    const char *id = g_hash_table_lookup(port, "chardev");
    GHashTable *chardev = qemuCmdlineFindChardev(options, id);

    if (!chardev || cmdline->agentChardev)
        return;
    cmdline->agentChardev = g_strdup(id);
    cmdline->agent = g_strdup(qemuCmdlineSocketPath(chardev));
    cmdline->agentFd = qemuCmdlineSocketFd(chardev);
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
        qemuCmdlineReadMonitor(options, value, "control");
    } else if (g_str_equal(option, "monitor")) {
        if (!g_str_equal(value, "none"))
            qemuCmdlineReadMonitor(options, value, "readline");
    } else if (g_str_equal(option, "mon")) {
        g_ptr_array_add(options->monitors, qemuCmdlineReadOption(value, "chardev"));
    } else if (g_str_equal(option, "chardev")) {
        qemuCmdlineReadChardev(options, value);
    } else if (g_str_equal(option, "serial") || g_str_equal(option, "parallel") ||
               g_str_equal(option, "debugcon")) {
        g_ptr_array_add(options->chardevs, qemuCmdlineReadDev(value));
    } else if (g_str_equal(option, "set")) {
        qemuCmdlineReadSet(options, value);
    } else if (g_str_equal(option, "device")) {
        qemuCmdlineReadDevice(options, value);
    } else if (g_str_equal(option, "readconfig")) {
        cmdline->readsConfig = true;
    }
}

qemuCmdline *
qemuCmdlineParse(char **args)
{
    qemuCmdline *cmdline = g_new0(qemuCmdline, 1);
    g_auto(qemuCmdlineOptions) options = { 0 };
    size_t i;

    qemuCmdlineOptionsInit(&options);
    cmdline->monitors = g_ptr_array_new_with_free_func(g_free);
    cmdline->monitorFds = g_ptr_array_new();
    cmdline->sockets = g_ptr_array_new_with_free_func(g_free);
    cmdline->agentFd = -1;

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
    for (i = 0; i < options.chardevs->len; i++)
        qemuCmdlineAddSocket(cmdline,
                             qemuCmdlineSocketPath(g_ptr_array_index(options.chardevs, i)));
    for (i = 0; i < options.ports->len; i++)
        qemuCmdlineAddAgent(cmdline, &options, g_ptr_array_index(options.ports, i));
    return cmdline;
}

void
qemuCmdlineFree(qemuCmdline *cmdline)
{
    if (!cmdline)
        return;
    g_ptr_array_unref(cmdline->monitors);
    g_ptr_array_unref(cmdline->monitorFds);
    g_ptr_array_unref(cmdline->sockets);
    g_free(cmdline->agentChardev);
    g_free(cmdline->agent);
    g_free(cmdline);
}
