# SPDX-License-Identifier: LGPL-2.1-or-later
"""What virtmon must reach, and whether it did.

Times, rates and costs are judged by the median of a scenario's runs, and only if each of these has
ended and has delivered all, in order: what is cut off or dropped is cheap. What is to be delivered
is judged in each run.
"""
import statistics
from dataclasses import dataclass
from typing import Callable

from figures import cost, flaw, growth, microseconds, p99, rate, rounded, thousands

# A client's queue in virtmond, unless configured otherwise.
CLIENT_BOUND_MIB = 12
SIZES = ("S8-5k", "S8-10k", "S1", "S8-40k", "S8-80k", "S1-100k", "S8-200k", "S8-500k", "S1-1M")
# Calls in a run, for a 99th percentile to mean something.
LEAST_CALLS = 100


@dataclass(frozen=True)
class Goal:
    """A goal; `judge` returns whether it is reached (None: not measured) and what was measured."""

    name: str
    scenario: str
    text: str
    bound: str
    judge: Callable


UNKNOWN = None, "-"
S1_RATE = "at least 0.9 of it, or within its spread"


def of_sound(names, judge, subject="virtmond"):
    """`judge`, of scenarios that were all run, and all of whose runs are sound."""
    def judge_sound(results):
        if not all(results.runs(name, subject) for name in names):
            return UNKNOWN
        for name in names:
            trouble = results.trouble(name, subject)
            if trouble:
                return False, trouble if len(names) == 1 else f"{name}: {trouble}"
        return judge(results)
    return judge_sound


def at_least(scenario, subject, figure, bound, unit):
    def judge(results):
        value = results.median(scenario, subject, figure)
        return UNKNOWN if value is None else (value >= bound, f"{rounded(value)}{unit}")
    return of_sound([scenario], judge, subject)


def at_most(scenario, subject, figure, bound, unit):
    def judge(results):
        value = results.median(scenario, subject, figure)
        return UNKNOWN if value is None else (value <= bound, f"{rounded(value)}{unit}")
    return of_sound([scenario], judge, subject)


def nothing_lost(scenario):
    return of_sound([scenario], lambda _results: (True, "0 lost, all in order"))


def beside(results, scenario, other):
    """Where the runs of `other` are that `scenario` is compared with: those in alternation with its
    own, if there are any, as a machine has better minutes and worse."""
    return (scenario, other) if results.runs(scenario, other) else (other, "virtmond")


def as_fast_as(scenario, other):
    """Nine tenths of the other's rate at the least, or within what that scatters."""
    def judge(results):
        value = results.median(scenario, "virtmond", rate)
        bases = results.values(*beside(results, scenario, other), rate)
        if not bases:
            return False, f"{other}: cut off"
        base = statistics.median(bases)
        return (value >= min(base * 0.9, *bases),
                f"{thousands(value)} to {thousands(base)}")
    return of_sound([scenario, other], judge)


def no_dearer_than(scenario, other):
    def judge(results):
        value = results.median(scenario, "virtmond", cost)
        base = results.median(other, "virtmond", cost)
        return value <= base, f"{rounded(value)} to {rounded(base)} µs"
    return of_sound([scenario, other], judge)


def half_of_parsing(results):
    own, limit = results.median("P1", "virtmon", rate), results.median("P1", "parse", rate)
    if own is None or limit is None:
        return UNKNOWN
    return own >= limit / 2, f"{own / limit:.2f} of {thousands(limit)}/s"


def flat(results):
    """The time of an event, for each size of a burst that was measured, against that of
    100,000."""
    sizes = [name for name in SIZES if results.runs(name, "virtmond")]
    if len(sizes) < 3 or "S1-100k" not in sizes:
        return UNKNOWN

    def judge(results):
        bases = {name: results.median(*beside(results, name, "S1-100k"), microseconds)
                 for name in sizes}
        if not all(bases.values()):
            return False, "S1-100k: cut off"
        times = {name: results.median(name, "virtmond", microseconds) / bases[name]
                 for name in sizes}
        return (all(0.8 <= time <= 1.2 for time in times.values()),
                ", ".join(f"{time:.2f} ({name})" for name, time in times.items()))
    return of_sound(sizes, judge)(results)


def as_without(results):
    """A healthy client's latency beside a stalled one: within what it scatters alone."""
    value = results.median("S6-1M", "virtmond", p99)
    alone = results.values("S6-1M-alone", "virtmond", p99)
    return (value <= max(alone) * 1.1,
            f"{rounded(value)} ms; alone {rounded(min(alone))} to {rounded(max(alone))} ms")


def mixed(scenario, key, bound, least=0):
    """The 99th percentile, in milliseconds, of one of those beside a storm: of `least` in each
    run."""
    def judge(results):
        runs = results.runs(scenario, "virtmond")
        if not runs:
            return UNKNOWN
        asked = [run[key] if run else None for run in runs]
        if not all(one and one["complete"] for one in asked):
            return False, "cut off"
        if flaw(asked):
            return False, flaw(asked)
        if min(one.get("count", least) for one in asked) < least:
            return None, f"fewer than {least} in a run"
        value = statistics.median(one["p99_us"] / 1000 for one in asked)
        return value <= bound, f"{rounded(value)} ms"
    return judge


def storm(scenario, verdict):
    """What becomes of what the real guest emitted: `verdict` of each run, of what was emitted,
    delivered and told lost; all of them must be good, and the first that isn't is told."""
    def judge(results):
        runs = results.runs(scenario, "virtmond")
        if not runs:
            return UNKNOWN
        if not all(run and run["reader"] and run["reader"]["complete"] for run in runs):
            return False, "cut off"
        if any(run["reader"].get("disordered", 0) for run in runs):
            return False, "out of order"
        verdicts = [verdict(run["emitted"], run["reader"]["delivered"], run["reader"]["lost"])
                    for run in runs]
        return (next((one for one in verdicts if not one[0]), None)
                or (True, "; ".join(dict.fromkeys(words for _good, words in verdicts))))
    return judge


def all_delivered(emitted, delivered, _lost):
    """None of it told lost."""
    return delivered == emitted, f"{delivered:,} of {emitted:,}"


def all_told(emitted, delivered, lost):
    """Of what a reader that stalls did not get, it is told, to the last event."""
    missing = emitted - delivered - lost
    return missing == 0, f"{missing:,} neither delivered nor told"


def per_guest(run):
    return (run["rss_guests_kib"] - run["rss_empty_kib"]) / 1000


def goals():
    yield Goal("p1-rate", "P1", "in process, burst of 1,000,000", "at least 1,000,000/s",
               at_least("P1", "virtmon", rate, 1_000_000, "/s"))
    yield Goal("p1-parse", "P1", "in process, of the rate of parsing alone", "at least half",
               of_sound(["P1"], half_of_parsing, "virtmon"))
    for name in ("S1-100k", "S1-1M"):
        yield Goal(f"{name.lower()}-rate", name, "a burst through the daemon",
                   "at least 500,000/s", at_least(name, "virtmond", rate, 500_000, "/s"))
        yield Goal(f"{name.lower()}-lost", name, "of it lost", "nothing", nothing_lost(name))
        yield Goal(f"{name.lower()}-cpu", name, "daemon's CPU for a delivery", "at most 1.5 µs",
                   at_most(name, "virtmond", cost, 1.5, " µs"))
    yield Goal("s1-flat", "S1, S8", "time per event, in bursts of 5,000 to 1,000,000",
               "0.8 to 1.2 times that of 100,000", flat)
    for name, bound in (("S2-1k", 0.1), ("S2-60k", 0.3), ("S2-200k", 2)):
        yield Goal(f"{name.lower()}-p99", name, "latency at a steady rate, p99",
                   f"at most {bound} ms", at_most(name, "virtmond", p99, bound, " ms"))
    for size in ("1k", "10k"):
        for kind in ("literal", "regex", "glob"):
            name = f"S3-{size}-{kind}"
            yield Goal(f"{name.lower()}", name, "deliveries/s, to S1-100k's", S1_RATE,
                       as_fast_as(name, "S1-100k"))
    for name, bound in (("S4-50", 0.6), ("S4-1000", 0.8)):
        yield Goal(f"{name.lower()}-cpu", name, "many clients: daemon's CPU for a delivery",
                   f"at most {bound} µs", at_most(name, "virtmond", cost, bound, " µs"))
    for name, text in (("S5-patterns-100k", "ten registrations"),
                       ("S5-100k", "ten equal registrations")):
        yield Goal(f"{name.lower()}-cpu", name, f"{text}: daemon's CPU for a delivery, to "
                   "S1-100k's", "no more", no_dearer_than(name, "S1-100k"))
    yield Goal("s6-memory", "S6-1M", "memory that a stalled client costs",
               f"at most {CLIENT_BOUND_MIB} MiB + 10 %",
               at_most("S6-1M", "virtmond", growth, CLIENT_BOUND_MIB * 1.1, " MiB"))
    yield Goal("s6-lost", "S6-1M", "of the healthy client's events lost", "nothing",
               nothing_lost("S6-1M"))
    yield Goal("s6-p99", "S6-1M", "healthy client's latency, p99", "as without the stalled one",
               of_sound(["S6-1M", "S6-1M-alone"], as_without))
    yield Goal("s7-rate", "S7-100k", "large events", "at least 100,000/s",
               at_least("S7-100k", "virtmond", rate, 100_000, "/s"))
    yield Goal("s9-rate", "S9-1000", "1,000 guests, 1 busy: deliveries/s, to S1-100k's",
               S1_RATE, as_fast_as("S9-1000", "S1-100k"))
    yield Goal("s9-one-lost", "S9-1000", "of it lost", "nothing", nothing_lost("S9-1000"))
    yield Goal("s9-busy-lost", "S9-busy", "1,000 guests, all at 500/s: lost", "nothing",
               nothing_lost("S9-busy"))
    for accel in ("tcg", "kvm"):
        name = f"R1-{accel}"
        yield Goal(f"{name.lower()}-all", name, "a real guest's storm: delivered", "all",
                   storm(name, all_delivered))
        yield Goal(f"{name.lower()}-quiet", name, "other guests' events meanwhile, p99",
                   "at most 2 ms", mixed(name, "quiet", 2))
    yield Goal("r2-tcg-all", "R2-tcg", "a real guest's storm to Debian's virsh: not told",
               "nothing", storm("R2-tcg", all_told))
    yield Goal("r3-told", "R3-tcg", "a real guest's storm to a reader that stalls: not told",
               "nothing", storm("R3-tcg", all_told))
    yield Goal("f1-quiet", "F1", "quiet guests' events beside a storm, p99", "at most 2 ms",
               mixed("F1", "quiet", 2))
    yield Goal("f2-quiet", "F2", "a quick client's events beside a slow one, p99",
               "at most 2 ms", mixed("F2", "quiet", 2))
    yield Goal("f3-calls", "F3", "a list of domains during a storm, p99", "at most 50 ms",
               mixed("F3", "calls", 50, LEAST_CALLS))
    yield Goal("f3-virsh-list", "F3", "`virsh list`, with its start, during a storm, p99",
               "at most 50 ms", mixed("F3", "virsh_list", 50, LEAST_CALLS))
    yield Goal("idle-wakeups", "I1000", "1,000 guests, 100 clients, idle: threads that began to "
               "run in 10 s", "none", at_most("I1000", "virtmond", lambda run: run["switches"], 0,
                                              ""))
    yield Goal("idle-memory", "I1000", "memory for each guest", "at most 20 KiB",
               at_most("I1000", "virtmond", per_guest, 20, " KiB"))


GOALS = tuple(goals())
