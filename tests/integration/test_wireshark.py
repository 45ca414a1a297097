#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recorded sessions of our shell, our daemon and theirs, as Wireshark's dissector for libvirt
reads them, which Debian makes of libvirt's own protocol files."""
import re
import struct
import subprocess
import time

import pytest
from conftest import BUILD, DEADLINE, Output
from daemons import quiet_firmware
from recorder import Recorder

EVENTS = ("stop", "cont", "system_reset", "system_powerdown", "stop", "cont")
NAMES = {"STOP", "RESUME", "RESET", "POWERDOWN"}
# Whatever the dissector or those below it complain of. The first is how it shows bytes that are
# not what they should be.
COMPLAINTS = "libvirt.unknown || _ws.malformed || _ws.expert.severity >= 0x400000 || _ws.short"


def tshark(file, *args):
    done = subprocess.run(["tshark", "-n", "-r", file, *args], capture_output=True, text=True,
                          timeout=2 * DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(name="record")
def record_fixture(folder):
    """Starts recorders in front of daemons; all are ended."""
    started = []

    def start(daemon):
        number = len(started)
        capture = folder / f"{number}.pcap"
        started.append(Recorder(folder / f"tap{number}", daemon.socket(), capture))
        started[-1].capture = capture
        started[-1].uri = f"qemu+unix:///system?socket={folder}/tap{number}"
        return started[-1]

    yield start
    for one in started:
        if one.thread.is_alive():
            one.close()


def session(program, uri, guest):
    """Calls that succeed and calls that fail, and events of all kinds."""
    for command in (
            ["list"], ["dominfo", "g1"], ["dumpxml", "g1"], ["domstate", "g1", "--reason"],
            ["domstate", "nosuch"], ["hostname"], ["version", "--daemon"], ["capabilities"],
            ["suspend", "g1"], ["resume", "g1"], ["resume", "g1"], ["-r", "suspend", "g1"],
            ["qemu-monitor-command", "g1", '{"execute":"query-qmp-schema"}'],
            ["qemu-monitor-command", "g1", "--hmp", "info status"],
            ["qemu-agent-command", "g1", '{"execute":"guest-ping"}'],
            ["qemu-monitor-event", "--regex", "--event", "((("], ["event", "--event", "nosuch"]):
        subprocess.run([*program, "-c", uri, *command], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=DEADLINE, check=False)
    watches = []
    try:
        for command in (["event", "--all", "--loop"],
                        ["qemu-monitor-event", "--loop"],
                        ["qemu-monitor-event", "--loop", "--regex", "--event", "^RES"],
                        ["qemu-monitor-event", "--loop", "--domain", "g1"]):
            watches.append(Output(subprocess.Popen(
                [*program, "-c", uri, *command], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)))
        # each has seen something, and one has seen all that there is
        deadline = time.monotonic() + DEADLINE
        while not (all(watch.out for watch in watches) and
                   NAMES <= {line.split()[1] for line in watches[1].out}):
            assert time.monotonic() < deadline, "no events"
            for event in EVENTS:
                guest.command(event)
            for watch in watches:
                watch.read(time.monotonic() + 0.02)
        for watch in watches:
            watch.interrupt()
    finally:
        for watch in watches:
            watch.process.kill()
            watch.process.wait(timeout=DEADLINE)
            watch.process.stdout.close()
            watch.process.stderr.close()


def start_guest(daemon):
    return daemon.start_guest(
        "g1", machine="pc", args=(["-m", "32"] if daemon.kind == "virtmond" else []) +
        quiet_firmware(daemon.folder))


@pytest.mark.parametrize("kind, program", [
    ("virtmond", [BUILD / "tools" / "virtmon"]), ("virtmond", ["virsh"]),
    ("libvirtd", [BUILD / "tools" / "virtmon"])],
    ids=["ours", "virsh with virtmond", "our client with libvirtd"])
def test_nothing_is_malformed(request, record, kind, program):
    daemon = request.getfixturevalue(kind)
    guest = start_guest(daemon)
    recorder = record(daemon)
    session(program, recorder.uri, guest)
    recorder.close()

    assert tshark(recorder.capture, "-Y", COMPLAINTS) == []
    # it has read all that there was: each packet once, and of each what it is
    read = []
    for line in tshark(recorder.capture, "-Y", "libvirt", "-T", "fields", "-e",
                       "libvirt.program", "-e", "libvirt.procedure", "-e", "libvirt.type",
                       "-e", "libvirt.serial", "-e", "libvirt.status"):
        read += zip(*(field.split(",") for field in line.split("\t")))
    frames = [struct.unpack(">IIiiIi", frame[4:28]) for frame in recorder.frames()]
    assert sorted((int(program, 16), *map(int, rest)) for program, *rest in read) == \
        sorted((program, procedure, kind, serial, status)
               for program, _, procedure, kind, serial, status in frames)
    assert len(frames) > 150

    # and what it makes of an event is what QEMU said
    events = tshark(recorder.capture, "-Y", "libvirt.qemu_domain_monitor_event_msg",
                    "-T", "fields", "-e", "libvirt.qemu_domain_monitor_event_msg.event",
                    "-e", "libvirt.qemu_domain_monitor_event_msg.details",
                    "-e", "libvirt.remote_nonnull_domain.name")
    names = {name for line in events for name in line.split("\t")[0].split(",")}
    assert names == NAMES
    assert any('{"guest":false,"reason":"host-qmp-system-reset"}' in line for line in events)
    assert all(re.fullmatch("(g1,?)+", line.split("\t")[2]) for line in events)


def test_what_is_malformed_is_found(virtmond, record):
    """Or there would be nothing to be had from the other test."""
    start_guest(virtmond)
    recorder = record(virtmond)
    subprocess.run(["virsh", "-c", recorder.uri, "domid", "g1"], stdin=subprocess.DEVNULL,
                   capture_output=True, timeout=DEADLINE, check=True)
    recorder.close()
    assert tshark(recorder.capture, "-Y", COMPLAINTS) == []
    data = recorder.capture.read_bytes()
    name = struct.pack(">I", 2) + b"g1\0\0"
    assert name in data
    # one whose length is beyond the end of its packet
    recorder.capture.write_bytes(data.replace(name, struct.pack(">I", 4000) + b"g1\0\0"))
    assert tshark(recorder.capture, "-Y", COMPLAINTS) != []
