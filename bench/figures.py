# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures from the runs of a scenario: medians, spreads, and how they are written.

A run is what the programs have measured, as it stands in bench.json. One that was cut off has
"complete": false and gives no rate and no latency, since those would only describe the part that
went well; one that failed altogether is null.
"""
import statistics


def thousands(value):
    return f"{value:,.0f}"


def rounded(value):
    """Three digits that count."""
    if value >= 100 or value == 0:
        return thousands(value)
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def spread(values, form):
    """Median (least to most)."""
    if not values:
        return "-"
    middle = form(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form(min(values))} to {form(max(values))})"


def rate(run):
    """Deliveries a second, from the first event's writing to the last one's callback."""
    return run["delivered"] / run["seconds"] if run["seconds"] > 0 else None


def microseconds(run):
    """Of that time, for each delivery."""
    return run["seconds"] * 1e6 / max(1, run["delivered"])


def cost(run):
    """Microseconds of CPU for each delivery: of the daemon, or of the one process that there is."""
    return run["cpu"] * 1e6 / max(1, run["delivered"])


def client_cost(run):
    return run["client_cpu"] * 1e6 / max(1, run["delivered"])


def p50(run):
    return run["p50_us"] / 1000


def p99(run):
    return run["p99_us"] / 1000


def growth(run):
    """MiB of memory above what there was before."""
    return (run["rss_peak_kib"] - run["rss_before_kib"]) / 1024


def flaw(runs):
    """Whether any of them has lost something, or had it out of order."""
    lost = max((run.get("lost", 0) for run in runs), default=0)
    if lost:
        return f"{lost:,} lost"
    return "out of order" if any(run.get("disordered", 0) for run in runs) else None


class Results:
    """All of bench.json's scenarios."""

    def __init__(self, everything):
        self.machine = everything["machine"]
        self.options = everything["options"]
        self.scenarios = everything["scenarios"]

    def runs(self, name, subject):
        return self.scenarios.get(name, {}).get("runs", {}).get(subject, [])

    def complete(self, name, subject):
        return [run for run in self.runs(name, subject) if run and run["complete"]]

    def values(self, name, subject, figure):
        """Of all runs that were not cut off; a figure that a run does not have is left out."""
        found = [figure(run) for run in self.complete(name, subject)]
        return [value for value in found if value is not None]

    def median(self, name, subject, figure):
        """None if there is nothing to say."""
        values = self.values(name, subject, figure)
        return statistics.median(values) if values else None

    def trouble(self, name, subject):
        """What is wrong with any of the runs, in two words; None if nothing is."""
        runs = self.runs(name, subject)
        if not all(run and run["complete"] for run in runs):
            return "cut off"
        return flaw(runs)

    def skipped(self, name):
        """Why it was not run; None if it was, or nobody has asked for it."""
        return self.scenarios.get(name, {}).get("skipped")
