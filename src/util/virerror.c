/*
 * virerror.c: the last error of each thread, how it is set and how it is told
 *
 * Holds both sides: what the tree calls (virerror_priv.h) and the public
 * functions of <libvirt/virterror.h>.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virerror_priv.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virgettext.h"
#include "virlog.h"
#include "virthread.h"

VIR_LOG_INIT("util.error");

#define VIR_FROM_THIS VIR_FROM_NONE

/* The texts are part of the interface: scripts read them, and they travel as
 * str1 of an error. @bare is used where nothing particular is known. */
typedef struct {
    int code;
    const char *bare;
    const char *format;
} virErrorText;

static const virErrorText virErrorTexts[] = {
    { VIR_ERR_INTERNAL_ERROR, N_("internal error"), N_("internal error: %s") },
    { VIR_ERR_NO_MEMORY, N_("out of memory"), N_("out of memory: %s") },
    { VIR_ERR_NO_SUPPORT, N_("this function is not supported by the connection driver"),
      N_("this function is not supported by the connection driver: %s") },
    { VIR_ERR_NO_CONNECT, N_("no connection driver available"),
      N_("no connection driver available for %s") },
    { VIR_ERR_INVALID_CONN, N_("invalid connection pointer in"),
      N_("invalid connection pointer in %s") },
    { VIR_ERR_INVALID_DOMAIN, N_("invalid domain pointer in"),
      N_("invalid domain pointer in %s") },
    { VIR_ERR_INVALID_ARG, N_("invalid argument"), N_("invalid argument: %s") },
    { VIR_ERR_OPERATION_FAILED, N_("operation failed"), N_("operation failed: %s") },
    { VIR_ERR_XML_ERROR, N_("XML description is invalid or not well formed"),
      N_("XML error: %s") },
    { VIR_ERR_XML_DETAIL, N_("XML is not well formed"), "%s" },
    { VIR_ERR_OPERATION_DENIED, N_("operation forbidden for read only access"),
      N_("operation forbidden: %s") },
    { VIR_ERR_CONF_SYNTAX, N_("configuration file syntax error"),
      N_("configuration file syntax error: %s") },
    { VIR_ERR_SYSTEM_ERROR, N_("system call error"), "%s" },
    { VIR_ERR_RPC, N_("RPC error"), "%s" },
    { VIR_ERR_GNUTLS_ERROR, N_("GNUTLS call error"), "%s" },
    { VIR_ERR_NO_DOMAIN, N_("Domain not found"), N_("Domain not found: %s") },
    { VIR_ERR_AUTH_FAILED, N_("authentication failed"), N_("authentication failed: %s") },
    { VIR_ERR_OPERATION_INVALID, N_("Requested operation is not valid"),
      N_("Requested operation is not valid: %s") },
    { VIR_ERR_CONFIG_UNSUPPORTED, N_("unsupported configuration"),
      N_("unsupported configuration: %s") },
    { VIR_ERR_OPERATION_TIMEOUT, N_("Timed out during operation"),
      N_("Timed out during operation: %s") },
    { VIR_ERR_ARGUMENT_UNSUPPORTED, N_("argument unsupported"),
      N_("argument unsupported: %s") },
    { VIR_ERR_OPERATION_ABORTED, N_("operation aborted"), N_("operation aborted: %s") },
    { VIR_ERR_AUTH_CANCELLED, N_("authentication cancelled"),
      N_("authentication cancelled: %s") },
    { VIR_ERR_NO_SERVER, N_("Server not found"), N_("Server not found: %s") },
    { VIR_ERR_NO_CLIENT, N_("Client not found"), N_("Client not found: %s") },
    { VIR_ERR_NO_DOMAIN_METADATA, N_("metadata not found"), N_("metadata not found: %s") },
    { VIR_ERR_OVERFLOW, N_("numerical overflow"), N_("numerical overflow: %s") },
    { VIR_ERR_OPERATION_UNSUPPORTED, N_("Operation not supported"),
      N_("Operation not supported: %s") },
    { VIR_ERR_AGENT_UNRESPONSIVE, N_("Guest agent is not responding"),
      N_("Guest agent is not responding: %s") },
    { VIR_ERR_RESOURCE_BUSY, N_("resource busy"), N_("resource busy: %s") },
    { VIR_ERR_ACCESS_DENIED, N_("access denied"), N_("access denied: %s") },
    { VIR_ERR_AUTH_UNAVAILABLE, N_("authentication unavailable"),
      N_("authentication unavailable: %s") },
};

/* How the default handler names a domain: "libvirt: QEMU Driver error : ..." */
static const struct {
    int domain;
    const char *name;
} virErrorDomainNames[] = {
    { VIR_FROM_NONE, "" },
    { VIR_FROM_XML, "XML Util" },
    { VIR_FROM_RPC, "XML-RPC" },
    { VIR_FROM_QEMU, "QEMU Driver" },
    { VIR_FROM_REMOTE, "Remote Driver" },
    { VIR_FROM_CONF, "Config File" },
    { VIR_FROM_DOM, "Domain" },
    { VIR_FROM_DOMAIN, "Domain Config" },
    { VIR_FROM_URI, "URI Utils" },
    { VIR_FROM_AUTH, "Authentication Utils" },
    { VIR_FROM_EVENT, "Event Loop" },
    { VIR_FROM_ACCESS, "Access Manager" },
};

static pthread_once_t virErrorOnce = PTHREAD_ONCE_INIT;
static pthread_key_t virErrorKey;

static virMutex virErrorHandlerLock = VIR_MUTEX_INITIALIZER;
static virErrorFunc virErrorHandler;    /* both guarded by virErrorHandlerLock */
static void *virErrorHandlerData;

static void
virErrorKeyInit(void)
{
    int rc = pthread_key_create(&virErrorKey, (void (*)(void *))virFreeError);

    g_assert(rc == 0);
}

/* The calling thread's error, made at its first use and freed with the thread. */
static virErrorPtr
virErrorOfThread(void)
{
    virErrorPtr err;

    pthread_once(&virErrorOnce, virErrorKeyInit);
    if (!(err = pthread_getspecific(virErrorKey))) {
        err = g_new0(virError, 1);
        pthread_setspecific(virErrorKey, err);
    }
    return err;
}

/* The main thread never runs its key destructors when the process exits. */
static void __attribute__((destructor))
virErrorFreeMain(void)
{
    virErrorPtr err;

    pthread_once(&virErrorOnce, virErrorKeyInit);
    if ((err = pthread_getspecific(virErrorKey))) {
        pthread_setspecific(virErrorKey, NULL);
        virFreeError(err);
    }
}

void
virResetError(virErrorPtr err)
{
    if (!err)
        return;
    g_free(err->message);
    g_free(err->str1);
    g_free(err->str2);
    g_free(err->str3);
    memset(err, 0, sizeof(*err));
}

void
virFreeError(virErrorPtr err)
{
    virResetError(err);
    g_free(err);
}

static void
virErrorCopy(const virError *from, virErrorPtr to)
{
    if (from == to)
        return;
    virResetError(to);
    to->code = from->code;
    to->domain = from->domain;
    to->level = from->level;
    to->message = g_strdup(from->message);
    to->str1 = g_strdup(from->str1);
    to->str2 = g_strdup(from->str2);
    to->str3 = g_strdup(from->str3);
    to->int1 = from->int1;
    to->int2 = from->int2;
}

static void
virErrorSet(const char *file, const char *func, size_t line, int domain, int code,
            virErrorLevel level, const char *str1, const char *str2, const char *str3,
            int int1, int int2, char *message)
{
    int savedErrno = errno;
    virErrorPtr err = virErrorOfThread();
    virError next = {
        .code = code, .domain = domain, .level = level, .message = message,
        .str1 = g_strdup(str1), .str2 = g_strdup(str2), .str3 = g_strdup(str3),
        .int1 = int1, .int2 = int2,
    };

    virResetError(err);
    *err = next;
    if (virLogEnabled(virLogSource, VIR_LOG_DEBUG))
        virLogMessage(virLogSource, VIR_LOG_DEBUG, file, line, func, "%s", message);
    errno = savedErrno;
}

void
virReportErrorFull(int domain, int code, const char *file, const char *func, size_t line,
                   const char *format, ...)
{
    g_autofree char *particulars = NULL;
    const char *bare = N_("unknown error");
    const char *pattern = N_("unknown error: %s");
    va_list args;
    size_t i;

    if (format) {
        va_start(args, format);
        particulars = g_strdup_vprintf(format, args);
        va_end(args);
    }
    for (i = 0; i < G_N_ELEMENTS(virErrorTexts); i++) {
        if (virErrorTexts[i].code == code) {
            bare = virErrorTexts[i].bare;
            pattern = virErrorTexts[i].format;
        }
    }
    if (particulars) {
        const char *text = *pattern == '%' ? pattern : _(pattern);

        virErrorSet(file, func, line, domain, code, VIR_ERR_ERROR, text, particulars, NULL,
                    -1, -1, g_strdup_printf(text, particulars));
    } else {
        virErrorSet(file, func, line, domain, code, VIR_ERR_ERROR, _(bare), NULL, NULL,
                    -1, -1, g_strdup(_(bare)));
    }
}

void
virRaiseErrorFull(const char *file, const char *func, size_t line, int domain, int code,
                  virErrorLevel level, const char *str1, const char *str2, const char *str3,
                  int int1, int int2, const char *format, ...)
{
    va_list args;
    char *message;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    virErrorSet(file, func, line, domain, code, level, str1, str2, str3, int1, int2, message);
}

void
virReportSystemErrorFull(int domain, int err, const char *file, const char *func, size_t line,
                         const char *format, ...)
{
    g_autofree char *particulars = NULL;
    va_list args;

    va_start(args, format);
    particulars = g_strdup_vprintf(format, args);
    va_end(args);
    virErrorSet(file, func, line, domain, VIR_ERR_SYSTEM_ERROR, VIR_ERR_ERROR, "%s", particulars,
                NULL, err, -1, g_strdup_printf("%s: %s", particulars, g_strerror(err)));
}

void
virReportInvalidArgFull(int domain, const char *file, const char *func, size_t line,
                        const char *argname, const char *format, ...)
{
    va_list args;
    char *message;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    virErrorSet(file, func, line, domain, VIR_ERR_INVALID_ARG, VIR_ERR_ERROR, func, argname, NULL,
                0, 0, message);
}

void
virReportUnsupportedFlags(int domain, const char *file, const char *func, size_t line,
                          unsigned int flags)
{
    virReportInvalidArgFull(domain, file, func, line, "flags",
                            _("unsupported flags (0x%1$x) in function %2$s"), flags, func);
}

virErrorPtr
virGetLastError(void)
{
    virErrorPtr err = virErrorOfThread();

    return err->code == VIR_ERR_OK ? NULL : err;
}

int
virGetLastErrorCode(void)
{
    return virErrorOfThread()->code;
}

int
virGetLastErrorDomain(void)
{
    return virErrorOfThread()->domain;
}

const char *
virGetLastErrorMessage(void)
{
    virErrorPtr err = virGetLastError();

    if (!err)
        return _("no error");
    return err->message ? err->message : _("unknown error");
}

const char *
virErrorLastMessage(void)
{
    return virGetLastErrorMessage();
}

/**
 * virSaveLastError:
 *
 * Returns a copy of the calling thread's last error (code 0 if there was none),
 * to be freed by virFreeError().
 */
virErrorPtr
virSaveLastError(void)
{
    virErrorPtr copy = g_new0(virError, 1);

    virErrorCopy(virErrorOfThread(), copy);
    return copy;
}

/**
 * virCopyLastError:
 * @to: what it was before is overwritten, not freed
 *
 * Returns the code of the last error, 0 if there was none, -1 if @to is NULL.
 */
int
virCopyLastError(virErrorPtr to)
{
    if (!to)
        return -1;
    memset(to, 0, sizeof(*to));
    virErrorCopy(virErrorOfThread(), to);
    return to->code;
}

void
virResetLastError(void)
{
    virErrorPtr err = virErrorOfThread();

    /* Every public function comes through here, nearly always with nothing to do. */
    if (err->code != VIR_ERR_OK)
        virResetError(err);
}

void
virErrorPreserveLast(virErrorPtr *save)
{
    *save = virSaveLastError();
}

void
virErrorRestore(virErrorPtr *save)
{
    virErrorPtr err = virErrorOfThread();

    virResetError(err);
    *err = **save;
    g_free(*save);
    *save = NULL;
}

void
virSetError(virErrorPtr err)
{
    virErrorCopy(err, virErrorOfThread());
}

/**
 * virDefaultErrorFunc:
 * @err: what to print
 *
 * Prints one line to stderr: which part failed, the level, the message; if that is a terminal,
 * without what would steer it.
 */
void
virDefaultErrorFunc(virErrorPtr err)
{
    const char *domain = "Unknown";
    const char *level = "";
    const char *message;
    g_autofree char *safe = NULL;
    size_t i;

    if (!err || err->code == VIR_ERR_OK)
        return;
    for (i = 0; i < G_N_ELEMENTS(virErrorDomainNames); i++) {
        if (virErrorDomainNames[i].domain == err->domain)
            domain = virErrorDomainNames[i].name;
    }
    if (err->level == VIR_ERR_WARNING)
        level = _("warning");
    else if (err->level == VIR_ERR_ERROR)
        level = _("error");
    message = err->message ? err->message : _("unknown error");
    if (isatty(STDERR_FILENO))
        message = safe = virLogEscape(message);
    fprintf(stderr, "libvirt: %s %s : %s\n", domain, level, message);
}

void
virSetErrorFunc(void *userData, virErrorFunc handler)
{
    g_auto(virLockGuard) guard G_GNUC_UNUSED = virLockGuardLock(&virErrorHandlerLock);

    virErrorHandler = handler;
    virErrorHandlerData = userData;
}

/**
 * virErrorCallHandler:
 * @err: what failed
 *
 * Calls the global handler, or the default one.
 */
void
virErrorCallHandler(virErrorPtr err)
{
    virErrorFunc handler;
    void *userData;

    virMutexLock(&virErrorHandlerLock);
    handler = virErrorHandler;
    userData = virErrorHandlerData;
    virMutexUnlock(&virErrorHandlerLock);

    if (handler)
        handler(userData, err);
    else
        virDefaultErrorFunc(err);
}

void
virErrorCopyTo(virErrorPtr to)
{
    virErrorCopy(virErrorOfThread(), to);
}
