/*
 * viraccessperm.h: what may be allowed or forbidden to somebody, by name
 *
 * Names only; who may do what is decided elsewhere. They are libvirt's, as polkit
 * rules name them, but for those of our own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

/* The one list: class, name, whether the name is that of something which a read-only connection
 * never does, whether polkit allows it to everybody unless a rule says otherwise, and what it is.
 * Allowed to everybody is what libvirt's policy allows so. */
#define VIR_ACCESS_PERM_LIST(PERM) \
    PERM(CONNECT, GETATTR, "connect", "getattr", false, true, \
         "Open a connection, and ask what it is to") \
    PERM(CONNECT, READ, "connect", "read", false, true, \
         "Ask what the host can do") \
    PERM(CONNECT, WRITE, "connect", "write", true, false, \
         "Watch monitor events by a read-write connection") \
    PERM(CONNECT, SEARCH_DOMAINS, "connect", "search-domains", false, true, \
         "List domains, and watch what becomes of them") \
    PERM(DOMAIN, GETATTR, "domain", "getattr", false, true, \
         "See that a domain exists, and its events") \
    PERM(DOMAIN, READ, "domain", "read", false, true, \
         "Ask about a domain") \
    PERM(DOMAIN, WRITE, "domain", "write", true, false, \
         "Send commands to a domain's monitor or its agent") \
    PERM(DOMAIN, READ_SECURE, "domain", "read-secure", true, false, \
         "Ask about what is secret of a domain") \
    PERM(DOMAIN, START, "domain", "start", true, false, \
         "Make a running QEMU a domain") \
    PERM(DOMAIN, STOP, "domain", "stop", true, false, \
         "End a domain without asking its guest") \
    PERM(DOMAIN, RESET, "domain", "reset", true, false, \
         "Reset a domain") \
    PERM(DOMAIN, SUSPEND, "domain", "suspend", true, false, \
         "Pause a domain, and let it go on") \
    PERM(DOMAIN, INIT_CONTROL, "domain", "init-control", true, false, \
         "Ask a guest to shut down or to reboot") \
    /* Not libvirt's. */ \
    PERM(DOMAIN, WATCH_EVENTS, "domain", "watch-events", false, false, \
         "Watch a domain's monitor events by a read-only connection")

typedef enum {
    VIR_ACCESS_PERM_NONE = 0,           /* ends a list */
#define VIR_ACCESS_PERM_VALUE(klass, perm, className, name, writes, everybody, what) \
    VIR_ACCESS_PERM_##klass##_##perm,
    VIR_ACCESS_PERM_LIST(VIR_ACCESS_PERM_VALUE)
#undef VIR_ACCESS_PERM_VALUE
    VIR_ACCESS_PERM_LAST
} virAccessPerm;

/* One thing that a procedure needs. */
typedef struct {
    virAccessPerm perm;
    unsigned int flags;         /* only if the call has one of these flags; 0: always */
    bool perObject;             /* asked of each object in the result, which is left out else */
} virAccessNeed;

/* The rest is for real permissions only, not for the ends of their list. */

/* "connect" or "domain"; "search-domains"; what it is, in English. */
const char *virAccessPermClass(virAccessPerm perm);
const char *virAccessPermName(virAccessPerm perm);
const char *virAccessPermWhat(virAccessPerm perm);
bool virAccessPermIsDomain(virAccessPerm perm);
bool virAccessPermWrites(virAccessPerm perm);
bool virAccessPermIsEverybodys(virAccessPerm perm);
/* @klass and @name as above; VIR_ACCESS_PERM_NONE: there is none. */
virAccessPerm virAccessPermFind(const char *klass, const char *name);
