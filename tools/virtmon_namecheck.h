/*
 * virtmon_namecheck.h: a warning about events that are waited for in vain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <pthread.h>
#include <libvirt/libvirt.h>

#include "virtmon_watch.h"

/* QEMU answers within milliseconds. One that hasn't by the end of the watch is not waited for
 * much longer. */
#define VIRTMON_NAME_CHECK_WAIT_MS 1000

/**
 * virtmonNameCheckStart:
 * @watch: the watch; nothing is said any more when it is over
 * @dom: whose QEMU is asked
 * @events: names, NULL-terminated (borrowed)
 * @nocase: whether letters are equal in either case
 * @thread: what does it, for virtmonNameCheckFinish()
 *
 * Asks which events there are and warns about names that are none of them, each with the nearest
 * that is. In a thread of its own: QEMU may take half a minute to answer, and the watch must go
 * on, and be able to end, meanwhile. Where QEMU doesn't tell, nothing is said.
 *
 * Returns whether it has been started.
 */
bool virtmonNameCheckStart(virtmonWatch *watch, virDomainPtr dom, const char *const *events,
                           bool nocase, pthread_t *thread);

/* Call when the watch is over. Waits for the answer, for some time: one that comes later would be
 * read by whoever is QEMU's next client. */
void virtmonNameCheckFinish(pthread_t thread);
