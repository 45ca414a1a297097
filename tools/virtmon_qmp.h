/*
 * virtmon_qmp.h: a QMP command from the words of a command line
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

/**
 * virtmonQMPFromWords:
 * @words: at least one (borrowed)
 * @wrong, @why: on failure, what could not be understood and why, for people; the caller frees
 *   both
 *
 * If all words together are a JSON object, that is the command, as it is. Otherwise the first is
 * the command's name, and the others are its arguments: one object, or the members of one.
 *
 * Returns a new string, or NULL.
 */
char *virtmonQMPFromWords(const char *const *words, char **wrong, char **why);
