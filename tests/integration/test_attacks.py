#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hostile clients and guests try against virtmond, beside a client and a guest that mean well.

Whatever is tried, that client gets each event of that guest, and the daemon's memory stays under
what its limits add up to. What was seen is printed, as a row of a table: the daemon's memory, and
how long the events of the well-behaved took.
"""
import contextlib
import itertools
import json
import os
import random
import select
import socket
import subprocess
import sys
import time

import pytest
import qmppeer
import wire
from conftest import BUILD, DEADLINE, WITH_US, Output
from flood import Flood
from memory import Memory
from test_auth import Database, start_args
from test_transports import Certificates, port_of
from wire import QEMU, REMOTE, Wire, string, uint, wait_for

SANITIZED = os.environ.get("VIRTMON_SANITIZED") == "1"
KIB, MIB = 1024, 1024 * 1024
LITERAL, REGEX, GLOB = 0, 1, 1 << 30
EVENTS, RATE = 1000, 500        # of the guest that means well: a number, and so many a second
ATTACKER = 54321                # who is neither root nor the daemon's own user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

# What the attacker may have of each; and what that costs at the most.
CONNECTIONS, REGISTRATIONS, REQUESTS = 150, 4000, 10
FILTERS, OUTPUT, CALLS = 4 * MIB, 16 * MIB, 16 * MIB
CONFIG = f"""
unix_sock_rw_perms = "0777"
keepalive_interval = -1
max_clients = 200
max_user_connections = {CONNECTIONS}
max_user_registrations = {REGISTRATIONS}
max_client_registrations = {REGISTRATIONS}
max_user_filter_bytes = {FILTERS}
max_user_output_bytes = {OUTPUT}
client_output_max_bytes = {OUTPUT // 2}
max_user_requests = {REQUESTS}
max_user_call_bytes = {CALLS}
max_client_call_bytes = {CALLS}
"""
PER_CONNECTION = 32 * KIB       # buffers for what is read, and of TLS
PER_REGISTRATION = 2 * KIB      # beside its filter: here and in the driver
STRING = 4 * MIB                # the longest text of the protocol (REMOTE_STRING_MAX)
# Of an event queue, which all guests of the driver share (VIR_OBJECT_EVENT_QUEUE_BYTES_MAX): one guest
# has half of it at the most.
QUEUE = 64 * MIB
# Buffers, stacks of threads and pages that are touched only now, whatever is tried.
ALLOWANCE = 6 * MIB


class Good:
    """The client that means well, and its guest."""

    def __init__(self, flood, daemon):
        self.flood = flood
        self.process = subprocess.Popen(
            [*WITH_US, BUILD / "bench" / "client", "--uri", daemon.uri(), "--expect", str(EVENTS),
             "--limit", str(int(DEADLINE)), "--domain", "guest0", "--every", "1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = Output(self.process)
        self.output.take(1)                     # it has registered

    def start(self):
        self.flood.order(f"pace 0 0 {EVENTS} 290 {RATE}")

    def is_busy(self):
        """It has not got all yet."""
        self.output.read(time.monotonic())
        return len(self.output.out) < 2 and bool(self.output.open)

    def result(self):
        self.output.finish()
        assert len(self.output.out) == 2, self.output.err
        return json.loads(self.output.out[1])

    def close(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


class Scene:
    """A daemon, and all that an attack may use; what it opens is closed with it."""

    def __init__(self, folder, stack, start_virtmond, peer, attacker):
        self.folder, self.stack, self.peer, self.attacker = folder, stack, peer, attacker
        folder.chmod(0o755)
        self.start_virtmond = start_virtmond
        self.daemon = None
        for name in ("good", "storm"):
            (folder / name).mkdir()
        self.good = Flood(folder / "good")
        stack.callback(self.good.close)

    def start(self, config="", args=(), env=None):
        # The third of the storm's guests: the first has the name of the good one.
        monitors = [self.folder / "good" / "0000.qmp", self.folder / "storm" / "0002.qmp",
                    self.folder / "*.qmp"]
        self.daemon = self.start_virtmond(*args, config=CONFIG + config, env=env,
                                          monitors=monitors)
        self.wait_until_known("guest0")

    def wait_until_known(self, name):
        """By the socket that asks for no password."""
        with Wire(self.daemon.socket()) as client:
            client.open()
            wait_for(lambda: client.call(REMOTE, wire.LOOKUP_NAME, string(name)).status == wire.OK,
                     name)

    def start_storm(self):
        storm = Flood(self.folder / "storm", 3)
        self.stack.callback(storm.close)
        self.wait_until_known("guest2")
        return storm

    def start_peer(self, **kwargs):
        one = self.peer("bad.qmp", guest="bad", **kwargs)
        self.wait_until_known("bad")
        return one

    def connect(self, readonly=False):
        return self.stack.enter_context(self.attacker.connect(self.daemon.socket(readonly)))

    def client(self, readonly=False):
        return self.connect(readonly).open()

    def crowd(self, count, readonly=False):
        return [self.client(readonly) for _ in range(count)]


def push(client, data):
    """Sends as much of it as is taken at once; whether the connection is still there."""
    client.sock.setblocking(False)
    try:
        client.sock.send(data)
    except BlockingIOError:
        pass
    except (BrokenPipeError, ConnectionResetError):
        return False
    finally:
        client.sock.settimeout(DEADLINE)
    return True


def pushed(client, data):
    """The same again and again, with the rest of what was taken in part: an iterator of whether it
    is still there."""
    rest = b""
    while True:
        rest = rest or data
        client.sock.setblocking(False)
        try:
            rest = rest[client.sock.send(rest):]
        except BlockingIOError:
            select.select([], [client.sock], [], 0.05)
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            client.sock.settimeout(DEADLINE)
        yield


def registration(event, flags, dom=None):
    return wire.optional(dom) + wire.optional(string(event)) + uint(flags)


# --- the attacks: each a generator, of which the first step prepares all and the others attack ---

def nobody(scene):
    """Nothing: what the others are compared with."""
    scene.start()
    yield
    while True:
        select.select([], [], [], 0.05)
        yield


def registrations(scene):
    """Registrations by the thousand, each with a filter of its own."""
    scene.start()
    clients = scene.crowd(4)
    numbers = itertools.count()
    yield
    for client in itertools.cycle(clients):
        for _ in range(200):
            client.call(QEMU, wire.MONITOR_REGISTER, registration(f"A{next(numbers)}", LITERAL))
        yield


def long_filters(scene):
    """The longest filters there may be, each another one, and what is longer."""
    scene.start()
    clients = scene.crowd(4)
    numbers = itertools.count()
    yield
    for client in itertools.cycle(clients):
        for kind, size in ((LITERAL, 4096), (GLOB, 4096), (LITERAL, 64 * KIB)):
            text = f"{next(numbers):08}" + "x" * (size - 8)
            client.call(QEMU, wire.MONITOR_REGISTER, registration(text, kind))
        yield


# Of these, each takes a matcher that tries everything a time that doubles with each letter.
REGEXES = ["(a*)*b", "(a|aa)+$b", "^(a+)+!", "(a?){50}a{50}b", "((a{1,30}){1,30}){1,30}b",
           "(?:(?:a+)+)+c", "(x+x+)+y|(a+a+)+b", r"(a)(?1)*\1*(?<=aa)b|^(.+)+\1x"]


def regex_bombs(scene):
    """Regular expressions that never end, for events with names made for them."""
    scene.start()
    bad = scene.start_peer()
    client = scene.client()
    numbers = itertools.count()
    yield
    while True:
        for text in REGEXES:
            client.call(QEMU, wire.MONITOR_REGISTER,
                        registration(f"{text}|{next(numbers)}", REGEX))
        lines = [qmppeer.event(f"{'a' * 120}{next(numbers):06}") for _ in range(10)]
        bad.send(b"".join(lines))
        yield


def regex_giants(scene):
    """Regular expressions that are short and become long."""
    scene.start()
    client = scene.client()
    numbers = itertools.count()
    yield
    while True:
        number = next(numbers)
        for text in (f"(((((a{{1,60}}){{1,60}}){{1,60}}){number})", "(" * 240 + ")" * 240,
                     "|".join(f"a{i}.*" for i in range(6000)), r"[\p{L}\p{N}]{1,900}" * 100,
                     f"(?i)({'[[:alpha:]]' * 4000})", f"(?:a{{0,65535}}){{{number % 99 + 1}}}"):
            client.call(QEMU, wire.MONITOR_REGISTER, registration(text, REGEX))
        yield


def glob_bombs(scene):
    """Shell patterns with many stars, for events with names made for them."""
    scene.start()
    bad = scene.start_peer()
    client = scene.client()
    numbers = itertools.count()
    yield
    while True:
        for _ in range(20):
            client.call(QEMU, wire.MONITOR_REGISTER,
                        registration("*a" * 1900 + f"*{next(numbers)}b", GLOB))
        lines = [qmppeer.event(f"{'a' * 120}{next(numbers):06}") for _ in range(10)]
        bad.send(b"".join(lines))
        yield


def slow_readers(scene):
    """Clients that want all events of a storm and read none."""
    scene.start()
    storm = scene.start_storm()
    for client in scene.crowd(20):
        client.register()
    yield
    while True:
        storm.order("flood 2 2 50000 290")
        storm.wait_written()
        yield


def slow_writers(scene):
    """Calls that come byte by byte, and say that they are 32 MiB long."""
    scene.start()
    clients = scene.crowd(100)
    yield
    for client in clients:
        client.send(uint(33554436, REMOTE, 1))
    while True:
        for client in clients:
            push(client, b"\0")
        yield


def connections(scene):
    """More of them than one user may have, and others that come and go."""
    scene.start()
    clients = []
    yield
    while True:
        for readonly in (False, True):
            clients += [scene.connect(readonly) for _ in range(20)]
        while len(clients) > 2 * CONNECTIONS:
            clients.pop(0).close()
        yield


def half_a_handshake(scene):
    """The beginning of TLS, and what isn't TLS."""
    folder = scene.folder / "c"
    folder.mkdir()
    scene.start(Certificates(folder).config("server"), ["--listen"])
    port = port_of(scene.daemon.process)
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(32)
    rand = random.Random(1)
    socks = []
    yield
    while True:
        for data in (hello, hello[:3], rand.randbytes(500), b"GET / HTTP/1.0\r\n\r\n", b""):
            sock = scene.stack.enter_context(socket.socket(socket.AF_INET))
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(("127.0.0.1", port))
            if select.select([], [sock], [], 0.05)[1]:
                with contextlib.suppress(OSError):
                    sock.send(data)
            socks.append(sock)
        while len(socks) > 150:
            socks.pop(0).close()
        yield


def sasl_garbage(scene):
    """Noise in place of what a mechanism wants, and as much of it as fits."""
    database = Database(scene.folder / "d")
    scene.start('auth_unix_ro = "sasl"\n', env=database.env)
    rand = random.Random(1)
    yield
    while True:
        with scene.attacker.connect(scene.daemon.socket(True)) as client:
            try:
                for mechanism in ("SCRAM-SHA-256", "PLAIN", "DIGEST-MD5", "\x1b[2J" * 100):
                    client.call(REMOTE, wire.SASL_INIT)
                    client.call(REMOTE, wire.SASL_START,
                                start_args(mechanism, rand.randbytes(rand.randrange(60000))))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                pass                    # it has failed too often
        yield


def descriptors(scene):
    """As many as a packet may bring and more, with calls that want none, and none that ends."""
    scene.start()
    clients = scene.crowd(20)
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(32)]
    for fd in held:
        scene.stack.callback(os.close, fd)
    begun = wire.packet(QEMU, wire.COMMAND, bytes(64), kind=wire.CALL_WITH_FDS, fds=32)[:40]
    yield
    while True:
        for i, client in enumerate(clients):
            try:
                if i % 2:
                    socket.send_fds(client.sock, [wire.packet(REMOTE, wire.TYPE)], held)
                else:
                    socket.send_fds(client.sock, [begun], held)
            except OSError:
                client.close()
                clients[i] = scene.client()
        yield


def strings_of_4_mib(scene):
    """The longest texts that the protocol has, one behind the other; no answer is read."""
    scene.start()
    text = string("x" * STRING)
    clients = scene.crowd(4)
    streams = [pushed(clients[0], wire.packet(REMOTE, wire.LOOKUP_NAME, text)),
               pushed(clients[1], wire.packet(QEMU, wire.MONITOR_REGISTER,
                                              registration("x" * STRING, REGEX))),
               pushed(clients[2], wire.packet(QEMU, wire.COMMAND,
                                              wire.Domain("x" * STRING, bytes(16)).encode() +
                                              text + uint(0))),
               pushed(clients[3], wire.packet(REMOTE, wire.LOOKUP_NAME, string("y" * 100)))]
    yield
    while True:
        for stream in streams:
            next(stream, None)
        yield


def calls(scene):
    """Calls without an end, whose answers nobody reads."""
    scene.start()
    clients = scene.crowd(20)
    listing = wire.packet(REMOTE, wire.LIST_ALL, uint(1, 0)) * 1000
    streams = [pushed(client, listing) for client in clients]
    yield
    while True:
        for stream in streams:
            next(stream, None)
        yield


def event_storm(scene):
    """A QEMU that says more than anybody reads; one client tries to."""
    scene.start()
    storm = scene.start_storm()
    reader = scene.client()
    reader.register()
    yield
    while True:
        storm.order("flood 2 2 20000 290")
        while select.select([reader.sock], [], [], 0.02)[0]:
            reader.sock.recv(MIB)
        storm.wait_written()
        yield


def name_storm(scene):
    """A QEMU that never says the same name twice, to clients with filters of each kind."""
    scene.start()
    bad = scene.start_peer()
    client = scene.client()
    for i in range(200):
        client.register(f"A{i}")
        client.register(f"N*{i}", GLOB)
        if i < 64:                      # as many as it may
            client.register(f"^N.*{i}$", REGEX)
    numbers = itertools.count()
    yield
    while True:
        for size in (10, 100, 5000):
            bad.send(b"".join(qmppeer.event(f"N{next(numbers):0{size}}") for _ in range(50)))
        while select.select([client.sock], [], [], 0)[0]:
            client.sock.recv(MIB)
        yield


def giant_replies(scene):
    """A QEMU that answers with 4 MiB, to clients that ask all the time and read nothing."""
    answer = "x" * (STRING - 100)
    scene.start()
    bad = scene.start_peer(
        on_command=lambda peer, command, _fds: peer.reply(command, answer))
    clients = scene.crowd(4)
    dom = wire.Domain("bad", clients[0].lookup("bad").uuid).encode()
    call = wire.packet(QEMU, wire.COMMAND,
                       dom + string('{"execute":"query-balloon"}') + uint(0))
    streams = [pushed(client, call) for client in clients]
    assert bad
    yield
    while True:
        for stream in streams:
            next(stream, None)
        yield


# With what the daemon may hold because of it at the most, beside ALLOWANCE.
ATTACKS = [
    (nobody, 0),
    (registrations, REGISTRATIONS * PER_REGISTRATION),
    (long_filters, FILTERS + REGISTRATIONS * PER_REGISTRATION),
    (regex_bombs, FILTERS),
    (regex_giants, FILTERS),
    (glob_bombs, FILTERS + QUEUE / 2),
    (slow_readers, OUTPUT),
    (slow_writers, 100 * PER_CONNECTION),
    (connections, CONNECTIONS * PER_CONNECTION),
    (half_a_handshake, CONNECTIONS * PER_CONNECTION),
    (sasl_garbage, 0),
    (descriptors, 20 * PER_CONNECTION),
    # What has come, what was read of it, and errors that quote it.
    (strings_of_4_mib, 3 * CALLS),
    (calls, CALLS),
    (event_storm, OUTPUT),
    (name_storm, OUTPUT + QUEUE / 2),
    # Answers on their way, and such as are being made: as QEMU wrote them, and as they travel.
    (giant_replies, CALLS + REQUESTS * 2 * STRING),
]


@pytest.mark.parametrize("attack, bound", ATTACKS, ids=[one[0].__name__ for one in ATTACKS])
def test_attack(attack, bound, folder, start_virtmond, peer, person):
    with contextlib.ExitStack() as outer:
        with contextlib.ExitStack() as stack:
            scene = Scene(folder, outer, start_virtmond, peer, person(ATTACKER))
            scene.stack = stack
            steps = attack(scene)
            next(steps)
            good = Good(scene.good, scene.daemon)
            outer.callback(good.close)
            memory = Memory(scene.daemon.pid)
            good.start()
            rounds = 0
            while good.is_busy():
                next(steps)
                rounds += 1
            result = good.result()
            peak = memory.peak
        # It answers, and whoever has attacked is gone.
        with Wire(scene.daemon.socket()) as client:
            client.open().alive()
        after = memory.read("VmRSS")
    print(f"| {attack.__doc__.splitlines()[0]} | {rounds} | {memory.start / MIB:.1f} | "
          f"{peak / MIB:.1f} | {after / MIB:.1f} | {(bound + ALLOWANCE) / MIB:.1f} | "
          f"{result['delivered']} | {result['p50_us'] / 1000:.2f} | "
          f"{result['p99_us'] / 1000:.2f} |", file=sys.stderr)
    assert rounds > 0
    assert (result["delivered"], result["lost"], result["disordered"]) == (EVENTS, 0, 0)
    if not SANITIZED:
        assert peak - memory.start < bound + ALLOWANCE
