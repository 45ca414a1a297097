#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench's own words: scenarios, goals, and the page that is written from what it measured."""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = SOURCE / "bench"
DOCS = SOURCE / "docs"
sys.path.insert(0, str(BENCH))

import curves                       # noqa: E402
import figures                      # noqa: E402
import goals                        # noqa: E402
import report                       # noqa: E402
import run                          # noqa: E402
import scenarios                    # noqa: E402
import tables                       # noqa: E402

RUN = {"complete": True, "delivered": 1000, "lost": 0, "disordered": 0, "seconds": 0.5,
       "cpu": 0.001, "client_cpu": 0.001, "p50_us": 100, "p99_us": 200, "rss_before_kib": 1024,
       "rss_peak_kib": 3072, "stalled": None}
CUT = {**RUN, "complete": False, "delivered": 17}


def results(runs, name="S1-100k", **scenario):
    """As if this scenario alone had been run, by virtmond."""
    return figures.Results({
        "machine": {}, "options": {"runs": len(runs), "limit": 20, "full": False},
        "scenarios": {name: {"type": "Remote", "text": "a burst", "rate": 0, "count": 1000,
                             **scenario, "runs": {"virtmond": runs}}}})


def judged(name, found):
    return next(goal for goal in goals.GOALS if goal.name == name).judge(found)


def test_every_scenario_is_described():
    """In the README, by its name or as one of those that begin so; a star if only a full run has
    it."""
    readme = (BENCH / "README.md").read_text(encoding="utf-8")
    named = {}
    for first in re.findall(r"^\| ((?:[A-Z]\d+[^ |]*(?:, )?)+) \|", readme, re.MULTILINE):
        for name in first.split(", "):
            named[name.removesuffix("\\*")] = name.endswith("*")
    for one in scenarios.every():
        found = [name for name in named if name == one.name] or \
                [name for name in named if name.endswith("...") and
                 one.name.startswith(name.removesuffix("..."))]
        assert found, f"bench/README.md says nothing of {one.name}"
        assert named[found[0]] == one.full, one.name
    for name in named:
        assert any(one.name.startswith(name.removesuffix("...")) for one in scenarios.every()), name


def test_names_are_unique_and_goals_have_scenarios():
    names = [one.name for one in scenarios.every()]
    assert len(set(names)) == len(names)
    assert len({goal.name for goal in goals.GOALS}) == len(goals.GOALS)
    for goal in goals.GOALS:
        assert goal.scenario.split(", ")[0] in names, goal


@pytest.mark.parametrize("name,chosen", [
    ("s6", {"S6", "S6-alone", "S6-1M", "S6-1M-alone"}), ("S1", {"S1", "S1-100k", "S1-1M",
                                                               "S1-stock"}),
    ("S4-1", {"S4-1"}), ("r", {"R1-tcg", "R1-kvm", "R2-tcg", "R2-kvm", "R3-tcg"})])
def test_scenarios_are_chosen_by_name(name, chosen):
    assert {one.name for one in run.choose(name, False)} == chosen


def test_nothing_is_chosen_by_a_wrong_name():
    with pytest.raises(SystemExit, match="no scenario 'S77'"):
        run.choose("S77", True)


def test_a_run_that_was_cut_off_gives_no_figures():
    found = results([CUT])
    assert found.median("S1-100k", "virtmond", figures.rate) is None
    assert judged("s1-100k-rate", found)[0] is None
    assert judged("s1-100k-lost", found) == (False, "cut off")
    row = tables.remote_table(found)[1]
    assert row[3:8] == ["-"] * 5
    assert row[8] == "1 run, cut off after 20 s: 17 delivered"


def test_runs_are_shown_with_their_spread():
    found = results([{**RUN, "seconds": seconds} for seconds in (0.5, 0.25, 1)])
    row = tables.remote_table(found)[1]
    assert row[3] == "2,000 (1,000 to 4,000)"
    assert row[5] == "0.10 (0.10 to 0.10)"


@pytest.mark.parametrize("seconds,reached", [(0.002, True), (0.0021, False)])
def test_a_goal_is_reached_at_its_bound(seconds, reached):
    assert judged("s1-100k-rate", results([{**RUN, "seconds": seconds}]))[0] is reached


def test_what_is_lost_or_failed_is_said():
    words = tables.remote_table(results([{**RUN, "lost": 5, "disordered": 1}, None]))[1][8]
    assert words == "1 of 2 failed; LOST and told 5; OUT OF ORDER"
    assert judged("s1-100k-lost", results([{**RUN, "lost": 5}])) == (False, "5 lost")


def test_what_was_not_measured_is_not_judged():
    empty = figures.Results({"machine": {}, "options": {}, "scenarios": {}})
    assert {goal.judge(empty)[0] for goal in goals.GOALS} == {None}
    assert curves.render(empty) == {}


def test_curves_are_xml_with_a_mark_for_each_median():
    text = curves.render(results([RUN, {**RUN, "seconds": 2}]))["backlog"]
    root = xml.etree.ElementTree.fromstring(text)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) == 1
    assert len([one for one in root.iter() if one.get("class") == "bar c0"]) == 1


def test_the_page_is_what_is_written_from_its_figures():
    everything = json.loads((DOCS / "performance" / "bench.json").read_text(encoding="utf-8"))
    explained = report.explanations((BENCH / "explanations.md").read_text(encoding="utf-8"))
    text, drawn = report.page(figures.Results(everything),
                              (BENCH / "performance.md.in").read_text(encoding="utf-8"), explained)
    assert text == (DOCS / "performance.md").read_text(encoding="utf-8"), "make bench-report"
    assert report.compact(everything) == \
        (DOCS / "performance" / "bench.json").read_text(encoding="utf-8")
    for name, svg in drawn.items():
        assert svg == (DOCS / "performance" / f"{name}.svg").read_text(encoding="utf-8"), name


def test_no_page_is_made_of_a_part(tmp_path, monkeypatch):
    part = tmp_path / "bench.json"
    part.write_text('{"machine": {}, "options": {"scenario": "S6"}, "scenarios": {}}')
    monkeypatch.setattr(sys, "argv", ["report.py", str(part), str(tmp_path / "docs")])
    with pytest.raises(SystemExit, match="has scenario S6 alone"):
        report.main()
    assert not (tmp_path / "docs").exists()


def test_only_goals_can_be_explained():
    assert report.explanations("# Why\n\n## s6-p99\n\nBecause.\n") == {"s6-p99": "Because."}
    with pytest.raises(SystemExit, match="no-goal"):
        report.explanations("## no-goal\n\nBecause.\n")
