#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the shell's commands share: one that watches, virsh to compare with."""
import os
import pty
import select
import signal
import subprocess
import time

from conftest import BUILD, DEADLINE

# Says when nothing is missed any more.
WAITING = "waiting for events"
# Says that QEMU was asked which events there are, and that all was said about that.
CHECKED = "names of events were checked"
# What else the shell says with these: a callback was under way when the watch ended.
IN_USE = "the closed connection is still in use"
FAKE = BUILD / "tests" / "libfakelibvirt.so"


class Watcher:
    """A shell that waits for events; what it prints, line by line."""

    def __init__(self, output):
        self.output = output
        output.wait_for(lambda o: WAITING in o.err, "sign of waiting")

    @property
    def out(self):
        return self.output.out

    @property
    def err(self):
        return [line for line in self.output.err if line not in (WAITING, CHECKED, IN_USE)]

    def take(self, count):
        return self.output.take(count)

    def wait_err(self, part):
        self.output.wait_for(lambda o: any(part in line for line in o.err), part)

    def wait_checked(self):
        self.output.wait_for(lambda o: CHECKED in o.err, "check of names")

    def finish(self):
        """The exit status, after all is printed."""
        return self.output.finish()

    def interrupt(self):
        return self.output.interrupt()

    def end(self, number=signal.SIGTERM):
        self.output.process.send_signal(number)
        return self.output.finish()


def watch(shell, uri, *args):
    """Starts a watch; nothing is missed that comes once this returns."""
    return Watcher(shell(*args, uri=uri, env={"VIRTMON_DEBUG": "2"}))


def on_a_terminal(uri, send, *args):
    """Runs the shell with a terminal for stdout and stderr; what it wrote there, as bytes.

    Where it waits for events, send is called once nothing is missed any more.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen([BUILD / "tools" / "virtmon", "-c", uri, *args],
                               stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                               env={**os.environ, "LC_ALL": "C.UTF-8",
                                    **({"VIRTMON_DEBUG": "2"} if send else {})})
    os.close(slave)
    text = b""
    sent = False
    try:
        deadline = time.monotonic() + DEADLINE
        while select.select([master], [], [], max(0, deadline - time.monotonic()))[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                break                   # the other end is closed
            if not data:
                break
            text += data
            if send and not sent and WAITING.encode() in text:
                send()
                sent = True
        process.wait(timeout=DEADLINE)
    finally:
        process.kill()
        process.wait(timeout=DEADLINE)
        os.close(master)
    return text.replace(b"\r\n", b"\n")


class Result:
    def __init__(self, process):
        self.out = process.stdout.decode(errors="surrogateescape")
        self.err = process.stderr.decode(errors="surrogateescape")
        self.status = process.returncode

    def __repr__(self):
        return f"exit {self.status}, stdout {self.out!r}, stderr {self.err!r}"

    def __eq__(self, other):
        return (self.out, self.err, self.status) == (other.out, other.err, other.status)


def run(command, env=None):
    """Runs a program to its end; of its environment, what is None is left out."""
    full = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    return Result(subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                                 capture_output=True, timeout=DEADLINE, check=False,
                                 env={name: full[name] for name in full if full[name] is not None}))


def faked(fakes):
    """The environment in which libvirt's functions answer what a test wants (fakelibvirt.c)."""
    if not fakes:
        return {}
    options = os.environ.get("ASAN_OPTIONS")
    # what is loaded is without sanitizers, in front of what has them
    return {**fakes, "LD_PRELOAD": str(FAKE),
            "ASAN_OPTIONS": (options + ":" if options else "") + "verify_asan_link_order=0"}


def virtmon(uri, *args, fakes=None):
    return run([BUILD / "tools" / "virtmon", "-c", uri, *args], faked(fakes))


def virsh(*args, fakes=None, uri="test:///default"):
    """The real one, on libvirt's test driver, which needs no daemon."""
    # where tests run, our libraries may be in front of its own
    return run(["virsh", "-c", uri, *args], {**faked(fakes), "LD_LIBRARY_PATH": None})
