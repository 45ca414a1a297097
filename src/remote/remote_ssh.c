/*
 * remote_ssh.c: the command that reaches a daemon through ssh
 *
 * What runs on the far side is text that passes two shells: the user's login
 * shell, which ssh gives it to, and the sh that this text starts, so that a login shell
 * of another kind doesn't matter. Hence everything that comes from the URI is
 * quoted twice.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_ssh.h"

#include <string.h>

/* Where a libvirtd of the far side listens. */
#define REMOTE_SSH_SOCKET "/var/run/libvirt/libvirt-sock"
#define REMOTE_SSH_SOCKET_RO "/var/run/libvirt/libvirt-sock-ro"

/* Some netcats end only some time after their input, unless -q says when; others don't
 * know -q. The first complain that it lacks its value. */
static char *
remoteSSHNetcat(const remoteURI *uri, bool readOnly)
{
    const char *path = readOnly ? REMOTE_SSH_SOCKET_RO : REMOTE_SSH_SOCKET;
    g_autofree char *netcat = g_shell_quote(uri->netcat ? uri->netcat : "nc");
    g_autofree char *sock = g_shell_quote(uri->socket ? uri->socket : path);

    return g_strdup_printf("if %s -q 2>&1 | grep \"requires an argument\" >/dev/null 2>&1; "
                           "then q=-q0; else q=; fi; exec %s $q -U %s", netcat, netcat, sock);
}

static char *
remoteSSHNative(const remoteURI *uri, bool readOnly)
{
    g_autofree char *name = g_shell_quote(uri->name);

    return g_strdup_printf("exec virt-ssh-helper %s%s", readOnly ? "-r " : "", name);
}

static char *
remoteSSHScript(const remoteURI *uri, bool readOnly)
{
    g_autofree char *native = remoteSSHNative(uri, readOnly);
    g_autofree char *netcat = remoteSSHNetcat(uri, readOnly);

    switch (uri->proxy) {
    case REMOTE_PROXY_NATIVE:
        return g_steal_pointer(&native);
    case REMOTE_PROXY_NETCAT:
        return g_steal_pointer(&netcat);
    case REMOTE_PROXY_AUTO:
        break;
    }
    /* The helper knows neither of them. */
    if (uri->netcat || uri->socket)
        return g_steal_pointer(&netcat);
    return g_strdup_printf("if which virt-ssh-helper >/dev/null 2>&1; then %s; else %s; fi",
                           native, netcat);
}

static void
remoteSSHAdd(GPtrArray *words, const char *word)
{
    g_ptr_array_add(words, g_strdup(word));
}

char **
remoteSSHCommand(const remoteURI *uri, bool readOnly)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autofree char *script = remoteSSHScript(uri, readOnly);
    g_autofree char *quoted = g_shell_quote(script);

    remoteSSHAdd(words, uri->command ? uri->command : "ssh");
    if (uri->port > 0) {
        remoteSSHAdd(words, "-p");
        g_ptr_array_add(words, g_strdup_printf("%u", uri->port));
    }
    if (uri->user) {
        remoteSSHAdd(words, "-l");
        remoteSSHAdd(words, uri->user);
    }
    if (uri->keyfile) {
        remoteSSHAdd(words, "-i");
        remoteSSHAdd(words, uri->keyfile);
    }
    remoteSSHAdd(words, "-T");
    remoteSSHAdd(words, "-e");
    remoteSSHAdd(words, "none");
    if (uri->noTTY) {
        remoteSSHAdd(words, "-o");
        remoteSSHAdd(words, "BatchMode=yes");
    }
    if (uri->noVerify) {
        remoteSSHAdd(words, "-o");
        remoteSSHAdd(words, "StrictHostKeyChecking=no");
    }
    /* A host that begins with a dash is a host all the same. */
    remoteSSHAdd(words, "--");
    remoteSSHAdd(words, uri->host);
    g_ptr_array_add(words, g_strdup_printf("sh -c %s", quoted));
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}
