/*
 * remote_daemon_sight.h: whose events a client may see
 *
 * Keeps the answers of who decides (viraccessmanager.h), so that an event costs a look at a flag and
 * never a question. What is done with an event whose answer isn't known yet is up to whoever looks.
 *
 * A question may take seconds, and the I/O thread has no such time: a worker asks. All domains are
 * asked about when the first client of a kind comes that sees them, and those that appear later with
 * their first event; a domain of which an event waits is asked about first. Clients that are the same
 * to those who decide share the answers. An answer is about a UUID with a name: a domain that is
 * renamed is another one. It is kept until the policy changes, which makes all unknown at once;
 * until no such domain is there and nobody has looked for a while; and for REMOTE_SIGHT_KEEP_S in
 * any case, after which whoever looks has it asked for again, while the old one still counts: what
 * polkit's rules look at beside the question, such as the time of the day, changes without a word.
 *
 * All of it belongs to the I/O thread, unless it says otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>

#include "datatypes.h"
#include "domain_ident.h"
#include "viraccessmanager.h"
#include "virioloop.h"

/* How long an answer counts, and how soon a question is repeated that could not be asked: until then
 * the domain is hidden. */
#define REMOTE_SIGHT_KEEP_S 60
#define REMOTE_SIGHT_RETRY_S 5
/* Between two times that all answers are forgotten. polkitd tells of each change of sessions too: a
 * storm of them would leave no time to ask again, and no event would be seen. To those who change a
 * policy it is at once. */
#define REMOTE_SIGHT_FORGET_MS 100
/* Questions of one client that are asked in a row before others have their turn. */
#define REMOTE_SIGHT_BATCH_MAX 16
/* Domains whose answers are kept for one client: there are no more at a time, and those that are
 * gone or had another name make room. */
#define REMOTE_SIGHT_DOMAINS_MAX 16384
/* Threads that ask: polkitd itself does one thing at a time. */
#define REMOTE_SIGHT_WORKERS_MAX 4

typedef struct _remoteSight remoteSight;
/* How one client sees: of it and the permissions that it needs. */
typedef struct _remoteView remoteView;

typedef enum {
    REMOTE_SIGHT_UNKNOWN,       /* is being asked */
    REMOTE_SIGHT_SEEN,
    REMOTE_SIGHT_HIDDEN,        /* also: it can't be asked, or is one too many */
} remoteSightAnswer;

/* Any thread but the I/O thread. @manager, @loop and @conn, which knows all domains, are borrowed
 * for its life. */
remoteSight *remoteSightNew(virAccessManager *manager, virIOLoop *loop, virConnectPtr conn);
/* Any thread but the I/O thread, when all views are closed and @manager is stopped. */
void remoteSightFree(remoteSight *sight);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(remoteSight, remoteSightFree)

/* Any thread, until remoteSightFree(): all answers are unknown from now on, or from
 * REMOTE_SIGHT_FORGET_MS after the last time on. However many calls come until then, they are one,
 * and the last of them counts. */
void remoteSightForget(remoteSight *sight);

/* Something that was unknown to this view may be known now; it may be closed in here. */
typedef void (*remoteViewFunc)(void *opaque);

/**
 * remoteViewNew:
 * @identity: whose (a reference is added)
 * @watches: it needs domain:watch-events beside domain:getattr
 *
 * Never NULL.
 */
remoteView *remoteViewNew(remoteSight *sight, virIdentity *identity, bool watches,
                          remoteViewFunc answered, void *opaque);
void remoteViewFree(remoteView *view);
remoteSightAnswer remoteViewLook(remoteView *view, virDomainIdent *ident);
