/*
 * vshfixture.c: a small shell for the tests of the shell, and what it prints
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

testShellState testShellHooks;

/* --- the program --- */

static bool
testCmdOk(vshControl *ctl, const vshCmd *cmd)
{
    vshPrint(ctl, "%s\n", vshCmdName(cmd));
    return true;
}

static bool
testCmdFail(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    vshError(ctl, "it failed");
    return false;
}

static bool
testCmdMachine(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    vshOmitEmptyLine(ctl);
    vshPrint(ctl, "{}\n");
    vshNotice(ctl, "one object");
    return true;
}

/* Leaves the reason to the library. */
static bool
testCmdLibraryError(vshControl *ctl G_GNUC_UNUSED, const vshCmd *cmd G_GNUC_UNUSED)
{
    return virDomainGetName(NULL) != NULL;
}

static char **
testCompleteDomain(vshControl *ctl, const vshCmd *cmd G_GNUC_UNUSED)
{
    const char *const words[] = { "alpha", "alpine", "be ta", "alpha", "al\033c", NULL };

    vshError(ctl, "never seen");
    return g_strdupv((char **)words);
}

/* Depends on another option. */
static char **
testCompleteEvent(vshControl *ctl, const vshCmd *cmd)
{
    const char *domain = "none";
    const char *const words[] = { "STOP", "RESUME", NULL };

    if (vshCmdGetString(ctl, cmd, "domain", &domain) < 0)
        return NULL;
    if (strcmp(domain, "beta") == 0)
        return NULL;
    return g_strdupv((char **)words);
}

static const vshOptDef testOptions[] = {
    { "domain", VSH_OPT_STRING, VSH_OPT_REQUIRED, N_("which"), testCompleteDomain },
    { "event", VSH_OPT_STRING, VSH_OPT_REPEAT, N_("what"), testCompleteEvent },
    { "count", VSH_OPT_INT, 0, N_("how many"), NULL },
    { "name", VSH_OPT_STRING, VSH_OPT_BY_NAME | VSH_OPT_EMPTY_OK, N_("by name only"), NULL },
    { "flag", VSH_OPT_BOOL, 0, N_("yes or no"), NULL },
    { "a-rather-long-flag", VSH_OPT_BOOL, 0, N_("likewise"), NULL },
    { "cmd", VSH_OPT_ARGV, VSH_OPT_EMPTY_OK, N_("the rest"), NULL },
    { NULL },
};

static const vshOptDef testMoreOptions[] = {
    { "must", VSH_OPT_STRING, VSH_OPT_REQUIRED | VSH_OPT_BY_NAME, N_("by name"), NULL },
    { "many", VSH_OPT_STRING, VSH_OPT_REQUIRED | VSH_OPT_BY_NAME | VSH_OPT_REPEAT, N_("any"),
      NULL },
    { "cmd", VSH_OPT_ARGV, VSH_OPT_REQUIRED, N_("the rest"), NULL },
    { NULL },
};

static const vshCmdDef testCommands[] = {
    { "ok", testCmdOk, NULL, N_("succeeds"), NULL, 0 },
    { "fail", testCmdFail, NULL, N_("fails"), N_("Says so."), VSH_CMD_NO_CONNECT },
    { "liberr", testCmdLibraryError, NULL, N_("fails in the library"), NULL, VSH_CMD_NO_CONNECT },
    { "opts", testCmdOk, testOptions, N_("has options"), N_("All kinds\nof them."), 0 },
    { "more", testCmdOk, testMoreOptions, N_("must have options"), NULL, VSH_CMD_NO_CONNECT },
    { "secret", testCmdOk, NULL, N_("is not shown"), NULL, VSH_CMD_HIDDEN },
    { "machine", testCmdMachine, NULL, N_("prints for a machine"), NULL, VSH_CMD_HIDDEN },
    { NULL },
};

static const vshCmdGroup testGroups[] = {
    { N_("Test Commands"), "test", testCommands },
    { N_("Shell Itself"), "shell", vshBuiltinCommands },
    { NULL },
};

static bool
testStart(vshControl *ctl)
{
    testShellHooks.starts++;
    if (testShellHooks.refuseStart)
        vshError(ctl, "no start");
    return !testShellHooks.refuseStart;
}

static bool
testConnect(vshControl *ctl)
{
    testShellHooks.connects++;
    if (testShellHooks.refuseConnect)
        vshError(ctl, "no connection");
    return !testShellHooks.refuseConnect;
}

static const char *
testPrompt(vshControl *ctl G_GNUC_UNUSED)
{
    return "test # ";
}

static int testOpaque;

const vshProgram testProgram = {
    .name = "vshtest",
    .welcome = N_("Welcome."),
    .groups = testGroups,
    .start = testStart,
    .connect = testConnect,
    .prompt = testPrompt,
    .opaque = &testOpaque,
};

vshControl *
testShellNew(void)
{
    const vshSettings settings = { .debug = -1 };
    vshControl *ctl = vshNew(&testProgram, &settings);

    g_assert_nonnull(ctl);
    memset(&testShellHooks, 0, sizeof(testShellHooks));
    return ctl;
}

char *
testLibraryErrorText(void)
{
    char *text;

    g_assert_null(virDomainGetName(NULL));
    text = g_strdup_printf("error: %s\n", virGetLastErrorMessage());
    virResetLastError();
    return text;
}

/* --- what is printed --- */

static int
testRedirect(int fd, int *memory)
{
    int saved = dup(fd);

    *memory = memfd_create("printed", MFD_CLOEXEC);
    g_assert_cmpint(saved, >=, 0);
    g_assert_cmpint(*memory, >=, 0);
    g_assert_cmpint(dup2(*memory, fd), ==, fd);
    return saved;
}

void
testCaptureBegin(testCapture *capture)
{
    fflush(NULL);
    capture->savedOut = testRedirect(STDOUT_FILENO, &capture->out);
    capture->savedErr = testRedirect(STDERR_FILENO, &capture->err);
}

static char *
testTakeText(int memory)
{
    off_t len = lseek(memory, 0, SEEK_END);
    char *text = g_malloc0(len + 1);

    g_assert_cmpint(pread(memory, text, len, 0), ==, len);
    close(memory);
    return text;
}

void
testCaptureEnd(testCapture *capture, char **out, char **err)
{
    g_autofree char *printed = NULL;
    g_autofree char *complained = NULL;

    fflush(NULL);
    dup2(capture->savedOut, STDOUT_FILENO);
    dup2(capture->savedErr, STDERR_FILENO);
    close(capture->savedOut);
    close(capture->savedErr);
    printed = testTakeText(capture->out);
    complained = testTakeText(capture->err);
    if (out)
        *out = g_steal_pointer(&printed);
    if (err)
        *err = g_steal_pointer(&complained);
}

void
testRun(vshControl *ctl, const char *text, bool ok, const char *out, const char *err)
{
    g_autofree char *printed = NULL;
    g_autofree char *complained = NULL;
    testCapture capture;
    bool result;

    testCaptureBegin(&capture);
    result = vshRunText(ctl, text);
    testCaptureEnd(&capture, &printed, &complained);
    g_assert_cmpstr(printed, ==, out);
    g_assert_cmpstr(complained, ==, err);
    g_assert_cmpint(result, ==, ok);
}
