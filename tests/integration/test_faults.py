#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong around virtmond: clients, guests and the daemon itself that end or hang."""
import contextlib
import json
import os
import pathlib
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
import wire
from conftest import DEADLINE, freeze, thaw
from wire import QEMU, REMOTE, Wire, connections, string, uint, wait_for

SANITIZED = os.environ.get("VIRTMON_SANITIZED") == "1"
LOST = "VIRTMON_EVENTS_LOST"


class Usage:
    """What a process has taken."""

    def __init__(self, pid):
        self.pid = pid

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(text[text.index("VmRSS:"):].split()[1]) * 1024


def command(dom, text):
    return dom.encode() + string(json.dumps({"execute": text})) + uint(0)


class Source:
    """A QMP server of the test's own, which says what it is told to."""

    def __init__(self, daemon, peer, name):
        self.peer = peer(f"{name}.qmp", guest=name)
        self.count = 0
        daemon.wait_until_known(name)

    def say(self, names, data=None):
        """Events of these names."""
        rest = {} if data is None else {"data": data}
        lines = [json.dumps({"timestamp": {"seconds": 1, "microseconds": 2}, "event": name,
                             **rest}) for name in names]
        self.count += len(lines)
        self.peer.send("".join(line + "\r\n" for line in lines).encode())


@pytest.fixture
def source(peer):
    return lambda daemon, name="g1": Source(daemon, peer, name)


# --- clients that end ---

def test_clients_killed_in_the_middle(virtmond):
    """Of calls, and of events; nothing of them is left."""
    guest = virtmond.start_guest("g1")
    usage = Usage(virtmond.pid)
    with Wire(virtmond.socket()) as watcher:
        watcher.open()
        number = watcher.register("RESET")
        before = usage.fds()
        for i in range(50):
            with Wire(virtmond.socket()) as client:
                client.open()
                dom = client.lookup("g1")
                client.register()
                client.done(REMOTE, wire.REGISTER, uint(0, 0))
                # Some leave with calls that were sent, some with half of one, some with events
                # that they haven't read.
                if i % 3 == 0:
                    for _ in range(8):
                        client.start(QEMU, wire.COMMAND, command(dom, "query-version"))
                elif i % 3 == 1:
                    client.send(wire.packet(REMOTE, wire.TYPE)[:i % 27 + 1])
                else:
                    for _ in range(5):
                        guest.command("system_reset")
        for _ in range(16 * 5):
            assert watcher.monitor_event()[:3:2] == (number, "RESET")
        watcher.alive()
        wait_for(lambda: usage.fds() == before, "descriptors")
    assert virtmond.log.read_text() == ""


def test_half_a_packet_and_silence(start_virtmond):
    """Keeps no one waiting, and in the end no place: it has made no call."""
    daemon = start_virtmond(config="client_setup_timeout = 1\n")
    with connections(daemon.socket(), 20) as silent, Wire(daemon.socket()) as client:
        for i, one in enumerate(silent):
            one.send(wire.packet(REMOTE, wire.AUTH_LIST)[:i + 1])
        client.open()
        assert all(one.is_closed() for one in silent)
        client.alive()


def test_a_large_packet_that_never_ends(virtmond):
    """Costs no more memory than has come of it."""
    usage = Usage(virtmond.pid)
    with Wire(virtmond.socket()) as one:
        one.open()
        before = usage.rss()
        with connections(virtmond.socket(), 50) as clients:
            for client in clients:
                client.open()
                client.send(uint(33554436, REMOTE, 1, wire.LOOKUP_NAME, 0, 5, 0) + bytes(1000))
            one.alive()
            if not SANITIZED:
                assert usage.rss() - before < 16 * 1024 * 1024


def test_large_packets_on_the_read_only_socket(virtmond):
    """Anybody may come to it: who sends no end of a packet must not hold much memory."""
    name = "x" * (1024 * 1024 - 28 - 4)
    with Wire(virtmond.socket(True)) as anybody, Wire(virtmond.socket()) as client:
        anybody.open()
        client.open()
        assert "x" * 100 in anybody.refused(REMOTE, wire.LOOKUP_NAME, wire.string(name)).message
        assert "x" * 100 in client.refused(REMOTE, wire.LOOKUP_NAME,
                                           wire.string(name + "more")).message
        anybody.send(uint(1024 * 1024 + 4, REMOTE, 1, wire.LOOKUP_NAME, 0, 5, 0))
        assert anybody.is_closed()
        client.alive()


def test_a_flood_of_pings(virtmond):
    """From a client that doesn't read the answers: these don't pile up."""
    usage = Usage(virtmond.pid)
    ping = wire.packet(wire.KEEPALIVE, 1, kind=wire.MESSAGE)
    with Wire(virtmond.socket()) as client, Wire(virtmond.socket()) as other:
        client.open()
        other.open()
        before = usage.rss()
        client.sock.setblocking(False)
        rest = memoryview(ping * 200000)
        deadline = time.monotonic() + DEADLINE
        while rest and time.monotonic() < deadline:
            try:
                rest = rest[client.sock.send(rest[:1 << 20]):]
            except BlockingIOError:
                if not select.select([], [client.sock], [], 0.2)[1]:
                    break               # it isn't read any more
        other.alive()
        if not SANITIZED:
            assert usage.rss() - before < 16 * 1024 * 1024
        client.sock.settimeout(DEADLINE)
        assert client.message().procedure == 2


def test_a_flood_of_connections(start_virtmond):
    """Comes and goes, again and again, beyond the limit; whoever was there stays."""
    daemon = start_virtmond(config="max_clients = 20\n")
    usage = Usage(daemon.pid)
    with Wire(daemon.socket()) as client:
        client.open()
        before = usage.fds()
        for _ in range(20):
            with connections(daemon.socket(), 60):
                client.alive()
        wait_for(lambda: usage.fds() == before, "descriptors")
        with Wire(daemon.socket()) as later:
            later.open()


def test_a_user_that_sits_in_read_only_places(start_virtmond):
    """Gets a quarter of them, whatever it tries; others find theirs."""
    daemon = start_virtmond(config="max_clients = 40\n")
    # One place may still be that of whoever has looked whether the daemon listens.
    with connections(daemon.socket(True), 9) as clients, contextlib.ExitStack() as stack:
        for client in clients:
            client.open()
        refused = 0
        for _ in range(6):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(str(daemon.socket(True)))
            try:
                sock.sendall(wire.packet(REMOTE, wire.AUTH_LIST, b"", 0))
                sock.settimeout(DEADLINE)
                refused += sock.recv(1) == b""
            except (BrokenPipeError, ConnectionResetError):
                refused += 1
        assert refused >= 5
        with Wire(daemon.socket()) as other:
            other.open()
        # Another user, where there can be one.
        daemon.folder.chmod(0o755)
        if os.geteuid() == 0:
            done = subprocess.run(["virsh", "-r", "-c", daemon.uri(True), "list"], user="nobody",
                                  capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_a_thousand_clients(virtmond, source):
    """All are told; then all are gone, and what they took with them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1200:
        if hard < 1200:
            pytest.skip("not enough file descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    guest = source(virtmond)
    usage = Usage(virtmond.pid)
    with Wire(virtmond.socket()) as one:
        one.open()
        before = usage.fds()
        with connections(virtmond.socket(), 1000) as clients:
            numbers = [client.open().register("A") for client in clients]
            guest.say(["A", "B", "A"])
            for client, number in zip(clients, numbers):
                assert [client.monitor_event()[:3:2] for _ in range(2)] == [(number, "A")] * 2
        wait_for(lambda: usage.fds() == before, "descriptors")
        one.alive()
    assert virtmond.log.read_text() == ""


# --- registrations that come and go ---

def test_registrations_come_and_go(virtmond, source):
    """Some thousand times while events flow: the others miss none, and nothing grows."""
    rounds = 500 if SANITIZED else 3000
    guest = source(virtmond)
    usage = Usage(virtmond.pid)
    failed = []

    def churn():
        try:
            with Wire(virtmond.socket()) as client:
                client.open()
                for i in range(rounds):
                    number = client.register("E" if i % 2 else None)
                    client.done(QEMU, wire.MONITOR_DEREGISTER, uint(number))
                    # Nothing comes for it any more.
                    client.messages.clear()
                    if i % 100 == 0:
                        client.alive()
                        assert not client.messages
        except Exception as error:              # a thread's own would be lost
            failed.append(error)

    with Wire(virtmond.socket()) as watcher, Wire(virtmond.socket()) as warm:
        watcher.open()
        number = watcher.register()
        warm.open()
        for _ in range(200):
            warm.done(QEMU, wire.MONITOR_DEREGISTER, uint(warm.register("E")))
        fds, rss = usage.fds(), usage.rss()
        threads = [threading.Thread(target=churn) for _ in range(2)]
        for thread in threads:
            thread.start()
        seen = 0
        while any(thread.is_alive() for thread in threads) or seen < guest.count:
            if any(thread.is_alive() for thread in threads):
                guest.say([f"E{guest.count + i}" for i in range(50)])
            while seen < guest.count:
                event = watcher.monitor_event()
                assert event[:3:2] == (number, f"E{seen}")
                seen += 1
        for thread in threads:
            thread.join()
        assert failed == [] and seen > 0
        wait_for(lambda: usage.fds() == fds, "descriptors")
        if not SANITIZED:
            assert usage.rss() - rss < 8 * 1024 * 1024


# --- clients that don't read ---

def collect(client, total, number):
    """Everything that comes for registration @number, until so many are accounted for: names,
    and the notices of what was lost."""
    names, notices = [], []
    while len(names) + sum(notice["count"] for notice in notices) < total:
        got, _, name, _, _, details = client.monitor_event()
        assert got == number
        if name == LOST:
            notices.append(json.loads(details))
            # It stands in the place of the gap: behind what came before.
            assert notices[-1]["from"] == len(names) + sum(n["count"] for n in notices[:-1]) + 1
        else:
            names.append(name)
            lost = sum(notice["count"] for notice in notices)
            assert name == f"E{len(names) + lost - 1}"
    return names, notices


def test_a_client_that_does_not_read(start_virtmond, source):
    """It is told of its gap when it reads on, and nobody else misses anything."""
    daemon = start_virtmond(config="client_output_max_bytes = 262144\n")
    guest = source(daemon)
    total = 4000
    with Wire(daemon.socket()) as stalled, Wire(daemon.socket()) as other:
        number = stalled.open().register()
        others = other.open().register()
        lifecycle = stalled.done(REMOTE, wire.REGISTER, uint(0, 0)).int()
        for start in range(0, total, 100):
            guest.say([f"E{start + i}" for i in range(100)], {"filling": "x" * 400})
            for i in range(100):
                assert other.monitor_event()[:3:2] == (others, f"E{start + i}")

        # What becomes of the domain is told though the queue is full.
        guest.say(["STOP"])
        assert other.monitor_event()[2] == "STOP"

        names, notices = [], []
        stopped = False
        while len(names) + sum(notice["count"] for notice in notices) < total + 1:
            message = stalled.message()
            reader = message.reader()
            if message.program == REMOTE:
                assert (message.procedure, reader.int()) == (318, lifecycle)
                stopped = True
                continue
            assert reader.int() == number
            reader.domain()
            name = reader.string()
            if name == LOST:
                reader.take(12)
                notices.append(json.loads(reader.optional(reader.string)))
            else:
                names.append(name)
        assert stopped
        lost = sum(notice["count"] for notice in notices)
        assert 0 < lost < total and len(notices) == 1
        assert names == [f"E{i}" for i in range(len(names))]
        assert notices[0]["from"] == len(names) + 1 and notices[0]["to"] == total + 1

        # And from then on everything comes again.
        guest.say(["AGAIN"])
        assert stalled.monitor_event()[:3:2] == (number, "AGAIN")
        stalled.alive()
        assert not stalled.messages


def test_a_storm_leaves_room_for_others(start_virtmond, source):
    """Of a client that does not read, the storming guest's events are lost, another's are not."""
    daemon = start_virtmond(config="client_output_max_bytes = 262144\n")
    storm, quiet = source(daemon, "storm"), source(daemon, "quiet")
    with Wire(daemon.socket()) as stalled, Wire(daemon.socket()) as other:
        stalled.open().register()
        others = other.open().register()
        said = []
        for start in range(0, 4000, 100):
            storm.say([f"E{start + i}" for i in range(100)], {"filling": "x" * 400})
            for _ in range(100):
                assert other.monitor_event()[0] == others
            said.append(f"Q{start}")
            quiet.say(said[-1:])
            assert other.monitor_event()[2] == said[-1]

        heard, lost = [], 0
        while len(heard) < len(said) or lost == 0:
            _, domain, name, _, _, details = stalled.monitor_event()
            if domain.name == "quiet":
                heard.append(name)
            elif name == LOST:
                lost = json.loads(details)["count"]
        assert heard == said


def test_a_client_that_reads_little_by_little(start_virtmond, source):
    """Each gap is told once and in its place, so that it can account for every event."""
    daemon = start_virtmond(config="client_output_max_bytes = 65536\n")
    guest = source(daemon)
    total = 6000
    with Wire(daemon.socket()) as slow, Wire(daemon.socket()) as other:
        # The kernel's part of the queue is small, too.
        number = slow.open().register()
        others = other.open().register()
        done = []

        def read():
            done.append(collect(slow, total, number))

        for start in range(0, total, 50):
            guest.say([f"E{start + i}" for i in range(50)], {"filling": "x" * 400})
            for _ in range(50):
                assert other.monitor_event()[0] == others
            if start == 3000:
                thread = threading.Thread(target=read)
                thread.start()
        thread.join(timeout=DEADLINE)
        names, notices = done[0]
        assert len(names) < total and notices
        other.alive()


def test_an_event_too_long_to_send(virtmond, source):
    """Longer than a string of the protocol may be: told as lost, to everybody."""
    guest = source(virtmond)
    with Wire(virtmond.socket()) as one, Wire(virtmond.socket()) as other:
        numbers = [one.open().register(), one.register("^[LV]", 1), other.open().register()]
        one.register("LONG")
        guest.say(["LONG"], {"text": "x" * (4 * 1024 * 1024)})
        guest.say(["LAST"])
        for client, mine in ((one, numbers[:2]), (other, numbers[2:])):
            events = [client.monitor_event() for _ in range(2 * len(mine))]
            assert [event[:3:2] for event in events] == \
                [(number, name) for name in (LOST, "LAST") for number in mine]
            assert json.loads(events[0][5])["count"] == 1
            client.alive()
            assert not client.messages


# --- guests that hang or end ---

def test_a_monitor_that_hangs(virtmond):
    """Holds up only those who ask it."""
    hung = virtmond.start_guest("hung")
    virtmond.start_guest("well")
    with Wire(virtmond.socket()) as stuck, Wire(virtmond.socket()) as other:
        dom = stuck.open().lookup("hung")
        other.open().register()
        freeze(hung.pid)
        try:
            for _ in range(4):
                stuck.start(QEMU, wire.COMMAND, command(dom, "query-status"))
            well = other.lookup("well")
            answer = other.done(QEMU, wire.COMMAND, command(well, "query-status")).string()
            assert '"return"' in answer
            # Its other calls are answered too.
            assert stuck.call(REMOTE, wire.TYPE, serial=99).status == wire.OK
            assert not stuck.has_input()
        finally:
            thaw(hung.pid)
        for _ in range(4):
            assert stuck.reply().status == wire.OK


def test_a_guest_killed_in_the_middle_of_a_command(virtmond):
    guest = virtmond.start_guest("g1")
    with Wire(virtmond.socket()) as client:
        dom = client.open().lookup("g1")
        client.done(REMOTE, wire.REGISTER, uint(0, 0))
        freeze(guest.pid)
        for _ in range(3):
            client.start(QEMU, wire.COMMAND, command(dom, "query-status"))
        client.done(REMOTE, wire.AUTH_LIST)
        os.kill(guest.pid, signal.SIGKILL)
        for _ in range(3):
            assert client.reply().status == wire.ERROR
        payload = client.message().payload
        event, _ = struct.unpack(">II", payload[-8:])
        assert event == 5               # stopped
        error = client.refused(QEMU, wire.COMMAND, command(dom, "query-status"))
        assert error.code == 42
        client.alive()


# --- the daemon ends ---

def test_the_daemon_is_killed(virtmond, shell):
    """Whoever waits is told at once."""
    guest = virtmond.start_guest("g1")
    with Wire(virtmond.socket()) as client:
        dom = client.open().lookup("g1")
        watch = shell("qemu-monitor-event", "--loop", uri=virtmond.uri())
        while not watch.out:
            guest.command("stop")
            guest.command("cont")
            watch.read(time.monotonic() + 0.05)
        freeze(guest.pid)
        try:
            asked = shell("qemu-monitor-command", "g1", "query-status", "--hmp",
                          uri=virtmond.uri())
            client.start(QEMU, wire.COMMAND, command(dom, "query-status"))
            client.done(REMOTE, wire.AUTH_LIST)
            began = time.monotonic()
            virtmond.process.kill()
            virtmond.process.wait(timeout=DEADLINE)
            assert client.is_closed()
            assert asked.finish() == 1
            assert any(line.startswith("error: ") for line in asked.err)
            assert watch.finish() == 1
            assert time.monotonic() - began < DEADLINE
        finally:
            thaw(guest.pid)
