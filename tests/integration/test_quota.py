#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients of virtmond and their users may hold: each limit reached by one, with its message,
while others notice nothing; and what is given back."""
import json
import os
import random
import signal
import socket

import pytest
import qmppeer
import wire
from test_admin import records
from wire import (AUTH_LIST, COMMAND, MONITOR_DEREGISTER, MONITOR_REGISTER, OK, QEMU, REMOTE, TYPE,
                  optional, string, uint)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs users")

GREEDY, MODEST = 61001, 61002
REGEX, GLOB = 1, 1 << 30
LOST, OFF = "VIRTMON_EVENTS_LOST", "VIRTMON_FILTER_OFF"
QUERY_STATUS = '{"execute": "query-status"}'


@pytest.fixture
def start(folder, start_virtmond):
    """A virtmond with such limits, whose socket is for everybody."""
    def begin(**limits):
        folder.chmod(0o755)
        lines = ['unix_sock_rw_perms = "0777"']
        lines += [f"{name} = {value}" for name, value in limits.items()]
        daemon = start_virtmond("--verbose", config="\n".join(lines) + "\n")
        for place in (daemon.folder, daemon.run):
            place.chmod(0o755)
        return daemon

    return begin


@pytest.fixture
def connect(person):
    """A connection of a user, that is open; all are closed."""
    wires = []

    def join(daemon, uid):
        wires.append(person(uid).connect(daemon.socket()))
        return wires[-1].open()

    yield join
    for one in wires:
        one.close()


def monitor(event, flags=0):
    return optional(None) + optional(string(event)) + uint(flags)


def refused(client, name, *call):
    """It exceeds that limit; the message."""
    error = client.refused(*call)
    assert error.kind == (9, 7)
    assert error.message.startswith(f"operation failed: '{name}' is exceeded: ")
    return error.message


def reload(daemon, **limits):
    """All are given: what is left out has its default again."""
    lines = ['unix_sock_rw_perms = "0777"']
    lines += [f"{name} = {value}" for name, value in limits.items()]
    done = daemon.log.read_text().count("the configuration is reloaded")
    daemon.config.write_text("\n".join(lines) + "\n")
    daemon.process.send_signal(signal.SIGHUP)
    wire.wait_for(lambda: daemon.log.read_text().count("the configuration is reloaded") > done,
                  "reload")


# --- registrations ---

def test_registrations(start, connect):
    """Of a client, whoever it is; and of a user."""
    daemon = start(max_client_registrations=3, max_user_registrations=5)
    root, greedy, more, modest = (connect(daemon, uid) for uid in (0, GREEDY, GREEDY, MODEST))
    for client in (root, greedy):
        numbers = [client.register("STOP") for _ in range(3)]
        assert "has 3, asks for 1 more and may have 3" in \
            refused(client, "max_client_registrations", QEMU, MONITOR_REGISTER, monitor("STOP"))
    connect(daemon, 0).register("STOP")

    for _ in range(2):
        more.register("STOP")
    assert "user 'uid 61001' has 5, asks for 1 more and may have 5" in \
        refused(more, "max_user_registrations", QEMU, MONITOR_REGISTER, monitor("STOP"))
    refused(more, "max_user_registrations", REMOTE, wire.REGISTER, uint(0) + optional(None))
    modest.register("STOP")

    greedy.done(QEMU, MONITOR_DEREGISTER, uint(numbers[0]))
    more.register("STOP")
    # With the client goes all that it had.
    greedy.close()
    third = connect(daemon, GREEDY)
    wire.wait_for(lambda: third.call(QEMU, MONITOR_REGISTER, monitor("STOP")).status == OK,
                  "room for a registration")
    third.register("STOP")
    refused(third, "max_user_registrations", QEMU, MONITOR_REGISTER, monitor("STOP"))


def test_filters(start, connect):
    """Their bytes count as they are compiled."""
    daemon = start(max_client_filter_bytes=65536, max_user_filter_bytes=65536)
    greedy, more, modest = (connect(daemon, uid) for uid in (GREEDY, GREEDY, MODEST))
    # Of 23 characters, and 11 KB.
    large = "X((q{0,65}){0,65}){0,9}"
    numbers = [greedy.register(large, REGEX) for _ in range(5)]
    refused(greedy, "max_client_filter_bytes", QEMU, MONITOR_REGISTER, monitor(large, REGEX))
    greedy.register("STOP")
    refused(more, "max_user_filter_bytes", QEMU, MONITOR_REGISTER, monitor(large, REGEX))
    more.register("STOP")
    # What is refused for another reason costs nothing.
    error = modest.refused(QEMU, MONITOR_REGISTER, monitor("(a|aa)+[cd]", REGEX))
    assert error.kind == (8, 0)
    assert "regex '(a|aa)+[cd]' is too much work: on event name 'aaaa" in error.message
    modest.register(large, REGEX)
    greedy.done(QEMU, MONITOR_DEREGISTER, uint(numbers[0]))
    more.register(large, REGEX)


def test_a_filter_that_is_too_much_work(folder, start, connect):
    """Is switched off when that comes out, and its owner is told; others get the event."""
    with_peer = qmppeer.Peer(folder / "peer.qmp", guest="peer")
    try:
        daemon = start()
        daemon.wait_until_known("peer")
        greedy, modest = connect(daemon, GREEDY), connect(daemon, MODEST)
        pattern = "^STOP$|(X_|X_X_|Y)*!"
        number = greedy.register(pattern, REGEX)
        modest.register("*", GLOB)
        hard = "X_" * 30
        for name in ("STOP", hard, "STOP", hard):
            with_peer.send(qmppeer.event(name))
        for name in ("STOP", hard, "STOP", hard):
            assert modest.monitor_event()[2] == name
        assert greedy.monitor_event()[2] == "STOP"
        event = greedy.monitor_event()
        assert (event[0], event[1].name, event[2]) == (number, "peer", OFF)
        assert json.loads(event[5]) == {"filter": pattern, "reason": "match limit exceeded"}
        # It got nothing more, and can do without.
        greedy.alive()
        assert not greedy.messages
        greedy.done(QEMU, MONITOR_DEREGISTER, uint(number))
        greedy.register("STOP")
        with_peer.send(qmppeer.event("STOP"))
        assert greedy.monitor_event()[2] == "STOP"
    finally:
        with_peer.close()


# --- connections ---

def test_connections(start, connect, person):
    """Of a user; root has as many as there are places."""
    daemon = start(max_user_connections=2, max_clients=20)
    first = connect(daemon, GREEDY)
    connect(daemon, GREEDY)
    with person(GREEDY).connect(daemon.socket()) as third:
        assert third.is_closed()
    assert "a client is refused: operation failed: 'max_user_connections' is exceeded: user " \
        "'uid 61001' has 2, asks for 1 more and may have 2" in daemon.log.read_text()
    connect(daemon, MODEST)
    for _ in range(4):
        connect(daemon, 0)
    first.close()

    def has_room():
        with person(GREEDY).connect(daemon.socket()) as again:
            try:
                again.open()
            except (EOFError, ConnectionError):
                return False
            return True

    wire.wait_for(has_room, "a place")


# --- calls ---

def hanging(daemon, folder):
    """A domain that answers no query-status until it is told to."""
    asked = []
    peer = qmppeer.Peer(folder / "peer.qmp", guest="peer",
                        on_command=lambda _peer, command, _fds: asked.append(command))
    daemon.wait_until_known("peer")
    return peer, asked


def command(dom, text='{"execute": "hang"}'):
    return dom.encode() + string(text) + uint(0)


def test_requests(folder, start, connect):
    """Calls of a user that hang: one more is refused, others are served."""
    daemon = start(max_client_requests=2, max_user_requests=3)
    peer, asked = hanging(daemon, folder)
    try:
        greedy, more, modest = (connect(daemon, uid) for uid in (GREEDY, GREEDY, MODEST))
        dom = modest.lookup("peer")
        for client in (greedy, greedy, more):
            client.start(QEMU, COMMAND, command(dom))
        wire.wait_for(lambda: len(asked) == 3, "three commands")
        assert "user 'uid 61001' has 3, asks for 1 more and may have 3" in \
            refused(more, "max_user_requests", REMOTE, TYPE)
        modest.start(QEMU, COMMAND, command(dom))
        wire.wait_for(lambda: len(asked) == 4, "another's command")
        modest.alive()
        # Calls of one who has gone are still in the way of his others.
        greedy.close()
        third = connect_or_refused(connect, daemon)
        assert third is None
        for one in asked:
            peer.reply(one, {})
        assert more.reply().status == OK and modest.reply().status == OK
        more.alive()
        connect(daemon, GREEDY).alive()
    finally:
        peer.close()


def connect_or_refused(connect, daemon):
    try:
        return connect(daemon, GREEDY)
    except AssertionError as err:
        assert "'max_user_requests' is exceeded" in str(err)
        return None


def test_answers_that_nobody_reads(folder, start, connect):
    """Those that are too much become errors; then all is as before."""
    daemon = start(max_client_call_bytes=1024 * 1024, max_client_requests=20)
    peer = qmppeer.Peer(folder / "peer.qmp", guest="peer")
    peer.answers["talk"] = "x" * 400_000
    try:
        daemon.wait_until_known("peer")
        greedy, modest = connect(daemon, GREEDY), connect(daemon, MODEST)
        dom = greedy.lookup("peer")
        for _ in range(20):
            greedy.start(QEMU, COMMAND, command(dom, '{"execute": "talk"}'))
        wire.wait_for(lambda: sum(one.get("execute") == "talk" for one in peer.commands) == 20,
                      "all commands")
        modest.alive()
        answers = [greedy.reply() for _ in range(20)]
        good = sum(answer.status == OK for answer in answers)
        # What fits into the limit, and what the socket takes.
        assert 2 <= good <= 6
        for answer in answers:
            if answer.status != OK:
                assert answer.error().message.startswith(
                    "operation failed: 'max_client_call_bytes' is exceeded: client ")
        assert len(greedy.done(QEMU, COMMAND, command(dom, '{"execute": "talk"}')).string()) > \
            400_000
    finally:
        peer.close()


def test_parts_of_packets(start, connect):
    """What somebody has sent of packets that have no end counts, for all of his connections."""
    daemon = start(max_client_call_bytes=1024 * 1024, max_user_call_bytes=1024 * 1024)
    part = uint(4_000_000) + wire.packet(REMOTE, TYPE)[4:] + bytes(600_000)
    one, other = connect(daemon, GREEDY), connect(daemon, GREEDY)
    modest = connect(daemon, MODEST)
    modest.send(part)
    one.send(part)
    try:
        other.send(part)
        other.send(bytes(600_000))
    except OSError:
        pass                    # it was closed meanwhile
    # One of the two had to go.
    wire.wait_for(lambda: "'max_user_call_bytes' is exceeded: user 'uid 61001'" in
                  daemon.log.read_text(), "a refusal")
    connect(daemon, MODEST).alive()


def test_fds(folder, start, connect):
    daemon = start(max_client_fds=2)
    peer, asked = hanging(daemon, folder)
    try:
        greedy, modest = connect(daemon, GREEDY), connect(daemon, MODEST)
        dom = greedy.lookup("peer")

        def send(client, count):
            client.send(wire.packet(QEMU, 7, command(dom), kind=wire.CALL_WITH_FDS, fds=count))
            for _ in range(count):
                socket.send_fds(client.sock, [b"\0"], [client.sock.fileno()])

        send(greedy, 1)
        send(greedy, 1)
        wire.wait_for(lambda: len(asked) == 2, "both")
        send(greedy, 1)
        assert greedy.is_closed()
        assert "'max_client_fds' is exceeded: client " in daemon.log.read_text()
        send(modest, 1)
        wire.wait_for(lambda: len(asked) == 3, "another's")
        peer.reply(asked[2], {})
        assert modest.reply().kind in (wire.REPLY, wire.REPLY_WITH_FDS)
    finally:
        peer.close()


# --- events ---

def read_all(client, last):
    """Events up to that name; how many there were, and how many are told to be lost."""
    count = lost = 0
    while (event := client.monitor_event())[2] != last:
        if event[2] == LOST:
            gap = json.loads(event[5])
            assert gap["to"] - gap["from"] + 1 == gap["count"]
            lost += gap["count"]
        else:
            count += 1
    return count, lost


def test_event_bytes_of_a_user(folder, start, connect):
    """Clients of one user that take nothing hold no more than he may, and leave room for one that
    does; what they have missed is told."""
    daemon = start(client_output_max_bytes=256 * 1024, max_user_output_bytes=512 * 1024)
    peer = qmppeer.Peer(folder / "peer.qmp", guest="peer")
    try:
        daemon.wait_until_known("peer")
        stalled = [connect(daemon, GREEDY) for _ in range(6)]
        good = connect(daemon, GREEDY)
        for client in (*stalled, good):
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.register("*", GLOB)
        line = qmppeer.event("STOP", text="x" * 1000)
        for _ in range(200):
            peer.send(line * 10)
            for _ in range(10):
                assert good.monitor_event()[2] == "STOP"
        peer.send(qmppeer.event("END"))
        assert good.monitor_event()[2] == "END"
        for client in stalled:
            # Who has not read so far is told of the gap, and goes on.
            count = lost = 0
            while count + lost < 2001:
                event = client.monitor_event()
                if event[2] == LOST:
                    lost += json.loads(event[5])["count"]
                else:
                    count += 1
            assert lost > 0
        peer.send(qmppeer.event("LAST"))
        for client in (*stalled, good):
            assert read_all(client, "LAST") == (0, 0)
    finally:
        peer.close()


def test_the_rate_of_a_domain(folder, start, connect):
    """What is over is lost to all, and told; another domain's events go on."""
    daemon = start(domain_events_per_second=100, domain_events_burst=50)
    busy, calm = (qmppeer.Peer(folder / f"{name}.qmp", guest=name) for name in ("busy", "calm"))
    try:
        for name in ("busy", "calm"):
            daemon.wait_until_known(name)
        one, other = connect(daemon, GREEDY), connect(daemon, MODEST)
        for client in (one, other):
            client.register("*", GLOB, dom=client.lookup("busy"))
        beside = connect(daemon, MODEST)
        beside.register("*", GLOB, dom=beside.lookup("calm"))
        busy.send(qmppeer.event("STOP") * 1000)
        for _ in range(20):
            calm.send(qmppeer.event("RESUME"))
        for _ in range(20):
            assert beside.monitor_event()[2] == "RESUME"
        for client in (one, other):
            count = lost = 0
            while count + lost < 1000:
                event = client.monitor_event()
                if event[2] == LOST:
                    gap = json.loads(event[5])
                    assert gap["from"] == count + lost + 1
                    lost += gap["count"]
                else:
                    count += 1
            assert 50 <= count < 500 and count + lost == 1000
        reload(daemon)
        busy.send(qmppeer.event("STOP") * 1000 + qmppeer.event("END"))
        assert read_all(one, "END") == (1000, 0)
    finally:
        busy.close()
        calm.close()


# --- all of it ---

def held_by(daemon, uid):
    """What the administrator is told that a user holds, by resource."""
    user, = (one for one in records(daemon, "user-list") if one["user"] == f"uid {uid}")
    return {name: value for name, value in user.items() if name.endswith(".used")}


def begin_something(client, dom, rand, fd):
    """A call, of which not all may come, and whose answer may never be read."""
    talk = command(dom, '{"execute": "talk"}')
    kind = rand.randrange(6)
    if kind == 0:
        client.send(wire.packet(QEMU, MONITOR_REGISTER,
                                monitor(f"a{{{rand.randrange(60)}}}|E", REGEX)))
    elif kind == 1:
        client.send(wire.packet(QEMU, MONITOR_REGISTER, monitor("*", GLOB)))
    elif kind == 2:
        client.send(wire.packet(QEMU, COMMAND, talk))
    elif kind == 3:
        client.send(uint(900_000) + wire.packet(REMOTE, TYPE)[4:] +
                    bytes(rand.randrange(200_000)))
    elif kind == 4:
        client.send(wire.packet(QEMU, 7, talk, kind=wire.CALL_WITH_FDS, fds=2))
        for _ in range(rand.randrange(3)):
            socket.send_fds(client.sock, [b"\0"], [fd])
    else:
        client.sock.recv(1 << 20)


@pytest.fixture
def null():
    with open(os.devnull, "rb") as file:
        yield file


def test_all_is_given_back(folder, start, connect, person, null):
    """Whatever somebody begins, breaks off and exceeds: in the end his account has no more than what
    he still holds."""
    rand = random.Random(1)
    asked = []
    daemon = start(max_client_requests=4, max_user_requests=40, max_client_registrations=30,
                   max_user_registrations=100, max_client_filter_bytes=65536,
                   max_user_filter_bytes=100_000, max_client_call_bytes=1024 * 1024,
                   max_user_call_bytes=4 * 1024 * 1024, max_client_fds=5, max_user_fds=20,
                   client_output_max_bytes=65536, max_user_output_bytes=400_000)
    peer = qmppeer.Peer(folder / "peer.qmp", guest="peer",
                        on_command=lambda _peer, one, _fds: asked.append(one))
    clients = []
    try:
        daemon.wait_until_known("peer")
        stays = connect(daemon, GREEDY)
        dom = stays.lookup("peer")
        before = held_by(daemon, GREEDY)
        for _ in range(10000):
            if len(clients) < 20:
                clients.append(person(GREEDY).connect(daemon.socket()))
                clients[-1].sock.setblocking(False)
                clients[-1].send(wire.packet(REMOTE, wire.OPEN, optional(None) + uint(0)))
            client = rand.choice(clients)
            try:
                begin_something(client, dom, rand, null.fileno())
            except OSError:                 # it was closed, or takes no more
                client.close()
                clients.remove(client)
            if rand.random() < 0.1:
                peer.send(qmppeer.event("E", text="x" * rand.randrange(2000)) * 30)
            while asked and rand.random() < 0.5:
                peer.reply(asked.pop(), "x" * 300_000)
        assert held_by(daemon, GREEDY) != before
    finally:
        for client in clients:
            client.close()

    def is_given_back():
        while asked:
            peer.reply(asked.pop(), {})
        return held_by(daemon, GREEDY) == before

    try:
        wire.wait_for(is_given_back, "what was held")
        stays.alive()
    finally:
        peer.close()


# --- changes ---

def test_reload(start, connect):
    """Counts for those who are there: what they have they keep."""
    daemon = start(max_client_registrations=2)
    client = connect(daemon, GREEDY)
    numbers = [client.register("STOP") for _ in range(2)]
    refused(client, "max_client_registrations", QEMU, MONITOR_REGISTER, monitor("STOP"))
    reload(daemon, max_client_registrations=3)
    client.register("STOP")
    refused(client, "max_client_registrations", QEMU, MONITOR_REGISTER, monitor("STOP"))
    reload(daemon, max_client_registrations=1)
    client.done(QEMU, MONITOR_DEREGISTER, uint(numbers[0]))
    assert "has 2, asks for 1 more and may have 1" in \
        refused(client, "max_client_registrations", QEMU, MONITOR_REGISTER, monitor("STOP"))
    # A file that contradicts itself changes nothing.
    daemon.config.write_text("max_client_registrations = 9\nmax_user_registrations = 8\n")
    daemon.process.send_signal(signal.SIGHUP)
    wire.wait_for(lambda: "virtmond.conf:2: max_user_registrations: 'max_user_registrations' must "
                          "be 0 or at least 9, as 'max_client_registrations' is 9" in
                  daemon.log.read_text(), "a complaint")
    refused(client, "max_client_registrations", QEMU, MONITOR_REGISTER, monitor("STOP"))
    client.done(REMOTE, AUTH_LIST)
