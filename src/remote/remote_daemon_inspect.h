/*
 * remote_daemon_inspect.h: what virtmond tells administrators beyond libvirt's admin program
 *
 * Clients and users with what they hold, registrations, domains, limits; a page at a time, as
 * virtmon_admin_protocol.x has it. What there is to tell of is remoteAdminGet()'s.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "virnetserverprogram.h"

/* Bytes of the records of one page, roughly; the last may go beyond it. */
#define REMOTE_INSPECT_PAGE_BYTES_MAX (1024 * 1024)

extern const virNetServerProgram remoteInspectProgram;
