#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Syscalls for each event of a burst: what reads, hands over and writes does so for many at once.

Of a burst, as at a low rate each event is read, handed over and written by itself, and is to be.
"""
import contextlib
import re
import subprocess

import pytest
from burst import BURSTS, EVENTS, PROCESSES, WARM_UPS, Burst
from conftest import DEADLINE, WITH_US, Output

MOST = 0.05


class Strace:
    """Counts the syscalls of all threads of a process, from here until stop()."""

    def __init__(self, pid, folder):
        self.report = folder / "strace"
        self.process = subprocess.Popen(
            [*WITH_US, "strace", "-f", "-c", "-o", self.report, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = Output(self.process)
        try:
            self.output.wait_for(lambda output: any("attached" in line for line in output.err),
                                 "strace")
        except BaseException:
            self.close()
            raise

    def stop(self):
        """How many there were, by name."""
        self.output.interrupt()
        rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$",
                          self.report.read_text(), re.MULTILINE)
        calls = {name: int(count) for count, name in rows}
        assert calls.pop("total") == sum(calls.values())
        return calls

    def close(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.mark.parametrize("whose", PROCESSES)
def test_syscalls(folder, whose):
    """In the best of some bursts: when threads are stopped for each syscall, more may wait than ever
    before, for which the allocator's heaps grow; and on a busy machine a burst comes in more parts.
    What costs more for each event does so in all of them."""
    bursts = []
    with Burst(folder, (EVENTS,) * (WARM_UPS + BURSTS)) as burst:
        process = burst.start(whose)
        for _ in range(WARM_UPS):
            burst.next()
        for _ in range(BURSTS):
            with contextlib.closing(Strace(process.pid, folder)) as strace:
                burst.next()
                bursts.append(strace.stop())
    counts = [sum(calls.values()) for calls in bursts]
    assert 0 < min(counts) <= MOST * EVENTS, bursts
