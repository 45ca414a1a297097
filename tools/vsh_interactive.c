/*
 * vsh_interactive.c: the prompt: reading lines, history, completion by Tab
 *
 * On a terminal lines are edited with readline, driven from our own poll() so
 * that no signal is missed between two keys. From anything else lines are read
 * as they are; prompt and line are printed all the same, so that the output
 * tells which command it belongs to.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Lines of history that are kept if the environment says nothing, and at most. */
#define VSH_HISTORY_DEFAULT 500
#define VSH_HISTORY_MAX 500000

/* What parts words for Tab: vshNextToken()'s rules as far as readline can follow. */
#define VSH_WORD_BREAKS " \t\n;"
#define VSH_WORD_QUOTES "\"'"

/* Readline's interface is global, so this is: there is one terminal. */
typedef struct {
    vshControl *ctl;
    char *line;                 /* the line that was entered; NULL: the end of input */
    bool done;
    char *historyFile;
    int wake;                   /* an eventfd that the signal handler writes to */
    char **candidates;          /* while completing */
    size_t nextCandidate;
} vshPrompt;

static vshPrompt *vshPromptCurrent;

/* --- signals at the prompt --- */

static const int vshPromptSignals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH };

static atomic_uint vshPromptPending;    /* bit i: vshPromptSignals[i] has come */
static atomic_int vshPromptWake;        /* the eventfd */

static void
vshPromptSignal(int sig)
{
    int saved = errno;
    guint64 one = 1;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(vshPromptSignals); i++) {
        if (vshPromptSignals[i] == sig) {
            ssize_t done G_GNUC_UNUSED;

            atomic_fetch_or(&vshPromptPending, 1u << i);
            done = write(atomic_load(&vshPromptWake), &one, sizeof(one));
        }
    }
    errno = saved;
}

static void
vshPromptCatch(struct sigaction *saved)
{
    struct sigaction action = { .sa_handler = vshPromptSignal, .sa_flags = SA_RESTART };
    size_t i;

    sigfillset(&action.sa_mask);
    for (i = 0; i < G_N_ELEMENTS(vshPromptSignals); i++) {
        sigaction(vshPromptSignals[i], NULL, &saved[i]);
        /* What was ignored when we were started (nohup) stays so. */
        if (saved[i].sa_handler != SIG_IGN)
            sigaction(vshPromptSignals[i], &action, NULL);
    }
}

static void
vshPromptRelease(const struct sigaction *saved)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(vshPromptSignals); i++)
        sigaction(vshPromptSignals[i], &saved[i], NULL);
}

static void
vshHistorySave(vshPrompt *prompt)
{
    if (prompt->historyFile)
        write_history(prompt->historyFile);
}

/* Has the signal do what it does by default, with the terminal as the parent left it. */
static void
vshPromptDefault(vshPrompt *prompt, int sig)
{
    struct sigaction action = { .sa_handler = SIG_DFL };
    struct sigaction saved;

    rl_deprep_terminal();
    if (sig != SIGTSTP)
        vshHistorySave(prompt);
    sigemptyset(&action.sa_mask);
    sigaction(sig, &action, &saved);
    raise(sig);
    /* Only SIGTSTP comes back, when the shell is in the foreground again. */
    sigaction(sig, &saved, NULL);
    rl_prep_terminal(1);
    rl_forced_update_display();
}

static void
vshPromptHandleSignals(vshPrompt *prompt)
{
    guint64 count;
    ssize_t done G_GNUC_UNUSED = read(prompt->wake, &count, sizeof(count));
    unsigned int pending = atomic_exchange(&vshPromptPending, 0);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(vshPromptSignals); i++) {
        if (!(pending & (1u << i)))
            continue;
        switch (vshPromptSignals[i]) {
        case SIGINT:
            /* Drops the line, and begins a new one. */
            rl_echo_signal_char(SIGINT);
            rl_free_line_state();
            rl_callback_sigcleanup();
            rl_replace_line("", 0);
            rl_crlf();
            rl_on_new_line();
            rl_redisplay();
            break;
        case SIGWINCH:
            rl_resize_terminal();
            break;
        default:
            vshPromptDefault(prompt, vshPromptSignals[i]);
            break;
        }
    }
}

/* --- completion --- */

/* Whether the character at @index stands for itself: for readline's search for the beginning
 * of the word. */
static int
vshIsQuoted(char *text, int index)
{
    char quote = '\0';
    int i;

    for (i = 0; i < index; i++) {
        if (quote == '\'') {
            if (text[i] == quote)
                quote = '\0';
        } else if (text[i] == '\\') {
            if (++i == index)
                return 1;
        } else if (text[i] == '"') {
            quote = quote ? '\0' : '"';
        } else if (text[i] == '\'' && !quote) {
            quote = '\'';
        }
    }
    return quote != '\0';
}

/* @word as it is typed within @quote, or outside of quotes (then '\0'). */
static char *
vshQuote(const char *word, char quote)
{
    GString *text = g_string_new(NULL);
    size_t i;

    for (i = 0; word[i]; i++) {
        if (quote == '\'' ? false :
            quote == '"' ? strchr("\"\\", word[i]) != NULL :
            strchr(VSH_WORD_BREAKS VSH_WORD_QUOTES "\\", word[i]) || (word[i] == '#' && i == 0))
            g_string_append_c(text, '\\');
        g_string_append_c(text, word[i]);
    }
    return g_string_free(text, FALSE);
}

/* Readline's generator: the next candidate as it is typed, or NULL. Readline frees it. */
static char *
vshNextCandidate(const char *text G_GNUC_UNUSED, int state)
{
    vshPrompt *prompt = vshPromptCurrent;
    const char *word;
    char *quoted;
    char *result;

    if (state == 0)
        prompt->nextCandidate = 0;
    if (!(word = prompt->candidates[prompt->nextCandidate]))
        return NULL;
    prompt->nextCandidate++;
    quoted = vshQuote(word, rl_completion_quote_character);
    result = strdup(quoted);
    g_free(quoted);
    return result;
}

static char **
vshCompleteLine(const char *text, int start G_GNUC_UNUSED, int end)
{
    vshPrompt *prompt = vshPromptCurrent;
    g_autofree char *line = g_strndup(rl_line_buffer, end);
    char **matches;
    size_t len;

    /* Readline's own idea, names of files, fits hardly anything here. */
    rl_attempted_completion_over = 1;
    prompt->candidates = vshComplete(prompt->ctl, line);
    matches = rl_completion_matches(text, vshNextCandidate);
    g_clear_pointer(&prompt->candidates, g_strfreev);

    /* A folder isn't the end of the word. */
    if (matches && !matches[1] && (len = strlen(matches[0])) > 0 && matches[0][len - 1] == '/') {
        rl_completion_append_character = '\0';
        rl_completion_suppress_quote = 1;
    }
    return matches;
}

/* --- history --- */

static int
vshHistorySize(vshControl *ctl)
{
    g_autofree char *upper = vshEnvPrefix(ctl->program);
    g_autofree char *name = g_strdup_printf("%s_HISTSIZE", upper);
    const char *value = getenv(name);
    gint64 size;

    if (!value)
        return VSH_HISTORY_DEFAULT;
    if (!g_ascii_string_to_signed(value, 10, G_MININT, G_MAXINT, &size, NULL)) {
        vshError(ctl, _("Bad $%s value."), name);
        return VSH_HISTORY_DEFAULT;
    }
    if (size < 0 || size > VSH_HISTORY_MAX) {
        vshError(ctl, _("$%1$s value should be between 0 and %2$d"), name, VSH_HISTORY_MAX);
        return VSH_HISTORY_DEFAULT;
    }
    return size;
}

static void
vshHistoryInit(vshPrompt *prompt)
{
    const char *name = prompt->ctl->program->name;
    g_autofree char *folder = g_build_filename(g_get_user_cache_dir(), name, NULL);

    using_history();
    stifle_history(vshHistorySize(prompt->ctl));
    /* Without a history that lasts, the shell works as well. */
    if (g_mkdir_with_parents(folder, 0700) < 0)
        return;
    prompt->historyFile = g_build_filename(folder, "history", NULL);
    read_history(prompt->historyFile);
}

/* Blank lines and repetitions aren't worth it. */
static void
vshHistoryAdd(const char *line)
{
    HIST_ENTRY *last;

    if (!line[strspn(line, " \t")])
        return;
    last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    if (!last || strcmp(last->line, line) != 0)
        add_history(line);
}

/* --- lines --- */

/* Readline has a whole line (takes it); NULL: the end of input. */
static void
vshLineEntered(char *line)
{
    vshPrompt *prompt = vshPromptCurrent;

    prompt->line = line;
    prompt->done = true;
    /* At once, so that no second prompt is drawn. */
    rl_callback_handler_remove();
}

/* Returns the next line, to be freed by the caller, or NULL at the end. */
static char *
vshReadTerminal(vshPrompt *prompt, const char *text)
{
    struct sigaction saved[G_N_ELEMENTS(vshPromptSignals)];
    struct pollfd fds[] = {
        { .fd = fileno(rl_instream ? rl_instream : stdin), .events = POLLIN },
        { .fd = prompt->wake, .events = POLLIN },
    };

    prompt->done = false;
    prompt->line = NULL;
    vshPromptCatch(saved);
    rl_callback_handler_install(text, vshLineEntered);
    while (!prompt->done) {
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            vshPromptHandleSignals(prompt);
        else if (fds[0].revents)
            rl_callback_read_char();
    }
    if (!prompt->done)
        rl_callback_handler_remove();
    vshPromptRelease(saved);

    if (prompt->line)
        vshHistoryAdd(prompt->line);
    return g_steal_pointer(&prompt->line);
}

static char *
vshReadPlain(vshControl *ctl, const char *text)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    vshPrint(ctl, "%s", text);
    if ((len = getline(&line, &size, stdin)) < 0) {
        free(line);
        return NULL;
    }
    if (len > 0 && line[len - 1] == '\n')
        line[len - 1] = '\0';
    vshPrint(ctl, "%s\n", line);
    return line;
}

/* False, with the error printed, if there can be no prompt. */
static bool
vshPromptInit(vshPrompt *prompt)
{
    if ((prompt->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        vshError(prompt->ctl, _("cannot create an eventfd: %s"), g_strerror(errno));
        return false;
    }
    vshPromptCurrent = prompt;
    atomic_store(&vshPromptWake, prompt->wake);
    atomic_store(&vshPromptPending, 0);

    rl_readline_name = prompt->ctl->program->name;
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_basic_word_break_characters = VSH_WORD_BREAKS;
    rl_completer_word_break_characters = VSH_WORD_BREAKS;
    rl_completer_quote_characters = VSH_WORD_QUOTES;
    rl_char_is_quoted_p = vshIsQuoted;
    rl_attempted_completion_function = vshCompleteLine;
    vshHistoryInit(prompt);
    return true;
}

static void
vshPromptFinish(vshPrompt *prompt)
{
    vshHistorySave(prompt);
    clear_history();
    g_free(prompt->historyFile);
    close(prompt->wake);
    vshPromptCurrent = NULL;
}

bool
vshRunInteractive(vshControl *ctl)
{
    vshPrompt prompt = { .ctl = ctl };
    bool terminal = isatty(STDIN_FILENO);
    char *line;

    ctl->interactive = true;
    if (!vshStart(ctl) || (terminal && !vshPromptInit(&prompt)))
        return false;

    vshPrintExtra(ctl, "%s\n\n%s", _(ctl->program->welcome),
                  _("Type:  'help' for help with commands\n"
                    "       'quit' to quit\n\n"));
    while (!ctl->quit) {
        const char *text = ctl->program->prompt(ctl);

        if (!(line = terminal ? vshReadTerminal(&prompt, text) : vshReadPlain(ctl, text)))
            break;
        vshRunText(ctl, line);
        free(line);
    }
    vshPrint(ctl, "\n");
    if (terminal)
        vshPromptFinish(&prompt);
    return true;
}
