/*
 * remote_daemon_loop.h: virtmond's event loop, as the library wants one
 *
 * The six functions of virEventRegisterImpl() on top of a virIOLoop, so that the library's
 * callbacks run in the thread that serves clients.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "virioloop.h"

/* @loop is borrowed and must outlive every use of the event loop. Once per process. */
void remoteDaemonLoopRegister(virIOLoop *loop);
