#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""event: libvirt's typed events, side by side with virsh and of a real QEMU."""
import re

import pytest
from conftest import BUILD, DEADLINE, uri_of
from shellwatch import run, virsh, virtmon, watch

KINDS = 27


# --- side by side with virsh ---

def test_every_kind_with_every_value_as_virsh_prints_it(test_uri):
    words = ["event", "--all", "--loop", "--timeout", "1"]
    fakes = {"FAKE_EVENTS": "1"}
    ours = virtmon(test_uri, *words, fakes=fakes)
    assert len(set(re.findall("^event '([^']+)'", ours.out, re.MULTILINE))) == KINDS
    assert ours == virsh(*words, fakes=fakes)


@pytest.mark.parametrize("words", [
    ["--event", "graphics"], ["--event", "lifecycle", "--timeout", "5"],
    ["--event", "tunable", "test"], ["--all"],
], ids=" ".join)
@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["loud", "quiet"])
def test_one_shot_as_virsh_prints_it(test_uri, words, quiet):
    fakes = {"FAKE_EVENTS": "1"}
    ours = virtmon(test_uri, *quiet, "event", *words, fakes=fakes)
    assert ours.status == 0 and "events received: 1\n" in ours.out
    assert ours == virsh(*quiet, "event", *words, fakes=fakes)


def test_only_the_first_line_is_stamped(test_uri):
    words = ["-q", "event", "--event", "memory-failure", "--timestamp"]
    stamp = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: ", re.MULTILINE)
    ours = virtmon(test_uri, *words, fakes={"FAKE_EVENTS": "1"})
    theirs = virsh(*words, fakes={"FAKE_EVENTS": "1"})
    assert len(stamp.findall(ours.out)) == 1
    assert stamp.sub("STAMP: ", ours.out) == stamp.sub("STAMP: ", theirs.out)


@pytest.mark.parametrize("words", [
    [], ["--list"], ["lifecycle"], ["--all", "--event", "lifecycle"], ["--all", "--list"],
    ["--list", "--event", "lifecycle"], ["--list", "--all", "--event", "lifecycle"],
    ["--event", "nosuch"], ["--event", ""], ["nosuch", "--event", "lifecycle"],
    ["nosuch", "--event", "foo"], ["nosuch", "--timeout", "0"],
    ["--event", "lifecycle", "--domain", ""], ["test", "lifecycle", "abc"],
    ["test", "lifecycle", "1"], ["--event", "lifecycle", "--timeout", "0"],
    ["--event", "lifecycle", "--timeout", "4294967"], ["--event", "lifecycle", "--timeout", "1.5"],
    ["--event", "lifecycle", "--timeout", "1", "--loop"], ["--bogus"],
    ["--event", "lifecycle", "--event", "reboot"],
], ids=" ".join)
@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["loud", "quiet"])
def test_as_virsh_does(test_uri, words, quiet):
    assert virtmon(test_uri, *quiet, "event", *words) == virsh(*quiet, "event", *words)


def test_the_list_needs_no_connection():
    """virsh connects for it, and fails where it can't."""
    ours = run([BUILD / "tools" / "virtmon", "event", "--list"],
               {"VIRTMON_DEFAULT_CONNECT_URI": "qemu:///nowhere"})
    assert (ours.status, ours.err) == (0, "")
    assert ours.out == virsh("event", "--list").out


# --- a real QEMU ---

def test_lifecycle(qemu, shell):
    watcher = watch(shell, uri_of(qemu.watch), "event", "--event", "lifecycle", "--loop")
    qemu.command("stop")
    qemu.command("cont")
    qemu.command("quit")
    watcher.take(4)
    assert watcher.interrupt() == 0
    assert watcher.out == [
        "event 'lifecycle' for domain 'guest': Suspended Paused",
        "event 'lifecycle' for domain 'guest': Resumed Unpaused",
        "event 'lifecycle' for domain 'guest': Shutdown Finished after host request",
        "event 'lifecycle' for domain 'guest': Stopped Shutdown",
        "event loop interrupted", "events received: 4", ""]
    assert watcher.err == []


def test_a_qemu_that_is_killed(qemu, shell):
    watcher = watch(shell, uri_of(qemu.watch), "event", "--event", "lifecycle")
    qemu.process.kill()
    assert watcher.finish() == 0
    assert watcher.out[0] == "event 'lifecycle' for domain 'guest': Stopped Failed"


def test_all_of_one_domain(start_qemu, folder, shell):
    one, other = start_qemu("one"), start_qemu("other")
    watcher = watch(shell, uri_of(folder / "*.qmp"), "event", "--all", "--domain", "one",
                    "--loop")
    other.command("stop")
    one.command("system_reset")
    one.command("stop")
    watcher.take(2)
    assert watcher.interrupt() == 0
    assert watcher.out[:2] == ["event 'reboot' for domain 'one'",
                               "event 'lifecycle' for domain 'one': Suspended Paused"]
    assert watcher.out[2:] == ["event loop interrupted", "events received: 2", ""]


def test_one_shot_prints_exactly_one(qemu, shell):
    watcher = watch(shell, uri_of(qemu.watch), "event", "--event", "lifecycle")
    for _ in range(20):
        qemu.command("stop")
        qemu.command("cont")
    assert watcher.finish() == 0
    assert watcher.out == ["event 'lifecycle' for domain 'guest': Suspended Paused",
                           "events received: 1", ""]


def test_a_domain_that_appears(start_qemu, folder, shell):
    watcher = watch(shell, uri_of(folder / "*.qmp"), "event", "--event", "lifecycle")
    qemu = start_qemu()
    assert watcher.finish() == 0
    assert watcher.out[0] == "event 'lifecycle' for domain 'guest': Started Booted"
    assert qemu.process.poll() is None


def test_read_only_may_watch(qemu, shell):
    watcher = watch(shell, uri_of(qemu.watch), "-r", "event", "--event", "lifecycle", "--timeout",
                    str(int(DEADLINE)))
    qemu.command("stop")
    assert watcher.finish() == 0
    assert watcher.out[0] == "event 'lifecycle' for domain 'guest': Suspended Paused"


def test_a_script_goes_on(qemu, shell):
    watcher = watch(shell, uri_of(qemu.watch), "-q",
                    "event --event lifecycle; domstate guest")
    qemu.command("stop")
    assert watcher.finish() == 0
    assert watcher.out == ["event 'lifecycle' for domain 'guest': Suspended Paused",
                           "events received: 1", "paused"]
