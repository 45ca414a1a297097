/*
 * testsasl.h: a database of users for SASL, and exchanges with it
 *
 * Real ones, in a folder of the test's own. Cyrus SASL reads where it is once in a process: a test
 * makes one database.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include "virnetsaslcontext.h"

/* fred, with this password, and jim with another. */
#define TEST_SASL_USER "fred"
#define TEST_SASL_PASSWORD "a secret, that nobody knows"
#define TEST_SASL_OTHER_USER "jim"
#define TEST_SASL_OTHER_PASSWORD "another"

/* Makes it, with @mechs as the mechanisms that the server may offer, separated by spaces. */
void testSASLSetUp(const char *mechs);
void testSASLTearDown(void);

/* What a client answers. */
typedef struct {
    const char *user;           /* NULL: no answer */
    const char *password;
    bool refuses;               /* to answer at all */
    size_t asked;               /* how often it was (counts) */
} testSASLUser;

virNetSASLSession *testSASLClientNew(const virNetSASLTransport *transport, testSASLUser *user);

/* A pair whose exchange over a network is complete, with a layer. */
void testSASLPair(virNetSASLSession **client, virNetSASLSession **server);

/* Brings an exchange to its end, both checks included, as it travels between two processes. Returns
 * whether both sides are satisfied; if not, the one that isn't has reported why. */
bool testSASLExchange(virNetSASLSession *client, virNetSASLSession *server, const char *mechs);
