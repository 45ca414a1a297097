/*
 * virtmon_edit.c: text that the user edits, in an editor of theirs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

/* What runs when the user has said nothing. */
#define VIRTMON_EDITOR "vi"
/* Bytes that are read at once. */
#define VIRTMON_EDIT_CHUNK 65536

/* --- the editor --- */

/* An empty variable is as good as none. Borrowed from the environment. */
static const char *
virtmonEditor(void)
{
    static const char *const variables[] = { "VISUAL", "EDITOR" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(variables); i++) {
        const char *editor = g_getenv(variables[i]);

        if (editor && *editor)
            return editor;
    }
    return VIRTMON_EDITOR;
}

/* In the child, whose parent has these ignored. */
static void
virtmonEditorSetup(gpointer opaque G_GNUC_UNUSED)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
}

/* Returns whether the editor ran and ended well; else the error is printed. The shell gets the
 * name of the file as an argument: nothing in it has a meaning there. */
static bool
virtmonEditorRun(vshControl *ctl, const char *file)
{
    const char *editor = virtmonEditor();
    g_autofree char *script = g_strdup_printf("%s \"$1\"", editor);
    char *argv[] = { (char *)"/bin/sh", (char *)"-c", script, (char *)"sh", (char *)file, NULL };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction savedInt, savedQuit;
    g_autoptr(GError) err = NULL;
    int status = 0;
    bool ok;

    fflush(stdout);
    sigaction(SIGINT, &ignore, &savedInt);
    sigaction(SIGQUIT, &ignore, &savedQuit);
    ok = g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, virtmonEditorSetup, NULL,
                      NULL, NULL, &status, &err) &&
         g_spawn_check_wait_status(status, &err);
    sigaction(SIGINT, &savedInt, NULL);
    sigaction(SIGQUIT, &savedQuit, NULL);

    if (!ok)
        vshError(ctl, _("editor '%1$s' failed: %2$s"), editor, err->message);
    return ok;
}

/* --- the file --- */

static void
virtmonEditReadError(vshControl *ctl, const char *file)
{
    vshError(ctl, _("cannot read temporary file '%1$s': %2$s"), file, g_strerror(errno));
}

/* All that can be read of @fd, in a new string; NULL with the error printed. */
static char *
virtmonEditReadFd(vshControl *ctl, const char *file, int fd)
{
    g_autofree char *chunk = g_malloc(VIRTMON_EDIT_CHUNK);
    g_autoptr(GString) text = g_string_new(NULL);
    ssize_t got;

    while ((got = read(fd, chunk, VIRTMON_EDIT_CHUNK)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            virtmonEditReadError(ctl, file);
            return NULL;
        }
        if (text->len + got > VIRTMON_EDIT_MAX) {
            vshError(ctl, _("temporary file '%1$s' exceeds the limit of %2$d bytes"), file,
                     VIRTMON_EDIT_MAX);
            return NULL;
        }
        g_string_append_len(text, chunk, got);
    }
    if (strlen(text->str) != text->len) {
        vshError(ctl, _("temporary file '%s' holds a NUL byte"), file);
        return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Many editors put another file in the place of the one that they were given. */
static char *
virtmonEditRead(vshControl *ctl, const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text;

    if (fd < 0) {
        virtmonEditReadError(ctl, file);
        return NULL;
    }
    text = virtmonEditReadFd(ctl, file, fd);
    close(fd);
    return text;
}

static bool
virtmonEditWrite(vshControl *ctl, const char *file, int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t done = write(fd, text, left);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            vshError(ctl, _("cannot write to temporary file '%1$s': %2$s"), file,
                     g_strerror(errno));
            return false;
        }
        text += done;
        left -= done;
    }
    return true;
}

char *
virtmonEdit(vshControl *ctl, const char *text)
{
    g_autofree char *file = NULL;
    g_autoptr(GError) err = NULL;
    char *edited = NULL;
    bool ok;
    /* of mode 0600 */
    int fd = g_file_open_tmp("virtmonXXXXXX.xml", &file, &err);

    if (fd < 0) {
        vshError(ctl, _("cannot create a temporary file: %s"), err->message);
        return NULL;
    }
    ok = virtmonEditWrite(ctl, file, fd, text);
    close(fd);
    if (ok && virtmonEditorRun(ctl, file))
        edited = virtmonEditRead(ctl, file);
    g_remove(file);
    return edited;
}
