# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real QEMU whose guest storms: it writes to pvpanic's port in a loop.

Beside the monitor that a daemon has it has one of its own, whose events are counted as bytes that
pass: what was emitted is known without asking whoever is measured.
"""
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from subjects import PATIENCE, WITH_US, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
import bootguest                # noqa: E402

EVENT = "GUEST_CRASHLOADED"


def lacks_kvm():
    """Why a guest cannot run under KVM here, as QEMU says it; None if it can."""
    done = subprocess.run(
        ["qemu-system-x86_64", "-machine", "pc,accel=kvm", "-nodefaults", "-display", "none", "-S",
         "-qmp", "stdio"], input='{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n',
        capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    words = done.stderr.strip().splitlines() or [f"QEMU ends with {done.returncode}"]
    return words[0].removeprefix("qemu-system-x86_64: ")


class Counter:
    """A client of a monitor that reads all and counts the storm's events."""

    MARK = f'"event": "{EVENT}"'.encode()
    # Seconds between two reads. Whoever reads each event as it comes takes half a core from those
    # who are measured; what the busiest QEMU says in this time fits into a socket.
    PAUSE = 0.005

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))
        self.count = 0
        self.replies = 0
        self.sent = 0
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        self.command("qmp_capabilities")

    def read(self):
        rest = b""
        while data := self.sock.recv(1 << 20):
            data = rest + data
            whole = data.rfind(b"\n") + 1
            rest = data[whole:]
            self.count += data.count(self.MARK, 0, whole)
            self.replies += data.count(b'{"return"', 0, whole)
            time.sleep(self.PAUSE)

    def command(self, name):
        """Returns once it was answered: what was emitted before has been counted."""
        self.sent += 1
        self.sock.sendall(f'{{"execute": "{name}"}}\n'.encode())
        wait_for(lambda: self.replies >= self.sent, f"QEMU's answer to {name}")

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.sock.close()


class RealGuest:
    def __init__(self, name, accel):
        self.name, self.accel = name, accel
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="virtmon-bench-"))
        self.process = self.counter = self.serial = None
        self.began = self.seconds = None

    def arguments(self):
        """Beside those that say where a daemon finds it."""
        return [*map(str, bootguest.arguments(self.folder)),
                "-qmp", f"unix:{self.folder / 'own'},server=on,wait=off"]

    def start(self, monitor):
        """For a daemon that starts none itself."""
        self.process = subprocess.Popen(
            [*WITH_US, "qemu-system-x86_64", "-machine", f"pc,accel={self.accel}", "-nodefaults",
             "-display", "none", "-name", self.name, "-qmp",
             f"unix:{monitor},server=on,wait=off", *self.arguments()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.connect()

    def connect(self):
        def try_it():
            try:
                self.counter = Counter(self.folder / "own")
                return True
            except OSError:
                return False

        wait_for(try_it, "a real guest's start")
        self.serial = bootguest.Serial(self.folder, PATIENCE)

    def boot(self):
        self.counter.command("cont")
        self.serial.expect(b"B")

    def begin(self):
        self.serial.tell(b"s")
        self.began = time.monotonic()

    def end(self):
        """Of the storm; returns how many events it had."""
        self.serial.tell(b"h")
        self.seconds = time.monotonic() - self.began
        self.counter.command("query-name")
        return self.counter.count

    def close(self):
        if self.serial:
            self.serial.close()
        if self.counter:
            self.counter.close()
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)
