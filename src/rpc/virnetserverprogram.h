/*
 * virnetserverprogram.h: the procedures that a server offers, as a table
 *
 * A row has all that there is to know of a procedure; adding one is a row and a function. What
 * is done with a row is in virnetserverclient.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "virnetmessage.h"

typedef struct _virNetServerCall virNetServerCall;
typedef struct _virNetServerClient virNetServerClient;

typedef enum {
    /* Never blocks: runs in the I/O thread, and may then use all that belongs to it. All others
     * run in a worker thread. */
    VIR_NET_SERVER_PROC_INLINE = 1 << 0,
    /* Blocks for a short while at most: has workers of its own when all others are busy. */
    VIR_NET_SERVER_PROC_PRIORITY = 1 << 1,
    /* May be called before the client is authenticated. */
    VIR_NET_SERVER_PROC_NO_AUTH = 1 << 2,
    /* Beside INLINE: uses nothing of the I/O thread's. It runs in a worker if something had to be
     * asked there first, and may then block itself. */
    VIR_NET_SERVER_PROC_ANYWHERE = 1 << 3,
    /* There may be a password in its arguments: what they came in is wiped as soon as they are
     * decoded, and wiping them is its own business. */
    VIR_NET_SERVER_PROC_SECRET = 1 << 4,
} virNetServerProcFlags;

/**
 * virNetServerProcFunc:
 * @call: who calls, and the fds that came along
 * @args: decoded; freed by the caller afterwards, with what is left in it
 * @ret: zeros, to be filled on success; freed by the caller with xdr_free() once it is encoded,
 *       so strings and arrays in it are from malloc()
 *
 * Returns 0, or -1 with an error reported, which is the answer then; or VIR_NET_SERVER_CALL_LATER:
 * @call, @args and @ret are kept until virNetServerCallAnswer(), which is promised.
 */
typedef int (*virNetServerProcFunc)(virNetServerCall *call, void *args, void *ret);

/* What comes of the call isn't known yet, and no thread waits for it. */
#define VIR_NET_SERVER_CALL_LATER 1

typedef struct {
    int number;
    const char *name;           /* for logs */
    virNetServerProcFunc func;
    xdrproc_t argFilter;        /* NULL: void; whatever comes is ignored */
    size_t argSize;
    xdrproc_t retFilter;        /* NULL: void */
    size_t retSize;
    unsigned int flags;         /* virNetServerProcFlags */
    const void *acl;            /* nothing to this layer */
} virNetServerProc;

typedef struct {
    unsigned int program;
    unsigned int version;
    const char *name;           /* for logs */
    const virNetServerProc *procs;      /* in any order; numbers are unique and from 1 to
                                         * VIR_NET_SERVER_PROC_MAX */
    size_t nprocs;
    /* What has to be true before any of them runs; in the same thread, with the arguments
     * decoded. NULL: nothing. Returns 0, or -1 with an error reported. */
    int (*check)(virNetServerCall *call, const void *args);
    /* In the I/O thread, of INLINE procedures: whether something has to be asked first that may
     * block. NULL: nothing ever. */
    bool (*asks)(virNetServerCall *call, const void *args);
    /* Asks it, in a worker, after @check; what does not run INLINE is always asked about. NULL:
     * there is nothing. Returns 0, or -1 with an error reported, which is the answer then. */
    int (*ask)(virNetServerCall *call, const void *args);
} virNetServerProgram;

#define VIR_NET_SERVER_PROC_MAX 4095

/* Any thread; takes @call. @rc: 0, or -1 with an error reported, as the procedure itself would have
 * returned it. The server must still be there, though the client may be gone. */
void virNetServerCallAnswer(virNetServerCall *call, int rc);

/* Of a call that runs; in its thread. All borrowed. */
virNetServerClient *virNetServerCallGetClient(virNetServerCall *call);
const virNetServerProgram *virNetServerCallGetProgram(virNetServerCall *call);
const virNetServerProc *virNetServerCallGetProc(virNetServerCall *call);
/* What virNetServerProgram.ask has found out for the procedure; 0 unless it was set there. */
void virNetServerCallSetVerdict(virNetServerCall *call, int verdict);
int virNetServerCallGetVerdict(virNetServerCall *call);
/* The fds that came with it; an fd is kept by replacing it by -1. */
int *virNetServerCallGetFDs(virNetServerCall *call, size_t *nfds);
/* An fd to be sent with the reply (duplicated). Returns 0, or -1 with an error reported if it is
 * one too many or can't be duplicated. */
int virNetServerCallAddFD(virNetServerCall *call, int fd);
