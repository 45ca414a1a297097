/*
 * virtmon_qmp.c: a QMP command from the words of a command line
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virtmon_qmp.h"

#include <string.h>

#include "virtmon_json.h"

char *
virtmonQMPFromWords(const char *const *words, char **wrong, char **why)
{
    g_autofree char *all = g_strjoinv(" ", (char **)words);
    g_autofree char *arguments = NULL;
    GString *command;

    *wrong = NULL;
    *why = NULL;
    if (virtmonJSONIsObject(all))
        return g_steal_pointer(&all);

    if (words[1]) {
        g_autofree char *given = g_strjoinv(" ", (char **)words + 1);

        if (virtmonJSONIsObject(given)) {
            arguments = virtmonJSONCompact(given, NULL, NULL);
        } else {
            g_autofree char *members = g_strjoinv(",", (char **)words + 1);
            g_autofree char *object = g_strdup_printf("{%s}", members);

            arguments = virtmonJSONCompact(object, NULL, why);
        }
        if (!arguments) {
            *wrong = g_steal_pointer(&given);
            return NULL;
        }
    }

    command = g_string_new("{\"execute\":");
    virtmonJSONAppendString(command, words[0], strlen(words[0]));
    if (arguments)
        g_string_append_printf(command, ",\"arguments\":%s", arguments);
    g_string_append_c(command, '}');
    return g_string_free(command, FALSE);
}
