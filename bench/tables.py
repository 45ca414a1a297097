# SPDX-License-Identifier: LGPL-2.1-or-later
"""Markdown tables of what was measured."""
import statistics

from figures import cost, growth, p50, p99, rate, rounded, spread, thousands
from goals import GOALS

SUBJECTS = ("virtmond", "libvirtd")
LIMITS = {"relay": "limit: raw relay", "parse": "limit: yajl parses the stream",
          "both": "limit: yajl parses each line, a write for each"}


def text_of(table):
    head, *rows = table
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def cut_off(results, runs):
    """How many runs did not end, and what had come; empty if all did."""
    failed = sum(run is None for run in runs)
    cut = [run for run in runs if run and not run["complete"]]
    words = [f"{failed} of {len(runs)} failed"] if failed else []
    if cut:
        limit = results.options["limit"]
        came = [run["delivered"] for run in cut if "delivered" in run]
        words.append((f"{len(runs)} run{'s' if len(runs) > 1 else ''}, "
                      if len(cut) == len(runs) else f"{len(cut)} of {len(runs)} ")
                     + f"cut off after {limit} s"
                     + (f": {spread(came, thousands)} delivered" if came else ""))
    return "; ".join(words)


def flaws(runs):
    words = []
    if any(run["lost"] for run in runs):
        words.append("LOST and told " + thousands(max(run["lost"] for run in runs)))
    if any(run["disordered"] for run in runs):
        words.append("OUT OF ORDER")
    return words


# --- in process ---

def local_table(results):
    table = [["scenario", "what", "events/s", "CPU µs/event", "p99 ms", "peak MiB", "notes"]]
    for name, scenario in results.scenarios.items():
        if scenario["type"] != "Local":
            continue
        for subject, runs in scenario["runs"].items():
            good = results.complete(name, subject)
            own = subject == "virtmon"
            notes = [cut_off(results, runs)] + flaws(good)
            table.append([
                name, scenario["text"] if own else LIMITS[subject],
                spread(results.values(name, subject, rate), thousands),
                spread(results.values(name, subject, cost), rounded),
                spread([p99(run) for run in good], rounded) if own else "",
                spread([run["rss_peak_kib"] / 1024 for run in good], thousands) if own else "",
                "; ".join(filter(None, notes))])
    return table


# --- remote ---

def stalled_words(runs):
    one = next((run["stalled"] for run in runs if run["stalled"]), None)
    if not one:
        return ""
    return f"the stalled one got {one['delivered']:,}, was told of {one['lost']:,} lost"


def ratio(results, name, paced):
    """virtmond's rate to libvirtd's, libvirtd's CPU to virtmond's, where both ended."""
    words = []
    for better, worse, figure, text in (("virtmond", "libvirtd", rate, "rate"),
                                        ("libvirtd", "virtmond", cost, "CPU")):
        high, low = results.median(name, better, figure), results.median(name, worse, figure)
        if high and low and not (paced and figure is rate):
            words.append(f"{text} {high / low:.1f}")
    return ", ".join(words)


def remote_table(results):
    table = [["scenario", "what", "daemon", "deliveries/s", "daemon's CPU µs/delivery", "p50 ms",
              "p99 ms", "memory grows by MiB", "notes", "virtmond : libvirtd"]]
    for name, scenario in results.scenarios.items():
        if scenario["type"] != "Remote":
            continue
        for subject, runs in scenario["runs"].items():
            good = results.complete(name, subject)
            notes = [cut_off(results, runs), *flaws(good), stalled_words(good)]
            paced = scenario["rate"] > 0
            rates = results.values(name, subject, rate)
            beside = subject == scenario.get("beside")
            table.append([
                subject if beside else name,
                f"in alternation with {name}" if beside else scenario["text"],
                "virtmond" if beside else subject,
                ("all" if rates else "-") if paced else spread(rates, thousands),
                spread(results.values(name, subject, cost), rounded),
                spread([p50(run) for run in good], rounded),
                spread([p99(run) for run in good], rounded),
                spread([growth(run) for run in good], rounded),
                "; ".join(filter(None, notes)),
                ratio(results, name, paced) if subject == "virtmond" else ""])
    return table


# --- idle ---

def idle_table(results):
    table = [["scenario", "what", "daemon", "threads that began to run", "CPU ms",
              "RSS without guests, MiB", "KiB for each guest", "KiB for each client"]]
    for name, scenario in results.scenarios.items():
        if scenario["type"] != "Idle":
            continue
        for subject, runs in scenario["runs"].items():
            good = results.complete(name, subject)
            table.append([
                name, f"{scenario['text']}, {scenario['seconds']} s", subject,
                spread([run["switches"] for run in good], thousands),
                spread([run["cpu"] * 1000 for run in good], rounded),
                spread([run["rss_empty_kib"] / 1024 for run in good], rounded),
                spread([(run["rss_guests_kib"] - run["rss_empty_kib"]) / scenario["guests"]
                        for run in good], rounded),
                spread([(run["rss_clients_kib"] - run["rss_guests_kib"]) / scenario["clients"]
                        for run in good], rounded)])
    return table


# --- storms ---

def pair(runs, key):
    """p50 and p99 in milliseconds of those that ended, or how many had not."""
    asked = [run[key] for run in runs if run and run[key]]
    if not asked:
        return "-"
    ended = [one for one in asked if one["complete"]]
    if not ended:
        count = statistics.median(one.get("delivered", one.get("count", 0)) for one in asked)
        longest = max(one.get("max_us", 0) for one in asked) / 1e6
        return f"cut off: {thousands(count)}" + (f", one after {longest:.0f} s" if longest else "")
    return ", ".join(spread([one[part] / 1000 for one in ended], rounded)
                     for part in ("p50_us", "p99_us"))


def reader_words(runs):
    """What became of the storm's events: of each run, as no two storms are alike."""
    words = []
    for run in runs:
        if not run or run["emitted"] is None:
            continue
        reader = run["reader"] or {"delivered": 0, "lost": 0}
        missing = run["emitted"] - reader["delivered"] - reader["lost"]
        words.append(f"{run['emitted']:,}: {reader['delivered']:,} delivered"
                     + (f", {reader['lost']:,} told lost" if reader["lost"] else "")
                     + (f", {missing:,} not" if missing else ""))
    return "; ".join(words) or "-"


def mixed_table(results):
    table = [["scenario", "what", "daemon", "quiet guests' events: p50, p99 ms",
              "calls: p50, p99 ms", "`virsh list`: p50, p99 ms", "the storm's events",
              "memory grows by MiB", "notes"]]
    for name, scenario in results.scenarios.items():
        if scenario["type"] != "Mixed":
            continue
        if results.skipped(name):
            table.append([name, scenario["text"], "-", "-", "-", "-", "-", "-",
                          f"not run: {results.skipped(name)}"])
        for subject, runs in scenario["runs"].items():
            storms = [run["emitted"] / run["seconds"] for run in runs if run and run["emitted"]]
            notes = [cut_off(results, runs)]
            if storms:
                notes.append(f"{spread(storms, thousands)} emitted/s")
            table.append([
                name, scenario["text"], subject, pair(runs, "quiet"), pair(runs, "calls"),
                pair(runs, "virsh_list"), reader_words(runs),
                spread([growth(run) for run in runs if run], rounded),
                "; ".join(filter(None, notes))])
    return table


# --- goals ---

def goal_rows(results):
    """Each goal, what was measured, and whether it is reached; None if it wasn't measured."""
    for goal in GOALS:
        reached, measured = goal.judge(results)
        yield goal, measured, reached


def goals_table(results):
    """Of what was measured."""
    table = [["scenario", "goal", "at", "measured", ""]]
    for goal, measured, reached in goal_rows(results):
        if reached is not None:
            table.append([goal.scenario, goal.text, goal.bound, measured,
                          "reached" if reached else "**not reached**"])
    return table


# --- what it took to measure ---

def time_table(results):
    """Minutes and seconds of all runs of a scenario, with what starts and ends them."""
    table = [["scenario", "virtmon", "libvirtd", "until then"]]
    total = 0
    for name, scenario in results.scenarios.items():
        took = scenario.get("took")
        if not took:
            continue
        total += sum(took.values())
        own = sum(seconds for subject, seconds in took.items() if subject != "libvirtd")
        table.append([name, clock(own), clock(took["libvirtd"]) if "libvirtd" in took else "",
                      clock(total)])
    return table


def clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"


TABLES = (("In process", local_table), ("Through a daemon", remote_table), ("Idle", idle_table),
          ("Storms and everybody else", mixed_table), ("Goals", goals_table),
          ("What it took", time_table))


def document(results):
    """All tables that have something in them, with headings."""
    parts = []
    for heading, make in TABLES:
        table = make(results)
        if len(table) > 1:
            parts.append(f"## {heading}\n\n{text_of(table)}")
    return "\n".join(parts)


def machine_text(results):
    """What the figures depend on, in one paragraph."""
    one = results.machine
    return (f"{one['date']}; {one['processor']}, {one['cores']} cores, {one['memory']}, "
            f"{one['host']}; load before it {one['load']}; kernel {one['kernel']}; "
            f"virtmon {one['virtmon']}, build type {one['buildtype']}, gcc {one['gcc']}, "
            f"GLib {one['glib']}, yajl {one['yajl']}; libvirt {one['libvirt']}, "
            f"QEMU {one['qemu']}")
