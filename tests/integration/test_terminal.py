#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest, a QEMU or a daemon says steers no terminal: every command of the shell that prints
such things, on a real terminal, where all but text is escaped, and into a pipe, where it is data.

The guest here has in its events, their details, its answers and its errors whatever a terminal takes
for an order: escapes, their one-character forms, letters that turn the text around. The driver takes
no such name; a daemon that is none may send one, so the name is libvirt's as fakelibvirt.c has it.
"""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
import qmppeer
from conftest import BUILD, DEADLINE, PRELOAD, WITH_US, uri_of
from shellwatch import faked

VIRTMON = str(BUILD / "tools" / "virtmon")
# A title, a colour by C1, an override of the direction, backspaces, a bell.
EVIL = "\x1b]0;owned\x07e\u009b31mv\u202ei\x08\x7fl\u2066"
SAFE = r"\x1b]0;owned\x07e\u{009b}31mv\u{202e}i\x08\x7fl\u{2066}"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e1930"
# Line ends, and the tabs of messages.
HARMLESS = re.compile(r"[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\r\n\t]")


def evil_answer(peer, command, _fds):
    """Errors, and what is asked for by hand."""
    if command["execute"] == "evil-error":
        peer.send(json.dumps({"error": {"class": "Generic" + EVIL, "desc": EVIL},
                              "id": command["id"]}).encode() + b"\r\n")
    elif command["execute"] in ("stop", "cont", "system_reset", "system_powerdown", "quit"):
        peer.send(json.dumps({"error": {"class": "GenericError", "desc": EVIL},
                              "id": command["id"]}).encode() + b"\r\n")
    else:
        peer.reply(command, {"text": EVIL, EVIL: 1})


@pytest.fixture
def evil(peer):
    one = peer("evil.qmp", guest=EVIL, uuid=UUID, on_command=evil_answer)
    one.answers["query-version"] = {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": EVIL}
    one.answers["query-target"] = {"arch": "x86_64"}
    return one


def preset(name=EVIL):
    """Words before the shell's: not in the environment of what starts it, which has no libvirt."""
    return ["env", *(f"{word}={value}" for word, value in faked({"FAKE_NAME": name}).items())]


class Screen:
    """A shell whose output and errors are a terminal's; what has come to it."""

    def __init__(self, *words):
        primary, secondary = pty.openpty()
        self.primary = primary
        try:
            self.process = subprocess.Popen(
                [*WITH_US, *preset(), VIRTMON, *map(str, words)], stdin=subprocess.DEVNULL,
                stdout=secondary, stderr=secondary, env={**os.environ, "LC_ALL": "C.UTF-8"})
        finally:
            os.close(secondary)
        self.data = b""

    def read(self, deadline):
        """Something more; False at the end."""
        if not select.select([self.primary], [], [], max(0, deadline - time.monotonic()))[0]:
            pytest.fail(f"nothing more comes after {self.text()!r}")
        try:
            chunk = os.read(self.primary, 65536)
        except OSError:                 # nobody has the other end any more
            chunk = b""
        self.data += chunk
        return bool(chunk)

    def text(self):
        return self.data.decode(errors="surrogateescape")

    def wait_for(self, text):
        deadline = time.monotonic() + DEADLINE
        while text not in self.text():
            assert self.read(deadline), self.text()

    def finish(self):
        deadline = time.monotonic() + DEADLINE
        while self.read(deadline):
            pass
        self.process.wait(timeout=DEADLINE)
        return self.text()

    def close(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        os.close(self.primary)


@pytest.fixture
def screen():
    started = []

    def start(*words):
        started.append(Screen(*words))
        return started[-1]

    yield start
    for one in started:
        one.close()


def assert_harmless(text):
    bad = HARMLESS.sub("", text)
    assert not bad, (bad, text)


# Whatever prints something of a guest, by a name, or by an error.
COMMANDS = [
    "list", "list --name", "list --uuid --name", f"dominfo {UUID}",
    f"domname {UUID}", f"domid {UUID}", f"domuuid {UUID}", f"domstate {UUID} --reason",
    f"dumpxml {UUID}", "list --title", "hostname", f"domstate '{EVIL}'", f"destroy '{EVIL}'",
    "version", "version --daemon", "capabilities", "uri",
    f"suspend {UUID}", f"resume {UUID}", f"reset {UUID}", f"shutdown {UUID}", f"reboot {UUID}",
    f"qemu-monitor-command {UUID} '{{\"execute\":\"evil\"}}'",
    f"qemu-monitor-command {UUID} --pretty '{{\"execute\":\"evil\"}}'",
    f"qemu-monitor-command {UUID} --return-value '{{\"execute\":\"evil\"}}'",
    f"qemu-monitor-command {UUID} '{{\"execute\":\"evil-error\"}}'",
    f"qemu-monitor-command {UUID} --hmp info",
    f"qemu-agent-command {UUID} '{{\"execute\":\"guest-info\"}}'",
    f"qemu-event-list {UUID}", f"qemu-attach {os.getpid()}",
    f"domstate 'x{EVIL}'", f"echo '{EVIL}'", f"echo --xml '{EVIL}'",
    f"'{EVIL}'", f"list --{EVIL}", f"help '{EVIL}'", f"cd '/{EVIL}'",
    f"connect 'qemu:///{EVIL}'", f"qemu-monitor-event --domain '{EVIL}x'",
    f"qemu-monitor-event --regex --event '((({EVIL}'", "complete -- domstate ''",
    f"desc {UUID}", f"desc {UUID} 'a{EVIL}'; desc {UUID}", f"metadata {UUID} '{EVIL}'",
    f"metadata {UUID} urn:e k '<a>\u202eo</a>'; metadata {UUID} urn:e",
]


def commands():
    """Of the shell, as its help lists them."""
    done = subprocess.run([VIRTMON, "help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"^    ([a-z-]+) ", done.stdout, re.M))


def test_every_command_is_among_them():
    """Or has nothing to say of guests, or goes on until it is told to stop, as those below."""
    assert commands() - {line.split()[0] for line in COMMANDS} == {
        "event", "exit", "quit", "pwd"}


@pytest.mark.parametrize("line", COMMANDS, ids=range(len(COMMANDS)))
def test_commands(evil, screen, line):
    text = screen("-c", uri_of(evil.path), line).finish()
    assert_harmless(text)
    assert text.strip()
    if "owned" in text:
        assert re.search(r"\\x1b\]0;owned|\\u001b\]0;owned", text, re.I) or "--xml" in line, text


def test_these_were_not_all_harmless_by_themselves(evil, screen):
    shown = sum("owned" in screen("-c", uri_of(evil.path), line).finish() for line in COMMANDS[:12])
    assert shown >= 7


def test_into_a_pipe_it_is_data(evil):
    """As a script wants it."""
    def printed(*words):
        return subprocess.run([*WITH_US, *preset(), VIRTMON, "-c", uri_of(evil.path), *words],
                              capture_output=True, text=True, check=True, timeout=DEADLINE).stdout

    assert EVIL in printed("list", "--name")
    # But not to complete a word by: bash would show it.
    assert "owned" not in printed("complete", "--", "domstate", "")


@pytest.mark.parametrize("words", [
    ["qemu-monitor-event", "--loop"], ["qemu-monitor-event", "--loop", "--pretty"],
    ["qemu-monitor-event", "--loop", "--timestamp"],
    ["qemu-monitor-event", "--loop", "--format", "json"],
    ["event", "--all", "--loop"], ["event", "--all", "--loop", "--timestamp"]], ids=" ".join)
def test_events(evil, screen, words):
    """Names, details, and libvirt's own events that follow."""
    one = screen("-c", uri_of(evil.path), *words)
    evil.wait_command("query-status")
    deadline = time.monotonic() + DEADLINE
    end = "SHUTDOWN" if words[0] != "event" else "BLOCK_JOB_COMPLETED"
    while "done" not in one.text() and time.monotonic() < deadline:
        evil.send(qmppeer.event(EVIL, text=EVIL, **{EVIL: [EVIL, None]}))
        evil.send(qmppeer.event("BLOCK_IO_ERROR", device=EVIL, operation="read", action="report",
                                nospace=False, reason=EVIL, **{"node-name": EVIL}))
        evil.send(qmppeer.event("DEVICE_DELETED", device=EVIL, path=EVIL))
        evil.send(qmppeer.event("DEVICE_TRAY_MOVED", device=EVIL, id=EVIL, **{"tray-open": True}))
        evil.send(qmppeer.event(end, device="done", type="mirror", len=1, offset=1, speed=0))
        evil.send(qmppeer.event("DEVICE_DELETED", device="done", path="done"))
        if select.select([one.primary], [], [], 0.05)[0]:
            one.read(deadline)
    one.process.send_signal(signal.SIGINT)
    text = one.finish()
    assert_harmless(text)
    assert "done" in text and ("owned" in text)


def test_errors_of_the_library(evil):
    """Those that it prints by itself, where nobody has said otherwise; a log on a terminal."""
    code = ("import ctypes, os, sys\n"
            "lib = ctypes.CDLL(sys.argv[1])\n"
            "lib.virConnectOpen.restype = ctypes.c_void_p\n"
            "lib.virConnectOpen(os.fsencode(sys.argv[2]))\n")
    primary, secondary = pty.openpty()
    try:
        subprocess.run(["/usr/bin/python3", "-c", code, str(BUILD / "src" / "libvirt.so.0"),
                        f"none://{EVIL}"], stderr=secondary, check=True, timeout=DEADLINE,
                       env={**os.environ, "LC_ALL": "C.UTF-8", "LIBVIRT_DEBUG": "1",
                            "LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "detect_leaks=0"})
        text = os.read(primary, 65536).decode()
    finally:
        os.close(primary)
        os.close(secondary)
    assert_harmless(text)
    assert "owned" in text


def test_the_prompt_offers_no_such_word(evil, folder):
    """Tab, Tab: nothing, instead of a name that readline would show as it is."""
    primary, secondary = pty.openpty()
    process = subprocess.Popen([*WITH_US, *preset(), VIRTMON, "-c", uri_of(evil.path)],
                               stdin=secondary, stdout=secondary, stderr=secondary,
                               env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(folder),
                                    "TERM": "dumb"})
    os.close(secondary)
    text = b""
    try:
        def read_until(what):
            nonlocal text
            deadline = time.monotonic() + DEADLINE
            while what not in text:
                assert select.select([primary], [], [], deadline - time.monotonic())[0], text
                text += os.read(primary, 65536)

        read_until(b"virtmon # ")
        os.write(primary, b"list\n")
        read_until(rb"\x1b]0;owned")
        # Options are all that there is to offer; then the line is taken back.
        os.write(primary, b"domstate \t\t\t\x15echo e'n'd\n")
        read_until(b"end\r\n")
    finally:
        process.kill()
        process.wait(timeout=DEADLINE)
        os.close(primary)
    assert text.count(b"owned") == 1
    # readline's own: the bell, for want of a word, and what takes the line back.
    assert_harmless(re.sub("[\x07\b]", "", text.decode()))
