#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory that waits for a reader who doesn't read: its limit, which counts what things really
cost."""
import json

from burst import Burst
from memory import Memory
from wire import Wire

MIB = 1024 * 1024
LOST = "VIRTMON_EVENTS_LOST"
QUEUE_BYTES_MAX = 64 * MIB      # VIR_OBJECT_EVENT_QUEUE_BYTES_MAX
# One guest alone may not fill a queue.
GUESTS = 10
# Beside the queue: what is on its way to it, and pages that are touched only now. In process that is
# a read of 128 KiB, its events and those that were delivered last; in the daemon a step of events,
# as such and as they travel.
ALLOWANCE = 2 * MIB


def check(memory, limit):
    assert limit * 0.75 < memory.growth < limit * 1.1 + ALLOWANCE


def test_a_client_that_does_not_read(folder):
    """Another one does, and has all of a step before the next: nothing else waits meanwhile."""
    limit, step, steps = 16 * MIB, 2000, 100
    with Burst(folder, [step] * (steps + 1), GUESTS) as burst:
        daemon = burst.start_virtmond(f"client_output_max_bytes = {limit}\n")
        burst.start_client()
        burst.next()
        with Wire(daemon.socket()) as stalled:
            stalled.open().register()
            memory = Memory(daemon.pid)
            for _ in range(steps):
                burst.next()
            came = lost = 0
            while came + lost < step * steps:
                _, _, name, _, _, details = stalled.monitor_event()
                if name == LOST:
                    lost += json.loads(details)["count"]
                else:
                    came += 1
            assert lost > 0
            check(memory, limit)


def test_a_loop_that_does_not_run(folder):
    """In process: all of the driver's events wait for it, within one limit."""
    events = 400_000
    with Burst(folder, [events], GUESTS) as burst:
        client = burst.start_client(options=["--all", "--stall"])
        memory = Memory(client.pid)
        burst.order_next()
        burst.flood.wait_written()
        client.run_loop()
        assert client.wait_for_all() > 0
        check(memory, QUEUE_BYTES_MAX)
