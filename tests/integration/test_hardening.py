#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What makes a mistake in virtmond harder to use: how it was compiled, the sandbox of its units, and
that it needs no root. Nothing of it may be in its own way.

A sanitizer wants to be in the way of all this: a build with one is not tested here.
"""
import contextlib
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import BUILD, DEADLINE, WITH_US, Qmp
from daemons import Virtmond
from wire import Wire, wait_for

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
UNITS = SOURCE / "src" / "remote" / "systemd"
SANDBOX = SOURCE / "tests" / "sandbox.py"
PROGRAMS = [BUILD / "src" / "virtmond", BUILD / "tools" / "virtmon"]
LIBRARIES = [BUILD / "src" / "libvirt.so.0", BUILD / "src" / "libvirt-qemu.so.0"]
ENV = {**os.environ, "LC_ALL": "C.UTF-8"}
REGEX = 1                       # VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX
# Users and groups that nobody has.
DAEMON, MONITORS, OWNER = 64101, 64102, 64103

pytestmark = [
    pytest.mark.skipif(os.environ.get("VIRTMON_SANITIZED") == "1", reason="built with a sanitizer"),
]
sandboxed = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is made for x86_64"),
    pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there"),
]


def output(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=DEADLINE, check=False, env=ENV)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def options():
    """Of the build, as Meson tells them."""
    text = output("meson", "introspect", "--buildoptions", BUILD)
    return {name: value for name, value in re.findall(
        r'"name": "([^"]+)", "value": "?([^",}]*)', text)}


# --- how it was compiled ---

@pytest.mark.parametrize("path", PROGRAMS + LIBRARIES, ids=lambda path: path.name)
def test_what_was_linked(path):
    """Its place in memory is nobody's to guess; what the linker has written is read-only before
    main() begins; nothing is both writable and executable, the stack least of all."""
    head = output("readelf", "-hldW", path)
    assert re.search(r"^ *Type: +DYN ", head, re.M)
    if path in PROGRAMS:
        assert re.search(r"FLAGS_1\).* PIE", head)
    assert re.search(r"FLAGS\).*BIND_NOW|BIND_NOW\)", head)
    assert not re.search(r"TEXTREL|RPATH\).*:\.", head)
    segments = re.findall(r"^ +([A-Z_]+) +(?:0x[0-9a-f]+ +){5}([RWE ]{3}) ", head, re.M)
    kinds = dict(segments)
    assert "GNU_RELRO" in kinds and "E" not in kinds["GNU_STACK"]
    assert not [flags for _, flags in segments if "W" in flags and "E" in flags]


@pytest.mark.parametrize("path", PROGRAMS + LIBRARIES[:1], ids=lambda path: path.name)
def test_what_was_compiled(path):
    """The C library checks the room that it can know of; a function checks its own frame."""
    symbols = output("readelf", "--dyn-syms", "-W", path)
    assert "__stack_chk_fail" in symbols
    if options()["optimization"] in ("0", "g"):
        pytest.skip("_FORTIFY_SOURCE needs an optimiser")
    assert re.search(r" __\w+printf_chk", symbols)
    assert path.name == "virtmon" or " __memcpy_chk" in symbols


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have others")
def test_what_may_be_called_is_marked():
    """Of our own objects. That the whole program is marked takes a C library that is: Debian's is
    not."""
    if options()["b_lto"] == "true":
        pytest.skip("with LTO, there is no code in the objects yet")
    for name in ("virtmond.p/remote_remote_daemon.c.o", "virtmond.p/remote_remote_daemon_auth.c.o"):
        assert "IBT, SHSTK" in output("readelf", "-n", BUILD / "src" / name)


def assert_no_memory_is_both(pid):
    """Writable and executable."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    assert maps and not re.findall(r"^\S+ .wx.*", maps, re.M)


def use(daemon):
    """What virtmond does in a day, with one guest of its own."""
    def virsh(*words):
        return output("virsh", "-c", daemon.uri(), *words)

    with Wire(daemon.socket()) as client:
        client.open()
        client.register("^(STOP|R[EF]S.*)$", flags=REGEX)
        for _ in range(2):
            virsh("suspend", "guest")
            assert client.monitor_event()[2] == "STOP"
            virsh("resume", "guest")
            assert client.monitor_event()[2] == "RESUME"
    assert "running" in virsh("list")
    assert re.search(r"^CPU time: +[\d.]+s$", virsh("dominfo", "guest"), re.M)
    assert virsh("hostname").strip() and "<name>guest</name>" in virsh("dumpxml", "guest")
    assert '"return"' in virsh("qemu-monitor-command", "guest", '{"execute":"query-name"}')
    for words in ("capabilities", "version", "domstate guest --reason"):
        assert virsh(*words.split())
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "the configuration is reloaded" in daemon.log.read_text(), "a reload")
    assert daemon.process.poll() is None
    assert_no_memory_is_both(daemon.pid)


def test_no_memory_is_writable_and_executable(start_virtmond):
    daemon = start_virtmond("--verbose")
    daemon.start_guest()
    use(daemon)


# --- the units ---

def units(folder, unprivileged=False):
    """The service, and what makes it one without root, as they are installed."""
    service = folder / "virtmond.service"
    service.write_text((UNITS / "virtmond.service.in").read_text()
                       .replace("@sbindir@/virtmond", str(BUILD / "src" / "virtmond")))
    if not unprivileged:
        return [service]
    place = folder / "virtmond.service.d"
    place.mkdir(exist_ok=True)
    (place / "unprivileged.conf").write_text(
        (UNITS / "virtmond-unprivileged.conf.in").read_text().replace("@sysconfdir@", "/etc"))
    return [service, place / "unprivileged.conf"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there")
@pytest.mark.parametrize("unprivileged", [False, True], ids=["root", "unprivileged"])
def test_exposure_is_what_is_documented(folder, unprivileged):
    """Or less. systemd's own judgement: 0 is nothing, 10 all."""
    units(folder, unprivileged)
    for unit in UNITS.glob("*.socket"):
        shutil.copy(unit, folder)
    said = output("systemd-analyze", "security", "--offline=true", "--no-pager",
                  folder / "virtmond.service")
    exposure = float(re.search(r"exposure level for virtmond.service: ([\d.]+)", said)[1])
    who = "without root" if unprivileged else "as root"
    documented = re.search(rf"^\| {who} \| ([\d.]+) \|", (SOURCE / "docs" / "daemon.md").read_text(),
                           re.M)
    assert exposure <= float(documented[1]), said


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not there")
def test_users_are_made(folder):
    """Those that the units name."""
    place = folder / "usr" / "lib" / "sysusers.d"
    place.mkdir(parents=True)
    (folder / "etc").mkdir()
    shutil.copy(UNITS / "virtmon.sysusers", place / "virtmon.conf")
    output("systemd-sysusers", f"--root={folder}")
    groups = dict(re.findall(r"^([\w-]+):[^:]*:(\d+):", (folder / "etc" / "group").read_text(), re.M))
    user = re.search(r"^virtmon:[^:]*:\d+:(\d+):.*:/usr/sbin/nologin$",
                     (folder / "etc" / "passwd").read_text(), re.M)
    assert sorted(groups) == ["virtmon", "virtmon-qmp"] and user[1] == groups["virtmon-qmp"]
    dropin = (UNITS / "virtmond-unprivileged.conf.in").read_text()
    assert "User=virtmon\nGroup=virtmon-qmp\n" in dropin
    assert "SocketGroup=virtmon\n" in (UNITS / "virtmond.socket").read_text()


# --- their sandbox ---

class Sandboxed(Virtmond):
    """As its service, by its own sockets."""

    def __init__(self, folder, *args, unprivileged=False, **kwargs):
        run = folder / "run"
        run.mkdir()
        if unprivileged:
            os.chown(run, DAEMON, MONITORS)
        super().__init__(folder, "--verbose", *args, **kwargs, wrapper=[
            *WITH_US, sys.executable, SANDBOX, run, f"{DAEMON}:{MONITORS}",
            *units(folder, unprivileged), "--"])


@pytest.fixture
def start(folder):
    folder.chmod(0o755)
    started = []

    def start_one(*args, **kwargs):
        started.append(Sandboxed(folder, *args, **kwargs))
        return started[-1]

    yield start_one
    for one in started:
        one.close()


def status_of(pid):
    """What the kernel says of it."""
    return dict(re.findall(r"^(\w+):\t(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))


@pytest.mark.usefixtures("folder")
class TestSandbox:
    pytestmark = sandboxed

    def test_as_root(self, start, their_qemu):
        """All of it works, QEMUs of other users too, by their sockets and by their processes."""
        daemon = start()
        status = status_of(daemon.pid)
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << 1 | 1 << 19
        daemon.start_guest()
        use(daemon)
        theirs = their_qemu(OWNER, 0o077)
        output("virsh", "-c", daemon.uri(), "qemu-attach", theirs.pid)
        assert "theirs" in output("virsh", "-c", daemon.uri(), "list", "--name")

    def test_it_is_one(self, start, folder):
        """Or what was tested above has shown nothing: the filter ends what does what it forbids."""
        for code, rc in (("import os; os.setgid(0)", -signal.SIGSYS),
                         ("import mmap; mmap.mmap(-1, 4096, prot=7)", -signal.SIGSYS),
                         ("import socket\ntry: socket.socket(socket.AF_INET)\n"
                          "except OSError as e: raise SystemExit(e.errno)", 97),
                         ("open('/etc/virtmon-test', 'w')", 1), ("pass", 0)):
            (folder / "w").mkdir(exist_ok=True)
            done = subprocess.run([sys.executable, SANDBOX, folder / "w", "0:0", *units(folder), "--",
                                   sys.executable, "-c", code], capture_output=True, check=False,
                                  timeout=DEADLINE)
            assert done.returncode == rc, (code, done.stderr)

    def test_sockets_of_the_network(self, folder):
        """Those that their units have opened are served, though it has no network of its own."""
        config = folder / "conf"
        config.write_text("auth_tcp = 'none'\n")
        (folder / "run").mkdir()
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(socket.socket(socket.AF_UNIX)),
                         stack.enter_context(socket.socket())]
            listeners[0].bind(str(folder / "rw"))
            listeners[1].bind(("127.0.0.1", 0))
            for fd, one in enumerate(listeners):
                one.listen()
            # The shell puts them where the service expects them.
            command = (f"exec 3<&{listeners[0].fileno()} 4<&{listeners[1].fileno()}; exec \"$@\"")
            process = stack.enter_context(subprocess.Popen(
                [*map(str, ["bash", "-c", command, "bash", *WITH_US, sys.executable, SANDBOX,
                            folder / "run", "0:0", *units(folder), "--", BUILD / "src" / "virtmond",
                            "--config", config, "--socket-dir", folder / "run"])],
                pass_fds=[one.fileno() for one in listeners],
                env={**ENV, "LISTEN_FDS": "2",
                     "LISTEN_FDNAMES": "virtmond.socket:virtmond-tcp.socket"}))
            try:
                for place in (folder / "rw", listeners[1].getsockname()):
                    with Wire(place) as client:
                        client.open().register()
            finally:
                process.terminate()
                assert process.wait(timeout=DEADLINE) == 0

    def test_without_root(self, start, folder, their_qemu):
        """A user whose only right is the group of the monitors' folder."""
        theirs = their_qemu(OWNER, 0o007)
        daemon = start(unprivileged=True, monitors=[folder / "qmp" / "*.qmp"])
        status = status_of(daemon.pid)
        assert status["Uid"].split() == [str(DAEMON)] * 4 and int(status["CapPrm"], 16) == 0
        assert status["Groups"].split() in ([], [str(MONITORS)])
        daemon.wait_until_known("theirs", "running")
        with Wire(daemon.socket()) as client:
            client.open().register("^RESUM", flags=REGEX)
            for words in ("suspend theirs", "resume theirs", "domstate theirs", "dominfo theirs",
                          "dumpxml theirs", "list", "hostname", "capabilities"):
                output("virsh", "-c", daemon.uri(), *words.split())
            assert client.monitor_event()[2] == "RESUME"
        assert '"return"' in output("virsh", "-c", daemon.uri(), "qemu-monitor-command", "theirs",
                                    '{"execute":"query-name"}')
        assert_no_memory_is_both(daemon.pid)
        # What only root may look for: a monitor that the command line says nothing useful of.
        other = their_qemu(OWNER, 0o007, "other", relative=True)
        done = subprocess.run(["virsh", "-c", daemon.uri(), "qemu-attach", str(other.pid)],
                              capture_output=True, text=True, check=False, env=ENV)
        assert done.returncode == 1
        assert ("no permission to find out where the QMP socket of QEMU process "
                f"{other.pid} is") in done.stderr
        # It was a client of the monitor, no more: one that is destroyed ends by its own hand.
        output("virsh", "-c", daemon.uri(), "destroy", "theirs")
        assert theirs.process.wait(timeout=DEADLINE) == 0


class TheirQemu:
    """Of a user of no rights, with monitors in a folder of his own, which hands its group on."""

    def __init__(self, folder, user, umask, name="theirs", relative=False):
        self.folder = folder / "qmp"
        self.folder.mkdir(exist_ok=True)
        os.chown(self.folder, user, MONITORS)
        self.folder.chmod(0o2770 & ~umask | 0o2000)
        drive = self.folder / f"{name}.drive"
        watch = f"{name}.rel" if relative else self.folder / f"{name}.qmp"
        self.process = subprocess.Popen(
            ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--pdeathsig", "KILL",
             "sh", "-c", f"umask {umask:03o}; exec \"$@\"", "sh", "qemu-system-x86_64", "-machine",
             "none,accel=tcg", "-nodefaults", "-display", "none", "-name", name,
             *([] if relative else ["-qmp", f"unix:{drive},server=on,wait=off"]),
             "-qmp", f"unix:{watch},server=on,wait=off"],
            stdin=subprocess.DEVNULL, cwd=self.folder)
        self.qmp = None
        try:
            if relative:
                wait_for((self.folder / watch).exists, "its monitor")
            else:
                self.qmp = Qmp(drive, time.monotonic() + DEADLINE)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def close(self):
        if self.qmp:
            self.qmp.close()
        self.process.kill()
        self.process.wait(timeout=DEADLINE)


@pytest.fixture
def their_qemu(folder):
    folder.chmod(0o755)
    started = []

    def start_one(*args, **kwargs):
        started.append(TheirQemu(folder, *args, **kwargs))
        return started[-1]

    yield start_one
    for one in started:
        one.close()
