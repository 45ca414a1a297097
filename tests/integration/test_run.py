#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make run`, and how CI counts."""
import json
import pathlib
import re
import subprocess
import sys
import time

import pytest
from conftest import BUILD, DEADLINE, WITH_US, Output

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"


@pytest.fixture
def run():
    """Starts scripts/run; ended if it doesn't by itself."""
    started = []

    def start(*args):
        started.append(subprocess.Popen(
            [*WITH_US, sys.executable, SCRIPTS / "run", "--build", BUILD, *map(str, args)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return Output(started[-1])

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=DEADLINE)
        process.stdout.close()
        process.stderr.close()


def test_the_demonstration_ends_by_itself(run):
    output = run("--accel", "tcg")
    assert output.finish() == 0, output.err
    assert output.err == []
    events = [line for line in output.out if line.startswith("event ") and " domain " in line]
    raw = [line.split()[1] for line in events if " at " in line]
    typed = [line.split()[1] for line in events if " at " not in line]
    assert set(raw) >= {"BLOCK_JOB_COMPLETED", "DEVICE_DELETED", "DEVICE_TRAY_MOVED",
                        "GUEST_CRASHLOADED", "RESET", "RESUME", "RTC_CHANGE", "SHUTDOWN", "STOP"}
    assert set(typed) >= {"'block-job'", "'block-job-2'", "'device-removed'", "'lifecycle'",
                          "'reboot'", "'rtc-change'", "'tray-change'"}
    for told in (raw, typed):
        names = sorted(set(told))
        assert f"--- {len(names)} kinds of events: {', '.join(names)}" in output.out
        assert f"events received: {len(told)}" in output.out


def test_a_qemu_that_runs_is_followed(run, start_qemu, folder):
    """Also at a path that would be a pattern, until Ctrl-C."""
    odd = folder / "a[1]*"
    odd.mkdir()
    qemu = start_qemu(watch=odd / "m.qmp")
    output = run("--monitor", qemu.watch)
    output.take(1)
    # It says when it has begun, but not when it is connected.
    deadline = time.monotonic() + DEADLINE
    while not any(line.startswith("event RESET at ") for line in output.out):
        assert time.monotonic() < deadline and output.open, output.err
        qemu.command("system_reset")
        output.read(time.monotonic() + 0.1)
    assert output.interrupt() == 0
    assert "event loop interrupted" in output.out


@pytest.mark.parametrize("arguments, complaint", [
    (["--monitor", "/nonexistent"], "run: '/nonexistent': No such file or directory"),
    (["--monitor", "/"], "run: '/' is no socket; MONITOR= takes the path of a QMP socket"),
])
def test_what_is_wrong_is_said(run, arguments, complaint):
    output = run(*arguments)
    assert output.finish() == 1
    assert output.err == [complaint]


def summary(folder, tests, *options, status=None):
    logs = folder / "build-x" / "meson-logs"
    logs.mkdir(parents=True)
    (logs / "testlog.json").write_text("\n".join(json.dumps(test) for test in tests))
    if status is not None:
        (folder / "build-x" / "ci.status").write_text(f"{status}\n")
    result = subprocess.run([SCRIPTS / "summary", *options, folder / "build-x", folder / "none"],
                            stdout=subprocess.PIPE, text=True, check=False)
    return result.returncode, result.stdout.splitlines()


TAP = "ok 1 one\nnot ok 2 - two\n# not ok 9 no\nok 3 three # SKIP because\nok 4\n1..4\n"


@pytest.mark.parametrize("tests, options, status, code, last, mention", [
    ([("a", "OK", "ok 1 x\nok 2 y\n1..2\n"), ("b", "OK", "")], [], 0, 0,
     "3 passed, 0 failed, 0 skipped", None),
    ([("a", "FAIL", TAP)], [], 1, 1, "2 passed, 1 failed, 1 skipped", "failed: build-x: a: two"),
    ([("a", "OK", TAP.replace("not ", ""))], [], 0, 0, "3 passed, 0 failed, 1 skipped",
     "skipped: build-x: a: three: because"),
    ([("a", "TIMEOUT", "ok 1 x\n")], [], 1, 1, "1 passed, 1 failed, 0 skipped",
     "failed: build-x: a: TIMEOUT"),
    ([("a", "ERROR", "ok 1 x\n1..1\n")], [], 1, 1, "1 passed, 1 failed, 0 skipped", None),
    ([("a", "SKIP", "no luck")], [], 0, 1, "0 passed, 0 failed, 1 skipped",
     "skipped: build-x: a: no luck"),
    ([("a", "OK", "")], ["--broken", "2"], 0, 1, "1 passed, 2 failed, 0 skipped", None),
    ([("a", "OK", "")], [], 125, 1, "1 passed, 1 failed, 0 skipped",
     "failed: build-x: meson test ended with 125"),
    ([], [], None, 1, "0 passed, 0 failed, 0 skipped", None),
])
def test_how_ci_counts(folder, tests, options, status, code, last, mention):
    got, lines = summary(folder, [{"name": name, "result": result, "stdout": stdout}
                                  for name, result, stdout in tests], *options, status=status)
    assert (got, lines[-1]) == (code, last)
    assert re.fullmatch(r"\d+ passed, \d+ failed, \d+ skipped", lines[-1])
    assert mention is None or mention in lines
