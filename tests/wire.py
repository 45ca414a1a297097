# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's protocol in the raw: packets as bytes, for what no library would send."""
import contextlib
import select
import socket
import struct
import time

from conftest import DEADLINE

REMOTE, QEMU, KEEPALIVE, ADMIN = 0x20008086, 0x20008087, 0x6B656570, 0x06900690
CALL, REPLY, MESSAGE, STREAM, CALL_WITH_FDS, REPLY_WITH_FDS, STREAM_HOLE = range(7)
OK, ERROR, CONTINUE = range(3)
# Procedures of REMOTE.
(OPEN, CLOSE, TYPE, GET_INFO, LOOKUP_NAME, LOOKUP_UUID, SUSPEND, RESUME, FEATURE, HOSTNAME,
 AUTH_LIST, SASL_INIT, SASL_START, SASL_STEP, POLKIT, OLD_REGISTER, OLD_DEREGISTER, URI,
 OLD_REGISTER_ANY, OLD_DEREGISTER_ANY, LIB_VERSION, STATE, LIST_ALL, REGISTER, DEREGISTER) = (
     1, 2, 3, 16, 23, 24, 34, 28, 60, 59, 66, 67, 68, 69, 70, 105, 106, 110, 167, 168, 157, 212,
     273, 316, 317)
# Of QEMU.
COMMAND, AGENT, MONITOR_REGISTER, MONITOR_DEREGISTER, MONITOR_EVENT = 1, 3, 4, 5, 6


# --- encoding ---

def uint(*values):
    return b"".join(struct.pack(">I", value & 0xFFFFFFFF) for value in values)


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return uint(len(data)) + data + bytes(-len(data) % 4)


def optional(value):
    """@value encoded, or None."""
    return uint(0) if value is None else uint(1) + value


def packet(program, procedure, payload=b"", serial=0, kind=CALL, status=OK, version=1, fds=None):
    body = (b"" if fds is None else uint(fds)) + payload
    return uint(28 + len(body), program, version, procedure, kind, serial, status) + body


class Reader:
    """Takes values off the front of some bytes."""

    def __init__(self, data):
        self.data = data

    def take(self, size):
        assert len(self.data) >= size, "the packet is too short"
        head, self.data = self.data[:size], self.data[size:]
        return head

    def uint(self):
        return struct.unpack(">I", self.take(4))[0]

    def int(self):
        return struct.unpack(">i", self.take(4))[0]

    def hyper(self):
        return struct.unpack(">q", self.take(8))[0]

    def string(self):
        size = self.uint()
        return self.take(size + -size % 4)[:size].decode()

    def optional(self, func):
        return func() if self.uint() else None

    def domain(self):
        return Domain(self.string(), self.take(16), self.int())

    def end(self):
        assert not self.data, self.data


class Domain:
    def __init__(self, name, uuid, number=-1):
        self.name, self.uuid, self.id = name, uuid, number

    def encode(self):
        return string(self.name) + self.uuid + uint(self.id)


class Packet:
    def __init__(self, data):
        (self.length, self.program, self.version, self.procedure, self.kind, self.serial,
         self.status) = struct.unpack(">IIIiIII", data[:28])
        self.raw = data
        self.payload = data[28:]

    def __repr__(self):
        return f"<{self.program:#x}/{self.version} {self.procedure} kind {self.kind} " \
               f"serial {self.serial} status {self.status}: {self.payload[:200]!r}>"

    def reader(self):
        return Reader(self.payload)

    def error(self):
        """The error structure's fields that have a meaning."""
        assert self.status == ERROR, self
        reader = self.reader()
        code, domain = reader.int(), reader.int()
        message = reader.optional(reader.string)
        level = reader.int()
        assert reader.optional(reader.domain) is None
        texts = [reader.optional(reader.string) for _ in range(3)]
        numbers = [reader.int(), reader.int()]
        assert reader.uint() == 0           # no network
        reader.end()
        assert level == 2
        return Error(code, domain, message, texts, numbers)


class Error:
    def __init__(self, code, domain, message, texts, numbers):
        self.code, self.domain, self.message = code, domain, message
        self.texts, self.numbers = texts, numbers

    @property
    def kind(self):
        return self.code, self.domain

    def __repr__(self):
        return f"<{self.code}, {self.domain}: {self.message}>"


# --- connections ---

class Wire:
    """One connection; @place is a path, or host and port, or a socket that is connected."""

    def __init__(self, place):
        family = socket.AF_INET if isinstance(place, tuple) else socket.AF_UNIX
        connected = isinstance(place, socket.socket)
        self.sock = place if connected else socket.socket(family)
        self.sock.settimeout(DEADLINE)
        try:
            if not connected:
                self.sock.connect(place if isinstance(place, tuple) else str(place))
        except BaseException:
            self.sock.close()
            raise
        self.serial = 0
        self.messages = []          # that came while a reply was waited for

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def receive(self, size):
        data = b""
        while len(data) < size:
            chunk = self.sock.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def read(self):
        head = self.receive(4)
        return Packet(head + self.receive(struct.unpack(">I", head)[0] - 4))

    def is_closed(self):
        """Nothing came but the end, which it waits for."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def has_input(self):
        return bool(select.select([self.sock], [], [], 0)[0])

    def start(self, program, procedure, payload=b"", **kwargs):
        """Sends a call; its serial."""
        serial = kwargs.pop("serial", self.serial)
        self.serial = serial + 1
        self.send(packet(program, procedure, payload, serial, **kwargs))
        return serial

    def reply(self):
        """The next packet that is no message."""
        while (answer := self.read()).kind == MESSAGE:
            self.messages.append(answer)
        return answer

    def call(self, program, procedure, payload=b"", **kwargs):
        serial = self.start(program, procedure, payload, **kwargs)
        answer = self.reply()
        assert (answer.program, answer.procedure, answer.kind, answer.serial) == \
            (program, procedure, REPLY, serial), answer
        return answer

    def done(self, program, procedure, payload=b"", **kwargs):
        """A call that succeeds; its return value."""
        answer = self.call(program, procedure, payload, **kwargs)
        assert answer.status == OK, answer.error()
        return answer.reader()

    def refused(self, program, procedure, payload=b"", **kwargs):
        """A call that doesn't."""
        return self.call(program, procedure, payload, **kwargs).error()

    def message(self):
        """The next message."""
        if self.messages:
            return self.messages.pop(0)
        answer = self.read()
        assert answer.kind == MESSAGE, answer
        return answer

    def open(self, name="qemu:///system", flags=0):
        self.done(REMOTE, OPEN, optional(string(name)) + uint(flags)).end()
        return self

    def lookup(self, name):
        return self.done(REMOTE, LOOKUP_NAME, string(name)).domain()

    def register(self, event=None, flags=0, dom=None):
        payload = optional(dom and dom.encode())
        payload += optional(None if event is None else string(event)) + uint(flags)
        return self.done(QEMU, MONITOR_REGISTER, payload).int()

    def monitor_event(self):
        """The next event of a monitor: registration's number, domain, name, seconds,
        microseconds, details."""
        message = self.message()
        assert (message.program, message.procedure, message.serial, message.status) == \
            (QEMU, MONITOR_EVENT, 1, OK), message
        reader = message.reader()
        event = (reader.int(), reader.domain(), reader.string(), reader.hyper(), reader.uint(),
                 reader.optional(reader.string))
        reader.end()
        return event

    def alive(self):
        """It still answers; nothing else came before."""
        self.done(REMOTE, AUTH_LIST)


@contextlib.contextmanager
def connections(place, count):
    """So many of them."""
    wires = []
    try:
        for _ in range(count):
            wires.append(Wire(place))
        yield wires
    finally:
        for wire in wires:
            wire.close()


def wait_for(condition, what):
    """Until @condition, which asks something of the daemon and so needs no pause."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not in time"
        select.select([], [], [], 0.005)
