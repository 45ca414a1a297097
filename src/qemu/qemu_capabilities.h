/*
 * qemu_capabilities.h: what this host and the QEMUs on it are
 *
 * Versions and the capabilities XML. Not what a single domain is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "domain_list.h"

/* The capabilities XML, which the caller frees; its guests are the kinds among @domains. */
char *qemuCapabilitiesFormat(virDomainList *domains);

/* The newest version among @domains, or, if there are none, of the emulator that is installed, as
 * major * 1000000 + minor * 1000 + micro. -1 with an error reported if there is no QEMU. */
int qemuCapabilitiesGetVersion(virDomainList *domains, unsigned long *version);

/* From what "qemu-system-X --version" prints; 0 if it is something else. */
unsigned long qemuCapabilitiesParseVersion(const char *text);

/* The name of this host, fully qualified if known; NULL with an error reported. */
char *qemuCapabilitiesGetHostname(void);
