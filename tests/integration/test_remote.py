#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our shell and client library against daemons: ours, and a stock libvirtd."""
import time


def test_an_event_comes_through(daemon, shell):
    guest = daemon.start_guest("g1")
    watch = shell("qemu-monitor-event", "--domain", "g1", "--event", "STOP", "--loop",
                  "--count", "2", uri=daemon.uri())
    # Registered once an event has come: until then, each stop is followed by a start.
    while not watch.out:
        guest.command("stop")
        guest.command("cont")
        watch.read(time.monotonic() + 0.05)
    guest.command("stop")
    lines = watch.take(2)
    assert all(line.startswith("event STOP at ") for line in lines)
    assert watch.finish() == 0
