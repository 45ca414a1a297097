# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run in which a guest storms: what its reader gets, and how everybody else fares."""
import contextlib
import os
import re
import select
import subprocess
import threading
import time

from subjects import WITH_US, virsh, wait_for
from measuring import Client, events_client
from realguest import EVENT, RealGuest
from scenarios import WARM_UP

QUIET = "BENCH_QUIET"           # what quiet guests' events are called
PAUSE_MS = 20                   # between calls
ENDLESS = 10 ** 15              # events: more than any run takes
VIRSH_LISTS = 200               # so that the 99th percentile is not the longest of them


def percentiles(values, complete):
    """Of durations in microseconds."""
    values = sorted(values)
    if not values:
        return {"complete": False, "count": 0}
    return {"complete": complete, "count": len(values), "p50_us": values[len(values) // 2],
            "p99_us": values[len(values) * 99 // 100], "max_us": values[-1]}


class Calls:
    """Lists of domains, one after another, each timed by the program that asks for them."""

    def __init__(self, build, uri, seconds, limit):
        self.count = seconds * 1000 // PAUSE_MS
        self.client = Client([build / "bench" / "calls", uri, self.count, PAUSE_MS], limit)
        self.limit = limit
        self.durations = []

    def start(self):
        """Once it is connected."""
        assert self.client.ready()
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.client.process.stdout:
            self.durations.append(int(line))
            self.last = time.monotonic()

    def result(self):
        """A call that doesn't end within the limit is as long as that at the least; none may have
        failed, after which there are no more."""
        self.last = time.monotonic()
        self.thread.join(self.limit)
        ended = not self.thread.is_alive()
        self.client.process.kill()
        self.thread.join()
        pending = [] if ended else [int((time.monotonic() - self.last) * 1e6)]
        return percentiles(self.durations + pending, ended and len(self.durations) == self.count)


class Virsh:
    """Debian's own, with its output read and counted."""

    def __init__(self, uri, guest):
        self.process = subprocess.Popen(
            [*WITH_US, "virsh", "-c", uri, "qemu-monitor-event", "--loop", "--domain", guest.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.delivered = self.lost = self.others = 0
        self.expected = None
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        try:
            # It doesn't say when it has registered.
            wait_for(lambda: self.hears(guest), "virsh's first event")
        except BaseException:
            self.close()
            raise

    def hears(self, guest):
        guest.counter.command("stop")
        guest.counter.command("cont")
        return self.others > 0

    def read(self):
        rest = b""
        while data := os.read(self.process.stdout.fileno(), 1 << 20):
            data = rest + data
            whole = data.rfind(b"\n") + 1
            rest = data[whole:]
            count = data.count(f"event {EVENT} at ".encode(), 0, whole)
            self.delivered += count
            self.others += data.count(b"\n", 0, whole) - count
            for found in re.findall(rb'^event VIRTMON_EVENTS_LOST at .*"count":(\d+)',
                                    data[:whole], re.MULTILINE):
                self.lost += int(found)

    def begin(self):
        """The storm begins: it only goes on reading."""

    def expect(self, count):
        self.expected = count

    def result(self, limit):
        deadline = time.monotonic() + limit
        while self.delivered + self.lost < self.expected and time.monotonic() < deadline:
            select.select([], [], [], 0.05)
        return {"complete": self.delivered + self.lost >= self.expected,
                "delivered": self.delivered, "lost": self.lost}

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


class Reader:
    """Our client, which reads the storm in one of several ways."""

    def __init__(self, build, uri, scenario, limit):
        args = ["--any", "--slow", 1000] if scenario.reader == "slow" else ["--any"]
        if scenario.real:
            args += ["--domain", "storm", "--event", EVENT]
        else:
            args += ["--warm-up", WARM_UP]
        self.scenario = scenario
        self.client = events_client(build, uri, "-", limit + scenario.seconds, *args)
        assert self.client.ready()

    def begin(self):
        """The storm begins."""
        if self.scenario.reader == "stalled":
            self.client.stall(self.scenario.seconds + 1)

    def expect(self, count):
        self.client.expect(count)

    def result(self, _limit):
        return self.client.result()

    def close(self):
        self.client.close()


def quiet_client(build, uri, scenario, limit):
    """Waits for what quiet guests say; the storm is guest 0, or the real one."""
    events = ["--all"] if scenario.reader == "same" else ["--event", QUIET]
    count = scenario.quiet * scenario.quiet_rate * scenario.seconds
    client = events_client(build, uri, count, limit + scenario.seconds, *events, "--every", 1,
                           "--guests", scenario.quiet + 1, "--warm-up",
                           scenario.quiet * WARM_UP, "--storm",
                           "storm" if scenario.real else "guest0")
    assert client.ready()
    return client


def time_virsh_list(uri, times, limit):
    """With the start of the program, as a person sees it; all of them within the limit."""
    durations = []
    deadline = time.monotonic() + limit
    while len(durations) < times:
        began = time.monotonic()
        done = virsh(uri, "list", patience=max(deadline - began, 0))
        durations.append(int((time.monotonic() - began) * 1e6))
        if done.returncode != 0:
            return percentiles(durations, False)
    return percentiles(durations, True)


class Run:
    """What takes part, so that all of it is ended."""

    def __init__(self, build, scenario, kind, limit):
        self.build, self.scenario, self.limit = build, scenario, limit
        self.stack = contextlib.ExitStack()
        self.real = self.reader = self.quiet = self.calls = None
        self.daemon = self.opened(kind(build, scenario.quiet + 1))

    def opened(self, one):
        self.stack.callback(one.close)
        return one

    def prepare(self):
        scenario, uri = self.scenario, self.daemon.uri
        if scenario.real:
            self.real = self.opened(RealGuest("storm", scenario.storm))
            self.daemon.start_real(self.real)
            self.real.boot()
        if scenario.reader == "virsh":
            self.reader = self.opened(Virsh(uri, self.real))
        elif scenario.reader != "same":
            self.reader = self.opened(Reader(self.build, uri, scenario, self.limit))
        if scenario.quiet:
            self.quiet = self.opened(quiet_client(self.build, uri, scenario, self.limit))
        if scenario.calls:
            self.calls = Calls(self.build, uri, scenario.seconds, self.limit)
            self.opened(self.calls.client)
        self.warm_up()
        self.daemon.process.wait_until_calm()
        self.daemon.process.reset_peak()

    def warm_up(self):
        """By what can be told to: a real guest can only storm."""
        scenario = self.scenario
        if scenario.quiet:
            self.daemon.order(f"call 1 {scenario.quiet} {QUIET}")
            self.daemon.order(f"flood 1 {scenario.quiet} {WARM_UP} 290")
            assert self.quiet.warm()
        if isinstance(self.reader, Reader) and not scenario.real:
            self.daemon.order(f"flood 0 0 {WARM_UP} 290")
            assert self.reader.client.warm()

    def storm(self):
        scenario = self.scenario
        if self.reader:
            self.reader.begin()
        if scenario.real:
            self.real.begin()
        elif scenario.storm == "paced":
            self.daemon.order(f"pace 0 0 {ENDLESS} 290 {scenario.storm_rate}")
        else:
            self.daemon.order(f"flood 0 0 {ENDLESS} 290")
        if scenario.quiet:
            self.daemon.order(f"pace 1 {scenario.quiet} {scenario.quiet_rate * scenario.seconds} "
                              f"290 {scenario.quiet_rate}")
        if self.calls:
            self.calls.start()

    def end_storm(self):
        """When it is time; returns what a real one has emitted."""
        select.select([], [], [], self.scenario.seconds)
        return self.real.end() if self.real else None

    def everybody_else(self):
        """Until all that the quiet guests have said has come, and all calls are answered."""
        result = {"quiet": self.quiet.result() or {"complete": False} if self.quiet else None,
                  "calls": self.calls.result() if self.calls else None, "virsh_list": None}
        if self.calls and result["calls"]["complete"] and not self.scenario.real:
            result["virsh_list"] = time_virsh_list(self.daemon.uri, VIRSH_LISTS, self.limit)
        return result

    def storm_reader(self, emitted):
        """What came of it."""
        if self.reader is None or not (self.real or self.scenario.reader == "client"):
            return None
        # A storm that nobody has counted has no end: what has come until now is all.
        self.reader.expect(emitted if self.real else 0)
        return self.reader.result(self.limit)

    def close(self):
        self.stack.close()


def run_mixed(build, scenario, kind, limit):
    run = Run(build, scenario, kind, limit)
    try:
        run.prepare()
        process = run.daemon.process
        before, cpu, began = process.kib("VmRSS"), process.cpu(), time.monotonic()
        run.storm()
        emitted = run.end_storm()
        result = run.everybody_else()
        seconds = time.monotonic() - began
        reader = run.storm_reader(emitted)
        waited = [one for one in (result["quiet"], result["calls"]) if one]
        if scenario.real:
            waited.append(reader or {"complete": False})
        return {
            "complete": all(one["complete"] for one in waited),
            **result,
            "emitted": emitted,
            "reader": reader,
            "seconds": run.real.seconds if run.real else seconds,
            "cpu": process.cpu() - cpu,
            "rss_before_kib": before,
            "rss_peak_kib": process.kib("VmHWM"),
        }
    finally:
        run.close()
