/*
 * virerror_priv.h: how code in this tree reports errors
 *
 * The public side (reading, copying and handling errors) is in
 * <libvirt/virterror.h>. A file that reports errors defines VIR_FROM_THIS
 * after its includes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* virReportErrorFull:
 * @domain: which part of the library failed
 * @code: what kind of failure
 * @file, @func, @line: where, for the log
 * @format, ...: the particulars, already translated; NULL if the code says all
 *
 * Sets the calling thread's last error; message, str1, str2 and the ints get
 * the values that libvirt gives them (wire-compatible). Logs it at debug level.
 */
void virReportErrorFull(int domain, int code,
                        const char *file, const char *func, size_t line,
                        const char *format, ...) G_GNUC_PRINTF(6, 7);

/* The same with every member of virError set by hand (str1 to str3 borrowed). */
void virRaiseErrorFull(const char *file, const char *func, size_t line,
                       int domain, int code, virErrorLevel level,
                       const char *str1, const char *str2, const char *str3,
                       int int1, int int2, const char *format, ...) G_GNUC_PRINTF(12, 13);

/* @err is an errno value; its text is appended to the message after ": ". */
void virReportSystemErrorFull(int domain, int err,
                              const char *file, const char *func, size_t line,
                              const char *format, ...) G_GNUC_PRINTF(6, 7);

/* str1 = @func, str2 = @argname, ints 0, as libvirt has it for arguments of its functions. */
void virReportInvalidArgFull(int domain, const char *file, const char *func, size_t line,
                             const char *argname, const char *format, ...) G_GNUC_PRINTF(6, 7);

#define virReportError(code, ...) \
    virReportErrorFull(VIR_FROM_THIS, code, __FILE__, __func__, __LINE__, __VA_ARGS__)
#define virReportSystemError(err, ...) \
    virReportSystemErrorFull(VIR_FROM_THIS, err, __FILE__, __func__, __LINE__, __VA_ARGS__)
/* A bad argument of the function that this is in; the message is the particulars alone. What
 * else is wrong with what a caller gave is a virReportError(VIR_ERR_INVALID_ARG, ...), whose
 * message begins with "invalid argument: ". */
#define virReportInvalidArg(argname, ...) \
    virReportInvalidArgFull(VIR_FROM_THIS, __FILE__, __func__, __LINE__, #argname, __VA_ARGS__)
/* "unsupported flags (0x4) in function F" */
void virReportUnsupportedFlags(int domain, const char *file, const char *func, size_t line,
                               unsigned int flags);

/* Return @ret with an error if @flags has a bit outside @supported. */
#define virCheckFlagsReturn(supported, ret) \
    do { \
        unsigned int unknownFlags_ = (flags) & ~(unsigned int)(supported); \
        if (unknownFlags_) { \
            virReportUnsupportedFlags(VIR_FROM_THIS, __FILE__, __func__, __LINE__, unknownFlags_); \
            return ret; \
        } \
    } while (0)

/* Keep the last error over clean-up code that might set another one. */
void virErrorPreserveLast(virErrorPtr *save);
void virErrorRestore(virErrorPtr *save);
/* Makes a copy of @err the calling thread's last error. */
void virSetError(virErrorPtr err);

/* Calls the global handler, or the default one. What public functions call, and
 * what knows of a connection's own handler, is virDispatchError() (datatypes.h). */
void virErrorCallHandler(virErrorPtr err);
/* Copies the calling thread's last error over @to, freeing what was there. */
void virErrorCopyTo(virErrorPtr to);

/* The text of the calling thread's last error; never NULL. */
const char *virErrorLastMessage(void);
