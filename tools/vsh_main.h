/*
 * vsh_main.h: what main() of a shell does before there is one, and instead of one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <getopt.h>
#include <stdbool.h>

#include "vsh.h"

/* A socket that got the number of a closed stdout would be printed to. */
void vshOpenStandardFiles(void);
void vshInitLocale(void);

/* To stderr, as errors of commands look: there is no shell yet that could print it. */
void vshArgumentError(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Says what is wrong with the option that getopt_long(), called with @options, has answered by
 * @letter: ':' or '?'. */
void vshComplainOption(int letter, const struct option *options, char **argv);

/* The parts of --help before and behind the program's options. */
void vshPrintUsage(const vshProgram *program);
void vshPrintCommands(const vshProgram *program);

/* Flushes what was printed without a shell; returns whether that worked, else says why not. */
bool vshFlushOutput(void);
/* Runs what is left of the command line behind @first: nothing, a text, or a command's words. */
bool vshRunArguments(vshControl *ctl, int argc, char **argv, int first);
