# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all Python tests share: real QEMUs, the shell, waiting with a deadline."""
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

pytest_plugins = ["daemons", "authorities"]

DEADLINE = float(os.environ.get("VIRTMON_DEADLINE", "30"))
BUILD = pathlib.Path(os.environ.get("VIRTMON_BUILD", "build"))
# A sanitizer that was loaded into this very process, for the sake of the libraries, is not for
# the programs that it starts; those built with one have it, and look for leaks too.
PRELOAD = os.environ.pop("LD_PRELOAD", "")
if PRELOAD:
    os.environ["ASAN_OPTIONS"] = "detect_leaks=1"
# What meson puts there is for programs that are not linked to where they were built. Ours are; in
# Debian's it would exchange the very libvirt that ours is compared with.
os.environ.pop("LD_LIBRARY_PATH", None)
# Before a command: it ends with this process, also where that has no time left to see to it.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]


def freeze(pid):
    """Stops a process. The signal alone does not: its threads run on until one of them gets round
    to taking it."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + DEADLINE
    while any(state(task) not in "Tt" for task in pathlib.Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < deadline, f"process {pid} does not stop"
        select.select([], [], [], 0.005)


def state(task):
    """Of a thread, as /proc has it: "R", "S", "T", ..."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:             # it has just ended
        return "T"


def thaw(pid):
    os.kill(pid, signal.SIGCONT)


class Qmp:
    """A QMP connection that drives a QEMU."""

    def __init__(self, path, deadline):
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(str(path))
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                select.select([], [], [], 0.01)
        self.sock.settimeout(DEADLINE)
        self.lines = self.sock.makefile("r", encoding="utf-8")
        self.events = []                # each a dict, with everything that came so far
        self.greeting = json.loads(self.lines.readline())
        self.command("qmp_capabilities")

    def read(self):
        """One line: what it says, or None at the end."""
        line = self.lines.readline()
        if not line:
            return None
        answer = json.loads(line)
        if "event" in answer:
            self.events.append(answer)
        return answer

    def command(self, name, **arguments):
        self.sock.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
        while (answer := self.read()):
            assert "error" not in answer, answer
            if "return" in answer:
                return answer["return"]
        return None

    def try_command(self, name, **arguments):
        """Whether QEMU does it."""
        self.sock.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
        while (answer := self.read()):
            if "event" not in answer:
                return "return" in answer
        return False

    def wait_event(self, name, start=0):
        """Until one of this name has come, behind so many others."""
        while not any(event["event"] == name for event in self.events[start:]):
            assert self.read(), f"no {name} before the end"

    def close(self):
        self.lines.close()
        self.sock.close()


def vnc_visit(path):
    """Comes and goes as a viewer does, far enough for QEMU to tell of it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(str(path))
        assert sock.recv(12, socket.MSG_WAITALL) == b"RFB 003.008\n"
        sock.sendall(b"RFB 003.008\n")
        assert sock.recv(2, socket.MSG_WAITALL) == b"\1\1"      # no password
        sock.sendall(b"\1")
        assert sock.recv(4, socket.MSG_WAITALL) == bytes(4)
        sock.sendall(b"\1")
        assert sock.recv(24, socket.MSG_WAITALL)


class Qemu:
    """A real QEMU with two monitors: one to drive it, one to be watched."""

    def __init__(self, folder, name="guest", machine="none", args=(), watch=None, accel="tcg"):
        self.folder = folder
        self.drive = folder / f"{name}.drive"
        self.watch = watch or folder / f"{name}.qmp"
        command = [*WITH_US, "qemu-system-x86_64", "-machine", f"{machine},accel={accel}",
                   "-nodefaults", "-display", "none",
                   "-qmp", f"unix:{self.drive},server=on,wait=off",
                   "-qmp", f"unix:{self.watch},server=on,wait=off"]
        if name:
            command += ["-name", name]
        command += map(str, args)
        self.qmp = None
        try:
            self.start(command)
        except TimeoutError:
            # On a busy machine one of some thousand QEMUs greets and then never answers: before any
            # of ours has looked at it.
            self.start(command)

    def start(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        try:
            self.qmp = Qmp(self.drive, time.monotonic() + DEADLINE)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def command(self, name, **arguments):
        return self.qmp.command(name, **arguments)

    def close(self):
        if self.qmp:
            self.qmp.close()
        self.process.kill()
        self.process.wait(timeout=DEADLINE)


@pytest.fixture
def folder():
    """A temporary folder with a short path: those of unix sockets are limited."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start_qemu(folder):
    """Starts QEMUs; all are ended."""
    started = []

    def start(*args, **kwargs):
        started.append(Qemu(folder, *args, **kwargs))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def qemu(start_qemu):
    return start_qemu()


# The domain of libvirt's test driver.
TEST_NAME = "test"
TEST_UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


@pytest.fixture(scope="module")
def test_uri():
    """Of a QEMU that looks like the test driver's domain, for comparisons with what works on
    that; tests leave it as it was."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    one = None
    try:
        one = Qemu(path, name=TEST_NAME, args=["-uuid", TEST_UUID])
        yield uri_of(one.watch)
    finally:
        if one:
            one.close()
        shutil.rmtree(path)


@pytest.fixture
def connect():
    """Opens connections of the libraries that were built, in this process; all are closed."""
    import virtapi                      # loads them, which only these tests need

    yield virtapi.Connection
    virtapi.Connection.close_all()


@pytest.fixture
def peer(folder):
    """Starts QMP servers that do as they are told, with the path's last part; all are ended."""
    import qmppeer

    started = []

    def start(name, **kwargs):
        started.append(qmppeer.Peer(folder / name, **kwargs))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Output:
    """Lines of a process, waited for with a deadline."""

    def __init__(self, process):
        self.process = process
        self.buffers = {process.stdout: b"", process.stderr: b""}
        self.lines = {process.stdout: [], process.stderr: []}
        self.open = {process.stdout, process.stderr}

    def read(self, deadline):
        left = max(0, deadline - time.monotonic())
        ready = select.select(list(self.open), [], [], left)[0]
        for stream in ready:
            data = os.read(stream.fileno(), 65536)
            if not data:
                self.open.discard(stream)
            *lines, self.buffers[stream] = (self.buffers[stream] + data).split(b"\n")
            self.lines[stream] += [line.decode(errors="surrogateescape") for line in lines]
        return bool(ready)

    @property
    def out(self):
        return self.lines[self.process.stdout]

    @property
    def err(self):
        return self.lines[self.process.stderr]

    def wait_for(self, condition, what="output"):
        deadline = time.monotonic() + DEADLINE
        while not condition(self):
            if not self.open or not self.read(deadline):
                pytest.fail(f"no {what}; stdout {self.out}, stderr {self.err}")

    def take(self, count):
        """The first so many lines of stdout."""
        self.wait_for(lambda o: len(o.out) >= count, f"{count} lines")
        return self.out[:count]

    def finish(self):
        """Reads to the end; the exit status."""
        deadline = time.monotonic() + DEADLINE
        while self.open:
            if not self.read(deadline):
                pytest.fail(f"it does not end; stdout {self.out}, stderr {self.err}")
        for stream, rest in self.buffers.items():
            if rest:
                self.lines[stream].append(rest.decode(errors="surrogateescape"))
        return self.process.wait(timeout=DEADLINE)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.finish()


@pytest.fixture
def shell():
    """Starts the shell with arguments; all are ended."""
    started = []

    def start(*args, uri=None, env=None, stdin=subprocess.DEVNULL):
        command = [*WITH_US, str(BUILD / "tools" / "virtmon")]
        if uri:
            command += ["-c", uri]
        process = subprocess.Popen(command + [str(arg) for arg in args], stdin=stdin,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})
        started.append(process)
        return Output(process)

    yield start
    for process in started:
        process.kill()
        process.wait(timeout=DEADLINE)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


def uri_of(*paths):
    return "qemu:///embed?" + "&".join(f"monitor={path}" for path in paths)


# --- TAP, which meson reads: one line a test, with the reason where it was skipped ---

class Tap:
    """All of stdout; whatever pytest itself, or a program that a test runs, writes there goes to
    stderr."""

    def __init__(self):
        self.number = 0
        self.out = os.fdopen(os.dup(sys.__stdout__.fileno()), "w")
        os.dup2(sys.__stderr__.fileno(), sys.__stdout__.fileno())

    def line(self, text):
        print(text, file=self.out, flush=True)

    @staticmethod
    def name(report):
        path, colons, test = report.nodeid.partition("::")
        return (path.split("/")[-1] + colons + test).replace("#", "")

    def pytest_collectreport(self, report):
        if report.failed:
            self.number += 1
            self.line(f"not ok {self.number} {self.name(report)} cannot be read")

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.passed:
            return
        if report.when == "teardown" and not report.failed:
            return
        self.number += 1
        name = self.name(report)
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.line(f"ok {self.number} {name} # SKIP {reason.removeprefix('Skipped: ')}")
        else:
            self.line(f"{'not ok' if report.failed else 'ok'} {self.number} {name}")

    def pytest_sessionfinish(self):
        self.line(f"1..{self.number}")


def pytest_configure(config):
    # What nohup, or a shell's "&", has had ignored would be by all that the tests start.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Meson's, when the time is up: what the tests have started is still ended.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("the time is up", returncode=1))
    if os.environ.get("VIRTMON_TAP") == "1":
        config.pluginmanager.register(Tap())
        # The reporter of pytest's own takes what is stdout while it is made, which comes next.
        sys.stdout = sys.stderr


def pytest_sessionstart():
    sys.stdout = sys.__stdout__
