#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""virDomainQemuAttach() to real QEMUs, by their process ID and nothing else."""
import os
import select
import socket
import subprocess
import sys
import time

import pytest
import virtapi
from conftest import DEADLINE, PRELOAD, WITH_US, Qmp

QEMU = ["qemu-system-x86_64", "-machine", "none,accel=tcg", "-nodefaults", "-display", "none"]
NAME = ["-name", "guest"]


@pytest.fixture
def start(folder):
    """Starts programs; all are ended."""
    started = []

    def run(*args, **kwargs):
        kwargs.setdefault("stderr", subprocess.DEVNULL)
        started.append(subprocess.Popen([*WITH_US, *map(str, args)],
                                        stdin=subprocess.DEVNULL, cwd=folder, **kwargs))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait(timeout=DEADLINE)
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def conn(connect, folder):
    """A connection that watches nothing."""
    return connect(f"qemu:///embed?root={folder / 'root'}")


def wait_listening(path):
    """Until there is somebody to connect to; a connection that is at once given up again."""
    deadline = time.monotonic() + DEADLINE
    while True:
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                sock.connect(str(path))
                return
            except OSError:
                assert time.monotonic() < deadline, f"nobody listens on {path}"
                select.select([], [], [], 0.01)


def attached(conn, process):
    """Attaches, and sees that it really is that QEMU's monitor, with events."""
    domain = conn.attach(process.pid)
    seen = conn.watch("STOP", domain)
    domain.suspend()
    seen.wait(1)
    assert domain.state()[0] == virtapi.PAUSED
    seen.close()
    return domain


SYNTAXES = {
    "qmp": ["-qmp", "unix:{path},server=on,wait=off"],
    "qmp, short": ["-qmp", "unix:{path},server,nowait"],
    "qmp, two dashes": ["--qmp", "unix:{path},server=on,wait=off"],
    "chardev and mon": ["-chardev", "socket,id=m,path={path},server=on,wait=off",
                        "-mon", "chardev=m,mode=control"],
    "mon comes first": ["-mon", "chardev=m,mode=control",
                        "-chardev", "socket,id=m,path={path},server=on,wait=off"],
    "mon in short": ["-chardev", "socket,id=m,path={path},server=on,wait=off",
                     "-mon", "m,mode=control"],
    "keys in another order": ["-chardev", "socket,server=on,path={path},wait=off,id=m",
                              "-mon", "mode=control,chardev=m,pretty=off"],
    "a multiplexer beside it": ["-chardev", "null,id=n,mux=on", "-mon", "chardev=n,mode=readline",
                                "-qmp", "unix:{path},server=on,wait=off"],
    "a word that looks like it": ["-name", "-qmp", "-name", "guest",
                                  "-qmp", "unix:{path},server=on,wait=off"],
}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_monitor_is_found_on_the_command_line(start, conn, folder, syntax):
    path = folder / "m.sock"
    process = start(*QEMU, *NAME, *[arg.format(path=path) for arg in SYNTAXES[syntax]])
    wait_listening(path)
    domain = attached(conn, process)
    assert (domain.name, domain.id) == ("guest", 1)
    assert f"path='{path}'" in domain.xml()
    assert f"pid='{process.pid}'" in domain.xml()


def test_a_path_with_a_comma(start, conn, folder):
    """Which the option syntax has twice."""
    path = folder / "m,1,,2=3.sock"
    escaped = str(path).replace(",", ",,")
    process = start(*QEMU, "-chardev", f"socket,id=m,path={escaped},server=on,wait=off",
                    "-mon", "chardev=m,mode=control")
    wait_listening(path)
    assert attached(conn, process).name == "m,1,,2=3"


def test_a_relative_path_is_of_the_process(start, conn, folder):
    process = start(*QEMU, "-qmp", "unix:m.sock,server=on,wait=off")
    wait_listening(folder / "m.sock")
    assert os.getcwd() != str(folder)
    domain = attached(conn, process)
    assert domain.name == "m"
    assert f"path='{folder}/m.sock'" in domain.xml()


def test_a_socket_that_was_passed_open(start, conn, folder):
    """As libvirt itself does it; only the kernel knows where it is bound."""
    path = folder / "passed.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        process = start(*QEMU, *NAME, "-chardev",
                        f"socket,id=m,fd={listener.fileno()},server=on,wait=off",
                        "-mon", "chardev=m,mode=control", pass_fds=[listener.fileno()])
    Qmp(path, time.monotonic() + DEADLINE).close()      # it is up
    domain = attached(conn, process)
    assert f"path='{path}'" in domain.xml()


def test_a_monitor_from_a_file(start, conn, folder):
    """The command line doesn't name it: what QEMU listens on is tried."""
    path, config = folder / "m.sock", folder / "qemu.conf"
    config.write_text(f'[chardev "m"]\n backend = "socket"\n path = "{path}"\n server = "on"\n'
                      ' wait = "off"\n\n[mon "mon0"]\n mode = "control"\n chardev = "m"\n')
    process = start(*QEMU, *NAME, "-readconfig", config)
    wait_listening(path)
    attached(conn, process)


def test_of_several_monitors_a_free_one_is_taken(start, conn, folder):
    first, second = folder / "first.sock", folder / "second.sock"
    process = start(*QEMU, *NAME, "-qmp", f"unix:{first},server=on,wait=off",
                    "-qmp", f"unix:{second},server=on,wait=off")
    other = Qmp(first, time.monotonic() + DEADLINE)
    try:
        domain = attached(conn, process)
        assert f"path='{second}'" in domain.xml()
    finally:
        other.close()


def test_attaching_again_is_the_same_domain(start, conn, connect, folder):
    path = folder / "m.sock"
    process = start(*QEMU, *NAME, "-qmp", f"unix:{path},server=on,wait=off")
    wait_listening(path)
    first, second = conn.attach(process.pid), conn.attach(process.pid)
    assert (first.name, first.id, first.uuid) == (second.name, second.id, second.uuid)
    assert conn.count() == 1

    # Another connection of the same URI sees it, too.
    other = connect(f"qemu:///embed?root={folder / 'root'}")
    assert other.attach(process.pid).id == first.id


def test_what_was_attached_is_found_by_name_id_and_uuid(start, conn, folder):
    path = folder / "m.sock"
    uuid = "11111111-2222-4333-8444-555555555555"
    process = start(*QEMU, "-name", "some guest", "-uuid", uuid,
                    "-qmp", f"unix:{path},server=on,wait=off")
    wait_listening(path)
    domain = conn.attach(process.pid)
    for found in (conn.domain("some guest"), conn.domain_by_id(domain.id),
                  conn.domain_by_uuid(uuid), conn.domains()[0]):
        assert (found.name, found.id, found.uuid) == ("some guest", 1, uuid)


def test_a_domain_ends_with_its_process_and_another_takes_a_new_id(start, conn, folder):
    path = folder / "m.sock"
    arguments = [*QEMU, *NAME, "-qmp", f"unix:{path},server=on,wait=off"]
    life = conn.lifecycle()
    first = start(*arguments)
    wait_listening(path)
    one = conn.attach(first.pid)
    first.kill()
    life.wait_for(lambda event: event.type == 5)
    assert conn.count() == 0
    first.wait(timeout=DEADLINE)

    second = start(*arguments)
    wait_listening(path)
    two = conn.attach(second.pid)
    assert (one.id, two.id) == (1, 2)
    assert one.uuid != two.uuid         # neither has one of its own: derived ones
    with pytest.raises(virtapi.Error) as caught:
        one.state()
    assert caught.value.code == virtapi.ERR_NO_DOMAIN


def refused(conn, process_id, code=virtapi.ERR_OPERATION_FAILED):
    """The message of a failure, which names the process."""
    with pytest.raises(virtapi.Error) as caught:
        conn.attach(process_id)
    assert caught.value.code == code, caught.value
    assert str(process_id) in caught.value.message
    assert conn.count() == 0
    return caught.value.message


def test_no_such_process(start, conn):
    process = start("true")
    process.wait(timeout=DEADLINE)
    assert refused(conn, process.pid) == (
        f"operation failed: there is no process with PID {process.pid}")


def test_no_process_id(conn):
    for number in (0, 0xffffffff):
        with pytest.raises(virtapi.Error) as caught:
            conn.attach(number)
        assert caught.value.code == virtapi.ERR_INVALID_ARG


def test_a_process_that_is_no_qemu(start, conn):
    process = start(sys.executable, "-c", "print(flush=True); import signal; signal.pause()",
                    stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"\n"
    assert (f"process {process.pid} is not a QEMU but '{os.path.realpath(sys.executable)}'" in
            refused(conn, process.pid))


NO_MONITOR = {
    "none at all": [],
    "the human one only": ["-monitor", "unix:{path},server=on,wait=off"],
    "switched off": ["-monitor", "none"],
    "over TCP": ["-qmp", "tcp:127.0.0.1:0,server=on,wait=off"],
    "in the abstract name space": ["-qmp", "unix:{path},abstract=on,server=on,wait=off"],
}


@pytest.mark.parametrize("kind", NO_MONITOR)
def test_a_qemu_without_a_monitor(start, conn, folder, kind):
    """Known to be up by its pid file, which it writes when all else is there."""
    pid_file = folder / "pid"
    process = start(*QEMU, *[arg.format(path=folder / "m.sock") for arg in NO_MONITOR[kind]],
                    "-pidfile", pid_file)
    deadline = time.monotonic() + DEADLINE
    while not pid_file.exists() or not pid_file.read_text():
        assert process.poll() is None and time.monotonic() < deadline
        select.select([], [], [], 0.01)
    message = refused(conn, process.pid)
    assert "QMP monitor" in message


def test_a_busy_monitor_is_told_and_can_be_had_later(start, conn, folder):
    path = folder / "m.sock"
    process = start(*QEMU, *NAME, "-qmp", f"unix:{path},server=on,wait=off")
    other = Qmp(path, time.monotonic() + DEADLINE)
    try:
        message = refused(conn, process.pid, virtapi.ERR_RESOURCE_BUSY)
        assert f"'{path}'" in message and "busy" in message
    finally:
        other.close()
    attached(conn, process)


def test_a_busy_monitor_of_a_pattern_is_waited_for(start, connect, folder):
    path = folder / "m.sock"
    process = start(*QEMU, *NAME, "-qmp", f"unix:{path},server=on,wait=off")
    other = Qmp(path, time.monotonic() + DEADLINE)
    try:
        conn = connect(f"qemu:///embed?monitor={folder}/*.sock")
        assert conn.count() == 0
        life = conn.lifecycle()
    finally:
        other.close()
    life.wait(1)
    assert life.pairs == [(2, 0)]
    assert attached(conn, process).id == 1


# The libraries are loaded before the privileges go, so that it doesn't matter where they are.
UNPRIVILEGED = """
import os, sys
sys.path.insert(0, sys.argv[1])
import virtapi
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
conn = virtapi.Connection("qemu:///embed?monitor=/nonexistent")
try:
    conn.attach(int(sys.argv[2]))
except virtapi.Error as error:
    print(error.code, error.message)
"""


def test_no_permission(start, folder):
    path = folder / "m.sock"
    process = start(*QEMU, *NAME, "-qmp", f"unix:{path},server=on,wait=off")
    wait_listening(path)
    folder.chmod(0o755)
    path.chmod(0)
    env = {**os.environ, "LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "detect_leaks=0"}
    child = subprocess.run([sys.executable, "-c", UNPRIVILEGED, os.path.dirname(virtapi.__file__),
                            str(process.pid)], stdout=subprocess.PIPE, env=env, check=True,
                           timeout=DEADLINE, text=True)
    code, message = child.stdout.strip().split(" ", 1)
    assert int(code) == virtapi.ERR_OPERATION_FAILED
    assert message == (f"operation failed: no permission to use QMP monitor '{path}' of QEMU "
                       f"process {process.pid}")
