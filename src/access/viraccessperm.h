/*
 * viraccessperm.h: what may be allowed or forbidden to somebody, by name
 *
 * Names only; who may do what is decided elsewhere. They are libvirt's, as polkit
 * rules name them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

typedef enum {
    VIR_ACCESS_PERM_NONE = 0,           /* ends a list */
    /* of the connection */
    VIR_ACCESS_PERM_CONNECT_GETATTR,
    VIR_ACCESS_PERM_CONNECT_READ,
    VIR_ACCESS_PERM_CONNECT_WRITE,
    VIR_ACCESS_PERM_CONNECT_SEARCH_DOMAINS,
    /* of one domain */
    VIR_ACCESS_PERM_DOMAIN_GETATTR,
    VIR_ACCESS_PERM_DOMAIN_READ,
    VIR_ACCESS_PERM_DOMAIN_WRITE,
    VIR_ACCESS_PERM_DOMAIN_READ_SECURE,
    VIR_ACCESS_PERM_DOMAIN_START,
    VIR_ACCESS_PERM_DOMAIN_STOP,
    VIR_ACCESS_PERM_DOMAIN_RESET,
    VIR_ACCESS_PERM_DOMAIN_SUSPEND,
    VIR_ACCESS_PERM_DOMAIN_INIT_CONTROL,
    VIR_ACCESS_PERM_LAST
} virAccessPerm;

/* One thing that a procedure needs. */
typedef struct {
    virAccessPerm perm;
    unsigned int flags;         /* only if the call has one of these flags; 0: always */
    bool perObject;             /* asked of each object in the result, which is left out else */
} virAccessNeed;
