#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real guests that say much at once: what QEMU told a second monitor is what clients are told,
event for event; what one of them did not take is counted where it is missing."""
import contextlib
import json
import os
import re
import subprocess
import time

import bootguest
import pytest
from conftest import BUILD, DEADLINE, WITH_US, Output, freeze, thaw, uri_of

COMMAND = ["qemu-monitor-event", "--loop"]
VIRSH = ["virsh"]
VIRTMON = [str(BUILD / "tools" / "virtmon")]
PROGRAMS = pytest.mark.parametrize("program", [VIRTMON, VIRSH], ids=["virtmon", "virsh"])
BURST = 4096            # events of the guest's "b"


def printed(event):
    """The line that virsh prints of it, after what QEMU has said."""
    stamp = event["timestamp"]
    data = json.dumps(event["data"], separators=(",", ":")) if "data" in event else "<null>"
    return (f"event {event['event']} at {stamp['seconds']}.{stamp['microseconds']:06} "
            f"for domain 'guest': {data}")


class Guest:
    """A QEMU with the guest of the boot sector; its first monitor is the test's own."""

    def __init__(self, qemu, folder):
        self.qemu = qemu
        self.serial = bootguest.Serial(folder, DEADLINE)
        qemu.command("cont")
        self.serial.expect(b"B")

    def told(self):
        """The lines of all that QEMU has said until now."""
        self.qemu.command("query-name")
        return [printed(event) for event in self.qemu.qmp.events]

    def burst(self):
        """All of it was emitted when the next letter is answered."""
        self.serial.tell(b"b")
        self.serial.tell(b"h")

    def storm(self, count):
        """So many events, or more."""
        start = len(self.qemu.qmp.events)
        self.serial.tell(b"s")
        while len(self.qemu.qmp.events) < start + count:
            assert self.qemu.qmp.read()
        self.serial.tell(b"h")

    def mark(self):
        """Two events that come behind all before."""
        self.qemu.command("stop")
        self.qemu.command("cont")


class Reader:
    """A shell that prints all events of a guest. It gets whatever comes once it is made."""

    def __init__(self, program, uri, guest, *args):
        self.process = subprocess.Popen(
            [*WITH_US, *program, "-c", uri, *COMMAND, *args], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.output = Output(self.process)
        # virsh doesn't say when it has registered: it has when it prints what happens.
        deadline = time.monotonic() + DEADLINE
        while not self.output.out:
            assert self.output.open and time.monotonic() < deadline, self.output.err
            guest.mark()
            self.output.read(time.monotonic() + 0.1)
        self.first = guest.told().index(self.output.out[0])

    def wait_for(self, line):
        self.output.wait_for(lambda output: line in output.out[-100:], line)

    def catch_up(self, guest):
        """Until it has got a mark: one made while it lags behind may be missing itself. Returns
        all that QEMU has said."""
        deadline = time.monotonic() + DEADLINE
        while True:
            guest.mark()
            told = guest.told()
            while self.output.out[-1] != told[-1] and \
                    self.output.read(min(deadline, time.monotonic() + 1)):
                pass
            if self.output.out[-1] == told[-1]:
                return told
            assert time.monotonic() < deadline, "the reader does not catch up"

    def check(self, told):
        """That it has been told all from its first line on, in order, and of what it was not told
        the number; returns that."""
        place, missing = self.first, 0
        for line in self.output.out:
            lost = re.match(r'event VIRTMON_EVENTS_LOST at .*"count":(\d+)', line)
            if lost:
                place += int(lost.group(1))
                missing += int(lost.group(1))
            else:
                assert line == told[place]
                place += 1
        assert place == len(told)
        return missing

    def close(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def stack():
    """What is put there is closed."""
    with contextlib.ExitStack() as one:
        yield one


def start_guest(start, folder, stack, **kwargs):
    guest = Guest(start(machine="pc", **kwargs), folder)
    stack.callback(guest.serial.close)
    return guest


def test_bursts_come_whole_in_process(start_qemu, folder, stack):
    guest = start_guest(start_qemu, folder, stack, args=bootguest.arguments(folder))
    reader = Reader(VIRTMON, uri_of(guest.qemu.watch), guest)
    stack.callback(reader.close)
    for _ in range(3):
        guest.burst()
        guest.mark()
        told = guest.told()
        reader.wait_for(told[-1])
        assert reader.check(told) == 0
    assert len(told) > 3 * BURST


def test_bursts_come_whole_to_all_clients(virtmond, folder, stack):
    guest = start_guest(virtmond.start_guest, folder, stack, args=bootguest.arguments(folder))
    readers = [Reader(program, virtmond.uri(), guest) for program in (VIRTMON, VIRTMON, VIRSH)]
    for reader in readers:
        stack.callback(reader.close)
    for _ in range(3):
        guest.burst()
        guest.mark()
        told = guest.told()
        for reader in readers:
            reader.wait_for(told[-1])
            assert reader.check(told) == 0
    assert len(told) > 3 * BURST


@PROGRAMS
def test_a_storm_is_told_or_counted(program, start_virtmond, folder, stack):
    """To a reader that stands still meanwhile, with another that shows when all of it is past."""
    # One that stands still is not to be dropped for it.
    virtmond = start_virtmond(config="client_output_max_bytes = 1048576\n"
                                     "keepalive_interval = -1\n")
    guest = start_guest(virtmond.start_guest, folder, stack, args=bootguest.arguments(folder))
    slow = Reader(program, virtmond.uri(), guest)
    stack.callback(slow.close)
    quick = Reader(VIRTMON, virtmond.uri(), guest, "--event", "^(STOP|RESUME)$", "--regex")
    stack.callback(quick.close)
    freeze(slow.process.pid)
    try:
        guest.storm(30_000)
        quick.catch_up(guest)
    finally:
        thaw(slow.process.pid)
    assert slow.check(slow.catch_up(guest)) > 0
