#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A watcher leaves while a burst is in flight, and another comes: it gets every event of the next
burst. (libvirtd 9.0 lost its wake-up there, and then nobody got any event any more, until all had
left: 3 times of 150.) Over a thousand rounds, in process and of virtmond; watchers leave in every
way that there is."""
import os
import signal
import socket
import subprocess

import pytest
import wire
from conftest import BUILD, DEADLINE, WITH_US, Output, uri_of
from flood import Flood
from wire import Wire, uint

WATCHERS = BUILD / "tests" / "watchers"
ROUNDS = 1000
# Opening in process is to connect to the monitor, too; a client's is less.
REOPEN_EMBED, REOPEN_REMOTE = 20, 5
BURST, NEXT_BURST, BYTES = 2000, 40, 290


@pytest.fixture
def flood(folder):
    one = Flood(folder)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def daemon(flood, start_virtmond):
    one = start_virtmond()
    one.wait_until_known("guest0")
    return one


def rounds(flood, uri, reopen):
    with subprocess.Popen([*WITH_US, WATCHERS, uri, str(ROUNDS), str(reopen)],
                          stdout=flood.process.stdin, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}) as process:
        try:
            # As long as a test may take: it has deadlines of its own.
            said = process.communicate(timeout=8 * DEADLINE)[1]
        except BaseException:
            process.kill()
            raise
    assert (process.returncode, said) == (0, "")


def test_in_process(flood, folder):
    rounds(flood, uri_of(folder / "*.qmp"), REOPEN_EMBED)


def test_of_virtmond(flood, daemon):
    rounds(flood, daemon.uri(), REOPEN_REMOTE)


# --- those whose connection goes ---

def come(daemon):
    client = Wire(daemon.socket())
    try:
        client.open()
        return client, client.register()
    except BaseException:
        client.close()
        raise


def order(flood, name, count):
    flood.order(f"call 0 0 {name}")
    flood.order(f"flood 0 0 {count} {BYTES}")


def by_deregistering(client, number):
    """The call goes out in the middle of the events, and nobody waits for its answer."""
    client.start(wire.QEMU, wire.MONITOR_DEREGISTER, uint(number))
    client.close()


def by_saying_so(client, _number):
    client.start(wire.REMOTE, wire.CLOSE)
    client.close()


def by_closing(client, _number):
    client.close()


def by_half_closing(client, _number):
    """It says nothing more, and would still read."""
    client.sock.shutdown(socket.SHUT_WR)


def by_not_reading(client, _number):
    """It says no more than that, and then goes."""
    client.sock.shutdown(socket.SHUT_RD)


WAYS = [by_deregistering, by_saying_so, by_closing, by_half_closing, by_not_reading]


def test_of_virtmond_by_their_sockets(flood, daemon):
    """The one that came is the one that leaves in the next round. The calls that make it one are
    answered in the middle of what is left of the last burst."""
    client, number = come(daemon)
    for i in range(ROUNDS):
        order(flood, "FIRST", BURST)
        for _ in range(1 + i % 5):
            client.monitor_event()
        WAYS[i % len(WAYS)](client, number)
        following, number = come(daemon)
        client.close()
        client = following
        order(flood, "NEXT", NEXT_BURST)
        for seq in range(NEXT_BURST):
            while (event := client.monitor_event())[2] != "NEXT":
                assert event[2] == "FIRST" and seq == 0, (i, seq, event)
            assert int(event[5].partition('"seq":1')[2].split(",")[0]) == seq, (i, seq, event)
    client.close()


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_of_virtmond_by_their_end(flood, daemon, sig):
    """Processes, which end in the middle of it."""
    for i in range(10):
        with subprocess.Popen([*WITH_US, WATCHERS, daemon.uri()], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8"}) as one:
            try:
                output = Output(one)
                output.take(1)
                order(flood, "FIRST", 20 * BURST)
                output.take(2)
            finally:
                one.send_signal(sig)
        following, _ = come(daemon)
        with following:
            order(flood, "NEXT", NEXT_BURST)
            seen = []
            while len(seen) < NEXT_BURST:
                event = following.monitor_event()
                if event[2] == "NEXT":
                    seen.append(int(event[5].partition('"seq":1')[2].split(",")[0]))
            assert seen == list(range(NEXT_BURST)), i
