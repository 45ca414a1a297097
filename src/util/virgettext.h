/*
 * virgettext.h: translation of messages
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libintl.h>

#define _(text) dgettext("virtmon", text)
#define N_(text) (text)
