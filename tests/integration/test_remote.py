#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our shell and client library against daemons: ours, and a stock libvirtd.

What both daemons can do is asked of both by the same test. Most tests leave the daemon and its
guest as they were, and share them.
"""
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest
import virtapi
from conftest import BUILD, DEADLINE, freeze, thaw
from daemons import Libvirtd, Virtmond

VIRTMON = str(BUILD / "tools" / "virtmon")


@pytest.fixture(scope="module", params=[Virtmond, Libvirtd], ids=["virtmond", "libvirtd"])
def shared(request):
    """A daemon with a guest "g1" that runs; a test leaves it as it was."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    daemon = None
    try:
        daemon = request.param(folder)
        daemon.guest = daemon.start_guest("g1")
        yield daemon
    finally:
        if daemon:
            daemon.close()
        shutil.rmtree(folder)


def stop_and_go(guest, times=1):
    for _ in range(times):
        guest.command("stop")
        guest.command("cont")


# --- the shell ---

def test_an_event_comes_through(shared, shell):
    watch = shell("qemu-monitor-event", "--domain", "g1", "--event", "STOP", "--loop",
                  "--count", "2", uri=shared.uri())
    # Registered once an event has come: until then, each stop is followed by a start.
    while not watch.out:
        stop_and_go(shared.guest)
        watch.read(time.monotonic() + 0.05)
    shared.guest.command("stop")
    lines = watch.take(2)
    assert all(line.startswith("event STOP at ") for line in lines)
    assert watch.finish() == 0
    shared.guest.command("cont")


def run(program, uri, *words):
    done = subprocess.run([program, "-c", uri, *words], capture_output=True, text=True,
                          timeout=DEADLINE, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", [
    "list", "list --all", "list --name", "list --uuid", "list --inactive", "domid g1",
    "domname 1", "domuuid g1", "domstate g1", "domstate g1 --reason", "uri", "hostname",
    "domid nobody", "domstate nobody", "dumpxml nobody", "suspend nobody",
    "qemu-monitor-command g1 --hmp info name",
    "qemu-monitor-command g1 {\"execute\":\"query-status\"}",
    "qemu-monitor-command g1 {\"execute\":\"nonsense\"}",
    "qemu-monitor-command g1 nonsense", "qemu-agent-command g1 {}",
    "suspend g1; domstate g1 --reason; resume g1; domstate g1 --reason",
    "list; nonsense", "dumpxml g1", "version --daemon",
])
def test_commands_say_what_virsh_says(shared, command):
    """The same daemon, asked by virsh and by our shell."""
    words = command.split(" ") if ";" not in command else [command]
    answers = []
    for program in (VIRTMON, "virsh"):
        status, out, err = run(program, shared.uri(), *words)
        # Texts of errors that are the programs' own differ; those of daemons don't.
        lines = [line for line in err.splitlines() if not line.startswith("error: Failed ")]
        # QEMU's commands are numbered.
        answers.append((status, re.sub(r"libvirt-\d+", "libvirt-N", out), lines))
    if command.startswith("version") or command.endswith("nonsense"):
        answers = [(status, bool(out)) for status, out, err in answers]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("command", [
    "suspend g1", "qemu-monitor-command g1 {}", "qemu-monitor-event --loop --timeout 1",
    "reset g1", "destroy g1", "qemu-agent-command g1 {}",
])
def test_what_is_read_only_stays_so(shared, command):
    answers = [run(program, shared.uri(True), "-r", *command.split(" "))
               for program in (VIRTMON, "virsh")]
    assert answers[0][0] == answers[1][0] == 1
    assert "read only access prevents" in answers[0][2]
    assert answers[0][2].splitlines()[-1] == answers[1][2].splitlines()[-1]


def test_connect_again(start_virtmond, shell):
    """A shell whose daemon has gone connects to the next one."""
    daemon = start_virtmond()
    daemon.start_guest("g1")
    typed = shell(uri=daemon.uri(), stdin=subprocess.PIPE)

    def say(text):
        typed.process.stdin.write(text.encode() + b"\n")
        typed.process.stdin.flush()

    say("domid g1")
    typed.wait_for(lambda o: "1" in o.out, "ID")
    other = start_virtmond()
    other.start_guest("g2")
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.process.wait(timeout=DEADLINE)
    say("domid g1")
    typed.wait_for(lambda o: any(line.startswith("error:") for line in o.err), "complaint")
    say(f"connect {other.uri()}")
    say("domname 1")
    typed.wait_for(lambda o: "g2" in o.out, "name")
    typed.process.stdin.close()
    typed.finish()


# --- what a connection is ---

def test_what_a_connection_says(shared, connect):
    conn = connect(shared.uri())
    assert conn.type() == "QEMU"
    assert conn.uri() == shared.uri()
    assert conn.hostname() == socket.gethostname()
    assert conn.is_alive()
    assert conn.is_secure()
    assert not conn.is_encrypted()
    assert conn.keep_alive(5, 5) == 0


def test_domains(shared, connect):
    conn = connect(shared.uri())
    domain, = conn.domains()
    assert (domain.name, domain.id, conn.count()) == ("g1", 1, 1)
    for other in (conn.domain("g1"), conn.domain_by_id(1), conn.domain_by_uuid(domain.uuid)):
        assert (other.name, other.uuid, other.id) == ("g1", domain.uuid, 1)
    assert f"<uuid>{domain.uuid}</uuid>" in domain.xml()
    assert domain.state()[0] == virtapi.RUNNING
    domain.suspend()
    assert domain.state() == (virtapi.PAUSED, 1)
    domain.resume()
    assert domain.state() == (virtapi.RUNNING, 5)
    assert domain.qmp("query-name") is not None
    assert "running" in domain.monitor("info status", virtapi.HMP)


def refused(what, *args):
    with pytest.raises(virtapi.Error) as error:
        what(*args)
    return error.value


def test_errors(shared, connect):
    """As the daemon says them: number, origin and words."""
    conn = connect(shared.uri())
    error = refused(conn.domain, "nobody")
    assert (error.code, error.domain) == (virtapi.ERR_NO_DOMAIN, 10)
    assert error.message == "Domain not found: no domain with matching name 'nobody'"
    assert refused(conn.domain_by_id, 4711).code == virtapi.ERR_NO_DOMAIN
    assert refused(conn.watch, "(", None, virtapi.REGEX).code == virtapi.ERR_INVALID_ARG
    assert refused(conn.watch, "x", None, 0x100).code == virtapi.ERR_INVALID_ARG
    domain = conn.domain("g1")
    assert refused(domain.agent, "{}").code == virtapi.ERR_ARGUMENT_UNSUPPORTED
    with pytest.raises(virtapi.Error):
        domain.monitor("nonsense")
    assert conn.is_alive()

    reader = connect(shared.uri(True), virtapi.READ_ONLY)
    error = refused(reader.domain("g1").suspend)
    assert (error.code, error.domain) == (virtapi.ERR_OPERATION_DENIED, 20)
    assert error.message == \
        "operation forbidden: read only access prevents virDomainSuspend"
    assert refused(reader.watch).code == virtapi.ERR_OPERATION_DENIED


def test_files(shared, connect):
    """A file goes to QEMU through the daemon."""
    domain = connect(shared.uri()).domain("g1")
    with tempfile.TemporaryFile() as file:
        answer, back = domain.monitor_with_files(
            '{"execute":"add-fd","arguments":{"fdset-id":77,"opaque":"from a test"}}',
            [file.fileno()])
    assert json.loads(answer)["return"]["fdset-id"] == 77
    assert back == []
    sets = {one["fdset-id"]: one for one in domain.qmp("query-fdsets")}
    assert sets[77]["fds"][0]["opaque"] == "from a test"
    domain.qmp("remove-fd", **{"fdset-id": 77})

    with tempfile.NamedTemporaryFile() as file:
        status, out, _ = run(VIRTMON, shared.uri(), "qemu-monitor-command", "g1", "--pass-fds", "0",
                             '{"execute":"add-fd","arguments":{"fdset-id":78}}')
        assert status == 0 and '"fdset-id":78' in out.replace(" ", "")
    domain.qmp("remove-fd", **{"fdset-id": 78})


AGENT = ["-device", "virtio-serial", "-chardev", "socket,id=a,path={path},server=on,wait=off",
         "-device", "virtserialport,chardev=a,name=org.qemu.guest_agent.0"]


def test_an_agent_that_is_not_there(virtmond, connect):
    """There is a channel and nobody behind it."""
    virtmond.start_guest("g1", machine="pc", args=[
        "-m", "32", *[word.format(path=virtmond.folder / "agent") for word in AGENT]])
    domain = connect(virtmond.uri()).domain("g1")
    error = refused(domain.agent, '{"execute":"guest-ping"}', 1)
    assert error.code == virtapi.ERR_AGENT_UNRESPONSIVE


# --- events ---

FILTERS = {
    "everything": (None, 0, True), "one": ("STOP", 0, True), "another": ("RESUME", 0, False),
    "in other letters": ("stop", 0, False), "of any case": ("stop", virtapi.NOCASE, True),
    "a part": ("TO", virtapi.REGEX, True), "anchored": ("^TO", virtapi.REGEX, False),
    "both": ("^st", virtapi.REGEX | virtapi.NOCASE, True), "glob": ("S*", virtapi.GLOB, True),
    "set": ("[Q-T]??P", virtapi.GLOB, True), "no part": ("TO", virtapi.GLOB, False),
    "any glob": ("*to[p]", virtapi.GLOB | virtapi.NOCASE, True), "empty": ("", 0, False),
    "empty expression": ("", virtapi.REGEX, True),
}


@pytest.mark.parametrize("scoped", [False, True], ids=["everywhere", "one domain"])
def test_filters(shared, connect, scoped):
    conn = connect(shared.uri())
    domain = conn.domain("g1") if scoped else None
    watches = {name: conn.watch(event, domain, flags)
               for name, (event, flags, _) in FILTERS.items()}
    last = conn.watch("RESUME", domain)
    stop_and_go(shared.guest)
    event, = last.wait(1)
    assert (event.domain, event.name, event.details) == ("g1", "RESUME", None)
    assert abs(event.seconds - time.time()) < DEADLINE
    for name, (_, _, wanted) in FILTERS.items():
        assert ("STOP" in watches[name].names) == wanted, name


def test_any_order(shared, connect):
    """libvirtd refuses a registration for everything behind others: it is asked in another way."""
    for order in itertools.permutations([None, None, "STOP", "RESUME"]):
        conn = connect(shared.uri())
        watches = [conn.watch(event) for event in order]
        stop_and_go(shared.guest)
        for event, watch in zip(order, watches):
            if event is None:
                assert [one.name for one in watch.wait(2)] == ["STOP", "RESUME"]
            else:
                assert [one.name for one in watch.wait(1)] == [event]
        conn.close()


def test_lifecycle(shared, connect):
    conn = connect(shared.uri())
    domain = conn.domain("g1")
    watches = [conn.lifecycle(), conn.lifecycle(domain), conn.lifecycle_old()]
    domain.suspend()
    domain.resume()
    for watch in watches:
        watch.wait(2)
        assert watch.pairs == [(3, 0), (4, 0)]
        assert {event.domain for event in watch.events} == {"g1"}


def test_a_guest_ends(daemon, connect):
    guest = daemon.start_guest("g1")
    conn = connect(daemon.uri())
    lifecycle, monitor = conn.lifecycle(), conn.watch()
    domain = conn.domain("g1")
    guest.command("quit")
    stopped = lifecycle.wait_for(lambda event: event.type == 5)
    assert stopped.domain == "g1"
    monitor.wait_for(lambda event: event.name == "SHUTDOWN")
    virtapi.wait(lambda: conn.count() == 0, "end")
    assert refused(domain.suspend).code in (virtapi.ERR_NO_DOMAIN, virtapi.ERR_OPERATION_INVALID)


def test_reads_while_events_flow(shared, connect):
    """In many threads, with one connection; none of them needs the event loop."""
    conn = connect(shared.uri())
    watch = conn.watch("STOP")
    domain = conn.domain("g1")
    failures = []

    def read():
        try:
            for _ in range(100):
                assert domain.qmp("query-status")["status"] in ("running", "paused")
                assert domain.state()[0] in (virtapi.RUNNING, virtapi.PAUSED)
                assert conn.count() == 1
        except Exception as failure:        # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    stop_and_go(shared.guest, 100)
    watch.wait(100)
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert failures == []
    numbers = [(event.seconds, event.micros) for event in watch.events]
    assert numbers == sorted(numbers) and len(numbers) == 100


def test_come_and_go_in_threads(shared, connect):
    """Whoever comes and goes, the others miss nothing."""
    conn = connect(shared.uri())
    steady = conn.watch("STOP")
    failures = []
    done = []

    def come_and_go(event):
        try:
            for _ in range(30):
                watch = conn.watch(event)
                watch.close()
        except Exception as failure:        # pylint: disable=broad-except
            failures.append(failure)
        done.append(event)

    threads = [threading.Thread(target=come_and_go, args=(event,))
               for event in ("STOP", "STOP", "RESUME", None)]
    for thread in threads:
        thread.start()
    rounds = 0
    while len(done) < len(threads):
        stop_and_go(shared.guest)
        rounds += 1
        steady.wait(rounds)
    for thread in threads:
        thread.join(DEADLINE)
    assert failures == []
    assert steady.names == ["STOP"] * rounds


def test_deregistered_inside(shared, connect):
    """A callback takes itself out; nothing comes behind that."""
    conn = connect(shared.uri())
    mine = conn.watch("STOP")
    other = conn.watch("STOP")
    called = mine.events.append

    class Once(list):
        def append(self, event):
            called(event)
            virtapi.checked(virtapi.api.virConnectDomainQemuMonitorEventDeregister(
                conn.handle, mine.id))

    seen, mine.events = mine.events, Once()
    stop_and_go(shared.guest, 3)
    other.wait(3)
    assert len(seen) == 1 and mine.freed == 1
    conn.registrations.remove(mine)


def test_events_after_close(shared, connect):
    """A registration keeps its connection, until it is gone."""
    conn = connect(shared.uri())
    watch = conn.watch("STOP")
    assert virtapi.api.virConnectClose(conn.handle) == 1
    conn.open_ones.remove(conn)
    stop_and_go(shared.guest)
    watch.wait(1)
    watch.close()
    assert watch.freed == 1
    assert virtapi.driver_threads() == 0


# --- how a connection ends ---

def test_the_daemon_is_killed(daemon, connect):
    conn = connect(daemon.uri())
    closed, watch = conn.closed(), conn.watch()
    os.kill(daemon.pid, signal.SIGKILL)
    reason, = closed.wait(1)
    assert reason in (virtapi.CLOSE_EOF, virtapi.CLOSE_ERROR)
    virtapi.wait(lambda: closed.freed == 1, "free function")
    assert not conn.is_alive()
    assert refused(conn.count).code == virtapi.ERR_INTERNAL_ERROR
    error = refused(conn.watch, "STOP")
    assert (error.code, error.message) == \
        (virtapi.ERR_INTERNAL_ERROR, "internal error: client socket is closed")
    assert watch.freed == 0
    daemon.process.wait(timeout=DEADLINE)


def test_the_daemon_is_killed_while_calls_wait(daemon, connect):
    conn = connect(daemon.uri())
    errors = []

    def call():
        errors.append(refused(conn.count))

    freeze(daemon.pid)
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    os.kill(daemon.pid, signal.SIGKILL)
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert len(errors) == 4
    assert {error.code for error in errors} <= {virtapi.ERR_SYSTEM_ERROR,
                                                virtapi.ERR_INTERNAL_ERROR}
    daemon.process.wait(timeout=DEADLINE)


def test_keepalive(daemon, connect):
    """A daemon that is silent is given up; one that answers is not."""
    conn = connect(daemon.uri())
    closed = conn.closed()
    assert conn.keep_alive(1, 1) == 0
    assert conn.count() == 0
    freeze(daemon.pid)
    try:
        error = refused(conn.count)
        reason, = closed.wait(1)
    finally:
        thaw(daemon.pid)
    assert reason == virtapi.CLOSE_KEEPALIVE
    assert error.code == virtapi.ERR_INTERNAL_ERROR
    assert "keepalive" in error.message
