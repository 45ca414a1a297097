/*
 * fakeqemu.c: starting and ending processes that look like QEMUs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "fakeqemu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where fakeQemuStart()'s @fd is found. */
#define FAKE_QEMU_FD 9

struct _fakeQemu {
    GPid pid;
    int input;                  /* it ends when this is closed */
    FILE *output;
};

fakeQemu *
fakeQemuStart(const char *cwd, const char *const *env, int fd, const char *args)
{
    fakeQemu *fake = g_new0(fakeQemu, 1);
    const char *program = g_getenv("FAKE_QEMU");
    g_autofree char *words = g_strconcat(program, *args ? " " : "", args, NULL);
    g_auto(GStrv) argv = g_strsplit(words, " ", -1);
    g_auto(GStrv) environment = g_get_environ();
    g_autoptr(GError) error = NULL;
    const int target = FAKE_QEMU_FD;
    char line[32] = "";
    int output;
    size_t i;

    for (i = 0; env && env[i]; i++) {
        const char *equals = strchr(env[i], '=');
        g_autofree char *name = g_strndup(env[i], equals - env[i]);

        environment = g_environ_setenv(environment, name, equals + 1, TRUE);
    }
    if (!g_spawn_async_with_pipes_and_fds(cwd, (const char *const *)argv,
                                          (const char *const *)environment,
                                          G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
                                          &fd, &target, fd >= 0 ? 1 : 0, &fake->pid, &fake->input,
                                          &output, NULL, &error))
        g_error("%s", error->message);
    fake->output = fdopen(output, "r");
    g_assert_nonnull(fgets(line, sizeof(line), fake->output));
    if (strcmp(line, "ready\n") == 0)
        return fake;
    fakeQemuFree(fake);
    return NULL;
}

void
fakeQemuFree(fakeQemu *fake)
{
    if (!fake)
        return;
    close(fake->input);
    fclose(fake->output);
    while (waitpid(fake->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    g_free(fake);
}

pid_t
fakeQemuPid(fakeQemu *fake)
{
    return fake->pid;
}

void
fakeQemuKill(fakeQemu *fake)
{
    siginfo_t info;

    kill(fake->pid, SIGKILL);
    while (waitid(P_PID, fake->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
}
