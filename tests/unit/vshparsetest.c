/*
 * vshparsetest.c: from text to words, from words to commands
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

#include <string.h>

/* The tokens of @text in short: words in brackets, and a letter for each of the others. */
static char *
tokens(const char *text)
{
    g_autoptr(GString) word = g_string_new(NULL);
    GString *all = g_string_new(NULL);

    while (true) {
        switch (vshNextToken(&text, word)) {
        case VSH_TOKEN_WORD:
            g_string_append_printf(all, "[%s]", word->str);
            break;
        case VSH_TOKEN_SEPARATOR:
            g_string_append(all, "S");
            break;
        case VSH_TOKEN_COMMENT:
            g_string_append(all, "C");
            break;
        case VSH_TOKEN_END:
            return g_string_free(all, FALSE);
        case VSH_TOKEN_OPEN_QUOTE:
            g_string_append_printf(all, "O[%s]", word->str);
            return g_string_free(all, FALSE);
        case VSH_TOKEN_DANGLING:
            g_string_append(all, "D");
            return g_string_free(all, FALSE);
        }
    }
}

static void
testTokens(void)
{
    static const struct {
        const char *text;
        const char *tokens;
    } cases[] = {
        { "", "" },
        { " \t", "" },
        { "a  b\tc ", "[a][b][c]" },
        { "a;b; ;c", "[a]S[b]SS[c]" },
        { "a\nb", "[a]S[b]" },
        { "a\r", "[a\r]" },
        { "\"a  b\" c", "[a  b][c]" },
        { "a\"b c\"'d e'f", "[ab cd ef]" },
        { "'a\"b\\'", "[a\"b\\]" },
        { "\"a'b\"", "[a'b]" },
        { "'' \"\"", "[][]" },
        { "a\\ b \\;c \\\"", "[a b][;c][\"]" },
        { "\"a\\\"b\\c\\\\\"", "[a\"bc\\]" },
        { "a\\\nb \\\n c", "[ab][c]" },
        { "\"a\\\nb\" 'a\\\nb'", "[ab][a\\\nb]" },
        { "\"a\nb;c#d\"", "[a\nb;c#d]" },
        { "a#b #c;d\ne", "[a#b]CS[e]" },
        { "#", "C" },
        { "\\#a '#b'", "[#a][#b]" },
        { "a 'b", "[a][b]" },
        { "a \"b c", "[a]O[b c]" },
        { "a \"", "[a]O[]" },
        { "a b\\", "[a]D" },
        { "a \"b\\", "[a]D" },
        { "'a\\", "[a\\]" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *found = tokens(cases[i].text);

        g_assert_cmpstr(found, ==, cases[i].tokens);
    }
}

static GPtrArray *
parse(const char *text)
{
    vshControl *ctl = testShellNew();
    GPtrArray *commands = vshParseText(ctl, text);

    vshFree(ctl);
    return commands;
}

/* That @text makes no sense, and what is said of it. */
static void
assertProblem(const char *text, const char *problem)
{
    vshControl *ctl = testShellNew();
    g_autofree char *err = NULL;
    testCapture capture;
    GPtrArray *commands;

    testCaptureBegin(&capture);
    commands = vshParseText(ctl, text);
    testCaptureEnd(&capture, NULL, &err);
    g_assert_cmpstr(err, ==, problem);
    g_assert_null(commands);
    vshFree(ctl);
}

static void
testPositions(void)
{
    /* By name and by position; the order of words is that of the table, without those given. */
    g_autoptr(GPtrArray) commands =
        parse("opts --count=3 dom --flag STOP r1 -- r2 --flag; opts --event A --event=B --name '' "
              "dom 7");
    const vshCmd *cmd;
    const char *text = NULL;
    int count = 0;

    g_assert_nonnull(commands);
    g_assert_cmpuint(commands->len, ==, 2);
    cmd = g_ptr_array_index(commands, 0);
    g_assert_cmpstr(vshCmdName(cmd), ==, "opts");
    g_assert_cmpint(vshCmdGetString(NULL, cmd, "domain", &text), ==, 1);
    g_assert_cmpstr(text, ==, "dom");
    g_assert_cmpint(vshCmdGetInt(NULL, cmd, "count", 0, 9, &count), ==, 1);
    g_assert_cmpint(count, ==, 3);
    g_assert_true(vshCmdHas(cmd, "flag"));
    g_assert_false(vshCmdHas(cmd, "name"));
    g_assert_cmpstr(vshCmdGetStrings(cmd, "event")[0], ==, "STOP");
    g_assert_null(vshCmdGetStrings(cmd, "event")[1]);
    g_assert_cmpstr(vshCmdGetStrings(cmd, "cmd")[0], ==, "r1");
    g_assert_cmpstr(vshCmdGetStrings(cmd, "cmd")[1], ==, "r2");
    g_assert_cmpstr(vshCmdGetStrings(cmd, "cmd")[2], ==, "--flag");
    g_assert_null(vshCmdGetStrings(cmd, "cmd")[3]);

    cmd = g_ptr_array_index(commands, 1);
    g_assert_cmpstr(vshCmdGetStrings(cmd, "event")[0], ==, "A");
    g_assert_cmpstr(vshCmdGetStrings(cmd, "event")[1], ==, "B");
    g_assert_null(vshCmdGetStrings(cmd, "event")[2]);
    g_assert_cmpint(vshCmdGetString(NULL, cmd, "name", &text), ==, 1);
    g_assert_cmpstr(text, ==, "");
    g_assert_cmpint(vshCmdGetInt(NULL, cmd, "count", 0, 9, &count), ==, 1);
    g_assert_cmpint(count, ==, 7);
    g_assert_false(vshCmdHas(cmd, "flag"));
    g_assert_null(vshCmdGetStrings(cmd, "cmd")[0]);
}

static void
testValuesThatLookLikeOptions(void)
{
    g_autoptr(GPtrArray) commands = parse("opts --domain --flag --event -- - -x 5");
    const vshCmd *cmd;
    const char *text = NULL;

    g_assert_nonnull(commands);
    cmd = g_ptr_array_index(commands, 0);
    g_assert_cmpint(vshCmdGetString(NULL, cmd, "domain", &text), ==, 1);
    g_assert_cmpstr(text, ==, "--flag");
    g_assert_cmpstr(vshCmdGetStrings(cmd, "event")[0], ==, "--");
    g_assert_cmpint(vshCmdGetString(NULL, cmd, "count", &text), ==, 1);
    g_assert_cmpstr(text, ==, "-");
    g_assert_cmpstr(vshCmdGetStrings(cmd, "cmd")[0], ==, "-x");
    g_assert_cmpstr(vshCmdGetStrings(cmd, "cmd")[1], ==, "5");
    g_assert_false(vshCmdHas(cmd, "flag"));
}

static void
testProblems(void)
{
    assertProblem("nosuch", "error: unknown command: 'nosuch'\n");
    assertProblem("''", "error: unknown command: ''\n");
    assertProblem("ok x", "error: unexpected data 'x'\n");
    assertProblem("ok ''", "error: unexpected data ''\n");
    assertProblem("ok -- x --", "error: unexpected data 'x'\n");
    assertProblem("ok --x=1", "error: command 'ok' doesn't support option --x\n");
    assertProblem("opts d --fla", "error: command 'opts' doesn't support option --fla\n");
    assertProblem("opts d --flag=", "error: invalid '=' after option --flag\n");
    assertProblem("ok --help=x", "error: invalid '=' after option --help\n");
    assertProblem("opts d --flag --flag", "error: option --flag already seen\n");
    assertProblem("opts d --domain=e", "error: option --domain already seen\n");
    assertProblem("opts d --count", "error: expected syntax: --count <number>\n");
    assertProblem("opts --domain", "error: expected syntax: --domain <string>\n");
    assertProblem("opts --flag", "error: command 'opts' requires <domain> option\n");
    assertProblem("more",
                  "error: command 'more' requires --must option\n"
                  "error: command 'more' requires --many option\n"
                  "error: command 'more' requires <cmd> option\n");
    assertProblem("ok \"", "error: missing \"\n");
    assertProblem("ok \\", "error: dangling \\\n");
    /* One that makes no sense, and none is run. */
    assertProblem("ok; ok; nosuch", "error: unknown command: 'nosuch'\n");
}

static void
testHelp(void)
{
    g_autoptr(GPtrArray) commands = parse("opts --help; help --nosuch ok more --command=x");
    const vshCmd *cmd;
    const char *text = NULL;

    g_assert_nonnull(commands);
    cmd = g_ptr_array_index(commands, 0);
    g_assert_true(cmd->help);
    /* help itself passes over whatever it doesn't know */
    cmd = g_ptr_array_index(commands, 1);
    g_assert_false(cmd->help);
    g_assert_cmpint(vshCmdGetString(NULL, cmd, "command", &text), ==, 1);
    g_assert_cmpstr(text, ==, "ok");
    assertProblem("opts --help --nosuch",
                  "error: command 'opts' doesn't support option --nosuch\n");
}

static void
testWords(void)
{
    char *words[] = { (char *)"opts", (char *)"a;b \"c", (char *)"#x" };
    vshControl *ctl = testShellNew();
    g_autoptr(GPtrArray) commands = vshParseWords(ctl, G_N_ELEMENTS(words), words);
    const vshCmd *cmd;
    const char *text = NULL;

    g_assert_nonnull(commands);
    g_assert_cmpuint(commands->len, ==, 1);
    cmd = g_ptr_array_index(commands, 0);
    g_assert_cmpint(vshCmdGetString(ctl, cmd, "domain", &text), ==, 1);
    g_assert_cmpstr(text, ==, "a;b \"c");
    g_assert_cmpstr(vshCmdGetStrings(cmd, "event")[0], ==, "#x");
    vshFree(ctl);
}

static void
testNothing(void)
{
    g_autoptr(GPtrArray) commands = parse(" ; \n # x");

    g_assert_nonnull(commands);
    g_assert_cmpuint(commands->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vsh/parse/tokens", testTokens);
    g_test_add_func("/vsh/parse/positions", testPositions);
    g_test_add_func("/vsh/parse/values-that-look-like-options", testValuesThatLookLikeOptions);
    g_test_add_func("/vsh/parse/problems", testProblems);
    g_test_add_func("/vsh/parse/help", testHelp);
    g_test_add_func("/vsh/parse/words", testWords);
    g_test_add_func("/vsh/parse/nothing", testNothing);
    return g_test_run();
}
