#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What libvirtd makes of events of QEMU's, virtmond makes of them too; also of those that QEMU
can't be made to send here, and of some that it never would."""
import pathlib
import socket

from conftest import DEADLINE
from qmppeer import Peer, event
from virtapi import TYPED, wait

PROXY = pathlib.Path(__file__).resolve().parent.parent / "qemuproxy.py"
# So many at once: fewer than those that virtmond keeps waiting for an answer of QEMU's.
PART = 30

DISK = {"device": "", "node-name": "libvirt-2-format", "operation": "write",
        "qom-path": "/machine/peripheral/virtio-disk0/virtio-backend"}
VNC = {"server": {"auth": "sasl", "family": "ipv4", "service": "5900", "host": "127.0.0.1",
                  "websocket": False},
       "client": {"family": "ipv6", "service": "4711", "host": "::1", "websocket": False,
                  "x509_dname": "CN=me", "sasl_username": "you"}}
SPICE = {"server": {"port": "5901", "family": "ipv4", "host": "127.0.0.1", "auth": "none"},
         "client": {"port": "4712", "family": "unix", "host": ""}}
BASIC = {"server": {"port": "5901", "family": "ipv6", "host": "::1"}, "client": SPICE["client"]}
FLAGS = {"action-required": True, "recursive": False}


def answer(slot, source, status, device="dimm0"):
    info = {"slot-type": slot, "slot": "0", "source": source, "status": status}
    return "ACPI_DEVICE_OST", {"info": {**info, "device": device} if device else info}


EVENTS = [
    ("STOP", {}), ("STOP", {}), ("RESUME", {}), ("RESUME", {}),
    ("RESET", {"guest": True, "reason": "guest-reset"}), ("RESET", {"reason": "of the future"}),
    ("RTC_CHANGE", {"offset": -3600}), ("RTC_CHANGE", {"offset": 5, "qom-path": "/machine/x"}),
    ("RTC_CHANGE", {"set": 5}), ("RTC_CHANGE", {"offset": "x"}),
    *[("WATCHDOG", {"action": action}) for action in (
        "none", "reset", "poweroff", "shutdown", "debug", "inject-nmi", "of the future")],
    ("WATCHDOG", {"action": "pause"}), ("STOP", {}), ("RESUME", {}),
    ("BLOCK_IO_ERROR", {**DISK, "action": "report", "nospace": True, "reason": "No space"}),
    ("BLOCK_IO_ERROR", {**DISK, "action": "ignore", "nospace": False, "reason": "Other"}),
    ("BLOCK_IO_ERROR", {**DISK, "action": "of the future"}),
    ("BLOCK_IO_ERROR", {**DISK, "action": "stop", "nospace": True, "reason": "No space"}),
    ("STOP", {}), ("RESUME", {}),
    *[(f"VNC_{phase}", VNC) for phase in ("CONNECTED", "INITIALIZED", "DISCONNECTED")],
    ("VNC_CONNECTED", {**VNC, "server": {**VNC["server"], "family": "vsock"}}),
    ("SPICE_CONNECTED", BASIC), ("SPICE_INITIALIZED", SPICE), ("SPICE_DISCONNECTED", BASIC),
    ("DEVICE_TRAY_MOVED", {"device": "", "id": "ide0-1-1", "tray-open": True}),
    ("DEVICE_TRAY_MOVED", {"device": "", "id": "ide0-1-1", "tray-open": False}),
    ("SUSPEND", {}), ("WAKEUP", {}), ("SUSPEND_DISK", {}), ("WAKEUP", {}), ("WAKEUP", {}),
    ("BALLOON_CHANGE", {"actual": 1 << 30}), ("BALLOON_CHANGE", {"actual": 1025}),
    ("DEVICE_UNPLUG_GUEST_ERROR", {"device": "net0", "path": "/machine/peripheral/net0"}),
    ("DEVICE_UNPLUG_GUEST_ERROR", {"path": "/machine/peripheral/net0"}),
    ("MEM_UNPLUG_ERROR", {"device": "dimm0", "msg": "no"}),
    *[answer("DIMM", source, status) for source in (0, 1, 3, 0x103, 0x200)
      for status in (0, 1, 2, 0x7f, 0x80, 0x83, 0x84)],
    answer("CPU", 3, 1), answer("DIMM", 3, 1, None),
    ("MEMORY_FAILURE", {"recipient": "guest", "action": "reset", "flags": FLAGS}),
    ("MEMORY_FAILURE", {"recipient": "hypervisor", "action": "ignore", "flags": FLAGS}),
    ("MEMORY_FAILURE", {"recipient": "guest", "action": "inject"}),
    ("VSERPORT_CHANGE", {"id": "channel0", "open": True}),
    ("VSERPORT_CHANGE", {"id": "channel0", "open": False}),
    ("VSERPORT_CHANGE", {"id": "channel1", "open": True}),
    ("GUEST_CRASHLOADED", {"action": "run"}),
    ("DEVICE_DELETED", {"path": "/machine/peripheral/rng0/virtio-backend"}),
    ("DEVICE_DELETED", {"device": "rng0", "path": "/machine/peripheral/rng0"}),
]


# The devices that these are about, as libvirtd knows them.
DEVICES = """
    <disk type='file' device='disk'><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='hdd' bus='ide'/></disk>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='pty'><target type='virtio' name='com.redhat.spice.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <watchdog model='ib700' action='pause'/>
"""


def watch(conn):
    """All kinds of events, in one list."""
    events = []
    for kind in range(len(TYPED)):
        conn.typed(kind, events=events)
    return events


def told(events):
    """Kinds and arguments, in no order: libvirtd has threads of their own for some."""
    return sorted(repr((one.kind, one.arguments)) for one in events)


def say(path, data):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(str(path))
        sock.sendall(data)


def port(peer, command, _fds):
    """What a port is for, as a QEMU with those devices would answer."""
    if command["execute"] == "qom-get":
        agent = command["arguments"]["path"].endswith("/channel0")
        peer.reply(command, "org.qemu.guest_agent.0" if agent else "com.redhat.spice.0")
    else:
        peer.reply(command, {})


def test_the_same_follows(libvirtd, start_virtmond, folder, connect):
    disk = libvirtd.folder / "disk.img"
    disk.write_bytes(bytes(1 << 20))
    guest = libvirtd.start_guest("g1", emulator=PROXY, devices=DEVICES.format(disk=disk))
    peer = Peer(folder / "g1.qmp", guest="g1", on_command=port)
    peer.answers["query-block"] = [
        {"device": "", "qdev": DISK["qom-path"],
         "inserted": {"file": str(disk), "node-name": DISK["node-name"]}}]
    try:
        virtmond = start_virtmond()
        virtmond.wait_until_known("g1")
        theirs, ours = [watch(connect(daemon.uri())) for daemon in (libvirtd, virtmond)]
        for start in range(0, len(EVENTS), PART):
            # The last one tells that there is no more of them.
            part = [*EVENTS[start:start + PART], ("RTC_CHANGE", {"offset": 4711 + start})]
            data = b"".join(event(name, **members) for name, members in part)
            say(f"{guest.drive}.say", data)
            peer.send(data)
            wait(lambda end=4711 + start: ours and ours[-1].arguments == [end], "end")
            wait(lambda: len(theirs) >= len(ours), lambda: f"as much: {told(theirs)}")
            assert told(theirs) == told(ours)
    finally:
        peer.close()
