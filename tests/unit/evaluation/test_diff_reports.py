"""Two reports are compared on the rows they share."""

from collections.abc import Sequence

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.unit.evaluation.report_builders import CONFIG, LABELS, examples_of, runs_of, scored_by, task_with, wrong_after

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.diff_reports import diff_reports
from anytasktune.evaluation.scoring import report_items
from anytasktune.outputs import JsonOutput
from anytasktune.records import Language
from anytasktune.reports.terminal_diff import render_diff, render_list
from anytasktune.schema import Report, ReportItem, Task
from anytasktune.schema.report_diff import ReportDiff
from anytasktune.settings import System

CYCLE = ["租金", "押金", "other"] * 20


def measured(
    answers: dict[System, list[str]], task: Task | None = None, references: Sequence[str] = CYCLE, model: str = "tiny"
) -> tuple[Report, list[ReportItem]]:
    task, examples = task or task_with(LABELS), examples_of(references)
    scored = scored_by(task, examples, answers)
    report = task_report(task, examples, scored, runs_of(answers), CONFIG)
    created = "2026-01-02T03:04:05+00:00"
    return build_report("letters", model, [report], CONFIG, {}, "here", created), report_items(task, examples, scored)


def diff(first: tuple[Report, list[ReportItem]], second: tuple[Report, list[ReportItem]]) -> ReportDiff:
    return diff_reports(first[0], second[0], (first[1], second[1]))


def test_a_system_is_compared_with_itself_in_the_other_report_on_the_same_rows() -> None:
    before = measured({"base": wrong_after(CYCLE, 20, "other"), "tuned": wrong_after(CYCLE, 30, "x")})
    after = measured({"base": wrong_after(CYCLE, 20, "other"), "tuned": wrong_after(CYCLE, 55, "x")}, model="larger")
    base, tuned = diff(before, after).systems
    assert base.comparison is not None
    assert (base.comparison.difference.value, base.comparison.verdict) == (0, "inconclusive")
    assert tuned.comparison is not None
    assert tuned.comparison.difference.value == pytest.approx(25 / 60)
    assert tuned.comparison.verdict == "better"
    assert tuned.improved == [item.id for item in before[1][30:55]]
    assert tuned.worsened == []
    assert [(fact.name, fact.first, fact.second) for fact in diff(before, after).changed] == [("model", "tiny", "larger")]


def test_the_other_way_round_everything_is_reversed() -> None:
    before = measured({"tuned": wrong_after(CYCLE, 30, "x")})
    after = measured({"tuned": wrong_after(CYCLE, 55, "x")})
    (there,), (back,) = diff(before, after).systems, diff(after, before).systems
    assert there.comparison is not None
    assert back.comparison is not None
    assert back.comparison.difference.value == -there.comparison.difference.value
    assert back.comparison.verdict == "worse"
    assert back.worsened == there.improved


def test_only_rows_of_both_are_compared() -> None:
    before = measured({"tuned": wrong_after(CYCLE[:40], 20, "x")}, references=CYCLE[:40])
    (found,) = diff(before, measured({"tuned": CYCLE})).systems
    assert (found.rows, found.first, found.second) == (40, 0.5, 1.0)
    other = measured({"tuned": ["other"] * 4}, references=["other"] * 4)
    (found,) = diff(measured({"tuned": ["租金"] * 4}, references=["租金"] * 4), other).systems
    assert (found.rows, found.comparison, found.why_not) == (0, None, "other_rows")


def test_answers_of_another_kind_are_not_compared() -> None:
    objects = ['{"a": 1}'] * 60
    other = measured({"tuned": objects}, task_with(JsonOutput(kind="json")), objects)
    (found,) = diff(measured({"tuned": CYCLE}), other).systems
    assert (found.comparison, found.why_not) == (None, "other_task")


def test_systems_of_one_report_only_are_named() -> None:
    found = diff(measured({"base": CYCLE, "tuned": CYCLE}), measured({"few_shot": CYCLE, "tuned": CYCLE}))
    assert found.only_first == ["topic/base"]
    assert found.only_second == ["topic/few_shot"]


@pytest.mark.parametrize(("language", "said"), [("en", "better on 25 rows, worse on 0"), ("zh", "25 条变好，0 条变差")])
def test_the_terminal_shows_scores_tests_and_what_changed(language: Language, said: str) -> None:
    before = measured({"base": CYCLE, "tuned": wrong_after(CYCLE, 30, "x")})
    after = measured({"tuned": wrong_after(CYCLE, 55, "x")}, model="larger")
    console = Console(width=80)
    with console.capture() as capture:
        console.print(render_diff(diff(before, after), language), render_list([before[0], after[0]], after[0].id, language))
    lines = capture.get().splitlines()
    assert max(map(cell_len, lines)) <= 80
    for expected in ("tiny → larger", "▲ +0.417", said, "topic/base", f"● {after[0].id}"):
        assert any(expected in line for line in lines)
