#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domain events of all kinds: of real QEMUs, and of a scripted one for what needs an operating
system in the guest; in process, through virtmond, and by clients that are not ours."""
import json
import os
import pathlib
import select
import signal
import struct
import subprocess
import threading
import time

import bootguest
import pytest
import spice
import virtapi
from conftest import DEADLINE, Output, uri_of, vnc_visit
from qmppeer import Peer, event
from qtest import Qtest, Virtio, VirtioQueue
from virtapi import TYPED, Error, wait

HERE = pathlib.Path(__file__).resolve().parent
KINDS = [name for name, _ in TYPED]
# Rows of src/qemu/qemu_typed_events.list, with what follows, that no QEMU here emits, and why. All
# of them, and the others too, are seen from a scripted QEMU.
NOT_REAL = {
    ("DEVICE_UNPLUG_GUEST_ERROR", "device-removal-failed"):
        "on x86 it needs a memory module that QEMU itself cannot take away",
}
# Those that take more than one QEMU, and so a test of their own: test_postcopy.
NOT_HERE = {*NOT_REAL, ("MIGRATION", "lifecycle")}


def listed():
    """The rows: QEMU's name, virsh's name."""
    lines = (HERE.parent.parent / "src/qemu/qemu_typed_events.list").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return {(name, kind) for name, kind, _ in rows}


# --- what a scripted QEMU says, and what follows ---

ANSWERS = {
    "query-block": [
        {"device": "drive-virtio-disk0", "qdev": "/machine/peripheral/virtio-disk0/virtio-backend",
         "inserted": {"file": "/images/a.qcow2", "node-name": "fmt0"}}],
    "query-named-block-nodes": [{"node-name": "proto0", "file": "/images/a.qcow2"}],
    "qom-get": "org.qemu.guest_agent.0",
    "query-migrate": {"status": "completed", "total-time": 12, "downtime": 3,
                      "ram": {"total": 4096, "transferred": 4000, "remaining": 0}},
}
VNC = {"server": {"auth": "sasl", "family": "ipv4", "service": "5900", "host": "127.0.0.1",
                  "websocket": False},
       "client": {"family": "ipv6", "service": "4711", "host": "::1", "websocket": False,
                  "x509_dname": "CN=me", "sasl_username": "you"}}
VNC_TOLD = [[0, "127.0.0.1", "5900"], [1, "::1", "4711"], "sasl",
            [["x509dname", "CN=me"], ["saslUsername", "you"]]]
SPICE = {"server": {"port": "5901", "family": "ipv4", "host": "127.0.0.1", "auth": "none"},
         "client": {"port": "4712", "family": "ipv4", "host": "127.0.0.1"}}
SPICE_TOLD = [[0, "127.0.0.1", "5901"], [0, "127.0.0.1", "4712"], "none", []]
JOB = {"device": "drive-virtio-disk0", "len": 9, "offset": 9, "speed": 0}

SCRIPT = [
    ("STOP", {}, [("lifecycle", [3, 0])]),
    ("RESUME", {}, [("lifecycle", [4, 0])]),
    ("RESET", {"guest": True, "reason": "guest-reset"}, [("reboot", [])]),
    ("RTC_CHANGE", {"offset": -3600, "qom-path": "/machine/x"}, [("rtc-change", [-3600])]),
    ("WATCHDOG", {"action": "inject-nmi"}, [("watchdog", [6])]),
    ("WATCHDOG", {"action": "pause"}, [("watchdog", [1]), ("lifecycle", [3, 3])]),
    ("RESUME", {}, [("lifecycle", [4, 0])]),
    ("BLOCK_IO_ERROR",
     {"device": "drive-virtio-disk0", "node-name": "fmt0", "operation": "write", "action": "stop",
      "nospace": True, "reason": "No space left on device"},
     [("io-error", ["/images/a.qcow2", "virtio-disk0", 1]),
      ("io-error-reason", ["/images/a.qcow2", "virtio-disk0", 1, "enospc"]),
      ("lifecycle", [3, 2])]),
    ("RESUME", {}, [("lifecycle", [4, 0])]),
    ("VNC_CONNECTED", VNC, [("graphics", [0, *VNC_TOLD])]),
    ("VNC_INITIALIZED", VNC, [("graphics", [1, *VNC_TOLD])]),
    ("VNC_DISCONNECTED", VNC, [("graphics", [2, *VNC_TOLD])]),
    ("SPICE_CONNECTED", SPICE, [("graphics", [0, *SPICE_TOLD])]),
    ("SPICE_INITIALIZED", SPICE, [("graphics", [1, *SPICE_TOLD])]),
    ("SPICE_DISCONNECTED", SPICE, [("graphics", [2, *SPICE_TOLD])]),
    ("BLOCK_JOB_READY", {**JOB, "type": "commit"},
     [("block-job", ["/images/a.qcow2", 4, 3]), ("block-job-2", ["virtio-disk0", 4, 3])]),
    ("BLOCK_JOB_COMPLETED", {**JOB, "type": "commit"},
     [("block-job", ["/images/a.qcow2", 4, 0]), ("block-job-2", ["virtio-disk0", 4, 0])]),
    ("BLOCK_JOB_COMPLETED", {**JOB, "type": "stream", "offset": 8, "error": "no"},
     [("block-job", ["/images/a.qcow2", 1, 1]), ("block-job-2", ["virtio-disk0", 1, 1])]),
    ("BLOCK_JOB_CANCELLED", {**JOB, "type": "mirror", "device": "job0"},
     [("block-job", ["job0", 2, 2]), ("block-job-2", ["job0", 2, 2])]),
    ("DEVICE_TRAY_MOVED", {"device": "", "id": "cd0", "tray-open": True},
     [("tray-change", ["cd0", 0])]),
    ("SUSPEND", {}, [("pm-suspend", [0]), ("lifecycle", [7, 0])]),
    ("WAKEUP", {}, [("pm-wakeup", [0]), ("lifecycle", [2, 4])]),
    ("SUSPEND_DISK", {}, [("pm-suspend-disk", [0]), ("lifecycle", [7, 1])]),
    ("WAKEUP", {}, [("pm-wakeup", [0]), ("lifecycle", [2, 4])]),
    ("BALLOON_CHANGE", {"actual": 1 << 50}, [("balloon-change", [1 << 40])]),
    ("DEVICE_DELETED", {"device": "net0", "path": "/machine/peripheral/net0"},
     [("device-removed", ["net0"])]),
    ("DEVICE_DELETED", {"path": "/machine/peripheral/net0/virtio-backend"}, []),
    ("DEVICE_UNPLUG_GUEST_ERROR", {"device": "net0", "path": "/machine/peripheral/net0"},
     [("device-removal-failed", ["net0"])]),
    ("ACPI_DEVICE_OST", {"info": {"device": "dimm0", "slot-type": "DIMM", "slot": "0", "source": 3,
                                  "status": 0x80}}, [("device-removal-failed", ["dimm0"])]),
    ("ACPI_DEVICE_OST", {"info": {"device": "dimm0", "slot-type": "DIMM", "slot": "0", "source": 3,
                                  "status": 0}}, []),
    ("VSERPORT_CHANGE", {"id": "channel0", "open": True}, [("agent-lifecycle", [1, 2])]),
    ("VSERPORT_CHANGE", {"id": "channel0", "open": False}, [("agent-lifecycle", [2, 2])]),
    ("MIGRATION", {"status": "active"}, []),
    ("MIGRATION_PASS", {"pass": 2}, [("migration-iteration", [2])]),
    ("STOP", {}, [("lifecycle", [3, 1])]),
    ("MIGRATION", {"status": "postcopy-active"}, [("lifecycle", [3, 7])]),
    ("MIGRATION", {"status": "completed"},
     [("job-completed", [{
         "operation": 5, "time_elapsed": 12, "downtime": 3, "data_total": 4096,
         "data_processed": 4000, "data_remaining": 0, "memory_total": 4096,
         "memory_processed": 4000, "memory_remaining": 0, "memory_dirty_rate": 0,
         "memory_iteration": 0, "memory_postcopy_requests": 0, "disk_total": 0,
         "disk_processed": 0, "disk_remaining": 0}])]),
    ("RESUME", {}, [("lifecycle", [4, 0])]),
    ("DUMP_COMPLETED", {"result": {"total": 100, "status": "completed", "completed": 90}}, []),
    ("BLOCK_WRITE_THRESHOLD",
     {"node-name": "proto0", "amount-exceeded": 5, "write-threshold": 1 << 40},
     [("block-threshold", ["proto0", "/images/a.qcow2", 1 << 40, 5])]),
    ("MEMORY_FAILURE", {"recipient": "guest", "action": "reset",
                        "flags": {"action-required": True, "recursive": True}},
     [("memory-failure", [1, 3, 3])]),
    ("MEMORY_DEVICE_SIZE_CHANGE",
     {"id": "vm0", "size": 1 << 30, "qom-path": "/machine/peripheral/vm0"},
     [("memory-device-size-change", ["vm0", 1 << 20])]),
    ("GUEST_CRASHLOADED", {"action": "run"}, [("lifecycle", [8, 1])]),
    ("GUEST_PANICKED", {"action": "pause"}, [("lifecycle", [8, 0])]),
    ("SHUTDOWN", {"guest": False, "reason": "host-qmp-quit"}, [("lifecycle", [6, 2])]),
]
AT_THE_END = [("control-error", []), ("lifecycle", [5, 0])]
FOLLOWS = [tuple(one) for _, _, following in SCRIPT for one in following] + AT_THE_END


def test_the_script_has_all_rows():
    scripted = {(name, kind) for name, _, following in SCRIPT for kind, _ in following}
    assert scripted == listed()


@pytest.fixture(name="scripted")
def scripted_fixture(folder):
    peer = Peer(folder / "peer.qmp", guest="scripted")
    peer.answers.update(ANSWERS)
    yield peer
    peer.close()


def play(peer):
    """All of the script at once, and the end of the connection when it was understood: by then all
    questions were answered."""
    peer.send(b"".join(event(name, **data) for name, data, _ in SCRIPT))


def told(events):
    """Of what was seen, the domain events with their arguments."""
    return [(one.kind, one.arguments) for one in events if hasattr(one, "kind")]


def assert_raw_first(names, scripted_events):
    """@names: of monitor and domain events, in the order in which they came: what follows from a
    monitor event comes after it, and those of each sort in their own order."""
    raw = [name for name, _, _ in scripted_events]
    assert [one for kind, one in names if kind == "raw"] == raw
    seen = 0
    need = [i + 1 for i, (_, _, following) in enumerate(scripted_events) for _ in following]
    for kind, _ in names:
        if kind == "raw":
            seen += 1
        elif need:
            assert seen >= need.pop(0)


def watch_all(conn):
    """Registers for everything; all that comes is in one list."""
    events = []
    raw = conn.watch()
    raw.events = events
    for kind in range(len(TYPED)):
        conn.typed(kind, events=events)
    return events


def check_scripted(peer, conn):
    events = watch_all(conn)
    wait(lambda: conn.count() == 1, "domain")
    play(peer)
    wait(lambda: len(told(events)) >= len(FOLLOWS) - len(AT_THE_END),
         lambda: f"more than {told(events)}")
    assert_raw_first([("typed", one.kind) if hasattr(one, "kind") else ("raw", one.name)
                      for one in events], SCRIPT)
    peer.babble()
    wait(lambda: ("lifecycle", [5, 0]) in told(events), "end")
    assert told(events) == FOLLOWS
    assert {(one.domain, one.id) for one in events} == {("scripted", 1)}


def test_in_process(scripted, connect):
    check_scripted(scripted, connect(uri_of(scripted.path)))


def test_our_client_and_virtmond(scripted, virtmond, connect):
    virtmond.wait_until_known("scripted")
    check_scripted(scripted, connect(virtmond.uri()))


# --- what is ours ---

DESCRIPTION, TITLE, ELEMENT = range(3)
CHANGES = [(TITLE, "mine", None, None), (DESCRIPTION, "of\nmine", None, None),
           (ELEMENT, "<a><b/></a>", "x", "urn:x"), (ELEMENT, None, None, "urn:x"),
           (TITLE, None, None, None)]
CHANGED = [[kind, uri] for kind, _, _, uri in CHANGES]


def test_metadata(scripted, virtmond, connect):
    """Set in one process, told in both; what isn't done is not told."""
    virtmond.wait_until_known("scripted")
    conn, other = connect(virtmond.uri()), connect(virtmond.uri())
    events = [one.typed(KINDS.index("metadata-change")) for one in (conn, other)]
    domain = conn.domain("scripted")
    for change in CHANGES:
        domain.set_metadata(*change)
        if change[1]:
            assert other.domain("scripted").metadata(change[0], change[3]) == \
                change[1].replace("<a><b/></a>", "<a>\n  <b/>\n</a>")
    for bad, code in [((ELEMENT, "<a", "x", "urn:x"), virtapi.ERR_XML_DETAIL),
                      ((TITLE, "two\nlines", None, None), virtapi.ERR_INVALID_ARG),
                      ((TITLE, "x", None, None, 2), virtapi.ERR_OPERATION_INVALID)]:
        with pytest.raises(Error) as error:
            domain.set_metadata(*bad)
        assert error.value.code == code
    domain.set_metadata(DESCRIPTION, "")
    for seen in events:
        seen.wait(len(CHANGES) + 1)
        assert [list(one.arguments) for one in seen.events] == [*CHANGED, [DESCRIPTION, None]]
    assert "<title>" not in domain.xml()


def test_metadata_in_process(scripted, connect):
    conn = connect(uri_of(scripted.path))
    events = conn.typed(KINDS.index("metadata-change"))
    for change in CHANGES:
        conn.domain("scripted").set_metadata(*change)
    events.wait(len(CHANGES))
    assert [list(one.arguments) for one in events.events] == CHANGED


class Client(Output):
    """A program with bindings of libvirt's own."""

    def __init__(self, program, uri):
        super().__init__(subprocess.Popen(
            [*map(str, program), "typed", uri, "scripted"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8"}))

    @property
    def told(self):
        return [json.loads(line) for line in self.out]

    def close(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def as_texts(value):
    """Perl makes no difference between numbers and texts."""
    if isinstance(value, (list, tuple)):
        return [as_texts(one) for one in value]
    if isinstance(value, dict):
        return {key: as_texts(one) for key, one in value.items()}
    return str(value)


@pytest.mark.parametrize("program", [["/usr/bin/python3", HERE / "python_client.py"],
                                     ["/usr/bin/perl", HERE / "perl_client.pl"]],
                         ids=["python", "perl"])
def test_other_clients(program, scripted, virtmond, connect):
    """What libvirt's library makes of virtmond's messages, through its bindings."""
    virtmond.wait_until_known("scripted")
    client = Client(program, virtmond.uri())
    try:
        client.wait_for(lambda _: any(one[0] == "registered" for one in client.told))
        play(scripted)
        client.wait_for(lambda _: sum(one[0] == "typed" for one in client.told) >=
                        len(FOLLOWS) - len(AT_THE_END))
        domain = connect(virtmond.uri()).domain("scripted")
        for change in CHANGES:
            domain.set_metadata(*change)
        scripted.babble()
        client.wait_for(lambda _: any(one[0] == "typed" and as_texts(one[3]) == ["5", "0"]
                                      for one in client.told))
        client.process.stdin.write(b"\n")
        client.process.stdin.flush()
        status = client.finish()
        assert (status, client.err) == (0, [])
        seen = [(KINDS[one[1]], as_texts(one[3])) for one in client.told if one[0] == "typed"]
        expected = [*FOLLOWS[:-len(AT_THE_END)], *[("metadata-change", one) for one in CHANGED],
                    *AT_THE_END]
        assert seen == [(kind, as_texts(arguments)) for kind, arguments in expected]
        assert {one[2] for one in client.told if one[0] == "typed"} == {"scripted"}
    finally:
        client.close()


def test_drift_is_told_and_drops_nothing(scripted, virtmond, connect):
    """One line in the log, and one with a count when the domain goes."""
    virtmond.wait_until_known("scripted")
    conn = connect(virtmond.uri())
    seen = conn.typed(KINDS.index("watchdog"))
    strange = [{"action": "implode"}, {}, {"action": ["pause"]}, {"action": "pause"}]
    scripted.send(b"".join(event("WATCHDOG", **data) for data in strange))
    seen.wait(4)
    assert [one.arguments for one in seen.events] == [[0], [0], [0], [1]]
    ended = conn.typed(KINDS.index("lifecycle"))
    scripted.hang_up()
    ended.wait_for(lambda one: one.arguments[0] == 5)
    conn.close()
    assert virtmond.close() == 0
    log = virtmond.log.read_text()
    assert log.count("event WATCHDOG of domain 'scripted' has unexpected data: action") == 1
    assert log.count("2 more events of domain 'scripted' had unexpected data") == 1


def test_commits_that_nobody_watches_are_forgotten(scripted, connect):
    """A job may have ended meanwhile, and another one of its name have begun."""
    conn = connect(uri_of(scripted.path))
    wait(lambda: conn.count() == 1, "domain")
    raw = conn.watch("BLOCK_JOB_COMPLETED")
    seen = conn.typed(KINDS.index("block-job-2"))
    commit = {**JOB, "device": "job0", "type": "commit"}
    scripted.send(event("BLOCK_JOB_READY", **commit))
    seen.wait(1)
    seen.close()
    scripted.send(event("BLOCK_JOB_COMPLETED", **commit))
    raw.wait(1)
    again = conn.typed(KINDS.index("block-job-2"))
    scripted.send(event("BLOCK_JOB_COMPLETED", **commit))
    again.wait(1)
    assert [one.arguments for one in seen.events + again.events] == [["job0", 4, 3],
                                                                     ["job0", 3, 0]]


# --- ends ---

def kill(guest):
    os.kill(guest.pid, signal.SIGKILL)


def tell_to_quit(guest):
    guest.command("quit")


def has_ended(events):
    return any(kind == "lifecycle" and arguments[0] == 5 for kind, arguments in told(events))


@pytest.mark.parametrize("end, detail", [(kill, 5), (tell_to_quit, 0)])
def test_an_end_is_no_control_error(end, detail, daemon, connect):
    """As long as nothing was asked of that QEMU that it has not read."""
    guest = daemon.start_guest("g1")
    conn = connect(daemon.uri())
    events = watch_all(conn)
    end(guest)
    wait(lambda: has_ended(events), "end")
    assert told(events)[-1] == ("lifecycle", [5, detail])
    assert "control-error" not in [kind for kind, _ in told(events)]


def test_a_command_unread_is_a_control_error(scripted, connect):
    """The connection breaks with it."""
    def leave(peer, _command, _fds):
        assert select.select([peer.client], [], [], DEADLINE)[0], "no second command"
        peer.client.close()

    conn = connect(uri_of(scripted.path))
    events = watch_all(conn)
    wait(lambda: conn.count() == 1, "domain")
    scripted.on_command = leave
    errors = []

    def ask():
        try:
            conn.domain("scripted").monitor('{"execute":"query-mice"}')
        except Error as error:
            errors.append(error)

    callers = [threading.Thread(target=ask) for _ in range(2)]
    for caller in callers:
        caller.start()
        scripted.wait_command("query-mice")
    wait(lambda: has_ended(events), "end")
    for caller in callers:
        caller.join(DEADLINE)
    assert len(errors) == 2
    assert told(events) == [("control-error", []), ("lifecycle", [5, 5])]


# --- real QEMUs ---

# Where a guest's memory is that nobody uses, for queues of virtio.
FREE = 0x1000000


class Guest:
    """A QEMU with the guest of the boot sector, a second disk that fails once, and devices whose
    drivers the test is."""

    def __init__(self, start_qemu, folder):
        self.folder = folder
        self.bad = folder / "bad.img"
        self.bad.write_bytes(bytes(65536))
        (folder / "blkdebug.conf").write_text(
            '[inject-error]\nevent = "read_aio"\nerrno = "28"\nimmediately = "off"\n'
            'once = "on"\nsector = "1"\n')
        self.qemu = start_qemu(machine="pc", args=[
            *bootguest.arguments(folder), "-m", "32,slots=2,maxmem=1G", "-no-shutdown",
            "-device", "ib700", "-action", "watchdog=pause",
            "-drive", "if=none,id=drive-bad0,format=raw,rerror=stop,"
                      f"file=blkdebug:{folder / 'blkdebug.conf'}:{self.bad}",
            "-device", "ide-hd,id=bad0,drive=drive-bad0,bus=ide.0,unit=1",
            "-device", "ide-cd,id=cd0,bus=ide.1", "-vnc", f"unix:{folder / 'vnc'}",
            "-spice", f"unix=on,addr={folder / 'spice'},disable-ticketing=on",
            "-blockdev", "null-co,node-name=source,size=1048576,read-zeroes=on",
            "-blockdev", "null-co,node-name=target,size=1048576,read-zeroes=on",
            "-object", "memory-backend-ram,id=ram0,size=128M",
            "-device", "pc-dimm,id=dimm0,memdev=ram0",
            "-object", "memory-backend-ram,id=ram1,size=128M",
            "-device", "virtio-mem-pci,id=vmem0,memdev=ram1,requested-size=2M,addr=0x10",
            "-device", "virtio-balloon-pci,id=balloon0,addr=0x11",
            "-device", "virtio-serial-pci,id=serial0,addr=0x12", "-chardev", "null,id=port",
            "-device", "virtserialport,id=port0,bus=serial0.0,nr=1,chardev=port,"
                       "name=org.qemu.guest_agent.0",
            "-qtest", f"unix:{folder / 'qtest'},server=on,wait=off", "-qtest-log", "/dev/null"])
        self.serial = bootguest.Serial(folder, DEADLINE)
        self.driver = Qtest(folder / "qtest", DEADLINE)

    def close(self):
        self.driver.close()
        self.serial.close()

    def told(self, name, action, *args, **kwargs):
        """Until QEMU has said it to the test's own monitor."""
        qmp = self.qemu.qmp
        start = len(qmp.events)
        action(*args, **kwargs)
        qmp.wait_event(name, start)

    def boot(self):
        self.qemu.command("cont")
        self.serial.expect(b"B")

    def jobs(self):
        command = self.qemu.qmp.command
        mirror = {"device": "source", "target": "target", "sync": "full"}
        self.told("BLOCK_JOB_READY", command, "blockdev-mirror", **mirror, **{"job-id": "one"})
        self.told("BLOCK_JOB_COMPLETED", command, "block-job-complete", device="one")
        self.told("BLOCK_JOB_READY", command, "blockdev-mirror", **mirror, **{"job-id": "two"})
        self.told("BLOCK_JOB_COMPLETED", command, "block-job-cancel", device="two")
        self.told("JOB_STATUS_CHANGE", command, "blockdev-mirror", **mirror,
                  **{"job-id": "three", "speed": 1})
        self.told("BLOCK_JOB_CANCELLED", command, "block-job-cancel", device="three", force=True)

    def keep_module(self):
        """Of memory: as a guest's ACPI answers, by the ports of QEMU's that are for it."""
        for port, value in ((0xa00, 0), (0xa04, 3), (0xa08, 0x80)):     # slot, source, status
            self.driver.ask("outl", port, value)

    def inflate_balloon(self):
        balloon = Virtio(self.driver, 0x11)
        balloon.begin()
        balloon.set("l", Virtio.CONFIG + 4, 1024)       # pages that were given back

    def take_memory(self):
        memory = Virtio(self.driver, 0x10)
        queue = VirtioQueue(memory, 0, FREE)
        memory.begin()
        block = memory.get("q", Virtio.CONFIG + 16)     # the first
        queue.send(struct.pack("<H6xQH6x", 0, block, 1), answer=10)

    def agent(self):
        """Opens its port, and closes it. QEMU tells one change a second, and the last of those in
        between; a guest's clock goes on by itself."""
        ports = Virtio(self.driver, 0x12, features=2)
        control = VirtioQueue(ports, 3, FREE + 0x100000)
        ports.begin()
        for is_open in (1, 0):
            self.told("VSERPORT_CHANGE", control.send, struct.pack("<IHH", 1, 6, is_open))

    def migrate(self):
        command = self.qemu.qmp.command
        command("migrate-set-capabilities", capabilities=[{"capability": "events",
                                                           "state": True}])
        command("migrate", uri=f"exec:cat >{self.folder / 'state'}")
        wait_migrated(self.qemu.qmp)
        deadline = time.monotonic() + DEADLINE
        while command("query-status")["status"] != "postmigrate":
            assert time.monotonic() < deadline, "the migration does not end"
        self.told("RESUME", command, "cont")

    def devices(self):
        command = self.qemu.qmp.command
        self.told("DEVICE_TRAY_MOVED", command, "blockdev-open-tray", id="cd0")
        self.told("DEVICE_TRAY_MOVED", command, "blockdev-close-tray", id="cd0")
        self.told("VNC_DISCONNECTED", vnc_visit, self.folder / "vnc")
        self.told("SPICE_DISCONNECTED", spice.visit, self.folder / "spice", DEADLINE)
        self.told("ACPI_DEVICE_OST", self.keep_module)
        self.told("BALLOON_CHANGE", self.inflate_balloon)
        self.told("MEMORY_DEVICE_SIZE_CHANGE", self.take_memory)
        self.agent()
        self.jobs()
        command("block-set-write-threshold", **{"node-name": "target", "write-threshold": 4096})
        self.told("BLOCK_WRITE_THRESHOLD", command, "human-monitor-command",
                  **{"command-line": "qemu-io target \"write 0 64k\""})
        # An error that cannot be corrected, of a processor that is not prepared for it.
        self.told("RESET", command, "human-monitor-command",
                  **{"command-line": "mce 0 0 0xbd00000000000000 5 0 0"})
        self.serial.expect(b"B")
        command("object-add", **{"qom-type": "rng-builtin", "id": "rng0"})
        command("device_add", driver="virtio-rng-pci", rng="rng0", id="rng-dev")
        command("device_del", id="rng-dev")
        self.told("DEVICE_DELETED", command, "system_reset")
        self.serial.expect(b"B")

    def everything(self):
        command, tell = self.qemu.qmp.command, self.serial.tell
        self.told("RESUME", self.boot)
        self.told("STOP", command, "stop")
        self.told("RESUME", command, "cont")
        self.told("GUEST_CRASHLOADED", tell, b"c")
        self.told("GUEST_PANICKED", tell, b"p")
        self.told("STOP", command, "stop")
        self.told("RESUME", command, "cont")
        self.told("STOP", tell, b"d")
        self.told("RESUME", command, "cont")
        self.told("RTC_CHANGE", tell, b"t")
        self.told("STOP", tell, b"w")
        self.told("RESUME", command, "cont")
        self.devices()
        self.told("SUSPEND", tell, b"z")
        self.told("WAKEUP", command, "system_wakeup")
        self.serial.expect(b"B")
        self.migrate()
        self.told("SHUTDOWN", tell, b"y")
        # -no-shutdown: it ends when it is told to.
        command("quit")
        while self.qemu.qmp.read():
            pass

    def follows(self):
        """What each row leads to here: the arguments, by which it is told from what follows from
        other rows, or a function that knows them."""
        bad = [f"blkdebug:{self.folder / 'blkdebug.conf'}:{self.bad}", "bad0", 1]
        vnc = [[2, "", str(self.folder / "vnc")], [2, "", ""], "none", []]
        viewer = [[2, "localhost", str(self.folder / "spice")], [2, "localhost", ""]]

        def job(row, *arguments):
            return {(row, kind): list(arguments) for kind in ("block-job", "block-job-2")}

        return {
            ("ACPI_DEVICE_OST", "device-removal-failed"): ["dimm0"],
            ("BALLOON_CHANGE", "balloon-change"): lambda arguments: arguments[0] > 0,
            ("BLOCK_IO_ERROR", "io-error"): bad,
            ("BLOCK_IO_ERROR", "io-error-reason"): [*bad, "enospc"],
            ("BLOCK_IO_ERROR", "lifecycle"): [3, 2],
            **job("BLOCK_JOB_READY", "one", 2, 3),
            **job("BLOCK_JOB_COMPLETED", "two", 2, 0),
            **job("BLOCK_JOB_CANCELLED", "three", 2, 2),
            ("BLOCK_WRITE_THRESHOLD", "block-threshold"):
                lambda arguments: "null-co" in arguments[1] and
                [arguments[0], *arguments[2:]] == ["target", 4096, 61440],
            ("DEVICE_DELETED", "device-removed"): ["rng-dev"],
            ("DEVICE_TRAY_MOVED", "tray-change"): ["cd0", 1],
            ("GUEST_CRASHLOADED", "lifecycle"): [8, 1],
            ("GUEST_PANICKED", "lifecycle"): [8, 0],
            ("MEMORY_DEVICE_SIZE_CHANGE", "memory-device-size-change"): ["vmem0", 2048],
            ("MEMORY_FAILURE", "memory-failure"): [1, 3, 0],
            ("MIGRATION", "job-completed"): lambda arguments: arguments[0]["operation"] == 5,
            ("MIGRATION_PASS", "migration-iteration"): [1],
            ("RESET", "reboot"): [],
            ("RESUME", "lifecycle"): [4, 0],
            # The guest has set the minutes to 42, which they may be.
            ("RTC_CHANGE", "rtc-change"):
                [next(one["data"]["offset"] for one in self.qemu.qmp.events
                      if one["event"] == "RTC_CHANGE")],
            ("SHUTDOWN", "lifecycle"): [6, 1],
            ("SPICE_CONNECTED", "graphics"): [0, *viewer, "", []],
            ("SPICE_INITIALIZED", "graphics"): [1, *viewer, "none", []],
            ("SPICE_DISCONNECTED", "graphics"): [2, *viewer, "", []],
            ("STOP", "lifecycle"): [3, 0],
            ("SUSPEND", "lifecycle"): [7, 0],
            ("SUSPEND", "pm-suspend"): [0],
            ("SUSPEND_DISK", "lifecycle"): [7, 1],
            ("SUSPEND_DISK", "pm-suspend-disk"): [0],
            ("VNC_CONNECTED", "graphics"): [0, *vnc],
            ("VNC_INITIALIZED", "graphics"): [1, *vnc],
            ("VNC_DISCONNECTED", "graphics"): [2, *vnc],
            ("VSERPORT_CHANGE", "agent-lifecycle"): [2, 2],
            ("WAKEUP", "lifecycle"): [2, 4],
            ("WAKEUP", "pm-wakeup"): [0],
            ("WATCHDOG", "lifecycle"): [3, 3],
            ("WATCHDOG", "watchdog"): [1],
        }


def check_job(job):
    """What a libvirtd tells of a guest that it has migrated, but for its own times over a network.
    QEMU has a rate only if it took long enough."""
    assert [name for name in job if name != "memory_bps"] == [
        "operation", "time_elapsed", "downtime", "setup_time", "data_total", "data_processed",
        "data_remaining", "memory_total", "memory_processed", "memory_remaining",
        "memory_constant", "memory_normal", "memory_normal_bytes", "memory_dirty_rate",
        "memory_iteration", "memory_postcopy_requests", "memory_page_size", "disk_total",
        "disk_processed", "disk_remaining"]
    assert job["data_total"] == job["memory_total"] > 0


@pytest.mark.parametrize("way", ["in process", "virtmond"])
def test_a_real_qemu(way, start_qemu, folder, connect, request):
    """As much as there is without an operating system, through each way to it."""
    guest = Guest(start_qemu, folder)
    request.addfinalizer(guest.close)
    if way == "virtmond":
        daemon = request.getfixturevalue("start_virtmond")(monitors=[guest.qemu.watch])
        daemon.wait_until_known("guest")
        conn = connect(daemon.uri())
    else:
        conn = connect(uri_of(guest.qemu.watch))
    events = watch_all(conn)
    guest.everything()
    wait(lambda: has_ended(events), "end")

    seen = told(events)
    said = {one.name for one in events if not hasattr(one, "kind")}
    follows = guest.follows()
    for (row, kind), expected in follows.items():
        assert row in said
        assert any(one == kind and
                   (expected(arguments) if callable(expected) else expected == arguments)
                   for one, arguments in seen), (row, kind)
    check_job(*[arguments[0] for kind, arguments in seen if kind == "job-completed"])
    # Each row was seen to lead to each of its kinds, and none of those that can't be had was.
    assert set(follows) == listed() - set(NOT_HERE)
    assert not said & {row for row, _ in NOT_REAL}, "it can be had after all"


def two_sides(start_qemu, folder, *capabilities):
    """QEMUs between which a guest can migrate, in ways that have to be allowed."""
    source = start_qemu(name="source", machine="pc", args=["-m", "32"])
    target = start_qemu(name="target", machine="pc",
                        args=["-m", "32", "-incoming", f"unix:{folder / 'way'}"])
    wanted = [{"capability": name, "state": True} for name in ("events", *capabilities)]
    if not target.qmp.try_command("migrate-set-capabilities", capabilities=wanted):
        pytest.skip("userfaultfd() is not allowed here")
    source.command("migrate-set-capabilities", capabilities=wanted)
    return source, target


def wait_migrated(qmp, start=0):
    while not any(one["event"] == "MIGRATION" and one["data"]["status"] == "completed"
                  for one in qmp.events[start:]):
        assert qmp.read()


def test_postcopy(start_qemu, folder, connect):
    """Two QEMUs: that of the guest stops, and then says that it hands over."""
    source, _target = two_sides(start_qemu, folder, "postcopy-ram", "pause-before-switchover")
    source.command("migrate-set-parameters", **{"max-bandwidth": 10000})
    conn = connect(uri_of(source.watch))
    events = watch_all(conn)
    source.command("migrate", uri=f"unix:{folder / 'way'}")
    source.qmp.wait_event("MIGRATION_PASS")
    source.command("migrate-start-postcopy")
    while source.qmp.events[-1].get("data") != {"status": "pre-switchover"}:
        assert source.qmp.read()
    source.command("migrate-continue", state="pre-switchover")
    wait(lambda: "job-completed" in [kind for kind, _ in told(events)], "end")
    assert [arguments for kind, arguments in told(events) if kind == "lifecycle"] == [[3, 1],
                                                                                      [3, 7]]


@pytest.mark.parametrize("postcopy", [False, True], ids=["precopy", "postcopy"])
def test_the_other_side(postcopy, start_qemu, folder, connect):
    """Where a guest comes to, no job is done, and nothing is handed over. If it goes on from there,
    one is."""
    source, target = two_sides(start_qemu, folder, *["postcopy-ram"] * postcopy)
    conn = connect(uri_of(target.watch))
    events = watch_all(conn)
    wait(lambda: conn.count() == 1, "domain")
    if postcopy:
        source.command("migrate-set-parameters", **{"max-bandwidth": 10000})
    source.command("migrate", uri=f"unix:{folder / 'way'}")
    if postcopy:
        source.qmp.wait_event("MIGRATION_PASS")
        source.command("migrate-start-postcopy")
    wait_migrated(target.qmp)
    target.command("stop")
    wait(lambda: ("lifecycle", [3, 0]) in told(events), "stop")
    assert told(events) == [("lifecycle", [4, 0]), ("lifecycle", [3, 0])]
    if postcopy:
        return                      # QEMU 7.2 may refuse ("duplicate yank instance")
    start = len(target.qmp.events)
    target.command("migrate", uri="exec:cat >/dev/null")
    wait_migrated(target.qmp, start)
    wait(lambda: "job-completed" in [kind for kind, _ in told(events)], "job")
    assert {kind for kind, _ in told(events)[2:]} <= {"migration-iteration", "job-completed"}


def test_only_what_is_wanted_is_asked(scripted, connect):
    """QEMU is asked about disks and ports for those who want to know, and not again at once."""
    conn = connect(uri_of(scripted.path))
    seen = conn.typed(KINDS.index("watchdog"))
    error = event("BLOCK_IO_ERROR", device="drive-virtio-disk0", action="report")
    scripted.send(error * 10 + event("VSERPORT_CHANGE", id="c", open=True) +
                  event("WATCHDOG", action="reset"))
    seen.wait(1)
    names = [one.get("execute") for one in scripted.commands]
    assert not {"query-block", "qom-get"} & set(names)
    errors = conn.typed(KINDS.index("io-error"))
    scripted.send(error * 1000)
    errors.wait(1000)
    names = [one.get("execute") for one in scripted.commands]
    assert 1 <= names.count("query-block") <= 10


# --- our client and a libvirtd ---

def find(serial):
    """A guest that runs already has said its first letter to whoever was there, if anybody: it is
    asked until it answers."""
    deadline = time.monotonic() + DEADLINE
    serial.sock.settimeout(0.2)
    while True:
        try:
            serial.tell(b"h")
            break
        except TimeoutError:
            assert time.monotonic() < deadline, "the guest does not answer"
    serial.sock.settimeout(DEADLINE)


def test_our_client_and_libvirtd(libvirtd, folder, connect):
    """What a guest of its own gives there."""
    disk = folder / "disk.img"
    disk.write_bytes(bytes(1 << 20))
    guest = libvirtd.start_guest("g1", machine="pc", args=[
        *bootguest.arguments(folder), "-vnc", f"unix:{folder / 'vnc'}"], devices=
        "<watchdog model='ib700' action='pause'/>"
        f"<disk type='file' device='disk'><source file='{disk}'/><target dev='vda' bus='virtio'/>"
        "<boot order='5'/></disk>"
        "<disk type='file' device='cdrom'><target dev='hdd' bus='ide'/></disk>")
    serial = bootguest.Serial(folder, DEADLINE)
    find(serial)
    conn = connect(libvirtd.uri())
    events = watch_all(conn)

    def wait_for(kind, *arguments):
        wait(lambda: (kind, list(arguments)) in told(events),
             lambda: f"{kind} {arguments} in {told(events)}")

    serial.tell(b"t")
    wait(lambda: "rtc-change" in [kind for kind, _ in told(events)], "rtc-change")
    serial.tell(b"w")
    wait_for("watchdog", 1)
    wait_for("lifecycle", 3, 3)
    guest.command("cont")
    wait_for("lifecycle", 4, 0)
    vnc_visit(folder / "vnc")
    for phase in range(3):
        wait_for("graphics", phase, [2, "", str(folder / "vnc")], [2, "", ""], "none", [])
    guest.command("blockdev-open-tray", id="ide0-1-1")
    wait_for("tray-change", "ide0-1-1", 0)
    libvirtd.virsh("desc", "g1", "--live", "--title", "--new-desc", "mine")
    wait_for("metadata-change", 1, None)
    libvirtd.virsh("blkdeviotune", "g1", "vda", "--total-bytes-sec", "1048576")
    wait_for("tunable", {"blkdeviotune.disk": "vda", "blkdeviotune.total_bytes_sec": 1048576})
    guest.command("system_reset")
    wait_for("reboot")
    serial.close()
    conn.close()
