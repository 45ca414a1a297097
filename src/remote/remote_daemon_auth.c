/*
 * remote_daemon_auth.c: how clients of virtmond prove who they are
 *
 * Until a client is known only one call of it runs, so that what is kept of its exchange needs no
 * lock. A failure ends the exchange; the next try begins with AUTH_SASL_INIT again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_auth.h"

#include <stdatomic.h>
#include <string.h>

#include "remote_protocol.h"
#include "virerror_priv.h"
#include "virgettext.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("remote.daemon_auth");

/* What a client of a socket needs to be granted by polkit: libvirt's two, under names of ours. */
#define REMOTE_DAEMON_AUTH_MANAGE "org.virtmon.manage"
#define REMOTE_DAEMON_AUTH_MONITOR "org.virtmon.monitor"

/* Set before the first call, and immutable then. */
static virNetSASLContext *remoteDaemonSASL;
static virPolkit *remoteDaemonPolkit;
static atomic_uint remoteDaemonPolkitTimeout;   /* seconds */

void
remoteDaemonAuthInit(virNetSASLContext *sasl, virPolkit *polkit, unsigned int timeout)
{
    remoteDaemonSASL = sasl;
    remoteDaemonPolkit = polkit;
    remoteDaemonAuthSetTimeout(timeout);
}

void
remoteDaemonAuthSetTimeout(unsigned int timeout)
{
    atomic_store(&remoteDaemonPolkitTimeout, timeout);
}

/* polkit would let root do everything, if it runs; so root isn't kept out by its absence. */
static bool
remoteDaemonAuthIsRoot(virNetServerClient *client)
{
    const virNetServerClientInfo *info = virNetServerClientGetInfo(client);

    return info->hasPeer && info->peer.uid == 0;
}

int
remoteDaemonAuthList(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    virNetServerClient *client = virNetServerCallGetClient(call);
    virNetServerAuth auth = virNetServerClientGetAuth(client);
    remote_auth_list_ret *ret = result;

    if (auth == VIR_NET_SERVER_AUTH_POLKIT && remoteDaemonAuthIsRoot(client)) {
        auth = VIR_NET_SERVER_AUTH_NONE;
        if (!virNetServerClientIsAuthenticated(client) &&
            virNetServerClientSetAuthenticated(client, NULL) < 0)
            return -1;
    }
    ret->types.types_val = g_new(remote_auth_type, 1);
    ret->types.types_val[0] = (remote_auth_type)auth;
    ret->types.types_len = 1;
    return 0;
}

/* Is @client to be asked for @auth, and hasn't proven it yet? -1 with an error reported. */
static int
remoteDaemonAuthCheck(virNetServerClient *client, virNetServerAuth auth)
{
    if (virNetServerClientGetAuth(client) == auth && !virNetServerClientIsAuthenticated(client))
        return 0;
    virReportError(VIR_ERR_AUTH_FAILED, "%s",
                   _("the client tried an authentication that it was not asked for"));
    return -1;
}

/* --- SASL --- */

/* The end of a try; -1, for what is reported already. */
static int
remoteDaemonAuthSASLFail(virNetServerClient *client)
{
    remoteDaemonClient *mine = virNetServerClientGetData(client);

    g_clear_pointer(&mine->sasl, virNetSASLSessionFree);
    if (!virNetServerClientIsAuthenticated(client))
        virNetServerClientAuthFailed(client);
    return -1;
}

static int
remoteDaemonAuthSASLBegin(virNetServerClient *client, char **mechs)
{
    const virNetServerClientInfo *info = virNetServerClientGetInfo(client);
    remoteDaemonClient *mine = virNetServerClientGetData(client);
    virNetSASLTransport transport = {
        .secure = info->secure,
        .keySize = virNetServerClientGetTLSKeySize(client),
    };

    if (remoteDaemonAuthCheck(client, VIR_NET_SERVER_AUTH_SASL) < 0)
        return -1;
    if (mine->sasl) {
        virReportError(VIR_ERR_AUTH_FAILED, "%s", _("the SASL exchange is under way already"));
        return -1;
    }
    if (!info->hasPeer) {
        transport.local = info->localAddress;
        transport.remote = info->remoteAddress;
    }
    if (!(mine->sasl = virNetSASLSessionNewServer(remoteDaemonSASL, &transport)))
        return -1;
    mine->saslStarted = false;
    return (*mechs = virNetSASLSessionListMechanisms(mine->sasl)) ? 0 : -1;
}

int
remoteDaemonAuthSASLInit(virNetServerCall *call, void *args G_GNUC_UNUSED, void *result)
{
    virNetServerClient *client = virNetServerCallGetClient(call);
    remote_auth_sasl_init_ret *ret = result;

    if (remoteDaemonAuthSASLBegin(client, &ret->mechlist) < 0)
        return remoteDaemonAuthSASLFail(client);
    return 0;
}

/* The exchange is over, and has gone well. */
static int
remoteDaemonAuthSASLEnd(virNetServerClient *client)
{
    remoteDaemonClient *mine = virNetServerClientGetData(client);
    g_autofree char *name = NULL;

    if (virNetSASLSessionCheck(mine->sasl) < 0)
        return -1;
    name = g_strdup(virNetSASLSessionGetName(mine->sasl));
    VIR_INFO("client %llu from %s is '%s' by %s", virNetServerClientGetID(client),
             virNetServerClientGetInfo(client)->remoteAddress, name,
             virNetSASLSessionGetMechanism(mine->sasl));
    virNetServerClientSetSASL(client, g_steal_pointer(&mine->sasl));
    if (virNetServerClientSetAuthenticated(client, name) < 0) {
        virNetServerClientSetSASL(client, NULL);
        return -1;
    }
    return 0;
}

/**
 * remoteDaemonAuthSASLGo:
 * @mech: what the client has chosen; NULL: this is a later step
 * @nil, @data, @len: what it says; wiped
 * @ret: the same in both directions
 *
 * Returns 0, or -1 with an error reported.
 */
static int
remoteDaemonAuthSASLGo(virNetServerClient *client, const char *mech, int nil, char *data,
                       u_int len, remote_auth_sasl_step_ret *ret)
{
    remoteDaemonClient *mine = virNetServerClientGetData(client);
    virNetSASLData in = { nil ? NULL : data ? data : "", nil ? 0 : len };
    virNetSASLData out;
    virNetSASLResult done;

    if (remoteDaemonAuthCheck(client, VIR_NET_SERVER_AUTH_SASL) < 0)
        return -1;
    if (!mine->sasl || mine->saslStarted != !mech) {
        virReportError(VIR_ERR_AUTH_FAILED, "%s",
                       _("this is not the next step of the SASL exchange"));
        return -1;
    }
    mine->saslStarted = true;
    if (mech)
        done = virNetSASLSessionStart(mine->sasl, mech, &in, &out);
    else
        done = virNetSASLSessionStep(mine->sasl, &in, &out);
    if (done == VIR_NET_SASL_FAILED)
        return -1;
    if (out.len > REMOTE_AUTH_SASL_DATA_MAX) {
        virReportError(VIR_ERR_AUTH_FAILED, _("%1$zu bytes of SASL exceed the limit of %2$d"),
                       out.len, REMOTE_AUTH_SASL_DATA_MAX);
        return -1;
    }
    ret->complete = done == VIR_NET_SASL_COMPLETE;
    ret->nil = !out.bytes;
    ret->data.data_val = out.len > 0 ? g_memdup2(out.bytes, out.len) : NULL;
    ret->data.data_len = out.len;
    return ret->complete ? remoteDaemonAuthSASLEnd(client) : 0;
}

static void
remoteDaemonAuthWipe(char *data, u_int len)
{
    if (data)
        explicit_bzero(data, len);
}

int
remoteDaemonAuthSASLStart(virNetServerCall *call, void *opaque, void *result)
{
    virNetServerClient *client = virNetServerCallGetClient(call);
    remote_auth_sasl_start_args *args = opaque;
    remote_auth_sasl_start_ret *ret = result;
    remote_auth_sasl_step_ret step = { 0 };
    int rc = remoteDaemonAuthSASLGo(client, args->mech, args->nil, args->data.data_val,
                                    args->data.data_len, &step);

    remoteDaemonAuthWipe(args->data.data_val, args->data.data_len);
    ret->complete = step.complete;
    ret->nil = step.nil;
    ret->data.data_val = step.data.data_val;
    ret->data.data_len = step.data.data_len;
    return rc < 0 ? remoteDaemonAuthSASLFail(client) : 0;
}

int
remoteDaemonAuthSASLStep(virNetServerCall *call, void *opaque, void *ret)
{
    virNetServerClient *client = virNetServerCallGetClient(call);
    remote_auth_sasl_step_args *args = opaque;
    int rc = remoteDaemonAuthSASLGo(client, NULL, args->nil, args->data.data_val,
                                    args->data.data_len, ret);

    remoteDaemonAuthWipe(args->data.data_val, args->data.data_len);
    return rc < 0 ? remoteDaemonAuthSASLFail(client) : 0;
}

/* --- polkit --- */

/* A call that waits for its answer. */
typedef struct {
    virNetServerCall *call;
    remote_auth_polkit_ret *ret;
} remoteDaemonAuthQuestion;

/* In polkit's thread. */
static void
remoteDaemonAuthPolkitAnswer(int rc, void *opaque)
{
    g_autofree remoteDaemonAuthQuestion *question = opaque;
    virNetServerClient *client = virNetServerCallGetClient(question->call);

    if (rc == 0 && (rc = virNetServerClientSetAuthenticated(client, NULL)) == 0) {
        question->ret->complete = 1;
    } else {
        virNetServerClientAuthFailed(client);
    }
    virNetServerCallAnswer(question->call, rc);
}

int
remoteDaemonAuthPolkit(virNetServerCall *call, void *args G_GNUC_UNUSED, void *ret)
{
    virNetServerClient *client = virNetServerCallGetClient(call);
    remoteDaemonClient *mine = virNetServerClientGetData(client);
    g_autoptr(virIdentity) identity = NULL;
    remoteDaemonAuthQuestion *question;

    if (remoteDaemonAuthCheck(client, VIR_NET_SERVER_AUTH_POLKIT) < 0) {
        if (!virNetServerClientIsAuthenticated(client))
            virNetServerClientAuthFailed(client);
        return -1;
    }
    question = g_new(remoteDaemonAuthQuestion, 1);
    question->call = call;
    question->ret = ret;
    identity = virNetServerClientGetIdentity(client);
    virPolkitRequestUnref(mine->polkit);
    mine->polkit = virPolkitCheck(remoteDaemonPolkit, identity,
                                  virNetServerClientIsReadOnly(client) ?
                                  REMOTE_DAEMON_AUTH_MONITOR : REMOTE_DAEMON_AUTH_MANAGE,
                                  true, atomic_load(&remoteDaemonPolkitTimeout) * 1000,
                                  remoteDaemonAuthPolkitAnswer, question);
    return VIR_NET_SERVER_CALL_LATER;
}

void
remoteDaemonAuthClientClosed(remoteDaemonClient *client)
{
    if (client->polkit)
        virPolkitCancel(client->polkit);
}
