/*
 * vshfixture.h: a small shell for the tests of the shell, and what it prints
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "vsh_priv.h"

/* Commands of the shell: "ok", "fail", "liberr", and "opts" with an option of every kind. */
extern const vshProgram testProgram;

/* What its hooks were asked, and what they answer. */
typedef struct {
    unsigned int starts;
    unsigned int connects;
    bool refuseStart;
    bool refuseConnect;
} testShellState;
extern testShellState testShellHooks;

vshControl *testShellNew(void);

/* From Begin to End all that the process prints is kept; without a shell too. */
typedef struct {
    int savedOut, savedErr;
    int out, err;
} testCapture;

void testCaptureBegin(testCapture *capture);
/* The caller frees both; each may be NULL. */
void testCaptureEnd(testCapture *capture, char **out, char **err);

/* What the shell prints of the error that "liberr" leaves, and virDomainGetName(NULL). The
 * caller frees it. */
char *testLibraryErrorText(void);

/* Runs @text and compares. */
void testRun(vshControl *ctl, const char *text, bool ok, const char *out, const char *err);
