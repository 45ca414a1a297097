#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""report.py BENCH.JSON DOCS: writes DOCS/performance.md and what belongs to it.

The page is performance.md.in with what was measured put in its places. Goals that are not
reached, or not measured, get what explanations.md says of them, which is written by hand and stays
there when the page is written again. If one has nothing there, this says so and ends with 1, once
all is written. The figures themselves go to DOCS/performance/bench.json: from them, all of it can
be written again.
"""
import argparse
import json
import pathlib
import re
import sys
import textwrap

import curves
import tables
from figures import Results
from goals import GOALS

HERE = pathlib.Path(__file__).resolve().parent
CAPTIONS = {
    "backlog": "Time per event over the size of a burst, for both daemons",
    "registrations": "CPU per delivery over registrations that do not match",
    "clients": "CPU per delivery over clients",
    "latency": "Latency over the rate of events",
}


def explanations(text):
    """By the goal's name, from the sections of explanations.md."""
    sections = re.split(r"^## (\S+)\n", text, flags=re.MULTILINE)[1:]
    found = {name: body.strip() for name, body in zip(sections[::2], sections[1::2])}
    unknown = set(found) - {goal.name for goal in GOALS}
    if unknown:
        sys.exit(f"report: no such goals are there to explain: {', '.join(sorted(unknown))}")
    return found


def goals_table(results, explained):
    """All goals: also what was not measured is to be seen."""
    table = [["scenario", "goal", "at", "measured", ""]]
    for goal, measured, reached in tables.goal_rows(results):
        table.append([goal.scenario, goal.text, goal.bound, measured,
                      verdict(results, goal, reached, explained)])
    return tables.text_of(table)


def verdict(results, goal, reached, explained):
    if reached:
        return "reached"
    words = "**not reached**" if reached is False else "not measured"
    if reached is None and results.skipped(goal.scenario):
        return f"{words}: {results.skipped(goal.scenario)}"
    return f"{words}, [why](#{anchor(goal)})" if goal.name in explained else words


def title(goal):
    return f"{goal.scenario}: {goal.text}"


def anchor(goal):
    """As web sites that show Markdown make it from the heading."""
    return re.sub(r"[^\w\- ]", "", title(goal).lower()).replace(" ", "-")


def missed(results):
    """Goals of which something has to be said: not reached, or not measured though nothing that it
    needs is missing on the machine."""
    return [goal for goal, _measured, reached in tables.goal_rows(results)
            if reached is False or (reached is None and not results.skipped(goal.scenario))]


def reasons(results, explained):
    """A section for each of them that is explained."""
    sections = [f"### {title(goal)}\n\n{explained[goal.name]}\n" for goal in missed(results)
                if goal.name in explained]
    return "\n".join(sections) or ("Nothing is known of them yet.\n" if missed(results) else
                                   "All that were measured are reached.\n")


def unexplained(results, explained):
    return [title(goal) for goal in missed(results) if goal.name not in explained]


def how(results):
    options = results.options
    runs = "one run" if options["runs"] == 1 else f"{options['runs']} runs"
    command = "make bench FULL=1" if options["full"] else "make bench"
    more = f" ({options['compared']} times as many of what is compared with another)" \
        if "compared" in options else ""
    warm = f"after {options['warm_up']} events to warm up, and " if "warm_up" in options else ""
    return textwrap.fill(f"`{command}`, {runs} of each scenario{more}, each {warm}cut off after "
                         f"{options['limit']} s. {tables.machine_text(results)}.", 100,
                         break_on_hyphens=False) + "\n"


def time_taken(results):
    table = tables.time_table(results)
    if len(table) == 1:
        return "How long each scenario took was not measured.\n"
    return tables.text_of(table)


def page(results, template, explained):
    """The page, and the curves by name."""
    drawn = curves.render(results)
    places = {
        "how": how(results),
        "goals": goals_table(results, explained),
        "reasons": reasons(results, explained),
        "local": tables.text_of(tables.local_table(results)),
        "remote": tables.text_of(tables.remote_table(results)),
        "idle": tables.text_of(tables.idle_table(results)),
        "mixed": tables.text_of(tables.mixed_table(results)),
        "time": time_taken(results),
        **{f"curve {name}": f"![{caption}](performance/{name}.svg)\n" if name in drawn else
           "Not measured.\n" for name, caption in CAPTIONS.items()},
    }
    return re.sub(r"^\{\{(.+)\}\}\n", lambda found: places[found.group(1)], template,
                  flags=re.MULTILINE), drawn


def compact(everything):
    """JSON with a line for each run, so that it can be read, and compared line by line."""
    text = json.dumps(everything, indent=1)
    return re.sub(r"\{\n {5,}[^{}]*(?:\{[^{}]*\}[^{}]*)*\}",
                  lambda found: re.sub(r"\s*\n\s*", " ", found.group(0)), text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", type=pathlib.Path)
    parser.add_argument("docs", type=pathlib.Path)
    args = parser.parse_args()
    everything = json.loads(args.json.read_text(encoding="utf-8"))
    if everything["options"]["scenario"]:
        sys.exit(f"report: {args.json} has scenario {everything['options']['scenario']} alone")
    results = Results(everything)
    explained = explanations((HERE / "explanations.md").read_text(encoding="utf-8"))
    text, drawn = page(results, (HERE / "performance.md.in").read_text(encoding="utf-8"),
                       explained)
    folder = args.docs / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    (args.docs / "performance.md").write_text(text, encoding="utf-8")
    (folder / "bench.json").write_text(compact(everything), encoding="utf-8")
    for name, svg in drawn.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    lines = unexplained(results, explained)
    for line in lines:
        print(f"report: not reached or not measured, and not explained: {line}", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
