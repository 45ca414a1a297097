#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's own bindings for Python and Perl against virtmond, and the same against libvirtd."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest
from conftest import DEADLINE, Output, thaw
from daemons import Libvirtd, Virtmond, quiet_firmware

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = ["/usr/bin/python3", HERE / "python_client.py"]
PERL = ["/usr/bin/perl", HERE / "perl_client.pl"]
# Names of errors, states and events, as libvirt numbers them.
INTERNAL_ERROR, INVALID_ARG, OPERATION_DENIED, NO_DOMAIN = 1, 8, 29, 42
OPERATION_INVALID, ARGUMENT_UNSUPPORTED = 55, 74
FROM_NONE, FROM_RPC, FROM_QEMU, FROM_DOM = 0, 7, 10, 20
RUNNING, PAUSED = [1, 5], [3, 1]
SUSPENDED, RESUMED = [3, 0], [4, 0]
FILTERED = {0: "STOP RESUME RESET POWERDOWN STOP RESUME", 1: "STOP STOP", 2: "", 3: "STOP STOP",
            4: "RESUME RESET RESUME", 5: "STOP POWERDOWN STOP"}
# How many of these a filter lets through, for all domains and for one (but for the first).
MONITOR_EVENTS = {index: len(names.split()) * (2 if index else 1)
                  for index, names in FILTERED.items()}
RESET_DETAILS = '{"guest":false,"reason":"host-qmp-system-reset"}'


@pytest.fixture(scope="module", params=[Virtmond, Libvirtd], ids=lambda kind: kind.kind)
def served(request):
    """A daemon with a guest "g1"."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    daemon = None
    try:
        daemon = request.param(folder)
        daemon.guest = daemon.start_guest(
            "g1", machine="pc", args=(["-m", "32"] if daemon.kind == "virtmond" else []) +
            quiet_firmware(folder))
        yield daemon
    finally:
        if daemon:
            daemon.close()
        shutil.rmtree(folder)


class Client(Output):
    """One of the programs, which tells what it sees."""

    def __init__(self, program, scenario, uri, name="g1"):
        super().__init__(subprocess.Popen(
            [str(word) for word in program] + [scenario, uri, name], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8"}))

    @property
    def told(self):
        return [json.loads(line) for line in self.out]

    def wait_told(self, what, count=1):
        self.wait_for(lambda _: sum(one[0] == what for one in self.told) >= count, what)

    def ends(self):
        """All that it told, as lists by what it is."""
        status = self.finish()
        assert (status, self.err) == (0, [])
        return self.told

    def close(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


@pytest.fixture
def start_client():
    started = []

    def start(*args, **kwargs):
        started.append(Client(*args, **kwargs))
        return started[-1]

    yield start
    for one in started:
        one.close()


def happen(guest):
    for command in ("stop", "cont", "system_reset", "system_powerdown", "stop", "cont"):
        guest.command(command)


def read_only_error(function):
    return f"operation forbidden: read only access prevents {function}"


@pytest.mark.parametrize("program", [PYTHON, PERL], ids=["python", "perl"])
def test_calls(served, start_client, program):
    told = {what: rest for what, *rest in start_client(program, "calls", served.uri()).ends()}
    number = told["ids"][0][0]
    # it was booted, or its CPUs were started again by who came first
    assert told.pop("state") in ([[1, 1], [1], 1], [RUNNING, [1], 1])
    refused = told.pop("refused")
    assert refused[:2] == [
        [NO_DOMAIN, FROM_QEMU, "Domain not found: no domain with matching name 'nosuch'"],
        [NO_DOMAIN, FROM_QEMU, "Domain not found: no domain with matching id 77"]]
    if program is PYTHON:
        assert refused[2:] == [
            [NO_DOMAIN, FROM_QEMU], [INTERNAL_ERROR, FROM_NONE], [INVALID_ARG, FROM_QEMU],
            [ARGUMENT_UNSUPPORTED, FROM_QEMU], [OPERATION_INVALID, FROM_QEMU], INTERNAL_ERROR]
        assert told.pop("command") == ["running"]
        assert told.pop("hmp") == ["VM status: running\r\n"]
        assert told.pop("error in reply") == ["CommandNotFound"]
    else:
        assert [one[:2] for one in refused[2:]] == [[OPERATION_INVALID, FROM_QEMU]]
    assert told == {
        "type": ["QEMU"],
        "uri": [True],
        "alive": [1, 1, 0],
        "versions": [9000000, 7],
        "ids": [[number], 1],
        "defined": [[], 0],
        "all": [["g1"], []],
        "found": ["g1", "g1", "g1"],
        "active": [1, 0, 0],
        "memory": [32768, 1, "hvm", 0],
        "xml": [True, True],
        "suspend": [0, PAUSED, [3]],
        "resume": [0, RUNNING],
        "reset": [0],
        "closed": [0],
    }


@pytest.mark.parametrize("program", [PYTHON, PERL], ids=["python", "perl"])
@pytest.mark.parametrize("socket", ["ro", "rw"])
def test_read_only(served, start_client, program, socket):
    client = start_client(program, "read-only", served.uri(socket == "ro"))
    told = {what: rest[0] for what, *rest in client.ends()}
    assert told.pop("list") == ["g1"]
    assert told.pop("closed") == 0
    for function, public, domain in (
            ("suspend", "virDomainSuspend", FROM_DOM), ("resume", "virDomainResume", FROM_DOM),
            ("reset", "virDomainReset", FROM_DOM), ("shutdown", "virDomainShutdown", FROM_DOM),
            ("destroy", "virDomainDestroy", FROM_DOM),
            ("qemuMonitorCommand", "virDomainQemuMonitorCommand", FROM_NONE),
            ("qemuAgentCommand", "virDomainQemuAgentCommand", FROM_NONE)):
        if program is PYTHON or function in told:
            assert told.pop(function) == [OPERATION_DENIED, domain, read_only_error(public)]
    assert told.pop("XMLDesc")[:2] == [OPERATION_DENIED, FROM_DOM]
    assert not told


@pytest.mark.parametrize("scenario", ["events", "aio"])
def test_events(served, start_client, scenario):
    client = start_client(PYTHON, scenario, served.uri())
    client.wait_told("registered")
    happen(served.guest)
    client.wait_told("monitor", sum(MONITOR_EVENTS.values()))
    client.wait_told("lifecycle", 8)
    client.process.stdin.write(b"\n")
    client.process.stdin.flush()
    told = client.ends()
    assert told[0] == ["refused", INVALID_ARG, INVALID_ARG, INVALID_ARG]
    # one counter for all; attempts that failed may count, those came last
    assert told[1] == ["registered", list(range(11)), [11, 12, 13]]
    assert told[-1] == ["closed", 0]

    monitor = [one[1:] for one in told if one[0] == "monitor"]
    assert {name for _, name, _, _ in monitor} == {"g1"}
    for index, names in FILTERED.items():
        for scoped in (False, True):
            if index == 0 and scoped:
                continue
            assert [event for which, _, event, _ in monitor if which == [index, scoped]] == \
                names.split(), (index, scoped)
    assert {(event, details) for _, _, event, details in monitor} == {
        ("STOP", None), ("RESUME", None), ("POWERDOWN", None), ("RESET", RESET_DETAILS)}
    for which in ("all", "one"):
        assert [one[3:] for one in told if one[:2] == ["lifecycle", which]] == \
            [SUSPENDED, RESUMED] * 2
    assert [one[1:] for one in told if one[0] == "reboot"] == [["g1"]]


def test_events_in_perl(served, start_client):
    client = start_client(PERL, "events", served.uri())
    client.wait_told("registered")
    happen(served.guest)
    client.wait_told("lifecycle", 4)
    client.process.stdin.write(b"\n")
    client.process.stdin.flush()
    told = client.ends()
    assert [one for one in told if one[0] in ("lifecycle", "reboot")] == [
        ["lifecycle", "g1", *SUSPENDED], ["lifecycle", "g1", *RESUMED], ["reboot", "g1"],
        ["lifecycle", "g1", *SUSPENDED], ["lifecycle", "g1", *RESUMED]]
    assert told[-1] == ["closed", 0]


@pytest.mark.parametrize("number, reason", [(signal.SIGKILL, 1), (signal.SIGSTOP, 2)],
                         ids=["killed", "hangs"])
def test_lost(daemon, start_client, number, reason):
    """The end of file, or no answer to pings: the close callback tells which."""
    client = start_client(PYTHON, "lost", daemon.uri())
    client.wait_told("waiting")
    os.kill(daemon.pid, number)
    try:
        if number == signal.SIGKILL:
            daemon.process.wait(timeout=DEADLINE)
        told = client.ends()
    finally:
        if number == signal.SIGSTOP:
            thaw(daemon.pid)
    assert told[0] == ["keepalive", 0]
    assert told[-1] == ["lost", [[reason, "x"]], 0, [INTERNAL_ERROR, FROM_RPC]]
