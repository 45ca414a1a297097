#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run.py --build DIR [--scenario NAME]: measures, and prints Markdown tables.

In process (P): a source of QMP events (flood), the public API's client with the driver
inside it, and in the same run what the machine allows for the same bytes: relaying them,
and parsing them. Remote (S): the same client against virtmond and, in the same run, against a
real libvirtd. Medians of several runs with the smallest and the largest. The same in JSON goes
to DIR/bench.json.
"""
import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import threading

from daemons import Flood, Libvirtd, Virtmond

LIMIT = 115             # seconds; a run that is cut off gives no rate


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


# --- remote ---

STOCK = "/usr/lib/x86_64-linux-gnu"     # Debian's own libvirt.so, for clients that use it


class Remote:
    """One scenario: what goes to the guests, and who waits for it."""

    def __init__(self, name, text, count=20_000, size=290, rate=0, clients=1, guests=1, busy=1,
                 args=(), stalled=0, stock=False, libvirtd=True, runs=3, copies=1):
        self.name, self.text, self.count, self.size = name, text, count, size
        self.rate, self.clients, self.guests, self.busy = rate, clients, guests, busy
        self.args, self.stalled, self.stock, self.libvirtd = args, stalled, stock, libvirtd
        self.runs, self.copies = runs, copies

    def order(self):
        words = [0, self.busy - 1, self.count, self.size] + ([self.rate] if self.rate else [])
        return " ".join(map(str, ["pace" if self.rate else "flood", *words]))


def remote_scenarios():
    yield Remote("S1", "burst of 20,000")
    yield Remote("S1-100k", "burst of 100,000", count=100_000, runs=3)
    yield Remote("S1-1M", "burst of 1,000,000", count=1_000_000, args=("--all",),
                 libvirtd=False)
    yield Remote("S1-stock", "burst of 20,000, stock client library", stock=True)
    for rate in (1000, 10_000, 60_000, 200_000):
        yield Remote(f"S2-{rate // 1000}k", f"paced, {rate:,}/s for 5 s", count=rate * 5, rate=rate,
                     libvirtd=rate < 100_000, runs=3 if rate < 60_000 else 2)
    yield Remote("S3-literal", "S1, and 1,000 literal registrations that don't match",
                 args=("--others", 1000, "--kind", "literal"))
    yield Remote("S3-regex", "S1, and 1,000 regex registrations that don't match",
                 args=("--others", 1000, "--kind", "regex"))
    yield Remote("S3-10k", "S1, and 10,000 literal registrations that don't match",
                 args=("--others", 10_000, "--kind", "literal"), libvirtd=False)
    yield Remote("S4-10", "burst of 2,000 to 10 clients", count=2000, clients=10)
    yield Remote("S4-50", "burst of 2,000 to 50 clients", count=2000, clients=50)
    yield Remote("S5", "burst of 5,000 to 10 registrations of one client", count=5000, copies=10,
                 args=("--copies", 10))
    yield Remote("S6", "a client stalls 12 s, another reads 20,000 at 2,000/s", count=20_000,
                 rate=2000, args=("--all",), stalled=12, runs=1)
    yield Remote("S6-1M", "a client stalls 12 s, another reads 1,000,000 at 100,000/s",
                 count=1_000_000, rate=100_000, args=("--all",), stalled=12, libvirtd=False,
                 runs=1)
    yield Remote("S7", "large, burst of 5,000", count=5000, size=4050)
    for size in (5_000, 10_000, 40_000):
        yield Remote(f"S8-{size // 1000}k", f"burst of {size:,}; S1 has 20,000 and 100,000",
                     count=size, runs=2)
    yield Remote("S9", "20 guests, one busy, burst of 5,000", guests=20, count=5000, runs=1)
    yield Remote("S9-1000", "1,000 guests, one busy, burst of 100,000", guests=1000,
                 count=100_000, libvirtd=False)
    yield Remote("S9-busy", "1,000 guests at 200/s each for 5 s", guests=1000, busy=1000,
                 count=1000, rate=200, args=("--all",), libvirtd=False, runs=1)


def start_client(build, daemon, scenario, extra=()):
    total = scenario.busy * scenario.count * scenario.copies
    env = {**os.environ, "LD_LIBRARY_PATH": STOCK} if scenario.stock else None
    command = [build / "bench" / "client", "--uri", daemon.uri, "--expect", total, "--guests",
               scenario.guests, "--limit", LIMIT, *scenario.args, *extra]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                            env=env)


def run_remote_once(build, kind, scenario):
    """One run with a fresh daemon: what its clients measured together, and what it cost."""
    daemon = kind(build, scenario.guests)
    clients = []
    timers = []
    try:
        before = daemon.process.kib("VmRSS")
        for number in range(scenario.clients + (scenario.stalled > 0)):
            extra = ["--stall", scenario.stalled] if number == scenario.clients else []
            clients.append(start_client(build, daemon, scenario, extra))
            timers.append(threading.Timer(LIMIT + 30, clients[-1].kill))
            timers[-1].start()
        if any(client.stdout.readline() != "registered\n" for client in clients):
            return None
        daemon.process.wait_until_calm()
        daemon.process.reset_peak()
        cpu = daemon.process.cpu()
        daemon.order(scenario.order())
        results = [json.loads(client.stdout.readline() or "null") for client in clients]
        cpu = daemon.process.cpu() - cpu
        healthy = results[:scenario.clients]
        if not all(healthy):
            return None
        return {
            "complete": all(one["complete"] for one in healthy),
            "deliveries": sum(one["delivered"] for one in healthy),
            "lost": sum(one["lost"] for one in healthy),
            "disordered": sum(one["disordered"] for one in healthy),
            "seconds": max(one["seconds"] for one in healthy),
            "cpu": cpu,
            "client_cpu": sum(one["cpu"] for one in healthy),
            "p50_us": statistics.median(one["p50_us"] for one in healthy),
            "p99_us": max(one["p99_us"] for one in healthy),
            "rss_before_kib": before,
            "rss_peak_kib": daemon.process.kib("VmHWM"),
            "stalled": results[-1] if scenario.stalled else None,
        }
    finally:
        for timer in timers:
            timer.cancel()
        for client in clients:
            client.kill()
            client.wait()
            client.stdout.close()
        daemon.close()


def run_remote(build, scenario, runs, kinds):
    results = {}
    for kind in kinds:
        if kind is Libvirtd and not scenario.libvirtd:
            continue
        into = results.setdefault(kind.name, [])
        for number in range(min(runs, scenario.runs)):
            print(f"\r{scenario.name}: run {number + 1}: {kind.name:<10}", end="",
                  file=sys.stderr, flush=True)
            into.append(run_remote_once(build, kind, scenario))
            if into[-1] and not into[-1]["complete"]:
                break               # once is enough to know
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
    return results


def remote_cells(scenario, runs):
    """Deliveries/s, the daemon's CPU per delivery, latency, memory: one cell each."""
    if runs is None:
        return ["-"] * 4
    good = [one for one in runs if one and one["complete"]]
    if not good:
        came = [one["deliveries"] for one in runs if one]
        return [f"cut off after {LIMIT} s: {came[0]:,} delivered" if came else "failed"] + ["-"] * 3
    rates = [one["deliveries"] / one["seconds"] for one in good if one["seconds"]]
    notes = f"{statistics.median(one['rss_before_kib'] for one in good) / 1024:.0f} to " \
            f"{statistics.median(one['rss_peak_kib'] for one in good) / 1024:.0f} MiB"
    if scenario.stalled and good[0]["stalled"]:
        stalled = good[0]["stalled"]
        notes += f"; the stalled one got {stalled['delivered']:,}, was told of " \
                 f"{stalled['lost']:,} lost"
    if any(one["lost"] for one in good):
        notes += "; LOST " + thousands(max(one["lost"] for one in good))
    if any(one["disordered"] for one in good):
        notes += "; OUT OF ORDER"
    return ["all" if scenario.rate else spread(rates, thousands),
            spread([one["cpu"] * 1e6 / one["deliveries"] for one in good], lambda v: f"{v:.2f}"),
            f"{statistics.median(one['p50_us'] for one in good) / 1000:.2f}, "
            f"{statistics.median(one['p99_us'] for one in good) / 1000:.2f} ms", notes]


def ratio(scenario, results):
    """virtmond's rate to libvirtd's and libvirtd's CPU to virtmond's, where both ended."""
    def middle(kind, value):
        good = [one for one in results.get(kind) or [] if one and one["complete"]]
        return statistics.median(value(one) for one in good) if good else None

    cells = []
    for better, worse, value, sign in (
            ("virtmond", "libvirtd", lambda one: one["deliveries"] / one["seconds"], "rate"),
            ("libvirtd", "virtmond", lambda one: one["cpu"] / one["deliveries"], "CPU")):
        if sign == "rate" and scenario.rate:
            continue
        high, low = middle(better, value), middle(worse, value)
        if high is not None and low:
            cells.append(f"{sign} {high / low:.1f}")
    return ", ".join(cells) or "-"


def remote_table(build, chosen, runs, kinds, everything):
    table = [["scenario", "what", "daemon", "deliveries/s", "daemon's CPU µs/delivery",
              "latency p50, p99", "daemon's RSS", "libvirtd : virtmond"]]
    for scenario in chosen:
        results = run_remote(build, scenario, runs, kinds)
        everything["scenarios"][scenario.name] = results
        for kind in kinds:
            if kind.name in results:
                last = ratio(scenario, results) if kind is Virtmond else ""
                table.append([scenario.name, scenario.text, kind.name,
                              *remote_cells(scenario, results[kind.name]), last])
    return table


# --- the tables ---

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
            "libvirt": output("libvirtd", "--version").split()[-1],
            "qemu": (output("qemu-system-x86_64", "--version").split() + ["", "", "", "?"])[3],
            "glib": output("pkg-config", "--modversion", "glib-2.0"),
            "yajl": output("pkg-config", "--modversion", "yajl")}


def print_table(table):
    for number, row in enumerate(table):
        print("| " + " | ".join(row) + " |", flush=True)
        if number == 0:
            print("|" + "---|" * len(row))
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--scenario", help="one of them, or a beginning of names: P1, S2, S")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-libvirtd", action="store_true", help="measure virtmond alone")
    args = parser.parse_args()
    # A thousand guests have two files each; the soft limit is 1024 where nobody has raised it.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def wanted(name):
        return not args.scenario or name.upper().startswith(args.scenario.upper())

    local = [one for one in scenarios() if wanted(one[0])]
    remote = [one for one in remote_scenarios() if wanted(one.name)]
    if not local and not remote:
        names = ", ".join([one[0] for one in scenarios()] +
                          [one.name for one in remote_scenarios()])
        sys.exit(f"bench: no scenario '{args.scenario}'; there are {names}")
    kinds = [Virtmond] if args.no_libvirtd else [Virtmond, Libvirtd]
    if remote and not args.no_libvirtd and os.geteuid() != 0:
        sys.exit("bench: a libvirtd to compare with needs root; or say --no-libvirtd")

    machine = facts(pathlib.Path(__file__).parent)
    print(", ".join(f"{key} {value}" for key, value in machine.items()), end="\n\n")
    everything = {"machine": machine, "scenarios": {}}
    if local:
        table = [["scenario", "what", "events/s", "CPU µs/event", "notes"]]
        for scenario in local:
            results = run_scenario(args.build, scenario, args.runs)
            everything["scenarios"][scenario[0]] = results
            table += rows(scenario, results)
        print_table(table)
    if remote:
        print_table(remote_table(args.build, remote, args.runs, kinds, everything))
    (args.build / "bench.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
