# SPDX-License-Identifier: LGPL-2.1-or-later
"""Daemons with real guests: ours, and libvirt's own, so that both can be asked the same.

A daemon has `kind` ("virtmond", "libvirtd"), `uri()` and `start_guest()`. A guest is a Qemu as in
conftest.py: with `command()` on a monitor of the test's own, beside the one that the
daemon has.
"""
import os
import select
import signal
import socket
import subprocess
import time

import pytest
import wire

from conftest import BUILD, DEADLINE, Qemu, Qmp


def wait_for_socket(path, process, log):
    """Until somebody listens there."""
    deadline = time.monotonic() + DEADLINE
    while True:
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                sock.connect(str(path))
                return
            except OSError:
                pass
        if process.poll() is not None or time.monotonic() > deadline:
            text = log.read_text(errors="replace") if log.exists() else ""
            pytest.fail(f"nobody listens at {path}; log:\n{text[-3000:]}")
        select.select([], [], [], 0.01)


def end(process):
    """By SIGTERM, as a service manager would; the exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=DEADLINE)
            pytest.fail(f"process {process.pid} does not end")
    return process.returncode


def quiet_firmware(folder):
    """Arguments for a guest that halts with the first instruction, and so never resets itself as
    a BIOS does that was interrupted: what happens to it is what a test has done."""
    path = folder / "halt.bin"
    path.write_bytes(b"\xf4" * 65536)
    return ["-bios", path]


class Virtmond:
    """A virtmond whose guests are the QEMUs in its folder; @wrapper: what it runs under."""

    kind = "virtmond"

    def __init__(self, folder, *args, config=None, env=None, monitors=None, wrapper=()):
        self.folder = folder
        self.run = folder / "run"
        self.log = folder / "virtmond.log"
        self.config = folder / "virtmond.conf"
        self.config.write_text(config or "")
        self.guests = []
        command = [*wrapper, BUILD / "src" / "virtmond", "--config", self.config, "--socket-dir",
                   self.run]
        for pattern in monitors if monitors is not None else [folder / "*.qmp"]:
            command += ["--monitor", pattern]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command + list(args)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})
        try:
            wait_for_socket(self.socket(), self.process, self.log)
            wait_for_socket(self.socket(True), self.process, self.log)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def socket(self, readonly=False):
        return self.run / ("virtmon-sock-ro" if readonly else "virtmon-sock")

    def uri(self, readonly=False):
        return f"qemu+unix:///system?socket={self.socket(readonly)}"

    def start_guest(self, name="guest", args=(), machine="none", accel="tcg"):
        guest = Qemu(self.folder, name, machine=machine, args=args, accel=accel)
        self.guests.append(guest)
        self.wait_until_known(name, None if "-S" in args else "running")
        return guest

    def wait_until_known(self, name, state=None):
        """Sockets are found by inotify, which takes a moment, and a QEMU that has just opened its
        own has not begun to run."""
        deadline = time.monotonic() + DEADLINE
        while True:
            done = subprocess.run(["virsh", "-c", self.uri(True), "domstate", name],
                                  capture_output=True, text=True, check=False)
            if done.returncode == 0 and state in (None, done.stdout.strip()):
                return
            if time.monotonic() > deadline:
                pytest.fail(f"'{name}' is not found; log:\n" + self.log.read_text()[-3000:])

    def close(self):
        running = self.process.poll() is None
        try:
            status = end(self.process)
            # What a sanitizer has found is in the log, and in the status.
            assert not running or status == 0, self.log.read_text()[-3000:]
            return status
        finally:
            for guest in self.guests:
                guest.close()


class LibvirtGuest:
    """A guest that libvirtd has started, with a monitor of the test's own. It has the devices that
    @devices, XML, says: libvirtd has no eyes for those of @args."""

    def __init__(self, daemon, name, args, machine, accel, devices="",
                 emulator="/usr/bin/qemu-system-x86_64"):
        self.name = name
        self.daemon = daemon
        self.drive = daemon.folder / f"{name}.drive"
        xml = daemon.folder / f"{name}.xml"
        words = ["-qmp", f"unix:{self.drive},server=on,wait=off", *map(str, args)]
        extra = "".join(f"<qemu:arg value='{word}'/>" for word in words)
        xml.write_text(
            f"<domain type='{'kvm' if accel == 'kvm' else 'qemu'}' "
            "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
            f"<name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
            "<features><acpi/></features>"
            f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os><devices>"
            f"<emulator>{emulator}</emulator><memballoon model='none'/>"
            f"{devices}</devices><qemu:commandline>{extra}</qemu:commandline></domain>")
        daemon.virsh("create", xml)
        self.pid = int(next(self.daemon.run.glob(f"libvirt/qemu/{name}.pid")).read_text())
        self.qmp = Qmp(self.drive, time.monotonic() + DEADLINE)

    def command(self, name, **arguments):
        return self.qmp.command(name, **arguments)

    def close(self):
        self.qmp.close()


# Everything that libvirtd keeps lies in the folder, seen by it at the usual places in a mount
# namespace of its own; and it knows the user that its QEMU driver insists on, and all others who
# come: it wants their names.
LIBVIRTD = """
set -e
D=$1
for place in run lib log cache; do mkdir -p $D/libvirtd/$place; done
mkdir -p $D/libvirtd/etc /run/libvirt /etc/libvirt /var/lib/libvirt /var/log/libvirt \
    /var/cache/libvirt
mount --make-rprivate /
mount --bind $D/run/libvirt /run/libvirt
mount --bind $D/libvirtd/etc /etc/libvirt
mount --bind $D/libvirtd/lib /var/lib/libvirt
mount --bind $D/libvirtd/log /var/log/libvirt
mount --bind $D/libvirtd/cache /var/cache/libvirt
for user in libvirt-qemu:64055 $3; do
    echo "${user%:*}:x:${user#*:}:${user#*:}::/var/lib/libvirt:/usr/sbin/nologin" \
        >>$D/libvirtd/users
    echo "${user%:*}:x:${user#*:}:" >>$D/libvirtd/groups
done
cat /etc/passwd $D/libvirtd/users >$D/libvirtd/passwd
cat /etc/group $D/libvirtd/groups >$D/libvirtd/group
mount --bind $D/libvirtd/passwd /etc/passwd
mount --bind $D/libvirtd/group /etc/group
cp $D/qemu.conf /etc/libvirt/qemu.conf
exec libvirtd --config $D/libvirtd.conf --pid-file $D/run/libvirtd.pid $2
"""

LIBVIRTD_CONF = """
unix_sock_dir = "{run}"
auth_unix_ro = "none"
auth_unix_rw = "{auth_rw}"
log_outputs = "3:stderr"
{config}
"""

QEMU_CONF = """
stdio_handler = "file"
security_driver = "none"
cgroup_controllers = []
namespaces = []
user = "root"
group = "root"
remember_owner = 0
"""


class Libvirtd:
    """A libvirtd of Debian's; needs root.

    One registration, which nothing matches, is there for as long as it runs. libvirtd 9.0 takes
    its queue's timer away with the last registration even while it delivers and something has
    just been queued; whoever registers next then gets no event at all, as the timer is set only
    when the queue was empty.
    """

    kind = "libvirtd"

    def __init__(self, folder, *args, config="", env=None, auth_rw="none", users=()):
        self.folder = folder
        self.run = folder / "run"
        self.log = folder / "libvirtd.log"
        self.guests = []
        self.watch = None
        (self.run / "libvirt").mkdir(parents=True)
        (folder / "libvirtd.conf").write_text(LIBVIRTD_CONF.format(
            run=self.run, config=config, auth_rw=auth_rw))
        (folder / "qemu.conf").write_text(QEMU_CONF)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "bash", "-c", LIBVIRTD, "libvirtd", str(folder),
                 " ".join(args), " ".join(f"user{uid}:{uid}" for uid in users)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})
        try:
            wait_for_socket(self.socket(), self.process, self.log)
            self.wait_until_ready()
            self.watch = wire.Wire(self.socket())
            self.watch.done(wire.REMOTE, wire.AUTH_LIST)
            self.watch.open()
            self.watch.register("NO_SUCH_EVENT")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def wait_until_ready(self):
        """It listens before its drivers are up."""
        deadline = time.monotonic() + DEADLINE
        while subprocess.run(["virsh", "-c", self.uri(), "list"], capture_output=True,
                             check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("libvirtd is not ready; log:\n" + self.log.read_text()[-3000:])

    def socket(self, readonly=False):
        return self.run / ("libvirt-sock-ro" if readonly else "libvirt-sock")

    def uri(self, readonly=False):
        return f"qemu+unix:///system?socket={self.socket(readonly)}"

    def virsh(self, *args):
        done = subprocess.run(["virsh", "-q", "-c", self.uri(), *map(str, args)],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_guest(self, name="guest", args=(), machine="none", accel="tcg", **more):
        # QEMU's "none" has nothing that libvirt's command line needs; this comes nearest to it.
        if machine == "none":
            machine, args = "pc", [*quiet_firmware(self.folder), *args]
        guest = LibvirtGuest(self, name, args, machine, accel, **more)
        self.guests.append(guest)
        return guest

    def close(self):
        # Its guests outlive it, and are ended by their process IDs as QEMU has left them. It does
        # not always end itself by SIGTERM, which is not what is tested here.
        if self.watch:
            self.watch.close()
        try:
            self.process.terminate()
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=DEADLINE)
        finally:
            for guest in self.guests:
                guest.close()
            for file in self.run.glob("libvirt/qemu/*.pid"):
                try:
                    os.kill(int(file.read_text()), signal.SIGKILL)
                except (ProcessLookupError, ValueError):
                    pass


@pytest.fixture
def start_virtmond(folder):
    """Starts virtmonds, the first in the folder, others in folders below; all are ended."""
    started = []

    def start(*args, **kwargs):
        place = folder if not started else folder / str(len(started))
        place.mkdir(exist_ok=True)
        started.append(Virtmond(place, *args, **kwargs))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def start_libvirtd(folder):
    started = []

    def start(*args, **kwargs):
        place = folder / f"l{len(started)}"
        place.mkdir()
        started.append(Libvirtd(place, *args, **kwargs))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def virtmond(start_virtmond):
    return start_virtmond()


@pytest.fixture
def libvirtd(start_libvirtd):
    return start_libvirtd()


@pytest.fixture(params=["virtmond", "libvirtd"])
def daemon(request):
    """Each in turn: what a client may expect of one, it may of the other."""
    return request.getfixturevalue(request.param)
