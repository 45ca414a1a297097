/*
 * virioloop_priv.h: what only tests need of an I/O loop
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "virioloop.h"

/* I/O thread only: how many timers run. Where it is none, only descriptors wake the thread. */
size_t virIOLoopCountTimers(virIOLoop *io);
