#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtmond as a process: its start and end, options, configuration, sockets, limits."""
import grp
import os
import pathlib
import re
import resource
import select
import signal
import socket
import stat
import subprocess
import time

import pytest
import wire
from conftest import BUILD, DEADLINE, PRELOAD, freeze, thaw
from daemons import end, wait_for_socket
from wire import REMOTE, Wire, connections, string, uint, wait_for

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
VIRTMOND = str(BUILD / "src" / "virtmond")
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}


def run(*args, env=None, **kwargs):
    """virtmond with these arguments, to its end."""
    return subprocess.run([VIRTMOND, *map(str, args)], capture_output=True, text=True,
                          timeout=DEADLINE, stdin=subprocess.DEVNULL, check=False,
                          env={**ENVIRONMENT, **(env or {})}, **kwargs)


def log_says(daemon, text, count=1):
    wait_for(lambda: daemon.log.read_text().count(text) >= count,
             f"'{text}' in the log")


def names(daemon):
    """Of the domains, sorted."""
    with Wire(daemon.socket()) as client:
        client.open()
        reader = client.done(REMOTE, wire.LIST_ALL, uint(1, 0))
        return sorted(reader.domain().name for _ in range(reader.uint()))


# --- options ---

def test_version_and_help():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"virtmond \d+\.\d+\.\d+\n", done.stdout)
    assert run("--help").returncode == 0


@pytest.mark.parametrize("args,text", [
    (["--nonsense"], "--nonsense"), (["word"], "unexpected argument 'word'"),
    (["--timeout", "-1"], "'-1' is no number of seconds"), (["--timeout", "x"], "x"),
    (["--config"], "--config"), (["--config", ""], "--config: it must not be empty"),
    (["--monitor", ""], "--monitor: it must not be empty"),
    (["--socket-dir", ""], "--socket-dir: it must not be empty"),
    (["--pid-file", ""], "--pid-file: it must not be empty")])
def test_bad_options(args, text):
    done = run("--check-config", *args)
    assert done.returncode == 1
    assert text in done.stderr and "virtmond --help" in done.stderr
    assert done.stdout == ""


def test_options_are_documented():
    """Those of --help, and of the manual page, are the same."""
    listed = dict(re.findall(r"^  -(\w), --([\w-]+)", run("--help").stdout, re.MULTILINE))
    page = (SOURCE / "src" / "remote" / "virtmond.rst").read_text()
    page = page[page.index("\nOPTIONS\n"):page.index("\nSIGNALS\n")]
    told = dict(re.findall(r"^-(\w)(?: \w+)?, --([\w-]+)", page, re.MULTILINE))
    assert listed == told and len(listed) == 11


# --- configuration ---

def settings():
    """Of the code's table."""
    code = (SOURCE / "src" / "remote" / "remote_daemon_config.c").read_text()
    found = re.findall(r'^    (?:TEXT|NUMBER|LIMIT|LIST|AUTH)\("(\w+)"', code, re.MULTILINE)
    assert len(found) > 30
    return found


def test_settings_are_documented():
    """Code, file and page have the same, each once."""
    file = (SOURCE / "src" / "remote" / "virtmond.conf").read_text()
    assert sorted(re.findall(r"^#(\w+) = ", file, re.MULTILINE)) == sorted(settings())
    page = (SOURCE / "src" / "remote" / "virtmond.conf.rst").read_text()
    told = [name for line in re.findall(r"^((?:\w+, )*\w+)(?: \*\(start\)\*)?\n   \S", page,
                                        re.MULTILINE)
            for name in line.split(", ")]
    assert sorted(told) == sorted(settings())


def test_defaults_are_documented():
    """What the file shows as a number's default is the code's, and the page's."""
    code = (SOURCE / "src" / "remote" / "remote_daemon_config.c").read_text()
    page = (SOURCE / "src" / "remote" / "virtmond.conf.rst").read_text()
    file = (SOURCE / "src" / "remote" / "virtmond.conf").read_text()
    members = dict(re.findall(r'(?:NUMBER|LIMIT)\("(\w+)", (\w+),', code))
    levels = {"VIR_LOG_WARN": 3}
    for name, value in re.findall(r"^#(\w+) = (\d+)$", file, re.MULTILINE):
        found = re.search(rf"config->{members[name]} = ([\w *]+);", code)
        number = 1
        for factor in (found[1] if found else "0").split(" * "):
            number *= levels.get(factor) or int(factor)
        assert number == int(value), name
        text = re.search(rf"^{name}(?: \*\(start\)\*)?\n((?:   .*\n)+)", page, re.MULTILINE)
        assert re.search(rf"Default:\s+{value}\.", text[1]), name


def test_the_file_is_good(tmp_path):
    """As it is, and with everything in it set."""
    file = SOURCE / "src" / "remote" / "virtmond.conf"
    done = run("--check-config", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"^#(\w+ = )", r"\1", file.read_text(), flags=re.MULTILINE)
    text = text.replace('"virtmon"', f'"{grp.getgrgid(os.getgid()).gr_name}"')
    full = tmp_path / "full.conf"
    full.write_text(text)
    done = run("--check-config", "--config", full)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the configuration is fine\n"


@pytest.mark.parametrize("text,complaint", [
    ("\nno_such = 1\n", ":2: there is no setting 'no_such'"),
    ("max_clients = 0\n", ":1: 'max_clients' must be from 1"),
    ("unix_sock_group = 'no such group'\n", "there is no group 'no such group'"),
    ("monitors = [ '/a', 'b' ]\n", ":1: monitors: path 'b' is not absolute"),
    ("auth_tcp = 'polkit'\n", "these are: 'none', 'sasl'"),
    ("log_filters = 'x'\n", ":1: log_filters: log filter 'x'"),
    ("a = \n", ":1: a value was expected")])
def test_a_bad_file(tmp_path, text, complaint):
    """Is refused by a check, and at the start."""
    file = tmp_path / "bad.conf"
    file.write_text(text)
    for args in (["--check-config"], ["--socket-dir", tmp_path / "run"]):
        done = run("--config", file, *args)
        assert done.returncode == 1
        assert complaint in done.stderr and done.stderr.startswith("virtmond: ")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_missing_file(tmp_path):
    done = run("--check-config", "--config", tmp_path / "none.conf")
    assert done.returncode == 1
    assert str(tmp_path / "none.conf") in done.stderr


# --- start and end ---

@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_the_end(start_virtmond, folder, sig):
    daemon = start_virtmond("--pid-file", folder / "pid")
    guest = daemon.start_guest("g1")
    assert (folder / "pid").read_text() == f"{daemon.pid}\n"
    assert (daemon.run / "virtmond.pid").read_text() == f"{daemon.pid}\n"
    with Wire(daemon.socket()) as client, Wire(daemon.socket(True)) as other:
        client.open()
        daemon.process.send_signal(sig)
        assert client.is_closed() and other.is_closed()
    assert daemon.process.wait(timeout=DEADLINE) == 0
    assert list(daemon.run.iterdir()) == [] and not (folder / "pid").exists()
    guest.command("query-status")       # it lives on, and its monitor is free
    assert daemon.log.read_text() == ""


def test_the_end_while_calls_hang(start_virtmond, folder):
    """A QEMU that doesn't answer keeps nobody from ending."""
    daemon = start_virtmond()
    guest = daemon.start_guest("g1")
    freeze(guest.pid)
    try:
        with Wire(daemon.socket()) as client:
            client.open()
            dom = client.lookup("g1")
            for _ in range(3):
                client.start(wire.QEMU, wire.COMMAND,
                             dom.encode() + string('{"execute": "query-status"}') + uint(0))
            # The socket's own answer comes only after the calls have been taken.
            client.done(REMOTE, wire.AUTH_LIST)
            daemon.process.terminate()
            assert daemon.process.wait(timeout=DEADLINE) == 0
    finally:
        thaw(guest.pid)


def test_a_restart_finds_the_same_guests(start_virtmond, folder, start_qemu):
    start_qemu("named", args=["-uuid", "12345678-1234-4123-8123-123456789abc"])
    start_qemu("", watch=folder / "nameless.qmp")

    def seen(daemon):
        wait_for(lambda: len(names(daemon)) == 2, "two domains")
        with Wire(daemon.socket()) as client:
            client.open()
            return {name: client.lookup(name).uuid for name in names(daemon)}

    daemon = start_virtmond()
    before = seen(daemon)
    assert before["named"].hex() == "12345678123441238123123456789abc"
    daemon.close()
    again = start_virtmond(monitors=[folder / "*.qmp"])
    assert seen(again) == before
    again.process.kill()                # and after an end that was none
    again.process.wait(timeout=DEADLINE)
    assert seen(start_virtmond(monitors=[folder / "*.qmp"])) == before


def test_a_second_one_is_refused(virtmond):
    args = ["--config", virtmond.config, "--socket-dir", virtmond.run]
    done = run(*args)
    assert done.returncode == 1
    assert f"another virtmond, process {virtmond.pid}, holds " in done.stderr
    assert str(virtmond.run) in done.stderr
    with Wire(virtmond.socket()) as client:         # the first notices nothing
        client.open()
    assert virtmond.socket().exists() and (virtmond.run / "virtmond.pid").exists()


def test_a_pid_file_of_another(start_virtmond, folder):
    """Of a daemon on other sockets: it stays as it is."""
    daemon = start_virtmond("--pid-file", folder / "pid")
    done = run("--config", daemon.config, "--socket-dir", folder / "other", "--pid-file",
               folder / "pid")
    assert done.returncode == 1
    assert f"process {daemon.pid}, holds '{folder / 'pid'}'" in done.stderr
    assert (folder / "pid").read_text() == f"{daemon.pid}\n"
    assert list((folder / "other").iterdir()) == []


def test_stale_sockets_are_taken_over(start_virtmond, folder):
    daemon = start_virtmond()
    daemon.process.kill()
    daemon.process.wait(timeout=DEADLINE)
    assert len(list(daemon.run.iterdir())) == 4
    (folder / "1").mkdir()
    (folder / "1" / "run").symlink_to(daemon.run)
    again = start_virtmond()
    assert (daemon.run / "virtmond.pid").read_text() == f"{again.pid}\n"


def test_a_socket_of_somebody_else(folder):
    """Who listens there, but is no virtmond, is not pushed aside; nor is a file."""
    (folder / "run").mkdir()
    (folder / "conf").write_text("")
    args = ["--config", folder / "conf", "--socket-dir", folder / "run"]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "run" / "virtmon-sock"))
        listener.listen()
        done = run(*args)
        assert done.returncode == 1
        assert "cannot bind a socket to" in done.stderr
    (folder / "run" / "virtmon-sock").unlink()
    (folder / "run" / "virtmon-sock").write_text("precious")
    assert run(*args).returncode == 1
    assert (folder / "run" / "virtmon-sock").read_text() == "precious"
    assert [path.name for path in (folder / "run").iterdir()] == ["virtmon-sock"]


def test_in_the_background(folder):
    """It returns when clients are served, or when that has failed. Paths are those of the
    directory that it was started in."""
    (folder / "virtmond.conf").write_text("")
    args = ["--daemon", "--config", "virtmond.conf", "--socket-dir", "run", "--pid-file", "pid",
            "--monitor", "*.qmp"]
    done = run(*args, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = int((folder / "pid").read_text())
    try:
        with Wire(folder / "run" / "virtmon-sock") as client:
            client.open()
            # A reload still finds the file, and the monitors.
            os.kill(pid, signal.SIGHUP)
            client.alive()
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
        assert os.getsid(pid) == pid
        done = run(*args, cwd=folder)
        assert done.returncode == 1
        assert f"another virtmond, process {pid}, holds" in done.stderr
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}") or
                 " Z " in pathlib.Path(f"/proc/{pid}/stat").read_text(), "its end")
    assert not (folder / "pid").exists()


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_files(folder, closed):
    """Their numbers are given to nothing else: what is logged goes nowhere, not into that."""
    (folder / "virtmond.conf").write_text("")
    process = subprocess.Popen(["sh", "-c", f'exec "$0" "$@" {closed}', VIRTMOND, "--verbose",
                                "--config", folder / "virtmond.conf", "--socket-dir",
                                folder / "run"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_socket(folder / "run" / "virtmon-sock", process, folder / "none")
        assert {os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
        assert (folder / "run" / "virtmond.pid").read_text() == f"{process.pid}\n"
    finally:
        assert end(process) == 0


def test_in_the_background_without_standard_files(folder):
    (folder / "virtmond.conf").write_text("")
    done = subprocess.run(["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', VIRTMOND, "--daemon",
                           "--config", folder / "virtmond.conf", "--socket-dir",
                           folder / "run", "--pid-file", folder / "pid"],
                          timeout=DEADLINE, check=False)
    pid = int((folder / "pid").read_text())
    try:
        assert done.returncode == 0
        with Wire(folder / "run" / "virtmon-sock") as client:
            client.open()
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not (folder / "pid").exists(), "its end")


def test_timeout(start_virtmond, folder):
    """Ends when nobody has been there for so long: not while somebody is."""
    daemon = start_virtmond("--timeout", "1", "--verbose")
    with Wire(daemon.socket()) as client:
        client.open()
        deadline = time.monotonic() + 1.5
        while (left := deadline - time.monotonic()) > 0:
            assert not select.select([client.sock], [], [], left)[0]
        client.alive()
    assert daemon.process.wait(timeout=DEADLINE) == 0
    assert "no client for 1 seconds" in daemon.log.read_text()
    assert not daemon.socket().exists()


# --- sockets ---

def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_permissions_of_sockets(start_virtmond):
    daemon = start_virtmond()
    assert (mode_of(daemon.socket()), mode_of(daemon.socket(True))) == (0o700, 0o777)
    group = next(entry for entry in grp.getgrall() if entry.gr_gid != os.getgid())
    other = start_virtmond(config=f"unix_sock_group = '{group.gr_name}'\n"
                                  "unix_sock_rw_perms = '0770'\nunix_sock_ro_perms = '0666'\n")
    assert (mode_of(other.socket()), mode_of(other.socket(True))) == (0o770, 0o666)
    assert other.socket().stat().st_gid == other.socket(True).stat().st_gid == group.gr_gid


ACTIVATE = """
import os, sys
count = int(sys.argv[1])
for fd in range(count):
    os.dup2(int(sys.argv[2 + fd]), 100 + fd)
for fd in range(count):
    os.dup2(100 + fd, 3 + fd)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(count)
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_socket_activation(folder):
    """What was opened for it is served, as its name says, and left when it ends."""
    (folder / "conf").write_text("auth_tcp = 'none'\n")
    listeners = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX), socket.socket()]
    try:
        listeners[0].bind(str(folder / "rw"))
        listeners[1].bind(str(folder / "ro"))
        listeners[2].bind(("127.0.0.1", 0))
        for one in listeners:
            one.listen()
            one.set_inheritable(True)
        env = {**ENVIRONMENT,
               "LISTEN_FDNAMES": "virtmond.socket:virtmond-ro.socket:virtmond-tcp.socket"}
        with subprocess.Popen(
                ["/usr/bin/python3", "-c", ACTIVATE, "3", *(str(s.fileno()) for s in listeners),
                 VIRTMOND, "--config", folder / "conf", "--socket-dir", folder / "run"],
                close_fds=False, env=env) as process:
            try:
                with Wire(folder / "rw") as client:
                    client.open().register()
                with Wire(listeners[2].getsockname()) as client:
                    client.open().register()
                with Wire(folder / "ro") as client:
                    client.open()
                    assert client.refused(wire.QEMU, wire.MONITOR_REGISTER,
                                          uint(0, 0, 0)).code == 29
                assert [path.name for path in (folder / "run").iterdir()] == ["virtmond.pid"]
            finally:
                process.terminate()
                assert process.wait(timeout=DEADLINE) == 0
        assert (folder / "rw").exists() and (folder / "ro").exists()
    finally:
        for one in listeners:
            one.close()


def test_tcp(start_virtmond):
    port = free_port()
    config = f"listen_tls = 0\nlisten_tcp = 1\nlisten_addr = '127.0.0.1'\ntcp_port = '{port}'\n" \
             "auth_tcp = 'none'\n"
    start_virtmond(config=config)               # without --listen: no
    with pytest.raises(ConnectionRefusedError):
        Wire(("127.0.0.1", port))
    daemon = start_virtmond("--listen", "--verbose", config=config)
    log_says(daemon, "serving clients")         # the unix sockets are there before the port
    with Wire(("127.0.0.1", port)) as client:
        client.open().register()
        # Descriptors can't come that way.
        client.send(wire.packet(REMOTE, wire.TYPE, kind=wire.CALL_WITH_FDS, fds=1))
        assert client.is_closed()
    assert f"TCP port {port}" in daemon.log.read_text()


def test_a_port_that_is_taken(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (folder / "conf").write_text(f"listen_tls = 0\nlisten_tcp = 1\n"
                                     f"listen_addr = '127.0.0.1'\ntcp_port = '{port}'\n")
        done = run("--listen", "--config", folder / "conf", "--socket-dir", folder / "run")
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert list((folder / "run").iterdir()) == []


# --- the service manager ---

@pytest.fixture
def notify(folder):
    """What the daemon tells its service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(folder / "notify"))
        sock.settimeout(DEADLINE)
        yield sock


def hears(sock, *texts):
    """These in order, whatever comes in between."""
    for text in texts:
        while not (got := sock.recv(1000).decode()).startswith(text):
            assert got == "WATCHDOG=1", got


def test_service_manager(start_virtmond, folder, notify):
    daemon = start_virtmond(env={"NOTIFY_SOCKET": str(folder / "notify"),
                                 "WATCHDOG_USEC": "100000"})
    hears(notify, "READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1")
    daemon.process.send_signal(signal.SIGHUP)
    hears(notify, "RELOADING=1\nMONOTONIC_USEC=", "READY=1")
    daemon.process.send_signal(signal.SIGTERM)
    hears(notify, "STOPPING=1")
    assert daemon.process.wait(timeout=DEADLINE) == 0


@pytest.mark.parametrize("unprivileged", [False, True])
def test_units(tmp_path, unprivileged):
    """systemd finds nothing wrong with them."""
    folder = SOURCE / "src" / "remote" / "systemd"
    service = (folder / "virtmond.service.in").read_text()
    assert "ExecStart=@sbindir@/virtmond\n" in service
    (tmp_path / "virtmond.service").write_text(service.replace("@sbindir@/virtmond", VIRTMOND))
    if unprivileged:
        place = tmp_path / "virtmond.service.d"
        place.mkdir()
        (place / "unprivileged.conf").write_text(
            (folder / "virtmond-unprivileged.conf.in").read_text())
    units = []
    for unit in sorted(folder.glob("*.socket")):
        (tmp_path / unit.name).write_text(unit.read_text())
        units.append(str(tmp_path / unit.name))
    try:
        done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                               str(tmp_path / "virtmond.service"), *units],
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
    except FileNotFoundError:
        pytest.skip("systemd-analyze is not there")
    own = [line for line in done.stderr.splitlines() if "virtmon" in line]
    assert own == [] and len(units) == 5


# --- reload ---

def reload(daemon, config=None, text="the configuration is reloaded"):
    count = daemon.log.read_text().count(text)
    if config is not None:
        daemon.config.write_text(config)
    daemon.process.send_signal(signal.SIGHUP)
    log_says(daemon, text, count + 1)


def test_reload_of_monitors(start_virtmond, folder, start_qemu):
    """Guests come and go, and clients stay."""
    first = start_qemu("a", watch=folder / "a.mon")
    second = start_qemu("b", watch=folder / "b.mon")
    daemon = start_virtmond("--verbose", monitors=[], config=f"monitors = [ '{folder}/a.mon' ]\n")
    wait_for(lambda: names(daemon) == ["a"], "a")
    with Wire(daemon.socket()) as client:
        client.open()
        number = client.register()
        lifecycle = client.done(REMOTE, wire.REGISTER, uint(0, 0)).int()
        uuid = client.lookup("a").uuid
        reload(daemon, f"monitors = [ '{folder}/*.mon' ]\n")
        wait_for(lambda: names(daemon) == ["a", "b"], "both")
        assert client.message().payload.endswith(uint(2, 0))        # b: started
        second.command("stop")
        assert client.monitor_event()[:3:2] == (number, "STOP")
        assert client.message().payload.startswith(uint(lifecycle) + string("b"))
        reload(daemon, f"monitors = [ '{folder}/b.mon' ]\n")
        assert client.message().payload.endswith(uint(1, 0))        # a: undefined
        assert names(daemon) == ["b"]
        first.command("stop")
        second.command("cont")
        event = client.monitor_event()
        assert (event[1].name, event[2]) == ("b", "RESUME")
        reload(daemon, f"monitors = [ '{folder}/*.mon' ]\n")
        wait_for(lambda: names(daemon) == ["a", "b"], "both again")
        assert client.lookup("a").uuid == uuid


def test_reload_of_a_bad_file(start_virtmond):
    daemon = start_virtmond("--verbose", config="max_clients = 3\n")
    daemon.start_guest("g1")
    with Wire(daemon.socket()) as client:
        client.open()
        reload(daemon, "max_clients = 3\nnonsense = 1\n", "the configuration is not reloaded")
        assert "virtmond.conf:2: there is no setting 'nonsense'" in daemon.log.read_text()
        client.alive()
        assert names(daemon) == ["g1"]
        reload(daemon, "tcp_port = '1'\n", "'tcp_port' has changed, which counts from the next "
                                           "start on")
        for _ in range(20):             # many at once: the last one counts
            daemon.process.send_signal(signal.SIGHUP)
        client.alive()


def test_reload_of_the_log(start_virtmond, folder):
    daemon = start_virtmond(config=f"log_outputs = '1:file:{folder}/first'\nlog_level = 2\n")
    first, second = folder / "first", folder / "second"
    wait_for(lambda: "serving clients" in first.read_text(), "the log")
    daemon.config.write_text(f"log_outputs = '1:file:{second}'\nlog_level = 2\n"
                             "log_filters = '1:rpc'\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: second.exists() and "is reloaded" in second.read_text(), "the other log")
    with Wire(daemon.socket()) as client:
        client.open()
    wait_for(lambda: "CONNECT_OPEN" in second.read_text(), "debug messages")
    # What is not set any more is as if it had never been set.
    reload(daemon, "tcp_port = '1'\n", "'tcp_port' has changed")
    size = second.stat().st_size
    with Wire(daemon.socket()) as client:
        client.open()
    assert second.stat().st_size == size


def make_certificates(folder, name):
    """A CA, and a server's certificate for localhost by it."""
    for kind, template in (("ca", "cn = CA\nca\ncert_signing_key\n"),
                           ("server", "cn = localhost\ndns_name = localhost\ntls_www_server\n"
                                      "encryption_key\nsigning_key\n")):
        base = folder / f"{name}-{kind}"
        base.with_suffix(".cfg").write_text(template + "expiration_days = 10\n")
        sign = ["--generate-self-signed"] if kind == "ca" else [
            "--generate-certificate", "--load-ca-certificate", str(folder / f"{name}-ca.pem"),
            "--load-ca-privkey", str(folder / f"{name}-ca.key")]
        subprocess.run(["certtool", "--generate-privkey", "--key-type", "ecdsa", "--outfile",
                        f"{base}.key"], check=True, capture_output=True, timeout=DEADLINE)
        subprocess.run(["certtool", *sign, "--load-privkey", f"{base}.key", "--template",
                        f"{base}.cfg", "--outfile", f"{base}.pem"], check=True,
                       capture_output=True, timeout=DEADLINE)


def test_reload_of_certificates(start_virtmond, folder):
    """Who comes later sees the new one; bad files change nothing."""
    import ssl

    for name in ("old", "new"):
        make_certificates(folder, name)
    port = free_port()

    def config(name):
        return (f"listen_addr = '127.0.0.1'\ntls_port = '{port}'\ncrl_file = ''\n"
                f"ca_file = '{folder}/{name}-ca.pem'\ncert_file = '{folder}/{name}-server.pem'\n"
                f"key_file = '{folder}/{name}-server.key'\ntls_no_verify_certificate = 1\n")

    def served(name):
        context = ssl.create_default_context(cafile=folder / f"{name}-ca.pem")
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as sock, \
                context.wrap_socket(sock, server_hostname="localhost") as tls:
            return tls.recv(1)

    daemon = start_virtmond("--listen", "--verbose", config=config("old"))
    log_says(daemon, "serving clients")
    assert served("old") == b"\x01"
    with Wire(daemon.socket()) as client:
        client.open()
        reload(daemon, config("new"))
        assert served("new") == b"\x01"
        with pytest.raises(ssl.SSLCertVerificationError):
            served("old")
        reload(daemon, config("none"), "the certificates are not reloaded")
        assert served("new") == b"\x01"
        client.alive()


# --- limits ---

def is_served(client):
    """Not one that waits in the queue of the socket: for that, another one is asked meanwhile."""
    return bool(select.select([client.sock], [], [], 0)[0])


def test_max_clients(start_virtmond):
    daemon = start_virtmond("--verbose", config="max_clients = 3\n")
    with connections(daemon.socket(), 3) as clients:
        for one in clients:
            one.open()
        with Wire(daemon.socket()) as waiting:
            waiting.start(REMOTE, wire.AUTH_LIST)
            for _ in range(3):
                clients[0].alive()
            assert not is_served(waiting)
            clients[1].close()
            assert waiting.reply().status == wire.OK
            # A reload counts at once: more are let in, and nobody is thrown out.
            with Wire(daemon.socket()) as other:
                other.start(REMOTE, wire.AUTH_LIST)
                clients[0].alive()
                assert not is_served(other)
                reload(daemon, "max_clients = 4\n")
                assert other.reply().status == wire.OK
                reload(daemon, "max_clients = 1\n")
                other.alive()
                clients[2].alive()


def test_those_who_sit_there_do_not_stay(start_virtmond):
    """Whoever fills all places and says nothing loses them."""
    daemon = start_virtmond(config="max_clients = 4\nclient_setup_timeout = 1\n")
    with connections(daemon.socket(), 4) as clients, Wire(daemon.socket()) as waiting:
        clients[0].open()
        waiting.open()                  # as soon as there is room
        assert all(one.is_closed() for one in clients[1:])
        clients[0].alive()


def test_max_anonymous_clients(start_virtmond, folder):
    """Those in their TLS handshake have fewer places; others don't lack them."""
    make_certificates(folder, "a")
    port = free_port()
    daemon = start_virtmond(
        "--listen", "--verbose", config=f"max_anonymous_clients = 2\nclient_setup_timeout = 1\n"
        f"listen_addr = '127.0.0.1'\ntls_port = '{port}'\ncrl_file = ''\n"
        f"ca_file = '{folder}/a-ca.pem'\ncert_file = '{folder}/a-server.pem'\n"
        f"key_file = '{folder}/a-server.key'\n")
    log_says(daemon, "serving clients")
    with connections(("127.0.0.1", port), 6) as silent:
        with connections(daemon.socket(), 5) as others:
            for one in others:
                one.open()
        # Two after the other, each pair after its second.
        assert all(one.is_closed() for one in silent)


def test_max_client_requests(start_virtmond):
    """At the limit a client isn't read, and no other is kept waiting."""
    daemon = start_virtmond(config="max_client_requests = 2\n")
    guest = daemon.start_guest("g1")
    with Wire(daemon.socket()) as client, Wire(daemon.socket()) as other:
        client.open()
        other.open()
        dom = client.lookup("g1")
        command = dom.encode() + string('{"execute": "query-status"}') + uint(0)
        freeze(guest.pid)
        try:
            for serial in (100, 101):
                client.start(wire.QEMU, wire.COMMAND, command, serial=serial)
            client.start(REMOTE, wire.TYPE, serial=102)
            for _ in range(5):
                other.alive()
            assert not client.has_input()
        finally:
            thaw(guest.pid)
        assert sorted(client.reply().serial for _ in range(3)) == [100, 101, 102]


def test_keepalive(start_virtmond):
    """Asked for signs of life: only who has said that it can answer."""
    daemon = start_virtmond(config="keepalive_interval = 1\nkeepalive_count = 1\n")
    with Wire(daemon.socket()) as client, Wire(daemon.socket()) as other, \
            Wire(daemon.socket()) as silent:
        other.open()
        silent.done(REMOTE, wire.FEATURE, uint(10))
        client.done(REMOTE, wire.FEATURE, uint(10))
        client.open()
        ping = client.message()
        assert (ping.program, ping.procedure, ping.serial) == (wire.KEEPALIVE, 1, 0)
        client.send(wire.packet(wire.KEEPALIVE, 2, kind=wire.MESSAGE))
        assert silent.message().procedure == 1
        assert silent.is_closed()
        client.alive()
        other.alive()
        assert not other.messages


def test_the_limit_of_descriptors_is_raised(start_virtmond):
    if PRELOAD:
        pytest.skip("a sanitizer has limits of its own")
    daemon = start_virtmond()
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    assert soft == hard
