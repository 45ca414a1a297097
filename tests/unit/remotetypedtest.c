/*
 * remotetypedtest.c: domain events out of messages, also of such as make no sense
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_typed.h"

#include <string.h>

#include "rpcpeer.h"
#include "typedevents.h"
#include "virerror_priv.h"

#define NUMBER 0x77

typedef struct {
    virConnectPtr conn;
    virDomainPtr dom;
    virDomainIdent *ident;
    GString *seen;
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 1 };

    f->conn = virGetConnect();
    f->dom = virGetDomain(f->conn, "dom", uuid, 1);
    f->ident = virDomainIdentNew("dom", uuid, 1);
    f->seen = g_string_new(NULL);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_string_free(f->seen, TRUE);
    virDomainIdentUnref(f->ident);
    virDomainUnref(f->dom);
    virConnectUnref(f->conn);
    virResetLastError();
}

static int
decode(int procedure, const void *payload, size_t len, remoteTypedEvent *typed)
{
    /* Of its very own size, so that reading past it is found out. */
    g_autofree char *copy = g_memdup2(payload, len);
    const virNetFrame frame = { .header = { .proc = procedure }, .payload = copy, .len = len };

    return remoteTypedDecode(&frame, typed);
}

/* What a callback makes of the message. */
static void
assertSays(Fixture *f, int procedure, const char *hex, const typedEvent *sample, int number)
{
    g_autoptr(GByteArray) payload = rpcPeerBytes(hex);
    const virObjectEventTarget target = {
        .conn = f->conn, .cb = typedEventCallback(sample->eventID), .opaque = f->seen,
    };
    remoteTypedEvent typed;
    virObjectEvent *event;

    g_assert_cmpint(decode(procedure, payload->data, payload->len, &typed), ==, 1);
    g_assert_cmpint(typed.eventID, ==, sample->eventID);
    g_assert_cmpint(typed.number, ==, number);
    g_assert_cmpstr(typed.dom->name, ==, "g1");
    g_assert_cmpint(typed.dom->uuid[15], ==, 0x11);
    g_assert_cmpint(typed.dom->id, ==, 1);
    event = virDomainEventNew(f->ident, typed.eventID, &typed.args);
    remoteTypedClear(&typed);
    g_string_truncate(f->seen, 0);
    event->klass->dispatch(event, f->dom, &target);
    g_assert_cmpstr(f->seen->str, ==, sample->text);
    virObjectEventUnref(event);
}

/* Every shorter message is bad. */
static void
assertNeedsAll(int procedure, const char *hex)
{
    g_autoptr(GByteArray) payload = rpcPeerBytes(hex);
    remoteTypedEvent typed;
    size_t len;

    for (len = 0; len < payload->len; len++) {
        g_assert_cmpint(decode(procedure, payload->data, len, &typed), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
        virResetLastError();
    }
}

static void
testMessages(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < TYPED_EVENTS; i++) {
        g_autofree char *payload = typedEventPayload(typedEvents[i].wire, NUMBER);

        assertSays(f, typedEvents[i].procedure, payload, &typedEvents[i], NUMBER);
        assertNeedsAll(typedEvents[i].procedure, payload);
    }
}

static void
testOldMessages(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i <= VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED; i++) {
        g_autofree char *payload = typedEventOldPayload(&typedEvents[i]);

        assertSays(f, typedEvents[i].oldProcedure, payload, &typedEvents[i], -1);
        assertNeedsAll(typedEvents[i].oldProcedure, payload);
    }
}

static void
testOptional(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const typedEvent there = { VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, "metadata 2 urn:x;" };
    const typedEvent path = { VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, "threshold vda /a 1 2;" };
    g_autofree char *uri = typedEventPayload("N D 00000002 00000001 'urn:x", NUMBER);
    g_autofree char *threshold =
        typedEventPayload("N D 'vda 00000001 '/a 00000000 00000001 00000000 00000002", NUMBER);

    assertSays(f, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE, uri, &there, NUMBER);
    assertSays(f, REMOTE_PROC_DOMAIN_EVENT_BLOCK_THRESHOLD, threshold, &path, NUMBER);
}

static void
assertBad(int procedure, const char *wire)
{
    g_autofree char *hex = typedEventPayload(wire, NUMBER);
    g_autoptr(GByteArray) payload = rpcPeerBytes(hex);
    remoteTypedEvent typed;

    g_assert_cmpint(decode(procedure, payload->data, payload->len, &typed), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_RPC);
    virResetLastError();
}

static void
testLimits(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const int tunable = REMOTE_PROC_DOMAIN_EVENT_CALLBACK_TUNABLE;
    const typedEvent most = { VIR_DOMAIN_EVENT_ID_GRAPHICS, NULL };
    g_autofree char *name = g_strnfill(VIR_TYPED_PARAM_FIELD_LENGTH - 1, 'x');
    g_autofree char *fits = g_strdup_printf("N D 00000001 '%s 00000006 00000100", name);
    g_autofree char *over = g_strdup_printf("N D 00000001 '%sx 00000006 00000001", name);
    g_autofree char *said = g_strdup_printf("params %s=1;", name);
    const typedEvent longest = { VIR_DOMAIN_EVENT_ID_TUNABLE, said };
    g_autofree char *fitsHex = typedEventPayload(fits, NUMBER);
    g_autoptr(GString) wire = g_string_new("N D 00000000 00000000 ' ' 00000000 ' ' ' 00000014");
    g_autoptr(GString) text = g_string_new("graphics 0 0[] 0[] ");
    g_autofree char *viewer = NULL;
    typedEvent shown = most;
    size_t i;

    assertSays(f, tunable, fitsHex, &longest, NUMBER);
    assertBad(tunable, over);
    assertBad(tunable, "N D 00000001 'x 00000008 00000000");    /* no such type */
    assertBad(tunable, "N D 00000801");                         /* 2049 of them */

    for (i = 0; i < VIR_DOMAIN_EVENT_IDENTITIES_MAX; i++) {
        g_string_append(wire, " 'a 'b");
        g_string_append(text, " a=b");
    }
    g_string_append_c(text, ';');
    shown.text = text->str;
    viewer = typedEventPayload(wire->str, NUMBER);
    assertSays(f, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_GRAPHICS, viewer, &shown, NUMBER);
    wire->str[strlen("N D 00000000 00000000 ' ' 00000000 ' ' ' 0000001")] = '5';
    g_string_append(wire, " 'a 'b");
    assertBad(REMOTE_PROC_DOMAIN_EVENT_CALLBACK_GRAPHICS, wire->str);
}

static void
testUnknown(Fixture *f G_GNUC_UNUSED, gconstpointer opaque G_GNUC_UNUSED)
{
    const int others[] = { G_MININT, -1, 0, REMOTE_PROC_CONNECT_EVENT_CONNECTION_CLOSED, 444 };
    remoteTypedEvent typed;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_cmpint(decode(others[i], "", 1, &typed), ==, 0);
    g_assert_null(virGetLastError());
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer opaque);
    } tests[] = {
        { "/remote/typed/messages", testMessages },
        { "/remote/typed/old-messages", testOldMessages },
        { "/remote/typed/optional", testOptional },
        { "/remote/typed/limits", testLimits },
        { "/remote/typed/unknown", testUnknown },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setUp, tests[i].func, tearDown);
    return g_test_run();
}
