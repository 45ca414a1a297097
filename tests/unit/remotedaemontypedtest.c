/*
 * remotedaemontypedtest.c: domain events as messages, to the last byte
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "remote_daemon_typed.h"

#include <string.h>

#include "remote_protocol.h"
#include "typedevents.h"

#define NUMBER 0x77

typedef struct {
    virConnectPtr conn;
    virDomainPtr dom;
    virDomainIdent *ident;
    GString *sent;                  /* procedure and payload of each message */
} Fixture;

static void
setUp(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned char uuid[VIR_UUID_BUFLEN];

    memset(uuid, 0x11, sizeof(uuid));
    f->conn = virGetConnect();
    f->dom = virGetDomain(f->conn, "g1", uuid, 1);
    f->ident = virDomainIdentNew("g1", uuid, 1);
    f->sent = g_string_new(NULL);
}

static void
tearDown(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_string_free(f->sent, TRUE);
    virDomainIdentUnref(f->ident);
    virDomainUnref(f->dom);
    virConnectUnref(f->conn);
}

static void
onSend(virNetEvent *event, void *opaque)
{
    GString *sent = opaque;
    char spare[64];
    size_t headLen, bodyLen, i;
    const char *head = virNetEventHead(event, NUMBER, spare, &headLen);
    const char *body = virNetEventBody(event, &bodyLen);
    guint32 procedure;

    memcpy(&procedure, head + 12, sizeof(procedure));
    g_string_append_printf(sent, "%u ", GUINT32_FROM_BE(procedure));
    for (i = 28; i < headLen; i++)
        g_string_append_printf(sent, "%02x", (unsigned char)head[i]);
    for (i = 0; i < bodyLen; i++)
        g_string_append_printf(sent, "%02x", (unsigned char)body[i]);
}

/* What becomes of the event. */
static void
sendEvent(Fixture *f, virDomainEventID eventID, const virDomainEventArgs *args, bool numbered)
{
    remoteTypedTarget message = { .numbered = numbered, .send = onSend, .opaque = f->sent };
    const virObjectEventTarget target = {
        .conn = f->conn, .cb = remoteTypedCallback(eventID), .opaque = &message,
    };
    virObjectEvent *event = virDomainEventNew(f->ident, eventID, args);

    g_string_truncate(f->sent, 0);
    event->klass->dispatch(event, f->dom, &target);
    virObjectEventUnref(event);
}

static void
testMessages(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < TYPED_EVENTS; i++) {
        const typedEvent *sample = &typedEvents[i];
        g_autofree char *payload = typedEventPayload(sample->wire, NUMBER);
        g_autofree char *expected = g_strdup_printf("%d %s", sample->procedure, payload);

        sendEvent(f, sample->eventID, &sample->args, true);
        g_assert_cmpstr(f->sent->str, ==, expected);
    }
}

static void
testOldMessages(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i <= VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED; i++) {
        const typedEvent *sample = &typedEvents[i];
        g_autofree char *payload = typedEventOldPayload(sample);
        g_autofree char *expected = g_strdup_printf("%d %s", sample->oldProcedure, payload);

        sendEvent(f, sample->eventID, &sample->args, false);
        g_assert_cmpstr(f->sent->str, ==, expected);
    }
}

/* Texts that may be missing, when they are there. */
static void
testOptional(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    const struct {
        virDomainEventID eventID;
        const char *wire;
        virDomainEventArgs args;
    } tests[] = {
        { VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, "N D 00000002 00000001 'urn:x",
          { .numbers = { 2 }, .ntexts = 1, .texts = (const char *const[]) { "urn:x" } } },
        { VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD,
          "N D 'vda 00000001 '/a 00000000 00000001 00000000 00000002",
          { .amounts = { 1, 2 }, .ntexts = 2, .texts = (const char *const[]) { "vda", "/a" } } },
        { VIR_DOMAIN_EVENT_ID_DISK_CHANGE,
          "N D 00000000 00000001 '/new 'ide0 00000000",
          { .ntexts = 3, .texts = (const char *const[]) { NULL, "/new", "ide0" } } },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *payload = typedEventPayload(tests[i].wire, NUMBER);

        sendEvent(f, tests[i].eventID, &tests[i].args, true);
        g_assert_cmpstr(strchr(f->sent->str, ' ') + 1, ==, payload);
    }
}

/* What the protocol cannot carry is lost, and nothing else. */
static void
testTooLong(Fixture *f, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *longest = g_strnfill(REMOTE_STRING_MAX, 'x');
    g_autofree char *over = g_strnfill(REMOTE_STRING_MAX + 1, 'x');

    sendEvent(f, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
              &(virDomainEventArgs) { VIR_DOMAIN_EVENT_TEXTS(over) }, true);
    g_assert_cmpstr(f->sent->str, ==, "");
    sendEvent(f, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
              &(virDomainEventArgs) { VIR_DOMAIN_EVENT_TEXTS(longest) }, true);
    g_assert_cmpuint(f->sent->len, >, 2 * REMOTE_STRING_MAX);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/remote/daemon-typed/messages", Fixture, NULL, setUp, testMessages, tearDown);
    g_test_add("/remote/daemon-typed/old-messages", Fixture, NULL, setUp, testOldMessages,
               tearDown);
    g_test_add("/remote/daemon-typed/optional", Fixture, NULL, setUp, testOptional, tearDown);
    g_test_add("/remote/daemon-typed/too-long", Fixture, NULL, setUp, testTooLong, tearDown);
    return g_test_run();
}
