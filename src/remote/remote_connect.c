/*
 * remote_connect.c: from a URI to a connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_connect.h"

#include <string.h>
#include <unistd.h>

#include "remote_connect_priv.h"
#include "remote_ssh.h"
#include "virerror_priv.h"
#include "virgettext.h"

#define VIR_FROM_THIS VIR_FROM_REMOTE

/* The ports that libvirt's daemons have by default, registered with IANA for the second. */
#define REMOTE_CONNECT_PORT_TCP 16509
#define REMOTE_CONNECT_PORT_TLS 16514

/* --- unix sockets --- */

/* In the order in which they are looked for; the first is the one that is missed if there is
 * none. */
static const struct {
    const char *folder;
    const char *name;
    remoteMode mode;            /* the mode that names just this one; AUTO: none does */
} remoteConnectDaemons[] = {
    { "virtmon", "virtmon-sock", REMOTE_MODE_AUTO },
    { "libvirt", "virtqemud-sock", REMOTE_MODE_DIRECT },
    { "libvirt", "libvirt-sock", REMOTE_MODE_LEGACY },
};

char *
remoteConnectSocketPath(const remoteURI *uri, bool readOnly, bool privileged)
{
    bool session = !privileged && strcmp(uri->path, "/session") == 0;
    const char *base = session ? g_get_user_runtime_dir() : "/run";
    g_autofree char *missed = NULL;
    size_t i;

    if (uri->socket)
        return g_strdup(uri->socket);
    for (i = 0; i < G_N_ELEMENTS(remoteConnectDaemons); i++) {
        g_autofree char *path =
            g_strdup_printf("%s/%s/%s%s", base, remoteConnectDaemons[i].folder,
                            remoteConnectDaemons[i].name,
                            readOnly && !session ? "-ro" : "");

        if (uri->mode != REMOTE_MODE_AUTO) {
            if (remoteConnectDaemons[i].mode == uri->mode)
                return g_steal_pointer(&path);
        } else if (access(path, F_OK) == 0) {
            return g_steal_pointer(&path);
        } else if (!missed) {
            missed = g_steal_pointer(&path);
        }
    }
    return g_steal_pointer(&missed);
}

/* --- TLS --- */

void
remoteConnectFilesClear(remoteConnectFiles *files)
{
    g_free(files->ca);
    g_free(files->crl);
    g_free(files->cert);
    g_free(files->key);
}

static bool
remoteConnectHas(const char *path)
{
    return access(path, R_OK) == 0;
}

/* Certificate and key belong together: the key's place decides for both. */
static void
remoteConnectUserFiles(remoteConnectFiles *files)
{
    g_autofree char *dir = g_build_filename(g_get_home_dir(), ".pki", "libvirt", NULL);
    g_autofree char *ca = g_build_filename(dir, "cacert.pem", NULL);
    g_autofree char *crl = g_build_filename(dir, "cacrl.pem", NULL);
    g_autofree char *key = g_build_filename(dir, "clientkey.pem", NULL);

    if (remoteConnectHas(ca))
        files->ca = g_steal_pointer(&ca);
    if (remoteConnectHas(crl))
        files->crl = g_steal_pointer(&crl);
    if (remoteConnectHas(key)) {
        files->key = g_steal_pointer(&key);
        files->cert = g_build_filename(dir, "clientcert.pem", NULL);
    }
}

void
remoteConnectFindFiles(const remoteURI *uri, bool privileged, remoteConnectFiles *files)
{
    if (uri->pkipath) {
        files->ca = g_build_filename(uri->pkipath, "cacert.pem", NULL);
        files->crl = g_build_filename(uri->pkipath, "cacrl.pem", NULL);
        files->cert = g_build_filename(uri->pkipath, "clientcert.pem", NULL);
        files->key = g_build_filename(uri->pkipath, "clientkey.pem", NULL);
    } else {
        if (!privileged)
            remoteConnectUserFiles(files);
        if (!files->ca)
            files->ca = g_strdup("/etc/pki/CA/cacert.pem");
        if (!files->crl)
            files->crl = g_strdup("/etc/pki/CA/cacrl.pem");
        if (!files->key) {
            files->key = g_strdup("/etc/pki/libvirt/private/clientkey.pem");
            files->cert = g_strdup("/etc/pki/libvirt/clientcert.pem");
        }
    }
    /* These may be missing: then nothing is revoked, or it is up to the server whether it takes
     * somebody without a certificate. */
    if (!remoteConnectHas(files->crl))
        g_clear_pointer(&files->crl, g_free);
    if (!remoteConnectHas(files->key) && !remoteConnectHas(files->cert)) {
        g_clear_pointer(&files->key, g_free);
        g_clear_pointer(&files->cert, g_free);
    }
}

static int
remoteConnectStartTLS(virNetSocket *sock, const remoteURI *uri)
{
    g_auto(remoteConnectFiles) files = { 0 };
    g_autoptr(virNetTLSContext) ctx = NULL;
    virNetTLSConfig config = {
        .priority = uri->tlsPriority,
        .verify = !uri->noVerify,
        .sanityCheck = !uri->noSanity,
    };

    remoteConnectFindFiles(uri, geteuid() == 0, &files);
    config.ca = files.ca;
    config.crl = files.crl;
    config.cert = files.cert;
    config.key = files.key;
    if (!(ctx = virNetTLSContextNewClient(&config)))
        return -1;
    return virNetSocketSetTLS(sock, ctx, uri->host);
}

/* --- any way --- */

static virNetSocket *
remoteConnectIP(const remoteURI *uri, unsigned int defaultPort)
{
    g_autofree char *port = g_strdup_printf("%u", uri->port > 0 ? uri->port : defaultPort);

    return virNetSocketNewConnectTCP(uri->host, port);
}

static virNetSocket *
remoteConnectStream(const remoteURI *uri, bool readOnly)
{
    switch (uri->transport) {
    case REMOTE_TRANSPORT_UNIX: {
        g_autofree char *path = remoteConnectSocketPath(uri, readOnly, geteuid() == 0);

        return virNetSocketNewConnectUNIX(path);
    }
    case REMOTE_TRANSPORT_TCP:
        return remoteConnectIP(uri, REMOTE_CONNECT_PORT_TCP);
    case REMOTE_TRANSPORT_TLS:
        return remoteConnectIP(uri, REMOTE_CONNECT_PORT_TLS);
    case REMOTE_TRANSPORT_SSH: {
        g_auto(GStrv) words = remoteSSHCommand(uri, readOnly);

        return virNetSocketNewConnectCommand((const char *const *)words);
    }
    case REMOTE_TRANSPORT_EXT: {
        const char *const words[] = { uri->command, NULL };

        return virNetSocketNewConnectCommand(words);
    }
    }
    return NULL;
}

virNetSocket *
remoteConnectSocket(const remoteURI *uri, bool readOnly)
{
    g_autoptr(virNetSocket) sock = remoteConnectStream(uri, readOnly);

    if (!sock)
        return NULL;
    if (uri->transport == REMOTE_TRANSPORT_TLS && remoteConnectStartTLS(sock, uri) < 0)
        return NULL;
    if (virNetSocketHandshakeWait(sock) < 0)
        return NULL;
    return g_steal_pointer(&sock);
}
