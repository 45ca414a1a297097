#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench's own words: scenarios, goals, and the page that is written from what it measured."""
import json
import os
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
import mixed                        # noqa: E402
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
    return results_of({name: runs}, **scenario)


def results_of(runs, **scenario):
    """The same of several, by their names."""
    return figures.Results({
        "machine": {}, "options": {"runs": 3, "limit": 20, "full": False},
        "scenarios": {name: {"type": "Remote", "text": "a burst", "rate": 0, "count": 1000,
                             **scenario, "runs": {"virtmond": runs[name]}} for name in runs}})


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
    assert judged("s1-100k-rate", found) == (False, "cut off")
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


@pytest.mark.parametrize("flaw,words", [
    ({"complete": False}, "cut off"), ({"lost": 5}, "5 lost"), ({"disordered": 1}, "out of order")])
def test_one_bad_run_spoils_every_goal_of_a_scenario(flaw, words):
    """Two others are as they should be: their median alone would reach it."""
    good = {**RUN, "seconds": 0.001}
    for runs in [good, good, {**good, **flaw}], [{**good, **flaw}, good, good]:
        for name in ("s1-100k-rate", "s1-100k-cpu", "s1-100k-lost"):
            assert judged(name, results([good] * 3))[0] is True
            assert judged(name, results(runs)) == (False, words)
        for bad in ("S1-100k", "S3-1k-glob"):
            found = results_of({"S1-100k": [good] * 3, "S3-1k-glob": [good] * 3, bad: runs})
            assert judged("s3-1k-glob", found) == (False, f"{bad}: {words}")


def test_a_run_that_failed_is_cut_off():
    assert judged("s1-100k-rate", results([RUN, None])) == (False, "cut off")


def test_the_sizes_of_bursts_are_named():
    """All that were measured, also when one of them was cut off."""
    runs = {"S1": [{**RUN, "seconds": 0.6}], "S1-100k": [RUN], "S1-1M": [RUN]}
    words = "1.20 (S1), 1.00 (S1-100k), 1.00 (S1-1M)"
    assert judged("s1-flat", results_of(runs)) == (True, words)
    runs["S8-5k"] = [{**RUN, "seconds": 0.61}]
    assert judged("s1-flat", results_of(runs)) == (False, "1.22 (S8-5k), " + words)
    runs["S8-5k"] = [CUT]
    assert judged("s1-flat", results_of(runs)) == (False, "S8-5k: cut off")


def test_what_ran_in_alternation_is_compared():
    """And not what ran in a better minute, or a worse one."""
    fast, slow = {**RUN, "seconds": 0.001}, {**RUN, "seconds": 0.002}
    found = results_of({"S1-100k": [fast] * 3, "S3-1k-glob": [slow] * 3})
    assert judged("s3-1k-glob", found) == (False, "500,000 to 1,000,000")
    found.scenarios["S3-1k-glob"]["runs"]["S1-100k"] = [slow] * 3
    assert judged("s3-1k-glob", found) == (True, "500,000 to 500,000")
    found.scenarios["S3-1k-glob"]["runs"]["S1-100k"] = [CUT] * 3
    assert judged("s3-1k-glob", found) == (False, "S1-100k: cut off")


def test_what_ran_in_alternation_has_a_row():
    found = results([RUN], "S1", beside="S1-100k")
    found.scenarios["S1"]["runs"]["S1-100k"] = [RUN]
    assert [row[:3] for row in tables.remote_table(found)[1:]] == \
        [["S1", "a burst", "virtmond"], ["S1-100k", "in alternation with S1", "virtmond"]]


def stormy(*runs, **quiet):
    """Real storms, of runs (emitted, delivered, told lost)."""
    return results([{"complete": True, "emitted": emitted,
                     "quiet": {"complete": True, "p99_us": 100, "lost": 0, **quiet},
                     "reader": {"complete": True, "delivered": delivered, "lost": lost}}
                    for emitted, delivered, lost in runs], "R3-tcg")


def test_each_storm_is_judged_by_itself():
    """One that had an event too many does not make up for another that had one too few."""
    assert judged("r3-told", stormy((100, 90, 10), (50, 50, 0)))[0] is True
    assert judged("r3-told", stormy((100, 90, 11), (50, 49, 0))) == \
        (False, "-1 neither delivered nor told")


@pytest.mark.parametrize("flaw,verdict", [
    ({}, (True, "0.10 ms")), ({"complete": False}, (False, "cut off")),
    ({"lost": 3}, (False, "3 lost")), ({"disordered": 1}, (False, "out of order"))])
def test_who_is_beside_a_storm_gets_all(flaw, verdict):
    found = stormy((100, 100, 0), **flaw)
    found.scenarios["F1"] = found.scenarios["R3-tcg"]
    assert judged("f1-quiet", found) == verdict


@pytest.mark.parametrize("count,verdict", [
    (100, (True, "10.0 ms")), (99, (None, "fewer than 100 in a run"))])
def test_a_percentile_is_of_enough(count, verdict):
    one = {"complete": True, "count": 200, "p99_us": 10_000}
    found = results([{"virsh_list": one}, {"virsh_list": {**one, "count": count}}], "F3")
    assert judged("f3-virsh-list", found) == verdict


@pytest.mark.parametrize("missing", [0, 1])
def test_calls_that_fail_are_no_quick_ones(tmp_path, missing):
    """One that fails is the last: those before it are not all that were wanted."""
    answered = 1000 // mixed.PAUSE_MS - missing
    (tmp_path / "bench").mkdir()
    program = tmp_path / "bench" / "calls"
    program.write_text(f"#!/bin/sh\necho connected; seq {answered}\n")
    program.chmod(0o755)
    calls = mixed.Calls(tmp_path, "none:///", 1, 20)
    try:
        calls.start()
        found = calls.result()
    finally:
        calls.client.close()
    assert (found["complete"], found["count"]) == (not missing, answered)


def test_a_virsh_that_does_not_answer_is_cut_off(tmp_path, monkeypatch):
    program = tmp_path / "virsh"
    program.write_text("#!/bin/sh\necho >>$COUNT\n[ $(wc -l <$COUNT) -lt 3 ] || exec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = mixed.time_virsh_list("none:///", 200, 2)
    assert (found["complete"], found["count"]) == (False, 3)


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


def test_goals_that_are_missed_are_explained():
    everything = json.loads((DOCS / "performance" / "bench.json").read_text(encoding="utf-8"))
    explained = report.explanations((BENCH / "explanations.md").read_text(encoding="utf-8"))
    found = figures.Results(everything)
    assert report.unexplained(found, explained) == []
    assert report.unexplained(found, {}) != []


def test_what_a_machine_lacks_explains_itself():
    """As guests under KVM: no word by hand is needed, and the page says what is missing."""
    found = figures.Results({"machine": {}, "options": {}, "scenarios": {
        "R1-kvm": {"type": "Mixed", "text": "", "skipped": "no /dev/kvm", "runs": {}}}})
    missed = report.missed(found)
    assert not any(goal.scenario == "R1-kvm" for goal in missed)
    assert any(goal.scenario == "R1-tcg" for goal in missed)
    assert "not measured: no /dev/kvm |" in report.goals_table(found, {})
    assert tables.mixed_table(found)[1][-1] == "not run: no /dev/kvm"


@pytest.mark.parametrize("took,words", [(None, "?"), ({"virtmond": 61.6, "libvirtd": 4}, "1:06")])
def test_the_plan_says_how_long_it_took(tmp_path, monkeypatch, took, words):
    one = {} if took is None else {"took": took}
    (tmp_path / "bench.json").write_text(json.dumps({"scenarios": {"S1": one}}))
    monkeypatch.setattr(run.machine, "SOURCE", tmp_path)
    text = run.plan(run.choose("S1", False)[:1], True, tmp_path)
    assert f"| S1 | burst of 20,000 | virtmond, libvirtd | {words} |" in text


def test_every_event_warms_up():
    """At least 200 of them, however many guests take part."""
    for one in scenarios.every():
        if hasattr(one, "busy"):
            assert scenarios.WARM_UP <= one.warm_up * one.busy < scenarios.WARM_UP + one.busy


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
