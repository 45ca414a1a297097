#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Allocations for each event of a burst: few, and no more for those who want it too."""
import mmap
import struct

import pytest
from burst import BURSTS, EVENTS, PROCESSES, WARM_UPS, Burst
from conftest import BUILD

# An event is one, and all that happens to it until it is delivered takes no other. In virtmond it is
# encoded besides: once, for however many clients and registrations.
MOST = {"virtmond": 2, "client": 1, "in process": 1}
# The queue of each client of virtmond's is made of blocks of so many entries.
BLOCK = 64
# What turns of a loop take, whatever comes in them, and the timers of monitors that pause: there are
# some 50 turns, and more on a machine that is busy with something else.
TURNS = 400


class Counter:
    """What count.c counts in a program that has this environment."""

    def __init__(self, path):
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8)
        self.env = {"LD_PRELOAD": str(BUILD / "tests" / "cost" / "libcount.so"),
                    "VIRTMON_COUNT": str(path), "G_SLICE": "always-malloc"}

    @property
    def value(self):
        return struct.unpack("=Q", self.page)[0]


def count(burst, counter):
    """The allocations of the burst that took least."""
    counts = []
    burst.warm_up()
    for _ in range(BURSTS):
        before = counter.value
        assert before > 0
        burst.next()
        counts.append(counter.value - before)
    return min(counts)


@pytest.mark.parametrize("whose", PROCESSES)
@pytest.mark.parametrize("others", [0, 1000])
def test_allocations(folder, whose, others):
    """Also with a thousand registrations of the same client that don't match."""
    counter = Counter(folder / "count")
    with Burst(folder) as burst:
        if whose == "virtmond":
            burst.start_virtmond(env=counter.env)
            burst.start_client(others=others)
        else:
            burst.start(whose, env=counter.env, others=others)
        allocations = count(burst, counter)
    most = MOST[whose] * EVENTS + TURNS
    if whose == "virtmond":
        most += EVENTS // BLOCK
    assert EVENTS <= allocations <= most


@pytest.mark.parametrize("whose", PROCESSES)
def test_registrations_that_match(folder, whose):
    """Ten of one client. For each the event is sent to it: its process gets ten events."""
    counter = Counter(folder / "count")
    events = EVENTS // 10
    with Burst(folder, (events,) * (WARM_UPS + BURSTS)) as burst:
        if whose == "virtmond":
            burst.start_virtmond(env=counter.env)
            burst.start_client(matching=10)
        else:
            burst.start(whose, env=counter.env, matching=10)
        allocations = count(burst, counter)
    most = {"virtmond": 2 * events + EVENTS // BLOCK, "client": EVENTS, "in process": events}
    assert events <= allocations <= most[whose] + TURNS


def test_clients(folder):
    """Twenty."""
    counter = Counter(folder / "count")
    with Burst(folder) as burst:
        burst.start_virtmond(env=counter.env)
        for _ in range(20):
            burst.start_client()
        allocations = count(burst, counter)
    # Each turn of each client may begin a block.
    assert 2 * EVENTS <= allocations <= 2 * EVENTS + 20 * (EVENTS // BLOCK + TURNS) + TURNS
