#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what: one policy, decided by each driver and by libvirtd's polkit, for real users."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from authorities import POLKITD
from conftest import BUILD, DEADLINE, freeze, thaw
from flood import Flood
import wire
from wire import (COMMAND, GET_INFO, HOSTNAME, LIST_ALL, LOOKUP_NAME, LOOKUP_UUID,
                  MONITOR_DEREGISTER, MONITOR_REGISTER, OPEN, QEMU, REGISTER, REMOTE, RESUME, STATE,
                  SUSPEND, TYPE, optional, string, uint)

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent

# --- the policy, once ---

ROOT, *PEOPLE = 0, 61001, 61002, 61003, 61004
VIEWER, OPERATOR, STRANGER, COLLECTOR = PEOPLE
LOOK = ["connect:getattr", "connect:read", "connect:search-domains"]
# Who: what, with which domains.
POLICY = {
    ROOT: [(["*"], "*")],
    VIEWER: [(LOOK + ["domain:getattr", "domain:read"], "web-*")],
    OPERATOR: [(LOOK + ["connect:write", "domain:getattr", "domain:read", "domain:suspend",
                        "domain:write"], "web-*"),
               (["domain:read"], "db-*")],
    COLLECTOR: [(LOOK + ["domain:getattr", "domain:watch-events"], "web-*")],
}


def as_list(policy):
    """For driver "file"."""
    sections = []
    for uid, gifts in policy.items():
        for number, (permissions, domains) in enumerate(gifts):
            sections.append(f"[{uid}-{number}]\nwho = user:{uid}\nmay = {' '.join(permissions)}\n"
                            f"domains = {domains}\n")
    return "\n".join(sections)


def as_rules(policy):
    """For polkitd; who has no name is known by his number."""
    names = {"root" if uid == 0 else str(uid): [[permissions, domains.rstrip("*")]
                                                for permissions, domains in gifts]
             for uid, gifts in policy.items()}
    return """
        var policy = %s;
        polkit.addRule(function (action, subject) {
            var found = /^org\\.(?:virtmon|libvirt)\\.api\\.([a-z]+)\\.([a-z-]+)$/.exec(action.id);
            if (!found)
                return polkit.Result.NOT_HANDLED;
            if (action.lookup("connect_driver") != "QEMU")
                return polkit.Result.NO;
            var gifts = policy[subject.user] || [];
            var domain = action.lookup("domain_name");
            for (var i = 0; i < gifts.length; i++) {
                var may = gifts[i][0].indexOf("*") >= 0 ||
                          gifts[i][0].indexOf(found[1] + ":" + found[2]) >= 0;
                if (may && (found[1] != "domain" || !domain || domain.indexOf(gifts[i][1]) == 0))
                    return polkit.Result.YES;
            }
            return polkit.Result.NO;
        });
    """ % json.dumps(names)


CONFIG = 'unix_sock_rw_perms = "0777"\naccess_drivers = [ "{driver}" ]\n' \
         'access_file = "{folder}/acl.conf"\n'
# Of libvirtd.
LIBVIRTD_CONFIG = 'unix_sock_rw_perms = "0777"\naccess_drivers = [ "polkit" ]\n'
DRIVERS = ["none", "file", "polkit", "libvirtd"]


class Controlled:
    """A daemon with access control and two guests, web-1 and db-1."""

    def __init__(self, driver, daemon, polkit, folder):
        self.driver, self.daemon, self.polkit, self.folder = driver, daemon, polkit, folder
        self.guests = {}
        # For those who are not root, too.
        for place in (daemon.folder, daemon.run):
            place.chmod(0o755)

    def start_guest(self, name):
        self.guests[name] = self.daemon.start_guest(name)

    def change(self, policy):
        """Another policy."""
        if self.driver == "file":
            (self.folder / "acl.conf").write_text(as_list(policy))
            self.daemon.process.send_signal(signal.SIGHUP)
        else:
            self.polkit.write(as_rules(policy))


@pytest.fixture
def control(request, folder):
    def start(driver, *args):
        folder.chmod(0o755)
        polkit = None
        (folder / "acl.conf").write_text(as_list(POLICY))
        if driver in ("polkit", "libvirtd"):
            polkit = request.getfixturevalue("start_polkit")(as_rules(POLICY))
        env = polkit.env if polkit else None
        if driver == "libvirtd":
            daemon = request.getfixturevalue("start_libvirtd")(config=LIBVIRTD_CONFIG, env=env,
                                                                 users=PEOPLE)
        else:
            daemon = request.getfixturevalue("start_virtmond")(
                *args, config=CONFIG.format(driver=driver, folder=folder), env=env)
        controlled = Controlled(driver, daemon, polkit, folder)
        for name in ("web-1", "db-1"):
            controlled.start_guest(name)
        return controlled
    return start


# --- procedures ---

def on(program, procedure, *rest):
    """A call with a domain."""
    return lambda dom: (program, procedure, dom.encode() + b"".join(rest))


CALLS = {
    "type": lambda dom: (REMOTE, TYPE, b""),
    "hostname": lambda dom: (REMOTE, HOSTNAME, b""),
    "capabilities": lambda dom: (REMOTE, 7, b""),
    "list": lambda dom: (REMOTE, LIST_ALL, uint(1, 0)),
    "look up name": lambda dom: (REMOTE, LOOKUP_NAME, string(dom.name)),
    "look up uuid": lambda dom: (REMOTE, LOOKUP_UUID, dom.uuid),
    "info": on(REMOTE, GET_INFO),
    "state": on(REMOTE, STATE, uint(0)),
    "xml": on(REMOTE, 14, uint(0)),
    "secure xml": on(REMOTE, 14, uint(1)),
    "suspend": on(REMOTE, SUSPEND),
    "resume": on(REMOTE, RESUME),
    "reset": on(REMOTE, 245, uint(0)),
    "command": on(QEMU, COMMAND, string('{"execute":"query-status"}'), uint(0)),
    "register": lambda dom: (REMOTE, REGISTER, uint(0) + optional(dom.encode())),
    "monitor register": lambda dom: (QEMU, MONITOR_REGISTER,
                                     optional(dom.encode()) + optional(None) + uint(0)),
}
# Those that no read-only connection may call.
WRITES = {"secure xml", "suspend", "resume", "reset", "command", "monitor register"}
DENIED, NOWHERE, READ_ONLY = 88, 42, 29
# Who, by which socket: what is refused, of web-1 and of db-1. Whatever isn't here succeeds.
DB_HIDDEN = {"look up name": NOWHERE, "look up uuid": NOWHERE}
VIEWER_DB = {**DB_HIDDEN, "info": NOWHERE, "state": NOWHERE, "xml": NOWHERE,
             "monitor register": DENIED,
             **{name: NOWHERE for name in ("secure xml", "suspend", "resume", "reset", "command")}}
EXPECTED = {
    (ROOT, "rw"): ({}, {}),
    (ROOT, "ro"): ({name: READ_ONLY for name in WRITES - {"monitor register"}},
                   {name: READ_ONLY for name in WRITES - {"monitor register"}}),
    (VIEWER, "rw"): ({name: DENIED for name in WRITES}, VIEWER_DB),
    (VIEWER, "ro"): ({name: READ_ONLY for name in WRITES},
                     {**VIEWER_DB, **{name: READ_ONLY for name in WRITES}}),
    (OPERATOR, "rw"): ({"secure xml": DENIED, "reset": DENIED},
                       {**DB_HIDDEN, "secure xml": NOWHERE, "suspend": NOWHERE,
                        "resume": NOWHERE, "reset": NOWHERE, "command": NOWHERE}),
    (COLLECTOR, "ro"): ({"info": DENIED, "state": DENIED, "xml": DENIED,
                         **{name: READ_ONLY for name in WRITES - {"monitor register"}}},
                        {**VIEWER_DB, **{name: READ_ONLY for name in WRITES},
                         "monitor register": None}),
}


def expected(driver, who, place, name, domain):
    """The code of the error, None if it succeeds. libvirtd admits that a hidden domain is there,
    and has no permission to watch by a read-only connection; without a driver, all is allowed."""
    if driver == "none":
        return READ_ONLY if place == "ro" and name in WRITES else None
    code = EXPECTED[who, place][domain == "db-1"].get(name)
    if driver == "libvirtd":
        if code == NOWHERE:
            return DENIED
        if (place, name) == ("ro", "monitor register"):
            return READ_ONLY
    return code


def outcome(one, call):
    answer = one.call(*call)
    if answer.status == wire.OK:
        return None
    error = answer.error()
    if error.code == DENIED:
        assert (error.domain, error.message) == (55, "access denied: 'QEMU' denied access"), error
    return error.code


@pytest.mark.parametrize("driver", DRIVERS)
def test_matrix(control, person, driver):
    """Identities x sockets x procedures x domains."""
    controlled = control(driver)
    with wire.Wire(controlled.daemon.socket()) as one:
        one.open()
        domains = {name: one.lookup(name) for name in controlled.guests}
    wrong = []
    for who, place in EXPECTED:
        with person(who).connect(controlled.daemon.socket(place == "ro")) as one:
            one.open()
            for name, call in CALLS.items():
                for domain, handle in domains.items():
                    wanted = expected(driver, who, place, name, domain)
                    got = outcome(one, call(handle))
                    if got != wanted:
                        wrong.append((who, place, name, domain, wanted, got))
    assert not wrong


@pytest.mark.parametrize("driver", DRIVERS)
def test_strangers(control, person, driver):
    """Who may nothing isn't let in; others are, at the same time."""
    controlled = control(driver)
    for readonly in (False, True):
        with person(STRANGER).connect(controlled.daemon.socket(readonly)) as one:
            if driver == "none":
                one.open()
                continue
            error = one.refused(REMOTE, OPEN, optional(string("qemu:///system")) + uint(0))
            assert (error.code, error.domain) == (DENIED, 55)
            with person(VIEWER).connect(controlled.daemon.socket(readonly)) as other:
                other.open()


def names(one):
    reader = one.done(REMOTE, LIST_ALL, uint(1, 0))
    listed = [reader.domain().name for _ in range(reader.uint())]
    assert reader.uint() == len(listed)
    return set(listed)


@pytest.mark.parametrize("driver", DRIVERS)
def test_lists(control, person, driver):
    controlled = control(driver)
    both = {"web-1", "db-1"}
    for who in (ROOT, VIEWER, OPERATOR):
        seen = both if driver == "none" or who == ROOT else {"web-1"}
        with person(who).connect(controlled.daemon.socket()) as one:
            one.open()
            assert names(one) == seen
            reader = one.done(REMOTE, LIST_ALL, uint(0, 0))
            assert (reader.uint(), reader.uint()) == (0, len(seen))
            assert one.done(REMOTE, 51).int() == len(seen)
            reader = one.done(REMOTE, 37, uint(10))
            assert len({reader.int() for _ in range(reader.uint())}) == len(seen)
            assert one.done(REMOTE, 25).int() == 0
            # One that isn't there, and one that is hidden, are the same.
            error = one.refused(REMOTE, LOOKUP_NAME, string("db-2"))
            if driver not in ("none", "libvirtd") and who != ROOT:
                hidden = one.refused(REMOTE, LOOKUP_NAME, string("db-1"))
                assert hidden.message.replace("db-1", "db-2") == error.message
                assert hidden.kind == error.kind and hidden.numbers == error.numbers
                assert [text and text.replace("db-1", "db-2") for text in hidden.texts] == \
                    error.texts


# --- events ---

def toggle(guest):
    """One STOP and one RESUME."""
    guest.command("stop")
    guest.command("cont")


def events_until(one, domain, name="RESUME"):
    """Domains whose monitor events came before that one, with it."""
    came = set()
    while True:
        event = one.monitor_event()
        came.add(event[1].name)
        if (event[1].name, event[2]) == (domain, name):
            return came


def events_of(one, domains):
    """Domains whose monitor events came until each of @domains was resumed. Those of one domain
    keep their order; another one's may come first, as it may have been waited for an answer."""
    came, left = set(), set(domains)
    while left:
        event = one.monitor_event()
        came.add(event[1].name)
        if event[2] == "RESUME":
            left.discard(event[1].name)
    return came


@pytest.mark.parametrize("driver", DRIVERS)
def test_events(control, person, driver):
    controlled = control(driver)
    wires = {}
    for who in (ROOT, OPERATOR):
        wires[who] = person(who).connect(controlled.daemon.socket()).open()
        wires[who].register()
    for _ in range(2):                  # without an answer yet, and with one
        toggle(controlled.guests["db-1"])
        toggle(controlled.guests["web-1"])
        for who, one in wires.items():
            seen = {"web-1", "db-1"} if driver == "none" or who == ROOT else {"web-1"}
            assert events_of(one, seen) == seen
    for one in wires.values():
        one.close()


LIFECYCLE = 318


@pytest.mark.parametrize("driver", DRIVERS)
def test_domain_events(control, person, driver):
    controlled = control(driver)
    for who in (ROOT, VIEWER):
        with person(who).connect(controlled.daemon.socket(True)) as one:
            one.open()
            one.done(REMOTE, REGISTER, uint(0) + optional(None))
            seen = {"web-1", "db-1"} if driver == "none" or who == ROOT else {"web-1"}
            for _ in range(2):
                toggle(controlled.guests["db-1"])
                toggle(controlled.guests["web-1"])
                came = []
                while any(came.count(name) < 2 for name in seen):
                    message = one.message()
                    assert message.procedure == LIFECYCLE
                    reader = message.reader()
                    reader.int()
                    came.append(reader.domain().name)
                assert set(came) == seen


@pytest.mark.parametrize("driver", ["file", "polkit"])
def test_read_only_watch(control, person, driver):
    """domain:watch-events, which nobody has unless somebody has said so."""
    controlled = control(driver)
    place = controlled.daemon.socket(True)
    with person(COLLECTOR).connect(place) as one, person(VIEWER).connect(place) as other:
        for each in (one, other):
            each.open()
        number = one.register()
        error = other.refused(QEMU, MONITOR_REGISTER,
                              optional(None) + optional(None) + uint(0))
        assert error.kind == (READ_ONLY, 0)
        toggle(controlled.guests["db-1"])
        toggle(controlled.guests["web-1"])
        assert events_until(one, "web-1") == {"web-1"}
        one.done(QEMU, MONITOR_DEREGISTER, uint(number))
        # With getattr alone it is not enough, nor the other way round.
        controlled.change({**POLICY, COLLECTOR: [(LOOK + ["domain:getattr"], "*"),
                                                 (["domain:watch-events"], "web-*")]})
        number = one.register()
        toggle(controlled.guests["db-1"])
        toggle(controlled.guests["web-1"])
        assert events_until(one, "web-1") == {"web-1"}


def test_read_only_watch_by_virsh(control):
    """A stock client, which only has to name the socket."""
    controlled = control("file")
    place = controlled.daemon.uri(True)
    done = subprocess.run(["virsh", "--readonly", "-c", place, "qemu-monitor-event"],
                          capture_output=True, text=True, check=False)
    assert "read only access prevents" in done.stderr           # by its own library
    with subprocess.Popen(["virsh", "-c", place, "qemu-monitor-event", "--event", "RESUME"],
                          stdout=subprocess.PIPE, text=True) as virsh:
        deadline = time.monotonic() + DEADLINE
        while virsh.poll() is None:
            toggle(controlled.guests["web-1"])
            assert time.monotonic() < deadline
        assert "event RESUME" in virsh.stdout.read()
        assert virsh.returncode == 0


@pytest.mark.parametrize("driver", ["file", "polkit"])
def test_policy_changes(control, person, driver):
    """Who is registered sees what the new policy lets him, and no more, without a word."""
    controlled = control(driver)
    deadline = time.monotonic() + DEADLINE

    def rounds(one, wanted):
        """Until an event of web-1 has all of @wanted before it, and nothing else."""
        while True:
            toggle(controlled.guests["db-1"])
            toggle(controlled.guests["web-1"])
            if events_until(one, "web-1") == wanted:
                return
            assert time.monotonic() < deadline, wanted

    with person(OPERATOR).connect(controlled.daemon.socket()) as one:
        one.open()
        one.register()
        rounds(one, {"web-1"})
        controlled.change({**POLICY, OPERATOR: [(["*"], "*")]})
        rounds(one, {"web-1", "db-1"})
        assert names(one) == {"web-1", "db-1"}
        controlled.change(POLICY)
        rounds(one, {"web-1"})
        assert names(one) == {"web-1"}


def test_new_domains(control, person):
    """One that comes later is asked about, and its first event isn't lost."""
    controlled = control("file")
    with person(OPERATOR).connect(controlled.daemon.socket()) as one:
        one.open()
        one.register()
        for name in ("db-2", "web-2"):
            controlled.start_guest(name)
            controlled.guests[name].command("stop")
            controlled.guests[name].command("cont")
        event = one.monitor_event()
        assert (event[1].name, event[2]) == ("web-2", "STOP")
        event = one.monitor_event()
        assert (event[1].name, event[2]) == ("web-2", "RESUME")


def test_mistakes(folder):
    """--check-config says where they are."""
    acl = folder / "acl.conf"
    conf = folder / "virtmond.conf"
    conf.write_text(CONFIG.format(driver="file", folder=folder))

    def check():
        return subprocess.run([BUILD / "src" / "virtmond", "--check-config", "--config", conf],
                              capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})

    assert str(acl) in check().stderr
    acl.write_text("[a]\nwho = anybody\nmay = connect:red\n")
    done = check()
    assert done.returncode == 1
    assert f"{acl}:3: there is no permission 'connect:red'" in done.stderr
    acl.write_text("[a]\nwho = user:no.such.user\n")
    assert f"{acl}:2: there is no user 'no.such.user'" in check().stderr
    acl.write_text((SOURCE / "src" / "remote" / "virtmond-acl.conf").read_text())
    assert check().returncode == 0
    # What is only an example makes sense too, where there is such a group.
    text = acl.read_text().replace("group:virtmon", "group:root")
    acl.write_text(re.sub(r"^#(\[|\w+ = )", r"\1", text, flags=re.MULTILINE))
    assert check().returncode == 0, check().stderr
    assert "[web]" in acl.read_text().splitlines()
    # The file is of no interest to others.
    acl.write_text("nonsense\n")
    conf.write_text(CONFIG.format(driver="none", folder=folder))
    assert check().returncode == 0
    conf.write_text('access_drivers = [ "selinux" ]\n')
    assert "'selinux' is no access driver that there is" in check().stderr


def test_bad_list_is_not_reloaded(control, person):
    controlled = control("file")
    with person(OPERATOR).connect(controlled.daemon.socket()) as one:
        one.open()
        (controlled.folder / "acl.conf").write_text("[a]\nmay = everything\n")
        controlled.daemon.process.send_signal(signal.SIGHUP)
        wire.wait_for(lambda: "acl.conf:2: there is no permission 'everything'" in
                      controlled.daemon.log.read_text(), "the complaint")
        assert names(one) == {"web-1"}


# --- polkit that is slow, or away ---

def test_frozen_polkit(control, person):
    """Who waits for it holds up nobody else; events wait too, and none is lost."""
    controlled = control("polkit")
    with person(OPERATOR).connect(controlled.daemon.socket()) as one, \
            person(VIEWER).connect(controlled.daemon.socket()) as other, \
            person(ROOT).connect(controlled.daemon.socket()) as watcher:
        for each in (one, other, watcher):
            each.open()
        one.register()
        watcher.register()
        toggle(controlled.guests["web-1"])
        events_until(watcher, "web-1")
        events_until(one, "web-1")

        freeze(controlled.polkit.pid)
        other.start(REMOTE, HOSTNAME)
        for each in (one, watcher):
            each.alive()
        toggle(controlled.guests["db-1"])       # not asked about yet
        toggle(controlled.guests["web-1"])      # known
        assert events_until(watcher, "web-1") <= {"web-1", "db-1"}
        assert events_until(one, "web-1") == {"web-1"}
        assert not other.has_input()
        thaw(controlled.polkit.pid)
        assert other.reply().status == wire.OK


def test_storm_while_polkit_is_frozen(control, person):
    """More than may wait: what came before the answer comes first, and nothing is missing of which
    a notice doesn't tell in its place."""
    count = 50000
    controlled = control("polkit")
    with person(ROOT).connect(controlled.daemon.socket()) as one:
        one.open()
        one.register()
        flood = Flood(controlled.daemon.folder)
        try:
            # It came after the registration, and has said nothing yet: nobody was asked about it.
            wire.wait_for(lambda: "guest0" in names(one), "the domain")
            freeze(controlled.polkit.pid)
            flood.order(f"flood 0 0 {count} 290")
            for _ in range(500):
                one.alive()
            assert not one.messages and not one.has_input()
            thaw(controlled.polkit.pid)
            seen = 0
            while seen < count:
                _, domain, name, _, _, details = one.monitor_event()
                assert domain.name == "guest0"
                if name == "VIRTMON_EVENTS_LOST":
                    gap = json.loads(details)
                    assert (gap["from"], gap["to"]) == (seen + 1, seen + gap["count"])
                    seen += gap["count"]
                else:
                    seen += 1
            flood.wait_written()
        finally:
            flood.close()


def test_no_polkit(control, person):
    """Nobody answers: that is a no, until somebody does."""
    controlled = control("polkit")
    with person(ROOT).connect(controlled.daemon.socket()) as one:
        one.open()
        one.done(REMOTE, HOSTNAME)
        controlled.polkit.processes[-1].send_signal(signal.SIGKILL)
        controlled.polkit.processes[-1].wait(timeout=DEADLINE)
        assert one.refused(REMOTE, HOSTNAME).kind == (DENIED, 55)
        assert one.refused(REMOTE, LIST_ALL, uint(1, 0)).kind == (DENIED, 55)
        assert "polkit cannot be asked about" in controlled.daemon.log.read_text()
        controlled.polkit.processes.pop()
        controlled.polkit.start("unshare", "--mount", "bash", "-c", POLKITD, "polkitd",
                                controlled.polkit.folder)
        wire.wait_for(lambda: one.call(REMOTE, HOSTNAME).status == wire.OK, "polkitd")
        assert "answers again" in controlled.daemon.log.read_text()


def test_end_while_polkit_is_frozen(control, person):
    """The daemon ends at once, whoever waits."""
    controlled = control("polkit")
    with person(ROOT).connect(controlled.daemon.socket()) as one:
        one.open()
        freeze(controlled.polkit.pid)
        one.start(REMOTE, HOSTNAME)
        begun = time.monotonic()
        controlled.daemon.process.send_signal(signal.SIGTERM)
        assert controlled.daemon.process.wait(timeout=DEADLINE) == 0
        thaw(controlled.polkit.pid)
        assert time.monotonic() - begun < DEADLINE


# --- the table ---

# What each procedure needs, as the protocol's description has it; "?": only with some flags; "*":
# of each domain in the result.
SEARCH = "connect:search-domains *domain:getattr"
NEEDS = {
    "REMOTE": {
        **dict.fromkeys(["CONNECT_OPEN", "CONNECT_GET_VERSION", "CONNECT_GET_HOSTNAME",
                         "CONNECT_SUPPORTS_FEATURE"], "connect:getattr"),
        # A refusal would not change the answer.
        "CONNECT_GET_TYPE": "",
        **dict.fromkeys(["CONNECT_CLOSE", "CONNECT_GET_LIB_VERSION", "CONNECT_GET_URI",
                         "CONNECT_IS_SECURE", "CONNECT_REGISTER_CLOSE_CALLBACK",
                         "CONNECT_UNREGISTER_CLOSE_CALLBACK", "AUTH_LIST", "AUTH_SASL_INIT",
                         "AUTH_SASL_START", "AUTH_SASL_STEP", "AUTH_POLKIT"], ""),
        **dict.fromkeys(["CONNECT_GET_CAPABILITIES", "NODE_GET_SECURITY_MODEL",
                         "CONNECT_DOMAIN_EVENT_DEREGISTER", "CONNECT_DOMAIN_EVENT_DEREGISTER_ANY",
                         "CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY"], "connect:read"),
        **dict.fromkeys(["CONNECT_LIST_ALL_DOMAINS", "CONNECT_NUM_OF_DOMAINS",
                         "CONNECT_LIST_DOMAINS", "CONNECT_NUM_OF_DEFINED_DOMAINS",
                         "CONNECT_LIST_DEFINED_DOMAINS", "CONNECT_DOMAIN_EVENT_REGISTER",
                         "CONNECT_DOMAIN_EVENT_REGISTER_ANY",
                         "CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY"], SEARCH),
        **dict.fromkeys(["DOMAIN_LOOKUP_BY_ID", "DOMAIN_LOOKUP_BY_NAME", "DOMAIN_LOOKUP_BY_UUID"],
                        "domain:getattr"),
        **dict.fromkeys(["DOMAIN_GET_INFO", "DOMAIN_GET_STATE", "DOMAIN_GET_OS_TYPE",
                         "DOMAIN_IS_ACTIVE", "DOMAIN_IS_PERSISTENT", "DOMAIN_IS_UPDATED",
                         "DOMAIN_GET_MAX_MEMORY", "DOMAIN_GET_MAX_VCPUS", "DOMAIN_GET_AUTOSTART",
                         "DOMAIN_HAS_MANAGED_SAVE_IMAGE", "DOMAIN_GET_SECURITY_LABEL",
                         "DOMAIN_GET_SECURITY_LABEL_LIST", "DOMAIN_GET_METADATA",
                         "DOMAIN_GET_MESSAGES"], "domain:read"),
        "DOMAIN_GET_XML_DESC": "domain:read ?domain:read-secure",
        "DOMAIN_SUSPEND": "domain:suspend", "DOMAIN_RESUME": "domain:suspend",
        "DOMAIN_SHUTDOWN": "domain:init-control",
        "DOMAIN_SHUTDOWN_FLAGS": "domain:init-control ?domain:write",
        "DOMAIN_REBOOT": "domain:init-control ?domain:write",
        "DOMAIN_RESET": "domain:reset", "DOMAIN_SET_METADATA": "domain:write",
        "DOMAIN_DESTROY": "domain:stop", "DOMAIN_DESTROY_FLAGS": "domain:stop",
    },
    "QEMU": {
        "DOMAIN_MONITOR_COMMAND": "domain:write", "DOMAIN_AGENT_COMMAND": "domain:write",
        "DOMAIN_MONITOR_COMMAND_WITH_FILES": "connect:getattr domain:write",
        "DOMAIN_ATTACH": "domain:start domain:write",
        "CONNECT_DOMAIN_MONITOR_EVENT_REGISTER":
            "connect:search-domains connect:write *domain:getattr",
        "CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER": "connect:write",
    },
}


def needs(row):
    """A row's needs in the words above."""
    row = row.split("NEEDS", 1)[1].split(",\n                            LIST")[0]
    words = []
    for each, klass, condition, name in re.findall(
            r"(EACH_)?(CONNECT|DOMAIN)(_IF)?\((\w+)", row.split("(", 1)[1] if "(" in row else ""):
        words.append(("*" if each else "") + ("?" if condition else "") +
                     f"{klass.lower()}:{name.lower().replace('_', '-')}")
    return " ".join(words)


def test_table():
    code = (SOURCE / "src" / "remote" / "remote_daemon_dispatch.c").read_text()
    found = {"REMOTE": {}, "QEMU": {}}
    for row in code.split("\n    PROC(")[1:]:
        program, name = re.match(r"(REMOTE|QEMU)_PROC_(\w+),", row).groups()
        found[program][name] = needs(row.split("\n};")[0])
    assert found == NEEDS


def test_policy_file():
    """polkitd knows each permission, and lets nobody do by himself what changes anything."""
    text = (BUILD / "src" / "access" / "org.virtmon.api.policy").read_text()
    actions = dict(re.findall(r'<action id="org\.virtmon\.api\.([a-z.-]+)">.*?<allow_any>(\w+)<',
                              text, re.DOTALL))
    words = {word.lstrip("?*") for table in NEEDS.values() for row in table.values()
             for word in row.split()} | {"domain:watch-events"}
    assert set(actions) == {word.replace(":", ".") for word in words}
    assert {action for action, answer in actions.items() if answer == "yes"} == \
        {word.replace(":", ".") for word in LOOK + ["domain:getattr", "domain:read"]}
