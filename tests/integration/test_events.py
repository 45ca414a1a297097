#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events of real QEMUs, delivered by the public API in this process."""
import contextlib
import json
import signal
import time

import bootguest
import pytest
import virtapi
from conftest import DEADLINE, uri_of, vnc_visit

# Of virDomainEventType, with the details that each may have.
STARTED, SUSPENDED, RESUMED, STOPPED, SHUTDOWN, PMSUSPENDED, CRASHED = 2, 3, 4, 5, 6, 7, 8

UUID = "a8c0a8f2-6c1b-4d0e-9d4e-2f5f4a3b2c1d"
# Comes in events, and JSON has to escape it.
VNC = 'vnc "\u00e9\t\U0001f40e\\'


def compact(value):
    """JSON as libvirt hands it out."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_told(event):
    """Of what QEMU's other monitor said, what a callback gets."""
    return (event["event"], event["timestamp"]["seconds"], event["timestamp"]["microseconds"],
            compact(event["data"]) if "data" in event else None)


def as_delivered(event):
    return event.name, event.seconds, event.micros, event.details


class Guest:
    """A QEMU with the guest of the boot sector, which says what it is told to."""

    def __init__(self, qemu, folder):
        self.qemu = qemu
        self.serial = bootguest.Serial(folder, DEADLINE)

    def boot(self):
        self.qemu.command("cont")
        self.serial.expect(b"B")


@pytest.fixture
def guest(start_qemu, folder):
    # Not KVM: inside a virtual machine the BIOS takes a hundred times as long with it.
    qemu = start_qemu(machine="pc", args=[
        "-uuid", UUID, *bootguest.arguments(folder),
        "-device", "ide-cd,id=cd0,bus=ide.1", "-vnc", f"unix:{folder / VNC}",
        "-blockdev", "null-co,node-name=source,size=1048576,read-zeroes=on",
        "-blockdev", "null-co,node-name=target,size=1048576,read-zeroes=on"])
    one = Guest(qemu, folder)
    yield one
    one.serial.close()


@pytest.fixture
def watched(qemu, connect):
    """A QEMU without a guest and a connection that has it."""
    return qemu, connect(uri_of(qemu.watch))


def scenario(guest, folder):
    """Makes QEMU say many things, and waits until each was said to the other monitor."""
    qmp = guest.qemu.qmp

    def told(name, action, *args, **kwargs):
        start = len(qmp.events)
        action(*args, **kwargs)
        qmp.wait_event(name, start)

    told("RESUME", guest.boot)
    told("GUEST_CRASHLOADED", guest.serial.tell, b"c")
    told("GUEST_PANICKED", guest.serial.tell, b"p")
    told("RTC_CHANGE", guest.serial.tell, b"t")
    told("STOP", qmp.command, "stop")
    told("RESUME", qmp.command, "cont")
    told("DEVICE_TRAY_MOVED", qmp.command, "blockdev-open-tray", id="cd0")
    told("DEVICE_TRAY_MOVED", qmp.command, "blockdev-close-tray", id="cd0")
    told("JOB_STATUS_CHANGE", qmp.command, "blockdev-backup", **{
        "job-id": "backup0", "device": "source", "target": "target", "sync": "full",
        "auto-dismiss": False})
    qmp.wait_event("BLOCK_JOB_COMPLETED")
    told("JOB_STATUS_CHANGE", qmp.command, "job-dismiss", id="backup0")
    told("VNC_DISCONNECTED", vnc_visit, folder / VNC)
    told("DUMP_COMPLETED", qmp.command, "dump-guest-memory", paging=False, detach=True,
         protocol=f"file:{folder / 'dump'}")
    told("SUSPEND", guest.serial.tell, b"z")
    told("WAKEUP", qmp.command, "system_wakeup")
    told("STOP", qmp.command, "stop")
    qmp.command("object-add", **{"qom-type": "rng-builtin", "id": "rng0"})
    qmp.command("device_add", driver="virtio-rng-pci", rng="rng0", id="rng-dev")
    qmp.command("device_del", id="rng-dev")
    told("DEVICE_DELETED", qmp.command, "system_reset")
    told("RESET", guest.boot)
    told("RESET", guest.serial.tell, b"r")
    guest.serial.expect(b"B")
    told("POWERDOWN", qmp.command, "system_powerdown")
    told("SHUTDOWN", guest.serial.tell, b"o")


def test_what_qemu_says_is_what_the_callback_gets(guest, folder, connect):
    """In order, with the time and the text that another monitor of the same QEMU shows."""
    conn = connect(uri_of(guest.qemu.watch))
    seen = conn.watch()
    before = time.time()
    scenario(guest, folder)
    while guest.qemu.qmp.read():
        pass                            # to the end: all has been said
    expected = [as_told(event) for event in guest.qemu.qmp.events]
    kinds = {event[0] for event in expected}
    assert len(kinds) >= 18, kinds
    assert any(event[3] is None for event in expected)
    assert any(json.dumps(VNC, ensure_ascii=False)[1:-1] in (event[3] or "")
               for event in expected)

    seen.wait(len(expected))
    assert [as_delivered(event) for event in seen.events] == expected
    assert [event.number for event in seen.events] == list(range(1, len(expected) + 1))
    assert len({event.stream for event in seen.events}) == 1
    assert {(event.domain, event.uuid, event.id) for event in seen.events} == {("guest", UUID, 1)}
    received = [event.received for event in seen.events]
    assert received == sorted(received)
    assert before - 1 < received[0] and received[-1] < time.time() + 1


def test_a_guest_on_kvm(start_qemu, folder, connect):
    """Where KVM works; elsewhere it's the same as the others."""
    qemu = start_qemu(machine="pc", accel="kvm:tcg", args=bootguest.arguments(folder))
    guest = Guest(qemu, folder)
    conn = connect(uri_of(qemu.watch))
    seen = conn.watch()
    with contextlib.closing(guest.serial):
        guest.boot()
        guest.serial.tell(b"c")
        seen.wait_for(lambda event: event.name == "GUEST_CRASHLOADED")
    accelerated = qemu.command("query-kvm")["enabled"]
    assert conn.domain("guest").xml().startswith(
        f"<domain type='{'kvm' if accelerated else 'qemu'}' ")


def test_lifecycle_follows_in_both_calls(guest, connect):
    conn = connect(uri_of(guest.qemu.watch))
    domain = conn.domain("guest")
    new, old, raw = conn.lifecycle(domain), conn.lifecycle_old(), conn.watch()
    qmp = guest.qemu.qmp
    assert domain.state()[0] == virtapi.PAUSED

    def step(action, *args, event, state):
        start = len(new.events)
        action(*args)
        new.wait_for(lambda one: (one.type, one.detail) == event and one in new.events[start:])
        if state is not None:
            assert domain.state()[0] == state

    step(guest.boot, event=(RESUMED, 0), state=virtapi.RUNNING)
    step(qmp.command, "stop", event=(SUSPENDED, 0), state=virtapi.PAUSED)
    step(qmp.command, "cont", event=(RESUMED, 0), state=virtapi.RUNNING)
    step(guest.serial.tell, b"c", event=(CRASHED, 1), state=virtapi.RUNNING)
    step(guest.serial.tell, b"z", event=(PMSUSPENDED, 0), state=virtapi.PMSUSPENDED)
    step(qmp.command, "system_wakeup", event=(STARTED, 4), state=virtapi.RUNNING)
    qmp.command("system_reset")
    guest.serial.expect(b"B")
    step(guest.serial.tell, b"p", event=(CRASHED, 0), state=virtapi.CRASHED)
    step(guest.serial.tell, b"o", event=(SHUTDOWN, 1), state=None)
    new.wait_for(lambda one: (one.type, one.detail) == (STOPPED, 0))
    assert new.pairs == old.pairs
    assert {(event.domain, event.uuid, event.id) for event in new.events} == {("guest", UUID, 1)}
    assert "SHUTDOWN" in raw.names
    assert conn.count() == 0
    with pytest.raises(virtapi.Error) as caught:
        domain.state()
    assert caught.value.code == virtapi.ERR_NO_DOMAIN


def by_quit(qemu, _conn):
    qemu.command("quit")


def by_kill(qemu, _conn):
    qemu.process.kill()


def by_term(qemu, _conn):
    qemu.process.send_signal(signal.SIGTERM)


def by_destroy(_qemu, conn):
    conn.domain("guest").destroy()


@pytest.mark.parametrize("end, expected", [
    (by_quit, [(SHUTDOWN, 2), (STOPPED, 0)]),
    (by_kill, [(STOPPED, 5)]),
    (by_term, [(SHUTDOWN, 2), (STOPPED, 0)]),
    (by_destroy, [(SHUTDOWN, 2), (STOPPED, 1)]),
])
def test_why_a_domain_stopped(watched, end, expected):
    qemu, conn = watched
    seen = conn.lifecycle()
    end(qemu, conn)
    seen.wait(len(expected))
    assert seen.pairs == expected
    assert conn.count() == 0
    qemu.process.wait(timeout=DEADLINE)


def test_migration_away_suspends(start_qemu, connect):
    qemu = start_qemu(machine="pc", args=["-m", "32"])
    conn = connect(uri_of(qemu.watch))
    raw, life = conn.watch("MIGRATION"), conn.lifecycle()
    qemu.command("migrate-set-capabilities",
                 capabilities=[{"capability": "events", "state": True}])
    qemu.command("migrate", uri="exec:cat >/dev/null")
    raw.wait_for(lambda event: event.details == '{"status":"completed"}')
    life.wait_for(lambda event: (event.type, event.detail) == (SUSPENDED, 1))
    assert conn.domain("guest").state() == (virtapi.PAUSED, 2)


FILTERS = [
    # what is registered, flags, and which of STOP, RESUME, RESET, SHUTDOWN it gets
    (None, 0, ["STOP", "RESUME", "RESET", "SHUTDOWN"]),
    (None, virtapi.REGEX | virtapi.NOCASE, ["STOP", "RESUME", "RESET", "SHUTDOWN"]),
    ("STOP", 0, ["STOP"]),
    ("UME", 0, []),
    ("ST*", 0, []),
    ("stop", 0, []),
    ("stop", virtapi.NOCASE, ["STOP"]),
    ("sto", virtapi.NOCASE, []),
    ("UME", virtapi.REGEX, ["RESUME"]),
    ("^RES", virtapi.REGEX, ["RESUME", "RESET"]),
    ("STOP|RESUME", virtapi.REGEX, ["STOP", "RESUME"]),
    (r"STOP\|RESUME", virtapi.REGEX, []),
    ("^st", virtapi.REGEX | virtapi.NOCASE, ["STOP"]),
    ("(?i)^st", virtapi.REGEX, ["STOP"]),
    ("", 0, []),
    ("", virtapi.REGEX, ["STOP", "RESUME", "RESET", "SHUTDOWN"]),
    ("RES*", virtapi.GLOB, ["RESUME", "RESET"]),
    ("*", virtapi.GLOB, ["STOP", "RESUME", "RESET", "SHUTDOWN"]),
    ("S[TH]*[PN]", virtapi.GLOB, ["STOP", "SHUTDOWN"]),
    ("RES", virtapi.GLOB, []),
    ("?esume", virtapi.GLOB | virtapi.NOCASE, ["RESUME"]),
]


def test_filters(watched):
    qemu, conn = watched
    registrations = [conn.watch(event, None, flags) for event, flags, _ in FILTERS]
    last = conn.watch("SHUTDOWN")       # registered last, so called last
    assert [one.id for one in registrations] == list(range(len(FILTERS)))
    for command in ("stop", "cont", "system_reset", "quit"):
        qemu.command(command)
    last.wait(1)
    for (event, flags, expected), registration in zip(FILTERS, registrations):
        assert registration.names == expected, (event, flags)


def test_null_domain_is_all_and_a_domain_is_one(start_qemu, connect, folder):
    qemus = [start_qemu(name=name) for name in ("one", "two", "three")]
    conn = connect(uri_of(folder / "*.qmp"))
    assert {domain.name for domain in conn.domains()} == {"one", "two", "three"}
    everything = conn.watch("STOP")
    only = conn.watch("STOP", conn.domain("two"))
    raw_only = conn.watch(None, conn.domain("three"))
    life = conn.lifecycle(conn.domain("one"))
    for qemu in qemus:
        qemu.command("stop")
    everything.wait(3)
    assert {event.domain for event in everything.events} == {"one", "two", "three"}
    wait_names = [event.domain for event in only.wait(1)]
    assert wait_names == ["two"]
    assert [event.domain for event in raw_only.wait(1)] == ["three"]
    life.wait(1)
    assert [event.domain for event in life.events] == ["one"]


def test_a_domain_filter_is_its_uuid_and_survives_a_restart(start_qemu, connect):
    first = start_qemu(args=["-uuid", UUID])
    conn = connect(uri_of(first.watch))
    seen, life = conn.watch(None, conn.domain("guest")), conn.lifecycle(conn.domain("guest"))
    first.command("stop")
    seen.wait(1)
    first.command("quit")
    life.wait_for(lambda event: event.type == STOPPED)
    first.process.wait(timeout=DEADLINE)

    second = start_qemu(args=["-uuid", UUID], watch=first.watch)
    life.wait_for(lambda event: event.type == STARTED)
    second.command("stop")
    seen.wait_for(lambda event: event.name == "STOP" and event.id == 2)
    assert seen.names == ["STOP", "SHUTDOWN", "STOP"]
    assert [event.id for event in seen.events] == [1, 1, 2]
    assert [event.number for event in seen.events] == [1, 2, 1]
    assert seen.events[0].stream == seen.events[1].stream != seen.events[2].stream


def test_numbers_count_what_nobody_was_registered_for(watched):
    qemu, conn = watched
    with_all = conn.watch()
    qemu.command("stop")
    qemu.command("cont")
    with_all.wait(2)
    with_all.close()
    qemu.command("stop")
    qemu.command("cont")
    # An answer comes behind the events before it, on the same socket.
    conn.domain("guest").qmp("query-status")
    again, some = conn.watch(), conn.watch("RESUME")
    qemu.command("stop")
    qemu.command("cont")
    again.wait(2)
    some.wait(1)
    assert [event.number for event in with_all.events] == [1, 2]
    assert [event.number for event in again.events] == [5, 6]
    assert [event.number for event in some.events] == [6]
    assert len({event.stream for event in with_all.events + again.events}) == 1


def test_info_is_for_callbacks_only(watched):
    _qemu, conn = watched
    info = virtapi.InfoStruct()
    assert virtapi.api.virtmonDomainQemuMonitorEventGetInfo(conn.handle, info, 64) == -1
    assert virtapi.Error().code == virtapi.ERR_OPERATION_INVALID


def test_events_between_opening_and_the_first_turn_are_kept(watched):
    qemu, conn = watched
    seen = conn.watch()
    for _ in range(50):
        qemu.command("stop")
        qemu.command("cont")
    assert seen.events == []            # never outside the event loop
    seen.wait(100)
    assert seen.names == ["STOP", "RESUME"] * 50


def test_a_read_only_connection_may_not_register(qemu, connect):
    conn = connect(uri_of(qemu.watch), virtapi.READ_ONLY)
    with pytest.raises(virtapi.Error) as caught:
        conn.watch()
    assert caught.value.code == virtapi.ERR_OPERATION_DENIED
    assert caught.value.message == ("operation forbidden: read only access prevents "
                                    "virConnectDomainQemuMonitorEventRegister")
    life = conn.lifecycle()             # which is for everybody
    qemu.command("stop")
    life.wait(1)
    with pytest.raises(virtapi.Error) as caught:
        conn.domain("guest").resume()
    assert caught.value.code == virtapi.ERR_OPERATION_DENIED


def test_two_connections_share_a_driver_and_each_gets_all(watched, connect):
    qemu, conn = watched
    other = connect(uri_of(qemu.watch))
    assert virtapi.driver_threads() == 1
    ours, theirs = conn.watch(), other.watch()
    assert (ours.id, theirs.id) == (0, 0)
    qemu.command("stop")
    assert ours.wait(1)[0].number == theirs.wait(1)[0].number == 1
    ours.close()
    conn.close()
    qemu.command("cont")
    theirs.wait(2)
    assert ours.names == ["STOP"]


def test_an_event_is_delivered_in_order_of_registration(watched):
    """All callbacks of one event before those of the next."""
    qemu, conn = watched
    order = []

    class Recorder(list):
        def __init__(self, number):
            super().__init__()
            self.number = number

        def append(self, event):
            order.append((event.name, self.number))
            super().append(event)

    for number, (event, flags) in enumerate([("STOP|RES", virtapi.REGEX), (None, 0),
                                             ("*", virtapi.GLOB), ("RESUME", 0)]):
        conn.watch(event, None, flags).events = Recorder(number)
    qemu.command("stop")
    qemu.command("cont")
    virtapi.wait(lambda: len(order) >= 7, lambda: f"7 calls but {order}")
    assert order == [("STOP", 0), ("STOP", 1), ("STOP", 2),
                     ("RESUME", 0), ("RESUME", 1), ("RESUME", 2), ("RESUME", 3)]


def test_deregistering_drops_what_is_queued(watched):
    qemu, conn = watched
    seen, rest = conn.watch(), conn.watch()
    assert (seen.id, rest.id) == (0, 1)
    qemu.command("stop")
    conn.domain("guest").qmp("query-status")
    seen.close()
    assert seen.freed == 1
    rest.wait(1)
    assert seen.events == []
