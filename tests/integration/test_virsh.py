#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's virsh against virtmond: it prints what it prints against libvirtd with such a guest, to
the byte; and our shell against virtmond prints the same. What differs is in DIFFERS, with why."""
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import bootguest
import pexpect
import pytest
from conftest import BUILD, DEADLINE, Output, freeze, thaw, vnc_visit
from daemons import Libvirtd, Virtmond, quiet_firmware, wait_for_socket

VIRSH = ["virsh"]
VIRTMON = [BUILD / "tools" / "virtmon"]
ENV = {**{name: value for name, value in os.environ.items()
          if not re.match("VIRSH_|VIRTMON_|LIBVIRT_|LD_PRELOAD|VISUAL$|EDITOR$", name)},
       "LC_ALL": "C.UTF-8"}

# What a program has that the other hasn't for reasons of its own.
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
VOLATILE = [
    (UUID, "UUID"),
    (re.compile(r'("id": ?"libvirt-)\d+'), r"\1N"),         # of a monitor command
    (re.compile(r"(CPU time: +)[\d.]+s"), r"\1TIME"),
    (re.compile(r"\?socket=\S+"), "?socket=SOCKET"),
    # libvirtd knows what it has done to its guest; nobody knows that of an attached one
    (re.compile(r"Messages: .*\n(?: {16}.*\n)*"), ""),
    (re.compile(r"( at )\d+\.\d{6}( for domain)"), r"\1TIME\2"),
    (re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: ", re.M), "STAMP: "),
]

XML = "its XML says how a QEMU is attached, not how to start one"
DROPPED = "libvirt has dropped it, virtmond has not"
UNSERVED = ("virtmond starts, changes and keeps no guests; the client takes 'unknown procedure' "
            "for 'not supported', and may go on by other means")
# Command: why, and what matches virtmond's stdout and stderr where they are not libvirtd's.
DIFFERS = {
    "capabilities": ("virtmond tells what runs here, not what could be started",
                     r"<capabilities>\n(?s:.*)</capabilities>\n\n\n", ""),
    "dumpxml g1": (XML, r"<domain type='qemu' id='1'>\n(?s:.*)</domain>\n\n", ""),
    "dumpxml g1 --security-info": (XML, r"<domain type='qemu' id='1'>\n(?s:.*)</domain>\n\n", ""),
    "qemu-attach 1": (DROPPED, r"\n", r"error: Failed to attach to pid 1\n"
                      r"error: operation failed: process 1 is not a QEMU but '.*'\n"),
    "qemu-attach 999999999": (DROPPED, r"\n", r"error: Failed to attach to pid 999999999\nerror: "
                              r"operation failed: there is no process with PID 999999999\n"),
    "qemu-monitor-command g1 '{\"nosuch\":\"x\"}'": (
        "QEMU gives back the id of what it does not understand; libvirtd has sent none",
        r'\{"id":"libvirt-N","error":\{"class":"GenericError","desc":".* unexpected"\}\}\n\n', ""),
    "qemu-monitor-command g1 '{\"execute\":\"a\",\"id\":1}'": (
        "ours says what is wrong with it", r"\n",
        r"error: internal error: the command has an 'id' of its own, .+\n"),
    "qemu-monitor-event --regex --event '((('": (
        "GLib's words behind the pattern are not ours", r"\n",
        r"error: invalid argument: failed to compile regex '\(\(\(': .+\n"),
    "reboot g1 --mode acpi": (
        "it takes a restart of the QEMU, of which only who started it is capable", "\n",
        r"error: Failed to reboot domain 'g1'\nerror: Operation not supported: .+\n"),
    **{command: (UNSERVED, r"\n?", rf"(?:error: .+\n)?error: unknown procedure: {number}\n")
       for command, number in {
           "create /dev/null": 10, "define /dev/null": 11, "undefine g1": 35, "autostart g1": 29,
           "managedsave g1": 182, "setvcpus g1 2": 32, "domtime g1": 337, "dump g1 /dev/null": 53,
           "snapshot-list g1": 187, "domstats g1": 344, "net-list": 52, "pool-list": 71,
           "nodeinfo": 6, "domcapabilities": 342, "sysinfo": 203, "maxvcpus": 5,
           "setmem g1 32768": 204, "domjobinfo g1": 163, "domcontrol g1": 229, "vcpuinfo g1": 6,
           "attach-device g1 /dev/null": 8, "detach-device g1 /dev/null": 13,
           "inject-nmi g1": 210, "send-key g1 1": 226, "domrename g1 g2": 358,
           "domhostname g1": 277, "guestinfo g1": 418, "screenshot g1": 211,
       }.items()},
}
# What our shell has in other words than virsh, and why.
OWN_WORDS = {
    "dominfo g1": ("it asks nothing about security models, which attached guests have none of",
                   lambda text: re.sub(r"Security .*\n", "", text)),
    "qemu-monitor-command g1 --pass-fds 77 query-status": (
        "the library finds it out, and says it itself",
        lambda text: text.replace("Cannot duplicate FD 77", "cannot duplicate file descriptor 77")),
}
OWN_WORDS |= {f"{option} dominfo g1": OWN_WORDS["dominfo g1"] for option in ("-r", "-q")}
# Commands that our shell does not have.
FOREIGN = {"start", "domblklist", "domiflist", "vcpucount", "domdisplay"}
FOREIGN |= {command.split()[0] for command, row in DIFFERS.items() if row[0] == UNSERVED}

# Each line is a test, of commands that are run in turn and leave the guest as it was.
# "-r" is a read-only connection, and the socket for those.
CASES = r"""
list; list --all; list --inactive; list --name; list --uuid; list --id; list --table
list --title; list --all --state-running; list --state-paused; list --persistent; list --transient
list --autostart; list --managed-save; list --with-snapshot; list --without-checkpoint; list --bogus
domid g1; domid nosuch; domname g1; domname 1; domname 99; domuuid g1; domuuid 1
domstate g1; domstate g1 --reason; domstate --domain g1; domstate 1; domstate nosuch
dominfo g1; dominfo nosuch; -r dominfo g1; -r dominfo nosuch; -q dominfo g1
dumpxml g1; dumpxml nosuch; dumpxml g1 --xpath /domain/name; dumpxml g1 --xpath //uuid --wrap
dumpxml g1 --security-info; -r dumpxml g1 --security-info; -r dumpxml g1 --migratable
capabilities; hostname; uri; version; version --daemon; -q version; -r uri; -r hostname
connect; connect --readonly; nosuch; -r suspend g1; -r resume g1; -r reset g1; -r shutdown g1
-r destroy g1; -r reboot g1; -r shutdown g1 --mode acpi; -r destroy g1 --graceful
-r qemu-monitor-command g1 query-status; -r qemu-agent-command g1 '{"execute":"guest-ping"}'
-r qemu-monitor-event --timeout 1; -r qemu-attach 1; -r suspend nosuch
suspend g1; domstate g1 --reason; list; suspend g1; resume g1; resume g1; domstate g1 --reason
suspend nosuch; resume nosuch; reset nosuch; shutdown nosuch; destroy nosuch; reboot nosuch
reset g1; shutdown g1; shutdown g1 --mode acpi; shutdown g1 --mode acpi,agent
reboot g1 --mode acpi; domstate g1 --reason
shutdown g1 --mode agent; shutdown g1 --mode bogus; shutdown g1 --mode paravirt
reboot g1 --mode agent; reboot g1 --mode initctl; destroy g1 --bogus
qemu-monitor-command g1 '{"execute":"query-status"}'; qemu-monitor-command g1 query-status
qemu-monitor-command g1 --pretty '{"execute":"query-status"}'; qemu-monitor-command nosuch x
qemu-monitor-command g1 --return-value '{"execute":"query-status"}'
qemu-monitor-command g1 --hmp info status; qemu-monitor-command g1 --hmp; qemu-monitor-command g1
qemu-monitor-command g1 'no json'; qemu-monitor-command g1 '{"nosuch":"x"}'
qemu-monitor-command g1 '{"execute":"nosuch"}'; qemu-monitor-command g1 --hmp nosuch
qemu-monitor-command g1 --return-value '{"execute":"nosuch"}'
qemu-monitor-command g1 --hmp --pretty info status; qemu-monitor-command g1 '{"execute":"a","id":1}'
qemu-monitor-command g1 --pass-fds 77 query-status; qemu-monitor-command g1 '[]'
qemu-agent-command g1 '{"execute":"guest-ping"}'; qemu-agent-command nosuch '{}'
qemu-agent-command g1 --timeout 1 '{"execute":"guest-ping"}'; qemu-agent-command g1 --async x
qemu-attach 1; qemu-attach 999999999; qemu-attach abc
qemu-monitor-event --timeout 1; qemu-monitor-event nosuch; qemu-monitor-event g1 STOP x
qemu-monitor-event --regex --event '((('; qemu-monitor-event --event ''
event; event --list; event --all --event lifecycle; event --event nosuch; event lifecycle
event --domain nosuch --all; -r event --all --timeout 1
desc g1; desc g1 --title; -q desc g1; -r desc g1 --title; desc nosuch; desc; desc ''; list --title
desc g1 two  words 'and  more'; desc g1; -q desc g1; -r desc g1; desc g1 ''; desc g1
desc g1 a --new-desc b c; desc g1 --live; desc g1 --current; desc g1 --new-desc=; desc g1 --bogus
desc g1 -- --live; -q desc g1; -q desc g1 --live ''; desc g1
desc g1 --title --live mine; desc g1 --title; list --title; dominfo g1; desc g1 --title ''
desc g1 --title; desc g1 --config; desc g1 --config x
desc g1 --live --config; desc g1 --live --current; desc g1 --current --config
desc nosuch --live --current; desc nosuch x; -r desc g1 x; -r desc g1 --title x; desc g1
metadata g1 http://example.com/; metadata g1; metadata nosuch urn:a; metadata g1 ''; metadata
metadata g1 urn:a --set '<a/>'; metadata g1 urn:a --set '' --key k; metadata g1 urn:a --key ''
metadata g1 urn:a --key k --set '<a b="c"><d/></a>'; metadata g1 urn:a; metadata g1 urn:a --remove
metadata g1 urn:a k '<h/>'; -q metadata g1 urn:a; metadata g1 urn:a --remove
metadata g1 urn:a k '<f/>'; dumpxml g1 --xpath '//*[local-name()="f"]'; metadata g1 urn:a --remove
metadata g1 urn:a --live --key y --set '<n/>'; metadata g1 urn:a --live; metadata g1 urn:a --remove
-q metadata g1 urn:a k '<g/>'; -r metadata g1 urn:a; -q metadata g1 urn:a --remove --key k
metadata g1 urn:a --config; metadata g1 urn:a --live --config; -r metadata g1 urn:a --remove
metadata g1 urn:a --remove; metadata g1 urn:a --key k --set '<bad'; metadata g1 urn:a --edit
metadata g1 urn:a --edit --set x --remove; metadata g1 urn:a --remove --set x
metadata g1 urn:a --remove --edit; metadata g1 urn:a --live --current --set x --edit
metadata g1 urn:a --current --config; metadata nosuch '' --set x; -r metadata g1 urn:a k '<a/>'
start g1; start nosuch
create /dev/null; define /dev/null; undefine g1; autostart g1; snapshot-list g1; list
managedsave nosuch; setvcpus g1 2; domtime g1; net-list; pool-list; nodeinfo; list
domcapabilities; sysinfo; maxvcpus; setmem g1 32768; domstats g1; dump g1 /dev/null; list
domjobinfo g1; domcontrol g1; vcpuinfo g1; inject-nmi g1; send-key g1 1; domrename g1 g2; list
attach-device g1 /dev/null; detach-device g1 /dev/null; domhostname g1; guestinfo g1; list
domblklist g1; domiflist g1; vcpucount g1; domdisplay g1; list
""".strip().splitlines()


def words(command):
    return shlex.split(command)


def commands(line):
    return [command.strip() for command in line.split(";")]


class Run:
    """A command of a shell against a daemon, started."""

    def __init__(self, program, daemon, command, pass_fds=(), env=None):
        args = words(command) if isinstance(command, str) else [str(word) for word in command]
        readonly = "-r" in args[:1]
        self.process = subprocess.Popen(
            [str(word) for word in program] + ["-c", daemon.uri(readonly), *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            pass_fds=pass_fds, env={**ENV, **(env or {})})

    def finish(self):
        """Its stdout and stderr without what is volatile, and its exit status."""
        try:
            texts = self.process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"{self.process.args} does not end; {self.process.communicate()}")
        return *map(masked, texts), self.process.returncode


def masked(text):
    for pattern, place in VOLATILE:
        text = pattern.sub(place, text)
    return text


def run(program, daemon, command, **kwargs):
    return Run(program, daemon, command, **kwargs).finish()


class Pair:
    """Both daemons with such guests, that ask the same of them at the same time."""

    def __init__(self, folder):
        self.daemons = []
        self.firmware = quiet_firmware(folder)
        try:
            for kind in (Virtmond, Libvirtd):
                place = folder / kind.kind[0]
                place.mkdir()
                self.daemons.append(kind(place))
        except BaseException:
            self.close()
            raise
        self.ours, self.theirs = self.daemons

    def start_guest(self, name):
        """One with each, of the same kind."""
        return [self.ours.start_guest(name, machine="pc", args=["-m", "32", *self.firmware]),
                self.theirs.start_guest(name, args=self.firmware)]

    def virsh(self, command, **kwargs):
        """What virsh says of each, as Run.finish()."""
        runs = [Run(VIRSH, daemon, command, **kwargs) for daemon in self.daemons]
        return [one.finish() for one in runs]

    def close(self):
        for daemon in self.daemons:
            daemon.close()


@pytest.fixture(scope="module", name="pair")
def pair_fixture():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    pair = None
    try:
        pair = Pair(folder)
        pair.guests = pair.start_guest("g1")
        yield pair
    finally:
        if pair:
            pair.close()
        shutil.rmtree(folder)


# --- one command ---

@pytest.mark.parametrize("line", CASES, ids=lambda line: line[:40].replace("::", ":"))
def test_commands(pair, line):
    said = {}
    for number, command in enumerate(commands(line)):
        ours, theirs = pair.virsh(command)
        said[number] = ours
        if command not in DIFFERS:
            assert ours == theirs, command
            continue
        _, out, err = DIFFERS[command]
        assert ours != theirs, f"'{command}' no longer differs"
        assert re.fullmatch(out, ours[0]), command
        assert re.fullmatch(err, ours[1]), command
    for number, command in enumerate(commands(line)):
        if words(command)[0] in FOREIGN:
            continue
        _, own = OWN_WORDS.get(command, ("", str))
        out, err, status = said[number]
        assert run(VIRTMON, pair.ours, command) == (own(out), own(err), status), command


# What an editor does to the file whose name is put behind it, and the command that starts it. What
# there is then is what the row before has left; the last of them leave nothing.
EDITS = [
    ("echo hello >", "desc g1 --edit"),
    ("true", "desc g1 --edit"),
    ("true", "-q desc g1 --edit"),
    ("sed -i s/hello/hi/", "desc g1 --edit"),
    ("sed -i s/apple/pear/", "desc g1 --edit an  apple"),
    ("true", "desc g1 --edit an pear"),
    ("cp /dev/null", "-r desc g1 --edit"),
    ("true", "desc g1"),
    ("cp /dev/null", "desc g1 --edit"),
    ("cp /dev/null", "desc g1 --edit"),
    ("true", "desc nosuch --edit"),
    ("echo name >", "desc g1 --title --edit"),
    ("echo name >", "desc g1 --title --edit"),
    ("cp /dev/null", "desc g1 --title --edit"),
    ("true", "metadata g1 urn:e --edit --key k"),
    ("true", "-q metadata g1 urn:e --edit --key k"),
    ("echo '<a>b</a>' >", "metadata g1 urn:e --edit --key k"),
    ("sed -i s/b/c/", "metadata g1 urn:e --edit --key k"),
    ("sed -i s/c/d/", "-q metadata g1 urn:e --edit --key k"),
    ("true", "metadata g1 urn:e"),
    ("true", "metadata nosuch urn:e --edit"),
    ("true", "metadata g1 urn:e --edit"),
    ("true", "metadata g1 urn:e --remove"),
]


@pytest.mark.parametrize("variable", ["VISUAL", "EDITOR"])
def test_edit(pair, tmp_path, variable):
    # VISUAL goes first
    other = {"EDITOR": "false"} if variable == "VISUAL" else {}
    said = [[run(program, daemon, command, env={"TMPDIR": str(tmp_path), variable: editor, **other})
             for editor, command in EDITS]
            for program, daemon in ((VIRSH, pair.theirs), (VIRSH, pair.ours), (VIRTMON, pair.ours))]
    assert said[1] == said[0]
    assert said[2] == said[0]
    assert list(tmp_path.iterdir()) == []


def test_all_our_commands_are_tried(pair):
    """But for those that ask nothing of a daemon, and our own."""
    text = run(VIRTMON, pair.ours, "help")[0]
    ours = set(re.findall(r"^ {4}(\S+)", text, re.M))
    tried = {word for line in CASES for command in commands(line) for word in words(command)[:2]}
    assert len(ours) > 25
    assert ours - tried == {"cd", "echo", "exit", "help", "pwd", "quit", "qemu-event-list"}


# Commands after which the guest is another, or none.
ENDS = {
    "destroy": "destroy {0}",
    "graceful": "destroy {0} --graceful",
    "remove-logs": "destroy {0} --remove-logs",
    # libvirtd may see the end of the monitor before its reply
    "quit": "qemu-monitor-command {0} '{{\"execute\":\"quit\"}}'",
    # libvirtd would start another QEMU
    "reboot": "reboot {0}",
}


@pytest.mark.parametrize("program", [VIRSH, VIRTMON], ids=["virsh", "virtmon"])
@pytest.mark.parametrize("end", ENDS)
def test_ends(pair, program, end):
    name = f"{end}-{'virsh' if program is VIRSH else 'virtmon'}"
    pair.start_guest(name)
    ours = Run(program, pair.ours, ENDS[end].format(name))
    if end == "reboot":
        out, err, status = ours.finish()
        assert (out, status) == ("\n", 1)
        assert err.startswith(f"error: Failed to reboot domain '{name}'\n"
                              "error: Operation not supported: ")
        ours = Run(program, pair.ours, f"destroy {name}")
    theirs = Run(VIRSH, pair.theirs, ENDS[end if end != "reboot" else "destroy"].format(name))
    if end == "quit":
        assert ours.finish() == ('{"return":{},"id":"libvirt-N"}\n\n', "", 0)
        theirs.finish()
    else:
        assert ours.finish() == theirs.finish()
    for later in (f"domstate {name}", f"destroy {name}", "list --all"):
        deadline = time.monotonic() + DEADLINE
        # it is gone a moment after a "quit"
        while (both := pair.virsh(later))[0] != both[1] or name in both[0][0]:
            assert time.monotonic() < deadline, both


def test_pass_fds(pair):
    """A descriptor gets to QEMU, which says what it has of it."""
    with open("/dev/null", "rb") as file:
        fd = file.fileno()
        command = ["qemu-monitor-command", "g1", "--pass-fds", fd,
                   '{"execute":"add-fd","arguments":{"fdset-id":7,"opaque":"mine"}}']
        added = pair.virsh(command, pass_fds=(fd,))
        assert added[0] == added[1] or all('"fdset-id":7' in one[0] for one in added)
        for guest in pair.guests:
            sets = guest.command("query-fdsets")
            assert [one["fds"][0]["opaque"] for one in sets if one["fdset-id"] == 7] == ["mine"]
        out = run(VIRTMON, pair.ours, command, pass_fds=(fd,))[0]
        assert '"fdset-id":7' in out
    for guest in pair.guests:
        guest.command("remove-fd", **{"fdset-id": 7})


# --- events ---

class Watch:
    """A shell that waits for events; nothing is missed that comes once the constructor returns."""

    def __init__(self, program, daemon, folder, command, registrations=1):
        self.log = folder / f"log{id(self)}"
        # libvirt's own words, of which the interesting ones are of the replies to registrations;
        # our shell tells when it waits
        env = {"LIBVIRT_LOG_FILTERS": "2:rpc.netclient 4:*",
               "LIBVIRT_LOG_OUTPUTS": f"2:file:{self.log}"} if program is VIRSH else \
              {"VIRTMON_DEBUG": "2"}
        process = subprocess.Popen(
            [str(word) for word in program] + ["-c", daemon.uri(), *words(command)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**ENV, **env})
        self.output = Output(process)
        try:
            if program is VIRSH:
                self.wait_for_replies(registrations)
            else:
                self.output.wait_for(lambda o: "waiting for events" in o.err, "sign of waiting")
        except BaseException:
            self.close()
            raise

    def wait_for_replies(self, count):
        deadline = time.monotonic() + DEADLINE
        reply = re.compile(r"RPC_CLIENT_MSG_RX: .* prog=(?:536903815 vers=1 proc=4|"
                           r"536903814 vers=1 proc=316) type=1 ")
        while not self.log.exists() or len(reply.findall(self.log.read_text())) < count:
            if self.output.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self.output.process.args} does not register")
            select.select([], [], [], 0.01)

    @property
    def out(self):
        return [masked(line) for line in self.output.out]

    @property
    def err(self):
        return [line for line in self.output.err
                if line not in ("waiting for events", "the closed connection is still in use")]

    def finish(self):
        status = self.output.finish()
        return self.out, self.err, status

    def interrupt(self):
        self.output.interrupt()
        return self.finish()

    def finish_after(self, count):
        """finish(), when so many events have come, which end it or are to end it."""
        if "--loop" not in self.output.process.args:
            return self.finish()
        self.output.wait_for(lambda o: sum(" for domain " in line for line in o.out) >= count,
                             f"{count} events of {self.output.process.args}")
        out, err, status = self.interrupt()
        # virsh prints an event before it counts it, and may be interrupted between the two
        late, right = f"events received: {count - 1}", f"events received: {count}"
        if late in out:
            out[out.index(late)], status = right, 0
        return out, err, status

    def close(self):
        process = self.output.process
        process.kill()
        process.wait(timeout=DEADLINE)
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def start_watches(pair, folder):
    """Starts each command in virsh against libvirtd, in virsh against virtmond and in our shell
    against that; all are ended."""
    started = []

    def start(command, registrations=1):
        three = []
        for program, daemon in ((VIRSH, pair.theirs), (VIRSH, pair.ours), (VIRTMON, pair.ours)):
            three.append(Watch(program, daemon, folder, command, registrations))
            started.append(three[-1])
        return three

    yield start
    for one in started:
        one.close()


def happen(guest):
    for command in ("stop", "cont", "system_reset", "system_powerdown", "stop", "cont"):
        guest.command(command)


# Options of qemu-monitor-event, and the names of the events of happen() that come of them.
FILTERS = {
    "--loop": "STOP RESUME RESET POWERDOWN STOP RESUME",
    "--loop --pretty": "STOP RESUME RESET POWERDOWN STOP RESUME",
    "--loop --timestamp": "STOP RESUME RESET POWERDOWN STOP RESUME",
    "--loop --domain g1": "STOP RESUME RESET POWERDOWN STOP RESUME",
    "--loop --domain 1 --event STOP": "STOP STOP",
    "--loop g1 RESET": "RESET",
    "--loop --event ST*": "",
    "--loop --event stop": "",
    "--loop --no-case --event stop": "STOP STOP",
    "--loop --no-case --event sto": "",
    "--loop --regex --event ^RES": "RESUME RESET RESUME",
    "--loop --regex --event S.*P|DOWN$": "STOP POWERDOWN STOP",
    "--loop --regex --no-case --event ^res": "RESUME RESET RESUME",
    "--loop --regex --no-case": "STOP RESUME RESET POWERDOWN STOP RESUME",
    "--pretty": "STOP",
    "--event RESET --timestamp": "RESET",
    "-q --event POWERDOWN --loop": "POWERDOWN",
}


def test_monitor_events(pair, start_watches):
    watches = {}
    for options in FILTERS:
        quiet = "-q " if "-q" in options else ""
        watches[options] = start_watches(quiet + "qemu-monitor-event " +
                                         options.removeprefix("-q "))
    # events come in the order of registrations: once this has the last, all others had it
    last = start_watches("qemu-monitor-event --loop")
    for guest in pair.guests:
        happen(guest)
    for one in last:
        one.output.wait_for(lambda o: sum("RESUME" in line for line in o.out) == 2, "the last")
        one.interrupt()
    for options, names in FILTERS.items():
        said = [one.finish_after(len(names.split())) for one in watches[options]]
        assert re.findall(r"event ([A-Z]+) ", "\n".join(said[0][0])) == names.split(), options
        assert said[0] == said[1], options
        assert said[1] == said[2], options


# Commands, how often each registers, and how many events it prints of those of happen().
DOMAIN_EVENTS = {
    "event --event lifecycle --loop": (1, 4),
    "event --event reboot --loop": (1, 1),
    "event --all --loop": (27, 5),
    "event --event lifecycle --loop --timestamp": (1, 4),
    "event --domain g1 --event lifecycle": (1, 1),
    "event --event lifecycle --loop g1": (1, 4),
    "-q event --all --loop": (27, 5),
}


def test_domain_events(pair, start_watches):
    watches = {command: start_watches(command, registrations)
               for command, (registrations, _) in DOMAIN_EVENTS.items()}
    for guest in pair.guests:
        happen(guest)
    for command, three in watches.items():
        said = [one.finish_after(DOMAIN_EVENTS[command][1]) for one in three]
        assert said[0] == said[1], command
        assert said[1] == said[2], command


# --- typed events of guests that have much to tell ---

# Kinds that say the same in other words, and why.
NAMED = {"block-threshold": "disks are named by their nodes, and have one name"}


class Equipped:
    """A guest with a disk, a CD drive, VNC and a tablet, to which much is done from outside."""

    kinds = {"lifecycle", "reboot", "graphics", "tray-change", "device-removed", "block-threshold",
             "memory-failure"}
    last = ("event 'lifecycle' for domain 'g1': Suspended Paused", 2)
    # As on libvirt's command line for the devices below.
    args = [
        "-blockdev", '{{"driver":"file","filename":"{disk}","node-name":"libvirt-2-storage"}}',
        "-blockdev", '{{"node-name":"libvirt-2-format","driver":"raw",'
        '"file":"libvirt-2-storage"}}',
        "-device", "virtio-blk-pci,drive=libvirt-2-format,id=virtio-disk0",
        "-device", "ide-cd,bus=ide.0,unit=0,id=ide0-0-0", "-vnc", "unix:{vnc}",
        "-usb", "-device", "usb-tablet,id=input0",
    ]
    xml = """
        <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>
        <target dev='vda' bus='virtio'/></disk>
        <disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>
        <graphics type='vnc' socket='{vnc}'/>
        <input type='tablet' bus='usb'/>
    """

    def __init__(self, daemon):
        self.disk, self.vnc = daemon.folder / "disk.img", daemon.folder / "vnc"
        self.disk.write_bytes(bytes(1 << 20))
        firmware = quiet_firmware(daemon.folder)
        if daemon.kind == "libvirtd":
            self.guest = daemon.start_guest("g1", args=firmware, machine="pc",
                                            devices=self.xml.format(disk=self.disk, vnc=self.vnc))
        else:
            own = [word.format(disk=self.disk, vnc=self.vnc) for word in self.args]
            self.guest = daemon.start_guest("g1", args=["-m", "32", *firmware, *own],
                                            machine="pc")

    def live(self):
        def monitor(line):
            self.guest.command("human-monitor-command", **{"command-line": line})

        guest = self.guest
        guest.command("stop")
        guest.command("cont")
        guest.command("system_reset")
        guest.command("blockdev-open-tray", id="ide0-0-0", force=True)
        guest.command("blockdev-close-tray", id="ide0-0-0")
        vnc_visit(self.vnc)
        guest.qmp.wait_event("VNC_DISCONNECTED")
        guest.command("block-set-write-threshold",
                      **{"node-name": "libvirt-2-storage", "write-threshold": 4096})
        monitor('qemu-io -d virtio-disk0/virtio-backend "write 65536 512"')
        guest.qmp.wait_event("BLOCK_WRITE_THRESHOLD")
        guest.command("device_del", id="input0")
        guest.qmp.wait_event("DEVICE_DELETED")
        # an error that cannot be corrected, of a processor that is not prepared for it
        monitor("mce 0 0 0xbd00000000000000 5 0 0")
        guest.qmp.wait_event("MEMORY_FAILURE")
        guest.command("stop")

    def close(self):
        pass


class Lively:
    """A guest that does much by itself: it reports a crash, sets its clock, sleeps, resets itself
    and switches itself off."""

    kinds = {"lifecycle", "reboot", "rtc-change", "pm-suspend", "pm-wakeup"}
    last = ("event 'lifecycle' for domain 'g1': Shutdown Finished after guest request", 1)

    def __init__(self, daemon):
        self.guest = daemon.start_guest("g1", args=bootguest.arguments(daemon.folder),
                                        machine="pc")
        self.guest.command("cont")
        self.serial = bootguest.Serial(daemon.folder, DEADLINE)

    def tell(self, letter, event):
        start = len(self.guest.qmp.events)
        self.serial.tell(letter)
        self.guest.qmp.wait_event(event, start)

    def live(self):
        self.serial.expect(b"B")
        self.tell(b"c", "GUEST_CRASHLOADED")
        self.tell(b"t", "RTC_CHANGE")
        self.tell(b"z", "SUSPEND")
        self.guest.command("system_wakeup")
        self.serial.expect(b"B")
        self.tell(b"r", "RESET")
        self.serial.expect(b"B")
        self.tell(b"o", "SHUTDOWN")

    def close(self):
        self.serial.close()


def events_until(watch, line, count):
    """What was printed until a line came that often, a text for each event; ends the watch."""
    watch.output.wait_for(lambda o: o.out.count(line) >= count, f"{line}, {count} times")
    watch.interrupt()
    assert watch.err == []
    out = watch.out
    end = [at for at, text in enumerate(out) if text == line][count - 1]
    return re.split("\n(?=event ')", "\n".join(out[:end + 1]))


def kind_of(event):
    return event.split("'")[1]


def likened(event, daemon):
    """Without what differs from daemon to daemon, and from minute to minute."""
    text = event.replace(str(daemon.folder), "FOLDER")
    return re.sub(r"^(event 'rtc-change' for domain 'g1': )-?\d+$", r"\1OFFSET", text)


@pytest.mark.parametrize("kind", [Equipped, Lively])
def test_typed_events(start_libvirtd, start_virtmond, folder, kind):
    """Both programs print the same of a daemon, to the byte; and of both daemons."""
    said = []
    for daemon in (start_libvirtd(), start_virtmond()):
        watches = []
        life = kind(daemon)
        try:
            for program in (VIRSH, VIRTMON):
                watches.append(Watch(program, daemon, folder, "event --all --loop", 27))
            life.live()
            theirs, ours = [events_until(watch, *kind.last) for watch in watches]
        finally:
            life.close()
            for watch in watches:
                watch.close()
        assert {kind_of(event) for event in theirs} == kind.kinds
        assert ours == theirs
        said.append({likened(event, daemon) for event in theirs if kind_of(event) not in NAMED})
    # In order they need not be: libvirtd has threads of their own for some. And of a reset by the
    # firmware there may be some more.
    assert said[0] == said[1]


def test_block_jobs_of_libvirtd(libvirtd, folder):
    """It tells of those that it has begun itself; virtmond begins none."""
    disk = Equipped(libvirtd).disk
    watches = []
    try:
        for program in (VIRSH, VIRTMON):
            watches.append(Watch(program, libvirtd, folder, "event --all --loop", 27))
        libvirtd.virsh("blockcopy", "g1", "vda", f"{disk}.copy", "--transient-job", "--wait",
                       "--pivot")
        libvirtd.virsh("suspend", "g1")
        theirs, ours = [events_until(watch, Equipped.last[0], 1) for watch in watches]
        assert {kind_of(event) for event in theirs} == {"block-job", "block-job-2", "lifecycle"}
        assert ours == theirs
    finally:
        for watch in watches:
            watch.close()


# --- the end of a connection ---

def test_a_daemon_is_killed(daemon, folder):
    watch = Watch(VIRSH, daemon, folder, "qemu-monitor-event --loop")
    try:
        daemon.process.kill()
        daemon.process.wait(timeout=DEADLINE)
        out, err, status = watch.finish()
    finally:
        watch.close()
    assert (out, status) == (["events received: 0", ""], 1)
    assert err == ["error: Disconnected from "
                   f"{daemon.uri()} due to end of file",
                   "error: internal error: client socket is closed"]


def test_virtmond_ends(virtmond, folder):
    """As any server that goes away, without an error of its own."""
    virtmond.start_guest("g1")
    watch = Watch(VIRSH, virtmond, folder, "qemu-monitor-event --loop")
    try:
        assert virtmond.close() == 0
        out, err, status = watch.finish()
    finally:
        watch.close()
    assert (out, status) == (["events received: 0", ""], 1)
    assert err[0] == f"error: Disconnected from {virtmond.uri()} due to end of file"


def test_a_daemon_hangs(daemon, folder):
    """virsh finds that out by its own pings."""
    watch = Watch(VIRSH, daemon, folder, "-k1 -K1 qemu-monitor-event --loop")
    freeze(daemon.pid)
    try:
        out, err, status = watch.finish()
    finally:
        thaw(daemon.pid)
        watch.close()
    assert (out, status) == (["events received: 0", ""], 1)
    assert err[0] == f"error: Disconnected from {daemon.uri()} due to keepalive timeout"


@pytest.mark.parametrize("kind", ["virtmond", "libvirtd"])
def test_a_virsh_hangs(request, folder, kind):
    """The daemon finds that out by its pings, and ends the connection."""
    daemon = request.getfixturevalue("start_" + kind)(
        config="keepalive_interval = 1\nkeepalive_count = 1\n")
    watch = Watch(VIRSH, daemon, folder, "-k0 qemu-monitor-event --loop")
    process = watch.output.process
    try:
        before = connections(daemon)
        freeze(process.pid)
        deadline = time.monotonic() + DEADLINE
        while connections(daemon) >= before:
            assert time.monotonic() < deadline, "the connection stays"
            select.select([], [], [], 0.05)
        thaw(process.pid)
        out, err, status = watch.finish()
    finally:
        watch.close()
    assert (out, status) == (["events received: 0", ""], 1)
    assert err[0] == f"error: Disconnected from {daemon.uri()} due to end of file"


def connections(daemon):
    """How many clients the daemon has at its read-write socket."""
    with open("/proc/net/unix", errors="replace") as file:
        return sum(line.split()[-1] == str(daemon.socket()) and line.split()[5] == "03"
                   for line in file)


PROMPT = "virsh # "


@pytest.mark.parametrize("kind", ["virtmond", "libvirtd"])
def test_interactive(request, kind, folder):
    """Commands in turn over one connection, which comes back after the daemon did."""
    start = request.getfixturevalue("start_" + kind)
    daemon = start()
    if kind == "virtmond":
        daemon.start_guest("g1")
    shell = pexpect.spawn("virsh", ["-c", daemon.uri()], env={**ENV, "TERM": "dumb"},
                          encoding="utf-8", timeout=DEADLINE, echo=False)

    def ask(command):
        shell.sendline(command)
        shell.expect_exact(PROMPT)
        return shell.before.replace("\r\n", "\n").removeprefix(command).strip()

    try:
        shell.expect_exact(PROMPT)
        assert ask("hostname") == os.uname().nodename
        assert ask("domstate nosuch") == "error: failed to get domain 'nosuch'"
        assert ask("net-list" if kind == "virtmond" else "domname 5").startswith("error: ")
        assert "Name" in ask("list")
        os.kill(daemon.pid, signal.SIGTERM)
        daemon.process.wait(timeout=DEADLINE)
        # the loss is told with what comes next, and that fails, as nobody is there yet
        said = ask("list")
        assert "error: " in said
        again(daemon, folder)
        said = ask("list")
        assert "error: Reconnected to the hypervisor" in said or "Name" in said
        assert "Name" in ask("list")
        shell.sendline("quit")
        shell.expect(pexpect.EOF)
    finally:
        shell.close(force=True)


def again(daemon, folder):
    """The same daemon once more, in the same place."""
    daemon.process = subprocess.Popen(daemon.process.args, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      env=ENV)
    wait_for_socket(daemon.socket(), daemon.process, daemon.log)
    if daemon.kind == "libvirtd":
        daemon.wait_until_ready()
