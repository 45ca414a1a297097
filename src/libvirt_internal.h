/*
 * libvirt_internal.h: checks that every public function begins with
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "datatypes.h"
#include "virgettext.h"
#include "virlog.h"

/* A public function reports, tells the handlers and returns. */
#define virFailReturn(conn, retval) \
    do { \
        virDispatchError(conn); \
        return retval; \
    } while (0)

#define virCheckConnectReturn(obj, retval) \
    do { \
        if (!VIR_IS_CONNECT(obj)) { \
            virReportErrorFull(VIR_FROM_THIS, VIR_ERR_INVALID_CONN, __FILE__, __func__, \
                               __LINE__, "%s", __func__); \
            virFailReturn(NULL, retval); \
        } \
    } while (0)

#define virCheckDomainReturn(obj, retval) \
    do { \
        if (!VIR_IS_DOMAIN(obj)) { \
            virReportErrorFull(VIR_FROM_DOM, VIR_ERR_INVALID_DOMAIN, __FILE__, __func__, \
                               __LINE__, "%s", __func__); \
            virFailReturn(NULL, retval); \
        } \
    } while (0)

#define virCheckNonNullArgReturn(conn, arg, retval) \
    do { \
        if ((arg) == NULL) { \
            virReportInvalidArg(arg, _("%1$s in %2$s must not be NULL"), #arg, __func__); \
            virFailReturn(conn, retval); \
        } \
    } while (0)

#define virCheckNullArgReturn(conn, arg, retval) \
    do { \
        if ((arg) != NULL) { \
            virReportInvalidArg(arg, _("%1$s in %2$s must be NULL"), #arg, __func__); \
            virFailReturn(conn, retval); \
        } \
    } while (0)

/* An array may be NULL if it is of no size. */
#define virCheckNonNullArrayReturn(conn, arg, size, retval) \
    do { \
        if ((arg) == NULL && (size) > 0) { \
            virReportInvalidArg(arg, _("%1$s in %2$s must not be NULL"), #arg, __func__); \
            virFailReturn(conn, retval); \
        } \
    } while (0)

#define virCheckNonNegativeArgReturn(conn, arg, retval) \
    do { \
        if ((arg) < 0) { \
            virReportInvalidArg(arg, _("%1$s in %2$s must be zero or greater"), #arg, __func__); \
            virFailReturn(conn, retval); \
        } \
    } while (0)

#define virCheckNonZeroArgReturn(conn, arg, retval) \
    do { \
        if ((arg) == 0) { \
            virReportInvalidArg(arg, _("%1$s in %2$s must not be zero"), #arg, __func__); \
            virFailReturn(conn, retval); \
        } \
    } while (0)

#define virCheckReadOnlyReturn(conn, retval) \
    do { \
        if ((conn)->flags & VIR_CONNECT_RO) { \
            virReportErrorFull(VIR_FROM_THIS, VIR_ERR_OPERATION_DENIED, __FILE__, __func__, \
                               __LINE__, _("read only access prevents %1$s"), __func__); \
            virFailReturn(conn, retval); \
        } \
    } while (0)

#define virReportNoSupportReturn(conn, retval) \
    do { \
        virReportErrorFull(VIR_FROM_THIS, VIR_ERR_NO_SUPPORT, __FILE__, __func__, __LINE__, \
                           "%s", __func__); \
        virFailReturn(conn, retval); \
    } while (0)

/* Calls one entry of the driver's table: returns what it returns, having told the handlers if
 * that is a failure. */
#define virCallDriverReturn(conn, entry, type, failed, ...) \
    do { \
        type result_; \
        if (!(conn)->driver->entry) \
            virReportNoSupportReturn(conn, failed); \
        result_ = (conn)->driver->entry(__VA_ARGS__); \
        if (result_ == (failed)) \
            virDispatchError(conn); \
        return result_; \
    } while (0)
