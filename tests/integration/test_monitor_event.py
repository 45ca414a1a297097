#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""qemu-monitor-event: what virsh prints, byte for byte, and what it can do beyond that."""
import calendar
import json
import os
import re
import select
import signal
import subprocess
import threading
import time

import pytest
from conftest import BUILD, DEADLINE, uri_of
from qmppeer import event
from shellwatch import on_a_terminal, virsh, virtmon, watch

COMMAND = "qemu-monitor-event"
UUID = "11111111-2222-3333-4444-555555555555"
# When the events of line() were.
STAMP = 1700000000


def line(name, data=None, stamp=(STAMP, 5)):
    """An event of which the data is any JSON text, or none; so is its time."""
    parts = []
    if stamp:
        parts.append(f'"timestamp": {{"seconds": {stamp[0]}, "microseconds": {stamp[1]}}}')
    parts.append(f'"event": {json.dumps(name)}')
    if data is not None:
        parts.append(f'"data": {data}')
    return ("{" + ", ".join(parts) + "}\r\n").encode()


@pytest.fixture(name="guest")
def guest_fixture(peer):
    """A QEMU that says what a test wants it to, and its URI."""
    one = peer("g.qmp", guest="guest", uuid=UUID)
    one.uri = uri_of(one.path)
    return one


# --- what is printed ---

# What QEMU sent, and what is printed of it plainly and with --pretty.
DETAILS = {
    '{"a": 1.50, "b": [1, {"c": null}]}': (
        ['{"a":1.50,"b":[1,{"c":null}]}'],
        ["{", '  "a": 1.50,', '  "b": [', "    1,", "    {", '      "c": null', "    }", "  ]",
         "}", ""]),
    "{}": (["{}"], ["{", "", "}", ""]),
    "[]": (["[]"], ["[", "", "]", ""]),
    '[1, "b"]': (['[1,"b"]'], ["[", "  1,", '  "b"', "]", ""]),
    "null": (["null"], ["null", ""]),
    '"x"': (['"x"'], ['"x"', ""]),
    "1e3": (["1e3"], ["1e3", ""]),
    r'"\u00e9\/\u0001"': (['"é/\\u0001"'], ['"é/\\u0001"', ""]),
    None: (["<null>"], ["<null>"]),
}


@pytest.mark.parametrize("pretty", [False, True], ids=["plain", "pretty"])
def test_lines(guest, shell, pretty):
    watcher = watch(shell, guest.uri, COMMAND, "--loop", *(["--pretty"] if pretty else []))
    expected = []
    for data, lines in DETAILS.items():
        guest.send(line("X_EV", data))
        first, *rest = lines[pretty]
        expected += [f"event X_EV at {STAMP}.000005 for domain 'guest': {first}", *rest]
    assert watcher.take(len(expected)) == expected
    assert watcher.interrupt() == 0
    assert watcher.out[len(expected):] == ["event loop interrupted",
                                           f"events received: {len(DETAILS)}", ""]
    assert watcher.err == []


@pytest.mark.parametrize("stamp, expected", [
    ((0, 0), "0.000000"), ((STAMP, 999999), f"{STAMP}.999999"), (None, "-1.000000"),
    ((-1, -1), "-1.000000"),
])
def test_times(guest, shell, stamp, expected):
    watcher = watch(shell, guest.uri, COMMAND)
    guest.send(line("E", stamp=stamp))
    assert watcher.finish() == 0
    assert watcher.out == [f"event E at {expected} for domain 'guest': <null>",
                           "events received: 1", ""]


def test_timestamp(guest, shell):
    before = time.time()
    watcher = watch(shell, guest.uri, COMMAND, "--timestamp")
    guest.send(line("E", "{}"))
    assert watcher.finish() == 0
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{3})\+0000: "
                         r"event E for domain 'guest': \{\}", watcher.out[0])
    printed = calendar.timegm(time.strptime(found[1], "%Y-%m-%d %H:%M:%S"))
    assert int(before) <= printed <= time.time()


@pytest.mark.parametrize("options", [
    ["--loop", "--timeout", "1"], ["--loop", "--timeout", "1", "--pretty"], [],
    ["--pretty", "--timeout", "9"], ["--no-case", "--regex", "--event", "x"],
    ["--domain", "test", "--event", "y", "--no-case"], ["test", "z", "1"],
], ids=" ".join)
@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["loud", "quiet"])
def test_all_as_virsh_prints_it(test_uri, quiet, options):
    fakes = {"FAKE_EVENTS": "1", "FAKE_TELL": "1"}
    ours = virtmon(test_uri, *quiet, COMMAND, *options, fakes=fakes)
    assert "events received:" in ours.out
    # a name that no QEMU has is warned about only here
    ours.err = re.sub("warning: .*\n", "", ours.err)
    assert ours == virsh(*quiet, COMMAND, *options, fakes=fakes)


@pytest.mark.parametrize("options", [
    ["--bogus"], ["nosuch", "--timeout", "0"], ["--timeout", "-1"], ["--timeout", "1.5"],
    ["--timeout", "abc"], ["--timeout", "2147484"], ["test", "STOP", "x"], ["--event", ""],
    ["--domain", ""], ["nosuch"], ["--domain", "7"], ["a", "b", "3", "d"], ["--event"],
], ids=" ".join)
def test_errors_as_virsh_has_them(test_uri, options):
    ours = virtmon(test_uri, COMMAND, *options)
    assert ours.status == 1
    assert ours == virsh(COMMAND, *options)


@pytest.mark.parametrize("options, error", [
    (["--regex", "--event", "((("], "invalid argument: failed to compile regex '((('"),
    (["--regex", "--glob"], "Options --regex and --glob are mutually exclusive"),
    (["--count", "0"], "Numeric value '0' for <count> option is malformed or out of range"),
    (["--format", "xml"], "unknown format 'xml', expecting 'text' or 'json'"),
    (["--format", "json", "--pretty"], "Options --format and --pretty are mutually exclusive"),
    (["--format", "json", "--timestamp"],
     "Options --format and --timestamp are mutually exclusive"),
    (["--by-name"], "option --by-name needs --domain"),
    (["--event", "STOP", "--event", ""], "Failed to get option 'event': Option argument is empty"),
    (["--domain", "guest", "--domain", "nosuch"], "failed to get domain 'nosuch'"),
])
def test_errors_of_our_own(guest, options, error):
    ours = virtmon(guest.uri, COMMAND, *options)
    assert ours.status == 1
    assert ours.err.startswith(f"error: {error}")
    assert len(ours.err.splitlines()) == 1
    assert ours.out in ("\n", "")


def test_read_only_is_refused(guest):
    ours = virtmon(guest.uri, "-r", COMMAND)
    assert (ours.status, ours.out) == (1, "\n")
    assert ours.err == ("error: operation forbidden: read only access prevents "
                        "virConnectDomainQemuMonitorEventRegister\n")


# --- how it ends ---

def test_one_shot_prints_exactly_one(guest, shell):
    watcher = watch(shell, guest.uri, COMMAND)
    guest.send(b"".join(line(f"E{number}") for number in range(5000)))
    assert watcher.finish() == 0
    assert watcher.out == [f"event E0 at {STAMP}.000005 for domain 'guest': <null>",
                           "events received: 1", ""]


@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["loud", "quiet"])
@pytest.mark.parametrize("count", [0, 2])
def test_time_is_up(guest, shell, count, quiet):
    watcher = watch(shell, guest.uri, *quiet, COMMAND, "--loop", "--timeout", "1")
    guest.send(line("E") * count)
    assert watcher.finish() == (0 if count else 1)
    assert watcher.out[count:] == ["event loop timed out", f"events received: {count}",
                                   *([] if quiet else [""])]


@pytest.mark.parametrize("count", [0, 3])
def test_interrupt(guest, shell, count):
    watcher = watch(shell, guest.uri, COMMAND, "--loop")
    guest.send(line("E") * count)
    watcher.take(count)
    assert watcher.interrupt() == (0 if count else 1)
    assert watcher.out[count:] == ["event loop interrupted", f"events received: {count}", ""]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_kill(guest, shell, number):
    watcher = watch(shell, guest.uri, COMMAND, "--loop")
    guest.send(line("E"))
    watcher.take(1)
    assert watcher.end(number) == -number
    assert len(watcher.out) == 1


def test_a_reader_that_has_enough(guest, shell):
    watcher = watch(shell, guest.uri, COMMAND, "--loop")
    guest.send(line("E"))
    watcher.take(1)
    process = watcher.output.process
    process.stdout.close()
    guest.send(line("E"))
    assert process.wait(timeout=DEADLINE) != 0


def test_each_line_is_out_when_it_is_printed(guest, shell, folder):
    path = folder / "out"
    with open(path, "wb") as out:
        process = subprocess.Popen([BUILD / "tools" / "virtmon", "-c", guest.uri, "-d", "2",
                                    COMMAND, "--loop"], stdout=out, stderr=subprocess.PIPE,
                                   env={**os.environ, "LC_ALL": "C.UTF-8"})
    try:
        while b"waiting for events" not in process.stderr.readline():
            pass
        for number in range(1, 4):
            guest.send(line("E"))
            deadline = time.monotonic() + DEADLINE
            while path.read_bytes().count(b"\n") < number:
                assert time.monotonic() < deadline
                select.select([], [], [], 0.01)
            assert process.poll() is None
    finally:
        process.kill()
        process.wait(timeout=DEADLINE)
        process.stderr.close()


def test_interrupted_in_the_middle_of_a_script(guest, shell):
    """The signal ends the command, not the shell; the next command runs."""
    watcher = watch(shell, guest.uri, "-q", f"{COMMAND} --loop; domname 1")
    assert watcher.interrupt() == 0
    assert watcher.out == ["event loop interrupted", "events received: 0", "guest"]


# --- which events ---

@pytest.mark.parametrize("options, expected", [
    (["--event", "STOP"], ["STOP"]),
    (["--event", "UME"], []),
    (["--event", "stop"], []),
    (["--event", "ST*"], []),
    (["--regex", "--event", "UME"], ["RESUME"]),
    (["--regex", "--event", "^RES"], ["RESUME", "RESET"]),
    (["--regex", "--event", "STOP|RESUME"], ["STOP", "RESUME"]),
    (["--regex", "--event", r"STOP\|RESUME"], []),
    (["--regex", "--event", r"^(?!STOP)\w+E\b"], ["RESUME"]),
    (["--no-case", "--event", "stop"], ["STOP"]),
    (["--no-case", "--event", "sto"], []),
    (["--regex", "--no-case", "--event", "^st"], ["STOP"]),
    (["--glob", "--event", "R*"], ["RESUME", "RESET"]),
    (["--glob", "--event", "S?OP"], ["STOP"]),
    (["--glob", "--event", "ES"], []),
    (["--glob", "--no-case", "--event", "res[ae]*"], ["RESET"]),
    (["--event", "STOP", "--event", "RESET"], ["STOP", "RESET"]),
    # each matches; shown once
    (["--regex", "--event", "RES", "--event", "^R", "--event", "T$"], ["RESUME", "RESET"]),
    (["--event", "STOP", "--event", "STOP"], ["STOP"]),
    ([], ["STOP", "RESUME", "RESET"]),
    (["--no-case"], ["STOP", "RESUME", "RESET"]),
    (["--regex"], ["STOP", "RESUME", "RESET"]),
], ids=lambda value: " ".join(value) if value and value[0].startswith("--") else "")
def test_filters(guest, shell, options, expected):
    # the last one shows that the others have been there
    last = ["--event", "THE_END"] if "--event" in options else []
    watcher = watch(shell, guest.uri, COMMAND, "--loop", *options, *last)
    guest.send(b"".join(line(name) for name in ("STOP", "RESUME", "RESET", "THE_END")))
    watcher.take(len(expected) + 1)
    assert watcher.interrupt() == 0
    assert [text.split()[1] for text in watcher.out if " at " in text] == expected + ["THE_END"]


def test_equal_events_are_not_repeats(guest, shell):
    """Only what comes twice because two filters want it is shown once."""
    watcher = watch(shell, guest.uri, COMMAND, "--count", "6", "--glob", "--event", "E*",
                    "--event", "*E")
    guest.send(line("E", "{}") * 3 + line("EE", "{}") * 2 + line("E", "{}"))
    assert watcher.finish() == 0
    assert [text.split()[1] for text in watcher.out[:6]] == ["E", "E", "E", "EE", "EE", "E"]
    assert watcher.out[6:] == ["events received: 6", ""]


def test_two_domains_of_three(peer, folder, shell):
    """Each once, however often it is named."""
    guests = [peer(f"{name}.qmp", guest=name) for name in ("a", "b", "c")]
    watcher = watch(shell, uri_of(folder / "*.qmp"), COMMAND, "--loop", "--domain", "a",
                    "--domain", "c", "--domain", "a", "--event", "STOP", "--event", "END")
    for guest in guests:
        guest.send(line("STOP") + line("OTHER"))
    watcher.take(2)
    for guest in guests:
        guest.send(line("END"))
    watcher.take(4)
    assert watcher.interrupt() == 0
    shown = sorted((text.split()[1], text.split("'")[1]) for text in watcher.out[:4])
    assert shown == [("END", "a"), ("END", "c"), ("STOP", "a"), ("STOP", "c")]
    assert watcher.out[4:] == ["event loop interrupted", "events received: 4", ""]


@pytest.mark.parametrize("domain", ["guest", "1", UUID])
def test_a_domain_by_whatever_names_it(guest, shell, domain):
    watcher = watch(shell, guest.uri, COMMAND, domain, "STOP", "9")
    guest.send(line("RESET") + line("STOP"))
    assert watcher.finish() == 0
    assert watcher.out[0].startswith("event STOP ")


def test_count(guest, shell):
    watcher = watch(shell, guest.uri, COMMAND, "--count", "3")
    guest.send(line("E") * 50)
    assert watcher.finish() == 0
    assert len(watcher.out) == 5
    assert watcher.out[3:] == ["events received: 3", ""]


def test_fewer_than_the_count(guest, shell):
    watcher = watch(shell, guest.uri, COMMAND, "--count", "3", "--timeout", "1")
    guest.send(line("E") * 2)
    assert watcher.finish() == 1
    assert watcher.out[2:] == ["event loop timed out", "events received: 2", ""]


# --- JSON ---

MEMBERS = ["time", "received", "domain", "uuid", "id", "stream", "seq", "event", "data"]


def test_json(guest, shell):
    watcher = watch(shell, guest.uri, COMMAND, "--format", "json", "--loop")
    before = time.time()
    guest.send(line("A", '{"b": {"c": [1.50, "d"]}}') + line("B") + line("C", "null", None) +
               line("D", '"text"', (STAMP, 1700000)) + line("E", "[]", (-1, 0)))
    events = [json.loads(text) for text in watcher.take(5)]
    assert watcher.interrupt() == 0

    assert all(list(one) == MEMBERS for one in events)
    assert [one["event"] for one in events] == ["A", "B", "C", "D", "E"]
    assert [one["data"] for one in events] == [{"b": {"c": [1.5, "d"]}}, None, None, "text", []]
    assert '"c":[1.50,"d"]' in watcher.out[0]
    assert [one["time"] for one in events] == [
        "2023-11-14T22:13:20.000005Z", "2023-11-14T22:13:20.000005Z", None,
        "2023-11-14T22:13:21.700000Z", None]
    assert {(one["domain"], one["uuid"], one["id"]) for one in events} == {("guest", UUID, 1)}
    assert len({one["stream"] for one in events}) == 1
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", events[0]["stream"])
    first = events[0]["seq"]
    assert [one["seq"] for one in events] == list(range(first, first + 5))
    for one in events:
        stamp = calendar.timegm(time.strptime(one["received"][:19], "%Y-%m-%dT%H:%M:%S"))
        assert int(before) <= stamp <= time.time()
        assert re.fullmatch(r"\.\d{6}Z", one["received"][19:])
    # nothing else is on stdout, not even an empty line
    assert len(watcher.out) == 5
    assert watcher.err == ["event loop interrupted", "events received: 5"]


def test_json_without_a_number(test_uri):
    """A driver that doesn't number events, as other daemons don't."""
    ours = virtmon(test_uri, COMMAND, "--format", "json", fakes={"FAKE_EVENTS": "1"})
    one = json.loads(ours.out)
    assert list(one) == MEMBERS
    assert (one["stream"], one["seq"]) == (None, None)
    assert one["received"]
    assert (ours.status, ours.err) == (0, "events received: 1\n")


def test_json_of_a_real_qemu(qemu, shell):
    watcher = watch(shell, uri_of(qemu.watch), COMMAND, "--format", "json", "--loop")
    qemu.command("stop")
    qemu.command("cont")
    qemu.command("system_reset")
    events = [json.loads(text) for text in watcher.take(3)]
    assert watcher.interrupt() == 0
    qemu.qmp.wait_event("RESET")
    for one, told in zip(events, qemu.qmp.events):
        assert one["event"] == told["event"]
        assert one["data"] == told.get("data")
        assert one["time"].endswith(f".{told['timestamp']['microseconds']:06}Z")


# --- names that no event has ---

@pytest.mark.parametrize("options, warned", [
    (["--event", "STPO"], "STOP"), (["--event", "stop"], "STOP"),
    (["--event", "stop", "--no-case"], None), (["--event", "STOP"], None),
    (["--event", "DEVICE_TRAY_MOVE"], "DEVICE_TRAY_MOVED"),
    (["--event", "VIRTMON_EVENTS_LOST", "--event", "STOP"], None),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
@pytest.mark.parametrize("domain", [[], ["--domain", "guest"]], ids=["any", "one"])
def test_misspelt(qemu, shell, options, warned, domain):
    watcher = watch(shell, uri_of(qemu.watch), COMMAND, *domain, *options)
    watcher.wait_checked()
    # it is only a warning: the watch goes on
    assert watcher.interrupt() == 1
    name = options[1]
    assert watcher.err == ([f"warning: QEMU of domain 'guest' has no event '{name}'; the nearest "
                            f"that it has is '{warned}'"] if warned else [])


def test_misspelt_one_of_several(qemu, shell):
    watcher = watch(shell, uri_of(qemu.watch), COMMAND, "--event", "STOP", "--event", "RESUM")
    watcher.wait_checked()
    qemu.command("stop")
    assert watcher.finish() == 0
    assert [text.split("'")[3] for text in watcher.err] == ["RESUM"]


def test_a_qemu_that_tells_no_names(guest, shell):
    watcher = watch(shell, guest.uri, COMMAND, "--event", "WHATEVER")
    watcher.wait_checked()
    guest.send(line("WHATEVER"))
    assert watcher.finish() == 0
    assert watcher.err == []


@pytest.mark.parametrize("pattern", ["--regex", "--glob"])
def test_patterns_are_no_names(guest, shell, pattern):
    """QEMU isn't asked."""
    watcher = watch(shell, guest.uri, COMMAND, "--event", "STPO", pattern, "--timeout", "1")
    assert watcher.finish() == 1
    assert watcher.err == []
    assert not any(one["execute"] == "query-qmp-schema" for one in guest.commands)


def test_a_qemu_that_does_not_answer(peer, folder, shell):
    """The watch doesn't wait for it: not for an event, and not for its own end."""
    one = peer("g.qmp", guest="guest", on_command=lambda *args: None)
    watcher = watch(shell, uri_of(folder / "g.qmp"), "-q",
                    f"{COMMAND} --event STPO; {COMMAND} --event STPO --timeout 1")
    one.wait_command("query-qmp-schema")
    one.send(line("STPO"))
    assert watcher.finish() == 1
    assert watcher.out == [f"event STPO at {STAMP}.000005 for domain 'guest': <null>",
                           "events received: 1", "event loop timed out", "events received: 0"]
    assert watcher.err == []


# --- domains that go and come back ---

def test_it_comes_back_with_its_uuid(start_qemu, shell):
    first = start_qemu(args=["-uuid", UUID])
    watcher = watch(shell, uri_of(first.watch), COMMAND, "--domain", "guest", "--loop")
    first.command("quit")
    watcher.wait_err("domain 'guest' is gone; waiting for it to come back")
    first.process.wait(timeout=DEADLINE)

    second = start_qemu(args=["-uuid", UUID])
    count = len(watcher.out)
    tell_until_seen(second, watcher, count)
    assert watcher.interrupt() == 0
    assert watcher.out[0].startswith("event SHUTDOWN ")
    assert any(text.startswith("event RESET ") for text in watcher.out[count:])
    assert watcher.out[-2:] == [f"events received: {len(watcher.out) - 3}", ""]
    assert watcher.err == ["warning: domain 'guest' is gone; waiting for it to come back"]


def tell_until_seen(qemu, watcher, count):
    """It is not told when the watch has found the new QEMU: make it say something until then."""
    deadline = time.monotonic() + DEADLINE
    while len(watcher.out) <= count:
        assert time.monotonic() < deadline
        qemu.command("system_reset")
        watcher.output.read(time.monotonic() + 0.1)


def test_by_name_it_need_not_have_a_uuid(start_qemu, shell, folder):
    """Without -uuid each start is another domain; the name is the same. It need not run yet."""
    path = folder / "guest.qmp"
    watcher = watch(shell, uri_of(path), COMMAND, "--domain", "guest", "--by-name", "--loop",
                    "--event", "RESET", "--event", "SHUTDOWN", "--format", "json")
    first = start_qemu()
    tell_until_seen(first, watcher, 0)
    first.command("quit")
    watcher.wait_err("domain 'guest' is gone; waiting for it to come back")
    first.process.wait(timeout=DEADLINE)
    count = len(watcher.out)
    tell_until_seen(start_qemu(), watcher, count)
    assert watcher.interrupt() == 0
    events = [json.loads(text) for text in watcher.out]
    assert len({one["uuid"] for one in events}) == 2
    assert {one["domain"] for one in events} == {"guest"}


def test_by_name_only_that_name(peer, folder, shell):
    other = peer("a.qmp", guest="other")
    guest = peer("b.qmp", guest="guest")
    watcher = watch(shell, uri_of(folder / "*.qmp"), COMMAND, "--by-name", "--domain", "guest",
                    "--loop")
    other.send(line("E"))
    guest.send(line("E"))
    other.send(line("E"))
    watcher.take(1)
    other.hang_up()
    guest.send(line("END"))
    watcher.take(2)
    assert watcher.interrupt() == 0
    assert [text.split("'")[1] for text in watcher.out[:2]] == ["guest", "guest"]
    assert watcher.err == []


def test_one_shot_waits_for_a_domain_that_has_gone(start_qemu, shell):
    first = start_qemu(args=["-uuid", UUID])
    watcher = watch(shell, uri_of(first.watch), COMMAND, "guest", "RESET")
    first.command("quit")
    watcher.wait_err("is gone")
    first.process.wait(timeout=DEADLINE)
    tell_until_seen(start_qemu(args=["-uuid", UUID]), watcher, 0)
    assert watcher.finish() == 0
    assert watcher.out[1:] == ["events received: 1", ""]


# --- events that were lost ---

# More than a stream may hold in the queue.
FLOOD_EVENTS = 40
FLOOD_BYTES = 1024 * 1024


@pytest.mark.parametrize("options, shown", [([], True), (["--event", "FLOOD"], False)],
                         ids=["all", "one"])
def test_lost(guest, shell, options, shown):
    """Nobody reads what is printed, so the events pile up behind it."""
    watcher = watch(shell, guest.uri, COMMAND, "--loop", *options)
    if options:
        # no answer in the middle of an event
        watcher.wait_checked()
    large = line("FLOOD", '{"text": "' + "x" * FLOOD_BYTES + '"}')
    # QEMU is read whatever happens
    flood = threading.Thread(target=lambda: [guest.send(large) for _ in range(FLOOD_EVENTS)])
    flood.start()
    flood.join(timeout=DEADLINE)
    assert not flood.is_alive()

    # from here on what is printed is read, and at some time events are accepted again
    markers = 0
    deadline = time.monotonic() + DEADLINE
    while not watcher.out[-1:] or '"after ' not in watcher.out[-1]:
        assert time.monotonic() < deadline
        guest.send(line("FLOOD", f'"after {markers}"'))
        markers += 1
        watcher.output.read(time.monotonic() + 0.1)
    assert watcher.interrupt() == 0

    notices = [text for text in watcher.out if text.startswith("event VIRTMON_EVENTS_LOST ")]
    floods = [text for text in watcher.out if "xxx" in text]
    first = next(text for text in watcher.out if '"after ' in text)
    lost = FLOOD_EVENTS - len(floods) + int(re.search(r'"after (\d+)"', first)[1])
    assert lost > 0
    assert watcher.err[-1] == f"warning: events lost: {lost}"
    told = [json.loads(text.split(": ", 1)[1]) for text in notices]
    assert sum(one["count"] for one in told) == (lost if shown else 0)
    if shown:
        # in the place of those that are missing: events are numbered from 1
        place = watcher.out.index(notices[0])
        assert told[0]["from"] == place + 1


# --- terminals ---

HOSTILE = "A\x1b[2J\nB\x7f\u009bC\u202eD"
# of what a terminal obeys
RAW = [b"\x1b", b"\x7f", "\u009b".encode(), "\u202e".encode()]


@pytest.mark.parametrize("options", [[], ["--pretty"], ["--timestamp"], ["--format", "json"]],
                         ids=" ".join)
def test_nothing_that_a_terminal_obeys(guest, options):
    data = json.dumps({"k" + HOSTILE: HOSTILE}, ensure_ascii=False)
    text = on_a_terminal(guest.uri, lambda: guest.send(line(HOSTILE, data)), COMMAND, *options)
    assert not any(raw in text for raw in RAW)
    if "json" in options:
        one = json.loads(next(row for row in text.splitlines() if row.startswith(b"{")))
        assert one["event"] == HOSTILE
        assert one["data"] == {"k" + HOSTILE: HOSTILE}
    else:
        assert rb"event A\x1b[2J\x0aB\x7f\u{009b}C\u{202e}D " in text


def test_elsewhere_as_it_is(guest, shell):
    watcher = watch(shell, guest.uri, COMMAND)
    guest.send(line(HOSTILE.replace("\n", "")))
    assert watcher.finish() == 0
    assert watcher.out[0].startswith(f"event {HOSTILE} at ".replace("\n", ""))


def test_the_name_of_a_domain_on_a_terminal(peer, folder):
    guest = peer("g.qmp", guest="e\u202egnirts")
    text = on_a_terminal(uri_of(folder / "g.qmp"), lambda: guest.send(event("STOP")), COMMAND)
    assert "\u202e".encode() not in text
    assert rb"for domain 'e\u{202e}gnirts': <null>" in text


# --- completion ---

def test_event_names_are_completed(qemu):
    ours = virtmon(uri_of(qemu.watch), "complete", "--", COMMAND, "--event", "ST")
    assert ours.status == 0
    assert "STOP" in ours.out.split()
    assert all(word.startswith("ST") for word in ours.out.split())
