#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""curves.py BENCH.JSON FOLDER: draws what was measured, a chart for each question."""
import argparse
import json
import pathlib
import statistics

from figures import Results, cost, microseconds, p50, p99
from svg import Chart, Point, Series

COLOURS = {"virtmond": 0, "libvirtd": 1}
KINDS = ("literal", "regex", "glob")


def point(results, x, name, subject, figure):
    """None where a scenario was not run, or did not end."""
    values = results.values(name, subject, figure)
    if not values or min(values) <= 0:
        return None
    return Point(x, statistics.median(values), min(values), max(values))


def series(results, label, colour, names, subject, figure, dashed=False):
    """Of scenarios by their places on the x axis."""
    points = [point(results, x, name, subject, figure) for x, name in sorted(names.items())]
    return Series(label, colour, [one for one in points if one], dashed)


def backlog(results):
    sizes = {one["count"]: name for name, one in results.scenarios.items()
             if name in ("S1", "S1-100k", "S1-1M") or name.startswith("S8-")}
    return Chart("Time per event, by the size of a burst", "events in the burst",
                 "µs per event, from first write to last callback",
                 [series(results, subject, colour, sizes, subject, microseconds)
                  for subject, colour in COLOURS.items()])


def registrations(results):
    lines = []
    for colour, kind in enumerate(KINDS):
        lines.append(series(results, f"virtmond, {kind}", colour if colour == 0 else colour + 1,
                            {0: "S1-100k", 1: f"S3-1k-{kind}", 2: f"S3-10k-{kind}"}, "virtmond",
                            cost))
    for kind in KINDS[:2]:
        lines.append(series(results, f"libvirtd, {kind}", 1, {0: "S8-5k", 1: f"S3-{kind}"},
                            "libvirtd", cost, kind == "regex"))
    return Chart("Daemon's CPU, by registrations that do not match", "registrations beside the one "
                 "that matches", "µs of CPU per delivery", lines, ["none", "1,000", "10,000"])


def clients(results):
    names = {1: "S4-1", 10: "S4-10", 50: "S4-50", 1000: "S4-1000"}
    return Chart("Daemon's CPU, by clients that get each event", "clients",
                 "µs of CPU per delivery",
                 [series(results, subject, colour, names, subject, cost)
                  for subject, colour in COLOURS.items()])


def latency(results):
    rates = {one["rate"]: name for name, one in results.scenarios.items()
             if name.startswith("S2-")}
    lines = []
    for subject, colour in COLOURS.items():
        for text, figure in (("p99", p99), ("p50", p50)):
            lines.append(series(results, f"{subject}, {text}", colour, rates, subject, figure,
                                text == "p50"))
    return Chart("Latency at a steady rate", "events per second",
                 "ms from write to callback", lines)


CURVES = {"backlog": backlog, "registrations": registrations, "clients": clients,
          "latency": latency}


def render(results):
    """By name, those that there is something to draw for."""
    drawn = {name: make(results).render() for name, make in CURVES.items()}
    return {name: text for name, text in drawn.items() if text}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, text in render(Results(json.loads(args.json.read_text(encoding="utf-8")))).items():
        (args.folder / f"{name}.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
