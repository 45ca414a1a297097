#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMUs that have been taken over by their guests, or are none.

Each test has a second domain in the same process, a real QEMU, whose events go on to come; what
the other one costs is bounded, and what is lost of it is told.
"""
import concurrent.futures
import json
import os

import pytest
import qmppeer
import virtapi
from conftest import DEADLINE, uri_of
from flood import Flood
from memory import Memory

LOST = "VIRTMON_EVENTS_LOST"
STARTED, STOPPED = 2, 5
MIB = 1024 * 1024
SANITIZED = os.environ.get("VIRTMON_SANITIZED") == "1"
# What one driver holds of events, and as much again for what is on its way; a sanitizer needs
# several times as much for the same.
MEMORY_MAX = (64 + 64) * MIB * (4 if SANITIZED else 1)


class Company:
    """A real QEMU beside the bad one, and a connection to both."""

    def __init__(self, qemu, conn):
        self.qemu = qemu
        self.conn = conn
        self.seen = conn.watch("RESET", conn.domain("guest"))
        self.life = conn.lifecycle()

    def check(self):
        """It is as it was before: each event comes, and once."""
        before = len(self.seen.events)
        for _ in range(3):
            self.qemu.command("system_reset")
        self.seen.wait(before + 3)
        numbers = [event.number for event in self.seen.events]
        assert numbers == list(range(1, before + 4))

    def wait(self, kind, name="peer"):
        return self.life.wait_for(lambda event: event.type == kind and event.domain == name)


@pytest.fixture
def company(qemu, connect, folder):
    def start():
        return Company(qemu, connect(uri_of(folder / "*.qmp")))

    return start


@pytest.fixture
def bad(peer, company):
    """The bad one; in good company, with all its events."""
    one = peer("peer.qmp", on_command=lambda *_args: None)
    one.company = company()
    one.seen = one.company.conn.watch(None, one.company.conn.domain("peer"))
    yield one
    one.company.check()


def check_numbers(events):
    """Nothing is missing but what is told, in its place. Returns how many were lost."""
    expected, lost = 1, 0
    for event in events:
        if event.name == LOST:
            gap = json.loads(event.details)
            assert gap["stream"] == event.stream
            assert (gap["from"], gap["to"]) == (expected, expected + gap["count"] - 1)
            lost += gap["count"]
            expected = gap["to"] + 1
        else:
            assert event.number == expected
            expected += 1
    return lost


BAD_LINES = {
    "no JSON": b"\x00\x01garbage\r\n",
    "half an object": b'{"event": "X", "data": {\r\n',
    "text behind the object": b'{"event": "X"} more\r\n',
    "a list": b'[{"event": "X"}]\r\n',
    "a name that is a number": b'{"event": 1}\r\n',
    "a member twice": b'{"event": "X", "event": "Y"}\r\n',
    "nothing that QMP has": b'{"happening": "X"}\r\n',
    "bad UTF-8": b'{"event": "X", "data": {"a": "\xff\xfe"}}\r\n',
    "an overlong NUL": b'{"event": "X", "data": {"a": "\xc0\x80"}}\r\n',
    "a bad escape": b'{"event": "X", "data": {"a": "\\q"}}\r\n',
    "a raw control character": b'{"event": "X", "data": {"a": "\x01"}}\r\n',
    "deep nesting": b'{"event": "X", "data": ' + b"[" * 5000 + b"]" * 5000 + b"}\r\n",
    "deep nesting without an end": b'{"event": "X", "data": ' + b'{"a":' * 100000 + b"\r\n",
    "a line of 11 MiB": b'{"event": "X", "data": "' + b"x" * (11 * MIB) + b'"}\r\n',
}


@pytest.mark.parametrize("kind", BAD_LINES)
def test_a_bad_line_costs_that_line(bad, kind):
    bad.send(qmppeer.event("BEFORE", n=1) + BAD_LINES[kind] + qmppeer.event("AFTER", n=2))
    bad.seen.wait(3)
    assert bad.seen.names == ["BEFORE", LOST, "AFTER"]
    assert check_numbers(bad.seen.events) == 1
    assert bad.company.conn.count() == 2


def test_what_is_odd_but_right_comes_through(bad):
    """Nothing of it is a reason to lose anything."""
    lines = [
        (b'{"event": "", "data": null}', ("", -1, 0, "null")),
        (b'  {"data": {}, "event": "a b\\u00e9\\"", "more": [1]}  ', ('a b\u00e9"', -1, 0, "{}")),
        (b'{"event":"N","data":[1.50,1e3,-0,123456789012345678901234567890]}',
         ("N", -1, 0, "[1.50,1e3,-0,123456789012345678901234567890]")),
        (b'{"event":"T","timestamp":{"seconds":5}}', ("T", 5, 0, None)),
        (b'{"event":"T","timestamp":{"microseconds":7}}', ("T", -1, 7, None)),
        (b'{"event":"T","timestamp":{"seconds":-1,"microseconds":-1}}', ("T", -1, 0, None)),
        (b'{"event":"T","timestamp":"now"}', ("T", -1, 0, None)),
        (b'{"event":"D","data":' + b"[" * 900 + b"]" * 900 + b"}",
         ("D", -1, 0, "[" * 900 + "]" * 900)),
        (b'{"event":"L","data":"' + b"x" * (9 * MIB) + b'"}',
         ("L", -1, 0, '"' + "x" * (9 * MIB) + '"')),
        (b'{"event":"S","data":"\\/\\u0001\\n\\ud83d\\udc0e\\u007f"}',
         ("S", -1, 0, '"/\\u0001\\n\U0001f40e\x7f"')),
    ]
    bad.send(b"\r\n\r\n" + b"\r\n".join(line for line, _ in lines) + b"\r\n")
    bad.seen.wait(len(lines))
    for event, (line, expected) in zip(bad.seen.events, lines):
        got = (event.name, event.seconds, event.micros, event.details)
        assert got == expected, line[:100]
    assert check_numbers(bad.seen.events) == 0


def test_a_line_that_comes_in_pieces(bad):
    line = qmppeer.event("PIECES", text="\u00e9" * 20)
    for byte in line:
        bad.send(bytes([byte]))
    bad.seen.wait(1)
    assert bad.seen.events[0].details == json.dumps({"text": "\u00e9" * 20}, ensure_ascii=False,
                                                    separators=(",", ":"))


def test_half_a_line_and_the_end(bad):
    bad.send(qmppeer.event("WHOLE") + qmppeer.event("HALF")[:-10])
    bad.hang_up()
    assert bad.company.wait(STOPPED).detail == 5
    assert bad.seen.names == ["WHOLE", LOST]
    assert check_numbers(bad.seen.events) == 1
    # It is connected to again: the socket is still there.
    bad.company.wait(STARTED)


# What is read of something endless before it is given up, and what the socket itself takes.
TAKEN_MAX = (64 + 16) * MIB


def send_until_it_ends(peer, block):
    """Returns how many bytes were taken before the connection was given up."""
    sent = 0
    try:
        while sent <= TAKEN_MAX:
            peer.send(block)
            sent += len(block)
    except OSError:
        pass
    return sent


# What it begins with, and what it goes on with for ever.
SENSELESS = {
    "a line without an end": (b"", b"x" * MIB),
    "an event without an end": (b'{"event": "X", "data": "', b"\\u0041" * (MIB // 6)),
    "a reply without an end": (b'{"return": [', b"1," * (MIB // 2)),
    "nothing but garbage": (b"", b"garbage\r\n" * 1000),
    "nothing but empty objects": (b"", b"{}\r\n" * 1000),
}


@pytest.mark.parametrize("kind", SENSELESS)
def test_a_peer_without_sense_is_given_up(bad, kind):
    """The other domain's events come meanwhile."""
    start, block = SENSELESS[kind]
    used = Memory(os.getpid())
    bad.send(start)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sender = pool.submit(send_until_it_ends, bad, block)
        bad.company.check()
        assert sender.result(DEADLINE) <= TAKEN_MAX
        bad.company.wait(STOPPED)
    check_numbers(bad.seen.events)
    assert used.growth < MEMORY_MAX


def test_replies_that_nobody_asked_for(bad):
    """They are no events, and neither take nor hold up anybody's answer."""
    bad.on_command = lambda one, command, _fds: one.send(
        b'{"return": {}, "id": "libvirt-99999"}\r\n{"return": {}}\r\n{"return": 1, "id": 7}\r\n'
        b'{"error": {"class": "GenericError", "desc": "no"}, "id": "x"}\r\n' +
        qmppeer.event("BETWEEN") +
        json.dumps({"id": command["id"], "return": {"mine": True}}).encode() + b"\r\n" +
        json.dumps({"id": command["id"], "return": {"again": True}}).encode() + b"\r\n")
    bad.send(b'{"return": {}, "id": "libvirt-12345"}\r\n' * 1000)
    domain = bad.company.conn.domain("peer")
    for _ in range(3):
        assert domain.qmp("anything") == {"mine": True}
    bad.seen.wait(3)
    assert bad.seen.names == ["BETWEEN"] * 3
    assert check_numbers(bad.seen.events) == 0


def test_greetings_again_are_ignored(bad):
    bad.send(qmppeer.GREETING * 10 + qmppeer.event("AFTER"))
    bad.seen.wait(1)
    assert bad.seen.names == ["AFTER"]
    assert bad.seen.events[0].number == 1


GREETINGS = {
    "a human monitor": b"QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an empty object": b"{}\r\n",
    "bytes": b"\xff" * 100000 + b"\n",
}


@pytest.mark.parametrize("kind", GREETINGS)
def test_what_speaks_no_qmp_is_no_domain(peer, company, kind):
    """A human monitor, or something else altogether."""
    peer("other.qmp", greeting=GREETINGS[kind])
    one = company()
    assert [domain.name for domain in one.conn.domains()] == ["guest"]
    one.check()


def test_an_event_before_anything_else(peer, company):
    """Before the greeting, and while it is asked who it is: kept until that is known."""
    one = peer("peer.qmp", listen=False,
               greeting=qmppeer.event("EARLY") + qmppeer.GREETING + qmppeer.event("NEXT"))
    friends = company()
    seen = friends.conn.watch(None, None)
    one.listen()
    friends.wait(STARTED)
    one.send(qmppeer.event("LATER"))
    seen.wait_for(lambda event: event.name == "LATER")
    ours = [event for event in seen.events if event.domain == "peer"]
    assert [event.name for event in ours] == ["EARLY", "NEXT", "LATER"]
    assert check_numbers(ours) == 0
    friends.check()


def test_names_that_would_do_harm(peer, company):
    """Control characters, slashes, or too much of it: the socket's name is taken instead."""
    for number, name in enumerate(["a/b", "\x1b[2J", "x" * 10000, "", "two\nlines"]):
        peer(f"p{number}.qmp", guest=name)
    one = company()
    assert sorted(domain.name for domain in one.conn.domains()) == [
        "guest", "p0", "p1", "p2", "p3", "p4"]
    one.check()


@pytest.fixture
def flood(folder):
    one = Flood(folder)
    yield one
    one.close()


class Tally:
    """Stands in for a registration's list: counts, and keeps only what tells of losses."""

    def __init__(self):
        self.count = self.lost = 0
        self.expected = 1
        self.notices = []

    def append(self, event):
        if event.name == LOST:
            self.lost += check_gap(event, self.expected)
            self.expected = event.number + 1
            self.notices.append(event)
        else:
            assert event.number == self.expected
            self.expected += 1
            self.count += 1


def check_gap(event, expected):
    gap = json.loads(event.details)
    assert (gap["from"], gap["to"]) == (expected, event.number)
    assert gap["count"] == gap["to"] - gap["from"] + 1
    assert gap["stream"] == event.stream
    assert gap["first"]["seconds"] == gap["last"]["seconds"] == 1700000000
    return gap["count"]


def test_a_million_events_for_a_loop_that_stands_still(flood, company):
    """Bounded memory, and what is missing adds up; of the other domain nothing is missing."""
    events = 200_000 if SANITIZED else 1_000_000
    one = company()
    seen = one.conn.watch(None, one.conn.domain("guest0"))
    seen.events = tally = Tally()
    literal = one.conn.watch("BENCH_IO_ERROR", one.conn.domain("guest0"))
    literal.events = others = Tally()
    others.append = lambda event: setattr(others, "count", others.count + 1)
    used = Memory(os.getpid())
    flood.order(f"flood 0 0 {events} 290")
    flood.wait_written()
    # The loop hasn't run yet; the other's events wait behind those of the flood.
    for _ in range(10):
        one.qemu.command("system_reset")
    peak = used.growth

    virtapi.wait(lambda: tally.count + tally.lost == events,
                 lambda: f"{events} events but {tally.count}, and {tally.lost} lost")
    assert peak < MEMORY_MAX
    assert tally.lost > 0
    assert tally.count > 0
    assert others.count == tally.count          # who asked for one name hears of no losses
    one.seen.wait(10)
    one.check()

    # It is not given up, and what it says now comes.
    flood.order("flood 0 0 5 290")
    virtapi.wait(lambda: tally.expected == events + 6, lambda: f"5 more but {tally.count}")


def test_names_invented_by_the_thousand(flood, company):
    one = company()
    one.conn.watch("^NEVER_.*[0-9]$", None, virtapi.REGEX)
    one.conn.watch("NEVER*", None, virtapi.GLOB)
    seen = one.conn.watch(None, one.conn.domain("guest0"))
    seen.events = tally = Tally()
    used = Memory(os.getpid())
    flood.order("names 50000")
    flood.order("flood 0 0 50000 290")
    virtapi.wait(lambda: tally.expected == 50001, lambda: f"50000 events but {tally.count}")
    assert tally.lost == 0
    assert used.growth < MEMORY_MAX
    one.check()


def test_a_peer_that_never_says_anything_holds_nobody_up(peer, company):
    """It accepts connections and that is all: the others are there when opening is over."""
    peer("mute.qmp", greeting=None)
    one = company()
    assert [domain.name for domain in one.conn.domains()] == ["guest"]
    one.check()
