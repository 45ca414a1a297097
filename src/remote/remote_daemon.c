/*
 * remote_daemon.c: virtmond, which serves libvirt's protocol for QEMUs that run here
 *
 * From the command line to the end: options, configuration, signals. The main thread
 * only waits for signals; clients are served by the I/O thread and its workers (rpc), domains
 * watched by the driver's own thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote_daemon_access.h"
#include "remote_daemon_admin.h"
#include "remote_daemon_auth.h"
#include "remote_daemon_config.h"
#include "remote_daemon_dispatch.h"
#include "remote_daemon_inspect.h"
#include "remote_daemon_limits.h"
#include "remote_daemon_listen.h"
#include "remote_daemon_loop.h"
#include "remote_daemon_notify.h"
#include "remote_daemon_pidfile.h"
#include "remote_daemon_relay.h"
#include "viraccessmanager.h"
#include "virgettext.h"
#include "virlog.h"
#include "virstate.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_RPC

VIR_LOG_INIT("remote.daemon");

/* What the command line says. */
typedef struct {
    gboolean daemonize;
    gboolean listen;
    gboolean verbose;
    gboolean version;
    gboolean checkConfig;
    char *config;
    char *socketDir;
    char *pidFile;
    char **monitors;
    int timeout;                /* seconds without a client; 0: stay */
} remoteDaemonOptions;

typedef struct {
    remoteDaemonOptions options;
    remoteDaemonConfig *config; /* as it was at the start */
    virMutex lastLock;          /* guards the next, and that certificates are read one time after the
                                 * other */
    remoteDaemonConfig *last;   /* as it was at the last reload, or NULL */
    bool privileged;
    int signalFd;
    int quitFd;                 /* eventfd: time to end, for a reason of our own */
    remoteDaemonPidFile *lock;  /* keeps others off our sockets */
    remoteDaemonPidFile *pidFile;       /* the one that was asked for, or NULL */
    virIOLoop *loop;
    virNetServer *server;
    remoteDaemonLimits *limits;
    remoteDaemonListenContexts contexts;
    virAccessManager *access;
    remoteSight *sight;         /* NULL: all see all */
    virConnectPtr conn;
    remoteRelay *relay;
    virIOLoop *adminLoop;
    virNetServer *admin;

    /* The I/O thread's own: the clients' server's. */
    unsigned int timeout;       /* seconds without a client, after which it ends; 0: it stays */
    size_t clients;             /* administrators included */
    virIOTimer *idleTimer;
    virIOTimer *watchdogTimer;
    guint64 watchdogUsec;
} remoteDaemon;

/* --- clients, in the I/O thread --- */

static void
remoteDaemonClientCame(void *opaque)
{
    remoteDaemon *daemon = opaque;

    daemon->clients++;
    if (daemon->idleTimer)
        virIOLoopStopTimer(daemon->idleTimer);
}

static void
remoteDaemonClientWent(void *opaque)
{
    remoteDaemon *daemon = opaque;

    if (--daemon->clients == 0 && daemon->idleTimer)
        virIOLoopRestartTimer(daemon->idleTimer, daemon->timeout * 1000);
}

static void *
remoteDaemonClientNew(virNetServerClient *client, void *opaque)
{
    remoteDaemon *daemon = opaque;
    remoteDaemonClient *mine = g_new0(remoteDaemonClient, 1);

    mine->client = client;
    remoteRelayClientInit(mine);
    remoteDaemonClientCame(daemon);
    return mine;
}

static void
remoteDaemonClientClosed(virNetServerClient *client, void *opaque)
{
    remoteDaemon *daemon = opaque;

    remoteDaemonAuthClientClosed(virNetServerClientGetData(client));
    remoteRelayClientClear(daemon->relay, virNetServerClientGetData(client));
    remoteDaemonClientWent(daemon);
}

static void
remoteDaemonClientFree(void *data, void *opaque G_GNUC_UNUSED)
{
    remoteDaemonClient *mine = data;

    virConnectUnref(mine->conn);
    virNetSASLSessionFree(mine->sasl);
    virPolkitRequestUnref(mine->polkit);
    g_free(mine);
}

static void
remoteDaemonClientDrained(virNetServerClient *client, void *opaque)
{
    remoteDaemon *daemon = opaque;

    remoteRelayClientDrained(daemon->relay, virNetServerClientGetData(client));
}

static void
remoteDaemonClientEased(virNetServerClient *client, void *opaque)
{
    remoteDaemon *daemon = opaque;

    remoteRelayClientEased(daemon->relay, virNetServerClientGetData(client));
}

static const virNetServerFuncs remoteDaemonServerFuncs = {
    .clientNew = remoteDaemonClientNew,
    .clientClosed = remoteDaemonClientClosed,
    .clientFree = remoteDaemonClientFree,
    .clientDrained = remoteDaemonClientDrained,
    .clientEased = remoteDaemonClientEased,
};

/* --- administrators, in the I/O thread of their server --- */

static void *
remoteDaemonAdminNew(virNetServerClient *client G_GNUC_UNUSED, void *opaque)
{
    remoteDaemon *daemon = opaque;

    virIOLoopInvoke(daemon->loop, remoteDaemonClientCame, daemon);
    return NULL;
}

static void
remoteDaemonAdminClosed(virNetServerClient *client G_GNUC_UNUSED, void *opaque)
{
    remoteDaemon *daemon = opaque;

    virIOLoopInvoke(daemon->loop, remoteDaemonClientWent, daemon);
}

static const virNetServerFuncs remoteDaemonAdminFuncs = {
    .clientNew = remoteDaemonAdminNew,
    .clientClosed = remoteDaemonAdminClosed,
};

/* --- timers --- */

static void
remoteDaemonIdleDue(void *opaque)
{
    remoteDaemon *daemon = opaque;

    if (daemon->clients > 0)
        return;
    VIR_INFO("no client for %u seconds: ending", daemon->timeout);
    if (eventfd_write(daemon->quitFd, 1) < 0)
        VIR_ERROR("cannot end: %s", g_strerror(errno));
}

/* By @timeout, which may have changed. */
static void
remoteDaemonStartIdleTimer(remoteDaemon *daemon)
{
    g_clear_pointer(&daemon->idleTimer, virIOLoopRemoveTimer);
    if (daemon->timeout == 0)
        return;
    daemon->idleTimer = virIOLoopAddTimer(daemon->loop, daemon->timeout * 1000,
                                          remoteDaemonIdleDue, daemon);
    if (daemon->clients > 0)
        virIOLoopStopTimer(daemon->idleTimer);
}

typedef struct {
    remoteDaemon *daemon;
    unsigned int seconds;
} remoteDaemonTimeoutRequest;

static void
remoteDaemonSetTimeoutInThread(void *opaque)
{
    remoteDaemonTimeoutRequest *request = opaque;

    request->daemon->timeout = request->seconds;
    remoteDaemonStartIdleTimer(request->daemon);
}

static void
remoteDaemonSetTimeout(unsigned int seconds, void *opaque)
{
    remoteDaemonTimeoutRequest request = { opaque, seconds };

    virIOLoopInvokeWait(request.daemon->loop, remoteDaemonSetTimeoutInThread, &request);
}

static void
remoteDaemonWatchdogDue(void *opaque)
{
    remoteDaemon *daemon = opaque;

    /* From here, so that a thread that hangs is found out. */
    remoteDaemonNotify("WATCHDOG=1");
    virIOLoopRestartTimer(daemon->watchdogTimer,
                          (unsigned int)CLAMP(daemon->watchdogUsec / 2000, 1, G_MAXINT));
}

static void
remoteDaemonStartTimers(void *opaque)
{
    remoteDaemon *daemon = opaque;

    remoteDaemonStartIdleTimer(daemon);
    if ((daemon->watchdogUsec = remoteDaemonNotifyWatchdog()) > 0)
        daemon->watchdogTimer = virIOLoopAddTimer(daemon->loop, 0, remoteDaemonWatchdogDue,
                                                  daemon);
}

static void
remoteDaemonStopTimers(void *opaque)
{
    remoteDaemon *daemon = opaque;

    g_clear_pointer(&daemon->idleTimer, virIOLoopRemoveTimer);
    g_clear_pointer(&daemon->watchdogTimer, virIOLoopRemoveTimer);
}

/* --- configuration --- */

static virAccessSettings
remoteDaemonAccessSettings(const remoteDaemonConfig *config)
{
    return (virAccessSettings){ .file = config->accessFile };
}

/* The file's settings with the command line's on top; NULL with an error reported. */
static remoteDaemonConfig *
remoteDaemonReadConfig(const remoteDaemon *daemon)
{
    g_autoptr(remoteDaemonConfig) config = remoteDaemonConfigNew(daemon->privileged);
    g_autofree char *path = daemon->options.config ? g_strdup(daemon->options.config) :
                                                     remoteDaemonConfigPath(daemon->privileged);
    g_autoptr(GPtrArray) monitors = g_ptr_array_new();
    virAccessSettings settings;
    size_t i;

    if (remoteDaemonConfigLoad(config, path, !daemon->options.config) < 0)
        return NULL;
    if (daemon->options.socketDir) {
        g_free(config->unixSockDir);
        config->unixSockDir = g_strdup(daemon->options.socketDir);
    }
    for (i = 0; config->monitors && config->monitors[i]; i++)
        g_ptr_array_add(monitors, g_strdup(config->monitors[i]));
    for (i = 0; daemon->options.monitors && daemon->options.monitors[i]; i++)
        g_ptr_array_add(monitors, g_strdup(daemon->options.monitors[i]));
    g_ptr_array_add(monitors, NULL);
    g_strfreev(config->monitors);
    config->monitors = (char **)g_ptr_array_free(g_steal_pointer(&monitors), FALSE);

    settings = remoteDaemonAccessSettings(config);
    if (virStateCheck((const char *const *)config->monitors) < 0 ||
        remoteDaemonListenCheck(config) < 0 ||
        virAccessManagerTest((const char *const *)config->accessDrivers, &settings) < 0)
        return NULL;
    return g_steal_pointer(&config);
}

/* What the environment says stands above the file, and --verbose above both. */
static int
remoteDaemonApplyLog(const remoteDaemon *daemon, const remoteDaemonConfig *config)
{
    virLogPriority level = (virLogPriority)config->logLevel;

    if (daemon->options.verbose)
        level = MIN(level, VIR_LOG_INFO);
    if (((daemon->options.verbose || !getenv("LIBVIRT_DEBUG")) &&
         virLogSetDefaultPriority(level) < 0) ||
        (!getenv("LIBVIRT_LOG_FILTERS") &&
         virLogParseFilters(config->logFilters ? config->logFilters : "") < 0) ||
        (!getenv("LIBVIRT_LOG_OUTPUTS") &&
         virLogParseOutputs(config->logOutputs ? config->logOutputs : "") < 0))
        return -1;
    return 0;
}

/* Reads the certificates that @config names, which counts from now on (taken); NULL: those of the one
 * that counts already. As remoteDaemonListenReloadTLS(). */
static int
remoteDaemonReloadTLS(remoteDaemon *daemon, remoteDaemonConfig *config)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&daemon->lastLock);

    if (config) {
        remoteDaemonConfigFree(daemon->last);
        daemon->last = config;
    }
    return remoteDaemonListenReloadTLS(&daemon->contexts, daemon->last ? daemon->last :
                                                                         daemon->config);
}

static int
remoteDaemonUpdateTLS(void *opaque)
{
    int rc = remoteDaemonReloadTLS(opaque, NULL);

    if (rc == 0)
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("no socket of virtmond has TLS, so there are no certificates to read"));
    return rc > 0 ? 0 : -1;
}

/* SIGHUP. Whatever can't be applied leaves things as they were, and is logged. */
static void
remoteDaemonReload(remoteDaemon *daemon)
{
    g_autoptr(remoteDaemonConfig) config = NULL;
    g_autofree char *state = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                                             g_get_monotonic_time());
    virAccessSettings settings;
    const char *fixed;

    remoteDaemonNotify(state);
    if (!(config = remoteDaemonReadConfig(daemon)) ||
        virStateReload((const char *const *)config->monitors) < 0) {
        VIR_ERROR("the configuration is not reloaded: %s", virErrorLastMessage());
    } else {
        settings = remoteDaemonAccessSettings(config);
        if (virAccessManagerReload(daemon->access, &settings) < 0)
            VIR_ERROR("who may do what is not reloaded: %s", virErrorLastMessage());
        remoteDaemonListenReloadAuth(&daemon->contexts, config);
        if (remoteDaemonApplyLog(daemon, config) < 0)
            VIR_ERROR("the log settings are not reloaded: %s", virErrorLastMessage());
        remoteDaemonLimitsReload(daemon->limits, config);
        if ((fixed = remoteDaemonConfigFindFixed(daemon->config, config)))
            VIR_WARN("'%s' has changed, which counts from the next start on", fixed);
        if (remoteDaemonReloadTLS(daemon, g_steal_pointer(&config)) < 0)
            VIR_ERROR("the certificates are not reloaded: %s", virErrorLastMessage());
        VIR_INFO("the configuration is reloaded");
    }
    virResetLastError();
    remoteDaemonNotify("READY=1");
}

/* --- start and end --- */

/* Any thread: somebody may be allowed, or be refused, what he was not before. Not before there is a
 * @sight, as nobody is asked before. */
static void
remoteDaemonAccessChanged(void *opaque)
{
    remoteDaemon *daemon = opaque;

    remoteSightForget(daemon->sight);
}

/* Makes sure that we are alone on our sockets. */
static int
remoteDaemonLock(remoteDaemon *daemon)
{
    const char *dir = daemon->config->unixSockDir;
    g_autofree char *path = g_build_filename(dir, "virtmond.pid", NULL);

    if (g_mkdir_with_parents(dir, daemon->privileged ? 0755 : 0700) < 0) {
        virReportSystemError(errno, _("cannot create directory '%1$s' for sockets"), dir);
        return -1;
    }
    if (!(daemon->lock = remoteDaemonPidFileNew(path)))
        return -1;
    if (daemon->options.pidFile && strcmp(daemon->options.pidFile, path) != 0 &&
        !(daemon->pidFile = remoteDaemonPidFileNew(daemon->options.pidFile)))
        return -1;
    return 0;
}

/* As many descriptors as we may have: each client takes one, and each domain some. The usual soft
 * limit is there for programs that use select(). */
static void
remoteDaemonRaiseFDLimit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        VIR_WARN("cannot raise the limit of file descriptors: %s", g_strerror(errno));
}

/* A thread and a server of their own: administrators get in when nobody else does. */
static int
remoteDaemonStartAdmin(remoteDaemon *daemon)
{
    const remoteAdminTargets targets = {
        .server = daemon->server, .loop = daemon->loop, .relay = daemon->relay,
        .limits = daemon->limits, .conn = daemon->conn, .updateTLS = remoteDaemonUpdateTLS,
        .setTimeout = remoteDaemonSetTimeout, .opaque = daemon,
    };

    if (!(daemon->adminLoop = virIOLoopNew("virtmon-admin")))
        return -1;
    remoteAdminInit(&targets);
    daemon->admin = virNetServerNew(daemon->adminLoop, &remoteAdminServerLimits,
                                    &remoteDaemonAdminFuncs, daemon);
    virNetServerAddProgram(daemon->admin, &remoteAdminProgram);
    virNetServerAddProgram(daemon->admin, &remoteInspectProgram);
    return 0;
}

static int
remoteDaemonStart(remoteDaemon *daemon)
{
    const virAccessSettings settings = remoteDaemonAccessSettings(daemon->config);
    virNetServerLimits limits;

    daemon->timeout = (unsigned int)daemon->options.timeout;
    remoteDaemonRaiseFDLimit();
    if (remoteDaemonLock(daemon) < 0 || !(daemon->loop = virIOLoopNew("virtmon-rpc")))
        return -1;
    remoteDaemonLoopRegister(daemon->loop);
    if (virStateInitialize((const char *const *)daemon->config->monitors) < 0 ||
        !(daemon->conn = virConnectOpen("qemu:///system")))
        return -1;
    daemon->access = virAccessManagerNew((const char *const *)daemon->config->accessDrivers,
                                         &settings, remoteDaemonAccessChanged, daemon);
    if (!daemon->access)
        return -1;
    remoteDaemonAccessInit(daemon->access);
    if (!virAccessManagerAllowsAll(daemon->access))
        daemon->sight = remoteSightNew(daemon->access, daemon->loop, daemon->conn);
    daemon->relay = remoteRelayNew(daemon->conn, daemon->sight);
    remoteDaemonDispatchInit(daemon->relay, daemon->privileged ? "qemu:///system" :
                                                                 "qemu:///session");
    daemon->limits = remoteDaemonLimitsNew(daemon->config);
    remoteDaemonLimitsFill(daemon->limits, &limits);
    daemon->server = virNetServerNew(daemon->loop, &limits, &remoteDaemonServerFuncs, daemon);
    remoteDaemonLimitsSetServer(daemon->limits, daemon->server);
    virNetServerAddProgram(daemon->server, &remoteDaemonProgram);
    virNetServerAddProgram(daemon->server, &remoteDaemonQemuProgram);
    virIOLoopInvokeWait(daemon->loop, remoteDaemonStartTimers, daemon);
    if (remoteDaemonStartAdmin(daemon) < 0)
        return -1;
    return remoteDaemonListen(daemon->server, daemon->admin, daemon->config,
                              daemon->options.listen, &daemon->contexts);
}

/* Takes what remoteDaemonStart() has done, be it only a part. */
static void
remoteDaemonStop(remoteDaemon *daemon)
{
    /* What administrators see is all there until they are gone. */
    virNetServerFree(daemon->admin);
    virIOLoopFree(daemon->adminLoop);
    if (daemon->loop)
        virIOLoopInvokeWait(daemon->loop, remoteDaemonStopTimers, daemon);
    if (daemon->server)
        virNetServerStop(daemon->server);
    remoteDaemonListenContextsStop(&daemon->contexts);
    /* So that what workers wait for comes to an end. */
    virAccessManagerStop(daemon->access);
    if (virStateIsActive())
        virStateStop();
    virNetServerFree(daemon->server);
    remoteDaemonLimitsFree(daemon->limits);
    remoteRelayFree(daemon->relay);
    remoteSightFree(daemon->sight);
    virAccessManagerFree(daemon->access);
    remoteDaemonListenContextsClear(&daemon->contexts);
    virConnectUnref(daemon->conn);
    if (virStateIsActive())
        virStateCleanup();
    virIOLoopFree(daemon->loop);

    remoteDaemonPidFileFree(daemon->pidFile);
    remoteDaemonPidFileFree(daemon->lock);
}

/* Until somebody wants an end. */
static void
remoteDaemonWait(remoteDaemon *daemon)
{
    struct pollfd fds[] = {
        { .fd = daemon->signalFd, .events = POLLIN },
        { .fd = daemon->quitFd, .events = POLLIN },
    };
    struct signalfd_siginfo info;

    for (;;) {
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
            if (errno == EINTR)
                continue;
            VIR_ERROR("cannot wait for signals: %s", g_strerror(errno));
            return;
        }
        if (fds[1].revents)
            return;
        if (!fds[0].revents || read(daemon->signalFd, &info, sizeof(info)) != sizeof(info))
            continue;
        if (info.ssi_signo != SIGHUP) {
            VIR_INFO("ended by signal %u", info.ssi_signo);
            return;
        }
        remoteDaemonReload(daemon);
    }
}

/* The handler of last resort prints errors, which here go to clients or into the log. */
static void
remoteDaemonIgnoreError(void *opaque G_GNUC_UNUSED, virErrorPtr err G_GNUC_UNUSED)
{
}

/* What gets the number of a closed stderr would be logged to: the file with our process ID, or a
 * client's socket. */
static void
remoteDaemonOpenStandardFiles(void)
{
    int fd;

    do {
        if ((fd = open("/dev/null", O_RDWR)) < 0)
            abort();
    } while (fd <= STDERR_FILENO);
    close(fd);
}

/* Signals are for the main thread, which reads them; threads inherit the mask. */
static int
remoteDaemonSetUpSignals(remoteDaemon *daemon)
{
    sigset_t wanted;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &wanted, NULL);
    daemon->signalFd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    daemon->quitFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (daemon->signalFd < 0 || daemon->quitFd < 0) {
        virReportSystemError(errno, "%s", _("cannot set up signals"));
        return -1;
    }
    return 0;
}

/* Tells whoever waits in remoteDaemonFork(). Takes @fd. */
static void
remoteDaemonTellParent(int fd)
{
    if (write(fd, "", 1) != 1)
        VIR_WARN("cannot tell the parent process: %s", g_strerror(errno));
    close(fd);
}

/* In the parent: ends with it, once the child serves clients or has failed. In the child: returns
 * where to say that it does. */
static int
remoteDaemonFork(void)
{
    int fds[2];
    int null;
    char byte;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        virReportSystemError(errno, "%s", _("cannot create a pipe"));
        return -1;
    }
    switch (fork()) {
    case -1:
        virReportSystemError(errno, "%s", _("cannot start a process for the background"));
        return -1;
    case 0:
        break;
    default:
        close(fds[1]);
        _exit(read(fds[0], &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(fds[0]);
    setsid();
    if (chdir("/") < 0 || (null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0) {
        virReportSystemError(errno, "%s", _("cannot leave the terminal"));
        return -1;
    }
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    close(null);
    return fds[1];
}

/* The last tie to the terminal: until now, what goes wrong is said there. */
static void
remoteDaemonLeaveStderr(void)
{
    dup2(STDOUT_FILENO, STDERR_FILENO);
}

static int
remoteDaemonRun(remoteDaemon *daemon)
{
    int parentFd = -1;
    int rc = EXIT_FAILURE;

    if (daemon->options.daemonize && (parentFd = remoteDaemonFork()) < 0)
        goto cleanup;
    if (remoteDaemonApplyLog(daemon, daemon->config) < 0 ||
        remoteDaemonSetUpSignals(daemon) < 0 || remoteDaemonStart(daemon) < 0)
        goto cleanup;

    VIR_INFO("serving clients at '%s'", daemon->config->unixSockDir);
    remoteDaemonNotify("READY=1");
    if (daemon->options.daemonize) {
        remoteDaemonTellParent(parentFd);
        remoteDaemonLeaveStderr();
    }
    remoteDaemonWait(daemon);
    remoteDaemonNotify("STOPPING=1");
    rc = EXIT_SUCCESS;

 cleanup:
    if (rc != EXIT_SUCCESS)
        fprintf(stderr, "virtmond: %s\n", virErrorLastMessage());
    remoteDaemonStop(daemon);
    return rc;
}

/* --- the command line --- */

/* --daemon leaves the directory that paths are relative to. -1 with the error printed: an empty one
 * would be that directory. */
static int
remoteDaemonMakeAbsolute(char **path, const char *option)
{
    char *absolute;

    if (!*path)
        return 0;
    if (!**path) {
        fprintf(stderr, "virtmond: --%s: %s\n", option, _("it must not be empty"));
        return -1;
    }
    absolute = g_canonicalize_filename(*path, NULL);
    g_free(*path);
    *path = absolute;
    return 0;
}

static int
remoteDaemonParseOptions(remoteDaemonOptions *options, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        { "daemon", 'd', 0, G_OPTION_ARG_NONE, &options->daemonize,
          N_("Run in the background; return once clients are served"), NULL },
        { "config", 'f', 0, G_OPTION_ARG_FILENAME, &options->config,
          N_("Configuration file"), N_("FILE") },
        { "monitor", 'm', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->monitors,
          N_("Path or glob of QEMU monitor sockets, beside those configured; repeatable"),
          N_("GLOB") },
        { "listen", 'l', 0, G_OPTION_ARG_NONE, &options->listen,
          N_("Listen on TCP and TLS too, as configured"), NULL },
        { "socket-dir", 's', 0, G_OPTION_ARG_FILENAME, &options->socketDir,
          N_("Directory of the unix sockets"), N_("DIR") },
        { "pid-file", 'p', 0, G_OPTION_ARG_FILENAME, &options->pidFile,
          N_("Write the process ID there"), N_("FILE") },
        { "timeout", 't', 0, G_OPTION_ARG_INT, &options->timeout,
          N_("End after so long without a client"), N_("SECONDS") },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose,
          N_("Log what happens, not only what goes wrong"), NULL },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &options->version,
          N_("Print the version and end"), NULL },
        { "check-config", 'C', 0, G_OPTION_ARG_NONE, &options->checkConfig,
          N_("Check the configuration and end"), NULL },
        { NULL, '\0', 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    size_t i;

    g_option_context_set_summary(context, _("Serves libvirt's protocol for the QEMUs that run on "
                                            "this host, whoever started them."));
    g_option_context_add_main_entries(context, entries, PACKAGE);
    g_option_context_set_translation_domain(context, PACKAGE);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "virtmond: %s\n", error->message);
        return -1;
    }
    if (argc > 1) {
        fprintf(stderr, _("virtmond: unexpected argument '%s'"), argv[1]);
        fputc('\n', stderr);
        return -1;
    }
    if (remoteDaemonMakeAbsolute(&options->config, "config") < 0 ||
        remoteDaemonMakeAbsolute(&options->socketDir, "socket-dir") < 0 ||
        remoteDaemonMakeAbsolute(&options->pidFile, "pid-file") < 0)
        return -1;
    for (i = 0; options->monitors && options->monitors[i]; i++) {
        if (remoteDaemonMakeAbsolute(&options->monitors[i], "monitor") < 0)
            return -1;
    }
    if (options->timeout < 0 || options->timeout > G_MAXINT / 1000) {
        fprintf(stderr, _("virtmond: '%d' is no number of seconds for --timeout"),
                options->timeout);
        fputc('\n', stderr);
        return -1;
    }
    return 0;
}

/* Of this size on, blocks are given back to the system when they are freed. Otherwise glibc, once it has
 * seen one of 4 MiB come and go, keeps such for each of its arenas, of which every worker has one. */
#define REMOTE_DAEMON_MMAP_BYTES (512 * 1024)

int
main(int argc, char **argv)
{
    remoteDaemon daemon = { .signalFd = -1, .quitFd = -1,
                            .lastLock = VIR_MUTEX_INITIALIZER, .privileged = geteuid() == 0 };
    int rc = EXIT_FAILURE;

    mallopt(M_MMAP_THRESHOLD, REMOTE_DAEMON_MMAP_BYTES);
    remoteDaemonOpenStandardFiles();
    setlocale(LC_ALL, "");
    virInitialize();
    virSetErrorFunc(NULL, remoteDaemonIgnoreError);
    if (remoteDaemonParseOptions(&daemon.options, argc, argv) < 0) {
        fputs(_("virtmond: see virtmond --help\n"), stderr);
    } else if (daemon.options.version) {
        printf("virtmond %s\n", VERSION);
        rc = EXIT_SUCCESS;
    } else if (!(daemon.config = remoteDaemonReadConfig(&daemon))) {
        fprintf(stderr, "virtmond: %s\n", virErrorLastMessage());
    } else if (daemon.options.checkConfig) {
        puts(_("the configuration is fine"));
        rc = EXIT_SUCCESS;
    } else {
        rc = remoteDaemonRun(&daemon);
    }

    if (daemon.signalFd >= 0)
        close(daemon.signalFd);
    if (daemon.quitFd >= 0)
        close(daemon.quitFd);
    remoteDaemonConfigFree(daemon.config);
    remoteDaemonConfigFree(daemon.last);
    g_free(daemon.options.config);
    g_free(daemon.options.socketDir);
    g_free(daemon.options.pidFile);
    g_strfreev(daemon.options.monitors);
    return rc;
}
