/*
 * vshtabletest.c: rows under headings
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vshfixture.h"

static vshControl *shell;

static void
assertPrinted(vshTable *table, bool header, const char *expected)
{
    g_autofree char *out = NULL;
    testCapture capture;

    testCaptureBegin(&capture);
    vshTablePrint(shell, table, header);
    testCaptureEnd(&capture, &out, NULL);
    g_assert_cmpstr(out, ==, expected);
}

static void
testRows(void)
{
    g_autoptr(vshTable) table = vshTableNew("Id", "Name", "State", NULL);

    vshTableAddRow(table, "1", "test", "running", NULL);
    vshTableAddRow(table, "-", "x", "", NULL);
    assertPrinted(table, true,
                  " Id   Name   State\n"
                  "----------------------\n"
                  " 1    test   running\n"
                  " -    x      \n");
    /* Without headings the columns are as narrow as their cells. */
    assertPrinted(table, false,
                  " 1   test   running\n"
                  " -   x      \n");
}

static void
testNoRows(void)
{
    g_autoptr(vshTable) table = vshTableNew("Id", "Name", "State", NULL);

    assertPrinted(table, true,
                  " Id   Name   State\n"
                  "--------------------\n");
    assertPrinted(table, false, "");
}

static void
testOneColumn(void)
{
    g_autoptr(vshTable) table = vshTableNew("Name", NULL);

    vshTableAddRow(table, "a longer one", NULL);
    assertPrinted(table, true,
                  " Name\n"
                  "---------------\n"
                  " a longer one\n");
}

/* Columns of the terminal, not bytes: wide letters take two, marks upon a letter none. */
static void
testWidth(void)
{
    g_autoptr(vshTable) table = vshTableNew("Name", "State", NULL);

    vshTableAddRow(table, "\346\227\245\346\234\254", "wide", NULL);
    vshTableAddRow(table, "e\314\201clair", "mark", NULL);
    vshTableAddRow(table, "\303\251t\303\251", "two bytes", NULL);
    assertPrinted(table, true,
                  " Name     State\n"
                  "---------------------\n"
                  " \346\227\245\346\234\254     wide\n"
                  " e\314\201clair   mark\n"
                  " \303\251t\303\251      two bytes\n");
}

static void
testEscaped(void)
{
    g_autoptr(vshTable) table = vshTableNew("Name", "State", NULL);

    vshTableAddRow(table, "a\tb\nc\033[2J\377", "x", NULL);
    assertPrinted(table, false, " a\\x09b\\x0ac\\x1b[2J\\xff   x\n");
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    shell = testShellNew();
    g_test_add_func("/vsh/table/rows", testRows);
    g_test_add_func("/vsh/table/no-rows", testNoRows);
    g_test_add_func("/vsh/table/one-column", testOneColumn);
    g_test_add_func("/vsh/table/width", testWidth);
    g_test_add_func("/vsh/table/escaped", testEscaped);
    status = g_test_run();
    vshFree(shell);
    return status;
}
