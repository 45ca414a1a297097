#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The protocol byte for byte, from our daemon and from a stock libvirtd, by the same tests.

Where ours differs on purpose is in one table, DEVIATIONS.
"""
import pathlib
import shutil
import struct
import tempfile

import pytest
import wire
from daemons import Libvirtd, Virtmond
from wire import OK, QEMU, REMOTE, Wire, optional, packet, string, uint

DEVIATIONS = {
    # what: (ours, libvirtd's, reason)
    "after a second CONNECT_OPEN": (
        "open", "closed", "libvirtd 9.0 drops the open connection with the refusal, which serves "
        "nobody; all calls of a client that makes this mistake would fail from then on"),
    "flags 0xffffffff of a monitor registration": (
        "refused", "taken", "an internal value of libvirt's library, which lets the filter be "
        "ignored; no client sends it"),
    "registration without filter beside another": (
        "taken", "refused", "a client may watch everything twice, as it may with a filter"),
    "test:///default": (
        "refused", "taken", "there is one driver"),
}


def expected(daemon, what):
    ours, theirs, _ = DEVIATIONS[what]
    return ours if daemon.kind == "virtmond" else theirs


@pytest.fixture(scope="module", params=[Virtmond, Libvirtd], ids=lambda one: one.kind)
def daemon(request):
    """Each with one guest, g1; one for all tests, which leave it as it was."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    one = None
    try:
        one = request.param(folder)
        one.guest = one.start_guest("g1")
        yield one
    finally:
        if one:
            one.close()
        shutil.rmtree(folder)


@pytest.fixture
def client(daemon):
    with Wire(daemon.socket()) as one:
        yield one


@pytest.fixture
def opened(client):
    return client.open()


# --- section 3: bad input ---

@pytest.mark.parametrize("length", [0, 4, 27, 33554437, 0xFFFFFFFF])
def test_a_length_that_cannot_be_closes(client, length):
    client.send(uint(length, REMOTE, 1, wire.AUTH_LIST, wire.CALL, 0, OK))
    assert client.is_closed()


def test_the_rest_of_a_packet_is_waited_for(client):
    call = packet(REMOTE, wire.AUTH_LIST)
    for i in range(len(call) - 1):
        client.send(call[i:i + 1])
    with Wire(client.sock.getpeername()) as other:
        other.alive()
    assert not client.has_input()
    client.send(call[-1:])
    assert client.reply().status == OK


@pytest.mark.parametrize("program,version", [(0x1111, 1), (REMOTE, 2), (QEMU, 0),
                                             (wire.KEEPALIVE, 1), (wire.ADMIN, 1)])
@pytest.mark.parametrize("kind", [wire.CALL, wire.CALL_WITH_FDS])
def test_an_unknown_program(opened, program, version, kind):
    opened.send(packet(program, 1, serial=9, version=version, kind=kind,
                       fds=0 if kind == wire.CALL_WITH_FDS else None))
    answer = opened.reply()
    assert (answer.program, answer.version, answer.procedure, answer.kind, answer.serial) == \
        (program, version, 1, wire.REPLY, 9)
    error = answer.error()
    assert error.kind == (39, 7)
    assert str(program) in error.message and str(version) in error.message
    opened.alive()


def test_the_bytes_of_an_unknown_program(client):
    """The vector of section 17, but for the words."""
    client.send(packet(0x1111, 1))
    answer = client.reply()
    text = answer.error().message.encode()
    padded = uint(len(text)) + text + bytes(-len(text) % 4)
    assert answer.payload == (uint(39, 7, 1) + padded + uint(2, 0, 1, 2) + b"%s\0\0" + uint(1) +
                              padded + uint(0, -1, -1, 0))


@pytest.mark.parametrize("program", [0x1111, REMOTE, QEMU])
@pytest.mark.parametrize("kind", [wire.REPLY, wire.MESSAGE, wire.STREAM, wire.STREAM_HOLE, 7, 99])
def test_what_is_no_call_is_dropped(opened, program, kind):
    opened.send(packet(program, wire.TYPE, kind=kind))
    opened.alive()
    assert not opened.messages


@pytest.mark.parametrize("program,procedure", [
    (REMOTE, 0), (REMOTE, -1), (REMOTE, 444), (REMOTE, 0x7FFFFFFF), (REMOTE, 107), (REMOTE, 318),
    (QEMU, 0), (QEMU, -2), (QEMU, 6), (QEMU, 8)])
def test_an_unknown_procedure(opened, program, procedure):
    error = opened.refused(program, procedure)
    assert error.kind == (39, 7)
    assert error.message.startswith(f"unknown procedure: {procedure}")
    opened.alive()


@pytest.mark.parametrize("program,procedure,payload", [
    (REMOTE, wire.LOOKUP_NAME, b""),
    (REMOTE, wire.LOOKUP_NAME, uint(5) + b"g1"),
    (REMOTE, wire.LOOKUP_NAME, uint(4194305) + bytes(4194308)),
    (REMOTE, wire.LOOKUP_UUID, bytes(15)),
    (REMOTE, wire.STATE, string("g1") + bytes(16)),
    (QEMU, wire.MONITOR_REGISTER, uint(0, 1, 100)),
    (QEMU, wire.MONITOR_DEREGISTER, bytes(3))],
    ids=["nothing", "cut", "too-long", "uuid", "id", "event", "number"])
def test_arguments_that_cannot_be_decoded(opened, program, procedure, payload):
    assert opened.refused(program, procedure, payload).kind == (39, 7)
    opened.alive()


def test_surplus_bytes_are_ignored(opened):
    assert opened.done(REMOTE, wire.LOOKUP_NAME, string("g1") + bytes(40)).domain().name == "g1"
    assert opened.done(REMOTE, wire.TYPE, bytes(400)).string() == "QEMU"


def test_padding_and_presence_are_not_looked_at(client):
    client.done(REMOTE, wire.OPEN, uint(0x01000000) + string("qemu:///system") + uint(0))
    assert client.done(REMOTE, wire.LOOKUP_NAME, uint(2) + b"g1\xff\xee").domain().name == "g1"
    assert client.done(REMOTE, wire.LOOKUP_NAME, string("g1\0xx")).domain().name == "g1"


@pytest.mark.parametrize("status", [wire.ERROR, wire.CONTINUE, 7])
def test_a_call_with_a_status(opened, status):
    assert opened.refused(REMOTE, wire.TYPE, status=status).kind == (39, 7)
    opened.alive()


def test_before_open(client):
    for procedure, payload in ((wire.TYPE, b""), (wire.FEATURE, uint(14)), (wire.REGISTER,
                                                                            uint(0, 0))):
        assert client.refused(REMOTE, procedure, payload).kind == (1, 7)
    assert client.refused(QEMU, wire.MONITOR_REGISTER, uint(0, 0, 0)).kind == (1, 7)
    assert client.done(REMOTE, wire.FEATURE, uint(10)).int() == 1
    client.open()
    assert client.done(REMOTE, wire.TYPE).string() == "QEMU"


def test_a_second_open(daemon, opened):
    assert opened.refused(REMOTE, wire.OPEN, optional(string("qemu:///system")) + uint(0)
                          ).kind == (1, 7)
    answer = opened.call(REMOTE, wire.TYPE)
    assert answer.status == (OK if expected(daemon, "after a second CONNECT_OPEN") == "open"
                             else wire.ERROR)


@pytest.mark.parametrize("name,kind", [
    (None, (1, 7)), ("qemu:///other", (1, 0)), ("qemu:///", (1, 0)), ("nosuch:///system", (5, 0)),
    ("qemu+unix:///system", (5, 0)), ("QEMU:///system", (5, 0))])
def test_names_that_do_not_open(client, name, kind):
    payload = optional(None if name is None else string(name)) + uint(0)
    assert client.refused(REMOTE, wire.OPEN, payload).kind == kind
    client.open()


@pytest.mark.parametrize("name", ["", "qemu:///system", "qemu:///system?foo=bar",
                                  "qemu:///system#frag"])
def test_names_that_open(client, name):
    client.open(name)
    assert client.done(REMOTE, wire.URI).string().startswith("qemu:///system")


def test_other_drivers(daemon, client):
    answer = client.call(REMOTE, wire.OPEN, optional(string("test:///default")) + uint(0))
    assert answer.status == (OK if expected(daemon, "test:///default") == "taken"
                             else wire.ERROR)


def test_close_is_answered_first(opened):
    opened.done(REMOTE, wire.CLOSE).end()
    assert opened.is_closed()


def test_authentication(client):
    assert client.call(REMOTE, wire.AUTH_LIST, bytes(12)).raw == \
        bytes.fromhex("00000024 20008086 00000001 00000042 00000001 00000000 00000000"
                      "00000001 00000000")
    client.open()


def test_keepalive(client):
    """A ping is answered at any time; what else there may be is ignored."""
    for procedure, version in ((2, 1), (3, 1), (1, 2)):
        client.send(packet(wire.KEEPALIVE, procedure, kind=wire.MESSAGE, version=version))
    client.send(packet(wire.KEEPALIVE, 1, bytes(8), kind=wire.MESSAGE))
    assert client.message().raw == bytes.fromhex(
        "0000001c 6b656570 00000001 00000002 00000002 00000000 00000000")
    client.alive()


@pytest.mark.parametrize("feature,answer", [(2, 0), (8, 1), (9, 1), (10, 1), (14, 1), (15, 1),
                                            (-1, 0), (0, 0), (17, 0), (1000, 0)])
def test_features(opened, feature, answer):
    assert opened.done(REMOTE, wire.FEATURE, uint(feature)).int() == answer


def test_calls_are_not_lost_beyond_the_limit(opened):
    """More at once than one client may have waiting: the rest is read later."""
    for serial in range(100, 150):
        opened.start(REMOTE, wire.TYPE, serial=serial)
    assert {opened.reply().serial for _ in range(50)} == set(range(100, 150))


def test_fds_with_a_call_that_wants_none(opened):
    opened.send(packet(REMOTE, wire.TYPE, kind=wire.CALL_WITH_FDS, fds=0))
    answer = opened.reply()
    assert (answer.kind, answer.status) == (wire.REPLY, OK)


def test_too_many_fds_close(opened):
    opened.send(packet(REMOTE, wire.TYPE, kind=wire.CALL_WITH_FDS, fds=33))
    assert opened.is_closed()


def test_the_uuid_alone_says_which_domain(opened):
    dom = opened.lookup("g1")
    known = wire.Domain("another", dom.uuid, 77)
    state = opened.done(REMOTE, wire.STATE, known.encode() + uint(0))
    assert state.int() in (1, 3)
    unknown = wire.Domain("g1", bytes(range(16)), dom.id)
    error = opened.refused(REMOTE, wire.STATE, unknown.encode() + uint(0))
    assert error.kind == (42, 10)
    assert error.message.endswith(" (g1)")
    assert opened.refused(REMOTE, wire.LOOKUP_NAME, string("nobody")).message == \
        "Domain not found: no domain with matching name 'nobody'"


# --- section 7: read-only ---

@pytest.fixture(params=["socket", "flag"])
def readonly(daemon, request):
    with Wire(daemon.socket(request.param == "socket")) as one:
        yield one.open(flags=0 if request.param == "socket" else 1)


def test_read_only(readonly):
    dom = readonly.lookup("g1")
    stranger = wire.Domain("x", bytes(16))
    prefix = "operation forbidden: read only access prevents "
    calls = [
        (REMOTE, wire.SUSPEND, b"", "virDomainSuspend", 20),
        (REMOTE, wire.RESUME, b"", "virDomainResume", 20),
        (QEMU, wire.COMMAND, string("{}") + uint(0), "virDomainQemuMonitorCommand", 0),
        (QEMU, wire.AGENT, string("{}") + uint(0, 0), "virDomainQemuAgentCommand", 0),
    ]
    for one in (dom, stranger):             # the check comes before the domain is looked up
        for program, procedure, rest, function, domain in calls:
            error = readonly.refused(program, procedure, one.encode() + rest)
            assert error.kind == (29, domain)
            assert error.message == prefix + function
    for flags in (0, 77):                   # ... and before flags are
        error = readonly.refused(QEMU, wire.MONITOR_REGISTER, uint(0, 0, flags))
        assert error.kind == (29, 0)
        assert error.message == prefix + "virConnectDomainQemuMonitorEventRegister"
    assert readonly.refused(QEMU, wire.MONITOR_DEREGISTER, uint(0)).code == 1
    number = readonly.done(REMOTE, wire.REGISTER, uint(0, 0)).int()
    readonly.done(REMOTE, wire.DEREGISTER, uint(number)).end()


# --- section 9.1: registering for domain events ---

def test_domain_registrations(daemon, opened):
    dom = opened.lookup("g1")
    one = opened.done(REMOTE, wire.REGISTER, uint(0, 0)).int()
    # the same again, old style and new
    for procedure, payload in ((wire.REGISTER, uint(0, 0)), (wire.OLD_REGISTER, b""),
                               (wire.OLD_REGISTER_ANY, uint(0))):
        assert opened.refused(REMOTE, procedure, payload).kind == (8, 0)
    scoped = opened.done(REMOTE, wire.REGISTER, uint(0) + optional(dom.encode())).int()
    assert scoped > one
    assert opened.refused(REMOTE, wire.REGISTER, uint(0) + optional(dom.encode())
                          ).kind == (8, 0)
    with Wire(daemon.socket()) as other:
        other.open()
        third = other.done(REMOTE, wire.REGISTER, uint(0, 0)).int()
        assert third > scoped               # one counter for all connections
        for number in (one, 1 << 30, -1):
            assert other.refused(REMOTE, wire.DEREGISTER, uint(number)).kind == (1, 7)
    opened.done(REMOTE, wire.DEREGISTER, uint(one)).end()
    assert opened.refused(REMOTE, wire.DEREGISTER, uint(one)).kind == (1, 7)
    # libvirtd's old style would take this one for its own.
    opened.done(REMOTE, wire.DEREGISTER, uint(scoped)).end()
    assert opened.done(REMOTE, wire.OLD_REGISTER).int() == 0
    assert opened.done(REMOTE, wire.OLD_DEREGISTER).int() == 0
    assert opened.refused(REMOTE, wire.OLD_DEREGISTER).kind == (1, 7)
    opened.done(REMOTE, wire.OLD_REGISTER_ANY, uint(15)).end()
    opened.done(REMOTE, wire.OLD_DEREGISTER_ANY, uint(15)).end()
    for event in range(1, 27):
        opened.done(REMOTE, wire.REGISTER, uint(event, 0))
    for event in (-1, 27, 1000):
        assert opened.refused(REMOTE, wire.REGISTER, uint(event, 0)).kind == (1, 7)
    for event in (-1, 16, 26):
        assert opened.refused(REMOTE, wire.OLD_REGISTER_ANY, uint(event)).kind == (1, 7)


def test_lifecycle_messages(daemon, opened):
    dom = opened.lookup("g1")
    number = opened.done(REMOTE, wire.REGISTER, uint(0) + optional(dom.encode())).int()
    opened.done(REMOTE, wire.OLD_REGISTER)
    state = opened.done(REMOTE, wire.STATE, dom.encode() + uint(0)).int()
    try:
        if state == 3:
            opened.done(REMOTE, wire.RESUME, dom.encode())
            opened.messages.clear()
            opened.message()
            opened.message()
        opened.done(REMOTE, wire.SUSPEND, dom.encode()).end()
        got = {}
        for _ in range(2):
            message = opened.message()
            assert (message.program, message.serial, message.status) == (REMOTE, 1, OK)
            got[message.procedure] = message.payload
        assert got == {318: uint(number) + dom.encode() + uint(3, 0),
                       107: dom.encode() + uint(3, 0)}
    finally:
        daemon.guest.command("cont")


# --- section 10.2 and 10.3: monitor events ---

def test_monitor_registrations(daemon, opened):
    dom = opened.lookup("g1")
    first = opened.register("STOP")
    same = opened.register("STOP")
    empty = opened.register("")
    assert first < same < empty
    assert opened.register("st.*", 3) > empty
    assert opened.register("stop", 2, dom) > empty
    unknown = wire.Domain("x", bytes(range(16)), 5)
    opened.register("STOP", 0, unknown)
    for flags in (8, 1 << 31):
        error = opened.refused(QEMU, wire.MONITOR_REGISTER, uint(0, 0, flags))
        assert error.kind == (8, 0)
        assert error.texts[1] == "flags" and error.numbers == [0, 0]
    assert opened.refused(QEMU, wire.MONITOR_REGISTER, uint(0) + optional(string("(")) + uint(1)
                          ).kind == (8, 0)
    with Wire(daemon.socket()) as other:
        other.open()
        for number in (first, -1, 1 << 30):
            assert other.refused(QEMU, wire.MONITOR_DEREGISTER, uint(number)).kind == (1, 7)
        third = other.register()
        assert other.done(REMOTE, wire.REGISTER, uint(0, 0)).int() == third + 1
        assert other.register("A") == third + 2
    opened.done(QEMU, wire.MONITOR_DEREGISTER, uint(first)).end()
    assert opened.refused(QEMU, wire.MONITOR_DEREGISTER, uint(first)).kind == (1, 7)


def test_monitor_registrations_that_differ(daemon, opened):
    opened.register("STOP")
    answer = opened.call(QEMU, wire.MONITOR_REGISTER, uint(0, 0, 0))
    assert (answer.status == OK) == \
        (expected(daemon, "registration without filter beside another") == "taken")
    answer = opened.call(QEMU, wire.MONITOR_REGISTER, uint(0) + optional(string("X")) +
                         uint(0xFFFFFFFF))
    assert (answer.status == OK) == \
        (expected(daemon, "flags 0xffffffff of a monitor registration") == "taken")


def test_monitor_messages(daemon, opened):
    dom = opened.lookup("g1")
    wanted = [opened.register("RESET"), opened.register("^res", 3), opened.register("reset", 2),
              opened.register("RESET", 0, dom)]
    opened.register("reset")
    opened.register("^ESET", 1)
    opened.register("RESET", 0, wire.Domain("g1", bytes(range(16)), dom.id))
    daemon.guest.command("system_reset")
    daemon.guest.qmp.wait_event("RESET")
    told = [event for event in daemon.guest.qmp.events if event["event"] == "RESET"][-1]
    events = [opened.monitor_event() for _ in wanted]
    assert [event[0] for event in events] == wanted         # in order of registration
    for _, got, name, seconds, micros, details in events:
        assert (got.name, got.uuid, got.id) == ("g1", dom.uuid, dom.id)
        assert (name, seconds) == ("RESET", told["timestamp"]["seconds"])
        assert abs(micros - told["timestamp"]["microseconds"]) < 1000000
        assert details == '{"guest":false,"reason":"host-qmp-system-reset"}'
    opened.alive()
    assert not opened.messages

    # After the answer to a deregistration nothing comes for it.
    for number in wanted[1:]:
        opened.done(QEMU, wire.MONITOR_DEREGISTER, uint(number))
    daemon.guest.command("system_reset")
    assert opened.monitor_event()[0] == wanted[0]
    opened.alive()
    assert not opened.messages


def test_the_head_of_a_monitor_message(daemon, opened):
    dom = opened.lookup("g1")
    number = opened.register("RESUME")
    daemon.guest.command("stop")
    daemon.guest.command("cont")
    raw = opened.message().raw
    assert raw[:28] == struct.pack(">IIIIIII", len(raw), QEMU, 1, 6, 2, 1, 0)
    assert raw[28:32 + len(dom.encode())] == uint(number) + dom.encode()
    assert raw.endswith(uint(0))            # no details
