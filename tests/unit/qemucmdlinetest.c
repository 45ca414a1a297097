/*
 * qemucmdlinetest.c: what command lines of QEMU say of sockets
 *
 * Each of those that name a path was tried on QEMU 7.2, which then listened there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "qemu_cmdline.h"

#include <string.h>

/* The words of @text, split at single spaces: "~" stands for a space in one. */
static qemuCmdline *
parse(const char *text)
{
    g_auto(GStrv) args = g_strsplit(text, " ", -1);
    size_t i;

    for (i = 0; args[i]; i++)
        g_strdelimit(args[i], "~", ' ');
    return qemuCmdlineParse(args);
}

/* The paths of @array in one text, each in brackets. */
static char *
join(GPtrArray *array)
{
    GString *text = g_string_new(NULL);
    size_t i;

    for (i = 0; i < array->len; i++)
        g_string_append_printf(text, "[%s]", (char *)g_ptr_array_index(array, i));
    return g_string_free(text, FALSE);
}

typedef struct {
    const char *args;
    const char *monitors;       /* as join() gives them */
    size_t others;
} Monitors;

static const Monitors monitors[] = {
    { "qemu", "", 0 },
    { "qemu -qmp unix:/a,server=on,wait=off", "[/a]", 0 },
    { "qemu --qmp unix:/a,server,nowait", "[/a]", 0 },
    { "qemu -qmp-pretty unix:/a,server=on,wait=off", "[/a]", 0 },
    { "qemu -qmp unix:path=/a,server=on", "[/a]", 0 },
    { "qemu -qmp mon:unix:/a,server=on", "[/a]", 0 },
    { "qemu -qmp unix:rel/a,server=on", "[rel/a]", 0 },
    { "qemu -qmp unix:/a~b,server=on", "[/a b]", 0 },
    /* a doubled comma is one, and what follows it belongs to the path */
    { "qemu -qmp unix:/a,,b,server=on", "[/a,b]", 0 },
    { "qemu -qmp unix:/a,,b=c,server=on", "[/a,b=c]", 0 },
    { "qemu -chardev socket,id=m,path=/a,,,,b=c,server=on -mon m,mode=control", "[/a,,b=c]", 0 },
    { "qemu -chardev socket,id=m,server=on,path=/a,, -mon m,mode=control", "[/a,]", 0 },

    { "qemu -chardev socket,id=m,path=/a,server=on,wait=off -mon chardev=m,mode=control", "[/a]",
      0 },
    { "qemu -mon m,mode=control -chardev socket,path=/a,server,nowait,id=m", "[/a]", 0 },
    { "qemu -chardev backend=socket,id=m,path=/a,server=yes -mon m,mode=control,pretty=on",
      "[/a]", 0 },
    { "qemu -chardev socket,id=m,path=/a,server=on -qmp chardev:m", "[/a]", 0 },
    { "qemu -chardev socket,id=m,path=/x,path=/a,server=on -mon m,mode=control", "[/a]", 0 },
    { "qemu -chardev socket,id=m,path=/x,server=on -set chardev.m.path=/a -mon m,mode=control",
      "[/a]", 0 },
    { "qemu -set chardev.m.path=/x -chardev socket,id=m,path=/a,server=on -mon m,mode=control",
      "[/a]", 0 },
    { "qemu -set chardev.m -set x -set a.b.c=d -set chardev.m.id=n -qmp unix:/a,server=on",
      "[/a]", 0 },
    { "qemu -chardev {\"backend\":\"socket\",\"id\":\"m\",\"path\":\"/a,b\",\"server\":true} "
      "-mon {\"chardev\":\"m\",\"mode\":\"control\"}", "[/a,b]", 0 },
    { "qemu -qmp unix:/a,server=on -qmp unix:/b,server=on -qmp-pretty unix:/c,server=on",
      "[/a][/b][/c]", 0 },

    /* nobody can connect to these by a path, or it would not be QMP */
    { "qemu -qmp unix:/a", "", 1 },
    { "qemu -qmp unix:/a,server=off", "", 1 },
    { "qemu -qmp unix:/a,server,noserver", "", 1 },
    { "qemu -qmp unix:,server=on", "", 1 },
    { "qemu -qmp tcp:localhost:4444,server=on", "", 1 },
    { "qemu -qmp stdio -monitor unix:/h,server=on", "", 2 },
    { "qemu -monitor none", "", 0 },
    { "qemu -chardev socket,id=m,path=/a,abstract=on,server=on -mon m,mode=control", "", 1 },
    { "qemu -chardev socket,id=m,path=/a,server=on -mon m", "", 1 },
    { "qemu -chardev socket,id=m,path=/a,server=on -mon m,mode=readline", "", 1 },
    { "qemu -chardev socket,id=m,path=/a,server=on -mon other,mode=control", "", 1 },
    { "qemu -chardev file,id=m,path=/a -mon m,mode=control", "", 1 },
    { "qemu -chardev socket,path=/a,server=on -mon m,mode=control", "", 1 },

    /* words that are somebody's value, and options without one */
    { "qemu -append -qmp unix:/a,server=on", "", 0 },
    { "qemu -S -qmp unix:/a,server=on -enable-kvm", "[/a]", 0 },
    { "qemu -nodefaults -no-user-config -daemonize --preconfig -qmp unix:/a,server=on", "[/a]",
      0 },
    { "qemu disk.img -qmp unix:/a,server=on", "[/a]", 0 },
    { "qemu -qmp", "", 0 },
    { "qemu -qmp -qmp unix:/a,server=on", "", 1 },
    { "qemu -", "", 0 },
    { "qemu -- -qmp unix:/a,server=on", "", 0 },
    { "qemu -chardev {broken -mon {broken", "", 1 },
};

static void
testMonitors(void)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(monitors); i++) {
        g_autoptr(qemuCmdline) cmdline = parse(monitors[i].args);
        g_autofree char *found = join(cmdline->monitors);

        g_test_message("%s", monitors[i].args);
        g_assert_cmpstr(found, ==, monitors[i].monitors);
        g_assert_cmpuint(cmdline->otherMonitors, ==, monitors[i].others);
        g_assert_cmpuint(cmdline->monitorFds->len, ==, 0);
    }
}

static void
testEmpty(void)
{
    char *none[] = { NULL };
    g_autoptr(qemuCmdline) cmdline = qemuCmdlineParse(none);

    g_assert_cmpuint(cmdline->monitors->len, ==, 0);
    g_assert_false(cmdline->readsConfig);
}

static void
testPassedSockets(void)
{
    g_autoptr(qemuCmdline) cmdline =
        parse("qemu -chardev socket,id=m,fd=22,server=on,wait=off -mon m,mode=control "
              "-chardev socket,id=n,fd=23 -mon n,mode=control "
              "-chardev socket,id=o,fd=named,server=on -mon o,mode=control "
              "-chardev socket,id=p,fd=-1,server=on -mon p,mode=control "
              "-chardev socket,id=q,fd=2147483648,server=on -mon q,mode=control "
              "-chardev socket,id=r,fd=0,server=on -mon r,mode=control");

    g_assert_cmpuint(cmdline->monitors->len, ==, 0);
    g_assert_cmpuint(cmdline->monitorFds->len, ==, 2);
    g_assert_cmpint(GPOINTER_TO_INT(g_ptr_array_index(cmdline->monitorFds, 0)), ==, 22);
    g_assert_cmpint(GPOINTER_TO_INT(g_ptr_array_index(cmdline->monitorFds, 1)), ==, 0);
    g_assert_cmpuint(cmdline->otherMonitors, ==, 4);
}

/* What isn't a QMP monitor must never be taken for one. */
static void
testOtherSockets(void)
{
    g_autoptr(qemuCmdline) cmdline =
        parse("qemu -qmp unix:/q,server=on -monitor unix:/h,server=on -serial unix:/s,server=on "
              "-serial mon:unix:/t,server=on -parallel unix:/p,server=on -serial chardev:c "
              "-debugcon unix:/d,server=on -serial unix:/client -serial stdio "
              "-chardev socket,id=c,path=/c,server=on "
              "-chardev socket,path=/m,id=m,server=on -mon m,mode=control "
              "-chardev socket,path=/noid,server=on -readconfig /x");
    g_autofree char *sockets = join(cmdline->sockets);
    g_autofree char *found = join(cmdline->monitors);

    g_assert_cmpstr(found, ==, "[/q][/m]");
    g_assert_cmpstr(sockets, ==, "[/h][/s][/t][/p][/d][/c][/noid]");
    g_assert_true(cmdline->readsConfig);
}

static void
testAgent(void)
{
    static const char *const devices[] = {
        "virtserialport,chardev=c,name=org.qemu.guest_agent.0",
        "virtserialport,bus=b.0,nr=1,chardev=c,id=channel0,name=org.qemu.guest_agent.0",
        ("{\"driver\":\"virtserialport\",\"nr\":1,\"chardev\":\"c\",\"id\":\"x\","
         "\"name\":\"org.qemu.guest_agent.0\"}"),
    };
    static const char *const others[] = {
        "virtserialport,chardev=c,name=com.redhat.spice.0",
        "virtserialport,chardev=c",
        "virtserialport,name=org.qemu.guest_agent.0",
        "virtserialport,chardev=other,name=org.qemu.guest_agent.0",
        "isa-serial,chardev=c,name=org.qemu.guest_agent.0",
        "{\"driver\":\"virtserialport\",\"chardev\":[\"c\"],\"name\":\"org.qemu.guest_agent.0\"}",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(devices); i++) {
        g_autofree char *args = g_strdup_printf("qemu -device %s -chardev "
                                                "socket,id=c,path=/ga,server=on", devices[i]);
        g_autofree char *passed = g_strdup_printf("qemu -chardev socket,id=c,fd=7,server=on "
                                                  "-device %s", devices[i]);
        g_autoptr(qemuCmdline) cmdline = parse(args);
        g_autoptr(qemuCmdline) withFd = parse(passed);

        g_assert_cmpstr(cmdline->agentChardev, ==, "c");
        g_assert_cmpstr(cmdline->agent, ==, "/ga");
        g_assert_cmpint(cmdline->agentFd, ==, -1);
        g_assert_cmpstr(withFd->agentChardev, ==, "c");
        g_assert_null(withFd->agent);
        g_assert_cmpint(withFd->agentFd, ==, 7);
    }
    for (i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autofree char *args = g_strdup_printf("qemu -device %s -chardev "
                                                "socket,id=c,path=/ga,server=on", others[i]);
        g_autoptr(qemuCmdline) cmdline = parse(args);

        g_assert_null(cmdline->agentChardev);
        g_assert_null(cmdline->agent);
        g_assert_cmpint(cmdline->agentFd, ==, -1);
    }
}

static void
testLimits(void)
{
    g_autoptr(GString) args = g_string_new("qemu");
    g_autoptr(qemuCmdline) cmdline = NULL;
    unsigned int i;

    for (i = 0; i < QEMU_CMDLINE_SOCKETS_MAX + 1; i++) {
        g_string_append_printf(args, " -qmp unix:/q%u,server=on -serial unix:/s%u,server=on", i, i);
        g_string_append_printf(args, " -chardev socket,id=c%u,fd=%u,server=on", i, i);
        g_string_append_printf(args, " -mon c%u,mode=control", i);
    }
    cmdline = parse(args->str);
    g_assert_cmpuint(cmdline->monitors->len, ==, QEMU_CMDLINE_SOCKETS_MAX);
    g_assert_cmpuint(cmdline->monitorFds->len, ==, QEMU_CMDLINE_SOCKETS_MAX);
    g_assert_cmpuint(cmdline->sockets->len, ==, QEMU_CMDLINE_SOCKETS_MAX);
    g_assert_cmpuint(cmdline->otherMonitors, ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/cmdline/monitors", testMonitors);
    g_test_add_func("/qemu/cmdline/empty", testEmpty);
    g_test_add_func("/qemu/cmdline/passed-sockets", testPassedSockets);
    g_test_add_func("/qemu/cmdline/other-sockets", testOtherSockets);
    g_test_add_func("/qemu/cmdline/agent", testAgent);
    g_test_add_func("/qemu/cmdline/limits", testLimits);
    return g_test_run();
}
