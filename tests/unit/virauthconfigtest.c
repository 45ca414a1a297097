/*
 * virauthconfigtest.c: credentials for servers, out of a file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virauthconfig.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"

static virAuthConfig *
parse(const char *text)
{
    virResetLastError();
    return virAuthConfigParse(text, strlen(text), "file");
}

static void
assertValue(const virAuthConfig *config, const char *host, const char *credential,
            const char *expected)
{
    const char *value = "before";

    g_assert_cmpint(virAuthConfigLookup(config, "libvirt", host, credential, &value), ==, 0);
    g_assert_cmpstr(value, ==, expected);
}

static void
testLookup(void)
{
    g_autoptr(virAuthConfig) config = parse(
        "# of nobody\n"
        "[credentials-test]\n"
        "authname=fred\n"
        "password=123=456\n"
        "\n"
        "  [credentials-prod]  \r\n"
        "\tauthname = bar \r\n"
        "password=let\\\\me\\sin\\t\n"
        "realm=\n"
        "[auth-libvirt-test1.example.com]\n"
        "credentials=test\n"
        "[auth-libvirt-prod1.example.com]\n"
        "credentials=test\n"
        "credentials=prod\n"
        "[auth-esx-demo1.example.com]\n"
        "credentials=nowhere\n"
        "[credentials-test]\n"
        "username=somebody");

    g_assert_nonnull(config);
    assertValue(config, "test1.example.com", "authname", "fred");
    assertValue(config, "test1.example.com", "password", "123=456");
    assertValue(config, "test1.example.com", "username", "somebody");
    assertValue(config, "test1.example.com", "realm", NULL);
    /* Blanks at the end count, those around "=" don't. */
    assertValue(config, "prod1.example.com", "authname", "bar ");
    assertValue(config, "prod1.example.com", "password", "let\\me in\t");
    assertValue(config, "prod1.example.com", "realm", "");
    assertValue(config, "test2.example.com", "authname", NULL);
    assertValue(config, "", "authname", NULL);
}

static void
testDefault(void)
{
    g_autoptr(virAuthConfig) config = parse(
        "[credentials-a]\nauthname=a\n[credentials-b]\nauthname=b\n"
        "[auth-libvirt-default]\ncredentials=a\n[auth-libvirt-host]\ncredentials=b\n");

    assertValue(config, "host", "authname", "b");
    assertValue(config, "other", "authname", "a");
    assertValue(config, "host", "password", NULL);
}

static void
testBroken(void)
{
    static const char *const texts[] = {
        "authname=fred\n", "[x]\nnonsense\n", "[x]\n=fred\n", "[x\n", "[]\n", "[x] y\n",
        "[x]\na=\\q\n", "[x]\na=b\\", "[x]\n; a comment elsewhere\n",
    };
    g_autoptr(virAuthConfig) empty = parse("");
    g_autoptr(virAuthConfig) config = NULL;
    const char *value = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_assert_null(parse(texts[i]));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
        g_assert_true(g_str_has_prefix(virGetLastError()->str2, "file:"));
    }
    g_assert_null(virAuthConfigParse("[x]\na=b\0c\n", 10, "file"));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "file:2: there is a NUL"));
    g_assert_nonnull(empty);
    assertValue(empty, "host", "authname", NULL);

    config = parse("[auth-libvirt-a]\n[auth-libvirt-b]\ncredentials=none\n");
    g_assert_cmpint(virAuthConfigLookup(config, "libvirt", "a", "authname", &value), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "'auth-libvirt-a' has no 'credentials'"));
    g_assert_cmpint(virAuthConfigLookup(config, "libvirt", "b", "authname", &value), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "no section 'credentials-none'"));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    virResetLastError();
}

static void
testFile(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "auth.conf", NULL);
    g_autofree char *much = g_malloc(VIR_AUTH_CONFIG_BYTES_MAX + 1);
    virAuthConfig *config;

    memset(much, '\n', VIR_AUTH_CONFIG_BYTES_MAX + 1);
    g_assert_true(g_file_set_contents(path, much, VIR_AUTH_CONFIG_BYTES_MAX, NULL));
    config = virAuthConfigRead(path);
    g_assert_nonnull(config);
    virAuthConfigFree(config);
    g_assert_true(g_file_set_contents(path, much, VIR_AUTH_CONFIG_BYTES_MAX + 1, NULL));
    g_assert_null(virAuthConfigRead(path));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONF_SYNTAX);
    g_assert_null(virAuthConfigRead(dir));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(unlink(path), ==, 0);
    g_assert_null(virAuthConfigRead(path));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), path));
    g_assert_cmpint(rmdir(dir), ==, 0);
    virResetLastError();
}

static void
assertPath(const char *named, const char *expected)
{
    g_autofree char *path = virAuthConfigPath(named);

    g_assert_cmpstr(path, ==, expected);
}

static void
testPath(void)
{
    g_autofree char *own = g_build_filename(g_get_user_config_dir(), "libvirt", NULL);
    g_autofree char *file = g_build_filename(own, "auth.conf", NULL);

    g_assert_cmpint(g_mkdir_with_parents(own, 0700), ==, 0);
    assertPath("/named", "/named");
    assertPath("", NULL);
    assertPath(NULL, NULL);
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    assertPath(NULL, file);
    assertPath("/named", "/named");
    g_assert_true(g_setenv("LIBVIRT_AUTH_FILE", "/env", true));
    assertPath("/named", "/env");
    assertPath(NULL, "/env");
    g_assert_true(g_setenv("LIBVIRT_AUTH_FILE", "", true));
    assertPath(NULL, file);
    g_unsetenv("LIBVIRT_AUTH_FILE");
    g_assert_cmpint(unlink(file), ==, 0);
    g_assert_cmpint(rmdir(own), ==, 0);
}

int
main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("virtmon-test-XXXXXX", NULL);
    int rc;

    g_unsetenv("LIBVIRT_AUTH_FILE");
    g_assert_true(g_setenv("XDG_CONFIG_HOME", dir, true));
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/authconfig/lookup", testLookup);
    g_test_add_func("/authconfig/default", testDefault);
    g_test_add_func("/authconfig/broken", testBroken);
    g_test_add_func("/authconfig/file", testFile);
    g_test_add_func("/authconfig/path", testPath);
    rc = g_test_run();
    g_assert_cmpint(rmdir(dir), ==, 0);
    return rc;
}
