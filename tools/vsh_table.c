/*
 * vsh_table.c: rows under headings, as virsh prints them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "vsh_priv.h"

#include <stdarg.h>

/* Blanks between two columns. The rule reaches as far behind the last one. */
#define VSH_TABLE_GAP 3

struct _vshTable {
    GPtrArray *rows;            /* GPtrArray of char *; the first is the headings */
};

static void
vshTableFreeRow(gpointer row)
{
    g_ptr_array_unref(row);
}

static void
vshTableAppend(vshTable *table, const char *first, va_list args)
{
    GPtrArray *row = g_ptr_array_new_with_free_func(g_free);
    const char *cell;

    /* Whatever would break the row is escaped, wherever it is printed. */
    for (cell = first; cell; cell = va_arg(args, const char *))
        g_ptr_array_add(row, vshEscape(cell, false));
    g_ptr_array_add(table->rows, row);
}

vshTable *
vshTableNew(const char *first, ...)
{
    vshTable *table = g_new0(vshTable, 1);
    va_list args;

    table->rows = g_ptr_array_new_with_free_func(vshTableFreeRow);
    va_start(args, first);
    vshTableAppend(table, first, args);
    va_end(args);
    return table;
}

void
vshTableFree(vshTable *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->rows);
    g_free(table);
}

void
vshTableAddRow(vshTable *table, const char *first, ...)
{
    GPtrArray *heading = g_ptr_array_index(table->rows, 0);
    GPtrArray *row;
    va_list args;

    va_start(args, first);
    vshTableAppend(table, first, args);
    va_end(args);
    row = g_ptr_array_index(table->rows, table->rows->len - 1);
    g_assert(row->len == heading->len);
}

static void
vshTableFormatRow(GString *text, const GPtrArray *row, const size_t *widths)
{
    guint i;

    for (i = 0; i < row->len; i++) {
        const char *cell = g_ptr_array_index(row, i);
        size_t pad = i + 1 < row->len ? widths[i] - vshWidth(cell) + VSH_TABLE_GAP : 0;

        g_string_append_printf(text, "%s%s%*s", i == 0 ? " " : "", cell, (int)pad, "");
    }
    g_string_append_c(text, '\n');
}

void
vshTablePrint(vshControl *ctl, vshTable *table, bool header)
{
    g_autoptr(GString) text = g_string_new(NULL);
    GPtrArray *heading = g_ptr_array_index(table->rows, 0);
    g_autofree size_t *widths = g_new0(size_t, heading->len);
    guint i, j;

    for (i = header ? 0 : 1; i < table->rows->len; i++) {
        GPtrArray *row = g_ptr_array_index(table->rows, i);

        for (j = 0; j < row->len; j++)
            widths[j] = MAX(widths[j], vshWidth(g_ptr_array_index(row, j)));
    }

    for (i = header ? 0 : 1; i < table->rows->len; i++) {
        vshTableFormatRow(text, g_ptr_array_index(table->rows, i), widths);
        if (i == 0) {
            size_t rule = 0;

            for (j = 0; j < heading->len; j++)
                rule += widths[j] + VSH_TABLE_GAP;
            while (rule-- > 0)
                g_string_append_c(text, '-');
            g_string_append_c(text, '\n');
        }
    }
    vshPrint(ctl, "%s", text->str);
}
