/*
 * virtmon_edit.h: text that the user edits, in an editor of theirs
 *
 * Knows nothing of what the text means.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "vsh.h"

/* More than any text that libvirt's protocol carries: 4 MiB. */
#define VIRTMON_EDIT_MAX (4 * 1024 * 1024)

/**
 * virtmonEdit:
 * @ctl: the shell
 * @text: what the editor begins with (borrowed)
 *
 * The editor is $VISUAL, else $EDITOR, else vi: words for a shell, with the name of a temporary
 * file behind them, which is the user's alone and gone when this returns. Waits for it to end;
 * until then SIGINT and SIGQUIT are the editor's.
 *
 * Returns what the file holds then, in a new string; NULL with the error printed.
 */
char *virtmonEdit(vshControl *ctl, const char *text);
