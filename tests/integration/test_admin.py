#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Administrators: virtmon-admin and the real virt-admin, with virtmond and with a real libvirtd."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile

import pytest
import wire
from conftest import BUILD, DEADLINE, freeze, thaw
from daemons import Virtmond
from test_daemon import ACTIVATE, ENVIRONMENT, VIRTMOND, free_port, log_says
from test_transports import Certificates, port_of
from wire import ADMIN, QEMU, REMOTE, Wire, connections, optional, string, uint, wait_for

OWN = 0x766d6164                        # VIRTMON_ADMIN_PROGRAM
VIRTMON_ADMIN = str(BUILD / "tools" / "virtmon-admin")
TOOLS = {"virtmon-admin": VIRTMON_ADMIN, "virt-admin": "virt-admin"}
PAGE = 512                              # VIRTMON_ADMIN_RECORDS_MAX
ADMINS = 16                             # of remoteAdminServerLimits
GLOB = 1 << 30


def admin_socket(daemon):
    return daemon.run / ("virtmon-admin-sock" if daemon.kind == "virtmond" else
                         "libvirt-admin-sock")


def run_tool(daemon, *words, tool="virtmon-admin", **kwargs):
    uri = f"{daemon.kind}:///system?socket={admin_socket(daemon)}"
    return subprocess.run([TOOLS[tool], "-c", uri, *map(str, words)], text=True, check=False,
                          capture_output=True, timeout=DEADLINE,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}, **kwargs)


def admin(daemon, *words, tool="virtmon-admin"):
    """What a command that succeeds prints."""
    done = run_tool(daemon, *words, tool=tool)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def refused(daemon, *words, tool="virtmon-admin"):
    """What is said of one that doesn't."""
    done = run_tool(daemon, *words, tool=tool)
    assert done.returncode == 1, done
    return done.stderr


def records(daemon, command, *words):
    return [json.loads(line) for line in
            admin(daemon, command, *words, "--format", "json").splitlines()]


def values(text):
    """"name : value" lines."""
    return dict(re.split(r" *: ", line, maxsplit=1) for line in text.splitlines() if line)


def clients(daemon, **kwargs):
    """Numbers of those that are connected, in order."""
    text = admin(daemon, "-q", "client-list", daemon.kind, **kwargs)
    return [int(line.split()[0]) for line in text.splitlines() if line]


def newest(daemon):
    """The number of the client that came last."""
    return clients(daemon)[-1]


@pytest.fixture(params=TOOLS)
def tool(request):
    return request.param


# --- the two tools, and the two daemons ---

def client_words(daemon):
    with Wire(daemon.socket()) as client:
        client.open()
        number = newest(daemon)
        yield ["client-info", daemon.kind, number]
        yield ["client-list", daemon.kind]


def plain_words(daemon):
    server = daemon.kind
    for words in (["uri"], ["version"], ["server-list"], ["srv-list"],
                  ["server-threadpool-info", server], ["srv-threadpool-info", server],
                  ["server-clients-info", server], ["srv-clients-info", server],
                  ["daemon-log-filters"], ["daemon-log-outputs"], ["connect"]):
        yield words
        yield ["-q", *words]
    yield from (["client-info", server], ["client-info", server, "x"],
                ["client-info", server, 4711], ["client-disconnect", server, 4711],
                ["server-threadpool-info", "nonesuch"], ["client-list", "nonesuch"],
                ["client-list"], ["server-threadpool-set", server, "--max-workers", "x"],
                ["server-clients-set", server], ["daemon-log-filters", "nonsense"],
                ["daemon-log-outputs", "3:nonsense"], ["server-update-tls", server], ["nonesuch"],
                ["daemon-timeout", "--timeout", "x"],
                ["connect", "--name", "libvirtd:///system?socket=/nonexistent"])


def test_both_tools_say_the_same(daemon):
    for words in [*plain_words(daemon), *client_words(daemon)]:
        theirs = run_tool(daemon, *words, tool="virt-admin")
        ours = run_tool(daemon, *words)
        # Of a number that is none it says twice that it is none.
        lines = [line for line in theirs.stderr.splitlines()
                 if "Unable to parse integer parameter" not in line]
        assert (ours.returncode, ours.stdout, ours.stderr.splitlines()) == \
            (theirs.returncode, theirs.stdout, lines), words


def shape(text):
    """What isn't this daemon's own."""
    return [re.sub(r"\d+", "N", line.rsplit(":", 1)[0]) for line in text.splitlines()]


def test_both_daemons_tell_the_same(virtmond, libvirtd, tool):
    for words in (["version"], ["server-threadpool-info"], ["server-clients-info"]):
        texts = []
        for one in (virtmond, libvirtd):
            server = [one.kind] if words[0].startswith("server") else []
            texts.append(shape(admin(one, *words, *server, tool=tool)))
        assert texts[0] == texts[1]
    for readonly in (False, True):
        infos = []
        for one in (virtmond, libvirtd):
            with Wire(one.socket(readonly)) as client:
                client.done(REMOTE, wire.AUTH_LIST)
                info = values(admin(one, "client-info", one.kind, newest(one), tool=tool))
                assert info.pop("id") and info.pop("connection_time").endswith("+0000")
                infos.append(info)
        assert infos[0] == infos[1]
        assert infos[0] == {"transport": "unix", "readonly": "yes" if readonly else "no",
                            "unix_user_id": "0", "unix_user_name": "root",
                            "unix_group_id": "0", "unix_group_name": "root",
                            "unix_process_id": str(os.getpid())}


def test_errors_have_the_same_codes(virtmond, libvirtd):
    server = {"virtmond": string("virtmond"), "libvirtd": string("libvirtd")}
    params = string("maxWorkers") + uint(7) + string("x")
    for procedure, payload in (
            (5, lambda name: string("nonesuch") + uint(0)),
            (9, lambda name: name + uint(0, 4711, 0)),
            (4, lambda name: uint(1, 1)), (17, lambda name: optional(string("x")) + uint(0)),
            (7, lambda name: name + uint(1) + params + uint(0)), (99, lambda name: b""),
            (8, lambda name: b"")):
        codes = []
        for one in (virtmond, libvirtd):
            with Wire(admin_socket(one)) as client:
                client.done(ADMIN, 1, uint(0)).end()
                codes.append(client.refused(ADMIN, procedure, payload(server[one.kind])).code)
        assert codes[0] == codes[1], procedure


def test_interactive(virtmond):
    done = run_tool(virtmond, input="uri\nserver-list\nnonesuch\nquit\n")
    assert f"socket={admin_socket(virtmond)}" in done.stdout
    assert " 0    virtmond\n" in done.stdout
    assert "error: unknown command: 'nonesuch'" in done.stderr


def test_where_it_connects_to(virtmond, folder):
    done = subprocess.run([VIRTMON_ADMIN, "-c", admin_socket(virtmond), "uri"], text=True,
                          capture_output=True, check=True, timeout=DEADLINE)
    assert done.stdout == f"virtmond:///system?socket={admin_socket(virtmond)}\n\n"
    done = subprocess.run([VIRTMON_ADMIN, "-q", "server-list"], text=True, capture_output=True,
                          check=True, timeout=DEADLINE, env={
                              **os.environ,
                              "VIRTMON_ADMIN_DEFAULT_CONNECT_URI": str(admin_socket(virtmond))})
    assert done.stdout == " 0   virtmond\n"
    for where, why in ((folder / "none", "No such file"), ("nonsense", "neither a path nor a URI"),
                       ("virtmond://host/system", "neither a path nor a URI"),
                       ("virtmond:///other", "neither a path nor a URI")):
        done = subprocess.run([VIRTMON_ADMIN, "-c", where, "uri"], text=True, capture_output=True,
                              check=False, timeout=DEADLINE)
        assert done.returncode == 1
        assert "error: Failed to connect to the admin server\n" in done.stderr
        assert why in done.stderr


def test_a_daemon_that_goes(start_virtmond):
    daemon = start_virtmond()
    with subprocess.Popen([VIRTMON_ADMIN, "-c", admin_socket(daemon)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdin.write("server-list\n")
        process.stdin.flush()
        while "virtmond\n" not in process.stdout.readline():
            pass
        daemon.close()
        out, err = process.communicate("server-list\n", timeout=DEADLINE)
        assert "Failed to reconnect to the admin server" in err, out


# --- who is let in ---

def test_only_its_owner_is_let_in(virtmond, person):
    path = admin_socket(virtmond)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert path.stat().st_uid == os.geteuid()
    # Whatever somebody does to the permissions.
    virtmond.folder.chmod(0o755)
    virtmond.run.chmod(0o755)
    path.chmod(0o777)
    with person(12345).connect(path) as stranger:
        assert stranger.is_closed()
    with person(0).connect(path) as root:
        root.done(ADMIN, 1, uint(0))
    assert "somebody who isn't its owner" in virtmond.log.read_text()


def test_programs_are_where_they_belong(virtmond):
    for readonly in (False, True):
        with Wire(virtmond.socket(readonly)) as client:
            for program in (ADMIN, OWN):
                error = client.refused(program, 1, uint(0))
                assert error.kind == (39, 7)
                assert f"cannot find program {program} version 1" in error.message
            client.alive()
    with Wire(admin_socket(virtmond)) as client:
        for program in (REMOTE, QEMU):
            assert client.refused(program, 1, uint(0, 0)).kind == (39, 7)
        client.done(ADMIN, 1, uint(0)).end()


def test_socket_activation(folder):
    """The socket's name says that it is for administrators."""
    listeners = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    try:
        for one, name in zip(listeners, ("rw", "adm")):
            one.bind(str(folder / name))
            one.listen()
            one.set_inheritable(True)
        env = {**ENVIRONMENT, "LISTEN_FDNAMES": "virtmond.socket:virtmond-admin.socket"}
        with subprocess.Popen(
                ["/usr/bin/python3", "-c", ACTIVATE, "2", *(str(s.fileno()) for s in listeners),
                 VIRTMOND, "--config", "/dev/null", "--socket-dir", folder / "run"],
                close_fds=False, env=env) as process:
            try:
                with Wire(folder / "adm") as client:
                    client.done(ADMIN, 1, uint(0))
                    assert client.refused(REMOTE, wire.AUTH_LIST).kind == (39, 7)
                with Wire(folder / "rw") as client:
                    client.open()
                    assert client.refused(ADMIN, 1, uint(0)).kind == (39, 7)
            finally:
                process.terminate()
                assert process.wait(timeout=DEADLINE) == 0
    finally:
        for one in listeners:
            one.close()


def test_an_administrator_gets_in_when_nobody_else_does(start_virtmond, tool):
    daemon = start_virtmond(config="max_clients = 2\nmax_anonymous_clients = 2\n")
    with connections(daemon.socket(), 2) as there:
        for one in there:
            one.open()
        with Wire(daemon.socket()) as waits:
            serial = waits.start(REMOTE, wire.AUTH_LIST)
            info = values(admin(daemon, "server-clients-info", "virtmond", tool=tool))
            assert (info["nclients"], info["nclients_max"]) == ("2", "2")
            assert not waits.has_input()
            admin(daemon, "server-clients-set", "virtmond", "--max-clients", 3, tool=tool)
            assert waits.reply().serial == serial


def test_there_are_few_administrators(virtmond):
    with connections(admin_socket(virtmond), ADMINS) as there:
        for one in there:
            one.done(ADMIN, 1, uint(0))
        with Wire(admin_socket(virtmond)) as waits:
            waits.start(ADMIN, 1, uint(0))
            there[0].done(ADMIN, 3)
            assert not waits.has_input()
            there.pop().close()
            assert waits.reply().status == wire.OK


# --- clients ---

def test_one_is_disconnected_and_others_go_on(virtmond, tool):
    guest = virtmond.start_guest("g1")
    with Wire(virtmond.socket()) as goes, Wire(virtmond.socket()) as stays:
        goes.open().register()
        stays.open().register()
        goer, stayer = clients(virtmond)
        text = admin(virtmond, "client-disconnect", "virtmond", goer, tool=tool)
        assert text == f"Client '{goer}' disconnected\n"
        assert goes.is_closed()
        guest.command("stop")
        assert stays.monitor_event()[2] == "STOP"
        assert clients(virtmond) == [stayer]
        assert "Client not found" in refused(virtmond, "client-disconnect", "virtmond", goer,
                                             tool=tool)
    assert re.search(rf"administrator \(user 0, process \d+\) disconnects client {goer}\n",
                     virtmond.log.read_text())


def test_client_stats(virtmond):
    guest = virtmond.start_guest("g1")
    with Wire(virtmond.socket()) as client:
        client.open().register("STOP")
        guest.command("stop")
        client.monitor_event()
        number = newest(virtmond)
        record, = records(virtmond, "client-stats", "--client", number)
        assert record["id"] == number
        assert record["user"] == f"uid {os.getuid()}"
        assert record["unix_process_id"] == os.getpid()
        assert record["authenticated"] is True and record["readonly"] is False
        assert (record["events"], record["refused"], record["behind"]) == (1, 0, False)
        assert record["registrations.used"] == record["registrations.peak"] == 1
        assert record["registrations.limit"] == 16384
        assert record["event_bytes.used"] == 0 < record["event_bytes.peak"]
        assert record["filter_bytes.used"] > 0
        text = admin(virtmond, "client-stats", "--client", number)
        assert text.startswith(f"Client: {number}\n  since=")
        assert "\n  registrations.used=1\n" in text
        assert records(virtmond, "client-stats", "--client", 4711) == []
        assert [one["id"] for one in records(virtmond, "client-stats")] == clients(virtmond)


def test_a_client_that_is_behind(virtmond):
    """What it did not get is on its account, on its registration and on the domain."""
    guest = virtmond.start_guest("g1")
    admin(virtmond, "limit-set", "client_output_max_bytes", 65536)
    with Wire(virtmond.socket()) as client:
        client.open()
        reg = client.register("S*", GLOB)
        number = newest(virtmond)
        while not (record := records(virtmond, "client-stats", "--client", number)[0])["refused"]:
            for _ in range(500):
                guest.command("stop")
                guest.command("cont")
        # Of what is on its way nothing comes any more: QEMU has nothing to say.
        assert record["behind"] is True and record["gaps"] == 1
        assert record["event_bytes.used"] > 0
        registration, = records(virtmond, "registration-list", "--client", number)
        domain, = records(virtmond, "domain-stats", "--domain", "g1")
        assert registration["number"] == reg
        assert registration["lost"] == domain["refused"] > 0
        assert registration["delivered"] == record["events"]
        # At least one for each RESUME that nobody wanted.
        assert domain["events"] >= 2 * (registration["delivered"] + registration["lost"]) - 1
        assert domain["lost"] == 0


def test_user_list(virtmond, person):
    virtmond.folder.chmod(0o755)
    virtmond.run.chmod(0o755)
    with Wire(virtmond.socket()), person(12345).connect(virtmond.socket(True)) as other:
        other.done(REMOTE, wire.AUTH_LIST)
        users = {one["user"]: one for one in records(virtmond, "user-list")}
        assert set(users) == {f"uid {os.getuid()}", "uid 12345"}
        assert users["uid 12345"]["connections.used"] == 1
        assert users["uid 12345"]["exempt"] is False
        assert users["uid 12345"]["connections.limit"] > 0
        assert users[f"uid {os.getuid()}"]["exempt"] is True
        assert "connections.limit" not in users[f"uid {os.getuid()}"]
        text = admin(virtmond, "user-list", "--user", "uid 12345")
        assert re.search(r"^ uid 12345   1 / \d+ +0 / \d+ ", text, re.MULTILINE)
        assert len(text.splitlines()) == 4


def test_registration_list(virtmond):
    virtmond.start_guest("g1")
    with Wire(virtmond.socket()) as client:
        client.open()
        dom = client.lookup("g1")
        numbers = [client.register(), client.register("^ST", 3, dom), client.register("R*", GLOB),
                   client.done(REMOTE, wire.REGISTER, uint(5) + optional(dom.encode())).int()]
        found = records(virtmond, "registration-list")
        assert [one["number"] for one in found] == numbers
        assert {one["client"] for one in found} == {newest(virtmond)}
        assert [one["kind"] for one in found] == ["monitor"] * 3 + ["domain"]
        assert [one.get("event") for one in found] == [None, "^ST", "R*", "graphics"]
        assert [one.get("domain") for one in found] == [None, "g1", None, "g1"]
        assert (found[1]["regex"], found[1]["nocase"], found[2]["glob"]) == (True, True, True)
        text = admin(virtmond, "-q", "registration-list")
        assert [line.split()[3:6] for line in text.splitlines()] == [
            ["all", "-", "all"], ["^ST", "regex,nocase", "g1"], ["R*", "glob", "all"],
            ["graphics", "-", "g1"]]


def test_what_clients_say_does_not_reach_the_terminal(virtmond):
    with Wire(virtmond.socket()) as client:
        client.open().register("\x1b[31mred")
        text = admin(virtmond, "registration-list")
        assert "\x1b" not in text and "\\x1b[31mred" in text
        assert records(virtmond, "registration-list")[0]["event"] == "\x1b[31mred"
        assert b"\x1b" not in run_raw(virtmond, "registration-list", "--format", "json")


def run_raw(daemon, *words):
    return subprocess.run([VIRTMON_ADMIN, "-c", admin_socket(daemon), *words],
                          capture_output=True, check=True, timeout=DEADLINE).stdout


def test_lists_are_paged(virtmond):
    count = 2 * PAGE + 1
    with Wire(virtmond.socket()) as client, Wire(virtmond.socket()) as other:
        client.open()
        numbers = [client.register(f"E{number}") for number in range(count)]
        other.open().register()
        found = records(virtmond, "registration-list", "--client", newest(virtmond) - 1)
        assert [one["number"] for one in found] == numbers
        assert len(records(virtmond, "registration-list")) == count + 1
    with Wire(admin_socket(virtmond)) as client:
        client.done(ADMIN, 1, uint(0))
        for procedure, where in ((1, "x"), (1, "1:2"), (3, "1"), (3, "1:2:3"), (3, ":"), (4, "-"),
                                 (5, "x")):
            error = client.refused(OWN, procedure, uint(0) + string(where) + uint(0))
            assert error.code == 8 and f"begins at '{where}'" in error.message
        assert client.refused(OWN, 1, uint(0) + string("") + uint(1)).code == 8


def test_domain_stats_and_daemon_stats(virtmond):
    guest = virtmond.start_guest("g1")
    with Wire(virtmond.socket()) as client:
        client.open().register()
        guest.command("stop")
        client.monitor_event()
        domain, = records(virtmond, "domain-stats")
        assert (domain["name"], domain["state"], domain["pid"]) == ("g1", "paused", guest.pid)
        assert domain["monitor"].endswith("g1.qmp")
        # Nobody wants the domain event that follows from it.
        assert (domain["events"], domain["lost"], domain["refused"]) == (1, 0, 0)
        assert " g1     paused   1 " in admin(virtmond, "domain-stats", "--domain", "g1")
        assert records(virtmond, "domain-stats", "--domain", "nonesuch") == []
        daemon, = records(virtmond, "daemon-stats")
        assert daemon["pid"] == virtmond.pid
        assert (daemon["domains"], daemon["clients"]) == (1, len(clients(virtmond)))
        assert daemon["memory_bytes"] > 1024 * 1024
        assert daemon["delivered"] >= 1
        assert values(admin(virtmond, "daemon-stats"))["pid"] == str(virtmond.pid)


def test_a_daemon_that_is_held_up(virtmond):
    """Calls of administrators that wait for it are few, and are answered in the end."""
    with connections(admin_socket(virtmond), 3) as there:
        for one in there:
            one.done(ADMIN, 1, uint(0))
        freeze(virtmond.pid)
        try:
            serials = [[one.start(OWN, 1, uint(0) + string("") + uint(0)) for _ in range(5)]
                       for one in there]
        finally:
            thaw(virtmond.pid)
        for one, wanted in zip(there, serials):
            assert sorted(one.reply().serial for _ in wanted) == wanted


def test_many_at_once(virtmond):
    """Administrators who look and change, while clients come and go."""
    virtmond.start_guest("g1")
    line = "; ".join(["client-stats", "registration-list", "limit-set log_level 3", "limit-list",
                      "user-list", "daemon-log-filters 4:nothing", "domain-stats", "daemon-stats",
                      "limit-set max_workers 20", "client-list virtmond",
                      "daemon-log-outputs 3:stderr"] * 5)
    tools = [subprocess.Popen([VIRTMON_ADMIN, "-c", admin_socket(virtmond), line],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
             for _ in range(4)]
    try:
        while any(one.poll() is None for one in tools):
            with Wire(virtmond.socket()) as client:
                client.open().register("S*", GLOB)
        assert [one.returncode for one in tools] == [0] * 4
    finally:
        for one in tools:
            one.kill()
            one.wait(timeout=DEADLINE)


# --- limits ---

def test_workers(virtmond, tool):
    admin(virtmond, "server-threadpool-set", "virtmond", "--max-workers", 7, "--priority-workers",
          3, tool=tool)
    info = values(admin(virtmond, "server-threadpool-info", "virtmond", tool=tool))
    assert (info["maxWorkers"], info["prioWorkers"], info["minWorkers"]) == ("7", "3", "0")
    for words, why in ((["--min-workers", 1], "'minWorkers' cannot be set"),
                       (["--max-workers", 0], "0 is not between 1 and 1000"),
                       (["--max-workers", 8, "--min-workers", 1], "cannot be set"),
                       (["--max-workers", 9, "--priority-workers", 5000], "5000 is not between")):
        text = refused(virtmond, "server-threadpool-set", "virtmond", *words, tool=tool)
        assert "Unable to change server workerpool parameters" in text and why in text
    assert values(admin(virtmond, "server-threadpool-info", "virtmond"))["maxWorkers"] == "7"


def test_numbers_of_clients(virtmond, tool):
    admin(virtmond, "server-clients-set", "virtmond", "--max-clients", 30, "--max-unauth-clients",
          10, tool=tool)
    info = values(admin(virtmond, "server-clients-info", "virtmond", tool=tool))
    assert (info["nclients_max"], info["nclients_unauth_max"]) == ("30", "10")
    assert "not authenticated" in refused(virtmond, "server-clients-set", "virtmond",
                                          "--max-clients", 9, tool=tool)
    limits = {one["name"]: one["value"] for one in records(virtmond, "limit-list")}
    assert (limits["max_clients"], limits["max_anonymous_clients"]) == (30, 10)
    assert limits["max_user_connections"] <= 30


def test_limits_have_effect_until_a_reload(virtmond):
    with Wire(virtmond.socket()) as client:
        client.open().register()
        admin(virtmond, "limit-set", "max_client_registrations", 1)
        error = client.refused(QEMU, wire.MONITOR_REGISTER, uint(0, 0, 0))
        assert "max_client_registrations" in error.message
        record, = records(virtmond, "client-stats", "--client", newest(virtmond))
        assert (record["registrations.limit"], record["registrations.refused"]) == (1, 1)
        os.kill(virtmond.pid, signal.SIGHUP)
        wait_for(lambda: next(one for one in records(virtmond, "limit-list")
                              if one["name"] == "max_client_registrations")["value"] > 1,
                 "the reload")
        client.register()
    assert re.search(r"administrator \(user 0, process \d+\) sets max_client_registrations from "
                     r"16384 to 1\n", virtmond.log.read_text())


@pytest.mark.parametrize("words,why", [
    (["nonesuch", 1], "no limit 'nonesuch'"), (["max_clients", 0], "0 is not between"),
    (["max_clients", 99999999999999], "is not between"), (["monitors", 1], "no limit 'monitors'"),
    (["max_clients", "x"], "Numeric value 'x' for <value>"), (["max_clients"], "<value>"),
    (["log_level", 0], "log priority '0'"), (["log_level", 99999999999], "log priority"),
    (["", 1], "Option argument is empty"),
])
def test_limits_that_cannot_be(virtmond, words, why):
    assert why in refused(virtmond, "limit-set", *words)


def test_limit_list(virtmond):
    names = [one["name"] for one in records(virtmond, "limit-list")]
    assert names[0] == "max_clients" and names[-1] == "log_level"
    assert re.search(r"^ max_clients +5000 +1 +100000$", admin(virtmond, "limit-list"),
                     re.MULTILINE)
    assert all(one["min"] <= one["value"] <= one["max"] for one in
               records(virtmond, "limit-list"))


# --- the log ---

def test_filters_of_the_log(virtmond, tool):
    text = admin(virtmond, "daemon-log-filters", tool=tool)
    assert text == " Logging filters: \n\n"
    admin(virtmond, "daemon-log-filters", "1:rpc.netserver 4:qemu", tool=tool)
    with Wire(virtmond.socket()):
        log_says(virtmond, "debug : virNetServerAccept")
    assert admin(virtmond, "daemon-log-filters", tool=tool) == \
        " Logging filters: 1:*rpc.netserver* 4:*qemu*\n\n"
    assert "is not LEVEL:NAME" in refused(virtmond, "daemon-log-filters", "nonsense", tool=tool)
    assert "1:*rpc.netserver*" in admin(virtmond, "daemon-log-filters")
    admin(virtmond, "daemon-log-filters", "--filters", "", tool=tool)
    assert admin(virtmond, "-q", "daemon-log-filters") == "\n"
    assert "sets the log's filters to '1:rpc.netserver 4:qemu'" in virtmond.log.read_text()


def test_outputs_of_the_log(virtmond, tool):
    file = virtmond.folder / "other.log"
    assert admin(virtmond, "-q", "daemon-log-outputs", tool=tool) == "1:stderr\n"
    # Who takes the log away is the last that is in it.
    admin(virtmond, "daemon-log-outputs", f"1:file:{file}", tool=tool)
    assert f"sets the log's outputs to '1:file:{file}'\n" in virtmond.log.read_text()
    assert admin(virtmond, "daemon-log-outputs", tool=tool) == f" Logging outputs: 1:file:{file}\n\n"
    admin(virtmond, "limit-set", "log_level", 2)
    assert "sets log_level from 3 to 2" in file.read_text()
    for bad in ("3:nonsense", "9:stderr", "3:file:/nonexistent/log"):
        refused(virtmond, "daemon-log-outputs", bad, tool=tool)
    assert admin(virtmond, "-q", "daemon-log-outputs", tool=tool) == f"1:file:{file}\n"
    admin(virtmond, "daemon-log-outputs", "--outputs", "", tool=tool)
    assert admin(virtmond, "-q", "daemon-log-outputs", tool=tool) == "1:stderr\n"


def test_level_of_the_log(virtmond):
    admin(virtmond, "limit-set", "log_level", 1)
    with Wire(virtmond.socket()):
        log_says(virtmond, "debug : virNetServerAccept")
    admin(virtmond, "limit-set", "log_level", 4)
    before = virtmond.log.read_text()
    with Wire(virtmond.socket()) as client:
        client.alive()
    admin(virtmond, "limit-set", "log_level", 3)
    # Nothing below an error, but for the one that has the level back.
    assert [line for line in virtmond.log.read_text()[len(before):].splitlines()
            if "debug" in line] == []


# --- certificates, the end ---

@pytest.fixture(scope="module")
def place():
    path = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def certificates(place):
    path = place / "c"
    path.mkdir()
    made = Certificates(path)
    made.make("renewed", "ca", "tls_www_server\nsigning_key\nencryption_key\n"
              "dns_name = localhost\nip_address = 127.0.0.1\n")
    return made


def connect(port):
    """libvirtd opens it only after the sockets by which it is known to be there."""
    found = []

    def try_it():
        with contextlib.suppress(ConnectionRefusedError):
            found.append(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE))
        return found

    wait_for(try_it, f"port {port}")
    return found[0]


@contextlib.contextmanager
def by_tls(certificates, port):
    """A client that is let in."""
    context = ssl.create_default_context(cafile=certificates.path("ca"))
    context.load_cert_chain(certificates.path("client"), certificates.path("client", "key"))
    with connect(port) as sock, context.wrap_socket(sock, server_hostname="localhost") as tls:
        assert tls.recv(1) == b"\x01"
        yield tls


def test_who_comes_by_tls(start_virtmond, start_libvirtd, certificates, tool):
    infos = []
    for start in (start_virtmond, start_libvirtd):
        port = free_port()
        daemon = start("--listen", config=certificates.config("server").replace(
            'tls_port = "0"', f'tls_port = "{port}"'))
        with by_tls(certificates, port) as tls:
            tls.sendall(wire.packet(REMOTE, wire.AUTH_LIST))
            assert tls.recv(4)
            info = values(admin(daemon, "client-info", daemon.kind, newest(daemon), tool=tool))
            assert re.fullmatch(r"127\.0\.0\.1[;:]\d+", info.pop("sock_addr"))
            assert info.pop("id") and info.pop("connection_time")
            infos.append(info)
    assert infos[0] == infos[1]
    assert infos[0] == {"transport": "tls", "readonly": "no",
                        "tls_x509_dname": "O=Example,CN=client"}


def test_certificates_are_renewed(start_virtmond, certificates, tool):
    daemon = start_virtmond("--listen", config=certificates.config("server"))
    port = port_of(daemon.process)
    with by_tls(certificates, port) as tls:
        before = tls.getpeercert(binary_form=True)
    files = [certificates.path("server"), certificates.path("server", "key")]
    old = [file.read_bytes() for file in files]
    try:
        files[0].write_text("nonsense")
        assert "Unable to update server's tls related files." in \
            refused(daemon, "server-update-tls", "virtmond", tool=tool)
        files[0].write_bytes(certificates.path("renewed").read_bytes())
        files[1].write_bytes(certificates.path("renewed", "key").read_bytes())
        assert admin(daemon, "server-update-tls", "virtmond", tool=tool) == \
            "update tls related files succeed\n\n"
        with by_tls(certificates, port) as tls:
            assert tls.getpeercert(binary_form=True) != before
    finally:
        for file, data in zip(files, old):
            file.write_bytes(data)


def test_timeout(start_virtmond, tool):
    daemon = start_virtmond()
    with Wire(daemon.socket()) as client:
        client.open()
        admin(daemon, "daemon-timeout", "--timeout", 1, tool=tool)
        client.alive()
    assert daemon.process.wait(timeout=DEADLINE) == 0
    daemon = start_virtmond("--timeout", "1")
    with Wire(admin_socket(daemon)) as client:
        client.done(ADMIN, 1, uint(0))
        client.done(ADMIN, 19, uint(0, 0))
        assert client.refused(ADMIN, 19, uint(0xffffffff, 0)).code == 8
    with Wire(daemon.socket()) as client:
        client.alive()
    assert daemon.process.poll() is None


def test_help_lists_every_command():
    text = subprocess.run([VIRTMON_ADMIN, "help"], capture_output=True, text=True, check=True,
                          timeout=DEADLINE).stdout
    theirs = subprocess.run(["virt-admin", "help"], capture_output=True, text=True, check=True,
                            timeout=DEADLINE).stdout
    commands = re.compile(r"^    (\S+) ", re.MULTILINE)
    assert set(commands.findall(theirs)) <= set(commands.findall(text))
    assert "srv-list" not in text
    for command in commands.findall(text):
        done = subprocess.run([VIRTMON_ADMIN, "help", command], capture_output=True, text=True,
                              check=True, timeout=DEADLINE)
        assert f"    {command} - " in done.stdout


def test_completion(virtmond):
    def complete(line):
        return run_tool(virtmond, "-q", "uri; complete -- " + json.dumps(line)).stdout.split()[1:]

    assert "server-threadpool-info" in complete("server-")
    assert complete("server-clients-info ") == ["virtmond"]
    assert "max_clients" in complete("limit-set max_cl")
    assert complete("user-list --format ") == ["text", "json"]


def test_the_tools_arguments():
    for words, code, text in ((["-v"], 0, r"\d+\.\d+\.\d+\n"), (["-V"], 0, r"virtmon-admin .*"),
                              (["--version=long"], 0, r"virtmon-admin .*"),
                              (["--help"], 0, r"\nvirtmon-admin \[options\].*"),
                              (["-x"], 1, ""), (["-c"], 1, ""), (["-d", "9"], 1, "")):
        done = subprocess.run([VIRTMON_ADMIN, *words], capture_output=True, text=True, check=False,
                              timeout=DEADLINE)
        assert done.returncode == code
        assert re.fullmatch(text, done.stdout, re.DOTALL)
        assert (done.stderr != "") == (code != 0)
