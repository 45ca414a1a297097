# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real polkitd with rules of the test's, on a bus of its own; and processes of other users."""
import os
import pathlib
import pwd
import select
import shutil
import subprocess
import sys
import time

import pytest

from conftest import DEADLINE, PRELOAD, WITH_US
from daemons import end, wait_for_socket

SOURCE = pathlib.Path(__file__).resolve().parent.parent
TESTS = SOURCE / "tests"

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""

# Actions and rules lie in the folder, seen by it at the usual places in a mount namespace.
POLKITD = """
set -e
mount --make-rprivate /
mount --bind "$1/actions" /usr/share/polkit-1/actions
mount --bind "$1/rules" /etc/polkit-1/rules.d
mkdir -p /usr/share/polkit-1/rules.d
mount --bind "$1/empty" /usr/share/polkit-1/rules.d
exec /usr/lib/polkit-1/polkitd --no-debug
"""


class Polkitd:
    """@rules is JavaScript. What asks it needs `env`."""

    def __init__(self, folder, rules):
        self.folder = folder
        self.log = folder / "polkitd.log"
        self.bus_log = folder / "bus.log"
        self.socket = folder / "bus"
        self.env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.socket}"}
        self.bus = self.process = None
        folder.mkdir()
        shutil.copytree("/usr/share/polkit-1/actions", folder / "actions")
        for policy in (SOURCE / "src" / "remote").glob("*.policy"):
            shutil.copy(policy, folder / "actions")
        # libvirtd's own two, which only come with its service.
        text = (SOURCE / "src" / "remote" / "org.virtmon.policy").read_text()
        (folder / "actions" / "org.libvirt.unix.policy").write_text(
            text.replace('"org.virtmon.', '"org.libvirt.unix.'))
        for name in ("rules", "empty"):
            (folder / name).mkdir()
        (folder / "rules" / "10-test.rules").write_text(rules)
        (folder / "bus.conf").write_text(BUS.format(socket=self.socket))
        # polkitd becomes a user of its own.
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        try:
            with open(self.bus_log, "wb") as log:
                self.bus = subprocess.Popen(
                    [*WITH_US, "dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            wait_for_socket(self.socket, self.bus, self.bus_log)
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", *WITH_US, "bash", "-c", POLKITD, "polkitd",
                 str(self.folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env})
        deadline = time.monotonic() + DEADLINE
        while subprocess.run(["pkcheck", "--action-id", "org.virtmon.monitor", "--process",
                              str(os.getpid())], env={**os.environ, **self.env},
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("no polkitd; log:\n" + self.log.read_text()[-3000:])
            select.select([], [], [], 0.02)

    def stop(self):
        if self.process:
            end(self.process)

    def close(self):
        try:
            self.stop()
        finally:
            if self.bus:
                end(self.bus)


# What becomes another user after it has read all that it needs, as the sources and what was built
# may be nobody else's.
AS_USER = """
import os, sys
sys.path[:0] = {paths!r}
{imports}
os.setgroups([])
os.setresgid({gid}, {gid}, {gid})
os.setresuid({uid}, {uid}, {uid})
{code}
"""


def python_as(user, code, imports="import wire", **kwargs):
    """Runs @code as that user; what it has printed."""
    entry = pwd.getpwnam(user)
    env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    env["HOME"] = "/nonexistent"
    if PRELOAD:
        # For the libraries that were built. Python itself leaves much to the end.
        env |= {"LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "detect_leaks=0"}
    script = AS_USER.format(paths=[str(TESTS)], imports=imports, uid=entry.pw_uid,
                            gid=entry.pw_gid, code=code)
    done = subprocess.run([*WITH_US, sys.executable, "-c", script], capture_output=True, text=True,
                          check=False, timeout=DEADLINE, stdin=subprocess.DEVNULL,
                          env=env, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_as(user, *words, **kwargs):
    """A program of the system's, as that user and without a terminal."""
    entry = pwd.getpwnam(user)
    return subprocess.run(["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}",
                           "--clear-groups", *map(str, words)], capture_output=True, text=True,
                          check=False, timeout=DEADLINE, stdin=subprocess.DEVNULL,
                          start_new_session=True, **kwargs)
