/*
 * qemufixture.h: a domain whose QEMU is a peer with a script
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "fakeqemu.h"
#include "qemu_domain.h"
#include "qemu_instance.h"
#include "qmppeer.h"

/* What QEMU answers to a command, as long as this is in force. */
typedef struct {
    const char *command;        /* a part of the line that it is on */
    const char *events;         /* lines that come before the answer, or NULL */
    const char *result;         /* JSON of what "return" is; NULL: an error */
    const char *error;          /* its text; NULL: no answer at all, it hangs up */
} qemuFixtureAnswer;

typedef struct {
    virMutex lock;              /* guards the next two */
    GPtrArray *answers;         /* const qemuFixtureAnswer *; the last that fits counts */
    GString *asked;             /* all commands but those of identifying, each in brackets */
    qmpPeer *peer;
    fakeQemu *fake;             /* or NULL */
    qemuInstance *instance;
    virDomainObj *dom;
} qemuFixture;

/* Attaches to a QEMU that answers as @answers say (ended by one without a command; NULL: none),
 * and else as qmpPeerAnswerAll() does. */
void qemuFixtureInit(qemuFixture *f, const qemuFixtureAnswer *answers);
/* The same, attached by a process that looks like a QEMU with the monitor, and @words, on its
 * command line. */
void qemuFixtureInitProcess(qemuFixture *f, const qemuFixtureAnswer *answers, const char *words);
void qemuFixtureClear(qemuFixture *f);
/* From now on; borrowed until the end. */
void qemuFixtureAnswerWith(qemuFixture *f, const qemuFixtureAnswer *answer);
/* The names of the commands since the last call, each in brackets; the caller frees it. */
char *qemuFixtureTakeAsked(qemuFixture *f);
/* Sends @line, and waits until the domain's state is @state. */
void qemuFixtureSendEvent(qemuFixture *f, const char *line, int state);

/* The last error has @code and says @text; it is reset. */
void qemuFixtureAssertError(int code, const char *text);
