#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of other kinds against virtmond, and the same against libvirtd: the proxy that makes a
QMP socket of a connection, and a client that speaks the protocol in its own way, as pure
re-implementations do."""
import json
import shutil
import socket
import struct
import subprocess
import time

import pytest
from conftest import DEADLINE, Qmp
from daemons import quiet_firmware

PROXY = shutil.which("virt-qemu-qmp-proxy")


def start_guest(daemon, name="g1"):
    return daemon.start_guest(
        name, machine="pc", args=(["-m", "32"] if daemon.kind == "virtmond" else []) +
        quiet_firmware(daemon.folder))


# --- virt-qemu-qmp-proxy ---

@pytest.fixture(name="proxied")
def proxied_fixture(daemon, folder):
    """A guest, and a QMP connection to it by way of the proxy and the daemon."""
    guest = start_guest(daemon)
    path = folder / "proxy"
    process = subprocess.Popen(["/usr/bin/python3", PROXY, "-c", daemon.uri(), "g1", path],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    qmp = None
    try:
        # it greets when its events are registered
        qmp = Qmp(path, time.monotonic() + DEADLINE)
        yield guest, qmp
    finally:
        if qmp:
            qmp.close()
        process.kill()
        process.wait(timeout=DEADLINE)


def test_proxy(proxied):
    guest, qmp = proxied
    version = guest.qmp.greeting["QMP"]["version"]["qemu"]
    assert qmp.greeting["QMP"]["version"]["qemu"] == version
    assert qmp.command("query-name") == {"name": "g1"} == guest.command("query-name")
    qmp.sock.sendall(b'{"execute":"nosuch","id":"mine"}')
    answer = qmp.read()
    assert (answer["error"]["class"], answer["id"]) == ("CommandNotFound", "mine")

    # events come of what it does itself, and of what others do
    qmp.command("stop")
    qmp.wait_event("STOP")
    assert guest.command("query-status")["status"] == "paused"
    for command in ("cont", "system_reset", "system_powerdown"):
        guest.command(command)
    qmp.wait_event("POWERDOWN")
    assert [event["event"] for event in qmp.events] == ["STOP", "RESUME", "RESET", "POWERDOWN"]
    guest.qmp.wait_event("POWERDOWN")
    for seen, sent in zip(qmp.events, guest.qmp.events[-4:]):
        assert seen["event"] == sent["event"]
        assert seen["timestamp"] == sent["timestamp"]
        # the proxy gives them as the text that they are
        assert json.loads(seen.get("data", "null")) == sent.get("data")


def test_a_descriptor_through_the_proxy(proxied):
    guest, qmp = proxied
    command = {"execute": "add-fd", "arguments": {"fdset-id": 7, "opaque": "mine"}}
    with open("/dev/null", "rb") as file:
        socket.send_fds(qmp.sock, [json.dumps(command).encode()], [file.fileno()])
        answer = qmp.read()
    assert answer["return"]["fdset-id"] == 7
    assert [one["fds"][0]["opaque"] for one in guest.command("query-fdsets")] == ["mine"]


# --- a client of its own kind ---

REMOTE, QEMU, KEEPALIVE = 0x20008086, 0x20008087, 0x6b656570
CONNECT_OPEN, CONNECT_CLOSE, LOOKUP_BY_NAME, LIFECYCLE = 1, 2, 23, 318
AUTH_LIST, FEATURE, DOMAIN_REGISTER, DOMAIN_DEREGISTER, LIST_ALL = 66, 60, 316, 317, 273
MONITOR_COMMAND, REGISTER, DEREGISTER, MONITOR_EVENT = 1, 4, 5, 6
CALL, REPLY, MESSAGE = 0, 1, 2
# How such a client may say that there is a value: any bit means it.
TRUE_IN_OPEN, TRUE_IN_REGISTER = struct.pack(">I", 0x01000000), struct.pack(">I", 0x00000100)


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def number(value):
    return struct.pack(">i", value)


class Reader:
    """Takes values off the front of a payload."""

    def __init__(self, data):
        self.data = data

    def raw(self, size):
        taken, self.data = self.data[:size], self.data[size:]
        assert len(taken) == size
        return taken

    def number(self, kind="i"):
        return struct.unpack(">" + kind, self.raw(struct.calcsize(kind)))[0]

    def text(self):
        size = self.number("I")
        return self.raw(size + -size % 4)[:size].decode()

    def optional_text(self):
        return self.text() if self.number("I") else None

    def domain(self):
        return self.text(), self.raw(16), self.number()

    def end(self):
        assert self.data == b""


class OwnClient:
    """Serials from 1, flags of its own, a payload for a call that has none, no features, and no
    answers to pings."""

    def __init__(self, daemon):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(daemon.socket()))
        self.serial = 0
        self.messages = []              # (program, procedure, payload)

    def open(self, uri="qemu:///system"):
        payload = TRUE_IN_OPEN + text(uri) + number(0)
        types = self.call(REMOTE, AUTH_LIST, payload)
        assert (types.number(), types.number()) == (1, 0)
        self.call(REMOTE, CONNECT_OPEN, payload).end()

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read(self):
        """One packet: its header and its payload."""
        size = struct.unpack(">I", self.exactly(4))[0]
        data = self.exactly(size - 4)
        return struct.unpack(">IIiiIi", data[:24]), data[24:]

    def call(self, program, procedure, payload=b"", fails=False):
        self.serial += 1
        self.sock.sendall(struct.pack(">IIIiiIi", 28 + len(payload), program, 1, procedure, CALL,
                                      self.serial, 0) + payload)
        while True:
            header, answer = self.read()
            if header[3] == MESSAGE:
                self.messages.append((header[0], header[2], answer))
                continue
            assert header == (program, 1, procedure, REPLY, self.serial, int(fails)), answer
            return Reader(answer)

    def error(self, program, procedure, payload=b""):
        """What such a client takes from an error: the code, the part, the text."""
        reader = self.call(program, procedure, payload, fails=True)
        return reader.number(), reader.number(), reader.optional_text()

    def wait_messages(self, procedure, count):
        """So many of a kind, of those that have come or come now."""
        while True:
            found = [payload for _, kind, payload in self.messages if kind == procedure]
            if len(found) >= count:
                return [Reader(payload) for payload in found]
            header, payload = self.read()
            assert header[3] == MESSAGE
            self.messages.append((header[0], header[2], payload))

    def close(self):
        self.sock.close()


@pytest.fixture
def start_own_client():
    started = []

    def start(daemon):
        started.append(OwnClient(daemon))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_own_client(daemon, start_own_client):
    guest = start_guest(daemon)
    client = start_own_client(daemon)
    client.open()
    found = client.call(REMOTE, LOOKUP_BY_NAME, text("g1"))
    name, uuid, ident = found.domain()
    found.end()
    assert name == "g1"
    domain = text(name) + uuid + number(ident)

    listed = client.call(REMOTE, LIST_ALL, number(1) + number(0))
    assert (listed.number(), listed.domain(), listed.number()) == (1, (name, uuid, ident), 1)
    answer = client.call(QEMU, MONITOR_COMMAND,
                         domain + text('{"execute":"query-status"}') + number(0))
    assert json.loads(answer.text())["return"]["status"] == "running"

    code, part, message = client.error(REMOTE, LOOKUP_BY_NAME, text("nosuch"))
    assert (code, part) == (42, 10)
    assert message == "Domain not found: no domain with matching name 'nosuch'"
    code, part, message = client.error(REMOTE, 9999)
    assert (code, part) == (39, 7)
    assert message.startswith("unknown procedure")

    # all events of that domain; of all domains; lifecycle events
    numbers = [
        client.call(QEMU, REGISTER, TRUE_IN_REGISTER + domain + number(0) + number(0)).number("I"),
        client.call(QEMU, REGISTER,
                    number(0) + TRUE_IN_REGISTER + text("ST.P") + number(1)).number("I"),
        client.call(REMOTE, DOMAIN_REGISTER, number(0) + number(0)).number("I")]
    assert len(set(numbers)) == 3
    guest.command("stop")
    guest.command("system_reset")
    events = []
    for event in client.wait_messages(MONITOR_EVENT, 3):
        which, dom, kind = event.number("I"), event.domain(), event.text()
        assert event.number("Q") > 1500000000 and event.number("I") < 1000000
        events.append((which, dom, kind, event.optional_text()))
        event.end()
    assert events == [
        (numbers[0], (name, uuid, ident), "STOP", None),
        (numbers[1], (name, uuid, ident), "STOP", None),
        (numbers[0], (name, uuid, ident), "RESET",
         '{"guest":false,"reason":"host-qmp-system-reset"}')]
    event, = client.wait_messages(LIFECYCLE, 1)
    assert (event.number("I"), event.domain(), event.number(), event.number()) == \
        (numbers[2], (name, uuid, ident), 3, 0)

    # nothing more once a deregistration is answered
    client.call(QEMU, DEREGISTER, number(numbers[0])).end()
    client.call(REMOTE, DOMAIN_DEREGISTER, number(numbers[2])).end()
    client.messages.clear()
    guest.command("cont")
    guest.command("stop")
    event, = client.wait_messages(MONITOR_EVENT, 1)
    assert (event.number("I"), event.domain()[0], event.text()) == (numbers[1], "g1", "STOP")
    client.call(QEMU, DEREGISTER, number(numbers[1])).end()
    client.call(REMOTE, CONNECT_CLOSE).end()
    with pytest.raises(EOFError):
        client.read()


@pytest.mark.parametrize("kind", ["virtmond", "libvirtd"])
def test_who_asks_for_no_pings_gets_none(request, start_own_client, kind):
    """It could not answer them. One that asks is pinged and, without an answer, let go."""
    daemon = request.getfixturevalue("start_" + kind)(
        config="keepalive_interval = 1\nkeepalive_count = 1\n")
    quiet, asking = start_own_client(daemon), start_own_client(daemon)
    quiet.open()
    assert asking.call(REMOTE, FEATURE, number(10)).number() == 1
    header, payload = asking.read()
    assert (header, payload) == ((KEEPALIVE, 1, 1, MESSAGE, 0, 0), b"")
    with pytest.raises(EOFError):
        asking.read()
    # by now it would have been pinged and let go, too
    listed = quiet.call(REMOTE, LIST_ALL, number(1) + number(0))
    assert listed.number() == 0
    assert quiet.messages == []
