/*
 * vsh_output.c: what the shell prints, and where: stdout, stderr, the log file
 *
 * What somebody else has named (a guest, a file) may hold anything; on a
 * terminal it must not move the cursor or turn the text around.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const vshLogLevels[] = { "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR" };

/* One thread's, so that completion can be silent while another prints events. */
static _Thread_local bool vshMuted;

/* --- errors of libvirt --- */

/* Keeps libvirt from printing errors itself: many are expected, and who needs one asks for it. */
static void
vshErrorHandler(void *opaque G_GNUC_UNUSED, virErrorPtr err G_GNUC_UNUSED)
{
}

void
vshReportError(vshControl *ctl)
{
    virErrorPtr err = virGetLastError();

    if (!err || err->code == VIR_ERR_OK)
        return;
    vshError(ctl, "%s", err->message ? err->message : _("unknown error"));
    virResetLastError();
}

/* --- the log file --- */

/**
 * vshOutputInit:
 * @ctl: the shell
 * @logFile: where to append what goes to stderr; NULL: nowhere
 *
 * From here on libvirt prints no errors of its own.
 *
 * Returns false, with the error printed, if the file cannot be opened.
 */
bool
vshOutputInit(vshControl *ctl, const char *logFile)
{
    ctl->outTerminal = isatty(STDOUT_FILENO);
    ctl->errTerminal = isatty(STDERR_FILENO);
    ctl->logFd = -1;
    if (logFile) {
        ctl->logFd = open(logFile, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644);
        if (ctl->logFd < 0) {
            vshError(ctl, "%s", _("failed to open the log file. check the log file path"));
            return false;
        }
    }
    virSetErrorFunc(NULL, vshErrorHandler);
    return true;
}

void
vshOutputFinish(vshControl *ctl)
{
    virSetErrorFunc(NULL, NULL);
    if (ctl->logFd >= 0)
        close(ctl->logFd);
    ctl->logFd = -1;
}

/* One line a message, in one write(), so that several shells can share the file. A file that
 * can't be written to any more is no reason to stop. */
static void
vshLog(vshControl *ctl, vshDebugLevel level, const char *message)
{
    g_autoptr(GDateTime) now = NULL;
    g_autofree char *when = NULL;
    g_autofree char *safe = NULL;
    g_autofree char *line = NULL;
    const char *at;
    size_t left;

    if (ctl->logFd < 0)
        return;
    now = g_date_time_new_now_local();
    when = g_date_time_format(now, "%Y.%m.%d %H:%M:%S");
    /* It is read on a terminal sooner or later. */
    safe = vshEscape(message, true);
    line = g_strdup_printf("[%s %s %lld] %s %s\n", when, ctl->program->name, (long long)getpid(),
                           vshLogLevels[level], safe);
    at = line;
    left = strlen(line);
    while (left > 0) {
        ssize_t done = write(ctl->logFd, at, left);

        if (done < 0 && errno != EINTR)
            return;
        if (done > 0) {
            at += done;
            left -= done;
        }
    }
}

/* --- printing --- */

/**
 * vshWriteOut:
 * @ctl: the shell
 * @text: what goes to stdout, at once
 *
 * Whoever read our output and has gone wants no more of it: that ends the process, like the
 * signal does where it isn't ignored. Other failures (a full disk) are said once, and the exit
 * status tells of them.
 */
static void
vshWriteOut(vshControl *ctl, const char *text)
{
    int err;

    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return;
    err = errno;
    if (err == EPIPE)
        _exit(EXIT_FAILURE);
    if (!atomic_exchange(&ctl->outputFailed, true))
        vshError(ctl, _("cannot write to the standard output: %s"), g_strerror(err));
}

bool
vshOutputFailed(vshControl *ctl)
{
    return atomic_load(&ctl->outputFailed);
}

/* Whatever has been forgotten to be made safe is safe on a terminal from here on. */
static void
vshPrintText(vshControl *ctl, const char *text)
{
    g_autofree char *safe = vshSafe(ctl, text, true);

    vshWriteOut(ctl, safe);
}

void
vshPrint(vshControl *ctl, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (vshMuted)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    vshPrintText(ctl, text);
}

void
vshPrintExtra(vshControl *ctl, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (vshMuted || ctl->quiet)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    vshPrintText(ctl, text);
}

/* @prefix: what stands before the message, translated; NULL: nothing. */
static void
vshMessage(vshControl *ctl, vshDebugLevel level, const char *prefix, const char *format,
           va_list args)
{
    g_autofree char *message = NULL;
    g_autofree char *safe = NULL;
    g_autofree char *line = NULL;

    if (vshMuted)
        return;
    message = g_strdup_vprintf(format, args);
    vshLog(ctl, level, message);
    if (ctl->errTerminal)
        safe = vshEscape(message, true);
    line = g_strdup_printf("%s%s\n", prefix ? prefix : "", safe ? safe : message);
    /* Where both go to one place, the order is that of printing. */
    fflush(stdout);
    fputs(line, stderr);
    fflush(stderr);
}

void
vshError(vshControl *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vshMessage(ctl, VSH_DEBUG_ERROR, _("error: "), format, args);
    va_end(args);
}

void
vshWarn(vshControl *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vshMessage(ctl, VSH_DEBUG_WARNING, _("warning: "), format, args);
    va_end(args);
}

void
vshNotice(vshControl *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vshMessage(ctl, VSH_DEBUG_NOTICE, NULL, format, args);
    va_end(args);
}

void
vshDebug(vshControl *ctl, int level, const char *format, ...)
{
    va_list args;

    if (level < ctl->debug)
        return;
    va_start(args, format);
    vshMessage(ctl, level, NULL, format, args);
    va_end(args);
}

void
vshMute(bool mute)
{
    vshMuted = mute;
}

/* --- text for a terminal --- */

/* Invisible, and yet they change how what follows is shown. */
static bool
vshIsControl(gunichar c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
           c == 0x061c || c == 0x200e || c == 0x200f ||     /* marks of direction */
           (c >= 0x202a && c <= 0x202e) ||                  /* embeddings, overrides */
           (c >= 0x2066 && c <= 0x2069);                    /* isolates */
}

/**
 * vshEscape:
 * @text: anything
 * @lines: tab, newline and a carriage return in front of one stay
 *
 * Controls and bytes that are no UTF-8 become \xNN, controls outside of ASCII \u{NNNN}. A
 * backslash stays, so the result is to be read and not to be decoded; doing it twice changes
 * nothing more.
 *
 * Returns a new string, which is valid UTF-8.
 */
char *
vshEscape(const char *text, bool lines)
{
    GString *safe = g_string_new(NULL);

    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append_printf(safe, "\\x%02x", (unsigned char)*text++);
            continue;
        }
        if (!vshIsControl(c) ||
            (lines && (c == '\t' || c == '\n' || (c == '\r' && text[1] == '\n'))))
            g_string_append_unichar(safe, c);
        else if (c < 0x80)
            g_string_append_printf(safe, "\\x%02x", c);
        else
            g_string_append_printf(safe, "\\u{%04x}", c);
        text = g_utf8_next_char(text);
    }
    return g_string_free(safe, FALSE);
}

char *
vshSafe(vshControl *ctl, const char *text, bool lines)
{
    return ctl->outTerminal ? vshEscape(text, lines) : g_strdup(text);
}

size_t
vshWidth(const char *text)
{
    size_t width = 0;

    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            width++;
            text++;
            continue;
        }
        if (g_unichar_iswide(c))
            width += 2;
        else if (!g_unichar_iszerowidth(c))
            width++;
        text = g_utf8_next_char(text);
    }
    return width;
}

char *
vshPad(const char *text, size_t width)
{
    size_t has = vshWidth(text);

    return g_strdup_printf("%s%*s", text, has < width ? (int)(width - has) : 0, "");
}
