#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run.py --build DIR [--scenario NAME]: measures, and prints a Markdown table.

In process: a source of QMP events (flood), the public API's client with the driver inside
it, and in the same run what the machine allows for the same bytes: relaying them, and
parsing them. Medians of several runs with the smallest and the largest. The same in JSON
goes to DIR/bench.json.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading

LIMIT = 115             # seconds; a run that is cut off gives no rate


class Flood:
    """Many guests in one process, told what to send over its stdin."""

    def __init__(self, build, guests):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="virtmon-bench-"))
        self.process = subprocess.Popen([build / "bench" / "flood", self.folder, str(guests)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def measure(command, go):
    """Runs a client, orders the events once it waits, returns what it measured or None."""
    client = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(LIMIT + 10, client.kill)
    timer.start()
    try:
        if client.stdout.readline() != "registered\n":
            return None
        go()
        line = client.stdout.readline()
        client.wait()
        result = json.loads(line) if line else None
        return result if result and result["complete"] else None
    finally:
        timer.cancel()
        client.kill()
        client.wait()
        client.stdout.close()


def scenarios():
    """Name, what is measured, guests, busy ones, events each, bytes, client's arguments."""
    million = 1_000_000
    yield "P1", "1 registration, burst of 1,000,000 small", 1, 1, million, 290, []
    for kind in ("literal", "regex", "glob"):
        yield (f"P2-{kind}", f"the same, and 1,000 {kind} registrations that don't match", 1, 1,
               million, 290, ["--others", 1000, "--kind", kind])
    yield "P3", "1,000 guests, one busy", 1000, 1, million, 290, []
    yield "P4", "1,000 guests, all busy, 1,000 events each", 1000, 1000, 1000, 290, []
    yield "P5", "large events, burst of 200,000", 1, 1, 200_000, 4050, []
    yield ("P6", "event loop stalled for 3 s, burst of 1,000,000: what is lost is told", 1, 1,
           million, 290, ["--stall", 3, "--all"])


def run_scenario(build, scenario, runs):
    name, _text, guests, busy, count, size, extra = scenario
    total = busy * count
    results = {"virtmon": [], "parse": [], "relay": []}
    for number in range(runs):
        for tool, into in results.items():
            if tool != "virtmon" and (guests > 1 or extra):
                continue
            flood = Flood(build, guests)
            try:
                if tool == "virtmon":
                    command = [build / "bench" / "client", "--uri",
                               f"qemu:///embed?monitor={flood.folder}/*.qmp", "--expect", total,
                               "--guests", guests, "--limit", LIMIT, *extra]
                else:
                    command = [build / "bench" / "limits", tool, flood.folder / "0000.qmp", total]
                print(f"\r{name}: run {number + 1} of {runs}: {tool:<8}", end="", file=sys.stderr,
                      flush=True)
                into.append(measure(command, lambda f=flood: f.order(
                    f"flood 0 {busy - 1} {count} {size}")))
            finally:
                flood.close()
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
    return results


def spread(values, form):
    """Median (least to most)."""
    if not values:
        return "-"
    return f"{form(statistics.median(values))} ({form(min(values))} to {form(max(values))})"


def thousands(value):
    return f"{value:,.0f}"


def rate(result):
    return (result["delivered"] + result["lost"]) / result["seconds"] if result["seconds"] else 0


def cost(result):
    return result["cpu"] * 1e6 / max(1, result["delivered"] + result["lost"])


def rows(scenario, results):
    name, text = scenario[:2]
    for tool, all_runs in results.items():
        if not all_runs:
            continue
        good = [one for one in all_runs if one]
        cut = len(all_runs) - len(good)
        label = {"virtmon": text, "parse": "limit: yajl parse only", "relay": "limit: raw relay"}
        notes = []
        if cut:
            notes.append(f"{cut} of {len(all_runs)} cut off")
        if tool == "virtmon" and good:
            notes.append("p99 " + spread([one["p99_us"] / 1000 for one in good],
                                         lambda v: f"{v:.1f}") + " ms")
            notes.append("RSS peak " + spread([one["rss_peak_kib"] / 1024 for one in good],
                                              thousands) + " MiB")
            if any(one["lost"] for one in good):
                notes.append("lost and told "
                             + spread([one["lost"] for one in good], thousands))
            if any(one["disordered"] for one in good):
                notes.append("OUT OF ORDER")
        yield [name, label[tool], spread([rate(one) for one in good], thousands),
               spread([cost(one) for one in good], lambda v: f"{v:.2f}"), "; ".join(notes)]


def facts(source):
    def output(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True,
                                  cwd=source).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return "unknown"

    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), platform.processor())
    return {"processor": cpu, "cores": os.cpu_count(), "kernel": platform.release(),
            "commit": output("git", "rev-parse", "--short", "HEAD"),
            "glib": output("pkg-config", "--modversion", "glib-2.0"),
            "yajl": output("pkg-config", "--modversion", "yajl")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--scenario", help="one of them, or a beginning of names: P1, P2")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()

    chosen = [one for one in scenarios()
              if not args.scenario or one[0].upper().startswith(args.scenario.upper())]
    if not chosen:
        names = ", ".join(one[0] for one in scenarios())
        sys.exit(f"bench: no scenario '{args.scenario}'; there are {names}")

    machine = facts(pathlib.Path(__file__).parent)
    print(", ".join(f"{key} {value}" for key, value in machine.items()), end="\n\n")
    table = [["scenario", "what", "events/s", "CPU µs/event", "notes"]]
    everything = {"machine": machine, "scenarios": {}}
    for scenario in chosen:
        results = run_scenario(args.build, scenario, args.runs)
        everything["scenarios"][scenario[0]] = results
        table += rows(scenario, results)
    for number, row in enumerate(table):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("|" + "---|" * len(row))
    (args.build / "bench.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
