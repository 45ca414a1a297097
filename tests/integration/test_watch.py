#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets that a URI names by path or pattern: found, lost, and found again."""
import os
import pathlib
import resource
import urllib.parse

import pytest
import virtapi
from conftest import DEADLINE, uri_of
from flood import Flood

STARTED, STOPPED = 2, 5
UUID = "0c5f7a52-2a5e-4d3b-8f0e-3f6d1f7d9b10"


class Life:
    """Who came and went, of a connection."""

    def __init__(self, conn):
        self.conn = conn
        self.registration = conn.lifecycle()

    def came(self, name, after=0):
        """Until a domain of this name and of a higher ID has come; its handle."""
        event = self.registration.wait_for(
            lambda one: one.type == STARTED and one.domain == name and one.id > after)
        return self.conn.domain_by_id(event.id)

    def gone(self, domain):
        return self.registration.wait_for(
            lambda one: one.type == STOPPED and one.id == domain.id)


def open_files():
    return len(os.listdir("/proc/self/fd"))


def test_what_is_there_is_there_when_the_connection_opens(start_qemu, connect, folder):
    for name in ("one", "two"):
        start_qemu(name=name)
    (folder / "three.qmp").write_text("no socket")
    conn = connect(uri_of(folder / "*.qmp"))
    assert sorted(domain.name for domain in conn.domains()) == ["one", "two"]
    life = conn.lifecycle()
    conn.domains()[0].suspend()
    life.wait(1)
    assert life.pairs == [(3, 0)]       # those that were there are no news


def test_a_qemu_that_comes_goes_and_comes_again(start_qemu, connect, folder):
    conn = connect(uri_of(folder / "*.qmp"))
    assert conn.count() == 0
    life, raw = Life(conn), conn.watch()
    known = 0
    for _ in range(3):
        qemu = start_qemu()
        domain = life.came("guest", known)
        known = domain.id
        assert domain.state() == (virtapi.RUNNING, 1)
        qemu.command("stop")
        raw.wait_for(lambda event, number=known: event.name == "STOP" and event.id == number)
        qemu.command("quit")
        assert life.gone(domain).detail == 0
        assert conn.count() == 0
        qemu.process.wait(timeout=DEADLINE)
    assert known == 3
    assert len({event.stream for event in raw.events}) == 3
    # QEMU leaves its socket behind when it is killed, and the next one takes it over.
    qemu = start_qemu()
    domain = life.came("guest", known)
    qemu.process.kill()
    qemu.process.wait(timeout=DEADLINE)
    assert life.gone(domain).detail == STOPPED
    assert qemu.watch.exists()
    start_qemu()
    life.came("guest", domain.id)


def test_a_connection_outlives_its_path(qemu, connect):
    conn = connect(uri_of(qemu.watch))
    life, raw = conn.lifecycle(), conn.watch("RESET")
    qemu.watch.unlink()
    qemu.command("system_reset")
    raw.wait(1)
    assert conn.domain("guest").state()[0] == virtapi.RUNNING
    qemu.command("quit")
    life.wait_for(lambda event: event.type == STOPPED)
    assert conn.count() == 0


def test_another_qemu_takes_the_path_over(start_qemu, connect):
    """The one before still runs and stays a domain, without a path."""
    old = start_qemu(name="old")
    conn = connect(uri_of(old.watch))
    life, raw = Life(conn), conn.watch()
    old.watch.unlink()
    new = start_qemu(name="new", watch=old.watch)
    life.came("new")
    assert sorted(domain.name for domain in conn.domains()) == ["new", "old"]
    for qemu in (old, new):
        qemu.command("stop")
    raw.wait_for(lambda event: event.name == "STOP" and event.domain == "old")
    raw.wait_for(lambda event: event.name == "STOP" and event.domain == "new")
    ending = conn.domain("old")
    old.command("quit")
    life.gone(ending)
    assert [domain.name for domain in conn.domains()] == ["new"]


def test_a_socket_that_nobody_listens_on_yet(connect, peer, folder):
    """QEMU makes it a moment before it listens, and tells nobody."""
    early = peer("early.qmp", listen=False)
    conn = connect(uri_of(folder / "*.qmp"))
    assert conn.count() == 0
    life = Life(conn)
    late = peer("late.qmp", listen=False)
    early.listen()
    life.came("early")
    late.listen()
    life.came("late")


def test_a_socket_that_is_moved_into_place(connect, peer, folder):
    conn = connect(uri_of(folder / "*.qmp"))
    life = Life(conn)
    peer("hidden")
    (folder / "hidden").rename(folder / "shown.qmp")
    domain = life.came("shown")
    assert f"path='{folder}/shown.qmp'" in domain.xml()


def test_folders_that_come_and_go(connect, start_qemu, folder):
    conn = connect(uri_of(folder / "vms" / "*" / "run" / "*.qmp"))
    life = Life(conn)
    assert conn.count() == 0
    for number in range(3):
        run = folder / "vms" / f"vm{number}" / "run"
        run.mkdir(parents=True)
        start_qemu(name=f"guest{number}", watch=run / "m.qmp")
        life.came(f"guest{number}")
    # Moved away as a whole: no path leads there any more, the connection stays.
    (folder / "vms" / "vm0").rename(folder / "old")
    moved = folder / "vms" / "vm9" / "run"
    moved.mkdir(parents=True)
    qemu = start_qemu(name="guest9", watch=moved / "m.qmp")
    life.came("guest9")
    assert conn.count() == 4
    ending = conn.domain("guest9")
    qemu.command("quit")
    life.gone(ending)


def test_links_are_followed(connect, start_qemu, folder):
    (folder / "real").mkdir()
    conn = connect(uri_of(folder / "link" / "*.qmp"))
    life = Life(conn)
    (folder / "link").symlink_to("real")
    qemu = start_qemu(watch=folder / "real" / "m.qmp")
    assert f"path='{folder}/link/m.qmp'" in life.came("guest").xml()
    qemu.command("quit")


def test_a_path_too_long_for_a_socket_address(connect, start_qemu, folder):
    deep = folder / ("d" * 100)
    deep.mkdir()
    here = os.getcwd()
    os.chdir(deep)                      # for QEMU, which has no other way to it either
    try:
        qemu = start_qemu(watch=pathlib.Path("m.qmp"))
    finally:
        os.chdir(here)
    conn = connect(uri_of(deep / "*.qmp"))
    assert conn.domain("guest").state()[0] == virtapi.RUNNING
    qemu.command("quit")


@pytest.mark.parametrize("name", ["with space", "percent%41", "and&or=", "hash#?", "star*", "[a]",
                                  "back\\slash", "\u00e4\u5b57"])
def test_any_path_can_be_named(connect, peer, folder, name):
    """Percent-encoded as in any URI; what would be a pattern has a backslash before it."""
    peer(name + ".qmp")
    peer("other.qmp")
    escaped = "".join("\\" + c if c in "*?[\\" else c for c in name)
    conn = connect("qemu:///embed?monitor=" +
                   urllib.parse.quote(str(folder / escaped) + ".qmp"))
    assert [domain.name for domain in conn.domains()] == [name]


def test_several_patterns_and_a_root(connect, peer, folder):
    for name in ("a.qmp", "b.sock", "c.mon"):
        peer(name)
    conn = connect(uri_of(folder / "*.qmp", folder / "b.*", folder / "*.qmp"))
    assert sorted(domain.name for domain in conn.domains()) == ["a", "b"]
    rooted = connect(f"qemu:///embed?root={folder}&monitor=*.mon")
    # QEMU serves one client at a time, and so does the peer: none of the two has both.
    assert [domain.name for domain in rooted.domains()] == ["c"]
    assert virtapi.driver_threads() == 2


@pytest.mark.parametrize("parameters, complaint", [
    ("", "needs parameter 'monitor' or 'root'"),
    ("?monitor=", "'monitor' is empty"),
    ("?monitor=relative/*.qmp", "'relative/*.qmp' is relative"),
    ("?root=here", "root path 'here' of the embedded driver is not absolute"),
    ("?root=/a&root=/b", "'root' was given more than once"),
    ("?monitor=/x&watch=/y", "unknown parameter 'watch'"),
])
def test_what_a_uri_may_not_say(connect, parameters, complaint):
    with pytest.raises(virtapi.Error) as caught:
        connect("qemu:///embed" + parameters)
    assert complaint in caught.value.message


def test_duplicates_get_names_and_uuids_of_their_own(connect, start_qemu, folder):
    for number in range(3):
        start_qemu(name=f"m{number}", args=["-name", "same", "-uuid", UUID])
    conn = connect(uri_of(folder / "*.qmp"))
    domains = conn.domains()
    assert sorted(domain.name for domain in domains) == ["same", "same-2", "same-3"]
    assert len({domain.uuid for domain in domains}) == 3
    assert sum(domain.uuid == UUID for domain in domains) == 1


def test_two_monitors_of_one_qemu_are_one_domain(connect, start_qemu, folder):
    start_qemu(args=["-qmp", f"unix:{folder}/second.qmp,server=on,wait=off"])
    conn = connect(uri_of(folder / "*.qmp"))
    assert [domain.name for domain in conn.domains()] == ["guest"]


def test_what_was_opened_is_closed(connect, start_qemu, folder):
    before = open_files()
    for _ in range(3):
        conn = connect(uri_of(folder / "*.qmp", folder / "*" / "*.qmp"))
        life = Life(conn)
        qemu = start_qemu()
        life.came("guest")
        conn.close()
        assert virtapi.driver_threads() == 0
        before += 1                     # the test's own monitor connection, until its end
        assert open_files() == before
        qemu.command("quit")
        qemu.process.wait(timeout=DEADLINE)


GUESTS = 1000


@pytest.fixture
def crowd(folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * GUESTS + 200
    if hard != resource.RLIM_INFINITY:
        assert hard >= needed, f"a limit of {hard} open files is too low for this test"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    one = Flood(folder, GUESTS)
    yield one
    one.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_domains_in_one_process(crowd, connect, folder):
    files, threads = open_files(), len(os.listdir("/proc/self/task"))
    conn = connect(uri_of(folder / "*.qmp"))
    assert conn.count() == GUESTS
    assert len({domain.id for domain in conn.domains()}) == GUESTS
    assert virtapi.driver_threads() == 1
    assert len(os.listdir("/proc/self/task")) == threads + 1
    assert GUESTS <= open_files() - files < GUESTS + 20

    everything, one = conn.watch(), conn.watch(None, conn.domain("guest777"))
    crowd.order(f"flood 0 {GUESTS - 1} 3 290")
    everything.wait(3 * GUESTS)
    by_domain = {}
    for event in everything.events:
        by_domain.setdefault(event.domain, []).append(event.number)
    assert len(by_domain) == GUESTS
    assert set(map(tuple, by_domain.values())) == {(1, 2, 3)}
    assert [event.domain for event in one.events] == ["guest777"] * 3

    # They all end at once.
    life = conn.lifecycle()
    crowd.close()
    life.wait(GUESTS)
    assert {event.type for event in life.events} == {STOPPED}
    assert conn.count() == 0
