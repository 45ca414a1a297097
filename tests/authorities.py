# SPDX-License-Identifier: LGPL-2.1-or-later
"""Those whom access control is about: people who connect, and a real polkitd to decide on them."""
import array
import os
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
import wire

from conftest import BUILD, DEADLINE
from daemons import wait_for_socket

# --- people ---

# Connects to whatever it is told, as who it is, and hands the socket over.
PERSON = """
import array, os, socket, sys
own = socket.socket(fileno=int(sys.argv[1]))
os.setgroups([])
os.setresgid(*[int(sys.argv[3])] * 3)
os.setresuid(*[int(sys.argv[2])] * 3)
while path := own.recv(4096):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    own.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sock.fileno()]))])
    sock.close()
"""


class Person:
    """A process of a user, by whose connections the test speaks. The user need have no name."""

    def __init__(self, uid, gid):
        self.uid, self.gid = uid, gid
        self.own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.own.settimeout(DEADLINE)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PERSON, str(theirs.fileno()), str(uid), str(gid)],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def connect(self, path):
        """A connection of it, as wire.Wire."""
        self.own.send(os.fsencode(path))
        _, data, _, _ = self.own.recvmsg(1, socket.CMSG_SPACE(4))
        assert data, f"user {self.uid} cannot connect to {path}"
        numbers = array.array("i")
        numbers.frombytes(data[0][2][:4])
        return wire.Wire(socket.socket(fileno=numbers[0]))

    def close(self):
        self.own.close()
        self.process.wait(timeout=DEADLINE)


@pytest.fixture
def person():
    """A person by user and group, each started once."""
    people = {}

    def find(uid, gid=None):
        key = uid, uid if gid is None else gid
        if key not in people:
            people[key] = Person(*key)
        return people[key]

    yield find
    for one in people.values():
        one.close()


# --- polkitd ---

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""

# polkitd looks at the usual places, where only it sees the test's own files.
POLKITD = """
set -e
mount --make-rprivate /
mount --bind $1/none /usr/share/polkit-1/rules.d
mount --bind $1/rules /etc/polkit-1/rules.d
mount --bind $1/actions /usr/share/polkit-1/actions
exec /usr/lib/polkit-1/polkitd --no-debug
"""


class Polkit:
    """A bus of its own with Debian's polkitd on it; needs root. It knows our actions, and
    libvirt's, which are the same but for their prefix."""

    def __init__(self, folder, rules):
        self.folder = folder
        for name in ("none", "rules", "actions"):
            (folder / name).mkdir(parents=True)
            (folder / name).chmod(0o755)
        ours = (BUILD / "src" / "access" / "org.virtmon.api.policy").read_text()
        (folder / "actions" / "org.virtmon.api.policy").write_text(ours)
        (folder / "actions" / "org.libvirt.api.policy").write_text(
            ours.replace("org.virtmon.api", "org.libvirt.api"))
        self.bus = folder / "bus"
        self.env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"}
        self.log = folder / "log"
        self.processes = []
        (folder / "bus.conf").write_text(BUS.format(path=self.bus))
        self.write(rules)
        try:
            self.start("dbus-daemon", f"--config-file={folder / 'bus.conf'}", "--nofork",
                       "--nosyslog")
            wait_for_socket(self.bus, self.processes[0], self.log)
            self.start("unshare", "--mount", "bash", "-c", POLKITD, "polkitd", folder)
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def start(self, *command):
        with open(self.log, "ab") as log:
            self.processes.append(subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env, "LC_ALL": "C.UTF-8"}))

    def wait_until_ready(self):
        deadline = time.monotonic() + DEADLINE
        while subprocess.run(["pkcheck", "--action-id", "org.virtmon.api.connect.getattr",
                              "--process", str(os.getpid())], capture_output=True, check=False,
                             env={**os.environ, **self.env}).returncode not in (0, 1, 2, 3):
            if self.processes[-1].poll() is not None or time.monotonic() > deadline:
                pytest.fail("polkitd is not ready; log:\n" + self.log.read_text()[-3000:])
            select.select([], [], [], 0.01)

    def write(self, rules):
        """Other rules, which polkitd sees at once: as a whole, or it would read half of them."""
        new = self.folder / "rules" / "new"
        new.write_text(rules)
        new.chmod(0o644)
        new.rename(self.folder / "rules" / "50-test.rules")

    @property
    def pid(self):
        return self.processes[-1].pid

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=DEADLINE)


@pytest.fixture
def start_polkit(folder):
    """Starts one, with rules in JavaScript."""
    started = []

    def start(rules):
        started.append(Polkit(folder / f"p{len(started)}", rules))
        return started[-1]

    yield start
    for one in started:
        one.close()
