/*
 * fuzz_uri.c: any bytes as a URI, and what the drivers make of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdint.h>

#include "qemu_uri.h"
#include "remote_ssh.h"
#include "remote_uri.h"
#include "virerror_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
testRemote(const virURI *uri)
{
    const remoteURIDefaults defaults = { 0 };
    g_autoptr(remoteURI) parsed = NULL;
    int rc = remoteURIParse(uri, &defaults, &parsed);

    if (rc < 0)
        g_assert_nonnull(virGetLastError());
    g_assert_true((rc > 0) == (parsed != NULL));
    if (rc > 0) {
        g_assert_nonnull(parsed->name);
        g_assert_nonnull(parsed->path);
    }
    if (rc > 0 && parsed->transport == REMOTE_TRANSPORT_SSH) {
        g_auto(GStrv) words = remoteSSHCommand(parsed, false);
        g_auto(GStrv) script = NULL;

        /* What the far side's shell gets is one word for the next. */
        g_assert_true(g_shell_parse_argv(words[g_strv_length(words) - 1], NULL, &script, NULL));
        g_assert_cmpuint(g_strv_length(script), ==, 3);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(virURI) uri = virURIParse(text);
    g_autoptr(qemuURI) config = NULL;

    if (!uri)
        g_assert_nonnull(virGetLastError());
    else if (uri->scheme && qemuURIParse(uri, &config) < 0)
        g_assert_nonnull(virGetLastError());
    virResetLastError();
    if (uri && uri->scheme)
        testRemote(uri);
    virResetLastError();
    return 0;
}
