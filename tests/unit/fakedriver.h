/*
 * fakedriver.h: a driver that notes what it is asked
 *
 * For tests of the public functions, which check their arguments and leave the rest
 * to a driver.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "datatypes.h"

/* Has every entry, and one that has none but what each must have. */
extern const virHypervisorDriver fakeDriver;
extern const virHypervisorDriver fakeDriverWithNothing;

/* A new connection with @flags (VIR_CONNECT_RO). */
virConnectPtr fakeConnect(const virHypervisorDriver *driver, unsigned int flags);
/* A new domain of it, "dom" with ID 5. */
virDomainPtr fakeDomain(virConnectPtr conn);

/* From now on each call reports VIR_ERR_OPERATION_FAILED, or none does. */
void fakeDriverFail(bool fail);

/* Aborts unless exactly that has been called since the last time, with arguments: "listDomains 4;" */
void fakeAssertCalled(const char *expected);

/* What handlers of errors were told since the last time; fakeConnect() makes it the global one. */
unsigned int fakeTakeErrors(void);

/* Aborts unless the last error is that. */
void fakeAssertError(int code, int domain, const char *message);
/* The same for "ARG in FUNC ...", and for the members that go with it. */
void fakeAssertBadArg(int domain, const char *arg, const char *func, const char *what);
