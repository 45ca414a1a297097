/*
 * remotesshtest.c: the command that reaches a daemon through ssh, and what the far
 * side's shells make of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_ssh.h"

#include <string.h>
#include <glib/gstdio.h>

static char **
command(const char *text, bool readOnly)
{
    const remoteURIDefaults defaults = { 0 };
    g_autoptr(virURI) uri = virURIParse(text);
    g_autoptr(remoteURI) parsed = NULL;

    g_assert_nonnull(uri);
    g_assert_cmpint(remoteURIParse(uri, &defaults, &parsed), ==, 1);
    return remoteSSHCommand(parsed, readOnly);
}

static void
checkWords(const char *text, const char *const *expected)
{
    g_auto(GStrv) words = command(text, false);
    size_t i;

    /* all but the last, which is the script */
    for (i = 0; expected[i]; i++)
        g_assert_cmpstr(words[i], ==, expected[i]);
    g_assert_nonnull(words[i]);
    g_assert_true(g_str_has_prefix(words[i], "sh -c "));
    g_assert_null(words[i + 1]);
}

static void
testWords(void)
{
    checkWords("qemu+ssh://h/system", (const char *const []) {
        "ssh", "-T", "-e", "none", "--", "h", NULL });
    checkWords("qemu+ssh:///system", (const char *const []) {
        "ssh", "-T", "-e", "none", "--", "localhost", NULL });
    checkWords("qemu+ssh://u@h:22/system?keyfile=/k&no_tty=1&no_verify=1&command=/my/ssh",
               (const char *const []) {
        "/my/ssh", "-p", "22", "-l", "u", "-i", "/k", "-T", "-e", "none", "-o", "BatchMode=yes",
        "-o", "StrictHostKeyChecking=no", "--", "h", NULL });
}

/* Runs the script as sshd would, by a shell, in a world whose PATH has just the given programs,
 * each of which prints its words. */
static char *
runScript(const char *uri, bool readOnly, const char *const *programs)
{
    g_auto(GStrv) words = command(uri, readOnly);
    g_autofree char *dir = g_dir_make_tmp("remotessh-XXXXXX", NULL);
    g_autofree char *sh = g_find_program_in_path("sh");
    g_autofree char *which = g_find_program_in_path("which");
    g_autofree char *grep = g_find_program_in_path("grep");
    g_autofree char *out = NULL;
    g_auto(GStrv) env = NULL;
    const char *const argv[] = { sh, "-c", words[g_strv_length(words) - 1], NULL };
    const char *const tools[] = { sh, which, grep };
    int status;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tools); i++) {
        g_autofree char *base = g_path_get_basename(tools[i]);
        g_autofree char *path = g_build_filename(dir, base, NULL);
        g_autofree char *text = g_strdup_printf("#!%s\nexec %s \"$@\"\n", sh, tools[i]);

        g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0700,
                                               NULL));
    }
    for (i = 0; programs[i]; i += 2) {
        g_autofree char *path = g_build_filename(dir, programs[i], NULL);
        g_autofree char *text = g_strdup_printf("#!%s\n%s\nprintf %%s \"${0##*/}\"\n"
                                                "printf '|%%s' \"$@\"\n", sh, programs[i + 1]);

        g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0700,
                                               NULL));
    }
    env = g_environ_setenv(NULL, "PATH", dir, TRUE);
    g_assert_true(g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL,
                               &status, NULL));
    g_assert_cmpint(status, ==, 0);

    for (i = 0; i < G_N_ELEMENTS(tools); i++) {
        g_autofree char *base = g_path_get_basename(tools[i]);
        g_autofree char *path = g_build_filename(dir, base, NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    for (i = 0; programs[i]; i += 2) {
        g_autofree char *path = g_build_filename(dir, programs[i], NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    return g_steal_pointer(&out);
}

static void
checkScript(const char *uri, bool readOnly, const char *const *programs, const char *expected)
{
    g_autofree char *out = runScript(uri, readOnly, programs);

    g_assert_cmpstr(out, ==, expected);
}

static void
testScript(void)
{
    const char *const both[] = { "virt-ssh-helper", "", "nc", "", NULL };
    const char *const nc[] = { "nc", "", NULL };
    /* a netcat that knows -q, and says so */
    const char *const ncQ[] = {
        "nc", "[ \"$*\" = -q ] && echo 'option requires an argument'", NULL };
    const char *const evil[] = { "nc; echo $(x) 'y", "", NULL };

    checkScript("qemu+ssh://h/system", false, both, "virt-ssh-helper|qemu:///system");
    checkScript("qemu+ssh://h/session", true, both, "virt-ssh-helper|-r|qemu:///session");
    checkScript("qemu+ssh://h/system", false, nc, "nc|-U|/var/run/libvirt/libvirt-sock");
    checkScript("qemu+ssh://h/system", true, nc, "nc|-U|/var/run/libvirt/libvirt-sock-ro");
    checkScript("qemu+ssh://h/system", false, ncQ, "nc|-q0|-U|/var/run/libvirt/libvirt-sock");
    checkScript("qemu+ssh://h/system?socket=/a%20b'c", false, both, "nc|-U|/a b'c");
    checkScript("qemu+ssh://h/system?proxy=netcat", false, both,
                "nc|-U|/var/run/libvirt/libvirt-sock");
    checkScript("qemu+ssh://h/system?proxy=native&socket=/x&a='b", false, both,
                "virt-ssh-helper|qemu:///system?a=%27b");
    /* what comes from the URI is never run */
    {
        g_autofree char *out = runScript("qemu+ssh://h/system?netcat=nc%3B%20echo%20$(x)%20'y",
                                         false, evil);

        g_assert_true(g_str_has_suffix(out, "|-U|/var/run/libvirt/libvirt-sock"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/ssh/words", testWords);
    g_test_add_func("/remote/ssh/script", testScript);
    return g_test_run();
}
