#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""qemu-monitor-command, qemu-agent-command, qemu-attach and qemu-event-list."""
import json
import os
import pathlib
import re
import struct
import subprocess

import pytest
from conftest import BUILD, DEADLINE, uri_of
from shellwatch import on_a_terminal, virsh, virtmon

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
TYPED_EVENTS = SOURCE / "src" / "qemu" / "qemu_typed_events.list"


def flat(words):
    return "_".join(words).replace(" ", "-") or "none"


# --- side by side with virsh: what is sent, and what is printed of an answer ---

ANSWERS = [
    '{"return":{"a":1.50,"b":[1,{"c":null}]},"id":3}', '{"return":"x"}', '{"return":null}',
    '{"return":{}}', "[1]", "garbage", "",
    '{"id":"x","error":{"class":"C","desc":"d"}}',
    '{"return":[1,{"b":"\u00e9\\u0001/\\/"}], "x" : -0}',
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["loud", "quiet"])
@pytest.mark.parametrize("words", [
    ["qemu-monitor-command", "test", "a"], ["qemu-monitor-command", "test", "--hmp", "a", "b"],
    ["qemu-monitor-command", "test", "--pretty", "a"],
    ["qemu-monitor-command", "test", "a", "--return-value"],
    ["qemu-monitor-command", "test", "--return-value", "--pretty", "a"],
    ["qemu-agent-command", "test", "a", "b"], ["qemu-agent-command", "test", "--pretty", "a"],
], ids=flat)
def test_answers_as_virsh_prints_them(test_uri, words, quiet, answer):
    ours = virtmon(test_uri, *quiet, *words, fakes={"FAKE_REPLY": answer})
    theirs = virsh(*quiet, *words, fakes={"FAKE_REPLY": answer})
    assert (ours.out, ours.status) == (theirs.out, theirs.status)
    # what is wrong with JSON is said in other words
    assert ours.err.splitlines()[:1] == theirs.err.splitlines()[:1]


@pytest.mark.parametrize("words", [
    ["a"], [""], ["", ""], [" "], ["a", ""], ["a", '"b":1'], ["a", '{"b":1}'],
    ["a", '{"b":1', "}"], ["a", '"b":1', '"c":2'], ["a", ' {"b":1}'], [' {"execute":"a"}'],
    ['{"execute":', '"a"}'], ["[1]"], ["a b"], ['a"b'], ["a", '"b": {"c":1.50}'], ["{"],
    ["a", "{}"], ["a", " "], ['"a"'], ['\n{"execute":"a"}'], ["a", '"b":"\u00e9\\u00e9/\\/"'],
    ["--hmp", "a", "b"], ["--hmp", ""], ["--hmp", "a", "", "b"], ["--cmd", "a"],
    ["--cmd", "a", '"b":1'], ["--pass-fds", "", "a"], ["--pass-fds", "0,2", "a"],
    ["--pass-fds", "-1", "a"], ["--pass-fds", " 1", "a"], ["--pass-fds", "1,1", "a"],
    ["--hmp", "--pass-fds", "0", "a"], ["a", "--hmp"],
    # wrong
    ["a", "b"], ['{"execute":"a"}', "b"], ["a", "b:1"], ["a", '"b":1,', '"c":2'], ["a", "{"],
    ["--", "a", "--pretty"], ["--pass-fds", "a", "a"], ["--pass-fds", "0,", "a"],
    ["--pass-fds", "0x1", "a"], ["--hmp", "--pretty", "a"], ["--hmp", "--return-value", "a"], [],
    ["--bogus", "a"],
], ids=flat)
def test_commands_as_virsh_sends_them(test_uri, words):
    fakes = {"FAKE_REPLY": "OK", "FAKE_TELL": "1"}
    ours = virtmon(test_uri, "qemu-monitor-command", "test", *words, fakes=fakes)
    theirs = virsh("qemu-monitor-command", "test", *words, fakes=fakes)
    assert (ours.out, ours.status) == (theirs.out, theirs.status)
    assert ours.err.splitlines()[:1] == theirs.err.splitlines()[:1]


@pytest.mark.parametrize("words", [
    ["a"], ["a", "b"], [""], ["--timeout", "5", "a"], ["--block", "a"], ["--async", "a"],
    ["--timeout", "2147483647", "a"], ["a", "--block"],
    # wrong
    ["--timeout", "2147483648", "a"], ["--timeout", "0", "a"], ["--timeout", "-1", "a"],
    ["--timeout", "abc", "a"], ["--timeout", "1", "--block", "a"],
    ["--timeout", "1", "--async", "a"], ["--block", "--async", "a"], [],
], ids=flat)
def test_agent_commands_as_virsh_sends_them(test_uri, words):
    fakes = {"FAKE_REPLY": "OK", "FAKE_TELL": "1"}
    assert virtmon(test_uri, "qemu-agent-command", "test", *words, fakes=fakes) == \
        virsh("qemu-agent-command", "test", *words, fakes=fakes)


@pytest.mark.parametrize("pid", ["12", "012", " 12", "+12", "4294967295", "4294967296", "0x12",
                                 "12 ", "abc", "", "99999999999999999999", "1.5", "+ 1"])
@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["loud", "quiet"])
def test_attach_as_virsh_takes_it(test_uri, pid, quiet):
    fakes = {"FAKE_REPLY": "x", "FAKE_TELL": "1"}
    assert virtmon(test_uri, *quiet, "qemu-attach", pid, fakes=fakes) == \
        virsh(*quiet, "qemu-attach", pid, fakes=fakes)


@pytest.mark.parametrize("words", [
    ["qemu-monitor-command", "nosuch", "x"], ["qemu-monitor-command"],
    ["qemu-monitor-command", "nosuch", "--hmp", "--pretty", "x"],
    ["qemu-agent-command", "nosuch", "--block", "--async", "x"], ["qemu-attach"],
    ["qemu-attach", "--", "-5"], ["qemu-attach", "1", "2"],
], ids=flat)
def test_errors_as_virsh_has_them(test_uri, words):
    assert virtmon(test_uri, *words) == virsh(*words)


# --- a real QEMU ---

def test_a_command(qemu):
    uri = uri_of(qemu.watch)
    plain = virtmon(uri, "qemu-monitor-command", "guest", "query-name")
    answer = json.loads(plain.out)
    assert answer["return"] == {"name": "guest"}
    assert plain.out.endswith("}\n\n") and plain.err == "" and plain.status == 0
    value = virtmon(uri, "-q", "qemu-monitor-command", "guest", "--return-value", "query-name")
    assert value.out == '{"name":"guest"}'
    pretty = virtmon(uri, "qemu-monitor-command", "guest", "--pretty", "--return-value",
                     '{"execute":"query-name"}')
    assert pretty.out == '{\n  "name": "guest"\n}\n'


def test_an_error_is_an_answer(qemu):
    uri = uri_of(qemu.watch)
    plain = virtmon(uri, "qemu-monitor-command", "guest", "no-such-command")
    assert json.loads(plain.out)["error"]["class"] == "CommandNotFound"
    assert plain.status == 0
    value = virtmon(uri, "qemu-monitor-command", "guest", "--return-value", "no-such-command")
    assert (value.status, value.err) == (1, "error: 'return' member missing\n")


def test_arguments(qemu):
    ours = virtmon(uri_of(qemu.watch), "qemu-monitor-command", "guest", "--return-value",
                   "human-monitor-command", '"command-line": "info name"')
    assert ours.out == '"guest\\r\\n"\n'


def test_the_human_monitor(qemu):
    ours = virtmon(uri_of(qemu.watch), "qemu-monitor-command", "guest", "--hmp", "info", "name")
    assert ours.out == "guest\r\n\n\n"


def test_the_human_monitor_on_a_terminal(qemu):
    """Its lines end in CR LF, which is nothing to be shown."""
    text = on_a_terminal(uri_of(qemu.watch), None, "qemu-monitor-command", "guest", "--hmp",
                         "info name")
    assert text.splitlines()[0] == b"guest"
    assert b"\\x0d" not in text


def test_an_answer_on_a_terminal(peer, folder):
    answer = {"a": "\x1b[2J\u009b\u202e"}
    peer("g.qmp", guest="guest").answers["query-evil"] = answer
    uri = uri_of(folder / "g.qmp")
    for words in (["query-evil"], ["query-evil", "--pretty"], ["query-evil", "--return-value"]):
        text = on_a_terminal(uri, None, "qemu-monitor-command", "guest", *words)
        assert not any(raw in text for raw in (b"\x1b", "\u009b".encode(), "\u202e".encode()))
        assert rb"\u{009b}\u{202e}" in text
    # into a pipe, what was sent
    ours = virtmon(uri, "-q", "qemu-monitor-command", "guest", "query-evil", "--return-value")
    assert json.loads(ours.out) == answer


def test_a_file_goes_along(qemu, folder):
    path = folder / "passed"
    with open(path, "w+b") as file:
        process = subprocess.run(
            [BUILD / "tools" / "virtmon", "-q", "-c", uri_of(qemu.watch), "qemu-monitor-command",
             "guest", "--return-value", "--pass-fds", str(file.fileno()),
             "add-fd", '"fdset-id": 5', '"opaque": "mine"'],
            pass_fds=[file.fileno()], stdin=subprocess.DEVNULL, capture_output=True, check=True,
            timeout=DEADLINE)
    answer = json.loads(process.stdout)
    assert answer["fdset-id"] == 5
    (fdset,) = qemu.command("query-fdsets")
    assert fdset["fds"] == [{"fd": answer["fd"], "opaque": "mine"}]
    assert os.readlink(f"/proc/{qemu.pid}/fd/{answer['fd']}") == str(path)


@pytest.mark.parametrize("fds", ["-1", "999"])
def test_a_file_that_is_not_open(qemu, fds):
    uri = uri_of(qemu.watch)
    ours = virtmon(uri, "qemu-monitor-command", "guest", "--pass-fds", fds,
                   '{"execute":"add-fd"}')
    assert ours.status == 1
    assert ours.err.startswith("error: ")
    # no harm is done to the monitor
    assert virtmon(uri, "qemu-monitor-command", "guest", "query-name").status == 0


def test_a_domain_without_an_agent(qemu):
    ours = virtmon(uri_of(qemu.watch), "qemu-agent-command", "guest", '{"execute":"guest-ping"}')
    assert (ours.status, ours.out) == (1, "\n")
    assert ours.err == "error: argument unsupported: QEMU guest agent is not configured\n"


def test_attach(qemu, folder):
    ours = virtmon(f"qemu:///embed?root={folder}",
                   f"list --name; qemu-attach {qemu.pid}; list --name; domstate guest")
    # on stderr it may say that the first of the monitors is busy
    assert ours.status == 0
    assert ours.out == f"\nDomain 'guest' attached to pid {qemu.pid}\n\nguest\n\nrunning\n\n"


def test_attach_to_what_is_no_qemu(folder):
    ours = virtmon(f"qemu:///embed?root={folder}", "qemu-attach", os.getpid())
    first, second = ours.err.splitlines()
    assert ours.status == 1
    assert first == f"error: Failed to attach to pid {os.getpid()}"
    assert second.startswith("error: ")


def test_attach_read_only(qemu, folder):
    ours = virtmon(f"qemu:///embed?root={folder}", "-r", "qemu-attach", qemu.pid)
    assert ours.status == 1
    assert "read only access prevents virDomainQemuAttach" in ours.err


# --- the events that QEMU can emit ---

def schema_events(qemu):
    """Name and names of fields, worked out anew: of objects within objects those of the inner."""
    entries = {entry["name"]: entry for entry in qemu.command("query-qmp-schema")
               if entry["meta-type"] != "command"}

    def fields(name, prefix):
        entry = entries[name]
        found = []
        for member in entry["members"]:
            inner = entries[member["type"]]
            if inner["meta-type"] == "object":
                found += fields(member["type"], f"{prefix}{member['name']}.")
            else:
                found.append(prefix + member["name"])
        for variant in entry.get("variants", []):
            found += fields(variant["type"], prefix)
        return found

    return {name: fields(entry["arg-type"], "") for name, entry in sorted(entries.items())
            if entry["meta-type"] == "event"}


def test_event_list(qemu):
    uri = uri_of(qemu.watch)
    expected = schema_events(qemu)
    plain = virtmon(uri, "-q", "qemu-event-list", "guest").out.splitlines()
    assert [text.split(" ")[0] for text in plain] == list(expected)
    assert "STOP -> lifecycle" in plain
    assert "POWERDOWN" in plain
    assert re.fullmatch(r"SHUTDOWN \{guest: bool, reason: none\|host-error\|host-qmp-quit\|.*\} "
                        "-> lifecycle", next(text for text in plain if text[:9] == "SHUTDOWN "))
    assert "RTC_CHANGE {offset: int, qom-path: str} -> rtc-change (rate-limited)" in plain
    assert "QUORUM_FAILURE {reference: str, sector-num: int, sectors-count: int} (rate-limited)" \
        in plain
    assert any(text.startswith("ACPI_DEVICE_OST {info.device?: str, info.slot: str, ")
               for text in plain)

    pretty = virtmon(uri, "-q", "qemu-event-list", "guest", "--pretty").out
    assert "\nDEVICE_DELETED -> device-removed\n  device  str (optional)\n  path    str\n" in pretty
    assert re.search(r"\n  info\.arg1 +int \(if info\.type is hyper-v\) \(optional\)\n", pretty)
    found = {}
    for text in pretty.splitlines():
        if text.startswith("  "):
            found[last].append(text.split()[0])
        else:
            last = text.split()[0]
            found[last] = []
    assert found == expected


def event_list(qemu):
    text = virtmon(uri_of(qemu.watch), "qemu-event-list", "guest", "--format", "json").out
    return [json.loads(line) for line in text.splitlines()]


def test_event_list_as_json(qemu):
    rows = event_list(qemu)
    assert {row["event"]: [field["name"] for field in row["data"]] for row in rows} == \
        schema_events(qemu)
    for row in rows:
        for field in row["data"]:
            assert list(field) == ["name", "type", "optional", "if"]
    by_name = {row["event"]: row for row in rows}
    assert {"name": "device", "type": "str", "optional": True, "if": None} in \
        by_name["DEVICE_DELETED"]["data"]
    assert by_name["BLOCK_JOB_READY"]["typed"] == [{"name": "block-job", "id": 8},
                                                   {"name": "block-job-2", "id": 16}]
    assert by_name["POWERDOWN"] == {"event": "POWERDOWN", "data": [], "typed": [],
                                    "rate-limit": None}
    assert by_name["WATCHDOG"]["rate-limit"] == {"ms": 1000, "per": None}
    assert by_name["VSERPORT_CHANGE"]["rate-limit"] == {"ms": 1000, "per": "id"}


def test_counterparts_are_events_that_there_are(qemu):
    """The kinds that the shell lists are in the order of their numbers."""
    kinds = virtmon(uri_of(qemu.watch), "-q", "event", "--list").out.split()
    rows = event_list(qemu)
    for row in rows:
        for typed in row["typed"]:
            assert kinds[typed["id"]] == typed["name"], row["event"]
    listed = {line.split()[0] for line in TYPED_EVENTS.read_text().splitlines()
              if line and not line.startswith("#")}
    assert listed - {row["event"] for row in rows} == set(), "no events of this QEMU"


@pytest.mark.parametrize("lines, complaint", [
    (["STOP lifecycle"], "x.list:1: this is no event, name and constant: STOP lifecycle"),
    (["# STOP", "", "STOP  lifecycle VIR_DOMAIN_EVENT_ID_LIFECYCLE"],
     "x.list:3: this is no event, name and constant: STOP  lifecycle "
     "VIR_DOMAIN_EVENT_ID_LIFECYCLE"),
    (["RESET reboot VIR_DOMAIN_EVENT_ID_REBOOT"] * 2,
     "x.list: its lines are to be sorted, and each to be there once"),
    (["STOP lifecycle VIR_DOMAIN_EVENT_ID_LIFECYCLE", "RESET reboot VIR_DOMAIN_EVENT_ID_REBOOT"],
     "x.list: its lines are to be sorted, and each to be there once"),
], ids=["short", "blanks", "twice", "unsorted"])
def test_a_list_of_counterparts_that_is_wrong(folder, lines, complaint):
    (folder / "x.list").write_text("\n".join(lines) + "\n")
    done = subprocess.run([SOURCE / "scripts" / "gencounterparts", "x.list", "x.c"], cwd=folder,
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (1, complaint + "\n")
    assert not (folder / "x.c").exists()


def test_rate_limits_are_those_of_qemu(qemu):
    """It has them in a table by event, in the order of its schema: nanoseconds, or 0."""
    version = qemu.qmp.greeting["QMP"]["version"]["qemu"]
    if (version["major"], version["minor"]) != (7, 2):
        pytest.skip("the limits are those of QEMU 7.2")
    names = [entry["name"] for entry in qemu.command("query-qmp-schema")
             if entry["meta-type"] == "event"]
    limited = {row["event"]: row for row in event_list(qemu) if row["rate-limit"]}
    table = struct.pack(f"<{len(names)}q", *(
        limited[name]["rate-limit"]["ms"] * 10 ** 6 if name in limited else 0 for name in names))
    assert limited
    assert pathlib.Path(f"/proc/{qemu.pid}/exe").read_bytes().find(table) >= 0
    for name, row in limited.items():
        per = row["rate-limit"]["per"]
        assert per is None or per in [field["name"] for field in row["data"]], name


def test_the_page_is_up_to_date(folder):
    done = subprocess.run([SOURCE / "scripts" / "update-events", BUILD, folder / "events.md"],
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    if "the page is about QEMU" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert (folder / "events.md").read_text() == (SOURCE / "docs" / "events.md").read_text(), \
        "docs/events.md is out of date: run scripts/update-events BUILD"


def test_names_are_completed_also_where_qemu_is_not_asked(test_uri):
    def complete(uri):
        return virtmon(uri, "-q", "complete", "--", "qemu-monitor-event", "--event",
                       "B").out.split()

    known = ["BALLOON_CHANGE", "BLOCK_IO_ERROR", "BLOCK_JOB_CANCELLED", "BLOCK_JOB_COMPLETED",
             "BLOCK_JOB_READY", "BLOCK_WRITE_THRESHOLD"]
    asked = complete(test_uri)
    assert set(known) < set(asked) and "BLOCK_EXPORT_DELETED" in asked
    assert complete("qemu:///embed?monitor=/nowhere/x.qmp") == known


@pytest.mark.parametrize("words, error", [
    (["nosuch"], "failed to get domain 'nosuch'"),
    (["guest", "--format", "xml"], "unknown format 'xml', expecting 'text' or 'json'"),
    (["guest", "--format", "json", "--pretty"],
     "Options --format and --pretty are mutually exclusive"),
])
def test_event_list_errors(qemu, words, error):
    ours = virtmon(uri_of(qemu.watch), "qemu-event-list", *words)
    assert (ours.status, ours.err) == (1, f"error: {error}\n")


def test_event_list_of_a_qemu_that_tells_none(peer, folder):
    def refuse(one, command, _fds):
        one.send(json.dumps({"error": {"class": "CommandNotFound", "desc": "no such thing"},
                             "id": command["id"]}).encode() + b"\r\n")

    peer("g.qmp", guest="guest", on_command=refuse)
    ours = virtmon(uri_of(folder / "g.qmp"), "qemu-event-list", "guest")
    assert (ours.status, ours.out) == (1, "\n")
    assert re.fullmatch("error: QEMU does not tell its schema: no such thing\n", ours.err)
