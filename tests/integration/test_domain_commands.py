#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""list, dominfo, suspend and the like on a real QEMU, and side by side with the real virsh.

virsh works on libvirt's test driver; the QEMU has the name and the UUID of that one's domain. So
whatever both can do, both must print alike.
"""
import re

import pytest
from conftest import DEADLINE, TEST_UUID, uri_of
from shellwatch import virsh, virtmon

STATES = 9 * 16         # what fakelibvirt.c answers, one after the other


def flat(words):
    return "_".join(words).replace(" ", "-") or "none"


@pytest.mark.parametrize("words", [
    ["list"], ["list", "--all"], ["list", "--uuid"], ["list", "--name"], ["list", "--id"],
    ["list", "--uuid", "--name"], ["list", "--id", "--uuid", "--name"], ["list", "--table"],
    ["list", "--title"], ["list", "--managed-save"], ["list", "--title", "--managed-save", "--all"],
    ["list", "--inactive"], ["list", "--inactive", "--id"], ["list", "--inactive", "--name"],
    ["list", "--table", "--uuid"], ["list", "--table", "--id"],
    ["list", "--table", "--name", "--uuid"],
    ["list", "--state-paused"], ["list", "--state-running", "--name"],
    ["list", "--state-other", "--state-shutoff"], ["list", "--with-snapshot"],
    ["list", "--without-snapshot", "--without-checkpoint", "--no-autostart",
     "--without-managed-save"],
    ["list", "--with-checkpoint"], ["list", "--autostart"], ["list", "--with-managed-save"],
    ["list", "extra"], ["-q", "list"], ["-q", "list", "--title"],
    ["domid", "test"], ["domid", "1"], ["domid", "nosuch"], ["domid", TEST_UUID], ["domid", ""],
    ["domid"], ["domname", "1"], ["domname", "test"], ["domname", TEST_UUID], ["domname", "7"],
    ["domuuid", "test"], ["domuuid", "1"], ["domuuid", TEST_UUID],
    ["domuuid", TEST_UUID[:-1] + "g"],
    ["domstate", "test"], ["domstate", "test", "--reason"], ["domstate", "1", "--reason"],
    ["domstate", "test", "extra"], ["domstate", "nosuch"], ["domstate"],
    ["suspend", "nosuch"], ["suspend"], ["resume", "nosuch"], ["reset", "nosuch"],
    ["destroy", "nosuch", "--graceful"], ["dumpxml", "nosuch"], ["dominfo", "nosuch"],
    ["shutdown", "nosuch"], ["shutdown", "test", "--mode", "bogus"],
    ["shutdown", "test", "bogus"], ["shutdown", "test", "--mode", ""],
    ["shutdown", "test", "--mode", "acpi,"], ["shutdown", "nosuch", "--mode", "bogus"],
    ["shutdown", "test", "--mode", "ACPI"],
    ["reboot", "nosuch"], ["reboot", "test", "--mode", "bogus"],
    ["dumpxml", "test", "--xpath", "//name"], ["dumpxml", "test", "--xpath", "//nosuch"],
    ["dumpxml", "test", "--xpath", "//nosuch", "--wrap"],
    ["dumpxml", "test", "--xpath", "//name/text()"],
    ["dumpxml", "test", "--xpath", "//name", "--wrap"],
    ["dumpxml", "test", "--xpath", "/domain/@id"],
    ["dumpxml", "test", "//name"], ["dumpxml", "test", "--bogus"],
    ["-r", "suspend", "test"], ["-r", "reset", "test"], ["-r", "destroy", "test"],
], ids=flat)
def test_as_virsh_does(test_uri, words):
    assert virtmon(test_uri, *words) == virsh(*words)


@pytest.mark.parametrize("command", [
    "suspend test; domstate test --reason; list; resume test; domstate test --reason; list",
    "suspend 1; resume 1", f"suspend {TEST_UUID}; resume {TEST_UUID}", "reset test",
    "desc test a  b 'c  d'; desc test; desc test --title; desc 1 ''; desc test; desc test --live",
    f"desc {TEST_UUID} --title a b; desc test --title; list --title; dumpxml test --xpath //title",
    "metadata test urn:a k '<a>b</a>'; metadata test urn:a; metadata test urn:a --remove; "
    "metadata test urn:a; metadata test urn:a --set '<a/>'",
])
def test_acting_as_virsh_does(test_uri, command):
    assert virtmon(test_uri, command) == virsh(command)


@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["loud", "quiet"])
def test_what_cannot_be_done_names_the_domain(test_uri, quiet):
    ours = virtmon(test_uri, *quiet, "resume", "test")
    theirs = virsh(*quiet, "resume", "test")
    assert (ours.status, ours.out) == (theirs.status, theirs.out)
    assert ours.err.splitlines()[0] == theirs.err.splitlines()[0]
    assert "already running" in ours.err.splitlines()[1]


@pytest.mark.parametrize("words", [
    ["shutdown", "test"], ["shutdown", "1", "acpi"], ["shutdown", "test", "--mode", "acpi,acpi"],
    ["shutdown", "test", "--mode", "acpi,agent,initctl,signal,paravirt"],
    ["reboot", "test"], ["reboot", "test", "--mode", "signal,paravirt"],
], ids=flat)
def test_modes_as_virsh_hands_them_on(test_uri, words):
    fakes = {"FAKE_REPLY": "x", "FAKE_TELL": "1"}
    assert virtmon(test_uri, *words, fakes=fakes) == virsh(*words, fakes=fakes)


@pytest.mark.parametrize("words", [
    ["list", "--all"], ["list", "--inactive", "--title"], ["list", "--all", "--managed-save"],
    ["list", "--all", "--managed-save", "--title"], ["list", "--all", "--id"],
    ["list", "--all", "--name"], ["list", "--all", "--id", "--name"],
    ["list", "--all", "--id", "--uuid"], ["-q", "list", "--all"], ["domid", "test"],
    ["domstate", "test", "--reason"],
], ids=flat)
def test_a_domain_that_does_not_run_as_virsh_shows_it(test_uri, words):
    fakes = {"FAKE_INACTIVE": "1"}
    assert virtmon(test_uri, *words, fakes=fakes) == virsh(*words, fakes=fakes)


def test_domains_that_do_not_run_are_sorted_as_virsh_does(start_qemu, folder):
    names = ("zeta", "Alpha", "beta", "al")
    for name in names:
        start_qemu(name)
    (folder / "node.xml").write_text("<node>" + "".join(
        f"<domain type='test'><name>{name}</name><memory>8192</memory>"
        "<os><type>hvm</type></os></domain>" for name in names) + "</node>")
    words, fakes = ["list", "--all", "--name"], {"FAKE_INACTIVE": "1"}
    ours = virtmon(uri_of(folder / "*.qmp"), *words, fakes=fakes)
    assert sorted(ours.out.split()) == sorted(names)
    assert ours == virsh(*words, fakes=fakes, uri=f"test://{folder}/node.xml")


def test_dominfo_of_a_domain_that_does_not_run(test_uri):
    fakes = {"FAKE_INACTIVE": "1"}
    ours = virtmon(test_uri, "dominfo", "test", fakes=fakes).out.splitlines()
    theirs = virsh("dominfo", "test", fakes=fakes).out.splitlines()
    for name in ("Id:", "Name:", "UUID:", "Managed save:"):
        assert [row for row in ours if row.startswith(name)] == \
            [row for row in theirs if row.startswith(name)]


def test_every_state_and_reason_as_virsh_calls_it(test_uri):
    command = "domstate test --reason;" * STATES
    fakes = {"FAKE_STATES": "1"}
    ours = virtmon(test_uri, "-q", command, fakes=fakes)
    assert len(ours.out.splitlines()) == STATES
    assert ours == virsh("-q", command, fakes=fakes)


def test_dominfo(test_uri):
    ours = virtmon(test_uri, "dominfo", "test")
    lines = [re.sub(r"\d+\.\d", "N", line) for line in ours.out.splitlines()]
    assert ours.status == 0 and ours.err == ""
    assert lines == ["Id:             1", "Name:           test", f"UUID:           {TEST_UUID}",
                     "OS Type:        hvm", "State:          running", "CPU(s):         0",
                     "CPU time:       Ns", "Max memory:     0 KiB", "Used memory:    0 KiB",
                     "Persistent:     no", "Autostart:      disable", "Managed save:   no", ""]
    # the same lines in the same order, of those that this API can know
    theirs = [line.split(":")[0] for line in virsh("dominfo", "test").out.splitlines()]
    assert [line.split(":")[0] for line in lines if line] == theirs[:len(lines) - 1]


def test_dumpxml_is_well_formed_and_of_the_domain(test_uri):
    ours = virtmon(test_uri, "dumpxml", "test")
    assert ours.status == 0
    assert ours.out.startswith("<domain type='qemu' id='1'>\n  <name>test</name>\n")
    assert ours.out.endswith("</domain>\n\n")
    whole = virtmon(test_uri, "-q", "dumpxml", "test", "--xpath", "/domain/name|/domain/uuid")
    assert whole.out == f"<name>test</name>\n<uuid>{TEST_UUID}</uuid>\n"


@pytest.mark.parametrize("xpath", ["///", "count(//name)", "nosuch()"])
def test_xpath_that_selects_no_nodes(test_uri, xpath):
    ours = virtmon(test_uri, "dumpxml", "test", "--xpath", xpath)
    assert (ours.status, ours.out) == (1, "\n")
    assert ours.err == f"error: Incorrect xpath '{xpath}'\n"


def test_list_in_the_order_of_ids(start_qemu, folder):
    for name in ("zeta", "alpha", "beta-längere"):
        start_qemu(name)
    ours = virtmon(uri_of(folder / "*.qmp"), "list --id --name; list")
    words, table = (part.splitlines() for part in ours.out.split("\n\n")[:2])
    listed = [row.split() for row in words]
    assert [number for number, _ in listed] == ["1", "2", "3"]
    assert sorted(name for _, name in listed) == ["alpha", "beta-längere", "zeta"]
    assert table[0] == " Id   Name           State"
    assert table[1] == "-" * 30
    assert [row.split() for row in table[2:]] == [[*row, "running"] for row in listed]


def test_an_id_comes_before_a_name_that_looks_like_one(start_qemu, folder):
    start_qemu("1")
    start_qemu("2")
    ours = virtmon(uri_of(folder / "*.qmp"), "-q",
                   "list --id --name; domname 2; domid 2; domuuid 2; list --uuid --id")
    *listed, name, number, uuid, one, other = [row.split() for row in ours.out.splitlines()]
    names = dict(listed)
    assert name == [names["2"]]
    # an ID isn't asked for by an ID, so this is the name
    assert names[number[0]] == "2"
    assert uuid + ["2"] in (one, other)


def test_suspend_and_resume(qemu):
    uri = uri_of(qemu.watch)
    assert virtmon(uri, "suspend", "guest").out == "Domain 'guest' suspended\n\n"
    assert qemu.command("query-status")["status"] == "paused"
    assert virtmon(uri, "-q", "domstate", "guest").out == "paused\n"
    assert virtmon(uri, "resume", "guest").out == "Domain 'guest' resumed\n\n"
    assert qemu.command("query-status")["status"] == "running"


def test_reset(qemu):
    assert virtmon(uri_of(qemu.watch), "reset", "guest").out == "Domain 'guest' was reset\n\n"
    qemu.qmp.wait_event("RESET")


def test_shutdown_presses_the_button(start_qemu):
    qemu = start_qemu(machine="pc", args=["-m", "16"])
    uri = uri_of(qemu.watch)
    assert virtmon(uri, "shutdown", "guest", "--mode", "acpi").out == \
        "Domain 'guest' is being shutdown\n\n"
    qemu.qmp.wait_event("POWERDOWN")


def test_reboot_needs_the_agent(qemu):
    ours = virtmon(uri_of(qemu.watch), "reboot", "guest")
    assert ours.status == 1
    assert ours.err.startswith("error: Failed to reboot domain 'guest'\nerror: ")
    assert "guest agent" in ours.err


@pytest.mark.parametrize("option", [[], ["--graceful"], ["--remove-logs"]], ids=flat)
def test_destroy_ends_qemu(qemu, option):
    ours = virtmon(uri_of(qemu.watch), "destroy", "guest", *option)
    assert (ours.status, ours.out) == (0, "Domain 'guest' destroyed\n\n")
    assert qemu.process.wait(timeout=DEADLINE) == 0


def test_a_domain_that_has_gone(qemu, folder):
    uri = uri_of(qemu.watch)
    qemu.command("quit")
    qemu.process.wait(timeout=DEADLINE)
    assert virtmon(uri, "list", "--name").out == "\n"
    ours = virtmon(uri, "suspend", "guest")
    assert (ours.status, ours.err) == (1, "error: failed to get domain 'guest'\n")
