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

/* Longest pattern of monitor sockets: the kernel's PATH_MAX, less its NUL. */
#define QEMU_URI_PATTERN_MAX 4095

/*
 * qemu:///embed?monitor=PATTERN&root=DIR
 *
 * monitor: a path whose components may be globs, as qemu_watch.h has them; any number of them.
 * root: where relative ones begin, made if it is not there. Nothing is looked for in there by
 * itself: a driver with a root alone is for attaching, by process. (In libvirt the root is where
 * the embedded driver keeps its state; there is none here.)
 */
typedef struct {
    char *root;                 /* absolute, without a slash at its end but "/"; or NULL */
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
/**
 * qemuURIFromPatterns:
 * @patterns: NULL-terminated; absolute paths whose components may be globs
 * @config: where the outcome goes, with a key that no URI has
 *
 * What a daemon's configuration asks for; no pattern at all is fine there.
 *
 * Returns 0, or -1 with an error reported.
 */
int qemuURIFromPatterns(const char *const *patterns, qemuURI **config);
void qemuURIFree(qemuURI *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuURI, qemuURIFree)
