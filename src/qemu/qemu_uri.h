/*
 * qemu_uri.h: what a connection URI asks of the driver
 *
 * Reads the URI and changes nothing; opening is qemu_driver.c's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

#include "viruri.h"

typedef struct {
    char *root;                 /* absolute, without a slash at its end; or NULL */
    GPtrArray *patterns;        /* char *: absolute, sorted, each once; NULL-terminated */
    char *key;                  /* the same for all URIs that ask for the same */
} qemuURI;

/**
 * qemuURIParse:
 * @uri: one with the scheme "qemu"
 * @config: where the outcome goes
 *
 * Returns 1 for an embedded driver, with @config set; 0 if the URI is none of this driver's,
 * with no error reported; -1 with an error reported.
 */
int qemuURIParse(const virURI *uri, qemuURI **config);
void qemuURIFree(qemuURI *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuURI, qemuURIFree)
