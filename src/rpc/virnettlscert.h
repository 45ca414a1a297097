/*
 * virnettlscert.h: are our own certificate files fit for what they are for?
 *
 * Asked when they are read, so that a mistake is told by the name of the file rather than by a
 * failing handshake on another machine. The other side's certificate is checked in
 * virnettlscontext.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

/* Returns 0 if @file can be read; -1 with VIR_ERR_SYSTEM_ERROR reported. @format: the message,
 * translated, with one string for the file. */
int virNetTLSCertCheckReadable(const char *file, const char *format);
/* @cert may be NULL. Returns 0, or -1 with VIR_ERR_SYSTEM_ERROR reported that names the file. */
int virNetTLSCertCheck(bool server, const char *ca, const char *cert);
