# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemons that are measured, each with guests that can be told to flood it."""
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60           # seconds for anything to start
# Before a command: it ends with the bench, also when that is killed.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"bench: {what} does not happen")
        select.select([], [], [], 0.02)


def listens(path):
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
            return True
        except OSError:
            return False


def virsh(uri, *args, patience=PATIENCE):
    """What became of it; 124, as of timeout(1), if it takes longer."""
    command = ["virsh", "-c", uri, *map(str, args)]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=patience)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no end within {patience:.0f} s")


def knows(uri, domain):
    return virsh(uri, "domid", domain).returncode == 0


class Process:
    """What the kernel says of a process."""

    def __init__(self, pid):
        self.pid = pid

    def cpu(self):
        """Seconds of all its threads so far."""
        # The kernel's way to name another process's clock; /proc has only hundredths of seconds.
        return time.clock_gettime((~self.pid << 3) | 2)

    def switches(self):
        """How often one of its threads has begun to run."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            total += sum(int(line.split()[1]) for line in (task / "status").read_text().splitlines()
                         if "ctxt_switches:" in line)
        return total

    def kib(self, name):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0

    def reset_peak(self):
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def wait_until_calm(self):
        """Until it has done next to nothing for a while."""
        before, calm = self.cpu(), 0
        deadline = time.monotonic() + PATIENCE
        while calm < 5 and time.monotonic() < deadline:
            select.select([], [], [], 0.1)
            after = self.cpu()
            calm = calm + 1 if after - before < 0.02 else 0
            before = after


class Flood:
    """Many guests in one process, told what to send over its stdin. They are called guest0,
    guest1, ..., as libvirtd's are."""

    def __init__(self, build, guests):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="virtmon-bench-"))
        self.process = subprocess.Popen(
            [*WITH_US, build / "bench" / "flood", self.folder, str(guests)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder)


class Virtmond:
    """virtmond, whose guests are a flood's."""

    name = "virtmond"

    def __init__(self, build, guests):
        self.flood = Flood(build, guests)
        folder = self.flood.folder
        self.socket = folder / "run" / "virtmon-sock"
        self.uri = f"qemu+unix:///system?socket={self.socket}"
        # A configuration of its own: a client that is stalled on purpose is not to be dropped.
        config = folder / "virtmond.conf"
        config.write_text("keepalive_interval = -1\n")
        self.daemon = subprocess.Popen(
            [*WITH_US, build / "src" / "virtmond", "--config", config, "--socket-dir", folder / "run",
             "--monitor", f"{folder}/*.qmp"], stdin=subprocess.DEVNULL)
        self.process = Process(self.daemon.pid)
        wait_for(lambda: listens(self.socket), "virtmond's start")

    def order(self, text):
        self.flood.order(text)

    def start_real(self, guest):
        guest.start(self.flood.folder / f"{guest.name}.qmp")
        wait_for(lambda: knows(self.uri, guest.name), "a real guest's discovery")

    def close(self):
        self.daemon.terminate()
        self.daemon.wait()
        self.flood.close()


# All that libvirtd keeps is in the folder, which it sees at the usual places.
LIBVIRTD = """
set -e
D=$1
mkdir -p $D/run/libvirt $D/etc $D/lib $D/log $D/cache
mkdir -p /run/libvirt /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt
mount --make-rprivate /
mount --bind $D/run/libvirt /run/libvirt
mount --bind $D/etc /etc/libvirt
mount --bind $D/lib /var/lib/libvirt
mount --bind $D/log /var/log/libvirt
mount --bind $D/cache /var/cache/libvirt
{ cat /etc/passwd; echo "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin"; } \
    >$D/passwd
{ cat /etc/group; echo "libvirt-qemu:x:64055:"; } >$D/group
mount --bind $D/passwd /etc/passwd
mount --bind $D/group /etc/group
printf '%s\\n' 'stdio_handler = "file"' 'security_driver = "none"' 'cgroup_controllers = []' \
    'namespaces = []' 'user = "root"' 'group = "root"' >/etc/libvirt/qemu.conf
printf '%s\\n' "unix_sock_dir = \\"$D/run\\"" 'auth_unix_ro = "none"' 'auth_unix_rw = "none"' \
    'keepalive_interval = -1' 'log_outputs = "4:stderr"' >$D/libvirtd.conf
exec libvirtd --config $D/libvirtd.conf --pid-file $D/run/libvirtd.pid
"""

GUEST = """<domain type='{accel}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>{emulator}</emulator><memballoon model='none'/>
<controller type='usb' model='none'/></devices>
<qemu:commandline>{arguments}</qemu:commandline></domain>
"""

# One for all guests, as libvirtd looks for seconds at each that it doesn't know.
EMULATOR = """#!/bin/sh
for word
do
    case $word in guest=*) name=${{word#guest=}} ;; esac
done
exec {build}/bench/flood --emulator {folder}/${{name%%,*}}.control "$@"
"""


class Libvirtd:
    """A real libvirtd, whose guests are real QEMUs behind a flood each; needs root."""

    name = "libvirtd"

    def __init__(self, build, guests):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="virtmon-bench-"))
        self.socket = self.folder / "run" / "libvirt-sock"
        self.uri = f"qemu+unix:///system?socket={self.socket}"
        self.emulator = self.folder / "emulator"
        self.controls = []
        self.log = open(self.folder / "log.txt", "ab")
        self.daemon = subprocess.Popen(
            [*WITH_US, "unshare", "--mount", "bash", "-c", LIBVIRTD, "libvirtd",
             str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.process = Process(self.daemon.pid)
        try:
            wait_for(lambda: listens(self.socket), "libvirtd's start")
            wait_for(lambda: virsh(self.uri, "list").returncode == 0, "libvirtd's start")
            self.emulator.write_text(EMULATOR.format(build=build.resolve(), folder=self.folder))
            self.emulator.chmod(0o755)
            for number in range(guests):
                self.create(f"guest{number}", self.emulator)
                self.controls.append(socket.socket(socket.AF_UNIX))
                self.controls[-1].connect(str(self.folder / f"guest{number}.control"))
        except BaseException:
            self.close()
            raise

    def create(self, name, emulator, arguments=(), accel="qemu"):
        """Paused: libvirtd itself starts to run a guest at once, whoever waits for it."""
        xml = self.folder / f"{name}.xml"
        words = "".join(f"<qemu:arg value='{word}'/>" for word in arguments)
        xml.write_text(GUEST.format(name=name, emulator=emulator, arguments=words, accel=accel))
        done = virsh(self.uri, "create", "--paused", xml)
        if done.returncode != 0:
            sys.exit(f"bench: libvirtd starts no guest: {done.stderr}")

    def start_real(self, guest):
        self.create(guest.name, "/usr/bin/qemu-system-x86_64", guest.arguments(),
                    "kvm" if guest.accel == "kvm" else "qemu")
        guest.connect()

    def order(self, text):
        """The same order as for a flood of many guests, to each of those it is for."""
        verb, *numbers = text.split()
        for number in range(int(numbers[0]), int(numbers[1]) + 1):
            line = " ".join([verb, "0", "0", *numbers[2:]])
            self.controls[number].sendall(line.encode() + b"\n")

    def close(self):
        for sock in self.controls:
            sock.close()
        # It may be too busy to listen to anything else.
        self.daemon.kill()
        self.daemon.wait()
        for file in self.folder.glob("run/libvirt/qemu/*.pid"):
            try:
                os.kill(int(file.read_text()), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                pass
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
