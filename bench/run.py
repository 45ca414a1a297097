#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run.py --build DIR [--scenario NAME] [--full] [--plan]: measures virtmon, and libvirtd beside it.

Scenarios are in scenarios.py, what they show in README.md. Prints Markdown tables, which also go
to DIR/bench.md, and writes all that was measured to DIR/bench.json.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import signal
import sys
import time

import machine
import scenarios
import tables
from subjects import Libvirtd, Virtmond
from figures import Results
from measuring import run_idle, run_local, run_remote
from mixed import run_mixed
from progress import Progress
from realguest import lacks_kvm

RUNNERS = {"Remote": run_remote, "Idle": run_idle, "Mixed": run_mixed}
# What is compared with another scenario runs so many times as often: bursts of one size take one
# time or half as much again, by where the machine puts threads, and both are common.
COMPARED = 3
# Seconds after which a run is cut off.
LIMIT, LIMIT_FULL = 20, 115


def choose(name, full):
    """Those to run: "S6" is S6 and what is called S6-..., "S" all whose names begin so. Exits if
    there is none."""
    everything = list(scenarios.every())
    if not name:
        return [one for one in everything if full or not one.full]
    pattern = re.compile(re.escape(name) + ("" if name.isalpha() else r"(-|$)"), re.IGNORECASE)
    chosen = [one for one in everything if pattern.match(one.name)]
    if not chosen:
        sys.exit(f"bench: no scenario '{name}'; there are "
                 + ", ".join(one.name for one in everything))
    return chosen


def subjects(scenario, libvirtd):
    """By name, what is run with the scenario: a function of build, limit."""
    kind = type(scenario).__name__
    if kind == "Local":
        names = ["virtmon"] + (["relay", "parse", "both"] if scenario.limits else [])
        return {name: lambda build, limit, name=name: run_local(build, scenario, name, limit)
                for name in names}
    daemons = [Virtmond] + ([Libvirtd] if libvirtd and scenario.libvirtd else [])
    return {daemon.name: lambda build, limit, daemon=daemon:
            RUNNERS[kind](build, scenario, daemon, limit) for daemon in daemons}


def measure(build, scenario, runs, limit, libvirtd, progress):
    """All runs, as they are written to bench.json."""
    found, took = {}, {}
    beside = next((one for one in scenarios.every()
                   if one.name == getattr(scenario, "beside", None)), None)
    progress.scenario(scenario.name)
    skipped = lacks_kvm() if getattr(scenario, "storm", None) == "kvm" else None
    for subject, run in ({} if skipped else subjects(scenario, libvirtd)).items():
        found[subject] = []
        began = time.monotonic()
        compared = beside and subject == Virtmond.name
        times = runs * COMPARED if compared else runs
        for number in range(1, times + 1):
            progress.run(number, times, subject)
            if compared:
                found.setdefault(beside.name, []).append(
                    run_remote(build, beside, Virtmond, limit))
            found[subject].append(run(build, limit))
            last = found[subject][-1]
            if subject == Libvirtd.name and last and not last["complete"]:
                break               # once is enough to know, and takes long
        took[subject] = round(time.monotonic() - began, 1)
    progress.clear()
    return {"type": type(scenario).__name__, **scenario.described(), "skipped": skipped,
            "took": took, "runs": found}


def plan(chosen, libvirtd, build):
    """What would be run, and what that took when it was last measured: in this build, or else in
    what docs/performance.md was made of."""
    last = {}
    for path in (machine.SOURCE / "docs" / "performance" / "bench.json", build / "bench.json"):
        if path.exists():
            scenarios_then = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
            last.update({name: one for name, one in scenarios_then.items() if "took" in one})
    table = [["scenario", "what", "with", "took"]]
    total, unknown = 0, 0
    for one in chosen:
        took = sum(last[one.name]["took"].values()) if one.name in last else None
        total, unknown = total + (took or 0), unknown + (took is None)
        table.append([one.name, one.text, ", ".join(subjects(one, libvirtd)),
                      "?" if took is None else tables.clock(took)])
    table.append(["all", f"{unknown} of them not measured yet" if unknown else "", "",
                  tables.clock(total)])
    return tables.text_of(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--scenario", help="one of them, or a beginning of names: P1, S2, S")
    parser.add_argument("--full", action="store_true",
                        help=f"all scenarios, and {LIMIT_FULL} s for a run, not {LIMIT}")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=int, help="seconds after which a run is cut off")
    parser.add_argument("--no-libvirtd", action="store_true", help="measure virtmon alone")
    parser.add_argument("--plan", action="store_true",
                        help="say what would be run and how long that took last time")
    args = parser.parse_args()
    # Whoever ends this ends all that it has started.
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit("bench: terminated"))
    # A thousand guests have two files each; the soft limit is 1024 where nobody has raised it.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    chosen = choose(args.scenario, args.full)
    libvirtd = not args.no_libvirtd
    if args.plan:
        print(plan(chosen, libvirtd, args.build), end="")
        return
    if libvirtd and os.geteuid() != 0 and \
            any(getattr(one, "libvirtd", False) for one in chosen):
        sys.exit("bench: a libvirtd to compare with needs root; or say --no-libvirtd")
    limit = args.limit or (LIMIT_FULL if args.full else LIMIT)

    progress = Progress(len(chosen))
    everything = {"machine": machine.facts(args.build),
                  "options": {"runs": args.runs, "compared": COMPARED, "limit": limit,
                              "full": args.full, "scenario": args.scenario,
                              "warm_up": scenarios.WARM_UP},
                  "scenarios": {}}
    for scenario in chosen:
        everything["scenarios"][scenario.name] = measure(args.build, scenario, args.runs, limit,
                                                         libvirtd, progress)
        # After each, so that a run that is interrupted has not been for nothing.
        (args.build / "bench.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")
    results = Results(everything)
    text = f"{tables.machine_text(results)}\n\n{tables.document(results)}"
    (args.build / "bench.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
