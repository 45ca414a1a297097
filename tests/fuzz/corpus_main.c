/*
 * corpus_main.c: runs a fuzz target over its corpus, and over small changes of it
 *
 * The changes come from a generator with a fixed seed, so that each run does the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHANGES_PER_FILE 500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last of its kind that needs no state beyond 32 bits: xorshift. */
static guint32
nextRandom(guint32 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void
runChanged(const char *text, gsize len, guint32 *state)
{
    /* An exact size, so that the address sanitizer sees a byte too many being read. */
    g_autofree uint8_t *copy = NULL;
    gsize keep = len;
    guint32 i;

    if (nextRandom(state) % 4 == 0)
        keep = nextRandom(state) % (len + 1);
    copy = g_malloc(MAX(keep, 1));
    memcpy(copy, text, keep);
    for (i = nextRandom(state) % 4; i > 0 && keep > 0; i--) {
        gsize at = nextRandom(state) % keep;

        switch (nextRandom(state) % 3) {
        case 0:
            copy[at] ^= 1u << (nextRandom(state) % 8);
            break;
        case 1:
            copy[at] = nextRandom(state);
            break;
        default:
            memmove(copy + at, copy + nextRandom(state) % keep, 1);
            break;
        }
    }
    LLVMFuzzerTestOneInput(copy, keep);
}

int
main(int argc, char **argv)
{
    g_autoptr(GDir) dir = NULL;
    guint32 state = 20240607;
    unsigned int files = 0;
    const char *name;

    if (argc != 2 || !(dir = g_dir_open(argv[1], 0, NULL))) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    /* A misused GLib only says so otherwise. */
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(argv[1], name, NULL);
        g_autofree char *text = NULL;
        gsize len;
        int i;

        if (!g_file_get_contents(path, &text, &len, NULL))
            return 2;
        LLVMFuzzerTestOneInput((const uint8_t *)text, len);
        for (i = 0; i < CHANGES_PER_FILE; i++)
            runChanged(text, len, &state);
        files++;
    }
    if (files == 0) {
        fprintf(stderr, "%s is empty\n", argv[1]);
        return 1;
    }
    printf("%u files, %d changes of each\n", files, CHANGES_PER_FILE);
    return 0;
}
